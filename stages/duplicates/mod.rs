//! What every deduplication of documents ends in: decisions that name the kept document, the stage that applies them, and the
//! rows of `clusters.parquet`.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::Stage;
use crate::batch::{Batch, Place};
use crate::index::Earlier;
use crate::ledger::{Cause, Ledger};
use crate::rows::{Decisions, Gathered, Seal, Sealed};

mod browse;
mod clusters;
#[cfg(test)]
pub(crate) mod driver;

pub use browse::{Cluster, Copy, Member, Overview, clusters_of, overview};
pub(crate) use clusters::write_clusters;

/// What a seal calls the rows of clusters.
const CLUSTERS: &str = "clusters.rows";

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
    fn write(&self, payload: &mut Vec<u8>) {
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

/// Takes down which documents are copies, in memory that the next one uses again.
#[derive(Debug, Default)]
pub(crate) struct Decider {
    payload: Vec<u8>,
    row: clusters::ClusterRow,
}

impl Decider {
    /// Decides that the document with this place and id, of the component that `component` is the first of, is a copy.
    ///
    /// # Errors
    /// When the disk is full or fails.
    pub(crate) fn decide(
        &mut self,
        out: &mut Gathered,
        component: Place,
        (place, id): (Place, &str),
        duplicate: &Duplicate<'_>,
    ) -> Result<()> {
        duplicate.write(&mut self.payload);
        out.decide(place, &self.payload)?;
        self.row.write(component, place, id, duplicate);
        out.emit(self.row.key(), self.row.value())
    }
}

/// Seals what a [`Decider`] decided.
///
/// # Errors
/// When the disk is full or fails.
pub(crate) fn seal(seal: &mut Seal) -> Result<()> {
    seal.sorted(CLUSTERS)?;
    seal.decisions()
}

/// Where the clusters of a stage lie, until the commit joins those of all stages.
#[derive(Clone)]
pub struct Clusters {
    stage: &'static str,
    rows: PathBuf,
    earlier: Earlier,
}

/// Removes every document that was decided to be a duplicate.
pub(crate) struct RemoveDuplicates {
    decisions: Decisions,
    clusters: Clusters,
}

impl RemoveDuplicates {
    /// Opens the sealed decisions of the census that is called `stage`.
    pub(crate) fn open(stage: &'static str, sealed: &Sealed, earlier: Earlier) -> RemoveDuplicates {
        let clusters = Clusters { stage, rows: sealed.whole(CLUSTERS), earlier };
        RemoveDuplicates { decisions: sealed.decisions(), clusters }
    }
}

impl Stage for RemoveDuplicates {
    fn name(&self) -> &str {
        self.clusters.stage
    }

    fn clusters(&self) -> Option<Clusters> {
        Some(self.clusters.clone())
    }

    fn apply(&self, batch: Batch, ledger: &mut Ledger) -> Result<Batch> {
        let decisions = self.decisions.for_batch(&batch)?;
        let Clusters { stage, earlier, .. } = &self.clusters;
        for (row, payload) in decisions.iter().enumerate() {
            let Some(payload) = payload else { continue };
            let Duplicate { of, of_id, similarity } = Duplicate::read(payload)?;
            let (of, of_id) = (earlier.original(of), of_id.to_owned());
            ledger.remove(&batch, row, Cause::Duplicate { stage, of, of_id, similarity });
        }
        let keep: Vec<bool> = decisions.iter().map(Option::is_none).collect();
        batch.keep(&keep)
    }
}
