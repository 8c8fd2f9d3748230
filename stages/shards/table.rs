//! `NNNNN.documents.parquet`: which tokens of a shard are which document.
//!
//! One row a document, in the order of the shard: `id`; `start` and `end`, its range of tokens in the shard, the end exclusive;
//! `tokens`, their number; `file` and `row`, its place in the input; `source` and `language`, null where they are not known;
//! `text_bytes`, the length of its text in UTF-8. So every token of a dataset leads back to a document and its place, and tokens can be
//! summed by source or language without a look at the ids.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use arrow::array::{ArrayRef, RecordBatch, StringBuilder, UInt64Builder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::row::ShuffledRow;
use crate::disk::FileSeal;
use crate::sink::{KEPT_LEVEL, TableFile};
use crate::source::InputFile;

/// Rows after which the table is handed to its file.
const TABLE_ROWS: usize = 4096;

/// Writes the table of a shard.
pub(super) struct DocumentTable<'a> {
    file: TableFile,
    schema: SchemaRef,
    files: &'a [InputFile],
    next_token: u64,
    n_rows: u64,
    columns: Columns,
}

#[derive(Default)]
struct Columns {
    id: StringBuilder,
    start: UInt64Builder,
    end: UInt64Builder,
    tokens: UInt64Builder,
    file: StringBuilder,
    row: UInt64Builder,
    source: StringBuilder,
    language: StringBuilder,
    text_bytes: UInt64Builder,
    n_rows: usize,
}

impl<'a> DocumentTable<'a> {
    pub(super) fn create(path: &Path, files: &'a [InputFile]) -> Result<DocumentTable<'a>> {
        let fields = [
            ("id", DataType::Utf8, false),
            ("start", DataType::UInt64, false),
            ("end", DataType::UInt64, false),
            ("tokens", DataType::UInt64, false),
            ("file", DataType::Utf8, false),
            ("row", DataType::UInt64, false),
            ("source", DataType::Utf8, true),
            ("language", DataType::Utf8, true),
            ("text_bytes", DataType::UInt64, false),
        ];
        let fields =
            fields.map(|(name, data_type, nullable)| Field::new(name, data_type, nullable));
        let schema = Arc::new(Schema::new(fields.to_vec()));
        let file = TableFile::create(path, schema.clone(), KEPT_LEVEL)?;
        let columns = Columns::default();
        Ok(DocumentTable { file, schema, files, next_token: 0, n_rows: 0, columns })
    }

    /// Says whether no row was pushed yet.
    pub(super) fn is_empty(&self) -> bool {
        self.n_rows == 0
    }

    pub(super) fn push(&mut self, row: &ShuffledRow<'_>, n_tokens: u64) -> Result<()> {
        let file = self.files.get(row.place.file as usize).context("a place of another input")?;
        let columns = &mut self.columns;
        columns.id.append_value(row.id);
        columns.start.append_value(self.next_token);
        self.next_token += n_tokens;
        columns.end.append_value(self.next_token);
        columns.tokens.append_value(n_tokens);
        columns.file.append_value(&file.name);
        columns.row.append_value(row.place.row);
        columns.source.append_option(row.source);
        columns.language.append_option(row.language);
        columns.text_bytes.append_value(row.text_bytes);
        columns.n_rows += 1;
        self.n_rows += 1;
        if columns.n_rows >= TABLE_ROWS { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        let mut columns = std::mem::take(&mut self.columns);
        let arrays: Vec<ArrayRef> = vec![
            Arc::new(columns.id.finish()),
            Arc::new(columns.start.finish()),
            Arc::new(columns.end.finish()),
            Arc::new(columns.tokens.finish()),
            Arc::new(columns.file.finish()),
            Arc::new(columns.row.finish()),
            Arc::new(columns.source.finish()),
            Arc::new(columns.language.finish()),
            Arc::new(columns.text_bytes.finish()),
        ];
        self.file.write(&RecordBatch::try_new(self.schema.clone(), arrays)?)
    }

    pub(super) fn finish(mut self) -> Result<FileSeal> {
        self.flush()?;
        self.file.finish()
    }
}
