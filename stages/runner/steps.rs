//! Which steps a plan has, and what each of them follows from.

use std::fs;
use std::path::PathBuf;
use std::time::UNIX_EPOCH;

use anyhow::{Context, Result};
use serde::Serialize;
use xxhash_rust::xxh3::xxh3_128;

use super::FORMAT;
use super::plan::{Kind, Pass, Plan, Step};
use crate::config::Input;
use crate::pipeline::Built;

/// Lists the steps of a plan over its built stages.
pub(super) fn list(plan: &Plan, built: &[Built]) -> Result<Vec<Step>> {
    let input = Input { max_unreadable: 0, ..plan.pipeline.input.clone() };
    let cuts = (&plan.task_starts, plan.part_bytes, plan.n_ranges, plan.n_intervals);
    let start = fingerprint(&(FORMAT, plan.pipeline.seed, input, &plan.files, cuts))?;
    let mut list = List { plan, built, steps: Vec::new(), base: None, first: 0, chain: start };
    for (stage, built) in built.iter().enumerate() {
        if let Built::Census(census) = built {
            list.census(stage, census.name(), census.rounds().len())?;
        }
    }
    list.write()?;
    Ok(list.steps)
}

struct List<'a> {
    plan: &'a Plan,
    built: &'a [Built],
    steps: Vec<Step>,
    /// The step whose spool later passes read; `None` while they read the input.
    base: Option<usize>,
    /// The first stage that the documents of `base` have not passed.
    first: usize,
    /// The fingerprint of all that came so far.
    chain: String,
}

impl List<'_> {
    /// Adds pass, gather and seal for each round of the census at `stage`.
    fn census(&mut self, stage: usize, name: &str, n_rounds: usize) -> Result<()> {
        for round in 0..n_rounds {
            let scan = Some((stage, round));
            let spool = self.built[self.first..stage].iter().any(is_costly);
            let pass =
                Pass { base: self.base, first: self.first, end: stage, scan, spool, write: false };
            let suffix = if n_rounds > 1 { format!("-{}", round + 1) } else { String::new() };
            let scan = self.pass(format!("scan-{name}{suffix}"), pass)?;
            let gather = Kind::Gather { stage, round, scan };
            let gather =
                self.push(format!("gather-{name}{suffix}"), gather, self.plan.n_ranges, ())?;
            self.push(format!("seal-{name}{suffix}"), Kind::Seal { stage, round, gather }, 1, ())?;
        }
        Ok(())
    }

    /// Adds the last pass, and the shuffle behind it.
    fn write(&mut self) -> Result<()> {
        let shards = self.built.iter().position(|stage| matches!(stage, Built::Shards(_)));
        let end = shards.unwrap_or(self.built.len());
        let scan = shards.map(|stage| (stage, 0));
        let pass =
            Pass { base: self.base, first: self.first, end, scan, spool: false, write: true };
        let scan = self.pass("write".to_owned(), pass)?;
        if let Some(stage) = shards {
            let n_intervals = self.plan.n_intervals;
            self.push("shuffle".to_owned(), Kind::Shuffle { stage, scan }, n_intervals, ())?;
        }
        Ok(())
    }

    fn pass(&mut self, name: String, pass: Pass) -> Result<usize> {
        let pipeline = &self.plan.pipeline;
        let scanning = pass.scan.map(|(stage, _)| stage..stage + 1).unwrap_or(0..0);
        let configs = [&pipeline.stages[pass.first..pass.end], &pipeline.stages[scanning]].concat();
        let references = configs.iter().flat_map(|config| config.references());
        let references: Vec<_> = references.map(state_of).collect::<Result<_>>()?;
        let removed = pass.settles().then_some(pipeline.output.removed);
        let documents =
            pass.write.then_some((pipeline.output.documents, pipeline.output.zstd_level));
        let (spool, end) = (pass.spool, pass.end);
        let follows_from = (configs, references, removed, documents);
        let step = self.push(name, Kind::Pass(pass), self.plan.n_input_tasks(), follows_from)?;
        if spool {
            (self.base, self.first) = (Some(step), end);
        }
        Ok(step)
    }

    fn push(
        &mut self,
        name: String,
        kind: Kind,
        n_tasks: u32,
        follows_from: impl Serialize,
    ) -> Result<usize> {
        self.chain = fingerprint(&(&self.chain, &kind, n_tasks, follows_from))?;
        self.steps.push(Step { name, kind, n_tasks, fingerprint: self.chain.clone() });
        Ok(self.steps.len() - 1)
    }
}

fn is_costly(built: &Built) -> bool {
    matches!(built, Built::Stage(stage) if stage.is_costly())
}

/// Returns path, length and time of change of a file that a stage opens.
fn state_of(path: PathBuf) -> Result<(PathBuf, u64, u128)> {
    let metadata = fs::metadata(&path).with_context(|| path.display().to_string())?;
    let modified = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok((path, metadata.len(), modified.as_nanos()))
}

fn fingerprint(value: &impl Serialize) -> Result<String> {
    let json = serde_json::to_vec(value).context("cannot fingerprint the plan")?;
    Ok(format!("{:032x}", xxh3_128(&json)))
}
