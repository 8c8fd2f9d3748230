//! llm.c, and what reads its files, such as the speedruns of modded-nanogpt.
//!
//! ```text
//! tokens_val_000000.bin  …  tokens_train_000001.bin  …
//!     256 int32: magic, version, tokens in the file, zeros; then the ids. Each document begins with its end-of-document id.
//! ```
//!
//! Magic 20240520, version 1, uint16 up to 65,536 ids (the GPT-2 data); else magic 20240801, version 7, uint32 (the Llama 3 data, which
//! the Python scripts read and the C loader does not). The id that stands behind a document in the dataset stands before it here, so the
//! number of ids is the same. A shard becomes a file, or several where it has more tokens than the header can tell (2^31 - 1); a file
//! holds whole documents. Patterns for `-i` and `-j`: `tokens_train_*.bin`, `tokens_val_*.bin`.
//! Source: `dev/data/data_common.py`, `dev/data/fineweb.py`, `llmc/dataloader.h`.

use std::io::{Read, Write};
use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::dataset::{Dataset, Shard};
use super::dtype::Dtype;
use super::folder::Folder;
use super::payload::{CutAtEnd, Take, files_where, for_each_block, open};
use super::{Known, Layout};
use crate::disk::OutFile;

/// The bytes before the ids.
const HEADER_BYTES: u64 = 1024;

pub(super) struct Llmc {
    pub(super) dtype: Dtype,
    /// Tokens of a file, at most.
    pub(super) max_file_tokens: u64,
}

/// Returns the type that goes with a vocabulary.
pub(super) fn dtype(vocab_size: usize) -> Dtype {
    if vocab_size > 1 << 16 { Dtype::Uint32 } else { Dtype::Uint16 }
}

/// Returns magic and version.
fn magic(dtype: Dtype) -> [i32; 2] {
    if dtype == Dtype::Uint16 { [20_240_520, 1] } else { [20_240_801, 7] }
}

/// Returns what stands between a file's prefix and its number; the first number of the split follows llm.c's scripts.
fn split_of(name: &str) -> (&'static str, usize) {
    if name == "train" { ("train", 1) } else { ("val", 0) }
}

impl Layout for Llmc {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn write(&self, dataset: &Dataset, folder: &mut Folder) -> Result<()> {
        for split in &dataset.splits {
            let (name, mut number) = split_of(split.name);
            for shard in &split.shards {
                let mut sizes = self.file_sizes(shard)?.into_iter();
                let mut file: Option<Open> = None;
                let mut begins_document = true;
                let end = [dataset.end_of_document];
                dataset.walk(shard, |part| {
                    if file.is_none() {
                        let name = format!("tokens_{name}_{number:06}.bin");
                        number += 1;
                        let tokens = sizes.next().context("a file without its size")?;
                        file = Some(self.create(folder, name, tokens)?);
                    }
                    let open = file.as_mut().context("a file that was never opened")?;
                    if begins_document {
                        open.write(&end, self.dtype)?;
                    }
                    let body = match part.ids.split_last() {
                        Some((_, body)) if part.is_last => body,
                        _ => part.ids,
                    };
                    open.write(body, self.dtype)?;
                    begins_document = part.is_last;
                    if begins_document
                        && open.left == 0
                        && let Some(Open { file, name, .. }) = file.take()
                    {
                        folder.finish(&name, file)?;
                    }
                    Ok(())
                })?;
                ensure!(file.is_none(), "{}: shorter than its index says", shard.place);
            }
        }
        Ok(())
    }

    fn read(&self, dir: &Path, split: &str, known: &Known, take: Take<'_>) -> Result<()> {
        let end = known.end_of_document;
        let prefix = format!("tokens_{}_", split_of(split).0);
        for path in files_where(dir, |name| name.starts_with(&prefix) && name.ends_with(".bin"))? {
            self.read_file(&path, end, take).with_context(|| path.display().to_string())?;
        }
        Ok(())
    }
}

/// A file that is being written.
struct Open {
    file: OutFile,
    name: String,
    /// Tokens that are still to come.
    left: u64,
    bytes: Vec<u8>,
}

impl Open {
    fn write(&mut self, ids: &[u32], dtype: Dtype) -> Result<()> {
        self.bytes.clear();
        dtype.encode(ids, &mut self.bytes)?;
        self.file.write_all(&self.bytes).with_context(|| self.name.clone())?;
        let left = self.left.checked_sub(ids.len() as u64);
        self.left = left.with_context(|| format!("{}: more tokens than planned", self.name))?;
        Ok(())
    }
}

impl Llmc {
    /// Returns how many tokens each file of a shard holds: whole documents, as many as fit.
    fn file_sizes(&self, shard: &Shard) -> Result<Vec<u64>> {
        let (mut sizes, mut begin, mut last) = (Vec::new(), 0, 0);
        for (document, end) in shard.tokens.ends().enumerate() {
            let end = end.with_context(|| shard.place.clone())?;
            if end - begin > self.max_file_tokens && last > begin {
                sizes.push(last - begin);
                begin = last;
            }
            ensure!(
                end - begin <= self.max_file_tokens,
                "{}: document {document} has {} tokens, a file holds {} at most",
                shard.place,
                end - begin,
                self.max_file_tokens
            );
            last = end;
        }
        sizes.extend((last > begin).then_some(last - begin));
        Ok(sizes)
    }

    fn create(&self, folder: &Folder, name: String, tokens: u64) -> Result<Open> {
        let mut file = folder.create(&name)?;
        let [magic, version] = magic(self.dtype);
        let mut header = [0; HEADER_BYTES as usize];
        for (place, number) in
            header.chunks_exact_mut(4).zip([magic, version, i32::try_from(tokens)?])
        {
            place.copy_from_slice(&number.to_le_bytes());
        }
        file.write_all(&header).with_context(|| name.clone())?;
        Ok(Open { file, name, left: tokens, bytes: Vec::new() })
    }

    fn read_file(&self, path: &Path, end: u32, take: Take<'_>) -> Result<()> {
        let mut file = open(path)?;
        let mut header = [0; HEADER_BYTES as usize];
        file.read_exact(&mut header).context("is shorter than its header")?;
        let mut numbers = header.as_chunks::<4>().0.iter().map(|four| i32::from_le_bytes(*four));
        let found = [numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)];
        ensure!(found == magic(self.dtype), "has magic and version {found:?}");
        let tokens = u64::try_from(numbers.next().unwrap_or(-1)).context("a negative count")?;
        ensure!(numbers.all(|number| number == 0), "has something behind the counts");
        let (bytes, expected) =
            (file.metadata()?.len(), HEADER_BYTES + tokens * self.dtype.width());
        ensure!(bytes == expected, "has {bytes} bytes, not the {expected} of {tokens} tokens");
        // What begins a document ends the one before it: all but the first move to the front, and one closes the file.
        let mut cut = CutAtEnd::new(end);
        let mut is_first = true;
        for_each_block(file, self.dtype, |ids| {
            let ids = match ids.split_first() {
                Some((first, rest)) if is_first => {
                    ensure!(*first == end, "begins with id {first}, not with {end}");
                    rest
                }
                _ => ids,
            };
            is_first = false;
            cut.push(ids, take)
        })?;
        ensure!(!is_first, "holds no document");
        cut.push(&[end], take)?;
        cut.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{dataset, export_of, file};
    use super::super::{Format, Options, write_export};
    use super::*;

    fn expected(numbers: [i32; 3], ids: &[u8]) -> Vec<u8> {
        let mut bytes = numbers.map(i32::to_le_bytes).as_flattened().to_vec();
        bytes.resize(1024, 0);
        bytes.extend_from_slice(ids);
        bytes
    }

    #[test]
    fn bytes_are_those_of_the_specification() {
        let documents: [&[u32]; 2] = [&[258, 7, 0], &[0]];
        let export = export_of(Format::Llmc, &Options::default(), 65_536, &documents);
        let bytes = expected([20_240_520, 1, 4], &[0, 0, 2, 1, 7, 0, 0, 0]);
        assert_eq!(file(&export, "tokens_train_000001.bin"), bytes);
        let export = export_of(Format::Llmc, &Options::default(), 65_537, &documents);
        let ids = [[0, 0, 0, 0], [2, 1, 0, 0], [7, 0, 0, 0], [0, 0, 0, 0]];
        let bytes = expected([20_240_801, 7, 4], ids.as_flattened());
        assert_eq!(file(&export, "tokens_train_000001.bin"), bytes);
    }

    #[test]
    fn a_file_holds_whole_documents_and_no_more_than_its_header_can_tell() {
        let folder = tempfile::tempdir().unwrap();
        let shard = vec![vec![1, 2, 0], vec![3, 0], vec![4, 5, 6, 7, 0], vec![0], vec![8, 0]];
        let dataset = dataset(folder.path(), 300, &[vec![shard], vec![vec![vec![9, 0]]]]);
        let dir = folder.path().join("out");
        let layout = Llmc { dtype: Dtype::Uint16, max_file_tokens: 5 };
        write_export(&dataset, Format::Llmc, &Options::default(), &layout, &dir).unwrap();
        let tokens = |name: &str| (std::fs::metadata(dir.join(name)).unwrap().len() - 1024) / 2;
        let names = ["train_000001", "train_000002", "train_000003", "val_000000"];
        let found = names.map(|name| tokens(&format!("tokens_{name}.bin")));
        assert_eq!(found, [5, 5, 3, 2]);
        let layout = Llmc { dtype: Dtype::Uint16, max_file_tokens: 4 };
        let dir = folder.path().join("small");
        let exported = write_export(&dataset, Format::Llmc, &Options::default(), &layout, &dir);
        let error = exported.err().unwrap().to_string();
        assert!(error.contains("document 2 has 5 tokens, a file holds 4 at most"), "{error}");
    }
}
