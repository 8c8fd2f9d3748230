//! The patterns that tokenizers cut text by, by name, and how many digits of a number stay together.

use std::borrow::Cow;

use super::super::BpeError;
use crate::split::{CL100K, DEEPSEEK, GPT2, KIMI, O200K, QWEN, QWEN35, TEKKEN};

/// The names that `BpeTraining::patterns` takes, and the tokenizers that cut so.
pub const PATTERN_NAMES: [(&str, &str); 8] = [
    ("gpt2", "GPT-2, RoBERTa, OPT, BLOOM-like files without a Split"),
    ("cl100k", "GPT-4, Llama 3, OLMo 2 and 3: numbers of up to three digits"),
    ("qwen2", "Qwen 2, 2.5 and 3: every digit alone"),
    ("qwen3_5", "Qwen 3.5: marks belong to words"),
    ("o200k", "GPT-4o, gpt-oss: words by upper and lower case"),
    ("tekken", "Mistral's Tekken: o200k without contractions, every digit alone"),
    ("kimi_k2", "Kimi K2: o200k with Han runs of their own"),
    ("deepseek_v3", "DeepSeek V3, R1 and V4: Han and kana apart from marks"),
];

/// Returns the patterns of a name.
fn named(name: &str) -> Option<&'static [&'static str]> {
    Some(match name {
        "gpt2" => &[GPT2],
        "cl100k" => &[CL100K],
        "qwen2" => &[QWEN],
        "qwen3_5" => &[QWEN35],
        "o200k" => &[O200K],
        "kimi_k2" => &[KIMI],
        "tekken" => &[TEKKEN],
        "deepseek_v3" => &DEEPSEEK,
        _ => return None,
    })
}

/// Returns the regular expressions for names and regular expressions.
///
/// # Errors
/// Fails if `max_digits` is 0, or no pattern has numbers as a branch of their own, whose length could be changed.
pub(super) fn resolve(
    patterns: &[String],
    max_digits: Option<u32>,
) -> Result<Vec<Cow<'_, str>>, BpeError> {
    let mut resolved = Vec::new();
    for pattern in patterns {
        match named(pattern) {
            Some(named) => resolved.extend(named.iter().map(|&pattern| Cow::Borrowed(pattern))),
            None => resolved.push(Cow::Borrowed(pattern.as_str())),
        }
    }
    let Some(max_digits) = max_digits else { return Ok(resolved) };
    if max_digits == 0 {
        return Err(BpeError::Options("max_digits: 0 leaves no digit".into()));
    }
    let mut is_found = false;
    for pattern in &mut resolved {
        if let Some(changed) = with_digits(pattern, max_digits) {
            *pattern = Cow::Owned(changed);
            is_found = true;
        }
    }
    if is_found {
        return Ok(resolved);
    }
    Err(BpeError::Options(
        r"max_digits: no pattern has `\p{N}`, `\p{N}{1,n}` or ` ?\p{N}+` as a branch of its own"
            .into(),
    ))
}

/// Returns the pattern with another length of numbers; `None` if it has no branch for them.
fn with_digits(pattern: &str, max_digits: u32) -> Option<String> {
    const DIGITS: &str = r"\p{N}";
    let wanted =
        if max_digits == 1 { DIGITS.to_owned() } else { format!(r"{DIGITS}{{1,{max_digits}}}") };
    // A branch begins at the start or behind `|`, outside of brackets of both kinds, which none of the branches in question has.
    let is_number = |branch: &str| {
        let branch = branch.strip_prefix(" ?").unwrap_or(branch);
        branch.strip_prefix(DIGITS).is_some_and(|length| {
            let range = length.strip_prefix("{1,").and_then(|rest| rest.strip_suffix('}'));
            matches!(length, "" | "+") || range.is_some_and(|n| n.parse::<u32>().is_ok())
        })
    };
    let branches = branches(pattern);
    if !branches.iter().any(|branch| is_number(branch)) {
        return None;
    }
    let changed = branches.into_iter().map(|branch| match branch.strip_prefix(" ?") {
        _ if !is_number(branch) => branch.to_owned(),
        Some(_) => format!(" ?{wanted}"),
        None => wanted.clone(),
    });
    Some(changed.collect::<Vec<_>>().join("|"))
}

/// Cuts a pattern at each `|` that stands outside of groups and classes.
fn branches(pattern: &str) -> Vec<&str> {
    let (mut depth, mut in_class, mut is_escaped) = (0_usize, 0_usize, false);
    pattern
        .split(|c| {
            if std::mem::take(&mut is_escaped) {
                return false;
            }
            match c {
                '\\' => is_escaped = true,
                '[' => in_class += 1,
                ']' => in_class = in_class.saturating_sub(1),
                '(' if in_class == 0 => depth += 1,
                ')' if in_class == 0 => depth = depth.saturating_sub(1),
                '|' => return depth == 0 && in_class == 0,
                _ => {}
            }
            false
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Splitter;

    fn pieces(patterns: &[&str], max_digits: Option<u32>, text: &str) -> Vec<String> {
        let patterns: Vec<String> = patterns.iter().map(|&pattern| pattern.to_owned()).collect();
        let splitter = Splitter::new(&resolve(&patterns, max_digits).unwrap()).unwrap();
        let mut pieces = Vec::new();
        splitter.split(text, |piece| pieces.push(piece.to_owned()));
        pieces
    }

    #[test]
    fn every_name_cuts_text_and_loses_none() {
        let text = "It's 2026年，HelloWorld/数据！\r\n  x₂ ½ don'T";
        for (name, _) in PATTERN_NAMES {
            let pieces = pieces(&[name], None, text);
            assert_eq!(pieces.concat(), text, "{name}");
            assert!(pieces.len() > 8, "{name}: {pieces:?}");
        }
    }

    #[test]
    fn names_differ_where_their_tokenizers_do() {
        let text = "HelloWorld，数据 2026";
        assert_eq!(pieces(&["cl100k"], None, text), ["HelloWorld", "，数据", " ", "202", "6"]);
        assert_eq!(pieces(&["o200k"], None, text), ["Hello", "World", "，数据", " ", "202", "6"]);
        assert_eq!(
            pieces(&["tekken"], None, text),
            ["Hello", "World", "，数据", " ", "2", "0", "2", "6"]
        );
        assert_eq!(
            pieces(&["deepseek_v3"], None, text),
            ["HelloWorld", "，", "数据", " ", "202", "6"]
        );
        assert_eq!(pieces(&["gpt2"], None, text), ["HelloWorld", "，", "数据", " 2026"]);
    }

    #[test]
    fn numbers_are_cut_by_the_number_of_digits_that_is_asked_for() {
        assert_eq!(pieces(&["cl100k"], Some(1), "a 1234"), ["a", " ", "1", "2", "3", "4"]);
        assert_eq!(pieces(&["o200k"], Some(2), "a 1234"), ["a", " ", "12", "34"]);
        assert_eq!(pieces(&["gpt2"], Some(3), "a 1234"), ["a", " 123", "4"]);
        assert_eq!(pieces(&["deepseek_v3"], Some(1), "a 12"), ["a", " ", "1", "2"]);
        assert_eq!(resolve(&["cl100k".into()], Some(1)).unwrap(), [crate::split::QWEN]);
        assert_eq!(resolve(&["qwen2".into()], Some(3)).unwrap(), [crate::split::CL100K]);
    }

    #[test]
    fn digits_of_a_pattern_that_knows_none_are_refused() {
        for pattern in [r"\w+", r"[\p{N}|x]+", r"(?:\p{N}|a)+"] {
            let error = resolve(&[pattern.into()], Some(3)).unwrap_err().to_string();
            assert!(error.starts_with("max_digits: no pattern has"), "{error}");
        }
        let error = resolve(&["cl100k".into()], Some(0)).unwrap_err().to_string();
        assert_eq!(error, "max_digits: 0 leaves no digit");
    }
}
