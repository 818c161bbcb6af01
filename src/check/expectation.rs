//! A file of expectations (TOML) → expressions that have to hold.

use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

use super::Judgement;
use crate::query::{Condition, Facts, Problem};

/// What has to hold of a capture.
#[derive(Debug)]
pub struct Expectation {
    name: String,
    message: String,
    file: String,
    line: usize,
    condition: Condition,
}

impl Expectation {
    /// An expectation that stands in no file.
    ///
    /// # Errors
    /// What is wrong with the expression, and where.
    pub fn new(name: &str, expression: &str) -> Result<Self, Problem> {
        let condition = Condition::new(expression)?;
        Ok(Self { name: name.to_owned(), message: String::new(), file: String::new(), line: 1, condition })
    }

    pub(super) fn judge(&self, facts: &Facts<'_>) -> Judgement {
        Judgement {
            name: self.name.clone(),
            message: self.message.clone(),
            expression: self.condition.source().to_owned(),
            file: self.file.clone(),
            line: self.line,
            verdict: self.condition.judge(facts),
        }
    }
}

/// Reads the expectations of a file: a table `[[expect]]` each, with `name`, `expr` and, at will, `message`. `file` is its
/// name, to be shown.
///
/// # Errors
/// The first thing that is wrong with it: no TOML, a key that has no meaning, an expression that can't be read.
pub fn expectations(file: &str, toml: &str) -> Result<Vec<Expectation>, ExpectationError> {
    let error = |line, what| ExpectationError { file: file.to_owned(), line, what };
    let read: File = toml::from_str(toml).map_err(|problem| {
        let line = line_of(toml, problem.span().unwrap_or_default());
        error(line, problem.message().to_owned())
    })?;
    let mut expectations: Vec<Expectation> = Vec::new();
    for Entry { name, expr, message } in read.expect {
        let line = line_of(toml, expr.span());
        if expectations.iter().any(|earlier| earlier.name == name) {
            return Err(error(line, format!("'{name}' is the name of an expectation above")));
        }
        let condition = Condition::new(expr.get_ref())
            .map_err(|problem| error(line, format!("expectation '{name}': {problem}")))?;
        expectations.push(Expectation { name, message, file: file.to_owned(), line, condition });
    }
    Ok(expectations)
}

/// A file of expectations that can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {what}")]
pub struct ExpectationError {
    file: String,
    line: usize,
    what: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    expect: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    expr: Spanned<String>,
    #[serde(default)]
    message: String,
}

fn line_of(text: &str, span: Range<usize>) -> usize {
    text.get(..span.start).unwrap_or_default().matches('\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expectation_has_a_name_an_expression_and_a_message() {
        let file = "[[expect]]\nname = 'one'\nexpr = 'size(connections) == 1'\nmessage = 'why'\n\n[[expect]]\nname = \"two\"\nexpr = '''\ntotals.messages > 0\n'''\n";
        let read = expectations("chat.toml", file).unwrap();
        let shown: Vec<_> = read.iter().map(|e| (e.name.as_str(), e.message.as_str(), e.line)).collect();
        assert_eq!(shown, [("one", "why", 3), ("two", "", 8)]);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (file, line, what) in [
            ("[[expect]\n", 1, ""),
            ("[[expect]]\nname = 'a'\n", 1, "expr"),
            ("[[expect]]\nname = 'a'\nexpr = 'true'\nexpression = 'x'\n", 4, "expression"),
            (
                "\n[[expect]]\nname = 'a'\nexpr = 'm.length > 0'\n",
                4,
                "expectation 'a': column 1: there is no `m` here",
            ),
            (
                "[[expect]]\nname = 'a'\nexpr = 'true'\n[[expect]]\nname = 'a'\nexpr = 'true'\n",
                6,
                "'a' is the name",
            ),
            ("", 1, "expect"),
        ] {
            let error = expectations("f.toml", file).unwrap_err();
            assert!(error.to_string().starts_with(&format!("f.toml:{line}: ")), "{file}: {error}");
            assert!(error.what.contains(what), "{file}: {error}");
        }
    }
}
