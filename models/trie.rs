//! A trie of byte strings in a double array, for the pieces that begin at a place of a text.
//!
//! Node `n` has a child for byte `b` at `base(n) ^ b`, if that node names `n` as its parent. One look-up a byte, no
//! hashing. Aoe 1989, "An efficient digital search algorithm by using a double-array structure".

/// No node, no value.
const NONE: u32 = u32::MAX;

/// Byte strings with values.
#[derive(Debug, Clone)]
pub(crate) struct Trie {
    nodes: Vec<Node>,
}

#[derive(Debug, Clone, Copy)]
struct Node {
    base: u32,
    parent: u32,
    value: u32,
}

const FREE: Node = Node { base: 0, parent: NONE, value: NONE };

impl Trie {
    /// Builds the trie; of equal keys the last one's value counts. Empty keys are left out.
    pub(crate) fn new<'k>(keys: impl IntoIterator<Item = (&'k [u8], u32)>) -> Self {
        let mut keys: Vec<_> = keys.into_iter().filter(|(key, _)| !key.is_empty()).collect();
        keys.sort_by_key(|(key, _)| *key);
        keys.dedup_by(|later, earlier| {
            let is_same = later.0 == earlier.0;
            if is_same {
                earlier.1 = later.1;
            }
            is_same
        });
        let mut builder = Builder { nodes: vec![FREE; 256], first_free: 1 };
        // The root is its own parent, so that its place is taken.
        builder.nodes[0].parent = 0;
        let mut pending = vec![(0u32, 0usize, keys.as_slice())];
        while let Some((node, depth, keys)) = pending.pop() {
            let mut keys = keys;
            if let Some(((key, value), rest)) = keys.split_first()
                && key.len() == depth
            {
                builder.nodes[node as usize].value = *value;
                keys = rest;
            }
            let children: Vec<_> = keys.chunk_by(|a, b| a.0[depth] == b.0[depth]).collect();
            let labels: Vec<u8> = children.iter().map(|keys| keys[0].0[depth]).collect();
            if labels.is_empty() {
                continue;
            }
            let base = builder.place(node, &labels);
            for (label, keys) in labels.into_iter().zip(children) {
                pending.push((base ^ u32::from(label), depth + 1, keys));
            }
        }
        Self { nodes: builder.nodes }
    }

    /// Calls `found` with the length and the value of each key that `text` begins with, shortest first.
    #[inline]
    pub(crate) fn prefixes(&self, text: &[u8], mut found: impl FnMut(usize, u32)) {
        let mut at = 0u32;
        for (i, &byte) in text.iter().enumerate() {
            let next = self.nodes[at as usize].base ^ u32::from(byte);
            match self.nodes.get(next as usize) {
                // The root would be its own child where its base is the byte.
                Some(node) if node.parent == at && next != 0 => {
                    if node.value != NONE {
                        found(i + 1, node.value);
                    }
                }
                _ => return,
            }
            at = next;
        }
    }

    /// Returns the length and the value of the longest key that `text` begins with.
    pub(crate) fn longest(&self, text: &[u8]) -> Option<(usize, u32)> {
        let mut longest = None;
        self.prefixes(text, |len, value| longest = Some((len, value)));
        longest
    }

    /// Returns the value of a key.
    pub(crate) fn get(&self, key: &[u8]) -> Option<u32> {
        self.longest(key).filter(|(len, _)| *len == key.len()).map(|(_, value)| value)
    }
}

struct Builder {
    nodes: Vec<Node>,
    /// No place before this one is free.
    first_free: usize,
}

impl Builder {
    /// Finds a base for a node's children and takes their places.
    fn place(&mut self, parent: u32, labels: &[u8]) -> u32 {
        while self.nodes.get(self.first_free).is_some_and(|node| node.parent != NONE) {
            self.first_free += 1;
        }
        let base = self.find(labels);
        self.nodes[parent as usize].base = base;
        for &label in labels {
            self.nodes[(base ^ u32::from(label)) as usize].parent = parent;
        }
        base
    }

    /// Looks for a base among the first free places, and behind the array if there is none.
    fn find(&mut self, labels: &[u8]) -> u32 {
        /// Free places that are tried; more would pack little better and make building quadratic.
        const TRIED: usize = 128;
        let free = (self.first_free..self.nodes.len()).filter(|&i| self.nodes[i].parent == NONE);
        for place in free.take(TRIED) {
            let base = place as u32 ^ u32::from(labels[0]);
            // Labels differ in the last byte only, so all places lie in the same 256, which exist.
            let is_free =
                |&label: &u8| self.nodes[(base ^ u32::from(label)) as usize].parent == NONE;
            if labels.iter().all(is_free) {
                return base;
            }
        }
        let base = self.nodes.len() as u32;
        self.nodes.resize(self.nodes.len() + 256, FREE);
        if self.nodes.len() > 1 << 16 {
            // Places far behind the end are hardly ever taken again.
            self.first_free = self.first_free.max(self.nodes.len() - (1 << 16));
        }
        base
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn prefixes_come_shortest_first() {
        let trie =
            Trie::new([(&b"a"[..], 1), (b"abc", 2), (b"abd", 3), (b"b", 4), (b"", 5), (b"a", 6)]);
        let mut found = Vec::new();
        trie.prefixes(b"abcd", |len, value| found.push((len, value)));
        assert_eq!(found, [(1, 6), (3, 2)]);
        assert_eq!(trie.longest(b"abd"), Some((3, 3)));
        assert_eq!((trie.get(b"ab"), trie.get(b"b"), trie.get(b"")), (None, Some(4), None));
        assert_eq!(Trie::new([]).longest(b"\0\0"), None);
    }

    proptest! {
        #[test]
        fn trie_finds_what_a_map_finds(
            keys in prop::collection::btree_map(prop::collection::vec(0..4u8, 1..6), 0..9u32, 0..80),
            wide in prop::collection::btree_map(any::<Vec<u8>>(), 0..9u32, 0..80),
            text in prop::collection::vec(0..4u8, 0..12),
        ) {
            let mut all = wide;
            all.extend(keys);
            all.remove(&[][..]);
            let trie = Trie::new(all.iter().map(|(key, &value)| (key.as_slice(), value)));
            for key in all.keys().chain([&text]) {
                prop_assert_eq!(trie.get(key), all.get(key).copied());
                let mut found = Vec::new();
                trie.prefixes(key, |len, value| found.push((len, value)));
                let expected: Vec<_> = (1..=key.len())
                    .filter_map(|len| Some((len, *all.get(key.split_at(len).0)?)))
                    .collect();
                prop_assert_eq!(found, expected);
            }
        }
    }
}
