//! What corpusmill learns from text: tokenizers, classifiers and language models.
//!
//! This crate knows bytes, strings, ids, tensors and files of weights. It does not know documents, Arrow,
//! pipeline files, threads or the terminal. candle sits behind the feature `candle`, NVIDIA GPUs behind `cuda`.

mod bpe;
#[cfg(feature = "candle")]
mod checkpoint;
mod evaluation;
#[cfg(feature = "candle")]
mod gpt;
mod linear;
#[cfg(feature = "candle")]
mod optimizer;
mod split;

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
#[cfg(feature = "candle")]
pub use optimizer::{AdamW, AdamWConfig, Schedule};
pub use split::{PatternError, Splitter};

/// Turns text into token ids and back.
pub trait Tokenizer: Send + Sync {
    /// Appends the ids of `text` to `ids`. Text of a special token is ordinary text here.
    fn encode(&self, text: &str, ids: &mut Vec<u32>);
    /// Returns the bytes of `ids`; `decode(encode(text)) == text` for every text.
    fn decode(&self, ids: &[u32]) -> Vec<u8>;
    /// Returns the number of ids, special tokens included.
    fn vocab_size(&self) -> usize;
}

/// Gives each label a probability for a text.
pub trait Classifier: Send + Sync {
    /// Returns the labels, in the order of the scores.
    fn labels(&self) -> &[String];
    /// Writes one probability per label into `scores`, which is as long as `labels()`.
    fn score(&self, text: &str, scores: &mut [f32]);
}
