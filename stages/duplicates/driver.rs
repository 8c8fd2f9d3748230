//! Plays the runner for one census, so that deduplication is tested through the same disk as in a run.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, new_null_array};
use arrow::datatypes::{DataType, Schema};

use crate::batch::{Batch, Origin, Place, base_fields};
use crate::ledger::{Ledger, Removed};
use crate::rows::{
    Decisions, Gathered, Rows, Seal, Sealed, SortedRows, Spill, TaskOfFile, segments,
};
use crate::{Census, Round};

/// A document of a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TestDocument {
    pub(crate) place: Place,
    pub(crate) id: String,
    pub(crate) text: String,
}

/// Puts texts into files of `file_rows` rows; ids are `file:row`.
pub(crate) fn corpus<T: AsRef<str>>(texts: &[T], file_rows: usize) -> Vec<TestDocument> {
    let document = |(i, text): (usize, &T)| {
        let place = Place { file: (i / file_rows) as u32, row: (i % file_rows) as u64 };
        let id = format!("{}:{}", place.file, place.row);
        TestDocument { place, id, text: text.as_ref().to_owned() }
    };
    texts.iter().enumerate().map(document).collect()
}

/// All that must not change what comes out.
#[derive(Debug, Clone)]
pub(crate) struct Driver {
    pub(crate) files_per_task: u32,
    pub(crate) batch_rows: usize,
    pub(crate) budget: usize,
    pub(crate) reversed: bool,
}

impl Default for Driver {
    fn default() -> Driver {
        Driver { files_per_task: 1, batch_rows: 7, budget: 1 << 20, reversed: false }
    }
}

/// What a census did.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) kept: Vec<TestDocument>,
    pub(crate) removed: Vec<Removed>,
    pub(crate) warnings: Vec<String>,
    pub(crate) edits: u64,
}

impl Driver {
    /// Takes a corpus through all rounds of a census, and through the stage that it opens.
    pub(crate) fn run(&self, census: &dyn Census, corpus: &[TestDocument]) -> Outcome {
        let folder = tempfile::tempdir().unwrap();
        let n_files = corpus.last().map_or(0, |document| document.place.file + 1);
        let tasks: TaskOfFile = (0..n_files).map(|file| file / self.files_per_task).collect();
        let mut outcome = Outcome::default();
        let mut sealed = None;
        for (i, round) in census.rounds().iter().enumerate() {
            let notes = sealed.as_ref().map_or_else(Decisions::none, Sealed::decisions);
            let folder = folder.path().join(format!("round-{i}"));
            let round =
                Turn { driver: self, round: round.as_ref(), folder: &folder, tasks: &tasks };
            round.scan(corpus, &notes);
            outcome.warnings.extend(round.gather_and_seal(sealed.as_ref()));
            sealed = Some(Sealed::new(&folder.join("sealed"), tasks.clone()));
        }
        let stage = census.open(sealed.unwrap()).unwrap();
        for batch in self.batches(corpus) {
            let mut ledger = Ledger::default();
            let n_rows = batch.n_rows();
            let kept = stage.apply(batch, &mut ledger).unwrap();
            assert_eq!(n_rows, kept.n_rows() + ledger.removed.len(), "rows are conserved");
            outcome.edits += ledger.edits.values().sum::<u64>();
            outcome.removed.extend(ledger.removed);
            outcome.kept.extend(documents(&kept));
        }
        outcome.kept.sort_by_key(|document| document.place);
        outcome.removed.sort_by_key(|removed| removed.place);
        outcome
    }

    /// Cuts a corpus into batches; none crosses a file.
    fn batches(&self, corpus: &[TestDocument]) -> Vec<Batch> {
        let files = corpus.chunk_by(|a, b| a.place.file == b.place.file);
        let mut batches: Vec<_> =
            files.flat_map(|file| file.chunks(self.batch_rows)).map(batch).collect();
        if self.reversed {
            batches.reverse();
        }
        batches
    }
}

struct Turn<'a> {
    driver: &'a Driver,
    round: &'a dyn Round,
    folder: &'a Path,
    tasks: &'a TaskOfFile,
}

impl Turn<'_> {
    fn n_tasks(&self) -> u32 {
        self.tasks.last().map_or(0, |last| last + 1)
    }

    fn scan(&self, corpus: &[TestDocument], notes: &Decisions) {
        for task in 0..self.n_tasks() {
            let of_task =
                |document: &&TestDocument| self.tasks[document.place.file as usize] == task;
            let corpus: Vec<_> = corpus.iter().filter(of_task).cloned().collect();
            let path = self.folder.join(format!("{task}.rows"));
            let mut spill = Spill::new(path, self.round.layout(), self.driver.budget);
            for batch in self.driver.batches(&corpus) {
                let mut rows = Rows::new(self.round.layout());
                self.round.scan(&batch, notes, &mut rows).unwrap();
                spill.append(rows).unwrap();
            }
            spill.finish().unwrap();
        }
    }

    fn gather_and_seal(&self, before: Option<&Sealed>) -> Vec<String> {
        let mut warnings = Vec::new();
        let layout = self.round.layout();
        let gathered = self.folder.join("gathered");
        for range in 0..layout.ranges.count() {
            let files = (0..self.n_tasks()).map(|task| self.folder.join(format!("{task}.rows")));
            let mut all = self.round.earlier(range, before).unwrap();
            let files = files.filter(|path| path.exists());
            all.extend(files.flat_map(|path| segments(&path, range).unwrap()));
            let scratch = self.folder.join(format!("scratch-{range}"));
            let mut rows = SortedRows::open(all, layout.combine, &scratch).unwrap();
            let mut out = Gathered::new(&gathered, range, self.tasks.clone(), self.driver.budget);
            self.round.gather(&mut rows, &mut out).unwrap();
            warnings.extend(out.finish().unwrap().1);
        }
        let n_ranges = layout.ranges.count();
        let sealed = self.folder.join("sealed");
        std::fs::create_dir_all(&sealed).unwrap();
        let budget = self.driver.budget.max(1 << 20);
        let mut seal = Seal::new(&gathered, n_ranges, &sealed, self.tasks.clone(), budget);
        self.round.seal(&mut seal).unwrap();
        warnings
    }
}

fn batch(documents: &[TestDocument]) -> Batch {
    let column = |of: fn(&TestDocument) -> &str| -> ArrayRef {
        Arc::new(documents.iter().map(|document| Some(of(document))).collect::<StringArray>())
    };
    let mut columns = vec![column(|document| &document.id), column(|document| &document.text)];
    columns.resize_with(5, || new_null_array(&DataType::Utf8, documents.len()));
    let rows = RecordBatch::try_new(Arc::new(Schema::new(base_fields())), columns).unwrap();
    let origin = |document: &TestDocument| Origin::new(document.place, &document.text);
    Batch::new(rows, documents.iter().map(origin).collect()).unwrap()
}

fn documents(batch: &Batch) -> impl Iterator<Item = TestDocument> {
    batch.origins.iter().enumerate().map(|(row, origin)| TestDocument {
        place: origin.place,
        id: batch.ids().value(row).to_owned(),
        text: batch.texts().value(row).to_owned(),
    })
}
