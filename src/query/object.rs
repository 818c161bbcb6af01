//! Facts → objects with the fields of the JSON output.

use std::borrow::Cow;
use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::value::{Kind, Value};
use crate::event::{
    Close, CloseHow, Closing, ConnectionId, Initiator, Opening, TimelineMessage, Traffic, Transport,
};
use crate::http::{Handshake, Headers, Outcome, RequestHead, ResponseHead};
use crate::packet::{Endpoint, PacketRef, Side};
use crate::rules::{Blame, Finding};
use crate::websocket::close::CloseBody;
use crate::websocket::{Message, Opcode};

/// A fact that has fields. Copied freely: it only points.
#[derive(Clone, Copy, Debug)]
pub(super) enum Object<'a> {
    /// An object that the capture does not show: none of its fields is there.
    Absent,
    Connection(Connection<'a>),
    Message((ConnectionId, &'a TimelineMessage)),
    Packets(&'a Message),
    CloseFrame(&'a Message),
    Endpoint(Endpoint),
    Handshake(&'a Handshake),
    Request(&'a RequestHead),
    Response(&'a ResponseHead),
    Accept(&'a Handshake),
    Close(&'a Close),
    Traffic(&'a [Traffic; 2]),
    Sent(&'a Traffic),
    Finding(&'a Finding),
}

/// A connection as far as it is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Connection<'a> {
    pub(super) id: ConnectionId,
    pub(super) opening: &'a Opening,
    pub(super) end: Option<&'a End>,
}

/// What is known of a connection when it has ended.
#[derive(Clone, Debug)]
pub(super) struct End {
    pub(super) closing: Closing,
    pub(super) findings: Vec<Finding>,
}

/// The fields that objects of one sort have.
pub(super) struct Shape {
    pub(super) name: &'static str,
    pub(super) fields: &'static [Field],
}

/// One field: its name is that of the JSON output.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) known: Known,
    /// The only values that it takes; empty where there is no such list.
    pub(super) values: &'static [&'static str],
    /// `None` where it is absent from the output too.
    pub(super) fact: for<'a> fn(Object<'a>) -> Option<Value<'a>>,
}

/// From when on a field is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// With its object.
    AtOnce,
    /// As far as payloads are kept.
    Payload,
    /// When the connection has ended.
    AtEnd,
}

impl Shape {
    pub(super) fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

impl PartialEq for Shape {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl fmt::Debug for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// `Shape { … }` from lines `name: kind [known] = |object's part| fact`, each of an object of one variant.
macro_rules! shape {
    ($name:literal, $variant:ident($part:pat), {
        $($field:ident: $kind:expr $(, $known:ident)? $(, [$values:ident])? => $fact:expr;)+
    }) => {
        Shape { name: $name, fields: &[$(Field {
            name: shape!(@name $field),
            kind: $kind,
            known: shape!(@known $($known)?),
            values: shape!(@values $($values)?),
            fact: |object| match object { Object::$variant($part) => $fact, _ => None },
        }),+] }
    };
    (@name r#type) => { "type" };
    (@name $field:ident) => { stringify!($field) };
    (@values) => { &[] };
    (@values $values:ident) => { $values };
    (@known) => { Known::AtOnce };
    (@known $known:ident) => { Known::$known };
}

pub(super) static CONNECTION: Shape = shape!("connection", Connection(c), {
    id: Kind::Int => Some(Value::count(c.id.0));
    client: Kind::Object(&ENDPOINT) => Some(Value::Object(Object::Endpoint(c.opening.client)));
    server: Kind::Object(&ENDPOINT) => Some(Value::Object(Object::Endpoint(c.opening.server)));
    transport: Kind::Text, [TRANSPORTS] => Some(Value::text(transport(c.opening.transport)));
    http_version: Kind::Text => http_version(&c.opening.handshake).map(Value::text);
    tunnel: Kind::Text => c.opening.tunnel.as_deref().map(Value::text);
    start_time: Kind::Time => time(c.opening.start);
    end_time: Kind::Time, AtEnd => time(c.end?.closing.end);
    handshake: Kind::Object(&HANDSHAKE) => Some(Value::Object(Object::Handshake(&c.opening.handshake)));
    close: Kind::Object(&CLOSE), AtEnd => c.end?.closing.close.as_ref().map(|close| Value::Object(Object::Close(close)));
    traffic: Kind::Object(&TRAFFIC), AtEnd => Some(Value::Object(Object::Traffic(&c.end?.closing.traffic)));
    findings: Kind::List(&Kind::Object(&FINDING)), AtEnd => Some(list(c.end?.findings.iter().map(|each| Value::Object(Object::Finding(each)))));
});

pub(super) static MESSAGE: Shape = shape!("message", Message(placed), {
    connection: Kind::Int => Some(Value::count(placed.0.0));
    index: Kind::Int => Some(Value::count(placed.1.index));
    time: Kind::Time => time(placed.1.message.last);
    start_time: Kind::Time => time(placed.1.message.first);
    direction: Kind::Text, [DIRECTIONS] => Some(Value::text(direction(placed.1.sender)));
    r#type: Kind::Text, [TYPES] => Some(Value::text(message_type(placed.1.message.opcode)));
    opcode: Kind::Int => Some(Value::Int(placed.1.message.opcode.0.into()));
    length: Kind::Int => Some(Value::count(placed.1.message.length));
    wire_length: Kind::Int => Some(Value::count(placed.1.message.wire_length));
    frames: Kind::Int => Some(Value::count(placed.1.message.frames));
    masked: Kind::Bool => Some(Value::Bool(placed.1.message.masked));
    compressed: Kind::Bool => flag(placed.1.message.compressed);
    undecoded: Kind::Bool => flag(placed.1.message.undecoded);
    packets: Kind::Object(&PACKETS) => Some(Value::Object(Object::Packets(&placed.1.message)));
    text: Kind::Text, Payload => placed.1.message.text().filter(|text| !text.is_empty()).map(|text| Value::Text(Cow::Borrowed(text)));
    base64: Kind::Text, Payload => base64(&placed.1.message);
    close: Kind::Object(&CLOSE_FRAME) => (placed.1.message.opcode == Opcode::CLOSE).then_some(Value::Object(Object::CloseFrame(&placed.1.message)));
    incomplete: Kind::Bool => flag(placed.1.message.incomplete());
    missing_bytes: Kind::Int => nonzero(placed.1.message.missing_bytes);
    unfinished: Kind::Bool => flag(placed.1.message.unfinished);
    resynchronised: Kind::Bool => flag(placed.1.message.resynchronised);
    truncated: Kind::Bool, Payload => flag(placed.1.message.truncated);
});

static PACKETS: Shape = shape!("packets", Packets(m), {
    first: Kind::Int => Some(Value::count(m.first.number));
    last: Kind::Int => Some(Value::count(m.last.number));
});

static CLOSE_FRAME: Shape = shape!("close of a message", CloseFrame(m), {
    code: Kind::Int => Some(Value::Int(CloseBody::of(m)?.status()?.into()));
    reason: Kind::Text => { let body = CloseBody::of(m)?; body.status()?; Some(owned(body.reason)) };
});

static ENDPOINT: Shape = shape!("endpoint", Endpoint(e), {
    address: Kind::Text => Some(owned(e.address.to_string()));
    port: Kind::Int => Some(Value::Int(e.port.into()));
});

static HANDSHAKE: Shape = shape!("handshake", Handshake(h), {
    outcome: Kind::Text, [OUTCOMES] => Some(Value::text(outcome(h.outcome)));
    request: Kind::Object(&REQUEST) => h.request.as_ref().map(|head| Value::Object(Object::Request(head)));
    response: Kind::Object(&RESPONSE) => h.response.as_ref().map(|head| Value::Object(Object::Response(head)));
    host: Kind::Text => h.host().map(Value::text);
    origin: Kind::Text => h.origin().map(Value::text);
    websocket_version: Kind::Text => h.websocket_version().map(Value::text);
    key: Kind::Text => h.key().map(Value::text);
    accept: Kind::Object(&ACCEPT) => h.accept().map(|_| Value::Object(Object::Accept(h)));
    subprotocols_offered: TEXTS => texts(h.subprotocols_offered().into_iter().map(Value::text));
    subprotocol: Kind::Text => h.subprotocol().map(Value::text);
    extensions_offered: TEXTS => texts(h.extensions_offered().extensions.iter().map(|each| owned(each.to_string())));
    extensions: TEXTS => texts(h.extensions().extensions.iter().map(|each| owned(each.to_string())));
    latency_ns: Kind::Int => h.latency_ns().map(Value::Int);
});

static REQUEST: Shape = shape!("request", Request(r), {
    method: Kind::Text => Some(Value::text(&r.method));
    target: Kind::Text => Some(Value::text(&r.target));
    version: Kind::Text => Some(Value::text(&r.version));
    headers: HEADERS => Some(headers(&r.headers));
    time: Kind::Time => time(r.last);
    packet: Kind::Int => Some(Value::count(r.last.number));
});

static RESPONSE: Shape = shape!("response", Response(r), {
    status: Kind::Int => Some(Value::Int(r.status.into()));
    reason: Kind::Text => Some(Value::text(&r.reason));
    version: Kind::Text => Some(Value::text(&r.version));
    headers: HEADERS => Some(headers(&r.headers));
    time: Kind::Time => time(r.last);
    packet: Kind::Int => Some(Value::count(r.last.number));
});

static ACCEPT: Shape = shape!("accept", Accept(h), {
    value: Kind::Text => Some(owned(h.accept()?.value));
    expected: Kind::Text => Some(owned(h.accept()?.expected?));
    valid: Kind::Bool => Some(Value::Bool(h.accept()?.valid()?));
});

static CLOSE: Shape = shape!("close", Close(close), {
    initiator: Kind::Text, [INITIATORS] => Some(Value::text(initiator(close.initiator)));
    how: Kind::Text, [HOWS] => Some(Value::text(how(close.how)));
    code: Kind::Int => Some(Value::Int(close.code?.into()));
    reason: Kind::Text => close.code.map(|_| Value::text(&close.reason));
});

static TRAFFIC: Shape = shape!("traffic", Traffic(sides), {
    client_to_server: Kind::Object(&SENT) => sides.first().map(|sent| Value::Object(Object::Sent(sent)));
    server_to_client: Kind::Object(&SENT) => sides.last().map(|sent| Value::Object(Object::Sent(sent)));
});

static SENT: Shape = shape!("traffic of a direction", Sent(sent), {
    messages: Kind::Int => Some(Value::count(sent.messages));
    frames: Kind::Int => Some(Value::count(sent.frames));
    payload_bytes: Kind::Int => Some(Value::count(sent.payload_bytes));
    wire_bytes: Kind::Int => Some(Value::count(sent.wire_bytes));
    missing_bytes: Kind::Int => Some(Value::count(sent.missing_bytes));
});

static FINDING: Shape = shape!("finding", Finding(finding), {
    rule: Kind::Text => Some(Value::text(finding.rule.name));
    severity: Kind::Text, [SEVERITIES] => Some(Value::text(finding.rule.severity.name()));
    blame: Kind::Text, [BLAMES] => Some(Value::text(blame(finding.blame)));
    message: Kind::Int => finding.message.map(Value::count);
    time: Kind::Time => shown(finding.at).and_then(time);
    packet: Kind::Int => shown(finding.at).map(|at| Value::count(at.number));
    detail: Kind::Text => Some(Value::text(&finding.detail));
    reference: Kind::Text => Some(finding.rule.reference).filter(|text| !text.is_empty()).map(Value::text);
});

const TRANSPORTS: &[&str] = &["tcp", "tls"];
const DIRECTIONS: &[&str] = &["client_to_server", "server_to_client"];
const TYPES: &[&str] = &["text", "binary", "close", "ping", "pong", "reserved"];
const OUTCOMES: &[&str] = &["accepted", "refused", "invalid", "unanswered", "not_captured"];
const INITIATORS: &[&str] = &["client", "server", "both", "unknown"];
const HOWS: &[&str] = &["close_handshake", "close_unanswered", "fin", "reset", "idle", "capture_ended"];
const SEVERITIES: &[&str] = &["error", "warning", "note", "info"];
const BLAMES: &[&str] = &["client", "server", "capture"];

const TEXTS: Kind = Kind::List(&Kind::Text);
/// Pairs of name and value.
const HEADERS: Kind = Kind::List(&TEXTS);

const fn flag<'a>(flag: bool) -> Option<Value<'a>> {
    if flag { Some(Value::Bool(true)) } else { None }
}

fn nonzero<'a>(count: u64) -> Option<Value<'a>> {
    (count > 0).then(|| Value::count(count))
}

#[expect(clippy::unnecessary_wraps, reason = "a field's fact may be absent")]
const fn time<'a>(at: PacketRef) -> Option<Value<'a>> {
    Some(Value::Time(at.time.as_nanos()))
}

/// `None` where no single packet shows it.
fn shown(at: PacketRef) -> Option<PacketRef> {
    Some(at).filter(|at| at.number > 0)
}

fn owned<'a>(text: String) -> Value<'a> {
    Value::Text(Cow::Owned(text.into_bytes()))
}

fn list<'a>(values: impl Iterator<Item = Value<'a>>) -> Value<'a> {
    Value::List(values.collect::<Vec<_>>().into())
}

/// An empty list is left out of the output.
fn texts<'a>(values: impl Iterator<Item = Value<'a>>) -> Option<Value<'a>> {
    let mut values = values.peekable();
    values.peek().is_some().then(|| list(values))
}

fn headers(headers: &Headers) -> Value<'_> {
    list(headers.0.iter().map(|each| list([Value::text(&each.name), Value::text(&each.value)].into_iter())))
}

fn base64<'a>(message: &Message) -> Option<Value<'a>> {
    let bytes = Some(&message.payload).filter(|bytes| !bytes.is_empty() && message.text().is_none())?;
    Some(owned(BASE64_STANDARD.encode(bytes)))
}

fn http_version(handshake: &Handshake) -> Option<&str> {
    let request = || handshake.request.as_ref().map(|head| head.version.as_str());
    handshake.response.as_ref().map(|head| head.version.as_str()).or_else(request)
}

const fn transport(transport: Transport) -> &'static str {
    match transport {
        Transport::Tcp => "tcp",
        Transport::Tls => "tls",
    }
}

const fn direction(sender: Side) -> &'static str {
    match sender {
        Side::Client => "client_to_server",
        Side::Server => "server_to_client",
    }
}

const fn message_type(opcode: Opcode) -> &'static str {
    match opcode {
        Opcode::TEXT => "text",
        Opcode::BINARY => "binary",
        Opcode::CLOSE => "close",
        Opcode::PING => "ping",
        Opcode::PONG => "pong",
        _ => "reserved",
    }
}

const fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Accepted => "accepted",
        Outcome::Refused => "refused",
        Outcome::Invalid => "invalid",
        Outcome::Unanswered => "unanswered",
        Outcome::NotCaptured => "not_captured",
    }
}

const fn initiator(initiator: Initiator) -> &'static str {
    match initiator {
        Initiator::Client => "client",
        Initiator::Server => "server",
        Initiator::Both => "both",
        Initiator::Unknown => "unknown",
    }
}

const fn how(how: CloseHow) -> &'static str {
    match how {
        CloseHow::CloseHandshake => "close_handshake",
        CloseHow::CloseUnanswered => "close_unanswered",
        CloseHow::Fin => "fin",
        CloseHow::Reset => "reset",
        CloseHow::Idle => "idle",
        CloseHow::CaptureEnded => "capture_ended",
    }
}

const fn blame(blame: Blame) -> &'static str {
    match blame {
        Blame::Client => "client",
        Blame::Server => "server",
        Blame::Capture => "capture",
    }
}
