//! Looks at the clusters of a finished dataset.
//!
//! A cluster is what one document stayed for: its copies stand together in `clusters.parquet`, so one pass in constant memory sees
//! each cluster whole.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::Path;

use anyhow::{Context, Result};
use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::datatypes::{Float64Type, UInt64Type};
use serde::Serialize;

use crate::runner::CLUSTERS;
use crate::why::{for_each_match, strings};

/// A document, by id and by where it stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Member {
    /// The id, which need not be unique.
    pub id: String,
    /// The file of the input, or of an earlier dataset.
    pub file: String,
    /// The row in it.
    pub row: u64,
}

/// A document that stayed, and what was removed for it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cluster {
    /// The stage that decided.
    pub stage: String,
    /// The component that the cluster is part of: the same number, the same component.
    pub component: u64,
    /// The document that stayed.
    pub kept: Member,
    /// How many were removed.
    pub n_removed: u64,
    /// The least similarity of a removed document to the kept one.
    pub least: f64,
    /// The greatest.
    pub greatest: f64,
}

/// A document of a cluster that was removed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Copy {
    /// The document.
    pub removed: Member,
    /// Its similarity to the one that stayed.
    pub similarity: f64,
}

/// What a dataset's clusters are, all together.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Overview {
    /// Clusters.
    pub n_clusters: u64,
    /// Documents that were removed.
    pub n_removed: u64,
    /// The largest clusters, largest first; the earlier of equals first.
    pub largest: Vec<Cluster>,
}

/// Counts clusters, and returns the `top` largest.
///
/// # Errors
/// When the table is missing or damaged.
pub fn overview(dir: &Path, top: usize) -> Result<Overview> {
    let mut overview = Overview::default();
    let mut largest = BinaryHeap::new();
    let mut present: Option<Cluster> = None;
    let mut number = 0_u64;
    let mut end = |cluster: Option<Cluster>| {
        let Some(cluster) = cluster else { return };
        overview.n_clusters += 1;
        overview.n_removed += cluster.n_removed;
        number += 1;
        largest.push(Reverse(Ranked { rank: (cluster.n_removed, Reverse(number)), cluster }));
        if largest.len() > top {
            largest.pop();
        }
    };
    for_each_row(
        dir,
        |_| true,
        |row| {
            match &mut present {
                Some(cluster) if cluster.kept == row.kept && cluster.stage == row.stage => {
                    cluster.n_removed += 1;
                    cluster.least = cluster.least.min(row.similarity);
                    cluster.greatest = cluster.greatest.max(row.similarity);
                }
                _ => end(present.replace(row.cluster())),
            }
            Ok(())
        },
    )?;
    end(present);
    overview.largest =
        largest.into_sorted_vec().into_iter().map(|Reverse(ranked)| ranked.cluster).collect();
    Ok(overview)
}

/// Returns the clusters that a document with this id (or `file:row`) is part of, each with its copies, `max_copies` of them at most.
///
/// # Errors
/// As [`overview`].
pub fn clusters_of(dir: &Path, id: &str, max_copies: usize) -> Result<Vec<(Cluster, Vec<Copy>)>> {
    let place = id.rsplit_once(':').and_then(|(file, row)| Some((file, row.parse::<u64>().ok()?)));
    let is_meant =
        |member: &Member| member.id == id || place == Some((member.file.as_str(), member.row));
    let mut keys: Vec<(String, Member)> = Vec::new();
    let is_near = |row: &Row| is_meant(&row.kept) || is_meant(&row.removed);
    for_each_row(dir, is_near, |row| {
        let key = (row.stage, row.kept);
        if !keys.contains(&key) {
            keys.push(key);
        }
        Ok(())
    })?;
    let mut found: Vec<Option<(Cluster, Vec<Copy>)>> = keys.iter().map(|_| None).collect();
    let number = |row: &Row| keys.iter().position(|(s, kept)| *s == row.stage && *kept == row.kept);
    for_each_row(
        dir,
        |row| number(row).is_some(),
        |row| {
            let Some(slot) = number(&row).and_then(|i| found.get_mut(i)) else { return Ok(()) };
            let similarity = row.similarity;
            let (cluster, copies) =
                slot.get_or_insert_with(|| (Cluster { n_removed: 0, ..row.cluster() }, Vec::new()));
            cluster.n_removed += 1;
            cluster.least = cluster.least.min(similarity);
            cluster.greatest = cluster.greatest.max(similarity);
            if copies.len() < max_copies || is_meant(&row.removed) {
                copies.push(Copy { removed: row.removed, similarity });
            }
            Ok(())
        },
    )?;
    Ok(found.into_iter().flatten().collect())
}

/// A cluster in a heap.
struct Ranked {
    rank: (u64, Reverse<u64>),
    cluster: Cluster,
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Ranked) -> bool {
        self.rank == other.rank
    }
}

impl Eq for Ranked {}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Ranked) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ranked {
    fn cmp(&self, other: &Ranked) -> std::cmp::Ordering {
        self.rank.cmp(&other.rank)
    }
}

/// A row of the table.
struct Row {
    component: u64,
    stage: String,
    removed: Member,
    kept: Member,
    similarity: f64,
}

impl Row {
    fn cluster(&self) -> Cluster {
        Cluster {
            stage: self.stage.clone(),
            component: self.component,
            kept: self.kept.clone(),
            n_removed: 1,
            least: self.similarity,
            greatest: self.similarity,
        }
    }
}

fn for_each_row(
    dir: &Path,
    is_wanted: impl Fn(&Row) -> bool,
    mut take: impl FnMut(Row) -> Result<()>,
) -> Result<()> {
    let path = dir.join(CLUSTERS);
    let all = |batch: &RecordBatch| BooleanArray::from(vec![true; batch.num_rows()]);
    for_each_match(&path, &["id"], all, |batch| {
        let text = |name: &str| strings(batch, name);
        let (stage, id, file) = (text("stage"), text("id"), text("file"));
        let (of, of_file) = (text("duplicate_of"), text("duplicate_of_file"));
        let number = |name: &str| {
            let column =
                batch.column_by_name(name).and_then(|c| c.as_primitive_opt::<UInt64Type>());
            column.with_context(|| format!("{}: no column {name}", path.display()))
        };
        let (component, row, of_row) =
            (number("component")?, number("row")?, number("duplicate_of_row")?);
        let similarity = batch.column_by_name("similarity");
        let similarity = similarity.and_then(|c| c.as_primitive_opt::<Float64Type>());
        let similarity =
            similarity.with_context(|| format!("{}: no similarity", path.display()))?;
        for i in 0..batch.num_rows() {
            let member =
                |id: &str, file: &str, row| Member { id: id.into(), file: file.into(), row };
            let row = Row {
                component: component.value(i),
                stage: stage.value(i).to_owned(),
                removed: member(id.value(i), file.value(i), row.value(i)),
                kept: member(of.value(i), of_file.value(i), of_row.value(i)),
                similarity: similarity.value(i),
            };
            if is_wanted(&row) {
                take(row)?;
            }
        }
        Ok(())
    })
}
