//! `corpusmill thresholds`: what other limits would remove.

use anyhow::anyhow;
use serde_json::{Value, json};
use stages::thresholds::{Check, Effect, Measured, read};

use crate::args;
use crate::failure::Failure;
use crate::output::{note, print, print_json};
use crate::prepare::finished;
use crate::table::{Table, count, measure, share};

/// Shares of documents that the thresholds of a table cut off.
const SHARES: [f64; 8] = [0.001, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5];

/// Ranges of a histogram.
const BARS: usize = 48;

/// Prints for each check its histogram, and what thresholds along its values would remove.
pub(crate) fn thresholds(args: &args::Thresholds) -> Result<(), Failure> {
    finished(&args.dir).map_err(Failure::refused)?;
    let mut measured = read(&args.dir, args.language.as_deref(), args.max_documents)?;
    measured.checks.retain(|check| check.name.contains(&args.check));
    if measured.checks.is_empty() {
        let dir = args.dir.display();
        let check = &args.check;
        return Err(Failure::Failed(anyhow!("{dir}: no check `{check}` measured a document")));
    }
    if args.json {
        return Ok(print_json(&json_of(&measured))?);
    }
    if measured.sample < 1.0 {
        note(format_args!("of {:.2} % of all documents", 100.0 * measured.sample));
    }
    for check in &measured.checks {
        show(check, measured.documents)?;
    }
    Ok(())
}

fn show(check: &Check, documents: u64) -> anyhow::Result<()> {
    let what = if check.is_upper { "above it" } else { "below it" };
    print(format_args!(
        "{}: measured in {} documents; now {} break it, {} of them nothing else",
        check.name,
        count(check.n()),
        count(check.broken),
        count(check.broken_alone)
    ))?;
    let (low, high) = (check.quantile(0.005), check.quantile(0.995));
    if high > low {
        print(format_args!("  {}  {}  {}", measure(low), bars(check, low, high), measure(high)))?;
    }
    let mut table = Table::new(&["  threshold", what, "", "after all others", ""]);
    for Effect { threshold, alone, after_others } in effects(check) {
        table.push(vec![
            format!("  {}", measure(threshold)),
            count(alone),
            share(alone, documents),
            count(after_others),
            share(after_others, documents),
        ]);
    }
    for line in table.lines() {
        print(line)?;
    }
    Ok(print("")?)
}

/// Returns the effects of thresholds that cut off ever more, each once.
fn effects(check: &Check) -> Vec<Effect> {
    let quantile = |share: f64| check.quantile(if check.is_upper { 1.0 - share } else { share });
    let mut thresholds: Vec<f64> = SHARES.into_iter().map(quantile).collect();
    thresholds.dedup();
    thresholds.into_iter().map(|threshold| check.effect(threshold)).collect()
}

/// Draws a histogram in one line; the highest bar is the fullest range.
fn bars(check: &Check, low: f64, high: f64) -> String {
    const LEVELS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let counts = check.histogram(BARS, low, high);
    let fullest = counts.iter().copied().max().unwrap_or(1).max(1);
    let level = |n: &u64| match n {
        0 => 0,
        n => (n * 8).div_ceil(fullest) as usize,
    };
    counts.iter().map(|n| LEVELS[level(n)]).collect()
}

fn json_of(measured: &Measured) -> Value {
    let checks = measured.checks.iter().map(|check| {
        let effects = effects(check).into_iter().map(|effect| {
            json!({
                "threshold": effect.threshold,
                "alone": effect.alone,
                "after_others": effect.after_others,
            })
        });
        let (low, high) = (check.quantile(0.0), check.quantile(1.0));
        json!({
            "check": check.name,
            "measured": check.n(),
            "broken": check.broken,
            "broken_alone": check.broken_alone,
            "min": low,
            "median": check.quantile(0.5),
            "max": high,
            "histogram": if high > low { check.histogram(BARS, low, high) } else { vec![check.n()] },
            "thresholds": effects.collect::<Vec<_>>(),
        })
    });
    json!({
        "documents": measured.documents,
        "sample": measured.sample,
        "checks": checks.collect::<Vec<_>>(),
    })
}
