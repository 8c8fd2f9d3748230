//! Finds the base columns in Arrow columns, and turns a piece of a table into a batch.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, RecordBatch, StringArray, new_null_array,
};
use arrow::compute::{
    CastOptions, can_cast_types, cast_with_options, concat, filter_record_batch, nullif,
};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;

use super::files::InputFile;
use super::mapping::Mapping;
use super::parquet_schema::is_string;
use super::unreadable::{row_id, unreadable};
use super::{Decoded, Layout, Table};
use crate::batch::{Batch, COLUMNS, ID, Origin, Place, TEXT};

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

/// Returns the bytes of strings in each row.
pub(super) fn row_bytes(rows: &RecordBatch) -> Vec<usize> {
    let mut bytes = vec![0; rows.num_rows()];
    rows.columns().iter().for_each(|column| add_row_bytes(column, &mut bytes));
    bytes
}

fn add_row_bytes(column: &ArrayRef, bytes: &mut [usize]) {
    if let Some(children) = column.as_struct_opt() {
        children.columns().iter().for_each(|child| add_row_bytes(child, bytes));
    }
    let Some(strings) = column.as_binary_view_opt() else { return };
    for (bytes, view) in bytes.iter_mut().zip(strings.views().iter()) {
        *bytes += view_length(*view);
    }
}

/// Returns the length of a value: the low half of the first word of its view.
fn view_length(view: u128) -> usize {
    (view & u128::from(u32::MAX)) as usize
}

/// Turns rows of a table into a batch; `first_row` is the place of the first one.
///
/// # Errors
/// When a column has a type that cannot become what the schema says.
pub(super) fn decode(
    rows: &RecordBatch,
    first_row: u64,
    file: &InputFile,
    layout: &Layout,
) -> Result<Decoded> {
    let raw_text = take(rows, layout.mapping.name(TEXT)).context("a table without a text")?;
    let raw_text = raw_text.as_binary_view_opt().context("a text that is no string")?;
    let mut problems: Vec<Option<String>> =
        raw_text.iter().map(|text| problem(text, layout)).collect();
    let is_long = |text: Option<&[u8]>| text.is_some_and(|text| text.len() > layout.max_line_bytes);
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(layout.schema.fields().len());
    for (i, field) in layout.schema.fields().iter().enumerate() {
        let name = if i < COLUMNS.len() { layout.mapping.name(i) } else { field.name() };
        let found = match i {
            // A long text is not even decoded.
            TEXT if raw_text.iter().any(is_long) => {
                let is_long = raw_text.iter().map(|text| Some(is_long(text))).collect();
                Some(nullif(raw_text, &is_long)?)
            }
            i if i < COLUMNS.len() => take(rows, name),
            _ => rows.column_by_name(name).cloned(),
        };
        columns.push(match found {
            Some(column) => cast_rows(&column, field.data_type(), name, &mut problems)
                .with_context(|| format!("{}: column `{name}`", file.path.display()))?,
            None => new_null_array(field.data_type(), rows.num_rows()),
        });
    }
    let ids: &StringArray = columns[ID].as_string();
    let text: &StringArray = columns[TEXT].as_string();
    let mut removed = Vec::new();
    let mut origins = Vec::new();
    let mut all_ids = Vec::with_capacity(rows.num_rows());
    for ((i, number), problem) in (0..rows.num_rows()).zip(first_row..).zip(&problems) {
        let id = ids.is_valid(i).then(|| ids.value(i));
        all_ids.push(id.map_or_else(|| row_id(file, number), str::to_owned));
        match problem {
            Some(what) => removed.push(unreadable(file, number, id, raw_text.value(i), what)),
            None => {
                origins.push(Origin::new(Place { file: file.number, row: number }, text.value(i)))
            }
        }
    }
    columns[ID] = Arc::new(StringArray::from(all_ids));
    // The text may have nulls until they are taken out.
    let nullable: Vec<_> =
        layout.schema.fields().iter().map(|f| f.as_ref().clone().with_nullable(true)).collect();
    let rows = RecordBatch::try_new(Arc::new(Schema::new(nullable)), columns)?;
    let rows = match removed.is_empty() {
        true => rows,
        false => {
            let keep: Vec<bool> = problems.iter().map(Option::is_none).collect();
            filter_record_batch(&rows, &BooleanArray::from(keep))?
        }
    };
    let rows = RecordBatch::try_new(layout.schema.clone(), rows.columns().to_vec())?;
    Ok(Decoded { batch: Batch::new(rows, origins)?, unreadable: removed, passed_over: 0 })
}

/// Says why a text cannot be read, before it is decoded.
fn problem(text: Option<&[u8]>, layout: &Layout) -> Option<String> {
    let max = layout.max_line_bytes;
    match text {
        None => Some(format!("`{}` is null, expected a string", layout.mapping.name(TEXT))),
        Some(text) if text.len() > max => {
            Some(format!("a text of {} bytes, max_line_bytes is {max}", text.len()))
        }
        Some(_) => None,
    }
}

/// Casts a column; a value that cannot be cast becomes null, and a problem of its row unless that has one.
///
/// # Errors
/// When the types are such that no value can be cast.
fn cast_rows(
    column: &ArrayRef,
    data_type: &DataType,
    name: &str,
    problems: &mut [Option<String>],
) -> Result<ArrayRef, ArrowError> {
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    match cast_with_options(column, data_type, &strict) {
        Ok(cast) => return Ok(cast),
        Err(error) if !can_cast_types(column.data_type(), data_type) => return Err(error),
        Err(_) => {}
    }
    let mut cast_row = |(i, problem): (usize, &mut Option<String>)| {
        cast_with_options(&column.slice(i, 1), data_type, &strict).unwrap_or_else(|error| {
            problem.get_or_insert_with(|| match column.data_type() {
                DataType::BinaryView => format!("`{name}` is not UTF-8"),
                _ => format!("`{name}`: {error}"),
            });
            new_null_array(data_type, 1)
        })
    };
    let rows: Vec<ArrayRef> = problems.iter_mut().enumerate().map(&mut cast_row).collect();
    concat(&rows.iter().map(AsRef::as_ref).collect::<Vec<_>>())
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

/// Says whether a value can be spelt as a string.
fn is_simple(data_type: &DataType) -> bool {
    data_type.is_numeric()
        || data_type.is_temporal()
        || matches!(data_type, DataType::Boolean | DataType::Null)
}
