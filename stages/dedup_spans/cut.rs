//! What stays of a text that spans are cut from.
//!
//! A line whose text is cut goes with its newline. Where blank lines stand on both sides of a cut, only those before it
//! stay, so that none are doubled; a cut at the beginning or the end of a text takes the blank lines there with it. A
//! text that did not end in a newline does not end in one afterwards.
//!
//! In a line that keeps some of its sentences, they stay with the blanks behind them; sentences that nothing but a cut
//! one parted, and no mark of full width, are parted by a space.

use filters::segment::split_sentences;

use super::spans::{Spans, Unit, content, is_blank, lines};

impl Spans {
    /// Returns what stays of a text without the spans of these numbers, and how many lines, paragraphs or sentences
    /// were cut.
    pub(super) fn cut(&self, text: &str, numbers: &[u32]) -> (String, u64) {
        let mut numbers = numbers.iter().copied().peekable();
        let mut left = Left::new(text);
        let mut n_cut = 0;
        match self.unit {
            Unit::Lines => {
                for (number, line) in (0..).zip(lines(text)) {
                    let is_cut = numbers.next_if_eq(&number).is_some();
                    n_cut += u64::from(is_cut);
                    left.line(line, !is_cut);
                }
            }
            Unit::Paragraphs => {
                let (mut number, mut is_inside, mut is_cut) = (0, false, false);
                for line in lines(text) {
                    if is_blank(line) {
                        is_inside = false;
                        is_cut = false;
                    } else if !std::mem::replace(&mut is_inside, true) {
                        is_cut = numbers.next_if_eq(&number).is_some();
                        n_cut += u64::from(is_cut);
                        number += 1;
                    }
                    left.line(line, !is_cut);
                }
            }
            Unit::Sentences(n) => {
                let (mut number, mut cut_to) = (0, 0);
                let mut some = String::new();
                for line in lines(text) {
                    if is_blank(line) {
                        left.line(line, true);
                        continue;
                    }
                    some.clear();
                    let (mut n_kept, mut is_gap, before) = (0_u64, false, n_cut);
                    for sentence in split_sentences(content(line)) {
                        if numbers.next_if_eq(&number).is_some() {
                            cut_to = number as usize + n;
                        }
                        is_gap = (number as usize) < cut_to;
                        if is_gap {
                            n_cut += 1;
                        } else {
                            join(&mut some, sentence);
                            n_kept += 1;
                        }
                        number += 1;
                    }
                    if n_cut == before || n_kept == 0 {
                        left.line(line, n_kept > 0);
                        continue;
                    }
                    if is_gap {
                        some.truncate(some.trim_end().len());
                    }
                    some.push_str(line.strip_prefix(content(line)).unwrap_or_default());
                    left.line(&some, true);
                }
            }
        }
        (left.finish(), n_cut)
    }
}

/// Appends a sentence to those of its line that stay before it.
fn join(line: &mut String, sentence: &str) {
    let needs_space = |char: char| char.is_ascii() && !char.is_ascii_whitespace();
    if line.ends_with(needs_space) && sentence.starts_with(needs_space) {
        line.push(' ');
    }
    line.push_str(sentence);
}

/// The lines that stay.
struct Left<'a> {
    text: &'a str,
    kept: String,
    /// Whether there is no line before that is not blank.
    is_behind_blank: bool,
    /// Whether a cut, and perhaps blank lines, came last.
    is_behind_cut: bool,
}

impl<'a> Left<'a> {
    fn new(text: &'a str) -> Left<'a> {
        let kept = String::with_capacity(text.len());
        Left { text, kept, is_behind_blank: true, is_behind_cut: false }
    }

    fn line(&mut self, line: &str, is_kept: bool) {
        if !is_kept {
            self.is_behind_cut = true;
            return;
        }
        let is_blank = is_blank(line);
        if is_blank && self.is_behind_blank && self.is_behind_cut {
            return;
        }
        self.kept.push_str(line);
        (self.is_behind_blank, self.is_behind_cut) = (is_blank, false);
    }

    fn finish(self) -> String {
        let Left { text, mut kept, is_behind_cut, .. } = self;
        if is_behind_cut {
            let end = kept.trim_end().len();
            let behind = kept.get(end..).unwrap_or_default();
            let line_end = behind.find('\n').map_or(behind.len(), |at| at + 1);
            kept.truncate(if end == 0 { 0 } else { end + line_end });
        }
        if !text.ends_with('\n') {
            kept.truncate(content(&kept).len());
        }
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normalize::Normalizer;

    fn cut(unit: Unit, text: &str, numbers: &[u32]) -> (String, u64) {
        let normalizer = Normalizer::new(&[]);
        Spans { unit, normalizer, min_chars: 1, min_han_chars: 1 }.cut(text, numbers)
    }

    #[test]
    fn lines_go_with_their_newlines() {
        let lines = |text, numbers: &[u32]| cut(Unit::Lines, text, numbers).0;
        assert_eq!(lines("a\nb\nc", &[1]), "a\nc");
        assert_eq!(lines("a\r\nb\r\nc\r\n", &[0, 2]), "b\r\n");
        assert_eq!(lines("a\r\nb", &[1]), "a");
        assert_eq!(lines("a\nb\n", &[1]), "a\n");
        assert_eq!(lines("a\nb", &[0, 1]), "");
        assert_eq!(lines("  a  \nb", &[1]), "  a  ");
        assert_eq!(cut(Unit::Lines, "a\nb\nc", &[0, 2]).1, 2);
    }

    #[test]
    fn blank_lines_around_a_cut_are_not_doubled_and_others_stay() {
        let lines = |text, numbers: &[u32]| cut(Unit::Lines, text, numbers).0;
        assert_eq!(lines("a\n\nb\n\nc\n\n\nd", &[2]), "a\n\nc\n\n\nd");
        assert_eq!(lines("a\nb\n\nc", &[1]), "a\n\nc");
        assert_eq!(lines("a\n\nb\n \nc\n\nd", &[2, 4]), "a\n\nd");
        assert_eq!(lines("a\n\nb", &[0]), "b");
        assert_eq!(lines("a\n\nb\n\n", &[2]), "a\n");
        assert_eq!(lines("\na\n\nb", &[3]), "\na");
        assert_eq!(lines("\n\na\n", &[2]), "");
    }

    #[test]
    fn paragraphs_stay_apart() {
        let paragraphs = |text, numbers: &[u32]| cut(Unit::Paragraphs, text, numbers);
        let text = "\na\na\n\nb\nb\n\n\nc\n";
        assert_eq!(paragraphs(text, &[0]), ("\nb\nb\n\n\nc\n".to_owned(), 1));
        assert_eq!(paragraphs(text, &[1]), ("\na\na\n\nc\n".to_owned(), 1));
        assert_eq!(paragraphs(text, &[2]), ("\na\na\n\nb\nb\n".to_owned(), 1));
        assert_eq!(paragraphs(text, &[0, 1, 2]), (String::new(), 3));
    }

    #[test]
    fn sentences_go_out_of_their_lines() {
        let sentences = |text, numbers: &[u32]| cut(Unit::Sentences(2), text, numbers);
        assert_eq!(sentences("A. B. C. D.", &[1]), ("A. D.".to_owned(), 2));
        assert_eq!(sentences("A. B. C. D.", &[1, 2]), ("A.".to_owned(), 3));
        assert_eq!(sentences("A. B.\r\nC. D.\r\n", &[1]), ("A.\r\nD.\r\n".to_owned(), 2));
        assert_eq!(sentences("A.\n\nB. C.\n\nD.", &[1]), ("A.\n\nD.".to_owned(), 2));
        assert_eq!(sentences("春天。花开！鸟鸣？完。", &[1]), ("春天。完。".to_owned(), 2));
        assert_eq!(sentences("a!b!c!d", &[1]), ("a! d".to_owned(), 2));
    }
}
