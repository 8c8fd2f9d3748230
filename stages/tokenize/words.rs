//! Counted words on their way to the training, by language.
//!
//! A row's key is a byte that says what it is, then
//! - of a total: which one, and the language;
//! - of a word: its bytes, each 0 followed by 255, then two zeros and the language, so that the languages of one word are
//!   neighbours in key order.
//!
//! The value is a number, to be summed.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use models::{Splitter, WordTable};

use crate::batch::{Batch, LANGUAGE};
use crate::rows::{SortedRows, Spill};

/// How a row begins that holds a total.
const TOTAL: u8 = 0;
/// How a row begins that holds a word.
const WORD: u8 = 1;

/// What was counted besides words, of one language.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) documents: u64,
    pub(super) bytes: u64,
    /// Pieces longer than `max_word_bytes`, which were counted in parts, and their bytes.
    pub(super) cut_pieces: u64,
    pub(super) cut_bytes: u64,
}

/// Counts words by language.
#[derive(Debug, Default)]
pub(super) struct Counts {
    languages: BTreeMap<String, (Totals, WordTable)>,
}

impl Counts {
    /// Adds the documents of a batch.
    pub(super) fn add(&mut self, batch: &Batch, splitter: &Splitter, max_word_bytes: usize) {
        for (row, text) in batch.texts().iter().enumerate() {
            let text = text.unwrap_or_default();
            let language = batch.value(LANGUAGE, row).unwrap_or_default();
            if !self.languages.contains_key(language) {
                self.languages.insert(language.to_owned(), Default::default());
            }
            if let Some((totals, words)) = self.languages.get_mut(language) {
                totals.documents += 1;
                totals.bytes += text.len() as u64;
                words.add(splitter, text, max_word_bytes);
            }
        }
    }

    /// Returns about the memory that the tables take, in bytes.
    pub(super) fn used_bytes(&self) -> usize {
        self.languages.values().map(|(_, words)| words.used_bytes()).sum()
    }

    /// Moves all counts into a spill.
    ///
    /// # Errors
    /// When the disk is full or fails.
    pub(super) fn empty_into(&mut self, spill: &mut Spill) -> Result<()> {
        std::mem::take(self).emit(|key, count| spill.emit(key, &count.to_le_bytes()))
    }

    /// Hands all counts out as rows.
    ///
    /// # Errors
    /// When `emit` fails.
    pub(super) fn emit(self, mut emit: impl FnMut(&[u8], u64) -> Result<()>) -> Result<()> {
        let mut key = Vec::new();
        for (language, (totals, words)) in self.languages {
            let cut = words.cut();
            let totals = [totals.documents, totals.bytes, cut.pieces, cut.bytes];
            for (which, total) in (0..).zip(totals).filter(|(_, total)| *total > 0) {
                key.clear();
                key.extend_from_slice(&[TOTAL, which]);
                key.extend_from_slice(language.as_bytes());
                emit(&key, total)?;
            }
            for (word, count) in words.iter() {
                write_word(&mut key, word, &language);
                emit(&key, count)?;
            }
        }
        Ok(())
    }
}

fn write_word(key: &mut Vec<u8>, word: &[u8], language: &str) {
    key.clear();
    key.push(WORD);
    if word.contains(&0) {
        for &byte in word {
            key.push(byte);
            if byte == 0 {
                key.push(255);
            }
        }
    } else {
        key.extend_from_slice(word);
    }
    key.extend_from_slice(&[0, 0]);
    key.extend_from_slice(language.as_bytes());
}

/// Reads a word, and returns its language.
fn read_word<'k>(key: &'k [u8], word: &mut Vec<u8>) -> Result<&'k str> {
    word.clear();
    let mut rest = key;
    loop {
        let zero = rest.iter().position(|&byte| byte == 0).context("a word without an end")?;
        let (part, tail) = rest.split_at(zero);
        word.extend_from_slice(part);
        match tail.get(1) {
            Some(255) => word.push(0),
            Some(0) => return language_of(&tail[2..]),
            _ => anyhow::bail!("a word without an end"),
        }
        rest = &tail[2..];
    }
}

fn language_of(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).context("a language that is no text")
}

/// Streams counted words in the order of their bytes.
pub(super) struct CountedWords {
    rows: SortedRows,
    totals: BTreeMap<String, Totals>,
    /// The word of the present row, its language and its count, where one was read ahead.
    ahead: Option<(String, u64)>,
    next: Vec<u8>,
}

/// How often a word stands in each language.
#[derive(Debug, Default)]
pub(super) struct CountedWord {
    pub(super) bytes: Vec<u8>,
    pub(super) counts: Vec<(String, u64)>,
}

impl CountedWord {
    /// Returns how often the word stands in all languages together.
    pub(super) fn count(&self) -> u64 {
        self.counts.iter().map(|(_, count)| count).sum()
    }
}

impl CountedWords {
    /// Reads the totals, which stand first.
    ///
    /// # Errors
    /// When a file is damaged.
    pub(super) fn open(rows: SortedRows) -> Result<CountedWords> {
        let mut words =
            CountedWords { rows, totals: BTreeMap::new(), ahead: None, next: Vec::new() };
        while words.rows.next_group()? {
            let key = words.rows.key().to_vec();
            let count = words.sum()?;
            let Some([TOTAL, which]) = key.first_chunk::<2>() else {
                words.take(&key, count)?;
                break;
            };
            let totals = words.totals.entry(language_of(&key[2..])?.to_owned()).or_default();
            let total = match which {
                0 => &mut totals.documents,
                1 => &mut totals.bytes,
                2 => &mut totals.cut_pieces,
                _ => &mut totals.cut_bytes,
            };
            *total += count;
        }
        Ok(words)
    }

    /// Returns the totals by language.
    pub(super) fn totals(&self) -> &BTreeMap<String, Totals> {
        &self.totals
    }

    /// Reads the next word; false behind the last one.
    ///
    /// # Errors
    /// When a file is damaged.
    pub(super) fn next(&mut self, word: &mut CountedWord) -> Result<bool> {
        let Some(first) = self.ahead.take() else { return Ok(false) };
        word.counts.clear();
        word.counts.push(first);
        std::mem::swap(&mut word.bytes, &mut self.next);
        while self.rows.next_group()? {
            let key = self.rows.key().to_vec();
            let count = self.sum()?;
            self.take(&key, count)?;
            if self.next != word.bytes {
                break;
            }
            word.counts.extend(self.ahead.take());
        }
        Ok(true)
    }

    fn take(&mut self, key: &[u8], count: u64) -> Result<()> {
        let key = key.strip_prefix(&[WORD]).context("a row that is no word")?;
        let language = read_word(key, &mut self.next)?;
        self.ahead = Some((language.to_owned(), count));
        Ok(())
    }

    /// Adds up the present group.
    fn sum(&mut self) -> Result<u64> {
        let mut sum = 0_u64;
        while let Some(value) = self.rows.next_value()? {
            let count = value.first_chunk::<8>().context("a damaged count")?;
            sum = sum.saturating_add(u64::from_le_bytes(*count));
        }
        Ok(sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_with_any_bytes_come_back_from_their_keys() {
        let (mut key, mut word) = (Vec::new(), Vec::new());
        for bytes in [&b"a"[..], b"", b"\0", b"a\0\0b\xff", b"\0\xff\0\0"] {
            for language in ["", "zh-Hant"] {
                write_word(&mut key, bytes, language);
                assert_eq!(read_word(&key[1..], &mut word).unwrap(), language);
                assert_eq!(word, bytes);
            }
        }
        assert!(read_word(b"ab", &mut word).is_err());
        assert!(read_word(b"ab\0\x01en", &mut word).is_err());
    }

    #[test]
    fn languages_of_a_word_are_neighbours() {
        let mut keys = Vec::new();
        for word in [&b"a"[..], b"ab", b"a\0"] {
            for language in ["zh", "en", ""] {
                let mut key = Vec::new();
                write_word(&mut key, word, language);
                keys.push((key, word));
            }
        }
        keys.sort();
        let words: Vec<_> = keys.iter().map(|(_, word)| *word).collect();
        assert!(words.chunks(3).all(|three| three.iter().all(|word| *word == three[0])));
    }
}
