//! `corpusmill tokenizer`: trains a tokenizer apart from a pipeline, applies one, compares some.

mod apply;
mod compare;
mod train;

pub(crate) use train::lines;

use std::path::Path;

use anyhow::Result;
use models::{LoadOptions, Tokenizer, load_with};
use stages::config::Input;
use stages::source::{self, Source};

use crate::args;
use crate::failure::Failure;

/// Trains, encodes, decodes or compares.
pub(crate) fn tokenizer(args: &args::Tokenizer) -> Result<(), Failure> {
    match args {
        args::Tokenizer::Train(args) => train::train(args),
        args::Tokenizer::Encode { tokenizer, options, lines, jsonl } => {
            let tokenizer = load(tokenizer, options)?;
            let tokenizer = tokenizer.as_ref();
            Ok(match (lines, jsonl) {
                (true, _) => apply::encode_lines(tokenizer),
                (_, true) => apply::encode_jsonl(tokenizer),
                _ => apply::encode_all(tokenizer),
            }?)
        }
        args::Tokenizer::Decode { tokenizer, options, jsonl } => {
            let tokenizer = load(tokenizer, options)?;
            let tokenizer = tokenizer.as_ref();
            Ok(if *jsonl { apply::decode_jsonl(tokenizer) } else { apply::decode_all(tokenizer) }?)
        }
        args::Tokenizer::Compare(args) => compare::compare(args),
    }
}

fn load(path: &Path, options: &args::RankOptions) -> Result<Box<dyn Tokenizer>, Failure> {
    let options = LoadOptions {
        encoding: options.encoding.clone(),
        pattern: options.pattern.clone(),
        ..LoadOptions::default()
    };
    Ok(load_with(path, &options).map_err(Failure::refused)?.tokenizer)
}

/// Opens files of text.
fn open(files: &[String], text: &args::Text) -> Result<Source, Failure> {
    let columns = text.columns.iter().cloned().collect();
    let input = Input { paths: files.to_vec(), columns, ..Input::default() };
    let files = source::list(&input).map_err(Failure::refused)?;
    Source::new(&input, files).map_err(Failure::refused)
}
