//! Line-wise corrections of RefinedWeb.
//!
//! Removes: lines, which is an edit, in this order: more than `max_uppercase_ratio` upper-case letters; nothing but
//!   numbers; a counter (`3 likes`); fewer than `min_line_words` words. From lines of at most `max_phrase_line_words` words
//!   it cuts phrases of buttons; a line of which nothing is left goes. Then the document, if more than
//!   `max_removed_word_ratio` of its words went. Blank lines stay.
//! Units: lines end at a newline; words as `Document::words` cuts them; shares of the characters (Unicode scalar values) of
//!   a line, of the words of a document. A document without words loses none.
//! Chinese: words come from the dictionary, so that a line is not one word; counters (`12 条评论`, `阅读量：3.5万`) and
//!   phrases (`阅读全文`) are known.
//! Source: Penedo et al. 2023, arXiv:2306.01116, appendix G.2; order and definitions of DCLM (commit 361714b), `modifiers.py`
//!   and `dclm_baseline_refinedweb.yaml`.
//! Differs: from DCLM in counting words of lines by the rules of Unicode, where that splits at blanks and keeps no line of
//!   Japanese or Thai; in taking the points of `Read more...` for points, where they stand for any character there; in
//!   keeping a document without words. Where datamap-rs differs (phrases in one case only, bytes for characters, and a limit
//!   of ten words that a misspelt key switches off), DCLM is followed, because the limits were chosen with its code.
//! Cost: one pass over the lines, words and lines are shared with other rules.

use std::ops::{ControlFlow, Range};
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use serde::{Deserialize, Serialize};

use crate::document::Parts;
use crate::segment::Segment;
use crate::verdict::ratio;
use crate::{ConfigError, Document, Filter, Judge, Limit, Tag};

/// Settings of the rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RefinedwebLines {
    /// Tells two instances of the rule apart.
    pub name: Option<String>,
    /// Share of upper-case letters in a line; RefinedWeb: 0.5.
    pub max_uppercase_ratio: Limit<f64>,
    /// Cuts lines of nothing but digits and other numbers.
    pub cut_numeric_lines: bool,
    /// Cuts lines that count likes, comments, views and the like.
    pub cut_counters: bool,
    /// Words of a line; RefinedWeb: 2.
    pub min_line_words: Limit<u64>,
    /// Phrases that are cut out of short lines, with a blank before them.
    pub cut_anywhere: Vec<String>,
    /// Phrases that are cut from the end of short lines, with a blank before them.
    pub cut_at_end: Vec<String>,
    /// Phrases that are cut from the start of short lines, with a blank behind them.
    pub cut_at_start: Vec<String>,
    /// How many words a short line has; RefinedWeb: 10.
    pub max_phrase_line_words: Limit<u64>,
    /// Share of the words that all cuts together took; RefinedWeb: 0.05.
    pub max_removed_word_ratio: Limit<f64>,
}

impl Default for RefinedwebLines {
    fn default() -> Self {
        let owned = |phrases: &[&str]| phrases.iter().map(|&phrase| phrase.to_owned()).collect();
        RefinedwebLines {
            name: None,
            max_uppercase_ratio: Limit::all(0.5),
            cut_numeric_lines: true,
            cut_counters: true,
            min_line_words: Limit::all(2),
            cut_anywhere: owned(&["items in cart"]),
            cut_at_end: owned(&["Read more...", "阅读全文", "阅读更多", "查看更多", "展开全文"]),
            cut_at_start: owned(&["Sign-in"]),
            max_phrase_line_words: Limit::all(10),
            max_removed_word_ratio: Limit::all(0.05),
        }
    }
}

impl RefinedwebLines {
    pub(crate) fn build(&self) -> Result<Box<dyn Filter>, ConfigError> {
        self.max_uppercase_ratio.check_ratio("max_uppercase_ratio")?;
        self.max_removed_word_ratio.check_ratio("max_removed_word_ratio")?;
        for (key, phrases) in [
            ("cut_anywhere", &self.cut_anywhere),
            ("cut_at_end", &self.cut_at_end),
            ("cut_at_start", &self.cut_at_start),
        ] {
            if phrases.iter().any(String::is_empty) {
                return Err(ConfigError::Empty { key });
            }
        }
        let finder = |phrases: Vec<&String>| {
            let builder = AhoCorasick::builder().ascii_case_insensitive(true).build(phrases);
            builder.map_err(|error| ConfigError::Unreadable {
                key: "cut_anywhere",
                source: Box::new(error),
            })
        };
        let all = self.cut_anywhere.iter().chain(&self.cut_at_end).chain(&self.cut_at_start);
        Ok(Box::new(Rule {
            name: self.name.clone().unwrap_or_else(|| "refinedweb_lines".to_owned()),
            any_phrase: finder(all.collect())?,
            anywhere: finder(self.cut_anywhere.iter().collect())?,
            config: self.clone(),
        }))
    }
}

static COUNTER: LazyLock<regex::Regex> = LazyLock::new(|| {
    let english = r"[kmb]?\s+(?:likes|shares|comments|retweets|reposts|quotes|bookmarks|upvotes|downvotes|downloads|views|followers)";
    let chinese = "(?:赞|点赞|喜欢|评论|回复|转发|分享|收藏|浏览|阅读|播放|观看|下载|粉丝|关注|點讚|評論|回覆|轉發|瀏覽|閱讀|觀看|下載|粉絲|關注)";
    let number = r"\d[\d,.]*";
    let pattern = format!(
        r"(?i)^\W*(?:{number}(?:{english}|\s*[kmbw千万亿萬億]?\s*[个個次条條人位]?\s*{chinese})|{chinese}[数數量]?\s*[:：]?\s*{number}\s*[kmbw千万亿萬億]?)\W*$"
    );
    regex::Regex::new(&pattern).expect("the pattern is a constant")
});

struct Rule {
    name: String,
    config: RefinedwebLines,
    /// Finds each phrase of the three lists, so that most texts need no further search.
    any_phrase: AhoCorasick,
    anywhere: AhoCorasick,
}

/// What becomes of a line.
enum Fate {
    Stays,
    Goes,
    /// Loses these parts, in order.
    Loses(Vec<Range<usize>>),
}

impl Filter for Rule {
    fn name(&self) -> &str {
        &self.name
    }

    fn judge(&self, doc: &mut Document<'_>, judge: &mut Judge) -> ControlFlow<()> {
        let language = doc.tag();
        let mut kept = doc.take_buffer();
        let Parts { text, mut segments, lines, .. } = doc.parts();
        let count = |segments: &[Segment]| segments.iter().filter(|word| word.is_word()).count();
        let has_phrase = self.any_phrase.is_match(text);
        let (mut n_words, mut n_removed, mut edits, mut is_first) = (0, 0, 0, true);
        for line in lines {
            let n_segments = segments.partition_point(|segment| segment.start < line.end);
            let (of_line, rest) = segments.split_at(n_segments);
            segments = rest;
            let line_words = count(of_line);
            n_words += line_words as u64;
            let content = line.text(text);
            let fate = self.decide(content, line_words, has_phrase, language);
            if let Fate::Goes = fate {
                n_removed += line_words as u64;
                edits += 1;
                continue;
            }
            if !std::mem::take(&mut is_first) {
                kept.push('\n');
            }
            let mut copied_to = 0;
            if let Fate::Loses(parts) = fate {
                edits += 1;
                for part in parts {
                    kept.push_str(content.get(copied_to..part.start).unwrap_or_default());
                    let within = |segment: &&Segment| {
                        segment.is_word() && part.contains(&((segment.start - line.start) as usize))
                    };
                    n_removed += of_line.iter().filter(within).count() as u64;
                    copied_to = part.end;
                }
            }
            kept.push_str(content.get(copied_to..).unwrap_or_default());
        }
        let limit = self.config.max_removed_word_ratio.of(language);
        judge.at_most("max_removed_word_ratio", ratio(n_removed, n_words), limit)?;
        if edits > 0 {
            judge.count_edits(edits);
            // Without the lines around them, blank ones at both ends separate nothing.
            kept.truncate(kept.trim_end().len());
            let start = kept.len() - kept.trim_start().len();
            kept.drain(..start);
            doc.set_text(kept);
        }
        ControlFlow::Continue(())
    }
}

impl Rule {
    fn decide(&self, line: &str, n_words: usize, has_phrase: bool, language: Tag) -> Fate {
        let config = &self.config;
        if line.trim().is_empty() {
            return Fate::Stays;
        }
        let (mut chars, mut upper, mut is_numeric) = (0, 0, true);
        for char in line.trim_end_matches('\r').chars() {
            chars += 1;
            upper += u64::from(char.is_uppercase());
            is_numeric &= char.is_numeric();
        }
        let max_upper = config.max_uppercase_ratio.of(language).unwrap_or(1.0);
        let min_words = config.min_line_words.of(language).unwrap_or(0.0);
        if ratio(upper, chars) > max_upper
            || config.cut_numeric_lines && is_numeric
            || config.cut_counters && is_counter(line)
            || (n_words as f64) < min_words
        {
            return Fate::Goes;
        }
        let max_words = config.max_phrase_line_words.of(language).unwrap_or(f64::INFINITY);
        if has_phrase && n_words as f64 <= max_words { self.cut(line) } else { Fate::Stays }
    }

    fn cut(&self, line: &str) -> Fate {
        let blank_before = |at: usize| {
            let before = line.get(..at).and_then(|before| before.chars().next_back());
            at - before.filter(|char| char.is_whitespace()).map_or(0, char::len_utf8)
        };
        let mut parts: Vec<Range<usize>> =
            self.anywhere.find_iter(line).map(|hit| blank_before(hit.start())..hit.end()).collect();
        let end = line.trim_end().len();
        let ends = |phrase: &&String| {
            let tail = end.checked_sub(phrase.len()).and_then(|start| line.get(start..end));
            tail.is_some_and(|tail| tail.eq_ignore_ascii_case(phrase))
        };
        let free_from = parts.last().map_or(0, |part| part.end);
        if let Some(phrase) = self.config.cut_at_end.iter().find(ends)
            && end - phrase.len() >= free_from
        {
            parts.push(blank_before(end - phrase.len()).max(free_from)..end);
        }
        let starts = |phrase: &&String| {
            line.get(..phrase.len()).is_some_and(|head| head.eq_ignore_ascii_case(phrase))
        };
        let free_to = parts.first().map_or(line.len(), |part| part.start);
        if let Some(phrase) = self.config.cut_at_start.iter().find(starts)
            && phrase.len() <= free_to
        {
            let after = line.get(phrase.len()..free_to).and_then(|after| after.chars().next());
            let blank = after.filter(|char| char.is_whitespace()).map_or(0, char::len_utf8);
            parts.insert(0, 0..phrase.len() + blank);
        }
        if parts.is_empty() {
            return Fate::Stays;
        }
        let bounds = [0].into_iter().chain(parts.iter().map(|part| part.end));
        let mut between = bounds.zip(parts.iter().map(|part| part.start).chain([line.len()]));
        let is_blank =
            between.all(|(from, to)| line.get(from..to).unwrap_or_default().trim().is_empty());
        if is_blank { Fate::Goes } else { Fate::Loses(parts) }
    }
}

fn is_counter(line: &str) -> bool {
    // Nearly every line ends here: a counter begins with a number, or is in Chinese.
    let first = line.chars().find(|&char| char.is_alphanumeric() || char == '_');
    first.is_some_and(|char| char.is_numeric() || !char.is_ascii()) && COUNTER.is_match(line)
}
