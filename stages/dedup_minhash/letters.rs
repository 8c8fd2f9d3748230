//! Which characters make up words, and what they are in lower case.

use std::sync::LazyLock;

use unicode_general_category::{GeneralCategory, get_general_category};

/// What becomes of a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Letter {
    /// It is not part of a word.
    None,
    /// It is a word: Han, kana or a Hangul syllable.
    Alone,
    /// It is part of a word, and has one lower-case character.
    Lower(char),
    /// It is part of a word, and `char::to_lowercase` must be asked.
    Other,
}

impl Letter {
    /// Looks a character up.
    pub(crate) fn of(char: char) -> Letter {
        match BASIC_PLANE.get(char as usize) {
            Some(&NONE) => Letter::None,
            Some(&ALONE) => Letter::Alone,
            Some(&OTHER) => Letter::Other,
            Some(&code) => char::from_u32(u32::from(code)).map_or(Letter::Other, Letter::Lower),
            None if is_alone(char) => Letter::Alone,
            None if is_in_word(char) => Letter::Other,
            None => Letter::None,
        }
    }
}

const NONE: u16 = 0;
const ALONE: u16 = 1;
const OTHER: u16 = 2;

/// `Letter` of each character of the basic plane: one of the codes above, or the lower-case character. The
/// library's tables are searched at some 10 ns a character, this one is read at 1 ns.
static BASIC_PLANE: LazyLock<Box<[u16]>> = LazyLock::new(|| {
    let code = |point: u32| match char::from_u32(point) {
        Some(char) if is_alone(char) => ALONE,
        Some(char) if is_in_word(char) => {
            let mut lower = char.to_lowercase();
            match (lower.next(), lower.next()) {
                (Some(lower), None) => u16::try_from(lower as u32).unwrap_or(OTHER),
                _ => OTHER,
            }
        }
        _ => NONE,
    };
    (0..0x1_0000).map(code).collect()
});

/// Says whether a character is a word by itself: Han, kana or a Hangul syllable.
pub(super) fn is_alone(char: char) -> bool {
    let block = matches!(char as u32,
        0x3005..=0x3007 | 0x3040..=0x30FF | 0x31F0..=0x31FF | 0x3400..=0x4DBF | 0x4E00..=0x9FFF
        | 0xAC00..=0xD7AF | 0xF900..=0xFAFF | 0xFF66..=0xFF9F | 0x1B000..=0x1B16F | 0x20000..=0x3FFFD);
    block && is_in_word(char)
}

/// Says whether a character is a letter, a digit or a combining mark.
pub(super) fn is_in_word(char: char) -> bool {
    use GeneralCategory::{EnclosingMark, NonspacingMark, SpacingMark};
    char.is_alphanumeric()
        || matches!(get_general_category(char), EnclosingMark | NonspacingMark | SpacingMark)
}
