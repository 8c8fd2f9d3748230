//! The subcommands, one file each.

mod check;
mod classifier;
mod commit;
mod duplicates;
mod evaluate;
mod init;
mod plan;
mod rules;
mod run;
mod statistics;
mod status;
mod task;
mod thresholds;
mod tokenizer;
mod train;
mod try_text;
mod verify;
mod why;

pub(crate) use check::check;
pub(crate) use classifier::classifier;
pub(crate) use commit::commit;
pub(crate) use duplicates::duplicates;
pub(crate) use evaluate::evaluate;
pub(crate) use init::init;
pub(crate) use plan::plan;
pub(crate) use rules::rules;
pub(crate) use run::run;
pub(crate) use statistics::statistics;
pub(crate) use status::status;
pub(crate) use task::task;
pub(crate) use thresholds::thresholds;
pub(crate) use tokenizer::tokenizer;
pub(crate) use train::train;
pub(crate) use try_text::try_text;
pub(crate) use verify::verify;
pub(crate) use why::why;
