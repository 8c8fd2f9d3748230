//! Quality rules of Gopher.
//!
//! Removes: a document when any limit below is broken; the first broken one is reported.
//! Units: words and marks as the stage's `words` cuts them (a mark is a word of its own, as in datatrove); `min_words`,
//!   `max_words` and the mean leave out words that are punctuation only. Lengths are in characters (Unicode scalar
//!   values). Lines end as in Python's `splitlines`. An empty text has 0 words, and all its ratios are 0.
//! Chinese: words come from a dictionary; mean length, share of words with letters and stop words have the values of
//!   FineWeb-2 for `cmn_Hani`. `min_stop_words` is skipped where `stop_words` has no list for the language; a text in
//!   an unknown language is taken for Chinese if it is mostly Han, and for English otherwise.
//! Source: Rae et al. 2021, arXiv:2112.11446, table A1; order and definitions of datatrove 0.10,
//!   `gopher_quality_filter.py`.
//! Differs: from datatrove in the cutting of words unless `words = "datatrove"`; an empty text is no error; stop
//!   words go by language instead of one list for all.
//! Cost: one pass over the words and one over the lines.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use memchr::{memchr_iter, memmem};
use serde::{Deserialize, Serialize};

use crate::limit::check_order;
use crate::segment::{self, Segment};
use crate::verdict::ratio;
use crate::{ConfigError, Document, Filter, Judge, Limit, Tag};

/// Settings of the rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GopherQuality {
    /// Tells two instances of the rule apart.
    pub name: Option<String>,
    /// Words that are not punctuation; Gopher: 50.
    pub min_words: Limit<u64>,
    /// Words that are not punctuation; Gopher: 100,000.
    pub max_words: Limit<u64>,
    /// Mean length of these words; Gopher: 3; FineWeb-2 for Chinese: 1.
    pub min_mean_word_chars: Limit<f64>,
    /// Mean length of these words; Gopher: 10; FineWeb-2 for Chinese: 5.
    pub max_mean_word_chars: Limit<f64>,
    /// `#` for each word or mark; Gopher: 0.1.
    pub max_hashes_per_word: Limit<f64>,
    /// `...` and `…` for each word or mark; Gopher: 0.1.
    pub max_ellipses_per_word: Limit<f64>,
    /// Share of lines that begin with `•` or `-`; Gopher: 0.9.
    pub max_bullet_line_ratio: Limit<f64>,
    /// Share of lines that end in `...` or `…`; Gopher: 0.3.
    pub max_ellipsis_line_ratio: Limit<f64>,
    /// Share of words and marks that hold a letter; Gopher: 0.8; FineWeb-2 for Chinese: 0.735.
    pub min_letter_word_ratio: Limit<f64>,
    /// Different stop words that occur; Gopher: 2.
    pub min_stop_words: Limit<u64>,
    /// Stop words by language, case-sensitive; at most 128 a language.
    pub stop_words: BTreeMap<String, Vec<String>>,
}

/// Gopher's stop words; Rae et al. 2021, section A1.1.
pub(crate) const ENGLISH: [&str; 8] = ["the", "be", "to", "of", "and", "that", "have", "with"];

/// Stop words of FineWeb-2's configuration for `cmn_Hani`.
pub(crate) const CHINESE: [&str; 22] = [
    "的", "年", "在", "月", "是", "和", "日", "了", "於", "·", "為", "有", "被", "人", "中", "为",
    "他", "與", "後", "也", "而", "由",
];

/// Found stop words are bits of a `u128`.
const MAX_STOP_WORDS: usize = 128;

impl Default for GopherQuality {
    fn default() -> Self {
        let owned = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        GopherQuality {
            name: None,
            min_words: Limit::all(50),
            max_words: Limit::all(100_000),
            min_mean_word_chars: Limit::with_zh(3.0, 1.0),
            max_mean_word_chars: Limit::with_zh(10.0, 5.0),
            max_hashes_per_word: Limit::all(0.1),
            max_ellipses_per_word: Limit::all(0.1),
            max_bullet_line_ratio: Limit::all(0.9),
            max_ellipsis_line_ratio: Limit::all(0.3),
            min_letter_word_ratio: Limit::with_zh(0.8, 0.735),
            min_stop_words: Limit::all(2),
            stop_words: BTreeMap::from([
                ("en".to_owned(), owned(&ENGLISH)),
                ("zh".to_owned(), owned(&CHINESE)),
            ]),
        }
    }
}

impl GopherQuality {
    pub(crate) fn build(&self) -> Result<Box<dyn Filter>, ConfigError> {
        self.min_mean_word_chars.check_amount("min_mean_word_chars")?;
        self.max_mean_word_chars.check_amount("max_mean_word_chars")?;
        self.max_hashes_per_word.check_amount("max_hashes_per_word")?;
        self.max_ellipses_per_word.check_amount("max_ellipses_per_word")?;
        self.max_bullet_line_ratio.check_ratio("max_bullet_line_ratio")?;
        self.max_ellipsis_line_ratio.check_ratio("max_ellipsis_line_ratio")?;
        self.min_letter_word_ratio.check_ratio("min_letter_word_ratio")?;
        check_order(("min_words", &self.min_words), ("max_words", &self.max_words))?;
        check_order(
            ("min_mean_word_chars", &self.min_mean_word_chars),
            ("max_mean_word_chars", &self.max_mean_word_chars),
        )?;
        let mut stop_words = BTreeMap::new();
        for (language, words) in &self.stop_words {
            let tag = Tag::read(language).ok_or_else(|| ConfigError::Unknown {
                key: "stop_words",
                value: language.clone(),
                known: "languages such as `en`, `zh` and `sr-Cyrl`".to_owned(),
            })?;
            stop_words.insert(tag, StopWords::new(words)?);
        }
        let name = self.name.clone().unwrap_or_else(|| "gopher_quality".to_owned());
        Ok(Box::new(Rule { name, limits: self.clone(), stop_words }))
    }
}

struct Rule {
    name: String,
    limits: GopherQuality,
    stop_words: BTreeMap<Tag, StopWords>,
}

impl Filter for Rule {
    fn name(&self) -> &str {
        &self.name
    }

    fn judge(&self, doc: &mut Document<'_>, judge: &mut Judge) -> ControlFlow<()> {
        let limits = &self.limits;
        let language = doc.tag();

        let words = Words::measure(doc.segments());
        let mean_chars = ratio(words.chars, words.solid);
        judge.at_least("min_words", words.solid as f64, limits.min_words.of(language))?;
        judge.at_most("max_words", words.solid as f64, limits.max_words.of(language))?;
        judge.at_least(
            "min_mean_word_chars",
            mean_chars,
            limits.min_mean_word_chars.of(language),
        )?;
        judge.at_most(
            "max_mean_word_chars",
            mean_chars,
            limits.max_mean_word_chars.of(language),
        )?;

        let text = doc.text().as_bytes();
        let hashes = memchr_iter(b'#', text).count() as u64;
        let ellipses =
            (memmem::find_iter(text, "...").count() + memmem::find_iter(text, "…").count()) as u64;
        let hashes = ratio(hashes, words.total);
        let ellipses = ratio(ellipses, words.total);
        judge.at_most("max_hashes_per_word", hashes, limits.max_hashes_per_word.of(language))?;
        judge.at_most(
            "max_ellipses_per_word",
            ellipses,
            limits.max_ellipses_per_word.of(language),
        )?;

        let lines = Lines::measure(doc.text());
        let bullets = ratio(lines.bullets, lines.total);
        let ellipses = ratio(lines.ellipses, lines.total);
        judge.at_most(
            "max_bullet_line_ratio",
            bullets,
            limits.max_bullet_line_ratio.of(language),
        )?;
        judge.at_most(
            "max_ellipsis_line_ratio",
            ellipses,
            limits.max_ellipsis_line_ratio.of(language),
        )?;

        let letters = ratio(words.with_letter, words.total);
        judge.at_least(
            "min_letter_word_ratio",
            letters,
            limits.min_letter_word_ratio.of(language),
        )?;

        match self.stop_words_for(language) {
            Some(stop_words) => {
                let found = stop_words.count_different(doc.segments());
                judge.at_least(
                    "min_stop_words",
                    f64::from(found),
                    limits.min_stop_words.of(language),
                )
            }
            None => ControlFlow::Continue(()),
        }
    }
}

impl Rule {
    /// Returns the stop words of a language; a document whose language nobody named is taken for English.
    fn stop_words_for(&self, language: Tag) -> Option<&StopWords> {
        let language = if language == Tag::UNKNOWN { Tag::EN } else { language };
        self.stop_words.get(&language).or_else(|| self.stop_words.get(&language.primary()))
    }
}

/// What one pass over the words finds.
#[derive(Default)]
struct Words {
    /// Words and marks.
    total: u64,
    /// Those that are not punctuation only.
    solid: u64,
    /// Characters of the solid ones.
    chars: u64,
    with_letter: u64,
}

impl Words {
    fn measure(segments: &[Segment]) -> Words {
        let mut words = Words { total: segments.len() as u64, ..Words::default() };
        for segment in segments {
            let solid = u64::from(!segment.is_punctuation());
            words.solid += solid;
            words.chars += solid * u64::from(segment.chars);
            words.with_letter += u64::from(segment.has_letter());
        }
        words
    }
}

#[derive(Default)]
struct Lines {
    total: u64,
    bullets: u64,
    ellipses: u64,
}

impl Lines {
    fn measure(text: &str) -> Lines {
        let mut lines = Lines::default();
        for line in segment::split_lines(text) {
            lines.total += 1;
            lines.bullets += u64::from(line.trim_start().starts_with(['•', '-']));
            let end = line.trim_end();
            lines.ellipses += u64::from(end.ends_with("...") || end.ends_with('…'));
        }
        lines
    }
}

/// Stop words by the hash that each word of a document has already, in a table so sparse that a word which is none
/// mostly meets an empty slot at once.
struct StopWords {
    /// Hash of the word, and the bit that stands for it.
    slots: [Option<(u64, u128)>; 4 * MAX_STOP_WORDS],
}

impl StopWords {
    fn new(words: &[String]) -> Result<StopWords, ConfigError> {
        if words.len() > MAX_STOP_WORDS {
            let (value, expected) = (words.len() as f64, "at most 128 words for a language");
            return Err(ConfigError::OutOfRange { key: "stop_words", value, expected });
        }
        let mut stop_words = StopWords { slots: [None; 4 * MAX_STOP_WORDS] };
        for (at, word) in words.iter().enumerate() {
            let hash = segment::hash(word.as_bytes());
            let slot = stop_words.find(hash);
            // A word that is listed twice keeps its first bit.
            stop_words.slots[slot].get_or_insert((hash, 1 << at));
        }
        Ok(stop_words)
    }

    /// Returns the slot of a hash, or the one where it would be.
    fn find(&self, hash: u64) -> usize {
        let mut slot = hash as usize % self.slots.len();
        while self.slots[slot].is_some_and(|(known, _)| known != hash) {
            slot = (slot + 1) % self.slots.len();
        }
        slot
    }

    fn count_different(&self, segments: &[Segment]) -> u32 {
        let mut found = 0;
        for segment in segments {
            found |= self.slots[self.find(segment.hash)].map_or(0, |(_, bit)| bit);
        }
        found.count_ones()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_make_no_sense_are_refused_with_their_key() {
        let refused = |config: GopherQuality| match config.build() {
            Ok(_) => panic!("built: {config:?}"),
            Err(error) => error.to_string(),
        };
        let default = GopherQuality::default;
        let error = refused(GopherQuality { max_bullet_line_ratio: Limit::all(1.5), ..default() });
        assert_eq!(error, "`max_bullet_line_ratio` is 1.5, but must be from 0 to 1");
        let nan = Limit::with_zh(0.1, f64::NAN);
        let error = refused(GopherQuality { max_hashes_per_word: nan, ..default() });
        assert!(error.starts_with("`max_hashes_per_word` is NaN"), "{error}");
        let error = refused(GopherQuality { min_words: Limit::all(200_000), ..default() });
        assert!(error.contains("`min_words`") && error.contains("`max_words`"), "{error}");
    }

    #[test]
    fn a_language_without_stop_words_is_not_asked_for_them() {
        let config = GopherQuality { min_words: Limit::off(), ..GopherQuality::default() };
        let rule = config.build().unwrap();
        let (mut scratch, mut judge) = (crate::Scratch::default(), Judge::default());
        let mut doc = Document::new("1", "Der Ausschuss tagte am Dienstag.", &mut scratch);
        assert!(rule.judge(&mut doc, &mut judge).is_break());
        doc.set_language(Some("de"));
        assert!(rule.judge(&mut doc, &mut judge).is_continue());
    }
}
