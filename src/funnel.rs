//! The funnel: what became of the documents, by stage and cause, by source and by language.

use std::collections::BTreeMap;

use stages::ledger::UNREADABLE;
use stages::runner::FunnelRow;

use crate::report::{Report, StageReport};
use crate::table::{Table, bytes, count, share};

/// Rows of the tables by source and by language.
const MAX_GROUPS: usize = 10;

/// Documents, bytes of text and tokens.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    documents: u64,
    bytes: u64,
    tokens: f64,
    /// Whether some of the tokens are guessed, because a removed document is never encoded.
    is_estimate: bool,
}

impl Sums {
    fn add(&mut self, other: Sums) {
        self.documents += other.documents;
        self.bytes += other.bytes;
        self.tokens += other.tokens;
        self.is_estimate |= other.is_estimate;
    }
}

/// Returns the lines of all tables.
pub(crate) fn lines(report: &Report) -> Vec<String> {
    let rows = Rows::new(&report.funnel);
    let mut lines = rows.by_cause(report).lines();
    for (heading, key) in [
        ("source", (|row| row.source.as_deref()) as fn(&FunnelRow) -> Option<&str>),
        ("language", |row| row.language.as_deref()),
    ] {
        if rows.rows.iter().any(|(row, _)| key(row).is_some()) {
            lines.push(String::new());
            lines.extend(rows.by_group(heading, key).lines());
        }
    }
    lines
}

struct Rows<'a> {
    rows: Vec<(&'a FunnelRow, Sums)>,
    all: Sums,
    has_tokens: bool,
}

impl<'a> Rows<'a> {
    fn new(funnel: &'a [FunnelRow]) -> Rows<'a> {
        let rates = BytesPerToken::new(funnel);
        let rows: Vec<_> = funnel.iter().map(|row| (row, rates.sums(row))).collect();
        let mut all = Sums::default();
        rows.iter().for_each(|(_, sums)| all.add(*sums));
        Rows { rows, all, has_tokens: funnel.iter().any(|row| row.tokens > 0) }
    }

    /// Returns the sums of the rows for which `is_in` holds.
    fn sum(&self, is_in: impl Fn(&FunnelRow) -> bool) -> Sums {
        let mut sums = Sums::default();
        self.rows.iter().filter(|(row, _)| is_in(row)).for_each(|(_, more)| sums.add(*more));
        sums
    }

    fn by_cause(&self, report: &Report) -> Table {
        let of_cause = |cause: &str| self.sum(|row| row.cause.as_deref() == Some(cause));
        let mut table = Table::new(&self.headings("", &["documents", "text"], "share"));
        table.push(self.cells("read", self.all, self.all.documents));
        if report.unreadable > 0 {
            table.push(self.cells("  unreadable", of_cause(UNREADABLE), self.all.documents));
        }
        for StageReport { name, removed, seen, kept, .. } in &report.stages {
            if removed.is_empty() {
                continue;
            }
            // Where a stage has one cause, that of its own name, its line says all.
            if removed.len() == 1 && removed.contains_key(name) {
                let mut sums = of_cause(name);
                sums.documents = seen - kept;
                table.push(self.cells(&format!("  {name}"), sums, self.all.documents));
                continue;
            }
            table.push(vec![format!("  {name}")]);
            let mut causes: Vec<_> = removed.iter().collect();
            causes.sort_by_key(|(_, n)| std::cmp::Reverse(**n));
            for (cause, _) in causes {
                let sums = of_cause(cause);
                table.push(self.cells(&format!("    {cause}"), sums, self.all.documents));
            }
        }
        let kept = self.sum(|row| row.cause.is_none());
        table.push(self.cells("kept", kept, self.all.documents));
        table
    }

    fn by_group(&self, heading: &str, key: fn(&FunnelRow) -> Option<&str>) -> Table {
        let mut groups: BTreeMap<&str, (Sums, Sums)> = BTreeMap::new();
        for (row, sums) in &self.rows {
            let (all, kept) = groups.entry(key(row).unwrap_or("(unknown)")).or_default();
            all.add(*sums);
            if row.cause.is_none() {
                kept.add(*sums);
            }
        }
        let mut groups: Vec<_> = groups.into_iter().collect();
        groups.sort_by_key(|(_, (all, _))| std::cmp::Reverse(all.bytes));
        let n_more = groups.len().saturating_sub(MAX_GROUPS);
        let headings = self.headings(heading, &["read", "kept", "text kept"], "share kept");
        let mut table = Table::new(&headings);
        for (name, (all, kept)) in groups.into_iter().take(MAX_GROUPS) {
            let mut cells = vec![
                name.to_owned(),
                count(all.documents),
                count(kept.documents),
                bytes(kept.bytes),
            ];
            cells.extend(self.has_tokens.then(|| tokens(kept)));
            cells.push(share(kept.documents, all.documents));
            table.push(cells);
        }
        if n_more > 0 {
            table.push(vec![format!("({n_more} more)")]);
        }
        table
    }

    fn headings<'b>(&self, first: &'b str, middle: &[&'b str], last: &'b str) -> Vec<&'b str> {
        let tokens = if self.has_tokens { &["tokens"][..] } else { &[] };
        [&[first], middle, tokens, &[last]].concat()
    }

    fn cells(&self, name: &str, sums: Sums, whole: u64) -> Vec<String> {
        let mut cells = vec![name.to_owned(), count(sums.documents), bytes(sums.bytes)];
        cells.extend(self.has_tokens.then(|| tokens(sums)));
        cells.push(share(sums.documents, whole));
        cells
    }
}

fn tokens(sums: Sums) -> String {
    format!("{}{}", if sums.is_estimate { "~" } else { "" }, count(sums.tokens.round() as u64))
}

/// How many bytes of text make a token, by language: documents that were removed are never encoded, so their tokens are
/// guessed from the kept ones of their language.
struct BytesPerToken<'a> {
    by_language: BTreeMap<Option<&'a str>, f64>,
    overall: Option<f64>,
}

impl<'a> BytesPerToken<'a> {
    fn new(funnel: &'a [FunnelRow]) -> BytesPerToken<'a> {
        let mut sums: BTreeMap<Option<&str>, (u64, u64)> = BTreeMap::new();
        for row in funnel.iter().filter(|row| row.cause.is_none()) {
            let (bytes, tokens) = sums.entry(row.language.as_deref()).or_default();
            *bytes += row.bytes;
            *tokens += row.tokens;
        }
        let rate = |bytes: u64, tokens: u64| (tokens > 0).then(|| bytes as f64 / tokens as f64);
        let (bytes, tokens) =
            sums.values().fold((0, 0), |(b, t), (bytes, tokens)| (b + bytes, t + tokens));
        let by_language =
            sums.iter().filter_map(|(language, (b, t))| Some((*language, rate(*b, *t)?)));
        BytesPerToken { by_language: by_language.collect(), overall: rate(bytes, tokens) }
    }

    fn sums(&self, row: &FunnelRow) -> Sums {
        let FunnelRow { documents, bytes, tokens, .. } = *row;
        let sums = Sums { documents, bytes, tokens: tokens as f64, is_estimate: false };
        let rate = self.by_language.get(&row.language.as_deref()).copied().or(self.overall);
        match rate {
            Some(rate) if row.cause.is_some() && rate > 0.0 => {
                Sums { tokens: bytes as f64 / rate, is_estimate: true, ..sums }
            }
            _ => sums,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(
        cause: Option<&str>,
        source: &str,
        documents: u64,
        bytes: u64,
        tokens: u64,
    ) -> FunnelRow {
        let (cause, source) = (cause.map(str::to_owned), Some(source.to_owned()));
        FunnelRow { cause, source, language: Some("zh".to_owned()), documents, bytes, tokens }
    }

    #[test]
    fn removed_documents_have_estimated_tokens() {
        let funnel = vec![
            row(None, "网页抓取", 1_200, 4_000, 1_000),
            row(Some("c4.min_sentences"), "网页抓取", 300, 2_000, 0),
            row(Some("dedup_exact"), "b", 1, 40, 0),
        ];
        let stage = |name: &str, cause: &str, seen, kept| StageReport {
            name: name.to_owned(),
            seen,
            kept,
            removed: [(cause.to_owned(), seen - kept)].into(),
        };
        let stages = vec![
            stage("filter", "c4.min_sentences", 1_501, 1_201),
            stage("dedup_exact", "dedup_exact", 1_201, 1_200),
        ];
        let report = Report { read: 1_501, kept: 1_200, funnel, stages, ..Report::default() };
        let expected = "\
                      documents     text  tokens    share
read                      1,501  6.04 kB  ~1,510  100.0 %
  filter
    c4.min_sentences        300  2.00 kB    ~500   20.0 %
  dedup_exact                 1     40 B     ~10    0.1 %
kept                      1,200  4.00 kB   1,000   79.9 %

source     read   kept  text kept  tokens  share kept
网页抓取  1,500  1,200    4.00 kB   1,000      80.0 %
b             1      0        0 B       0       0.0 %

language   read   kept  text kept  tokens  share kept
zh        1,501  1,200    4.00 kB   1,000      79.9 %";
        assert_eq!(lines(&report).join("\n").trim_start(), expected);
    }
}
