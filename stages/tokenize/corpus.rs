//! Trains a tokenizer apart from a pipeline, on files.
//!
//! Words are counted in tables, one a thread, which are sorted and spilled when they are full; what is learnt is the same as
//! in a pipeline, whatever the threads and the memory.

use std::path::Path;
use std::sync::Mutex;

use anyhow::{Context, Result, ensure};
use models::BpeTraining;
use rayon::prelude::*;

use super::train::{Learnt, learn, learning_memory};
use super::words::Counts;
use crate::rows::{Combine, Layout, Ranges, SortedRows, Spill, segments};
use crate::source::{Block, Source};

/// The tables of words take at most this part of the memory, and what is spilled another one.
const TABLES: usize = 4;

/// Counts that a table of words may take before it is spilled, at least, in bytes.
const LEAST_TABLE: usize = 1 << 20;

/// Learns from all documents of `source`, in about `memory` bytes; `folder` takes what does not fit, and is empty again after.
///
/// # Errors
/// When an option is out of its range, a row cannot be read, words do not fit into memory, or the disk fails.
pub fn train_on(
    source: &Source,
    options: &BpeTraining,
    folder: &Path,
    memory: u64,
) -> Result<Learnt> {
    options.check()?;
    let splitter = options.splitter()?;
    let budget = usize::try_from(memory)?;
    let n_threads = rayon::current_num_threads();
    let per_table = (budget / TABLES / n_threads).max(LEAST_TABLE);
    let layout = Layout { combine: Combine::Sum, ranges: Ranges::Prefix(1) };
    let path = folder.join("words.rows");
    let mut spill = Spill::new(path.clone(), layout, (budget / TABLES).min(8 << 20));
    let mut tables: Vec<Mutex<Counts>> = (0..n_threads).map(|_| Mutex::default()).collect();
    let count = |tables: &[Mutex<Counts>], block: Block, name: &str| -> Result<()> {
        let decoded = (block.decode)(None)?;
        ensure!(
            decoded.unreadable.is_empty(),
            "{name}: a row cannot be read\nhint: `corpusmill run` says which rows, and why"
        );
        // Outside of the pool there is one thread.
        let table = &tables[rayon::current_thread_index().unwrap_or(0)];
        let mut table = table.lock().expect("no thread panics while it counts");
        table.add(&decoded.batch, &splitter, options.max_word_bytes);
        Ok(())
    };
    for file in source.files().iter() {
        let mut reader = source.reader(file)?;
        loop {
            let mut blocks = Vec::new();
            while blocks.len() < n_threads
                && let Some(block) = reader.next()?
            {
                blocks.push(block);
            }
            if blocks.is_empty() {
                break;
            }
            blocks.into_par_iter().try_for_each(|block| count(&tables, block, &file.name))?;
            // Not inside of the loop over blocks: the spill sorts on the same threads.
            for table in &mut tables {
                let table = table.get_mut().expect("no thread panics while it counts");
                if table.used_bytes() > per_table {
                    table.empty_into(&mut spill)?;
                }
            }
        }
        source.check_unchanged(file)?;
    }
    for table in &mut tables {
        let table = table.get_mut().expect("no thread panics while it counts");
        table.empty_into(&mut spill)?;
    }
    drop(tables);
    let is_spilled = spill.finish()?.is_some();
    let open = || {
        let all = if is_spilled { segments(&path, 0)? } else { Vec::new() };
        SortedRows::open(all, Combine::Sum, &folder.join("words"))
    };
    let learnt = learn(open, options, learning_memory(memory))?;
    if is_spilled {
        std::fs::remove_file(&path).with_context(|| path.display().to_string())?;
    }
    Ok(learnt)
}
