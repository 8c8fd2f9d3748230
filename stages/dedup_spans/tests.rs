//! The three stages by example, hostile ones among them.

use super::*;
use crate::duplicates::driver::{Driver, Outcome, TestDocument, corpus};
use crate::ledger::Cause;

/// Text that is long enough for the default limits.
const BOILERPLATE: &str = "Subscribe to our newsletter and never miss an update!";

fn lines(config: &DedupSpans, corpus: &[TestDocument]) -> Outcome {
    Driver::default().run(&config.build(Unit::Lines, 3).unwrap(), corpus)
}

fn paragraphs(corpus: &[TestDocument]) -> Outcome {
    let census = DedupSpans::default().build(Unit::Paragraphs, 3).unwrap();
    Driver::default().run(&census, corpus)
}

fn sentences(config: &DedupSentences, corpus: &[TestDocument]) -> Outcome {
    Driver::default().run(&config.build(3).unwrap(), corpus)
}

fn texts(outcome: &Outcome) -> Vec<&str> {
    outcome.kept.iter().map(|document| document.text.as_str()).collect()
}

fn cause(outcome: &Outcome, i: usize) -> (&str, &str, f64, f64) {
    match &outcome.removed[i].cause {
        Cause::Rule { rule, removal } => (rule, removal.check, removal.value, removal.limit),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_first_of_equal_lines_stays_and_later_ones_are_cut() {
    let corpus = corpus(
        &[
            "First page.\nPosted on 12 May, 10:32 AM by admin\nText.",
            "Second page.\n\n  POSTED on 03 May 22:15 AM by  admin \n\nMore text.\n",
            "Third page.\nPosted on 3 May, 10:32 AM by admin",
        ],
        2,
    );
    let outcome = lines(&DedupSpans::default(), &corpus);
    let expected = [
        &corpus[0].text,
        "Second page.\n\nMore text.\n",
        // One digit is not two.
        &corpus[2].text,
    ];
    assert_eq!(texts(&outcome), expected);
    assert_eq!((outcome.edits, outcome.removed.len()), (1, 0));
}

#[test]
fn short_lines_and_blank_lines_are_structure() {
    let text = "Introduction\n\n}\n\n***\n\n责任编辑\n\n责任编辑：小编\n\nShare on Facebook\n";
    let outcome = lines(&DedupSpans::default(), &corpus(&[text, text], 2));
    let cut = "Introduction\n\n}\n\n***\n\n责任编辑\n\nShare on Facebook\n";
    assert_eq!(texts(&outcome), [text, cut]);
    let config = DedupSpans { min_span_chars: 12, min_han_span_chars: 4, ..DedupSpans::default() };
    let outcome = lines(&config, &corpus(&[text, text], 2));
    assert_eq!(texts(&outcome), [text, "}\n\n***\n"]);
}

#[test]
fn a_document_that_is_left_too_short_is_removed_with_the_key_that_decided() {
    let text = format!("one two three 四五\n{BOILERPLATE}");
    let corpus = corpus(&[BOILERPLATE, &text, BOILERPLATE, "short"], 2);
    let outcome = lines(&DedupSpans::default(), &corpus);
    assert_eq!(texts(&outcome), [BOILERPLATE, "one two three 四五", "short"]);
    assert_eq!(cause(&outcome, 0), ("dedup_lines", "min_chars", 0.0, 1.0));
    assert_eq!(outcome.removed[0].text, BOILERPLATE, "the text before the cut");
    assert_eq!(outcome.edits, 2);

    let config = DedupSpans { min_words: 6, ..DedupSpans::default() };
    let outcome = lines(&config, &corpus);
    assert_eq!(texts(&outcome), [BOILERPLATE, "short"], "what was short before is not touched");
    assert_eq!(cause(&outcome, 0), ("dedup_lines", "min_words", 5.0, 6.0));
    let config = DedupSpans { min_chars: 14, ..DedupSpans::default() };
    assert_eq!(cause(&lines(&config, &corpus), 0), ("dedup_lines", "min_chars", 13.0, 14.0));
}

#[test]
fn as_many_copies_stay_as_are_asked_for() {
    let page = |i: usize| format!("page {i}\n{BOILERPLATE}\n{BOILERPLATE}\nend");
    let corpus = corpus(&[page(0), page(1), page(2)], 2);
    let copies = |max_copies, min_documents, within_document| -> Vec<usize> {
        let config =
            DedupSpans { max_copies, min_documents, within_document, ..DedupSpans::default() };
        let outcome = lines(&config, &corpus);
        texts(&outcome).iter().map(|text| text.matches(BOILERPLATE).count()).collect()
    };
    assert_eq!(copies(1, 1, true), [1, 0, 0]);
    assert_eq!(copies(3, 1, true), [2, 1, 0]);
    assert_eq!(copies(9, 1, true), [2, 2, 2]);
    assert_eq!(copies(1, 3, true), [1, 0, 0]);
    assert_eq!(copies(1, 4, true), [2, 2, 2], "six copies, but three documents");
    assert_eq!(copies(0, 3, true), [0, 0, 0]);
    assert_eq!(copies(1, 1, false), [2, 0, 0]);
    assert_eq!(copies(2, 3, false), [2, 2, 0]);
    assert_eq!(copies(0, 2, false), [0, 0, 0]);
}

#[test]
fn paragraphs_are_compared_as_wholes_however_they_are_wrapped() {
    let corpus = corpus(
        &[
            "One.\n\nThe quick brown fox\njumps over the lazy dog.\n\nTwo.",
            "Three.\r\n\r\nThe quick brown\r\nfox jumps over the lazy dog.\r\n\r\nFour.",
            "Five.\n\nThe quick brown fox\njumps over the lazy dog.\nAnd away.\n\nSix.",
            "jumps over the lazy dog.",
        ],
        2,
    );
    let outcome = paragraphs(&corpus);
    let [first, _, third, fourth] = [0, 1, 2, 3].map(|i| corpus[i].text.as_str());
    assert_eq!(texts(&outcome), [first, "Three.\r\n\r\nFour.", third, fourth]);
    assert_eq!(outcome.edits, 1);
}

#[test]
fn runs_of_sentences_are_cut_where_they_occurred_before() {
    let corpus = corpus(
        &[
            "The river rose. It broke the dam! Who had known? Nobody.",
            "News: the river rose.\nThe river rose. It broke the dam! Who had known? Somebody.",
            "The river rose. It broke the dam. A new day.",
            "河水上涨了。堤坝被冲垮！谁知道呢？没有人。",
            "新闻。“河水上涨了。堤坝被冲垮！谁知道呢？”他问。",
        ],
        2,
    );
    let outcome = sentences(&DedupSentences::default(), &corpus);
    let [first, _, third, fourth, _] = [0, 1, 2, 3, 4].map(|i| corpus[i].text.as_str());
    let expected = [first, "News: the river rose.\nSomebody.", third, fourth, "新闻。他问。"];
    assert_eq!(texts(&outcome), expected);
    assert_eq!(outcome.edits, 6);
}

#[test]
fn of_sentences_that_repeat_themselves_one_stays() {
    let text = "Never again it was said. ".repeat(5);
    let outcome = sentences(&DedupSentences::default(), &corpus(&[&text], 1));
    assert_eq!(texts(&outcome), ["Never again it was said."]);
    let two = "Never again it was said. ".repeat(2);
    let outcome = sentences(&DedupSentences::default(), &corpus(&[&two, &two], 1));
    assert_eq!(texts(&outcome), [&two, &two], "fewer sentences than a span has");
}

#[test]
fn a_line_in_every_document_is_streamed() {
    let texts: Vec<_> = (0..20_000).map(|i| format!("page {i}\n{BOILERPLATE}\n")).collect();
    let corpus = corpus(&texts, 5000);
    let driver = Driver { budget: 4 << 10, batch_rows: 1000, ..Driver::default() };
    for min_documents in [1, 20_000] {
        let config = DedupSpans { min_documents, ..DedupSpans::default() };
        let outcome = driver.run(&config.build(Unit::Lines, 3).unwrap(), &corpus);
        assert_eq!(outcome.edits, 19_999);
        assert_eq!(outcome.kept[0].text, texts[0]);
        let is_cut = |i: usize| outcome.kept[i].text == format!("page {i}\n");
        assert!((1..20_000).all(is_cut));
    }
}

#[test]
fn a_document_of_very_many_lines_is_cut_behind_the_65536th_too() {
    // datatrove numbers the sentences of a document with 16 bits.
    let mut long: Vec<_> = (0..70_000_u32).map(|i| format!("{i:b} is a number")).collect();
    for (i, line) in long.iter_mut().enumerate() {
        // Digits do not count, and length alone tells few lines apart.
        *line = line.replace('0', "o").replace('1', "i");
        line.push_str(if i >= 66_000 { " at the end" } else { " before that" });
    }
    let end = long[69_000].clone();
    let corpus = corpus(&[end.clone(), long.join("\n"), long[66_000..].join(" \n")], 1);
    let outcome = lines(&DedupSpans { min_chars: 0, ..DedupSpans::default() }, &corpus);
    assert_eq!(outcome.kept[0].text, end);
    let left = [&long[..69_000], &long[69_001..]].concat().join("\n");
    assert!(outcome.kept[1].text == left);
    assert_eq!((outcome.kept[2].text.as_str(), outcome.edits), ("", 4_001));
}

#[test]
fn hostile_texts_lose_nothing_that_is_not_repeated() {
    let long = "x".repeat(3 << 20);
    let texts = [
        "",
        "\n\n\n",
        "\r\n \r\n",
        &long,
        "\u{301}\u{301} combining marks that stand first\nno end",
        "\0\0\0 control characters \u{7}\n\u{2028}\u{85}",
        "......\n。。。。。。。。\n!?!?!?!?!?!?!?!?!?!?!?!?!?!?!?",
        "مرحبا بالعالم، هذا سطر طويل بما يكفي للمقارنة",
        "한국어로 쓴 아주 긴 줄입니다. 이것도 비교됩니다.",
        "lone \r carriage \r returns part no lines here",
    ];
    let corpus = corpus(&texts, 3);
    for outcome in [
        lines(&DedupSpans { min_span_chars: 1, ..DedupSpans::default() }, &corpus),
        paragraphs(&corpus),
        sentences(&DedupSentences { n_sentences: 1, ..DedupSentences::default() }, &corpus),
    ] {
        assert_eq!(outcome.kept, corpus);
        assert_eq!(outcome.edits, 0);
    }
}

#[test]
fn min_words_does_not_switch_deduplication_off() {
    // In dolma, texts with enough words take neither branch: with min_words = 3 all three stay.
    let text = "this text has eight words in a row";
    let config = DedupSpans { min_words: 3, ..DedupSpans::default() };
    let outcome = lines(&config, &corpus(&[text, text, text], 3));
    assert_eq!(texts(&outcome), [text]);
    assert_eq!(cause(&outcome, 1), ("dedup_lines", "min_chars", 0.0, 1.0));
    let long = format!("{text} of the page alone, and more\n{text}");
    let outcome = lines(&config, &corpus(&[text, &long], 3));
    assert_eq!(
        texts(&outcome),
        [text, "this text has eight words in a row of the page alone, and more"]
    );
}

#[test]
fn a_corpus_without_repeats_keeps_its_bytes() {
    // bff's `NaiveBoth` inserts each paragraph twice, and then takes it for a copy of itself.
    let unique = |i: usize| {
        let number = format!("{i:b}").replace('0', "never ").replace('1', "always ");
        format!("  A line of {number}.\r\n\r\n\r\nAnother {number} line? \n")
    };
    let texts: Vec<_> = (0..500).map(unique).collect();
    let corpus = corpus(&texts, 100);
    for outcome in [
        lines(&DedupSpans::default(), &corpus),
        paragraphs(&corpus),
        sentences(&DedupSentences { n_sentences: 2, ..DedupSentences::default() }, &corpus),
    ] {
        assert_eq!((outcome.kept, outcome.edits), (corpus.clone(), 0));
    }
}

#[test]
fn a_limit_on_words_loses_no_sentence_of_a_document_that_stays() {
    // datatrove with `min_words_to_remove_span` puts back the first sentence of a span that was too short to remove, and
    // loses the others.
    let page = "The first of it all. The second of it all. The third of it all.";
    let long = format!("A new beginning here. {page} And a new end to it.");
    for (min_words, expected) in [(0, 2), (10, 2), (11, 1)] {
        let config = DedupSentences { min_words, ..DedupSentences::default() };
        let outcome = sentences(&config, &corpus(&[page, &long], 2));
        let left = [page, "A new beginning here. And a new end to it."];
        assert_eq!(texts(&outcome), left[..expected]);
        // The whole text is told of a document that does not stay.
        assert!(outcome.removed.iter().all(|removed| removed.text == long));
    }
}

#[test]
fn unknown_keys_and_values_that_make_no_sense_are_refused() {
    assert!(toml::from_str::<DedupSpans>("n_sentences = 3").is_err());
    assert!(toml::from_str::<DedupSpans>("min_line_chars = 3").is_err());
    assert!(toml::from_str::<DedupSentences>("ignore = [\"accents\"]").is_err());
    let config: DedupSpans = toml::from_str("ignore = [\"case\", \"white_space\"]").unwrap();
    assert_eq!(
        config.ignore,
        [crate::normalize::Ignored::Case, crate::normalize::Ignored::WhiteSpace]
    );
    let config = DedupSpans { min_span_chars: 0, max_copies: 0, ..DedupSpans::default() };
    let error = config.build(Unit::Lines, 1).err().unwrap().to_string();
    assert!(
        error.contains("`min_span_chars` is 0") && error.contains("`max_copies` is 0"),
        "{error}"
    );
    let config = DedupSentences { n_sentences: 0, min_documents: 0, ..DedupSentences::default() };
    let error = config.build(1).err().unwrap().to_string();
    let too_many = DedupSentences { n_sentences: 101, ..DedupSentences::default() };
    assert!(too_many.build(1).is_err());
    assert!(
        error.contains("`n_sentences` is 0") && error.contains("`min_documents` is 0"),
        "{error}"
    );
}
