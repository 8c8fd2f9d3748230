//! A linear classifier of texts: logistic regression on hashed n-grams of words.
//!
//! score = softmax(b + Σ w[hash(g)] / √n), over the n n-grams g of the text, each as often as it occurs.
//! Weights are `(2^hash_bits, labels)` f32, bias is `(labels)` f32. Case folding and the cutting of words belong
//! to the model and are saved with it, so that a text scores the same wherever the model is opened.
//!
//! The classifiers of DCLM and FineWeb-Edu are of this kind: a linear model on a bag of n-grams finds most of
//! what a large one finds, at the speed at which text is read.

use std::path::{Path, PathBuf};

mod features;
mod file;
mod training;

use crate::{Classifier, Example};
pub use training::LinearTraining;

/// A linear classifier of texts.
#[derive(Debug, Clone, PartialEq)]
pub struct Linear {
    labels: Vec<String>,
    max_ngram: usize,
    lower_case: bool,
    /// Row by row: the weights of one n-gram for all labels lie together.
    weights: Vec<f32>,
    bias: Vec<f32>,
}

/// What can go wrong with a linear classifier.
///
/// The text of each error is whole: causes are part of it, and no further `source()`.
#[derive(Debug, thiserror::Error)]
pub enum LinearError {
    /// The file could not be read or written.
    #[error("{path}: {cause}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: std::io::Error,
    },
    /// The file is not a linear classifier.
    #[error("{path}: not a linear classifier: {what}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// An option has a value that it cannot have.
    #[error("{0}")]
    Options(String),
    /// There are too few labels to tell apart.
    #[error("examples: {0} different labels, at least 2 are needed")]
    Labels(usize),
}

impl Linear {
    /// Trains a classifier on texts and their labels.
    ///
    /// The result does not depend on the order of the examples.
    ///
    /// # Errors
    /// Fails if an option is out of its range or if all examples have the same label.
    pub fn train(examples: &[Example<'_>], options: &LinearTraining) -> Result<Self, LinearError> {
        training::train(examples, options)
    }

    /// Reads a classifier that `save` wrote.
    ///
    /// # Errors
    /// Fails if the file cannot be read, is damaged, or holds shapes or weights that no classifier has.
    pub fn load(path: &Path) -> Result<Self, LinearError> {
        file::load(path)
    }

    /// Writes the classifier as one safetensors file; equal classifiers give equal bytes.
    ///
    /// # Errors
    /// Fails if the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), LinearError> {
        file::save(self, path)
    }

    /// Calls `emit` with the place of the first weight of each n-gram of `text`.
    fn for_each_feature(&self, text: &str, mut emit: impl FnMut(usize)) {
        let n_labels = self.labels.len();
        let shift = 64 - (self.weights.len() / n_labels).ilog2();
        features::for_each_ngram(text, self.lower_case, self.max_ngram, |hash| {
            emit((hash >> shift) as usize * n_labels);
        });
    }

    /// Adds the weights of the n-gram at `at` to the sums.
    fn add_weights(&self, at: usize, sums: &mut [f32]) {
        for (sum, weight) in sums.iter_mut().zip(&self.weights[at..]) {
            *sum += weight;
        }
    }

    /// Turns sums of weights into probabilities.
    fn finish(&self, n_features: usize, sums: &mut [f32]) {
        let scale = 1.0 / (n_features.max(1) as f32).sqrt();
        for (sum, bias) in sums.iter_mut().zip(&self.bias) {
            *sum = *sum * scale + bias;
        }
        softmax(sums);
    }
}

impl Classifier for Linear {
    fn labels(&self) -> &[String] {
        &self.labels
    }

    fn score(&self, text: &str, scores: &mut [f32]) {
        assert_eq!(scores.len(), self.labels.len(), "one score per label");
        scores.fill(0.0);
        let mut n_features = 0;
        self.for_each_feature(text, |at| {
            n_features += 1;
            self.add_weights(at, scores);
        });
        self.finish(n_features, scores);
    }
}

/// Turns logits into probabilities, in place.
fn softmax(logits: &mut [f32]) {
    let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for logit in logits.iter_mut() {
        *logit = (*logit - max).exp();
        sum += *logit;
    }
    logits.iter_mut().for_each(|p| *p /= sum);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts whose label hangs on one word.
    fn examples() -> Vec<Example<'static>> {
        let texts = [
            ("win a free prize now", "spam"),
            ("see you at lunch", "ham"),
            ("a free phone, call now", "spam"),
            ("call me at home", "ham"),
            ("加微信领取免费红包", "spam"),
            ("今天下午一起吃饭吧", "ham"),
            ("免费领取大奖", "spam"),
            ("下午在家", "ham"),
        ];
        texts.map(|(text, label)| Example { text, label }).to_vec()
    }

    fn small() -> LinearTraining {
        LinearTraining { hash_bits: 12, ..LinearTraining::default() }
    }

    fn scores(model: &Linear, text: &str) -> Vec<f32> {
        let mut scores = vec![0.0; model.labels().len()];
        model.score(text, &mut scores);
        scores
    }

    #[test]
    fn unseen_texts_get_the_label_of_their_words() {
        let model = Linear::train(&examples(), &small()).unwrap();
        assert_eq!(model.labels(), ["ham", "spam"]);
        assert!(scores(&model, "FREE prize")[1] > 0.6);
        assert!(scores(&model, "lunch at home")[1] < 0.4);
        assert!(scores(&model, "免费的红包")[1] > 0.6);
        assert!(scores(&model, "一起在家")[1] < 0.4);
    }

    #[test]
    fn probabilities_sum_to_one_whatever_the_text() {
        let model = Linear::train(&examples(), &small()).unwrap();
        for text in ["", " \n", "free", &"free ".repeat(100_000), "\u{0}\u{10ffff}"] {
            let scores = scores(&model, text);
            assert!((scores.iter().sum::<f32>() - 1.0).abs() < 1e-5, "{text:.20}: {scores:?}");
            assert!(scores.iter().all(|p| (0.0..=1.0).contains(p)), "{text:.20}: {scores:?}");
        }
    }

    #[test]
    fn order_of_examples_does_not_change_the_weights() {
        let mut backwards = examples();
        backwards.reverse();
        let forwards = Linear::train(&examples(), &small()).unwrap();
        assert_eq!(forwards, Linear::train(&backwards, &small()).unwrap());
        let other_seed = LinearTraining { seed: 1, ..small() };
        assert_ne!(forwards, Linear::train(&examples(), &other_seed).unwrap());
    }

    #[test]
    fn l2_makes_weights_smaller() {
        let norm = |l2| {
            let model = Linear::train(&examples(), &LinearTraining { l2, ..small() }).unwrap();
            model.weights.iter().map(|w| w * w).sum::<f32>()
        };
        assert!(norm(0.1) < norm(0.0));
    }

    #[test]
    fn case_counts_when_it_is_not_folded() {
        let model =
            Linear::train(&examples(), &LinearTraining { lower_case: false, ..small() }).unwrap();
        assert_ne!(scores(&model, "FREE"), scores(&model, "free"));
        let folded = Linear::train(&examples(), &small()).unwrap();
        assert_eq!(scores(&folded, "FREE"), scores(&folded, "free"));
    }

    #[test]
    fn three_labels_are_told_apart() {
        let texts = [("red rose", "red"), ("green grass", "green"), ("blue sky", "blue")];
        let examples = texts.map(|(text, label)| Example { text, label });
        let model = Linear::train(&examples, &small()).unwrap();
        assert_eq!(model.labels(), ["blue", "green", "red"]);
        let grass = scores(&model, "grass");
        assert!(grass[1] > grass[0] && grass[1] > grass[2], "{grass:?}");
    }

    #[test]
    fn unknown_keys_are_refused_and_missing_ones_have_defaults() {
        let read = |json| serde_json::from_str::<LinearTraining>(json);
        assert_eq!(read("{}").unwrap(), LinearTraining::default());
        assert!(read(r#"{"rate": 0.1}"#).unwrap_err().to_string().contains("unknown"));
    }

    #[test]
    fn wrong_options_and_single_labels_are_refused() {
        let refusal = |options| Linear::train(&examples(), &options).unwrap_err().to_string();
        let default = LinearTraining::default;
        assert_eq!(
            refusal(LinearTraining { max_ngram: 6, ..default() }),
            "max_ngram: 6 is not in 1..=5"
        );
        assert!(refusal(LinearTraining { epochs: 0, ..default() }).starts_with("epochs: "));
        assert!(refusal(LinearTraining { hash_bits: 40, ..default() }).starts_with("hash_bits: "));
        assert!(refusal(LinearTraining { l2: -1.0, ..default() }).starts_with("l2: "));
        for learning_rate in [0.0, f32::NAN, f32::INFINITY, f32::MAX] {
            let said = refusal(LinearTraining { learning_rate, ..small() });
            assert!(said.starts_with("learning_rate: "), "{said}");
        }
        let one = [Example { text: "a", label: "x" }];
        assert_eq!(
            Linear::train(&one, &default()).unwrap_err().to_string(),
            "examples: 1 different labels, at least 2 are needed"
        );
    }
}
