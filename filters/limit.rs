//! Limits as the pipeline file writes them: `0.2`, `false` for off, `{ zh = 0.256, de = 0.22, other = 0.2 }`, or a quantile of
//! what the documents measure, `"q0.05"` or `{ quantile = 0.05, by = "language" }`.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::{ConfigError, Tag};

/// A limit: off where `None`, and with a value of its own for languages where the common one would be wrong.
///
/// A single number in the pipeline file holds for all languages.
#[derive(Debug, Clone, PartialEq)]
pub struct Limit<T> {
    /// Sorted by language.
    by: Vec<(Tag, Option<T>)>,
    other: Option<T>,
    quantile: Option<Quantile>,
}

/// A limit that is known once all documents have been measured; off until then.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Quantile {
    /// The share of documents that lie below the limit.
    share: f64,
    by_language: bool,
}

/// A number that a limit may be: a count (`u64`) or a share (`f64`).
pub trait Number: Copy + Serialize + fmt::Display {
    /// What the number must be, for error messages.
    const EXPECTED: &'static str;
    /// Converts what the file holds, if it fits.
    fn from_integer(value: i64) -> Option<Self>;
    /// Converts what the file holds, if it fits.
    fn from_float(value: f64) -> Option<Self>;
    /// Returns the number as rules compare it.
    fn to_f64(self) -> f64;
}

impl<T: Number> Limit<T> {
    /// Returns a limit that holds for all languages.
    pub const fn all(value: T) -> Limit<T> {
        Limit { by: Vec::new(), other: Some(value), quantile: None }
    }

    /// Returns a limit with a value of its own for Chinese.
    pub fn with_zh(other: T, zh: T) -> Limit<T> {
        Limit { by: vec![(Tag::ZH, Some(zh))], other: Some(other), quantile: None }
    }

    /// Returns a limit that is off for Chinese.
    pub fn but_zh(other: T) -> Limit<T> {
        Limit { by: vec![(Tag::ZH, None)], other: Some(other), quantile: None }
    }

    /// Returns a limit that is off.
    pub const fn off() -> Limit<T> {
        Limit { by: Vec::new(), other: None, quantile: None }
    }

    /// Returns the limit for a text, or `None` if it is off: that of its language and script, of its language, of all others.
    pub fn of(&self, language: Tag) -> Option<f64> {
        let find = |tag: Tag| self.by.binary_search_by_key(&tag, |(tag, _)| *tag).ok();
        let found = match self.by.is_empty() {
            true => None,
            false => find(language).or_else(|| find(language.primary())),
        };
        found.map_or(self.other, |at| self.by[at].1).map(Number::to_f64)
    }

    fn values(&self) -> impl Iterator<Item = f64> {
        self.by.iter().map(|(_, value)| *value).chain([self.other]).flatten().map(Number::to_f64)
    }

    /// Refuses NaN, and what is negative.
    pub(crate) fn check_amount(&self, key: &'static str) -> Result<(), ConfigError> {
        self.check(key, "0 or more", |value| value >= 0.0)
    }

    /// Refuses what is no share of a whole.
    pub(crate) fn check_ratio(&self, key: &'static str) -> Result<(), ConfigError> {
        self.check(key, "from 0 to 1", |value| (0.0..=1.0).contains(&value))
    }

    fn check(
        &self,
        key: &'static str,
        expected: &'static str,
        is_good: impl Fn(f64) -> bool,
    ) -> Result<(), ConfigError> {
        match self.values().find(|&value| !is_good(value)) {
            Some(value) => Err(ConfigError::OutOfRange { key, value, expected }),
            None => Ok(()),
        }
    }
}

/// Refuses a lower limit above its upper limit, in which case no document could be kept.
pub(crate) fn check_order<A: Number, B: Number>(
    (min_key, min): (&'static str, &Limit<A>),
    (max_key, max): (&'static str, &Limit<B>),
) -> Result<(), ConfigError> {
    let tags = min.by.iter().map(|(tag, _)| tag).chain(max.by.iter().map(|(tag, _)| tag));
    for &tag in tags.chain([&Tag::UNKNOWN]) {
        if let (Some(min), Some(max)) = (min.of(tag), max.of(tag))
            && min > max
        {
            return Err(ConfigError::Crossed { min_key, min, max_key, max });
        }
    }
    Ok(())
}

impl Number for u64 {
    const EXPECTED: &'static str = "a whole number from 0";

    fn from_integer(value: i64) -> Option<u64> {
        u64::try_from(value).ok()
    }

    fn from_float(value: f64) -> Option<u64> {
        // `50.0` comes from files that other programs wrote.
        (value.fract() == 0.0 && (0.0..9e15).contains(&value)).then_some(value as u64)
    }

    fn to_f64(self) -> f64 {
        self as f64
    }
}

impl Number for f64 {
    const EXPECTED: &'static str = "a number";

    fn from_integer(value: i64) -> Option<f64> {
        Some(value as f64)
    }

    fn from_float(value: f64) -> Option<f64> {
        Some(value)
    }

    fn to_f64(self) -> f64 {
        self
    }
}

impl<T: Number> Serialize for Limit<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Some(Quantile { share, by_language }) = self.quantile {
            if !by_language {
                return serializer.serialize_str(&format!("q{share}"));
            }
            let mut map = serializer.serialize_map(Some(2))?;
            map.serialize_entry("quantile", &share)?;
            map.serialize_entry("by", "language")?;
            return map.end();
        }
        if self.by.is_empty() {
            return Value(self.other).serialize(serializer);
        }
        let mut map = serializer.serialize_map(Some(self.by.len() + 1))?;
        for (tag, value) in &self.by {
            map.serialize_entry(tag.as_str(), &Value(*value))?;
        }
        map.serialize_entry("other", &Value(self.other))?;
        map.end()
    }
}

impl<'de, T: Number> Deserialize<'de> for Limit<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LimitVisitor { with_map: true, number: PhantomData })
    }
}

/// One number or `false`.
struct Value<T>(Option<T>);

impl<T: Number> Serialize for Value<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Some(number) => number.serialize(serializer),
            None => serializer.serialize_bool(false),
        }
    }
}

impl<'de, T: Number> Deserialize<'de> for Value<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let visitor = LimitVisitor { with_map: false, number: PhantomData };
        deserializer.deserialize_any(visitor).map(|limit: Limit<T>| Value(limit.other))
    }
}

struct LimitVisitor<T> {
    with_map: bool,
    number: PhantomData<T>,
}

impl<'de, T: Number> Visitor<'de> for LimitVisitor<T> {
    type Value = Limit<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, or false to switch the check off", T::EXPECTED)?;
        if self.with_map { write!(f, ", or {{ zh = …, other = … }}") } else { Ok(()) }
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Limit<T>, E> {
        if value {
            return Err(E::invalid_value(de::Unexpected::Bool(true), &self));
        }
        Ok(Limit::off())
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Limit<T>, E> {
        let share = value.strip_prefix('q').and_then(|share| share.parse().ok());
        match share.filter(|_| self.with_map) {
            Some(share) => quantile(share, false),
            None => Err(E::invalid_type(de::Unexpected::Str(value), &self)),
        }
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Limit<T>, E> {
        let number = T::from_integer(value)
            .ok_or_else(|| E::invalid_value(de::Unexpected::Signed(value), &self))?;
        Ok(Limit::all(number))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Limit<T>, E> {
        match i64::try_from(value) {
            Ok(value) => self.visit_i64(value),
            Err(_) => Err(E::invalid_value(de::Unexpected::Unsigned(value), &self)),
        }
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Limit<T>, E> {
        let number = T::from_float(value)
            .ok_or_else(|| E::invalid_value(de::Unexpected::Float(value), &self))?;
        Ok(Limit::all(number))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Limit<T>, A::Error> {
        if !self.with_map {
            return Err(de::Error::invalid_type(de::Unexpected::Map, &self));
        }
        let (mut by, mut other) = (Vec::new(), None);
        let (mut share, mut by_language) = (None, false);
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "quantile" => {
                    share = Some(map.next_value::<f64>()?);
                    continue;
                }
                // No language has this tag.
                "by" => {
                    by_language = true;
                    match map.next_value::<String>()?.as_str() {
                        "language" => continue,
                        name => return Err(de::Error::unknown_variant(name, &["language"])),
                    }
                }
                _ => {}
            }
            let value = map.next_value::<Value<T>>()?.0;
            match Tag::read(&key) {
                Some(tag) => by.push((tag, value)),
                None if key == "other" => other = Some(value),
                None => {
                    return Err(de::Error::custom(format_args!(
                        "`{key}` is no language, such as `zh` or `sr-Cyrl`, and not `other`"
                    )));
                }
            }
        }
        if let Some(share) = share
            && by.is_empty()
            && other.is_none()
        {
            return quantile(share, by_language);
        }
        by.sort_by_key(|(tag, _)| *tag);
        if let Some(twice) = by.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(de::Error::custom(format_args!("two limits for `{:?}`", twice[0].0)));
        }
        let other = other.ok_or_else(|| de::Error::missing_field("other"))?;
        Ok(Limit { by, other, quantile: None })
    }
}

fn quantile<T, E: de::Error>(share: f64, by_language: bool) -> Result<Limit<T>, E> {
    if !(0.0..=1.0).contains(&share) {
        return Err(E::custom(format_args!("a quantile of {share}, expected a share from 0 to 1")));
    }
    let quantile = Some(Quantile { share, by_language });
    Ok(Limit { by: Vec::new(), other: None, quantile })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Limit<u64>, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn limits_read_as_they_are_written() {
        for limit in [Limit::all(50), Limit::off(), Limit::with_zh(3, 1), Limit::but_zh(2)] {
            let json = serde_json::to_string(&limit).unwrap();
            assert_eq!(read(&json).unwrap(), limit, "{json}");
        }
        assert_eq!(serde_json::to_string(&Limit::<f64>::off()).unwrap(), "false");
        assert_eq!(
            serde_json::to_string(&Limit::with_zh(0.2, 0.25)).unwrap(),
            r#"{"zh":0.25,"other":0.2}"#
        );
    }

    #[test]
    fn a_quantile_is_off_until_it_is_known_and_is_written_as_it_was_read() {
        for json in [r#""q0.05""#, r#"{"quantile":0.05,"by":"language"}"#] {
            let limit = read(json).unwrap();
            assert_eq!(limit.of(Tag::EN), None);
            assert_eq!(serde_json::to_string(&limit).unwrap(), json);
        }
        for json in
            [r#""q2""#, r#""q""#, r#"{"quantile":0.1,"zh":3}"#, r#"{"quantile":0.1,"by":"host"}"#]
        {
            assert!(read(json).is_err(), "{json}");
        }
    }

    #[test]
    fn the_nearest_language_has_the_limit() {
        let limit = read(r#"{"zh": 1, "sr-Cyrl": 2, "ceb": false, "other": 9}"#).unwrap();
        let of = |name| limit.of(Tag::read(name).unwrap_or_default());
        assert_eq!(
            ["zh-Hant", "srp_Cyrl", "sr", "de", ""].map(of),
            [1.0, 2.0, 9.0, 9.0, 9.0].map(Some)
        );
        assert_eq!(of("ceb-Latn"), None);
    }

    #[test]
    fn what_is_no_limit_is_refused() {
        for json in [
            "true",
            "-1",
            "1.5",
            "\"50\"",
            "{\"zh\":1}",
            "{\"zh\":1,\"other\":2,\"english\":3}",
            "{\"zh\":1,\"cmn\":2,\"other\":3}",
            "null",
        ] {
            assert!(read(json).is_err(), "{json}");
        }
        let error = read("true").unwrap_err().to_string();
        assert!(error.contains("false to switch the check off"), "{error}");
    }
}
