//! Reads the rank files of tiktoken (`.tiktoken`, also Llama 3's `tokenizer.model`).
//!
//! A line holds a token as base64, a space, and its rank, which is its id: 256 lines for the bytes, and one for each
//! merge. Neither the pattern that cuts text nor the special tokens stand in the file; they come from the name of an
//! encoding of tiktoken's `openai_public.py`, or are given one by one.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::bpe::{Ranks, from_ranks};
use crate::split::{CL100K, CL100K_TIKTOKEN, GPT2, O200K};
use crate::{Bpe, BpeError, LoadOptions, Splitter};

/// The encodings that are known by name.
const ENCODINGS: [Encoding; 7] = [
    Encoding { name: "gpt2", pattern: GPT2, special_tokens: &[("<|endoftext|>", 50_256)] },
    Encoding { name: "r50k_base", pattern: GPT2, special_tokens: &[("<|endoftext|>", 50_256)] },
    Encoding { name: "p50k_base", pattern: GPT2, special_tokens: &[("<|endoftext|>", 50_256)] },
    Encoding {
        name: "p50k_edit",
        pattern: GPT2,
        special_tokens: &[
            ("<|endoftext|>", 50_256),
            ("<|fim_prefix|>", 50_281),
            ("<|fim_middle|>", 50_282),
            ("<|fim_suffix|>", 50_283),
        ],
    },
    Encoding {
        name: "cl100k_base",
        pattern: CL100K_TIKTOKEN,
        special_tokens: &[
            ("<|endoftext|>", 100_257),
            ("<|fim_prefix|>", 100_258),
            ("<|fim_middle|>", 100_259),
            ("<|fim_suffix|>", 100_260),
            ("<|endofprompt|>", 100_276),
        ],
    },
    Encoding {
        name: "o200k_base",
        pattern: O200K,
        special_tokens: &[("<|endoftext|>", 199_999), ("<|endofprompt|>", 200_018)],
    },
    Encoding {
        name: "llama3",
        pattern: CL100K,
        special_tokens: &[
            ("<|begin_of_text|>", 128_000),
            ("<|end_of_text|>", 128_001),
            ("<|start_header_id|>", 128_006),
            ("<|end_header_id|>", 128_007),
            ("<|eot_id|>", 128_009),
        ],
    },
];

/// What tiktoken knows of an encoding besides its ranks.
struct Encoding {
    name: &'static str,
    pattern: &'static str,
    special_tokens: &'static [(&'static str, u32)],
}

/// Returns whether a file begins as a rank file does.
pub(crate) fn is_ranks(bytes: &[u8]) -> bool {
    let line = bytes.split(|&byte| byte == b'\n').next().unwrap_or_default();
    std::str::from_utf8(line).is_ok_and(|line| parse_line(line).is_some())
}

/// Reads a rank file with what `options` add to it.
pub(crate) fn read(bytes: &[u8], options: &LoadOptions) -> Result<Bpe, BpeError> {
    let mut ranks = Ranks::new();
    for (number, line) in (1..).zip(bytes.split(|&byte| byte == b'\n')) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            continue;
        }
        let parsed = std::str::from_utf8(line).ok().and_then(parse_line);
        let (token, rank) = parsed.ok_or_else(|| {
            BpeError::Inconsistent(format!("line {number}: no base64 and rank of a token"))
        })?;
        ranks.push((token, rank));
    }
    let encoding = match &options.encoding {
        None => None,
        Some(name) => {
            let known = ENCODINGS.iter().find(|encoding| encoding.name == name);
            Some(known.ok_or_else(|| BpeError::Options(unknown_encoding(name)))?)
        }
    };
    let pattern = match (&options.pattern, encoding) {
        (Some(pattern), _) => pattern,
        (None, Some(encoding)) => encoding.pattern,
        (None, None) => return Err(BpeError::Options(no_pattern())),
    };
    let known = encoding.map_or(&[][..], |encoding| encoding.special_tokens);
    let mut special_tokens: BTreeMap<String, u32> =
        known.iter().map(|&(name, id)| (name.to_owned(), id)).collect();
    special_tokens.extend(options.special_tokens.clone());
    from_ranks(Splitter::from_tiktoken(pattern)?, ranks, special_tokens.into_iter().collect())
}

fn parse_line(line: &str) -> Option<(Vec<u8>, u32)> {
    let (token, rank) = line.trim_end_matches('\r').split_once(' ')?;
    Some((STANDARD.decode(token).ok()?, rank.parse().ok()?))
}

fn unknown_encoding(name: &str) -> String {
    let names: Vec<_> = ENCODINGS.iter().map(|encoding| encoding.name).collect();
    format!("`encoding`: `{name}` is not known\nhint: it may be one of {}", names.join(", "))
}

fn no_pattern() -> String {
    "a rank file needs `encoding`, or `pattern` and `special_tokens`\n\
     hint: encoding = \"cl100k_base\" for GPT-4, \"o200k_base\" for GPT-4o, \"llama3\""
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tokenizer;

    /// The 256 bytes and two merges.
    fn file() -> String {
        let bytes = (0..=255u8).map(|byte| vec![byte]);
        let tokens = bytes.chain([b" t".to_vec(), b" the".to_vec(), b"he".to_vec()]);
        tokens.zip(0..).map(|(token, id)| format!("{} {id}\n", STANDARD.encode(token))).collect()
    }

    fn options() -> LoadOptions {
        LoadOptions {
            encoding: Some("cl100k_base".into()),
            special_tokens: [("<|end|>".to_owned(), 300)].into(),
            ..LoadOptions::default()
        }
    }

    fn refusal(file: &str, options: &LoadOptions) -> String {
        read(file.as_bytes(), options).unwrap_err().to_string()
    }

    #[test]
    fn ranks_are_ids_and_the_lowest_merges_first() {
        let bpe = read(file().as_bytes(), &options()).unwrap();
        let mut ids = Vec::new();
        bpe.encode(" the he", &mut ids);
        assert_eq!(ids, [257, 32, 258]);
        assert_eq!(bpe.token_to_id("<|end|>"), Some(300));
        assert_eq!(bpe.token_to_id("<|endoftext|>"), Some(100_257));
        assert!(is_ranks(file().as_bytes()));
        let with_returns = file().replace('\n', "\r\n");
        assert_eq!(read(with_returns.as_bytes(), &options()).unwrap().to_json(), bpe.to_json());
    }

    #[test]
    fn what_the_file_does_not_say_must_be_given() {
        let none = LoadOptions::default();
        assert!(refusal(&file(), &none).starts_with("a rank file needs `encoding`"));
        let unknown = LoadOptions { encoding: Some("gpt9".into()), ..LoadOptions::default() };
        assert!(refusal(&file(), &unknown).contains("o200k_base"));
    }

    #[test]
    fn broken_lines_are_refused() {
        for line in ["IQ==", "I Q== 3", "IQ== x", "IQ== -1", "IQ= 3", "IQ== 99999999999", "\u{0} 1"]
        {
            let error = refusal(&format!("{}{line}\n", file()), &options());
            assert_eq!(error, "line 260: no base64 and rank of a token", "{line}");
        }
    }

    #[test]
    fn contradictions_are_refused() {
        let cases = [
            ("AA== 400\n", "tokens 0 and 400 are the same"),
            ("enp6 3\n", "two tokens have rank 3"),
            ("enp6 20000000\n", "rank 20000000 is too high"),
            (" 400\n", "token 400 is empty"),
            ("enp6 300\n", "special token `<|end|>`: id 300 is the rank of another token"),
        ];
        for (line, expected) in cases {
            assert_eq!(refusal(&format!("{}{line}", file()), &options()), expected);
        }
        let error = refusal("enp6 0\n", &options());
        assert_eq!(error, "vocabulary without byte 0x00, which loses text: not supported");
    }

    #[test]
    fn white_space_at_the_end_of_a_text_is_one_piece_for_cl100k_but_not_for_llama_3() {
        let file =
            format!("{}{} 259\n{} 260\n", file(), STANDARD.encode("  "), STANDARD.encode("\n  "));
        let encode = |encoding: &str| {
            let options = LoadOptions { encoding: Some(encoding.into()), ..LoadOptions::default() };
            let mut ids = Vec::new();
            read(file.as_bytes(), &options).unwrap().encode("a\n  ", &mut ids);
            ids
        };
        assert_eq!(encode("cl100k_base"), [97, 260]);
        assert_eq!(encode("llama3"), [97, 10, 259]);
    }

    #[test]
    fn patterns_that_tokenizer_json_would_read_otherwise_are_refused() {
        for pattern in [r"\p{N}{1,3}+", r"\s+$", "^a"] {
            let pattern = Some(pattern.to_owned());
            let options = LoadOptions { pattern, ..LoadOptions::default() };
            assert!(refusal(&file(), &options).contains("mean something else in tokenizer.json"));
        }
    }
}
