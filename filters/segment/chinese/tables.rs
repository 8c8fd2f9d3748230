//! jieba's dictionary and the emissions of its model, as tables that are used where they lie in the program.
//!
//! Nothing is built or copied when the program starts. `examples/chinese_tables.rs` makes the four files:
//!
//! | file | holds |
//! |---|---|
//! | `codes.bin` | for each code point from U+4E00 to U+9FFF the character's number (`u16`); 0 for one that neither the dictionary nor the model looks at |
//! | `slots.bin` | the words as a double-array trie over numbers, 6 bytes a slot |
//! | `scores.bin` | the logarithm of each relative frequency that a word has (`f64`); the first is that of a character without an entry |
//! | `emissions.bin` | for each number the logarithms of the emissions of begin, end, middle and single, in millionths (4 `i32`) |
//!
//! All numbers are little-endian. A slot holds, from the lowest bit, the number of its character (14 bits), the index of
//! the score of the word that ends here or 0 (14), and the base of its children or 0 (20). The child with number n of a
//! node is in slot base + n if that slot holds the number n: no two nodes have the same base, and none has base 0.

static CODES: &[[u8; 2]] = include_bytes!("codes.bin").as_chunks().0;
static SLOTS: &[[u8; 6]] = include_bytes!("slots.bin").as_chunks().0;
static SCORES: &[[u8; 8]] = include_bytes!("scores.bin").as_chunks().0;
static EMISSIONS: &[[[u8; 4]; 4]] = include_bytes!("emissions.bin").as_chunks().0.as_chunks().0;

const FIRST_CODE: u32 = 0x4E00;
const FIELD: u64 = (1 << 14) - 1;

/// The emission of a character that the model does not know, as in jieba: so large that sums keep nothing of the rest.
pub(super) const NEVER: f64 = -3.14e100;

/// Returns the number of a character, or 0 if neither the dictionary nor the model looks at it.
pub(super) fn number(char: char) -> u16 {
    let at = (char as u32).wrapping_sub(FIRST_CODE) as usize;
    CODES.get(at).map_or(0, |&bytes| u16::from_le_bytes(bytes))
}

/// Returns the score of a character that is no word of the dictionary.
pub(super) fn lowest_score() -> f64 {
    score(0)
}

/// Returns the logarithms of the emissions of a character: begin, end, middle, single.
pub(super) fn emissions(number: u16) -> [f64; 4] {
    // The division gives the number as jieba's file spells it: both are the double that is nearest to the decimal.
    EMISSIONS.get(usize::from(number)).map_or([NEVER; 4], |states| {
        states.map(|bytes| match i32::from_le_bytes(bytes) {
            i32::MIN => NEVER,
            millionths => f64::from(millionths) / 1e6,
        })
    })
}

/// Returns whether the dictionary has a word.
pub(super) fn has_word(numbers: &[u16]) -> bool {
    let whole = numbers.iter().try_fold(Prefix::EMPTY, |prefix, &number| prefix.then(number));
    whole.is_some_and(|prefix| prefix.score().is_some())
}

/// A prefix of a word.
#[derive(Debug, Clone, Copy)]
pub(super) struct Prefix {
    base: u32,
    score: u16,
}

impl Prefix {
    /// The prefix of all words.
    pub(super) const EMPTY: Prefix = Prefix { base: 1, score: 0 };

    /// Returns the prefix that is one character longer, unless no word begins with it.
    #[inline]
    pub(super) fn then(self, number: u16) -> Option<Prefix> {
        let at = self.base as usize + usize::from(number);
        let &[a, b, c, d, e, f] = SLOTS.get(at)?;
        let slot = u64::from_le_bytes([a, b, c, d, e, f, 0, 0]);
        // An empty slot has the number 0, which belongs to no character of a word.
        (slot & FIELD == u64::from(number) && number != 0)
            .then_some(Prefix { base: (slot >> 28) as u32, score: (slot >> 14 & FIELD) as u16 })
    }

    /// Returns whether a longer word begins with this one.
    #[inline]
    pub(super) fn is_open(self) -> bool {
        self.base != 0
    }

    /// Returns the logarithm of the relative frequency if this is a word.
    #[inline]
    pub(super) fn score(self) -> Option<f64> {
        (self.score != 0).then(|| score(self.score))
    }
}

#[inline]
fn score(index: u16) -> f64 {
    SCORES.get(usize::from(index)).map_or(f64::NEG_INFINITY, |&bytes| f64::from_le_bytes(bytes))
}

/// Returns the words of the dictionary in the order of their numbers.
#[cfg(test)]
pub(super) fn list_words() -> Vec<String> {
    use std::collections::BTreeMap;

    let chars: BTreeMap<u16, char> =
        ('\u{4E00}'..='\u{9FFF}').map(|char| (number(char), char)).collect();
    let mut children: BTreeMap<usize, Vec<u16>> = BTreeMap::new();
    for (at, slot) in SLOTS.iter().enumerate() {
        let number = (u64::from(u16::from_le_bytes([slot[0], slot[1]])) & FIELD) as u16;
        if number != 0 {
            children.entry(at - usize::from(number)).or_default().push(number);
        }
    }
    let mut words = Vec::new();
    let mut open = vec![(String::new(), Prefix::EMPTY)];
    while let Some((text, prefix)) = open.pop() {
        if prefix.score().is_some() {
            words.push(text.clone());
        }
        for number in children.get(&(prefix.base as usize)).into_iter().flatten().rev() {
            let longer = format!("{text}{}", chars[number]);
            open.push((longer, prefix.then(*number).unwrap()));
        }
    }
    words
}
