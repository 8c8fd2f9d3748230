//! The normalizer of SentencePiece: its map of characters, and what it does to spaces.

use super::model::NormalizerSpec;
use crate::BpeError;
use crate::charsmap::Charsmap;
use crate::pieces::SPACE;
use crate::trie::Trie;

/// How text is normalized.
#[derive(Debug, Clone)]
pub(super) struct Normalizer {
    charsmap: Option<Charsmap>,
    /// Symbols that the map does not change.
    user_defined: Option<Trie>,
    add_dummy_prefix: bool,
    remove_extra_whitespaces: bool,
    space: char,
}

impl Normalizer {
    pub(super) fn new(
        spec: &NormalizerSpec<'_>,
        user_defined: Option<Trie>,
    ) -> Result<Self, BpeError> {
        let charsmap = match spec.charsmap {
            [] => None,
            bytes => Some(Charsmap::read(bytes)?),
        };
        Ok(Self {
            charsmap,
            user_defined,
            add_dummy_prefix: spec.add_dummy_prefix,
            remove_extra_whitespaces: spec.remove_extra_whitespaces,
            space: if spec.escape_whitespaces { SPACE } else { ' ' },
        })
    }

    /// Returns the normalized text, in which a mark stands for each space.
    pub(super) fn apply(&self, text: &str) -> String {
        let mut rest = text;
        while self.remove_extra_whitespaces
            && let Some((" ", tail)) = self.first(rest)
        {
            rest = tail;
        }
        if rest.is_empty() {
            return String::new();
        }
        let mut out = String::with_capacity(rest.len() + rest.len() / 4 + 4);
        if self.add_dummy_prefix {
            out.push(self.space);
        }
        let mut after_space = self.remove_extra_whitespaces;
        while let Some((part, tail)) = self.first(rest) {
            let part = if after_space { part.trim_start_matches(' ') } else { part };
            out.extend(part.chars().map(|c| if c == ' ' { self.space } else { c }));
            if !part.is_empty() {
                after_space = self.remove_extra_whitespaces && part.ends_with(' ');
            }
            rest = tail;
        }
        if self.remove_extra_whitespaces {
            out.truncate(out.trim_end_matches(self.space).len());
        }
        out
    }

    /// Returns the number of spaces that decoding takes away at the start.
    pub(super) fn leading_spaces(&self) -> usize {
        match (self.remove_extra_whitespaces, self.add_dummy_prefix) {
            (true, _) => usize::MAX,
            (false, has_prefix) => usize::from(has_prefix),
        }
    }

    /// Returns what the first character or more becomes, and the rest of the text.
    fn first<'t>(&'t self, text: &'t str) -> Option<(&'t str, &'t str)> {
        let first = text.chars().next()?;
        let symbol = self.user_defined.as_ref().and_then(|trie| trie.longest(text.as_bytes()));
        if let Some((symbol, tail)) = symbol.and_then(|(len, _)| text.split_at_checked(len)) {
            return Some((symbol, tail));
        }
        let rule = self.charsmap.as_ref().and_then(|map| map.longest(text));
        if let Some((len, replaced)) = rule
            && let Some((_, tail)) = text.split_at_checked(len)
        {
            return Some((replaced, tail));
        }
        Some(text.split_at(first.len_utf8()))
    }
}
