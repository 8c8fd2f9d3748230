//! Characters that text is better without, or with others in their place: one pass each, which counts what it changed.

use html_escape::NAMED_ENTITIES;
use memchr::{memchr, memchr_iter};

use super::charset::read_control;

/// Appends a text in which every line ends in LF.
pub(super) fn unify_newlines(text: &str, out: &mut String) -> u64 {
    let (mut edits, mut chars) = (0, text.chars().peekable());
    while let Some(char) = chars.next() {
        if !matches!(char, '\r' | '\u{85}' | '\u{2028}' | '\u{2029}') {
            out.push(char);
            continue;
        }
        edits += 1;
        if !(char == '\r' && chars.peek() == Some(&'\n')) {
            out.push('\n');
        }
    }
    edits
}

/// The longest name of a character is `CounterClockwiseContourIntegral;`.
const MAX_ENTITY_BYTES: usize = 32;

/// Appends a text without character references such as `&eacute;` and `&#233;`; those without `;` stay.
///
/// A text that holds a `<` is taken for markup, where references mean something.
pub(super) fn decode_entities(text: &str, out: &mut String) -> u64 {
    if memchr(b'<', text.as_bytes()).is_some() {
        out.push_str(text);
        return 0;
    }
    let (mut edits, mut copied) = (0, 0);
    for at in memchr_iter(b'&', text.as_bytes()) {
        let rest = text.get(at + 1..).unwrap_or_default();
        let start = rest.as_bytes().get(..MAX_ENTITY_BYTES.min(rest.len())).unwrap_or_default();
        let Some(name) = memchr(b';', start).and_then(|end| rest.get(..end)) else {
            continue;
        };
        let before = out.len();
        out.push_str(text.get(copied..at).unwrap_or_default());
        if push_entity(name, out) {
            copied = at + name.len() + 2;
            edits += 1;
        } else {
            out.truncate(before);
        }
    }
    out.push_str(text.get(copied..).unwrap_or_default());
    edits
}

fn push_entity(name: &str, out: &mut String) -> bool {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16),
            None => number.parse(),
        };
        // A sign is no part of a number here, and 0 is no character of a text.
        let is_plain = number.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let char = code.ok().filter(|&code| is_plain && code > 0).and_then(char::from_u32);
        // Pages number the characters of Windows-1252, and browsers follow.
        out.extend(char.map(|char| read_control(char).unwrap_or(char)));
        return char.is_some();
    }
    match NAMED_ENTITIES.binary_search_by_key(&name.as_bytes(), |&(known, _)| known) {
        Ok(at) => {
            out.push_str(NAMED_ENTITIES[at].1);
            true
        }
        Err(_) => false,
    }
}

/// Returns whether a character controls a terminal, or does nothing in a text; tabs, newlines and form feeds do.
pub(super) fn is_control(char: char) -> bool {
    matches!(char, '\0'..='\u{8}' | '\u{B}' | '\u{E}'..='\u{1F}' | '\u{7F}'..='\u{84}'
        | '\u{86}'..='\u{9F}' | '\u{206A}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFC}')
}

/// Appends a text without control characters, and without the sequences that colour a terminal.
pub(super) fn remove_controls(text: &str, out: &mut String) -> u64 {
    let (mut edits, mut rest) = (0, text);
    while let Some(at) = rest.find(is_control) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        edits += 1;
        rest = match colour(from) {
            Some(after) => after,
            None => from.trim_start_matches(|char| is_control(char) && char != '\u{1B}'),
        };
        if rest.len() == from.len() {
            rest = from.get(1..).unwrap_or_default();
        }
    }
    out.push_str(rest);
    edits
}

/// Returns what follows `ESC [ 0 ; 1 m`.
fn colour(text: &str) -> Option<&str> {
    let from = text.strip_prefix("\u{1B}[")?;
    from.trim_start_matches(|char: char| char.is_ascii_digit() || char == ';').strip_prefix('m')
}

/// Returns whether a character has no width and, in most texts, no function.
pub(super) fn is_invisible(char: char) -> bool {
    is_bidi_mark(char) || matches!(char, '\u{AD}' | '\u{200B}'..='\u{200D}' | '\u{2060}')
}

fn is_bidi_mark(char: char) -> bool {
    matches!(char, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{61C}')
}

/// Returns whether a character belongs to a script that is written from right to left.
fn is_right_to_left(char: char) -> bool {
    !is_bidi_mark(char)
        && matches!(char, '\u{590}'..='\u{8FF}' | '\u{FB1D}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFC}'
            | '\u{10800}'..='\u{10FFF}' | '\u{1E800}'..='\u{1EFFF}')
}

/// Returns whether a joiner has a function beside this character: in cursive scripts, those of India, and emoji.
fn joins(char: char) -> bool {
    matches!(char, '\u{600}'..='\u{8FF}' | '\u{900}'..='\u{DFF}' | '\u{F00}'..='\u{109F}'
        | '\u{1780}'..='\u{18AF}' | '\u{FB50}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFC}' | '\u{FE0F}'
        | '\u{2190}'..='\u{2BFF}' | '\u{1F000}'..='\u{1FAFF}')
}

/// Returns whether words of a script may be parted by a space without width.
fn parts_words_unseen(char: char) -> bool {
    matches!(char, '\u{E00}'..='\u{EFF}' | '\u{1000}'..='\u{109F}' | '\u{1780}'..='\u{17FF}' | '\u{F00}'..='\u{FFF}')
}

/// Appends a text without invisible characters, but for those that have a function where they stand.
pub(super) fn remove_invisible(text: &str, out: &mut String) -> u64 {
    let has_right_to_left = text.chars().any(is_right_to_left);
    let (mut edits, mut last) = (0, ' ');
    for (at, char) in text.char_indices() {
        if is_invisible(char) {
            let after = text.get(at + char.len_utf8()..).unwrap_or_default();
            let next = after.chars().next().unwrap_or(' ');
            let stays = match char {
                '\u{200C}' | '\u{200D}' => joins(last) && (joins(next) || char == '\u{200C}'),
                '\u{200B}' => parts_words_unseen(last) || parts_words_unseen(next),
                '\u{AD}' | '\u{2060}' => false,
                _ => has_right_to_left,
            };
            if !stays {
                edits += 1;
                continue;
            }
        }
        last = char;
        out.push(char);
    }
    edits
}

/// Appends a text with other characters for some of its own.
pub(super) fn replace(
    text: &str,
    with: impl Fn(char) -> Option<&'static str>,
    out: &mut String,
) -> u64 {
    let mut edits = 0;
    for char in text.chars() {
        match with(char) {
            Some(other) => {
                out.push_str(other);
                edits += 1;
            }
            None => out.push(char),
        }
    }
    edits
}

/// Returns the letters of a ligature that printing, not spelling, asks for.
pub(super) fn ligature(char: char) -> Option<&'static str> {
    let letters = ["ff", "fi", "fl", "ffi", "ffl", "ſt", "st"];
    letters.get(u32::from(char).checked_sub(0xFB00)? as usize).copied()
}

/// Returns the straight form of a curly quotation mark.
pub(super) fn straight_quote(char: char) -> Option<&'static str> {
    match char {
        '‘' | '’' | '‚' | '‛' => Some("'"),
        '“' | '”' | '„' | '‟' => Some("\""),
        _ => None,
    }
}

/// Appends a text with ASCII for full-width Latin letters and digits; marks keep their width.
pub(super) fn narrow(text: &str, out: &mut String) -> u64 {
    let mut edits = 0;
    out.extend(text.chars().map(|char| {
        let is_wide = is_wide(char);
        edits += u64::from(is_wide);
        let narrow = char::from_u32(u32::from(char).wrapping_sub(0xFEE0));
        if is_wide { narrow.unwrap_or(char) } else { char }
    }));
    edits
}

/// Returns whether a character is a full-width letter or digit of Latin script.
pub(super) fn is_wide(char: char) -> bool {
    matches!(char, '０'..='９' | 'Ａ'..='Ｚ' | 'ａ'..='ｚ')
}

/// Appends a text with at most `max` blank lines in a row, and returns how many were cut.
pub(super) fn cut_blank_lines(text: &str, max: u64, out: &mut String) -> u64 {
    let (mut edits, mut blank) = (0, 0);
    for line in text.split_inclusive('\n') {
        blank = if line.trim().is_empty() { blank + 1 } else { 0 };
        if blank > max {
            edits += 1;
        } else {
            out.push_str(line);
        }
    }
    edits
}

/// Returns whether a text has more than `max` blank lines in a row.
pub(super) fn has_blank_lines(text: &str, max: u64) -> bool {
    let (mut start, mut blank) = (0, 0);
    for end in memchr_iter(b'\n', text.as_bytes()).chain([text.len()]) {
        let line = text.get(start..end).unwrap_or_default();
        // The text behind the last newline is a line only if it holds something.
        let is_line = end < text.len() || !line.is_empty();
        blank = if is_line && line.trim().is_empty() { blank + 1 } else { 0 };
        if blank > max {
            return true;
        }
        start = end + 1;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(edit: impl Fn(&str, &mut String) -> u64, text: &str) -> (String, u64) {
        let mut out = String::new();
        let edits = edit(text, &mut out);
        (out, edits)
    }

    #[test]
    fn references_become_characters() {
        let text = "caf&eacute; &amp; th&#233; &#x1F600; &#150; &nope; &#0; &#xD800; &; & a;";
        let (out, edits) = run(decode_entities, text);
        assert_eq!(out, "café & thé 😀 – &nope; &#0; &#xD800; &; & a;");
        assert_eq!(edits, 5);
        assert_eq!(run(decode_entities, "<b>&amp;</b>").1, 0);
    }

    #[test]
    fn controls_and_marks_go_unless_they_do_something() {
        assert_eq!(run(remove_controls, "a\u{1B}[31;1mred\u{1B}[0m\0\0b\u{1B}").0, "aredb");
        let text = "so\u{AD}ft \u{200B}图\u{200B}书 👩\u{200D}💻 می\u{200C}خواهم";
        assert_eq!(run(remove_invisible, text).0, "soft 图书 👩\u{200D}💻 می\u{200C}خواهم");
        assert_eq!(run(remove_invisible, "a\u{200E}b"), ("ab".to_owned(), 1));
        assert_eq!(run(remove_invisible, "א\u{200E}b").1, 0);
        assert_eq!(run(remove_invisible, "ภาษา\u{200B}ไทย").1, 0);
    }

    #[test]
    fn lines_end_in_one_way_and_blank_ones_are_few() {
        assert_eq!(run(unify_newlines, "a\r\nb\rc\u{2028}d").0, "a\nb\nc\nd");
        let cut = |text: &str, out: &mut String| cut_blank_lines(text, 1, out);
        assert_eq!(run(cut, "a\n\n \n\nb\n"), ("a\n\nb\n".to_owned(), 2));
        assert!(has_blank_lines("a\n\n \n\nb\n", 2) && !has_blank_lines("a\n\n \n\nb\n", 3));
    }
}
