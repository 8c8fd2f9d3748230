//! Adds documents to an index.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use rayon::prelude::*;
use xxhash_rust::xxh3::Xxh3Default;

use super::{FORMAT, INDEX, Index, Indexed, N_RANGES, Part, Section, earlier_place};
use crate::batch::Place;
use crate::config::Input;
use crate::disk::{FileSeal, sync_folder};
use crate::rows::{
    Combine, DecisionsWriter, Layout, Ranges, RowFile, Rows, Segment, SortedRows, Spill, segments,
};
use crate::source::{Block, InputFile, Reader, Source, list};

/// Blocks that are read before they are parsed side by side.
const BLOCKS_AHEAD: usize = 16;

/// What was added.
#[derive(Debug, Clone, PartialEq)]
pub enum Added {
    /// A new part with this many documents.
    Part(u64),
    /// Nothing: these very files are in the index.
    Nothing,
}

/// Adds the documents of `input` to the index in `dir`, which is made where there is none; `memory` bounds the rows in memory, in bytes.
///
/// # Errors
/// When the index was made for other stages, a row cannot be read, or the disk fails. The index is as it was then.
pub fn add(
    dir: &Path,
    name: &str,
    input: &Input,
    stages: &[Box<dyn Indexed>],
    memory: u64,
) -> Result<Added> {
    let sections: Vec<Section> = stages.iter().map(|stage| stage.section()).collect();
    ensure!(!sections.is_empty(), "the pipeline has no stage that can be run against an index");
    let mut index = match Index::read(dir)? {
        Some(index) => index,
        None => Index { format: FORMAT, sections: sections.clone(), parts: Vec::new() },
    };
    ensure!(
        index.sections == sections,
        "{}: the index was made for {}, this pipeline has {}\n\
         hint: choose another folder with `--output`",
        dir.display(),
        describe(&index.sections),
        describe(&sections)
    );
    let files = list(input)?;
    let number = part_number(&files);
    if index.parts.iter().any(|part| part.number == number) {
        return Ok(Added::Nothing);
    }
    let names = files.iter().map(|file| file.name.clone()).collect();
    let mut part =
        Part { name: name.to_owned(), number, documents: 0, files: names, seals: Vec::new() };
    let folder = dir.join(part.folder());
    // Of a part that was cut off there may be anything.
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())?;
    }
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let source = Source::new(input, files)?;
    let work = folder.join("work");
    let mut spills = Spills::new(stages, &sections, &work, memory);
    for file in source.files().iter() {
        part.documents += spills.read(&source, file, part.number)?;
    }
    part.seals = spills.finish(&folder)?;
    fs::remove_dir_all(&work).with_context(|| work.display().to_string())?;
    sync_folder(&folder)?;
    let documents = part.documents;
    index.parts.push(part);
    index.write(dir).with_context(|| INDEX.to_owned())?;
    Ok(Added::Part(documents))
}

fn describe(sections: &[Section]) -> String {
    let describe = |section: &Section| format!("{} {}", section.stage, section.settings);
    sections.iter().map(describe).collect::<Vec<_>>().join(", ")
}

/// Returns the number of a part: 31 bits of a hash of its files' names, lengths and times of change.
fn part_number(files: &[InputFile]) -> u32 {
    let mut hasher = Xxh3Default::new();
    for file in files {
        hasher.update(file.name.as_bytes());
        hasher.update(&[0]);
        hasher.update(&file.bytes.to_le_bytes());
        hasher.update(&file.modified_ns.to_le_bytes());
    }
    (hasher.digest() >> 33) as u32
}

/// The rows of a part on their way to its files: two spills for each stage.
struct Spills<'a> {
    stages: &'a [Box<dyn Indexed>],
    names: Vec<String>,
    work: PathBuf,
    spills: Vec<[Spill; 2]>,
}

fn rows_layout() -> Layout {
    Layout { combine: Combine::Keep, ranges: Ranges::Prefix(N_RANGES) }
}

fn records_layout() -> Layout {
    Layout { combine: Combine::Keep, ranges: Ranges::Prefix(1) }
}

impl<'a> Spills<'a> {
    fn new(
        stages: &'a [Box<dyn Indexed>],
        sections: &[Section],
        work: &Path,
        memory: u64,
    ) -> Spills<'a> {
        let budget = memory as usize / 2 / (2 * stages.len());
        let names: Vec<String> = sections.iter().map(Section::name).collect();
        let spill = |name: &String, ending: &str, layout| {
            Spill::new(work.join(format!("{name}.{ending}")), layout, budget)
        };
        let both =
            |name| [spill(name, "rows", rows_layout()), spill(name, "records", records_layout())];
        let spills = names.iter().map(both).collect();
        Spills { stages, names, work: work.into(), spills }
    }

    /// Reads a file, and returns the number of its documents.
    fn read(&mut self, source: &Source, file: &InputFile, part: u32) -> Result<u64> {
        let mut reader = source.reader(file)?;
        let mut n_documents = 0;
        loop {
            let blocks = next_blocks(reader.as_mut())?;
            if blocks.is_empty() {
                source.check_unchanged(file)?;
                return Ok(n_documents);
            }
            let done = blocks.into_par_iter().map(|block| self.emit(block, file, part));
            for emitted in done.collect::<Result<Vec<_>>>()? {
                n_documents += emitted.n_documents;
                for (spills, rows) in self.spills.iter_mut().zip(emitted.rows) {
                    for (spill, rows) in spills.iter_mut().zip(rows) {
                        spill.append(rows)?;
                    }
                }
            }
        }
    }

    fn emit(&self, block: Block, file: &InputFile, part: u32) -> Result<Emitted> {
        let decoded = (block.decode)(None)?;
        ensure!(
            decoded.unreadable.is_empty(),
            "{}: a row cannot be read\nhint: `corpusmill run` says which rows, and why",
            file.path.display()
        );
        let batch = decoded.batch;
        let place =
            |origin: &crate::Origin| earlier_place(part, origin.place.file, origin.place.row);
        let places: Vec<Place> = batch.origins.iter().map(place).collect::<Result<_>>()?;
        let emit = |stage: &dyn Indexed| {
            let mut rows = [Rows::new(rows_layout()), Rows::new(records_layout())];
            let [keyed, records] = &mut rows;
            stage.emit(&batch, &places, keyed, records);
            rows
        };
        Ok(Emitted {
            n_documents: batch.n_rows() as u64,
            rows: self.stages.iter().map(|stage| emit(stage.as_ref())).collect(),
        })
    }

    /// Sorts all rows into the files of the part, and returns their seals.
    fn finish(self, folder: &Path) -> Result<Vec<FileSeal>> {
        let mut seals = Vec::new();
        for (name, [rows, records]) in self.names.iter().zip(self.spills) {
            if rows.finish()?.is_some() {
                let path = self.work.join(format!("{name}.rows"));
                let open = |range| {
                    let scratch = self.work.join(format!("{name}-{range}"));
                    SortedRows::open(segments(&path, range)?, Combine::Keep, &scratch)
                };
                let to = folder.join(format!("{name}.rows"));
                seals.push(RowFile::write(&to, N_RANGES, open)?);
            }
            if records.finish()?.is_some() {
                let path = self.work.join(format!("{name}.records"));
                let all: Vec<Segment> = segments(&path, 0)?;
                let scratch = self.work.join(format!("{name}-records"));
                let mut rows = SortedRows::open(all, Combine::Keep, &scratch)?;
                let mut writer = DecisionsWriter::create(&folder.join(name), 0)?;
                while rows.next_group()? {
                    let place = Place::from_bytes(rows.key())?;
                    while let Some(record) = rows.next_value()? {
                        writer.write(place, record)?;
                    }
                }
                let seal = writer.finish()?;
                seals.push(FileSeal { path: format!("{name}/{}", seal.path), ..seal });
            }
        }
        Ok(seals)
    }
}

/// What a block emitted.
struct Emitted {
    n_documents: u64,
    rows: Vec<[Rows; 2]>,
}

fn next_blocks(reader: &mut dyn Reader) -> Result<Vec<Block>> {
    let mut blocks = Vec::new();
    while blocks.len() < BLOCKS_AHEAD
        && let Some(block) = reader.next()?
    {
        blocks.push(block);
    }
    Ok(blocks)
}
