//! What a character is to the patterns of tokenizers.

use std::sync::LazyLock;

use regex_syntax::hir::{Class as Ranges, HirKind};

/// The classes that the patterns tell apart; each character is in exactly one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Class {
    /// Anything else: punctuation, marks, symbols, control characters.
    Other,
    /// `\p{L}`
    Letter,
    /// `\p{N}`
    Number,
    /// `\s` but for line ends.
    Space,
    /// `\r` or `\n`.
    LineEnd,
}

/// The class of each character, by code point.
///
/// The table is filled from regex-syntax, so that it knows the Unicode version that fancy-regex knows.
static TABLE: LazyLock<Vec<Class>> = LazyLock::new(|| {
    let mut table = vec![Class::Other; 0x11_0000];
    for (pattern, class) in [
        (r"\p{L}", Class::Letter),
        (r"\p{N}", Class::Number),
        (r"\s", Class::Space),
        (r"[\r\n]", Class::LineEnd),
    ] {
        let hir = regex_syntax::parse(pattern).expect("the pattern is a class");
        let HirKind::Class(Ranges::Unicode(ranges)) = hir.into_kind() else {
            unreachable!("the pattern is a class of characters");
        };
        for range in ranges.ranges() {
            table[range.start() as usize..=range.end() as usize].fill(class);
        }
    }
    table
});

/// The class of each character; fetched once per text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Classes(&'static [Class]);

impl Classes {
    pub(super) fn get() -> Self {
        Self(&TABLE)
    }

    #[inline]
    pub(super) fn of(self, c: char) -> Class {
        self.0[c as usize]
    }
}
