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
use super::indexed::EARLIER;
use super::jaccard::NgramSet;
use super::keep::Keep;
use super::kept::KeptDocuments;
use super::{Limits, NAME, Verify};
use crate::Round;
use crate::batch::{Batch, LANGUAGE, Place};
use crate::duplicates::{self, Decider, Duplicate};
use crate::index::is_earlier;
use crate::rows::{
    Combine, Decisions, Gathered, Layout, Ranges, Rows, Seal, Sealed, Segment, SortedRows, segments,
};

/// Round 2. Key: the first place of a component; value: a candidate. Decides: place -> duplicate.
pub(super) struct VerifyRound {
    pub(super) cutter: Cutter,
    pub(super) limits: Limits,
    pub(super) keep: Keep,
    pub(super) n_ranges: u32,
}

/// The first byte of an order key: earlier documents have 0 there.
const OF_INPUT: u8 = 1;

impl VerifyRound {
    /// Says how the rows are laid out: an order key is `OF_INPUT`, then that of `keep`.
    pub(super) fn shape(&self) -> Shape {
        Shape { order_bytes: 1 + self.keep.key_bytes(), n_bands: self.cutter.n_bands() }
    }
}

impl Round for VerifyRound {
    fn layout(&self) -> Layout {
        Layout { combine: Combine::Keep, ranges: Ranges::Hash(self.n_ranges) }
    }

    fn scan(&self, batch: &Batch, notes: &Decisions, rows: &mut Rows) -> Result<()> {
        let (mut cut, mut key, mut value) = (Cut::default(), Vec::new(), Vec::new());
        let mut order = Vec::new();
        let orders = self.keep.orders(batch)?;
        for (row, component) in notes.for_batch(batch)?.into_iter().enumerate() {
            let Some(component) = component else { continue };
            self.cutter.cut(batch.texts().value(row), batch.value(LANGUAGE, row), &mut cut);
            orders.write(row, &mut key);
            order.clear();
            order.push(OF_INPUT);
            order.extend_from_slice(&key);
            let (place, id) = (batch.origins[row].place, batch.ids().value(row));
            self.limits.candidate(&order, place, id, &mut cut).write(&mut value);
            rows.emit(&component, &value);
        }
        Ok(())
    }

    fn earlier(&self, range: u32, notes: Option<&Sealed>) -> Result<Vec<Segment>> {
        let rows = notes.map(|notes| notes.whole(EARLIER)).filter(|rows| rows.exists());
        rows.map_or(Ok(Vec::new()), |rows| segments(&rows, range))
    }

    fn gather(&self, rows: &mut SortedRows, out: &mut Gathered) -> Result<()> {
        let shape = self.shape();
        let mut kept = KeptDocuments::default();
        let (mut numbers, mut decider) = (Vec::new(), Decider::default());
        let (mut n_documents, mut n_without_number) = (0_u64, 0_u64);
        while rows.next_group()? {
            let component = Place::from_bytes(rows.key())?;
            kept.clear();
            let mut n_not_remembered = 0_u64;
            while let Some(value) = rows.next_value()? {
                let document = Candidate::read(value, shape, &mut numbers)?;
                if is_earlier(document.place) {
                    n_not_remembered += u64::from(!kept.keep(&document, &self.limits));
                    continue;
                }
                n_documents += 1;
                n_without_number += u64::from(Keep::lacks_number(&document.order[1..]));
                if let Some((kept, similarity)) = kept.find(&document, &self.limits) {
                    let duplicate = Duplicate { of: kept.place, of_id: &kept.id, similarity };
                    let copy = (document.place, document.id);
                    decider.decide(out, component, copy, &duplicate)?;
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

    fn seal(&self, seal: &mut Seal) -> Result<()> {
        duplicates::seal(seal)
    }
}

impl Limits {
    /// Returns a document as it is compared, from what was cut of it.
    pub(super) fn candidate<'a>(
        &self,
        order: &'a [u8],
        place: Place,
        id: &'a str,
        cut: &'a mut Cut,
    ) -> Candidate<'a> {
        let compared = match self.verify {
            Verify::Jaccard => smallest(&mut cut.ngrams, self.max_document_ngrams),
            Verify::Signature => NgramSet { hashes: &cut.signature.numbers, complete_to: u64::MAX },
        };
        Candidate { order, place, id, band_keys: &cut.signature.band_keys, compared }
    }

    /// Tells of a component by the document of it that stays first.
    fn warning(&self, place: Place, id: &str, n_documents: u64) -> String {
        let place = match is_earlier(place) {
            true => "an earlier document".to_owned(),
            false => format!("file {}, row {}", place.file, place.row),
        };
        format!(
            "{NAME}: the component that begins with `{id}` ({place}) has more documents to keep than \
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
