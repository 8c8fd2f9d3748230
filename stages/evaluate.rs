//! Scores a trained model on the dataset's validation tokens and on held-out text.
//!
//! Windows do not overlap unless `stride` says so; every token but the first of a stream is scored
//! exactly once. A held-out text is tokenized document by document, each ended by
//! `end_of_document`, and one more stands before the first, so that all its tokens are scored.
//!
//! Loss and perplexity count every scored token. Bits per byte leave `end_of_document` out of both
//! the bits and the bytes, as it stands for no text (nanochat, `loss_eval.py`, leaves special tokens
//! out likewise). The standard error takes each window as one draw: tokens within a window
//! depend on each other, and taking them as independent would understate it.

mod config;
mod held_out;
mod score;

pub use config::Evaluate;
pub use models::Device;

use crate::token_shards::TokenShards;
use anyhow::{Context, Result};
use models::{Gpt, LanguageModel, Tokenizer};
use score::{Stream, score};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::time::Instant;

/// What an evaluation has done so far.
#[derive(Clone, Debug)]
pub struct EvaluateProgress {
    /// What is scored: `validation`, or the path of a text.
    pub name: String,
    /// Tokens of it that are scored.
    pub tokens: u64,
    /// Tokens of it that will be.
    pub all_tokens: u64,
}

/// How well a model predicts one stream of tokens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// `validation`, or the path of the text.
    pub name: String,
    /// Tokens that were scored.
    pub tokens: u64,
    /// Bytes of the text that they stand for; `end_of_document` stands for none.
    pub bytes: u64,
    /// Mean loss, nats/token.
    pub loss: f64,
    /// Standard error of the loss, between windows.
    pub standard_error: f64,
    /// e to the loss.
    pub perplexity: f64,
    /// Bits that the model needs for a byte of text; comparable between tokenizers.
    pub bits_per_byte: f64,
    /// Entropy of the same tokens under their own frequencies, nats/token.
    pub unigram_entropy: f64,
}

/// What came of an evaluation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EvaluateReport {
    /// The validation split first, then the texts in their order.
    pub scores: Vec<Scores>,
    /// Tokens scored a second.
    pub tokens_per_second: f64,
    /// Seconds it took.
    pub seconds: f64,
}

/// Scores the model in the folder `model` on the dataset folder `data`.
///
/// `watch` is called now and then; when it returns false, the evaluation stops with an error.
pub fn run(
    config: &Evaluate,
    model: &Path,
    data: &Path,
    tokenizer: &dyn Tokenizer,
    device: Device,
    watch: &mut dyn FnMut(&EvaluateProgress) -> bool,
) -> Result<EvaluateReport> {
    let begin = Instant::now();
    let model = Gpt::open(model, device)?;
    let cut = config.cut(model.config().max_position_embeddings)?;
    let shards = TokenShards::open(&data.join("tokens").join("validation"))?;
    let end_of_document = end_of_document(&shards)?;
    let n_validation = config.max_tokens.map_or(shards.n_tokens(), |n| shards.n_tokens().min(n));
    let mut ids = Vec::new();
    shards.read(0..n_validation, &mut ids)?;
    let mut score = |name: String, ids: Vec<u32>| {
        let stream = Stream { name, ids, end_of_document };
        score(&stream, cut, &model as &dyn LanguageModel, tokenizer, device, watch)
    };
    let mut scores = vec![score("validation".to_owned(), ids)?];
    for path in &config.text {
        let ids = held_out::read(path, &config.text_column, tokenizer, end_of_document)?;
        let most = config.max_tokens.map_or(usize::MAX, |n| n as usize);
        let ids = ids.into_iter().take(most).collect();
        scores.push(score(path.display().to_string(), ids)?);
    }
    let seconds = begin.elapsed().as_secs_f64();
    let tokens: u64 = scores.iter().map(|scores| scores.tokens).sum();
    Ok(EvaluateReport { scores, tokens_per_second: tokens as f64 / seconds.max(1e-9), seconds })
}

/// Returns the id that ends the documents of the shards.
fn end_of_document(shards: &TokenShards) -> Result<u32> {
    let shard = shards.shards().iter().find(|shard| shard.n_documents() > 0);
    let document = shard.context("the validation split has no documents")?.document(0)?;
    document.last().copied().context("the first validation document is empty")
}

#[cfg(test)]
mod tests;
