use std::path::Path;

use models::{BpeTraining, Tokenizer};

use super::*;
use crate::config::Input;
use crate::source::{Source, list};

/// Writes documents (language, text) as JSONL, and opens them.
fn source(folder: &Path, documents: &[(&str, String)]) -> Source {
    let path = folder.join("in.jsonl");
    let line = |(language, text): &(&str, String)| {
        format!("{}\n", serde_json::json!({ "text": text, "language": language }))
    };
    std::fs::write(&path, documents.iter().map(line).collect::<String>()).unwrap();
    let input = Input { paths: vec![path.display().to_string()], ..Input::default() };
    Source::new(&input, list(&input).unwrap()).unwrap()
}

/// Much English of words that a generator makes, and little Chinese.
fn documents() -> Vec<(&'static str, String)> {
    let syllables = ["ba", "no", "ri", "te", "lum", "sto", "ka", "in"];
    let mut state = 1_u64;
    let mut draw = |n: u64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % n
    };
    let mut documents = Vec::new();
    for i in 0..4_000 {
        let mut word =
            || -> String { (0..1 + draw(4)).map(|_| syllables[draw(8) as usize]).collect() };
        let text: Vec<String> = (0..40).map(|_| word()).collect();
        documents.push(("en", text.join(" ")));
        if i % 40 == 0 {
            documents.push(("zh", "数据清洗很重要，数据质量决定模型质量。".to_owned()));
        }
    }
    documents
}

fn learn(source: &Source, options: &BpeTraining, memory: u64) -> Learnt {
    let folder = tempfile::tempdir().unwrap();
    let learnt = train_on(source, options, folder.path(), memory).unwrap();
    assert_eq!(folder.path().read_dir().unwrap().count(), 0, "what was spilled is deleted");
    learnt
}

#[test]
fn same_tokenizer_and_report_with_much_and_little_memory() {
    let folder = tempfile::tempdir().unwrap();
    let source = source(folder.path(), &documents());
    let options = BpeTraining { vocab_size: 600, ..BpeTraining::default() };
    let [much, little] = [1 << 30, 1 << 20].map(|memory| learn(&source, &options, memory));
    assert_eq!(much.files().unwrap(), little.files().unwrap());
    assert_eq!(much.files().unwrap().len(), 4);
}

#[test]
fn report_counts_what_the_tokenizer_makes_of_the_text() {
    let folder = tempfile::tempdir().unwrap();
    let documents = documents();
    let source = source(folder.path(), &documents);
    // Words that were not learnt from count as well.
    let options = BpeTraining {
        vocab_size: 400,
        min_word_count: 3,
        language_temperature: 0.0,
        ..BpeTraining::default()
    };
    let learnt = learn(&source, &options, 1 << 30);
    let mut expected = Usage::new(&learnt.tokenizer);
    for (language, text) in &documents {
        let mut ids = Vec::new();
        learnt.tokenizer.encode(text, &mut ids);
        expected.add_text(language, 1, text.len() as u64);
        expected.add_ids(language, &ids, 1);
    }
    let training = learnt.report.training.clone();
    assert!(training.as_ref().unwrap().rare_words > 0);
    assert_eq!(learnt.report, Report::new(&learnt.tokenizer, &expected, training));
    assert!(learnt.report.languages["zh"].bytes_per_token > 1.0);
}

#[test]
fn temperature_gives_rare_languages_more_of_the_vocabulary() {
    let folder = tempfile::tempdir().unwrap();
    let source = source(folder.path(), &documents());
    let han = |temperature: f64| {
        let options = BpeTraining {
            vocab_size: 330,
            language_temperature: temperature,
            ..BpeTraining::default()
        };
        let learnt = learn(&source, &options, 1 << 30);
        learnt.report.languages["zh"].bytes_per_token
    };
    assert!(han(0.0) > 1.2 * han(1.0), "{} and {}", han(0.0), han(1.0));
}

#[test]
fn long_pieces_are_learnt_from_in_parts_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let source = source(folder.path(), &[("zh", "数据".repeat(100)), ("zh", "短".to_owned())]);
    let options = BpeTraining { vocab_size: 262, ..BpeTraining::default() };
    let training = learn(&source, &options, 1 << 30).report.training.unwrap();
    assert_eq!((training.cut_pieces, training.cut_bytes), (1, 600));
}
