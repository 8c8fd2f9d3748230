//! Near-duplicate documents: MinHash finds candidates, the true Jaccard similarity decides.
//!
//! A document is the set of its `ngram`-grams of words, characters or tokens (`cutter`, `ngrams`). Its
//! `signature` of `bands × rows` numbers is cut into bands; two documents with Jaccard similarity j share a
//! band with probability 1 - (1 - j^rows)^bands, which `corpusmill check` prints:
//!
//! | j | 0.5 | 0.6 | 0.7 | 0.75 | 0.8 | 0.85 | 0.9 | 0.95 |
//! |---|---|---|---|---|---|---|---|---|
//! | 14 × 8 | 0.053 | 0.211 | 0.565 | 0.772 | 0.924 | 0.988 | 0.9996 | 1 |
//!
//! Round 1 (`components`) joins documents that share a band, round 2 (`verify`) compares the documents of a
//! component in the order of `keep`, and removes those that are at least `threshold` similar to one that
//! stays. So the bands decide how many near duplicates are found, the threshold which of them are removed, and
//! nothing below it ever is. With `n_hashes` the `bands` are those that fit the threshold best.
//!
//! `against` lists indexes of earlier datasets (`corpusmill index`): their documents are taken before those of a component, and stay.
//!
//! `compatible = "datatrove"` takes the words and the signatures of datatrove, and removes by the same rules.
//!
//! Differs: datatrove (14 × 8), duplodocus (14 × 8), NeMo (20 × 13), Data-Juicer and text-dedup (chosen for
//! 0.7) remove what shares a band, or hangs together by such pairs, and compare nothing (text-dedup can);
//! with 14 × 8 that is every fifth pair at 0.6.

use anyhow::Result;
use arrow::datatypes::SchemaRef;

use crate::duplicates::RemoveDuplicates;
use crate::index::Earlier;
use crate::rows::Sealed;
use crate::{Census, Round, Stage};

mod bands;
mod candidate;
mod characters;
mod components;
mod config;
mod cutter;
mod datatrove;
mod hash;
mod indexed;
mod jaccard;
mod keep;
mod kept;
pub(crate) mod letters;
mod ngrams;
mod permutations;
mod signature;
mod verify;
mod words;

#[cfg(test)]
mod tests;

pub use config::{Compatible, DedupMinhash, Unit, Verify};
pub use cutter::{Cut, Cutter};
pub(crate) use hash::{SEED, fold, hash_bytes};
pub use keep::Keep;
pub(crate) use letters::Letter;
pub(crate) use words::hash_words;

use components::ComponentRound;
use verify::VerifyRound;

const NAME: &str = "dedup_minhash";

/// Both rounds.
struct MinhashCensus {
    keep: Keep,
    earlier: Earlier,
    rounds: [Box<dyn Round>; 2],
}

impl MinhashCensus {
    fn new(
        cutter: Cutter,
        limits: Limits,
        keep: Keep,
        earlier: Earlier,
        n_ranges: u32,
    ) -> MinhashCensus {
        let verify = VerifyRound { cutter: cutter.clone(), limits, keep: keep.clone(), n_ranges };
        let (layout, shape) = (verify.layout(), verify.shape());
        let components =
            ComponentRound { cutter, n_ranges, earlier: earlier.clone(), layout, shape };
        MinhashCensus { keep, earlier, rounds: [Box::new(components), Box::new(verify)] }
    }
}

impl Census for MinhashCensus {
    fn name(&self) -> &str {
        NAME
    }

    fn rounds(&self) -> &[Box<dyn Round>] {
        &self.rounds
    }

    fn schema(&self, input: SchemaRef) -> Result<SchemaRef> {
        self.keep.check(&input)?;
        Ok(input)
    }

    fn open(&self, sealed: Sealed) -> Result<Box<dyn Stage>> {
        Ok(Box::new(RemoveDuplicates::open(NAME, &sealed, self.earlier.clone())))
    }
}

/// What decides in round 2.
#[derive(Debug, Clone)]
struct Limits {
    threshold: f64,
    verify: Verify,
    max_document_ngrams: usize,
    max_cluster_documents: usize,
    max_cluster_ngrams: usize,
}
