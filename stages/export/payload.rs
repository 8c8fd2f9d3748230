//! Reading ids back from a file: in blocks, cut into documents by bounds that stand elsewhere, or by the id that ends them.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use super::dtype::Dtype;
use crate::token_shards::Part;

/// What readers of an export give each part of a document to.
pub(super) type Take<'a> = &'a mut dyn FnMut(Part<'_>) -> Result<()>;

/// Bytes that are read at once; a whole number of ids of any type.
const BLOCK_BYTES: usize = 1 << 18;

/// Gives the ids that are left in `source` to `take`, a block at a time.
///
/// # Errors
/// Those of `take`, and when the source cannot be read or ends inside an id.
pub(super) fn for_each_block(
    mut source: impl Read,
    dtype: Dtype,
    mut take: impl FnMut(&[u32]) -> Result<()>,
) -> Result<()> {
    let (mut bytes, mut ids) = (Vec::with_capacity(BLOCK_BYTES), Vec::new());
    loop {
        bytes.clear();
        source.by_ref().take(BLOCK_BYTES as u64).read_to_end(&mut bytes)?;
        if bytes.is_empty() {
            return Ok(());
        }
        ids.clear();
        dtype.decode(&bytes, &mut ids)?;
        take(&ids)?;
    }
}

/// Cuts a stream of ids into documents by the id that ends each.
pub(super) struct CutAtEnd {
    end_of_document: u32,
    is_open: bool,
}

impl CutAtEnd {
    pub(super) fn new(end_of_document: u32) -> CutAtEnd {
        CutAtEnd { end_of_document, is_open: false }
    }

    /// Takes the ids that follow, and gives their parts to `take`.
    ///
    /// # Errors
    /// Those of `take`.
    pub(super) fn push(&mut self, ids: &[u32], take: Take<'_>) -> Result<()> {
        for ids in ids.split_inclusive(|id| *id == self.end_of_document) {
            let is_last = ids.last() == Some(&self.end_of_document);
            take(Part { ids, is_last })?;
            self.is_open = !is_last;
        }
        Ok(())
    }

    /// Checks that the last document is whole.
    ///
    /// # Errors
    /// When it is not.
    pub(super) fn finish(self) -> Result<()> {
        match self.is_open {
            true => bail!("the last document has no end (id {})", self.end_of_document),
            false => Ok(()),
        }
    }
}

/// Opens a file to read; an error names it.
///
/// # Errors
/// When it cannot be opened.
pub(super) fn open(path: &Path) -> Result<File> {
    File::open(path).with_context(|| path.display().to_string())
}

/// Returns the files of a folder whose names are wanted, in order.
///
/// # Errors
/// When there is none.
pub(super) fn files_where(folder: &Path, is_wanted: impl Fn(&str) -> bool) -> Result<Vec<PathBuf>> {
    let place = || folder.display().to_string();
    let mut paths = Vec::new();
    for entry in folder.read_dir().with_context(place)? {
        let entry = entry.with_context(place)?;
        if is_wanted(&entry.file_name().to_string_lossy()) {
            paths.push(entry.path());
        }
    }
    ensure!(!paths.is_empty(), "{}: holds none of the files that were written", folder.display());
    paths.sort();
    Ok(paths)
}

/// Returns an array of little-endian u64 that fills what is left of `source`, one after the other.
pub(super) fn numbers(mut source: impl Read) -> impl Iterator<Item = Result<u64>> {
    std::iter::from_fn(move || {
        let mut bytes = Vec::with_capacity(8);
        match source.by_ref().take(8).read_to_end(&mut bytes) {
            Ok(0) => None,
            Ok(_) => Some(match bytes.first_chunk::<8>() {
                Some(bytes) => Ok(u64::from_le_bytes(*bytes)),
                None => Err(anyhow::anyhow!("ends inside a number")),
            }),
            Err(error) => Some(Err(error.into())),
        }
    })
}
