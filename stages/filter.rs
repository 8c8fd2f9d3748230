//! The stage `filter`: a list of rules, fused.
//!
//! A document's words, lines and n-grams are cut once and shared by all rules of the list. The first rule that breaks a limit removes
//! the document; edits of the rules before it are seen by those behind it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};
use arrow::array::{ArrayRef, Float32Builder, StringBuilder};
use arrow::datatypes::{DataType, Field, SchemaRef};
use filters::{Document, Filter, Judge, Scratch};

use crate::Stage;
use crate::batch::{Batch, LANGUAGE, SOURCE, URL, with_field};
use crate::ledger::{Cause, Ledger};

/// Rules over single documents.
pub struct FilterStage {
    filters: Vec<Box<dyn Filter>>,
    /// The score columns that the rules set, each once.
    scores: Vec<String>,
    /// Buffers that no thread uses at present: they need not grow anew for each batch.
    idle: Mutex<Vec<Scratch>>,
}

impl FilterStage {
    /// Makes the rules.
    ///
    /// # Errors
    /// The first rule that refuses its configuration.
    pub fn build(rules: &[filters::Config]) -> Result<FilterStage> {
        let mut built: Vec<Box<dyn Filter>> = Vec::new();
        let mut scores: Vec<String> = Vec::new();
        for rule in rules {
            let filter = rule.build().with_context(|| rule.name())?;
            for score in filter.scores() {
                if !scores.iter().any(|known| known == score) {
                    scores.push(score.to_owned());
                }
            }
            built.push(filter);
        }
        Ok(FilterStage { filters: built, scores, idle: Mutex::default() })
    }

    /// Takes one document through all rules.
    fn judge(
        &self,
        doc: &mut Document<'_>,
        judge: &mut Judge,
        ledger: &mut Ledger,
    ) -> Option<Cause> {
        for filter in &self.filters {
            let _ = filter.judge(doc, judge);
            let (removal, edits) = judge.take();
            ledger.count_edits(filter.name(), edits);
            if let Some(removal) = removal {
                return Some(Cause::Rule { rule: filter.name().to_owned(), removal });
            }
        }
        None
    }
}

impl Stage for FilterStage {
    fn name(&self) -> &str {
        "filter"
    }

    fn schema(&self, input: SchemaRef) -> Result<SchemaRef> {
        let field = |schema: SchemaRef, score: &String| with_field(&schema, score_field(score));
        Ok(self.scores.iter().fold(input, field))
    }

    fn is_costly(&self) -> bool {
        true
    }

    fn apply(&self, batch: Batch, ledger: &mut Ledger) -> Result<Batch> {
        let n = batch.n_rows();
        let (ids, texts) = (batch.ids(), batch.texts());
        let mut keep = vec![true; n];
        let mut edited: Vec<Option<String>> = vec![None; n];
        let mut languages: Vec<Option<String>> = vec![None; n];
        let mut scores: Vec<Vec<Option<f32>>> = vec![vec![None; n]; self.scores.len()];
        let mut scratch = self.idle().pop().unwrap_or_default();
        let mut judge = Judge::default();
        for row in 0..n {
            let mut doc = Document::new(ids.value(row), texts.value(row), &mut scratch);
            doc.set_column("url", batch.value(URL, row));
            doc.set_column("source", batch.value(SOURCE, row));
            doc.set_language(batch.value(LANGUAGE, row));
            let cause = self.judge(&mut doc, &mut judge, ledger);
            languages[row] = doc.language().map(str::to_owned);
            match cause {
                Some(cause) => {
                    keep[row] = false;
                    let text = doc.text().to_owned();
                    ledger.remove_edited(&batch, row, text, cause);
                    if let Some(removed) = ledger.removed.last_mut() {
                        removed.language.clone_from(&languages[row]);
                    }
                }
                None => {
                    edited[row] = doc.edited().then(|| doc.text().to_owned());
                    for (column, name) in scores.iter_mut().zip(&self.scores) {
                        column[row] = doc.score(name);
                    }
                }
            }
        }
        self.idle().push(scratch);
        self.replace_columns(batch, &edited, &languages, scores)?.keep(&keep)
    }
}

impl FilterStage {
    fn idle(&self) -> MutexGuard<'_, Vec<Scratch>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn replace_columns(
        &self,
        mut batch: Batch,
        edited: &[Option<String>],
        languages: &[Option<String>],
        scores: Vec<Vec<Option<f32>>>,
    ) -> Result<Batch> {
        if edited.iter().any(Option::is_some) {
            let texts = batch.texts();
            let mut column = StringBuilder::with_capacity(edited.len(), texts.value_data().len());
            for (row, text) in edited.iter().enumerate() {
                column.append_value(text.as_deref().unwrap_or(texts.value(row)));
            }
            let field = batch.rows.schema_ref().field(crate::batch::TEXT).clone();
            batch = batch.with_column(field, Arc::new(column.finish()))?;
        }
        let mut column = StringBuilder::new();
        languages.iter().for_each(|language| column.append_option(language.as_deref()));
        let field = batch.rows.schema_ref().field(LANGUAGE).clone();
        batch = batch.with_column(field, Arc::new(column.finish()))?;
        for (values, name) in scores.into_iter().zip(&self.scores) {
            let mut column = Float32Builder::with_capacity(values.len());
            values.into_iter().for_each(|value| column.append_option(value));
            let column: ArrayRef = Arc::new(column.finish());
            batch = batch.with_column(score_field(name), column)?;
        }
        Ok(batch)
    }
}

fn score_field(name: &str) -> Field {
    Field::new(name, DataType::Float32, true)
}
