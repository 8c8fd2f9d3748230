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

use anyhow::Result;
use arrow::datatypes::Schema;
use serde::{Deserialize, Serialize};

use crate::batch::Batch;
use crate::column::{Column, Number, Numbers};

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

/// The first byte of an order key: whether there is a number.
const HAS_NUMBER: u8 = 0;
const HAS_NONE: u8 = 1;

impl Keep {
    /// Returns the column that is needed.
    fn column(&self) -> Option<Column> {
        match self {
            Keep::Max(name) | Keep::Min(name) => Some(Column::new(name)),
            _ => None,
        }
    }

    /// Fails unless the column is there, as far as that is known before the first row, and holds numbers.
    pub(super) fn check(&self, schema: &Schema) -> Result<()> {
        self.column().map_or(Ok(()), |column| column.check_numbers(schema, "keep"))
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
        let numbers = self.column().map(|column| column.numbers(batch)).transpose()?;
        Ok(Orders { keep: self, batch, numbers })
    }
}

/// The order keys of one batch.
pub(super) struct Orders<'a> {
    keep: &'a Keep,
    batch: &'a Batch,
    numbers: Option<Numbers>,
}

impl Orders<'_> {
    /// Writes the order key of a row over `key`: it sorts bytewise in the order in which documents stay.
    pub(super) fn write(&self, row: usize, key: &mut Vec<u8>) {
        key.clear();
        let n_chars = || Number::integer(self.batch.texts().value(row).chars().count() as i128);
        let number = match (self.keep, &self.numbers) {
            (Keep::First, _) => return,
            (Keep::Longest | Keep::Shortest, _) => Some(n_chars()),
            (_, numbers) => numbers.as_ref().and_then(|numbers| numbers.get(row)),
        };
        let descends = matches!(self.keep, Keep::Longest | Keep::Max(_));
        key.push(if number.is_some() { HAS_NUMBER } else { HAS_NONE });
        let bytes = number.map_or([0; 16], Number::to_bytes);
        key.extend(bytes.map(|byte| if descends { !byte } else { byte }));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Float64Array, StringArray, UInt64Array};
    use arrow::datatypes::{DataType, Field};

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
}
