use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What a model is scored on: the keys of `[evaluate]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Evaluate {
    /// Held-out texts beside the validation split: UTF-8 files, or JSON lines (`.jsonl`), either
    /// as it is or compressed (`.zst`). Default none.
    pub text: Vec<PathBuf>,
    /// Where the text stands in a JSON line. Default `text`.
    pub text_column: String,
    /// Tokens of a window. Absent: the model's `max_position_embeddings`.
    pub sequence_length: Option<usize>,
    /// Tokens that each window scores, its last ones; the others are context. Absent: all, so that
    /// windows do not overlap. Less is slower and gives each token more context.
    pub stride: Option<usize>,
    /// Windows that one thread takes at a time. Default 2.
    pub micro_batch_size: usize,
    /// Most tokens of each stream, from its start. Absent: all.
    pub max_tokens: Option<u64>,
}

impl Default for Evaluate {
    fn default() -> Self {
        Self {
            text: Vec::new(),
            text_column: "text".to_owned(),
            sequence_length: None,
            stride: None,
            micro_batch_size: 2,
            max_tokens: None,
        }
    }
}

/// How a stream is cut into windows.
#[derive(Clone, Copy)]
pub(super) struct Cut {
    pub(super) length: usize,
    pub(super) stride: usize,
    pub(super) micro_batch_size: usize,
}

impl Evaluate {
    /// Resolves and checks the keys for a model that takes windows of up to `positions` tokens.
    pub(super) fn cut(&self, positions: usize) -> Result<Cut> {
        let length = self.sequence_length.unwrap_or(positions);
        let stride = self.stride.unwrap_or(length);
        ensure!(
            (1..=positions).contains(&length),
            "sequence_length: {length} is not 1 to the model's {positions} positions"
        );
        ensure!((1..=length).contains(&stride), "stride: {stride} is not 1 to {length}");
        ensure!(self.micro_batch_size > 0, "micro_batch_size: must be at least 1");
        ensure!(self.max_tokens != Some(0), "max_tokens: must be at least 1");
        Ok(Cut { length, stride, micro_batch_size: self.micro_batch_size })
    }
}
