//! Writes the ranks that tiktoken reads, and what else its `Encoding` asks for.
//!
//! A line for each token: its bytes in base64, a space, its rank, which is the id here. tiktoken has no list of merges:
//! two neighbours merge when their bytes together are a token, that of the lowest rank first.

use std::fmt::Write;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, json};

use super::Bpe;

/// The name under which the ranks lie beside their description.
pub const RANKS: &str = "ranks.tiktoken";

impl Bpe {
    /// Returns the ranks, special tokens left out.
    pub fn to_ranks(&self) -> String {
        let mut text = String::new();
        for (id, token) in self.vocabulary.iter() {
            if self.special_tokens.iter().all(|special| special.1 != id) {
                let _ = writeln!(text, "{} {id}", BASE64_STANDARD.encode(token));
            }
        }
        text
    }

    /// Returns what tiktoken's `Encoding` takes besides, as JSON: the pattern, the special tokens and the name of the file of
    /// ranks. `None` where it could not cut text alike: with no pattern, or with several one after another.
    pub fn to_tiktoken(&self, name: &str) -> Option<String> {
        let mut patterns = self.splitter.patterns();
        let pattern = patterns.next().filter(|_| patterns.next().is_none())?;
        let mut special_tokens: Vec<_> = self.special_tokens().collect();
        special_tokens.sort_unstable_by_key(|special| special.1);
        let special_tokens: Map<_, _> =
            special_tokens.into_iter().map(|(name, id)| (name.to_owned(), id.into())).collect();
        let file = json!({
            "name": name,
            "pat_str": pattern,
            "mergeable_ranks": RANKS,
            "special_tokens": special_tokens,
        });
        let mut text = serde_json::to_string_pretty(&file).expect("names and ids are valid JSON");
        text.push('\n');
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use crate::{Bpe, BpeTraining};

    #[test]
    fn ranks_are_the_ids_of_ordinary_tokens() {
        let options = BpeTraining { vocab_size: 258, ..BpeTraining::default() };
        let bpe = Bpe::train([("ab", 2)], &options).unwrap();
        let ranks = bpe.to_ranks();
        let lines: Vec<&str> = ranks.lines().collect();
        assert_eq!(lines.len(), 257);
        assert_eq!((lines[0], lines[256]), ("IQ== 1", "YWI= 257"));
        let about: serde_json::Value =
            serde_json::from_str(&bpe.to_tiktoken("mine").unwrap()).unwrap();
        assert_eq!(about["special_tokens"]["<|end_of_document|>"], 0);
        assert_eq!(about["pat_str"], bpe.splitter().patterns().next().unwrap());
    }

    #[test]
    fn patterns_one_after_another_have_no_description() {
        let patterns = vec!["deepseek_v3".to_owned()];
        let options = BpeTraining { patterns, vocab_size: 257, ..BpeTraining::default() };
        let none: [(&str, u64); 0] = [];
        assert_eq!(Bpe::train(none, &options).unwrap().to_tiktoken("mine"), None);
    }
}
