//! `corpusmill train`: the model alone, on a finished dataset.

use stages::train::Train;

use crate::args;
use crate::config;
use crate::failure::Failure;
use crate::model;
use crate::output::print_json;
use crate::prepare::{finished, parse_device};
use crate::progress::Progress;

/// Trains a model, and prints what came of it as JSON.
pub(crate) fn train(args: &args::Train) -> Result<(), Failure> {
    let device = parse_device(&args.device).map_err(Failure::refused)?;
    let mut config = match &args.config {
        Some(path) => {
            config::load_models(path).map_err(Failure::refused)?.train.unwrap_or_default()
        }
        None => Train::default(),
    };
    config.steps = args.steps.or(config.steps);
    config.validate().map_err(Failure::refused)?;
    finished(&args.data).map_err(Failure::refused)?;
    model::use_threads(args.threads)?;
    let progress = Progress::new(args.verbosity)?;
    let out = args.output.clone().unwrap_or_else(|| args.data.join("model"));
    Ok(print_json(&model::train(&config, &args.data, &out, device, &progress)?)?)
}
