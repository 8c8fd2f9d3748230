//! The precompiled map of characters by which SentencePiece normalizes.
//!
//! The file holds the number of bytes of a trie (u32, little-endian), the trie, and the texts it points at, each ended
//! by a zero byte. The trie is a double array of darts-clone: a unit holds the byte that leads to it (bits 0 to 7, and
//! bit 31 set in a value), whether a value follows (bit 8), and the way to its children (bits 9 to 31). Every step is
//! checked against the array, since the file may be broken.

use crate::BpeError;

/// Texts that stand for the texts they replace.
#[derive(Debug, Clone)]
pub(crate) struct Charsmap {
    units: Vec<u32>,
    texts: String,
}

impl Charsmap {
    /// Reads a map.
    ///
    /// # Errors
    /// Fails if the sizes do not fit or a text is no UTF-8.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, BpeError> {
        let broken = |what: &str| BpeError::Inconsistent(format!("precompiled_charsmap: {what}"));
        let (size, rest) = bytes.split_first_chunk().ok_or_else(|| broken("is cut off"))?;
        let size = u32::from_le_bytes(*size) as usize;
        let (trie, texts) = rest.split_at_checked(size).ok_or_else(|| broken("is cut off"))?;
        let (units, []) = trie.as_chunks::<4>() else {
            return Err(broken("its trie is no row of 32-bit units"));
        };
        if units.is_empty() {
            return Err(broken("its trie is empty"));
        }
        let units = units.iter().map(|unit| u32::from_le_bytes(*unit)).collect();
        let texts = std::str::from_utf8(texts).map_err(|_| broken("its texts are no UTF-8"))?;
        Ok(Self { units, texts: texts.to_owned() })
    }

    /// Returns the length of the longest text that `text` begins with and that is replaced, and what replaces it.
    pub(crate) fn longest(&self, text: &str) -> Option<(usize, &str)> {
        let mut longest = None;
        self.prefixes(text, |len, value| {
            longest = Some((len, value));
            true
        });
        longest.and_then(|(len, value)| Some((len, self.text(value)?)))
    }

    /// Returns what replaces the shortest text that `text` begins with.
    ///
    /// Hugging Face replaces all of `text` by it, whatever follows the shortest text.
    pub(crate) fn shortest(&self, text: &str) -> Option<&str> {
        let mut shortest = None;
        self.prefixes(text, |_, value| {
            shortest = Some(value);
            false
        });
        shortest.and_then(|value| self.text(value))
    }

    /// Returns the text at a place, up to the zero byte.
    fn text(&self, at: u32) -> Option<&str> {
        self.texts.get(at as usize..)?.split('\0').next()
    }

    /// Calls `found` with each key that `text` begins with, shortest first, until it returns false.
    fn prefixes(&self, text: &str, mut found: impl FnMut(usize, u32) -> bool) {
        let Some(&root) = self.units.first() else { return };
        let mut at = offset(root);
        for (i, &byte) in text.as_bytes().iter().enumerate() {
            at ^= u32::from(byte);
            let Some(&unit) = self.units.get(at as usize) else { return };
            if unit & (1 << 31 | 0xff) != u32::from(byte) {
                return;
            }
            at ^= offset(unit);
            if unit >> 8 & 1 == 1 {
                let Some(&value) = self.units.get(at as usize) else { return };
                if !found(i + 1, value & !(1 << 31)) {
                    return;
                }
            }
        }
    }
}

/// Returns the way from a unit to its children.
fn offset(unit: u32) -> u32 {
    (unit >> 10) << ((unit & 1 << 9) >> 6)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The map of one rule: `a` becomes `bc`. The root's children begin at 256, the children of `a` at 512.
    pub(crate) fn map_of_one_rule() -> Vec<u8> {
        let mut units = vec![0u32; 520];
        units[0] = 256 << 10;
        let a = 256 ^ u32::from(b'a');
        units[a as usize] = (a ^ 512) << 10 | 1 << 8 | u32::from(b'a');
        units[512] = 1 << 31;
        let trie: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        [&(trie.len() as u32).to_le_bytes()[..], &trie, b"bc\0"].concat()
    }

    #[test]
    fn rule_is_found_at_the_start_of_a_text() {
        let map = Charsmap::read(&map_of_one_rule()).unwrap();
        assert_eq!(map.longest("ab"), Some((1, "bc")));
        assert_eq!(map.shortest("ab"), Some("bc"));
        assert_eq!(map.longest("ba"), None);
        assert_eq!(map.longest(""), None);
    }

    #[test]
    fn broken_maps_are_refused_or_find_nothing() {
        let map = map_of_one_rule();
        for len in 0..map.len() - 3 {
            assert!(Charsmap::read(map.split_at(len).0).is_err(), "{len}");
        }
        let error = Charsmap::read(&[0, 0, 0, 0, b'a']).unwrap_err().to_string();
        assert_eq!(error, "precompiled_charsmap: its trie is empty");
    }

    proptest! {
        #[test]
        fn no_trie_leads_out_of_the_array(units: Vec<u32>, text: String) {
            let trie: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
            let file = [&(trie.len() as u32).to_le_bytes()[..], &trie, b"abc\0"].concat();
            if let Ok(map) = Charsmap::read(&file) {
                map.longest(&text);
                map.shortest(&text);
            }
        }
    }
}
