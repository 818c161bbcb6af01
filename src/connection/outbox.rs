//! What connections say, in order, with ids given out and repeated findings bounded.

use crate::event::{ConnectionId, Event, EventKind, Opening};
use crate::limits::Limits;
use crate::packet::PacketRef;
use crate::room;
use crate::rules::capture::LIMIT_REACHED;
use crate::rules::{Blame, Finding, Rule, Severity};

/// Collects events until the pipeline passes them on.
#[derive(Debug, Default)]
pub struct Outbox {
    events: Vec<Event>,
    /// Payload bytes in them.
    payload: usize,
    /// When the handshakes in them were answered.
    answered: Vec<PacketRef>,
    opened: u64,
    /// So many ids were given out, of which these are free again.
    ids: u64,
    free: Vec<ConnectionId>,
    protocols: Protocols,
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
    /// Nothing that is known: as many bytes as `Limits::search` lets be searched have no frames. A direction of HTTP that lost
    /// bytes counts by itself.
    pub searched_in_vain: u64,
}

impl Outbox {
    /// The events so far, taken out.
    pub fn drain(&mut self) -> impl Iterator<Item = Event> {
        self.payload = 0;
        self.events.drain(..)
    }

    /// When the handshake of each connection that was opened was answered, or given up; taken out.
    pub fn drain_answered(&mut self) -> impl Iterator<Item = PacketRef> {
        self.answered.drain(..)
    }

    /// How many events are waiting.
    pub fn waiting(&self) -> usize {
        self.events.len()
    }

    /// Payload bytes in these.
    pub fn payload(&self) -> usize {
        self.payload
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

    /// An id that no open connection has, and no higher than need be.
    pub(super) fn open(&mut self) -> ConnectionId {
        self.opened += 1;
        self.free.pop().unwrap_or_else(|| {
            self.ids += 1;
            ConnectionId(self.ids)
        })
    }

    pub(super) fn say(
        &mut self,
        connection: impl Into<Option<ConnectionId>>,
        at: PacketRef,
        kind: EventKind,
    ) {
        let connection = connection.into();
        match &kind {
            EventKind::Message(message) => self.payload += message.message.payload.len(),
            EventKind::Closed(_) => self.free.extend(connection),
            EventKind::Opened(_) | EventKind::Finding(_) => {}
        }
        self.events.push(Event { at, connection, kind });
    }

    /// Says that a connection was opened, or will never be; its handshake was over at the packet `answered`.
    pub(super) fn say_opened(
        &mut self,
        id: ConnectionId,
        at: PacketRef,
        opening: Box<Opening>,
        answered: PacketRef,
    ) {
        self.answered.push(answered);
        self.say(id, at, EventKind::Opened(opening));
    }
}

/// Counts the findings of one connection, or of the capture, by rule and blame, and holds back those beyond the limits.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    counts: Vec<Counted>,
}

#[derive(Clone, Copy, Debug)]
struct Counted {
    rule: &'static Rule,
    blame: Blame,
    count: u64,
    latest: PacketRef,
}

impl Tally {
    pub(crate) fn report(
        &mut self,
        id: impl Into<Option<ConnectionId>>,
        finding: Finding,
        limits: &Limits,
        out: &mut Outbox,
    ) {
        if self.count(&finding) <= limit_of(finding.rule, limits) {
            out.say(id, finding.at, EventKind::Finding(Box::new(finding)));
        }
    }

    /// Says how many findings were held back: of what is legal no more than that, of a fault that a limit was reached.
    pub(crate) fn close(
        &self,
        id: impl Into<Option<ConnectionId>>,
        at: PacketRef,
        limits: &Limits,
        out: &mut Outbox,
    ) {
        let id = id.into();
        for Counted { rule, blame, count, latest } in &self.counts {
            let limit = limit_of(rule, limits);
            let more = count.saturating_sub(limit);
            if more == 0 {
                continue;
            }
            let finding = if is_legal(rule) {
                rule.broken(*blame, *latest, format!("{more} more times, here the last one"))
            } else {
                let name = rule.name;
                let detail = format!(
                    "{more} more findings {name} are not listed (limit {limit} of a rule, a side and a connection)"
                );
                LIMIT_REACHED.broken(Blame::Capture, at, detail)
            };
            out.say(id, at, EventKind::Finding(Box::new(finding)));
        }
    }

    /// Bytes of memory that it takes beside itself.
    pub(super) const fn memory(&self) -> usize {
        self.counts.capacity() * size_of::<Counted>()
    }

    fn count(&mut self, finding: &Finding) -> u64 {
        let Finding { rule, blame, at, .. } = *finding;
        let known =
            self.counts.iter_mut().find(|known| std::ptr::eq(known.rule, rule) && known.blame == blame);
        if let Some(known) = known {
            (known.count, known.latest) = (known.count + 1, at);
            return known.count;
        }
        // Most connections have one or two, and there are many connections.
        if self.counts.len() == self.counts.capacity() {
            let room = self.counts.len() + 2;
            room::set(&mut self.counts, room);
        }
        self.counts.push(Counted { rule, blame, count: 1, latest: at });
        1
    }
}

fn limit_of(rule: &Rule, limits: &Limits) -> u64 {
    if is_legal(rule) { limits.notes } else { limits.findings }
}

const fn is_legal(rule: &Rule) -> bool {
    matches!(rule.severity, Severity::Note | Severity::Info)
}
