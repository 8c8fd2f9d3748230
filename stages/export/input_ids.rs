//! Tables with one column, `input_ids`: what Hugging Face's datasets and every reader of Arrow take.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use arrow::array::{Array, AsArray, ListArray, RecordBatch};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Field, Int32Type, Schema, SchemaRef};

use super::dataset::{Dataset, Split};
use super::payload::Take;
use super::rows::{Rows, Unrow};

/// The column.
const COLUMN: &str = "input_ids";

/// Ids after which rows are handed on; a longer document is a batch of its own.
const BATCH_TOKENS: usize = 1 << 20;

/// Rows after which they are handed on, as datasets does it.
const BATCH_ROWS: usize = 1000;

fn item() -> Field {
    Field::new("item", DataType::Int32, true)
}

/// Returns the schema: `input_ids: list<item: int32>`.
pub(super) fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new(COLUMN, DataType::List(Arc::new(item())), true)]))
}

/// Collects rows into batches.
#[derive(Default)]
struct Batches {
    ids: Vec<i32>,
    ends: Vec<i32>,
}

impl Batches {
    fn push(&mut self, ids: &[u32], take: impl FnMut(RecordBatch) -> Result<()>) -> Result<()> {
        let mut take = take;
        if !self.ends.is_empty()
            && (self.ends.len() == BATCH_ROWS || self.ids.len() + ids.len() > BATCH_TOKENS)
        {
            take(self.batch()?)?;
        }
        for id in ids {
            let id = i32::try_from(*id).map_err(|_| anyhow::anyhow!("id {id} does not fit int32"));
            self.ids.push(id?);
        }
        let end = i32::try_from(self.ids.len()).context("a row of more than 2^31 - 1 ids")?;
        self.ends.push(end);
        Ok(())
    }

    /// Returns the rows that were collected, and begins with none.
    fn batch(&mut self) -> Result<RecordBatch> {
        let ends = std::mem::take(&mut self.ends);
        let offsets: ScalarBuffer<i32> = std::iter::once(0).chain(ends).collect();
        let ids = arrow::array::Int32Array::from(std::mem::take(&mut self.ids));
        let lists =
            ListArray::try_new(Arc::new(item()), OffsetBuffer::new(offsets), Arc::new(ids), None)?;
        Ok(RecordBatch::try_new(schema(), vec![Arc::new(lists)])?)
    }
}

/// A file of rows.
pub(super) trait Table {
    /// Appends rows.
    ///
    /// # Errors
    /// When the disk is full or fails.
    fn write(&mut self, rows: &RecordBatch) -> Result<()>;
}

/// Writes the rows of a split, one table for each shard: `open` makes the table of the shard with this number, `close` ends it. A row
/// that goes on from shard to shard is in the table in which it ends.
///
/// # Errors
/// When the disk is full or fails.
pub(super) fn write_tables<T: Table>(
    dataset: &Dataset,
    split: &Split,
    row_tokens: Option<u64>,
    mut open: impl FnMut(usize) -> Result<T>,
    mut close: impl FnMut(usize, T) -> Result<()>,
) -> Result<()> {
    let mut rows = Rows::new(row_tokens);
    let last = split.shards.len() - 1;
    for (number, shard) in split.shards.iter().enumerate() {
        let mut table = open(number)?;
        let mut batches = Batches::default();
        let mut push = |ids: &[u32]| batches.push(ids, |batch| table.write(&batch));
        dataset.walk(shard, |part| rows.push(part, &mut push))?;
        if number == last {
            std::mem::take(&mut rows).finish(&mut push)?;
        }
        table.write(&batches.batch()?)?;
        close(number, table)?;
    }
    Ok(())
}

/// Gives the documents of tables to `take`.
///
/// # Errors
/// Those of `take`, and when a table has another column, or a row that is none.
pub(super) fn read_rows(
    batch: &RecordBatch,
    unrow: &mut Unrow,
    ids: &mut Vec<u32>,
    take: Take<'_>,
) -> Result<()> {
    let lists = batch.column_by_name(COLUMN).and_then(|column| column.as_list_opt::<i32>());
    let lists = lists.with_context(|| format!("has no column {COLUMN} of lists"))?;
    ensure!(lists.null_count() == 0, "has rows without ids");
    for row in 0..lists.len() {
        let row = lists.value(row);
        let row = row.as_primitive_opt::<Int32Type>().context("holds lists of another type")?;
        ensure!(row.null_count() == 0, "has a row with missing ids");
        ids.clear();
        for id in row.values() {
            ids.push(u32::try_from(*id).map_err(|_| anyhow::anyhow!("id {id}"))?);
        }
        unrow.push(ids, &mut *take)?;
    }
    Ok(())
}
