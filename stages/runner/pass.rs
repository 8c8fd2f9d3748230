//! A task of a pass: its blocks go through the fused stages, part by part.
//!
//! One thread reads the next blocks while all others judge the present ones, so that a single huge file keeps every core busy.
//! What comes out is written in input order, and each part of the task leaves a receipt.

use std::fs;

use anyhow::{Context, Result, ensure};
use rayon::iter::{IntoParallelIterator, ParallelIterator};

use super::blocks::{Blocks, Numbered, SPOOL};
use super::chain::{Chain, Outcome};
use super::ids::{self, IDS};
use super::plan::Pass;
use super::receipt::{Receipt, Receipts, part_name};
use super::run::Run;
use crate::batch::Batch;
use crate::config::{Documents, KeepRemoved};
use crate::disk::FileSeal;
use crate::ledger::UNREADABLE;
use crate::rows::Spill;
use crate::sink::{JsonlSink, ParquetSink, RemovedSink, Sink, SpoolSink};
use crate::tokenize::TOKENS;

/// Blocks that are judged at once, for each thread: enough to even out blocks that cost more than others.
const BLOCKS_PER_THREAD: usize = 3;

/// Bytes of a usual block. Blocks of long rows are larger, and then fewer are under way, which bounds the memory.
const BLOCK_BYTES: u64 = 1 << 20;

/// How the names of the files of scanned rows end.
pub(super) const ROWS: &str = ".rows";

/// How the names of the files of removed rows end.
pub(super) const REMOVED: &str = ".removed.parquet";

/// A pass with its stages open.
pub(super) struct OpenPass<'a> {
    run: &'a Run<'a>,
    step: usize,
    pass: &'a Pass,
    chain: Chain,
}

impl<'a> OpenPass<'a> {
    pub(super) fn new(run: &'a Run<'a>, step: usize, pass: &'a Pass) -> Result<OpenPass<'a>> {
        Ok(OpenPass { run, step, pass, chain: Chain::open(run, pass)? })
    }

    /// Does what is left of a task.
    pub(super) fn task(&self, task: u32) -> Result<()> {
        let receipts = self.run.receipts(self.step);
        fs::create_dir_all(receipts.folder())?;
        let done = receipts.parts(task);
        let mut blocks = self.blocks(task);
        let first_block = done.last().map_or(0, |part| part.next_block);
        let skipped = |block: &Numbered| block.number < first_block;

        let n_blocks = rayon::current_num_threads() * BLOCKS_PER_THREAD;
        let n_blocks = n_blocks.div_ceil(self.run.n_workers).max(2);
        let mut present = read(&mut blocks, n_blocks, skipped)?;
        let mut part = Part::open(self, &receipts, task, done.len() as u32)?;
        while !present.is_empty() {
            self.run.check_interrupted()?;
            let (next, outcomes) = rayon::join(
                || read(&mut blocks, n_blocks, skipped),
                || -> Result<Vec<Outcome>> {
                    present.into_par_iter().map(|block| self.chain.process(block)).collect()
                },
            );
            for outcome in outcomes? {
                if outcome.part != part.number {
                    let next = Part::open(self, &receipts, task, outcome.part)?;
                    std::mem::replace(&mut part, next).close(false)?;
                }
                self.run.watch.advance(outcome.tally.read, outcome.text_bytes);
                part.take(outcome)?;
            }
            present = next?;
        }
        part.receipt.warnings.extend(blocks.into_warnings());
        part.close(true)
    }

    fn blocks(&self, task: u32) -> Blocks<'_> {
        match self.pass.base {
            None => Blocks::of_input(&self.run.plan, &self.run.source, task),
            Some(step) => Blocks::of_spool(&self.run.plan, &self.run.receipts(step), task),
        }
    }
}

/// Reads up to `n` blocks, past those that an earlier run has receipts for.
fn read(
    blocks: &mut Blocks<'_>,
    n: usize,
    is_skipped: impl Fn(&Numbered) -> bool,
) -> Result<Vec<Numbered>> {
    let mut found = Vec::with_capacity(n);
    let mut bytes = 0;
    while found.len() < n
        && bytes < n as u64 * BLOCK_BYTES
        && let Some(block) = blocks.next()?
    {
        if !is_skipped(&block) {
            bytes += block.bytes;
            found.push(block);
        }
    }
    Ok(found)
}

/// The open files of one part of a task.
struct Part<'a> {
    open: &'a OpenPass<'a>,
    receipts: &'a Receipts,
    task: u32,
    number: u32,
    documents: Option<Box<dyn Sink>>,
    removed: Option<RemovedSink>,
    spool: Option<SpoolSink>,
    rows: Option<Spill>,
    ids: Option<Spill>,
    receipt: Receipt,
}

impl<'a> Part<'a> {
    fn open(
        open: &'a OpenPass<'a>,
        receipts: &'a Receipts,
        task: u32,
        number: u32,
    ) -> Result<Part<'a>> {
        let OpenPass { run, pass, chain, .. } = open;
        let path =
            |ending: &str| receipts.folder().join(format!("{}{ending}", part_name(task, number)));
        let keep = run.plan.pipeline.output.removed;
        let removed = pass
            .settles()
            .then(|| RemovedSink::create(&path(REMOVED), keep, run.source.files().clone()));
        // Rows of the scan and hashes of ids share it.
        let budget = run.row_budget() / 2;
        let rows = chain.rows().map(|rows| Spill::new(path(ROWS), rows.layout().clone(), budget));
        Ok(Part {
            open,
            receipts,
            task,
            number,
            documents: None,
            removed,
            spool: None,
            rows,
            ids: pass.counts_ids().then(|| Spill::new(path(IDS), ids::layout(), budget)),
            receipt: Receipt::default(),
        })
    }

    /// Writes what became of one block.
    fn take(&mut self, outcome: Outcome) -> Result<()> {
        let Outcome { number, batch, mut removed, rows, ids, tally, warnings, .. } = outcome;
        self.receipt.next_block = number + 1;
        self.receipt.tally.add(&tally);
        self.receipt.warnings.extend(warnings);
        if let (Some(spill), Some(rows)) = (&mut self.rows, rows) {
            spill.append(rows)?;
        }
        if let (Some(spill), Some(ids)) = (&mut self.ids, ids) {
            spill.append(ids)?;
        }
        if let Some(sink) = &mut self.removed {
            if self.open.run.plan.pipeline.output.removed == KeepRemoved::None {
                removed.retain(|row| row.cause.key() == UNREADABLE);
            }
            sink.write(&removed)?;
        }
        if batch.n_rows() == 0 {
            return Ok(());
        }
        if self.open.pass.spool {
            self.spool(&batch)?;
        }
        if self.open.pass.write {
            self.write(batch)?;
        }
        Ok(())
    }

    fn spool(&mut self, batch: &Batch) -> Result<()> {
        let sink = match &mut self.spool {
            Some(sink) => sink,
            None => {
                let sink = SpoolSink::create(&self.path(SPOOL), batch.rows.schema())?;
                self.spool.insert(sink)
            }
        };
        sink.write(batch)
    }

    fn write(&mut self, batch: Batch) -> Result<()> {
        let batch = batch.without_column(TOKENS)?;
        let sink = match &mut self.documents {
            Some(sink) => sink,
            None => {
                let schema = batch.rows.schema();
                let output = &self.open.run.plan.pipeline.output;
                let level = output.zstd_level;
                let sink: Box<dyn Sink> = match output.documents {
                    Documents::Parquet => {
                        Box::new(ParquetSink::create(&self.path(".parquet"), schema, level)?)
                    }
                    Documents::JsonlZst => {
                        Box::new(JsonlSink::create(&self.path(".jsonl.zst"), schema, level)?)
                    }
                    Documents::None => return Ok(()),
                };
                self.documents.insert(sink)
            }
        };
        sink.write(&batch)
    }

    fn path(&self, ending: &str) -> std::path::PathBuf {
        self.receipts.folder().join(format!("{}{ending}", part_name(self.task, self.number)))
    }

    /// Ends the files and leaves the receipt.
    fn close(mut self, is_last: bool) -> Result<()> {
        ensure!(
            self.receipt.tally.is_balanced(),
            "rows do not balance, a bug: {:?}",
            self.receipt.tally
        );
        let mut files: Vec<FileSeal> = Vec::new();
        if let Some(spill) = self.rows {
            self.receipt.weights = spill.weights().to_vec();
            files.extend(spill.finish().context("cannot write rows")?);
        }
        if let Some(spill) = self.ids {
            files.extend(spill.finish().context("cannot write hashes of ids")?);
        }
        if let Some(sink) = self.removed {
            files.extend(sink.finish().context("cannot write removed rows")?);
        }
        if let Some(sink) = self.spool {
            files.push(Box::new(sink).finish().context("cannot spool documents")?);
        }
        if let Some(sink) = self.documents {
            files.push(sink.finish().context("cannot write documents")?);
        }
        self.receipt.files = files;
        self.receipt.is_last = is_last;
        self.receipts.leave(self.task, self.number, self.receipt)
    }
}
