//! What every deduplication ends in: decisions that name the kept document, and the stage that applies them.

use anyhow::{Context, Result};

use crate::Stage;
use crate::batch::{Batch, Place};
use crate::ledger::{Cause, Ledger};
use crate::rows::{Decisions, Sealed};

#[cfg(test)]
pub(crate) mod driver;

/// The decision that a document is a copy of one that stays.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Duplicate<'a> {
    /// Where the document that stays stood.
    pub(crate) of: Place,
    /// Its id.
    pub(crate) of_id: &'a str,
    /// True similarity of the two.
    pub(crate) similarity: f64,
}

impl<'a> Duplicate<'a> {
    /// Writes the decision as a payload: place, similarity, id.
    pub(crate) fn write(&self, payload: &mut Vec<u8>) {
        payload.clear();
        payload.extend_from_slice(&self.of.to_bytes());
        payload.extend_from_slice(&self.similarity.to_le_bytes());
        payload.extend_from_slice(self.of_id.as_bytes());
    }

    /// Reads a payload back.
    fn read(payload: &'a [u8]) -> Result<Duplicate<'a>> {
        let of = Place::from_bytes(payload)?;
        let rest = payload.get(Place::BYTES..).unwrap_or_default();
        let (similarity, id) = rest.split_first_chunk().context("a similarity is cut short")?;
        let of_id = str::from_utf8(id).context("the id of a kept document is not UTF-8")?;
        Ok(Duplicate { of, of_id, similarity: f64::from_le_bytes(*similarity) })
    }
}

/// Removes every document that was decided to be a duplicate.
pub(crate) struct RemoveDuplicates {
    stage: &'static str,
    decisions: Decisions,
}

impl RemoveDuplicates {
    /// Opens the sealed decisions of the census that is called `stage`.
    pub(crate) fn open(stage: &'static str, sealed: &Sealed) -> RemoveDuplicates {
        RemoveDuplicates { stage, decisions: sealed.decisions() }
    }
}

impl Stage for RemoveDuplicates {
    fn name(&self) -> &str {
        self.stage
    }

    fn apply(&self, batch: Batch, ledger: &mut Ledger) -> Result<Batch> {
        let decisions = self.decisions.for_batch(&batch)?;
        for (row, payload) in decisions.iter().enumerate() {
            let Some(payload) = payload else { continue };
            let Duplicate { of, of_id, similarity } = Duplicate::read(payload)?;
            let of_id = of_id.to_owned();
            ledger.remove(
                &batch,
                row,
                Cause::Duplicate { stage: self.stage, of, of_id, similarity },
            );
        }
        let keep: Vec<bool> = decisions.iter().map(Option::is_none).collect();
        batch.keep(&keep)
    }
}
