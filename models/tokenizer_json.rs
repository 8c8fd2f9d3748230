//! Reads Hugging Face's `tokenizer.json`.
//!
//! A text goes through four parts: added tokens are found in it, what lies between them is normalized, cut into pieces,
//! and each piece becomes ids by the model. A byte-level BPE with nothing but patterns before it is a [`Bpe`]; all else
//! is a [`Pipeline`] of the parts. What a part would not do exactly as Hugging Face's library is refused, with its name.

use std::collections::BTreeMap;

mod added;
mod decoder;
mod file;
mod pipeline;
mod pre_tokenizer;
#[cfg(test)]
mod tests;

use added::AddedTokens;
use decoder::Decoder;
pub(crate) use file::{AddedToken, BpeModel, MergeText};
use file::{Head, ModelOf, UnigramModel};
use pipeline::{Model, Pipeline};
use pre_tokenizer::PreTokenizer;

use crate::bpe::{CharacterBpe, MAX_ID, check_added, from_model, same_id, unsupported};
use crate::normalizer::Normalizer;
use crate::pieces::{Pieces, byte_of, unescape};
use crate::unigram::{Sums, Unigram, UnigramPiece};
use crate::{Bpe, BpeError, Splitter, Tokenizer};

/// Reads a tokenizer.
pub(crate) fn read(json: &str) -> Result<Box<dyn Tokenizer>, BpeError> {
    match read_any(json)? {
        Read::Bpe(bpe) => Ok(bpe),
        Read::Pipeline(pipeline) => Ok(pipeline),
    }
}

/// Reads a byte-level BPE that has nothing but patterns before it.
pub(crate) fn read_bpe(json: &str) -> Result<Bpe, BpeError> {
    match read_any(json)? {
        Read::Bpe(bpe) => Ok(*bpe),
        Read::Pipeline(pipeline) => {
            let what = format!("{}, where a plain byte-level BPE is needed", pipeline.name());
            Err(unsupported(what))
        }
    }
}

enum Read {
    Bpe(Box<Bpe>),
    Pipeline(Box<Pipeline>),
}

fn read_any(json: &str) -> Result<Read, BpeError> {
    let head: Head = serde_json::from_str(json).map_err(BpeError::Json)?;
    let kind = head.model.r#type.as_deref().unwrap_or("BPE");
    if !["BPE", "Unigram"].contains(&kind) {
        return Err(unsupported(format!("model {kind}")));
    }
    let normalizer = head.normalizer.as_ref().map(Normalizer::read).transpose()?;
    let mut pre_tokenizer = PreTokenizer::read(head.pre_tokenizer.as_ref())?;
    let decoder = Decoder::read(head.decoder.as_ref())?;
    if pre_tokenizer.looks_for_start() && normalizer.as_ref().is_some_and(Normalizer::may_cut_start)
    {
        let what = "pre-tokenizer Metaspace, prepend_scheme first, behind this normalizer";
        return Err(unsupported(what.into()));
    }
    let added = AddedTokens::new(&head.added_tokens, normalizer.as_ref())?;
    let byte_level = pre_tokenizer.byte_level.take();
    if head.decoder.is_some() && decoder.is_byte_level != byte_level.is_some() {
        let kind = head.decoder.as_ref().and_then(|decoder| decoder.get("type"));
        let kind = kind.and_then(serde_json::Value::as_str).unwrap_or_default();
        return Err(unsupported(format!("decoder {kind} with this pre-tokenizer")));
    }

    let (model, pieces) = match (kind, byte_level) {
        ("BPE", Some(patterns)) => {
            let ModelOf { model } = from_str(json)?;
            check_ids(model_ids(&model), &head.added_tokens)?;
            let bpe = from_model(Splitter::new(&patterns)?, model, &head.added_tokens)?;
            if normalizer.is_none() && added.is_empty() && pre_tokenizer.is_empty() {
                return Ok(Read::Bpe(Box::new(bpe)));
            }
            (Model::Bytes(Box::new(bpe)), Pieces::default())
        }
        (_, Some(_)) => return Err(unsupported(format!("model {kind} behind ByteLevel"))),
        ("BPE", None) => {
            let ModelOf { model } = from_str::<BpeModel>(json)?;
            check_ids(model_ids(&model), &head.added_tokens)?;
            let pieces = read_pieces(model_ids(&model), &head.added_tokens, decoder)?;
            let bpe = CharacterBpe::from_model(&model, &head.added_tokens)?;
            (Model::Characters(Box::new(bpe)), pieces)
        }
        (_, None) => {
            let ModelOf { model } = from_str::<UnigramModel>(json)?;
            let ids = || model.vocab.iter().map(|(piece, _)| piece.as_str()).zip(0..);
            check_ids(ids(), &head.added_tokens)?;
            let pieces = read_pieces(ids(), &head.added_tokens, decoder)?;
            (Model::Unigram(Box::new(read_unigram(&model, &head.added_tokens)?)), pieces)
        }
    };
    let special = head.added_tokens.into_iter().filter(|token| token.special);
    Ok(Read::Pipeline(Box::new(Pipeline {
        added,
        normalizer,
        pre_tokenizer,
        model,
        decoder,
        pieces,
        special_tokens: special.map(|token| (token.content, token.id)).collect(),
    })))
}

fn from_str<M: serde::de::DeserializeOwned>(json: &str) -> Result<ModelOf<M>, BpeError> {
    serde_json::from_str(json).map_err(BpeError::Json)
}

fn model_ids(model: &BpeModel) -> impl Iterator<Item = (&str, u32)> + Clone {
    model.vocab.iter().map(|(piece, &id)| (piece.as_str(), id))
}

/// Refuses added tokens to which Hugging Face's library gives another id than the file does: it counts on from the
/// size of the vocabulary, whatever the file says.
fn check_ids<'m>(
    vocabulary: impl Iterator<Item = (&'m str, u32)>,
    added_tokens: &[AddedToken],
) -> Result<(), BpeError> {
    let mut ids: BTreeMap<&str, u32> = vocabulary.collect();
    let mut next = ids.len() as u32;
    for token in added_tokens {
        check_added(token, ids.get(token.content.as_str()).copied())?;
        if !ids.contains_key(token.content.as_str()) {
            if token.id != next {
                let what = format!(
                    "added token `{}`: id {}, which Hugging Face's library makes {next}",
                    token.content, token.id
                );
                return Err(BpeError::Inconsistent(what));
            }
            ids.insert(&token.content, next);
            next += 1;
        }
    }
    Ok(())
}

/// Returns what each id stands for.
fn read_pieces<'m>(
    vocabulary: impl Iterator<Item = (&'m str, u32)>,
    added_tokens: &[AddedToken],
    decoder: Decoder,
) -> Result<Pieces, BpeError> {
    let mut by_id: BTreeMap<u32, (&str, Vec<u8>)> = BTreeMap::new();
    for token in added_tokens {
        by_id.insert(token.id, (&token.content, token.content.clone().into_bytes()));
    }
    for (piece, id) in vocabulary {
        if by_id.get(&id).is_some_and(|(added, _)| *added == piece) {
            continue;
        }
        let bytes = match byte_of(piece) {
            Some(byte) if decoder.has_bytes => vec![byte],
            _ if decoder.has_spaces => unescape(piece).into_bytes(),
            _ => piece.as_bytes().to_vec(),
        };
        if let Some((other, _)) = by_id.insert(id, (piece, bytes)) {
            return Err(same_id(other, piece, id));
        }
    }
    if let Some((id, (piece, _))) = by_id.last_key_value().filter(|(id, _)| **id >= MAX_ID) {
        return Err(BpeError::Inconsistent(format!("token `{piece}`: id {id} is too high")));
    }
    let mut pieces = Pieces::default();
    for (id, (_, bytes)) in by_id {
        while pieces.len() < id as usize {
            pieces.push(&[]);
        }
        pieces.push(&bytes);
    }
    Ok(pieces)
}

/// Returns the model.
///
/// Neither bytes nor special tokens nor the unknown one are pieces that text may become, as in SentencePiece; Hugging
/// Face's library takes the text `</s>` for the end of a document, and `<0x41>` for an `A`.
fn read_unigram(model: &UnigramModel, added_tokens: &[AddedToken]) -> Result<Unigram, BpeError> {
    let special: Vec<u32> =
        added_tokens.iter().filter(|token| token.special).map(|token| token.id).collect();
    let mut bytes = Box::new([u32::MAX; 256]);
    let mut pieces = Vec::new();
    for ((text, score), id) in model.vocab.iter().zip(0..) {
        match byte_of(text).filter(|_| model.byte_fallback) {
            Some(byte) => bytes[usize::from(byte)] = id,
            None if special.contains(&id) || model.unk_id == Some(id) => {}
            None => {
                pieces.push(UnigramPiece { text, id, score: *score, is_user_defined: false });
            }
        }
    }
    if model.unk_id.is_some_and(|id| id as usize >= model.vocab.len()) {
        return Err(BpeError::Inconsistent("unk_id: is not in the vocabulary".into()));
    }
    if model.byte_fallback && bytes.contains(&u32::MAX) {
        return Err(unsupported("byte_fallback without all 256 bytes".into()));
    }
    if model.unk_id.is_none() {
        // The library fails on the first character that is no piece, whatever bytes there are.
        return Err(unsupported("model Unigram without unk_id".into()));
    }
    let min_score = model.vocab.iter().map(|(_, score)| *score).fold(f64::INFINITY, f64::min);
    let bytes = model.byte_fallback.then_some(bytes);
    Ok(Unigram::new(&pieces, min_score, model.unk_id, bytes, Sums::Double))
}
