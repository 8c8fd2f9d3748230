use std::cmp::Reverse;
use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::Tokenizer;
use crate::bpe::Scratch;

fn options(vocab_size: usize) -> BpeTraining {
    BpeTraining { vocab_size, min_frequency: 1, ..BpeTraining::default() }
}

/// Learns, and returns the tokens that were learnt, in order.
fn learn(words: &[(&str, u64)], options: &BpeTraining) -> Vec<String> {
    let bpe = train(words.iter().copied(), options).unwrap();
    let first = 256 + options.special_tokens.len() as u32;
    (first..bpe.vocab_size() as u32)
        .map(|id| String::from_utf8_lossy(bpe.id_to_token(id).unwrap()).into_owned())
        .collect()
}

#[test]
fn merges_are_those_of_hugging_faces_trainer() {
    // tokenizers 0.23.3, BpeTrainer(vocab_size=270, initial_alphabet=ByteLevel.alphabet()) on
    // "hello hello hello world world 你好你好".
    let words = [("hello", 1), (" hello", 2), (" world", 2), (" 你好你好", 1)];
    let bpe = train(words, &options(270)).unwrap();
    let learnt: Vec<String> =
        (257..270).map(|id| alphabet::spell(bpe.id_to_token(id).unwrap())).collect();
    let expected =
        ["el", "hel", "lo", "hello", "ld", "or", "wor", "¥½", "½ł", "ä½ł", "å¥½", "Ġhello", "Ġwor"];
    assert_eq!(learnt, expected);
}

#[test]
fn special_tokens_come_first_then_bytes_then_merges() {
    let bpe = train([("ab", 2)], &options(258)).unwrap();
    assert_eq!(bpe.token_to_id(END_OF_DOCUMENT), Some(0));
    assert_eq!(bpe.token_to_id("!"), Some(1));
    assert_eq!(bpe.token_to_id("ab"), Some(257));
}

#[test]
fn small_corpus_gives_a_small_vocabulary() {
    let bpe = train([("abc", 1)], &options(32_000)).unwrap();
    assert_eq!(bpe.vocab_size(), 259);
    let empty: [(&str, u64); 0] = [];
    assert_eq!(train(empty, &options(32_000)).unwrap().vocab_size(), 257);
}

#[test]
fn order_of_words_and_words_given_twice_do_not_matter() {
    let once = [("abab", 3), ("数据", 2), ("b数", 2)];
    let again = [("b数", 2), ("数据", 1), ("abab", 3), ("数据", 1)];
    assert_eq!(learn(&once, &options(300)), learn(&again, &options(300)));
}

#[test]
fn rare_pairs_are_not_learnt() {
    let words = [("ab", 3), ("cd", 2)];
    assert_eq!(learn(&words, &BpeTraining { min_frequency: 3, ..options(300) }), ["ab"]);
}

#[test]
fn tokens_keep_the_limit_of_bytes() {
    let longest = |max_token_bytes| {
        let limited = BpeTraining { max_token_bytes, ..options(300) };
        let bpe = train([("数据数据", 9)], &limited).unwrap();
        (257..300).filter_map(|id| bpe.id_to_token(id)).map(<[u8]>::len).max()
    };
    assert_eq!(longest(None), Some(12));
    assert_eq!(longest(Some(4)), Some(4));
}

#[test]
fn special_token_is_not_learnt_from_text() {
    let special = BpeTraining { special_tokens: vec!["<s>".into()], ..options(300) };
    assert_eq!(learn(&[("<s>", 100)], &special), ["<s"]);
}

#[test]
fn words_beyond_the_limit_are_learnt_from_in_parts() {
    let long = "数".repeat(1000);
    let short = BpeTraining { max_word_bytes: 8, ..options(300) };
    assert_eq!(learn(&[(&long, 1)], &short), learn(&[("数数", 500)], &short));
}

#[test]
fn counts_beyond_32_bits_do_not_wrap() {
    let words = [("ab", 5_000_000_000), ("cd", 4_000_000_000), ("ef", u64::MAX / 4), ("xef", 9)];
    assert_eq!(learn(&words, &options(260)), ["ef", "ab", "cd"]);
}

#[test]
fn unknown_keys_are_refused_and_missing_ones_have_defaults() {
    let read = |json| serde_json::from_str::<BpeTraining>(json);
    assert_eq!(read("{}").unwrap(), BpeTraining::default());
    assert!(read(r#"{"vocabulary_size": 300}"#).unwrap_err().to_string().contains("unknown"));
}

#[test]
fn wrong_options_are_refused() {
    let refusal = |options| train([("ab", 1)], &options).unwrap_err().to_string();
    assert_eq!(refusal(options(256)), "vocab_size: 256 is below 257, bytes and special tokens");
    let special_tokens = vec!["<s>".to_owned(), "<s>".to_owned()];
    assert_eq!(
        refusal(BpeTraining { special_tokens, ..options(300) }),
        "special_tokens: `<s>` is given twice"
    );
    let special_tokens = vec!["a".to_owned()];
    let said = refusal(BpeTraining { special_tokens, ..options(300) });
    assert_eq!(said, "special_tokens: `a` is shorter than two characters");
    let said = refusal(BpeTraining { max_word_bytes: 3, ..options(300) });
    assert_eq!(said, "max_word_bytes: 3 is below 4, the longest character");
    let said = refusal(BpeTraining { patterns: vec!["(".into()], ..options(300) });
    assert!(said.starts_with("pattern `(`: "), "{said}");
}

/// Learns by counting all pairs anew before each merge; returns the tokens, and the ids of the words.
fn learn_slowly(words: &[(String, u64)], options: &BpeTraining) -> (Vec<Vec<u8>>, Vec<Vec<u32>>) {
    let mut tokens: Vec<Vec<u8>> =
        alphabet::bytes_in_order().iter().map(|&byte| vec![byte]).collect();
    let id_of = |tokens: &[Vec<u8>], token: &[u8]| tokens.iter().position(|t| t == token);
    let mut words: Vec<(Vec<usize>, u64)> = words
        .iter()
        .map(|(word, count)| {
            (word.bytes().map(|byte| id_of(&tokens, &[byte]).unwrap()).collect(), *count)
        })
        .collect();
    while tokens.len() < options.vocab_size {
        let mut counts = BTreeMap::new();
        for (word, count) in &words {
            for &[left, right] in word.array_windows::<2>() {
                let len = tokens[left].len() + tokens[right].len();
                if len <= options.max_token_bytes.unwrap_or(usize::MAX) {
                    *counts.entry([left, right]).or_default() += count;
                }
            }
        }
        let best = counts.into_iter().max_by_key(|&(pair, count)| (count, Reverse(pair)));
        let least = options.min_frequency.max(1);
        let Some(([left, right], _)) = best.filter(|best: &(_, u64)| best.1 >= least) else {
            break;
        };
        let token = [tokens[left].as_slice(), &tokens[right]].concat();
        let id = id_of(&tokens, &token).unwrap_or_else(|| {
            tokens.push(token);
            tokens.len() - 1
        });
        for (word, _) in &mut words {
            let mut at = 0;
            while at + 1 < word.len() {
                if word[at..at + 2] == [left, right] {
                    word.splice(at..at + 2, [id]);
                }
                at += 1;
            }
        }
    }
    let ids = |word: Vec<usize>| word.into_iter().map(|id| id as u32).collect();
    (tokens.split_off(256), words.into_iter().map(|(word, _)| ids(word)).collect())
}

fn check_against_slow(words: &[(String, u64)], options: &BpeTraining) {
    let (tokens, ids) = learn_slowly(words, options);
    let mut trainer = BpeTrainer::new(options).unwrap();
    for (word, count) in words {
        assert!(trainer.push(word.as_bytes(), *count).unwrap());
    }
    let trained = trainer.train(options.min_frequency);
    let bpe = &trained.tokenizer;
    let learnt: Vec<&[u8]> =
        (256..bpe.vocab_size() as u32).map(|id| bpe.id_to_token(id).unwrap()).collect();
    assert_eq!(learnt, tokens);
    for (at, ids) in ids.iter().enumerate() {
        assert_eq!(trained.ids(at), ids);
        let mut encoded = Vec::new();
        bpe.encode_bytes(words[at].0.as_bytes(), false, &mut Scratch::default(), &mut encoded);
        assert_eq!(&encoded, ids, "{:?}", words[at]);
    }
}

fn word() -> impl Strategy<Value = String> {
    prop_oneof!["[abc]{1,12}", "[ab]{1,30}", "[数据a]{1,6}", "a{1,40}"]
}

proptest! {
    #[test]
    fn merges_are_those_of_counting_anew(
        words in prop::collection::vec((word(), prop_oneof![1..4u64, 1..100_000u64]), 0..14),
        min_frequency in 0..4u64,
        max_token_bytes in prop::option::of(4..8usize),
        vocab_size in 257..300usize,
    ) {
        let options = BpeTraining {
            min_frequency,
            max_token_bytes,
            special_tokens: vec![],
            ..options(vocab_size)
        };
        check_against_slow(&words, &options);
    }
}
