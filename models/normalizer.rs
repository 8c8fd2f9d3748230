//! The normalizers of Hugging Face's `tokenizer.json`.
//!
//! The Unicode forms are those of the tables that Hugging Face's library is built with (Unicode 13), not of newer ones:
//! ids must be those that the library gives.

use std::borrow::Cow;

use fancy_regex::{NoExpand, Regex};
use serde::Deserialize;
use serde_json::Value;
use unicode_normalization_alignments::{
    IsNormalized, UnicodeNormalization, is_nfc_quick, is_nfd_quick, is_nfkc_quick, is_nfkd_quick,
};
use unicode_segmentation::UnicodeSegmentation;

use crate::BpeError;
use crate::charsmap::Charsmap;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// A change of the text before it is cut.
#[derive(Debug, Clone)]
pub(crate) enum Normalizer {
    Sequence(Vec<Normalizer>),
    Form(Form),
    Lowercase,
    Prepend(String),
    ReplaceText { text: String, content: String },
    ReplaceRegex { regex: Box<Regex>, content: String },
    Strip { left: bool, right: bool },
    Precompiled(Charsmap),
}

/// A Unicode normalization form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Nfc,
    Nfd,
    Nfkc,
    Nfkd,
}

#[derive(Deserialize)]
struct Sequence {
    normalizers: Vec<Value>,
}

#[derive(Deserialize)]
struct Prepend {
    prepend: String,
}

#[derive(Deserialize)]
struct Replace {
    pattern: Pattern,
    content: String,
}

/// What is looked for, as `tokenizer.json` writes it.
#[derive(Debug, Deserialize)]
pub(crate) enum Pattern {
    String(String),
    Regex(String),
}

#[derive(Deserialize)]
struct Strip {
    strip_left: bool,
    strip_right: bool,
}

#[derive(Deserialize)]
struct Precompiled {
    precompiled_charsmap: String,
}

impl Normalizer {
    /// Reads a normalizer.
    ///
    /// # Errors
    /// Fails if it is of a kind that is not applied here, or broken.
    pub(crate) fn read(value: &Value) -> Result<Self, BpeError> {
        let kind = value.get("type").and_then(Value::as_str).unwrap_or_default();
        Ok(match kind {
            "Sequence" => {
                let sequence: Sequence = fields(value)?;
                let normalizers = sequence.normalizers.iter().map(Self::read);
                Self::Sequence(normalizers.collect::<Result<_, _>>()?)
            }
            "NFC" => Self::Form(Form::Nfc),
            "NFD" => Self::Form(Form::Nfd),
            "NFKC" => Self::Form(Form::Nfkc),
            "NFKD" => Self::Form(Form::Nfkd),
            "Lowercase" => Self::Lowercase,
            "Prepend" => Self::Prepend(fields::<Prepend>(value)?.prepend),
            "Replace" => match fields(value)? {
                Replace { pattern: Pattern::String(text), .. } if text.is_empty() => {
                    return Err(BpeError::Inconsistent("normalizer Replace: empty pattern".into()));
                }
                Replace { pattern: Pattern::String(text), content } => {
                    Self::ReplaceText { text, content }
                }
                Replace { pattern: Pattern::Regex(pattern), content } => {
                    Self::ReplaceRegex { regex: Box::new(compile(&pattern)?), content }
                }
            },
            "Strip" => {
                let Strip { strip_left: left, strip_right: right } = fields(value)?;
                Self::Strip { left, right }
            }
            "Precompiled" => {
                let text = fields::<Precompiled>(value)?.precompiled_charsmap;
                let bytes = STANDARD.decode(text).map_err(|_| {
                    BpeError::Inconsistent("precompiled_charsmap: is no base64".into())
                })?;
                Self::Precompiled(Charsmap::read(&bytes)?)
            }
            _ => return Err(BpeError::Unsupported(format!("normalizer {kind}"))),
        })
    }

    /// Returns whether it may take away the text's first character, so that the rest begins at another place.
    pub(crate) fn may_cut_start(&self) -> bool {
        match self {
            Self::Sequence(normalizers) => normalizers.iter().any(Self::may_cut_start),
            Self::Form(_) | Self::Lowercase | Self::Prepend(_) => false,
            Self::ReplaceText { content, .. } => content.is_empty(),
            Self::ReplaceRegex { .. } | Self::Precompiled(_) => true,
            Self::Strip { left, .. } => *left,
        }
    }

    /// Returns the normalized text.
    pub(crate) fn apply<'t>(&self, text: Cow<'t, str>) -> Cow<'t, str> {
        let changed = match self {
            Self::Sequence(normalizers) => {
                return normalizers.iter().fold(text, |text, normalizer| normalizer.apply(text));
            }
            Self::Form(form) => form.apply(&text),
            Self::Lowercase if text.bytes().all(|b| b.is_ascii() && !b.is_ascii_uppercase()) => {
                None
            }
            // Not `str::to_lowercase`, which knows the Greek sigma at the end of a word.
            Self::Lowercase => Some(text.chars().flat_map(char::to_lowercase).collect()),
            Self::Prepend(_) if text.is_empty() => None,
            Self::Prepend(prefix) => Some(format!("{prefix}{text}")),
            Self::ReplaceText { text: from, content } => {
                text.contains(from).then(|| text.replace(from, content))
            }
            Self::ReplaceRegex { regex, content } => {
                // A search that gives up (the limit on backtracking) leaves the text as it is.
                match regex.try_replacen(&text, 0, NoExpand(content)) {
                    Ok(Cow::Owned(changed)) => Some(changed),
                    Ok(Cow::Borrowed(_)) | Err(_) => None,
                }
            }
            Self::Strip { left, right } => {
                let kept = if *left { text.trim_start() } else { &text };
                let kept = if *right { kept.trim_end() } else { kept };
                (kept.len() < text.len()).then(|| kept.to_owned())
            }
            Self::Precompiled(map) => Some(apply_charsmap(map, &text)),
        };
        changed.map_or(text, Cow::Owned)
    }
}

impl Form {
    /// Returns the text in this form, unless it is in it already.
    fn apply(self, text: &str) -> Option<String> {
        if text.is_ascii() {
            return None;
        }
        let chars = text.chars();
        let is_normalized = match self {
            Form::Nfc => is_nfc_quick(chars),
            Form::Nfd => is_nfd_quick(chars),
            Form::Nfkc => is_nfkc_quick(chars),
            Form::Nfkd => is_nfkd_quick(chars),
        };
        if is_normalized == IsNormalized::Yes {
            return None;
        }
        Some(match self {
            Form::Nfc => text.nfc().map(|(c, _)| c).collect(),
            Form::Nfd => text.nfd().map(|(c, _)| c).collect(),
            Form::Nfkc => text.nfkc().map(|(c, _)| c).collect(),
            Form::Nfkd => text.nfkd().map(|(c, _)| c).collect(),
        })
    }
}

/// Replaces each grapheme of less than six bytes whole, and each character of the others.
///
/// SentencePiece itself takes the longest text; Hugging Face's library does this, and its ids are what counts.
fn apply_charsmap(map: &Charsmap, text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for grapheme in text.graphemes(true) {
        if grapheme.len() < 6
            && let Some(replaced) = map.shortest(grapheme)
        {
            out.push_str(replaced);
            continue;
        }
        for c in grapheme.chars() {
            match map.shortest(c.encode_utf8(&mut [0; 4])) {
                Some(replaced) => out.push_str(replaced),
                None => out.push(c),
            }
        }
    }
    out
}

/// Reads the fields of a part.
pub(crate) fn fields<T: serde::de::DeserializeOwned>(value: &Value) -> Result<T, BpeError> {
    let kind = value.get("type").and_then(Value::as_str).unwrap_or_default();
    T::deserialize(value).map_err(|error| BpeError::Inconsistent(format!("{kind}: {error}")))
}

/// Compiles a pattern as Oniguruma reads it.
///
/// # Errors
/// Fails if it does not parse or matches the empty text, which loops in one library and not in the other.
pub(crate) fn compile(pattern: &str) -> Result<Regex, BpeError> {
    Ok(crate::split::compile(pattern, crate::split::Dialect::Oniguruma)?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn apply(value: Value, text: &str) -> String {
        Normalizer::read(&value).unwrap().apply(text.into()).into_owned()
    }

    #[test]
    fn each_kind_does_what_its_name_says() {
        let cases = [
            (json!({ "type": "NFC" }), "e\u{301}", "é"),
            (json!({ "type": "NFD" }), "é", "e\u{301}"),
            (json!({ "type": "NFKC" }), "ﬁ①", "fi1"),
            (json!({ "type": "NFKD" }), "é①", "e\u{301}1"),
            (json!({ "type": "Lowercase" }), "ΑΣ İ", "ας i\u{307}".replace('ς', "σ").leak()),
            (json!({ "type": "Prepend", "prepend": "▁" }), "a", "▁a"),
            (json!({ "type": "Prepend", "prepend": "▁" }), "", ""),
            (
                json!({ "type": "Replace", "pattern": { "String": " " }, "content": "▁" }),
                " a b",
                "▁a▁b",
            ),
            (
                json!({ "type": "Replace", "pattern": { "Regex": " {2,}" }, "content": "$0" }),
                "a  b",
                "a$0b",
            ),
            (json!({ "type": "Strip", "strip_left": true, "strip_right": false }), " a ", "a "),
            (
                json!({ "type": "Strip", "strip_left": false, "strip_right": true }),
                " a\u{3000}",
                " a",
            ),
            (
                json!({ "type": "Sequence", "normalizers": [
                    { "type": "Lowercase" }, { "type": "Prepend", "prepend": "A" },
                ]}),
                "B",
                "Ab",
            ),
        ];
        for (value, text, expected) in cases {
            assert_eq!(apply(value.clone(), text), expected, "{value}");
        }
    }

    #[test]
    fn other_kinds_and_broken_ones_are_refused() {
        let cases = [
            (json!({ "type": "BertNormalizer" }), "normalizer BertNormalizer: not supported"),
            (json!({ "type": "Prepend" }), "Prepend: missing field `prepend`"),
            (
                json!({ "type": "Replace", "pattern": { "String": "" }, "content": "a" }),
                "normalizer Replace: empty pattern",
            ),
            (
                json!({ "type": "Replace", "pattern": { "Regex": "a*" }, "content": "a" }),
                "pattern `a*`: matches the empty text",
            ),
            (
                json!({ "type": "Precompiled", "precompiled_charsmap": "?" }),
                "precompiled_charsmap: is no base64",
            ),
        ];
        for (value, expected) in cases {
            assert_eq!(Normalizer::read(&value).unwrap_err().to_string(), expected);
        }
    }
}
