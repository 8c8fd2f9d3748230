//! Places between two characters that no token spans.
//!
//! Merging never crosses such a place, whatever stands around it: what it makes is a token. So a piece may be cut
//! there, and each segment merged by itself, with the same ids. A run of Han characters, which is often a whole
//! sentence and seldom seen twice, falls into segments of one to three characters that come again and again.
//!
//! Held are the places that some token does span, by the last two bytes of the character before and the first
//! three of the one after. A token may begin or end inside a character, as many do that were learnt from bytes: it
//! then stands for all characters that it could belong to. The places are hashed into bits, so a place may be held
//! that no token spans, which costs time but never an id. Between two ASCII characters nothing is ever cut.

/// The places between characters that a token spans, or may span.
#[derive(Debug, Clone)]
pub(super) struct Seams {
    /// Hashed places; a power of two of words.
    bits: Vec<u64>,
    /// Places known by one byte on each side, for tokens that end behind the first byte of a character.
    leads: Box<[[u64; 4]; 256]>,
}

impl Seams {
    /// Finds the places within tokens.
    pub(super) fn new<'v>(tokens: impl Iterator<Item = &'v [u8]>) -> Self {
        let mut spanned = Vec::new();
        let mut leads = Box::new([[0; 4]; 256]);
        for token in tokens {
            span(token, &mut spanned, &mut leads);
        }
        spanned.sort_unstable();
        spanned.dedup();
        // Sixteen bits a place: one in sixteen of the others is held for nothing.
        let n_words = (spanned.len() / 4).next_power_of_two().max(64);
        let mut seams = Self { bits: vec![0; n_words], leads };
        for place in spanned {
            let (word, bit) = seams.bit(place);
            seams.bits[word] |= bit;
        }
        seams
    }

    /// Returns whether no token spans the place between two characters.
    #[inline]
    pub(super) fn is_seam(&self, before: Side, after: Side) -> bool {
        let (last, lead) = (before.0 as u8, (after.0 >> 16) as u8);
        if self.leads[usize::from(last)][usize::from(lead >> 6)] >> (lead & 63) & 1 == 1 {
            return false;
        }
        let (word, bit) = self.bit(place(before, after));
        self.bits[word] & bit == 0
    }

    #[inline]
    fn bit(&self, place: u64) -> (usize, u64) {
        let hash = place.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        ((hash >> 38) as usize & (self.bits.len() - 1), 1 << (hash >> 58))
    }
}

/// What is looked at of a character on one side of a place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Side(u32);

impl Side {
    /// Of a character before a place: its last two bytes, the last one lowest.
    #[inline]
    pub(super) fn before(character: &[u8]) -> Self {
        match *character {
            [byte] => Self(u32::from(byte)),
            [.., last_but_one, last] => Self(u32::from(last_but_one) << 8 | u32::from(last)),
            [] => Self(0),
        }
    }

    /// Of a character after a place: its first three bytes, the first one highest.
    #[inline]
    pub(super) fn after(character: &[u8]) -> Self {
        let [a, b, c] = match *character {
            [a, b, c, ..] => [a, b, c],
            [a, b] => [a, b, 0],
            [a] => [a, 0, 0],
            [] => [0; 3],
        };
        Self(u32::from(a) << 16 | u32::from(b) << 8 | u32::from(c))
    }
}

#[inline]
fn place(before: Side, after: Side) -> u64 {
    u64::from(before.0) << 24 | u64::from(after.0)
}

/// Returns the length of the character that begins with a byte, 0 for a byte that begins none.
#[inline]
pub(super) fn character_bytes(lead: u8) -> usize {
    match lead {
        0..0x80 => 1,
        0x80..0xC0 => 0,
        0xC0..0xE0 => 2,
        0xE0..0xF0 => 3,
        0xF0.. => 4,
    }
}

const CONTINUATION: std::ops::Range<u32> = 0x80..0xC0;

/// Adds the places inside one token.
fn span(token: &[u8], spanned: &mut Vec<u64>, leads: &mut [[u64; 4]; 256]) {
    let starts = (0..token.len()).filter(|&at| character_bytes(token[at]) > 0);
    let starts: Vec<usize> = starts.collect();
    for (n, &at) in starts.iter().enumerate().filter(|(_, at)| **at > 0) {
        let begin = if n == 0 { 0 } else { starts[n - 1] };
        let (left, right) = (&token[begin..at], &token[at..]);
        if left[left.len() - 1].is_ascii() && right[0].is_ascii() {
            continue;
        }
        let length = character_bytes(right[0]);
        if right.len() == 1 && length > 1 {
            let lead = right[0];
            leads[usize::from(left[left.len() - 1])][usize::from(lead >> 6)] |= 1 << (lead & 63);
            continue;
        }
        let right = &right[..right.len().min(length)];
        for &before in &befores(left, n == 0) {
            for &after in &afters(right, length) {
                spanned.push(place(before, after));
            }
        }
    }
}

/// Returns all characters, as looked at before a place, that end as a token begins.
fn befores(left: &[u8], is_cut: bool) -> Vec<Side> {
    match *left {
        // The end of a character of two, three or four bytes.
        [last] if is_cut && !last.is_ascii() => {
            (0x80..0xE0).map(|byte| Side(byte << 8 | u32::from(last))).collect()
        }
        _ => vec![Side::before(left)],
    }
}

/// Returns all characters of `length` bytes, as looked at after a place, that begin as a token ends.
fn afters(right: &[u8], length: usize) -> Vec<Side> {
    let Side(known) = Side::after(right);
    if right.len() == 2 && length > 2 {
        CONTINUATION.map(|byte| Side(known | byte)).collect()
    } else {
        vec![Side(known)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn is_seam(tokens: &[&[u8]], before: &str, after: &str) -> bool {
        let seams = Seams::new(tokens.iter().copied());
        seams.is_seam(Side::before(before.as_bytes()), Side::after(after.as_bytes()))
    }

    #[test]
    fn places_within_a_token_are_no_seams() {
        let tokens = ["数据", "清洗", " 的"].map(str::as_bytes);
        assert!(!is_seam(&tokens, "数", "据"));
        assert!(!is_seam(&tokens, " ", "的"));
        assert!(is_seam(&tokens, "据", "清"));
        assert!(is_seam(&tokens, "据", "数"));
    }

    #[test]
    fn tokens_that_end_within_a_character_stand_for_all_such_characters() {
        let whole = "数据".as_bytes();
        for token in
            [&whole[..4], &whole[..5], &whole[1..], &whole[2..], &whole[2..4], &whole[2..5]]
        {
            assert!(!is_seam(&[token], "数", "据"), "{token:?}");
        }
        assert!(is_seam(&[&whole[..3], &whole[3..]], "数", "据"));
        let whole = "𠮷𠀀".as_bytes();
        for (start, end) in (0..4).flat_map(|start| (5..=8).map(move |end| (start, end))) {
            assert!(!is_seam(&[&whole[start..end]], "𠮷", "𠀀"), "{start}..{end}");
        }
    }

    proptest! {
        #[test]
        fn what_a_token_spans_is_never_a_seam(
            text in prop::collection::vec(prop_oneof![any::<char>(), prop::sample::select(vec!['a', 'é', '中', '文', '😀'])], 2..6),
            cut in 0..4usize,
            end in 0..4usize,
        ) {
            let whole = String::from_iter(&text);
            let first = text[0].len_utf8();
            let last = text[text.len() - 1].len_utf8();
            let token = &whole.as_bytes()[cut.min(first - 1)..whole.len() - end.min(last - 1)];
            let seams = Seams::new(std::iter::once(token));
            for [a, b] in text.array_windows() {
                if a.is_ascii() && b.is_ascii() {
                    continue;
                }
                let (a, b) = (a.to_string(), b.to_string());
                prop_assert!(!seams.is_seam(Side::before(a.as_bytes()), Side::after(b.as_bytes())));
            }
        }
    }
}
