use super::{HEADER_BYTES, MAGIC, TokenType, with_suffix};
use anyhow::{Context, Result, bail, ensure};
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// One shard, read in place: nothing of it is held in memory.
pub struct TokenShard {
    ids: File,
    pub(super) index: File,
    pub(super) token_type: TokenType,
    pub(super) n_sequences: u64,
    pub(super) n_documents: u64,
    pub(super) n_tokens: u64,
    pub(super) path: PathBuf,
}

impl TokenShard {
    /// Opens `PREFIX.bin` and `PREFIX.idx` and checks that header and sizes fit together.
    pub fn open(prefix: &Path) -> Result<Self> {
        let path = with_suffix(prefix, ".idx");
        Self::open_index(prefix, &path).with_context(|| path.display().to_string())
    }

    fn open_index(prefix: &Path, path: &Path) -> Result<Self> {
        let index = File::open(path)?;
        let bytes = index.metadata()?.len();
        ensure!(bytes >= HEADER_BYTES, "{bytes} bytes are shorter than the header");
        let mut header = [0; HEADER_BYTES as usize];
        index.read_exact_at(&mut header, 0)?;
        ensure!(header[..9] == MAGIC[..], "does not start with the magic of a Megatron index");
        let number =
            |at: usize| u64::from_le_bytes(header[at..at + 8].try_into().expect("8 bytes"));
        ensure!(number(9) == 1, "version {} is not 1", number(9));
        let token_type = TokenType::of_code(header[17])?;
        let (n_sequences, n_starts) = (number(18), number(26));
        ensure!(n_starts > 0, "has no end of the last document");
        let expected = n_sequences.checked_mul(12).and_then(|arrays| {
            arrays.checked_add(n_starts.checked_mul(8)?)?.checked_add(HEADER_BYTES)
        });
        ensure!(
            expected == Some(bytes),
            "{bytes} bytes do not hold {n_sequences} sequences and {} documents",
            n_starts - 1
        );
        let data = with_suffix(prefix, ".bin");
        let ids = File::open(&data).with_context(|| data.display().to_string())?;
        let data_bytes = ids.metadata()?.len();
        let n_tokens = data_bytes / token_type.n_bytes();
        let n_documents = n_starts - 1;
        let path = data.clone();
        let shard = Self { ids, index, token_type, n_sequences, n_documents, n_tokens, path };
        ensure!(
            shard.first_sequence(0)? == 0 && shard.first_sequence(n_documents)? == n_sequences,
            "its documents do not cover its sequences"
        );
        let end = shard.end()?;
        ensure!(
            end == data_bytes,
            "{}: {data_bytes} bytes, the index expects {end}",
            data.display()
        );
        Ok(shard)
    }

    /// Returns how an id is stored.
    pub fn token_type(&self) -> TokenType {
        self.token_type
    }

    /// Returns the number of sequences, of which a document may have several.
    pub fn n_sequences(&self) -> u64 {
        self.n_sequences
    }

    /// Returns the number of documents.
    pub fn n_documents(&self) -> u64 {
        self.n_documents
    }

    /// Returns the number of tokens.
    pub fn n_tokens(&self) -> u64 {
        self.n_tokens
    }

    /// Returns the ids of a document, `end_of_document` included.
    pub fn document(&self, document: u64) -> Result<Vec<u32>> {
        ensure!(document < self.n_documents, "{}: no document {document}", self.path.display());
        let token =
            |sequence| Ok::<_, anyhow::Error>(self.offset(sequence)? / self.token_type.n_bytes());
        let start = token(self.first_sequence(document)?)?;
        let end = token(self.first_sequence(document + 1)?)?;
        ensure!(
            start <= end && end <= self.n_tokens,
            "{}: document {document} is said to be tokens {start}..{end} of {}",
            self.path.display(),
            self.n_tokens
        );
        let mut ids = Vec::new();
        self.read(start..end, &mut ids)?;
        Ok(ids)
    }

    /// Appends the ids of a range of tokens.
    pub fn read(&self, tokens: Range<u64>, ids: &mut Vec<u32>) -> Result<()> {
        let width = self.token_type.n_bytes();
        let n = usize::try_from(tokens.end - tokens.start)?;
        let mut bytes = vec![0; n * width as usize];
        self.ids
            .read_exact_at(&mut bytes, tokens.start * width)
            .with_context(|| self.path.display().to_string())?;
        match self.token_type {
            TokenType::U16 => {
                let id = |pair: &[u8; 2]| u32::from(u16::from_le_bytes(*pair));
                ids.extend(bytes.as_chunks().0.iter().map(id));
            }
            TokenType::I32 => {
                for four in bytes.as_chunks().0 {
                    let id = u32::from_le_bytes(*four);
                    ensure!(id >> 31 == 0, "{}: a negative id", self.path.display());
                    ids.push(id);
                }
            }
        }
        Ok(())
    }

    fn first_sequence(&self, document: u64) -> Result<u64> {
        let mut bytes = [0; 8];
        let at = HEADER_BYTES + 12 * self.n_sequences + 8 * document;
        self.index.read_exact_at(&mut bytes, at)?;
        Ok(u64::from_le_bytes(bytes))
    }

    /// Returns where a sequence starts, in bytes; the one after the last starts at the end.
    fn offset(&self, sequence: u64) -> Result<u64> {
        if sequence >= self.n_sequences {
            ensure!(
                sequence == self.n_sequences,
                "{}: no sequence {sequence}",
                self.path.display()
            );
            return Ok(self.n_tokens * self.token_type.n_bytes());
        }
        let mut bytes = [0; 8];
        self.index.read_exact_at(&mut bytes, HEADER_BYTES + 4 * self.n_sequences + 8 * sequence)?;
        Ok(u64::from_le_bytes(bytes))
    }

    /// Returns where the last sequence ends, in bytes, by the index.
    fn end(&self) -> Result<u64> {
        let Some(last) = self.n_sequences.checked_sub(1) else { return Ok(0) };
        let mut length = [0; 4];
        self.index.read_exact_at(&mut length, HEADER_BYTES + 4 * last)?;
        let bytes = u64::from(u32::from_le_bytes(length)) * self.token_type.n_bytes();
        self.offset(last)?.checked_add(bytes).context("the last offset is out of range")
    }
}

/// The shards of a folder as one stream of tokens, in the order of their names.
pub struct TokenShards {
    shards: Vec<TokenShard>,
    /// Where each shard ends in the stream.
    ends: Vec<u64>,
}

impl TokenShards {
    /// Opens all pairs in `folder`. A folder without any, or an unfinished pair, is an error.
    pub fn open(folder: &Path) -> Result<Self> {
        let mut prefixes = Vec::new();
        for entry in folder.read_dir().with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "bin") {
                let prefix = path.with_extension("");
                if !with_suffix(&prefix, ".idx").exists() {
                    bail!("{}: has no .idx beside it", path.display());
                }
                prefixes.push(prefix);
            }
        }
        ensure!(
            !prefixes.is_empty(),
            "{}: holds no token shards (.bin and .idx)",
            folder.display()
        );
        prefixes.sort();
        let shards = prefixes.iter().map(|p| TokenShard::open(p)).collect::<Result<Vec<_>>>()?;
        let mut end = 0;
        let ends = shards.iter().map(|shard| {
            end += shard.n_tokens();
            end
        });
        Ok(Self { ends: ends.collect(), shards })
    }

    /// Returns the shards in order.
    pub fn shards(&self) -> &[TokenShard] {
        &self.shards
    }

    /// Returns the number of documents.
    pub fn n_documents(&self) -> u64 {
        self.shards.iter().map(TokenShard::n_documents).sum()
    }

    /// Returns the number of tokens.
    pub fn n_tokens(&self) -> u64 {
        self.ends.last().copied().unwrap_or(0)
    }

    /// Appends the ids of a range of the stream, which may span shards.
    pub fn read(&self, tokens: Range<u64>, ids: &mut Vec<u32>) -> Result<()> {
        ensure!(
            tokens.end <= self.n_tokens(),
            "tokens {tokens:?} of a stream of {}",
            self.n_tokens()
        );
        let mut at = tokens.start;
        let mut shard = self.ends.partition_point(|end| *end <= at);
        while at < tokens.end {
            let start = if shard == 0 { 0 } else { self.ends[shard - 1] };
            let end = self.ends[shard].min(tokens.end);
            self.shards[shard].read(at - start..end - start, ids)?;
            at = end;
            shard += 1;
        }
        Ok(())
    }
}
