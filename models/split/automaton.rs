//! Patterns whose only look-around is `\s+(?!\S)` at their end, cut by regex-automata.
//!
//! `…|\s+(?!\S)|\s+` is the same as `…|\s+`, all but the last character of the white space given back where text
//! follows it: the pattern is then regular and needs no backtracking.

use regex_automata::meta::Regex;
use regex_automata::{Anchored, Input};

/// A pattern without look-around, and whether white space follows as its last branch.
#[derive(Debug, Clone)]
pub(super) struct Automaton(Regex);

impl Automaton {
    /// Compiles a pattern, if it is surely regular and means the same to regex-automata as to Oniguruma.
    pub(super) fn new(pattern: &str) -> Option<Self> {
        let head = [r"|\s+(?!\S)|\s+", r"|\s+(?!\S)|\s"]
            .iter()
            .find_map(|tail| pattern.strip_suffix(tail));
        let patterns = match head {
            Some(head) => vec![head, r"\s+"],
            None => vec![pattern],
        };
        if !is_plain(patterns[0]) {
            return None;
        }
        Regex::new_many(&patterns).ok().map(Self)
    }

    /// Calls `emit` with each piece of `text`: the matches, and what lies between them.
    pub(super) fn split<'t>(&self, text: &'t str, mut emit: impl FnMut(&'t str)) {
        let (mut rest, mut at) = (text, 0);
        let mut cut = |end: usize| {
            if end > at {
                let (piece, tail) = rest.split_at(end - at);
                emit(piece);
                (rest, at) = (tail, end);
            }
        };
        let mut start = 0;
        while start < text.len() {
            let input = Input::new(text).range(start..);
            // Patterns of tokenizers match nearly everywhere, and an anchored search needs no second pass back.
            let anchored = self.0.search_half(&input.clone().anchored(Anchored::Yes));
            let (found, from) = match anchored {
                Some(half) => (Some((half.pattern(), half.offset())), start),
                None => match self.0.search(&input) {
                    Some(found) => (Some((found.pattern(), found.end())), found.start()),
                    None => (None, start),
                },
            };
            let Some((pattern, mut end)) = found else { break };
            if pattern.as_usize() == 1 && end < text.len() {
                let (_, spaces) = text.split_at(from);
                let spaces = spaces.split_at(end - from).0;
                if let Some((last, _)) = spaces.char_indices().next_back().filter(|at| at.0 > 0) {
                    end = from + last;
                }
            }
            if end <= start && end <= from {
                break;
            }
            cut(from);
            cut(end);
            start = end;
        }
        cut(text.len());
    }
}

/// Whether a pattern is made of what both engines read alike: literals, classes, groups, plain repetition.
fn is_plain(pattern: &str) -> bool {
    let mut depth = 0usize;
    let mut chars = pattern.char_indices();
    while let Some((i, c)) = chars.next() {
        let rest = pattern.split_at(i).1;
        match c {
            '\\' => match chars.next() {
                Some((_, c)) if "sSdDpPrnt".contains(c) || c.is_ascii_punctuation() => {}
                _ => return false,
            },
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ if depth > 0 => {}
            '(' if rest.starts_with("(?")
                && !rest.starts_with("(?:")
                && !rest.starts_with("(?i:") =>
            {
                return false;
            }
            '^' | '$' | '#' => return false,
            // A possessive repetition, or a repeated one.
            '?' | '*' | '+' | '}'
                if rest.split_at(1).1.starts_with(['+', '*'])
                    && (c != '}' || is_count(pattern.split_at(i).0)) =>
            {
                return false;
            }
            _ => {}
        }
    }
    true
}

/// Whether what stands before a `}` is a count and not the name of a class.
fn is_count(before: &str) -> bool {
    before.rsplit('{').next().is_some_and(|count| count.starts_with(|c: char| c.is_ascii_digit()))
}
