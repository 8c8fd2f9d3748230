//! What a run tells of the duplicates that it removed.

use crate::workbench::{Workbench, texts};

const PIPELINE: &str = r#"
[input]
paths = ["in.jsonl"]

[output]
dir = "out"

[[stage]]
dedup_exact = {}

[[stage]]
dedup_minhash = { ngram = 3, rows = 4 }
"#;

/// Twenty texts; `d-3` stands three times more, `d-5` once more but for a word.
fn bench() -> Workbench {
    let bench = Workbench::new();
    let mut all = texts(20, 3);
    let [third, fifth] = [3, 5].map(|i: usize| all[i].clone());
    all.extend([third.clone(), third.clone(), third]);
    all.push(format!("Hark! {fifth}"));
    bench.write_documents("in.jsonl", "d", all);
    bench.write("p.toml", PIPELINE);
    bench.run(&["run", "p.toml"]).expect(0);
    bench
}

#[test]
fn the_largest_clusters_come_first_and_each_removed_document_is_in_one() {
    let bench = bench();
    let json = bench.run(&["duplicates", "out", "--json"]).expect(0).stdout;
    let overview: serde_json::Value = serde_json::from_str(&json).unwrap();
    let removed = bench.json("out/manifest.json")["removed"].clone();
    let n_removed =
        removed["dedup_exact"].as_u64().unwrap() + removed["dedup_minhash"].as_u64().unwrap();
    assert_eq!(overview["n_removed"], n_removed);
    let first = &overview["largest"][0];
    assert_eq!(first["kept"]["id"], "d-3");
    assert_eq!(
        (first["n_removed"].as_u64(), first["stage"].as_str()),
        (Some(3), Some("dedup_exact"))
    );
    let table = bench.run(&["duplicates", "out", "--top", "1"]).expect(0);
    assert_eq!(table.stdout.lines().count(), 2, "a heading and a row");
    bench.run(&["verify", "out"]).expect(0);
}

#[test]
fn two_documents_of_a_cluster_stand_side_by_side() {
    let bench = bench();
    for id in ["d-5", "d-23", "in.jsonl:23"] {
        let shown = bench.run(&["duplicates", "out", id]).expect(0);
        assert!(shown.stdout.contains("{+Hark! +}"), "{}", shown.stdout);
        shown.says(&["kept d-5 on the left, removed d-23 on the right"]);
    }
    bench.run(&["duplicates", "out", "d-7"]).expect(1).says(&["`d-7` is in no cluster"]);
}

#[test]
fn a_dataset_without_deduplication_has_no_clusters() {
    let bench = Workbench::new();
    bench.write_documents("in.jsonl", "d", texts(3, 3));
    bench.write("p.toml", "[input]\npaths = [\"in.jsonl\"]\n[output]\ndir = \"out\"\n");
    bench.run(&["run", "p.toml"]).expect(0);
    assert!(!bench.path("out/clusters.parquet").exists());
    bench
        .run(&["duplicates", "out"])
        .expect(2)
        .says(&["no stage of this dataset looked for duplicates"]);
}
