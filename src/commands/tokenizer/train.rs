//! `corpusmill tokenizer train`: learns a tokenizer from files.

use std::path::Path;

use anyhow::{Context, Result};
use models::BpeTraining;
use stages::disk::write_whole;
use stages::tokenize::{Report, TrainingReport, train_on};

use super::open;
use crate::args::TrainTokenizer;
use crate::config::Options;
use crate::failure::Failure;
use crate::model::use_threads;
use crate::output::note;
use crate::prepare::Machine;
use crate::table::{binary_bytes, bytes, count};

/// Learns, writes, and tells what came out.
pub(super) fn train(args: &TrainTokenizer) -> Result<(), Failure> {
    let mut options = BpeTraining {
        vocab_size: args.vocab_size,
        min_frequency: args.min_frequency,
        min_word_count: args.min_word_count,
        max_token_bytes: args.max_token_bytes,
        max_word_bytes: args.max_word_bytes,
        patterns: args.patterns.clone(),
        max_digits: args.max_digits,
        language_temperature: args.language_temperature,
        ..BpeTraining::default()
    };
    if !args.special_tokens.is_empty() {
        options.special_tokens.clone_from(&args.special_tokens);
    }
    options.check().map_err(Failure::refused)?;
    if args.ranks.is_some() && options.splitter().map_err(Failure::refused)?.patterns().len() != 1 {
        let what = "--ranks: tiktoken has one pattern, and this tokenizer has none or several";
        return Err(Failure::refused(anyhow::anyhow!(what)));
    }
    let machine = Machine::new(args.resources, Options::default());
    // Opening the source uses threads already.
    use_threads(Some(machine.threads))?;
    let source = open(&args.files, &args.text)?;

    let folder = scratch_beside(&args.output)?;
    let learnt = train_on(&source, &options, &folder, machine.memory);
    std::fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let learnt = learnt.context("train")?;
    write_whole(&args.output, learnt.tokenizer.to_json().as_bytes())?;
    if let Some(path) = &args.ranks {
        let name = args.output.file_stem().unwrap_or_default().to_string_lossy();
        let about = learnt.tokenizer.to_tiktoken(&name).expect("it has one pattern");
        write_whole(path, learnt.tokenizer.to_ranks().as_bytes())?;
        let mut beside = path.clone().into_os_string();
        beside.push(".json");
        write_whole(Path::new(&beside), about.as_bytes())?;
    }
    if let Some(path) = &args.report {
        write_whole(path, learnt.report.to_json()?.as_bytes())?;
    }
    for line in lines(&learnt.report) {
        note(format_args!("{}: {line}", args.output.display()));
    }
    Ok(())
}

/// Makes a folder of its own for what does not fit into memory.
fn scratch_beside(output: &Path) -> Result<std::path::PathBuf> {
    let mut name = output.file_name().unwrap_or_default().to_owned();
    name.push(format!(".work-{}", std::process::id()));
    let folder = output.with_file_name(name);
    std::fs::create_dir(&folder).with_context(|| folder.display().to_string())?;
    Ok(folder)
}

/// Tells what was learnt, and what was left out.
pub(crate) fn lines(report: &Report) -> Vec<String> {
    let (text, vocabulary) = (&report.text, &report.vocabulary);
    let mut lines = vec![format!(
        "{} ids from {} documents, {}; {:.3} bytes per token, {} tokens never used",
        count(vocabulary.size),
        count(text.documents),
        bytes(text.bytes),
        text.bytes_per_token,
        count(vocabulary.unused),
    )];
    if let Some(training) = &report.training {
        lines.extend(training_lines(training));
    }
    lines
}

fn training_lines(training: &TrainingReport) -> Vec<String> {
    let mut lines = vec![format!(
        "learnt from {} distinct words, in at most {}",
        count(training.words),
        binary_bytes(training.memory_bytes)
    )];
    if training.rare_words > 0 {
        lines.push(format!(
            "{} words rarer than `min_word_count` were not learnt from; they stand {} times in the text",
            count(training.rare_words),
            count(training.rare_occurrences)
        ));
    }
    if training.cut_pieces > 0 {
        lines.push(format!(
            "{} pieces longer than `max_word_bytes` were learnt from in parts, {} in all",
            count(training.cut_pieces),
            bytes(training.cut_bytes)
        ));
    }
    lines
}
