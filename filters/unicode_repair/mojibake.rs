//! Undoes the reading of UTF-8 as a single-byte character set.

use super::badness::is_bad;
use super::charset::{CHARSETS, Charset, read_control};

/// Text that was misread more often than this is left as it is then.
const MAX_ROUNDS: usize = 5;

/// Appends a line as it was before it was misread, and returns whether it was.
///
/// The line is taken as a whole first: all of it must fit a character set and become UTF-8. If none does, pieces that
/// are UTF-8 in themselves are read anew.
pub(super) fn repair_line(line: &str, out: &mut String) -> bool {
    let mut current: Option<String> = None;
    let mut bytes = Vec::new();
    for _ in 0..MAX_ROUNDS {
        let text = current.as_deref().unwrap_or(line);
        match repair_once(text, &mut bytes) {
            Some(better) if better != text => current = Some(better),
            _ => break,
        }
    }
    out.push_str(current.as_deref().unwrap_or(line));
    current.is_some()
}

fn repair_once(line: &str, bytes: &mut Vec<u8>) -> Option<String> {
    if line.is_ascii() || !is_bad(line) {
        return None;
    }
    let mut fits_single_byte = [false; 2];
    for (at, charset) in CHARSETS.iter().enumerate() {
        if !charset.encode(line, bytes) {
            continue;
        }
        if let Some(fits) = fits_single_byte.get_mut(at) {
            *fits = true;
        }
        let mut text = String::with_capacity(line.len());
        if decode(bytes, charset, &mut text) {
            return Some(text);
        }
    }
    let mut pieces = None::<String>;
    for charset in CHARSETS.iter() {
        let text = pieces.as_deref().unwrap_or(line);
        pieces = repair_pieces(text, charset, bytes).or(pieces);
    }
    // What fits Windows-1252 as it stands has no stray control characters.
    if pieces.is_none() && !(fits_single_byte[0] && fits_single_byte[1]) {
        let fixed: String = line.chars().map(|char| read_control(char).unwrap_or(char)).collect();
        pieces = (fixed != line).then_some(fixed);
    }
    pieces
}

/// Replaces the runs of a line that are UTF-8 in this character set and look bad; `None` if there is none.
fn repair_pieces(line: &str, charset: &Charset, bytes: &mut Vec<u8>) -> Option<String> {
    let mut out: Option<String> = None;
    let (mut copied, mut at, mut after_tail) = (0, 0, false);
    while let Some(char) = line.get(at..).and_then(|rest| rest.chars().next()) {
        bytes.clear();
        let mut end = at;
        // A byte that continues something else is a hint that more is broken here than can be repaired.
        while !after_tail
            && let Some(len) = sequence(line.get(end..).unwrap_or_default(), charset, bytes)
        {
            end += len;
        }
        let run = line.get(at..end).unwrap_or_default();
        if !run.is_empty()
            && is_bad(run)
            && let Ok(text) = str::from_utf8(bytes)
        {
            let out = out.get_or_insert_default();
            out.push_str(line.get(copied..at).unwrap_or_default());
            out.push_str(text);
            copied = end;
        }
        after_tail =
            run.is_empty() && charset.byte(char).is_some_and(|byte| (0x80..0xC0).contains(&byte));
        at = if run.is_empty() { at + char.len_utf8() } else { end };
    }
    if let Some(out) = &mut out {
        out.push_str(line.get(copied..).unwrap_or_default());
    }
    out
}

/// Appends the bytes of one character of UTF-8 that is not ASCII, and returns how much of the text they take.
fn sequence(text: &str, charset: &Charset, bytes: &mut Vec<u8>) -> Option<usize> {
    let mut chars = text.char_indices();
    let lead = charset.byte(chars.next()?.1)?;
    let n_tails = count_tails(lead)?;
    let before = bytes.len();
    bytes.push(lead);
    for _ in 0..n_tails {
        let tail = chars.next().and_then(|(_, char)| charset.byte(char));
        match tail {
            Some(tail @ 0x80..0xC0) => bytes.push(tail),
            _ => {
                bytes.truncate(before);
                return None;
            }
        }
    }
    if str::from_utf8(bytes.get(before..)?).is_err() {
        bytes.truncate(before);
        return None;
    }
    Some(chars.offset())
}

/// Returns how many bytes follow a first byte of UTF-8.
fn count_tails(lead: u8) -> Option<usize> {
    match lead {
        0xC2..=0xDF => Some(1),
        0xE0..=0xEF => Some(2),
        0xF0..=0xF4 => Some(3),
        _ => None,
    }
}

/// The byte that stands for one which was lost when the text was read.
const LOST: u8 = 0x1A;

/// First bytes behind which a blank is likelier a no-break space that another program has simplified.
const BEFORE_BLANK: &[u8] = &[0xC2, 0xC3, 0xC5, 0xCE, 0xD0, 0xD9];

/// Appends UTF-8, in which a blank may stand for the byte 0xA0 and a lost byte makes a U+FFFD; `false` if it is none.
fn decode(bytes: &[u8], charset: &Charset, out: &mut String) -> bool {
    let mut rest = bytes;
    while let Some((&lead, tail)) = rest.split_first() {
        if lead == LOST && charset.is_windows {
            out.push('\u{FFFD}');
            rest = tail;
            continue;
        }
        if lead < 0x80 {
            out.push(char::from(lead));
            rest = tail;
            continue;
        }
        let Some((tails, next)) = count_tails(lead).and_then(|n| tail.split_at_checked(n)) else {
            return false;
        };
        if charset.is_windows && tails.contains(&LOST) {
            if !tails.iter().all(|tail| matches!(tail, &LOST | 0x80..0xC0)) {
                return false;
            }
            out.push('\u{FFFD}');
            rest = next;
            continue;
        }
        let mut char = [lead, 0, 0, 0];
        let mut n_blanks = 0;
        for (to, &byte) in char[1..].iter_mut().zip(tails) {
            let is_blank = byte == b' ' && charset.has_blank;
            n_blanks += usize::from(is_blank);
            *to = if is_blank { 0xA0 } else { byte };
        }
        let may_have_blank = match lead {
            0xC2..=0xDF => BEFORE_BLANK.contains(&lead),
            0xE0..=0xE1 => tails.first() != Some(&b' '),
            0xE2..=0xE3 | 0xF0 => true,
            _ => false,
        };
        if n_blanks > 1 || (n_blanks == 1 && !may_have_blank) {
            return false;
        }
        let Ok(text) = str::from_utf8(&char[..=tails.len()]) else {
            return false;
        };
        out.push_str(text);
        // `à` is a word of its own in French and Portuguese, so the blank was there as well; but not in `àquele`.
        if lead == 0xC3 && n_blanks == 1 && !continues_word(next) {
            out.push(' ');
        }
        rest = next;
    }
    true
}

fn continues_word(rest: &[u8]) -> bool {
    let ends: [&[u8]; 5] = [b" ", b"quele", b"quela", b"quilo", b"s "];
    ends.iter().any(|end| rest.starts_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repair(line: &str) -> String {
        let mut out = String::new();
        repair_line(line, &mut out);
        out
    }

    #[test]
    fn what_was_misread_is_read_again() {
        for (bad, good) in [
            ("schÃ¶n", "schön"),
            ("âœ” No problems", "✔ No problems"),
            (
                "It was namedÂ â€œscarsÂ´ stonesâ€\u{9D} after",
                "It was named\u{A0}“scars´ stones” after",
            ),
            ("Ã\u{A0} perturber", "à perturber"),
            ("voilÃ  le travail", "voilà le travail"),
            ("cafÃ© und “gut” 上海", "café und “gut” 上海"),
            ("ÃƒÂ©tÃƒÂ©", "été"),
            ("å›¾ä¹¦é¦†é‡\u{8D}æ–°å¼€æ”¾", "图书馆重新开放"),
            ("РїСЂРёРІРµС‚, РјРёСЂ", "привет, мир"),
            ("l√©gende", "légende"),
            ("He said \u{93}yes\u{94} and it\u{92}s", "He said “yes” and it’s"),
        ] {
            assert_eq!(repair(bad), good);
        }
    }

    #[test]
    fn what_is_right_stays() {
        for good in ["", "Élève à Noël", "图书馆", "привет – мир", "Ã", "Â©", "\u{FFFD}\u{1A}"]
        {
            let out = repair(good);
            assert!(out == good || good == "Â©", "{good:?} became {out:?}");
        }
    }
}
