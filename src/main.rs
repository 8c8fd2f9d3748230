//! corpusmill: raw text in, clean documents, token shards and a trained model out.
//!
//! How a document travels through `corpusmill run web.toml`:
//!
//! 1. `config` reads the pipeline file: input, stages, output, and the model that is trained at the end.
//! 2. `prepare` lists the input files with `stages::source`, which numbers them: (file, row) is a document's *place*,
//!    and it keeps that place to the end. `stages::runner::Plan` then cuts the work into steps, and steps into tasks.
//! 3. `runner::run_all` does the tasks. A pass reads blocks of rows; each block becomes a batch, which goes through the
//!    fused `Stage`s: a filter stage asks its `Filter`s (crate `filters`) about one document after the other, and the ledger
//!    takes down who goes and why. Where a stage must see everything first, a `Census` scans, gathers and seals before
//!    the next pass. Every finished task leaves a receipt, so that the same command goes on after any interruption.
//! 4. The last pass writes documents and removed rows, and shuffles token ids into shards.
//! 5. `runner::commit` counts: rows read = rows kept + rows removed, by cause. Only then `manifest.json` appears.
//! 6. `stages::train` and `stages::evaluate` read the finished dataset as any outside trainer would (crate `models`).
//! 7. `funnel` prints what became of the documents, and `report` writes it into `report.json`.
//!
//! This crate knows arguments, files of configuration, the terminal and exit codes. It holds no algorithm.

use std::panic;
use std::process::ExitCode;

use clap::Parser;

mod allocator;
mod args;
mod bounds;
mod commands;
mod config;
mod failure;
mod funnel;
mod model;
mod output;
mod prepare;
mod progress;
mod report;
mod side_by_side;
mod table;
mod trial;

use args::{Args, Command};
use failure::Failure;

fn main() -> ExitCode {
    allocator::set_up();
    hide_caught_panics();
    match Args::try_parse() {
        Ok(args) => match run(args.command) {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => failure.report(),
        },
        Err(usage) => Failure::usage(&usage),
    }
}

/// A damaged file can make the Parquet library panic; the run takes it for an error of that file, and says so itself.
fn hide_caught_panics() {
    let show = panic::take_hook();
    panic::set_hook(Box::new(move |what| {
        if !stages::source::is_guarded() {
            show(what);
        }
    }));
}

fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Init => commands::init(),
        Command::Check(args) => commands::check(&args),
        Command::Run(args) => commands::run(&args),
        Command::Status(args) => commands::status(&args),
        Command::Why(args) => commands::why(&args),
        Command::Statistics(args) => commands::statistics(&args),
        Command::Thresholds(args) => commands::thresholds(&args),
        Command::Duplicates(args) => commands::duplicates(&args),
        Command::Try(args) => commands::try_text(&args),
        Command::Verify(args) => commands::verify(&args),
        Command::Rules(args) => commands::rules(&args),
        Command::Index(args) => commands::index(&args),
        Command::Export(args) => commands::export(&args),
        Command::Tokenizer(args) => commands::tokenizer(&args),
        Command::Classifier(args) => commands::classifier(&args),
        Command::Train(args) => commands::train(&args),
        Command::Evaluate(args) => commands::evaluate(&args),
        Command::Plan(args) => commands::plan(&args),
        Command::Task(args) => commands::task(&args),
        Command::Commit(args) => commands::commit(&args),
    }
}
