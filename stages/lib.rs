//! Stages over batches of documents, and the runner that carries documents through them.
//!
//! A [`Stage`] judges documents one batch at a time; consecutive stages fuse into one pass. A [`Census`] must see
//! the whole corpus before it can judge: it scans, gathers and seals, in one or more rounds, and then opens as a
//! stage. [`runner`] turns a pipeline into steps of tasks that leave receipts, and commits the dataset.
//!
//! This crate knows batches, disk, rayon and the ledger of rows. It does not know the command line, the
//! environment, standard streams or exit codes.

use std::path::PathBuf;

use anyhow::Result;
use arrow::datatypes::SchemaRef;

pub mod batch;
mod column;
pub mod config;
pub mod decontaminate;
pub mod dedup_exact;
pub mod dedup_minhash;
pub mod dedup_spans;
pub mod dedup_substring;
pub mod disk;
pub mod duplicates;
pub mod evaluate;
pub mod export;
pub mod filter;
pub mod index;
pub mod ledger;
pub mod normalize;
pub mod pipeline;
pub mod rows;
pub mod runner;
pub mod shards;
pub mod sink;
pub mod source;
pub mod statistics;
pub mod thresholds;
pub mod token_shards;
pub mod tokenize;
pub mod train;
pub mod verify;
pub mod why;

pub use batch::{Batch, Origin, Place};
pub use duplicates::Clusters;
pub use ledger::{Cause, Ledger, Removed};
use rows::{Decisions, Gathered, Layout, Rows, Seal, Sealed, Segment, SortedRows};

/// A step that judges documents one batch at a time.
pub trait Stage: Send + Sync {
    /// Returns the name as the pipeline file spells it.
    fn name(&self) -> &str;

    /// Returns the columns that leave this stage, given those that enter it.
    ///
    /// # Errors
    /// When a column that the stage needs is missing: found before the first row is read.
    fn schema(&self, input: SchemaRef) -> Result<SchemaRef> {
        Ok(input)
    }

    /// Says whether it costs more to judge a document again than to store and read it.
    fn is_costly(&self) -> bool {
        false
    }

    /// Returns the files that belong to the dataset, and the names they have there.
    fn files(&self) -> Vec<(String, PathBuf)> {
        Vec::new()
    }

    /// Returns further files that belong to the dataset and lie nowhere yet: their names there and what they hold.
    fn written(&self) -> Vec<(String, Vec<u8>)> {
        Vec::new()
    }

    /// Returns the number of ids of the tokenizer, where the stage has one.
    fn vocab_size(&self) -> Option<usize> {
        None
    }

    /// Returns where the clusters of duplicates lie, of which it removes all documents but one.
    fn clusters(&self) -> Option<Clusters> {
        None
    }

    /// Returns what the operator should know of the stage, whatever the documents are: by `check`, and in the report.
    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }

    /// Returns the rows that stay; `ledger` takes every other row with its cause.
    ///
    /// Called from many threads, in any order of batches.
    ///
    /// # Errors
    /// When something other than a document is wrong, such as a disk.
    fn apply(&self, batch: Batch, ledger: &mut Ledger) -> Result<Batch>;
}

/// A step that must see the whole corpus before it can judge: deduplication, tokenizer training.
pub trait Census: Send + Sync {
    /// Returns the name as the pipeline file spells it.
    fn name(&self) -> &str;

    /// Returns the rounds, fixed for a configuration, so that the plan is static.
    fn rounds(&self) -> &[Box<dyn Round>];

    /// Returns the columns that leave the opened stage, given those that enter the census.
    ///
    /// # Errors
    /// As for [`Stage::schema`].
    fn schema(&self, input: SchemaRef) -> Result<SchemaRef> {
        Ok(input)
    }

    /// Opens the last round's sealed result as the stage that applies it.
    ///
    /// # Errors
    /// When the sealed files cannot be read.
    fn open(&self, sealed: Sealed) -> Result<Box<dyn Stage>>;
}

/// One turn of a census through the corpus: scan every batch, gather every key, seal once.
pub trait Round: Send + Sync {
    /// Says what the keyed rows of this round are like.
    fn layout(&self) -> Layout;

    /// Emits keyed rows of one batch; `notes` are the previous round's decisions.
    ///
    /// Called from many threads, in any order of batches.
    ///
    /// # Errors
    /// When the notes cannot be read.
    fn scan(&self, batch: &Batch, notes: &Decisions, rows: &mut Rows) -> Result<()>;

    /// Returns sorted rows of earlier datasets that join those of one key range; `notes` is what the previous round left.
    ///
    /// # Errors
    /// When an index is damaged.
    fn earlier(&self, _range: u32, _notes: Option<&Sealed>) -> Result<Vec<Segment>> {
        Ok(Vec::new())
    }

    /// Streams the groups of one key range in key order; never loads a range.
    ///
    /// # Errors
    /// When rows cannot be read or written.
    fn gather(&self, rows: &mut SortedRows, out: &mut Gathered) -> Result<()>;

    /// Joins what was gathered, once: by default the decisions by place, sorted and cut by task.
    ///
    /// # Errors
    /// When rows cannot be read or written.
    fn seal(&self, seal: &mut Seal) -> Result<()> {
        seal.decisions()
    }
}
