//! Exports: the token shards of a finished dataset in the layout of a trainer.
//!
//! An export is a folder of files that one trainer's reader takes as they are, and a `manifest.json` that says what they hold. Where a
//! trainer's payload has the bytes of ours (Megatron, datatrove, OLMo-core, nanoGPT), it is a hard link and only the small files beside it
//! are new; else ids are rewritten, each checked to fit the type that the trainer reads. One file of this folder is one format, and the
//! manual page of it.
//!
//! Every export goes the same way, in memory that does not depend on its size:
//!
//! 1. The dataset's files are compared with their checksums, and its documents are walked through: ids in the vocabulary, one end of
//!    document at the end of each. What is found is a [`Content`] per split: counts, and a hash of all ids and document bounds.
//! 2. The format writes its files into the folder, which holds a marker until it is finished.
//! 3. A reader of that format, which shares nothing with the writer but the type of an id, reads the files back into a second `Content`.
//! 4. Only if both are equal does `manifest.json` appear, by rename; then the marker goes.
//!
//! An export that was cut off has a marker and no manifest; running it again empties the folder and begins anew.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};

use crate::disk::FileSeal;

mod dataset;
mod datatrove;
mod digest;
mod dtype;
mod folder;
mod hf_arrow;
mod hf_parquet;
mod input_ids;
mod litdata;
mod llmc;
mod mds;
mod megatron;
mod nanogpt;
mod olmo;
mod payload;
mod rewrite;
mod rows;

#[cfg(test)]
mod tests;

use dataset::{Dataset, Split};
pub use digest::{Content, Digest};
pub use dtype::Dtype;
use folder::Folder;
use payload::Take;

/// The layout of `manifest.json`.
const LAYOUT: u32 = 1;

/// Whose layout an export has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Megatron-LM, Megatron-Core, NeMo, GPT-NeoX.
    Megatron,
    /// datatrove, nanotron.
    Datatrove,
    /// OLMo-core, dolma.
    Olmo,
    /// nanoGPT.
    Nanogpt,
    /// llm.c.
    Llmc,
    /// MosaicML Streaming, LLM Foundry.
    Mds,
    /// LitData, LitGPT.
    Litdata,
    /// Parquet of `input_ids`.
    Parquet,
    /// A dataset of `input_ids` that Hugging Face's datasets loads from disk.
    Arrow,
}

impl Format {
    /// All formats, with their names and what they are for.
    pub const ALL: [(Format, &'static str, &'static str); 9] = [
        (Format::Megatron, "megatron", "Megatron-LM, Megatron-Core, NeMo, GPT-NeoX: .bin and .idx"),
        (Format::Datatrove, "datatrove", "datatrove, nanotron: .ds and .ds.index"),
        (Format::Olmo, "olmo", "OLMo-core, dolma: .npy without a header, and .csv.gz"),
        (Format::Nanogpt, "nanogpt", "nanoGPT: train.bin and val.bin of uint16"),
        (Format::Llmc, "llmc", "llm.c: .bin with a header, documents begin with their end"),
        (Format::Mds, "mds", "MosaicML Streaming, LLM Foundry: .mds and index.json"),
        (Format::Litdata, "litdata", "LitData's TokensLoader, LitGPT: chunks of whole blocks"),
        (Format::Parquet, "parquet", "Parquet of input_ids: Hugging Face datasets, anything else"),
        (Format::Arrow, "arrow", "Hugging Face datasets, load_from_disk: Arrow of input_ids"),
    ];

    /// Returns the format of this name.
    pub fn of_name(name: &str) -> Option<Format> {
        Format::ALL.iter().find(|(_, other, _)| *other == name).map(|(format, ..)| *format)
    }

    /// Returns the name.
    pub fn name(self) -> &'static str {
        Format::ALL.iter().find(|(format, ..)| *format == self).map_or("", |(_, name, _)| name)
    }
}

/// What the user may choose about an export.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Options {
    /// How ids are stored, where a format leaves it open; else by the trainer's own rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dtype: Option<Dtype>,
    /// Ids of a row (`mds`, `parquet`, `arrow`), whatever the documents; else a row is a document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence_tokens: Option<u64>,
    /// Ids of a block (`litdata`): the loader's `block_size`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub block_tokens: Option<u64>,
    /// Level of zstd, 1 to 22 (`mds`); else nothing is compressed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zstd: Option<i32>,
    /// Stores a sample's ids as bytes instead of an array (`mds`).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub bytes: bool,
    /// Copies files that could be hard links.
    #[serde(skip)]
    pub copies: bool,
}

/// What an export holds: written last, so that a folder without it is no export.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExportManifest {
    /// The version of this file's layout.
    pub layout: u32,
    /// The format.
    pub to: Format,
    /// What was chosen.
    pub options: Options,
    /// The fingerprint of the dataset that was exported.
    pub dataset: String,
    /// The tokenizer's file in the dataset.
    pub tokenizer: FileSeal,
    /// One more than the highest id of the tokenizer.
    pub vocab_size: usize,
    /// The id that ends each document.
    pub end_of_document: u32,
    /// How ids are stored.
    pub dtype: Dtype,
    /// What each split holds; the same was read back from the files.
    pub splits: BTreeMap<String, SplitManifest>,
    /// Every file but this one.
    pub files: Vec<FileSeal>,
}

/// What a split of an export holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SplitManifest {
    /// Its documents.
    pub content: Content,
    /// Ids behind the last document that belong to none, where a format wants whole blocks.
    pub padding_tokens: u64,
    /// What came from each shard of the dataset.
    pub shards: Vec<ShardCounts>,
}

/// What a shard of the dataset holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShardCounts {
    /// Its files in the dataset, without their endings.
    pub shard: String,
    /// Tokens.
    pub tokens: u64,
    /// Documents.
    pub documents: u64,
}

/// What an export did.
pub struct Exported {
    /// Its manifest.
    pub manifest: ExportManifest,
    /// Its folder.
    pub dir: PathBuf,
    /// Files that share their bytes with the dataset.
    pub linked: u64,
    /// Files that had to be copied, since the file system allows no links.
    pub copied: u64,
}

/// A format, ready to write the shards of one dataset and to read them again.
trait Layout {
    /// Returns how ids are stored.
    fn dtype(&self) -> Dtype;

    /// Returns the ids that follow the last document of a split of so many tokens.
    fn padding_tokens(&self, _tokens: u64) -> u64 {
        0
    }

    /// Writes all files.
    ///
    /// # Errors
    /// When an id does not fit, or the disk is full or fails.
    fn write(&self, dataset: &Dataset, folder: &mut Folder) -> Result<()>;

    /// Reads the documents of a split back from `dir`, in order.
    ///
    /// # Errors
    /// When a file cannot be read, or is not what the format says.
    fn read(&self, dir: &Path, split: &str, known: &Known, take: Take<'_>) -> Result<()>;
}

/// What a reader knows of a split beside its files.
struct Known {
    end_of_document: u32,
    padding_tokens: u64,
}

/// Makes the layout of a format for a vocabulary.
fn layout(to: Format, options: &Options, vocab_size: usize) -> Result<Box<dyn Layout>> {
    options.check(to)?;
    let choose = |rule: Dtype, allowed: &[Dtype]| -> Result<Dtype> {
        let dtype = options.dtype.unwrap_or(rule);
        ensure!(
            allowed.contains(&dtype),
            "{} has no {} here, but {}",
            to.name(),
            dtype.name(),
            allowed.iter().map(|dtype| dtype.name()).collect::<Vec<_>>().join(", ")
        );
        ensure!(
            vocab_size as u64 <= u64::from(dtype.max_id()) + 1,
            "the vocabulary has {vocab_size} ids, {} holds {}",
            dtype.name(),
            u64::from(dtype.max_id()) + 1
        );
        Ok(dtype)
    };
    use Dtype::{Int32, Int64, Uint16, Uint32};
    Ok(match to {
        Format::Megatron => Box::new(megatron::Megatron {
            dtype: choose(megatron::dtype(vocab_size), &[Uint16, Int32])?,
        }),
        Format::Datatrove => Box::new(datatrove::Datatrove {
            dtype: choose(datatrove::dtype(vocab_size), &[Uint16, Uint32])?,
        }),
        Format::Olmo => Box::new(olmo::Olmo {
            dtype: choose(olmo::dtype(vocab_size), &[Uint16, Uint32, Int64])?,
        }),
        Format::Nanogpt => {
            choose(Uint16, &[Uint16]).context("nanogpt reads uint16 only")?;
            Box::new(nanogpt::Nanogpt)
        }
        Format::Llmc => Box::new(llmc::Llmc {
            dtype: choose(llmc::dtype(vocab_size), &[Uint16, Uint32])?,
            max_file_tokens: i32::MAX as u64,
        }),
        Format::Mds => {
            let dtype = choose(mds::dtype(vocab_size, options.bytes), &Dtype::ALL)?;
            Box::new(mds::Mds::new(dtype, options.bytes, options.sequence_tokens, options.zstd))
        }
        Format::Litdata => {
            let dtype = choose(litdata::dtype(vocab_size), &[Uint16, Int32, Int64])?;
            let block_tokens = options.block_tokens.unwrap_or(litdata::BLOCK_TOKENS);
            Box::new(litdata::Litdata::new(dtype, block_tokens)?)
        }
        Format::Parquet => {
            choose(Int32, &[Int32])?;
            Box::new(hf_parquet::HfParquet { sequence_tokens: options.sequence_tokens })
        }
        Format::Arrow => {
            choose(Int32, &[Int32])?;
            Box::new(hf_arrow::HfArrow { sequence_tokens: options.sequence_tokens })
        }
    })
}

impl Options {
    /// Refuses what a format knows nothing of: an option without effect is a mistake.
    fn check(&self, to: Format) -> Result<()> {
        let only = |option: &str, is_given: bool, formats: &[Format]| {
            ensure!(
                !is_given || formats.contains(&to),
                "`{option}` is for {}, not for {}",
                formats.iter().map(|format| format.name()).collect::<Vec<_>>().join(", "),
                to.name()
            );
            Ok(())
        };
        let rows = [Format::Mds, Format::Parquet, Format::Arrow];
        only("sequence-tokens", self.sequence_tokens.is_some(), &rows)?;
        only("block-tokens", self.block_tokens.is_some(), &[Format::Litdata])?;
        only("zstd", self.zstd.is_some(), &[Format::Mds])?;
        only("bytes", self.bytes, &[Format::Mds])?;
        if let Some(level) = self.zstd {
            ensure!((1..=22).contains(&level), "zstd has the levels 1 to 22, not {level}");
        }
        if let Some(tokens) = self.sequence_tokens {
            ensure!(
                (1..=1 << 24).contains(&tokens),
                "a sequence has 1 to 16,777,216 tokens, not {tokens}"
            );
        }
        Ok(())
    }
}

/// Exports the dataset in `data` into the folder `output`.
///
/// # Errors
/// When the dataset is damaged, an id does not fit, the folder is not ours to write, the disk fails, or what was written does not read
/// back as the dataset. There is no manifest then.
pub fn export(data: &Path, to: Format, options: &Options, output: &Path) -> Result<Exported> {
    let dataset = Dataset::open(data)?;
    let layout = layout(to, options, dataset.vocab_size)?;
    write_export(&dataset, to, options, layout.as_ref(), output)
}

/// Does what [`export`] does with a dataset that is open.
fn write_export(
    dataset: &Dataset,
    to: Format,
    options: &Options,
    layout: &dyn Layout,
    output: &Path,
) -> Result<Exported> {
    let mut folder = Folder::claim(output, &dataset.dir, options.copies)?;
    let mut splits = BTreeMap::new();
    for split in &dataset.splits {
        splits.insert(split.name.to_owned(), describe(dataset, split, layout)?);
    }
    layout.write(dataset, &mut folder)?;
    for (name, SplitManifest { content, padding_tokens, .. }) in &splits {
        let end_of_document = dataset.end_of_document;
        let known = Known { end_of_document, padding_tokens: *padding_tokens };
        let found = read_back(layout, folder.dir(), name, &known)?;
        ensure_same(folder.dir(), name, &found, content)?;
    }
    folder.files.sort_by(|a, b| a.path.cmp(&b.path));
    let manifest = ExportManifest {
        layout: LAYOUT,
        to,
        options: options.clone(),
        dataset: dataset.manifest.fingerprint.clone(),
        tokenizer: dataset.tokenizer.clone(),
        vocab_size: dataset.vocab_size,
        end_of_document: dataset.end_of_document,
        dtype: layout.dtype(),
        splits,
        files: std::mem::take(&mut folder.files),
    };
    folder.commit(&manifest)?;
    let (linked, copied) = (folder.linked, folder.copied);
    Ok(Exported { manifest, dir: folder.dir().to_owned(), linked, copied })
}

/// Walks through a split of the dataset, and says what an export of it must hold.
fn describe(dataset: &Dataset, split: &Split, layout: &dyn Layout) -> Result<SplitManifest> {
    let counts = split.shards.iter().map(|shard| ShardCounts {
        shard: shard.place.clone(),
        tokens: shard.tokens.n_tokens(),
        documents: shard.tokens.n_documents(),
    });
    Ok(SplitManifest {
        content: dataset.content(split)?,
        padding_tokens: layout.padding_tokens(split.n_tokens()),
        shards: counts.collect(),
    })
}

fn read_back(layout: &dyn Layout, dir: &Path, split: &str, known: &Known) -> Result<Content> {
    let mut digest = Digest::default();
    layout.read(dir, split, known, &mut |part| digest.take(part))?;
    Ok(digest.content())
}

fn ensure_same(dir: &Path, split: &str, found: &Content, expected: &Content) -> Result<()> {
    if found != expected {
        bail!(
            "{}: {split} reads back as {found:?}, the dataset holds {expected:?}; no manifest was written",
            dir.display()
        );
    }
    Ok(())
}
