//! A check → SARIF 2.1.0, as code scanning reads it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};

use serde_json::{Value, json};

use super::{Checked, place, place_of_difference, reason, safe, was_and_is};
use crate::check::Judged;
use crate::report::escaped;
use crate::rules::{Rule, Severity};

/// Writes the log: a result for each finding, each expectation that fails and each difference, and the rules that they stand
/// on with their pages.
///
/// # Errors
/// What the writer says.
pub fn sarif(checked: &Checked<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut rules = Rules::default();
    let results = results(checked, &mut rules);
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "wspect", "version": env!("CARGO_PKG_VERSION"), "rules": rules.described}},
            "results": results,
        }],
    });
    escaped::json(&log, out)
}

fn results(checked: &Checked<'_>, rules: &mut Rules) -> Vec<Value> {
    let outcome = checked.outcome;
    let findings =
        outcome.findings.iter().map(|judged| finding(checked, judged, rules.place(judged.finding.rule)));
    let mut results: Vec<_> = findings.collect();
    let mut broken = outcome.broken().peekable();
    if broken.peek().is_some() {
        let rule = rules.own("expectation-failed", "An expectation about the capture does not hold");
        results.extend(broken.map(|judgement| {
            let said = [&judgement.name, &judgement.message, judgement.expression.trim(), &reason(judgement)];
            let said: Vec<_> = said.into_iter().filter(|part| !part.is_empty()).collect();
            json!({
                "ruleId": "expectation-failed", "ruleIndex": rule, "level": "error",
                "message": {"text": said.join("\n")},
                "locations": [{"physicalLocation": {
                    "artifactLocation": {"uri": uri(&judgement.file)}, "region": {"startLine": judgement.line},
                }}],
            })
        }));
    }
    if !checked.differences().is_empty() {
        let rule = rules.own("baseline-differs", "The capture is not as the baseline recorded it");
        results.extend(checked.differences().iter().map(|difference| {
            let [was, is] = was_and_is(difference);
            let place = place_of_difference(difference);
            json!({
                "ruleId": "baseline-differs", "ruleIndex": rule, "level": "error",
                "message": {"text": format!("{place}\nwas {was}\nis {is}")},
                "locations": [{"physicalLocation": {
                    "artifactLocation": {"uri": uri(checked.baseline.unwrap_or_default())},
                }}],
            })
        }));
    }
    results
}

fn finding(checked: &Checked<'_>, judged: &Judged, rule: usize) -> Value {
    let finding = &judged.finding;
    let physical = json!({"artifactLocation": {"uri": uri(checked.capture(judged))}});
    let place = place(judged);
    let location = if place.is_empty() {
        json!({"physicalLocation": physical})
    } else {
        json!({"physicalLocation": physical, "logicalLocations": [{"fullyQualifiedName": place}]})
    };
    let colon = if place.is_empty() { "" } else { ": " };
    json!({
        "ruleId": finding.rule.name, "ruleIndex": rule, "level": level(judged.severity),
        "message": {"text": format!("{place}{colon}{}", safe(&finding.detail))},
        "locations": [location],
    })
}

/// The rules that results stand on, in the order of their first use.
#[derive(Default)]
struct Rules {
    places: BTreeMap<&'static str, usize>,
    described: Vec<Value>,
}

impl Rules {
    fn place(&mut self, rule: &'static Rule) -> usize {
        *self.places.entry(rule.name).or_insert_with(|| {
            let markdown = rule.markdown();
            self.described.push(json!({
                "id": rule.name,
                "shortDescription": {"text": rule.summary()},
                "help": {"text": format!("See docs/rules/{}.md, or: wspect rules {}", rule.name, rule.name), "markdown": markdown},
                "defaultConfiguration": {"level": level(rule.severity)},
            }));
            self.described.len() - 1
        })
    }

    fn own(&mut self, id: &str, description: &str) -> usize {
        self.described.push(json!({
            "id": id, "shortDescription": {"text": description}, "defaultConfiguration": {"level": "error"},
        }));
        self.described.len() - 1
    }
}

/// SARIF has no level below `note`, but one for what is no fault at all.
const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
        Severity::Info => "none",
    }
}

/// A path as a relative reference, or as a `file:` URI where it is absolute. // RFC 3986 §4.2
fn uri(path: &str) -> String {
    let mut uri = if path.starts_with('/') { "file://".to_owned() } else { String::new() };
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            // A `String` takes everything.
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_becomes_a_reference() {
        assert_eq!(uri("captures/chat 1.pcap"), "captures/chat%201.pcap");
        assert_eq!(uri("/tmp/柳.pcap"), "file:///tmp/%E6%9F%B3.pcap");
        assert_eq!(uri("a:b%"), "a%3Ab%25");
    }
}
