use super::config::Cut;
use super::{Device, EvaluateProgress, Scores};
use anyhow::{Result, bail, ensure};
use models::{LanguageModel, TokenBatch, Tokenizer};
use rayon::prelude::*;
use std::collections::BTreeMap;

/// Tokens to score, in order.
pub(super) struct Stream {
    pub(super) name: String,
    pub(super) ids: Vec<u32>,
    pub(super) end_of_document: u32,
}

/// A window: it reads `ids[start..end - 1]` and scores `ids[scored..end]`.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Window {
    start: usize,
    scored: usize,
    end: usize,
}

/// The losses of a window, summed.
struct Part {
    nats: f64,
    /// Without those of `end_of_document`.
    nats_of_text: f64,
    tokens: u64,
    bytes: u64,
}

pub(super) fn score(
    stream: &Stream,
    cut: Cut,
    model: &dyn LanguageModel,
    tokenizer: &dyn Tokenizer,
    device: Device,
    watch: &mut dyn FnMut(&EvaluateProgress) -> bool,
) -> Result<Scores> {
    ensure!(stream.ids.len() > 1, "{}: has no tokens to score", stream.name);
    let n_tokens = stream.ids.len() - 1;
    let windows = windows(stream.ids.len(), cut);
    // Only windows of one length make a batch: the first and the last may be shorter.
    let batches: Vec<&[Window]> = windows
        .chunk_by(|a, b| a.end - a.start == b.end - b.start)
        .flat_map(|same| same.chunks(cut.micro_batch_size))
        .collect();
    let mut parts = Vec::with_capacity(windows.len());
    let at_once = if device == Device::Cpu { 4 * rayon::current_num_threads() } else { 1 };
    for wave in batches.chunks(at_once) {
        let scored = wave.par_iter().map(|batch| score_batch(stream, batch, model, tokenizer));
        parts.extend(scored.collect::<Result<Vec<_>>>()?.into_iter().flatten());
        let progress = EvaluateProgress {
            name: stream.name.clone(),
            tokens: parts.iter().map(|part| part.tokens).sum(),
            all_tokens: n_tokens as u64,
        };
        if !watch(&progress) {
            bail!("{}: stopped after {} tokens", stream.name, progress.tokens);
        }
    }
    Ok(summarize(stream, &parts))
}

/// Cuts a stream of `n` tokens so that each but the first is scored once.
fn windows(n: usize, cut: Cut) -> Vec<Window> {
    let window = |scored: usize| {
        let end = (scored + cut.stride).min(n);
        Window { start: end.saturating_sub(cut.length + 1).min(scored - 1), scored, end }
    };
    (1..n).step_by(cut.stride).map(window).collect()
}

fn score_batch(
    stream: &Stream,
    batch: &[Window],
    model: &dyn LanguageModel,
    tokenizer: &dyn Tokenizer,
) -> Result<Vec<Part>> {
    let length = batch[0].end - batch[0].start - 1;
    let ids = batch.iter().flat_map(|w| &stream.ids[w.start..w.end]).copied().collect::<Vec<_>>();
    let losses = model.token_losses(&TokenBatch::new(&ids, length)?)?;
    let part = |(window, losses): (&Window, &[f32])| {
        let scored = &stream.ids[window.scored..window.end];
        let losses = &losses[window.scored - window.start - 1..];
        let text: Vec<u32> =
            scored.iter().copied().filter(|id| *id != stream.end_of_document).collect();
        let of_text = scored.iter().zip(losses).filter(|(id, _)| **id != stream.end_of_document);
        Part {
            nats: losses.iter().map(|loss| f64::from(*loss)).sum(),
            nats_of_text: of_text.map(|(_, loss)| f64::from(*loss)).sum(),
            tokens: scored.len() as u64,
            bytes: tokenizer.decode(&text).len() as u64,
        }
    };
    Ok(batch.iter().zip(losses.chunks_exact(length)).map(part).collect())
}

fn summarize(stream: &Stream, parts: &[Part]) -> Scores {
    let tokens: u64 = parts.iter().map(|part| part.tokens).sum();
    let bytes: u64 = parts.iter().map(|part| part.bytes).sum();
    let loss = parts.iter().map(|part| part.nats).sum::<f64>() / tokens as f64;
    let bits = parts.iter().map(|part| part.nats_of_text).sum::<f64>() / std::f64::consts::LN_2;
    // The ratio estimator of cluster sampling (Cochran 1977, Sampling Techniques, section 9A.4).
    let squares: f64 =
        parts.iter().map(|part| (part.nats - loss * part.tokens as f64).powi(2)).sum();
    let n = parts.len() as f64;
    let correction = if n > 1.0 { n / (n - 1.0) } else { f64::NAN };
    Scores {
        name: stream.name.clone(),
        tokens,
        bytes,
        loss,
        standard_error: (squares * correction).sqrt() / tokens as f64,
        perplexity: loss.exp(),
        bits_per_byte: bits / bytes as f64,
        unigram_entropy: unigram_entropy(&stream.ids[1..]),
    }
}

/// Returns the entropy of `ids` under their own frequencies, nats/token.
fn unigram_entropy(ids: &[u32]) -> f64 {
    let mut counts = BTreeMap::<u32, u64>::new();
    for id in ids {
        *counts.entry(*id).or_default() += 1;
    }
    let shares = counts.values().map(|count| *count as f64 / ids.len() as f64);
    shares.map(|share| -share * share.ln()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_token_but_the_first_is_scored_once() {
        for n in 2..40 {
            for length in 1..9 {
                for stride in 1..=length {
                    let windows = windows(n, Cut { length, stride, micro_batch_size: 2 });
                    let scored: Vec<usize> = windows.iter().flat_map(|w| w.scored..w.end).collect();
                    assert_eq!(scored, (1..n).collect::<Vec<_>>());
                    for w in windows {
                        assert!(w.start < w.scored && w.end - w.start <= length + 1, "{w:?}");
                    }
                }
            }
        }
    }
}
