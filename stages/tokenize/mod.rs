//! The stage `tokenize`: learns a byte-level BPE from the documents that reach it, or loads one, and encodes.
//!
//! Learning is a census (`train`). Encoding adds a column with the ids of each document, which the token shards take and no file of documents shows.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Result, bail};
use arrow::array::{AsArray, ListBuilder, UInt32Array, UInt32Builder};
use arrow::datatypes::{DataType, Field, SchemaRef, UInt32Type};
use models::{BpeTraining, END_OF_DOCUMENT, LoadOptions, Loaded, Tokenizer, load_with};
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

/// The folder of a dataset in which its tokenizer lies.
const FOLDER: &str = "tokenizer";

/// Returns the file of a dataset's tokenizer: a `tokenizer.json`, or the `tokenizer.model` of SentencePiece.
pub fn tokenizer_path(dataset: &Path) -> PathBuf {
    let model = dataset.join(FOLDER).join("tokenizer.model");
    if model.is_file() { model } else { dataset.join(TOKENIZER) }
}

/// `tokenize = { train = { … } }` or `tokenize = { load = "tokenizer.json" }`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tokenize {
    /// Learns a tokenizer from the documents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub train: Option<BpeTraining>,
    /// The path of a tokenizer to use as it is: `tokenizer.json`, ranks of tiktoken, `tekken.json`, or a model of SentencePiece.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load: Option<String>,
    /// The encoding of tiktoken to which loaded ranks belong, such as `cl100k_base`: it gives the pattern and the special tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
    /// The pattern that cuts text for loaded ranks, in place of that of `encoding`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// Special tokens of loaded ranks with their ids, besides those of `encoding`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub special_tokens: BTreeMap<String, u32>,
    /// Uses a loaded tokenizer that has no id for some characters; what it does not know is lost, and counted in the report.
    #[serde(skip_serializing_if = "is_false")]
    pub allow_unknown: bool,
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
                let options = LoadOptions {
                    encoding: self.encoding.clone(),
                    pattern: self.pattern.clone(),
                    special_tokens: self.special_tokens.clone(),
                };
                let encode = Encode::open(path.into(), &options, end)?;
                if encode.tokenizer.unknown().is_some() && !self.allow_unknown {
                    bail!(
                        "{path}: some characters have no id, and would be lost\n\
                         hint: train it with byte fallback, or set `allow_unknown = true` and look at their number"
                    )
                }
                Ok(Built::Stage(Arc::new(encode)))
            }
            _ => bail!("one of `train` and `load` is needed"),
        }
    }
}

/// Adds the ids of each document.
struct Encode {
    tokenizer: Box<dyn Tokenizer>,
    end: u32,
    /// Files that the dataset keeps: the tokenizer's own, if it says all, and what was learnt beside it.
    files: Vec<(String, PathBuf)>,
    /// The file that says what the tokenizer's own does not.
    written: Vec<(String, Vec<u8>)>,
}

impl Encode {
    fn open(path: PathBuf, options: &LoadOptions, end: &str) -> Result<Encode> {
        let Loaded { tokenizer, file } = load_with(&path, options)?;
        let end = end_of_document(tokenizer.as_ref(), &path, end)?;
        let name = format!("{FOLDER}/{}", file.name);
        let (mut files, mut written) = (Vec::new(), Vec::new());
        match file.rewritten {
            None => files.push((name, path)),
            Some(bytes) => written.push((name, bytes)),
        }
        Ok(Encode { tokenizer, end, files, written })
    }

    /// Opens a tokenizer that was learnt, whose dataset gets `files`.
    fn open_learnt(path: &Path, end: &str, files: Vec<(String, PathBuf)>) -> Result<Encode> {
        let tokenizer = models::load(path)?;
        let end = end_of_document(tokenizer.as_ref(), path, end)?;
        Ok(Encode { tokenizer, end, files, written: Vec::new() })
    }
}

/// Returns the id of the special token that ends documents.
fn end_of_document(tokenizer: &dyn Tokenizer, path: &Path, end: &str) -> Result<u32> {
    let special_tokens = tokenizer.special_tokens();
    if let Some(&(_, id)) = special_tokens.iter().find(|(name, _)| *name == end) {
        return Ok(id);
    }
    let known: Vec<_> =
        special_tokens.iter().take(NAMED).map(|(name, _)| format!("`{name}`")).collect();
    let more = if special_tokens.len() > NAMED { " and more" } else { "" };
    bail!(
        "{}: no special token `{end}` to end documents with\nhint: it has {}{more}",
        path.display(),
        known.join(", ")
    )
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

    fn written(&self) -> Vec<(String, Vec<u8>)> {
        self.written.clone()
    }

    fn vocab_size(&self) -> Option<usize> {
        Some(self.tokenizer.vocab_size())
    }

    fn apply(&self, batch: Batch, ledger: &mut Ledger) -> Result<Batch> {
        let mut lists = ListBuilder::new(UInt32Builder::new()).with_field(item_field());
        let mut ids = Vec::new();
        let unknown = self.tokenizer.unknown();
        for text in batch.texts().iter().flatten() {
            ids.clear();
            self.tokenizer.encode(text, &mut ids);
            let n_unknown = ids.iter().filter(|id| Some(**id) == unknown).count();
            ledger.count_edits("tokenize.unknown", n_unknown as u64);
            ledger.count_edits("tokenize.special_text", self.tokenizer.count_special_text(text));
            ids.push(self.end);
            lists.values().append_slice(&ids);
            lists.append(true);
        }
        batch.with_column(tokens_field(), Arc::new(lists.finish()))
    }
}

/// Special tokens that an error names; some tokenizers have a thousand.
const NAMED: usize = 20;

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_false(flag: &bool) -> bool {
    !flag
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
