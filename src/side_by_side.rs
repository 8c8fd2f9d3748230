//! Two texts side by side, what differs marked.
//!
//! The texts are compared word by word (a Chinese character is a word); words that stand in one text alone are marked
//! `[-so-]` on the left and `{+so+}` on the right. Long stretches that are alike are left out but for their ends.

use std::time::Duration;

use similar::{ChangeTag, TextDiff};
use unicode_width::UnicodeWidthChar;

/// Characters that are shown of each end of a stretch that is alike.
const CONTEXT: usize = 120;

/// What is spent on finding the shortest difference, before any difference will do.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Between the columns.
const GAP: &str = " │ ";

/// Returns lines that hold both texts in two columns, `width` columns of the terminal wide together.
pub(crate) fn side_by_side(left: &str, right: &str, width: usize) -> Vec<String> {
    let mut page = Page::new(width.saturating_sub(GAP.chars().count()).max(20) / 2);
    for (tag, text) in runs(left, right) {
        match tag {
            ChangeTag::Equal => page.alike(&text),
            ChangeTag::Delete => page.left.push(&format!("[-{text}-]")),
            ChangeTag::Insert => page.right.push(&format!("{{+{text}+}}")),
        }
    }
    page.end_row();
    page.rows
}

/// Returns the stretches of both texts that are alike, and those of one alone.
fn runs(left: &str, right: &str) -> Vec<(ChangeTag, String)> {
    let diff = TextDiff::configure().timeout(TIMEOUT).diff_unicode_words(left, right);
    let mut runs: Vec<(ChangeTag, String)> = Vec::new();
    for change in diff.iter_all_changes() {
        match runs.last_mut() {
            Some((tag, text)) if *tag == change.tag() => text.push_str(change.value()),
            _ => runs.push((change.tag(), change.value().to_owned())),
        }
    }
    runs
}

/// Two columns that grow together.
struct Page {
    left: Column,
    right: Column,
    rows: Vec<String>,
}

impl Page {
    fn new(width: usize) -> Page {
        Page { left: Column::new(width), right: Column::new(width), rows: Vec::new() }
    }

    /// Adds what both texts have.
    fn alike(&mut self, text: &str) {
        let n_chars = text.chars().count();
        let is_short = n_chars <= 3 * CONTEXT;
        if !is_short || self.left.lines.len() != self.right.lines.len() {
            // The columns begin together again.
            self.end_row();
        }
        if is_short {
            self.both(text);
        } else {
            self.both(&text.chars().take(CONTEXT).collect::<String>());
            self.end_row();
            self.rows.push(format!("… {} characters alike …", n_chars - 2 * CONTEXT));
            self.both(&text.chars().skip(n_chars - CONTEXT).collect::<String>());
        }
    }

    fn both(&mut self, text: &str) {
        self.left.push(text);
        self.right.push(text);
    }

    /// Writes what the columns hold, side by side.
    fn end_row(&mut self) {
        let (left, right) = (self.left.take(), self.right.take());
        for row in 0..left.len().max(right.len()) {
            let cell = |lines: &[Line]| lines.get(row).cloned().unwrap_or_default();
            let (left, right) = (cell(&left), cell(&right));
            let blanks = " ".repeat(self.left.width - left.width);
            let row = format!("{}{blanks}{GAP}{}", left.text, right.text);
            self.rows.push(row.trim_end().to_owned());
        }
    }
}

/// Text that is broken into lines of a width.
struct Column {
    width: usize,
    lines: Vec<Line>,
}

#[derive(Clone, Default)]
struct Line {
    text: String,
    width: usize,
}

impl Column {
    fn new(width: usize) -> Column {
        Column { width, lines: Vec::new() }
    }

    fn push(&mut self, text: &str) {
        for char in text.chars() {
            match char {
                '\n' => self.lines.push(Line::default()),
                // Anything that could move the cursor would break the columns.
                _ if char.is_control() => self.put(' '),
                _ => self.put(char),
            }
        }
    }

    fn put(&mut self, char: char) {
        let width = char.width().unwrap_or(0);
        match self.lines.last_mut() {
            Some(line) if line.width + width <= self.width => {
                line.text.push(char);
                line.width += width;
            }
            _ => self.lines.push(Line { text: char.into(), width }),
        }
    }

    /// Returns the lines, without empty ones at the end, and begins anew.
    fn take(&mut self) -> Vec<Line> {
        let mut lines = std::mem::take(&mut self.lines);
        while lines.last().is_some_and(|line| line.width == 0) {
            lines.pop();
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_one_text_alone_is_marked_in_its_column() {
        let rows = side_by_side("the quick brown fox", "the slow brown fox", 63);
        assert!(rows.iter().any(|row| row.contains("[-quick-]") && row.contains("{+slow+}")));
        let page = rows.join("\n");
        assert_eq!(page.matches("brown fox").count(), 2, "{page}");
    }

    #[test]
    fn chinese_characters_take_two_columns_and_are_compared_one_by_one() {
        let rows = side_by_side("今天天气很好。", "今天天气不好。", 43);
        let page = rows.join("\n");
        assert!(page.contains("[-很-]") && page.contains("{+不+}"), "{page}");
        let gap = |row: &String| {
            let before = row.split(GAP).next().unwrap_or_default();
            before.chars().map(|char| char.width().unwrap_or(0)).sum::<usize>()
        };
        assert!(rows.iter().all(|row| gap(row) == 20), "{page}");
    }

    #[test]
    fn long_stretches_that_are_alike_are_left_out() {
        let alike = "word ".repeat(1000);
        let rows = side_by_side(&format!("a {alike}"), &format!("b {alike}"), 80);
        assert!(rows.iter().any(|row| row.contains("characters alike")));
        assert!(rows.len() < 20, "{} rows", rows.len());
    }

    #[test]
    fn empty_texts_and_control_characters_do_no_harm() {
        assert!(side_by_side("", "", 80).is_empty());
        let rows = side_by_side("a\u{1b}[31m\tb\r\n", "", 10);
        assert!(rows.iter().all(|row| !row.contains('\u{1b}')), "{rows:?}");
    }
}
