//! Two baselines → how the latter differs.

use serde::Serialize;
use serde_json::Value;

use super::baseline::{Baseline, Conversation};
use crate::align::{self, Pair, align, matched};

/// One thing that is not as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The connection, counted from 1: in the capture; in the baseline, where the capture has none that would stand for it.
    pub connection: Option<usize>,
    /// The target of its upgrade request; empty where there is none.
    pub target: String,
    /// What of it, as a path in the baseline's file: `client_to_server[2].text`. Empty for the connection itself.
    pub path: String,
    /// As it was, in JSON; `None` when it is new.
    pub was: Option<String>,
    /// As it is, in JSON; `None` when it is gone.
    pub is: Option<String>,
}

impl Baseline {
    /// How `now` differs from this baseline, connection by connection.
    pub fn differences(&self, now: &Self) -> Vec<Difference> {
        let mut found = Vec::new();
        for (was, is) in pairs(&self.connections, &now.connections) {
            found.extend(between(was, is));
        }
        let mut of_capture = Walk::new(None, "");
        of_capture.compare("findings", &json(&self.findings), &json(&now.findings));
        found.extend(of_capture.found);
        found
    }
}

type Numbered<'a> = align::Numbered<'a, Conversation>;

/// Which connection stands for which: those that are equal; then those that asked for the same, in their order; then the rest in their
/// order. By the order of the capture, those that are gone last.
fn pairs<'a>(
    former: &'a [Conversation],
    latter: &'a [Conversation],
) -> Vec<(Option<Numbered<'a>>, Option<Numbered<'a>>)> {
    let mut left: Vec<Numbered<'a>> = (1..).zip(former).collect();
    let mut right: Vec<Numbered<'a>> = (1..).zip(latter).collect();
    let mut pairs = Vec::new();
    pairs.extend(matched(&mut left, &mut right, |(_, each)| Some(each)));
    pairs.extend(matched(&mut left, &mut right, |(_, each)| Some(each.target())));
    pairs.extend(matched(&mut left, &mut right, |_| Some(())));
    let mut pairs: Vec<_> = pairs.into_iter().map(|(was, is)| (Some(was), Some(is))).collect();
    pairs.extend(right.into_iter().map(|is| (None, Some(is))));
    pairs.sort_by_key(|(_, is)| is.map(|(number, _)| number));
    pairs.extend(left.into_iter().map(|was| (Some(was), None)));
    pairs
}

fn between(was: Option<Numbered<'_>>, is: Option<Numbered<'_>>) -> Vec<Difference> {
    let Some((number, conversation)) = is.or(was) else { return Vec::new() };
    let mut walk = Walk::new(Some(number), conversation.target());
    match (was, is) {
        (Some((_, was)), Some((_, is))) if was == is => {}
        (Some((_, was)), Some((_, is))) => walk.compare("", &json(was), &json(is)),
        (was, is) => {
            let summary = |each: Option<Numbered<'_>>| {
                each.map(|(_, conversation)| {
                    format!("a connection with {} messages", conversation.messages())
                })
            };
            walk.push("", summary(was), summary(is));
        }
    }
    walk.found.sort_by_key(|difference| PARTS.iter().position(|part| difference.path.starts_with(part)));
    walk.found
}

/// In the order of a connection's life.
const PARTS: [&str; 7] =
    ["transport", "tunnel", "handshake", "client_to_server", "server_to_client", "close", "findings"];

fn json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

/// Goes through two values side by side.
struct Walk<'a> {
    connection: Option<usize>,
    target: &'a str,
    found: Vec<Difference>,
}

impl<'a> Walk<'a> {
    const fn new(connection: Option<usize>, target: &'a str) -> Self {
        Self { connection, target, found: Vec::new() }
    }

    fn compare(&mut self, path: &str, was: &Value, is: &Value) {
        match (was, is) {
            _ if was == is => {}
            (Value::Object(was), Value::Object(is)) => {
                for (name, value) in was {
                    let path = below(path, name);
                    match is.get(name) {
                        Some(now) => self.compare(&path, value, now),
                        None => self.push(&path, Some(value.to_string()), None),
                    }
                }
                for (name, value) in is.iter().filter(|(name, _)| !was.contains_key(*name)) {
                    self.push(&below(path, name), None, Some(value.to_string()));
                }
            }
            (Value::Array(was), Value::Array(is)) => self.compare_lists(path, was, is),
            _ => self.push(path, Some(was.to_string()), Some(is.to_string())),
        }
    }

    fn compare_lists(&mut self, path: &str, was: &[Value], is: &[Value]) {
        let written = |values: &[Value]| values.iter().map(Value::to_string).collect::<Vec<_>>();
        let (former, latter) = (written(was), written(is));
        for pair in align(&former, &latter) {
            match pair {
                Pair::Changed(i, j) => match (was.get(i), is.get(j)) {
                    (Some(was @ Value::Object(_)), Some(is)) => self.compare(&place(path, i), was, is),
                    _ => self.push(&place(path, i), former.get(i).cloned(), latter.get(j).cloned()),
                },
                Pair::Gone(i) => self.push(&place(path, i), former.get(i).cloned(), None),
                Pair::New(j) => self.push(&place(path, j), None, latter.get(j).cloned()),
            }
        }
    }

    fn push(&mut self, path: &str, was: Option<String>, is: Option<String>) {
        let (connection, target, path) = (self.connection, self.target.to_owned(), path.to_owned());
        self.found.push(Difference { connection, target, path, was, is });
    }
}

fn below(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn place(path: &str, number: usize) -> String {
    format!("{path}[{number}]")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A baseline with a connection for each target and its texts of the client.
    fn baseline(connections: &[(&str, &[&str])]) -> Baseline {
        let connections: Vec<_> = connections
            .iter()
            .map(|(target, texts)| {
                let texts: Vec<_> = texts.iter().map(|text| serde_json::json!({"type": "text", "text": text})).collect();
                let request = serde_json::json!({"method": "GET", "target": target, "version": "1.1", "headers": ["Host: a"]});
                serde_json::json!({"transport": "tcp", "handshake": {"outcome": "accepted", "request": request},
                    "client_to_server": texts, "server_to_client": []})
            })
            .collect();
        Baseline::from_json(&serde_json::json!({"schema": 1, "connections": connections}).to_string())
            .unwrap()
    }

    fn said(was: &[(&str, &[&str])], is: &[(&str, &[&str])]) -> Vec<String> {
        let differences = baseline(was).differences(&baseline(is));
        let or_none = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
        let line = |d: &Difference| {
            format!(
                "{} {} {}: {} → {}",
                d.connection.unwrap_or_default(),
                d.target,
                d.path,
                or_none(&d.was),
                or_none(&d.is)
            )
        };
        differences.iter().map(line).collect()
    }

    #[test]
    fn what_is_the_same_has_no_difference_in_whatever_order_connections_opened() {
        let [chat, news]: [(&str, &[&str]); 2] = [("/chat", &["a", "b"]), ("/news", &["c"])];
        assert_eq!(said(&[chat, news], &[chat, news]), [""; 0]);
        assert_eq!(said(&[chat, news], &[news, chat]), [""; 0]);
        assert_eq!(said(&[("/", &["a"]), ("/", &["b"])], &[("/", &["b"]), ("/", &["a"])]), [""; 0]);
    }

    #[test]
    fn a_changed_message_is_named_by_its_place() {
        assert_eq!(
            said(&[("/", &["a", "b", "c"])], &[("/", &["a", "x", "c"])]),
            ["1 / client_to_server[1].text: \"b\" → \"x\""]
        );
    }

    #[test]
    fn a_message_more_or_less_does_not_change_those_behind_it() {
        assert_eq!(
            said(&[("/", &["a", "b", "c"])], &[("/", &["a", "c"])]),
            ["1 / client_to_server[1]: {\"text\":\"b\",\"type\":\"text\"} → nothing"]
        );
        assert_eq!(
            said(&[("/", &["a", "c"])], &[("/", &["a", "b", "c"])]),
            ["1 / client_to_server[1]: nothing → {\"text\":\"b\",\"type\":\"text\"}"]
        );
    }

    #[test]
    fn a_connection_more_or_less_is_one_difference() {
        assert_eq!(
            said(&[("/a", &["x"]), ("/b", &["y"])], &[("/b", &["y"])]),
            ["1 /a : a connection with 1 messages → nothing"]
        );
        assert_eq!(said(&[], &[("/b", &["y"])]), ["1 /b : nothing → a connection with 1 messages"]);
    }

    #[test]
    fn another_target_is_a_changed_target() {
        assert_eq!(
            said(&[("/a", &["x"])], &[("/b", &["x"])]),
            ["1 /b handshake.request.target: \"/a\" → \"/b\""]
        );
    }
}
