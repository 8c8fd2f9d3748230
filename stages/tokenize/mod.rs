//! The stage `tokenize`: learns a byte-level BPE from the documents that reach it, or loads one, and encodes.
//!
//! Learning is a census (`train`). Encoding adds a column with the ids of each document, which the token shards take and no file of documents shows.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Result, bail};
use arrow::array::{AsArray, ListBuilder, UInt32Array, UInt32Builder};
use arrow::datatypes::{DataType, Field, SchemaRef, UInt32Type};
use models::{Bpe, BpeTraining, END_OF_DOCUMENT, Tokenizer};
use serde::{Deserialize, Serialize};

use crate::Stage;
use crate::batch::{Batch, with_field};
use crate::ledger::Ledger;
use crate::pipeline::Built;

mod corpus;
mod report;
mod temperature;
#[cfg(test)]
mod tests;
mod train;
mod words;

pub use corpus::train_on;
pub use report::{
    REPORT, Report, TextReport, TokenReport, TrainingReport, Usage, VocabularyReport, read_report,
};
pub use train::{Learnt, learning_memory};

/// The column that holds the ids of each document, `end_of_document` last.
pub const TOKENS: &str = "tokens";

/// Where the tokenizer lies in a dataset.
pub const TOKENIZER: &str = "tokenizer/tokenizer.json";

/// `tokenize = { train = { … } }` or `tokenize = { load = "tokenizer.json" }`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tokenize {
    /// Learns a tokenizer from the documents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub train: Option<BpeTraining>,
    /// The path of a `tokenizer.json` to use as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load: Option<String>,
    /// The special token that ends each document; default `<|end_of_document|>` for a tokenizer that is learnt here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_of_document: Option<String>,
}

impl Tokenize {
    /// Makes the stage.
    ///
    /// # Errors
    /// When neither or both of `train` and `load` are given, or the tokenizer cannot be used.
    pub fn build(&self, n_ranges: u32) -> Result<Built> {
        match (&self.train, &self.load) {
            (Some(options), None) => {
                let end = self.end_of_document.as_deref().unwrap_or(END_OF_DOCUMENT);
                train::build(options, end, n_ranges)
            }
            (None, Some(path)) => {
                let Some(end) = &self.end_of_document else {
                    bail!(
                        "`end_of_document` is missing: which special token of {path} ends a document\n\
                         hint: GPT-2 has `<|endoftext|>`"
                    )
                };
                Ok(Built::Stage(Arc::new(Encode::open(path.into(), end)?)))
            }
            _ => bail!("one of `train` and `load` is needed"),
        }
    }
}

/// Adds the ids of each document.
struct Encode {
    tokenizer: Bpe,
    end: u32,
    files: Vec<(String, PathBuf)>,
}

impl Encode {
    fn open(path: PathBuf, end: &str) -> Result<Encode> {
        let files = vec![(TOKENIZER.to_owned(), path.clone())];
        Encode::open_with(path, end, files)
    }

    /// Opens a tokenizer whose dataset gets `files`.
    fn open_with(path: PathBuf, end: &str, files: Vec<(String, PathBuf)>) -> Result<Encode> {
        let tokenizer = Bpe::load(&path)?;
        let special = tokenizer.special_tokens().find(|(name, _)| *name == end);
        let Some((_, end)) = special else {
            let known: Vec<_> = tokenizer.special_tokens().map(|(name, _)| name).collect();
            bail!(
                "{}: no special token `{end}` to end documents with\nhint: it has {}",
                path.display(),
                known.join(", ")
            );
        };
        Ok(Encode { tokenizer, end, files })
    }
}

impl Stage for Encode {
    fn name(&self) -> &str {
        "tokenize"
    }

    fn schema(&self, input: SchemaRef) -> Result<SchemaRef> {
        Ok(with_field(&input, tokens_field()))
    }

    fn is_costly(&self) -> bool {
        true
    }

    fn files(&self) -> Vec<(String, PathBuf)> {
        self.files.clone()
    }

    fn apply(&self, batch: Batch, _: &mut Ledger) -> Result<Batch> {
        let mut lists = ListBuilder::new(UInt32Builder::new()).with_field(item_field());
        let mut ids = Vec::new();
        for text in batch.texts().iter().flatten() {
            ids.clear();
            self.tokenizer.encode(text, &mut ids);
            ids.push(self.end);
            lists.values().append_slice(&ids);
            lists.append(true);
        }
        batch.with_column(tokens_field(), Arc::new(lists.finish()))
    }
}

fn item_field() -> Field {
    Field::new("item", DataType::UInt32, false)
}

fn tokens_field() -> Field {
    Field::new(TOKENS, DataType::List(Arc::new(item_field())), false)
}

/// Returns the ids of each document; `None` before `tokenize`.
pub fn token_lists(batch: &Batch) -> Option<impl Fn(usize) -> UInt32Array> {
    let lists = batch.rows.column_by_name(TOKENS)?.as_list_opt::<i32>()?.clone();
    Some(move |row: usize| lists.value(row).as_primitive::<UInt32Type>().clone())
}

/// Returns the number of ids of each document; 0 before `tokenize`.
pub fn count_tokens(batch: &Batch) -> impl Fn(usize) -> u64 + use<> {
    let lists = batch.rows.column_by_name(TOKENS).and_then(|column| column.as_list_opt::<i32>());
    let lists = lists.cloned();
    move |row| lists.as_ref().map_or(0, |lists| lists.value_length(row) as u64)
}
