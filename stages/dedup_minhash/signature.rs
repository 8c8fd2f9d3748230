//! MinHash signatures, cut into bands.
//!
//! A signature has `bands × rows` numbers; two documents agree in each of them with a probability that is the
//! Jaccard similarity j of their n-gram sets (Broder 1997), so they share a whole band with 1 - (1 -
//! j^rows)^bands (Indyk and Motwani 1998).
//!
//! The numbers are those of *fast similarity sketching* (Dahlgaard, Knudsen and Thorup 2017,
//! arXiv:1704.04370), not of as many permutations: in each turn every n-gram falls into one place of the
//! signature, and the least hash of the first turn that reaches a place stays there. A long document fills
//! all places in its first turn, a short one takes about t ln t / n turns, so the cost per n-gram is one
//! multiplication instead of 112, the estimate has no bias, and its variance is at most that of independent
//! permutations. In the turns behind the t-th, place i is reached by all n-grams at once, so that no place
//! stays empty.
//!
//! Differs: all peers apply (a x + b) mod p once per n-gram and permutation; so does `compatible`
//! (`permutations`).

use super::hash::fold;
use super::permutations::Permutations;

/// Makes signatures of a fixed shape.
#[derive(Debug, Clone)]
pub(super) struct Signer {
    rows: usize,
    scheme: Scheme,
}

#[derive(Debug, Clone)]
enum Scheme {
    Similarity(Turns),
    Permutations(Permutations),
}

/// What each turn mixes into the n-grams: two for each place.
#[derive(Debug, Clone)]
struct Turns(Vec<u64>);

/// A number no hash reaches: the turn stands in its upper bits.
const EMPTY: u64 = u64::MAX;

/// Bits of a place's number that tell the turn.
const TURN_BITS: u32 = 16;

/// The largest signature: its turns are told by `TURN_BITS` bits.
pub(super) const MAX_PLACES: usize = (1 << (TURN_BITS - 1)) - 1;

impl Signer {
    /// Returns a signer; `bands` and `rows` are at least 1, their product at most `MAX_PLACES`.
    pub(super) fn new(bands: usize, rows: usize, seed: u64) -> Signer {
        let turn = |turn: usize| fold(fold(seed ^ 0x6d69_6e68_6173_6821) ^ (turn as u64 + 1));
        let turns = Turns((0..2 * bands * rows).map(turn).collect());
        Signer { rows, scheme: Scheme::Similarity(turns) }
    }

    /// Returns a signer with these hash functions, in bands of `rows`.
    pub(super) fn of_permutations(rows: usize, permutations: Permutations) -> Signer {
        Signer { rows, scheme: Scheme::Permutations(permutations) }
    }

    /// Returns the number of bands.
    pub(super) fn n_bands(&self) -> usize {
        let n_numbers = match &self.scheme {
            Scheme::Similarity(turns) => turns.n_places(),
            Scheme::Permutations(permutations) => permutations.len(),
        };
        n_numbers / self.rows
    }

    /// Fills `signature` with its numbers and one key a band: documents that share a band share its key.
    /// Reorders `ngrams`, and takes out repeats, where that is faster.
    pub(super) fn band_keys(&self, ngrams: &mut Vec<u64>, signature: &mut Signature) {
        match &self.scheme {
            Scheme::Similarity(turns) => turns.sign(ngrams, &mut signature.numbers),
            Scheme::Permutations(permutations) => {
                permutations.sign(ngrams, &mut signature.numbers);
            }
        }
        let key = |(band, rows): (usize, &[u64])| {
            rows.iter().fold(fold(!(band as u64)), |key, row| fold(key ^ row).wrapping_add(*row))
        };
        signature.band_keys.clear();
        signature.band_keys.extend(signature.numbers.chunks_exact(self.rows).enumerate().map(key));
    }
}

impl Turns {
    fn n_places(&self) -> usize {
        self.0.len() / 2
    }

    fn sign(&self, ngrams: &mut Vec<u64>, places: &mut Vec<u64>) {
        let n_places = self.n_places();
        places.clear();
        places.resize(n_places, EMPTY);
        for (turn, &mix) in self.0.iter().enumerate() {
            let time = (turn as u64) << (64 - TURN_BITS);
            if turn < n_places {
                for ngram in ngrams.iter() {
                    let fall = u128::from(fold(ngram ^ mix)) * n_places as u128;
                    let place = &mut places[(fall >> 64) as usize];
                    *place = (*place).min(time | ((fall as u64) >> TURN_BITS));
                }
            } else {
                let least = ngrams.iter().map(|ngram| fold(ngram ^ mix)).min().unwrap_or_default();
                let place = &mut places[turn - n_places];
                *place = (*place).min(time | (least >> TURN_BITS));
            }
            if !places.contains(&EMPTY) {
                return;
            }
            if turn == 0 && ngrams.len() > 8 * n_places {
                // So many n-grams leave a place empty only where they repeat: the same few, over and over.
                ngrams.sort_unstable();
                ngrams.dedup();
            }
        }
    }
}

/// The signature of one document, in memory that the next one uses again.
#[derive(Debug, Default)]
pub(super) struct Signature {
    /// Two documents agree in each with a probability that is their similarity.
    pub(super) numbers: Vec<u64>,
    /// The key of each band.
    pub(super) band_keys: Vec<u64>,
}

/// Returns the share of equal numbers in two signatures of the same shape, if it is at least `threshold`.
///
/// It estimates the Jaccard similarity without bias, with a standard error of sqrt(j (1 - j) / n) or less for
/// n numbers: 0.043 at j = 0.7 and n = 112.
pub(super) fn agreement_at_least(a: &[u64], b: &[u64], threshold: f64) -> Option<f64> {
    let n_equal = a.iter().zip(b).filter(|(a, b)| a == b).count();
    let agreement = n_equal as f64 / a.len() as f64;
    (agreement >= threshold).then_some(agreement)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns two sets of hashes whose Jaccard similarity is `common / n`.
    fn pair(n: u64, common: u64, trial: u64) -> [Vec<u64>; 2] {
        let hash = |i: u64| fold(fold(trial ^ 0x5bd1_e995) ^ i);
        let split = common + (n - common) / 2;
        [(0..split).map(hash).collect(), (0..common).chain(split..n).map(hash).collect()]
    }

    fn places(signer: &Signer, ngrams: &[u64]) -> Vec<u64> {
        let mut signature = Signature::default();
        signer.band_keys(&mut ngrams.to_vec(), &mut signature);
        signature.numbers
    }

    #[test]
    fn the_estimate_has_no_bias_and_at_most_the_binomial_variance() {
        let signer = Signer::new(14, 8, 0);
        let trials = 3000_u32;
        for n in [2, 10, 50, 200, 1000, 10_000] {
            for similarity in [0.2, 0.5, 0.7, 0.9] {
                if n == 10_000 && similarity != 0.7 {
                    continue;
                }
                let common = (n as f64 * similarity).round() as u64;
                let j = common as f64 / n as f64;
                let (mut sum, mut squares) = (0.0, 0.0);
                for trial in 0..trials {
                    let [a, b] = pair(n, common, u64::from(trial));
                    let (a, b) = (places(&signer, &a), places(&signer, &b));
                    let estimate = a.iter().zip(&b).filter(|(a, b)| a == b).count() as f64 / 112.0;
                    sum += estimate - j;
                    squares += (estimate - j).powi(2);
                }
                let trials = f64::from(trials);
                let binomial = j * (1.0 - j) / 112.0;
                let bias = sum / trials;
                assert!(bias.abs() <= 4.5 * (binomial / trials).sqrt(), "n {n} j {j}: bias {bias}");
                let ratio = squares / trials / binomial;
                // The spread of an empirical variance over 3,000 trials is about 2.6 %.
                assert!(binomial == 0.0 || ratio < 1.12, "n {n} j {j}: variance ratio {ratio}");
            }
        }
    }

    #[test]
    fn documents_share_a_band_as_often_as_the_formula_says() {
        for (bands, rows) in [(14, 8), (9, 13), (20, 6)] {
            let signer = Signer::new(bands, rows, 1);
            for n in [100, 1000] {
                for similarity in [0.5, 0.6, 0.7, 0.8, 0.9] {
                    let common = (f64::from(n) * similarity).round() as u64;
                    let trials = 1500;
                    let mut found = 0;
                    for trial in 0..trials {
                        let [mut a, mut b] = pair(n as u64, common, trial);
                        let mut of = [Signature::default(), Signature::default()];
                        signer.band_keys(&mut a, &mut of[0]);
                        signer.band_keys(&mut b, &mut of[1]);
                        let [a, b] = of.map(|signature| signature.band_keys);
                        found += u32::from(a.iter().zip(&b).any(|(a, b)| a == b));
                    }
                    let expected = 1.0 - (1.0 - similarity.powi(rows as i32)).powi(bands as i32);
                    let noise = (expected * (1.0 - expected) / trials as f64).sqrt();
                    let share = f64::from(found) / trials as f64;
                    // Sets of 100 are drawn without being put back, which moves the curve by up to 2 %.
                    let moved = 2.0 / f64::from(n) + 4.5 * noise;
                    assert!(
                        (share - expected).abs() <= moved,
                        "{bands} x {rows}, n {n}, j {similarity}: {share} for {expected}"
                    );
                }
            }
        }
    }

    #[test]
    fn order_and_repeats_do_not_matter() {
        let signer = Signer::new(14, 8, 0);
        let once: Vec<_> = (0..5_u64).map(fold).collect();
        let often: Vec<_> = once.iter().rev().cycle().take(100_000).copied().collect();
        assert_eq!(places(&signer, &once), places(&signer, &often));
    }

    #[test]
    fn the_seed_gives_another_signature() {
        let ngrams: Vec<_> = (0..50_u64).map(fold).collect();
        let [a, b] = [0, 1].map(|seed| places(&Signer::new(14, 8, seed), &ngrams));
        assert!(a.iter().zip(&b).all(|(a, b)| a != b));
    }
}
