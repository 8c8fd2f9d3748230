//! The commit: balances the rows, gives the files their names in the dataset, and writes the manifest last.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};

use super::FORMAT;
use super::chain::Chain;
use super::ids;
use super::pass::REMOVED;
use super::plan::{Kind, Pass, Plan};
use super::receipt::Receipt;
use super::run::Run;
use super::tally::{Flow, Tally};
use crate::disk::{FileSeal, sync_folder, write_whole};
use crate::duplicates::write_clusters;
use crate::pipeline::Built;
use crate::shards::SPLITS;
use crate::token_shards::TokenShard;

/// What a dataset holds: written last, so that a folder without it is no dataset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of the dataset's layout.
    pub format: u32,
    /// What all of it follows from: pipeline, seed and input files.
    pub fingerprint: String,
    /// Rows that were read, unreadable ones among them.
    pub read: u64,
    /// Rows that the sample left out.
    pub left_out: u64,
    /// Documents of the input that have the id of an earlier one.
    pub duplicate_ids: u64,
    /// Documents that stayed.
    pub kept: u64,
    /// Rows that did not stay, by cause.
    pub removed: BTreeMap<String, u64>,
    /// Edits, by rule.
    pub edits: BTreeMap<String, u64>,
    /// How many rows passed each stage.
    pub stages: Vec<Flow>,
    /// What the token shards hold, by split.
    pub tokens: BTreeMap<String, SplitTokens>,
    /// Every file of the dataset but this one and `report.json`.
    pub files: Vec<FileSeal>,
}

/// What the shards of a split hold.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SplitTokens {
    /// Shards.
    pub shards: u64,
    /// Documents.
    pub documents: u64,
    /// Tokens, each document's end among them.
    pub tokens: u64,
}

/// The name of the table of duplicates.
pub const CLUSTERS: &str = "clusters.parquet";

/// The manifest's name.
pub const MANIFEST: &str = "manifest.json";

impl Manifest {
    /// Reads the manifest of the dataset in `dir`; `None` where there is none.
    ///
    /// # Errors
    /// When it cannot be read, or another version wrote it.
    pub fn read(dir: &Path) -> Result<Option<Manifest>> {
        let path = dir.join(MANIFEST);
        if !path.exists() {
            return Ok(None);
        }
        let place = || path.display().to_string();
        let json = fs::read(&path).with_context(place)?;
        let manifest: Manifest = serde_json::from_slice(&json).with_context(place)?;
        ensure!(
            manifest.format == FORMAT,
            "{}: format {}, this program reads {FORMAT}",
            path.display(),
            manifest.format
        );
        Ok(Some(manifest))
    }
}

/// What a commit tells beside the manifest.
pub struct Committed {
    /// The manifest.
    pub manifest: Manifest,
    /// All counts of the run.
    pub tally: Tally,
    /// What is odd, though nothing is lost by it.
    pub warnings: Vec<String>,
}

/// Counts what the receipts of all steps say.
fn tally(run: &Run<'_>) -> Result<(Tally, Vec<String>)> {
    let mut total: Option<Tally> = None;
    let mut warnings = Vec::new();
    for (number, step) in run.plan.steps.iter().enumerate() {
        let mut of_step = Tally::default();
        for receipt in all_receipts(run, number)? {
            of_step.add(&receipt.tally);
            warnings.extend(receipt.warnings);
        }
        if matches!(&step.kind, Kind::Pass(pass) if pass.settles()) {
            ensure!(of_step.is_balanced(), "step {}: rows do not balance", step.name);
            match &mut total {
                None => total = Some(of_step),
                Some(total) => {
                    ensure!(
                        total.kept == of_step.read,
                        "step {}: read {} rows of {} that the step before kept",
                        step.name,
                        of_step.read,
                        total.kept
                    );
                    total.follow(&of_step);
                }
            }
        }
    }
    let total = total.context("the plan has no pass")?;
    ensure!(total.is_balanced(), "rows do not balance over the run");
    warnings.sort();
    warnings.dedup();
    Ok((total, warnings))
}

fn all_receipts(run: &Run<'_>, step: usize) -> Result<Vec<Receipt>> {
    let receipts = run.receipts(step);
    let mut all = Vec::new();
    for task in 0..run.plan.steps[step].n_tasks {
        let parts = receipts.parts(task);
        ensure!(
            parts.last().is_some_and(|part| part.is_last),
            "step {}, task {task}: not done yet",
            run.plan.steps[step].name
        );
        all.extend(parts);
    }
    Ok(all)
}

/// Publishes the dataset.
///
/// # Errors
/// When a receipt is missing, rows do not balance, too many rows could not be read, or the disk fails. Nothing is lost by any of
/// these: the receipts stay, and the same command goes on from them.
pub fn commit(run: &Run<'_>) -> Result<Committed> {
    let (tally, mut warnings) = tally(run)?;
    warnings.extend(run.built.iter().flat_map(Built::warnings));
    check_unreadable(run, &tally)?;
    let duplicate_ids = count_duplicate_ids(run)?;
    if duplicate_ids > 0 {
        warnings.push(format!("{duplicate_ids} documents have the id of an earlier one"));
    }
    for file in &run.plan.files {
        run.source.check_unchanged(file)?;
    }
    let mut files = publish_outputs(run)?;
    let mut added = BTreeMap::new();
    for pass in passes(&run.plan) {
        let chain = Chain::open(run, pass)?;
        for (name, path) in chain.stages().iter().flat_map(|stage| stage.files()) {
            added.insert(name, fs::read(&path).with_context(|| path.display().to_string())?);
        }
        added.extend(chain.stages().iter().flat_map(|stage| stage.written()));
    }
    for (name, bytes) in added {
        let seal = write_whole(&run.dir.join(&name), &bytes)?;
        files.push(FileSeal { path: name, ..seal });
    }
    files.extend(write_duplicates(run)?);
    files.push(write_whole(&run.dir.join("pipeline.toml"), effective(&run.plan)?.as_bytes())?);
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let manifest = Manifest {
        format: FORMAT,
        fingerprint: run.plan.fingerprint().to_owned(),
        read: tally.read,
        left_out: tally.left_out,
        duplicate_ids,
        kept: tally.kept,
        removed: tally.removed.clone(),
        edits: tally.edits.clone(),
        stages: tally.stages.clone(),
        tokens: count_tokens(&run.dir, &files)?,
        files,
    };
    for folder in ["documents", "removed", "tokenizer", "tokens/train", "tokens/validation", ""] {
        let folder = run.dir.join(folder);
        if folder.is_dir() {
            sync_folder(&folder)?;
        }
    }
    let json = serde_json::to_vec_pretty(&manifest).context("cannot write the manifest as JSON")?;
    write_whole(&run.dir.join(MANIFEST), &json)?;
    sync_folder(&run.dir)?;
    discard_work(&run.plan)?;
    Ok(Committed { manifest, tally, warnings })
}

/// Deletes the folder `work` of a committed dataset, unless the pipeline keeps it. A kill just behind the manifest leaves it there.
///
/// # Errors
/// When the disk fails.
pub fn discard_work(plan: &Plan) -> Result<()> {
    let work = plan.pipeline.dir().join("work");
    if plan.pipeline.output.keep_work || !work.exists() {
        return Ok(());
    }
    fs::remove_dir_all(&work).with_context(|| work.display().to_string())
}

fn count_duplicate_ids(run: &Run<'_>) -> Result<u64> {
    let counting = run.plan.steps.iter().position(|step| match &step.kind {
        Kind::Pass(pass) => pass.counts_ids(),
        _ => false,
    });
    counting.map_or(Ok(0), |step| ids::count_duplicates(run, step))
}

fn check_unreadable(run: &Run<'_>, tally: &Tally) -> Result<()> {
    let (found, limit) = (tally.unreadable(), run.plan.pipeline.input.max_unreadable);
    if found <= limit {
        return Ok(());
    }
    let folder = run.plan.steps.iter().position(|step| match &step.kind {
        Kind::Pass(pass) => pass.settles(),
        _ => false,
    });
    let folder = folder.map_or(run.work(), |step| run.folder(step));
    bail!(
        "{found} rows could not be read, `input.max_unreadable` allows {limit}; no dataset was written\n\
         hint: they are in {}/*{REMOVED}; with a higher `max_unreadable` the same command commits at once",
        folder.display()
    )
}

/// Returns the number of ids of the tokenizer of a pass.
pub(super) fn vocab_size(run: &Run<'_>, pass: &Pass) -> Result<usize> {
    let chain = Chain::open(run, pass)?;
    chain.stages().iter().find_map(|stage| stage.vocab_size()).context("no tokenizer")
}

/// Writes which documents the stages of a run removed as duplicates of which; nothing where no stage looks for any.
fn write_duplicates(run: &Run<'_>) -> Result<Option<FileSeal>> {
    let mut stages = Vec::new();
    for pass in passes(&run.plan).filter(|pass| pass.settles()) {
        stages.extend(Chain::open(run, pass)?.stages().iter().filter_map(|s| s.clusters()));
    }
    if stages.is_empty() {
        return Ok(None);
    }
    write_clusters(&run.dir.join(CLUSTERS), &stages, &run.plan.files).map(Some)
}

/// Returns the passes of a plan, in order.
pub(super) fn passes(plan: &Plan) -> impl DoubleEndedIterator<Item = &Pass> {
    plan.steps.iter().filter_map(|step| match &step.kind {
        Kind::Pass(pass) => Some(pass),
        _ => None,
    })
}

/// Gives the outputs of all steps their names in the dataset.
fn publish_outputs(run: &Run<'_>) -> Result<Vec<FileSeal>> {
    let mut published = Vec::new();
    for number in 0..run.plan.steps.len() {
        let folder = run.folder(number);
        // The files of the tasks that are looked at come from receipts, which `tally` has found whole.
        for file in all_outputs(run, number) {
            let Some(name) = name_in_dataset(number, &file.path) else { continue };
            let (from, to) = (folder.join(&file.path), run.dir.join(&name));
            let parent = to.parent().unwrap_or(&run.dir);
            fs::create_dir_all(parent).with_context(|| parent.display().to_string())?;
            // A link, not a rename: until the manifest is there, the receipts must still find their files.
            match fs::hard_link(&from, &to) {
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                    fs::remove_file(&to)
                        .and_then(|()| fs::hard_link(&from, &to))
                        .with_context(|| to.display().to_string())?;
                }
                Err(_) => drop(fs::copy(&from, &to).with_context(|| to.display().to_string())?),
                Ok(()) => {}
            }
            published.push(FileSeal { path: name, ..file });
        }
    }
    remove_others(run, &published)?;
    Ok(published)
}

fn all_outputs(run: &Run<'_>, step: usize) -> impl Iterator<Item = FileSeal> {
    let receipts = run.receipts(step);
    (0..run.plan.steps[step].n_tasks)
        .flat_map(move |task| receipts.parts(task))
        .flat_map(|part| part.files)
}

/// Returns the name that an output of a step has in the dataset; `None` for what only later steps need.
fn name_in_dataset(step: usize, name: &str) -> Option<String> {
    if let Some(part) = name.strip_suffix(REMOVED) {
        return Some(format!("removed/{step:02}-{part}.parquet"));
    }
    for split in SPLITS {
        if let Some(rest) = name.strip_prefix(split).and_then(|rest| rest.strip_prefix('-')) {
            return Some(format!("tokens/{split}/{rest}"));
        }
    }
    let is_document = name.ends_with(".parquet") || name.ends_with(".jsonl.zst");
    is_document.then(|| format!("documents/{name}"))
}

/// Deletes what an earlier commit, cut off before its manifest, left of another configuration.
fn remove_others(run: &Run<'_>, published: &[FileSeal]) -> Result<()> {
    for folder in ["documents", "removed", "tokens/train", "tokens/validation"] {
        let Ok(entries) = fs::read_dir(run.dir.join(folder)) else { continue };
        for entry in entries {
            let entry = entry?;
            let name = format!("{folder}/{}", entry.file_name().to_string_lossy());
            if !published.iter().any(|file| file.path == name) {
                fs::remove_file(entry.path()).with_context(|| name.clone())?;
            }
        }
    }
    Ok(())
}

/// Returns the pipeline as it took effect on the dataset, without what does not change its bytes: where it lies, and what is trained
/// on it.
fn effective(plan: &Plan) -> Result<String> {
    let mut pipeline = plan.pipeline.clone();
    pipeline.output.dir = String::new();
    (pipeline.train, pipeline.evaluate) = (None, None);
    pipeline.to_toml()
}

fn count_tokens(dir: &Path, files: &[FileSeal]) -> Result<BTreeMap<String, SplitTokens>> {
    let mut splits: BTreeMap<String, SplitTokens> = BTreeMap::new();
    for file in files {
        let Some(prefix) = file.path.strip_suffix(".idx") else { continue };
        let split = prefix.split('/').nth(1).unwrap_or_default();
        // Opened as a trainer opens it: a shard that cannot be read is found before the manifest appears.
        let shard = TokenShard::open(&dir.join(prefix))?;
        let counts = splits.entry(split.to_owned()).or_default();
        counts.shards += 1;
        counts.documents += shard.n_documents();
        counts.tokens += shard.n_tokens();
    }
    Ok(splits)
}
