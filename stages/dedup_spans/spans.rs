//! Where the spans of a text are, and the keys by which equal ones meet.

use std::fmt;

use filters::segment::split_sentences;
use xxhash_rust::xxh3::xxh3_128;

use crate::normalize::{Normalizer, Size};

/// What a span is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// What stands between two newlines.
    Lines,
    /// Lines that stand together without a blank one.
    Paragraphs,
    /// This many consecutive sentences; spans overlap.
    Sentences(usize),
}

impl Unit {
    /// Returns the name of the stage.
    pub fn stage(self) -> &'static str {
        match self {
            Unit::Lines => "dedup_lines",
            Unit::Paragraphs => "dedup_paragraphs",
            Unit::Sentences(_) => "dedup_sentences",
        }
    }
}

/// What is a span, and what of it counts.
#[derive(Debug, Clone)]
pub(super) struct Spans {
    pub(super) unit: Unit,
    pub(super) normalizer: Normalizer,
    pub(super) min_chars: u64,
    pub(super) min_han_chars: u64,
}

/// The first 96 bits of the xxh3-128 of a normalized span.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key(pub(super) [u8; Key::BYTES]);

impl Key {
    pub(super) const BYTES: usize = 12;

    fn of(normalized: &str) -> Key {
        let hash = xxh3_128(normalized.as_bytes()).to_be_bytes();
        Key(std::array::from_fn(|byte| hash[byte]))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

/// Memory that one document after the other uses.
#[derive(Default)]
pub(super) struct Buffers {
    normalized: String,
    /// Where each sentence ends in `normalized`, and how long it is.
    sentences: Vec<(usize, Size)>,
}

impl Spans {
    /// Calls `take` with number and key of each span of a text that is long enough to be cut, in order.
    ///
    /// Lines are numbered with blank ones among them, spans of sentences by their first sentence.
    pub(super) fn each(&self, text: &str, buffers: &mut Buffers, mut take: impl FnMut(u32, Key)) {
        match self.unit {
            Unit::Lines => {
                let spans = lines(text).map(content);
                (0..)
                    .zip(spans)
                    .for_each(|(number, span)| self.key(number, span, buffers, &mut take));
            }
            Unit::Paragraphs => {
                let spans = paragraphs(text);
                (0..)
                    .zip(spans)
                    .for_each(|(number, span)| self.key(number, span, buffers, &mut take));
            }
            Unit::Sentences(n) => self.runs(text, n, buffers, take),
        }
    }

    fn key(&self, number: u32, span: &str, buffers: &mut Buffers, take: &mut impl FnMut(u32, Key)) {
        if is_blank(span) {
            return;
        }
        buffers.normalized.clear();
        let size = self.normalizer.append(span, &mut buffers.normalized);
        if self.is_long(size) {
            take(number, Key::of(&buffers.normalized));
        }
    }

    /// Takes each run of `n` sentences, its sentences parted by newlines: equal runs have equal sentences.
    fn runs(&self, text: &str, n: usize, buffers: &mut Buffers, mut take: impl FnMut(u32, Key)) {
        let Buffers { normalized, sentences } = buffers;
        normalized.clear();
        sentences.clear();
        for sentence in lines(text).map(content).flat_map(split_sentences) {
            let size = self.normalizer.append(sentence.trim(), normalized);
            sentences.push((normalized.len(), size));
            normalized.push('\n');
        }
        let mut start = 0;
        for (number, run) in (0..).zip(sentences.windows(n)) {
            let mut size = Size::default();
            run.iter().for_each(|(_, sentence)| size.add(*sentence));
            let (Some((first_end, _)), Some((end, _))) = (run.first(), run.last()) else {
                continue;
            };
            if self.is_long(size) {
                take(number, Key::of(normalized.get(start..*end).unwrap_or_default()));
            }
            start = first_end + 1;
        }
    }

    fn is_long(&self, size: Size) -> bool {
        let is_han = 2 * size.han > size.chars;
        size.chars >= if is_han { self.min_han_chars } else { self.min_chars }
    }
}

/// Returns the lines of a text, each with its newline.
pub(super) fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive('\n')
}

/// Returns a line without what ends it: a newline, and a carriage return before that.
pub(super) fn content(line: &str) -> &str {
    match line.strip_suffix('\n') {
        Some(line) => line.strip_suffix('\r').unwrap_or(line),
        None => line,
    }
}

/// Says whether there is nothing but white space.
pub(super) fn is_blank(line: &str) -> bool {
    line.trim_start().is_empty()
}

/// Returns the paragraphs of a text, without what ends their last line.
fn paragraphs(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let blank: usize = lines(rest).take_while(|line| is_blank(line)).map(str::len).sum();
        let (_, text) = rest.split_at_checked(blank)?;
        let length = lines(text).take_while(|line| !is_blank(line)).map(str::len).sum();
        let (paragraph, tail) = text.split_at_checked(length)?;
        rest = tail;
        (!paragraph.is_empty()).then(|| content(paragraph))
    })
}
