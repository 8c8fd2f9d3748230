//! The documents of a component that stay, and which of them a later one must be compared with.

use std::cmp::Reverse;

use hashbrown::HashMap;

use super::candidate::Candidate;
use super::jaccard::NgramSet;
use super::signature::agreement_at_least;
use super::{Limits, Verify};
use crate::batch::Place;

/// A document that stays.
pub(super) struct Kept {
    pub(super) place: Place,
    pub(super) id: String,
    /// Where its n-grams, or signature numbers, end among all.
    end: usize,
    complete_to: u64,
}

/// All that stay of one component; never more documents or n-grams than the limits.
#[derive(Default)]
pub(super) struct KeptDocuments {
    documents: Vec<Kept>,
    /// What is compared of all documents, one behind the other.
    numbers: Vec<u64>,
    /// The last entry with a band's key.
    bands: HashMap<u64, u32>,
    /// A kept document, and the entry before with the same key.
    entries: Vec<(u32, Option<u32>)>,
    /// Memory for `find`.
    sharing: Vec<u32>,
    ranked: Vec<(Reverse<u32>, u32)>,
}

/// The largest table that is cleared for the next component; a larger one is given back.
const CLEARED_BANDS: usize = 1 << 10;

impl KeptDocuments {
    /// Forgets the component.
    pub(super) fn clear(&mut self) {
        self.documents.clear();
        self.numbers.clear();
        self.entries.clear();
        if self.bands.capacity() > CLEARED_BANDS {
            self.bands = HashMap::new();
        } else {
            self.bands.clear();
        }
    }

    /// Returns the first kept document, the one that a component is reported by.
    pub(super) fn first(&self) -> Option<&Kept> {
        self.documents.first()
    }

    /// Keeps a document; false where the limits do not allow to remember it.
    pub(super) fn keep(&mut self, document: &Candidate<'_>, limits: &Limits) -> bool {
        let hashes = document.compared.hashes;
        if self.documents.len() >= limits.max_cluster_documents
            || self.numbers.len() + hashes.len() > limits.max_cluster_ngrams
        {
            return false;
        }
        let number = self.documents.len() as u32;
        self.numbers.extend_from_slice(hashes);
        self.documents.push(Kept {
            place: document.place,
            id: document.id.to_owned(),
            end: self.numbers.len(),
            complete_to: document.compared.complete_to,
        });
        for &key in document.band_keys {
            let entry = self.entries.len() as u32;
            let before = self.bands.insert(key, entry);
            self.entries.push((number, before));
        }
        true
    }

    /// Returns a kept document that shares a band with `document` and is at least as similar to it as the
    /// threshold, and the similarity. Those that share more bands are compared first, the earlier of equals
    /// before the later.
    pub(super) fn find(
        &mut self,
        document: &Candidate<'_>,
        limits: &Limits,
    ) -> Option<(&Kept, f64)> {
        self.sharing.clear();
        for key in document.band_keys {
            let mut entry = self.bands.get(key).copied();
            while let Some((number, before)) = entry.map(|entry| self.entries[entry as usize]) {
                self.sharing.push(number);
                entry = before;
            }
        }
        self.sharing.sort_unstable();
        self.ranked.clear();
        let runs = self.sharing.chunk_by(|a, b| a == b);
        self.ranked.extend(runs.map(|run| (Reverse(run.len() as u32), run[0])));
        self.ranked.sort_unstable();
        self.ranked.iter().find_map(|&(_, number)| {
            let (a, b) = (document.compared, self.compared(number as usize));
            let similarity = match limits.verify {
                Verify::Jaccard => a.similarity_at_least(b, limits.threshold),
                Verify::Signature => agreement_at_least(a.hashes, b.hashes, limits.threshold),
            }?;
            Some((&self.documents[number as usize], similarity))
        })
    }

    fn compared(&self, number: usize) -> NgramSet<'_> {
        let start = number.checked_sub(1).map_or(0, |before| self.documents[before].end);
        let Kept { end, complete_to, .. } = self.documents[number];
        NgramSet { hashes: &self.numbers[start..end], complete_to }
    }
}
