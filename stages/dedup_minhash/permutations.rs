//! The hash functions of datatrove's MinHash: (a x + b) modulo 2^61 - 1.
//!
//! `a` and `b` are what numpy's `RandomState(seed)` draws: the Mersenne twister MT19937 (Matsumoto and
//! Nishimura 1998), two outputs to 64 bits, the upper first, and a draw above the largest value thrown away
//! behind a mask of its bits. a x + b wraps at 2^64 before the remainder is taken, as numpy's `uint64` does;
//! a signature number is the least of a document's n-grams.
//!
//! Cost: one multiplication for each n-gram and number, 112 times that of our own signatures.

/// The modulus, a Mersenne prime.
const PRIME: u64 = (1 << 61) - 1;

/// Multipliers and addends.
#[derive(Debug, Clone)]
pub(super) struct Permutations {
    factors: Vec<(u64, u64)>,
}

impl Permutations {
    /// Draws `n` hash functions.
    pub(super) fn new(n: usize, seed: u32) -> Permutations {
        let mut twister = Twister::new(seed);
        let a: Vec<_> = (0..n).map(|_| 1 + twister.draw(PRIME - 2)).collect();
        Permutations { factors: a.into_iter().map(|a| (a, twister.draw(PRIME - 1))).collect() }
    }

    /// Returns the number of hash functions.
    pub(super) fn len(&self) -> usize {
        self.factors.len()
    }

    /// Fills `numbers` with the signature of these n-grams, of which there is at least one.
    pub(super) fn sign(&self, ngrams: &[u64], numbers: &mut Vec<u64>) {
        let number = |&(a, b): &(u64, u64)| {
            let hash = |x: &u64| remainder(x.wrapping_mul(a).wrapping_add(b));
            ngrams.iter().map(hash).min().unwrap_or(PRIME)
        };
        numbers.clear();
        numbers.extend(self.factors.iter().map(number));
    }
}

/// Returns `x` modulo 2^61 - 1.
fn remainder(x: u64) -> u64 {
    let sum = (x & PRIME) + (x >> 61);
    if sum >= PRIME { sum - PRIME } else { sum }
}

const N: usize = 624;
const M: usize = 397;

/// MT19937.
struct Twister {
    state: [u32; N],
    next: usize,
}

impl Twister {
    fn new(seed: u32) -> Twister {
        let mut state = [seed; N];
        for i in 1..N {
            let before = state[i - 1] ^ (state[i - 1] >> 30);
            state[i] = before.wrapping_mul(1_812_433_253).wrapping_add(i as u32);
        }
        Twister { state, next: N }
    }

    /// Draws a number from 0 to `most`.
    fn draw(&mut self, most: u64) -> u64 {
        let mask = u64::MAX >> most.leading_zeros();
        loop {
            let upper = u64::from(self.draw_32());
            let drawn = (upper << 32 | u64::from(self.draw_32())) & mask;
            if drawn <= most {
                return drawn;
            }
        }
    }

    fn draw_32(&mut self) -> u32 {
        if self.next == N {
            self.twist();
        }
        let mut y = self.state[self.next];
        self.next += 1;
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c_5680;
        y ^= (y << 15) & 0xefc6_0000;
        y ^ (y >> 18)
    }

    fn twist(&mut self) {
        for i in 0..N {
            let y = (self.state[i] & 1 << 31) | (self.state[(i + 1) % N] & !(1 << 31));
            let odd = if y & 1 == 1 { 0x9908_b0df } else { 0 };
            self.state[i] = self.state[(i + M) % N] ^ (y >> 1) ^ odd;
        }
        self.next = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_twister_draws_what_its_authors_print() {
        // The first and the 10,000th output of mt19937ar with init_genrand(5489), as C++'s std::mt19937 has them.
        let mut twister = Twister::new(5489);
        assert_eq!(twister.draw_32(), 3_499_211_612);
        let last = (1..10_000).map(|_| twister.draw_32()).last();
        assert_eq!(last, Some(4_123_659_995));
    }

    #[test]
    fn the_remainder_is_that_of_the_division() {
        for x in [0, 1, PRIME - 1, PRIME, PRIME + 1, 2 * PRIME, 7 * PRIME + 6, u64::MAX] {
            assert_eq!(remainder(x), x % PRIME);
        }
    }
}
