//! One schema for all input files.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::{Result, bail};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::files::InputFile;
use crate::batch::{EXTRA, base_fields};

/// Marks the column `extra` whose values are the other members of a JSONL object.
const MEMBERS: &str = "corpusmill:members";

/// Returns the field of the column that holds the other members of a JSONL object.
pub(crate) fn extra_field() -> Field {
    let mark = HashMap::from([(MEMBERS.to_owned(), String::new())]);
    Field::new(EXTRA, DataType::Utf8, true).with_metadata(mark)
}

/// Says whether a column holds members of a JSONL object, rather than being somebody's own `extra`.
pub(crate) fn is_members(field: &Field) -> bool {
    field.name() == EXTRA && field.metadata().contains_key(MEMBERS)
}

/// The input's own columns, united by name, each with the first file that has it.
#[derive(Default)]
pub(super) struct OwnColumns {
    fields: Vec<(Field, String)>,
    positions: HashMap<String, usize>,
}

impl OwnColumns {
    /// Adds a column of a file.
    ///
    /// # Errors
    /// When another file has it with another type.
    pub(super) fn add(&mut self, file: &InputFile, field: &Field) -> Result<()> {
        let field = carried(field);
        let shown = file.path.display();
        let Some(&i) = self.positions.get(field.name()) else {
            self.positions.insert(field.name().clone(), self.fields.len());
            self.fields.push((field, shown.to_string()));
            return Ok(());
        };
        let (known, first) = &mut self.fields[i];
        match (known.data_type(), field.data_type()) {
            (_, DataType::Null) => {}
            // A column of nulls takes the type of the first file that has values in it.
            (DataType::Null, _) => (*known, *first) = (field, shown.to_string()),
            (a, b) if a == b && is_members(known) == is_members(&field) => {}
            (a, b) if a == b => bail!(
                "{shown}: its column `{EXTRA}` is not that of {first}, which holds other members of JSON objects\n\
                 hint: rename the column"
            ),
            (a, b) => bail!(
                "{shown}: column `{}` is {b}, but {a} in {first}\nhint: convert one of them, or read them apart",
                field.name()
            ),
        }
        Ok(())
    }

    /// Returns the schema: base columns, then these, `extra` last.
    pub(super) fn schema(mut self) -> SchemaRef {
        self.fields.sort_by_key(|(field, _)| is_members(field));
        let own = self.fields.into_iter().map(|(field, _)| field);
        Arc::new(Schema::new(base_fields().into_iter().chain(own).collect::<Vec<_>>()))
    }
}

/// Returns the field under which an input column is carried: nullable, strings of every kind as plain strings.
///
/// Dictionaries are carried as their values: they differ from batch to batch, and Parquet makes its own.
fn carried(field: &Field) -> Field {
    let carried = Field::new(field.name(), plain(field.data_type()), true);
    match is_members(field) {
        true => extra_field(),
        false => carried,
    }
}

fn plain(data_type: &DataType) -> DataType {
    match data_type {
        DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8,
        DataType::LargeBinary | DataType::BinaryView => DataType::Binary,
        DataType::Dictionary(_, values) => plain(values),
        other => other.clone(),
    }
}
