//! The plan: which steps a pipeline takes, and into how many tasks each is cut.
//!
//! The plan is static: it follows from the pipeline and the list of input files alone, so that an engine can submit all of it
//! at once. Stages between two censuses fuse into one *pass*. A census adds, for each of its rounds, a pass that scans, a gather
//! and a seal. The pass that scans for a first round also spools its documents (zstd 1) if a costly stage lies
//! between it and what it reads; later passes then read the spool instead of judging again. The last pass writes.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::{FORMAT, steps};
use crate::disk::write_whole;
use crate::pipeline::{Built, Pipeline, Setting, StageConfig};
use crate::rows::TaskOfFile;
use crate::source::InputFile;

/// Input files are dealt to tasks in order, until a task has this many bytes on disk.
const TASK_BYTES: u64 = 256 << 20;
/// A task leaves a receipt each time it has read this many bytes after decompression.
const PART_BYTES: u64 = 256 << 20;
/// A key range stands for this many bytes of input.
const RANGE_BYTES: u64 = 64 << 20;

/// The steps of a pipeline over given input files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// `FORMAT` of the program that planned.
    pub format: u32,
    /// The pipeline, defaults filled in.
    pub pipeline: Pipeline,
    /// The input files.
    pub files: Vec<InputFile>,
    /// The first file of each input task.
    pub task_starts: Vec<u32>,
    /// Bytes after decompression between two receipts of a task.
    pub part_bytes: u64,
    /// Into how many key ranges a census is cut.
    pub n_ranges: u32,
    /// Into how many intervals the final shuffle is cut.
    pub n_intervals: u32,
    /// The steps, each after those it needs.
    pub steps: Vec<Step>,
}

/// One step: tasks that need nothing of each other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// What the step is called in folders and messages, such as `scan-dedup_exact`.
    pub name: String,
    /// What its tasks do.
    pub kind: Kind,
    /// The number of tasks.
    pub n_tasks: u32,
    /// xxh3-128 of all that its outputs follow from, as hexadecimal digits.
    pub fingerprint: String,
}

/// What the tasks of a step do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// One task for each run of input files: documents go through stages.
    Pass(Pass),
    /// One task for each key range of a census round.
    Gather {
        /// The stage that is a census.
        stage: usize,
        /// Its round.
        round: usize,
        /// The step that scanned.
        scan: usize,
    },
    /// One task: joins what was gathered.
    Seal {
        /// The stage that is a census.
        stage: usize,
        /// Its round.
        round: usize,
        /// The step that gathered.
        gather: usize,
    },
    /// One task for each interval: token shards.
    Shuffle {
        /// The stage that cuts shards.
        stage: usize,
        /// The step that wrote the tokens.
        scan: usize,
    },
}

/// A pass of documents through fused stages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pass {
    /// The step whose spool is read; `None` for the input files.
    pub base: Option<usize>,
    /// The first stage that is applied.
    pub first: usize,
    /// The stage behind the last one that is applied.
    pub end: usize,
    /// The census (or the shuffle) that scans what comes out, and its round.
    pub scan: Option<(usize, usize)>,
    /// Whether the documents are spooled for later passes.
    pub spool: bool,
    /// Whether the documents are written into the dataset.
    pub write: bool,
}

impl Pass {
    /// Says whether this pass settles the fate of its rows: each row is settled by one pass, and its removal written there.
    pub fn settles(&self) -> bool {
        self.spool || self.write
    }

    /// Says whether this pass settles the rows of the input.
    pub fn counts_ids(&self) -> bool {
        self.settles() && self.base.is_none()
    }
}

impl Plan {
    /// Plans a pipeline over input files.
    ///
    /// # Errors
    /// When a stage cannot be built; the mistakes were shown by [`Pipeline::build`] before.
    pub fn new(pipeline: Pipeline, files: Vec<InputFile>) -> Result<Plan> {
        Plan::with_sizes(pipeline, files, TASK_BYTES, PART_BYTES)
    }

    /// Plans with other sizes of tasks and parts: for tests, which have little text.
    ///
    /// # Errors
    /// As [`Plan::new`].
    pub fn with_sizes(
        pipeline: Pipeline,
        files: Vec<InputFile>,
        task_bytes: u64,
        part_bytes: u64,
    ) -> Result<Plan> {
        let bytes: u64 = files.iter().map(|file| file.bytes).sum();
        // A limit counts documents in input order, which only one task can do.
        let one_task = pipeline.input.limit.is_some();
        let mut plan = Plan {
            format: FORMAT,
            task_starts: cut_tasks(&files, if one_task { u64::MAX } else { task_bytes }),
            part_bytes,
            n_ranges: (bytes / RANGE_BYTES).clamp(4, 4096) as u32,
            n_intervals: count_intervals(&pipeline, bytes),
            pipeline,
            files,
            steps: Vec::new(),
        };
        let built = plan.build()?;
        plan.steps = steps::list(&plan, &built)?;
        Ok(plan)
    }

    /// Makes the stages of the pipeline.
    ///
    /// # Errors
    /// The first mistake.
    pub fn build(&self) -> Result<Vec<Built>> {
        let built = self.pipeline.build(self.setting());
        built.map_err(|mut mistakes| mistakes.remove(0).error)
    }

    /// Returns what stages need to know of the run.
    pub fn setting(&self) -> Setting {
        Setting { seed: self.pipeline.seed, n_ranges: self.n_ranges, n_intervals: self.n_intervals }
    }

    /// Returns the number of input tasks.
    pub fn n_input_tasks(&self) -> u32 {
        self.task_starts.len() as u32
    }

    /// Returns the files of an input task.
    pub fn task_files(&self, task: u32) -> &[InputFile] {
        let bound = |task: usize| self.task_starts.get(task).map(|&file| file as usize);
        let start = bound(task as usize).unwrap_or(self.files.len());
        let end = bound(task as usize + 1).unwrap_or(self.files.len());
        &self.files[start..end]
    }

    /// Returns the input task of each file.
    pub fn task_of_file(&self) -> TaskOfFile {
        let task = |file: u32| self.task_starts.partition_point(|&start| start <= file) - 1;
        let tasks: Vec<u32> = (0..self.files.len() as u32).map(|file| task(file) as u32).collect();
        Arc::from(tasks)
    }

    /// Returns the name of a step's folder: a changed configuration gets another folder.
    pub fn folder(&self, step: usize) -> String {
        let Step { name, fingerprint, .. } = &self.steps[step];
        let short: String = fingerprint.chars().take(12).collect();
        format!("{step:02}-{name}-{short}")
    }

    /// Returns the step that seals a round.
    pub fn seal_of(&self, stage: usize, round: usize) -> Option<usize> {
        self.steps.iter().position(|step| match step.kind {
            Kind::Seal { stage: s, round: r, .. } => (s, r) == (stage, round),
            _ => false,
        })
    }

    /// Returns what identifies the whole dataset.
    pub fn fingerprint(&self) -> &str {
        self.steps.last().map_or("", |step| &step.fingerprint)
    }

    /// Writes the plan to `path`.
    ///
    /// # Errors
    /// When the disk is full or fails.
    pub fn write(&self, path: &Path) -> Result<()> {
        let json = serde_json::to_vec_pretty(self).context("cannot write the plan as JSON")?;
        write_whole(path, &json).map(drop)
    }

    /// Reads a plan from `path`.
    ///
    /// # Errors
    /// When there is none, or another version wrote it.
    pub fn read(path: &Path) -> Result<Plan> {
        let place = || path.display().to_string();
        let json = std::fs::read(path).with_context(place)?;
        let plan: Plan = serde_json::from_slice(&json).with_context(place)?;
        anyhow::ensure!(
            plan.format == FORMAT,
            "{}: made by another version of corpusmill (format {}, this is {FORMAT})",
            path.display(),
            plan.format
        );
        Ok(plan)
    }
}

fn cut_tasks(files: &[InputFile], task_bytes: u64) -> Vec<u32> {
    let mut starts = Vec::new();
    let mut bytes = 0;
    for (number, file) in files.iter().enumerate() {
        if number == 0 || bytes >= task_bytes {
            starts.push(number as u32);
            bytes = 0;
        }
        bytes += file.bytes;
    }
    starts
}

/// A shard is a run of whole intervals, so intervals are cut finer than shards.
fn count_intervals(pipeline: &Pipeline, bytes: u64) -> u32 {
    let shard_tokens = pipeline.stages.iter().find_map(|stage| match stage {
        StageConfig::Shards(shards) => Some(shards.shard_tokens),
        _ => None,
    });
    // Compressed input holds about one token a byte.
    shard_tokens
        .map_or(1, |tokens| (bytes / tokens.max(1)).saturating_mul(8).clamp(16, 8192) as u32)
}
