//! `corpusmill try`: what every rule of a pipeline says of one text.

use std::io::{self, Read};

use anyhow::{Context, Result};
use stages::filter::TrialText;

use crate::args;
use crate::config;
use crate::failure::Failure;
use crate::output::{note, print, print_json};
use crate::trial::Filters;

/// Prints what was measured and decided on stderr, and on stdout the text as the rules left it; or all as JSON.
pub(crate) fn try_text(args: &args::Try) -> Result<(), Failure> {
    let loaded = config::load(&args.file, |_| Ok(())).map_err(Failure::refused)?;
    let row = TrialText {
        text: read(args)?,
        language: args.language.clone(),
        url: args.url.clone(),
        source: args.source.clone(),
    };
    let outcome = Filters::build(&loaded.pipeline)?.examine(row);
    if args.json {
        return Ok(print_json(&outcome.json())?);
    }
    for line in outcome.lines() {
        note(line);
    }
    note(outcome.summary());
    Ok(print(outcome.text())?)
}

fn read(args: &args::Try) -> Result<String> {
    let mut bytes = Vec::new();
    let place = match &args.text {
        Some(path) => {
            bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
            path.display().to_string()
        }
        None => {
            io::stdin().lock().read_to_end(&mut bytes).context("standard input")?;
            "standard input".to_owned()
        }
    };
    let mut text = String::from_utf8(bytes).map_err(|error| error.utf8_error()).context(place)?;
    // The newline that ends a file, or what was typed, is not of the text.
    if text.ends_with('\n') {
        text.pop();
    }
    Ok(text)
}
