//! Mistakes of a pipeline file, and how they are shown.

use std::fmt;
use std::ops::Range;

use unicode_width::UnicodeWidthStr;

use super::document::Document;

/// One thing that is wrong in a file.
#[derive(Debug, Clone)]
pub(crate) struct Mistake {
    pub(super) span: Range<usize>,
    message: String,
    hint: Option<String>,
}

impl Mistake {
    /// Says what is wrong with the text at `span`.
    pub(super) fn new(span: Range<usize>, message: String) -> Mistake {
        Mistake { span, message, hint: None }
    }

    /// The same for what a stage said when it was built: its hint, or the values that it knows, become the hint.
    pub(super) fn refused(span: Range<usize>, message: &str) -> Mistake {
        if let Some((message, hint)) = message.split_once("\nhint: ") {
            return Mistake::new(span, message.to_owned()).with_hint(hint);
        }
        let Some((message, known)) = message.split_once("; there are ") else {
            return Mistake::new(span, message.to_owned());
        };
        let found = message.rsplit('`').nth(1).unwrap_or_default();
        let known: Vec<&str> = known.split(", ").collect();
        Mistake::new(span, message.to_owned()).with_hint(suggest(found, &known, "values"))
    }

    pub(super) fn with_hint(mut self, hint: impl Into<String>) -> Mistake {
        self.hint = Some(hint.into());
        self
    }
}

/// Says that a table does not have this key.
pub(super) fn unknown_key(
    key: &str,
    known: &[&str],
    span: Range<usize>,
    table: Option<&str>,
) -> Mistake {
    let message = match table {
        Some(table) => format!("{table}: unknown key `{key}`"),
        None => format!("unknown key `{key}`"),
    };
    Mistake::new(span, message).with_hint(suggest(key, known, "keys"))
}

/// Says that there is no stage or rule of this name.
pub(super) fn unknown_name(kind: &str, name: &str, known: &[&str], span: Range<usize>) -> Mistake {
    let hint = suggest(name, known, &format!("{kind}s"));
    Mistake::new(span, format!("unknown {kind} `{name}`")).with_hint(hint)
}

/// Returns the hint for a name that is not known.
pub(crate) fn suggest(name: &str, known: &[&str], kind: &str) -> String {
    // `min_wrods` is near `min_words`, and so is `words`, but not `alpha` to `beta`.
    let distance = |known: &&&str| match name.len() > 3 && known.contains(name) {
        true => 0,
        false => strsim::damerau_levenshtein(name, known),
    };
    let is_near = |near: &&&str| {
        distance(near) <= (name.chars().count() / 3).max(1)
            || (near.len() > 3 && name.contains(**near))
    };
    match known.iter().filter(is_near).min_by_key(distance) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("the {kind} are {}", known.join(", ")),
    }
}

/// All mistakes of a file, each with its line.
#[derive(Debug)]
pub(crate) struct Mistakes {
    n: usize,
    path: String,
    shown: String,
}

impl Mistakes {
    pub(super) fn new(document: &Document<'_>, mut mistakes: Vec<Mistake>) -> Mistakes {
        mistakes.sort_by_key(|mistake| (mistake.span.start, mistake.span.end));
        let shown: Vec<String> = mistakes.iter().map(|mistake| show(document, mistake)).collect();
        let path = document.path.display().to_string();
        Mistakes { n: mistakes.len(), path, shown: shown.join("\n\n") }
    }
}

/// Shows a mistake: place and message, then the line with a mark below the key.
///
/// ```text
/// web.toml:12:3: gopher_quality: unknown key `min_wrods`
///    |
/// 12 |   min_wrods = 50
///    |   ^^^^^^^^^
/// hint: did you mean `min_words`?
/// ```
fn show(document: &Document<'_>, mistake: &Mistake) -> String {
    let (row, column) = document.position(mistake.span.start);
    let (line, marked) = document.line(&mistake.span);
    // Carets stand below what the terminal shows: a Chinese character takes two columns, a tab is shown as one blank.
    let width =
        |range: Range<usize>| line.get(range).unwrap_or_default().replace('\t', " ").width();
    let (before, below) = (width(0..marked.start), width(marked).max(1));
    let (gutter, line) = (row.to_string().len(), line.replace('\t', " "));
    let mut shown = format!(
        "{}:{row}:{column}: {}\n{:gutter$} |\n{row} | {line}\n{:gutter$} | {:before$}{}",
        document.path.display(),
        mistake.message,
        "",
        "",
        "",
        "^".repeat(below)
    );
    if let Some(hint) = &mistake.hint {
        shown.push_str(&format!("\nhint: {hint}"));
    }
    shown
}

impl fmt::Display for Mistakes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Mistakes { n, path, shown } = self;
        let mistakes = if *n == 1 { "mistake" } else { "mistakes" };
        write!(formatter, "{path}: {n} {mistakes}\n\n{shown}")
    }
}

impl std::error::Error for Mistakes {}
