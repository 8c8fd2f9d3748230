//! `report.json`: what came of a run, and all that may differ between two runs that made the same bytes.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use stages::disk::write_whole;
use stages::evaluate::EvaluateReport;
use stages::filter::rule_name;
use stages::ledger::UNREADABLE;
use stages::pipeline::{Pipeline, StageConfig};
use stages::runner::{Flow, FunnelRow, Manifest};
use stages::train::TrainReport;

use crate::prepare::Machine;

/// The report's name.
const REPORT: &str = "report.json";

/// What came of a run.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Report {
    /// Rows that were read, unreadable ones among them.
    pub(crate) read: u64,
    /// Rows that the sample left out.
    pub(crate) left_out: u64,
    /// Rows that could not be read.
    pub(crate) unreadable: u64,
    pub(crate) kept: u64,
    /// By cause, over all stages; unreadable rows among them.
    pub(crate) removed: BTreeMap<String, u64>,
    /// By rule.
    pub(crate) edits: BTreeMap<String, u64>,
    /// What each stage did, in order.
    pub(crate) stages: Vec<StageReport>,
    /// The same rows by cause, source and language; none where the run was cut off behind its commit.
    pub(crate) funnel: Vec<FunnelRow>,
    /// By split.
    pub(crate) tokens: BTreeMap<String, u64>,
    pub(crate) warnings: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) train: Option<TrainReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) evaluate: Option<EvaluateReport>,
    /// Seconds of the process that made the dataset, which may have gone on from an earlier one.
    pub(crate) seconds: f64,
    /// The machine and the versions, for whoever compares two reports.
    pub(crate) machine: BTreeMap<String, Value>,
}

/// What one stage did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct StageReport {
    pub(crate) name: String,
    pub(crate) seen: u64,
    pub(crate) kept: u64,
    /// By cause, without the ones of other stages.
    pub(crate) removed: BTreeMap<String, u64>,
}

impl Report {
    /// Takes from the manifest what it knows.
    pub(crate) fn new(pipeline: &Pipeline, manifest: &Manifest) -> Report {
        let removed = &manifest.removed;
        Report {
            read: manifest.read,
            left_out: manifest.left_out,
            unreadable: removed.get(UNREADABLE).copied().unwrap_or(0),
            kept: manifest.kept,
            removed: removed.clone(),
            edits: manifest.edits.clone(),
            stages: stage_reports(pipeline, &manifest.stages, removed),
            tokens: manifest.tokens.iter().map(|(split, n)| (split.clone(), n.tokens)).collect(),
            ..Report::default()
        }
    }

    /// Adds what is known of the machine.
    pub(crate) fn with_machine(mut self, machine: Machine) -> Report {
        let facts = [
            ("corpusmill", Value::from(env!("CARGO_PKG_VERSION"))),
            ("system", Value::from(std::env::consts::OS)),
            ("processor", Value::from(std::env::consts::ARCH)),
            ("threads", Value::from(machine.threads)),
            ("memory", Value::from(machine.memory)),
        ];
        self.machine = facts.map(|(name, value)| (name.to_owned(), value)).into();
        self
    }

    /// Reads the report in a dataset folder, if there is one that can be read: it is no part of the dataset.
    pub(crate) fn read(dir: &Path) -> Option<Report> {
        serde_json::from_slice(&std::fs::read(dir.join(REPORT)).ok()?).ok()
    }

    /// Writes it into a dataset folder.
    ///
    /// # Errors
    /// When the disk is full or fails.
    pub(crate) fn write(&self, dir: &Path) -> Result<()> {
        let json = serde_json::to_vec_pretty(self).context("cannot write the report as JSON")?;
        write_whole(&dir.join(REPORT), &json).map(drop)
    }
}

/// Deals the causes to the stages: a cause is `rule.check` in a filter, and the stage's own name elsewhere, with a check if it edits.
///
/// Names of rules are unique in a pipeline, which `config` sees to.
fn stage_reports(
    pipeline: &Pipeline,
    flows: &[Flow],
    removed: &BTreeMap<String, u64>,
) -> Vec<StageReport> {
    let report = |(config, flow): (&StageConfig, &Flow)| {
        let by_cause = match config {
            StageConfig::Filter(filter) => {
                let names: Vec<String> = filter.rules.iter().map(rule_name).collect();
                let rule = |cause: &str| cause.rsplit_once('.').map(|(rule, _)| rule.to_owned());
                let is_own = |cause: &String| rule(cause).is_some_and(|rule| names.contains(&rule));
                removed
                    .iter()
                    .filter(|(cause, _)| is_own(cause))
                    .map(|(c, n)| (c.clone(), *n))
                    .collect()
            }
            // Two stages of a kind share their cause; what is theirs follows from the rows that passed.
            _ => {
                let is_own = |cause: &&String| {
                    let check = cause.strip_prefix(&flow.name);
                    check.is_some_and(|check| check.is_empty() || check.starts_with('.'))
                };
                let cause = removed.keys().find(is_own).unwrap_or(&flow.name);
                let removed = [(cause.clone(), flow.entered - flow.left)];
                removed.into_iter().filter(|(_, n)| *n > 0).collect()
            }
        };
        StageReport {
            name: flow.name.clone(),
            seen: flow.entered,
            kept: flow.left,
            removed: by_cause,
        }
    };
    pipeline.stages.iter().zip(flows).map(report).collect()
}
