//! Tokenizers of SentencePiece, from their `.model` files: unigram and BPE.
//!
//! Text is normalized, spaces become `▁`, and the model cuts it whole; what no piece covers becomes bytes, or one
//! unknown piece a run. Control symbols are never found in a text. The field names in errors are those of
//! `sentencepiece_model.proto`.
//!
//! Kudo and Richardson 2018, arXiv:1808.06226.

use std::borrow::Cow;

use hashbrown::HashSet;

mod model;
mod normalizer;
mod protobuf;
#[cfg(test)]
mod tests;

use model::{Algorithm, Kind, ModelFile};
use normalizer::Normalizer;
use protobuf::broken;

use crate::bpe::{CharacterBpe, MAX_ID, ScoredPiece};
use crate::pieces::{Pieces, SPACE, byte_of, unescape};
use crate::trie::Trie;
use crate::unigram::{Sums, Unigram, UnigramPiece};
use crate::{BpeError, Tokenizer};

/// A tokenizer of SentencePiece.
#[derive(Debug, Clone)]
pub(crate) struct SentencePiece {
    normalizer: Normalizer,
    model: Model,
    pieces: Pieces,
    special_tokens: Vec<(String, u32)>,
}

#[derive(Debug, Clone)]
enum Model {
    Unigram(Box<Unigram>),
    /// Symbols of the user are cut out before the merging, and never merge.
    Bpe(Box<CharacterBpe>, Option<Trie>),
}

/// Returns whether a file begins as SentencePiece writes it: with a first piece, whose first field is its text.
pub(crate) fn is_model(bytes: &[u8]) -> bool {
    let mut first = None;
    let _ = protobuf::fields(bytes, |number, value| {
        first = first
            .or(Some(number == 1 && value.bytes("pieces").is_ok_and(|b| b.starts_with(b"\n"))));
        Err(broken("one is enough"))
    });
    first == Some(true)
}

/// Reads a model file.
pub(crate) fn read(bytes: &[u8]) -> Result<SentencePiece, BpeError> {
    let file = ModelFile::read(bytes)?;
    if file.pieces.len() >= MAX_ID as usize {
        return Err(broken("pieces: too many"));
    }
    let (mut text_pieces, mut reserved) = (HashSet::new(), HashSet::new());
    let mut byte_ids = Box::new([u32::MAX; 256]);
    let (mut unknown, mut special_tokens, mut pieces) = (None, Vec::new(), Pieces::default());
    for (piece, id) in file.pieces.iter().zip(0..) {
        let is_text = matches!(piece.kind, Kind::Normal | Kind::UserDefined);
        if !if is_text { &mut text_pieces } else { &mut reserved }.insert(piece.text) {
            return Err(broken(&format!("pieces[{id}].piece: `{}` is there twice", piece.text)));
        }
        match piece.kind {
            Kind::Normal | Kind::UserDefined => pieces.push(unescape(piece.text).as_bytes()),
            Kind::Control => {
                pieces.push(piece.text.as_bytes());
                special_tokens.push((piece.text.to_owned(), id));
            }
            Kind::Unknown if unknown.is_some() => {
                return Err(broken(&format!("pieces[{id}].type: a second UNKNOWN")));
            }
            Kind::Unknown => {
                pieces.push(file.trainer.unk_surface.as_bytes());
                special_tokens.push((piece.text.to_owned(), id));
                unknown = Some(id);
            }
            Kind::Byte if !file.trainer.byte_fallback => {
                return Err(broken(&format!("pieces[{id}].type: BYTE without byte_fallback")));
            }
            Kind::Byte => {
                let byte = byte_of(piece.text).ok_or_else(|| {
                    broken(&format!("pieces[{id}].piece: `{}` is no byte", piece.text))
                })?;
                pieces.push(&[byte]);
                byte_ids[usize::from(byte)] = id;
            }
        }
    }
    let unknown = unknown.ok_or_else(|| broken("pieces: none is of type UNKNOWN"))?;
    if file.trainer.byte_fallback && byte_ids.contains(&u32::MAX) {
        return Err(broken("pieces: byte_fallback without all 256 bytes"));
    }
    let byte_ids = file.trainer.byte_fallback.then_some(byte_ids);
    let user_defined = user_defined(&file);
    let model = match file.trainer.algorithm {
        Algorithm::Unigram => Model::Unigram(Box::new(unigram(&file, unknown, byte_ids)?)),
        Algorithm::Bpe => {
            let numbered = file.pieces.iter().zip(0..);
            let normal = numbered.filter(|(piece, _)| piece.kind == Kind::Normal);
            let scored: Vec<_> = normal
                .map(|(piece, id)| ScoredPiece { text: piece.text, id, score: piece.score })
                .collect();
            let bpe = CharacterBpe::from_pieces(&scored, byte_ids, unknown);
            Model::Bpe(Box::new(bpe), user_defined.clone())
        }
    };
    let normalizer = Normalizer::new(&file.normalizer, user_defined)?;
    Ok(SentencePiece { normalizer, model, pieces, special_tokens })
}

/// Returns the symbols of the user, if there are any.
fn user_defined(file: &ModelFile<'_>) -> Option<Trie> {
    let numbered = file.pieces.iter().zip(0..);
    let symbols: Vec<_> = numbered
        .filter(|(piece, _)| piece.kind == Kind::UserDefined)
        .map(|(piece, id)| (piece.text.as_bytes(), id))
        .collect();
    (!symbols.is_empty()).then(|| Trie::new(symbols))
}

fn unigram(
    file: &ModelFile<'_>,
    unknown: u32,
    byte_ids: Option<Box<[u32; 256]>>,
) -> Result<Unigram, BpeError> {
    let has_user_defined = file.pieces.iter().any(|piece| piece.kind == Kind::UserDefined);
    let (mut pieces, mut min_score) = (Vec::new(), f32::MAX);
    for (piece, id) in file.pieces.iter().zip(0..) {
        if !matches!(piece.kind, Kind::Normal | Kind::UserDefined) {
            continue;
        }
        let is_user_defined = piece.kind == Kind::UserDefined;
        if !is_user_defined {
            min_score = min_score.min(piece.score);
            if piece.score > 0.0 && has_user_defined {
                // The bonus of a symbol of the user would be counted from it.
                return Err(broken(&format!("pieces[{id}].score: is above 0")));
            }
        }
        let score = f64::from(piece.score);
        pieces.push(UnigramPiece { text: piece.text, id, score, is_user_defined });
    }
    if pieces.is_empty() {
        return Err(broken("pieces: none that text may become"));
    }
    Ok(Unigram::new(&pieces, f64::from(min_score), Some(unknown), byte_ids, Sums::Single))
}

impl SentencePiece {
    /// Takes the spaces at the start away.
    fn strip<'b>(&self, bytes: &'b [u8]) -> &'b [u8] {
        let spaces = bytes.iter().take(self.normalizer.leading_spaces());
        let n_spaces = spaces.take_while(|&&byte| byte == b' ').count();
        bytes.get(n_spaces..).unwrap_or_default()
    }
}

impl Tokenizer for SentencePiece {
    fn encode(&self, text: &str, ids: &mut Vec<u32>) {
        let text = self.normalizer.apply(text);
        match &self.model {
            Model::Unigram(unigram) => unigram.encode(&text, ids),
            Model::Bpe(bpe, None) => bpe.encode(&text, ids),
            Model::Bpe(bpe, Some(symbols)) => {
                let (mut start, mut at) = (0, 0);
                while let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) {
                    match symbols.longest(text.as_bytes().get(at..).unwrap_or_default()) {
                        None => at += c.len_utf8(),
                        Some((len, id)) => {
                            bpe.encode(text.get(start..at).unwrap_or_default(), ids);
                            ids.push(id);
                            at += len;
                            start = at;
                        }
                    }
                }
                bpe.encode(text.get(start..).unwrap_or_default(), ids);
            }
        }
    }

    fn decode(&self, ids: &[u32]) -> Vec<u8> {
        // The surface of an unknown piece begins with a space that stays.
        let n_known = ids.iter().position(|id| Some(*id) == self.unknown()).unwrap_or(ids.len());
        let (known, rest) = ids.split_at(n_known);
        let mut bytes = self.strip(&self.pieces.decode(known)).to_vec();
        bytes.extend(self.pieces.decode(rest));
        bytes
    }

    fn vocab_size(&self) -> usize {
        self.pieces.len()
    }

    fn normalize<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.unknown().is_some() {
            let mut ids = Vec::new();
            self.encode(text, &mut ids);
            return String::from_utf8_lossy(&self.decode(&ids)).into_owned().into();
        }
        let text = self.normalizer.apply(text).replace(SPACE, " ");
        String::from_utf8_lossy(self.strip(text.as_bytes())).into_owned().into()
    }

    fn token_to_id(&self, token: &str) -> Option<u32> {
        let special = self.special_tokens.iter().find(|(name, _)| name == token);
        special.map(|&(_, id)| id).or_else(|| self.pieces.find(token.as_bytes()))
    }

    fn special_tokens(&self) -> Vec<(&str, u32)> {
        self.special_tokens.iter().map(|(name, id)| (name.as_str(), *id)).collect()
    }

    fn unknown(&self) -> Option<u32> {
        match &self.model {
            Model::Unigram(unigram) => unigram.unknown(),
            Model::Bpe(bpe, _) => bpe.unknown(),
        }
    }
}
