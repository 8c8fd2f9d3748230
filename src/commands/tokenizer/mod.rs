//! `corpusmill tokenizer`: trains a tokenizer apart from a pipeline, applies one, compares some.

mod apply;
mod compare;
mod train;

pub(crate) use train::lines;

use std::path::Path;

use anyhow::Result;
use models::Bpe;
use stages::config::Input;
use stages::source::{self, Source};

use crate::args;
use crate::failure::Failure;

/// Trains, encodes, decodes or compares.
pub(crate) fn tokenizer(args: &args::Tokenizer) -> Result<(), Failure> {
    match args {
        args::Tokenizer::Train(args) => train::train(args),
        args::Tokenizer::Encode { tokenizer, lines, jsonl } => {
            let bpe = load(tokenizer)?;
            Ok(match (lines, jsonl) {
                (true, _) => apply::encode_lines(&bpe),
                (_, true) => apply::encode_jsonl(&bpe),
                _ => apply::encode_all(&bpe),
            }?)
        }
        args::Tokenizer::Decode { tokenizer, jsonl } => {
            let bpe = load(tokenizer)?;
            Ok(if *jsonl { apply::decode_jsonl(&bpe) } else { apply::decode_all(&bpe) }?)
        }
        args::Tokenizer::Compare(args) => compare::compare(args),
    }
}

fn load(path: &Path) -> Result<Bpe, Failure> {
    Bpe::load(path).map_err(Failure::refused)
}

/// Opens files of text.
fn open(files: &[String], text: &args::Text) -> Result<Source, Failure> {
    let columns = text.columns.iter().cloned().collect();
    let input = Input { paths: files.to_vec(), columns, ..Input::default() };
    let files = source::list(&input).map_err(Failure::refused)?;
    Source::new(&input, files).map_err(Failure::refused)
}
