//! Cuts rows into chunks that depend on the rows alone.

use anyhow::Result;
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::DataType;

/// Rows of a chunk, at most.
const MAX_ROWS: usize = 4096;

/// Bytes of strings after which a chunk ends.
const CHUNK_BYTES: usize = 1 << 20;

/// Collects rows until they fill a chunk, however they come in batches.
///
/// What a file format makes of rows depends on how they are cut, so a sink that is fed by these chunks writes the same
/// bytes for any batch size.
#[derive(Default)]
pub(super) struct Chunks {
    pending: Vec<RecordBatch>,
    n_rows: usize,
    n_bytes: usize,
}

impl Chunks {
    /// Adds rows, and gives each chunk that they fill to `write`, with its bytes of strings.
    ///
    /// # Errors
    /// Those of `write`.
    pub(super) fn push(
        &mut self,
        rows: &RecordBatch,
        mut write: impl FnMut(RecordBatch, usize) -> Result<()>,
    ) -> Result<()> {
        let mut start = 0;
        for (row, bytes) in row_bytes(rows).into_iter().enumerate() {
            self.n_rows += 1;
            self.n_bytes += bytes;
            if self.n_rows == MAX_ROWS || self.n_bytes >= CHUNK_BYTES {
                self.pending.push(rows.slice(start, row + 1 - start));
                start = row + 1;
                self.flush(&mut write)?;
            }
        }
        if start < rows.num_rows() {
            self.pending.push(rows.slice(start, rows.num_rows() - start));
        }
        Ok(())
    }

    /// Gives what is left to `write`.
    ///
    /// # Errors
    /// Those of `write`.
    pub(super) fn flush(
        &mut self,
        mut write: impl FnMut(RecordBatch, usize) -> Result<()>,
    ) -> Result<()> {
        let pending = std::mem::take(&mut self.pending);
        let bytes = std::mem::take(&mut self.n_bytes);
        self.n_rows = 0;
        match pending.as_slice() {
            [] => Ok(()),
            [rows] => write(rows.clone(), bytes),
            [first, ..] => write(concat_batches(first.schema_ref(), &pending)?, bytes),
        }
    }
}

/// Returns the bytes of strings in each row.
fn row_bytes(rows: &RecordBatch) -> Vec<usize> {
    let mut bytes = vec![0; rows.num_rows()];
    for column in rows.columns() {
        let offsets = match column.data_type() {
            DataType::Utf8 => column.as_string::<i32>().value_offsets(),
            DataType::Binary => column.as_binary::<i32>().value_offsets(),
            _ => continue,
        };
        for (row, (bytes, ends)) in bytes.iter_mut().zip(offsets.windows(2)).enumerate() {
            if column.is_valid(row) {
                *bytes += (ends[1] - ends[0]) as usize;
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::StringArray;
    use proptest::prelude::*;

    use super::*;

    fn chunks(lengths: &[usize], cuts: &[usize]) -> Vec<usize> {
        let texts = lengths.iter().map(|&n| Some("x".repeat(n))).collect::<StringArray>();
        let rows = RecordBatch::try_from_iter([("text", Arc::new(texts) as _)]).unwrap();
        let mut chunks = Chunks::default();
        let mut found = Vec::new();
        let mut start = 0;
        for &cut in cuts.iter().chain([&usize::MAX]) {
            let n = cut.min(rows.num_rows() - start);
            let push = |chunk: RecordBatch, _| {
                found.push(chunk.num_rows());
                Ok(())
            };
            chunks.push(&rows.slice(start, n), push).unwrap();
            start += n;
        }
        let push = |chunk: RecordBatch, _| {
            found.push(chunk.num_rows());
            Ok(())
        };
        chunks.flush(push).unwrap();
        found
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn chunks_do_not_depend_on_batches(
            lengths in prop::collection::vec(0..300_000_usize, 0..30),
            cuts in prop::collection::vec(0..8_usize, 0..20),
        ) {
            let whole = chunks(&lengths, &[]);
            prop_assert_eq!(whole.iter().sum::<usize>(), lengths.len());
            prop_assert_eq!(chunks(&lengths, &cuts), whole);
        }
    }

    #[test]
    fn a_chunk_ends_with_the_row_that_fills_it() {
        assert_eq!(chunks(&[CHUNK_BYTES - 1, 1, 5, CHUNK_BYTES, 1], &[]), [2, 2, 1]);
        assert_eq!(chunks(&vec![1; MAX_ROWS + 1], &[]), [MAX_ROWS, 1]);
    }
}
