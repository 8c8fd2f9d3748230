//! Rows that a gather sorts by another key than the one they came under.
//!
//! A gather may find that what it was sent must meet under a finer key. A [`Sorter`] takes those rows, spills them like any
//! others beside what the gather writes, and streams them back in order; its file is gone when the stream is.

use std::path::PathBuf;

use anyhow::Result;

use super::{Combine, Layout, Ranges, SortedRows, Spill, segments};

/// Takes rows in any order and gives them back sorted by (key, value), in bounded memory.
pub struct Sorter {
    spill: Spill,
    path: PathBuf,
}

impl Sorter {
    /// Opens a sorter that holds about `budget` bytes in memory; no other task uses the name `path`.
    pub(super) fn new(path: PathBuf, budget: usize) -> Sorter {
        let layout = Layout { combine: Combine::Keep, ranges: Ranges::Prefix(1) };
        Sorter { spill: Spill::new(path.clone(), layout, budget), path }
    }

    /// Takes one row.
    ///
    /// # Errors
    /// When the disk is full or fails.
    pub fn emit(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        self.spill.emit(key, value)
    }

    /// Returns all rows in order.
    ///
    /// # Errors
    /// When the disk is full or fails.
    pub fn finish(self) -> Result<SortedRows> {
        let all = match self.spill.finish()? {
            Some(_) => segments(&self.path, 0)?,
            None => Vec::new(),
        };
        let rows = SortedRows::open(all, Combine::Keep, &self.path)?;
        Ok(rows.delete_after(self.path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_in_order_and_leave_no_file() {
        let folder = tempfile::tempdir().unwrap();
        // The small budget makes more runs than are merged at once.
        let mut sorter = Sorter::new(folder.path().join("0.sorter.rows"), 50);
        let mut expected: Vec<[u8; 2]> =
            (0..2000_u32).map(|i| [(i * 7 % 10) as u8, i as u8]).collect();
        expected.iter().for_each(|[key, value]| sorter.emit(&[*key], &[*value]).unwrap());
        expected.sort_unstable();
        let (mut rows, mut found) = (sorter.finish().unwrap(), Vec::new());
        while rows.next_group().unwrap() {
            let key = rows.key()[0];
            while let Some(value) = rows.next_value().unwrap() {
                found.push([key, value[0]]);
            }
        }
        assert_eq!(found, expected);
        drop(rows);
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
        let empty = Sorter::new(folder.path().join("1.sorter.rows"), 50);
        assert!(!empty.finish().unwrap().next_group().unwrap());
    }
}
