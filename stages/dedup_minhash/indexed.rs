//! What an index of earlier datasets holds of a document: the keys of its bands, and what it is compared by.
//!
//! Round 1 merges the keys with those of the input; earlier documents that share a band with one of the input join its component.
//! The seal looks their records up and leaves them as rows for the gather of round 2, where they come first and stay.

use anyhow::Result;

use super::Limits;
use super::candidate::{Candidate, Shape};
use super::cutter::{Cut, Cutter};
use crate::batch::{Batch, LANGUAGE, Place};
use crate::index::{Indexed, Section};
use crate::rows::Rows;

/// The name of the rows that the seal of round 1 leaves for the gather of round 2.
pub(super) const EARLIER: &str = "earlier.rows";

/// Documents on their way into an index.
pub(super) struct IndexedDocuments {
    pub(super) cutter: Cutter,
    pub(super) limits: Limits,
    pub(super) section: Section,
}

impl Indexed for IndexedDocuments {
    fn section(&self) -> Section {
        self.section.clone()
    }

    fn emit(&self, batch: &Batch, places: &[Place], rows: &mut Rows, records: &mut Rows) {
        let (mut cut, mut record) = (Cut::default(), Vec::new());
        for (row, &place) in places.iter().enumerate() {
            self.cutter.cut(batch.texts().value(row), batch.value(LANGUAGE, row), &mut cut);
            let bytes = place.to_bytes();
            cut.band_keys().iter().for_each(|key| rows.emit(&key.to_be_bytes(), &bytes));
            let id = batch.ids().value(row);
            // Which document of the input stays is of no matter to an index: there is no order.
            self.limits.candidate(&[], place, id, &mut cut).write(&mut record);
            records.emit(&bytes, &record);
        }
    }
}

/// Writes the record of an earlier document as a row of round 2, before all documents of the input.
pub(super) fn row_of(record: &[u8], shape: Shape, row: &mut Vec<u8>) -> Result<()> {
    row.clear();
    row.resize(shape.order_bytes, 0);
    row.extend_from_slice(record);
    // What does not read back now would be blamed on the run later.
    Candidate::read(row, shape, &mut Vec::new()).map(drop)
}
