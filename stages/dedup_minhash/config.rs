//! The keys of `dedup_minhash`, and what is refused before the first row.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use super::cutter::{Cutter, Units};
use super::indexed::IndexedDocuments;
use super::keep::Keep;
use super::permutations::Permutations;
use super::signature::{MAX_PLACES, Signer};
use super::{Limits, MinhashCensus, NAME, bands};
use crate::Census;
use crate::disk::seal_file;
use crate::index::{Earlier, Indexed, Section};

/// `dedup_minhash = {}`: removes every document that is nearly one that stays.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DedupMinhash {
    /// Units of an n-gram. Default 5, as datatrove, duplodocus and Data-Juicer; GPT-3 and RedPajama-v2 took
    /// 13.
    pub ngram: usize,
    /// What an n-gram is made of.
    pub unit: Unit,
    /// The path of the `tokenizer.json` that cuts tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokenizer: Option<String>,
    /// Bands of a signature. Default 14, as FineWeb.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bands: Option<usize>,
    /// Numbers of a band. Default 8, as FineWeb.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<usize>,
    /// Numbers of a signature, from which the `bands` and `rows` follow that fit `threshold` best.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n_hashes: Option<usize>,
    /// Least Jaccard similarity to a kept document at which a document is removed, 0..=1. Default 0.7, as
    /// Data-Juicer and text-dedup: just below the middle of the curve of 14 × 8 (0.72), so that what the
    /// bands find well is removed, and the chance finds far below are not.
    pub threshold: f64,
    /// What the threshold is compared with.
    pub verify: Verify,
    /// Which document of a cluster stays.
    pub keep: Keep,
    /// Makes the signatures of another tool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compatible: Option<Compatible>,
    /// N-grams by which a document is compared. One with more is represented by those with the smallest
    /// hashes, which estimate its similarity with a standard error of 0.0015 or less at the default of
    /// 100,000.
    pub max_document_ngrams: usize,
    /// Kept documents of a component that later ones are compared with. Beyond it documents are kept, and a
    /// warning names the component.
    pub max_cluster_documents: usize,
    /// N-grams (or signature numbers) of these documents together, 8 bytes each in memory. Default
    /// 20,000,000: 400 MB.
    pub max_cluster_ngrams: usize,
    /// Chooses the hash functions. Default 0; 1 where `compatible` is `datatrove`, as there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Indexes of earlier datasets, with whose documents those of the input are compared too.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub against: Vec<String>,
}

/// What an n-gram is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Runs of letters and digits, lower-cased; each Han character, kana or Hangul syllable by itself.
    Words,
    /// Characters of the lower-cased text, all white space between two of them one blank.
    Characters,
    /// Words of the document's language, lower-cased: those of Chinese, Japanese, Thai and the like by
    /// dictionary. The column `language` decides, where it is known; else the script does.
    DictionaryWords,
    /// Ids of a tokenizer.
    Tokens,
}

/// What the threshold is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verify {
    /// The true Jaccard similarity of the n-gram sets.
    Jaccard,
    /// The share of equal numbers in two signatures. It needs 8 bytes a number on disk instead of 8 an
    /// n-gram, and is off by a standard error of sqrt(j (1 - j) / (`bands` × `rows`)): 0.043 at j = 0.7 with
    /// 14 × 8.
    Signature,
}

/// Whose signatures are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compatible {
    /// Those of datatrove 0.10 with its default hash, xxh64 in 64 bits.
    Datatrove,
}

const BANDS: usize = 14;
const ROWS: usize = 8;

impl Default for DedupMinhash {
    fn default() -> DedupMinhash {
        DedupMinhash {
            ngram: 5,
            unit: Unit::Words,
            tokenizer: None,
            bands: None,
            rows: None,
            n_hashes: None,
            threshold: 0.7,
            verify: Verify::Jaccard,
            keep: Keep::First,
            compatible: None,
            max_document_ngrams: 100_000,
            max_cluster_documents: 10_000,
            max_cluster_ngrams: 20_000_000,
            seed: None,
            against: Vec::new(),
        }
    }
}

/// The similarities at which `check` shows the curve.
const CURVE: [f64; 8] = [0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95];

impl DedupMinhash {
    /// Returns the census, whose keys are cut into `n_ranges` ranges.
    ///
    /// # Errors
    /// When values make no sense, all of which are named; when the tokenizer cannot be used.
    pub fn build(&self, n_ranges: u32) -> Result<impl Census + use<>> {
        let cutter = self.cutter()?;
        if n_ranges == 0 {
            bail!("at least one key range is needed");
        }
        let earlier = Earlier::open(&self.against, &self.section()?)?;
        Ok(MinhashCensus::new(cutter, self.limits(), self.keep.clone(), earlier, n_ranges))
    }

    /// Returns what an index holds for this stage.
    ///
    /// # Errors
    /// As [`DedupMinhash::build`].
    pub fn indexed(&self) -> Result<impl Indexed + use<>> {
        let (cutter, limits, section) = (self.cutter()?, self.limits(), self.section()?);
        Ok(IndexedDocuments { cutter, limits, section })
    }

    /// Says what decides which documents share a band, and what they are compared by.
    fn section(&self) -> Result<Section> {
        let (bands, rows) = self.bands_and_rows();
        let of_file = |path: &String| anyhow::Ok(seal_file(Path::new(path))?.xxh3);
        let settings = serde_json::json!({
            "ngram": self.ngram,
            "unit": self.unit,
            "tokenizer": self.tokenizer.as_ref().map(of_file).transpose()?,
            "bands": bands,
            "rows": rows,
            "seed": self.seed(),
            "compatible": self.compatible,
            "verify": self.verify,
            "max_document_ngrams": self.max_document_ngrams,
        });
        Ok(Section { stage: NAME.to_owned(), settings })
    }

    fn limits(&self) -> Limits {
        Limits {
            threshold: self.threshold,
            verify: self.verify,
            max_document_ngrams: self.max_document_ngrams,
            max_cluster_documents: self.max_cluster_documents,
            max_cluster_ngrams: self.max_cluster_ngrams,
        }
    }

    /// Returns what turns texts into n-grams and the keys of their bands.
    ///
    /// # Errors
    /// As [`DedupMinhash::build`].
    pub fn cutter(&self) -> Result<Cutter> {
        let mistakes = self.mistakes();
        if !mistakes.is_empty() {
            bail!("{}", mistakes.join("\n"));
        }
        let (bands, rows) = self.bands_and_rows();
        let seed = self.seed();
        if self.compatible.is_some() {
            let permutations = Permutations::new(bands * rows, seed as u32);
            let signer = Signer::of_permutations(rows, permutations);
            return Ok(Cutter::new(self.ngram, Units::Datatrove, signer));
        }
        let units = match (self.unit, &self.tokenizer) {
            (Unit::Words, _) => Units::Words,
            (Unit::Characters, _) => Units::Characters,
            (Unit::DictionaryWords, _) => Units::DictionaryWords,
            (Unit::Tokens, path) => {
                let path = path.as_deref().context("`tokenizer` is missing")?;
                Units::Tokens(Arc::from(models::load(Path::new(path))?))
            }
        };
        Ok(Cutter::new(self.ngram, units, Signer::new(bands, rows, seed)))
    }

    /// Returns all values that make no sense.
    fn mistakes(&self) -> Vec<String> {
        let mut mistakes = Vec::new();
        let mut expect = |holds: bool, mistake: &dyn Fn() -> String| {
            if !holds {
                mistakes.push(mistake());
            }
        };
        for (key, value) in [
            ("ngram", Some(self.ngram)),
            ("bands", self.bands),
            ("rows", self.rows),
            ("n_hashes", self.n_hashes),
            ("max_document_ngrams", Some(self.max_document_ngrams)),
            ("max_cluster_documents", Some(self.max_cluster_documents)),
        ] {
            let message = || format!("`{key}` is 0, but must be at least 1");
            expect(value != Some(0), &message);
        }
        let chosen = self.bands.is_some() || self.rows.is_some();
        expect(self.n_hashes.is_none() || !chosen, &|| {
            "`n_hashes` chooses `bands` and `rows`: leave these out, or `n_hashes`".to_owned()
        });
        let (bands, rows) = (self.bands.unwrap_or(BANDS), self.rows.unwrap_or(ROWS));
        let places = bands.saturating_mul(rows);
        expect(places <= MAX_PLACES, &|| {
            format!("`bands` × `rows` is {places}, but must be at most {MAX_PLACES}")
        });
        let most = bands::MAX_HASHES;
        expect(self.n_hashes.is_none_or(|n| n <= most), &|| {
            format!("`n_hashes` is {}, but must be at most {most}", self.n_hashes.unwrap_or(0))
        });
        let threshold = self.threshold;
        expect(threshold > 0.0 && threshold <= 1.0, &|| {
            format!("`threshold` is {threshold}, but must be above 0 and at most 1")
        });
        let (most, least) = (self.max_cluster_ngrams, self.max_document_ngrams);
        expect(most >= least, &|| {
            format!(
                "`max_cluster_ngrams` is {most}, but must be at least `max_document_ngrams` = {least}"
            )
        });
        let least = self.n_hashes.unwrap_or(places);
        expect(self.verify == Verify::Jaccard || most >= least, &|| {
            format!("`max_cluster_ngrams` is {most}, but one signature has {least} numbers")
        });
        expect((self.unit == Unit::Tokens) == self.tokenizer.is_some(), &|| {
            "`unit = \"tokens\"` and `tokenizer = \"…\"` need each other".to_owned()
        });
        let is_compatible = self.compatible.is_some();
        expect(!is_compatible || self.unit == Unit::Words, &|| {
            "`compatible` says what words are: leave `unit` out".to_owned()
        });
        expect(!is_compatible || self.seed() <= u64::from(u32::MAX), &|| {
            format!("`seed` is {}, but numpy takes at most {}", self.seed(), u32::MAX)
        });
        mistakes
    }

    fn seed(&self) -> u64 {
        self.seed.unwrap_or(u64::from(self.compatible == Some(Compatible::Datatrove)))
    }

    /// Returns `bands` and `rows`, given, chosen by `n_hashes`, or the defaults.
    pub fn bands_and_rows(&self) -> (usize, usize) {
        match self.n_hashes {
            Some(n_hashes) => bands::best(self.threshold, n_hashes),
            None => (self.bands.unwrap_or(BANDS), self.rows.unwrap_or(ROWS)),
        }
    }

    /// Returns the configuration with all defaults in place, as a finished dataset tells it.
    pub fn filled(self) -> DedupMinhash {
        let (bands, rows) = match self.n_hashes {
            Some(_) => (self.bands, self.rows),
            None => (Some(self.bands.unwrap_or(BANDS)), Some(self.rows.unwrap_or(ROWS))),
        };
        DedupMinhash { bands, rows, seed: Some(self.seed()), ..self }
    }

    /// Returns similarities, and the probability that a pair of each shares a band.
    pub fn curve(&self) -> [(f64, f64); 8] {
        let (bands, rows) = self.bands_and_rows();
        CURVE.map(|similarity| (similarity, bands::probability(similarity, bands, rows)))
    }

    /// Returns the memory that the gather of round 2 may take for each thread beside its buffers, in bytes.
    pub fn gather_bytes(&self) -> u64 {
        let (bands, _) = self.bands_and_rows();
        // An entry of a band takes 12 bytes in the list and at most 36 in the table; ids are thought of as 100 bytes.
        let document = 48 * bands as u64 + 160;
        // A vector that grows by doubling has room for up to twice what it holds.
        2 * (8 * self.max_cluster_ngrams as u64 + document * self.max_cluster_documents as u64)
    }

    /// Returns how many times its own length a row may take in memory while it is cut, beyond what `words`
    /// takes: 8 bytes a character; a token has 4 more for its id; a word or mark is described by 24.
    pub fn row_lengths(&self) -> u64 {
        match (self.compatible, self.unit) {
            (Some(_), _) => 48,
            (None, Unit::Words) => 0,
            (None, Unit::Characters) => 8,
            (None, Unit::Tokens) => 12,
            (None, Unit::DictionaryWords) => 32,
        }
    }
}
