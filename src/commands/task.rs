//! `corpusmill task`: one task of a plan, for engines.

use stages::runner::{Plan, Run};

use crate::args;
use crate::config::Options;
use crate::failure::Failure;
use crate::prepare::Machine;
use crate::progress::Quiet;

/// Does a task, unless its receipts are there. All memory and all threads are the task's own.
pub(crate) fn task(args: &args::Task) -> Result<(), Failure> {
    let plan = Plan::read(&args.plan).map_err(Failure::refused)?;
    let machine = Machine::new(args.resources, Options::default());
    crate::model::use_threads(Some(machine.threads))?;
    let run = Run::new(plan, 1, machine.memory, &Quiet).map_err(Failure::refused)?;
    Ok(run.task(args.step, args.index)?)
}
