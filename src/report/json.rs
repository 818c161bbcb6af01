//! Events → one JSON document.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use super::Report;
use super::escaped::Escaped;
use super::shown::{Detail, Shown};
use super::view::{self, Files, Generator, SCHEMA, Time};
use crate::event::{CaptureOrder, Closing, ConnectionId, Event, EventKind, Opening, Totals};
use crate::packet::CaptureInfo;

/// The document of the output contract, written when the capture has ended: until then it is kept, already
/// serialised. Each connection, message and finding has a line of its own, so that it can be read and searched.
#[derive(Debug)]
pub struct Json<W: Write> {
    out: Escaped<W>,
    shown: Shown,
    files: Files,
    connections: BTreeMap<ConnectionId, Parts>,
    findings: List,
}

impl<W: Write> Json<W> {
    /// Writes to `out` in large pieces.
    pub fn new(out: W, shown: Shown) -> Self {
        let out = Escaped::new(out);
        Self { out, shown, files: Files::default(), connections: BTreeMap::new(), findings: List::default() }
    }
}

impl<W: Write> Report for Json<W> {
    fn begin(&mut self, inputs: &[CaptureInfo]) -> io::Result<()> {
        self.files = Files::new(inputs);
        Ok(())
    }

    fn event(&mut self, event: &Event) -> io::Result<()> {
        if !self.shown.includes(event.connection) {
            return Ok(());
        }
        let files = &self.files;
        match (event.connection, &event.kind) {
            (id, EventKind::Finding(finding)) => {
                let list =
                    id.map_or(&mut self.findings, |id| &mut self.connections.entry(id).or_default().findings);
                list.push(&view::Finding::new(finding, id, files))
            }
            (Some(id), EventKind::Opened(opening)) => {
                self.connections.entry(id).or_default().open(id, opening, files)
            }
            (Some(_), EventKind::Message(_)) if self.shown.detail == Detail::Summary => Ok(()),
            (Some(id), EventKind::Message(message)) => {
                let parts = self.connections.entry(id).or_default();
                let place = parts.order.place(message);
                parts.messages.push(place, &view::Message::new(None, message, &self.shown, files))
            }
            (Some(id), EventKind::Closed(closing)) => {
                self.connections.entry(id).or_default().close(closing, files)
            }
            (None, _) => Ok(()),
        }
    }

    fn finish(&mut self, totals: &Totals) -> io::Result<()> {
        let mut captures = List::default();
        for input in &totals.inputs {
            captures.push(&view::Capture::from(input))?;
        }
        let out = &mut self.out;
        write!(out, "{{\n\"schema\":{SCHEMA},\n\"generator\":")?;
        serde_json::to_writer(&mut *out, &Generator::THIS)?;
        out.write_all(b",\n\"captures\":")?;
        captures.write(out)?;
        out.write_all(b",\n\"connections\":[")?;
        for (n, (id, parts)) in self.connections.iter().enumerate() {
            out.write_all(if n == 0 { b"\n" } else { b",\n" })?;
            parts.write(*id, out)?;
        }
        out.write_all(if self.connections.is_empty() { b"]" } else { b"\n]" })?;
        out.write_all(b",\n\"findings\":")?;
        self.findings.write(out)?;
        out.write_all(b",\n\"totals\":")?;
        serde_json::to_writer(&mut *out, &view::Totals::from(totals))?;
        out.write_all(b"\n}\n")?;
        out.flush()
    }
}

/// One connection, serialised as far as it is known.
#[derive(Debug, Default)]
struct Parts {
    parties: Vec<u8>,
    handshake: Vec<u8>,
    messages: Placed,
    order: CaptureOrder,
    findings: List,
    end_time: Option<Time>,
    closing: Vec<u8>,
}

impl Parts {
    fn open(&mut self, id: ConnectionId, opening: &Opening, files: &Files) -> io::Result<()> {
        self.parties = serde_json::to_vec(&view::Parties::new(id, opening))?;
        self.handshake = serde_json::to_vec(&view::Handshake::new(&opening.handshake, files))?;
        Ok(())
    }

    fn close(&mut self, closing: &Closing, files: &Files) -> io::Result<()> {
        self.end_time = Some(Time(closing.end.time));
        self.closing = serde_json::to_vec(&view::Closing::new(closing, files))?;
        Ok(())
    }

    /// Valid JSON whatever is missing.
    fn write(&self, id: ConnectionId, out: &mut impl Write) -> io::Result<()> {
        match members(&self.parties) {
            [] => write!(out, "{{\"id\":{}", id.0)?,
            parties => {
                out.write_all(b"{")?;
                out.write_all(parties)?;
            }
        }
        if let Some(end_time) = &self.end_time {
            out.write_all(b",\"end_time\":")?;
            serde_json::to_writer(&mut *out, end_time)?;
        }
        if !self.handshake.is_empty() {
            out.write_all(b",\"handshake\":")?;
            out.write_all(&self.handshake)?;
        }
        out.write_all(b",\"messages\":")?;
        self.messages.write(out)?;
        if !self.closing.is_empty() {
            out.write_all(b",")?;
            out.write_all(members(&self.closing))?;
        }
        out.write_all(b",\"findings\":")?;
        self.findings.write(out)?;
        out.write_all(b"}")
    }
}

/// What stands between the braces of an object.
fn members(object: &[u8]) -> &[u8] {
    object.strip_prefix(b"{").and_then(|rest| rest.strip_suffix(b"}")).unwrap_or_default()
}

/// A JSON array in the making, an element a line.
#[derive(Debug, Default)]
struct List(Vec<u8>);

impl List {
    fn push(&mut self, element: &impl Serialize) -> io::Result<()> {
        self.0.extend_from_slice(if self.0.is_empty() { b"\n" } else { b",\n" });
        Ok(serde_json::to_writer(&mut self.0, element)?)
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        out.write_all(b"[")?;
        out.write_all(&self.0)?;
        out.write_all(if self.0.is_empty() { b"]" } else { b"\n]" })
    }
}

/// A JSON array that is made in another order than that in which it is written.
#[derive(Debug, Default)]
struct Placed {
    elements: Vec<u8>,
    /// Where each element belongs, and where it ends.
    places: Vec<(u64, usize)>,
}

impl Placed {
    fn push(&mut self, place: u64, element: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.elements, element)?;
        self.places.push((place, self.elements.len()));
        Ok(())
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let starts = std::iter::once(0).chain(self.places.iter().map(|(_, end)| *end));
        let mut elements: Vec<_> = self.places.iter().zip(starts).collect();
        elements.sort_by_key(|((place, _), _)| *place);
        out.write_all(b"[")?;
        for (n, ((_, end), start)) in elements.iter().enumerate() {
            out.write_all(if n == 0 { b"\n" } else { b",\n" })?;
            out.write_all(self.elements.get(*start..*end).unwrap_or_default())?;
        }
        out.write_all(if elements.is_empty() { b"]" } else { b"\n]" })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::event::{PayloadNote, TimelineMessage};
    use crate::packet::Side;
    use crate::report::sample::{self, Sample};
    use crate::report::{Frames, Ndjson, PayloadMode};
    use crate::websocket::{Message, Opcode};

    fn document(sample: &Sample, shown: Shown) -> Value {
        let mut out = Vec::new();
        sample.play(&mut Json::new(&mut out, shown)).unwrap();
        serde_json::from_slice(&out).unwrap()
    }

    fn shown() -> Shown {
        Shown { frames: Frames::Listed, ..Shown::default() }
    }

    /// The message of one event, alone in a connection.
    fn message(message: Message, payload: PayloadMode) -> Value {
        let timeline = TimelineMessage {
            index: 0,
            sender: Side::Client,
            message: Box::new(message),
            note: PayloadNote::None,
        };
        let mut sample = sample::only_tls();
        sample.events = vec![sample::event(Some(1), 1, EventKind::Message(timeline))];
        document(&sample, Shown { payload, ..shown() })["connections"][0]["messages"][0].take()
    }

    fn text(payload: &[u8]) -> Message {
        Message {
            opcode: Opcode::TEXT,
            length: payload.len() as u64,
            payload: payload.into(),
            ..Message::default()
        }
    }

    #[test]
    fn a_capture_without_connections_is_a_document() {
        let document = document(&sample::only_tls(), shown());
        assert_eq!(document["schema"], 1);
        assert_eq!(document["generator"], json!({"name": "wspect", "version": env!("CARGO_PKG_VERSION")}));
        assert_eq!(document["connections"], json!([]));
        assert_eq!(document["findings"], json!([]));
        assert_eq!(document["totals"]["tls_connections"], 7);
        assert_eq!(document["totals"]["skipped_packets"]["not_tcp"], 5);
        assert_eq!(
            document["captures"],
            json!([{
                "path": "web.pcap",
                "format": "pcap",
                "packets": 40,
                "first_time": "2026-11-21T08:46:00.012345678Z",
                "last_time": "2026-11-21T08:46:00.493827120Z",
                "truncated": false
            }])
        );
    }

    #[test]
    fn a_connection_says_what_the_contract_says() {
        let document = document(&sample::chat(), shown());
        let connection = &document["connections"][0];
        let mut handshake = connection["handshake"].clone();
        assert_eq!(handshake["request"]["headers"][1], json!(["Upgrade", "websocket"]));
        for head in ["request", "response"] {
            handshake[head].as_object_mut().unwrap().remove("headers").unwrap();
        }
        assert_eq!(
            handshake,
            json!({
                "outcome": "accepted",
                "request": {
                    "method": "GET", "target": "/chat?x=1", "version": "1.1",
                    "time": "2026-11-21T08:46:00.049382712Z", "packet": 4
                },
                "response": {
                    "status": 101, "reason": "Switching Protocols", "version": "1.1",
                    "time": "2026-11-21T08:46:00.074074068Z", "packet": 6
                },
                "host": "server.example.com",
                "origin": "http://example.com",
                "websocket_version": "13",
                "key": "dGhlIHNhbXBsZSBub25jZQ==",
                "accept": {
                    "value": "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
                    "expected": "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
                    "valid": true
                },
                "subprotocols_offered": ["chat", "superchat"],
                "subprotocol": "chat",
                "extensions_offered": ["permessage-deflate; client_max_window_bits"],
                "extensions": ["permessage-deflate"],
                "latency_ns": 24_691_356
            })
        );
        let mut rest = connection.clone();
        for seen in ["handshake", "messages", "findings"] {
            rest.as_object_mut().unwrap().remove(seen).unwrap();
        }
        assert_eq!(
            rest,
            json!({
                "id": 1,
                "client": {"address": "192.0.2.1", "port": 51312},
                "server": {"address": "198.51.100.20", "port": 80},
                "transport": "tcp",
                "http_version": "1.1",
                "start_time": "2026-11-21T08:46:00.012345678Z",
                "end_time": "2026-11-21T08:46:00.407407374Z",
                "close": {
                    "initiator": "client", "how": "close_handshake", "code": 1000, "reason": "bye",
                    "time": "2026-11-21T08:46:00.370370340Z", "packet": 30,
                    "reported": {"client": 1000, "server": 1000},
                    "last_message": 7, "silence_ns": 98_765_424
                },
                "traffic": {
                    "client_to_server":
                        {"messages": 5, "control_frames": 2, "frames": 7, "payload_bytes": 107, "wire_bytes": 149, "header_bytes": 14,
                         "masking_key_bytes": 28, "handshake_bytes": 301, "missing_bytes": 0},
                    "server_to_client":
                        {"messages": 5, "control_frames": 2, "frames": 5, "payload_bytes": 4300190, "wire_bytes": 4300214,
                         "header_bytes": 24, "masking_key_bytes": 0, "handshake_bytes": 201, "missing_bytes": 1460,
                         "compression": {"messages": 2, "wire_bytes": 1190, "inflated_bytes": 4760}}
                }
            })
        );
    }

    #[test]
    fn a_message_says_what_the_contract_says() {
        let document = document(&sample::chat(), shown());
        let messages = &document["connections"][0]["messages"];
        assert_eq!(
            messages[2],
            json!({
                "index": 2, "time": "2026-11-21T08:46:00.135802458Z", "direction": "client_to_server",
                "type": "text", "opcode": 1, "length": 35, "wire_length": 24, "frames": 1, "masked": true,
                "compressed": true, "packets": {"first": 11, "last": 11},
                "text": r#"{"type":"subscribe","topic":"news"}"#
            })
        );
        assert_eq!(messages[6]["start_time"], "2026-11-21T08:46:00.197530848Z");
        assert_eq!(messages[6]["packets"], json!({"first": 16, "last": 19}));
        assert_eq!(
            messages[6]["fragments"][1],
            json!({
                "fin": false, "rsv1": true, "rsv3": true, "opcode": 0, "masking_key": "37fa2101", "header_bytes": 6,
                "length": 8, "missing_bytes": 2, "packets": {"first": 18, "last": 18},
                "start_time": "2026-11-21T08:46:00.222222204Z"
            })
        );
        assert_eq!(messages[7]["truncated"], true);
        assert_eq!(messages[7]["length"], 4_300_000);
        assert_eq!(messages[8]["close"], json!({"code": 1000, "reason": "bye"}));
        assert_eq!(messages[8]["base64"], "A+hieWU=");
        assert_eq!(messages[9]["close"], json!({"code": 1000, "reason": ""}));
    }

    #[test]
    fn a_finding_says_what_the_contract_says() {
        let document = document(&sample::trouble(), shown());
        assert_eq!(
            document["connections"][1]["findings"][1],
            json!({
                "rule": "text-invalid-utf8", "severity": "error", "blame": "client", "connection": 2, "message": 1,
                "time": "2026-11-21T08:46:00.098765424Z", "packet": 8,
                "detail": "byte 3 (0xe9) can't stand in UTF-8", "reference": "RFC 6455 §8.1"
            })
        );
        assert_eq!(
            document["findings"],
            json!([{
                "rule": "capture-dropped-packets", "severity": "warning", "blame": "capture",
                "detail": "the capturing machine dropped 12 packets"
            }])
        );
    }

    #[test]
    fn what_is_missing_is_marked() {
        let document = document(&sample::trouble(), shown());
        let messages = &document["connections"][2]["messages"];
        assert_eq!((&messages[0]["incomplete"], &messages[0]["missing_bytes"]), (&json!(true), &json!(1460)));
        assert_eq!((&messages[1]["undecoded"], &messages[1]["resynchronised"]), (&json!(true), &json!(true)));
        assert_eq!((&messages[2]["incomplete"], &messages[2]["unfinished"]), (&json!(true), &json!(true)));
        assert_eq!(messages[2]["type"], "reserved");
    }

    #[test]
    fn only_valid_text_is_text() {
        assert_eq!(message(text("柳州".as_bytes()), PayloadMode::Full)["text"], "柳州");
        assert_eq!(message(text(b"caf\xe9"), PayloadMode::Full)["base64"], "Y2Fm6Q==");
        assert_eq!(message(text(b"cut \xe6\x9f"), PayloadMode::Full)["base64"], "Y3V0IOaf");
        let truncated = Message { truncated: true, ..text(b"cut \xe6\x9f") };
        assert_eq!(message(truncated, PayloadMode::Full)["text"], "cut ");
        let undecoded = Message { undecoded: true, ..text(b"abc") };
        assert_eq!(message(undecoded, PayloadMode::Full)["base64"], "YWJj");
        let missing = Message { missing_bytes: 3, ..text(b"abc") };
        assert_eq!(message(missing, PayloadMode::Full)["text"], "abc");
        let empty = message(text(b""), PayloadMode::Full);
        assert!(empty.get("text").is_none() && empty.get("base64").is_none());
    }

    #[test]
    fn a_preview_is_short_and_its_length_says_so() {
        let long = message(text("柳".repeat(300).as_bytes()), PayloadMode::Preview);
        assert_eq!(long["text"].as_str().unwrap().chars().count(), 200);
        assert_eq!((long.get("truncated"), &long["length"]), (None, &json!(900)));
        let bytes = message(Message { opcode: Opcode::BINARY, ..text(&[0; 151]) }, PayloadMode::Preview);
        assert_eq!(bytes["base64"].as_str().unwrap().len(), 200);
        assert!(bytes.get("truncated").is_none());
        let cut = message(Message { truncated: true, length: 900, ..text(b"short") }, PayloadMode::Preview);
        assert_eq!(cut["truncated"], true);
    }

    #[test]
    fn without_payloads_the_lengths_stay() {
        let none = message(text(b"secret"), PayloadMode::None);
        assert_eq!(none["length"], 6);
        assert!(
            none.get("text").is_none() && none.get("base64").is_none() && none.get("truncated").is_none()
        );
    }

    #[test]
    fn one_connection_can_be_picked_and_totals_stay_whole() {
        let sample = sample::trouble();
        let document = document(&sample, Shown { connections: vec![ConnectionId(2)], ..shown() });
        assert_eq!(document["connections"].as_array().unwrap().len(), 1);
        assert_eq!(document["connections"][0]["id"], 2);
        assert_eq!(document["findings"].as_array().unwrap().len(), 1);
        assert_eq!(document["totals"]["websocket_connections"], 4);
    }

    #[test]
    fn packets_of_several_inputs_name_their_file() {
        let mut sample = sample::chat();
        for inputs in [&mut sample.inputs, &mut sample.totals.inputs] {
            inputs.push(CaptureInfo { path: "second.pcap".into(), ..inputs[0].clone() });
        }
        let EventKind::Message(message) = &mut sample.events[7].kind else { panic!("no message") };
        message.message.last.file = 1;
        let document = document(&sample, shown());
        let connection = &document["connections"][0];
        assert_eq!(connection["handshake"]["request"]["file"], "chat.pcap");
        assert_eq!(connection["findings"][0]["file"], "chat.pcap");
        assert_eq!(
            connection["messages"][6]["packets"],
            json!({"first": 16, "last": 19, "file": "chat.pcap", "last_file": "second.pcap"})
        );
        assert_eq!(document["captures"][1]["path"], "second.pcap");
    }

    #[test]
    fn each_message_has_a_line_of_its_own() {
        let mut out = Vec::new();
        sample::chat().play(&mut Json::new(&mut out, shown())).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.lines().filter(|line| line.starts_with("{\"index\":")).count(), 10);
    }

    #[test]
    fn events_without_their_opening_still_make_a_document() {
        let mut sample = sample::trouble();
        sample.events.retain(|event| !matches!(event.kind, EventKind::Opened(_)));
        let document = document(&sample, shown());
        assert_eq!(document["connections"][1]["id"], 2);
        assert_eq!(document["connections"][1]["messages"].as_array().unwrap().len(), 4);
    }

    #[test]
    fn the_document_looks_like_this() {
        let mut out = Vec::new();
        sample::chat().play(&mut Json::new(&mut out, shown())).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap());
    }

    proptest! {
        // Each case writes whole reports.
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_events_make_a_document_and_lines(text in any::<String>(), code in any::<u16>(), kept in any::<u64>()) {
            let mut sample = sample::trouble();
            let mut places = 0..64;
            sample.events.retain(|_| kept >> places.next().unwrap() & 1 == 1);
            sample.events.iter_mut().for_each(|event| sample::spoil(event, &text, code));
            let findings = |list: &Value| list.as_array().unwrap().len();
            let document = document(&sample, shown());
            let connections = document["connections"].as_array().unwrap();
            let inside: usize = connections.iter().map(|each| findings(&each["findings"])).sum();
            let said = sample.events.iter().filter(|event| matches!(event.kind, EventKind::Finding(_))).count();
            prop_assert_eq!(inside + findings(&document["findings"]), said);
            let mut lines = Vec::new();
            sample.play(&mut Ndjson::new(&mut lines, shown())).unwrap();
            let lines: Result<Vec<Value>, _> = serde_json::Deserializer::from_slice(&lines).into_iter().collect();
            prop_assert_eq!(lines.unwrap().len(), sample.events.len() + 2);
        }
    }
}
