//! BPE over characters: SentencePiece's, and that of a `tokenizer.json` without byte-level.
//!
//! A character that is no piece becomes its bytes, one piece each, or the unknown piece. Hugging Face puts these in
//! before the merging. SentencePiece merges by the text of two neighbours, whatever they are, and puts them in for what
//! is left; so a character that is no piece has an id here that no piece can have until the merging is done.

use std::collections::BTreeMap;

use hashbrown::HashMap;

use super::read::{check_options, read_merges};
use super::{BpeError, Merge, Merges, Scratch};
use crate::pieces::{SPACE, byte_of};
use crate::tokenizer_json::{AddedToken, BpeModel};

/// The id of a character that is no piece is its number and this.
const NO_PIECE: u32 = 1 << 31;

/// A BPE over characters.
#[derive(Debug, Clone)]
pub(crate) struct CharacterBpe {
    characters: HashMap<char, u32>,
    merges: Merges,
    bytes: Option<Box<[u32; 256]>>,
    /// Whether bytes merge as well.
    merges_bytes: bool,
    unknown: Option<Unknown>,
    /// The pieces that a text becomes whole even where merges would end elsewhere.
    whole: HashMap<Box<str>, u32>,
    /// Whether no merge joins a word to the space before the next one, so that words can be merged one by one.
    merges_words_apart: bool,
}

/// The id of what has no piece.
#[derive(Debug, Clone, Copy)]
struct Unknown {
    id: u32,
    /// Whether neighbours share one.
    is_fused: bool,
}

/// A piece of SentencePiece that text may become.
pub(crate) struct ScoredPiece<'p> {
    pub(crate) text: &'p str,
    pub(crate) id: u32,
    pub(crate) score: f32,
}

impl CharacterBpe {
    /// Returns the model of a `tokenizer.json`.
    pub(crate) fn from_model(
        model: &BpeModel,
        added_tokens: &[AddedToken],
    ) -> Result<Self, BpeError> {
        check_options(model)?;
        let mut characters = HashMap::new();
        for (piece, &id) in &model.vocab {
            let mut chars = piece.chars();
            if let (Some(c), None) = (chars.next(), chars.next()) {
                characters.insert(c, id);
            }
        }
        let unknown = match &model.unk_token {
            None => None,
            Some(token) => {
                let id = model.vocab.get(token).copied().ok_or_else(|| {
                    let what = format!("unk_token: `{token}` is not in the vocabulary");
                    BpeError::Inconsistent(what)
                })?;
                Some(Unknown { id, is_fused: model.fuse_unk })
            }
        };
        let bytes = if model.byte_fallback { byte_ids(&model.vocab) } else { None };
        if model.byte_fallback && bytes.is_none() {
            return Err(BpeError::Unsupported("byte_fallback without all 256 bytes".into()));
        }
        if bytes.is_none() && unknown.is_none() {
            let what = "vocabulary with neither unk_token nor all bytes, which loses text";
            return Err(BpeError::Unsupported(what.into()));
        }
        let whole = match model.ignore_merges {
            false => HashMap::new(),
            true => model.vocab.iter().map(|(piece, &id)| (piece.as_str().into(), id)).collect(),
        };
        let merged: Vec<String> = model
            .merges
            .iter()
            .filter_map(|merge| merge.pair())
            .map(|(left, right)| format!("{left}{right}"))
            .collect();
        Ok(Self {
            merges_words_apart: keeps_words_apart(&characters, merged.iter().map(String::as_str)),
            merges: read_merges(&model.vocab, &model.merges, added_tokens)?,
            characters,
            bytes,
            merges_bytes: true,
            unknown,
            whole,
        })
    }

    /// Returns the model of SentencePiece: the pair merges first whose text has the highest score.
    ///
    /// `bytes` are the ids of the bytes, if they are used.
    pub(crate) fn from_pieces(
        pieces: &[ScoredPiece<'_>],
        bytes: Option<Box<[u32; 256]>>,
        unknown: u32,
    ) -> Self {
        let ids: HashMap<&str, u32> = pieces.iter().map(|piece| (piece.text, piece.id)).collect();
        let id_of = |text: &str| {
            let mut chars = text.chars();
            match (ids.get(text), chars.next(), chars.next()) {
                (Some(&id), ..) => Some(id),
                (None, Some(c), None) => Some(NO_PIECE | u32::from(c)),
                _ => None,
            }
        };
        // Equal scores are equal ranks, among which the leftmost pair merges first.
        let mut scores: Vec<f32> = pieces.iter().map(|piece| piece.score).collect();
        scores.sort_unstable_by(|a, b| b.total_cmp(a));
        scores.dedup_by(|a, b| a == b);
        let mut merges = Merges::default();
        let mut characters = HashMap::new();
        for &ScoredPiece { text, id, score } in pieces {
            let rank = scores.partition_point(|&higher| higher > score) as u32;
            for (cut, _) in text.char_indices().skip(1) {
                let (left, right) = text.split_at(cut);
                if let (Some(left), Some(right)) = (id_of(left), id_of(right)) {
                    merges.insert((left, right), Merge { rank, id });
                }
            }
            let mut chars = text.chars();
            if let (Some(c), None) = (chars.next(), chars.next()) {
                characters.insert(c, id);
            }
        }
        let texts = pieces.iter().map(|piece| piece.text);
        Self {
            merges_words_apart: keeps_words_apart(&characters, texts),
            merges,
            characters,
            bytes,
            merges_bytes: false,
            unknown: Some(Unknown { id: unknown, is_fused: true }),
            whole: HashMap::new(),
        }
    }

    /// Returns the id that text may become which is then lost.
    pub(crate) fn unknown(&self) -> Option<u32> {
        self.unknown.filter(|_| self.bytes.is_none()).map(|unknown| unknown.id)
    }

    /// Appends the ids of a piece of text.
    pub(crate) fn encode(&self, text: &str, ids: &mut Vec<u32>) {
        if let Some(&id) = self.whole.get(text) {
            ids.push(id);
            return;
        }
        let mut scratch = (Scratch::default(), Vec::new());
        let start = ids.len();
        let mut rest = text;
        while self.merges_words_apart
            && let Some(end) = end_of_word(rest)
        {
            let (word, tail) = rest.split_at(end);
            self.merge(word, start, &mut scratch, ids);
            rest = tail;
        }
        self.merge(rest, start, &mut scratch, ids);
    }

    /// Appends the ids of a word; `start` is where those of the text begin.
    fn merge(
        &self,
        word: &str,
        start: usize,
        (scratch, merged): &mut (Scratch, Vec<u32>),
        ids: &mut Vec<u32>,
    ) {
        let mut symbols = Vec::with_capacity(word.len());
        for c in word.chars() {
            match (self.characters.get(&c), &self.bytes) {
                (Some(&id), _) => symbols.push(id),
                (None, Some(bytes)) if self.merges_bytes => push_bytes(c, bytes, &mut symbols),
                (None, _) => symbols.push(NO_PIECE | u32::from(c)),
            }
        }
        merged.clear();
        self.merges.apply(symbols.iter().copied(), scratch, merged);
        for &id in merged.iter() {
            if id < NO_PIECE {
                ids.push(id);
                continue;
            }
            let c = char::from_u32(id & !NO_PIECE).expect("the number was that of a character");
            match (&self.bytes, self.unknown) {
                (Some(bytes), _) => push_bytes(c, bytes, ids),
                (None, Some(Unknown { id, is_fused })) => {
                    if !(is_fused && ids.len() > start && ids.last() == Some(&id)) {
                        ids.push(id);
                    }
                }
                (None, None) => unreachable!("a model without both is refused"),
            }
        }
    }
}

/// Appends the ids of a character's bytes.
fn push_bytes(c: char, bytes: &[u32; 256], ids: &mut Vec<u32>) {
    ids.extend(c.encode_utf8(&mut [0; 4]).bytes().map(|byte| bytes[usize::from(byte)]));
}

/// Returns the ids of the 256 bytes, if all are in the vocabulary.
fn byte_ids(vocab: &BTreeMap<String, u32>) -> Option<Box<[u32; 256]>> {
    let mut ids = Box::new([0; 256]);
    let mut n_bytes = 0;
    for (piece, &id) in vocab {
        if let Some(byte) = byte_of(piece) {
            ids[usize::from(byte)] = id;
            n_bytes += 1;
        }
    }
    (n_bytes == 256).then_some(ids)
}

/// Returns whether a space is a piece, and merges put it only before what it stands before.
fn keeps_words_apart<'p>(
    characters: &HashMap<char, u32>,
    mut merged: impl Iterator<Item = &'p str>,
) -> bool {
    characters.contains_key(&SPACE) && merged.all(|text| end_of_word(text).is_none())
}

/// Returns where the first space stands that follows something else.
fn end_of_word(text: &str) -> Option<usize> {
    let spaces = text.len() - text.trim_start_matches(SPACE).len();
    text.get(spaces..)?.find(SPACE).map(|end| spaces + end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scored<'p>(pieces: &[(&'p str, f32)]) -> Vec<ScoredPiece<'p>> {
        let ids = pieces.iter().zip(300..);
        ids.map(|(&(text, score), id)| ScoredPiece { text, id, score }).collect()
    }

    fn encode(pieces: &[(&str, f32)], text: &str) -> Vec<u32> {
        let bytes = Box::new(std::array::from_fn(|byte| byte as u32));
        let mut ids = Vec::new();
        CharacterBpe::from_pieces(&scored(pieces), Some(bytes), 299).encode(text, &mut ids);
        ids
    }

    #[test]
    fn highest_score_merges_first_and_the_leftmost_of_equal_ones() {
        let pieces = [("a", 0.0), ("b", 0.0), ("ab", -2.0), ("ba", -1.0), ("aa", -1.0)];
        assert_eq!(encode(&pieces, "aba"), [300, 303]);
        assert_eq!(encode(&pieces, "baa"), [303, 300]);
        assert_eq!(encode(&pieces, "aaba"), [304, 303]);
    }

    #[test]
    fn characters_that_are_no_piece_merge_and_are_bytes_when_left() {
        let pieces = [("a", 0.0), ("é", 0.0), ("xa", -1.0)];
        assert_eq!(encode(&pieces, "xaxé\u{e8}"), [302, 120, 301, 0xc3, 0xa8]);
    }

    #[test]
    fn unknown_neighbours_share_an_id() {
        let mut ids = vec![299];
        let model = CharacterBpe::from_pieces(&scored(&[("a", 0.0), ("▁", 0.0)]), None, 299);
        model.encode("xya▁zz▁x", &mut ids);
        assert_eq!(ids, [299, 299, 300, 301, 299, 301, 299]);
        assert_eq!(model.unknown(), Some(299));
    }

    #[test]
    fn words_are_merged_apart_only_where_that_changes_nothing() {
        let apart = [("a", 0.0), ("▁", 0.0), ("▁a", -1.0), ("▁▁", -2.0)];
        let joined = [("a", 0.0), ("▁", 0.0), ("a▁", -1.0), ("▁a", -2.0)];
        let model = |pieces| CharacterBpe::from_pieces(&scored(pieces), None, 299);
        assert!(model(&apart).merges_words_apart);
        assert!(!model(&joined).merges_words_apart);
        assert_eq!(encode(&apart, "▁▁▁a▁a▁"), [303, 302, 302, 301]);
        assert_eq!(encode(&joined, "▁a▁a"), [301, 302, 300]);
    }

    #[test]
    fn long_text_without_spaces_takes_no_quadratic_time() {
        let pieces = [("a", 0.0), ("aa", -1.0), ("aaaa", -2.0)];
        assert_eq!(encode(&pieces, &"a".repeat(400_000)), vec![302; 100_000]);
    }
}
