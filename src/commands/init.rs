//! `corpusmill init`: a pipeline file to start from.

use crate::failure::Failure;
use crate::output::print;

/// Prints the starter pipeline.
pub(crate) fn init() -> Result<(), Failure> {
    Ok(print(include_str!("../../examples/starter.toml").trim_end())?)
}
