//! Tasks that see rows instead of documents: gather, seal, shuffle.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::chain::sealed;
use super::commit;
use super::pass::ROWS;
use super::plan::Kind;
use super::receipt::Receipt;
use super::run::Run;
use crate::disk::FileSeal;
use crate::pipeline::Built;
use crate::rows::{Gathered, Layout, Seal, Sealed, Segment, SortedRows, segments};
use crate::shards::{ShardWriter, ShuffleTask};
use crate::{Census, Round};

/// A step that sees rows, with what its tasks share.
pub(super) struct OpenGather<'a> {
    run: &'a Run<'a>,
    step: usize,
    work: Work<'a>,
}

enum Work<'a> {
    Gather { round: &'a dyn Round, rows: ScannedRows, notes: Option<Sealed> },
    Seal { round: &'a dyn Round, gather: usize },
    Shuffle { shards: &'a ShardWriter, rows: ScannedRows, vocab_size: usize },
}

impl<'a> OpenGather<'a> {
    pub(super) fn new(run: &'a Run<'a>, step: usize, kind: &Kind) -> Result<OpenGather<'a>> {
        let census = |stage: usize| -> Result<&'a dyn Census> {
            match &run.built[stage] {
                Built::Census(census) => Ok(census.as_ref()),
                _ => bail!("stage {stage} is no census"),
            }
        };
        let work = match *kind {
            Kind::Pass(_) => bail!("a pass sees documents"),
            Kind::Gather { stage, round, scan } => {
                let rows = ScannedRows::of(run, scan);
                let before = round.checked_sub(1);
                let notes = before.map(|before| sealed(run, stage, before)).transpose()?;
                Work::Gather { round: census(stage)?.rounds()[round].as_ref(), rows, notes }
            }
            Kind::Seal { stage, round, gather } => {
                Work::Seal { round: census(stage)?.rounds()[round].as_ref(), gather }
            }
            Kind::Shuffle { stage, scan } => {
                let Built::Shards(shards) = &run.built[stage] else { bail!("no shards") };
                let last = commit::passes(&run.plan).next_back().context("the plan has no pass")?;
                let vocab_size = commit::vocab_size(run, last)?;
                Work::Shuffle { shards, rows: ScannedRows::of(run, scan), vocab_size }
            }
        };
        Ok(OpenGather { run, step, work })
    }

    /// Does one task.
    pub(super) fn task(&self, task: u32) -> Result<()> {
        self.run.check_interrupted()?;
        let receipts = self.run.receipts(self.step);
        let folder = receipts.folder();
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        let (files, warnings) = match &self.work {
            Work::Gather { round, rows, notes } => {
                let earlier = round.earlier(task, notes.as_ref())?;
                self.gather(*round, rows, earlier, folder, task)?
            }
            Work::Seal { round, gather } => (self.seal(*round, *gather, folder)?, Vec::new()),
            Work::Shuffle { shards, rows, vocab_size } => {
                let layout = shards.layout();
                let open = |range| {
                    rows.open(&layout, range, Vec::new(), &folder.join(format!("{task:05}")))
                };
                let shuffle = ShuffleTask {
                    index: task,
                    folder,
                    weights: &rows.weights,
                    vocab_size: *vocab_size,
                    files: &self.run.plan.files,
                };
                (shards.write(&shuffle, open)?, Vec::new())
            }
        };
        receipts.leave(task, 0, Receipt { is_last: true, files, warnings, ..Receipt::default() })
    }

    fn gather(
        &self,
        round: &dyn Round,
        rows: &ScannedRows,
        earlier: Vec<Segment>,
        folder: &Path,
        task: u32,
    ) -> Result<(Vec<FileSeal>, Vec<String>)> {
        let scratch = folder.join(format!("{task:05}"));
        let mut rows = rows.open(&round.layout(), task, earlier, &scratch)?;
        let tasks = self.run.plan.task_of_file();
        let mut out = Gathered::new(folder, task, tasks, self.run.row_budget());
        round.gather(&mut rows, &mut out)?;
        out.finish()
    }

    fn seal(&self, round: &dyn Round, gather: usize, folder: &Path) -> Result<Vec<FileSeal>> {
        let n_gathered = self.run.plan.steps[gather].n_tasks;
        let tasks = self.run.plan.task_of_file();
        // A seal runs alone: it may use what all workers share otherwise.
        let budget = self.run.row_budget() * self.run.n_workers;
        let mut seal = Seal::new(&self.run.folder(gather), n_gathered, folder, tasks, budget);
        round.seal(&mut seal)?;
        Ok(seal.finish())
    }
}

/// The rows that all tasks of a pass emitted.
struct ScannedRows {
    files: Vec<PathBuf>,
    /// What the rows of each range weigh over all tasks.
    weights: Vec<u64>,
}

impl ScannedRows {
    fn of(run: &Run<'_>, scan: usize) -> ScannedRows {
        let receipts = run.receipts(scan);
        let mut rows = ScannedRows { files: Vec::new(), weights: Vec::new() };
        for part in (0..run.plan.steps[scan].n_tasks).flat_map(|task| receipts.parts(task)) {
            let files = part.files.iter().filter(|file| file.path.ends_with(ROWS));
            rows.files.extend(files.map(|file| receipts.folder().join(&file.path)));
            rows.weights.resize(rows.weights.len().max(part.weights.len()), 0);
            rows.weights.iter_mut().zip(&part.weights).for_each(|(sum, weight)| *sum += weight);
        }
        rows
    }

    /// Opens one key range, together with what joins it; `scratch` is a name for intermediate merges.
    fn open(
        &self,
        layout: &Layout,
        range: u32,
        mut all: Vec<Segment>,
        scratch: &Path,
    ) -> Result<SortedRows> {
        for path in &self.files {
            all.extend(segments(path, range)?);
        }
        SortedRows::open(all, layout.combine, scratch)
    }
}
