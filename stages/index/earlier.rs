//! The earlier documents that a stage is run against.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};

use super::{Index, N_RANGES, PART_BIT, Part, ROW_BITS, Section, is_earlier};
use crate::batch::Place;
use crate::ledger::Original;
use crate::rows::{RecordFile, RowFile, Segment};

/// The section of one stage in all indexes that it is run against.
#[derive(Clone, Default)]
pub struct Earlier {
    parts: Arc<[OpenPart]>,
}

struct OpenPart {
    number: u32,
    /// The names of the files, behind the name of the part.
    files: Vec<Arc<str>>,
    rows: Option<RowFile>,
    records: Option<RecordFile>,
}

impl Earlier {
    /// Opens the indexes at `against`; a part that stands in several of them counts once.
    ///
    /// # Errors
    /// When there is no index, it lacks the section, or it is damaged.
    pub(crate) fn open(against: &[String], section: &Section) -> Result<Earlier> {
        let mut parts: Vec<(OpenPart, Part)> = Vec::new();
        for dir in against {
            let path = Path::new(dir);
            let Some(index) = Index::read(path)? else {
                bail!(
                    "against: {dir}: is no index\n\
                     hint: `corpusmill index PIPELINE DATASET --output {dir}` makes one of the documents of DATASET"
                );
            };
            if !index.sections.contains(section) {
                let other = index.sections.iter().find(|other| other.stage == section.stage);
                let settings = match other {
                    Some(other) => {
                        format!("it has {}, this stage has {}", other.settings, section.settings)
                    }
                    None => format!("it has none for `{}`", section.stage),
                };
                bail!(
                    "against: {dir}: the index has no section with the settings of this stage: {settings}\n\
                     hint: `corpusmill index` with this pipeline makes one"
                );
            }
            for part in index.parts {
                match parts.iter().find(|(_, other)| other.number == part.number) {
                    Some((_, other)) if other.files == part.files => continue,
                    Some((_, other)) => bail!(
                        "against: {} and {} have the same number by chance\n\
                         hint: rename a file of one, and index it again",
                        part.name,
                        other.name
                    ),
                    None => parts.push((OpenPart::open(path, section, &part)?, part)),
                }
            }
        }
        Ok(Earlier { parts: parts.into_iter().map(|(part, _)| part).collect() })
    }

    /// Returns the rows of key range `range` of `n_ranges`.
    ///
    /// # Errors
    /// When a file is damaged.
    pub(crate) fn segments(&self, range: u32, n_ranges: u32) -> Result<Vec<Segment>> {
        let rows = self.parts.iter().filter_map(|part| part.rows.as_ref());
        rows.map(|rows| rows.segment(range, n_ranges)).collect()
    }

    /// Returns the record of an earlier document.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn record(&self, place: Place) -> Result<Vec<u8>> {
        let records = self.part(place).and_then(|part| part.records.as_ref());
        let found = records.map(|records| records.get(place)).transpose()?.flatten();
        found.with_context(|| format!("the index has no record of its document at {place:?}"))
    }

    /// Says where a document stands.
    pub(crate) fn original(&self, place: Place) -> Original {
        let file =
            self.part(place).and_then(|part| part.files.get((place.row >> ROW_BITS) as usize));
        match file {
            Some(file) => {
                Original::Earlier { file: file.clone(), row: place.row & ((1 << ROW_BITS) - 1) }
            }
            None => Original::Input(place),
        }
    }

    fn part(&self, place: Place) -> Option<&OpenPart> {
        let number = place.file & !PART_BIT;
        self.parts.iter().find(|part| is_earlier(place) && part.number == number)
    }
}

impl OpenPart {
    fn open(dir: &Path, section: &Section, part: &Part) -> Result<OpenPart> {
        let folder = dir.join(part.folder());
        let name = section.name();
        let rows = RowFile::open(&folder.join(format!("{name}.rows")), N_RANGES)?;
        let records = RecordFile::open(&folder.join(&name))?;
        let files = part.files.iter().map(|file| Arc::from(file.as_str())).collect();
        Ok(OpenPart { number: part.number, files, rows, records })
    }
}
