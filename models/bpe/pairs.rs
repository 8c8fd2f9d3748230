//! The pairs of neighbours in a corpus of counted words, by frequency.
//!
//! All words lie in one buffer. Each pair knows the words that it stands in; its count is kept up to date, and
//! the heap holds counts that may be out of date and are looked up again when they come up. A pair gets all of
//! its places when it first appears and only loses some later, so one below the least count is never stored.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hash::BuildHasherDefault;

use hashbrown::HashMap;

use super::pair_table::pair_key;
use super::words::cut;

/// The words to learn from, as ids that merge where they lie.
pub(super) struct Corpus {
    ids: Vec<u32>,
    words: Vec<Word>,
}

struct Word {
    start: usize,
    len: u32,
    count: u64,
}

impl Corpus {
    pub(super) fn new<W: AsRef<[u8]>>(
        words: impl IntoIterator<Item = (W, u64)>,
        max_word_bytes: usize,
        bytes: &[u32; 256],
    ) -> Self {
        let mut corpus = Self { ids: Vec::new(), words: Vec::new() };
        for (word, count) in words {
            for part in cut(word.as_ref(), max_word_bytes).filter(|part| part.len() > 1) {
                let start = corpus.ids.len();
                corpus.ids.extend(part.iter().map(|&byte| bytes[usize::from(byte)]));
                corpus.words.push(Word { start, len: part.len() as u32, count });
            }
        }
        corpus
    }

    fn get(&self, word: &Word) -> &[u32] {
        &self.ids[word.start..word.start + word.len as usize]
    }

    /// Counts all pairs, and stores the words of those that are frequent.
    pub(super) fn find_pairs(&self, min_count: u64) -> Pairs {
        let mut counts = PairMap::<u64>::default();
        for word in &self.words {
            for pair in self.get(word).array_windows() {
                let count = counts.entry(key(*pair)).or_default();
                *count = count.saturating_add(word.count);
            }
        }
        counts.retain(|_, count| *count >= min_count);
        let mut found: PairMap<Pair> =
            counts.into_iter().map(|(key, count)| (key, Pair { count, words: vec![] })).collect();
        for (i, word) in (0..).zip(&self.words) {
            for pair in self.get(word).array_windows() {
                if let Some(pair) = found.get_mut(&key(*pair)) {
                    pair.push_word(i);
                }
            }
        }
        let mut pairs = Pairs { min_count, pairs: PairMap::default(), heap: BinaryHeap::new() };
        pairs.add(found);
        pairs
    }

    /// Replaces a pair by a token in `words`, and keeps the counts of the pairs around it.
    pub(super) fn merge(
        &mut self,
        (left, right): (u32, u32),
        id: u32,
        words: &[u32],
        pairs: &mut Pairs,
    ) {
        let mut made = PairMap::<Pair>::default();
        for &i in words {
            let word = &mut self.words[i as usize];
            let count = word.count;
            let ids = &mut self.ids[word.start..word.start + word.len as usize];
            let mut lose = |made: &mut PairMap<Pair>, pair: [u32; 2]| {
                // A pair with the new token was made by the merge just before in this word.
                let map = if pair.contains(&id) { made } else { &mut pairs.pairs };
                if let Some(pair) = map.get_mut(&key(pair)) {
                    pair.count = pair.count.saturating_sub(count);
                }
            };
            let gain = |made: &mut PairMap<Pair>, pair: [u32; 2]| {
                let pair = made.entry(key(pair)).or_default();
                pair.count = pair.count.saturating_add(count);
                pair.push_word(i);
            };
            let (mut from, mut to) = (0, 0);
            while from < ids.len() {
                if ids[from] != left || ids.get(from + 1) != Some(&right) {
                    ids[to] = ids[from];
                    (from, to) = (from + 1, to + 1);
                    continue;
                }
                if to > 0 {
                    lose(&mut made, [ids[to - 1], left]);
                    gain(&mut made, [ids[to - 1], id]);
                }
                if let Some(&next) = ids.get(from + 2) {
                    lose(&mut made, [right, next]);
                    gain(&mut made, [id, next]);
                }
                ids[to] = id;
                (from, to) = (from + 2, to + 1);
            }
            word.len = to as u32;
        }
        pairs.add(made);
    }
}

type PairMap<T> = HashMap<u64, T, BuildHasherDefault<PairHasher>>;

fn key([left, right]: [u32; 2]) -> u64 {
    pair_key(left, right)
}

/// A pair: how often it stands in the corpus, and in which words, some of which may have lost it.
#[derive(Default)]
struct Pair {
    count: u64,
    words: Vec<u32>,
}

impl Pair {
    /// Adds a word, if it is not the last one added.
    fn push_word(&mut self, word: u32) {
        if self.words.last() != Some(&word) {
            self.words.push(word);
        }
    }
}

/// The pairs that may still merge.
pub(super) struct Pairs {
    min_count: u64,
    pairs: PairMap<Pair>,
    /// The count that a pair had once, and its key.
    heap: BinaryHeap<(u64, Reverse<u64>)>,
}

impl Pairs {
    /// Adds new pairs, the rare ones left out.
    fn add(&mut self, pairs: PairMap<Pair>) {
        // The heap orders by count and pair, so the order of the map is not seen.
        for (key, mut pair) in pairs {
            if pair.count >= self.min_count {
                pair.words.shrink_to_fit();
                self.heap.push((pair.count, Reverse(key)));
                self.pairs.insert(key, pair);
            }
        }
    }

    /// Takes out the most frequent pair, of equal ones the one with the lowest ids, with its words.
    pub(super) fn pop(&mut self) -> Option<((u32, u32), Vec<u32>)> {
        while let Some((count, Reverse(key))) = self.heap.pop() {
            let now = self.pairs.get(&key).map_or(0, |pair| pair.count);
            if now == count {
                let pair = self.pairs.remove(&key)?;
                return Some((((key >> 32) as u32, key as u32), pair.words));
            }
            if now >= self.min_count {
                self.heap.push((now, Reverse(key)));
            } else {
                self.pairs.remove(&key);
            }
        }
        None
    }
}
/// Hashes a pair by one multiplication; ids come from a vocabulary, not from an attacker.
#[derive(Debug, Clone, Default)]
struct PairHasher(u64);

impl std::hash::Hasher for PairHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write_u64(&mut self, pair: u64) {
        let product = u128::from(pair) * 0x9e37_79b9_7f4a_7c15;
        self.0 = (product >> 64) as u64 ^ product as u64;
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("only pairs are hashed");
    }
}

