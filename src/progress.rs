//! What is told while a run works: a bar on a terminal, else a line now and then.

use std::io::{IsTerminal, stderr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};
use stages::evaluate::EvaluateProgress;
use stages::runner::{Kind, Step, Watch};
use stages::train::TrainProgress;

use crate::args::Verbosity;
use crate::output::note;
use crate::table::{count, seconds};

/// Time between two lines where stderr is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(30);

/// Tells how far a run is, and knows whether the user wants it to stop.
pub(crate) struct Progress {
    style: Style,
    verbose: bool,
    interrupted: Arc<AtomicBool>,
    state: Mutex<State>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Bar,
    Lines,
    Quiet,
}

/// What is under way.
struct State {
    work: Option<Work>,
    last_line: Instant,
    /// Documents of the longest pass so far: later ones judge about as many.
    expected_documents: u64,
}

/// A step of the plan, or the training.
struct Work {
    name: String,
    begin: Instant,
    bar: ProgressBar,
    n_tasks: u64,
    n_done: u64,
    /// Tasks that an earlier process did.
    n_found: u64,
    /// Whether the bar shows documents, because one task is all there is.
    counts_documents: bool,
    documents: u64,
    text_bytes: u64,
}

impl Progress {
    /// Begins to listen for Ctrl-C: the first one asks the run to stop, the second one kills it.
    ///
    /// # Errors
    /// When the system allows no signal handler.
    pub(crate) fn new(verbosity: Verbosity) -> Result<Progress> {
        let interrupted = Arc::new(AtomicBool::new(false));
        let flag = interrupted.clone();
        ctrlc::set_handler(move || stop(&flag)).context("cannot listen for Ctrl-C")?;
        let style = match verbosity.quiet {
            true => Style::Quiet,
            false if stderr().is_terminal() => Style::Bar,
            false => Style::Lines,
        };
        let state = State { work: None, last_line: Instant::now(), expected_documents: 0 };
        Ok(Progress { style, verbose: verbosity.verbose, interrupted, state: Mutex::new(state) })
    }

    /// Says whether tables and remarks are wanted at the end.
    pub(crate) fn is_quiet(&self) -> bool {
        self.style == Style::Quiet
    }

    /// Tells something that is not progress, above the bar.
    pub(crate) fn tell(&self, line: &str) {
        if !self.is_quiet() {
            let state = self.state();
            match &state.work {
                Some(work) => work.bar.suspend(|| note(line)),
                None => note(line),
            }
        }
    }

    /// Ends the bar of the present work.
    pub(crate) fn end(&self) {
        let mut state = self.state();
        self.end_work(&mut state);
    }

    /// Takes down a step of the training, and says whether it may go on.
    pub(crate) fn trained(&self, at: &TrainProgress) -> bool {
        let mut message = format!(
            "loss {:.3}, {} tokens/s, {} left",
            at.smoothed_loss,
            count(at.tokens_per_second as u64),
            seconds(at.seconds_left)
        );
        if let Some(loss) = at.validation_loss {
            message.push_str(&format!(", validation loss {loss:.3}"));
        }
        self.advance_to("train", at.step, at.steps, message);
        !self.is_interrupted()
    }

    /// Takes down a part of the evaluation, and says whether it may go on.
    pub(crate) fn evaluated(&self, at: &EvaluateProgress) -> bool {
        self.advance_to(
            &format!("evaluate {}", at.name),
            at.tokens,
            at.all_tokens,
            "tokens".into(),
        );
        !self.is_interrupted()
    }

    /// Moves the bar of `name` to a position, and makes it where there is none.
    fn advance_to(&self, name: &str, position: u64, length: u64, message: String) {
        let mut state = self.state();
        if state.work.as_ref().is_none_or(|work| work.name != name) {
            self.end_work(&mut state);
            state.work = Some(Work::new(self.style, name, Some(length)));
        }
        let is_due = self.is_line_due(&mut state);
        let Some(work) = &mut state.work else { return };
        work.bar.set_position(position);
        work.bar.set_message(message.clone());
        if is_due {
            note(format_args!("{name}: {} of {}, {message}", count(position), count(length)));
        }
    }

    fn is_line_due(&self, state: &mut State) -> bool {
        let is_due = self.style == Style::Lines && state.last_line.elapsed() >= LINE_EVERY;
        if is_due {
            state.last_line = Instant::now();
        }
        is_due
    }

    fn end_work(&self, state: &mut State) {
        let Some(work) = state.work.take() else { return };
        state.expected_documents = state.expected_documents.max(work.documents);
        work.bar.finish_and_clear();
        if self.verbose {
            note(format_args!("{}: {}{}", work.name, seconds(work.seconds()), work.outcome()));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watch for Progress {
    fn begin(&self, step: &Step, n_done: u32) {
        let mut state = self.state();
        self.end_work(&mut state);
        // A pass of one task shows documents, and its end is known once an earlier pass has counted them.
        let is_one_pass = step.n_tasks == 1 && matches!(step.kind, Kind::Pass(_));
        let length = match is_one_pass {
            true => Some(state.expected_documents).filter(|&expected| expected > 0),
            false => Some(u64::from(step.n_tasks)),
        };
        let mut work = Work::new(self.style, &step.name, length);
        work.n_tasks = u64::from(step.n_tasks);
        (work.n_found, work.n_done) = (u64::from(n_done), u64::from(n_done));
        work.counts_documents = is_one_pass;
        work.show(state.expected_documents);
        state.work = Some(work);
    }

    fn advance(&self, documents: u64, text_bytes: u64) {
        let mut state = self.state();
        let (is_due, expected) = (self.is_line_due(&mut state), state.expected_documents);
        let Some(work) = &mut state.work else { return };
        work.documents += documents;
        work.text_bytes += text_bytes;
        work.show(expected);
        if is_due {
            let Work { name, n_done, n_tasks, .. } = &*work;
            note(format_args!("{name}: {n_done} of {n_tasks} tasks, {}", work.message(expected)));
        }
    }

    fn task_done(&self) {
        let mut state = self.state();
        let expected = state.expected_documents;
        if let Some(work) = &mut state.work {
            work.n_done += 1;
            work.show(expected);
        }
    }

    fn warn(&self, warning: &str) {
        self.tell(&format!("warning: {warning}"));
    }

    fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }
}

/// Tells nothing: for tasks that an engine runs, which has its own eyes on them.
pub(crate) struct Quiet;

impl Watch for Quiet {}

impl Work {
    /// Begins some work; where its length is not known, there is a count in place of the bar.
    fn new(style: Style, name: &str, length: Option<u64>) -> Work {
        let (bar, template) = match (style, length) {
            (Style::Bar, Some(n)) => (ProgressBar::new(n), "{prefix} {wide_bar} {pos}/{len} {msg}"),
            (Style::Bar, None) => (ProgressBar::new_spinner(), "{prefix} {spinner} {pos} {msg}"),
            _ => (ProgressBar::hidden(), ""),
        };
        bar.set_style(ProgressStyle::with_template(template).expect("the template is fixed"));
        bar.set_prefix(name.to_owned());
        Work {
            name: name.to_owned(),
            begin: Instant::now(),
            bar,
            n_tasks: 0,
            n_done: 0,
            n_found: 0,
            counts_documents: false,
            documents: 0,
            text_bytes: 0,
        }
    }

    fn seconds(&self) -> f64 {
        self.begin.elapsed().as_secs_f64().max(1e-3)
    }

    /// Moves the bar.
    fn show(&self, expected_documents: u64) {
        let position = if self.counts_documents { self.documents } else { self.n_done };
        self.bar.set_position(position);
        self.bar.set_message(self.message(expected_documents));
    }

    fn message(&self, expected_documents: u64) -> String {
        match self.seconds_left(expected_documents) {
            Some(left) => format!("{}, {} left", self.rates(), seconds(left)),
            None => self.rates(),
        }
    }

    fn rates(&self) -> String {
        if self.documents == 0 {
            return format!("{} tasks", count(self.n_done));
        }
        let per_second = |n: u64| n as f64 / self.seconds();
        let (documents, text) = (per_second(self.documents), per_second(self.text_bytes) / 1e6);
        format!("{} docs/s, {text:.1} MB/s", count(documents as u64))
    }

    /// Says what a step has done, behind the time that it took; the training says so itself.
    fn outcome(&self) -> String {
        let is_step = self.documents > 0 || self.n_done > 0;
        if is_step { format!(", {}", self.rates()) } else { String::new() }
    }

    fn seconds_left(&self, expected_documents: u64) -> Option<f64> {
        let (done, all) = match self.counts_documents {
            true => (self.documents, expected_documents),
            false => (self.n_done - self.n_found, self.n_tasks - self.n_found),
        };
        (done > 0 && all >= done).then(|| self.seconds() * (all - done) as f64 / done as f64)
    }
}

/// Asks the run to stop; asked again, ends the process at once, which loses no more than kill -9 does.
#[expect(clippy::exit, reason = "the second Ctrl-C means it")]
fn stop(interrupted: &AtomicBool) {
    if interrupted.swap(true, Ordering::Relaxed) {
        std::process::exit(130);
    }
    note("corpusmill: stopping after the blocks under way; Ctrl-C again stops at once");
}
