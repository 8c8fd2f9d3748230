//! Planted examples are found with name and span, near misses are not, and what is wrong in a set is named.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;

use arrow::array::{Array, AsArray, ListArray};
use arrow::datatypes::{Float64Type, UInt64Type};
use proptest::prelude::*;

use super::words::Words;
use super::*;
use crate::ledger::Removed;

mod properties;
mod sets;

const ENGLISH: &str =
    "Janet has sixteen ducks, and each of them lays two eggs before the sun rises over the barn.";
const CHINESE: &str =
    "在农业生产中被当作极其重要的劳动对象发挥作用，最主要的不可替代的基本生产资料是土地。";

/// Evaluation sets in a folder of their own.
struct Sets(tempfile::TempDir);

impl Sets {
    fn new(files: &[(&str, &str)]) -> Sets {
        let sets = Sets(tempfile::tempdir().unwrap());
        for (name, content) in files {
            sets.write(name, content.as_bytes());
        }
        sets
    }

    fn of(texts: &[&str]) -> Sets {
        let row = |text: &&str| format!("{}\n", serde_json::json!({ "question": text }));
        Sets::new(&[("set.jsonl", &texts.iter().map(row).collect::<String>())])
    }

    fn write(&self, name: &str, content: &[u8]) {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn config(&self, pattern: &str) -> Decontaminate {
        let against = vec![self.0.path().join(pattern).to_str().unwrap().to_owned()];
        Decontaminate { against, ..Decontaminate::default() }
    }

    fn error(&self, pattern: &str, columns: &[&str]) -> String {
        let columns = columns.iter().map(|name| (*name).to_owned()).collect();
        let error = Decontaminate { columns, ..self.config(pattern) }.build().err().unwrap();
        format!("{error:#}").replace(self.0.path().to_str().unwrap(), "…")
    }
}

fn run<T: AsRef<str>>(config: &Decontaminate, texts: &[T], batch_rows: usize) -> Vec<Removed> {
    let stage = config.build().unwrap();
    let mut removed = Vec::new();
    for texts in texts.chunks(batch_rows) {
        let rows: Vec<_> = texts.iter().map(|text| (text.as_ref(), text.as_ref())).collect();
        let mut ledger = Ledger::default();
        let kept = stage.apply(Batch::of_texts(&rows), &mut ledger).unwrap();
        assert_eq!(kept.n_rows() + ledger.removed.len(), texts.len(), "rows are conserved");
        removed.extend(ledger.removed);
    }
    removed
}

fn removal(removed: &Removed) -> &filters::Removal {
    match &removed.cause {
        Cause::Rule { removal, .. } => removal,
        other => panic!("{other:?}"),
    }
}

/// Returns what was found in a text, or nothing.
fn found(config: &Decontaminate, text: &str) -> Option<String> {
    run(config, &[text], 1).first().and_then(|removed| removal(removed).found.clone())
}

/// What `mode = "report"` says of a document: example, n-grams, ratio, start, end.
type Reported = Vec<(String, u64, f64, u64, u64)>;

fn report<T: AsRef<str>>(config: &Decontaminate, texts: &[T]) -> Vec<Reported> {
    let stage = Decontaminate { mode: Mode::Report, ..config.clone() }.build().unwrap();
    let rows: Vec<_> = texts.iter().map(|text| ("id", text.as_ref())).collect();
    let batch = Batch::of_texts(&rows);
    let schema = stage.schema(batch.rows.schema()).unwrap();
    let kept = stage.apply(batch, &mut Ledger::default()).unwrap();
    assert_eq!(kept.rows.schema(), schema);
    let column: &ListArray = kept.rows.column_by_name("decontaminate").unwrap().as_list();
    let list = |row: usize| {
        let items = column.value(row);
        let items = items.as_struct();
        let names = items.column(0).as_string::<i32>();
        let number = |i: usize, at: usize| items.column(i).as_primitive::<UInt64Type>().value(at);
        let ratios = items.column(2).as_primitive::<Float64Type>();
        let item = |at| {
            let name = names.value(at).to_owned();
            (name, number(1, at), ratios.value(at), number(3, at), number(4, at))
        };
        (0..items.len()).map(item).collect()
    };
    (0..texts.len()).map(list).collect()
}

#[test]
fn a_planted_example_is_found_with_its_name_and_span() {
    let sets = Sets::of(&[CHINESE, ENGLISH]);
    let config = sets.config("set.jsonl");
    for (row, example) in [CHINESE, ENGLISH].iter().enumerate() {
        let text = format!("前文。Before it: “{example}” and behind，后文");
        let start = text.find(example).unwrap();
        // The mark at the end is no part of a word.
        let end = start + example.trim_end_matches(['.', '。']).len();
        assert_eq!(found(&config, &text), Some(format!("set.jsonl:{row} [{start}..{end}]")));
        let removed = run(&config, &[text], 1);
        assert_eq!(removed[0].cause.key(), "decontaminate.max_example_ngrams");
        assert_eq!(removal(&removed[0]).limit, 0.0);
    }
}

#[test]
fn case_punctuation_and_line_ends_do_not_hide_an_example() {
    let sets = Sets::of(&[ENGLISH, CHINESE]);
    let config = sets.config("set.jsonl");
    let words: Vec<_> = ENGLISH.split_whitespace().collect();
    for text in [ENGLISH.to_uppercase(), words.join("\r\n"), words.join(" — ").replace(',', "")] {
        assert!(found(&config, &text).unwrap().starts_with("set.jsonl:0 ["), "{text}");
    }
    let apart =
        CHINESE.replace('，', "").chars().map(|char| format!("{char} \n")).collect::<String>();
    assert!(found(&config, &apart).unwrap().starts_with("set.jsonl:1 ["));
}

#[test]
fn what_only_resembles_an_example_stays() {
    let sets = Sets::of(&[ENGLISH, CHINESE]);
    let config = sets.config("set.jsonl");
    // Every 10th word, or 15th character, is another: no n-gram is whole.
    let words = ENGLISH.split_whitespace().enumerate();
    let near: Vec<_> = words.map(|(i, word)| if i % 10 == 9 { "geese" } else { word }).collect();
    assert_eq!(found(&config, &near.join(" ")), None);
    let chars = CHINESE.chars().enumerate();
    let near: String = chars.map(|(i, char)| if i % 15 == 14 { '鹅' } else { char }).collect();
    assert_eq!(found(&config, &near), None);
    for text in ["", " \r\n", "!?", "Janet has sixteen ducks", "在农业生产中"] {
        assert_eq!(found(&config, text), None);
    }
}

#[test]
fn a_part_of_an_example_counts_as_its_share_of_ngrams() {
    // 18 words are 11 8-grams.
    let sets = Sets::of(&[ENGLISH]);
    let config =
        Decontaminate { ngram: 8, max_example_ratio: Some(0.7), ..sets.config("set.jsonl") };
    let words: Vec<_> = ENGLISH.split_whitespace().collect();
    assert_eq!(words.len(), 18);
    assert_eq!(found(&config, &words[..14].join(" ")), None);
    let removed = run(&config, &[words[..15].join(" ")], 1);
    let filters::Removal { check, value, limit, .. } = removal(&removed[0]);
    assert_eq!((*check, *value, *limit), ("max_example_ratio", 8.0 / 11.0, 0.7));
    // The same n-grams twice are no more of it.
    assert_eq!(found(&config, &[&words[..14], &words[..14]].concat().join(" ")), None);
    let config = Decontaminate { max_example_ngrams: Some(6), max_example_ratio: None, ..config };
    assert_eq!(found(&config, &words[..13].join(" ")), None);
    let removed = run(&config, &[words[..14].join(" ")], 1);
    let filters::Removal { check, value, limit, .. } = removal(&removed[0]);
    assert_eq!((*check, *value, *limit), ("max_example_ngrams", 7.0, 6.0));
}

#[test]
fn an_example_with_fewer_ngrams_than_the_limit_is_found_when_it_is_whole() {
    let sets = Sets::of(&[ENGLISH]);
    let config = Decontaminate { max_example_ngrams: Some(50), ..sets.config("set.jsonl") };
    let removed = run(&config, &[ENGLISH], 1);
    assert_eq!((removal(&removed[0]).value, removal(&removed[0]).limit), (6.0, 5.0));
    let words: Vec<_> = ENGLISH.split_whitespace().collect();
    assert_eq!(found(&config, &words[1..].join(" ")), None);
}

#[test]
fn a_short_example_is_found_as_a_whole_or_warned_of() {
    let short = "Who wrote the play about a Danish prince?";
    let sets = Sets::of(&[short, "What is this?", "", "哈姆雷特的作者是谁出生于哪里", "作者是谁"]);
    let config = sets.config("set.jsonl");
    let about = format!("Quiz. {short} It was Shakespeare.");
    assert_eq!(found(&config, &about).unwrap(), "set.jsonl:0 [6..46]");
    assert_eq!(found(&config, "Who wrote the play about a Danish king?"), None);
    assert_eq!(found(&config, "Who wrote the play about a Danish"), None);
    assert_eq!(
        found(&config, "问：哈姆雷特的作者是谁，出生于哪里？").unwrap(),
        "set.jsonl:3 [6..51]"
    );
    assert_eq!(found(&config, "What is this? 作者是谁"), None);
    assert_eq!(
        config.build().unwrap().warnings(),
        [
            "decontaminate: 3 of 5 examples of set.jsonl are not checked: shorter than `min_example_words` = 8, or \
          without an n-gram that at most `max_examples` = 10 have: rows 1, 2, 4"
        ]
    );
}

#[test]
fn what_many_examples_share_is_ignored() {
    let prompt = "Choose the best answer from the following options and write down only its letter, please. ";
    let topics = ["ducks", "geese", "swans", "cranes"];
    let rest =
        "of the northern lakes leave for the south when the first snow has fallen in the hills";
    let examples: Vec<_> =
        topics.iter().map(|topic| format!("{prompt}{topic} {rest} {topic}")).collect();
    let examples: Vec<_> = examples.iter().map(String::as_str).collect();
    let sets = Sets::of(&examples);
    let strict = sets.config("set.jsonl");
    let config = Decontaminate { max_examples: 3, ..sets.config("set.jsonl") };
    assert!(found(&strict, prompt).is_some());
    assert_eq!(found(&config, prompt), None);
    assert!(found(&config, examples[2]).unwrap().starts_with("set.jsonl:2 "));
    // Texts that are the same count once: ten questions about one passage.
    let sets = Sets::of(&[ENGLISH; 30]);
    assert_eq!(
        found(&sets.config("set.jsonl"), ENGLISH).unwrap().matches("set.jsonl:").count(),
        20
    );
    assert!(found(&sets.config("set.jsonl"), ENGLISH).unwrap().ends_with("; 10 more"));
    // A short text that many others hold is as common as an n-gram.
    let phrase = "which of the following is the best answer";
    let mut examples: Vec<_> =
        topics.iter().map(|t| format!("{t}: {phrase} about {t} {rest}")).collect();
    examples.push(phrase.to_owned());
    let sets = Sets::of(&examples.iter().map(String::as_str).collect::<Vec<_>>());
    let config = Decontaminate { max_examples: 4, ..sets.config("set.jsonl") };
    assert_eq!(found(&config, phrase), None);
    assert!(config.build().unwrap().warnings()[0].ends_with("rows 4"));
    assert!(found(&sets.config("set.jsonl"), phrase).is_some());
}

#[test]
fn a_report_removes_nothing_and_lists_every_example() {
    let sets = Sets::of(&[
        ENGLISH,
        CHINESE,
        "Nothing of this one stands in any of the documents, however long they may be.",
    ]);
    let config = sets.config("set.jsonl");
    let words: Vec<_> = ENGLISH.split_whitespace().collect();
    let part = format!("{CHINESE}\n{}", words[..13].join(" "));
    let reported = report(&config, &[part.as_str(), "", ENGLISH]);
    assert!(reported[1].is_empty());
    let names: Vec<_> = reported[0].iter().map(|item| (item.0.as_str(), item.1)).collect();
    assert_eq!(names, [("set.jsonl:1", 21), ("set.jsonl:0", 1)]);
    assert_eq!(reported[0][0].2, 1.0);
    let (_, _, ratio, start, end) = reported[0][1];
    assert_eq!((ratio, start as usize, end as usize), (1.0 / 6.0, CHINESE.len() + 1, part.len()));
    assert_eq!(reported[2].len(), 1);
}

#[test]
fn a_column_that_a_report_would_overwrite_is_refused() {
    let sets = Sets::of(&[ENGLISH]);
    let config = Decontaminate { mode: Mode::Report, ..sets.config("set.jsonl") };
    let stage = config.build().unwrap();
    let schema = Batch::of_texts(&[]).rows.schema();
    let once = stage.schema(schema).unwrap();
    let error = stage.schema(once.clone()).unwrap_err().to_string();
    assert!(error.contains("column `decontaminate`") && error.contains("hint: "), "{error}");
    let other = Decontaminate { name: Some("ngrams_8".to_owned()), ..config };
    assert_eq!(other.build().unwrap().schema(once).unwrap().fields().len(), 7);
}

#[test]
fn a_document_that_repeats_a_shared_passage_is_judged_in_bounded_time() {
    let sets = Sets::of(&[ENGLISH; 500]);
    let text = format!("{ENGLISH} ").repeat(20_000);
    let removed = run(&sets.config("set.jsonl"), &[text], 1);
    assert!(removal(&removed[0]).found.as_ref().unwrap().ends_with("; 480 more"));
    let no_ends = "aaaa ".repeat(100_000) + &"字".repeat(100_000);
    assert_eq!(found(&sets.config("set.jsonl"), &no_ends), None);
}
