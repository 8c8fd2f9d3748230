//! The best-known patterns, written out by hand.
//!
//! Each function tries the branches of its pattern in their order at one place and returns where the match ends,
//! which is never where it began. Names of branches are given as the pattern spells them.

use super::class::{
    CASELESS, HAN, HAN_OR_KANA, Kinds, LETTER, LINE_END, LOWER, MARK, NUMBER, OTHER, PUNCTUATION,
    SPACE, Set, UPPER, WHITE,
};

/// A pattern that is cut by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scanner {
    Gpt2,
    /// cl100k, Llama 3 and Qwen 2 as Hugging Face spells them.
    Cl100k {
        max_digits: usize,
    },
    /// cl100k as tiktoken spells it since 0.8: white space up to the end of the text is one piece.
    Cl100kEndFirst {
        max_digits: usize,
    },
    /// Qwen 3.5: marks belong to words.
    Qwen35,
    O200k,
    Tekken,
    Kimi,
    DeepSeek,
}

/// What tells the patterns with case apart.
#[derive(Clone, Copy)]
struct Cased {
    max_digits: usize,
    contractions: bool,
    slash: bool,
    han_apart: bool,
}

impl Scanner {
    /// Calls `emit` with each piece of `text`.
    pub(super) fn split<'t>(self, text: &'t str, emit: impl FnMut(&'t str)) {
        const O200K: Cased =
            Cased { max_digits: 3, contractions: true, slash: true, han_apart: false };
        let kinds = Kinds::of(text);
        match self {
            Self::Gpt2 => cut(text, emit, |at| after_gpt2(kinds, at)),
            Self::Cl100k { max_digits } => {
                cut(text, emit, |at| after_cl100k(kinds, at, 0, max_digits, false));
            }
            Self::Cl100kEndFirst { max_digits } => {
                cut(text, emit, |at| after_cl100k(kinds, at, 0, max_digits, true));
            }
            Self::Qwen35 => cut(text, emit, |at| after_cl100k(kinds, at, MARK, 1, false)),
            Self::O200k => cut(text, emit, |at| after_cased(kinds, at, O200K)),
            Self::Tekken => {
                let tekken = Cased { max_digits: 1, contractions: false, ..O200K };
                cut(text, emit, |at| after_cased(kinds, at, tekken));
            }
            Self::Kimi => {
                let kimi = Cased { slash: false, han_apart: true, ..O200K };
                cut(text, emit, |at| after_cased(kinds, at, kimi));
            }
            Self::DeepSeek => cut(text, emit, |at| after_deepseek(kinds, at)),
        }
    }
}

/// Cuts a text where `after` says that pieces end.
#[inline(always)]
fn cut<'t>(text: &'t str, mut emit: impl FnMut(&'t str), after: impl Fn(usize) -> usize) {
    let mut rest = text;
    let mut at = 0;
    while !rest.is_empty() {
        let end = after(at);
        let (piece, tail) = rest.split_at(end - at);
        emit(piece);
        (rest, at) = (tail, end);
    }
}

fn after_gpt2(kinds: Kinds, at: usize) -> usize {
    // 's|'t|'re|'ve|'m|'ll|'d
    if kinds.byte(at) == Some(b'\'')
        && let Some(end) = after_contraction(kinds.text, at, false)
    {
        return end;
    }
    // ` ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+`
    let start = at + usize::from(kinds.byte(at) == Some(b' '));
    let (kind, next) = kinds.at(start);
    for set in [LETTER, NUMBER, OTHER | PUNCTUATION | MARK] {
        if kind & set != 0 {
            return kinds.run(set, next);
        }
    }
    after_white(kinds, at, WHITE, 0, 0, false)
}

/// `marks` are those that belong to words.
#[inline(always)]
fn after_cl100k(kinds: Kinds, at: usize, marks: Set, max_digits: usize, end_first: bool) -> usize {
    // (?i:'s|'t|'re|'ve|'m|'ll|'d)
    if kinds.byte(at) == Some(b'\'')
        && let Some(end) = after_contraction(kinds.text, at, true)
    {
        return end;
    }
    let words = LETTER | marks;
    let others = (OTHER | PUNCTUATION | MARK) & !marks;
    let (first, second) = kinds.at(at);
    // [^\r\n\p{L}\p{N}]?\p{L}+
    if first & words != 0 {
        return kinds.run(words, second);
    }
    let (kind, third) = kinds.at(second);
    if first & (OTHER | PUNCTUATION | MARK | SPACE) != 0 && kind & words != 0 {
        return kinds.run(words, third);
    }
    // \p{N}{1,3}
    if first & NUMBER != 0 {
        return after_digits(kinds, second, max_digits);
    }
    // ` ?[^\s\p{L}\p{N}]+[\r\n]*`
    if first & others != 0 || kinds.byte(at) == Some(b' ') && kind & others != 0 {
        return kinds.run(LINE_END, kinds.run(others, second));
    }
    // \s*[\r\n]+|\s+(?!\S)|\s+
    after_white(kinds, at, WHITE, LINE_END, 0, end_first)
}

#[inline(always)]
fn after_cased(kinds: Kinds, at: usize, pattern: Cased) -> usize {
    let apart = if pattern.han_apart { HAN } else { 0 };
    let (first, second) = kinds.at(at);
    // [\p{Han}]+
    if first & apart != 0 {
        return kinds.run(HAN, second);
    }
    let both = (CASELESS | MARK) & !apart;
    let (upper, lower) = (UPPER & !apart, LOWER & !apart);
    // The two branches for words, first with the optional character before them, then without.
    let end = if first & (OTHER | PUNCTUATION | MARK | SPACE) != 0 {
        after_cased_word(kinds, second, upper, lower, both)
            .or_else(|| {
                (first & MARK != 0)
                    .then(|| after_cased_word(kinds, at, upper, lower, both))
                    .flatten()
            })
            .or_else(|| after_upper(kinds, second, upper, both))
    } else {
        after_cased_word(kinds, at, upper, lower, both)
            .or_else(|| after_upper(kinds, at, upper, both))
    };
    if let Some(end) = end {
        // (?i:'s|'t|'re|'ve|'m|'ll|'d)?
        let contraction = (pattern.contractions && kinds.byte(end) == Some(b'\''))
            .then(|| after_contraction(kinds.text, end, true));
        return contraction.flatten().unwrap_or(end);
    }
    // \p{N}{1,3}
    if first & NUMBER != 0 {
        return after_digits(kinds, second, pattern.max_digits);
    }
    // ` ?[^\s\p{L}\p{N}]+[\r\n/]*`
    let others = OTHER | PUNCTUATION | MARK;
    let follows = || kinds.byte(at) == Some(b' ') && kinds.at(second).0 & others != 0;
    if first & others != 0 || follows() {
        let mut end = kinds.run(others, second);
        while matches!(kinds.byte(end), Some(b'\r' | b'\n'))
            || pattern.slash && kinds.byte(end) == Some(b'/')
        {
            end += 1;
        }
        return end;
    }
    // \s*[\r\n]+|\s+(?!\S)|\s+
    after_white(kinds, at, WHITE, LINE_END, 0, false)
}

/// `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+`
///
/// The first run takes all it can. Where no lower case follows it, it gives back as little as leaves the second
/// one a character, which is its last one without case.
#[inline(always)]
fn after_cased_word(kinds: Kinds, at: usize, upper: Set, lower: Set, both: Set) -> Option<usize> {
    let mut end = at;
    let mut after_last_both = None;
    loop {
        let (kind, next) = kinds.at(end);
        if kind & both != 0 {
            after_last_both = Some(next);
        } else if kind & lower != 0 {
            return Some(kinds.run(lower | both, next));
        } else if kind & upper == 0 {
            return after_last_both;
        }
        end = next;
    }
}

/// `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*` where the other branch failed: capitals alone.
#[inline(always)]
fn after_upper(kinds: Kinds, at: usize, upper: Set, both: Set) -> Option<usize> {
    Some(kinds.run(upper | both, at)).filter(|&end| end > at)
}

/// The three patterns of DeepSeek, each applied to the pieces of the one before.
///
/// Numbers and runs of Han or kana end the text for what stands before them.
fn after_deepseek(kinds: Kinds, at: usize) -> usize {
    let (first, second) = kinds.at(at);
    // \p{N}{1,3}, which the second and the third pattern leave whole.
    if first & NUMBER != 0 {
        return after_digits(kinds, second, 3);
    }
    // [一-龥぀-ゟ゠-ヿ]+, cut by the third pattern as well.
    let inside = if first & HAN_OR_KANA != 0 { HAN_OR_KANA } else { !(HAN_OR_KANA | NUMBER) };
    let words = (LETTER | MARK) & inside;
    let marks = PUNCTUATION & inside;
    // [!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+
    let is_letter = |at| kinds.byte(at).is_some_and(|byte| byte.is_ascii_alphabetic());
    if kinds.byte(at).is_some_and(|byte| byte.is_ascii_punctuation()) && is_letter(second) {
        let mut end = second;
        while is_letter(end) {
            end += 1;
        }
        return end;
    }
    // [^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+
    if first & words != 0 {
        return kinds.run(words, second);
    }
    let (kind, third) = kinds.at(second);
    if first & (OTHER | SPACE) != 0 && kind & words != 0 {
        return kinds.run(words, third);
    }
    // ` ?[\p{P}\p{S}]+[\r\n]*`
    if first & marks != 0 || kinds.byte(at) == Some(b' ') && kind & marks != 0 {
        return kinds.run(LINE_END & inside, kinds.run(marks, second));
    }
    if first & WHITE != 0 {
        return after_white(kinds, at, WHITE & inside, LINE_END, HAN_OR_KANA | NUMBER, false);
    }
    // What matches nothing is a piece, up to the next match.
    let mut end = second;
    loop {
        let (kind, next) = kinds.at(end);
        if kind & OTHER & inside == 0 || kinds.at(next).0 & words != 0 {
            return end;
        }
        end = next;
    }
}

/// `\s*[\r\n]+|\s+(?!\S)|\s+`: spaces up to the last line end, or up to the end of the text, or all but the last
/// one, or the only one. Characters of `ends` end the text; `end_first` puts `\s++$` before line ends.
#[inline(always)]
fn after_white(
    kinds: Kinds,
    at: usize,
    white: Set,
    line_ends: Set,
    ends: Set,
    end_first: bool,
) -> usize {
    let mut end = at;
    let mut last = at;
    let mut after_line_end = None;
    loop {
        let (kind, next) = kinds.at(end);
        if kind & white == 0 {
            let at_end = kind == 0 || kind & ends != 0;
            return match after_line_end {
                Some(after) if !(at_end && end_first) => after,
                _ if at_end || last == at => end,
                _ => last,
            };
        }
        if kind & line_ends != 0 {
            after_line_end = Some(next);
        }
        (last, end) = (end, next);
    }
}

/// Returns the end of at most `max_digits` numbers, the first of which ends at `end`.
#[inline(always)]
fn after_digits(kinds: Kinds, mut end: usize, max_digits: usize) -> usize {
    for _ in 1..max_digits {
        let (kind, next) = kinds.at(end);
        if kind & NUMBER == 0 {
            break;
        }
        end = next;
    }
    end
}

/// Returns what follows `'s`, `'t`, `'re`, `'ve`, `'m`, `'ll` or `'d` at `at`; without case, ſ is an s as well.
fn after_contraction(text: &[u8], at: usize, any_case: bool) -> Option<usize> {
    let fold = |byte: u8| if any_case { byte.to_ascii_lowercase() } else { byte };
    let second = fold(*text.get(at + 1)?);
    let third = text.get(at + 2).copied();
    match (second, third.map(fold)) {
        (b's' | b't' | b'm' | b'd', _) => Some(at + 2),
        (b'r' | b'v', Some(b'e')) | (b'l', Some(b'l')) => Some(at + 3),
        (0xc5, _) if any_case && third == Some(0xbf) => Some(at + 3),
        _ => None,
    }
}
