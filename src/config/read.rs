//! Deserializes one value as often as it takes to find all that is wrong with it.

use std::ops::Range;

use serde::de::DeserializeOwned;
use toml::de::ValueDeserializer;

use super::Value;
use super::mistake::{Mistake, suggest, unknown_key};
use super::value::remove_at;

/// Reads `value` as a `T`, or `None` if nothing of it can be read.
///
/// What is wrong is taken down and out, and the rest is read again.
pub(super) fn read<T: DeserializeOwned>(
    value: &Value<'_>,
    what: &str,
    mistakes: &mut Vec<Mistake>,
) -> Option<T> {
    let mut rest = value.clone();
    loop {
        let error = match T::deserialize(ValueDeserializer::from(rest.clone())) {
            Ok(read) => return Some(read),
            Err(error) => error,
        };
        let span = error.span().unwrap_or_else(|| value.span());
        let keys = remove_at(&mut rest, &span);
        mistakes.push(describe(error.message(), span, what, keys.as_deref()));
        keys?;
    }
}

/// Says what serde says in the words of the pipeline file; `keys` lead to the key that is wrong.
fn describe(message: &str, span: Range<usize>, what: &str, keys: Option<&[String]>) -> Mistake {
    let (last, tables) = keys.and_then(<[String]>::split_last).unzip();
    let table = table_name(what, tables.unwrap_or_default());
    let (head, expected) = message.split_once(", expected ").unwrap_or((message, ""));
    let known: Vec<&str> = quoted(expected).collect();
    let found = quoted(head).next().unwrap_or_default();
    if head.starts_with("unknown field") {
        return unknown_key(found, &known, span, Some(&table));
    }
    let name = match last {
        Some(key) if *key != what => format!("{table}: `{key}`"),
        _ => format!("`{what}`"),
    };
    if head.starts_with("unknown variant") {
        let mistake = Mistake::new(span, format!("{name}: there is no `{found}`"));
        return mistake.with_hint(suggest(found, &known, "values"));
    }
    let found = head.replace("invalid type: ", "").replace("invalid value: ", "");
    match expected {
        "" => Mistake::new(span, format!("{name}: {found}")),
        _ => Mistake::new(span, format!("{name}: {found}, expected {}", in_words(expected))),
    }
}

/// Returns how messages call a table within a stage: `tokenize.train`.
fn table_name(what: &str, tables: &[String]) -> String {
    let inner: Vec<&str> = tables.iter().map(String::as_str).filter(|key| *key != what).collect();
    [&[what], inner.as_slice()].concat().join(".")
}

/// Says what serde calls by the names of Rust's types.
fn in_words(expected: &str) -> &str {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number from 0",
        "i32" | "i64" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "a map" => "a table",
        _ if expected.starts_with("struct ") => "a table",
        _ => expected,
    }
}

/// Returns what stands between backquotes.
fn quoted(message: &str) -> impl Iterator<Item = &str> {
    message.split('`').skip(1).step_by(2)
}
