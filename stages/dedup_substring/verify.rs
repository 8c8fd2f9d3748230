//! Round 2: windows that are contested are compared one by one.
//!
//! Scan: each document emits the texts of its contested stretches under the hash of their anchors, and hands on what round 1
//! decided. Gather: the windows of all stretches of a key range are sorted by their 128-bit hash; equal windows
//! stand side by side, by place and start, and each that does not overlap the first is a repeat. With 10^12 contested windows
//! the chance that any two different ones meet is below 2 in 10^15. Seal: the repeats of each document are joined to ranges.
//!
//! Equal windows have the same anchor, so they meet in one range. The windows are cut in the gather, where rows are
//! spilled by the budget, not in the scan: a document emits about five times its contested text, not a row for each unit.
//!
//! Memory: the budget of the gather; no group is held, however many documents share a window.

use anyhow::{Context, Result, ensure};
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use super::anchors::Winnow;
use super::notes::Note;
use super::ranges::{Range, Union};
use crate::Round;
use crate::batch::{Batch, Place};
use crate::rows::{Combine, Decisions, Gathered, Layout, Ranges, Rows, Seal, SortedRows, Sorter};

/// Round 2. Key: the hash of an anchor, or any for what round 1 decided; value: a `Claim`. Decides: place -> ranges.
pub(super) struct VerifyRound {
    pub(super) winnow: Winnow,
    pub(super) n_ranges: u32,
}

impl Round for VerifyRound {
    fn layout(&self) -> Layout {
        Layout { combine: Combine::Keep, ranges: Ranges::Prefix(self.n_ranges) }
    }

    fn scan(&self, batch: &Batch, notes: &Decisions, rows: &mut Rows) -> Result<()> {
        let mut value = Vec::new();
        for (row, notes) in notes.for_batch(batch)?.iter().enumerate() {
            let Some(notes) = notes else { continue };
            let (text, place) = (batch.texts().value(row), batch.origins[row].place);
            Note::each(notes, |note| {
                value.clear();
                let key = match note {
                    Note::Repeat(range) => {
                        Claim::Repeat(place, range).write(&mut value);
                        xxh3_64(&value)
                    }
                    Note::Contested(range, key) => {
                        let text = range.of(text)?;
                        Claim::Contested(place, range.start, text).write(&mut value);
                        key
                    }
                };
                rows.emit(&key.to_be_bytes(), &value);
                Ok(())
            })?;
        }
        Ok(())
    }

    fn gather(&self, rows: &mut SortedRows, out: &mut Gathered) -> Result<()> {
        let mut windows = out.sorter();
        while rows.next_group()? {
            while let Some(value) = rows.next_value()? {
                match Claim::read(value)? {
                    Claim::Repeat(place, range) => out.decide(place, &range.to_bytes())?,
                    Claim::Contested(place, start, text) => {
                        self.cut_windows(place, start, text, &mut windows)?;
                    }
                }
            }
        }
        let mut windows = windows.finish()?;
        while windows.next_group()? {
            let Some(first) = windows.next_value()? else { continue };
            let (of, kept) = read_window(first)?;
            while let Some(other) = windows.next_value()? {
                let (place, range) = read_window(other)?;
                if place != of || range.start >= kept.end {
                    out.decide(place, &range.to_bytes())?;
                }
            }
        }
        Ok(())
    }

    fn seal(&self, seal: &mut Seal) -> Result<()> {
        seal.joined_decisions(join_ranges)
    }
}

impl VerifyRound {
    fn cut_windows(
        &self,
        place: Place,
        offset: u32,
        text: &str,
        windows: &mut Sorter,
    ) -> Result<()> {
        let mut written = Ok(());
        self.winnow.measure.each_window(text, self.winnow.length, |start, end| {
            if written.is_ok() {
                let hash = xxh3_128(&text.as_bytes()[start..end]);
                let range = Range::new(offset as usize + start, offset as usize + end);
                let value = [&place.to_bytes()[..], &range.to_bytes()].concat();
                written = windows.emit(&hash.to_be_bytes(), &value);
            }
        });
        written
    }
}

fn read_window(value: &[u8]) -> Result<(Place, Range)> {
    Ok((Place::from_bytes(value)?, Range::read(value.get(Place::BYTES..).unwrap_or_default())?))
}

/// Joins the repeats of a document, which come by start.
fn join_ranges(found: &mut SortedRows, list: &mut Vec<u8>) -> Result<()> {
    let mut union = Union::default();
    while let Some(range) = found.next_value()? {
        if let Some(range) = union.push(Range::read(range)?) {
            list.extend_from_slice(&range.to_bytes());
        }
    }
    union.finish().into_iter().for_each(|range| list.extend_from_slice(&range.to_bytes()));
    Ok(())
}

/// Reads the decision on a document.
pub(super) fn read_ranges(payload: &[u8]) -> Result<Vec<Range>> {
    let (ranges, rest) = payload.as_chunks::<{ Range::BYTES }>();
    ensure!(rest.is_empty(), "a list of ranges is cut short");
    ranges.iter().map(|range| Range::read(range)).collect()
}

/// What a row of this round holds.
enum Claim<'a> {
    /// What round 1 decided.
    Repeat(Place, Range),
    /// A contested stretch, its first byte and its text.
    Contested(Place, u32, &'a str),
}

const REPEAT: u8 = 0;
const CONTESTED: u8 = 1;

impl Claim<'_> {
    fn write(&self, bytes: &mut Vec<u8>) {
        match self {
            Claim::Repeat(place, range) => {
                bytes.push(REPEAT);
                bytes.extend_from_slice(&place.to_bytes());
                bytes.extend_from_slice(&range.to_bytes());
            }
            Claim::Contested(place, start, text) => {
                bytes.push(CONTESTED);
                bytes.extend_from_slice(&place.to_bytes());
                bytes.extend_from_slice(&start.to_be_bytes());
                bytes.extend_from_slice(text.as_bytes());
            }
        }
    }

    fn read(bytes: &[u8]) -> Result<Claim<'_>> {
        let (kind, rest) = bytes.split_first().context("an empty row")?;
        let place = Place::from_bytes(rest)?;
        let rest = rest.get(Place::BYTES..).unwrap_or_default();
        if *kind == REPEAT {
            return Ok(Claim::Repeat(place, Range::read(rest)?));
        }
        ensure!(*kind == CONTESTED, "a row of unknown kind");
        let (start, text) = rest.split_first_chunk().context("a stretch is cut short")?;
        let text = str::from_utf8(text).context("a stretch is not UTF-8")?;
        Ok(Claim::Contested(place, u32::from_be_bytes(*start), text))
    }
}
