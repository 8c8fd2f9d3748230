//! The tokens of a tokenizer: bytes by id and ids by bytes.

use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64;

/// All tokens, their bytes end to end in one buffer.
#[derive(Debug, Clone, Default)]
pub(super) struct Vocabulary {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Vocabulary {
    /// Gives the next id to a token. An id that no token has is pushed as no bytes.
    pub(super) fn push(&mut self, token: &[u8]) -> u32 {
        self.bytes.extend_from_slice(token);
        self.ends.push(self.bytes.len());
        self.ends.len() as u32 - 1
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn get(&self, id: u32) -> Option<&[u8]> {
        let id = id as usize;
        let start = if id == 0 { 0 } else { *self.ends.get(id - 1)? };
        self.bytes.get(start..*self.ends.get(id)?)
    }

    /// Returns all ids with their bytes, ids without a token left out.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &[u8])> {
        let tokens = (0..self.len() as u32).map(|id| (id, self.get(id).unwrap_or_default()));
        tokens.filter(|(_, token)| !token.is_empty())
    }
}

/// Some ids of a vocabulary, found by the bytes of their tokens.
///
/// Holds ids only: whole tokens are compared, so that no two texts are ever taken for each other.
#[derive(Debug, Clone, Default)]
pub(super) struct Index {
    ids: HashTable<u32>,
    longest: usize,
}

impl Index {
    /// Adds an id, if no id with the same bytes is there.
    pub(super) fn insert(&mut self, vocabulary: &Vocabulary, id: u32) {
        let token = vocabulary.get(id).unwrap_or_default();
        if self.find(vocabulary, token).is_none() {
            let hash = |&id: &u32| xxh3_64(vocabulary.get(id).unwrap_or_default());
            self.ids.insert_unique(xxh3_64(token), id, hash);
            self.longest = self.longest.max(token.len());
        }
    }

    #[inline]
    pub(super) fn find(&self, vocabulary: &Vocabulary, token: &[u8]) -> Option<u32> {
        if token.len() > self.longest {
            return None;
        }
        self.ids.find(xxh3_64(token), |&id| vocabulary.get(id) == Some(token)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_found_by_id_and_by_bytes() {
        let mut vocabulary = Vocabulary::default();
        let mut index = Index::default();
        for token in [&b"a"[..], b"", "中".as_bytes(), b"a"] {
            let id = vocabulary.push(token);
            index.insert(&vocabulary, id);
        }
        assert_eq!(vocabulary.len(), 4);
        assert_eq!(vocabulary.get(2), Some("中".as_bytes()));
        assert_eq!(vocabulary.get(4), None);
        assert_eq!(vocabulary.iter().map(|(id, _)| id).collect::<Vec<_>>(), [0, 2, 3]);
        assert_eq!(index.find(&vocabulary, b"a"), Some(0));
        assert_eq!(index.find(&vocabulary, "中".as_bytes()), Some(2));
        assert_eq!(index.find(&vocabulary, b"b"), None);
        assert_eq!(index.find(&vocabulary, b"longer than any"), None);
    }
}
