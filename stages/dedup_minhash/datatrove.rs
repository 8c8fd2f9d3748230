//! `compatible = "datatrove"`: the n-grams of datatrove 0.10.
//!
//! A text is simplified: lower case; each number 0 (digits of any script, with one decimal mark between two
//! runs of them); punctuation a blank; blanks collapsed; decomposed (NFD), nonspacing marks removed. Words are
//! cut as its tokenizer of the document's language does, and an n-gram is the xxh64 of `n` words with blanks
//! between them. `permutations` makes signatures of these, with the numbers that datatrove writes.
//!
//! The column `language` stands for the language that a datatrove job is told; where it is unknown, Chinese
//! is told by its script and all else is English. `filters::Words::Datatrove` says how near the words of
//! other languages come.
//!
//! Differs: a document with fewer words than `n` has no signature there and always stays; here all its words
//! are one n-gram, and one without words is its own text, so that copies of short documents are removed in
//! this mode too. datatrove removes all but one of what hangs together; here the pairs are verified as ever.
//! Its options SHA-1 and 32 bits are not followed.

use std::ops::Range;

use filters::{Tag, Words, is_punctuation, is_sentence_end};
use unicode_general_category::{GeneralCategory, get_general_category};
use unicode_normalization::UnicodeNormalization;
use xxhash_rust::xxh64::xxh64;

use super::cutter::Cut;
use super::ngrams::hash_whole;

/// Fills the n-grams of `cut` with the hash of each, in order, repeats included; never empty.
pub(super) fn hash_ngrams(text: &str, language: Tag, n: usize, cut: &mut Cut) {
    let simple = simplify(text);
    cut.segments.clear();
    Words::Datatrove.cut(&simple, language, &mut cut.segments);
    // The words with a blank between any two: an n-gram is a piece of it.
    cut.text.clear();
    cut.spans.clear();
    for segment in &cut.segments {
        if !cut.text.is_empty() {
            cut.text.push(' ');
        }
        let start = cut.text.len();
        cut.text.push_str(segment.text(&simple));
        cut.spans.push(start..cut.text.len());
    }
    cut.ngrams.clear();
    if cut.spans.is_empty() {
        cut.ngrams.push(hash_whole(text));
        return;
    }
    let bytes = cut.text.as_bytes();
    let hash = |window: &[Range<usize>]| {
        let (first, last) = (&window[0], &window[window.len() - 1]);
        xxh64(&bytes[first.start..last.end], 0)
    };
    cut.ngrams.extend(cut.spans.windows(n.min(cut.spans.len())).map(hash));
}

/// Simplifies a text as datatrove's `simplify_text` does.
fn simplify(text: &str) -> String {
    let lower = text.to_lowercase();
    let mut chars = lower.chars().peekable();
    let mut plain = String::with_capacity(lower.len());
    while let Some(char) = chars.next() {
        if !is_digit(char) {
            let blank = char.is_whitespace() || is_simple_punctuation(char);
            // A blank at the beginning, or behind another, adds nothing.
            match blank {
                false => plain.push(char),
                true if !plain.is_empty() && !plain.ends_with(' ') => plain.push(' '),
                true => {}
            }
            continue;
        }
        plain.push('0');
        while chars.next_if(|&char| is_digit(char)).is_some() {}
        let mut ahead = chars.clone();
        if ahead.next().is_some_and(is_decimal_mark) && ahead.next().is_some_and(is_digit) {
            chars = ahead;
            while chars.next_if(|&char| is_digit(char)).is_some() {}
        }
    }
    let is_kept = |char: &char| get_general_category(*char) != GeneralCategory::NonspacingMark;
    plain.trim().nfd().filter(is_kept).collect::<String>().trim().to_owned()
}

fn is_digit(char: char) -> bool {
    char.is_ascii_digit()
        || !char.is_ascii() && get_general_category(char) == GeneralCategory::DecimalNumber
}

fn is_decimal_mark(char: char) -> bool {
    matches!(char, '.' | ',' | '،' | '٫' | '⎖' | '⎗' | '⎘')
}

/// Says whether a character is in datatrove's `PUNCTUATION`: its larger set has sentence ends of all scripts,
/// of which only these are simplified.
fn is_simple_punctuation(char: char) -> bool {
    is_punctuation(char)
        && (!is_sentence_end(char) || matches!(char, '.' | '?' | '!' | '。' | '？' | '！' | '．'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_simplified_as_its_definition_says() {
        for (text, expected) in [
            ("  Hello,\r\n WORLD!!  ", "hello world"),
            ("1.2.3 3,141.5 ٣٫١٤ a1b22 5. 1 2", "0 0 0 0 0 a0b0 0 0 0"),
            ("Crème brûlée, İstanbul", "creme brulee istanbul"),
            ("上海。北京！「はがき」 ｡ ؟", "上海 北京 はかき ｡ ؟"),
            ("한글", "\u{1112}\u{1161}\u{11ab}\u{1100}\u{1173}\u{11af}"),
            ("…", ""),
            ("", ""),
        ] {
            assert_eq!(simplify(text), expected, "{text:?}");
        }
    }
}
