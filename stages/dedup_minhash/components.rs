//! Round 1: which documents may be near duplicates of which.
//!
//! Scan: each document emits the keys of its bands. Gather: all documents that share a key are joined to the
//! first of them, a star instead of a clique, so that a band in every document is streamed in constant memory
//! and gives one edge a document. Seal: union-find over the documents that have an edge (18 bytes each in
//! memory) finds connected components.
//!
//! A component is a candidate, not a verdict: round 2 compares its documents. Differs: datatrove, NeMo,
//! duplodocus and text-dedup remove all but one document of a component; chains of weak links then swallow
//! whole sources (marin#6854: 859,091 documents into 1).

use anyhow::{Result, ensure};

use super::candidate::Shape;
use super::cutter::{Cut, Cutter};
use super::indexed::{EARLIER, row_of};
use crate::Round;
use crate::batch::{Batch, LANGUAGE, Place};
use crate::index::{Earlier, is_earlier};
use crate::rows::{
    Combine, Decisions, Gathered, Layout, Ranges, Rows, Seal, Sealed, Segment, SortedRows,
};

/// Round 1. Key: the key of a band; value: a place. Decides: place -> place of the first document of its
/// component.
pub(super) struct ComponentRound {
    pub(super) cutter: Cutter,
    pub(super) n_ranges: u32,
    pub(super) earlier: Earlier,
    /// Those of the rows of round 2.
    pub(super) layout: Layout,
    pub(super) shape: Shape,
}

impl Round for ComponentRound {
    fn layout(&self) -> Layout {
        Layout { combine: Combine::Keep, ranges: Ranges::Prefix(self.n_ranges) }
    }

    fn scan(&self, batch: &Batch, _: &Decisions, rows: &mut Rows) -> Result<()> {
        let mut cut = Cut::default();
        for (row, origin) in batch.origins.iter().enumerate() {
            self.cutter.cut(batch.texts().value(row), batch.value(LANGUAGE, row), &mut cut);
            let place = origin.place.to_bytes();
            cut.band_keys().iter().for_each(|key| rows.emit(&key.to_be_bytes(), &place));
        }
        Ok(())
    }

    fn earlier(&self, range: u32, _: Option<&Sealed>) -> Result<Vec<Segment>> {
        self.earlier.segments(range, self.n_ranges)
    }

    fn gather(&self, rows: &mut SortedRows, out: &mut Gathered) -> Result<()> {
        while rows.next_group()? {
            let Some(first) = rows.next_value()? else { continue };
            let first = Place::from_bytes(first)?;
            // Places of the input come first: these are all of earlier documents, which nobody asks about.
            if is_earlier(first) {
                continue;
            }
            let first = first.to_bytes();
            let mut alone = true;
            while let Some(other) = rows.next_value()? {
                if std::mem::take(&mut alone) {
                    // The first stands among the keys too: the seal must meet it before the others.
                    out.emit(&first, &first)?;
                }
                out.emit(other, &first)?;
            }
        }
        Ok(())
    }

    fn seal(&self, seal: &mut Seal) -> Result<()> {
        let components = Components::read(&mut seal.rows()?, seal.budget())?;
        let (mut earlier, mut row) = (seal.spill(EARLIER, self.layout.clone()), Vec::new());
        components.for_each(|place, first| {
            if !is_earlier(place) {
                return seal.decide(place, &first.to_bytes());
            }
            row_of(&self.earlier.record(place)?, self.shape, &mut row)?;
            earlier.emit(&first.to_bytes(), &row)
        })?;
        seal.close(earlier)?;
        seal.decisions()
    }
}

/// Memory of a document that has an edge: place and parent, and the eighth that `grow` may leave unused.
const NODE_BYTES: usize = (Place::BYTES + 4) * 9 / 8;

/// Makes room in a full vector for an eighth more, where `push` would double it.
fn grow<T>(vector: &mut Vec<T>) {
    if vector.len() == vector.capacity() {
        vector.reserve_exact(vector.len() / 8 + 1);
    }
}

/// Documents that have an edge, in order of place, and a forest over them whose roots are the first of their
/// component.
struct Components {
    places: Vec<[u8; Place::BYTES]>,
    parents: Vec<u32>,
}

impl Components {
    /// Reads edges `other -> first`, sorted by `other`; each `first` stands before as an edge to itself.
    fn read(edges: &mut SortedRows, budget: usize) -> Result<Components> {
        let mut forest = Components { places: Vec::new(), parents: Vec::new() };
        while edges.next_group()? {
            let node = u32::try_from(forest.places.len())?;
            let bytes = (node as usize + 1) * NODE_BYTES;
            ensure!(
                bytes <= budget,
                "more than {node} documents have near-duplicate candidates, which is all that fits into {budget} bytes\n\
                 hint: raise `memory`"
            );
            grow(&mut forest.places);
            grow(&mut forest.parents);
            forest.places.push(Place::from_bytes(edges.key())?.to_bytes());
            forest.parents.push(node);
            let mut last = None;
            while let Some(first) = edges.next_value()? {
                let first = Place::from_bytes(first)?.to_bytes();
                // The same edge comes from each band that two documents share.
                if last.replace(first) != Some(first)
                    && let Ok(first) = forest.places.binary_search(&first)
                {
                    forest.join(node, first as u32);
                }
            }
        }
        Ok(forest)
    }

    fn root(&mut self, mut node: u32) -> u32 {
        while self.parents[node as usize] != node {
            let above = self.parents[self.parents[node as usize] as usize];
            self.parents[node as usize] = above;
            node = above;
        }
        node
    }

    /// Joins two trees; the smaller root stays, so that a component is named after its first document.
    fn join(&mut self, a: u32, b: u32) {
        let (a, b) = (self.root(a), self.root(b));
        self.parents[a.max(b) as usize] = a.min(b);
    }

    fn for_each(mut self, mut visit: impl FnMut(Place, Place) -> Result<()>) -> Result<()> {
        for node in 0..self.places.len() {
            let root = self.root(node as u32);
            let place = |node: usize| Place::from_bytes(&self.places[node]);
            visit(place(node)?, place(root as usize)?)?;
        }
        Ok(())
    }
}
