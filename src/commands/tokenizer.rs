//! `corpusmill tokenizer`: trains a tokenizer apart from a pipeline, or applies one.

use std::io::{self, BufRead, Read, Write};
use std::path::Path;

use anyhow::{Context, Result};
use models::{Bpe, BpeTraining, Tokenizer, WordCounts, count_words};
use stages::config::Input;
use stages::source::{self, Source};

use crate::args;
use crate::failure::Failure;
use crate::output::{note, print};
use crate::table::count;

/// Trains, encodes or decodes.
pub(crate) fn tokenizer(args: &args::Tokenizer) -> Result<(), Failure> {
    match args {
        args::Tokenizer::Train { files, vocab_size, output } => train(files, *vocab_size, output),
        args::Tokenizer::Encode { tokenizer, lines } => {
            let bpe = Bpe::load(tokenizer).map_err(Failure::refused)?;
            Ok(if *lines { encode_lines(&bpe) } else { encode_all(&bpe) }?)
        }
        args::Tokenizer::Decode { tokenizer } => {
            Ok(decode(&Bpe::load(tokenizer).map_err(Failure::refused)?)?)
        }
    }
}

fn train(files: &[String], vocab_size: usize, output: &Path) -> Result<(), Failure> {
    let options = BpeTraining { vocab_size, ..BpeTraining::default() };
    let splitter = options.splitter().map_err(Failure::refused)?;
    // Learning from nothing shows at once whether the options can be used.
    Bpe::train(std::iter::empty::<(&[u8], u64)>(), &options).map_err(Failure::refused)?;
    let input = Input { paths: files.to_vec(), ..Input::default() };
    let files = source::list(&input).map_err(Failure::refused)?;
    let source = Source::new(&input, files).map_err(Failure::refused)?;

    let (mut counts, mut n_documents, mut n_unreadable) = (WordCounts::default(), 0, 0);
    for file in source.files().iter() {
        let mut reader = source.reader(file)?;
        while let Some(block) = reader.next()? {
            let decoded = (block.decode)(None)?;
            n_documents += decoded.batch.n_rows() as u64;
            n_unreadable += decoded.unreadable.len() as u64;
            for text in decoded.batch.texts().iter().flatten() {
                count_words(&splitter, text, options.max_word_bytes, &mut counts);
            }
        }
    }
    let bpe = Bpe::train(counts, &options).context("train")?;
    stages::disk::write_whole(output, bpe.to_json().as_bytes())?;
    let n_ids = count(bpe.vocab_size() as u64);
    note(format_args!("{}: {n_ids} ids from {} documents", output.display(), count(n_documents)));
    if n_unreadable > 0 {
        note(format_args!("warning: {} rows could not be read", count(n_unreadable)));
    }
    Ok(())
}

fn encode_all(bpe: &Bpe) -> Result<()> {
    let mut text = String::new();
    io::stdin().lock().read_to_string(&mut text).context("stdin")?;
    print_ids(bpe, &text)
}

fn encode_lines(bpe: &Bpe) -> Result<()> {
    io::stdin().lock().lines().try_for_each(|line| print_ids(bpe, &line.context("stdin")?))
}

fn print_ids(bpe: &Bpe, text: &str) -> Result<()> {
    let mut ids = Vec::new();
    bpe.encode(text, &mut ids);
    let ids: Vec<String> = ids.iter().map(u32::to_string).collect();
    Ok(print(ids.join(" "))?)
}

fn decode(bpe: &Bpe) -> Result<()> {
    let mut text = String::new();
    io::stdin().lock().read_to_string(&mut text).context("stdin")?;
    let id = |word: &str| word.parse().with_context(|| format!("stdin: `{word}` is no id"));
    let ids = text.split_whitespace().map(id).collect::<Result<Vec<u32>>>()?;
    // The bytes of a token need not be UTF-8.
    Ok(io::stdout().lock().write_all(&bpe.decode(&ids))?)
}
