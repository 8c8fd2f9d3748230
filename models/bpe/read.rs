//! Reads Hugging Face's `tokenizer.json`, as far as it says byte-level BPE.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Bpe, BpeError, Merge, Merges, Vocabulary, alphabet};
use crate::Splitter;
use crate::split::GPT2;

/// No vocabulary is near this; a higher id is a mistake, and would cost memory for each id below it.
const MAX_ID: u32 = 1 << 24;

/// What can be read whatever the kind of tokenizer, so that another kind is named and not a broken file.
#[derive(Deserialize)]
struct Head {
    normalizer: Option<Part>,
    pre_tokenizer: Option<PreTokenizer>,
    decoder: Option<Part>,
    model: Kind,
}

#[derive(Deserialize)]
struct Part {
    r#type: String,
}

#[derive(Deserialize)]
struct Kind {
    r#type: Option<String>,
}

#[derive(Deserialize)]
struct PreTokenizer {
    r#type: String,
    #[serde(default)]
    pretokenizers: Vec<PreTokenizer>,
    pattern: Option<Pattern>,
    behavior: Option<String>,
    #[serde(default)]
    invert: bool,
    add_prefix_space: Option<bool>,
    use_regex: Option<bool>,
}

#[derive(Deserialize)]
enum Pattern {
    Regex(String),
    String(String),
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    added_tokens: Vec<AddedToken>,
    model: Model,
}

#[derive(Deserialize)]
struct AddedToken {
    id: u32,
    content: String,
    special: bool,
}

#[derive(Deserialize)]
struct Model {
    dropout: Option<f64>,
    continuing_subword_prefix: Option<String>,
    end_of_word_suffix: Option<String>,
    #[serde(default)]
    ignore_merges: bool,
    vocab: BTreeMap<String, u32>,
    merges: Vec<MergeText>,
}

/// A merge as it is written today, and as it was written before 2024.
#[derive(Deserialize)]
#[serde(untagged)]
enum MergeText {
    Pair(String, String),
    Line(String),
}

/// Reads a tokenizer.
pub(super) fn read(json: &str) -> Result<Bpe, BpeError> {
    let head: Head = serde_json::from_str(json).map_err(BpeError::Json)?;
    if let Some(kind) = head.model.r#type.filter(|kind| kind != "BPE") {
        return Err(unsupported(format!("model {kind}")));
    }
    if let Some(normalizer) = head.normalizer {
        return Err(unsupported(format!("normalizer {}", normalizer.r#type)));
    }
    if let Some(decoder) = head.decoder.filter(|decoder| decoder.r#type != "ByteLevel") {
        return Err(unsupported(format!("decoder {}", decoder.r#type)));
    }
    let splitter = read_splitter(head.pre_tokenizer)?;

    let File { added_tokens, model } = serde_json::from_str(json).map_err(BpeError::Json)?;
    if model.dropout.is_some_and(|dropout| dropout != 0.0) {
        return Err(unsupported("dropout".into()));
    }
    for (key, affix) in [
        ("continuing_subword_prefix", model.continuing_subword_prefix),
        ("end_of_word_suffix", model.end_of_word_suffix),
    ] {
        if affix.is_some_and(|affix| !affix.is_empty()) {
            return Err(unsupported(key.into()));
        }
    }
    let vocabulary = read_vocabulary(&model.vocab, &added_tokens)?;
    let bytes = read_bytes(&model.vocab)?;
    let merges = read_merges(&model.vocab, model.merges, &added_tokens)?;
    let special_tokens = added_tokens.into_iter().map(|token| (token.content, token.id)).collect();
    Ok(Bpe::new(splitter, vocabulary, merges, bytes, special_tokens, model.ignore_merges))
}

/// Returns the splitter of any number of patterns that end in byte-level.
fn read_splitter(pre_tokenizer: Option<PreTokenizer>) -> Result<Splitter, BpeError> {
    let mut steps = pre_tokenizer.map(flatten).unwrap_or_default();
    let last = steps.pop().ok_or_else(|| unsupported("no pre-tokenizer".into()))?;
    if last.r#type != "ByteLevel" {
        return Err(unsupported(format!("pre-tokenizer that ends in {}", last.r#type)));
    }
    if last.add_prefix_space != Some(false) {
        return Err(unsupported("pre-tokenizer with add_prefix_space".into()));
    }
    let mut patterns = Vec::new();
    for step in steps {
        match (step.r#type.as_str(), step.pattern, step.behavior.as_deref(), step.invert) {
            ("Split", Some(Pattern::Regex(pattern)), Some("Isolated"), false) => {
                patterns.push(pattern);
            }
            ("Split", Some(Pattern::Regex(_)), behavior, invert) => {
                let behavior = behavior.unwrap_or("none");
                let what = format!("pre-tokenizer Split, behavior {behavior}, invert {invert}");
                return Err(unsupported(what));
            }
            ("Split", Some(Pattern::String(text)), ..) => {
                return Err(unsupported(format!("pre-tokenizer Split by the string `{text}`")));
            }
            (kind, ..) => return Err(unsupported(format!("pre-tokenizer {kind}"))),
        }
    }
    if last.use_regex != Some(false) {
        patterns.push(GPT2.to_owned());
    }
    Ok(Splitter::new(&patterns)?)
}

/// Lays sequences out flat.
fn flatten(step: PreTokenizer) -> Vec<PreTokenizer> {
    match step.r#type.as_str() {
        "Sequence" => step.pretokenizers.into_iter().flat_map(flatten).collect(),
        _ => vec![step],
    }
}

/// Returns all tokens by id; special tokens are bytes as they stand, the others are spelt.
fn read_vocabulary(
    vocab: &BTreeMap<String, u32>,
    added_tokens: &[AddedToken],
) -> Result<Vocabulary, BpeError> {
    let mut tokens = BTreeMap::new();
    for token in added_tokens {
        let content = &token.content;
        if !token.special {
            return Err(unsupported(format!("added token `{content}`, which is not special")));
        }
        if let Some(id) = vocab.get(content).filter(|id| **id != token.id) {
            let what = format!("added token `{content}`: id {}, in the vocabulary {id}", token.id);
            return Err(BpeError::Inconsistent(what));
        }
        if content.is_empty() {
            return Err(BpeError::Inconsistent(format!("added token {}: is empty", token.id)));
        }
        tokens.insert(token.id, (content, content.clone().into_bytes()));
    }
    for (token, &id) in vocab {
        if tokens.get(&id).is_some_and(|(special, _)| *special == token) {
            continue;
        }
        let bytes = alphabet::unspell(token)
            .ok_or_else(|| unsupported(format!("token `{token}`, which spells no bytes")))?;
        if let Some((other, _)) = tokens.insert(id, (token, bytes)) {
            let what = format!("tokens `{other}` and `{token}`: both have id {id}");
            return Err(BpeError::Inconsistent(what));
        }
    }
    if let Some((id, (token, _))) = tokens.last_key_value().filter(|(id, _)| **id >= MAX_ID) {
        return Err(BpeError::Inconsistent(format!("token `{token}`: id {id} is too high")));
    }
    let mut vocabulary = Vocabulary::default();
    for (id, (_, bytes)) in tokens {
        while vocabulary.len() < id as usize {
            vocabulary.push(&[]);
        }
        vocabulary.push(&bytes);
    }
    Ok(vocabulary)
}

/// Returns the id of each byte.
fn read_bytes(vocab: &BTreeMap<String, u32>) -> Result<[u32; 256], BpeError> {
    let mut ids = [0; 256];
    for (byte, id) in (0..=255u8).zip(&mut ids) {
        *id = *vocab.get(&alphabet::spell(&[byte])).ok_or_else(|| {
            unsupported(format!("vocabulary without byte {byte:#04x}, which loses text"))
        })?;
    }
    Ok(ids)
}

fn read_merges(
    vocab: &BTreeMap<String, u32>,
    texts: Vec<MergeText>,
    added_tokens: &[AddedToken],
) -> Result<Merges, BpeError> {
    let id_of = |rank: u32, token: &str| {
        let what = || format!("merge {rank}: token `{token}` is not in the vocabulary");
        vocab.get(token).copied().ok_or_else(|| BpeError::Inconsistent(what()))
    };
    let mut merges = Merges::default();
    for (rank, text) in (0..).zip(texts) {
        let (left, right) = match &text {
            MergeText::Pair(left, right) => (left.as_str(), right.as_str()),
            MergeText::Line(line) => line.split_once(' ').ok_or_else(|| {
                BpeError::Inconsistent(format!("merge {rank}: no pair: `{line}`"))
            })?,
        };
        let id = id_of(rank, &format!("{left}{right}"))?;
        if let Some(special) = added_tokens.iter().find(|token| token.id == id) {
            return Err(unsupported(format!("merge into special token `{}`", special.content)));
        }
        merges.insert((id_of(rank, left)?, id_of(rank, right)?), Merge { rank, id });
    }
    Ok(merges)
}

fn unsupported(what: String) -> BpeError {
    BpeError::Unsupported(what)
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::super::write::write;
    use super::*;
    use crate::Tokenizer;

    /// A GPT-2 style file: the 256 bytes, four words, merges in the older spelling, no Split.
    fn file() -> Value {
        let mut vocab: Map<_, _> = alphabet::bytes_in_order()
            .iter()
            .zip(0u32..)
            .map(|(&byte, id)| (alphabet::spell(&[byte]), id.into()))
            .collect();
        for (id, token) in (256..).zip(["Ġt", "he", "Ġthe", "whole", "<|endoftext|>"]) {
            vocab.insert(token.to_owned(), id.into());
        }
        json!({
            "version": "1.0",
            "added_tokens": [{ "id": 260, "content": "<|endoftext|>", "special": true }],
            "normalizer": null,
            "pre_tokenizer": { "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true },
            "post_processor": { "type": "ByteLevel", "add_prefix_space": true },
            "decoder": { "type": "ByteLevel" },
            "model": { "type": "BPE", "vocab": vocab, "merges": ["Ġ t", "h e", "Ġt he"] },
        })
    }

    /// The file with the value at a JSON pointer set.
    fn file_with(pointer: &str, value: Value) -> Value {
        let mut file = file();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let parent = file.pointer_mut(parent).unwrap();
        match parent {
            Value::Array(items) => items[key.parse::<usize>().unwrap()] = value,
            _ => parent[key] = value,
        }
        file
    }

    fn refusal(pointer: &str, value: Value) -> String {
        read(&file_with(pointer, value).to_string()).unwrap_err().to_string()
    }

    fn ids(bpe: &Bpe, text: &str) -> Vec<u32> {
        let mut ids = Vec::new();
        bpe.encode(text, &mut ids);
        ids
    }

    #[test]
    fn file_of_gpt2_is_read() {
        let bpe = read(&file().to_string()).unwrap();
        assert_eq!(bpe.vocab_size(), 261);
        assert_eq!(ids(&bpe, " the the"), [258, 258]);
        assert!(bpe.special_tokens().eq([("<|endoftext|>", 260)]));
        assert_eq!(read(&write(&bpe)).unwrap().to_json(), write(&bpe));
    }

    #[test]
    fn merges_are_read_in_both_spellings() {
        let pairs = json!([["Ġ", "t"], ["h", "e"], ["Ġt", "he"]]);
        let bpe = read(&file_with("/model/merges", pairs).to_string()).unwrap();
        assert_eq!(ids(&bpe, " the"), [258]);
    }

    #[test]
    fn merges_are_ignored_for_whole_words_only_if_the_file_says_so() {
        let by_merges = read(&file().to_string()).unwrap();
        assert_eq!(ids(&by_merges, "whole").len(), 5);
        let whole = read(&file_with("/model/ignore_merges", true.into()).to_string()).unwrap();
        assert_eq!(ids(&whole, "whole"), [259]);
        assert!(whole.to_json().contains("\"ignore_merges\": true"));
    }

    #[test]
    fn sequence_of_patterns_is_read() {
        let sequence = json!({ "type": "Sequence", "pretokenizers": [
            { "type": "Split", "pattern": { "Regex": "[0-9]" }, "behavior": "Isolated", "invert": false },
            { "type": "ByteLevel", "add_prefix_space": false, "use_regex": false },
        ]});
        let bpe = read(&file_with("/pre_tokenizer", sequence).to_string()).unwrap();
        assert!(bpe.splitter().patterns().eq(["[0-9]"]));
    }

    #[test]
    fn ids_may_have_gaps() {
        let token = json!({ "id": 300, "content": "<|pad|>", "special": true });
        let bpe = read(&file_with("/added_tokens/0", token).to_string()).unwrap();
        assert_eq!(bpe.vocab_size(), 301);
        assert_eq!(bpe.id_to_token(280), None);
        assert_eq!(bpe.decode(&[300, 299]), b"<|pad|>");
        assert_eq!(read(&write(&bpe)).unwrap().to_json(), write(&bpe));
    }

    #[test]
    fn what_cannot_be_applied_exactly_is_refused() {
        let split = |pattern: Value, behavior: &str| {
            json!({ "type": "Sequence", "pretokenizers": [
                { "type": "Split", "pattern": pattern, "behavior": behavior, "invert": false },
                { "type": "ByteLevel", "add_prefix_space": false, "use_regex": false },
            ]})
        };
        let cases = [
            ("/model/type", json!("Unigram"), "model Unigram"),
            ("/normalizer", json!({ "type": "NFC" }), "normalizer NFC"),
            ("/decoder", json!({ "type": "Metaspace" }), "decoder Metaspace"),
            ("/pre_tokenizer", json!(null), "no pre-tokenizer"),
            (
                "/pre_tokenizer",
                json!({ "type": "Metaspace" }),
                "pre-tokenizer that ends in Metaspace",
            ),
            ("/pre_tokenizer/add_prefix_space", json!(true), "pre-tokenizer with add_prefix_space"),
            (
                "/pre_tokenizer",
                split(json!({ "Regex": "a" }), "Removed"),
                "pre-tokenizer Split, behavior Removed, invert false",
            ),
            (
                "/pre_tokenizer",
                split(json!({ "String": " " }), "Isolated"),
                "pre-tokenizer Split by the string ` `",
            ),
            ("/model/dropout", json!(0.1), "dropout"),
            ("/model/end_of_word_suffix", json!("</w>"), "end_of_word_suffix"),
            (
                "/added_tokens/0/special",
                json!(false),
                "added token `<|endoftext|>`, which is not special",
            ),
            ("/model/vocab/中", json!(300), "token `中`, which spells no bytes"),
        ];
        for (pointer, value, expected) in cases {
            assert_eq!(refusal(pointer, value), format!("{expected}: not supported"));
        }
    }

    #[test]
    fn contradictions_are_refused() {
        let cases = [
            ("/model/merges/1", json!("h x"), "merge 1: token `hx` is not in the vocabulary"),
            ("/model/merges/1", json!("he"), "merge 1: no pair: `he`"),
            ("/model/vocab/whole", json!(258), "tokens `whole` and `Ġthe`: both have id 258"),
            ("/model/vocab/whole", json!(1 << 30), "token `whole`: id 1073741824 is too high"),
            (
                "/added_tokens/0/id",
                json!(7),
                "added token `<|endoftext|>`: id 7, in the vocabulary 260",
            ),
            ("/added_tokens/0/content", json!(""), "added token 260: is empty"),
        ];
        for (pointer, value, expected) in cases {
            assert_eq!(refusal(pointer, value), expected);
        }
    }

    #[test]
    fn vocabulary_that_loses_a_byte_is_refused() {
        let mut file = file();
        file["model"]["vocab"].as_object_mut().unwrap().remove("Ġ");
        file["model"]["merges"] = json!([]);
        let error = read(&file.to_string()).unwrap_err().to_string();
        assert_eq!(error, "vocabulary without byte 0x20, which loses text: not supported");
    }

    #[test]
    fn special_token_that_merges_make_is_refused() {
        let token = json!({ "id": 258, "content": "Ġthe", "special": true });
        let error = refusal("/added_tokens/0", token);
        assert_eq!(error, "merge into special token `Ġthe`: not supported");
    }

    #[test]
    fn truncated_file_is_refused_at_every_length() {
        let json = file().to_string();
        for len in (0..json.len()).filter(|&len| json.is_char_boundary(len)).step_by(7) {
            assert!(read(json.split_at(len).0).is_err(), "{len} bytes");
        }
    }
}
