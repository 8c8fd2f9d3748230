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

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    /// What the library of a file makes of some texts; `fixtures/make_tokenizers.py` asked it.
    #[derive(Deserialize)]
    struct Expected {
        file: String,
        pattern: Option<String>,
        rows: Vec<Row>,
    }

    #[derive(Deserialize)]
    struct Row {
        text: String,
        ids: Vec<u32>,
        decoded: Option<String>,
    }

    fn folder() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/tokenizers")
    }

    fn expected() -> Vec<Expected> {
        let lines = std::fs::read_to_string(folder().join("expected.jsonl")).unwrap();
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn options(expected: &Expected) -> LoadOptions {
        LoadOptions { pattern: expected.pattern.clone(), ..LoadOptions::default() }
    }

    fn encode(tokenizer: &dyn Tokenizer, text: &str) -> Vec<u32> {
        let mut ids = Vec::new();
        tokenizer.encode(text, &mut ids);
        ids
    }

    #[test]
    fn ids_are_those_of_the_library_of_each_file() {
        let all = expected();
        assert_eq!(all.len(), 10);
        for expected in all {
            let path = folder().join(&expected.file);
            let tokenizer = load_with(&path, &options(&expected)).unwrap().tokenizer;
            for Row { text, ids, decoded } in &expected.rows {
                // Hugging Face's Unigram takes the text of a special or byte token for the token.
                let excepted = expected.file == "t5.json" && text.contains("</s>");
                if !excepted {
                    assert_eq!(encode(&*tokenizer, text), *ids, "{}: {text:?}", expected.file);
                }
                if let Some(decoded) = decoded {
                    let ours = String::from_utf8(tokenizer.decode(ids)).unwrap();
                    assert_eq!(ours, *decoded, "{}: {text:?}", expected.file);
                }
            }
        }
    }

    #[test]
    fn file_that_a_dataset_keeps_gives_the_same_ids() {
        let dir = tempfile::tempdir().unwrap();
        for expected in expected() {
            let path = folder().join(&expected.file);
            let loaded = load_with(&path, &options(&expected)).unwrap();
            let kept = dir.path().join(loaded.file.name);
            match loaded.file.rewritten {
                Some(bytes) => std::fs::write(&kept, bytes).unwrap(),
                None => std::fs::write(&kept, std::fs::read(&path).unwrap()).unwrap(),
            }
            let kept = load(&kept).unwrap();
            assert_eq!(kept.special_tokens(), loaded.tokenizer.special_tokens());
            assert_eq!(kept.vocab_size(), loaded.tokenizer.vocab_size());
            for Row { text, .. } in &expected.rows {
                assert_eq!(encode(&*kept, text), encode(&*loaded.tokenizer, text));
            }
        }
    }

    #[test]
    fn unknown_kinds_and_options_that_are_of_no_use_are_refused() {
        let options = LoadOptions { encoding: Some("gpt2".into()), ..LoadOptions::default() };
        let error = load_with(&folder().join("qwen.json"), &options).unwrap_err().to_string();
        assert!(error.ends_with("are for rank files of tiktoken only"), "{error}");
        for bytes in
            [&b"{}"[..], b"", b"hello", b"\xff\xfe", b"[1]", b"\n\x05hello", b"{\"a\": {}}"]
        {
            assert!(read(bytes, &LoadOptions::default()).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn cut_and_changed_files_are_read_or_refused() {
        for expected in expected() {
            let bytes = std::fs::read(folder().join(&expected.file)).unwrap();
            let step = bytes.len() / 23 + 1;
            for at in (0..bytes.len()).step_by(step) {
                let _ = read(bytes.split_at(at).0, &options(&expected));
                let mut changed = bytes.clone();
                changed[at] ^= 0x15;
                if let Ok(loaded) = read(&changed, &options(&expected)) {
                    encode(&*loaded.tokenizer, "the law, 法律 e\u{301} </s>");
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn every_text_comes_back_normalized(texts in prop::collection::vec(any::<String>(), 4)) {
            static ALL: std::sync::LazyLock<Vec<Box<dyn Tokenizer>>> = std::sync::LazyLock::new(|| {
                let load = |expected: Expected| {
                    load_with(&folder().join(&expected.file), &options(&expected)).unwrap().tokenizer
                };
                expected().into_iter().map(load).collect()
            });
            for tokenizer in ALL.iter() {
                for text in &texts {
                    let decoded = tokenizer.decode(&encode(&**tokenizer, text));
                    prop_assert_eq!(String::from_utf8_lossy(&decoded), tokenizer.normalize(text));
                }
            }
        }
    }
}
