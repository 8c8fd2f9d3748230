//! nanoGPT.
//!
//! ```text
//! train.bin  val.bin    ids of all documents as uint16, nothing else; each document is followed by its end
//! ```
//!
//! `train.py` maps the files as uint16 whatever the vocabulary, so one of more than 65,536 ids is refused. A split of one shard is a hard
//! link; more are joined. There is no `meta.pkl`: that is for vocabularies of characters, and without it nanoGPT takes GPT-2's size, so
//! set `meta_vocab_size` or the model's vocabulary to the tokenizer's.
//! Source: `train.py` (`get_batch`), `data/openwebtext/prepare.py`.

use std::path::Path;

use anyhow::{Context, Result};

use super::dataset::Dataset;
use super::dtype::Dtype;
use super::folder::Folder;
use super::payload::{CutAtEnd, Take, for_each_block, open};
use super::rewrite::{append, payload};
use super::{Known, Layout};

pub(super) struct Nanogpt;

/// Returns nanoGPT's name for the file of a split.
fn file_name(split: &str) -> &'static str {
    if split == "train" { "train.bin" } else { "val.bin" }
}

impl Layout for Nanogpt {
    fn dtype(&self) -> Dtype {
        Dtype::Uint16
    }

    fn write(&self, dataset: &Dataset, folder: &mut Folder) -> Result<()> {
        for split in &dataset.splits {
            let name = file_name(split.name);
            if let [shard] = split.shards.as_slice() {
                payload(dataset, shard, Dtype::Uint16, folder, name)?;
                continue;
            }
            let mut file = folder.create(name)?;
            for shard in &split.shards {
                append(dataset, shard, Dtype::Uint16, &mut file)?;
            }
            folder.finish(name, file)?;
        }
        Ok(())
    }

    fn read(&self, dir: &Path, split: &str, known: &Known, take: Take<'_>) -> Result<()> {
        let end = known.end_of_document;
        let path = dir.join(file_name(split));
        let mut cut = CutAtEnd::new(end);
        for_each_block(open(&path)?, Dtype::Uint16, |ids| cut.push(ids, take))
            .and_then(|()| cut.finish())
            .with_context(|| path.display().to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{dataset, export_of, file};
    use super::super::{Format, Options, layout, write_export};

    #[test]
    fn bytes_are_those_of_the_specification() {
        let documents: [&[u32]; 2] = [&[258, 65_535, 0], &[0]];
        let export = export_of(Format::Nanogpt, &Options::default(), 65_536, &documents);
        assert_eq!(file(&export, "train.bin"), [2, 1, 0xFF, 0xFF, 0, 0, 0, 0]);
    }

    #[test]
    fn shards_of_a_split_are_joined_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let splits = [vec![vec![vec![1, 0], vec![2, 0]], vec![vec![3, 0]]], vec![vec![vec![4, 0]]]];
        let dataset = dataset(folder.path(), 300, &splits);
        let dir = folder.path().join("out");
        let layout = layout(Format::Nanogpt, &Options::default(), 300).unwrap();
        write_export(&dataset, Format::Nanogpt, &Options::default(), layout.as_ref(), &dir)
            .unwrap();
        assert_eq!(
            std::fs::read(dir.join("train.bin")).unwrap(),
            [1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0]
        );
        assert_eq!(std::fs::read(dir.join("val.bin")).unwrap(), [4, 0, 0, 0]);
    }

    #[test]
    fn a_vocabulary_of_more_than_two_bytes_is_refused() {
        let error = layout(Format::Nanogpt, &Options::default(), 65_537).err().unwrap();
        let expected =
            "nanogpt reads uint16 only: the vocabulary has 65537 ids, uint16 holds 65536";
        assert_eq!(format!("{error:#}"), expected);
    }
}
