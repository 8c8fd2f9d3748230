//! Builds a batch row by row.

use arrow::array::{ArrayRef, RecordBatch, StringBuilder, new_null_array};
use arrow::datatypes::SchemaRef;
use std::sync::Arc;

use anyhow::Result;

use super::files::InputFile;
use super::unreadable::row_id;
use crate::batch::{Batch, COLUMNS, ID, LANGUAGE, Origin, Place, SOURCE, TEXT, URL};

/// What is read of one row; made once and used for each, to spare allocations.
#[derive(Debug, Default)]
pub(super) struct Row {
    /// The id, or nothing.
    pub(super) id: Option<String>,
    /// The text.
    pub(super) text: String,
    /// The url, source and language, where known.
    pub(super) others: [Option<String>; 3],
}

impl Row {
    /// Forgets the row.
    pub(super) fn clear(&mut self) {
        self.id = None;
        self.text.clear();
        self.others = Default::default();
    }

    /// Sets a base column; a text of `None` is empty.
    pub(super) fn set(&mut self, column: usize, value: Option<String>) {
        match column {
            ID => self.id = value,
            TEXT => self.text = value.unwrap_or_default(),
            _ => self.others[column - URL] = value,
        }
    }
}

/// Collects the base columns of a batch, and its origins.
pub(super) struct BatchBuilder {
    columns: [StringBuilder; COLUMNS.len()],
    origins: Vec<Origin>,
}

impl BatchBuilder {
    /// Makes room for this much text.
    pub(super) fn new(text_bytes: usize) -> BatchBuilder {
        let mut columns: [StringBuilder; COLUMNS.len()] = Default::default();
        columns[TEXT] = StringBuilder::with_capacity(256, text_bytes);
        BatchBuilder { columns, origins: Vec::new() }
    }

    /// Appends a row, with an id made from its place where it has none.
    pub(super) fn push(&mut self, file: &InputFile, number: u64, row: &Row) {
        match &row.id {
            Some(id) => self.columns[ID].append_value(id),
            None => self.columns[ID].append_value(row_id(file, number)),
        }
        self.columns[TEXT].append_value(&row.text);
        for column in [URL, SOURCE, LANGUAGE] {
            self.columns[column].append_option(row.others[column - URL].as_deref());
        }
        let place = Place { file: file.number, row: number };
        self.origins.push(Origin::new(place, &row.text));
    }

    /// Returns the batch; `own` gives the columns behind the base columns by name, null where there is none.
    ///
    /// # Errors
    /// When an own column has another length or type than expected.
    pub(super) fn finish(
        mut self,
        schema: &SchemaRef,
        mut own: impl FnMut(&str) -> Option<ArrayRef>,
    ) -> Result<Batch> {
        let n_rows = self.origins.len();
        let base = self.columns.iter_mut().map(|column| Arc::new(column.finish()) as ArrayRef);
        let own = schema.fields().iter().skip(COLUMNS.len()).map(|field| {
            own(field.name()).unwrap_or_else(|| new_null_array(field.data_type(), n_rows))
        });
        let columns = base.chain(own).collect();
        Batch::new(RecordBatch::try_new(schema.clone(), columns)?, self.origins)
    }
}
