//! `corpusmill tokenizer`: trains a tokenizer apart from a pipeline, or applies one.

use std::io::{self, BufRead, Read, Write};
use std::path::Path;

use anyhow::{Context, Result};
use models::{Bpe, BpeTraining, LoadOptions, Tokenizer, WordCounts, count_words, load_with};
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
        args::Tokenizer::Encode { tokenizer, options, lines } => {
            let tokenizer = load(tokenizer, options)?;
            let tokenizer = tokenizer.as_ref();
            Ok(if *lines { encode_lines(tokenizer) } else { encode_all(tokenizer) }?)
        }
        args::Tokenizer::Decode { tokenizer, options } => {
            Ok(decode(load(tokenizer, options)?.as_ref())?)
        }
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

fn encode_all(tokenizer: &dyn Tokenizer) -> Result<()> {
    let mut text = String::new();
    io::stdin().lock().read_to_string(&mut text).context("stdin")?;
    print_ids(tokenizer, &text)
}

fn encode_lines(tokenizer: &dyn Tokenizer) -> Result<()> {
    io::stdin().lock().lines().try_for_each(|line| print_ids(tokenizer, &line.context("stdin")?))
}

fn print_ids(tokenizer: &dyn Tokenizer, text: &str) -> Result<()> {
    let mut ids = Vec::new();
    tokenizer.encode(text, &mut ids);
    let ids: Vec<String> = ids.iter().map(u32::to_string).collect();
    Ok(print(ids.join(" "))?)
}

fn decode(tokenizer: &dyn Tokenizer) -> Result<()> {
    let mut text = String::new();
    io::stdin().lock().read_to_string(&mut text).context("stdin")?;
    let id = |word: &str| word.parse().with_context(|| format!("stdin: `{word}` is no id"));
    let ids = text.split_whitespace().map(id).collect::<Result<Vec<u32>>>()?;
    // The bytes of a token need not be UTF-8.
    Ok(io::stdout().lock().write_all(&tokenizer.decode(&ids))?)
}
