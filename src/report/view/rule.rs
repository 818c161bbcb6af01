//! A rule of the registry → the elements of `wspect rules --format json`.

use schemars::JsonSchema;
use serde::Serialize;

use super::Severity;
use crate::rules;

/// A rule that a connection or a capture can break.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::report) struct Rule {
    /// Stable, kebab-case: the `rule` of a finding.
    name: &'static str,
    severity: Severity,
    /// What the rule looks at.
    group: &'static str,
    /// RFC and section; absent for rules about the capture.
    #[serde(skip_serializing_if = "str::is_empty")]
    reference: &'static str,
    /// The fault in one line.
    summary: &'static str,
    /// Markdown: the fault, why it matters, and what to do.
    page: String,
}

impl Rule {
    pub(in crate::report) fn new(group: &'static str, rule: &'static rules::Rule) -> Self {
        Self {
            name: rule.name,
            severity: rule.severity.into(),
            group,
            reference: rule.reference,
            summary: rule.summary(),
            page: rule.markdown(),
        }
    }
}
