//! The evaluation sets in memory: their examples, their texts, and the n-grams that lead to them.
//!
//! A text of at least an n-gram is known by its n-grams. A shorter one is matched as a whole: its first
//! `min_example_words` lead to it, and the words behind them are compared. Texts with the same words are one, which
//! several examples may have: ten questions about one passage do not make its n-grams common.

use std::collections::HashMap;
use std::ops::Range;

use anyhow::Result;
use xxhash_rust::xxh3::xxh3_128;

use super::Decontaminate;
use super::examples;
use super::grams::{Entry, Grams};
use super::windows::{Length, check_of};
use super::words::Cut;

/// One example.
#[derive(Debug, Clone)]
pub(super) struct Example {
    /// The number of its file.
    pub(super) file: u32,
    /// Its row there.
    pub(super) row: u64,
    /// How many n-grams its texts have that are looked for; a short text is one.
    pub(super) n_ngrams: u32,
}

/// A text of one or more examples.
#[derive(Debug, Clone, Default)]
pub(super) struct Text {
    /// The examples that have it.
    pub(super) examples: Vec<u32>,
    /// How many n-grams it has that are looked for.
    pub(super) n_ngrams: u32,
    /// Of a short text: its number of words, and the second hash of all of them.
    pub(super) whole: Option<(usize, u64)>,
}

/// All examples, and how they are found.
#[derive(Debug)]
pub(super) struct Evaluation {
    /// What each file is called.
    pub(super) files: Vec<String>,
    pub(super) examples: Vec<Example>,
    pub(super) texts: Vec<Text>,
    /// The length of an n-gram, and those of the long texts.
    pub(super) long: (Length, Grams),
    /// The length of the beginning of a short text, and those beginnings.
    pub(super) short: (Length, Grams),
    /// Examples that cannot be found.
    pub(super) warnings: Vec<String>,
}

impl Evaluation {
    /// Reads the evaluation sets of a configuration.
    ///
    /// # Errors
    /// When a file cannot be read, or has a bad row.
    pub(super) fn read(config: &Decontaminate) -> Result<Evaluation> {
        let files = examples::files(&config.against)?;
        let (ngram, ngram_cjk) = (config.ngram, config.ngram_cjk());
        let length = |words: usize| Length::new(words, ngram, ngram_cjk);
        let mut builder = Builder::default();
        examples::read(&files, &config.columns, |file, row, texts| builder.add(file, row, &texts))?;
        let lengths = (length(ngram), length(config.min_example_words.min(ngram)));
        let mut evaluation = builder.build(lengths, config.max_examples);
        evaluation.files = examples::names(&files);
        evaluation.warn(config);
        Ok(evaluation)
    }

    /// Returns the name of an example: file and row.
    pub(super) fn name(&self, example: u32) -> String {
        let Example { file, row, .. } = self.examples[example as usize];
        format!("{}:{row}", self.files[file as usize])
    }

    /// Returns the bytes that the sets take in memory.
    pub(super) fn bytes(&self) -> usize {
        let of_texts: usize = self.texts.iter().map(|text| text.examples.capacity() * 4).sum();
        self.long.1.bytes()
            + self.short.1.bytes()
            + self.examples.capacity() * size_of::<Example>()
            + self.texts.capacity() * size_of::<Text>()
            + of_texts
    }

    /// Calls `each` with the n-grams of long texts that occur in a text: the number of the n-gram, the texts that have
    /// it, and the words.
    pub(super) fn find_long(&self, cut: &Cut, mut each: impl FnMut(u32, &[u32], Range<usize>)) {
        let (length, grams) = &self.long;
        if grams.is_empty() {
            return;
        }
        length.runs(cut, |run, hash| {
            if let Some((gram, texts)) = grams.find(hash, || check_of(&cut.hashes[run.clone()])) {
                each(gram, texts, run);
            }
        });
    }

    /// Calls `each` with the short texts that occur in a text, and the words.
    pub(super) fn find_short(&self, cut: &Cut, mut each: impl FnMut(u32, Range<usize>)) {
        let (length, grams) = &self.short;
        if grams.is_empty() {
            return;
        }
        length.runs(cut, |run, hash| {
            let found = grams.find(hash, || check_of(&cut.hashes[run.clone()]));
            for &text in found.map_or(&[][..], |(_, texts)| texts) {
                let Some((n_words, check)) = self.texts[text as usize].whole else { continue };
                let words = run.start..run.start + n_words;
                if cut.hashes.get(words.clone()).is_some_and(|words| check_of(words) == check) {
                    each(text, words);
                }
            }
        });
    }

    /// Forgets the short texts that occur in more than `max_examples` texts.
    fn forget_common(&mut self, cuts: &[Cut], max_examples: usize) {
        let mut n_texts = vec![0; self.texts.len()];
        for cut in cuts {
            let mut found = Vec::new();
            self.find_short(cut, |text, _| found.push(text));
            found.sort_unstable();
            found.dedup();
            found.iter().for_each(|text| n_texts[*text as usize] += 1);
        }
        for (text, n_texts) in self.texts.iter_mut().zip(n_texts) {
            if n_texts > max_examples {
                (text.whole, text.n_ngrams) = (None, 0);
            }
        }
    }

    /// Notes, for each file, the examples that no document can match.
    fn warn(&mut self, config: &Decontaminate) {
        for (file, name) in (0..).zip(&self.files) {
            let of_file = || self.examples.iter().filter(|example| example.file == file);
            let lost = of_file().filter(|example| example.n_ngrams == 0);
            let rows: Vec<String> = lost.map(|example| example.row.to_string()).collect();
            if rows.is_empty() {
                continue;
            }
            let shown = rows.iter().take(ROWS_SHOWN).cloned().collect::<Vec<_>>().join(", ");
            let more = match rows.len().saturating_sub(ROWS_SHOWN) {
                0 => String::new(),
                n => format!(" and {n} more"),
            };
            self.warnings.push(format!(
                "{}: {} of {} examples of {name} are not checked: shorter than `min_example_words` = {}, or without an \
                 n-gram that at most `max_examples` = {} have: rows {shown}{more}",
                config.name(),
                rows.len(),
                of_file().count(),
                config.min_example_words,
                config.max_examples,
            ));
        }
    }
}

/// Rows that a warning names.
const ROWS_SHOWN: usize = 10;

/// Gathers examples and their texts.
#[derive(Default)]
struct Builder {
    examples: Vec<Example>,
    texts: Vec<Text>,
    /// The words of each text.
    cuts: Vec<Cut>,
    /// The number of each text by the hash of its words.
    numbers: HashMap<u128, u32>,
}

impl Builder {
    fn add(&mut self, file: u32, row: u64, texts: &[String]) {
        let example = self.examples.len() as u32;
        self.examples.push(Example { file, row, n_ngrams: 0 });
        for text in texts {
            let cut = Cut::of(text);
            let bytes: Vec<u8> = cut.hashes.iter().flat_map(|hash| hash.to_le_bytes()).collect();
            let number = *self.numbers.entry(xxh3_128(&bytes)).or_insert(self.texts.len() as u32);
            if number as usize == self.texts.len() {
                self.texts.push(Text::default());
                self.cuts.push(cut);
            }
            let examples = &mut self.texts[number as usize].examples;
            if examples.last() != Some(&example) {
                examples.push(example);
            }
        }
    }

    fn build(mut self, (long, short): (Length, Length), max_examples: usize) -> Evaluation {
        let (mut of_long, mut of_short) = (Vec::new(), Vec::new());
        for (number, cut) in (0..).zip(&self.cuts) {
            let entry = |run: Range<usize>, hash: u64| {
                let check = check_of(&cut.hashes[run]);
                Entry { hash, check, text: number }
            };
            if long.fits(cut) {
                long.runs(cut, |run, hash| of_long.push(entry(run, hash)));
            } else if short.fits(cut) {
                short.runs(cut, |run, hash| {
                    if run.start == 0 {
                        of_short.push(entry(run, hash));
                    }
                });
                let whole = (cut.hashes.len(), check_of(&cut.hashes));
                self.texts[number as usize].whole = Some(whole);
            }
        }
        let mut counts = vec![0; self.texts.len()];
        let long = (long, Grams::build(of_long, max_examples, &mut counts));
        let short = (short, Grams::build(of_short, usize::MAX, &mut counts));
        for (text, count) in self.texts.iter_mut().zip(counts) {
            text.n_ngrams = count;
        }
        let Builder { examples, texts, cuts, .. } = self;
        let (files, warnings) = (Vec::new(), Vec::new());
        let mut evaluation = Evaluation { files, examples, texts, long, short, warnings };
        evaluation.forget_common(&cuts, max_examples);
        for text in &evaluation.texts {
            for example in &text.examples {
                evaluation.examples[*example as usize].n_ngrams += text.n_ngrams;
            }
        }
        evaluation
    }
}
