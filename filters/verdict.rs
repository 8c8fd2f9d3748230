//! What a rule says about a document, and who writes it down.

use std::ops::ControlFlow;

/// Why a document was removed.
#[derive(Debug, Clone, PartialEq)]
pub struct Removal {
    /// The config key that sets the limit which did not hold, such as `min_words`.
    pub check: &'static str,
    /// The measured value.
    pub value: f64,
    /// The limit.
    pub limit: f64,
    /// The keyword, domain, label or language that was found; never a personal datum.
    pub found: Option<String>,
}

/// One value that a rule measured, whether its limit held or not.
#[derive(Debug, Clone, PartialEq)]
pub struct Measure {
    /// The config key that would have decided.
    pub check: &'static str,
    /// The measured value.
    pub value: f64,
    /// The limit, `None` where it is switched off.
    pub limit: Option<f64>,
    /// Whether the limit was broken.
    pub broken: bool,
}

/// Takes down what a rule measures in one document, and stops it at the first broken limit.
///
/// A `Judge::measuring` never stops a rule and writes every measure down: one code path serves
/// removal, annotation and the tables of thresholds.
#[derive(Debug, Default)]
pub struct Judge {
    removal: Option<Removal>,
    edits: u64,
    edits_by_kind: Vec<(&'static str, u64)>,
    measures: Option<Vec<Measure>>,
}

impl Judge {
    /// Returns a judge that writes down every measure and never breaks.
    ///
    /// Its removal is that of the first broken limit, as it is for a judge that does break.
    pub fn measuring() -> Judge {
        Judge { measures: Some(Vec::new()), ..Judge::default() }
    }

    /// Returns whether every value is wanted, so that a rule may not skip what cannot break a limit.
    pub fn is_measuring(&self) -> bool {
        self.measures.is_some()
    }

    /// Breaks if `value` is below `limit`; a limit of `None` is switched off. NaN breaks.
    pub fn at_least(
        &mut self,
        check: &'static str,
        value: f64,
        limit: Option<f64>,
    ) -> ControlFlow<()> {
        self.weigh(check, value, limit, |limit| value >= limit)
    }

    /// Breaks if `value` is above `limit`; a limit of `None` is switched off. NaN breaks.
    pub fn at_most(
        &mut self,
        check: &'static str,
        value: f64,
        limit: Option<f64>,
    ) -> ControlFlow<()> {
        self.weigh(check, value, limit, |limit| value <= limit)
    }

    fn weigh(
        &mut self,
        check: &'static str,
        value: f64,
        limit: Option<f64>,
        holds: impl Fn(f64) -> bool,
    ) -> ControlFlow<()> {
        match limit {
            Some(limit) if !holds(limit) => self.remove(check, value, limit, None),
            _ => {
                if let Some(measures) = &mut self.measures {
                    measures.push(Measure { check, value, limit, broken: false });
                }
                ControlFlow::Continue(())
            }
        }
    }

    /// Breaks, and names what was `found`.
    pub fn remove(
        &mut self,
        check: &'static str,
        value: f64,
        limit: f64,
        found: Option<String>,
    ) -> ControlFlow<()> {
        let Some(measures) = &mut self.measures else {
            self.removal = Some(Removal { check, value, limit, found });
            return ControlFlow::Break(());
        };
        measures.push(Measure { check, value, limit: Some(limit), broken: true });
        self.removal.get_or_insert(Removal { check, value, limit, found });
        ControlFlow::Continue(())
    }

    /// Counts `n` edits of the text by the rule that is judging.
    pub fn count_edits(&mut self, n: u64) {
        self.edits += n;
    }

    /// Counts `n` edits of one kind, such as `email`.
    pub fn count_edits_of(&mut self, kind: &'static str, n: u64) {
        self.edits += n;
        match self.edits_by_kind.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, count)) => *count += n,
            None => self.edits_by_kind.push((kind, n)),
        }
    }

    /// Returns the edits of the last rule by kind, where it told kinds apart; read it before `take`.
    pub fn edits_by_kind(&self) -> &[(&'static str, u64)] {
        &self.edits_by_kind
    }

    /// Returns what was measured since the last `take`; empty unless the judge is `measuring`.
    pub fn measures(&self) -> &[Measure] {
        self.measures.as_deref().unwrap_or_default()
    }

    /// Returns what the last rule said, and makes the judge ready for the next rule.
    pub fn take(&mut self) -> (Option<Removal>, u64) {
        self.edits_by_kind.clear();
        if let Some(measures) = &mut self.measures {
            measures.clear();
        }
        (self.removal.take(), std::mem::take(&mut self.edits))
    }
}

/// Returns a share, which is 0 of nothing.
pub(crate) fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nan_breaks_both_kinds_of_limit_but_not_a_limit_that_is_off() {
        let mut judge = Judge::default();
        assert!(judge.at_least("min", f64::NAN, Some(0.0)).is_break());
        assert!(judge.at_most("max", f64::NAN, Some(1.0)).is_break());
        assert!(judge.at_most("max", f64::NAN, None).is_continue());
    }

    #[test]
    fn a_measuring_judge_goes_on_and_reports_the_first_broken_limit() {
        let mut judge = Judge::measuring();
        assert!(judge.at_least("min_words", 3.0, Some(50.0)).is_continue());
        assert!(judge.at_most("max_ratio", 0.1, Some(0.2)).is_continue());
        assert!(judge.remove("keyword", 1.0, 0.0, None).is_continue());
        assert_eq!(judge.measures().iter().filter(|m| m.broken).count(), 2);
        assert_eq!(judge.take().0.map(|removal| removal.check), Some("min_words"));
        assert!(judge.measures().is_empty());
    }
}
