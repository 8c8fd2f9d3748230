//! `corpusmill run`: from a pipeline file to a dataset, and to a model.

use std::path::Path;
use std::time::Instant;

use stages::runner::{self, Committed, Interrupted, Manifest, Plan, Run, check_folder};
use stages::tokenize::{self, TOKENIZER};

use super::tokenizer::lines as tokenizer_lines;
use crate::args::RunArgs;
use crate::failure::Failure;
use crate::funnel;
use crate::model;
use crate::prepare::{Machine, Prepared, find_finished, parse_device, prepare};
use crate::progress::Progress;
use crate::report::Report;
use crate::table::{count, seconds};

/// Makes the dataset, unless it is there; then the model, unless it is there.
pub(crate) fn run(args: &RunArgs) -> Result<(), Failure> {
    let device = parse_device(&args.device).map_err(Failure::refused)?;
    let Prepared { plan, machine } =
        prepare(&args.pipeline, args.resources).map_err(Failure::refused)?;
    let finished = find_finished(&plan).map_err(Failure::refused)?;
    check_folder(plan.pipeline.dir()).map_err(Failure::refused)?;
    let progress = Progress::new(args.verbosity)?;
    model::use_threads(Some(machine.threads))?;

    let pipeline = plan.pipeline.clone();
    let dir = pipeline.dir();
    let mut report = match finished {
        Some(manifest) => {
            runner::discard_work(&plan)?;
            known(&plan, &manifest, machine, &progress)
        }
        None => make(plan, machine, &progress)?,
    };
    report.write(dir)?;
    if let Some(config) = &pipeline.train {
        let model = dir.join("model");
        report.train = Some(model::train(config, dir, &model, device, &progress)?);
        report.write(dir)?;
        if let Some(config) = &pipeline.evaluate {
            report.evaluate = Some(model::evaluate(config, dir, &model, device, &progress)?);
            report.write(dir)?;
        }
    }
    Ok(())
}

/// Makes the dataset: every task of every step that has no receipt yet, then the commit.
fn make(plan: Plan, machine: Machine, progress: &Progress) -> Result<Report, Failure> {
    let begin = Instant::now();
    let pipeline = plan.pipeline.clone();
    let mut run =
        Run::new(plan, machine.threads, machine.memory, progress).map_err(Failure::refused)?;
    run.claim()?;
    let worked = runner::run_all(&run, machine.threads);
    progress.end();
    worked.map_err(interrupted)?;
    let Committed { manifest, tally, warnings } = runner::commit(&run)?;

    let mut report = Report::new(&pipeline, &manifest).with_machine(machine);
    report.funnel = tally.funnel.rows();
    report.seconds = begin.elapsed().as_secs_f64();
    report.warnings = warnings;
    tell(&report, &run.dir.display().to_string(), progress);
    Ok(report)
}

/// Reports a dataset that is finished already.
fn known(plan: &Plan, manifest: &Manifest, machine: Machine, progress: &Progress) -> Report {
    let dir = plan.pipeline.dir();
    progress.tell(&format!("{}: the dataset is complete", dir.display()));
    let report = Report::read(dir);
    report.unwrap_or_else(|| Report::new(&plan.pipeline, manifest).with_machine(machine))
}

/// Prints what became of the documents.
fn tell(report: &Report, dir: &str, progress: &Progress) {
    if progress.is_quiet() {
        return;
    }
    for line in funnel::lines(report) {
        progress.tell(&line);
    }
    progress.tell("");
    for warning in &report.warnings {
        progress.tell(&format!("warning: {warning}"));
    }
    if let Some(trained) = tokenize::read_report(Path::new(dir)) {
        for line in tokenizer_lines(&trained) {
            progress.tell(&format!("{}: {line}", Path::new(dir).join(TOKENIZER).display()));
        }
    }
    let edits: u64 = report.edits.values().sum();
    let tokens: u64 = report.tokens.values().sum();
    progress.tell(&format!(
        "{dir}: {} documents, {} tokens, {} edits, in {}",
        count(report.kept),
        count(tokens),
        count(edits),
        seconds(report.seconds)
    ));
}

fn interrupted(error: anyhow::Error) -> Failure {
    match error.chain().any(|cause| cause.is::<Interrupted>()) {
        true => Failure::Interrupted(Interrupted.into()),
        false => Failure::Failed(error),
    }
}
