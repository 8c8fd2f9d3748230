//! Loads a tokenizer of any kind; the kind is seen from what the file holds, not from its name.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::{BpeError, Tokenizer, sentencepiece, tekken, tiktoken, tokenizer_json};

/// What a file does not say of its tokenizer. Rank files of tiktoken need it, all others say everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoadOptions {
    /// The name of an encoding of tiktoken, such as `cl100k_base`: its pattern and special tokens.
    pub encoding: Option<String>,
    /// The pattern that cuts text, instead of that of the encoding.
    pub pattern: Option<String>,
    /// Special tokens with their ids, besides those of the encoding.
    pub special_tokens: BTreeMap<String, u32>,
}

/// A tokenizer, and the file by which a dataset keeps it.
#[derive(Debug)]
pub struct Loaded {
    /// The tokenizer.
    pub tokenizer: Box<dyn Tokenizer>,
    /// The file from which [`load`] makes the same tokenizer without any options.
    pub file: TokenizerFile,
}

/// A file that says all of a tokenizer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenizerFile {
    /// The name under which other libraries look for it: `tokenizer.json` or `tokenizer.model`.
    pub name: &'static str,
    /// What it holds; `None` where the loaded file itself is such a one.
    pub rewritten: Option<Vec<u8>>,
}

/// The keys by which the kinds of JSON are told apart.
#[derive(Deserialize)]
struct Keys {
    model: Option<IgnoredAny>,
    config: Option<IgnoredAny>,
}

/// Loads a tokenizer: Hugging Face's `tokenizer.json`, Mistral's `tekken.json`, a `.model` of SentencePiece.
///
/// # Errors
/// Fails if the file cannot be read, is of no known kind, contradicts itself, or says something that would not be
/// applied exactly as its makers do; and for a rank file of tiktoken, which needs [`load_with`].
pub fn load(path: &Path) -> Result<Box<dyn Tokenizer>, BpeError> {
    load_with(path, &LoadOptions::default()).map(|loaded| loaded.tokenizer)
}

/// Loads a tokenizer, a rank file of tiktoken too; `options` say what the file does not.
///
/// # Errors
/// Fails as [`load`] does, or if options are given that the file already answers.
pub fn load_with(path: &Path, options: &LoadOptions) -> Result<Loaded, BpeError> {
    let bytes =
        std::fs::read(path).map_err(|cause| BpeError::Io { path: path.to_owned(), cause })?;
    read(&bytes, options)
        .map_err(|error| BpeError::File { path: path.to_owned(), cause: Box::new(error) })
}

fn read(bytes: &[u8], options: &LoadOptions) -> Result<Loaded, BpeError> {
    if tiktoken::is_ranks(bytes) {
        let bpe = tiktoken::read(bytes, options)?;
        return Ok(rewritten(bpe));
    }
    if *options != LoadOptions::default() {
        let what = "`encoding`, `pattern` and `special_tokens` are for rank files of tiktoken only";
        return Err(BpeError::Options(what.into()));
    }
    if sentencepiece::is_model(bytes) {
        let file = TokenizerFile { name: "tokenizer.model", rewritten: None };
        return Ok(Loaded { tokenizer: Box::new(sentencepiece::read(bytes)?), file });
    }
    let is_json = bytes.trim_ascii_start().first() == Some(&b'{');
    let text = std::str::from_utf8(bytes);
    match text {
        Ok(json) if is_json => {
            let keys: Keys = serde_json::from_str(json).map_err(BpeError::Json)?;
            match (keys.model, keys.config) {
                (Some(_), _) => {
                    let file = TokenizerFile { name: "tokenizer.json", rewritten: None };
                    Ok(Loaded { tokenizer: tokenizer_json::read(json)?, file })
                }
                (None, Some(_)) => Ok(rewritten(tekken::read(json)?)),
                (None, None) => Err(unknown_kind()),
            }
        }
        _ => Err(unknown_kind()),
    }
}

/// Returns a tokenizer that is kept as `tokenizer.json`, which more libraries read than its own file.
fn rewritten(bpe: crate::Bpe) -> Loaded {
    let json = bpe.to_json().into_bytes();
    let file = TokenizerFile { name: "tokenizer.json", rewritten: Some(json) };
    Loaded { tokenizer: Box::new(bpe), file }
}

fn unknown_kind() -> BpeError {
    let what = "no tokenizer of a known kind: tokenizer.json, tekken.json, ranks of tiktoken, \
                or a model of SentencePiece";
    BpeError::Inconsistent(what.into())
}
