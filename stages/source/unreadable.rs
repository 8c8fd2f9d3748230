//! Rows that cannot be read.

use std::fmt::Display;

use super::files::InputFile;
use crate::batch::Place;
use crate::ledger::{Cause, Removed};

/// How much of an unreadable row is kept to look at.
pub(super) const MAX_KEPT_BYTES: usize = 64 << 10;

/// Returns the id of a row that has none.
pub(super) fn row_id(file: &InputFile, row: u64) -> String {
    format!("{}:{row}", file.name)
}

/// Returns the entry of a row that cannot be read; `raw` is what is there of it.
pub(super) fn unreadable(
    file: &InputFile,
    row: u64,
    id: Option<&str>,
    raw: &[u8],
    what: impl Display,
) -> Removed {
    let raw = &raw[..raw.len().min(MAX_KEPT_BYTES)];
    Removed {
        place: Place { file: file.number, row },
        id: id.map_or_else(|| row_id(file, row), str::to_owned),
        text: String::from_utf8_lossy(raw).into_owned(),
        source: None,
        language: None,
        cause: Cause::Unreadable { error: format!("{}: row {row}: {what}", file.name) },
    }
}
