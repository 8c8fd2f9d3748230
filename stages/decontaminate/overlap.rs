//! What a document shares with the examples.
//!
//! An n-gram that a document has twice counts once. Where an example is found is the longest stretch of the document in
//! which its n-grams follow each other without a gap of words; of equal ones the first.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::evaluation::Evaluation;
use super::words::{Cut, Words};

/// What a document shares with one example.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Overlap {
    /// The example.
    pub(super) example: u32,
    /// How many of its n-grams the document has.
    pub(super) n_ngrams: u32,
    /// The same as a share of those that the example has, 0..=1.
    pub(super) ratio: f64,
    /// The words where it is found.
    words: Range<usize>,
}

/// What has been found of a text.
#[derive(Debug, Default)]
struct Found {
    n_ngrams: u32,
    /// The stretch that may go on.
    open: Range<usize>,
    longest: Range<usize>,
}

impl Found {
    fn extend(&mut self, words: Range<usize>) {
        match words.start <= self.open.end {
            true => self.open.end = self.open.end.max(words.end),
            false => self.open = words,
        }
        if self.open.len() > self.longest.len() {
            self.longest = self.open.clone();
        }
    }
}

/// Returns what a document shares with every example that it shares anything with, by example.
pub(super) fn overlaps(evaluation: &Evaluation, cut: &Cut) -> Vec<Overlap> {
    let mut texts: BTreeMap<u32, Found> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    evaluation.find_long(cut, |gram, with_it, words| {
        let is_new = seen.insert(gram);
        for text in with_it {
            let found = texts.entry(*text).or_insert_with(|| begin(&words));
            found.n_ngrams += u32::from(is_new);
            found.extend(words.clone());
        }
    });
    evaluation.find_short(cut, |text, words| {
        let found = texts.entry(text).or_insert_with(|| begin(&words));
        found.n_ngrams = 1;
        found.extend(words);
    });
    let mut examples: BTreeMap<u32, Overlap> = BTreeMap::new();
    for (text, found) in &texts {
        for example in &evaluation.texts[*text as usize].examples {
            let none = Overlap { example: *example, n_ngrams: 0, ratio: 0.0, words: 0..0 };
            let overlap = examples.entry(*example).or_insert(none);
            overlap.n_ngrams += found.n_ngrams;
            if found.longest.len() > overlap.words.len() {
                overlap.words = found.longest.clone();
            }
        }
    }
    let mut overlaps: Vec<_> = examples.into_values().collect();
    for overlap in &mut overlaps {
        let of = evaluation.examples[overlap.example as usize].n_ngrams;
        overlap.ratio = f64::from(overlap.n_ngrams) / f64::from(of);
    }
    overlaps
}

fn begin(words: &Range<usize>) -> Found {
    Found { open: words.start..words.start, ..Found::default() }
}

/// Returns where each overlap stands in the text, in bytes.
pub(super) fn spans(text: &str, overlaps: &[Overlap]) -> Vec<Range<usize>> {
    let mut spans = vec![0..0; overlaps.len()];
    // The first and the last word of each, by word, so that the text is cut once and no word is kept.
    let mut ends: Vec<(usize, usize, bool)> = Vec::new();
    for (i, overlap) in overlaps.iter().enumerate() {
        ends.push((overlap.words.start, i, true));
        ends.push((overlap.words.end - 1, i, false));
    }
    ends.sort_unstable();
    let mut ends = ends.into_iter().peekable();
    for (number, word) in Words::new(text).enumerate() {
        while let Some((_, i, is_first)) = ends.next_if(|end| end.0 == number) {
            match is_first {
                true => spans[i].start = word.start,
                false => spans[i].end = word.end,
            }
        }
        if ends.peek().is_none() {
            break;
        }
    }
    spans
}
