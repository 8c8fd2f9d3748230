//! Both rounds and the stage that they open.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::batch::Place;
use crate::duplicates::driver::{Driver, Outcome, TestDocument, corpus};
use crate::ledger::{Cause, Original};

fn run(config: &DedupMinhash, driver: &Driver, corpus: &[TestDocument]) -> Outcome {
    driver.run(&config.build(3).unwrap(), corpus)
}

/// Jaccard similarity of the sets of 5-grams of words, computed from strings.
fn jaccard(a: &str, b: &str) -> f64 {
    let ngrams = |text: &str| -> BTreeSet<Vec<String>> {
        let words: Vec<_> = text.split_whitespace().map(str::to_lowercase).collect();
        words.windows(5.min(words.len()).max(1)).map(<[_]>::to_vec).collect()
    };
    let (a, b) = (ngrams(a), ngrams(b));
    a.intersection(&b).count() as f64 / a.union(&b).count().max(1) as f64
}

/// Words `from..to` of an endless text without repeats.
fn words(text: &str, from: usize, to: usize) -> String {
    (from..to).map(|i| format!("{text}{i}")).collect::<Vec<_>>().join(" ")
}

fn ids(documents: &[TestDocument]) -> Vec<&str> {
    documents.iter().map(|document| document.id.as_str()).collect()
}

#[test]
fn near_duplicates_of_the_first_are_removed_and_name_it() {
    let texts = [words("a", 0, 200), words("b", 0, 200), words("a", 5, 200), words("a", 0, 200)];
    let outcome = run(&DedupMinhash::default(), &Driver::default(), &corpus(&texts, 2));
    assert_eq!(ids(&outcome.kept), ["0:0", "0:1"]);
    let similarity = |i: usize| match &outcome.removed[i].cause {
        Cause::Duplicate { stage: "dedup_minhash", of_id, similarity, .. } if of_id == "0:0" => {
            *similarity
        }
        other => panic!("{other:?}"),
    };
    assert_eq!([similarity(0), similarity(1)], [191.0 / 196.0, 1.0]);
}

#[test]
fn short_and_empty_documents_are_compared_too() {
    let texts = ["Hello, world!", "", "hello world", "Bye", "你好", "", "你好。", "!!!", "???"];
    let outcome = run(&DedupMinhash::default(), &Driver::default(), &corpus(&texts, 100));
    assert_eq!(ids(&outcome.kept), ["0:0", "0:1", "0:3", "0:4", "0:7", "0:8"]);
}

#[test]
fn a_chain_of_weak_links_is_not_swallowed() {
    // Each text is 0.8 similar to the next and less than 0.7 to the one after it.
    let texts: Vec<_> = (0..40).map(|i| words("a", 22 * i, 22 * i + 200)).collect();
    let corpus = corpus(&texts, 10);
    let outcome = run(&DedupMinhash::default(), &Driver::default(), &corpus);
    check(&outcome, 0.7);
    assert!(outcome.kept.len() >= 20, "{} of 40 are kept", outcome.kept.len());
    assert!(outcome.removed.len() >= 14, "{} of 40 are removed", outcome.removed.len());
}

/// Checks what every outcome must hold, from the texts alone.
fn check(outcome: &Outcome, threshold: f64) {
    let kept: BTreeMap<_, _> =
        outcome.kept.iter().map(|document| (document.place, document)).collect();
    for removed in &outcome.removed {
        let Cause::Duplicate { of, of_id, similarity, .. } = &removed.cause else {
            panic!("{removed:?}")
        };
        let Original::Input(of) = of else { panic!("{removed:?}") };
        let kept = kept.get(of).expect("the kept document is kept by this stage");
        assert!(*of < removed.place && kept.id == *of_id);
        assert_eq!(*similarity, jaccard(&kept.text, &removed.text));
        assert!(*similarity >= threshold);
    }
}

#[test]
fn a_band_in_every_document_is_streamed() {
    // The documents are the same but for white space, so all bands are skewed, and the budget holds a few rows only.
    let text = words("boilerplate", 0, 30);
    let texts: Vec<_> = (0..3000).map(|i| format!("{text}{}", " ".repeat(i))).collect();
    let driver = Driver { budget: 8 << 10, batch_rows: 100, ..Driver::default() };
    let outcome = run(&DedupMinhash::default(), &driver, &corpus(&texts, 1000));
    assert_eq!((outcome.kept.len(), outcome.removed.len()), (1, 2999));
    assert!(outcome.warnings.is_empty());
}

/// Documents of one component that are all to be kept: a chain of weak links.
fn kept_component() -> Vec<TestDocument> {
    let texts: Vec<_> = (0..30).map(|i| words("a", 20 * i, 20 * i + 104)).collect();
    corpus(&texts, 10)
}

#[test]
fn documents_beyond_a_cap_are_kept_and_reported() {
    // One row a band joins whatever has something in common.
    let config = DedupMinhash { rows: 1, bands: 64, threshold: 0.9, ..DedupMinhash::default() };
    let mut corpus = kept_component();
    let copy = |of: usize, row: u64| TestDocument {
        place: Place { file: 2, row },
        id: format!("copy of {of}"),
        text: corpus[of].text.clone(),
    };
    let copies = [copy(1, 10), copy(20, 11)];
    corpus.extend(copies);
    let without_caps = run(&config, &Driver::default(), &corpus);
    assert_eq!(without_caps.removed.len(), 2);
    assert!(without_caps.warnings.is_empty());
    for config in [
        DedupMinhash { max_cluster_documents: 10, ..config.clone() },
        DedupMinhash { max_cluster_ngrams: 1000, max_document_ngrams: 1000, ..config },
    ] {
        let outcome = run(&config, &Driver::default(), &corpus);
        let removed: Vec<_> = outcome.removed.iter().map(|removed| removed.id.as_str()).collect();
        assert_eq!(removed, ["copy of 1"], "what is remembered is still compared with");
        assert_eq!(outcome.warnings.len(), 1);
        assert!(outcome.warnings[0].contains("begins with `0:0`"), "{}", outcome.warnings[0]);
        assert!(outcome.warnings[0].contains("21 were kept"), "{}", outcome.warnings[0]);
        check(&outcome, 0.9);
    }
}

#[test]
fn a_document_with_too_many_ngrams_is_compared_by_its_smallest_hashes() {
    let texts = [words("a", 0, 20_000), words("a", 1000, 20_000), words("b", 0, 20_000)];
    let config = DedupMinhash { max_document_ngrams: 1000, ..DedupMinhash::default() };
    let outcome = run(&config, &Driver::default(), &corpus(&texts, 3));
    assert_eq!(ids(&outcome.kept), ["0:0", "0:2"]);
    let Cause::Duplicate { similarity, .. } = outcome.removed[0].cause else { panic!() };
    assert!((similarity - 0.95).abs() < 4.0 * (0.95_f64 * 0.05 / 1000.0).sqrt(), "{similarity}");
}

#[test]
fn more_candidates_than_memory_holds_are_an_error_with_a_hint() {
    let folder = tempfile::tempdir().unwrap();
    let tasks: crate::rows::TaskOfFile = [0].into();
    let census = DedupMinhash::default().build(1).unwrap();
    let round = &census.rounds()[0];
    let mut out = crate::rows::Gathered::new(folder.path(), 0, tasks.clone(), 1 << 20);
    for row in 0..100 {
        let place = crate::Place { file: 0, row }.to_bytes();
        out.emit(&place, &crate::Place { file: 0, row: 0 }.to_bytes()).unwrap();
    }
    out.finish().unwrap();
    let mut seal = crate::rows::Seal::new(folder.path(), 1, folder.path(), tasks, 999);
    let error = round.seal(&mut seal).unwrap_err().to_string();
    assert!(error.contains("55 documents") && error.contains("hint: raise `memory`"), "{error}");
}

#[test]
fn unknown_keys_and_values_that_make_no_sense_are_refused() {
    assert!(toml::from_str::<DedupMinhash>("buckets = 14").is_err());
    assert!(toml::from_str::<DedupMinhash>("unit = \"bytes\"").is_err());
    let config = toml::from_str("unit = \"words\"\nthreshold = 0.8").unwrap();
    assert_eq!(DedupMinhash { threshold: 0.8, ..DedupMinhash::default() }, config);
    let config = DedupMinhash { ngram: 0, threshold: f64::NAN, rows: 9999, ..config };
    let error = config.build(1).err().unwrap().to_string();
    for key in ["`ngram` is 0", "`threshold` is NaN", "`bands` × `rows` is 139986"] {
        assert!(error.contains(key), "{error}");
    }
}

/// Texts among which many are near duplicates: a base text, cut and with some words changed.
fn texts() -> impl Strategy<Value = Vec<String>> {
    let text = (0..4_usize, 0..12_usize, 20..60_usize, prop::collection::vec(0..60_usize, 0..3));
    prop::collection::vec(text, 0..30).prop_map(|texts| {
        let text = |(base, from, length, changed): (usize, usize, usize, Vec<usize>)| {
            let base = ["a", "b", "a", "c"][base];
            let word = |i: usize| {
                if changed.contains(&i) { format!("x{i}") } else { format!("{base}{i}") }
            };
            (from..from + length).map(word).collect::<Vec<_>>().join(" ")
        };
        texts.into_iter().map(text).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn every_removed_document_has_a_kept_one_and_a_second_run_removes_nothing(
        texts in texts(), threshold in 0.3..1.0, rows in 2_usize..8,
    ) {
        let config = DedupMinhash { threshold, rows, ..DedupMinhash::default() };
        let outcome = run(&config, &Driver::default(), &corpus(&texts, 8));
        check(&outcome, threshold);
        let again = run(&config, &Driver::default(), &outcome.kept);
        prop_assert!(again.removed.is_empty());
    }

    #[test]
    fn the_outcome_does_not_depend_on_how_the_work_is_cut(
        texts in texts(), file_rows in 1_usize..20, files_per_task in 1_u32..4,
        batch_rows in 1_usize..9, budget in 1_usize..20_000, n_ranges in 1_u32..5,
        reversed in any::<bool>(),
    ) {
        let config = DedupMinhash { rows: 3, threshold: 0.6, ..DedupMinhash::default() };
        let corpus = corpus(&texts, file_rows);
        let driver = Driver { files_per_task, batch_rows, budget, reversed };
        let outcome = driver.run(&config.build(n_ranges).unwrap(), &corpus);
        prop_assert_eq!(outcome, run(&config, &Driver::default(), &corpus));
    }
}
