//! Checks a finished dataset: every file, every count, and that the token shards hold the documents.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::datatypes::UInt64Type;
use models::Tokenizer;
use parquet::file::reader::{FileReader, SerializedFileReader};
use rayon::prelude::*;

use crate::config::{Documents, KeepRemoved};
use crate::disk::{FileSeal, seal_file};
use crate::pipeline::Pipeline;
use crate::runner::{CLUSTERS, MANIFEST, Manifest};
use crate::token_shards::TokenShard;
use crate::tokenize::tokenizer_path;
use crate::why::{files_of, for_each_line, for_each_match, is_jsonl, strings};

/// What was looked at, and what is wrong with it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Verified {
    /// Files whose checksums were compared.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Documents that were counted.
    pub documents: u64,
    /// Tokens that were counted.
    pub tokens: u64,
    /// Documents whose tokens were decoded and compared with their text.
    pub decoded: u64,
    /// Everything that is wrong, each with its place.
    pub problems: Vec<String>,
}

/// Files beside the dataset that no checksum covers: what may differ between runs, and what has a manifest of its own.
const BESIDE: [&str; 5] = [MANIFEST, "report.json", "report.html", "model", "work"];

/// Documents of each shard that are decoded.
const DECODED_PER_SHARD: u64 = 20;

/// Checks the dataset in `dir`.
///
/// # Errors
/// When there is no manifest. Whatever else is wrong is a problem of the result, so that all of it is told.
pub fn verify(dir: &Path) -> Result<Verified> {
    let manifest = Manifest::read(dir)?;
    let manifest = manifest.with_context(|| format!("{}: has no {MANIFEST}", dir.display()))?;
    let mut check = Check { dir, manifest: &manifest, verified: Verified::default() };
    check.files();
    check.strays(dir, "");
    check.conservation();
    let pipeline = check.attempt("pipeline.toml", |_| read_pipeline(dir));
    if let Some(Pipeline { output, .. }) = pipeline {
        if output.documents != Documents::None {
            check.documents();
        }
        if output.removed != KeepRemoved::None {
            check.removed();
        }
        check.clusters();
        check.tokens(output.documents != Documents::None);
    }
    Ok(check.verified)
}

struct Check<'a> {
    dir: &'a Path,
    manifest: &'a Manifest,
    verified: Verified,
}

impl Check<'_> {
    fn problem(&mut self, problem: String) {
        self.verified.problems.push(problem);
    }

    /// Does a part of the check; what stops it is a problem like any other.
    fn attempt<T>(&mut self, what: &str, part: impl FnOnce(&mut Self) -> Result<T>) -> Option<T> {
        part(self).map_err(|error| self.problem(format!("{what}: {error:#}"))).ok()
    }

    fn expect(&mut self, what: &str, found: u64, expected: u64) {
        if found != expected {
            self.problem(format!("{what}: found {found}, the manifest says {expected}"));
        }
    }

    /// Compares every file with its checksum.
    fn files(&mut self) {
        let check = |file: &FileSeal| match seal_file(&self.dir.join(&file.path)) {
            Err(error) => Some(format!("{error:#}")),
            Ok(found) if found.bytes != file.bytes => Some(format!(
                "{}: {} bytes, the manifest says {}",
                file.path, found.bytes, file.bytes
            )),
            Ok(found) if found.xxh3 != file.xxh3 => {
                Some(format!("{}: its bytes are not those that were written", file.path))
            }
            Ok(_) => None,
        };
        let problems: Vec<_> = self.manifest.files.par_iter().filter_map(check).collect();
        self.verified.problems.extend(problems);
        self.verified.files = self.manifest.files.len() as u64;
        self.verified.bytes = self.manifest.files.iter().map(|file| file.bytes).sum();
    }

    /// Looks for files that the manifest does not know.
    fn strays(&mut self, folder: &Path, name: &str) {
        let entries =
            self.attempt(name, |_| Ok(fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?));
        let mut entries = entries.unwrap_or_default();
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let file = entry.file_name().to_string_lossy().into_owned();
            let name = if name.is_empty() { file } else { format!("{name}/{file}") };
            if BESIDE.contains(&name.as_str()) {
                continue;
            }
            if entry.path().is_dir() {
                self.strays(&entry.path(), &name);
            } else if self.manifest.files.iter().all(|file| file.path != name) {
                self.problem(format!("{name}: the manifest does not know this file"));
            }
        }
    }

    /// Checks that no row was lost or made.
    fn conservation(&mut self) {
        let Manifest { read, left_out, kept, removed, stages, .. } = self.manifest;
        let accounted = left_out + kept + removed.values().sum::<u64>();
        if *read != accounted {
            self.problem(format!("{read} rows were read, but {accounted} are accounted for"));
        }
        for pair in stages.windows(2) {
            if pair[0].left != pair[1].entered {
                let [before, after] = [&pair[0], &pair[1]];
                self.problem(format!(
                    "{} rows left {}, but {} entered {}",
                    before.left, before.name, after.entered, after.name
                ));
            }
        }
    }

    fn documents(&mut self) {
        let counted = self.attempt("documents", |check| {
            let mut n_rows = 0;
            for path in files_of(check.dir, "documents")? {
                match is_jsonl(&path) {
                    true => for_each_line(&path, |_| n_rows += 1)?,
                    false => n_rows += parquet_rows(&path)?,
                }
            }
            Ok(n_rows)
        });
        let Some(n_rows) = counted else { return };
        self.verified.documents = n_rows;
        self.expect("documents", n_rows, self.manifest.kept);
    }

    /// Counts removed rows by cause.
    fn removed(&mut self) {
        let counted = self.attempt("removed", |check| {
            let mut counts: BTreeMap<String, u64> = BTreeMap::new();
            for path in files_of(check.dir, "removed")? {
                let all = |batch: &RecordBatch| BooleanArray::from(vec![true; batch.num_rows()]);
                for_each_match(&path, &["cause"], all, |batch| {
                    for cause in strings(batch, "cause").iter().flatten() {
                        *counts.entry(cause.to_owned()).or_default() += 1;
                    }
                    Ok(())
                })?;
            }
            Ok(counts)
        });
        let Some(counts) = counted else { return };
        let causes: BTreeSet<&String> = counts.keys().chain(self.manifest.removed.keys()).collect();
        let number =
            |counts: &BTreeMap<String, u64>, cause| counts.get(cause).copied().unwrap_or(0);
        for cause in causes {
            let (found, expected) = (number(&counts, cause), number(&self.manifest.removed, cause));
            self.expect(&format!("removed, {cause}"), found, expected);
        }
    }

    /// Counts duplicates by the stage that removed them.
    fn clusters(&mut self) {
        let path = self.dir.join(CLUSTERS);
        if !path.exists() {
            return;
        }
        let counted = self.attempt(CLUSTERS, |_| {
            let mut counts: BTreeMap<String, u64> = BTreeMap::new();
            let all = |batch: &RecordBatch| BooleanArray::from(vec![true; batch.num_rows()]);
            for_each_match(&path, &["stage"], all, |batch| {
                for stage in strings(batch, "stage").iter().flatten() {
                    *counts.entry(stage.to_owned()).or_default() += 1;
                }
                Ok(())
            })?;
            Ok(counts)
        });
        for (stage, found) in counted.unwrap_or_default() {
            let expected = self.manifest.removed.get(&stage).copied().unwrap_or(0);
            self.expect(&format!("{CLUSTERS}, {stage}"), found, expected);
        }
    }

    /// Opens every shard, and decodes some documents of each.
    fn tokens(&mut self, has_documents: bool) {
        if self.manifest.tokens.is_empty() {
            return;
        }
        let tokenizer =
            self.attempt("tokenizer", |check| Ok(models::load(&tokenizer_path(check.dir))?));
        let mut n_documents = 0;
        let mut decoded: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (split, expected) in &self.manifest.tokens {
            let (mut documents, mut tokens) = (0, 0);
            let folder = format!("tokens/{split}");
            let shards = self.attempt(&folder, |check| files_of(check.dir, &folder));
            for path in shards.unwrap_or_default() {
                if path.extension().is_none_or(|ending| ending != "bin") {
                    continue;
                }
                let prefix = path.with_extension("");
                let name = path.display().to_string();
                let Some(shard) = self.attempt(&name, |_| TokenShard::open(&prefix)) else {
                    continue;
                };
                documents += shard.n_documents();
                tokens += shard.n_tokens();
                if let (Some(tokenizer), true) = (&tokenizer, has_documents) {
                    let sample =
                        self.attempt(&name, |_| sample(&prefix, &shard, tokenizer.as_ref()));
                    for (id, text) in sample.unwrap_or_default() {
                        decoded.entry(id).or_default().push(text);
                    }
                }
            }
            self.expect(&format!("{folder}: documents"), documents, expected.documents);
            self.expect(&format!("{folder}: tokens"), tokens, expected.tokens);
            n_documents += documents;
            self.verified.tokens += tokens;
        }
        self.expect("tokens: documents", n_documents, self.manifest.kept);
        self.verified.decoded = decoded.values().map(|texts| texts.len() as u64).sum();
        if let Some(tokenizer) = tokenizer {
            self.attempt("documents", |check| check.compare(decoded, tokenizer.as_ref()));
        }
    }

    /// Compares decoded texts with the documents of the same ids.
    fn compare(
        &mut self,
        decoded: BTreeMap<String, Vec<String>>,
        tokenizer: &dyn Tokenizer,
    ) -> Result<()> {
        let decoded = Arc::new(decoded);
        let mut unseen: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (id, texts) in decoded.iter() {
            unseen.insert(id, texts.iter().map(String::as_str).collect());
        }
        // Ids need not be unique: a text is found if any document of its id has it.
        let mut strike = |id: &str, text: &str| {
            if let Some(texts) = unseen.get_mut(id) {
                // A tokenizer with a normalizer gives the normalized text back.
                let text = tokenizer.normalize(text);
                texts.retain(|other| *other != text);
            }
        };
        for path in files_of(self.dir, "documents")? {
            if is_jsonl(&path) {
                for_each_line(&path, |row| {
                    let value = |name: &str| row.get(name).and_then(|value| value.as_str());
                    strike(value("id").unwrap_or_default(), value("text").unwrap_or_default());
                })?;
                continue;
            }
            let wanted = decoded.clone();
            let is_wanted = move |batch: &RecordBatch| -> BooleanArray {
                strings(batch, "id").iter().map(|id| Some(wanted.contains_key(id?))).collect()
            };
            for_each_match(&path, &["id"], is_wanted, |batch| {
                let (ids, texts) = (strings(batch, "id"), strings(batch, "text"));
                ids.iter().zip(&texts).for_each(|(id, text)| {
                    strike(id.unwrap_or_default(), text.unwrap_or_default());
                });
                Ok(())
            })?;
        }
        let wrong: Vec<&str> =
            unseen.iter().filter(|(_, texts)| !texts.is_empty()).map(|(id, _)| *id).collect();
        for id in wrong {
            let problem = format!("document {id}: its tokens do not decode to its text");
            self.verified.problems.push(problem);
        }
        Ok(())
    }
}

fn read_pipeline(dir: &Path) -> Result<Pipeline> {
    Ok(toml::from_str(&fs::read_to_string(dir.join("pipeline.toml"))?)?)
}

fn parquet_rows(path: &Path) -> Result<u64> {
    let place = || path.display().to_string();
    let file = fs::File::open(path).with_context(place)?;
    let reader = SerializedFileReader::new(file).with_context(place)?;
    Ok(reader.metadata().file_metadata().num_rows() as u64)
}

/// Decodes documents that are spread over a shard; checks the table of documents beside it on the way.
fn sample(
    prefix: &Path,
    shard: &TokenShard,
    tokenizer: &dyn Tokenizer,
) -> Result<Vec<(String, String)>> {
    let mut name = prefix.as_os_str().to_owned();
    name.push(".documents.parquet");
    let step = shard.n_documents().div_ceil(DECODED_PER_SHARD).max(1);
    let (mut number, mut end, mut texts) = (0, 0, Vec::new());
    let all = |batch: &RecordBatch| BooleanArray::from(vec![true; batch.num_rows()]);
    for_each_match(Path::new(&name), &["id"], all, |batch| {
        let ids = strings(batch, "id");
        let numbers = |name: &str| {
            let column =
                batch.column_by_name(name).and_then(|c| c.as_primitive_opt::<UInt64Type>());
            column.cloned().with_context(|| format!("no column {name}"))
        };
        let (starts, ends) = (numbers("start")?, numbers("end")?);
        for row in 0..batch.num_rows() {
            anyhow::ensure!(
                starts.value(row) == end,
                "document {number} does not begin at token {end}"
            );
            end = ends.value(row);
            if number % step == 0 {
                let tokens = shard.document(number)?;
                anyhow::ensure!(
                    tokens.len() as u64 == end - starts.value(row),
                    "document {number} differs in length"
                );
                let (_, text) = tokens.split_last().context("a document without its end")?;
                let text = String::from_utf8_lossy(&tokenizer.decode(text)).into_owned();
                texts.push((ids.value(row).to_owned(), text));
            }
            number += 1;
        }
        Ok(())
    })?;
    anyhow::ensure!(
        number == shard.n_documents(),
        "{number} documents in its table, {} in the index",
        shard.n_documents()
    );
    Ok(texts)
}
