//! Exact deduplication: of documents with the same text, URL or other column the first one stays.
//!
//! By default two documents are the same when the xxh3-128 of their texts is, taken of the UTF-8 bytes as they enter the stage. With
//! 10^12 documents the chance that any two different texts meet is below 2 in 10^15. `ignore` names what does not tell two texts apart: `case`,
//! `composition` (Unicode NFC), `digits`, `punctuation`, `white_space`. Empty texts are copies of each other, however many there are: a group is streamed.
//!
//! `by` names another column, or a member of a JSONL object (`meta.doi`), whose values are compared as they are. Documents in which it is
//! missing, null, or blank are nobody's copies.
//!
//! `against` lists indexes of earlier datasets (`corpusmill index`): a document that an earlier one equals is removed.
//!
//! Differs: datatrove hashes with 64 bits (10^9 documents: a false copy in one run of 37) and needs all
//! hashes of a bucket in memory; Data-Juicer and NeMo take MD5.

use anyhow::{Context, Result, ensure};
use arrow::datatypes::SchemaRef;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

use crate::batch::{Batch, COLUMNS, Place, TEXT};
use crate::column::Column;
use crate::duplicates::{self, Decider, Duplicate, RemoveDuplicates};
use crate::index::{Earlier, Indexed, Section};
use crate::normalize::{Ignored, Normalizer};
use crate::rows::{
    Combine, Decisions, Gathered, Layout, Ranges, Rows, Seal, Sealed, Segment, SortedRows,
};
use crate::{Census, Round, Stage};

const NAME: &str = "dedup_exact";

/// `dedup_exact = {}`: removes every document whose text an earlier one has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DedupExact {
    /// The column that is compared.
    pub by: String,
    /// What does not tell two texts apart.
    pub ignore: Vec<Ignored>,
    /// Indexes of earlier datasets, whose documents the input's are compared with too.
    pub against: Vec<String>,
}

impl Default for DedupExact {
    fn default() -> DedupExact {
        let by = COLUMNS[TEXT].to_owned();
        DedupExact { by, ignore: Vec::new(), against: Vec::new() }
    }
}

impl DedupExact {
    /// Returns the census, whose keys are cut into `n_ranges` ranges.
    ///
    /// # Errors
    /// When `n_ranges` is 0, `ignore` is set for another column than the text, or an index cannot be used.
    pub fn build(&self, n_ranges: u32) -> Result<impl Census + use<>> {
        ensure!(n_ranges > 0, "at least one key range is needed");
        let keys = self.keys()?;
        let earlier = Earlier::open(&self.against, &keys.section())?;
        let by = keys.by.clone();
        let round = KeyRound { keys, n_ranges, earlier: earlier.clone() };
        Ok(ExactCensus { rounds: [Box::new(round)], by, earlier })
    }

    /// Returns what an index holds for this stage.
    ///
    /// # Errors
    /// When the settings cannot be used.
    pub fn indexed(&self) -> Result<impl Indexed + use<>> {
        self.keys()
    }

    fn keys(&self) -> Result<Keys> {
        let is_text = self.by == COLUMNS[TEXT];
        ensure!(
            is_text || self.ignore.is_empty(),
            "`ignore` is for texts, but `by` is `{}`",
            self.by
        );
        let normalizer = (!self.ignore.is_empty()).then(|| Normalizer::new(&self.ignore));
        Ok(Keys { by: Column::new(&self.by), is_text, normalizer, config: self.clone() })
    }
}

struct ExactCensus {
    rounds: [Box<dyn Round>; 1],
    by: Column,
    earlier: Earlier,
}

impl Census for ExactCensus {
    fn name(&self) -> &str {
        NAME
    }

    fn rounds(&self) -> &[Box<dyn Round>] {
        &self.rounds
    }

    fn schema(&self, input: SchemaRef) -> Result<SchemaRef> {
        self.by.check(&input, "by")?;
        Ok(input)
    }

    fn open(&self, sealed: Sealed) -> Result<Box<dyn Stage>> {
        Ok(Box::new(RemoveDuplicates::open(NAME, &sealed, self.earlier.clone())))
    }
}

/// What documents are compared by.
struct Keys {
    by: Column,
    is_text: bool,
    normalizer: Option<Normalizer>,
    config: DedupExact,
}

impl Keys {
    /// Emits key and value of each document that has a key. Key: the hash; value: whether the document is of the input, place, id, so that
    /// an earlier document comes first, and then the first of the input.
    fn emit(
        &self,
        batch: &Batch,
        places: impl Iterator<Item = Place>,
        is_input: bool,
        rows: &mut Rows,
    ) {
        let (mut value, mut memory) = (Vec::new(), String::new());
        let column = self.by.of(batch);
        for (row, place) in places.enumerate() {
            let hash = if self.is_text {
                let text = batch.texts().value(row);
                match self.normalizer {
                    Some(normalizer) => {
                        memory.clear();
                        normalizer.append(text, &mut memory);
                        xxh3_128(memory.as_bytes())
                    }
                    None => xxh3_128(text.as_bytes()),
                }
            } else {
                match column.text(row) {
                    Some(text) if !text.trim().is_empty() => xxh3_128(text.as_bytes()),
                    _ => continue,
                }
            };
            value.clear();
            value.push(u8::from(is_input));
            value.extend_from_slice(&place.to_bytes());
            value.extend_from_slice(batch.ids().value(row).as_bytes());
            rows.emit(&hash.to_be_bytes(), &value);
        }
    }
}

impl Indexed for Keys {
    fn section(&self) -> Section {
        let DedupExact { by, ignore, .. } = &self.config;
        let settings = serde_json::json!({ "by": by, "ignore": ignore });
        Section { stage: NAME.to_owned(), settings }
    }

    fn emit(&self, batch: &Batch, places: &[Place], rows: &mut Rows, _: &mut Rows) {
        self.emit(batch, places.iter().copied(), false, rows);
    }
}

/// The one round.
struct KeyRound {
    keys: Keys,
    n_ranges: u32,
    earlier: Earlier,
}

impl Round for KeyRound {
    fn layout(&self) -> Layout {
        Layout { combine: Combine::Keep, ranges: Ranges::Prefix(self.n_ranges) }
    }

    fn scan(&self, batch: &Batch, _: &Decisions, rows: &mut Rows) -> Result<()> {
        self.keys.emit(batch, batch.origins.iter().map(|origin| origin.place), true, rows);
        Ok(())
    }

    fn earlier(&self, range: u32, _: Option<&Sealed>) -> Result<Vec<Segment>> {
        self.earlier.segments(range, self.n_ranges)
    }

    fn gather(&self, rows: &mut SortedRows, out: &mut Gathered) -> Result<()> {
        let (mut kept, mut decider) = (Vec::new(), Decider::default());
        while rows.next_group()? {
            let Some(first) = rows.next_value()? else { continue };
            kept.clear();
            kept.extend_from_slice(first);
            let (_, of, of_id) = read_value(&kept)?;
            let duplicate = Duplicate { of, of_id, similarity: 1.0 };
            while let Some(value) = rows.next_value()? {
                let (is_input, place, id) = read_value(value)?;
                if is_input {
                    decider.decide(out, of, (place, id), &duplicate)?;
                }
            }
        }
        Ok(())
    }

    fn seal(&self, seal: &mut Seal) -> Result<()> {
        duplicates::seal(seal)
    }
}

/// Reads a value: whether it is of the input, place, id.
fn read_value(value: &[u8]) -> Result<(bool, Place, &str)> {
    let (is_input, rest) = value.split_first().context("a row is cut short")?;
    let id = str::from_utf8(rest.get(Place::BYTES..).unwrap_or_default())?;
    Ok((*is_input == 1, Place::from_bytes(rest)?, id))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::duplicates::driver::{Driver, Outcome, TestDocument, corpus};
    use crate::ledger::{Cause, Original};

    fn run(driver: &Driver, n_ranges: u32, corpus: &[TestDocument]) -> Outcome {
        driver.run(&DedupExact::default().build(n_ranges).unwrap(), corpus)
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

    /// datatrove's Bloom filter has two positions for a size of 2^20, and takes nearly every document for a copy; others take one in a thousand.
    #[test]
    fn no_text_is_taken_for_another() {
        let texts: Vec<_> = (0..50_000).map(|i| format!("text {i}")).collect();
        let outcome = run(&Driver::default(), 4, &corpus(&texts, 20_000));
        assert_eq!((outcome.kept.len(), outcome.removed.len()), (50_000, 0));
    }

    /// duplodocus takes the document at line 8 of file 1 for the end of a list, and other copies stay from run to run.
    #[test]
    fn no_line_of_no_file_is_taken_for_a_separator() {
        for line in 0..20 {
            let text = |file: usize, row: usize| match row == line {
                true => "copy".to_owned(),
                false => format!("{file} {row}"),
            };
            let texts: Vec<_> =
                (0..6).flat_map(|file| (0..20).map(move |row| text(file, row))).collect();
            let outcome = run(&Driver::default(), 3, &corpus(&texts, 20));
            let removed: Vec<_> = outcome.removed.iter().map(|removed| &removed.id).collect();
            let copies: Vec<_> = (1..6).map(|file| format!("{file}:{line}")).collect();
            assert_eq!(removed, copies.iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn unknown_keys_are_refused() {
        assert!(toml::from_str::<DedupExact>("column = \"text\"").is_err());
        assert!(toml::from_str::<DedupExact>("ignore = [\"nfc\"]").is_err());
        assert_eq!(toml::from_str::<DedupExact>("").unwrap(), DedupExact::default());
        let odd = toml::from_str::<DedupExact>("by = \"url\"\nignore = [\"case\"]").unwrap();
        let error = odd.build(1).err().unwrap().to_string();
        assert!(error.contains("`ignore` is for texts"), "{error}");
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
