//! `corpusmill plan`: what an engine has to submit.

use stages::runner::{Run, check_folder};

use crate::args::{self, Resources};
use crate::failure::Failure;
use crate::output::print_json;
use crate::prepare::{Prepared, find_finished, prepare};
use crate::progress::Quiet;

/// Writes the plan into the dataset folder, and prints its steps: name and number of tasks, in order.
pub(crate) fn plan(args: &args::Plan) -> Result<(), Failure> {
    let nothing = Resources { threads: None, memory: None };
    let Prepared { plan, machine } = prepare(&args.pipeline, nothing).map_err(Failure::refused)?;
    if find_finished(&plan).map_err(Failure::refused)?.is_some() {
        let error = anyhow::anyhow!("{}: the dataset is complete", plan.pipeline.dir().display());
        return Err(Failure::Refused(error));
    }
    check_folder(plan.pipeline.dir()).map_err(Failure::refused)?;
    let mut run = Run::new(plan, 1, machine.memory, &Quiet).map_err(Failure::refused)?;
    run.claim()?;
    Ok(print_json(&run.plan.steps)?)
}
