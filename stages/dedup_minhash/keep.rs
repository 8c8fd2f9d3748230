//! Which document of a cluster stays: `keep`.
//!
//! The documents of a component are taken in this order, ties in the order of the input, and each is compared
//! with those that stay so far. The first in the order always stays.
//!
//! | `keep` | order |
//! |---|---|
//! | `first` | of the input |
//! | `longest`, `shortest` | by length in characters |
//! | `max:COLUMN`, `min:COLUMN` | by a number of the input or of an earlier stage, such as a date or a score |
//!
//! A column holds integers or floats. A field of JSONL rows is found by its name too, one inside an object by
//! a path such as `meta.score`. Documents without a number there, or with `NaN`, come last; where a whole key
//! range has no number at all, a warning says so, for then the name may be misspelt.
//!
//! Differs: datatrove keeps the root of a union by size, NeMo the first of a partition, duplodocus what the
//! threads leave or, in another tool, the first by a sort key; Data-Juicer and text-dedup the first.

use anyhow::{Context, Result, bail, ensure};
use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type, Schema, UInt64Type};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::batch::{Batch, EXTRA};
use crate::source::is_members;

/// Which document of a cluster stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Keep {
    /// The first of the input.
    #[default]
    First,
    /// The one with the most characters.
    Longest,
    /// The one with the fewest characters.
    Shortest,
    /// The one with the largest number in a column.
    Max(String),
    /// The one with the smallest number in a column.
    Min(String),
}

impl TryFrom<String> for Keep {
    type Error = String;

    fn try_from(written: String) -> Result<Keep, String> {
        let column = |name: &str| Some(name.to_owned()).filter(|name| !name.is_empty());
        let keep = match written.split_once(':') {
            None if written == "first" => Some(Keep::First),
            None if written == "longest" => Some(Keep::Longest),
            None if written == "shortest" => Some(Keep::Shortest),
            Some(("max", name)) => column(name).map(Keep::Max),
            Some(("min", name)) => column(name).map(Keep::Min),
            _ => None,
        };
        keep.ok_or_else(|| {
            format!(
                "`{written}` is none of `first`, `longest`, `shortest`, `max:COLUMN`, `min:COLUMN`"
            )
        })
    }
}

impl From<Keep> for String {
    fn from(keep: Keep) -> String {
        match keep {
            Keep::First => "first".to_owned(),
            Keep::Longest => "longest".to_owned(),
            Keep::Shortest => "shortest".to_owned(),
            Keep::Max(name) => format!("max:{name}"),
            Keep::Min(name) => format!("min:{name}"),
        }
    }
}

/// A number that no rounding moves: an integer beyond 2^53 is not the `f64` next to it.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Number {
    rounded: f64,
    rest: i64,
}

impl Number {
    fn integer(integer: i128) -> Number {
        let rounded = integer as f64;
        Number { rounded, rest: (integer - rounded as i128) as i64 }
    }

    fn float(float: f64) -> Option<Number> {
        // Adding 0 makes -0 the same number as 0.
        (!float.is_nan()).then_some(Number { rounded: float + 0.0, rest: 0 })
    }

    fn json(value: &Value) -> Option<Number> {
        let integer = value.as_i64().map(i128::from).or_else(|| value.as_u64().map(i128::from));
        integer.map(Number::integer).or_else(|| Number::float(value.as_f64()?))
    }

    /// Returns bytes that sort as numbers do.
    fn to_bytes(self) -> [u8; 16] {
        const SIGN: u64 = 1 << 63;
        let bits = self.rounded.to_bits();
        let rounded = if bits & SIGN == 0 { bits | SIGN } else { !bits };
        let rest = self.rest as u64 ^ SIGN;
        (u128::from(rounded) << 64 | u128::from(rest)).to_be_bytes()
    }
}

/// The first byte of an order key: whether there is a number.
const HAS_NUMBER: u8 = 0;
const HAS_NONE: u8 = 1;

impl Keep {
    /// Returns the column that is needed.
    pub fn column(&self) -> Option<&str> {
        match self {
            Keep::Max(name) | Keep::Min(name) => Some(name),
            _ => None,
        }
    }

    /// Fails unless the column is there, as far as that is known before the first row, and holds numbers.
    pub(super) fn check(&self, schema: &Schema) -> Result<()> {
        let Some(name) = self.column() else { return Ok(()) };
        let members = schema.field_with_name(EXTRA).is_ok_and(is_members);
        match schema.field_with_name(name) {
            Ok(field) if is_members(field) => {
                bail!("`keep` names `{name}`, which holds whole objects: name one of their fields")
            }
            Ok(field) => ensure!(
                is_number(field.data_type()),
                "`keep` needs numbers, but column `{name}` is {}",
                field.data_type()
            ),
            // Which fields JSONL rows have shows only when they are read.
            Err(_) => ensure!(members, "`keep` needs a column `{name}`, which the input lacks"),
        }
        Ok(())
    }

    /// Returns the length of an order key.
    pub(super) fn key_bytes(&self) -> usize {
        if *self == Keep::First { 0 } else { 17 }
    }

    /// Says whether an order key was made without a number.
    pub(super) fn lacks_number(key: &[u8]) -> bool {
        key.first() == Some(&HAS_NONE)
    }

    /// Prepares the order keys of a batch.
    pub(super) fn orders<'a>(&'a self, batch: &'a Batch) -> Result<Orders<'a>> {
        let mut orders = Orders { keep: self, batch, column: None, members: None };
        let Some(name) = self.column() else { return Ok(orders) };
        let schema = batch.rows.schema_ref();
        if let Some(column) = batch.rows.column_by_name(name) {
            let target = match column.data_type() {
                DataType::UInt64 => DataType::UInt64,
                kind if kind.is_integer() => DataType::Int64,
                _ => DataType::Float64,
            };
            orders.column = Some(cast(column, &target).with_context(|| name.to_owned())?);
        }
        if schema.field_with_name(EXTRA).is_ok_and(is_members) {
            orders.members = batch.rows.column_by_name(EXTRA).map(|column| column.as_string());
        }
        Ok(orders)
    }
}

fn is_number(kind: &DataType) -> bool {
    kind.is_integer() || kind.is_floating()
}

/// The order keys of one batch.
pub(super) struct Orders<'a> {
    keep: &'a Keep,
    batch: &'a Batch,
    /// `Int64`, `UInt64` or `Float64`.
    column: Option<ArrayRef>,
    members: Option<&'a StringArray>,
}

impl Orders<'_> {
    /// Writes the order key of a row over `key`: it sorts bytewise in the order in which documents stay.
    pub(super) fn write(&self, row: usize, key: &mut Vec<u8>) {
        key.clear();
        let n_chars =
            || Some(Number::integer(self.batch.texts().value(row).chars().count() as i128));
        let (number, descends) = match self.keep {
            Keep::First => return,
            Keep::Longest => (n_chars(), true),
            Keep::Shortest => (n_chars(), false),
            Keep::Max(name) => (self.number(name, row), true),
            Keep::Min(name) => (self.number(name, row), false),
        };
        key.push(if number.is_some() { HAS_NUMBER } else { HAS_NONE });
        let bytes = number.map_or([0; 16], Number::to_bytes);
        key.extend(bytes.map(|byte| if descends { !byte } else { byte }));
    }

    fn number(&self, name: &str, row: usize) -> Option<Number> {
        let column = self.column.as_ref().filter(|column| column.is_valid(row));
        let Some(column) = column else { return self.member(name, row) };
        match column.data_type() {
            DataType::Int64 => {
                Some(Number::integer(column.as_primitive::<Int64Type>().value(row).into()))
            }
            DataType::UInt64 => {
                Some(Number::integer(column.as_primitive::<UInt64Type>().value(row).into()))
            }
            _ => Number::float(column.as_primitive::<Float64Type>().value(row)),
        }
    }

    /// Finds a number among the other members of a JSONL object.
    fn member(&self, name: &str, row: usize) -> Option<Number> {
        let members = self.members.filter(|members| members.is_valid(row))?;
        let members: Value = serde_json::from_str(members.value(row)).ok()?;
        let by_path = || name.split('.').try_fold(&members, |value, part| value.get(part));
        Number::json(members.get(name).or_else(by_path)?)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Float64Array, StringArray, UInt64Array};
    use arrow::datatypes::Field;
    use proptest::prelude::*;

    use super::*;
    use crate::source::extra_field;

    fn keep(written: &str) -> Keep {
        Keep::try_from(written.to_owned()).unwrap()
    }

    /// Returns the rows in the order in which they stay.
    fn order(keep: &Keep, batch: &Batch) -> Vec<usize> {
        let orders = keep.orders(batch).unwrap();
        let key = |row: usize| {
            let mut key = vec![9];
            orders.write(row, &mut key);
            assert_eq!(key.len(), keep.key_bytes());
            key
        };
        let mut rows: Vec<_> = (0..batch.n_rows()).collect();
        rows.sort_by_key(|&row| key(row));
        rows
    }

    #[test]
    fn a_keep_is_written_as_it_is_read() {
        for written in ["first", "longest", "shortest", "max:score", "min:meta.score", "max:a:b"] {
            assert_eq!(String::from(keep(written)), written);
        }
        for wrong in ["", "last", "max", "max:", "min", "First", "first:x"] {
            let error = Keep::try_from(wrong.to_owned()).unwrap_err();
            assert!(error.contains("`max:COLUMN`"), "{error}");
        }
    }

    #[test]
    fn length_is_counted_in_characters() {
        let batch = Batch::of_texts(&[("a", "上海的"), ("b", "four"), ("c", ""), ("d", "éé")]);
        assert_eq!(order(&keep("longest"), &batch), [1, 0, 3, 2]);
        assert_eq!(order(&keep("shortest"), &batch), [2, 3, 0, 1]);
        assert_eq!(order(&keep("first"), &batch), [0, 1, 2, 3]);
    }

    #[test]
    fn numbers_are_compared_exactly_and_documents_without_one_come_last() {
        let rows = [("a", ""), ("b", ""), ("c", ""), ("d", "")];
        let large = UInt64Array::from(vec![Some(u64::MAX - 1), None, Some(u64::MAX), Some(0)]);
        let batch = Batch::of_texts(&rows);
        let batch =
            batch.with_column(Field::new("n", DataType::UInt64, true), Arc::new(large)).unwrap();
        assert_eq!(order(&keep("max:n"), &batch), [2, 0, 3, 1]);
        assert_eq!(order(&keep("min:n"), &batch), [3, 0, 2, 1]);
        let floats = Float64Array::from(vec![-1.5, f64::NAN, f64::NEG_INFINITY, 2.5]);
        let field = Field::new("x", DataType::Float64, true);
        let batch = batch.with_column(field, Arc::new(floats)).unwrap();
        assert_eq!(order(&keep("max:x"), &batch), [3, 0, 2, 1]);
        assert_eq!(order(&keep("min:x"), &batch), [2, 0, 3, 1]);
    }

    #[test]
    fn fields_of_json_rows_are_found_by_name_and_by_path() {
        let rows = [("a", ""), ("b", ""), ("c", ""), ("d", "")];
        let members = StringArray::from(vec![
            Some(r#"{"score": 1, "meta": {"score": 9007199254740993}}"#),
            Some(r#"{"score": 2.5, "meta": {"score": 9007199254740992}}"#),
            Some(r#"{"score": "3", "meta": 1}"#),
            None,
        ]);
        let batch = Batch::of_texts(&rows).with_column(extra_field(), Arc::new(members)).unwrap();
        assert_eq!(order(&keep("max:score"), &batch), [1, 0, 2, 3]);
        assert_eq!(order(&keep("max:meta.score"), &batch), [0, 1, 2, 3]);
        keep("max:score").check(batch.rows.schema_ref()).unwrap();
        let error = keep("max:extra").check(batch.rows.schema_ref()).unwrap_err().to_string();
        assert!(error.contains("whole objects"), "{error}");
    }

    #[test]
    fn a_column_that_is_missing_or_holds_no_numbers_is_refused() {
        let batch = Batch::of_texts(&[("a", "")]);
        let error =
            |written: &str| keep(written).check(batch.rows.schema_ref()).unwrap_err().to_string();
        assert!(error("max:score").contains("`score`, which the input lacks"));
        assert!(error("min:url").contains("column `url` is Utf8"));
        keep("longest").check(batch.rows.schema_ref()).unwrap();
    }

    proptest! {
        #[test]
        fn bytes_sort_as_numbers_do(a in any::<f64>(), b in any::<f64>(), i in any::<i64>(), j in any::<i64>()) {
            if let (Some(a), Some(b)) = (Number::float(a), Number::float(b)) {
                let order = a.rounded.partial_cmp(&b.rounded);
                prop_assert_eq!(Some(a.to_bytes().cmp(&b.to_bytes())), order);
            }
            let (x, y) = (Number::integer(i.into()), Number::integer(j.into()));
            prop_assert_eq!(x.to_bytes().cmp(&y.to_bytes()), i.cmp(&j));
            prop_assert_eq!(Number::integer(i.into()).to_bytes() < Number::integer(i128::from(i) + 1).to_bytes(), true);
        }
    }
}
