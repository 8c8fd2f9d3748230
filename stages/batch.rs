//! A batch of documents and where each of them came from.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, RecordBatch, StringArray, StringBuilder,
};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use xxhash_rust::xxh3::{xxh3_128, xxh3_128_with_seed};

/// The columns that every batch begins with, in this order; all are UTF-8, the first two without nulls.
pub const COLUMNS: [&str; 5] = ["id", "text", "url", "source", "language"];

/// The column that holds the other fields of a JSONL object as one JSON object.
pub const EXTRA: &str = "extra";

/// Position of the column `id`.
pub const ID: usize = 0;
/// Position of the column `text`.
pub const TEXT: usize = 1;
/// Position of the column `url`.
pub const URL: usize = 2;
/// Position of the column `source`.
pub const SOURCE: usize = 3;
/// Position of the column `language`.
pub const LANGUAGE: usize = 4;

/// Where a row stood in the input: a total order over the corpus that keeps its meaning through all stages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The number of the input file, by pattern order, then by path.
    pub file: u32,
    /// The row in that file, unreadable rows counted.
    pub row: u64,
}

impl Place {
    /// The length of `to_bytes`.
    pub const BYTES: usize = 12;

    /// Returns the place as bytes that sort as places do.
    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..4].copy_from_slice(&self.file.to_be_bytes());
        bytes[4..].copy_from_slice(&self.row.to_be_bytes());
        bytes
    }

    /// Reads a place back from the beginning of `bytes`.
    ///
    /// # Errors
    /// When `bytes` is too short.
    pub fn from_bytes(bytes: &[u8]) -> Result<Place> {
        let file = bytes.first_chunk::<4>().context("a place is cut short")?;
        let row = bytes[4..].first_chunk::<8>().context("a place is cut short")?;
        Ok(Place { file: u32::from_be_bytes(*file), row: u64::from_be_bytes(*row) })
    }
}

/// What a row keeps of its beginning, whatever the stages do to its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// Where the row stood in the input.
    pub place: Place,
    /// xxh3-128 of the text as it was read: what random choices hash.
    pub text_hash: u128,
}

impl Origin {
    /// Returns the origin of a row with this text.
    pub fn new(place: Place, text: &str) -> Origin {
        Origin { place, text_hash: xxh3_128(text.as_bytes()) }
    }

    /// Returns what chance says of this document: a hash of the seed, the purpose and the text at input.
    pub fn draw(&self, seed: u64, purpose: &str) -> u128 {
        let bytes = [purpose.as_bytes(), &self.text_hash.to_le_bytes()].concat();
        xxh3_128_with_seed(&bytes, seed)
    }

    /// Returns `draw` as a number from 0 to below 1.
    pub fn draw_share(&self, seed: u64, purpose: &str) -> f64 {
        // An f64 holds 53 bits exactly.
        (self.draw(seed, purpose) >> 75) as f64 / (1_u64 << 53) as f64
    }
}

/// Documents in input order: the columns of `COLUMNS`, then the input's own, and an origin per row.
#[derive(Debug, Clone)]
pub struct Batch {
    /// The columns.
    pub rows: RecordBatch,
    /// Where each row came from, ascending by place.
    pub origins: Vec<Origin>,
}

impl Batch {
    /// Puts rows and origins together.
    ///
    /// # Errors
    /// When they differ in length, or the columns are not those of `COLUMNS`.
    pub fn new(rows: RecordBatch, origins: Vec<Origin>) -> Result<Batch> {
        ensure!(rows.num_rows() == origins.len(), "a batch with rows of unknown origin");
        for (i, name) in COLUMNS.iter().enumerate() {
            let field =
                rows.schema_ref().fields().get(i).context("a batch with missing columns")?;
            ensure!(
                field.name() == name && *field.data_type() == DataType::Utf8,
                "column {i} of a batch is `{}`, expected `{name}`",
                field.name()
            );
        }
        ensure!(rows.column(ID).null_count() == 0, "a batch with a null id");
        ensure!(rows.column(TEXT).null_count() == 0, "a batch with a null text");
        Ok(Batch { rows, origins })
    }

    /// Returns the number of documents.
    pub fn n_rows(&self) -> usize {
        self.origins.len()
    }

    /// Returns the column `id`.
    pub fn ids(&self) -> &StringArray {
        self.rows.column(ID).as_string()
    }

    /// Returns the column `text`.
    pub fn texts(&self) -> &StringArray {
        self.rows.column(TEXT).as_string()
    }

    /// Returns the value of a UTF-8 column by position; `None` where it is null.
    pub fn value(&self, column: usize, row: usize) -> Option<&str> {
        let column: &StringArray = self.rows.column(column).as_string();
        column.is_valid(row).then(|| column.value(row))
    }

    /// Returns the bytes of text in all rows.
    pub fn text_bytes(&self) -> u64 {
        let offsets = self.texts().value_offsets();
        let (first, last) = (offsets.first().copied(), offsets.last().copied());
        (last.unwrap_or(0) - first.unwrap_or(0)) as u64
    }

    /// Returns the rows for which `keep` is true.
    ///
    /// # Errors
    /// When `keep` has another length than the batch.
    pub fn keep(self, keep: &[bool]) -> Result<Batch> {
        ensure!(keep.len() == self.n_rows(), "a verdict for each row is needed");
        if keep.iter().all(|&keep| keep) {
            return Ok(self);
        }
        let rows = filter_record_batch(&self.rows, &BooleanArray::from(keep.to_vec()))?;
        let origins = self.origins.iter().zip(keep).filter(|(_, keep)| **keep);
        Ok(Batch { rows, origins: origins.map(|(origin, _)| *origin).collect() })
    }

    /// Returns the batch with one column replaced, or added behind the others.
    ///
    /// # Errors
    /// When the column has another length than the batch.
    pub fn with_column(self, field: Field, column: ArrayRef) -> Result<Batch> {
        let mut columns = self.rows.columns().to_vec();
        match self.rows.schema_ref().index_of(field.name()) {
            Ok(i) => columns[i] = column,
            Err(_) => columns.push(column),
        }
        let schema = with_field(self.rows.schema_ref(), field);
        Ok(Batch { rows: RecordBatch::try_new(schema, columns)?, origins: self.origins })
    }

    /// Returns the batch with other texts in the rows that have one.
    ///
    /// # Errors
    /// When there is not one entry a row.
    pub fn with_texts(self, edited: &[Option<String>]) -> Result<Batch> {
        ensure!(edited.len() == self.n_rows(), "an entry for each row is needed");
        if edited.iter().all(Option::is_none) {
            return Ok(self);
        }
        let texts = self.texts();
        let mut column = StringBuilder::with_capacity(edited.len(), texts.value_data().len());
        for (row, text) in edited.iter().enumerate() {
            column.append_value(text.as_deref().unwrap_or(texts.value(row)));
        }
        let field = self.rows.schema_ref().field(TEXT).clone();
        self.with_column(field, Arc::new(column.finish()))
    }

    /// Returns the batch without a column, if it has it.
    ///
    /// # Errors
    /// When arrow refuses, which it does not for a column that exists.
    pub fn without_column(mut self, name: &str) -> Result<Batch> {
        if let Ok(i) = self.rows.schema_ref().index_of(name) {
            self.rows.remove_column(i);
        }
        Ok(self)
    }
}

#[cfg(test)]
impl Batch {
    /// Returns a batch of documents (id, text), as the first rows of the first file.
    pub(crate) fn of_texts(rows: &[(&str, &str)]) -> Batch {
        let column =
            |values: Vec<Option<&str>>| -> ArrayRef { Arc::new(StringArray::from(values)) };
        let nulls = || column(vec![None; rows.len()]);
        let ids = column(rows.iter().map(|(id, _)| Some(*id)).collect());
        let texts = column(rows.iter().map(|(_, text)| Some(*text)).collect());
        let columns = vec![ids, texts, nulls(), nulls(), nulls()];
        let place = |row: usize| Place { file: 0, row: row as u64 };
        let origin = |(row, (_, text)): (usize, &(&str, &str))| Origin::new(place(row), text);
        let origins = rows.iter().enumerate().map(origin).collect();
        let rows = RecordBatch::try_new(Arc::new(Schema::new(base_fields())), columns);
        Batch::new(rows.expect("columns as the schema has them"), origins).expect("a good batch")
    }
}

/// Returns the fields that every batch begins with.
pub fn base_fields() -> Vec<Field> {
    let field = |(i, name): (usize, &&str)| Field::new(*name, DataType::Utf8, i > TEXT);
    COLUMNS.iter().enumerate().map(field).collect()
}

/// Returns `schema` with `field` in place of the one with its name, or behind the others.
pub fn with_field(schema: &Schema, field: Field) -> SchemaRef {
    let mut fields: Vec<_> = schema.fields().iter().cloned().collect();
    match fields.iter().position(|other| other.name() == field.name()) {
        Some(i) => fields[i] = Arc::new(field),
        None => fields.push(Arc::new(field)),
    }
    Arc::new(Schema::new(fields))
}
