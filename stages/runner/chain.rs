//! The fused stages of a pass, and what they make of one block.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};

use super::blocks::{Numbered, Read};
use super::ids;
use super::plan::Pass;
use super::run::Run;
use super::tally::Tally;
use crate::batch::{Batch, Origin, Place};
use crate::ledger::{Ledger, Removed};
use crate::pipeline::Built;
use crate::rows::{Decisions, Rows, Sealed};
use crate::shards::ShardWriter;
use crate::source::Wanted;
use crate::tokenize::count_tokens;
use crate::{Census, Stage};

/// Stages that documents pass one batch at a time, and who scans what comes out.
pub(super) struct Chain {
    stages: Vec<Arc<dyn Stage>>,
    scan: Option<Scan>,
    /// Whether this pass settles rows of the input, whose ids are counted.
    counts_ids: bool,
    /// Whether only rows matter that the round before has noted: nothing else is done with the others.
    passes_over: bool,
}

enum Scan {
    Round { census: Arc<dyn Census>, round: usize, notes: Decisions },
    Shards(Arc<ShardWriter>),
}

/// What became of one block.
pub(super) struct Outcome {
    pub(super) number: u64,
    pub(super) part: u32,
    pub(super) batch: Batch,
    pub(super) removed: Vec<Removed>,
    pub(super) rows: Option<Rows>,
    /// Hashes of the ids that were read.
    pub(super) ids: Option<Rows>,
    pub(super) tally: Tally,
    pub(super) text_bytes: u64,
    pub(super) warnings: Vec<String>,
}

impl Chain {
    /// Opens the stages of a pass, censuses with what they have sealed.
    pub(super) fn open(run: &Run<'_>, pass: &Pass) -> Result<Chain> {
        let stages = (pass.first..pass.end).map(|stage| open_stage(run, stage));
        let stages = stages.collect::<Result<Vec<_>>>()?;
        let scan = match pass.scan {
            None => None,
            Some((stage, round)) => match &run.built[stage] {
                Built::Census(census) => {
                    let notes = match round.checked_sub(1) {
                        Some(before) => sealed(run, stage, before)?.decisions(),
                        None => Decisions::none(),
                    };
                    Some(Scan::Round { census: census.clone(), round, notes })
                }
                Built::Shards(shards) => Some(Scan::Shards(shards.clone())),
                Built::Stage(stage) => anyhow::bail!("{} does not scan", stage.name()),
            },
        };
        let passes_over = stages.is_empty() && !pass.settles();
        Ok(Chain { stages, scan, counts_ids: pass.counts_ids(), passes_over })
    }

    /// Returns the stages.
    pub(super) fn stages(&self) -> &[Arc<dyn Stage>] {
        &self.stages
    }

    /// Returns an empty buffer for the rows that the scan emits.
    pub(super) fn rows(&self) -> Option<Rows> {
        self.scan.as_ref().map(|scan| match scan {
            Scan::Round { census, round, .. } => Rows::new(census.rounds()[*round].layout()),
            Scan::Shards(shards) => Rows::new(shards.layout()),
        })
    }

    /// Parses a block and takes its documents through all stages.
    pub(super) fn process(&self, block: Numbered) -> Result<Outcome> {
        let noted = |first, last| match &self.scan {
            Some(Scan::Round { notes, .. }) => notes.rows(first, last),
            _ => Ok(Vec::new()),
        };
        let is_later_round = matches!(&self.scan, Some(Scan::Round { round: 1.., .. }));
        let wanted: Wanted<'_> =
            if self.passes_over && is_later_round { Some(&noted) } else { None };
        let Read { decoded, left_out } = (block.decode)(wanted)?;
        let mut batch = decoded.batch;
        let text_bytes = batch.text_bytes();
        let ids = self.counts_ids.then(|| ids::scan(&batch));
        let mut ledger = Ledger { removed: decoded.unreadable, ..Ledger::default() };
        // What was passed over stays as it is.
        let kept = decoded.passed_over;
        let mut tally = Tally { left_out, kept, ..Tally::default() };
        tally.read = left_out + kept + (batch.n_rows() + ledger.removed.len()) as u64;
        for stage in &self.stages {
            let before = std::mem::take(&mut batch.origins);
            batch.origins.clone_from(&before);
            let n_removed = ledger.removed.len();
            batch = stage.apply(batch, &mut ledger).context(stage.name().to_owned())?;
            check_conserved(&before, &batch, &ledger.removed[n_removed..])
                .with_context(|| format!("{}: a bug in this stage", stage.name()))?;
            tally.pass(stage.name(), before.len(), batch.n_rows());
        }
        let mut rows = self.rows();
        match (&self.scan, &mut rows) {
            (Some(Scan::Round { census, round, notes }), Some(rows)) => {
                census.rounds()[*round].scan(&batch, notes, rows)?;
            }
            (Some(Scan::Shards(shards)), Some(rows)) => shards.scan(&batch, rows)?,
            _ => {}
        }
        ledger.removed.sort_by_key(|removed| removed.place);
        tally.remove(&ledger.removed);
        tally.keep(&batch, count_tokens(&batch));
        tally.edits = ledger.edits;
        let Ledger { removed, warnings, .. } = ledger;
        let (number, part) = (block.number, block.part);
        Ok(Outcome { number, part, batch, removed, rows, ids, tally, text_bytes, warnings })
    }
}

fn open_stage(run: &Run<'_>, stage: usize) -> Result<Arc<dyn Stage>> {
    match &run.built[stage] {
        Built::Stage(stage) => Ok(stage.clone()),
        Built::Census(census) => {
            let last = census.rounds().len() - 1;
            Ok(census.open(sealed(run, stage, last)?)?.into())
        }
        Built::Shards(_) => anyhow::bail!("shards are no stage of a pass"),
    }
}

/// Returns what the seal of a round left.
pub(super) fn sealed(run: &Run<'_>, stage: usize, round: usize) -> Result<Sealed> {
    let step = run.plan.seal_of(stage, round).context("the plan has no seal for a census")?;
    ensure!(run.receipts(step).is_done(0), "step {} is not done yet", run.plan.steps[step].name);
    Ok(Sealed::new(&run.folder(step), run.plan.task_of_file()))
}

/// Checks that each row that entered a stage either left it or is in the ledger, once.
fn check_conserved(before: &[Origin], after: &Batch, removed: &[Removed]) -> Result<()> {
    let mut places: Vec<Place> = removed.iter().map(|row| row.place).collect();
    places.sort_unstable();
    let mut removed = places.into_iter().peekable();
    let mut kept = after.origins.iter().peekable();
    for origin in before {
        let is_kept = kept.next_if_eq(&origin).is_some();
        let is_removed = removed.next_if_eq(&origin.place).is_some();
        ensure!(
            is_kept != is_removed,
            "row {:?} is neither kept nor removed, or both",
            origin.place
        );
    }
    ensure!(kept.next().is_none() && removed.next().is_none(), "a row came from nowhere");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Cause;
    use crate::source::{Decode, Decoded};

    /// A stage that loses, doubles or keeps rows as it is told.
    struct Careless(fn(&Batch) -> Vec<bool>);

    impl Stage for Careless {
        fn name(&self) -> &str {
            "careless"
        }

        fn apply(&self, batch: Batch, ledger: &mut Ledger) -> Result<Batch> {
            let cause = Cause::Unreadable { error: "removed and kept".to_owned() };
            if batch.ids().value(0) == "both" {
                ledger.remove(&batch, 0, cause);
            }
            let keep = (self.0)(&batch);
            batch.keep(&keep)
        }
    }

    fn process(first_id: &str, keep: fn(&Batch) -> Vec<bool>) -> Result<Outcome> {
        let rows: Vec<_> = [first_id, "b", "c"].map(|id| (id, "text")).to_vec();
        let batch = Batch::of_texts(&rows);
        let chain = Chain {
            stages: vec![Arc::new(Careless(keep))],
            scan: None,
            counts_ids: false,
            passes_over: false,
        };
        let decoded = Decoded { batch, unreadable: Vec::new(), passed_over: 0 };
        let decode: Decode<Read> = Box::new(move |_| Ok(Read { decoded, left_out: 0 }));
        chain.process(Numbered { number: 0, part: 0, bytes: 0, decode })
    }

    #[test]
    fn a_stage_that_loses_a_row_is_caught() {
        let lost = process("a", |batch| (0..batch.n_rows()).map(|row| row != 1).collect());
        assert!(format!("{:#}", lost.err().unwrap()).contains("neither kept nor removed"));
    }

    #[test]
    fn a_stage_that_keeps_and_removes_a_row_is_caught() {
        let both = process("both", |batch| vec![true; batch.n_rows()]);
        assert!(format!("{:#}", both.err().unwrap()).contains("or both"));
    }

    #[test]
    fn a_stage_that_keeps_all_rows_passes() {
        let outcome = process("a", |batch| vec![true; batch.n_rows()]).unwrap();
        assert!(outcome.tally.is_balanced());
        assert_eq!(outcome.tally.kept, 3);
    }
}
