//! Whole runs: rows are conserved, the same bytes come out however a run went, and nothing is lost when it stops.

use std::time::{Duration, Instant};

use crate::workbench::{Workbench, assert_same, fixtures, texts};

/// Every kind of step: filters, both deduplications, tokenizer, shuffle.
const PIPELINE: &str = r#"
[input]
paths = ["in/*.jsonl"]

[output]
dir = "out"

[[stage]]
filter = [
  { language = {} },
  { gopher_quality = { min_words = 20, min_stop_words = false, min_letter_word_ratio = false } },
  { pii = {} },
]

[[stage]]
dedup_exact = {}

[[stage]]
dedup_minhash = { ngram = 3, bands = 14, rows = 4 }

[[stage]]
tokenize = { train = { vocab_size = 500 } }

[[stage]]
shards = { shard_tokens = 50_000, validation_ratio = 0.2 }
"#;

/// Three files with copies, near copies, short pages and personal data.
fn workbench(pipeline: &str) -> Workbench {
    let bench = Workbench::new();
    let mut all = texts(600, 5);
    for i in (0..600).step_by(10) {
        all[i] = all[(i + 31) % 600].clone();
    }
    for i in (3..600).step_by(20) {
        all[i] = all[i + 2].replacen("river", "brook", 1);
    }
    for i in (5..600).step_by(25) {
        all[i] = format!("too short {i}");
    }
    all[8].push_str(" Write to someone@example.org or call +1 202 555 0143.");
    all[599] = String::new();
    for (file, part) in all.chunks(200).enumerate() {
        bench.write_documents(&format!("in/{file}.jsonl"), &format!("f{file}"), part.to_vec());
    }
    bench.write("p.toml", pipeline);
    bench
}

#[test]
fn every_row_is_kept_or_removed_with_a_cause() {
    let bench = workbench(PIPELINE);
    bench.run(&["run", "p.toml"]).expect(0).says(&[
        "read",
        "gopher_quality.min_words",
        "dedup_exact",
        "kept",
    ]);
    let report = bench.json("out/report.json");
    let number = |value: &serde_json::Value| value.as_u64().unwrap();
    let sum =
        |value: &serde_json::Value| value.as_object().unwrap().values().map(number).sum::<u64>();
    assert_eq!(number(&report["read"]), 600);
    assert_eq!(number(&report["read"]), number(&report["kept"]) + sum(&report["removed"]));
    let stages = report["stages"].as_array().unwrap();
    let names: Vec<_> = stages.iter().map(|stage| stage["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["filter", "dedup_exact", "dedup_minhash", "tokenize"]);
    let mut entering = 600;
    for stage in stages {
        assert_eq!(number(&stage["seen"]), entering, "{stage}");
        assert_eq!(
            number(&stage["seen"]),
            number(&stage["kept"]) + sum(&stage["removed"]),
            "{stage}"
        );
        entering = number(&stage["kept"]);
    }
    assert_eq!(entering, number(&report["kept"]));
    for cause in ["gopher_quality.min_words", "dedup_exact", "dedup_minhash"] {
        assert!(number(&report["removed"][cause]) > 10, "{cause}: {}", report["removed"]);
    }
    assert_eq!(number(&report["edits"]["pii"]), 2);
    let funnel = report["funnel"].as_array().unwrap();
    assert_eq!(funnel.iter().map(|row| number(&row["documents"])).sum::<u64>(), 600);
    bench.run(&["verify", "out"]).expect(0).says(&["documents decoded from their tokens"]);
    assert!(!bench.path("out/work").exists());
}

#[test]
fn same_bytes_with_one_and_two_threads_and_little_memory() {
    let bench = workbench(PIPELINE);
    bench.run(&["run", "p.toml", "--threads", "1"]).expect(0);
    let expected = bench.dataset("out");
    assert!(expected.len() > 8, "{:?}", expected.keys());
    bench.run(&["run", "p.toml", "--threads", "2", "--output", "two"]).expect(0);
    assert_same(&expected, &bench.dataset("two"), "two threads");
    bench
        .run(&["run", "p.toml", "--threads", "3", "--memory", "1MiB", "--output", "small"])
        .expect(0);
    assert_same(&expected, &bench.dataset("small"), "a megabyte of memory");
}

#[test]
fn a_run_that_is_killed_goes_on_to_the_same_bytes() {
    let bench = workbench(PIPELINE);
    let begin = Instant::now();
    bench.run(&["run", "p.toml"]).expect(0);
    let (whole, expected) = (begin.elapsed(), bench.dataset("out"));
    let mut n_killed = 0;
    for moment in 1..8 {
        let output = format!("killed-{moment}");
        let args = ["run", "p.toml", "--output", &output];
        let mut child = bench.command(&args).stderr(std::process::Stdio::null()).spawn().unwrap();
        std::thread::sleep(whole * moment / 8);
        child.kill().unwrap();
        child.wait().unwrap();
        n_killed += u32::from(!bench.path(&output).join("manifest.json").exists());
        bench.run(&args).expect(0);
        assert_same(&expected, &bench.dataset(&output), &format!("killed at {moment}/8"));
    }
    assert!(n_killed > 0, "no run was killed before its end");
}

#[cfg(unix)]
#[test]
fn ctrl_c_stops_a_run_that_can_go_on() {
    let bench = workbench(&PIPELINE.replace("in/*.jsonl", "many/*.jsonl"));
    for file in 0..20 {
        bench.write_documents(
            &format!("many/{file}.jsonl"),
            &format!("m{file}"),
            texts(400, 100 + file),
        );
    }
    let args = ["run", "p.toml"];
    let mut child = bench.command(&args).stderr(std::process::Stdio::piped()).spawn().unwrap();
    // The plan is written when the work begins.
    let begin = Instant::now();
    while !bench.path("out/work/plan.json").exists() && begin.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(5));
    }
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let mut stderr = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut stderr).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{stderr}");
    assert!(stderr.contains("interrupted\nhint: the same command goes on from here"), "{stderr}");
    assert!(!bench.path("out/manifest.json").exists());
    bench.run(&args).expect(0);
}

/// A limit on the size of a file stands in for a full disk, which needs a file system of its own and root: the write
/// fails in the same place, with EFBIG in place of ENOSPC.
#[cfg(unix)]
#[test]
fn a_write_that_fails_is_an_error_and_never_a_short_file() {
    let bench = workbench(PIPELINE);
    bench.run(&["run", "p.toml", "--output", "whole"]).expect(0);
    let expected = bench.dataset("whole");
    let mut n_failed = 0;
    for kilobytes in [1, 16, 64] {
        let script = format!("trap '' XFSZ; ulimit -f {kilobytes}; exec \"$0\" run p.toml");
        let mut command = std::process::Command::new("bash");
        command.args(["-c", &script, env!("CARGO_BIN_EXE_corpusmill")]);
        let output = command.current_dir(bench.path("")).output().unwrap();
        if output.status.success() {
            continue;
        }
        n_failed += 1;
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains("File too large") && stderr.contains("out/"), "{stderr}");
        assert!(!bench.path("out/manifest.json").exists());
    }
    assert!(n_failed > 0, "every file fitted into a kilobyte");
    bench.run(&["run", "p.toml"]).expect(0);
    assert_same(&expected, &bench.dataset("out"), "after the disk was full");
}

#[test]
fn an_input_that_changes_after_the_plan_is_an_error() {
    let bench = workbench(PIPELINE);
    bench.run(&["plan", "p.toml"]).expect(0);
    bench.write("in/1.jsonl", "{\"text\": \"another\"}\n");
    bench.run(&["task", "out/work/plan.json", "0", "0"]).expect(1).says(&["in/1.jsonl: changed"]);
    // A new run plans again.
    bench.run(&["run", "p.toml"]).expect(0);
}

#[test]
fn a_changed_pipeline_in_an_unfinished_folder_starts_where_it_changed() {
    let bench = workbench(PIPELINE);
    bench.run(&["plan", "p.toml"]).expect(0);
    bench.run(&["task", "out/work/plan.json", "0", "0"]).expect(0);
    bench.write("p.toml", PIPELINE.replace("vocab_size = 500", "vocab_size = 400"));
    bench.run(&["run", "p.toml"]).expect(0);
    bench.run(&["run", "p.toml", "--output", "fresh"]).expect(0);
    assert_same(&bench.dataset("fresh"), &bench.dataset("out"), "a changed pipeline");
}

#[test]
fn a_second_process_in_one_folder_is_refused() {
    let bench = workbench(PIPELINE);
    bench.run(&["plan", "p.toml"]).expect(0);
    let lock = std::fs::File::create(bench.path("out/work/lock")).unwrap();
    lock.lock().unwrap();
    bench.run(&["run", "p.toml"]).expect(1).says(&["another process works in this folder"]);
}

#[test]
fn samples_and_limits_make_trial_runs() {
    let bench = workbench(&PIPELINE.replace("[output]", "sample = 0.25\n[output]"));
    bench.run(&["run", "p.toml", "--until", "dedup_exact"]).expect(0);
    let report = bench.json("out/report.json");
    let left_out = report["left_out"].as_u64().unwrap();
    assert!((380..520).contains(&left_out), "{left_out}");
    assert!(!bench.path("out/tokens").exists());
    bench.write("p.toml", PIPELINE.replace("[output]", "limit = 250\n[output]"));
    bench.run(&["run", "p.toml", "--until", "filter", "--output", "limited"]).expect(0);
    let report = bench.json("limited/report.json");
    assert_eq!(report["read"].as_u64().unwrap() - report["left_out"].as_u64().unwrap(), 250);
}

#[test]
fn documents_and_removed_rows_can_be_left_out() {
    let bench = workbench(&PIPELINE.replace(
        "[[stage]]\nfilter",
        "removed = \"none\"\ndocuments = \"none\"\n[[stage]]\nfilter",
    ));
    bench.run(&["run", "p.toml"]).expect(0);
    assert!(!bench.path("out/documents").exists() && !bench.path("out/removed").exists());
    bench.run(&["verify", "out"]).expect(0);
    bench.write(
        "p.toml",
        PIPELINE.replace(
            "[[stage]]\nfilter",
            "documents = \"jsonl.zst\"\nremoved = \"ids\"\n[[stage]]\nfilter",
        ),
    );
    bench.run(&["run", "p.toml", "--output", "jsonl"]).expect(0);
    bench.run(&["verify", "jsonl"]).expect(0);
    bench.run(&["why", "jsonl", "f0-8"]).expect(0).says(&["f0-8", "kept"]);
    let short = bench
        .run(&["why", "jsonl", "f0-5"])
        .expect(0)
        .says(&["gopher_quality.min_words: value 3, limit 20"]);
    assert!(short.stdout.is_empty(), "only ids were kept: {}", short.stdout);
}

#[test]
fn a_finished_dataset_is_the_input_of_the_next_pipeline() {
    let bench = workbench(PIPELINE);
    bench.run(&["run", "p.toml", "--until", "dedup_exact"]).expect(0);
    bench.write(
        "next.toml",
        "[input]\npaths = [\"out\"]\n[output]\ndir = \"next\"\n[[stage]]\ndedup_exact = {}\n",
    );
    bench.run(&["run", "next.toml"]).expect(0);
    let (first, next) = (bench.json("out/report.json"), bench.json("next/report.json"));
    assert_eq!(first["kept"], next["read"]);
    assert_eq!(next["read"], next["kept"], "deduplication of its own output removes nothing");
}

#[test]
fn a_model_is_trained_evaluated_and_not_trained_twice() {
    let model = "[train]\nhidden_size = 16\nnum_hidden_layers = 1\nintermediate_size = 32\nsequence_length = 16\n\
                 batch_size = 4\nsteps = 6\n[evaluate]\nmax_tokens = 500\n";
    let bench = workbench(&format!("{PIPELINE}{model}"));
    bench.run(&["run", "p.toml", "--threads", "1"]).expect(0).says(&[
        "train: ",
        "validation loss",
        "evaluate validation: ",
    ]);
    let report = bench.json("out/report.json");
    assert_eq!(report["train"]["steps"], 6);
    assert!(report["evaluate"]["scores"][0]["bits_per_byte"].as_f64().unwrap() > 0.0);
    let first = bench.dataset("out");
    bench.run(&["run", "p.toml"]).expect(0).says(&["the dataset is complete"]);
    assert_same(&first, &bench.dataset("out"), "a second run");
    bench.run(&["verify", "out"]).expect(0);
    let scores = bench.run(&["evaluate", "out", "--config", "p.toml", "-q"]).expect(0).stdout;
    let scores: serde_json::Value = serde_json::from_str(&scores).unwrap();
    assert_eq!(scores["scores"][0]["loss"], report["evaluate"]["scores"][0]["loss"]);
    let alone = bench
        .run(&["train", "out", "--config", "p.toml", "--output", "m", "--threads", "2", "-q"])
        .expect(0)
        .stdout;
    let alone: serde_json::Value = serde_json::from_str(&alone).unwrap();
    assert_eq!(
        alone["validation_loss"], report["train"]["validation_loss"],
        "two threads, the same weights"
    );
}

#[test]
fn the_corpus_of_the_quickstart_goes_through() {
    let bench = Workbench::new();
    let example = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/quickstart.toml");
    let text = std::fs::read_to_string(example).unwrap();
    let text = text.replace("fixtures/corpus", &fixtures("corpus"));
    let text = text.replace("fixtures/models", &fixtures("models"));
    bench.write("quickstart.toml", text);
    bench
        .run(&["run", "quickstart.toml", "--until", "shards"])
        .expect(0)
        .says(&["unreadable", "spam.max_count"]);
    let report = bench.json("out/quickstart/report.json");
    assert_eq!(report["unreadable"], 11);
    assert_eq!(report["tokens"].as_object().unwrap().len(), 2);
    bench.run(&["verify", "out/quickstart"]).expect(0);
    let why = bench.run(&["why", "out/quickstart", "broken_rows.jsonl:3"]).expect(0);
    why.says(&["unreadable: "]);
}
