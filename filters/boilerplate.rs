//! Phrases of cookie and privacy notices, placeholder text, and addresses.
//!
//! Removes: a document with `lorem ipsum`; one in which too many paragraphs hold a phrase of notices; one that
//!   addresses (URLs) make up too much of, or one of whose addresses holds one of `url_words`. `found` is the phrase
//!   or word that occurred first.
//! Units: paragraphs are what stands between blank lines, blank ones left out; addresses run from `http://`,
//!   `https://` or `www.` to the next blank, quotation mark, angle bracket or character that is not ASCII; their
//!   share is one of characters (Unicode scalar values). Ratios of an empty text are 0.
//! Chinese: has phrases of its own, such as `版权所有` and `未经授权`; an address ends where Chinese goes on without a blank.
//! Source: NeMo Curator, `BoilerPlateStringFilter` (0.4), `UrlsFilter` (0.2), `PornographicUrlsFilter`; the phrases
//!   of C4.
//! Differs: from NeMo Curator in the phrases, of which it has five paragraphs of a notice in full, in Chinese ones,
//!   and in `www.`. Common English words, which it counts as well, are `gopher_quality.min_stop_words`.
//! Cost: one search for all phrases, and one for addresses.

use std::ops::ControlFlow;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use serde::{Deserialize, Serialize};

use crate::verdict::ratio;
use crate::{ConfigError, Document, Filter, Judge, Limit};

/// Settings of the rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Boilerplate {
    /// Tells two instances of the rule apart.
    pub name: Option<String>,
    /// Occurrences of `lorem ipsum`; 0.
    pub max_lorem_ipsum: Limit<u64>,
    /// Share of paragraphs with a phrase; NeMo: 0.4.
    pub max_boilerplate_paragraph_ratio: Limit<f64>,
    /// Share of characters in addresses; NeMo: 0.2; Chinese: 0.45, since it says as much in fewer characters.
    pub max_url_char_ratio: Limit<f64>,
    /// Addresses that hold one of `url_words`; 0.
    pub max_bad_urls: Limit<u64>,
    /// What addresses must not hold, whatever its case; NeMo: `porn`.
    pub url_words: Vec<String>,
}

impl Default for Boilerplate {
    fn default() -> Self {
        Boilerplate {
            name: None,
            max_lorem_ipsum: Limit::all(0),
            max_boilerplate_paragraph_ratio: Limit::all(0.4),
            max_url_char_ratio: Limit::with_zh(0.2, 0.45),
            max_bad_urls: Limit::all(0),
            url_words: vec!["porn".to_owned()],
        }
    }
}

impl Boilerplate {
    pub(crate) fn build(&self) -> Result<Box<dyn Filter>, ConfigError> {
        self.max_boilerplate_paragraph_ratio.check_ratio("max_boilerplate_paragraph_ratio")?;
        self.max_url_char_ratio.check_ratio("max_url_char_ratio")?;
        if self.url_words.iter().any(String::is_empty) {
            return Err(ConfigError::Empty { key: "url_words" });
        }
        let url_words =
            AhoCorasick::builder().ascii_case_insensitive(true).build(&self.url_words).map_err(
                |error| ConfigError::Unreadable { key: "url_words", source: Box::new(error) },
            )?;
        let name = self.name.clone().unwrap_or_else(|| "boilerplate".to_owned());
        Ok(Box::new(Rule { name, config: self.clone(), url_words }))
    }
}

/// `lorem ipsum` first; the others are phrases of notices.
const PHRASES: [&str; 24] = [
    "lorem ipsum",
    "terms of use",
    "terms of service",
    "privacy policy",
    "privacy overview",
    "privacy & cookies policy",
    "privacy and cookies policy",
    "cookie policy",
    "uses cookies",
    "use of cookies",
    "use cookies",
    "accept all cookies",
    "all rights reserved",
    "隐私政策",
    "隐私声明",
    "使用条款",
    "服务条款",
    "用户协议",
    "免责声明",
    "版权所有",
    "未经授权",
    "隱私權政策",
    "服務條款",
    "版權所有",
];

static FIND_PHRASES: LazyLock<AhoCorasick> = LazyLock::new(|| {
    let finder = AhoCorasick::builder().ascii_case_insensitive(true).build(PHRASES);
    finder.expect("a few short phrases make a small automaton")
});

static FIND_URLS: LazyLock<AhoCorasick> = LazyLock::new(|| {
    let finder =
        AhoCorasick::builder().ascii_case_insensitive(true).build(["http://", "https://", "www."]);
    finder.expect("three prefixes make a small automaton")
});

struct Rule {
    name: String,
    config: Boilerplate,
    url_words: AhoCorasick,
}

impl Filter for Rule {
    fn name(&self) -> &str {
        &self.name
    }

    fn judge(&self, doc: &mut Document<'_>, judge: &mut Judge) -> ControlFlow<()> {
        let (config, language, text) = (&self.config, doc.tag(), doc.text());
        let (mut n_lorem_ipsum, mut first, mut n_found, mut counted) = (0, None, 0, 0);
        for phrase in FIND_PHRASES.find_iter(text) {
            if phrase.pattern().as_usize() == 0 {
                n_lorem_ipsum += 1;
                continue;
            }
            first.get_or_insert(PHRASES[phrase.pattern().as_usize()]);
            // Phrases behind each other in one paragraph count once.
            if phrase.start() >= counted {
                n_found += 1;
                counted = end_of_paragraph(text, phrase.end());
            }
        }
        let found = |word: Option<&str>| word.map(str::to_owned);
        let n = n_lorem_ipsum as f64;
        match config.max_lorem_ipsum.of(language) {
            Some(limit) if n > limit => {
                judge.remove("max_lorem_ipsum", n, limit, found(Some(PHRASES[0])))?;
            }
            limit => judge.at_most("max_lorem_ipsum", n, limit)?,
        }
        let paragraphs = if n_found == 0 { 0 } else { count_paragraphs(text) };
        let share = ratio(n_found, paragraphs);
        match config.max_boilerplate_paragraph_ratio.of(language) {
            Some(limit) if share > limit => {
                judge.remove("max_boilerplate_paragraph_ratio", share, limit, found(first))?;
            }
            limit => judge.at_most("max_boilerplate_paragraph_ratio", share, limit)?,
        }

        let urls = self.find_urls(text);
        let n_chars = if urls.chars == 0 { 0 } else { text.chars().count() as u64 };
        let limit = config.max_url_char_ratio.of(language);
        judge.at_most("max_url_char_ratio", ratio(urls.chars, n_chars), limit)?;
        let n = urls.bad as f64;
        match config.max_bad_urls.of(language) {
            Some(limit) if n > limit => {
                let word = urls.first.and_then(|at| config.url_words.get(at));
                judge.remove("max_bad_urls", n, limit, word.cloned())
            }
            limit => judge.at_most("max_bad_urls", n, limit),
        }
    }
}

#[derive(Default)]
struct Urls {
    chars: u64,
    bad: u64,
    /// Which of `url_words` occurred first.
    first: Option<usize>,
}

impl Rule {
    fn find_urls(&self, text: &str) -> Urls {
        let (mut urls, mut end) = (Urls::default(), 0);
        for start in FIND_URLS.find_iter(text) {
            if start.start() < end {
                continue;
            }
            let rest = text.get(start.start()..).unwrap_or_default();
            let is_end =
                |byte: u8| !byte.is_ascii_graphic() || matches!(byte, b'"' | b'\'' | b'<' | b'>');
            let length = rest.bytes().position(is_end).unwrap_or(rest.len());
            end = start.start() + length;
            urls.chars += length as u64;
            if let Some(word) =
                self.url_words.find(rest.as_bytes().get(..length).unwrap_or_default())
            {
                urls.bad += 1;
                urls.first.get_or_insert(word.pattern().as_usize());
            }
        }
        urls
    }
}

/// Returns the offset of the first blank line behind `at`.
fn end_of_paragraph(text: &str, at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    rest.find("\n\n").map_or(text.len(), |end| at + end)
}

fn count_paragraphs(text: &str) -> u64 {
    text.split("\n\n").filter(|paragraph| !paragraph.trim().is_empty()).count() as u64
}
