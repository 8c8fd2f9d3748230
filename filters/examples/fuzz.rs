//! Feeds all rules with broken texts, for as long as it is told to, or with what a fuzzer gives it.
//!
//! ```text
//! fuzz SECONDS FILE...    texts that are cut, joined and damaged pieces of the files, from another seed each time
//! fuzz                    one text from standard input: afl-fuzz and honggfuzz call it like that
//! ```
//!
//! Every rule judges with its defaults, with both ways to cut words, to remove and to measure. It ends with the first panic,
//! and prints the seed before; `SEED=n` in the environment repeats it.

#![allow(clippy::print_stdout, reason = "a program that prints what it did")]

use std::error::Error;
use std::io::Read;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use std::{env, fs, io};

use corpusmill_filters::{Config, Document, Filter, Judge, Scratch, Words};

fn main() -> Result<(), Box<dyn Error>> {
    let rules: Vec<Box<dyn Filter>> =
        Config::ALL.into_iter().filter_map(|rule| Config::named(rule)?.build().ok()).collect();
    let mut scratch = Scratch::default();
    let mut args = env::args().skip(1);
    let Some(seconds) = args.next() else {
        let mut bytes = Vec::new();
        io::stdin().read_to_end(&mut bytes)?;
        judge(&rules, &String::from_utf8_lossy(&bytes), &mut scratch);
        return Ok(());
    };
    let mut pieces = Vec::new();
    for path in args {
        pieces.extend(String::from_utf8_lossy(&fs::read(path)?).lines().map(str::to_owned));
    }
    let end = Instant::now() + Duration::from_secs(seconds.parse()?);
    let mut seed = match env::var("SEED") {
        Ok(seed) => seed.parse()?,
        Err(_) => SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos() as u64,
    };
    let mut n_texts = 0_u64;
    while Instant::now() < end {
        let text = broken(&pieces, Numbers(seed));
        let is_fine = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            judge(&rules, &text, &mut Scratch::default());
        }));
        if is_fine.is_err() {
            return Err(format!("SEED={seed}: {text:?}").into());
        }
        seed = seed.wrapping_add(1);
        n_texts += 1;
    }
    println!("{n_texts} texts, {} rules, no panic", rules.len());
    Ok(())
}

fn judge(rules: &[Box<dyn Filter>], text: &str, scratch: &mut Scratch) {
    for words in [Words::Unicode, Words::Datatrove] {
        for (language, mut judge) in [
            (None, Judge::default()),
            (None, Judge::measuring()),
            (Some("zh"), Judge::measuring()),
            (Some("ja"), Judge::measuring()),
        ] {
            for rule in rules {
                let mut doc = Document::new("1", text, scratch);
                doc.set_words(words);
                doc.set_language(language);
                doc.set_column("url", Some(text));
                let _ = rule.judge(&mut doc, &mut judge);
                judge.take();
            }
        }
    }
}

/// Makes a text of pieces: whole, cut, repeated, with characters and bytes changed.
fn broken(pieces: &[String], mut numbers: Numbers) -> String {
    let mut bytes = Vec::new();
    for _ in 0..numbers.below(12) {
        let piece: &[u8] = match pieces.len() {
            0 => b"the mill \xe5\x9b\xbe\n",
            n => pieces[numbers.below(n)].as_bytes(),
        };
        let cut = &piece[..numbers.below(piece.len().min(2000) + 1)];
        let times = if numbers.below(8) == 0 { numbers.below(40) } else { 1 };
        for _ in 0..times {
            bytes.extend_from_slice(cut);
        }
        let between: [&[u8]; 8] =
            [b"\n", b" ", b"", b"\n\n", b"\r\n", b"\xe2\x80\xa8", b"\0", b"\xcc\x81"];
        bytes.extend_from_slice(between[numbers.below(between.len())]);
    }
    for _ in 0..numbers.below(8) {
        if !bytes.is_empty() {
            let at = numbers.below(bytes.len());
            bytes[at] = numbers.below(256) as u8;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// SplitMix64, Steele et al. 2014.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ z >> 31) % n.max(1) as u64) as usize
    }
}
