//! Rows in memory, on their way to a spill.

use std::cmp::Ordering;

use rayon::slice::ParallelSliceMut;

use super::{Layout, prefix};

/// Rows that a scan or a gather emits.
#[derive(Debug)]
pub struct Rows {
    layout: Layout,
    bytes: Vec<u8>,
    entries: Vec<Entry>,
    /// What the rows of each range weigh, where the scan weighs them.
    weights: Vec<u64>,
}

/// One row: what sorting needs to touch first, and where its bytes begin.
#[derive(Debug, Clone, Copy)]
struct Entry {
    /// The range in the upper 24 bits, the place of the first byte in the lower 40: a single document may emit more than 4 GiB.
    range_and_at: u64,
    prefix: u64,
}

/// Bits of the place of a row's first byte.
const AT_BITS: u32 = 40;

impl Entry {
    fn new(range: u32, at: usize, prefix: u64) -> Entry {
        assert!(range >> (64 - AT_BITS) == 0 && at >> AT_BITS == 0, "range {range}, byte {at}");
        Entry { range_and_at: u64::from(range) << AT_BITS | at as u64, prefix }
    }

    fn range(self) -> u32 {
        (self.range_and_at >> AT_BITS) as u32
    }

    fn at(self) -> usize {
        (self.range_and_at & ((1 << AT_BITS) - 1)) as usize
    }
}

impl Rows {
    /// Returns an empty buffer.
    pub fn new(layout: Layout) -> Rows {
        Rows { layout, bytes: Vec::new(), entries: Vec::new(), weights: Vec::new() }
    }

    /// Adds a row.
    pub fn emit(&mut self, key: &[u8], value: &[u8]) {
        let at = self.bytes.len();
        let prefix = prefix(key);
        let range = self.layout.ranges.of(key, prefix);
        self.bytes.extend_from_slice(&(key.len() as u32).to_le_bytes());
        self.bytes.extend_from_slice(&(value.len() as u32).to_le_bytes());
        self.bytes.extend_from_slice(key);
        self.bytes.extend_from_slice(value);
        self.entries.push(Entry::new(range, at, prefix));
    }

    /// Adds a row whose value is a number to be summed.
    pub fn emit_count(&mut self, key: &[u8], count: u64) {
        self.emit(key, &count.to_le_bytes());
    }

    /// Adds `weight` to the range of `key`: a shuffle cuts its shards by such weights.
    pub fn weigh(&mut self, key: &[u8], weight: u64) {
        let ranges = &self.layout.ranges;
        self.weights.resize(ranges.count() as usize, 0);
        self.weights[ranges.of(key, prefix(key)) as usize] += weight;
    }

    /// Returns what the rows of each range weigh; empty where nothing was weighed.
    pub fn weights(&self) -> &[u64] {
        &self.weights
    }

    /// Returns what the layout says of these rows.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Returns the number of rows.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Says whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the memory that the rows take.
    pub(super) fn used_bytes(&self) -> usize {
        self.bytes.len() + self.entries.len() * size_of::<Entry>()
    }

    /// Moves the rows of `other` behind these.
    pub(super) fn append(&mut self, other: Rows) {
        let base = self.bytes.len();
        self.bytes.extend_from_slice(&other.bytes);
        let moved = |entry: &Entry| Entry::new(entry.range(), entry.at() + base, entry.prefix);
        let moved = other.entries.iter().map(moved);
        self.entries.extend(moved);
        self.weights.resize(self.weights.len().max(other.weights.len()), 0);
        self.weights.iter_mut().zip(&other.weights).for_each(|(sum, weight)| *sum += weight);
    }

    /// Sorts by (range, key, value).
    pub(super) fn sort(&mut self) {
        let bytes = &self.bytes;
        self.entries.par_sort_unstable_by(|a, b| {
            (a.range(), a.prefix).cmp(&(b.range(), b.prefix)).then_with(|| compare(bytes, a, b))
        });
    }

    /// Returns the rows in their present order: range, key, value.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &[u8], &[u8])> {
        self.entries.iter().map(|entry| {
            let (key, value) = row(&self.bytes, entry);
            (entry.range(), key, value)
        })
    }

    /// Forgets the rows, and keeps the memory and the weights.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.entries.clear();
    }
}

fn compare(bytes: &[u8], a: &Entry, b: &Entry) -> Ordering {
    row(bytes, a).cmp(&row(bytes, b))
}

fn row<'a>(bytes: &'a [u8], entry: &Entry) -> (&'a [u8], &'a [u8]) {
    let bytes = &bytes[entry.at()..];
    let length = |at: usize| {
        let bytes = bytes[at..].first_chunk::<4>().expect("each row begins with two lengths");
        u32::from_le_bytes(*bytes) as usize
    };
    let (key, rest) = bytes[8..].split_at(length(0));
    (key, &rest[..length(4)])
}
