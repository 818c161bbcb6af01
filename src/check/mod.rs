//! A capture and what is demanded of it → what it breaks.
//!
//! ```
//! use wspect::check::{Demands, check, expectations};
//!
//! let capture = wspect::read("testdata/01_seed_ws_hello.pcap")?;
//! let demands = Demands {
//!     expectations: expectations(
//!         "chat.toml",
//!         r#"
//!         [[expect]]
//!         name = "the greeting is answered"
//!         expr = 'messages.exists(m, m.text == "Hello, LUOZHOU")'
//!         message = "the server has to greet by name"
//!         "#,
//!     )?,
//!     ..Demands::default()
//! };
//! let outcome = check(&capture, &demands);
//! assert!(outcome.passed(), "{outcome:?}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod baseline;
mod compare;
mod expectation;
mod levels;
mod varying;

pub use baseline::{Baseline, BaselineError};
pub use compare::Difference;
pub use expectation::{Expectation, ExpectationError, expectations};
pub use levels::{Level, Levels, UnknownRule};
pub(crate) use varying::without_varying;

use crate::document::{Document, Extent};
use crate::event::ConnectionId;
use crate::query::{Facts, Verdict};
use crate::rules::capture::LIMIT_REACHED;
use crate::rules::{Finding, Rule, Severity};

/// What a capture has to be like. By default: free of errors.
#[derive(Debug)]
pub struct Demands {
    /// Rules that count for more or less than they do by themselves.
    pub levels: Levels,
    /// The mildest finding that fails the check.
    pub fail_on: Severity,
    /// What has to hold.
    pub expectations: Vec<Expectation>,
    /// What the capture has to be like.
    pub baseline: Option<Baseline>,
}

impl Default for Demands {
    fn default() -> Self {
        Self { levels: Levels::default(), fail_on: Severity::Error, expectations: Vec::new(), baseline: None }
    }
}

impl Demands {
    /// What of a capture has to be kept to judge it.
    pub const fn extent(&self) -> Extent {
        if self.judges_the_whole() { Extent::Whole } else { Extent::WithoutMessages }
    }

    const fn judges_the_whole(&self) -> bool {
        !self.expectations.is_empty() || self.baseline.is_some()
    }

    /// How bad a finding of the rule is; `None` where it is allowed.
    fn severity(&self, rule: &Rule) -> Option<Severity> {
        match self.levels.of(rule) {
            Some(Level::Allow) => None,
            Some(Level::Counts(severity)) => Some(severity),
            // What a limit cut would be judged as if it had never been there.
            None if self.judges_the_whole() && *rule == LIMIT_REACHED => Some(Severity::Error),
            None => Some(rule.severity),
        }
    }
}

/// What became of a check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The findings that are not allowed: those of each connection in turn, then those of the capture.
    pub findings: Vec<Judged>,
    /// The expectations in their order.
    pub expectations: Vec<Judgement>,
    /// How the capture differs from the baseline; `None` where there was none to compare with.
    pub differences: Option<Vec<Difference>>,
}

/// A finding and what it counts for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// Whose it is; `None` for the capture itself.
    pub connection: Option<ConnectionId>,
    /// The finding.
    pub finding: Finding,
    /// What it counts for here.
    pub severity: Severity,
    /// Does it fail the check?
    pub fails: bool,
}

/// An expectation and whether it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// Its name.
    pub name: String,
    /// What to say when it does not hold; may be empty.
    pub message: String,
    /// Its expression.
    pub expression: String,
    /// The file that it stands in.
    pub file: String,
    /// Its line there, from 1.
    pub line: usize,
    /// Does it hold, and why not?
    pub verdict: Verdict,
}

impl Outcome {
    /// Is the capture as demanded?
    pub fn passed(&self) -> bool {
        self.failing().next().is_none()
            && self.broken().next().is_none()
            && self.differences.as_ref().is_none_or(Vec::is_empty)
    }

    /// What became of the check, in the words of `shown`, the same check of the same capture without its secrets.
    #[must_use]
    pub fn told_as(self, shown: Self) -> Self {
        let told = |(real, shown): (Judgement, Judgement)| Judgement {
            verdict: match (real.verdict, shown.verdict) {
                (Verdict::Fails(_), Verdict::Fails(why)) => Verdict::Fails(why),
                (Verdict::Fails(_), _) => Verdict::Fails(vec!["what decides is redacted".to_owned()]),
                (holds_or_has_no_result, _) => holds_or_has_no_result,
            },
            ..real
        };
        let expectations = self.expectations.into_iter().zip(shown.expectations).map(told).collect();
        Self { expectations, ..shown }
    }

    /// The findings that fail the check.
    pub fn failing(&self) -> impl Iterator<Item = &Judged> {
        self.findings.iter().filter(|judged| judged.fails)
    }

    /// The expectations that do not hold.
    pub fn broken(&self) -> impl Iterator<Item = &Judgement> {
        self.expectations.iter().filter(|judgement| judgement.verdict != Verdict::Holds)
    }

    /// How many findings are this bad.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|judged| judged.severity == severity).count()
    }
}

/// Judges a capture.
pub fn check(document: &Document, demands: &Demands) -> Outcome {
    let findings = document.all_findings().filter_map(|(connection, finding)| {
        let severity = demands.severity(finding.rule)?;
        let connection = connection.map(|each| each.id);
        Some(Judged { connection, finding: finding.clone(), severity, fails: severity <= demands.fail_on })
    });
    let facts = Facts::of(document);
    let judgements = demands.expectations.iter().map(|expectation| expectation.judge(&facts));
    let baseline = demands.baseline.as_ref();
    Outcome {
        findings: findings.collect(),
        expectations: judgements.collect(),
        differences: baseline.map(|baseline| baseline.differences(&Baseline::of(document))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str) -> Document {
        crate::read(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name)).unwrap()
    }

    fn with_levels(pairs: &[(&str, Level)]) -> Demands {
        let mut levels = Levels::default();
        pairs.iter().for_each(|(name, level)| levels.set(name, *level).unwrap());
        Demands { levels, ..Demands::default() }
    }

    #[test]
    fn a_finding_fails_at_or_above_the_level_asked_for() {
        let document = read("14_accept_errors.pcap");
        let failing = |fail_on| {
            let outcome = check(&document, &Demands { fail_on, ..Demands::default() });
            outcome.failing().count() as u64
        };
        let [errors, warnings, notes, _] = document.totals.findings;
        assert!(errors > 0);
        assert_eq!(failing(Severity::Error), errors);
        assert_eq!(failing(Severity::Warning), errors + warnings);
        assert_eq!(failing(Severity::Note), errors + warnings + notes);
    }

    #[test]
    fn a_rule_can_be_raised_lowered_and_allowed() {
        let document = read("14_accept_errors.pcap");
        let rules: Vec<_> = document.all_findings().map(|(_, finding)| finding.rule).collect();
        let allowed: Vec<_> = rules.iter().map(|rule| (rule.name, Level::Allow)).collect();
        assert_eq!(check(&document, &with_levels(&allowed)), Outcome::default());
        let lowered: Vec<_> = rules.iter().map(|rule| (rule.name, Level::Counts(Severity::Info))).collect();
        let outcome = check(&document, &with_levels(&lowered));
        assert!(outcome.passed() && outcome.count(Severity::Info) == rules.len());
        let raised: Vec<_> = rules.iter().map(|rule| (rule.name, Level::Counts(Severity::Error))).collect();
        assert_eq!(check(&document, &with_levels(&raised)).failing().count(), rules.len());
    }

    #[test]
    fn what_a_limit_cut_can_not_be_judged_as_the_whole() {
        let mut document = read("01_seed_ws_hello.pcap");
        let at = document.connections[0].closing.end;
        document.findings.push(Finding {
            rule: &LIMIT_REACHED,
            blame: crate::rules::Blame::Capture,
            message: None,
            at,
            detail: "cut".to_owned(),
        });
        assert!(check(&document, &Demands::default()).passed());
        let holds = "[[expect]]\nname = 'a'\nexpr = 'size(connections) == 1'";
        let expectations = || expectations("", holds).unwrap();
        let demands = Demands { expectations: expectations(), ..Demands::default() };
        assert!(!check(&document, &demands).passed());
        let demands =
            Demands { expectations: expectations(), ..with_levels(&[("limit-reached", Level::Allow)]) };
        assert!(check(&document, &demands).passed());
    }
}
