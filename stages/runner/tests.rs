//! The runner alone: conservation, resuming, and the same bytes however the work is done.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};

use super::*;
use crate::config::Input;
use crate::pipeline::{Pipeline, StageConfig};
use crate::source::list;

/// Writes an input of several files: prose, copies, near copies, short and broken rows.
fn write_input(folder: &Path) -> Vec<String> {
    let mut paths = Vec::new();
    for file in 0..3 {
        let mut lines = String::new();
        for row in 0..120 {
            let number = file * 1000 + row;
            let text = match row % 6 {
                0 => "too short".to_owned(),
                1 => prose(1),
                2 => format!("{} This is the end of {number}.", prose(file * 40 + row / 12)),
                _ => prose(number),
            };
            let id = serde_json::json!({ "id": format!("d{number}"), "text": text, "n": row });
            lines += &format!("{id}\n");
        }
        if file == 1 {
            lines += "{ no json\n";
        }
        let path = folder.join(format!("{file}.jsonl"));
        fs::write(&path, lines).unwrap();
        paths.push(path.to_string_lossy().into_owned());
    }
    paths
}

fn prose(number: usize) -> String {
    let words = ["river", "stone", "house", "garden", "winter", "letter", "silver", "morning"];
    let word = |i: usize| words[(number * 7 + i * i * 3 + (number >> (i % 7))) % words.len()];
    let sentence = |s: usize| {
        let words: Vec<_> =
            (0..9).map(|i| format!("{}{}", word(s * 9 + i), (number + s) % 97)).collect();
        format!("The {} of the {number}.", words.join(" "))
    };
    (0..10).map(sentence).collect::<Vec<_>>().join(" ")
}

fn pipeline(paths: Vec<String>, dir: &Path) -> Pipeline {
    let stages = serde_json::json!([
        { "filter": [{ "gopher_quality": { "min_words": 10, "min_stop_words": 1 } }] },
        { "dedup_exact": {} },
        { "dedup_minhash": {} },
        { "tokenize": { "train": { "vocab_size": 400 } } },
        { "shards": { "shard_tokens": 20_000, "validation_ratio": 0.1 } },
    ]);
    let stages: Vec<StageConfig> = serde_json::from_value(stages).unwrap();
    let input = Input { paths, max_unreadable: 1, ..Input::default() };
    let mut pipeline = Pipeline { input, stages, ..Pipeline::default() };
    pipeline.output.dir = dir.to_string_lossy().into_owned();
    pipeline
}

/// Small sizes, so that there are several tasks and parts.
fn plan(pipeline: &Pipeline) -> Plan {
    let files = list(&pipeline.input).unwrap();
    Plan::with_sizes(pipeline.clone(), files, 1, 20_000).unwrap()
}

/// Interrupts the run when it was asked `n` times.
struct Patience(AtomicI64);

impl Watch for Patience {
    fn is_interrupted(&self) -> bool {
        self.0.fetch_sub(1, Ordering::Relaxed) <= 0
    }
}

fn run(pipeline: &Pipeline, n_threads: usize, memory: u64) -> Committed {
    let watch = Patience(AtomicI64::new(i64::MAX));
    let mut run = Run::new(plan(pipeline), n_threads, memory, &watch).unwrap();
    run.claim().unwrap();
    run_all(&run, n_threads).unwrap();
    commit(&run).unwrap()
}

/// Returns every file of a folder with its bytes.
fn bytes_of(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(dir).unwrap().to_owned();
                files.insert(name, fs::read(path).unwrap());
            }
        }
    }
    files
}

#[test]
fn every_row_is_accounted_for() {
    let folder = tempfile::tempdir().unwrap();
    let paths = write_input(folder.path());
    let committed = run(&pipeline(paths, &folder.path().join("out")), 2, 64 << 20);
    let Manifest { read, kept, removed, stages, tokens, .. } = committed.manifest;
    assert_eq!(read, 361);
    assert_eq!(read, kept + removed.values().sum::<u64>());
    assert_eq!(removed["unreadable"], 1);
    assert_eq!(removed["gopher_quality.min_words"], 60);
    assert_eq!(removed["dedup_exact"], 59, "the same text stands in all files 60 times");
    assert!(removed["dedup_minhash"] > 10, "{removed:?}");
    let mut entered = read - 1;
    for flow in stages {
        assert_eq!(flow.entered, entered, "{}", flow.name);
        entered = flow.left;
    }
    assert_eq!(entered, kept);
    assert_eq!(tokens["train"].documents + tokens["validation"].documents, kept);
    assert!(tokens["train"].shards > 2);
    let in_funnel: u64 = committed.tally.funnel.rows().iter().map(|row| row.documents).sum();
    assert_eq!(in_funnel, read);
}

#[test]
fn same_bytes_whatever_the_threads_and_the_memory() {
    let folder = tempfile::tempdir().unwrap();
    let paths = write_input(folder.path());
    let out = |name: &str| folder.path().join(name);
    run(&pipeline(paths.clone(), &out("a")), 1, 1 << 30);
    run(&pipeline(paths, &out("b")), 4, 0);
    let (a, b) = (bytes_of(&out("a")), bytes_of(&out("b")));
    assert!(a.contains_key(Path::new("manifest.json")));
    assert!(a.contains_key(Path::new("tokenizer/tokenizer.json")));
    assert_eq!(a.keys().collect::<Vec<_>>(), b.keys().collect::<Vec<_>>());
    for (name, bytes) in &a {
        assert!(*bytes == b[name], "{} differs", name.display());
    }
}

#[test]
fn same_bytes_after_any_number_of_interruptions() {
    let folder = tempfile::tempdir().unwrap();
    let paths = write_input(folder.path());
    let (undisturbed, disturbed) = (folder.path().join("a"), folder.path().join("b"));
    run(&pipeline(paths.clone(), &undisturbed), 2, 64 << 20);
    let pipeline = pipeline(paths, &disturbed);
    let mut n_interruptions = 0;
    loop {
        let watch = Patience(AtomicI64::new(25));
        let mut run = Run::new(plan(&pipeline), 2, 64 << 20, &watch).unwrap();
        run.claim().unwrap();
        match run_all(&run, 2) {
            Ok(()) => {
                commit(&run).unwrap();
                break;
            }
            Err(error) => {
                assert!(error.is::<Interrupted>() || format!("{error:#}").contains("interrupted"))
            }
        }
        n_interruptions += 1;
        assert!(n_interruptions < 100, "no progress");
    }
    assert!(n_interruptions > 3);
    assert!(bytes_of(&undisturbed) == bytes_of(&disturbed));
}

#[test]
fn too_many_unreadable_rows_leave_receipts_and_no_manifest() {
    let folder = tempfile::tempdir().unwrap();
    let mut pipeline = pipeline(write_input(folder.path()), &folder.path().join("out"));
    pipeline.input.max_unreadable = 0;
    let watch = Patience(AtomicI64::new(i64::MAX));
    let mut first = Run::new(plan(&pipeline), 2, 64 << 20, &watch).unwrap();
    first.claim().unwrap();
    run_all(&first, 2).unwrap();
    let error = format!("{:#}", commit(&first).err().unwrap());
    assert!(error.contains("1 rows could not be read"), "{error}");
    assert!(!folder.path().join("out/manifest.json").exists());
    drop(first);
    pipeline.input.max_unreadable = 1;
    // The higher limit asks for no task again.
    let watch = Patience(AtomicI64::new(0));
    let mut again = Run::new(plan(&pipeline), 2, 64 << 20, &watch).unwrap();
    again.claim().unwrap();
    run_all(&again, 2).unwrap();
    commit(&again).unwrap();
}

#[test]
fn a_changed_stage_runs_again_from_the_first_step_it_changes() {
    let folder = tempfile::tempdir().unwrap();
    let pipeline = pipeline(write_input(folder.path()), &folder.path().join("out"));
    let mut changed = pipeline.clone();
    changed.stages[3] = serde_json::from_value(
        serde_json::json!({ "tokenize": { "train": { "vocab_size": 500 } } }),
    )
    .unwrap();
    let (before, after) = (plan(&pipeline), plan(&changed));
    let same = |(a, b): &(&Step, &Step)| a.fingerprint == b.fingerprint;
    let n_same = before.steps.iter().zip(&after.steps).take_while(same).count();
    assert_eq!(before.steps[n_same].name, "scan-tokenize");
}

#[test]
fn duplicate_ids_are_counted_and_stay() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.jsonl");
    let ids = ["a", "b", "a", "c", "a", "b"];
    let line = |(i, id): (usize, &&str)| format!("{{\"id\": \"{id}\", \"text\": \"{i}\"}}\n");
    fs::write(&path, ids.iter().enumerate().map(line).collect::<String>()).unwrap();
    let paths = vec![path.to_string_lossy().into_owned()];
    let mut pipeline = pipeline(paths, &folder.path().join("out"));
    pipeline.stages.clear();
    let committed = run(&pipeline, 1, 64 << 20);
    assert_eq!(committed.manifest.duplicate_ids, 3);
    assert_eq!(committed.manifest.kept, 6);
    assert_eq!(committed.warnings, ["3 documents have the id of an earlier one"]);
}

#[test]
fn an_empty_file_is_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let mut paths = write_input(folder.path());
    let empty = folder.path().join("empty.jsonl");
    fs::write(&empty, "").unwrap();
    paths.push(empty.to_string_lossy().into_owned());
    let mut pipeline = pipeline(paths, &folder.path().join("out"));
    pipeline.stages.truncate(2);
    let committed = run(&pipeline, 2, 64 << 20);
    assert_eq!(committed.manifest.read, 361);
    assert_eq!(committed.warnings, ["empty.jsonl: holds no rows"]);
}

#[test]
fn a_limit_reads_the_first_documents_and_a_sample_a_share_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let mut pipeline = pipeline(write_input(folder.path()), &folder.path().join("out"));
    pipeline.stages.truncate(1);
    pipeline.input.limit = Some(130);
    let committed = run(&pipeline, 2, 64 << 20);
    assert_eq!(committed.manifest.read, 130, "the broken row stands behind the limit");
    let mut sampled = pipeline.clone();
    sampled.input.limit = None;
    sampled.input.sample = Some(0.5);
    sampled.output.dir = folder.path().join("sampled").to_string_lossy().into_owned();
    let manifest = run(&sampled, 2, 64 << 20).manifest;
    assert_eq!(manifest.read, 361);
    assert!((100..260).contains(&manifest.left_out), "{}", manifest.left_out);
    assert_eq!(
        manifest.read,
        manifest.left_out + manifest.kept + manifest.removed.values().sum::<u64>()
    );
}

#[test]
fn what_a_kill_behind_the_manifest_leaves_is_deleted_later() {
    let folder = tempfile::tempdir().unwrap();
    let pipeline = pipeline(write_input(folder.path()), &folder.path().join("out"));
    let work = folder.path().join("out/work");
    run(&pipeline, 2, 64 << 20);
    assert!(!work.exists());
    fs::create_dir(&work).unwrap();
    discard_work(&plan(&pipeline)).unwrap();
    assert!(!work.exists());
}

#[test]
fn an_input_that_changes_under_a_run_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let paths = write_input(folder.path());
    let pipeline = pipeline(paths.clone(), &folder.path().join("out"));
    let watch = Patience(AtomicI64::new(i64::MAX));
    let mut run = Run::new(plan(&pipeline), 1, 64 << 20, &watch).unwrap();
    run.claim().unwrap();
    fs::write(&paths[1], "{\"id\": \"x\", \"text\": \"y\"}\n").unwrap();
    let error = format!("{:#}", run_all(&run, 1).unwrap_err());
    assert!(error.contains("1.jsonl"), "{error}");
}

#[test]
fn a_folder_with_something_else_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let pipeline = pipeline(write_input(folder.path()), folder.path());
    let watch = Patience(AtomicI64::new(i64::MAX));
    let error = Run::new(plan(&pipeline), 1, 0, &watch).unwrap().claim().unwrap_err();
    assert!(format!("{error:#}").contains("did not write"));
}

#[test]
fn two_processes_cannot_work_in_one_folder() {
    let folder = tempfile::tempdir().unwrap();
    let pipeline = pipeline(write_input(folder.path()), &folder.path().join("out"));
    let watch = Patience(AtomicI64::new(i64::MAX));
    let mut first = Run::new(plan(&pipeline), 1, 0, &watch).unwrap();
    first.claim().unwrap();
    let error = Run::new(plan(&pipeline), 1, 0, &watch).unwrap().claim().unwrap_err();
    assert!(format!("{error:#}").contains("another process"));
}
