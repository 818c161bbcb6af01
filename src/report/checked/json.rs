//! A check → one JSON document.

use std::io::{self, Write};

use schemars::JsonSchema;
use serde::Serialize;

use super::{Checked, reason};
use crate::check;
use crate::query::Verdict;
use crate::report::escaped::{self, Escaped};
use crate::report::view::{Files, Finding, Generator, SCHEMA, Totals};

/// Writes the document.
///
/// # Errors
/// What the writer says.
pub fn json(checked: &Checked<'_>, out: &mut dyn Write) -> io::Result<()> {
    let files = Files::new(&checked.document.totals.inputs);
    escaped::json(&CheckDocument::new(checked, &files), out)
}

/// Writes a baseline.
///
/// # Errors
/// What the writer says.
pub fn baseline(baseline: &check::Baseline, out: &mut dyn Write) -> io::Result<()> {
    Escaped::new(out).write_all(baseline.json()?.as_bytes())
}

/// What `wspect check --format json` writes.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::report) struct CheckDocument<'a> {
    /// Version of this format.
    schema: u32,
    generator: Generator,
    /// Nothing failed.
    passed: bool,
    /// Paths of the inputs.
    captures: &'a [String],
    /// The mildest severity that fails the check.
    fail_on: &'static str,
    /// All that are not allowed, with the severity that they count for here.
    findings: Vec<JudgedFinding<'a>>,
    expectations: Vec<Expectation<'a>>,
    /// Absent where there was none to compare with.
    #[serde(skip_serializing_if = "Option::is_none")]
    baseline: Option<Baseline<'a>>,
    totals: Totals,
}

impl<'a> CheckDocument<'a> {
    fn new(checked: &Checked<'a>, files: &'a Files) -> Self {
        let outcome = checked.outcome;
        Self {
            schema: SCHEMA,
            generator: Generator::THIS,
            passed: outcome.passed(),
            captures: checked.captures,
            fail_on: checked.fail_on.name(),
            findings: outcome.findings.iter().map(|judged| JudgedFinding::new(judged, files)).collect(),
            expectations: outcome.expectations.iter().map(Expectation::from).collect(),
            baseline: checked.baseline.map(|path| Baseline {
                path,
                differences: outcome.differences.iter().flatten().map(Difference::from).collect(),
            }),
            totals: Totals::from(&checked.document.totals),
        }
    }
}

#[derive(Debug, Serialize, JsonSchema)]
struct JudgedFinding<'a> {
    #[serde(flatten)]
    finding: Finding<'a>,
    /// Does it fail the check?
    fails: bool,
}

impl<'a> JudgedFinding<'a> {
    fn new(judged: &'a check::Judged, files: &'a Files) -> Self {
        let finding = Finding::new(&judged.finding, judged.connection, files).counting(judged.severity);
        Self { finding, fails: judged.fails }
    }
}

#[derive(Debug, Serialize, JsonSchema)]
struct Expectation<'a> {
    name: &'a str,
    expr: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    message: &'a str,
    /// Where it stands.
    file: &'a str,
    line: usize,
    holds: bool,
    /// Why it does not hold: the connection or message that decides, and what was compared.
    #[serde(skip_serializing_if = "String::is_empty")]
    reason: String,
}

impl<'a> From<&'a check::Judgement> for Expectation<'a> {
    fn from(judgement: &'a check::Judgement) -> Self {
        Self {
            name: &judgement.name,
            expr: &judgement.expression,
            message: &judgement.message,
            file: &judgement.file,
            line: judgement.line,
            holds: judgement.verdict == Verdict::Holds,
            reason: reason(judgement),
        }
    }
}

#[derive(Debug, Serialize, JsonSchema)]
struct Baseline<'a> {
    path: &'a str,
    differences: Vec<Difference<'a>>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Difference<'a> {
    /// Counted from 1 in the capture; in the baseline, where the capture has none that would stand for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    connection: Option<usize>,
    /// Of the upgrade request.
    #[serde(skip_serializing_if = "str::is_empty")]
    target: &'a str,
    /// A path in the baseline: `client_to_server[2].text`; empty for the whole connection.
    path: &'a str,
    /// JSON as text; absent when it is new.
    #[serde(skip_serializing_if = "Option::is_none")]
    was: Option<&'a str>,
    /// JSON as text; absent when it is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    is: Option<&'a str>,
}

impl<'a> From<&'a check::Difference> for Difference<'a> {
    fn from(difference: &'a check::Difference) -> Self {
        Self {
            connection: difference.connection,
            target: &difference.target,
            path: &difference.path,
            was: difference.was.as_deref(),
            is: difference.is.as_deref(),
        }
    }
}
