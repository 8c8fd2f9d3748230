//! A document of a component, on its way to be compared.

use anyhow::{Context, Result, ensure};

use super::jaccard::NgramSet;
use crate::batch::Place;

/// What the rows of round 2 hold of a document.
///
/// As bytes: place, length of the id (`u32`), id, key of each band, `complete_to`, then the n-grams (`u64`
/// each). The place stands first: rows of a component come in the order of the input.
#[derive(Debug)]
pub(super) struct Candidate<'a> {
    pub(super) place: Place,
    pub(super) id: &'a str,
    pub(super) band_keys: &'a [u64],
    pub(super) ngrams: NgramSet<'a>,
}

impl Candidate<'_> {
    /// Writes the document over `bytes`.
    pub(super) fn write(&self, bytes: &mut Vec<u8>) {
        bytes.clear();
        bytes.extend_from_slice(&self.place.to_bytes());
        bytes.extend_from_slice(&(self.id.len() as u32).to_le_bytes());
        bytes.extend_from_slice(self.id.as_bytes());
        let numbers = self.band_keys.iter().chain([&self.ngrams.complete_to]);
        for number in numbers.chain(self.ngrams.hashes) {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
    }

    /// Reads a document with `n_bands` bands back; its numbers go into `numbers`.
    pub(super) fn read<'a>(
        bytes: &'a [u8],
        n_bands: usize,
        numbers: &'a mut Vec<u64>,
    ) -> Result<Candidate<'a>> {
        let place = Place::from_bytes(bytes)?;
        let rest = bytes.get(Place::BYTES..).unwrap_or_default();
        let (length, rest) = rest.split_first_chunk().context("a candidate is cut short")?;
        let length = u32::from_le_bytes(*length) as usize;
        let (id, rest) = rest.split_at_checked(length).context("a candidate is cut short")?;
        let id = str::from_utf8(id).context("the id of a candidate is not UTF-8")?;
        let (words, odd) = rest.as_chunks::<8>();
        ensure!(odd.is_empty() && words.len() > n_bands, "a candidate is cut short");
        numbers.clear();
        numbers.extend(words.iter().map(|word| u64::from_le_bytes(*word)));
        let (band_keys, numbers) = numbers.split_at(n_bands);
        let ngrams = NgramSet { complete_to: numbers[0], hashes: &numbers[1..] };
        Ok(Candidate { place, id, band_keys, ngrams })
    }
}
