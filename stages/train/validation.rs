use super::windows::Windows;
use anyhow::Result;
use models::LanguageModel;
use rayon::prelude::*;
use std::collections::BTreeMap;

/// The validation windows and what is known of their tokens before training.
pub(super) struct Validation {
    windows: Windows,
    n_windows: u64,
    micro_batch_size: usize,
    /// Entropy of the targets under their own frequencies, nats/token.
    pub(super) unigram_entropy: f64,
    /// Targets that are scored.
    pub(super) n_targets: u64,
}

impl Validation {
    /// Takes the first windows of the split, up to `max_tokens`.
    pub(super) fn new(
        windows: Windows,
        length: usize,
        max_tokens: u64,
        micro_batch_size: usize,
    ) -> Result<Self> {
        let n_windows = windows.n_windows().min((max_tokens / length as u64).max(1));
        let mut counts = BTreeMap::<u32, u64>::new();
        for window in 0..n_windows {
            for id in windows.batch([window].into_iter())?.targets() {
                *counts.entry(*id).or_default() += 1;
            }
        }
        let n_targets = n_windows * length as u64;
        let unigram_entropy = counts
            .values()
            .map(|count| *count as f64 / n_targets as f64)
            .map(|share| -share * share.ln())
            .sum();
        Ok(Self { windows, n_windows, micro_batch_size, unigram_entropy, n_targets })
    }

    /// Returns the mean loss of the targets in nats, summed in a fixed order.
    pub(super) fn loss(&self, model: &dyn LanguageModel, n_threads: usize) -> Result<f64> {
        let windows: Vec<u64> = (0..self.n_windows).collect();
        let parts: Vec<&[u64]> = windows.chunks(self.micro_batch_size).collect();
        let mut sum = 0.0;
        for wave in parts.chunks(n_threads) {
            let sums = wave.par_iter().map(|part| {
                let losses = model.token_losses(&self.windows.batch(part.iter().copied())?)?;
                Ok(losses.iter().map(|loss| f64::from(*loss)).sum::<f64>())
            });
            sum = sums.collect::<Result<Vec<f64>>>()?.into_iter().fold(sum, |sum, part| sum + part);
        }
        Ok(sum / self.n_targets as f64)
    }
}
