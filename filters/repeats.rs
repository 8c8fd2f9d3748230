//! Finds what occurs more than once in a document: lines, paragraphs and n-grams of words.
//!
//! n-grams are never written out or hashed. Each word gets an id, the place where it stood first; an n-gram is then
//! known by the ids of the two (n-1)-grams that it begins and ends with, so its own id comes from a table of such
//! pairs. An n-gram that repeats is made of two that repeat, so each step looks only at places where the step before
//! found a repetition: in ordinary text nearly all work is done after the pairs of words, and equality is exact
//! (but for a collision of the words' 64-bit hashes).

mod sketch;

use sketch::Sketch;

pub use sketch::Bounds;

/// Tables for counting; they keep their memory from document to document.
#[derive(Debug, Default)]
pub struct Repeats {
    sketch: Sketch,
    table: Table,
    n: usize,
    /// For each place, the first place of the same n-gram; `UNIQUE` where it occurs once.
    firsts: Vec<u32>,
    /// For each first place, how often the n-gram occurs; elsewhere left over from before.
    counts: Vec<u32>,
    /// How many places hold an n-gram that repeats.
    repeating: usize,
    top: Option<TopGram>,
    seen: Vec<bool>,
}

/// How many things there are, and what the second and later occurrences amount to.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Duplicates {
    /// All occurrences.
    pub total: u64,
    /// Occurrences after the first.
    pub repeated: u64,
    /// Characters in the occurrences after the first.
    pub repeated_chars: u64,
}

/// The n-gram that occurs most often; of several, the one that stands first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TopGram {
    /// Index of its first word.
    pub first: usize,
    /// How often it occurs.
    pub count: u64,
}

const UNIQUE: u32 = u32::MAX;

impl Repeats {
    /// Counts the second and later occurrences among at most `n` things, each a hash and a length in characters.
    pub fn duplicates(&mut self, n: usize, things: impl Iterator<Item = (u64, u32)>) -> Duplicates {
        self.table.reset(n);
        let mut found = Duplicates::default();
        for (at, (hash, chars)) in things.enumerate() {
            let at = at as u32;
            found.total += 1;
            if self.table.first(hash, at) != at {
                found.repeated += 1;
                found.repeated_chars += u64::from(chars);
            }
        }
        found
    }

    /// Bounds what n-grams amount to, given hash and characters of each word; far cheaper than to count them.
    pub fn bounds(&mut self, words: impl ExactSizeIterator<Item = (u64, u32)>) -> Bounds {
        self.sketch.bounds(words)
    }

    /// Starts with the 1-grams of a document, given the hash of each word.
    pub fn start(&mut self, hashes: impl ExactSizeIterator<Item = u64>) {
        self.n = 1;
        self.firsts.clear();
        self.firsts.resize(hashes.len(), UNIQUE);
        self.counts.resize(hashes.len(), 0);
        self.table.reset(hashes.len());
        self.top = None;
        for (at, hash) in hashes.enumerate() {
            self.count(hash, at);
        }
        self.forget_unique();
    }

    /// Goes on from n-grams to (n+1)-grams.
    pub fn lengthen(&mut self) {
        self.n += 1;
        self.top = None;
        if self.repeating == 0 {
            self.firsts.pop();
            return;
        }
        self.table.reset(self.repeating);
        for at in 1..self.firsts.len() {
            let (head, tail) = (self.firsts[at - 1], self.firsts[at]);
            if head != UNIQUE && tail != UNIQUE {
                self.count(u64::from(head) << 32 | u64::from(tail), at - 1);
            } else {
                self.firsts[at - 1] = UNIQUE;
            }
        }
        self.firsts.pop();
        self.forget_unique();
    }

    /// Returns the n-gram that occurs most often, or `None` if the document is shorter than n words.
    pub fn top(&self) -> Option<TopGram> {
        let alone = (!self.firsts.is_empty()).then_some(TopGram { first: 0, count: 1 });
        self.top.or(alone)
    }

    /// Returns the characters in n-grams that stood before, as Gopher counts them: after such an n-gram the walk goes
    /// on behind it, so that no word counts twice. `chars_of` gives the characters of a range of words.
    pub fn repeated_chars(&mut self, chars_of: impl Fn(std::ops::Range<usize>) -> u64) -> u64 {
        if self.repeating == 0 {
            return 0;
        }
        self.seen.clear();
        self.seen.resize(self.firsts.len(), false);
        let (mut chars, mut at) = (0, 0);
        while let Some(&first) = self.firsts.get(at) {
            if first == UNIQUE {
                at += 1;
            } else if std::mem::replace(&mut self.seen[first as usize], true) {
                chars += chars_of(at..at + self.n);
                at += self.n;
            } else {
                at += 1;
            }
        }
        chars
    }

    /// Returns the characters of all words that stand in an n-gram which occurs more than once, each word counted once.
    pub fn covered_chars(&self, chars_of: impl Fn(std::ops::Range<usize>) -> u64) -> u64 {
        let (mut chars, mut end) = (0, 0);
        if self.repeating == 0 {
            return 0;
        }
        for (at, &first) in self.firsts.iter().enumerate() {
            if first != UNIQUE {
                chars += chars_of(end.max(at)..at + self.n);
                end = at + self.n;
            }
        }
        chars
    }

    fn count(&mut self, key: u64, at: usize) {
        let first = self.table.first(key, at as u32);
        self.firsts[at] = first;
        let first = first as usize;
        if first == at {
            self.counts[at] = 1;
            return;
        }
        self.counts[first] += 1;
        let count = u64::from(self.counts[first]);
        let beats = |top: TopGram| count > top.count || count == top.count && first < top.first;
        if self.top.is_none_or(beats) {
            self.top = Some(TopGram { first, count });
        }
    }

    fn forget_unique(&mut self) {
        self.repeating = 0;
        for (at, first) in self.firsts.iter_mut().enumerate() {
            if *first as usize == at && self.counts[at] == 1 {
                *first = UNIQUE;
            }
            self.repeating += usize::from(*first != UNIQUE);
        }
    }
}

/// Remembers where each key stood first: open addressing, at most half full.
#[derive(Debug, Default)]
struct Table {
    slots: Vec<Slot>,
    /// 64 - log2 of the number of slots.
    shift: u32,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    key: u64,
    first: u32,
}

const EMPTY: Slot = Slot { key: 0, first: UNIQUE };

impl Table {
    /// Empties the table and makes room for `n` keys.
    fn reset(&mut self, n: usize) {
        let n_slots = (2 * n).next_power_of_two().max(2);
        self.shift = 64 - n_slots.trailing_zeros();
        self.slots.clear();
        self.slots.resize(n_slots, EMPTY);
    }

    /// Returns the place of the first call with this key, which is `at` for the first call itself.
    fn first(&mut self, key: u64, at: u32) -> u32 {
        // Pairs of ids differ in few bits: a folded multiplication spreads them over the top ones.
        let product = u128::from(key ^ 0x9E37_79B9_7F4A_7C15) * 0xD6E8_FEB8_6659_FD93;
        let mixed = product as u64 ^ (product >> 64) as u64;
        let mask = self.slots.len() - 1;
        let mut at_slot = (mixed >> self.shift) as usize & mask;
        loop {
            let slot = &mut self.slots[at_slot];
            if slot.first == UNIQUE {
                *slot = Slot { key, first: at };
                return at;
            }
            if slot.key == key {
                return slot.first;
            }
            at_slot = (at_slot + 1) & mask;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    /// Counts n-grams as the definition says, with a map of whole n-grams.
    fn naive_top(words: &[u8], n: usize) -> Option<TopGram> {
        let mut grams: HashMap<&[u8], TopGram> = HashMap::new();
        for (first, gram) in words.windows(n).enumerate() {
            grams.entry(gram).or_insert(TopGram { first, count: 0 }).count += 1;
        }
        grams.into_values().max_by_key(|top| (top.count, std::cmp::Reverse(top.first)))
    }

    fn naive_repeated(words: &[u8], n: usize) -> u64 {
        let (mut seen, mut at, mut repeated) = (Vec::new(), 0, 0);
        while at + n <= words.len() {
            let gram = &words[at..at + n];
            if seen.contains(&gram) {
                repeated += n as u64;
                at += n;
            } else {
                seen.push(gram);
                at += 1;
            }
        }
        repeated
    }

    fn naive_covered(words: &[u8], n: usize) -> u64 {
        let mut covered = vec![false; words.len()];
        for at in 0..(words.len() + 1).saturating_sub(n) {
            let gram = &words[at..at + n];
            if words.windows(n).filter(|other| *other == gram).count() > 1 {
                covered[at..at + n].fill(true);
            }
        }
        covered.into_iter().filter(|&is_covered| is_covered).count() as u64
    }

    proptest! {
        #[test]
        fn counts_as_the_definition_does(words in prop::collection::vec(0u8..4, 0..60)) {
            let mut repeats = Repeats::default();
            repeats.start(words.iter().map(|&word| u64::from(word)));
            for n in 1..=10 {
                prop_assert_eq!(repeats.top(), naive_top(&words, n), "top {}-gram", n);
                let repeated = repeats.repeated_chars(|range| range.len() as u64);
                prop_assert_eq!(repeated, naive_repeated(&words, n), "repeated {}-grams", n);
                let covered = repeats.covered_chars(|range| range.len() as u64);
                prop_assert_eq!(covered, naive_covered(&words, n), "covered by {}-grams", n);
                repeats.lengthen();
            }
        }
    }

    proptest! {
        #[test]
        fn bounds_are_never_below_what_is_counted(
            words in prop::collection::vec((0u8..6).prop_map(|word| word * 40), 0..200),
            bits in 1u32..64,
        ) {
            // Hashes of few bits collide, as those of a long document do in the tables.
            let hash = |word: u8| u64::from(word).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - bits);
            let chars = |range: std::ops::Range<usize>| -> u64 {
                words[range].iter().map(|&word| u64::from(word)).sum()
            };
            let mut repeats = Repeats::default();
            let bounds = repeats.bounds(words.iter().map(|&word| (hash(word), u32::from(word))));
            repeats.start(words.iter().map(|&word| u64::from(word)));
            for n in 2..=10 {
                repeats.lengthen();
                if n < 5 {
                    let top = repeats.top().map_or(0, |top| {
                        (chars(top.first..top.first + n) + n as u64 - 1) * top.count
                    });
                    prop_assert!(top <= bounds.top(n), "{} {}-grams, at most {}", top, n, bounds.top(n));
                } else {
                    let repeated = repeats.repeated_chars(chars);
                    let bound = bounds.repeated(n);
                    prop_assert!(repeated <= bound, "{} {}-grams, at most {}", repeated, n, bound);
                }
            }
        }
    }

    #[test]
    fn duplicates_leave_out_the_first_of_each() {
        let mut repeats = Repeats::default();
        let lines = [(7, 10), (8, 5), (7, 10), (7, 10)];
        let found = repeats.duplicates(4, lines.into_iter());
        assert_eq!(found, Duplicates { total: 4, repeated: 2, repeated_chars: 20 });
    }
}
