//! Words of scripts that are written without blanks, by the dictionaries of ICU4X.
//!
//! The rules of Unicode leave these to a dictionary: they cut a Thai or Khmer run at every syllable or so, and Japanese
//! at every kanji. Runs of Thai, Lao, Khmer and Burmese are looked up wherever they occur; runs of kanji and kana where
//! the text is Japanese. Korean has blanks, and is cut at them (a word with its particles) by the rules of Unicode:
//! dictionaries for its morphemes are tens of megabytes. The data add 3 MB to the program.

use std::sync::LazyLock;

use icu_segmenter::options::WordBreakInvariantOptions;
use icu_segmenter::{WordSegmenter, WordSegmenterBorrowed};

use super::chinese::split_where;
use super::{MAX_RUN_BYTES, Segment, is_han, unicode};

static SEGMENTER: LazyLock<WordSegmenterBorrowed<'static>> =
    LazyLock::new(|| WordSegmenter::new_dictionary(WordBreakInvariantOptions::default()));

/// Returns whether a character is of a script that is written without blanks, Chinese and Japanese left out.
pub(super) fn is_unspaced(char: char) -> bool {
    matches!(char, '\u{E00}'..='\u{EFF}' | '\u{1000}'..='\u{109F}' | '\u{1780}'..='\u{17FF}'
        | '\u{A9E0}'..='\u{A9FF}' | '\u{AA60}'..='\u{AA7F}')
}

/// Appends the segments of a Japanese text: runs of kanji and kana by dictionary, the rest by the rules of Unicode.
pub(super) fn cut_japanese(text: &str, segments: &mut Vec<Segment>) {
    let mut rest = text;
    while !rest.is_empty() {
        let start = text.len() - rest.len();
        let (other, from_run) = split_where(rest, is_japanese);
        unicode::cut(other, start, segments);
        let (run, after) = split_where(from_run, |char| !is_japanese(char));
        cut(run, start + other.len(), segments);
        rest = after;
    }
}

/// Appends the segments of a run that starts at byte `start` of its document.
pub(super) fn cut(mut run: &str, mut start: usize, segments: &mut Vec<Segment>) {
    while !run.is_empty() {
        let (head, tail) = run.split_at(run.floor_char_boundary(MAX_RUN_BYTES));
        let mut from = 0;
        for end in SEGMENTER.segment_str(head) {
            segments.extend(Segment::of(head.get(from..end).unwrap_or_default(), start + from));
            from = end;
        }
        start += head.len();
        run = tail;
    }
}

fn is_japanese(char: char) -> bool {
    is_han(char) || is_kana(char) || matches!(char, '々' | '〆' | '\u{FF66}'..='\u{FF9F}')
}

/// Returns whether a character is hiragana or katakana.
pub(super) fn is_kana(char: char) -> bool {
    matches!(char, '\u{3040}'..='\u{30FF}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::segment::Segment;
    use crate::{Tag, Words};

    fn words<'t>(text: &'t str, language: &str) -> Vec<&'t str> {
        let mut segments: Vec<Segment> = Vec::new();
        Words::Unicode.cut(text, Tag::read(language).unwrap_or_default(), &mut segments);
        segments.iter().map(|segment| segment.text(text)).collect()
    }

    #[test]
    fn japanese_is_cut_by_dictionary_where_it_is_named_or_prevails() {
        let text = "図書館は火曜日に再開しました。GPT-4も。";
        let expected = [
            "図書館",
            "は",
            "火曜日",
            "に",
            "再開",
            "しま",
            "した",
            "。",
            "GPT",
            "-",
            "4",
            "も",
            "。",
        ];
        assert_eq!(words(text, "ja"), expected);
        assert_eq!(words(text, ""), expected);
        assert_ne!(words(text, "en"), expected);
    }

    #[test]
    fn runs_without_blanks_are_cut_by_dictionary_in_any_text() {
        for language in ["th", "en", ""] {
            assert_eq!(
                words("Thai: ภาษาไทย, ok", language),
                ["Thai", ":", "ภาษา", "ไทย", ",", "ok"]
            );
        }
        assert_eq!(words("ខ្ញុំទៅផ្សារ", "km"), ["ខ្ញុំ", "ទៅ", "ផ្សារ"]);
    }

    #[test]
    fn korean_is_cut_at_blanks() {
        assert_eq!(words("도서관이 다시 열렸다.", "ko"), ["도서관이", "다시", "열렸다", "."]);
    }

    #[test]
    fn a_run_of_a_megabyte_is_cut() {
        let text = "ภาษาไทย".repeat(50_000);
        assert_eq!(words(&text, "th").concat(), text);
    }

    proptest! {
        #[test]
        fn loses_nothing_but_blanks(text in "[図書館はカー々ภาษาไทยក្មាA-C0-2，。 \n\u{301}]{0,40}", language in "ja|th|en") {
            let joined: String = words(&text, &language).concat();
            let solid = |text: &str| text.split_whitespace().collect::<String>();
            prop_assert_eq!(solid(&joined), solid(&text));
        }
    }
}
