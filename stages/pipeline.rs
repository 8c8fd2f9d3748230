//! A pipeline: input, a list of stages, output, and what is trained at the end.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use arrow::datatypes::SchemaRef;
use serde::{Deserialize, Serialize};

use crate::config::{Input, Output};
use crate::decontaminate::Decontaminate;
use crate::dedup_exact::DedupExact;
use crate::dedup_minhash::DedupMinhash;
use crate::dedup_spans::{DedupSentences, DedupSpans, Unit};
use crate::dedup_substring::DedupSubstring;
use crate::evaluate::Evaluate;
use crate::filter::FilterConfig;
use crate::index::{self, Indexed};
use crate::shards::{ShardWriter, Shards};
use crate::source::Source;
use crate::tokenize::Tokenize;
use crate::train::Train;
use crate::{Census, Stage};

/// Everything a pipeline file says.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pipeline {
    /// What random choices hash, together with the text.
    #[serde(default)]
    pub seed: u64,
    /// Which files are read.
    pub input: Input,
    /// Where the dataset goes.
    pub output: Output,
    /// The stages, in the order in which documents pass them.
    #[serde(default, rename = "stage")]
    pub stages: Vec<StageConfig>,
    /// The model that is trained on the finished dataset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train: Option<Train>,
    /// How that model is evaluated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluate: Option<Evaluate>,
}

/// One `[[stage]]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub enum StageConfig {
    /// Rules over single documents.
    Filter(FilterConfig),
    /// Removes exact copies.
    DedupExact(DedupExact),
    /// Removes near copies.
    DedupMinhash(DedupMinhash),
    /// Cuts repeated lines.
    DedupLines(DedupSpans),
    /// Cuts repeated paragraphs.
    DedupParagraphs(DedupSpans),
    /// Cuts repeated runs of sentences.
    DedupSentences(DedupSentences),
    /// Cuts out repeated passages.
    DedupSubstring(DedupSubstring),
    /// Removes documents that hold examples of evaluation sets.
    Decontaminate(Decontaminate),
    /// Trains or loads a tokenizer, and encodes.
    Tokenize(Tokenize),
    /// Shuffles documents into token shards.
    Shards(Shards),
}

/// A stage as files hold it: a filter may have keys beside its name, the others are a table of one.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Filter(FilterConfig),
    Lone(LoneStage),
}

/// A stage whose table has one key: its name.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoneStage {
    /// Removes exact copies.
    DedupExact(DedupExact),
    /// Removes near copies.
    DedupMinhash(DedupMinhash),
    /// Cuts repeated lines.
    DedupLines(DedupSpans),
    /// Cuts repeated paragraphs.
    DedupParagraphs(DedupSpans),
    /// Cuts repeated runs of sentences.
    DedupSentences(DedupSentences),
    /// Cuts out repeated passages.
    DedupSubstring(DedupSubstring),
    /// Removes documents that hold examples of evaluation sets.
    Decontaminate(Decontaminate),
    /// Trains or loads a tokenizer, and encodes.
    Tokenize(Tokenize),
    /// Shuffles documents into token shards.
    Shards(Shards),
}

impl From<LoneStage> for StageConfig {
    fn from(stage: LoneStage) -> StageConfig {
        match stage {
            LoneStage::DedupExact(config) => StageConfig::DedupExact(config),
            LoneStage::DedupMinhash(config) => StageConfig::DedupMinhash(config),
            LoneStage::DedupLines(config) => StageConfig::DedupLines(config),
            LoneStage::DedupParagraphs(config) => StageConfig::DedupParagraphs(config),
            LoneStage::DedupSentences(config) => StageConfig::DedupSentences(config),
            LoneStage::DedupSubstring(config) => StageConfig::DedupSubstring(config),
            LoneStage::Decontaminate(config) => StageConfig::Decontaminate(config),
            LoneStage::Tokenize(config) => StageConfig::Tokenize(config),
            LoneStage::Shards(config) => StageConfig::Shards(config),
        }
    }
}

impl From<Written> for StageConfig {
    fn from(written: Written) -> StageConfig {
        match written {
            Written::Filter(config) => StageConfig::Filter(config),
            Written::Lone(stage) => stage.into(),
        }
    }
}

impl From<StageConfig> for Written {
    fn from(config: StageConfig) -> Written {
        Written::Lone(match config {
            StageConfig::Filter(config) => return Written::Filter(config),
            StageConfig::DedupExact(config) => LoneStage::DedupExact(config),
            StageConfig::DedupLines(config) => LoneStage::DedupLines(config),
            StageConfig::DedupParagraphs(config) => LoneStage::DedupParagraphs(config),
            StageConfig::DedupSentences(config) => LoneStage::DedupSentences(config),
            StageConfig::DedupSubstring(config) => LoneStage::DedupSubstring(config),
            StageConfig::Decontaminate(config) => LoneStage::Decontaminate(config),
            StageConfig::DedupMinhash(config) => LoneStage::DedupMinhash(config.filled()),
            StageConfig::Tokenize(config) => LoneStage::Tokenize(config),
            StageConfig::Shards(config) => LoneStage::Shards(config),
        })
    }
}

/// What a stage needs to know of the run it is part of.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// The pipeline's seed.
    pub seed: u64,
    /// Into how many key ranges each round of a census is cut.
    pub n_ranges: u32,
    /// Into how many intervals the final shuffle is cut.
    pub n_intervals: u32,
}

/// A stage that is ready to run.
#[derive(Clone)]
pub enum Built {
    /// Judges batch by batch.
    Stage(Arc<dyn Stage>),
    /// Must see the whole corpus first.
    Census(Arc<dyn Census>),
    /// The final shuffle into token shards.
    Shards(Arc<ShardWriter>),
}

impl Built {
    /// Returns what the operator should know of the stage, whatever the documents are.
    pub fn warnings(&self) -> Vec<String> {
        match self {
            Built::Stage(stage) => stage.warnings(),
            Built::Census(_) | Built::Shards(_) => Vec::new(),
        }
    }
}

impl StageConfig {
    /// The names of all stages, as the pipeline file spells them.
    pub const NAMES: [&str; 10] = [
        "filter",
        "dedup_exact",
        "dedup_minhash",
        "dedup_lines",
        "dedup_paragraphs",
        "dedup_sentences",
        "dedup_substring",
        "decontaminate",
        "tokenize",
        "shards",
    ];

    /// Returns the name as the pipeline file spells it.
    pub fn name(&self) -> &'static str {
        match self {
            StageConfig::Filter(_) => "filter",
            StageConfig::DedupExact(_) => "dedup_exact",
            StageConfig::DedupMinhash(_) => "dedup_minhash",
            StageConfig::DedupLines(_) => "dedup_lines",
            StageConfig::DedupParagraphs(_) => "dedup_paragraphs",
            StageConfig::DedupSentences(_) => "dedup_sentences",
            StageConfig::DedupSubstring(_) => "dedup_substring",
            StageConfig::Decontaminate(_) => "decontaminate",
            StageConfig::Tokenize(_) => "tokenize",
            StageConfig::Shards(_) => "shards",
        }
    }

    /// Returns the files that the stage opens: they belong to the fingerprint of the run.
    pub fn references(&self) -> Vec<PathBuf> {
        match self {
            StageConfig::Filter(config) => {
                let files = config.rules.iter().flat_map(filters::Config::references);
                files.map(PathBuf::from).collect()
            }
            StageConfig::DedupExact(config) => index::references(&config.against),
            StageConfig::DedupLines(config) | StageConfig::DedupParagraphs(config) => {
                index::references(&config.against)
            }
            StageConfig::DedupSentences(config) => index::references(&config.against),
            StageConfig::Decontaminate(config) => config.references(),
            StageConfig::DedupMinhash(config) => {
                let mut files = index::references(&config.against);
                files.extend(config.tokenizer.iter().map(PathBuf::from));
                files
            }
            StageConfig::Tokenize(tokenize) => tokenize.load.iter().map(PathBuf::from).collect(),
            _ => Vec::new(),
        }
    }

    /// Returns the indexes that the stage is run against; `None` for a stage that cannot be.
    pub fn against(&mut self) -> Option<&mut Vec<String>> {
        match self {
            StageConfig::DedupExact(config) => Some(&mut config.against),
            StageConfig::DedupMinhash(config) => Some(&mut config.against),
            StageConfig::DedupLines(config) | StageConfig::DedupParagraphs(config) => {
                Some(&mut config.against)
            }
            StageConfig::DedupSentences(config) => Some(&mut config.against),
            _ => None,
        }
    }

    /// Returns what of the stage an index of a dataset holds; `None` for a stage that cannot be run against one.
    ///
    /// # Errors
    /// When a value makes no sense.
    pub fn indexed(&self) -> Result<Option<Box<dyn Indexed>>> {
        Ok(match self {
            StageConfig::DedupExact(config) => Some(Box::new(config.indexed()?)),
            StageConfig::DedupMinhash(config) => Some(Box::new(config.indexed()?)),
            StageConfig::DedupLines(config) => Some(Box::new(config.indexed(Unit::Lines))),
            StageConfig::DedupParagraphs(config) => {
                Some(Box::new(config.indexed(Unit::Paragraphs)))
            }
            StageConfig::DedupSentences(config) => Some(Box::new(config.indexed())),
            _ => None,
        })
    }

    /// Makes the stage.
    ///
    /// # Errors
    /// When a value makes no sense, or a file that the stage needs cannot be read.
    pub fn build(&self, setting: Setting) -> Result<Built> {
        Ok(match self {
            StageConfig::Filter(config) => config.build(setting.n_ranges)?,
            StageConfig::DedupExact(config) => {
                Built::Census(Arc::new(config.build(setting.n_ranges)?))
            }
            StageConfig::DedupMinhash(config) => {
                Built::Census(Arc::new(config.build(setting.n_ranges)?))
            }
            StageConfig::DedupLines(config) => {
                Built::Census(Arc::new(config.build(Unit::Lines, setting.n_ranges)?))
            }
            StageConfig::DedupParagraphs(config) => {
                Built::Census(Arc::new(config.build(Unit::Paragraphs, setting.n_ranges)?))
            }
            StageConfig::DedupSentences(config) => {
                Built::Census(Arc::new(config.build(setting.n_ranges)?))
            }
            StageConfig::DedupSubstring(config) => {
                Built::Census(Arc::new(config.build(setting.n_ranges)?))
            }
            StageConfig::Decontaminate(config) => Built::Stage(Arc::new(config.build()?)),
            StageConfig::Tokenize(config) => config.build(setting.n_ranges)?,
            StageConfig::Shards(config) => Built::Shards(Arc::new(config.build(setting)?)),
        })
    }
}

/// A mistake in a pipeline, and the stage it is in.
#[derive(Debug)]
pub struct Mistake {
    /// The number of the stage, from 0; `None` for the rest of the file.
    pub stage: Option<usize>,
    /// What is wrong.
    pub error: anyhow::Error,
}

impl Pipeline {
    /// Makes all stages.
    ///
    /// # Errors
    /// All mistakes at once.
    pub fn build(&self, setting: Setting) -> Result<Vec<Built>, Vec<Mistake>> {
        let mut built = Vec::new();
        let mut mistakes = Vec::new();
        for (i, config) in self.stages.iter().enumerate() {
            let order = self.check_order(i);
            match order.and_then(|()| config.build(setting)) {
                Ok(stage) => built.push(stage),
                Err(error) => mistakes.push(Mistake { stage: Some(i), error }),
            }
        }
        if let Err(error) = self.check_values() {
            mistakes.push(Mistake { stage: None, error });
        }
        if mistakes.is_empty() { Ok(built) } else { Err(mistakes) }
    }

    /// Fails if a rule needs a column that the input lacks.
    ///
    /// # Errors
    /// The first such rule.
    pub fn check_columns(&self, source: &Source) -> Result<()> {
        let filters = self.stages.iter().filter_map(|stage| match stage {
            StageConfig::Filter(config) => Some(&config.rules),
            _ => None,
        });
        for rule in filters.flatten() {
            for name in rule.columns_needed() {
                source.check_has(name, rule.name())?;
            }
        }
        Ok(())
    }

    /// Returns the columns of the documents that leave the last stage, given those of the input.
    ///
    /// # Errors
    /// When a stage misses a column.
    pub fn schema(built: &[Built], input: SchemaRef) -> Result<SchemaRef> {
        built.iter().try_fold(input, |schema, stage| match stage {
            Built::Stage(stage) => stage.schema(schema).with_context(|| stage.name().to_owned()),
            Built::Census(census) => {
                census.schema(schema).with_context(|| census.name().to_owned())
            }
            Built::Shards(shards) => shards.schema(schema).context("shards"),
        })
    }

    /// Returns the pipeline as it takes effect, defaults filled in.
    ///
    /// # Errors
    /// When a value cannot be written as TOML.
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string(self).context("cannot write the pipeline as TOML")
    }

    /// Leaves out the stages behind the last one that is called `name`, and the training.
    ///
    /// # Errors
    /// When there is no such stage.
    pub fn until(&mut self, name: &str) -> Result<()> {
        if name == "train" {
            self.evaluate = None;
            return Ok(());
        }
        let Some(last) = self.stages.iter().rposition(|stage| stage.name() == name) else {
            let names: Vec<_> = self.stages.iter().map(StageConfig::name).collect();
            bail!("there is no stage `{name}`\nhint: the stages are {}", names.join(", "));
        };
        self.stages.truncate(last + 1);
        (self.train, self.evaluate) = (None, None);
        Ok(())
    }

    fn check_order(&self, i: usize) -> Result<()> {
        let before = &self.stages[..i];
        let is_tokenize = |stage: &StageConfig| matches!(stage, StageConfig::Tokenize(_));
        match &self.stages[i] {
            StageConfig::Shards(_) if !before.iter().any(is_tokenize) => {
                bail!("`shards` needs a `tokenize` stage before it")
            }
            StageConfig::Shards(_) if i + 1 < self.stages.len() => {
                bail!("`shards` must be the last stage")
            }
            StageConfig::Tokenize(_) if before.iter().any(is_tokenize) => {
                bail!("there can be one `tokenize` stage")
            }
            stage if !matches!(stage, StageConfig::Shards(_)) && before.iter().any(is_tokenize) => {
                bail!("`{}` must come before `tokenize`, which reads the final text", stage.name())
            }
            _ => Ok(()),
        }
    }

    fn check_values(&self) -> Result<()> {
        if self.input.paths.is_empty() {
            bail!("`input.paths` names no file");
        }
        if let Some(sample) = self.input.sample
            && !(0.0..=1.0).contains(&sample)
        {
            bail!("`input.sample` is {sample}, expected a share from 0 to 1");
        }
        if self.output.dir.is_empty() {
            bail!("`output.dir` is missing: the folder that the dataset goes to");
        }
        let level = self.output.zstd_level;
        if !(1..=22).contains(&level) {
            bail!("`output.zstd_level` is {level}, expected 1 to 22");
        }
        let has_shards = matches!(self.stages.last(), Some(StageConfig::Shards(_)));
        if self.train.is_some() && !has_shards {
            bail!("`[train]` needs a `shards` stage at the end");
        }
        if self.evaluate.is_some() && self.train.is_none() {
            bail!("`[evaluate]` needs a `[train]`: it evaluates the model that was trained");
        }
        Ok(())
    }

    /// Returns the dataset folder.
    pub fn dir(&self) -> &Path {
        Path::new(&self.output.dir)
    }
}
