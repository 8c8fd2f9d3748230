//! Words of a text: their hashes, and where they stand.
//!
//! Words are those of `dedup_minhash`: a run of letters and digits, lower-cased, or one Han character, kana or
//! Hangul syllable; punctuation and white space are no part of any. Most text is cut by the fast cutter there. Text
//! that may hold characters which are words by themselves is cut here, since only here it is known which they are;
//! and so is a text of which places are wanted.

use std::iter::Peekable;
use std::str::CharIndices;

use crate::dedup_minhash::{Letter, hash_bytes, hash_words};

/// The words of a text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Cut {
    /// The hash of each word.
    pub(super) hashes: Vec<u64>,
    /// For each word whether it is one character by itself; empty if none is.
    pub(super) alone: Vec<bool>,
}

impl Cut {
    /// Returns the words of a text.
    pub(super) fn of(text: &str) -> Cut {
        let mut cut = Cut::default();
        cut.read(text);
        cut
    }

    /// Puts the words of a text in place of those before.
    pub(super) fn read(&mut self, text: &str) {
        self.hashes.clear();
        self.alone.clear();
        if may_hold_alone(text.as_bytes()) {
            for word in Words::new(text) {
                self.hashes.push(word.hash);
                self.alone.push(word.alone);
            }
        } else {
            hash_words(text, &mut self.hashes);
        }
    }

    /// Says whether a word is one character by itself.
    pub(super) fn is_alone(&self, word: usize) -> bool {
        self.alone.get(word).copied().unwrap_or(false)
    }
}

/// Says whether a text may hold a character that is a word by itself: all of them are U+3005 or above, and no character
/// below U+3000 has a byte of 0xE3 or more.
fn may_hold_alone(text: &[u8]) -> bool {
    let highest = |chunk: &[u8]| chunk.iter().fold(0, |highest, &byte| byte.max(highest));
    text.chunks(256).any(|chunk| highest(chunk) >= 0xE3)
}

/// One word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Word {
    /// Its first byte.
    pub(super) start: usize,
    /// The byte behind it.
    pub(super) end: usize,
    /// What `hash_words` has for it.
    pub(super) hash: u64,
    /// Whether it is one character by itself.
    pub(super) alone: bool,
}

/// Goes through the words of a text.
pub(super) struct Words<'a> {
    chars: Peekable<CharIndices<'a>>,
    lower: Vec<u8>,
}

impl<'a> Words<'a> {
    /// Begins at the beginning.
    pub(super) fn new(text: &'a str) -> Words<'a> {
        Words { chars: text.char_indices().peekable(), lower: Vec::new() }
    }

    fn push(&mut self, lower: char) {
        self.lower.extend_from_slice(lower.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

impl Iterator for Words<'_> {
    type Item = Word;

    fn next(&mut self) -> Option<Word> {
        self.lower.clear();
        let mut range: Option<(usize, usize)> = None;
        while let Some(&(at, char)) = self.chars.peek() {
            let next = at + char.len_utf8();
            match Letter::of(char) {
                Letter::None | Letter::Alone if range.is_some() => break,
                Letter::None => {}
                Letter::Alone => {
                    self.chars.next();
                    self.push(char);
                    let hash = hash_bytes(&self.lower, 0);
                    return Some(Word { start: at, end: next, hash, alone: true });
                }
                Letter::Lower(lower) => {
                    self.push(lower);
                    range.get_or_insert((at, next)).1 = next;
                }
                Letter::Other => {
                    char.to_lowercase().for_each(|lower| self.push(lower));
                    range.get_or_insert((at, next)).1 = next;
                }
            }
            self.chars.next();
        }
        let (start, end) = range?;
        Some(Word { start, end, hash: hash_bytes(&self.lower, 0), alone: false })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str) {
        let mut fast = Vec::new();
        hash_words(text, &mut fast);
        let slow: Vec<_> = Words::new(text).collect();
        assert_eq!(slow.iter().map(|word| word.hash).collect::<Vec<_>>(), fast, "{text:?}");
        let cut = Cut::of(text);
        assert_eq!(cut.hashes, fast, "{text:?}");
        for (i, word) in slow.iter().enumerate() {
            assert_eq!(cut.is_alone(i), word.alone, "{text:?}");
        }
    }

    #[test]
    fn words_know_where_they_stand() {
        let text = "…Hello, 上海abc ÉTÉ!";
        let words: Vec<_> = Words::new(text).map(|word| text.get(word.start..word.end)).collect();
        let expected = ["Hello", "上", "海", "abc", "ÉTÉ"].map(Some);
        assert_eq!(words, expected);
        let alone: Vec<_> = Words::new(text).map(|word| word.alone).collect();
        assert_eq!(alone, [false, true, true, false, false]);
    }

    #[test]
    fn a_text_without_words_has_none() {
        for text in ["", " \r\n", "?!…，。", "\u{1F600}"] {
            assert_eq!(Words::new(text).count(), 0);
            check(text);
        }
    }

    proptest! {
        #[test]
        fn both_cutters_find_the_same_words(
            parts in prop::collection::vec(
                "[a-zA-Z0-9 _.-]{0,40}|[上海カ한々〇]{0,3}|[éßİK\u{301}नस्]{0,3}|[，。🇩\u{200D}𠀀𐐀]",
                0..20,
            ),
        ) {
            check(&parts.concat());
        }

        #[test]
        fn both_cutters_find_the_same_words_in_any_text(text in any::<String>()) {
            check(&text);
        }
    }
}
