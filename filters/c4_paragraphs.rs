//! Long paragraphs, as mC4 asks for them.
//!
//! Removes: a document with fewer than `min_paragraphs` long paragraphs. Menus, link lists and tables have none.
//! Units: a paragraph is what stands between two newlines, and long if it has `min_paragraph_chars` characters (Unicode
//!   scalar values) or more, blanks included. An empty text has none.
//! Chinese: a paragraph is long from 60 characters. 200 characters of English are some 33 words of six characters,
//!   blanks counted; as many words of Chinese have some 1.6 characters each, and marks between them.
//! Source: Xue et al. 2021, arXiv:2010.11934, section 3.1: at least three lines of 200 or more characters; definitions of
//!   datatrove 0.10, `C4ParagraphFilter`.
//! Differs: from datatrove in Chinese text; both numbers are keys.
//! Cost: lines are shared with other rules.

use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};

use crate::{ConfigError, Document, Filter, Judge, Limit};

/// Settings of the rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct C4Paragraphs {
    /// Tells two instances of the rule apart.
    pub name: Option<String>,
    /// Long paragraphs; mC4: 3.
    pub min_paragraphs: Limit<u64>,
    /// How long a long paragraph is; mC4: 200; 60 for Chinese.
    pub min_paragraph_chars: Limit<u64>,
}

impl Default for C4Paragraphs {
    fn default() -> Self {
        C4Paragraphs {
            name: None,
            min_paragraphs: Limit::all(3),
            min_paragraph_chars: Limit::with_zh(200, 60),
        }
    }
}

impl C4Paragraphs {
    pub(crate) fn build(&self) -> Result<Box<dyn Filter>, ConfigError> {
        let name = self.name.clone().unwrap_or_else(|| "c4_paragraphs".to_owned());
        Ok(Box::new(Rule { name, config: self.clone() }))
    }
}

struct Rule {
    name: String,
    config: C4Paragraphs,
}

impl Filter for Rule {
    fn name(&self) -> &str {
        &self.name
    }

    fn judge(&self, doc: &mut Document<'_>, judge: &mut Judge) -> ControlFlow<()> {
        let language = doc.tag();
        let min_chars = self.config.min_paragraph_chars.of(language).unwrap_or(0.0);
        let is_long = |chars: u32| chars > 0 && f64::from(chars) >= min_chars;
        let n_long = doc.lines().iter().filter(|line| is_long(line.chars)).count();
        judge.at_least("min_paragraphs", n_long as f64, self.config.min_paragraphs.of(language))
    }
}
