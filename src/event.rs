//! All that analysis says: one stream of owned events, from which every report is made.

pub mod statistics;

use std::ops::ControlFlow;

use crate::decode::SkippedPackets;
use crate::http::Handshake;
use crate::packet::{CaptureInfo, Endpoint, PacketRef, Side};
use crate::rules::ending::TcpClose;
use crate::rules::{Finding, Severity};
use crate::websocket::Message;
use statistics::{Reconnects, Statistics};

/// A WebSocket connection, opened or refused: 1, 2, 3 … in the order of the answers to the upgrade requests (of
/// the first frame, where the handshake was not captured).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// One thing that analysis says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The packet at which it was known.
    pub at: PacketRef,
    /// Whose event it is; `None` for findings about the capture.
    pub connection: Option<ConnectionId>,
    /// What happened.
    pub kind: EventKind,
}

/// For each connection: one `Opened`, then messages and findings, then one `Closed`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// The upgrade was answered, or will never be, or frames were found without one.
    Opened(Box<Opening>),
    /// A message or control frame was completed, or can't be any more.
    Message(TimelineMessage),
    /// A rule is broken.
    Finding(Box<Finding>),
    /// Nothing more comes.
    Closed(Box<Closing>),
}

/// A connection at its opening.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// Who sent the upgrade request.
    pub client: Endpoint,
    /// Who was asked.
    pub server: Endpoint,
    /// What carries it.
    pub transport: Transport,
    /// The first packet of the TCP connection in the capture.
    pub start: PacketRef,
    /// Its opening handshake.
    pub handshake: Handshake,
    /// The target of the HTTP CONNECT request (`host:port`), where the connection runs through a proxy's tunnel.
    pub tunnel: Option<String>,
}

/// What carries a WebSocket connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// `ws`
    Tcp,
    /// `wss`
    Tls,
}

impl Transport {
    /// As the output writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Tls => "tls",
        }
    }
}

/// A message with its place in the connection's timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimelineMessage {
    /// 0, 1, 2 … over both directions, in the order of delivery: the name of the message, wherever it stands.
    pub index: u64,
    /// Who sent it.
    pub sender: Side,
    /// The message.
    pub message: Box<Message>,
    /// What is known of its payload. It depends on how the message came: of one in several segments less is known.
    pub note: PayloadNote,
}

/// What is known of the payload of a message beside its bytes, where that was found out on the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PayloadNote {
    /// Nothing that its bytes don't say.
    #[default]
    None,
    /// Each byte is printable ASCII, and none a quotation mark or a backslash: a JSON string holds it as it is, and reports don't look
    /// again. Who puts something else into the payload has to take this back.
    Printable,
    /// It is a fingerprint, in place of a payload that must not be shown.
    Redacted,
}

impl TimelineMessage {
    /// Is its payload a fingerprint, in place of one that must not be shown?
    pub fn is_redacted(&self) -> bool {
        self.note == PayloadNote::Redacted
    }
}

/// The order of a document's messages: that of their last packets in the capture, with each direction as it was sent. In
/// the order of delivery, a message behind a hole comes when the hole is given up.
#[derive(Clone, Copy, Debug, Default)]
pub struct CaptureOrder {
    /// The highest packet of each direction so far.
    reached: [u64; 2],
}

impl CaptureOrder {
    /// Where the next message of a connection belongs: behind all those of a lower or the same place.
    pub fn place(&mut self, timeline: &TimelineMessage) -> u64 {
        let [client, server] = &mut self.reached;
        let reached = if timeline.sender == Side::Client { client } else { server };
        *reached = (*reached).max(timeline.message.last.number);
        *reached
    }
}

/// A connection at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closing {
    /// Its last packet.
    pub end: PacketRef,
    /// Who ended it and how; `None` when the WebSocket connection never opened, and the TCP connection went on.
    pub close: Option<Close>,
    /// What the client sent, then what the server sent.
    pub traffic: [Traffic; 2],
    /// What it took in time.
    pub statistics: Statistics,
}

/// Who ended a connection and how. The end begins with what is first of a Close frame, a FIN and a RST.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Close {
    /// Who ended it first.
    pub initiator: Initiator,
    /// In which way.
    pub how: CloseHow,
    /// Status code of the first Close frame, 1005 when its body was empty (RFC 6455 §7.1.5); `None` when there was no
    /// Close frame, or its code is unknown.
    pub code: Option<u16>,
    /// Reason of the first Close frame, bytes that are not UTF-8 replaced; empty when there was none.
    pub reason: String,
    /// The first FIN or RST, where TCP ended.
    pub tcp: Option<TcpClose>,
    /// The packet with which the end began; the last packet of the connection where nothing ended it.
    pub begun: PacketRef,
    /// The code that the API of the client, then that of the server, will have reported: that of the Close it
    /// received, 1005 when that had none, 1006 when TCP ended without one (RFC 6455 §7.1.5). `None` when the capture
    /// can't tell, or the side had failed the connection itself, in which APIs differ.
    pub reported: [Option<u16>; 2],
    /// Index of the last message before the end began, control frames included.
    pub last_message: Option<u64>,
    /// Nanoseconds of silence before the end began: since that message, or since the opening when there was none.
    pub silence: Option<i64>,
    /// How many Pings of the client, then of the server, had no answer at the end, as far as known.
    pub unanswered_pings: [u64; 2],
}

/// Who ended a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Initiator {
    /// The client did.
    Client,
    /// The server did.
    Server,
    /// Both sent a Close frame before they had the other's, as the acknowledgements of TCP tell.
    Both,
    /// The capture does not show it.
    #[default]
    Unknown,
}

impl Initiator {
    /// As the output writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
            Self::Both => "both",
            Self::Unknown => "unknown",
        }
    }
}

/// In which way a connection ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CloseHow {
    /// Close frames both ways. // RFC 6455 §7.1.2
    CloseHandshake,
    /// A Close frame one way only, then the TCP connection ended.
    CloseUnanswered,
    /// The same, but bytes of the other side are missing behind which its Close frame can stand.
    CloseAnswerUnknown,
    /// TCP FIN without a Close frame, or before the other side's.
    Fin,
    /// TCP RST without a Close frame, or before the other side's.
    Reset,
    /// Silence for longer than `Limits::idle_websocket`.
    Idle,
    /// wspect gave the connection up while it was open, because a limit was reached: `Limits::flows`, or `Limits::memory`.
    GivenUp,
    /// The capture ended while it was open.
    #[default]
    CaptureEnded,
}

impl CloseHow {
    /// Was the connection open when no more could be seen of it?
    pub const fn is_open(self) -> bool {
        matches!(self, Self::CaptureEnded | Self::GivenUp)
    }

    /// As the output writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CloseHandshake => "close_handshake",
            Self::CloseUnanswered => "close_unanswered",
            Self::CloseAnswerUnknown => "close_answer_unknown",
            Self::Fin => "fin",
            Self::Reset => "reset",
            Self::Idle => "idle",
            Self::GivenUp => "given_up",
            Self::CaptureEnded => "capture_ended",
        }
    }
}

/// What one side sent after the handshake.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Messages, control frames included.
    pub messages: u64,
    /// Of these, control frames.
    pub control_frames: u64,
    /// Frames.
    pub frames: u64,
    /// Payload bytes of the frames as on the wire (not decompressed), captured or not.
    pub payload_bytes: u64,
    /// Header and payload bytes of the frames, captured or not.
    pub wire_bytes: u64,
    /// Bytes of the masking keys among the headers.
    pub masking_bytes: u64,
    /// Bytes of the request or the response of the opening handshake, where it was captured.
    pub handshake_bytes: u64,
    /// Messages (frames, where those are compressed one by one) sent compressed.
    pub compressed_messages: u64,
    /// Payload bytes on the wire of those that could be inflated to their end.
    pub compressed_bytes: u64,
    /// What these inflated to.
    pub inflated_bytes: u64,
    /// Bytes that the capture does not hold.
    pub missing_bytes: u64,
    /// Bytes that were captured, but between frames whose places are not known: see `frame-desync`.
    pub passed_over_bytes: u64,
}

impl Traffic {
    /// Bytes of the frames' headers, without their masking keys.
    pub const fn header_bytes(&self) -> u64 {
        self.wire_bytes.saturating_sub(self.payload_bytes).saturating_sub(self.masking_bytes)
    }
}

/// Takes events as they come; a `Vec<Event>` keeps them.
pub trait Sink {
    /// Takes one; `Break` when no more is wanted, and analysis ends there.
    fn event(&mut self, event: Event) -> ControlFlow<()>;

    /// Who writes the events of connections for this sink, on whichever thread finds them: it is asked for one for each shard. What no
    /// shard finds comes as events all the same: findings of no connection, and those that only several of them show.
    fn scribe(&self) -> Option<Box<dyn Scribe>> {
        None
    }

    /// Takes an event of `connection` as a [`Self::scribe`] wrote it, and what that gave back. The text is not read again.
    fn written(&mut self, connection: ConnectionId, text: &mut [u8], before_id: usize) -> ControlFlow<()> {
        let _ = (connection, text, before_id);
        ControlFlow::Continue(())
    }
}

/// Turns events of connections into bytes. That is most of the work of a report, and needs nothing of the events before.
pub trait Scribe: Send {
    /// Appends what the report says of an event, with room for the id of its connection, which is not known yet. Gives back how many of
    /// these bytes stand before that.
    fn event(&mut self, event: &Event, text: &mut Vec<u8>) -> usize;
}

impl Sink for Vec<Event> {
    fn event(&mut self, event: Event) -> ControlFlow<()> {
        self.push(event);
        ControlFlow::Continue(())
    }
}

/// The whole capture in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// The inputs, as known at the end.
    pub inputs: Vec<CaptureInfo>,
    /// Packets read.
    pub packets: u64,
    /// TCP connections that carried data or a SYN.
    pub tcp_connections: u64,
    /// Of these, how many began with a TLS record, also inside a proxy's tunnel, and were not decrypted.
    pub tls_connections: u64,
    /// Of these, how many spoke HTTP/1.
    pub http_connections: u64,
    /// Of these, how many spoke HTTP/2 (by its preface).
    pub http2_connections: u64,
    /// How often frames were looked for in as many bytes as `Limits::search` allows, and not found: in connections whose beginning was
    /// not captured, and in directions of HTTP that lost bytes.
    pub searched_in_vain: u64,
    /// WebSocket connections reported, refused ones included.
    pub websocket_connections: u64,
    /// Messages reported, control frames included.
    pub messages: u64,
    /// Of these, control frames.
    pub control_frames: u64,
    /// Frames decoded.
    pub frames: u64,
    /// Findings by severity, in the order of [`Severity::ALL`].
    pub findings: [u64; 4],
    /// Packets without a TCP segment.
    pub skipped: SkippedPackets,
    /// Clients that connected again, in the order in which they came first.
    pub reconnects: Vec<Reconnects>,
}

impl Totals {
    /// Findings of one severity.
    pub fn findings_of(&self, severity: Severity) -> u64 {
        Severity::ALL.iter().zip(self.findings).filter(|(each, _)| **each == severity).map(|(_, n)| n).sum()
    }
}
