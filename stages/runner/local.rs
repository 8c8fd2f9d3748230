//! The local engine: all steps, one after the other, on the cores of this machine.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};
use rayon::ThreadPoolBuilder;

use super::run::Run;

/// Does every task of the plan that has no receipt yet.
///
/// Each worker is a thread of its own that hands one task at a time to a rayon pool of `n_threads`, so that no more tasks are under
/// way than there are workers, whatever the pool steals: that bounds the memory.
///
/// # Errors
/// The first error of a task; the others are told to stop.
pub fn run_all(run: &Run<'_>, n_threads: usize) -> Result<()> {
    let pool = ThreadPoolBuilder::new().num_threads(n_threads.max(1)).build();
    let pool = pool.context("cannot start threads")?;
    for (number, step) in run.plan.steps.iter().enumerate() {
        let receipts = run.receipts(number);
        let pending: Vec<u32> = (0..step.n_tasks).filter(|&task| !receipts.is_done(task)).collect();
        run.watch.begin(step, step.n_tasks - pending.len() as u32);
        if pending.is_empty() {
            continue;
        }
        let open = run.open(number).with_context(|| format!("step {}", step.name))?;
        let next = AtomicUsize::new(0);
        let has_failed = AtomicBool::new(false);
        let error = Mutex::new(None);
        std::thread::scope(|scope| {
            for _ in 0..run.n_workers.min(pending.len()) {
                scope.spawn(|| {
                    while !has_failed.load(Ordering::Relaxed)
                        && let Some(&task) = pending.get(next.fetch_add(1, Ordering::Relaxed))
                    {
                        match pool.install(|| open.task(task)) {
                            Ok(()) => run.watch.task_done(),
                            Err(found) => {
                                has_failed.store(true, Ordering::Relaxed);
                                let mut error =
                                    error.lock().unwrap_or_else(PoisonError::into_inner);
                                error.get_or_insert(found);
                            }
                        }
                    }
                });
            }
        });
        if let Some(error) = error.into_inner().unwrap_or_else(PoisonError::into_inner) {
            return Err(error);
        }
    }
    Ok(())
}
