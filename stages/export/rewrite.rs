//! Payloads of ids: the dataset's own file where its bytes are those that the format wants, else the ids written anew.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};

use super::dataset::{Dataset, Shard};
use super::dtype::Dtype;
use super::folder::Folder;
use crate::disk::OutFile;
use crate::token_shards::TokenType;

/// Says whether ids of this type have the bytes of the shard.
pub(super) fn is_same(shard: &Shard, dtype: Dtype) -> bool {
    match shard.tokens.token_type() {
        TokenType::U16 => dtype == Dtype::Uint16,
        // Ids of a shard are below 2^31, so the sign makes no difference.
        TokenType::I32 => matches!(dtype, Dtype::Int32 | Dtype::Uint32),
    }
}

/// Gives the ids of a shard the name `name` in the folder: a link where they are stored so already.
///
/// # Errors
/// When an id does not fit, or the disk is full or fails.
pub(super) fn payload(
    dataset: &Dataset,
    shard: &Shard,
    dtype: Dtype,
    folder: &mut Folder,
    name: &str,
) -> Result<()> {
    if is_same(shard, dtype) {
        return folder.link(&with_ending(&shard.prefix, ".bin"), name, &shard.bin);
    }
    let mut file = folder.create(name)?;
    append(dataset, shard, dtype, &mut file)?;
    folder.finish(name, file)
}

/// Appends the ids of a shard to a file.
///
/// # Errors
/// As [`payload`].
pub(super) fn append(
    dataset: &Dataset,
    shard: &Shard,
    dtype: Dtype,
    file: &mut OutFile,
) -> Result<()> {
    let mut bytes = Vec::new();
    dataset.walk(shard, |part| {
        bytes.clear();
        dtype.encode(part.ids, &mut bytes)?;
        file.write_all(&bytes).context("cannot be written")
    })
}

/// Adds an ending to a prefix that may hold dots itself.
pub(super) fn with_ending(prefix: &Path, ending: &str) -> std::path::PathBuf {
    let mut path = prefix.as_os_str().to_owned();
    path.push(ending);
    path.into()
}

/// Gives the tokenizer a name beside the ids, and returns it.
///
/// # Errors
/// When the disk is full or fails.
pub(super) fn tokenizer<'d>(dataset: &'d Dataset, folder: &mut Folder) -> Result<&'d str> {
    // `tokenizer.json`, or the `tokenizer.model` of SentencePiece.
    let path = Path::new(&dataset.tokenizer.path);
    let name =
        path.file_name().and_then(|name| name.to_str()).context("a tokenizer without name")?;
    folder.link(&dataset.dir.join(path), name, &dataset.tokenizer)?;
    Ok(name)
}
