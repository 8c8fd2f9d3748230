//! `dedup_substring` as the user runs it: texts, ranges, causes, and the same bytes however a run went.

use std::fs::File;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::UInt32Type;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::workbench::{Workbench, assert_same, texts};

const PASSAGE: &str =
    "all rights of this page are held by the people who wrote it, 版权所有，翻印必究";

fn pipeline(stage: &str) -> String {
    let head = "[input]\npaths = [\"in/*.jsonl\"]\n[output]\ndir = \"out\"\n";
    format!("{head}[[stage]]\ndedup_substring = {{ {stage} }}\n")
}

/// Two files, the first with a passage that others repeat, the last document with nothing else.
fn bench(stage: &str) -> Workbench {
    let bench = Workbench::new();
    let passage = PASSAGE.to_owned();
    bench.write_documents(
        "in/0.jsonl",
        "a",
        [format!("First. {passage}!"), "own text".to_owned(), format!("清洗 {passage} é")],
    );
    bench.write_documents("in/1.jsonl", "b", [format!("{passage} {passage}"), String::new()]);
    bench.write("p.toml", pipeline(stage));
    bench
}

fn documents(bench: &Workbench) -> RecordBatch {
    let mut paths: Vec<_> = bench
        .path("out/documents")
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    let files = paths.iter().map(|path| File::open(path).unwrap());
    let batches: Vec<RecordBatch> = files
        .flat_map(|file| ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap())
        .map(|batch| batch.unwrap())
        .collect();
    concat_batches(batches[0].schema_ref(), &batches).unwrap()
}

fn column<'a>(rows: &'a RecordBatch, name: &str) -> Vec<&'a str> {
    rows.column_by_name(name).unwrap().as_string::<i32>().iter().flatten().collect()
}

/// Returns the ranges of each document, empty where there are none.
fn ranges(rows: &RecordBatch) -> Vec<Vec<(u32, u32)>> {
    let lists = rows.column_by_name("dedup_substring.ranges").unwrap().as_list::<i32>();
    let of_row = |row: usize| {
        if lists.is_null(row) {
            return Vec::new();
        }
        let list = lists.value(row);
        let edges = list.as_struct();
        let edge = |i: usize| edges.column(i).as_primitive::<UInt32Type>().values().to_vec();
        edge(0).into_iter().zip(edge(1)).collect()
    };
    (0..lists.len()).map(of_row).collect()
}

#[test]
fn repeats_are_cut_and_counted_and_what_is_left_of_nothing_is_removed() {
    let bench = bench("min_repeat_words = 15");
    bench.run(&["run", "p.toml"]).expect(0).says(&["dedup_substring.min_kept_chars"]);
    let rows = documents(&bench);
    assert_eq!(column(&rows, "id"), ["a-0", "a-1", "a-2", "b-1"]);
    let first = format!("First. {PASSAGE}!");
    assert_eq!(column(&rows, "text"), [first.as_str(), "own text", "清洗  é", ""]);
    let end = 7 + PASSAGE.len() as u32;
    assert_eq!(ranges(&rows), [vec![], vec![], vec![(7, end)], vec![]]);
    let report = bench.json("out/report.json");
    assert_eq!(report["edits"]["dedup_substring"], 1);
    assert_eq!(report["removed"]["dedup_substring.min_kept_chars"], 1);
    bench.run(&["verify", "out"]).expect(0);
    let why = bench.run(&["why", "out", "b-0"]).expect(0);
    assert!(why.stderr.contains("dedup_substring.min_kept_chars"), "{}", why.stderr);
    assert_eq!(why.stdout.trim_end(), format!("{PASSAGE} {PASSAGE}"), "the text as it was");
}

#[test]
fn annotation_records_ranges_and_changes_nothing() {
    let bench = bench("min_repeat_words = 15, action = \"annotate\"");
    bench.run(&["run", "p.toml"]).expect(0);
    let rows = documents(&bench);
    assert_eq!(rows.num_rows(), 5);
    let found = ranges(&rows);
    let texts = column(&rows, "text");
    let cut = |row: usize, (start, end): (u32, u32)| texts[row].get(start as usize..end as usize);
    assert_eq!(cut(2, found[2][0]), Some(PASSAGE));
    // No window lies across the two copies in one document, so the space between them is no repeat.
    assert_eq!(found[3].len(), 2);
    assert!(found[3].iter().all(|range| cut(3, *range) == Some(PASSAGE)));
    assert!(found[0].is_empty() && found[1].is_empty() && found[4].is_empty());
}

#[test]
fn same_bytes_with_one_and_two_threads_and_little_memory() {
    let bench = Workbench::new();
    let mut all = texts(300, 9);
    for i in 0..300 {
        let (own, other) = (all[i].clone(), all[(i * 7 + 3) % 300].clone());
        let middle: String = other.chars().skip(i).take(2 * i).collect();
        all[i] = format!("{own}{middle}\n{own}");
    }
    for (file, part) in all.chunks(70).enumerate() {
        bench.write_documents(&format!("in/{file}.jsonl"), &format!("f{file}"), part.to_vec());
    }
    for (name, stage) in [("words", "min_repeat_words = 8"), ("chars", "min_repeat_chars = 40")] {
        bench.write("p.toml", pipeline(stage));
        let run = |output: &str, more: &[&str]| {
            let output = format!("{name}-{output}");
            bench.run(&[&["run", "p.toml", "--output", &output], more].concat()).expect(0);
            bench.dataset(&output)
        };
        let expected = run("one", &["--threads", "1"]);
        assert_same(&expected, &run("two", &["--threads", "2"]), "two threads");
        let small = run("small", &["--threads", "3", "--memory", "1MiB"]);
        assert_same(&expected, &small, "a megabyte of memory");
    }
}

#[test]
fn a_mistake_is_told_before_anything_is_read() {
    let bench = bench("min_repeat_tokens = 50");
    bench.run(&["check", "p.toml"]).expect(2).says(&["min_repeat_tokens"]);
    bench.write("p.toml", pipeline("min_repeat_words = 50, min_repeat_chars = 200"));
    bench.run(&["check", "p.toml"]).expect(2).says(&["`min_repeat_chars`", "hint: "]);
}
