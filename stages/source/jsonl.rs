//! JSONL: one object a line.

use std::cell::LazyCell;
use std::sync::Arc;

use anyhow::Result;
use arrow::array::{ArrayRef, StringBuilder};

use super::builder::BatchBuilder;
use super::files::InputFile;
use super::json_row::{JsonRow, Problem};
use super::lines::{LineCutter, Lines, split};
use super::unreadable::unreadable;
use super::{Block, Decode, Decoded, Layout, Reader};
use crate::batch::{EXTRA, Place};

/// Reads a file of lines; the row of a document is the number of its line, from 0, blank lines counted.
pub(super) struct JsonlReader {
    lines: LineCutter,
    file: InputFile,
    layout: Arc<Layout>,
}

impl JsonlReader {
    /// Opens a file.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub(super) fn open(file: &InputFile, layout: Arc<Layout>) -> Result<JsonlReader> {
        let lines = LineCutter::open(file, layout.max_line_bytes)?;
        Ok(JsonlReader { lines, file: file.clone(), layout })
    }
}

impl Reader for JsonlReader {
    fn next(&mut self) -> Result<Option<Block>> {
        let Some(lines) = self.lines.next()? else { return Ok(None) };
        let (file, layout) = (self.file.clone(), self.layout.clone());
        let (bytes, position) = (lines.bytes.len() as u64, self.lines.position());
        let decode: Decode<Decoded> = Box::new(move |wanted| match wanted {
            None => decode(lines, &file, &layout, |_| true),
            Some(wanted) => {
                let place = |row| Place { file: file.number, row };
                let rows = wanted(place(lines.first_row), place(lines.end_row))?;
                let mut rows = rows.into_iter().peekable();
                decode(lines, &file, &layout, |row| {
                    while rows.next_if(|wanted| *wanted < row).is_some() {}
                    rows.next_if_eq(&row).is_some()
                })
            }
        });
        Ok(Some(Block { bytes, position, decode }))
    }
}

/// Parses the lines that `is_wanted`, which is asked about each line that is not blank, in order.
fn decode(
    lines: Lines,
    file: &InputFile,
    layout: &Layout,
    mut is_wanted: impl FnMut(u64) -> bool,
) -> Result<Decoded> {
    let mut builder = BatchBuilder::new(lines.bytes.len());
    let mut extra = StringBuilder::new();
    let mut removed = Vec::new();
    let mut row = JsonRow::default();
    let mut passed_over = 0;
    // One look at the whole block is faster than one a line; only a block with a bad line is looked at again.
    let text = LazyCell::new(|| simdutf8::basic::from_utf8(&lines.bytes).ok());
    for (number, range) in (lines.first_row..).zip(split(&lines.bytes)) {
        let line = &lines.bytes[range.clone()];
        if line.trim_ascii().is_empty() {
            continue;
        }
        if !is_wanted(number) {
            passed_over += 1;
            continue;
        }
        match read_line(line, text.and_then(|text| text.get(range)), layout, &mut row) {
            Ok(()) => {
                builder.push(file, number, &row.base);
                extra.append_option(row.extra());
            }
            Err(problem) => {
                removed.push(unreadable(file, number, row.base.id.as_deref(), line, problem));
            }
        }
    }
    if let Some(broken) = &lines.broken {
        removed.push(unreadable(file, broken.row, None, &broken.head, broken.error.clone()));
    }
    let mut extra = Some(Arc::new(extra.finish()) as ArrayRef);
    let own = |name: &str| if name == EXTRA { extra.take() } else { None };
    Ok(Decoded { batch: builder.finish(&layout.schema, own)?, unreadable: removed, passed_over })
}

/// Reads one line; `text` is the same line where its block is known to be UTF-8.
fn read_line(
    line: &[u8],
    text: Option<&str>,
    layout: &Layout,
    row: &mut JsonRow,
) -> Result<(), Problem> {
    row.clear();
    let (bytes, max) = (line.len(), layout.max_line_bytes);
    if bytes > max {
        return Err(Problem::TooLong { bytes, max });
    }
    let text = match text {
        Some(text) => text,
        None => std::str::from_utf8(line).map_err(|e| Problem::Utf8 { at: e.valid_up_to() })?,
    };
    row.read(text, &layout.mapping)
}
