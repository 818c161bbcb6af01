//! What connections say, in order, with ids given out and repeated findings bounded.

use super::handshakes::Handshakes;
use crate::event::{ConnectionId, Event, EventKind};
use crate::packet::PacketRef;
use crate::rules::capture::LIMIT_REACHED;
use crate::rules::{Blame, Finding, Rule};

/// Collects events until the pipeline passes them on.
#[derive(Debug, Default)]
pub struct Outbox {
    events: Vec<Event>,
    opened: u64,
    protocols: Protocols,
    handshakes: Handshakes,
}

/// How many TCP connections turned out to speak what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Protocols {
    /// HTTP/1 requests or responses.
    pub http: u64,
    /// TLS records.
    pub tls: u64,
    /// The HTTP/2 preface.
    pub http2: u64,
    /// HTTP/1, given up because a head was beyond the limits.
    pub heads_too_large: u64,
}

impl Outbox {
    /// The events so far, taken out.
    pub fn drain(&mut self) -> impl Iterator<Item = Event> {
        self.events.drain(..)
    }

    /// Is nothing waiting?
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// How many connections were opened so far.
    pub fn opened(&self) -> u64 {
        self.opened
    }

    /// What TCP connections turned out to speak.
    pub fn protocols(&self) -> Protocols {
        self.protocols
    }

    pub(super) fn protocols_mut(&mut self) -> &mut Protocols {
        &mut self.protocols
    }

    pub(super) fn handshakes_mut(&mut self) -> &mut Handshakes {
        &mut self.handshakes
    }

    pub(super) fn open(&mut self) -> ConnectionId {
        self.opened += 1;
        ConnectionId(self.opened)
    }

    pub(super) fn say(&mut self, connection: ConnectionId, at: PacketRef, kind: EventKind) {
        self.events.push(Event { at, connection: Some(connection), kind });
    }
}

/// Counts the findings of one connection by rule, and holds back those beyond the limit.
#[derive(Debug, Default)]
pub(super) struct Tally {
    counts: Vec<(&'static Rule, u64)>,
}

impl Tally {
    pub(super) fn report(&mut self, id: ConnectionId, finding: Finding, limit: u64, out: &mut Outbox) {
        if self.count(finding.rule) <= limit {
            out.say(id, finding.at, EventKind::Finding(Box::new(finding)));
        }
    }

    /// Says how many findings were held back.
    pub(super) fn close(&self, id: ConnectionId, at: PacketRef, limit: u64, out: &mut Outbox) {
        for (rule, count) in self.counts.iter().filter(|(_, count)| *count > limit) {
            let more = count - limit;
            let detail = format!(
                "{more} more findings {} are not listed (limit {limit} of a rule a connection)",
                rule.name
            );
            let finding = LIMIT_REACHED.broken(Blame::Capture, at, detail);
            out.say(id, at, EventKind::Finding(Box::new(finding)));
        }
    }

    fn count(&mut self, rule: &'static Rule) -> u64 {
        if let Some((_, count)) = self.counts.iter_mut().find(|(known, _)| std::ptr::eq(*known, rule)) {
            *count += 1;
            return *count;
        }
        self.counts.push((rule, 1));
        1
    }
}
