//! How far a text can be compressed.
//!
//! Removes: a document whose size after compression, divided by its size before, breaks a limit below: little says
//!   that it repeats itself, much that it is noise such as base64, keys or random letters.
//! Units: bytes of UTF-8; zstd, level 3, without checksum and content size. Only the first `max_bytes` are
//!   compressed; texts of fewer than `min_chars` characters pass, since a short text can hardly be compressed.
//! Chinese: a character has three bytes, of which compression saves the first, so ratios are lower than the entropy
//!   of the text suggests and close to those of English; of 1,000 to 1,048,576 bytes, clean texts lie between 0.16
//!   and 0.68 (Chinese 0.25 to 0.73, classical verse to 0.75), base64 at three quarters by its making
//!   (`tests/python/rule_values.py`).
//! Source: no peer has this rule; the limits were chosen by what texts measure.
//! Differs: nothing to compare with. zstd was taken because the project has it for its files.
//! Cost: one compression of at most `max_bytes`; no other rule shares it.

use std::cell::RefCell;
use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};
use zstd::bulk::Compressor;

use crate::limit::check_order;
use crate::verdict::ratio;
use crate::{ConfigError, Document, Filter, Judge, Limit};

/// Settings of the rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Compression {
    /// Tells two instances of the rule apart.
    pub name: Option<String>,
    /// Size after compression to size before; 0.1, below what clean text and nearly all source code have.
    pub min_compressed_ratio: Limit<f64>,
    /// Size after compression to size before; 0.72; Chinese: 0.8.
    pub max_compressed_ratio: Limit<f64>,
    /// How long a text must be to be judged.
    pub min_chars: Limit<u64>,
    /// How much of a text is compressed: a longer text is judged by its beginning.
    pub max_bytes: u64,
}

impl Default for Compression {
    fn default() -> Self {
        Compression {
            name: None,
            min_compressed_ratio: Limit::all(0.1),
            max_compressed_ratio: Limit::with_zh(0.72, 0.8),
            min_chars: Limit::with_zh(1_000, 400),
            max_bytes: 1 << 20,
        }
    }
}

impl Compression {
    pub(crate) fn build(&self) -> Result<Box<dyn Filter>, ConfigError> {
        self.min_compressed_ratio.check_amount("min_compressed_ratio")?;
        self.max_compressed_ratio.check_amount("max_compressed_ratio")?;
        check_order(
            ("min_compressed_ratio", &self.min_compressed_ratio),
            ("max_compressed_ratio", &self.max_compressed_ratio),
        )?;
        let name = self.name.clone().unwrap_or_else(|| "compression".to_owned());
        Ok(Box::new(Rule { name, config: self.clone() }))
    }
}

const LEVEL: i32 = 3;

/// A compressor and its output, which keep their memory from one document to the next.
struct Squeezer {
    compressor: Option<Compressor<'static>>,
    out: Vec<u8>,
}

thread_local! {
    static SQUEEZER: RefCell<Squeezer> =
        RefCell::new(Squeezer { compressor: Compressor::new(LEVEL).ok(), out: Vec::new() });
}

impl Squeezer {
    /// Returns the compressed size, or `None` if the library fails, which it does only without memory.
    fn compress(&mut self, bytes: &[u8]) -> Option<u64> {
        self.out.clear();
        self.out.reserve(zstd::zstd_safe::compress_bound(bytes.len()));
        let written = self.compressor.as_mut()?.compress_to_buffer(bytes, &mut self.out);
        written.ok().map(|n| n as u64)
    }
}

struct Rule {
    name: String,
    config: Compression,
}

impl Filter for Rule {
    fn name(&self) -> &str {
        &self.name
    }

    fn judge(&self, doc: &mut Document<'_>, judge: &mut Judge) -> ControlFlow<()> {
        let (config, language) = (&self.config, doc.tag());
        let min_chars = config.min_chars.of(language).unwrap_or(0.0);
        let text = doc.text();
        // A character has four bytes at most: a text this long need not be counted.
        let is_short =
            (text.len() as f64) < 4.0 * min_chars && (text.chars().count() as f64) < min_chars;
        if text.is_empty() || is_short {
            return ControlFlow::Continue(());
        }
        let end = usize::try_from(config.max_bytes).unwrap_or(usize::MAX).min(text.len());
        let bytes = text.as_bytes().get(..end).unwrap_or_default();
        let Some(compressed) = SQUEEZER.with_borrow_mut(|squeezer| squeezer.compress(bytes)) else {
            return ControlFlow::Continue(());
        };
        let value = ratio(compressed, bytes.len() as u64);
        judge.at_least("min_compressed_ratio", value, config.min_compressed_ratio.of(language))?;
        judge.at_most("max_compressed_ratio", value, config.max_compressed_ratio.of(language))
    }
}
