//! A TOML file with the places of all its keys and values.

use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use toml::de::DeTable;

use super::mistake::{Mistake, Mistakes};

/// A TOML file that has been parsed, but not been made sense of.
pub(super) struct Document<'a> {
    pub(super) path: PathBuf,
    text: &'a str,
    pub(super) table: DeTable<'a>,
}

/// Reads the text of a file.
pub(super) fn read(path: &Path) -> Result<String> {
    let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
    let text = String::from_utf8(bytes).map_err(|error| error.utf8_error());
    text.with_context(|| path.display().to_string())
}

impl<'a> Document<'a> {
    /// Parses a file. The first break of the syntax is the only one that is told: it makes all that follows look broken.
    pub(super) fn parse(path: &Path, text: &'a str) -> Result<Document<'a>> {
        let document = |table| Document { path: path.to_owned(), text, table };
        match DeTable::parse(text) {
            Ok(table) => Ok(document(table.into_inner())),
            Err(error) => {
                let mistake =
                    Mistake::new(error.span().unwrap_or(0..0), error.message().to_owned());
                Err(Mistakes::new(&document(DeTable::new()), vec![mistake]).into())
            }
        }
    }

    /// Returns the line and the column of an offset, both from 1; columns count characters.
    pub(super) fn position(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        (line, before.get(start..).unwrap_or_default().chars().count() + 1)
    }

    /// Returns the line in which `span` begins, and the part of `span` that lies in it, relative to the line.
    pub(super) fn line(&self, span: &Range<usize>) -> (&str, Range<usize>) {
        let begin = span.start.min(self.text.len());
        let before = self.text.get(..begin).unwrap_or_default();
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = self.text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
        let begin = begin - start;
        (line, begin..span.end.saturating_sub(start).clamp(begin, line.len().max(begin)))
    }
}
