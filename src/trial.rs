//! Takes one text through the filters of a pipeline, without a dataset.

use anyhow::{Context, Result};
use filters::{Measure, Removal};
use serde::Deserialize;
use serde_json::{Value, json};
use stages::filter::{FilterStage, Trial, TrialText};
use stages::pipeline::{Pipeline, StageConfig};

use crate::table::measure;

/// `[[test]]`: a text, and what must become of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Test {
    /// The text.
    text: String,
    /// The check that removes it, such as `gopher_quality.min_words`, or `kept`.
    expect: String,
    /// What is left of the text.
    expect_text: Option<String>,
    language: Option<String>,
    url: Option<String>,
    source: Option<String>,
}

/// What the filter stages made of a text.
pub(crate) struct Outcome {
    stages: Vec<StageOutcome>,
    row: TrialText,
}

struct StageOutcome {
    /// The number of the stage, from 1.
    number: usize,
    is_annotating: bool,
    /// `None` if the stage is not for such texts.
    trials: Option<Vec<Trial>>,
}

/// What `[[test]]` and the outcome call a text that stays.
const KEPT: &str = "kept";

/// The filter stages of a pipeline, each with its number from 1.
pub(crate) struct Filters(Vec<(usize, FilterStage)>);

impl Filters {
    /// Makes the rules.
    ///
    /// # Errors
    /// When a rule cannot be built.
    pub(crate) fn build(pipeline: &Pipeline) -> Result<Filters> {
        let mut stages = Vec::new();
        for (number, stage) in (1..).zip(&pipeline.stages) {
            let StageConfig::Filter(config) = stage else { continue };
            let stage = FilterStage::build(config).with_context(|| format!("stage {number}"))?;
            stages.push((number, stage));
        }
        Ok(Filters(stages))
    }

    /// Takes a text through all stages.
    pub(crate) fn examine(&self, mut row: TrialText) -> Outcome {
        let examine = |(number, stage): &(usize, FilterStage)| StageOutcome {
            number: *number,
            is_annotating: stage.is_annotating(),
            trials: stage.examine(&mut row),
        };
        let stages = self.0.iter().map(examine).collect();
        Outcome { stages, row }
    }
}

impl Outcome {
    /// Returns the first limit that removes the text, with the rule that has it.
    fn removal(&self) -> Option<(&str, &Removal)> {
        let judging = self.stages.iter().filter(|stage| !stage.is_annotating);
        let trials = judging.filter_map(|stage| stage.trials.as_ref()).flatten();
        trials.filter_map(|t| Some((t.rule.as_str(), t.removal.as_ref()?))).next()
    }

    /// Returns `kept`, or the check that removes the text.
    fn fate(&self) -> String {
        self.removal()
            .map_or(KEPT.to_owned(), |(rule, removal)| format!("{rule}.{}", removal.check))
    }

    /// Returns what happened, in a line.
    pub(crate) fn summary(&self) -> String {
        match self.removal() {
            None => KEPT.to_owned(),
            Some((rule, Removal { check, value, limit, found })) => {
                let found = found.as_ref().map(|found| format!(", found `{found}`"));
                let (value, limit) = (measure(*value), measure(*limit));
                format!(
                    "removed by {rule}.{check}: value {value}, limit {limit}{}",
                    found.unwrap_or_default()
                )
            }
        }
    }

    /// Returns the text as the last stage left it.
    pub(crate) fn text(&self) -> &str {
        &self.row.text
    }

    /// Returns a line for each measure: rule and check, value, limit, and whether it broke; and what was edited.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for stage in &self.stages {
            let (number, mode) =
                (stage.number, if stage.is_annotating { ", annotates" } else { "" });
            let Some(trials) = &stage.trials else {
                lines.push(format!("stage {number}{mode}: not for this text"));
                continue;
            };
            lines.push(format!("stage {number}{mode}"));
            for trial in trials {
                lines.push(format!("  {}", trial.rule));
                lines.extend(
                    trial.scores.iter().map(|(name, score)| format!("    {name} = {score}")),
                );
                lines.extend(trial.measures.iter().map(line));
                if trial.edits > 0 {
                    lines.push(format!("    {} edits", trial.edits));
                }
            }
        }
        lines
    }

    /// Returns all of it as JSON.
    pub(crate) fn json(&self) -> Value {
        let stages = self.stages.iter().map(|stage| {
            let rules =
                stage.trials.as_ref().map(|trials| trials.iter().map(json_of).collect::<Vec<_>>());
            json!({ "stage": stage.number, "annotates": stage.is_annotating, "rules": rules })
        });
        json!({
            "fate": self.fate(),
            "text": self.row.text,
            "language": self.row.language,
            "stages": stages.collect::<Vec<_>>(),
        })
    }
}

impl Test {
    /// Runs the test, and returns what is otherwise than expected.
    pub(crate) fn run(&self, filters: &Filters) -> Option<String> {
        let Test { text, expect, expect_text, language, url, source } = self;
        let row = TrialText {
            text: text.clone(),
            language: language.clone(),
            url: url.clone(),
            source: source.clone(),
        };
        let outcome = filters.examine(row);
        if outcome.fate() != *expect {
            let found = outcome.summary();
            return Some(format!("test: `expect` is `{expect}`, but the text was {found}"));
        }
        let is_right = expect_text.as_ref().is_none_or(|expected| expected == outcome.text());
        let found = || format!("test: `expect_text`: the text became {:?}", outcome.text());
        (!is_right).then(found)
    }
}

fn line(Measure { check, value, limit, broken }: &Measure) -> String {
    let limit = limit.map_or("off".to_owned(), measure);
    let mark = if *broken { "  broken" } else { "" };
    format!("    {check:36}{:>9}   limit {limit}{mark}", measure(*value))
}

fn json_of(trial: &Trial) -> Value {
    let measures = trial.measures.iter().map(|Measure { check, value, limit, broken }| {
        json!({ "check": check, "value": value, "limit": limit, "broken": broken })
    });
    json!({
        "rule": trial.rule,
        "measures": measures.collect::<Vec<_>>(),
        "removed_by": trial.removal.as_ref().map(|removal| removal.check),
        "found": trial.removal.as_ref().and_then(|removal| removal.found.clone()),
        "edits": trial.edits,
        "scores": trial.scores.iter().cloned().collect::<std::collections::BTreeMap<_, _>>(),
    })
}
