//! The pairs that may merge next, by frequency, each with the words it stands in.
//!
//! Only pairs seen at least `floor` times are held. None of the others can be the most frequent one while one of those
//! is left; when none is, or the lists of words outgrow their limit, all pairs are counted anew with another floor. So
//! the memory is bounded and the rare pairs, most of all pairs, cost nothing; what is learnt does not depend on the
//! floor. Counting anew first adds up pairs by a hash into a table of sums: a pair is rarer than its sum, so only few
//! need a counter of their own.
//!
//! The heap holds counts that may be out of date, which are looked up again when they come up.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use hashbrown::HashTable;

use super::corpus::{Around, Corpus, ListWriter, WordList, encoded_len};

/// The lists of words take at most this many bytes, or twice the number of symbols if that is more.
const LEAST_LISTED: usize = if cfg!(test) { 16 } else { 1 << 20 };
/// The floor is at least this part of the highest count: the first merges shorten the words most, and need few pairs.
const SPAN: u64 = 16;
/// The table of sums has at least and at most this many, 8 bytes each. Tests take less, so that few pairs make them full.
const N_SUMS: [usize; 2] = if cfg!(test) { [4, 1 << 22] } else { [1 << 12, 1 << 22] };

/// A pair of symbols that stand side by side.
pub(super) type Pair = (u32, u32);

/// A pair that is held.
#[derive(Debug)]
struct Held {
    pair: Pair,
    count: u64,
    words: WordList,
}

/// The pairs seen at least `floor` times.
#[derive(Debug)]
pub(super) struct PairIndex {
    least: u64,
    floor: u64,
    pairs: HashTable<Held>,
    heap: BinaryHeap<(u64, Reverse<Pair>)>,
    /// Bytes of all lists of words, and how many there may be.
    listed: usize,
    limit: usize,
}

impl PairIndex {
    /// Returns an index that holds nothing yet; pairs seen less often than `least` never merge.
    pub(super) fn new(least: u64, n_symbols: usize) -> PairIndex {
        PairIndex {
            least,
            floor: u64::MAX,
            pairs: HashTable::new(),
            heap: BinaryHeap::new(),
            listed: 0,
            limit: (2 * n_symbols).max(LEAST_LISTED),
        }
    }

    /// Returns the most bytes that an index over so many symbols takes beside its pairs, of which there are few.
    pub(super) fn bound(n_symbols: u64) -> u64 {
        // Lists, once more while they are counted anew, and the sums.
        2 * (2 * n_symbols).max(LEAST_LISTED as u64) + 8 * n_sums(n_symbols as usize) as u64
    }

    /// Takes out the most frequent pair, of equal ones the one with the lowest symbols, with its words. `wanted` is how
    /// many pairs may still be asked for.
    pub(super) fn pop(&mut self, corpus: &Corpus, wanted: usize) -> Option<(Pair, WordList)> {
        if self.listed > self.limit + self.limit / 2 {
            self.count_anew(corpus, wanted, u64::MAX);
        }
        loop {
            while let Some((count, Reverse(pair))) = self.heap.pop() {
                let Ok(held) = self.pairs.find_entry(hash(pair), |held| held.pair == pair) else {
                    continue;
                };
                let now = held.get().count;
                if now == count {
                    let (held, _) = held.remove();
                    self.listed -= held.words.len();
                    return Some((pair, held.words));
                }
                self.heap.push((now, Reverse(pair)));
            }
            if self.floor <= self.least {
                return None;
            }
            self.count_anew(corpus, wanted, self.floor - 1);
        }
    }

    /// Counts a pair less often, by what a merge took away.
    pub(super) fn lose(&mut self, pair: Pair, count: u64) {
        let Ok(mut held) = self.pairs.find_entry(hash(pair), |held| held.pair == pair) else {
            return;
        };
        let left = held.get().count.saturating_sub(count);
        held.get_mut().count = left;
        if left < self.floor {
            let (held, _) = held.remove();
            self.listed -= held.words.len();
        }
    }

    /// Says whether a new pair is frequent enough to be held.
    pub(super) fn is_held(&self, count: u64) -> bool {
        count >= self.floor
    }

    /// Has all pairs counted anew before the next one is taken out.
    fn forget(&mut self) {
        self.listed = usize::MAX;
    }

    /// Adds a pair that was not held before.
    pub(super) fn gain(&mut self, pair: Pair, count: u64, words: WordList) {
        self.listed += words.len();
        self.heap.push((count, Reverse(pair)));
        let held = Held { pair, count, words };
        self.pairs.insert_unique(hash(pair), held, |held| hash(held.pair));
    }

    /// Counts all pairs, and holds the frequent ones: those that may be wanted, as far as their lists keep to the limit.
    /// The new floor is at most `highest`, unless the limit raises it.
    fn count_anew(&mut self, corpus: &Corpus, wanted: usize, highest: u64) {
        self.pairs = HashTable::new();
        self.heap = BinaryHeap::new();
        self.listed = 0;
        let sums = Sums::of(corpus);
        let mut floor = sums.floor(wanted).min(highest).max(self.least);
        loop {
            let mut found = count_above(corpus, &sums, floor);
            if found.is_empty() && floor > self.least {
                floor = (floor / SPAN).max(self.least);
                continue;
            }
            // Of the rarest ones that keep to the limit, all of equal count are held, or none.
            found.sort_unstable_by_key(|found| Reverse(found.count));
            let mut bytes = 0;
            let over = found.iter().position(|found| {
                bytes += found.bytes;
                bytes > self.limit
            });
            if let Some(over) = over {
                let count = found[over].count;
                let above = found.partition_point(|found| found.count > count);
                let end =
                    if above > 0 { above } else { found.partition_point(|f| f.count >= count) };
                found.truncate(end);
                floor = found[end - 1].count;
            }
            self.floor = floor;
            return self.list(corpus, &sums, found);
        }
    }

    /// Writes the lists of words.
    fn list(&mut self, corpus: &Corpus, sums: &Sums, found: Vec<Counted>) {
        let mut writers: HashTable<(Pair, ListWriter, u64, u32)> =
            HashTable::with_capacity(found.len());
        for counted in found {
            let writer = ListWriter::with_capacity(counted.bytes);
            let entry = (counted.pair, writer, counted.count, u32::MAX);
            writers.insert_unique(hash(counted.pair), entry, |entry| hash(entry.0));
        }
        corpus.each_pair(|left, right, word, _| {
            let pair = (left, right);
            let hash_of_pair = hash(pair);
            if sums.get(hash_of_pair) >= self.floor
                && let Some((_, writer, _, last)) =
                    writers.find_mut(hash_of_pair, |entry| entry.0 == pair)
                && *last != word
            {
                *last = word;
                writer.push(word);
            }
        });
        // The heap orders by count and pair, so that the order of the table is not seen.
        for (pair, writer, count, _) in writers {
            self.gain(pair, count, writer.finish());
        }
    }
}

/// A pair, its count, and the bytes that its list of words takes.
struct Counted {
    pair: Pair,
    count: u64,
    bytes: usize,
    last: u32,
}

/// Counts the pairs seen at least `floor` times.
fn count_above(corpus: &Corpus, sums: &Sums, floor: u64) -> Vec<Counted> {
    let mut counted: HashTable<Counted> = HashTable::new();
    corpus.each_pair(|left, right, word, count| {
        let pair = (left, right);
        let hash_of_pair = hash(pair);
        if sums.get(hash_of_pair) < floor {
            return;
        }
        match counted.find_mut(hash_of_pair, |counted| counted.pair == pair) {
            Some(counted) => {
                counted.count += count;
                if counted.last != word {
                    counted.bytes += encoded_len(word - counted.last) as usize;
                    counted.last = word;
                }
            }
            None => {
                let new = Counted { pair, count, bytes: encoded_len(word) as usize, last: word };
                counted.insert_unique(hash_of_pair, new, |counted| hash(counted.pair));
            }
        }
    });
    counted.into_iter().filter(|counted| counted.count >= floor).collect()
}

/// The counts of pairs, added up by a hash of the pair.
struct Sums {
    sums: Vec<u64>,
}

impl Sums {
    fn of(corpus: &Corpus) -> Sums {
        let mut sums = vec![0; n_sums(corpus.n_symbols())];
        let shift = 64 - sums.len().ilog2();
        corpus.each_pair(|left, right, _, count| {
            sums[(hash((left, right)) >> shift) as usize] += count
        });
        Sums { sums }
    }

    /// Returns a number that the count of a pair with this hash does not pass.
    fn get(&self, hash: u64) -> u64 {
        self.sums[(hash >> (64 - self.sums.len().ilog2())) as usize]
    }

    /// Returns a count that about `wanted` pairs reach, which is not far below the highest count.
    fn floor(&self, wanted: usize) -> u64 {
        let highest = self.sums.iter().copied().max().unwrap_or(0);
        // A quarter of an octave a step.
        let step = |sum: u64| {
            let log = sum.max(4).ilog2();
            (log * 4 + ((sum.max(4) >> (log - 2)) & 3) as u32) as usize
        };
        let mut steps = [0_usize; 256];
        self.sums.iter().filter(|&&sum| sum > 0).for_each(|&sum| steps[step(sum)] += 1);
        let mut above = 0;
        let last = (0..steps.len()).rev().find(|&step| {
            above += steps[step];
            above >= wanted
        });
        let floor = last.map_or(1, |step| (4 + (step as u64 & 3)) << (step / 4).saturating_sub(2));
        floor.max(highest / SPAN).max(1)
    }
}

fn n_sums(n_symbols: usize) -> usize {
    (n_symbols / 8).next_power_of_two().clamp(N_SUMS[0], N_SUMS[1])
}

/// Hashes a pair; its upper bits are as good as its lower ones.
fn hash((left, right): Pair) -> u64 {
    let product = u128::from(u64::from(left) << 32 | u64::from(right)) * 0x9e37_79b9_7f4a_7c15;
    (product >> 64) as u64 ^ product as u64
}

/// Merges a pair of the corpus into `id`, and keeps the index. `is_allowed` says which new pairs may merge at all.
///
/// Where `id` is not new, other pairs may hold it already: then all are counted anew.
pub(super) fn merge(
    corpus: &mut Corpus,
    index: &mut PairIndex,
    around: &mut Around,
    (pair, words): (Pair, &WordList),
    (id, is_new): (u32, bool),
    is_allowed: impl Fn(Pair) -> bool,
) {
    corpus.merge(pair, id, words.iter(), around);
    let (left, right) = pair;
    let before = around.before.take(|symbol, count| {
        index.lose((symbol, left), count);
        is_new && index.is_held(count) && is_allowed((symbol, id))
    });
    let behind = around.behind.take(|symbol, count| {
        index.lose((right, symbol), count);
        is_new && index.is_held(count) && is_allowed((id, symbol))
    });
    for (symbol, count, words) in before {
        index.gain((symbol, id), count, words);
    }
    for (symbol, count, words) in behind {
        index.gain((id, symbol), count, words);
    }
    if let Some((count, words)) = around.twice.take() {
        index.lose((right, left), count);
        if is_new && index.is_held(count) && is_allowed((id, id)) {
            index.gain((id, id), count, words);
        }
    }
    if !is_new {
        index.forget();
    }
}
