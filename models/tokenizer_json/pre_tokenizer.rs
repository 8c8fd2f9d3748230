//! Cuts text as the pre-tokenizer of a `tokenizer.json` says.
//!
//! A byte-level model gets its last patterns as a `Splitter`, which is fast; whatever stands before them, and all that
//! stands before another model, is a list of steps, each applied to the pieces of the one before.

use std::ops::Range;

use fancy_regex::Regex;
use serde::Deserialize;
use serde_json::Value;

use crate::bpe::unsupported;
use crate::normalizer::{Pattern, compile, fields};
use crate::split::GPT2;
use crate::{BpeError, Splitter};

/// Steps, each applied to the pieces of the one before.
#[derive(Debug, Clone, Default)]
pub(super) struct PreTokenizer {
    steps: Vec<Step>,
    /// The patterns of a byte-level model.
    pub(super) byte_level: Option<Vec<String>>,
}

#[derive(Debug, Clone)]
enum Step {
    /// Matches of a pattern, and what lies between them.
    Isolated(Splitter, String),
    Split {
        find: Find,
        behavior: Behavior,
        invert: bool,
    },
    /// Runs of digits, or each alone.
    Digits {
        each: bool,
    },
    /// A space before a piece that has none.
    PrefixSpace,
    Metaspace(Metaspace),
    WhitespaceSplit,
}

#[derive(Debug, Clone)]
enum Find {
    Text(String),
    Regex(Box<Regex>),
}

/// What becomes of a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
enum Behavior {
    Removed,
    Isolated,
    MergedWithPrevious,
    MergedWithNext,
    Contiguous,
}

#[derive(Debug, Clone, Copy)]
struct Metaspace {
    replacement: char,
    prepend: Prepend,
    split: bool,
}

/// Which pieces get a space before them, if they have none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Prepend {
    Always,
    First,
    Never,
}

#[derive(Deserialize)]
struct SplitFields {
    pattern: Pattern,
    behavior: Behavior,
    #[serde(default)]
    invert: bool,
}

#[derive(Deserialize)]
struct ByteLevel {
    add_prefix_space: bool,
    #[serde(default = "yes")]
    use_regex: bool,
}

#[derive(Deserialize)]
struct Digits {
    individual_digits: bool,
}

#[derive(Deserialize)]
struct MetaspaceFields {
    replacement: char,
    add_prefix_space: Option<bool>,
    prepend_scheme: Option<Prepend>,
    split: Option<bool>,
}

fn yes() -> bool {
    true
}

impl PreTokenizer {
    /// Reads a pre-tokenizer.
    ///
    /// # Errors
    /// Fails if one of its steps is not applied here, or takes text away for good.
    pub(super) fn read(value: Option<&Value>) -> Result<Self, BpeError> {
        let mut parts = Vec::new();
        if let Some(value) = value {
            flatten(value, &mut parts)?;
        }
        let byte_level = match parts.last() {
            Some(last) if kind(last) == "ByteLevel" => Some(fields::<ByteLevel>(last)?),
            _ => None,
        };
        if byte_level.is_some() {
            parts.pop();
        }
        let mut steps = Vec::new();
        for (i, part) in parts.iter().enumerate() {
            let next = parts.get(i + 1).copied();
            steps.push(read_step(part, next)?);
        }
        let Some(ByteLevel { add_prefix_space, use_regex }) = byte_level else {
            return Ok(Self { steps, byte_level: None });
        };
        // The last patterns, in their order, are the splitter's.
        let mut patterns = Vec::new();
        if add_prefix_space {
            steps.push(Step::PrefixSpace);
        } else {
            while let Some(Step::Isolated(_, pattern)) =
                steps.pop_if(|step| matches!(step, Step::Isolated(..)))
            {
                patterns.insert(0, pattern);
            }
        }
        if use_regex {
            patterns.push(GPT2.to_owned());
        }
        Ok(Self { steps, byte_level: Some(patterns) })
    }

    /// Returns whether a text is one piece.
    pub(super) fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Returns whether only the piece at the start of the text gets a space.
    pub(super) fn looks_for_start(&self) -> bool {
        let is_first = |step: &Step| {
            matches!(step, Step::Metaspace(Metaspace { prepend: Prepend::First, .. }))
        };
        self.steps.iter().any(is_first)
    }

    /// Calls `emit` with the pieces of a text; `is_start` says that the document begins with it.
    pub(super) fn split(&self, text: &str, is_start: bool, emit: &mut dyn FnMut(&str)) {
        run(&self.steps, text, is_start, emit);
    }
}

fn kind(value: &Value) -> &str {
    value.get("type").and_then(Value::as_str).unwrap_or_default()
}

/// Lays sequences out flat.
fn flatten<'v>(value: &'v Value, parts: &mut Vec<&'v Value>) -> Result<(), BpeError> {
    if kind(value) != "Sequence" {
        parts.push(value);
        return Ok(());
    }
    let inner = value.get("pretokenizers").and_then(Value::as_array).ok_or_else(|| {
        BpeError::Inconsistent("pre-tokenizer Sequence: no list `pretokenizers`".into())
    })?;
    inner.iter().try_for_each(|value| flatten(value, parts))
}

fn read_step(part: &Value, next: Option<&Value>) -> Result<Step, BpeError> {
    match kind(part) {
        "Split" => read_split(fields(part)?),
        "Digits" => Ok(Step::Digits { each: fields::<Digits>(part)?.individual_digits }),
        "Metaspace" => read_metaspace(part).map(Step::Metaspace),
        "WhitespaceSplit" => match next.filter(|next| kind(next) == "Metaspace") {
            // The space that each word gets again stands for those that are taken away.
            Some(next) if read_metaspace(next)?.prepend == Prepend::Always => {
                Ok(Step::WhitespaceSplit)
            }
            _ => Err(unsupported("pre-tokenizer WhitespaceSplit, which loses text".into())),
        },
        "ByteLevel" => Err(unsupported("pre-tokenizer ByteLevel before another one".into())),
        kind => Err(unsupported(format!("pre-tokenizer {kind}"))),
    }
}

fn read_split(SplitFields { pattern, behavior, invert }: SplitFields) -> Result<Step, BpeError> {
    if behavior == Behavior::Removed {
        return Err(unsupported("pre-tokenizer Split, behavior Removed, which loses text".into()));
    }
    Ok(match (pattern, behavior) {
        // Matches and what lies between them are cut alike, whichever of both is called the match.
        (Pattern::Regex(pattern), Behavior::Isolated) => {
            Step::Isolated(Splitter::new(&[&pattern])?, pattern)
        }
        (Pattern::Regex(pattern), _) => {
            Step::Split { find: Find::Regex(Box::new(compile(&pattern)?)), behavior, invert }
        }
        (Pattern::String(text), _) if text.is_empty() => {
            return Err(BpeError::Inconsistent("pre-tokenizer Split: empty pattern".into()));
        }
        (Pattern::String(text), _) => Step::Split { find: Find::Text(text), behavior, invert },
    })
}

fn read_metaspace(part: &Value) -> Result<Metaspace, BpeError> {
    let MetaspaceFields { replacement, add_prefix_space, prepend_scheme, split } = fields(part)?;
    let scheme = prepend_scheme.unwrap_or(Prepend::Always);
    let prepend = match add_prefix_space {
        Some(false) if prepend_scheme.is_some_and(|scheme| scheme != Prepend::Never) => {
            let what = "pre-tokenizer Metaspace: add_prefix_space and prepend_scheme contradict";
            return Err(BpeError::Inconsistent(what.into()));
        }
        Some(false) => Prepend::Never,
        _ => scheme,
    };
    Ok(Metaspace { replacement, prepend, split: split.unwrap_or(true) })
}

/// Cuts by the first step, and what comes out by the next ones.
fn run(steps: &[Step], text: &str, is_start: bool, emit: &mut dyn FnMut(&str)) {
    if text.is_empty() {
        return;
    }
    let Some((step, rest)) = steps.split_first() else { return emit(text) };
    let mut next = |range: Range<usize>| {
        let is_start = is_start && range.start == 0;
        run(rest, text.get(range).unwrap_or_default(), is_start, emit);
    };
    match step {
        Step::Isolated(splitter, _) => {
            let mut start = 0;
            splitter.split(text, |piece| {
                next(start..start + piece.len());
                start += piece.len();
            });
        }
        Step::Split { find, behavior, invert } => {
            let mut found = find.find(text);
            if *invert {
                found.iter_mut().for_each(|(_, is_match)| *is_match = !*is_match);
            }
            behavior.join(found).into_iter().for_each(next);
        }
        Step::Digits { each } => {
            let found = find_characters(text, char::is_numeric);
            let behavior = if *each { Behavior::Isolated } else { Behavior::Contiguous };
            behavior.join(found).into_iter().for_each(next);
        }
        Step::WhitespaceSplit => {
            Behavior::Removed
                .join(find_characters(text, char::is_whitespace))
                .into_iter()
                .for_each(next);
        }
        Step::PrefixSpace if text.starts_with(' ') => run(rest, text, is_start, emit),
        Step::PrefixSpace => run(rest, &format!(" {text}"), is_start, emit),
        Step::Metaspace(metaspace) => {
            let text = metaspace.apply(text, is_start);
            if !metaspace.split {
                return run(rest, &text, is_start, emit);
            }
            let found = find_characters(&text, |c| c == metaspace.replacement);
            for range in Behavior::MergedWithNext.join(found) {
                let is_start = is_start && range.start == 0;
                run(rest, text.get(range).unwrap_or_default(), is_start, emit);
            }
        }
    }
}

impl Metaspace {
    /// Returns the text with spaces replaced and one put before it.
    fn apply(self, text: &str, is_start: bool) -> String {
        let needs_space = match self.prepend {
            Prepend::Always => true,
            Prepend::First => is_start,
            Prepend::Never => false,
        };
        let mut out = String::with_capacity(text.len() + text.len() / 4 + 4);
        if needs_space && !text.starts_with([' ', self.replacement]) {
            out.push(self.replacement);
        }
        out.extend(text.chars().map(|c| if c == ' ' { self.replacement } else { c }));
        out
    }
}

/// Parts of a text in their order, and whether each is a match.
type Found = Vec<(Range<usize>, bool)>;

impl Find {
    /// A search that gives up (the limit on backtracking) leaves the rest of the text as one part.
    fn find(&self, text: &str) -> Found {
        let mut found = Found::new();
        let mut end = 0;
        let mut push = |range: Range<usize>| {
            if range.start > end {
                found.push((end..range.start, false));
            }
            end = range.end;
            found.push((range, true));
        };
        match self {
            Find::Text(pattern) => {
                text.match_indices(pattern).for_each(|(at, part)| push(at..at + part.len()));
            }
            Find::Regex(regex) => {
                regex.find_iter(text).map_while(Result::ok).for_each(|part| push(part.range()));
            }
        }
        if end < text.len() {
            found.push((end..text.len(), false));
        }
        found
    }
}

fn find_characters(text: &str, is_match: impl Fn(char) -> bool) -> Found {
    let mut found = Found::new();
    for (start, c) in text.char_indices() {
        let end = start + c.len_utf8();
        match found.last_mut() {
            _ if is_match(c) => found.push((start..end, true)),
            Some((range, false)) => range.end = end,
            _ => found.push((start..end, false)),
        }
    }
    found
}

impl Behavior {
    /// Joins parts to pieces.
    fn join(self, found: Found) -> Vec<Range<usize>> {
        let mut pieces: Vec<Range<usize>> = Vec::with_capacity(found.len());
        let mut after_match = false;
        match self {
            Behavior::Isolated => pieces.extend(found.into_iter().map(|(range, _)| range)),
            Behavior::Removed => {
                pieces.extend(found.into_iter().filter(|part| !part.1).map(|(range, _)| range));
            }
            Behavior::Contiguous | Behavior::MergedWithPrevious => {
                for (range, is_match) in found {
                    let joins = match self {
                        Behavior::Contiguous => is_match == after_match,
                        _ => is_match && !after_match,
                    };
                    match pieces.last_mut() {
                        Some(last) if joins => last.end = range.end,
                        _ => pieces.push(range),
                    }
                    after_match = is_match;
                }
            }
            Behavior::MergedWithNext => {
                for (range, is_match) in found.into_iter().rev() {
                    match pieces.last_mut() {
                        Some(last) if is_match && !after_match => last.start = range.start,
                        _ => pieces.push(range),
                    }
                    after_match = is_match;
                }
                pieces.reverse();
            }
        }
        pieces
    }
}

#[cfg(test)]
mod tests;
