//! Documents between two passes.
//!
//! A spool is a row of frames, each an Arrow IPC stream of one chunk, compressed as a whole: the reader hands a frame
//! out as it lies on the disk, so that any thread decompresses it. It ends with a frame that counts the rows. A spool
//! is ours alone, so one that is damaged is an error and not a source of unreadable rows. Its rows do not depend on how
//! they were cut into batches, but unused bits of its bytes do: no dataset holds it.

use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use arrow::array::{
    ArrayRef, AsArray, FixedSizeBinaryArray, RecordBatch, UInt32Array, UInt64Array,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, UInt32Type, UInt64Type};
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use zstd::bulk::Compressor;

use super::Sink;
use super::chunks::Chunks;
use crate::batch::{Batch, Origin, Place};
use crate::disk::{FileSeal, OutFile};
use crate::source::{Block, Decoded, Reader, Wanted};

/// zstd level: disks are slower than this, and nothing stays.
const LEVEL: i32 = 1;

/// Columns behind the batch's own that hold the origins.
const ORIGIN_COLUMNS: usize = 3;

/// What stands before a frame: rows, bytes, bytes compressed. The last frame has no bytes, and counts all rows.
const HEAD_BYTES: usize = 24;

/// Writes documents with their origins, for a later pass to read.
pub struct SpoolSink {
    file: OutFile,
    frames: Frames,
    chunks: Chunks,
    schema: SchemaRef,
    path: PathBuf,
}

struct Frames {
    compressor: Compressor<'static>,
    n_rows: u64,
}

impl SpoolSink {
    /// Opens the file.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn create(path: &Path, schema: SchemaRef) -> Result<SpoolSink> {
        let place = || path.display().to_string();
        let mut compressor = Compressor::new(LEVEL).with_context(place)?;
        compressor.include_checksum(true).with_context(place)?;
        let frames = Frames { compressor, n_rows: 0 };
        let (file, schema) = (OutFile::create(path)?, with_origins(&schema));
        Ok(SpoolSink { file, frames, chunks: Chunks::default(), schema, path: path.into() })
    }
}

impl Sink for SpoolSink {
    fn write(&mut self, batch: &Batch) -> Result<()> {
        let rows = attach(batch, &self.schema)?;
        let SpoolSink { file, frames, chunks, path, .. } = self;
        let written = chunks.push(&rows, |chunk, _| frames.write(&chunk, file));
        written.with_context(|| path.display().to_string())
    }

    fn finish(self: Box<Self>) -> Result<FileSeal> {
        let SpoolSink { mut file, mut frames, mut chunks, path, .. } = *self;
        let mut end = || {
            chunks.flush(|chunk, _| frames.write(&chunk, &mut file))?;
            write_head(frames.n_rows, 0, 0, &mut file)
        };
        end().with_context(|| path.display().to_string())?;
        file.finish()
    }
}

impl Frames {
    fn write(&mut self, rows: &RecordBatch, file: &mut OutFile) -> Result<()> {
        let mut stream = StreamWriter::try_new(Vec::new(), rows.schema_ref())?;
        stream.write(rows)?;
        let bytes = stream.into_inner()?;
        let compressed = self.compressor.compress(&bytes)?;
        let n_rows = rows.num_rows() as u64;
        self.n_rows += n_rows;
        write_head(n_rows, bytes.len() as u64, compressed.len() as u64, file)?;
        Ok(file.write_all(&compressed)?)
    }
}

fn write_head(n_rows: u64, bytes: u64, compressed: u64, file: &mut OutFile) -> Result<()> {
    for number in [n_rows, bytes, compressed] {
        file.write_all(&number.to_le_bytes())?;
    }
    Ok(())
}

/// Reads a spool from its beginning to its end.
pub struct SpoolReader {
    file: BufReader<File>,
    n_rows: u64,
    position: u64,
    is_done: bool,
    path: PathBuf,
}

impl SpoolReader {
    /// Opens the file.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(path: &Path) -> Result<SpoolReader> {
        let file = File::open(path).with_context(|| path.display().to_string())?;
        let file = BufReader::with_capacity(1 << 18, file);
        Ok(SpoolReader { file, n_rows: 0, position: 0, is_done: false, path: path.into() })
    }

    /// Reads the next frame: its rows, its length, and its bytes.
    fn read_frame(&mut self) -> Result<Option<(u64, u64, Vec<u8>)>> {
        let mut head = [0; HEAD_BYTES];
        self.file.read_exact(&mut head).context("the spool is cut short")?;
        let number = |i: usize| {
            let bytes = head[i * 8..].first_chunk().expect("the head has three numbers");
            u64::from_le_bytes(*bytes)
        };
        let (n_rows, bytes, compressed) = (number(0), number(1), number(2));
        if compressed == 0 {
            ensure!(n_rows == self.n_rows, "the spool has {} rows of {n_rows}", self.n_rows);
            return Ok(None);
        }
        let mut frame = Vec::new();
        let n = self.file.by_ref().take(compressed).read_to_end(&mut frame)? as u64;
        ensure!(n == compressed, "the spool is cut short");
        self.n_rows += n_rows;
        self.position += HEAD_BYTES as u64 + compressed;
        Ok(Some((n_rows, bytes, frame)))
    }
}

impl Reader for SpoolReader {
    fn next(&mut self) -> Result<Option<Block>> {
        if self.is_done {
            return Ok(None);
        }
        let frame = self.read_frame().with_context(|| self.path.display().to_string())?;
        let Some((n_rows, bytes, frame)) = frame else {
            self.is_done = true;
            return Ok(None);
        };
        let path = self.path.clone();
        let decode = move |_: Wanted<'_>| {
            let batch = decode(&frame, n_rows, bytes);
            let batch = batch.with_context(|| path.display().to_string())?;
            Ok(Decoded { batch, unreadable: Vec::new(), passed_over: 0 })
        };
        Ok(Some(Block { bytes, position: self.position, decode: Box::new(decode) }))
    }
}

fn decode(frame: &[u8], n_rows: u64, bytes: u64) -> Result<Batch> {
    let bytes = usize::try_from(bytes)?;
    let stream = zstd::bulk::decompress(frame, bytes).context("the spool is damaged")?;
    let mut stream = StreamReader::try_new(stream.as_slice(), None)?;
    let Some(rows) = stream.next().transpose()? else { bail!("the spool is damaged") };
    ensure!(rows.num_rows() as u64 == n_rows, "the spool is damaged");
    detach(&rows)
}

fn with_origins(schema: &Schema) -> SchemaRef {
    let origins = [
        Field::new("origin_file", DataType::UInt32, false),
        Field::new("origin_row", DataType::UInt64, false),
        Field::new("origin_text_hash", DataType::FixedSizeBinary(16), false),
    ];
    let fields = schema.fields().iter().map(|field| field.as_ref().clone()).chain(origins);
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

fn attach(batch: &Batch, schema: &SchemaRef) -> Result<RecordBatch> {
    let origins = &batch.origins;
    let files: UInt32Array = origins.iter().map(|origin| Some(origin.place.file)).collect();
    let rows: UInt64Array = origins.iter().map(|origin| Some(origin.place.row)).collect();
    let hashes: Vec<u8> = origins.iter().flat_map(|o| o.text_hash.to_be_bytes()).collect();
    let hashes = FixedSizeBinaryArray::try_new(16, hashes.into(), None)?;
    let more: [ArrayRef; ORIGIN_COLUMNS] = [Arc::new(files), Arc::new(rows), Arc::new(hashes)];
    let columns = batch.rows.columns().iter().cloned().chain(more).collect();
    Ok(RecordBatch::try_new(schema.clone(), columns)?)
}

fn detach(rows: &RecordBatch) -> Result<Batch> {
    let n_own = rows.num_columns().checked_sub(ORIGIN_COLUMNS).context("the spool is damaged")?;
    let own: Vec<usize> = (0..n_own).collect();
    let files = rows.column(n_own).as_primitive_opt::<UInt32Type>();
    let numbers = rows.column(n_own + 1).as_primitive_opt::<UInt64Type>();
    let hashes = rows.column(n_own + 2).as_fixed_size_binary_opt();
    let (Some(files), Some(numbers), Some(hashes)) = (files, numbers, hashes) else {
        bail!("the spool is damaged");
    };
    let origin = |i: usize| -> Result<Origin> {
        let place = Place { file: files.value(i), row: numbers.value(i) };
        Ok(Origin { place, text_hash: u128::from_be_bytes(hashes.value(i).try_into()?) })
    };
    let origins = (0..rows.num_rows()).map(origin).collect::<Result<_>>()?;
    Batch::new(rows.project(&own)?, origins)
}
