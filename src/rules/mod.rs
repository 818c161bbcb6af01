//! Facts → findings. Each rule is declared once, with its page.

pub mod capture;
pub mod close;
pub mod content;
pub mod deflate;
pub mod ending;
pub mod extension;
pub mod fragment;
pub mod frame;
pub mod handshake;
pub mod mask;
pub mod message;
pub mod ping;
pub mod thresholds;
pub mod transport;

use crate::packet::{PacketRef, Side};

/// Declares rules: doc comment (the page: its first line says the fault), identifier, name, severity, reference.
/// Makes a `static` of each and the list `RULES` of them all.
macro_rules! rules {
    ($($(#[doc = $line:literal])+ $ident:ident = $name:literal, $severity:ident, $reference:literal;)+) => {
        $(
            $(#[doc = $line])+
            pub static $ident: $crate::rules::Rule = $crate::rules::Rule {
                name: $name,
                severity: $crate::rules::Severity::$severity,
                reference: $reference,
                page: concat!($($line, "\n"),+),
            };
        )+
        pub(super) static RULES: &[&$crate::rules::Rule] = &[$(&$ident),+];
    };
}
use rules;

/// All rules, grouped by what they look at, in the order of use.
pub fn groups() -> Vec<Group> {
    let group = |name, lists: &[&'static [&'static Rule]]| Group { name, rules: lists.concat() };
    vec![
        Group { name: "handshake", rules: handshake::all().collect() },
        group("frames", &[frame::RULES, mask::RULES]),
        group("fragments and messages", &[fragment::RULES, message::RULES, content::RULES]),
        group("control and close", &[ping::RULES, close::RULES, ending::RULES]),
        group("compression", &[deflate::RULES, extension::RULES]),
        group("transport and capture", &[transport::RULES, capture::RULES]),
    ]
}

/// Every rule, in the order of its group.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    groups().into_iter().flat_map(|group| group.rules)
}

/// The rules about what TCP and the capture did, whoever spoke.
pub(crate) fn transport_and_capture() -> impl Iterator<Item = &'static Rule> {
    transport::RULES.iter().chain(capture::RULES).copied()
}

/// Rules that look at the same thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// In words, lower case: `control and close`.
    pub name: &'static str,
    /// The rules in their order.
    pub rules: Vec<&'static Rule>,
}

/// A rule that a connection or a capture can break. Compared and listed by name.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// Stable, kebab-case, named after the fault.
    pub name: &'static str,
    /// How bad a finding is.
    pub severity: Severity,
    /// What it stands on: `RFC 6455 §4.2.2`; empty for rules about the capture.
    pub reference: &'static str,
    /// Markdown: the first line says the fault, the rest why it matters and what to do.
    pub page: &'static str,
}

impl Rule {
    /// The fault in one line.
    pub fn summary(&self) -> &'static str {
        self.page.lines().next().unwrap_or_default().trim()
    }

    /// The page without the spaces that its lines begin with where it is declared.
    pub fn markdown(&self) -> String {
        self.page.lines().map(|line| line.strip_prefix(' ').unwrap_or(line)).collect::<Vec<_>>().join("\n")
    }

    /// A finding that stands for no single message.
    pub(crate) fn broken(&'static self, blame: impl Into<Blame>, at: PacketRef, detail: String) -> Finding {
        Finding { rule: self, blame: blame.into(), message: None, at, detail }
    }
}

/// How bad a finding is. Orders from worst to mildest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// A MUST is broken.
    Error,
    /// A SHOULD is broken, or results are unreliable.
    Warning,
    /// Legal but worth knowing.
    Note,
    /// Shown, never counted against anyone.
    Info,
}

impl Severity {
    /// All of them, worst first.
    pub const ALL: [Self; 4] = [Self::Error, Self::Warning, Self::Note, Self::Info];

    /// `error`, `warning`, `note`, `info`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
            Self::Info => "info",
        }
    }
}

/// Whose fault a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Blame {
    /// The client sent it.
    Client,
    /// The server sent it.
    Server,
    /// The capture does not show enough.
    Capture,
}

impl Blame {
    /// `client`, `server`, `capture`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
            Self::Capture => "capture",
        }
    }
}

impl From<Side> for Blame {
    fn from(side: Side) -> Self {
        match side {
            Side::Client => Self::Client,
            Side::Server => Self::Server,
        }
    }
}

/// One place where a rule is broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which rule.
    pub rule: &'static Rule,
    /// By whom.
    pub blame: Blame,
    /// The message of the connection that it is about, by its index, where it is about one.
    pub message: Option<u64>,
    /// The packet that shows it.
    pub at: PacketRef,
    /// What was found, with the values: one line, a sentence without its full stop.
    pub detail: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_rule_has_its_own_kebab_case_name_and_a_page() {
        let mut names = BTreeSet::new();
        for rule in all() {
            assert!(names.insert(rule.name), "{} is declared twice", rule.name);
            assert!(
                rule.name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'),
                "{}",
                rule.name
            );
            assert!(
                !rule.summary().is_empty() && rule.page.lines().count() > 2,
                "{} needs a page",
                rule.name
            );
        }
        assert!(names.len() >= 30);
    }
}
