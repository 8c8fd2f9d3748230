//! Signals of RedPajama-Data v2, as scores.
//!
//! Removes: nothing; each signal becomes a column, and a later step or another program decides.
//! Units: raw words are words and marks as `segment::cut` gives them; normalised words are the words among them, in
//!   lower case. Shares are from 0 to 1; entropy is in nats; shares of characters in n-grams are of the characters of
//!   normalised words. Lines are what stands between newlines, blank ones left out. All signals of an empty text are
//!   0.
//! Chinese: words come from a dictionary; sentences end at `。？！` as well; a letter is one of any script, and the stop
//!   words are a list of their own, where the original reads `[a-zA-Z]`, splits at blanks and calls every Chinese
//!   text one of words without letters.
//! Source: Weber et al. 2024, arXiv:2411.12372, table of quality signals; RedPajama-Data at 6d2cee9,
//!   `app/src/core/quality_signals/`. Signals of lines come as their mean over the lines.
//! Differs: from RedPajama in the cutting of words; in stop words, of which the original has a list of several
//!   hundred and this rule those of Gopher and FineWeb-2; in leaving out what other rules write: bad words and block
//!   lists (`keywords`, URLs), classifiers, importance weights by Python's seeded `hash`, duplicates.
//! Cost: one pass over words, characters and lines, and a table of n-grams for each n from 2 to 10.

use std::ops::ControlFlow;

use memchr::{memchr_iter, memchr2_iter, memmem};
use serde::{Deserialize, Serialize};

use crate::document::Parts;
use crate::gopher_quality::{CHINESE, ENGLISH};
use crate::punctuation::is_sentence_end;
use crate::segment;
use crate::verdict::ratio;
use crate::{ConfigError, Document, Filter, Judge};

/// Settings of the rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Redpajama {
    /// Tells two instances of the rule apart.
    pub name: Option<String>,
    /// Writes the shares of characters in n-grams too, which cost most.
    pub ngrams: bool,
}

impl Default for Redpajama {
    fn default() -> Self {
        Redpajama { name: None, ngrams: true }
    }
}

impl Redpajama {
    pub(crate) fn build(&self) -> Result<Box<dyn Filter>, ConfigError> {
        let name = self.name.clone().unwrap_or_else(|| "redpajama".to_owned());
        let stop_words = ENGLISH.iter().chain(&CHINESE);
        let mut stop_words: Vec<u64> =
            stop_words.map(|word| segment::hash(word.as_bytes())).collect();
        stop_words.sort_unstable();
        Ok(Box::new(Rule { name, ngrams: self.ngrams, stop_words }))
    }
}

const SIGNALS: [&str; 18] = [
    "rps_doc_num_sentences",
    "rps_doc_word_count",
    "rps_doc_mean_word_length",
    "rps_doc_symbol_to_word_ratio",
    "rps_doc_frac_lines_end_with_ellipsis",
    "rps_doc_frac_no_alph_words",
    "rps_doc_frac_unique_words",
    "rps_doc_unigram_entropy",
    "rps_doc_frac_all_caps_words",
    "rps_doc_lorem_ipsum",
    "rps_doc_curly_bracket",
    "rps_doc_stop_word_fraction",
    "rps_lines_ending_with_terminal_punctution_mark",
    "rps_lines_javascript_counts",
    "rps_lines_num_words",
    "rps_lines_uppercase_letter_fraction",
    "rps_lines_numerical_chars_fraction",
    "rps_lines_start_with_bulletpoint",
];

const TOP_GRAMS: [(usize, &str); 3] = [
    (2, "rps_doc_frac_chars_top_2gram"),
    (3, "rps_doc_frac_chars_top_3gram"),
    (4, "rps_doc_frac_chars_top_4gram"),
];

const REPEATED_GRAMS: [(usize, &str); 6] = [
    (5, "rps_doc_frac_chars_dupe_5grams"),
    (6, "rps_doc_frac_chars_dupe_6grams"),
    (7, "rps_doc_frac_chars_dupe_7grams"),
    (8, "rps_doc_frac_chars_dupe_8grams"),
    (9, "rps_doc_frac_chars_dupe_9grams"),
    (10, "rps_doc_frac_chars_dupe_10grams"),
];

struct Rule {
    name: String,
    ngrams: bool,
    /// Hashes, sorted.
    stop_words: Vec<u64>,
}

impl Filter for Rule {
    fn name(&self) -> &str {
        &self.name
    }

    fn scores(&self) -> Vec<&str> {
        let n_grams = TOP_GRAMS.iter().chain(&REPEATED_GRAMS).filter(|_| self.ngrams);
        SIGNALS.into_iter().chain(n_grams.map(|(_, name)| *name)).collect()
    }

    fn judge(&self, doc: &mut Document<'_>, _: &mut Judge) -> ControlFlow<()> {
        let Parts { text, segments, repeats, .. } = doc.parts();
        let words = Words::of(text, segments, &self.stop_words);
        let lines = Lines::of(text);
        let n_chars = text.chars().count() as u64;
        let count = |needle: &str| memmem::find_iter(text.as_bytes(), needle).count() as u64;
        let hashes = memchr_iter(b'#', text.as_bytes()).count() as u64;
        let brackets = memchr2_iter(b'{', b'}', text.as_bytes()).count() as u64;
        let sentences: u64 = text.split('\n').map(segment::count_sentences).sum();
        let n_words = words.hashes.len() as u64;
        let (unique, entropy) = spread(&words.hashes);
        let values: [f64; SIGNALS.len()] = [
            sentences as f64,
            n_words as f64,
            ratio(words.chars, n_words),
            ratio(hashes + count("...") + count("…"), words.raw),
            ratio(lines.ellipses, lines.total),
            ratio(n_words - words.with_letter, n_words),
            ratio(unique, n_words),
            entropy,
            ratio(words.upper, n_words),
            ratio(count_lorem_ipsum(text), n_chars),
            ratio(brackets, n_chars),
            ratio(words.stops, words.raw),
            ratio(lines.ended, lines.total),
            ratio(count_javascript(text, segments), lines.total),
            ratio(n_words, lines.total),
            lines.mean(lines.upper),
            lines.mean(lines.digits),
            ratio(lines.bullets, lines.total),
        ];

        let mut grams = [0.0; TOP_GRAMS.len() + REPEATED_GRAMS.len()];
        if self.ngrams {
            let chars_of = |range: std::ops::Range<usize>| -> u64 {
                words.lengths.get(range).into_iter().flatten().map(|&chars| u64::from(chars)).sum()
            };
            repeats.start(words.hashes.iter().copied());
            for n in 2..=10 {
                repeats.lengthen();
                let chars = match repeats.top().filter(|_| n <= 4) {
                    Some(top) if top.count > 1 => top.count * chars_of(top.first..top.first + n),
                    _ if n <= 4 => 0,
                    _ => repeats.covered_chars(chars_of),
                };
                grams[n - 2] = ratio(chars, words.chars);
            }
        }
        for (name, value) in SIGNALS.iter().zip(values) {
            doc.set_score(name, value as f32);
        }
        for ((_, name), value) in TOP_GRAMS.iter().chain(&REPEATED_GRAMS).zip(grams) {
            if self.ngrams {
                doc.set_score(name, value as f32);
            }
        }
        ControlFlow::Continue(())
    }
}

/// The normalised words of a text, and what is counted of the raw ones.
#[derive(Default)]
struct Words {
    raw: u64,
    /// Of each word in lower case.
    hashes: Vec<u64>,
    /// In characters.
    lengths: Vec<u32>,
    chars: u64,
    with_letter: u64,
    upper: u64,
    stops: u64,
}

impl Words {
    fn of(text: &str, segments: &[segment::Segment], stop_words: &[u64]) -> Words {
        let mut words = Words { raw: segments.len() as u64, ..Words::default() };
        let mut lower = String::new();
        for segment in segments.iter().filter(|segment| segment.is_word()) {
            let word = segment.text(text);
            lower.clear();
            lower.extend(word.chars().flat_map(char::to_lowercase));
            let hash = segment::hash(lower.as_bytes());
            words.hashes.push(hash);
            words.lengths.push(segment.chars);
            words.chars += u64::from(segment.chars);
            words.with_letter += u64::from(segment.has_letter());
            let is_upper =
                word.chars().any(char::is_uppercase) && !word.chars().any(char::is_lowercase);
            words.upper += u64::from(is_upper);
            words.stops += u64::from(stop_words.binary_search(&hash).is_ok());
        }
        words
    }
}

/// Returns how many different words there are, and the entropy of their frequencies in nats.
fn spread(hashes: &[u64]) -> (u64, f64) {
    // Sorted, so that the sum has the same last bit on every run.
    let mut sorted = hashes.to_vec();
    sorted.sort_unstable();
    let total = sorted.len() as f64;
    let mut found = (0, 0.0);
    for same in sorted.chunk_by(|a, b| a == b) {
        let share = same.len() as f64 / total;
        found.0 += 1;
        found.1 -= share * share.ln();
    }
    found
}

fn count_lorem_ipsum(text: &str) -> u64 {
    let bytes = text.as_bytes();
    let phrase = b"lorem ipsum";
    let starts = memchr2_iter(b'l', b'L', bytes);
    let is_phrase = |at: &usize| {
        bytes.get(*at..at + phrase.len()).is_some_and(|it| it.eq_ignore_ascii_case(phrase))
    };
    starts.filter(is_phrase).count() as u64
}

fn count_javascript(text: &str, segments: &[segment::Segment]) -> u64 {
    let is_it = |word: &&segment::Segment| word.text(text).eq_ignore_ascii_case("javascript");
    segments.iter().filter(|segment| segment.chars == 10).filter(is_it).count() as u64
}

/// What is summed over lines.
#[derive(Default)]
struct Lines {
    total: u64,
    ended: u64,
    ellipses: u64,
    bullets: u64,
    /// Sums of shares.
    upper: f64,
    digits: f64,
}

impl Lines {
    fn of(text: &str) -> Lines {
        let mut lines = Lines::default();
        for line in text.split('\n').map(str::trim).filter(|line| !line.is_empty()) {
            lines.total += 1;
            let last = line.chars().next_back();
            lines.ended += u64::from(last.is_some_and(|last| is_sentence_end(last) || last == '”'));
            lines.ellipses += u64::from(line.ends_with("...") || line.ends_with('…'));
            let is_bullet =
                |char| matches!(char, '•' | '‣' | '▶' | '◀' | '◦' | '■' | '□' | '▪' | '▫' | '–');
            lines.bullets += u64::from(line.starts_with(is_bullet));
            let (mut chars, mut upper, mut digits) = (0, 0, 0);
            for char in line.chars() {
                chars += 1;
                upper += u64::from(char.is_uppercase());
                digits += u64::from(char.is_numeric());
            }
            lines.upper += ratio(upper, chars);
            lines.digits += ratio(digits, chars);
        }
        lines
    }

    fn mean(&self, sum: f64) -> f64 {
        if self.total == 0 { 0.0 } else { sum / self.total as f64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scratch;

    fn signals(text: &str) -> Vec<(String, f32)> {
        let rule = Redpajama::default().build().unwrap();
        let mut scratch = Scratch::default();
        let mut doc = Document::new("1", text, &mut scratch);
        let _ = rule.judge(&mut doc, &mut Judge::default());
        let value = |name: &str| (name.to_owned(), doc.score(name).unwrap());
        rule.scores().into_iter().map(value).collect()
    }

    fn signal(text: &str, name: &str) -> f32 {
        signals(text).into_iter().find(|(known, _)| known == name).unwrap().1
    }

    #[test]
    fn signals_are_as_defined() {
        let text = "The cat and the DOG...\n{a} b c a b c 12 javascript!";
        let of = |name| signal(text, name);
        assert_eq!(of("rps_doc_word_count"), 13.0);
        assert!((of("rps_doc_frac_unique_words") - 9.0 / 13.0).abs() < 1e-6);
        assert!((of("rps_doc_frac_no_alph_words") - 1.0 / 13.0).abs() < 1e-6);
        assert!((of("rps_doc_frac_all_caps_words") - 1.0 / 13.0).abs() < 1e-6);
        assert!((of("rps_doc_frac_lines_end_with_ellipsis") - 0.5).abs() < 1e-6);
        assert!((of("rps_lines_javascript_counts") - 0.5).abs() < 1e-6);
        assert!(of("rps_doc_frac_chars_top_3gram") > 0.0);
        assert_eq!(of("rps_doc_frac_chars_dupe_5grams"), 0.0);
        // Two words of equal frequency have an entropy of ln 2.
        let entropy = signal("yes no no yes", "rps_doc_unigram_entropy");
        assert!((entropy - std::f32::consts::LN_2).abs() < 1e-6);
        let all = "one two three four five ".repeat(2);
        assert_eq!(signal(&all, "rps_doc_frac_chars_dupe_5grams"), 1.0);
    }

    #[test]
    fn chinese_has_signals_and_an_empty_text_none() {
        let text = "图书馆的读者是学生。图书馆在星期二开放！";
        assert_eq!(signal(text, "rps_doc_frac_no_alph_words"), 0.0);
        assert_eq!(signal(text, "rps_doc_num_sentences"), 2.0);
        assert!(signal(text, "rps_doc_stop_word_fraction") > 0.1);
        assert!(signals("").into_iter().all(|(_, value)| value == 0.0));
    }
}
