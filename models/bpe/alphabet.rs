//! The characters by which `tokenizer.json` spells bytes.
//!
//! Printable Latin-1 stands for itself; the other 68 bytes get the characters from U+0100 on (a space is `Ġ`).
//! Radford et al. 2019, `bytes_to_unicode` in the code of GPT-2.

/// Returns the character that spells a byte.
pub(super) fn to_char(byte: u8) -> char {
    match byte {
        b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff => char::from(byte),
        0..=0x20 => shifted(byte),
        0x7f..=0xa0 => shifted(byte - 0x7f + 0x21),
        0xad => shifted(0x43),
    }
}

/// Returns the character of the n-th byte that does not stand for itself.
fn shifted(n: u8) -> char {
    char::from_u32(0x100 + u32::from(n)).expect("U+0100 to U+0143 are characters")
}

/// Returns the byte that a character spells.
fn to_byte(c: char) -> Option<u8> {
    match u32::from(c) {
        n @ 0x100..=0x120 => Some((n - 0x100) as u8),
        n @ 0x121..=0x142 => Some((n - 0x121 + 0x7f) as u8),
        0x143 => Some(0xad),
        n => u8::try_from(n).ok().filter(|&byte| to_char(byte) == c),
    }
}

/// Spells bytes.
pub(super) fn spell(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| to_char(byte)).collect()
}

/// Returns the spelt bytes, or `None` if a character spells none.
pub(super) fn unspell(text: &str) -> Option<Vec<u8>> {
    text.chars().map(to_byte).collect()
}

/// Returns all bytes in the order of their characters, which is the order of ids in a trained vocabulary.
pub(super) fn bytes_in_order() -> [u8; 256] {
    let mut bytes = std::array::from_fn(|i| i as u8);
    bytes.sort_unstable_by_key(|&byte| to_char(byte));
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_byte_has_a_character_of_its_own() {
        for byte in 0..=255 {
            assert_eq!(unspell(&spell(&[byte])), Some(vec![byte]));
        }
        assert_eq!(spell("\n 中".as_bytes()), "ĊĠä¸Ń");
        assert_eq!(spell(&[0x7f, 0x80, 0xa0, 0xad]), "ġĢłŃ");
    }

    #[test]
    fn characters_outside_the_alphabet_spell_nothing() {
        for text in ["a b", "\u{144}", "\u{ad}", "中"] {
            assert_eq!(unspell(text), None, "{text}");
        }
    }

    #[test]
    fn ids_begin_with_the_printable_bytes() {
        let bytes = bytes_in_order();
        assert_eq!((bytes[0], bytes[93], bytes[94]), (b'!', b'~', 0xa1));
        assert_eq!((bytes[188], bytes[255]), (0, 0xad));
    }
}
