//! True Jaccard similarity of two sets of n-grams.

/// Hashes of the distinct n-grams of a document, ascending.
#[derive(Debug, Clone, Copy)]
pub(super) struct NgramSet<'a> {
    pub(super) hashes: &'a [u64],
    /// Every n-gram of the document up to this hash is in the set: `u64::MAX` unless the document has too
    /// many.
    pub(super) complete_to: u64,
}

impl<'a> NgramSet<'a> {
    /// Returns the similarity of two sets, if it is at least `threshold`.
    ///
    /// Where one is not complete, both are cut to the hashes for which both are: the n-grams of the union
    /// with the k smallest hashes, which are a random sample of it (bottom-k, Broder 1997). The similarity of
    /// the samples has no bias and a standard error of sqrt(j (1 - j) / k), where k is at least
    /// `max_document_ngrams`: 0.0015 at j = 0.7 and k = 100,000.
    pub(super) fn similarity_at_least(self, other: NgramSet<'_>, threshold: f64) -> Option<f64> {
        let complete_to = self.complete_to.min(other.complete_to);
        let (a, b) = (self.up_to(complete_to), other.up_to(complete_to));
        let ratio = |common: usize| common as f64 / (a.len() + b.len() - common) as f64;
        let (mut i, mut j, mut common) = (0, 0, 0);
        loop {
            let rest = (a.len() - i).min(b.len() - j);
            if ratio(common + rest) < threshold {
                return None;
            }
            if rest == 0 {
                return Some(ratio(common));
            }
            // Within `rest` steps neither set can end, so the steps need no other check.
            for _ in 0..rest.min(64) {
                let (x, y) = (a[i], b[j]);
                i += usize::from(x <= y);
                j += usize::from(y <= x);
                common += usize::from(x == y);
            }
        }
    }

    fn up_to(self, last: u64) -> &'a [u64] {
        if last == u64::MAX {
            return self.hashes;
        }
        &self.hashes[..self.hashes.partition_point(|&hash| hash <= last)]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::super::hash::fold;
    use super::*;

    fn complete(hashes: &[u64]) -> NgramSet<'_> {
        NgramSet { hashes, complete_to: u64::MAX }
    }

    proptest! {
        #[test]
        fn the_similarity_is_that_of_the_sets(
            a in prop::collection::btree_set(0_u64..300, 1..200),
            b in prop::collection::btree_set(0_u64..300, 1..200),
            threshold in 0.0..1.0,
        ) {
            let union = a.union(&b).count() as f64;
            let expected = a.intersection(&b).count() as f64 / union;
            let (a, b): (Vec<_>, Vec<_>) = (a.into_iter().collect(), b.into_iter().collect());
            let found = complete(&a).similarity_at_least(complete(&b), threshold);
            prop_assert_eq!(found, (expected >= threshold).then_some(expected));
            let found = complete(&a).similarity_at_least(complete(&b), expected);
            prop_assert_eq!(found, Some(expected));
        }
    }

    #[test]
    fn a_cut_set_estimates_within_its_standard_error() {
        let hashes = |range: std::ops::Range<u64>| -> Vec<u64> {
            range.map(|i| fold(fold(i) ^ 5)).collect::<BTreeSet<_>>().into_iter().collect()
        };
        let (a, b) = (hashes(0..80_000), hashes(10_000..100_000));
        let k = 10_000;
        let cut = NgramSet { hashes: &a[..k], complete_to: a[k - 1] };
        let error = 4.0 * (0.7_f64 * 0.3 / k as f64).sqrt();
        for other in [complete(&b), NgramSet { hashes: &b[..k], complete_to: b[k - 1] }] {
            let estimate = cut.similarity_at_least(other, 0.1).unwrap();
            assert!((estimate - 0.7).abs() < error, "{estimate}");
            assert_eq!(Some(estimate), other.similarity_at_least(cut, 0.1));
        }
    }
}
