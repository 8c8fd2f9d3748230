//! The pieces that were merged lately, with their ids.
//!
//! Whole pieces are compared, never hashes alone. Only pieces of up to 15 bytes are held, each as one number of
//! sixteen bytes: the piece and, in the highest byte, its length. Two entries share a cache line and are all the
//! places that a piece can stand at; the older one gives way. So the memory is bounded: 8 MiB of entries and at most
//! 1 MiB of ids that do not fit into an entry, for each thread that encodes.
//!
//! A look-up waits for memory, but the cutting of the next piece need not wait for the look-up: nothing in it is
//! decided by a branch that the processor would guess wrongly, neither which entry it is nor how many ids.

/// A piece of up to 15 bytes with its length: a key of the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key(u128);

/// The longest piece that has a key.
pub(super) const MAX_KEY_BYTES: usize = 15;

const N_SETS: usize = 1 << 17;
const INLINE: usize = 3;
const MAX_OVERFLOW: usize = 1 << 18;

/// Pieces with their ids, two to a set.
#[derive(Debug)]
pub(super) struct Cache {
    sets: Vec<[Entry; 2]>,
    /// Ids of entries that have more than three.
    overflow: Vec<u32>,
}

#[derive(Debug, Clone, Copy)]
#[repr(C, align(32))]
struct Entry {
    key: u128,
    /// The ids, or where they begin in the overflow.
    ids: [u32; INLINE],
    n_ids: u32,
}

/// No key: every piece has a length.
const EMPTY: Entry = Entry { key: 0, ids: [0; INLINE], n_ids: 0 };

impl Key {
    /// Returns the key of `text[start..start + length]`, of 1 to 15 bytes.
    #[inline]
    pub(super) fn of(text: &[u8], start: usize, length: usize) -> Self {
        debug_assert!((1..=MAX_KEY_BYTES).contains(&length));
        let bytes = match text.get(start..start + 16).and_then(|bytes| bytes.first_chunk::<16>()) {
            Some(bytes) => *bytes,
            None => {
                let mut bytes = [0; 16];
                bytes[..length].copy_from_slice(&text[start..start + length]);
                bytes
            }
        };
        let piece = u128::from_le_bytes(bytes) & ((1 << (8 * length)) - 1);
        Self(piece | (length as u128) << 120)
    }

    /// Returns the key of the same bytes where they are a part of a piece.
    #[inline]
    pub(super) fn of_part(self) -> Self {
        Self(self.0 | 0x80 << 120)
    }

    #[inline]
    fn hash(self) -> usize {
        let low = self.0 as u64 ^ 0x2d35_8dcc_aa6c_78a5;
        let high = (self.0 >> 64) as u64 ^ 0x8bb8_4b93_962e_acc9;
        let product = u128::from(low) * u128::from(high);
        ((product >> 64) as u64 ^ product as u64) as usize
    }
}

impl Cache {
    pub(super) fn new() -> Self {
        Self { sets: vec![[EMPTY; 2]; N_SETS], overflow: Vec::new() }
    }

    /// Appends the ids of a piece to `out`, if it is here.
    #[inline]
    pub(super) fn find(&self, key: Key, out: &mut Vec<u32>) -> bool {
        let set = &self.sets[key.hash() & (N_SETS - 1)];
        let entry = &set[usize::from(set[1].key == key.0)];
        if entry.key != key.0 {
            return false;
        }
        let n_ids = entry.n_ids as usize;
        if n_ids <= INLINE {
            let end = out.len() + n_ids;
            out.extend_from_slice(&entry.ids);
            out.truncate(end);
        } else {
            let start = entry.ids[0] as usize;
            out.extend_from_slice(&self.overflow[start..start + n_ids]);
        }
        true
    }

    /// Holds the ids of a piece that is not here.
    pub(super) fn insert(&mut self, key: Key, ids: &[u32]) {
        let mut entry = Entry { key: key.0, ids: [0; INLINE], n_ids: ids.len() as u32 };
        if ids.len() <= INLINE {
            entry.ids[..ids.len()].copy_from_slice(ids);
        } else {
            if self.overflow.len() + ids.len() > MAX_OVERFLOW {
                self.sets.fill([EMPTY; 2]);
                self.overflow.clear();
            }
            entry.ids[0] = self.overflow.len() as u32;
            self.overflow.extend_from_slice(ids);
        }
        let set = &mut self.sets[key.hash() & (N_SETS - 1)];
        *set = [entry, set[0]];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(cache: &Cache, key: Key) -> Option<Vec<u32>> {
        let mut ids = Vec::new();
        cache.find(key, &mut ids).then_some(ids)
    }

    #[test]
    fn keys_are_equal_only_for_equal_pieces() {
        let text = b"abcabcabc\0\0 of fifteen bytes and more";
        assert_eq!(Key::of(text, 0, 3), Key::of(text, 3, 3));
        assert_eq!(Key::of(text, 0, 3), Key::of(&text[..3], 0, 3));
        assert_ne!(Key::of(text, 6, 3), Key::of(text, 6, 4), "NUL is a byte like any other");
        assert_ne!(Key::of(text, 0, 3), Key::of(text, 0, 3).of_part());
        assert_ne!(Key::of(text, 12, 15), Key::of(text, 13, 15));
    }

    #[test]
    fn pieces_come_back_or_are_forgotten_but_never_change() {
        let mut cache = Cache::new();
        let ids = |n: u32| (0..n % 7 + 1).map(|i| n + i).collect::<Vec<_>>();
        let texts: Vec<String> = (0..400_000).map(|n| format!("piece {n}")).collect();
        for (n, text) in (0..).zip(&texts) {
            let key = Key::of(text.as_bytes(), 0, text.len());
            cache.insert(key, &ids(n));
            assert_eq!(find(&cache, key), Some(ids(n)));
        }
        let held = (0..).zip(&texts).filter(|(n, text)| {
            let found = find(&cache, Key::of(text.as_bytes(), 0, text.len()));
            assert!(found.is_none() || found == Some(ids(*n)), "{text}");
            found.is_some()
        });
        assert!(held.count() > 10_000);
        assert!(cache.overflow.len() <= MAX_OVERFLOW);
    }
}
