//! Learns merges from counted words.
//!
//! The most frequent pair of neighbours becomes a token, ties going to the lower ids, again and again: the order
//! of Hugging Face's `BpeTrainer`, so that both learn the same merges from the same words. A pair is counted at
//! each place where it stands (`aaa` holds `a a` twice), weighted by the count of its word. A token that two pairs
//! spell alike keeps the id that the first one gave it.
//!
//! Differs from `BpeTrainer`: counts are 64 bits wide (there they wrap at 2^31), a special token is never learnt
//! from text, and `max_token_bytes` is the length of the longest token (there `max_token_length` is one more).

use serde::{Deserialize, Serialize};

use super::words::cut;
use super::{Bpe, BpeError, END_OF_DOCUMENT, Merge, Merges, Vocabulary, alphabet};
use crate::Splitter;
use crate::bpe::vocabulary::Index;
use corpus::{Around, Corpus};
use index::PairIndex;

mod corpus;
mod index;
mod patterns;

pub use patterns::PATTERN_NAMES;

/// How a byte-level BPE is learnt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BpeTraining {
    /// The number of ids, special tokens and the 256 bytes included; default 32,000.
    pub vocab_size: usize,
    /// How often a pair must be seen to become a token; default 2.
    pub min_frequency: u64,
    /// How often a word must be seen to be learnt from; default 1, all words. Rarer ones are counted and reported.
    pub min_word_count: u64,
    /// The special tokens, which get the first ids; default `<|end_of_document|>`.
    pub special_tokens: Vec<String>,
    /// The longest token that is learnt; default none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_token_bytes: Option<usize>,
    /// Longer words are learnt from in parts of this size; default 256.
    pub max_word_bytes: usize,
    /// The patterns by which text is cut into words, each one a name of `PATTERN_NAMES` or a regular expression;
    /// default `cl100k`, that of Llama 3.
    pub patterns: Vec<String>,
    /// The most digits of a number that stay together, instead of what the patterns say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_digits: Option<u32>,
    /// Raises each language's share of the text to this power, 0 to 1: 1 learns from the text as it is, 0 from all
    /// languages alike; default 1.
    pub language_temperature: f64,
}

impl Default for BpeTraining {
    fn default() -> Self {
        Self {
            vocab_size: 32_000,
            min_frequency: 2,
            min_word_count: 1,
            special_tokens: vec![END_OF_DOCUMENT.to_owned()],
            max_token_bytes: None,
            max_word_bytes: 256,
            patterns: vec!["cl100k".to_owned()],
            max_digits: None,
            language_temperature: 1.0,
        }
    }
}

impl BpeTraining {
    /// Returns the splitter whose words are to be counted.
    ///
    /// # Errors
    /// Fails if a pattern cannot cut text, or says nothing of digits where `max_digits` is given.
    pub fn splitter(&self) -> Result<Splitter, BpeError> {
        let patterns = patterns::resolve(&self.patterns, self.max_digits)?;
        Ok(Splitter::new(&patterns)?)
    }

    /// Fails if a value is out of its range.
    ///
    /// # Errors
    /// The first such value, by its key.
    pub fn check(&self) -> Result<(), BpeError> {
        let wrong = |what: String| Err(BpeError::Options(what));
        let least = 256 + self.special_tokens.len();
        if self.vocab_size < least {
            let size = self.vocab_size;
            return wrong(format!("vocab_size: {size} is below {least}, bytes and special tokens"));
        }
        if self.vocab_size > MAX_VOCAB_SIZE {
            return wrong(format!("vocab_size: {} is above {MAX_VOCAB_SIZE}", self.vocab_size));
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
        if self.min_word_count > MAX_WORD_COUNT {
            return wrong(format!(
                "min_word_count: {} is above {MAX_WORD_COUNT}",
                self.min_word_count
            ));
        }
        let temperature = self.language_temperature;
        if !(0.0..=1.0).contains(&temperature) {
            return wrong(format!("language_temperature: {temperature} is not from 0 to 1"));
        }
        self.splitter().map(|_| ())
    }
}

/// No corpus needs to forget words that are seen more often.
const MAX_WORD_COUNT: u64 = 100_000;

/// No vocabulary is near this; each id costs memory.
const MAX_VOCAB_SIZE: usize = 1 << 24;

/// Takes counted words, and learns from them.
#[derive(Debug)]
pub struct BpeTrainer<'o> {
    options: &'o BpeTraining,
    splitter: Splitter,
    vocabulary: Vocabulary,
    special_tokens: Vec<(String, u32)>,
    bytes: [u32; 256],
    corpus: Corpus,
}

/// What was learnt.
#[derive(Debug)]
pub struct Trained {
    /// The tokenizer.
    pub tokenizer: Bpe,
    corpus: Corpus,
}

impl Trained {
    /// Returns the ids of the n-th word that was taken.
    pub fn ids(&self, word: usize) -> &[u32] {
        self.corpus.word(word)
    }
}

impl<'o> BpeTrainer<'o> {
    /// Returns a trainer that has seen no word.
    ///
    /// # Errors
    /// Fails if an option is out of its range.
    pub fn new(options: &'o BpeTraining) -> Result<Self, BpeError> {
        options.check()?;
        let mut vocabulary = Vocabulary::default();
        let mut special_tokens = Vec::new();
        for token in &options.special_tokens {
            special_tokens.push((token.clone(), vocabulary.push(token.as_bytes())));
        }
        let mut bytes = [0; 256];
        for byte in alphabet::bytes_in_order() {
            bytes[usize::from(byte)] = vocabulary.push(&[byte]);
        }
        let splitter = options.splitter()?;
        let corpus = Corpus::default();
        Ok(Self { options, splitter, vocabulary, special_tokens, bytes, corpus })
    }

    /// Returns the most memory that learning from words takes, in bytes: so many words, of so many bytes together. What the
    /// vocabulary takes comes on top.
    pub fn memory(n_words: u64, n_bytes: u64) -> u64 {
        let n_symbols = n_bytes.saturating_add(n_words);
        // The symbols, where words begin, their counts, the words around one merge, the index of pairs.
        n_symbols
            .saturating_mul(4)
            .saturating_add(n_words.saturating_mul(4 + 8 + 16))
            .saturating_add(PairIndex::bound(n_symbols))
    }

    /// Makes room for words of which the number and the lengths together are known.
    pub fn reserve(&mut self, n_words: usize, n_bytes: usize) {
        self.corpus.reserve(n_words, n_bytes);
    }

    /// Takes a word that weighs `weight`, and says whether it is learnt from: it is not if that is 0.
    ///
    /// A word of more than `max_word_bytes` is learnt from as one; `WordTable` cuts such words.
    ///
    /// # Errors
    /// Fails if all words together are more than can be counted.
    pub fn push(&mut self, word: &[u8], weight: u64) -> Result<bool, BpeError> {
        if weight == 0 {
            return Ok(false);
        }
        let ids = word.iter().map(|&byte| self.bytes[usize::from(byte)]);
        self.corpus.push(ids, weight).map(|()| true)
    }

    /// Learns merges until the vocabulary is full or no pair weighs `least`.
    pub fn train(self, least: u64) -> Trained {
        let Self { options, splitter, mut vocabulary, special_tokens, bytes, mut corpus } = self;
        let mut known = Index::default();
        bytes.iter().for_each(|&id| known.insert(&vocabulary, id));
        let mut index = PairIndex::new(least.max(1), corpus.n_symbols());
        let mut around = Around::default();
        let mut merges = Merges::default();
        let mut rank = 0;
        let mut token = Vec::new();
        let longest = options.max_token_bytes.unwrap_or(usize::MAX);
        while vocabulary.len() < options.vocab_size {
            let wanted = options.vocab_size - vocabulary.len();
            let Some((pair, words)) = index.pop(&corpus, wanted) else { break };
            token.clear();
            for id in [pair.0, pair.1] {
                token.extend_from_slice(vocabulary.get(id).expect("pairs are of known tokens"));
            }
            if token.len() > longest
                || options.special_tokens.iter().any(|special| is_spelt(special, &token))
            {
                continue;
            }
            let found = known.find(&vocabulary, &token);
            let id = found.unwrap_or_else(|| vocabulary.push(&token));
            if found.is_none() {
                known.insert(&vocabulary, id);
            }
            merges.insert(pair, Merge { rank, id });
            rank += 1;
            around.before.reserve(vocabulary.len());
            around.behind.reserve(vocabulary.len());
            let len = |id| vocabulary.get(id).map_or(0, <[u8]>::len);
            let is_allowed = |(left, right)| len(left) + len(right) <= longest;
            let learnt = (id, found.is_none());
            index::merge(&mut corpus, &mut index, &mut around, (pair, &words), learnt, is_allowed);
        }
        let tokenizer = Bpe::new(splitter, vocabulary, merges, bytes, special_tokens, false);
        Trained { tokenizer, corpus }
    }
}

/// Learns a tokenizer from words that are given once each, or more often where `min_word_count` is 1.
pub(super) fn train<W: AsRef<[u8]>>(
    words: impl IntoIterator<Item = (W, u64)>,
    options: &BpeTraining,
) -> Result<Bpe, BpeError> {
    let mut trainer = BpeTrainer::new(options)?;
    for (word, count) in words {
        if count >= options.min_word_count {
            for part in cut(word.as_ref(), options.max_word_bytes) {
                trainer.push(part, count)?;
            }
        }
    }
    Ok(trainer.train(options.min_frequency).tokenizer)
}

/// Whether a token of these bytes would be taken for the special token, in text or in the file.
fn is_spelt(special: &str, token: &[u8]) -> bool {
    special.as_bytes() == token || alphabet::spell(token) == special
}

#[cfg(test)]
mod tests;
