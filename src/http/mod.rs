//! Ordered bytes → HTTP/1 heads; which of them open a WebSocket (RFC 6455 §4, RFC 9112).

use crate::packet::PacketRef;

/// The head of a request, as it stood on the wire.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestHead {
    /// `GET`, any case kept.
    pub method: String,
    /// Request target: origin form, absolute form or, for CONNECT, authority form.
    pub target: String,
    /// `1.1`, `1.0`: what follows `HTTP/`.
    pub version: String,
    /// Fields in wire order.
    pub headers: Headers,
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
    pub reason: String,
    /// `1.1`, `1.0`: what follows `HTTP/`.
    pub version: String,
    /// Fields in wire order.
    pub headers: Headers,
    /// The packet with its first byte.
    pub first: PacketRef,
    /// The packet that completed it.
    pub last: PacketRef,
}

/// Header fields in wire order, names as written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(pub Vec<Header>);

/// One header field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// As written; compared without case.
    pub name: String,
    /// Without the white space around it. Bytes that are not UTF-8 are read as Latin-1.
    pub value: String,
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
