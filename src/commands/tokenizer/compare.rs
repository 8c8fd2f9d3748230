//! `corpusmill tokenizer compare`: what tokenizers make of the same text.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Result, ensure};
use models::{Bpe, Tokenizer};
use rayon::prelude::*;
use serde_json::json;
use stages::Batch;
use stages::batch::{LANGUAGE, SOURCE};
use stages::source::Source;
use stages::tokenize::{Report, TextReport, TokenReport, Usage};

use super::{load, open};
use crate::args::CompareTokenizers;
use crate::failure::Failure;
use crate::model::use_threads;
use crate::output::{print, print_json};
use crate::table::{Table, bytes, count};

/// Blocks that are read before they are encoded side by side, for each thread.
const BLOCKS_PER_THREAD: usize = 2;

/// Encodes all text by each tokenizer, and prints a table.
pub(super) fn compare(args: &CompareTokenizers) -> Result<(), Failure> {
    let mut tokenizers = Vec::new();
    for path in &args.tokenizers {
        tokenizers.push(load(path)?);
    }
    use_threads(args.threads)?;
    let source = open(&args.input, &args.text)?;
    let usages = encode(&tokenizers, &source, &args.by)?;
    let reports: Vec<Report> = tokenizers
        .iter()
        .zip(&usages)
        .map(|(tokenizer, usage)| Report::new(tokenizer, usage, None))
        .collect();
    if args.json {
        let reports = args.tokenizers.iter().zip(&reports);
        let all: Vec<_> = reports
            .map(|(path, report)| json!({ "tokenizer": path, "by": args.by, "report": report }))
            .collect();
        return Ok(print_json(&all)?);
    }
    for line in table(&args.tokenizers, &reports).lines() {
        print(line)?;
    }
    for (path, report) in args.tokenizers.iter().zip(&reports) {
        print("")?;
        let vocabulary = &report.vocabulary;
        for (kind, tokens) in [
            ("longest tokens", &vocabulary.longest_tokens),
            ("unreachable tokens", &vocabulary.unreachable_tokens),
        ] {
            if !tokens.is_empty() {
                print(format_args!("{}: {kind}", path.display()))?;
                for token in tokens.iter().take(args.top) {
                    print(token_line(token))?;
                }
            }
        }
    }
    Ok(())
}

/// Counts what each tokenizer makes of the text.
fn encode(tokenizers: &[Bpe], source: &Source, by: &str) -> Result<Vec<Usage>> {
    let empty = || tokenizers.iter().map(Usage::new).collect::<Vec<Usage>>();
    let mut usages = empty();
    for file in source.files().iter() {
        let mut reader = source.reader(file)?;
        loop {
            let mut blocks = Vec::new();
            while blocks.len() < BLOCKS_PER_THREAD * rayon::current_num_threads()
                && let Some(block) = reader.next()?
            {
                blocks.push(block);
            }
            if blocks.is_empty() {
                break;
            }
            let add = |mut usages: Vec<Usage>, block: stages::source::Block| -> Result<_> {
                let decoded = (block.decode)(None)?;
                ensure!(decoded.unreadable.is_empty(), "{}: a row cannot be read", file.name);
                for (tokenizer, usage) in tokenizers.iter().zip(&mut usages) {
                    add_batch(tokenizer, usage, &decoded.batch, by, &file.name);
                }
                Ok(usages)
            };
            let found: Vec<Usage> = blocks.into_par_iter().try_fold(empty, add).try_reduce(
                empty,
                |mut sum, other| {
                    sum.iter_mut().zip(&other).for_each(|(sum, usage)| sum.merge(usage));
                    Ok(sum)
                },
            )?;
            usages.iter_mut().zip(&found).for_each(|(sum, usage)| sum.merge(usage));
        }
        source.check_unchanged(file)?;
    }
    Ok(usages)
}

fn add_batch(tokenizer: &Bpe, usage: &mut Usage, batch: &Batch, by: &str, file: &str) {
    let mut ids = Vec::new();
    for (row, text) in batch.texts().iter().enumerate() {
        let text = text.unwrap_or_default();
        let group = match by {
            "language" => batch.value(LANGUAGE, row).unwrap_or_default(),
            "source" => batch.value(SOURCE, row).unwrap_or_default(),
            _ => file,
        };
        ids.clear();
        tokenizer.encode(text, &mut ids);
        usage.add_text(group, 1, text.len() as u64);
        usage.add_ids(group, &ids, 1);
    }
}

fn table(paths: &[PathBuf], reports: &[Report]) -> Table {
    let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    let headings: Vec<&str> = [""].into_iter().chain(names.iter().map(String::as_str)).collect();
    let mut table = Table::new(&headings);
    let mut row = |name: String, cell: &dyn Fn(&Report) -> String| {
        table.push([name].into_iter().chain(reports.iter().map(cell)).collect());
    };
    row("vocabulary".into(), &|report| count(report.vocabulary.size));
    row("  used".into(), &|report| count(report.vocabulary.used));
    row("  never used".into(), &|report| count(report.vocabulary.unused));
    row("  unreachable".into(), &|report| count(report.vocabulary.unreachable));
    row("documents".into(), &|report| count(report.text.documents));
    row("text".into(), &|report| bytes(report.text.bytes));
    row("tokens".into(), &|report| count(report.text.tokens));
    row("bytes per token".into(), &|report| format!("{:.4}", report.text.bytes_per_token));
    let groups: BTreeSet<&String> =
        reports.iter().flat_map(|report| report.languages.keys()).collect();
    for group in groups.into_iter().filter(|_| reports.iter().any(|r| r.languages.len() > 1)) {
        let of = |report: &Report, cell: &dyn Fn(&TextReport) -> String| {
            report.languages.get(group).map_or_else(String::new, cell)
        };
        row(format!("  {group}"), &|report| {
            of(report, &|text| format!("{:.4}", text.bytes_per_token))
        });
    }
    let percent = |share: f64| format!("{:.2} %", 100.0 * share);
    row("single-byte tokens".into(), &|report| percent(report.text.single_byte_share));
    row("parts of characters".into(), &|report| percent(report.text.fragment_share));
    table
}

fn token_line(token: &TokenReport) -> String {
    format!(
        "  {:>7}  {:?}, {} bytes, {} times",
        token.id,
        token.text,
        token.bytes,
        count(token.count)
    )
}
