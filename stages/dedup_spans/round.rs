//! The one round: which spans occurred before.
//!
//! Scan: each span that is long enough emits its key, place and number; where `min_documents` asks for it, a row that
//! only counts the document besides, which sorts before. Gather: a group comes in the order of the input; it is
//! counted, the first copies stay, each other one is decided on. Nothing of a group is held, so a line in every
//! document is streamed. Seal: the decisions on the spans of one document become one.

use anyhow::{Context, Result, bail};

use super::numbers;
use super::spans::{Buffers, Spans};
use crate::Round;
use crate::batch::{Batch, Place};
use crate::index::Earlier;
use crate::rows::{
    Combine, Decisions, Gathered, Layout, Ranges, Rows, Seal, Sealed, Segment, SortedRows,
};

/// Which copies stay.
#[derive(Debug, Clone, Copy)]
pub(super) struct Copies {
    pub(super) max_copies: u64,
    pub(super) min_documents: u64,
    pub(super) within_document: bool,
}

/// The round. Key: a span's; value: a sighting. Decides: place -> number of a span, which the seal joins.
pub(super) struct SpanRound {
    pub(super) spans: Spans,
    pub(super) copies: Copies,
    pub(super) n_ranges: u32,
    pub(super) earlier: Earlier,
}

/// The value of a row: it sorts by kind, place, number.
pub(super) enum Sighting {
    /// The span occurs in this document of an earlier dataset.
    Earlier(Place),
    /// The span occurs in this document.
    Document(Place),
    /// This span of this document.
    Span(Place, u32),
}

/// The first bytes of a value.
const EARLIER: u8 = 0;
const DOCUMENT: u8 = 1;
const SPAN: u8 = 2;

impl Sighting {
    fn write(&self, value: &mut Vec<u8>) {
        value.clear();
        match self {
            Sighting::Earlier(place) => {
                value.push(EARLIER);
                value.extend_from_slice(&place.to_bytes());
            }
            Sighting::Document(place) => {
                value.push(DOCUMENT);
                value.extend_from_slice(&place.to_bytes());
            }
            Sighting::Span(place, number) => {
                value.push(SPAN);
                value.extend_from_slice(&place.to_bytes());
                value.extend_from_slice(&number.to_be_bytes());
            }
        }
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut value = Vec::new();
        self.write(&mut value);
        value
    }

    fn read(value: &[u8]) -> Result<Sighting> {
        let (kind, rest) = value.split_first().context("a sighting is cut short")?;
        let place = Place::from_bytes(rest)?;
        match *kind {
            EARLIER => Ok(Sighting::Earlier(place)),
            DOCUMENT => Ok(Sighting::Document(place)),
            SPAN => Ok(Sighting::Span(place, number(&rest[Place::BYTES..])?)),
            other => bail!("a sighting of kind {other}"),
        }
    }
}

fn number(bytes: &[u8]) -> Result<u32> {
    let bytes = bytes.first_chunk::<4>().context("the number of a span is cut short")?;
    Ok(u32::from_be_bytes(*bytes))
}

impl Round for SpanRound {
    fn layout(&self) -> Layout {
        Layout { combine: Combine::Keep, ranges: Ranges::Prefix(self.n_ranges) }
    }

    fn scan(&self, batch: &Batch, _: &Decisions, rows: &mut Rows) -> Result<()> {
        let (mut buffers, mut value) = (Buffers::default(), Vec::new());
        for (row, origin) in batch.origins.iter().enumerate() {
            let place = origin.place;
            self.spans.each(batch.texts().value(row), &mut buffers, |number, key| {
                if self.copies.min_documents > 1 {
                    Sighting::Document(place).write(&mut value);
                    rows.emit(&key.0, &value);
                }
                Sighting::Span(place, number).write(&mut value);
                rows.emit(&key.0, &value);
            });
        }
        Ok(())
    }

    fn earlier(&self, range: u32, _: Option<&Sealed>) -> Result<Vec<Segment>> {
        self.earlier.segments(range, self.n_ranges)
    }

    fn gather(&self, rows: &mut SortedRows, out: &mut Gathered) -> Result<()> {
        while rows.next_group()? {
            let mut group = Group::default();
            while let Some(value) = rows.next_value()? {
                match Sighting::read(value)? {
                    Sighting::Earlier(place) => {
                        group.count(place);
                        group.n_kept = self.copies.max_copies.min(group.n_kept + 1);
                    }
                    Sighting::Document(place) => group.count(place),
                    Sighting::Span(place, number) => match self.copies.of(&mut group, place) {
                        Fate::Stays => {}
                        Fate::Cut => out.decide(place, &number.to_be_bytes())?,
                        // The rest of the group stays too.
                        Fate::AllStay => break,
                    },
                }
            }
        }
        Ok(())
    }

    fn seal(&self, seal: &mut Seal) -> Result<()> {
        seal.joined_decisions(|decided, payload| {
            let mut last = 0;
            while let Some(value) = decided.next_value()? {
                let number = number(value)?;
                numbers::append(last, number, payload);
                last = number;
            }
            Ok(())
        })
    }
}

/// What is known of a group of equal spans while it goes by.
#[derive(Default)]
struct Group {
    n_documents: u64,
    last_document: Option<Place>,
    n_kept: u64,
    last_kept: Option<Place>,
}

enum Fate {
    Stays,
    Cut,
    AllStay,
}

impl Group {
    /// Counts a document once, however often it holds the span.
    fn count(&mut self, place: Place) {
        self.n_documents += u64::from(self.last_document.replace(place) != Some(place));
    }
}

impl Copies {
    /// Says what becomes of the next span of a group.
    fn of(&self, group: &mut Group, place: Place) -> Fate {
        if self.min_documents > 1 && group.n_documents < self.min_documents {
            return Fate::AllStay;
        }
        if !self.within_document && group.last_kept == Some(place) {
            return Fate::Stays;
        }
        if group.n_kept == self.max_copies {
            return Fate::Cut;
        }
        group.n_kept += 1;
        group.last_kept = Some(place);
        Fate::Stays
    }
}
