//! Encodes the same text with corpusmill and with its peers, in one process, and counts CPU seconds.
//!
//! ```text
//! cargo run --release -- ENCODING RANKS ROUNDS TEXT... > runs/DATE-ENCODING.txt
//! ```
//!
//! ENCODING is `cl100k_base` or `o200k_base`, RANKS its file of ranks (`assets/` of the crate tiktoken-rs has them), TEXT
//! a file of documents that end in a NUL byte, as text.py makes them. Each encoder gets the documents one by one:
//!
//! - cold: a new tokenizer's first pass over the text, filling of caches included, loading not;
//! - warm: its second pass;
//! - 2 threads: a new tokenizer's first pass with the documents dealt to two threads, all CPU seconds added up;
//! - splitter: cutting alone.
//!
//! Encoders take turns within a round; what is printed is the median of the rounds, in MB (10^6 bytes) of text per CPU
//! second. The ids of all documents are hashed; encoders whose ids differ from tiktoken-rs's are marked `WRONG`.

use std::path::Path;

use models::{LoadOptions, Splitter, load_with};
use rustix::time::{ClockId, clock_gettime};
use xxhash_rust::xxh3::Xxh3;

/// As corpusmill's own program has it; peers gain from it as well.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Encode = Box<dyn Fn(&str, &mut Vec<u32>) + Send + Sync>;

const ENCODERS: [&str; 4] = ["corpusmill", "fastokens", "tiktoken", "tiktoken-rs"];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [encoding, ranks, rounds, texts @ ..] = &arguments[..] else {
        panic!("ENCODING RANKS ROUNDS TEXT...")
    };
    let rounds: usize = rounds.parse().expect("a number of rounds");
    println!("{encoding}, {rounds} rounds, MB of text per CPU second");
    println!(
        "{:<10} {:<12} {:>8} {:>8} {:>10}   ids",
        "text", "encoder", "cold", "warm", "2 threads"
    );
    for path in texts {
        let text = std::fs::read_to_string(path).expect("a readable text");
        let documents: Vec<&str> = text.split_terminator('\0').collect();
        let megabytes = documents.iter().map(|text| text.len()).sum::<usize>() as f64 / 1e6;
        let name = Path::new(path).file_stem().expect("a file").to_string_lossy().into_owned();
        let mut seconds = vec![[Vec::new(), Vec::new(), Vec::new()]; ENCODERS.len()];
        let mut hashes = vec![0; ENCODERS.len()];
        let mut splitting = Vec::new();
        for round in 0..rounds {
            for turn in 0..ENCODERS.len() {
                let at = (turn + round) % ENCODERS.len();
                let encode = build(ENCODERS[at], encoding, ranks);
                let (cold, hash) = pass(&encode, &documents);
                let (warm, again) = pass(&encode, &documents);
                assert_eq!(hash, again, "{} gives other ids at the second pass", ENCODERS[at]);
                hashes[at] = hash;
                drop(encode);
                let encode = build(ENCODERS[at], encoding, ranks);
                let two = two_threads(&encode, &documents);
                for (all, one) in seconds[at].iter_mut().zip([cold, warm, two]) {
                    all.push(one);
                }
            }
            splitting.push(split(&documents));
        }
        let reference = hashes[ENCODERS.len() - 1];
        for (at, encoder) in ENCODERS.iter().enumerate() {
            let [cold, warm, two] = &mut seconds[at];
            let speed = |seconds: &mut Vec<f64>| megabytes / median(seconds);
            let ids = if hashes[at] == reference { "equal" } else { "WRONG" };
            println!(
                "{name:<10} {encoder:<12} {:>8.1} {:>8.1} {:>10.1}   {ids}",
                speed(cold),
                speed(warm),
                speed(two)
            );
        }
        println!("{name:<10} {:<12} {:>8.1}", "splitter", megabytes / median(&mut splitting));
    }
}

/// Returns a new encoder that has seen no text.
fn build(encoder: &str, encoding: &str, ranks: &str) -> Encode {
    match encoder {
        "corpusmill" => {
            let options = LoadOptions { encoding: Some(encoding.into()), ..LoadOptions::default() };
            let tokenizer = load_with(Path::new(ranks), &options).expect("ranks").tokenizer;
            Box::new(move |text, ids| tokenizer.encode(text, ids))
        }
        "fastokens" => {
            let config = match encoding {
                "cl100k_base" => fastokens::TiktokenConfig::cl100k_base(),
                _ => fastokens::TiktokenConfig::o200k_base(),
            };
            let tokenizer = fastokens::Tokenizer::from_tiktoken_file(Path::new(ranks), config);
            let tokenizer = tokenizer.expect("ranks");
            Box::new(move |text, ids| ids.extend(tokenizer.encode(text).expect("ids")))
        }
        "tiktoken" => {
            let tokenizer = match encoding {
                "cl100k_base" => tiktoken::encoding::cl100k_base(),
                _ => tiktoken::encoding::o200k_base(),
            };
            Box::new(move |text, ids| ids.extend(tokenizer.encode(text)))
        }
        _ => {
            let tokenizer = match encoding {
                "cl100k_base" => tiktoken_rs::cl100k_base(),
                _ => tiktoken_rs::o200k_base(),
            };
            let tokenizer = tokenizer.expect("ranks");
            Box::new(move |text, ids| ids.extend(tokenizer.encode_ordinary(text)))
        }
    }
}

/// Encodes all documents; returns the CPU seconds, and a hash of the ids.
fn pass(encode: &Encode, documents: &[&str]) -> (f64, u64) {
    let (mut ids, mut hash, mut seconds) = (Vec::new(), Xxh3::new(), 0.0);
    for documents in documents.chunks(64) {
        let start = cpu_seconds();
        ids.clear();
        for text in documents {
            encode(text, &mut ids);
        }
        seconds += cpu_seconds() - start;
        for id in &ids {
            hash.update(&id.to_le_bytes());
        }
    }
    (seconds, hash.digest())
}

/// Encodes all documents on two threads; returns the CPU seconds of both.
fn two_threads(encode: &Encode, documents: &[&str]) -> f64 {
    let start = cpu_seconds();
    std::thread::scope(|scope| {
        for thread in 0..2 {
            scope.spawn(move || {
                let mut ids = Vec::new();
                for text in documents.iter().skip(thread).step_by(2) {
                    ids.clear();
                    encode(text, &mut ids);
                }
            });
        }
    });
    cpu_seconds() - start
}

/// Cuts all documents into pieces; returns the CPU seconds.
fn split(documents: &[&str]) -> f64 {
    let splitter = Splitter::default();
    let start = cpu_seconds();
    let mut n_pieces = 0;
    for text in documents {
        splitter.split(text, |piece| n_pieces += piece.len().min(1));
    }
    std::hint::black_box(n_pieces);
    cpu_seconds() - start
}

fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}
