//! A column that a pipeline file names, whatever the input is made of.
//!
//! A name stands for the column that has it; otherwise, where the input is JSONL, for the member of the object that has it, and then,
//! split at its dots, for a path such as `meta.date`.

use std::borrow::Cow;

use anyhow::{Result, bail};
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Schema};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use sonic_rs::{JsonType, JsonValueTrait};

use crate::batch::Batch;
use crate::source::is_members;

mod number;

pub(crate) use number::{Number, Numbers};

/// The name of a column.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    name: String,
}

impl Column {
    pub(crate) fn new(name: &str) -> Column {
        Column { name: name.to_owned() }
    }

    /// Fails if no document can have the column; of a member of JSONL nobody knows before.
    ///
    /// # Errors
    /// That one, with the columns that there are.
    pub(crate) fn check(&self, schema: &Schema, key: &str) -> Result<()> {
        let fields = schema.fields();
        if fields.iter().any(|field| field.name() == &self.name || is_members(field)) {
            return Ok(());
        }
        let names: Vec<&str> = fields.iter().map(|field| field.name().as_str()).collect();
        bail!(
            "`{key}` names a column `{}`, which the input lacks\nhint: there are {}",
            self.name,
            names.join(", ")
        )
    }

    /// Finds the column in a batch.
    pub(crate) fn of<'a>(&'a self, batch: &'a Batch) -> Values<'a> {
        let schema = batch.rows.schema_ref();
        if let Ok(i) = schema.index_of(&self.name) {
            return Values::Own(batch.rows.column(i));
        }
        let members = schema.fields().iter().position(|field| is_members(field));
        match members {
            Some(i) => Values::Member { objects: batch.rows.column(i), name: &self.name },
            None => Values::None,
        }
    }
}

/// The values of a column in a batch.
pub(crate) enum Values<'a> {
    /// A column of the table.
    Own(&'a ArrayRef),
    /// A member of each object of JSON.
    Member { objects: &'a ArrayRef, name: &'a str },
    /// There is none.
    None,
}

impl Values<'_> {
    /// Returns the value of a row as text: strings as they are, others as they are written; `None` where it is null or missing.
    pub(crate) fn text(&self, row: usize) -> Option<Cow<'_, str>> {
        match self {
            Values::Own(column) if column.is_null(row) => None,
            Values::Own(column) if *column.data_type() == DataType::Utf8 => {
                Some(column.as_string::<i32>().value(row).into())
            }
            Values::Own(column) => {
                let formatter = ArrayFormatter::try_new(column, &FormatOptions::default()).ok()?;
                Some(formatter.value(row).to_string().into())
            }
            Values::Member { objects, name } => match member(objects, row, name)? {
                (JsonType::Null, _) => None,
                (_, text) => Some(text),
            },
            Values::None => None,
        }
    }
}

/// Returns a member of the object in `row`: what it is, and a string as it is, others as they are written.
fn member<'a>(objects: &'a ArrayRef, row: usize, name: &str) -> Option<(JsonType, Cow<'a, str>)> {
    let objects = objects.as_string_opt::<i32>().filter(|objects| objects.is_valid(row))?;
    let object = objects.value(row);
    let path: Vec<&str> = name.split('.').collect();
    let value = sonic_rs::get(object, [name]).or_else(|_| sonic_rs::get(object, &path)).ok()?;
    let text = match value.get_type() {
        JsonType::String => value.as_str()?.to_owned(),
        _ => value.as_raw_str().to_owned(),
    };
    Some((value.get_type(), Cow::Owned(text)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int64Array, StringArray};
    use arrow::datatypes::Field;

    use super::*;
    use crate::source::extra_field;

    #[test]
    fn a_name_stands_for_a_column_then_for_a_member_then_for_a_path() {
        let batch = Batch::of_texts(&[("a", "one"), ("b", "two")]);
        let n = Arc::new(Int64Array::from(vec![Some(7), None]));
        let batch = batch.with_column(Field::new("n", DataType::Int64, true), n).unwrap();
        let extra = [Some(r#"{"h":"x\"y","m":{"d":[1, 2]},"a.b":true,"z":null}"#), None];
        let extra = Arc::new(StringArray::from(extra.to_vec()));
        let batch = batch.with_column(extra_field(), extra).unwrap();
        let text = |name: &str, row: usize| {
            let column = Column::new(name);
            column.check(batch.rows.schema_ref(), "by").unwrap();
            column.of(&batch).text(row).map(Cow::into_owned)
        };
        assert_eq!(text("id", 1).as_deref(), Some("b"));
        assert_eq!(text("n", 0).as_deref(), Some("7"));
        assert_eq!(text("h", 0).as_deref(), Some("x\"y"));
        assert_eq!(text("m.d", 0).as_deref(), Some("[1, 2]"));
        assert_eq!(text("a.b", 0).as_deref(), Some("true"));
        for (name, row) in [("n", 1), ("h", 1), ("z", 0), ("nothing", 0), ("m.d.e", 0)] {
            assert_eq!(text(name, row), None, "{name}");
        }
    }

    #[test]
    fn a_column_that_no_document_can_have_is_refused() {
        let batch = Batch::of_texts(&[("a", "one")]);
        let error = Column::new("hash").check(batch.rows.schema_ref(), "by").unwrap_err();
        assert!(error.to_string().starts_with("`by` names a column `hash`"), "{error}");
    }
}
