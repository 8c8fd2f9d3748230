//! The stage `shards`: the final shuffle of documents into token shards.
//!
//! Each document has a key: the split it belongs to (one bit) and what chance says of its text at input. The keys are cut into a fixed
//! number of intervals whatever the memory; rows are sorted by key, ties by place; a shard is a run of whole intervals. So the order
//! of documents follows from the seed and the texts alone, equal texts share a split, and shards can be written by independent tasks.
//!
//! `tokens/{train,validation}/NNNNN.{bin,idx}` is Megatron's layout; `NNNNN.documents.parquet` beside it maps each range of tokens to
//! its document and place.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use arrow::array::{ArrayRef, RecordBatch, StringBuilder, UInt64Builder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use serde::{Deserialize, Serialize};

use crate::batch::{Batch, Place};
use crate::disk::{FileSeal, seal_file};
use crate::pipeline::Setting;
use crate::rows::{Combine, Layout, Ranges, Rows, SortedRows};
use crate::sink::{KEPT_LEVEL, TableFile};
use crate::source::InputFile;
use crate::token_shards::{TokenShardWriter, TokenType};
use crate::tokenize::{TOKENS, token_lists};

/// `shards = { … }`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Shards {
    /// About how many tokens a shard has.
    pub shard_tokens: u64,
    /// Share of documents that go into the validation split, chosen by the hash of their text, 0..=1.
    pub validation_ratio: f64,
}

impl Default for Shards {
    fn default() -> Shards {
        Shards { shard_tokens: 100_000_000, validation_ratio: 0.005 }
    }
}

/// The splits, in the order of their keys.
pub const SPLITS: [&str; 2] = ["train", "validation"];

/// The bit of a key that says the split.
const SPLIT_BIT: u128 = 1 << 127;

impl Shards {
    /// Makes the stage.
    ///
    /// # Errors
    /// When a value makes no sense.
    pub fn build(&self, setting: Setting) -> Result<ShardWriter> {
        ensure!(self.shard_tokens > 0, "`shard_tokens` is 0");
        ensure!(
            (0.0..=1.0).contains(&self.validation_ratio),
            "`validation_ratio` is {}, expected a share from 0 to 1",
            self.validation_ratio
        );
        Ok(ShardWriter { config: self.clone(), setting })
    }
}

/// Emits the tokens of documents under shuffled keys, and writes them as shards.
pub struct ShardWriter {
    config: Shards,
    setting: Setting,
}

/// One task of the shuffle: writes at most one shard.
pub struct ShuffleTask<'a> {
    /// The task; the first half writes the train split.
    pub index: u32,
    /// Where the files go.
    pub folder: &'a Path,
    /// The tokens in each interval.
    pub weights: &'a [u64],
    /// The number of ids of the tokenizer whose ids are written.
    pub vocab_size: usize,
    /// The input files, by number.
    pub files: &'a [InputFile],
}

impl ShardWriter {
    /// Says what the shuffled rows are like.
    pub fn layout(&self) -> Layout {
        Layout { combine: Combine::Keep, ranges: Ranges::Prefix(self.setting.n_intervals) }
    }

    /// Checks that documents come with their tokens.
    ///
    /// # Errors
    /// When they do not.
    pub fn schema(&self, input: SchemaRef) -> Result<SchemaRef> {
        input.index_of(TOKENS).context("`shards` needs a `tokenize` stage before it")?;
        Ok(input)
    }

    /// Emits the documents of a batch.
    ///
    /// # Errors
    /// When the batch has no tokens.
    pub fn scan(&self, batch: &Batch, rows: &mut Rows) -> Result<()> {
        let tokens = token_lists(batch).context("documents without tokens")?;
        let mut value = Vec::new();
        for (row, origin) in batch.origins.iter().enumerate() {
            let is_validation =
                origin.draw_share(self.setting.seed, "split") < self.config.validation_ratio;
            let draw = origin.draw(self.setting.seed, "shuffle") & !SPLIT_BIT;
            let key = if is_validation { draw | SPLIT_BIT } else { draw };
            let (id, text) = (batch.ids().value(row), batch.texts().value(row));
            let tokens = tokens(row);
            value.clear();
            value.extend_from_slice(&origin.place.to_bytes());
            value.extend_from_slice(&(text.len() as u64).to_le_bytes());
            value.extend_from_slice(&(id.len() as u32).to_le_bytes());
            value.extend_from_slice(id.as_bytes());
            tokens.values().iter().for_each(|id| value.extend_from_slice(&id.to_le_bytes()));
            rows.emit(&key.to_be_bytes(), &value);
            rows.weigh(&key.to_be_bytes(), tokens.values().len() as u64);
        }
        Ok(())
    }

    /// Writes the shard of a task, if there is one; `open` gives the rows of an interval.
    ///
    /// # Errors
    /// When the disk is full, or an id does not fit.
    pub fn write(
        &self,
        task: &ShuffleTask<'_>,
        open: impl Fn(u32) -> Result<SortedRows>,
    ) -> Result<Vec<FileSeal>> {
        let half = self.setting.n_intervals / 2;
        let (split, number) = ((task.index / half) as usize, task.index % half);
        let start = split as u32 * half;
        let tokens = (start..start + half)
            .map(|interval| task.weights.get(interval as usize).copied().unwrap_or(0));
        let runs = cut_runs(tokens, self.config.shard_tokens);
        let Some(run) = runs.get(number as usize) else { return Ok(Vec::new()) };

        let name = format!("{}-{number:05}", SPLITS[split]);
        let prefix = task.folder.join(&name);
        let mut shard =
            TokenShardWriter::create(&prefix, TokenType::of_vocabulary(task.vocab_size))?;
        let documents = task.folder.join(format!("{name}.documents.parquet"));
        let mut documents = DocumentTable::create(&documents, task.files)?;
        let mut ids = Vec::new();
        for interval in run.clone() {
            let mut rows = open(start + interval)?;
            while rows.next_group()? {
                while let Some(value) = rows.next_value()? {
                    let row = ShuffledRow::parse(value, &mut ids).context("a damaged row")?;
                    shard.push(&ids).with_context(|| format!("document {}", row.id))?;
                    documents.push(&row, ids.len() as u64)?;
                }
            }
        }
        shard.finish()?;
        let mut files = vec![documents.finish()?];
        for ending in ["bin", "idx"] {
            files.push(seal_file(&task.folder.join(format!("{name}.{ending}")))?);
        }
        Ok(files)
    }
}

/// Cuts intervals into runs that each hold `shard_tokens` tokens or, by its last interval, somewhat more.
fn cut_runs(tokens: impl Iterator<Item = u64>, shard_tokens: u64) -> Vec<std::ops::Range<u32>> {
    let mut runs: Vec<std::ops::Range<u32>> = Vec::new();
    let mut in_run = shard_tokens;
    for (interval, tokens) in (0..).zip(tokens) {
        if tokens == 0 {
            continue;
        }
        if in_run >= shard_tokens {
            runs.push(interval..interval);
            in_run = 0;
        }
        if let Some(run) = runs.last_mut() {
            run.end = interval + 1;
        }
        in_run += tokens;
    }
    runs
}

/// A document on its way through the shuffle.
struct ShuffledRow<'a> {
    place: Place,
    text_bytes: u64,
    id: &'a str,
}

impl<'a> ShuffledRow<'a> {
    /// Reads a row as `scan` wrote it; the tokens go into `ids`.
    fn parse(value: &'a [u8], ids: &mut Vec<u32>) -> Result<ShuffledRow<'a>> {
        let place = Place::from_bytes(value)?;
        let rest = value.get(Place::BYTES..).context("cut short")?;
        let (text_bytes, rest) = rest.split_first_chunk::<8>().context("cut short")?;
        let (length, rest) = rest.split_first_chunk::<4>().context("cut short")?;
        let length = u32::from_le_bytes(*length) as usize;
        let (id, tokens) = rest.split_at_checked(length).context("cut short")?;
        let (tokens, odd) = tokens.as_chunks::<4>();
        ensure!(odd.is_empty(), "cut short");
        ids.clear();
        ids.extend(tokens.iter().map(|bytes| u32::from_le_bytes(*bytes)));
        let text_bytes = u64::from_le_bytes(*text_bytes);
        Ok(ShuffledRow { place, text_bytes, id: std::str::from_utf8(id)? })
    }
}

/// Rows after which the table of documents is handed to its file.
const TABLE_ROWS: usize = 4096;

/// Writes which tokens of a shard are which document.
struct DocumentTable<'a> {
    file: TableFile,
    schema: SchemaRef,
    files: &'a [InputFile],
    next_token: u64,
    columns: Columns,
}

#[derive(Default)]
struct Columns {
    id: StringBuilder,
    start: UInt64Builder,
    end: UInt64Builder,
    file: StringBuilder,
    row: UInt64Builder,
    text_bytes: UInt64Builder,
    n_rows: usize,
}

impl<'a> DocumentTable<'a> {
    fn create(path: &Path, files: &'a [InputFile]) -> Result<DocumentTable<'a>> {
        let field = |(name, data_type)| Field::new(name, data_type, false);
        let fields = [
            ("id", DataType::Utf8),
            ("start", DataType::UInt64),
            ("end", DataType::UInt64),
            ("file", DataType::Utf8),
            ("row", DataType::UInt64),
            ("text_bytes", DataType::UInt64),
        ];
        let schema = Arc::new(Schema::new(fields.map(field).to_vec()));
        let file = TableFile::create(path, schema.clone(), KEPT_LEVEL)?;
        Ok(DocumentTable { file, schema, files, next_token: 0, columns: Columns::default() })
    }

    fn push(&mut self, row: &ShuffledRow<'_>, n_tokens: u64) -> Result<()> {
        let file = self.files.get(row.place.file as usize).context("a place of another input")?;
        self.columns.id.append_value(row.id);
        self.columns.start.append_value(self.next_token);
        self.next_token += n_tokens;
        self.columns.end.append_value(self.next_token);
        self.columns.file.append_value(&file.name);
        self.columns.row.append_value(row.place.row);
        self.columns.text_bytes.append_value(row.text_bytes);
        self.columns.n_rows += 1;
        if self.columns.n_rows >= TABLE_ROWS { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        let mut columns = std::mem::take(&mut self.columns);
        let arrays: Vec<ArrayRef> = vec![
            Arc::new(columns.id.finish()),
            Arc::new(columns.start.finish()),
            Arc::new(columns.end.finish()),
            Arc::new(columns.file.finish()),
            Arc::new(columns.row.finish()),
            Arc::new(columns.text_bytes.finish()),
        ];
        self.file.write(&RecordBatch::try_new(self.schema.clone(), arrays)?)
    }

    fn finish(mut self) -> Result<FileSeal> {
        self.flush()?;
        self.file.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_is_a_run_of_whole_intervals() {
        let runs = |tokens: &[u64]| -> Vec<[u32; 2]> {
            let runs = cut_runs(tokens.iter().copied(), 10).into_iter();
            runs.map(|run| [run.start, run.end]).collect()
        };
        assert_eq!(runs(&[4, 4, 4, 4]), [[0, 3], [3, 4]]);
        assert_eq!(runs(&[30, 1]), [[0, 1], [1, 2]]);
        assert_eq!(runs(&[0, 0, 3, 0, 3, 0]), [[2, 5]]);
        assert!(runs(&[]).is_empty() && runs(&[0, 0]).is_empty());
    }

    #[test]
    fn all_tokens_are_in_a_shard() {
        let tokens = [7, 0, 5, 11, 2, 2, 2, 9, 0, 1];
        let runs = cut_runs(tokens.iter().copied(), 10);
        let in_runs = runs.iter().flat_map(|run| run.clone()).map(|i| tokens[i as usize]);
        assert_eq!(in_runs.sum::<u64>(), tokens.iter().sum::<u64>());
        assert!(runs.windows(2).all(|pair| pair[0].end <= pair[1].start));
    }

    #[test]
    fn a_row_that_is_cut_short_is_an_error() {
        let place = Place { file: 1, row: 2 };
        let mut value = place.to_bytes().to_vec();
        value.extend_from_slice(&5_u64.to_le_bytes());
        value.extend_from_slice(&2_u32.to_le_bytes());
        value.extend_from_slice(b"id");
        value.extend_from_slice(&7_u32.to_le_bytes());
        let mut ids = Vec::new();
        let row = ShuffledRow::parse(&value, &mut ids).unwrap();
        assert_eq!((row.place, row.text_bytes, row.id), (place, 5, "id"));
        assert_eq!(ids, [7]);
        for length in 0..value.len() {
            let cut = ShuffledRow::parse(&value[..length], &mut ids).is_err();
            // With its tokens cut off whole it is a row without tokens.
            assert_eq!(cut, length != value.len() - 4, "{length}");
        }
    }
}
