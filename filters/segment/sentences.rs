//! Counts sentences.

use memchr::memchr3;

use crate::punctuation::{is_punctuation, is_sentence_end};

/// Returns the number of sentences in a line of text: 0 if it is blank, else 1 and one more for each place where text
/// goes on after `.`, `!`, `?`, `。`, `！`, `？` or the full stop of another script.
///
/// A full stop between letters or digits (`3.14`, `example.com`) ends nothing, nor do several in a row (`wait... and
/// see`). Text goes on with a character that is
/// neither blank nor punctuation, so that closing quotes and brackets belong to the sentence before them.
pub fn count_sentences(line: &str) -> u64 {
    if line.trim().is_empty() {
        return 0;
    }
    let is_ascii = line.is_ascii();
    let goes_on =
        |char: char| !char.is_whitespace() && !is_punctuation(char) && !is_sentence_end(char);
    let (mut sentences, mut rest, mut before) = (1, line, ' ');
    loop {
        let end = if is_ascii {
            memchr3(b'.', b'!', b'?', rest.as_bytes())
        } else {
            rest.find(is_sentence_end)
        };
        let Some((head, tail)) = end.and_then(|end| rest.split_at_checked(end)) else {
            return sentences;
        };
        let mut tail = tail.chars();
        let mark = tail.next().unwrap_or(' ');
        before = head.chars().next_back().unwrap_or(before);
        let after = tail.clone().next().unwrap_or(' ');
        let inside = before.is_alphanumeric() && after.is_alphanumeric();
        let in_row = before == '.' || after == '.';
        rest = tail.as_str();
        if mark != '.' || !(inside || in_row) {
            let Some(start) = rest.find(goes_on) else { return sentences };
            sentences += 1;
            rest = rest.get(start..).unwrap_or_default();
        }
        before = mark;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_end_at_full_stops_of_both_widths() {
        assert_eq!(count_sentences(""), 0);
        assert_eq!(count_sentences(" \u{3000}"), 0);
        assert_eq!(count_sentences("no end"), 1);
        assert_eq!(count_sentences("One. Two! Three? Four"), 4);
        assert_eq!(count_sentences("He said \"No.\" (Twice.) Then he left... and came back."), 3);
        assert_eq!(count_sentences("春天来了。花开了！“是吗？”他问。"), 4);
        assert_eq!(count_sentences("Pi is 3.14 at example.com."), 1);
        assert_eq!(count_sentences("...!?"), 1);
    }
}
