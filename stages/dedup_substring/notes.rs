//! What round 1 tells round 2 of a document: a list of repeats and of contested stretches.
//!
//! As bytes: a kind, then start and end, then for a contested stretch the hash of its anchor. In a list the repeats come
//! first, joined where they touch.

use anyhow::{Context, Result, bail};

use super::ranges::{Range, Union};
use crate::batch::Place;
use crate::rows::{Gathered, SortedRows};

/// What round 2 must know of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Note {
    /// All windows in here are repeats.
    Repeat(Range),
    /// The windows in here must be compared with others under the same anchor.
    Contested(Range, u64),
}

const REPEAT: u8 = 0;
const CONTESTED: u8 = 1;
const REPEAT_BYTES: usize = 1 + Range::BYTES;
const CONTESTED_BYTES: usize = REPEAT_BYTES + 8;

impl Note {
    /// Decides it on the document at `place`.
    pub(super) fn decide(self, place: Place, out: &mut Gathered) -> Result<()> {
        let mut bytes = Vec::with_capacity(CONTESTED_BYTES);
        self.write(&mut bytes);
        out.decide(place, &bytes)
    }

    /// Appends the note; repeats sort first, by start.
    fn write(self, bytes: &mut Vec<u8>) {
        match self {
            Note::Repeat(range) => {
                bytes.push(REPEAT);
                bytes.extend_from_slice(&range.to_bytes());
            }
            Note::Contested(range, key) => {
                bytes.push(CONTESTED);
                bytes.extend_from_slice(&range.to_bytes());
                bytes.extend_from_slice(&key.to_be_bytes());
            }
        }
    }

    /// Takes the first note off a list.
    fn split_first(bytes: &[u8]) -> Result<(Note, &[u8])> {
        let (note, rest) = match bytes.first() {
            Some(&REPEAT) => bytes.split_at_checked(REPEAT_BYTES),
            Some(&CONTESTED) => bytes.split_at_checked(CONTESTED_BYTES),
            _ => bail!("a note of unknown kind"),
        }
        .context("a note is cut short")?;
        let range = Range::read(&note[1..])?;
        let key = note[REPEAT_BYTES..].first_chunk::<8>();
        Ok((
            key.map_or(Note::Repeat(range), |key| Note::Contested(range, u64::from_be_bytes(*key))),
            rest,
        ))
    }

    /// Visits the notes of a list.
    pub(super) fn each(mut list: &[u8], mut visit: impl FnMut(Note) -> Result<()>) -> Result<()> {
        while !list.is_empty() {
            let (note, rest) = Note::split_first(list)?;
            visit(note)?;
            list = rest;
        }
        Ok(())
    }

    /// Makes one list of the notes on a document.
    pub(super) fn join(notes: &mut SortedRows, list: &mut Vec<u8>) -> Result<()> {
        let mut repeats = Union::default();
        while let Some(note) = notes.next_value()? {
            match Note::split_first(note)?.0 {
                Note::Repeat(range) => {
                    repeats
                        .push(range)
                        .into_iter()
                        .for_each(|range| Note::Repeat(range).write(list));
                }
                contested => contested.write(list),
            }
        }
        repeats.finish().into_iter().for_each(|range| Note::Repeat(range).write(list));
        Ok(())
    }
}
