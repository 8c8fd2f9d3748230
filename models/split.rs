//! Cuts text into the pieces inside which a byte-level BPE merges.
//!
//! A tokenizer says by regular expressions where its pieces begin and end; what a pattern does not match is a
//! piece too, so that pieces always join to the text again. The patterns of GPT-2, of cl100k (Llama 3, OLMo)
//! and of Qwen are cut by hand-written code, which is many times as fast as their regular expressions and is
//! tested against them; any other pattern goes through fancy-regex.

use fancy_regex::{Regex, RegexBuilder};

mod class;
mod scan;

use scan::Scanner;

/// The pattern of GPT-2.
pub(crate) const GPT2: &str =
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

/// The pattern of cl100k as Llama 3 writes it.
pub(crate) const CL100K: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// The pattern of Qwen 2 and 3: cl100k with every digit alone.
pub(crate) const QWEN: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// The patterns of a tokenizer, each applied to the pieces of the one before.
#[derive(Debug, Clone)]
pub struct Splitter {
    steps: Vec<Step>,
}

#[derive(Debug, Clone)]
struct Step {
    pattern: String,
    cutter: Cutter,
}

#[derive(Debug, Clone)]
enum Cutter {
    Scanner(Scanner),
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
        Self { steps: vec![Step { pattern: GPT2.into(), cutter: Cutter::Scanner(Scanner::Gpt2) }] }
    }

    /// Returns the splitter of cl100k and Llama 3: contractions, words with one leading mark or space, numbers
    /// of up to three digits, punctuation, line ends, spaces.
    pub fn cl100k() -> Self {
        let cutter = Cutter::Scanner(Scanner::Cl100k { max_digits: 3 });
        Self { steps: vec![Step { pattern: CL100K.into(), cutter }] }
    }

    /// Returns the splitter of one or more patterns, in the dialect of Oniguruma, which `tokenizer.json` uses.
    ///
    /// # Errors
    /// Fails if a pattern does not parse or matches the empty text.
    pub fn new<P: AsRef<str>>(patterns: &[P]) -> Result<Self, PatternError> {
        let steps = patterns.iter().map(|pattern| Step::new(pattern.as_ref()));
        Ok(Self { steps: steps.collect::<Result<_, _>>()? })
    }

    /// Returns the patterns, first one first.
    pub fn patterns(&self) -> impl ExactSizeIterator<Item = &str> {
        self.steps.iter().map(|step| step.pattern.as_str())
    }

    /// Calls `emit` with each piece of `text`, none of them empty, which together are the text.
    pub fn split<'t>(&self, text: &'t str, mut emit: impl FnMut(&'t str)) {
        match self.steps.as_slice() {
            [Step { cutter: Cutter::Scanner(scanner), .. }] => scanner.split(text, emit),
            steps => split_by(steps, text, &mut emit),
        }
    }
}

impl Step {
    fn new(pattern: &str) -> Result<Self, PatternError> {
        let cutter = match pattern {
            GPT2 => Cutter::Scanner(Scanner::Gpt2),
            CL100K => Cutter::Scanner(Scanner::Cl100k { max_digits: 3 }),
            QWEN => Cutter::Scanner(Scanner::Cl100k { max_digits: 1 }),
            _ => Cutter::Regex(Box::new(compile(pattern)?)),
        };
        Ok(Self { pattern: pattern.to_owned(), cutter })
    }
}

/// Compiles a pattern as Oniguruma reads it: `^` and `$` stand at lines, `{1,3}+` repeats and is not possessive.
fn compile(pattern: &str) -> Result<Regex, PatternError> {
    let error = |what| PatternError { pattern: pattern.to_owned(), what };
    let regex = RegexBuilder::new(pattern)
        .oniguruma_mode(true)
        .multi_line(true)
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
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;

    fn pieces<'t>(splitter: &Splitter, text: &'t str) -> Vec<&'t str> {
        let mut pieces = Vec::new();
        splitter.split(text, |piece| pieces.push(piece));
        pieces
    }

    /// The splitter of a pattern, through fancy-regex whatever the pattern.
    fn regex(pattern: &str) -> Splitter {
        let cutter = Cutter::Regex(Box::new(compile(pattern).unwrap()));
        Splitter { steps: vec![Step { pattern: pattern.into(), cutter }] }
    }

    /// Each hand-written splitter with the regular expression that it stands for.
    static PAIRS: LazyLock<[(Splitter, Splitter); 3]> = LazyLock::new(|| {
        [GPT2, CL100K, QWEN].map(|pattern| (Splitter::new(&[pattern]).unwrap(), regex(pattern)))
    });

    fn check_scanners(text: &str) {
        for (by_hand, by_regex) in PAIRS.iter() {
            assert!(matches!(by_hand.steps[0].cutter, Cutter::Scanner(_)));
            assert_eq!(pieces(by_hand, text), pieces(by_regex, text), "{text:?}");
        }
    }

    #[test]
    fn cl100k_cuts_words_numbers_marks_and_spaces() {
        let text = "He'LL pay $12345,  not 它，好吗？\r\n\n  ok \n";
        let expected = [
            "He",
            "'LL",
            " pay",
            " $",
            "123",
            "45",
            ",",
            " ",
            " not",
            " 它",
            "，好吗",
            "？\r\n\n",
            " ",
            " ok",
            " \n",
        ];
        assert_eq!(pieces(&Splitter::default(), text), expected);
    }

    #[test]
    fn scanners_agree_with_their_patterns_on_hard_cases() {
        let cases = [
            "'s'S'ſ'ſs 'll'LL'lL'l 'x '' '",
            "it's it'S it'ſ o'veR",
            "a  b   c\t\td\u{3000}\u{3000}e",
            "½ⅣA〇零٣1234567",
            " \r\n \n\n x",
            "x \r",
            "  ",
            "\n",
            " \t\n \t",
            "!\r\n\r\n!?",
            " ?!\n",
            "々〆ヶ한국어עִבְרִית हिन्दी ไทย",
            "e\u{301}a\u{200d}b\u{feff}",
            "👩‍👩‍👧 🇨🇳",
            "\u{85}\u{a0}x\u{2028}y",
            "𠮷野家𐐷",
            "$x=_y__z",
            "\u{0}\u{1}a",
            "",
            " ",
            "\u{10ffff}",
        ];
        cases.into_iter().for_each(check_scanners);
    }

    #[test]
    fn unmatched_text_is_a_piece_as_well() {
        assert_eq!(pieces(&regex("[0-9]"), "ab12c"), ["ab", "1", "2", "c"]);
    }

    #[test]
    fn patterns_are_applied_one_after_another() {
        let splitter = Splitter::new(&[r"\p{N}{1,3}", r"[一-龥]+"]).unwrap();
        assert_eq!(pieces(&splitter, "在2026年a"), ["在", "202", "6", "年", "a"]);
        assert_eq!(pieces(&Splitter::new::<&str>(&[]).unwrap(), "a b"), ["a b"]);
    }

    #[test]
    fn patterns_are_read_as_oniguruma_reads_them() {
        // `{1,3}+` is a repetition of a repetition there, and `$` stands before a line end.
        assert_eq!(pieces(&regex(r"\p{N}{1,3}+"), "12345a"), ["12345", "a"]);
        assert_eq!(pieces(&regex(r"\w$"), "ab\ncd"), ["a", "b", "\nc", "d"]);
    }

    #[test]
    fn search_that_gives_up_loses_no_text() {
        let greedy = compile(r"(?:(?=(a+))a+)+(?<!a)b").unwrap();
        let text = format!("xaab{}", "a".repeat(3_000));
        assert!(greedy.find_iter(&text).any(|found| found.is_err()), "the search must give up");
        let cutter = Cutter::Regex(Box::new(greedy));
        let splitter = Splitter { steps: vec![Step { pattern: String::new(), cutter }] };
        assert_eq!(pieces(&splitter, &text).concat(), text);
    }

    #[test]
    fn useless_patterns_are_refused() {
        assert_eq!(
            Splitter::new(&["x*"]).unwrap_err().to_string(),
            "pattern `x*`: matches the empty text"
        );
        assert!(Splitter::new(&["(?<!"]).unwrap_err().to_string().starts_with("pattern `(?<!`: "));
    }

    /// Text with much of what the patterns look for.
    fn marked_text() -> impl Strategy<Value = String> {
        prop::collection::vec(
            prop_oneof![
                prop::sample::select(vec![
                    ' ', ' ', '\n', '\r', '\t', '\'', 's', 'S', 'ſ', 't', 'r', 'E', 'l', 'L', 'a',
                    'é', '1', '½', '，', '!', '中', '\u{3000}', '\u{301}', '\u{85}', '\u{1c}',
                    '\u{200b}'
                ]),
                any::<char>(),
            ],
            0..40,
        )
        .prop_map(String::from_iter)
    }

    proptest! {
        #[test]
        fn scanners_agree_with_their_patterns(text in marked_text()) {
            check_scanners(&text);
        }

        #[test]
        fn pieces_join_to_the_text(text in marked_text()) {
            static TWO_STEPS: LazyLock<Splitter> =
                LazyLock::new(|| Splitter::new(&[r"\p{N}", r"[a-z]+(?=é)"]).unwrap());
            prop_assert_eq!(pieces(&TWO_STEPS, &text).concat(), text);
        }
    }
}
