//! What the documents of a split are: counts, and a hash of all ids and of where each document ends.

use anyhow::Result;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{Xxh3Default, xxh3_128};

use crate::token_shards::Part;

/// What is known of the documents of a split, whatever the format they stand in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// Tokens (bytes of text where an export holds text), each document's end among them.
    pub tokens: u64,
    /// Documents.
    pub documents: u64,
    /// xxh3-128 over (xxh3-128 of all ids as u32, xxh3-128 of all document ends as u64), as 32 hexadecimal digits.
    pub xxh3: String,
}

/// Collects [`Content`].
#[derive(Default)]
pub struct Digest {
    ids: Xxh3Default,
    ends: Xxh3Default,
    tokens: u64,
    documents: u64,
    buffer: Vec<u8>,
}

impl Digest {
    /// Takes the next part of a document.
    ///
    /// # Errors
    /// None; the form is that of what readers call.
    pub fn take(&mut self, part: Part<'_>) -> Result<()> {
        self.buffer.clear();
        part.ids.iter().for_each(|id| self.buffer.extend(id.to_le_bytes()));
        self.ids.update(&self.buffer);
        self.tokens += part.ids.len() as u64;
        if part.is_last {
            self.end();
        }
        Ok(())
    }

    /// Takes a whole document of text.
    pub fn take_text(&mut self, text: &str) {
        self.ids.update(text.as_bytes());
        self.tokens += text.len() as u64;
        self.end();
    }

    fn end(&mut self) {
        self.ends.update(&self.tokens.to_le_bytes());
        self.documents += 1;
    }

    /// Returns what was collected.
    pub fn content(&self) -> Content {
        let both = [self.ids.digest128().to_le_bytes(), self.ends.digest128().to_le_bytes()];
        let xxh3 = format!("{:032x}", xxh3_128(both.as_flattened()));
        Content { tokens: self.tokens, documents: self.documents, xxh3 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(parts: &[(&[u32], bool)]) -> Content {
        let mut digest = Digest::default();
        parts.iter().for_each(|(ids, is_last)| {
            digest.take(Part { ids, is_last: *is_last }).unwrap();
        });
        digest.content()
    }

    #[test]
    fn content_is_ids_and_bounds_and_not_how_they_come_in_parts() {
        let whole = content(&[(&[1, 2, 3], true), (&[4], true)]);
        assert_eq!((whole.tokens, whole.documents), (4, 2));
        assert_eq!(content(&[(&[1], false), (&[2, 3], true), (&[], false), (&[4], true)]), whole);
        for other in [
            content(&[(&[1, 2], true), (&[3, 4], true)]),
            content(&[(&[1, 2, 3], true), (&[5], true)]),
            content(&[(&[2, 1, 3], true), (&[4], true)]),
        ] {
            assert_ne!(other.xxh3, whole.xxh3);
        }
    }
}
