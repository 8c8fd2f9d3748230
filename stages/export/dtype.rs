//! How an export stores an id.

use anyhow::{Result, bail, ensure};
use serde::{Deserialize, Serialize};

/// A little-endian integer type, by the name that NumPy gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dtype {
    /// Two bytes, ids up to 65,535.
    Uint16,
    /// Four bytes, ids below 2^31: the same bytes as `Uint32`.
    Int32,
    /// Four bytes.
    Uint32,
    /// Eight bytes.
    Int64,
}

impl Dtype {
    /// All of them.
    pub const ALL: [Dtype; 4] = [Dtype::Uint16, Dtype::Int32, Dtype::Uint32, Dtype::Int64];

    /// Returns NumPy's name.
    pub fn name(self) -> &'static str {
        match self {
            Dtype::Uint16 => "uint16",
            Dtype::Int32 => "int32",
            Dtype::Uint32 => "uint32",
            Dtype::Int64 => "int64",
        }
    }

    /// Returns the bytes of an id.
    pub fn width(self) -> u64 {
        match self {
            Dtype::Uint16 => 2,
            Dtype::Int32 | Dtype::Uint32 => 4,
            Dtype::Int64 => 8,
        }
    }

    /// Returns the highest id that fits.
    pub fn max_id(self) -> u32 {
        match self {
            Dtype::Uint16 => u32::from(u16::MAX),
            Dtype::Int32 => i32::MAX as u32,
            Dtype::Uint32 | Dtype::Int64 => u32::MAX,
        }
    }

    /// Appends the bytes of ids.
    ///
    /// # Errors
    /// When an id does not fit; nothing wraps.
    pub fn encode(self, ids: &[u32], bytes: &mut Vec<u8>) -> Result<()> {
        if let Some(id) = ids.iter().find(|id| **id > self.max_id()) {
            bail!("id {id} does not fit {}", self.name());
        }
        bytes.reserve(ids.len() * self.width() as usize);
        match self {
            Dtype::Uint16 => ids.iter().for_each(|id| bytes.extend((*id as u16).to_le_bytes())),
            Dtype::Int32 | Dtype::Uint32 => {
                ids.iter().for_each(|id| bytes.extend(id.to_le_bytes()));
            }
            Dtype::Int64 => ids.iter().for_each(|id| bytes.extend(u64::from(*id).to_le_bytes())),
        }
        Ok(())
    }

    /// Appends the ids in `bytes`.
    ///
    /// # Errors
    /// When the bytes end inside an id, and when a number is no id: negative, or above 2^32.
    pub fn decode(self, bytes: &[u8], ids: &mut Vec<u32>) -> Result<()> {
        let width = self.width() as usize;
        ensure!(bytes.len().is_multiple_of(width), "{} bytes end inside an id", bytes.len());
        match self {
            Dtype::Uint16 => {
                let id = |pair: &[u8; 2]| u32::from(u16::from_le_bytes(*pair));
                ids.extend(bytes.as_chunks().0.iter().map(id));
            }
            Dtype::Uint32 => {
                ids.extend(bytes.as_chunks().0.iter().map(|four| u32::from_le_bytes(*four)));
            }
            Dtype::Int32 => {
                for four in bytes.as_chunks().0 {
                    let id = i32::from_le_bytes(*four);
                    ids.push(u32::try_from(id).map_err(|_| anyhow::anyhow!("id {id}"))?);
                }
            }
            Dtype::Int64 => {
                for eight in bytes.as_chunks().0 {
                    let id = i64::from_le_bytes(*eight);
                    ids.push(u32::try_from(id).map_err(|_| anyhow::anyhow!("id {id}"))?);
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ids_come_back_or_are_refused(ids: Vec<u32>) {
            for dtype in Dtype::ALL {
                let (mut bytes, mut found) = (Vec::new(), Vec::new());
                let fits = ids.iter().all(|id| *id <= dtype.max_id());
                prop_assert_eq!(dtype.encode(&ids, &mut bytes).is_ok(), fits);
                if fits {
                    prop_assert_eq!(bytes.len() as u64, ids.len() as u64 * dtype.width());
                    dtype.decode(&bytes, &mut found).unwrap();
                    prop_assert_eq!(&found, &ids);
                }
            }
        }
    }

    #[test]
    fn ids_are_little_endian() {
        let bytes = |dtype: Dtype| {
            let mut bytes = Vec::new();
            dtype.encode(&[258], &mut bytes).unwrap();
            bytes
        };
        assert_eq!(bytes(Dtype::Uint16), [2, 1]);
        assert_eq!(bytes(Dtype::Int32), [2, 1, 0, 0]);
        assert_eq!(bytes(Dtype::Uint32), [2, 1, 0, 0]);
        assert_eq!(bytes(Dtype::Int64), [2, 1, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn numbers_that_are_no_ids_are_errors() {
        let error = |dtype: Dtype, bytes: &[u8]| dtype.decode(bytes, &mut Vec::new()).unwrap_err();
        assert!(error(Dtype::Uint16, &[1, 2, 3]).to_string().contains("inside an id"));
        assert!(error(Dtype::Int32, &[0xFF; 4]).to_string().contains("id -1"));
        assert!(error(Dtype::Int64, &[0, 0, 0, 0, 1, 0, 0, 0]).to_string().contains("4294967296"));
    }
}
