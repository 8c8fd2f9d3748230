//! Limits that are quantiles of what the documents measure: a census.
//!
//! The scan lets the rules measure every document that enters the stage, and counts how often each value occurs; the seal
//! walks through the values in order and writes the limits; the stage that opens has them in place of the quantiles.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use arrow::datatypes::SchemaRef;
use filters::{Judge, Tag};
use serde_json::{Map, Value, json};

use super::{FilterConfig, FilterStage};
use crate::batch::Batch;
use crate::ledger::Ledger;
use crate::rows::{Combine, Decisions, Gathered, Layout, Ranges, Rows, Seal, Sealed, SortedRows};
use crate::{Census, Round, Stage};

/// The sealed limits: for each rule by its place in the list, its keys and their limits.
const LIMITS: &str = "limits.json";

/// Documents that a language must have for a quantile of its own; below it has that of all documents.
const MIN_DOCUMENTS: u64 = 100;

/// A filter stage whose limits are not known yet.
pub(crate) struct QuantileFilter {
    config: FilterConfig,
    /// The stage with these limits off.
    stage: Arc<FilterStage>,
    rounds: [Box<dyn Round>; 1],
}

/// A key of a rule whose limit is a quantile.
#[derive(Debug, Clone, PartialEq)]
struct Wanted {
    rule: usize,
    key: String,
    share: f64,
    by_language: bool,
}

struct Measure {
    stage: Arc<FilterStage>,
    wanted: Vec<Wanted>,
    n_ranges: u32,
}

impl QuantileFilter {
    /// Makes the census; `None` if no limit is a quantile.
    ///
    /// # Errors
    /// As [`FilterStage::build`].
    pub(crate) fn build(config: &FilterConfig, n_ranges: u32) -> Result<Option<QuantileFilter>> {
        let mut wanted = Vec::new();
        for (rule, config) in config.rules.iter().enumerate() {
            for (key, value) in settings(config)? {
                let quantile = read(&value);
                ensure!(
                    quantile.is_none() || config.checks().contains(&key.as_str()),
                    "{}: `{key}` says how to measure, and cannot be a quantile",
                    config.name()
                );
                wanted.extend(quantile.map(|(share, by_language)| Wanted {
                    rule,
                    key,
                    share,
                    by_language,
                }));
            }
        }
        if wanted.is_empty() {
            return Ok(None);
        }
        let stage = Arc::new(FilterStage::build(config)?);
        let measure = Measure { stage: stage.clone(), wanted, n_ranges };
        Ok(Some(QuantileFilter { config: config.clone(), stage, rounds: [Box::new(measure)] }))
    }
}

/// Returns the settings of a rule as a pipeline file would hold them.
fn settings(config: &filters::Config) -> Result<Map<String, Value>> {
    let written = serde_json::to_value(config).context("cannot write the settings")?;
    Ok(written.get(config.name()).and_then(Value::as_object).cloned().unwrap_or_default())
}

/// Returns share and by-language of a limit that is a quantile.
fn read(value: &Value) -> Option<(f64, bool)> {
    match value {
        Value::String(text) => Some((text.strip_prefix('q')?.parse().ok()?, false)),
        Value::Object(table) => Some((table.get("quantile")?.as_f64()?, table.contains_key("by"))),
        _ => None,
    }
}

impl Census for QuantileFilter {
    fn name(&self) -> &str {
        "filter"
    }

    fn rounds(&self) -> &[Box<dyn Round>] {
        &self.rounds
    }

    fn schema(&self, input: SchemaRef) -> Result<SchemaRef> {
        self.stage.schema(input)
    }

    fn open(&self, sealed: Sealed) -> Result<Box<dyn Stage>> {
        let path = sealed.whole(LIMITS);
        let place = || path.display().to_string();
        let limits = fs::read(&path).with_context(place)?;
        let limits: BTreeMap<usize, Map<String, Value>> =
            serde_json::from_slice(&limits).with_context(place)?;
        let mut config = self.config.clone();
        let mut name = String::new();
        for (rule, limits) in limits {
            let old = config.rules.get_mut(rule).context("limits of another pipeline")?;
            let mut settings = settings(old)?;
            settings.extend(limits);
            *old = serde_json::from_value(json!({ old.name(): settings })).with_context(place)?;
            if name.is_empty() {
                old.build()?.name().clone_into(&mut name);
            }
        }
        let stage = FilterStage::build(&config)?;
        Ok(Box::new(Resolved { stage, file: format!("limits/{name}.json"), path }))
    }
}

/// The filter stage with its limits.
struct Resolved {
    stage: FilterStage,
    file: String,
    path: PathBuf,
}

impl Stage for Resolved {
    fn name(&self) -> &str {
        "filter"
    }

    fn schema(&self, input: SchemaRef) -> Result<SchemaRef> {
        self.stage.schema(input)
    }

    fn is_costly(&self) -> bool {
        true
    }

    fn files(&self) -> Vec<(String, PathBuf)> {
        vec![(self.file.clone(), self.path.clone())]
    }

    fn apply(&self, batch: Batch, ledger: &mut Ledger) -> Result<Batch> {
        self.stage.apply(batch, ledger)
    }
}

impl Round for Measure {
    fn layout(&self) -> Layout {
        Layout { combine: Combine::Sum, ranges: Ranges::Hash(self.n_ranges) }
    }

    fn scan(&self, batch: &Batch, _: &Decisions, rows: &mut Rows) -> Result<()> {
        let take = |rule: usize, language: Tag, judge: &Judge| {
            for (i, wanted) in self.wanted.iter().enumerate().filter(|(_, w)| w.rule == rule) {
                let measures = judge.measures().iter();
                for measure in measures.filter(|measure| measure.check == wanted.key) {
                    rows.emit_count(&key(i, None, measure.value), 1);
                    if wanted.by_language {
                        rows.emit_count(&key(i, Some(language), measure.value), 1);
                    }
                }
            }
        };
        self.stage.measure(batch, take);
        Ok(())
    }

    fn gather(&self, rows: &mut SortedRows, out: &mut Gathered) -> Result<()> {
        while rows.next_group()? {
            let key = rows.key().to_vec();
            if let Some(count) = rows.next_value()? {
                out.emit(&key, count)?;
            }
        }
        Ok(())
    }

    fn seal(&self, seal: &mut Seal) -> Result<()> {
        let mut totals: BTreeMap<Group, u64> = BTreeMap::new();
        each(seal, |group, _, count| *totals.entry(group).or_default() += count)?;
        let mut limits: BTreeMap<Group, (u64, f64)> = BTreeMap::new();
        each(seal, |group, value, count| {
            let Wanted { share, key, .. } = &self.wanted[usize::from(group.0)];
            let n = totals.get(&group).copied().unwrap_or(0);
            // Strictly beyond the limit lies at most the share that the quantile leaves.
            let rank = match key.starts_with("max_") {
                true => ((n as f64 * share).ceil() as u64).saturating_sub(1),
                false => ((n as f64 * share) as u64).min(n.saturating_sub(1)),
            };
            let (seen, limit) = limits.entry(group).or_insert((0, value));
            if *seen <= rank {
                *limit = value;
            }
            *seen += count;
        })?;
        let limit = |group: Group| limits.get(&group).map(|(_, limit)| *limit);
        let mut by_rule: BTreeMap<usize, Map<String, Value>> = BTreeMap::new();
        for (i, wanted) in (0..).zip(&self.wanted) {
            // Where nothing was measured, there is nothing to limit.
            let all = limit((i, None)).map_or(Value::Bool(false), |limit| json!(limit));
            let mut of_languages = Map::new();
            for (group, n) in totals.range((i, Some(Tag::UNKNOWN))..) {
                if let (same, Some(language)) = *group
                    && same == i
                    && *n >= MIN_DOCUMENTS
                    && language != Tag::UNKNOWN
                    && let Some(limit) = limit(*group)
                {
                    of_languages.insert(language.as_str().to_owned(), json!(limit));
                }
            }
            let value = match of_languages.is_empty() {
                true => all,
                false => {
                    of_languages.insert("other".to_owned(), all);
                    Value::Object(of_languages)
                }
            };
            by_rule.entry(wanted.rule).or_default().insert(wanted.key.clone(), value);
        }
        seal.whole(LIMITS, &serde_json::to_vec_pretty(&by_rule)?)
    }
}

/// A wanted limit, and a language or all documents.
type Group = (u16, Option<Tag>);

/// Bytes of a key: which limit, all documents or one language, the language, the value.
const KEY: usize = 2 + 1 + 8 + 8;

/// Returns the key of a value; keys of one group sort by value.
fn key(wanted: usize, language: Option<Tag>, value: f64) -> [u8; KEY] {
    let mut key = [0; KEY];
    key[..2].copy_from_slice(&(wanted as u16).to_be_bytes());
    if let Some(language) = language {
        key[2] = 1;
        let name = language.as_str().as_bytes();
        key[3..3 + name.len()].copy_from_slice(name);
    }
    // The order of the bits is that of the numbers, once negative ones are turned round; -0 is 0.
    let bits = (value + 0.0).to_bits();
    let sorted = if bits >> 63 == 1 { !bits } else { bits | 1 << 63 };
    key[11..].copy_from_slice(&sorted.to_be_bytes());
    key
}

/// Walks through what was counted: group, value, count, in ascending order.
fn each(seal: &Seal, mut take: impl FnMut(Group, f64, u64)) -> Result<()> {
    let mut rows = seal.rows()?;
    while rows.next_group()? {
        let key: [u8; KEY] = rows.key().try_into().context("a damaged key")?;
        let wanted = u16::from_be_bytes([key[0], key[1]]);
        let name = str::from_utf8(&key[3..11]).context("a damaged key")?.trim_end_matches('\0');
        let language = match key[2] {
            0 => None,
            _ => Some(Tag::read(name).unwrap_or(Tag::UNKNOWN)),
        };
        ensure!(key[2] <= 1, "a damaged key");
        let sorted = u64::from_be_bytes(*key[11..].first_chunk().context("a damaged key")?);
        let bits = if sorted >> 63 == 1 { sorted & !(1 << 63) } else { !sorted };
        while let Some(count) = rows.next_value()? {
            let count = count.first_chunk::<8>().context("a damaged count")?;
            take((wanted, language), f64::from_bits(bits), u64::from_le_bytes(*count));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn keys_sort_as_their_values_do(a: f64, b: f64) {
            prop_assume!(!a.is_nan() && !b.is_nan());
            let order = (a + 0.0).partial_cmp(&(b + 0.0)).unwrap();
            prop_assert_eq!(key(3, None, a).cmp(&key(3, None, b)), order);
        }
    }

    #[test]
    fn only_quantiles_are_read_as_such() {
        assert_eq!(read(&json!("q0.25")), Some((0.25, false)));
        assert_eq!(read(&json!({ "quantile": 0.5, "by": "language" })), Some((0.5, true)));
        for value in [json!("quality"), json!(3), json!({ "zh": 1, "other": 2 }), json!(null)] {
            assert_eq!(read(&value), None, "{value}");
        }
    }
}
