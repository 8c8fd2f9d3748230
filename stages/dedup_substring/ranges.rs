//! Ranges of bytes of a text: how they are stored, joined and narrowed to whole characters.

use anyhow::{Context, Result, ensure};
use unicode_general_category::{GeneralCategory, get_general_category};

/// From the first byte to the one behind the last. A column of text holds less than 2^31 bytes, so 32 bits always do;
/// how large the corpus is does not matter, as the place of the document is stored apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Range {
    pub(super) start: u32,
    pub(super) end: u32,
}

impl Range {
    /// The length of `to_bytes`.
    pub(super) const BYTES: usize = 8;

    /// Returns the range of these bytes of a text.
    pub(super) fn new(start: usize, end: usize) -> Range {
        Range { start: start as u32, end: end as u32 }
    }

    /// Returns the range as bytes that sort by start.
    pub(super) fn to_bytes(self) -> [u8; Range::BYTES] {
        let mut bytes = [0; Range::BYTES];
        bytes[..4].copy_from_slice(&self.start.to_be_bytes());
        bytes[4..].copy_from_slice(&self.end.to_be_bytes());
        bytes
    }

    /// Reads a range back from the beginning of `bytes`.
    pub(super) fn read(bytes: &[u8]) -> Result<Range> {
        let (start, rest) = bytes.split_first_chunk::<4>().context("a range is cut short")?;
        let end = rest.first_chunk::<4>().context("a range is cut short")?;
        let range = Range { start: u32::from_be_bytes(*start), end: u32::from_be_bytes(*end) };
        ensure!(range.start <= range.end, "a range that ends before it begins");
        Ok(range)
    }

    /// Returns the part of `text`.
    pub(super) fn of(self, text: &str) -> Result<&str> {
        let part = text.get(self.start as usize..self.end as usize);
        part.with_context(|| format!("{self:?} is not part of its text: was the input changed?"))
    }

    /// Narrows the range until neither edge parts a character from marks that belong to it, nor a line feed from its
    /// carriage return; `None` where nothing is left.
    pub(super) fn narrow(self, text: &str) -> Result<Option<Range>> {
        let part = self.of(text)?;
        let behind = text.get(self.end as usize..).and_then(|behind| behind.chars().next());
        let before = text.get(..self.start as usize).and_then(|before| before.chars().next_back());
        let (mut start, mut end) = (self.start, self.end);
        let mut last = before;
        for char in part.chars() {
            if !belong_together(last, Some(char)) {
                break;
            }
            start += char.len_utf8() as u32;
            last = Some(char);
        }
        let mut next = behind;
        for char in part.chars().rev() {
            if !belong_together(Some(char), next) {
                break;
            }
            end -= char.len_utf8() as u32;
            next = Some(char);
        }
        Ok((start < end).then_some(Range { start, end }))
    }
}

/// Says whether the second of two neighbouring characters makes no sense without the first.
fn belong_together(first: Option<char>, second: Option<char>) -> bool {
    const JOINER: char = '\u{200D}';
    let (Some(first), Some(second)) = (first, second) else { return false };
    if second.is_ascii() {
        return first == '\r' && second == '\n';
    }
    use GeneralCategory::{EnclosingMark, NonspacingMark, SpacingMark};
    first == JOINER
        || second == JOINER
        || matches!(second, '\u{1F3FB}'..='\u{1F3FF}')
        || matches!(get_general_category(second), EnclosingMark | NonspacingMark | SpacingMark)
}

/// Joins ranges that come sorted by start and overlap or touch, in constant memory.
#[derive(Debug, Default)]
pub(super) struct Union(Option<Range>);

impl Union {
    /// Takes the next range, and returns one that is complete.
    pub(super) fn push(&mut self, range: Range) -> Option<Range> {
        match &mut self.0 {
            Some(open) if range.start <= open.end => {
                open.end = open.end.max(range.end);
                None
            }
            open => open.replace(range),
        }
    }

    /// Returns the last range.
    pub(super) fn finish(self) -> Option<Range> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn narrowed(before: &str, part: &str, behind: &str) -> Option<String> {
        let text = format!("{before}{part}{behind}");
        let range = Range::new(before.len(), before.len() + part.len());
        range.narrow(&text).unwrap().map(|range| range.of(&text).unwrap().to_owned())
    }

    #[test]
    fn edges_part_no_character_from_its_marks() {
        let kept = |before, part, behind, expected: &str| {
            assert_eq!(narrowed(before, part, behind).as_deref(), Some(expected));
        };
        kept("a", "bcd", "e", "bcd");
        kept("", "bcd", "", "bcd");
        kept("e", "\u{301}bc", "d", "bc");
        kept("a", "bce", "\u{301}d", "bc");
        kept("a\r", "\nbc\r", "\nd", "bc");
        kept("か", "\u{3099}清", "洗", "清");
        kept("x👩\u{200D}", "🔬bc👍", "🏽", "bc");
        assert_eq!(narrowed("e", "\u{301}", "\u{301}"), None);
        assert_eq!(narrowed("e", "\u{301}", "a"), None);
    }

    #[test]
    fn a_range_that_cuts_a_character_is_an_error() {
        assert!(Range::new(1, 3).narrow("清洗").is_err());
        assert!(Range::new(0, 9).narrow("清洗").is_err());
        assert!(Range::read(&[0, 0, 0, 2, 0, 0, 0, 1]).is_err());
    }

    #[test]
    fn ranges_that_touch_become_one() {
        let mut union = Union::default();
        let ranges = [(0, 3), (1, 2), (3, 5), (6, 7), (6, 9)].map(|(a, b)| Range::new(a, b));
        let mut joined: Vec<_> = ranges.into_iter().filter_map(|range| union.push(range)).collect();
        joined.extend(union.finish());
        assert_eq!(joined, [Range::new(0, 5), Range::new(6, 9)]);
    }
}
