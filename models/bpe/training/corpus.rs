//! The words to learn from, as symbols that merge where they lie.
//!
//! All words lie in one buffer, each with a mark behind its last symbol: 4 bytes for each byte of a word, and 16 bytes
//! for each word. A merge shortens a word in place and tells what became of the pairs around it, summed by neighbour,
//! so that the index of pairs is asked once for each neighbour and not once for each place.

use super::super::BpeError;

/// Stands behind the last symbol of each word.
const END: u32 = u32::MAX;

/// Counted words.
#[derive(Debug, Default)]
pub(super) struct Corpus {
    symbols: Vec<u32>,
    starts: Vec<u32>,
    counts: Vec<u64>,
    /// The counts of all symbols together, which bounds any count of a pair.
    total: u64,
}

impl Corpus {
    /// Makes room for words of which the number and the lengths are known.
    pub(super) fn reserve(&mut self, n_words: usize, n_bytes: usize) {
        self.symbols.reserve_exact(n_bytes.saturating_add(n_words));
        self.starts.reserve_exact(n_words);
        self.counts.reserve_exact(n_words);
    }

    /// Adds a word.
    ///
    /// # Errors
    /// Fails if words are longer together, or more frequent, than can be counted.
    pub(super) fn push(
        &mut self,
        symbols: impl ExactSizeIterator<Item = u32>,
        count: u64,
    ) -> Result<(), BpeError> {
        let start = u32::try_from(self.symbols.len()).ok();
        let start = start.filter(|_| self.symbols.len() + symbols.len() < END as usize);
        let start = start.ok_or_else(|| {
            BpeError::Options(
                "min_word_count: the distinct words have more than 4 GiB, which is too much to learn from".into(),
            )
        })?;
        let places = count.checked_mul(symbols.len() as u64);
        self.total = places.and_then(|places| self.total.checked_add(places)).ok_or_else(|| {
            BpeError::Options("the counts of all words together pass 2^64".into())
        })?;
        self.starts.push(start);
        self.counts.push(count);
        self.symbols.extend(symbols);
        self.symbols.push(END);
        Ok(())
    }

    /// Returns the length of the buffer of symbols.
    pub(super) fn n_symbols(&self) -> usize {
        self.symbols.len()
    }

    /// Returns the symbols of a word; none behind the last word.
    pub(super) fn word(&self, word: usize) -> &[u32] {
        let Some(&start) = self.starts.get(word) else { return &[] };
        let end = self.starts.get(word + 1).map_or(self.symbols.len(), |&end| end as usize);
        let symbols = &self.symbols[start as usize..end];
        let len = symbols.iter().position(|&symbol| symbol == END);
        &symbols[..len.unwrap_or(symbols.len())]
    }

    /// Calls `visit` with each pair of neighbours, the number of its word and the word's count.
    pub(super) fn each_pair(&self, mut visit: impl FnMut(u32, u32, u32, u64)) {
        for (word, (&start, &count)) in (0..).zip(self.starts.iter().zip(&self.counts)) {
            let mut symbols = self.symbols[start as usize..].iter().copied();
            let Some(mut left) = symbols.next() else { return };
            if left == END {
                continue;
            }
            for right in symbols.take_while(|&symbol| symbol != END) {
                visit(left, right, word, count);
                left = right;
            }
        }
    }

    /// Replaces a pair by `id` in `words`, in ascending order, and tells `around` what became of its neighbours.
    pub(super) fn merge(
        &mut self,
        (left, right): (u32, u32),
        id: u32,
        words: impl Iterator<Item = u32>,
        around: &mut Around,
    ) {
        for word in words {
            let count = self.counts[word as usize];
            let symbols = &mut self.symbols[self.starts[word as usize] as usize..];
            // Up to the first place nothing moves; a word that lost the pair since it was listed has none.
            let is_place = |at: &[u32; 2]| at[0] == END || at[0] == left && at[1] == right;
            let Some(first) = symbols.array_windows().position(is_place) else { continue };
            let (mut from, mut to, mut after_match) = (first, first, false);
            loop {
                let symbol = symbols[from];
                if symbol != left || symbols[from + 1] != right {
                    symbols[to] = symbol;
                    if symbol == END {
                        break;
                    }
                    (from, to, after_match) = (from + 1, to + 1, false);
                    continue;
                }
                if after_match {
                    around.twice.add(word, count);
                } else if to > 0 {
                    around.before.add(symbols[to - 1], word, count);
                }
                let next = symbols[from + 2];
                if next != END && (next != left || symbols[from + 3] != right) {
                    around.behind.add(next, word, count);
                }
                symbols[to] = id;
                (from, to, after_match) = (from + 2, to + 1, true);
            }
        }
    }
}

/// What one merge finds around the places where it merged.
#[derive(Debug, Default)]
pub(super) struct Around {
    /// The symbols that stood before the pair.
    pub(super) before: Neighbours,
    /// The symbols that stood behind it.
    pub(super) behind: Neighbours,
    /// Where the pair stood behind itself.
    pub(super) twice: Repeats,
}

/// The neighbours on one side.
#[derive(Debug, Default)]
pub(super) struct Neighbours {
    sums: Vec<Sum>,
    found: Vec<u32>,
    places: Vec<(u32, u32)>,
}

/// What is known of one neighbour.
#[derive(Debug, Default, Clone, Copy)]
struct Sum {
    /// The counts of the words where it stands, once for each place; 0 if it was not found.
    count: u64,
    /// The last word that it was found in.
    word: u32,
    /// The bytes of the list of words.
    bytes: u32,
}

impl Neighbours {
    /// Makes room for symbols below `n_symbols`.
    pub(super) fn reserve(&mut self, n_symbols: usize) {
        self.sums.resize(self.sums.len().max(n_symbols), Sum::default());
    }

    #[inline]
    fn add(&mut self, symbol: u32, word: u32, count: u64) {
        let sum = &mut self.sums[symbol as usize];
        if sum.count == 0 {
            self.found.push(symbol);
            *sum = Sum { count: 0, word, bytes: encoded_len(word) };
            self.places.push((symbol, word));
        } else if sum.word != word {
            sum.bytes += encoded_len(word - sum.word);
            sum.word = word;
            self.places.push((symbol, word));
        }
        sum.count += count;
    }

    /// Calls `keep` with each neighbour and the sum of its counts, returns the list of words of each one for which it said
    /// true, and forgets all.
    pub(super) fn take(&mut self, mut keep: impl FnMut(u32, u64) -> bool) -> Vec<Kept> {
        let mut kept = Vec::new();
        let mut writers = Vec::new();
        for &symbol in &self.found {
            let sum = &mut self.sums[symbol as usize];
            if keep(symbol, sum.count) {
                writers.push(ListWriter::with_capacity(sum.bytes as usize));
                kept.push((symbol, sum.count));
                sum.bytes = writers.len() as u32;
            } else {
                sum.bytes = 0;
            }
        }
        if !writers.is_empty() {
            for &(symbol, word) in &self.places {
                // The place of the writer, counted from 1.
                if let Some(at) = self.sums[symbol as usize].bytes.checked_sub(1) {
                    writers[at as usize].push(word);
                }
            }
        }
        for symbol in self.found.drain(..) {
            self.sums[symbol as usize] = Sum::default();
        }
        self.places.clear();
        let finish = |((symbol, count), writer): (_, ListWriter)| (symbol, count, writer.finish());
        kept.into_iter().zip(writers).map(finish).collect()
    }
}

/// A neighbour, the sum of its counts and the words where it stands.
type Kept = (u32, u64, WordList);

/// The places where a pair stood behind itself.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    count: u64,
    words: Vec<u32>,
}

impl Repeats {
    fn add(&mut self, word: u32, count: u64) {
        self.count += count;
        if self.words.last() != Some(&word) {
            self.words.push(word);
        }
    }

    /// Returns the sum of the counts and the list of words, and forgets them; `None` if there was no such place.
    pub(super) fn take(&mut self) -> Option<(u64, WordList)> {
        if self.words.is_empty() {
            return None;
        }
        let mut list = ListWriter::default();
        self.words.drain(..).for_each(|word| list.push(word));
        Some((std::mem::take(&mut self.count), list.finish()))
    }
}

/// Numbers of words in ascending order, as differences of 7 bits a byte.
#[derive(Debug, Default)]
pub(super) struct WordList(Box<[u8]>);

impl WordList {
    /// Returns the bytes that the list takes.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns the words.
    pub(super) fn iter(&self) -> impl Iterator<Item = u32> {
        let (mut bytes, mut word) = (self.0.iter(), 0);
        std::iter::from_fn(move || {
            let (mut step, mut shift) = (0, 0);
            loop {
                let &byte = bytes.next()?;
                step |= u32::from(byte & 0x7f) << shift;
                if byte < 0x80 {
                    word += step;
                    return Some(word);
                }
                shift += 7;
            }
        })
    }
}

/// Writes a list of words.
#[derive(Debug, Default)]
pub(super) struct ListWriter {
    bytes: Vec<u8>,
    word: u32,
}

impl ListWriter {
    /// Returns a list with room for so many bytes.
    pub(super) fn with_capacity(n_bytes: usize) -> ListWriter {
        ListWriter { bytes: Vec::with_capacity(n_bytes), word: 0 }
    }

    /// Adds a word that is not below the one before.
    #[inline]
    pub(super) fn push(&mut self, word: u32) {
        let mut step = word - self.word;
        while step >= 0x80 {
            self.bytes.push(step as u8 | 0x80);
            step >>= 7;
        }
        self.bytes.push(step as u8);
        self.word = word;
    }

    pub(super) fn finish(self) -> WordList {
        WordList(self.bytes.into_boxed_slice())
    }
}

/// Returns the number of bytes that a difference takes.
#[inline]
pub(super) fn encoded_len(step: u32) -> u32 {
    (38 - (step | 1).leading_zeros()) / 7
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn list(words: &[u32]) -> WordList {
        let mut writer = ListWriter::default();
        words.iter().for_each(|&word| writer.push(word));
        writer.finish()
    }

    /// Symbols with their counts.
    type Counted = Vec<(u32, u64)>;

    /// Merges (1, 2) into 9 in one word, and returns the word and what was found around.
    fn merged(symbols: &[u32]) -> (Vec<u32>, Counted, Counted, u64) {
        let mut corpus = Corpus::default();
        corpus.push(symbols.iter().copied(), 5).unwrap();
        let mut around = Around::default();
        around.before.reserve(10);
        around.behind.reserve(10);
        corpus.merge((1, 2), 9, [0].into_iter(), &mut around);
        let gather = |side: &mut Neighbours| {
            let kept = side.take(|_, _| true).into_iter();
            kept.map(|(symbol, count, words)| {
                assert!(words.iter().eq([0]));
                (symbol, count)
            })
            .collect()
        };
        let (before, behind) = (gather(&mut around.before), gather(&mut around.behind));
        let twice = around.twice.take().map_or(0, |(count, _)| count);
        (corpus.word(0).to_vec(), before, behind, twice)
    }

    #[test]
    fn merge_tells_what_stood_around_it() {
        assert_eq!(merged(&[3, 1, 2, 4]), (vec![3, 9, 4], vec![(3, 5)], vec![(4, 5)], 0));
        assert_eq!(merged(&[1, 2]), (vec![9], vec![], vec![], 0));
        assert_eq!(merged(&[1, 2, 1, 2, 1]), (vec![9, 9, 1], vec![], vec![(1, 5)], 5));
        assert_eq!(merged(&[1, 1, 2, 2]), (vec![1, 9, 2], vec![(1, 5)], vec![(2, 5)], 0));
    }

    #[test]
    fn counts_that_cannot_be_summed_are_refused() {
        let mut corpus = Corpus::default();
        corpus.push([1, 2].into_iter(), 1 << 62).unwrap();
        let error = corpus.push([1, 2].into_iter(), 1 << 63).unwrap_err().to_string();
        assert_eq!(error, "the counts of all words together pass 2^64");
    }

    proptest! {
        #[test]
        fn lists_give_back_their_words(mut words: Vec<u32>) {
            words.sort_unstable();
            words.dedup();
            let lens = words.iter().scan(0, |last, &word| {
                Some(encoded_len(word - std::mem::replace(last, word)))
            });
            prop_assert_eq!(list(&words).len(), lens.sum::<u32>() as usize);
            prop_assert!(list(&words).iter().eq(words));
        }
    }
}
