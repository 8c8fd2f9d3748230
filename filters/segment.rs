//! Cuts text into words and marks, lines and sentences.
//!
//! A *segment* is a piece between two word boundaries that is not blank; [`Words`] says where the boundaries are. It is
//! a *word* if it holds a letter or a digit, and a *mark* otherwise: a comma, a bracket, an emoji. Rules that come from
//! datatrove count both, because its tokenizer makes a token of each mark; all others count words.

mod chinese;
mod datatrove;
mod dictionary;
mod lines;
mod sentences;
mod unicode;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::Tag;
use crate::punctuation::is_punctuation;

pub use lines::split_lines;
pub use sentences::{count_sentences, count_token_sentences, split_sentences};

/// A word or a mark of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// xxh3-64 of the bytes.
    pub hash: u64,
    /// Offset of the first byte.
    pub start: u32,
    /// Offset after the last byte.
    pub end: u32,
    /// Length in characters (Unicode scalar values).
    pub chars: u32,
    class: Class,
}

/// What the characters of a segment have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Class {
    word: bool,
    letter: bool,
    punctuation: bool,
}

impl Segment {
    /// Returns whether the segment holds a letter or a digit.
    pub fn is_word(&self) -> bool {
        self.class.word
    }

    /// Returns whether the segment holds a letter.
    pub fn has_letter(&self) -> bool {
        self.class.letter
    }

    /// Returns whether all of the segment is punctuation, see [`is_punctuation`].
    pub fn is_punctuation(&self) -> bool {
        self.class.punctuation
    }

    /// Returns the segment's text; `text` is the text that it was cut from.
    pub fn text<'t>(&self, text: &'t str) -> &'t str {
        text.get(self.start as usize..self.end as usize).unwrap_or_default()
    }

    /// Classes a segment by its characters, or returns `None` if it is blank.
    fn of(text: &str, start: usize) -> Option<Segment> {
        let mut class = Class { word: false, letter: false, punctuation: true };
        let (mut chars, mut blank) = (0, true);
        for char in text.chars() {
            let letter = char.is_alphabetic();
            class.letter |= letter;
            class.word |= letter || char.is_numeric();
            class.punctuation &= !letter && is_punctuation(char);
            blank &= char.is_whitespace();
            chars += 1;
        }
        (!blank).then(|| Segment::new(text.as_bytes(), start, chars, class))
    }

    fn new(bytes: &[u8], start: usize, chars: u32, class: Class) -> Segment {
        let end = (start + bytes.len()) as u32;
        Segment { hash: hash(bytes), start: start as u32, end, chars, class }
    }
}

/// Returns the hash that a segment with these bytes has.
pub fn hash(bytes: &[u8]) -> u64 {
    xxh3_64(bytes)
}

/// The longest run that a dictionary cuts as one, in bytes: its tables grow with it. No sentence comes near.
const MAX_RUN_BYTES: usize = 1 << 16;

/// How text is cut into words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Words {
    /// By the rules of Unicode, and Chinese by dictionary.
    #[default]
    Unicode,
    /// As datatrove's word tokenizers cut, so that limits that were found with it mean the same.
    Datatrove,
}

impl Words {
    /// Appends the segments of a text in a language, see [`crate::Document::tag`].
    ///
    /// The text is at most 4 GiB long.
    pub fn cut(self, text: &str, language: Tag, segments: &mut Vec<Segment>) {
        match (self, language.primary().as_str()) {
            (Words::Unicode, "zh") => chinese::cut(text, segments),
            (Words::Datatrove, "zh") => datatrove::cut_chinese(text, segments),
            (_, "ja") => dictionary::cut_japanese(text, segments),
            (Words::Unicode, "") if is_japanese(text) => dictionary::cut_japanese(text, segments),
            (Words::Unicode, _) | (_, "ko" | "th" | "lo" | "km" | "my") => {
                unicode::cut(text, 0, segments);
            }
            (Words::Datatrove, "en" | "") => datatrove::cut_english(text, segments),
            (Words::Datatrove, "fr" | "it") => {
                datatrove::cut_elided(text, segments);
            }
            (Words::Datatrove, _) => datatrove::cut_base(text, segments),
        }
    }
}

/// Returns whether more than half of the letters among the first 1,000 characters are Han, and hardly any is kana.
pub fn is_mostly_han(text: &str) -> bool {
    let (letters, han, kana) = count_scripts(text);
    // Names and slogans bring a few kana into Chinese text; Japanese has one in every third character.
    2 * han > letters && 20 * kana < han
}

/// Returns whether more than half of the letters among the first 1,000 characters are kana or Han, and not only Han.
fn is_japanese(text: &str) -> bool {
    let (letters, han, kana) = count_scripts(text);
    kana > 0 && 2 * (han + kana) > letters && 20 * kana >= han
}

/// Counts letters, Han and kana among the first 1,000 characters; nothing where there is neither Han nor kana.
fn count_scripts(text: &str) -> (u32, u32, u32) {
    // Both are written with a byte from 0xE3, which hardly any other text has. A character has four bytes at most.
    let head = text.as_bytes().get(..4_000).unwrap_or(text.as_bytes());
    if head.iter().all(|byte| *byte < 0xE3) {
        return (0, 0, 0);
    }
    let (mut letters, mut han, mut kana) = (0u32, 0u32, 0u32);
    for char in text.chars().take(1_000) {
        if char.is_ascii() {
            letters += u32::from(char.is_ascii_alphabetic());
            continue;
        }
        letters += u32::from(char.is_alphabetic());
        han += u32::from(is_han(char));
        kana += u32::from(dictionary::is_kana(char));
    }
    (letters, han, kana)
}

/// Returns whether a character is a Han ideograph.
pub fn is_han(char: char) -> bool {
    matches!(char, '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}'
        | '\u{20000}'..='\u{2FA1F}' | '\u{30000}'..='\u{323AF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn script_decides_only_where_han_prevails() {
        assert!(is_mostly_han("上海的图书馆在星期二重新开放。ABC 123"));
        assert!(!is_mostly_han("The word 图书馆 means library."));
        assert!(!is_mostly_han("図書館は火曜日に再開しました。"));
        assert!(!is_mostly_han("...  123"));
        assert!(!is_mostly_han(""));
    }
}
