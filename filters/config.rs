//! What the pipeline file may say about rules.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

mod error;
mod rules;

pub use error::ConfigError;
use rules::RULES;

use crate::Filter;
use crate::bad_words::BadWords;
use crate::boilerplate::Boilerplate;
use crate::c4::C4;
use crate::c4_paragraphs::C4Paragraphs;
use crate::characters::Characters;
use crate::chinese::Chinese;
use crate::classifier::Classifier;
use crate::code::Code;
use crate::compression::Compression;
use crate::fineweb::Fineweb;
use crate::gopher_quality::GopherQuality;
use crate::gopher_repetition::GopherRepetition;
use crate::keywords::Keywords;
use crate::language::Language;
use crate::length::Length;
use crate::lines::Lines;
use crate::madlad::Madlad;
use crate::pii::Pii;
use crate::redpajama::Redpajama;
use crate::refinedweb_lines::RefinedwebLines;
use crate::regex::Regex;
use crate::token_repetition::TokenRepetition;
use crate::unicode_repair::UnicodeRepair;
use crate::url::Url;

/// A rule and its settings; each key has a default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Config {
    /// Finds the language, and keeps some.
    Language(Language),
    /// Quality rules of Gopher.
    GopherQuality(GopherQuality),
    /// Repetition rules of Gopher.
    GopherRepetition(GopherRepetition),
    /// Line and document rules of C4.
    C4(C4),
    /// Long paragraphs, as mC4 asks for them.
    C4Paragraphs(C4Paragraphs),
    /// Obscene words, by lists of 28 languages.
    BadWords(BadWords),
    /// Rules that FineWeb adds to Gopher's and C4's.
    Fineweb(Fineweb),
    /// Lists of words that must not, or hardly, occur.
    Keywords(Keywords),
    /// Rules of MADLAD-400 over sentences.
    Madlad(Madlad),
    /// Block lists of domains and addresses, and words in addresses.
    Url(Url),
    /// Patterns that keep, remove or replace.
    Regex(Regex),
    /// A learned classifier.
    Classifier(Classifier),
    /// Rules for source code.
    Code(Code),
    /// Repairs characters and line ends.
    UnicodeRepair(UnicodeRepair),
    /// Shares of characters by class.
    Characters(Characters),
    /// Shares of lines by how they begin, end and look.
    Lines(Lines),
    /// How long a text, its lines and its words are.
    Length(Length),
    /// Rules for Chinese text.
    Chinese(Chinese),
    /// Sequences that repeat at once.
    TokenRepetition(TokenRepetition),
    /// How far a text can be compressed.
    Compression(Compression),
    /// Signals of RedPajama-Data v2, as scores.
    Redpajama(Redpajama),
    /// Phrases of notices, placeholder text, addresses.
    Boilerplate(Boilerplate),
    /// Replaces personal data.
    Pii(Pii),
    /// Line-wise corrections of RefinedWeb.
    RefinedwebLines(RefinedwebLines),
}

impl Config {
    /// The names of all rules, in the order in which they are documented.
    pub const ALL: [&'static str; RULES.len()] = {
        let mut names = [""; RULES.len()];
        let mut at = 0;
        while at < RULES.len() {
            names[at] = RULES[at].name;
            at += 1;
        }
        names
    };

    /// Returns a rule with its default settings; some rules need more than defaults to be built.
    pub fn named(rule: &str) -> Option<Config> {
        RULES.iter().find(|known| known.name == rule).map(|rule| (rule.default)())
    }

    /// Returns the manual page of a rule: the head of its file.
    pub fn manual(rule: &str) -> Option<&'static str> {
        static PAGES: LazyLock<Vec<String>> =
            LazyLock::new(|| RULES.iter().map(|rule| head_of(rule.file)).collect());
        let at = RULES.iter().position(|known| known.name == rule)?;
        PAGES.get(at).map(String::as_str)
    }

    /// Returns the rule's name, which is the same for all its instances.
    pub fn name(&self) -> &'static str {
        match self {
            Config::Language(_) => "language",
            Config::GopherQuality(_) => "gopher_quality",
            Config::GopherRepetition(_) => "gopher_repetition",
            Config::C4(_) => "c4",
            Config::C4Paragraphs(_) => "c4_paragraphs",
            Config::BadWords(_) => "bad_words",
            Config::Fineweb(_) => "fineweb",
            Config::Keywords(_) => "keywords",
            Config::Madlad(_) => "madlad",
            Config::Url(_) => "url",
            Config::Regex(_) => "regex",
            Config::Classifier(_) => "classifier",
            Config::Code(_) => "code",
            Config::UnicodeRepair(_) => "unicode_repair",
            Config::Characters(_) => "characters",
            Config::Lines(_) => "lines",
            Config::Length(_) => "length",
            Config::Chinese(_) => "chinese",
            Config::TokenRepetition(_) => "token_repetition",
            Config::Compression(_) => "compression",
            Config::Redpajama(_) => "redpajama",
            Config::Boilerplate(_) => "boilerplate",
            Config::Pii(_) => "pii",
            Config::RefinedwebLines(_) => "refinedweb_lines",
        }
    }

    /// Returns the keys that can remove a document: what a measure may be called.
    pub fn checks(&self) -> &'static [&'static str] {
        RULES.iter().find(|rule| rule.name == self.name()).map_or(&[], |rule| rule.checks)
    }

    /// Returns the input columns that the rule reads besides the text.
    pub fn columns_needed(&self) -> &'static [&'static str] {
        match self {
            Config::Url(_) => &["url"],
            _ => &[],
        }
    }

    /// Returns the files that the rule opens when it is built.
    pub fn references(&self) -> Vec<&Path> {
        match self {
            Config::BadWords(config) => config.files.values().map(PathBuf::as_path).collect(),
            Config::Keywords(config) => config.file.as_deref().into_iter().collect(),
            Config::Classifier(config) => vec![&config.model],
            Config::Url(config) => {
                config.domain_files.iter().chain(&config.url_files).map(PathBuf::as_path).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Builds the rule.
    ///
    /// # Errors
    /// If a value makes no sense, or a word list or model cannot be read.
    pub fn build(&self) -> Result<Box<dyn Filter>, ConfigError> {
        match self {
            Config::Language(config) => config.build(),
            Config::GopherQuality(config) => config.build(),
            Config::GopherRepetition(config) => config.build(),
            Config::C4(config) => config.build(),
            Config::C4Paragraphs(config) => config.build(),
            Config::BadWords(config) => config.build(),
            Config::Fineweb(config) => config.build(),
            Config::Keywords(config) => config.build(),
            Config::Madlad(config) => config.build(),
            Config::Url(config) => config.build(),
            Config::Regex(config) => config.build(),
            Config::Classifier(config) => config.build(),
            Config::Code(config) => config.build(),
            Config::UnicodeRepair(config) => config.build(),
            Config::Characters(config) => config.build(),
            Config::Lines(config) => config.build(),
            Config::Length(config) => config.build(),
            Config::Chinese(config) => config.build(),
            Config::TokenRepetition(config) => config.build(),
            Config::Compression(config) => config.build(),
            Config::Redpajama(config) => config.build(),
            Config::Boilerplate(config) => config.build(),
            Config::Pii(config) => config.build(),
            Config::RefinedwebLines(config) => config.build(),
        }
    }
}

/// Returns the `//!` lines at the head of a file, without their marks.
fn head_of(file: &str) -> String {
    let lines = file.lines().map_while(|line| line.strip_prefix("//!"));
    let lines: Vec<&str> = lines.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_has_a_manual_page_with_all_headings() {
        for rule in Config::ALL {
            let page = Config::manual(rule).unwrap();
            for heading in ["Removes:", "Units:", "Chinese:", "Source:", "Differs:", "Cost:"] {
                assert!(
                    page.lines().any(|line| line.starts_with(heading)),
                    "the page of {rule} has no `{heading}`"
                );
            }
        }
        assert_eq!(Config::manual("nonsense"), None);
    }

    #[test]
    fn rules_are_named_as_the_pipeline_file_spells_them() {
        for rule in Config::ALL {
            let config = Config::named(rule).unwrap();
            assert_eq!(config.name(), rule);
            let read: Config = serde_json::from_str(&format!(r#"{{ "{rule}": {{}} }}"#)).unwrap();
            assert_eq!(read, config, "`{{ {rule} = {{}} }}` is the default");
            let written = serde_json::to_string(&config).unwrap();
            assert_eq!(serde_json::from_str::<Config>(&written).unwrap(), config);
        }
    }

    #[test]
    fn unknown_keys_are_refused_by_every_rule() {
        for rule in Config::ALL {
            let text = format!(r#"{{ "{rule}": {{ "minwords": 5 }} }}"#);
            let error = serde_json::from_str::<Config>(&text).unwrap_err().to_string();
            assert!(error.contains("minwords"), "{rule}: {error}");
        }
    }
}
