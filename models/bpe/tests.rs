use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;

const TEXT: &str = "the cat sat on the mat, the rat ran; 数据清洗很重要，数据质量决定模型质量。\n";

/// A tokenizer learnt from a line of English and Chinese.
static SMALL: LazyLock<Bpe> = LazyLock::new(|| {
    let mut counts = WordTable::default();
    counts.add(&Splitter::default(), TEXT, 256);
    Bpe::train(counts.iter(), &BpeTraining { vocab_size: 300, ..BpeTraining::default() }).unwrap()
});

/// The same one, written and read.
static READ: LazyLock<Bpe> = LazyLock::new(|| Bpe::from_json(&SMALL.to_json()).unwrap());

fn encode(bpe: &Bpe, text: &str) -> Vec<u32> {
    let mut ids = Vec::new();
    bpe.encode(text, &mut ids);
    ids
}

#[test]
fn frequent_words_become_one_token() {
    assert_eq!(encode(&SMALL, " the"), [SMALL.token_to_id(" the").unwrap()]);
    assert_eq!(encode(&SMALL, "数据"), [SMALL.token_to_id("数据").unwrap()]);
    assert!(encode(&SMALL, TEXT).len() < TEXT.len() * 2 / 3);
}

#[test]
fn saved_tokenizer_reads_as_it_was() {
    assert_eq!(READ.to_json(), SMALL.to_json());
    assert_eq!(READ.vocab_size(), SMALL.vocab_size());
    assert!(READ.special_tokens().eq([(END_OF_DOCUMENT, 0)]));
    assert!(READ.splitter().patterns().eq(SMALL.splitter().patterns()));
}

#[test]
fn special_token_inside_a_text_is_ordinary_text() {
    let ids = encode(&SMALL, END_OF_DOCUMENT);
    assert_eq!(SMALL.token_to_id(END_OF_DOCUMENT), Some(0));
    assert!(!ids.contains(&0), "{ids:?}");
    assert_eq!(SMALL.decode(&ids), END_OF_DOCUMENT.as_bytes());
    assert_eq!(SMALL.decode(&[0]), END_OF_DOCUMENT.as_bytes());
}

#[test]
fn text_of_special_tokens_is_counted() {
    let text = format!("a{END_OF_DOCUMENT}{END_OF_DOCUMENT}<|end");
    assert_eq!(SMALL.count_special_text(&text), 2);
    assert_eq!(SMALL.count_special_text(""), 0);
}

#[test]
fn ids_that_no_token_has_are_nothing() {
    assert_eq!(SMALL.decode(&[300, u32::MAX]), b"");
    assert_eq!(SMALL.id_to_token(300), None);
    assert_eq!(SMALL.token_to_id("no such token"), None);
    assert_eq!(SMALL.token_to_id(""), None);
}

#[test]
fn long_text_without_spaces_takes_no_quadratic_time() {
    for text in ["数据".repeat(200_000), "YWJj".repeat(200_000), " ".repeat(400_000)] {
        assert_eq!(SMALL.decode(&encode(&SMALL, &text)), text.as_bytes());
    }
}

#[test]
fn tokenizers_can_be_saved_and_loaded_by_path() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tokenizer.json");
    std::fs::write(&path, SMALL.to_json()).unwrap();
    assert_eq!(Bpe::load(&path).unwrap().to_json(), SMALL.to_json());
    std::fs::write(&path, "{").unwrap();
    let error = Bpe::load(&path).unwrap_err().to_string();
    assert!(error.contains("tokenizer.json: not a tokenizer: EOF"), "{error}");
    let error = Bpe::load(Path::new("no/such.json")).unwrap_err().to_string();
    assert!(error.starts_with("no/such.json: "), "{error}");
}

proptest! {
    #[test]
    fn every_text_comes_back_from_its_ids(text: String) {
        let ids = encode(&SMALL, &text);
        prop_assert_eq!(SMALL.decode(&ids), text.as_bytes());
        prop_assert_eq!(encode(&READ, &text), ids);
    }

    #[test]
    fn ids_are_those_of_merging_bytes_one_by_one(
        pairs in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..80),
        is_reversed in any::<bool>(),
        ignore_merges in any::<bool>(),
        picks in prop::collection::vec(0..12usize, 1..40),
    ) {
        // Merges of any two tokens, characters cut anywhere, and in half of the cases in the reverse order of ranks.
        const CHARS: [char; 12] =
            ['中', '丮', '丰', '，', 'a', 'b', ' ', 'é', 'è', '𠮷', '한', '\u{3000}'];
        let text: String = picks.iter().map(|&i| CHARS[i]).collect();
        let mut vocabulary = Vocabulary::default();
        let bytes: [u32; 256] = std::array::from_fn(|byte| vocabulary.push(&[byte as u8]));
        let all = String::from_iter(CHARS);
        let mut tokens: Vec<u32> = all.bytes().map(|byte| bytes[usize::from(byte)]).collect();
        let mut merges = Merges::default();
        let n_pairs = pairs.len() as u32;
        for (rank, (left, right)) in (0..).zip(pairs) {
            let pair = (tokens[left.index(tokens.len())], tokens[right.index(tokens.len())]);
            let token = [pair.0, pair.1].map(|id| vocabulary.get(id).unwrap()).concat();
            let id = vocabulary.push(&token);
            tokens.push(id);
            merges.insert(pair, Merge { rank: if is_reversed { n_pairs - rank } else { rank }, id });
        }
        let mut expected = Vec::new();
        let symbols = text.bytes().map(|byte| bytes[usize::from(byte)]);
        merges.apply(symbols, &mut Scratch::default(), &mut expected);
        let splitter = Splitter::new::<&str>(&[]).unwrap();
        let bpe = Bpe::new(splitter, vocabulary, merges, bytes, Vec::new(), ignore_merges);
        if ignore_merges && let Some(id) = bpe.whole.find(&bpe.vocabulary, text.as_bytes()) {
            expected = vec![id];
        }
        // The second time the cache is asked.
        for _ in 0..2 {
            prop_assert_eq!(&encode(&bpe, &text), &expected);
        }
    }

    #[test]
    fn texts_of_learnt_words_come_back_as_well(picks in prop::collection::vec(0..60usize, 0..40)) {
        let chars: Vec<char> = TEXT.chars().collect();
        let text: String = picks.iter().map(|&i| chars[i % chars.len()]).collect();
        prop_assert_eq!(READ.decode(&encode(&SMALL, &text)), text.as_bytes());
    }

    #[test]
    fn bytes_that_are_no_text_come_back_from_their_ids(bytes: Vec<u8>) {
        let mut ids = Vec::new();
        SMALL.encode_bytes(&bytes, false, &mut Scratch::default(), &mut ids);
        prop_assert_eq!(READ.decode(&ids), bytes);
    }
}
