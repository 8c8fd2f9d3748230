//! Times the signature kernel of `dedup_minhash`, text to band keys, on one thread and without any disk.
//!
//!     cargo run --release -p corpusmill-stages --example minhash_kernel -- INPUT ['{"unit": "characters"}']
//!
//! INPUT is a folder of *.jsonl.zst with `text`, or a file that is one text a line. The second argument holds
//! keys of `dedup_minhash` as JSON. Prints, for each of five rounds, MB of UTF-8 text per CPU second of the
//! whole kernel and the share of each part: cutting and hashing units, joining n-grams, sketching.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use corpusmill_stages::dedup_minhash::{Cut, DedupMinhash};
use rustix::time::{ClockId, clock_gettime};
use serde_json::Value;

const ROUNDS: usize = 5;

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let input =
        args.next().context("usage: minhash_kernel INPUT ['{\"unit\": \"characters\"}']")?;
    let keys = args.next().unwrap_or_else(|| "{}".to_owned());
    let config: DedupMinhash = serde_json::from_str(&keys)?;
    let texts = read(Path::new(&input))?;
    let n_bytes: usize = texts.iter().map(String::len).sum();
    ensure!(n_bytes > 0, "{input}: no text");
    let cutter = config.cutter()?;
    let mut cut = Cut::default();
    let mut out = std::io::stdout().lock();
    writeln!(out, "{} documents, {:.1} MB", texts.len(), n_bytes as f64 / 1e6)?;
    // The kernel is run three times, each time with one part more: a clock between its parts would cost more
    // than some of them.
    for _ in 0..ROUNDS {
        let mut n_units = 0;
        let units = time(|| {
            texts.iter().for_each(|text| n_units += cutter.cut_units(text, None, &mut cut))
        });
        let mut n_ngrams = 0;
        let ngrams = time(|| {
            texts.iter().for_each(|text| n_ngrams += cutter.cut_ngrams(text, None, &mut cut))
        });
        let mut sum = 0_u64;
        let all = time(|| {
            for text in &texts {
                cutter.cut(text, None, &mut cut);
                // What nobody reads, a compiler may leave out.
                sum = cut.band_keys().iter().fold(sum, |sum, key| sum.rotate_left(1) ^ key);
            }
        });
        let share = |seconds: f64| 100.0 * seconds / all;
        writeln!(
            out,
            "{:.0} MB/s: units {:.0} %, n-grams {:.0} %, sketch {:.0} %; {n_units} units, {n_ngrams} n-grams, keys {sum:016x}",
            n_bytes as f64 / 1e6 / all,
            share(units),
            share(ngrams - units),
            share(all - ngrams)
        )?;
    }
    Ok(())
}

/// Returns the CPU seconds that `work` takes.
fn time(work: impl FnOnce()) -> f64 {
    let seconds = || {
        let time = clock_gettime(ClockId::ProcessCPUTime);
        time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
    };
    let start = seconds();
    work();
    seconds() - start
}

fn read(input: &Path) -> Result<Vec<String>> {
    let place = || input.display().to_string();
    if !input.is_dir() {
        let lines = BufReader::new(File::open(input).with_context(place)?).lines();
        return lines.map(|line| line.with_context(place)).collect();
    }
    let mut paths = Vec::new();
    for entry in fs::read_dir(input).with_context(place)? {
        paths.push(entry?.path());
    }
    paths.retain(|path| path.to_string_lossy().ends_with(".jsonl.zst"));
    paths.sort();
    let mut texts = Vec::new();
    for path in paths {
        let decoder = zstd::stream::read::Decoder::new(File::open(&path)?)?;
        for line in BufReader::new(decoder).lines() {
            let row: Value = serde_json::from_str(&line?).with_context(place)?;
            texts.push(row["text"].as_str().context("a row without `text`")?.to_owned());
        }
    }
    Ok(texts)
}
