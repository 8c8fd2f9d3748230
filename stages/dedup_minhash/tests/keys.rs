//! What the keys do, and which values are refused.

use models::{Bpe, BpeTraining};

use super::*;

/// Keeps a trained tokenizer for as long as a test runs.
struct TokenizerFile {
    _folder: tempfile::TempDir,
    path: String,
}

impl TokenizerFile {
    fn new() -> TokenizerFile {
        let options = BpeTraining { vocab_size: 300, ..BpeTraining::default() };
        let text = "the quick brown fox jumps over the lazy dog 你好";
        let words = text.split(' ').map(|word| (word.as_bytes(), 3));
        let json = Bpe::train(words, &options).unwrap().to_json();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokenizer.json");
        std::fs::write(&path, json).unwrap();
        TokenizerFile { path: path.to_str().unwrap().to_owned(), _folder: folder }
    }
}

/// Returns a configuration for each unit, and for datatrove.
pub(super) fn all_units(visit: impl Fn(&str, &DedupMinhash)) {
    let file = TokenizerFile::new();
    let base = DedupMinhash::default;
    visit("words", &base());
    visit("characters", &DedupMinhash { unit: Unit::Characters, ..base() });
    visit("dictionary_words", &DedupMinhash { unit: Unit::DictionaryWords, ..base() });
    let tokenizer = Some(file.path.clone());
    visit("tokens", &DedupMinhash { unit: Unit::Tokens, tokenizer, ..base() });
    visit("datatrove", &DedupMinhash { compatible: Some(Compatible::Datatrove), ..base() });
}

/// Returns how many n-grams a text has.
fn n_ngrams(config: &DedupMinhash, text: &str, language: Option<&str>) -> usize {
    config.cutter().unwrap().cut_ngrams(text, language, &mut Cut::default())
}

#[test]
fn each_unit_cuts_what_its_name_says() {
    let unigrams = |unit| DedupMinhash { ngram: 1, unit, ..DedupMinhash::default() };
    let text = "Hello,  World! 上海的图书馆在星期二重新开放";
    assert_eq!(n_ngrams(&unigrams(Unit::Words), text, None), 2 + 14);
    assert_eq!(n_ngrams(&unigrams(Unit::Characters), text, None), 14 + 14);
    // 上海 的 图书馆 在 星期二 重新 开放
    assert_eq!(n_ngrams(&unigrams(Unit::DictionaryWords), text, Some("zh")), 2 + 7);
    let thai = "ภาษาไทย, ok";
    assert_eq!(n_ngrams(&unigrams(Unit::DictionaryWords), thai, Some("th")), 3);
    assert_eq!(n_ngrams(&unigrams(Unit::Words), thai, Some("th")), 2);
    all_units(|unit, config| {
        assert!(n_ngrams(config, text, None) > 1, "{unit}");
        assert_eq!(n_ngrams(config, "", None), 1, "{unit}");
    });
}

#[test]
fn every_unit_finds_a_near_duplicate_and_keeps_other_texts() {
    all_units(|unit, config| {
        let texts = [words("fox", 0, 300), words("fox", 10, 300), words("dog", 0, 300)];
        let outcome = run(config, &Driver::default(), &corpus(&texts, 2));
        assert_eq!(ids(&outcome.kept), ["0:0", "1:0"], "{unit}");
    });
}

#[test]
fn the_longest_or_shortest_of_a_cluster_stays_and_is_named() {
    let texts = [words("a", 10, 200), words("a", 5, 200), words("a", 0, 200), words("b", 0, 9)];
    for (keep, kept) in [("longest", "1:0"), ("shortest", "0:0"), ("first", "0:0")] {
        let keep = Keep::try_from(keep.to_owned()).unwrap();
        let config = DedupMinhash { keep, ..DedupMinhash::default() };
        let outcome = run(&config, &Driver::default(), &corpus(&texts, 2));
        assert_eq!(ids(&outcome.kept), [kept, "1:1"], "{config:?}");
        check(&outcome, &config);
    }
}

#[test]
fn a_signature_decides_by_the_share_of_its_equal_numbers() {
    let texts = [words("a", 0, 200), words("a", 5, 200), words("a", 90, 290)];
    let config = DedupMinhash { verify: Verify::Signature, ..DedupMinhash::default() };
    let outcome = run(&config, &Driver::default(), &corpus(&texts, 2));
    assert_eq!(ids(&outcome.kept), ["0:0", "1:0"]);
    let Cause::Duplicate { similarity, .. } = outcome.removed[0].cause else { panic!() };
    assert_eq!((similarity * 112.0).fract(), 0.0, "{similarity} is a share of 112");
}

#[test]
fn n_hashes_chooses_the_bands_for_the_threshold() {
    let config = DedupMinhash { n_hashes: Some(256), ..DedupMinhash::default() };
    assert_eq!(config.bands_and_rows(), (25, 10));
    assert_eq!(config.cutter().unwrap().n_bands(), 25);
    let near = |a: f64, b: f64| (a - b).abs() < 0.001;
    let curve = DedupMinhash::default().curve();
    assert!(near(curve[2].1, 0.565) && near(curve[4].1, 0.924), "{curve:?}");
}

#[test]
fn what_takes_effect_is_written_and_can_be_read_again() {
    for written in
        ["", "n_hashes = 128", "compatible = \"datatrove\"", "keep = \"max:score\"\nbands = 20"]
    {
        let config: DedupMinhash = toml::from_str(written).unwrap();
        let filled = config.clone().filled();
        let again: DedupMinhash = toml::from_str(&toml::to_string(&filled).unwrap()).unwrap();
        assert_eq!(again, filled, "{written}");
        assert_eq!(again.bands_and_rows(), config.bands_and_rows(), "{written}");
        again.cutter().unwrap();
    }
    let filled = DedupMinhash::default().filled();
    assert_eq!((filled.bands, filled.rows, filled.seed), (Some(14), Some(8), Some(0)));
}

#[test]
fn unknown_keys_and_values_that_make_no_sense_are_refused() {
    for unknown in ["buckets = 14", "unit = \"bytes\"", "verify = \"none\"", "keep = \"last\""] {
        assert!(toml::from_str::<DedupMinhash>(unknown).is_err(), "{unknown}");
    }
    let config: DedupMinhash = toml::from_str("unit = \"words\"\nthreshold = 0.8").unwrap();
    assert_eq!(DedupMinhash { threshold: 0.8, ..DedupMinhash::default() }, config);
    let bad = DedupMinhash { ngram: 0, threshold: f64::NAN, rows: Some(9999), ..config };
    let error = bad.build(1).err().unwrap().to_string();
    for key in ["`ngram` is 0", "`threshold` is NaN", "`bands` × `rows` is 139986"] {
        assert!(error.contains(key), "{error}");
    }
    for (bad, named) in [
        ("n_hashes = 128\nbands = 4", "`n_hashes` chooses"),
        ("n_hashes = 0", "`n_hashes` is 0"),
        ("n_hashes = 100_000", "`n_hashes` is 100000"),
        ("unit = \"tokens\"", "`tokenizer = \"…\"` need each other"),
        ("tokenizer = \"t.json\"", "`tokenizer = \"…\"` need each other"),
        ("unit = \"tokens\"\ntokenizer = \"no such file\"", "no such file"),
        ("unit = \"characters\"\ncompatible = \"datatrove\"", "leave `unit` out"),
        (
            "verify = \"signature\"\nmax_cluster_ngrams = 50\nmax_document_ngrams = 9",
            "one signature has 112 numbers",
        ),
    ] {
        let config: DedupMinhash = toml::from_str(bad).unwrap();
        let error = config.build(1).err().map(|error| format!("{error:#}")).unwrap_or_default();
        assert!(error.contains(named), "{bad}: {error}");
    }
}
