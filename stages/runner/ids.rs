//! Duplicate ids: they are allowed, and counted.
//!
//! The pass that settles the rows of the input spills a hash of each id; the commit merges these and counts hashes that come more
//! than once. A collision of 64-bit hashes would count as a duplicate: at a billion documents one is expected in 37 runs.

use std::path::Path;

use anyhow::{Context, Result};
use xxhash_rust::xxh3::xxh3_64;

use super::run::Run;
use crate::batch::Batch;
use crate::rows::{Combine, Layout, Ranges, Rows, SortedRows, segments};

/// How the names of files with hashes of ids end.
pub(super) const IDS: &str = ".ids";

/// Says what hashes of ids are like as rows.
pub(super) fn layout() -> Layout {
    Layout { combine: Combine::Sum, ranges: Ranges::Prefix(1) }
}

/// Returns the hashed ids of a batch.
pub(super) fn scan(batch: &Batch) -> Rows {
    let mut rows = Rows::new(layout());
    for id in batch.ids().iter().flatten() {
        rows.emit_count(&xxh3_64(id.as_bytes()).to_be_bytes(), 1);
    }
    rows
}

/// Returns how many documents of the input have the id of an earlier one.
pub(super) fn count_duplicates(run: &Run<'_>, step: usize) -> Result<u64> {
    let receipts = run.receipts(step);
    let parts = (0..run.plan.steps[step].n_tasks).flat_map(|task| receipts.parts(task));
    let mut all = Vec::new();
    for file in parts.flat_map(|part| part.files).filter(|file| file.path.ends_with(IDS)) {
        all.extend(segments(&receipts.folder().join(file.path), 0)?);
    }
    let scratch: &Path = &receipts.folder().join("count-ids");
    let mut rows = SortedRows::open(all, layout().combine, scratch)?;
    let mut n_duplicates = 0;
    while rows.next_group()? {
        if let Some(count) = rows.next_value()? {
            let count = count.first_chunk::<8>().context("a damaged count")?;
            n_duplicates += u64::from_le_bytes(*count) - 1;
        }
    }
    Ok(n_duplicates)
}
