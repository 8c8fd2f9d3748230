//! The two streams: stdout carries data, stderr carries everything else.

use std::fmt::Display;
use std::io::{self, Write};

use anyhow::Result;
use serde::Serialize;

/// Prints one line of data.
///
/// # Errors
/// When stdout is closed or full; a closed pipe ends the program quietly.
pub(crate) fn print(line: impl Display) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{line}")
}

/// Prints one JSON document of several lines as data.
///
/// # Errors
/// As [`print`].
pub(crate) fn print_json(value: &impl Serialize) -> Result<()> {
    Ok(print(serde_json::to_string_pretty(value)?)?)
}

/// Tells the user something on stderr.
pub(crate) fn note(line: impl Display) {
    // Where stderr is closed, nobody is left to be told.
    let _ = writeln!(io::stderr().lock(), "{line}");
}
