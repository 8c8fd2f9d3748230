//! Lines as Python's `str.splitlines` cuts them, which datatrove's Gopher and C4 rules use.

/// Returns the lines of a text, without what ends them.
///
/// A line ends at LF, CR, CR LF, VT, FF, FS, GS, RS, NEL, U+2028 or U+2029; an empty last line is no line.
pub fn split_lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (end, width) = find_break(rest.as_bytes());
        let (line, tail) = rest.split_at(end);
        rest = tail.get(width..).unwrap_or_default();
        Some(line)
    })
}

/// Returns the offset and the length of the first line break, or the length of the text and 0.
fn find_break(bytes: &[u8]) -> (usize, usize) {
    for (at, &byte) in bytes.iter().enumerate() {
        // One comparison passes over nearly every byte of a text.
        if (0x20..0xC2).contains(&byte) {
            continue;
        }
        let width = match (byte, bytes.get(at + 1), bytes.get(at + 2)) {
            (b'\r', Some(b'\n'), _) => 2,
            (b'\n'..=b'\r' | 0x1C..=0x1E, _, _) => 1,
            (0xC2, Some(0x85), _) => 2,
            (0xE2, Some(0x80), Some(0xA8 | 0xA9)) => 3,
            _ => continue,
        };
        return (at, width);
    }
    (bytes.len(), 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_python_line_break_ends_a_line() {
        let text = "a\nb\r\nc\rd\u{b}e\u{c}f\u{1c}g\u{85}h\u{2028}i\u{2029}\n\nj\n";
        let lines: Vec<&str> = split_lines(text).collect();
        assert_eq!(lines, ["a", "b", "c", "d", "e", "f", "g", "h", "i", "", "", "j"]);
        assert_eq!(split_lines("").count(), 0);
        assert_eq!(split_lines("\n").collect::<Vec<_>>(), [""]);
    }
}
