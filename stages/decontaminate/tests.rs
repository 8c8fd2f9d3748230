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
fn texts_are_read_from_columns_paths_lists_and_lines() {
    let row = serde_json::json!({
        "id": "q1", "meta": { "question": ENGLISH }, "choices": [CHINESE, null, 3], "answer": "4",
    });
    let gz = {
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(format!("{row}\n").as_bytes()).unwrap();
        gz.finish().unwrap()
    };
    let sets = Sets::new(&[
        ("a.jsonl", &format!("\n{row}\r\n")),
        ("c.txt", &format!("\u{feff}first line\n\n{ENGLISH}\n{CHINESE}")),
    ]);
    sets.write("b.jsonl.gz", &gz);
    sets.write("d.jsonl.zst", &zstd::encode_all(format!("{row}").as_bytes(), 1).unwrap());
    let both = format!("{ENGLISH} {CHINESE}");
    for (file, row) in [("a.jsonl", 1), ("b.jsonl.gz", 0), ("d.jsonl.zst", 0)] {
        let with = |columns: &[&str]| {
            let columns = columns.iter().map(|name| (*name).to_owned()).collect();
            report(&Decontaminate { columns, ..sets.config(file) }, &[&both])
        };
        let n = |columns: &[&str]| with(columns)[0].iter().map(|item| item.1).collect::<Vec<_>>();
        assert_eq!(with(&[])[0][0].0, format!("{file}:{row}"));
        assert_eq!(n(&[]), [27]);
        assert_eq!(n(&["meta.question"]), [6]);
        assert_eq!(n(&["meta"]), [6]);
        assert_eq!(n(&["choices", "answer"]), [21]);
    }
    let lines = report(&sets.config("c.txt"), &[&both]);
    let lines: Vec<_> = lines[0].iter().map(|item| (item.0.as_str(), item.1)).collect();
    assert_eq!(lines, [("c.txt:3", 21), ("c.txt:2", 6)]);
}

#[test]
fn parquet_is_read_as_json_is() {
    let sets = Sets::of(&[]);
    let texts = Batch::of_texts(&[("a", "short"), ("b", ENGLISH), ("c", CHINESE)]);
    let file = fs::File::create(sets.0.path().join("set.parquet")).unwrap();
    let mut writer = parquet::arrow::ArrowWriter::try_new(file, texts.rows.schema(), None).unwrap();
    writer.write(&texts.rows).unwrap();
    writer.close().unwrap();
    let config = sets.config("set.parquet");
    assert!(found(&config, ENGLISH).unwrap().starts_with("set.parquet:1 ["));
    assert!(found(&config, CHINESE).unwrap().starts_with("set.parquet:2 ["));
    assert_eq!(
        sets.error("set.parquet", &["question"]),
        "`against`: …/set.parquet: row 0: has none of the columns question; it has id, text"
    );
}

#[test]
fn files_with_the_same_name_are_told_apart() {
    let row = |text: &str| serde_json::json!({ "text": text }).to_string();
    let sets = Sets::new(&[("a/test.jsonl", &row(ENGLISH)), ("b/test.jsonl", &row(CHINESE))]);
    let mut config = sets.config("a/test.jsonl");
    config.against.extend(sets.config("b/test.jsonl").against);
    assert_eq!(config.references().len(), 2);
    assert!(found(&config, CHINESE).unwrap().contains("b/test.jsonl:0 ["));
    assert!(found(&sets.config("*/test.jsonl"), CHINESE).unwrap().starts_with("b/test.jsonl:0 ["));
}

#[test]
fn what_is_wrong_in_a_set_is_named_with_file_and_row() {
    let good = r#"{"question": "x"}"#;
    let sets = Sets::new(&[
        ("json.jsonl", &format!("{good}\n{{\"question\": }}\n")),
        ("list.jsonl", &format!("{good}\n\n[1]\n")),
        ("columns.jsonl", &format!("{good}\n{{\"answer\": \"y\", \"n\": 1}}\n")),
        ("number.jsonl", r#"{"question": 7}"#),
        ("empty.jsonl", "\n"),
        ("table.csv", "question\nx\n"),
        ("good.jsonl", good),
    ]);
    sets.write("utf8.jsonl", b"{}\n{\"a\": \"\xff\"}");
    sets.write("broken.jsonl.gz", b"\x1f\x8b\x08\x00\x00");
    let error = |name: &str| sets.error(name, &["question"]);
    assert_eq!(
        error("json.jsonl"),
        "`against`: …/json.jsonl: row 1: invalid JSON at byte 14: expected value"
    );
    assert_eq!(
        error("list.jsonl"),
        "`against`: …/list.jsonl: row 2: is a list, expected an object"
    );
    assert_eq!(
        error("columns.jsonl"),
        "`against`: …/columns.jsonl: row 1: has none of the columns question; it has answer, n"
    );
    assert_eq!(
        error("number.jsonl"),
        "`against`: …/number.jsonl: row 0: `question` is a number, expected a string, or a list of them"
    );
    assert_eq!(error("empty.jsonl"), "`against`: …/empty.jsonl: holds no example");
    assert_eq!(
        sets.error("utf8.jsonl", &[]),
        "`against`: …/utf8.jsonl: row 1: invalid UTF-8 at byte 7"
    );
    assert!(error("broken.jsonl.gz").contains("broken.jsonl.gz: row 0: the gzip stream breaks"));
    assert!(
        error("table.csv").contains("table.csv: CSV is not read here\nhint: evaluation sets are")
    );
    assert!(
        error("*.parquet")
            .contains("`against`: …/*.parquet: matches no file\nhint: evaluation sets are")
    );
    assert_eq!(
        sets.error("good.jsonl", &["question", "anwser"]),
        "`columns`: no example has a `anwser`"
    );
}

#[test]
fn values_that_make_no_sense_are_refused_and_all_named() {
    let config = Decontaminate {
        ngram: 1,
        ngram_cjk: Some(101),
        min_example_words: 0,
        max_examples: 0,
        max_example_ratio: Some(1.0),
        name: Some(" ".to_owned()),
        ..Decontaminate::default()
    };
    let error = config.build().err().unwrap().to_string();
    for key in [
        "against",
        "name",
        "ngram",
        "ngram_cjk",
        "min_example_words",
        "max_examples",
        "max_example_ratio",
    ] {
        assert!(error.contains(&format!("`{key}`")), "{error}");
    }
    assert!(toml::from_str::<Decontaminate>("against = []\nngrams = 3").is_err());
    assert!(toml::from_str::<Decontaminate>("mode = \"cut\"").is_err());
    assert_eq!(toml::from_str::<Decontaminate>("").unwrap(), Decontaminate::default());
    assert_eq!(Decontaminate { ngram: 8, ..Decontaminate::default() }.ngram_cjk(), 12);
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

/// The words of a text, written plainly, and whether each is a character by itself.
fn plain_words(text: &str) -> Vec<(String, bool)> {
    let words = Words::new(text)
        .map(|word| (text.get(word.start..word.end).unwrap().to_lowercase(), word.alone));
    words.collect()
}

fn plain_runs(words: &[(String, bool)], share: usize, config: &Decontaminate) -> Vec<Vec<String>> {
    let weight = |word: &(String, bool)| if word.1 { config.ngram } else { config.ngram_cjk() };
    let needed = share * config.ngram_cjk();
    let run = |start: usize| {
        let mut sum = 0;
        let end = words[start..].iter().position(|word| {
            sum += weight(word);
            sum >= needed
        })?;
        Some(words[start..=start + end].iter().map(|word| word.0.clone()).collect())
    };
    (0..words.len()).map_while(run).collect()
}

/// For each document, how many n-grams of each example it has, and of how many: by sets of strings.
fn plain_overlaps(
    config: &Decontaminate,
    examples: &[String],
    texts: &[String],
) -> Vec<BTreeMap<usize, (usize, usize)>> {
    let short = config.min_example_words.min(config.ngram);
    let distinct: BTreeSet<Vec<_>> = examples.iter().map(|text| plain_words(text)).collect();
    let strings =
        |words: &[(String, bool)]| -> Vec<String> { words.iter().map(|w| w.0.clone()).collect() };
    let grams_of = |words: &[(String, bool)]| -> BTreeSet<Vec<String>> {
        let long: BTreeSet<_> = plain_runs(words, config.ngram, config).into_iter().collect();
        match plain_runs(words, short, config).is_empty() {
            _ if !long.is_empty() => long,
            true => BTreeSet::new(),
            false => BTreeSet::from([strings(words)]),
        }
    };
    let holds = |words: &[(String, bool)], gram: &[String]| {
        strings(words).windows(gram.len()).any(|window| window == gram)
    };
    let is_rare = |gram: &Vec<String>, is_whole: bool| {
        let has = |words: &&Vec<(String, bool)>| match is_whole {
            true => holds(words, gram),
            false => plain_runs(words, config.ngram, config).contains(gram),
        };
        distinct.iter().filter(has).count() <= config.max_examples
    };
    let wanted: Vec<BTreeSet<_>> = examples
        .iter()
        .map(|text| {
            let words = plain_words(text);
            let is_whole = plain_runs(&words, config.ngram, config).is_empty();
            grams_of(&words).into_iter().filter(|gram| is_rare(gram, is_whole)).collect()
        })
        .collect();
    texts
        .iter()
        .map(|text| {
            let words = plain_words(text);
            let shared = |grams: &BTreeSet<Vec<String>>| {
                grams.iter().filter(|gram| holds(&words, gram)).count()
            };
            let all = wanted.iter().map(|grams| (shared(grams), grams.len())).enumerate();
            all.filter(|(_, (n, _))| *n > 0).collect()
        })
        .collect()
}

fn corpus(words: &'static str, n_words: std::ops::Range<usize>) -> impl Strategy<Value = String> {
    prop::collection::vec(words, n_words).prop_map(|words| words.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn overlaps_are_those_of_sets_of_strings(
        examples in prop::collection::vec(corpus("[ab]|A,|[一二]{1,3}", 0..9), 1..6),
        texts in prop::collection::vec(corpus("[abc]|[一二]{1,3}", 0..30), 1..5),
        ngram in 2_usize..5, ngram_cjk in 2_usize..6, min_example_words in 1_usize..5,
        max_examples in 1_usize..4,
    ) {
        let sets = Sets::of(&examples.iter().map(String::as_str).collect::<Vec<_>>());
        let ngram_cjk = Some(ngram_cjk);
        let config = Decontaminate {
            ngram, ngram_cjk, min_example_words, max_examples, ..sets.config("set.jsonl")
        };
        let expected = plain_overlaps(&config, &examples, &texts);
        for (reported, expected) in report(&config, &texts).iter().zip(&expected) {
            let found: BTreeMap<_, _> = reported.iter().map(|item| (item.0.clone(), (item.1, item.2))).collect();
            let expected: BTreeMap<_, _> = expected
                .iter()
                .map(|(row, (n, of))| (format!("set.jsonl:{row}"), (*n as u64, *n as f64 / *of as f64)))
                .collect();
            prop_assert_eq!(found, expected);
        }
        let clean = texts.iter().zip(&expected).filter(|(_, found)| found.is_empty());
        let clean: Vec<_> = clean.map(|(text, _)| text).collect();
        prop_assert_eq!(run(&config, &texts, 2).len(), texts.len() - clean.len());
        prop_assert!(run(&config, &clean, 2).is_empty(), "a second run finds nothing");
    }

    #[test]
    fn an_example_in_a_document_is_found_whatever_stands_around_it(
        example in "[a-zé]{1,8}( [a-zé]{1,8}){12,20}|[一-鿿]{20,40}",
        before in any::<String>(), after in any::<String>(), others in any::<Vec<String>>(),
        batch_rows in 1_usize..4,
    ) {
        let mut examples: Vec<_> = others.iter().map(String::as_str).collect();
        examples.push(&example);
        let sets = Sets::of(&examples);
        let config = Decontaminate { columns: vec!["question".to_owned()], ..sets.config("set.jsonl") };
        let text = format!("{before} {example}\n{after}");
        let texts = [before.as_str(), &text, &after, &text];
        let removed = run(&config, &texts, batch_rows);
        let place = format!("[{}..{}]", before.len() + 1, before.len() + 1 + example.len());
        let name = format!("set.jsonl:{} {place}", others.len());
        let holds = |removed: &&Removed| {
            removed.text == text && removal(removed).found.as_ref().unwrap().contains(&name)
        };
        prop_assert_eq!(removed.iter().filter(holds).count(), 2, "{:?}", removed);
        prop_assert_eq!(removed.len(), run(&config, &texts, 4).len());
    }

    #[test]
    fn no_text_is_too_odd(text in any::<String>(), example in any::<String>()) {
        let sets = Sets::of(&[&example, ENGLISH]);
        let config = Decontaminate { ngram: 2, min_example_words: 1, ..sets.config("set.jsonl") };
        for item in report(&config, &[text.as_str()]).remove(0) {
            prop_assert!(text.get(item.3 as usize..item.4 as usize).is_some());
        }
    }
}
