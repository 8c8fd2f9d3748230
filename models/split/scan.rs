//! The best-known patterns, written out by hand.
//!
//! Each function tries the branches of its pattern in their order at one place and returns what is left behind
//! the match, which is never empty. Names of branches are given as the pattern spells them.

use super::class::{Class, Classes};

/// A pattern that is cut by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scanner {
    Gpt2,
    Cl100k { max_digits: usize },
}

impl Scanner {
    /// Calls `emit` with each piece of `text`.
    pub(super) fn split<'t>(self, text: &'t str, mut emit: impl FnMut(&'t str)) {
        let classes = Classes::get();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let tail = match self {
                Self::Gpt2 => after_gpt2(classes, first, rest),
                Self::Cl100k { max_digits } => after_cl100k(classes, first, rest, max_digits),
            };
            emit(before(rest, tail));
            rest = tail;
        }
    }
}

fn after_gpt2(classes: Classes, first: char, text: &str) -> &str {
    // 's|'t|'re|'ve|'m|'ll|'d
    if first == '\''
        && let Some(tail) = after_contraction(text, |c| c)
    {
        return tail;
    }
    // ` ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+`
    let run = if first == ' ' { skip(text) } else { text };
    match run.chars().next().map(|c| classes.of(c)) {
        Some(class @ (Class::Letter | Class::Number | Class::Other)) => {
            after_run(run, |c| classes.of(c) == class)
        }
        _ => after_spaces(classes, text),
    }
}

fn after_cl100k(classes: Classes, first: char, text: &str, max_digits: usize) -> &str {
    // (?i:'s|'t|'re|'ve|'m|'ll|'d), where ſ is an s as well.
    let fold = |c: char| if c == 'ſ' { 's' } else { c.to_ascii_lowercase() };
    if first == '\''
        && let Some(tail) = after_contraction(text, fold)
    {
        return tail;
    }
    let is_letter = |c| classes.of(c) == Class::Letter;
    let is_other = |c| classes.of(c) == Class::Other;
    let class = classes.of(first);
    let second = skip(text);
    // [^\r\n\p{L}\p{N}]?\p{L}+
    match class {
        Class::Letter => return after_run(second, is_letter),
        Class::Space | Class::Other if second.starts_with(is_letter) => {
            return after_run(second, is_letter);
        }
        _ => {}
    }
    // \p{N}{1,3}
    if class == Class::Number {
        let mut n_digits = 0;
        return after_run(text, |c| {
            n_digits += 1;
            n_digits <= max_digits && classes.of(c) == Class::Number
        });
    }
    // ` ?[^\s\p{L}\p{N}]+[\r\n]*`
    if class == Class::Other || first == ' ' && second.starts_with(is_other) {
        return after_run(after_run(second, is_other), |c| matches!(c, '\r' | '\n'));
    }
    // \s*[\r\n]+
    let tail = after_run(text, |c| is_space(classes, c));
    let spaces = before(text, tail);
    if let Some(last) = spaces.rfind(['\r', '\n']) {
        return text.split_at(last + 1).1;
    }
    after_spaces(classes, text)
}

/// `\s+(?!\S)|\s+`: spaces up to the end, or all but the last, or the only one.
fn after_spaces(classes: Classes, text: &str) -> &str {
    let tail = after_run(text, |c| is_space(classes, c));
    if tail.is_empty() {
        return tail;
    }
    let spaces = before(text, tail);
    match spaces.char_indices().next_back() {
        Some((last, _)) if last > 0 => text.split_at(last).1,
        _ => tail,
    }
}

/// Returns what follows `'s`, `'t`, `'re`, `'ve`, `'m`, `'ll` or `'d`.
fn after_contraction(text: &str, fold: impl Fn(char) -> char) -> Option<&str> {
    let mut chars = text.chars();
    chars.next();
    match fold(chars.next()?) {
        's' | 't' | 'm' | 'd' => Some(chars.as_str()),
        'r' | 'v' if chars.next().map(&fold) == Some('e') => Some(chars.as_str()),
        'l' if chars.next().map(&fold) == Some('l') => Some(chars.as_str()),
        _ => None,
    }
}

/// Returns what follows the longest run of characters that `belongs` accepts.
#[inline]
fn after_run(text: &str, mut belongs: impl FnMut(char) -> bool) -> &str {
    let mut chars = text.chars();
    let mut tail = chars.as_str();
    while chars.next().is_some_and(&mut belongs) {
        tail = chars.as_str();
    }
    tail
}

/// Returns `text` up to its end `tail`.
fn before<'t>(text: &'t str, tail: &str) -> &'t str {
    text.split_at(text.len() - tail.len()).0
}

/// Returns what follows the first character.
fn skip(text: &str) -> &str {
    let mut chars = text.chars();
    chars.next();
    chars.as_str()
}

fn is_space(classes: Classes, c: char) -> bool {
    matches!(classes.of(c), Class::Space | Class::LineEnd)
}
