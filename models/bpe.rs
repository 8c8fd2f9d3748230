//! Byte-level BPE: text is cut into pieces, and the bytes of each piece merge into tokens by learnt ranks.
//!
//! Every byte is a token, so every text has ids and comes back from them unchanged. The file is Hugging Face's
//! `tokenizer.json`; a trained one holds, in the order of their ids, the special tokens, the 256 bytes and the
//! merges, as Hugging Face's trainer orders them.
//!
//! Sennrich et al. 2016, arXiv:1508.07909; on bytes: Radford et al. 2019 (GPT-2).

use std::collections::HashSet;
use std::path::{Path, PathBuf};

mod alphabet;
mod cache;
mod characters;
mod encode;
mod inspect;
mod merge;
mod pair_table;
mod ranks;
mod read;
mod seams;
mod training;
mod vocabulary;
mod words;
mod write;
mod write_ranks;

use aho_corasick::{AhoCorasick, MatchKind};

use crate::{PatternError, Splitter, Tokenizer, tokenizer_json};
pub(crate) use characters::{CharacterBpe, ScoredPiece};
use encode::Memories;
use merge::{Merge, Merges, Scratch};
pub(crate) use ranks::{Ranks, from_ranks};
pub(crate) use read::{check_added, from_model, same_id, unsupported};
use seams::Seams;
pub use training::{BpeTrainer, BpeTraining, PATTERN_NAMES, Trained};
use vocabulary::{Index, Vocabulary};
pub use words::{Cut, WordTable};
pub use write_ranks::RANKS;

/// The special token that ends each document, unless the pipeline names another one.
pub const END_OF_DOCUMENT: &str = "<|end_of_document|>";

/// No vocabulary is near this; a higher id is a mistake, and would cost memory for each id below it.
pub(crate) const MAX_ID: u32 = 1 << 24;

/// A byte-level BPE tokenizer.
#[derive(Debug, Clone)]
pub struct Bpe {
    splitter: Splitter,
    vocabulary: Vocabulary,
    merges: Merges,
    bytes: [u32; 256],
    special_tokens: Vec<(String, u32)>,
    /// Whether a piece that is a token becomes it even where merges would end elsewhere.
    ignore_merges: bool,
    /// All tokens but the special ones.
    ordinary: Index,
    /// The tokens that a piece of their bytes becomes, which spares most pieces the merging.
    whole: Index,
    /// Whether a piece becomes some token that merges would not make.
    has_unmerged_tokens: bool,
    seams: Seams,
    /// Finds the text of special tokens, if there are any.
    special_text: Option<AhoCorasick>,
    memories: Memories,
}

/// What can go wrong with a tokenizer.
///
/// The text of each error is whole: causes are part of it, and no further `source()`.
#[derive(Debug, thiserror::Error)]
pub enum BpeError {
    /// The file could not be read or written.
    #[error("{path}: {cause}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: std::io::Error,
    },
    /// The file is wrong.
    #[error("{path}: {cause}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: Box<BpeError>,
    },
    /// The text is not the JSON of a tokenizer.
    #[error("not a tokenizer: {0}")]
    Json(serde_json::Error),
    /// The tokenizer is of a kind that would not be applied exactly.
    #[error("{0}: not supported")]
    Unsupported(String),
    /// The parts of the tokenizer contradict each other.
    #[error("{0}")]
    Inconsistent(String),
    /// A pattern cannot cut text.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// A training option has a value that it cannot have.
    #[error("{0}")]
    Options(String),
}

impl Bpe {
    /// Learns merges from counted words; `BpeTraining` says how.
    ///
    /// Neither the order of the words nor a word that comes twice changes the result. A corpus with too few
    /// pairs gives a smaller vocabulary than was asked for: compare `vocab_size()`.
    ///
    /// # Errors
    /// Fails if an option is out of its range.
    pub fn train<W: AsRef<[u8]>>(
        words: impl IntoIterator<Item = (W, u64)>,
        options: &BpeTraining,
    ) -> Result<Self, BpeError> {
        training::train(words, options)
    }

    /// Reads a `tokenizer.json`.
    ///
    /// # Errors
    /// Fails if the file cannot be read, or as `from_json` fails.
    pub fn load(path: &Path) -> Result<Self, BpeError> {
        let json = std::fs::read_to_string(path)
            .map_err(|cause| BpeError::Io { path: path.to_owned(), cause })?;
        Self::from_json(&json)
            .map_err(|error| BpeError::File { path: path.to_owned(), cause: Box::new(error) })
    }

    /// Reads the text of a `tokenizer.json`.
    ///
    /// Tokens that a post-processor would add, truncation and padding are not part of the text's ids and are
    /// passed over.
    ///
    /// # Errors
    /// Fails if the text is no tokenizer, or one that would not be applied exactly as its makers do: with a
    /// normalizer, with another model than byte-level BPE, with unknown pre-tokenizers.
    pub fn from_json(json: &str) -> Result<Self, BpeError> {
        tokenizer_json::read_bpe(json)
    }

    /// Writes the `tokenizer.json`; equal tokenizers give equal text.
    pub fn to_json(&self) -> String {
        write::write(self)
    }

    /// Returns the id of the special token of this name, or else of the token with these bytes.
    pub fn token_to_id(&self, token: &str) -> Option<u32> {
        let special = self.special_tokens.iter().find(|(name, _)| name == token);
        special
            .map(|&(_, id)| id)
            .or_else(|| self.ordinary.find(&self.vocabulary, token.as_bytes()))
    }

    /// Returns the bytes of a token; not all tokens are UTF-8.
    pub fn id_to_token(&self, id: u32) -> Option<&[u8]> {
        self.vocabulary.get(id).filter(|token| !token.is_empty())
    }

    /// Returns the special tokens with their ids; their text inside a document is ordinary text.
    pub fn special_tokens(&self) -> impl ExactSizeIterator<Item = (&str, u32)> {
        self.special_tokens.iter().map(|(name, id)| (name.as_str(), *id))
    }

    /// Returns how often the text of a special token stands in `text`, where it stays ordinary text.
    pub fn count_special_text(&self, text: &str) -> u64 {
        self.special_text.as_ref().map_or(0, |special| special.find_iter(text).count() as u64)
    }

    /// Returns how the tokenizer cuts text into pieces.
    pub fn splitter(&self) -> &Splitter {
        &self.splitter
    }

    /// Puts a tokenizer together.
    fn new(
        splitter: Splitter,
        vocabulary: Vocabulary,
        merges: Merges,
        bytes: [u32; 256],
        special_tokens: Vec<(String, u32)>,
        ignore_merges: bool,
    ) -> Self {
        let names = special_tokens.iter().map(|(name, _)| name.as_str());
        let special_text =
            AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(names);
        let special_text = special_text.ok().filter(|_| !special_tokens.is_empty());
        let special: HashSet<u32> = special_tokens.iter().map(|&(_, id)| id).collect();
        let ordinary_tokens = vocabulary.iter().filter(|(id, _)| !special.contains(id));
        let seams = Seams::new(ordinary_tokens.map(|(_, token)| token));
        let mut bpe = Self {
            splitter,
            vocabulary,
            merges,
            bytes,
            special_tokens,
            ignore_merges,
            ordinary: Index::default(),
            whole: Index::default(),
            has_unmerged_tokens: false,
            seams,
            special_text,
            memories: Memories::default(),
        };
        let mut scratch = Scratch::default();
        let mut ids = Vec::new();
        for (id, token) in bpe.vocabulary.iter() {
            if special.contains(&id) {
                continue;
            }
            bpe.ordinary.insert(&bpe.vocabulary, id);
            ids.clear();
            bpe.merge(token, &mut scratch, &mut ids);
            let is_merged = ids == [id];
            bpe.has_unmerged_tokens |= ignore_merges && !is_merged;
            if ignore_merges || is_merged {
                bpe.whole.insert(&bpe.vocabulary, id);
            }
        }
        bpe
    }
}

impl Tokenizer for Bpe {
    fn encode(&self, text: &str, ids: &mut Vec<u32>) {
        self.encode_text(text, ids);
    }

    /// Ids that no token has decode to nothing.
    fn decode(&self, ids: &[u32]) -> Vec<u8> {
        ids.iter().filter_map(|&id| self.vocabulary.get(id)).flatten().copied().collect()
    }

    /// One more than the highest id.
    fn vocab_size(&self) -> usize {
        self.vocabulary.len()
    }

    fn token_to_id(&self, token: &str) -> Option<u32> {
        self.token_to_id(token)
    }

    fn special_tokens(&self) -> Vec<(&str, u32)> {
        self.special_tokens().collect()
    }

    fn count_special_text(&self, text: &str) -> u64 {
        self.count_special_text(text)
    }

    fn is_reachable(&self, id: u32) -> Option<bool> {
        Some(self.is_reachable(id))
    }
}

#[cfg(test)]
mod tests;
