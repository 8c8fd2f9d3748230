//! The ledger: every row that does not stay, with its cause.

use std::collections::BTreeMap;
use std::sync::Arc;

use filters::Removal;

use crate::batch::{Batch, LANGUAGE, Place, SOURCE};

/// Why a row did not stay.
#[derive(Debug, Clone, PartialEq)]
pub enum Cause {
    /// A filter's check broke its limit.
    Rule {
        /// The rule, or the `name` it was given.
        rule: String,
        /// The check, the value and the limit.
        removal: Removal,
    },
    /// The row is a copy of one that its stage kept.
    Duplicate {
        /// The stage that decided.
        stage: &'static str,
        /// Where the kept row stands.
        of: Original,
        /// The id of the kept row.
        of_id: String,
        /// True similarity of the two, 1 for an exact copy.
        similarity: f64,
    },
    /// The row could not be read: the only cause that nobody intended.
    Unreadable {
        /// What is wrong and where.
        error: String,
    },
}

/// The key under which unreadable rows are counted.
pub const UNREADABLE: &str = "unreadable";

impl Cause {
    /// Returns the key under which a report counts this cause, such as `gopher_quality.min_words`.
    pub fn key(&self) -> String {
        match self {
            Cause::Rule { rule, removal } => format!("{rule}.{}", removal.check),
            Cause::Duplicate { stage, .. } => (*stage).to_owned(),
            Cause::Unreadable { .. } => UNREADABLE.to_owned(),
        }
    }
}

/// Where the row stands that a copy is a copy of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Original {
    /// In the input.
    Input(Place),
    /// In an earlier dataset.
    Earlier {
        /// The dataset's file, by path.
        file: Arc<str>,
        /// The row in it.
        row: u64,
    },
}

impl Original {
    /// Returns the row in its file.
    pub fn row(&self) -> u64 {
        match self {
            Original::Input(place) => place.row,
            Original::Earlier { row, .. } => *row,
        }
    }
}

/// A row that did not stay.
#[derive(Debug, Clone, PartialEq)]
pub struct Removed {
    /// Where it stood in the input.
    pub place: Place,
    /// Its id, or `file:row` where it has none that can be read.
    pub id: String,
    /// The text as the stage that removed it saw it; for an unreadable row what could be read of it.
    pub text: String,
    /// Its source, where known.
    pub source: Option<String>,
    /// Its language, where known.
    pub language: Option<String>,
    /// Why.
    pub cause: Cause,
}

/// Takes down what the stages do to one batch.
#[derive(Debug, Default)]
pub struct Ledger {
    /// The rows that do not stay.
    pub removed: Vec<Removed>,
    /// How many edits each rule made, by `rule`.
    pub edits: BTreeMap<String, u64>,
    /// Warnings: something is odd, nothing is lost.
    pub warnings: Vec<String>,
}

impl Ledger {
    /// Removes row `row` of `batch`; the caller leaves it out of what it returns.
    pub fn remove(&mut self, batch: &Batch, row: usize, cause: Cause) {
        let text = batch.texts().value(row).to_owned();
        self.remove_edited(batch, row, text, cause);
    }

    /// Removes row `row` of `batch`, whose text had been edited to `text` by then.
    pub fn remove_edited(&mut self, batch: &Batch, row: usize, text: String, cause: Cause) {
        self.removed.push(Removed {
            place: batch.origins[row].place,
            id: batch.ids().value(row).to_owned(),
            text,
            source: batch.value(SOURCE, row).map(str::to_owned),
            language: batch.value(LANGUAGE, row).map(str::to_owned),
            cause,
        });
    }

    /// Counts edits by a rule.
    pub fn count_edits(&mut self, rule: &str, n: u64) {
        if n > 0 {
            *self.edits.entry(rule.to_owned()).or_default() += n;
        }
    }
}
