//! Parquet of `input_ids`: Hugging Face datasets, torchtune, axolotl, and everything that reads Parquet.
//!
//! ```text
//! train/00000.parquet  …       input_ids: list<item: int32>; a file for each shard, zstd
//! validation/00000.parquet  …
//! ```
//!
//! A row is a document with its end, or with `--sequence-tokens N` N ids of the stream of documents; nothing is left out: the last row of
//! a split may be shorter. `load_dataset(FOLDER)` finds both splits. Row groups have about a million ids, so that a reader that streams
//! holds little. Ids are int32, since torch has no use for unsigned ones.
//! Source: what `datasets` makes of a tokenizer's `map`.

use std::path::Path;

use anyhow::{Context, Result};
use arrow::array::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use super::dataset::Dataset;
use super::dtype::Dtype;
use super::folder::Folder;
use super::input_ids::{Table, read_rows, schema, write_tables};
use super::payload::{Take, files_where, open};
use super::rewrite::tokenizer;
use super::rows::Unrow;
use super::{Known, Layout};
use crate::disk::OutFile;
use crate::source::guarded;

/// zstd level: ids are read again and again.
const LEVEL: i32 = 3;

/// Rows that are decoded at once when a file is read back.
const BATCH_ROWS: usize = 64;

pub(super) struct HfParquet {
    pub(super) sequence_tokens: Option<u64>,
}

impl Layout for HfParquet {
    fn dtype(&self) -> Dtype {
        Dtype::Int32
    }

    fn write(&self, dataset: &Dataset, folder: &mut Folder) -> Result<()> {
        tokenizer(dataset, folder)?;
        for split in &dataset.splits {
            let mut seals = Vec::new();
            let name = |number: usize| format!("{}/{number:05}.parquet", split.name);
            let create = |number| {
                let properties = WriterProperties::builder()
                    .set_created_by("corpusmill".to_owned())
                    .set_compression(Compression::ZSTD(ZstdLevel::try_new(LEVEL)?))
                    .build();
                let file = folder.create(&name(number))?;
                Ok(ArrowWriter::try_new(file, schema(), Some(properties))?)
            };
            let close = |number, writer: ArrowWriter<OutFile>| {
                seals.push((name(number), writer.into_inner()?.finish()?));
                Ok(())
            };
            write_tables(dataset, split, self.sequence_tokens, create, close)?;
            seals.into_iter().for_each(|(name, seal)| folder.add(&name, seal));
        }
        Ok(())
    }

    fn read(&self, dir: &Path, split: &str, known: &Known, take: Take<'_>) -> Result<()> {
        let mut unrow = Unrow::new(self.sequence_tokens, known.end_of_document);
        for path in files_where(&dir.join(split), |name| name.ends_with(".parquet"))? {
            let place = || path.display().to_string();
            let file = open(&path)?;
            let reader = || {
                ParquetRecordBatchReaderBuilder::try_new(file)?.with_batch_size(BATCH_ROWS).build()
            };
            let mut reader = guarded(reader).with_context(place)?;
            let mut ids = Vec::new();
            let mut next =
                || guarded(|| reader.next().transpose().map_err(ParquetError::from)).transpose();
            while let Some(batch) = next() {
                read_rows(&batch.with_context(place)?, &mut unrow, &mut ids, &mut *take)
                    .with_context(place)?;
            }
        }
        unrow.finish().with_context(|| split.to_owned())
    }
}

impl Table for ArrowWriter<OutFile> {
    fn write(&mut self, rows: &RecordBatch) -> Result<()> {
        ArrowWriter::write(self, rows)?;
        // One row group a batch: about a million ids.
        Ok(self.flush()?)
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array, AsArray};
    use arrow::datatypes::Int32Type;

    use super::super::tests::export_of;
    use super::super::{Format, Options};
    use super::*;

    /// Returns the rows of a file as the library reads them.
    fn rows(path: &Path) -> Vec<Vec<i32>> {
        let reader = ParquetRecordBatchReaderBuilder::try_new(open(path).unwrap()).unwrap();
        let mut rows = Vec::new();
        for batch in reader.build().unwrap() {
            let batch = batch.unwrap();
            assert_eq!(batch.schema().fields(), schema().fields());
            let lists = batch.column(0).as_list::<i32>();
            for row in 0..lists.len() {
                rows.push(lists.value(row).as_primitive::<Int32Type>().values().to_vec());
            }
        }
        rows
    }

    #[test]
    fn a_row_is_a_document_or_a_sequence_of_a_length() {
        let documents: [&[u32]; 3] = [&[258, 7, 0], &[0], &[70_000, 0]];
        let export = export_of(Format::Parquet, &Options::default(), 70_001, &documents);
        let path = export.path().join("out/train/00000.parquet");
        assert_eq!(rows(&path), [vec![258, 7, 0], vec![0], vec![70_000, 0]]);
        let options = Options { sequence_tokens: Some(4), ..Options::default() };
        let export = export_of(Format::Parquet, &options, 70_001, &documents);
        let path = export.path().join("out/train/00000.parquet");
        assert_eq!(rows(&path), [vec![258, 7, 0, 0], vec![70_000, 0]]);
    }
}
