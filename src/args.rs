//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use stages::export::{Dtype, Format};

use crate::config::parse_size;

mod tokenizer;

pub(crate) use tokenizer::{CompareTokenizers, RankOptions, Text, Tokenizer, TrainTokenizer};

/// Turns raw text into clean, deduplicated, tokenized pretraining data, and trains a small model on it.
///
/// Data goes to stdout, everything else to stderr. Exit code 0: all went through, and every row is accounted for;
/// 1: a run failed or found bad data; 2: the command line or the pipeline file is wrong, and nothing was read or
/// written; 130: interrupted, and the same command goes on.
#[derive(Debug, Parser)]
#[command(name = "corpusmill", version, max_term_width = 100)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Prints a commented pipeline file to start from
    Init,
    /// Reads a pipeline file, and prints what would be done; touches nothing
    Check(Check),
    /// Makes the dataset of a pipeline file, and trains and evaluates the model that it asks for
    Run(RunArgs),
    /// Prints how far the run of a dataset folder is
    Status(Folder),
    /// Prints what happened to a document
    Why(Why),
    /// Prints which documents were removed as copies of which, the largest clusters first
    Duplicates(Duplicates),
    /// Reads a text on stdin, and prints what every rule of a pipeline measures, edits and decides
    Try(Try),
    /// Prints what other limits would remove, from what `mode = "annotate"` measured
    Thresholds(Thresholds),
    /// Sums up what `mode = "annotate"` measured, by language, source or host
    Statistics(Statistics),
    /// Checks a dataset: checksums, counts, token shards
    Verify(Folder),
    /// Prints the rules, or the manual page of one
    Rules(Rules),
    /// Indexes documents, so that pipelines can be run `against` them
    Index(Index),
    /// Writes the token shards of a dataset in the layout of a trainer
    Export(Export),
    /// Trains a tokenizer, or applies one
    #[command(subcommand)]
    Tokenizer(Tokenizer),
    /// Trains a classifier of texts, or measures one
    #[command(subcommand)]
    Classifier(Classifier),
    /// Trains the model of `[train]` on a finished dataset
    Train(Train),
    /// Evaluates a trained model
    Evaluate(Evaluate),
    /// Plans a run for an engine: writes OUTPUT/work/plan.json, prints the steps as JSON
    Plan(Plan),
    /// Does one task of a plan; engines call it
    Task(Task),
    /// Checks that all tasks of a plan are done, and publishes the dataset
    Commit(Commit),
}

/// A pipeline file, and what the command line says against it.
#[derive(Debug, clap::Args)]
pub(crate) struct PipelineArgs {
    /// The pipeline file
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// What random choices hash, instead of `seed`
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// The dataset folder, instead of `output.dir`
    #[arg(long, value_name = "DIR")]
    pub(crate) output: Option<String>,
    /// Leaves out the stages behind the last one of this name
    #[arg(long, value_name = "STAGE")]
    pub(crate) until: Option<String>,
}

/// How much of the machine is used.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct Resources {
    /// Threads; all cores if neither this nor `threads` is given
    #[arg(long, value_name = "N", value_parser = parse_threads)]
    pub(crate) threads: Option<usize>,
    /// Memory that the steps share, such as 4GiB; instead of `memory`
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) memory: Option<u64>,
}

/// How much is told.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub(crate) struct Verbosity {
    /// Prints no progress and no table at the end
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// Prints a line for each step that is done
    #[arg(short, long, conflicts_with = "quiet")]
    pub(crate) verbose: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Check {
    #[command(flatten)]
    pub(crate) pipeline: PipelineArgs,
    #[command(flatten)]
    pub(crate) resources: Resources,
}

#[derive(Debug, clap::Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) pipeline: PipelineArgs,
    #[command(flatten)]
    pub(crate) resources: Resources,
    /// Where the model is trained: cpu, cuda or cuda:N
    #[arg(long, default_value = "cpu")]
    pub(crate) device: String,
    #[command(flatten)]
    pub(crate) verbosity: Verbosity,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Folder {
    /// The dataset folder
    #[arg(value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// Prints JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Why {
    /// The dataset folder
    #[arg(value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// The document's id, or `file:row`
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    /// Prints JSON, one object a line
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Duplicates {
    /// The dataset folder
    #[arg(value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// A document, by id or `file:row`: shows its clusters, and two documents of each side by side
    #[arg(value_name = "ID")]
    pub(crate) id: Option<String>,
    /// The removed document that is shown beside the kept one; else ID itself, or the one that is least like it
    #[arg(long, value_name = "ID", requires = "id")]
    pub(crate) with: Option<String>,
    /// Clusters that are listed, or documents of a cluster
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(crate) top: usize,
    /// Columns of the terminal for two documents side by side
    #[arg(long, value_name = "N", default_value_t = 120)]
    pub(crate) width: usize,
    /// Prints JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Index {
    /// A pipeline file, whose deduplicating stages say how documents are compared
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Dataset folders, files or patterns, as `input.paths` takes them
    #[arg(value_name = "INPUT", required = true)]
    pub(crate) inputs: Vec<String>,
    /// The index: made, or added to
    #[arg(long, value_name = "DIR")]
    pub(crate) output: PathBuf,
    #[command(flatten)]
    pub(crate) resources: Resources,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Export {
    /// The dataset folder
    #[arg(value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// Whose layout
    #[arg(long, value_name = "FORMAT", value_parser = parse_format)]
    pub(crate) to: Format,
    /// The folder of the export: new, empty, or that of an export that was cut off
    #[arg(long, value_name = "DIR")]
    pub(crate) output: PathBuf,
    /// How ids are stored, where the trainer leaves it open: uint16, int32, uint32 or int64
    #[arg(long, value_name = "TYPE", value_parser = parse_dtype)]
    pub(crate) dtype: Option<Dtype>,
    /// Ids of a row, whatever the documents (mds, parquet, arrow); else a row is a document
    #[arg(long, value_name = "N")]
    pub(crate) sequence_tokens: Option<u64>,
    /// Ids of a block (litdata), the `block_size` of TokensLoader; 2049 if it is not given
    #[arg(long, value_name = "N")]
    pub(crate) block_tokens: Option<u64>,
    /// Compresses shards with this level of zstd (mds)
    #[arg(long, value_name = "LEVEL")]
    pub(crate) zstd: Option<i32>,
    /// Stores ids as a column of bytes instead of an array (mds)
    #[arg(long)]
    pub(crate) bytes: bool,
    /// Copies files that could be hard links to those of the dataset
    #[arg(long)]
    pub(crate) copy: bool,
    /// Prints JSON: the manifest
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Try {
    /// The pipeline file
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// A file with the text, instead of stdin
    #[arg(long, value_name = "TEXT")]
    pub(crate) text: Option<PathBuf>,
    /// The language, as BCP-47, that the input would name
    #[arg(long, value_name = "TAG")]
    pub(crate) language: Option<String>,
    /// The page that the text would come from
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// The collection that the text would belong to
    #[arg(long, value_name = "NAME")]
    pub(crate) source: Option<String>,
    /// Prints JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Thresholds {
    /// The dataset folder
    #[arg(value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// Only checks whose name holds this, such as `gopher_quality` or `min_words`
    #[arg(long, value_name = "NAME", default_value = "")]
    pub(crate) check: String,
    /// Only documents of this language, as the column `language` has it
    #[arg(long, value_name = "TAG")]
    pub(crate) language: Option<String>,
    /// Looks at this many documents at most, chosen by the hash of their ids
    #[arg(long, value_name = "N", default_value_t = 2_000_000)]
    pub(crate) max_documents: u64,
    /// Prints JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Statistics {
    /// The dataset folder
    #[arg(value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// What makes a group
    #[arg(long, value_name = "COLUMN", default_value = "all", value_parser = ["all", "language", "source", "host"])]
    pub(crate) by: String,
    /// Only checks whose name holds this
    #[arg(long, value_name = "NAME", default_value = "")]
    pub(crate) check: String,
    /// Groups that are shown, those with most documents
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(crate) top: usize,
    /// Looks at this many documents at most, chosen by the hash of their ids
    #[arg(long, value_name = "N", default_value_t = 2_000_000)]
    pub(crate) max_documents: u64,
    /// Prints JSON, all groups
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Rules {
    /// The rule whose manual page is wanted
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Prints JSON: name, manual page and default settings
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Classifier {
    /// Learns a classifier from JSONL with `text` and `label`
    Train {
        /// The examples
        #[arg(value_name = "LABELLED.JSONL", required = true)]
        files: Vec<String>,
        /// Where the model goes
        #[arg(long, value_name = "MODEL", default_value = "classifier.safetensors")]
        output: PathBuf,
        /// Share of the examples that are held out to measure the model, 0 to 1
        #[arg(long, value_name = "SHARE", default_value_t = 0.2)]
        held_out: f64,
        /// How often each example is seen
        #[arg(long, value_name = "N", default_value_t = 10)]
        epochs: u32,
        /// The rate of the first step
        #[arg(long, value_name = "RATE", default_value_t = 0.5)]
        learning_rate: f32,
        /// The pull of weights towards 0
        #[arg(long, value_name = "PULL", default_value_t = 0.0)]
        l2: f32,
        /// The longest n-gram of words, 1 to 5
        #[arg(long, value_name = "N", default_value_t = 2)]
        max_ngram: usize,
        /// Weights per label are 2 to this power
        #[arg(long, value_name = "BITS", default_value_t = 20)]
        hash_bits: u32,
        /// Changes the order of examples, and which are held out
        #[arg(long, value_name = "N", default_value_t = 0)]
        seed: u64,
    },
    /// Measures a classifier on JSONL with `text` and `label`; prints JSON
    Evaluate {
        /// The model
        #[arg(value_name = "MODEL")]
        model: PathBuf,
        /// The examples
        #[arg(value_name = "LABELLED.JSONL", required = true)]
        files: Vec<String>,
    },
}

/// A model that is trained or evaluated apart from a run.
#[derive(Debug, clap::Args)]
pub(crate) struct Train {
    /// A dataset folder with `tokens/train` and `tokens/validation`
    #[arg(value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// A TOML file with `[train]`; a pipeline file will do
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The model folder; DIR/model if it is not given
    #[arg(long, value_name = "MODEL")]
    pub(crate) output: Option<PathBuf>,
    /// Steps, instead of `train.steps`
    #[arg(long, value_name = "N")]
    pub(crate) steps: Option<u64>,
    /// Threads; all cores if it is not given
    #[arg(long, value_name = "N", value_parser = parse_threads)]
    pub(crate) threads: Option<usize>,
    /// Where the model is trained: cpu, cuda or cuda:N
    #[arg(long, default_value = "cpu")]
    pub(crate) device: String,
    #[command(flatten)]
    pub(crate) verbosity: Verbosity,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Evaluate {
    /// A dataset folder whose model has been trained
    #[arg(value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// A TOML file with `[evaluate]`; a pipeline file will do
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The model folder; DIR/model if it is not given
    #[arg(long, value_name = "MODEL")]
    pub(crate) model: Option<PathBuf>,
    /// Threads; all cores if it is not given
    #[arg(long, value_name = "N", value_parser = parse_threads)]
    pub(crate) threads: Option<usize>,
    /// Where the model is evaluated: cpu, cuda or cuda:N
    #[arg(long, default_value = "cpu")]
    pub(crate) device: String,
    #[command(flatten)]
    pub(crate) verbosity: Verbosity,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Plan {
    #[command(flatten)]
    pub(crate) pipeline: PipelineArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Task {
    /// The plan, OUTPUT/work/plan.json
    #[arg(value_name = "PLAN")]
    pub(crate) plan: PathBuf,
    /// The number of the step, from 0
    #[arg(value_name = "STEP")]
    pub(crate) step: usize,
    /// The number of the task, from 0
    #[arg(value_name = "INDEX")]
    pub(crate) index: u32,
    #[command(flatten)]
    pub(crate) resources: Resources,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Commit {
    /// The plan, OUTPUT/work/plan.json
    #[arg(value_name = "PLAN")]
    pub(crate) plan: PathBuf,
    #[command(flatten)]
    pub(crate) verbosity: Verbosity,
}

fn parse_format(name: &str) -> Result<Format, String> {
    Format::of_name(name).ok_or_else(|| {
        let known = Format::ALL.map(|(_, name, what)| format!("\n  {name:<10} {what}"));
        format!("expected one of{}", known.concat())
    })
}

fn parse_dtype(name: &str) -> Result<Dtype, String> {
    let dtype = Dtype::ALL.into_iter().find(|dtype| dtype.name() == name);
    dtype.ok_or_else(|| format!("expected one of {}", Dtype::ALL.map(Dtype::name).join(", ")))
}

fn parse_threads(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(threads) if threads > 0 => Ok(threads),
        _ => Err("expected 1 or more".to_owned()),
    }
}
