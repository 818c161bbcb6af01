//! Facts → findings. Each rule is declared once, with its page.

use crate::packet::PacketRef;

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
