//! The parts of a `tokenizer.json` that the ids of a text depend on.
//!
//! Truncation, padding and the tokens that a post-processor adds are not among them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// What can be read whatever the kind of tokenizer, so that another kind is named and not a broken file.
#[derive(Deserialize)]
pub(crate) struct Head {
    #[serde(default)]
    pub(crate) added_tokens: Vec<AddedToken>,
    pub(crate) normalizer: Option<Value>,
    pub(crate) pre_tokenizer: Option<Value>,
    pub(crate) decoder: Option<Value>,
    pub(crate) model: Kind,
}

/// The kind of a model; the oldest files do not say that they are BPE.
#[derive(Deserialize)]
pub(crate) struct Kind {
    pub(crate) r#type: Option<String>,
}

/// The model alone.
#[derive(Deserialize)]
pub(crate) struct ModelOf<M> {
    pub(crate) model: M,
}

/// A token that is found in the text before the model sees it, unless it is special: then it is never found here.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct AddedToken {
    pub(crate) id: u32,
    pub(crate) content: String,
    #[serde(default)]
    pub(crate) special: bool,
    #[serde(default)]
    pub(crate) single_word: bool,
    #[serde(default)]
    pub(crate) lstrip: bool,
    #[serde(default)]
    pub(crate) rstrip: bool,
    /// Whether it is looked for behind the normalizer.
    pub(crate) normalized: Option<bool>,
}

impl AddedToken {
    /// Returns whether it is looked for behind the normalizer, which files of special tokens leave out.
    pub(crate) fn is_normalized(&self) -> bool {
        self.normalized.unwrap_or(!self.special)
    }
}

/// A model of pairs that merge.
#[derive(Deserialize)]
pub(crate) struct BpeModel {
    pub(crate) dropout: Option<f64>,
    pub(crate) unk_token: Option<String>,
    pub(crate) continuing_subword_prefix: Option<String>,
    pub(crate) end_of_word_suffix: Option<String>,
    #[serde(default)]
    pub(crate) fuse_unk: bool,
    #[serde(default)]
    pub(crate) byte_fallback: bool,
    #[serde(default)]
    pub(crate) ignore_merges: bool,
    pub(crate) vocab: BTreeMap<String, u32>,
    pub(crate) merges: Vec<MergeText>,
}

/// A merge as it is written today, and as it was written before 2024.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum MergeText {
    Pair(String, String),
    Line(String),
}

impl MergeText {
    /// Returns both sides, or `None` where a line holds no pair.
    pub(crate) fn pair(&self) -> Option<(&str, &str)> {
        match self {
            MergeText::Pair(left, right) => Some((left, right)),
            MergeText::Line(line) => line.split_once(' '),
        }
    }
}

/// A model of pieces with scores.
#[derive(Deserialize)]
pub(crate) struct UnigramModel {
    pub(crate) unk_id: Option<u32>,
    pub(crate) vocab: Vec<(String, f64)>,
    #[serde(default)]
    pub(crate) byte_fallback: bool,
}
