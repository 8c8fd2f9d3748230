//! The stage `filter`: a list of rules, fused.
//!
//! A document's words, lines and n-grams are cut once and shared by all rules of the list. The first rule that breaks a limit removes
//! the document; edits of the rules before it are seen by those behind it. With `mode = "annotate"` nothing is removed nor
//! changed, and what every check measured becomes a column.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};
use arrow::array::{ArrayRef, Float32Builder, StringArray, StringBuilder};
use arrow::datatypes::{DataType, Field, SchemaRef};
use filters::{Document, Filter, Judge, Scratch, Tag, Words};

mod annotations;
mod config;
mod quantiles;
mod trial;

use annotations::Annotations;
pub use annotations::BROKEN;
use config::Test;
pub use config::{Condition, FilterConfig, Mode, rule_name};
pub use trial::{Trial, TrialText};

use crate::Stage;
use crate::batch::{Batch, LANGUAGE, SOURCE, URL, with_field};
use crate::ledger::{Cause, Ledger};

/// Rules over single documents.
pub struct FilterStage {
    filters: Vec<Box<dyn Filter>>,
    /// The score columns that the rules set, each once.
    scores: Vec<String>,
    /// Of a stage that removes nothing.
    annotations: Option<Annotations>,
    words: Words,
    when: Option<Test>,
    unless: Option<Test>,
    /// Buffers that no thread uses at present: they need not grow anew for each batch.
    idle: Mutex<Vec<Scratch>>,
}

impl FilterStage {
    /// Makes the rules.
    ///
    /// # Errors
    /// The first rule that refuses its configuration; a condition that makes no sense.
    pub fn build(config: &FilterConfig) -> Result<FilterStage> {
        let mut filters: Vec<Box<dyn Filter>> = Vec::new();
        let mut scores: Vec<String> = Vec::new();
        let mut annotations = Annotations::default();
        for rule in &config.rules {
            let filter = rule.build().with_context(|| rule.name())?;
            for score in filter.scores() {
                if !scores.iter().any(|known| known == score) {
                    scores.push(score.to_owned());
                }
            }
            annotations.push(filter.name(), rule);
            filters.push(filter);
        }
        let test = |condition: &Option<Condition>, key| -> Result<Option<Test>> {
            condition.as_ref().map(|condition| condition.build(key)).transpose()
        };
        Ok(FilterStage {
            filters,
            scores,
            annotations: (config.mode == Mode::Annotate).then_some(annotations),
            words: config.words,
            when: test(&config.when, "when")?,
            unless: test(&config.unless, "unless")?,
            idle: Mutex::default(),
        })
    }

    /// Lets the rules measure every document of a batch that the stage is for; `take` sees each rule's measures, and the
    /// language that the rule's limits went by.
    fn measure(&self, batch: &Batch, mut take: impl FnMut(usize, Tag, &Judge)) {
        let (ids, texts) = (batch.ids(), batch.texts());
        let mut scratch = self.idle().pop().unwrap_or_default();
        let mut judge = Judge::measuring();
        for row in 0..batch.n_rows() {
            let mut doc = self.document(batch, row, ids, texts, &mut scratch);
            if !self.is_for(&mut doc, batch.value(SOURCE, row)) {
                continue;
            }
            for (rule, filter) in self.filters.iter().enumerate() {
                let before = doc.tag();
                let _ = filter.judge(&mut doc, &mut judge);
                // The rule may have named the language, and gone by it; where nobody named one, an edit may change the guess.
                let named = doc.language().and_then(Tag::read);
                take(rule, named.unwrap_or(before), &judge);
                judge.take();
            }
        }
        self.idle().push(scratch);
    }

    /// Says whether a document is judged at all.
    fn is_for(&self, doc: &mut Document<'_>, source: Option<&str>) -> bool {
        if self.when.is_none() && self.unless.is_none() {
            return true;
        }
        let language = doc.tag();
        self.when.as_ref().is_none_or(|when| when.fits(language, source))
            && !self.unless.as_ref().is_some_and(|unless| unless.fits(language, source))
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

    /// Takes one document through all rules, whatever they say of it, and takes down what they measure.
    fn annotate(
        &self,
        doc: &mut Document<'_>,
        judge: &mut Judge,
        annotations: &Annotations,
        values: &mut annotations::Values,
        row: usize,
    ) -> Result<()> {
        for (rule, filter) in self.filters.iter().enumerate() {
            let _ = filter.judge(doc, judge);
            annotations.take(values, rule, row, judge).with_context(|| filter.name().to_owned())?;
            judge.take();
        }
        Ok(())
    }
}

impl Stage for FilterStage {
    fn name(&self) -> &str {
        "filter"
    }

    fn schema(&self, input: SchemaRef) -> Result<SchemaRef> {
        let field = |schema: SchemaRef, score: &String| with_field(&schema, score_field(score));
        let schema = self.scores.iter().fold(input, field);
        match &self.annotations {
            Some(annotations) => annotations.schema(schema),
            None => Ok(schema),
        }
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
        let mut values = self.annotations.as_ref().map(|annotations| annotations.values(n));
        let mut scratch = self.idle().pop().unwrap_or_default();
        let mut judge = match self.annotations {
            Some(_) => Judge::measuring(),
            None => Judge::default(),
        };
        for row in 0..n {
            let mut doc = self.document(&batch, row, ids, texts, &mut scratch);
            if !self.is_for(&mut doc, batch.value(SOURCE, row)) {
                languages[row] = doc.language().map(str::to_owned);
                continue;
            }
            let cause = match (&self.annotations, &mut values) {
                (Some(annotations), Some(values)) => {
                    self.annotate(&mut doc, &mut judge, annotations, values, row)?;
                    None
                }
                _ => self.judge(&mut doc, &mut judge, ledger),
            };
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
                    let is_changed = doc.edited() && self.annotations.is_none();
                    edited[row] = is_changed.then(|| doc.text().to_owned());
                    for (column, name) in scores.iter_mut().zip(&self.scores) {
                        column[row] = doc.score(name);
                    }
                }
            }
        }
        self.idle().push(scratch);
        let batch = self.replace_columns(batch, &edited, &languages, scores)?;
        let batch = match (&self.annotations, values) {
            (Some(annotations), Some(values)) => annotations.add(batch, values)?,
            _ => batch,
        };
        batch.keep(&keep)
    }
}

impl FilterStage {
    /// Returns the document of a row.
    fn document<'a>(
        &self,
        batch: &'a Batch,
        row: usize,
        ids: &'a StringArray,
        texts: &'a StringArray,
        scratch: &'a mut Scratch,
    ) -> Document<'a> {
        let mut doc = Document::new(ids.value(row), texts.value(row), scratch);
        doc.set_column("url", batch.value(URL, row));
        doc.set_column("source", batch.value(SOURCE, row));
        doc.set_language(batch.value(LANGUAGE, row));
        doc.set_words(self.words);
        doc
    }

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
        batch = batch.with_texts(edited)?;
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
