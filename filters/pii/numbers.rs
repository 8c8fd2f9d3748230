//! Finds numbers in text, and asks each kind of datum whether it is one.
//!
//! A number is a chain of groups of ASCII digits with a *gap* of one or two of ` -./()` between two of them. A window
//! shows up to eight groups of a chain from one group on; no kind needs more.

use super::{Finding, Kind, card, ip, phone, resident_id};

const MAX_GROUPS: usize = 8;

/// The next groups of digits from some place in a text.
pub(super) struct Window<'t> {
    bytes: &'t [u8],
    /// Start and end of each group.
    groups: [(usize, usize); MAX_GROUPS],
    len: usize,
}

/// Appends the data of a text that are made of digits.
pub(super) fn find(text: &str, findings: &mut Vec<Finding>) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(digit) = bytes[at..].iter().position(u8::is_ascii_digit) {
        let window = Window::open(bytes, at + digit);
        let found = match_any(&window);
        at = found.map_or(window.end(1), |finding| finding.end);
        findings.extend(found);
    }
}

fn match_any(window: &Window<'_>) -> Option<Finding> {
    // Nearly all numbers in text are a year, a count or a price.
    if window.n_digits() < 4 {
        return None;
    }
    let start = window.start();
    let finding = |end, kind| Finding { start, end, kind };
    resident_id::match_id(window)
        .map(|end| finding(end, Kind::ResidentId))
        .or_else(|| ip::match_v4(window).map(|end| finding(end, Kind::Ip)))
        .or_else(|| card::match_card(window).map(|end| finding(end, Kind::Card)))
        .or_else(|| {
            let (start, end) = phone::match_phone(window)?;
            Some(Finding { start, end, kind: Kind::Phone })
        })
}

impl<'t> Window<'t> {
    fn open(bytes: &'t [u8], start: usize) -> Window<'t> {
        let mut window = Window { bytes, groups: [(start, start); MAX_GROUPS], len: 0 };
        let mut start = start;
        while window.len < MAX_GROUPS {
            let digits = bytes[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            let end = start + digits;
            window.groups[window.len] = (start, end);
            window.len += 1;
            let gap =
                bytes[end..].iter().take(3).take_while(|byte| b" -./()".contains(byte)).count();
            let goes_on = bytes.get(end + gap).is_some_and(u8::is_ascii_digit);
            if gap == 0 || gap > 2 || !goes_on {
                break;
            }
            start = end + gap;
        }
        window
    }

    /// Returns where the first group starts.
    pub(super) fn start(&self) -> usize {
        self.groups[0].0
    }

    /// Returns where the `n`th group ends, counted from 1.
    pub(super) fn end(&self, n: usize) -> usize {
        self.groups[n - 1].1
    }

    /// Returns how many groups there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Returns the digits of the first `n` groups, if there are as many.
    pub(super) fn groups(
        &self,
        n: usize,
    ) -> Option<impl Iterator<Item = &'t [u8]> + Clone + use<'t, '_>> {
        let groups = (n <= self.len).then(|| &self.groups[..n])?;
        Some(groups.iter().map(|&(start, end)| &self.bytes[start..end]))
    }

    /// Returns the digits of the first group.
    pub(super) fn first(&self) -> &'t [u8] {
        &self.bytes[self.start()..self.end(1)]
    }

    /// Returns what stands before group `n`, counted from 0, and behind the group before it.
    pub(super) fn gap(&self, n: usize) -> &'t [u8] {
        &self.bytes[self.groups[n - 1].1..self.groups[n].0]
    }

    /// Returns the byte before the first group.
    pub(super) fn before(&self) -> Option<u8> {
        self.bytes[..self.start()].last().copied()
    }

    /// Returns the bytes from a place on.
    pub(super) fn from(&self, at: usize) -> &'t [u8] {
        self.bytes.get(at..).unwrap_or_default()
    }

    /// Returns whether the first `n` groups are a number of their own, and not part of a word, a decimal or a longer
    /// chain.
    pub(super) fn is_bounded(&self, n: usize) -> bool {
        self.is_bounded_before(self.start()) && self.is_bounded_after(self.end(n))
    }

    /// Returns whether a number may start at a place.
    pub(super) fn is_bounded_before(&self, start: usize) -> bool {
        match &self.bytes[..start] {
            [.., digit, b'.' | b'-' | b'/' | b','] if digit.is_ascii_digit() => false,
            [.., byte] => !(byte.is_ascii_alphanumeric() || *byte == b'_'),
            [] => true,
        }
    }

    /// Returns whether a number may end at a place.
    pub(super) fn is_bounded_after(&self, end: usize) -> bool {
        match self.from(end) {
            [b'.' | b'-' | b',', digit, ..] if digit.is_ascii_digit() => false,
            [byte, ..] => !(byte.is_ascii_alphanumeric() || *byte == b'_'),
            [] => true,
        }
    }

    fn n_digits(&self) -> usize {
        self.groups[..self.len].iter().map(|(start, end)| end - start).sum()
    }
}
