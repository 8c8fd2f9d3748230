//! Compares our verdicts, words and repetition values with datatrove's, over texts written for this project.
//!
//! `fixtures/parity/datatrove/filters.jsonl` holds what the rules of datatrove (commit a649de7) said to each text, and
//! what C4 left of it. A row agrees if both keep it, with the same text, or both remove it. Each row that does not is
//! listed here with its reason, once for each way to cut words, so that agreement cannot fall, nor rise, without notice.

mod dclm;
mod nemo;

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::{Config, Document, Filter, Judge, Scratch, Words};

#[derive(Deserialize)]
struct Row {
    id: String,
    language: String,
    rule: String,
    text: String,
    verdict: String,
    /// datatrove's name for the limit that was broken.
    reason: Option<String>,
    text_out: Option<String>,
}

/// How one of datatrove's rules is configured here, and where the two part.
struct Expected {
    rule: &'static str,
    config: &'static str,
    n_rows: usize,
    /// With `Words::Unicode`.
    unicode: Differences,
    /// With `Words::Datatrove`.
    datatrove: Differences,
}

struct Differences {
    /// Id and reason of each row with another verdict.
    verdicts: &'static [(&'static str, &'static str)],
    /// Id and reason of each row that both remove, but at another limit.
    limits: &'static [(&'static str, &'static str)],
}

const NO_DIFFERENCES: Differences = Differences { verdicts: &[], limits: &[] };

/// Their tokenizer for English leaves a run of Han or kana, `f(x` and a word with its zero-width space whole, where the
/// rules of Unicode cut.
const WORDS: &str = "words";
/// Their tokenizer keeps `word.` and a zero-width space after it as one token, and sees no full stop.
const ZERO_WIDTH: &str = "zero-width space behind full stops";
/// They divide by the length of the text.
const EMPTY: &str = "an empty text raises ZeroDivisionError there; its ratios are 0 here";

const EXPECTED: &[Expected] = &[
    Expected {
        rule: "gopher_rep",
        config: r#"{"gopher_repetition": {}}"#,
        n_rows: 50,
        unicode: Differences {
            verdicts: &[
                ("zh_prose", WORDS),
                ("zh_lines", WORDS),
                ("mixed_zh_en", WORDS),
                ("empty", EMPTY),
                ("zh_no_punct", WORDS),
            ],
            limits: &[("zh_x4", WORDS), ("ja_prose", WORDS)],
        },
        datatrove: Differences { verdicts: &[("empty", EMPTY)], limits: &[] },
    },
    Expected {
        rule: "gopher_quality",
        config: r#"{"gopher_quality": {}}"#,
        n_rows: 50,
        unicode: Differences {
            verdicts: &[("mixed_zh_en", WORDS)],
            limits: &[
                ("zh_prose", WORDS),
                ("zh_x4", WORDS),
                ("zh_lines_x5", WORDS),
                ("zero_width", WORDS),
                ("zh_no_punct", WORDS),
                ("zh_dup_line", WORDS),
                ("code", WORDS),
            ],
        },
        datatrove: NO_DIFFERENCES,
    },
    Expected {
        rule: "c4",
        config: r#"{"c4": {}}"#,
        n_rows: 50,
        unicode: Differences { verdicts: &[("zero_width", ZERO_WIDTH)], limits: &[] },
        datatrove: NO_DIFFERENCES,
    },
    Expected {
        rule: "c4_no_terminal_punct",
        config: r#"{"c4": {"require_terminal_mark": false}}"#,
        n_rows: 50,
        unicode: Differences { verdicts: &[("zero_width", ZERO_WIDTH)], limits: &[] },
        datatrove: NO_DIFFERENCES,
    },
    Expected {
        rule: "fineweb",
        config: r#"{"fineweb": {}}"#,
        n_rows: 50,
        unicode: NO_DIFFERENCES,
        datatrove: NO_DIFFERENCES,
    },
    Expected {
        rule: "gopher_rep_fw2",
        config: r#"{"gopher_repetition": {"max_duplicate_paragraph_ratio": false,
            "max_duplicate_paragraph_char_ratio": false, "max_duplicate_line_char_ratio": false}}"#,
        n_rows: 13,
        unicode: Differences { verdicts: &[("empty", EMPTY)], limits: &[] },
        datatrove: Differences { verdicts: &[("empty", EMPTY)], limits: &[] },
    },
    Expected {
        rule: "gopher_quality_fw2",
        config: r#"{"gopher_quality": {}}"#,
        n_rows: 13,
        unicode: NO_DIFFERENCES,
        datatrove: NO_DIFFERENCES,
    },
    Expected {
        rule: "fineweb_fw2",
        config: r#"{"fineweb": {}}"#,
        n_rows: 13,
        unicode: NO_DIFFERENCES,
        datatrove: NO_DIFFERENCES,
    },
    Expected {
        rule: "c4_paragraph",
        config: r#"{"c4_paragraphs": {}}"#,
        n_rows: 50,
        unicode: NO_DIFFERENCES,
        datatrove: NO_DIFFERENCES,
    },
];

/// Rules of datatrove in the file that have no counterpart here yet.
const NOT_COVERED: &[&str] = &[];

/// Our key for each of their reasons.
const REASONS: &[(&str, &str)] = &[
    ("dup_para_frac", "max_duplicate_paragraph_ratio"),
    ("dup_line_frac", "max_duplicate_line_ratio"),
    ("dup_line_char_frac", "max_duplicate_line_char_ratio"),
    ("top_2_gram", "max_top_2gram_char_ratio"),
    ("top_3_gram", "max_top_3gram_char_ratio"),
    ("top_4_gram", "max_top_4gram_char_ratio"),
    ("duplicated_5_n_grams", "max_duplicate_5gram_char_ratio"),
    ("duplicated_6_n_grams", "max_duplicate_6gram_char_ratio"),
    ("gopher_short_doc", "min_words"),
    ("gopher_above_avg_threshold", "max_mean_word_chars"),
    ("gopher_too_many_hashes", "max_hashes_per_word"),
    ("gopher_too_many_ellipsis", "max_ellipses_per_word"),
    ("gopher_too_many_bullets", "max_bullet_line_ratio"),
    ("gopher_too_many_end_ellipsis", "max_ellipsis_line_ratio"),
    ("gopher_below_alpha_threshold", "min_letter_word_ratio"),
    ("gopher_enough_stop_words", "min_stop_words"),
    ("too_few_sentences", "min_sentences"),
    ("lorem_ipsum", "remove_lorem_ipsum"),
    ("curly_bracket", "remove_curly_bracket"),
    ("empty", "min_ended_line_ratio"),
    ("line_punct_ratio", "min_ended_line_ratio"),
    ("short_line_ratio", "max_short_line_ratio"),
    ("char_dup_ratio", "max_duplicate_line_char_ratio"),
    ("< 3 paragraphs", "min_paragraphs"),
];

fn read<T: DeserializeOwned>(file: &str) -> Vec<T> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/parity/datatrove");
    let text = std::fs::read_to_string(format!("{folder}/{file}")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn rows() -> Vec<Row> {
    read("filters.jsonl")
}

fn language_of(name: &str) -> &'static str {
    if name == "cmn_Hani" { "zh" } else { "en" }
}

/// How we and datatrove part over a row.
#[derive(Debug, PartialEq, Eq)]
enum Difference {
    Verdict,
    Limit,
}

fn compare(filter: &dyn Filter, row: &Row, words: Words) -> Option<Difference> {
    let (mut scratch, mut judge) = (Scratch::default(), Judge::default());
    let mut doc = Document::new(&row.id, &row.text, &mut scratch);
    doc.set_language(Some(language_of(&row.language)));
    doc.set_words(words);
    let _ = filter.judge(&mut doc, &mut judge);
    match (judge.take().0, row.verdict.as_str()) {
        (None, "keep") => {
            let text = row.text_out.as_ref().unwrap_or(&row.text);
            (doc.text() != text).then_some(Difference::Verdict)
        }
        (Some(removal), "drop") => {
            let reason = row.reason.as_deref().unwrap();
            let (_, key) = REASONS.iter().find(|(theirs, _)| *theirs == reason).unwrap();
            (removal.check != *key).then_some(Difference::Limit)
        }
        _ => Some(Difference::Verdict),
    }
}

/// Asserts that exactly the listed rows differ, and returns how many rows were compared.
fn check(words: Words, listed: fn(&Expected) -> &Differences) -> usize {
    let rows = rows();
    let mut compared = 0;
    for expected in EXPECTED {
        let filter = serde_json::from_str::<Config>(expected.config).unwrap().build().unwrap();
        let (mut verdicts, mut limits, mut n_rows) = (Vec::new(), Vec::new(), 0);
        for row in rows.iter().filter(|row| row.rule == expected.rule) {
            n_rows += 1;
            match compare(&*filter, row, words) {
                Some(Difference::Verdict) => verdicts.push(row.id.as_str()),
                Some(Difference::Limit) => limits.push(row.id.as_str()),
                None => {}
            }
        }
        let ids = |listed: &[(&'static str, &str)]| -> Vec<&str> {
            listed.iter().map(|(id, _)| *id).collect()
        };
        let listed = listed(expected);
        assert_eq!(n_rows, expected.n_rows, "{}", expected.rule);
        assert_eq!(verdicts, ids(listed.verdicts), "{}: other verdicts", expected.rule);
        assert_eq!(limits, ids(listed.limits), "{}: other limits", expected.rule);
        compared += n_rows;
    }
    compared
}

#[test]
fn verdicts_are_those_of_datatrove_but_for_what_is_listed() {
    check(Words::Unicode, |expected| &expected.unicode);
}

#[test]
fn with_its_words_98_in_100_verdicts_are_those_of_datatrove() {
    let n_rows = check(Words::Datatrove, |expected| &expected.datatrove);
    let listed = EXPECTED.iter().map(|expected| &expected.datatrove);
    let differ: usize = listed.map(|listed| listed.verdicts.len() + listed.limits.len()).sum();
    assert!(differ * 50 <= n_rows, "{differ} of {n_rows} differ");
}

#[derive(Deserialize)]
struct Cut {
    id: String,
    language: String,
    text: String,
    words: Vec<String>,
}

#[test]
fn words_are_those_of_datatrove() {
    for row in read::<Cut>("words.jsonl") {
        let mut scratch = Scratch::default();
        let mut doc = Document::new(&row.id, &row.text, &mut scratch);
        doc.set_language(Some(language_of(&row.language)));
        doc.set_words(Words::Datatrove);
        let parts = doc.parts();
        let words: Vec<&str> = parts.segments.iter().map(|word| word.text(parts.text)).collect();
        assert_eq!(words, row.words, "{}", row.id);
    }
}

#[derive(Deserialize)]
struct Values {
    id: String,
    language: String,
    text: String,
    /// `null` where a text has too few words for an n-gram; ours is 0 there.
    values: BTreeMap<String, Option<f64>>,
}

/// Our key for one of their repetition values.
fn repetition_key(theirs: &str) -> String {
    match theirs {
        "dup_para_frac" => "max_duplicate_paragraph_ratio".to_owned(),
        "dup_para_char_frac" => "max_duplicate_paragraph_char_ratio".to_owned(),
        "dup_line_frac" => "max_duplicate_line_ratio".to_owned(),
        "dup_line_char_frac" => "max_duplicate_line_char_ratio".to_owned(),
        _ => match theirs.split('_').collect::<Vec<_>>()[..] {
            ["top", n, "gram"] => format!("max_top_{n}gram_char_ratio"),
            ["dup", n, "gram"] => format!("max_duplicate_{n}gram_char_ratio"),
            _ => panic!("{theirs}"),
        },
    }
}

#[test]
fn repetition_values_are_those_of_datatrove() {
    let filter =
        serde_json::from_str::<Config>(r#"{"gopher_repetition": {}}"#).unwrap().build().unwrap();
    let mut differ = Vec::new();
    for row in read::<Values>("repetition.jsonl") {
        let (mut scratch, mut judge) = (Scratch::default(), Judge::measuring());
        let mut doc = Document::new(&row.id, &row.text, &mut scratch);
        doc.set_language(Some(language_of(&row.language)));
        doc.set_words(Words::Datatrove);
        let _ = filter.judge(&mut doc, &mut judge);
        for (name, value) in &row.values {
            let key = repetition_key(name);
            let ours = judge.measures().iter().find(|measure| measure.check == key).unwrap();
            if (ours.value - value.unwrap_or(0.0)).abs() > 1e-12 {
                differ.push((row.id.clone(), key, ours.value, *value));
            }
        }
    }
    assert_eq!(differ, []);
}

#[test]
fn every_rule_of_datatrove_in_the_file_is_compared_or_named() {
    let in_file: BTreeSet<String> = rows().into_iter().map(|row| row.rule).collect();
    let compared = EXPECTED.iter().map(|expected| expected.rule);
    let known: BTreeMap<&str, ()> =
        compared.chain(NOT_COVERED.iter().copied()).map(|rule| (rule, ())).collect();
    assert!(in_file.iter().map(String::as_str).eq(known.into_keys()), "{in_file:?}");
}
