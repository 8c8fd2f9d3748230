//! Sorted rows that outlive their run: one file, cut into as many key ranges as a run asks for.
//!
//! The file is a spill of one run whose ranges are those of [`Ranges::Prefix`]; a range of another cut is found by reading at most one
//! range of the file at each of its ends.
//!
//! [`Ranges::Prefix`]: super::Ranges::Prefix

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};

use super::spill::{RunWriter, Segment, segments, write_index};
use super::{SortedRows, prefix};
use crate::disk::{FileSeal, OutFile};

/// A file of rows that are sorted by key, by which they are looked up.
pub(crate) struct RowFile {
    path: Arc<Path>,
    /// Where each range begins, and the end of the last.
    starts: Vec<u64>,
}

impl RowFile {
    /// Writes the rows of `n_ranges` ranges, which `open` opens one by one.
    ///
    /// # Errors
    /// When a file is damaged, or the disk is full.
    pub(crate) fn write(
        path: &Path,
        n_ranges: u32,
        open: impl Fn(u32) -> Result<SortedRows>,
    ) -> Result<FileSeal> {
        let mut file = OutFile::create(path)?;
        let mut run = RunWriter::new(&mut file, n_ranges);
        for range in 0..n_ranges {
            let mut rows = open(range)?;
            while rows.next_group()? {
                let key = rows.key().to_vec();
                while let Some(value) = rows.next_value()? {
                    run.write(range, &key, value)?;
                }
            }
        }
        let starts = run.finish();
        write_index(&mut file, &[starts], n_ranges).with_context(|| path.display().to_string())?;
        file.finish()
    }

    /// Opens a file; `None` where there is none, since there was no row.
    ///
    /// # Errors
    /// When it is damaged.
    pub(crate) fn open(path: &Path, n_ranges: u32) -> Result<Option<RowFile>> {
        if !path.exists() {
            return Ok(None);
        }
        let mut starts = vec![0; n_ranges as usize + 1];
        for range in 0..n_ranges {
            let start = starts[range as usize];
            let end = segments(path, range)?.last().map_or(start, |segment| segment.end);
            starts[range as usize + 1] = end;
        }
        Ok(Some(RowFile { path: path.into(), starts }))
    }

    /// Returns the rows of range `range` of `n_ranges`.
    ///
    /// # Errors
    /// When the file is damaged.
    pub(crate) fn segment(&self, range: u32, n_ranges: u32) -> Result<Segment> {
        let bound = |range: u32| (u128::from(range) << 64).div_ceil(u128::from(n_ranges));
        let (start, end) = (self.offset(bound(range))?, self.offset(bound(range + 1))?);
        Ok(Segment { path: self.path.clone(), start, end })
    }

    /// Returns where the rows begin whose prefix is `least` or more.
    fn offset(&self, least: u128) -> Result<u64> {
        let n_ranges = self.starts.len() as u128 - 1;
        let range = (least * n_ranges) >> 64;
        let Some(&[start, end]) = self.starts.get(range as usize..range as usize + 2) else {
            return Ok(self.starts.last().copied().unwrap_or(0));
        };
        let find = || -> Result<u64> {
            let mut file = File::open(&self.path)?;
            file.seek(SeekFrom::Start(start))?;
            let mut file = BufReader::new(file.take(end - start));
            let mut at = start;
            let mut key = Vec::new();
            while at < end {
                let mut lengths = [[0; 4]; 2];
                for length in &mut lengths {
                    file.read_exact(length)?;
                }
                let [key_bytes, value_bytes] =
                    lengths.map(|length| u64::from(u32::from_le_bytes(length)));
                key.clear();
                file.by_ref().take(key_bytes).read_to_end(&mut key)?;
                if u128::from(prefix(&key)) >= least {
                    break;
                }
                std::io::copy(&mut file.by_ref().take(value_bytes), &mut std::io::sink())?;
                at += 8 + key_bytes + value_bytes;
            }
            Ok(at)
        };
        find().with_context(|| format!("{}: damaged rows", self.path.display()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Combine, Layout, Ranges, Spill};
    use super::*;

    fn drain(mut rows: SortedRows) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut all = Vec::new();
        while rows.next_group().unwrap() {
            let key = rows.key().to_vec();
            while let Some(value) = rows.next_value().unwrap() {
                all.push((key.clone(), value.to_vec()));
            }
        }
        all
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn a_file_is_cut_into_any_number_of_ranges_as_a_spill_of_so_many_would_be(
            keys in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..12), 0..60),
            n_ranges in 1_u32..40,
        ) {
            let folder = tempfile::tempdir().unwrap();
            let layout = |n| Layout { combine: Combine::Keep, ranges: Ranges::Prefix(n) };
            let spill = |name: &str, n: u32| {
                let path = folder.path().join(name);
                let mut spill = Spill::new(path.clone(), layout(n), 200);
                for (i, key) in keys.iter().enumerate() {
                    spill.emit(key, &[i as u8]).unwrap();
                }
                spill.finish().unwrap().map(|_| path)
            };
            let open = |path: &Path, range: u32| {
                let scratch = folder.path().join("scratch");
                SortedRows::open(segments(path, range).unwrap(), Combine::Keep, &scratch)
            };
            let file = folder.path().join("file");
            if let Some(path) = spill("of 7", 7) {
                RowFile::write(&file, 7, |range| open(&path, range)).unwrap();
            }
            let expected = spill("of n", n_ranges);
            let file = RowFile::open(&file, 7).unwrap();
            prop_assert_eq!(file.is_some(), expected.is_some());
            if let (Some(file), Some(expected)) = (file, expected) {
                for range in 0..n_ranges {
                    let segment = file.segment(range, n_ranges).unwrap();
                    let rows = SortedRows::open(vec![segment], Combine::Keep, folder.path()).unwrap();
                    prop_assert_eq!(drain(rows), drain(open(&expected, range).unwrap()));
                }
            }
        }
    }
}
