//! The unigram model: the cut of a text into pieces whose scores have the highest sum.
//!
//! Viterbi over a trie: at each character, the best sum of what ends there is extended by each piece that begins there;
//! one pass, linear in the text. SentencePiece keeps the sums in 32 bits and Hugging Face in 64, and long texts with
//! near ties are cut by that, so both are followed to the bit.
//!
//! Kudo 2018, arXiv:1804.10959; `EncodeOptimized` of SentencePiece.

use crate::trie::Trie;

/// How much lower than the lowest score an unknown character scores.
const UNKNOWN_PENALTY: f64 = 10.0;

/// A piece that text may become.
pub(crate) struct UnigramPiece<'p> {
    pub(crate) text: &'p str,
    pub(crate) id: u32,
    pub(crate) score: f64,
    /// A symbol that is to be taken whatever it scores.
    pub(crate) is_user_defined: bool,
}

/// A unigram model.
#[derive(Debug, Clone)]
pub(crate) struct Unigram {
    /// Gives the place of a piece in `pieces`.
    trie: Trie,
    pieces: Vec<(u32, Score)>,
    unknown_score: f64,
    unknown: Option<u32>,
    bytes: Option<Box<[u32; 256]>>,
    sums: Sums,
}

/// Whose arithmetic is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sums {
    /// SentencePiece: 32 bits are kept of each sum.
    Single,
    /// Hugging Face: 64 bits. Unknown neighbours are looked up together.
    Double,
}

#[derive(Debug, Clone, Copy)]
enum Score {
    Piece(f64),
    /// Hardly less than nothing, which is more than any logarithm of a probability.
    UserDefined,
}

/// What the best cut up to a place ends with.
#[derive(Clone, Copy)]
struct Best {
    sum: f64,
    start: usize,
    /// The piece's place in `pieces`.
    piece: Option<u32>,
}

/// No cut ends there yet.
const NO_CUT: Best = Best { sum: 0.0, start: usize::MAX, piece: None };

impl Unigram {
    /// Returns the model of some pieces; `min_score` is the lowest score of the vocabulary.
    ///
    /// What is no piece becomes its bytes, if `bytes` are their ids, or the id `unknown`: one of both must be given.
    pub(crate) fn new(
        pieces: &[UnigramPiece<'_>],
        min_score: f64,
        unknown: Option<u32>,
        bytes: Option<Box<[u32; 256]>>,
        sums: Sums,
    ) -> Self {
        let score = |piece: &UnigramPiece<'_>| match piece.is_user_defined {
            true => Score::UserDefined,
            false => Score::Piece(piece.score),
        };
        Self {
            trie: Trie::new(pieces.iter().zip(0..).map(|(piece, i)| (piece.text.as_bytes(), i))),
            pieces: pieces.iter().map(|piece| (piece.id, score(piece))).collect(),
            unknown_score: sums.round(min_score - UNKNOWN_PENALTY),
            unknown,
            bytes,
            sums,
        }
    }

    /// Returns the id that text may become which is then lost.
    pub(crate) fn unknown(&self) -> Option<u32> {
        self.unknown.filter(|_| self.bytes.is_none())
    }

    /// Appends the ids of a text.
    pub(crate) fn encode(&self, text: &str, ids: &mut Vec<u32>) {
        let mut cuts = Vec::new();
        let best = self.best_cuts(text);
        let mut end = text.len();
        while end > 0 {
            let Best { start, piece, .. } = best[end];
            cuts.push((start, end, piece));
            end = start;
        }
        let first = ids.len();
        let mut cuts = cuts.into_iter().rev().peekable();
        while let Some((start, mut end, piece)) = cuts.next() {
            if let Some(piece) = piece {
                ids.push(self.pieces[piece as usize].0);
                continue;
            }
            while let Some((_, next, _)) = cuts.next_if(|(.., piece)| piece.is_none()) {
                end = next;
            }
            let run = text.as_bytes().get(start..end).unwrap_or_default();
            self.encode_unknown(run, first, ids);
        }
    }

    /// Appends the ids of a run of unknown characters; those of the text begin at `first`.
    fn encode_unknown(&self, run: &[u8], first: usize, ids: &mut Vec<u32>) {
        // Two unknown characters may be a known piece that scores still lower than both.
        let whole = if self.sums == Sums::Double { self.trie.get(run) } else { None };
        match (whole, &self.bytes, self.unknown) {
            (Some(piece), ..) => ids.push(self.pieces[piece as usize].0),
            (None, Some(bytes), _) => {
                ids.extend(run.iter().map(|&byte| bytes[usize::from(byte)]));
            }
            (None, None, Some(unknown)) => {
                if ids.len() == first || ids.last() != Some(&unknown) {
                    ids.push(unknown);
                }
            }
            (None, None, None) => unreachable!("a model without both is refused"),
        }
    }

    /// Returns for each place the best cut that ends there.
    fn best_cuts(&self, text: &str) -> Vec<Best> {
        let bytes = text.as_bytes();
        let mut best = vec![NO_CUT; text.len() + 1];
        for (start, c) in text.char_indices() {
            let sum = best[start].sum;
            let mut has_character = false;
            self.trie.prefixes(bytes.get(start..).unwrap_or_default(), |len, piece| {
                has_character |= len == c.len_utf8();
                let score = match self.pieces[piece as usize].1 {
                    Score::Piece(score) => score,
                    // `length * max_score - 0.1`, where `max_score` is never below the smallest float above nothing.
                    Score::UserDefined => f64::from(len as f32 * f32::MIN_POSITIVE) - 0.1,
                };
                self.sums.keep(&mut best[start + len], score + sum, start, Some(piece));
            });
            if !has_character {
                let sum = self.sums.round(self.unknown_score + sum);
                self.sums.keep(&mut best[start + c.len_utf8()], sum, start, None);
            }
        }
        best
    }
}

impl Sums {
    /// Keeps a cut if it is better than the best one so far. A single sum is rounded as it is kept, not as it is
    /// compared: SentencePiece adds in double precision.
    #[inline]
    fn keep(self, best: &mut Best, sum: f64, start: usize, piece: Option<u32>) {
        if best.start == usize::MAX || sum > best.sum {
            *best = Best { sum: self.round(sum), start, piece };
        }
    }

    #[inline]
    fn round(self, sum: f64) -> f64 {
        match self {
            Sums::Single => f64::from(sum as f32),
            Sums::Double => sum,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PIECES: [(&str, f64); 7] = [
        ("a", -3.0),
        ("b", -3.0),
        ("ab", -4.0),
        ("aba", -8.5),
        ("é", -5.0),
        ("aé", -7.0),
        ("中", -9.0),
    ];

    fn model(sums: Sums, has_bytes: bool) -> Unigram {
        let pieces = PIECES.iter().zip(300..).map(|(&(text, score), id)| UnigramPiece {
            text,
            id,
            score,
            is_user_defined: false,
        });
        let pieces: Vec<_> = pieces.collect();
        let bytes = Box::new(std::array::from_fn(|byte| byte as u32));
        Unigram::new(&pieces, -9.0, Some(299), has_bytes.then_some(bytes), sums)
    }

    fn encode(text: &str) -> Vec<u32> {
        let mut ids = Vec::new();
        model(Sums::Single, true).encode(text, &mut ids);
        ids
    }

    #[test]
    fn best_sum_wins_over_the_longest_piece() {
        assert_eq!(encode("aba"), [302, 300]);
        assert_eq!(encode("aé"), [305]);
        assert!(encode("").is_empty());
    }

    #[test]
    fn characters_without_a_piece_are_bytes_or_one_unknown() {
        assert_eq!(encode("axyb"), [300, 120, 121, 301]);
        for sums in [Sums::Single, Sums::Double] {
            let mut ids = vec![299];
            model(sums, false).encode("xya中zé", &mut ids);
            assert_eq!(ids, [299, 299, 300, 306, 299, 304]);
            assert_eq!(model(sums, false).unknown(), Some(299));
        }
    }

    #[test]
    fn user_defined_pieces_are_always_taken() {
        let piece =
            |text, id, score, is_user_defined| UnigramPiece { text, id, score, is_user_defined };
        let pieces =
            [piece("a", 0, -0.5, false), piece("aa", 1, 0.0, true), piece("aaa", 2, -0.7, false)];
        let model = Unigram::new(&pieces, -0.7, Some(9), None, Sums::Single);
        let mut ids = Vec::new();
        model.encode("aaa", &mut ids);
        assert_eq!(ids, [1, 0]);
    }

    /// Returns the best sum of all cuts, by trying them all.
    fn best_sum(text: &str) -> f64 {
        if text.is_empty() {
            return 0.0;
        }
        let pieces =
            PIECES.iter().filter_map(|(piece, score)| Some((text.strip_prefix(piece)?, score)));
        pieces.map(|(rest, score)| score + best_sum(rest)).fold(f64::NEG_INFINITY, f64::max)
    }

    proptest! {
        #[test]
        fn no_cut_is_better(text in "[abé中]{0,12}") {
            let mut ids = Vec::new();
            model(Sums::Double, true).encode(&text, &mut ids);
            let sum: f64 = ids.iter().map(|&id| PIECES[id as usize - 300].1).sum();
            prop_assert_eq!(sum, best_sum(&text));
            let text_again: String = ids.iter().map(|&id| PIECES[id as usize - 300].0).collect();
            prop_assert_eq!(text_again, text);
        }
    }
}
