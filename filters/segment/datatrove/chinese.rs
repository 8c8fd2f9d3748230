//! Chinese as datatrove cuts it: jieba over the whole text.
//!
//! Its dictionary has words that are not of Han alone (`T恤`, `4S店`), which `segment::chinese` leaves out. So the library
//! itself is used here; it takes 0.1 s to load.

use std::sync::LazyLock;

use jieba_rs::Jieba;

use crate::segment::{MAX_RUN_BYTES, Segment};

static JIEBA: LazyLock<Jieba> = LazyLock::new(Jieba::new);

/// Appends what jieba makes of the whole text, marks and Latin words included: as datatrove cuts Chinese.
pub(in crate::segment) fn cut_all(text: &str, segments: &mut Vec<Segment>) {
    let mut rest = text;
    while !rest.is_empty() {
        // jieba joins nothing across a blank, so that a text may be cut at each.
        let longest = rest.floor_char_boundary(MAX_RUN_BYTES);
        let head = rest.get(..longest).unwrap_or_default();
        let end = if longest == rest.len() { longest } else { head.rfind('\n').unwrap_or(longest) };
        let (head, tail) = rest.split_at(end.max(1).min(longest));
        let start = text.len() - rest.len();
        for token in JIEBA.cut(head, true) {
            let mut start = start + token.byte_start;
            let mut word = token.word;
            while !word.is_empty() {
                let (piece, tail) = word.split_at(python_piece(word));
                segments.extend(Segment::of(piece, start));
                start += piece.len();
                word = tail;
            }
        }
        rest = tail;
    }
}

/// Returns the length of the piece at the head of a token that jieba's Python original, which datatrove runs, would cut.
///
/// It joins digits to a word by a full stop, and splits at all other hyphens, underscores and full stops; `jieba-rs` does not.
fn python_piece(token: &str) -> usize {
    let bytes = token.as_bytes();
    let run = |from: usize, is_member: fn(&u8) -> bool| {
        from + bytes.iter().skip(from).take_while(|byte| is_member(byte)).count()
    };
    let is_joined = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-%".contains(byte);
    if !bytes.iter().all(is_joined) || !bytes.iter().any(u8::is_ascii_alphanumeric) {
        return bytes.len();
    }
    let mut end = run(0, u8::is_ascii_alphanumeric);
    if end == 0 {
        return run(0, |byte| !byte.is_ascii_alphanumeric());
    }
    if bytes.get(end) == Some(&b'.') && bytes.get(end + 1).is_some_and(u8::is_ascii_digit) {
        end = run(end + 1, u8::is_ascii_digit);
    }
    if bytes.get(end) == Some(&b'%') { end + 1 } else { end }
}
