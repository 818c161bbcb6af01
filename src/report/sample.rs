//! Hand-made captures for the tests of the reports.

use std::io;

use super::Report;
use crate::decode::SkippedPackets;
use crate::event::statistics::Statistics;
use crate::event::{
    Close, CloseHow, Closing, ConnectionId, Event, EventKind, Initiator, Opening, PayloadNote,
    TimelineMessage, Totals, Traffic, Transport,
};
use crate::http::{Handshake, Headers, Outcome, RequestHead, ResponseHead};
use crate::packet::{CaptureInfo, Endpoint, PacketRef, Side, Timestamp};
use crate::rules::{Blame, Finding, Rule, Severity};
use crate::websocket::deflate::Unknown;
use crate::websocket::{Frame, FrameHeader, LengthForm, Message, Opcode, TextState};

/// A capture as the reports see it.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    pub(super) inputs: Vec<CaptureInfo>,
    pub(super) events: Vec<Event>,
    pub(super) totals: Totals,
}

impl Sample {
    pub(super) fn play(&self, report: &mut impl Report) -> io::Result<()> {
        report.begin(&self.inputs)?;
        for event in &self.events {
            report.event(event)?;
        }
        report.finish(&self.totals)
    }

    fn new(mut input: CaptureInfo, events: Vec<Event>) -> Self {
        let start = input.clone();
        input.packets = 40;
        input.first_time = Some(at(1).time);
        input.last_time = Some(at(40).time);
        let count =
            |found: fn(&EventKind) -> bool| events.iter().filter(|event| found(&event.kind)).count() as u64;
        let findings = Severity::ALL.map(|severity| {
            let found =
                |event: &&Event| matches!(&event.kind, EventKind::Finding(f) if f.rule.severity == severity);
            events.iter().filter(found).count() as u64
        });
        let connections = count(|kind| matches!(kind, EventKind::Opened(_)));
        let totals = Totals {
            inputs: vec![input],
            packets: 40,
            tcp_connections: connections,
            http_connections: connections,
            websocket_connections: connections,
            messages: count(|kind| matches!(kind, EventKind::Message(_))),
            frames: count(|kind| matches!(kind, EventKind::Message(_))),
            findings,
            skipped: SkippedPackets { not_ip: 2, not_tcp: 5, ..SkippedPackets::default() },
            ..Totals::default()
        };
        Self { inputs: vec![start], events, totals }
    }
}

/// One connection on which everything works, and nearly everything happens.
pub(super) fn chat() -> Sample {
    let mut events = vec![opened(1, accepted())];
    let mut said = Timeline { connection: 1, next: 0 };
    events.push(said.text(Side::Client, 8, "Hello, 柳州"));
    events.push(said.text(Side::Server, 9, r#"{"type":"welcome","user":"柳","session":"3f2a9c61-6d0e-4f3c-9a57-0c1e5b7f8d21","topics":["news","rooms","presence"],"heartbeat_interval_ms":30000}"#));
    events.push(said.compressed(Side::Client, 11, r#"{"type":"subscribe","topic":"news"}"#, 24));
    events.push(said.say(
        Side::Server,
        12,
        Opcode::BINARY,
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x02\0\0\0\x01\x80\x08\x06\0\0\0",
    ));
    events.push(said.say(Side::Server, 13, Opcode::PING, b"keepalive-7"));
    events.push(said.say(Side::Client, 14, Opcode::PONG, b"keepalive-7"));
    events.push(said.fragmented(Side::Client, [16, 18, 19], "split over three frames"));
    events.push(said.edit(Side::Server, 22, Opcode::TEXT, b"sixteen bytes ar", |message| {
        message.length = 4_300_000;
        message.wire_length = 4_300_010;
        message.truncated = true;
    }));
    events.push(said.say(Side::Client, 30, Opcode::CLOSE, b"\x03\xe8bye"));
    events.push(said.say(Side::Server, 31, Opcode::CLOSE, b"\x03\xe8"));
    events.push(finding(
        Some(1),
        Some(7),
        &LIMIT,
        Blame::Capture,
        22,
        "payload of 4300000 bytes kept to 16 (Limits::payload)",
    ));
    let end = close(Initiator::Client, CloseHow::CloseHandshake, Some((1000, "bye")));
    let (begun, last_message) = (at(30), Some(7));
    let reported = [Some(1000); 2];
    events.push(closed(1, 33, Close { begun, last_message, silence: Some(98_765_424), reported, ..end }));
    let input = CaptureInfo { path: "chat.pcap".into(), format: "pcap".into(), ..CaptureInfo::default() };
    Sample::new(input, events)
}

/// What goes wrong: a refusal, no answer, hostile peers, frames without a handshake, lost bytes.
pub(super) fn trouble() -> Sample {
    let mut events = vec![opened(1, refused()), closed(1, 4, close(Initiator::Server, CloseHow::Fin, None))];
    events.push(finding(Some(1), None, &REJECTED, Blame::Server, 3, "the server answered 401 Unauthorized"));
    events.push(opened(2, hostile()));
    events.push(finding(Some(2), None, &ACCEPT, Blame::Server, 6, "Sec-WebSocket-Accept is \"\u{1b}[2J\", expected \"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\"; a client that follows the RFC must fail the connection"));
    let mut said = Timeline { connection: 2, next: 0 };
    events.push(said.text(
        Side::Server,
        7,
        "\u{1b}]0;owned\u{7}\u{1b}[31mred\u{202e}txet desrever\r\nsecond line",
    ));
    events.push(said.edit(Side::Client, 8, Opcode::TEXT, b"caf\xe9", |message| {
        message.text = TextState::Invalid { offset: 3 }
    }));
    events.push(finding(Some(2), Some(1), &UTF8, Blame::Client, 8, "byte 3 (0xe9) can't stand in UTF-8"));
    events.push(said.say(Side::Client, 9, Opcode(3), b"\x01\x02\x03"));
    events.push(finding(Some(2), Some(2), &OPCODE, Blame::Client, 9, "opcode 3"));
    events.push(said.edit(Side::Server, 10, Opcode::CLOSE, b"\x03", |_| ()));
    events.push(finding(Some(2), None, &RESET, Blame::Server, 11, "RST 12 µs after the last frame"));
    let end = close(Initiator::Server, CloseHow::CloseUnanswered, None);
    let (begun, reported, unanswered_pings) = (at(10), [None, Some(1006)], [0, 2]);
    events.push(closed(2, 11, Close { begun, reported, unanswered_pings, ..end }));
    events.push(opened(3, unseen()));
    let mut said = Timeline { connection: 3, next: 0 };
    events.push(said.edit(Side::Server, 20, Opcode::BINARY, &[0xaa; 700], |message| {
        message.length = 2_160;
        message.wire_length = 2_164;
        message.missing_bytes = 1_460;
    }));
    events.push(said.edit(Side::Server, 24, Opcode::TEXT, b"\xaa\x56\x4a\xcb", |message| {
        message.compressed = true;
        message.undecoded = true;
        message.resynchronised = true;
        message.confidence = 31;
        message.text = TextState::NotJudged;
    }));
    events.push(
        said.edit(Side::Server, 26, Opcode::CONTINUATION, b"tail", |message| message.unfinished = true),
    );
    let copied = b"{\"user\":\"\x1a\x1a\x1a\x1a\",\"room\x1a\x1a\x1a}";
    events.push(said.edit(Side::Server, 27, Opcode::TEXT, copied, |message| {
        message.compressed = true;
        let ranges = vec![9..13, 20..23];
        message.unknown = Some(Box::new(Unknown { bytes: 7, ranges }));
        message.text = TextState::NotJudged;
    }));
    events.push(finding(
        Some(3),
        None,
        &MIDSTREAM,
        Blame::Capture,
        20,
        "frames without an opening handshake; roles by the masking",
    ));
    events.push(closed(3, 40, close(Initiator::Unknown, CloseHow::CaptureEnded, None)));
    events.push(opened(4, unanswered()));
    events.push(closed(4, 39, close(Initiator::Client, CloseHow::Reset, None)));
    events.push(finding(None, None, &DROPPED, Blame::Capture, 0, "the capturing machine dropped 12 packets"));
    let input =
        CaptureInfo { path: "trouble.pcapng".into(), format: "pcapng".into(), ..CaptureInfo::default() };
    Sample::new(input, events)
}

/// A capture without WebSocket: TLS, mostly.
pub(super) fn only_tls() -> Sample {
    let input = CaptureInfo { path: "web.pcap".into(), format: "pcap".into(), ..CaptureInfo::default() };
    let mut sample = Sample::new(input, Vec::new());
    sample.totals.tcp_connections = 9;
    sample.totals.tls_connections = 7;
    sample.totals.http_connections = 2;
    sample
}

/// The same fields with this value, and one more with this name too.
fn spoilt(headers: &Headers, text: &str) -> Headers {
    let names = headers.iter().map(|header| header.name).chain([text]);
    names.map(|name| (name.to_owned(), text)).collect()
}

/// Puts `text` wherever an event takes any.
pub(super) fn spoil(event: &mut Event, text: &str, code: u16) {
    match &mut event.kind {
        EventKind::Opened(opening) => {
            opening.tunnel = Some(text.to_owned());
            if let Some(request) = &mut opening.handshake.request {
                (request.method, request.target, request.version) = (text.into(), text.into(), text.into());
                request.headers = spoilt(&request.headers, text);
            }
            if let Some(response) = &mut opening.handshake.response {
                (response.reason, response.version, response.status) = (text.into(), text.into(), code);
                response.headers = spoilt(&response.headers, text);
            }
        }
        EventKind::Message(message) => {
            let mut payload =
                if message.message.opcode == Opcode::CLOSE { code.to_be_bytes().to_vec() } else { vec![] };
            payload.extend_from_slice(text.as_bytes());
            message.message.payload = payload;
        }
        EventKind::Finding(finding) => finding.detail = text.to_owned(),
        EventKind::Closed(closing) => {
            closing.close = Some(Close {
                code: Some(code),
                reason: text.to_owned(),
                ..close(Initiator::Client, CloseHow::CloseHandshake, None)
            });
        }
    }
}

/// Packet `number`, a hundredth of a second and a bit after the one before.
pub(super) fn at(number: u64) -> PacketRef {
    let time = Timestamp::from_nanos(1_795_250_760_000_000_000 + i64::try_from(number).unwrap() * 12_345_678);
    PacketRef { number, time, file: 0 }
}

pub(super) fn event(connection: Option<u64>, number: u64, kind: EventKind) -> Event {
    Event { at: at(number), connection: connection.map(ConnectionId), kind }
}

pub(super) fn opened(id: u64, opening: Opening) -> Event {
    event(Some(id), opening.start.number, EventKind::Opened(Box::new(opening)))
}

pub(super) fn finding(
    connection: Option<u64>,
    message: Option<u64>,
    rule: &'static Rule,
    blame: Blame,
    number: u64,
    detail: &str,
) -> Event {
    let finding = Finding { rule, blame, message, at: at(number), detail: detail.into() };
    let finding = if number == 0 { Finding { at: PacketRef::default(), ..finding } } else { finding };
    event(connection, number, EventKind::Finding(Box::new(finding)))
}

pub(super) fn closed(id: u64, number: u64, close: Close) -> Event {
    let begun = if close.begun.number == 0 { at(number) } else { close.begun };
    let close = Close { begun, ..close };
    let client = Traffic {
        messages: 5,
        control_frames: 2,
        frames: 7,
        payload_bytes: 107,
        wire_bytes: 149,
        masking_bytes: 28,
        handshake_bytes: 301,
        ..Traffic::default()
    };
    let server = Traffic {
        messages: 5,
        control_frames: 2,
        frames: 5,
        payload_bytes: 4_300_190,
        wire_bytes: 4_300_214,
        handshake_bytes: 201,
        compressed_messages: 2,
        compressed_bytes: 1_190,
        inflated_bytes: 4_760,
        missing_bytes: 1_460,
        ..Traffic::default()
    };
    let traffic = match close.how {
        CloseHow::CloseHandshake => [client, server],
        CloseHow::CloseUnanswered => [client, Traffic { missing_bytes: 0, ..client }],
        CloseHow::CaptureEnded => [Traffic::default(), server],
        _ => [Traffic::default(); 2],
    };
    event(
        Some(id),
        number,
        EventKind::Closed(Box::new(Closing {
            end: at(number),
            close: Some(close),
            traffic,
            statistics: Statistics::default(),
        })),
    )
}

fn close(initiator: Initiator, how: CloseHow, status: Option<(u16, &str)>) -> Close {
    let (code, reason) = status.map_or((None, ""), |(code, reason)| (Some(code), reason));
    Close { initiator, how, code, reason: reason.into(), ..Close::default() }
}

/// Makes messages, each with the next index.
pub(super) struct Timeline {
    pub(super) connection: u64,
    pub(super) next: u64,
}

impl Timeline {
    pub(super) fn text(&mut self, sender: Side, number: u64, text: &str) -> Event {
        self.say(sender, number, Opcode::TEXT, text.as_bytes())
    }

    fn compressed(&mut self, sender: Side, number: u64, text: &str, wire: u64) -> Event {
        self.edit(sender, number, Opcode::TEXT, text.as_bytes(), |message| {
            message.compressed = true;
            message.wire_length = wire;
        })
    }

    fn fragmented(&mut self, sender: Side, numbers: [u64; 3], text: &str) -> Event {
        let first = at(numbers[0]);
        self.edit(sender, numbers[2], Opcode::TEXT, text.as_bytes(), |message| {
            message.first = first;
            message.frames = 3;
            message.fragments = (0..3).map(|n| fragment(n, at(numbers[usize::from(n)]))).collect();
        })
    }

    pub(super) fn say(&mut self, sender: Side, number: u64, opcode: Opcode, payload: &[u8]) -> Event {
        self.edit(sender, number, opcode, payload, |_| ())
    }

    fn edit(
        &mut self,
        sender: Side,
        number: u64,
        opcode: Opcode,
        payload: &[u8],
        edit: impl FnOnce(&mut Message),
    ) -> Event {
        let length = payload.len() as u64;
        let mut message = Message {
            opcode,
            first: at(number),
            last: at(number),
            length,
            wire_length: length + if sender == Side::Client { 6 } else { 2 },
            frames: 1,
            masked: sender == Side::Client,
            payload: payload.to_vec(),
            text: if opcode == Opcode::TEXT { TextState::Valid } else { TextState::NotJudged },
            ..Message::default()
        };
        edit(&mut message);
        let index = self.next;
        self.next += 1;
        let message = TimelineMessage { index, sender, message: Box::new(message), note: PayloadNote::None };
        event(Some(self.connection), number, EventKind::Message(message))
    }
}

fn fragment(n: u8, at: PacketRef) -> Frame {
    let opcode = if n == 0 { Opcode::TEXT } else { Opcode::CONTINUATION };
    let header = FrameHeader {
        fin: n == 2,
        rsv: if n == 1 { 0b101 } else { 0 },
        opcode,
        masking_key: Some([0x37, 0xfa, 0x21, n]),
        length: 8,
        length_form: LengthForm::Bits7,
    };
    Frame { header, first: at, last: at, missing_bytes: if n == 1 { 2 } else { 0 } }
}

pub(super) fn accepted() -> Opening {
    let request = request("/chat?x=1", 4);
    let fields = [
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
        ("Sec-WebSocket-Protocol", "chat"),
        ("Sec-WebSocket-Extensions", "permessage-deflate"),
    ];
    let response = response(101, "Switching Protocols", &fields, at(6));
    opening(
        51_312,
        Handshake { outcome: Outcome::Accepted, request: Some(request), response: Some(response) },
    )
}

fn refused() -> Opening {
    let fields =
        [("Server", "nginx/1.25.3"), ("WWW-Authenticate", "Bearer realm=\"rooms\""), ("Content-Length", "0")];
    let response = response(401, "Unauthorized", &fields, at(3));
    let request =
        request("/rooms/17/socket?token=eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0", 2);
    opening(51_313, Handshake { outcome: Outcome::Refused, request: Some(request), response: Some(response) })
}

fn hostile() -> Opening {
    let mut opening = accepted();
    opening.client.port = 51_314;
    opening.transport = Transport::Tls;
    opening.tunnel = Some("example.com:443".into());
    opening.handshake.outcome = Outcome::Invalid;
    let request = opening.handshake.request.as_mut().unwrap();
    request.target = "/\u{1b}[2J\u{202e}evil".into();
    let response = opening.handshake.response.as_mut().unwrap();
    response.reason = "Switching\u{9b}31m Protocols".into();
    response.headers =
        headers(&[("Sec-WebSocket-Accept", "\u{1b}[2J"), ("Sec-WebSocket-Protocol", "chat\u{7}")]);
    opening
}

fn unanswered() -> Opening {
    let request = request("/slow", 30);
    let mut opening =
        opening(51_315, Handshake { outcome: Outcome::Unanswered, request: Some(request), response: None });
    opening.start = at(29);
    opening
}

fn unseen() -> Opening {
    let mut opening = opening(443, Handshake::default());
    opening.client =
        Endpoint { address: "2001:db8:85a3:1234:5678:8a2e:370:7334".parse().unwrap(), port: 61_000 };
    opening.server = Endpoint { address: "2001:db8::1".parse().unwrap(), port: 8080 };
    opening.start = at(20);
    opening
}

fn opening(port: u16, handshake: Handshake) -> Opening {
    Opening {
        client: Endpoint { address: "192.0.2.1".parse().unwrap(), port },
        server: Endpoint { address: "198.51.100.20".parse().unwrap(), port: 80 },
        transport: Transport::Tcp,
        start: at(1),
        handshake,
        tunnel: None,
    }
}

fn request(target: &str, number: u64) -> RequestHead {
    let fields = [
        ("Host", "server.example.com"),
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("Origin", "http://example.com"),
        ("Sec-WebSocket-Protocol", "chat, superchat"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits"),
    ];
    let at = at(number);
    let mut head = RequestHead { headers: headers(&fields), first: at, last: at, ..RequestHead::default() };
    (head.method, head.target, head.version) = ("GET".into(), target.into(), "1.1".into());
    head
}

fn response(status: u16, reason: &str, fields: &[(&str, &str)], at: PacketRef) -> ResponseHead {
    let mut head =
        ResponseHead { status, headers: headers(fields), first: at, last: at, ..ResponseHead::default() };
    (head.reason, head.version) = (reason.into(), "1.1".into());
    head
}

fn headers(pairs: &[(&str, &str)]) -> Headers {
    pairs.iter().copied().collect()
}

const fn rule(name: &'static str, severity: Severity, reference: &'static str) -> Rule {
    Rule { name, severity, reference, page: "" }
}

pub(super) static LIMIT: Rule = rule("limit-reached", Severity::Warning, "");
pub(super) static REJECTED: Rule = rule("handshake-rejected", Severity::Info, "RFC 6455 §4.1");
pub(super) static ACCEPT: Rule = rule("handshake-accept-mismatch", Severity::Error, "RFC 6455 §4.2.2");
pub(super) static UTF8: Rule = rule("text-invalid-utf8", Severity::Error, "RFC 6455 §8.1");
pub(super) static OPCODE: Rule = rule("frame-opcode-reserved-data", Severity::Error, "RFC 6455 §5.2");
pub(super) static RESET: Rule = rule("tcp-reset", Severity::Note, "RFC 6455 §7.2");
pub(super) static MIDSTREAM: Rule = rule("handshake-missing-midstream", Severity::Info, "");
pub(super) static DROPPED: Rule = rule("capture-dropped-packets", Severity::Warning, "");
