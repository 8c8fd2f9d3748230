//! Repeated lines, paragraphs and runs of sentences: of equal ones the first in the corpus stays, later ones are cut
//! out of their documents.
//!
//! | stage | a span is |
//! |---|---|
//! | `dedup_lines` | what stands between two newlines; a carriage return before the newline belongs to it |
//! | `dedup_paragraphs` | lines up to the next blank one, together |
//! | `dedup_sentences` | `n_sentences` consecutive sentences of a document; spans overlap; a line break ends a sentence, not a span |
//!
//! Equal: spans that are the same without what `ignore` names (`normalize`). Blank lines, and spans with fewer than
//!   `min_span_chars` characters after that, are never touched: they are structure, headings, `}`.
//! Order: that of the input: files, rows, then spans within a document. A repeat within one document counts too, unless
//!   `within_document = false`.
//! Cuts: each span of a group of equal ones, but for the first `max_copies`; nothing of a group that occurs in fewer
//!   than `min_documents` documents. A sentence is cut if a span that it lies in is cut, and that may leave only a part
//!   of a first copy that overlaps with it; yet of each sentence, as of each line, the first of equal ones stays.
//! Text: whole lines go with their newlines, of the blank lines around them one side; a text that nothing was cut
//!   from keeps its very bytes (`cut`). Cut spans, or sentences, are counted as edits.
//! Removes: a document that spans were cut from, and that has fewer than `min_chars` characters or `min_words` words
//!   left. Copies that it was to keep go with it, so with high limits a span may vanish from the corpus.
//! Again: a second run cuts no line and no paragraph. Sentences that a cut made neighbours are new spans, which may
//!   equal others; a second run cuts only such.
//! Earlier: with `against`, indexes of earlier datasets (`corpusmill index`), their spans stand before the input's: they count as copies
//!   and documents, and are never cut.
//! Equality is decided by 96 bits of xxh3-128: among 10^12 different spans the chance that any two meet is 6 in a
//!   million. A hash of 64 bits, as in CCNet and datatrove, would cut 27,000 of them wrongly.
//! Source: lines as CCNet (Wenzek et al. 2020, arXiv:1911.00359, section 3.1), three sentences as C4 (Raffel et al. 2020,
//!   arXiv:1910.10683, section 2.2).
//! Differs: CCNet looks for repeats in a part of a crawl, holds all hashes in memory, drops only 33 marks that are not
//!   ASCII, and has no least length. dolma and DCLM's bff call a line a paragraph, and ask a Bloom filter, which also cuts
//!   some of what never occurred before; dolma's does so differently in each run, and its `min_words` switches
//!   deduplication off; bff goes by shared n-grams, so it finds lines that are nearly equal. datatrove numbers sentences
//!   with 16 bits, and loses some where `min_words_to_remove_span` is set. Its sentences go over line breaks: text with
//!   hard line breaks is better compared by paragraphs here.
//! Cost: 37 bytes on disk for each span that is long enough, 70 with `min_documents`.

use anyhow::{Result, bail};

use crate::batch::{Batch, Place};
use crate::index::{Earlier, Indexed, Section};
use crate::normalize::Ignored;
use crate::rows::{Rows, Sealed};
use crate::{Census, Round, Stage};

mod config;
mod cut;
mod numbers;
mod round;
mod spans;
mod stage;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

pub use config::{DedupSentences, DedupSpans};
pub use spans::Unit;

use round::{Copies, Sighting, SpanRound};
use spans::{Buffers, Spans};
use stage::{CutSpans, Leavings};

/// Each sentence is hashed this often: more would be another way to look for whole documents.
const MAX_SENTENCES: usize = 100;

/// All that a configuration comes to.
struct Settings {
    spans: Spans,
    copies: Copies,
    leavings: Leavings,
    ignore: Vec<Ignored>,
    against: Vec<String>,
}

impl Settings {
    /// Returns the census, whose keys are cut into `n_ranges` ranges.
    ///
    /// # Errors
    /// When values make no sense; all of them are named.
    fn build(self, n_ranges: u32) -> Result<SpanCensus> {
        let section = self.section();
        let Settings { spans, copies, leavings, against, .. } = self;
        let mut mistakes = Vec::new();
        for (key, value) in [
            ("min_span_chars", spans.min_chars),
            ("min_han_span_chars", spans.min_han_chars),
            ("min_documents", copies.min_documents),
            ("number of key ranges", u64::from(n_ranges)),
        ] {
            if value == 0 {
                mistakes.push(format!("`{key}` is 0, but must be at least 1"));
            }
        }
        if copies.max_copies == 0 && copies.min_documents < 2 {
            let message =
                "`max_copies` is 0, which cuts every copy: `min_documents` must be at least 2";
            mistakes.push(message.to_owned());
        }
        if let Unit::Sentences(n) = spans.unit
            && !(1..=MAX_SENTENCES).contains(&n)
        {
            mistakes.push(format!("`n_sentences` is {n}, but must be from 1 to {MAX_SENTENCES}"));
        }
        if !mistakes.is_empty() {
            bail!("{}", mistakes.join("\n"));
        }
        let earlier = Earlier::open(&against, &section)?;
        let round = SpanRound { spans: spans.clone(), copies, n_ranges, earlier };
        Ok(SpanCensus { rounds: [Box::new(round)], spans, leavings })
    }

    /// Says what decides which spans are equal.
    fn section(&self) -> Section {
        let Spans { unit, min_chars, min_han_chars, .. } = self.spans;
        let n_sentences = match unit {
            Unit::Sentences(n) => Some(n),
            Unit::Lines | Unit::Paragraphs => None,
        };
        let settings = serde_json::json!({
            "n_sentences": n_sentences,
            "ignore": self.ignore,
            "min_span_chars": min_chars,
            "min_han_span_chars": min_han_chars,
        });
        Section { stage: unit.stage().to_owned(), settings }
    }

    fn indexed(self) -> IndexedSpans {
        IndexedSpans { section: self.section(), spans: self.spans }
    }
}

/// The spans of an earlier dataset.
struct IndexedSpans {
    section: Section,
    spans: Spans,
}

impl Indexed for IndexedSpans {
    fn section(&self) -> Section {
        self.section.clone()
    }

    fn emit(&self, batch: &Batch, places: &[Place], rows: &mut Rows, _: &mut Rows) {
        let mut buffers = Buffers::default();
        for (row, place) in places.iter().enumerate() {
            let sighting = Sighting::Earlier(*place).to_bytes();
            let text = batch.texts().value(row);
            self.spans.each(text, &mut buffers, |_, key| rows.emit(&key.0, &sighting));
        }
    }
}

struct SpanCensus {
    rounds: [Box<dyn Round>; 1],
    spans: Spans,
    leavings: Leavings,
}

impl Census for SpanCensus {
    fn name(&self) -> &str {
        self.spans.unit.stage()
    }

    fn rounds(&self) -> &[Box<dyn Round>] {
        &self.rounds
    }

    fn open(&self, sealed: Sealed) -> Result<Box<dyn Stage>> {
        Ok(Box::new(CutSpans::open(self.spans.clone(), self.leavings, &sealed)))
    }
}
