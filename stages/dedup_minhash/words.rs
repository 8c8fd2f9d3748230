//! Cuts a text into words and hashes them, without a copy of any word that is ASCII.
//!
//! A word is one Han character, kana or Hangul syllable, or a maximal run of letters and digits of all other
//! scripts, lower-cased; combining marks stay in their run. Marks, white space and emoji end a word and are
//! not part of any. The cut knows no language, so a document has the same words whatever language a
//! classifier sees in it.
//!
//! Scripts that do not part words (Thai, Lao, Khmer, Burmese) have a phrase for a word.

use super::hash::{SEED, fold, hash_bytes, hash_char};
use super::letters::Letter;

/// Appends the hash of each word of `text` to `hashes`.
pub(crate) fn hash_words(text: &str, hashes: &mut Vec<u64>) {
    let mut words = Words { text, bytes: text.as_bytes(), at: 0, beyond_ascii: Vec::new() };
    while words.at < text.len() {
        words.hash_ascii_block(hashes);
        words.hash_next(hashes);
    }
}

/// A text that is being cut; everything before `at` is done, and no word goes on there.
struct Words<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    /// The lower-cased beginning of a word that has characters beyond ASCII.
    beyond_ascii: Vec<u8>,
}

/// Bytes whose kind is found at once.
const BLOCK: usize = 64;

impl<'a> Words<'a> {
    /// Hashes the words that end within the next 64 bytes, up to the first character beyond ASCII.
    fn hash_ascii_block(&mut self, hashes: &mut Vec<u64>) {
        while let Some(block) = self.bytes[self.at..].first_chunk::<BLOCK>() {
            let Some(ascii) = AsciiBlock::read(block) else { return };
            let mut edges = (ascii.words ^ (ascii.words << 1)) & ascii.known;
            let mut done = ascii.known.trailing_ones() as usize;
            while edges != 0 {
                let start = edges.trailing_zeros() as usize;
                edges &= edges - 1;
                if edges == 0 {
                    // The last word may go on behind what is known.
                    done = start;
                    break;
                }
                let end = edges.trailing_zeros() as usize;
                edges &= edges - 1;
                hashes.push(hash_ascii_word(self.bytes, self.at + start, self.at + end));
            }
            self.at += done;
            if done < BLOCK / 2 {
                return;
            }
        }
    }

    /// Hashes the next word, however long it is and whatever it consists of.
    fn hash_next(&mut self, hashes: &mut Vec<u64>) {
        let kind = |at: usize| self.bytes.get(at).map_or(Kind::End, |&byte| KINDS[byte as usize]);
        let mut start = self.at;
        while kind(start) == Kind::Gap {
            start += 1;
        }
        let mut end = start;
        while kind(end) == Kind::Word {
            end += 1;
        }
        if kind(end) == Kind::BeyondAscii {
            self.hash_beyond_ascii(start, end, hashes);
        } else {
            if start < end {
                hashes.push(hash_ascii_word(self.bytes, start, end));
            }
            self.at = end;
        }
    }

    /// Hashes the word that began at `start` in ASCII and meets another character at `end`, and the words
    /// that follow it without a gap.
    fn hash_beyond_ascii(&mut self, start: usize, end: usize, hashes: &mut Vec<u64>) {
        self.beyond_ascii.clear();
        self.beyond_ascii.extend(self.bytes[start..end].iter().map(u8::to_ascii_lowercase));
        self.at = end;
        while let Some(char) = self.next_char() {
            match Letter::of(char) {
                Letter::None => break,
                Letter::Alone => {
                    self.end_word(hashes);
                    hashes.push(hash_char(char));
                    self.hash_han(hashes);
                }
                Letter::Lower(lower) => self.push(lower),
                Letter::Other => char.to_lowercase().for_each(|lower| self.push(lower)),
            }
        }
        self.end_word(hashes);
    }

    /// Hashes the Han characters of the main block that stand here.
    fn hash_han(&mut self, hashes: &mut Vec<u64>) {
        while let Some(&[a @ 0xE4..=0xE9, b, c]) = self.bytes[self.at..].first_chunk::<3>() {
            if a == 0xE4 && b < 0xB8 {
                return;
            }
            hashes.push(fold(SEED ^ u64::from(u32::from_le_bytes([a, b, c, 0]))));
            self.at += 3;
        }
    }

    fn next_char(&mut self) -> Option<char> {
        let char = self.text.get(self.at..)?.chars().next()?;
        self.at += char.len_utf8();
        Some(char)
    }

    fn push(&mut self, lower: char) {
        self.beyond_ascii.extend_from_slice(lower.encode_utf8(&mut [0; 4]).as_bytes());
    }

    fn end_word(&mut self, hashes: &mut Vec<u64>) {
        if !self.beyond_ascii.is_empty() {
            hashes.push(hash_bytes(&self.beyond_ascii, 0));
            self.beyond_ascii.clear();
        }
    }
}

/// What the bytes of a block are, one bit a byte.
struct AsciiBlock {
    /// The bytes before the first one that is not ASCII.
    known: u64,
    /// Those of them that are letters or digits; bits of bytes that are not known say nothing.
    words: u64,
}

impl AsciiBlock {
    /// Returns `None` if one of the first 8 bytes is not ASCII: the next word is found faster byte by byte.
    fn read(block: &[u8; BLOCK]) -> Option<AsciiBlock> {
        const HIGH: u64 = every(0x80);
        let (mut words, mut not_ascii) = (0, 0);
        for (i, eight) in block.as_chunks::<8>().0.iter().enumerate() {
            let eight = u64::from_le_bytes(*eight);
            let at_least = |bytes: u64, least: u8| bytes + every(0x80 - least);
            let lower = eight & !HIGH | every(0x20);
            let digits = eight & !HIGH;
            let letters = at_least(lower, b'a') & !at_least(lower, b'z' + 1);
            let digits = at_least(digits, b'0') & !at_least(digits, b'9' + 1);
            words |= high_bits((letters | digits) & HIGH) << (8 * i);
            not_ascii |= high_bits(eight & HIGH) << (8 * i);
            if i == 0 && not_ascii != 0 {
                return None;
            }
        }
        // The bits below the lowest one.
        let known = if not_ascii == 0 { u64::MAX } else { (1 << not_ascii.trailing_zeros()) - 1 };
        Some(AsciiBlock { known, words })
    }
}

/// Returns eight times the same byte.
const fn every(byte: u8) -> u64 {
    0x0101_0101_0101_0101 * byte as u64
}

/// Gathers the highest bit of each byte, all others being 0, in the order of the bytes.
fn high_bits(bytes: u64) -> u64 {
    // Each of the eight factors 2^(56 - 7 i) brings one bit to its place; no two products meet.
    (bytes >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
}

/// What a byte is to the cut.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Gap,
    Word,
    BeyondAscii,
    End,
}

const KINDS: [Kind; 256] = {
    let mut kinds = [Kind::Gap; 256];
    let mut byte = 0;
    while byte < 256 {
        if byte >= 0x80 {
            kinds[byte] = Kind::BeyondAscii;
        } else if (byte as u8).is_ascii_alphanumeric() {
            kinds[byte] = Kind::Word;
        }
        byte += 1;
    }
    kinds
};

/// Returns what `hash_bytes` returns for the lower-cased word, which is a run of ASCII letters and digits.
fn hash_ascii_word(bytes: &[u8], start: usize, end: usize) -> u64 {
    // The bit that tells `a` from `A` is set in every digit.
    const LOWER: u64 = 0x2020_2020_2020_2020;
    match bytes[start..].first_chunk::<8>() {
        Some(chunk) if end - start <= 8 => {
            let word = u64::from_le_bytes(*chunk) | LOWER;
            fold(SEED ^ (word & (u64::MAX >> (64 - 8 * (end - start)))))
        }
        _ => hash_bytes(&bytes[start..end], LOWER),
    }
}

#[cfg(test)]
#[allow(clippy::string_slice)]
mod tests {
    use proptest::prelude::*;

    use super::super::letters::{is_alone, is_in_word};
    use super::*;

    /// The definition, written plainly.
    fn words(text: &str) -> Vec<String> {
        let mut words = vec![String::new()];
        for char in text.chars() {
            if is_alone(char) {
                words.extend([char.to_string(), String::new()]);
            } else if is_in_word(char) {
                words.last_mut().unwrap().extend(char.to_lowercase());
            } else {
                words.push(String::new());
            }
        }
        words.retain(|word| !word.is_empty());
        words
    }

    fn check(text: &str) {
        let mut hashes = Vec::new();
        hash_words(text, &mut hashes);
        let expected: Vec<_> =
            words(text).iter().map(|word| hash_bytes(word.as_bytes(), 0)).collect();
        assert_eq!(hashes, expected, "{text:?}: {:?}", words(text));
    }

    #[test]
    fn a_chinese_character_is_a_word_and_a_run_of_other_letters_is_one() {
        let text =
            "Hello,WORLD 3.14 l'Été_straße 上海abc。カナ한글 İstanbul e\u{301}te\u{301} नमस्ते";
        assert_eq!(
            words(text).join("|"),
            "hello|world|3|14|l|été|straße|上|海|abc|カ|ナ|한|글|i\u{307}stanbul|e\u{301}te\u{301}|नमस्ते"
        );
        check(text);
    }

    #[test]
    fn words_at_the_edges_of_a_text_and_of_eight_bytes_are_whole() {
        for text in [
            "",
            " ",
            "a",
            "abcdefg",
            "abcdefgh",
            "abcdefghi",
            "Abcdefghijklmnopq",
            "é",
            "a上",
            "上a",
            "，",
            "a，",
            "K",
        ] {
            check(text);
            check(&format!("{text}, {text}"));
        }
    }

    #[test]
    fn blocks_may_break_anywhere() {
        let text = "The quick, brown fox (1.0) jumps over the lazy dog; ".repeat(5)
            + &"a".repeat(200)
            + " l'été, naïve café ÜBER Straße 上海 and 北京大学abc def "
            + &"-".repeat(130)
            + "end 0123456789abcdefghijklmnopqrstuvwxyz[AZ@`{/:]~ x";
        for (start, _) in text.char_indices() {
            check(&text[start..]);
            check(&text[..start]);
        }
    }

    proptest! {
        #[test]
        fn ascii_is_cut_by_the_definition(text in "[ -~\\n]{0,300}") {
            check(&text);
        }

        #[test]
        fn any_text_is_cut_by_the_definition(text in any::<String>()) {
            check(&text);
        }

        #[test]
        fn mixtures_are_cut_by_the_definition(
            parts in prop::collection::vec(
                "[a-zA-Z0-9 _.-]{0,40}|[上海カ한]{0,3}|[éßİK\u{301}नस्]{0,3}|[，。🇩\u{200D}𠀀𐐀]",
                0..20,
            ),
        ) {
            check(&parts.concat());
        }
    }
}
