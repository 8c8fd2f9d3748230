//! What became of the rows, in numbers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::batch::{Batch, LANGUAGE, SOURCE};
use crate::ledger::{Removed, UNREADABLE};

/// The numbers of a part, a task, a step or a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    /// Rows that were read, unreadable ones among them.
    pub read: u64,
    /// Rows that the sample left out.
    pub left_out: u64,
    /// Rows that stayed.
    pub kept: u64,
    /// Rows that did not stay, by cause; unreadable ones among them.
    pub removed: BTreeMap<String, u64>,
    /// Edits, by rule.
    pub edits: BTreeMap<String, u64>,
    /// How many rows entered and left each stage, in order.
    pub stages: Vec<Flow>,
    /// The same rows by cause, source and language.
    pub funnel: Funnel,
}

/// How many rows passed a stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Flow {
    /// The stage.
    pub name: String,
    /// Rows that entered it.
    pub entered: u64,
    /// Rows that left it.
    pub left: u64,
}

/// Documents, bytes and tokens by cause, source and language; as a list on disk.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Vec<FunnelRow>", into = "Vec<FunnelRow>")]
pub struct Funnel(BTreeMap<FunnelKey, [u64; 3]>);

/// Cause (`None` for kept), source, language.
type FunnelKey = (Option<String>, Option<String>, Option<String>);

/// One row of a funnel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FunnelRow {
    /// Why the documents were removed; `None` for those that stayed.
    pub cause: Option<String>,
    /// Their source, where known.
    pub source: Option<String>,
    /// Their language, where known.
    pub language: Option<String>,
    /// How many.
    pub documents: u64,
    /// Bytes of text.
    pub bytes: u64,
    /// Tokens, of those that were encoded.
    pub tokens: u64,
}

impl Funnel {
    /// Returns the rows, ordered by cause, source and language.
    pub fn rows(&self) -> Vec<FunnelRow> {
        self.clone().into()
    }

    fn add(&mut self, key: FunnelKey, counts: [u64; 3]) {
        let sums = self.0.entry(key).or_default();
        sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
    }
}

impl From<Funnel> for Vec<FunnelRow> {
    fn from(funnel: Funnel) -> Vec<FunnelRow> {
        let row = |((cause, source, language), counts): (FunnelKey, [u64; 3])| FunnelRow {
            cause,
            source,
            language,
            documents: counts[0],
            bytes: counts[1],
            tokens: counts[2],
        };
        funnel.0.into_iter().map(row).collect()
    }
}

impl From<Vec<FunnelRow>> for Funnel {
    fn from(rows: Vec<FunnelRow>) -> Funnel {
        let mut funnel = Funnel::default();
        for row in rows {
            let key = (row.cause, row.source, row.language);
            funnel.add(key, [row.documents, row.bytes, row.tokens]);
        }
        funnel
    }
}

impl Tally {
    /// Counts rows that did not stay.
    pub fn remove(&mut self, removed: &[Removed]) {
        for row in removed {
            let cause = row.cause.key();
            *self.removed.entry(cause.clone()).or_default() += 1;
            let key = (Some(cause), row.source.clone(), row.language.clone());
            self.funnel.add(key, [1, row.text.len() as u64, 0]);
        }
    }

    /// Counts rows that stayed; `tokens` of each, where they were encoded.
    pub fn keep(&mut self, batch: &Batch, tokens: impl Fn(usize) -> u64) {
        self.kept += batch.n_rows() as u64;
        let texts = batch.texts();
        let known = |column, row| batch.value(column, row).map(str::to_owned);
        for row in 0..batch.n_rows() {
            let key = (None, known(SOURCE, row), known(LANGUAGE, row));
            self.funnel.add(key, [1, texts.value(row).len() as u64, tokens(row)]);
        }
    }

    /// Counts rows that passed a stage.
    pub fn pass(&mut self, name: &str, entered: usize, left: usize) {
        let (entered, left) = (entered as u64, left as u64);
        self.stages.push(Flow { name: name.to_owned(), entered, left });
    }

    /// Adds what another part of the same pass counted.
    pub fn add(&mut self, other: &Tally) {
        self.read += other.read;
        self.left_out += other.left_out;
        self.kept += other.kept;
        add_all(&mut self.removed, &other.removed);
        add_all(&mut self.edits, &other.edits);
        for (key, counts) in &other.funnel.0 {
            self.funnel.add(key.clone(), *counts);
        }
        if self.stages.is_empty() {
            self.stages.clone_from(&other.stages);
            return;
        }
        for (flow, more) in self.stages.iter_mut().zip(&other.stages) {
            flow.entered += more.entered;
            flow.left += more.left;
        }
    }

    /// Adds what a later pass counted, which read what this one kept.
    pub fn follow(&mut self, later: &Tally) {
        self.kept = later.kept;
        add_all(&mut self.removed, &later.removed);
        add_all(&mut self.edits, &later.edits);
        self.stages.extend(later.stages.iter().cloned());
        self.funnel.0.retain(|(cause, ..), _| cause.is_some());
        for (key, counts) in &later.funnel.0 {
            self.funnel.add(key.clone(), *counts);
        }
    }

    /// Returns the number of rows that could not be read.
    pub fn unreadable(&self) -> u64 {
        self.removed.get(UNREADABLE).copied().unwrap_or(0)
    }

    /// Says whether every row that was read is accounted for.
    pub fn is_balanced(&self) -> bool {
        self.read == self.left_out + self.kept + self.removed.values().sum::<u64>()
    }
}

fn add_all(sums: &mut BTreeMap<String, u64>, counts: &BTreeMap<String, u64>) {
    for (key, count) in counts {
        *sums.entry(key.clone()).or_default() += count;
    }
}
