//! Cuts a text into hashed n-grams of words.
//!
//! A word is a run of letters and digits. A character of a script that is written without spaces (Han, kana,
//! Thai, Lao, Khmer, Burmese, Tibetan) is a word of its own, so that unigrams and bigrams of words are unigrams
//! and bigrams of characters there. Any other visible character is a word too: `!!!` says something about a
//! mail. White space, newlines included, only separates.

use xxhash_rust::xxh3::xxh3_64;

/// The longest n-gram that can be asked for.
pub(super) const MAX_ORDER: usize = 5;

/// Calls `emit` with the hash of each n-gram of 1 to `order` words, in the order in which they end.
pub(super) fn for_each_ngram(
    text: &str,
    lower_case: bool,
    order: usize,
    mut emit: impl FnMut(u64),
) {
    // `ending[n]` is the hash of the n-gram of n + 1 words that ends at the latest word.
    let mut ending = [0; MAX_ORDER];
    let mut n_words = 0;
    for_each_word(text, lower_case, |word| {
        let word = xxh3_64(word);
        let longest = order.min(n_words + 1);
        for n in (1..longest).rev() {
            ending[n] = join(ending[n - 1], word);
        }
        ending[0] = word;
        ending.iter().take(longest).for_each(|&ngram| emit(ngram));
        n_words += 1;
    });
}

/// Joins the hash of an n-gram and of the word that follows it.
fn join(ngram: u64, word: u64) -> u64 {
    // The golden ratio spreads the sum over the upper bits, which are the ones that choose a weight.
    (ngram.rotate_left(23) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// Calls `emit` with the bytes of each word.
fn for_each_word(text: &str, lower_case: bool, mut emit: impl FnMut(&[u8])) {
    let mut word = Vec::with_capacity(64);
    for c in text.chars() {
        if c.is_ascii_alphanumeric() {
            word.push(if lower_case { c.to_ascii_lowercase() } else { c } as u8);
        } else if !c.is_ascii() && !is_written_without_spaces(c) && continues_word(c) {
            push_char(&mut word, c, lower_case);
        } else {
            if !word.is_empty() {
                emit(&word);
                word.clear();
            }
            if !c.is_whitespace() && !c.is_control() {
                emit(c.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
    }
    if !word.is_empty() {
        emit(&word);
    }
}

fn push_char(word: &mut Vec<u8>, c: char, lower_case: bool) {
    let mut push = |c: char| word.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    if lower_case { c.to_lowercase().for_each(push) } else { push(c) }
}

/// Letters, digits, and the marks that alphabets of Europe and India put on them.
fn continues_word(c: char) -> bool {
    c.is_alphanumeric()
        || matches!(c, '\u{300}'..='\u{36f}' | '\u{900}'..='\u{963}' | '\u{966}'..='\u{dff}')
}

fn is_written_without_spaces(c: char) -> bool {
    matches!(c,
        '\u{e00}'..='\u{109f}'          // Thai, Lao, Tibetan, Burmese
        | '\u{1780}'..='\u{17ff}'       // Khmer
        | '\u{2e80}'..='\u{2fdf}'       // Han radicals
        | '\u{3005}'..='\u{3007}'       // 々〆〇
        | '\u{3041}'..='\u{30ff}'       // kana
        | '\u{31f0}'..='\u{31ff}'
        | '\u{3400}'..='\u{4dbf}'       // Han
        | '\u{4e00}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(text: &str) -> Vec<String> {
        let mut words = Vec::new();
        for_each_word(text, true, |word| words.push(String::from_utf8(word.to_vec()).unwrap()));
        words
    }

    fn ngrams(text: &str, order: usize) -> Vec<u64> {
        let mut ngrams = Vec::new();
        for_each_ngram(text, true, order, |ngram| ngrams.push(ngram));
        ngrams
    }

    #[test]
    fn words_are_lower_cased_and_symbols_stand_alone() {
        assert_eq!(words("WIN £100 now!!\nÉtÉ"), ["win", "£", "100", "now", "!", "!", "été"]);
    }

    #[test]
    fn han_and_kana_are_cut_into_characters() {
        assert_eq!(words("数据AI，きれい"), ["数", "据", "ai", "，", "き", "れ", "い"]);
    }

    #[test]
    fn indic_words_stay_whole() {
        assert_eq!(words("हिन्दी में"), ["हिन्दी", "में"]);
    }

    #[test]
    fn bigrams_tell_the_order_of_words() {
        let sorted = |text| {
            let mut ngrams = ngrams(text, 2);
            ngrams.sort_unstable();
            ngrams
        };
        assert_eq!(ngrams("不 好", 2), ngrams("不好", 2));
        assert_ne!(sorted("不好"), sorted("好不"));
    }

    #[test]
    fn text_has_one_ngram_of_each_order_at_each_word_but_the_first_ones() {
        assert_eq!(ngrams("a b c d", 1).len(), 4);
        assert_eq!(ngrams("a b c d", 3).len(), 4 + 3 + 2);
        assert_eq!(ngrams("a", 5).len(), 1);
    }

    proptest! {
        #[test]
        fn no_visible_character_is_lost(text: String) {
            let mut written = Vec::new();
            for_each_word(&text, false, |word| written.extend_from_slice(word));
            let visible: String =
                text.chars().filter(|c| !c.is_whitespace() && !c.is_control()).collect();
            prop_assert_eq!(String::from_utf8(written).unwrap(), visible);
        }
    }
}
