//! Walks `fixtures/filters`: for each rule, texts and what becomes of them.
//!
//! A line is `{"text", "expect": "keep" | check, "text_after", "config", "language", "columns"}`; `text_after` is there
//! where the rule edits, `config` where the defaults do not serve, `language` and `columns` where the input has them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::{Config, Document, Filter, Judge, Scratch, Words, segment};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    text: String,
    expect: String,
    text_after: Option<String>,
    config: Option<serde_json::Value>,
    language: Option<String>,
    #[serde(default)]
    columns: BTreeMap<String, String>,
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fixtures/filters")
}

fn rows(rule: &str) -> Vec<Row> {
    let path = folder().join(format!("{rule}.jsonl"));
    let text =
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let read = |(at, line)| {
        serde_json::from_str(line)
            .unwrap_or_else(|error| panic!("{rule}.jsonl:{}: {error}", at + 1))
    };
    text.lines().enumerate().map(read).collect()
}

/// Builds a rule from a row; `file` and `…_files` are of the fixtures' folder, a `model` is trained here.
fn build(rule: &str, row: &Row) -> Box<dyn Filter> {
    let mut config = row.config.clone().unwrap_or_else(|| serde_json::json!({}));
    if let Some(file) = config.get_mut("file") {
        *file = folder().join(file.as_str().unwrap()).to_str().unwrap().into();
    }
    for key in ["domain_files", "url_files"] {
        for file in config.get_mut(key).and_then(|files| files.as_array_mut()).into_iter().flatten()
        {
            *file = folder().join(file.as_str().unwrap()).to_str().unwrap().into();
        }
    }
    if let Some(model) = config.get_mut("model") {
        *model = MODEL.1.to_str().unwrap().into();
    }
    let config: Config = serde_json::from_value(serde_json::json!({ rule: config })).unwrap();
    config.build().unwrap()
}

/// A classifier that tells a town's news from a casino's, and the folder that it lives in.
static MODEL: LazyLock<(tempfile::TempDir, PathBuf)> = LazyLock::new(|| {
    let example = |text, label| models::Example { text, label };
    let examples = [
        example("The committee met to discuss the new library and its budget.", "good"),
        example("上 海 的 图 书 馆 重 新 开 放 ， 读 者 排 队 。", "good"),
        example("Best online casino bonus, free spins, play and win now!", "bad"),
        example("澳 门 赌 场 注 册 送 彩 金 ， 百 家 乐 。", "bad"),
    ];
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let options = models::LinearTraining { hash_bits: 12, ..Default::default() };
    models::Linear::train(&examples, &options).unwrap().save(&path).unwrap();
    (folder, path)
});

/// Judges a row's text, and returns what is not as the row expects.
fn check(rule: &str, row: &Row) -> Option<String> {
    let filter = build(rule, row);
    let (mut scratch, mut judge) = (Scratch::default(), Judge::default());
    let mut doc = Document::new("1", &row.text, &mut scratch);
    doc.set_language(row.language.as_deref());
    for (name, value) in &row.columns {
        doc.set_column(name, Some(value));
    }
    let flow = filter.judge(&mut doc, &mut judge);
    let (removal, edits) = judge.take();
    assert_eq!(flow.is_break(), removal.is_some(), "{rule}: {:?}", row.text);
    assert_eq!(doc.edited(), edits > 0, "{rule}: {edits} edits of {:?}", row.text);
    let outcome = removal.as_ref().map_or("keep", |removal| removal.check);
    let after = row.text_after.as_ref().unwrap_or(&row.text);
    let is_good = outcome == row.expect && doc.text() == after;
    (!is_good).then(|| {
        let start: String = row.text.chars().take(60).collect();
        format!("{rule}: {start:?}… gave {removal:?} and {:?}, not {:?}", doc.text(), row.expect)
    })
}

#[test]
fn every_rule_does_what_its_fixture_says() {
    let checks = Config::ALL
        .into_iter()
        .flat_map(|rule| rows(rule).into_iter().filter_map(move |row| check(rule, &row)));
    let failures: Vec<String> = checks.collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_rule_has_a_fixture_in_english_and_in_chinese() {
    for rule in Config::ALL {
        let rows = rows(rule);
        let has = |zh: bool| rows.iter().any(|row| segment::is_mostly_han(&row.text) == zh);
        assert!(has(true), "{rule} has no Chinese row");
        assert!(has(false), "{rule} has no English row");
        let outcomes: BTreeSet<&str> = rows.iter().map(|row| row.expect.as_str()).collect();
        // A rule that only writes scores removes nothing.
        let has_scores = !build(rule, &rows[0]).scores().is_empty();
        assert!(outcomes.len() > 1 || has_scores, "{rule}: all rows expect {outcomes:?}");
    }
}

#[test]
fn what_a_rule_measures_is_among_its_checks() {
    let mut scratch = Scratch::default();
    let texts: Vec<String> = nasty_texts().into_iter().filter(|text| text.len() < 5000).collect();
    for rule in Config::ALL {
        let checks = Config::named(rule).unwrap().checks();
        let settings = serde_json::to_value(Config::named(rule).unwrap()).unwrap();
        for check in checks {
            assert!(settings[rule].get(check).is_some(), "{rule} has no key `{check}`");
        }
        let mut measured = BTreeSet::new();
        for row in rows(rule) {
            let filter = build(rule, &row);
            for text in texts.iter().chain([&row.text]) {
                let mut judge = Judge::measuring();
                let mut doc = Document::new("1", text, &mut scratch);
                doc.set_language(row.language.as_deref());
                for (name, value) in &row.columns {
                    doc.set_column(name, Some(value));
                }
                let _ = filter.judge(&mut doc, &mut judge);
                measured.extend(judge.measures().iter().map(|measure| measure.check));
            }
        }
        let declared: BTreeSet<&str> = checks.iter().copied().collect();
        assert_eq!(measured, declared, "{rule}");
    }
}

#[test]
fn every_fixture_belongs_to_a_rule() {
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "jsonl") {
            let rule = path.file_stem().unwrap().to_str().unwrap();
            assert!(Config::ALL.contains(&rule), "{} belongs to no rule", path.display());
        }
    }
}

/// Texts that break careless rules.
fn nasty_texts() -> Vec<String> {
    let texts = [
        "",
        " ",
        "\n",
        "\r\n\r\n",
        "\0",
        "\u{301}",
        "\u{301}\u{301} \u{301}",
        "\u{FEFF}",
        "\u{2028}\u{2029}\u{85}",
        "a\u{2028}b",
        "...",
        "…",
        "[",
        "[]",
        "[1",
        "{",
        "@",
        "a@",
        "@b.c",
        "+",
        "+1",
        "(",
        "1:",
        ":",
        "::",
        "\u{200D}\u{200D}",
        "🇩🇪🇫",
        "١٢٣",
        "\u{E000}\u{10FFFF}",
        "图",
        "图\n图\n图",
        "。",
        "K\u{212A}İıſß",
    ];
    let mut texts: Vec<String> = texts.iter().map(|&text| text.to_owned()).collect();
    for (unit, n) in [
        ("a", 1 << 20),
        ("图", 1 << 18),
        ("é", 1 << 18),
        ("1", 1 << 16),
        ("1 ", 1 << 16),
        (".", 1 << 16),
        ("\n", 1 << 16),
        ("@", 1 << 16),
        (":", 1 << 16),
        ("a@", 1 << 15),
        ("\u{301}", 1 << 15),
        ("[1", 1 << 15),
        (" ", 1 << 16),
    ] {
        texts.push(unit.repeat(n));
    }
    texts
}

/// Every rule with each of the settings that its fixtures have.
fn all_filters() -> Vec<Box<dyn Filter>> {
    let mut seen = BTreeSet::new();
    let rows =
        Config::ALL.into_iter().flat_map(|rule| rows(rule).into_iter().map(move |row| (rule, row)));
    rows.filter(|(rule, row)| seen.insert(format!("{rule} {:?}", row.config)))
        .map(|(rule, row)| build(rule, &row))
        .collect()
}

/// Runs a text through all filters, each on its own and then all in turn on one document.
fn run_all(filters: &[Box<dyn Filter>], text: &str, scratch: &mut Scratch) {
    let judges = || [Judge::default(), Judge::measuring()];
    let unicode = judges().map(|judge| (judge, Words::Unicode));
    let datatrove = judges().map(|judge| (judge, Words::Datatrove));
    for (mut judge, words) in unicode.into_iter().chain(datatrove) {
        for filter in filters {
            let mut doc = Document::new("1", text, scratch);
            doc.set_words(words);
            doc.set_column("url", Some(text));
            let _ = filter.judge(&mut doc, &mut judge);
            for measure in judge.measures() {
                assert!(!measure.value.is_nan(), "{}.{}", filter.name(), measure.check);
            }
            judge.take();
        }
        let mut doc = Document::new("1", text, scratch);
        doc.set_words(words);
        for filter in filters {
            let _ = filter.judge(&mut doc, &mut judge);
            judge.take();
        }
    }
}

#[test]
fn no_rule_fails_on_a_nasty_text() {
    let (filters, mut scratch) = (all_filters(), Scratch::default());
    for text in nasty_texts() {
        run_all(&filters, &text, &mut scratch);
    }
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(100))]
    #[test]
    fn no_rule_fails_on_any_text(text in proptest::prelude::any::<String>()) {
        thread_local! {
            static FILTERS: Vec<Box<dyn Filter>> = all_filters();
        }
        FILTERS.with(|filters| run_all(filters, &text, &mut Scratch::default()));
    }
}
