//! How much a word of each language weighs: shares of the text, flattened by a power.
//!
//! A language with the share s of the text's bytes learns as if its share were s^a / sum of all s^a (Conneau et al. 2020,
//! arXiv:1911.02116, section 3.1). Weights are whole numbers, and the power is made of square roots and products, which IEEE 754
//! rounds alike on every machine.

use std::collections::BTreeMap;

/// The weight that stands for 1 where languages weigh differently.
const SCALE: u64 = 1 << 16;

/// How much a word weighs.
pub(super) struct Weights<'l> {
    /// What a word weighs where all languages weigh alike.
    pub(super) one: u64,
    pub(super) by_language: BTreeMap<&'l str, u64>,
}

/// Returns the weight of each language, given the bytes of its text.
pub(super) fn weights<'l>(
    bytes: impl Iterator<Item = (&'l str, u64)>,
    temperature: f64,
) -> Weights<'l> {
    let bytes: BTreeMap<_, _> = bytes.filter(|(_, bytes)| *bytes > 0).collect();
    if temperature == 1.0 || bytes.len() < 2 {
        let by_language = bytes.into_keys().map(|language| (language, 1)).collect();
        return Weights { one: 1, by_language };
    }
    let all: u64 = bytes.values().sum();
    let share = |bytes: u64| bytes as f64 / all as f64;
    let flattened: f64 = bytes.values().map(|&bytes| power(share(bytes), temperature)).sum();
    let weight = |bytes: u64| {
        let ratio = power(share(bytes), temperature) / flattened / share(bytes);
        ((ratio * SCALE as f64).round() as u64).max(1)
    };
    let by_language = bytes.into_iter().map(|(language, bytes)| (language, weight(bytes)));
    Weights { one: SCALE, by_language: by_language.collect() }
}

/// Returns `base` to a power from 0 to 1.
fn power(base: f64, exponent: f64) -> f64 {
    if exponent >= 1.0 {
        return base;
    }
    let (mut result, mut root, mut rest) = (1.0, base, exponent);
    // A bit of the exponent a round, the highest one first.
    for _ in 0..52 {
        root = root.sqrt();
        rest *= 2.0;
        if rest >= 1.0 {
            rest -= 1.0;
            result *= root;
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_are_those_of_the_library() {
        for base in [1e-9, 0.001, 0.3, 0.999, 1.0] {
            for exponent in [0.0, 0.1, 0.3, 0.5, 0.7, 0.999, 1.0] {
                let (ours, expected) = (power(base, exponent), base.powf(exponent));
                assert!((ours / expected - 1.0).abs() < 1e-12, "{base}^{exponent}: {ours}");
            }
        }
    }

    #[test]
    fn shares_become_those_of_the_power() {
        let bytes = [("en", 900), ("zh", 90), ("sw", 10)];
        let flat = weights(bytes.into_iter(), 0.5).by_language;
        let weighed: BTreeMap<_, _> =
            bytes.iter().map(|(l, b)| (*l, *b as f64 * flat[l] as f64)).collect();
        let all: f64 = weighed.values().sum();
        let roots: f64 = bytes.iter().map(|(_, b)| (*b as f64 / 1000.0).sqrt()).sum();
        for (language, bytes) in bytes {
            let expected = (bytes as f64 / 1000.0).sqrt() / roots;
            assert!((weighed[language] / all - expected).abs() < 1e-4, "{language}");
        }
        // The whole weighs what it weighed.
        assert!((all / (1000.0 * SCALE as f64) - 1.0).abs() < 1e-4);
        let even = weights(bytes.into_iter(), 0.0).by_language;
        assert!((900 * even["en"]).abs_diff(10 * even["sw"]) < 1000);
    }

    #[test]
    fn text_as_it_is_weighs_exactly_one() {
        for weights in
            [weights([("en", 3), ("zh", 7)].into_iter(), 1.0), weights([("", 3)].into_iter(), 0.3)]
        {
            assert_eq!(weights.one, 1);
            assert!(weights.by_language.values().all(|&weight| weight == 1));
        }
        assert!(weights([("", 0)].into_iter(), 0.3).by_language.is_empty());
    }
}
