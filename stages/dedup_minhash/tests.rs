//! Both rounds and the stage that they open.

mod datatrove;
mod keys;
mod peers;

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

/// Checks what every outcome must hold, from the texts alone.
fn check(outcome: &Outcome, config: &DedupMinhash) {
    let kept: BTreeMap<_, _> =
        outcome.kept.iter().map(|document| (document.place, document)).collect();
    for removed in &outcome.removed {
        let Cause::Duplicate { of, of_id, similarity, .. } = &removed.cause else {
            panic!("{removed:?}")
        };
        let Original::Input(of) = of else { panic!("{removed:?}") };
        let kept = kept.get(of).expect("the kept document is kept by this stage");
        assert_eq!(kept.id, *of_id);
        let order = |text: &str, place: Place| (rank(&config.keep, text), place);
        assert!(order(&kept.text, *of) < order(&removed.text, removed.place));
        let truth = jaccard(&kept.text, &removed.text);
        match config.verify {
            Verify::Jaccard => assert_eq!(*similarity, truth),
            Verify::Signature => {
                let (bands, rows) = config.bands_and_rows();
                let error = (truth * (1.0 - truth) / (bands * rows) as f64).sqrt();
                assert!((similarity - truth).abs() <= 5.0 * error, "{similarity} for {truth}");
            }
        }
        assert!(*similarity >= config.threshold);
    }
}

/// Returns where a text stands in the order of `keep`, ties apart.
fn rank(keep: &Keep, text: &str) -> i64 {
    let n_chars = text.chars().count() as i64;
    match keep {
        Keep::Longest => -n_chars,
        Keep::Shortest => n_chars,
        _ => 0,
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
    let config =
        DedupMinhash { rows: Some(1), bands: Some(64), threshold: 0.9, ..DedupMinhash::default() };
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
        check(&outcome, &config);
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

fn keeps() -> impl Strategy<Value = Keep> {
    prop_oneof![Just(Keep::First), Just(Keep::Longest), Just(Keep::Shortest)]
}

fn verifies() -> impl Strategy<Value = Verify> {
    prop_oneof![Just(Verify::Jaccard), Just(Verify::Signature)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn every_removed_document_has_a_kept_one_and_a_second_run_removes_nothing(
        texts in texts(), threshold in 0.3..1.0, rows in 2_usize..8, keep in keeps(), verify in verifies(),
    ) {
        let rows = Some(rows);
        let config = DedupMinhash { threshold, rows, keep, verify, ..DedupMinhash::default() };
        let outcome = run(&config, &Driver::default(), &corpus(&texts, 8));
        check(&outcome, &config);
        let again = run(&config, &Driver::default(), &outcome.kept);
        prop_assert!(again.removed.is_empty());
    }

    #[test]
    fn the_outcome_is_that_of_comparing_all_pairs_in_keep_order(
        texts in texts(), threshold in 0.5..1.0, keep in keeps(),
    ) {
        // 256 bands of one number: at 0.5 a pair is missed once in 10^77.
        let (bands, rows) = (Some(256), Some(1));
        let config = DedupMinhash { threshold, bands, rows, keep, ..DedupMinhash::default() };
        let corpus = corpus(&texts, 8);
        let mut in_order: Vec<_> = corpus.iter().collect();
        in_order.sort_by_key(|document| (rank(&config.keep, &document.text), document.place));
        let mut kept: Vec<&TestDocument> = Vec::new();
        for document in in_order {
            let is_near = |other: &&TestDocument| jaccard(&other.text, &document.text) >= threshold;
            if !kept.iter().any(is_near) {
                kept.push(document);
            }
        }
        kept.sort_by_key(|document| document.place);
        let outcome = run(&config, &Driver::default(), &corpus);
        prop_assert_eq!(outcome.kept.iter().collect::<Vec<_>>(), kept);
    }

    #[test]
    fn the_outcome_does_not_depend_on_how_the_work_is_cut(
        texts in texts(), file_rows in 1_usize..20, files_per_task in 1_u32..4,
        batch_rows in 1_usize..9, budget in 1_usize..20_000, n_ranges in 1_u32..5,
        reversed in any::<bool>(), keep in keeps(), verify in verifies(),
    ) {
        let (rows, threshold) = (Some(3), 0.6);
        let config = DedupMinhash { rows, threshold, keep, verify, ..DedupMinhash::default() };
        let corpus = corpus(&texts, file_rows);
        let driver = Driver { files_per_task, batch_rows, budget, reversed };
        let outcome = driver.run(&config.build(n_ranges).unwrap(), &corpus);
        prop_assert_eq!(outcome, run(&config, &Driver::default(), &corpus));
    }
}
