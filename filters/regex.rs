//! Patterns of your own: keep, remove, replace.
//!
//! Removes: first replaces what each pattern of `replace` matches, in order, which is an edit; then removes a document in
//!   which a pattern of `drop` matches, or, if there are any, none of `keep`. `found` is the pattern, never the text.
//! Units: matches that do not overlap, left to right. `.` matches any character but a newline, `\w`, `\b` and `(?i)` know
//!   Unicode, `(?m)` lets `^` and `$` match at lines. A replacement may name groups: `$1`, `${name}`; `$$` is a dollar.
//! Chinese: patterns match characters; `\b` sees no boundary between two Han characters, and `\p{Han}` is one of them.
//! Source: as RegexFilter of datatrove 0.10, and the regex mappers of other pipelines.
//! Differs: from datatrove in `keep` and `replace`, and in a bound on time: a pattern with look-around or back-references
//!   that needs more than `max_backtracks` steps in one search counts as not matching, and replaces nothing in that
//!   document. This may also happen in a harmless text of megabytes.
//! Cost: a pattern without look-around and back-references takes linear time, one pass over the text each; others are
//!   some hundred times slower, so put a cheaper rule before them.

use std::ops::ControlFlow;

use fancy_regex::{Regex as Pattern, RegexBuilder};
use serde::{Deserialize, Serialize};

use crate::{ConfigError, Document, Filter, Judge};

/// Settings of the rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Regex {
    /// Tells two instances of the rule apart.
    pub name: Option<String>,
    /// Patterns of which one must match.
    pub keep: Vec<String>,
    /// Patterns that must not match.
    pub drop: Vec<String>,
    /// Patterns and what stands in place of their matches, `{ pattern = "…", with = "…" }`.
    pub replace: Vec<Replace>,
    /// Steps back in one search of a pattern with look-around or back-references; 1,000,000.
    pub max_backtracks: u64,
}

/// What is replaced, and with what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replace {
    /// The pattern.
    pub pattern: String,
    /// What stands in place of each match; nothing if it is missing.
    #[serde(default)]
    pub with: String,
}

impl Default for Regex {
    fn default() -> Self {
        Regex {
            name: None,
            keep: Vec::new(),
            drop: Vec::new(),
            replace: Vec::new(),
            max_backtracks: 1_000_000,
        }
    }
}

impl Regex {
    pub(crate) fn build(&self) -> Result<Box<dyn Filter>, ConfigError> {
        if self.keep.is_empty() && self.drop.is_empty() && self.replace.is_empty() {
            return Err(ConfigError::Empty { key: "drop" });
        }
        let build_all = |key, patterns: &[String]| -> Result<Vec<Pattern>, ConfigError> {
            patterns.iter().map(|pattern| self.compile(key, pattern)).collect()
        };
        let mut replace = Vec::new();
        for Replace { pattern, with } in &self.replace {
            let pattern = self.compile("replace", pattern)?;
            replace.push((pattern, with.clone()));
        }
        Ok(Box::new(Rule {
            name: self.name.clone().unwrap_or_else(|| "regex".to_owned()),
            keep: build_all("keep", &self.keep)?,
            drop: build_all("drop", &self.drop)?,
            replace,
        }))
    }

    fn compile(&self, key: &'static str, pattern: &str) -> Result<Pattern, ConfigError> {
        let limit = usize::try_from(self.max_backtracks).unwrap_or(usize::MAX);
        RegexBuilder::new(pattern).backtrack_limit(limit).build().map_err(|error| {
            ConfigError::Unreadable { key, source: format!("`{pattern}`: {error}").into() }
        })
    }
}

struct Rule {
    name: String,
    keep: Vec<Pattern>,
    drop: Vec<Pattern>,
    replace: Vec<(Pattern, String)>,
}

impl Filter for Rule {
    fn name(&self) -> &str {
        &self.name
    }

    fn judge(&self, doc: &mut Document<'_>, judge: &mut Judge) -> ControlFlow<()> {
        for (pattern, with) in &self.replace {
            let mut out = doc.take_buffer();
            let edits = replace_all(pattern, with, doc.text(), &mut out);
            // A match that is replaced by itself is no edit.
            if edits > 0 && out != doc.text() {
                judge.count_edits(edits);
                doc.set_text(out);
            }
        }
        let matches = |pattern: &&Pattern| pattern.is_match(doc.text()).unwrap_or(false);
        match self.drop.iter().find(matches) {
            Some(pattern) => {
                judge.remove("drop", 1.0, 0.0, Some(pattern.as_str().to_owned()))?;
            }
            None if !self.drop.is_empty() => judge.at_most("drop", 0.0, Some(0.0))?,
            None => {}
        }
        if self.keep.is_empty() {
            return ControlFlow::Continue(());
        }
        let is_kept = self.keep.iter().any(|pattern| matches(&pattern));
        judge.at_least("keep", f64::from(u8::from(is_kept)), Some(1.0))
    }
}

/// Writes the text with its matches replaced into `out`, and returns their number: 0 if a search took too long.
fn replace_all(pattern: &Pattern, with: &str, text: &str, out: &mut String) -> u64 {
    let (mut edits, mut copied_to) = (0, 0);
    for captures in pattern.captures_iter(text) {
        let Ok(captures) = captures else { return 0 };
        let Some(whole) = captures.get(0) else { continue };
        let Some(between) = text.get(copied_to..whole.start()) else { return 0 };
        out.push_str(between);
        captures.expand(with, out);
        copied_to = whole.end();
        edits += 1;
    }
    out.push_str(text.get(copied_to..).unwrap_or_default());
    edits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scratch;

    fn with(replace: &[(&str, &str)]) -> Regex {
        let replace = replace
            .iter()
            .map(|&(pattern, with)| Replace { pattern: pattern.into(), with: with.into() });
        Regex { replace: replace.collect(), ..Regex::default() }
    }

    #[test]
    fn a_pattern_that_cannot_be_read_is_named_with_its_key() {
        let error = with(&[("a(", "")]).build().err().unwrap();
        assert_eq!(error.to_string(), "`replace`");
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(source.starts_with("`a(`: "), "{source}");
        let error = Regex::default().build().err().unwrap();
        assert_eq!(error.to_string(), "`drop` is empty");
    }

    #[test]
    fn a_pattern_that_takes_too_long_does_not_match() {
        let (mut scratch, mut judge) = (Scratch::default(), Judge::default());
        let text = format!("x {}", "a".repeat(40));
        let hard = r"(a+a+)+\1b";
        for (config, expected) in [
            (Regex { drop: vec![hard.into()], ..Regex::default() }, None),
            (Regex { keep: vec![hard.into()], ..Regex::default() }, Some("keep")),
            (with(&[(r"x(?=.)|(a+a+)+\1b", "y")]), None),
        ] {
            let mut doc = Document::new("1", &text, &mut scratch);
            let _ = config.build().unwrap().judge(&mut doc, &mut judge);
            assert!(!doc.edited());
            assert_eq!(judge.take().0.map(|removal| removal.check), expected);
        }
    }

    #[test]
    fn one_of_the_patterns_to_keep_is_enough() {
        let (mut scratch, mut judge) = (Scratch::default(), Judge::default());
        for (keep, expected) in [(["x", "上海"], None), (["x", "(?!上)海图"], Some("keep"))] {
            let config = Regex { keep: keep.map(str::to_owned).into(), ..Regex::default() };
            let mut doc = Document::new("1", "上海的图书馆", &mut scratch);
            let _ = config.build().unwrap().judge(&mut doc, &mut judge);
            assert_eq!(judge.take().0.map(|removal| removal.check), expected);
        }
    }

    #[test]
    fn each_match_is_an_edit_and_later_patterns_see_it() {
        let config = with(&[(r"\d+", "<$0>"), ("<", ""), ("q", "q")]);
        let (mut scratch, mut judge) = (Scratch::default(), Judge::default());
        let mut doc = Document::new("1", "1 and 22 q", &mut scratch);
        let _ = config.build().unwrap().judge(&mut doc, &mut judge);
        assert_eq!(doc.text(), "1> and 22> q");
        assert_eq!(judge.take().1, 4);
    }
}
