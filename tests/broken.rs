//! Bad inputs through the binary: every row is read or accounted for, and no dataset appears unless that is allowed.

use serde_json::Value;

use crate::workbench::{Workbench, fixtures};

fn pipeline(path: &str, max_unreadable: u64) -> String {
    let path = Value::from(path);
    format!(
        "[input]\npaths = [{path}]\nmax_unreadable = {max_unreadable}\n[output]\ndir = \"out\"\n"
    )
}

#[test]
fn every_broken_file_is_read_as_far_as_it_goes() {
    let expected = std::fs::read_to_string(fixtures("broken/expected.jsonl")).unwrap();
    for line in expected.lines() {
        let expected: Value = serde_json::from_str(line).unwrap();
        let file = expected["file"].as_str().unwrap();
        let path = fixtures(&format!("broken/{file}"));
        let bench = Workbench::new();
        bench.write("p.toml", pipeline(&path, 0));
        let first = bench.run(&["run", "p.toml"]);
        if file == "no_text_column.parquet" {
            first.expect(2).says(&[file, "no column `text`"]);
            continue;
        }
        let is_unreadable =
            |key: &str| expected[key].as_bool() == Some(true) || expected[key].as_u64() > Some(0);
        if is_unreadable("unreadable_file") || is_unreadable("unreadable_rows") {
            let first = first.expect(1);
            first.says(&["could not be read", "`input.max_unreadable` allows 0", "hint: "]);
            assert!(!bench.path("out/manifest.json").exists(), "{file}");
        }
        // Raising the limit commits what the receipts hold.
        bench.write("p.toml", pipeline(&path, 100));
        bench.run(&["run", "p.toml"]).expect(0);
        let report = bench.json("out/report.json");
        let number = |key: &str| report[key].as_u64().unwrap();
        assert_eq!(number("read"), number("kept") + number("unreadable"), "{file}: {report}");
        if let Some(rows) = expected["rows"].as_u64() {
            assert_eq!(number("kept"), rows, "{file}");
        }
        if let Some(rows) = expected["min_rows"].as_u64() {
            assert!(number("kept") >= rows, "{file}: {} kept", number("kept"));
        }
        if let Some(rows) = expected["unreadable_rows"].as_u64() {
            assert_eq!(number("unreadable"), rows, "{file}");
        }
        if expected["unreadable_file"].as_bool() == Some(true) {
            assert!(number("unreadable") >= 1, "{file}");
        }
        bench.run(&["verify", "out"]).expect(0);
    }
}

#[test]
fn every_broken_file_has_its_line_in_the_list() {
    let expected = std::fs::read_to_string(fixtures("broken/expected.jsonl")).unwrap();
    for entry in std::path::Path::new(&fixtures("broken")).read_dir().unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(name == "expected.jsonl" || expected.contains(&format!("\"{name}\"")), "{name}");
    }
}

#[test]
fn a_line_of_100_mb_is_streamed_past() {
    let bench = Workbench::new();
    let mut text = b"{\"id\": \"a\", \"text\": \"before\"}\n{\"id\": \"b\", \"text\": \"".to_vec();
    text.resize(text.len() + 100_000_000, b'x');
    text.extend_from_slice(b"\"}\n{\"id\": \"c\", \"text\": \"after\"}\n");
    bench.write("in.jsonl", &text);
    bench.write("p.toml", pipeline("in.jsonl", 0));
    bench.run(&["run", "p.toml"]).expect(1).says(&["1 rows could not be read"]);
    bench.write("p.toml", pipeline("in.jsonl", 1));
    bench.run(&["run", "p.toml"]).expect(0);
    let report = bench.json("out/report.json");
    assert_eq!((&report["kept"], &report["unreadable"]), (&2.into(), &1.into()));
    bench.run(&["why", "out", "in.jsonl:1"]).expect(0).says(&["unreadable: "]);
}

#[test]
fn empty_text_is_a_document_like_any_other() {
    let bench = Workbench::new();
    bench.write(
        "in.jsonl",
        "{\"id\": \"a\", \"text\": \"\"}\n{\"id\": \"a\", \"text\": \"same id\"}\n",
    );
    bench.write("p.toml", pipeline("in.jsonl", 0));
    bench
        .run(&["run", "p.toml"])
        .expect(0)
        .says(&["warning: 1 documents have the id of an earlier one"]);
    assert_eq!(bench.json("out/report.json")["kept"], 2);
    let fates = bench.run(&["why", "out", "a", "--json"]).expect(0).stdout;
    assert_eq!(fates.lines().count(), 2);
}

#[test]
fn a_vanished_file_is_named() {
    let bench = Workbench::new();
    bench.write("in.jsonl", "{\"text\": \"a\"}\n");
    bench.write("p.toml", pipeline("in.jsonl", 0));
    bench.run(&["plan", "p.toml"]).expect(0);
    std::fs::remove_file(bench.path("in.jsonl")).unwrap();
    bench.run(&["task", "out/work/plan.json", "0", "0"]).expect(1).says(&["in.jsonl"]);
}
