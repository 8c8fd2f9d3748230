//! Sinks: where documents go.
//!
//! What a sink of the dataset writes depends on the sequence of rows alone: not on how they were cut into batches, nor on the time or
//! the path. A file appears under its name once it is whole.

use anyhow::Result;

use crate::batch::Batch;
use crate::disk::FileSeal;

mod chunks;
mod jsonl;
mod parquet;
mod removed;
mod spool;
mod table;

#[cfg(test)]
mod tests;

pub use jsonl::JsonlSink;
pub use parquet::ParquetSink;
pub use removed::{RemovedSink, schema as removed_schema};
pub use spool::{SpoolReader, SpoolSink};
pub(crate) use table::{KEPT_LEVEL, TableFile};

/// Writes batches into one file, in order.
pub trait Sink: Send {
    /// Appends a batch.
    ///
    /// # Errors
    /// When the disk is full or fails.
    fn write(&mut self, batch: &Batch) -> Result<()>;

    /// Ends the file, syncs it and gives it its name.
    ///
    /// # Errors
    /// When the disk is full or fails.
    fn finish(self: Box<Self>) -> Result<FileSeal>;
}
