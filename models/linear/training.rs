//! Trains a linear classifier by stochastic gradient descent.
//!
//! With p = softmax(b + Σ w / √n) and y the true label as a one-hot row, one example moves each of its n weights
//! by −rate · ((p − y) / √n + l2 · w), and the bias by −rate · (p − y). The rate falls linearly to 0.
//! The examples of an epoch are visited in the order of hash(seed + epoch, text): there is no generator, and the
//! order in which they are given does not matter.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128_with_seed;

use super::features::MAX_ORDER;
use super::{Linear, LinearError};
use crate::Example;

/// How a linear classifier is trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LinearTraining {
    /// How often each example is seen; default 10.
    pub epochs: u32,
    /// The rate of the first step; default 0.5.
    pub learning_rate: f32,
    /// The pull of used weights towards 0 in each step; default 0, which is off.
    pub l2: f32,
    /// Weights per label are 2 to this power, 8 to 26; default 20, which is 8 MiB for two labels.
    pub hash_bits: u32,
    /// The longest n-gram of words (characters in scripts without spaces), 1 to 5; default 2.
    pub max_ngram: usize,
    /// Whether capital letters count as small ones; default true.
    pub lower_case: bool,
    /// Changes the order in which examples are seen; default 0.
    pub seed: u64,
}

impl Default for LinearTraining {
    fn default() -> Self {
        Self {
            epochs: 10,
            learning_rate: 0.5,
            l2: 0.0,
            hash_bits: 20,
            max_ngram: 2,
            lower_case: true,
            seed: 0,
        }
    }
}

impl LinearTraining {
    /// Says the first thing that is wrong with the values.
    fn check(&self) -> Result<(), LinearError> {
        let wrong = |what: String| Err(LinearError::Options(what));
        if self.epochs == 0 {
            return wrong("epochs: must be at least 1".into());
        }
        if !(self.learning_rate > 0.0 && self.learning_rate.is_finite()) {
            return wrong(format!("learning_rate: {} is not above 0", self.learning_rate));
        }
        if !(0.0..1.0).contains(&(self.l2 * self.learning_rate)) {
            return wrong(format!("l2: {} × learning_rate is not in 0..1", self.l2));
        }
        if !(8..=26).contains(&self.hash_bits) {
            return wrong(format!("hash_bits: {} is not in 8..=26", self.hash_bits));
        }
        if !(1..=MAX_ORDER).contains(&self.max_ngram) {
            return wrong(format!("max_ngram: {} is not in 1..={MAX_ORDER}", self.max_ngram));
        }
        Ok(())
    }
}

/// Trains a classifier; the same examples in any order give the same weights.
pub(super) fn train(
    examples: &[Example<'_>],
    options: &LinearTraining,
) -> Result<Linear, LinearError> {
    options.check()?;
    let mut labels: Vec<String> = examples.iter().map(|e| e.label.to_owned()).collect();
    labels.sort_unstable();
    labels.dedup();
    if labels.len() < 2 {
        return Err(LinearError::Labels(labels.len()));
    }
    let n_labels = labels.len();
    let mut model = Linear {
        labels,
        max_ngram: options.max_ngram,
        lower_case: options.lower_case,
        weights: vec![0.0; n_labels << options.hash_bits],
        bias: vec![0.0; n_labels],
    };

    let n_steps = f64::from(options.epochs) * examples.len() as f64;
    let mut n_done = 0.0;
    let mut features = Vec::new();
    let mut errors = vec![0.0; n_labels];
    for epoch in 0..options.epochs {
        for example in visit(examples, options.seed.wrapping_add(u64::from(epoch))) {
            let rate = options.learning_rate * (1.0 - n_done / n_steps) as f32;
            n_done += 1.0;
            features.clear();
            model.for_each_feature(example.text, |at| features.push(at));
            errors.fill(0.0);
            features.iter().for_each(|&at| model.add_weights(at, &mut errors));
            model.finish(features.len(), &mut errors);
            let truth = model.labels.binary_search_by(|label| label.as_str().cmp(example.label));
            errors[truth.expect("labels were collected from the examples")] -= 1.0;
            model.step(&features, &errors, rate, options.l2);
        }
    }
    if !model.weights.iter().chain(&model.bias).all(|weight| weight.is_finite()) {
        let rate = options.learning_rate;
        return Err(LinearError::Options(format!("learning_rate: {rate:e} lets weights overflow")));
    }
    Ok(model)
}

/// Returns the examples in the order of the hash of their texts; ties are alike in all that training sees.
fn visit<'a>(examples: &'a [Example<'a>], seed: u64) -> impl Iterator<Item = &'a Example<'a>> {
    let mut order: Vec<(u128, &str, usize)> = examples
        .iter()
        .enumerate()
        .map(|(i, e)| (xxh3_128_with_seed(e.text.as_bytes(), seed), e.label, i))
        .collect();
    order.sort_unstable();
    order.into_iter().map(|(_, _, i)| &examples[i])
}

impl Linear {
    /// Moves the weights of one example against its errors, p − y.
    fn step(&mut self, features: &[usize], errors: &[f32], rate: f32, l2: f32) {
        let scale = 1.0 / (features.len().max(1) as f32).sqrt();
        for &at in features {
            for (weight, error) in self.weights[at..].iter_mut().zip(errors) {
                *weight -= rate * (error * scale + l2 * *weight);
            }
        }
        for (bias, error) in self.bias.iter_mut().zip(errors) {
            *bias -= rate * error;
        }
    }
}
