//! An expression over a whole capture → whether it holds, and what of the capture decides.

use super::check::Variable;
use super::evaluate::Scope;
use super::explain::explain;
use super::object::{Connection, End, Object};
use super::shapes::{CONNECTIONS, FINDINGS, MESSAGES, TOTALS};
use super::value::{Kind, Value};
use super::{Part, Problem, compile};
use crate::document::{self, Document};

/// An expression over `connections`, `messages`, `findings` (lists) and `totals`.
#[derive(Debug)]
pub struct Condition {
    source: String,
    parts: Vec<Part>,
}

/// A capture as expressions see it.
#[derive(Debug)]
pub struct Facts<'a>([Value<'a>; 4]);

/// What became of a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It holds.
    Holds,
    /// It does not. From the outside to the inside, a phrase each: the connection or message that decides, and what was compared.
    /// Empty where there is no more to say.
    Fails(Vec<String>),
    /// It has no result: a division by zero, an index beyond the end of its list.
    NoResult(Problem),
}

impl Condition {
    /// Reads and checks an expression.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn new(source: &str) -> Result<Self, Problem> {
        let variables = [
            Variable { name: "connections", kind: CONNECTIONS },
            Variable { name: "messages", kind: MESSAGES },
            Variable { name: "findings", kind: FINDINGS },
            Variable { name: "totals", kind: Kind::Object(&TOTALS) },
        ];
        Ok(Self { source: source.to_owned(), parts: compile(source, &variables)? })
    }

    /// As it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Judges a capture.
    pub fn judge(&self, facts: &Facts<'_>) -> Verdict {
        let scope = Scope::Roots(&facts.0);
        for part in &self.parts {
            match part.node.holds(&scope) {
                Ok(true) => {}
                Ok(false) => return Verdict::Fails(explain(&part.node, &scope)),
                Err(fault) => return Verdict::NoResult(Problem::new(&self.source, fault.at, fault.what)),
            }
        }
        Verdict::Holds
    }
}

impl<'a> Facts<'a> {
    /// Points into the document: a few words for each connection, message and finding.
    pub fn of(document: &'a Document) -> Self {
        let connections = document.connections.iter().map(|each| Object::Connection(connection(each)));
        let messages = document
            .connections
            .iter()
            .flat_map(|each| each.messages.iter().map(|message| Object::Message((each.id, message))));
        let findings = document
            .all_findings()
            .map(|(connection, finding)| Object::Finding((connection.map(|each| each.id), finding)));
        Self([
            list(connections),
            list(messages),
            list(findings),
            Value::Object(Object::Totals(&document.totals)),
        ])
    }
}

fn connection(of: &document::Connection) -> Connection<'_> {
    Connection {
        id: of.id,
        opening: &of.opening,
        end: Some(End { closing: &of.closing, findings: &of.findings }),
        messages: Some(&of.messages),
    }
}

fn list<'a>(objects: impl Iterator<Item = Object<'a>>) -> Value<'a> {
    Value::List(objects.map(Value::Object).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(source: &str) -> Verdict {
        let capture = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/14_accept_errors.pcap");
        let document = crate::read(capture).unwrap();
        Condition::new(source)
            .unwrap_or_else(|problem| panic!("{source}: {problem}"))
            .judge(&Facts::of(&document))
    }

    fn why(source: &str) -> Vec<String> {
        match judge(source) {
            Verdict::Fails(why) => why,
            other => panic!("{source}: {other:?}"),
        }
    }

    #[test]
    fn the_whole_capture_is_there() {
        for holds in [
            "size(connections) == 3 && totals.websocket_connections == 3",
            "messages.exists(m, m.type == 'close') && size(messages) == totals.messages",
            "connections.all(c, c.id >= 1) && connections.exists(c, has(c.handshake.accept))",
            "connections.all(c, size(c.messages) == size(messages.filter(m, m.connection == c.id)))",
            "size(findings.filter(f, f.severity == 'error')) == totals.findings.error",
            "findings.exists(f, f.rule == 'handshake-accept-mismatch' && f.connection > 0)",
            "totals.skipped_packets.malformed == 0 && connections[0].id == 1",
        ] {
            assert_eq!(judge(holds), Verdict::Holds, "{holds}");
        }
    }

    #[test]
    fn a_failure_names_the_element_that_decides_and_what_was_compared() {
        assert_eq!(why("size(connections) == 1"), ["3 == 1"]);
        assert_eq!(why("totals.packets > 0 && size(connections) < 2"), ["3 < 2"]);
        assert_eq!(why("connections.all(c, c.id < 3)"), ["connection 3", "3 < 3"]);
        let accept = why("connections.all(c, c.handshake.accept.valid)");
        assert!(
            matches!(accept.as_slice(), [connection, field]
            if connection.starts_with("connection ") && field == "valid is false"),
            "{accept:?}"
        );
        assert_eq!(why("connections.exists(c, c.id > 3)"), ["none of 3"]);
        assert_eq!(why("!connections.exists(c, c.id == 2)"), ["connection 2", "2 == 2"]);
        assert_eq!(why("connections.exists_one(c, c.id > 1)"), ["2 of 3"]);
        assert_eq!(
            why("connections.all(c, c.id == 1 || c.transport == 'tls')"),
            ["connection 2", "2 == 1", "\"tcp\" == \"tls\""]
        );
    }

    #[test]
    fn an_expression_without_a_result_does_not_hold() {
        assert!(
            matches!(judge("connections[9].id == 1"), Verdict::NoResult(problem) if problem.column() == 12)
        );
    }

    #[test]
    fn the_variables_are_those_of_a_capture() {
        let error = Condition::new("m.length > 1").unwrap_err();
        assert!(error.what().contains("`connections`, `messages`, `findings`, `totals`"), "{error}");
        assert!(Condition::new("size(connections)").is_err());
    }
}
