//! Keyed rows: how a census sees the whole corpus in bounded memory.
//!
//! How a row travels:
//!
//! 1. A round's `scan` emits rows (key, value) of one batch into a [`Rows`] buffer.
//! 2. The task appends the buffers to its [`Spill`]. When the spill's budget is full its rows are sorted by
//!    (range, key, value) and written as one *run*; a file holds the runs of one part and an index of where each key range begins in each.
//! 3. The gather task of range r opens the segments of r in all files and merges them: [`SortedRows`] streams group by group, value by
//!    value, so that a group may be larger than memory. What it decides goes into [`Gathered`], which is a spill again, cut by
//!    the task whose input holds the place that was decided on.
//! 4. The seal merges these per input task into files of [`Decisions`], sorted by place, or writes a small *whole* (merges, limits).
//! 5. The opened stage, or the next round's scan, looks up the decisions for the places of a batch.
//!
//! Keys and values are byte strings that sort bytewise; numbers and places are written big-endian. Which rows a group holds and
//! their order follow from the corpus alone: not from threads, memory, tasks or runs.

mod buffer;
mod decisions;
mod gathered;
mod merge;
mod row_file;
mod sorter;
mod spill;

pub use buffer::Rows;
pub(crate) use decisions::RecordFile;
pub use decisions::{Decisions, DecisionsWriter};
pub use gathered::{Gathered, Join, Seal, Sealed};
pub use merge::SortedRows;
pub(crate) use row_file::RowFile;
pub use sorter::Sorter;
pub use spill::{Segment, Spill, segments};

use xxhash_rust::xxh3::xxh3_64;

use crate::batch::Place;

/// What the keyed rows of a round are like.
#[derive(Debug, Clone)]
pub struct Layout {
    /// What becomes of rows with equal keys.
    pub combine: Combine,
    /// Which key goes into which range.
    pub ranges: Ranges,
}

/// What becomes of rows with equal keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Combine {
    /// Each row stays.
    Keep,
    /// The values are `u64`, little-endian, and are summed on the way.
    Sum,
}

/// Which key goes into which of the key ranges.
#[derive(Debug, Clone)]
pub enum Ranges {
    /// By the hash of the key: for words and other keys that crowd together.
    Hash(u32),
    /// By the first 8 bytes of the key, in key order: for keys that are hashes themselves.
    Prefix(u32),
    /// By the input task that holds the file of the place that the key begins with.
    Place(TaskOfFile),
}

/// The input task of each input file.
pub type TaskOfFile = std::sync::Arc<[u32]>;

impl Ranges {
    /// Returns the number of ranges.
    pub fn count(&self) -> u32 {
        match self {
            Ranges::Hash(n) | Ranges::Prefix(n) => *n,
            Ranges::Place(tasks) => tasks.last().map_or(0, |last| last + 1),
        }
    }

    fn of(&self, key: &[u8], prefix: u64) -> u32 {
        let share = |hash: u64, n: u32| ((u128::from(hash) * u128::from(n)) >> 64) as u32;
        match self {
            Ranges::Hash(n) => share(xxh3_64(key), *n),
            Ranges::Prefix(n) => share(prefix, *n),
            Ranges::Place(tasks) => Place::from_bytes(key)
                .ok()
                .and_then(|place| tasks.get(place.file as usize).copied())
                .expect("decisions are keyed by places of the input"),
        }
    }
}

/// Returns the first 8 bytes of a key as a number that sorts as the key does; shorter keys are filled with zeros.
fn prefix(key: &[u8]) -> u64 {
    match key.first_chunk::<8>() {
        Some(bytes) => u64::from_be_bytes(*bytes),
        None => {
            let mut bytes = [0; 8];
            bytes[..key.len()].copy_from_slice(key);
            u64::from_be_bytes(bytes)
        }
    }
}

/// Returns the sum that two values of [`Combine::Sum`] stand for.
fn add(a: &[u8], b: &[u8]) -> [u8; 8] {
    let number = |bytes: &[u8]| bytes.first_chunk::<8>().map_or(0, |b| u64::from_le_bytes(*b));
    number(a).saturating_add(number(b)).to_le_bytes()
}

#[cfg(test)]
mod tests;
