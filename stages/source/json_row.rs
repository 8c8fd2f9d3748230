//! One JSON object as a row.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::{self, Display, Formatter};

use memchr::{memchr, memchr_iter, memchr2};
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserializer, de};
use sonic_rs::{JsonValueTrait, LazyValue};

use super::builder::Row;
use super::mapping::Mapping;
use crate::batch::{COLUMNS, TEXT};

/// Nesting that is read. The parser recurses, and a hostile line must not overflow the stack of a thread.
const MAX_DEPTH: usize = 512;

/// Why a line is unreadable.
#[derive(Debug)]
pub(super) enum Problem {
    /// It is longer than `max_line_bytes`.
    TooLong { bytes: usize, max: usize },
    /// It is not UTF-8.
    Utf8 { at: usize },
    /// It is not a JSON object.
    Json { at: usize, what: String },
    /// It nests too deep.
    Deep,
    /// It has no text, or one that is no string; the member that should be the text, and what it is.
    Text { name: String, found: &'static str },
}

impl Display for Problem {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Problem::TooLong { bytes, max } => {
                write!(f, "a line of {bytes} bytes, max_line_bytes is {max}")
            }
            Problem::Utf8 { at } => write!(f, "invalid UTF-8 at byte {at}"),
            Problem::Json { at, what } => write!(f, "invalid JSON at byte {at}: {what}"),
            Problem::Deep => write!(f, "nested deeper than {MAX_DEPTH}"),
            Problem::Text { name, found } => write!(f, "`{name}` is {found}, expected a string"),
        }
    }
}

/// What is read of one line; made once and used for each.
#[derive(Debug, Default)]
pub(super) struct JsonRow {
    /// The base columns.
    pub(super) base: Row,
    /// The other members as one object, or nothing.
    extra: String,
    /// What stands in place of the text, while it is no string.
    text_is: Option<&'static str>,
}

impl JsonRow {
    /// Forgets the line.
    pub(super) fn clear(&mut self) {
        self.base.clear();
        self.extra.clear();
        self.text_is = Some("missing");
    }

    /// Returns the other members as one JSON object: in their order, each value as it stood; `None` if there are none.
    pub(super) fn extra(&self) -> Option<&str> {
        (!self.extra.is_empty()).then_some(self.extra.as_str())
    }

    /// Reads a line; of members with the same name the last one counts.
    ///
    /// A url, source, language or id that is no string is carried as its JSON text.
    ///
    /// # Errors
    /// When the line is no JSON object from its first byte to its last, or has no text.
    pub(super) fn read(&mut self, line: &str, mapping: &Mapping) -> Result<(), Problem> {
        if is_too_deep(line.as_bytes()) {
            return Err(Problem::Deep);
        }
        let mut deserializer = sonic_rs::Deserializer::from_str(line);
        let object = ObjectVisitor { row: self, mapping };
        let members = deserializer.deserialize_map(object).and_then(|members| {
            deserializer.end()?;
            Ok(members)
        });
        let members =
            members.map_err(|error| Problem::Json { at: error.offset(), what: reason(&error) })?;
        self.write_extra(members);
        match self.text_is {
            None => Ok(()),
            Some(found) => Err(Problem::Text { name: mapping.name(TEXT).to_owned(), found }),
        }
    }

    /// Sets a base column from a JSON value.
    fn set(&mut self, column: usize, value: &LazyValue<'_>) {
        if column == TEXT {
            self.base.text.clear();
            self.text_is = match value.as_str() {
                Some(text) => {
                    self.base.text.push_str(text);
                    None
                }
                None => Some(kind(value)),
            };
            return;
        }
        let text = match value.as_str() {
            Some(text) => Some(text.to_owned()),
            None if value.is_null() => None,
            None => Some(value.as_raw_str().to_owned()),
        };
        self.base.set(column, text);
    }

    fn write_extra(&mut self, mut members: Vec<(Cow<'_, str>, Cow<'_, str>)>) {
        keep_last(&mut members);
        let mut json = std::mem::take(&mut self.extra).into_bytes();
        for (name, value) in &members {
            json.push(if json.is_empty() { b'{' } else { b',' });
            sonic_rs::to_writer(&mut json, &**name).expect("a vector takes all bytes");
            json.push(b':');
            json.extend_from_slice(value.as_bytes());
        }
        if !json.is_empty() {
            json.push(b'}');
        }
        self.extra = String::from_utf8(json).expect("it is put together from strings");
    }
}

/// Leaves the last value of each name, at the place of the first one.
fn keep_last(members: &mut Vec<(Cow<'_, str>, Cow<'_, str>)>) {
    let mut first: HashMap<Cow<'_, str>, usize> = HashMap::new();
    let has_twins = match members.len() {
        // Few members are compared faster than they are hashed.
        0..=16 => (1..members.len()).any(|i| members[..i].iter().any(|m| m.0 == members[i].0)),
        _ => true,
    };
    if !has_twins {
        return;
    }
    for (name, value) in std::mem::take(members) {
        match first.get(&name) {
            Some(&i) => members[i].1 = value,
            None => {
                first.insert(name.clone(), members.len());
                members.push((name, value));
            }
        }
    }
}

/// Says whether brackets outside strings nest deeper than `MAX_DEPTH`.
fn is_too_deep(line: &[u8]) -> bool {
    // Most lines have too few brackets for that. memchr counts one byte at 20 GB/s; a loop over two reaches 2.
    let n_opening = memchr_iter(b'[', line).count() + memchr_iter(b'{', line).count();
    if n_opening <= MAX_DEPTH {
        return false;
    }
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(&byte) = line.get(at) {
        at += 1;
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            b'"' => at = end_of_string(line, at),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return true;
        }
    }
    false
}

fn end_of_string(line: &[u8], mut at: usize) -> usize {
    while let Some(i) = line.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
        at += i + 1;
        if line[at - 1] == b'"' {
            return at;
        }
        at += 1;
    }
    line.len()
}

/// Says whether `\u` stands before anything but four hexadecimal digits: what sonic-rs overlooks in values that it skips.
fn has_broken_escape(json: &[u8]) -> bool {
    let mut at = 0;
    while let Some(i) = json.get(at..).and_then(|rest| memchr(b'\\', rest)) {
        at += i + 2;
        let digits = json.get(at..at + 4).unwrap_or_default();
        let is_whole = digits.len() == 4 && digits.iter().all(u8::is_ascii_hexdigit);
        if json.get(at - 1) == Some(&b'u') && !is_whole {
            return true;
        }
    }
    false
}

/// Returns what a parser's error says, without the excerpt of the line that it shows.
fn reason(error: &sonic_rs::Error) -> String {
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or_default();
    let mut chars = message.chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

fn kind(value: &LazyValue<'_>) -> &'static str {
    match value.get_type() {
        sonic_rs::JsonType::Null => "null",
        sonic_rs::JsonType::Boolean => "a boolean",
        sonic_rs::JsonType::Number => "a number",
        sonic_rs::JsonType::String => "a string with an escape that is no character",
        sonic_rs::JsonType::Object => "an object",
        sonic_rs::JsonType::Array => "a list",
    }
}

/// Takes the members of the object apart: base columns into the row, the others as they stand.
struct ObjectVisitor<'r> {
    row: &'r mut JsonRow,
    mapping: &'r Mapping,
}

impl<'de> Visitor<'de> for ObjectVisitor<'_> {
    type Value = Vec<(Cow<'de, str>, Cow<'de, str>)>;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let ObjectVisitor { row, mapping } = self;
        let mut others = Vec::new();
        // What a column takes from the top level counts more than what a path leads to.
        let mut is_top = [false; COLUMNS.len()];
        while let Some(name) = map.next_key_seed(NameSeed)? {
            if mapping.is_text_alone(&name) {
                map.next_value_seed(TextSeed(row))?;
                is_top[TEXT] = true;
                continue;
            }
            let value: LazyValue<'de> = map.next_value()?;
            if has_broken_escape(value.as_raw_str().as_bytes()) {
                return Err(de::Error::custom(format_args!("a broken \\u escape in `{name}`")));
            }
            for (column, is_top) in is_top.iter_mut().enumerate() {
                if mapping.name(column) == name {
                    row.set(column, &value);
                    *is_top = true;
                } else if !*is_top && let Some(path) = mapping.path_below(column, &name) {
                    let path: Vec<&str> = path.collect();
                    if let Ok(value) = sonic_rs::get(value.as_raw_str(), &path) {
                        row.set(column, &value);
                    }
                }
            }
            if !mapping.takes(&name) {
                others.push((name, value.as_raw_cow()));
            }
        }
        Ok(others)
    }
}

/// Reads a name, without a copy where it has no escapes.
struct NameSeed;

impl<'de> DeserializeSeed<'de> for NameSeed {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for NameSeed {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E: de::Error>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}

/// Reads the text into the row, or takes down what stands in its place.
struct TextSeed<'r>(&'r mut JsonRow);

impl TextSeed<'_> {
    fn is<E>(self, found: &'static str) -> Result<(), E> {
        self.0.base.text.clear();
        self.0.text_is = Some(found);
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for TextSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for TextSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<(), E> {
        self.0.base.text.clear();
        self.0.base.text.push_str(text);
        self.0.text_is = None;
        Ok(())
    }

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        self.is("null")
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<(), E> {
        self.is("a boolean")
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<(), E> {
        self.is("a number")
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<(), E> {
        self.is("a number")
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<(), E> {
        self.is("a number")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        self.is("a list")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        self.is("an object")
    }
}
