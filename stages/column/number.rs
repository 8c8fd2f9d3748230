//! Columns of numbers, and their order.

use anyhow::{Context, Result, bail, ensure};
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type, Schema, UInt64Type};
use sonic_rs::JsonType;

use super::{Column, Values, member};
use crate::batch::Batch;
use crate::source::is_members;

/// A number that no rounding moves: an integer beyond 2^53 is not the `f64` next to it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Number {
    rounded: f64,
    rest: i64,
}

impl Number {
    /// Returns an integer.
    pub(crate) fn integer(integer: i128) -> Number {
        let rounded = integer as f64;
        Number { rounded, rest: (integer - rounded as i128) as i64 }
    }

    fn float(float: f64) -> Option<Number> {
        // Adding 0 makes -0 the same number as 0.
        (!float.is_nan()).then_some(Number { rounded: float + 0.0, rest: 0 })
    }

    fn json(json: &str) -> Option<Number> {
        let integer =
            json.parse::<i64>().map(i128::from).or_else(|_| json.parse::<u64>().map(i128::from));
        match integer {
            Ok(integer) => Some(Number::integer(integer)),
            Err(_) => Number::float(json.parse().ok()?),
        }
    }

    /// Returns bytes that sort as numbers do.
    pub(crate) fn to_bytes(self) -> [u8; 16] {
        const SIGN: u64 = 1 << 63;
        let bits = self.rounded.to_bits();
        let rounded = if bits & SIGN == 0 { bits | SIGN } else { !bits };
        let rest = self.rest as u64 ^ SIGN;
        (u128::from(rounded) << 64 | u128::from(rest)).to_be_bytes()
    }
}

/// The numbers of a column in a batch.
pub(crate) enum Numbers {
    /// `Int64`, `UInt64` or `Float64`.
    Own(ArrayRef),
    /// A member of each object of JSON.
    Member { objects: ArrayRef, name: String },
    /// There is none.
    None,
}

impl Column {
    /// Fails if no document can have a number there.
    ///
    /// # Errors
    /// That one; `key` is the key of the pipeline file that names the column.
    pub(crate) fn check_numbers(&self, schema: &Schema, key: &str) -> Result<()> {
        self.check(schema, key)?;
        let name = &self.name;
        let Ok(field) = schema.field_with_name(name) else { return Ok(()) };
        if is_members(field) {
            bail!("`{key}` names `{name}`, which holds whole objects: name one of their fields");
        }
        let kind = field.data_type();
        let is_number = kind.is_integer() || kind.is_floating();
        ensure!(is_number, "`{key}` needs numbers, but column `{name}` is {kind}");
        Ok(())
    }

    /// Finds the column in a batch.
    ///
    /// # Errors
    /// When it cannot be read as numbers.
    pub(crate) fn numbers(&self, batch: &Batch) -> Result<Numbers> {
        Ok(match self.of(batch) {
            Values::Own(column) => {
                let target = match column.data_type() {
                    DataType::UInt64 => DataType::UInt64,
                    kind if kind.is_integer() => DataType::Int64,
                    _ => DataType::Float64,
                };
                Numbers::Own(cast(column, &target).with_context(|| self.name.clone())?)
            }
            Values::Member { objects, name } => {
                Numbers::Member { objects: objects.clone(), name: name.to_owned() }
            }
            Values::None => Numbers::None,
        })
    }
}

impl Numbers {
    /// Returns the number of a row; `None` where there is none, or `NaN`.
    pub(crate) fn get(&self, row: usize) -> Option<Number> {
        match self {
            Numbers::None => None,
            Numbers::Own(column) if column.is_null(row) => None,
            Numbers::Own(column) => match column.data_type() {
                DataType::Int64 => {
                    Some(Number::integer(column.as_primitive::<Int64Type>().value(row).into()))
                }
                DataType::UInt64 => {
                    Some(Number::integer(column.as_primitive::<UInt64Type>().value(row).into()))
                }
                _ => Number::float(column.as_primitive::<Float64Type>().value(row)),
            },
            Numbers::Member { objects, name } => match member(objects, row, name)? {
                (JsonType::Number, number) => Number::json(&number),
                _ => None,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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
