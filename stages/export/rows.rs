//! Rows of ids for formats that store samples: a document each, or a fixed number of ids whatever the documents.

use anyhow::Result;

use super::payload::{CutAtEnd, Take};
use crate::token_shards::Part;

/// Collects ids into rows.
#[derive(Default)]
pub(super) struct Rows {
    /// Ids of a row; `None`: a document is a row.
    row_tokens: Option<u64>,
    open: Vec<u32>,
}

impl Rows {
    pub(super) fn new(row_tokens: Option<u64>) -> Rows {
        Rows { row_tokens, open: Vec::new() }
    }

    /// Takes a part of a document, and gives each row that it fills to `take`.
    ///
    /// # Errors
    /// Those of `take`.
    pub(super) fn push(
        &mut self,
        part: Part<'_>,
        mut take: impl FnMut(&[u32]) -> Result<()>,
    ) -> Result<()> {
        let Some(length) = self.row_tokens else {
            if self.open.is_empty() && part.is_last {
                return take(part.ids);
            }
            self.open.extend_from_slice(part.ids);
            if part.is_last {
                take(&self.open)?;
                self.open.clear();
            }
            return Ok(());
        };
        let mut ids = part.ids;
        while !ids.is_empty() {
            let missing = length as usize - self.open.len();
            let (now, later) = ids.split_at(missing.min(ids.len()));
            self.open.extend_from_slice(now);
            ids = later;
            if self.open.len() as u64 == length {
                take(&self.open)?;
                self.open.clear();
            }
        }
        Ok(())
    }

    /// Gives what is left, a shorter row, to `take`: nothing is dropped.
    ///
    /// # Errors
    /// Those of `take`.
    pub(super) fn finish(self, mut take: impl FnMut(&[u32]) -> Result<()>) -> Result<()> {
        if self.open.is_empty() { Ok(()) } else { take(&self.open) }
    }
}

/// Makes documents of rows again.
pub(super) struct Unrow {
    row_tokens: Option<u64>,
    cut: CutAtEnd,
    /// Whether a row was shorter than the others: it must be the last.
    is_over: bool,
}

impl Unrow {
    pub(super) fn new(row_tokens: Option<u64>, end_of_document: u32) -> Unrow {
        Unrow { row_tokens, cut: CutAtEnd::new(end_of_document), is_over: false }
    }

    /// Takes the next row.
    ///
    /// # Errors
    /// Those of `take`, and when the row has not the length that it must have.
    pub(super) fn push(&mut self, ids: &[u32], take: Take<'_>) -> Result<()> {
        let Some(length) = self.row_tokens else { return take(Part { ids, is_last: true }) };
        let n = ids.len() as u64;
        anyhow::ensure!(
            !self.is_over && 0 < n && n <= length,
            "a row of {n} ids, {} rows of {length}",
            if self.is_over { "behind the last of the" } else { "among" }
        );
        self.is_over = n < length;
        self.cut.push(ids, take)
    }

    /// Checks that the last document is whole.
    ///
    /// # Errors
    /// When it is not.
    pub(super) fn finish(self) -> Result<()> {
        self.cut.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_a_length_hold_all_ids_and_the_last_is_short() {
        let parts: [(&[u32], bool); 4] =
            [(&[1, 2], false), (&[3, 0], true), (&[0], true), (&[5, 6, 0], true)];
        let rows = |row_tokens| {
            let (mut rows, mut found) = (Rows::new(row_tokens), Vec::new());
            let mut take = |ids: &[u32]| {
                found.push(ids.to_vec());
                Ok(())
            };
            for (ids, is_last) in parts {
                rows.push(Part { ids, is_last }, &mut take).unwrap();
            }
            rows.finish(&mut take).unwrap();
            found
        };
        assert_eq!(rows(Some(3)), [vec![1, 2, 3], vec![0, 0, 5], vec![6, 0]]);
        assert_eq!(rows(Some(4)), [vec![1, 2, 3, 0], vec![0, 5, 6, 0]]);
        assert_eq!(rows(None), [vec![1, 2, 3, 0], vec![0], vec![5, 6, 0]]);
    }
}
