//! Removed rows as zstd Parquet.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use arrow::array::{ArrayRef, Float64Builder, RecordBatch, StringBuilder, UInt64Builder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::table::{LOOKED_INTO_LEVEL, TableFile};
use crate::config::KeepRemoved;
use crate::disk::FileSeal;
use crate::ledger::{Cause, Original, Removed};
use crate::source::InputFile;

/// Writes removed rows: where each one stood, and why it is gone.
///
/// Rows that could not be read are kept whatever `keep` says, without their text unless it says `Full`: nobody
/// intended them, and somebody has to look. The file is made with the first row that is kept.
pub struct RemovedSink {
    path: PathBuf,
    keep: KeepRemoved,
    files: Arc<[InputFile]>,
    schema: SchemaRef,
    table: Option<TableFile>,
}

impl RemovedSink {
    /// Makes a sink; `files` names the places, by number.
    pub fn create(path: &Path, keep: KeepRemoved, files: Arc<[InputFile]>) -> RemovedSink {
        RemovedSink { path: path.into(), keep, files, schema: schema(), table: None }
    }

    /// Appends rows.
    ///
    /// # Errors
    /// When the disk is full or fails.
    pub fn write(&mut self, removed: &[Removed]) -> Result<()> {
        let is_kept = |row: &&Removed| {
            self.keep != KeepRemoved::None || matches!(row.cause, Cause::Unreadable { .. })
        };
        // Text is most of it: a buffer that grows by doubling costs more than what is written into it.
        let text_bytes = removed.iter().map(|row| row.text.len()).sum();
        let text = StringBuilder::with_capacity(removed.len(), text_bytes);
        let mut columns = Columns { text, ..Columns::default() };
        for row in removed.iter().filter(is_kept) {
            columns.push(row, &self.files, self.keep == KeepRemoved::Full);
        }
        let rows = columns.finish(&self.schema)?;
        if rows.num_rows() == 0 {
            return Ok(());
        }
        let mut table = match self.table.take() {
            Some(table) => table,
            None => TableFile::create(&self.path, self.schema.clone(), LOOKED_INTO_LEVEL)?,
        };
        table.write(&rows)?;
        self.table = Some(table);
        Ok(())
    }

    /// Ends the file; `None` if no row was kept, and hence there is none.
    ///
    /// # Errors
    /// When the disk is full or fails.
    pub fn finish(self) -> Result<Option<FileSeal>> {
        self.table.map(TableFile::finish).transpose()
    }
}

/// Returns the columns of `removed/*.parquet`.
pub fn schema() -> SchemaRef {
    let field = |(name, data_type, nullable)| Field::new(name, data_type, nullable);
    let fields = [
        ("id", DataType::Utf8, false),
        ("text", DataType::Utf8, true),
        ("file", DataType::Utf8, true),
        ("row", DataType::UInt64, false),
        ("source", DataType::Utf8, true),
        ("language", DataType::Utf8, true),
        // The key under which the report counts the row, such as `gopher_quality.min_words`.
        ("cause", DataType::Utf8, false),
        ("rule", DataType::Utf8, true),
        ("check", DataType::Utf8, true),
        ("value", DataType::Float64, true),
        ("limit", DataType::Float64, true),
        ("found", DataType::Utf8, true),
        ("duplicate_of", DataType::Utf8, true),
        ("duplicate_of_file", DataType::Utf8, true),
        ("duplicate_of_row", DataType::UInt64, true),
        ("similarity", DataType::Float64, true),
        ("error", DataType::Utf8, true),
    ];
    Arc::new(Schema::new(fields.map(field).to_vec()))
}

#[derive(Default)]
struct Columns {
    id: StringBuilder,
    text: StringBuilder,
    file: StringBuilder,
    row: UInt64Builder,
    source: StringBuilder,
    language: StringBuilder,
    cause: StringBuilder,
    rule: StringBuilder,
    check: StringBuilder,
    value: Float64Builder,
    limit: Float64Builder,
    found: StringBuilder,
    duplicate_of: StringBuilder,
    duplicate_of_file: StringBuilder,
    duplicate_of_row: UInt64Builder,
    similarity: Float64Builder,
    error: StringBuilder,
}

impl Columns {
    fn push(&mut self, removed: &Removed, files: &[InputFile], with_text: bool) {
        let name = |number: u32| files.get(number as usize).map(|file| file.name.as_str());
        self.id.append_value(&removed.id);
        self.text.append_option(with_text.then_some(&removed.text));
        self.file.append_option(name(removed.place.file));
        self.row.append_value(removed.place.row);
        self.source.append_option(removed.source.as_deref());
        self.language.append_option(removed.language.as_deref());
        self.cause.append_value(removed.cause.key());
        let (mut rule, mut removal, mut duplicate, mut error) = (None, None, None, None);
        match &removed.cause {
            Cause::Rule { rule: name, removal: broken } => {
                rule = Some(name.as_str());
                removal = Some(broken);
            }
            Cause::Duplicate { stage, of, of_id, similarity } => {
                rule = Some(*stage);
                duplicate = Some((of, of_id, similarity));
            }
            Cause::Unreadable { error: what } => error = Some(what),
        }
        self.rule.append_option(rule);
        self.check.append_option(removal.map(|removal| removal.check));
        self.value.append_option(removal.map(|removal| removal.value));
        self.limit.append_option(removal.map(|removal| removal.limit));
        self.found.append_option(removal.and_then(|removal| removal.found.as_deref()));
        self.duplicate_of.append_option(duplicate.map(|(_, id, _)| id));
        let of_file = |of: &'_ Original| match of {
            Original::Input(place) => name(place.file).map(str::to_owned),
            Original::Earlier { file, .. } => Some(file.to_string()),
        };
        self.duplicate_of_file.append_option(duplicate.and_then(|(of, _, _)| of_file(of)));
        self.duplicate_of_row.append_option(duplicate.map(|(of, _, _)| of.row()));
        self.similarity.append_option(duplicate.map(|(_, _, similarity)| *similarity));
        self.error.append_option(error);
    }

    /// Returns the rows, in the order of `schema`.
    fn finish(mut self, schema: &SchemaRef) -> Result<RecordBatch> {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.id.finish()),
            Arc::new(self.text.finish()),
            Arc::new(self.file.finish()),
            Arc::new(self.row.finish()),
            Arc::new(self.source.finish()),
            Arc::new(self.language.finish()),
            Arc::new(self.cause.finish()),
            Arc::new(self.rule.finish()),
            Arc::new(self.check.finish()),
            Arc::new(self.value.finish()),
            Arc::new(self.limit.finish()),
            Arc::new(self.found.finish()),
            Arc::new(self.duplicate_of.finish()),
            Arc::new(self.duplicate_of_file.finish()),
            Arc::new(self.duplicate_of_row.finish()),
            Arc::new(self.similarity.finish()),
            Arc::new(self.error.finish()),
        ];
        Ok(RecordBatch::try_new(schema.clone(), columns)?)
    }
}
