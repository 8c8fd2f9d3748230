//! What a character is to the patterns of tokenizers.

use std::sync::LazyLock;

use regex_syntax::hir::{Class as Ranges, HirKind};

/// A set of kinds of characters, one bit for each value of the table.
pub(super) type Set = u64;

/// Anything that no other class holds: control characters, unassigned and private ones.
pub(super) const OTHER: Set = class(0);
/// `[\p{P}\p{S}]`
pub(super) const PUNCTUATION: Set = class(1);
/// `\p{M}`
pub(super) const MARK: Set = class(2);
/// `[\p{Lu}\p{Lt}]`
pub(super) const UPPER: Set = class(3);
/// `\p{Ll}`
pub(super) const LOWER: Set = class(4);
/// `[\p{Lm}\p{Lo}]`
pub(super) const CASELESS: Set = class(5);
/// `\p{N}`
pub(super) const NUMBER: Set = class(6);
/// `\s` but for line ends.
pub(super) const SPACE: Set = class(7);
/// `[\r\n]`
pub(super) const LINE_END: Set = class(8);
/// `\p{Han}`, of any class.
pub(super) const HAN: Set = 0xffff_0000_ffff_0000;
/// `[一-龥぀-ゟ゠-ヿ]`, of any class: what DeepSeek cuts by itself.
pub(super) const HAN_OR_KANA: Set = 0xffff_ffff_0000_0000;

/// `\p{L}`
pub(super) const LETTER: Set = UPPER | LOWER | CASELESS;
/// `\s`
pub(super) const WHITE: Set = SPACE | LINE_END;

/// Returns the characters of a class, whatever else they are.
const fn class(number: u32) -> Set {
    0x0001_0001_0001_0001 << number
}

/// The kind of each character, by code point: the class in four bits, then whether it is Han, then whether it is
/// Han or kana to DeepSeek.
///
/// The table is filled from regex-syntax, so that it knows the Unicode version that fancy-regex knows.
static TABLE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut table = vec![0; 0x11_0000];
    for (pattern, class) in [
        (r"[\p{P}\p{S}]", 1),
        (r"\p{M}", 2),
        (r"[\p{Lu}\p{Lt}]", 3),
        (r"\p{Ll}", 4),
        (r"[\p{Lm}\p{Lo}]", 5),
        (r"\p{N}", 6),
        (r"\s", 7),
        (r"[\r\n]", 8),
    ] {
        each(pattern, |range| table[range].fill(class));
    }
    for (pattern, flag) in [(r"\p{Han}", 0x10), (r"[一-龥぀-ゟ゠-ヿ]", 0x20)] {
        each(pattern, |range| table[range].iter_mut().for_each(|kind| *kind |= flag));
    }
    table
});

/// Calls `visit` with each range of code points that a class of characters holds.
fn each(pattern: &str, mut visit: impl FnMut(std::ops::RangeInclusive<usize>)) {
    let hir = regex_syntax::parse(pattern).expect("the pattern is a class");
    let HirKind::Class(Ranges::Unicode(ranges)) = hir.into_kind() else {
        unreachable!("the pattern is a class of characters");
    };
    for range in ranges.ranges() {
        visit(range.start() as usize..=range.end() as usize);
    }
}

/// A text with the kinds of its characters.
#[derive(Clone, Copy)]
pub(super) struct Kinds<'t> {
    table: &'static [u8],
    pub(super) text: &'t [u8],
}

impl<'t> Kinds<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        Self { table: &TABLE, text: text.as_bytes() }
    }

    /// Returns the kind of the character at `at` as a set of one, and where the next character begins; at the
    /// end of the text, the empty set.
    #[inline(always)]
    pub(super) fn at(self, at: usize) -> (Set, usize) {
        let byte = |i: usize| u32::from(self.text.get(at + i).copied().unwrap_or_default());
        let Some(&first) = self.text.get(at) else { return (0, at) };
        let first = u32::from(first);
        let (code, len) = match first {
            0..0x80 => (first, 1),
            0x80..0xe0 => ((first & 0x1f) << 6 | byte(1) & 0x3f, 2),
            0xe0..0xf0 => ((first & 0xf) << 12 | (byte(1) & 0x3f) << 6 | byte(2) & 0x3f, 3),
            _ => {
                let high = (first & 7) << 18 | (byte(1) & 0x3f) << 12;
                (high | (byte(2) & 0x3f) << 6 | byte(3) & 0x3f, 4)
            }
        };
        (1 << self.table[code as usize], at + len)
    }

    /// Returns the end of the run of characters of `set` that begins at `at`.
    #[inline(always)]
    pub(super) fn run(self, set: Set, mut at: usize) -> usize {
        loop {
            let (kind, next) = self.at(at);
            if kind & set == 0 {
                return at;
            }
            at = next;
        }
    }

    pub(super) fn byte(self, at: usize) -> Option<u8> {
        self.text.get(at).copied()
    }
}
