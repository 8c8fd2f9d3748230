//! `corpusmill check`: what a run would do and need, without touching anything.

use models::BpeTrainer;
use stages::pipeline::{Built, Pipeline, StageConfig};
use stages::runner::{Kind, Plan, check_folder};
use stages::source::{InputFile, Source};
use stages::tokenize::learning_memory;

use crate::args;
use crate::bounds::{disk_free, disk_needed, memory_bound};
use crate::failure::Failure;
use crate::output::{note, print};
use crate::prepare::{Prepared, find_finished, prepare};
use crate::table::{Table, binary_bytes, bytes, count};

/// Prints the plan, the memory bound and the disk that is needed.
pub(crate) fn check(args: &args::Check) -> Result<(), Failure> {
    let Prepared { plan, machine } =
        prepare(&args.pipeline, args.resources).map_err(Failure::refused)?;
    let dir = plan.pipeline.dir();
    let is_finished = find_finished(&plan).map_err(Failure::refused)?.is_some();
    check_folder(dir).map_err(Failure::refused)?;
    // Opening the input finds missing columns, and types that files disagree on.
    let source = Source::new(&plan.pipeline.input, plan.files.clone()).map_err(Failure::refused)?;
    let built = plan.build().map_err(Failure::refused)?;
    plan.pipeline.check_columns(&source).map_err(Failure::refused)?;
    Pipeline::schema(&built, source.schema()).map_err(Failure::refused)?;

    let input: u64 = plan.files.iter().map(|file: &InputFile| file.bytes).sum();
    print(format_args!("input   {} files, {}", count(plan.files.len() as u64), bytes(input)))?;
    print(format_args!("output  {}", dir.display()))?;
    print("")?;
    for line in steps(&plan).lines() {
        print(line)?;
    }
    for line in plan.pipeline.stages.iter().filter_map(curve).flat_map(|table| table.lines()) {
        print(line)?;
    }
    print("")?;
    let bound = memory_bound(&plan, machine);
    print(format_args!(
        "memory  at most {}: {} shared by the steps, {} for {} threads, {} for vocabulary and models",
        binary_bytes(bound.total()),
        binary_bytes(bound.budget),
        binary_bytes(bound.threads),
        machine.threads,
        binary_bytes(bound.models)
    ))?;
    if plan.pipeline.stages.iter().any(is_trained) {
        let memory = learning_memory(bound.budget);
        print(format_args!(
            "        of it at most {} to learn a tokenizer: about {} distinct words; more are refused before it learns, \
             with the `min_word_count` that would fit",
            binary_bytes(memory),
            count(memory / BpeTrainer::memory(1 << 20, WORD_BYTES << 20).div_ceil(1 << 20))
        ))?;
    }
    let (needed, free) = (disk_needed(&plan), disk_free(dir)?);
    print(format_args!("disk    about {} needed, {} free", bytes(needed), bytes(free)))?;
    if needed > free {
        note(
            "warning: the disk may become full; a run that stops there goes on when there is room",
        );
    }
    for warning in built.iter().flat_map(Built::warnings) {
        note(format_args!("warning: {warning}"));
    }
    if is_finished {
        note(format_args!("{}: holds this dataset already", dir.display()));
    }
    Ok(())
}

/// Bytes of a distinct word, to guess how many fit into memory; Chinese has twice as many.
const WORD_BYTES: u64 = 10;

fn is_trained(stage: &StageConfig) -> bool {
    matches!(stage, StageConfig::Tokenize(tokenize) if tokenize.train.is_some())
}

/// Shows how likely a pair of documents is to be compared: the S-curve of `dedup_minhash`.
fn curve(stage: &StageConfig) -> Option<Table> {
    let StageConfig::DedupMinhash(config) = stage else { return None };
    let (bands, rows) = config.bands_and_rows();
    let curve = config.curve();
    let similarities = curve.map(|(similarity, _)| format!("{similarity:.2}"));
    let mut table = Table::new(&[]);
    table.push(
        [format!("{}: a pair of similarity", stage.name())]
            .into_iter()
            .chain(similarities)
            .collect(),
    );
    let probabilities = curve.map(|(_, probability)| format!("{probability:.4}"));
    table.push(
        [format!("shares one of {bands} bands of {rows} numbers")]
            .into_iter()
            .chain(probabilities)
            .collect(),
    );
    Some(table)
}

/// Lists the steps of a plan, and the training behind them.
fn steps(plan: &Plan) -> Table {
    let mut table = Table::with_prose(&["step", "tasks", "what"]);
    for step in &plan.steps {
        let what = match &step.kind {
            Kind::Pass(pass) => {
                let stages = &plan.pipeline.stages[pass.first..pass.end];
                let names: Vec<_> = stages.iter().map(|stage| stage.name()).collect();
                let from = match pass.base {
                    Some(base) => format!("what {} spooled", plan.steps[base].name),
                    None => "the input".to_owned(),
                };
                let spools = if pass.spool { ", spools" } else { "" };
                let writes = if pass.write { ", writes documents" } else { "" };
                format!("reads {from} [{}]{spools}{writes}", names.join(", "))
            }
            Kind::Gather { .. } => "sorts and groups what was scanned".to_owned(),
            Kind::Seal { .. } => "joins what was gathered".to_owned(),
            Kind::Shuffle { .. } => "shuffles tokens into shards".to_owned(),
        };
        table.push(vec![step.name.clone(), count(u64::from(step.n_tasks)), what]);
    }
    if plan.pipeline.train.is_some() {
        table.push(vec![
            "train".into(),
            "1".into(),
            "trains the model on the finished dataset".into(),
        ]);
    }
    if plan.pipeline.evaluate.is_some() {
        table.push(vec!["evaluate".into(), "1".into(), "scores it".into()]);
    }
    table
}
