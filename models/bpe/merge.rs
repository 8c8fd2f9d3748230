//! Merges the bytes of one piece by the ranks of pairs.
//!
//! The pair with the lowest rank merges first, the leftmost of equal ones first, until no pair has a rank. Short
//! pieces look for it in a list, long ones in a heap over a linked list: O(n log n), so that a hundred thousand
//! Han characters without a mark between them do not hang a run.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

pub(super) use super::pair_table::Merge;
use super::pair_table::{NONE, PairTable};

/// The merges of a tokenizer.
#[derive(Debug, Clone, Default)]
pub(super) struct Merges(PairTable);

/// Pieces up to this many bytes are merged in a list.
const MAX_LISTED: usize = 128;

/// Buffers that are used again from piece to piece.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    tokens: Vec<u32>,
    /// What the pair becomes that a token begins, for each token but the last: the rank in the upper half.
    merges: Vec<u64>,
}

impl Merges {
    /// Adds a merge; the last one of a pair counts, as in Hugging Face's tokenizers.
    pub(super) fn insert(&mut self, (left, right): (u32, u32), merge: Merge) {
        self.0.insert(left, right, merge);
    }

    /// Returns all pairs with what they become, by rank.
    pub(super) fn by_rank(&self) -> Vec<((u32, u32), Merge)> {
        let mut pairs: Vec<_> = self.0.iter().collect();
        // Ranks may be equal where ranks are those of tokens.
        pairs.sort_unstable_by_key(|(pair, merge)| (merge.rank, *pair));
        pairs
    }

    /// Appends the ids to which `ids` merge.
    pub(super) fn apply(
        &self,
        ids: impl ExactSizeIterator<Item = u32>,
        scratch: &mut Scratch,
        out: &mut Vec<u32>,
    ) {
        if ids.len() <= MAX_LISTED {
            self.apply_to_list(ids, scratch, out);
        } else {
            self.apply_to_heap(ids, out);
        }
    }

    /// Keeps each token with what the pair becomes that it begins, and searches the lowest rank.
    fn apply_to_list(
        &self,
        ids: impl Iterator<Item = u32>,
        Scratch { tokens, merges }: &mut Scratch,
        out: &mut Vec<u32>,
    ) {
        tokens.clear();
        tokens.extend(ids);
        merges.clear();
        merges.extend(tokens.array_windows().map(|&[left, right]| self.0.get(left, right)));
        while let Some((at, merge)) = lowest(merges) {
            let id = merge as u32;
            tokens.remove(at + 1);
            merges.remove(at);
            tokens[at] = id;
            if at > 0 {
                merges[at - 1] = self.0.get(tokens[at - 1], id);
            }
            if let Some(&right) = tokens.get(at + 1) {
                merges[at] = self.0.get(id, right);
            }
        }
        out.extend_from_slice(tokens);
    }

    /// Keeps the tokens in a linked list, and the places of pairs in a heap by rank and place.
    fn apply_to_heap(&self, ids: impl Iterator<Item = u32>, out: &mut Vec<u32>) {
        let mut nodes: Vec<Node> = ids
            .enumerate()
            .map(|(i, id)| Node { id, before: i.wrapping_sub(1), after: i + 1, merged: false })
            .collect();
        let mut heap = BinaryHeap::new();
        let push = |heap: &mut BinaryHeap<_>, nodes: &[Node], at: usize| {
            if let Some(right) = nodes.get(nodes[at].after) {
                let merge = self.0.get(nodes[at].id, right.id);
                if merge != NONE {
                    heap.push(Reverse((merge >> 32, at, merge)));
                }
            }
        };
        (0..nodes.len()).for_each(|at| push(&mut heap, &nodes, at));
        while let Some(Reverse((_, at, merge))) = heap.pop() {
            // A place is out of date when its token or the next one has merged since.
            let right = nodes[at].after;
            if nodes[at].merged || right >= nodes.len() {
                continue;
            }
            if self.0.get(nodes[at].id, nodes[right].id) != merge {
                continue;
            }
            let after = nodes[right].after;
            nodes[right].merged = true;
            nodes[at].id = merge as u32;
            nodes[at].after = after;
            if let Some(node) = nodes.get_mut(after) {
                node.before = at;
            }
            push(&mut heap, &nodes, at);
            if nodes[at].before < nodes.len() {
                push(&mut heap, &nodes, nodes[at].before);
            }
        }
        out.extend(nodes.iter().filter(|node| !node.merged).map(|node| node.id));
    }
}

/// A token in a linked list; the places before the first and after the last one lie outside of the list.
struct Node {
    id: u32,
    before: usize,
    after: usize,
    merged: bool,
}

/// Returns the place of the first of the lowest ranks with its merge, if any pair merges.
///
/// Pairs of one rank may become different tokens in a file that no trainer wrote; then, too, the first one counts.
fn lowest(merges: &[u64]) -> Option<(usize, u64)> {
    let mut lowest = (0, NONE);
    for (at, &merge) in merges.iter().enumerate() {
        if merge >> 32 < lowest.1 >> 32 {
            lowest = (at, merge);
        }
    }
    (lowest.1 != NONE).then_some(lowest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn merges(pairs: &[(u32, u32, u32)]) -> Merges {
        let mut merges = Merges::default();
        for (rank, &(left, right, id)) in pairs.iter().enumerate() {
            merges.insert((left, right), Merge { rank: rank as u32, id });
        }
        merges
    }

    #[test]
    fn leftmost_of_equal_pairs_merges_first() {
        let mut out = Vec::new();
        merges(&[(1, 1, 2)]).apply([1, 1, 1].into_iter(), &mut Scratch::default(), &mut out);
        assert_eq!(out, [2, 1]);
    }

    #[test]
    fn lower_rank_merges_before_the_left() {
        let mut out = Vec::new();
        merges(&[(2, 3, 4), (1, 2, 5)]).apply(
            [1, 2, 3].into_iter(),
            &mut Scratch::default(),
            &mut out,
        );
        assert_eq!(out, [1, 4]);
    }

    #[test]
    fn long_runs_take_no_quadratic_time() {
        let merges = merges(&[(0, 0, 1), (1, 1, 2), (2, 0, 3)]);
        let mut out = Vec::new();
        merges.apply(vec![0; 400_001].into_iter(), &mut Scratch::default(), &mut out);
        assert_eq!(out.len(), 100_000);
        assert_eq!((out[0], out[99_999]), (2, 3));
    }

    proptest! {
        #[test]
        fn list_and_heap_merge_alike(
            pairs in prop::collection::vec((0..6u32, 0..6u32, 0..8u32), 0..20),
            ids in prop::collection::vec(0..6u32, 0..60),
        ) {
            // A merged token is new in a real vocabulary; here ids repeat, which only makes it harder.
            let merges = merges(&pairs);
            let (mut listed, mut heaped) = (Vec::new(), Vec::new());
            merges.apply_to_list(ids.iter().copied(), &mut Scratch::default(), &mut listed);
            merges.apply_to_heap(ids.iter().copied(), &mut heaped);
            prop_assert_eq!(listed, heaped);
        }
    }
}
