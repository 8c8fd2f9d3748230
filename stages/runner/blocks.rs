//! The blocks of a task, in order, read ahead of those who judge them.

use anyhow::Result;

use super::plan::Plan;
use super::receipt::Receipts;
use crate::batch::{Batch, Origin};
use crate::sink::SpoolReader;
use crate::source::{Block, Decode, Decoded, InputFile, Reader, Source};

/// A block, and the part of the task that it belongs to.
pub(super) struct Numbered {
    pub(super) number: u64,
    pub(super) part: u32,
    /// Bytes of the block after decompression.
    pub(super) bytes: u64,
    /// Parses the rows.
    pub(super) decode: Decode<Read>,
}

/// What a block turns into, after sample and limit.
pub(super) struct Read {
    pub(super) decoded: Decoded,
    /// Rows that the sample left out.
    pub(super) left_out: u64,
}

/// Goes through the blocks of one task.
pub(super) struct Blocks<'a> {
    files: Files<'a>,
    reader: Option<Box<dyn Reader>>,
    part_bytes: u64,
    number: u64,
    part: u32,
    bytes_in_part: u64,
    /// How many documents may still be read, where there is a limit.
    remaining: Option<u64>,
    sample: Sample,
    /// The number of blocks before the present file.
    before_file: u64,
    warnings: Vec<String>,
}

/// What the task reads, file by file.
enum Files<'a> {
    Input {
        source: &'a Source,
        files: std::slice::Iter<'a, InputFile>,
        open: Option<&'a InputFile>,
    },
    Spool(std::vec::IntoIter<std::path::PathBuf>),
}

impl<'a> Blocks<'a> {
    /// Opens the input files of a task.
    pub(super) fn of_input(plan: &'a Plan, source: &'a Source, task: u32) -> Blocks<'a> {
        let files = plan.task_files(task).iter();
        let files = Files::Input { source, files, open: None };
        let input = &plan.pipeline.input;
        let sample = Sample { share: input.sample, seed: plan.pipeline.seed };
        Blocks::new(files, plan.part_bytes, input.limit, sample)
    }

    /// Opens what an earlier pass spooled for a task.
    pub(super) fn of_spool(plan: &Plan, spool: &Receipts, task: u32) -> Blocks<'a> {
        let names = spool.parts(task).into_iter().flat_map(|part| part.files);
        let names = names.filter(|file| file.path.ends_with(SPOOL));
        let paths: Vec<_> = names.map(|file| spool.folder().join(file.path)).collect();
        Blocks::new(Files::Spool(paths.into_iter()), plan.part_bytes, None, Sample::default())
    }

    fn new(
        files: Files<'a>,
        part_bytes: u64,
        remaining: Option<u64>,
        sample: Sample,
    ) -> Blocks<'a> {
        Blocks {
            files,
            reader: None,
            part_bytes,
            number: 0,
            part: 0,
            bytes_in_part: 0,
            remaining,
            sample,
            before_file: 0,
            warnings: Vec::new(),
        }
    }

    /// Returns what was odd in the files that were read.
    pub(super) fn into_warnings(self) -> Vec<String> {
        self.warnings
    }

    /// Returns the next block, or `None` at the end of the task.
    pub(super) fn next(&mut self) -> Result<Option<Numbered>> {
        if self.remaining == Some(0) {
            return Ok(None);
        }
        let Some(block) = self.next_block()? else { return Ok(None) };
        if self.bytes_in_part >= self.part_bytes {
            self.part += 1;
            self.bytes_in_part = 0;
        }
        let bytes = block.bytes;
        self.bytes_in_part += bytes;
        let (number, sample) = (self.number, self.sample);
        self.number += 1;
        let mut decode: Decode<Read> =
            Box::new(move |wanted| sample.apply((block.decode)(wanted)?));
        if let Some(remaining) = &mut self.remaining {
            // Only a trial run has a limit, so that decoding here, one block after the other, is good enough.
            let read = limit(decode(None)?, remaining)?;
            decode = Box::new(move |_| Ok(read));
        }
        Ok(Some(Numbered { number, part: self.part, bytes, decode }))
    }

    fn next_block(&mut self) -> Result<Option<Block>> {
        loop {
            if let Some(reader) = &mut self.reader
                && let Some(block) = reader.next()?
            {
                return Ok(Some(block));
            }
            match &mut self.files {
                Files::Input { source, files, open } => {
                    // An input that changed while it was read gave rows of two states.
                    if let Some(file) = open.take() {
                        source.check_unchanged(file)?;
                        if self.number == self.before_file {
                            self.warnings.push(format!("{}: holds no rows", file.name));
                        }
                    }
                    self.before_file = self.number;
                    let Some(file) = files.next() else { return Ok(None) };
                    source.check_unchanged(file)?;
                    self.reader = Some(source.reader(file)?);
                    *open = Some(file);
                }
                Files::Spool(paths) => {
                    let Some(path) = paths.next() else { return Ok(None) };
                    self.reader = Some(Box::new(SpoolReader::open(&path)?));
                }
            }
        }
    }
}

/// Leaves no more documents than `remaining`, and nothing behind the last of them.
fn limit(mut read: Read, remaining: &mut u64) -> Result<Read> {
    let batch = &read.decoded.batch;
    let n = usize::try_from(*remaining).unwrap_or(usize::MAX).min(batch.n_rows());
    if n < batch.n_rows() {
        let end = batch.origins[n].place;
        let cut = Batch::new(batch.rows.slice(0, n), batch.origins[..n].to_vec())?;
        read.decoded.batch = cut;
        read.decoded.unreadable.retain(|row| row.place < end);
    }
    *remaining -= n as u64;
    Ok(read)
}

/// How the names of spooled files end.
pub(super) const SPOOL: &str = ".spool";

/// Chooses documents by the hash of their text.
#[derive(Debug, Clone, Copy, Default)]
struct Sample {
    share: Option<f64>,
    seed: u64,
}

impl Sample {
    /// Leaves out what is not in the sample.
    fn apply(self, decoded: Decoded) -> Result<Read> {
        let Some(share) = self.share else { return Ok(Read { decoded, left_out: 0 }) };
        let Decoded { batch, unreadable, passed_over } = decoded;
        let is_in = |origin: &Origin| origin.draw_share(self.seed, "sample") < share;
        let keep: Vec<bool> = batch.origins.iter().map(is_in).collect();
        let left_out = keep.iter().filter(|keep| !**keep).count() as u64;
        let batch = batch.keep(&keep)?;
        Ok(Read { decoded: Decoded { batch, unreadable, passed_over }, left_out })
    }
}
