//! Text to ids: pieces that were met before from the cache, others whole from the vocabulary or by merging.

use std::sync::{Mutex, PoisonError};

use super::Bpe;
use super::cache::{Cache, Key, MAX_KEY_BYTES};
use super::merge::Scratch;
use super::seams::{Side, character_bytes};

/// What encoding remembers from piece to piece.
#[derive(Debug)]
pub(super) struct Memory {
    cache: Cache,
    scratch: Scratch,
}

/// Memories that no thread uses now. There are as many as ever encoded at the same time.
#[derive(Debug, Default)]
pub(super) struct Memories(Mutex<Vec<Memory>>);

impl Clone for Memories {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Memories {
    /// Runs `encode` with a memory that no other thread uses meanwhile.
    fn with(&self, encode: impl FnOnce(&mut Memory)) {
        let free = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let memory = free().pop();
        let mut memory =
            memory.unwrap_or_else(|| Memory { cache: Cache::new(), scratch: Scratch::default() });
        encode(&mut memory);
        free().push(memory);
    }
}

impl Bpe {
    /// Appends the ids of a text.
    pub(super) fn encode_text(&self, text: &str, ids: &mut Vec<u32>) {
        self.memories.with(|memory| {
            ids.reserve(text.len() / 4);
            // The pieces join to the text, so each one begins where the last one ended.
            let (text_bytes, mut start) = (text.as_bytes(), 0);
            self.splitter.split(text, |piece| {
                let end = start + piece.len();
                self.encode_piece(text_bytes, start, end, memory, ids);
                start = end;
            });
        });
    }

    /// Appends the ids of the piece `text[start..end]`.
    #[inline]
    fn encode_piece(
        &self,
        text: &[u8],
        start: usize,
        end: usize,
        memory: &mut Memory,
        ids: &mut Vec<u32>,
    ) {
        if end - start <= MAX_KEY_BYTES && memory.cache.find(Key::of(text, start, end - start), ids)
        {
            return;
        }
        self.encode_new_piece(text, start, end, memory, ids);
    }

    /// Cuts a piece at seams, and appends the ids of each segment.
    #[inline(never)]
    fn encode_new_piece(
        &self,
        text: &[u8],
        start: usize,
        end: usize,
        memory: &mut Memory,
        ids: &mut Vec<u32>,
    ) {
        let (mut begin, mut at) = (start, start);
        let mut before = None;
        while at < end {
            let length = character_bytes(text[at]).max(1);
            let character = &text[at..end.min(at + length)];
            if let Some(before) = before
                && !(character[0].is_ascii() && text[at - 1].is_ascii())
                && self.seams.is_seam(before, Side::after(character))
            {
                self.encode_segment(text, begin, at, true, memory, ids);
                begin = at;
            }
            before = Some(Side::before(character));
            at += length;
        }
        self.encode_segment(text, begin, end, begin > start, memory, ids);
    }

    /// Appends the ids of a segment between two seams, which is the whole piece or a part of it.
    #[inline]
    fn encode_segment(
        &self,
        text: &[u8],
        start: usize,
        end: usize,
        is_part: bool,
        memory: &mut Memory,
        ids: &mut Vec<u32>,
    ) {
        // Only where a piece becomes a token that merges would not make does a part differ from a piece.
        let merges_only = is_part && self.has_unmerged_tokens;
        let segment = &text[start..end];
        let n_ids = ids.len();
        if segment.len() > MAX_KEY_BYTES {
            return self.encode_bytes(segment, merges_only, &mut memory.scratch, ids);
        }
        let key = Key::of(text, start, segment.len());
        let key = if merges_only { key.of_part() } else { key };
        if !memory.cache.find(key, ids) {
            self.encode_bytes(segment, merges_only, &mut memory.scratch, ids);
            memory.cache.insert(key, &ids[n_ids..]);
        }
    }

    /// Appends the ids of bytes that no cache knows.
    pub(super) fn encode_bytes(
        &self,
        bytes: &[u8],
        merges_only: bool,
        scratch: &mut Scratch,
        ids: &mut Vec<u32>,
    ) {
        match self.whole.find(&self.vocabulary, bytes) {
            Some(id) if !merges_only => ids.push(id),
            _ => self.merge(bytes, scratch, ids),
        }
    }

    /// Appends the ids to which bytes merge.
    pub(super) fn merge(&self, bytes: &[u8], scratch: &mut Scratch, ids: &mut Vec<u32>) {
        self.merges.apply(bytes.iter().map(|&byte| self.bytes[usize::from(byte)]), scratch, ids);
    }
}
