//! Round 2: which documents are near duplicates of one that stays.
//!
//! Only documents of a component emit: their n-grams (`verify = "jaccard"`) or the numbers of their signature
//! (`verify = "signature"`), under the component. The gather goes through a component in the order of `keep`
//! and compares each document with the kept ones that share a band with it. It is removed when the Jaccard
//! similarity of the n-gram sets, or the share of equal numbers, reaches the threshold, and stays otherwise:
//! so every removed document has a kept one at or above the threshold, no two kept ones that share a band
//! have one, and the output of a run loses nothing in a second.

use anyhow::Result;

use super::candidate::{Candidate, Shape};
use super::cutter::{Cut, Cutter};
use super::jaccard::NgramSet;
use super::keep::Keep;
use super::kept::KeptDocuments;
use super::{Limits, NAME, Verify};
use crate::Round;
use crate::batch::{Batch, LANGUAGE, Place};
use crate::duplicates::Duplicate;
use crate::rows::{Combine, Decisions, Gathered, Layout, Ranges, Rows, SortedRows};

/// Round 2. Key: the first place of a component; value: a candidate. Decides: place -> duplicate.
pub(super) struct VerifyRound {
    pub(super) cutter: Cutter,
    pub(super) limits: Limits,
    pub(super) keep: Keep,
    pub(super) n_ranges: u32,
}

impl Round for VerifyRound {
    fn layout(&self) -> Layout {
        Layout { combine: Combine::Keep, ranges: Ranges::Hash(self.n_ranges) }
    }

    fn scan(&self, batch: &Batch, notes: &Decisions, rows: &mut Rows) -> Result<()> {
        let (mut cut, mut order, mut value) = (Cut::default(), Vec::new(), Vec::new());
        let orders = self.keep.orders(batch)?;
        for (row, component) in notes.for_batch(batch)?.into_iter().enumerate() {
            let Some(component) = component else { continue };
            self.cutter.cut(batch.texts().value(row), batch.value(LANGUAGE, row), &mut cut);
            orders.write(row, &mut order);
            let compared = match self.limits.verify {
                Verify::Jaccard => smallest(&mut cut.ngrams, self.limits.max_document_ngrams),
                Verify::Signature => {
                    NgramSet { hashes: &cut.signature.numbers, complete_to: u64::MAX }
                }
            };
            let candidate = Candidate {
                order: &order,
                place: batch.origins[row].place,
                id: batch.ids().value(row),
                band_keys: &cut.signature.band_keys,
                compared,
            };
            candidate.write(&mut value);
            rows.emit(&component, &value);
        }
        Ok(())
    }

    fn gather(&self, rows: &mut SortedRows, out: &mut Gathered) -> Result<()> {
        let shape = Shape { order_bytes: self.keep.key_bytes(), n_bands: self.cutter.n_bands() };
        let mut kept = KeptDocuments::default();
        let (mut numbers, mut payload) = (Vec::new(), Vec::new());
        let (mut n_documents, mut n_without_number) = (0_u64, 0_u64);
        while rows.next_group()? {
            kept.clear();
            let mut n_not_remembered = 0_u64;
            while let Some(value) = rows.next_value()? {
                let document = Candidate::read(value, shape, &mut numbers)?;
                n_documents += 1;
                n_without_number += u64::from(Keep::lacks_number(document.order));
                if let Some((kept, similarity)) = kept.find(&document, &self.limits) {
                    let decision = Duplicate { of: kept.place, of_id: &kept.id, similarity };
                    decision.write(&mut payload);
                    out.decide(document.place, &payload)?;
                } else if !kept.keep(&document, &self.limits) {
                    n_not_remembered += 1;
                }
            }
            if let Some(first) = kept.first().filter(|_| n_not_remembered > 0) {
                out.warn(self.limits.warning(first.place, &first.id, n_not_remembered));
            }
        }
        if n_documents > 0 && n_documents == n_without_number {
            let keep = String::from(self.keep.clone());
            out.warn(format!(
                "{NAME}: `keep = \"{keep}\"`, but none of {n_documents} near duplicates has a number there: the \
                 first in the input stay"
            ));
        }
        Ok(())
    }
}

impl Limits {
    /// Tells of a component by the document of it that stays first.
    fn warning(&self, place: Place, id: &str, n_documents: u64) -> String {
        let Place { file, row } = place;
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
