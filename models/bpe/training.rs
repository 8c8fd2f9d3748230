//! Learns merges from counted words.
//!
//! The most frequent pair of neighbours becomes a token, ties going to the lower ids, again and again: the order
//! of Hugging Face's `BpeTrainer`, so that both learn the same merges from the same words. A pair is counted at
//! each place where it stands (`aaa` holds `a a` twice), weighted by the count of its word.
//!
//! Differs from `BpeTrainer`: counts are 64 bits wide (there they wrap at 2^31), a special token is never learnt
//! from text, and `max_token_bytes` counts bytes.

use serde::{Deserialize, Serialize};

use super::pairs::Corpus;
use super::{Bpe, BpeError, END_OF_DOCUMENT, Merge, Merges, Vocabulary, alphabet};
use crate::Splitter;

/// How a byte-level BPE is learnt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BpeTraining {
    /// The number of ids, special tokens and the 256 bytes included; default 32,000.
    pub vocab_size: usize,
    /// How often a pair must be seen to become a token; default 2.
    pub min_frequency: u64,
    /// The special tokens, which get the first ids; default `<|end_of_document|>`.
    pub special_tokens: Vec<String>,
    /// The longest token that is learnt; default none.
    pub max_token_bytes: Option<usize>,
    /// Longer words are learnt from in parts of this size; default 256.
    pub max_word_bytes: usize,
    /// The patterns by which text is cut into words; default that of Llama 3.
    pub patterns: Vec<String>,
}

impl Default for BpeTraining {
    fn default() -> Self {
        Self {
            vocab_size: 32_000,
            min_frequency: 2,
            special_tokens: vec![END_OF_DOCUMENT.to_owned()],
            max_token_bytes: None,
            max_word_bytes: 256,
            patterns: Splitter::default().patterns().map(str::to_owned).collect(),
        }
    }
}

impl BpeTraining {
    /// Returns the splitter whose words are to be counted.
    ///
    /// # Errors
    /// Fails if a pattern cannot cut text.
    pub fn splitter(&self) -> Result<Splitter, BpeError> {
        Ok(Splitter::new(&self.patterns)?)
    }

    /// Says the first thing that is wrong with the values.
    fn check(&self) -> Result<(), BpeError> {
        let wrong = |what: String| Err(BpeError::Options(what));
        let least = 256 + self.special_tokens.len();
        if self.vocab_size < least {
            let size = self.vocab_size;
            return wrong(format!("vocab_size: {size} is below {least}, bytes and special tokens"));
        }
        for (i, token) in self.special_tokens.iter().enumerate() {
            if token.chars().count() < 2 {
                return wrong(format!("special_tokens: `{token}` is shorter than two characters"));
            }
            if self.special_tokens.iter().take(i).any(|other| other == token) {
                return wrong(format!("special_tokens: `{token}` is given twice"));
            }
        }
        for (key, value) in [
            ("max_word_bytes", Some(self.max_word_bytes)),
            ("max_token_bytes", self.max_token_bytes),
        ] {
            if let Some(value) = value.filter(|&value| value < 4) {
                return wrong(format!("{key}: {value} is below 4, the longest character"));
            }
        }
        Ok(())
    }
}

/// Learns a tokenizer.
pub(super) fn train<W: AsRef<[u8]>>(
    words: impl IntoIterator<Item = (W, u64)>,
    options: &BpeTraining,
) -> Result<Bpe, BpeError> {
    options.check()?;
    let splitter = options.splitter()?;
    let mut vocabulary = Vocabulary::default();
    let mut special_tokens = Vec::new();
    for token in &options.special_tokens {
        special_tokens.push((token.clone(), vocabulary.push(token.as_bytes())));
    }
    let mut bytes = [0; 256];
    for byte in alphabet::bytes_in_order() {
        bytes[usize::from(byte)] = vocabulary.push(&[byte]);
    }

    let mut corpus = Corpus::new(words, options.max_word_bytes, &bytes);
    let mut pairs = corpus.find_pairs(options.min_frequency.max(1));
    let mut merges = Merges::default();
    let mut rank = 0;
    let mut token = Vec::new();
    while vocabulary.len() < options.vocab_size {
        let Some(((left, right), words)) = pairs.pop() else { break };
        token.clear();
        for id in [left, right] {
            token.extend_from_slice(vocabulary.get(id).expect("pairs are of known tokens"));
        }
        if options.max_token_bytes.is_some_and(|max| token.len() > max)
            || options.special_tokens.iter().any(|special| is_spelt(special, &token))
        {
            continue;
        }
        let id = vocabulary.push(&token);
        merges.insert((left, right), Merge { rank, id });
        rank += 1;
        corpus.merge((left, right), id, &words, &mut pairs);
    }
    Ok(Bpe::new(splitter, vocabulary, merges, bytes, special_tokens, false))
}

/// Whether a token of these bytes would be taken for the special token, in text or in the file.
fn is_spelt(special: &str, token: &[u8]) -> bool {
    special.as_bytes() == token || alphabet::spell(token) == special
}

#[cfg(test)]
mod tests {
    use std::cmp::Reverse;
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::Tokenizer;

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
        let expected = [
            "el", "hel", "lo", "hello", "ld", "or", "wor", "¥½", "½ł", "ä½ł", "å¥½", "Ġhello",
            "Ġwor",
        ];
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
        let words = [("ab", 5_000_000_000), ("cd", 4_000_000_000), ("ef", u64::MAX), ("xef", 9)];
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

    /// Learns by counting all pairs anew before each merge.
    fn learn_slowly(words: &[(String, u64)], n_merges: usize, min_count: u64) -> Vec<Vec<u8>> {
        let mut tokens: Vec<Vec<u8>> =
            alphabet::bytes_in_order().iter().map(|&byte| vec![byte]).collect();
        let id_of = |tokens: &[Vec<u8>], byte| tokens.iter().position(|t| *t == [byte]).unwrap();
        let mut words: Vec<(Vec<usize>, u64)> = words
            .iter()
            .map(|(word, count)| (word.bytes().map(|byte| id_of(&tokens, byte)).collect(), *count))
            .collect();
        for _ in 0..n_merges {
            let mut counts = BTreeMap::new();
            for (word, count) in &words {
                for pair in word.array_windows::<2>() {
                    *counts.entry(*pair).or_default() += count;
                }
            }
            let best = counts.into_iter().max_by_key(|&(pair, count)| (count, Reverse(pair)));
            let Some(([left, right], _)) = best.filter(|best: &(_, u64)| best.1 >= min_count)
            else {
                break;
            };
            tokens.push([tokens[left].as_slice(), &tokens[right]].concat());
            for (word, _) in &mut words {
                let mut at = 0;
                while at + 1 < word.len() {
                    if word[at..at + 2] == [left, right] {
                        word.splice(at..at + 2, [tokens.len() - 1]);
                    }
                    at += 1;
                }
            }
        }
        tokens.split_off(256)
    }

    proptest! {
        #[test]
        fn merges_are_those_of_counting_anew(
            words in prop::collection::vec(("[abc]{0,12}|[数据a]{0,6}", 1..4u64), 0..12),
            min_frequency in 0..4u64,
        ) {
            let options = BpeTraining { min_frequency, special_tokens: vec![], ..options(290) };
            let bpe = train(words.iter().map(|(word, count)| (word, *count)), &options).unwrap();
            let learnt: Vec<&[u8]> =
                (256..bpe.vocab_size() as u32).map(|id| bpe.id_to_token(id).unwrap()).collect();
            prop_assert_eq!(learnt, learn_slowly(&words, 34, min_frequency.max(1)));
        }
    }
}
