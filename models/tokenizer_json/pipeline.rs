//! A tokenizer that is put together from the parts of a `tokenizer.json`.

use std::borrow::Cow;

use super::added::{AddedTokens, Part};
use super::decoder::Decoder;
use super::pre_tokenizer::PreTokenizer;
use crate::bpe::CharacterBpe;
use crate::normalizer::Normalizer;
use crate::pieces::{Pieces, unescape};
use crate::unigram::Unigram;
use crate::{Bpe, Tokenizer};

/// The parts, in the order in which a text meets them.
#[derive(Debug, Clone)]
pub(super) struct Pipeline {
    pub(super) added: AddedTokens,
    pub(super) normalizer: Option<Normalizer>,
    pub(super) pre_tokenizer: PreTokenizer,
    pub(super) model: Model,
    pub(super) decoder: Decoder,
    /// What the ids stand for, unless the model is of bytes.
    pub(super) pieces: Pieces,
    pub(super) special_tokens: Vec<(String, u32)>,
}

/// What turns a piece into ids.
#[derive(Debug, Clone)]
pub(super) enum Model {
    Bytes(Box<Bpe>),
    Characters(Box<CharacterBpe>),
    Unigram(Box<Unigram>),
}

/// What comes out of the parts before the model.
enum Cut<'p> {
    Piece(&'p str),
    Token(u32),
}

impl Pipeline {
    /// Returns what kind of tokenizer it is.
    pub(super) fn name(&self) -> &'static str {
        match self.model {
            Model::Bytes(_) => "byte-level BPE with a normalizer, added tokens or further steps",
            Model::Characters(_) => "BPE over characters",
            Model::Unigram(_) => "model Unigram",
        }
    }

    /// Calls `emit` with the pieces and the added tokens of a text.
    fn cut(&self, text: &str, emit: &mut dyn FnMut(Cut<'_>)) {
        let mut start = 0;
        self.added.cut_raw(text, |part| match part {
            Part::Token(id) => {
                // Only whether something stands before the next part matters.
                start += 1;
                emit(Cut::Token(id));
            }
            Part::Text(part) => {
                let normalized = match &self.normalizer {
                    Some(normalizer) => normalizer.apply(Cow::Borrowed(part)),
                    None => Cow::Borrowed(part),
                };
                self.added.cut_normalized(&normalized, |part| {
                    let is_start = start == 0;
                    start += 1;
                    match part {
                        Part::Token(id) => emit(Cut::Token(id)),
                        Part::Text(part) => {
                            let emit = &mut |piece: &str| emit(Cut::Piece(piece));
                            self.pre_tokenizer.split(part, is_start, emit);
                        }
                    }
                });
            }
        });
    }

    /// Returns the bytes of ids as the pieces hold them.
    fn bytes(&self, ids: &[u32]) -> Vec<u8> {
        match &self.model {
            Model::Bytes(bpe) => bpe.decode(ids),
            Model::Characters(_) | Model::Unigram(_) => self.pieces.decode(ids),
        }
    }
}

impl Tokenizer for Pipeline {
    fn encode(&self, text: &str, ids: &mut Vec<u32>) {
        self.cut(text, &mut |cut| match (cut, &self.model) {
            (Cut::Token(id), _) => ids.push(id),
            (Cut::Piece(piece), Model::Bytes(bpe)) => bpe.encode(piece, ids),
            (Cut::Piece(piece), Model::Characters(bpe)) => bpe.encode(piece, ids),
            (Cut::Piece(piece), Model::Unigram(unigram)) => unigram.encode(piece, ids),
        });
    }

    fn decode(&self, ids: &[u32]) -> Vec<u8> {
        self.decoder.strip(&self.bytes(ids)).to_vec()
    }

    fn vocab_size(&self) -> usize {
        match &self.model {
            Model::Bytes(bpe) => bpe.vocab_size(),
            Model::Characters(_) | Model::Unigram(_) => self.pieces.len(),
        }
    }

    fn normalize<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.unknown().is_some() {
            let mut ids = Vec::new();
            self.encode(text, &mut ids);
            return String::from_utf8_lossy(&self.decode(&ids)).into_owned().into();
        }
        let mut kept = Vec::with_capacity(text.len());
        self.cut(text, &mut |cut| match cut {
            Cut::Token(id) => kept.extend(self.bytes(&[id])),
            Cut::Piece(piece) if self.decoder.has_spaces => {
                kept.extend_from_slice(unescape(piece).as_bytes());
            }
            Cut::Piece(piece) => kept.extend_from_slice(piece.as_bytes()),
        });
        String::from_utf8_lossy(self.decoder.strip(&kept)).into_owned().into()
    }

    fn token_to_id(&self, token: &str) -> Option<u32> {
        let special = self.special_tokens.iter().find(|(name, _)| name == token);
        special.map(|&(_, id)| id).or_else(|| match &self.model {
            Model::Bytes(bpe) => bpe.token_to_id(token),
            Model::Characters(_) | Model::Unigram(_) => self.pieces.find(token.as_bytes()),
        })
    }

    fn special_tokens(&self) -> Vec<(&str, u32)> {
        self.special_tokens.iter().map(|(name, id)| (name.as_str(), *id)).collect()
    }

    fn unknown(&self) -> Option<u32> {
        match &self.model {
            Model::Bytes(_) => None,
            Model::Characters(bpe) => bpe.unknown(),
            Model::Unigram(unigram) => unigram.unknown(),
        }
    }
}
