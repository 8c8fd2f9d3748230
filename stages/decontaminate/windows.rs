//! N-grams of texts that may mix scripts, each known by a hash.
//!
//! Thirteen words say far more than thirteen Chinese characters, so n-grams are measured by weight: a word weighs
//! `1 / ngram`, a character that is a word by itself `1 / ngram_cjk`, and an n-gram is the shortest run of words from its
//! first one on that weighs 1. In English these are the windows of `ngram` words, in Chinese those of `ngram_cjk`
//! characters, and where both are mixed the same text gives the same n-grams whatever stands around it.
//!
//! The hash of an n-gram is a polynomial over the hashes of its words, rolled on from one n-gram to the next.

use std::ops::Range;

use super::words::Cut;
use crate::dedup_minhash::{SEED, fold};

/// The base of the polynomial, modulo 2^64. It is odd, so that every word counts with all its bits.
const BASE: u64 = 0xd134_2543_de82_ef95;

/// How long a run of words must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Length {
    word: u64,
    alone: u64,
    needed: u64,
    /// The powers of the base, up to the longest run.
    powers: Vec<u64>,
}

impl Length {
    /// Returns the length of a run that weighs `share` of an n-gram of `ngram` words or `ngram_cjk` characters; `share`
    /// is in words.
    pub(super) fn new(share: usize, ngram: usize, ngram_cjk: usize) -> Length {
        let (word, alone) = (ngram_cjk as u64, ngram as u64);
        let needed = share as u64 * word;
        let longest = needed.div_ceil(word.min(alone));
        let power = |power: &u64| Some(power.wrapping_mul(BASE));
        let powers = std::iter::successors(Some(1), power).take(longest as usize + 1).collect();
        Length { word, alone, needed, powers }
    }

    /// Says whether a text is as long as a run.
    pub(super) fn fits(&self, cut: &Cut) -> bool {
        let n_alone = cut.alone.iter().filter(|alone| **alone).count() as u64;
        let n_words = cut.hashes.len() as u64 - n_alone;
        n_words * self.word + n_alone * self.alone >= self.needed
    }

    /// Calls `each` with every run of a text that is just long enough, in order, and its hash.
    pub(super) fn runs(&self, cut: &Cut, each: impl FnMut(Range<usize>, u64)) {
        if cut.alone.is_empty() {
            self.roll(&cut.hashes, |_| self.word, each);
        } else {
            let weights = [self.word, self.alone];
            self.roll(&cut.hashes, |word| weights[usize::from(cut.is_alone(word))], each);
        }
    }

    fn roll(
        &self,
        hashes: &[u64],
        weight_of: impl Fn(usize) -> u64,
        mut each: impl FnMut(Range<usize>, u64),
    ) {
        let (mut sum, mut weight, mut end) = (0_u64, 0, 0);
        for (start, first) in hashes.iter().enumerate() {
            while weight < self.needed {
                let Some(last) = hashes.get(end) else { return };
                sum = sum.wrapping_mul(BASE).wrapping_add(*last);
                weight += weight_of(end);
                end += 1;
            }
            each(start..end, fold(sum ^ SEED));
            sum = sum.wrapping_sub(first.wrapping_mul(self.powers[end - start - 1]));
            weight -= weight_of(start);
        }
    }
}

/// Returns a second hash of a run of words, which has nothing in common with the first: what both agree in is the same.
pub(super) fn check_of(words: &[u64]) -> u64 {
    words.iter().fold(SEED, |hash, word| fold(hash.rotate_left(23) ^ word))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn runs(text: &str, length: &Length) -> Vec<(Range<usize>, u64)> {
        let mut runs = Vec::new();
        length.runs(&Cut::of(text), |range, hash| runs.push((range, hash)));
        runs
    }

    fn n_words(text: &str, length: &Length) -> Vec<usize> {
        runs(text, length).into_iter().map(|(range, _)| range.len()).collect()
    }

    #[test]
    fn an_ngram_has_its_length_in_words_or_in_characters() {
        let length = Length::new(4, 4, 6);
        assert_eq!(n_words("a b c d e", &length), [4, 4]);
        assert_eq!(n_words("一二三四五六七", &length), [6, 6]);
        // Two words weigh half, and so do three characters.
        assert_eq!(n_words("a b 一二三四", &length), [5]);
        assert!(runs("a b c", &length).is_empty());
        assert!(runs("一二三四五", &length).is_empty());
        assert!(runs("", &length).is_empty());
        // Half of it.
        assert_eq!(n_words("一二三 a b", &Length::new(2, 4, 6)), [3, 3, 3, 2]);
    }

    #[test]
    fn a_text_fits_that_has_a_run() {
        let length = Length::new(4, 4, 6);
        for text in [
            "",
            "a b c",
            "a b c d",
            "a b c d e",
            "一二三四五",
            "一二三四五六",
            "a 一二三四",
            "a 一二三四五",
        ] {
            assert_eq!(length.fits(&Cut::of(text)), !runs(text, &length).is_empty(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn equal_runs_and_no_others_have_equal_hashes(
            words in prop::collection::vec("[ab]|一|二", 1..60),
            ngram in 1_usize..6, ngram_cjk in 1_usize..6, share in 1_usize..6,
        ) {
            let length = Length::new(share, ngram, ngram_cjk);
            let cut = Cut::of(&words.join(" "));
            let mut expected = Vec::new();
            for start in 0..words.len() {
                let weight = |i: usize| if cut.is_alone(i) { ngram } else { ngram_cjk };
                let mut end = start;
                let mut sum = 0;
                while sum < share * ngram_cjk && end < words.len() {
                    sum += weight(end);
                    end += 1;
                }
                if sum >= share * ngram_cjk {
                    expected.push(start..end);
                }
            }
            let found = runs(&words.join(" "), &length);
            prop_assert_eq!(found.iter().map(|(range, _)| range.clone()).collect::<Vec<_>>(), expected);
            for (a, hash_a) in &found {
                for (b, hash_b) in &found {
                    let same = words[a.clone()] == words[b.clone()];
                    prop_assert_eq!(same, hash_a == hash_b);
                    let checks = [a, b].map(|range| check_of(&cut.hashes[range.clone()]));
                    prop_assert_eq!(same, checks[0] == checks[1]);
                }
            }
        }
    }
}
