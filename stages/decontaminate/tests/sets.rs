//! How evaluation sets are read, and what of them is refused.

use super::*;

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
