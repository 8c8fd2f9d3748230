//! What each id of a tokenizer of characters stands for.

/// The text of each id, end to end in one buffer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pieces {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Pieces {
    /// Gives the next id to some bytes. An id that nothing has is pushed as no bytes.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.ends.push(self.bytes.len());
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn get(&self, id: u32) -> Option<&[u8]> {
        let id = id as usize;
        let start = if id == 0 { 0 } else { *self.ends.get(id - 1)? };
        self.bytes.get(start..*self.ends.get(id)?)
    }

    /// Returns the bytes of all ids; ids that nothing has are nothing.
    pub(crate) fn decode(&self, ids: &[u32]) -> Vec<u8> {
        ids.iter().filter_map(|&id| self.get(id)).flatten().copied().collect()
    }

    /// Returns the first id that stands for these bytes; looks through all of them.
    pub(crate) fn find(&self, bytes: &[u8]) -> Option<u32> {
        let mut ids = 0..self.len() as u32;
        ids.find(|&id| !bytes.is_empty() && self.get(id) == Some(bytes))
    }
}

/// The character that stands for a space inside of pieces.
pub(crate) const SPACE: char = '▁';

/// Returns what a piece stands for.
pub(crate) fn unescape(piece: &str) -> String {
    piece.replace(SPACE, " ")
}

/// Returns the byte that a piece such as `<0x0A>` stands for.
pub(crate) fn byte_of(piece: &str) -> Option<u8> {
    let digits = piece.strip_prefix("<0x")?.strip_suffix('>')?;
    let is_hex = |digit: u8| digit.is_ascii_digit() || (b'A'..=b'F').contains(&digit);
    if digits.len() != 2 || !digits.bytes().all(is_hex) {
        return None;
    }
    u8::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_found_by_id_and_by_bytes() {
        let mut pieces = Pieces::default();
        for piece in [&b"a"[..], b"", b"bc", b"a"] {
            pieces.push(piece);
        }
        assert_eq!(pieces.decode(&[2, 0, 1, 9]), b"bca");
        assert_eq!((pieces.find(b"a"), pieces.find(b"b"), pieces.find(b"")), (Some(0), None, None));
    }

    #[test]
    fn only_whole_byte_pieces_are_bytes() {
        assert_eq!(byte_of("<0x0A>"), Some(10));
        for piece in ["<0x0a>", "<0xA>", "0x0A", "<0x+1>", "<0x0A>x", ""] {
            assert_eq!(byte_of(piece), None, "{piece}");
        }
    }
}
