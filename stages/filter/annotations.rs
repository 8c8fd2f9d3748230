//! Columns of what rules measured.

use std::sync::Arc;

use anyhow::{Context, Result};
use arrow::array::{ArrayRef, Float64Builder};
use arrow::datatypes::{DataType, Field, SchemaRef};
use filters::Judge;

use crate::batch::{Batch, with_field};

/// Which checks the rules of a stage have, and the columns of those.
#[derive(Debug, Default)]
pub(super) struct Annotations {
    /// For each rule, its checks with the names of their columns.
    rules: Vec<Vec<(String, String)>>,
}

/// The values of a batch: a list for each column, a value for each row.
pub(super) struct Values(Vec<Vec<Option<f64>>>);

impl Annotations {
    /// Adds a rule; its checks are those of its keys that can remove a document.
    ///
    /// # Errors
    /// When its settings cannot be written.
    pub(super) fn push(&mut self, name: &str, config: &filters::Config) -> Result<()> {
        let written = serde_json::to_value(config).context("cannot write the settings")?;
        let settings = written.get(config.name()).and_then(|settings| settings.as_object());
        let keys = settings.into_iter().flat_map(|settings| settings.keys());
        let checks = keys.filter(|key| is_check(key));
        self.rules.push(checks.map(|key| (key.clone(), format!("{name}.{key}"))).collect());
        Ok(())
    }

    /// Adds the columns to a schema.
    pub(super) fn schema(&self, input: SchemaRef) -> SchemaRef {
        self.columns().fold(input, |schema, name| with_field(&schema, field(name)))
    }

    /// Makes room for the values of `n` rows.
    pub(super) fn values(&self, n: usize) -> Values {
        Values(self.columns().map(|_| vec![None; n]).collect())
    }

    /// Takes down what a rule measured in a row.
    ///
    /// # Errors
    /// When it measured something that no key of it is called after.
    pub(super) fn take(
        &self,
        values: &mut Values,
        rule: usize,
        row: usize,
        judge: &Judge,
    ) -> Result<()> {
        let first: usize = self.rules[..rule].iter().map(Vec::len).sum();
        for measure in judge.measures() {
            let at = self.rules[rule].iter().position(|(check, _)| check == measure.check);
            let at = at.with_context(|| format!("`{}` is no key of its rule", measure.check))?;
            values.0[first + at][row] = Some(measure.value);
        }
        Ok(())
    }

    /// Adds the values as columns.
    ///
    /// # Errors
    /// When there are more or fewer than rows.
    pub(super) fn add(&self, mut batch: Batch, values: Values) -> Result<Batch> {
        for (name, values) in self.columns().zip(values.0) {
            let mut column = Float64Builder::with_capacity(values.len());
            values.into_iter().for_each(|value| column.append_option(value));
            let column: ArrayRef = Arc::new(column.finish());
            batch = batch.with_column(field(name), column)?;
        }
        Ok(batch)
    }

    fn columns(&self) -> impl Iterator<Item = &str> {
        self.rules.iter().flatten().map(|(_, column)| column.as_str())
    }
}

/// Says whether a key sets a limit, rather than how to measure or edit.
fn is_check(key: &str) -> bool {
    key == "keep" || ["min_", "max_", "remove_"].iter().any(|prefix| key.starts_with(prefix))
}

fn field(name: &str) -> Field {
    Field::new(name, DataType::Float64, true)
}
