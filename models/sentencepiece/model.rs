//! The fields of SentencePiece's model file (`sentencepiece_model.proto`) that the ids of a text depend on.

use super::protobuf::{Value, broken, fields};
use crate::BpeError;
use crate::bpe::unsupported;

/// A model file.
#[derive(Debug, Default)]
pub(super) struct ModelFile<'b> {
    pub(super) pieces: Vec<Piece<'b>>,
    pub(super) trainer: Trainer,
    pub(super) normalizer: NormalizerSpec<'b>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Piece<'b> {
    pub(super) text: &'b str,
    pub(super) score: f32,
    pub(super) kind: Kind,
}

/// What a piece is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Normal,
    Unknown,
    Control,
    UserDefined,
    Byte,
}

/// Which model the pieces are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    Unigram,
    Bpe,
}

#[derive(Debug)]
pub(super) struct Trainer {
    pub(super) algorithm: Algorithm,
    pub(super) byte_fallback: bool,
    pub(super) unk_surface: String,
}

/// How text is normalized.
#[derive(Debug)]
pub(super) struct NormalizerSpec<'b> {
    pub(super) charsmap: &'b [u8],
    pub(super) add_dummy_prefix: bool,
    pub(super) remove_extra_whitespaces: bool,
    pub(super) escape_whitespaces: bool,
}

impl Default for Trainer {
    fn default() -> Self {
        Self {
            algorithm: Algorithm::Unigram,
            byte_fallback: false,
            unk_surface: " \u{2047} ".into(),
        }
    }
}

impl Default for NormalizerSpec<'_> {
    fn default() -> Self {
        Self {
            charsmap: &[],
            add_dummy_prefix: true,
            remove_extra_whitespaces: true,
            escape_whitespaces: true,
        }
    }
}

impl<'b> ModelFile<'b> {
    /// Reads a model file.
    ///
    /// # Errors
    /// Fails if the file is broken, or a field says what is not applied here.
    pub(super) fn read(bytes: &'b [u8]) -> Result<Self, BpeError> {
        let mut file = Self::default();
        fields(bytes, |number, value| {
            match number {
                1 => file.pieces.push(read_piece(value.bytes("pieces")?, file.pieces.len())?),
                2 => read_trainer(value.bytes("trainer_spec")?, &mut file.trainer)?,
                3 => read_normalizer(value.bytes("normalizer_spec")?, &mut file.normalizer)?,
                5 => {
                    let mut denormalizer = NormalizerSpec::default();
                    read_normalizer(value.bytes("denormalizer_spec")?, &mut denormalizer)?;
                    if !denormalizer.charsmap.is_empty() {
                        let what = "denormalizer_spec.precompiled_charsmap";
                        return Err(unsupported(what.into()));
                    }
                }
                _ => {}
            }
            Ok(())
        })?;
        Ok(file)
    }
}

fn read_piece(message: &[u8], id: usize) -> Result<Piece<'_>, BpeError> {
    let mut piece = Piece { text: "", score: 0.0, kind: Kind::Normal };
    fields(message, |number, value| {
        match number {
            1 => piece.text = value.text(&format!("pieces[{id}].piece"))?,
            2 => piece.score = value.float(&format!("pieces[{id}].score"))?,
            3 => piece.kind = read_kind(value, id)?,
            _ => {}
        }
        Ok(())
    })?;
    if piece.text.is_empty() {
        return Err(broken(&format!("pieces[{id}].piece: is empty")));
    }
    if piece.score.is_nan() {
        return Err(broken(&format!("pieces[{id}].score: is no number")));
    }
    Ok(piece)
}

fn read_kind(value: Value<'_>, id: usize) -> Result<Kind, BpeError> {
    let field = format!("pieces[{id}].type");
    Ok(match value.varint(&field)? {
        1 => Kind::Normal,
        2 => Kind::Unknown,
        3 => Kind::Control,
        4 => Kind::UserDefined,
        6 => Kind::Byte,
        5 => return Err(unsupported(format!("{field} UNUSED"))),
        other => return Err(broken(&format!("{field}: {other} is unknown"))),
    })
}

fn read_trainer(message: &[u8], trainer: &mut Trainer) -> Result<(), BpeError> {
    fields(message, |number, value| {
        match number {
            3 => {
                trainer.algorithm = match value.varint("trainer_spec.model_type")? {
                    1 => Algorithm::Unigram,
                    2 => Algorithm::Bpe,
                    3 => return Err(unsupported("trainer_spec.model_type WORD".into())),
                    4 => return Err(unsupported("trainer_spec.model_type CHAR".into())),
                    other => {
                        let what = format!("trainer_spec.model_type: {other} is unknown");
                        return Err(broken(&what));
                    }
                }
            }
            24 if value.bool("trainer_spec.treat_whitespace_as_suffix")? => {
                return Err(unsupported("trainer_spec.treat_whitespace_as_suffix".into()));
            }
            35 => trainer.byte_fallback = value.bool("trainer_spec.byte_fallback")?,
            44 => trainer.unk_surface = value.text("trainer_spec.unk_surface")?.to_owned(),
            _ => {}
        }
        Ok(())
    })
}

fn read_normalizer<'b>(
    message: &'b [u8],
    normalizer: &mut NormalizerSpec<'b>,
) -> Result<(), BpeError> {
    fields(message, |number, value| {
        let spec = &mut *normalizer;
        match number {
            2 => spec.charsmap = value.bytes("normalizer_spec.precompiled_charsmap")?,
            3 => spec.add_dummy_prefix = value.bool("normalizer_spec.add_dummy_prefix")?,
            4 => {
                spec.remove_extra_whitespaces =
                    value.bool("normalizer_spec.remove_extra_whitespaces")?;
            }
            5 => spec.escape_whitespaces = value.bool("normalizer_spec.escape_whitespaces")?,
            _ => {}
        }
        Ok(())
    })
}
