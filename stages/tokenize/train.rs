//! Learns a tokenizer from all documents: a census of one round.
//!
//! Words are counted by language and summed on the way; the seal goes through the sums three times: it measures them, learns the
//! merges, and reports what they make of the text. Learning is one thread's work and follows from the sums alone, so that
//! threads, memory and tasks cannot change it. It needs the distinct words in memory: if they do not fit, it fails
//! before it begins and says which words would.

use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use arrow::datatypes::SchemaRef;
use models::{Bpe, BpeTrainer, BpeTraining, RANKS, Splitter};

use super::report::{Report, TrainingReport, Usage};
use super::temperature::{Weights, weights};
use super::words::{CountedWord, CountedWords, Counts};
use super::{Encode, tokens_field};
use crate::batch::{Batch, with_field};
use crate::pipeline::Built;
use crate::rows::{Combine, Decisions, Gathered, Layout, Ranges, Rows, Seal, Sealed, SortedRows};
use crate::runner::{memory_for_rows, rows_memory};
use crate::{Census, Round, Stage};

/// What the seal of the training writes, and the names of these files in the folder `tokenizer` of a dataset.
pub(super) const FILES: [&str; 4] = ["tokenizer.json", RANKS, "tiktoken.json", "report.json"];

/// Learning may take this much, in bytes, however small the budget is: while it runs, no thread holds documents.
const LEAST_MEMORY: u64 = 32 << 20;

/// Makes the stage.
pub(super) fn build(options: &BpeTraining, end: &str, n_ranges: u32) -> Result<Built> {
    let mut options = options.clone();
    if !options.special_tokens.iter().any(|token| token == end) {
        options.special_tokens.push(end.to_owned());
    }
    options.check().context("train")?;
    let splitter = options.splitter().context("train")?;
    let count = CountWords { splitter, options, n_ranges };
    Ok(Built::Census(Arc::new(TrainTokenizer { end: end.to_owned(), rounds: [Box::new(count)] })))
}

struct TrainTokenizer {
    end: String,
    rounds: [Box<dyn Round>; 1],
}

impl Census for TrainTokenizer {
    fn name(&self) -> &str {
        "tokenize"
    }

    fn rounds(&self) -> &[Box<dyn Round>] {
        &self.rounds
    }

    fn schema(&self, input: SchemaRef) -> Result<SchemaRef> {
        Ok(with_field(&input, tokens_field()))
    }

    fn open(&self, sealed: Sealed) -> Result<Box<dyn Stage>> {
        let files = FILES.map(|name| (format!("tokenizer/{name}"), sealed.whole(name)));
        let files = files.into_iter().filter(|(_, path)| path.exists()).collect();
        Ok(Box::new(Encode::open_learnt(&sealed.whole(FILES[0]), &self.end, files)?))
    }
}

/// Counts the pieces that the splitter cuts text into.
struct CountWords {
    splitter: Splitter,
    options: BpeTraining,
    n_ranges: u32,
}

impl Round for CountWords {
    fn layout(&self) -> Layout {
        Layout { combine: Combine::Sum, ranges: Ranges::Hash(self.n_ranges) }
    }

    fn scan(&self, batch: &Batch, _: &Decisions, rows: &mut Rows) -> Result<()> {
        let mut counts = Counts::default();
        counts.add(batch, &self.splitter, self.options.max_word_bytes);
        counts.emit(|key, count| {
            rows.emit_count(key, count);
            Ok(())
        })
    }

    fn gather(&self, rows: &mut SortedRows, out: &mut Gathered) -> Result<()> {
        while rows.next_group()? {
            let key = rows.key().to_vec();
            while let Some(count) = rows.next_value()? {
                out.emit(&key, count)?;
            }
        }
        Ok(())
    }

    fn seal(&self, seal: &mut Seal) -> Result<()> {
        let learnt = learn(|| seal.rows(), &self.options, seal.budget() as u64)?;
        for (name, text) in learnt.files()? {
            seal.whole(name, text.as_bytes())?;
        }
        Ok(())
    }
}

/// A tokenizer that was learnt from a corpus, and what it makes of it.
#[derive(Debug)]
pub struct Learnt {
    /// The tokenizer.
    pub tokenizer: Bpe,
    /// The report.
    pub report: Report,
}

impl Learnt {
    /// Returns the files of a trained tokenizer, by name. There is none for tiktoken where it could not cut text alike.
    ///
    /// # Errors
    /// When a number cannot be written as JSON.
    pub fn files(&self) -> Result<Vec<(&'static str, String)>> {
        let [json, ranks, tiktoken, report] = FILES;
        let mut files = vec![(json, self.tokenizer.to_json())];
        if let Some(about) = self.tokenizer.to_tiktoken("corpusmill") {
            files.push((ranks, self.tokenizer.to_ranks()));
            files.push((tiktoken, about));
        }
        files.push((report, self.report.to_json()?));
        Ok(files)
    }
}

/// Returns the most that learning may take of the memory that the steps share, in bytes.
pub fn learning_memory(memory: u64) -> u64 {
    rows_memory(memory).max(LEAST_MEMORY)
}

/// Learns from counted words, which `open` streams as often as it is called, in at most `budget` bytes.
pub(super) fn learn(
    open: impl Fn() -> Result<SortedRows>,
    options: &BpeTraining,
    budget: u64,
) -> Result<Learnt> {
    let mut words = CountedWords::open(open()?)?;
    let totals = words.totals().clone();
    let mut sizes = Sizes::default();
    let mut word = CountedWord::default();
    while words.next(&mut word)? {
        sizes.add(word.bytes.len() as u64, word.count());
    }
    sizes.check(options.min_word_count, budget.max(LEAST_MEMORY))?;
    let bytes = totals.iter().map(|(language, totals)| (language.as_str(), totals.bytes));
    let Weights { one, by_language: weights } = weights(bytes, options.language_temperature);

    let (n_words, n_bytes) = sizes.at_least(options.min_word_count);
    let mut trainer = BpeTrainer::new(options)?;
    trainer.reserve(usize::try_from(n_words)?, usize::try_from(n_bytes)?);
    let mut words = CountedWords::open(open()?)?;
    while words.next(&mut word)? {
        if word.count() >= options.min_word_count {
            let weigh = |(language, count): &(String, u64)| {
                let weight = weights.get(language.as_str()).copied().unwrap_or(one);
                u128::from(*count) * u128::from(weight)
            };
            let weight: u128 = word.counts.iter().map(weigh).sum();
            let weight = u64::try_from(weight).context("the counts of a word pass 2^48")?;
            ensure!(trainer.push(&word.bytes, weight)?, "a word that was never seen");
        }
    }
    let trained = trainer.train(options.min_frequency.max(1).saturating_mul(one));

    let mut usage = Usage::new(&trained.tokenizer);
    for (language, totals) in &totals {
        usage.add_text(language, totals.documents, totals.bytes);
    }
    let (mut learnt, mut ids) = (0, Vec::new());
    let mut words = CountedWords::open(open()?)?;
    while words.next(&mut word)? {
        ids.clear();
        if word.count() >= options.min_word_count {
            ids.extend_from_slice(trained.ids(learnt));
            learnt += 1;
        } else {
            trained.tokenizer.encode_word(&word.bytes, &mut ids);
        }
        for (language, count) in &word.counts {
            usage.add_ids(language, &ids, *count);
        }
    }
    let sum = |of: fn(&super::words::Totals) -> u64| totals.values().map(of).sum();
    let rare = sizes.below(options.min_word_count);
    let training = TrainingReport {
        words: n_words,
        rare_words: rare.words,
        rare_occurrences: rare.occurrences,
        cut_pieces: sum(|totals| totals.cut_pieces),
        cut_bytes: sum(|totals| totals.cut_bytes),
        memory_bytes: BpeTrainer::memory(n_words, n_bytes),
        weights: weights
            .iter()
            .map(|(language, &weight)| ((*language).to_owned(), weight as f64 / one as f64))
            .collect(),
    };
    let report = Report::new(&trained.tokenizer, &usage, Some(training));
    Ok(Learnt { tokenizer: trained.tokenizer, report })
}

/// The number of distinct words and of their bytes, by how often they were seen.
#[derive(Debug, Default)]
struct Sizes {
    /// Words seen once, twice, ...; the last one: more often.
    by_count: Vec<Size>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Size {
    words: u64,
    bytes: u64,
    occurrences: u64,
}

/// Counts that are told apart.
const MAX_COUNT: u64 = 100_000;

impl Sizes {
    fn add(&mut self, bytes: u64, count: u64) {
        let at = count.min(MAX_COUNT) as usize;
        if self.by_count.len() <= at {
            self.by_count.resize(at + 1, Size::default());
        }
        let size = &mut self.by_count[at];
        size.words += 1;
        size.bytes += bytes;
        size.occurrences += count;
    }

    /// Returns words and bytes of those seen at least `count` times.
    fn at_least(&self, count: u64) -> (u64, u64) {
        let from = self.by_count.iter().skip(count.min(MAX_COUNT) as usize);
        from.fold((0, 0), |(words, bytes), size| (words + size.words, bytes + size.bytes))
    }

    /// Returns the sum over those seen less often.
    fn below(&self, count: u64) -> Size {
        let below = self.by_count.iter().take(count.min(MAX_COUNT) as usize);
        below.fold(Size::default(), |sum, size| Size {
            words: sum.words + size.words,
            bytes: sum.bytes + size.bytes,
            occurrences: sum.occurrences + size.occurrences,
        })
    }

    /// Fails if the words do not fit into `memory` bytes.
    fn check(&self, min_word_count: u64, memory: u64) -> Result<()> {
        let needed = |count| {
            let (words, bytes) = self.at_least(count);
            BpeTrainer::memory(words, bytes)
        };
        if needed(min_word_count) <= memory {
            return Ok(());
        }
        let mib = |bytes: u64| bytes.div_ceil(1 << 20);
        let shared = memory_for_rows(needed(min_word_count));
        let (words, bytes) = self.at_least(min_word_count);
        let fits = (min_word_count + 1..=MAX_COUNT).find(|&count| needed(count) <= memory);
        let hint = match fits {
            Some(count) => {
                let rare = self.below(count).occurrences - self.below(min_word_count).occurrences;
                let all = self.below(u64::MAX).occurrences + self.last().occurrences;
                let share = 100.0 * rare as f64 / all.max(1) as f64;
                format!(
                    "`min_word_count = {count}` would fit, and leave out {share:.2} % of the text's words; \
                     or raise `memory` to {} MiB",
                    mib(shared)
                )
            }
            None => format!("raise `memory` to {} MiB", mib(shared)),
        };
        bail!(
            "{words} distinct words of {bytes} bytes need {} MiB to learn from, and there are {} MiB\nhint: {hint}",
            mib(needed(min_word_count)),
            mib(memory)
        )
    }

    fn last(&self) -> Size {
        self.by_count.get(MAX_COUNT as usize).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_do_not_fit_are_refused_with_the_count_that_would() {
        let mut sizes = Sizes::default();
        (0..1_000_000).for_each(|_| sizes.add(8, 1));
        (0..100_000).for_each(|_| sizes.add(8, 2));
        (0..1_000).for_each(|_| sizes.add(8, 70_000));
        sizes.check(2, 64 << 20).unwrap();
        let error = sizes.check(1, 64 << 20).unwrap_err().to_string();
        assert!(error.starts_with("1101000 distinct words of 8808000 bytes need "), "{error}");
        assert!(error.contains("`min_word_count = 2` would fit, and leave out 1.40 %"), "{error}");
    }
}
