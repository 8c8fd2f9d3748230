//! Writes Hugging Face's `tokenizer.json`.

use serde_json::{Map, json};

use super::{Bpe, alphabet};

/// Writes a tokenizer as Hugging Face's library writes it.
pub(super) fn write(bpe: &Bpe) -> String {
    let spell = |id| match bpe.special_tokens().find(|special| special.1 == id) {
        Some((name, _)) => name.to_owned(),
        None => alphabet::spell(bpe.vocabulary.get(id).unwrap_or_default()),
    };
    let spelt: Vec<String> = (0..bpe.vocabulary.len() as u32).map(spell).collect();
    let vocab: Map<_, _> =
        bpe.vocabulary.iter().map(|(id, _)| (spelt[id as usize].clone(), id.into())).collect();
    let merges: Vec<[&str; 2]> = bpe
        .merges
        .by_rank()
        .iter()
        .map(|((left, right), _)| [*left, *right].map(|id| spelt[id as usize].as_str()))
        .collect();
    let mut special_tokens: Vec<_> = bpe.special_tokens().collect();
    special_tokens.sort_unstable_by_key(|special| special.1);
    let added_tokens: Vec<_> = special_tokens
        .into_iter()
        .map(|(content, id)| {
            json!({
                "id": id,
                "content": content,
                "single_word": false,
                "lstrip": false,
                "rstrip": false,
                "normalized": false,
                "special": true,
            })
        })
        .collect();
    let byte_level = json!({
        "type": "ByteLevel",
        "add_prefix_space": false,
        "trim_offsets": true,
        "use_regex": false,
    });
    let pattern = |pattern| {
        json!({
            "type": "Split",
            "pattern": { "Regex": pattern },
            "behavior": "Isolated",
            "invert": false,
        })
    };
    let pretokenizers: Vec<_> =
        bpe.splitter.patterns().map(pattern).chain([byte_level.clone()]).collect();
    let file = json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": added_tokens,
        "normalizer": null,
        "pre_tokenizer": { "type": "Sequence", "pretokenizers": pretokenizers },
        "post_processor": null,
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "dropout": null,
            "unk_token": null,
            "continuing_subword_prefix": null,
            "end_of_word_suffix": null,
            "fuse_unk": false,
            "byte_fallback": false,
            "ignore_merges": bpe.ignore_merges,
            "vocab": vocab,
            "merges": merges,
        },
    });
    let mut text = serde_json::to_string_pretty(&file).expect("names and ids are valid JSON");
    text.push('\n');
    text
}
