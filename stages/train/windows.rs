use super::Train;
use super::order::Order;
use crate::token_shards::TokenShards;
use anyhow::{Context, Result, ensure};
use models::TokenBatch;
use std::path::Path;

/// A split of the dataset as windows of `length + 1` tokens: window `i` predicts tokens
/// `i * length + 1 ..= (i + 1) * length` of the stream, so that every token but the first is
/// predicted once a pass. As with Megatron, documents run on into each other, and up to `length`
/// tokens at the very end are left over.
pub(super) struct Windows {
    shards: TokenShards,
    length: usize,
    n_windows: u64,
}

impl Windows {
    pub(super) fn open(folder: &Path, length: usize) -> Result<Self> {
        let shards = TokenShards::open(folder)?;
        let n_windows = shards.n_tokens().saturating_sub(1) / length as u64;
        ensure!(
            n_windows > 0,
            "{}: {} tokens are less than a window of sequence_length + 1 = {}",
            folder.display(),
            shards.n_tokens(),
            length + 1
        );
        Ok(Self { shards, length, n_windows })
    }

    pub(super) fn shards(&self) -> &TokenShards {
        &self.shards
    }

    pub(super) fn n_windows(&self) -> u64 {
        self.n_windows
    }

    /// Reads some windows as one batch.
    pub(super) fn batch(&self, windows: impl Iterator<Item = u64>) -> Result<TokenBatch> {
        let mut ids = Vec::new();
        for window in windows {
            let start = window * self.length as u64;
            self.shards.read(start..start + self.length as u64 + 1, &mut ids)?;
        }
        Ok(TokenBatch::new(&ids, self.length)?)
    }
}

/// Returns the parts of a step's batch, in the order in which their gradients are added.
pub(super) fn micro_batches(
    config: &Train,
    windows: &Windows,
    step: u64,
) -> Result<Vec<TokenBatch>> {
    let n = windows.n_windows();
    let order = Order::new(n, config.seed);
    let first = step * config.batch_size as u64;
    let places: Vec<u64> = (first..first + config.batch_size as u64).collect();
    places
        .chunks(config.micro_batch_size)
        .map(|places| windows.batch(places.iter().map(|place| order.at(place / n, place % n))))
        .collect()
}

/// Returns the number of ids that the dataset's tokenizer has: one more than the highest.
pub(super) fn vocab_size(data: &Path) -> Result<usize> {
    let path = data.join("tokenizer").join("tokenizer.json");
    let hint = "hint: give the model's vocab_size";
    let text = std::fs::read(&path).with_context(|| format!("{}\n{hint}", path.display()))?;
    let json: serde_json::Value =
        serde_json::from_slice(&text).with_context(|| path.display().to_string())?;
    let words = json["model"]["vocab"].as_object().into_iter().flat_map(|vocab| vocab.values());
    let added = json["added_tokens"].as_array().into_iter().flatten().map(|token| &token["id"]);
    let highest = words.chain(added).filter_map(serde_json::Value::as_u64).max();
    let highest = highest.with_context(|| format!("{}: has no ids\n{hint}", path.display()))?;
    Ok(highest as usize + 1)
}
