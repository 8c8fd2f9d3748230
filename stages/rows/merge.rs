//! Merging sorted segments into one stream of groups.

use std::cmp::Ordering;
use std::fs::{self, File};
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, ensure};

use super::spill::{Segment, write_row};
use super::{Combine, add, prefix};
use crate::disk::{FileSeal, OutFile};

/// The largest number of segments that are open at once; more are merged in several passes.
const MAX_OPEN: usize = 256;

/// Read buffer of each open segment, in bytes.
const BUFFER: usize = 64 << 10;

/// The largest key or value that is believed; anything above is a damaged file.
const MAX_LENGTH: u32 = 1 << 31;

/// The rows of a key range, in (key, value) order, a group of equal keys at a time.
///
/// ```text
/// while rows.next_group()? {
///     while let Some(value) = rows.next_value()? { … rows.key() … }
/// }
/// ```
pub struct SortedRows {
    /// Open segments as a binary heap, the smallest row first.
    heap: Vec<Cursor>,
    combine: Combine,
    key: Vec<u8>,
    value: Vec<u8>,
    /// Whether the present group may still hold values.
    open: bool,
    temporary: Vec<PathBuf>,
}

impl SortedRows {
    /// Opens `segments`; `scratch` is a path whose name no other task uses, for intermediate merges.
    ///
    /// # Errors
    /// When a file cannot be read, or an intermediate merge cannot be written.
    pub fn open(segments: Vec<Segment>, combine: Combine, scratch: &Path) -> Result<SortedRows> {
        SortedRows::open_at_most(segments, combine, scratch, MAX_OPEN)
    }

    pub(super) fn open_at_most(
        mut segments: Vec<Segment>,
        combine: Combine,
        scratch: &Path,
        max_open: usize,
    ) -> Result<SortedRows> {
        let mut temporary = Vec::new();
        while segments.len() > max_open {
            let rest = segments.split_off(max_open);
            let path = scratch.with_extension(format!("merge-{}", temporary.len()));
            let end = SortedRows::over(&segments, combine)?.write(&path)?.bytes;
            segments = rest;
            segments.push(Segment { path: path.as_path().into(), start: 0, end });
            temporary.push(path);
        }
        let mut rows = SortedRows::over(&segments, combine)?;
        rows.temporary = temporary;
        Ok(rows)
    }

    fn over(segments: &[Segment], combine: Combine) -> Result<SortedRows> {
        let mut rows = SortedRows {
            heap: Vec::with_capacity(segments.len()),
            combine,
            key: Vec::new(),
            value: Vec::new(),
            open: false,
            temporary: Vec::new(),
        };
        for segment in segments {
            let mut cursor = Cursor::open(segment)?;
            if cursor.advance()? {
                rows.heap.push(cursor);
            }
        }
        rows.heap.sort_by(Cursor::compare);
        Ok(rows)
    }

    /// Goes to the next key, past what is left of the present group; false at the end.
    ///
    /// # Errors
    /// When a file is damaged.
    pub fn next_group(&mut self) -> Result<bool> {
        while self.next_value()?.is_some() {}
        let Some(first) = self.heap.first() else { return Ok(false) };
        self.key.clone_from(&first.key);
        self.open = true;
        Ok(true)
    }

    /// Returns the key of the present group.
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    /// Returns the next value of the present group, in bytewise order; the one sum where values are summed.
    ///
    /// # Errors
    /// When a file is damaged.
    pub fn next_value(&mut self) -> Result<Option<&[u8]>> {
        if self.combine == Combine::Keep {
            return Ok(self.pop()?.then_some(&self.value));
        }
        if !self.pop()? {
            return Ok(None);
        }
        let mut sum = add(&self.value, &[]);
        while self.pop()? {
            sum = add(&sum, &self.value);
        }
        self.open = false;
        self.value = sum.to_vec();
        Ok(Some(&self.value))
    }

    /// Moves the smallest row's value into `value`, if it belongs to the present group.
    fn pop(&mut self) -> Result<bool> {
        match self.heap.first_mut() {
            Some(first) if self.open && first.key == self.key => {
                std::mem::swap(&mut self.value, &mut first.value);
                if !first.advance()? {
                    self.heap.swap_remove(0);
                }
                self.sift_down();
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Deletes the file at `path` when these rows are no longer needed; it need not exist.
    pub(super) fn delete_after(mut self, path: PathBuf) -> SortedRows {
        self.temporary.push(path);
        self
    }

    fn sift_down(&mut self) {
        let mut at = 0;
        loop {
            let [left, right] = [2 * at + 1, 2 * at + 2];
            let mut least = at;
            for child in [left, right] {
                if child < self.heap.len()
                    && self.heap[child].compare(&self.heap[least]) == Ordering::Less
                {
                    least = child;
                }
            }
            if least == at {
                return;
            }
            self.heap.swap(at, least);
            at = least;
        }
    }

    /// Opens a file that holds nothing but sorted rows, as [`SortedRows::write`] leaves it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn read(path: &Path) -> Result<SortedRows> {
        let place = || path.display().to_string();
        let end = fs::metadata(path).with_context(place)?.len();
        SortedRows::over(&[Segment { path: path.into(), start: 0, end }], Combine::Keep)
    }

    /// Writes all rows into one file that holds nothing else.
    pub(super) fn write(mut self, path: &Path) -> Result<FileSeal> {
        let mut file = OutFile::create(path)?;
        while self.next_group()? {
            let key = self.key.clone();
            while let Some(value) = self.next_value()? {
                write_row(&mut file, &key, value)?;
            }
        }
        file.finish()
    }
}

impl Drop for SortedRows {
    fn drop(&mut self) {
        for path in &self.temporary {
            // A leftover is only garbage in `work`, which the commit deletes.
            let _ = fs::remove_file(path);
        }
    }
}

/// An open segment and its present row.
struct Cursor {
    file: BufReader<std::io::Take<File>>,
    path: Arc<Path>,
    prefix: u64,
    key: Vec<u8>,
    value: Vec<u8>,
}

impl Cursor {
    fn open(segment: &Segment) -> Result<Cursor> {
        let open = || -> std::io::Result<_> {
            let mut file = File::open(&segment.path)?;
            file.seek(SeekFrom::Start(segment.start))?;
            Ok(BufReader::with_capacity(BUFFER, file.take(segment.end - segment.start)))
        };
        let file = open().with_context(|| segment.path.display().to_string())?;
        let path = segment.path.clone();
        Ok(Cursor { file, path, prefix: 0, key: Vec::new(), value: Vec::new() })
    }

    /// Reads the next row; false at the end of the segment.
    fn advance(&mut self) -> Result<bool> {
        let found = self.read_row();
        found.with_context(|| format!("{}: damaged rows", self.path.display()))
    }

    fn read_row(&mut self) -> Result<bool> {
        if self.file.buffer().is_empty() && self.file.get_ref().limit() == 0 {
            return Ok(false);
        }
        let mut lengths = [[0; 4]; 2];
        for length in &mut lengths {
            self.file.read_exact(length)?;
        }
        let [key, value] = lengths.map(u32::from_le_bytes);
        ensure!(key < MAX_LENGTH && value < MAX_LENGTH, "a row of impossible length");
        self.key.resize(key as usize, 0);
        self.value.resize(value as usize, 0);
        self.file.read_exact(&mut self.key)?;
        self.file.read_exact(&mut self.value)?;
        self.prefix = prefix(&self.key);
        Ok(true)
    }

    fn compare(&self, other: &Cursor) -> Ordering {
        (self.prefix, &self.key, &self.value).cmp(&(other.prefix, &other.key, &other.value))
    }
}
