//! Exact deduplication: of documents with the same text the first one stays.
//!
//! Two texts are the same when their xxh3-128 is, taken of the UTF-8 bytes as they enter the stage; nothing
//! is normalised. With 10^12 documents the chance that any two different texts meet is below 2 in 10^15.
//! Empty texts are copies of each other, however many there are: a group is streamed.
//!
//! Differs: datatrove hashes with 64 bits (10^9 documents: a false copy in one run of 37) and needs all
//! hashes of a bucket in memory; Data-Juicer and NeMo take MD5.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

use crate::batch::{Batch, Place};
use crate::duplicates::{self, Decider, Duplicate, EarlierFiles, RemoveDuplicates};
use crate::rows::{Combine, Decisions, Gathered, Layout, Ranges, Rows, Seal, Sealed, SortedRows};
use crate::{Census, Round, Stage};

const NAME: &str = "dedup_exact";

/// `dedup_exact = {}`: removes every document whose text an earlier one has.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DedupExact {}

impl DedupExact {
    /// Returns the census, whose keys are cut into `n_ranges` ranges.
    ///
    /// # Errors
    /// When `n_ranges` is 0.
    pub fn build(&self, n_ranges: u32) -> Result<impl Census + use<>> {
        ensure!(n_ranges > 0, "at least one key range is needed");
        Ok(ExactCensus { rounds: [Box::new(TextRound { n_ranges })] })
    }
}

struct ExactCensus {
    rounds: [Box<dyn Round>; 1],
}

impl Census for ExactCensus {
    fn name(&self) -> &str {
        NAME
    }

    fn rounds(&self) -> &[Box<dyn Round>] {
        &self.rounds
    }

    fn open(&self, sealed: Sealed) -> Result<Box<dyn Stage>> {
        Ok(Box::new(RemoveDuplicates::open(NAME, &sealed, EarlierFiles::none())))
    }
}

/// The one round. Key: the hash of the text; value: place, then id, so that the first value is the document
/// that stays.
struct TextRound {
    n_ranges: u32,
}

impl Round for TextRound {
    fn layout(&self) -> Layout {
        Layout { combine: Combine::Keep, ranges: Ranges::Prefix(self.n_ranges) }
    }

    fn scan(&self, batch: &Batch, _: &Decisions, rows: &mut Rows) -> Result<()> {
        let mut value = Vec::new();
        for (row, origin) in batch.origins.iter().enumerate() {
            let hash = xxh3_128(batch.texts().value(row).as_bytes());
            value.clear();
            value.extend_from_slice(&origin.place.to_bytes());
            value.extend_from_slice(batch.ids().value(row).as_bytes());
            rows.emit(&hash.to_be_bytes(), &value);
        }
        Ok(())
    }

    fn gather(&self, rows: &mut SortedRows, out: &mut Gathered) -> Result<()> {
        let (mut kept, mut decider) = (Vec::new(), Decider::default());
        while rows.next_group()? {
            let Some(first) = rows.next_value()? else { continue };
            kept.clear();
            kept.extend_from_slice(first);
            let of = Place::from_bytes(&kept)?;
            let of_id = str::from_utf8(&kept[Place::BYTES..])?;
            let duplicate = Duplicate { of, of_id, similarity: 1.0 };
            while let Some(value) = rows.next_value()? {
                let id = str::from_utf8(value.get(Place::BYTES..).unwrap_or_default())?;
                decider.decide(out, of, (Place::from_bytes(value)?, id), &duplicate)?;
            }
        }
        Ok(())
    }

    fn seal(&self, seal: &mut Seal) -> Result<()> {
        duplicates::seal(seal)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::duplicates::driver::{Driver, Outcome, TestDocument, corpus};
    use crate::ledger::{Cause, Original};

    fn run(driver: &Driver, n_ranges: u32, corpus: &[TestDocument]) -> Outcome {
        driver.run(&DedupExact {}.build(n_ranges).unwrap(), corpus)
    }

    #[test]
    fn the_first_copy_stays_and_the_others_name_it() {
        let corpus = corpus(&["a", "b", "a", "", "", "b ", "a"], 3);
        let outcome = run(&Driver::default(), 2, &corpus);
        let kept: Vec<_> = outcome.kept.iter().map(|document| document.id.as_str()).collect();
        assert_eq!(kept, ["0:0", "0:1", "1:0", "1:2"]);
        let of_id = |i: usize| match &outcome.removed[i].cause {
            Cause::Duplicate { stage: "dedup_exact", of_id, similarity: 1.0, .. } => of_id.clone(),
            other => panic!("{other:?}"),
        };
        assert_eq!([of_id(0), of_id(1), of_id(2)], ["0:0", "1:0", "0:0"]);
    }

    #[test]
    fn a_text_in_every_document_is_streamed() {
        let corpus = corpus(&vec!["boilerplate"; 20_000], 5_000);
        let driver = Driver { budget: 4 << 10, batch_rows: 1000, ..Driver::default() };
        let outcome = run(&driver, 3, &corpus);
        assert_eq!((outcome.kept.len(), outcome.removed.len()), (1, 19_999));
    }

    #[test]
    fn unknown_keys_are_refused() {
        assert!(toml::from_str::<DedupExact>("column = \"text\"").is_err());
        assert_eq!(toml::from_str::<DedupExact>("").unwrap(), DedupExact {});
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn one_of_each_text_stays_however_the_work_is_cut(
            texts in prop::collection::vec("[ab]{0,3}", 0..60),
            file_rows in 1_usize..20, files_per_task in 1_u32..4, batch_rows in 1_usize..9,
            budget in 1_usize..4000, n_ranges in 1_u32..5, reversed in any::<bool>(),
        ) {
            let corpus = corpus(&texts, file_rows);
            let driver = Driver { files_per_task, batch_rows, budget, reversed };
            let outcome = run(&driver, n_ranges, &corpus);
            let mut first = BTreeMap::new();
            for document in &corpus {
                first.entry(document.text.as_str()).or_insert(document.place);
            }
            for document in &outcome.kept {
                prop_assert_eq!(first[document.text.as_str()], document.place);
            }
            prop_assert_eq!(outcome.kept.len(), first.len());
            for removed in &outcome.removed {
                let Cause::Duplicate { of, .. } = &removed.cause else { panic!() };
                prop_assert_eq!(&Original::Input(first[removed.text.as_str()]), of);
            }
            prop_assert_eq!(&outcome, &run(&Driver::default(), 1, &corpus));
            prop_assert!(run(&driver, n_ranges, &outcome.kept).removed.is_empty());
        }
    }
}
