//! Turns texts into n-grams and the keys of their bands, the same way in both rounds.
//!
//! | unit | an n-gram |
//! |---|---|
//! | `words` | of [`words`](super::words): knows no language |
//! | `characters` | of the lower-cased text, white space collapsed |
//! | `dictionary_words` | of the words of the document's language, marks left out, lower-cased |
//! | `tokens` | of the ids of a `tokenizer.json`, of the text as it is |
//!
//! Where the language decides, two copies of a text that a classifier takes for different languages may have
//! different words; `words` is safe from that.

use std::ops::Range;
use std::sync::Arc;

use filters::segment::{Segment, is_mostly_han};
use filters::{Tag, Words};
use models::Tokenizer;

use super::hash::{SEED, fold, hash_bytes};
use super::signature::{Signature, Signer};
use super::{characters, datatrove, ngrams, words};

/// What n-grams are made of, ready to cut.
#[derive(Clone)]
pub(super) enum Units {
    Words,
    Characters,
    DictionaryWords,
    Tokens(Arc<dyn Tokenizer>),
    /// Words of datatrove, whose n-grams it hashes as strings.
    Datatrove,
}

/// Turns texts into n-grams and band keys.
#[derive(Clone)]
pub struct Cutter {
    ngram: usize,
    units: Units,
    signer: Signer,
}

impl Cutter {
    pub(super) fn new(ngram: usize, units: Units, signer: Signer) -> Cutter {
        Cutter { ngram, units, signer }
    }

    /// Returns the number of bands.
    pub(super) fn n_bands(&self) -> usize {
        self.signer.n_bands()
    }

    /// Fills `cut` with the n-grams and the signature of a text in a language, where that is known.
    pub fn cut(&self, text: &str, language: Option<&str>, cut: &mut Cut) {
        self.cut_ngrams(text, language, cut);
        self.signer.band_keys(&mut cut.ngrams, &mut cut.signature);
    }

    /// Fills `cut` with the n-grams alone, the first part of [`Cutter::cut`]; returns how many there are.
    pub fn cut_ngrams(&self, text: &str, language: Option<&str>, cut: &mut Cut) -> usize {
        if let Units::Datatrove = self.units {
            datatrove::hash_ngrams(text, tag(text, language), self.ngram, cut);
        } else {
            self.cut_units(text, language, cut);
            ngrams::join(text, self.ngram, &mut cut.ngrams);
        }
        cut.ngrams.len()
    }

    /// Fills `cut` with the hash of each unit, the first part of [`Cutter::cut_ngrams`]; returns how many
    /// there are, 0 for datatrove, which hashes no single words.
    pub fn cut_units(&self, text: &str, language: Option<&str>, cut: &mut Cut) -> usize {
        cut.ngrams.clear();
        match &self.units {
            Units::Words => words::hash_words(text, &mut cut.ngrams),
            Units::Characters => characters::hash_characters(text, &mut cut.ngrams),
            Units::DictionaryWords => hash_dictionary_words(text, tag(text, language), cut),
            Units::Tokens(tokenizer) => {
                cut.ids.clear();
                tokenizer.encode(text, &mut cut.ids);
                cut.ngrams.extend(cut.ids.iter().map(|id| fold(SEED ^ u64::from(*id))));
            }
            Units::Datatrove => {}
        }
        cut.ngrams.len()
    }
}

/// Returns the language to cut words by, as the filters see it: the script decides where nobody knows it.
fn tag(text: &str, language: Option<&str>) -> Tag {
    let of_script = || if is_mostly_han(text) { Tag::ZH } else { Tag::UNKNOWN };
    language.and_then(Tag::read).unwrap_or_else(of_script)
}

fn hash_dictionary_words(text: &str, language: Tag, cut: &mut Cut) {
    cut.segments.clear();
    Words::Unicode.cut(text, language, &mut cut.segments);
    for segment in cut.segments.iter().filter(|segment| segment.is_word()) {
        let word = segment.text(text);
        cut.text.clear();
        match word.is_ascii() {
            true => cut.text.extend(word.bytes().map(|byte| char::from(byte.to_ascii_lowercase()))),
            false => cut.text.extend(word.chars().flat_map(char::to_lowercase)),
        }
        cut.ngrams.push(hash_bytes(cut.text.as_bytes(), 0));
    }
}

/// The n-grams of one document and its signature, in memory that the next one uses again.
#[derive(Debug, Default)]
pub struct Cut {
    pub(super) ngrams: Vec<u64>,
    pub(super) signature: Signature,
    pub(super) segments: Vec<Segment>,
    pub(super) text: String,
    pub(super) spans: Vec<Range<usize>>,
    ids: Vec<u32>,
}

impl Cut {
    /// Returns the key of each band: two documents that share a band share its key.
    pub fn band_keys(&self) -> &[u64] {
        &self.signature.band_keys
    }
}
