//! Where `id`, `text`, `url`, `source` and `language` stand in the input.

use std::collections::BTreeMap;

use anyhow::{Result, bail};

use crate::batch::{COLUMNS, TEXT};

/// The name in the input of each base column: its own, unless `columns` maps it to another.
///
/// A name stands for the top-level column or member that has it, and otherwise, split at its dots, for a path. What is
/// mapped from the top level moves into its base column; what lies deeper is copied and stays in its parent too. An
/// input column that has the name of a base column which is mapped elsewhere has no place to go, and is left out.
#[derive(Debug, Clone)]
pub(super) struct Mapping {
    names: [String; COLUMNS.len()],
    is_given: [bool; COLUMNS.len()],
    /// Whether another base column reads the same input column as `text`.
    shares_text: bool,
}

impl Mapping {
    /// Checks the names of `columns`.
    ///
    /// # Errors
    /// When one of them is no base column.
    pub(super) fn new(columns: &BTreeMap<String, String>) -> Result<Mapping> {
        let mut names = COLUMNS.map(str::to_owned);
        let mut is_given = [false; COLUMNS.len()];
        for (column, name) in columns {
            let Some(i) = COLUMNS.iter().position(|base| base == column) else {
                bail!(
                    "input.columns.{column}: not a column that can be mapped\nhint: {} can; \
                     all others keep their names",
                    COLUMNS.join(", ")
                );
            };
            names[i].clone_from(name);
            is_given[i] = true;
        }
        let shares_text = names.iter().filter(|name| **name == names[TEXT]).count() > 1;
        Ok(Mapping { names, is_given, shares_text })
    }

    /// Returns the name in the input of a base column.
    pub(super) fn name(&self, column: usize) -> &str {
        &self.names[column]
    }

    /// Says whether the pipeline file names the base column.
    pub(super) fn is_given(&self, column: usize) -> bool {
        self.is_given[column]
    }

    /// Says whether the member `name` is the text and nothing else.
    pub(super) fn is_text_alone(&self, name: &str) -> bool {
        name == self.names[TEXT] && !self.shares_text
    }

    /// Says whether `name` stands for a base column, or is hidden by one.
    pub(super) fn takes(&self, name: &str) -> bool {
        self.names.iter().any(|own| own == name) || COLUMNS.contains(&name)
    }

    /// Returns the path below the member `name` at which a base column is found, if it is one.
    pub(super) fn path_below(
        &self,
        column: usize,
        name: &str,
    ) -> Option<impl Iterator<Item = &str>> {
        let rest = self.names[column].strip_prefix(name)?.strip_prefix('.')?;
        Some(rest.split('.'))
    }
}
