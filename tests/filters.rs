//! Filter stages as the user writes them: conditions, annotation, trials and tests of a pipeline file.

use std::fs::File;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::Float64Type;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::workbench::Workbench;

const CHINESE: &str = "上海的图书馆在星期二重新开放，很多人去看书。";

fn bench(stage: &str) -> Workbench {
    let bench = Workbench::new();
    let texts = ["Far too short.", CHINESE, "one two three four five six\n- a\n- b"];
    bench.write_documents("in.jsonl", "d", texts.map(str::to_owned));
    let head = "[input]\npaths = [\"in.jsonl\"]\n[output]\ndir = \"out\"\n[[stage]]\n";
    bench.write("web.toml", format!("{head}{stage}"));
    bench
}

fn documents(bench: &Workbench) -> RecordBatch {
    let folder = bench.path("out/documents").read_dir().unwrap();
    let files = folder.map(|entry| File::open(entry.unwrap().path()).unwrap());
    let batches: Vec<RecordBatch> = files
        .flat_map(|file| ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap())
        .map(|batch| batch.unwrap())
        .collect();
    concat_batches(batches[0].schema_ref(), &batches).unwrap()
}

fn ids(rows: &RecordBatch) -> Vec<&str> {
    rows.column_by_name("id").unwrap().as_string::<i32>().iter().flatten().collect()
}

#[test]
fn a_stage_that_annotates_keeps_every_row_as_it_is_and_writes_what_it_measured() {
    let bench = bench(
        "filter = [{ gopher_quality = { min_words = 5 } }, { c4 = {} }, { gopher_repetition = {} }]\nmode = \"annotate\"",
    );
    bench.run(&["run", "web.toml"]).expect(0);
    let rows = documents(&bench);
    assert_eq!(ids(&rows), ["d-0", "d-1", "d-2"]);
    let texts: Vec<_> = rows.column_by_name("text").unwrap().as_string::<i32>().iter().collect();
    assert_eq!(texts[2], Some("one two three four five six\n- a\n- b"), "c4 would have cut lines");
    let column =
        |name: &str| rows.column_by_name(name).unwrap().as_primitive::<Float64Type>().clone();
    let words = column("gopher_quality.min_words");
    assert_eq!([words.value(0), words.value(2)], [3.0, 8.0]);
    let bullets = column("gopher_quality.max_bullet_line_ratio");
    assert!((bullets.value(2) - 2.0 / 3.0).abs() < 1e-12);
    let broken = rows.column_by_name("broken").unwrap().as_list::<i32>().clone();
    let first = broken.value(0);
    let first: Vec<_> = first.as_string::<i32>().iter().flatten().collect();
    assert_eq!(first[..2], ["gopher_quality.min_words", "gopher_quality.min_letter_word_ratio"]);
    assert_eq!(column("gopher_repetition.max_duplicate_10gram_char_ratio").null_count(), 0);
    bench.run(&["verify", "out"]).expect(0);
}

#[test]
fn thresholds_tell_what_other_limits_would_remove() {
    let bench = bench(
        "filter = [{ gopher_quality = { min_words = 5, min_stop_words = false } }]\nmode = \"annotate\"",
    );
    bench.run(&["thresholds", "out"]).expect(2);
    bench.run(&["run", "web.toml"]).expect(0);
    let shown = bench.run(&["thresholds", "out", "--check", "min_words"]).expect(0).stdout;
    let expected =
        "gopher_quality.min_words: measured in 3 documents; now 1 break it, 0 of them nothing else";
    assert!(shown.starts_with(expected), "{shown}");
    let json = bench.run(&["thresholds", "out", "--json"]).expect(0).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["documents"], 3);
    bench.run(&["thresholds", "out", "--check", "nonsense"]).expect(1);
    let summed = bench.run(&["statistics", "out", "--by", "language", "--json"]).expect(0).stdout;
    let summed: serde_json::Value = serde_json::from_str(&summed).unwrap();
    assert_eq!(summed["groups"][0]["checks"]["gopher_quality.min_words"]["max"], 10.0);
    let plain = self::bench("filter = [{ pii = {} }]");
    plain.run(&["run", "web.toml"]).expect(0);
    let error = "no filter stage measured anything";
    plain.run(&["thresholds", "out"]).expect(1).says(&[error, "hint: write `mode = \"annotate\"`"]);
}

#[test]
fn a_column_of_the_input_is_never_overwritten_by_annotations() {
    let bench = bench("filter = [{ gopher_quality = {} }]\nmode = \"annotate\"");
    bench.run(&["run", "web.toml"]).expect(0);
    let again =
        "[input]\npaths = [\"out\"]\n[output]\ndir = \"again\"\n[[stage]]\nmode = \"annotate\"\n";
    bench.write("again.toml", format!("{again}filter = [{{ fineweb = {{}} }}]\n"));
    let error = "the input has a column `broken`";
    bench.run(&["check", "again.toml"]).expect(2).says(&[error, "hint: rename it"]);
    bench.run(&["run", "again.toml"]).expect(2).says(&[error]);
    // Two annotating stages of one pipeline share the column.
    let two = self::bench(
        "filter = [{ gopher_quality = {} }]\nmode = \"annotate\"\n[[stage]]\nmode = \"annotate\"\nfilter = [{ fineweb = {} }]",
    );
    two.run(&["run", "web.toml"]).expect(0);
    let rows = documents(&two);
    let broken = rows.column_by_name("broken").unwrap().as_list::<i32>().value(2);
    let broken: Vec<_> = broken.as_string::<i32>().iter().flatten().collect();
    assert!(broken.iter().any(|check| check.starts_with("gopher_quality.")), "{broken:?}");
    assert!(broken.iter().any(|check| check.starts_with("fineweb.")), "{broken:?}");
}

#[test]
fn what_an_annotating_stage_measures_is_what_a_removing_one_decides_by() {
    let rules = "filter = [{ gopher_quality = { min_words = 5 } }]\n";
    let removing = bench(rules);
    removing.run(&["run", "web.toml"]).expect(0);
    assert_eq!(ids(&documents(&removing)), ["d-1"]);
    let told = removing.run(&["why", "out", "d-0"]).expect(0);
    told.says(&["removed by gopher_quality.min_words: value 3, limit 5"]);
}

#[test]
fn a_stage_judges_only_what_its_conditions_fit() {
    let rule = "filter = [{ gopher_quality = { min_words = 1000 } }]\n";
    let when = bench(&format!("{rule}when = {{ language = \"zh\" }}"));
    when.run(&["run", "web.toml"]).expect(0);
    assert_eq!(ids(&documents(&when)), ["d-0", "d-2"]);
    let unless = bench(&format!("{rule}unless = {{ language = [\"zh\", \"ja\"] }}"));
    unless.run(&["run", "web.toml"]).expect(0);
    assert_eq!(ids(&documents(&unless)), ["d-1"]);
    let written = std::fs::read_to_string(unless.path("out/pipeline.toml")).unwrap();
    assert!(written.contains("[stage.unless]") || written.contains("unless ="), "{written}");
}

#[test]
fn mistakes_beside_the_rules_are_shown_where_they_stand() {
    let bench = bench(
        "filter = [{ c4 = { min_sentence = 3 } }]\nmode = \"anotate\"\nwehn = { language = \"zh\" }\nunless = {}",
    );
    bench.run(&["check", "web.toml"]).expect(2).says(&[
        "3 mistakes",
        "web.toml:6:20: c4: unknown key `min_sentence`",
        "web.toml:7:8: filter: `mode`: there is no `anotate`",
        "hint: did you mean `annotate`?",
        "web.toml:8:1: filter: unknown key `wehn`",
        "hint: did you mean `when`?",
    ]);
}

#[test]
fn try_shows_what_every_rule_measures_edits_and_decides() {
    let bench = bench(
        "filter = [{ pii = {} }, { gopher_quality = { min_words = 5 } }, { fineweb = {} }]\n\
         [[stage]]\nfilter = [{ keywords = { keywords = [\"casino\"] } }]\nwhen = { language = \"zh\" }",
    );
    let text = "Write to a.person@mail.example.org now.";
    let tried = bench.run_with(&["try", "web.toml"], text.as_bytes()).expect(0);
    assert!(!tried.stdout.contains("a.person@mail.example.org"), "{}", tried.stdout);
    tried.says(&[
        "  pii\n",
        "    1 edits\n",
        "    min_words ",
        "    min_ended_line_ratio ",
        "stage 2: not for this text",
        "removed by gopher_quality.",
    ]);
    let json = bench.run_with(&["try", "web.toml", "--json"], CHINESE.as_bytes()).expect(0).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["text"], CHINESE);
    assert_eq!(json["stages"][1]["rules"][0]["rule"], "keywords");
}

#[test]
fn tests_of_a_pipeline_file_are_run_by_check() {
    let stage = "filter = [{ gopher_quality = { min_words = 5, min_stop_words = false } }]\n";
    let test = |expect: &str| {
        format!("{stage}[[test]]\ntext = \"Far too short.\"\nexpect = \"{expect}\"\n")
    };
    bench(&test("gopher_quality.min_words")).run(&["check", "web.toml"]).expect(0);
    bench(&test("kept")).run(&["check", "web.toml"]).expect(2).says(&[
        "web.toml:9:1: test: `expect` is `kept`, but the text was removed by gopher_quality.min_words: value 3, limit 5",
        "9 | expect = \"kept\"",
    ]);
}

#[test]
fn a_limit_may_be_a_quantile_of_what_the_documents_measure() {
    let bench = Workbench::new();
    let texts = (1..=400)
        .map(|n| format!("{}{}", "word ".repeat(n), if n % 2 == 0 { "图书馆。" } else { "end." }));
    bench.write_documents("in.jsonl", "d", texts);
    let pipeline = |stage: &str| {
        format!(
            "[input]\npaths = [\"in.jsonl\"]\n[output]\ndir = \"out\"\n[[stage]]\n{stage}\n[[stage]]\ndedup_exact = {{}}\n"
        )
    };
    let rule = |limits: &str| {
        format!(
            "filter = [{{ gopher_quality = {{ {limits}, min_stop_words = false, min_letter_word_ratio = false }} }}]"
        )
    };
    bench.write("web.toml", pipeline(&rule("min_words = \"q0.05\", max_words = \"q0.9\"")));
    bench.run(&["check", "web.toml"]).expect(0);
    bench.run(&["run", "web.toml"]).expect(0);
    assert_eq!(documents(&bench).num_rows(), 400 - 20 - 40);
    let limits = bench.json("out/limits/gopher_quality.json");
    let words = &limits["0"]["min_words"];
    bench
        .run(&["why", "out", "d-0"])
        .expect(0)
        .says(&[&format!("limit {words}").replace(".0", "")]);
    bench.run(&["verify", "out"]).expect(0);
    bench
        .run(&["run", "web.toml", "--output", "again", "--threads", "1", "--memory", "64MiB"])
        .expect(0);
    assert_eq!(
        bench.dataset("again"),
        bench.dataset("out"),
        "limits depend on the documents alone"
    );
    bench.write("odd.toml", pipeline("filter = [{ c4 = { min_line_words = \"q0.1\" } }]"));
    bench.run(&["check", "odd.toml"]).expect(2).says(&["odd.toml:6:", "cannot be a quantile"]);
    let by = rule("min_words = { quantile = 0.5, by = \"language\" }");
    bench.write(
        "by.toml",
        pipeline(&format!("{by}\n")).replace("{ gopher", "{ language = {} }, { gopher"),
    );
    bench.run(&["run", "by.toml", "--output", "by"]).expect(0);
    assert!(bench.json("by/limits/gopher_quality.json")["1"]["min_words"].is_object());
    // The rule that finds the language goes by what it found.
    let found = "filter = [{ language = { keep = [\"en\"], min_score = { quantile = 0.1, by = \"language\" } } }]";
    bench.write("found.toml", pipeline(found));
    bench.run(&["run", "found.toml", "--output", "found"]).expect(0);
    let limits = bench.json("found/limits/language.json");
    let languages = limits["0"]["min_score"].as_object().expect("limits by language");
    let is_found = |language: &String| !["other", "zh"].contains(&language.as_str());
    assert!(languages.keys().any(is_found), "{languages:?}, and Chinese is known by its script");
}
