//! Cuts lines into sentences, and counts them.

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
    if line.trim().is_empty() { 0 } else { 1 + Breaks::new(line).count() as u64 }
}

/// Returns the sentences of a line of text, as many as [`count_sentences`] counts. Put together they are the line.
///
/// Blanks belong to the sentence before them. Marks before the first blank do too; where there is no blank, all but
/// opening quotes and brackets: `“花开了！”（他说）` is `“花开了！”` and `（他说）`.
pub fn split_sentences(line: &str) -> impl Iterator<Item = &str> {
    let ends = Breaks::new(line).map(|(end, start)| {
        let between = line.get(end..start).unwrap_or_default();
        let length = match between.find(char::is_whitespace).and_then(|at| between.get(at..)) {
            Some(blanks) => between.len() - blanks.trim_start().len(),
            None => between.trim_end_matches(is_opening).len(),
        };
        end + length
    });
    let end = if line.trim().is_empty() { None } else { Some(line.len()) };
    let mut start = 0;
    ends.chain(end).map(move |end| line.get(std::mem::replace(&mut start, end)..end).unwrap_or(""))
}

/// The places of a line where one sentence ends and another begins: the offset behind the mark that ends the first,
/// and the offset where text goes on.
struct Breaks<'a> {
    line: &'a str,
    rest: &'a str,
    before: char,
    is_ascii: bool,
}

impl<'a> Breaks<'a> {
    fn new(line: &'a str) -> Breaks<'a> {
        Breaks { line, rest: line, before: ' ', is_ascii: line.is_ascii() }
    }
}

impl Iterator for Breaks<'_> {
    type Item = (usize, usize);

    fn next(&mut self) -> Option<(usize, usize)> {
        let goes_on =
            |char: char| !char.is_whitespace() && !is_punctuation(char) && !is_sentence_end(char);
        loop {
            let end = if self.is_ascii {
                memchr3(b'.', b'!', b'?', self.rest.as_bytes())
            } else {
                self.rest.find(is_sentence_end)
            };
            let (head, tail) = self.rest.split_at_checked(end?)?;
            let mut tail = tail.chars();
            let mark = tail.next().unwrap_or(' ');
            let before = head.chars().next_back().unwrap_or(self.before);
            let after = tail.clone().next().unwrap_or(' ');
            let inside = before.is_alphanumeric() && after.is_alphanumeric();
            let in_row = before == '.' || after == '.';
            self.rest = tail.as_str();
            self.before = mark;
            if mark != '.' || !(inside || in_row) {
                let end = self.line.len() - self.rest.len();
                let start = self.rest.find(goes_on)?;
                self.rest = self.rest.get(start..).unwrap_or_default();
                return Some((end, end + start));
            }
        }
    }
}

/// Returns whether a character opens a bracket or a quotation.
fn is_opening(char: char) -> bool {
    use GeneralCategory::{InitialPunctuation, OpenPunctuation};
    matches!(get_general_category(char), InitialPunctuation | OpenPunctuation)
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
    use proptest::prelude::*;

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

    #[test]
    fn marks_and_blanks_stay_with_their_sentence() {
        let split = |line| split_sentences(line).collect::<Vec<_>>();
        assert_eq!(split(" One.  Two! "), [" One.  ", "Two! "]);
        assert_eq!(split("“花开了！”（他说）。“是吗？”"), ["“花开了！”", "（他说）。", "“是吗？”"]);
        assert_eq!(
            split("He said \"No.\" (Twice.) Left."),
            ["He said \"No.\" ", "(Twice.) ", "Left."]
        );
        assert_eq!(split("a.b c?!d"), ["a.b c?!", "d"]);
        assert_eq!(split(" \t"), [""; 0]);
    }

    proptest! {
        #[test]
        fn sentences_are_the_line_and_none_is_blank(line in "[ab .!?。！”“（()\"\u{301}]{0,24}|\\PC{0,16}") {
            let sentences: Vec<_> = split_sentences(&line).collect();
            prop_assert_eq!(sentences.len() as u64, count_sentences(&line));
            let blank = line.trim().is_empty();
            prop_assert_eq!(sentences.concat(), if blank { "" } else { line.as_str() });
            prop_assert!(sentences.iter().all(|sentence| !sentence.trim().is_empty()));
        }
    }
}
