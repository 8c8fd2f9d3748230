//! CSV: a header line, then one document a record.

use std::sync::Arc;

use anyhow::{Result, bail, ensure};
use arrow::array::{ArrayRef, StringBuilder};
use arrow::datatypes::{DataType, Field};

use super::builder::{BatchBuilder, Row};
use super::csv_records::{CsvCutter, Record, Records};
use super::files::InputFile;
use super::lines::BLOCK_BYTES;
use super::mapping::Mapping;
use super::unreadable::unreadable;
use super::{Block, Decode, Decoded, Layout, Reader, Table};
use crate::batch::{COLUMNS, TEXT};

/// The longest header that is read.
const MAX_HEADER_BYTES: usize = 1 << 20;

/// Reads a file of records; the row of a document is the number of its record behind the header, from 0.
pub(super) struct CsvReader {
    records: CsvCutter,
    header: Arc<[String]>,
    row: u64,
    file: InputFile,
    layout: Arc<Layout>,
}

/// Returns the columns of a file; `None` if it is empty.
///
/// # Errors
/// When the header cannot be read, or names a column twice.
pub(super) fn table(file: &InputFile, mapping: &Mapping) -> Result<Option<Table>> {
    let mut records = CsvCutter::open(file, MAX_HEADER_BYTES)?;
    let Some(names) = header(file, &mut records)? else { return Ok(None) };
    let shown = file.path.display();
    for (i, name) in names.iter().enumerate() {
        ensure!(!names[..i].contains(name), "{shown}: two columns are called `{name}`");
    }
    let own = names.iter().filter(|name| !mapping.takes(name));
    let own = own.map(|name| Field::new(name, DataType::Utf8, true)).collect();
    let mut is_found = [false; COLUMNS.len()];
    for (column, is_found) in is_found.iter_mut().enumerate() {
        *is_found = names.iter().any(|name| name == mapping.name(column));
    }
    Ok(Some(Table { names, own, is_found }))
}

fn header(file: &InputFile, records: &mut CsvCutter) -> Result<Option<Vec<String>>> {
    let shown = file.path.display();
    let mut found = Records::default();
    if !records.next(&mut found)? {
        return Ok(None);
    }
    let record = &found.records[0];
    if let Some(error) = &record.error {
        // A file that breaks off in its header has no rows to lose; its reader says so.
        if error.contains("stream breaks") {
            return Ok(None);
        }
        bail!("{shown}: the header is {error}");
    }
    let fields = fields(&found, record);
    let Some(fields) = fields else { bail!("{shown}: the header is not UTF-8") };
    Ok(Some(fields.into_iter().map(str::to_owned).collect()))
}

fn fields<'a>(records: &'a Records, record: &Record) -> Option<Vec<&'a str>> {
    let mut start = record.bytes.start;
    let ends = &records.ends[record.fields.clone()];
    ends.iter()
        .map(|&end| {
            let field = std::str::from_utf8(&records.bytes[start..end]).ok();
            start = end;
            field
        })
        .collect()
}

impl CsvReader {
    /// Opens a file and reads its header.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub(super) fn open(file: &InputFile, layout: Arc<Layout>) -> Result<CsvReader> {
        let mut records = CsvCutter::open(file, MAX_HEADER_BYTES)?;
        let header = header(file, &mut records)?;
        match header.is_some() {
            true => records.set_max_record_bytes(layout.max_line_bytes),
            // From the beginning again, so that the break is found where the first row would be.
            false => records = CsvCutter::open(file, layout.max_line_bytes)?,
        }
        let header = header.unwrap_or_default().into();
        Ok(CsvReader { records, header, row: 0, file: file.clone(), layout })
    }
}

impl Reader for CsvReader {
    fn next(&mut self) -> Result<Option<Block>> {
        let mut records = Records::default();
        while records.bytes.len() < BLOCK_BYTES && self.records.next(&mut records)? {}
        if records.records.is_empty() {
            return Ok(None);
        }
        let first_row = self.row;
        self.row += records.records.len() as u64;
        let (bytes, position) = (records.bytes.len() as u64, self.records.position());
        let (header, file, layout) = (self.header.clone(), self.file.clone(), self.layout.clone());
        let decode: Decode<Decoded> =
            Box::new(move |_| decode(&records, first_row, &header, &file, &layout));
        Ok(Some(Block { bytes, position, decode }))
    }
}

fn decode(
    records: &Records,
    first_row: u64,
    header: &[String],
    file: &InputFile,
    layout: &Layout,
) -> Result<Decoded> {
    let mut builder = BatchBuilder::new(records.bytes.len());
    let is_own = |name: &String| !layout.mapping.takes(name);
    let mut own: Vec<_> = header.iter().map(|n| is_own(n).then(StringBuilder::new)).collect();
    let mut removed = Vec::new();
    let mapping = &layout.mapping;
    let find = |column: usize| header.iter().position(|name| name == mapping.name(column));
    let positions: Vec<Option<usize>> = (0..COLUMNS.len()).map(find).collect();
    let mut row = Row::default();
    for (number, record) in (first_row..).zip(&records.records) {
        let raw = &records.bytes[record.bytes.clone()];
        let fields = match check(records, record, header.len()) {
            Ok(fields) => fields,
            Err(what) => {
                removed.push(unreadable(file, number, None, raw, what));
                continue;
            }
        };
        row.clear();
        for (column, position) in positions.iter().enumerate() {
            let Some(value) = position.map(|i| fields[i]) else { continue };
            match column {
                TEXT => row.text.push_str(value),
                // CSV has no nulls: an empty field is one, but for the text.
                _ => row.set(column, (!value.is_empty()).then(|| value.to_owned())),
            }
        }
        builder.push(file, number, &row);
        for (column, value) in own.iter_mut().zip(fields) {
            if let Some(column) = column {
                column.append_value(value);
            }
        }
    }
    let column = |name: &str| {
        let i = header.iter().position(|own| own == name)?;
        Some(Arc::new(own[i].as_mut()?.finish()) as ArrayRef)
    };
    Ok(Decoded {
        batch: builder.finish(&layout.schema, column)?,
        unreadable: removed,
        passed_over: 0,
    })
}

fn check<'a>(
    records: &'a Records,
    record: &Record,
    n_columns: usize,
) -> Result<Vec<&'a str>, String> {
    if let Some(error) = &record.error {
        return Err(error.clone());
    }
    let n_fields = record.fields.len();
    if n_fields != n_columns {
        return Err(format!("{n_fields} fields, expected {n_columns}"));
    }
    let raw = &records.bytes[record.bytes.clone()];
    fields(records, record).ok_or_else(|| {
        let at = std::str::from_utf8(raw).err().map_or(0, |error| error.valid_up_to());
        format!("invalid UTF-8 at byte {at} of its fields")
    })
}
