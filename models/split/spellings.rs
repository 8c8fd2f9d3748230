//! How the patterns that are cut by hand are spelt.

use super::scan::Scanner;

/// The pattern of GPT-2.
pub(crate) const GPT2: &str =
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
const GPT2_TIKTOKEN: &str =
    r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s";
const GPT2_TIKTOKEN_OLD: &str =
    r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

/// The pattern of cl100k as Llama 3 writes it.
pub(crate) const CL100K: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// As tiktoken writes it since 0.8. `\s++$` stands before line ends, so that a text which ends in a line end and
/// spaces is cut otherwise; and `{1,3}+` is possessive in tiktoken, but repeats in `tokenizer.json`.
pub(crate) const CL100K_TIKTOKEN: &str = r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s";
/// The same in the dialect of `tokenizer.json`.
const CL100K_TIKTOKEN_HF: &str = r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s";
const CL100K_TIKTOKEN_OLD: &str = r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+";

/// The pattern of Qwen 2, 2.5 and 3: cl100k with every digit alone.
pub(crate) const QWEN: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
pub(crate) const QWEN35: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// The pattern of o200k, the same in tiktoken and in `tokenizer.json`.
pub(crate) const O200K: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// The pattern of Mistral's tekken, and of Nemotron.
pub(crate) const TEKKEN: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";
pub(crate) const KIMI: &str = r"[\p{Han}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// The three patterns of DeepSeek V3 and R1, each applied to the pieces of the one before. The line ends of the
/// third stand in the file as characters.
pub(crate) const DEEPSEEK: [&str; 3] = [
    r"\p{N}{1,3}",
    "[一-龥぀-ゟ゠-ヿ]+",
    "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+",
];
const DEEPSEEK_ESCAPED: &str = r##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"##;

/// Who reads a pattern, since some signs mean different things to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Oniguruma, which reads `tokenizer.json`: `$` stands at each line end, `{1,3}+` repeats.
    Oniguruma,
    /// fancy-regex, which tiktoken uses: `$` stands at the end of the text, `{1,3}+` is possessive.
    Tiktoken,
}

/// Every spelling that is cut by hand, the dialects in which it has that meaning, and the cutter.
pub(super) const ALL: [(&str, Option<Dialect>, Scanner); 13] = [
    (GPT2, None, Scanner::Gpt2),
    (GPT2_TIKTOKEN, None, Scanner::Gpt2),
    (GPT2_TIKTOKEN_OLD, None, Scanner::Gpt2),
    (CL100K, None, Scanner::Cl100k { max_digits: 3 }),
    (CL100K_TIKTOKEN, Some(Dialect::Tiktoken), Scanner::Cl100kEndFirst { max_digits: 3 }),
    (CL100K_TIKTOKEN, Some(Dialect::Oniguruma), Scanner::Cl100kEndFirst { max_digits: usize::MAX }),
    (CL100K_TIKTOKEN_HF, None, Scanner::Cl100kEndFirst { max_digits: 3 }),
    (CL100K_TIKTOKEN_OLD, None, Scanner::Cl100k { max_digits: 3 }),
    (QWEN, None, Scanner::Cl100k { max_digits: 1 }),
    (QWEN35, None, Scanner::Qwen35),
    (O200K, None, Scanner::O200k),
    (TEKKEN, None, Scanner::Tekken),
    (KIMI, None, Scanner::Kimi),
];

/// Returns the scanner of a pattern that is exactly one of the known spellings.
pub(super) fn find(pattern: &str, dialect: Dialect) -> Option<Scanner> {
    ALL.iter()
        .find(|(known, of, _)| *known == pattern && of.is_none_or(|of| of == dialect))
        .map(|&(_, _, scanner)| scanner)
}

/// Whether the patterns are the three of DeepSeek.
pub(super) fn is_deepseek<P: AsRef<str>>(patterns: &[P]) -> bool {
    match patterns {
        [first, second, third] => {
            first.as_ref() == DEEPSEEK[0]
                && second.as_ref() == DEEPSEEK[1]
                && [DEEPSEEK[2], DEEPSEEK_ESCAPED].contains(&third.as_ref())
        }
        _ => false,
    }
}

/// Returns a pattern of tiktoken as `tokenizer.json` has to spell it, if it is known how.
pub(super) fn for_tokenizer_json(pattern: &str) -> Option<&str> {
    match pattern {
        CL100K_TIKTOKEN => Some(CL100K_TIKTOKEN_HF),
        GPT2_TIKTOKEN | CL100K_TIKTOKEN_HF => Some(pattern),
        _ if pattern.contains(['$', '^']) && has_anchor(pattern)
            || pattern.contains("}+") && has_counted_plus(pattern) =>
        {
            None
        }
        _ => Some(pattern),
    }
}

/// Whether `$` or `^` stands outside of a class; escapes and what follows `[` count as inside.
fn has_anchor(pattern: &str) -> bool {
    let mut depth = 0usize;
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => _ = chars.next(),
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            '^' | '$' if depth == 0 => return true,
            _ => {}
        }
    }
    false
}

/// Whether a count such as `{1,3}` is followed by `+`; `\p{L}+` is none.
fn has_counted_plus(pattern: &str) -> bool {
    pattern.match_indices("}+").any(|(at, _)| {
        let before = pattern.split_at(at).0;
        let start = before.trim_end_matches(|c: char| c.is_ascii_digit() || c == ',');
        start.len() < before.len() && start.ends_with('{')
    })
}
