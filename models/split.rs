//! Cuts text into the pieces inside which a byte-level BPE merges.
//!
//! A tokenizer says by regular expressions where its pieces begin and end; what a pattern does not match is a
//! piece too, so that pieces always join to the text again. The patterns of GPT-2, cl100k (Llama 3, OLMo), o200k,
//! Qwen, DeepSeek, Kimi and tekken are cut by hand-written code, which is many times as fast as their regular
//! expressions and is tested against them. A pattern whose only look-around is `\s+(?!\S)` at its end goes through
//! regex-automata, any other one through fancy-regex.

use fancy_regex::{Regex, RegexBuilder};

mod automaton;
mod class;
mod scan;
mod spellings;

use automaton::Automaton;
use scan::Scanner;
pub(crate) use spellings::Dialect;
pub(crate) use spellings::{
    CL100K, CL100K_TIKTOKEN, DEEPSEEK, GPT2, KIMI, O200K, QWEN, QWEN35, TEKKEN,
};

/// The patterns of a tokenizer, each applied to the pieces of the one before.
#[derive(Debug, Clone)]
pub struct Splitter {
    steps: Vec<Step>,
    /// Cuts as all the steps together do.
    fused: Option<Scanner>,
}

#[derive(Debug, Clone)]
struct Step {
    pattern: String,
    cutter: Cutter,
}

#[derive(Debug, Clone)]
enum Cutter {
    Scanner(Scanner),
    Automaton(Box<Automaton>),
    Regex(Box<Regex>),
}

/// A pattern that cannot cut text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("pattern `{pattern}`: {what}")]
pub struct PatternError {
    /// The pattern.
    pub pattern: String,
    /// What is wrong with it.
    pub what: String,
}

impl Default for Splitter {
    /// Returns the splitter of cl100k and Llama 3.
    fn default() -> Self {
        Self::cl100k()
    }
}

impl Splitter {
    /// Returns the splitter of GPT-2.
    pub fn gpt2() -> Self {
        Self::of(GPT2, Scanner::Gpt2)
    }

    /// Returns the splitter of cl100k and Llama 3: contractions, words with one leading mark or space, numbers
    /// of up to three digits, punctuation, line ends, spaces.
    pub fn cl100k() -> Self {
        Self::of(CL100K, Scanner::Cl100k { max_digits: 3 })
    }

    fn of(pattern: &str, scanner: Scanner) -> Self {
        let step = Step { pattern: pattern.to_owned(), cutter: Cutter::Scanner(scanner) };
        Self { steps: vec![step], fused: Some(scanner) }
    }

    /// Returns the splitter of one or more patterns, in the dialect of Oniguruma, which `tokenizer.json` uses.
    ///
    /// # Errors
    /// Fails if a pattern does not parse or matches the empty text.
    pub fn new<P: AsRef<str>>(patterns: &[P]) -> Result<Self, PatternError> {
        let steps = patterns.iter().map(|pattern| Step::new(pattern.as_ref()));
        let steps = steps.collect::<Result<Vec<_>, _>>()?;
        let fused = match steps.as_slice() {
            [Step { cutter: Cutter::Scanner(scanner), .. }] => Some(*scanner),
            _ => spellings::is_deepseek(patterns).then_some(Scanner::DeepSeek),
        };
        Ok(Self { steps, fused })
    }

    /// Returns the splitter of DeepSeek V3 and R1: numbers, runs of Han or kana, and then what GPT-2 cuts, without
    /// joining marks to words.
    pub fn deepseek() -> Self {
        Self::new(&DEEPSEEK).expect("the patterns are known")
    }

    /// Returns the splitter of a pattern in the dialect of tiktoken, where `$` is the end of the text and `{1,3}+`
    /// does not give back what it took.
    ///
    /// `patterns()` returns it as `tokenizer.json` spells the same.
    ///
    /// # Errors
    /// Fails as `new` does, and for a pattern with `^`, `$` or `{1,3}+` that is not one of tiktoken's own, since it
    /// could not be written to a `tokenizer.json`.
    pub fn from_tiktoken(pattern: &str) -> Result<Self, PatternError> {
        let written = spellings::for_tokenizer_json(pattern).ok_or_else(|| PatternError {
            pattern: pattern.to_owned(),
            what: "`^`, `$` and counts with `+` mean something else in tokenizer.json".to_owned(),
        })?;
        match spellings::find(pattern, Dialect::Tiktoken) {
            Some(scanner) => Ok(Self::of(written, scanner)),
            None => Self::new(&[written]),
        }
    }

    /// Returns the patterns, first one first.
    pub fn patterns(&self) -> impl ExactSizeIterator<Item = &str> {
        self.steps.iter().map(|step| step.pattern.as_str())
    }

    /// Calls `emit` with each piece of `text`, none of them empty, which together are the text.
    pub fn split<'t>(&self, text: &'t str, mut emit: impl FnMut(&'t str)) {
        match self.fused {
            Some(scanner) => scanner.split(text, emit),
            None => split_by(&self.steps, text, &mut emit),
        }
    }
}

impl Step {
    fn new(pattern: &str) -> Result<Self, PatternError> {
        let cutter = match spellings::find(pattern, Dialect::Oniguruma) {
            Some(scanner) => Cutter::Scanner(scanner),
            None => {
                let regex = compile(pattern, Dialect::Oniguruma)?;
                match Automaton::new(pattern) {
                    Some(automaton) => Cutter::Automaton(Box::new(automaton)),
                    None => Cutter::Regex(Box::new(regex)),
                }
            }
        };
        Ok(Self { pattern: pattern.to_owned(), cutter })
    }
}

/// Compiles a pattern as its reader reads it.
pub(crate) fn compile(pattern: &str, dialect: Dialect) -> Result<Regex, PatternError> {
    let error = |what| PatternError { pattern: pattern.to_owned(), what };
    let regex = RegexBuilder::new(pattern)
        .oniguruma_mode(dialect == Dialect::Oniguruma)
        .multi_line(dialect == Dialect::Oniguruma)
        .build()
        .map_err(|cause| error(cause.to_string()))?;
    match regex.is_match("") {
        Ok(false) => Ok(regex),
        Ok(true) => Err(error("matches the empty text".into())),
        Err(cause) => Err(error(cause.to_string())),
    }
}

/// Cuts by the first step, and what comes out by the next ones.
fn split_by<'t>(steps: &[Step], text: &'t str, emit: &mut dyn FnMut(&'t str)) {
    match steps {
        [] if text.is_empty() => {}
        [] => emit(text),
        [step, rest @ ..] => match &step.cutter {
            Cutter::Scanner(scanner) => scanner.split(text, |piece| split_by(rest, piece, emit)),
            Cutter::Automaton(automaton) => {
                automaton.split(text, |piece| split_by(rest, piece, emit));
            }
            Cutter::Regex(regex) => {
                split_by_regex(regex, text, &mut |piece| split_by(rest, piece, emit));
            }
        },
    }
}

/// Emits the matches and what lies between them.
///
/// A search that gives up (the limit on backtracking) leaves the rest of the text as one piece.
fn split_by_regex<'t>(regex: &Regex, text: &'t str, emit: &mut dyn FnMut(&'t str)) {
    let mut rest = text;
    for found in regex.find_iter(text).map_while(Result::ok) {
        let done = text.len() - rest.len();
        let (gap, tail) = rest.split_at(found.start() - done);
        let (piece, tail) = tail.split_at(found.end() - found.start());
        for piece in [gap, piece] {
            if !piece.is_empty() {
                emit(piece);
            }
        }
        rest = tail;
    }
    if !rest.is_empty() {
        emit(rest);
    }
}

#[cfg(test)]
mod tests;
