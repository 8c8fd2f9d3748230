//! Near-duplicate documents: MinHash finds candidates, the true Jaccard similarity decides.
//!
//! A document is the set of its `ngram`-grams (`ngrams`). Its `signature` of `bands × rows` numbers is cut
//! into bands; two documents with Jaccard similarity j share a band with probability 1 - (1 - j^rows)^bands:
//!
//! | j | 0.5 | 0.6 | 0.7 | 0.75 | 0.8 | 0.85 | 0.9 | 0.95 |
//! |---|---|---|---|---|---|---|---|---|
//! | 14 × 8 | 0.053 | 0.211 | 0.565 | 0.771 | 0.924 | 0.988 | 0.9996 | 1 |
//!
//! Round 1 (`components`) joins documents that share a band, round 2 (`verify`) compares the documents of a
//! component and removes those that are at least `threshold` similar to one that stays. So the bands decide
//! how many near duplicates are found, the threshold which of them are removed, and nothing below it ever is.
//!
//! Differs: datatrove (14 × 8), duplodocus (14 × 8), NeMo (20 × 13), Data-Juicer and text-dedup (chosen for
//! 0.7) remove what shares a band, or hangs together by such pairs, and compare nothing (text-dedup can);
//! with 14 × 8 that is every fifth pair at 0.6.

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};

use crate::duplicates::RemoveDuplicates;
use crate::index::Earlier;
use crate::rows::Sealed;
use crate::{Census, Round, Stage};

mod candidate;
mod components;
mod hash;
mod jaccard;
mod kept;
pub(crate) mod letters;
mod ngrams;
mod signature;
mod verify;
mod words;

#[cfg(test)]
mod tests;

pub(crate) use hash::{SEED, fold, hash_bytes};
pub(crate) use letters::Letter;
pub(crate) use words::hash_words;

use components::ComponentRound;
use signature::{MAX_PLACES, Signature, Signer};
use verify::VerifyRound;

const NAME: &str = "dedup_minhash";

/// `dedup_minhash = {}`: removes every document that is nearly an earlier one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DedupMinhash {
    /// Units of an n-gram. Default 5, as datatrove, duplodocus and Data-Juicer; GPT-3 and RedPajama-v2 took
    /// 13.
    pub ngram: usize,
    /// What an n-gram is made of.
    pub unit: Unit,
    /// Bands of a signature. Default 14, as FineWeb.
    pub bands: usize,
    /// Numbers of a band. Default 8, as FineWeb.
    pub rows: usize,
    /// Least Jaccard similarity to a kept document at which a document is removed, 0..=1. Default 0.7, as
    /// Data-Juicer and text-dedup: just below the middle of the curve of 14 × 8 (0.72), so that what the
    /// bands find well is removed, and the chance finds far below are not.
    pub threshold: f64,
    /// N-grams by which a document is compared. One with more is represented by those with the smallest
    /// hashes, which estimate its similarity with a standard error of 0.0015 or less at the default of
    /// 100,000.
    pub max_document_ngrams: usize,
    /// Kept documents of a component that later ones are compared with. Beyond it documents are kept, and a
    /// warning names the component.
    pub max_cluster_documents: usize,
    /// N-grams of these documents together, 8 bytes each in memory. Default 20,000,000: 400 MB.
    pub max_cluster_ngrams: usize,
    /// Chooses the hash functions.
    pub seed: u64,
}

/// What an n-gram is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Runs of letters and digits, lower-cased; each Han character, kana or Hangul syllable by itself.
    Words,
}

impl Default for DedupMinhash {
    fn default() -> DedupMinhash {
        DedupMinhash {
            ngram: 5,
            unit: Unit::Words,
            bands: 14,
            rows: 8,
            threshold: 0.7,
            max_document_ngrams: 100_000,
            max_cluster_documents: 10_000,
            max_cluster_ngrams: 20_000_000,
            seed: 0,
        }
    }
}

impl DedupMinhash {
    /// Returns the census, whose keys are cut into `n_ranges` ranges.
    ///
    /// # Errors
    /// When values make no sense; all of them are named.
    pub fn build(&self, n_ranges: u32) -> Result<impl Census + use<>> {
        let mut mistakes = Vec::new();
        let mut expect = |holds: bool, mistake: String| {
            if !holds {
                mistakes.push(mistake);
            }
        };
        for (key, value) in [
            ("ngram", self.ngram),
            ("bands", self.bands),
            ("rows", self.rows),
            ("max_document_ngrams", self.max_document_ngrams),
            ("max_cluster_documents", self.max_cluster_documents),
            ("number of key ranges", n_ranges as usize),
        ] {
            expect(value > 0, format!("`{key}` is 0, but must be at least 1"));
        }
        let places = self.bands.saturating_mul(self.rows);
        let places_message =
            format!("`bands` × `rows` is {places}, but must be at most {MAX_PLACES}");
        expect(places <= MAX_PLACES, places_message);
        let threshold = self.threshold;
        let in_range = threshold > 0.0 && threshold <= 1.0;
        expect(in_range, format!("`threshold` is {threshold}, but must be above 0 and at most 1"));
        let (most, least) = (self.max_cluster_ngrams, self.max_document_ngrams);
        let cluster_message = format!(
            "`max_cluster_ngrams` is {most}, but must be at least `max_document_ngrams` = {least}"
        );
        expect(most >= least, cluster_message);
        if !mistakes.is_empty() {
            bail!("{}", mistakes.join("\n"));
        }
        let signer = Signer::new(self.bands, self.rows, self.seed);
        let cutter = Cutter { ngram: self.ngram, signer };
        let limits = Limits {
            threshold,
            max_document_ngrams: self.max_document_ngrams,
            max_cluster_documents: self.max_cluster_documents,
            max_cluster_ngrams: self.max_cluster_ngrams,
        };
        Ok(MinhashCensus {
            rounds: [
                Box::new(ComponentRound { cutter: cutter.clone(), n_ranges }),
                Box::new(VerifyRound { cutter, limits, n_ranges }),
            ],
        })
    }

    /// Returns the memory that the gather of round 2 may take for each thread beside its buffers, in bytes.
    pub fn gather_bytes(&self) -> u64 {
        // An entry of a band takes 12 bytes in the list and at most 36 in the table; ids are thought of as 100 bytes.
        let document = 48 * self.bands as u64 + 160;
        // A vector that grows by doubling has room for up to twice what it holds.
        2 * (8 * self.max_cluster_ngrams as u64 + document * self.max_cluster_documents as u64)
    }
}

struct MinhashCensus {
    rounds: [Box<dyn Round>; 2],
}

impl Census for MinhashCensus {
    fn name(&self) -> &str {
        NAME
    }

    fn rounds(&self) -> &[Box<dyn Round>] {
        &self.rounds
    }

    fn open(&self, sealed: Sealed) -> Result<Box<dyn Stage>> {
        Ok(Box::new(RemoveDuplicates::open(NAME, &sealed, Earlier::default())))
    }
}

/// What decides in round 2.
#[derive(Debug, Clone)]
struct Limits {
    threshold: f64,
    max_document_ngrams: usize,
    max_cluster_documents: usize,
    max_cluster_ngrams: usize,
}

/// Turns texts into n-grams and band keys, the same way in both rounds.
#[derive(Debug, Clone)]
struct Cutter {
    ngram: usize,
    signer: Signer,
}

impl Cutter {
    /// Fills `cut` with what both rounds need of a text.
    fn cut(&self, text: &str, cut: &mut Cut) {
        ngrams::hash_ngrams(text, self.ngram, &mut cut.ngrams);
        self.signer.band_keys(&mut cut.ngrams, &mut cut.signature);
    }

    fn scratch(&self) -> Cut {
        Cut::default()
    }
}

/// The n-grams of one document and its signature, in memory that the next one uses again.
#[derive(Debug, Default)]
struct Cut {
    ngrams: Vec<u64>,
    signature: Signature,
}

impl Cut {
    fn band_keys(&self) -> &[u64] {
        &self.signature.band_keys
    }
}
