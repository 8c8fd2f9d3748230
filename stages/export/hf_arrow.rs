//! Hugging Face datasets as `save_to_disk` leaves them, for `load_from_disk`: mapped into memory, nothing is decoded.
//!
//! ```text
//! dataset_dict.json                          {"splits": ["train", "validation"]}
//! train/data-00000-of-00003.arrow  …         Arrow IPC streams of input_ids: list<item: int32>; a file for each shard
//! train/state.json  train/dataset_info.json  which files, in order; no features: they follow from the schema
//! ```
//!
//! Rows are those of `--to parquet`: documents with their ends, or sequences of `--sequence-tokens` ids, the last of a split shorter.
//! Source: `datasets/arrow_dataset.py` (`save_to_disk`, `load_from_disk`), `datasets/dataset_dict.py`.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use arrow::array::RecordBatch;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use parquet::errors::ParquetError;
use serde::Deserialize;
use serde_json::{Value, json};

use super::dataset::Dataset;
use super::dtype::Dtype;
use super::folder::Folder;
use super::input_ids::{Table, read_rows, schema, write_tables};
use super::payload::{Take, open};
use super::rewrite::tokenizer;
use super::rows::Unrow;
use super::{Known, Layout};
use crate::disk::OutFile;
use crate::source::guarded;

pub(super) struct HfArrow {
    pub(super) sequence_tokens: Option<u64>,
}

impl Layout for HfArrow {
    fn dtype(&self) -> Dtype {
        Dtype::Int32
    }

    fn write(&self, dataset: &Dataset, folder: &mut Folder) -> Result<()> {
        tokenizer(dataset, folder)?;
        let splits: Vec<&str> = dataset.splits.iter().map(|split| split.name).collect();
        folder.write("dataset_dict.json", &serde_json::to_vec(&json!({ "splits": splits }))?)?;
        for split in &dataset.splits {
            let n = split.shards.len();
            let file_name = |number: usize| format!("data-{number:05}-of-{n:05}.arrow");
            let path = |number| format!("{}/{}", split.name, file_name(number));
            let mut seals = Vec::new();
            let create = |number| {
                let file = folder.create(&path(number))?;
                Ok(StreamWriter::try_new(file, &schema())?)
            };
            let close = |number, mut writer: StreamWriter<OutFile>| {
                writer.finish()?;
                seals.push((path(number), writer.into_inner()?.finish()?));
                Ok(())
            };
            write_tables(dataset, split, self.sequence_tokens, create, close)?;
            seals.into_iter().for_each(|(name, seal)| folder.add(&name, seal));
            let files = (0..n).map(|number| json!({ "filename": file_name(number) }));
            let mut state = state(split.name, files.collect());
            let fingerprint = fingerprint(&dataset.manifest.fingerprint, split.name);
            state["_fingerprint"] = Value::String(fingerprint);
            let info = json!({ "citation": "", "description": "", "homepage": "", "license": "" });
            for (name, value) in [("state.json", state), ("dataset_info.json", info)] {
                let name = format!("{}/{name}", split.name);
                folder.write(&name, &serde_json::to_vec_pretty(&value)?)?;
            }
        }
        Ok(())
    }

    fn read(&self, dir: &Path, split: &str, known: &Known, take: Take<'_>) -> Result<()> {
        let folder = dir.join(split);
        let path = folder.join("state.json");
        let place = || path.display().to_string();
        let json = std::fs::read(&path).with_context(place)?;
        let mut found: Value = serde_json::from_slice(&json).with_context(place)?;
        let info = folder.join("dataset_info.json");
        let json = std::fs::read(&info).with_context(|| info.display().to_string())?;
        serde_json::from_slice::<Value>(&json).with_context(|| info.display().to_string())?;
        let files = found.get("_data_files").cloned().unwrap_or_default();
        let files: Vec<Value> = serde_json::from_value(files).with_context(place)?;
        ensure!(found.get("_fingerprint").is_some(), "{}: has no fingerprint", place());
        found["_fingerprint"] = Value::Null;
        ensure!(found == state(split, files.clone()), "{}: describes another split", place());
        let mut unrow = Unrow::new(self.sequence_tokens, known.end_of_document);
        let mut ids = Vec::new();
        for file in files {
            let DataFile { filename } = serde_json::from_value(file).with_context(place)?;
            let path = folder.join(filename);
            let place = || path.display().to_string();
            check_frames(&mut open(&path)?).with_context(place)?;
            let file = BufReader::new(open(&path)?);
            let arrow = |error: arrow::error::ArrowError| ParquetError::from(error);
            let mut reader =
                guarded(|| StreamReader::try_new(file, None).map_err(arrow)).with_context(place)?;
            let mut next = || guarded(|| reader.next().transpose().map_err(arrow)).transpose();
            while let Some(batch) = next() {
                read_rows(&batch.with_context(place)?, &mut unrow, &mut ids, &mut *take)
                    .with_context(place)?;
            }
        }
        unrow.finish().with_context(place)
    }
}

impl Table for StreamWriter<OutFile> {
    fn write(&mut self, rows: &RecordBatch) -> Result<()> {
        Ok(StreamWriter::write(self, rows)?)
    }
}

/// Returns `state.json` without its fingerprint.
fn state(split: &str, files: Vec<Value>) -> Value {
    json!({
        "_data_files": files,
        "_fingerprint": null,
        "_format_columns": null,
        "_format_kwargs": {},
        "_format_type": null,
        "_output_all_columns": false,
        "_split": split,
    })
}

/// Returns what datasets names its caches by: 16 hexadecimal digits that differ between contents.
fn fingerprint(dataset: &str, split: &str) -> String {
    format!("{:016x}", xxhash_rust::xxh3::xxh3_64(format!("{dataset} {split}").as_bytes()))
}

/// A file of `state.json`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DataFile {
    filename: String,
}

/// Checks that the messages of a stream lie in the file and fill it: the library takes lengths at their word, and asks for that memory.
fn check_frames(file: &mut File) -> Result<()> {
    let bytes = file.metadata()?.len();
    let mut at: u64 = 0;
    loop {
        let mut head = [0; 8];
        file.read_exact(&mut head).with_context(|| format!("ends at byte {at}, in a message"))?;
        let (marker, length) = head.split_at(4);
        ensure!(marker == [0xFF; 4], "no message begins at byte {at}");
        let length = u32::from_le_bytes(length.try_into().context("a short length")?);
        at += 8;
        if length == 0 {
            ensure!(at == bytes, "{} bytes behind the last message", bytes - at);
            return Ok(());
        }
        ensure!(u64::from(length) <= bytes - at, "a message of {length} bytes at byte {at}");
        let mut message = vec![0; length as usize];
        file.read_exact(&mut message)?;
        at += u64::from(length);
        let body = arrow::ipc::root_as_message(&message)
            .map_err(|error| anyhow::anyhow!("a damaged message before byte {at}: {error}"))?
            .bodyLength();
        let body = u64::try_from(body).context("a negative length")?;
        ensure!(body <= bytes - at, "a body of {body} bytes at byte {at}");
        at += body;
        file.seek(SeekFrom::Start(at))?;
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{export_of, file};
    use super::super::{Format, Options};
    use super::*;

    #[test]
    fn folder_is_what_load_from_disk_looks_for() {
        let documents: [&[u32]; 2] = [&[258, 7, 0], &[0]];
        let export = export_of(Format::Arrow, &Options::default(), 300, &documents);
        let json = |name: &str| -> Value { serde_json::from_slice(&file(&export, name)).unwrap() };
        assert_eq!(json("dataset_dict.json"), json!({ "splits": ["train"] }));
        let state = json("train/state.json");
        assert_eq!(state["_data_files"], json!([{ "filename": "data-00000-of-00001.arrow" }]));
        assert_eq!(state["_split"], "train");
        let bytes = file(&export, "train/data-00000-of-00001.arrow");
        assert_eq!(bytes[..4], [0xFF; 4]);
        assert_eq!(bytes[bytes.len() - 8..], [0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0]);
        // The ids stand in the stream as they are.
        let ids = [258_i32, 7, 0, 0].map(i32::to_le_bytes);
        assert!(bytes.windows(16).any(|window| window == ids.as_flattened()));
    }
}
