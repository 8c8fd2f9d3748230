//! Finds the base columns in Arrow columns, and turns a piece of a table into a batch.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, RecordBatch, StringArray, new_null_array,
};
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::files::InputFile;
use super::mapping::Mapping;
use super::unreadable::{row_id, unreadable};
use super::{Decoded, Layout, Table};
use crate::batch::{Batch, COLUMNS, ID, Origin, Place, TEXT, URL};

/// Returns what a schema says of its columns.
///
/// # Errors
/// When a base column has a type that is no string and cannot become one.
pub(super) fn table(file: &InputFile, schema: &Schema, mapping: &Mapping) -> Result<Table> {
    let mut is_found = [false; COLUMNS.len()];
    for (column, is_found) in is_found.iter_mut().enumerate() {
        let Some(found) = find(schema, mapping.name(column)) else { continue };
        let is_right = match column {
            TEXT => is_string(found.data_type()),
            _ => is_string(found.data_type()) || is_simple(found.data_type()),
        };
        ensure!(
            is_right,
            "{}: column `{}` is {}, expected a string for `{}`",
            file.path.display(),
            mapping.name(column),
            found.data_type(),
            COLUMNS[column]
        );
        *is_found = true;
    }
    let names = schema.fields().iter().map(|field| field.name().clone()).collect();
    let own = schema.fields().iter().filter(|field| !mapping.takes(field.name()));
    Ok(Table { names, own: own.map(|field| field.as_ref().clone()).collect(), is_found })
}

/// Returns the schema to ask the Parquet reader for: strings as views, which cannot overflow.
///
/// Rows that repeat a long text share it as long as they are views; they are cut into pieces before they are copied.
pub(super) fn with_views(schema: &Schema) -> SchemaRef {
    let view = |data_type: &DataType| match data_type {
        data_type if is_text(data_type) => DataType::Utf8View,
        data_type if is_string(data_type) => DataType::BinaryView,
        other => other.clone(),
    };
    let fields = schema
        .fields()
        .iter()
        .map(|field| field.as_ref().clone().with_data_type(view(field.data_type())));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// Returns the bytes of strings in each row.
pub(super) fn row_bytes(rows: &RecordBatch) -> Vec<usize> {
    let mut bytes = vec![0; rows.num_rows()];
    for column in rows.columns() {
        let views = match column.data_type() {
            DataType::Utf8View => column.as_string_view().views(),
            DataType::BinaryView => column.as_binary_view().views(),
            _ => continue,
        };
        for (bytes, view) in bytes.iter_mut().zip(views.iter()) {
            // The low half of a view's first word is the length.
            *bytes += (*view & u128::from(u32::MAX)) as usize;
        }
    }
    bytes
}

/// Turns rows of a table into a batch; `first_row` is the place of the first one.
///
/// # Errors
/// When a column cannot be cast to what the schema says.
pub(super) fn decode(
    rows: &RecordBatch,
    first_row: u64,
    file: &InputFile,
    layout: &Layout,
) -> Result<Decoded> {
    let base = |column: usize| -> Result<Option<ArrayRef>> {
        let Some(found) = take(rows, layout.mapping.name(column)) else { return Ok(None) };
        Ok(Some(cast(&found, &DataType::Utf8)?))
    };
    let raw_text = take(rows, layout.mapping.name(TEXT)).context("a table without a text")?;
    let text = cast(&raw_text, &DataType::Utf8)?;
    let text: &StringArray = text.as_string();
    let ids = base(ID)?;
    let ids: Option<&StringArray> = ids.as_ref().map(|ids| ids.as_string());
    let mut removed = Vec::new();
    let mut origins = Vec::new();
    let mut keep = Vec::with_capacity(rows.num_rows());
    let mut all_ids = Vec::with_capacity(rows.num_rows());
    for (i, number) in (0..rows.num_rows()).zip(first_row..) {
        let id = ids.filter(|ids| ids.is_valid(i)).map(|ids| ids.value(i));
        let problem = problem(&raw_text, text, i, layout);
        keep.push(problem.is_none());
        all_ids.push(id.map_or_else(|| row_id(file, number), str::to_owned));
        match problem {
            Some(what) => {
                removed.push(unreadable(file, number, id, text.value(i).as_bytes(), what))
            }
            None => {
                origins.push(Origin::new(Place { file: file.number, row: number }, text.value(i)))
            }
        }
    }
    let mut columns: Vec<ArrayRef> =
        vec![Arc::new(StringArray::from(all_ids)), Arc::new(text.clone())];
    for column in URL..COLUMNS.len() {
        columns.push(
            base(column)?.unwrap_or_else(|| new_null_array(&DataType::Utf8, rows.num_rows())),
        );
    }
    for field in layout.schema.fields().iter().skip(COLUMNS.len()) {
        columns.push(match rows.column_by_name(field.name()) {
            Some(column) => cast(column, field.data_type())
                .with_context(|| format!("{}: column `{}`", file.path.display(), field.name()))?,
            None => new_null_array(field.data_type(), rows.num_rows()),
        });
    }
    // The text may have nulls until they are taken out.
    let nullable: Vec<_> =
        layout.schema.fields().iter().map(|f| f.as_ref().clone().with_nullable(true)).collect();
    let rows = RecordBatch::try_new(Arc::new(Schema::new(nullable)), columns)?;
    let rows = match removed.is_empty() {
        true => rows,
        false => filter_record_batch(&rows, &BooleanArray::from(keep))?,
    };
    let rows = RecordBatch::try_new(layout.schema.clone(), rows.columns().to_vec())?;
    Ok(Decoded { batch: Batch::new(rows, origins)?, unreadable: removed })
}

/// Says why a row is unreadable.
fn problem(raw: &ArrayRef, text: &StringArray, row: usize, layout: &Layout) -> Option<String> {
    let max = layout.max_line_bytes;
    let name = layout.mapping.name(TEXT);
    match (text.is_valid(row), raw.is_valid(row)) {
        (false, false) => Some(format!("`{name}` is null, expected a string")),
        (false, true) => Some(format!("`{name}` is not UTF-8")),
        _ if text.value_length(row) as usize > max => {
            Some(format!("a text of {} bytes, max_line_bytes is {max}", text.value_length(row)))
        }
        _ => None,
    }
}

/// Finds a column by its name, or through structs by a path.
fn find<'a>(schema: &'a Schema, name: &str) -> Option<&'a Field> {
    if let Ok(field) = schema.field_with_name(name) {
        return Some(field);
    }
    let mut parts = name.split('.');
    let mut field = schema.field_with_name(parts.next()?).ok()?;
    for part in parts {
        let DataType::Struct(fields) = field.data_type() else { return None };
        field = fields.find(part)?.1;
    }
    Some(field)
}

/// Takes the column that `find` finds; null where the struct around it is null.
fn take(rows: &RecordBatch, name: &str) -> Option<ArrayRef> {
    if let Some(column) = rows.column_by_name(name) {
        return Some(column.clone());
    }
    let mut parts = name.split('.');
    let mut column = rows.column_by_name(parts.next()?)?.clone();
    for part in parts {
        let parent = column.as_struct_opt()?;
        let child = parent.column_by_name(part)?;
        column = match parent.nulls() {
            None => child.clone(),
            Some(nulls) => {
                let is_null = BooleanArray::new(!nulls.inner(), None);
                arrow::compute::nullif(child, &is_null).ok()?
            }
        };
    }
    Some(column)
}

fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, values) => is_text(values),
        _ => false,
    }
}

/// Says whether a column has strings; old writers do not mark them, and they are binary then.
fn is_string(data_type: &DataType) -> bool {
    match data_type {
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => true,
        DataType::Dictionary(_, values) => is_string(values),
        other => is_text(other),
    }
}

/// Says whether a value can be spelt as a string.
fn is_simple(data_type: &DataType) -> bool {
    data_type.is_numeric()
        || data_type.is_temporal()
        || matches!(data_type, DataType::Boolean | DataType::Null)
}
