//! What a span is compared by: its text without what does not count.
//!
//! After CCNet's `normalize_for_dedup`: lower case, each digit is 0, no punctuation, no control characters; accents
//! stay. Differs: punctuation is that of `filters::is_punctuation`, ASCII's among it, where CCNet's code has a table of
//! 33 other marks; white space is collapsed.

use filters::is_punctuation;
use filters::segment::is_han;
use unicode_general_category::{GeneralCategory, get_general_category};

use super::Ignored;

/// Takes out of a text what does not count.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Normalizer {
    case: bool,
    digits: bool,
    punctuation: bool,
    white_space: bool,
}

/// How long a normalized text is, in characters.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Size {
    pub(super) chars: u64,
    /// Those of them that are Han or kana.
    pub(super) han: u64,
}

impl Size {
    pub(super) fn add(&mut self, other: Size) {
        self.chars += other.chars;
        self.han += other.han;
    }
}

impl Normalizer {
    pub(super) fn new(ignored: &[Ignored]) -> Normalizer {
        let mut normalizer = Normalizer::default();
        for ignored in ignored {
            match ignored {
                Ignored::Case => normalizer.case = true,
                Ignored::Digits => normalizer.digits = true,
                Ignored::Punctuation => normalizer.punctuation = true,
                Ignored::WhiteSpace => normalizer.white_space = true,
            }
        }
        normalizer
    }

    /// Appends what counts of `text`, and returns how long that is.
    pub(super) fn append(self, text: &str, normalized: &mut String) -> Size {
        let mut size = Size::default();
        let mut blank = false;
        for char in text.chars() {
            if self.white_space && char.is_whitespace() {
                blank = true;
                continue;
            }
            // Digits come first: the full-width 1 is punctuation to datatrove.
            let is_zero = self.digits && is_digit(char);
            if self.punctuation && !is_zero && is_punctuation(char) {
                continue;
            }
            if blank && size.chars > 0 {
                normalized.push(' ');
                size.chars += 1;
            }
            blank = false;
            if is_zero {
                normalized.push('0');
            } else if !self.case || is_han(char) {
                normalized.push(char);
            } else if char.is_ascii() {
                normalized.push(char.to_ascii_lowercase());
            } else {
                normalized.extend(char.to_lowercase());
            }
            size.chars += 1;
            size.han += u64::from(is_han(char) || is_kana(char));
        }
        size
    }
}

fn is_digit(char: char) -> bool {
    match char.is_ascii() {
        true => char.is_ascii_digit(),
        // Letters such as the Chinese zero are numeric too.
        false => char.is_numeric() && get_general_category(char) == GeneralCategory::DecimalNumber,
    }
}

fn is_kana(char: char) -> bool {
    matches!(char, '\u{3041}'..='\u{30FF}' | '\u{31F0}'..='\u{31FF}' | '\u{FF66}'..='\u{FF9F}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normalize(ignored: &[Ignored], text: &str) -> String {
        let mut normalized = String::new();
        let size = Normalizer::new(ignored).append(text, &mut normalized);
        let lowered_alike = normalized.chars().count() as u64;
        assert_eq!(size.chars, lowered_alike, "{text}");
        normalized
    }

    #[test]
    fn case_digits_punctuation_and_white_space_do_not_count_by_default() {
        let all = crate::dedup_spans::DedupSpans::default().ignore;
        assert_eq!(normalize(&all, "\t Page 12 of 40 –  “Élan”,\u{7}\r"), "page 00 of 00 élan");
        assert_eq!(normalize(&all, "二〇二六年１２月，第３页。"), "二〇二六年00月第0页");
        assert_eq!(normalize(&all, " *** }\u{3000}"), "");
        assert_eq!(normalize(&all, "a - b"), "a b");
        assert_ne!(normalize(&all, "résumé"), normalize(&all, "resume"), "accents count");
    }

    #[test]
    fn each_can_count() {
        use Ignored::{Case, Digits, Punctuation, WhiteSpace};
        let text = " A  1. ";
        assert_eq!(normalize(&[], text), text);
        assert_eq!(normalize(&[Case], text), " a  1. ");
        assert_eq!(normalize(&[Digits], text), " A  0. ");
        assert_eq!(normalize(&[Punctuation], text), " A  1 ");
        assert_eq!(normalize(&[WhiteSpace], text), "A 1.");
    }

    #[test]
    fn han_and_kana_are_counted_apart() {
        let size = Normalizer::new(&[]).append("点击かなabc", &mut String::new());
        assert_eq!(size, Size { chars: 7, han: 4 });
    }
}
