//! Repeated lines, paragraphs and sentences through whole runs.

use crate::workbench::{Workbench, assert_same};

const LINE: &str = "Subscribe to our newsletter and never miss an update!";

/// Pages that share a line; the last one is nothing else.
fn workbench(stages: &str) -> Workbench {
    let bench = Workbench::new();
    let word = |i: usize| format!("{i:b}").replace('0', "never ").replace('1', "always ");
    let page = |i: usize| format!("This is {}.\n\n{LINE}\n\nIt was {}.\n", word(i), word(i));
    for file in 0..3 {
        let mut pages: Vec<_> = (0..50).map(|i| page(50 * file + i)).collect();
        if file == 2 {
            pages.push(LINE.to_uppercase());
        }
        bench.write_documents(&format!("in/{file}.jsonl"), &format!("f{file}"), pages);
    }
    let pipeline = format!("[input]\npaths = [\"in/*.jsonl\"]\n[output]\ndir = \"out\"\n{stages}");
    bench.write("p.toml", pipeline);
    bench
}

#[test]
fn a_line_stays_once_and_a_document_that_was_nothing_else_says_why() {
    for stage in ["dedup_lines", "dedup_paragraphs"] {
        let bench = workbench(&format!("[[stage]]\n{stage} = {{}}\n"));
        bench.run(&["run", "p.toml"]).expect(0);
        bench.run(&["verify", "out"]).expect(0);
        let report = bench.json("out/report.json");
        assert_eq!(report["kept"], 150);
        assert_eq!(report["removed"][format!("{stage}.min_chars")], 1);
        assert_eq!(report["edits"][stage], 150);
        bench.run(&["why", "out", "f2-50"]).expect(0).says(&[
            "removed by",
            &format!("{stage}.min_chars"),
            "value 0, limit 1",
        ]);
        let first = bench.run(&["why", "out", "f0-0"]).expect(0);
        assert!(first.stdout.contains(LINE), "{}", first.stdout);
        let second = bench.run(&["why", "out", "f0-1"]).expect(0);
        assert_eq!(second.stdout.trim(), "This is always .\n\nIt was always .");
    }
}

#[test]
fn same_bytes_with_little_memory_and_other_threads() {
    let stages = "[[stage]]\ndedup_lines = { min_documents = 2 }\n\
                  [[stage]]\ndedup_sentences = { n_sentences = 2 }\n\
                  [[stage]]\ndedup_exact = {}\n";
    let bench = workbench(stages);
    bench.run(&["run", "p.toml", "--threads", "1"]).expect(0);
    let small = ["--memory", "1MiB", "--output", "small"];
    bench.run(&[&["run", "p.toml", "--threads", "2"], &small[..]].concat()).expect(0);
    assert_same(&bench.dataset("out"), &bench.dataset("small"), "two threads and a megabyte");
    assert_eq!(bench.json("out/report.json")["removed"]["dedup_lines.min_chars"], 1);
}

#[test]
fn a_mistake_is_shown_with_its_key_before_anything_is_read() {
    let bench = workbench("[[stage]]\ndedup_sentences = { n_sentences = 0 }\n");
    bench.run(&["check", "p.toml"]).expect(2).says(&["`n_sentences` is 0"]);
    let bench = workbench("[[stage]]\ndedup_lines = { min_line_chars = 3 }\n");
    bench.run(&["check", "p.toml"]).expect(2).says(&["unknown key `min_line_chars`"]);
}
