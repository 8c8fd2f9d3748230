//! Finds the added tokens in a text that are not special.
//!
//! Special ones take part in the search, since they hide others inside of them, but what is found of them stays text.

use aho_corasick::{AhoCorasick, MatchKind};
use regex_syntax::is_word_character;

use super::file::AddedToken;
use crate::BpeError;
use crate::normalizer::Normalizer;

/// The added tokens of a tokenizer.
#[derive(Debug, Clone, Default)]
pub(super) struct AddedTokens {
    /// Those that are looked for before the text is normalized.
    raw: Option<Search>,
    /// Those that are looked for afterwards.
    normalized: Option<Search>,
}

#[derive(Debug, Clone)]
struct Search {
    automaton: AhoCorasick,
    tokens: Vec<AddedToken>,
}

/// A part of a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part<'t> {
    Text(&'t str),
    Token(u32),
}

impl AddedTokens {
    pub(super) fn new(
        tokens: &[AddedToken],
        normalizer: Option<&Normalizer>,
    ) -> Result<Self, BpeError> {
        for token in tokens.iter().filter(|token| !token.special) {
            for (key, is_set) in [("lstrip", token.lstrip), ("rstrip", token.rstrip)] {
                if is_set {
                    let what =
                        format!("added token `{}` with {key}, which loses text", token.content);
                    return Err(BpeError::Unsupported(what));
                }
            }
        }
        let (normalized, raw): (Vec<_>, Vec<_>) =
            tokens.iter().cloned().partition(AddedToken::is_normalized);
        let normalize = |text: &str| match normalizer {
            Some(normalizer) => normalizer.apply(text.into()).into_owned(),
            None => text.to_owned(),
        };
        Ok(Self {
            raw: Search::new(raw, str::to_owned)?,
            normalized: Search::new(normalized, normalize)?,
        })
    }

    /// Returns whether none is ever found.
    pub(super) fn is_empty(&self) -> bool {
        self.raw.is_none() && self.normalized.is_none()
    }

    /// Calls `emit` with the parts of a text that is not yet normalized.
    pub(super) fn cut_raw<'t>(&self, text: &'t str, emit: impl FnMut(Part<'t>)) {
        cut(self.raw.as_ref(), text, emit);
    }

    /// Calls `emit` with the parts of a normalized text.
    pub(super) fn cut_normalized<'t>(&self, text: &'t str, emit: impl FnMut(Part<'t>)) {
        cut(self.normalized.as_ref(), text, emit);
    }
}

impl Search {
    fn new(
        tokens: Vec<AddedToken>,
        normalize: impl Fn(&str) -> String,
    ) -> Result<Option<Self>, BpeError> {
        if tokens.iter().all(|token| token.special) {
            return Ok(None);
        }
        let (tokens, texts): (Vec<_>, Vec<_>) = tokens
            .into_iter()
            .map(|token| {
                let text = normalize(&token.content);
                (token, text)
            })
            .filter(|(_, text)| !text.is_empty())
            .unzip();
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(texts)
            .map_err(|error| BpeError::Inconsistent(format!("added_tokens: {error}")))?;
        Ok(Some(Self { automaton, tokens }))
    }
}

fn cut<'t>(search: Option<&Search>, text: &'t str, mut emit: impl FnMut(Part<'t>)) {
    let mut rest = text;
    if let Some(Search { automaton, tokens }) = search {
        for found in automaton.find_iter(text) {
            let token = &tokens[found.pattern().as_usize()];
            let (before, after) = (text.get(..found.start()), text.get(found.end()..));
            let (Some(before), Some(after)) = (before, after) else { continue };
            let is_in_word = before.chars().next_back().is_some_and(is_word_character)
                || after.chars().next().is_some_and(is_word_character);
            if token.special || token.single_word && is_in_word {
                continue;
            }
            let gap = rest.get(..rest.len() - after.len() - (found.end() - found.start()));
            if let Some(gap) = gap.filter(|gap| !gap.is_empty()) {
                emit(Part::Text(gap));
            }
            emit(Part::Token(token.id));
            rest = after;
        }
    }
    if !rest.is_empty() {
        emit(Part::Text(rest));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(id: u32, content: &str) -> AddedToken {
        AddedToken {
            id,
            content: content.into(),
            special: false,
            single_word: false,
            lstrip: false,
            rstrip: false,
            normalized: Some(false),
        }
    }

    fn parts<'t>(tokens: &[AddedToken], text: &'t str) -> Vec<Part<'t>> {
        let mut parts = Vec::new();
        let added = AddedTokens::new(tokens, Some(&Normalizer::Lowercase)).unwrap();
        added.cut_raw(text, |part| match part {
            Part::Text(text) => added.cut_normalized(text, |part| parts.push(part)),
            token @ Part::Token(_) => parts.push(token),
        });
        parts
    }

    #[test]
    fn longest_token_is_found_and_special_ones_hide_what_is_in_them() {
        let mut special = token(3, "<a><b>");
        special.special = true;
        let tokens = [token(1, "<a>"), token(2, "<a><"), special];
        let expected = [Part::Token(1), Part::Text("x"), Part::Token(2), Part::Text("<a><b>")];
        assert_eq!(parts(&tokens, "<a>x<a><<a><b>"), expected);
        assert_eq!(parts(&[], ""), []);
    }

    #[test]
    fn single_words_stand_between_spaces_and_marks() {
        let tokens = [AddedToken { single_word: true, ..token(1, "at") }];
        let expected = [Part::Text("cat "), Part::Token(1), Part::Text(", 猫at")];
        assert_eq!(parts(&tokens, "cat at, 猫at"), expected);
    }

    #[test]
    fn normalized_tokens_are_found_in_the_normalized_text() {
        let tokens = [AddedToken { normalized: Some(true), ..token(1, "AT") }];
        assert_eq!(parts(&tokens, "atAT"), [Part::Token(1), Part::Text("AT")]);
    }

    #[test]
    fn tokens_that_swallow_spaces_are_refused() {
        let tokens = [AddedToken { rstrip: true, ..token(1, "<mask>") }];
        let error = AddedTokens::new(&tokens, None).unwrap_err().to_string();
        assert_eq!(error, "added token `<mask>` with rstrip, which loses text: not supported");
    }
}
