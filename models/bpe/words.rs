//! Counts the pieces of texts, from which merges are learnt.

use std::sync::LazyLock;

use hashbrown::HashTable;
use regex_syntax::hir::{Class, HirKind};
use xxhash_rust::xxh3::xxh3_64;

use crate::Splitter;

/// How often each piece of text was seen: the pieces end to end in one buffer, 24 bytes and a place in the table for each.
#[derive(Debug, Clone, Default)]
pub struct WordTable {
    bytes: Vec<u8>,
    words: Vec<Word>,
    table: HashTable<u32>,
    cut: Cut,
}

#[derive(Debug, Clone, Copy)]
struct Word {
    start: usize,
    count: u64,
    hash: u32,
}

/// What was counted in parts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cut {
    /// Pieces longer than the limit.
    pub pieces: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl WordTable {
    /// Adds the pieces of `text`.
    ///
    /// A piece of more than `max_word_bytes` (a paragraph of Chinese without marks, base64) is counted in parts of
    /// at most that size, cut between characters, so that no text is passed over and no word grows without bound.
    pub fn add(&mut self, splitter: &Splitter, text: &str, max_word_bytes: usize) {
        splitter.split(text, |piece| {
            if piece.len() <= max_word_bytes {
                return self.add_word(piece.as_bytes(), 1);
            }
            self.cut.pieces += 1;
            self.cut.bytes += piece.len() as u64;
            cut(piece.as_bytes(), max_word_bytes).for_each(|part| self.add_word(part, 1));
        });
    }

    /// Adds one word.
    ///
    /// # Panics
    /// If there are 2^32 words.
    pub fn add_word(&mut self, word: &[u8], count: u64) {
        let hash = xxh3_64(word);
        let Self { bytes, words, table, .. } = self;
        let get = |at: usize| {
            let end = words.get(at + 1).map_or(bytes.len(), |next: &Word| next.start);
            &bytes[words[at].start..end]
        };
        let is_same =
            |&at: &u32| words[at as usize].hash == hash as u32 && get(at as usize) == word;
        if let Some(&at) = table.find(hash, is_same) {
            words[at as usize].count += count;
            return;
        }
        let at = u32::try_from(words.len()).expect("tables are emptied before they are so large");
        words.push(Word { start: bytes.len(), count, hash: hash as u32 });
        bytes.extend_from_slice(word);
        table.insert_unique(hash, at, |&at| {
            let at = at as usize;
            let end = words.get(at + 1).map_or(bytes.len(), |next| next.start);
            xxh3_64(&bytes[words[at].start..end])
        });
    }

    /// Returns the words with their counts, in the order in which they were first seen.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], u64)> {
        self.words.iter().enumerate().map(|(at, word)| {
            let end = self.words.get(at + 1).map_or(self.bytes.len(), |next| next.start);
            (&self.bytes[word.start..end], word.count)
        })
    }

    /// Returns the number of different words.
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// Says whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Returns what was counted in parts.
    pub fn cut(&self) -> Cut {
        self.cut
    }

    /// Returns about the memory that the table takes, in bytes.
    pub fn used_bytes(&self) -> usize {
        self.bytes.capacity()
            + self.words.capacity() * size_of::<Word>()
            + self.table.capacity() * (size_of::<u32>() + 2)
    }
}

/// A part that would begin with a mark begins this many bytes earlier at most.
const MAX_MARKS: usize = 32;

/// Cuts bytes into parts of at most `max_bytes`: between characters where the bytes are UTF-8, and not before a combining
/// mark unless there is no other place near.
pub(super) fn cut(mut bytes: &[u8], max_bytes: usize) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let mut end = bytes.len().min(max_bytes.max(1));
        if end < bytes.len() {
            // A character has at most three continuation bytes; with more of them this is no UTF-8.
            let is_boundary = |&end: &usize| bytes[end] & 0xc0 != 0x80;
            end = (end.saturating_sub(3).max(1)..=end).rev().find(is_boundary).unwrap_or(end);
            let joins = |&end: &usize| !is_boundary(&end) || begins_with_mark(&bytes[end..]);
            let least = end.saturating_sub(MAX_MARKS).max(1);
            end = (least..=end).rev().find(|end| !joins(end)).unwrap_or(end);
        }
        let (part, rest) = bytes.split_at(end);
        bytes = rest;
        (!part.is_empty()).then_some(part)
    })
}

/// Says whether the first character belongs to the one before it: a mark or a joiner.
fn begins_with_mark(bytes: &[u8]) -> bool {
    static MARKS: LazyLock<Vec<(char, char)>> = LazyLock::new(|| {
        let parsed =
            regex_syntax::parse(r"[\p{M}\u{200c}\u{200d}]").expect("a class of characters");
        match parsed.into_kind() {
            HirKind::Class(Class::Unicode(class)) => {
                class.ranges().iter().map(|range| (range.start(), range.end())).collect()
            }
            _ => Vec::new(),
        }
    });
    let text = bytes.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    text.chars().next().is_some_and(|c| {
        let at = MARKS.partition_point(|&(_, last)| last < c);
        MARKS.get(at).is_some_and(|&(first, _)| first <= c)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_are_counted_by_their_bytes() {
        let mut words = WordTable::default();
        words.add(&Splitter::default(), "你好，你好 a a", 256);
        let expected = [("你好".as_bytes(), 1), ("，你好".as_bytes(), 1), (b" a", 2)];
        assert!(words.iter().eq(expected));
        assert_eq!((words.len(), words.cut()), (3, Cut::default()));
    }

    #[test]
    fn long_words_are_cut_between_characters_and_counted() {
        let mut words = WordTable::default();
        words.add(&Splitter::default(), "中中中中中 a", 8);
        assert!(words.iter().eq([("中中".as_bytes(), 2), ("中".as_bytes(), 1), (b" a", 1)]));
        assert_eq!(words.cut(), Cut { pieces: 1, bytes: 15 });
    }

    #[test]
    fn marks_stay_with_their_letters() {
        // A vowel sign and a virama of Devanagari, a combining accent.
        for word in ["ककिककिककि", "क्षक्षक्ष", "abe\u{301}abe\u{301}"]
        {
            for part in cut(word.as_bytes(), 10).skip(1) {
                assert!(!begins_with_mark(part), "{:?}", String::from_utf8_lossy(part));
            }
        }
        let marks = "\u{301}".repeat(40);
        assert_eq!(cut(marks.as_bytes(), 16).next().map(<[u8]>::len), Some(16));
    }

    proptest! {
        #[test]
        fn parts_join_to_the_word_and_keep_the_limit(word: String, max in 4..9usize) {
            let parts: Vec<&[u8]> = cut(word.as_bytes(), max).collect();
            prop_assert_eq!(parts.concat(), word.as_bytes());
            for part in parts {
                prop_assert!(part.len() <= max && std::str::from_utf8(part).is_ok());
            }
        }

        #[test]
        fn bytes_that_are_no_text_are_cut_as_well(word: Vec<u8>, max in 0..9usize) {
            prop_assert_eq!(cut(&word, max).collect::<Vec<_>>().concat(), word);
        }

        #[test]
        fn table_counts_as_a_map_does(words in prop::collection::vec("[ab]{0,3}", 0..60)) {
            let mut table = WordTable::default();
            let mut map = std::collections::BTreeMap::<Vec<u8>, u64>::new();
            for word in &words {
                table.add_word(word.as_bytes(), 2);
                *map.entry(word.clone().into_bytes()).or_default() += 2;
            }
            let counted: std::collections::BTreeMap<Vec<u8>, u64> =
                table.iter().map(|(word, count)| (word.to_vec(), count)).collect();
            prop_assert_eq!(counted, map);
        }
    }
}
