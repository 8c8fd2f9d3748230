//! Words as datatrove cuts them, so that thresholds that were found with it mean the same.
//!
//! datatrove has a tokenizer for each language. For English, and where the language is not known, it is spaCy's blank
//! `en`, which is followed here exactly: text is split at blanks; prefixes and suffixes (marks, brackets, `'s`, units
//! behind digits) are split off until none is left; a web address stays whole; what is left is split at infixes (hyphens
//! between letters, `..`, emoji). A list of words overrides all that: `don't` is `do` `n't`, `U.S.` and `:-)` stay whole.
//! A mark is a token of its own.
//!
//! Chinese is cut by jieba over the whole text, marks and Latin words included, as spaCy's `zh` does with it. Japanese,
//! Korean, Thai, Lao, Khmer and Burmese, for which datatrove has tokenizers of other projects, are cut as in `unicode`.
//! All other languages have spaCy's base rules and base list, French and Italian their elisions as well (`l'` `été`).
//! That is exact for languages without rules of their own in spaCy. Others add abbreviations and a few affixes there,
//! which are left out here: of the tokens of 100 sentences each in 16 languages (Arabic, Czech, Dutch, French, German,
//! Greek, Indonesian, Italian, Polish, Portuguese, Romanian, Russian, Spanish, Swedish, Turkish, Ukrainian), 98.2 % or
//! more are the same in each. IndicNLP's, Stanza's and other tokenizers, which datatrove has for some, are not followed.

mod affixes;
mod chinese;
mod classes;
mod specials;
mod url;

use std::sync::LazyLock;

use affixes::{Affixes, Rules};
pub(super) use chinese::cut_all as cut_chinese;
use specials::Specials;

use super::{Class, Segment, hash};

/// What is not split by language, from `lang/tokenizer_exceptions.py`: emoticons, single letters with a full stop.
const BASE_LIST: &str = include_str!("datatrove/base.txt");
/// What English adds, from `lang/en/tokenizer_exceptions.py`: contractions, abbreviations, times of day.
const ENGLISH_LIST: &str = include_str!("datatrove/english.txt");

static ENGLISH: LazyLock<Cutter> =
    LazyLock::new(|| Cutter::new(Rules::English, &[BASE_LIST, ENGLISH_LIST]));
static ELISION: LazyLock<Cutter> = LazyLock::new(|| Cutter::new(Rules::Elision, &[BASE_LIST]));
static BASE: LazyLock<Cutter> = LazyLock::new(|| Cutter::new(Rules::Base, &[BASE_LIST]));

/// Appends the tokens of an English text.
pub(super) fn cut_english(text: &str, segments: &mut Vec<Segment>) {
    ENGLISH.cut(text, segments);
}

/// Appends the tokens of a French or Italian text.
pub(super) fn cut_elided(text: &str, segments: &mut Vec<Segment>) {
    ELISION.cut(text, segments);
}

/// Appends the tokens of a text in a language that has spaCy's base rules.
pub(super) fn cut_base(text: &str, segments: &mut Vec<Segment>) {
    BASE.cut(text, segments);
}

/// Returns whether a character is blank to Python.
pub(super) fn is_blank(char: char) -> bool {
    char.is_whitespace() || ('\u{1C}'..='\u{1F}').contains(&char)
}

/// spaCy's tokenizer for one language.
struct Cutter {
    affixes: Affixes,
    specials: Specials,
}

impl Cutter {
    fn new(rules: Rules, lists: &[&str]) -> Cutter {
        let mut specials = Specials::read(lists);
        let cutter = Cutter { affixes: Affixes::new(rules), specials: Specials::read(&[]) };
        specials.set_patterns(|word| {
            let affixes = &cutter.affixes;
            let is_split = affixes.prefix(word) > 0
                || affixes.suffix(word) > 0
                || affixes.next_infix(word, 0).is_some();
            let mut tokens = Vec::new();
            cutter.cut_word(word, 0, &mut Vec::new(), &mut tokens);
            is_split.then(|| tokens.iter().map(|token| token.hash).collect())
        });
        Cutter { specials, ..cutter }
    }

    fn cut(&self, text: &str, segments: &mut Vec<Segment>) {
        let mut suffixes = Vec::new();
        let mut at = 0;
        while let Some(start) = skip_blanks(text, at) {
            let (end, seen) = word_end(text, start);
            at = end;
            let word = text.get(start..end).unwrap_or_default();
            // Letters alone, or digits at the end of them, have neither affix nor infix.
            let is_plain = seen == LETTER
                || seen & !(LETTER | DIGIT) == 0
                    && word.ends_with(|char: char| char.is_ascii_digit());
            if is_plain {
                self.push_core(word, start, seen, segments);
                continue;
            }
            if let Some((core, mark)) = split_mark(word)
                && self.specials.find_text(word).is_none()
            {
                self.push_core(core, start, LETTER, segments);
                segments.extend(token(mark, 0, mark.len(), start + core.len()));
                continue;
            }
            self.cut_word(word, start, &mut suffixes, segments);
        }
        self.specials.merge(text, segments);
    }

    /// Appends a word of letters and digits that nothing but the list can split.
    fn push_core(&self, word: &str, start: usize, seen: u8, segments: &mut Vec<Segment>) {
        let hash = hash(word.as_bytes());
        let class = Class { word: true, letter: seen & LETTER != 0, punctuation: false };
        match self.specials.find(hash) {
            None => {
                let (chars, end) = (word.len() as u32, start + word.len());
                let (start, end) = (start as u32, end as u32);
                segments.push(Segment { hash, start, end, chars, class });
            }
            Some(pieces) => {
                let mut from = 0;
                for &length in pieces {
                    segments.extend(token(word, from, from + usize::from(length), start));
                    from += usize::from(length);
                }
            }
        }
    }

    /// Cuts what stands between two blanks, and begins at byte `base` of the text; `suffixes` is a buffer.
    fn cut_word(
        &self,
        word: &str,
        base: usize,
        suffixes: &mut Vec<Segment>,
        segments: &mut Vec<Segment>,
    ) {
        let (mut start, mut end) = (0, word.len());
        let mut pieces = None;
        while start < end {
            let rest = word.get(start..end).unwrap_or_default();
            pieces = self.specials.find_text(rest);
            if pieces.is_some() {
                break;
            }
            let prefix = self.affixes.prefix(rest);
            let behind_prefix = rest.get(prefix..).unwrap_or_default();
            if prefix > 0 {
                pieces = self.specials.find_text(behind_prefix);
                if pieces.is_some() {
                    segments.extend(token(word, start, start + prefix, base));
                    start += prefix;
                    break;
                }
            }
            let suffix = self.affixes.suffix(behind_prefix);
            if suffix > 0 {
                suffixes.extend(token(word, end - suffix, end, base));
                end -= suffix;
                pieces = self.specials.find_text(word.get(start..end).unwrap_or_default());
                if pieces.is_some() {
                    break;
                }
            }
            if prefix > 0 {
                segments.extend(token(word, start, start + prefix, base));
                start += prefix;
            }
            if prefix + suffix == 0 {
                break;
            }
        }
        match pieces {
            Some(pieces) => {
                for &length in pieces {
                    segments.extend(token(word, start, start + usize::from(length), base));
                    start += usize::from(length);
                }
            }
            None => {
                self.cut_infixes(word.get(start..end).unwrap_or_default(), base + start, segments);
            }
        }
        // Suffixes were found from the outside inwards.
        segments.extend(suffixes.drain(..).rev());
    }

    /// Splits a word that has no prefix and no suffix left.
    fn cut_infixes(&self, word: &str, base: usize, segments: &mut Vec<Segment>) {
        let (mut start, mut from) = (0, 0);
        let is_whole = url::is_url(word, &self.affixes.classes);
        while let Some((infix, end)) = self.affixes.next_infix(word, from).filter(|_| !is_whole) {
            from = end;
            // An infix at the head stays with what follows.
            if infix > 0 {
                segments.extend(token(word, start, infix, base));
                segments.extend(token(word, infix, end, base));
                start = end;
            }
        }
        segments.extend(token(word, start, word.len(), base));
    }
}

/// Returns a piece of a word as a segment; `None` if it is empty.
fn token(word: &str, start: usize, end: usize, base: usize) -> Option<Segment> {
    let piece = word.get(start..end).unwrap_or_default();
    if piece.is_ascii() && !piece.is_empty() {
        let seen = piece.bytes().fold(0, |seen, byte| seen | KIND[usize::from(byte)]);
        let word = seen & (LETTER | DIGIT) != 0;
        let class = Class { word, letter: seen & LETTER != 0, punctuation: !word };
        return Some(Segment::new(piece.as_bytes(), base + start, piece.len() as u32, class));
    }
    Segment::of(piece, base + start)
}

/// Splits the most common of all affixes off: one mark behind letters of ASCII.
fn split_mark(word: &str) -> Option<(&str, &str)> {
    let (core, mark) = word.split_at_checked(word.len().checked_sub(1)?)?;
    let is_letters = |bytes: &[u8]| bytes.iter().all(|&byte| KIND[usize::from(byte)] == LETTER);
    let is_split = match mark {
        "," | ";" | ":" | "!" | "?" | ")" | "\"" => true,
        "." => core.ends_with(|last: char| last.is_ascii_lowercase()),
        _ => false,
    };
    (is_split && !core.is_empty() && is_letters(core.as_bytes())).then_some((core, mark))
}

const LETTER: u8 = 1;
const DIGIT: u8 = 2;
const BLANK: u8 = 4;
/// The first byte of a character that may be a blank.
const PERHAPS_BLANK: u8 = 8;
const OTHER: u8 = 16;

const KIND: [u8; 256] = {
    let mut kind = [OTHER; 256];
    let mut byte = 0;
    while byte < 256 {
        kind[byte] = match byte as u8 {
            b'a'..=b'z' | b'A'..=b'Z' => LETTER,
            b'0'..=b'9' => DIGIT,
            b'\t'..=b'\r' | b'\x1C'..=b'\x1F' | b' ' => BLANK,
            0xC2 | 0xE1..=0xE3 => PERHAPS_BLANK,
            _ => OTHER,
        };
        byte += 1;
    }
    kind
};

fn char_at(text: &str, at: usize) -> char {
    text.get(at..).and_then(|rest| rest.chars().next()).unwrap_or(' ')
}

/// Returns the offset of the next character that is not blank.
fn skip_blanks(text: &str, mut at: usize) -> Option<usize> {
    loop {
        match KIND[usize::from(*text.as_bytes().get(at)?)] {
            BLANK => at += 1,
            PERHAPS_BLANK if is_blank(char_at(text, at)) => at += char_at(text, at).len_utf8(),
            _ => return Some(at),
        }
    }
}

/// Returns the offset of the next blank, and the kinds of the bytes before it.
fn word_end(text: &str, start: usize) -> (usize, u8) {
    let (mut at, mut seen) = (start, 0);
    while let Some(&byte) = text.as_bytes().get(at) {
        let kind = KIND[usize::from(byte)];
        if kind == BLANK || kind == PERHAPS_BLANK && is_blank(char_at(text, at)) {
            break;
        }
        seen |= kind;
        at += if byte < 0xC0 { 1 } else { char_at(text, at).len_utf8() };
    }
    (at, seen)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words_by(cut: fn(&str, &mut Vec<Segment>), text: &str) -> Vec<&str> {
        let mut segments = Vec::new();
        cut(text, &mut segments);
        for segment in &segments {
            assert_eq!(Some(*segment), Segment::of(segment.text(text), segment.start as usize));
        }
        segments.iter().map(|segment| segment.text(text)).collect()
    }

    /// Each line as spaCy 3.8 cuts it, with a blank between tokens, and the text where that differs.
    #[test]
    fn english_is_cut_as_spacy_cuts_it() {
        for (text, expected) in [
            ("I don't, she's won't've.", "I do n't , she 's wo n't 've ."),
            ("cannot Gonna wont its ill", "can not Gon na wo nt its ill"),
            (
                "In the U.S. at 10a.m. e.g. Mr. Ng, Ph.D.",
                "In the U.S. at 10 a.m. e.g. Mr. Ng , Ph.D.",
            ),
            (
                "well-known, 3-4 10-year a--b x---y z----w",
                "well - known , 3 - 4 10 - year a -- b x --- y z----w",
            ),
            (
                "see http://a.com/x?y=1, a.b@c.org (1.2.3.4:80)",
                "see http://a.com/x?y=1 , a.b@c.org ( 1.2.3.4:80 )",
            ),
            ("10km 5% $3.50 US$5 5US$ 3G x5t", "10 km 5 % $ 3.50 US$ 5 5 US$ 3 G x5 t"),
            (":) foo:) (8) : ) word:-D", ":) foo :) ( 8) : ) word:-D"),
            (
                "End.Start a.b wait...what 'quoted' “it’s”",
                "End . Start a.b wait ... what ' quoted ' “ it ’s ”",
            ),
            ("1+1 a+b a/b a:b x=y and/or w/o", "1 + 1 a+b a / b a : b x = y and/or w/o"),
            ("naïve,café 上海,北京 x©y 12°C.", "naïve , café 上海 , 北京 x © y 12 ° C ."),
            ("\u{1C}a\u{1F}b\u{85}c\u{3000}d\u{200B}e", "a b c d\u{200B}e"),
            ("...word... ?!? -- - $ +5 +x", "... word ... ? ! ? -- - $ +5 + x"),
        ] {
            let words = words_by(cut_english, text);
            assert_eq!(words.join(" "), expected, "{text}");
        }
    }

    #[test]
    fn other_languages_have_the_base_rules() {
        let words = words_by(cut_base, "L'été, don't 10-year bien-être :-) z.");
        assert_eq!(words.join(" "), "L'été , don't 10-year bien - être :-) z.");
        let words = words_by(cut_elided, "L'été, d’abord dell'arte 'a' l''x");
        assert_eq!(words.join(" "), "L' été , d’ abord dell' arte ' a ' l''x");
    }

    #[test]
    fn only_words_that_are_split_alike_have_no_pattern_of_several_tokens() {
        for cutter in [&*ENGLISH, &*ELISION, &*BASE] {
            for (text, pieces) in cutter.specials.words() {
                let mut tokens = Vec::new();
                cutter.cut(text, &mut tokens);
                assert_eq!(tokens.len(), pieces.len(), "{text}");
            }
        }
    }

    proptest! {
        #[test]
        fn loses_nothing_but_blanks(text in any::<String>()) {
            let joined: String = words_by(cut_english, &text).concat();
            prop_assert_eq!(joined, text.split(is_blank).collect::<String>());
        }

        #[test]
        fn loses_nothing_but_blanks_of_marks(text in "[a-cA-C0-2 .,:;()'’…$%+@/\\-—°FéÉ上。😀\n_8DoOxX=<>]{0,40}") {
            for cut in [cut_english, cut_elided, cut_base] {
                let joined: String = words_by(cut, &text).concat();
                prop_assert_eq!(joined, text.split(is_blank).collect::<String>());
            }
        }
    }
}
