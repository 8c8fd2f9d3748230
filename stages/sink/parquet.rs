//! Documents as zstd Parquet.

use std::path::Path;

use anyhow::Result;
use arrow::datatypes::SchemaRef;

use super::Sink;
use super::table::TableFile;
use crate::batch::Batch;
use crate::disk::FileSeal;

/// Writes documents into a Parquet file: all columns, as they are.
pub struct ParquetSink(TableFile);

impl ParquetSink {
    /// Opens the file; `level` is that of zstd.
    ///
    /// # Errors
    /// When it cannot be made, or Parquet lacks the type of a column.
    pub fn create(path: &Path, schema: SchemaRef, level: i32) -> Result<ParquetSink> {
        Ok(ParquetSink(TableFile::create(path, schema, level)?))
    }
}

impl Sink for ParquetSink {
    fn write(&mut self, batch: &Batch) -> Result<()> {
        self.0.write(&batch.rows)
    }

    fn finish(self: Box<Self>) -> Result<FileSeal> {
        self.0.finish()
    }
}
