//! Repairs characters: misread UTF-8, HTML entities, control characters, line ends, composed letters.
//!
//! Removes: a document in which U+FFFD makes up more than `max_lost_char_ratio` after the repair; all else is an
//!   edit. In this order: line ends become `\n`; entities such as `&eacute;` are decoded in texts without `<`; lines
//!   whose UTF-8 was read as Latin-1, ISO 8859-2, Windows-1250 to 1254, 1257, Mac Roman or code page 437 are read
//!   again, also where that happened several times or to a part of the line, and so are lines of GB 2312 read as
//!   Latin-1; control characters, colours of terminals and byte order marks go; so do zero-width and direction marks
//!   where they have no function; printers' ligatures (`ﬁ`) become letters; letters are composed (NFC); blank lines
//!   beyond `max_blank_lines` in a row go. Full-width letters and curly quotes stay unless asked for.
//! Units: edits are counted by kind: characters, but entities, lines misread or blank, and 1 a text for NFC.
//! Chinese: full-width marks are never narrowed, only letters and digits, and only if `narrow_letters` is set. Text
//!   that is all right but rare in Chinese (`“”`, `…`, `·`) is not taken for misread.
//! Source: Speer, ftfy 6.3 (MIT): classes of characters, order of character sets, control characters.
//! Differs: from ftfy in keeping curly quotes, full-width forms and the digraphs of Croatian and Dutch; in removing
//!   zero-width and direction marks, C1 controls that stay, and blank lines; in not guessing a `?` to be a lost byte;
//!   in deciding about `<` by the whole text instead of line by line.
//! Cost: one scan of the bytes of a text that needs nothing, which comes back as it was; lines with letters of the
//!   scripts that misread text shows are searched once with a regular expression.

use std::ops::ControlFlow;

use memchr::memmem;
use serde::{Deserialize, Serialize};
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use crate::verdict::ratio;
use crate::{ConfigError, Document, Filter, Judge, Limit};

mod badness;
mod charset;
mod gb;
mod marks;
mod mojibake;

/// Settings of the rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UnicodeRepair {
    /// Tells two instances of the rule apart.
    pub name: Option<String>,
    /// Ends every line with `\n`: CR LF, CR, NEL, U+2028 and U+2029.
    pub unify_newlines: bool,
    /// Decodes HTML entities in texts without `<`.
    pub decode_entities: bool,
    /// Reads lines again that were read with the wrong character set.
    pub repair_mojibake: bool,
    /// Removes control characters and byte order marks.
    pub remove_controls: bool,
    /// Removes zero-width and direction marks that have no function where they stand.
    pub remove_invisible: bool,
    /// Writes `ﬀ`, `ﬁ`, `ﬂ`, `ﬃ`, `ﬄ`, `ﬅ`, `ﬆ` as letters.
    pub expand_ligatures: bool,
    /// Writes full-width Latin letters and digits as ASCII.
    pub narrow_letters: bool,
    /// Writes curly quotation marks as `'` and `"`.
    pub straighten_quotes: bool,
    /// Composes letters and accents (NFC).
    pub compose: bool,
    /// Blank lines in a row.
    pub max_blank_lines: Limit<u64>,
    /// Share of characters that are U+FFFD, which is what stands for bytes that nobody can read; off.
    pub max_lost_char_ratio: Limit<f64>,
}

impl Default for UnicodeRepair {
    fn default() -> Self {
        UnicodeRepair {
            name: None,
            unify_newlines: true,
            decode_entities: true,
            repair_mojibake: true,
            remove_controls: true,
            remove_invisible: true,
            expand_ligatures: true,
            narrow_letters: false,
            straighten_quotes: false,
            compose: true,
            max_blank_lines: Limit::all(2),
            max_lost_char_ratio: Limit::off(),
        }
    }
}

impl UnicodeRepair {
    pub(crate) fn build(&self) -> Result<Box<dyn Filter>, ConfigError> {
        self.max_lost_char_ratio.check_ratio("max_lost_char_ratio")?;
        let name = self.name.clone().unwrap_or_else(|| "unicode_repair".to_owned());
        Ok(Box::new(Rule { name, config: self.clone() }))
    }
}

struct Rule {
    name: String,
    config: UnicodeRepair,
}

impl Filter for Rule {
    fn name(&self) -> &str {
        &self.name
    }

    fn judge(&self, doc: &mut Document<'_>, judge: &mut Judge) -> ControlFlow<()> {
        self.repair(doc, judge);
        let limit = self.config.max_lost_char_ratio.of(doc.tag());
        if limit.is_none() && !judge.is_measuring() {
            return ControlFlow::Continue(());
        }
        let n_lost = memmem::find_iter(doc.text().as_bytes(), "\u{FFFD}").count() as u64;
        let n_chars = if n_lost == 0 { 0 } else { doc.text().chars().count() as u64 };
        judge.at_most("max_lost_char_ratio", ratio(n_lost, n_chars), limit)
    }
}

/// What a decoded entity or line may hide is decoded in turn, this often at most.
const MAX_ROUNDS: usize = 4;

impl Rule {
    fn repair(&self, doc: &mut Document<'_>, judge: &mut Judge) {
        let max_blank_lines = self.config.max_blank_lines.of(doc.tag()).map(|max| max as u64);
        let found = scan(doc.text());
        let is_long = max_blank_lines.is_some_and(|max| marks::has_blank_lines(doc.text(), max));
        if found == 0 && !is_long {
            return;
        }
        let mut edit = Edit { text: doc.take_buffer(), spare: String::new(), edits: Vec::new() };
        edit.text.push_str(doc.text());
        self.edit(found, max_blank_lines, &mut edit);
        // Two edits may undo each other; a text that is as it was has not been edited.
        if edit.text != doc.text() {
            for (kind, n) in edit.edits {
                judge.count_edits_of(kind, n);
            }
            doc.set_text(edit.text);
        }
    }

    fn edit(&self, mut found: u16, max_blank_lines: Option<u64>, edit: &mut Edit) {
        let config = &self.config;
        let has = |found: u16, part: u16, is_on: bool| is_on && found & part != 0;
        for _ in 0..MAX_ROUNDS {
            let before = edit.edits.len();
            if has(found, NEWLINE, config.unify_newlines) {
                edit.run("newlines", marks::unify_newlines);
            }
            if has(found, ENTITY, config.decode_entities) {
                edit.run("entities", marks::decode_entities);
            }
            if has(found, MISREAD, config.repair_mojibake) {
                edit.run("mojibake", repair_lines);
            }
            if edit.edits.len() == before {
                break;
            }
            found = scan(&edit.text);
        }
        if has(found, CONTROL, config.remove_controls) {
            edit.run("controls", marks::remove_controls);
        }
        if has(found, INVISIBLE, config.remove_invisible) {
            edit.run("invisible", marks::remove_invisible);
        }
        if has(found, LIGATURE, config.expand_ligatures) {
            edit.run("ligatures", |text, out| marks::replace(text, marks::ligature, out));
        }
        if has(found, WIDE, config.narrow_letters) {
            edit.run("wide_letters", marks::narrow);
        }
        if has(found, QUOTE, config.straighten_quotes) {
            edit.run("quotes", |text, out| marks::replace(text, marks::straight_quote, out));
        }
        // What went may have stood between a letter and its accent.
        if has(found, COMPOSABLE, config.compose)
            && is_nfc_quick(edit.text.chars()) != IsNormalized::Yes
        {
            edit.run("compositions", |text, out| {
                out.extend(text.nfc());
                u64::from(out != text)
            });
        }
        if let Some(max) = max_blank_lines {
            edit.run("blank_lines", |text, out| marks::cut_blank_lines(text, max, out));
        }
    }
}

/// A text between two edits.
struct Edit {
    text: String,
    spare: String,
    edits: Vec<(&'static str, u64)>,
}

impl Edit {
    fn run(&mut self, kind: &'static str, edit: impl FnOnce(&str, &mut String) -> u64) {
        self.spare.clear();
        let n = edit(&self.text, &mut self.spare);
        if n > 0 {
            std::mem::swap(&mut self.text, &mut self.spare);
            self.edits.push((kind, n));
        }
    }
}

fn repair_lines(text: &str, out: &mut String) -> u64 {
    let mut edits = 0;
    for line in text.split_inclusive('\n') {
        let (line, end) = line.strip_suffix('\n').map_or((line, ""), |line| (line, "\n"));
        if line.is_ascii() {
            out.push_str(line);
        } else {
            // Codes of GB 2312 look bad as well, so they come first.
            let is_misread = gb::repair_line(line, out) || mojibake::repair_line(line, out);
            edits += u64::from(is_misread);
        }
        out.push_str(end);
    }
    edits
}

const NEWLINE: u16 = 1;
const ENTITY: u16 = 2;
const MISREAD: u16 = 4;
const CONTROL: u16 = 8;
const INVISIBLE: u16 = 16;
const LIGATURE: u16 = 32;
const WIDE: u16 = 64;
const QUOTE: u16 = 128;
const COMPOSABLE: u16 = 256;

/// Bytes that are looked at together.
const BLOCK: usize = 32;

/// Returns which parts of the rule a text may need.
fn scan(text: &str) -> u16 {
    let bytes = text.as_bytes();
    let (mut at, mut found) = (0, 0);
    while at < bytes.len() {
        if let Some(block) = bytes.get(at..at + BLOCK)
            && is_plain(block)
        {
            at += BLOCK;
            continue;
        }
        let end = (at + BLOCK).min(bytes.len());
        while at < end {
            match bytes[at] {
                b'&' => found |= ENTITY,
                b'\r' => found |= NEWLINE,
                0..=8 | 0xB | 0xE..=0x1F | 0x7F => found |= CONTROL,
                // Nothing of the main block of Han, and of what lies around it, needs a look.
                0xE4..=0xE9 => at += 2,
                0x80.. => {
                    let char = text.get(at..).and_then(|rest| rest.chars().next());
                    let char = char.unwrap_or_default();
                    found |= needs(char);
                    at += char.len_utf8() - 1;
                }
                _ => {}
            }
            at += 1;
        }
    }
    found
}

/// Returns whether a block is ASCII without anything to repair; one branch for all of its bytes.
fn is_plain(block: &[u8]) -> bool {
    let mut odd = 0;
    for &byte in block {
        let is_blank = (byte == b'\n') | (byte == b'\t');
        odd |= u8::from(!(0x20..0x7F).contains(&byte) & !is_blank) | u8::from(byte == b'&');
    }
    odd == 0
}

/// Returns which parts of the rule a character that is not ASCII may need.
fn needs(char: char) -> u16 {
    match char {
        '\u{80}'..='\u{9F}' if char != '\u{85}' => MISREAD | CONTROL,
        '\u{85}' => MISREAD | NEWLINE,
        '\u{AD}' => MISREAD | INVISIBLE,
        '\u{A0}'
        | '·'
        | '\u{2010}'..='\u{2017}'
        | '\u{2020}'..='\u{2027}'
        | '\u{2190}'..='\u{21FF}' => {
            if matches!(char, '†' | '‡' | '•') {
                MISREAD
            } else {
                0
            }
        }
        '\u{A1}'..='\u{2FF}'
        | '\u{386}'
        | '\u{388}'..='\u{3CE}'
        | '\u{400}'..='\u{482}'
        | '\u{48A}'..='\u{52F}' => MISREAD,
        '\u{2018}'..='\u{201F}' => QUOTE,
        '\u{2028}' | '\u{2029}' => NEWLINE,
        '\u{3000}'..='\u{3029}'
        | '\u{3030}'..='\u{3098}'
        | '\u{30A0}'..='\u{30FF}'
        | '\u{3400}'..='\u{9FFF}'
        | '\u{AC00}'..='\u{D7A3}' => 0,
        '\u{FF00}'..='\u{FFEF}' => {
            if marks::is_wide(char) {
                WIDE
            } else {
                0
            }
        }
        '\u{FB00}'..='\u{FB06}' => LIGATURE | MISREAD,
        _ if marks::is_control(char) => CONTROL,
        _ if marks::is_invisible(char) => INVISIBLE | COMPOSABLE,
        '\u{2000}'..='\u{25FF}' | '\u{F8FF}' | '\u{FFFD}' => MISREAD | COMPOSABLE,
        _ => COMPOSABLE,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Scratch;

    fn repair(text: &str) -> (String, Vec<(&'static str, u64)>) {
        let rule = UnicodeRepair::default().build().unwrap();
        let (mut scratch, mut judge) = (Scratch::default(), Judge::default());
        let mut doc = Document::new("1", text, &mut scratch);
        let _ = rule.judge(&mut doc, &mut judge);
        (doc.text().to_owned(), judge.edits_by_kind().to_vec())
    }

    #[test]
    fn edits_are_counted_by_kind() {
        let (text, edits) = repair("cafÃ© &amp; e\u{301}\u{FEFF}\r\n\n\n\n\nﬁn");
        assert_eq!(text, "café & é\n\n\nfin");
        assert_eq!(
            edits,
            [
                ("newlines", 1),
                ("entities", 1),
                ("mojibake", 1),
                ("controls", 1),
                ("ligatures", 1),
                ("compositions", 1),
                ("blank_lines", 2)
            ]
        );
    }

    #[test]
    fn a_block_hides_nothing_behind_its_end() {
        for at in 0..70 {
            let text = format!("{}\u{200B}{}", "a".repeat(at), "图".repeat(30));
            assert_eq!(repair(&text).0, text.replace('\u{200B}', ""), "{at}");
        }
    }

    proptest! {
        #[test]
        fn a_repaired_text_needs_no_repair(text in "[a-zéÃ©â€™ŸœÂ &;#0-9图ﬁ\u{301}\u{200B}\r\n\u{92}<]{0,20}") {
            // Misread several times over, a text may show only in the next run that more was wrong.
            let mut text = text;
            for _ in 0..8 {
                text = repair(&text).0;
            }
            prop_assert_eq!(repair(&text).0, text);
        }

        #[test]
        fn what_was_misread_once_comes_back(words in "[a-z]{3,8} [éüñßç][a-z]{2,5} [a-z]{2,5}[éèêü] ?") {
            let misread: String = words.bytes().map(char::from).collect();
            if words.chars().all(|char| u32::from(char) < 0xE0 || char != 'à') {
                prop_assert_eq!(repair(&misread).0, words);
            }
        }
    }
}
