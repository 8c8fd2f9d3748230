//! Trains a small causal language model on a finished dataset, which it reads as any outside
//! trainer would.
//!
//! The model folder:
//! ```text
//! manifest.json      written last, by rename: no manifest, no model
//! config.json  model.safetensors   transformers' LlamaForCausalLM loads these
//! tokenizer.json     the dataset's
//! curve.jsonl        one row a step
//! report.json        counts, losses, speed: all that may differ between runs
//! checkpoints/       the last one, from which a stopped run goes on
//! ```
//! On a CPU, weights, curve and manifest have the same bytes for any number of threads, and however
//! often the run was stopped: a batch is cut into parts of `micro_batch_size` windows, one thread
//! each, and their gradients are added in order.
//!
//! The loss is compared with the *unigram entropy* of the same validation targets under their own
//! frequencies: the least that any model without context can reach on them, and it needs no
//! smoothing, as the train frequencies would for tokens they lack.

mod config;
mod curve;
mod finish;
mod order;
mod validation;
mod windows;

pub use config::Train;
pub use models::Device;

use anyhow::{Context, Result, bail, ensure};
use curve::{Curve, Point};
use models::{AdamW, Checkpoint, Gpt, Gradients, LanguageModel, Schedule, TokenBatch, TrainState};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::time::Instant;
use validation::Validation;
use windows::Windows;

/// Share of the smoothed loss that stays each step.
const SMOOTHING: f64 = 0.95;

/// What a step did, for the one who watches.
#[derive(Clone, Debug)]
pub struct TrainProgress {
    /// Steps taken.
    pub step: u64,
    /// Steps of the run.
    pub steps: u64,
    /// Mean loss of the step's batch, nats/token.
    pub loss: f64,
    /// The same, smoothed over about twenty steps.
    pub smoothed_loss: f64,
    /// Mean loss of the validation tokens, after the steps that validate.
    pub validation_loss: Option<f64>,
    /// Train tokens a second since this process began.
    pub tokens_per_second: f64,
    /// The learning rate of the step.
    pub learning_rate: f64,
    /// Seconds until the last step at this speed.
    pub seconds_left: f64,
}

/// What came of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainReport {
    /// Whether all steps were taken; if not, the run goes on from its checkpoint.
    pub finished: bool,
    /// Steps taken.
    pub steps: u64,
    /// Tokens in the train split.
    pub train_tokens: u64,
    /// Tokens learned from, repeated ones counted each time.
    pub tokens_seen: u64,
    /// Weights of the model; tied ones count once.
    pub parameters: u64,
    /// Smoothed loss of the last batches, nats/token.
    pub train_loss: f64,
    /// Mean loss of the validation tokens after the last step, nats/token; absent if the run
    /// stopped before it.
    pub validation_loss: Option<f64>,
    /// Validation tokens that are scored.
    pub validation_tokens: u64,
    /// Entropy of these tokens under their own frequencies, nats/token: what a model without any
    /// context would reach at best.
    pub unigram_entropy: f64,
    /// Train tokens a second in the process that ended the run.
    pub tokens_per_second: f64,
    /// Seconds of that process, validation and checkpoints included.
    pub seconds: f64,
    /// The step that this process went on from.
    pub resumed_from_step: Option<u64>,
}

/// Trains a model on the dataset folder `data` and writes it into `out`.
///
/// A run that was stopped goes on from its last checkpoint; a finished one is only reported.
/// `watch` is called after each step; when it returns false, the run stops after a checkpoint.
pub fn run(
    config: &Train,
    data: &Path,
    out: &Path,
    device: Device,
    watch: &mut dyn FnMut(&TrainProgress) -> bool,
) -> Result<TrainReport> {
    config.validate()?;
    let fingerprint = finish::fingerprint(config, data)?;
    if let Some(report) = finish::finished(out, &fingerprint)? {
        return Ok(report);
    }
    let tokens = data.join("tokens");
    let train = Windows::open(&tokens.join("train"), config.sequence_length)?;
    let validation = Validation::new(
        Windows::open(&tokens.join("validation"), config.sequence_length)?,
        config.sequence_length,
        config.max_validation_tokens,
        config.micro_batch_size,
    )?;
    std::fs::create_dir_all(out).with_context(|| out.display().to_string())?;
    let mut trainer = Trainer::open(config, data, out, device, train, fingerprint)?;
    trainer.run(&validation, watch)
}

/// A run under way.
struct Trainer<'a> {
    config: &'a Train,
    data: &'a Path,
    out: &'a Path,
    train: Windows,
    model: Gpt,
    optimizer: AdamW,
    schedule: Schedule,
    state: TrainState,
    curve: Curve,
    /// Parts of a batch that are worked on at once.
    n_threads: usize,
    resumed_from_step: Option<u64>,
}

impl<'a> Trainer<'a> {
    fn open(
        config: &'a Train,
        data: &'a Path,
        out: &'a Path,
        device: Device,
        train: Windows,
        fingerprint: String,
    ) -> Result<Self> {
        let checkpoint = Checkpoint::find(&out.join("checkpoints"))?;
        let model = match &checkpoint {
            Some(checkpoint) if checkpoint.state().fingerprint != fingerprint => bail!(
                "{}: is a checkpoint of another run\nhint: give another folder, or delete it",
                checkpoint.folder().display()
            ),
            Some(checkpoint) => Gpt::open(checkpoint.folder(), device)?,
            None => {
                let vocab_size = config.vocab_size.map_or_else(|| windows::vocab_size(data), Ok)?;
                Gpt::new(config.shape(vocab_size), config.seed, device)?
            }
        };
        let mut optimizer = AdamW::new(config.adamw(), model.parameters())?;
        if let Some(checkpoint) = &checkpoint {
            checkpoint.restore(&model, &mut optimizer)?;
        }
        let resumed_from_step = checkpoint.as_ref().map(|checkpoint| checkpoint.state().step);
        let state = checkpoint.map_or(
            TrainState { step: 0, tokens: 0, smoothed_loss: 0.0, fingerprint },
            |checkpoint| checkpoint.state().clone(),
        );
        Ok(Self {
            config,
            data,
            out,
            schedule: config.schedule(config.n_steps(train.n_windows())),
            train,
            model,
            optimizer,
            curve: Curve::open(out, state.step)?,
            state,
            n_threads: if device == Device::Cpu { rayon::current_num_threads() } else { 1 },
            resumed_from_step,
        })
    }

    fn run(
        &mut self,
        validation: &Validation,
        watch: &mut dyn FnMut(&TrainProgress) -> bool,
    ) -> Result<TrainReport> {
        let (begin, steps) = (Instant::now(), self.schedule.steps);
        let tokens_before = self.state.tokens;
        let mut validation_loss = None;
        while self.state.step < steps {
            let mut point = self.step()?;
            let last = self.state.step == steps;
            if last || self.state.step.is_multiple_of(self.config.validate_every_steps) {
                validation_loss = Some(validation.loss(&self.model, self.n_threads)?);
                point.validation_loss = validation_loss;
            }
            self.curve.push(&point)?;
            let speed = speed(self.state.tokens - tokens_before, &begin);
            let left = (steps - self.state.step) * self.tokens_of_a_step();
            let goes_on = watch(&TrainProgress {
                step: point.step,
                steps,
                loss: point.loss,
                smoothed_loss: self.state.smoothed_loss,
                validation_loss: point.validation_loss,
                tokens_per_second: speed,
                learning_rate: point.learning_rate,
                seconds_left: left as f64 / speed,
            });
            if last
                || !goes_on
                || self.state.step.is_multiple_of(self.config.checkpoint_every_steps)
            {
                self.save()?;
            }
            if !goes_on {
                break;
            }
        }
        let finished = self.state.step == steps;
        if finished && validation_loss.is_none() {
            // A run that was killed after its last checkpoint.
            validation_loss = Some(validation.loss(&self.model, self.n_threads)?);
        }
        let report = TrainReport {
            finished,
            steps: self.state.step,
            train_tokens: self.train.shards().n_tokens(),
            tokens_seen: self.state.tokens,
            parameters: self.model.parameters().n_weights(),
            train_loss: self.state.smoothed_loss,
            validation_loss: validation_loss.filter(|_| finished),
            validation_tokens: validation.n_targets,
            unigram_entropy: validation.unigram_entropy,
            tokens_per_second: speed(self.state.tokens - tokens_before, &begin),
            seconds: begin.elapsed().as_secs_f64(),
            resumed_from_step: self.resumed_from_step,
        };
        if report.finished {
            finish::commit(self.config, self.data, self.out, &self.model, &report, &self.state)?;
        }
        Ok(report)
    }

    /// Takes one step of the optimizer.
    fn step(&mut self) -> Result<Point> {
        let step = self.state.step;
        let parts = windows::micro_batches(self.config, &self.train, step)?;
        let (loss, gradients) = self.loss_and_gradients(&parts)?;
        let norm = gradients.norm()?;
        ensure!(
            loss.is_finite() && norm.is_finite(),
            "step {}: loss {loss}, gradient norm {norm}\nhint: lower learning_rate",
            step + 1
        );
        let scale = (self.config.max_grad_norm / norm.max(f64::MIN_POSITIVE)).min(1.0);
        let learning_rate = self.schedule.rate(step);
        self.optimizer.step(self.model.parameters(), &gradients, scale, learning_rate)?;
        let smoothed = SMOOTHING * self.state.smoothed_loss + (1.0 - SMOOTHING) * loss;
        self.state.smoothed_loss = if step == 0 { loss } else { smoothed };
        self.state.tokens += self.tokens_of_a_step();
        self.state.step += 1;
        Ok(Point {
            step: self.state.step,
            tokens: self.state.tokens,
            loss,
            learning_rate,
            gradient_norm: norm,
            validation_loss: None,
        })
    }

    /// Returns mean loss and gradients of a batch; the threads share its parts, whose results are
    /// added in order.
    fn loss_and_gradients(&self, parts: &[TokenBatch]) -> Result<(f64, Gradients)> {
        let n_targets = parts.iter().map(|part| part.targets().len()).sum();
        let mut total: Option<(f64, Gradients)> = None;
        for wave in parts.chunks(self.n_threads) {
            let results =
                wave.par_iter().map(|part| self.model.loss_and_gradients(part, n_targets));
            for (loss, gradients) in results.collect::<Result<Vec<_>, _>>()? {
                match &mut total {
                    Some((sum, all)) => {
                        *sum += loss;
                        all.add(&gradients)?;
                    }
                    None => total = Some((loss, gradients)),
                }
            }
        }
        Ok(total.expect("a batch has at least one part"))
    }

    fn tokens_of_a_step(&self) -> u64 {
        (self.config.batch_size * self.config.sequence_length) as u64
    }

    fn save(&mut self) -> Result<()> {
        self.curve.sync()?;
        let folder = self.out.join("checkpoints");
        Ok(Checkpoint::save(&folder, &self.model, &self.optimizer, &self.state)?)
    }
}

fn speed(tokens: u64, begin: &Instant) -> f64 {
    tokens as f64 / begin.elapsed().as_secs_f64().max(1e-9)
}

#[cfg(test)]
mod tests;
