//! A document as the set of its n-grams (Broder 1997, "On the resemblance and containment of documents").
//!
//! Each n-gram is a 64-bit hash: two different n-grams of a pair of documents with 1,000 n-grams each meet
//! once in 10^13 pairs, so that a Jaccard similarity of hashes is that of the n-grams. With 32 bits, one pair
//! in some thousands would be off.
//!
//! A document with fewer units than an n-gram is one n-gram, all its units; one without any is its own text,
//! white space at the ends apart. No document is left out. Differs: datatrove never removes documents with
//! fewer than 5 words, text-dedup loses them, NeMo does not look at fewer than 24 characters.

use super::hash::{SEED, fold, hash_bytes};

/// The base of the polynomial that joins the hashes of the units of an n-gram, modulo 2^64. It is odd, so
/// that every unit counts with all its bits.
const BASE: u64 = 0xd134_2543_de82_ef95;

/// Turns the hashes of the units of `text` into those of its `n`-grams, in order, repeats included; never
/// empty.
pub(super) fn join(text: &str, n: usize, hashes: &mut Vec<u64>) {
    if hashes.is_empty() {
        hashes.push(hash_whole(text));
    } else {
        join_windows(hashes, n);
    }
}

/// Returns the one n-gram of a text without units.
pub(super) fn hash_whole(text: &str) -> u64 {
    hash_bytes(text.trim().as_bytes(), 0)
}

/// Replaces hashes of units by hashes of the windows of `n` of them; fewer than `n` are one window.
fn join_windows(hashes: &mut Vec<u64>, n: usize) {
    let n = n.min(hashes.len());
    let join = |sum: u64, word: u64| sum.wrapping_mul(BASE).wrapping_add(word);
    let highest = (1..n).fold(1_u64, |power, _| power.wrapping_mul(BASE));
    let mut sum = hashes[..n - 1].iter().copied().fold(0, join);
    let n_windows = hashes.len() - (n - 1);
    for i in 0..n_windows {
        sum = join(sum, hashes[i + n - 1]);
        let first = std::mem::replace(&mut hashes[i], fold(sum ^ SEED));
        sum = sum.wrapping_sub(first.wrapping_mul(highest));
    }
    hashes.truncate(n_windows);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::super::words::hash_words;
    use super::*;

    fn ngrams(text: &str, n: usize) -> Vec<u64> {
        let mut hashes = Vec::new();
        hash_words(text, &mut hashes);
        join(text, n, &mut hashes);
        hashes
    }

    #[test]
    fn a_short_document_is_one_ngram() {
        assert_eq!(ngrams("Hello, world!", 5).len(), 1);
        assert_eq!(ngrams("Hello, world!", 5), ngrams("hello world", 5));
        assert_ne!(ngrams("hello world", 5), ngrams("world hello", 5));
        assert_ne!(ngrams("hello world", 5), ngrams("hello", 5));
    }

    #[test]
    fn texts_without_words_are_the_same_only_if_they_are_equal() {
        assert_eq!(ngrams("", 5), ngrams(" \n", 5));
        assert_ne!(ngrams("!!!", 5), ngrams("???", 5));
        assert_ne!(ngrams("!!!", 5), ngrams("", 5));
    }

    proptest! {
        #[test]
        fn equal_windows_and_no_others_have_equal_hashes(
            words in prop::collection::vec("[ab]{1,2}", 1..60), n in 1_usize..7,
        ) {
            let hashes = ngrams(&words.join(" "), n);
            let windows: Vec<_> = words.windows(n.min(words.len())).collect();
            prop_assert_eq!(hashes.len(), windows.len());
            let distinct: BTreeSet<_> = hashes.iter().zip(&windows).collect();
            let of_hashes: BTreeSet<_> = hashes.iter().collect();
            let of_windows: BTreeSet<_> = windows.iter().collect();
            prop_assert_eq!(distinct.len(), of_hashes.len());
            prop_assert_eq!(distinct.len(), of_windows.len());
        }
    }
}
