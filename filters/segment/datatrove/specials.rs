//! Words that spaCy splits, or keeps whole, by a list: `do n't`, `U.S.`, `e.g.`, `:-)`.
//!
//! The lists are carried over from spaCy 3.8 (MIT, see NOTICE); a line is a word, with a blank between its pieces.

use crate::segment::{Segment, hash};

/// The words of a list.
pub(super) struct Specials {
    words: Vec<Special>,
    /// Hash of a word and its number, so sparse that a word which is none mostly meets an empty slot at once.
    slots: Vec<(u64, u16)>,
    /// Words whose pieces the rules for affixes would take apart, as the tokens that come of it; sorted.
    patterns: Vec<(Vec<u64>, u16)>,
    /// Whether a pattern begins with two tokens of these hashes, by `pair`.
    heads: Vec<bool>,
    /// For each first byte and each last byte, a bit for each length that words with it have.
    lengths_by_first: [u64; 256],
    lengths_by_last: [u64; 256],
}

/// A word of a list, and where it is split.
struct Special {
    text: String,
    /// The length of each piece in bytes.
    pieces: Vec<u8>,
}

const NONE: u16 = u16::MAX;

const N_SLOTS: usize = 1 << 13;
const N_HEADS: usize = 1 << 12;

impl Specials {
    /// Reads lists.
    pub(super) fn read(lists: &[&str]) -> Specials {
        let mut specials = Specials {
            words: Vec::new(),
            slots: vec![(0, NONE); N_SLOTS],
            patterns: Vec::new(),
            heads: vec![false; N_HEADS],
            lengths_by_first: [0; 256],
            lengths_by_last: [0; 256],
        };
        for line in lists.iter().flat_map(|list| list.lines()) {
            let text: String = line.split(' ').collect();
            let bytes = text.as_bytes();
            if let (Some(&first), Some(&last)) = (bytes.first(), bytes.last()) {
                let length = 1u64.checked_shl(bytes.len() as u32).expect("no word is that long");
                specials.lengths_by_first[usize::from(first)] |= length;
                specials.lengths_by_last[usize::from(last)] |= length;
            }
            let hash = hash(bytes);
            let slot = specials.slot(hash);
            specials.slots[slot] = (hash, specials.words.len() as u16);
            let pieces = line.split(' ').map(|piece| piece.len() as u8).collect();
            specials.words.push(Special { text, pieces });
        }
        specials
    }

    /// Sets what the rules for affixes make of each word, where they split it or would.
    pub(super) fn set_patterns(&mut self, cut: impl Fn(&str) -> Option<Vec<u64>>) {
        for (at, word) in self.words.iter().enumerate() {
            if let Some(tokens) = cut(&word.text).filter(|tokens| tokens.len() > 1) {
                self.heads[pair(tokens[0], tokens[1])] = true;
                self.patterns.push((tokens, at as u16));
            }
        }
        self.patterns.sort_unstable();
    }

    /// Returns the slot of a hash, or the empty one where it would be.
    fn slot(&self, hash: u64) -> usize {
        let mut slot = hash as usize % N_SLOTS;
        while self.slots[slot].1 != NONE && self.slots[slot].0 != hash {
            slot = (slot + 1) % N_SLOTS;
        }
        slot
    }

    /// Returns the lengths of a word's pieces if the list has it; `hash` is the word's.
    pub(super) fn find(&self, hash: u64) -> Option<&[u8]> {
        let (_, word) = self.slots[self.slot(hash)];
        self.words.get(usize::from(word)).map(|word| &*word.pieces)
    }

    /// Returns the same for a word whose hash is not known.
    pub(super) fn find_text(&self, word: &str) -> Option<&[u8]> {
        let bytes = word.as_bytes();
        let (&first, &last) = (bytes.first()?, bytes.last()?);
        let lengths =
            self.lengths_by_first[usize::from(first)] & self.lengths_by_last[usize::from(last)];
        let is_likely = lengths & 1u64.checked_shl(bytes.len() as u32)? != 0;
        if is_likely { self.find(hash(bytes)) } else { None }
    }

    /// Returns each word and the lengths of its pieces.
    #[cfg(test)]
    pub(super) fn words(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.words.iter().map(|word| (&*word.text, &*word.pieces))
    }

    /// Puts words of the list together again that the rules for affixes have taken apart, as in `(see 8)`.
    ///
    /// spaCy finds the tokens of each word in the whole text, longest first, and lets a longer one hide a shorter one that
    /// it touches. Tokens with a blank between them are found and hide others, but stay as they are.
    pub(super) fn merge(&self, text: &str, segments: &mut Vec<Segment>) {
        let mut found = Vec::new();
        for (at, two) in segments.windows(2).enumerate() {
            if self.heads[pair(two[0].hash, two[1].hash)] {
                self.find_at(text, segments, at, &mut found);
            }
        }
        if found.iter().any(|found| found.is_solid) {
            hide_shorter(&mut found);
            found.retain(|found| found.is_solid);
            self.replace(text, segments, &found);
        }
    }

    fn find_at(&self, text: &str, segments: &[Segment], at: usize, found: &mut Vec<Found>) {
        let tail = &segments[at..];
        let from = self.patterns.partition_point(|(tokens, _)| tokens[0] < tail[0].hash);
        for (tokens, word) in &self.patterns[from..] {
            if tokens[0] != tail[0].hash {
                break;
            }
            let Some(span) = tail.get(..tokens.len()) else { continue };
            if !span.iter().zip(tokens).all(|(segment, &token)| segment.hash == token) {
                continue;
            }
            let gap = |pair: &[Segment]| text.get(pair[0].end as usize..pair[1].start as usize);
            let is_solid = span.windows(2).all(|pair| gap(pair) == Some(""));
            if is_solid || span.windows(2).all(|pair| matches!(gap(pair), Some("" | " "))) {
                found.push(Found { start: at, end: at + span.len(), word: *word, is_solid });
            }
        }
    }

    /// Replaces the segments of each place by the pieces of the word.
    fn replace(&self, text: &str, segments: &mut Vec<Segment>, places: &[Found]) {
        let mut merged = Vec::with_capacity(segments.len());
        let mut copied = 0;
        for place in places {
            merged.extend_from_slice(&segments[copied..place.start]);
            let mut start = segments[place.start].start as usize;
            for &length in &self.words[usize::from(place.word)].pieces {
                let end = start + usize::from(length);
                merged.extend(Segment::of(text.get(start..end).unwrap_or_default(), start));
                start = end;
            }
            copied = place.end;
        }
        merged.extend_from_slice(&segments[copied..]);
        *segments = merged;
    }
}

/// A word of the list, found in tokens.
#[derive(Clone, Copy)]
struct Found {
    start: usize,
    end: usize,
    word: u16,
    /// No blank between the tokens.
    is_solid: bool,
}

/// Returns the place of two neighbours in `heads`.
fn pair(first: u64, second: u64) -> usize {
    first.wrapping_add(second.rotate_left(32)) as usize % N_HEADS
}

/// Leaves those that no longer one touches, nor an earlier one of their length; sorted by place.
fn hide_shorter(found: &mut Vec<Found>) {
    let Some(end) = found.iter().map(|found| found.end).max() else { return };
    let first = found.iter().map(|found| found.start).min().unwrap_or(end);
    found.sort_unstable_by_key(|found| (usize::MAX - (found.end - found.start), found.start));
    let mut seen = vec![false; end - first];
    found.retain(|found| {
        let span = &mut seen[found.start - first..found.end - first];
        let is_free = !span[0] && !span[span.len() - 1];
        // One that is hidden hides in its turn.
        span.fill(true);
        is_free
    });
    found.sort_unstable_by_key(|found| found.start);
}
