//! Cuts a file into blocks of whole lines.

use std::ops::Range;

use anyhow::{Context, Result, bail};
use memchr::{memchr, memchr_iter, memrchr};

use super::bytes::{Bytes, Fill};
use super::files::InputFile;
use super::unreadable::MAX_KEPT_BYTES;

/// A block ends with the first line that fills it to this many bytes.
pub(super) const BLOCK_BYTES: usize = 1 << 20;

/// Whole lines, not looked at yet.
pub(super) struct Lines {
    /// The lines; the last one of a file may lack its newline.
    pub(super) bytes: Vec<u8>,
    /// The number of the first line in the file.
    pub(super) first_row: u64,
    /// The number behind that of the last line.
    pub(super) end_row: u64,
    /// What could not be cut into lines, behind them.
    pub(super) broken: Option<Broken>,
}

/// A line that is too long, or the place where the file breaks off.
pub(super) struct Broken {
    /// The number of the line.
    pub(super) row: u64,
    /// The beginning of what is there of it.
    pub(super) head: Vec<u8>,
    /// What is wrong.
    pub(super) error: String,
}

/// Goes through a file by blocks of lines.
pub(super) struct LineCutter {
    bytes: Bytes,
    rest: Vec<u8>,
    row: u64,
    max_line_bytes: usize,
    end: Option<Fill>,
}

impl LineCutter {
    /// Opens a file.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub(super) fn open(file: &InputFile, max_line_bytes: usize) -> Result<LineCutter> {
        let bytes = Bytes::open(file)?;
        Ok(LineCutter { bytes, rest: Vec::new(), row: 0, max_line_bytes, end: None })
    }

    /// Returns how many bytes of the file have been used.
    pub(super) fn position(&self) -> u64 {
        self.bytes.position()
    }

    /// Returns the next lines.
    ///
    /// # Errors
    /// When the disk fails.
    pub(super) fn next(&mut self) -> Result<Option<Lines>> {
        let mut bytes = std::mem::take(&mut self.rest);
        bytes.reserve((BLOCK_BYTES + (128 << 10)).saturating_sub(bytes.len()));
        let mut last_line = memrchr(b'\n', &bytes).map_or(0, |i| i + 1);
        // Nothing before `searched` ends a block.
        let mut searched = BLOCK_BYTES - 1;
        loop {
            if let Some(i) = bytes.get(searched..).and_then(|tail| memchr(b'\n', tail)) {
                self.rest = bytes.split_off(searched + i + 1);
                return Ok(Some(self.lines(bytes, None)));
            }
            searched = searched.max(bytes.len());
            if bytes.len() - last_line > self.max_line_bytes {
                let long = bytes.split_off(last_line);
                return self.skip_line(bytes, long).map(Some);
            }
            match &self.end {
                None => {}
                Some(Fill::Broken(error)) => {
                    let error = error.clone();
                    self.end = Some(Fill::End);
                    let head = bytes.split_off(last_line);
                    return Ok(Some(self.lines(bytes, Some((head, error)))));
                }
                Some(_) if bytes.is_empty() => return Ok(None),
                Some(_) => return Ok(Some(self.lines(bytes, None))),
            }
            let n_before = bytes.len();
            self.fill(&mut bytes)?;
            last_line = memrchr(b'\n', &bytes[n_before..]).map_or(last_line, |i| n_before + i + 1);
        }
    }

    /// Goes to the end of a line that is too long, keeping only its beginning.
    fn skip_line(&mut self, lines: Vec<u8>, mut long: Vec<u8>) -> Result<Lines> {
        let mut line_bytes = long.len() as u64;
        let mut head = long.clone();
        head.truncate(MAX_KEPT_BYTES);
        let mut is_whole = false;
        while !is_whole && self.end.is_none() {
            long.clear();
            self.fill(&mut long)?;
            let newline = memchr(b'\n', &long);
            let line = &long[..newline.unwrap_or(long.len())];
            line_bytes += line.len() as u64;
            head.extend_from_slice(&line[..line.len().min(MAX_KEPT_BYTES - head.len())]);
            is_whole = newline.is_some();
            if let Some(i) = newline {
                self.rest = long.split_off(i + 1);
            }
        }
        let max = self.max_line_bytes;
        let mut error = format!("a line of {line_bytes} bytes, max_line_bytes is {max}");
        // A file that breaks off within the line: both are one row, since none can be told behind it.
        if !is_whole && let Some(Fill::Broken(broken)) = &self.end {
            error = format!("{error}; {broken}");
            self.end = Some(Fill::End);
        }
        Ok(self.lines(lines, Some((head, error))))
    }

    fn fill(&mut self, buffer: &mut Vec<u8>) -> Result<()> {
        match self.bytes.fill(buffer)? {
            Fill::More => {}
            end => self.end = Some(end),
        }
        Ok(())
    }

    fn lines(&mut self, bytes: Vec<u8>, broken: Option<(Vec<u8>, String)>) -> Lines {
        let first_row = self.row;
        let is_open = bytes.last().is_some_and(|&byte| byte != b'\n');
        self.row += memchr_iter(b'\n', &bytes).count() as u64 + u64::from(is_open);
        let end_row = self.row;
        let broken = broken.map(|(head, error)| Broken { row: self.row, head, error });
        self.row += u64::from(broken.is_some());
        Lines { bytes, first_row, end_row, broken }
    }
}

/// Calls `each` with the lines of a file and their numbers, from 0; blank lines are counted and left out.
///
/// # Errors
/// When the file cannot be read to its end, a line is too long or is not UTF-8, or `each` fails; row and file are named.
pub(crate) fn read_lines(
    file: &InputFile,
    max_line_bytes: usize,
    mut each: impl FnMut(u64, &str) -> Result<()>,
) -> Result<()> {
    let place = |row: u64| format!("{}: row {row}", file.path.display());
    let mut lines = LineCutter::open(file, max_line_bytes)?;
    while let Some(block) = lines.next()? {
        for (row, range) in (block.first_row..).zip(split(&block.bytes)) {
            let line = str::from_utf8(&block.bytes[range]).map_err(|error| {
                anyhow::anyhow!("{}: invalid UTF-8 at byte {}", place(row), error.valid_up_to())
            })?;
            if !line.trim().is_empty() {
                each(row, line).with_context(|| place(row))?;
            }
        }
        if let Some(Broken { row, error, .. }) = block.broken {
            bail!("{}: {error}", place(row));
        }
    }
    Ok(())
}

/// Goes through the lines of a block: where each one begins and ends, without its newline.
pub(super) fn split(bytes: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let rest = bytes.get(start..).filter(|rest| !rest.is_empty())?;
        let line_start = start;
        let end = line_start + memchr(b'\n', rest).unwrap_or(rest.len());
        start = end + 1;
        let line = &bytes[line_start..end];
        Some(line_start..end - usize::from(line.ends_with(b"\r")))
    })
}
