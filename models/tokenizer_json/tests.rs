use serde_json::{Map, Value, json};

use super::*;

/// The characters that spell the 256 bytes.
fn spelt_bytes() -> impl Iterator<Item = char> {
    ('!'..='~').chain('¡'..='¬').chain('®'..='ÿ').chain('Ā'..='Ń')
}

/// A GPT-2 style file: the 256 bytes, four words, merges in the older spelling, no Split.
fn file() -> Value {
    let mut vocab: Map<_, _> =
        spelt_bytes().zip(0u32..).map(|(c, id)| (c.into(), id.into())).collect();
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
    let bpe = read_bpe(&file().to_string()).unwrap();
    assert_eq!(bpe.vocab_size(), 261);
    assert_eq!(ids(&bpe, " the the"), [258, 258]);
    assert!(bpe.special_tokens().eq([("<|endoftext|>", 260)]));
    assert_eq!(read_bpe(&bpe.to_json()).unwrap().to_json(), bpe.to_json());
}

#[test]
fn merges_are_read_in_both_spellings() {
    let pairs = json!([["Ġ", "t"], ["h", "e"], ["Ġt", "he"]]);
    let bpe = read_bpe(&file_with("/model/merges", pairs).to_string()).unwrap();
    assert_eq!(ids(&bpe, " the"), [258]);
}

#[test]
fn merges_are_ignored_for_whole_words_only_if_the_file_says_so() {
    let by_merges = read_bpe(&file().to_string()).unwrap();
    assert_eq!(ids(&by_merges, "whole").len(), 5);
    let whole = read_bpe(&file_with("/model/ignore_merges", true.into()).to_string()).unwrap();
    assert_eq!(ids(&whole, "whole"), [259]);
    assert!(whole.to_json().contains("\"ignore_merges\": true"));
}

#[test]
fn sequence_of_patterns_is_read() {
    let sequence = json!({ "type": "Sequence", "pretokenizers": [
        { "type": "Split", "pattern": { "Regex": "[0-9]" }, "behavior": "Isolated", "invert": false },
        { "type": "ByteLevel", "add_prefix_space": false, "use_regex": false },
    ]});
    let bpe = read_bpe(&file_with("/pre_tokenizer", sequence).to_string()).unwrap();
    assert!(bpe.splitter().patterns().eq(["[0-9]"]));
}

#[test]
fn ids_may_have_gaps() {
    let token = json!({ "id": 300, "content": "<|pad|>", "special": true });
    let mut file = file_with("/added_tokens/0", token);
    file["model"]["vocab"]["<|pad|>"] = 300.into();
    let bpe = read_bpe(&file.to_string()).unwrap();
    assert_eq!(bpe.vocab_size(), 301);
    assert_eq!(bpe.id_to_token(280), None);
    assert_eq!(bpe.decode(&[300, 299]), b"<|pad|>");
    assert_eq!(read_bpe(&bpe.to_json()).unwrap().to_json(), bpe.to_json());
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
        ("/model/type", json!("WordPiece"), "model WordPiece"),
        ("/model/type", json!("Unigram"), "model Unigram behind ByteLevel"),
        ("/normalizer", json!({ "type": "BertNormalizer" }), "normalizer BertNormalizer"),
        ("/decoder", json!({ "type": "WordPiece" }), "decoder WordPiece"),
        (
            "/decoder",
            json!({ "type": "Metaspace", "replacement": "▁" }),
            "decoder Metaspace with this pre-tokenizer",
        ),
        ("/pre_tokenizer", json!(null), "decoder ByteLevel with this pre-tokenizer"),
        (
            "/pre_tokenizer",
            split(json!({ "Regex": "a" }), "Removed"),
            "pre-tokenizer Split, behavior Removed, which loses text",
        ),
        ("/model/dropout", json!(0.1), "dropout"),
        ("/model/end_of_word_suffix", json!("</w>"), "end_of_word_suffix"),
        ("/model/vocab/中", json!(300), "token `中`, which spells no bytes"),
        (
            "/added_tokens/0",
            json!({ "id": 260, "content": "<|endoftext|>", "rstrip": true }),
            "added token `<|endoftext|>` with rstrip, which loses text",
        ),
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
            "/added_tokens/0",
            json!({ "id": 300, "content": "<end>", "special": true }),
            "added token `<end>`: id 300, which Hugging Face's library makes 261",
        ),
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
