//! Winnowed anchors: which windows of two texts have to be compared at all.
//!
//! Of the k-grams of units in a window, the one with the least hash is the window's *anchor* (the last of several), k =
//! `length` / 2, rounded up. The choice depends on the window alone, so equal windows have equal anchors at equal distances, wherever
//! they stand: only windows under the same k-gram can be equal. Neighbouring windows mostly share their anchor: a text of n
//! units has about 2 n / (w + 1) anchors, w = `length` - k + 1 k-grams a window.
//!
//! All windows that share one anchor make up a *stretch*: the text from the first unit of its first window to the last unit
//! of its last. Two equal stretches hold equal windows at equal distances.
//!
//! Source: winnowing, Schleimer, Wilkerson and Aiken 2003, "Winnowing: local algorithms for document fingerprinting", which takes
//! the rightmost minimum, as here. A larger k makes candidates rarer and anchors denser; half of the length holds both
//! at a row for each quarter of a window.
//!
//! Cost: one rolling hash (polynomial modulo 2^64) and one queue step a unit; memory for one window.

use std::collections::VecDeque;

use anyhow::{Result, ensure};

use super::units::{Measure, Unit};

/// Finds the stretches of texts.
#[derive(Debug, Clone)]
pub(super) struct Winnow {
    /// What units are.
    pub(super) measure: Measure,
    /// Units of a window.
    pub(super) length: usize,
    /// Units of a k-gram.
    gram: usize,
    /// What a unit weighs in the rolling hash when it leaves.
    weight: u64,
}

/// The windows that share one anchor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stretch {
    /// The hash of the anchor.
    pub(super) key: u64,
    /// The number of the first unit of the first window.
    pub(super) unit: u32,
    /// The first byte of the first window.
    pub(super) start: usize,
    /// The byte behind the last window.
    pub(super) end: usize,
}

/// Memory that the next text uses again.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// The last units, one more than a window has; the number of places is a power of two.
    units: Vec<Unit>,
    /// Hash and number of k-grams that are, or may become, the least of a window: hashes ascend.
    least: VecDeque<(u64, u32)>,
}

/// The base of the rolling hash, an odd number.
const BASE: u64 = 0x9e37_79b9_7f4a_7c15;

/// Mixes all bits of a rolling hash, whose low bits know only the low bits of the units: the finalizer of SplitMix64
/// (Steele, Lea and Flood 2014).
fn mix(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

impl Winnow {
    /// Returns what finds stretches of windows of `length` units, at least 1.
    pub(super) fn new(measure: Measure, length: usize) -> Winnow {
        let gram = length.div_ceil(2);
        let weight = (0..gram).fold(1_u64, |weight, _| weight.wrapping_mul(BASE));
        Winnow { measure, length, gram, weight }
    }

    /// Returns how many units lie between two anchors, in the mean over natural text.
    pub(super) fn mean_distance(&self) -> f64 {
        (self.length - self.gram + 2) as f64 / 2.0
    }

    /// Returns the memory that the rows of a text take at most in either round, in bytes.
    ///
    /// A row of round 1 takes 73 bytes, of round 2 49 and the text of a stretch; natural text has no more anchors.
    pub(super) fn row_bytes(&self, text_bytes: u64) -> u64 {
        let distance = self.mean_distance();
        let n_anchors = text_bytes as f64 / self.measure.least_bytes() / distance;
        let stretches = text_bytes as f64 * (self.length as f64 + distance) / distance;
        (n_anchors * 73.0).max(n_anchors * 49.0 + stretches) as u64
    }

    /// Fails where the rows of a text would pass what a buffer can hold.
    ///
    /// # Errors
    /// Above 3 GiB: the buffer ends at 4.
    pub(super) fn check_size(&self, text: &str, id: &str) -> Result<()> {
        ensure!(
            self.row_bytes(text.len() as u64) < 3 << 30,
            "document `{id}` has {} bytes, too many for this stage\n\
             hint: lower `max_line_bytes` in `[input]`, or look for longer repeats",
            text.len()
        );
        Ok(())
    }

    /// Visits the stretches of a text in order; none where it has fewer units than a window.
    pub(super) fn each_stretch(
        &self,
        text: &str,
        scratch: &mut Scratch,
        mut visit: impl FnMut(Stretch),
    ) {
        let Scratch { units, least } = scratch;
        units.clear();
        units.resize((self.length + 1).next_power_of_two(), Unit::default());
        least.clear();
        let mask = units.len() - 1;
        let (mut n, mut hash) = (0_usize, 0_u64);
        let mut open: Option<(u32, Stretch)> = None;
        self.measure.each(text, |unit| {
            hash = hash.wrapping_mul(BASE).wrapping_add(unit.code);
            if let Some(left) = n.checked_sub(self.gram) {
                hash = hash.wrapping_sub(units[left & mask].code.wrapping_mul(self.weight));
            }
            units[n & mask] = unit;
            n += 1;
            let Some(gram) = n.checked_sub(self.gram) else { return };
            let order = mix(hash);
            while least.back().is_some_and(|(last, _)| *last >= order) {
                least.pop_back();
            }
            // A column of text holds less than 2^31 bytes.
            least.push_back((order, gram as u32));
            let Some(first) = n.checked_sub(self.length) else { return };
            if least[0].1 < first as u32 {
                least.pop_front();
            }
            let (key, anchor) = least[0];
            match &mut open {
                Some((same, stretch)) if *same == anchor => stretch.end = unit.end,
                _ => {
                    let start = units[first & mask].start;
                    let stretch = Stretch { key, unit: first as u32, start, end: unit.end };
                    if let Some((_, done)) = open.replace((anchor, stretch)) {
                        visit(done);
                    }
                }
            }
        });
        if let Some((_, done)) = open {
            visit(done);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn stretches(winnow: &Winnow, text: &str) -> Vec<Stretch> {
        let mut found = Vec::new();
        winnow.each_stretch(text, &mut Scratch::default(), |stretch| found.push(stretch));
        found
    }

    proptest! {
        #[test]
        fn every_window_lies_in_one_stretch_and_equal_windows_have_equal_keys(
            text in "[abc ]{0,80}", length in 1_usize..12, words in any::<bool>(),
        ) {
            let measure = if words { Measure::Words } else { Measure::Chars };
            let found = stretches(&Winnow::new(measure, length), &text);
            let (mut windows, mut of_stretches) = (Vec::new(), Vec::new());
            measure.each_window(&text, length, |start, end| windows.push((start, end)));
            let mut keys = BTreeMap::new();
            for stretch in &found {
                prop_assert_eq!(stretch.start, windows[stretch.unit as usize].0);
                let text = text.get(stretch.start..stretch.end).unwrap();
                measure.each_window(text, length, |start, end| {
                    of_stretches.push((stretch.start + start, stretch.start + end));
                    let key = keys.entry(text.get(start..end).unwrap().to_owned());
                    assert_eq!(*key.or_insert(stretch.key), stretch.key);
                });
            }
            prop_assert_eq!(windows, of_stretches);
        }
    }

    #[test]
    fn anchors_are_as_sparse_as_random_hashes_make_them() {
        let winnow = Winnow::new(Measure::Words, 50);
        let n = 20_000;
        let text: String = (0..n).map(|i| format!("w{i} ")).collect();
        let expected = f64::from(n) / winnow.mean_distance();
        let found = stretches(&winnow, &text).len() as f64;
        assert!((found / expected - 1.0).abs() < 0.1, "{found} anchors, {expected} expected");
    }
}
