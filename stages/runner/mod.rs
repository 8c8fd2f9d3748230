//! The runner: plan, tasks, receipts, commit.
//!
//! [`Plan`] turns a pipeline and its input files into steps of independent, deterministic, idempotent tasks. An engine runs
//! the tasks step by step ([`local`] is the embedded one; others call [`Run::task`] through the command line). Each task leaves a
//! receipt; what has a valid receipt is never done twice, which is all there is to resuming. [`commit`](commit::commit) balances the rows and
//! publishes the dataset, its manifest last.

mod blocks;
mod chain;
mod commit;
mod gather;
mod ids;
mod local;
mod pass;
mod plan;
mod receipt;
mod run;
mod steps;
mod tally;

pub use commit::{CLUSTERS, Committed, MANIFEST, Manifest, SplitTokens, commit, discard_work};
pub use local::run_all;
pub use plan::{Kind, Pass, Plan, Step};
pub use receipt::{Receipt, Receipts};
pub use run::{Interrupted, OpenStep, Run, Watch, check_folder};
pub(crate) use run::{memory_for_rows, rows_memory};
pub use tally::{Flow, Funnel, FunnelRow, Tally};

/// The version of everything that tasks leave on disk; part of every fingerprint.
pub const FORMAT: u32 = 1;

#[cfg(test)]
mod tests;
