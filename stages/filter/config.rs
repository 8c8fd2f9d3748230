//! What a pipeline file says of a filter stage besides its rules.

use std::sync::Arc;

use anyhow::{Result, bail, ensure};
use filters::{Tag, Words};
use serde::{Deserialize, Serialize};

use super::FilterStage;
use super::annotations::Annotations;
use super::quantiles::QuantileFilter;
use crate::pipeline::Built;

/// `[[stage]] filter = […]`, and the keys that may stand beside it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilterConfig {
    /// What becomes of a document that breaks a limit.
    #[serde(default)]
    pub mode: Mode,
    /// How words are cut, for all rules of the stage.
    #[serde(default)]
    pub words: Words,
    /// Only documents that this fits are judged; all others pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Condition>,
    /// Documents that this fits pass without being judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unless: Option<Condition>,
    /// The rules, in the order in which they judge.
    #[serde(rename = "filter")]
    pub rules: Vec<filters::Config>,
}

/// What becomes of a document that breaks a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// It is removed, by the first limit that it breaks; edits are made.
    #[default]
    Remove,
    /// It stays as it is. What each check measured becomes a column, `gopher_quality.min_words`; null where a check
    /// measured nothing. A column `broken` lists the checks that would have removed it.
    Annotate,
}

/// Which documents a stage is for: all keys that are given must fit.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Condition {
    /// The language is one of these: `zh` fits `zh-Hant`, not the other way about.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_more")]
    pub language: Vec<String>,
    /// The column `source` holds one of these.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_more")]
    pub source: Vec<String>,
}

impl FilterConfig {
    /// Returns the columns in which the stage writes what its checks measure: none unless it annotates.
    pub fn check_columns(&self) -> Vec<String> {
        let mut annotations = Annotations::default();
        for rule in self.rules.iter().filter(|_| self.mode == Mode::Annotate) {
            annotations.push(&rule_name(rule), rule);
        }
        annotations.columns().map(str::to_owned).collect()
    }

    /// Makes the stage; a census where a limit is a quantile.
    ///
    /// # Errors
    /// The first rule that refuses its configuration; a condition that makes no sense.
    pub fn build(&self, n_ranges: u32) -> Result<Built> {
        Ok(match QuantileFilter::build(self, n_ranges)? {
            Some(census) => Built::Census(Arc::new(census)),
            None => Built::Stage(Arc::new(FilterStage::build(self)?)),
        })
    }
}

/// Returns the name under which a rule's removals are counted: its `name`, or that of its kind.
pub fn rule_name(rule: &filters::Config) -> String {
    // Every rule has a key `name`; written out, it can be asked for without asking which rule it is.
    let written = serde_json::to_value(rule).unwrap_or_default();
    let name = written.get(rule.name()).and_then(|settings| settings.get("name")?.as_str());
    name.unwrap_or(rule.name()).to_owned()
}

/// A condition that is ready to be asked.
#[derive(Debug)]
pub(super) struct Test {
    languages: Vec<Tag>,
    sources: Vec<String>,
}

impl Condition {
    /// Reads the languages.
    ///
    /// # Errors
    /// When one is none, or nothing is asked for.
    pub(super) fn build(&self, key: &str) -> Result<Test> {
        ensure!(
            !self.language.is_empty() || !self.source.is_empty(),
            "`{key}` asks for nothing\nhint: write `{key} = {{ language = \"zh\" }}`"
        );
        let mut languages = Vec::new();
        for name in &self.language {
            match Tag::read(name) {
                Some(tag) => languages.push(tag),
                None => bail!("`{key}`: `language` has `{name}`, which is no tag such as `en`"),
            }
        }
        Ok(Test { languages, sources: self.source.clone() })
    }
}

impl Test {
    /// Says whether the condition fits a document.
    pub(super) fn fits(&self, language: Tag, source: Option<&str>) -> bool {
        let has_language = |tag: &Tag| *tag == language || *tag == language.primary();
        let has_source = |name: &String| source == Some(name);
        (self.languages.is_empty() || self.languages.iter().any(has_language))
            && (self.sources.is_empty() || self.sources.iter().any(has_source))
    }
}

/// Reads a string, or a list of them.
fn one_or_more<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a string or a list of strings")]
    enum Strings {
        One(String),
        More(Vec<String>),
    }
    Ok(match Strings::deserialize(deserializer)? {
        Strings::One(one) => vec![one],
        Strings::More(more) => more,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_fits_by_language_and_source() {
        let condition: Condition =
            serde_json::from_str(r#"{ "language": ["zh", "sr-Cyrl"], "source": "books" }"#)
                .unwrap();
        let test = condition.build("when").unwrap();
        let fits = |language, source| test.fits(Tag::read(language).unwrap_or_default(), source);
        assert!(fits("zh", Some("books")) && fits("zh-Hant", Some("books")));
        assert!(fits("sr_Cyrl", Some("books")) && !fits("sr", Some("books")));
        assert!(!fits("en", Some("books")) && !fits("", Some("books")));
        assert!(!fits("zh", Some("web")) && !fits("zh", None));
    }

    #[test]
    fn a_condition_that_says_nothing_is_refused() {
        assert!(Condition::default().build("when").is_err());
        let odd = Condition { language: vec!["english".to_owned()], ..Condition::default() };
        let error = odd.build("unless").unwrap_err().to_string();
        assert_eq!(error, "`unless`: `language` has `english`, which is no tag such as `en`");
    }
}
