//! What counts as punctuation, and as the end of a sentence.
//!
//! Both sets are those of datatrove (`PUNCTUATION_SET` and `TERMINAL_PUNCTUATION` in its `utils/text.py`, 281 and 159
//! characters), so that its rules can be compared with ours; the sentence ends are close to Unicode's property
//! Sentence_Terminal. Two oddities are kept: the full-width digit `１` is punctuation, and the ellipsis `…` ends no
//! sentence.

use std::cmp::Ordering;

/// Returns whether a character is punctuation: all of ASCII's, control characters, and those of many scripts.
pub fn is_punctuation(char: char) -> bool {
    match char {
        '\t' | '\n' | ' ' => false,
        '\0'..='\u{7F}' => char.is_ascii_punctuation() || char.is_ascii_control(),
        _ => contains(PUNCTUATION, char) || contains(SENTENCE_ENDS, char),
    }
}

/// Returns whether a character ends a sentence: `.`, `!`, `?`, `。`, `！`, `？` and the like of all scripts.
pub fn is_sentence_end(char: char) -> bool {
    match char {
        '\0'..='\u{7F}' => matches!(char, '.' | '!' | '?'),
        _ => contains(SENTENCE_ENDS, char),
    }
}

fn contains(ranges: &[(u32, u32)], char: char) -> bool {
    let code = u32::from(char);
    let order = |&(first, last): &(u32, u32)| match code {
        _ if last < code => Ordering::Less,
        _ if first > code => Ordering::Greater,
        _ => Ordering::Equal,
    };
    ranges.binary_search_by(order).is_ok()
}

/// First and last code points, ASCII left out.
#[rustfmt::skip]
const SENTENCE_ENDS: &[(u32, u32)] = &[
    (0x589, 0x589), (0x61D, 0x61F), (0x6D4, 0x6D4), (0x700, 0x702), (0x7F9, 0x7F9),
    (0x837, 0x837), (0x839, 0x839), (0x83D, 0x83E), (0x964, 0x965), (0x104A, 0x104B),
    (0x1362, 0x1362), (0x1367, 0x1368), (0x166E, 0x166E), (0x1735, 0x1736), (0x17D4, 0x17D6),
    (0x17D9, 0x17DA), (0x1803, 0x1803), (0x1809, 0x1809), (0x1944, 0x1945), (0x1AA8, 0x1AAB),
    (0x1B5A, 0x1B5B), (0x1B5E, 0x1B5F), (0x1B7D, 0x1B7E), (0x1C3B, 0x1C3C), (0x1C7E, 0x1C7F),
    (0x203C, 0x203D), (0x2047, 0x2049), (0x2E2E, 0x2E2E), (0x2E3C, 0x2E3C), (0x2E53, 0x2E54),
    (0x3002, 0x3002), (0xA4FF, 0xA4FF), (0xA60E, 0xA60F), (0xA6F3, 0xA6F3), (0xA6F7, 0xA6F7),
    (0xA876, 0xA877), (0xA8CE, 0xA8CF), (0xA92F, 0xA92F), (0xA9C8, 0xA9C9), (0xAA5D, 0xAA5F),
    (0xAAF0, 0xAAF1), (0xABEB, 0xABEB), (0xFE52, 0xFE52), (0xFE56, 0xFE57), (0xFF01, 0xFF01),
    (0xFF0E, 0xFF0E), (0xFF1F, 0xFF1F), (0xFF61, 0xFF61), (0x10A56, 0x10A57), (0x10F55, 0x10F59),
    (0x10F86, 0x10F89), (0x11047, 0x11048), (0x110BE, 0x110C1), (0x11141, 0x11143),
    (0x111C5, 0x111C6), (0x111CD, 0x111CD), (0x111DE, 0x111DF), (0x11238, 0x11239),
    (0x1123B, 0x1123C), (0x112A9, 0x112A9), (0x1144B, 0x1144C), (0x115C2, 0x115C3),
    (0x115C9, 0x115D7), (0x11641, 0x11642), (0x1173C, 0x1173E), (0x11944, 0x11944),
    (0x11946, 0x11946), (0x11A42, 0x11A43), (0x11A9B, 0x11A9C), (0x11C41, 0x11C42),
    (0x11EF7, 0x11EF8), (0x11F43, 0x11F44), (0x16A6E, 0x16A6F), (0x16AF5, 0x16AF5),
    (0x16B37, 0x16B38), (0x16B44, 0x16B44), (0x16E98, 0x16E98), (0x1BC9F, 0x1BC9F),
    (0x1DA88, 0x1DA88),
];

/// First and last code points of what is punctuation and ends no sentence, ASCII left out.
#[rustfmt::skip]
const PUNCTUATION: &[(u32, u32)] = &[
    (0x80, 0x9F), (0xAB, 0xAB), (0xB4, 0xB4), (0xBB, 0xBB), (0x2013, 0x2014), (0x2019, 0x2019),
    (0x201C, 0x201E), (0x2026, 0x2026), (0x2236, 0x2236), (0x2501, 0x2501), (0x25BA, 0x25BA),
    (0x3001, 0x3001), (0x3008, 0x300D), (0x3010, 0x3011), (0xFF05, 0xFF05), (0xFF08, 0xFF09),
    (0xFF0C, 0xFF0C), (0xFF11, 0xFF11), (0xFF1A, 0xFF1B), (0xFF5E, 0xFF5E),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_have_the_size_that_datatrove_gives_them() {
        let count = |is_member: fn(char) -> bool| {
            ('\0'..=char::MAX).filter(|&char| is_member(char)).count()
        };
        assert_eq!(count(is_punctuation), 281);
        assert_eq!(count(is_sentence_end), 159);
    }

    #[test]
    fn chinese_marks_are_known() {
        assert!("，。、；：？！（）《》【】“”—…".chars().all(is_punctuation));
        assert!("。！？".chars().all(is_sentence_end));
        assert!(!is_sentence_end('…') && !is_sentence_end('，') && !is_sentence_end('"'));
    }
}
