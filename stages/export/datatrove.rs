//! datatrove (`DatatroveFileDataset`, `DatatroveFolderDataset`) and nanotron (`Nanoset`).
//!
//! ```text
//! train/00000_00000_shuffled.ds            ids, linked
//! train/00000_00000_shuffled.ds.index      u64 for each document: where it ends, in tokens, exclusive
//! train/00000_00000_shuffled.ds.metadata   three lines: tokenizer|bytes of an id, tokens, tokens for people
//! tokenizer.json                           linked
//! ```
//!
//! Type of an id: two bytes up to 65,535 ids, else four, unsigned (`PipelineStepWithTokenizer.token_size`). Name the folder of a split as
//! `dataset_folder` and the same `token_size`. There is no `.ds.loss`: every token counts.
//! Differs: datatrove's reader serves windows of `seq_len` + 1 tokens of each file and leaves out the tail of a file that fills none.
//! Source: `pipeline/tokens/tokenizer.py`, `utils/dataset.py` of datatrove.

use std::io::{BufReader, Write};
use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::dataset::Dataset;
use super::dtype::Dtype;
use super::folder::Folder;
use super::payload::{Take, files_where, for_each_block, numbers, open};
use super::rewrite::{payload, tokenizer, with_ending};
use super::{Known, Layout};
use crate::token_shards::Cut;

/// Returns datatrove's own choice for a vocabulary.
pub(super) fn dtype(vocab_size: usize) -> Dtype {
    if vocab_size > 65_535 { Dtype::Uint32 } else { Dtype::Uint16 }
}

pub(super) struct Datatrove {
    pub(super) dtype: Dtype,
}

impl Layout for Datatrove {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn write(&self, dataset: &Dataset, folder: &mut Folder) -> Result<()> {
        let tokenizer = tokenizer(dataset, folder)?;
        for split in &dataset.splits {
            for shard in &split.shards {
                let name = format!("{}/{}_00000_shuffled.ds", split.name, shard.name);
                payload(dataset, shard, self.dtype, folder, &name)?;
                let index = format!("{name}.index");
                let mut file = folder.create(&index)?;
                for end in shard.tokens.ends() {
                    let end = end.with_context(|| shard.place.clone())?;
                    file.write_all(&end.to_le_bytes()).with_context(|| index.clone())?;
                }
                folder.finish(&index, file)?;
                let (width, tokens) = (self.dtype.width(), shard.tokens.n_tokens());
                let metadata = format!("{tokenizer}|{width}\n{tokens}\n{}", for_people(tokens));
                folder.write(&format!("{name}.metadata"), metadata.as_bytes())?;
            }
        }
        Ok(())
    }

    fn read(&self, dir: &Path, split: &str, _: &Known, take: Take<'_>) -> Result<()> {
        for data in files_where(&dir.join(split), |name| name.ends_with(".ds"))? {
            let place = || data.display().to_string();
            let before = open(&data)?.metadata()?.len() / self.dtype.width();
            let metadata = with_ending(&data, ".metadata");
            let text = std::fs::read_to_string(&metadata)
                .with_context(|| metadata.display().to_string())?;
            let mut lines = text.lines();
            let width = lines.next().and_then(|line| line.rsplit_once('|')?.1.parse::<u64>().ok());
            let tokens = lines.next().and_then(|line| line.parse::<u64>().ok());
            ensure!(
                (width, tokens) == (Some(self.dtype.width()), Some(before)),
                "{}: says {tokens:?} tokens of {width:?} bytes, there are {before}",
                metadata.display()
            );
            let index = BufReader::new(open(&with_ending(&data, ".index"))?);
            let mut cut = Cut::new(numbers(index)).with_context(place)?;
            for_each_block(open(&data)?, self.dtype, |ids| cut.push(ids, &mut *take))
                .with_context(place)?;
            cut.finish(&mut *take).with_context(place)?;
        }
        Ok(())
    }
}

/// Returns a number of tokens with three digits and a prefix, as datatrove's third line has it: `1.23 MT`.
fn for_people(tokens: u64) -> String {
    let units = [(1e12, "TT"), (1e9, "GT"), (1e6, "MT"), (1e3, "kT")];
    let unit = units.into_iter().find(|(size, _)| tokens as f64 >= *size);
    let (size, unit) = unit.unwrap_or((1.0, "T"));
    let value = tokens as f64 / size;
    let decimals = if value < 10.0 { 2 } else { usize::from(value < 100.0) };
    format!("{value:.decimals$} {unit}")
}

#[cfg(test)]
mod tests {
    use super::super::tests::{export_of, file};
    use super::super::{Format, Options};
    use super::*;

    #[test]
    fn bytes_are_those_of_the_specification() {
        let documents: [&[u32]; 2] = [&[258, 7, 0], &[0]];
        let export = export_of(Format::Datatrove, &Options::default(), 300, &documents);
        let ds = "train/00000_00000_shuffled.ds";
        assert_eq!(file(&export, ds), [2, 1, 7, 0, 0, 0, 0, 0]);
        assert_eq!(
            file(&export, &format!("{ds}.index")),
            [3_u64, 4].map(u64::to_le_bytes).as_flattened()
        );
        assert_eq!(file(&export, &format!("{ds}.metadata")), b"tokenizer.json|2\n4\n4.00 T");
        assert_eq!(for_people(1_234_567), "1.23 MT");
        assert_eq!(for_people(98_765), "98.8 kT");
    }

    #[test]
    fn ids_are_four_bytes_above_65_535() {
        let documents: [&[u32]; 1] = [&[65_535, 0]];
        let export = export_of(Format::Datatrove, &Options::default(), 65_536, &documents);
        let bytes = file(&export, "train/00000_00000_shuffled.ds");
        assert_eq!(bytes, [0xFF, 0xFF, 0, 0, 0, 0, 0, 0]);
        let export = export_of(Format::Datatrove, &Options::default(), 65_535, &[&[65_534, 0]]);
        assert_eq!(file(&export, "train/00000_00000_shuffled.ds"), [0xFE, 0xFF, 0, 0]);
    }
}
