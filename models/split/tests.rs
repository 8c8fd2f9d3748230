//! Pieces of hand-written scanners against those of the regular expressions they stand for.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;

fn pieces<'t>(splitter: &Splitter, text: &'t str) -> Vec<&'t str> {
    let mut pieces = Vec::new();
    splitter.split(text, |piece| pieces.push(piece));
    pieces
}

/// The splitter of patterns, through fancy-regex whatever the patterns.
fn by_regex(patterns: &[&str], dialect: Dialect) -> Splitter {
    let step = |pattern: &&str| Step {
        pattern: (*pattern).to_owned(),
        cutter: Cutter::Regex(Box::new(compile(pattern, dialect).unwrap())),
    };
    Splitter { steps: patterns.iter().map(step).collect(), fused: None }
}

fn regex(pattern: &str) -> Splitter {
    by_regex(&[pattern], Dialect::Oniguruma)
}

/// Patterns that no scanner knows, whose only look-around is the usual one.
const PLAIN: [&str; 4] = [
    r"[a-zé]+|\s*[\r\n]|\s+(?!\S)|\s+",
    r"(?i:'s|'t)| ?\p{L}+|[^\r\n\p{L}\p{N}]?\p{N}{2,3}|\s*[\r\n]+|\s+(?!\S)|\s",
    r"\p{Han}|\s",
    r" ?[\p{P}\p{S}]+[\r\n/]*|\p{L}\p{M}*",
];

/// Each splitter with the regular expressions that it stands for, in the dialect in which it is written.
static PAIRS: LazyLock<Vec<(Splitter, Splitter)>> = LazyLock::new(|| {
    let mut pairs = vec![(Splitter::deepseek(), by_regex(&DEEPSEEK, Dialect::Oniguruma))];
    assert_eq!(pairs[0].0.fused, Some(Scanner::DeepSeek));
    for (pattern, dialect, scanner) in spellings::ALL {
        if dialect != Some(Dialect::Tiktoken) {
            let splitter = Splitter::new(&[pattern]).unwrap();
            assert_eq!(splitter.fused, Some(scanner), "{pattern}");
            pairs.push((splitter, regex(pattern)));
        }
        if dialect != Some(Dialect::Oniguruma) {
            let splitter = Splitter::from_tiktoken(pattern).unwrap();
            assert_eq!(splitter.fused, Some(scanner), "{pattern}");
            // What it would write to a tokenizer.json means the same there.
            let written: Vec<_> = splitter.patterns().map(str::to_owned).collect();
            assert_eq!(Splitter::new(&written).unwrap().fused, Some(scanner), "{pattern}");
            pairs.push((splitter, by_regex(&[pattern], Dialect::Tiktoken)));
        }
    }
    for pattern in PLAIN {
        let splitter = Splitter::new(&[pattern]).unwrap();
        assert!(matches!(splitter.steps[0].cutter, Cutter::Automaton(_)), "{pattern}");
        pairs.push((splitter, regex(pattern)));
    }
    pairs
});

fn check_scanners(text: &str) {
    for (fast, by_regex) in PAIRS.iter() {
        let patterns: Vec<_> = by_regex.patterns().collect();
        assert_eq!(pieces(fast, text), pieces(by_regex, text), "{text:?} {patterns:?}");
    }
}

#[test]
fn patterns_that_only_backtracking_reads_stay_with_it() {
    for pattern in [r"a(?=b)|\s", r"\p{L}++|\s+", r"\p{N}{1,3}+|a", r"a$|b", r"(?<x>a)", r"\bx"] {
        let splitter = Splitter::new(&[pattern]).unwrap();
        assert!(matches!(splitter.steps[0].cutter, Cutter::Regex(_)), "{pattern}");
    }
    let error = Splitter::from_tiktoken(r"\p{N}{1,3}+|.$").unwrap_err().to_string();
    assert!(error.ends_with("mean something else in tokenizer.json"), "{error}");
}

#[test]
fn scanners_agree_with_their_patterns_in_twenty_scripts() {
    let sentences = [
        "All human beings are born free and equal, don't they? It's 1948.",
        "Tous les êtres humains naissent libres ; l'été, ÇA VA ?",
        "Alle Menschen sind FREI und gleich an Würde – groß, STRASSE, straße.",
        "Все люди рождаются свободными и равными. ЭТО статья №1!",
        "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι· ΑΒΓ αβγ.",
        "Բոլոր մարդիկ ծնվում են ազատ ու հավասար։",
        "ყველა ადამიანი იბადება თავისუფალი. ᲧᲕᲔᲚᲐ",
        "כל בני האדם נולדו בני חורין, עִבְרִית.",
        "يولد جميع الناس أحرارًا متساوين، ١٩٤٨.",
        "सभी मनुष्यों को गौरव और अधिकार १२३४५",
        "সমস্ত মানুষ স্বাধীনভাবে সমান মর্যাদা ২০২৪",
        "எல்லா மனிதர்களும் சுதந்திரமாகவே பிறக்கின்றனர்",
        "ప్రతిపత్తిస్వత్వముల విషయమున మానవులెల్లరును",
        "മനുഷ്യരെല്ലാവരും തുല്യാവകാശങ്ങളോടും",
        "มนุษย์ทั้งหลายเกิดมามีอิสระ ๑๒๓๔",
        "ມະນຸດເກີດມາມີສິດເສລີພາບ",
        "လူတိုင်းသည် တူညီ လွတ်လပ်သော",
        "មនុស្សទាំងអស់កើតមកមានសេរីភាព",
        "ሁሉም ሰዎች ነፃ ሆነው ይወለዳሉ። ፩፪፫",
        "人人生而自由，在尊严和权利上一律平等。二〇二四年⺀々〆",
        "すべての人間は、生まれながらにして自由・平等ヽゞ゛。ｶﾀｶﾅ",
        "모든 인간은 태어날 때부터 자유로우며 한국어Ｅｎｇ",
        "Tất cả mọi người sinh ra đều được tự do",
        "ᏂᎦᏓ ᎠᏂᏴᏫ ᎨᎥ ꮒꭶꮣ ᐃᓄᐃᑦ ᠬᠦᠮᠦᠨ ཀུན་ མི།",
    ];
    for sentence in sentences {
        check_scanners(sentence);
        check_scanners(&format!("{sentence}\n\n  {sentence}  {sentence}\t12345{sentence}\n  "));
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
        "a\n  ",
        "中ABC中aBćAǅʰXyz'LL'x",
        "!\u{301}\u{301}A!!\u{301}b \u{301}B",
        "//\n/ /\r\n/x",
        "1〇2⺀3々〆。・カ・ナ\u{3040}あ\u{3097}\u{3099}",
        "\u{1}\u{2}\u{3}a\u{1} 1 中  ⼀ \u{e000}\u{e000}é",
        "a  1b  中c   🙂  .",
        ".abcé #x1 -y_ _z",
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
    let greedy = compile(r"(?:(?=(a+))a+)+(?<!a)b", Dialect::Oniguruma).unwrap();
    let text = format!("xaab{}", "a".repeat(3_000));
    assert!(greedy.find_iter(&text).any(|found| found.is_err()), "the search must give up");
    let cutter = Cutter::Regex(Box::new(greedy));
    let steps = vec![Step { pattern: String::new(), cutter }];
    let splitter = Splitter { steps, fused: None };
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
                ' ',
                ' ',
                '\n',
                '\r',
                '\t',
                '\'',
                's',
                'S',
                'ſ',
                't',
                'r',
                'E',
                'l',
                'L',
                'a',
                'é',
                '1',
                '½',
                '，',
                '!',
                '中',
                '\u{3000}',
                '\u{301}',
                '\u{85}',
                '\u{1c}',
                '\u{200b}',
                'A',
                'Ж',
                'ж',
                'ʰ',
                '/',
                '〇',
                '⺀',
                '々',
                '・',
                'カ',
                '\u{3040}',
                '\u{1}',
                '\u{16ff0}'
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
