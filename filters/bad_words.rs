//! Obscene words, by lists of 28 languages.
//!
//! Removes: a document in which words of the list for its language occur more than `max_count` times, or more than
//!   `max_per_1000_words` times in a thousand words; `found` is the word that occurred first.
//! Units: occurrences that do not overlap; words as `Document::words` cuts them. A rate over no words is 0.
//! Chinese: words of the Chinese, Japanese and Thai lists count anywhere; those of all others only where no letter, digit
//!   or `_` stands beside them, on either side. The case of letters is ignored.
//! Source: Raffel et al. 2020, arXiv:1910.10683, section 2.2, and Xue et al. 2021, arXiv:2010.11934; the lists are LDNOOBW's
//!   (see filters/bad_words/NOTICE); definitions of datatrove 0.10, `C4BadWordsFilter`, which removes at the first word.
//! Differs: from datatrove in removing always, where that keeps a random share if told so (`keep_fraction`); in keeping a
//!   document whose language has no list (`keep_unlisted`), where that stops; in leaving more out of the Chinese and Japanese lists
//!   (`allow`), which have parts of everyday words; in looking for the words of Quebec along with the
//!   French ones.
//! Cost: one pass over the text for each list that applies; a list is made ready when a document first needs it.

mod lists;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::OnceLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind, BuildError};
use serde::{Deserialize, Serialize};

use crate::verdict::ratio;
use crate::{ConfigError, Document, Filter, Judge, Limit, Tag};
use lists::{ALIASES, ALLOWED, LISTS, QUEBEC};

/// Settings of the rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BadWords {
    /// Tells two instances of the rule apart.
    pub name: Option<String>,
    /// Occurrences; C4: 0.
    pub max_count: Limit<u64>,
    /// Occurrences for each thousand words; off.
    pub max_per_1000_words: Limit<f64>,
    /// The languages whose lists are used; all if there are none here.
    pub languages: Vec<String>,
    /// Languages whose lists are used for documents of every language, besides their own.
    pub always: Vec<String>,
    /// A file with more words for a language, one a line; blank lines and those that begin with `#` are left out.
    pub files: BTreeMap<String, PathBuf>,
    /// Words that are left out of the list of a language.
    pub allow: BTreeMap<String, Vec<String>>,
    /// Keeps documents in a language without a list.
    pub keep_unlisted: bool,
}

impl Default for BadWords {
    fn default() -> Self {
        let allow = |(language, words): (&str, &[&str])| {
            (language.to_owned(), words.iter().map(|&word| word.to_owned()).collect())
        };
        BadWords {
            name: None,
            max_count: Limit::all(0),
            max_per_1000_words: Limit::off(),
            languages: Vec::new(),
            always: Vec::new(),
            files: BTreeMap::new(),
            allow: ALLOWED.map(allow).into(),
            keep_unlisted: true,
        }
    }
}

impl BadWords {
    pub(crate) fn build(&self) -> Result<Box<dyn Filter>, ConfigError> {
        self.max_per_1000_words.check_amount("max_per_1000_words")?;
        let mut words: BTreeMap<Tag, BTreeSet<String>> = BTreeMap::new();
        for (language, list) in LISTS {
            words.entry(tag_of("languages", language)?).or_default().extend(words_of(list));
        }
        for (language, path) in &self.files {
            let tag = tag_of("files", language)?;
            let text = std::fs::read_to_string(path).map_err(|error| unreadable(path, error))?;
            words.entry(tag).or_default().extend(words_of(&text));
        }
        for (language, allowed) in &self.allow {
            let listed = words.entry(tag_of("allow", language)?).or_default();
            let allowed: BTreeSet<String> = allowed.iter().map(|word| fold(word)).collect();
            listed.retain(|word| !allowed.contains(word));
        }
        let all: BTreeSet<Tag> = words.keys().copied().collect();
        let wanted = tags_of("languages", &self.languages, &all)?;
        let always = tags_of("always", &self.always, &all)?;
        words.retain(|tag, _| wanted.is_empty() || wanted.contains(tag) || always.contains(tag));
        let mut lists = BTreeMap::new();
        for (tag, words) in words {
            lists.insert(tag, List::new(tag, words));
        }
        // Only what a user's file brings can be too much for an automaton, and must be refused here.
        for (language, path) in &self.files {
            if let Some(list) = lists.get(&tag_of("files", language)?) {
                list.try_finder().map_err(|error| unreadable(path, error))?;
            }
        }
        let quebec = List::new(Tag::UNKNOWN, words_of(QUEBEC).collect());
        let name = self.name.clone().unwrap_or_else(|| "bad_words".to_owned());
        let wants_all = wanted.is_empty();
        let config = self.clone();
        let wanted = if wants_all { all } else { wanted };
        Ok(Box::new(Rule { name, config, lists, wanted, always, quebec }))
    }
}

fn unreadable(path: &std::path::Path, error: impl std::fmt::Display) -> ConfigError {
    let source = format!("{}: {error}", path.display()).into();
    ConfigError::Unreadable { key: "files", source }
}

/// Reads the name of a language, and gives it that of the list.
fn tag_of(key: &'static str, language: &str) -> Result<Tag, ConfigError> {
    Tag::read(language).map(listed_as).ok_or_else(|| ConfigError::Unknown {
        key,
        value: language.to_owned(),
        known: "languages such as `en` and `zh`".to_owned(),
    })
}

fn tags_of(
    key: &'static str,
    languages: &[String],
    all: &BTreeSet<Tag>,
) -> Result<BTreeSet<Tag>, ConfigError> {
    let mut tags = BTreeSet::new();
    for language in languages {
        let tag = tag_of(key, language)?;
        if !all.contains(&tag) {
            let known: Vec<&str> = all.iter().map(Tag::as_str).collect();
            let (value, known) = (language.clone(), known.join(", "));
            return Err(ConfigError::Unknown { key, value, known });
        }
        tags.insert(tag);
    }
    Ok(tags)
}

/// Returns the language whose list serves for a document's.
fn listed_as(language: Tag) -> Tag {
    let primary = language.primary();
    let alias = ALIASES.iter().find(|(name, _)| *name == primary.as_str());
    alias.and_then(|(_, list)| Tag::read(list)).unwrap_or(primary)
}

fn words_of(list: &str) -> impl Iterator<Item = String> + '_ {
    let lines = list.lines().map(str::trim);
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(fold)
}

fn fold(text: &str) -> String {
    text.to_lowercase()
}

/// The words of one language, and what finds them in a text.
struct List {
    words: Vec<String>,
    /// Whether a word counts inside a longer one.
    anywhere: bool,
    /// Whether a word has letters whose case the finder cannot ignore by itself.
    folds_unicode: bool,
    finder: OnceLock<AhoCorasick>,
}

/// How often words of a list occur, and which comes first.
#[derive(Default)]
struct Found<'l> {
    count: u64,
    first: Option<&'l str>,
}

impl List {
    fn new(language: Tag, words: BTreeSet<String>) -> List {
        let anywhere = matches!(language.as_str(), "ja" | "th" | "zh");
        let has_case = |char: char| !char.is_ascii() && char.is_lowercase();
        let folds_unicode = words.iter().any(|word| word.chars().any(has_case));
        let words = words.into_iter().collect();
        List { words, anywhere, folds_unicode, finder: OnceLock::new() }
    }

    fn try_finder(&self) -> Result<&AhoCorasick, BuildError> {
        if let Some(finder) = self.finder.get() {
            return Ok(finder);
        }
        let mut builder = AhoCorasick::builder();
        // Lists are short and texts are long: the fastest automaton is worth its memory.
        let kind = (self.words.len() < 5_000).then_some(AhoCorasickKind::DFA);
        let finder = builder.ascii_case_insensitive(true).kind(kind).build(&self.words)?;
        Ok(self.finder.get_or_init(|| finder))
    }

    /// Adds what the list finds in a text; stops after `enough` occurrences.
    fn find<'l>(&'l self, text: &str, enough: u64, found: &mut Found<'l>) {
        let Ok(finder) = self.try_finder() else { return };
        let has_case = |char: char| !char.is_ascii() && char.is_uppercase();
        let lower;
        let text = if self.folds_unicode && text.chars().any(has_case) {
            lower = fold(text);
            &lower
        } else {
            text
        };
        let mut counted_to = 0;
        for hit in finder.find_overlapping_iter(text) {
            let is_free = hit.start() >= counted_to;
            if is_free && (self.anywhere || stands_alone(text, hit.start(), hit.end())) {
                counted_to = hit.end();
                found.count += 1;
                let word = &self.words[hit.pattern().as_usize()];
                found.first.get_or_insert(word);
                if found.count >= enough {
                    return;
                }
            }
        }
    }
}

fn stands_alone(text: &str, start: usize, end: usize) -> bool {
    let before = text.get(..start).and_then(|before| before.chars().next_back());
    let after = text.get(end..).and_then(|after| after.chars().next());
    let is_edge = |char: Option<char>| !char.is_some_and(|c| c.is_alphanumeric() || c == '_');
    is_edge(before) && is_edge(after)
}

struct Rule {
    name: String,
    config: BadWords,
    lists: BTreeMap<Tag, List>,
    /// Languages whose list serves for their own documents.
    wanted: BTreeSet<Tag>,
    always: BTreeSet<Tag>,
    quebec: List,
}

impl Filter for Rule {
    fn name(&self) -> &str {
        &self.name
    }

    fn judge(&self, doc: &mut Document<'_>, judge: &mut Judge) -> ControlFlow<()> {
        let tag = doc.tag();
        let max_count = self.config.max_count.of(tag);
        let max_rate = self.config.max_per_1000_words.of(tag);
        // A text in an unknown language that is not mostly Han is taken for English, as in other rules.
        let language = listed_as(if tag == Tag::UNKNOWN { Tag::EN } else { tag });
        let own = self.lists.get(&language).filter(|_| self.wanted.contains(&language));
        if own.is_none() && !self.config.keep_unlisted {
            judge.remove("keep_unlisted", 0.0, 1.0, Some(language.as_str().to_owned()))?;
        }
        let is_quebec = own.is_some()
            && doc.language().is_some_and(|name| {
                name.get(..5)
                    .is_some_and(|start| start.replace('_', "-").eq_ignore_ascii_case("fr-CA"))
            });
        let always = self.always.iter().filter(|tag| own.is_none() || **tag != language);
        let always = always.filter_map(|tag| self.lists.get(tag));
        let enough = match (max_count, max_rate) {
            (Some(limit), _) if !judge.is_measuring() => limit as u64 + 1,
            _ => u64::MAX,
        };
        let mut found = Found::default();
        for list in own.into_iter().chain(is_quebec.then_some(&self.quebec)).chain(always) {
            list.find(doc.text(), enough, &mut found);
        }
        let count = found.count as f64;
        let word = || found.first.map(str::to_owned);
        match max_count {
            Some(limit) if count > limit => judge.remove("max_count", count, limit, word())?,
            limit => judge.at_most("max_count", count, limit)?,
        }
        if max_rate.is_none() && !judge.is_measuring() {
            return ControlFlow::Continue(());
        }
        let rate = ratio(1_000 * found.count, doc.words().count() as u64);
        match max_rate {
            Some(limit) if rate > limit => judge.remove("max_per_1000_words", rate, limit, word()),
            limit => judge.at_most("max_per_1000_words", rate, limit),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Removal, Scratch};

    fn judge(config: &BadWords, language: Option<&str>, text: &str) -> Option<Removal> {
        judge_by(&*config.build().unwrap(), language, text)
    }

    fn judge_by(rule: &dyn Filter, language: Option<&str>, text: &str) -> Option<Removal> {
        let (mut scratch, mut judge) = (Scratch::default(), Judge::default());
        let mut doc = Document::new("1", text, &mut scratch);
        doc.set_language(language);
        let _ = rule.judge(&mut doc, &mut judge);
        judge.take().0
    }

    #[test]
    fn every_embedded_list_finds_each_of_its_words_alone() {
        let config = BadWords { allow: BTreeMap::new(), ..BadWords::default() };
        let rule = config.build().unwrap();
        for (language, list) in LISTS {
            assert!(list.lines().count() > 1, "{language}");
            for word in words_of(list) {
                let removal = judge_by(&*rule, Some(language), &format!("( {word} )"));
                assert!(removal.is_some(), "{language}: {word}");
            }
        }
        assert!(judge(&config, Some("fr-CA"), "Tabarnak!").is_some());
        assert!(judge(&config, Some("fr"), "Tabarnak!").is_none());
        assert!(
            judge(&config, Some("nb"), LISTS.iter().find(|l| l.0 == "no").unwrap().1).is_some()
        );
    }

    #[test]
    fn files_add_words_and_languages() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("words.txt");
        std::fs::write(&path, "# mine\n\nfrabjous\nÄÖß\n").unwrap();
        let files = BTreeMap::from([("en".to_owned(), path.clone()), ("la".to_owned(), path)]);
        let config = BadWords { files, keep_unlisted: false, ..BadWords::default() };
        let found = |language, text| judge(&config, Some(language), text).and_then(|r| r.found);
        assert_eq!(found("en", "O Frabjous day"), Some("frabjous".to_owned()));
        assert_eq!(found("la", "x äöß"), Some("äöß".to_owned()));
        assert_eq!(found("la", "xäöß"), None);
        assert_eq!(judge(&config, Some("et"), "tere").unwrap().check, "keep_unlisted");
        let config = BadWords { languages: vec!["xx".to_owned()], ..BadWords::default() };
        let error = config.build().err().unwrap().to_string();
        assert!(error.starts_with("`languages` has no `xx`; there are ar, cs"), "{error}");
    }
}
