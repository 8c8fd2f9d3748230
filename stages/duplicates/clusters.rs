//! `clusters.parquet`: every document that was removed as a duplicate, and the one that stayed for it.
//!
//! A row: `component` (documents that hang together by shared bands or equal keys, numbered from 0), `stage`; `id`, `file`, `row` of the
//! removed document; `duplicate_of`, `duplicate_of_file`, `duplicate_of_row` of the kept one; `similarity`. The rows of a stage are
//! sorted by component, then by the place of the kept document, then by that of the removed one, so that the copies of a document
//! stand together. A document that a later stage removes is still named here: it was kept by this one.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use arrow::array::{ArrayRef, Float64Builder, RecordBatch, StringBuilder, UInt64Builder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::{Clusters, Duplicate};
use crate::batch::Place;
use crate::disk::FileSeal;
use crate::ledger::Original;
use crate::rows::SortedRows;
use crate::sink::{KEPT_LEVEL, TableFile};
use crate::source::InputFile;

/// Rows that are held before they are written.
const CHUNK_ROWS: usize = 4096;

/// A row on its way through gather and seal: key component, kept place, removed place; value similarity, length of the
/// removed id (`u32`), removed id, kept id.
#[derive(Debug, Default)]
pub(super) struct ClusterRow {
    key: Vec<u8>,
    value: Vec<u8>,
}

impl ClusterRow {
    pub(super) fn write(
        &mut self,
        component: Place,
        place: Place,
        id: &str,
        duplicate: &Duplicate<'_>,
    ) {
        self.key.clear();
        for place in [component, duplicate.of, place] {
            self.key.extend_from_slice(&place.to_bytes());
        }
        self.value.clear();
        self.value.extend_from_slice(&duplicate.similarity.to_le_bytes());
        self.value.extend_from_slice(&(id.len() as u32).to_le_bytes());
        self.value.extend_from_slice(id.as_bytes());
        self.value.extend_from_slice(duplicate.of_id.as_bytes());
    }

    pub(super) fn key(&self) -> &[u8] {
        &self.key
    }

    pub(super) fn value(&self) -> &[u8] {
        &self.value
    }
}

/// Joins the clusters of all stages of a run into one table; `files` names the input's places.
///
/// # Errors
/// When rows are damaged, or the disk is full.
pub(crate) fn write_clusters(
    path: &Path,
    stages: &[Clusters],
    files: &[InputFile],
) -> Result<FileSeal> {
    let mut table = TableFile::create(path, schema(), KEPT_LEVEL)?;
    let mut columns = Columns::default();
    let mut n_components = 0;
    for clusters in stages {
        let mut rows = SortedRows::read(&clusters.rows)?;
        let mut last = None;
        while rows.next_group()? {
            let component = Place::from_bytes(rows.key())?;
            if last.replace(component) != Some(component) {
                n_components += 1;
            }
            let key = rows.key().to_vec();
            while let Some(value) = rows.next_value()? {
                columns.push(n_components - 1, clusters, &key, value, files)?;
                if columns.n_rows == CHUNK_ROWS {
                    table.write(&columns.finish()?)?;
                }
            }
        }
    }
    table.write(&columns.finish()?)?;
    table.finish()
}

fn schema() -> SchemaRef {
    let field = |(name, data_type, nullable)| Field::new(name, data_type, nullable);
    let fields = [
        ("component", DataType::UInt64, false),
        ("stage", DataType::Utf8, false),
        ("id", DataType::Utf8, false),
        ("file", DataType::Utf8, false),
        ("row", DataType::UInt64, false),
        ("duplicate_of", DataType::Utf8, false),
        ("duplicate_of_file", DataType::Utf8, false),
        ("duplicate_of_row", DataType::UInt64, false),
        ("similarity", DataType::Float64, false),
    ];
    Arc::new(Schema::new(fields.map(field).to_vec()))
}

#[derive(Default)]
struct Columns {
    n_rows: usize,
    component: UInt64Builder,
    stage: StringBuilder,
    id: StringBuilder,
    file: StringBuilder,
    row: UInt64Builder,
    of: StringBuilder,
    of_file: StringBuilder,
    of_row: UInt64Builder,
    similarity: Float64Builder,
}

impl Columns {
    fn push(
        &mut self,
        component: u64,
        clusters: &Clusters,
        key: &[u8],
        value: &[u8],
        files: &[InputFile],
    ) -> Result<()> {
        const DAMAGED: &str = "a row of clusters is cut short";
        let place = |i: usize| Place::from_bytes(key.get(i * Place::BYTES..).unwrap_or_default());
        let (of, place) = (clusters.earlier.original(place(1)?), place(2)?);
        let name = |place: Place| files.get(place.file as usize).map_or("", |file| &file.name);
        let (similarity, rest) = value.split_first_chunk().context(DAMAGED)?;
        let (length, rest) = rest.split_first_chunk().context(DAMAGED)?;
        let ids = rest.split_at_checked(u32::from_le_bytes(*length) as usize);
        let (id, of_id) = ids.context(DAMAGED)?;
        self.n_rows += 1;
        self.component.append_value(component);
        self.stage.append_value(clusters.stage);
        self.id.append_value(str::from_utf8(id)?);
        self.file.append_value(name(place));
        self.row.append_value(place.row);
        self.of.append_value(str::from_utf8(of_id)?);
        match &of {
            Original::Input(place) => self.of_file.append_value(name(*place)),
            Original::Earlier { file, .. } => self.of_file.append_value(file),
        }
        self.of_row.append_value(of.row());
        self.similarity.append_value(f64::from_le_bytes(*similarity));
        Ok(())
    }

    /// Returns the rows, and forgets them.
    fn finish(&mut self) -> Result<RecordBatch> {
        self.n_rows = 0;
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.component.finish()),
            Arc::new(self.stage.finish()),
            Arc::new(self.id.finish()),
            Arc::new(self.file.finish()),
            Arc::new(self.row.finish()),
            Arc::new(self.of.finish()),
            Arc::new(self.of_file.finish()),
            Arc::new(self.of_row.finish()),
            Arc::new(self.similarity.finish()),
        ];
        Ok(RecordBatch::try_new(schema(), columns)?)
    }
}
