use xxhash_rust::xxh3::xxh3_64_with_seed;

/// A shuffled order of `0..n` that follows from a seed, without a table: a Feistel network over
/// the next power of four, walked until it lands below `n` (Black and Rogaway 2002, "Ciphers with
/// arbitrary finite domains", section 3).
pub(super) struct Order {
    n: u64,
    half_bits: u32,
    seed: u64,
}

impl Order {
    /// Orders `0..n`.
    pub(super) fn new(n: u64, seed: u64) -> Self {
        let bits = u64::BITS - n.saturating_sub(1).leading_zeros();
        Self { n, half_bits: bits.div_ceil(2).max(1), seed }
    }

    /// Returns what stands at a place of a pass; each pass has an order of its own.
    pub(super) fn at(&self, pass: u64, place: u64) -> u64 {
        assert!(place < self.n, "place {place} of {}", self.n);
        let mut value = place;
        loop {
            value = self.turn(pass, value);
            if value < self.n {
                return value;
            }
        }
    }

    fn turn(&self, pass: u64, value: u64) -> u64 {
        let mask = (1 << self.half_bits) - 1;
        let (mut left, mut right) = (value >> self.half_bits, value & mask);
        for round in 0..4u64 {
            let mut key = [0; 24];
            for (part, number) in key.chunks_exact_mut(8).zip([pass, round, right]) {
                part.copy_from_slice(&number.to_le_bytes());
            }
            (left, right) = (right, left ^ (xxh3_64_with_seed(&key, self.seed) & mask));
        }
        left << self.half_bits | right
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_visited_once_a_pass() {
        for n in [1, 2, 3, 16, 17, 1000, 4097] {
            let order = Order::new(n, 7);
            let pass = |pass| (0..n).map(|place| order.at(pass, place)).collect::<Vec<_>>();
            let mut sorted = pass(0);
            sorted.sort_unstable();
            assert_eq!(sorted, (0..n).collect::<Vec<_>>());
            assert_eq!(pass(3), pass(3));
            if n > 100 {
                assert_ne!(pass(0), pass(1));
                assert_ne!(pass(0), (0..n).map(|i| Order::new(n, 8).at(0, i)).collect::<Vec<_>>());
            }
        }
    }
}
