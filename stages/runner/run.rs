//! A run: a plan over a dataset folder, with the stages built.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Context, Result, bail, ensure};
use arrow::datatypes::SchemaRef;

use super::plan::{Kind, Plan, Step};
use super::receipt::Receipts;
use super::{gather, pass};
use crate::pipeline::{Built, Pipeline};
use crate::source::Source;

/// Returns what the rows of a census may take of the memory budget; the rest is left to blocks, sinks and the allocator.
pub(crate) fn rows_memory(memory: u64) -> u64 {
    memory / 2
}

/// Returns the memory budget of which the rows of a census may take so much.
pub(crate) fn memory_for_rows(rows: u64) -> u64 {
    rows.saturating_mul(2)
}

/// What a run tells while it works, and asks whether it may go on.
pub trait Watch: Sync {
    /// A step begins; `n_done` of its tasks have receipts already.
    fn begin(&self, _step: &Step, _n_done: u32) {}
    /// Documents were judged.
    fn advance(&self, _documents: u64, _text_bytes: u64) {}
    /// A task of the present step is done.
    fn task_done(&self) {}
    /// Something is odd; nothing is lost.
    fn warn(&self, _warning: &str) {}
    /// Says whether the user wants the run to stop: it stops between two blocks, and can be resumed.
    fn is_interrupted(&self) -> bool {
        false
    }
}

/// The error of a run that was interrupted.
#[derive(Debug)]
pub struct Interrupted;

impl std::fmt::Display for Interrupted {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("interrupted\nhint: the same command goes on from here")
    }
}

impl std::error::Error for Interrupted {}

/// A plan over a dataset folder, ready to work.
pub struct Run<'a> {
    /// The plan.
    pub plan: Plan,
    /// Its stages.
    pub built: Vec<Built>,
    /// The input.
    pub source: Source,
    /// The dataset folder.
    pub dir: PathBuf,
    /// How many tasks may run at once.
    pub n_workers: usize,
    /// The memory for all of them, in bytes.
    pub memory: u64,
    /// Who is told.
    pub watch: &'a dyn Watch,
    schema: OnceLock<SchemaRef>,
    _lock: Option<File>,
}

impl<'a> Run<'a> {
    /// Makes the stages of a plan, and opens its input.
    ///
    /// # Errors
    /// When the input or a stage cannot be opened, or a stage misses a column.
    pub fn new(plan: Plan, n_workers: usize, memory: u64, watch: &'a dyn Watch) -> Result<Run<'a>> {
        let built = plan.build()?;
        let source = Source::new(&plan.pipeline.input, plan.files.clone())?;
        plan.pipeline.check_columns(&source)?;
        Pipeline::schema(&built, source.schema())?;
        let dir = plan.pipeline.dir().to_owned();
        let (schema, n_workers) = (OnceLock::new(), n_workers.max(1));
        Ok(Run { plan, built, source, dir, n_workers, memory, watch, schema, _lock: None })
    }

    /// Claims the dataset folder: makes it, and refuses one that holds something else or that another process works in.
    ///
    /// # Errors
    /// As said.
    pub fn claim(&mut self) -> Result<()> {
        check_folder(&self.dir)?;
        let work = self.work();
        fs::create_dir_all(&work).with_context(|| work.display().to_string())?;
        let lock = File::create(work.join("lock")).with_context(|| work.display().to_string())?;
        if lock.try_lock().is_err() {
            bail!("{}: another process works in this folder", self.dir.display());
        }
        self._lock = Some(lock);
        self.plan.write(&work.join("plan.json"))
    }

    /// Returns the folder for all that is deleted at commit.
    pub fn work(&self) -> PathBuf {
        self.dir.join("work")
    }

    /// Returns the folder of a step.
    pub fn folder(&self, step: usize) -> PathBuf {
        self.work().join(self.plan.folder(step))
    }

    /// Returns the receipts of a step.
    pub fn receipts(&self, step: usize) -> Receipts {
        Receipts::new(self.folder(step), self.plan.steps[step].fingerprint.clone())
    }

    /// Returns the columns that leave the last stage.
    ///
    /// # Errors
    /// When a stage misses a column, which `new` has excluded.
    pub fn schema(&self) -> Result<SchemaRef> {
        match self.schema.get() {
            Some(schema) => Ok(schema.clone()),
            None => {
                let schema = Pipeline::schema(&self.built, self.source.schema())?;
                Ok(self.schema.get_or_init(|| schema).clone())
            }
        }
    }

    /// Returns the memory that one task may use for rows of a census, in bytes.
    pub fn row_budget(&self) -> usize {
        (rows_memory(self.memory) as usize / self.n_workers).max(1 << 20)
    }

    /// Opens what the tasks of a step share; the steps before it must be done.
    ///
    /// # Errors
    /// When they are not, or their results cannot be opened.
    pub fn open(&self, step: usize) -> Result<OpenStep<'_>> {
        let work = match &self.plan.steps[step].kind {
            Kind::Pass(pass) => Work::Pass(pass::OpenPass::new(self, step, pass)?),
            kind => Work::Gather(gather::OpenGather::new(self, step, kind)?),
        };
        Ok(OpenStep { run: self, step, work })
    }

    /// Does one task, unless its receipts are there.
    ///
    /// # Errors
    /// When something is wrong that is not a document: a disk, a vanished file; and when interrupted.
    pub fn task(&self, step: usize, index: u32) -> Result<()> {
        let n_tasks = self.plan.steps.get(step).map(|step| step.n_tasks);
        let Some(n_tasks) = n_tasks else { bail!("the plan has no step {step}") };
        ensure!(index < n_tasks, "step {step} has {n_tasks} tasks, there is no task {index}");
        self.open(step)?.task(index)
    }

    pub(super) fn check_interrupted(&self) -> Result<()> {
        if self.watch.is_interrupted() { Err(Interrupted.into()) } else { Ok(()) }
    }
}

/// A step with its shared parts open.
pub struct OpenStep<'a> {
    run: &'a Run<'a>,
    step: usize,
    work: Work<'a>,
}

enum Work<'a> {
    Pass(pass::OpenPass<'a>),
    Gather(gather::OpenGather<'a>),
}

impl OpenStep<'_> {
    /// Does one task, unless its receipts are there.
    ///
    /// # Errors
    /// As [`Run::task`].
    pub fn task(&self, index: u32) -> Result<()> {
        let Step { name, .. } = &self.run.plan.steps[self.step];
        if self.run.receipts(self.step).is_done(index) {
            return Ok(());
        }
        let done = match &self.work {
            Work::Pass(pass) => pass.task(index),
            Work::Gather(gather) => gather.task(index),
        };
        done.with_context(|| format!("step {name}, task {index}"))
    }
}

/// Refuses a folder that is neither empty nor ours.
///
/// # Errors
/// As said.
pub fn check_folder(dir: &Path) -> Result<()> {
    let place = || dir.display().to_string();
    if !dir.exists() {
        return Ok(());
    }
    ensure!(dir.is_dir(), "{}: is not a folder", dir.display());
    let is_ours =
        ["work/plan.json", "work/lock", "manifest.json"].iter().any(|name| dir.join(name).exists());
    let is_empty = fs::read_dir(dir).with_context(place)?.next().is_none();
    ensure!(
        is_ours || is_empty,
        "{}: holds something that corpusmill did not write\n\
         hint: choose another `output.dir`, or empty the folder",
        dir.display()
    );
    Ok(())
}
