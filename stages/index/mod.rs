//! An index of earlier datasets: what deduplication `against` them needs to know of their documents.
//!
//! `corpusmill index PIPELINE INPUT… --output INDEX` makes it, or adds to it. For each deduplicating stage of the pipeline it holds a
//! *section*, which serves every stage with the same settings. A document of the input that is a copy of an earlier one is removed, and
//! names it; earlier documents are never written.
//!
//! On disk, format 1:
//!
//! ```text
//! INDEX/index.json              format, sections (stage, settings), parts (name, number, files, and the seal of each file below)
//!       PART/SECTION.rows       rows in key order, as a spill writes them, in 1,024 key ranges: stages/rows/spill.rs
//!       PART/SECTION/00000.decisions   where a section compares documents: a record for each, by place: stages/rows/decisions.rs
//! ```
//!
//! A *part* is what one command added; it never changes. Its number is the hash of its list of files, so that the place of an earlier
//! document means the same in every index: file `2^31 + number`, row `file in the part × 2^40 + row in the file`. Places of earlier
//! documents hence come after all of the input. `index.json` is written last, by rename: a part that it does not name is not there.
//!
//! Differs: datatrove's index knows no documents (a match shows 4294967295), dolma's Bloom filter has false matches and no names.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use xxhash_rust::xxh3::xxh3_64;

use crate::batch::{Batch, Place};
use crate::disk::{FileSeal, write_whole};
use crate::rows::Rows;

mod build;
mod earlier;

pub use build::{Added, add};
pub use earlier::Earlier;

/// The version of the format.
const FORMAT: u32 = 1;

/// The name of the list of parts.
pub const INDEX: &str = "index.json";

/// Key ranges of each file of rows.
const N_RANGES: u32 = 1024;

/// What an index says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Index {
    format: u32,
    /// What the index knows of each document.
    pub sections: Vec<Section>,
    /// What was added, in order.
    pub parts: Vec<Part>,
}

/// What a stage with certain settings needs to know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Section {
    /// The stage, as the pipeline file spells it.
    pub stage: String,
    /// The settings that decide which documents are compared by what.
    pub settings: Value,
}

/// Documents that were added by one command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// The inputs, as they were given.
    pub name: String,
    /// The number in the places of its documents, below 2^31.
    pub number: u32,
    /// Documents.
    pub documents: u64,
    /// Names of the files that held them.
    pub files: Vec<String>,
    /// Length and hash of each file of the part.
    pub seals: Vec<FileSeal>,
}

/// What of a stage an index holds.
pub trait Indexed: Send + Sync {
    /// Returns stage and settings.
    fn section(&self) -> Section;

    /// Emits the rows of a batch, whose documents stand at `places`, and a record of each document where the stage compares documents.
    fn emit(&self, batch: &Batch, places: &[Place], rows: &mut Rows, records: &mut Rows);
}

impl Section {
    /// Returns the name of its files.
    fn name(&self) -> String {
        let settings = serde_json::to_vec(&self.settings).unwrap_or_default();
        format!("{}-{:08x}", self.stage, xxh3_64(&settings) as u32)
    }
}

impl Part {
    /// Returns the name of its folder.
    fn folder(&self) -> String {
        format!("{:08x}", self.number)
    }
}

impl Index {
    /// Reads the list of parts; `None` where there is no index.
    ///
    /// # Errors
    /// When it is damaged, or of another version.
    pub fn read(dir: &Path) -> Result<Option<Index>> {
        let path = dir.join(INDEX);
        if !path.exists() {
            return Ok(None);
        }
        let place = || path.display().to_string();
        let bytes = std::fs::read(&path).with_context(place)?;
        let index: Index = serde_json::from_slice(&bytes).with_context(place)?;
        ensure!(
            index.format == FORMAT,
            "{}: an index of format {}, this is {FORMAT}",
            path.display(),
            index.format
        );
        Ok(Some(index))
    }

    fn write(&self, dir: &Path) -> Result<()> {
        write_whole(&dir.join(INDEX), &serde_json::to_vec_pretty(self)?).map(drop)
    }
}

/// Returns the list of parts of each index that a stage is run against: what the stage refers to.
pub(crate) fn references(against: &[String]) -> Vec<PathBuf> {
    against.iter().map(|dir| Path::new(dir).join(INDEX)).collect()
}

const PART_BIT: u32 = 1 << 31;
const ROW_BITS: u32 = 40;

/// Returns the place of an earlier document.
fn earlier_place(part: u32, file: u32, row: u64) -> Result<Place> {
    if file >= 1 << (u64::BITS - ROW_BITS) || row >= 1 << ROW_BITS {
        bail!("an index holds at most 2^24 files of 2^40 rows in a part");
    }
    Ok(Place { file: PART_BIT | part, row: u64::from(file) << ROW_BITS | row })
}

/// Says whether a place is that of an earlier document.
pub(crate) fn is_earlier(place: Place) -> bool {
    place.file & PART_BIT != 0
}
