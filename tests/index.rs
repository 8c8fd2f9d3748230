//! Deduplication against earlier datasets.

use crate::workbench::{Workbench, texts};

const PIPELINE: &str = r#"
[input]
paths = ["in.jsonl"]

[output]
dir = "out"

[[stage]]
dedup_exact = { against = ["index"] }
"#;

const OLD: &str = r#"
[input]
paths = ["old.jsonl"]

[output]
dir = "old"
"#;

/// An earlier dataset of 30 documents and its index; an input of 20, of which `new-3` and `new-4` are in that dataset, and
/// `new-6` is a copy of `new-5`.
fn bench(pipeline: &str) -> Workbench {
    let bench = Workbench::new();
    let old = texts(30, 1);
    let mut new = texts(20, 2);
    (new[3], new[4], new[6]) = (old[7].clone(), old[0].clone(), new[5].clone());
    bench.write_documents("old.jsonl", "old", old);
    bench.write_documents("in.jsonl", "new", new);
    bench.write("old.toml", OLD);
    bench.write("p.toml", pipeline);
    bench.run(&["run", "old.toml"]).expect(0);
    bench
}

#[test]
fn what_an_earlier_dataset_has_is_removed_and_names_the_earlier_document() {
    let bench = bench(PIPELINE);
    bench.run(&["check", "p.toml"]).expect(2).says(&[
        "p.toml:9:",
        "index: is no index",
        "hint: `corpusmill index",
    ]);
    bench
        .run(&["index", "p.toml", "old", "--output", "index"])
        .expect(0)
        .says(&["30 documents more"]);
    bench.run(&["run", "p.toml"]).expect(0);
    bench.run(&["verify", "out"]).expect(0);
    let manifest = bench.json("out/manifest.json");
    assert_eq!(
        (manifest["kept"].as_u64(), manifest["removed"]["dedup_exact"].as_u64()),
        (Some(17), Some(3))
    );
    bench.run(&["why", "out", "new-3"]).expect(0).says(&["like old-7"]);
    let json = bench.run(&["duplicates", "out", "new-3", "--json"]).expect(0).stdout;
    let clusters: serde_json::Value = serde_json::from_str(&json).unwrap();
    let kept = &clusters[0]["cluster"]["kept"];
    assert_eq!((kept["id"].as_str(), kept["row"].as_u64()), (Some("old-7"), Some(7)));
    let file = kept["file"].as_str().unwrap();
    assert!(file.ends_with(".parquet"), "{file}");
    bench
        .run(&["run", "p.toml", "--output", "again", "--threads", "1", "--memory", "64MiB"])
        .expect(0);
    assert_eq!(bench.dataset("out"), bench.dataset("again"));
}

#[test]
fn against_an_index_of_itself_nothing_stays() {
    let bench = bench(PIPELINE);
    bench.run(&["index", "p.toml", "in.jsonl", "--output", "index"]).expect(0);
    bench.run(&["run", "p.toml"]).expect(0);
    let manifest = bench.json("out/manifest.json");
    assert_eq!(
        (manifest["kept"].as_u64(), manifest["removed"]["dedup_exact"].as_u64()),
        (Some(0), Some(20))
    );
}

#[test]
fn an_index_grows_and_knows_what_it_holds() {
    let bench = bench(PIPELINE);
    let index = |input: &str| bench.run(&["index", "p.toml", input, "--output", "index"]);
    index("old").expect(0);
    index("old").expect(0).says(&["holds old already"]);
    index("in.jsonl").expect(0).says(&["20 documents more"]);
    bench.run(&["run", "p.toml"]).expect(0);
    assert_eq!(bench.json("out/manifest.json")["kept"], 0);
    // Twice the same index is one.
    bench.write(
        "twice.toml",
        PIPELINE.replace("[\"index\"]", "[\"index\", \"index\"]").replace("\"out\"", "\"twice\""),
    );
    bench.run(&["run", "twice.toml"]).expect(0);
    assert_eq!(
        bench.json("twice/manifest.json")["removed"],
        bench.json("out/manifest.json")["removed"]
    );
}

#[test]
fn an_index_for_other_settings_is_refused_and_so_is_a_changed_one_in_a_run_that_goes_on() {
    let bench = bench(PIPELINE);
    bench.run(&["index", "p.toml", "old", "--output", "index"]).expect(0);
    let other = PIPELINE.replace("against", "ignore = [\"case\"], against");
    bench.write("other.toml", other);
    bench
        .run(&["check", "other.toml"])
        .expect(2)
        .says(&["no section with the settings of this stage"]);
    bench
        .run(&["index", "other.toml", "old", "--output", "index"])
        .expect(1)
        .says(&["the index was made for dedup_exact"]);
    bench
        .run(&["index", "old.toml", "old", "--output", "i"])
        .expect(1)
        .says(&["no stage that can be run against an index"]);
    bench.run(&["run", "p.toml"]).expect(0);
    bench.run(&["index", "p.toml", "in.jsonl", "--output", "index"]).expect(0);
    bench.run(&["run", "p.toml"]).expect(2).says(&["another pipeline, seed or input"]);
}

#[test]
fn documents_are_compared_by_url_or_by_any_member_too() {
    let bench = Workbench::new();
    let row = |id: &str, url: &str, doi: &str| {
        format!(
            "{}\n",
            serde_json::json!({ "id": id, "text": id, "url": url, "meta": { "doi": doi } })
        )
    };
    let rows = [
        row("a", "u1", "d1"),
        row("b", "u1", "d2"),
        row("c", "u2", "d1"),
        row("d", "", ""),
        row("e", "", ""),
    ];
    bench.write("in.jsonl", rows.concat() + "{\"id\":\"f\",\"text\":\"f\"}\n");
    for (by, removed) in [("url", "b"), ("meta.doi", "c")] {
        bench.write("p.toml", PIPELINE.replace("against = [\"index\"]", &format!("by = \"{by}\"")));
        bench.run(&["run", "p.toml", "--output", by]).expect(0);
        assert_eq!(bench.json(&format!("{by}/manifest.json"))["kept"], 5);
        bench.run(&["why", by, removed]).expect(0).says(&["removed by dedup_exact: 1.000 like a"]);
    }
}

#[test]
fn lines_of_an_earlier_dataset_are_cut_and_against_itself_every_line_is() {
    let bench = Workbench::new();
    let footer = "Subscribe to our newsletter for more of this.";
    bench.write_documents("old.jsonl", "old", [format!("An old story about a river.\n{footer}")]);
    let new = [
        format!("A new story about a mountain.\n{footer}"),
        format!("{footer}\nAnother story about the sea."),
    ];
    bench.write_documents("in.jsonl", "new", new);
    let pipeline = PIPELINE
        .replace("dedup_exact", "dedup_lines")
        .replace("dir = \"out\"", "dir = \"out\"\ndocuments = \"jsonl.zst\"");
    bench.write("p.toml", &pipeline);
    bench.run(&["index", "p.toml", "old.jsonl", "--output", "index"]).expect(0);
    bench.run(&["run", "p.toml"]).expect(0);
    let manifest = bench.json("out/manifest.json");
    assert_eq!(
        (manifest["kept"].as_u64(), manifest["edits"]["dedup_lines"].as_u64()),
        (Some(2), Some(2))
    );
    bench.run(&["index", "p.toml", "in.jsonl", "--output", "index"]).expect(0);
    bench.run(&["run", "p.toml", "--output", "itself"]).expect(0);
    let manifest = bench.json("itself/manifest.json");
    assert_eq!(
        (manifest["kept"].as_u64(), manifest["removed"]["dedup_lines.min_chars"].as_u64()),
        (Some(0), Some(2))
    );
}

#[test]
fn near_duplicates_of_earlier_documents_are_removed_and_against_itself_everything_is() {
    let minhash = "dedup_minhash = { ngram = 3, rows = 4, against = [\"index\"] }";
    let pipeline = PIPELINE.replace("dedup_exact = { against = [\"index\"] }", minhash);
    let bench = Workbench::new();
    let old = texts(40, 1);
    let mut new = texts(30, 2);
    for (i, of) in [(3, 7), (4, 7), (9, 30)] {
        new[i] = format!("Hark {i}! {}", old[of]);
    }
    // Near an earlier near copy, and near a document of the input alone.
    new[12] = new[11].replacen("river", "brook", 1) + " Amen.";
    bench.write_documents("old.jsonl", "old", old);
    bench.write_documents("in.jsonl", "new", new);
    bench.write("p.toml", &pipeline);
    bench.run(&["index", "p.toml", "old.jsonl", "--output", "index"]).expect(0);
    bench.run(&["run", "p.toml"]).expect(0);
    bench.run(&["verify", "out"]).expect(0);
    for (id, of) in
        [("new-3", "old-7"), ("new-4", "old-7"), ("new-9", "old-30"), ("new-12", "new-11")]
    {
        bench.run(&["why", "out", id]).expect(0).says(&[&format!("like {of}, which it kept")]);
    }
    assert_eq!(bench.json("out/manifest.json")["kept"], 26);
    bench
        .run(&["run", "p.toml", "--output", "again", "--threads", "1", "--memory", "64MiB"])
        .expect(0);
    assert_eq!(bench.dataset("out"), bench.dataset("again"));
    bench.run(&["index", "p.toml", "in.jsonl", "--output", "index"]).expect(0);
    bench.run(&["run", "p.toml", "--output", "itself"]).expect(0);
    assert_eq!(bench.json("itself/manifest.json")["kept"], 0);
    for keep in ["longest", "shortest"] {
        let kept = pipeline.replace("ngram = 3", &format!("ngram = 3, keep = \"{keep}\""));
        bench.write("keep.toml", kept);
        bench.run(&["run", "keep.toml", "--output", keep]).expect(0);
        assert_eq!(
            bench.json(&format!("{keep}/manifest.json"))["kept"],
            0,
            "earlier documents stay, whatever `keep` says"
        );
    }
}
