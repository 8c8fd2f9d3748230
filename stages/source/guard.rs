//! Calls the Parquet library, which panics on some damaged files.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use parquet::errors::ParquetError;

thread_local! {
    static IS_GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Says whether a panic of this thread would become an error of the file that is being read: nobody needs to see it then.
pub fn is_guarded() -> bool {
    IS_GUARDED.get()
}

/// Turns a panic into an error of the file.
pub(crate) fn guarded<T>(
    read: impl FnOnce() -> Result<T, ParquetError>,
) -> Result<T, ParquetError> {
    IS_GUARDED.set(true);
    // What was being read is thrown away after a panic, so nobody sees it half done.
    let found = catch_unwind(AssertUnwindSafe(read));
    IS_GUARDED.set(false);
    found.unwrap_or_else(|panic| {
        let what = panic.downcast_ref::<String>().map(String::as_str);
        let what = what.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no reason");
        Err(ParquetError::General(format!("the Parquet library gave up: {what}")))
    })
}
