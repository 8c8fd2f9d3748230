//! Counts the pieces of texts, from which merges are learnt.

use hashbrown::HashMap;

use crate::Splitter;

/// How often each piece of text was seen, by its bytes.
pub type WordCounts = HashMap<Box<[u8]>, u64>;

/// Adds the pieces of `text` to `counts`.
///
/// A piece of more than `max_word_bytes` (a paragraph of Chinese without marks, base64) is counted in parts of
/// at most that size, cut between characters, so that no text is passed over and no key grows without bound.
pub fn count_words(
    splitter: &Splitter,
    text: &str,
    max_word_bytes: usize,
    counts: &mut WordCounts,
) {
    splitter.split(text, |piece| {
        for part in cut(piece.as_bytes(), max_word_bytes) {
            match counts.get_mut(part) {
                Some(count) => *count += 1,
                None => _ = counts.insert(part.into(), 1),
            }
        }
    });
}

/// Cuts bytes into parts of at most `max_bytes`, between characters where the bytes are UTF-8.
pub(super) fn cut(mut bytes: &[u8], max_bytes: usize) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let mut end = bytes.len().min(max_bytes.max(1));
        if end < bytes.len() {
            // A character has at most three continuation bytes; with more of them this is no UTF-8.
            let is_boundary = |&end: &usize| bytes[end] & 0xc0 != 0x80;
            end = (end.saturating_sub(3).max(1)..=end).rev().find(is_boundary).unwrap_or(end);
        }
        let (part, rest) = bytes.split_at(end);
        bytes = rest;
        (!part.is_empty()).then_some(part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_are_counted_by_their_bytes() {
        let mut counts = WordCounts::default();
        count_words(&Splitter::default(), "你好，你好 a a", 256, &mut counts);
        let count = |word: &str| counts.get(word.as_bytes()).copied();
        assert_eq!((count("你好"), count("，你好"), count(" a")), (Some(1), Some(1), Some(2)));
        assert_eq!(counts.len(), 3);
    }

    #[test]
    fn long_words_are_cut_between_characters() {
        let mut counts = WordCounts::default();
        count_words(&Splitter::default(), "中中中中中", 8, &mut counts);
        assert_eq!(counts.get("中中".as_bytes()), Some(&2));
        assert_eq!(counts.get("中".as_bytes()), Some(&1));
    }

    proptest! {
        #[test]
        fn parts_join_to_the_word_and_keep_the_limit(word: String, max in 4..9usize) {
            let parts: Vec<&[u8]> = cut(word.as_bytes(), max).collect();
            prop_assert_eq!(parts.concat(), word.as_bytes());
            for part in parts {
                prop_assert!(part.len() <= max && std::str::from_utf8(part).is_ok());
            }
        }

        #[test]
        fn bytes_that_are_no_text_are_cut_as_well(word: Vec<u8>, max in 0..9usize) {
            prop_assert_eq!(cut(&word, max).collect::<Vec<_>>().concat(), word);
        }
    }
}
