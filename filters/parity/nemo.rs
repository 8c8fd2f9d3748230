//! Compares our verdicts with NeMo Curator's, and our measures with dolma's, over texts written for this project.
//!
//! Each check of ours that means the same as one of their filters is compared alone; a text on which the two part is
//! listed with the reason. Their quirks are not copied: an empty text is no error here, and letters, digits and sentence
//! ends are those of all scripts.

use serde::Deserialize;

use crate::{Config, Document, Filter, Judge, Scratch};

#[derive(Deserialize)]
struct Row {
    id: String,
    rule: String,
    text: String,
    keep: Option<bool>,
    exception: Option<String>,
}

/// A filter of theirs, a check of ours, and the ids of the rows on which they part.
struct Expected {
    theirs: &'static str,
    config: &'static str,
    checks: &'static [&'static str],
    differs: &'static [&'static str],
    why: &'static str,
}

const SCRIPTS: &str =
    "letters, digits and sentence ends are those of English there, of all scripts here";
const EMPTY: &str =
    "an empty text scores 1 there; its shares are 0 here, and a lower limit removes it";
const BULLETS: &str = "`-` and `*` are no bullets there";
const WORDS: &str = "a word is what stands between blanks there";

const EXPECTED: &[Expected] = &[
    Expected {
        theirs: "NonAlphaNumericFilter",
        config: r#"{"characters": {}}"#,
        checks: &["max_other_ratio"],
        differs: &[
            "zh_prose",
            "zh_lines",
            "zh_x4",
            "zh_lines_x5",
            "ja_prose",
            "mixed_zh_en",
            "empty",
            "zh_punct_only",
            "zh_no_punct",
            "zh_dup_line",
            "arabic",
        ],
        why: SCRIPTS,
    },
    Expected {
        theirs: "NumbersFilter",
        config: r#"{"characters": {}}"#,
        checks: &["max_digit_ratio"],
        differs: &["empty"],
        why: EMPTY,
    },
    Expected {
        theirs: "WhiteSpaceFilter",
        config: r#"{"characters": {}}"#,
        checks: &["max_blank_ratio"],
        differs: &["empty"],
        why: EMPTY,
    },
    Expected {
        theirs: "ParenthesesFilter",
        config: r#"{"characters": {}}"#,
        checks: &["max_bracket_ratio"],
        differs: &["empty"],
        why: EMPTY,
    },
    Expected {
        theirs: "UrlsFilter",
        config: r#"{"boilerplate": {}}"#,
        checks: &["max_url_char_ratio"],
        differs: &["empty"],
        why: EMPTY,
    },
    Expected {
        theirs: "BoilerPlateStringFilter",
        config: r#"{"boilerplate": {}}"#,
        checks: &["max_lorem_ipsum", "max_boilerplate_paragraph_ratio"],
        differs: &[],
        why: "",
    },
    Expected {
        theirs: "BulletsFilter",
        config: r#"{"lines": {}}"#,
        checks: &["max_bullet_line_ratio"],
        differs: &["bullets_dash", "bullets_star"],
        why: BULLETS,
    },
    Expected {
        theirs: "PunctuationFilter",
        config: r#"{"lines": {}}"#,
        checks: &["min_ended_line_ratio"],
        differs: &["zh_prose", "zh_lines", "zh_x4", "zh_lines_x5", "ja_prose", "zh_dup_line"],
        why: SCRIPTS,
    },
    Expected {
        theirs: "EllipsisFilter",
        config: r#"{"lines": {}}"#,
        checks: &["max_ellipsis_line_ratio"],
        differs: &[],
        why: "",
    },
    Expected {
        theirs: "LongWordFilter",
        config: r#"{"length": {}}"#,
        checks: &["max_word_chars"],
        differs: &[],
        why: "",
    },
    Expected {
        theirs: "WordCountFilter",
        config: r#"{"length": {}}"#,
        checks: &["min_words", "max_words"],
        differs: &["zh_prose", "zh_x4", "zh_lines_x5", "zh_no_punct", "zh_dup_line", "code"],
        why: WORDS,
    },
    Expected {
        theirs: "MeanWordLengthFilter",
        config: r#"{"length": {}}"#,
        checks: &["min_mean_word_chars", "max_mean_word_chars"],
        differs: &["mixed_zh_en", "symbols", "code"],
        why: WORDS,
    },
];

fn read<T: for<'de> Deserialize<'de>>(path: &str) -> Vec<T> {
    let path = format!("{}/../fixtures/parity/{path}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Returns the measures of a text by check, each with whether its limit was broken.
fn measure(rule: &dyn Filter, text: &str) -> Vec<(&'static str, f64, bool)> {
    let (mut scratch, mut judge) = (Scratch::default(), Judge::measuring());
    let mut doc = Document::new("1", text, &mut scratch);
    doc.set_language(Some("en"));
    let _ = rule.judge(&mut doc, &mut judge);
    judge.measures().iter().map(|measure| (measure.check, measure.value, measure.broken)).collect()
}

fn build(config: &str) -> Box<dyn Filter> {
    serde_json::from_str::<Config>(config).unwrap().build().unwrap()
}

#[test]
fn verdicts_are_those_of_nemo_but_for_what_is_listed() {
    let rows: Vec<Row> = read("nemo/heuristics.jsonl");
    let (mut differing, mut compared) = (Vec::new(), 0);
    for expected in EXPECTED {
        let rule = build(expected.config);
        let mut differs = Vec::new();
        for row in rows.iter().filter(|row| row.rule == expected.theirs && row.exception.is_none())
        {
            let measures = measure(&*rule, &row.text);
            let broken = measures
                .iter()
                .any(|(check, _, broken)| *broken && expected.checks.contains(check));
            compared += 1;
            if Some(!broken) != row.keep {
                differs.push(row.id.as_str());
            }
        }
        if differs != expected.differs {
            differing.push(format!("{} ({}): {differs:?}", expected.theirs, expected.why));
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
    assert_eq!(compared, 590);
}

#[derive(Deserialize)]
struct Attributes {
    id: String,
    text: String,
    character_count: f64,
    fraction_of_lines_ending_with_ellipsis: f64,
    fraction_of_lines_starting_with_bullet_point: f64,
}

#[test]
fn measures_are_those_of_dolma_but_for_what_is_listed() {
    let (length, lines) = (build(r#"{"length": {}}"#), build(r#"{"lines": {}}"#));
    let mut differs = Vec::new();
    for row in read::<Attributes>("dolma/gopher.jsonl") {
        let mut found = measure(&*length, &row.text);
        found.extend(measure(&*lines, &row.text));
        let value = |key| found.iter().find(|(check, _, _)| *check == key).unwrap().1;
        for (key, theirs) in [
            ("min_chars", row.character_count),
            ("max_ellipsis_line_ratio", row.fraction_of_lines_ending_with_ellipsis),
            ("max_bullet_line_ratio", row.fraction_of_lines_starting_with_bullet_point),
        ] {
            if (value(key) - theirs).abs() > 1e-9 {
                differs.push((row.id.clone(), key));
            }
        }
    }
    let differs: Vec<_> = differs.iter().map(|(id, key)| (id.as_str(), *key)).collect();
    assert_eq!(differs, DOLMA);
}

/// Rows whose measure differs: there `...` is no ellipsis and `•` no bullet.
const DOLMA: &[(&str, &str)] = &[
    ("ellipsis_words", "max_ellipsis_line_ratio"),
    ("ellipsis_ascii_lines", "max_ellipsis_line_ratio"),
    ("bullets_dot", "max_bullet_line_ratio"),
];
