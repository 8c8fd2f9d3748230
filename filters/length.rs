//! How long a text, its lines and its words are.
//!
//! Removes: a document when any limit below is broken; the first broken one is reported.
//! Units: characters are Unicode scalar values; bytes those of UTF-8; words what `segment::cut` gives and holds a
//!   letter or a digit; lines what stands between newlines, blank ones left out, except that their length is that of
//!   the line untrimmed; `max_word_chars` is about what stands between blanks. Means of nothing are 0.
//! Chinese: words come from a dictionary, the limits of their mean length are those of FineWeb-2 for `cmn_Hani`;
//!   `max_word_chars` is off, because a paragraph has no blanks.
//! Source: NeMo Curator, `string.py` (words 50 to 100,000, mean 3 to 10, longest word 1,000); Data-Juicer,
//!   `text_length`, `maximum_line_length`, `average_line_length`, which are off here.
//! Differs: from NeMo Curator in not counting marks as parts of words, and in an empty text, which is no error.
//! Cost: words and lines are shared with other rules; counting characters is one pass.

use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};

use crate::limit::check_order;
use crate::verdict::ratio;
use crate::{ConfigError, Document, Filter, Judge, Limit};

/// Settings of the rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Length {
    /// Tells two instances of the rule apart.
    pub name: Option<String>,
    /// Bytes of the text; off.
    pub min_bytes: Limit<u64>,
    /// Bytes of the text; off.
    pub max_bytes: Limit<u64>,
    /// Characters of the text; off.
    pub min_chars: Limit<u64>,
    /// Characters of the text; off.
    pub max_chars: Limit<u64>,
    /// Lines; off.
    pub min_lines: Limit<u64>,
    /// Lines; off.
    pub max_lines: Limit<u64>,
    /// Mean length of a line; off.
    pub min_mean_line_chars: Limit<f64>,
    /// Mean length of a line; off.
    pub max_mean_line_chars: Limit<f64>,
    /// Length of the longest line, at least; off.
    pub min_longest_line_chars: Limit<u64>,
    /// Length of the longest line, at most; off.
    pub max_line_chars: Limit<u64>,
    /// Length of the longest piece between blanks; NeMo: 1,000; off for Chinese.
    pub max_word_chars: Limit<u64>,
    /// Words; NeMo: 50.
    pub min_words: Limit<u64>,
    /// Words; NeMo: 100,000.
    pub max_words: Limit<u64>,
    /// Mean length of a word; NeMo: 3; FineWeb-2 for Chinese: 1.
    pub min_mean_word_chars: Limit<f64>,
    /// Mean length of a word; NeMo: 10; FineWeb-2 for Chinese: 5.
    pub max_mean_word_chars: Limit<f64>,
}

impl Default for Length {
    fn default() -> Self {
        Length {
            name: None,
            min_bytes: Limit::off(),
            max_bytes: Limit::off(),
            min_chars: Limit::off(),
            max_chars: Limit::off(),
            min_lines: Limit::off(),
            max_lines: Limit::off(),
            min_mean_line_chars: Limit::off(),
            max_mean_line_chars: Limit::off(),
            min_longest_line_chars: Limit::off(),
            max_line_chars: Limit::off(),
            max_word_chars: Limit::but_zh(1_000),
            min_words: Limit::all(50),
            max_words: Limit::all(100_000),
            min_mean_word_chars: Limit::with_zh(3.0, 1.0),
            max_mean_word_chars: Limit::with_zh(10.0, 5.0),
        }
    }
}

impl Length {
    pub(crate) fn build(&self) -> Result<Box<dyn Filter>, ConfigError> {
        check_order(("min_bytes", &self.min_bytes), ("max_bytes", &self.max_bytes))?;
        check_order(("min_chars", &self.min_chars), ("max_chars", &self.max_chars))?;
        check_order(("min_lines", &self.min_lines), ("max_lines", &self.max_lines))?;
        check_order(("min_words", &self.min_words), ("max_words", &self.max_words))?;
        let (min, max) = (&self.min_mean_line_chars, &self.max_mean_line_chars);
        min.check_amount("min_mean_line_chars")?;
        max.check_amount("max_mean_line_chars")?;
        check_order(("min_mean_line_chars", min), ("max_mean_line_chars", max))?;
        let (min, max) = (&self.min_longest_line_chars, &self.max_line_chars);
        check_order(("min_longest_line_chars", min), ("max_line_chars", max))?;
        let (min, max) = (&self.min_mean_word_chars, &self.max_mean_word_chars);
        min.check_amount("min_mean_word_chars")?;
        max.check_amount("max_mean_word_chars")?;
        check_order(("min_mean_word_chars", min), ("max_mean_word_chars", max))?;
        let name = self.name.clone().unwrap_or_else(|| "length".to_owned());
        Ok(Box::new(Rule { name, config: self.clone() }))
    }
}

struct Rule {
    name: String,
    config: Length,
}

impl Filter for Rule {
    fn name(&self) -> &str {
        &self.name
    }

    /// What costs least is measured first.
    fn judge(&self, doc: &mut Document<'_>, judge: &mut Judge) -> ControlFlow<()> {
        let (config, language) = (&self.config, doc.tag());
        let n_bytes = doc.text().len() as f64;
        judge.at_least("min_bytes", n_bytes, config.min_bytes.of(language))?;
        judge.at_most("max_bytes", n_bytes, config.max_bytes.of(language))?;
        let n_chars = doc.text().chars().count() as f64;
        judge.at_least("min_chars", n_chars, config.min_chars.of(language))?;
        judge.at_most("max_chars", n_chars, config.max_chars.of(language))?;

        let text = doc.text();
        let (mut n_lines, mut in_lines, mut longest) = (0, 0, 0);
        for line in text.split('\n').filter(|line| !line.trim().is_empty()) {
            let chars = line.chars().count() as u64;
            n_lines += 1;
            in_lines += chars;
            longest = chars.max(longest);
        }
        judge.at_least("min_lines", n_lines as f64, config.min_lines.of(language))?;
        judge.at_most("max_lines", n_lines as f64, config.max_lines.of(language))?;
        let mean = ratio(in_lines, n_lines);
        judge.at_least("min_mean_line_chars", mean, config.min_mean_line_chars.of(language))?;
        judge.at_most("max_mean_line_chars", mean, config.max_mean_line_chars.of(language))?;
        let longest = longest as f64;
        judge.at_least(
            "min_longest_line_chars",
            longest,
            config.min_longest_line_chars.of(language),
        )?;
        judge.at_most("max_line_chars", longest, config.max_line_chars.of(language))?;

        let limit = config.max_word_chars.of(language);
        if limit.is_some() || judge.is_measuring() {
            let longest = text.split_whitespace().map(|word| word.chars().count()).max();
            judge.at_most("max_word_chars", longest.unwrap_or(0) as f64, limit)?;
        }
        let (mut n_words, mut in_words) = (0, 0);
        for word in doc.segments().iter().filter(|segment| segment.is_word()) {
            n_words += 1;
            in_words += u64::from(word.chars);
        }
        judge.at_least("min_words", n_words as f64, config.min_words.of(language))?;
        judge.at_most("max_words", n_words as f64, config.max_words.of(language))?;
        let mean = ratio(in_words, n_words);
        judge.at_least("min_mean_word_chars", mean, config.min_mean_word_chars.of(language))?;
        judge.at_most("max_mean_word_chars", mean, config.max_mean_word_chars.of(language))
    }
}
