//! Block lists of domains and addresses, and words that must not stand in an address.
//!
//! Removes: a document whose address (column `url`) has, in this order, a listed registered domain (`domains`), a listed
//!   host below it (`subdomains`), is listed itself (`urls`), holds a listed word (`words`), more than `max_soft_words`
//!   different ones of the soft words, or a listed substring (`substrings`). `found` is what was listed, or the host.
//! Units: the registered domain is one label more than the public suffix (Public Suffix List, of the crate psl). Words are
//!   what stands between ASCII characters that are neither letter nor digit; substrings are looked for in the address
//!   without such characters. Both ignore case and see `%20` and the like decoded. Whole addresses are compared without
//!   scheme, `www.`, port, fragment and final `/`. Internationalized domains must be listed as addresses spell them.
//! Chinese: text in an address is decoded, and has no words: list Chinese words in `substrings`.
//! Source: Penedo et al. 2023, arXiv:2306.01116, appendix G.1; order, and words of `fineweb`, as in datatrove 0.10,
//!   `url_filter.py`; words of `refinedweb` as reverse-engineered for DCLM (see filters/url/NOTICE).
//! Differs: from datatrove, which brings lists of domains along, while here `domain_files` names them; which compares only
//!   the registered domain and the whole host, while here all hosts between count; which sees words only in lower case;
//!   which stops at a document without an address (`keep_missing`).
//! Cost: hashes the address once for each list, 8 bytes of memory for each listed domain or address.

mod address;
mod block_list;

use std::collections::{BTreeSet, HashSet};
use std::ops::ControlFlow;
use std::path::PathBuf;

use aho_corasick::AhoCorasick;
use serde::{Deserialize, Serialize};

use crate::{ConfigError, Document, Filter, Judge, Limit, Tag};
use address::Address;
use block_list::BlockList;

/// Settings of the rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Url {
    /// Tells two instances of the rule apart.
    pub name: Option<String>,
    /// Domains and hosts.
    pub domains: Vec<String>,
    /// Files with more of them: one a line, or lines of hosts files (`0.0.0.0 example.com`), or `||example.com^`; what
    /// stands behind `#` is left out.
    pub domain_files: Vec<PathBuf>,
    /// Looks for hosts below the registered domain too.
    pub subdomains: bool,
    /// Takes suffixes that companies give to their customers (`github.io`) for public ones.
    pub private_suffixes: bool,
    /// Whole addresses.
    pub urls: Vec<String>,
    /// Files with more of them, one a line; lines that begin with `#` are left out.
    pub url_files: Vec<PathBuf>,
    /// Embedded lists of words, soft words and substrings: `fineweb`, `refinedweb`, or none.
    pub lists: Vec<String>,
    /// Words, besides those of `lists`.
    pub words: Vec<String>,
    /// Words that are harmless alone, besides those of `lists`.
    pub soft_words: Vec<String>,
    /// Different soft words; datatrove: 1.
    pub max_soft_words: Limit<u64>,
    /// Substrings, besides those of `lists`.
    pub substrings: Vec<String>,
    /// Keeps documents without an address.
    pub keep_missing: bool,
}

impl Default for Url {
    fn default() -> Self {
        Url {
            name: None,
            domains: Vec::new(),
            domain_files: Vec::new(),
            subdomains: true,
            private_suffixes: false,
            urls: Vec::new(),
            url_files: Vec::new(),
            lists: vec!["fineweb".to_owned()],
            words: Vec::new(),
            soft_words: Vec::new(),
            max_soft_words: Limit::all(1),
            substrings: Vec::new(),
            keep_missing: true,
        }
    }
}

/// Name, words, soft words and substrings of the embedded lists.
const LISTS: [(&str, &str, &str, &str); 2] = [
    (
        "fineweb",
        include_str!("url/fineweb_words.txt"),
        include_str!("url/fineweb_soft_words.txt"),
        include_str!("url/fineweb_substrings.txt"),
    ),
    (
        "refinedweb",
        include_str!("url/refinedweb_words.txt"),
        include_str!("url/refinedweb_soft_words.txt"),
        include_str!("url/refinedweb_substrings.txt"),
    ),
];

impl Url {
    pub(crate) fn build(&self) -> Result<Box<dyn Filter>, ConfigError> {
        let mut lists = [Vec::new(), Vec::new(), Vec::new()];
        for wanted in &self.lists {
            let Some((_, words, soft, substrings)) = LISTS.iter().find(|list| list.0 == wanted)
            else {
                let known = LISTS.map(|list| list.0).join(", ");
                return Err(ConfigError::Unknown { key: "lists", value: wanted.clone(), known });
            };
            for (list, text) in lists.iter_mut().zip([words, soft, substrings]) {
                let lines = text.lines().filter(|line| !line.starts_with('#'));
                list.extend(lines.map(squeeze).filter(|word| !word.is_empty()));
            }
        }
        let [mut words, mut soft_words, mut substrings] = lists;
        for (key, given, list) in [
            ("words", &self.words, &mut words),
            ("soft_words", &self.soft_words, &mut soft_words),
            ("substrings", &self.substrings, &mut substrings),
        ] {
            list.extend(given.iter().map(|word| squeeze(word)));
            if list.iter().any(String::is_empty) {
                // It would stand in every address.
                return Err(ConfigError::Empty { key });
            }
        }
        let finder = AhoCorasick::new(&substrings).map_err(|error| ConfigError::Unreadable {
            key: "substrings",
            source: Box::new(error),
        })?;
        Ok(Box::new(Rule {
            name: self.name.clone().unwrap_or_else(|| "url".to_owned()),
            config: self.clone(),
            domains: BlockList::of_hosts(&self.domains, "domain_files", &self.domain_files)?,
            urls: BlockList::of_urls(&self.urls, "url_files", &self.url_files)?,
            words: words.into_iter().collect(),
            soft_words: soft_words.into_iter().collect(),
            substrings,
            finder,
        }))
    }
}

/// Returns a text in lower case and without the ASCII characters that separate words.
fn squeeze(text: &str) -> String {
    text.chars().filter(|&char| !is_separator(char)).flat_map(char::to_lowercase).collect()
}

fn is_separator(char: char) -> bool {
    char.is_ascii() && !char.is_ascii_alphanumeric()
}

struct Rule {
    name: String,
    config: Url,
    domains: BlockList,
    urls: BlockList,
    words: HashSet<String>,
    soft_words: HashSet<String>,
    substrings: Vec<String>,
    finder: AhoCorasick,
}

impl Filter for Rule {
    fn name(&self) -> &str {
        &self.name
    }

    fn judge(&self, doc: &mut Document<'_>, judge: &mut Judge) -> ControlFlow<()> {
        let language = doc.tag();
        match doc.column("url").filter(|url| !url.trim().is_empty()) {
            Some(url) => self.judge_url(url, language, judge),
            None if self.config.keep_missing => ControlFlow::Continue(()),
            None => judge.remove("keep_missing", 0.0, 1.0, None),
        }
    }
}

impl Rule {
    fn judge_url(&self, url: &str, language: Tag, judge: &mut Judge) -> ControlFlow<()> {
        let listed = |judge: &mut Judge, check, found: Option<&str>| match found {
            Some(found) => judge.remove(check, 1.0, 0.0, Some(found.to_owned())),
            None => judge.at_most(check, 0.0, Some(0.0)),
        };
        // An address that cannot be read has no domain, and its words still count.
        if let Some(address) = Address::read(url) {
            self.judge_host(&address, judge)?;
            let is_listed = !self.urls.is_empty() && self.urls.contains(&address.key());
            listed(judge, "urls", is_listed.then_some(&*address.host))?;
        }
        let url = address::decode(url);
        let words = || url.split(is_separator).filter(|word| !word.is_empty());
        listed(judge, "words", words().find(|&word| self.words.contains(word)))?;

        let soft: BTreeSet<&str> = words().filter(|&word| self.soft_words.contains(word)).collect();
        let n_soft = soft.len() as f64;
        match self.config.max_soft_words.of(language) {
            Some(limit) if n_soft > limit => {
                let found = soft.first().map(|&word| word.to_owned());
                judge.remove("max_soft_words", n_soft, limit, found)?;
            }
            limit => judge.at_most("max_soft_words", n_soft, limit)?,
        }
        let squeezed: String = url.chars().filter(|&char| !is_separator(char)).collect();
        let found = self.finder.find(&squeezed);
        let found = found.map(|hit| self.substrings[hit.pattern().as_usize()].as_str());
        listed(judge, "substrings", found)
    }

    fn judge_host(&self, address: &Address<'_>, judge: &mut Judge) -> ControlFlow<()> {
        let domain = address.registered_domain(self.config.private_suffixes);
        let Some(domain) = domain.filter(|_| !self.domains.is_empty()) else {
            return ControlFlow::Continue(());
        };
        if self.domains.contains(domain) {
            judge.remove("domains", 1.0, 0.0, Some(domain.to_owned()))?;
        }
        let mut below = address.below(domain).filter(|_| self.config.subdomains);
        match below.find(|host| self.domains.contains(host)) {
            Some(host) => judge.remove("subdomains", 1.0, 0.0, Some(host.to_owned())),
            None => ControlFlow::Continue(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_embedded_word_is_found_where_it_stands_alone() {
        for (name, words, _, substrings) in LISTS {
            let config = Url { lists: vec![name.to_owned()], ..Url::default() };
            let rule = config.build().unwrap();
            let find = |url: &str| {
                let (mut scratch, mut judge) = (crate::Scratch::default(), Judge::default());
                let mut doc = Document::new("1", "", &mut scratch);
                doc.set_column("url", Some(url));
                let _ = rule.judge(&mut doc, &mut judge);
                judge.take().0.map(|removal| removal.check)
            };
            let used = |line: &&str| !line.starts_with('#') && !line.is_empty();
            for word in words.lines().filter(used) {
                let url = format!("https://example.org/a/{}?b", squeeze(word));
                assert_eq!(find(&url), Some("words"), "{name}: {word}");
            }
            for word in substrings.lines().filter(used) {
                let url = format!("https://example.org/xy{}z", word.replace(' ', "-"));
                assert_eq!(find(&url), Some("substrings"), "{name}: {word}");
            }
        }
    }

    #[test]
    fn what_would_stand_in_every_address_is_refused() {
        let error = |config: Url| config.build().err().unwrap().to_string();
        let config = Url { substrings: vec!["--".to_owned()], ..Url::default() };
        assert_eq!(error(config), "`substrings` is empty");
        let config = Url { lists: vec!["oisd".to_owned()], ..Url::default() };
        assert_eq!(error(config), "`lists` has no `oisd`; there are fineweb, refinedweb");
    }
}
