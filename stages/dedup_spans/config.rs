//! What a pipeline file says of the three stages.

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::Settings;
use super::round::Copies;
use super::spans::{Spans, Unit};
use super::stage::Leavings;
use crate::Census;
use crate::index::Indexed;
use crate::normalize::{Ignored, Normalizer};

/// `dedup_lines = {}`, `dedup_paragraphs = {}`: cuts lines, or paragraphs, that occurred before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DedupSpans {
    /// What does not tell two spans apart. Default all of it, as CCNet; `[]` compares bytes.
    pub ignore: Vec<Ignored>,
    /// Copies that stay, the first ones. Default 1, as CCNet. 0 cuts every copy.
    pub max_copies: u64,
    /// Documents that a span must occur in before any copy of it is cut. Default 1, as CCNet: a span may repeat in one
    /// document alone.
    pub min_documents: u64,
    /// Whether a repeat within one document is a copy. Default true, as CCNet. If not, copies are counted by document:
    /// all that a document has of a span stay or are cut.
    pub within_document: bool,
    /// Characters, after normalization, below which a span is never cut. Default 20, some three words of English; CCNet
    /// has no such limit.
    pub min_span_chars: u64,
    /// The same for spans that are Han or kana in more than half of their characters. Default 6, by the ratio that
    /// `c4_paragraphs` explains.
    pub min_han_span_chars: u64,
    /// Characters other than white space that a document must have left, if anything was cut from it. Default 1.
    pub min_chars: u64,
    /// Words that it must have left, cut as filters cut them. Default 0.
    pub min_words: u64,
    /// Indexes of earlier datasets, whose spans stand before those of the input.
    pub against: Vec<String>,
}

/// `dedup_sentences = {}`: cuts runs of sentences that occurred before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DedupSentences {
    /// Sentences of a span. Default 3, as C4 and datatrove. A document with fewer is never touched.
    pub n_sentences: usize,
    /// As in [`DedupSpans`].
    pub ignore: Vec<Ignored>,
    /// As in [`DedupSpans`].
    pub max_copies: u64,
    /// As in [`DedupSpans`].
    pub min_documents: u64,
    /// As in [`DedupSpans`].
    pub within_document: bool,
    /// As in [`DedupSpans`].
    pub min_span_chars: u64,
    /// As in [`DedupSpans`].
    pub min_han_span_chars: u64,
    /// As in [`DedupSpans`].
    pub min_chars: u64,
    /// As in [`DedupSpans`]. Default 0; datatrove: 50.
    pub min_words: u64,
    /// As in [`DedupSpans`].
    pub against: Vec<String>,
}

impl Default for DedupSpans {
    fn default() -> DedupSpans {
        use Ignored::{Case, Digits, Punctuation, WhiteSpace};
        DedupSpans {
            ignore: vec![Case, Digits, Punctuation, WhiteSpace],
            max_copies: 1,
            min_documents: 1,
            within_document: true,
            min_span_chars: 20,
            min_han_span_chars: 6,
            min_chars: 1,
            min_words: 0,
            against: Vec::new(),
        }
    }
}

impl Default for DedupSentences {
    fn default() -> DedupSentences {
        let DedupSpans {
            ignore,
            max_copies,
            min_documents,
            within_document,
            min_span_chars,
            min_han_span_chars,
            min_chars,
            min_words,
            against,
        } = DedupSpans::default();
        DedupSentences {
            n_sentences: 3,
            ignore,
            max_copies,
            min_documents,
            within_document,
            min_span_chars,
            min_han_span_chars,
            min_chars,
            min_words,
            against,
        }
    }
}

/// Bytes of a span in a buffer of rows and in the spill that takes it.
const SPAN_BYTES: u64 = 2 * 53;

impl DedupSpans {
    /// Returns the census over lines or paragraphs, whose keys are cut into `n_ranges` ranges.
    ///
    /// # Errors
    /// When values make no sense; all of them are named.
    pub fn build(&self, unit: Unit, n_ranges: u32) -> Result<impl Census + use<>> {
        self.settings(unit).build(n_ranges)
    }

    /// Returns what an index holds for this stage.
    pub fn indexed(&self, unit: Unit) -> impl Indexed + use<> {
        self.settings(unit).indexed()
    }

    /// Returns the memory that the rows of one document of `text_bytes` take at most.
    pub fn scan_bytes(&self, text_bytes: u64) -> u64 {
        let rows = if self.min_documents > 1 { 2 } else { 1 };
        let least_bytes =
            self.min_span_chars.min(self.min_han_span_chars.saturating_mul(3)).max(1) + 1;
        text_bytes / least_bytes * SPAN_BYTES * rows
    }

    fn settings(&self, unit: Unit) -> Settings {
        let normalizer = Normalizer::new(&self.ignore);
        let (min_chars, min_han_chars) = (self.min_span_chars, self.min_han_span_chars);
        let DedupSpans { max_copies, min_documents, within_document, .. } = *self;
        Settings {
            spans: Spans { unit, normalizer, min_chars, min_han_chars },
            copies: Copies { max_copies, min_documents, within_document },
            leavings: Leavings { min_chars: self.min_chars, min_words: self.min_words },
            ignore: self.ignore.clone(),
            against: self.against.clone(),
        }
    }
}

impl DedupSentences {
    /// Returns the census, whose keys are cut into `n_ranges` ranges.
    ///
    /// # Errors
    /// When values make no sense; all of them are named.
    pub fn build(&self, n_ranges: u32) -> Result<impl Census + use<>> {
        self.spans().settings(Unit::Sentences(self.n_sentences)).build(n_ranges)
    }

    /// Returns what an index holds for this stage.
    pub fn indexed(&self) -> impl Indexed + use<> {
        self.spans().settings(Unit::Sentences(self.n_sentences)).indexed()
    }

    /// Returns the memory that the rows of one document of `text_bytes` take at most.
    pub fn scan_bytes(&self, text_bytes: u64) -> u64 {
        self.spans().scan_bytes(text_bytes).saturating_mul(self.n_sentences as u64)
    }

    /// Returns all but the number of sentences.
    fn spans(&self) -> DedupSpans {
        DedupSpans {
            ignore: self.ignore.clone(),
            max_copies: self.max_copies,
            min_documents: self.min_documents,
            within_document: self.within_document,
            min_span_chars: self.min_span_chars,
            min_han_span_chars: self.min_han_span_chars,
            min_chars: self.min_chars,
            min_words: self.min_words,
            against: self.against.clone(),
        }
    }
}
