//! How a signature is cut into bands: the S-curve, and the cut that fits a threshold best.
//!
//! Two documents with Jaccard similarity j share one of `bands` bands of `rows` numbers with probability
//! 1 - (1 - j^rows)^bands. For `n_hashes` numbers and a threshold t the best cut is the one with the least sum
//! of two areas: below the curve from 0 to t (pairs compared in vain) and above it from t to 1 (pairs missed).
//!
//! Source: Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, section 3.4; the two areas, with equal
//! weights, are what datasketch, text-dedup, Data-Juicer and RedPajama-v2 minimise, and 0.7 with 256 numbers
//! gives 25 × 10 as there.
//!
//! Cost: about `n_hashes` × ln `n_hashes` cuts, 1,000 steps of the curve each, once for a pipeline.

/// The largest `n_hashes`: more would take seconds to cut, and no peer goes beyond 512.
pub(super) const MAX_HASHES: usize = 2048;

/// Steps by which the areas are summed, as in datasketch.
const STEPS: usize = 1000;

/// Returns the probability that a pair of this similarity shares a band.
pub(super) fn probability(similarity: f64, bands: usize, rows: usize) -> f64 {
    let power = |base: f64, exponent: usize| base.powf(exponent as f64);
    1.0 - power(1.0 - power(similarity, rows), bands)
}

/// Returns the `bands` and `rows` of at most `n_hashes` numbers that fit `threshold` best; of equals the one
/// with the fewest bands, then the fewest rows.
pub(super) fn best(threshold: f64, n_hashes: usize) -> (usize, usize) {
    let similarities: Vec<f64> = (0..STEPS).map(|i| (i as f64 + 0.5) / STEPS as f64).collect();
    // Whether a step is counted below the curve or above it.
    let n_below = similarities.partition_point(|similarity| *similarity < threshold);
    let mut powers = vec![1.0; STEPS];
    let mut found = Vec::new();
    for rows in 1..=n_hashes {
        powers.iter_mut().zip(&similarities).for_each(|(power, s)| *power *= s);
        // The probability that no band of `bands` is shared, for one band more in each turn.
        let mut none = vec![1.0; STEPS];
        for bands in 1..=n_hashes / rows {
            none.iter_mut().zip(&powers).for_each(|(none, power)| *none *= 1.0 - power);
            let (below, above) = none.split_at(n_below);
            let area = below.iter().map(|none| 1.0 - none).sum::<f64>() + above.iter().sum::<f64>();
            found.push((area, bands, rows));
        }
    }
    let order = |a: &(f64, usize, usize), b: &(f64, usize, usize)| {
        a.0.total_cmp(&b.0).then((a.1, a.2).cmp(&(b.1, b.2)))
    };
    found.into_iter().min_by(order).map_or((1, 1), |(_, bands, rows)| (bands, rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cut_is_the_one_that_other_tools_choose() {
        for (threshold, n_hashes, expected) in [
            (0.5, 128, (25, 5)),
            (0.7, 256, (25, 10)),
            (0.9, 128, (5, 25)),
            (0.7, 112, (12, 9)),
            (0.8, 1, (1, 1)),
        ] {
            assert_eq!(best(threshold, n_hashes), expected, "{threshold} with {n_hashes}");
        }
    }

    #[test]
    fn the_curve_is_the_one_of_the_manual() {
        for (similarity, expected) in
            [(0.5, 0.053), (0.6, 0.211), (0.7, 0.565), (0.75, 0.772), (0.8, 0.924), (0.85, 0.988)]
        {
            let probability = probability(similarity, 14, 8);
            assert!((probability - expected).abs() < 0.0006, "{similarity}: {probability}");
        }
        assert_eq!((probability(0.0, 14, 8), probability(1.0, 14, 8)), (0.0, 1.0));
    }
}
