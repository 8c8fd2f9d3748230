//! Repeats through the same disk as in a run, against a plain map of all windows.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::batch::Batch;
use crate::duplicates::driver::{Driver, Outcome, TestDocument, corpus};
use crate::ledger::Cause;
use crate::rows::{Decisions, Rows};

fn words(length: usize) -> DedupSubstring {
    DedupSubstring { min_repeat_words: Some(length), ..DedupSubstring::default() }
}

fn chars(length: usize) -> DedupSubstring {
    let min_repeat_chars = Some(length);
    DedupSubstring { min_repeat_words: None, min_repeat_chars, ..DedupSubstring::default() }
}

fn run(config: &DedupSubstring, driver: &Driver, corpus: &[TestDocument]) -> Outcome {
    driver.run(&config.build(3).unwrap(), corpus)
}

/// Returns the texts that stay, in order; none is expected to be removed.
fn kept(config: &DedupSubstring, texts: &[&str]) -> Vec<String> {
    let outcome = run(config, &Driver::default(), &corpus(texts, 4));
    assert!(outcome.removed.is_empty(), "{:?}", outcome.removed);
    outcome.kept.into_iter().map(|document| document.text).collect()
}

/// Cuts a text as the manual says, by other means than the stage: characters, or words of ASCII letters and single Han characters.
fn units(config: &DedupSubstring, text: &str) -> Vec<(usize, usize)> {
    let mut units: Vec<(usize, usize)> = Vec::new();
    let mut in_word = false;
    for (at, char) in text.char_indices() {
        let end = at + char.len_utf8();
        match config.min_repeat_chars {
            None if char.is_ascii_alphanumeric() && in_word => units.last_mut().unwrap().1 = end,
            None if !char.is_alphanumeric() => {}
            _ => units.push((at, end)),
        }
        in_word = char.is_ascii_alphanumeric();
    }
    units
}

/// Returns for each text which of its bytes are repeats: all windows of the corpus in one map.
fn oracle(config: &DedupSubstring, texts: &[String]) -> Vec<Vec<bool>> {
    let length = config.min_repeat_words.or(config.min_repeat_chars).unwrap();
    let mut first: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let mut repeats = Vec::new();
    for (i, text) in texts.iter().enumerate() {
        let mut is_repeat = vec![false; text.len()];
        for window in units(config, text).windows(length) {
            let (start, end) = (window[0].0, window[length - 1].1);
            let (of, at) = *first.entry(text.get(start..end).unwrap()).or_insert((i, start));
            if of != i || start >= at + (end - start) {
                is_repeat[start..end].fill(true);
            }
        }
        // A cut is narrowed until it does not part a line feed from its carriage return.
        for (at, _) in text.match_indices("\r\n") {
            if is_repeat[at] != is_repeat[at + 1] {
                is_repeat[at..at + 2].fill(false);
            }
        }
        repeats.push(is_repeat);
    }
    repeats
}

/// Returns the parts of a text that are no repeats.
fn pieces(text: &str, is_repeat: &[bool]) -> Vec<String> {
    let bytes = text.as_bytes().iter().zip(is_repeat).collect::<Vec<_>>();
    let parts = bytes.chunk_by(|a, b| a.1 == b.1).filter(|part| !part[0].1);
    parts
        .map(|part| String::from_utf8(part.iter().map(|(byte, _)| **byte).collect()).unwrap())
        .collect()
}

/// Texts with common parts of all lengths, from few words, with runs, line ends and Han.
fn texts() -> impl Strategy<Value = Vec<String>> {
    let part = prop_oneof![
        4 => (0..6_usize, 0..30_usize, 1..30_usize).prop_map(|(base, from, length)| {
            let word = |i: usize| format!("{}{} ", ["x", "y", "x", "z", "清", "洗,"][base], i % 37);
            (from..from + length).map(word).collect()
        }),
        2 => "[ab \n]{0,40}",
        1 => "[清洗数a]{0,30}",
        1 => ("[-=a] ?", 1..60_usize).prop_map(|(text, n): (String, usize)| text.repeat(n)),
        1 => Just("\r\n".to_owned()),
    ];
    let text = prop::collection::vec(part, 0..5).prop_map(|parts: Vec<String>| parts.concat());
    prop::collection::vec(text, 0..16)
}

fn config() -> impl Strategy<Value = DedupSubstring> {
    prop_oneof![(4..12_usize).prop_map(words), (4..40_usize).prop_map(chars)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_cut_is_what_a_map_of_all_windows_says_however_the_work_is_cut(
        texts in texts(), config in config(), file_rows in 1_usize..9, files_per_task in 1_u32..4,
        batch_rows in 1_usize..9, budget in 1_usize..20_000, n_ranges in 1_u32..5,
        reversed in any::<bool>(),
    ) {
        let corpus = corpus(&texts, file_rows);
        let driver = Driver { files_per_task, batch_rows, budget, reversed };
        let outcome = driver.run(&config.build(n_ranges).unwrap(), &corpus);
        let mut kept = outcome.kept.iter();
        let mut removed = outcome.removed.iter();
        for (document, is_repeat) in corpus.iter().zip(oracle(&config, &texts)) {
            let expected = pieces(&document.text, &is_repeat).concat();
            if is_repeat.contains(&true) && expected.trim().is_empty() {
                let removed = removed.next().unwrap();
                prop_assert_eq!((removed.place, &removed.text), (document.place, &document.text));
            } else {
                let kept = kept.next().unwrap();
                prop_assert_eq!((kept.place, &kept.text), (document.place, &expected));
            }
        }
        prop_assert!(kept.next().is_none() && removed.next().is_none());
    }

    #[test]
    fn the_parts_that_stay_hold_no_repeat(texts in texts(), config in config()) {
        let repeats = oracle(&config, &texts);
        let parts = texts.iter().zip(&repeats).flat_map(|(text, repeat)| pieces(text, repeat));
        let parts: Vec<_> = parts.collect();
        let again = run(&config, &Driver::default(), &corpus(&parts, 5));
        prop_assert!(again.removed.is_empty());
        let again: Vec<_> = again.kept.into_iter().map(|document| document.text).collect();
        prop_assert_eq!(again, parts);
    }
}

#[test]
fn a_passage_is_cut_to_its_very_edges_and_the_first_copy_stays() {
    let passage = "one two three four five six";
    let texts = [
        format!("Before, {passage}. After."),
        format!("Other ({passage}) end"),
        "three four five six, one two three".to_owned(),
        format!("{passage} seven; and {passage} eight"),
    ];
    let texts: Vec<_> = texts.iter().map(String::as_str).collect();
    let expected = [texts[0], "Other () end", ", one two three", " seven; and  eight"];
    assert_eq!(kept(&words(4), &texts), expected);
}

#[test]
fn a_repeat_of_one_unit_less_stays() {
    let texts = ["a b c d e f", "x b c d y", "z b c d e y"];
    assert_eq!(kept(&words(4), &texts), [texts[0], texts[1], "z  y"]);
    assert_eq!(
        kept(&chars(8), &["0123456789", "x1234567y", "z12345678y"]),
        ["0123456789", "x1234567y", "zy"]
    );
}

#[test]
fn a_run_repeats_itself_only_where_it_does_not_overlap() {
    let dashes = "-".repeat(1000);
    assert_eq!(kept(&chars(50), &["-".repeat(99).as_str()]), ["-".repeat(99)]);
    assert_eq!(kept(&chars(50), &[&dashes]), ["-".repeat(50)]);
    assert_eq!(kept(&chars(50), &[&"-=".repeat(500)]), ["-=".repeat(25)]);
    assert_eq!(kept(&chars(51), &[&"-=".repeat(500)]), ["-=".repeat(26)]);
    let texts = [dashes.as_str(), "a", &format!("b{}c{dashes}", "-".repeat(49))];
    assert_eq!(kept(&chars(50), &texts)[2], format!("b{}c", "-".repeat(49)));
}

#[test]
fn a_run_of_a_million_characters_takes_few_rows() {
    let round = CandidateRound { winnow: Winnow::new(Measure::Chars, 50), n_ranges: 1 };
    for text in ["-", "-=", "0 \n"] {
        let mut rows = Rows::new(round.layout());
        let text = text.repeat(1_000_000 / text.len());
        round.scan(&Batch::of_texts(&[("a", &text)]), &Decisions::none(), &mut rows).unwrap();
        assert!(rows.len() < 60, "{} rows", rows.len());
    }
}

#[test]
fn a_passage_in_every_document_is_streamed() {
    let passage = (0..60).map(|i| format!("all{i} ")).collect::<String>();
    let text = |i: usize| format!("own{i} {passage}own{}", i + 1);
    let texts: Vec<_> = (0..5000).map(text).collect();
    let driver = Driver { budget: 32 << 10, batch_rows: 1000, ..Driver::default() };
    let outcome = run(&words(20), &driver, &corpus(&texts, 2500));
    assert_eq!((outcome.kept.len(), outcome.removed.len()), (5000, 0));
    assert_eq!(outcome.kept[0].text, texts[0]);
    for (i, document) in outcome.kept.iter().enumerate().skip(1) {
        assert_eq!(document.text, format!("own{i}  own{}", i + 1));
    }
}

#[test]
fn no_cut_parts_a_character_or_its_marks() {
    // google/deduplicate-text-datasets cuts bytes: 清 and 渕 share their first.
    let (a, b) = ("数据清洗很重要的清", "数据清洗很重要的渕");
    assert_eq!(kept(&chars(8), &[a, b]), [a, "渕"]);
    let (a, b) = ("wxyz cafe", "wxyz cafe\u{301} r\u{e9}sum\u{e9}");
    assert_eq!(kept(&chars(8), &[a, b]), [a, "e\u{301} r\u{e9}sum\u{e9}"]);
    let (a, b) = ("first line\nx", "first line\r\nx");
    assert_eq!(kept(&chars(8), &[&format!("{a}\r"), b]), [format!("{a}\r").as_str(), "\r\nx"]);
    let chinese = "个人信息处理者应当";
    assert_eq!(
        kept(&words(9), &[&format!("甲{chinese}乙"), &format!("丙，{chinese}。丁")])[1],
        "丙，。丁"
    );
}

#[test]
fn texts_without_a_repeat_stay_as_they_are() {
    // datatrove loses the documents of a task in which nothing repeats.
    let texts = ["", " \r\n", "a", "one two three", "四个汉字", "no line end", "\u{301}\u{301}"];
    assert_eq!(kept(&words(4), &texts), texts);
    assert_eq!(kept(&chars(4), &texts), texts);
    assert_eq!(kept(&words(4), &["\0\0 \0 a\0b"]), ["\0\0 \0 a\0b"]);
}

#[test]
fn places_beyond_4_gib_and_many_kinds_of_words_do_not_matter() {
    // datatrove holds token ids in 16 bits and offsets in 32: words and places that differ by multiples of these must not meet.
    let place = |row: u64| crate::Place { file: 7, row };
    let far =
        |row: u64, text: String| TestDocument { place: place(row), id: row.to_string(), text };
    let unique = |from: usize| (from..from + 70_000).map(|i| format!("w{i} ")).collect::<String>();
    let documents = [
        far(5, unique(0)),
        far(5 + (1 << 32), unique(70_000)),
        far(5 + (1 << 33), format!("a {}b", unique(65_536))),
    ];
    let driver = Driver { files_per_task: 8, budget: 1 << 16, ..Driver::default() };
    let outcome = run(&words(50), &driver, &documents);
    let kept: Vec<_> = outcome.kept.iter().map(|document| document.text.as_str()).collect();
    assert!(kept[0] == documents[0].text && kept[1] == documents[1].text);
    // What stood between the last word of one document and the first of the next stood in neither.
    assert_eq!(kept[2], "a   b");
}

#[test]
fn a_document_of_which_too_little_is_left_is_removed_with_the_text_it_had() {
    let texts = ["a b c d e", "- a b c d e -", " a b c d e "];
    let config = DedupSubstring { min_kept_chars: 3, ..words(5) };
    let outcome = run(&config, &Driver::default(), &corpus(&texts, 9));
    assert_eq!(outcome.kept.len(), 1);
    for (removed, (text, left)) in outcome.removed.iter().zip([(texts[1], 2.0), (texts[2], 0.0)]) {
        assert_eq!(
            (removed.text.as_str(), removed.cause.key().as_str()),
            (text, "dedup_substring.min_kept_chars")
        );
        let Cause::Rule { removal, .. } = &removed.cause else { panic!() };
        assert_eq!((removal.value, removal.limit), (left, 3.0));
    }
    assert_eq!(
        kept(&DedupSubstring { min_kept_chars: 0, ..words(5) }, &texts),
        [texts[0], "-  -", "  "]
    );
}

#[test]
fn annotation_changes_no_text() {
    let texts = ["a b c d e", "a b c d e", "x a b c d e y"];
    assert_eq!(kept(&DedupSubstring { action: Action::Annotate, ..words(4) }, &texts), texts);
}

#[test]
fn the_length_is_in_words_unless_characters_are_asked_for() {
    let parsed: DedupSubstring = toml::from_str("").unwrap();
    assert_eq!((parsed.min_repeat_words, parsed.min_repeat_chars), (Some(50), None));
    let parsed: DedupSubstring = toml::from_str("min_repeat_chars = 100").unwrap();
    assert_eq!((parsed.min_repeat_words, parsed.min_repeat_chars), (None, Some(100)));
    let again: DedupSubstring = toml::from_str(&toml::to_string(&parsed).unwrap()).unwrap();
    assert_eq!(again, parsed);
}

#[test]
fn unknown_keys_and_values_that_make_no_sense_are_refused() {
    assert!(toml::from_str::<DedupSubstring>("min_tokens = 50").is_err());
    assert!(toml::from_str::<DedupSubstring>("action = \"remove\"").is_err());
    let mistake = |config: DedupSubstring| config.build(1).err().unwrap().to_string();
    assert!(mistake(words(3)).contains("`min_repeat_words` is 3"));
    assert!(mistake(chars(20_000)).contains("`min_repeat_chars` is 20000"));
    let both = mistake(DedupSubstring { min_repeat_chars: Some(9), ..words(9) });
    assert!(
        both.contains("`min_repeat_words` and `min_repeat_chars`") && both.contains("hint: "),
        "{both}"
    );
}
