use super::{HEADER_BYTES, MAGIC, TokenType, with_suffix};
use anyhow::{Context, Result, ensure};
use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

/// Writes one shard, document by document, in constant memory.
pub struct TokenShardWriter {
    prefix: PathBuf,
    token_type: TokenType,
    end_of_document: Option<u32>,
    ids: BufWriter<File>,
    /// Lengths, i32 each, until the number of documents is known.
    lengths: BufWriter<File>,
    n_documents: u64,
    n_tokens: u64,
}

impl TokenShardWriter {
    /// Creates `PREFIX.bin` and `PREFIX.idx` under temporary names.
    pub fn create(prefix: &Path, token_type: TokenType) -> Result<Self> {
        Ok(Self {
            prefix: prefix.to_owned(),
            token_type,
            end_of_document: None,
            ids: create(&with_suffix(prefix, ".bin.tmp"))?,
            lengths: create(&with_suffix(prefix, ".lengths.tmp"))?,
            n_documents: 0,
            n_tokens: 0,
        })
    }

    /// Refuses documents in which this id does not stand exactly once, at the end: trainers that look for documents in the ids
    /// alone would find others.
    #[must_use]
    pub fn ended_by(self, end_of_document: u32) -> Self {
        Self { end_of_document: Some(end_of_document), ..self }
    }

    /// Appends a document, whose last id is `end_of_document`. An id that the type cannot hold is
    /// an error, and then the shard is never finished.
    pub fn push(&mut self, document: &[u32]) -> Result<()> {
        let path = || with_suffix(&self.prefix, ".bin.tmp").display().to_string();
        if let Some(end) = self.end_of_document {
            let at = document.iter().position(|id| *id == end);
            ensure!(
                at.is_some_and(|at| at + 1 == document.len()),
                "{}: id {end}, which ends documents, stands {} in document {} of {} tokens",
                path(),
                at.map_or("nowhere".to_owned(), |at| format!("at token {at}")),
                self.n_documents,
                document.len()
            );
        }
        let length = i32::try_from(document.len())
            .with_context(|| format!("{}: a document of {} tokens", path(), document.len()))?;
        for id in document {
            let written = match self.token_type {
                TokenType::U16 => {
                    u16::try_from(*id).map(|id| self.ids.write_all(&id.to_le_bytes()))
                }
                TokenType::I32 => {
                    i32::try_from(*id).map(|id| self.ids.write_all(&id.to_le_bytes()))
                }
            };
            let written = written
                .with_context(|| format!("{}: id {id} exceeds {:?}", path(), self.token_type))?;
            written.with_context(path)?;
        }
        self.lengths.write_all(&length.to_le_bytes()).with_context(path)?;
        self.n_documents += 1;
        self.n_tokens += document.len() as u64;
        Ok(())
    }

    /// Returns the tokens written so far.
    pub fn n_tokens(&self) -> u64 {
        self.n_tokens
    }

    /// Writes the index, waits until both files are on disk, and gives them their names.
    pub fn finish(self) -> Result<()> {
        let Self { prefix, token_type, ids, lengths, n_documents, .. } = self;
        let part = |suffix| with_suffix(&prefix, suffix);
        close(ids).with_context(|| part(".bin.tmp").display().to_string())?;
        close(lengths).with_context(|| part(".lengths.tmp").display().to_string())?;
        write_index(&part(".idx.tmp"), &part(".lengths.tmp"), token_type, n_documents)
            .with_context(|| part(".idx.tmp").display().to_string())?;
        fs::remove_file(part(".lengths.tmp"))?;
        for (from, to) in [(".bin.tmp", ".bin"), (".idx.tmp", ".idx")] {
            fs::rename(part(from), part(to)).with_context(|| part(to).display().to_string())?;
        }
        let folder = prefix.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
        Ok(())
    }
}

fn create(path: &Path) -> Result<BufWriter<File>> {
    let file = File::create(path).with_context(|| path.display().to_string())?;
    Ok(BufWriter::with_capacity(1 << 18, file))
}

fn close(writer: BufWriter<File>) -> Result<()> {
    writer.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
    Ok(())
}

fn write_index(path: &Path, lengths: &Path, token_type: TokenType, n: u64) -> Result<()> {
    let mut index = create(path)?;
    index.write_all(MAGIC)?;
    index.write_all(&1u64.to_le_bytes())?;
    index.write_all(&[token_type.code()])?;
    index.write_all(&n.to_le_bytes())?;
    index.write_all(&(n + 1).to_le_bytes())?;
    let copied = std::io::copy(&mut File::open(lengths)?, &mut index)?;
    ensure!(copied == 4 * n, "{} changed while it was read", lengths.display());
    let mut lengths = BufReader::new(File::open(lengths)?);
    let mut offset = 0u64;
    for _ in 0..n {
        index.write_all(&offset.to_le_bytes())?;
        let mut length = [0; 4];
        lengths.read_exact(&mut length)?;
        offset += u64::from(u32::from_le_bytes(length)) * token_type.n_bytes();
    }
    for document in 0..=n {
        index.write_all(&document.to_le_bytes())?;
    }
    debug_assert_eq!(HEADER_BYTES, 9 + 8 + 1 + 8 + 8);
    close(index)
}
