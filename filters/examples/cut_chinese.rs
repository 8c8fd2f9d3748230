//! Times the words of Chinese text against jieba-rs.
//!
//! ```text
//! cargo run --release -p corpusmill-filters --example cut_chinese -- TEXT_FILE
//! ```
//!
//! Both cut each run of Han of the file and hash the words. The rounds alternate between the two; each line holds the
//! CPU seconds of a round and the MB of Han that it cut in one of them. Before them stands the start of each: the CPU
//! seconds until the first word of the process. The last line compares all words.

#![allow(clippy::print_stdout)]

use std::error::Error;
use std::{env, fs, hint};

use corpusmill_filters::segment::{self, Segment, is_han};
use corpusmill_filters::{Tag, Words};
use jieba_rs::Jieba;
use rustix::time::{ClockId, clock_gettime};

const ROUNDS: usize = 5;
/// Each round goes over the text as often as it takes to cut this much.
const ROUND_BYTES: usize = 20_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let path = env::args().nth(1).ok_or("usage: cut_chinese TEXT_FILE")?;
    let text = fs::read_to_string(path)?;
    let runs: Vec<&str> = text.split(|char| !is_han(char)).filter(|run| !run.is_empty()).collect();
    let n_bytes: usize = runs.iter().map(|run| run.len()).sum();
    let first = runs.first().ok_or("the file holds no Han")?;

    let mut segments = Vec::new();
    let ours = seconds(|| Words::Unicode.cut(first, Tag::ZH, &mut segments));
    let mut jieba = None;
    let theirs = seconds(|| {
        hint::black_box(jieba.insert(Jieba::new()).cut(first, true));
    });
    println!("start         corpusmill {ours:.6} s    jieba-rs {theirs:.6} s");
    let jieba = jieba.ok_or("jieba-rs did not start")?;

    let times = ROUND_BYTES.div_ceil(n_bytes);
    let megabytes = (times * n_bytes) as f64 / 1e6;
    println!("{} runs of Han, {:.1} MB, {times} times a round", runs.len(), n_bytes as f64 / 1e6);
    // The whole text: also what stands between the runs.
    let whole_times = ROUND_BYTES.div_ceil(text.len());
    let mut whole = Vec::new();
    for round in 1..=ROUNDS {
        let ours = seconds(|| {
            for _ in 0..times {
                for run in &runs {
                    segments.clear();
                    Words::Unicode.cut(run, Tag::ZH, &mut segments);
                    hint::black_box(&segments);
                }
            }
        });
        let theirs = seconds(|| {
            for _ in 0..times {
                for run in &runs {
                    for token in jieba.cut(run, true) {
                        hint::black_box(segment::hash(token.word.as_bytes()));
                    }
                }
            }
        });
        let all = seconds(|| {
            for _ in 0..whole_times {
                whole.clear();
                Words::Unicode.cut(&text, Tag::ZH, &mut whole);
                hint::black_box(&whole);
            }
        });
        println!(
            "round {round}       corpusmill {ours:.3} s {:.1} MB/s    jieba-rs {theirs:.3} s {:.1} MB/s    whole text {:.1} MB/s",
            megabytes / ours,
            megabytes / theirs,
            (whole_times * text.len()) as f64 / 1e6 / all,
        );
    }
    let n_chars: usize = runs.iter().map(|run| run.chars().count()).sum();
    let differences = runs.iter().filter(|run| !is_cut_alike(&jieba, run, &mut segments)).count();
    println!("{n_chars} characters compared, {differences} runs differ");
    Ok(())
}

fn is_cut_alike(jieba: &Jieba, run: &str, segments: &mut Vec<Segment>) -> bool {
    segments.clear();
    Words::Unicode.cut(run, Tag::ZH, segments);
    let theirs = jieba.cut(run, true);
    let ends = segments.iter().map(|segment| (segment.end as usize, segment.chars as usize));
    ends.eq(theirs.iter().map(|token| (token.byte_end, token.end - token.start)))
}

/// Returns the CPU seconds of this thread.
fn seconds(mut work: impl FnMut()) -> f64 {
    let now = || {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
    };
    let start = now();
    work();
    now() - start
}
