//! Defects of other tools that this stage must not have, each named after its symptom.

use super::super::hash::fold;
use super::keys::all_units;
use super::*;

/// duplodocus takes the document at line 8 of file 1 for the end of a clique.
#[test]
fn no_line_of_no_file_is_taken_for_a_separator() {
    for line in 0..20 {
        let text = |file: usize, row: usize| match row == line {
            true => words("copy", 0, 50),
            false => words(&format!("f{file}r{row}w"), 0, 50),
        };
        let texts: Vec<_> =
            (0..6).flat_map(|file| (0..20).map(move |row| text(file, row))).collect();
        let outcome = run(&DedupMinhash::default(), &Driver::default(), &corpus(&texts, 20));
        let removed: Vec<_> = outcome.removed.iter().map(|removed| removed.id.clone()).collect();
        let copies: Vec<_> = (1..6).map(|file| format!("{file}:{line}")).collect();
        assert_eq!(removed, copies);
    }
}

/// datatrove never removes documents with fewer than 5 words, text-dedup loses them, NeMo passes over fewer
/// than 24 characters; all short texts are one in other tools.
#[test]
fn short_documents_are_neither_lost_nor_merged_nor_exempt() {
    let texts = [
        "Hello, world!",
        "",
        "hello, world!",
        "Bye",
        "你好",
        "",
        "你好",
        "!!!",
        "???",
        "!!!",
        "好",
    ];
    all_units(|unit, config| {
        let outcome = run(config, &Driver::default(), &corpus(&texts, 100));
        // In tokens, where case counts, 8 of 10 windows are the same.
        let expected = ["0:0", "0:1", "0:3", "0:4", "0:7", "0:8", "0:10"];
        assert_eq!(ids(&outcome.kept), expected, "{unit}");
    });
}

#[test]
fn by_words_marks_do_not_tell_short_documents_apart() {
    let texts = ["Hello, world!", "hello world", "你好", "你好。"];
    let outcome = run(&DedupMinhash::default(), &Driver::default(), &corpus(&texts, 100));
    assert_eq!(ids(&outcome.kept), ["0:0", "0:2"]);
}

/// Tools that part words at blanks see one word in a Chinese sentence: text-dedup loses such a document,
/// others merge all of them or never find a copy with one character changed.
#[test]
fn chinese_without_blanks_is_neither_lost_nor_merged_and_its_near_duplicates_are_found() {
    let sentence = "上海的图书馆在星期二重新开放许多读者一早就来排队馆长说新的阅览室比以前更大也更安静有人问旧的目录是否还能使用\
        他回答说可以但是需要提前预约大家讨论了预算的问题最后决定先修好屋顶再购买新的电脑孩子们最喜欢的是三楼的故事角";
    let other = "农民们把羊群赶到教堂附近的谷仓里没有人受伤但是桥梁必须在冬天之前修好河水在三天的大雨之后漫过了低处的道路\
        邮递员每天早上骑着自行车经过磨坊门口的老人坐在长椅上看报纸";
    let changed = sentence.replacen("三楼", "二楼", 1);
    all_units(|unit, config| {
        // One character in 107 is in 5 windows of 103, and in more where the unit is longer than a character.
        let config = DedupMinhash { threshold: 0.5, rows: Some(3), ..config.clone() };
        let texts = [sentence, other, &changed, sentence];
        let outcome = run(&config, &Driver::default(), &corpus(&texts, 2));
        assert_eq!(ids(&outcome.kept), ["0:0", "0:1"], "{unit}");
    });
}

/// In one peer's run 859,092 documents became 2: whatever hangs together by weak links was removed.
#[test]
fn a_chain_of_weak_links_is_not_swallowed() {
    // Each text is 0.8 similar to the next and less than 0.7 to the one after it.
    let texts: Vec<_> = (0..40).map(|i| words("a", 22 * i, 22 * i + 200)).collect();
    let (config, corpus) = (DedupMinhash::default(), corpus(&texts, 10));
    let outcome = run(&config, &Driver::default(), &corpus);
    check(&outcome, &config);
    assert!(outcome.kept.len() >= 20, "{} of 40 are kept", outcome.kept.len());
    assert!(outcome.removed.len() >= 14, "{} of 40 are removed", outcome.removed.len());
}

/// The same peer joined 51,160 unrelated books by a licence text that all of them begin with.
#[test]
fn a_source_with_common_boilerplate_is_not_swallowed() {
    let licence = words("licence", 0, 120);
    let own = |i: u64| (0..80).map(move |j| format!(" {:x}", fold(1000 * i + j + 1)));
    let texts: Vec<_> = (0..60).map(|i| licence.clone() + &own(i).collect::<String>()).collect();
    all_units(|unit, config| {
        // Bands this wide join all of them into one component.
        let config = DedupMinhash { bands: Some(64), rows: Some(2), ..config.clone() };
        let outcome = run(&config, &Driver::default(), &corpus(&texts, 10));
        assert_eq!(outcome.kept.len(), 60, "{unit}");
    });
}

/// Data-Juicer fails on a document without n-grams, and then hands the whole batch on empty.
#[test]
fn a_batch_with_documents_without_words_comes_back_whole() {
    let texts = [
        "",
        "one document that has words",
        "!!!",
        " \r\n\t",
        "\u{301}",
        "🙂🙂",
        "another one that has some",
    ];
    all_units(|unit, config| {
        let outcome = run(config, &Driver::default(), &corpus(&texts, 100));
        let mut expected = vec!["0:0", "0:1", "0:2", "0:4", "0:5", "0:6"];
        if unit == "tokens" {
            // Elsewhere " \r\n\t" is a copy of "": nothing but white space.
            expected.insert(3, "0:3");
        }
        assert_eq!(ids(&outcome.kept), expected, "{unit}");
    });
}

#[test]
fn texts_of_any_kind_are_kept_or_removed() {
    let hostile = [
        "a\r\nb\rc".to_owned(),
        "no line end".repeat(20_000),
        "\u{301}\u{302}".repeat(5_000),
        "字".repeat(30_000),
        "１２３ ٣٫١٤ \u{0}\u{feff}".to_owned(),
        "👩\u{200d}👩\u{200d}👧".repeat(1_000),
    ];
    all_units(|unit, config| {
        let twice: Vec<_> = hostile.iter().chain(&hostile).collect();
        let outcome = run(config, &Driver { budget: 100, ..Driver::default() }, &corpus(&twice, 5));
        assert_eq!((outcome.kept.len(), outcome.removed.len()), (6, 6), "{unit}");
    });
}
