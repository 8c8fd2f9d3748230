//! Megatron-LM, Megatron-Core, NeMo, Megatron-DeepSpeed, GPT-NeoX (`mmap`).
//!
//! ```text
//! train/00000.bin  train/00000.idx  …   the dataset's own files, linked: stages/token_shards.rs has the layout
//! validation/00000.bin  …
//! blend.json        all prefixes by split, for --per-split-data-args-path
//! sequences.json    numbers of sequences and document bounds by prefix, for --per-dataset-sequences-path: with it, and the type of
//!                   an id, no rank opens an .idx to count
//! ```
//!
//! Type of an id: uint16 below 65,500 ids, else int32 (`DType.optimal_dtype`); there is no uint32. Prefixes in the two JSON files are
//! absolute paths, since Megatron looks a prefix up as it is spelled: write the files anew after the folder was moved.
//! Source: `megatron/core/datasets/indexed_dataset.py`, `megatron/training/utils.py`, `tools/build_sequences_per_dataset.py`.

use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::{Map, Value, json};

use super::dataset::Dataset;
use super::dtype::Dtype;
use super::folder::Folder;
use super::payload::{Take, files_where, for_each_block, numbers, open};
use super::rewrite::{is_same, with_ending};
use super::{Known, Layout};
use crate::disk::seal_file;
use crate::token_shards::{Cut, TokenShardWriter, TokenType};

/// Returns Megatron's own choice for a vocabulary.
pub(super) fn dtype(vocab_size: usize) -> Dtype {
    if vocab_size < 65_500 { Dtype::Uint16 } else { Dtype::Int32 }
}

pub(super) struct Megatron {
    pub(super) dtype: Dtype,
}

impl Layout for Megatron {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn write(&self, dataset: &Dataset, folder: &mut Folder) -> Result<()> {
        let (mut blend, mut sequences) = (Map::new(), Map::new());
        for split in ["train", "valid", "test"] {
            blend.insert(split.to_owned(), Value::Null);
        }
        for split in &dataset.splits {
            let mut prefixes = Vec::new();
            for shard in &split.shards {
                let name = format!("{}/{}", split.name, shard.name);
                if is_same(shard, self.dtype) {
                    for (ending, seal) in [(".bin", &shard.bin), (".idx", &shard.idx)] {
                        let from = with_ending(&shard.prefix, ending);
                        folder.link(&from, &format!("{name}{ending}"), seal)?;
                    }
                } else {
                    self.rewrite(dataset, shard, folder, &name)?;
                }
                let prefix = folder.dir().join(&name);
                let prefix = prefix.to_str().context("the path is not UTF-8")?.to_owned();
                let (n_sequences, n_documents) =
                    (shard.tokens.n_sequences(), shard.tokens.n_documents());
                sequences.insert(prefix.clone(), json!([n_sequences, n_documents + 1]));
                prefixes.push(Value::String(prefix));
            }
            let name = if split.name == "train" { "train" } else { "valid" };
            blend.insert(name.to_owned(), Value::Array(prefixes));
        }
        folder.write("blend.json", &serde_json::to_vec_pretty(&blend)?)?;
        folder.write("sequences.json", &serde_json::to_vec_pretty(&sequences)?)
    }

    fn read(&self, dir: &Path, split: &str, _: &Known, take: Take<'_>) -> Result<()> {
        for index in files_where(&dir.join(split), |name| name.ends_with(".idx"))? {
            let data = index.with_extension("bin");
            let place = || data.display().to_string();
            let mut cut = Cut::new(Ends::open(&index, self.dtype)?).with_context(place)?;
            for_each_block(open(&data)?, self.dtype, |ids| cut.push(ids, &mut *take))
                .with_context(place)?;
            cut.finish(&mut *take).with_context(place)?;
        }
        Ok(())
    }
}

impl Megatron {
    /// Writes a shard with another type of id, one sequence a document.
    fn rewrite(
        &self,
        dataset: &Dataset,
        shard: &super::dataset::Shard,
        folder: &mut Folder,
        name: &str,
    ) -> Result<()> {
        let token_type = if self.dtype == Dtype::Uint16 { TokenType::U16 } else { TokenType::I32 };
        let prefix = folder.dir().join(name);
        if let Some(parent) = prefix.parent() {
            std::fs::create_dir_all(parent).with_context(|| parent.display().to_string())?;
        }
        let mut writer = TokenShardWriter::create(&prefix, token_type)?;
        let mut document = Vec::new();
        dataset.walk(shard, |part| {
            document.extend_from_slice(part.ids);
            if part.is_last {
                writer.push(&document)?;
                document.clear();
            }
            Ok(())
        })?;
        writer.finish()?;
        for ending in [".bin", ".idx"] {
            folder.add(&format!("{name}{ending}"), seal_file(&with_ending(&prefix, ending))?);
        }
        Ok(())
    }
}

/// Where each document ends, in tokens, as the three arrays of an index say together.
struct Ends {
    lengths: BufReader<std::fs::File>,
    pointers: Box<dyn Iterator<Item = Result<u64>>>,
    bounds: Box<dyn Iterator<Item = Result<u64>>>,
    n_sequences: u64,
    sequence: u64,
    token: u64,
    width: u64,
}

impl Ends {
    fn open(path: &Path, dtype: Dtype) -> Result<Ends> {
        Ends::open_header(path, dtype).with_context(|| path.display().to_string())
    }

    fn open_header(path: &Path, dtype: Dtype) -> Result<Ends> {
        let mut file = open(path)?;
        let mut header = [0; 34];
        file.read_exact(&mut header).context("is shorter than its header")?;
        ensure!(&header[..9] == b"MMIDIDX\0\0", "has another magic");
        let number = |at| {
            let bytes: &[u8; 8] = header[at..].first_chunk().context("a short header")?;
            Ok::<_, anyhow::Error>(u64::from_le_bytes(*bytes))
        };
        ensure!(number(9)? == 1, "has version {}", number(9)?);
        let expected = if dtype == Dtype::Uint16 { 8 } else { 4 };
        ensure!(header[17] == expected, "has type code {}, not {expected}", header[17]);
        let (n_sequences, n_bounds) = (number(18)?, number(26)?);
        let bytes = u128::from(n_sequences) * 12 + u128::from(n_bounds) * 8 + 34;
        ensure!(
            u128::from(file.metadata()?.len()) == bytes,
            "does not have the {bytes} bytes of {n_sequences} sequences and {n_bounds} bounds"
        );
        let part = |begin: u64, length: u64| -> Result<_> {
            let mut file = open(path)?;
            file.seek(SeekFrom::Start(begin))?;
            Ok(numbers(BufReader::new(file).take(length)))
        };
        let (pointers, bounds) = (34 + 4 * n_sequences, 34 + 12 * n_sequences);
        let mut bounds = part(bounds, 8 * n_bounds)?;
        let first = bounds.next().context("has no document bounds")??;
        ensure!(first == 0, "its first document begins at sequence {first}");
        Ok(Ends {
            pointers: Box::new(part(pointers, 8 * n_sequences)?),
            bounds: Box::new(bounds),
            lengths: BufReader::new(file),
            n_sequences,
            sequence: 0,
            token: 0,
            width: dtype.width(),
        })
    }

    /// Goes on to the sequence `bound`, and returns the token at which it begins.
    fn advance(&mut self, bound: u64) -> Result<u64> {
        ensure!(
            self.sequence <= bound && bound <= self.n_sequences,
            "a document is said to end before sequence {bound}, of {}",
            self.n_sequences
        );
        while self.sequence < bound {
            let mut length = [0; 4];
            self.lengths.read_exact(&mut length)?;
            let length = u64::try_from(i32::from_le_bytes(length))?;
            let pointer = self.pointers.next().context("ends inside its pointers")??;
            ensure!(
                pointer == self.token * self.width,
                "sequence {} is said to begin at byte {pointer}, not {}",
                self.sequence,
                self.token * self.width
            );
            self.token += length;
            self.sequence += 1;
        }
        Ok(self.token)
    }
}

impl Iterator for Ends {
    type Item = Result<u64>;

    fn next(&mut self) -> Option<Result<u64>> {
        match self.bounds.next() {
            Some(bound) => Some(bound.and_then(|bound| self.advance(bound))),
            None if self.sequence < self.n_sequences => {
                self.sequence = self.n_sequences;
                Some(Err(anyhow::anyhow!("sequences behind the last document")))
            }
            None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{export_of, file};
    use super::super::{Format, Options};
    use super::*;

    #[test]
    fn bytes_are_those_of_the_specification() {
        let documents: [&[u32]; 2] = [&[258, 7, 0], &[0]];
        for (dtype, code, width) in [(Dtype::Uint16, 8, 2_i64), (Dtype::Int32, 4, 4)] {
            let options = Options { dtype: Some(dtype), ..Options::default() };
            let export = export_of(Format::Megatron, &options, 300, &documents);
            let mut ids = Vec::new();
            dtype.encode(&documents.concat(), &mut ids).unwrap();
            assert_eq!(file(&export, "train/00000.bin"), ids);
            let mut index = b"MMIDIDX\0\0\x01\0\0\0\0\0\0\0".to_vec();
            index.push(code);
            index.extend([2_i64, 3].map(i64::to_le_bytes).as_flattened());
            index.extend([3_i32, 1].map(i32::to_le_bytes).as_flattened());
            index.extend([0, 3 * width, 0, 1, 2].map(i64::to_le_bytes).as_flattened());
            assert_eq!(file(&export, "train/00000.idx"), index);
            let prefix = export.path().canonicalize().unwrap().join("out/train/00000");
            let json =
                |name: &str| -> Value { serde_json::from_slice(&file(&export, name)).unwrap() };
            assert_eq!(json("sequences.json"), json!({ prefix.to_str().unwrap(): [2, 3] }));
            let expected = json!({ "train": [prefix], "valid": null, "test": null });
            assert_eq!(json("blend.json"), expected);
        }
    }

    #[test]
    fn documents_of_several_sequences_are_read_whole() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("train")).unwrap();
        let mut index = b"MMIDIDX\0\0\x01\0\0\0\0\0\0\0\x08".to_vec();
        index.extend([3_i64, 3].map(i64::to_le_bytes).as_flattened());
        index.extend([1_i32, 2, 1].map(i32::to_le_bytes).as_flattened());
        index.extend([0_i64, 2, 6, 0, 2, 3].map(i64::to_le_bytes).as_flattened());
        std::fs::write(folder.path().join("train/00000.idx"), index).unwrap();
        std::fs::write(folder.path().join("train/00000.bin"), [1, 0, 2, 0, 0, 0, 0, 0]).unwrap();
        let mut lengths = Vec::new();
        let layout = Megatron { dtype: Dtype::Uint16 };
        let known = Known { end_of_document: 0, padding_tokens: 0 };
        layout
            .read(folder.path(), "train", &known, &mut |part| {
                lengths.push((part.ids.len(), part.is_last));
                Ok(())
            })
            .unwrap();
        assert_eq!(lengths, [(3, true), (1, true)]);
    }
}
