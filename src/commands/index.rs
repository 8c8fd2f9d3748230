//! `corpusmill index`: what later runs need to know of documents that exist already.

use anyhow::Context;
use stages::config::Input;
use stages::index::{Added, add};
use stages::pipeline::{Pipeline, StageConfig};

use crate::args;
use crate::config;
use crate::failure::Failure;
use crate::output::note;
use crate::prepare::Machine;
use crate::table::count;

/// Makes an index, or adds to it.
pub(crate) fn index(args: &args::Index) -> Result<(), Failure> {
    // The pipeline may name the index that is yet to be made.
    let forget = |pipeline: &mut Pipeline| {
        pipeline.stages.iter_mut().filter_map(StageConfig::against).for_each(Vec::clear);
        Ok(())
    };
    let loaded = config::load(&args.file, forget).map_err(Failure::refused)?;
    let machine = Machine::new(args.resources, loaded.options);
    let mut stages = Vec::new();
    for config in &loaded.pipeline.stages {
        let indexed = config.indexed().with_context(|| config.name()).map_err(Failure::refused)?;
        stages.extend(indexed);
    }
    // The columns may be named otherwise in the input of the pipeline; those of a dataset have our names.
    let input = Input { paths: args.inputs.clone(), ..Input::default() };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(machine.threads).build();
    let pool = pool.context("cannot start threads")?;
    let name = args.inputs.join(" ");
    match pool.install(|| add(&args.output, &name, &input, &stages, machine.memory))? {
        Added::Part(n_documents) => {
            note(format_args!("{}: {} documents more", args.output.display(), count(n_documents)));
        }
        Added::Nothing => note(format_args!("{}: holds {name} already", args.output.display())),
    }
    Ok(())
}
