//! One document on its way through the rules, and the memory that its rules share.

use memchr::memchr_iter;
use xxhash_rust::xxh3::xxh3_64;

use crate::Tag;
use crate::repeats::Repeats;
use crate::segment::{self, Segment, Words};

/// A document: borrows its input row, and copies the text only when a rule edits it.
///
/// Segments and lines are cut when a rule first asks for them, and again only after an edit.
#[derive(Debug)]
pub struct Document<'a> {
    id: &'a str,
    original: &'a str,
    language: Option<&'a str>,
    columns: Vec<(&'a str, &'a str)>,
    scratch: &'a mut Scratch,
    edited: bool,
    words: Words,
    tag: Option<Tag>,
    has_segments: bool,
    has_lines: bool,
}

/// Buffers that are filled anew for each document and keep their memory from one to the next.
#[derive(Debug, Default)]
pub struct Scratch {
    segments: Vec<Segment>,
    lines: Vec<Line>,
    repeats: Repeats,
    /// The text after the last edit.
    text: String,
    /// A buffer for the next edit.
    spare: String,
    /// `None` for a score that an earlier document had and this one does not.
    scores: Vec<(String, Option<f32>)>,
}

/// A line: what stands between two `\n`, without them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// xxh3-64 of the bytes.
    pub hash: u64,
    /// Offset of the first byte.
    pub start: u32,
    /// Offset after the last byte.
    pub end: u32,
    /// Length in characters (Unicode scalar values).
    pub chars: u32,
}

/// All that a rule may look at together, borrowed apart so that it can count while it reads.
#[derive(Debug)]
pub struct Parts<'d> {
    /// The whole text.
    pub text: &'d str,
    /// Its words and marks.
    pub segments: &'d [Segment],
    /// Its lines.
    pub lines: &'d [Line],
    /// Tables for counting what occurs more than once.
    pub repeats: &'d mut Repeats,
}

impl<'a> Document<'a> {
    /// Returns a document over an input row. Allocates nothing once `scratch` has served a document.
    pub fn new(id: &'a str, text: &'a str, scratch: &'a mut Scratch) -> Self {
        for (_, score) in &mut scratch.scores {
            *score = None;
        }
        Document {
            id,
            original: text,
            language: None,
            columns: Vec::new(),
            scratch,
            edited: false,
            words: Words::default(),
            tag: None,
            has_segments: false,
            has_lines: false,
        }
    }

    /// Returns the document's id.
    pub fn id(&self) -> &str {
        self.id
    }

    /// Returns the text, with every edit so far.
    pub fn text(&self) -> &str {
        if self.edited { &self.scratch.text } else { self.original }
    }

    /// Returns whether a rule has replaced the text.
    pub fn edited(&self) -> bool {
        self.edited
    }

    /// Returns an empty string for an edited text, which a rule fills and hands to `set_text`.
    ///
    /// It has the memory of an earlier edit, so that editing does not allocate for each document.
    pub fn take_buffer(&mut self) -> String {
        let mut buffer = std::mem::take(&mut self.scratch.spare);
        buffer.clear();
        buffer
    }

    /// Replaces the text, and forgets what was cut from the old one.
    pub fn set_text(&mut self, text: String) {
        self.scratch.spare = std::mem::replace(&mut self.scratch.text, text);
        self.edited = true;
        self.forget();
    }

    /// Returns the language as BCP-47, where the input or a rule has named it.
    pub fn language(&self) -> Option<&str> {
        self.language
    }

    /// Names the language; words are cut by it.
    pub fn set_language(&mut self, language: Option<&'a str>) {
        self.language = language;
        self.forget();
    }

    /// Returns how words are cut.
    pub fn words_by(&self) -> Words {
        self.words
    }

    /// Says how words are cut; `Words::Unicode` unless this is called.
    pub fn set_words(&mut self, words: Words) {
        self.words = words;
        self.forget();
    }

    /// Returns the language to cut words, and to look up limits and word lists by.
    ///
    /// The language decides where it is known; else the script of the first characters tells Chinese from the rest.
    pub fn tag(&mut self) -> Tag {
        if let Some(known) = self.tag {
            return known;
        }
        let tag = match self.language.and_then(Tag::read) {
            Some(tag) => tag,
            None if segment::is_mostly_han(self.text()) => Tag::ZH,
            None => Tag::UNKNOWN,
        };
        self.tag = Some(tag);
        tag
    }

    /// Returns whether words are cut as those of Chinese.
    pub fn is_chinese(&mut self) -> bool {
        self.tag().primary() == Tag::ZH
    }

    /// Sets a column of the input row that rules may ask for, such as `url`; a null is not set.
    ///
    /// This allocates, so set only what `Config::columns_needed` names.
    pub fn set_column(&mut self, name: &'a str, value: Option<&'a str>) {
        self.columns.extend(value.map(|value| (name, value)));
    }

    /// Returns the value of an input column, or `None` where the row has none.
    pub fn column(&self, name: &str) -> Option<&str> {
        self.columns.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    /// Sets a score, which becomes an output column.
    pub fn set_score(&mut self, name: &str, value: f32) {
        match self.scratch.scores.iter_mut().find(|(known, _)| known == name) {
            Some((_, score)) => *score = Some(value),
            None => self.scratch.scores.push((name.to_owned(), Some(value))),
        }
    }

    /// Returns a score that a rule has set for this document.
    pub fn score(&self, name: &str) -> Option<f32> {
        self.scratch.scores.iter().find(|(known, _)| known == name).and_then(|(_, score)| *score)
    }

    /// Returns the words and marks of the text.
    pub fn segments(&mut self) -> &[Segment] {
        self.cut_segments();
        &self.scratch.segments
    }

    /// Returns the words of the text: its segments that hold a letter or a digit.
    pub fn words(&mut self) -> impl Iterator<Item = &str> {
        let Parts { text, segments, .. } = self.parts();
        segments.iter().filter(|segment| segment.is_word()).map(move |word| word.text(text))
    }

    /// Returns the lines of the text.
    pub fn lines(&mut self) -> &[Line] {
        self.cut_lines();
        &self.scratch.lines
    }

    /// Returns text, segments, lines and counting tables at once.
    pub fn parts(&mut self) -> Parts<'_> {
        self.cut_segments();
        self.cut_lines();
        let Scratch { segments, lines, repeats, text, .. } = &mut *self.scratch;
        let text = if self.edited { text } else { self.original };
        Parts { text, segments, lines, repeats }
    }

    fn cut_segments(&mut self) {
        if self.has_segments {
            return;
        }
        let (words, language) = (self.words, self.tag());
        let mut segments = std::mem::take(&mut self.scratch.segments);
        segments.clear();
        words.cut(measured(self.text()), language, &mut segments);
        self.scratch.segments = segments;
        self.has_segments = true;
    }

    fn cut_lines(&mut self) {
        if self.has_lines {
            return;
        }
        let mut lines = std::mem::take(&mut self.scratch.lines);
        lines.clear();
        let text = measured(self.text());
        let ends = memchr_iter(b'\n', text.as_bytes()).chain([text.len()]);
        let mut start = 0;
        for end in ends {
            let line = text.get(start..end).unwrap_or_default();
            lines.push(Line {
                hash: xxh3_64(line.as_bytes()),
                start: start as u32,
                end: end as u32,
                chars: line.chars().count() as u32,
            });
            start = end + 1;
        }
        self.scratch.lines = lines;
        self.has_lines = true;
    }

    fn forget(&mut self) {
        self.tag = None;
        self.has_segments = false;
        self.has_lines = false;
    }
}

impl Line {
    /// Returns the line's text; `text` is the text that it was cut from.
    pub fn text<'t>(&self, text: &'t str) -> &'t str {
        text.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}

/// Returns the part of a text that spans of 32 bits can address: all of it, up to 4 GiB.
fn measured(text: &str) -> &str {
    match u32::try_from(text.len()) {
        Ok(_) => text,
        Err(_) => text.get(..text.floor_char_boundary(u32::MAX as usize)).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_replaces_text_and_everything_cut_from_it() {
        let mut scratch = Scratch::default();
        let mut doc = Document::new("1", "one two\nthree", &mut scratch);
        assert_eq!(doc.words().collect::<Vec<_>>(), ["one", "two", "three"]);
        assert_eq!(doc.lines().len(), 2);
        assert!(!doc.edited());
        doc.set_text("four".to_owned());
        assert_eq!(doc.words().collect::<Vec<_>>(), ["four"]);
        assert_eq!(doc.lines().len(), 1);
        assert!(doc.edited());
        assert_eq!(doc.text(), "four");
    }

    #[test]
    fn a_named_language_decides_how_words_are_cut() {
        let mut scratch = Scratch::default();
        let mut doc = Document::new("1", "重新开放", &mut scratch);
        assert_eq!(doc.words().collect::<Vec<_>>(), ["重新", "开放"]);
        doc.set_language(Some("en"));
        assert_eq!(doc.words().count(), 4);
    }

    #[test]
    fn words_are_cut_anew_when_the_way_to_cut_them_changes() {
        let mut scratch = Scratch::default();
        let mut doc = Document::new("1", "don't", &mut scratch);
        assert_eq!(doc.words().collect::<Vec<_>>(), ["don't"]);
        doc.set_words(Words::Datatrove);
        assert_eq!(doc.words().collect::<Vec<_>>(), ["do", "n't"]);
    }

    #[test]
    fn scores_do_not_leak_into_the_next_document() {
        let mut scratch = Scratch::default();
        Document::new("1", "", &mut scratch).set_score("quality", 0.5);
        let mut doc = Document::new("2", "", &mut scratch);
        assert_eq!(doc.score("quality"), None);
        doc.set_score("quality", 0.25);
        assert_eq!(doc.score("quality"), Some(0.25));
    }

    #[test]
    fn columns_are_found_by_name_and_nulls_are_absent() {
        let mut scratch = Scratch::default();
        let mut doc = Document::new("1", "", &mut scratch);
        doc.set_column("url", Some("https://example.com"));
        doc.set_column("source", None);
        assert_eq!(doc.column("url"), Some("https://example.com"));
        assert_eq!(doc.column("source"), None);
    }
}
