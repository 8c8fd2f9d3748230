//! A learned classifier.
//!
//! Removes: a document to which the model gives `label` a probability below `min_score`.
//! Units: probabilities, from 0 to 1; the probability becomes the column `classifier_score`, or `<name>_score` if the
//!   rule has a `name`. An empty text has the probability that the model gives to no words.
//! Chinese: as the model was trained; the rule itself has no language.
//! Source: quality classifiers of GPT-3 and DCLM (Li et al. 2024, arXiv:2406.11794, section 4.4); models come from
//!   `corpusmill classifier`.
//! Differs: from fastText classifiers in the file format; what becomes of newlines and case is part of the model, so
//!   that training and use cannot disagree.
//! Cost: one look-up for each n-gram of the model.

use std::ops::ControlFlow;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{ConfigError, Document, Filter, Judge, Limit};

/// Settings of the rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Classifier {
    /// Tells two instances of the rule apart, and names the score's column.
    pub name: Option<String>,
    /// The model file; it has no default.
    pub model: PathBuf,
    /// The label whose probability counts; it has no default.
    pub label: String,
    /// The least probability; 0.5. `false` only annotates.
    pub min_score: Limit<f64>,
}

impl Default for Classifier {
    fn default() -> Self {
        Classifier {
            name: None,
            model: PathBuf::new(),
            label: String::new(),
            min_score: Limit::all(0.5),
        }
    }
}

impl Classifier {
    pub(crate) fn build(&self) -> Result<Box<dyn Filter>, ConfigError> {
        self.min_score.check_ratio("min_score")?;
        if self.model.as_os_str().is_empty() {
            return Err(ConfigError::Empty { key: "model" });
        }
        let model = models::Linear::load(&self.model)
            .map_err(|error| ConfigError::Unreadable { key: "model", source: Box::new(error) })?;
        Ok(Box::new(self.rule(Box::new(model))?))
    }

    fn rule(&self, model: Box<dyn models::Classifier>) -> Result<Rule, ConfigError> {
        let label = model.labels().iter().position(|label| *label == self.label);
        let label = label.ok_or_else(|| ConfigError::Unknown {
            key: "label",
            value: self.label.clone(),
            known: model.labels().join(", "),
        })?;
        let name = self.name.clone().unwrap_or_else(|| "classifier".to_owned());
        let score = format!("{name}_score");
        Ok(Rule { name, score, model, label, min_score: self.min_score.clone() })
    }
}

struct Rule {
    name: String,
    /// The name of the score's column.
    score: String,
    model: Box<dyn models::Classifier>,
    label: usize,
    min_score: Limit<f64>,
}

impl Filter for Rule {
    fn name(&self) -> &str {
        &self.name
    }

    fn scores(&self) -> Vec<&str> {
        vec![&self.score]
    }

    fn judge(&self, doc: &mut Document<'_>, judge: &mut Judge) -> ControlFlow<()> {
        let mut scores = vec![0.0; self.model.labels().len()];
        self.model.score(doc.text(), &mut scores);
        let score = scores[self.label];
        doc.set_score(&self.score, score);
        let limit = self.min_score.of(doc.tag());
        judge.at_least("min_score", f64::from(score), limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scratch;

    /// Finds a text good if it says so, in English or Chinese.
    struct SaysGood(Vec<String>);

    impl models::Classifier for SaysGood {
        fn labels(&self) -> &[String] {
            &self.0
        }

        fn score(&self, text: &str, scores: &mut [f32]) {
            let good = text.contains("good") || text.contains('好');
            scores.copy_from_slice(if good { &[0.25, 0.75] } else { &[0.75, 0.25] });
        }
    }

    fn model() -> Box<dyn models::Classifier> {
        Box::new(SaysGood(vec!["bad".to_owned(), "good".to_owned()]))
    }

    #[test]
    fn the_score_of_the_label_decides_and_is_written_down() {
        let config = Classifier { label: "good".to_owned(), ..Classifier::default() };
        let rule = config.rule(model()).unwrap();
        assert_eq!(rule.scores(), ["classifier_score"]);
        for (text, score) in [("a good text", 0.75), ("a text", 0.25), ("很好", 0.75), ("", 0.25)]
        {
            let (mut scratch, mut judge) = (Scratch::default(), Judge::default());
            let mut doc = Document::new("1", text, &mut scratch);
            assert_eq!(rule.judge(&mut doc, &mut judge).is_break(), score < 0.5, "{text}");
            assert_eq!(doc.score("classifier_score"), Some(score));
        }
    }

    #[test]
    fn an_unknown_label_and_a_missing_model_are_refused() {
        let config = Classifier { label: "great".to_owned(), ..Classifier::default() };
        let error = config.rule(model()).err().unwrap().to_string();
        assert_eq!(error, "`label` has no `great`; there are bad, good");
        assert_eq!(config.build().err().unwrap().to_string(), "`model` is empty");
    }
}
