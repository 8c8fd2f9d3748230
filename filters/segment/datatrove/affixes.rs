//! Where spaCy's prefix, suffix and infix rules split a word.
//!
//! spaCy joins its rules to three regular expressions. Each comes down to a look at a few characters, because no rule reaches
//! further than five characters back, or than the end of a run of full stops.

use super::classes::{ALPHA, BEFORE_DOT, Classes, ICON, LOWER, PREFIX, QUOTE, SUFFIX, UPPER};

/// Units and currencies, which are split off behind a digit.
#[rustfmt::skip]
const UNITS: &[&str] = &[
    "km", "km²", "km³", "m", "m²", "m³", "dm", "dm²", "dm³", "cm", "cm²", "cm³", "mm", "mm²", "mm³", "ha", "µm", "nm",
    "yd", "in", "ft", "kg", "g", "mg", "µg", "t", "lb", "oz", "m/s", "km/h", "kmh", "mph", "hPa", "Pa", "mbar", "mb",
    "MB", "kb", "KB", "gb", "GB", "tb", "TB", "T", "G", "M", "K", "%",
    "км", "км²", "км³", "м", "м²", "м³", "дм", "дм²", "дм³", "см", "см²", "см³", "мм", "мм²", "мм³", "нм", "кг", "г",
    "мг", "м/с", "км/ч", "кПа", "Па", "мбар", "Кб", "КБ", "кб", "Мб", "МБ", "мб", "Гб", "ГБ", "гб", "Тб", "ТБ",
    // spaCy joins these two by mistake, so that neither `тб` nor the first of the Arabic ones is a unit.
    "тбكم",
    "كم²", "كم³", "م", "م²", "م³", "سم", "سم²", "سم³", "مم", "مم²", "مم³", "كم", "غرام", "جرام", "جم", "كغ", "ملغ",
    "كوب", "اكواب",
    "$", "£", "€", "¥", "฿", "US$", "C$", "A$", "₽", "﷼", "₴", "₠", "₡", "₢", "₣", "₤", "₥", "₦", "₧", "₨", "₩", "₪",
    "₫", "₭", "₮", "₯", "₰", "₱", "₲", "₳", "₵", "₶", "₷", "₸", "₹", "₺", "₻", "₼", "₾", "₿",
];

/// The characters of the longest unit.
const MAX_UNIT_CHARS: usize = 5;

/// Whose rules are meant.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Rules {
    /// Splits at a hyphen behind a digit as well.
    English,
    /// Splits behind an apostrophe between letters as well, for French and Italian.
    Elision,
    Base,
}

pub(super) struct Affixes {
    pub(super) classes: Classes,
    rules: Rules,
}

impl Affixes {
    pub(super) fn new(rules: Rules) -> Affixes {
        Affixes { classes: Classes::new(), rules }
    }

    /// Returns the length in bytes of what is split off at the head, or 0.
    pub(super) fn prefix(&self, word: &str) -> usize {
        let mut chars = word.chars();
        let Some(first) = chars.next() else { return 0 };
        match first {
            '+' => usize::from(!chars.next().is_some_and(|next| next.is_ascii_digit())),
            '.' => Some(run(word, b'.')).filter(|&dots| dots > 1).unwrap_or(0),
            'U' if word.starts_with("US$") => 3,
            'A' | 'C' if chars.next() == Some('$') => 2,
            _ if self.classes.of(first) & PREFIX != 0 => first.len_utf8(),
            _ => 0,
        }
    }

    /// Returns the length in bytes of the longest piece that is split off at the end, or 0.
    pub(super) fn suffix(&self, word: &str) -> usize {
        let mut before = word.chars();
        let Some(last) = before.next_back() else { return 0 };
        let previous = before.clone().next_back();
        let follows_digit = previous.is_some_and(|char| char.is_ascii_digit());
        let single = if self.classes.of(last) & SUFFIX != 0 { last.len_utf8() } else { 0 };
        match last {
            'a'..='r' | 't'..='z' | 'A'..='R' | 'T'..='Z' | '%' | '$' => unit(word),
            '0'..='9' => 0,
            '.' => self.suffix_dots(word),
            '+' => usize::from(follows_digit),
            's' | 'S' => match previous {
                Some('\'') => 2,
                Some('’') => 1 + '’'.len_utf8(),
                _ => unit(word),
            },
            '…' if previous == Some('…') => 2 * '…'.len_utf8(),
            _ if last.is_ascii() => single,
            _ => single.max(unit(word)),
        }
    }

    fn suffix_dots(&self, word: &str) -> usize {
        let dots = word.bytes().rev().take_while(|&byte| byte == b'.').count();
        if dots > 1 {
            return dots;
        }
        let mut before = word.chars().rev().skip(1);
        let (last, previous) = (before.next(), before.next());
        let is_split = self.classes.has(last, BEFORE_DOT)
            || matches!((previous, last), (Some('°'), Some('F' | 'f' | 'C' | 'c' | 'K' | 'k')))
            || self.classes.has(last, UPPER) && self.classes.has(previous, UPPER);
        usize::from(is_split)
    }

    /// Returns the offsets of the first infix at or behind `start`; one that is empty lies behind it.
    pub(super) fn next_infix(&self, word: &str, start: usize) -> Option<(usize, usize)> {
        let (head, rest) = word.split_at_checked(start)?;
        let mut previous = head.chars().next_back();
        let mut before_previous = None;
        for (offset, char) in rest.char_indices() {
            // Letters and digits of ASCII, which are most of any word, begin nothing.
            if !char.is_ascii_alphanumeric() {
                let at = start + offset;
                let length = self.infix(previous, char, word.get(at..).unwrap_or_default());
                if length > 0 {
                    return Some((at, at + length));
                }
            }
            if self.rules == Rules::Elision
                && offset > 0
                && matches!(previous, Some('\'' | '’'))
                && self.classes.has(before_previous, ALPHA)
                && self.classes.of(char) & ALPHA != 0
            {
                return Some((start + offset, start + offset));
            }
            before_previous = previous;
            previous = Some(char);
        }
        None
    }

    /// Returns the length of the infix that begins with `char`, the first of `rest`, or 0.
    fn infix(&self, previous: Option<char>, char: char, rest: &str) -> usize {
        let classes = &self.classes;
        let digit = previous.is_some_and(|char| char.is_ascii_digit());
        let next = || rest.chars().nth(1);
        let next_is = |class: u8| classes.has(next(), class);
        let is_split = match char {
            '.' => {
                let dots = run(rest, b'.');
                if dots > 1 {
                    return dots;
                }
                classes.has(previous, LOWER | QUOTE) && next_is(UPPER | QUOTE)
            }
            '+' | '*' | '^' => digit && is_digit_or_hyphen(next()),
            ',' => classes.has(previous, ALPHA) && next_is(ALPHA),
            ':' | '<' | '>' | '=' | '/' => {
                (digit || classes.has(previous, ALPHA)) && next_is(ALPHA)
            }
            '-' | '–' | '—' | '~' => {
                if char == '-' && digit && is_digit_or_hyphen(next()) {
                    return 1;
                }
                let behind = digit && self.rules == Rules::English || classes.has(previous, ALPHA);
                return if behind { self.hyphens(char, rest) } else { 0 };
            }
            '…' => true,
            _ => classes.of(char) & ICON != 0,
        };
        if is_split { char.len_utf8() } else { 0 }
    }

    /// Returns the length of the hyphens or dashes at the head, if there are not too many and a letter follows.
    fn hyphens(&self, hyphen: char, rest: &str) -> usize {
        let most = match hyphen {
            '-' => 3,
            '—' => 2,
            _ => 1,
        };
        let n = rest.chars().take(most).take_while(|&char| char == hyphen).count();
        if self.classes.has(rest.chars().nth(n), ALPHA) { n * hyphen.len_utf8() } else { 0 }
    }
}

fn is_digit_or_hyphen(char: Option<char>) -> bool {
    char.is_some_and(|char| char.is_ascii_digit() || char == '-')
}

/// Returns how often the byte stands at the head.
fn run(text: &str, wanted: u8) -> usize {
    text.bytes().take_while(|&byte| byte == wanted).count()
}

/// Returns the length of the unit at the end of a word, if a digit stands before it, or 0.
fn unit(word: &str) -> usize {
    // No unit holds a digit, so the last digit says where it must begin.
    let mut behind_digit = word.char_indices().rev().take(MAX_UNIT_CHARS + 1);
    let Some((digit, _)) = behind_digit.find(|(_, char)| char.is_ascii_digit()) else { return 0 };
    let unit = word.get(digit + 1..).unwrap_or_default();
    if UNITS.contains(&unit) { unit.len() } else { 0 }
}
