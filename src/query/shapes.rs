//! The fields of each object, by the names and types of the JSON output.

mod statistics;

use std::borrow::Cow;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::object::{Field, Known, Object, Shape, shape};
use super::value::{Kind, Value};
use crate::event::{ConnectionId, TimelineMessage};
use crate::http::{ExtensionList, Handshake, Headers};
use crate::packet::{PacketRef, Side};
use crate::rules::{Finding, Severity};
use crate::websocket::close::CloseBody;
use crate::websocket::{Message, Opcode};
use statistics::{CAPTURE_STATISTICS, STATISTICS};

pub(super) static CONNECTION: Shape = shape!("connection", Connection(c), {
    id: Kind::Int => Some(Value::count(c.id.0));
    client: Kind::Object(&ENDPOINT) => Some(Value::Object(Object::Endpoint(c.opening.client)));
    server: Kind::Object(&ENDPOINT) => Some(Value::Object(Object::Endpoint(c.opening.server)));
    transport: Kind::Text, [TRANSPORTS] => Some(Value::text(c.opening.transport.name()));
    http_version: Kind::Text => http_version(&c.opening.handshake).map(Value::text);
    tunnel: Kind::Text => c.opening.tunnel.as_deref().map(Value::text);
    start_time: Kind::Time => time(c.opening.start);
    end_time: Kind::Time, AtEnd => time(c.end?.closing.end);
    handshake: Kind::Object(&HANDSHAKE) => Some(Value::Object(Object::Handshake(&c.opening.handshake)));
    close: Kind::Object(&CLOSE), AtEnd => Some(Value::Object(Object::Close(c.end?.closing.close.as_ref()?)));
    traffic: Kind::Object(&TRAFFIC), AtEnd => Some(Value::Object(Object::Traffic(&c.end?.closing.traffic)));
    statistics: Kind::Object(&STATISTICS), AtEnd => Some(Value::Object(Object::Statistics(&c.end?.closing.statistics)));
    findings: FINDINGS, AtEnd => Some(findings(c.id, c.end?.findings));
    messages: MESSAGES, Whole => Some(messages(c.id, c.messages?));
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
    text: Kind::Text, Payload => text(&placed.1.message);
    base64: Kind::Text, Payload => base64(&placed.1.message);
    close: Kind::Object(&CLOSE_FRAME) => close_frame(&placed.1.message);
    incomplete: Kind::Bool => flag(placed.1.message.incomplete());
    missing_bytes: Kind::Int => nonzero(placed.1.message.missing_bytes);
    unknown_bytes: Kind::Int => nonzero(placed.1.message.unknown_bytes());
    unfinished: Kind::Bool => flag(placed.1.message.unfinished);
    announced_length: Kind::Int => placed.1.message.announced.map(Value::count);
    resynchronised: Kind::Bool => flag(placed.1.message.resynchronised);
    confidence: Kind::Int => nonzero(placed.1.message.confidence.into());
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
    outcome: Kind::Text, [OUTCOMES] => Some(Value::text(h.outcome.name()));
    request: Kind::Object(&REQUEST) => Some(Value::Object(Object::Request(h.request.as_ref()?)));
    response: Kind::Object(&RESPONSE) => Some(Value::Object(Object::Response(h.response.as_ref()?)));
    host: Kind::Text => h.host().map(Value::text);
    origin: Kind::Text => h.origin().map(Value::text);
    websocket_version: Kind::Text => h.websocket_version().map(Value::text);
    key: Kind::Text => h.key().map(Value::text);
    accept: Kind::Object(&ACCEPT) => h.accept().map(|_| Value::Object(Object::Accept(h)));
    subprotocols_offered: TEXTS => texts(h.subprotocols_offered().into_iter().map(Value::text));
    subprotocol: Kind::Text => h.subprotocol().map(Value::text);
    extensions_offered: TEXTS => extensions(&h.extensions_offered());
    extensions: TEXTS => extensions(&h.extensions());
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
    initiator: Kind::Text, [INITIATORS] => Some(Value::text(close.initiator.name()));
    how: Kind::Text, [HOWS] => Some(Value::text(close.how.name()));
    code: Kind::Int => Some(Value::Int(close.code?.into()));
    reason: Kind::Text => close.code.map(|_| Value::text(&close.reason));
    time: Kind::Time => time(close.begun);
    packet: Kind::Int => Some(Value::count(close.begun.number));
    reported: Kind::Object(&SIDES) => sides(close.reported.map(|code| code.map(i64::from)));
    last_message: Kind::Int => close.last_message.map(Value::count);
    silence_ns: Kind::Int => close.silence.map(Value::Int);
    unanswered_pings: Kind::Object(&SIDES) => sides(close.unanswered_pings.map(|pings| i64::try_from(pings).ok().filter(|n| *n > 0)));
});

static SIDES: Shape = shape!("the sides", Sides(sides), {
    client: Kind::Int => sides.first().copied().flatten().map(Value::Int);
    server: Kind::Int => sides.last().copied().flatten().map(Value::Int);
});

static TRAFFIC: Shape = shape!("traffic", Traffic(sides), {
    client_to_server: Kind::Object(&SENT) => sides.first().map(|sent| Value::Object(Object::Sent(sent)));
    server_to_client: Kind::Object(&SENT) => sides.last().map(|sent| Value::Object(Object::Sent(sent)));
});

static SENT: Shape = shape!("traffic of a direction", Sent(sent), {
    messages: Kind::Int => Some(Value::count(sent.messages));
    control_frames: Kind::Int => Some(Value::count(sent.control_frames));
    frames: Kind::Int => Some(Value::count(sent.frames));
    payload_bytes: Kind::Int => Some(Value::count(sent.payload_bytes));
    wire_bytes: Kind::Int => Some(Value::count(sent.wire_bytes));
    header_bytes: Kind::Int => Some(Value::count(sent.header_bytes()));
    masking_key_bytes: Kind::Int => Some(Value::count(sent.masking_bytes));
    handshake_bytes: Kind::Int => nonzero(sent.handshake_bytes);
    compression: Kind::Object(&COMPRESSION) => {
        (sent.compressed_messages > 0).then_some(Value::Object(Object::Compression(sent)))
    };
    missing_bytes: Kind::Int => Some(Value::count(sent.missing_bytes));
    passed_over_bytes: Kind::Int => nonzero(sent.passed_over_bytes);
});

static COMPRESSION: Shape = shape!("compression", Compression(sent), {
    messages: Kind::Int => Some(Value::count(sent.compressed_messages));
    wire_bytes: Kind::Int => Some(Value::count(sent.compressed_bytes));
    inflated_bytes: Kind::Int => Some(Value::count(sent.inflated_bytes));
});

static FINDING: Shape = shape!("finding", Finding(placed), {
    rule: Kind::Text => Some(Value::text(placed.1.rule.name));
    severity: Kind::Text, [SEVERITIES] => Some(Value::text(placed.1.rule.severity.name()));
    blame: Kind::Text, [BLAMES] => Some(Value::text(placed.1.blame.name()));
    connection: Kind::Int => placed.0.map(|id| Value::count(id.0));
    message: Kind::Int => placed.1.message.map(Value::count);
    time: Kind::Time => shown(placed.1.at).and_then(time);
    packet: Kind::Int => shown(placed.1.at).map(|at| Value::count(at.number));
    detail: Kind::Text => Some(Value::text(&placed.1.detail));
    reference: Kind::Text => Some(placed.1.rule.reference).filter(|text| !text.is_empty()).map(Value::text);
});

pub(super) static TOTALS: Shape = shape!("totals", Totals(totals), {
    packets: Kind::Int => Some(Value::count(totals.packets));
    tcp_connections: Kind::Int => Some(Value::count(totals.tcp_connections));
    tls_connections: Kind::Int => Some(Value::count(totals.tls_connections));
    http_connections: Kind::Int => Some(Value::count(totals.http_connections));
    http2_connections: Kind::Int => Some(Value::count(totals.http2_connections));
    searched_in_vain: Kind::Int => Some(Value::count(totals.searched_in_vain));
    websocket_connections: Kind::Int => Some(Value::count(totals.websocket_connections));
    messages: Kind::Int => Some(Value::count(totals.messages));
    control_frames: Kind::Int => Some(Value::count(totals.control_frames));
    frames: Kind::Int => Some(Value::count(totals.frames));
    findings: Kind::Object(&SEVERITY_COUNTS) => Some(Value::Object(Object::Severities(totals)));
    skipped_packets: Kind::Object(&SKIPPED) => Some(Value::Object(Object::Skipped(&totals.skipped)));
    statistics: Kind::Object(&CAPTURE_STATISTICS) => {
        (!totals.reconnects.is_empty()).then_some(Value::Object(Object::CaptureStatistics(totals)))
    };
});

static SEVERITY_COUNTS: Shape = shape!("findings by severity", Severities(totals), {
    error: Kind::Int => Some(Value::count(totals.findings_of(Severity::Error)));
    warning: Kind::Int => Some(Value::count(totals.findings_of(Severity::Warning)));
    note: Kind::Int => Some(Value::count(totals.findings_of(Severity::Note)));
    info: Kind::Int => Some(Value::count(totals.findings_of(Severity::Info)));
});

static SKIPPED: Shape = shape!("skipped packets", Skipped(skipped), {
    not_ip: Kind::Int => Some(Value::count(skipped.not_ip));
    not_tcp: Kind::Int => Some(Value::count(skipped.not_tcp));
    malformed: Kind::Int => Some(Value::count(skipped.malformed));
    unknown_link: Kind::Int => Some(Value::count(skipped.unknown_link));
    fragment: Kind::Int => Some(Value::count(skipped.fragment));
    encrypted: Kind::Int => Some(Value::count(skipped.encrypted));
    cut_headers: Kind::Int => Some(Value::count(skipped.cut_headers));
});
const TRANSPORTS: &[&str] = &["tcp", "tls"];
const DIRECTIONS: &[&str] = &["client_to_server", "server_to_client"];
const TYPES: &[&str] = &["text", "binary", "close", "ping", "pong", "reserved"];
const OUTCOMES: &[&str] = &["accepted", "refused", "invalid", "unanswered", "not_captured"];
const INITIATORS: &[&str] = &["client", "server", "both", "unknown"];
const HOWS: &[&str] = &[
    "close_handshake",
    "close_unanswered",
    "close_answer_unknown",
    "fin",
    "reset",
    "idle",
    "given_up",
    "capture_ended",
];
const SEVERITIES: &[&str] = &["error", "warning", "note", "info"];
const BLAMES: &[&str] = &["client", "server", "capture"];

pub(super) const CONNECTIONS: Kind = Kind::List(&Kind::Object(&CONNECTION));
pub(super) const MESSAGES: Kind = Kind::List(&Kind::Object(&MESSAGE));
pub(super) const FINDINGS: Kind = Kind::List(&Kind::Object(&FINDING));

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

fn extensions<'a>(agreed: &ExtensionList) -> Option<Value<'a>> {
    texts(agreed.extensions.iter().map(|each| owned(each.to_string())))
}

fn findings(id: ConnectionId, findings: &[Finding]) -> Value<'_> {
    list(findings.iter().map(|each| Value::Object(Object::Finding((Some(id), each)))))
}

fn messages(id: ConnectionId, messages: &[TimelineMessage]) -> Value<'_> {
    list(messages.iter().map(|each| Value::Object(Object::Message((id, each)))))
}

fn sides<'a>(sides: [Option<i64>; 2]) -> Option<Value<'a>> {
    sides.iter().any(Option::is_some).then_some(Value::Object(Object::Sides(sides)))
}

fn text(message: &Message) -> Option<Value<'_>> {
    message.text().filter(|text| !text.is_empty()).map(|text| Value::Text(Cow::Borrowed(text)))
}

fn close_frame(message: &Message) -> Option<Value<'_>> {
    (message.opcode == Opcode::CLOSE).then_some(Value::Object(Object::CloseFrame(message)))
}

fn headers(headers: &Headers) -> Value<'_> {
    list(headers.iter().map(|each| list([Value::text(each.name), Value::text(each.value)].into_iter())))
}

fn base64<'a>(message: &Message) -> Option<Value<'a>> {
    let bytes = Some(&message.payload).filter(|bytes| !bytes.is_empty() && message.text().is_none())?;
    Some(owned(BASE64_STANDARD.encode(bytes)))
}

fn http_version(handshake: &Handshake) -> Option<&str> {
    let request = || handshake.request.as_ref().map(|head| head.version.as_str());
    handshake.response.as_ref().map(|head| head.version.as_str()).or_else(request)
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
