//! Placeholders as the pipeline file writes them: a text, or `false` for off.

use std::fmt;

use serde::de::{self, Deserializer, Visitor};
use serde::ser::Serializer;

pub(super) fn serialize<S: Serializer>(
    placeholder: &Option<String>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match placeholder {
        Some(text) => serializer.serialize_str(text),
        None => serializer.serialize_bool(false),
    }
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    deserializer.deserialize_any(PlaceholderVisitor)
}

struct PlaceholderVisitor;

impl Visitor<'_> for PlaceholderVisitor {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a text, or false to leave such data alone")
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Option<String>, E> {
        if value { Err(E::invalid_value(de::Unexpected::Bool(true), &self)) } else { Ok(None) }
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Option<String>, E> {
        Ok(Some(value.to_owned()))
    }
}
