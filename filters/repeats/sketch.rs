//! Bounds what n-grams can repeat in a document, in one pass without a comparison of words.
//!
//! Nearly every document is far from every limit, and a bound is enough to say so. Two small tables give it, and
//! a collision in either only makes it larger:
//!
//! - the characters of each pair of neighbours, summed by a hash of the pair. A 4-gram holds two pairs, side by side,
//!   as often as it occurs, and a 3-gram two that overlap, so neither has more characters than the largest sum twice.
//! - a bit for each 5-gram. An n-gram that stood before is made of 5-grams that stood before, n - 4 of them in a row,
//!   so what repeats lies within the runs of bits that were set already.

/// The tables; they keep their memory from document to document.
#[derive(Debug, Default)]
pub(super) struct Sketch {
    pairs: Vec<u32>,
    seen: Vec<u64>,
}

/// What n-grams of a document have at most, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    pair: u64,
    /// From 5-grams to 10-grams.
    repeated: [u64; 6],
}

/// Words of the n-grams that have a bit.
const N: usize = 5;

impl Bounds {
    /// Returns a bound of what one n-gram amounts to, words and the spaces between them, over all of its occurrences.
    ///
    /// `n` is 2, 3 or 4.
    pub fn top(&self, n: usize) -> u64 {
        if n == 2 { self.pair } else { 2 * self.pair }
    }

    /// Returns a bound of [`repeated_chars`](super::Repeats::repeated_chars); `n` is from 5 to 10.
    pub fn repeated(&self, n: usize) -> u64 {
        self.repeated[n - N]
    }
}

impl Sketch {
    /// Returns the bounds of a document, given hash and characters of each word, fewer than 2^30 characters together.
    pub(super) fn bounds(&mut self, words: impl ExactSizeIterator<Item = (u64, u32)>) -> Bounds {
        let slots = words.len().next_power_of_two().max(256);
        self.pairs.clear();
        self.pairs.resize(2 * slots, 0);
        self.seen.clear();
        self.seen.resize(slots, 0);
        let (pairs, seen) = (&mut self.pairs[..], &mut self.seen[..]);
        let (pair_mask, bit_mask) = (pairs.len() - 1, 64 * seen.len() - 1);
        let mut runs = Runs::default();
        // The last five words; of hashes, 0 stands for a word that is not there.
        let (mut hashes, mut chars) = ([0_u64; N], [0_u32; N]);
        let mut gram = 0_u64;
        let mut pair = 0;
        for (at, (hash, n_chars)) in words.enumerate() {
            // Each hash is turned once for each word that came after it.
            gram = gram.rotate_left(TURN) ^ hashes[0].rotate_left(N as u32 * TURN) ^ hash;
            let before = hashes[N - 1];
            hashes.rotate_left(1);
            chars.rotate_left(1);
            (hashes[N - 1], chars[N - 1]) = (hash, n_chars);
            if at > 0 {
                let sum = &mut pairs[(before.rotate_left(TURN) ^ hash) as usize & pair_mask];
                // With the space within the pair, and one more to the next pair of a 4-gram.
                *sum += chars[N - 2] + n_chars + 2;
                pair = pair.max(*sum);
            }
            if at + 1 >= N {
                let bit = gram as usize & bit_mask;
                let (word, bit) = (&mut seen[bit / 64], 1 << (bit % 64));
                let stood_before = *word & bit != 0;
                *word |= bit;
                if stood_before {
                    runs.extend(&chars);
                } else {
                    runs.end();
                }
            }
        }
        runs.end();
        Bounds { pair: u64::from(pair), repeated: runs.repeated }
    }
}

/// Bits by which a hash is turned from one word to the next.
const TURN: u32 = 11;

/// Characters in runs of 5-grams that stood before, by the length of n-gram that the run has room for.
#[derive(Default)]
struct Runs {
    length: usize,
    chars: u64,
    repeated: [u64; 6],
}

impl Runs {
    /// Adds a 5-gram, given the characters of its words.
    fn extend(&mut self, chars: &[u32; N]) {
        self.chars += match self.length {
            0 => chars.iter().map(|&n| u64::from(n)).sum(),
            _ => u64::from(chars[N - 1]),
        };
        self.length += 1;
    }

    fn end(&mut self) {
        if self.length > 0 {
            self.repeated.iter_mut().take(self.length).for_each(|sum| *sum += self.chars);
            (self.length, self.chars) = (0, 0);
        }
    }
}
