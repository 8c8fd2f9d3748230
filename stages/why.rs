//! What happened to one document of a finished dataset.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use arrow::array::{Array, AsArray, BooleanArray, RecordBatch, StringArray};
use arrow::datatypes::UInt64Type;
use arrow::error::ArrowError;
use arrow::json::ArrayWriter;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowPredicateFn, ParquetRecordBatchReaderBuilder, RowFilter};
use serde_json::{Map, Value};

/// Where a document ended, and all that the dataset says of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Fate {
    /// Whether it stayed.
    pub is_kept: bool,
    /// The columns of its row in `documents/` or `removed/`, without nulls; `text` is the text as it was written there.
    pub columns: Map<String, Value>,
}

/// Finds the documents with this id, kept ones first; ids need not be unique. A removed one is found by `file:row` as well.
///
/// # Errors
/// When a file of the dataset cannot be read.
pub fn why(dir: &Path, id: &str) -> Result<Vec<Fate>> {
    let mut fates = Vec::new();
    let mut find = |folder: &str, is_kept: bool| -> Result<()> {
        for path in files_of(dir, folder)? {
            let mut take = |columns| fates.push(Fate { is_kept, columns });
            match is_jsonl(&path) {
                true => for_each_line(&path, |row| {
                    if row.get("id").and_then(Value::as_str) == Some(id) {
                        take(row);
                    }
                })?,
                false => rows_of(&path, id)?.into_iter().for_each(take),
            }
        }
        Ok(())
    };
    find("documents", true)?;
    find("removed", false)?;
    Ok(fates)
}

/// Returns the files of a folder of a dataset, in order; none where there is no such folder.
pub(crate) fn files_of(dir: &Path, folder: &str) -> Result<Vec<PathBuf>> {
    let folder = dir.join(folder);
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let place = || folder.display().to_string();
    let entries = folder.read_dir().with_context(place)?;
    let mut paths = Vec::new();
    for entry in entries {
        paths.push(entry.with_context(place)?.path());
    }
    paths.sort();
    Ok(paths)
}

/// Says whether a file of documents is zstd JSONL; else it is Parquet.
pub(crate) fn is_jsonl(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "zst")
}

/// Goes through the rows of a file of zstd JSONL.
pub(crate) fn for_each_line(path: &Path, mut take: impl FnMut(Map<String, Value>)) -> Result<()> {
    let place = || path.display().to_string();
    let decoder = zstd::stream::read::Decoder::new(File::open(path).with_context(place)?)?;
    for line in BufReader::new(decoder).lines() {
        let line = line.with_context(place)?;
        take(serde_json::from_str(&line).with_context(place)?);
    }
    Ok(())
}

/// Goes through the rows of a Parquet file for which `is_wanted` holds, given the columns `keys`; other columns are decoded for
/// those rows alone.
pub(crate) fn for_each_match(
    path: &Path,
    keys: &[&str],
    is_wanted: impl FnMut(&RecordBatch) -> BooleanArray + Send + 'static,
    mut take: impl FnMut(&RecordBatch) -> Result<()>,
) -> Result<()> {
    let place = || path.display().to_string();
    let file = File::open(path).with_context(place)?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).with_context(place)?;
    let mut is_wanted = is_wanted;
    let mask = ProjectionMask::columns(builder.parquet_schema(), keys.iter().copied());
    let judge = move |batch: RecordBatch| Ok::<_, ArrowError>(is_wanted(&batch));
    let filter = RowFilter::new(vec![Box::new(ArrowPredicateFn::new(mask, judge))]);
    for batch in builder.with_row_filter(filter).build().with_context(place)? {
        take(&batch.with_context(place)?)?;
    }
    Ok(())
}

/// Returns a column of strings; empty strings where there is none.
pub(crate) fn strings(batch: &RecordBatch, name: &str) -> StringArray {
    let column = batch.column_by_name(name).and_then(|column| column.as_string_opt::<i32>());
    column.cloned().unwrap_or_else(|| std::iter::repeat_n(Some(""), batch.num_rows()).collect())
}

fn rows_of(path: &Path, id: &str) -> Result<Vec<Map<String, Value>>> {
    let id = id.to_owned();
    let is_wanted = move |batch: &RecordBatch| -> BooleanArray {
        let (ids, files) = (strings(batch, "id"), strings(batch, "file"));
        let rows = batch.column_by_name("row").and_then(|c| c.as_primitive_opt::<UInt64Type>());
        let place =
            id.rsplit_once(':').and_then(|(file, row)| Some((file, row.parse::<u64>().ok()?)));
        let is_place = |row: usize| match (place, rows) {
            (Some((file, number)), Some(rows)) => {
                files.is_valid(row) && files.value(row) == file && rows.value(row) == number
            }
            _ => false,
        };
        (0..batch.num_rows()).map(|row| Some(ids.value(row) == id || is_place(row))).collect()
    };
    let mut found = Vec::new();
    for_each_match(path, &["id", "file", "row"], is_wanted, |batch| {
        let mut writer = ArrayWriter::new(Vec::new());
        writer.write(batch)?;
        writer.finish()?;
        let json = writer.into_inner();
        if !json.is_empty() {
            found.extend(serde_json::from_slice::<Vec<Map<String, Value>>>(&json)?);
        }
        Ok(())
    })
    .with_context(|| path.display().to_string())?;
    Ok(found)
}
