//! How the program ends when it does not go through, and with which exit code.

use std::io;
use std::process::ExitCode;

use crate::config::Mistakes;
use crate::output::note;

/// Why the program ends early.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The run failed, or found bad data: 1.
    Failed(anyhow::Error),
    /// The command line or the pipeline file is wrong; nothing was read or written: 2.
    Refused(anyhow::Error),
    /// The user stopped it; the same command goes on: 130.
    Interrupted(anyhow::Error),
}

impl Failure {
    /// Says that the command line or the pipeline file is wrong: for `map_err`.
    pub(crate) fn refused(error: impl Into<anyhow::Error>) -> Failure {
        Failure::Refused(error.into())
    }

    /// Prints what is wrong, and returns the exit code.
    pub(crate) fn report(self) -> ExitCode {
        let (code, error) = match self {
            // Whoever reads our data has seen enough: that is no failure.
            Failure::Failed(error) | Failure::Refused(error) if is_broken_pipe(&error) => {
                return ExitCode::SUCCESS;
            }
            Failure::Failed(error) => (1, error),
            Failure::Refused(error) => (2, error),
            Failure::Interrupted(error) => (130, error),
        };
        let message = format!("{error:#}");
        match error.is::<Mistakes>() {
            // Each of them has its own hint below it.
            true => note(format_args!("corpusmill: {message}")),
            false => note(format_args!("corpusmill: {}", hints_last(&message))),
        }
        ExitCode::from(code)
    }

    /// Prints what clap says: help and version are no failure.
    pub(crate) fn usage(usage: &clap::Error) -> ExitCode {
        match usage.print() {
            Ok(()) if usage.use_stderr() => ExitCode::from(2),
            _ => ExitCode::SUCCESS,
        }
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Failure {
        Failure::Failed(error.into())
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let mut causes = error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>());
    causes.any(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// Moves hints behind the causes that came after them in the chain.
fn hints_last(message: &str) -> String {
    let (hints, lines): (Vec<&str>, Vec<&str>) =
        message.lines().partition(|line| line.starts_with("hint: "));
    let mut text = lines.join("\n");
    for hint in hints {
        text.push('\n');
        text.push_str(hint);
    }
    text
}
