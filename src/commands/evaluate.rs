//! `corpusmill evaluate`: scores a trained model.

use stages::evaluate::Evaluate;

use crate::args;
use crate::config;
use crate::failure::Failure;
use crate::model;
use crate::output::print_json;
use crate::prepare::{finished, parse_device};
use crate::progress::Progress;

/// Scores a model, and prints the scores as JSON.
pub(crate) fn evaluate(args: &args::Evaluate) -> Result<(), Failure> {
    let device = parse_device(&args.device).map_err(Failure::refused)?;
    let config = match &args.config {
        Some(path) => {
            config::load_models(path).map_err(Failure::refused)?.evaluate.unwrap_or_default()
        }
        None => Evaluate::default(),
    };
    finished(&args.data).map_err(Failure::refused)?;
    model::use_threads(args.threads)?;
    let progress = Progress::new(args.verbosity)?;
    let model = args.model.clone().unwrap_or_else(|| args.data.join("model"));
    Ok(print_json(&model::evaluate(&config, &args.data, &model, device, &progress)?)?)
}
