//! Sorted runs of rows on disk.
//!
//! A file: runs, one behind the other, each a sequence of rows `u32 key length, u32 value length, key, value` sorted by (range, key, value);
//! then for each run the offset at which each range begins and the run's end (`u64` each); then the number of runs and
//! of ranges (`u32`), the offset of the index (`u64`) and a mark. All numbers are little-endian.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, ensure};

use super::{Combine, Layout, Rows, add};
use crate::disk::{FileSeal, OutFile};

const MARK: [u8; 8] = *b"cm-rows1";
const TRAILER: u64 = 4 + 4 + 8 + 8;

/// Collects rows, and writes them as sorted runs whenever its budget is full.
pub struct Spill {
    rows: Rows,
    budget: usize,
    path: PathBuf,
    file: Option<OutFile>,
    index: Vec<Vec<u64>>,
}

impl Spill {
    /// Returns an empty spill that will write to `path`, and holds at most about `budget` bytes of rows in memory.
    pub fn new(path: PathBuf, layout: Layout, budget: usize) -> Spill {
        // Larger runs sort no faster.
        let budget = budget.min(1 << 30);
        Spill { rows: Rows::new(layout), budget, path, file: None, index: Vec::new() }
    }

    /// Takes the rows of a batch.
    ///
    /// # Errors
    /// When the disk is full or fails.
    pub fn append(&mut self, rows: Rows) -> Result<()> {
        self.rows.append(rows);
        self.relieve()
    }

    /// Takes one row.
    ///
    /// # Errors
    /// When the disk is full or fails.
    pub fn emit(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        self.rows.emit(key, value);
        self.relieve()
    }

    /// Returns what the rows of each range weigh; empty where nothing was weighed.
    pub fn weights(&self) -> &[u64] {
        self.rows.weights()
    }

    /// Writes what is left and ends the file; `None` when there was no row at all.
    ///
    /// # Errors
    /// When the disk is full or fails.
    pub fn finish(mut self) -> Result<Option<FileSeal>> {
        if !self.rows.is_empty() {
            self.write_run()?;
        }
        let Some(mut file) = self.file else { return Ok(None) };
        let n_ranges = self.rows.layout().ranges.count();
        let written = write_index(&mut file, &self.index, n_ranges);
        written.with_context(|| self.path.display().to_string())?;
        file.finish().map(Some)
    }

    fn relieve(&mut self) -> Result<()> {
        if self.rows.used_bytes() >= self.budget { self.write_run() } else { Ok(()) }
    }

    fn write_run(&mut self) -> Result<()> {
        let mut file = match self.file.take() {
            Some(file) => file,
            None => OutFile::create(&self.path)?,
        };
        self.rows.sort();
        self.index.push(write_sorted(&self.rows, &mut file)?);
        self.rows.clear();
        self.file = Some(file);
        Ok(())
    }
}

/// Writes where the ranges of each run begin, and how the file ends.
pub(super) fn write_index(file: &mut OutFile, runs: &[Vec<u64>], n_ranges: u32) -> Result<()> {
    let at = file.bytes();
    for offset in runs.iter().flatten() {
        file.write_all(&offset.to_le_bytes())?;
    }
    file.write_all(&(runs.len() as u32).to_le_bytes())?;
    file.write_all(&n_ranges.to_le_bytes())?;
    file.write_all(&at.to_le_bytes())?;
    file.write_all(&MARK)?;
    Ok(())
}

/// Writes sorted rows, equal keys summed where the layout says so, and returns where each range begins.
fn write_sorted(rows: &Rows, file: &mut OutFile) -> Result<Vec<u64>> {
    let Layout { combine, ranges } = rows.layout();
    let mut run = RunWriter::new(file, ranges.count());
    let mut rows = rows.iter().peekable();
    while let Some((range, key, value)) = rows.next() {
        if *combine == Combine::Keep {
            run.write(range, key, value)?;
            continue;
        }
        let mut sum = add(value, &[]);
        while let Some((_, _, value)) = rows.next_if(|(_, next, _)| *next == key) {
            sum = add(&sum, value);
        }
        run.write(range, key, &sum)?;
    }
    Ok(run.finish())
}

/// Writes rows that come sorted by range, and notes where each range begins.
pub(super) struct RunWriter<'a> {
    file: &'a mut OutFile,
    n_ranges: u32,
    starts: Vec<u64>,
}

impl<'a> RunWriter<'a> {
    pub(super) fn new(file: &'a mut OutFile, n_ranges: u32) -> RunWriter<'a> {
        RunWriter { file, n_ranges, starts: Vec::with_capacity(n_ranges as usize + 1) }
    }

    pub(super) fn write(&mut self, range: u32, key: &[u8], value: &[u8]) -> Result<()> {
        self.begin(range as usize);
        write_row(self.file, key, value)
    }

    pub(super) fn finish(mut self) -> Vec<u64> {
        self.begin(self.n_ranges as usize);
        self.starts
    }

    /// Notes that every range up to `range` begins here, if it has not begun yet.
    fn begin(&mut self, range: usize) {
        while self.starts.len() <= range {
            self.starts.push(self.file.bytes());
        }
    }
}

/// Writes one row as the files hold it.
pub(super) fn write_row(file: &mut OutFile, key: &[u8], value: &[u8]) -> Result<()> {
    let mut lengths = [0; 8];
    lengths[..4].copy_from_slice(&(key.len() as u32).to_le_bytes());
    lengths[4..].copy_from_slice(&(value.len() as u32).to_le_bytes());
    for bytes in [&lengths[..], key, value] {
        file.write_all(bytes).context("cannot write a row")?;
    }
    Ok(())
}

/// A sorted stretch of rows in a file.
#[derive(Debug, Clone)]
pub struct Segment {
    /// The file.
    pub path: Arc<Path>,
    /// The offset of the first row.
    pub start: u64,
    /// The offset behind the last row.
    pub end: u64,
}

/// Returns the segments of key range `range` in the spill at `path`.
///
/// # Errors
/// When the file is missing, damaged or cut into fewer ranges.
pub fn segments(path: &Path, range: u32) -> Result<Vec<Segment>> {
    let read = || -> Result<Vec<Segment>> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        let at = length.checked_sub(TRAILER).context("the file is too short")?;
        let mut trailer = [0; TRAILER as usize];
        file.read_exact_at(&mut trailer, at)?;
        ensure!(trailer[16..] == MARK, "the file does not end as rows do");
        let number = |at: usize| u32::from_le_bytes([0, 1, 2, 3].map(|i| trailer[at + i]));
        let (n_runs, n_ranges) = (u64::from(number(0)), u64::from(number(4)));
        let index = u64::from(number(8)) | u64::from(number(12)) << 32;
        ensure!(u64::from(range) < n_ranges, "the file has {n_ranges} key ranges");
        ensure!(index + n_runs * (n_ranges + 1) * 8 == at, "the index is damaged");
        let path: Arc<Path> = path.into();
        let mut found = Vec::new();
        for run in 0..n_runs {
            let mut bounds = [0; 16];
            let at = index + (run * (n_ranges + 1) + u64::from(range)) * 8;
            file.read_exact_at(&mut bounds, at)?;
            let [start, end] =
                [0, 8].map(|i| u64::from_le_bytes(std::array::from_fn(|byte| bounds[i + byte])));
            if start < end {
                found.push(Segment { path: path.clone(), start, end });
            }
        }
        Ok(found)
    };
    read().with_context(|| path.display().to_string())
}
