//! Shares of lines by how they begin, end and look.
//!
//! Removes: a document when any limit below is broken; the first broken one is reported.
//! Units: lines are what stands between newlines, trimmed; blank ones are left out. Lengths are in characters
//!   (Unicode scalar values). A line is ended if its last character ends a sentence in any script or is a quotation
//!   mark; an ellipsis may stand in brackets. A line is upper-case or numeric if more than half of its letters, or of
//!   its characters without blanks, are. Ratios of a text without lines are 0, so that `min_ended_line_ratio` removes
//!   it.
//! Chinese: `。？！”」』` end a line; `min_ended_line_ratio` has the value of FineWeb-2 for `cmn_Hani`; `……` is an
//!   ellipsis and `阅读全文` a mark of a cut text as `read more` is.
//! Source: NeMo Curator, `string.py` (0.85 unended, 0.3 ellipses, 0.9 bullets); RedPajama-Data v2 and NeMo for the
//!   characters that are bullets; RefinedWeb (Penedo et al. 2023, arXiv:2306.01116, appendix G.2) for upper-case and
//!   numeric lines, which it cuts and this rule counts.
//! Differs: from NeMo Curator in knowing the marks of all scripts, in `-`, `*`, `■`, `▶` and others as bullets, and
//!   in asking for a blank behind `-`, `*` and `–`, which begin dialogue and emphasis as well.
//! Cost: one look at both ends of each line; characters within lines are read only for upper-case and numeric lines.

use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};

use crate::punctuation::is_sentence_end;
use crate::verdict::ratio;
use crate::{ConfigError, Document, Filter, Judge, Limit};

/// Settings of the rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Lines {
    /// Tells two instances of the rule apart.
    pub name: Option<String>,
    /// Lines that end a sentence; NeMo: 0.15; FineWeb-2 for Chinese: 0.106.
    pub min_ended_line_ratio: Limit<f64>,
    /// Lines that end in `...`, `…` or a mark such as `read more`; NeMo: 0.3.
    pub max_ellipsis_line_ratio: Limit<f64>,
    /// Lines that begin with a bullet; NeMo: 0.9.
    pub max_bullet_line_ratio: Limit<f64>,
    /// Lines of at most `short_line_chars`; off.
    pub max_short_line_ratio: Limit<f64>,
    /// How long a short line may be.
    pub short_line_chars: Limit<u64>,
    /// Lines most of whose letters are upper-case; off.
    pub max_uppercase_line_ratio: Limit<f64>,
    /// Lines most of whose characters are digits; off.
    pub max_numeric_line_ratio: Limit<f64>,
}

impl Default for Lines {
    fn default() -> Self {
        Lines {
            name: None,
            min_ended_line_ratio: Limit::with_zh(0.15, 0.106),
            max_ellipsis_line_ratio: Limit::all(0.3),
            max_bullet_line_ratio: Limit::all(0.9),
            max_short_line_ratio: Limit::off(),
            short_line_chars: Limit::with_zh(30, 10),
            max_uppercase_line_ratio: Limit::off(),
            max_numeric_line_ratio: Limit::off(),
        }
    }
}

impl Lines {
    pub(crate) fn build(&self) -> Result<Box<dyn Filter>, ConfigError> {
        self.min_ended_line_ratio.check_ratio("min_ended_line_ratio")?;
        self.max_ellipsis_line_ratio.check_ratio("max_ellipsis_line_ratio")?;
        self.max_bullet_line_ratio.check_ratio("max_bullet_line_ratio")?;
        self.max_short_line_ratio.check_ratio("max_short_line_ratio")?;
        self.max_uppercase_line_ratio.check_ratio("max_uppercase_line_ratio")?;
        self.max_numeric_line_ratio.check_ratio("max_numeric_line_ratio")?;
        let name = self.name.clone().unwrap_or_else(|| "lines".to_owned());
        Ok(Box::new(Rule { name, config: self.clone() }))
    }
}

struct Rule {
    name: String,
    config: Lines,
}

impl Filter for Rule {
    fn name(&self) -> &str {
        &self.name
    }

    fn judge(&self, doc: &mut Document<'_>, judge: &mut Judge) -> ControlFlow<()> {
        let config = &self.config;
        let language = doc.tag();
        let uppercase = config.max_uppercase_line_ratio.of(language);
        let numeric = config.max_numeric_line_ratio.of(language);
        let looks_inside = uppercase.is_some() || numeric.is_some() || judge.is_measuring();
        let short_chars = config.short_line_chars.of(language).unwrap_or(0.0);
        let mut found = Found::default();
        for line in doc.text().split('\n') {
            let line = line.trim();
            if line.is_empty() {
                continue;
            }
            found.total += 1;
            found.ended += u64::from(is_ended(line));
            found.ellipses += u64::from(ends_in_ellipsis(line));
            found.bullets += u64::from(begins_with_bullet(line));
            // A character has four bytes at most, so that most lines need no count.
            let is_short = line.len() as f64 <= 4.0 * short_chars
                && line.chars().count() as f64 <= short_chars;
            found.short += u64::from(is_short);
            if looks_inside {
                let inside = Inside::of(line);
                found.uppercase += u64::from(2 * inside.uppercase > inside.letters);
                found.numeric += u64::from(2 * inside.digits > inside.solid);
            }
        }
        let share = |part| ratio(part, found.total);
        let of = |limit: &Limit<f64>| limit.of(language);
        judge.at_least(
            "min_ended_line_ratio",
            share(found.ended),
            of(&config.min_ended_line_ratio),
        )?;
        judge.at_most(
            "max_ellipsis_line_ratio",
            share(found.ellipses),
            of(&config.max_ellipsis_line_ratio),
        )?;
        judge.at_most(
            "max_bullet_line_ratio",
            share(found.bullets),
            of(&config.max_bullet_line_ratio),
        )?;
        judge.at_most(
            "max_short_line_ratio",
            share(found.short),
            of(&config.max_short_line_ratio),
        )?;
        judge.at_most("max_uppercase_line_ratio", share(found.uppercase), uppercase)?;
        judge.at_most("max_numeric_line_ratio", share(found.numeric), numeric)
    }
}

/// How many lines are of each kind.
#[derive(Default)]
struct Found {
    total: u64,
    ended: u64,
    ellipses: u64,
    bullets: u64,
    short: u64,
    uppercase: u64,
    numeric: u64,
}

/// What the characters of a line are.
#[derive(Default)]
struct Inside {
    letters: u64,
    uppercase: u64,
    digits: u64,
    solid: u64,
}

impl Inside {
    fn of(line: &str) -> Inside {
        let mut inside = Inside::default();
        for char in line.chars() {
            inside.letters += u64::from(char.is_alphabetic());
            inside.uppercase += u64::from(char.is_uppercase());
            inside.digits += u64::from(char.is_numeric());
            inside.solid += u64::from(!char.is_whitespace());
        }
        inside
    }
}

fn is_ended(line: &str) -> bool {
    let is_quote = |char| matches!(char, '"' | '\'' | '”' | '’' | '»' | '」' | '』');
    line.chars().next_back().is_some_and(|last| is_sentence_end(last) || is_quote(last))
}

/// What stands at the end of a text that goes on elsewhere.
const CUT_MARKS: [&str; 7] =
    ["read more", "read more..", "阅读全文", "阅读更多", "查看更多", "展开全文", "閱讀全文"];

fn ends_in_ellipsis(line: &str) -> bool {
    let bare = line.trim_end_matches([']', ')', '】', '）']);
    let ends_with = |mark: &str| {
        let at = line.len().checked_sub(mark.len());
        at.and_then(|at| line.get(at..)).is_some_and(|end| end.eq_ignore_ascii_case(mark))
    };
    bare.ends_with("...") || bare.ends_with('…') || CUT_MARKS.iter().any(|mark| ends_with(mark))
}

fn begins_with_bullet(line: &str) -> bool {
    let mut chars = line.chars();
    match chars.next() {
        Some('-' | '*' | '–' | '+') => chars.next().is_none_or(char::is_whitespace),
        Some(first) => matches!(
            first,
            '•' | '‣'
                | '⁃'
                | '⁌'
                | '⁍'
                | '∙'
                | '○'
                | '●'
                | '◘'
                | '◦'
                | '⦾'
                | '⦿'
                | '▶'
                | '◀'
                | '►'
                | '■'
                | '□'
                | '▪'
                | '▫'
                | '◆'
                | '◇'
                | '★'
                | '☆'
                | '➢'
                | '➤'
                | '✓'
                | '✔'
                | '·'
                | '・'
        ),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_of_a_line_are_read() {
        assert!(["Yes.", "“是的。”", "نعم؟", "\"No\"", "好！"].into_iter().all(is_ended));
        assert!(!["Home", "首页", "Menu:", "and so…"].into_iter().any(is_ended));
        assert!(
            ["so...", "[…]", "等等……", "Click here to READ MORE"].into_iter().all(ends_in_ellipsis)
        );
        assert!(!["", "so.", "(a)", "多"].into_iter().any(ends_in_ellipsis));
        assert!(["• a", "- a", "*", "■图", "‣x"].into_iter().all(begins_with_bullet));
        assert!(!["-5", "**bold**", "a", ""].into_iter().any(begins_with_bullet));
    }
}
