//! What must hold for any corpus: outcomes equal those of a plain oracle in memory.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::duplicates::driver::{Driver, Outcome, TestDocument, corpus};

/// Copies, documents, within_document.
type Kept = (u64, u64, bool);

/// Says which spans are copies that do not stay; a span that may not be touched is `None`.
fn repeats(
    spans: &[Vec<Option<String>>],
    (max_copies, min_documents, within): Kept,
) -> Vec<Vec<bool>> {
    let mut documents: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    for (i, document) in spans.iter().enumerate() {
        for span in document.iter().flatten() {
            documents.entry(span).or_default().insert(i);
        }
    }
    let mut kept: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    let mut is_repeat = |i: usize, span: &Option<String>| -> bool {
        let Some(span) = span else { return false };
        if (documents[span.as_str()].len() as u64) < min_documents {
            return false;
        }
        let kept = kept.entry(documents.get_key_value(span.as_str()).unwrap().0).or_default();
        if !within && kept.last() == Some(&i) {
            return false;
        }
        let stays = (kept.len() as u64) < max_copies;
        if stays {
            kept.push(i);
        }
        !stays
    };
    let of_document = |(i, document): (usize, &Vec<Option<String>>)| {
        document.iter().map(|span| is_repeat(i, span)).collect()
    };
    spans.iter().enumerate().map(of_document).collect()
}

/// Normalizes the plain way.
fn normalize(text: &str) -> String {
    let lower = text.to_lowercase();
    let digits: String = lower.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    let words: String =
        digits.chars().filter(|c| !c.is_ascii_punctuation() && !"，。".contains(*c)).collect();
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn config((max_copies, min_documents, within_document): Kept) -> DedupSpans {
    let (min_span_chars, min_han_span_chars) = (2, 1);
    DedupSpans {
        max_copies,
        min_documents,
        within_document,
        min_span_chars,
        min_han_span_chars,
        ..DedupSpans::default()
    }
}

fn span(text: &str) -> Option<String> {
    let normalized = normalize(text);
    let is_han = normalized.contains(['好', '天']);
    (normalized.chars().count() >= if is_han { 1 } else { 2 }).then_some(normalized)
}

fn kept() -> impl Strategy<Value = Kept> {
    (1_u64..4, 1_u64..4, any::<bool>())
}

fn driver() -> impl Strategy<Value = (Driver, u32)> {
    (1_u32..4, 1_usize..9, 1_usize..4000, any::<bool>(), 1_u32..5).prop_map(
        |(files_per_task, batch_rows, budget, reversed, n_ranges)| {
            (Driver { files_per_task, batch_rows, budget, reversed }, n_ranges)
        },
    )
}

/// Checks documents against those parts of them that the oracle keeps, in order, however blanks fell.
fn check(
    corpus: &[TestDocument],
    outcome: &Outcome,
    parts: &[Vec<String>],
    is_cut: &[Vec<bool>],
    cut_up: fn(&str) -> Vec<String>,
) {
    let mut kept = outcome.kept.iter();
    let mut removed = outcome.removed.iter();
    for ((document, parts), is_cut) in corpus.iter().zip(parts).zip(is_cut) {
        let left = parts.iter().zip(is_cut).filter(|(_, is_cut)| !**is_cut).map(|(part, _)| part);
        let left: Vec<_> = left.cloned().collect();
        if !is_cut.contains(&true) {
            assert_eq!(kept.next(), Some(document), "what nothing is cut from keeps its bytes");
        } else if left.iter().all(|part| part.trim().is_empty()) {
            let removed = removed.next().unwrap();
            assert_eq!((removed.place, &removed.text), (document.place, &document.text));
        } else {
            let kept = kept.next().unwrap();
            assert_eq!(kept.place, document.place);
            assert_eq!(cut_up(&kept.text), left, "{:?} -> {:?}", document.text, kept.text);
        }
    }
    assert!(kept.next().is_none() && removed.next().is_none());
    let n_cut = is_cut.iter().flatten().filter(|is_cut| **is_cut).count();
    assert_eq!(outcome.edits, n_cut as u64);
}

fn lines_of(text: &str) -> Vec<String> {
    let lines = text.split('\n').map(|line| line.trim_end_matches('\r').to_owned());
    lines.filter(|line| !line.trim().is_empty()).collect()
}

fn paragraphs_of(text: &str) -> Vec<String> {
    let mut paragraphs = vec![String::new()];
    for line in text.lines() {
        let last = paragraphs.last_mut().unwrap();
        if line.trim().is_empty() {
            paragraphs.push(String::new());
        } else {
            last.push_str(line);
            last.push('\n');
        }
    }
    paragraphs.retain(|paragraph| !paragraph.is_empty());
    paragraphs
}

fn sentences_of(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

const N_SENTENCES: usize = 3;

/// Returns the spans of sentences, and which sentences lie in a repeated one.
fn oracle_of_sentences(
    parts: &[Vec<String>],
    kept: Kept,
) -> (Vec<Vec<Option<String>>>, Vec<Vec<bool>>) {
    let runs = |parts: &Vec<String>| -> Vec<Option<String>> {
        let normalized: Vec<_> = parts.iter().map(|part| normalize(part)).collect();
        normalized.windows(N_SENTENCES).map(|run| Some(run.join("\n"))).collect()
    };
    let spans: Vec<Vec<_>> = parts.iter().map(runs).collect();
    let repeats = repeats(&spans, kept);
    let is_cut = |(parts, repeats): (&Vec<String>, &Vec<bool>)| -> Vec<bool> {
        let in_repeat = |sentence: usize| {
            let first = (sentence + 1).saturating_sub(N_SENTENCES);
            repeats.iter().enumerate().any(|(i, is)| *is && (first..=sentence).contains(&i))
        };
        (0..parts.len()).map(in_repeat).collect()
    };
    let is_cut = parts.iter().zip(&repeats).map(is_cut).collect();
    (spans, is_cut)
}

/// Documents of sentences, some on lines of their own.
fn documents_of_sentences() -> impl Strategy<Value = Vec<String>> {
    let sentence = prop::sample::select(vec!["Aa.", "aa!", "Bb?", "Cc1.", "好。", "Dd.", "Ee."]);
    let blank = prop::sample::select(vec![" ", "  ", "\n", "\r\n", "\n\n", " \n \n"]);
    let document = prop::collection::vec((sentence, blank), 0..14)
        .prop_map(|sentences| sentences.into_iter().flat_map(<[_; 2]>::from).collect());
    prop::collection::vec(document, 0..20)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn lines_are_cut_as_the_oracle_says_however_the_work_is_cut(
        texts in prop::collection::vec("([aA1]{0,2}[b.]{0,2}\r?\n|[好天，]{0,2}\n| ?\n){0,9}[ab]{0,2}", 0..30),
        kept in kept(), file_rows in 1_usize..20, (driver, n_ranges) in driver(),
    ) {
        let (config, corpus) = (config(kept), corpus(&texts, file_rows));
        let census = config.build(Unit::Lines, n_ranges).unwrap();
        let outcome = driver.run(&census, &corpus);
        let parts: Vec<_> = texts.iter().map(|text| lines_of(text)).collect();
        let spans: Vec<Vec<_>> =
            parts.iter().map(|lines| lines.iter().map(|line| span(line)).collect()).collect();
        check(&corpus, &outcome, &parts, &repeats(&spans, kept), lines_of);
        prop_assert_eq!(&outcome, &Driver::default().run(&config.build(Unit::Lines, 1).unwrap(), &corpus));
        for document in &outcome.kept {
            let before = corpus.iter().find(|before| before.place == document.place).unwrap();
            let blanks = |text: &str| {
                let runs = text.split('\n').collect::<Vec<_>>();
                runs.chunk_by(|a, b| a.trim().is_empty() && b.trim().is_empty()).map(<[_]>::len).max()
            };
            prop_assert!(blanks(&document.text) <= blanks(&before.text), "blank lines are not doubled");
        }
        let again = driver.run(&census, &outcome.kept);
        prop_assert_eq!((again.edits, again.removed.len()), (0, 0));
        prop_assert_eq!(again.kept, outcome.kept);
    }

    #[test]
    fn paragraphs_are_cut_as_the_oracle_says_however_the_work_is_cut(
        texts in prop::collection::vec("(([aA1]{1,2}[b.]{0,2}\r?\n){0,2} ?\n){0,6}[ab]{0,2}", 0..30),
        kept in kept(), file_rows in 1_usize..20, (driver, n_ranges) in driver(),
    ) {
        let (config, corpus) = (config(kept), corpus(&texts, file_rows));
        let census = config.build(Unit::Paragraphs, n_ranges).unwrap();
        let outcome = driver.run(&census, &corpus);
        let parts: Vec<_> = texts.iter().map(|text| paragraphs_of(text)).collect();
        let spans: Vec<Vec<_>> =
            parts.iter().map(|parts| parts.iter().map(|part| span(part)).collect()).collect();
        check(&corpus, &outcome, &parts, &repeats(&spans, kept), paragraphs_of);
        prop_assert_eq!(&outcome, &Driver::default().run(&config.build(Unit::Paragraphs, 1).unwrap(), &corpus));
        let again = driver.run(&census, &outcome.kept);
        prop_assert_eq!((again.edits, again.kept), (0, outcome.kept));
    }

    #[test]
    fn sentences_are_cut_as_the_oracle_says_however_the_work_is_cut(
        texts in documents_of_sentences(),
        kept in kept(), file_rows in 1_usize..20, (driver, n_ranges) in driver(),
    ) {
        let DedupSpans { max_copies, min_documents, within_document, .. } = config(kept);
        let (min_span_chars, min_han_span_chars) = (1, 1);
        let config = DedupSentences {
            n_sentences: N_SENTENCES, max_copies, min_documents, within_document, min_span_chars,
            min_han_span_chars, ..DedupSentences::default()
        };
        let corpus = corpus(&texts, file_rows);
        let census = config.build(n_ranges).unwrap();
        let outcome = driver.run(&census, &corpus);
        let parts: Vec<_> = texts.iter().map(|text| sentences_of(text)).collect();
        let (spans, is_cut) = oracle_of_sentences(&parts, kept);
        check(&corpus, &outcome, &parts, &is_cut, sentences_of);
        prop_assert_eq!(&outcome, &Driver::default().run(&config.build(1).unwrap(), &corpus));

        // Of every sentence one stays.
        let all = |texts: &mut dyn Iterator<Item = &String>| -> BTreeSet<String> {
            texts.flat_map(|text| sentences_of(text)).map(|sentence| normalize(&sentence)).collect()
        };
        let left = all(&mut outcome.kept.iter().map(|document| &document.text));
        prop_assert_eq!(left, all(&mut texts.iter()));

        // Of runs that no cut has touched, no more stay than may: a second run cuts only new neighbours.
        let mut stay = spans;
        for (spans, is_cut) in stay.iter_mut().zip(&is_cut) {
            for (span, is_cut) in spans.iter_mut().zip(is_cut.windows(N_SENTENCES)) {
                span.take_if(|_| is_cut.contains(&true));
            }
        }
        prop_assert!(repeats(&stay, kept).iter().flatten().all(|is_repeat| !is_repeat));

        // Each run cuts or is the last one.
        let mut outcome = outcome;
        for _ in 0..200 {
            if outcome.edits == 0 {
                break;
            }
            outcome = driver.run(&census, &outcome.kept);
        }
        prop_assert_eq!(outcome.edits, 0);
        let left = all(&mut outcome.kept.iter().map(|document| &document.text));
        prop_assert_eq!(left, all(&mut texts.iter()));
    }
}
