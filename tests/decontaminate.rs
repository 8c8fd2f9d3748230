//! Decontamination through the binary: planted quotes of held-out texts go, named by file and row.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::workbench::{Workbench, assert_same, fixtures};

fn pipeline(input: &str, stage: &str) -> String {
    format!(
        "[input]\npaths = [{input}]\n[output]\ndir = \"out\"\ndocuments = \"jsonl.zst\"\n\
         [[stage]]\ndecontaminate = {{ {stage} }}\n"
    )
}

fn lines(path: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn planted_quotes_of_held_out_texts_are_removed_and_named() {
    let bench = Workbench::new();
    let held_out = lines(&fixtures("corpus/held_out.jsonl"));
    let row_of = |id: &Value| held_out.iter().position(|row| row["id"] == *id).unwrap();
    let input = ["web_en.jsonl.zst", "web_zh.jsonl.gz"]
        .map(|name| Value::from(fixtures(&format!("corpus/{name}"))).to_string())
        .join(", ");
    bench.write("held_out.jsonl", std::fs::read(fixtures("corpus/held_out.jsonl")).unwrap());
    let stage = "against = [\"held_out.jsonl\"], columns = [\"text\"]";
    bench.write("p.toml", pipeline(&input, stage));
    bench.run(&["run", "p.toml"]).expect(0);
    bench.run(&["verify", "out"]).expect(0);
    let planted = lines(&fixtures("corpus/planted.jsonl"));
    let planted: Vec<_> = planted.iter().filter(|row| row["kind"] == "contaminated").collect();
    assert_eq!(planted.len(), 10);
    for row in &planted {
        let id = row["id"].as_str().unwrap();
        let name = format!("held_out.jsonl:{} [", row_of(&row["original"]));
        let why = bench.run(&["why", "out", id]).expect(0);
        why.says(&["max_example_ngrams", &name]);
    }
    let removed = &bench.json("out/manifest.json")["removed"];
    let n_removed = removed["decontaminate.max_example_ngrams"].as_u64().unwrap();
    assert!(n_removed >= 10, "{removed}");

    // What is left is clean, and threads change nothing.
    let first = bench.dataset("out");
    bench.run(&["run", "p.toml", "--threads", "1", "--output", "again"]).expect(0);
    let changed: BTreeSet<_> = ["pipeline.toml", "manifest.json"].into();
    let same = |dataset: BTreeMap<String, Vec<u8>>| -> BTreeMap<_, _> {
        dataset.into_iter().filter(|(name, _)| !changed.contains(name.as_str())).collect()
    };
    assert_same(&same(first), &same(bench.dataset("again")), "one thread");
    bench.write("second.toml", pipeline("\"out\"", stage));
    bench.run(&["run", "second.toml", "--output", "clean"]).expect(0);
    assert_eq!(bench.json("clean/manifest.json")["removed"], serde_json::json!({}));
}

#[test]
fn a_report_keeps_all_rows_and_unchecked_examples_are_warned_of() {
    let bench = Workbench::new();
    let example =
        "one two three four five six seven eight nine ten eleven twelve thirteen fourteen";
    bench.write("evals/set.txt", format!("too short\n{example}\n"));
    let texts = [format!("Before. {example} After."), "nothing".to_owned()];
    bench.write_documents("in.jsonl", "doc", texts);
    bench.write("p.toml", pipeline("\"in.jsonl\"", "against = [\"evals/*\"], mode = \"report\""));
    let warning = "warning: decontaminate: 1 of 2 examples of set.txt are not checked";
    bench.run(&["check", "p.toml"]).expect(0).says(&[warning, "rows 0"]);
    bench.run(&["run", "p.toml"]).expect(0).says(&[warning]);
    assert_eq!(bench.json("out/manifest.json")["kept"], 2);
    let why = bench.run(&["why", "out", "doc-0", "--json"]).expect(0).stdout;
    assert!(why.contains("set.txt:1"), "{why}");
    bench.run(&["verify", "out"]).expect(0);
}

#[test]
fn a_changed_evaluation_set_is_another_run() {
    let bench = Workbench::new();
    bench.write(
        "set.txt",
        "one two three four five six seven eight nine ten eleven twelve thirteen\n",
    );
    bench.write_documents("in.jsonl", "doc", ["nothing".to_owned()]);
    bench.write("p.toml", pipeline("\"in.jsonl\"", "against = [\"set.txt\"]"));
    bench.run(&["run", "p.toml"]).expect(0);
    bench.run(&["run", "p.toml"]).expect(0);
    bench.write("set.txt", "another example of eight words or even more\n");
    bench.run(&["run", "p.toml"]).expect(2).says(&["finished dataset of another pipeline"]);
}

#[test]
fn a_bad_set_is_refused_at_the_key() {
    let bench = Workbench::new();
    bench.write("set.jsonl", "{\"question\": \"x\"}\n{\"question\": \n");
    bench.write_documents("in.jsonl", "doc", ["nothing".to_owned()]);
    bench.write("p.toml", pipeline("\"in.jsonl\"", "against = [\"set.jsonl\"], ngram = 13"));
    bench.run(&["check", "p.toml"]).expect(2).says(&["set.jsonl: row 1: invalid JSON", "p.toml:7"]);
    bench.write("p.toml", pipeline("\"in.jsonl\"", "against = [\"none*.jsonl\"], ngrams = 13"));
    bench.run(&["check", "p.toml"]).expect(2).says(&["ngrams", "did you mean `"]);
}
