//! Near duplicates through the binary: which document stays, and what `check` says of the bands.

use serde_json::{Value, json};

use crate::workbench::{Workbench, assert_same, texts};

/// Documents `d0` to `d29`; `d10` to `d19` are `d0` to `d9` with a word more, and have a higher score.
fn workbench(keys: &str) -> Workbench {
    let bench = Workbench::new();
    let texts = texts(20, 3);
    let row = |i: usize| {
        let text = if (10..20).contains(&i) {
            format!("{}one", texts[i - 10])
        } else {
            texts[i % 20].clone()
        };
        let text = if i >= 20 { texts[i - 10].clone() } else { text };
        format!("{}\n", json!({ "id": format!("d{i}"), "text": text, "meta": { "score": i } }))
    };
    bench.write("in.jsonl", (0..30).map(row).collect::<String>());
    let pipeline = format!(
        "[input]\npaths = [\"in.jsonl\"]\n[output]\ndir = \"out\"\ndocuments = \"jsonl.zst\"\n\
         [[stage]]\ndedup_minhash = {{ {keys} }}\n"
    );
    bench.write("p.toml", pipeline);
    bench
}

/// Runs, verifies, and returns the ids that stay.
fn kept(bench: &Workbench) -> Vec<String> {
    kept_in(bench, "out")
}

/// The same, of a pipeline that writes into `folder`.
fn kept_in(bench: &Workbench, folder: &str) -> Vec<String> {
    bench.run(&["run", "p.toml"]).expect(0);
    bench.run(&["verify", folder]).expect(0);
    let mut ids = Vec::new();
    let mut files: Vec<_> = bench
        .path(&format!("{folder}/documents"))
        .read_dir()
        .unwrap()
        .map(Result::unwrap)
        .collect();
    files.sort_by_key(std::fs::DirEntry::path);
    for file in files {
        let bytes = zstd::stream::decode_all(std::fs::File::open(file.path()).unwrap()).unwrap();
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let row: Value = serde_json::from_slice(line).unwrap();
            ids.push(row["id"].as_str().unwrap().to_owned());
        }
    }
    ids
}

fn numbered(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|i| format!("d{i}")).collect()
}

#[test]
fn the_document_that_stays_is_the_one_that_keep_names() {
    let first = workbench("");
    assert_eq!(kept(&first), [numbered(0..10), numbered(20..30)].concat());
    let best = workbench("keep = \"max:meta.score\"");
    assert_eq!(kept(&best), numbered(10..30));
    let why = best.run(&["why", "out", "d3"]).expect(0);
    assert!(why.stderr.contains("d13") && why.stderr.contains("dedup_minhash"), "{}", why.stderr);
    assert_eq!(kept(&workbench("keep = \"longest\"")), numbered(10..30));
}

#[test]
fn the_same_dataset_comes_out_whatever_the_threads_and_memory() {
    let bench =
        workbench("keep = \"max:meta.score\", verify = \"signature\", unit = \"characters\"");
    bench.run(&["run", "p.toml", "--threads", "1"]).expect(0);
    bench.run(&["run", "p.toml", "--threads", "3", "--memory", "16MiB", "--output", "b"]).expect(0);
    assert_same(&bench.dataset("out"), &bench.dataset("b"), "threads and memory");
}

#[test]
fn check_prints_how_likely_a_pair_is_compared() {
    let out = workbench("").run(&["check", "p.toml"]).expect(0).stdout;
    assert!(out.contains("14 bands of 8 numbers") && out.contains("0.5645"), "{out}");
    let out = workbench("n_hashes = 256").run(&["check", "p.toml"]).expect(0).stdout;
    assert!(out.contains("25 bands of 10 numbers"), "{out}");
}

#[test]
fn a_keep_that_the_rows_lack_is_told() {
    let bench = workbench("keep = \"max:scroe\"");
    bench.run(&["run", "p.toml"]).expect(0).says(&["has a number there"]);
    let bench = workbench("keep = \"max:url\"");
    bench.run(&["check", "p.toml"]).expect(2).says(&["`keep` needs numbers", "`url`"]);
    let bench = workbench("keep = \"biggest\"");
    bench.run(&["check", "p.toml"]).expect(2).says(&["`biggest` is none of"]);
}

/// The second round parses only the documents of components; what it passes over is what the first round saw.
#[test]
fn rows_that_the_second_round_passes_over_lose_nothing() {
    let bench = workbench("");
    let text = std::fs::read_to_string(bench.path("in.jsonl")).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    for (at, line) in [(0, "{"), (3, ""), (17, r#"{"id": "x"}"#), (33, "not json")] {
        lines.insert(at, line);
    }
    bench.write("in.jsonl", lines.join("\n"));
    let pipeline = std::fs::read_to_string(bench.path("p.toml")).unwrap();
    bench.write("p.toml", pipeline.replace("[output]", "max_unreadable = 3\n[output]"));
    assert_eq!(kept(&bench), [numbered(0..10), numbered(20..30)].concat());
    let manifest: Value =
        serde_json::from_slice(&std::fs::read(bench.path("out/manifest.json")).unwrap()).unwrap();
    assert_eq!((&manifest["read"], &manifest["kept"]), (&json!(33), &json!(20)));
    assert_eq!(manifest["removed"], json!({ "dedup_minhash": 10, "unreadable": 3 }));

    let pipeline = std::fs::read_to_string(bench.path("p.toml")).unwrap();
    let sampled =
        pipeline.replace("[output]", "sample = 0.6\n[output]").replace("\"out\"", "\"some\"");
    bench.write("p.toml", sampled);
    bench.run(&["run", "p.toml"]).expect(0);
    bench.run(&["verify", "some"]).expect(0);
}

/// DCLM's bff puts a document and its paragraphs into one filter, sees each of them twice, and removes nine in ten.
#[test]
fn grains_that_follow_one_another_see_no_copy_in_what_stands_once() {
    let bench = Workbench::new();
    let row = |(i, text): (usize, &String)| {
        let text = format!("{text}\n\n{text} {i}\nlast line of {i}");
        format!("{}\n", json!({ "id": format!("d{i}"), "text": text }))
    };
    bench.write("in.jsonl", texts(20, 3).iter().enumerate().map(row).collect::<String>());
    let stages =
        ["dedup_exact", "dedup_minhash", "dedup_paragraphs", "dedup_lines", "dedup_sentences"]
            .map(|name| format!("[[stage]]\n{name} = {{}}\n"));
    bench.write(
        "p.toml",
        format!(
            "[input]\npaths = [\"in.jsonl\"]\n[output]\ndir = \"out\"\ndocuments = \"jsonl.zst\"\n{}",
            stages.concat()
        ),
    );
    assert_eq!(kept(&bench), numbered(0..20));
}

/// Of JSONL the second round parses single rows, of CSV all: both know the same documents, block after block.
#[test]
fn as_many_near_duplicates_are_found_whatever_the_second_round_parses() {
    let bench = Workbench::new();
    let originals = texts(4_000, 5);
    // Every seventh document is one of those before it with a word more, within its block or far behind it.
    let text = |i: usize| match i % 7 {
        6 => format!("{}one", originals[(i * i / 3 + 7) % i / 7 * 7]),
        _ => originals[i].clone(),
    };
    let (mut jsonl, mut csv) = (String::new(), "id,text\n".to_owned());
    for i in 0..originals.len() {
        jsonl.push_str(&format!("{}\n", json!({ "id": format!("d{i}"), "text": text(i) })));
        csv.push_str(&format!("d{i},\"{}\"\n", text(i)));
    }
    assert!(jsonl.len() > 2 << 20, "{} bytes are too few blocks", jsonl.len());
    let kept = ["jsonl", "csv"].map(|ending| {
        bench.write(&format!("in.{ending}"), if ending == "csv" { &csv } else { &jsonl });
        bench.write(
            "p.toml",
            format!(
                "[input]\npaths = [\"in.{ending}\"]\n[output]\ndir = \"{ending}\"\n\
                 documents = \"jsonl.zst\"\n[[stage]]\ndedup_minhash = {{}}\n"
            ),
        );
        kept_in(&bench, ending)
    });
    assert_eq!(kept[0], kept[1]);
    let n_copies = originals.len() / 7;
    assert!(kept[0].len() < originals.len() - n_copies * 9 / 10, "{} are kept", kept[0].len());
}
