//! From a pipeline file to a plan: all that can be wrong before the first row is read.

use std::path::Path;
use std::thread::available_parallelism;

use anyhow::{Context, Result, bail};
use stages::runner::{Manifest, Plan};
use stages::source;
use stages::train::Device;

use crate::args::{PipelineArgs, Resources};
use crate::config::{self, Loaded};

/// A plan and what it may use.
pub(crate) struct Prepared {
    pub(crate) plan: Plan,
    pub(crate) machine: Machine,
}

/// What a run may use.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Machine {
    pub(crate) threads: usize,
    /// Bytes.
    pub(crate) memory: u64,
}

impl Machine {
    /// Takes the command line before the pipeline file, and the file before what the machine has.
    pub(crate) fn new(resources: Resources, options: config::Options) -> Machine {
        let threads = resources.threads.or(options.threads);
        let threads = threads.unwrap_or_else(|| available_parallelism().map_or(1, usize::from));
        Machine { threads, memory: resources.memory.unwrap_or(options.memory) }
    }
}

/// Reads a pipeline file, lists its input, and plans.
///
/// # Errors
/// All mistakes of the file; an input that is not there.
pub(crate) fn prepare(args: &PipelineArgs, resources: Resources) -> Result<Prepared> {
    let Loaded { pipeline, options } = config::load(&args.file, |pipeline| {
        if let Some(seed) = args.seed {
            pipeline.seed = seed;
        }
        if let Some(output) = &args.output {
            pipeline.output.dir.clone_from(output);
        }
        args.until.as_deref().map_or(Ok(()), |stage| pipeline.until(stage).context("--until"))
    })?;
    let files = source::list(&pipeline.input).context("input")?;
    let plan = Plan::new(pipeline, files)?;
    Ok(Prepared { plan, machine: Machine::new(resources, options) })
}

/// Returns the manifest of the dataset that the plan would make, if it is there already.
///
/// # Errors
/// When the folder holds another dataset.
pub(crate) fn find_finished(plan: &Plan) -> Result<Option<Manifest>> {
    let dir = plan.pipeline.dir();
    let Some(manifest) = Manifest::read(dir)? else { return Ok(None) };
    if manifest.fingerprint != plan.fingerprint() {
        bail!(
            "{}: holds a finished dataset of another pipeline, seed or input\n\
             hint: choose another folder with `--output`, or delete this one",
            dir.display()
        );
    }
    Ok(Some(manifest))
}

/// Reads the manifest of a dataset that must be finished.
///
/// # Errors
/// When it is not there.
pub(crate) fn finished(dir: &Path) -> Result<Manifest> {
    let manifest = Manifest::read(dir)?;
    manifest.with_context(|| match dir.join("work").is_dir() {
        true => format!(
            "{}: the dataset is not finished\nhint: run the same pipeline again; it goes on",
            dir.display()
        ),
        false => format!("{}: is no dataset, it has no manifest.json", dir.display()),
    })
}

/// Reads the name of a device.
///
/// # Errors
/// When it is none.
pub(crate) fn parse_device(name: &str) -> Result<Device> {
    let number = |text: &str| text.parse().ok();
    let device = match name.split_once(':') {
        None if name == "cpu" => Some(Device::Cpu),
        None if name == "cuda" => Some(Device::Cuda(0)),
        Some(("cuda", text)) => number(text).map(Device::Cuda),
        _ => None,
    };
    match device {
        Some(Device::Cuda(_)) if !cfg!(feature = "cuda") => {
            bail!(
                "--device {name}: this program was built without CUDA\nhint: cargo build --release --features cuda"
            )
        }
        Some(device) => Ok(device),
        None => bail!("--device {name}: expected cpu, cuda or cuda:N"),
    }
}
