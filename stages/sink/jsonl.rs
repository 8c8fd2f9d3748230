//! Documents as zstd JSONL.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use arrow::array::{Array, AsArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, SchemaRef};
use arrow::json::writer::{EncoderOptions, NullableEncoder, make_encoder};
use zstd::stream::write::Encoder;

use super::Sink;
use crate::batch::Batch;
use crate::disk::{FileSeal, OutFile};
use crate::source::is_members;

/// Bytes that are handed to the compressor at once, so that it always sees the same.
const PIECE_BYTES: usize = 1 << 20;

/// Writes one JSON object a document: the columns by name, the members of `extra` in its place; nulls are left out.
pub struct JsonlSink {
    encoder: Encoder<'static, OutFile>,
    names: Vec<Vec<u8>>,
    schema: SchemaRef,
    json: Vec<u8>,
    path: PathBuf,
}

/// A column, and how its values become JSON.
enum Column<'a> {
    Text(&'a StringArray),
    /// Values that are JSON objects, whose members belong to the object around them.
    Members(&'a StringArray),
    Other(NullableEncoder<'a>),
}

impl JsonlSink {
    /// Opens the file; `level` is that of zstd.
    ///
    /// # Errors
    /// When it cannot be made, or a column has a type that JSON has no form for.
    pub fn create(path: &Path, schema: SchemaRef, level: i32) -> Result<JsonlSink> {
        columns(&RecordBatch::new_empty(schema.clone()), &EncoderOptions::default())?;
        let file = OutFile::create(path)?;
        let mut encoder = Encoder::new(file, level).with_context(|| path.display().to_string())?;
        // Damage is noticed by whoever reads it.
        encoder.include_checksum(true).with_context(|| path.display().to_string())?;
        let quoted = |name: &String| {
            let mut json = Vec::new();
            write_string(name, &mut json);
            json.push(b':');
            json
        };
        let names = schema.fields().iter().map(|field| quoted(field.name())).collect();
        Ok(JsonlSink { encoder, names, schema, json: Vec::new(), path: path.into() })
    }

    /// Hands whole pieces to the compressor.
    fn flush(&mut self) -> Result<()> {
        let n_pieces = self.json.len() / PIECE_BYTES;
        for piece in self.json.chunks_exact(PIECE_BYTES) {
            self.encoder.write_all(piece).with_context(|| self.path.display().to_string())?;
        }
        self.json.drain(..n_pieces * PIECE_BYTES);
        Ok(())
    }
}

impl Sink for JsonlSink {
    fn write(&mut self, batch: &Batch) -> Result<()> {
        debug_assert_eq!(batch.rows.schema_ref().fields(), self.schema.fields());
        let options = EncoderOptions::default();
        let mut columns = columns(&batch.rows, &options)?;
        for row in 0..batch.n_rows() {
            write_row(row, &mut columns, &self.names, &mut self.json);
            if self.json.len() >= PIECE_BYTES {
                self.flush()?;
            }
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<FileSeal> {
        let place = || self.path.display().to_string();
        self.encoder.write_all(&self.json).with_context(place)?;
        self.encoder.finish().with_context(place)?.finish()
    }
}

fn columns<'a>(rows: &'a RecordBatch, options: &'a EncoderOptions) -> Result<Vec<Column<'a>>> {
    let column = |(field, column): (&'a arrow::datatypes::FieldRef, &'a arrow::array::ArrayRef)| {
        Ok(match field.data_type() {
            DataType::Utf8 if is_members(field) => Column::Members(column.as_string()),
            DataType::Utf8 => Column::Text(column.as_string()),
            data_type => {
                Column::Other(make_encoder(field, column.as_ref(), options).with_context(|| {
                    format!("column `{}`: JSON has no form for {data_type}", field.name())
                })?)
            }
        })
    };
    rows.schema_ref().fields().iter().zip(rows.columns()).map(column).collect()
}

fn write_row(row: usize, columns: &mut [Column<'_>], names: &[Vec<u8>], json: &mut Vec<u8>) {
    let mut before = b'{';
    for (column, name) in columns.iter_mut().zip(names) {
        match column {
            Column::Text(values) if values.is_valid(row) => {
                json.push(before);
                json.extend_from_slice(name);
                write_string(values.value(row), json);
            }
            Column::Members(values) if values.is_valid(row) => {
                let object = values.value(row).as_bytes().trim_ascii();
                let members = object.strip_prefix(b"{").and_then(|o| o.strip_suffix(b"}"));
                let members = members.unwrap_or_default().trim_ascii();
                if members.is_empty() {
                    continue;
                }
                json.push(before);
                json.extend_from_slice(members);
            }
            Column::Other(encoder) if !encoder.is_null(row) => {
                json.push(before);
                json.extend_from_slice(name);
                encoder.encode(row, json);
            }
            _ => continue,
        }
        before = b',';
    }
    if before == b'{' {
        json.push(b'{');
    }
    json.extend_from_slice(b"}\n");
}

fn write_string(text: &str, json: &mut Vec<u8>) {
    sonic_rs::to_writer(json, text).expect("a vector takes all bytes");
}
