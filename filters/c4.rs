//! Line and document rules of C4.
//!
//! Removes: lines, which is an edit: those with a word above `max_word_chars`, without a mark at the end, with fewer
//!   than `min_line_words`, or with `javascript` or a phrase of cookie and privacy notices; and citation marks such as
//!   `[12]` within lines. Then the document, if a line that came so far holds `lorem ipsum` or `{`, or if fewer than
//!   `min_sentences` are left. Kept lines are trimmed and joined by a newline.
//! Units: words are what stands between blanks, sentences as `segment::count_sentences` counts them, lines end as in
//!   Python's `splitlines`. An empty text has no sentences. With `words = "datatrove"` sentences are counted by its
//!   tokens: one ends at a token that is one full stop, and the next begins with a token that is no punctuation.
//! Chinese: text has no blanks between words, so the two rules about words count dictionary words, but with
//!   `words = "datatrove"`, which goes by blanks there too; `。？！` and the closing quotes `”’」』` end a line as well
//!   (`terminal_marks_zh`).
//! Source: Raffel et al. 2020, arXiv:1910.10683, section 2.2; order and definitions of datatrove 0.10,
//!   `c4_filters.py`. FineWeb runs it with `require_terminal_mark = false`.
//! Differs: from datatrove in counting sentences unless `words = "datatrove"` (see fixtures/parity/datatrove), and in
//!   Chinese text, where it removes every line unless `terminal_marks_zh` is empty; phrases ignore the case of ASCII letters only.
//! Cost: one pass over the text for phrases and one over each line.

use std::ops::ControlFlow;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use memchr::memchr;
use regex::Regex;
use serde::{Deserialize, Serialize};

use crate::segment::{self, Segment};
use crate::{ConfigError, Document, Filter, Judge, Limit, Tag, Words};

/// Settings of the rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct C4 {
    /// Tells two instances of the rule apart.
    pub name: Option<String>,
    /// Cuts lines with a longer word; datatrove: 1,000.
    pub max_word_chars: Limit<u64>,
    /// Cuts `[12]`, `[]`, `[edit]` and `[citation needed]` out of lines.
    pub cut_citations: bool,
    /// Cuts lines that do not end in a terminal mark, or that end in `...`.
    pub require_terminal_mark: bool,
    /// The marks that may end a line.
    pub terminal_marks: String,
    /// The marks that may end a line of Chinese text besides those.
    pub terminal_marks_zh: String,
    /// Cuts lines with fewer words; C4: 3.
    pub min_line_words: Limit<u64>,
    /// Removes documents with `lorem ipsum`.
    pub remove_lorem_ipsum: bool,
    /// Cuts lines with `javascript`.
    pub cut_javascript: bool,
    /// Removes documents with `{`, which hints at code.
    pub remove_curly_bracket: bool,
    /// Cuts lines with a phrase of cookie and privacy notices.
    pub cut_policy: bool,
    /// Sentences left after all cuts; datatrove: 5 (the paper: 3).
    pub min_sentences: Limit<u64>,
}

impl Default for C4 {
    fn default() -> Self {
        C4 {
            name: None,
            max_word_chars: Limit::all(1_000),
            cut_citations: true,
            require_terminal_mark: true,
            terminal_marks: ".?!\"'".to_owned(),
            terminal_marks_zh: "。？！”’」』".to_owned(),
            min_line_words: Limit::all(3),
            remove_lorem_ipsum: true,
            cut_javascript: true,
            remove_curly_bracket: true,
            cut_policy: true,
            min_sentences: Limit::all(5),
        }
    }
}

impl C4 {
    pub(crate) fn build(&self) -> Result<Box<dyn Filter>, ConfigError> {
        if self.require_terminal_mark && self.terminal_marks.is_empty() {
            return Err(ConfigError::Empty { key: "terminal_marks" });
        }
        let name = self.name.clone().unwrap_or_else(|| "c4".to_owned());
        Ok(Box::new(Rule { name, config: self.clone() }))
    }
}

/// What is looked for in lines, whatever the case of its letters.
const PHRASES: [&str; 8] = [
    "lorem ipsum",
    "javascript",
    "terms of use",
    "privacy policy",
    "cookie policy",
    "uses cookies",
    "use of cookies",
    "use cookies",
];

static FIND_PHRASES: LazyLock<AhoCorasick> = LazyLock::new(|| {
    let finder = AhoCorasick::builder().ascii_case_insensitive(true).build(PHRASES);
    finder.expect("eight short phrases make a small automaton")
});

static CITATION: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\[\d*\]|\[edit\]|\[citation needed\]").expect("the pattern is a constant")
});

struct Rule {
    name: String,
    config: C4,
}

/// A text and what is known of the whole of it, so that most lines need no search of their own.
struct Page<'t> {
    text: &'t str,
    language: Tag,
    is_chinese: bool,
    words: Words,
    /// The words of a Chinese text that stand behind the last line, if the rule counts those.
    segments: Option<&'t [Segment]>,
    has_phrase: bool,
    has_citation: bool,
}

/// Which phrases a line holds.
#[derive(Default)]
struct Phrases {
    lorem_ipsum: bool,
    javascript: bool,
    policy: bool,
}

impl Filter for Rule {
    fn name(&self) -> &str {
        &self.name
    }

    fn judge(&self, doc: &mut Document<'_>, judge: &mut Judge) -> ControlFlow<()> {
        let (language, is_chinese, words) = (doc.tag(), doc.is_chinese(), doc.words_by());
        let mut kept = doc.take_buffer();
        let (text, segments) = if is_chinese && words == Words::Unicode {
            let parts = doc.parts();
            (parts.text, Some(parts.segments))
        } else {
            (doc.text(), None)
        };
        let page = Page {
            text,
            language,
            is_chinese,
            words,
            segments,
            has_phrase: FIND_PHRASES.is_match(text),
            has_citation: self.config.cut_citations && memchr(b'[', text.as_bytes()).is_some(),
        };
        let edits = self.keep_lines(page, &mut kept, judge)?;
        if edits > 0 {
            judge.count_edits(edits);
            doc.set_text(kept);
        }
        ControlFlow::Continue(())
    }
}

impl Rule {
    /// Writes the lines that stay into `kept`, and returns how many others were cut or changed.
    fn keep_lines(
        &self,
        mut page: Page<'_>,
        kept: &mut String,
        judge: &mut Judge,
    ) -> ControlFlow<(), u64> {
        let config = &self.config;
        let (mut n_lines, mut n_unchanged, mut sentences) = (0, 0, 0);
        let mut tokens = Vec::new();
        for raw in segment::split_lines(page.text) {
            n_lines += 1;
            let trimmed = raw.trim();
            let Some(has_few_words) = self.weigh_words(trimmed, &mut page) else { continue };
            let mut line = std::borrow::Cow::Borrowed(trimmed);
            if page.has_citation && memchr(b'[', trimmed.as_bytes()).is_some() {
                line = CITATION.replace_all(trimmed, "");
            }
            if config.require_terminal_mark && !self.is_ended(&line, page.is_chinese)
                || has_few_words
            {
                continue;
            }
            let phrases = if page.has_phrase { Phrases::find(&line) } else { Phrases::default() };
            if config.remove_lorem_ipsum && phrases.lorem_ipsum {
                judge.remove("remove_lorem_ipsum", 1.0, 0.0, Some("lorem ipsum".to_owned()))?;
            }
            if config.cut_javascript && phrases.javascript {
                continue;
            }
            if config.remove_curly_bracket && memchr(b'{', line.as_bytes()).is_some() {
                judge.remove("remove_curly_bracket", 1.0, 0.0, Some("{".to_owned()))?;
            }
            if config.cut_policy && phrases.policy {
                continue;
            }
            sentences += match page.words {
                Words::Unicode => segment::count_sentences(&line),
                Words::Datatrove => {
                    tokens.clear();
                    page.words.cut(&line, page.language, &mut tokens);
                    segment::count_token_sentences(&line, &tokens)
                }
            };
            n_unchanged += u64::from(line.len() == raw.len());
            if !kept.is_empty() {
                kept.push('\n');
            }
            kept.push_str(&line);
        }
        judge.at_least(
            "min_sentences",
            sentences as f64,
            config.min_sentences.of(page.language),
        )?;
        // Without citations a kept line may have become blank at an end, or been so.
        kept.truncate(kept.trim_end().len());
        let changed = kept != page.text;
        ControlFlow::Continue(if changed { (n_lines - n_unchanged).max(1) } else { 0 })
    }

    /// Returns whether a line has too few words, or `None` if one is too long for the line to stay.
    fn weigh_words(&self, line: &str, page: &mut Page<'_>) -> Option<bool> {
        let min_words = self.config.min_line_words.of(page.language).unwrap_or(0.0) as usize;
        let max_chars = self.config.max_word_chars.of(page.language).unwrap_or(f64::INFINITY);
        if let Some(all) = page.segments {
            let end = line.as_ptr() as usize - page.text.as_ptr() as usize + line.len();
            let n_segments = all.partition_point(|word| (word.end as usize) <= end);
            let (segments, rest) = all.split_at(n_segments);
            page.segments = Some(rest);
            let mut words = segments.iter().filter(|segment| segment.is_word());
            let too_long = words.clone().any(|word| f64::from(word.chars) > max_chars);
            return (!too_long).then(|| min_words > 0 && words.nth(min_words - 1).is_none());
        }
        // Only a long line can hold a long word, and only a few words need be counted.
        let is_too_long = |word: &str| word.chars().count() as f64 > max_chars;
        if line.len() as f64 > max_chars && line.split_whitespace().any(is_too_long) {
            return None;
        }
        Some(min_words > 0 && line.split_whitespace().nth(min_words - 1).is_none())
    }

    fn is_ended(&self, line: &str, is_chinese: bool) -> bool {
        let config = &self.config;
        line.chars().next_back().is_some_and(|last| {
            config.terminal_marks.contains(last)
                || is_chinese && config.terminal_marks_zh.contains(last)
        }) && !line.ends_with("...")
    }
}

impl Phrases {
    fn find(line: &str) -> Phrases {
        let mut found = Phrases::default();
        for phrase in FIND_PHRASES.find_iter(line) {
            match phrase.pattern().as_usize() {
                0 => found.lorem_ipsum = true,
                1 => found.javascript = true,
                _ => found.policy = true,
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scratch;

    fn edit(text: &str, config: &C4) -> (String, u64) {
        let (mut scratch, mut judge) = (Scratch::default(), Judge::default());
        let mut doc = Document::new("1", text, &mut scratch);
        assert!(config.build().unwrap().judge(&mut doc, &mut judge).is_continue());
        (doc.text().to_owned(), judge.take().1)
    }

    #[test]
    fn a_clean_text_is_not_copied() {
        let text = "One line of text ends here. Another follows it!\nIs this the last? No.";
        let config = C4 { min_sentences: Limit::off(), ..C4::default() };
        assert_eq!(edit(text, &config), (text.to_owned(), 0));
    }

    #[test]
    fn each_switch_turns_its_own_cut_off() {
        let text = "A heading without a mark\nShort one.\nThis needs JavaScript to be on.\n\
                    See our Privacy Policy for more.\nIt stays[12] here.";
        let off = C4 {
            require_terminal_mark: false,
            min_line_words: Limit::off(),
            cut_javascript: false,
            cut_policy: false,
            cut_citations: false,
            min_sentences: Limit::off(),
            ..C4::default()
        };
        assert_eq!(edit(text, &off), (text.to_owned(), 0));
        let on = C4 { min_sentences: Limit::off(), ..C4::default() };
        assert_eq!(edit(text, &on), ("It stays here.".to_owned(), 5));
    }
}
