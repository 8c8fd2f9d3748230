//! The schema to read a Parquet file with: its own, but bytes wherever it has strings.
//!
//! The library validates the strings of a page before it hands out any, so one bad value would fail all, and JSON strings not
//! at all. As bytes they come out as they are, and as views they cannot overflow: rows that repeat a long text share it.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use parquet::basic::{ConvertedType, LogicalType, Type as PhysicalType};
use parquet::errors::ParquetError;
use parquet::schema::types::{SchemaDescriptor, Type, TypePtr};

/// Returns a Parquet schema whose strings are plain bytes.
///
/// # Errors
/// When the schema is one that a damaged footer made.
pub(super) fn without_strings(
    schema: &SchemaDescriptor,
) -> Result<Arc<SchemaDescriptor>, ParquetError> {
    Ok(Arc::new(SchemaDescriptor::new(bare(&schema.root_schema_ptr())?)))
}

fn bare(node: &TypePtr) -> Result<TypePtr, ParquetError> {
    let info = node.get_basic_info();
    let id = info.has_id().then(|| info.id());
    if let Type::PrimitiveType { physical_type, .. } = node.as_ref() {
        let is_number = matches!(
            info.logical_type_ref(),
            Some(LogicalType::Decimal { .. } | LogicalType::Unknown)
        ) || info.converted_type() == ConvertedType::DECIMAL;
        if *physical_type != PhysicalType::BYTE_ARRAY || is_number {
            return Ok(node.clone());
        }
        let bytes = Type::primitive_type_builder(node.name(), PhysicalType::BYTE_ARRAY);
        return Ok(Arc::new(bytes.with_repetition(info.repetition()).with_id(id).build()?));
    }
    let fields = node.get_fields().iter().map(bare).collect::<Result<_, _>>()?;
    let mut group = Type::group_type_builder(node.name())
        .with_converted_type(info.converted_type())
        .with_logical_type(info.logical_type_ref().cloned())
        .with_fields(fields)
        .with_id(id);
    if info.has_repetition() {
        group = group.with_repetition(info.repetition());
    }
    Ok(Arc::new(group.build()?))
}

/// Returns an Arrow schema with views of bytes in place of strings, bytes and dictionaries of them.
pub(super) fn as_bytes(schema: &Schema) -> SchemaRef {
    Arc::new(Schema::new(schema.fields().iter().map(field_as_bytes).collect::<Vec<_>>()))
}

fn field_as_bytes(field: &FieldRef) -> Field {
    field.as_ref().clone().with_data_type(type_as_bytes(field.data_type()))
}

fn type_as_bytes(data_type: &DataType) -> DataType {
    let inner = |field: &FieldRef| Arc::new(field_as_bytes(field));
    match data_type {
        found if is_string(found) => DataType::BinaryView,
        DataType::List(field) => DataType::List(inner(field)),
        DataType::LargeList(field) => DataType::LargeList(inner(field)),
        DataType::ListView(field) => DataType::ListView(inner(field)),
        DataType::LargeListView(field) => DataType::LargeListView(inner(field)),
        DataType::FixedSizeList(field, n) => DataType::FixedSizeList(inner(field), *n),
        DataType::Map(field, is_sorted) => DataType::Map(inner(field), *is_sorted),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(inner).collect()),
        other => other.clone(),
    }
}

/// Says whether a column has strings; old writers do not mark them, and they are binary then.
pub(super) fn is_string(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => true,
        DataType::Dictionary(_, values) => is_string(values),
        _ => false,
    }
}
