//! What pairs of tokens become, in one flat table.
//!
//! Open addressing with linear probing, at most half full: a look-up touches one cache line nearly always, where a
//! map with control bytes touches two.

/// What a pair of tokens becomes, and how early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::bpe) struct Merge {
    pub(in crate::bpe) rank: u32,
    pub(in crate::bpe) id: u32,
}

/// A merge in one number, which orders by rank; `NONE` where a pair does not merge.
pub(in crate::bpe) const NONE: u64 = u64::MAX;

#[derive(Debug, Clone, Copy)]
struct Slot {
    pair: u64,
    merge: u64,
}

/// No pair of tokens: an id is below `u32::MAX`.
const EMPTY: u64 = u64::MAX;

/// Merges by pair.
#[derive(Debug, Clone, Default)]
pub(in crate::bpe) struct PairTable {
    /// A power of two, at least twice the number of pairs; or none.
    slots: Vec<Slot>,
    n_pairs: usize,
}

impl PairTable {
    /// Adds what a pair becomes, instead of what it became so far.
    pub(in crate::bpe) fn insert(&mut self, left: u32, right: u32, merge: Merge) {
        if self.slots.len() < 2 * (self.n_pairs + 1) {
            let larger = vec![Slot { pair: EMPTY, merge: NONE }; (2 * self.slots.len()).max(16)];
            let slots = std::mem::replace(&mut self.slots, larger);
            for slot in slots.into_iter().filter(|slot| slot.pair != EMPTY) {
                let at = self.place(slot.pair);
                self.slots[at] = slot;
            }
        }
        let pair = pair_key(left, right);
        let at = self.place(pair);
        self.n_pairs += usize::from(self.slots[at].pair == EMPTY);
        let merge = u64::from(merge.rank) << 32 | u64::from(merge.id);
        self.slots[at] = Slot { pair, merge };
    }

    /// Returns what a pair becomes: rank and id, or `NONE`.
    #[inline]
    pub(in crate::bpe) fn get(&self, left: u32, right: u32) -> u64 {
        if self.slots.is_empty() {
            return NONE;
        }
        self.slots[self.place(pair_key(left, right))].merge
    }

    /// Returns all pairs, in no order.
    pub(in crate::bpe) fn iter(&self) -> impl Iterator<Item = ((u32, u32), Merge)> {
        let slots = self.slots.iter().filter(|slot| slot.pair != EMPTY);
        slots.map(|slot| {
            let merge = Merge { rank: (slot.merge >> 32) as u32, id: slot.merge as u32 };
            (((slot.pair >> 32) as u32, slot.pair as u32), merge)
        })
    }

    /// Returns where a pair stands, or the empty slot where it would.
    #[inline]
    fn place(&self, pair: u64) -> usize {
        let mask = self.slots.len() - 1;
        // One multiplication is enough: ids come from a vocabulary, not from an attacker.
        let product = u128::from(pair) * 0x9e37_79b9_7f4a_7c15;
        let mut at = ((product >> 64) as u64 ^ product as u64) as usize & mask;
        while self.slots[at].pair != pair && self.slots[at].pair != EMPTY {
            at = (at + 1) & mask;
        }
        at
    }
}

pub(in crate::bpe) fn pair_key(left: u32, right: u32) -> u64 {
    u64::from(left) << 32 | u64::from(right)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_found_and_the_last_of_a_pair_counts() {
        let mut table = PairTable::default();
        assert_eq!(table.get(1, 2), NONE);
        for n in 0..5_000 {
            table.insert(n, n * 7, Merge { rank: n, id: n + 1 });
        }
        table.insert(3, 21, Merge { rank: 9, id: 8 });
        assert_eq!(table.get(3, 21), 9 << 32 | 8);
        assert_eq!(table.get(4_999, 34_993), 4_999 << 32 | 5_000);
        assert_eq!(table.get(21, 3), NONE);
        assert_eq!(table.iter().count(), 5_000);
        assert!(table.slots.len() >= 10_000);
    }
}
