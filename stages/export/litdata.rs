//! LitData (`StreamingDataset` with `TokensLoader`), LitGPT.
//!
//! ```text
//! train/index.json
//! train/chunk-0-0.bin  …   u32 blocks; u32 for each block and the end: where it begins; the ids, block after block
//! ```
//!
//! `TokensLoader(block_size)` serves blocks of ids and leaves out the end of a chunk that fills none. So `--block-tokens` must be the
//! loader's `block_size` (default 2,049: LitGPT's 2,048 and one): each chunk holds whole blocks, documents go on from chunk to chunk, and
//! the last block of a split is filled up with the end-of-document id; the manifest says with how many (`padding_tokens`).
//! Type of an id: uint16 up to 65,536 ids, else int32: the loader has no uint32. A chunk has at most 64 MiB of ids, or one block.
//! Source: `litdata/streaming/{writer,item_loader}.py`, `litdata/constants.py`.

use std::io::{Read, Write};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::{Value, json};

use super::dataset::{Dataset, Split};
use super::dtype::Dtype;
use super::folder::Folder;
use super::payload::{CutAtEnd, Take, for_each_block, open};
use super::rewrite::tokenizer;
use super::{Known, Layout};
use crate::disk::OutFile;

/// Bytes of ids in a chunk, at most.
const CHUNK_BYTES: u64 = 1 << 26;

/// LitGPT's default: a sequence of 2,048 and the token that follows.
pub(super) const BLOCK_TOKENS: u64 = 2_049;

pub(super) struct Litdata {
    pub(super) dtype: Dtype,
    pub(super) block_tokens: u64,
    pub(super) chunk_bytes: u64,
}

/// Returns the type that goes with a vocabulary.
pub(super) fn dtype(vocab_size: usize) -> Dtype {
    if vocab_size > 1 << 16 { Dtype::Int32 } else { Dtype::Uint16 }
}

impl Litdata {
    /// Makes the layout.
    ///
    /// # Errors
    /// When a block is empty, or larger than a chunk can tell.
    pub(super) fn new(dtype: Dtype, block_tokens: u64) -> Result<Litdata> {
        ensure!(block_tokens > 0, "a block of 0 tokens");
        ensure!(
            block_tokens <= CHUNK_BYTES,
            "a block of {block_tokens} tokens, a chunk holds {CHUNK_BYTES} at most"
        );
        Ok(Litdata { dtype, block_tokens, chunk_bytes: CHUNK_BYTES })
    }

    /// Returns the blocks of each chunk of a split.
    fn chunks(&self, tokens: u64) -> Vec<u64> {
        let in_chunk = (self.chunk_bytes / self.dtype.width() / self.block_tokens).max(1);
        let blocks = tokens.div_ceil(self.block_tokens);
        let full = std::iter::repeat_n(in_chunk, (blocks / in_chunk) as usize);
        full.chain(Some(blocks % in_chunk).filter(|rest| *rest > 0)).collect()
    }

    /// Returns torch's number of the type, as the library counts them.
    fn torch_code(&self) -> u32 {
        match self.dtype {
            Dtype::Uint16 => 20,
            Dtype::Int64 => 17,
            Dtype::Int32 | Dtype::Uint32 => 15,
        }
    }

    /// Returns what the index says of all chunks.
    fn config(&self) -> Value {
        json!({
            "chunk_bytes": self.chunk_bytes,
            "chunk_size": null,
            "compression": null,
            "data_format": [format!("no_header_tensor:{}", self.torch_code())],
            "data_spec": DATA_SPEC,
            "encryption": null,
            "item_loader": "TokensLoader",
        })
    }

    fn head_bytes(blocks: u64) -> u64 {
        4 * (blocks + 2)
    }
}

impl Layout for Litdata {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn padding_tokens(&self, tokens: u64) -> u64 {
        tokens.next_multiple_of(self.block_tokens) - tokens
    }

    fn write(&self, dataset: &Dataset, folder: &mut Folder) -> Result<()> {
        tokenizer(dataset, folder)?;
        for split in &dataset.splits {
            let mut chunks = Chunks::new(self, split);
            for shard in &split.shards {
                dataset.walk(shard, |part| chunks.push(part.ids, folder))?;
            }
            let padding = self.padding_tokens(split.n_tokens());
            let ends = vec![dataset.end_of_document; padding as usize];
            chunks.push(&ends, folder)?;
            chunks.finish(&dataset.manifest.fingerprint, folder)?;
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
        ensure!(index.config == self.config(), "{}: describes other chunks", place());
        // What fills the last block are ends without documents: only their number tells them from empty documents.
        let mut total: u64 = 0;
        for chunk in &index.chunks {
            let whole = chunk.dim.is_multiple_of(self.block_tokens);
            ensure!(whole, "{}: {} does not hold whole blocks", place(), chunk.filename);
            total = total.checked_add(chunk.dim).context("more tokens than can be counted")?;
        }
        let padding = known.padding_tokens;
        let mut left = total.checked_sub(padding).context("less tokens than fill a block")?;
        let mut cut = CutAtEnd::new(end);
        for chunk in &index.chunks {
            let path = folder.join(&chunk.filename);
            self.read_chunk(&path, chunk, |ids| {
                let (real, filled) = ids.split_at(left.min(ids.len() as u64) as usize);
                left -= real.len() as u64;
                ensure!(filled.iter().all(|id| *id == end), "is filled with other ids");
                cut.push(real, &mut *take)
            })
            .with_context(|| path.display().to_string())?;
        }
        cut.finish().with_context(place)
    }
}

/// How LitData describes a sample that is one tensor.
const DATA_SPEC: &str = r#"[1, {"type": null, "context": null, "children_spec": []}]"#;

/// The chunks of a split that are being written.
struct Chunks<'a> {
    layout: &'a Litdata,
    split: &'a str,
    /// The blocks of each chunk.
    blocks: Vec<u64>,
    open: Option<Open>,
    written: Vec<Value>,
    bytes: Vec<u8>,
}

/// A chunk that is being written.
struct Open {
    file: OutFile,
    name: String,
    tokens: u64,
    left: u64,
}

impl<'a> Chunks<'a> {
    fn new(layout: &'a Litdata, split: &'a Split) -> Chunks<'a> {
        let blocks = layout.chunks(split.n_tokens());
        let (written, bytes) = (Vec::new(), Vec::new());
        Chunks { layout, split: split.name, blocks, open: None, written, bytes }
    }

    fn push(&mut self, mut ids: &[u32], folder: &mut Folder) -> Result<()> {
        while !ids.is_empty() {
            let mut open = match self.open.take() {
                Some(open) => open,
                None => self.create(folder)?,
            };
            let (now, later) = ids.split_at(open.left.min(ids.len() as u64) as usize);
            self.bytes.clear();
            self.layout.dtype.encode(now, &mut self.bytes)?;
            open.file.write_all(&self.bytes).with_context(|| open.name.clone())?;
            open.left -= now.len() as u64;
            ids = later;
            if open.left == 0 { self.close(open, folder)? } else { self.open = Some(open) }
        }
        Ok(())
    }

    fn create(&self, folder: &Folder) -> Result<Open> {
        let number = self.written.len();
        let blocks = *self.blocks.get(number).context("more tokens than the index says")?;
        let name = format!("chunk-0-{number}.bin");
        let mut file = folder.create(&format!("{}/{name}", self.split))?;
        let Litdata { dtype, block_tokens, .. } = *self.layout;
        let (head, block_bytes) = (Litdata::head_bytes(blocks), block_tokens * dtype.width());
        let end = head + blocks * block_bytes;
        ensure!(end <= u64::from(u32::MAX), "a chunk of {end} bytes, offsets end at 4 GiB");
        file.write_all(&(blocks as u32).to_le_bytes())?;
        for block in 0..=blocks {
            file.write_all(&((head + block * block_bytes) as u32).to_le_bytes())?;
        }
        let tokens = blocks * block_tokens;
        Ok(Open { file, name, tokens, left: tokens })
    }

    fn close(&mut self, open: Open, folder: &mut Folder) -> Result<()> {
        let Open { file, name, tokens, .. } = open;
        // The library counts the bytes of the ids alone.
        self.written.push(json!({
            "chunk_bytes": tokens * self.layout.dtype.width(),
            "chunk_size": tokens / self.layout.block_tokens,
            "dim": tokens,
            "filename": name,
        }));
        folder.finish(&format!("{}/{name}", self.split), file)
    }

    /// Writes the index; `version` is what LitData's cache takes for the time of the last change.
    fn finish(self, version: &str, folder: &mut Folder) -> Result<()> {
        ensure!(self.open.is_none(), "less tokens than the index says");
        let index = json!({
            "chunks": self.written,
            "config": self.layout.config(),
            "updated_at": version,
        });
        folder.write(&format!("{}/index.json", self.split), &serde_json::to_vec(&index)?)
    }
}

/// `index.json`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Index {
    chunks: Vec<Chunk>,
    config: Value,
    #[serde(rename = "updated_at")]
    _updated_at: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Chunk {
    chunk_bytes: u64,
    chunk_size: u64,
    dim: u64,
    filename: String,
}

impl Litdata {
    fn read_chunk(
        &self,
        path: &Path,
        chunk: &Chunk,
        take: impl FnMut(&[u32]) -> Result<()>,
    ) -> Result<()> {
        let mut file = open(path)?;
        let bytes = file.metadata()?.len();
        let mut number = [0; 4];
        let mut next = |file: &mut std::fs::File| -> Result<u64> {
            file.read_exact(&mut number)?;
            Ok(u64::from(u32::from_le_bytes(number)))
        };
        let n = next(&mut file)?;
        ensure!(n == chunk.chunk_size, "{n} blocks, index.json says {}", chunk.chunk_size);
        let (head, block_bytes) = (Litdata::head_bytes(n), self.block_tokens * self.dtype.width());
        ensure!(
            Some(chunk.dim) == n.checked_mul(self.block_tokens)
                && chunk.chunk_bytes == n * block_bytes
                && bytes == head + n * block_bytes,
            "{bytes} bytes for {n} blocks; index.json says {} bytes of {} ids",
            chunk.chunk_bytes,
            chunk.dim
        );
        let mut source = std::io::BufReader::new(file);
        for block in 0..=n {
            let mut number = [0; 4];
            source.read_exact(&mut number)?;
            let offset = u64::from(u32::from_le_bytes(number));
            ensure!(
                offset == head + block * block_bytes,
                "block {block} is said to begin at byte {offset}"
            );
        }
        for_each_block(source, self.dtype, take)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{dataset, export_of, file};
    use super::super::{Format, Options, write_export};
    use super::*;

    #[test]
    fn bytes_are_those_of_the_specification() {
        let documents: [&[u32]; 2] = [&[258, 7, 0], &[9, 0]];
        let options = Options { block_tokens: Some(3), ..Options::default() };
        let export = export_of(Format::Litdata, &options, 300, &documents);
        let mut expected = [2_u32, 16, 22, 28].map(u32::to_le_bytes).as_flattened().to_vec();
        expected.extend([2, 1, 7, 0, 0, 0, 9, 0, 0, 0, 0, 0]);
        assert_eq!(file(&export, "train/chunk-0-0.bin"), expected);
        let index: Value = serde_json::from_slice(&file(&export, "train/index.json")).unwrap();
        let chunk =
            json!({ "chunk_bytes": 12, "chunk_size": 2, "dim": 6, "filename": "chunk-0-0.bin" });
        assert_eq!(index["chunks"], json!([chunk]));
        assert_eq!(index["config"]["data_format"], json!(["no_header_tensor:20"]));
        let manifest: Value = serde_json::from_slice(&file(&export, "manifest.json")).unwrap();
        assert_eq!(manifest["splits"]["train"]["padding_tokens"], 1);
        let wide = export_of(Format::Litdata, &options, 65_537, &documents);
        let index: Value = serde_json::from_slice(&file(&wide, "train/index.json")).unwrap();
        assert_eq!(index["config"]["data_format"], json!(["no_header_tensor:15"]));
    }

    #[test]
    fn documents_go_on_from_chunk_to_chunk_in_whole_blocks() {
        let folder = tempfile::tempdir().unwrap();
        let shards = vec![vec![vec![1, 2, 3, 4, 5, 6, 0]], vec![vec![0], vec![8, 9, 0]]];
        let dataset = dataset(folder.path(), 300, &[shards, Vec::new()]);
        let dir = folder.path().join("out");
        let layout = Litdata { dtype: Dtype::Uint16, block_tokens: 2, chunk_bytes: 8 };
        let exported = write_export(&dataset, Format::Litdata, &Options::default(), &layout, &dir);
        assert_eq!(exported.unwrap().manifest.splits["train"].padding_tokens, 1);
        let ids = |number: u32| {
            let bytes = std::fs::read(dir.join(format!("train/chunk-0-{number}.bin"))).unwrap();
            bytes[16..].iter().step_by(2).copied().collect::<Vec<_>>()
        };
        assert_eq!([ids(0), ids(1), ids(2)], [[1, 2, 3, 4], [5, 6, 0, 0], [8, 9, 0, 0]]);
    }
}
