//! Round 2: which documents are near duplicates of one that stays.
//!
//! Only documents of a component emit: their n-grams, under the component. The gather goes through a
//! component in the order of the input and compares each document with the kept ones that share a band with
//! it. It is removed when the Jaccard similarity of the n-gram sets reaches the threshold, and stays
//! otherwise: so every removed document has a kept one at or above the threshold, no two kept ones that share
//! a band have one, and the output of a run loses nothing in a second.

use anyhow::Result;

use super::candidate::Candidate;
use super::jaccard::NgramSet;
use super::kept::KeptDocuments;
use super::{Cutter, Limits, NAME};
use crate::Round;
use crate::batch::{Batch, Place};
use crate::duplicates::{self, Decider, Duplicate};
use crate::rows::{Combine, Decisions, Gathered, Layout, Ranges, Rows, Seal, SortedRows};

/// Round 2. Key: the first place of a component; value: a candidate. Decides: place -> duplicate.
pub(super) struct VerifyRound {
    pub(super) cutter: Cutter,
    pub(super) limits: Limits,
    pub(super) n_ranges: u32,
}

impl Round for VerifyRound {
    fn layout(&self) -> Layout {
        Layout { combine: Combine::Keep, ranges: Ranges::Hash(self.n_ranges) }
    }

    fn scan(&self, batch: &Batch, notes: &Decisions, rows: &mut Rows) -> Result<()> {
        let mut cut = self.cutter.scratch();
        let mut value = Vec::new();
        for (row, component) in notes.for_batch(batch)?.into_iter().enumerate() {
            let Some(component) = component else { continue };
            self.cutter.cut(batch.texts().value(row), &mut cut);
            let candidate = Candidate {
                place: batch.origins[row].place,
                id: batch.ids().value(row),
                ngrams: smallest(&mut cut.ngrams, self.limits.max_document_ngrams),
                band_keys: &cut.signature.band_keys,
            };
            candidate.write(&mut value);
            rows.emit(&component, &value);
        }
        Ok(())
    }

    fn gather(&self, rows: &mut SortedRows, out: &mut Gathered) -> Result<()> {
        let n_bands = self.cutter.signer.n_bands();
        let mut kept = KeptDocuments::default();
        let (mut numbers, mut decider) = (Vec::new(), Decider::default());
        while rows.next_group()? {
            let component = Place::from_bytes(rows.key())?;
            kept.clear();
            let mut n_not_remembered = 0_u64;
            while let Some(value) = rows.next_value()? {
                let document = Candidate::read(value, n_bands, &mut numbers)?;
                if let Some((kept, similarity)) = kept.find(&document, self.limits.threshold) {
                    let decision = Duplicate { of: kept.place, of_id: &kept.id, similarity };
                    let copy = (document.place, document.id);
                    decider.decide(out, component, copy, &decision)?;
                } else if !kept.keep(&document, &self.limits) {
                    n_not_remembered += 1;
                }
            }
            if n_not_remembered > 0 {
                let id = kept.first().map_or("", |first| &first.id);
                out.warn(self.limits.warning(component, id, n_not_remembered));
            }
        }
        Ok(())
    }

    fn seal(&self, seal: &mut Seal) -> Result<()> {
        duplicates::seal(seal)
    }
}

impl Limits {
    fn warning(&self, component: Place, id: &str, n_documents: u64) -> String {
        let Place { file, row } = component;
        format!(
            "{NAME}: the component that begins with `{id}` (file {file}, row {row}) has more documents to keep than \
             `max_cluster_documents` = {} or `max_cluster_ngrams` = {} allow to remember: {n_documents} were kept and \
             not compared with each other",
            self.max_cluster_documents, self.max_cluster_ngrams
        )
    }
}

/// Sorts n-grams, takes out repeats, and returns the `n` smallest.
fn smallest(ngrams: &mut Vec<u64>, n: usize) -> NgramSet<'_> {
    ngrams.sort_unstable();
    ngrams.dedup();
    match ngrams.get(..n) {
        Some(hashes) if n < ngrams.len() => NgramSet { hashes, complete_to: hashes[n - 1] },
        _ => NgramSet { hashes: ngrams, complete_to: u64::MAX },
    }
}
