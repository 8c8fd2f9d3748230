//! Finds the language, and keeps some.
//!
//! Removes: a document whose language is not in `keep`, or was found with less certainty than `min_score`; none while
//!   `keep` is empty, when the rule only names the language.
//! Units: languages are BCP-47 tags; the score is whatlang's confidence, from 0 to 1, and becomes the column
//!   `language_score`. A text in which no language is found, such as an empty one, is `und` with score 0.
//! Chinese: `zh`, for traditional and simplified characters alike.
//! Source: whatlang 0.18: trigrams of letters after the script; the limit is ours.
//! Differs: from datatrove, NeMo Curator and the like, which use fastText models (lid.176, GlotLID); whatlang knows 70
//!   languages, needs no model file, and is less certain of short texts.
//! Cost: only the first `max_chars` characters are looked at, about 0.1 ms.

use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};
use whatlang::Lang;

use crate::limit::Limit;
use crate::{ConfigError, Document, Filter, Judge};

/// Settings of the rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Language {
    /// Tells two instances of the rule apart.
    pub name: Option<String>,
    /// The languages to keep; all if empty.
    pub keep: Vec<String>,
    /// The least confidence; 0.5.
    pub min_score: Limit<f64>,
    /// How much of the beginning of a text is looked at; 1,000.
    pub max_chars: usize,
}

impl Default for Language {
    fn default() -> Self {
        Language { name: None, keep: Vec::new(), min_score: Limit::all(0.5), max_chars: 1_000 }
    }
}

impl Language {
    pub(crate) fn build(&self) -> Result<Box<dyn Filter>, ConfigError> {
        self.min_score.check_ratio("min_score")?;
        if self.max_chars == 0 {
            let expected = "1 or more";
            return Err(ConfigError::OutOfRange { key: "max_chars", value: 0.0, expected });
        }
        // A misspelt language would remove every document in it.
        for tag in &self.keep {
            if !TAGS.iter().any(|(_, known)| known == tag) {
                let mut known: Vec<&str> = TAGS.iter().map(|(_, tag)| *tag).collect();
                known.sort_unstable();
                let (value, known) = (tag.clone(), known.join(", "));
                return Err(ConfigError::Unknown { key: "keep", value, known });
            }
        }
        let name = self.name.clone().unwrap_or_else(|| "language".to_owned());
        Ok(Box::new(Rule { name, config: self.clone() }))
    }
}

struct Rule {
    name: String,
    config: Language,
}

const SCORE: &str = "language_score";

impl Filter for Rule {
    fn name(&self) -> &str {
        &self.name
    }

    fn scores(&self) -> Vec<&str> {
        vec![SCORE]
    }

    fn judge(&self, doc: &mut Document<'_>, judge: &mut Judge) -> ControlFlow<()> {
        let Language { keep, min_score, max_chars, .. } = &self.config;
        let text = doc.text();
        let end = text.char_indices().nth(*max_chars).map_or(text.len(), |(at, _)| at);
        let (tag, score) = detect(text.get(..end).unwrap_or_default());
        doc.set_language(Some(tag));
        doc.set_score(SCORE, score as f32);
        if keep.is_empty() {
            return ControlFlow::Continue(());
        }
        if !keep.iter().any(|kept| kept == tag) {
            judge.remove("keep", score, 0.0, Some(tag.to_owned()))?;
        }
        match min_score.of(doc.tag()) {
            Some(limit) if score < limit => {
                judge.remove("min_score", score, limit, Some(tag.to_owned()))
            }
            limit => judge.at_least("min_score", score, limit),
        }
    }
}

/// Returns the language of a text and how certain it is.
fn detect(text: &str) -> (&'static str, f64) {
    let found = whatlang::detect(text).and_then(|info| {
        Some((TAGS.iter().find(|(lang, _)| *lang == info.lang())?.1, info.confidence()))
    });
    found.unwrap_or(("und", 0.0))
}

/// The BCP-47 tag of each language that whatlang knows.
#[rustfmt::skip]
const TAGS: &[(Lang, &str)] = &[
    (Lang::Epo, "eo"), (Lang::Eng, "en"), (Lang::Rus, "ru"), (Lang::Cmn, "zh"), (Lang::Spa, "es"),
    (Lang::Por, "pt"), (Lang::Ita, "it"), (Lang::Ben, "bn"), (Lang::Fra, "fr"), (Lang::Deu, "de"),
    (Lang::Ukr, "uk"), (Lang::Kat, "ka"), (Lang::Ara, "ar"), (Lang::Hin, "hi"), (Lang::Jpn, "ja"),
    (Lang::Heb, "he"), (Lang::Yid, "yi"), (Lang::Pol, "pl"), (Lang::Amh, "am"), (Lang::Jav, "jv"),
    (Lang::Kor, "ko"), (Lang::Nob, "nb"), (Lang::Dan, "da"), (Lang::Swe, "sv"), (Lang::Fin, "fi"),
    (Lang::Tur, "tr"), (Lang::Nld, "nl"), (Lang::Hun, "hu"), (Lang::Ces, "cs"), (Lang::Ell, "el"),
    (Lang::Bul, "bg"), (Lang::Bel, "be"), (Lang::Mar, "mr"), (Lang::Kan, "kn"), (Lang::Ron, "ro"),
    (Lang::Slv, "sl"), (Lang::Hrv, "hr"), (Lang::Srp, "sr"), (Lang::Mkd, "mk"), (Lang::Lit, "lt"),
    (Lang::Lav, "lv"), (Lang::Est, "et"), (Lang::Tam, "ta"), (Lang::Vie, "vi"), (Lang::Urd, "ur"),
    (Lang::Tha, "th"), (Lang::Guj, "gu"), (Lang::Uzb, "uz"), (Lang::Pan, "pa"), (Lang::Aze, "az"),
    (Lang::Ind, "id"), (Lang::Tel, "te"), (Lang::Pes, "fa"), (Lang::Mal, "ml"), (Lang::Ori, "or"),
    (Lang::Mya, "my"), (Lang::Nep, "ne"), (Lang::Sin, "si"), (Lang::Khm, "km"), (Lang::Tuk, "tk"),
    (Lang::Aka, "ak"), (Lang::Zul, "zu"), (Lang::Sna, "sn"), (Lang::Afr, "af"), (Lang::Lat, "la"),
    (Lang::Slk, "sk"), (Lang::Cat, "ca"), (Lang::Tgl, "tl"), (Lang::Hye, "hy"), (Lang::Cym, "cy"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_has_a_tag() {
        for lang in Lang::all() {
            assert!(TAGS.iter().any(|(known, _)| known == lang), "{lang:?}");
        }
    }

    #[test]
    fn a_misspelt_language_is_refused() {
        let config = Language { keep: vec!["zh".into(), "chinese".into()], ..Language::default() };
        let error = config.build().err().unwrap().to_string();
        assert!(error.starts_with("`keep` has no `chinese`; there are af, ak, am"), "{error}");
    }

    #[test]
    fn nothing_is_und() {
        assert_eq!(detect(""), ("und", 0.0));
        assert_eq!(detect("123 ... 456"), ("und", 0.0));
    }
}
