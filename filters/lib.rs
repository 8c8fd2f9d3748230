//! Rules that measure one document, may edit its text, and decide whether it stays.
//!
//! This crate knows one document at a time. It does not know Arrow, files (but for a word list or a model
//! that a rule opens when it is built), threads, clocks, randomness or the terminal.

use std::ops::ControlFlow;

mod bad_words;
mod boilerplate;
mod c4;
mod c4_paragraphs;
mod characters;
mod chinese;
mod classifier;
mod code;
mod compression;
mod config;
mod document;
mod fineweb;
mod gopher_quality;
mod gopher_repetition;
mod han;
mod keywords;
mod language;
mod length;
mod limit;
mod lines;
mod madlad;
mod pii;
mod punctuation;
mod redpajama;
mod refinedweb_lines;
mod regex;
mod repeats;
pub mod segment;
mod tag;
mod token_repetition;
mod unicode_repair;
mod url;
mod verdict;

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod parity;

pub use bad_words::BadWords;
pub use boilerplate::Boilerplate;
pub use c4::C4;
pub use c4_paragraphs::C4Paragraphs;
pub use characters::Characters;
pub use chinese::Chinese;
pub use classifier::Classifier;
pub use code::Code;
pub use compression::Compression;
pub use config::{Config, ConfigError};
pub use document::{Document, Line, Parts, Scratch};
pub use fineweb::Fineweb;
pub use gopher_quality::GopherQuality;
pub use gopher_repetition::GopherRepetition;
pub use keywords::Keywords;
pub use language::Language;
pub use length::Length;
pub use limit::{Limit, Number};
pub use lines::Lines;
pub use madlad::Madlad;
pub use pii::Pii;
pub use punctuation::{is_punctuation, is_sentence_end};
pub use redpajama::Redpajama;
pub use refinedweb_lines::RefinedwebLines;
pub use regex::Regex;
pub use repeats::{Bounds, Duplicates, Repeats, TopGram};
pub use segment::Words;
pub use tag::Tag;
pub use token_repetition::TokenRepetition;
pub use unicode_repair::UnicodeRepair;
pub use url::Url;
pub use verdict::{Judge, Measure, Removal};

/// Measures one document, may edit its text, and decides whether it stays.
pub trait Filter: Send + Sync {
    /// Returns the rule's name as the pipeline file spells it (`name = "ads"` tells two instances apart).
    fn name(&self) -> &str;

    /// Returns the names of the score columns that this rule sets with `Document::set_score`.
    fn scores(&self) -> Vec<&str> {
        Vec::new()
    }

    /// Reports each measure to `judge`, which breaks at the first limit that does not hold.
    ///
    /// Never fails and never panics, whatever the text.
    fn judge(&self, doc: &mut Document<'_>, judge: &mut Judge) -> ControlFlow<()>;
}
