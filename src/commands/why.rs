//! `corpusmill why`: what happened to one document.

use anyhow::anyhow;
use serde_json::{Map, Value, json};
use stages::why::{Fate, why as find};

use crate::args;
use crate::failure::Failure;
use crate::output::{note, print};
use crate::prepare::finished;
use crate::table::measure;

/// Prints the fate of every document with an id: on stdout its text, or all as JSON; on stderr what happened to it.
pub(crate) fn why(args: &args::Why) -> Result<(), Failure> {
    finished(&args.dir).map_err(Failure::refused)?;
    let fates = find(&args.dir, &args.id)?;
    if fates.is_empty() {
        return Err(Failure::Failed(anyhow!(
            "{}: there is no document `{}`\n\
             hint: ids are the input's own, or `file:row` with rows from 0 where it has none",
            args.dir.display(),
            args.id
        )));
    }
    for Fate { is_kept, columns } in &fates {
        if args.json {
            let mut object = Map::from_iter([("kept".to_owned(), json!(is_kept))]);
            object.extend(columns.clone());
            print(Value::Object(object))?;
            continue;
        }
        note(describe(*is_kept, columns));
        if let Some(text) = columns.get("text").and_then(Value::as_str) {
            print(text)?;
        }
    }
    Ok(())
}

/// Says in a line or two what happened.
fn describe(is_kept: bool, columns: &Map<String, Value>) -> String {
    let text = |name: &str| columns.get(name).and_then(Value::as_str);
    let number = |name: &str| columns.get(name).and_then(Value::as_f64);
    let id = text("id").unwrap_or_default();
    let known: Vec<String> = ["file", "row", "url", "source", "language"]
        .iter()
        .filter_map(|name| Some(format!("{name} {}", shown(columns.get(*name)?))))
        .collect();
    let known = if known.is_empty() { String::new() } else { format!(" ({})", known.join(", ")) };
    let what = match (text("error"), text("duplicate_of")) {
        _ if is_kept => "kept".to_owned(),
        (Some(error), _) => format!("unreadable: {error}"),
        (_, Some(of)) => {
            let similarity = number("similarity").unwrap_or(1.0);
            let stage = text("rule").unwrap_or("deduplication");
            format!("removed by {stage}: {similarity:.3} like {of}, which it kept")
        }
        _ => {
            let cause = text("cause").unwrap_or_default();
            let found = text("found").map(|found| format!(", found `{found}`")).unwrap_or_default();
            match (number("value"), number("limit")) {
                (Some(value), Some(limit)) => {
                    let (value, limit) = (measure(value), measure(limit));
                    format!("removed by {cause}: value {value}, limit {limit}{found}")
                }
                _ => format!("removed by {cause}{found}"),
            }
        }
    };
    format!("{id}{known}: {what}")
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
