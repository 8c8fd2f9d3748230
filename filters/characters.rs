//! Shares of characters by class.
//!
//! Removes: a document when any limit below is broken; the first broken one is reported.
//! Units: all are shares of the characters (Unicode scalar values) of the text, blanks and newlines included. Letters
//!   and digits are those of all scripts; a vowel sign or an accent that stands for itself counts as a letter. Marks
//!   and symbols are Unicode's categories P and S. Emoji are symbols from U+1F000 on and those of U+2600..=U+27BF.
//!   `other` is what is neither letter nor digit nor newline nor one of `? ! , .` and their full-width forms, `。` and
//!   `、`. Ratios of an empty text are 0.
//! Chinese: a Han character is a letter. `max_other_ratio` is the same, since Chinese has more marks and no blanks.
//! Source: NeMo Curator, `string.py` (`max_other_ratio` 0.25, `max_digit_ratio` 0.15, `max_blank_ratio` 0.25,
//!   `max_bracket_ratio` 0.1); Data-Juicer, `alphanumeric_filter` (`min_alphanumeric_ratio` 0.25).
//! Differs: from NeMo Curator, whose letters are those of English, so that it removes all Chinese; its `⟨⟩` and our
//!   `（）【】` are brackets here.
//! Cost: one count of the bytes; characters that are not ASCII are classed one by one, Han by a comparison.

use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};
use unicode_general_category::{GeneralCategory as Category, get_general_category};

use crate::segment::is_han;
use crate::verdict::ratio;
use crate::{ConfigError, Document, Filter, Judge, Limit};

/// Settings of the rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Characters {
    /// Tells two instances of the rule apart.
    pub name: Option<String>,
    /// Letters and digits; Data-Juicer: 0.25.
    pub min_alphanumeric_ratio: Limit<f64>,
    /// What ordinary sentences hold least: neither letters, digits, newlines nor the commonest marks; NeMo: 0.25.
    pub max_other_ratio: Limit<f64>,
    /// Letters; off.
    pub min_letter_ratio: Limit<f64>,
    /// Digits; NeMo: 0.15.
    pub max_digit_ratio: Limit<f64>,
    /// Blanks, tabs and newlines; NeMo: 0.25.
    pub max_blank_ratio: Limit<f64>,
    /// Marks; off.
    pub max_punctuation_ratio: Limit<f64>,
    /// Symbols, emoji among them; off.
    pub max_symbol_ratio: Limit<f64>,
    /// Upper-case letters; off.
    pub max_uppercase_ratio: Limit<f64>,
    /// `#`; off.
    pub max_hash_ratio: Limit<f64>,
    /// Brackets; NeMo: 0.1.
    pub max_bracket_ratio: Limit<f64>,
    /// Emoji; off.
    pub max_emoji_ratio: Limit<f64>,
    /// Han characters; off.
    pub min_han_ratio: Limit<f64>,
    /// Han characters; off.
    pub max_han_ratio: Limit<f64>,
}

impl Default for Characters {
    fn default() -> Self {
        Characters {
            name: None,
            min_alphanumeric_ratio: Limit::all(0.25),
            max_other_ratio: Limit::all(0.25),
            min_letter_ratio: Limit::off(),
            max_digit_ratio: Limit::all(0.15),
            max_blank_ratio: Limit::all(0.25),
            max_punctuation_ratio: Limit::off(),
            max_symbol_ratio: Limit::off(),
            max_uppercase_ratio: Limit::off(),
            max_hash_ratio: Limit::off(),
            max_bracket_ratio: Limit::all(0.1),
            max_emoji_ratio: Limit::off(),
            min_han_ratio: Limit::off(),
            max_han_ratio: Limit::off(),
        }
    }
}

impl Characters {
    /// Returns the lower limits by key, each with the class that it is about.
    fn lower(&self) -> [(&'static str, &Limit<f64>, u16); 3] {
        [
            ("min_alphanumeric_ratio", &self.min_alphanumeric_ratio, LETTER | DIGIT),
            ("min_letter_ratio", &self.min_letter_ratio, LETTER),
            ("min_han_ratio", &self.min_han_ratio, HAN),
        ]
    }

    /// Returns the upper limits by key, each with the class that it is about.
    fn upper(&self) -> [(&'static str, &Limit<f64>, u16); 10] {
        [
            ("max_other_ratio", &self.max_other_ratio, OTHER),
            ("max_digit_ratio", &self.max_digit_ratio, DIGIT),
            ("max_blank_ratio", &self.max_blank_ratio, BLANK),
            ("max_punctuation_ratio", &self.max_punctuation_ratio, PUNCTUATION),
            ("max_symbol_ratio", &self.max_symbol_ratio, SYMBOL),
            ("max_uppercase_ratio", &self.max_uppercase_ratio, UPPERCASE),
            ("max_hash_ratio", &self.max_hash_ratio, HASH),
            ("max_bracket_ratio", &self.max_bracket_ratio, BRACKET),
            ("max_emoji_ratio", &self.max_emoji_ratio, EMOJI),
            ("max_han_ratio", &self.max_han_ratio, HAN),
        ]
    }

    pub(crate) fn build(&self) -> Result<Box<dyn Filter>, ConfigError> {
        for (key, limit, _) in self.lower().into_iter().chain(self.upper()) {
            limit.check_ratio(key)?;
        }
        let name = self.name.clone().unwrap_or_else(|| "characters".to_owned());
        Ok(Box::new(Rule { name, config: self.clone() }))
    }
}

struct Rule {
    name: String,
    config: Characters,
}

impl Filter for Rule {
    fn name(&self) -> &str {
        &self.name
    }

    fn judge(&self, doc: &mut Document<'_>, judge: &mut Judge) -> ControlFlow<()> {
        let language = doc.tag();
        let counts = Counts::of(doc.text());
        for (key, limit, class) in self.config.lower() {
            judge.at_least(key, ratio(counts.of_any(class), counts.total), limit.of(language))?;
        }
        for (key, limit, class) in self.config.upper() {
            judge.at_most(key, ratio(counts.of_any(class), counts.total), limit.of(language))?;
        }
        ControlFlow::Continue(())
    }
}

const LETTER: u16 = 1;
const DIGIT: u16 = 2;
const BLANK: u16 = 4;
const PUNCTUATION: u16 = 8;
const SYMBOL: u16 = 16;
const UPPERCASE: u16 = 32;
const HASH: u16 = 64;
const BRACKET: u16 = 128;
const EMOJI: u16 = 256;
const HAN: u16 = 512;
const OTHER: u16 = 1024;
const N_CLASSES: usize = 11;

/// How many characters of each class a text has.
#[derive(Default)]
struct Counts {
    total: u64,
    by_class: [u64; N_CLASSES],
}

impl Counts {
    fn of(text: &str) -> Counts {
        let mut bytes = [0u64; 256];
        for &byte in text.as_bytes() {
            bytes[usize::from(byte)] += 1;
        }
        let mut counts = Counts::default();
        for (char, &n) in ('\0'..).zip(&bytes[..0x80]) {
            counts.add(class(char), n);
        }
        if bytes[0x80..].iter().any(|&n| n > 0) {
            for char in text.chars().filter(|char| !char.is_ascii()) {
                counts.add(class(char), 1);
            }
        }
        counts
    }

    fn add(&mut self, class: u16, n: u64) {
        self.total += n;
        let mut rest = class;
        while rest != 0 {
            self.by_class[rest.trailing_zeros() as usize] += n;
            rest &= rest - 1;
        }
    }

    /// Returns the sum over classes that share no character.
    fn of_any(&self, classes: u16) -> u64 {
        let has = |at: &usize| classes & (1 << at) != 0;
        (0..N_CLASSES).filter(has).map(|at| self.by_class[at]).sum()
    }
}

/// Returns the classes of a character as bits.
fn class(char: char) -> u16 {
    use Category::{
        ClosePunctuation, ConnectorPunctuation, CurrencySymbol, DashPunctuation, EnclosingMark,
        FinalPunctuation, InitialPunctuation, MathSymbol, ModifierSymbol, NonspacingMark,
        OpenPunctuation, OtherPunctuation, OtherSymbol, SpacingMark,
    };
    if is_han(char) {
        return LETTER | HAN;
    }
    if char.is_alphabetic() {
        return LETTER | if char.is_uppercase() { UPPERCASE } else { 0 };
    }
    if char.is_numeric() {
        return DIGIT;
    }
    if char.is_whitespace() {
        return BLANK | if char == '\n' { 0 } else { OTHER };
    }
    match get_general_category(char) {
        NonspacingMark | SpacingMark | EnclosingMark => LETTER,
        OtherPunctuation => {
            let is_common =
                matches!(char, '?' | '!' | ',' | '.' | '？' | '！' | '，' | '．' | '。' | '、');
            PUNCTUATION | if is_common { 0 } else { OTHER } | if char == '#' { HASH } else { 0 }
        }
        OpenPunctuation | ClosePunctuation => PUNCTUATION | OTHER | BRACKET,
        ConnectorPunctuation | DashPunctuation | InitialPunctuation | FinalPunctuation => {
            PUNCTUATION | OTHER
        }
        MathSymbol | CurrencySymbol | ModifierSymbol | OtherSymbol => {
            let is_emoji = matches!(char, '\u{2600}'..='\u{27BF}' | '\u{1F000}'..='\u{1FAFF}');
            SYMBOL | OTHER | if is_emoji { EMOJI } else { 0 }
        }
        _ => OTHER,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_of_all_scripts_are_classed() {
        let counts = Counts::of("Ab é图１2 \n#（x）😀☀.，ि");
        assert_eq!(counts.total, 18);
        let of = |class| counts.of_any(class);
        assert_eq!([of(LETTER), of(DIGIT), of(BLANK), of(HAN)], [6, 2, 3, 1]);
        assert_eq!([of(UPPERCASE), of(HASH), of(BRACKET), of(EMOJI)], [1, 1, 2, 2]);
        assert_eq!(of(OTHER), 7);
        assert_eq!(of(LETTER | DIGIT), 8);
    }
}
