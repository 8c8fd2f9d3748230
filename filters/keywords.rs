//! Lists of words that must not, or hardly, occur.
//!
//! Removes: a document in which keywords occur more than `max_count` times, or make up more than `max_char_ratio` of
//!   it; `found` is the keyword that occurred first.
//! Units: occurrences, overlapping ones included; characters (Unicode scalar values) of the text, each counted once.
//!   Ratios of an empty text are 0.
//! Chinese: a keyword counts anywhere where it begins or ends with a character of a script that has no blanks between
//!   words (Han, kana, Thai, Lao, Khmer, Burmese); elsewhere it must begin and end where a word does.
//! Source: Raffel et al. 2020, section 2.2, and C4BadWordsFilter of datatrove, which removes at the first occurrence.
//! Differs: from datatrove in removing always, where that keeps a random share (`keep_fraction`), and in deciding by
//!   the script of the keyword whether it must be a whole word, where that decides by the language of the list.
//! Cost: one pass over the text for the whole list.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::path::PathBuf;

use aho_corasick::AhoCorasick;
use serde::{Deserialize, Serialize};

use crate::segment::is_han;
use crate::verdict::ratio;
use crate::{ConfigError, Document, Filter, Judge, Limit};

/// Settings of the rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Keywords {
    /// Tells two instances of the rule apart.
    pub name: Option<String>,
    /// The keywords.
    pub keywords: Vec<String>,
    /// A file with more of them, one a line; blank lines and those that begin with `#` are left out.
    pub file: Option<PathBuf>,
    /// Whether `Word` and `word` differ.
    pub case_sensitive: bool,
    /// Occurrences; 0.
    pub max_count: Limit<u64>,
    /// Share of characters in keywords; off.
    pub max_char_ratio: Limit<f64>,
}

impl Default for Keywords {
    fn default() -> Self {
        Keywords {
            name: None,
            keywords: Vec::new(),
            file: None,
            case_sensitive: false,
            max_count: Limit::all(0),
            max_char_ratio: Limit::off(),
        }
    }
}

impl Keywords {
    pub(crate) fn build(&self) -> Result<Box<dyn Filter>, ConfigError> {
        self.max_char_ratio.check_ratio("max_char_ratio")?;
        let mut seen = HashSet::new();
        let keywords: Vec<Keyword> = self
            .read()?
            .into_iter()
            .filter(|text| seen.insert(text.clone()))
            .map(Keyword::new)
            .collect();
        if keywords.is_empty() {
            return Err(ConfigError::Empty { key: "keywords" });
        }
        let finder = AhoCorasick::builder()
            .ascii_case_insensitive(!self.case_sensitive)
            .build(keywords.iter().map(|keyword| &keyword.text))
            .map_err(|error| ConfigError::Unreadable {
                key: "keywords",
                source: Box::new(error),
            })?;
        let folds_unicode = !self.case_sensitive
            && keywords.iter().any(|keyword| keyword.text.chars().any(has_unicode_case));
        let name = self.name.clone().unwrap_or_else(|| "keywords".to_owned());
        Ok(Box::new(Rule { name, config: self.clone(), keywords, finder, folds_unicode }))
    }

    /// Returns the keywords of both keys, in lower case unless case counts.
    fn read(&self) -> Result<Vec<String>, ConfigError> {
        let file = match &self.file {
            Some(path) => {
                std::fs::read_to_string(path).map_err(|error| ConfigError::Unreadable {
                    key: "file",
                    source: format!("{}: {error}", path.display()).into(),
                })?
            }
            None => String::new(),
        };
        let inline = self.keywords.iter().map(String::as_str);
        let words = inline.chain(file.lines().filter(|line| !line.starts_with('#')));
        let words = words.map(str::trim).filter(|word| !word.is_empty());
        Ok(words
            .map(|word| if self.case_sensitive { word.to_owned() } else { word.to_lowercase() })
            .collect())
    }
}

struct Keyword {
    text: String,
    /// Whether a word must begin where the keyword does.
    starts_word: bool,
    /// Whether a word must end where the keyword does.
    ends_word: bool,
}

impl Keyword {
    fn new(text: String) -> Keyword {
        let bounded = |char: Option<char>| char.is_some_and(has_blanks_between_words);
        let starts_word = bounded(text.chars().next());
        let ends_word = bounded(text.chars().next_back());
        Keyword { text, starts_word, ends_word }
    }

    fn is_whole(&self, text: &str, start: usize, end: usize) -> bool {
        let before = text.get(..start).and_then(|before| before.chars().next_back());
        let after = text.get(end..).and_then(|after| after.chars().next());
        let continues = |char: Option<char>| {
            char.is_some_and(|char| char.is_alphanumeric() && has_blanks_between_words(char))
        };
        let is_cut = self.starts_word && continues(before) || self.ends_word && continues(after);
        !is_cut
    }
}

/// Returns whether a character belongs to a script that separates words, as far as it is a letter at all.
fn has_blanks_between_words(char: char) -> bool {
    !is_han(char)
        && !matches!(char, '\u{E00}'..='\u{EFF}' | '\u{1000}'..='\u{109F}' | '\u{1780}'..='\u{17FF}'
            | '\u{3040}'..='\u{30FF}')
}

fn has_unicode_case(char: char) -> bool {
    !char.is_ascii() && (char.is_lowercase() || char.is_uppercase())
}

struct Rule {
    name: String,
    config: Keywords,
    keywords: Vec<Keyword>,
    finder: AhoCorasick,
    /// Whether a keyword has letters whose case the finder cannot ignore by itself.
    folds_unicode: bool,
}

impl Filter for Rule {
    fn name(&self) -> &str {
        &self.name
    }

    fn judge(&self, doc: &mut Document<'_>, judge: &mut Judge) -> ControlFlow<()> {
        let language = doc.tag();
        let max_count = self.config.max_count.of(language);
        let max_char_ratio = self.config.max_char_ratio.of(language);
        let lower;
        let text = if self.folds_unicode && !doc.text().is_ascii() {
            lower = doc.text().to_lowercase();
            &lower
        } else {
            doc.text()
        };
        let found = self.find(text);
        let first = found.first.map(|keyword| keyword.text.as_str());
        let keyword = || first.map(str::to_owned);
        let count = found.count as f64;
        match max_count {
            Some(limit) if count > limit => judge.remove("max_count", count, limit, keyword())?,
            limit => judge.at_most("max_count", count, limit)?,
        }
        match max_char_ratio {
            None => ControlFlow::Continue(()),
            Some(limit) => match share_in(text, found.spans) {
                share if share > limit => judge.remove("max_char_ratio", share, limit, keyword()),
                share => judge.at_most("max_char_ratio", share, Some(limit)),
            },
        }
    }
}

#[derive(Default)]
struct Found<'k> {
    count: u64,
    first: Option<&'k Keyword>,
    /// Where keywords stand, in the order of their ends.
    spans: Vec<(usize, usize)>,
}

impl Rule {
    fn find(&self, text: &str) -> Found<'_> {
        let mut found = Found::default();
        for hit in self.finder.find_overlapping_iter(text) {
            let keyword = &self.keywords[hit.pattern().as_usize()];
            if keyword.is_whole(text, hit.start(), hit.end()) {
                found.count += 1;
                found.first = found.first.or(Some(keyword));
                found.spans.push((hit.start(), hit.end()));
            }
        }
        found
    }
}

/// Returns the share of a text's characters that lie in any of the spans.
fn share_in(text: &str, mut spans: Vec<(usize, usize)>) -> f64 {
    spans.sort_unstable();
    let (mut chars, mut covered) = (0, 0);
    for (start, end) in spans {
        chars += text.get(start.max(covered)..end).unwrap_or_default().chars().count() as u64;
        covered = covered.max(end);
    }
    ratio(chars, text.chars().count() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Removal, Scratch};

    fn judge(config: &Keywords, text: &str) -> Option<Removal> {
        let (mut scratch, mut judge) = (Scratch::default(), Judge::default());
        let mut doc = Document::new("1", text, &mut scratch);
        let _ = config.build().unwrap().judge(&mut doc, &mut judge);
        judge.take().0
    }

    fn with(keywords: &[&str]) -> Keywords {
        let keywords = keywords.iter().map(|&word| word.to_owned()).collect();
        Keywords { keywords, ..Keywords::default() }
    }

    #[test]
    fn words_are_whole_where_the_script_has_blanks() {
        let config = with(&["ass", "casino online", "赌场"]);
        assert_eq!(judge(&config, "a class of assets"), None);
        assert_eq!(judge(&config, "an Ass.").unwrap().found.as_deref(), Some("ass"));
        assert!(judge(&config, "best CASINO online!").is_some());
        assert!(judge(&config, "澳门赌场大全").is_some());
        assert!(judge(&config, "澳门ass大全").is_some());
    }

    #[test]
    fn case_of_other_scripts_is_folded_too() {
        let config = with(&["größe"]);
        assert!(judge(&config, "Die GRÖßE zählt.").is_some());
        assert!(judge(&Keywords { case_sensitive: true, ..config }, "Die GRÖßE zählt.").is_none());
    }

    #[test]
    fn a_share_counts_each_character_once() {
        let config = Keywords {
            max_count: Limit::off(),
            max_char_ratio: Limit::all(0.5),
            ..with(&["赌场", "场大", "大全"])
        };
        let removal = judge(&config, "赌场大全好").unwrap();
        assert_eq!((removal.check, removal.value), ("max_char_ratio", 0.8));
    }

    #[test]
    fn an_empty_list_is_refused() {
        assert_eq!(with(&[" "]).build().err().unwrap().to_string(), "`keywords` is empty");
    }
}
