//! The dataset that is exported: its shards, each checked before a byte of it is taken over.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use rayon::prelude::*;

use super::digest::{Content, Digest};
use crate::disk::{FileSeal, seal_file};
use crate::runner::{MANIFEST, Manifest};
use crate::shards::SPLITS;
use crate::token_shards::{Part, TokenShard};
use crate::tokenize::tokenizer_path;

/// A finished dataset with token shards.
pub(super) struct Dataset {
    pub(super) dir: PathBuf,
    pub(super) manifest: Manifest,
    /// Splits that have shards, the train split first.
    pub(super) splits: Vec<Split>,
    /// One more than the highest id of the tokenizer.
    pub(super) vocab_size: usize,
    /// The id that ends each document.
    pub(super) end_of_document: u32,
    /// The tokenizer's file.
    pub(super) tokenizer: FileSeal,
}

/// The shards of a split, in order.
pub(super) struct Split {
    /// `train` or `validation`.
    pub(super) name: &'static str,
    pub(super) shards: Vec<Shard>,
}

/// A shard of the dataset.
pub(super) struct Shard {
    /// Its number, as its files are named: `00000`.
    pub(super) name: String,
    /// Its files in the dataset, without their endings: `tokens/train/00000`.
    pub(super) place: String,
    /// The path of its files, without their endings.
    pub(super) prefix: PathBuf,
    pub(super) tokens: TokenShard,
    /// The file of ids.
    pub(super) bin: FileSeal,
    /// The file of document bounds.
    pub(super) idx: FileSeal,
}

impl Dataset {
    /// Opens the shards of the dataset in `dir`, and compares their files with the checksums of the manifest.
    ///
    /// # Errors
    /// When it has none, a file is not what was written, or documents do not end as they should.
    pub(super) fn open(dir: &Path) -> Result<Dataset> {
        let manifest = Manifest::read(dir)?;
        let manifest = manifest.with_context(|| {
            format!("{}: has no {MANIFEST}, so it is no finished dataset", dir.display())
        })?;
        ensure!(
            !manifest.tokens.is_empty(),
            "{}: has no token shards\nhint: its pipeline needs the stages `tokenize` and `shards`",
            dir.display()
        );
        let seal_of = |name: &str| {
            let seal = manifest.files.iter().find(|file| file.path == name);
            seal.cloned().with_context(|| format!("{}: {MANIFEST} lacks {name}", dir.display()))
        };
        let mut splits = Vec::new();
        for name in SPLITS {
            let mut shards = Vec::new();
            let folder = format!("tokens/{name}/");
            for file in &manifest.files {
                let Some(shard) = file.path.strip_prefix(&folder) else { continue };
                let Some(shard) = shard.strip_suffix(".bin") else { continue };
                let place = format!("{folder}{shard}");
                let prefix = dir.join(&place);
                shards.push(Shard {
                    name: shard.to_owned(),
                    tokens: TokenShard::open(&prefix)?,
                    bin: file.clone(),
                    idx: seal_of(&format!("{place}.idx"))?,
                    prefix,
                    place,
                });
            }
            shards.sort_by(|a, b| a.name.cmp(&b.name));
            if !shards.is_empty() {
                splits.push(Split { name, shards });
            }
        }
        let path = tokenizer_path(dir);
        let name = path.strip_prefix(dir).unwrap_or(&path).to_string_lossy();
        let tokenizer = seal_of(&name)?;
        let files: Vec<&FileSeal> = splits
            .iter()
            .flat_map(|split| split.shards.iter().flat_map(|shard| [&shard.bin, &shard.idx]))
            .chain([&tokenizer])
            .collect();
        files.into_par_iter().try_for_each(|file| check_seal(dir, file))?;
        let vocab_size = models::load(&path)?.vocab_size();
        let end_of_document = end_of_document(&splits)
            .with_context(|| format!("{}: its shards hold no document", dir.display()))?;
        let dir = dir.to_owned();
        Ok(Dataset { dir, manifest, splits, vocab_size, end_of_document, tokenizer })
    }

    /// Returns what the documents of a split are, and checks each: its ids are in the vocabulary, its end stands at its end and
    /// nowhere else.
    ///
    /// # Errors
    /// When a document is not so, named with its shard and the id.
    pub(super) fn content(&self, split: &Split) -> Result<Content> {
        let mut digest = Digest::default();
        for shard in &split.shards {
            self.walk(shard, |part| digest.take(part))?;
        }
        Ok(digest.content())
    }

    /// Goes through the documents of a shard; an error of `take` is told with shard and document.
    ///
    /// # Errors
    /// As [`Dataset::content`], and those of `take`.
    pub(super) fn walk(
        &self,
        shard: &Shard,
        mut take: impl FnMut(Part<'_>) -> Result<()>,
    ) -> Result<()> {
        shard.tokens.walk(|document, part| {
            self.check(part)
                .and_then(|()| take(part))
                .with_context(|| format!("{}: document {document}", shard.place))
        })
    }

    fn check(&self, part: Part<'_>) -> Result<()> {
        let unknown = part.ids.iter().find(|id| **id as usize >= self.vocab_size);
        if let Some(id) = unknown {
            bail!("id {id} is not in the vocabulary of {} ids", self.vocab_size);
        }
        let end = self.end_of_document;
        let body = match part.ids.split_last() {
            Some((last, body)) if part.is_last => {
                ensure!(*last == end, "ends with id {last}, not with {end} (end of document)");
                body
            }
            None if part.is_last => bail!("has no end of document (id {end})"),
            _ => part.ids,
        };
        ensure!(!body.contains(&end), "holds id {end}, which ends documents, before its end");
        Ok(())
    }
}

impl Split {
    /// Returns the number of tokens.
    pub(super) fn n_tokens(&self) -> u64 {
        self.shards.iter().map(|shard| shard.tokens.n_tokens()).sum()
    }
}

/// Compares a file with what the manifest says of it.
fn check_seal(dir: &Path, expected: &FileSeal) -> Result<()> {
    let found = seal_file(&dir.join(&expected.path))?;
    ensure!(
        (found.bytes, &found.xxh3) == (expected.bytes, &expected.xxh3),
        "{}: its bytes are not those that were written\nhint: `corpusmill verify` tells all that is wrong",
        dir.join(&expected.path).display()
    );
    Ok(())
}

/// Returns the last id of the first document; `Dataset::check` holds all others to it.
fn end_of_document(splits: &[Split]) -> Option<u32> {
    let shards = splits.iter().flat_map(|split| &split.shards);
    let shard = &shards.into_iter().find(|shard| shard.tokens.n_documents() > 0)?.tokens;
    let end = shard.ends().next()?.ok()?;
    let mut ids = Vec::new();
    shard.read(end.checked_sub(1)?..end, &mut ids).ok()?;
    ids.first().copied()
}
