//! The arguments of `corpusmill tokenizer`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Resources;

#[derive(Debug, Subcommand)]
pub(crate) enum Tokenizer {
    /// Learns a byte-level BPE from text
    Train(TrainTokenizer),
    /// Reads text on stdin, and prints its ids
    Encode {
        /// The tokenizer: tokenizer.json, tiktoken's ranks, tekken.json or SentencePiece's model
        #[arg(value_name = "TOKENIZER")]
        tokenizer: PathBuf,
        #[command(flatten)]
        options: RankOptions,
        /// Makes each line a text of its own
        #[arg(long)]
        lines: bool,
        /// Reads objects with `text`, one a line, and prints them with `ids` in its place
        #[arg(long, conflicts_with = "lines")]
        jsonl: bool,
    },
    /// Reads ids on stdin, and prints their text
    Decode {
        /// The tokenizer: tokenizer.json, tiktoken's ranks, tekken.json or SentencePiece's model
        #[arg(value_name = "TOKENIZER")]
        tokenizer: PathBuf,
        #[command(flatten)]
        options: RankOptions,
        /// Reads objects with `ids`, one a line, and prints them with `text` in its place
        #[arg(long)]
        jsonl: bool,
    },
    /// Prints what tokenizers make of the same text: bytes per token by language, how each vocabulary is used
    Compare(CompareTokenizers),
}

/// What tiktoken's ranks do not say of themselves.
#[derive(Debug, Default, Args)]
pub(crate) struct RankOptions {
    /// The encoding of tiktoken to which ranks belong, such as cl100k_base
    #[arg(long, value_name = "NAME")]
    pub(crate) encoding: Option<String>,
    /// The pattern that cuts text for ranks
    #[arg(long, value_name = "REGEX")]
    pub(crate) pattern: Option<String>,
}

/// Which files are read, and what their columns mean.
#[derive(Debug, Args)]
pub(crate) struct Text {
    /// The column that stands for `text`, `language` or `source`, such as text=raw_content; may be given often
    #[arg(long = "column", value_name = "NAME=COLUMN", value_parser = parse_column)]
    pub(crate) columns: Vec<(String, String)>,
}

#[derive(Debug, Args)]
pub(crate) struct TrainTokenizer {
    /// Files or patterns: JSONL, Parquet, CSV, plain text, as `input.paths` takes them
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<String>,
    #[command(flatten)]
    pub(crate) text: Text,
    /// The number of ids, special tokens and the 256 bytes included
    #[arg(long, value_name = "N", default_value_t = 32_000)]
    pub(crate) vocab_size: usize,
    /// How often a pair must be seen to become a token
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub(crate) min_frequency: u64,
    /// How often a word must be seen to be learnt from; rarer ones are counted and reported
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) min_word_count: u64,
    /// A special token, which gets one of the first ids; may be given often; <|end_of_document|> if none is
    #[arg(long = "special-token", value_name = "TOKEN")]
    pub(crate) special_tokens: Vec<String>,
    /// The longest token that is learnt
    #[arg(long, value_name = "BYTES")]
    pub(crate) max_token_bytes: Option<usize>,
    /// Longer words, such as Han text without marks, are learnt from in parts of this size
    #[arg(long, value_name = "BYTES", default_value_t = 256)]
    pub(crate) max_word_bytes: usize,
    /// How text is cut into words: gpt2, cl100k, qwen2, qwen3_5, o200k, tekken, kimi_k2, deepseek_v3 or a regular expression; given often, one after another
    #[arg(long = "pattern", value_name = "NAME|REGEX", default_value = "cl100k")]
    pub(crate) patterns: Vec<String>,
    /// The most digits of a number that stay together, instead of what the pattern says
    #[arg(long, value_name = "N")]
    pub(crate) max_digits: Option<u32>,
    /// Raises each language's share of the text to this power: 1 is the text as it is, 0 all languages alike
    #[arg(long, value_name = "POWER", default_value_t = 1.0)]
    pub(crate) language_temperature: f64,
    /// Where the tokenizer goes
    #[arg(long, value_name = "TOKENIZER.JSON", default_value = "tokenizer.json")]
    pub(crate) output: PathBuf,
    /// Where ranks for tiktoken go; the pattern and the special tokens go beside them, with `.json` behind the name
    #[arg(long, value_name = "RANKS.TIKTOKEN")]
    pub(crate) ranks: Option<PathBuf>,
    /// Where the report goes as JSON
    #[arg(long, value_name = "REPORT.JSON")]
    pub(crate) report: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) resources: Resources,
}

#[derive(Debug, Args)]
pub(crate) struct CompareTokenizers {
    /// The tokenizers
    #[arg(value_name = "TOKENIZER.JSON", required = true)]
    pub(crate) tokenizers: Vec<PathBuf>,
    /// Files or patterns with the text, as `input.paths` takes them
    #[arg(long, value_name = "FILE", required = true, num_args = 1..)]
    pub(crate) input: Vec<String>,
    #[command(flatten)]
    pub(crate) text: Text,
    /// What makes a group of texts
    #[arg(long, value_name = "COLUMN", default_value = "language", value_parser = ["language", "source", "file"])]
    pub(crate) by: String,
    /// Tokens that are listed of each kind
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub(crate) top: usize,
    /// Threads; all cores if it is not given
    #[arg(long, value_name = "N", value_parser = super::parse_threads)]
    pub(crate) threads: Option<usize>,
    /// Prints JSON
    #[arg(long)]
    pub(crate) json: bool,
}

fn parse_column(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, column)) if !name.is_empty() && !column.is_empty() => {
            Ok((name.to_owned(), column.to_owned()))
        }
        _ => Err("expected NAME=COLUMN".to_owned()),
    }
}
