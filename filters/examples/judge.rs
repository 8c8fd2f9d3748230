//! Runs one rule over the texts of JSONL on stdin, and writes what it measured and left of each as JSONL.
//!
//!     cargo run --release -p corpusmill-filters --example judge -- '{"compression": {}}' < texts.jsonl
//!
//! With `--time` behind the rule it prints only how fast the rule alone went over the texts, on one thread.
//!
//! Scripts that compare a rule with a peer, or look for a limit, use it; it needs nothing but this crate.

use std::error::Error;
use std::io::{BufRead, BufWriter, Write};

use corpusmill_filters::{Config, Document, Filter, Judge, Scratch};
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let config = std::env::args().nth(1).ok_or("usage: judge '{\"rule\": {}}' < texts.jsonl")?;
    let rule = serde_json::from_str::<Config>(&config)?.build()?;
    if std::env::args().nth(2).as_deref() == Some("--time") {
        return time(&*rule);
    }
    let (mut scratch, mut judge) = (Scratch::default(), Judge::measuring());
    let mut out = BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lock().lines() {
        let row: Value = serde_json::from_str(&line?)?;
        let text = row["text"].as_str().ok_or("a row without `text`")?;
        let mut doc = Document::new("", text, &mut scratch);
        doc.set_language(row["language"].as_str());
        let _ = rule.judge(&mut doc, &mut judge);
        let measures: serde_json::Map<_, _> =
            judge.measures().iter().map(|m| (m.check.to_owned(), m.value.into())).collect();
        let edits: serde_json::Map<_, _> = judge
            .edits_by_kind()
            .iter()
            .map(|(kind, n)| ((*kind).to_owned(), (*n).into()))
            .collect();
        let scores: serde_json::Map<_, _> = rule
            .scores()
            .into_iter()
            .filter_map(|name| Some((name.to_owned(), doc.score(name)?.into())))
            .collect();
        let removed = judge.take().0.map(|removal| removal.check);
        let row = json!({ "removed": removed, "measures": measures, "edits": edits, "scores": scores,
            "text": doc.edited().then(|| doc.text()) });
        serde_json::to_writer(&mut out, &row)?;
        out.write_all(b"\n")?;
    }
    Ok(out.flush()?)
}

fn time(rule: &dyn Filter) -> Result<(), Box<dyn Error>> {
    let mut texts = Vec::new();
    for line in std::io::stdin().lock().lines() {
        let row: Value = serde_json::from_str(&line?)?;
        texts.push(row["text"].as_str().ok_or("a row without `text`")?.to_owned());
    }
    let n_bytes: usize = texts.iter().map(String::len).sum();
    let (mut scratch, mut judge) = (Scratch::default(), Judge::default());
    for _ in 0..3 {
        let (start, mut n_removed) = (std::time::Instant::now(), 0);
        for text in &texts {
            let _ = rule.judge(&mut Document::new("", text, &mut scratch), &mut judge);
            n_removed += u64::from(judge.take().0.is_some());
        }
        let speed = n_bytes as f64 / 1e6 / start.elapsed().as_secs_f64();
        writeln!(std::io::stdout(), "{speed:.0} MB/s, {n_removed} of {} removed", texts.len())?;
    }
    Ok(())
}
