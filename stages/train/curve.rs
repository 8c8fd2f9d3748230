use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// One row of `curve.jsonl`: what a step did. No times, so that a run's curve has the same bytes
/// each time.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Point {
    /// The step, from 1.
    pub(super) step: u64,
    /// Targets learned from, this step included.
    pub(super) tokens: u64,
    /// Mean loss of the batch before the step, nats/token.
    pub(super) loss: f64,
    pub(super) learning_rate: f64,
    /// Length of the gradient before it was cut.
    pub(super) gradient_norm: f64,
    /// Mean loss of the validation tokens after the step, nats/token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) validation_loss: Option<f64>,
}

/// The loss curve, one row a step.
pub(super) struct Curve {
    rows: BufWriter<File>,
    path: PathBuf,
}

impl Curve {
    /// Opens the curve of a run that has taken `steps`, and cuts off what a killed run wrote later.
    pub(super) fn open(folder: &Path, steps: u64) -> Result<Self> {
        let path = folder.join("curve.jsonl");
        let at = || path.display().to_string();
        let written = if path.exists() { fs::read(&path).with_context(at)? } else { Vec::new() };
        let kept: usize = written
            .split_inclusive(|byte| *byte == b'\n')
            .take(steps as usize)
            .map(<[u8]>::len)
            .sum();
        let mut rows = BufWriter::new(File::create(&path).with_context(at)?);
        rows.write_all(&written[..kept]).with_context(at)?;
        Ok(Self { rows, path })
    }

    pub(super) fn push(&mut self, point: &Point) -> Result<()> {
        let row = serde_json::to_string(point)?;
        writeln!(self.rows, "{row}").with_context(|| self.path.display().to_string())
    }

    /// Waits until all rows are on disk.
    pub(super) fn sync(&mut self) -> Result<()> {
        let at = || self.path.display().to_string();
        self.rows.flush().with_context(at)?;
        self.rows.get_ref().sync_all().with_context(at)
    }
}
