//! Repeated passages inside documents: of equal parts of text the first stays, the others are cut out.
//!
//! A *window* is `min_repeat_words` words in a row (or `min_repeat_chars` characters), with all that stands between them. A
//! character of a document is cut if a window that covers it stood earlier in the corpus: in an earlier document, or further up
//! in the same one, where the two do not overlap. So a passage is cut to its very edges, however long it is, and each byte
//! that is cut has a like one earlier, in like surroundings, that stays. The result follows from the texts and their order alone.
//!
//! Units: words as cut by `dedup_minhash`, case kept (one Han character is a word): a cut then begins and ends with a whole word.
//! With `min_repeat_chars` it may begin inside one. Lengths are never in bytes, and no cut parts a character or separates it
//! from its combining marks. White space and marks around a cut stay.
//! Chinese: a Han character is a word, so the default of 50 is a sentence or two in any language.
//! Removes: a document from which something was cut, and in which fewer than `min_kept_chars` characters other than white space are left.
//! Records: the column `dedup_substring.ranges`, byte offsets in the text that entered the stage (`cut`); what was cut can be had from it
//! and the input. `action = "annotate"` only records.
//! Runs: of a line of 200 dashes the first `min_repeat_chars` stay, as the others repeat them; 80 dashes repeat no window of 50.
//! A second run finds only windows that lie across a cut, or repeat one that does: nothing within a part that stayed.
//! Source: ExactSubstr, Lee et al. 2022, arXiv:2107.06499, section 4.1, with 50 tokens; found by winnowing
//! (`anchors`, `candidates`) and exact comparison (`verify`) instead of a suffix array.
//! Differs: the paper's program holds the corpus and its suffix array on one machine (more than 600 GB of memory for the 300 GB of
//! C4, says its README) and cuts bytes, also inside a UTF-8 character. datatrove, which drives it, takes token ids as 16 bits and
//! offsets as 32, removes *every* copy by replacing its text wherever it stands in the document, and loses all documents of a
//! task without a repeat.
//! Cost: three passes over the text, and a row of 57 bytes for each quarter of a window. Contested stretches, at the edges of
//! repeats, take about five times their text, and 44 bytes a window while their range is sorted.

use anyhow::{Result, bail};
use arrow::datatypes::SchemaRef;
use serde::{Deserialize, Serialize};

use crate::rows::Sealed;
use crate::{Census, Round, Stage};

mod anchors;
mod candidates;
mod cut;
mod notes;
mod ranges;
mod units;
mod verify;

#[cfg(test)]
mod tests;

use anchors::Winnow;
use candidates::CandidateRound;
use cut::CutRepeats;
use units::Measure;
use verify::VerifyRound;

const NAME: &str = "dedup_substring";

/// The longest repeat that can be asked for, in units: each contested window is hashed whole.
const MAX_LENGTH: usize = 10_000;

/// A row of round 1 on disk.
const CANDIDATE_BYTES: f64 = 57.0;

/// The shortest: shorter windows are words and phrases, and have an anchor almost everywhere.
const MIN_LENGTH: usize = 4;

/// `dedup_substring = {}`: cuts passages that stood earlier in the corpus.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "Written")]
pub struct DedupSubstring {
    /// The shortest repeat that is cut, in words. Default 50 if no length is given, as the 50 tokens of Lee et al.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_repeat_words: Option<usize>,
    /// The shortest repeat that is cut, in characters, instead of words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_repeat_chars: Option<usize>,
    /// Characters other than white space that must be left of a document from which something was cut. Default 1.
    pub min_kept_chars: usize,
    /// What becomes of repeats.
    pub action: Action,
}

/// What becomes of repeats.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// They are cut out, and their ranges recorded.
    #[default]
    Cut,
    /// Their ranges are recorded, and no text is changed.
    Annotate,
}

/// The keys as a pipeline file has them.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Written {
    min_repeat_words: Option<usize>,
    min_repeat_chars: Option<usize>,
    min_kept_chars: usize,
    action: Action,
}

impl Default for Written {
    fn default() -> Written {
        Written {
            min_repeat_words: None,
            min_repeat_chars: None,
            min_kept_chars: 1,
            action: Action::Cut,
        }
    }
}

impl From<Written> for DedupSubstring {
    fn from(written: Written) -> DedupSubstring {
        let Written { min_repeat_words, min_repeat_chars, min_kept_chars, action } = written;
        let words = min_repeat_words.or(min_repeat_chars.is_none().then_some(50));
        DedupSubstring { min_repeat_words: words, min_repeat_chars, min_kept_chars, action }
    }
}

impl Default for DedupSubstring {
    fn default() -> DedupSubstring {
        Written::default().into()
    }
}

impl DedupSubstring {
    /// Returns the census, whose keys are cut into `n_ranges` ranges.
    ///
    /// # Errors
    /// When values make no sense; all of them are named.
    pub fn build(&self, n_ranges: u32) -> Result<impl Census + use<>> {
        let mut mistakes = Vec::new();
        if n_ranges == 0 {
            mistakes.push("at least one key range is needed".to_owned());
        }
        let lengths = [
            ("min_repeat_words", self.min_repeat_words),
            ("min_repeat_chars", self.min_repeat_chars),
        ];
        match lengths {
            [(words, Some(_)), (chars, Some(_))] => mistakes.push(format!(
                "`{words}` and `{chars}` cannot both be given\n\
                 hint: write two stages, one behind the other, if both are wanted"
            )),
            [(words, None), (chars, None)] => {
                mistakes.push(format!("`{words}` or `{chars}` must be given"));
            }
            _ => {}
        }
        for (key, length) in lengths {
            if let Some(length) = length.filter(|n| !(MIN_LENGTH..=MAX_LENGTH).contains(n)) {
                mistakes.push(format!(
                    "`{key}` is {length}, but must be from {MIN_LENGTH} to {MAX_LENGTH}"
                ));
            }
        }
        if !mistakes.is_empty() {
            bail!("{}", mistakes.join("\n"));
        }
        let winnow = self.winnow();
        Ok(SubstringCensus {
            rounds: [
                Box::new(CandidateRound { winnow: winnow.clone(), n_ranges }),
                Box::new(VerifyRound { winnow, n_ranges }),
            ],
            action: self.action,
            min_kept_chars: self.min_kept_chars,
        })
    }

    /// Returns the memory that the rows of one document of `text_bytes` take at most, in bytes.
    pub fn scan_bytes(&self, text_bytes: u64) -> u64 {
        self.winnow().row_bytes(text_bytes)
    }

    /// Returns about how many bytes the rows of both rounds take on disk, if a tenth of the text is contested.
    pub fn disk_bytes(&self, text_bytes: u64) -> u64 {
        let winnow = self.winnow();
        let bytes = winnow.measure.usual_bytes() * winnow.mean_distance();
        let candidates = text_bytes as f64 / bytes * CANDIDATE_BYTES;
        (candidates * 1.5) as u64 + winnow.row_bytes(text_bytes / 10)
    }

    fn winnow(&self) -> Winnow {
        match (self.min_repeat_chars, self.min_repeat_words) {
            (Some(length), _) => Winnow::new(Measure::Chars, length.max(1)),
            (None, length) => Winnow::new(Measure::Words, length.unwrap_or(50).max(1)),
        }
    }
}

struct SubstringCensus {
    rounds: [Box<dyn Round>; 2],
    action: Action,
    min_kept_chars: usize,
}

impl Census for SubstringCensus {
    fn name(&self) -> &str {
        NAME
    }

    fn rounds(&self) -> &[Box<dyn Round>] {
        &self.rounds
    }

    fn schema(&self, input: SchemaRef) -> Result<SchemaRef> {
        cut::schema(input)
    }

    fn open(&self, sealed: Sealed) -> Result<Box<dyn Stage>> {
        let decisions = sealed.decisions();
        let (action, min_kept_chars) = (self.action, self.min_kept_chars);
        Ok(Box::new(CutRepeats { decisions, action, min_kept_chars }))
    }
}
