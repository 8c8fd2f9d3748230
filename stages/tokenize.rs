//! The stage `tokenize`: learns a byte-level BPE from the documents that reach it, or loads one, and encodes.
//!
//! Learning is a census of one round: pieces of text are counted, summed on the way, and the seal learns the merges from
//! the counts. Encoding adds a column with the ids of each document, which the token shards take and no file of documents shows.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use arrow::array::{AsArray, ListBuilder, UInt32Array, UInt32Builder};
use arrow::datatypes::{DataType, Field, SchemaRef, UInt32Type};
use models::{
    Bpe, BpeTraining, END_OF_DOCUMENT, LoadOptions, Loaded, Splitter, Tokenizer, WordCounts,
    count_words, load_with,
};
use serde::{Deserialize, Serialize};

use crate::batch::{Batch, with_field};
use crate::ledger::Ledger;
use crate::pipeline::Built;
use crate::rows::{Combine, Decisions, Gathered, Layout, Ranges, Rows, Seal, Sealed, SortedRows};
use crate::{Census, Round, Stage};

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

/// What the seal of the training calls its result.
const LEARNT: &str = "tokenizer.json";

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
                let end = self.end_of_document.as_deref().unwrap_or(END_OF_DOCUMENT).to_owned();
                let mut options = options.clone();
                if !options.special_tokens.contains(&end) {
                    options.special_tokens.push(end.clone());
                }
                // Learning from nothing shows at once whether the options can be used.
                Bpe::train(std::iter::empty::<(&[u8], u64)>(), &options).context("train")?;
                let splitter = options.splitter().context("train.patterns")?;
                let count = CountWords { splitter, options, n_ranges };
                Ok(Built::Census(Arc::new(TrainTokenizer { end, rounds: [Box::new(count)] })))
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

/// Learns a tokenizer from all documents.
struct TrainTokenizer {
    end: String,
    rounds: [Box<dyn Round>; 1],
}

impl Census for TrainTokenizer {
    fn name(&self) -> &str {
        "tokenize"
    }

    fn rounds(&self) -> &[Box<dyn Round>] {
        &self.rounds
    }

    fn schema(&self, input: SchemaRef) -> Result<SchemaRef> {
        Ok(with_field(&input, tokens_field()))
    }

    fn open(&self, sealed: Sealed) -> Result<Box<dyn Stage>> {
        Ok(Box::new(Encode::open(sealed.whole(LEARNT), &LoadOptions::default(), &self.end)?))
    }
}

/// Counts the pieces that the splitter cuts text into.
struct CountWords {
    splitter: Splitter,
    options: BpeTraining,
    n_ranges: u32,
}

impl Round for CountWords {
    fn layout(&self) -> Layout {
        Layout { combine: Combine::Sum, ranges: Ranges::Hash(self.n_ranges) }
    }

    fn scan(&self, batch: &Batch, _: &Decisions, rows: &mut Rows) -> Result<()> {
        let mut counts = WordCounts::default();
        for text in batch.texts().iter().flatten() {
            count_words(&self.splitter, text, self.options.max_word_bytes, &mut counts);
        }
        // The order of a hash map does not matter: the spill sorts.
        counts.into_iter().for_each(|(word, count)| rows.emit_count(&word, count));
        Ok(())
    }

    fn gather(&self, rows: &mut SortedRows, out: &mut Gathered) -> Result<()> {
        while rows.next_group()? {
            let word = rows.key().to_vec();
            if let Some(count) = rows.next_value()? {
                out.emit(&word, count)?;
            }
        }
        Ok(())
    }

    fn seal(&self, seal: &mut Seal) -> Result<()> {
        let mut rows = seal.rows()?;
        let mut words = Vec::new();
        while rows.next_group()? {
            let word: Box<[u8]> = rows.key().into();
            while let Some(count) = rows.next_value()? {
                let count = count.first_chunk::<8>().context("a damaged count")?;
                words.push((word.clone(), u64::from_le_bytes(*count)));
            }
        }
        let tokenizer = Bpe::train(words, &self.options)?;
        seal.whole(LEARNT, tokenizer.to_json().as_bytes())
    }
}

/// Adds the ids of each document.
struct Encode {
    tokenizer: Box<dyn Tokenizer>,
    end: u32,
    /// The tokenizer's own file, if the dataset keeps that one.
    files: Vec<(String, PathBuf)>,
    /// The file that says the same, if not.
    written: Vec<(String, Vec<u8>)>,
}

impl Encode {
    fn open(path: PathBuf, options: &LoadOptions, end: &str) -> Result<Encode> {
        let Loaded { tokenizer, file } = load_with(&path, options)?;
        let special_tokens = tokenizer.special_tokens();
        let Some(&(_, end)) = special_tokens.iter().find(|(name, _)| *name == end) else {
            let known: Vec<_> =
                special_tokens.iter().take(NAMED).map(|(name, _)| format!("`{name}`")).collect();
            let more = if special_tokens.len() > NAMED { " and more" } else { "" };
            bail!(
                "{}: no special token `{end}` to end documents with\nhint: it has {}{more}",
                path.display(),
                known.join(", ")
            );
        };
        let name = format!("{FOLDER}/{}", file.name);
        let (mut files, mut written) = (Vec::new(), Vec::new());
        match file.rewritten {
            None => files.push((name, path)),
            Some(bytes) => written.push((name, bytes)),
        }
        Ok(Encode { tokenizer, end, files, written })
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
