//! What texts are compared by: what is left of them without what does not count.
//!
//! Four of the keys together come after CCNet's `normalize_for_dedup`: lower case, each digit is 0, no punctuation, no control characters; accents
//! stay. Differs: punctuation is that of `filters::is_punctuation`, ASCII's among it, where CCNet's code has a table of
//! 33 other marks; white space is collapsed.

use filters::is_punctuation;
use filters::segment::is_han;
use serde::{Deserialize, Serialize};
use unicode_general_category::{GeneralCategory, get_general_category};
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// What does not tell two texts apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ignored {
    /// Capital letters count as small ones.
    Case,
    /// A letter with its accent is one character or two (Unicode NFC).
    Composition,
    /// Each decimal digit of any script counts as 0.
    Digits,
    /// Punctuation, symbols of ASCII and control characters do not count.
    Punctuation,
    /// White space at the ends does not count, any other run of it counts as one space.
    WhiteSpace,
}

/// Takes out of a text what does not count.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Normalizer {
    case: bool,
    composition: bool,
    digits: bool,
    punctuation: bool,
    white_space: bool,
}

/// How long a normalized text is, in characters.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Size {
    pub(crate) chars: u64,
    /// Those of them that are Han or kana.
    pub(crate) han: u64,
}

impl Size {
    pub(crate) fn add(&mut self, other: Size) {
        self.chars += other.chars;
        self.han += other.han;
    }
}

impl Normalizer {
    pub(crate) fn new(ignored: &[Ignored]) -> Normalizer {
        let mut normalizer = Normalizer::default();
        for ignored in ignored {
            match ignored {
                Ignored::Case => normalizer.case = true,
                Ignored::Composition => normalizer.composition = true,
                Ignored::Digits => normalizer.digits = true,
                Ignored::Punctuation => normalizer.punctuation = true,
                Ignored::WhiteSpace => normalizer.white_space = true,
            }
        }
        normalizer
    }

    /// Appends what counts of `text`, and returns how long that is.
    pub(crate) fn append(self, text: &str, normalized: &mut String) -> Size {
        if self.composition && is_nfc_quick(text.chars()) != IsNormalized::Yes {
            return self.append_chars(text.nfc(), normalized);
        }
        self.append_chars(text.chars(), normalized)
    }

    fn append_chars(self, text: impl Iterator<Item = char>, normalized: &mut String) -> Size {
        let mut size = Size::default();
        let mut blank = false;
        for char in text {
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
    use proptest::prelude::*;

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
        use Ignored::{Case, Composition, Digits, Punctuation, WhiteSpace};
        let text = " A  1. ";
        assert_eq!(normalize(&[], text), text);
        assert_eq!(normalize(&[Case], text), " a  1. ");
        assert_eq!(normalize(&[Digits], text), " A  0. ");
        assert_eq!(normalize(&[Punctuation], text), " A  1 ");
        assert_eq!(normalize(&[WhiteSpace], text), "A 1.");
        assert_eq!(normalize(&[Composition], "cafe\u{301} A"), "café A");
        assert_eq!(normalize(&[Case], "cafe\u{301}"), "cafe\u{301}");
    }

    #[test]
    fn han_and_kana_are_counted_apart() {
        let size = Normalizer::new(&[]).append("点击かなabc", &mut String::new());
        assert_eq!(size, Size { chars: 7, han: 4 });
    }

    proptest! {
        #[test]
        fn what_is_normalized_is_the_same_as_what_it_came_from(text in any::<String>()) {
            use Ignored::{Case, Digits, Punctuation, WhiteSpace};
            // Marks that are left out may part what `composition` would join.
            let all = [Case, Digits, Punctuation, WhiteSpace];
            let normalizer = Normalizer::new(&all);
            let normalize = |text: &str| {
                let mut normalized = String::new();
                normalizer.append(text, &mut normalized);
                normalized
            };
            let once = normalize(&text);
            prop_assert_eq!(&normalize(&once), &once);
            let padded = format!(" \n{text}  ");
            prop_assert_eq!(&normalize(&padded), &once);
        }
    }
}
