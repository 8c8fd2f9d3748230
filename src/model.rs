//! The model at the end of a run: trained and evaluated on the finished dataset.

use std::path::Path;

use anyhow::{Context, Result, anyhow};
use rayon::ThreadPoolBuilder;
use stages::evaluate::{self, Evaluate, EvaluateReport};
use stages::tokenize::tokenizer_path;
use stages::train::{self, Device, Train, TrainReport};

use crate::failure::Failure;
use crate::progress::Progress;
use crate::table::{count, seconds};
use stages::runner::Watch;

/// Gives the training as many threads as the run has; to be called once.
///
/// # Errors
/// When threads cannot be started.
pub(crate) fn use_threads(threads: Option<usize>) -> Result<()> {
    let pool = ThreadPoolBuilder::new().num_threads(threads.unwrap_or(0));
    pool.build_global().context("cannot start threads")
}

/// Trains a model, or goes on with one; a finished one is only reported.
///
/// # Errors
/// When the dataset or the disk fails, or the user stops it.
pub(crate) fn train(
    config: &Train,
    data: &Path,
    out: &Path,
    device: Device,
    progress: &Progress,
) -> Result<TrainReport, Failure> {
    let trained = train::run(config, data, out, device, &mut |at| progress.trained(at));
    progress.end();
    let report = trained.context("train")?;
    if !report.finished {
        let stopped = anyhow!(
            "interrupted at step {}\nhint: the same command goes on from here",
            report.steps
        );
        return Err(Failure::Interrupted(stopped));
    }
    let figure = |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value:.3}"));
    progress.tell(&format!(
        "train: {} parameters, {} steps, {} tokens in {}: validation loss {} nats/token, unigram entropy {}",
        count(report.parameters),
        count(report.steps),
        count(report.tokens_seen),
        seconds(report.seconds),
        figure(report.validation_loss),
        figure(Some(report.unigram_entropy))
    ));
    Ok(report)
}

/// Scores a model.
///
/// # Errors
/// When the dataset or a text fails, or the user stops it.
pub(crate) fn evaluate(
    config: &Evaluate,
    data: &Path,
    model: &Path,
    device: Device,
    progress: &Progress,
) -> Result<EvaluateReport, Failure> {
    let tokenizer = models::load(&tokenizer_path(data))?;
    let watch = &mut |at: &_| progress.evaluated(at);
    let evaluated = evaluate::run(config, model, data, tokenizer.as_ref(), device, watch);
    progress.end();
    let report = match evaluated {
        Err(error) if progress.is_interrupted() => return Err(Failure::Interrupted(error)),
        evaluated => evaluated.context("evaluate")?,
    };
    for scores in &report.scores {
        progress.tell(&format!(
            "evaluate {}: {:.3} ± {:.3} nats/token, perplexity {:.1}, {:.3} bits per byte over {} tokens \
             (unigram entropy {:.3})",
            scores.name,
            scores.loss,
            scores.standard_error,
            scores.perplexity,
            scores.bits_per_byte,
            count(scores.tokens),
            scores.unigram_entropy
        ));
    }
    Ok(report)
}
