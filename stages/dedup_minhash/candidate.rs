//! A document of a component, on its way to be compared.

use anyhow::{Context, Result, ensure};

use super::jaccard::NgramSet;
use crate::batch::Place;

/// What the rows of round 2 hold of a document.
///
/// As bytes: order key, place, length of the id (`u32`), id, key of each band, `complete_to`, then what is
/// compared (`u64` each). The order key stands first, then the place: rows of a component come in the order
/// in which its documents stay.
#[derive(Debug)]
pub(super) struct Candidate<'a> {
    pub(super) order: &'a [u8],
    pub(super) place: Place,
    pub(super) id: &'a str,
    pub(super) band_keys: &'a [u64],
    /// The n-grams, or as hashes of a set that is complete the numbers of the signature.
    pub(super) compared: NgramSet<'a>,
}

/// How rows are laid out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    /// Bytes of an order key.
    pub(super) order_bytes: usize,
    pub(super) n_bands: usize,
}

impl Candidate<'_> {
    /// Writes the document over `bytes`.
    pub(super) fn write(&self, bytes: &mut Vec<u8>) {
        bytes.clear();
        bytes.extend_from_slice(self.order);
        bytes.extend_from_slice(&self.place.to_bytes());
        bytes.extend_from_slice(&(self.id.len() as u32).to_le_bytes());
        bytes.extend_from_slice(self.id.as_bytes());
        let numbers = self.band_keys.iter().chain([&self.compared.complete_to]);
        for number in numbers.chain(self.compared.hashes) {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
    }

    /// Reads a document of this shape back; its numbers go into `numbers`.
    pub(super) fn read<'a>(
        bytes: &'a [u8],
        shape: Shape,
        numbers: &'a mut Vec<u64>,
    ) -> Result<Candidate<'a>> {
        const CUT_SHORT: &str = "a candidate is cut short";
        let (order, bytes) = bytes.split_at_checked(shape.order_bytes).context(CUT_SHORT)?;
        let place = Place::from_bytes(bytes)?;
        let rest = bytes.get(Place::BYTES..).unwrap_or_default();
        let (length, rest) = rest.split_first_chunk().context(CUT_SHORT)?;
        let length = u32::from_le_bytes(*length) as usize;
        let (id, rest) = rest.split_at_checked(length).context(CUT_SHORT)?;
        let id = str::from_utf8(id).context("the id of a candidate is not UTF-8")?;
        let (words, odd) = rest.as_chunks::<8>();
        ensure!(odd.is_empty() && words.len() > shape.n_bands, CUT_SHORT);
        numbers.clear();
        numbers.extend(words.iter().map(|word| u64::from_le_bytes(*word)));
        let (band_keys, numbers) = numbers.split_at(shape.n_bands);
        let compared = NgramSet { complete_to: numbers[0], hashes: &numbers[1..] };
        Ok(Candidate { order, place, id, band_keys, compared })
    }
}
