//! Compares our verdicts with DCLM's, one limit at a time.
//!
//! `fixtures/parity/dclm` holds what its functions (commit 361714b) said. Their quirks are not copied: each row that
//! differs is listed here with its reason, so that agreement cannot fall, nor rise, without notice.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Config, Document, Judge, Scratch};

#[derive(Deserialize)]
struct Row {
    id: String,
    rule: String,
    config: Value,
    text: String,
    verdict: String,
    /// What a modifier left.
    text_out: Option<String>,
}

/// One of DCLM's functions, and where ours parts from it.
struct Expected {
    rule: &'static str,
    /// Their phrase, which tells three uses of a function apart.
    phrase: &'static str,
    /// Our rule, and the only keys of it that are on.
    ours: &'static str,
    keys: &'static [&'static str],
    n_rows: usize,
    differs: &'static [(&'static str, &'static str)],
}

/// They cut words at blanks, or by fastText's rules: a Chinese sentence is one word, a mark is part of one.
const WORDS: &str = "words";
/// A mark is a word without a letter here, as in datatrove; there it is glued to one with letters.
const MARKS: &str = "marks";
/// `*` begins a list there, and in datatrove it does not.
const STAR: &str = "star";
/// They have English stop words only.
const STOP: &str = "Chinese stop words";
/// They look for stop words in lower case.
const CASE: &str = "case";
/// They count each copy of what occurs twice, and leave out marks.
const NGRAMS: &str = "n-grams";
/// They cut words of lines at blanks, so that most Chinese lines have one; `Sign-in` is two words here.
const BLANKS: &str = "blanks";

const EXPECTED: &[Expected] = &[
    Expected {
        rule: "page_length_filter",
        phrase: "",
        ours: "gopher_quality",
        keys: &["min_words", "max_words"],
        n_rows: 50,
        differs: &[
            ("zh_prose", WORDS),
            ("zh_x4", WORDS),
            ("zh_lines_x5", WORDS),
            ("nbsp", WORDS),
            ("zh_no_punct", WORDS),
            ("zh_dup_line", WORDS),
            ("code", WORDS),
        ],
    },
    Expected {
        rule: "word_length_filter",
        phrase: "",
        ours: "gopher_quality",
        keys: &["min_mean_word_chars", "max_mean_word_chars"],
        n_rows: 50,
        differs: &[
            ("zh_prose", WORDS),
            ("zh_lines", WORDS),
            ("zh_x4", WORDS),
            ("zh_lines_x5", WORDS),
            ("mixed_zh_en", WORDS),
            ("symbols", WORDS),
            ("zero_width", WORDS),
            ("zh_no_punct", WORDS),
            ("zh_dup_line", WORDS),
            ("code", WORDS),
        ],
    },
    Expected {
        rule: "symbol_ratio_filter",
        phrase: "",
        ours: "gopher_quality",
        keys: &["max_hashes_per_word", "max_ellipses_per_word"],
        n_rows: 50,
        differs: &[],
    },
    Expected {
        rule: "bullet_count_filter",
        phrase: "",
        ours: "gopher_quality",
        keys: &["max_bullet_line_ratio"],
        n_rows: 50,
        differs: &[("bullets_star", STAR)],
    },
    Expected {
        rule: "ellipsis_count_filter",
        phrase: "",
        ours: "gopher_quality",
        keys: &["max_ellipsis_line_ratio"],
        n_rows: 50,
        differs: &[],
    },
    Expected {
        rule: "alphabetic_word_ratio_filter",
        phrase: "",
        ours: "gopher_quality",
        keys: &["min_letter_word_ratio"],
        n_rows: 50,
        differs: &[
            ("ellipsis_words", MARKS),
            ("ellipsis_ascii_lines", MARKS),
            ("short_lines", MARKS),
            ("zero_width", MARKS),
            ("quotes_end", MARKS),
            ("code", MARKS),
        ],
    },
    Expected {
        rule: "stop_word_filter",
        phrase: "",
        ours: "gopher_quality",
        keys: &["min_stop_words"],
        n_rows: 50,
        differs: &[
            ("zh_prose", STOP),
            ("zh_lines", STOP),
            ("zh_x4", STOP),
            ("zh_lines_x5", STOP),
            ("caps", CASE),
            ("zero_width", WORDS),
        ],
    },
    Expected {
        rule: "massive_web_repetition_filters",
        phrase: "",
        ours: "gopher_repetition",
        keys: &[],
        n_rows: 50,
        differs: &[
            ("zh_lines", NGRAMS),
            ("ja_prose", NGRAMS),
            ("symbols", NGRAMS),
            ("emoji", NGRAMS),
            ("zh_punct_only", NGRAMS),
            ("arabic", NGRAMS),
        ],
    },
    Expected {
        rule: "uppercase_ratio_line_modifier",
        phrase: "",
        ours: "refinedweb_lines",
        keys: &["max_uppercase_ratio"],
        n_rows: 20,
        differs: &[],
    },
    Expected {
        rule: "numeric_ratio_line_modifier",
        phrase: "",
        ours: "refinedweb_lines",
        keys: &["cut_numeric_lines"],
        n_rows: 20,
        differs: &[],
    },
    Expected {
        rule: "counter_line_modifier",
        phrase: "",
        ours: "refinedweb_lines",
        keys: &["cut_counters"],
        n_rows: 20,
        differs: &[],
    },
    Expected {
        rule: "line_length_modifier",
        phrase: "",
        ours: "refinedweb_lines",
        keys: &["min_line_words"],
        n_rows: 20,
        differs: &[
            ("numeric", BLANKS),
            ("short", BLANKS),
            ("signin", BLANKS),
            ("zh", BLANKS),
            ("zh_dup_line", BLANKS),
        ],
    },
    Expected {
        rule: "substring_line_modifier",
        phrase: "items in cart",
        ours: "refinedweb_lines",
        keys: &["cut_anywhere", "max_phrase_line_words"],
        n_rows: 20,
        differs: &[],
    },
    Expected {
        rule: "substring_line_modifier",
        phrase: "Read more...",
        ours: "refinedweb_lines",
        keys: &["cut_at_end", "max_phrase_line_words"],
        n_rows: 20,
        differs: &[],
    },
    Expected {
        rule: "substring_line_modifier",
        phrase: "Sign-in",
        ours: "refinedweb_lines",
        keys: &["cut_at_start", "max_phrase_line_words"],
        n_rows: 20,
        differs: &[],
    },
];

fn rows(file: &str) -> Vec<Row> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/parity/dclm/");
    let text = std::fs::read_to_string(format!("{folder}{file}")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Returns our rule with its default, but all keys off that are not named.
fn only(rule: &str, keys: &[&str]) -> Config {
    let mut config = serde_json::to_value(Config::named(rule).unwrap()).unwrap();
    for (key, value) in config[rule].as_object_mut().unwrap() {
        let is_named = keys.is_empty() || keys.contains(&key.as_str());
        if !is_named && (key.starts_with("min_") || key.starts_with("max_")) {
            *value = json!(false);
        } else if !is_named && value.is_array() {
            *value = json!([]);
        } else if !is_named && value.is_boolean() {
            *value = json!(false);
        }
    }
    serde_json::from_value(config).unwrap()
}

/// Returns whether both keep the row, with the same text but for blanks at its ends, or both remove it.
fn agrees(config: &Config, row: &Row) -> bool {
    let (mut scratch, mut judge) = (Scratch::default(), Judge::default());
    let mut doc = Document::new(&row.id, &row.text, &mut scratch);
    let _ = config.build().unwrap().judge(&mut doc, &mut judge);
    let is_removed = judge.take().0.is_some();
    let text = row.text_out.as_ref().unwrap_or(&row.text);
    match row.verdict.as_str() {
        "keep" => !is_removed && doc.text().trim() == text.trim(),
        // Their modifiers remove a document of which nothing is left.
        _ => is_removed || doc.text().trim().is_empty(),
    }
}

#[test]
fn verdicts_are_those_of_dclm_but_for_what_is_listed() {
    let rows: Vec<Row> = ["filters.jsonl", "modifiers.jsonl"].into_iter().flat_map(rows).collect();
    let (mut n_compared, mut failures) = (0, Vec::new());
    for expected in EXPECTED {
        let config = only(expected.ours, expected.keys);
        let phrase = |row: &Row| {
            row.config.get("banlist").and_then(Value::as_str).unwrap_or("") == expected.phrase
        };
        let of_rule: Vec<&Row> =
            rows.iter().filter(|row| row.rule == expected.rule && phrase(row)).collect();
        let differs: Vec<&str> =
            of_rule.iter().filter(|row| !agrees(&config, row)).map(|row| row.id.as_str()).collect();
        let listed: Vec<&str> = expected.differs.iter().map(|(id, _)| *id).collect();
        assert_eq!(of_rule.len(), expected.n_rows, "{}", expected.rule);
        if differs != listed {
            failures.push(format!("{} {}: {differs:?}", expected.rule, expected.phrase));
        }
        n_compared += of_rule.len();
    }
    assert!(failures.is_empty(), "other rows differ:\n{}", failures.join("\n"));
    assert_eq!(n_compared, rows.len(), "each row is compared");
}
