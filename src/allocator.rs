//! The allocator of the whole program: mimalloc, which keeps freed memory for a second instead of a hundredth.
//!
//! Batches come and go many times a second; what was given back to the system in between had to be cleared by it again.
//!
//! `unsafe` here: the option is set by a C function that must not run beside another thread.

#![allow(unsafe_code)]

use libmimalloc_sys::{mi_option_set_default, mi_option_t};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The number of the option, which the binding does not name.
const PURGE_DELAY: mi_option_t = 15;
const PURGE_DELAY_MS: i64 = 1000;

/// Sets the allocator up, unless the environment (`MIMALLOC_PURGE_DELAY`) has done so; the first thing that the program does.
pub(crate) fn set_up() {
    // SAFETY: `main` calls this before any thread is started; the option is a plain number.
    unsafe { mi_option_set_default(PURGE_DELAY, PURGE_DELAY_MS) }
}
