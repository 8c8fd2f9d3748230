//! Makes the tables of `filters/segment/chinese/` from the files of jieba.
//!
//! ```text
//! cargo run --release -p corpusmill-filters --example chinese_tables -- dict.txt hmm.model filters/segment/chinese
//! ```
//!
//! `dict.txt` lies in `src/data` of the crate jieba-rs 0.10.4, `hmm.model` in `src` of jieba-macros 0.10.4. The same
//! files give the same tables. What each table holds is told in `segment/chinese/tables.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::path::Path;
use std::{env, fs};

use corpusmill_filters::segment::is_han;

/// The characters that have a number.
const CODES: std::ops::RangeInclusive<char> = '\u{4E00}'..='\u{9FFF}';
/// The characters that jieba's model looks at; it passes over all others.
const MODEL_CODES: std::ops::RangeInclusive<char> = '\u{4E00}'..='\u{9FD5}';
/// The number of a character that neither the dictionary nor the model knows, though the model looks at it.
const UNKNOWN: u16 = 1;
/// Stands for an emission that the model lacks.
const NEVER: i32 = i32::MIN;

const NUMBER_BITS: u32 = 14;
const SCORE_BITS: u32 = 14;
const BASE_BITS: u32 = 20;
/// Base 0 says that a node has no children, and so must be nobody's.
const ROOT_BASE: usize = 1;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = env::args().skip(1).collect();
    let [dict, model, folder] = args.as_slice() else {
        return Err("usage: chinese_tables DICT_TXT HMM_MODEL FOLDER".into());
    };
    let (words, total) = read_words(&fs::read_to_string(dict)?)?;
    let emissions = read_emissions(&fs::read_to_string(model)?)?;
    let numbers = number_characters(&words, &emissions);

    let mut codes = Vec::new();
    for char in CODES {
        let unseen = if MODEL_CODES.contains(&char) { UNKNOWN } else { 0 };
        let number = numbers.get(&char).copied().unwrap_or(unseen);
        codes.extend(number.to_le_bytes());
    }

    let by_number: BTreeMap<u16, char> = numbers.iter().map(|(&char, &id)| (id, char)).collect();
    let mut emitted: Vec<u8> =
        [NEVER; 4 * (UNKNOWN as usize + 1)].iter().flat_map(|n| n.to_le_bytes()).collect();
    for char in by_number.values() {
        let millionths = emissions.get(char).copied().unwrap_or([NEVER; 4]);
        emitted.extend(millionths.iter().flat_map(|n| n.to_le_bytes()));
    }

    // A score is the logarithm as jieba-rs computes it, stored to the last bit: sums of them decide between two ways
    // to cut, and must not depend on the machine's mathematics.
    let log_total = (total as f64).ln();
    let frequencies: BTreeSet<u64> = words.values().copied().collect();
    let mut scores = Vec::new();
    scores.extend((0.0 - log_total).to_le_bytes());
    for &frequency in &frequencies {
        scores.extend(((frequency as f64).ln() - log_total).to_le_bytes());
    }
    let ranks: BTreeMap<u64, u64> = frequencies.into_iter().zip(1..).collect();

    let mut trie = Trie::default();
    for (word, frequency) in &words {
        trie.insert(word.chars().map(|char| numbers[&char]), ranks[frequency]);
    }
    let slots = trie.pack()?;

    let folder = Path::new(folder);
    fs::write(folder.join("codes.bin"), codes)?;
    fs::write(folder.join("emissions.bin"), emitted)?;
    fs::write(folder.join("scores.bin"), scores)?;
    fs::write(folder.join("slots.bin"), slots)?;
    Ok(())
}

/// Returns the words of Han alone with their frequencies, and the sum of the frequencies of all words.
fn read_words(dict: &str) -> Result<(BTreeMap<String, u64>, u64), Box<dyn Error>> {
    let (mut words, mut total) = (BTreeMap::new(), 0);
    for line in dict.lines() {
        let mut fields = line.split_whitespace();
        let (Some(word), Some(frequency)) = (fields.next(), fields.next()) else {
            return Err(format!("dictionary: no word and frequency in `{line}`").into());
        };
        let frequency: u64 = frequency.parse()?;
        if frequency == 0 {
            return Err(format!("dictionary: frequency 0 in `{line}`").into());
        }
        total += frequency;
        if word.chars().all(is_han) {
            if !word.chars().all(|char| MODEL_CODES.contains(&char)) {
                return Err(format!("dictionary: `{word}` is out of the table of numbers").into());
            }
            words.insert(word.to_owned(), frequency);
        }
    }
    Ok((words, total))
}

/// Returns the logarithms of the emissions in millionths: begin, end, middle, single.
fn read_emissions(model: &str) -> Result<BTreeMap<char, [i32; 4]>, Box<dyn Error>> {
    // One line of starts, four of transitions (both are constants of model.rs), then one of emissions for each state.
    let lines = model.lines().filter(|line| !line.starts_with('#')).skip(5);
    let mut emissions = BTreeMap::new();
    for (state, line) in lines.enumerate() {
        for pair in line.split(',') {
            let bad = || format!("model: no emission in `{pair}`");
            let (char, log) = pair.split_once(':').ok_or_else(bad)?;
            let char: char = char.parse()?;
            let millionths = (log.parse::<f64>()? * 1e6).round();
            // The cutter divides again: that must give the very number of the file.
            if millionths / 1e6 != log.parse::<f64>()? {
                return Err(bad().into());
            }
            if MODEL_CODES.contains(&char) {
                emissions.entry(char).or_insert([NEVER; 4])[state] = millionths as i32;
            }
        }
    }
    Ok(emissions)
}

/// Numbers the characters by the number of prefixes of words that they end, the most first: small numbers in large
/// families pack well. Last come those that only the model knows.
fn number_characters(
    words: &BTreeMap<String, u64>,
    emissions: &BTreeMap<char, [i32; 4]>,
) -> BTreeMap<char, u16> {
    let mut prefixes: BTreeSet<&str> = BTreeSet::new();
    let mut counts: BTreeMap<char, u64> = emissions.keys().map(|&char| (char, 0)).collect();
    for word in words.keys() {
        for (at, char) in word.char_indices() {
            if prefixes.insert(word.get(..at + char.len_utf8()).unwrap_or_default()) {
                *counts.entry(char).or_default() += 1;
            }
        }
    }
    let mut chars: Vec<(char, u64)> = counts.into_iter().collect();
    chars.sort_by_key(|&(char, count)| (std::cmp::Reverse(count), char));
    chars.into_iter().map(|(char, _)| char).zip(UNKNOWN + 1..).collect()
}

/// The words, character by character.
struct Trie {
    nodes: Vec<Node>,
}

#[derive(Default)]
struct Node {
    children: BTreeMap<u16, usize>,
    /// The rank of the word's frequency, 0 if no word ends here.
    rank: u64,
}

impl Default for Trie {
    fn default() -> Trie {
        Trie { nodes: vec![Node::default()] }
    }
}

impl Trie {
    fn insert(&mut self, numbers: impl Iterator<Item = u16>, rank: u64) {
        let mut at = 0;
        for number in numbers {
            let next = self.nodes.len();
            at = *self.nodes[at].children.entry(number).or_insert(next);
            if at == next {
                self.nodes.push(Node::default());
            }
        }
        self.nodes[at].rank = rank;
    }

    /// Lays the nodes into a row of slots: the child `number` of a node is in slot `base + number`, where the base is its
    /// parent's. No two nodes have the same base, so that the number in a slot tells whose child it is.
    fn pack(&self) -> Result<Vec<u8>, Box<dyn Error>> {
        let mut parents: Vec<usize> =
            (1..self.nodes.len()).filter(|&node| !self.nodes[node].children.is_empty()).collect();
        // Large families first: the small ones fit into their gaps.
        parents.sort_by_key(|&node| std::cmp::Reverse(self.nodes[node].children.len()));

        let mut taken = vec![false; 1 << BASE_BITS];
        let mut base_taken = vec![false; 1 << BASE_BITS];
        let mut bases = vec![0; self.nodes.len()];
        for &number in self.nodes[0].children.keys() {
            taken[ROOT_BASE + usize::from(number)] = true;
        }
        base_taken[..=ROOT_BASE].fill(true);
        bases[0] = ROOT_BASE;
        let mut first_free = 1;
        for node in parents {
            let numbers: Vec<usize> =
                self.nodes[node].children.keys().map(|&number| usize::from(number)).collect();
            let base = (first_free.max(numbers[0] + 1)..taken.len() - usize::from(u16::MAX))
                .filter(|&slot| !taken[slot])
                .map(|slot| slot - numbers[0])
                .find(|&base| !base_taken[base] && numbers.iter().all(|id| !taken[base + id]))
                .ok_or("the dictionary does not fit into the slots")?;
            for number in &numbers {
                taken[base + number] = true;
            }
            base_taken[base] = true;
            bases[node] = base;
            while taken[first_free] {
                first_free += 1;
            }
        }
        self.write(&bases)
    }

    fn write(&self, bases: &[usize]) -> Result<Vec<u8>, Box<dyn Error>> {
        let mut slots: Vec<u64> = Vec::new();
        for (node, &base) in self.nodes.iter().zip(bases) {
            for (&number, &child) in &node.children {
                let at = base + usize::from(number);
                if at >= slots.len() {
                    slots.resize(at + 1, 0);
                }
                let (rank, base) = (self.nodes[child].rank, bases[child] as u64);
                if number >> NUMBER_BITS != 0 || rank >> SCORE_BITS != 0 || base >> BASE_BITS != 0 {
                    return Err("a slot does not fit into 48 bits".into());
                }
                slots[at] =
                    u64::from(number) | rank << NUMBER_BITS | base << (NUMBER_BITS + SCORE_BITS);
            }
        }
        Ok(slots.iter().flat_map(|slot| slot.to_le_bytes().into_iter().take(6)).collect())
    }
}
