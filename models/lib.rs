//! What corpusmill learns from text: tokenizers, classifiers and language models.
//!
//! This crate knows bytes, strings, ids, tensors and files of weights. It does not know documents, Arrow,
//! pipeline files, threads or the terminal. candle sits behind the feature `candle`, NVIDIA GPUs behind `cuda`.

use std::borrow::Cow;
use std::fmt;

mod bpe;
mod charsmap;
#[cfg(feature = "candle")]
mod checkpoint;
mod evaluation;
#[cfg(feature = "candle")]
mod gpt;
mod linear;
mod loader;
mod normalizer;
#[cfg(feature = "candle")]
mod optimizer;
mod pieces;
mod sentencepiece;
mod split;
mod tekken;
mod tiktoken;
mod tokenizer_json;
mod trie;
mod unigram;

pub use bpe::{
    Bpe, BpeError, BpeTrainer, BpeTraining, Cut, END_OF_DOCUMENT, PATTERN_NAMES, RANKS, Trained,
    WordTable,
};
#[cfg(feature = "candle")]
pub use checkpoint::{Checkpoint, TrainState};
pub use evaluation::{Evaluation, Example, LabelEvaluation, evaluate, hold_out};
#[cfg(feature = "candle")]
pub use gpt::{
    Device, Gpt, GptConfig, GptError, Gradients, LanguageModel, Parameter, Parameters, TokenBatch,
};
pub use linear::{Linear, LinearError, LinearTraining};
pub use loader::{LoadOptions, Loaded, TokenizerFile, load, load_with};
#[cfg(feature = "candle")]
pub use optimizer::{AdamW, AdamWConfig, Schedule};
pub use split::{PatternError, Splitter};

/// Turns text into token ids and back.
pub trait Tokenizer: fmt::Debug + Send + Sync {
    /// Appends the ids of `text` to `ids`. Text of a special token is ordinary text here.
    fn encode(&self, text: &str, ids: &mut Vec<u32>);
    /// Returns the bytes of `ids`; `decode(encode(text)) == normalize(text)` for every text.
    fn decode(&self, ids: &[u32]) -> Vec<u8>;
    /// Returns the number of ids, special tokens included.
    fn vocab_size(&self) -> usize;
    /// Returns what of `text` its ids hold: the text itself, unless the tokenizer has a normalizer.
    fn normalize<'t>(&self, text: &'t str) -> Cow<'t, str> {
        Cow::Borrowed(text)
    }
    /// Returns the id of the special token of this name, or else of the token with this text.
    fn token_to_id(&self, token: &str) -> Option<u32>;
    /// Returns the special tokens with their ids, such as the one that ends a document.
    fn special_tokens(&self) -> Vec<(&str, u32)>;
    /// Returns the id by which text is lost that the vocabulary does not know; none where every text has ids.
    fn unknown(&self) -> Option<u32> {
        None
    }
    /// Returns how often the text of a special token stands in `text`, where it stays ordinary text; 0 where a
    /// tokenizer does not look for it.
    fn count_special_text(&self, _text: &str) -> u64 {
        0
    }
    /// Says whether some text gives this id; `None` where the tokenizer cannot tell.
    fn is_reachable(&self, _id: u32) -> Option<bool> {
        None
    }
}

/// Gives each label a probability for a text.
pub trait Classifier: Send + Sync {
    /// Returns the labels, in the order of the scores.
    fn labels(&self) -> &[String];
    /// Writes one probability per label into `scores`, which is as long as `labels()`.
    fn score(&self, text: &str, scores: &mut [f32]);
}
