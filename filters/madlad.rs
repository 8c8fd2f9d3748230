//! Rules of MADLAD-400 over sentences.
//!
//! Removes: a document with fewer than `min_sentences`, or one in which more than `max_questionable_ratio` of the sentences
//!   are questionable by one of `rules`: written like a list (`list_case`), too short or too long (`length`), technical
//!   (`technical`), or with a string that noise has (`cursed`).
//! Units: a sentence ends behind `.`, `!` or `?` before a blank, or behind `。`, `！`, `？` and the full stops of other
//!   scripts; blank ones do not count. Lengths and shares are of characters (Unicode scalar values), words as
//!   `Document::words` cuts them. The share of a text without sentences is 0.
//! Chinese: its full stops need no blank behind them. A sentence has from 6 to 150 characters, because Chinese says the
//!   same in about three tenths of the characters. There is no upper case, so that `list_case` never applies.
//! Source: Kudugunta et al. 2023, arXiv:2309.04662, section 2.3; numbers and order of datamap-rs (commit f771794),
//!   `madlad400_sentence_annotator`. OLMo 3 uses `rules = ["list_case", "cursed"]`.
//! Differs: from datamap-rs, whose lengths are in bytes and whose sentences end in `.`, `!` and `?` alone, so that all of
//!   Chinese is too short; a share equal to the limit is kept, as in its annotator but not in its filter; all strings of
//!   `cursed` are patterns, where it takes 28 of 32 literally, escapes included, and sentences keep their marks, so that
//!   ` nr\.$` can match; the language of single sentences is not compared with the document's.
//! Cost: two passes over the text; words are shared with other rules.

use std::ops::ControlFlow;

use regex::Regex;
use serde::{Deserialize, Serialize};

use crate::document::Parts;
use crate::punctuation::is_sentence_end;
use crate::segment::Segment;
use crate::verdict::ratio;
use crate::{ConfigError, Document, Filter, Judge, Limit, Tag};

/// Settings of the rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Madlad {
    /// Tells two instances of the rule apart.
    pub name: Option<String>,
    /// Sentences; MADLAD-400: 5.
    pub min_sentences: Limit<u64>,
    /// Share of questionable sentences; MADLAD-400: 0.2.
    pub max_questionable_ratio: Limit<f64>,
    /// What makes a sentence questionable: `list_case`, `length`, `technical`, `cursed`.
    pub rules: Vec<String>,
    /// Words from which a sentence may be a list; MADLAD-400: 12.
    pub min_list_words: Limit<u64>,
    /// Share of the words of such a sentence that begin in upper case; MADLAD-400: 0.5.
    pub max_capitalized_ratio: Limit<f64>,
    /// Length of a sentence; MADLAD-400: 20; 6 for Chinese.
    pub min_sentence_chars: Limit<u64>,
    /// Length of a sentence; MADLAD-400: 500; 150 for Chinese.
    pub max_sentence_chars: Limit<u64>,
    /// Share of digits and `{}+/()>` in a sentence; MADLAD-400: 0.2.
    pub max_technical_ratio: Limit<f64>,
    /// Patterns of what noise has, besides MADLAD's.
    pub cursed_patterns: Vec<String>,
}

const RULES: [&str; 4] = ["list_case", "length", "technical", "cursed"];

impl Default for Madlad {
    fn default() -> Self {
        Madlad {
            name: None,
            min_sentences: Limit::all(5),
            max_questionable_ratio: Limit::all(0.2),
            rules: RULES.map(str::to_owned).into(),
            min_list_words: Limit::all(12),
            max_capitalized_ratio: Limit::all(0.5),
            min_sentence_chars: Limit::with_zh(20, 6),
            max_sentence_chars: Limit::with_zh(500, 150),
            max_technical_ratio: Limit::all(0.2),
            cursed_patterns: Vec::new(),
        }
    }
}

impl Madlad {
    pub(crate) fn build(&self) -> Result<Box<dyn Filter>, ConfigError> {
        self.max_questionable_ratio.check_ratio("max_questionable_ratio")?;
        self.max_capitalized_ratio.check_ratio("max_capitalized_ratio")?;
        self.max_technical_ratio.check_ratio("max_technical_ratio")?;
        crate::limit::check_order(
            ("min_sentence_chars", &self.min_sentence_chars),
            ("max_sentence_chars", &self.max_sentence_chars),
        )?;
        if let Some(rule) = self.rules.iter().find(|rule| !RULES.contains(&rule.as_str())) {
            let (value, known) = (rule.clone(), RULES.join(", "));
            return Err(ConfigError::Unknown { key: "rules", value, known });
        }
        let unreadable = |pattern: &str, error: regex::Error| ConfigError::Unreadable {
            key: "cursed_patterns",
            source: format!("`{pattern}`: {error}").into(),
        };
        let embedded = include_str!("madlad/cursed.txt").lines();
        let mut all = Vec::new();
        for pattern in embedded.chain(self.cursed_patterns.iter().map(String::as_str)) {
            Regex::new(pattern).map_err(|error| unreadable(pattern, error))?;
            all.push(format!("(?:{pattern})"));
        }
        let all = all.join("|");
        let cursed = Regex::new(&all).map_err(|error| unreadable(&all, error))?;
        let has = |rule: &str| self.rules.iter().any(|known| known == rule);
        Ok(Box::new(Rule {
            name: self.name.clone().unwrap_or_else(|| "madlad".to_owned()),
            list_case: has("list_case"),
            length: has("length"),
            technical: has("technical"),
            cursed: has("cursed").then_some(cursed),
            config: self.clone(),
        }))
    }
}

struct Rule {
    name: String,
    config: Madlad,
    list_case: bool,
    length: bool,
    technical: bool,
    cursed: Option<Regex>,
}

impl Filter for Rule {
    fn name(&self) -> &str {
        &self.name
    }

    fn judge(&self, doc: &mut Document<'_>, judge: &mut Judge) -> ControlFlow<()> {
        let config = &self.config;
        let language = doc.tag();
        let Parts { text, mut segments, .. } = doc.parts();
        let (mut n_sentences, mut questionable) = (0, 0);
        let mut end = 0;
        for sentence in sentences(text) {
            end += sentence.len();
            let n_segments = segments.partition_point(|segment| (segment.start as usize) < end);
            let (of_sentence, rest) = segments.split_at(n_segments);
            segments = rest;
            let sentence_text = sentence.trim();
            if sentence_text.is_empty() {
                continue;
            }
            n_sentences += 1;
            let is_bad = self.is_questionable(sentence_text, text, of_sentence, language);
            questionable += u64::from(is_bad);
        }
        judge.at_least("min_sentences", n_sentences as f64, config.min_sentences.of(language))?;
        let limit = config.max_questionable_ratio.of(language);
        judge.at_most("max_questionable_ratio", ratio(questionable, n_sentences), limit)
    }
}

impl Rule {
    fn is_questionable(
        &self,
        sentence: &str,
        text: &str,
        segments: &[Segment],
        language: Tag,
    ) -> bool {
        let config = &self.config;
        let (mut chars, mut technical) = (0, 0);
        for char in sentence.chars() {
            chars += 1;
            let is_sign = matches!(char, '0'..='9' | '{' | '}' | '+' | '/' | '(' | ')' | '>');
            technical += u64::from(is_sign);
        }
        let n_chars = chars as f64;
        let min_chars = config.min_sentence_chars.of(language).unwrap_or(0.0);
        let max_chars = config.max_sentence_chars.of(language).unwrap_or(f64::INFINITY);
        let max_technical = config.max_technical_ratio.of(language).unwrap_or(1.0);
        self.length && !(min_chars..=max_chars).contains(&n_chars)
            || self.technical && ratio(technical, chars) > max_technical
            || self.list_case && self.is_list(text, segments, language)
            || self.cursed.as_ref().is_some_and(|cursed| cursed.is_match(sentence))
    }

    fn is_list(&self, text: &str, segments: &[Segment], language: Tag) -> bool {
        let (mut words, mut capitalized) = (0, 0);
        for word in segments.iter().filter(|segment| segment.is_word()) {
            words += 1;
            let first = word.text(text).chars().next();
            capitalized += u64::from(first.is_some_and(char::is_uppercase));
        }
        let min_words = self.config.min_list_words.of(language).unwrap_or(0.0);
        let limit = self.config.max_capitalized_ratio.of(language).unwrap_or(1.0);
        words as f64 >= min_words && ratio(capitalized, words) > limit
    }
}

/// Cuts a text into sentences, without loss: marks and the closing quotes behind them belong to the sentence they end.
fn sentences(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (sentence, after) = rest.split_at(find_end(rest));
        rest = after;
        Some(sentence)
    })
}

fn find_end(text: &str) -> usize {
    let mut chars = text.char_indices().peekable();
    while let Some((_, char)) = chars.next() {
        if !is_sentence_end(char) {
            continue;
        }
        let mut needs_blank = char.is_ascii();
        while let Some((_, next)) = chars.next_if(|&(_, next)| is_closing(next)) {
            needs_blank &= next.is_ascii() || !is_sentence_end(next);
        }
        match chars.peek() {
            Some((at, next)) if !needs_blank || next.is_whitespace() => return *at,
            _ => {}
        }
    }
    text.len()
}

/// Returns whether a mark behind the end of a sentence belongs to it, as `”`, `)` and a second `！` do.
fn is_closing(char: char) -> bool {
    is_sentence_end(char)
        || matches!(char, '"' | '\'' | ')' | ']' | '’' | '”' | '」' | '』' | '）' | '】' | '》')
        || char == '…'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_end_at_marks_of_both_widths_and_nothing_is_lost() {
        let cut = |text| sentences(text).collect::<Vec<_>>();
        assert_eq!(cut("One. Two!? 3.14 at a.b"), ["One.", " Two!?", " 3.14 at a.b"]);
        assert_eq!(cut("来了。“好！”他说……走吧？！"), ["来了。", "“好！”", "他说……走吧？！"]);
        assert_eq!(cut("He said \"No.\" Then"), ["He said \"No.\"", " Then"]);
        assert_eq!(cut(""), [""; 0]);
        assert_eq!(cut(". . "), [".", " .", " "]);
    }

    #[test]
    fn a_rule_or_a_pattern_that_does_not_exist_is_refused() {
        let config = Madlad { rules: vec!["case".to_owned()], ..Madlad::default() };
        let error = config.build().err().unwrap().to_string();
        assert!(error.starts_with("`rules` has no `case`; there are list_case"), "{error}");
        let config = Madlad { cursed_patterns: vec!["(".to_owned()], ..Madlad::default() };
        assert_eq!(config.build().err().unwrap().to_string(), "`cursed_patterns`");
    }
}
