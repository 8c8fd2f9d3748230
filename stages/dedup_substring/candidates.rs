//! Round 1: which stretches are repeats as a whole, and which have windows that must be compared one by one.
//!
//! Scan: each document emits its stretches (`anchors`), the 128-bit hash of their text under the hash of their anchor. Gather: a
//! group holds all stretches of the corpus under one anchor. Of those with equal text the first stays and the others are repeats
//! as a whole, so the inside of a long repeat costs one row for each quarter of a window, not one for each window. If
//! a group holds different texts, the windows of the first of each may still be equal to one another: these are *contested*,
//! and round 2 compares them. They are the edges of repeats, and k-grams that are common for themselves.
//!
//! No window is missed: let y be a window and x the first that equals it. Both have the same anchor. If the stretches around
//! them are equal, that of x is the first of its text, or x would not be the first; so that of y is a repeat. If they
//! differ, the group holds two texts: that of x is contested, and so is that of y, unless it is a repeat already.
//!
//! A stretch that overlaps its first copy is contested too, as it is no repeat of that copy, but may be one of another.
//! Runs such as `-=-=-=-=` have an anchor at each unit; the scan itself sees that they repeat an earlier part of
//! their document, and emits one row for all of it.
//!
//! Memory of a gather: one window of stretches, however large the group.

use anyhow::{Context, Result, ensure};
use xxhash_rust::xxh3::xxh3_128;

use super::anchors::{Scratch, Stretch, Winnow};
use super::notes::Note;
use super::ranges::{Range, Union};
use crate::Round;
use crate::batch::{Batch, Place};
use crate::rows::{Combine, Decisions, Gathered, Layout, Ranges, Rows, Seal, SortedRows};

/// Round 1. Key: the hash of an anchor; value: a `Sighting`. Decides: place -> a list of `Note`.
pub(super) struct CandidateRound {
    pub(super) winnow: Winnow,
    pub(super) n_ranges: u32,
}

impl Round for CandidateRound {
    fn layout(&self) -> Layout {
        Layout { combine: Combine::Keep, ranges: Ranges::Prefix(self.n_ranges) }
    }

    fn scan(&self, batch: &Batch, _: &Decisions, rows: &mut Rows) -> Result<()> {
        let (mut scratch, mut seen) = (Scratch::default(), Seen::default());
        for (row, origin) in batch.origins.iter().enumerate() {
            let text = batch.texts().value(row);
            self.winnow.check_size(text, batch.ids().value(row))?;
            self.scan_text(text, origin.place, &mut scratch, &mut seen, rows);
        }
        Ok(())
    }

    fn gather(&self, rows: &mut SortedRows, out: &mut Gathered) -> Result<()> {
        while rows.next_group()? {
            let key = rows.key().first_chunk::<8>().copied().context("a damaged key")?;
            let mut group = Group::default();
            while let Some(value) = rows.next_value()? {
                match Sighting::read(value)? {
                    Sighting::Repeat(place, range) => Note::Repeat(range).decide(place, out)?,
                    Sighting::Stretch(at) => {
                        let key = u64::from_be_bytes(key);
                        let mut contest =
                            |at: &At| Note::Contested(at.range, key).decide(at.place, out);
                        if group.take(at, self.winnow.length, &mut contest)? {
                            Note::Repeat(at.range).decide(at.place, out)?;
                        }
                    }
                }
            }
        }
        Ok(())
    }

    fn seal(&self, seal: &mut Seal) -> Result<()> {
        seal.joined_decisions(Note::join)
    }
}

impl CandidateRound {
    fn scan_text(
        &self,
        text: &str,
        place: Place,
        scratch: &mut Scratch,
        seen: &mut Seen,
        rows: &mut Rows,
    ) {
        seen.clear();
        let mut repeats = Union::default();
        let mut last_key = 0;
        self.winnow.each_stretch(text, scratch, |stretch| {
            let Stretch { key, unit, start, end } = stretch;
            let hash = xxh3_128(&text.as_bytes()[start..end]);
            let range = Range::new(start, end);
            last_key = key;
            let emitted = match seen.is_repeat(hash, unit, self.winnow.length) {
                true => repeats.push(range).map(|range| Sighting::Repeat(place, range)),
                false => Some(Sighting::Stretch(At { hash, place, unit, range })),
            };
            if let Some(emitted) = emitted {
                rows.emit(&key.to_be_bytes(), &emitted.to_bytes());
            }
        });
        if let Some(range) = repeats.finish() {
            rows.emit(&last_key.to_be_bytes(), &Sighting::Repeat(place, range).to_bytes());
        }
    }
}

/// Stretches of a document that were met lately, by their hash: a bounded memory that may forget.
#[derive(Debug)]
struct Seen {
    /// Hash and first unit.
    stretches: Vec<Option<(u128, u32)>>,
}

impl Default for Seen {
    fn default() -> Seen {
        Seen { stretches: vec![None; 256] }
    }
}

impl Seen {
    fn clear(&mut self) {
        self.stretches.fill(None);
    }

    /// Says whether a stretch is a copy of one that was emitted and that it does not overlap; else it is to be emitted.
    fn is_repeat(&mut self, hash: u128, unit: u32, length: usize) -> bool {
        let n = self.stretches.len();
        match &mut self.stretches[hash as usize % n] {
            Some((same, first)) if *same == hash => unit as usize >= *first as usize + length,
            place => {
                *place = Some((hash, unit));
                false
            }
        }
    }
}

/// Where a stretch stands, and what its text hashes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct At {
    hash: u128,
    place: Place,
    /// The number of its first unit.
    unit: u32,
    range: Range,
}

/// The stretches under one anchor, which come by hash, place and start.
#[derive(Debug, Default)]
struct Group {
    /// The first stretch of the present text.
    first: Option<At>,
    /// Stretches of the first text that are contested if there is a second one; they begin within one window.
    pending: Vec<At>,
    is_contested: bool,
}

impl Group {
    /// Takes the next stretch and says whether it is a repeat; `contest` takes those that are contested.
    fn take(
        &mut self,
        at: At,
        length: usize,
        contest: &mut impl FnMut(&At) -> Result<()>,
    ) -> Result<bool> {
        match &self.first {
            Some(first) if first.hash == at.hash => {
                let is_apart = at.unit as usize >= first.unit as usize + length;
                if at.place != first.place || is_apart {
                    return Ok(true);
                }
            }
            first => {
                self.is_contested = first.is_some();
                self.first = Some(at);
            }
        }
        if self.is_contested {
            self.pending.drain(..).try_for_each(|at| contest(&at))?;
            contest(&at)?;
        } else {
            self.pending.push(at);
        }
        Ok(false)
    }
}

const REPEAT: u8 = 0;
const STRETCH: u8 = 1;

/// What a row of this round holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sighting {
    /// The scan saw that a part repeats an earlier one of its document.
    Repeat(Place, Range),
    /// A stretch.
    Stretch(At),
}

impl Sighting {
    /// Returns bytes that sort by hash, place and start.
    fn to_bytes(self) -> Vec<u8> {
        match self {
            Sighting::Repeat(place, range) => {
                [&[REPEAT][..], &place.to_bytes(), &range.to_bytes()].concat()
            }
            Sighting::Stretch(At { hash, place, unit, range }) => [
                &[STRETCH][..],
                &hash.to_be_bytes(),
                &place.to_bytes(),
                &range.to_bytes(),
                &unit.to_be_bytes(),
            ]
            .concat(),
        }
    }

    fn read(bytes: &[u8]) -> Result<Sighting> {
        let (kind, rest) = bytes.split_first().context("an empty row")?;
        let range_at = |at: usize| Range::read(rest.get(at..).unwrap_or_default());
        if *kind == REPEAT {
            return Ok(Sighting::Repeat(Place::from_bytes(rest)?, range_at(Place::BYTES)?));
        }
        ensure!(*kind == STRETCH, "a row of unknown kind");
        let (hash, rest) = rest.split_first_chunk().context("a stretch is cut short")?;
        let (place, range) = (Place::from_bytes(rest)?, range_at(16 + Place::BYTES)?);
        let unit = rest.last_chunk().context("a stretch is cut short")?;
        let (hash, unit) = (u128::from_be_bytes(*hash), u32::from_be_bytes(*unit));
        Ok(Sighting::Stretch(At { hash, place, unit, range }))
    }
}
