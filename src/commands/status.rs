//! `corpusmill status`: how far a run is.

use serde::Serialize;
use stages::runner::{Manifest, Plan, Receipts};

use crate::args;
use crate::failure::Failure;
use crate::output::{print, print_json};
use crate::prepare::finished;
use crate::table::{Table, count};

/// How far a dataset is.
#[derive(Serialize)]
struct Status {
    is_finished: bool,
    has_model: bool,
    /// Empty for a finished dataset, whose receipts are gone.
    steps: Vec<StepStatus>,
}

#[derive(Serialize)]
struct StepStatus {
    name: String,
    tasks: u32,
    done: u32,
}

/// Prints the steps of a run, and how many tasks of each have their receipts.
pub(crate) fn status(args: &args::Folder) -> Result<(), Failure> {
    let dir = &args.dir;
    let manifest = Manifest::read(dir)?;
    let plan = dir.join("work/plan.json");
    let steps = match plan.exists() && manifest.is_none() {
        true => step_states(&Plan::read(&plan)?, dir),
        false => {
            finished(dir).map_err(Failure::refused)?;
            Vec::new()
        }
    };
    let has_model = dir.join("model/manifest.json").exists();
    if args.json {
        return Ok(print_json(&Status { is_finished: manifest.is_some(), has_model, steps })?);
    }
    if let Some(manifest) = manifest {
        let tokens = manifest.tokens.values().map(|split| split.tokens).sum();
        print(format_args!(
            "the dataset is complete: {} of {} documents kept, {} tokens",
            count(manifest.kept),
            count(manifest.read - manifest.left_out),
            count(tokens)
        ))?;
        print(if has_model { "the model is trained" } else { "there is no model" })?;
        return Ok(());
    }
    let mut table = Table::new(&["step", "tasks", "done"]);
    for StepStatus { name, tasks, done } in steps {
        table.push(vec![name, count(u64::from(tasks)), count(u64::from(done))]);
    }
    for line in table.lines() {
        print(line)?;
    }
    Ok(())
}

fn step_states(plan: &Plan, dir: &std::path::Path) -> Vec<StepStatus> {
    let state = |(number, step): (usize, &stages::runner::Step)| {
        let folder = dir.join("work").join(plan.folder(number));
        let receipts = Receipts::new(folder, step.fingerprint.clone());
        let done = (0..step.n_tasks).filter(|&task| receipts.is_done(task)).count() as u32;
        StepStatus { name: step.name.clone(), tasks: step.n_tasks, done }
    };
    plan.steps.iter().enumerate().map(state).collect()
}
