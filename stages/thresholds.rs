//! What other limits would do, from the columns that an annotating filter stage wrote.

use std::fs::File;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Float64Type;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use xxhash_rust::xxh3::xxh3_64;

use crate::batch::{COLUMNS, ID, LANGUAGE};
use crate::filter::BROKEN;
use crate::pipeline::{Pipeline, StageConfig};
use crate::why::{files_of, is_jsonl, strings};

/// The measured values of one check.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// The column, `gopher_quality.min_words`.
    pub name: String,
    /// Whether documents above a threshold go, rather than those below it.
    pub is_upper: bool,
    /// In ascending order: the value, and whether another check broke in that document.
    values: Vec<(f64, bool)>,
    /// Documents in which this check broke.
    pub broken: u64,
    /// Those of them in which no other did.
    pub broken_alone: u64,
}

/// What an annotated dataset measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// All checks that measured something, in the order of their columns.
    pub checks: Vec<Check>,
    /// Documents that were looked at.
    pub documents: u64,
    /// The share of all documents that these are, 0 to 1.
    pub sample: f64,
}

/// How many documents a threshold would remove.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Effect {
    /// The threshold.
    pub threshold: f64,
    /// Documents beyond it.
    pub alone: u64,
    /// Those of them in which no other check broke: what it removes after all others.
    pub after_others: u64,
}

/// Reads the values of all checks; of more than `max_documents` a share, chosen by the hash of the id.
///
/// `language` leaves out documents whose column `language` holds another one.
///
/// # Errors
/// When no filter stage of the dataset annotated, its documents are not Parquet, or a file cannot be read.
pub fn read(dir: &Path, language: Option<&str>, max_documents: u64) -> Result<Measured> {
    let mut measured = Measured { checks: Vec::new(), documents: 0, sample: 1.0 };
    measured.sample = for_each(dir, language, max_documents, &[], |batch, rows| {
        take(batch, rows, &mut measured)
    })?;
    for check in &mut measured.checks {
        check.values.sort_by(|a, b| a.0.total_cmp(&b.0));
    }
    measured.checks.retain(|check| !check.values.is_empty());
    Ok(measured)
}

/// Opens a file of documents.
fn open(path: &Path) -> Result<ParquetRecordBatchReaderBuilder<File>> {
    let place = || path.display().to_string();
    let file = File::open(path).with_context(place)?;
    ParquetRecordBatchReaderBuilder::try_new(file).with_context(place)
}

/// Goes through the documents of an annotated dataset: `take` gets the rows to look at of each batch, which has the columns
/// of all checks, `broken`, `id`, `language` and `also`. Returns the share of documents that is looked at.
pub(crate) fn for_each(
    dir: &Path,
    language: Option<&str>,
    max_documents: u64,
    also: &[&str],
    mut take: impl FnMut(&RecordBatch, &[usize]) -> Result<()>,
) -> Result<f64> {
    let paths = files_of(dir, "documents")?;
    let first = paths.first().with_context(|| {
        format!("{}: has no documents\nhint: `[output] documents = \"parquet\"`", dir.display())
    })?;
    ensure!(
        !is_jsonl(first),
        "{}: the documents are JSONL, which has no columns\nhint: `[output] documents = \"parquet\"`",
        dir.display()
    );
    let mut n_documents = 0;
    for path in &paths {
        n_documents += u64::try_from(open(path)?.metadata().file_metadata().num_rows())?;
    }
    let checks = checks_of(dir)?;
    let sample = (max_documents as f64 / n_documents.max(1) as f64).min(1.0);
    let limit = (sample * u64::MAX as f64) as u64;
    for path in &paths {
        let place = || path.display().to_string();
        let reader = open(path)?;
        let base = [BROKEN, COLUMNS[ID], COLUMNS[LANGUAGE]];
        let is_wanted = |name: &str| {
            base.contains(&name) || also.contains(&name) || checks.iter().any(|check| check == name)
        };
        let fields = reader.schema().fields().iter().enumerate();
        let roots: Vec<_> = fields.filter(|(_, f)| is_wanted(f.name())).map(|(i, _)| i).collect();
        let mask = ProjectionMask::roots(reader.parquet_schema(), roots);
        for batch in reader.with_projection(mask).build().with_context(place)? {
            let batch = batch.with_context(place)?;
            let (ids, languages) =
                (strings(&batch, COLUMNS[ID]), strings(&batch, COLUMNS[LANGUAGE]));
            let is_looked_at = |row: &usize| {
                language.is_none_or(|wanted| languages.value(*row) == wanted)
                    && (sample >= 1.0 || xxh3_64(ids.value(*row).as_bytes()) < limit)
            };
            let rows: Vec<usize> = (0..batch.num_rows()).filter(is_looked_at).collect();
            take(&batch, &rows).with_context(place)?;
        }
    }
    Ok(sample)
}

/// Returns the columns of the checks of a dataset's annotating stages.
fn checks_of(dir: &Path) -> Result<Vec<String>> {
    let path = dir.join("pipeline.toml");
    let place = || path.display().to_string();
    let text = std::fs::read_to_string(&path).with_context(place)?;
    let pipeline: Pipeline = toml::from_str(&text).with_context(place)?;
    let filters = pipeline.stages.iter().filter_map(|stage| match stage {
        StageConfig::Filter(config) => Some(config.check_columns()),
        _ => None,
    });
    let checks: Vec<String> = filters.flatten().collect();
    ensure!(
        !checks.is_empty(),
        "{}: no filter stage measured anything\nhint: write `mode = \"annotate\"` beside its rules",
        dir.display()
    );
    Ok(checks)
}

/// Says whether a column that [`for_each`] reads is that of a check.
pub(crate) fn is_check(name: &str) -> bool {
    name.contains('.')
}

fn take(batch: &RecordBatch, rows: &[usize], measured: &mut Measured) -> Result<()> {
    let broken = batch.column_by_name(BROKEN).and_then(|column| column.as_list_opt::<i32>());
    let broken = broken.with_context(|| format!("`{BROKEN}` is no list"))?;
    measured.documents += rows.len() as u64;
    for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        let name = field.name();
        let values = column.as_primitive_opt::<Float64Type>().filter(|_| is_check(name));
        let Some(values) = values else { continue };
        let check = check_of(&mut measured.checks, name);
        for &row in rows.iter().filter(|&&row| values.is_valid(row)) {
            let list = broken.value(row);
            let list = list.as_string::<i32>();
            let is_broken = list.iter().any(|broken| broken == Some(name.as_str()));
            let breaks_another = list.len() > usize::from(is_broken);
            check.broken += u64::from(is_broken);
            check.broken_alone += u64::from(is_broken && !breaks_another);
            check.values.push((values.value(row), breaks_another));
        }
    }
    Ok(())
}

fn check_of<'a>(checks: &'a mut Vec<Check>, name: &str) -> &'a mut Check {
    let at = checks.iter().position(|check| check.name == name).unwrap_or_else(|| {
        let key = name.rsplit_once('.').map_or(name, |(_, check)| check);
        let is_upper = !key.starts_with("min_") && !key.starts_with("keep");
        let check = Check {
            name: name.to_owned(),
            is_upper,
            values: Vec::new(),
            broken: 0,
            broken_alone: 0,
        };
        checks.push(check);
        checks.len() - 1
    });
    &mut checks[at]
}

impl Check {
    /// Returns how many documents were measured.
    pub fn n(&self) -> u64 {
        self.values.len() as u64
    }

    /// Returns the value below which this share of documents lies, the nearest that was measured.
    pub fn quantile(&self, share: f64) -> f64 {
        let last = self.values.len() - 1;
        self.values[((last as f64 * share).round() as usize).min(last)].0
    }

    /// Returns what a threshold would remove: documents strictly beyond it.
    pub fn effect(&self, threshold: f64) -> Effect {
        let beyond = match self.is_upper {
            true => &self.values[self.values.partition_point(|(value, _)| *value <= threshold)..],
            false => &self.values[..self.values.partition_point(|(value, _)| *value < threshold)],
        };
        let after_others = beyond.iter().filter(|(_, breaks_another)| !breaks_another).count();
        Effect { threshold, alone: beyond.len() as u64, after_others: after_others as u64 }
    }

    /// Returns how many values lie in each of `n` ranges of equal width from `low` to `high`; what lies outside counts to
    /// the outer ones.
    pub fn histogram(&self, n: usize, low: f64, high: f64) -> Vec<u64> {
        let mut counts = vec![0; n];
        for (value, _) in &self.values {
            let at = (value - low) / (high - low) * n as f64;
            counts[(at.max(0.0) as usize).min(n - 1)] += 1;
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(is_upper: bool, values: &[(f64, bool)]) -> Check {
        Check {
            name: "r.max_x".into(),
            is_upper,
            values: values.to_vec(),
            broken: 0,
            broken_alone: 0,
        }
    }

    #[test]
    fn a_threshold_removes_what_lies_strictly_beyond_it() {
        let values = [(1.0, false), (2.0, true), (2.0, false), (3.0, false), (4.0, true)];
        let upper = check(true, &values);
        assert_eq!(upper.effect(2.0), Effect { threshold: 2.0, alone: 2, after_others: 1 });
        assert_eq!(upper.effect(0.0), Effect { threshold: 0.0, alone: 5, after_others: 3 });
        let lower = check(false, &values);
        assert_eq!(lower.effect(2.0), Effect { threshold: 2.0, alone: 1, after_others: 1 });
        assert_eq!(lower.effect(9.0), Effect { threshold: 9.0, alone: 5, after_others: 3 });
        assert_eq!(
            [lower.quantile(0.0), lower.quantile(0.5), lower.quantile(1.0)],
            [1.0, 2.0, 4.0]
        );
        assert_eq!(lower.histogram(3, 1.0, 4.0), [1, 2, 2]);
    }
}
