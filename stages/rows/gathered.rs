//! What comes out of a gather, and what the seal makes of it.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use rayon::iter::{IntoParallelIterator, ParallelIterator};

use super::{
    Combine, Decisions, DecisionsWriter, Layout, Ranges, SortedRows, Sorter, Spill, TaskOfFile,
    segments,
};
use crate::batch::Place;
use crate::disk::{FileSeal, OutFile};

/// Takes what a gather task finds: rows for the seal, and decisions by place.
pub struct Gathered {
    rows: Spill,
    decided: Spill,
    warnings: Vec<String>,
    /// Where a sorter may put its rows, and the memory it may use.
    sorter: (PathBuf, usize),
}

impl Gathered {
    /// Opens the output of gather task `task` in `folder`; each of its two spills keeps to half of `budget` bytes.
    pub fn new(folder: &Path, task: u32, tasks: TaskOfFile, budget: usize) -> Gathered {
        let rows = Layout { combine: Combine::Keep, ranges: Ranges::Prefix(1) };
        let decided = Layout { combine: Combine::Keep, ranges: Ranges::Place(tasks) };
        Gathered {
            rows: Spill::new(folder.join(rows_name(task)), rows, budget / 2),
            decided: Spill::new(folder.join(decided_name(task)), decided, budget / 2),
            warnings: Vec::new(),
            sorter: (folder.join(format!("{task:05}.sorter.rows")), budget / 2),
        }
    }

    /// Opens a sorter, which takes the memory that the rows for the seal would take: a gather uses the one or the other.
    pub fn sorter(&self) -> Sorter {
        let (path, budget) = &self.sorter;
        Sorter::new(path.clone(), *budget)
    }

    /// Hands a row to the seal.
    ///
    /// # Errors
    /// When the disk is full or fails.
    pub fn emit(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        self.rows.emit(key, value)
    }

    /// Decides on the document at `place`: once in a round, unless the seal joins decisions.
    ///
    /// # Errors
    /// When the disk is full or fails.
    pub fn decide(&mut self, place: Place, payload: &[u8]) -> Result<()> {
        self.decided.emit(&place.to_bytes(), payload)
    }

    /// Tells the user something odd; nothing is lost by it.
    pub fn warn(&mut self, warning: String) {
        self.warnings.push(warning);
    }

    /// Ends the files, and returns their seals and the warnings.
    ///
    /// # Errors
    /// When the disk is full or fails.
    pub fn finish(self) -> Result<(Vec<FileSeal>, Vec<String>)> {
        let files = [self.rows.finish()?, self.decided.finish()?];
        Ok((files.into_iter().flatten().collect(), self.warnings))
    }
}

fn rows_name(task: u32) -> String {
    format!("{task:05}.gathered.rows")
}

fn decided_name(task: u32) -> String {
    format!("{task:05}.decided.rows")
}

/// Makes one payload of all that were decided on a place.
pub trait Join: Fn(&mut SortedRows, &mut Vec<u8>) -> Result<()> + Sync {}

impl<F: Fn(&mut SortedRows, &mut Vec<u8>) -> Result<()> + Sync> Join for F {}

/// Joins what all gather tasks of a round found, once.
pub struct Seal {
    gathered: PathBuf,
    n_gathered: u32,
    folder: PathBuf,
    tasks: TaskOfFile,
    budget: usize,
    own: Option<Spill>,
    files: Vec<FileSeal>,
}

impl Seal {
    /// Opens what `n_gathered` tasks left in `gathered`; writes into `folder`.
    pub fn new(
        gathered: &Path,
        n_gathered: u32,
        folder: &Path,
        tasks: TaskOfFile,
        budget: usize,
    ) -> Seal {
        Seal {
            gathered: gathered.into(),
            n_gathered,
            folder: folder.into(),
            tasks,
            budget,
            own: None,
            files: Vec::new(),
        }
    }

    /// Returns the memory that the seal may use, in bytes.
    pub fn budget(&self) -> usize {
        self.budget
    }

    /// Streams the rows that the gathers emitted, in key order.
    ///
    /// # Errors
    /// When a file is damaged.
    pub fn rows(&self) -> Result<SortedRows> {
        let names = (0..self.n_gathered).map(|task| self.gathered.join(rows_name(task)));
        let all = all_segments(names, 0)?;
        SortedRows::open(all, Combine::Keep, &self.folder.join("seal"))
    }

    /// Writes the rows that the gathers emitted into one file, in key order.
    ///
    /// # Errors
    /// When a file is damaged, or the disk is full.
    pub fn sorted(&mut self, name: &str) -> Result<()> {
        self.files.push(self.rows()?.write(&self.folder.join(name))?);
        Ok(())
    }

    /// Decides on the document at `place`, beside what the gathers decided; [`Seal::decisions`] must follow.
    ///
    /// # Errors
    /// When the disk is full or fails.
    pub fn decide(&mut self, place: Place, payload: &[u8]) -> Result<()> {
        let own = self.own.get_or_insert_with(|| {
            let ranges = Ranges::Place(self.tasks.clone());
            let layout = Layout { combine: Combine::Keep, ranges };
            Spill::new(self.folder.join("seal.rows"), layout, self.budget)
        });
        own.emit(&place.to_bytes(), payload)
    }

    /// Sorts all decisions by place and writes those of each input task into one file.
    ///
    /// # Errors
    /// When the disk is full, or a place was decided on twice.
    pub fn decisions(&mut self) -> Result<()> {
        self.joined_decisions(|decided, payload| {
            payload.extend_from_slice(decided.next_value()?.unwrap_or_default());
            if decided.next_value()?.is_some() {
                bail!("{:?} is decided on twice", Place::from_bytes(decided.key())?);
            }
            Ok(())
        })
    }

    /// Does the same where a place may have been decided on many times: `join` streams the payloads of one place, in
    /// bytewise order, and appends to an empty vector what they come to.
    ///
    /// # Errors
    /// When the disk is full, or `join` fails.
    pub fn joined_decisions(&mut self, join: impl Join) -> Result<()> {
        let mut names: Vec<_> =
            (0..self.n_gathered).map(|task| self.gathered.join(decided_name(task))).collect();
        if let Some(own) = self.own.take() {
            own.finish()?;
            names.push(self.folder.join("seal.rows"));
        }
        let n_tasks = Ranges::Place(self.tasks.clone()).count();
        let files: Vec<_> = (0..n_tasks)
            .into_par_iter()
            .map(|task| self.write_decisions(&names, task, &join))
            .collect::<Result<_>>()?;
        self.files.extend(files.into_iter().flatten());
        Ok(())
    }

    fn write_decisions(
        &self,
        names: &[PathBuf],
        task: u32,
        join: &impl Join,
    ) -> Result<Option<FileSeal>> {
        let all = all_segments(names.iter().cloned(), task)?;
        if all.is_empty() {
            return Ok(None);
        }
        let scratch = self.folder.join(format!("{task:05}"));
        let mut rows = SortedRows::open(all, Combine::Keep, &scratch)?;
        let mut writer = DecisionsWriter::create(&self.folder, task)?;
        let mut payload = Vec::new();
        while rows.next_group()? {
            payload.clear();
            join(&mut rows, &mut payload)?;
            writer.write(Place::from_bytes(rows.key())?, &payload)?;
        }
        writer.finish().map(Some)
    }

    /// Opens rows of another layout, which the next round's gather may take; [`Seal::close`] ends them.
    pub fn spill(&self, name: &str, layout: Layout) -> Spill {
        Spill::new(self.folder.join(name), layout, self.budget / 2)
    }

    /// Ends rows that [`Seal::spill`] opened; none, no file.
    ///
    /// # Errors
    /// When the disk is full or fails.
    pub fn close(&mut self, rows: Spill) -> Result<()> {
        self.files.extend(rows.finish()?);
        Ok(())
    }

    /// Writes a small whole: what the census learnt of the corpus, as one file.
    ///
    /// # Errors
    /// When the disk is full or fails.
    pub fn whole(&mut self, name: &str, bytes: &[u8]) -> Result<()> {
        let mut file = OutFile::create(&self.folder.join(name))?;
        file.write_all(bytes).with_context(|| name.to_owned())?;
        self.files.push(file.finish()?);
        Ok(())
    }

    /// Returns the seals of the files written.
    pub fn finish(self) -> Vec<FileSeal> {
        self.files
    }
}

/// Returns the segments of `range` in those files that exist: a task that found nothing has no file.
fn all_segments(paths: impl Iterator<Item = PathBuf>, range: u32) -> Result<Vec<super::Segment>> {
    let mut all = Vec::new();
    for path in paths.filter(|path| path.exists()) {
        all.extend(segments(&path, range)?);
    }
    Ok(all)
}

/// What a round's seal left: decisions by place, and wholes.
pub struct Sealed {
    folder: PathBuf,
    tasks: TaskOfFile,
}

impl Sealed {
    /// Opens the folder that a seal wrote.
    pub fn new(folder: &Path, tasks: TaskOfFile) -> Sealed {
        Sealed { folder: folder.into(), tasks }
    }

    /// Returns the decisions by place.
    pub fn decisions(&self) -> Decisions {
        Decisions::open(&self.folder, self.tasks.clone())
    }

    /// Returns the path of a whole, or of sorted rows.
    pub fn whole(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}
