//! Counts sentences.

use memchr::memchr3;
use unicode_general_category::{GeneralCategory, get_general_category};

use super::Segment;
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

/// Returns the number of sentences in a text of these tokens, as spaCy's `sentencizer` finds them for datatrove.
///
/// A token that is one sentence end opens the way, and the next token that is not punctuation begins a sentence; so does a
/// run of blanks that is not one space.
pub fn count_token_sentences(text: &str, tokens: &[Segment]) -> u64 {
    let (mut sentences, mut seen_end, mut end) = (u64::from(!tokens.is_empty()), false, 0);
    for token in tokens {
        let gap = text.get(end..token.start as usize).unwrap_or_default();
        let word = token.text(text);
        let ends = token.chars == 1 && word.chars().all(is_sentence_end);
        let has_blank_token = end > 0 && !matches!(gap, "" | " ");
        if seen_end && (has_blank_token || !ends && !word.chars().all(is_category_p)) {
            sentences += 1;
            seen_end = false;
        }
        seen_end |= ends;
        end = token.end as usize;
    }
    sentences
}

/// Returns whether Unicode's general category of a character is one of punctuation.
fn is_category_p(char: char) -> bool {
    use GeneralCategory::{
        ClosePunctuation, ConnectorPunctuation, DashPunctuation, FinalPunctuation,
        InitialPunctuation, OpenPunctuation, OtherPunctuation,
    };
    matches!(
        get_general_category(char),
        ClosePunctuation
            | ConnectorPunctuation
            | DashPunctuation
            | FinalPunctuation
            | InitialPunctuation
            | OpenPunctuation
            | OtherPunctuation
    )
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
