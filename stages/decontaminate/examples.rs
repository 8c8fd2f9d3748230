//! Reads evaluation sets: which texts each example has.
//!
//! | ending (also `.gz`, `.zst`) | an example is | its texts |
//! |---|---|---|
//! | `.jsonl`, `.ndjson`, `.json` | a line | the strings of its `columns`, or all strings of the object, however deep |
//! | `.parquet` | a row | the same |
//! | `.txt`, `.text`, `.md`, `.rst` | a line | the line |
//!
//! Rows count from 0, blank lines included, as in the ids that documents without one get. Evaluation sets are few and
//! made by hand: what is wrong in one is an error that names file and row, and nothing is left out in silence.

use std::fs::File;

use anyhow::{Context, Result, anyhow, bail, ensure};
use arrow::json::LineDelimitedWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Map, Value};

use crate::config::{Format, Input};
use crate::source::{InputFile, list, read_lines};

/// Lists the files that patterns stand for.
///
/// # Errors
/// When a pattern matches nothing, or a file has an ending that is not in the table.
pub(super) fn files(against: &[String]) -> Result<Vec<InputFile>> {
    ensure!(!against.is_empty(), "`against` names no file");
    let input = Input { paths: against.to_vec(), ..Input::default() };
    let files = list(&input).map_err(|error| {
        // The hint there is for an input of documents.
        let message = error.to_string();
        anyhow!("`against`: {}\nhint: {HINT}", message.lines().next().unwrap_or_default())
    })?;
    if let Some(file) = files.iter().find(|file| file.format == Format::Csv) {
        bail!("`against`: {}: CSV is not read here\nhint: {HINT}", file.path.display());
    }
    Ok(files)
}

const HINT: &str = "evaluation sets are .jsonl, .parquet, or .txt with one example a line; \
                    paths are relative to the working directory";

/// Returns what each file is called in messages: its name, or its path where another file has the same name.
pub(super) fn names(files: &[InputFile]) -> Vec<String> {
    let is_shared = |file: &InputFile| {
        files.iter().any(|other| other.number != file.number && other.name == file.name)
    };
    let name = |file: &InputFile| match is_shared(file) {
        true => file.path.to_string_lossy().into_owned(),
        false => file.name.clone(),
    };
    files.iter().map(name).collect()
}

/// Reads all examples; `take` sees the number of the file, the row and the texts of each.
///
/// # Errors
/// When a file cannot be read, is empty, or has a bad row; when no row has one of the columns.
pub(super) fn read(
    files: &[InputFile],
    columns: &[String],
    mut take: impl FnMut(u32, u64, Vec<String>),
) -> Result<()> {
    let mut columns = Columns { names: columns, is_found: vec![false; columns.len()] };
    let mut is_table = false;
    for file in files {
        let mut n_examples = 0_u64;
        let mut example = |row: u64, texts: Vec<String>| {
            n_examples += 1;
            take(file.number, row, texts);
        };
        match file.format {
            Format::Text => each_line(file, |row, line| {
                example(row, vec![line.to_owned()]);
                Ok(())
            }),
            Format::Parquet => {
                is_table = true;
                each_row(file, |row, json| {
                    example(row, columns.texts(json)?);
                    Ok(())
                })
            }
            Format::Jsonl | Format::Csv => {
                is_table = true;
                each_line(file, |row, line| {
                    example(row, columns.texts(line)?);
                    Ok(())
                })
            }
        }
        .context("`against`")?;
        ensure!(n_examples > 0, "`against`: {}: holds no example", file.path.display());
    }
    let missing = columns.names.iter().zip(columns.is_found).find(|(_, is_found)| !is_found);
    match missing {
        Some((name, _)) if is_table => bail!("`columns`: no example has a `{name}`"),
        _ => Ok(()),
    }
}

fn each_line(file: &InputFile, each: impl FnMut(u64, &str) -> Result<()>) -> Result<()> {
    read_lines(file, Input::default().max_line_bytes, each)
}

/// Goes through the rows of a Parquet file as JSON.
fn each_row(file: &InputFile, mut each: impl FnMut(u64, &str) -> Result<()>) -> Result<()> {
    let path = || file.path.display().to_string();
    let opened = File::open(&file.path).with_context(path)?;
    let rows = ParquetRecordBatchReaderBuilder::try_new(opened).with_context(path)?;
    let mut row = 0;
    for batch in rows.build().with_context(path)? {
        let mut json = LineDelimitedWriter::new(Vec::new());
        json.write(&batch.with_context(path)?).with_context(path)?;
        json.finish().with_context(path)?;
        for line in str::from_utf8(&json.into_inner())?.lines() {
            each(row, line).with_context(|| format!("{}: row {row}", path()))?;
            row += 1;
        }
    }
    Ok(())
}

/// Which members of an object are texts.
struct Columns<'a> {
    names: &'a [String],
    /// Which of them any row had.
    is_found: Vec<bool>,
}

impl Columns<'_> {
    /// Returns the texts of a row.
    fn texts(&mut self, json: &str) -> Result<Vec<String>> {
        let row: Value = serde_json::from_str(json).map_err(|error| {
            let message = error.to_string();
            let what = message.split(" at line ").next().unwrap_or_default();
            anyhow!("invalid JSON at byte {}: {what}", error.column())
        })?;
        let Value::Object(members) = &row else {
            bail!("is {}, expected an object", kind(&row));
        };
        let mut texts = Vec::new();
        if self.names.is_empty() {
            strings(&row, &mut texts);
            return Ok(texts);
        }
        let mut has_any = false;
        for (name, is_found) in self.names.iter().zip(&mut self.is_found) {
            let Some(value) = find(members, name) else { continue };
            (*is_found, has_any) = (true, true);
            match value {
                Value::Bool(_) | Value::Number(_) => {
                    bail!("`{name}` is {}, expected a string, or a list of them", kind(value))
                }
                value => strings(value, &mut texts),
            }
        }
        let all = || members.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        ensure!(has_any, "has none of the columns {}; it has {}", self.names.join(", "), all());
        Ok(texts)
    }
}

/// Returns a member: the one of this name, or what the name leads to when it is cut at its dots.
fn find<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    if let Some(value) = members.get(name) {
        return Some(value);
    }
    members.iter().find_map(|(member, value)| {
        let path = name.strip_prefix(member.as_str())?.strip_prefix('.')?;
        path.split('.').try_fold(value, |value, name| value.get(name))
    })
}

/// Adds all strings of a value.
fn strings(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) => texts.push(text.clone()),
        Value::Array(values) => values.iter().for_each(|value| strings(value, texts)),
        Value::Object(members) => members.values().for_each(|value| strings(value, texts)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
