//! Decontamination: documents that hold examples of evaluation sets.
//!
//! ```toml
//! [[stage]]
//! decontaminate = { against = ["evals/gsm8k.jsonl", "evals/*.parquet"], columns = ["question", "answer"] }
//! ```
//!
//! Removes: a document that shares more n-grams with an example than a limit allows. The cause names the check, the
//!   examples as `file:row`, and where each is found in the document, in bytes: `gsm8k.jsonl:17 [1024..1102]`. With
//!   `mode = "report"` nothing is removed, and a column has the same as a list.
//! Units: words as `dedup_minhash` cuts them: lower-cased, without punctuation, one Han character, kana or Hangul
//!   syllable a word. An n-gram is `ngram` words, or `ngram_cjk` such characters, or a mixture of the same weight
//!   (`windows`). N-grams do not reach from one text of an example into another.
//! Short texts: one shorter than an n-gram is found where it stands as a whole, if it has `min_example_words`. Examples
//!   without any text that can be found are listed in a warning, by `check` and in the report.
//! Common n-grams: those that more than `max_examples` examples have, such as a prompt's instructions, are ignored.
//! Source: Brown et al. 2020, arXiv:2005.14165, appendix C (13-grams, at least 8 words, one shared n-gram is enough);
//!   Chowdhery et al. 2022, arXiv:2204.02311, section 8 (70 % of an example's 8-grams).
//! Chinese: the papers know words only. `ngram_cjk` is 1.5 times `ngram`, a judgement: of 3,704 Chinese laws and articles,
//!   762 share 13 characters with a question of CMMLU, mostly names of institutions, and 61 share 20, mostly the
//!   articles of law that are asked for.
//! Exact: an n-gram matches when two hashes of 64 bits agree. In 10^12 words and 10^6 n-grams, two different n-grams agree
//!   with a probability below 10^-18. Nothing but words is compared: accents written as one character or as two are
//!   different words, so `unicode_repair` should come before.
//! Differs: datatrove (12 words) by default looks for answers and not for questions, imports lighteval also for data of
//!   one's own, and names the set, not the example. The GPT-3 authors and lm-evaluation-harness cut 200 characters
//!   around a match out of the document, and ignore n-grams that more than 10 documents of the corpus have; here a
//!   document stays whole or goes.
//! Count: which examples leak stands in `removed/*.parquet`, in the rows whose `rule` is the stage's name: `found` holds
//!   up to 20 examples, parted by `; `, each with its place in brackets. The column of a report has all.
//! Beware: an example that repeats one word, such as a table of zeros, matches every text that repeats it `ngram` times.
//! Cost: one pass over the words and one over the n-grams, twice where there are short texts; some 32 bytes of memory
//!   for each n-gram of the evaluation sets.

use std::path::PathBuf;

use anyhow::{Result, bail, ensure};
use arrow::datatypes::SchemaRef;
use serde::{Deserialize, Serialize};

use crate::Stage;
use crate::batch::{Batch, with_field};
use crate::ledger::{Cause, Ledger};

mod evaluation;
mod examples;
mod grams;
mod overlap;
mod verdict;
mod windows;
mod words;

#[cfg(test)]
mod tests;

use evaluation::Evaluation;
use verdict::{Contamination, Limits};
use words::Cut;

const NAME: &str = "decontaminate";

/// `decontaminate = { against = ["evals/*.jsonl"] }`: removes documents that hold examples of evaluation sets.
///
/// If neither limit is given, `max_example_ngrams` is 0: one shared n-gram is enough, as for GPT-3.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Decontaminate {
    /// Tells two instances of the stage apart, in causes and as the name of the column. Default `decontaminate`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Files of examples, or patterns: JSONL and Parquet, an example a row; plain text, an example a line.
    pub against: Vec<String>,
    /// The members of a row that are its texts: names, or paths such as `meta.question`; strings, or lists or objects of
    /// them. Default: all strings of the row.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// What becomes of a document that breaks a limit.
    pub mode: Mode,
    /// Words of an n-gram, 2..=100. Default 13, as GPT-3; PaLM took 8.
    pub ngram: usize,
    /// Characters of an n-gram of Chinese, Japanese or Korean, 2..=100. Default 1.5 times `ngram`, rounded up: 20.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ngram_cjk: Option<usize>,
    /// Fewest words of a text that is found as a whole where it is shorter than an n-gram; in Chinese the same share of
    /// `ngram_cjk` characters (13 by default). Default 8: fewer gave GPT-3 matches by chance.
    pub min_example_words: usize,
    /// Examples with different texts that may share an n-gram; what more of them share is ignored. Default 10, which GPT-3
    /// took for documents of the corpus.
    pub max_examples: usize,
    /// N-grams of an example that a document may have. An example with no more than these is found where the document has
    /// all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_example_ngrams: Option<u32>,
    /// Share of an example's n-grams that a document may have, 0 to below 1; PaLM took 0.7, of 8-grams.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_example_ratio: Option<f64>,
}

/// What becomes of a document that breaks a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// It is removed.
    #[default]
    Remove,
    /// It stays. A column with the name of the stage lists the examples that break a limit: `example` (file and row),
    /// `ngrams` and `ratio` (of the example's n-grams), `start` and `end` (bytes of the text).
    Report,
}

impl Default for Decontaminate {
    fn default() -> Decontaminate {
        Decontaminate {
            name: None,
            against: Vec::new(),
            columns: Vec::new(),
            mode: Mode::Remove,
            ngram: 13,
            ngram_cjk: None,
            min_example_words: 8,
            max_examples: 10,
            max_example_ngrams: None,
            max_example_ratio: None,
        }
    }
}

impl Decontaminate {
    /// Reads the evaluation sets, and returns the stage.
    ///
    /// # Errors
    /// When values make no sense, all of which are named, or a file cannot be read or has a bad row.
    pub fn build(&self) -> Result<impl Stage + use<>> {
        self.check()?;
        let neither = self.max_example_ngrams.is_none() && self.max_example_ratio.is_none();
        let limits = Limits {
            max_example_ngrams: if neither { Some(0) } else { self.max_example_ngrams },
            max_example_ratio: self.max_example_ratio,
        };
        let evaluation = Evaluation::read(self)?;
        Ok(DecontaminateStage { name: self.name().to_owned(), mode: self.mode, limits, evaluation })
    }

    /// Returns the files of examples; none where a pattern is refused by `build`.
    pub fn references(&self) -> Vec<PathBuf> {
        let files = examples::files(&self.against).unwrap_or_default();
        files.into_iter().map(|file| file.path).collect()
    }

    /// Returns the bytes of memory that the evaluation sets take, for which they are read; 0 if they cannot be.
    pub fn evaluation_bytes(&self) -> u64 {
        Evaluation::read(self).map_or(0, |evaluation| evaluation.bytes() as u64)
    }

    fn name(&self) -> &str {
        self.name.as_deref().unwrap_or(NAME)
    }

    fn ngram_cjk(&self) -> usize {
        self.ngram_cjk.unwrap_or((self.ngram * 3).div_ceil(2))
    }

    fn check(&self) -> Result<()> {
        let mut mistakes = Vec::new();
        let mut expect = |holds: bool, mistake: String| {
            if !holds {
                mistakes.push(mistake);
            }
        };
        expect(!self.against.is_empty(), "`against` names no file".to_owned());
        expect(!self.name().trim().is_empty(), "`name` is empty".to_owned());
        let Decontaminate { ngram, min_example_words, max_examples, .. } = *self;
        expect((2..=100).contains(&ngram), format!("`ngram` is {ngram}, expected 2 to 100 words"));
        if let Some(ngram) = self.ngram_cjk {
            let is_good = (2..=100).contains(&ngram);
            expect(is_good, format!("`ngram_cjk` is {ngram}, expected 2 to 100 characters"));
        }
        let expected = "expected 1 word or more";
        expect(
            min_example_words > 0,
            format!("`min_example_words` is {min_example_words}, {expected}"),
        );
        let expected = "expected 1 or more: an n-gram has at least one";
        expect(max_examples > 0, format!("`max_examples` is {max_examples}, {expected}"));
        if let Some(ratio) = self.max_example_ratio {
            let is_good = (0.0..1.0).contains(&ratio);
            expect(is_good, format!("`max_example_ratio` is {ratio}, expected 0 to below 1"));
        }
        match mistakes.is_empty() {
            true => Ok(()),
            false => bail!("{}", mistakes.join("; ")),
        }
    }
}

/// The stage with its evaluation sets.
struct DecontaminateStage {
    name: String,
    mode: Mode,
    limits: Limits,
    evaluation: Evaluation,
}

impl Stage for DecontaminateStage {
    fn name(&self) -> &str {
        NAME
    }

    fn schema(&self, input: SchemaRef) -> Result<SchemaRef> {
        if self.mode == Mode::Remove {
            return Ok(input);
        }
        ensure!(
            input.field_with_name(&self.name).is_err(),
            "the documents have a column `{0}`, which `mode = \"report\"` writes\n\
             hint: give the stage another `name`",
            self.name
        );
        Ok(with_field(&input, verdict::field(&self.name)))
    }

    fn warnings(&self) -> Vec<String> {
        self.evaluation.warnings.clone()
    }

    fn apply(&self, batch: Batch, ledger: &mut Ledger) -> Result<Batch> {
        let mut cut = Cut::default();
        let mut found = Vec::with_capacity(batch.n_rows());
        for text in batch.texts().iter() {
            let text = text.unwrap_or_default();
            cut.read(text);
            let overlaps = overlap::overlaps(&self.evaluation, &cut);
            found.push(match overlaps.is_empty() {
                true => None,
                false => Contamination::find(&self.evaluation, &self.limits, text, overlaps),
            });
        }
        if self.mode == Mode::Report {
            let column = verdict::column(&self.evaluation, &found)?;
            return batch.with_column(verdict::field(&self.name), column);
        }
        let keep: Vec<bool> = found.iter().map(Option::is_none).collect();
        for (row, contamination) in found.into_iter().enumerate() {
            if let Some(contamination) = contamination {
                let removal = contamination.removal(&self.evaluation);
                ledger.remove(&batch, row, Cause::Rule { rule: self.name.clone(), removal });
            }
        }
        batch.keep(&keep)
    }
}
