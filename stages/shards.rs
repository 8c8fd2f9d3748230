//! The stage `shards`: the final shuffle of documents into token shards.
//!
//! Each document has a key: the split it belongs to (one bit) and what chance says of its text at input. The keys are cut into a fixed
//! number of intervals whatever the memory; rows are sorted by key, ties by place; a shard is a run of whole intervals. So the order
//! of documents follows from the seed and the texts alone, equal texts share a split, and shards can be written by independent tasks.
//!
//! `tokens/{train,validation}/NNNNN.{bin,idx}` is Megatron's layout; `NNNNN.documents.parquet` beside it maps each range of tokens to
//! its document and place (`shards/table.rs`).

mod row;
mod table;

use std::path::Path;

use anyhow::{Context, Result, ensure};
use arrow::datatypes::SchemaRef;
use serde::{Deserialize, Serialize};

use crate::batch::{Batch, LANGUAGE, SOURCE};
use crate::disk::{FileSeal, seal_file};
use crate::pipeline::Setting;
use crate::rows::{Combine, Layout, Ranges, Rows, SortedRows};
use crate::source::InputFile;
use crate::token_shards::{TokenShardWriter, TokenType};
use crate::tokenize::{TOKENS, token_lists};
use row::ShuffledRow;
use table::DocumentTable;

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
            let tokens = tokens(row);
            let shuffled = ShuffledRow {
                place: origin.place,
                text_bytes: batch.texts().value(row).len() as u64,
                id: batch.ids().value(row),
                source: batch.value(SOURCE, row),
                language: batch.value(LANGUAGE, row),
            };
            shuffled.write(tokens.values(), &mut value);
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
        let vocab_size = task.vocab_size;
        let token_type = TokenType::of_vocabulary(vocab_size);
        let mut shard = TokenShardWriter::create(&prefix, token_type)?;
        let documents = task.folder.join(format!("{name}.documents.parquet"));
        let mut documents = DocumentTable::create(&documents, task.files)?;
        let mut ids = Vec::new();
        for interval in run.clone() {
            let mut rows = open(start + interval)?;
            while rows.next_group()? {
                while let Some(value) = rows.next_value()? {
                    let row = ShuffledRow::parse(value, &mut ids).context("a damaged row")?;
                    if documents.is_empty() {
                        // Every document was ended by the same id: that of the first is that of all.
                        shard = shard.ended_by(*ids.last().context("a document without tokens")?);
                    }
                    let place = || format!("document {}", row.id);
                    let unknown = ids.iter().find(|id| **id as usize >= vocab_size);
                    if let Some(id) = unknown {
                        anyhow::bail!("{}: id {id}, of a vocabulary of {vocab_size}", place());
                    }
                    shard.push(&ids).with_context(place)?;
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
}
