//! Exit codes, streams and messages of the commands.

use std::io::Read;
use std::process::Stdio;

use crate::workbench::{Workbench, texts};

const PIPELINE: &str = r#"
[input]
paths = ["in.jsonl"]
[output]
dir = "out"
[[stage]]
dedup_exact = {}
"#;

/// A finished dataset of ten documents, two of which are copies.
fn finished() -> Workbench {
    let bench = Workbench::new();
    let mut documents = texts(10, 1);
    documents[7] = documents[2].clone();
    documents[9] = documents[2].clone();
    bench.write_documents("in.jsonl", "doc", documents);
    bench.write("p.toml", PIPELINE);
    bench.run(&["run", "p.toml"]).expect(0);
    bench
}

#[test]
fn a_wrong_command_line_exits_with_2() {
    let bench = Workbench::new();
    assert!(
        bench
            .run(&["rnu"])
            .expect(2)
            .says(&["unrecognized subcommand", "Usage: corpusmill"])
            .stdout
            .is_empty()
    );
    bench.run(&[]).expect(2);
    bench.run(&["run"]).expect(2);
    bench.run(&["run", "p.toml", "--threads", "0"]).expect(2).says(&["expected 1 or more"]);
    bench.run(&["run", "p.toml", "--memory", "4"]).expect(2).says(&["has no unit"]);
    bench.run(&["run", "p.toml", "--device", "tpu"]).expect(2).says(&["expected cpu, cuda"]);
}

#[test]
fn help_and_version_are_data_and_exit_with_0() {
    let bench = Workbench::new();
    let help = bench.run(&["--help"]).expect(0);
    assert!(help.stdout.contains("Usage: corpusmill <COMMAND>") && help.stderr.is_empty());
    for command in
        ["init", "check", "run", "status", "why", "verify", "rules", "tokenizer", "classifier"]
    {
        assert!(help.stdout.contains(&format!("  {command} ")), "{command}: {}", help.stdout);
        bench.run(&[command, "--help"]).expect(0);
    }
    assert!(bench.run(&["--version"]).expect(0).stdout.starts_with("corpusmill "));
}

#[test]
fn a_missing_pipeline_file_exits_with_2_and_is_named() {
    Workbench::new()
        .run(&["run", "no.toml"])
        .expect(2)
        .says(&["corpusmill: no.toml: No such file"]);
}

#[test]
fn a_missing_input_exits_with_2_before_anything_is_written() {
    let bench = Workbench::new();
    bench.write("p.toml", PIPELINE);
    bench.run(&["run", "p.toml"]).expect(2).says(&["in.jsonl: no such file", "hint: "]);
    assert!(!bench.path("out").exists());
}

#[test]
fn a_missing_column_exits_with_2_before_anything_is_written() {
    let bench = Workbench::new();
    bench.write("in.csv", "id,body\n1,text\n");
    bench.write("p.toml", PIPELINE.replace("in.jsonl", "in.csv"));
    for command in ["check", "run"] {
        bench.run(&[command, "p.toml"]).expect(2).says(&[
            "in.csv: no column `text`",
            "id, body",
            "hint: ",
        ]);
    }
    assert!(!bench.path("out").exists());
}

#[test]
fn a_column_that_a_rule_needs_and_no_file_has_exits_with_2() {
    let bench = Workbench::new();
    bench.write("in.csv", "id,text\n1,x\n");
    let head = "[input]\npaths = [\"in.csv\"]\n[output]\ndir = \"out\"\n";
    bench.write("p.toml", format!("{head}[[stage]]\nfilter = [{{ url = {{}} }}]\n"));
    for command in ["check", "run"] {
        bench
            .run(&[command, "p.toml"])
            .expect(2)
            .says(&["`url` needs a column `url`", "hint: say where"]);
    }
    assert!(!bench.path("out").exists());
}

#[test]
fn init_prints_a_pipeline_that_check_takes() {
    let bench = Workbench::new();
    let starter = bench.run(&["init"]).expect(0).stdout;
    bench.write("web.toml", &starter);
    bench.write_documents("raw/a.jsonl", "a", texts(3, 1));
    bench.run(&["check", "web.toml"]).expect(2).says(&["raw/*.jsonl.zst: matches no file"]);
    bench.write("web.toml", starter.replace("*.jsonl.zst", "*.jsonl"));
    let check = bench.run(&["check", "web.toml"]).expect(0);
    for part in
        ["input   1 files", "scan-dedup_minhash-1", "memory  at most", "disk    about", "train"]
    {
        assert!(check.stdout.contains(part), "{part}: {}", check.stdout);
    }
}

#[test]
fn check_touches_nothing() {
    let bench = Workbench::new();
    bench.write_documents("in.jsonl", "a", texts(3, 1));
    bench.write("p.toml", PIPELINE);
    bench.run(&["check", "p.toml"]).expect(0);
    assert!(!bench.path("out").exists());
}

#[test]
fn a_folder_that_holds_something_else_is_refused() {
    let bench = Workbench::new();
    bench.write_documents("in.jsonl", "a", texts(3, 1));
    bench.write("p.toml", PIPELINE);
    bench.write("out/thesis.txt", "ten years of work");
    for command in ["check", "run", "plan"] {
        bench
            .run(&[command, "p.toml"])
            .expect(2)
            .says(&["holds something that corpusmill did not write", "hint: "]);
    }
    assert_eq!(std::fs::read_dir(bench.path("out")).unwrap().count(), 1);
}

#[test]
fn a_finished_dataset_is_reported_again_and_never_changed() {
    let bench = finished();
    let before = bench.dataset("out");
    bench.run(&["run", "p.toml"]).expect(0).says(&["the dataset is complete"]);
    bench.write("p.toml", format!("seed = 1\n{PIPELINE}"));
    for command in ["check", "run", "plan"] {
        bench
            .run(&[command, "p.toml"])
            .expect(2)
            .says(&["holds a finished dataset of another pipeline", "hint: "]);
    }
    assert_eq!(bench.dataset("out"), before);
    bench.run(&["run", "p.toml", "--output", "other"]).expect(0);
}

#[test]
fn status_tells_how_far_a_dataset_is() {
    let bench = finished();
    assert!(bench.run(&["status", "out"]).expect(0).stdout.contains("8 of 10 documents kept"));
    bench.run(&["status", "."]).expect(2).says(&["is no dataset"]);
    bench.write("p.toml", PIPELINE.replace("\"out\"", "\"planned\""));
    let steps = bench.run(&["plan", "p.toml"]).expect(0).stdout;
    let steps: Vec<serde_json::Value> = serde_json::from_str(&steps).unwrap();
    assert_eq!(steps[0]["name"], "scan-dedup_exact");
    bench.run(&["task", "planned/work/plan.json", "0", "0"]).expect(0);
    let status = bench.run(&["status", "planned", "--json"]).expect(0).stdout;
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    assert_eq!((&status["steps"][0]["done"], &status["steps"][1]["done"]), (&1.into(), &0.into()));
    bench.run(&["verify", "planned"]).expect(2).says(&["not finished"]);
}

#[test]
fn an_engine_makes_the_same_bytes_task_by_task() {
    let bench = finished();
    let steps = bench.run(&["plan", "p.toml", "--output", "engine"]).expect(0).stdout;
    let steps: Vec<serde_json::Value> = serde_json::from_str(&steps).unwrap();
    let plan = "engine/work/plan.json";
    bench.run(&["commit", plan]).expect(1).says(&["not done yet"]);
    for (number, step) in steps.iter().enumerate() {
        for task in (0..step["n_tasks"].as_u64().unwrap()).rev() {
            bench.run(&["task", plan, &number.to_string(), &task.to_string()]).expect(0);
        }
    }
    bench.run(&["task", plan, "99", "0"]).expect(1).says(&["no step 99"]);
    bench.run(&["commit", plan]).expect(0).says(&["kept"]);
    assert_eq!(bench.dataset("engine"), bench.dataset("out"));
}

#[test]
fn why_tells_the_fate_of_a_document() {
    let bench = finished();
    let kept = bench.run(&["why", "out", "doc-2"]).expect(0).says(&["doc-2", ": kept"]);
    let removed = bench.run(&["why", "out", "doc-7"]).expect(0);
    let removed = removed.says(&["removed by dedup_exact: 1.000 like doc-2, which it kept"]);
    assert_eq!(kept.stdout, removed.stdout, "copies have the same text");
    let json = bench.run(&["why", "out", "doc-9", "--json"]).expect(0).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["kept"], &json["duplicate_of"]), (&false.into(), &"doc-2".into()));
    let by_place = bench.run(&["why", "out", "in.jsonl:9"]).expect(0);
    by_place.says(&["doc-9", "file in.jsonl"]);
    bench
        .run(&["why", "out", "doc-99"])
        .expect(1)
        .says(&["there is no document `doc-99`", "hint: "]);
}

#[test]
fn verify_finds_a_changed_byte_and_a_stray_file() {
    let bench = finished();
    bench.run(&["verify", "out"]).expect(0).says(&["8 documents"]);
    let name =
        bench.dataset("out").into_keys().find(|name| name.starts_with("documents/")).unwrap();
    let path = format!("out/{name}");
    let mut bytes = std::fs::read(bench.path(&path)).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    bench.write(&path, &bytes);
    bench.write("out/documents/notes.txt", "mine");
    let verified = bench.run(&["verify", "out"]).expect(1);
    assert!(
        verified.stdout.contains(&format!("{name}: its bytes are not those that were written"))
    );
    assert!(verified.stdout.contains("documents/notes.txt: the manifest does not know this file"));
}

#[test]
fn rules_have_manual_pages() {
    let bench = Workbench::new();
    let all = bench.run(&["rules"]).expect(0).stdout;
    assert!(all.contains("gopher_quality     Quality rules of Gopher."), "{all}");
    let page = bench.run(&["rules", "gopher_quality"]).expect(0).stdout;
    assert!(page.contains("Source: Rae et al. 2021") && page.contains("min_words = 50"), "{page}");
    let json: serde_json::Value =
        serde_json::from_str(&bench.run(&["rules", "--json"]).expect(0).stdout).unwrap();
    assert!(json.as_array().unwrap().len() > 5);
    bench.run(&["rules", "gopher_qualty"]).expect(2).says(&["did you mean `gopher_quality`?"]);
}

#[test]
fn a_tokenizer_is_trained_and_brings_text_back() {
    let bench = Workbench::new();
    bench.write_documents("in.jsonl", "a", texts(50, 3));
    bench
        .run(&["tokenizer", "train", "in.jsonl", "--vocab-size", "600", "--output", "t.json"])
        .expect(0)
        .says(&["t.json: ", "ids from 50 documents"]);
    let text = "the river of 数据清洗, and \u{1f600}\n";
    let ids = bench.run_with(&["tokenizer", "encode", "t.json"], text.as_bytes()).expect(0).stdout;
    let back = bench.run_with(&["tokenizer", "decode", "t.json"], ids.as_bytes()).expect(0).stdout;
    assert_eq!(back, text);
    bench
        .run(&["tokenizer", "train", "in.jsonl", "--vocab-size", "10"])
        .expect(2)
        .says(&["vocab_size: 10"]);
    bench.run_with(&["tokenizer", "decode", "t.json"], b"1 x").expect(1).says(&["`x` is no id"]);
}

#[test]
fn a_classifier_is_trained_and_measured() {
    let bench = Workbench::new();
    let row = |i: usize| {
        let (label, word) =
            if i.is_multiple_of(2) { ("good", "river") } else { ("bad", "免费领取") };
        format!("{}\n", serde_json::json!({ "text": format!("{word} {i} {word}"), "label": label }))
    };
    bench.write("labelled.jsonl", (0..60).map(row).collect::<String>());
    bench
        .run(&["classifier", "train", "labelled.jsonl", "--output", "m", "--hash-bits", "12"])
        .expect(0)
        .says(&["labels bad, good", "accuracy 1.000"]);
    let measured = bench.run(&["classifier", "evaluate", "m", "labelled.jsonl"]).expect(0).stdout;
    let measured: serde_json::Value = serde_json::from_str(&measured).unwrap();
    assert_eq!(measured["accuracy"], 1.0);
    bench.write("broken.jsonl", "{\"text\": \"a\"}\n");
    bench
        .run(&["classifier", "train", "broken.jsonl"])
        .expect(2)
        .says(&["broken.jsonl: line 1", "label"]);
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let bench = Workbench::new();
    let mut command = bench.command(&["rules", "--json"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!((child.wait().unwrap().code(), stderr.as_str()), (Some(0), ""));
}

#[test]
fn quiet_runs_say_nothing() {
    let bench = Workbench::new();
    bench.write_documents("in.jsonl", "a", texts(3, 1));
    bench.write("p.toml", PIPELINE);
    let run = bench.run(&["run", "p.toml", "-q"]).expect(0);
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""));
}
