//! `corpusmill commit`: publishes the dataset that the tasks of a plan have made.

use stages::runner::{self, Committed, Plan, Run};

use crate::args;
use crate::config::Options;
use crate::failure::Failure;
use crate::funnel;
use crate::output::note;
use crate::prepare::Machine;
use crate::progress::Quiet;
use crate::report::Report;

/// Balances the rows, and writes the manifest last.
pub(crate) fn commit(args: &args::Commit) -> Result<(), Failure> {
    let plan = Plan::read(&args.plan).map_err(Failure::refused)?;
    let machine = Machine::new(args::Resources { threads: None, memory: None }, Options::default());
    let run = Run::new(plan, 1, machine.memory, &Quiet).map_err(Failure::refused)?;
    let Committed { manifest, tally, warnings } = runner::commit(&run)?;
    let mut report = Report::new(&run.plan.pipeline, &manifest).with_machine(machine);
    report.funnel = tally.funnel.rows();
    report.warnings = warnings;
    report.write(&run.dir)?;
    if !args.verbosity.quiet {
        funnel::lines(&report).iter().for_each(note);
        report.warnings.iter().for_each(|warning| note(format_args!("warning: {warning}")));
    }
    Ok(())
}
