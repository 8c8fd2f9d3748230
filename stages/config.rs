//! What a pipeline file says, once it is parsed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::sink::KEPT_LEVEL;

/// `[input]`: which files are read, and what their columns mean.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Input {
    /// Paths and glob patterns, relative to the working directory; their order numbers the files.
    pub paths: Vec<String>,
    /// What the files hold; by default the ending of each name decides.
    pub format: Option<Format>,
    /// Where `id`, `text`, `url`, `source` and `language` stand in the input: a column, or a path into JSON
    /// such as `meta.url`. A name that is not given stands for itself.
    pub columns: BTreeMap<String, String>,
    /// Share of documents to read, chosen by the hash of their text, 0..=1.
    pub sample: Option<f64>,
    /// Number of documents to read, the first ones in input order.
    pub limit: Option<u64>,
    /// Longest row that is read, in bytes; a longer one is unreadable.
    pub max_line_bytes: usize,
    /// Number of unreadable rows and files above which the run fails.
    pub max_unreadable: u64,
}

impl Default for Input {
    fn default() -> Input {
        Input {
            paths: Vec::new(),
            format: None,
            columns: BTreeMap::new(),
            sample: None,
            limit: None,
            max_line_bytes: 64 << 20,
            max_unreadable: 0,
        }
    }
}

/// What an input file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// One JSON object a line; plain, gz or zst.
    Jsonl,
    /// Apache Parquet.
    Parquet,
    /// Comma-separated values with a header line; plain, gz or zst.
    Csv,
    /// One document a file; plain, gz or zst.
    Text,
}

/// `[output]`: the dataset folder and what it holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Output {
    /// The dataset folder.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub dir: String,
    /// Whether, and as what, the documents are written.
    pub documents: Documents,
    /// zstd level of the documents, 1 to 22: 1 is twice as fast to write as 3, and some percent larger.
    pub zstd_level: i32,
    /// What is kept of removed documents.
    pub removed: KeepRemoved,
    /// Whether the folder `work` outlives the commit.
    pub keep_work: bool,
}

impl Default for Output {
    fn default() -> Output {
        Output {
            dir: String::new(),
            documents: Documents::Parquet,
            zstd_level: KEPT_LEVEL,
            removed: KeepRemoved::Full,
            keep_work: false,
        }
    }
}

/// How documents are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Documents {
    /// zstd Parquet.
    #[serde(rename = "parquet")]
    Parquet,
    /// One JSON object a line, zstd.
    #[serde(rename = "jsonl.zst")]
    JsonlZst,
    /// Not at all.
    #[serde(rename = "none")]
    None,
}

/// What is kept of removed documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeepRemoved {
    /// Id, place, cause and the text as the removing rule saw it.
    Full,
    /// Id, place and cause.
    Ids,
    /// Counts alone.
    None,
}
