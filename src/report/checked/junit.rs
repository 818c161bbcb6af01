//! A check → JUnit XML, as Jenkins, GitLab and others read it.
//!
//! There is no standard; this keeps to what the schema of Jenkins' xUnit plugin and the others agree on. A test case each for the
//! capture, every connection, every expectation and the baseline, so that what passed is counted too.

use std::fmt;
use std::io::{self, Write};

use super::{Checked, counted, place, place_of_difference, reason, safe, was_and_is};
use crate::check::Judged;
use crate::query::Verdict;

/// Writes the document.
///
/// # Errors
/// What the writer says.
pub fn junit(checked: &Checked<'_>, out: &mut dyn Write) -> io::Result<()> {
    let suites = suites(checked);
    let tests: usize = suites.iter().map(|suite| suite.cases.len()).sum();
    let failures: usize = suites.iter().map(Suite::failures).sum();
    writeln!(out, r#"<?xml version="1.0" encoding="UTF-8"?>"#)?;
    writeln!(
        out,
        r#"<testsuites name="wspect check" tests="{tests}" failures="{failures}" errors="0" time="0">"#
    )?;
    suites.iter().try_for_each(|suite| suite.write(out))?;
    writeln!(out, "</testsuites>")
}

struct Suite {
    name: String,
    cases: Vec<Case>,
}

struct Case {
    name: String,
    failure: Option<Failure>,
}

struct Failure {
    kind: String,
    message: String,
    text: String,
}

fn suites(checked: &Checked<'_>) -> Vec<Suite> {
    let capture = checked.captures.join(", ");
    let suite = |what: &str, cases: Vec<Case>| Suite { name: format!("{capture}: {what}"), cases };
    let expectations = checked.outcome.expectations.iter().map(|judgement| Case {
        name: judgement.name.clone(),
        failure: (judgement.verdict != Verdict::Holds).then(|| Failure {
            kind: "expectation".to_owned(),
            message: match judgement.message.as_str() {
                "" => judgement.expression.trim().to_owned(),
                message => message.to_owned(),
            },
            text: format!(
                "{}:{}\n{}\n{}",
                judgement.file,
                judgement.line,
                judgement.expression.trim(),
                reason(judgement)
            ),
        }),
    });
    let mut suites =
        vec![suite("findings", finding_cases(checked)), suite("expectations", expectations.collect())];
    if let Some(path) = checked.baseline {
        suites.push(suite("baseline", vec![Case { name: path.to_owned(), failure: differences(checked) }]));
    }
    suites.retain(|suite| !suite.cases.is_empty());
    suites
}

fn finding_cases(checked: &Checked<'_>) -> Vec<Case> {
    let of_connections = checked.document.connections.iter().map(|connection| {
        let number = connection.id.0;
        let name = format!("connection {number} {}", checked.target(number));
        (name.trim_end().to_owned(), Some(connection.id))
    });
    let mut failing = checked.outcome.failing().peekable();
    let cases = of_connections.chain([("the capture".to_owned(), None)]).map(|(name, id)| {
        // They come in the order of the connections, those of the capture last.
        let mut found = Vec::new();
        while let Some(judged) = failing.next_if(|judged| judged.connection == id) {
            found.push(judged);
        }
        Case { name, failure: failure(&found) }
    });
    cases.collect()
}

fn failure(found: &[&Judged]) -> Option<Failure> {
    let first = found.first()?;
    let lines: Vec<_> = found
        .iter()
        .map(|judged| {
            let (severity, rule) = (judged.severity.name(), judged.finding.rule.name);
            format!("{severity} {rule} ({}): {}", place(judged), judged.finding.detail)
        })
        .collect();
    Some(Failure {
        kind: first.finding.rule.name.to_owned(),
        message: match found {
            [only] => only.finding.detail.clone(),
            all => counted(all.len(), "finding"),
        },
        text: lines.join("\n"),
    })
}

fn differences(checked: &Checked<'_>) -> Option<Failure> {
    let differences = checked.differences();
    let lines = differences.iter().map(|difference| {
        let [was, is] = was_and_is(difference);
        format!("{}\n  was  {was}\n  is   {is}", place_of_difference(difference))
    });
    (!differences.is_empty()).then(|| Failure {
        kind: "baseline".to_owned(),
        message: counted(differences.len(), "difference"),
        text: lines.collect::<Vec<_>>().join("\n"),
    })
}

impl Suite {
    fn failures(&self) -> usize {
        self.cases.iter().filter(|case| case.failure.is_some()).count()
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let (tests, failures) = (self.cases.len(), self.failures());
        writeln!(
            out,
            r#"  <testsuite name="{}" tests="{tests}" failures="{failures}" errors="0" skipped="0" time="0">"#,
            Xml(&self.name)
        )?;
        self.cases.iter().try_for_each(|case| case.write(&self.name, out))?;
        writeln!(out, "  </testsuite>")
    }
}

impl Case {
    fn write(&self, class: &str, out: &mut dyn Write) -> io::Result<()> {
        write!(out, r#"    <testcase name="{}" classname="{}" time="0""#, Xml(&self.name), Xml(class))?;
        let Some(failure) = &self.failure else { return writeln!(out, "/>") };
        writeln!(out, ">")?;
        writeln!(
            out,
            r#"      <failure message="{}" type="{}">{}</failure>"#,
            Xml(&failure.message),
            Xml(&failure.kind),
            Xml(&failure.text)
        )?;
        writeln!(out, "    </testcase>")
    }
}

/// A text that can stand in an attribute or between tags: markup escaped, and what XML can't hold made visible.
struct Xml<'a>(&'a str);

impl fmt::Display for Xml<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, line) in self.0.split('\n').enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            for character in safe(line).chars() {
                match character {
                    '&' => f.write_str("&amp;")?,
                    '<' => f.write_str("&lt;")?,
                    '>' => f.write_str("&gt;")?,
                    '"' => f.write_str("&quot;")?,
                    other => write!(f, "{other}")?,
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_can_neither_end_its_element_nor_hold_what_xml_forbids() {
        assert_eq!(Xml("a<b>&\"c\"]]>").to_string(), "a&lt;b&gt;&amp;&quot;c&quot;]]&gt;");
        assert_eq!(
            Xml("a\nb\x00\x1b\r\u{fffe}\u{ffff}柳州").to_string(),
            "a\nb\\x00\\x1b\\r\\u{fffe}\\u{ffff}柳州"
        );
    }
}
