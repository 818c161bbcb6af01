//! Events → what the table keeps of them until the capture has ended: bounded, and no more than a row can show.

use std::collections::BTreeMap;

use super::content::Content;
use super::words;
use super::words::safe;
use crate::event::statistics;
use crate::event::{Closing, ConnectionId, Event, EventKind, Opening, TimelineMessage, Transport};
use crate::http::{Handshake, Header, Outcome};
use crate::packet::{Endpoint, PacketRef, Side, Timestamp};
use crate::report::shown::{Frames, Shown, Statistics};
use crate::rules::capture::LIMIT_REACHED;
use crate::rules::{Blame, Finding, Severity};
use crate::websocket::{Frame, Message, Opcode};

/// All that the table keeps.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) connections: BTreeMap<ConnectionId, Connection>,
    /// Findings about the capture.
    pub(super) notes: Vec<Note>,
    /// Connections and findings beyond the bounds.
    pub(super) more_connections: u64,
    pub(super) more_notes: u64,
    room: Room,
}

/// How many more of each may be kept.
#[derive(Debug)]
struct Room {
    connections: usize,
    rows: usize,
    notes: usize,
    /// Bytes of payloads that are shown whole.
    payload: usize,
}

/// Of all messages together; more than anybody reads, and no burden for any machine.
const WHOLE_PAYLOADS: usize = 256 << 20;

impl Kept {
    pub(super) const fn new(rows: usize) -> Self {
        let room = Room { connections: rows, rows, notes: rows, payload: WHOLE_PAYLOADS };
        Self { connections: BTreeMap::new(), notes: Vec::new(), more_connections: 0, more_notes: 0, room }
    }

    pub(super) fn event(&mut self, event: &Event, shown: &Shown) {
        match (event.connection, &event.kind) {
            (None, EventKind::Finding(finding)) => {
                if take(&mut self.room.notes, 1) {
                    self.notes.push(finding.as_ref().into());
                } else {
                    self.more_notes += 1;
                }
            }
            (None, _) => {}
            (Some(id), EventKind::Opened(opening)) => {
                if take(&mut self.room.connections, 1) {
                    self.connections.insert(id, Connection::new(opening));
                } else {
                    self.more_connections += 1;
                }
            }
            (Some(id), kind) => {
                if let Some(connection) = self.connections.get_mut(&id) {
                    connection.event(kind, shown, &mut self.room);
                }
            }
        }
    }

    /// The message that came last is there for standing beside a selected one.
    pub(super) fn mark_neighbour(&mut self, event: &Event) {
        let connection = event.connection.and_then(|id| self.connections.get_mut(&id));
        if let (Some(connection), EventKind::Message(message)) = (connection, &event.kind)
            && let Some(row) = connection.rows.last_mut()
            && row.index == message.index
        {
            row.standing = Standing::Beside;
        }
    }
}

/// Takes `wanted` from what is left, or nothing.
pub(super) fn take(left: &mut usize, wanted: usize) -> bool {
    let rest = left.checked_sub(wanted);
    *left = rest.unwrap_or(*left);
    rest.is_some()
}

/// One connection: what its heading says, its timeline, its end.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) opened: Opened,
    pub(super) rows: Vec<Row>,
    pub(super) more_rows: u64,
    /// Of the connection and of its messages.
    pub(super) notes: Vec<Note>,
    pub(super) more_notes: u64,
    pub(super) closing: Option<Closing>,
}

impl Connection {
    fn new(opening: &Opening) -> Self {
        let opened = opening.into();
        Self { opened, rows: Vec::new(), more_rows: 0, notes: Vec::new(), more_notes: 0, closing: None }
    }

    fn event(&mut self, kind: &EventKind, shown: &Shown, room: &mut Room) {
        match kind {
            EventKind::Opened(_) => {}
            EventKind::Message(message) => {
                let row = Row::new(message, shown, &mut room.payload);
                if take(&mut room.rows, 1 + row.fragments.len()) {
                    self.push(row);
                } else {
                    self.more_rows += 1;
                }
            }
            EventKind::Finding(finding) => {
                if take(&mut room.notes, 1) {
                    self.notes.push(finding.as_ref().into());
                } else {
                    self.more_notes += 1;
                }
            }
            EventKind::Closed(closing) => {
                let mut closing = closing.as_ref().clone();
                if shown.statistics == Statistics::Hidden {
                    closing.statistics = statistics::Statistics::default();
                }
                if let Some(close) = &mut closing.close {
                    close.reason = safe(&close.reason);
                }
                self.closing = Some(closing);
            }
        }
    }

    fn push(&mut self, row: Row) {
        let group = self.rows.last().map_or(0, |last| last.group + u64::from(last.index + 1 != row.index));
        self.rows.push(Row { group, ..row });
    }

    /// The worst finding that counts, and how many more there are. That wspect keeps less than all comes last of its
    /// severity: it is nobody's fault.
    pub(super) fn worst(&self) -> Option<(&Note, usize)> {
        let counting = || self.notes.iter().filter(|note| note.severity != Severity::Info);
        let worst = counting().min_by_key(|note| (note.severity, note.rule == LIMIT_REACHED.name))?;
        Some((worst, counting().count() - 1))
    }
}

/// What an opening says, made safe.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) client: Endpoint,
    pub(super) server: Endpoint,
    pub(super) transport: Transport,
    pub(super) start: PacketRef,
    pub(super) tunnel: Option<String>,
    pub(super) outcome: Outcome,
    /// `GET /chat`
    pub(super) request: Option<String>,
    pub(super) target: Option<String>,
    pub(super) host: Option<String>,
    pub(super) origin: Option<String>,
    pub(super) status: Option<u16>,
    pub(super) reason: String,
    pub(super) latency: Option<i64>,
    pub(super) subprotocol: Option<String>,
    /// With their parameters.
    pub(super) extensions: Vec<String>,
    /// Of an answer that refuses: the fields that say why, or what to do.
    pub(super) headers: Vec<(String, String)>,
}

impl From<&Opening> for Opened {
    fn from(opening: &Opening) -> Self {
        let handshake = &opening.handshake;
        let (request, response) = (handshake.request.as_ref(), handshake.response.as_ref());
        Self {
            client: opening.client,
            server: opening.server,
            transport: opening.transport,
            start: opening.start,
            tunnel: opening.tunnel.as_deref().map(safe),
            outcome: handshake.outcome,
            request: request.map(|head| safe(&format!("{} {}", head.method, head.target))),
            target: request.map(|head| safe(&head.target)),
            host: handshake.host().map(safe),
            origin: handshake.origin().map(safe),
            status: response.map(|head| head.status),
            reason: response.map(|head| safe(&head.reason)).unwrap_or_default(),
            latency: handshake.latency_ns(),
            subprotocol: handshake.subprotocol().map(safe),
            extensions: handshake
                .extensions()
                .extensions
                .iter()
                .map(|each| safe(&each.to_string()))
                .collect(),
            headers: telling_headers(handshake),
        }
    }
}

fn telling_headers(handshake: &Handshake) -> Vec<(String, String)> {
    let refusal = handshake.response.as_ref().filter(|_| handshake.outcome == Outcome::Refused);
    let tells = |header: &Header<'_>| TELLING.iter().any(|name| header.name.eq_ignore_ascii_case(name));
    let headers = refusal.into_iter().flat_map(|head| head.headers.iter());
    headers.filter(tells).take(TELLING.len()).map(|header| (safe(header.name), safe(header.value))).collect()
}

/// Header fields that say why a server refused, what it wants instead, and what it is.
const TELLING: [&str; 8] = [
    "Location",
    "WWW-Authenticate",
    "Proxy-Authenticate",
    "Retry-After",
    "Sec-WebSocket-Version",
    "Upgrade",
    "Server",
    "Via",
];

/// Why a message is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    ForItself,
    /// It stands beside one that was selected.
    Beside,
}

/// One message.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) standing: Standing,
    pub(super) index: u64,
    /// Rows whose messages followed each other have the same.
    pub(super) group: u64,
    pub(super) sender: Side,
    pub(super) time: Timestamp,
    pub(super) opcode: Opcode,
    pub(super) length: u64,
    /// Bytes on the wire, of a compressed message.
    pub(super) wire: Option<u64>,
    pub(super) content: Content,
    /// What is unusual about it; empty for nearly all.
    pub(super) marks: Vec<String>,
    pub(super) frames: u64,
    /// Where frames are shown.
    pub(super) fragments: Vec<Frame>,
}

impl Row {
    pub(super) fn new(timeline: &TimelineMessage, shown: &Shown, room: &mut usize) -> Self {
        let message = &timeline.message;
        let listed = if shown.frames == Frames::Listed { message.fragments.clone() } else { Vec::new() };
        Self {
            standing: Standing::ForItself,
            index: timeline.index,
            group: 0,
            sender: timeline.sender,
            time: message.last.time,
            opcode: message.opcode,
            length: message.length,
            wire: message.compressed.then_some(message.wire_length),
            content: Content::new(timeline, shown, room),
            marks: marks(message),
            frames: message.frames,
            fragments: listed,
        }
    }
}

pub(super) fn marks(message: &Message) -> Vec<String> {
    let mut marks = Vec::new();
    let mut mark = |applies: bool, text: &dyn Fn() -> String| {
        if applies {
            marks.push(text());
        }
    };
    mark(message.frames > 1, &|| words::counted(message.frames, "frame"));
    mark(message.undecoded, &|| "not decompressed".to_owned());
    mark(message.missing_bytes > 0, &|| format!("{} missing", words::counted(message.missing_bytes, "byte")));
    mark(message.beginning_lost, &|| "beginning missing".to_owned());
    mark(message.unknown.is_some(), &|| {
        format!("{} unknown", words::counted(message.unknown_bytes(), "byte"))
    });
    mark(message.unfinished, &|| unfinished(message));
    mark(message.truncated, &|| format!("{} kept", words::bytes(message.payload.len() as u64)));
    mark(message.resynchronised, &|| "resynchronised".to_owned());
    marks
}

/// `292 of 1,000 bytes`; of a compressed message only the bytes on the wire are announced.
fn unfinished(message: &Message) -> String {
    match message.announced.map(words::count) {
        None => "unfinished".to_owned(),
        Some(announced) if message.compressed => {
            format!("unfinished, {announced} compressed bytes announced")
        }
        Some(announced) => format!("{} of {announced} bytes", words::count(message.length)),
    }
}

/// One finding.
#[derive(Debug)]
pub(super) struct Note {
    pub(super) rule: &'static str,
    pub(super) severity: Severity,
    pub(super) reference: &'static str,
    pub(super) blame: Blame,
    pub(super) message: Option<u64>,
    /// `None` where no single packet shows it.
    pub(super) packet: Option<u64>,
    pub(super) detail: String,
}

impl From<&Finding> for Note {
    fn from(finding: &Finding) -> Self {
        Self {
            rule: finding.rule.name,
            severity: finding.rule.severity,
            reference: finding.rule.reference,
            blame: finding.blame,
            message: finding.message,
            packet: Some(finding.at.number).filter(|number| *number > 0),
            detail: safe(&finding.detail),
        }
    }
}
