//! Words of Chinese text, by dictionary.
//!
//! Runs of Han are cut as jieba cuts them, with its dictionary and its hidden Markov model for names that the dictionary
//! lacks, as datatrove and NeMo Curator use it; all between the runs is cut by the rules of Unicode, so that `GPT-4` and
//! `3.14` are what they are in English text. Each word is the one that jieba-rs 0.10 gives, which the tests compare; the
//! code is our own because that library unpacks its dictionary in every process, and allocates in every run.
//! `examples/cut_chinese.rs`, on the Chinese of `fixtures/corpus`: 98 MB/s of Han against 26, and 0.0001 s to start
//! against 0.12 s, on a machine that others used too.

use std::cell::RefCell;

use super::{Class, MAX_RUN_BYTES, Segment, is_han, unicode};
use model::Model;
use tables::Prefix;

mod model;
mod tables;

const HAN_WORD: Class = Class { word: true, letter: true, punctuation: false };

thread_local! {
    static CUTTER: RefCell<Cutter> = RefCell::default();
}

/// Appends the segments of a text.
pub(super) fn cut(text: &str, segments: &mut Vec<Segment>) {
    CUTTER.with_borrow_mut(|cutter| {
        let mut rest = text;
        while !rest.is_empty() {
            let start = text.len() - rest.len();
            let (other, from_han) = split_where(rest, is_han);
            unicode::cut(other, start, segments);
            let (han, after) = split_where(from_han, |char| !is_han(char));
            let mut words = Words { text: text.as_bytes(), segments };
            cutter.cut_han(han, start + other.len(), &mut words);
            rest = after;
        }
    });
}

/// Splits a text before the first character that `is_wanted`.
pub(super) fn split_where(text: &str, is_wanted: impl FnMut(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(is_wanted).unwrap_or(text.len()))
}

/// Buffers that keep their memory from one text to the next.
#[derive(Debug, Default)]
struct Cutter {
    /// The number of each character of a block.
    numbers: Vec<u16>,
    /// The offset in the text of each character, and of the end of the block.
    offsets: Vec<usize>,
    /// The best way to cut what begins at each character, and at the end.
    route: Vec<Way>,
    model: Model,
}

/// The best way to cut the rest of a block.
#[derive(Debug, Clone, Copy, Default)]
struct Way {
    /// The sum of the scores of its words.
    score: f64,
    /// The length of its first word.
    chars: u32,
}

impl Cutter {
    /// Cuts a run of Han that starts at byte `start` of its text.
    fn cut_han(&mut self, mut run: &str, mut start: usize, words: &mut Words<'_>) {
        while !run.is_empty() {
            let (head, tail) = run.split_at(run.floor_char_boundary(MAX_RUN_BYTES));
            for (offset, char) in head.char_indices() {
                let at = start + offset;
                if is_unknown_to_jieba(char) {
                    self.cut_block(at, words);
                    words.push(at, at + char.len_utf8(), 1);
                } else {
                    self.numbers.push(tables::number(char));
                    self.offsets.push(at);
                }
            }
            start += head.len();
            self.cut_block(start, words);
            run = tail;
        }
    }

    /// Cuts the characters that were pushed, and forgets them; they end at byte `end`.
    fn cut_block(&mut self, end: usize, words: &mut Words<'_>) {
        self.offsets.push(end);
        self.find_route();
        let (mut at, mut singles) = (0, 0);
        while at < self.numbers.len() {
            let next = at + self.route[at].chars as usize;
            if next > at + 1 {
                self.cut_singles(singles, at, words);
                words.push(self.offsets[at], self.offsets[next], next - at);
                singles = next;
            }
            at = next;
        }
        self.cut_singles(singles, at, words);
        self.numbers.clear();
        self.offsets.clear();
    }

    /// Cuts a run of characters that the dictionary left single: unless together they are a word that frequency spoke
    /// against, the model may join them.
    fn cut_singles(&mut self, start: usize, end: usize, words: &mut Words<'_>) {
        let (run, offsets) = (&self.numbers[start..end], &self.offsets[start..=end]);
        if run.len() < 2 || tables::has_word(run) {
            for pair in offsets.windows(2) {
                words.push(pair[0], pair[1], 1);
            }
            return;
        }
        let mut at = 0;
        // jieba's model passes over characters without a number, and so makes one word of a run of them.
        for part in run.chunk_by(|&a, &b| (a == 0) == (b == 0)) {
            let mut first = at;
            if part[0] == 0 {
                at += part.len();
                words.push(offsets[first], offsets[at], part.len());
                continue;
            }
            for &ends in self.model.cut(part) {
                at += 1;
                if ends {
                    words.push(offsets[first], offsets[at], at - first);
                    first = at;
                }
            }
        }
    }

    /// Finds the words whose scores have the greatest sum, from the last character back. Among equals the longer word
    /// wins, as in jieba.
    fn find_route(&mut self) {
        let n_chars = self.numbers.len();
        self.route.clear();
        self.route.resize(n_chars + 1, Way::default());
        let lowest = tables::lowest_score();
        for at in (0..n_chars).rev() {
            let rest = &self.route[at + 1..];
            let mut best = Way { score: f64::NEG_INFINITY, chars: 0 };
            let mut prefix = Prefix::EMPTY;
            for (chars, (&number, after)) in (1..).zip(self.numbers[at..].iter().zip(rest)) {
                let Some(longer) = prefix.then(number) else { break };
                if let Some(score) = longer.score() {
                    let score = score + after.score;
                    if score >= best.score {
                        best = Way { score, chars };
                    }
                }
                if !longer.is_open() {
                    break;
                }
                prefix = longer;
            }
            if best.chars == 0 {
                best = Way { score: lowest + rest[0].score, chars: 1 };
            }
            self.route[at] = best;
        }
    }
}

/// Where the words of a text go.
struct Words<'a> {
    text: &'a [u8],
    segments: &'a mut Vec<Segment>,
}

impl Words<'_> {
    fn push(&mut self, start: usize, end: usize, chars: usize) {
        let word = &self.text[start..end];
        self.segments.push(Segment::new(word, start, chars as u32, HAN_WORD));
    }
}

/// Returns whether jieba takes a Han ideograph for a mark: one of a block that is younger than its list.
fn is_unknown_to_jieba(char: char) -> bool {
    matches!(char, '\u{2A6E0}'..='\u{2A6FF}' | '\u{2EBF0}'..='\u{2F7FF}' | '\u{30000}'..)
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use jieba_rs::Jieba;
    use proptest::prelude::*;

    use super::*;

    static JIEBA: LazyLock<Jieba> = LazyLock::new(Jieba::new);
    static WORDS: LazyLock<Vec<String>> = LazyLock::new(tables::list_words);

    /// Characters of many words and names, so that ways to cut compete.
    const COMMON: &str = "[一不中人大小上下国学生会发地出分年家长市民主方子天日东西南北京海山江王李张刘陈林文明华建军伟丽芳的了在是我有和就也]{1,40}";

    fn words(text: &str) -> Vec<&str> {
        let mut segments = Vec::new();
        cut(text, &mut segments);
        segments.iter().map(|segment| segment.text(text)).collect()
    }

    #[test]
    fn cuts_han_by_dictionary_and_the_rest_by_unicode() {
        assert_eq!(
            words("上海的图书馆，重新开放。GPT-4 得 3.14 分"),
            [
                "上海",
                "的",
                "图书馆",
                "，",
                "重新",
                "开放",
                "。",
                "GPT",
                "-",
                "4",
                "得",
                "3.14",
                "分"
            ]
        );
    }

    /// Compares the words of a run of Han, which is cut as one, with those of jieba-rs.
    fn check(run: &str) {
        let theirs: Vec<&str> = JIEBA.cut(run, true).iter().map(|token| token.word).collect();
        assert_eq!(words(run), theirs, "words of {run}");
    }

    fn check_runs(text: &str) -> usize {
        let runs = text.split(|char| !is_han(char)).filter(|run| !run.is_empty());
        runs.map(|run| {
            check(run);
            run.chars().count()
        })
        .sum()
    }

    #[test]
    fn a_run_of_a_megabyte_is_cut_in_pieces() {
        let mut text: String = WORDS.iter().step_by(11).map(String::as_str).collect();
        text.push_str(&"图书馆".repeat(90_000));
        assert!(text.len() > 1_000_000);
        let (mut theirs, mut rest) = (Vec::new(), text.as_str());
        while !rest.is_empty() {
            let (head, tail) = rest.split_at(rest.floor_char_boundary(MAX_RUN_BYTES));
            theirs.extend(JIEBA.cut(head, true).iter().map(|token| token.word));
            rest = tail;
        }
        assert!(words(&text) == theirs);
    }

    #[test]
    fn cuts_the_corpus_as_jieba_does() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures");
        let mut n_chars = 0;
        for file in ["corpus/held_out.jsonl", "corpus/poems_zh.csv", "labelled/quality.jsonl"] {
            let text = std::fs::read_to_string(format!("{folder}/{file}")).unwrap();
            n_chars += check_runs(&text);
        }
        for entry in std::fs::read_dir(format!("{folder}/filters")).unwrap() {
            n_chars += check_runs(&std::fs::read_to_string(entry.unwrap().path()).unwrap());
        }
        assert!(n_chars > 30_000, "{n_chars} characters of Han");
    }

    #[test]
    fn cuts_rare_han_as_jieba_does() {
        for run in [
            "㐀",
            "㐀㐁",
            "㐀中㐁㐂国",
            "中㐀国",
            "鿕鿖鿿一",
            "龥龦鿋",
            "豈更車",
            "𠀀𠀁人𪛟𪛠𪛿𪜀",
            "𮯯𮯰𮯱丽𰀀𰀁中国",
            "𰀀",
            "丨丩丬",
            "傊妵国頔",
            "亚絫甲籶頔兿",
            "鑤颺",
            "一",
        ] {
            check(run);
        }
    }

    #[test]
    fn the_dictionary_is_that_of_jieba() {
        // Its 349,045 entries but for 71 with other characters than Han.
        assert_eq!(WORDS.len(), 348_974);
        for word in &*WORDS {
            assert!(JIEBA.has_word(word), "{word}");
        }
        for pair in WORDS.chunks(2) {
            check(&pair.concat());
        }
    }

    proptest! {
        #[test]
        fn loses_nothing_but_blanks(text in "[上海的图书馆A-C0-2，。 \n\u{301}]{0,40}") {
            let joined: String = words(&text).concat();
            let solid = |text: &str| text.split_whitespace().collect::<String>();
            prop_assert_eq!(solid(&joined), solid(&text));
        }

        #[test]
        fn cuts_any_han_as_jieba_does(
            run in "[\u{4E00}-\u{9FFF}\u{3400}-\u{3410}\u{F900}-\u{F910}\u{2A6D8}-\u{2A708}\u{30000}]{1,30}"
        ) {
            check(&run);
        }

        #[test]
        fn cuts_mixtures_of_words_as_jieba_does(
            parts in prop::collection::vec(prop_oneof![
                4 => prop::sample::select(&**WORDS),
                1 => "[\u{4E00}-\u{9FD5}]{1,3}",
                1 => COMMON,
            ], 1..12)
        ) {
            check(&parts.concat());
        }

        #[test]
        fn cuts_common_han_as_jieba_does(run in COMMON) {
            check(&run);
        }
    }
}
