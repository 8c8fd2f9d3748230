//! What an annotating filter stage measured, summed up for groups of documents.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use arrow::array::{Array, AsArray};
use arrow::datatypes::Float64Type;

use crate::batch::{COLUMNS, LANGUAGE, SOURCE, URL};
use crate::thresholds::{for_each, is_check};
use crate::why::strings;

/// What makes a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// All documents are one.
    All,
    /// The column `language`.
    Language,
    /// The column `source`.
    Source,
    /// The host of the column `url`, without `www.`.
    Host,
}

/// The documents of one language, source or host.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// Which one; empty where the column is null.
    pub name: String,
    /// How many documents it has.
    pub documents: u64,
    /// A summary for each check that measured one of them, by the name of its column.
    pub checks: BTreeMap<String, Summary>,
}

/// The distribution of a check's values.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Summary {
    /// How many values there are.
    pub n: u64,
    /// Their mean.
    pub mean: f64,
    /// Their standard deviation, that of the population.
    pub deviation: f64,
    /// The least.
    pub min: f64,
    /// A twentieth lies below.
    pub q05: f64,
    /// Half of them lie below.
    pub median: f64,
    /// A twentieth lies above.
    pub q95: f64,
    /// The greatest.
    pub max: f64,
}

/// Sums up an annotated dataset, the group with most documents first; also returns the share of documents that was looked at.
///
/// # Errors
/// As [`crate::thresholds::read`].
pub fn read(dir: &Path, by: By, max_documents: u64) -> Result<(Vec<Group>, f64)> {
    let column = match by {
        By::All => "",
        By::Language => COLUMNS[LANGUAGE],
        By::Source => COLUMNS[SOURCE],
        By::Host => COLUMNS[URL],
    };
    let mut groups: BTreeMap<String, (u64, BTreeMap<String, Vec<f64>>)> = BTreeMap::new();
    let sample = for_each(dir, None, max_documents, &[column], |batch, rows| {
        let names = strings(batch, column);
        let name = |row: usize| match by {
            By::Host => host(names.value(row)),
            _ => names.value(row).to_owned(),
        };
        let checks: Vec<_> = batch.schema_ref().fields().iter().zip(batch.columns()).collect();
        for &row in rows {
            let (documents, values) = groups.entry(name(row)).or_default();
            *documents += 1;
            for (field, column) in checks.iter().filter(|(field, _)| is_check(field.name())) {
                let column = column.as_primitive_opt::<Float64Type>();
                if let Some(column) = column.filter(|column| column.is_valid(row)) {
                    match values.get_mut(field.name()) {
                        Some(values) => values.push(column.value(row)),
                        None => drop(values.insert(field.name().clone(), vec![column.value(row)])),
                    }
                }
            }
        }
        Ok(())
    })?;
    let sum_up = |(name, (documents, checks)): (String, (u64, BTreeMap<String, Vec<f64>>))| {
        let checks = checks.into_iter().map(|(check, values)| (check, Summary::of(values)));
        Group { name, documents, checks: checks.collect() }
    };
    let mut groups: Vec<Group> = groups.into_iter().map(sum_up).collect();
    // The sort is stable: groups of one size stay in the order of their names.
    groups.sort_by_key(|group| std::cmp::Reverse(group.documents));
    Ok((groups, sample))
}

impl Summary {
    /// Sums up at least one value.
    fn of(mut values: Vec<f64>) -> Summary {
        values.sort_by(f64::total_cmp);
        let n = values.len();
        let mean = values.iter().sum::<f64>() / n as f64;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n as f64;
        let quantile = |share: f64| values[((n - 1) as f64 * share).round() as usize];
        Summary {
            n: n as u64,
            mean,
            deviation: variance.sqrt(),
            min: quantile(0.0),
            q05: quantile(0.05),
            median: quantile(0.5),
            q95: quantile(0.95),
            max: quantile(1.0),
        }
    }
}

/// Returns the host of a URL in lower case, without `www.` and port; what is no URL stands for itself.
fn host(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = host
        .rsplit_once(':')
        .filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()))
        .map_or(host, |(host, _)| host);
    let host = host.to_lowercase();
    host.strip_prefix("www.").map_or(host.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_has_the_quantiles_of_its_values() {
        let summary = Summary::of((0..=100).rev().map(f64::from).collect());
        assert_eq!((summary.n, summary.mean, summary.median), (101, 50.0, 50.0));
        assert_eq!([summary.min, summary.q05, summary.q95, summary.max], [0.0, 5.0, 95.0, 100.0]);
        assert!((summary.deviation - 850_f64.sqrt()).abs() < 1e-9);
    }

    #[test]
    fn hosts_are_told_from_the_rest_of_a_url() {
        for (url, expected) in [
            ("https://www.Example.org/a?b", "example.org"),
            ("http://user@example.org:8080#x", "example.org"),
            ("example.org/a", "example.org"),
            ("https://[::1]:80/", "[::1]"),
            ("", ""),
        ] {
            assert_eq!(host(url), expected);
        }
    }
}
