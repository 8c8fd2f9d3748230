//! Aligned tables and readable numbers.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Columns that the first cell of a row may take.
const MAX_FIRST: usize = 60;

/// A table whose first column is aligned left, and whose other columns are aligned right.
#[derive(Debug)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
    /// A column of prose behind the numbers, aligned left.
    prose: Option<usize>,
}

impl Table {
    /// Returns a table with these headings.
    pub(crate) fn new(headings: &[&str]) -> Table {
        let headings = headings.iter().map(|heading| (*heading).to_owned()).collect();
        Table { rows: vec![headings], prose: None }
    }

    /// The same, the last column aligned left.
    pub(crate) fn with_prose(headings: &[&str]) -> Table {
        Table { prose: headings.len().checked_sub(1), ..Table::new(headings) }
    }

    /// Adds a row.
    pub(crate) fn push(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// Returns the lines; a Chinese character takes two columns of the terminal.
    pub(crate) fn lines(&self) -> Vec<String> {
        let rows: Vec<Vec<String>> = self.rows.iter().map(|row| shorten(row)).collect();
        let n_columns = rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            rows.iter().filter_map(|row| Some(row.get(column)?.width())).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..n_columns).map(width).collect();
        let line = |row: &Vec<String>| {
            let mut line = String::new();
            for (column, cell) in row.iter().enumerate() {
                let blanks = " ".repeat(widths[column].saturating_sub(cell.width()));
                match column {
                    0 => line.extend([cell.as_str(), &blanks]),
                    _ if self.prose == Some(column) => line.extend(["  ", cell]),
                    _ => line.extend(["  ", &blanks, cell]),
                }
            }
            line.trim_end().to_owned()
        };
        rows.iter().map(line).collect()
    }
}

/// Returns a row whose first cell is not too long.
fn shorten(row: &[String]) -> Vec<String> {
    let mut row = row.to_vec();
    if let Some(first) = row.first_mut()
        && first.width() > MAX_FIRST
    {
        let mut short = String::new();
        for character in first.chars() {
            if short.width() + character.width().unwrap_or(0) >= MAX_FIRST {
                break;
            }
            short.push(character);
        }
        *first = short + "…";
    }
    row
}

/// Writes a number with separators: `1,234,567`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Writes a number of bytes with three digits: `4.31 MB`.
pub(crate) fn bytes(number: u64) -> String {
    let units = ["kB", "MB", "GB", "TB", "PB"];
    let (mut value, mut unit) = (number as f64 / 1e3, 0);
    while value >= 999.5 && unit + 1 < units.len() {
        value /= 1e3;
        unit += 1;
    }
    match number {
        0..1000 => format!("{number} B"),
        _ if value < 9.995 => format!("{value:.2} {}", units[unit]),
        _ if value < 99.95 => format!("{value:.1} {}", units[unit]),
        _ => format!("{value:.0} {}", units[unit]),
    }
}

/// Writes a number of bytes of memory in binary units: `4.0 GiB`.
pub(crate) fn binary_bytes(number: u64) -> String {
    match number {
        0..0x10_0000 => format!("{:.1} KiB", number as f64 / 1024.0),
        0x10_0000..0x4000_0000 => format!("{:.1} MiB", number as f64 / f64::from(1 << 20)),
        _ => format!("{:.1} GiB", number as f64 / f64::from(1 << 30)),
    }
}

/// Writes a measure with four digits behind the point at most: `0.3766`, `12`.
pub(crate) fn measure(value: f64) -> String {
    let text = format!("{value:.4}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// Writes a duration: `4.2 s`, `3 min 5 s`, `2 h 40 min`.
pub(crate) fn seconds(seconds: f64) -> String {
    let whole = seconds.max(0.0).round() as u64;
    match whole {
        _ if seconds < 9.95 => format!("{:.1} s", seconds.max(0.0)),
        0..60 => format!("{whole} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole / 60 % 60),
    }
}

/// Writes a share of a whole: `12.3 %`.
pub(crate) fn share(part: u64, whole: u64) -> String {
    match whole {
        0 => "–".to_owned(),
        _ => format!("{:.1} %", 100.0 * part as f64 / whole as f64),
    }
}
