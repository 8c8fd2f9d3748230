//! A shard from its first token to its last, cut into documents, in memory that does not depend on its size.

use std::os::unix::fs::FileExt;

use anyhow::{Context, Result, ensure};

use super::{HEADER_BYTES, TokenShard};

/// A stretch of one document: all of it, unless it is longer than what is read at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part<'a> {
    /// Its ids.
    pub ids: &'a [u32],
    /// Whether the document ends with them.
    pub is_last: bool,
}

/// Cuts a stream of ids into parts of documents, by where each document ends in the stream.
pub(crate) struct Cut<E> {
    ends: E,
    next: Option<u64>,
    at: u64,
}

impl<E: Iterator<Item = Result<u64>>> Cut<E> {
    /// Begins at token 0; `ends` ascend.
    ///
    /// # Errors
    /// When the first end cannot be read.
    pub(crate) fn new(mut ends: E) -> Result<Cut<E>> {
        let next = ends.next().transpose()?;
        Ok(Cut { ends, next, at: 0 })
    }

    /// Takes the ids that follow, and gives their parts to `take`.
    ///
    /// # Errors
    /// Those of `take`, when ends do not ascend, and when there are tokens behind the last document.
    pub(crate) fn push(
        &mut self,
        mut ids: &[u32],
        mut take: impl FnMut(Part<'_>) -> Result<()>,
    ) -> Result<()> {
        while let Some(end) = self.next {
            let left = end.checked_sub(self.at).with_context(|| {
                format!("a document is said to end at token {end}, before token {}", self.at)
            })?;
            if left > ids.len() as u64 {
                if !ids.is_empty() {
                    take(Part { ids, is_last: false })?;
                    self.at += ids.len() as u64;
                }
                return Ok(());
            }
            let (now, later) = ids.split_at(left as usize);
            take(Part { ids: now, is_last: true })?;
            (self.at, ids) = (end, later);
            self.next = self.ends.next().transpose()?;
        }
        ensure!(ids.is_empty(), "{} tokens behind the last document", ids.len());
        Ok(())
    }

    /// Checks that the last document is whole.
    ///
    /// # Errors
    /// When it is not.
    pub(crate) fn finish(mut self, mut take: impl FnMut(Part<'_>) -> Result<()>) -> Result<()> {
        // Documents without tokens at the very end come with no push.
        self.push(&[], &mut take)?;
        match self.next {
            None => Ok(()),
            Some(end) => anyhow::bail!(
                "a document is said to end at token {end}, but there are {} tokens",
                self.at
            ),
        }
    }
}

/// Tokens that are read at once.
const BLOCK_TOKENS: u64 = 1 << 16;

/// Entries of the index that are read at once.
const BLOCK_ENTRIES: u64 = 1 << 12;

impl TokenShard {
    /// Goes through all documents in order; `take` also gets the number of the document.
    ///
    /// # Errors
    /// Those of `take`, and when the shard cannot be read.
    pub fn walk(&self, mut take: impl FnMut(u64, Part<'_>) -> Result<()>) -> Result<()> {
        let place = || self.path.display().to_string();
        let mut cut = Cut::new(self.ends()).with_context(place)?;
        let mut number = 0;
        let mut numbered = |part: Part<'_>| {
            take(number, part)?;
            number += u64::from(part.is_last);
            Ok(())
        };
        let mut ids = Vec::new();
        let mut at = 0;
        while at < self.n_tokens {
            let end = (at + BLOCK_TOKENS).min(self.n_tokens);
            ids.clear();
            self.read(at..end, &mut ids)?;
            cut.push(&ids, &mut numbered).with_context(place)?;
            at = end;
        }
        cut.finish(&mut numbered).with_context(place)
    }

    /// Returns where each document ends, in tokens.
    pub(crate) fn ends(&self) -> impl Iterator<Item = Result<u64>> + '_ {
        let starts = 12 * self.n_sequences;
        let mut first_sequences = Entries::new(self, HEADER_BYTES + starts, self.n_documents + 1);
        let pointers = HEADER_BYTES + 4 * self.n_sequences;
        let mut pointers = Entries::new(self, pointers, self.n_sequences);
        (1..=self.n_documents).map(move |document| {
            let sequence = first_sequences.get(document)?;
            if sequence == self.n_sequences {
                return Ok(self.n_tokens);
            }
            let pointer = pointers.get(sequence)?;
            let width = self.token_type.n_bytes();
            ensure!(
                pointer.is_multiple_of(width),
                "sequence {sequence} begins at byte {pointer}, inside a token"
            );
            Ok(pointer / width)
        })
    }
}

/// An array of u64 in the index, read a block at a time.
struct Entries<'a> {
    shard: &'a TokenShard,
    /// Where the array begins, in bytes.
    begin: u64,
    n: u64,
    /// The first entry of the block.
    first: u64,
    block: Vec<u8>,
}

impl<'a> Entries<'a> {
    fn new(shard: &'a TokenShard, begin: u64, n: u64) -> Entries<'a> {
        Entries { shard, begin, n, first: 0, block: Vec::new() }
    }

    /// Returns an entry; cheap where entries are asked for in order.
    fn get(&mut self, entry: u64) -> Result<u64> {
        ensure!(entry < self.n, "entry {entry} of an array of {}", self.n);
        let in_block = |at: &Self| (entry.checked_sub(at.first)? as usize).checked_mul(8);
        if in_block(self).is_none_or(|at| at >= self.block.len()) {
            let length = (self.n - entry).min(BLOCK_ENTRIES) * 8;
            self.block.resize(length as usize, 0);
            self.first = entry;
            self.shard.index.read_exact_at(&mut self.block, self.begin + 8 * entry)?;
        }
        let at = in_block(self).context("a block without its entry")?;
        let bytes = self.block.get(at..).and_then(|rest| rest.first_chunk::<8>());
        Ok(u64::from_le_bytes(*bytes.context("a block without its entry")?))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{TokenShardWriter, TokenType};
    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn documents_are_the_same_however_the_stream_is_pushed(
            lengths in prop::collection::vec(0..9_u64, 0..20),
            pushes in prop::collection::vec(0..7_usize, 0..30),
        ) {
            let mut end = 0;
            let ends: Vec<u64> = lengths.iter().map(|length| { end += length; end }).collect();
            let ids: Vec<u32> = (0..end as u32).collect();
            let mut cut = Cut::new(ends.into_iter().map(Ok)).unwrap();
            let (mut documents, mut open) = (Vec::new(), Vec::new());
            let mut take = |part: Part<'_>| {
                open.extend_from_slice(part.ids);
                if part.is_last {
                    documents.push(std::mem::take(&mut open));
                }
                Ok(())
            };
            let mut rest = ids.as_slice();
            for push in pushes.into_iter().chain([usize::MAX]) {
                let (now, later) = rest.split_at(push.min(rest.len()));
                cut.push(now, &mut take).unwrap();
                rest = later;
            }
            cut.finish(&mut take).unwrap();
            prop_assert_eq!(documents.iter().map(|d| d.len() as u64).collect::<Vec<_>>(), lengths);
            prop_assert_eq!(documents.concat(), ids);
        }
    }

    #[test]
    fn ends_that_do_not_fit_the_tokens_are_errors() {
        let message = |ends: &[u64], n: usize| {
            let mut cut = Cut::new(ends.iter().map(|end| Ok(*end))).unwrap();
            let pushed = cut.push(&vec![7; n], |_| Ok(()));
            let error = pushed.and_then(|()| cut.finish(|_| Ok(()))).unwrap_err();
            format!("{error:#}")
        };
        assert!(message(&[3, 2], 3).contains("before token 3"));
        assert!(message(&[3], 4).contains("1 tokens behind the last document"));
        assert!(message(&[3], 2).contains("but there are 2 tokens"));
        assert!(message(&[], 1).contains("behind the last document"));
    }

    #[test]
    fn walk_gives_long_documents_in_parts_and_all_ids() {
        let folder = tempfile::tempdir().unwrap();
        let prefix = folder.path().join("x");
        let long: Vec<u32> = (0..200_000).map(|i| i % 60_000 + 1).chain([0]).collect();
        let documents = [vec![5, 0], long, vec![0]];
        let mut writer = TokenShardWriter::create(&prefix, TokenType::U16).unwrap();
        documents.iter().for_each(|document| writer.push(document).unwrap());
        writer.finish().unwrap();
        let mut found = vec![Vec::new(); 3];
        let mut n_parts = 0;
        let walk = TokenShard::open(&prefix).unwrap().walk(|number, part| {
            found[number as usize].extend_from_slice(part.ids);
            n_parts += 1;
            Ok(())
        });
        walk.unwrap();
        assert_eq!(found, documents);
        assert!(n_parts > 5, "{n_parts}");
    }

    #[test]
    fn walk_of_many_documents_reads_the_index_in_blocks() {
        let folder = tempfile::tempdir().unwrap();
        let prefix = folder.path().join("x");
        let mut writer = TokenShardWriter::create(&prefix, TokenType::I32).unwrap();
        let document = |i: u32| vec![i; i as usize % 4 + 1];
        (0..10_000).for_each(|i| writer.push(&document(i)).unwrap());
        writer.finish().unwrap();
        let shard = TokenShard::open(&prefix).unwrap();
        let mut open = Vec::new();
        let walk = shard.walk(|number, part| {
            open.extend_from_slice(part.ids);
            if part.is_last {
                assert_eq!(std::mem::take(&mut open), document(number as u32));
            }
            Ok(())
        });
        walk.unwrap();
    }
}
