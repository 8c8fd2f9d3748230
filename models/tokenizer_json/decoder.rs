//! What the decoder of a `tokenizer.json` does to the text of pieces.

use serde::Deserialize;
use serde_json::Value;

use crate::BpeError;
use crate::bpe::unsupported;
use crate::normalizer::{Pattern, fields};
use crate::pieces::SPACE;

/// How the text of pieces becomes text again; byte pieces become their bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Decoder {
    /// Whether `▁` stands for a space.
    pub(super) has_spaces: bool,
    /// Spaces that are taken away at the start.
    pub(super) strip: usize,
    /// Whether pieces spell bytes.
    pub(super) is_byte_level: bool,
    /// Whether pieces such as `<0x0A>` are bytes.
    pub(super) has_bytes: bool,
}

#[derive(Deserialize)]
struct Metaspace {
    replacement: char,
    add_prefix_space: Option<bool>,
    prepend_scheme: Option<String>,
}

#[derive(Deserialize)]
struct Replace {
    pattern: Pattern,
    content: String,
}

#[derive(Deserialize)]
struct Strip {
    content: char,
    start: usize,
    stop: usize,
}

impl Decoder {
    /// Reads a decoder.
    ///
    /// # Errors
    /// Fails if it does something else than these parts say.
    pub(super) fn read(value: Option<&Value>) -> Result<Self, BpeError> {
        let mut decoder = Self::default();
        if let Some(value) = value {
            decoder.add(value)?;
        }
        Ok(decoder)
    }

    fn add(&mut self, value: &Value) -> Result<(), BpeError> {
        let kind = value.get("type").and_then(Value::as_str).unwrap_or_default();
        match kind {
            "Sequence" => {
                let parts = value.get("decoders").and_then(Value::as_array).ok_or_else(|| {
                    BpeError::Inconsistent("decoder Sequence: no list `decoders`".into())
                })?;
                return parts.iter().try_for_each(|part| self.add(part));
            }
            "ByteLevel" => self.is_byte_level = true,
            "ByteFallback" => self.has_bytes = true,
            "Fuse" => {}
            "Metaspace" => {
                let Metaspace { replacement, add_prefix_space, prepend_scheme } = fields(value)?;
                let is_kept =
                    add_prefix_space == Some(false) || prepend_scheme.as_deref() == Some("never");
                if replacement != SPACE {
                    return Err(unsupported(format!("decoder Metaspace with `{replacement}`")));
                }
                self.has_spaces = true;
                self.strip += usize::from(!is_kept);
            }
            "Replace" => match fields(value)? {
                Replace { pattern: Pattern::String(from), content }
                    if from.chars().eq([SPACE]) && content == " " =>
                {
                    self.has_spaces = true;
                }
                Replace { pattern: Pattern::String(text) | Pattern::Regex(text), .. } => {
                    return Err(unsupported(format!("decoder Replace of `{text}`")));
                }
            },
            "Strip" => {
                let Strip { content, start, stop } = fields(value)?;
                if content != ' ' || stop != 0 {
                    return Err(unsupported("decoder Strip of more than leading spaces".into()));
                }
                self.strip += start;
            }
            _ => return Err(unsupported(format!("decoder {kind}"))),
        }
        Ok(())
    }

    /// Takes the spaces at the start away.
    pub(super) fn strip<'b>(&self, bytes: &'b [u8]) -> &'b [u8] {
        let n_spaces = bytes.iter().take(self.strip).take_while(|&&byte| byte == b' ').count();
        bytes.get(n_spaces..).unwrap_or_default()
    }
}
