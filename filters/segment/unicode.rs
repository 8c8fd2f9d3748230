//! Words by the rules of Unicode (UAX #29), with a fast path for ASCII.
//!
//! The library's state machine reads each character through a table of ranges, at about 60 MB/s. Most text that it
//! meets is ASCII, where the whole standard comes down to one table of bytes and the rule for marks inside words
//! (`don't`, `3.14`). So ASCII is cut here, and with it dashes, curly quotes and Chinese marks where they stand apart.
//! Each stretch that touches another character goes to the library, but for runs of scripts without blanks, which go to
//! a dictionary.

use unicode_segmentation::UnicodeSegmentation;

use super::dictionary::is_unspaced;
use super::{Class, Segment, dictionary};

const LETTER: u8 = 1;
const DIGIT: u8 = 2;
const UNDERSCORE: u8 = 4;
const CORE: u8 = LETTER | DIGIT | UNDERSCORE;
const BLANK: u8 = 8;
const OTHER_SCRIPT: u8 = 16;

/// What each byte is to the rules; 0 is a mark.
const KIND: [u8; 256] = {
    let mut kind = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        kind[byte] = match byte as u8 {
            b'a'..=b'z' | b'A'..=b'Z' => LETTER,
            b'0'..=b'9' => DIGIT,
            b'_' => UNDERSCORE,
            b'\t'..=b'\r' | b' ' => BLANK,
            0x80.. => OTHER_SCRIPT,
            _ => 0,
        };
        byte += 1;
    }
    kind
};

/// A mark outside ASCII that is frequent, and simple enough to be cut here.
enum Wide {
    /// No rule joins it to anything before it.
    Apart,
    /// Joins letters or digits on both sides of it, as `:` does.
    Between,
}

/// The length of a wide mark in bytes.
const WIDE: usize = 3;

/// Returns what kind of wide mark begins at `at`, if one does: dashes, curly quotes and the marks of Chinese.
fn wide_mark(bytes: &[u8], at: usize) -> Option<Wide> {
    match bytes.get(at..at + WIDE)? {
        // – — “ ” …
        [0xE2, 0x80, 0x93 | 0x94 | 0x9C | 0x9D | 0xA6]
        // 、 。 and brackets from 〈 to 】 and from 〔 to 〛
        | [0xE3, 0x80, 0x81 | 0x82 | 0x88..=0x91 | 0x94..=0x9B]
        // ！ （ ） ？
        | [0xEF, 0xBC, 0x81 | 0x88 | 0x89 | 0x9F] => Some(Wide::Apart),
        // ‘ ’
        [0xE2, 0x80, 0x98 | 0x99]
        // ， ： ；
        | [0xEF, 0xBC, 0x8C | 0x9A | 0x9B] => Some(Wide::Between),
        _ => None,
    }
}

/// Returns whether a segment of ASCII ends at `end` because a wide mark follows, or an ASCII mark and then a wide one.
#[inline(never)]
fn ends_before_wide(bytes: &[u8], end: usize, is_core: bool) -> bool {
    let follows = bytes.get(end).is_some_and(u8::is_ascii);
    match wide_mark(bytes, end + usize::from(follows)) {
        Some(Wide::Apart) => true,
        // It joins letters or digits if it touches them on both sides.
        Some(Wide::Between) => !is_core || follows,
        None => false,
    }
}

/// Appends the wide mark at `start`, or the stretch up to the next safe blank, and returns where it ends.
#[inline(never)]
fn cut_other(text: &str, start: usize, base: usize, segments: &mut Vec<Segment>) -> usize {
    let bytes = text.as_bytes();
    let after = start + WIDE;
    if wide_mark(bytes, start).is_some()
        && (bytes.get(after).is_none_or(u8::is_ascii) || wide_mark(bytes, after).is_some())
    {
        let mark = text.get(start..after).unwrap_or_default();
        segments.extend(Segment::of(mark, base + start));
        return after;
    }
    let end = next_blank(text, start);
    cut_by_library(text, start..end, base, segments);
    end
}

/// Appends the segments of a text that starts at byte `base` of its document.
pub(super) fn cut(text: &str, base: usize, segments: &mut Vec<Segment>) {
    let bytes = text.as_bytes();
    let kind = |at: usize| bytes.get(at).map_or(0, |&byte| KIND[byte as usize]);
    let mut start = 0;
    while start < bytes.len() {
        let first = kind(start);
        let mut end = start + 1;
        let mut seen = first;
        if first == BLANK {
            while kind(end) == BLANK {
                end += 1;
            }
        } else if first & CORE != 0 {
            loop {
                let next = kind(end);
                if next & CORE != 0 {
                    seen |= next;
                } else if !joins(bytes, end) {
                    break;
                }
                end += 1;
            }
        }
        // What follows ASCII may belong to it, such as a combining mark, or a letter after the mark in `l'été`.
        let mark_follows = first & CORE != 0 && kind(end) == 0;
        let next = if mark_follows { kind(end + 1) } else { kind(end) };
        if (first | next) & OTHER_SCRIPT != 0
            && (first == OTHER_SCRIPT || !ends_before_wide(bytes, end, first & CORE != 0))
        {
            end = cut_other(text, start, base, segments);
        } else if first != BLANK {
            let class = Class {
                word: seen & (LETTER | DIGIT) != 0,
                letter: seen & LETTER != 0,
                punctuation: seen & (LETTER | DIGIT) == 0,
            };
            let chars = (end - start) as u32;
            segments.push(Segment::new(&bytes[start..end], base + start, chars, class));
        }
        start = end;
    }
}

/// Returns whether the mark at `at` joins the letters or the digits on both sides of it (rules WB6, 7, 11, 12).
fn joins(bytes: &[u8], at: usize) -> bool {
    let (Some(before), Some(&mark), Some(after)) =
        (bytes.get(at - 1), bytes.get(at), bytes.get(at + 1))
    else {
        return false;
    };
    match mark {
        b'.' | b'\'' => {
            before.is_ascii_alphabetic() && after.is_ascii_alphabetic()
                || before.is_ascii_digit() && after.is_ascii_digit()
        }
        b':' => before.is_ascii_alphabetic() && after.is_ascii_alphabetic(),
        b',' | b';' => before.is_ascii_digit() && after.is_ascii_digit(),
        _ => false,
    }
}

/// Returns the next place behind `start` where the text can be cut without changing a boundary on either side:
/// before an ASCII blank that follows no blank.
fn next_blank(text: &str, start: usize) -> usize {
    let rest = text.get(start..).unwrap_or_default();
    let mut after_blank = true;
    for (at, char) in rest.char_indices() {
        let blank = char.is_whitespace();
        if blank && !after_blank && char.is_ascii() {
            return start + at;
        }
        after_blank = blank;
    }
    text.len()
}

fn cut_by_library(
    text: &str,
    range: std::ops::Range<usize>,
    base: usize,
    segments: &mut Vec<Segment>,
) {
    let mut start = base + range.start;
    let mut rest = text.get(range).unwrap_or_default();
    while !rest.is_empty() {
        let (stretch, from_run) = rest.split_at(rest.find(is_unspaced).unwrap_or(rest.len()));
        segments.extend(
            stretch
                .split_word_bound_indices()
                .filter_map(|(offset, segment)| Segment::of(segment, start + offset)),
        );
        start += stretch.len();
        let end = from_run.find(|char| !is_unspaced(char)).unwrap_or(from_run.len());
        let (run, after) = from_run.split_at(end);
        dictionary::cut(run, start, segments);
        start += run.len();
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str) {
        let mut segments = Vec::new();
        cut(text, 0, &mut segments);
        let ours: Vec<&str> = segments.iter().map(|segment| segment.text(text)).collect();
        let library: Vec<&str> =
            text.split_word_bounds().filter(|segment| !segment.trim().is_empty()).collect();
        assert_eq!(ours, library, "segments of {text:?}");
        let words = segments.iter().filter(|segment| segment.is_word());
        let ours: Vec<&str> = words.map(|segment| segment.text(text)).collect();
        assert_eq!(ours, text.unicode_words().collect::<Vec<_>>(), "words of {text:?}");
        for segment in segments {
            assert_eq!(Some(segment), Segment::of(segment.text(text), segment.start as usize));
        }
    }

    #[test]
    fn agrees_with_the_library_where_ascii_meets_other_scripts() {
        for text in [
            "don't 3.14 1,000.5 a.b.c http://x.y/z_1 x. .5 5. a'' 'a' _ __a a_.b 1:2 a:b a;b 1;2",
            "l'été l'a 3.é é.3 naïve.com a\u{301}b \u{301}a a \u{301}b \t\u{301}",
            "\u{3000} \u{308}x \u{2003}  y a\u{200D}b \r\n\u{301} \r\u{301}\n \u{85}\u{301}",
            "\u{5D0}\"\u{5D0} \u{5D0}' a\"b 上海abc上海 ab上 🇩🇪🇫🇷🇩 👩‍👩‍👧 カタカナ ｶﾅ",
            "“a—b” ‘a’ a’b a’ ’b a.” 3，4 3， ，4 a：b ：b a； a.， 1，.2 ’’ a’’b _，_ “\u{301} —\u{200D}a a—\u{301}",
            "。“上，（a）3、4。\u{FE0F}，\u{301}。\n\n，\u{3000}。 \u{AD}— a\u{301}，a ！？…",
            "",
            " ",
            "\0\0a\0",
            "...---***",
        ] {
            check(text);
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_library_on_any_text(text in any::<String>()) {
            prop_assume!(!text.contains(is_unspaced));
            check(&text);
        }

        #[test]
        fn agrees_with_the_library_on_mixtures(
            parts in prop::collection::vec(prop_oneof![
                "[a-c0-2_.,;:'\" \\t\\n\\r-]{1,4}",
                Just("é".to_owned()), Just("\u{301}".to_owned()), Just("\u{3000}".to_owned()),
                Just("\u{200D}".to_owned()), Just("\u{AD}".to_owned()), Just("上海".to_owned()),
                Just("\u{5D0}".to_owned()), Just("🇩".to_owned()), Just("👩".to_owned()), Just("\u{85}".to_owned()),
                "[–—“”…、。〈】〔〛！（）？]", "[‘’，：；]", "[‘’，：；。“—][a1]",
                Just("カ".to_owned()), Just("\u{661}".to_owned()), Just("\u{2019}".to_owned()),
            ], 0..12)
        ) {
            check(&parts.concat());
        }
    }
}
