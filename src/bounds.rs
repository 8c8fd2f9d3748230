//! What a run needs at most: memory and disk, computed before it begins.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use stages::config::{Documents, KeepRemoved};
use stages::pipeline::StageConfig;
use stages::runner::{Kind, Plan};

use crate::prepare::Machine;

/// The parts of the bound on memory, in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MemoryBound {
    /// `memory`: what the rows of a census, the sort and the sinks share.
    pub(crate) budget: u64,
    /// Blocks under way, by thread.
    pub(crate) threads: u64,
    /// Vocabulary and models.
    pub(crate) models: u64,
}

impl MemoryBound {
    pub(crate) fn total(&self) -> u64 {
        self.budget + self.threads + self.models
    }
}

/// A thread holds this many rows of the longest length at once: the one that is read ahead, and the present one as it was read, parsed,
/// edited, tokenized and written. Measured once: with 14 rows of 60 MB on each of two threads the process peaked at 6.0 row lengths a thread above
/// the budget, through exact and near deduplication; tokens and shards were only tried with one such file.
const LONGEST_ROWS_PER_THREAD: u64 = 8;
/// What a thread holds besides: its blocks (8 MiB of text each at most, unless one row is longer) and its scratch space.
const BYTES_PER_THREAD: u64 = 96 << 20;
/// An id of a vocabulary in memory: its bytes, its merge, its places in two indices.
const BYTES_PER_ID: u64 = 160;

/// Returns the most memory that a run takes:
///
/// `memory` + threads × (8 × `max_line_bytes` + the rows that `dedup_lines`, `dedup_substring` and the like make of one such document + 96 MiB, or what `dedup_minhash`
/// remembers of a cluster if that is more) + ids × 160 bytes + the files that rules and stages open + the n-grams of evaluation sets. Units of
/// `dedup_minhash` other than `words` take more than 8 lengths of a row.
///
/// Only the first addend follows from the size of the corpus, and it is the budget that the runner keeps to. A row of
/// `max_line_bytes` on every thread at once is the worst case; real corpora stay far below it.
pub(crate) fn memory_bound(plan: &Plan, machine: Machine) -> MemoryBound {
    let longest = plan.pipeline.input.max_line_bytes as u64;
    let of_clusters = plan.pipeline.stages.iter().filter_map(|stage| match stage {
        StageConfig::DedupMinhash(config) => Some(config.gather_bytes()),
        _ => None,
    });
    let of_rows = plan.pipeline.stages.iter().filter_map(|stage| match stage {
        StageConfig::DedupLines(config) | StageConfig::DedupParagraphs(config) => {
            Some(config.scan_bytes(longest))
        }
        StageConfig::DedupSentences(config) => Some(config.scan_bytes(longest)),
        StageConfig::DedupSubstring(config) => Some(config.scan_bytes(longest)),
        StageConfig::DedupMinhash(config) => Some(config.row_lengths() * longest),
        _ => None,
    });
    let of_documents =
        LONGEST_ROWS_PER_THREAD * longest + of_rows.max().unwrap_or(0) + BYTES_PER_THREAD;
    // Documents and clusters are never under way at once.
    let per_thread = of_documents.max(of_clusters.max().unwrap_or(0));
    let of_stage = |stage: &StageConfig| {
        let opened: u64 = stage.references().iter().map(|path| file_bytes(path)).sum();
        let ids = match stage {
            StageConfig::Tokenize(tokenize) => tokenize.train.as_ref().map_or(0, |t| t.vocab_size),
            _ => 0,
        };
        let evaluation = match stage {
            StageConfig::Decontaminate(config) => config.evaluation_bytes(),
            _ => 0,
        };
        opened + ids as u64 * BYTES_PER_ID + evaluation
    };
    MemoryBound {
        budget: machine.memory,
        threads: machine.threads as u64 * per_thread,
        models: plan.pipeline.stages.iter().map(of_stage).sum(),
    }
}

/// Text takes about this many times its compressed bytes.
const EXPANSION: u64 = 4;
/// Bytes of text in a document, to guess how many documents there are.
const DOCUMENT_BYTES: u64 = 2_000;
/// Bytes of text in a token, rounded down.
const TOKEN_BYTES: u64 = 3;
/// Bytes of text in a line, a paragraph and a sentence that are long enough to be looked at.
const LINE_BYTES: u64 = 60;
const PARAGRAPH_BYTES: u64 = 200;
const SENTENCE_BYTES: u64 = 80;
/// A row of theirs on disk.
const SPAN_ROW_BYTES: u64 = 37;
/// A row of a census on disk: its lengths, a key, a place.
const ROW_BYTES: u64 = 28;

/// Returns about how many bytes of disk a run takes, work folder and dataset together, if nothing were removed:
///
/// text = input bytes, times 4 where it is compressed. Documents and removed rows share text / 3; each spool takes
/// text / 3; a census writes its rows once when it scans and at most once when it gathers; ids take 4 bytes in the
/// shuffle and again 4 in the shards.
pub(crate) fn disk_needed(plan: &Plan) -> u64 {
    let is_compressed = |path: &Path| {
        path.extension().is_some_and(|ending| ["gz", "zst", "parquet"].iter().any(|e| ending == *e))
    };
    let text: u64 = plan
        .files
        .iter()
        .map(|file| if is_compressed(&file.path) { file.bytes * EXPANSION } else { file.bytes })
        .sum();
    let (n_documents, n_tokens) = (text / DOCUMENT_BYTES + 1, text / TOKEN_BYTES);
    let output = &plan.pipeline.output;
    let keeps_text = output.documents != Documents::None || output.removed == KeepRemoved::Full;
    let documents = if keeps_text { text / 3 } else { 0 };
    let spools = plan.steps.iter().filter(|step| match &step.kind {
        Kind::Pass(pass) => pass.spool,
        _ => false,
    });
    let of_stage = |stage: &StageConfig| match stage {
        StageConfig::Filter(_) | StageConfig::Decontaminate(_) => 0,
        StageConfig::DedupExact(_) => 2 * n_documents * ROW_BYTES,
        StageConfig::DedupMinhash(config) => {
            2 * n_documents * config.bands_and_rows().0 as u64 * ROW_BYTES
        }
        StageConfig::DedupLines(_) => 2 * text / LINE_BYTES * SPAN_ROW_BYTES,
        StageConfig::DedupParagraphs(_) => 2 * text / PARAGRAPH_BYTES * SPAN_ROW_BYTES,
        StageConfig::DedupSentences(_) => 2 * text / SENTENCE_BYTES * SPAN_ROW_BYTES,
        StageConfig::DedupSubstring(config) => config.disk_bytes(text),
        // Each distinct word once a task: natural text repeats itself.
        StageConfig::Tokenize(_) => text / 8,
        StageConfig::Shards(_) => 2 * 4 * n_tokens,
    };
    let stages: u64 = plan.pipeline.stages.iter().map(of_stage).sum();
    documents + spools.count() as u64 * (text / 3) + stages
}

/// Returns the bytes that are free where a folder is or will be.
///
/// # Errors
/// When the file system does not say.
pub(crate) fn disk_free(dir: &Path) -> Result<u64> {
    let absolute = std::path::absolute(dir).with_context(|| dir.display().to_string())?;
    let existing = absolute.ancestors().find(|folder| folder.exists()).map(PathBuf::from);
    let existing = existing.unwrap_or_else(|| PathBuf::from("/"));
    let found = rustix::fs::statvfs(&existing).with_context(|| existing.display().to_string())?;
    Ok(found.f_bavail * found.f_frsize)
}

fn file_bytes(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}
