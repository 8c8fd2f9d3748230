//! Columns of what rules measured: one for each check, and `broken`, the list of checks whose limit did not hold.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use arrow::array::{ArrayRef, AsArray, Float64Builder, ListArray, ListBuilder, StringBuilder};
use arrow::datatypes::{DataType, Field, SchemaRef};
use filters::Judge;

use crate::batch::{Batch, with_field};

/// Which checks the rules of a stage have, and the columns of those.
#[derive(Debug, Default)]
pub(super) struct Annotations {
    /// For each rule, its checks with the names of their columns.
    rules: Vec<Vec<(&'static str, String)>>,
}

/// What was measured in a batch.
pub(super) struct Values {
    /// A list for each column, a value for each row.
    columns: Vec<Vec<Option<f64>>>,
    /// For each row, the columns whose check broke.
    broken: Vec<Vec<usize>>,
}

/// The column of the checks that broke.
pub const BROKEN: &str = "broken";

impl Annotations {
    /// Adds a rule.
    pub(super) fn push(&mut self, name: &str, config: &filters::Config) {
        let checks = config.checks().iter();
        self.rules.push(checks.map(|check| (*check, format!("{name}.{check}"))).collect());
    }

    /// Adds the columns to a schema.
    ///
    /// # Errors
    /// When the input has columns of these names, which would be lost.
    pub(super) fn schema(&self, input: SchemaRef) -> Result<SchemaRef> {
        let mut schema = input.clone();
        for field in self.columns().map(field).chain([broken_field()]) {
            // Another annotating stage of this pipeline has a `broken` like ours, to which this one adds.
            let known = input.field_with_name(field.name()).ok();
            ensure!(
                known.is_none_or(|known| *known == broken_field()),
                "the input has a column `{0}`, which `mode = \"annotate\"` writes\n\
                 hint: rename it, or leave it out",
                field.name()
            );
            schema = with_field(&schema, field);
        }
        Ok(schema)
    }

    /// Makes room for the values of `n` rows.
    pub(super) fn values(&self, n: usize) -> Values {
        let columns = self.columns().map(|_| vec![None; n]).collect();
        Values { columns, broken: vec![Vec::new(); n] }
    }

    /// Takes down what a rule measured in a row.
    ///
    /// # Errors
    /// When it measured something that is not among its checks.
    pub(super) fn take(
        &self,
        values: &mut Values,
        rule: usize,
        row: usize,
        judge: &Judge,
    ) -> Result<()> {
        let first: usize = self.rules[..rule].iter().map(Vec::len).sum();
        for measure in judge.measures() {
            let at = self.rules[rule].iter().position(|(check, _)| *check == measure.check);
            let at = at.with_context(|| format!("`{}` is no check of its rule", measure.check))?;
            values.columns[first + at][row] = Some(measure.value);
            if measure.broken && !values.broken[row].contains(&(first + at)) {
                values.broken[row].push(first + at);
            }
        }
        Ok(())
    }

    /// Adds the values as columns.
    ///
    /// # Errors
    /// When there are more or fewer than rows.
    pub(super) fn add(&self, mut batch: Batch, values: Values) -> Result<Batch> {
        let names: Vec<&str> = self.columns().collect();
        for (name, values) in names.iter().zip(values.columns) {
            let mut column = Float64Builder::with_capacity(values.len());
            values.into_iter().for_each(|value| column.append_option(value));
            let column: ArrayRef = Arc::new(column.finish());
            batch = batch.with_column(field(name), column)?;
        }
        // An annotating stage before this one has said what broke there.
        let before = batch.rows.column_by_name(BROKEN).cloned();
        let before: Option<&ListArray> = before.as_ref().and_then(|before| before.as_list_opt());
        let mut lists = ListBuilder::new(StringBuilder::new()).with_field(item());
        for (row, broken) in values.broken.into_iter().enumerate() {
            if let Some(before) = before.map(|before| before.value(row)) {
                before
                    .as_string::<i32>()
                    .iter()
                    .for_each(|name| lists.values().append_option(name));
            }
            broken.into_iter().for_each(|column| lists.values().append_value(names[column]));
            lists.append(true);
        }
        batch.with_column(broken_field(), Arc::new(lists.finish()))
    }

    /// Returns the names of the columns of checks.
    pub(super) fn columns(&self) -> impl Iterator<Item = &str> {
        self.rules.iter().flatten().map(|(_, column)| column.as_str())
    }
}

fn item() -> Field {
    Field::new("item", DataType::Utf8, true)
}

/// The mark tells the column from one of the input, which is carried without marks.
fn broken_field() -> Field {
    let mark = HashMap::from([("corpusmill:broken".to_owned(), String::new())]);
    Field::new(BROKEN, DataType::List(Arc::new(item())), true).with_metadata(mark)
}

fn field(name: &str) -> Field {
    Field::new(name, DataType::Float64, true)
}
