//! Which overlaps are too many, and how a removal or a column says so.

use std::ops::Range;
use std::sync::Arc;

use anyhow::Result;
use arrow::array::{
    ArrayRef, Float64Builder, ListArray, StringBuilder, StructArray, UInt64Builder,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, Fields};
use filters::Removal;

use super::evaluation::Evaluation;
use super::overlap::{Overlap, spans};

/// The limits of a configuration.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) max_example_ngrams: Option<u32>,
    pub(super) max_example_ratio: Option<f64>,
}

/// A limit that did not hold.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Broken {
    check: &'static str,
    value: f64,
    limit: f64,
}

impl Limits {
    /// Returns the first limit that an overlap breaks.
    fn judge(&self, overlap: &Overlap, n_ngrams: u32) -> Option<Broken> {
        if let Some(max) = self.max_example_ngrams {
            // An example with no more n-grams than that is still found where it is whole.
            let limit = max.min(n_ngrams - 1);
            if overlap.n_ngrams > limit {
                let (value, limit) = (overlap.n_ngrams.into(), limit.into());
                return Some(Broken { check: "max_example_ngrams", value, limit });
            }
        }
        let limit = self.max_example_ratio?;
        let value = overlap.ratio;
        (value > limit).then_some(Broken { check: "max_example_ratio", value, limit })
    }
}

/// The examples that a document holds too much of, those first that decide.
#[derive(Debug)]
pub(super) struct Contamination {
    overlaps: Vec<Overlap>,
    spans: Vec<Range<usize>>,
    first: Broken,
}

impl Contamination {
    /// Judges what was found in a text; `None` if all limits hold.
    pub(super) fn find(
        evaluation: &Evaluation,
        limits: &Limits,
        text: &str,
        overlaps: Vec<Overlap>,
    ) -> Option<Contamination> {
        let judge = |overlap: Overlap| {
            let n_ngrams = evaluation.examples[overlap.example as usize].n_ngrams;
            Some((limits.judge(&overlap, n_ngrams)?, overlap))
        };
        let mut broken: Vec<_> = overlaps.into_iter().filter_map(judge).collect();
        // "max_example_ngrams" comes before "max_example_ratio"; the sort keeps equals in the order of examples.
        broken.sort_by(|(a, _), (b, _)| a.check.cmp(b.check).then(b.value.total_cmp(&a.value)));
        let first = broken.first()?.0;
        let overlaps: Vec<_> = broken.into_iter().map(|(_, overlap)| overlap).collect();
        Some(Contamination { spans: spans(text, &overlaps), overlaps, first })
    }

    /// Returns the cause of a removal.
    pub(super) fn removal(&self, evaluation: &Evaluation) -> Removal {
        let mut found: Vec<String> = Vec::new();
        for (overlap, span) in self.overlaps.iter().zip(&self.spans).take(NAMED) {
            let name = evaluation.name(overlap.example);
            found.push(format!("{name} [{}..{}]", span.start, span.end));
        }
        if let Some(n) = self.overlaps.len().checked_sub(NAMED + 1) {
            found.push(format!("{} more", n + 1));
        }
        let Broken { check, value, limit } = self.first;
        Removal { check, value, limit, found: Some(found.join("; ")) }
    }
}

/// Examples that the cause of a removal names; the column of `mode = "report"` has all.
pub(super) const NAMED: usize = 20;

/// Returns the column of `mode = "report"`.
pub(super) fn field(name: &str) -> Field {
    Field::new(name, DataType::List(Arc::new(item())), false)
}

fn item() -> Field {
    Field::new("item", DataType::Struct(members()), false)
}

fn members() -> Fields {
    [
        ("example", DataType::Utf8),
        ("ngrams", DataType::UInt64),
        ("ratio", DataType::Float64),
        ("start", DataType::UInt64),
        ("end", DataType::UInt64),
    ]
    .map(|(name, data_type)| Field::new(name, data_type, false))
    .into_iter()
    .collect()
}

/// Returns the values of that column: a list for each document.
///
/// # Errors
/// When arrow refuses, which it does not for builders made from the fields.
pub(super) fn column(
    evaluation: &Evaluation,
    documents: &[Option<Contamination>],
) -> Result<ArrayRef> {
    let (mut names, mut ngrams) = (StringBuilder::new(), UInt64Builder::new());
    let (mut ratios, mut starts, mut ends) =
        (Float64Builder::new(), UInt64Builder::new(), UInt64Builder::new());
    let mut n_items = Vec::new();
    for document in documents {
        let Some(Contamination { overlaps, spans, .. }) = document else {
            n_items.push(0);
            continue;
        };
        n_items.push(overlaps.len());
        for (overlap, span) in overlaps.iter().zip(spans) {
            names.append_value(evaluation.name(overlap.example));
            ngrams.append_value(overlap.n_ngrams.into());
            ratios.append_value(overlap.ratio);
            starts.append_value(span.start as u64);
            ends.append_value(span.end as u64);
        }
    }
    let columns: Vec<ArrayRef> = vec![
        Arc::new(names.finish()),
        Arc::new(ngrams.finish()),
        Arc::new(ratios.finish()),
        Arc::new(starts.finish()),
        Arc::new(ends.finish()),
    ];
    let items = StructArray::try_new(members(), columns, None)?;
    let offsets = OffsetBuffer::from_lengths(n_items);
    let lists = ListArray::try_new(Arc::new(item()), offsets, Arc::new(items), None)?;
    Ok(Arc::new(lists))
}
