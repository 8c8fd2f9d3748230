//! Parquet: row groups, read in pieces.

use std::collections::VecDeque;
use std::fs::File;
use std::sync::Arc;

use anyhow::{Context, Result};
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder,
};
use parquet::errors::ParquetError;

use super::files::InputFile;
use super::guard::guarded;
use super::mapping::Mapping;
use super::parquet_columns::{self, row_bytes};
use super::parquet_schema::{as_bytes, without_strings};
use super::unreadable::unreadable;
use super::{Block, Decode, Decoded, Layout, Reader, Table, open_file};
use crate::batch::Batch;

/// Rows of a piece, at most.
const MAX_ROWS: usize = 1024;

/// Bytes after which a piece ends.
const PIECE_BYTES: usize = 4 << 20;

/// Reads a file row group by row group; the row of a document is its number in the file.
///
/// The library is asked for bytes, never for strings: [`parquet_columns`] decodes them, so bad UTF-8 costs a row its place
/// and no more. A row that the library cannot read ends the file, as a broken one: the library checks what it reads, not
/// what it skips, and reads out of bounds behind a damaged value that it skipped.
pub(super) struct ParquetReader {
    handle: File,
    /// What the footer says; an error if it cannot be read.
    metadata: Result<ArrowReaderMetadata, String>,
    group: usize,
    /// Rows of the group that were read.
    group_rows: usize,
    rows: Option<ParquetRecordBatchReader>,
    row: u64,
    blocks: VecDeque<Block>,
    is_broken: bool,
    file: InputFile,
    layout: Arc<Layout>,
}

/// Returns the columns of a file; `None` if its footer cannot be read, which its reader reports.
///
/// # Errors
/// When the disk fails, or a column has a wrong type.
pub(super) fn table(file: &InputFile, mapping: &Mapping) -> Result<Option<Table>> {
    match load(&open_file(file)?, file)? {
        Ok((schema, _)) => Ok(Some(parquet_columns::table(file, &schema, mapping)?)),
        Err(_) => Ok(None),
    }
}

/// Reads the footer: the schema as the file tells it, and what to read the rows with; the inner error is that of a broken file.
fn load(
    handle: &File,
    file: &InputFile,
) -> Result<Result<(SchemaRef, ArrowReaderMetadata), String>> {
    let read = || {
        let told = ArrowReaderMetadata::load(handle, ArrowReaderOptions::new())?;
        let options = ArrowReaderOptions::new()
            .with_parquet_schema(without_strings(told.parquet_schema())?)
            .with_schema(as_bytes(told.schema()));
        Ok((told.schema().clone(), ArrowReaderMetadata::load(handle, options)?))
    };
    match guarded(read) {
        Ok(found) => Ok(Ok(found)),
        Err(error) => Ok(Err(broken(error).with_context(|| file.path.display().to_string())?)),
    }
}

/// Reads the next batch of rows.
fn next_rows(rows: &mut ParquetRecordBatchReader) -> Option<Result<RecordBatch, ParquetError>> {
    guarded(|| rows.next().transpose().map_err(ParquetError::from)).transpose()
}

/// Returns what is wrong with the file.
///
/// # Errors
/// When it is the disk that fails.
fn broken(error: ParquetError) -> Result<String> {
    match error {
        ParquetError::External(error)
            if error
                .downcast_ref::<std::io::Error>()
                .is_some_and(|e| e.raw_os_error().is_some()) =>
        {
            Err(anyhow::Error::from_boxed(error))
        }
        error => Ok(error.to_string()),
    }
}

impl ParquetReader {
    /// Opens a file and reads its footer.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub(super) fn open(file: &InputFile, layout: Arc<Layout>) -> Result<ParquetReader> {
        let handle = open_file(file)?;
        let metadata = load(&handle, file)?.map(|(_, metadata)| metadata);
        Ok(ParquetReader {
            handle,
            metadata,
            group: 0,
            group_rows: 0,
            rows: None,
            row: 0,
            blocks: VecDeque::new(),
            is_broken: file.bytes == 0,
            file: file.clone(),
            layout,
        })
    }

    /// Reads the next rows into `blocks`; `false` at the end of the file.
    fn advance(&mut self) -> Result<bool> {
        let metadata = match &self.metadata {
            _ if self.is_broken => return Ok(false),
            Ok(metadata) => metadata.clone(),
            Err(error) => {
                let (bytes, error) = (self.file.bytes, error.clone());
                self.break_off(&format!("no Parquet footer at byte {bytes} of the file: {error}"));
                return Ok(true);
            }
        };
        if self.group == metadata.metadata().num_row_groups() {
            return Ok(false);
        }
        let rows = match self.rows.take() {
            Some(rows) => Ok(rows),
            None => self.open_rows(&metadata, self.batch_rows(&metadata)),
        };
        match rows.map(|mut rows| (next_rows(&mut rows), rows)) {
            Ok((Some(Ok(batch)), rows)) => {
                self.rows = Some(rows);
                self.cut(&batch);
            }
            Ok((None, _)) => {
                self.group += 1;
                self.group_rows = 0;
            }
            Ok((Some(Err(_)), _)) | Err(_) => self.read_singly(&metadata)?,
        }
        Ok(true)
    }

    /// Reads on row by row, up to the one that cannot be read; what is skipped before it was read before.
    fn read_singly(&mut self, metadata: &ArrowReaderMetadata) -> Result<()> {
        let error = match self.open_rows(metadata, 1) {
            Err(error) => error,
            Ok(mut rows) => loop {
                match next_rows(&mut rows) {
                    Some(Ok(batch)) => self.cut(&batch),
                    Some(Err(error)) => break error,
                    None => return Ok(()),
                }
            },
        };
        let what = broken(error).with_context(|| self.file.path.display().to_string())?;
        // A damaged footer may hold any number here, so it is only shown.
        let columns = metadata.metadata().row_group(self.group).columns();
        let at = columns.first().map_or(0, |column| column.data_page_offset());
        let group = self.group;
        self.break_off(&format!("row group {group}, at byte {at} of the file, is corrupt: {what}"));
        Ok(())
    }

    /// Opens what is left of the row group.
    fn open_rows(
        &self,
        metadata: &ArrowReaderMetadata,
        batch_rows: usize,
    ) -> Result<ParquetRecordBatchReader, ParquetError> {
        let handle = self.handle.try_clone()?;
        guarded(|| {
            ParquetRecordBatchReaderBuilder::new_with_metadata(handle, metadata.clone())
                .with_row_groups(vec![self.group])
                .with_offset(self.group_rows)
                .with_batch_size(batch_rows)
                .build()
        })
    }

    /// Returns how many rows to read at once, so that they are a few pieces at most.
    fn batch_rows(&self, metadata: &ArrowReaderMetadata) -> usize {
        let group = metadata.metadata().row_group(self.group);
        let row_bytes = group.total_byte_size().max(1) / group.num_rows().max(1);
        (PIECE_BYTES / usize::try_from(row_bytes).unwrap_or(1).max(1)).clamp(1, MAX_ROWS)
    }

    /// Cuts rows into pieces by their true size.
    fn cut(&mut self, batch: &RecordBatch) {
        let mut start = 0;
        let mut bytes = 0;
        let sizes = row_bytes(batch);
        for (row, size) in sizes.iter().enumerate() {
            bytes += size;
            if bytes >= PIECE_BYTES || row + 1 == sizes.len() {
                self.add_rows(batch.slice(start, row + 1 - start), bytes as u64);
                (start, bytes) = (row + 1, 0);
            }
        }
    }

    fn add_rows(&mut self, rows: RecordBatch, bytes: u64) {
        let first_row = self.row;
        self.row += rows.num_rows() as u64;
        self.group_rows += rows.num_rows();
        let (file, layout) = (self.file.clone(), self.layout.clone());
        let decode: Decode<Decoded> =
            Box::new(move |_| parquet_columns::decode(&rows, first_row, &file, &layout));
        self.blocks.push_back(Block { bytes, position: self.position(), decode });
    }

    /// Adds an entry for the row that is next.
    fn add_unreadable(&mut self, what: &str) {
        let entry = unreadable(&self.file, self.row, None, b"", what);
        self.row += 1;
        let schema = self.layout.schema.clone();
        let decode: Decode<Decoded> = Box::new(move |_| {
            let batch = Batch::new(RecordBatch::new_empty(schema), Vec::new())?;
            Ok(Decoded { batch, unreadable: vec![entry], passed_over: 0 })
        });
        self.blocks.push_back(Block { bytes: 0, position: self.position(), decode });
    }

    fn break_off(&mut self, what: &str) {
        self.is_broken = true;
        self.add_unreadable(what);
    }

    /// Estimates the position by the share of rows: columns lie apart, so there is no other.
    fn position(&self) -> u64 {
        let Ok(metadata) = &self.metadata else { return self.file.bytes };
        let n_rows = metadata.metadata().file_metadata().num_rows().max(1) as f64;
        (self.file.bytes as f64 * (self.row as f64 / n_rows).min(1.0)) as u64
    }
}

impl Reader for ParquetReader {
    fn next(&mut self) -> Result<Option<Block>> {
        while self.blocks.is_empty() {
            if !self.advance()? {
                return Ok(None);
            }
        }
        Ok(self.blocks.pop_front())
    }
}
