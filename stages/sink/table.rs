//! A Parquet file whose bytes depend on its rows alone.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use super::chunks::Chunks;
use crate::batch::COLUMNS;
use crate::disk::{FileSeal, OutFile};

/// zstd level of what is made to be read again and again.
pub(crate) const KEPT_LEVEL: i32 = 3;

/// zstd level of what somebody may look into: a little larger, and cheaper to write.
pub(crate) const LOOKED_INTO_LEVEL: i32 = 1;

/// Bytes of strings after which a row group ends.
const GROUP_BYTES: usize = 64 << 20;

/// Rows after which a row group ends.
const GROUP_ROWS: usize = 1 << 20;

/// Writes rows of any schema into a zstd Parquet file.
pub(crate) struct TableFile {
    writer: ArrowWriter<OutFile>,
    chunks: Chunks,
    group: Group,
    path: PathBuf,
}

/// How full the row group is.
#[derive(Default)]
struct Group {
    rows: usize,
    bytes: usize,
}

impl TableFile {
    /// Opens the file; `level` is that of zstd.
    ///
    /// # Errors
    /// When it cannot be made, or Parquet has no such type.
    pub(crate) fn create(path: &Path, schema: SchemaRef, level: i32) -> Result<TableFile> {
        let file = OutFile::create(path)?;
        let writer = ArrowWriter::try_new(file, schema, Some(properties(level)?))
            .with_context(|| path.display().to_string())?;
        Ok(TableFile {
            writer,
            chunks: Chunks::default(),
            group: Group::default(),
            path: path.into(),
        })
    }

    /// Appends rows.
    ///
    /// # Errors
    /// When the disk is full or fails.
    pub(crate) fn write(&mut self, rows: &RecordBatch) -> Result<()> {
        let TableFile { writer, chunks, group, path } = self;
        let written = chunks.push(rows, |chunk, bytes| write(writer, group, &chunk, bytes));
        written.with_context(|| path.display().to_string())
    }

    /// Ends the file.
    ///
    /// # Errors
    /// When the disk is full or fails.
    pub(crate) fn finish(self) -> Result<FileSeal> {
        let TableFile { mut writer, mut chunks, mut group, path } = self;
        let file = chunks
            .flush(|chunk, bytes| write(&mut writer, &mut group, &chunk, bytes))
            .and_then(|()| Ok(writer.into_inner()?));
        file.with_context(|| path.display().to_string())?.finish()
    }
}

fn write(
    writer: &mut ArrowWriter<OutFile>,
    group: &mut Group,
    chunk: &RecordBatch,
    bytes: usize,
) -> Result<()> {
    writer.write(chunk)?;
    group.rows += chunk.num_rows();
    group.bytes += bytes;
    if group.rows >= GROUP_ROWS || group.bytes >= GROUP_BYTES {
        writer.flush()?;
        *group = Group::default();
    }
    Ok(())
}

fn properties(level: i32) -> Result<WriterProperties> {
    let mut properties = WriterProperties::builder()
        .set_created_by("corpusmill".to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(level)?))
        // Row groups end where `write` says, and nowhere else.
        .set_max_row_group_row_count(None)
        .set_statistics_enabled(EnabledStatistics::Chunk);
    // Ids and texts are all different: a dictionary of them is thrown away once it is full.
    for name in [COLUMNS[0], COLUMNS[1]] {
        properties = properties.set_column_dictionary_enabled(ColumnPath::from(name), false);
    }
    // The least and greatest text help nobody; ids and the rest tell a reader which row groups to skip.
    let text = ColumnPath::from(COLUMNS[1]);
    Ok(properties.set_column_statistics_enabled(text, EnabledStatistics::None).build())
}
