//! `corpusmill duplicates`: which documents were removed as copies of which.

use std::path::Path;

use anyhow::{Context, anyhow};
use serde_json::{Value, json};
use stages::duplicates::{Cluster, Copy, Member, clusters_of, overview};
use stages::why::why;

use crate::args;
use crate::failure::Failure;
use crate::output::{note, print, print_json};
use crate::prepare::finished;
use crate::side_by_side::side_by_side;
use crate::table::{Table, count, measure};

/// Prints the largest clusters, or one with two of its documents side by side.
pub(crate) fn duplicates(args: &args::Duplicates) -> Result<(), Failure> {
    finished(&args.dir).map_err(Failure::refused)?;
    if !args.dir.join(stages::runner::CLUSTERS).exists() {
        return Err(Failure::refused(anyhow!(
            "{}: no stage of this dataset looked for duplicates",
            args.dir.display()
        )));
    }
    match &args.id {
        None => show_largest(args),
        Some(id) => show_clusters(args, id),
    }
}

fn show_largest(args: &args::Duplicates) -> Result<(), Failure> {
    let found = overview(&args.dir, args.top)?;
    if args.json {
        return Ok(print_json(&found)?);
    }
    note(format_args!(
        "{} documents were removed for {} that stayed",
        count(found.n_removed),
        count(found.n_clusters)
    ));
    let mut table =
        Table::new(&["kept", "stage", "component", "removed", "least similar", "most similar"]);
    for cluster in &found.largest {
        let Cluster { stage, component, kept, n_removed, least, greatest } = cluster;
        let numbers = [count(*n_removed), measure(*least), measure(*greatest)];
        let mut row = vec![kept.id.clone(), stage.clone(), component.to_string()];
        row.extend(numbers);
        table.push(row);
    }
    for line in table.lines() {
        print(line)?;
    }
    Ok(())
}

fn show_clusters(args: &args::Duplicates, id: &str) -> Result<(), Failure> {
    let clusters = clusters_of(&args.dir, id, args.top)?;
    if clusters.is_empty() {
        return Err(Failure::Failed(anyhow!(
            "{}: `{id}` is in no cluster: nothing was removed for it, nor it for another",
            args.dir.display()
        )));
    }
    if args.json {
        let clusters = clusters
            .iter()
            .map(|(cluster, copies)| json!({ "cluster": cluster, "removed": copies }));
        return Ok(print_json(&clusters.collect::<Vec<_>>())?);
    }
    for (cluster, copies) in &clusters {
        let Cluster { stage, component, kept, n_removed, .. } = cluster;
        let place =
            |member: &Member| format!("{} ({}, row {})", member.id, member.file, member.row);
        note(format_args!(
            "{stage} kept {} and removed {} (component {component})",
            place(kept),
            count(*n_removed)
        ));
        let mut table = Table::new(&["removed", "similarity"]);
        for Copy { removed, similarity } in copies {
            table.push(vec![place(removed), measure(*similarity)]);
        }
        for line in table.lines() {
            print(line)?;
        }
        let shown = chosen(copies, args.with.as_deref().unwrap_or(id));
        if let Some(Copy { removed, similarity }) = shown {
            show_pair(&args.dir, kept, removed, *similarity, args.width)?;
        }
    }
    Ok(())
}

/// Returns the copy that was asked for, or else the one that is least like the kept document.
fn chosen<'a>(copies: &'a [Copy], id: &str) -> Option<&'a Copy> {
    let is_meant = |copy: &&Copy| {
        copy.removed.id == id || id == format!("{}:{}", copy.removed.file, copy.removed.row)
    };
    let least = || copies.iter().min_by(|a, b| a.similarity.total_cmp(&b.similarity));
    copies.iter().find(is_meant).or_else(least)
}

fn show_pair(
    dir: &Path,
    kept: &Member,
    removed: &Member,
    similarity: f64,
    width: usize,
) -> Result<(), Failure> {
    note(format_args!(
        "kept {} on the left, removed {} on the right, similarity {}",
        kept.id,
        removed.id,
        measure(similarity)
    ));
    match (text_of(dir, kept)?, text_of(dir, removed)?) {
        (Some(left), Some(right)) => {
            for row in side_by_side(&left, &right, width) {
                print(row)?;
            }
        }
        (left, _) => {
            let missing = if left.is_none() { kept } else { removed };
            note(format_args!(
                "the text of {} is not in this dataset: `removed = \"full\"` and `documents` keep both",
                missing.id
            ));
        }
    }
    Ok(())
}

/// Returns the text that a dataset has of a document.
fn text_of(dir: &Path, member: &Member) -> anyhow::Result<Option<String>> {
    let fates = why(dir, &member.id).context("cannot look a document up")?;
    // Ids need not be unique; removed rows know their place.
    let is_here = |columns: &serde_json::Map<String, Value>| match columns.get("file") {
        Some(file) => {
            file.as_str() == Some(&member.file)
                && columns.get("row").and_then(Value::as_u64) == Some(member.row)
        }
        None => true,
    };
    let mut rows = fates.into_iter().map(|fate| fate.columns).filter(|columns| is_here(columns));
    Ok(rows.find_map(|columns| Some(columns.get("text")?.as_str()?.to_owned())))
}
