//! `corpusmill classifier`: trains a classifier of texts, or measures one.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use models::{Classifier, Evaluation, Example, Linear, LinearTraining, evaluate, hold_out};
use serde::Deserialize;

use crate::args;
use crate::failure::Failure;
use crate::output::{note, print_json};
use crate::table::count;

/// Trains or evaluates.
pub(crate) fn classifier(args: &args::Classifier) -> Result<(), Failure> {
    match args {
        args::Classifier::Train {
            files,
            output,
            held_out,
            epochs,
            learning_rate,
            l2,
            max_ngram,
            hash_bits,
            seed,
        } => {
            let options = LinearTraining {
                epochs: *epochs,
                learning_rate: *learning_rate,
                l2: *l2,
                max_ngram: *max_ngram,
                hash_bits: *hash_bits,
                seed: *seed,
                ..LinearTraining::default()
            };
            train(files, output, *held_out, &options)
        }
        args::Classifier::Evaluate { model, files } => {
            let model = Linear::load(model).map_err(Failure::refused)?;
            let rows = read(files).map_err(Failure::refused)?;
            Ok(print_json(&evaluate(&model, &examples(&rows)))?)
        }
    }
}

fn train(
    files: &[String],
    output: &Path,
    held_out: f64,
    options: &LinearTraining,
) -> Result<(), Failure> {
    if !(0.0..1.0).contains(&held_out) {
        let error = anyhow!("--held-out is {held_out}, expected a share from 0 to below 1");
        return Err(Failure::Refused(error));
    }
    let rows = read(files).map_err(Failure::refused)?;
    let (to_train, to_test) = hold_out(&examples(&rows), held_out, options.seed);
    let model = Linear::train(&to_train, options).map_err(Failure::refused)?;
    model.save(output)?;
    note(format_args!(
        "{}: labels {}, from {} examples",
        output.display(),
        model.labels().join(", "),
        count(to_train.len() as u64)
    ));
    if !to_test.is_empty() {
        note(summary(&evaluate(&model, &to_test)));
    }
    Ok(())
}

fn summary(evaluation: &Evaluation) -> String {
    let figure = |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value:.3}"));
    let labels = evaluation.labels.iter().map(|label| {
        format!(
            "{}: precision {}, recall {}, area under the curve {}",
            label.label,
            figure(label.precision),
            figure(label.recall),
            figure(label.auc)
        )
    });
    let labels: Vec<String> = labels.collect();
    format!(
        "held out: {} examples, accuracy {:.3}\n{}",
        count(evaluation.n_examples as u64),
        evaluation.accuracy,
        labels.join("\n")
    )
}

/// One labelled text; other keys are passed over.
#[derive(Deserialize)]
struct Row {
    text: String,
    label: String,
}

fn read(files: &[String]) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for path in files {
        let text = fs::read_to_string(path).with_context(|| path.clone())?;
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let row = serde_json::from_str(line);
            rows.push(row.with_context(|| format!("{path}: line {}", number + 1))?);
        }
    }
    Ok(rows)
}

fn examples(rows: &[Row]) -> Vec<Example<'_>> {
    rows.iter().map(|row| Example { text: &row.text, label: &row.label }).collect()
}
