//! Rules that FineWeb adds to Gopher's and C4's.
//!
//! Removes: a document when any limit below is broken; the first broken one is reported.
//! Units: lines are what stands between newlines, blank ones left out; lengths in characters (Unicode scalar values);
//!   words and marks as the stage's `words` cuts them. All ratios of a text without lines are 0, so that
//!   `min_ended_line_ratio` removes it.
//! Chinese: limits have the values of FineWeb-2 for `cmn_Hani`; the check of short lines is off, as in FineWeb-2,
//!   because 30 characters are a whole Chinese sentence.
//! Source: Penedo et al. 2024, arXiv:2406.17557, section 3.5; order and definitions of datatrove 0.10,
//!   `fineweb_quality_filter.py`.
//! Differs: from datatrove in the cutting of words unless `words = "datatrove"`; a text without lines has no reason
//!   of its own (`empty` there).
//! Cost: one pass over the lines; words are shared with other rules.

use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};

use crate::document::Parts;
use crate::punctuation::is_sentence_end;
use crate::verdict::ratio;
use crate::{ConfigError, Document, Filter, Judge, Limit};

/// Settings of the rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fineweb {
    /// Tells two instances of the rule apart.
    pub name: Option<String>,
    /// Share of lines whose last character ends a sentence; FineWeb: 0.12; FineWeb-2 for Chinese: 0.106.
    pub min_ended_line_ratio: Limit<f64>,
    /// Lets documents pass in which no line at all ends a sentence.
    pub allow_no_ended_line: bool,
    /// Share of lines of at most `short_line_chars`; FineWeb: 0.67; off for Chinese.
    pub max_short_line_ratio: Limit<f64>,
    /// How long a short line may be; FineWeb: 30.
    pub short_line_chars: u64,
    /// Share of characters in lines that stood before; FineWeb: 0.01; FineWeb-2: 0.1.
    pub max_duplicate_line_char_ratio: Limit<f64>,
    /// Newlines for each word or mark; FineWeb: 0.3; FineWeb-2 for Chinese: 0.178.
    pub max_newlines_per_word: Limit<f64>,
}

impl Default for Fineweb {
    fn default() -> Self {
        Fineweb {
            name: None,
            min_ended_line_ratio: Limit::with_zh(0.12, 0.106),
            allow_no_ended_line: false,
            max_short_line_ratio: Limit::but_zh(0.67),
            short_line_chars: 30,
            max_duplicate_line_char_ratio: Limit::with_zh(0.01, 0.1),
            max_newlines_per_word: Limit::with_zh(0.3, 0.178),
        }
    }
}

impl Fineweb {
    pub(crate) fn build(&self) -> Result<Box<dyn Filter>, ConfigError> {
        self.min_ended_line_ratio.check_ratio("min_ended_line_ratio")?;
        self.max_short_line_ratio.check_ratio("max_short_line_ratio")?;
        self.max_duplicate_line_char_ratio.check_ratio("max_duplicate_line_char_ratio")?;
        self.max_newlines_per_word.check_amount("max_newlines_per_word")?;
        let name = self.name.clone().unwrap_or_else(|| "fineweb".to_owned());
        Ok(Box::new(Rule { name, config: self.clone() }))
    }
}

struct Rule {
    name: String,
    config: Fineweb,
}

impl Filter for Rule {
    fn name(&self) -> &str {
        &self.name
    }

    fn judge(&self, doc: &mut Document<'_>, judge: &mut Judge) -> ControlFlow<()> {
        let config = &self.config;
        let language = doc.tag();
        let Parts { text, segments, lines, repeats } = doc.parts();
        let solid = || lines.iter().filter(|line| !line.text(text).trim().is_empty());

        let (mut total, mut ended, mut short) = (0, 0, 0);
        for line in solid() {
            let last = line.text(text).chars().next_back();
            total += 1;
            ended += u64::from(last.is_some_and(is_sentence_end));
            short += u64::from(u64::from(line.chars) <= config.short_line_chars);
        }
        if !(config.allow_no_ended_line && ended == 0 && total > 0) {
            let limit = config.min_ended_line_ratio.of(language);
            judge.at_least("min_ended_line_ratio", ratio(ended, total), limit)?;
        }
        let limit = config.max_short_line_ratio.of(language);
        judge.at_most("max_short_line_ratio", ratio(short, total), limit)?;

        let found = repeats.duplicates(lines.len(), solid().map(|line| (line.hash, line.chars)));
        let chars = lines.iter().map(|line| u64::from(line.chars)).sum();
        let limit = config.max_duplicate_line_char_ratio.of(language);
        judge.at_most(
            "max_duplicate_line_char_ratio",
            ratio(found.repeated_chars, chars),
            limit,
        )?;

        let newlines = lines.len() as u64 - 1;
        let limit = config.max_newlines_per_word.of(language);
        judge.at_most("max_newlines_per_word", ratio(newlines, segments.len() as u64), limit)
    }
}
