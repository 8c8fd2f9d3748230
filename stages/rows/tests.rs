//! The census's machinery alone, before any stage stands on it.

use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;

use super::*;

fn layout(combine: Combine, n: u32) -> Layout {
    Layout { combine, ranges: Ranges::Hash(n) }
}

/// Spills rows in several files, and returns every group of every range, ranges in order.
fn through_disk(
    rows: &[(Vec<u8>, Vec<u8>)],
    layout: &Layout,
    n_files: usize,
    budget: usize,
    max_open: usize,
) -> Vec<(Vec<u8>, Vec<Vec<u8>>)> {
    let folder = tempfile::tempdir().unwrap();
    let path = |file: usize| folder.path().join(format!("{file}.rows"));
    for file in 0..n_files {
        let mut spill = Spill::new(path(file), layout.clone(), budget);
        for (key, value) in rows.iter().skip(file).step_by(n_files) {
            spill.emit(key, value).unwrap();
        }
        spill.finish().unwrap();
    }
    let mut groups = Vec::new();
    for range in 0..layout.ranges.count() {
        let existing = (0..n_files).map(path).filter(|path| path.exists());
        let all = existing.flat_map(|path| segments(&path, range).unwrap()).collect();
        let scratch = folder.path().join("scratch");
        let mut sorted = SortedRows::open_at_most(all, layout.combine, &scratch, max_open).unwrap();
        while sorted.next_group().unwrap() {
            let mut values = Vec::new();
            while let Some(value) = sorted.next_value().unwrap() {
                values.push(value.to_vec());
            }
            groups.push((sorted.key().to_vec(), values));
        }
    }
    groups
}

fn rows() -> impl Strategy<Value = Vec<(Vec<u8>, Vec<u8>)>> {
    let bytes = || prop::collection::vec(0_u8..4, 0..12);
    prop::collection::vec((bytes(), bytes()), 0..200)
}

proptest! {
    #[test]
    fn every_row_comes_back_once_in_its_group(
        rows in rows(), n_files in 1_usize..5, budget in 1_usize..4000, max_open in 2_usize..5,
    ) {
        let mut expected: BTreeMap<Vec<u8>, Vec<Vec<u8>>> = BTreeMap::new();
        for (key, value) in &rows {
            expected.entry(key.clone()).or_default().push(value.clone());
        }
        let expected: BTreeMap<_, _> = expected
            .into_iter()
            .map(|(key, mut values)| { values.sort(); (key, values) })
            .collect();
        let found = through_disk(&rows, &layout(Combine::Keep, 3), n_files, budget, max_open);
        prop_assert_eq!(found.len(), expected.len(), "a group was split");
        prop_assert_eq!(found.into_iter().collect::<BTreeMap<_, _>>(), expected);
    }

    #[test]
    fn groups_do_not_depend_on_files_budget_or_open_segments(
        rows in rows(), n_files in 1_usize..6, budget in 1_usize..4000,
    ) {
        for combine in [Combine::Keep, Combine::Sum] {
            let alone = through_disk(&rows, &layout(combine, 4), 1, 1 << 20, 256);
            let many = through_disk(&rows, &layout(combine, 4), n_files, budget, 2);
            prop_assert_eq!(alone, many);
        }
    }

    #[test]
    fn sums_are_the_sums(counts in prop::collection::vec((0_u8..5, 0_u64..1000), 0..300)) {
        let mut expected: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
        let mut rows = Vec::new();
        for (key, count) in counts {
            *expected.entry(vec![key]).or_default() += count;
            rows.push((vec![key], count.to_le_bytes().to_vec()));
        }
        let found = through_disk(&rows, &layout(Combine::Sum, 3), 3, 500, 2);
        let found: BTreeMap<_, _> = found
            .into_iter()
            .map(|(key, values)| (key, u64::from_le_bytes(values[0].clone().try_into().unwrap())))
            .collect();
        prop_assert_eq!(found, expected);
    }
}

#[test]
fn ranges_by_prefix_stand_in_key_order() {
    let rows: Vec<_> =
        (0..5000_u64).map(|i| (xxh3_64(&i.to_le_bytes()).to_be_bytes().to_vec(), vec![])).collect();
    let layout = Layout { combine: Combine::Keep, ranges: Ranges::Prefix(7) };
    let keys: Vec<_> =
        through_disk(&rows, &layout, 2, 9000, 3).into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys.len(), 5000);
    assert!(keys.is_sorted());
}

#[test]
fn a_group_larger_than_the_budget_is_streamed() {
    // One key in every document, as empty text or a line of boilerplate makes it.
    let n = 200_000_u64;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("skewed.rows");
    let budget = 64 << 10;
    let mut spill = Spill::new(path.clone(), layout(Combine::Keep, 4), budget);
    for i in (0..n).rev() {
        spill.emit(b"the", &i.to_be_bytes()).unwrap();
        spill.emit(&i.to_be_bytes(), b"rare").unwrap();
    }
    assert!(spill.finish().unwrap().unwrap().bytes > 100 * budget as u64);
    let mut seen = 0;
    for range in 0..4 {
        let all = segments(&path, range).unwrap();
        let mut rows =
            SortedRows::open(all, Combine::Keep, &folder.path().join("scratch")).unwrap();
        while rows.next_group().unwrap() {
            if rows.key() != b"the" {
                continue;
            }
            while let Some(value) = rows.next_value().unwrap() {
                assert_eq!(value, (seen as u64).to_be_bytes(), "values come in order");
                seen += 1;
            }
        }
    }
    assert_eq!(seen as u64, n);
}

#[test]
fn a_group_that_is_not_read_to_its_end_is_passed_over() {
    let rows: Vec<_> = (0..30_u8).map(|i| (vec![i / 10], vec![i])).collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.rows");
    let mut spill = Spill::new(path.clone(), layout(Combine::Keep, 1), 100);
    rows.iter().for_each(|(key, value)| spill.emit(key, value).unwrap());
    spill.finish().unwrap();
    let all = segments(&path, 0).unwrap();
    let mut rows = SortedRows::open(all, Combine::Keep, &folder.path().join("scratch")).unwrap();
    let mut firsts = Vec::new();
    while rows.next_group().unwrap() {
        firsts.push(rows.next_value().unwrap().unwrap().to_vec());
    }
    assert_eq!(firsts, [[0], [10], [20]]);
}

#[test]
fn an_empty_spill_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.rows");
    assert!(Spill::new(path.clone(), layout(Combine::Keep, 1), 100).finish().unwrap().is_none());
    assert!(!path.exists());
}

#[test]
fn damaged_rows_are_an_error_that_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.rows");
    let mut spill = Spill::new(path.clone(), layout(Combine::Keep, 1), 100);
    (0..100_u32).for_each(|i| spill.emit(&i.to_be_bytes(), b"value").unwrap());
    spill.finish().unwrap();
    let whole = std::fs::read(&path).unwrap();
    let error = |bytes: &[u8]| -> String {
        std::fs::write(&path, bytes).unwrap();
        let read = || -> anyhow::Result<()> {
            let all = segments(&path, 0)?;
            let mut rows = SortedRows::open(all, Combine::Keep, Path::new("scratch"))?;
            while rows.next_group()? {}
            Ok(())
        };
        format!("{:#}", read().unwrap_err())
    };
    assert!(error(&whole[..whole.len() / 2]).contains("a.rows"));
    assert!(error(b"").contains("a.rows"));
    let mut damaged = whole;
    damaged[3] = 0xff;
    assert!(error(&damaged).contains("damaged rows"));
}
