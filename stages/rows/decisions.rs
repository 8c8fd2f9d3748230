//! Decisions by place: what a sealed round knows of single documents.
//!
//! One file per input task: decisions `place (12 bytes), u32 length, payload`, sorted by place; then a sparse index,
//! `place, u64 offset` for each 32 KiB; then the offset of the index (`u64`) and a mark. A batch is answered by one
//! read of the stretch that covers its places, so memory does not grow with the corpus and batches may come in any order.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Context, Result, ensure};

use super::TaskOfFile;
use crate::batch::{Batch, Place};
use crate::disk::{FileSeal, OutFile};

const MARK: [u8; 8] = *b"cm-decd1";
const TRAILER: usize = 16;
const HEAD: usize = Place::BYTES + 4;
const STRIDE: u64 = 32 << 10;

/// The decisions of a sealed round, looked up by batch.
pub struct Decisions {
    folder: PathBuf,
    tasks: TaskOfFile,
    files: Vec<OnceLock<Option<DecisionFile>>>,
}

impl Decisions {
    /// Returns no decisions at all: the notes of a first round.
    pub fn none() -> Decisions {
        Decisions { folder: PathBuf::new(), tasks: [].into(), files: Vec::new() }
    }

    /// Opens the decisions in `folder`; a task without a file has none.
    pub fn open(folder: &Path, tasks: TaskOfFile) -> Decisions {
        let n_tasks = tasks.last().map_or(0, |last| last + 1);
        let files = (0..n_tasks).map(|_| OnceLock::new()).collect();
        Decisions { folder: folder.into(), tasks, files }
    }

    /// Returns what was decided for each row of `batch`.
    ///
    /// # Errors
    /// When a file is damaged.
    pub fn for_batch(&self, batch: &Batch) -> Result<Vec<Option<Vec<u8>>>> {
        let mut found = vec![None; batch.n_rows()];
        let (Some(first), Some(last)) = (batch.origins.first(), batch.origins.last()) else {
            return Ok(found);
        };
        let mut origins = batch.origins.iter().enumerate().peekable();
        self.read(first.place, last.place, |place, payload| {
            while origins.next_if(|(_, origin)| origin.place < place).is_some() {}
            if let Some((row, _)) = origins.next_if(|(_, origin)| origin.place == place) {
                found[row] = Some(payload.to_vec());
            }
        })?;
        Ok(found)
    }

    /// Returns the rows from one place to another of the same file about which something was decided, ascending.
    ///
    /// # Errors
    /// When a file is damaged.
    pub(crate) fn rows(&self, first: Place, last: Place) -> Result<Vec<u64>> {
        let mut rows = Vec::new();
        self.read(first, last, |place, _| rows.push(place.row))?;
        Ok(rows)
    }

    /// Visits the decisions from one place to another of the same task.
    fn read(&self, first: Place, last: Place, visit: impl FnMut(Place, &[u8])) -> Result<()> {
        let Some(&task) = self.tasks.get(first.file as usize) else { return Ok(()) };
        let path = self.folder.join(file_name(task));
        let file = match self.files[task as usize].get() {
            Some(file) => file,
            None => {
                let opened = DecisionFile::open(&path)?;
                self.files[task as usize].get_or_init(|| opened)
            }
        };
        let Some(file) = file else { return Ok(()) };
        file.read(first, last, visit).with_context(|| path.display().to_string())
    }
}

/// Records by place that outlive their run, looked up one by one.
pub(crate) struct RecordFile(DecisionFile);

impl RecordFile {
    /// Opens what a [`DecisionsWriter`] of task 0 wrote into `folder`; `None` where it wrote nothing.
    ///
    /// # Errors
    /// When the file is damaged.
    pub(crate) fn open(folder: &Path) -> Result<Option<RecordFile>> {
        Ok(DecisionFile::open(&folder.join(file_name(0)))?.map(RecordFile))
    }

    /// Returns the record at `place`.
    ///
    /// # Errors
    /// When the file is damaged.
    pub(crate) fn get(&self, place: Place) -> Result<Option<Vec<u8>>> {
        let mut found = None;
        self.0.read(place, place, |_, record| found = Some(record.to_vec()))?;
        Ok(found)
    }
}

/// Writes the decisions of one input task, which must come sorted by place.
pub struct DecisionsWriter {
    file: OutFile,
    index: Vec<(Place, u64)>,
    last: Option<Place>,
}

impl DecisionsWriter {
    /// Opens the file of input task `task` in `folder`.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn create(folder: &Path, task: u32) -> Result<DecisionsWriter> {
        let file = OutFile::create(&folder.join(file_name(task)))?;
        Ok(DecisionsWriter { file, index: Vec::new(), last: None })
    }

    /// Appends the decision on `place`.
    ///
    /// # Errors
    /// When the disk is full, or the place does not come after the last one: no place may be decided on twice.
    pub fn write(&mut self, place: Place, payload: &[u8]) -> Result<()> {
        ensure!(self.last < Some(place), "{place:?} is decided on twice or out of order");
        self.last = Some(place);
        let at = self.file.bytes();
        if self.index.last().is_none_or(|(_, last)| at >= last + STRIDE) {
            self.index.push((place, at));
        }
        self.file.write_all(&place.to_bytes())?;
        self.file.write_all(&u32::try_from(payload.len())?.to_le_bytes())?;
        self.file.write_all(payload)?;
        Ok(())
    }

    /// Ends the file.
    ///
    /// # Errors
    /// When the disk is full or fails.
    pub fn finish(mut self) -> Result<FileSeal> {
        let at = self.file.bytes();
        for (place, offset) in &self.index {
            self.file.write_all(&place.to_bytes())?;
            self.file.write_all(&offset.to_le_bytes())?;
        }
        self.file.write_all(&at.to_le_bytes())?;
        self.file.write_all(&MARK)?;
        self.file.finish()
    }
}

fn file_name(task: u32) -> String {
    format!("{task:05}.decisions")
}

struct DecisionFile {
    file: File,
    index: Vec<(Place, u64)>,
    end: u64,
}

impl DecisionFile {
    fn open(path: &Path) -> Result<Option<DecisionFile>> {
        let read = || -> Result<Option<DecisionFile>> {
            if !path.exists() {
                return Ok(None);
            }
            let file = File::open(path)?;
            let at = file.metadata()?.len().checked_sub(TRAILER as u64);
            let at = at.context("the file is too short")?;
            let mut trailer = [0; TRAILER];
            file.read_exact_at(&mut trailer, at)?;
            ensure!(trailer[8..] == MARK, "the file does not end as decisions do");
            let end = u64::from_le_bytes(std::array::from_fn(|byte| trailer[byte]));
            ensure!(end <= at, "the index is damaged");
            let mut bytes = vec![0; (at - end) as usize];
            file.read_exact_at(&mut bytes, end)?;
            let entry = |bytes: &[u8]| -> Result<(Place, u64)> {
                let offset = std::array::from_fn(|byte| bytes[Place::BYTES + byte]);
                Ok((Place::from_bytes(bytes)?, u64::from_le_bytes(offset)))
            };
            let index = bytes.chunks_exact(Place::BYTES + 8).map(entry).collect::<Result<_>>()?;
            Ok(Some(DecisionFile { file, index, end }))
        };
        read().with_context(|| path.display().to_string())
    }

    /// Calls `visit` for the decisions from `first` to `last`, in order.
    fn read(&self, first: Place, last: Place, mut visit: impl FnMut(Place, &[u8])) -> Result<()> {
        let before = self.index.partition_point(|(place, _)| *place <= first);
        let behind = self.index.partition_point(|(place, _)| *place <= last);
        let offset = |i: usize| self.index.get(i).map_or(self.end, |(_, offset)| *offset);
        let (start, end) = (offset(before.saturating_sub(1)), offset(behind));
        let mut bytes = vec![0; end.saturating_sub(start) as usize];
        self.file.read_exact_at(&mut bytes, start)?;
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let (head, tail) = rest.split_at_checked(HEAD).context("damaged decisions")?;
            let length = std::array::from_fn(|byte| head[Place::BYTES + byte]);
            let length = u32::from_le_bytes(length) as usize;
            let (payload, tail) = tail.split_at_checked(length).context("damaged decisions")?;
            let place = Place::from_bytes(head)?;
            if (first..=last).contains(&place) {
                visit(place, payload);
            }
            rest = tail;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_those_of_the_range_alone() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = DecisionsWriter::create(folder.path(), 0).unwrap();
        // Several stretches, every third row.
        for row in 0..6_000 {
            writer.write(Place { file: 0, row: 3 * row }, b"why it goes").unwrap();
        }
        writer.write(Place { file: 1, row: 0 }, b"").unwrap();
        writer.finish().unwrap();
        let decisions = Decisions::open(folder.path(), [0, 0].into());
        for (first, last) in [(0, 0), (1, 2), (3, 20), (8_000, 8_010), (17_990, 90_000)] {
            let rows = decisions.rows(Place { file: 0, row: first }, Place { file: 0, row: last });
            let expected = (first..=last.min(17_997)).filter(|row| row % 3 == 0);
            assert_eq!(rows.unwrap(), expected.collect::<Vec<_>>(), "{first} to {last}");
        }
    }
}
