//! Repetition rules of Gopher.
//!
//! Removes: a document when any limit below is broken; the first broken one is reported.
//! Units: lines are split at runs of newlines, paragraphs at two or more; a duplicate is every occurrence after the
//!   first. n-grams are of words and marks as the stage's `words` cuts them (a mark is a word, as in datatrove), joined by
//!   a space when a top n-gram is measured and by nothing when a duplicate is. Ratios are shares of the characters of
//!   the whole text, blanks included; those of an empty text are 0.
//! Chinese: words come from a dictionary; limits of lines and n-grams have the values of FineWeb-2 for `cmn_Hani`.
//! Source: Rae et al. 2021, arXiv:2112.11446, table A1; order and definitions of datatrove 0.10,
//!   `gopher_repetition_filter.py`.
//! Differs: from datatrove in the cutting of words unless `words = "datatrove"`; there `ab` + `c` and `a` + `bc`
//!   are the same duplicate n-gram, here they are not; an empty text is no error.
//! Cost: one pass over the words that bounds what n-grams can repeat. Where a bound does not hold, or every value is wanted,
//!   one table look-up for each word, and one for each n-gram whose parts both repeat.

use std::ops::ControlFlow;

use memchr::memmem;
use serde::{Deserialize, Serialize};

use crate::document::Parts;
use crate::segment;
use crate::verdict::ratio;
use crate::{ConfigError, Document, Duplicates, Filter, Judge, Limit};

/// Settings of the rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GopherRepetition {
    /// Tells two instances of the rule apart.
    pub name: Option<String>,
    /// Share of paragraphs that stood before; Gopher: 0.30.
    pub max_duplicate_paragraph_ratio: Limit<f64>,
    /// Share of characters in such paragraphs; Gopher: 0.20.
    pub max_duplicate_paragraph_char_ratio: Limit<f64>,
    /// Share of lines that stood before; Gopher: 0.30; FineWeb-2 for Chinese: 0.287.
    pub max_duplicate_line_ratio: Limit<f64>,
    /// Share of characters in such lines; Gopher: 0.20.
    pub max_duplicate_line_char_ratio: Limit<f64>,
    /// Share of characters in the 2-gram that occurs most often; Gopher: 0.20; FineWeb-2 for Chinese: 0.256.
    pub max_top_2gram_char_ratio: Limit<f64>,
    /// Share of characters in the 3-gram that occurs most often; Gopher: 0.18; FineWeb-2 for Chinese: 0.201.
    pub max_top_3gram_char_ratio: Limit<f64>,
    /// Share of characters in the 4-gram that occurs most often; Gopher: 0.16; FineWeb-2 for Chinese: 0.171.
    pub max_top_4gram_char_ratio: Limit<f64>,
    /// Share of characters in 5-grams that stood before; Gopher: 0.15; FineWeb-2 for Chinese: 0.198.
    pub max_duplicate_5gram_char_ratio: Limit<f64>,
    /// Share of characters in 6-grams that stood before; Gopher: 0.14; FineWeb-2 for Chinese: 0.182.
    pub max_duplicate_6gram_char_ratio: Limit<f64>,
    /// Share of characters in 7-grams that stood before; Gopher: 0.13; FineWeb-2 for Chinese: 0.167.
    pub max_duplicate_7gram_char_ratio: Limit<f64>,
    /// Share of characters in 8-grams that stood before; Gopher: 0.12; FineWeb-2 for Chinese: 0.154.
    pub max_duplicate_8gram_char_ratio: Limit<f64>,
    /// Share of characters in 9-grams that stood before; Gopher: 0.11; FineWeb-2 for Chinese: 0.14.
    pub max_duplicate_9gram_char_ratio: Limit<f64>,
    /// Share of characters in 10-grams that stood before; Gopher: 0.10; FineWeb-2 for Chinese: 0.127.
    pub max_duplicate_10gram_char_ratio: Limit<f64>,
}

impl Default for GopherRepetition {
    fn default() -> Self {
        GopherRepetition {
            name: None,
            max_duplicate_paragraph_ratio: Limit::all(0.30),
            max_duplicate_paragraph_char_ratio: Limit::all(0.20),
            max_duplicate_line_ratio: Limit::with_zh(0.30, 0.287),
            max_duplicate_line_char_ratio: Limit::all(0.20),
            max_top_2gram_char_ratio: Limit::with_zh(0.20, 0.256),
            max_top_3gram_char_ratio: Limit::with_zh(0.18, 0.201),
            max_top_4gram_char_ratio: Limit::with_zh(0.16, 0.171),
            max_duplicate_5gram_char_ratio: Limit::with_zh(0.15, 0.198),
            max_duplicate_6gram_char_ratio: Limit::with_zh(0.14, 0.182),
            max_duplicate_7gram_char_ratio: Limit::with_zh(0.13, 0.167),
            max_duplicate_8gram_char_ratio: Limit::with_zh(0.12, 0.154),
            max_duplicate_9gram_char_ratio: Limit::with_zh(0.11, 0.14),
            max_duplicate_10gram_char_ratio: Limit::with_zh(0.10, 0.127),
        }
    }
}

/// Characters from which a text is counted without being bounded before.
const MAX_BOUNDED: u64 = 1 << 30;

/// How n-grams are weighed.
#[derive(Clone, Copy)]
enum Measure {
    Top,
    Duplicate,
}

impl GopherRepetition {
    /// Returns key, n, measure and limit of each check of n-grams, in the order of n.
    #[rustfmt::skip]
    fn ngram_checks(&self) -> [(&'static str, usize, Measure, &Limit<f64>); 9] {
        [
            ("max_top_2gram_char_ratio", 2, Measure::Top, &self.max_top_2gram_char_ratio),
            ("max_top_3gram_char_ratio", 3, Measure::Top, &self.max_top_3gram_char_ratio),
            ("max_top_4gram_char_ratio", 4, Measure::Top, &self.max_top_4gram_char_ratio),
            ("max_duplicate_5gram_char_ratio", 5, Measure::Duplicate, &self.max_duplicate_5gram_char_ratio),
            ("max_duplicate_6gram_char_ratio", 6, Measure::Duplicate, &self.max_duplicate_6gram_char_ratio),
            ("max_duplicate_7gram_char_ratio", 7, Measure::Duplicate, &self.max_duplicate_7gram_char_ratio),
            ("max_duplicate_8gram_char_ratio", 8, Measure::Duplicate, &self.max_duplicate_8gram_char_ratio),
            ("max_duplicate_9gram_char_ratio", 9, Measure::Duplicate, &self.max_duplicate_9gram_char_ratio),
            ("max_duplicate_10gram_char_ratio", 10, Measure::Duplicate, &self.max_duplicate_10gram_char_ratio),
        ]
    }

    pub(crate) fn build(&self) -> Result<Box<dyn Filter>, ConfigError> {
        self.max_duplicate_paragraph_ratio.check_ratio("max_duplicate_paragraph_ratio")?;
        self.max_duplicate_paragraph_char_ratio
            .check_ratio("max_duplicate_paragraph_char_ratio")?;
        self.max_duplicate_line_ratio.check_ratio("max_duplicate_line_ratio")?;
        self.max_duplicate_line_char_ratio.check_ratio("max_duplicate_line_char_ratio")?;
        for (key, _, _, limit) in self.ngram_checks() {
            limit.check_ratio(key)?;
        }
        let name = self.name.clone().unwrap_or_else(|| "gopher_repetition".to_owned());
        Ok(Box::new(Rule { name, limits: self.clone() }))
    }
}

struct Rule {
    name: String,
    limits: GopherRepetition,
}

impl Filter for Rule {
    fn name(&self) -> &str {
        &self.name
    }

    fn judge(&self, doc: &mut Document<'_>, judge: &mut Judge) -> ControlFlow<()> {
        let limits = &self.limits;
        let language = doc.tag();
        let mut parts = doc.parts();
        let newlines = parts.lines.len() as u64 - 1;
        let chars = parts.lines.iter().map(|line| u64::from(line.chars)).sum::<u64>() + newlines;

        let found = duplicate_paragraphs(&mut parts);
        let (share, char_share) = shares(found, chars);
        judge.at_most(
            "max_duplicate_paragraph_ratio",
            share,
            limits.max_duplicate_paragraph_ratio.of(language),
        )?;
        judge.at_most(
            "max_duplicate_paragraph_char_ratio",
            char_share,
            limits.max_duplicate_paragraph_char_ratio.of(language),
        )?;

        let found = duplicate_lines(&mut parts);
        let (share, char_share) = shares(found, chars);
        judge.at_most(
            "max_duplicate_line_ratio",
            share,
            limits.max_duplicate_line_ratio.of(language),
        )?;
        judge.at_most(
            "max_duplicate_line_char_ratio",
            char_share,
            limits.max_duplicate_line_char_ratio.of(language),
        )?;

        let Parts { segments, repeats, .. } = parts;
        let chars_of = |words: std::ops::Range<usize>| -> u64 {
            segments[words].iter().map(|word| u64::from(word.chars)).sum()
        };
        if !judge.is_measuring() && chars < MAX_BOUNDED {
            let bounds = repeats.bounds(segments.iter().map(|word| (word.hash, word.chars)));
            let holds = |(_, n, measure, limit): (_, usize, Measure, &Limit<f64>)| {
                let bound = match measure {
                    Measure::Top => bounds.top(n),
                    Measure::Duplicate => bounds.repeated(n),
                };
                limit.of(language).is_none_or(|limit| ratio(bound, chars) <= limit)
            };
            if limits.ngram_checks().into_iter().all(holds) {
                return ControlFlow::Continue(());
            }
        }
        repeats.start(segments.iter().map(|word| word.hash));
        for (key, n, measure, limit) in limits.ngram_checks() {
            repeats.lengthen();
            let repeated = match measure {
                Measure::Top => repeats.top().map_or(0, |top| {
                    let spaces = n as u64 - 1;
                    (chars_of(top.first..top.first + n) + spaces) * top.count
                }),
                Measure::Duplicate => repeats.repeated_chars(chars_of),
            };
            judge.at_most(key, ratio(repeated, chars), limit.of(language))?;
        }
        ControlFlow::Continue(())
    }
}

fn shares(found: Duplicates, chars: u64) -> (f64, f64) {
    (ratio(found.repeated, found.total), ratio(found.repeated_chars, chars))
}

fn duplicate_paragraphs(parts: &mut Parts<'_>) -> Duplicates {
    let text = parts.text.trim();
    // Most texts have no second paragraph, and none of theirs can repeat.
    if memmem::find(text.as_bytes(), b"\n\n").is_none() {
        return Duplicates::default();
    }
    // Of more than two newlines, `split` leaves empty paragraphs and one newline at the head of the next.
    let paragraphs = text
        .split("\n\n")
        .map(|paragraph| paragraph.trim_start_matches('\n'))
        .filter(|paragraph| !paragraph.is_empty())
        .map(|paragraph| (segment::hash(paragraph.as_bytes()), paragraph.chars().count() as u32));
    parts.repeats.duplicates(parts.lines.len(), paragraphs)
}

fn duplicate_lines(parts: &mut Parts<'_>) -> Duplicates {
    // Splitting at runs of newlines leaves an empty line only before the first and behind the last.
    let last = parts.lines.len() - 1;
    let lines = parts.lines.iter().enumerate();
    let kept = lines.filter(|(at, line)| line.chars > 0 || *at == 0 || *at == last);
    let hashes = kept.map(|(_, line)| (line.hash, line.chars));
    parts.repeats.duplicates(parts.lines.len(), hashes)
}
