//! The opened stage: cuts spans out of documents, and removes documents that are left too short.

use anyhow::Result;
use filters::{Document, Removal, Scratch};

use super::numbers;
use super::spans::Spans;
use crate::Stage;
use crate::batch::{Batch, LANGUAGE};
use crate::ledger::{Cause, Ledger};
use crate::rows::{Decisions, Sealed};

/// What a document must have left, if anything was cut from it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leavings {
    pub(super) min_chars: u64,
    pub(super) min_words: u64,
}

/// Cuts every span that was decided on.
pub(super) struct CutSpans {
    spans: Spans,
    leavings: Leavings,
    decisions: Decisions,
}

impl CutSpans {
    pub(super) fn open(spans: Spans, leavings: Leavings, sealed: &Sealed) -> CutSpans {
        CutSpans { spans, leavings, decisions: sealed.decisions() }
    }
}

impl Stage for CutSpans {
    fn name(&self) -> &str {
        self.spans.unit.stage()
    }

    fn apply(&self, batch: Batch, ledger: &mut Ledger) -> Result<Batch> {
        let decisions = self.decisions.for_batch(&batch)?;
        let mut edited: Vec<Option<String>> = vec![None; batch.n_rows()];
        let mut keep = vec![true; batch.n_rows()];
        let mut scratch = Scratch::default();
        for (row, payload) in decisions.iter().enumerate() {
            let Some(payload) = payload else { continue };
            let numbers = numbers::read(payload)?;
            let (text, n_cut) = self.spans.cut(batch.texts().value(row), &numbers);
            ledger.count_edits(self.name(), n_cut);
            let mut doc = Document::new(batch.ids().value(row), &text, &mut scratch);
            doc.set_language(batch.value(LANGUAGE, row));
            match self.leavings.broken(&mut doc) {
                Some(removal) => {
                    keep[row] = false;
                    // The text as it was: what is left of it is next to nothing.
                    ledger.remove(
                        &batch,
                        row,
                        Cause::Rule { rule: self.name().to_owned(), removal },
                    );
                }
                None => edited[row] = Some(text),
            }
        }
        batch.with_texts(&edited)?.keep(&keep)
    }
}

impl Leavings {
    /// Returns the limit that does not hold, if there is one.
    fn broken(self, doc: &mut Document<'_>) -> Option<Removal> {
        let n_chars = doc.text().chars().filter(|char| !char.is_whitespace());
        at_least("min_chars", n_chars.count(), self.min_chars).or_else(|| {
            // Cutting words costs something.
            let n_words = if self.min_words > 0 { doc.words().count() } else { 0 };
            at_least("min_words", n_words, self.min_words)
        })
    }
}

fn at_least(check: &'static str, value: usize, limit: u64) -> Option<Removal> {
    let (value, is_broken) = (value as f64, (value as u64) < limit);
    is_broken.then_some(Removal { check, value, limit: limit as f64, found: None })
}
