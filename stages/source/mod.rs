//! Sources: where documents come from.
//!
//! A source is a list of input files in a fixed order. A [`Reader`] goes through one of them and hands out blocks of whole
//! rows that are not parsed yet, so that one thread reads and decompresses while all the others parse and judge. Where a
//! block ends follows from the file's bytes alone, never from memory or threads.
//!
//! Compression is told by the first bytes of a file, not by its name. A row that cannot be read has an entry of its own,
//! and so has the place where a truncated or corrupt file breaks off: no row vanishes. Rows count from 0.

use std::fs::File;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use arrow::datatypes::{Field, SchemaRef};
use rayon::prelude::*;

use crate::batch::{Batch, COLUMNS, Place, TEXT};
use crate::config::{Format, Input};
use crate::ledger::Removed;
use mapping::Mapping;
use schema::OwnColumns;

mod builder;
mod bytes;
mod csv;
mod csv_records;
mod files;
mod guard;
mod json_row;
mod jsonl;
mod lines;
mod mapping;
mod parquet;
mod parquet_columns;
mod parquet_schema;
mod schema;
mod text;
mod unreadable;

#[cfg(test)]
mod tests;

pub use files::{InputFile, list};
pub(crate) use guard::guarded;
pub use guard::is_guarded;
pub(crate) use lines::read_lines;
#[cfg(test)]
pub(crate) use schema::extra_field;
pub(crate) use schema::is_members;

/// Reads one input file from its beginning to its end.
pub trait Reader: Send {
    /// Returns the next block, or `None` at the end of the file; at once if the file is empty.
    ///
    /// What cannot be read (a truncated file, a line that is too long) is a [`Removed`] row of its block, never an error.
    ///
    /// # Errors
    /// When the disk fails.
    fn next(&mut self) -> Result<Option<Block>>;
}

/// What a block turns into: documents, and rows that could not be read.
pub struct Decoded {
    /// The documents, in file order; exactly the columns of [`Source::schema`].
    pub batch: Batch,
    /// Rows that could not be read, in file order.
    pub unreadable: Vec<Removed>,
    /// Rows that nobody wanted, and that were not looked at.
    pub passed_over: u64,
}

/// Returns the rows from one place to another of the same file that are needed, ascending; `None` where all are.
pub type Wanted<'a> = Option<&'a dyn Fn(Place, Place) -> Result<Vec<u64>>>;

/// Parses rows, on any thread; a reader may pass over those that are not wanted, or parse them nonetheless.
pub type Decode<T> = Box<dyn FnOnce(Wanted<'_>) -> Result<T> + Send>;

/// Whole rows of one file, read but not parsed.
pub struct Block {
    /// Bytes of the block after decompression: what parts are measured by.
    pub bytes: u64,
    /// Bytes of the file that were used so far, as they lie on the disk: what progress is measured by.
    pub position: u64,
    /// Parses the rows.
    pub decode: Decode<Decoded>,
}

/// The corpus, readable as often as a stage needs.
pub struct Source {
    files: Arc<[InputFile]>,
    layout: Arc<Layout>,
    /// Base columns that no file has.
    absent: Vec<usize>,
}

/// What all readers of a source know.
struct Layout {
    schema: SchemaRef,
    mapping: Mapping,
    max_line_bytes: usize,
}

impl Source {
    /// Reads what the files say of their columns, and unites it.
    ///
    /// # Errors
    /// When `columns` maps what does not exist, two files disagree on a type, or a table has no text.
    pub fn new(input: &Input, files: Vec<InputFile>) -> Result<Source> {
        let mapping = Mapping::new(&input.columns)?;
        // Many small files: what costs is waiting for the disk.
        let tables: Vec<_> = files.par_iter().map(|file| open_table(file, &mapping)).collect();
        let mut own = OwnColumns::default();
        let mut is_found = [false; COLUMNS.len()];
        for (file, table) in files.iter().zip(tables) {
            let Some(table) = table? else { continue };
            ensure!(
                table.is_found[TEXT],
                "{}: no column `{}` for the text; its columns are {}\n\
                 hint: set `columns = {{ text = \"…\" }}` in [input]",
                file.path.display(),
                mapping.name(TEXT),
                table.names.join(", ")
            );
            for (all, found) in is_found.iter_mut().zip(table.is_found) {
                *all |= found;
            }
            for field in &table.own {
                own.add(file, field)?;
            }
        }
        let lines = files.iter().find(|file| file.format == Format::Jsonl);
        for (column, is_found) in is_found.iter().enumerate() {
            ensure!(
                *is_found || lines.is_some() || !mapping.is_given(column) || column == TEXT,
                "input.columns.{}: no file has a column `{}`",
                COLUMNS[column],
                mapping.name(column)
            );
        }
        // Any line of JSON may have any column, and nobody knows what a broken file had.
        let is_known = lines.is_none() && is_found[TEXT];
        let may_have = |column: &usize| is_found[*column] || !is_known;
        let absent = (0..COLUMNS.len()).filter(|column| !may_have(column)).collect();
        if let Some(file) = lines {
            own.add(file, &schema::extra_field())?;
        }
        let layout = Layout { schema: own.schema(), mapping, max_line_bytes: input.max_line_bytes };
        Ok(Source { files: files.into(), layout: Arc::new(layout), absent })
    }

    /// Builds the source again from the schema that a plan holds, without a look at every file.
    ///
    /// # Errors
    /// When `columns` maps what cannot be mapped.
    pub fn with_schema(input: &Input, files: Vec<InputFile>, schema: SchemaRef) -> Result<Source> {
        let mapping = Mapping::new(&input.columns)?;
        let layout = Layout { schema, mapping, max_line_bytes: input.max_line_bytes };
        Ok(Source { files: files.into(), layout: Arc::new(layout), absent: Vec::new() })
    }

    /// Returns the files, by number.
    pub fn files(&self) -> &Arc<[InputFile]> {
        &self.files
    }

    /// Fails if no file has a column that `who` needs.
    ///
    /// # Errors
    /// That one, with how to name it.
    pub fn check_has(&self, name: &str, who: &str) -> Result<()> {
        ensure!(
            !self.absent.iter().any(|column| COLUMNS[*column] == name),
            "`{who}` needs a column `{name}`, which no input file has\n\
             hint: say where it stands, `columns = {{ {name} = \"…\" }}` in [input]"
        );
        Ok(())
    }

    /// Returns the columns of every batch: the base columns, then the input's own, `extra` last.
    pub fn schema(&self) -> SchemaRef {
        self.layout.schema.clone()
    }

    /// Opens a file.
    ///
    /// # Errors
    /// When it cannot be opened, or is not the file that was listed any more.
    pub fn reader(&self, file: &InputFile) -> Result<Box<dyn Reader>> {
        self.check_unchanged(file)?;
        let layout = self.layout.clone();
        Ok(match file.format {
            Format::Jsonl => Box::new(jsonl::JsonlReader::open(file, layout)?),
            Format::Parquet => Box::new(parquet::ParquetReader::open(file, layout)?),
            Format::Csv => Box::new(csv::CsvReader::open(file, layout)?),
            Format::Text => Box::new(text::TextReader::open(file, layout)?),
        })
    }

    /// Looks at a file again: after reading it, that is, since what was read may be of two states.
    ///
    /// # Errors
    /// When it is gone, or its size or time of change are not those of the list.
    pub fn check_unchanged(&self, file: &InputFile) -> Result<()> {
        files::check_unchanged(file)
    }
}

/// What a file with a table in it says of its columns.
struct Table {
    names: Vec<String>,
    own: Vec<Field>,
    is_found: [bool; COLUMNS.len()],
}

/// Returns the columns of a file, or `None` where it has none to tell: lines, texts, empty and broken files.
fn open_table(file: &InputFile, mapping: &Mapping) -> Result<Option<Table>> {
    match file.format {
        Format::Parquet => parquet::table(file, mapping),
        Format::Csv => csv::table(file, mapping),
        Format::Jsonl | Format::Text => Ok(None),
    }
}

fn open_file(file: &InputFile) -> Result<File> {
    File::open(&file.path).with_context(|| file.path.display().to_string())
}
