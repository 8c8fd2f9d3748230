//! Builds a byte-level BPE from the model and the added tokens of a `tokenizer.json`.

use std::collections::BTreeMap;

use super::{Bpe, BpeError, MAX_ID, Merge, Merges, Vocabulary, alphabet};
use crate::Splitter;
use crate::tokenizer_json::{AddedToken, BpeModel, MergeText};

/// Returns the tokenizer; added tokens that are not special count as special ones here, whoever looks for them.
pub(crate) fn from_model(
    splitter: Splitter,
    model: BpeModel,
    added_tokens: &[AddedToken],
) -> Result<Bpe, BpeError> {
    check_options(&model)?;
    let vocabulary = read_vocabulary(&model.vocab, added_tokens)?;
    let bytes = read_bytes(&model.vocab)?;
    let merges = read_merges(&model.vocab, &model.merges, added_tokens)?;
    let special_tokens =
        added_tokens.iter().map(|token| (token.content.clone(), token.id)).collect();
    Ok(Bpe::new(splitter, vocabulary, merges, bytes, special_tokens, model.ignore_merges))
}

/// Refuses what no BPE of ours does.
pub(super) fn check_options(model: &BpeModel) -> Result<(), BpeError> {
    if model.dropout.is_some_and(|dropout| dropout != 0.0) {
        return Err(unsupported("dropout".into()));
    }
    for (key, affix) in [
        ("continuing_subword_prefix", &model.continuing_subword_prefix),
        ("end_of_word_suffix", &model.end_of_word_suffix),
    ] {
        if affix.as_ref().is_some_and(|affix| !affix.is_empty()) {
            return Err(unsupported(key.into()));
        }
    }
    Ok(())
}

/// Returns all tokens by id; added tokens are bytes as they stand, the others are spelt.
fn read_vocabulary(
    vocab: &BTreeMap<String, u32>,
    added_tokens: &[AddedToken],
) -> Result<Vocabulary, BpeError> {
    let mut tokens = BTreeMap::new();
    for token in added_tokens {
        let content = &token.content;
        check_added(token, vocab.get(content).copied())?;
        if !token.special
            && vocab.contains_key(content)
            && alphabet::unspell(content).is_none_or(|bytes| bytes != content.as_bytes())
        {
            let what = format!("added token `{content}`, which spells other bytes");
            return Err(unsupported(what));
        }
        tokens.insert(token.id, (content, content.clone().into_bytes()));
    }
    for (token, &id) in vocab {
        if tokens.get(&id).is_some_and(|(added, _)| *added == token) {
            continue;
        }
        let bytes = alphabet::unspell(token)
            .ok_or_else(|| unsupported(format!("token `{token}`, which spells no bytes")))?;
        if let Some((other, _)) = tokens.insert(id, (token, bytes)) {
            return Err(same_id(other, token, id));
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

/// Refuses an added token that contradicts its id in the vocabulary, or is empty.
pub(crate) fn check_added(token: &AddedToken, in_vocabulary: Option<u32>) -> Result<(), BpeError> {
    let AddedToken { content, id, .. } = token;
    if let Some(other) = in_vocabulary.filter(|other| other != id) {
        let what = format!("added token `{content}`: id {id}, in the vocabulary {other}");
        return Err(BpeError::Inconsistent(what));
    }
    if content.is_empty() {
        return Err(BpeError::Inconsistent(format!("added token {id}: is empty")));
    }
    Ok(())
}

pub(crate) fn same_id(one: &str, other: &str, id: u32) -> BpeError {
    BpeError::Inconsistent(format!("tokens `{one}` and `{other}`: both have id {id}"))
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

pub(super) fn read_merges(
    vocab: &BTreeMap<String, u32>,
    texts: &[MergeText],
    added_tokens: &[AddedToken],
) -> Result<Merges, BpeError> {
    let special: BTreeMap<u32, &str> = added_tokens
        .iter()
        .filter(|token| token.special)
        .map(|token| (token.id, token.content.as_str()))
        .collect();
    let id_of = |rank: u32, token: &str| {
        let what = || format!("merge {rank}: token `{token}` is not in the vocabulary");
        vocab.get(token).copied().ok_or_else(|| BpeError::Inconsistent(what()))
    };
    let mut merges = Merges::default();
    for (rank, text) in (0..).zip(texts) {
        let (left, right) = text.pair().ok_or_else(|| {
            let MergeText::Line(line) = text else { unreachable!("a pair is a pair") };
            BpeError::Inconsistent(format!("merge {rank}: no pair: `{line}`"))
        })?;
        let id = id_of(rank, &format!("{left}{right}"))?;
        if let Some(content) = special.get(&id) {
            return Err(unsupported(format!("merge into special token `{content}`")));
        }
        merges.insert((id_of(rank, left)?, id_of(rank, right)?), Merge { rank, id });
    }
    Ok(merges)
}

pub(crate) fn unsupported(what: String) -> BpeError {
    BpeError::Unsupported(what)
}
