//! What every rule of a stage says of one text.

use filters::{Document, Judge, Measure, Removal, Scratch};

use super::FilterStage;

/// A text, and what its row would hold besides.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct TrialText {
    /// The text.
    pub text: String,
    /// The language, as BCP-47.
    pub language: Option<String>,
    /// Where it came from.
    pub url: Option<String>,
    /// Which collection it belongs to.
    pub source: Option<String>,
}

/// What one rule said.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    /// The rule, or the `name` it was given.
    pub rule: String,
    /// What it measured, in its order.
    pub measures: Vec<Measure>,
    /// The first limit that was broken.
    pub removal: Option<Removal>,
    /// How much it edited.
    pub edits: u64,
    /// What it scored.
    pub scores: Vec<(String, f32)>,
}

impl FilterStage {
    /// Takes a text through all rules, and replaces it by what they made of it; `None` if the stage is not for such texts.
    ///
    /// A rule that would remove the text does not keep the rules behind it from judging.
    pub fn examine(&self, row: &mut TrialText) -> Option<Vec<Trial>> {
        let mut scratch = Scratch::default();
        let mut doc = Document::new("", &row.text, &mut scratch);
        doc.set_column("url", row.url.as_deref());
        doc.set_column("source", row.source.as_deref());
        doc.set_language(row.language.as_deref());
        doc.set_words(self.words);
        if !self.is_for(&mut doc, row.source.as_deref()) {
            return None;
        }
        let mut judge = Judge::measuring();
        let mut trials = Vec::new();
        for filter in &self.filters {
            let _ = filter.judge(&mut doc, &mut judge);
            let measures = judge.measures().to_vec();
            let (removal, edits) = judge.take();
            let scores = filter.scores().into_iter();
            let scores = scores.filter_map(|name| Some((name.to_owned(), doc.score(name)?)));
            let rule = filter.name().to_owned();
            trials.push(Trial { rule, measures, removal, edits, scores: scores.collect() });
        }
        let language = doc.language().map(str::to_owned);
        // A stage that annotates gives the text on as it was.
        let text = (doc.edited() && self.annotations.is_none()).then(|| doc.text().to_owned());
        if let Some(text) = text {
            row.text = text;
        }
        row.language = language;
        Some(trials)
    }

    /// Says whether the stage only annotates.
    pub fn is_annotating(&self) -> bool {
        self.annotations.is_some()
    }
}
