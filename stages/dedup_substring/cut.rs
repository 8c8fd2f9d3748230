//! The opened stage: cuts repeats out of documents, or only records them.
//!
//! The column `dedup_substring.ranges` lists what was found, as `start` and `end` in bytes of the text that entered the stage;
//! null where there is nothing. A range is narrowed until neither edge parts a letter from its combining marks, an emoji from
//! its joiners, or a line feed from its carriage return.

use std::sync::Arc;

use anyhow::{Result, ensure};
use arrow::array::{ArrayRef, ListBuilder, StringBuilder, StructBuilder, UInt32Builder};
use arrow::datatypes::{DataType, Field, Fields, SchemaRef};
use filters::Removal;

use super::ranges::Range;
use super::verify::read_ranges;
use super::{Action, NAME};
use crate::Stage;
use crate::batch::{Batch, TEXT, with_field};
use crate::ledger::{Cause, Ledger};
use crate::rows::Decisions;

/// The column that lists the ranges.
pub(super) const RANGES: &str = "dedup_substring.ranges";

/// Cuts the repeats that were decided on.
pub(super) struct CutRepeats {
    pub(super) decisions: Decisions,
    pub(super) action: Action,
    pub(super) min_kept_chars: usize,
}

impl Stage for CutRepeats {
    fn name(&self) -> &str {
        NAME
    }

    fn schema(&self, input: SchemaRef) -> Result<SchemaRef> {
        schema(input)
    }

    fn apply(&self, batch: Batch, ledger: &mut Ledger) -> Result<Batch> {
        let n = batch.n_rows();
        let mut found: Vec<Vec<Range>> = vec![Vec::new(); n];
        let mut edited: Vec<Option<String>> = vec![None; n];
        let mut keep = vec![true; n];
        for (row, payload) in self.decisions.for_batch(&batch)?.iter().enumerate() {
            let Some(payload) = payload else { continue };
            let text = batch.texts().value(row);
            for range in read_ranges(payload)? {
                found[row].extend(range.narrow(text)?);
            }
            if self.action == Action::Annotate || found[row].is_empty() {
                continue;
            }
            let kept = without(text, &found[row])?;
            let n_chars = kept.chars().filter(|char| !char.is_whitespace()).count();
            if n_chars < self.min_kept_chars {
                keep[row] = false;
                let (value, limit) = (n_chars as f64, self.min_kept_chars as f64);
                let removal = Removal { check: "min_kept_chars", value, limit, found: None };
                // With the text as it was: what is left of it would not show what it was removed for.
                ledger.remove(&batch, row, Cause::Rule { rule: NAME.to_owned(), removal });
            } else {
                ledger.count_edits(NAME, found[row].len() as u64);
                edited[row] = Some(kept);
            }
        }
        let batch = with_texts(batch, &edited)?;
        batch.with_column(ranges_field(), ranges_column(&found))?.keep(&keep)
    }
}

/// Returns a text without these parts.
fn without(text: &str, ranges: &[Range]) -> Result<String> {
    let mut kept = String::with_capacity(text.len());
    let mut at = 0;
    for range in ranges {
        kept.push_str(Range { start: at, end: range.start }.of(text)?);
        at = range.end;
    }
    kept.push_str(Range::new(at as usize, text.len()).of(text)?);
    Ok(kept)
}

fn with_texts(batch: Batch, edited: &[Option<String>]) -> Result<Batch> {
    if edited.iter().all(Option::is_none) {
        return Ok(batch);
    }
    let texts = batch.texts();
    let mut column = StringBuilder::with_capacity(edited.len(), texts.value_data().len());
    for (row, text) in edited.iter().enumerate() {
        column.append_value(text.as_deref().unwrap_or_else(|| texts.value(row)));
    }
    let field = batch.rows.schema_ref().field(TEXT).clone();
    batch.with_column(field, Arc::new(column.finish()))
}

/// Adds the column of ranges to a schema.
///
/// # Errors
/// When the input has a column of this name, which would be lost.
pub(super) fn schema(input: SchemaRef) -> Result<SchemaRef> {
    ensure!(
        input.field_with_name(RANGES).is_err(),
        "there is a column `{RANGES}` already, which this stage writes\n\
         hint: rename it, or leave it out"
    );
    Ok(with_field(&input, ranges_field()))
}

fn edges() -> Fields {
    let edge = |name: &str| Field::new(name, DataType::UInt32, false);
    Fields::from(vec![edge("start"), edge("end")])
}

fn item() -> Field {
    Field::new("item", DataType::Struct(edges()), false)
}

fn ranges_field() -> Field {
    Field::new(RANGES, DataType::List(Arc::new(item())), true)
}

fn ranges_column(found: &[Vec<Range>]) -> ArrayRef {
    let mut lists = ListBuilder::new(StructBuilder::from_fields(edges(), 0)).with_field(item());
    for ranges in found {
        for range in ranges {
            for (i, edge) in [range.start, range.end].into_iter().enumerate() {
                let edges = lists.values().field_builder::<UInt32Builder>(i);
                edges.expect("both edges are unsigned numbers").append_value(edge);
            }
            lists.values().append(true);
        }
        lists.append(!ranges.is_empty());
    }
    Arc::new(lists.finish())
}
