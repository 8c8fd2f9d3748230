use serde_json::json;

use super::*;

fn pieces(value: Value, text: &str) -> Vec<String> {
    let mut pieces = Vec::new();
    let pre_tokenizer = PreTokenizer::read(Some(&value)).unwrap();
    pre_tokenizer.split(text, true, &mut |piece| pieces.push(piece.to_owned()));
    pieces
}

fn split(pattern: Value, behavior: &str, invert: bool) -> Value {
    json!({ "type": "Split", "pattern": pattern, "behavior": behavior, "invert": invert })
}

#[test]
fn matches_are_joined_as_the_behavior_says() {
    let dash = || json!({ "String": "-" });
    let cases = [
        ("Isolated", vec!["the", "-", "final", "-", "-", "countdown"]),
        ("Contiguous", vec!["the", "-", "final", "--", "countdown"]),
        ("MergedWithPrevious", vec!["the-", "final-", "-", "countdown"]),
        ("MergedWithNext", vec!["the", "-final", "-", "-countdown"]),
    ];
    for (behavior, expected) in cases {
        assert_eq!(pieces(split(dash(), behavior, false), "the-final--countdown"), expected);
        let regex = split(json!({ "Regex": "-" }), behavior, false);
        assert_eq!(pieces(regex, "the-final--countdown"), expected);
    }
    let inverted = split(json!({ "Regex": "[a-z]+" }), "MergedWithPrevious", true);
    assert_eq!(pieces(inverted, "a--b-"), ["a--", "b-"]);
}

#[test]
fn digits_are_runs_or_alone() {
    let digits = |each| json!({ "type": "Digits", "individual_digits": each });
    assert_eq!(pieces(digits(true), "a12½b"), ["a", "1", "2", "½", "b"]);
    assert_eq!(pieces(digits(false), "a12½b"), ["a", "12½", "b"]);
}

#[test]
fn metaspace_marks_words() {
    let metaspace = |scheme: &str, split| json!({ "type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": split });
    assert_eq!(pieces(metaspace("always", true), "a  b"), ["▁a", "▁", "▁b"]);
    assert_eq!(pieces(metaspace("never", true), "a b"), ["a", "▁b"]);
    assert_eq!(pieces(metaspace("always", false), " a b"), ["▁a▁b"]);
    let words = json!({ "type": "Sequence", "pretokenizers": [
        { "type": "WhitespaceSplit" }, metaspace("always", true),
    ]});
    assert_eq!(pieces(words, " a\n\nb▁c "), ["▁a", "▁b", "▁c"]);
    let first = json!({ "type": "Sequence", "pretokenizers": [
        split(json!({ "String": "x" }), "Isolated", false), metaspace("first", true),
    ]});
    assert_eq!(pieces(first, "axb c"), ["▁a", "x", "b", "▁c"]);
    let older = json!({ "type": "Metaspace", "replacement": "▁", "add_prefix_space": false });
    assert_eq!(pieces(older, "a b"), ["a", "▁b"]);
}

#[test]
fn last_patterns_of_a_byte_level_model_are_its_splitter() {
    let byte_level = |prefix| json!({ "type": "ByteLevel", "add_prefix_space": prefix });
    let isolated = || split(json!({ "Regex": "[0-9]" }), "Isolated", false);
    let sequence = |parts: Value| json!({ "type": "Sequence", "pretokenizers": parts });
    let plain = sequence(json!([isolated(), byte_level(false)]));
    let plain = PreTokenizer::read(Some(&plain)).unwrap();
    assert!(plain.is_empty());
    assert_eq!(plain.byte_level.unwrap(), ["[0-9]", GPT2]);
    let prefixed = sequence(json!([isolated(), byte_level(true)]));
    assert_eq!(PreTokenizer::read(Some(&prefixed)).unwrap().byte_level.unwrap(), [GPT2]);
    assert_eq!(pieces(prefixed, "a1 b"), [" a", " 1", " b"]);
}

#[test]
fn steps_that_lose_text_and_unknown_ones_are_refused() {
    let cases = [
        (json!({ "type": "BertPreTokenizer" }), "pre-tokenizer BertPreTokenizer"),
        (json!({ "type": "Whitespace" }), "pre-tokenizer Whitespace"),
        (json!({ "type": "WhitespaceSplit" }), "pre-tokenizer WhitespaceSplit, which loses text"),
        (
            split(json!({ "String": "a" }), "Removed", false),
            "pre-tokenizer Split, behavior Removed, which loses text",
        ),
        (
            json!({ "type": "Sequence", "pretokenizers": [
                { "type": "ByteLevel", "add_prefix_space": false },
                { "type": "Digits", "individual_digits": true },
            ]}),
            "pre-tokenizer ByteLevel before another one",
        ),
    ];
    for (value, expected) in cases {
        let error = PreTokenizer::read(Some(&value)).unwrap_err().to_string();
        assert_eq!(error, format!("{expected}: not supported"));
    }
    let broken = json!({ "type": "Split", "behavior": "Isolated" });
    let error = PreTokenizer::read(Some(&broken)).unwrap_err().to_string();
    assert_eq!(error, "Split: missing field `pattern`");
}
