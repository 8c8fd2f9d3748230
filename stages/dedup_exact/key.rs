//! What of a document is compared.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use unicode_general_category::{GeneralCategory as Category, get_general_category};
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};
use xxhash_rust::xxh3::xxh3_128;

/// What differences between two texts do not matter; none of them is set by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Normalize {
    /// Composed and decomposed characters are the same (Unicode NFC).
    pub nfc: bool,
    /// `A` and `a` are the same.
    pub lower_case: bool,
    /// Punctuation and symbols (Unicode categories P and S) are left out.
    pub punctuation: bool,
    /// A run of white space is one blank, and none at the beginning and the end.
    pub white_space: bool,
}

impl Normalize {
    /// Returns the hash of a text, normalized in memory that the next one uses again.
    pub(super) fn hash(self, text: &str, memory: &mut String) -> u128 {
        if self == Normalize::default() {
            return xxh3_128(text.as_bytes());
        }
        memory.clear();
        let composed = match is_nfc_quick(text.chars()) {
            IsNormalized::Yes => Cow::Borrowed(text),
            _ if self.nfc => Cow::Owned(text.nfc().collect::<String>()),
            _ => Cow::Borrowed(text),
        };
        for char in composed.chars() {
            self.push(char, memory);
        }
        if self.white_space && memory.ends_with(' ') {
            memory.pop();
        }
        xxh3_128(memory.as_bytes())
    }

    fn push(self, char: char, text: &mut String) {
        if self.white_space && char.is_whitespace() {
            // What stood before may have been punctuation, which is gone.
            if !text.is_empty() && !text.ends_with(' ') {
                text.push(' ');
            }
        } else if self.punctuation && is_mark(char) {
        } else if self.lower_case {
            match char {
                _ if char.is_ascii() => text.push(char.to_ascii_lowercase()),
                _ => text.extend(char.to_lowercase()),
            }
        } else {
            text.push(char);
        }
    }
}

/// Says whether a character is punctuation or a symbol.
fn is_mark(char: char) -> bool {
    if char.is_ascii() {
        return char.is_ascii_punctuation();
    }
    if char.is_alphanumeric() {
        return false;
    }
    matches!(
        get_general_category(char),
        Category::ConnectorPunctuation
            | Category::DashPunctuation
            | Category::OpenPunctuation
            | Category::ClosePunctuation
            | Category::InitialPunctuation
            | Category::FinalPunctuation
            | Category::OtherPunctuation
            | Category::MathSymbol
            | Category::CurrencySymbol
            | Category::ModifierSymbol
            | Category::OtherSymbol
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: Normalize =
        Normalize { nfc: true, lower_case: true, punctuation: true, white_space: true };

    fn is_same(normalize: Normalize, a: &str, b: &str) -> bool {
        let mut memory = String::from("left by another");
        normalize.hash(a, &mut memory) == normalize.hash(b, &mut memory)
    }

    #[test]
    fn each_key_forgives_its_own_difference_and_no_other() {
        let none = Normalize::default();
        let cases = [
            (Normalize { nfc: true, ..none }, "cafe\u{301}", "café"),
            (Normalize { lower_case: true, ..none }, "Straße ÀÉ", "straße àé"),
            (Normalize { punctuation: true, ..none }, "你好，“世界”！", "你好世界"),
            (Normalize { white_space: true, ..none }, " a\u{3000}\r\n\tb ", "a b"),
        ];
        for (i, (normalize, a, b)) in cases.iter().enumerate() {
            assert!(is_same(*normalize, a, b), "{a}");
            assert!(is_same(ALL, a, b), "{a}");
            assert!(!is_same(none, a, b), "{a}");
            for (j, (other, ..)) in cases.iter().enumerate() {
                assert!(i == j || !is_same(*other, a, b), "{a} {other:?}");
            }
        }
        assert!(!is_same(ALL, "ab", "a b"), "words stay apart");
        assert!(!is_same(ALL, "a", "á"), "accents count");
    }

    proptest! {
        #[test]
        fn what_is_normalized_is_the_same_as_what_it_came_from(text in any::<String>()) {
            // Marks that are left out may part what NFC would compose.
            let all = Normalize { nfc: false, ..ALL };
            let mut normalized = String::new();
            all.hash(&text, &mut normalized);
            prop_assert!(is_same(all, &text, &normalized), "{:?} {:?}", text, normalized);
            let padded = format!(" \n{text}  ");
            prop_assert!(is_same(all, &text, &padded), "{:?}", text);
        }
    }
}
