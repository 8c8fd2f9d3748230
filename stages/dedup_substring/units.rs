//! What the length of a repeat is counted in: words or characters.
//!
//! A *word* is one Han character, kana or Hangul syllable, or a maximal run of letters, digits and combining marks of all
//! other scripts, as in `dedup_minhash`, but as it is written: nothing is lower-cased. A *character* is a Unicode scalar
//! value. The cut knows no language and needs no vocabulary.
//!
//! A *window* is `length` units in a row, from the first byte of the first to the last byte of the last, with all that
//! stands between them. The units inside a window follow from its text alone, so equal windows are cut equally wherever
//! they stand.

use std::collections::VecDeque;

use xxhash_rust::xxh3::xxh3_64;

use crate::dedup_minhash::letters::Letter;

/// What units are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Measure {
    /// Words: what stands between two of them belongs to neither.
    Words,
    /// Characters.
    Chars,
}

/// One unit of a text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Unit {
    /// A number that equal units share.
    pub(super) code: u64,
    /// Its first byte.
    pub(super) start: usize,
    /// The byte behind its last.
    pub(super) end: usize,
}

impl Measure {
    /// Visits the units of a text in order.
    pub(super) fn each(self, text: &str, mut visit: impl FnMut(Unit)) {
        match self {
            Measure::Chars => text.char_indices().for_each(|(start, char)| {
                visit(Unit { code: u64::from(char) + 1, start, end: start + char.len_utf8() });
            }),
            Measure::Words => each_word(text, visit),
        }
    }

    /// Returns the least bytes that a unit and what follows it take.
    pub(super) fn least_bytes(self) -> f64 {
        match self {
            Measure::Words => 2.0,
            Measure::Chars => 1.0,
        }
    }

    /// Returns the bytes that a unit and what follows it take in English.
    pub(super) fn usual_bytes(self) -> f64 {
        match self {
            Measure::Words => 6.0,
            Measure::Chars => 1.0,
        }
    }

    /// Visits each window of `length` units, as its first byte and the byte behind its last.
    pub(super) fn each_window(
        self,
        text: &str,
        length: usize,
        mut visit: impl FnMut(usize, usize),
    ) {
        let mut starts = VecDeque::with_capacity(length);
        self.each(text, |unit| {
            if starts.len() == length {
                starts.pop_front();
            }
            starts.push_back(unit.start);
            if starts.len() == length {
                visit(starts[0], unit.end);
            }
        });
    }
}

fn each_word(text: &str, mut visit: impl FnMut(Unit)) {
    let word = |start: usize, end: usize| {
        let code = xxh3_64(&text.as_bytes()[start..end]);
        Unit { code, start, end }
    };
    let mut begun = None;
    for (at, char) in text.char_indices() {
        let is_alone = match Letter::of(char) {
            Letter::Lower(_) | Letter::Other => {
                begun.get_or_insert(at);
                continue;
            }
            letter => letter == Letter::Alone,
        };
        if let Some(start) = begun.take() {
            visit(word(start, at));
        }
        if is_alone {
            visit(word(at, at + char.len_utf8()));
        }
    }
    if let Some(start) = begun {
        visit(word(start, text.len()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(measure: Measure, text: &str) -> Vec<String> {
        let mut units = Vec::new();
        measure.each(text, |unit| units.push(text.get(unit.start..unit.end).unwrap().to_owned()));
        units
    }

    #[test]
    fn words_are_runs_of_letters_and_single_han_characters() {
        let text = "  Don't: 清洗data, na\u{308}ive\r\n";
        let expected = ["Don", "t", "清", "洗", "data", "na\u{308}ive"];
        assert_eq!(units(Measure::Words, text), expected);
        assert!(units(Measure::Words, " -- \n").is_empty());
        assert_eq!(units(Measure::Chars, "a\u{308}清"), ["a", "\u{308}", "清"]);
    }

    #[test]
    fn case_tells_words_apart() {
        let mut codes = Vec::new();
        Measure::Words.each("the The the", |unit| codes.push(unit.code));
        assert!(codes[0] == codes[2] && codes[0] != codes[1]);
    }

    #[test]
    fn windows_begin_and_end_with_a_unit() {
        let text = ". a b, c ";
        let mut windows = Vec::new();
        Measure::Words
            .each_window(text, 2, |start, end| windows.push(text.get(start..end).unwrap()));
        assert_eq!(windows, ["a b", "b, c"]);
        Measure::Words.each_window(text, 4, |_, _| panic!("there are three words"));
    }
}
