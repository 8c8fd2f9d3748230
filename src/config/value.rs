//! Looks into TOML values: which key stands where.

use std::ops::Range;

use toml::de::{DeArray, DeValue};

use super::mistake::{Mistake, suggest};
use super::{Key, Value};

/// Returns the only entry of a table, which names a stage or a rule.
pub(super) fn only_entry<'a>(
    value: &'a Value<'a>,
    kind: &str,
    names: &[&str],
    mistakes: &mut Vec<Mistake>,
) -> Option<(&'a Key<'a>, &'a Value<'a>)> {
    let DeValue::Table(table) = value.get_ref() else {
        let message = format!("a {kind} is a table with its name as the key");
        let hint = format!("write `{{ {} = {{}} }}`", value.get_ref().as_str().unwrap_or(names[0]));
        mistakes.push(Mistake::new(value.span(), message).with_hint(hint));
        return None;
    };
    let mut entries = table.iter();
    let Some(first) = entries.next() else {
        let hint = suggest("", names, &format!("{kind}s"));
        mistakes
            .push(Mistake::new(value.span(), format!("this {kind} has no name")).with_hint(hint));
        return None;
    };
    if let Some((key, _)) = entries.next() {
        let (first, second) = (first.0.get_ref(), key.get_ref());
        let message = format!("a {kind} has one name, but here are `{first}` and `{second}`");
        let hint = match kind {
            "stage" => "begin another `[[stage]]`",
            _ => "give each rule its own braces",
        };
        mistakes.push(Mistake::new(key.span(), message).with_hint(hint));
        return None;
    }
    Some(first)
}

/// Takes the list out that a key of a table holds, and leaves an empty one.
pub(super) fn take_array<'a>(value: &mut Value<'a>, key: &str) -> DeArray<'a> {
    if let DeValue::Table(table) = value.get_mut() {
        for (name, value) in table.iter_mut() {
            if let DeValue::Array(list) = value.get_mut()
                && name.get_ref().as_ref() == key
            {
                return std::mem::replace(list, DeArray::new());
            }
        }
    }
    DeArray::new()
}

/// Takes out the key or the value at `span`, and returns the keys that lead to it.
pub(super) fn remove_at(value: &mut Value<'_>, span: &Range<usize>) -> Option<Vec<String>> {
    match value.get_mut() {
        DeValue::Table(table) => {
            let is_it =
                |key: &Key<'_>, value: &Value<'_>| key.span() == *span || value.span() == *span;
            // An inner value may have the span of its table's header: the innermost one is meant.
            for (key, value) in table.iter_mut() {
                if let Some(mut keys) = remove_at(value, span) {
                    keys.insert(0, key.get_ref().to_string());
                    return Some(keys);
                }
            }
            let key = table.iter().find(|(key, value)| is_it(key, value))?.0.clone();
            table.remove(&key);
            Some(vec![key.into_inner().into_owned()])
        }
        DeValue::Array(array) => {
            for element in array.iter_mut() {
                if let Some(keys) = remove_at(element, span) {
                    return Some(keys);
                }
            }
            if array.iter().all(|element| element.span() != *span) {
                return None;
            }
            let mut rest = DeArray::new();
            for element in array.iter().filter(|element| element.span() != *span) {
                rest.push(element.clone());
            }
            *array = rest;
            Some(Vec::new())
        }
        _ => None,
    }
}

/// Returns the part of the file that a value covers: a table's own span is only its header.
pub(super) fn extent(value: &Value<'_>) -> Range<usize> {
    let span = value.span();
    let inner: Vec<Range<usize>> = match value.get_ref() {
        DeValue::Table(table) => table.iter().map(|(_, value)| extent(value)).collect(),
        DeValue::Array(array) => array.iter().map(extent).collect(),
        _ => Vec::new(),
    };
    let start = inner.iter().map(|span| span.start).fold(span.start, usize::min);
    let end = inner.iter().map(|span| span.end).fold(span.end, usize::max);
    start..end
}

/// Returns where the key stands that a message names, as `` `key` ``, `` `table.key` `` or `key: `.
///
/// A key that is absent stands at the header of its table.
pub(super) fn find_named(value: &Value<'_>, message: &str) -> Option<Range<usize>> {
    let quoted = message.split('`').skip(1).step_by(2);
    let prefixes = message.split(": ");
    quoted.chain(prefixes).find_map(|name| {
        let keys: Vec<&str> = name.split('.').collect();
        match keys.as_slice() {
            [table, key] => {
                let (_, table) = find(value, table)?;
                find(table, key).map(|(key, _)| key.span()).or(Some(table.span()))
            }
            [key] => find(value, key.trim_matches(['[', ']'])).map(|(key, _)| key.span()),
            _ => None,
        }
    })
}

/// Returns the first entry of this name, from the outside inwards.
fn find<'a>(value: &'a Value<'a>, name: &str) -> Option<(&'a Key<'a>, &'a Value<'a>)> {
    let children: Vec<&Value<'_>> = match value.get_ref() {
        DeValue::Table(table) => {
            let own = table.iter().find(|(key, _)| key.get_ref().as_ref() == name);
            if own.is_some() {
                return own;
            }
            table.iter().map(|(_, value)| value).collect()
        }
        DeValue::Array(array) => array.iter().collect(),
        _ => Vec::new(),
    };
    children.into_iter().find_map(|child| find(child, name))
}
