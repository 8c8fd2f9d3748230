//! MosaicML Streaming (`StreamingDataset`), LLM Foundry.
//!
//! ```text
//! train/index.json
//! train/shard.00000.mds       u32 samples; u32 for each sample and the end: where it begins; the configuration as JSON; samples
//! train/shard.00000.mds.zstd  the same compressed, with `--zstd LEVEL`
//! ```
//!
//! A sample is a document with its end, or with `--sequence-tokens N` N ids of the stream of documents (the last sample of a split may be
//! shorter). It has one column, `tokens`, as `ndarray:TYPE`, one dimension; with `--bytes` as `bytes`, which LLM Foundry reads by its
//! `token_encoding_type`. Type of an id: uint16 up to 65,536 ids, else uint32; with `--bytes` int64, LLM Foundry's default; or `--dtype`.
//! Shards end with the sample that would make them larger than 64 MiB (the library's default); a single sample may be larger, up to the
//! 4 GiB that the offsets can tell. Only one shard is in memory.
//! Source: `streaming/base/format/mds/{writer,reader,encodings}.py`; `llmfoundry/data/text_data.py`.

use std::io::{BufReader, Read, Write};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::dataset::Dataset;
use super::dtype::Dtype;
use super::folder::Folder;
use super::payload::{Take, open};
use super::rewrite::tokenizer;
use super::rows::{Rows, Unrow};
use super::{Known, Layout};

/// Bytes after which a shard ends: the library's default.
const SIZE_LIMIT: u64 = 1 << 26;

pub(super) struct Mds {
    pub(super) dtype: Dtype,
    /// Stores ids as a column of bytes instead of an array.
    pub(super) is_bytes: bool,
    pub(super) sequence_tokens: Option<u64>,
    /// Level of zstd.
    pub(super) zstd: Option<i32>,
    pub(super) size_limit: u64,
}

/// Returns the type that goes with a vocabulary.
pub(super) fn dtype(vocab_size: usize, is_bytes: bool) -> Dtype {
    match is_bytes {
        true => Dtype::Int64,
        false if vocab_size > 1 << 16 => Dtype::Uint32,
        false => Dtype::Uint16,
    }
}

impl Mds {
    pub(super) fn new(
        dtype: Dtype,
        is_bytes: bool,
        sequence_tokens: Option<u64>,
        zstd: Option<i32>,
    ) -> Mds {
        Mds { dtype, is_bytes, sequence_tokens, zstd, size_limit: SIZE_LIMIT }
    }

    fn encoding(&self) -> String {
        if self.is_bytes { "bytes".to_owned() } else { format!("ndarray:{}", self.dtype.name()) }
    }

    /// Returns what both a shard and the index say of how the shard is written; keys are sorted.
    fn config(&self) -> Map<String, Value> {
        let config = json!({
            "column_encodings": [self.encoding()],
            "column_names": ["tokens"],
            "column_sizes": [null],
            "compression": self.zstd.map(|level| format!("zstd:{level}")),
            "format": "mds",
            "hashes": [],
            "size_limit": self.size_limit,
            "version": 2,
        });
        match config {
            Value::Object(config) => config,
            _ => Map::new(),
        }
    }

    /// Appends a sample: the length of its column, then the column.
    fn encode(&self, ids: &[u32], bytes: &mut Vec<u8>) -> Result<()> {
        let begin = bytes.len();
        bytes.extend([0; 4]);
        if !self.is_bytes {
            // One dimension, in the smallest type that holds it.
            let n = ids.len() as u64;
            let code = [1 << 8, 1 << 16, 1 << 32].iter().filter(|limit| n >= **limit).count();
            bytes.push(1 << 2 | code as u8);
            bytes.extend(&n.to_le_bytes()[..1 << code]);
        }
        self.dtype.encode(ids, bytes)?;
        let length = u32::try_from(bytes.len() - begin - 4).context("a sample of 4 GiB or more")?;
        bytes[begin..begin + 4].copy_from_slice(&length.to_le_bytes());
        Ok(())
    }

    /// Reads the ids of a sample.
    fn decode(&self, bytes: &[u8], ids: &mut Vec<u32>) -> Result<()> {
        let (length, mut rest) = bytes.split_first_chunk::<4>().context("a sample cut short")?;
        ensure!(
            u32::from_le_bytes(*length) as usize == rest.len(),
            "a column of {} bytes in a sample of {}",
            u32::from_le_bytes(*length),
            bytes.len()
        );
        ids.clear();
        if !self.is_bytes {
            let (head, behind) = rest.split_first().context("an array without its head")?;
            ensure!(head >> 2 == 1, "an array of {} dimensions", head >> 2);
            let (n, behind) = behind.split_at_checked(1 << (head & 3)).context("a short head")?;
            let mut number = [0; 8];
            number[..n.len()].copy_from_slice(n);
            let n = u64::from_le_bytes(number);
            ensure!(
                n.checked_mul(self.dtype.width()) == Some(behind.len() as u64),
                "an array of {n} ids in {} bytes",
                behind.len()
            );
            rest = behind;
        }
        self.dtype.decode(rest, ids)
    }
}

impl Layout for Mds {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn write(&self, dataset: &Dataset, folder: &mut Folder) -> Result<()> {
        tokenizer(dataset, folder)?;
        for split in &dataset.splits {
            let mut shards = Shards::new(self, split.name)?;
            let mut rows = Rows::new(self.sequence_tokens);
            for shard in &split.shards {
                dataset.walk(shard, |part| rows.push(part, |ids| shards.push(ids, folder)))?;
            }
            rows.finish(|ids| shards.push(ids, folder))?;
            shards.finish(folder)?;
        }
        Ok(())
    }

    fn read(&self, dir: &Path, split: &str, known: &Known, take: Take<'_>) -> Result<()> {
        let end = known.end_of_document;
        let folder = dir.join(split);
        let path = folder.join("index.json");
        let place = || path.display().to_string();
        let json = std::fs::read(&path).with_context(place)?;
        let index: Index = serde_json::from_slice(&json).with_context(place)?;
        ensure!(index.version == 2, "{}: version {}", place(), index.version);
        let mut unrow = Unrow::new(self.sequence_tokens, end);
        for entry in index.shards {
            let entry = Entry::parse(entry, self).with_context(place)?;
            self.read_shard(&folder, &entry, |ids| unrow.push(ids, &mut *take))?;
        }
        unrow.finish().with_context(place)
    }
}

/// The shards of a split that are being written.
struct Shards<'a> {
    layout: &'a Mds,
    split: &'a str,
    config: Vec<u8>,
    /// What `index.json` says of each shard that is written.
    written: Vec<Value>,
    /// Where each sample of the open shard ends in `samples`.
    ends: Vec<u64>,
    samples: Vec<u8>,
}

impl<'a> Shards<'a> {
    fn new(layout: &'a Mds, split: &'a str) -> Result<Shards<'a>> {
        let config = serde_json::to_vec(&layout.config())?;
        let (written, ends, samples) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Shards { layout, split, config, written, ends, samples })
    }

    /// Returns the size of a shard with so many samples of so many bytes.
    fn size(&self, n_samples: usize, n_bytes: usize) -> u64 {
        8 + 4 * n_samples as u64 + self.config.len() as u64 + n_bytes as u64
    }

    fn push(&mut self, ids: &[u32], folder: &mut Folder) -> Result<()> {
        let before = self.samples.len();
        self.layout.encode(ids, &mut self.samples)?;
        let n = self.ends.len();
        if n > 0 && self.size(n + 1, self.samples.len()) > self.layout.size_limit {
            let sample = self.samples.split_off(before);
            self.write(folder)?;
            self.samples = sample;
        }
        self.ends.push(self.samples.len() as u64);
        Ok(())
    }

    fn write(&mut self, folder: &mut Folder) -> Result<()> {
        let Mds { zstd, .. } = *self.layout;
        let n_samples = self.ends.len();
        let size = self.size(n_samples, self.samples.len());
        ensure!(size <= u64::from(u32::MAX), "a shard of {size} bytes, offsets end at 4 GiB");
        let begin = size - self.samples.len() as u64;
        let mut head = Vec::with_capacity(begin as usize);
        head.extend((n_samples as u32).to_le_bytes());
        for end in [0].iter().chain(&self.ends) {
            head.extend(((begin + end) as u32).to_le_bytes());
        }
        head.extend_from_slice(&self.config);
        let raw = format!("shard.{:05}.mds", self.written.len());
        let stored = if zstd.is_some() { format!("{raw}.zstd") } else { raw.clone() };
        let name = format!("{}/{stored}", self.split);
        let mut file = folder.create(&name)?;
        match zstd {
            None => file.write_all(&head).and_then(|()| file.write_all(&self.samples)),
            Some(level) => compress(&mut file, level, size, &[&head, &self.samples]),
        }
        .with_context(|| name.clone())?;
        let stored_bytes = file.bytes();
        folder.finish(&name, file)?;
        let about =
            |name: &str, bytes: u64| json!({ "basename": name, "bytes": bytes, "hashes": {} });
        let mut entry = self.layout.config();
        entry.insert("raw_data".to_owned(), about(&raw, size));
        entry.insert("samples".to_owned(), json!(n_samples));
        let zip = zstd.map_or(Value::Null, |_| about(&stored, stored_bytes));
        entry.insert("zip_data".to_owned(), zip);
        self.written.push(Value::Object(entry));
        self.ends.clear();
        self.samples.clear();
        Ok(())
    }

    fn finish(mut self, folder: &mut Folder) -> Result<()> {
        if !self.ends.is_empty() {
            self.write(folder)?;
        }
        let index = json!({ "shards": self.written, "version": 2 });
        folder.write(&format!("{}/index.json", self.split), &serde_json::to_vec(&index)?)
    }
}

/// Compresses into one frame that tells its size, as the Python library needs it.
fn compress(to: &mut impl Write, level: i32, size: u64, parts: &[&[u8]]) -> std::io::Result<()> {
    let mut encoder = zstd::stream::write::Encoder::new(to, level)?;
    encoder.set_pledged_src_size(Some(size))?;
    encoder.include_contentsize(true)?;
    encoder.include_checksum(true)?;
    for part in parts {
        encoder.write_all(part)?;
    }
    encoder.finish().map(drop)
}

/// `index.json`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Index {
    version: u32,
    shards: Vec<Map<String, Value>>,
}

/// What the index says of a shard beside how it is written.
struct Entry {
    raw_data: Stored,
    zip_data: Option<Stored>,
    samples: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    basename: String,
    bytes: u64,
    hashes: Map<String, Value>,
}

impl Entry {
    /// Reads an entry whose shard is written as `layout` writes.
    fn parse(mut entry: Map<String, Value>, layout: &Mds) -> Result<Entry> {
        let mut take = |key: &str| entry.remove(key).with_context(|| format!("no {key}"));
        let raw_data: Stored = serde_json::from_value(take("raw_data")?)?;
        let zip_data: Option<Stored> = serde_json::from_value(take("zip_data")?)?;
        let samples = serde_json::from_value(take("samples")?)?;
        let stored = std::iter::once(&raw_data).chain(&zip_data);
        ensure!(
            entry == layout.config()
                && zip_data.is_some() == layout.zstd.is_some()
                && stored.into_iter().all(|stored| stored.hashes.is_empty())
                && zip_data.as_ref().is_none_or(|zip| {
                    zip.basename.strip_suffix(".zstd") == Some(raw_data.basename.as_str())
                }),
            "describes {} otherwise than it was written",
            raw_data.basename
        );
        Ok(Entry { raw_data, zip_data, samples })
    }
}

impl Mds {
    fn read_shard(
        &self,
        folder: &Path,
        entry: &Entry,
        take: impl FnMut(&[u32]) -> Result<()>,
    ) -> Result<()> {
        let stored = entry.zip_data.as_ref().unwrap_or(&entry.raw_data);
        let path = folder.join(&stored.basename);
        let file = open(&path)?;
        let place = || path.display().to_string();
        let bytes = file.metadata().with_context(place)?.len();
        ensure!(
            bytes == stored.bytes,
            "{}: {bytes} bytes, index.json says {}",
            place(),
            stored.bytes
        );
        match &entry.zip_data {
            None => self.read_samples(BufReader::new(file), entry, take),
            Some(_) => zstd::stream::read::Decoder::new(file)
                .context("not zstd")
                .and_then(|decoder| self.read_samples(BufReader::new(decoder), entry, take)),
        }
        .with_context(place)
    }

    fn read_samples(
        &self,
        mut source: impl Read,
        entry: &Entry,
        mut take: impl FnMut(&[u32]) -> Result<()>,
    ) -> Result<()> {
        let mut number = [0; 4];
        source.read_exact(&mut number)?;
        let n = u64::from(u32::from_le_bytes(number));
        ensure!(n == entry.samples, "{n} samples, index.json says {}", entry.samples);
        let mut bytes = Vec::new();
        source.by_ref().take(4 * (n + 1)).read_to_end(&mut bytes)?;
        let (offsets, odd) = bytes.as_chunks::<4>();
        ensure!(odd.is_empty() && offsets.len() as u64 == n + 1, "ends inside its offsets");
        let offset = |i: usize| u64::from(u32::from_le_bytes(offsets[i]));
        let config = offset(0).checked_sub(8 + 4 * n).context("samples begin in the offsets")?;
        let mut json = Vec::new();
        source.by_ref().take(config).read_to_end(&mut json)?;
        let found: Map<String, Value> = serde_json::from_slice(&json).context("configuration")?;
        ensure!(found == self.config(), "is written in another way than index.json says");
        let (mut sample, mut ids) = (Vec::new(), Vec::new());
        for i in 0..offsets.len() - 1 {
            let length = offset(i + 1).checked_sub(offset(i));
            let length = length.with_context(|| format!("sample {i} ends before it begins"))?;
            sample.clear();
            source.by_ref().take(length).read_to_end(&mut sample)?;
            ensure!(sample.len() as u64 == length, "ends inside sample {i}");
            self.decode(&sample, &mut ids).with_context(|| format!("sample {i}"))?;
            take(&ids).with_context(|| format!("sample {i}"))?;
        }
        ensure!(
            offset(offsets.len() - 1) == entry.raw_data.bytes,
            "ends at byte {}, index.json says {}",
            offset(offsets.len() - 1),
            entry.raw_data.bytes
        );
        ensure!(source.read(&mut number)? == 0, "has bytes behind its samples");
        Ok(())
    }
}

#[cfg(test)]
mod tests;
