//! Token shards in Megatron's layout: `PREFIX.bin`, the ids and nothing else, and `PREFIX.idx`,
//! where each document starts (`megatron/core/datasets/indexed_dataset.py`).
//!
//! `.idx`, little-endian: magic `MMIDIDX\0\0`, version u64 = 1, type code u8 (8 = u16, 4 = i32),
//! number of sequences `n` u64, `n + 1` u64, lengths i32[n] in tokens, offsets i64[n] in bytes,
//! first sequence of each document i64[n + 1]. We write one sequence a document; the reader takes
//! several. A pair appears under its names when it is whole: `.idx` is renamed last.

mod reader;
mod walk;
mod writer;

pub use reader::{TokenShard, TokenShards};
pub(crate) use walk::Cut;
pub use walk::Part;
pub use writer::TokenShardWriter;

use std::path::{Path, PathBuf};

const MAGIC: &[u8; 9] = b"MMIDIDX\0\0";
const HEADER_BYTES: u64 = 34;

/// How an id is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenType {
    /// Two bytes, unsigned.
    U16,
    /// Four bytes, signed; ids stay below 2^31.
    I32,
}

impl TokenType {
    /// Returns the type that Megatron expects for a vocabulary: u16 below 65,500
    /// (`DType.optimal_dtype`).
    pub fn of_vocabulary(vocab_size: usize) -> Self {
        if vocab_size < 65_500 { Self::U16 } else { Self::I32 }
    }

    /// Returns the bytes of an id.
    pub fn n_bytes(self) -> u64 {
        match self {
            Self::U16 => 2,
            Self::I32 => 4,
        }
    }

    fn code(self) -> u8 {
        match self {
            Self::U16 => 8,
            Self::I32 => 4,
        }
    }

    fn of_code(code: u8) -> anyhow::Result<Self> {
        match code {
            8 => Ok(Self::U16),
            4 => Ok(Self::I32),
            _ => anyhow::bail!("type code {code} is neither u16 (8) nor i32 (4)"),
        }
    }
}

/// Adds an extension to a prefix that may hold dots itself.
fn with_suffix(prefix: &Path, suffix: &str) -> PathBuf {
    let mut path = prefix.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}

#[cfg(test)]
mod tests;
