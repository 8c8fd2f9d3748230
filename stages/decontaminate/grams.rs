//! The n-grams of all evaluation texts, looked up by hash.
//!
//! Nearly every n-gram of a corpus is in no evaluation set, and must be passed over fast: a table of bits, 32 for each
//! n-gram, says no to all but one in 32 of them before the index itself is asked. An n-gram matches when two hashes of
//! 64 bits agree.

use hashbrown::HashTable;

/// An n-gram of a text, before the index is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    /// Its hash.
    pub(super) hash: u64,
    /// Its second hash.
    pub(super) check: u64,
    /// The text it occurs in.
    pub(super) text: u32,
}

/// An n-gram, and the texts that have it.
#[derive(Debug, Clone, Copy)]
struct Gram {
    hash: u64,
    check: u64,
    first: u32,
    n_texts: u32,
}

/// N-grams, each with the texts it occurs in.
#[derive(Debug, Default)]
pub(super) struct Grams {
    /// A bit by the highest bits of each hash.
    bits: Vec<u64>,
    /// How far a hash is shifted to find its bit.
    shift: u32,
    by_hash: HashTable<u32>,
    grams: Vec<Gram>,
    /// The texts of all n-grams, one after the other.
    texts: Vec<u32>,
}

/// Bits of the table for each n-gram.
const BITS_PER_GRAM: usize = 32;

impl Grams {
    /// Makes an index of the n-grams that occur in at most `max_texts` texts, and counts for each text how many of its
    /// n-grams are in it.
    pub(super) fn build(mut entries: Vec<Entry>, max_texts: usize, counts: &mut [u32]) -> Grams {
        entries.sort_unstable();
        entries.dedup();
        let mut grams = Grams::default();
        for gram in entries.chunk_by(|a, b| (a.hash, a.check) == (b.hash, b.check)) {
            if gram.len() > max_texts {
                continue;
            }
            gram.iter().for_each(|entry| counts[entry.text as usize] += 1);
            let (first, n_texts) = (grams.texts.len() as u32, gram.len() as u32);
            grams.texts.extend(gram.iter().map(|entry| entry.text));
            let Entry { hash, check, .. } = gram[0];
            grams.grams.push(Gram { hash, check, first, n_texts });
        }
        grams.texts.shrink_to_fit();
        grams.grams.shrink_to_fit();
        grams.index();
        grams
    }

    fn index(&mut self) {
        let n_bits = (self.grams.len() * BITS_PER_GRAM).next_power_of_two().max(64);
        self.shift = 64 - n_bits.trailing_zeros();
        self.bits = vec![0; n_bits / 64];
        self.by_hash = HashTable::with_capacity(self.grams.len());
        for (i, gram) in self.grams.iter().enumerate() {
            let bit = gram.hash >> self.shift;
            self.bits[(bit / 64) as usize] |= 1 << (bit % 64);
            let hash_of = |i: &u32| self.grams[*i as usize].hash;
            self.by_hash.insert_unique(gram.hash, i as u32, hash_of);
        }
    }

    /// Says whether there is no n-gram.
    pub(super) fn is_empty(&self) -> bool {
        self.grams.is_empty()
    }

    /// Finds an n-gram by its hash: its number, and the texts that have it. `check` is asked for the second hash.
    #[inline]
    pub(super) fn find(&self, hash: u64, check: impl FnOnce() -> u64) -> Option<(u32, &[u32])> {
        let bit = hash >> self.shift;
        if self.bits[(bit / 64) as usize] & (1 << (bit % 64)) == 0 {
            return None;
        }
        self.look_up(hash, check)
    }

    fn look_up(&self, hash: u64, check: impl FnOnce() -> u64) -> Option<(u32, &[u32])> {
        self.by_hash.find(hash, |i| self.grams[*i as usize].hash == hash)?;
        // Two n-grams with the same hash are both there, so the second hash is part of the question.
        let check = check();
        let is_it = |i: &u32| {
            let gram = &self.grams[*i as usize];
            (gram.hash, gram.check) == (hash, check)
        };
        let i = *self.by_hash.find(hash, is_it)?;
        let Gram { first, n_texts, .. } = self.grams[i as usize];
        Some((i, &self.texts[first as usize..][..n_texts as usize]))
    }

    /// Returns the bytes that the index takes.
    pub(super) fn bytes(&self) -> usize {
        self.bits.len() * 8
            + self.by_hash.allocation_size()
            + self.grams.capacity() * size_of::<Gram>()
            + self.texts.capacity() * 4
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(all: &[(u64, u64, u32)]) -> Vec<Entry> {
        all.iter().map(|&(hash, check, text)| Entry { hash, check, text }).collect()
    }

    #[test]
    fn an_ngram_is_found_when_both_hashes_agree() {
        let grams = Grams::build(
            entries(&[(5, 1, 0), (5, 1, 2), (5, 2, 1), (u64::MAX, 3, 1), (5, 1, 0)]),
            9,
            &mut [0; 3],
        );
        let texts = |hash, check| grams.find(hash, || check).map(|(_, texts)| texts.to_vec());
        assert_eq!(texts(5, 1), Some(vec![0, 2]));
        assert_eq!(texts(5, 2), Some(vec![1]));
        assert_eq!(texts(u64::MAX, 3), Some(vec![1]));
        assert_eq!(texts(5, 3), None);
        assert_eq!(texts(6, 1), None);
    }

    #[test]
    fn an_ngram_of_too_many_texts_is_left_out() {
        let mut counts = [0; 3];
        let all = entries(&[(1, 1, 0), (1, 1, 1), (1, 1, 2), (2, 2, 0), (2, 2, 1), (2, 2, 1)]);
        let grams = Grams::build(all, 2, &mut counts);
        assert_eq!(counts, [1, 1, 0]);
        assert!(grams.find(1, || 1).is_none() && grams.find(2, || 2).is_some());
    }

    #[test]
    fn an_empty_index_finds_nothing() {
        let grams = Grams::build(Vec::new(), 1, &mut []);
        assert!(grams.is_empty() && grams.find(0, || 0).is_none());
        assert!(grams.find(u64::MAX, || 0).is_none());
    }
}
