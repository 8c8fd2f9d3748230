//! Words as datatrove cuts them, so that thresholds that were found with it mean the same.
//!
//! datatrove has a tokenizer for each language. For English it is spaCy's blank `en`, which is followed here exactly: text
//! is split at blanks; prefixes and suffixes (marks, brackets, `'s`, units behind digits) are split off until none is left;
//! a web address stays whole; what is left is split at infixes (hyphens between letters, `..`, emoji). A list of words
//! overrides all that: `don't` is `do` `n't`, `U.S.` and `:-)` stay whole. A mark is a token of its own.
//!
//! Chinese is cut by jieba over the whole text, marks and Latin words included, as spaCy's `zh` does with it. Japanese,
//! Korean, Thai, Lao, Khmer and Burmese, for which datatrove has tokenizers of other projects, are cut as in `unicode`. All
//! other languages have spaCy's base rules and base list. That is exact for those without rules of their own in spaCy;
//! others (German, French, Russian and more) add abbreviations and a few affixes there, which are left out here.

mod affixes;
mod classes;
mod specials;
mod url;

use std::sync::LazyLock;

use affixes::Affixes;
use specials::{MAX_BYTES, Specials};

use super::{Class, Segment, hash};

/// What is not split by language, from `lang/tokenizer_exceptions.py`: emoticons, single letters with a full stop.
const BASE_LIST: &str = include_str!("datatrove/base.txt");
/// What English adds, from `lang/en/tokenizer_exceptions.py`: contractions, abbreviations, times of day.
const ENGLISH_LIST: &str = include_str!("datatrove/english.txt");

static ENGLISH: LazyLock<Cutter> = LazyLock::new(|| Cutter::new(true, &[BASE_LIST, ENGLISH_LIST]));
static BASE: LazyLock<Cutter> = LazyLock::new(|| Cutter::new(false, &[BASE_LIST]));

/// Appends the tokens of an English text.
pub(super) fn cut_english(text: &str, segments: &mut Vec<Segment>) {
    ENGLISH.cut(text, segments);
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
    fn new(is_english: bool, lists: &[&str]) -> Cutter {
        let mut specials = Specials::read(lists);
        let cutter = Cutter { affixes: Affixes::new(is_english), specials: Specials::read(&[]) };
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
                || seen & !(LETTER | DIGIT) == 0 && word.ends_with(|char: char| char.is_ascii_digit());
            if is_plain {
                let hash = hash(word.as_bytes());
                if word.len() > MAX_BYTES || self.specials.find(hash).is_none() {
                    let class = Class { word: true, letter: seen & LETTER != 0, punctuation: false };
                    let (chars, start, end) = ((end - start) as u32, start as u32, end as u32);
                    segments.push(Segment { hash, start, end, chars, class });
                    continue;
                }
            }
            self.cut_word(word, start, &mut suffixes, segments);
        }
        self.specials.merge(text, segments);
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
