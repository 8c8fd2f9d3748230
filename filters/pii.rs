//! Replaces personal data.
//!
//! Removes: nothing by default. It replaces e-mail addresses, phone numbers, IP addresses, payment cards and Chinese
//!   resident ids by placeholders, which is an edit; a document with more than `max_count` of them is removed.
//! Units: findings; where two overlap, the one that starts first counts. An empty text has none.
//! Chinese: resident ids of 18 characters, mobile and landline numbers; none needs a blank before or behind it.
//! Source: own definitions, stated in `pii/*.rs`; the default of replacing follows FineWeb (datatrove, `pii.py`).
//! Differs: from datatrove in the kinds (there e-mail and IPv4 only), and in fixed placeholders where that takes
//!   turns, so that its output depends on the order of documents. Addresses that are not global (private, loopback,
//!   documentation) stay, as there. An IPv4 address of four single digits stays too: it is a version or a section.
//! Cost: one pass over the bytes; only places with `@`, a digit or `:` are looked at closely.

mod card;
mod email;
mod ip;
mod numbers;
mod phone;
mod placeholder;
mod resident_id;

use std::cmp::Reverse;
use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};

use crate::{ConfigError, Document, Filter, Judge, Limit};

/// Settings of the rule: a placeholder for each kind, or `false` to leave the kind alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pii {
    /// Tells two instances of the rule apart.
    pub name: Option<String>,
    /// Stands for an e-mail address; `<EMAIL>`.
    #[serde(with = "placeholder")]
    pub email: Option<String>,
    /// Stands for a phone number; `<PHONE>`.
    #[serde(with = "placeholder")]
    pub phone: Option<String>,
    /// Stands for an IPv4 or IPv6 address; `<IP>`.
    #[serde(with = "placeholder")]
    pub ip: Option<String>,
    /// Stands for the number of a payment card; `<CARD>`.
    #[serde(with = "placeholder")]
    pub card: Option<String>,
    /// Stands for a Chinese resident id; `<ID>`.
    #[serde(with = "placeholder")]
    pub resident_id: Option<String>,
    /// Findings in a document that is kept; off.
    pub max_count: Limit<u64>,
}

impl Default for Pii {
    fn default() -> Self {
        let some = |placeholder: &str| Some(placeholder.to_owned());
        Pii {
            name: None,
            email: some("<EMAIL>"),
            phone: some("<PHONE>"),
            ip: some("<IP>"),
            card: some("<CARD>"),
            resident_id: some("<ID>"),
            max_count: Limit::off(),
        }
    }
}

impl Pii {
    pub(crate) fn build(&self) -> Result<Box<dyn Filter>, ConfigError> {
        let name = self.name.clone().unwrap_or_else(|| "pii".to_owned());
        Ok(Box::new(Rule { name, config: self.clone() }))
    }
}

/// What kind of datum was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Email,
    Phone,
    Ip,
    Card,
    ResidentId,
}

/// A datum in the text, from byte `start` up to byte `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Finding {
    start: usize,
    end: usize,
    kind: Kind,
}

struct Rule {
    name: String,
    config: Pii,
}

impl Filter for Rule {
    fn name(&self) -> &str {
        &self.name
    }

    fn judge(&self, doc: &mut Document<'_>, judge: &mut Judge) -> ControlFlow<()> {
        let findings = self.find(doc.text());
        let limit = self.config.max_count.of(doc.tag());
        judge.at_most("max_count", findings.len() as f64, limit)?;
        if findings.is_empty() {
            return ControlFlow::Continue(());
        }
        let mut edited = doc.take_buffer();
        let text = doc.text();
        let mut copied = 0;
        for finding in findings {
            let (key, placeholder) = self.placeholder(finding.kind);
            edited.push_str(text.get(copied..finding.start).unwrap_or_default());
            edited.push_str(placeholder.unwrap_or_default());
            copied = finding.end;
            judge.count_edits_of(key, 1);
        }
        edited.push_str(text.get(copied..).unwrap_or_default());
        doc.set_text(edited);
        ControlFlow::Continue(())
    }
}

impl Rule {
    /// Returns the findings of all kinds that are not left alone, in order and without overlap.
    fn find(&self, text: &str) -> Vec<Finding> {
        let mut findings = Vec::new();
        email::find(text, &mut findings);
        ip::find_v6(text, &mut findings);
        numbers::find(text, &mut findings);
        findings.retain(|finding| self.placeholder(finding.kind).1.is_some());
        findings.sort_unstable_by_key(|finding| (finding.start, Reverse(finding.end)));
        let mut end = 0;
        findings.retain(|finding| {
            let free = finding.start >= end;
            end = end.max(finding.end);
            free
        });
        findings
    }

    fn placeholder(&self, kind: Kind) -> (&'static str, Option<&str>) {
        let config = &self.config;
        let (key, placeholder) = match kind {
            Kind::Email => ("email", &config.email),
            Kind::Phone => ("phone", &config.phone),
            Kind::Ip => ("ip", &config.ip),
            Kind::Card => ("card", &config.card),
            Kind::ResidentId => ("resident_id", &config.resident_id),
        };
        (key, placeholder.as_deref())
    }
}

/// Returns what the rule finds in a text with its default settings.
#[cfg(test)]
fn found(text: &str) -> Vec<&str> {
    let rule = Rule { name: String::new(), config: Pii::default() };
    let findings = rule.find(text).into_iter();
    findings.map(|finding| text.get(finding.start..finding.end).unwrap()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scratch;

    /// Returns the edited text and the edits by kind.
    fn edit(config: &Pii, text: &str) -> (String, Vec<(&'static str, u64)>) {
        let (mut scratch, mut judge) = (Scratch::default(), Judge::default());
        let mut doc = Document::new("1", text, &mut scratch);
        assert!(config.build().unwrap().judge(&mut doc, &mut judge).is_continue());
        (doc.text().to_owned(), judge.edits_by_kind().to_vec())
    }

    #[test]
    fn data_are_replaced_and_counted_by_kind() {
        let text =
            "Write to 13812345678@example.com or 8.130.44.12; 电话13812345678，或+1 908 647 7924。";
        let (edited, edits) = edit(&Pii::default(), text);
        assert_eq!(edited, "Write to <EMAIL> or <IP>; 电话<PHONE>，或<PHONE>。");
        assert_eq!(edits, [("email", 1), ("ip", 1), ("phone", 2)]);
    }

    #[test]
    fn a_kind_that_is_off_is_left_alone() {
        let config = Pii { phone: None, ..Pii::default() };
        let text = "Call 908-647-7924.";
        assert_eq!(edit(&config, text), (text.to_owned(), vec![]));
    }

    #[test]
    fn many_findings_remove_the_document_and_none_is_told() {
        let config = Pii { max_count: Limit::all(1), ..Pii::default() };
        let (mut scratch, mut judge) = (Scratch::default(), Judge::default());
        let mut doc = Document::new("1", "a@example.com, b@example.com", &mut scratch);
        assert!(config.build().unwrap().judge(&mut doc, &mut judge).is_break());
        let removal = judge.take().0.unwrap();
        assert_eq!((removal.check, removal.value, removal.found), ("max_count", 2.0, None));
        assert!(!doc.edited());
    }

    #[test]
    fn false_switches_a_kind_off_in_the_file() {
        let config: Pii = serde_json::from_str(r#"{"email": false, "phone": "[tel]"}"#).unwrap();
        assert_eq!((config.email, config.phone.as_deref()), (None, Some("[tel]")));
        assert!(serde_json::from_str::<Pii>(r#"{"email": true}"#).is_err());
    }
}
