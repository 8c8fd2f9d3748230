//! Sequences that repeat at once: `a b c a b c a b c`, with a period of 1 to 13 tokens.
//!
//! Removes: a document in which some sequence of at most `max_period` tokens stands more than `max_repeats` times in
//!   a row.
//! Units: tokens are words and marks as `segment::cut` gives them, so blanks and newlines do not count; a sequence
//!   that stands k times in a row repeats k times. A run of one mark (`-----`, `=====`) counts as one token unless
//!   `ignore_rules` is off: a line drawn between paragraphs is no fault.
//! Chinese: words come from a dictionary, and the same sequence may be cut in two ways, so that characters are looked
//!   at as well, with the same limits.
//! Source: OLMo 2 (2 OLMo Team 2024, arXiv:2501.00656), which leaves out documents with 32 or more repeats of a
//!   sequence of 1 to 13 tokens; `ngram_repetition_filter` of datamap-rs, `tokenizer_repetitions` of dolma.
//! Differs: from all three in needing no BPE vocabulary: a word that repeats is a sequence of a few BPE tokens that
//!   repeats, and a period of 13 words reaches further than one of 13 BPE tokens; what repeats within one word
//!   (`hahaha…`, base64) is found by characters where `characters` is set.
//! Cost: for each period one comparison of hashes a token, in a loop without branches that skips what cannot be long
//!   enough.

use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};

use crate::{ConfigError, Document, Filter, Judge, Limit};

/// Settings of the rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TokenRepetition {
    /// Tells two instances of the rule apart.
    pub name: Option<String>,
    /// How often a sequence may stand in a row; OLMo 2: 31.
    pub max_repeats: Limit<u64>,
    /// The longest sequence that is looked for; OLMo 2: 13.
    pub max_period: u64,
    /// Looks at characters besides words and marks; blanks are left out. On for Chinese in any case.
    pub characters: bool,
    /// Passes over runs of one mark, such as `-----`.
    pub ignore_rules: bool,
}

impl Default for TokenRepetition {
    fn default() -> Self {
        TokenRepetition {
            name: None,
            max_repeats: Limit::all(31),
            max_period: 13,
            characters: true,
            ignore_rules: true,
        }
    }
}

/// Longer sequences are what the rules about n-grams and lines are for.
const MAX_PERIOD: u64 = 64;

impl TokenRepetition {
    pub(crate) fn build(&self) -> Result<Box<dyn Filter>, ConfigError> {
        if !(1..=MAX_PERIOD).contains(&self.max_period) {
            let value = self.max_period as f64;
            return Err(ConfigError::OutOfRange {
                key: "max_period",
                value,
                expected: "from 1 to 64",
            });
        }
        let name = self.name.clone().unwrap_or_else(|| "token_repetition".to_owned());
        Ok(Box::new(Rule { name, config: self.clone() }))
    }
}

struct Rule {
    name: String,
    config: TokenRepetition,
}

impl Filter for Rule {
    fn name(&self) -> &str {
        &self.name
    }

    fn judge(&self, doc: &mut Document<'_>, judge: &mut Judge) -> ControlFlow<()> {
        let config = &self.config;
        let limit = config.max_repeats.of(doc.tag());
        // Repeats that the limit allows need not be counted, unless somebody wants to know.
        let floor = if judge.is_measuring() { 0 } else { limit.unwrap_or(f64::MAX) as usize };
        let reads_characters = config.characters || doc.is_chinese();
        let skip = |hash: u64, is_mark: bool| {
            // A run of marks becomes one token, so that it cannot repeat.
            (config.ignore_rules && is_mark).then_some(hash)
        };
        let mut tokens = Vec::with_capacity(doc.segments().len());
        let mut last = None;
        for segment in doc.segments() {
            let mark = skip(segment.hash, !segment.is_word());
            if mark.is_none() || mark != last {
                tokens.push(segment.hash as u32);
            }
            last = mark;
        }
        let mut most = find_most(&tokens, config.max_period as usize, floor);
        if reads_characters && (judge.is_measuring() || most <= floor) {
            tokens.clear();
            last = None;
            for char in doc.text().chars().filter(|char| !char.is_whitespace()) {
                let mark = skip(u64::from(char), !char.is_alphanumeric());
                if mark.is_none() || mark != last {
                    tokens.push(u32::from(char));
                }
                last = mark;
            }
            most = most.max(find_most(&tokens, config.max_period as usize, floor));
        }
        judge.at_most("max_repeats", most as f64, limit)
    }
}

/// Returns how often the sequence stands in a row that does so most often: 1 where nothing repeats, 0 of nothing.
///
/// Repeats up to `floor` are not counted: the result is at least that.
fn find_most(tokens: &[u32], max_period: usize, floor: usize) -> usize {
    let mut most = floor.max(usize::from(!tokens.is_empty()));
    for period in 1..=max_period.min(tokens.len()) {
        // A sequence of this period that beats the best so far has this many tokens like the one a period before.
        let mut needed = most.saturating_mul(period);
        let is_like = |at: usize| tokens[at] == tokens[at - period];
        let mut at = period;
        while needed <= tokens.len() - at.min(tokens.len()) {
            // A long enough run must cover the last place of this window, so look there first and leap.
            if !is_like(at + needed - 1) {
                at += needed;
                continue;
            }
            let mut start = at + needed - 1;
            while start > at && is_like(start - 1) {
                start -= 1;
            }
            if start > at {
                at = start;
                continue;
            }
            let mut end = at + needed;
            while end < tokens.len() && is_like(end) {
                end += 1;
            }
            most = most.max((end - at) / period + 1);
            needed = most.saturating_mul(period);
            at = end + 1;
        }
    }
    most
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The same by trying every start.
    fn find_most_slowly(tokens: &[u32], max_period: usize) -> usize {
        let mut most = usize::from(!tokens.is_empty());
        for period in 1..=max_period.min(tokens.len()) {
            for start in 0..=tokens.len() - period {
                let unit = &tokens[start..start + period];
                let chunks = tokens[start..].chunks(period);
                most = most.max(chunks.take_while(|chunk| *chunk == unit).count());
            }
        }
        most
    }

    proptest! {
        #[test]
        fn leaps_miss_nothing(
            units in prop::collection::vec((prop::collection::vec(0u32..3, 1..5), 1usize..6), 0..6)
        ) {
            let tokens: Vec<u32> = units.iter().flat_map(|(unit, n)| unit.repeat(*n)).collect();
            prop_assert_eq!(find_most(&tokens, 13, 0), find_most_slowly(&tokens, 13));
        }
    }
}
