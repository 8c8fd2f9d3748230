//! What a tokenizer makes of text: bytes per token by language, how its vocabulary is used, what it can never produce.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result};
use models::Tokenizer;
use serde::{Deserialize, Serialize};

/// Where the report of a trained tokenizer lies in a dataset.
pub const REPORT: &str = "tokenizer/report.json";

/// Tokens that are listed of each kind.
const N_LISTED: usize = 20;

/// What a tokenizer made of a corpus, counted.
#[derive(Debug, Clone)]
pub struct Usage {
    languages: BTreeMap<String, Tally>,
    /// How often each token came up.
    tokens: Vec<u64>,
    kinds: Vec<Kind>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Byte,
    Fragment,
    Whole,
}

#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    documents: u64,
    bytes: u64,
    tokens: u64,
    single_bytes: u64,
    fragments: u64,
}

impl Usage {
    /// Returns counts of nothing.
    pub fn new(tokenizer: &dyn Tokenizer) -> Usage {
        let kind = |id: u32| {
            let token = tokenizer.decode(&[id]);
            match token.len() {
                1 => Kind::Byte,
                _ if std::str::from_utf8(&token).is_err() => Kind::Fragment,
                _ => Kind::Whole,
            }
        };
        let n_ids = tokenizer.vocab_size();
        let kinds = (0..n_ids as u32).map(kind).collect();
        Usage { languages: BTreeMap::new(), tokens: vec![0; n_ids], kinds }
    }

    /// Counts documents of a language, an empty one where it is not known, and the bytes of their text.
    pub fn add_text(&mut self, language: &str, documents: u64, bytes: u64) {
        let tally = self.tally(language);
        tally.documents += documents;
        tally.bytes += bytes;
    }

    /// Counts the ids of a text, or of a word that came up `count` times.
    pub fn add_ids(&mut self, language: &str, ids: &[u32], count: u64) {
        let (mut single_bytes, mut fragments) = (0, 0);
        for &id in ids {
            self.tokens[id as usize] += count;
            match self.kinds[id as usize] {
                Kind::Byte => single_bytes += count,
                Kind::Fragment => fragments += count,
                Kind::Whole => {}
            }
        }
        let tally = self.tally(language);
        tally.tokens += ids.len() as u64 * count;
        tally.single_bytes += single_bytes;
        tally.fragments += fragments;
    }

    /// Adds what another counted of the same tokenizer.
    pub fn merge(&mut self, other: &Usage) {
        for (language, tally) in &other.languages {
            self.tally(language).add(*tally);
        }
        self.tokens.iter_mut().zip(&other.tokens).for_each(|(sum, count)| *sum += count);
    }

    fn tally(&mut self, language: &str) -> &mut Tally {
        if !self.languages.contains_key(language) {
            self.languages.insert(language.to_owned(), Tally::default());
        }
        self.languages.get_mut(language).expect("it was put there")
    }
}

impl Tally {
    fn add(&mut self, other: Tally) {
        self.documents += other.documents;
        self.bytes += other.bytes;
        self.tokens += other.tokens;
        self.single_bytes += other.single_bytes;
        self.fragments += other.fragments;
    }
}

/// What a tokenizer makes of a corpus.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The whole text.
    pub text: TextReport,
    /// The text of each language; `unknown` where the input does not say.
    pub languages: BTreeMap<String, TextReport>,
    /// The vocabulary.
    pub vocabulary: VocabularyReport,
    /// How it was trained, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training: Option<TrainingReport>,
}

/// What a tokenizer makes of some text. Shares and quotients are rounded to six digits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TextReport {
    /// Documents.
    pub documents: u64,
    /// Bytes of their text.
    pub bytes: u64,
    /// Tokens, without those that end documents.
    pub tokens: u64,
    /// Bytes of text for each token; 0 where there is none.
    pub bytes_per_token: f64,
    /// The share of tokens that are one byte, most of them letters, marks and spaces of ASCII.
    pub single_byte_share: f64,
    /// The share of tokens of several bytes that hold no whole characters alone: parts of Han characters, of emoji.
    pub fragment_share: f64,
}

/// How a vocabulary is used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VocabularyReport {
    /// Ids, special tokens included.
    pub size: u64,
    /// Special tokens.
    pub special: u64,
    /// Ordinary tokens that came up at least once.
    pub used: u64,
    /// Ordinary tokens that never came up.
    pub unused: u64,
    /// Ordinary tokens that no text gives, because their own bytes merge to others; they are among the unused.
    pub unreachable: u64,
    /// The first of the unreachable ones.
    pub unreachable_tokens: Vec<TokenReport>,
    /// The longest ordinary tokens.
    pub longest_tokens: Vec<TokenReport>,
}

/// A token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenReport {
    /// Its id.
    pub id: u32,
    /// Its text; U+FFFD for bytes that are none.
    pub text: String,
    /// Its bytes.
    pub bytes: u64,
    /// How often it came up.
    pub count: u64,
}

/// How a tokenizer was trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainingReport {
    /// Distinct words that it was learnt from.
    pub words: u64,
    /// Distinct words that were not learnt from, as rarer than `min_word_count`, and how often they stand in the text together.
    pub rare_words: u64,
    /// See `rare_words`.
    pub rare_occurrences: u64,
    /// Pieces longer than `max_word_bytes`, which were learnt from in parts, and their bytes.
    pub cut_pieces: u64,
    /// See `cut_pieces`.
    pub cut_bytes: u64,
    /// The most memory that learning from these words could take.
    pub memory_bytes: u64,
    /// What a word of each language weighed, by `language_temperature`.
    pub weights: BTreeMap<String, f64>,
}

impl Report {
    /// Puts a report together.
    pub fn new(
        tokenizer: &dyn Tokenizer,
        usage: &Usage,
        training: Option<TrainingReport>,
    ) -> Report {
        let mut text = Tally::default();
        usage.languages.values().for_each(|tally| text.add(*tally));
        let name = |language: &str| match language {
            "" => "unknown".to_owned(),
            language => language.to_owned(),
        };
        let languages = usage.languages.iter();
        let languages = languages.map(|(language, tally)| (name(language), tally.report()));
        let weights = |training: TrainingReport| TrainingReport {
            weights: training.weights.into_iter().map(|(l, weight)| (name(&l), weight)).collect(),
            ..training
        };
        Report {
            text: text.report(),
            languages: languages.collect(),
            vocabulary: VocabularyReport::new(tokenizer, usage),
            training: training.map(weights),
        }
    }

    /// Returns the report as JSON; equal reports give equal text.
    ///
    /// # Errors
    /// When a number cannot be written.
    pub fn to_json(&self) -> Result<String> {
        let mut text = serde_json::to_string_pretty(self).context("a report")?;
        text.push('\n');
        Ok(text)
    }
}

/// Returns the report of the tokenizer that was trained for the dataset in `dir`; `None` where none was.
pub fn read_report(dir: &Path) -> Option<Report> {
    serde_json::from_slice(&std::fs::read(dir.join(REPORT)).ok()?).ok()
}

impl Tally {
    fn report(&self) -> TextReport {
        let quotient = |part: u64, whole: u64| {
            let quotient = if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
            (quotient * 1e6).round() / 1e6
        };
        TextReport {
            documents: self.documents,
            bytes: self.bytes,
            tokens: self.tokens,
            bytes_per_token: quotient(self.bytes, self.tokens),
            single_byte_share: quotient(self.single_bytes, self.tokens),
            fragment_share: quotient(self.fragments, self.tokens),
        }
    }
}

impl VocabularyReport {
    fn new(tokenizer: &dyn Tokenizer, usage: &Usage) -> VocabularyReport {
        let special: BTreeSet<u32> =
            tokenizer.special_tokens().into_iter().map(|(_, id)| id).collect();
        let n_ids = tokenizer.vocab_size() as u32;
        let lengths: Vec<usize> = (0..n_ids).map(|id| tokenizer.decode(&[id]).len()).collect();
        let len = |id: u32| lengths[id as usize];
        let mut ordinary: Vec<u32> =
            (0..n_ids).filter(|id| len(*id) > 0 && !special.contains(id)).collect();
        let token = |&id: &u32| TokenReport {
            id,
            text: String::from_utf8_lossy(&tokenizer.decode(&[id])).into(),
            bytes: len(id) as u64,
            count: usage.tokens[id as usize],
        };
        let used = ordinary.iter().filter(|&&id| usage.tokens[id as usize] > 0).count();
        let unreachable: Vec<u32> = ordinary
            .iter()
            .copied()
            .filter(|&id| usage.tokens[id as usize] == 0)
            .filter(|&id| tokenizer.is_reachable(id) == Some(false))
            .collect();
        let unused = ordinary.len() - used;
        ordinary.sort_by_key(|&id| std::cmp::Reverse(len(id)));
        VocabularyReport {
            size: tokenizer.vocab_size() as u64,
            special: special.len() as u64,
            used: used as u64,
            unused: unused as u64,
            unreachable: unreachable.len() as u64,
            unreachable_tokens: unreachable.iter().take(N_LISTED).map(token).collect(),
            longest_tokens: ordinary.iter().take(N_LISTED).map(token).collect(),
        }
    }
}
