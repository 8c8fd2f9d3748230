//! `corpusmill statistics`: what was measured, summed up for groups of documents.

use serde_json::json;
use stages::statistics::{By, Group, Summary, read};

use crate::args;
use crate::failure::Failure;
use crate::output::{note, print, print_json};
use crate::prepare::finished;
use crate::table::{Table, count, measure};

/// Prints a table for each group, or all as JSON.
pub(crate) fn statistics(args: &args::Statistics) -> Result<(), Failure> {
    finished(&args.dir).map_err(Failure::refused)?;
    let by = match args.by.as_str() {
        "language" => By::Language,
        "source" => By::Source,
        "host" => By::Host,
        _ => By::All,
    };
    let (mut groups, sample) = read(&args.dir, by, args.max_documents)?;
    for group in &mut groups {
        group.checks.retain(|check, _| check.contains(&args.check));
    }
    if args.json {
        let groups = groups.iter().map(|Group { name, documents, checks }| {
            json!({ "group": name, "documents": documents, "checks": checks })
        });
        let groups: Vec<_> = groups.collect();
        return Ok(print_json(&json!({ "by": args.by, "sample": sample, "groups": groups }))?);
    }
    if sample < 1.0 {
        note(format_args!("of {:.2} % of all documents", 100.0 * sample));
    }
    for group in groups.iter().take(args.top) {
        show(group, by)?;
    }
    if groups.len() > args.top {
        note(format_args!("{} more groups, see --top", count((groups.len() - args.top) as u64)));
    }
    Ok(())
}

fn show(Group { name, documents, checks }: &Group, by: By) -> anyhow::Result<()> {
    let name = match (by, name.as_str()) {
        (By::All, _) => "all",
        (_, "") => "(unknown)",
        (_, name) => name,
    };
    print(format_args!("{name}: {} documents", count(*documents)))?;
    let mut table =
        Table::new(&["  check", "n", "mean", "deviation", "min", "q05", "median", "q95", "max"]);
    for (check, Summary { n, mean, deviation, min, q05, median, q95, max }) in checks {
        let mut row = vec![format!("  {check}"), count(*n)];
        row.extend([mean, deviation, min, q05, median, q95, max].map(|value| measure(*value)));
        table.push(row);
    }
    for line in table.lines() {
        print(line)?;
    }
    Ok(print("")?)
}
