//! How well a classifier does on texts whose labels are known.

use serde::Serialize;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::Classifier;

/// A text and the label that people gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Example<'a> {
    /// The text.
    pub text: &'a str,
    /// Its label.
    pub label: &'a str,
}

/// What a classifier gets right on held-out examples.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluation {
    /// The number of examples.
    pub n_examples: usize,
    /// The share of examples whose most probable label is the true one, 0..=1.
    pub accuracy: f64,
    /// One entry per label of the classifier, in its order.
    pub labels: Vec<LabelEvaluation>,
}

/// What a classifier gets right about one label.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LabelEvaluation {
    /// The label.
    pub label: String,
    /// The number of examples that have this label.
    pub n_examples: usize,
    /// The share of examples given this label that have it; `None` if it was never given.
    pub precision: Option<f64>,
    /// The share of examples with this label that were given it; `None` if there are none.
    pub recall: Option<f64>,
    /// The probability that an example with this label scores above one without it, ties counted half;
    /// `None` if all or no examples have it.
    pub auc: Option<f64>,
}

/// Compares a classifier with the labels of `examples`.
///
/// An example with a label that the classifier does not know counts as wrong.
pub fn evaluate(classifier: &dyn Classifier, examples: &[Example<'_>]) -> Evaluation {
    let labels = classifier.labels();
    let mut scores = vec![0.0; labels.len() * examples.len()];
    for (example, scores) in examples.iter().zip(scores.chunks_exact_mut(labels.len())) {
        classifier.score(example.text, scores);
    }
    let given: Vec<usize> = scores.chunks_exact(labels.len()).map(most_probable).collect();
    let hits = |label: usize| {
        let is_hit = |(example, &given): (&Example<'_>, &usize)| {
            given == label && example.label == labels[label]
        };
        examples.iter().zip(&given).filter(|&pair| is_hit(pair)).count()
    };
    let evaluate_label = |(i, label): (usize, &String)| {
        let n_examples = examples.iter().filter(|example| example.label == label).count();
        let n_given = given.iter().filter(|&&given| given == i).count();
        let scored = scores.chunks_exact(labels.len()).zip(examples);
        LabelEvaluation {
            label: label.clone(),
            n_examples,
            precision: ratio(hits(i), n_given),
            recall: ratio(hits(i), n_examples),
            auc: auc(scored.map(|(scores, example)| (scores[i], example.label == label)).collect()),
        }
    };
    Evaluation {
        n_examples: examples.len(),
        accuracy: ratio((0..labels.len()).map(hits).sum(), examples.len()).unwrap_or(0.0),
        labels: labels.iter().enumerate().map(evaluate_label).collect(),
    }
}

/// Splits examples into those to train on and those to hold out, about a share of `held_out` (0..=1).
///
/// The choice hashes the seed and the text: it does not depend on the other examples, and copies of a text stay
/// on one side.
pub fn hold_out<'a>(
    examples: &[Example<'a>],
    held_out: f64,
    seed: u64,
) -> (Vec<Example<'a>>, Vec<Example<'a>>) {
    let limit = held_out * u64::MAX as f64;
    examples.iter().partition(|e| xxh3_64_with_seed(e.text.as_bytes(), seed) as f64 >= limit)
}

/// Returns the first of the highest scores.
fn most_probable(scores: &[f32]) -> usize {
    let mut best = 0;
    for (i, score) in scores.iter().enumerate() {
        if *score > scores[best] {
            best = i;
        }
    }
    best
}

fn ratio(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// Returns the area under the ROC curve: the rank sum of the true ones, less its least value, over all pairs.
fn auc(mut scored: Vec<(f32, bool)>) -> Option<f64> {
    scored.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let n_true = scored.iter().filter(|(_, is_true)| *is_true).count();
    let n_pairs = n_true * (scored.len() - n_true);
    let mut rank_sum = 0.0;
    let mut first = 0;
    for ties in scored.chunk_by(|a, b| a.0 == b.0) {
        let mean_rank = first as f64 + (ties.len() + 1) as f64 / 2.0;
        rank_sum += mean_rank * ties.iter().filter(|(_, is_true)| *is_true).count() as f64;
        first += ties.len();
    }
    let least = (n_true * (n_true + 1)) as f64 / 2.0;
    (n_pairs > 0).then(|| (rank_sum - least) / n_pairs as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Reads the probability of `yes` from the text.
    struct Read(Vec<String>);

    impl Classifier for Read {
        fn labels(&self) -> &[String] {
            &self.0
        }

        fn score(&self, text: &str, scores: &mut [f32]) {
            let yes = text.parse().unwrap();
            scores.copy_from_slice(&[1.0 - yes, yes]);
        }
    }

    fn evaluation(examples: &[(&'static str, &'static str)]) -> Evaluation {
        let examples: Vec<_> =
            examples.iter().map(|&(text, label)| Example { text, label }).collect();
        evaluate(&Read(vec!["no".into(), "yes".into()]), &examples)
    }

    #[test]
    fn figures_of_a_small_table_are_as_counted_by_hand() {
        let table =
            evaluation(&[("0.9", "yes"), ("0.8", "no"), ("0.7", "yes"), ("0.2", "no"), ("0", "?")]);
        assert_eq!(table.accuracy, 3.0 / 5.0);
        let yes = &table.labels[1];
        assert_eq!((yes.precision, yes.recall), (Some(2.0 / 3.0), Some(1.0)));
        // Of the 2 × 3 pairs of a yes and another, only 0.7 against 0.8 is the wrong way round.
        assert_eq!(yes.auc, Some(5.0 / 6.0));
    }

    #[test]
    fn figures_that_cannot_be_known_are_none() {
        let one_sided = evaluation(&[("0.9", "yes")]);
        let no = &one_sided.labels[0];
        assert_eq!((no.precision, no.recall, no.auc), (None, None, None));
        assert_eq!(evaluation(&[]).accuracy, 0.0);
    }

    #[test]
    fn copies_of_a_text_stay_on_one_side() {
        let texts: Vec<String> = (0..1000).map(|i| format!("text {}", i % 500)).collect();
        let examples: Vec<_> = texts.iter().map(|text| Example { text, label: "x" }).collect();
        let (train, held_out) = hold_out(&examples, 0.2, 7);
        assert_eq!(train.len() + held_out.len(), 1000);
        assert!((140..260).contains(&held_out.len()), "{}", held_out.len());
        assert!(held_out.iter().all(|e| !train.contains(e)));
    }

    proptest! {
        #[test]
        fn auc_is_the_share_of_pairs_in_order(scored in prop::collection::vec((0..9u8, any::<bool>()), 0..40)) {
            let scored: Vec<(f32, bool)> = scored.iter().map(|&(s, t)| (f32::from(s), t)).collect();
            let (yes, no): (Vec<(f32, bool)>, Vec<_>) = scored.iter().partition(|s| s.1);
            let points = |(yes, no): (f32, f32)| if yes > no { 1.0 } else if yes == no { 0.5 } else { 0.0 };
            let wins: f64 = yes.iter().flat_map(|y| no.iter().map(|n| points((y.0, n.0)))).sum();
            let n_pairs = yes.len() * no.len();
            let expected = (n_pairs > 0).then(|| wins / n_pairs as f64);
            match (auc(scored), expected) {
                (Some(found), Some(expected)) => prop_assert!((found - expected).abs() < 1e-9),
                (found, expected) => prop_assert_eq!(found, expected),
            }
        }
    }
}
