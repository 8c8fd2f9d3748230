//! Reads Mistral's `tekken.json`.
//!
//! The file holds a pattern, ranked tokens as base64, and special tokens, which have the first ids: the id of a token
//! is its rank and `default_num_special_tokens`. Only the first ranks are used, until `default_vocab_size` ids are
//! given away; the file holds more of them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::bpe::{MAX_ID, Ranks, from_ranks};
use crate::{Bpe, BpeError, Splitter};

/// The special tokens of files that name none, which are those up to version 7.
const SPECIAL_TOKENS: [&str; 20] = [
    "<unk>",
    "<s>",
    "</s>",
    "[INST]",
    "[/INST]",
    "[AVAILABLE_TOOLS]",
    "[/AVAILABLE_TOOLS]",
    "[TOOL_RESULTS]",
    "[/TOOL_RESULTS]",
    "[TOOL_CALLS]",
    "[IMG]",
    "<pad>",
    "[IMG_BREAK]",
    "[IMG_END]",
    "[PREFIX]",
    "[MIDDLE]",
    "[SUFFIX]",
    "[SYSTEM_PROMPT]",
    "[/SYSTEM_PROMPT]",
    "[TOOL_CONTENT]",
];

#[derive(Deserialize)]
struct File {
    config: Config,
    vocab: Vec<Token>,
    special_tokens: Option<Vec<SpecialToken>>,
}

#[derive(Deserialize)]
struct Config {
    pattern: String,
    default_vocab_size: u32,
    default_num_special_tokens: u32,
}

#[derive(Deserialize)]
struct Token {
    rank: u32,
    token_bytes: String,
}

#[derive(Deserialize)]
struct SpecialToken {
    rank: u32,
    token_str: String,
}

/// Reads a tokenizer.
pub(crate) fn read(json: &str) -> Result<Bpe, BpeError> {
    let File { config, vocab, special_tokens } =
        serde_json::from_str(json).map_err(BpeError::Json)?;
    let inconsistent = |what| Err(BpeError::Inconsistent(what));
    let n_special = config.default_num_special_tokens;
    if config.default_vocab_size > MAX_ID {
        let what = format!("config.default_vocab_size: {} is too high", config.default_vocab_size);
        return inconsistent(what);
    }
    let Some(n_ranks) = config.default_vocab_size.checked_sub(n_special) else {
        return inconsistent("config.default_num_special_tokens: above default_vocab_size".into());
    };

    let mut ranks = Ranks::new();
    for token in vocab.into_iter().filter(|token| token.rank < n_ranks) {
        let Ok(bytes) = STANDARD.decode(&token.token_bytes) else {
            return inconsistent(format!("vocab: rank {}: token_bytes is no base64", token.rank));
        };
        ranks.push((bytes, token.rank + n_special));
    }
    if ranks.len() != n_ranks as usize {
        let what = format!("vocab: {} of the first {n_ranks} ranks are there", ranks.len());
        return inconsistent(what);
    }

    let named = special_tokens.unwrap_or_else(|| {
        let tokens = SPECIAL_TOKENS.into_iter().zip(0..);
        tokens.map(|(token, rank)| SpecialToken { rank, token_str: token.to_owned() }).collect()
    });
    let n_named = named.len();
    let mut special_tokens: Vec<Option<String>> = Vec::new();
    special_tokens.resize(n_special as usize, None);
    for SpecialToken { rank, token_str } in named {
        match special_tokens.get_mut(rank as usize) {
            Some(place @ None) => *place = Some(token_str),
            Some(Some(other)) => {
                return inconsistent(format!(
                    "special_tokens: `{other}` and `{token_str}`: both have rank {rank}"
                ));
            }
            None => {
                return inconsistent(format!(
                    "special_tokens: `{token_str}`: rank {rank} is no id"
                ));
            }
        }
    }
    // mistral-common numbers its fillers behind the named ones, whatever ranks these have.
    if let Some(hole) = special_tokens.iter().take(n_named).position(Option::is_none) {
        return inconsistent(format!("special_tokens: none has rank {hole}"));
    }
    let special_tokens = special_tokens.into_iter().zip(0..);
    let special_tokens = special_tokens
        .map(|(token, id)| (token.unwrap_or_else(|| format!("<SPECIAL_{id}>")), id))
        .collect();
    let splitter = Splitter::from_tiktoken(&config.pattern)?;
    from_ranks(splitter, ranks, special_tokens)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::Tokenizer;

    fn file() -> Value {
        let bytes = (0..=255u8).map(|byte| vec![byte]);
        let tokens = bytes.chain([b"he".to_vec(), b" he".to_vec(), b"beyond".to_vec()]);
        let vocab: Vec<_> = tokens
            .zip(0..)
            .map(|(token, rank)| json!({ "rank": rank, "token_bytes": STANDARD.encode(token) }))
            .collect();
        json!({
            "config": {
                "pattern": r"\p{L}+| \p{L}+|\s+", "num_vocab_tokens": 259, "version": "v3",
                "default_vocab_size": 283, "default_num_special_tokens": 25,
            },
            "vocab": vocab,
        })
    }

    #[test]
    fn special_tokens_have_the_first_ids() {
        let bpe = read(&file().to_string()).unwrap();
        let mut ids = Vec::new();
        bpe.encode("he hehe</s>", &mut ids);
        assert_eq!(ids, [281, 282, 281, 25 + 60, 25 + 47, 25 + 115, 25 + 62]);
        assert_eq!(bpe.decode(&ids), b"he hehe</s>");
        assert_eq!(bpe.token_to_id("</s>"), Some(2));
        assert_eq!(bpe.token_to_id("<SPECIAL_24>"), Some(24));
        assert_eq!(bpe.vocab_size(), 283);
    }

    #[test]
    fn special_tokens_of_the_file_are_taken() {
        let mut file = file();
        file["special_tokens"] = json!([
            { "rank": 1, "token_str": "<end>", "is_control": true },
            { "rank": 0, "token_str": "<begin>", "is_control": true },
        ]);
        let bpe = read(&file.to_string()).unwrap();
        assert_eq!(bpe.token_to_id("<end>"), Some(1));
        assert_eq!(bpe.token_to_id("<SPECIAL_2>"), Some(2));
    }

    #[test]
    fn contradictions_are_refused() {
        let cases = [
            (
                "/config/default_vocab_size",
                json!(3),
                "config.default_num_special_tokens: above default_vocab_size",
            ),
            (
                "/config/default_vocab_size",
                json!(400),
                "vocab: 259 of the first 375 ranks are there",
            ),
            (
                "/config/default_vocab_size",
                json!(u32::MAX),
                "config.default_vocab_size: 4294967295 is too high",
            ),
            ("/vocab/3/token_bytes", json!("?"), "vocab: rank 3: token_bytes is no base64"),
            ("/vocab/3/rank", json!(4), "two tokens have rank 29"),
            (
                "/special_tokens",
                json!([{ "rank": 30, "token_str": "a" }]),
                "special_tokens: `a`: rank 30 is no id",
            ),
            (
                "/special_tokens",
                json!([{ "rank": 0, "token_str": "a" }, { "rank": 0, "token_str": "b" }]),
                "special_tokens: `a` and `b`: both have rank 0",
            ),
        ];
        for (pointer, value, expected) in cases {
            let mut file = file();
            file["special_tokens"] = Value::Null;
            *file.pointer_mut(pointer).unwrap() = value;
            assert_eq!(read(&file.to_string()).unwrap_err().to_string(), expected);
        }
    }
}
