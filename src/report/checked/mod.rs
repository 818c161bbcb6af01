//! The outcome of a check → what people, CI servers and code hosts read.

mod github;
mod json;
mod junit;
mod sarif;
mod table;

pub(super) use json::CheckDocument;

pub use github::github;
pub use json::{baseline, json};
pub use junit::junit;
pub use sarif::sarif;
pub use table::table;

use super::text::{Rest, fit};
use crate::check::{Difference, Judged, Judgement, Outcome};
use crate::document::Document;
use crate::query::Verdict;
use crate::rules::Severity;

/// A check that was made.
#[derive(Clone, Copy, Debug)]
pub struct Checked<'a> {
    /// The inputs by their paths.
    pub captures: &'a [String],
    /// What was read from them.
    pub document: &'a Document,
    /// The mildest finding that fails the check.
    pub fail_on: Severity,
    /// The path of the baseline, where there was one to compare with.
    pub baseline: Option<&'a str>,
    /// What became of it.
    pub outcome: &'a Outcome,
}

impl Checked<'_> {
    /// The capture that a finding is about.
    fn capture(&self, judged: &Judged) -> &str {
        let file = usize::from(judged.finding.at.file);
        self.captures.get(file).or_else(|| self.captures.first()).map_or("", String::as_str)
    }

    fn differences(&self) -> &[Difference] {
        self.outcome.differences.as_deref().unwrap_or_default()
    }

    /// `GET` target of a connection, safe to print.
    fn target(&self, number: u64) -> String {
        let connection = self.document.connections.iter().find(|each| each.id.0 == number);
        let request = connection.and_then(|each| each.opening.handshake.request.as_ref());
        request.map_or_else(String::new, |request| safe(&request.target))
    }
}

/// `connection 1, message 3, packet 8`, as far as that is known.
fn place(judged: &Judged) -> String {
    let parts = [
        judged.connection.map(|id| format!("connection {}", id.0)),
        judged.finding.message.map(|index| format!("message {index}")),
        Some(judged.finding.at.number).filter(|number| *number > 0).map(|number| format!("packet {number}")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// `connection 1 (/chat): client_to_server[3].text`
fn place_of_difference(difference: &Difference) -> String {
    let target = Some(&difference.target).filter(|target| !target.is_empty());
    let target = target.map(|target| format!(" ({})", safe(target))).unwrap_or_default();
    let connection = difference.connection.map(|number| format!("connection {number}{target}"));
    let path = Some(difference.path.clone()).filter(|path| !path.is_empty());
    connection.into_iter().chain(path).collect::<Vec<_>>().join(": ")
}

/// `was "Hello", is "Hallo"`, from a little before the first character that differs.
fn was_and_is(difference: &Difference) -> [String; 2] {
    let [was, is] = [&difference.was, &difference.is].map(|side| side.as_deref());
    let same = match (was, is) {
        (Some(was), Some(is)) => was.chars().zip(is.chars()).take_while(|(a, b)| a == b).count(),
        _ => 0,
    };
    let start = same.saturating_sub(BEFORE);
    [was, is].map(|side| side.map_or_else(|| "nothing".to_owned(), |text| window(text, start)))
}

fn window(text: &str, start: usize) -> String {
    let shown: String = text.chars().skip(start).take(WINDOW).collect();
    let before = if start > 0 { "…" } else { "" };
    let after = if text.chars().count() > start + WINDOW { "…" } else { "" };
    format!("{before}{}{after}", safe(&shown))
}

/// Characters of a value that stand before the first difference, and of it in all.
const BEFORE: usize = 40;
const WINDOW: usize = 160;

/// Why an expectation does not hold, in a line; empty where there is no more to say than that.
fn reason(judgement: &Judgement) -> String {
    match &judgement.verdict {
        Verdict::Holds => String::new(),
        Verdict::Fails(why) => safe(&why.join(": ")),
        Verdict::NoResult(problem) => format!("no result: {} at column {}", problem.what(), problem.column()),
    }
}

/// Nothing in it steers a terminal, breaks a line or can't stand in XML.
fn safe(text: &str) -> String {
    fit(text.as_bytes(), usize::MAX, Rest::End)
}

/// `1 message`, `2 messages`
fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_value_is_shown_around_what_differs() {
        let [was, is] = ["a", "b"].map(|last| Some(format!("{}{last}{}", "x".repeat(500), "y".repeat(500))));
        let difference =
            Difference { connection: Some(1), target: String::new(), path: String::new(), was, is };
        let [was, is] = was_and_is(&difference);
        assert!(was.starts_with("…xxx") && was.contains("xa") && was.ends_with("y…"), "{was}");
        assert!(is.contains("xb") && is.chars().count() == WINDOW + 2, "{is}");
    }

    #[test]
    fn what_is_short_or_absent_is_shown_as_it_is() {
        let difference = Difference {
            connection: None,
            target: String::new(),
            path: String::new(),
            was: Some("1".into()),
            is: None,
        };
        assert_eq!(was_and_is(&difference), ["1", "nothing"]);
    }
}
