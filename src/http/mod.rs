//! Ordered bytes → HTTP/1 heads; which of them open a WebSocket (RFC 6455 §4, RFC 9112).

mod body;
pub mod deflate;
pub mod extensions;
mod head;
mod headers;
mod names;
mod reader;
mod upgrade;

pub use extensions::ExtensionList;
pub use headers::{Header, Headers, is_token};
pub use names::FieldName;
pub use reader::{RequestReader, RequestStep, ResponseReader, ResponseStep, Step};
pub use upgrade::{Dialect, asks_for_websocket, key_length, nonce, switches_to_websocket};

use compact_str::CompactString;

use crate::packet::PacketRef;

/// The head of a request, as it stood on the wire.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestHead {
    /// `GET`, any case kept.
    pub method: CompactString,
    /// Request target: origin form, absolute form or, for CONNECT, authority form.
    pub target: CompactString,
    /// `1.1`, `1.0`: what follows `HTTP/`.
    pub version: CompactString,
    /// Fields in wire order.
    pub headers: Headers,
    /// Where it leaves the grammar.
    pub anomalies: Vec<Anomaly>,
    /// Bytes on the wire, the empty line included.
    pub size: u64,
    /// The packet with its first byte.
    pub first: PacketRef,
    /// The packet that completed it.
    pub last: PacketRef,
}

/// The head of a response, as it stood on the wire.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResponseHead {
    /// Three digits.
    pub status: u16,
    /// Reason phrase, often empty.
    pub reason: CompactString,
    /// `1.1`, `1.0`: what follows `HTTP/`.
    pub version: CompactString,
    /// Fields in wire order.
    pub headers: Headers,
    /// Where it leaves the grammar.
    pub anomalies: Vec<Anomaly>,
    /// Bytes on the wire, the empty line included.
    pub size: u64,
    /// The packet with its first byte.
    pub first: PacketRef,
    /// The packet that completed it.
    pub last: PacketRef,
}

impl RequestHead {
    /// Bytes of memory that it takes beside itself: the same however its bytes came.
    pub(crate) fn memory(&self) -> usize {
        let words = self.method.len() + self.target.len() + self.version.len();
        words + self.headers.memory(self.size) + size_of_val(self.anomalies.as_slice())
    }
}

impl ResponseHead {
    /// Bytes of memory that it takes beside itself: the same however its bytes came.
    pub(crate) fn memory(&self) -> usize {
        let words = self.reason.len() + self.version.len();
        words + self.headers.memory(self.size) + size_of_val(self.anomalies.as_slice())
    }
}

/// A place where a head leaves the grammar of RFC 9112 and was read all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anomaly {
    /// What is odd.
    pub kind: AnomalyKind,
    /// The field that it is about, by its index in [`Headers`]; `None` for the start line and the whole head.
    pub field: Option<usize>,
}

/// How a head leaves the grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AnomalyKind {
    /// A line ends with LF alone; said once for a head. // RFC 9112 §2.2
    BareLf,
    /// The protocol name is not `HTTP` in capitals. // RFC 9112 §2.3
    ProtocolCase,
    /// The request target holds white space, a control character or a byte that is not ASCII. // RFC 9112 §3.2
    Target,
    /// White space before the first field. // RFC 9112 §2.2
    LeadingSpace,
    /// White space between the name and the colon. // RFC 9112 §5.1
    SpaceBeforeColon,
    /// A line without a colon: its text is kept as a name with an empty value. // RFC 9112 §5
    NoColon,
    /// The name is not a token. // RFC 9110 §5.1
    Name,
    /// A control character in the value, or in the reason phrase. // RFC 9110 §5.5
    ControlCharacter,
    /// The value goes on in the next line; the parts are joined with a space. // RFC 9112 §5.2
    ObsFold,
    /// The value is not UTF-8 and was read as Latin-1.
    NotUtf8,
}

/// The opening handshake of one connection: facts only, rules judge them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Handshake {
    /// How it ended.
    pub outcome: Outcome,
    /// The upgrade request, where it was captured.
    pub request: Option<RequestHead>,
    /// The final answer to it (not a 1xx other than 101), where it was captured.
    pub response: Option<ResponseHead>,
}

/// How an opening handshake ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outcome {
    /// 101 with the right `Sec-WebSocket-Accept`.
    Accepted,
    /// Any other status than 101.
    Refused,
    /// 101, but a client must fail the connection: accept value wrong or missing, or another protocol.
    Invalid,
    /// The connection or the capture ended without an answer.
    Unanswered,
    /// The capture holds frames but no handshake.
    #[default]
    NotCaptured,
}

impl Outcome {
    /// As the output writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::Invalid => "invalid",
            Self::Unanswered => "unanswered",
            Self::NotCaptured => "not_captured",
        }
    }
}

/// `Sec-WebSocket-Accept` beside what the key asks for. // RFC 6455 §4.2.2
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accept {
    /// What the server sent.
    pub value: String,
    /// Base64 of the SHA-1 of key and GUID; `None` when no key was captured.
    pub expected: Option<String>,
}

impl Accept {
    /// Is it the right one? `None` when no key was captured.
    pub fn valid(&self) -> Option<bool> {
        self.expected.as_ref().map(|expected| *expected == self.value)
    }
}

/// One extension of `Sec-WebSocket-Extensions` with its parameters. // RFC 6455 §9.1
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extension {
    /// Registered token.
    pub name: String,
    /// Name and, where given, value (a quoted string without its quotes), in wire order.
    pub params: Vec<(String, Option<String>)>,
}
