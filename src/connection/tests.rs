//! Deliveries in, events out: what a connection makes of ordered bytes.

mod assumed;
mod cut;
mod waiting;

use super::*;
use crate::decode::{Segment, TcpFlags};
use crate::event::{Close, Event, EventKind, Initiator, TimelineMessage};
use crate::http::Outcome;
use crate::limits::Limits;
use crate::packet::Endpoint;
use crate::tcp::{Gap, GapReason};

const GET: &[u8] = b"GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==\r\nSec-WebSocket-Version: 13\r\n\r\n";
const SWITCH: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: C/0nmHhBztSRGR1CwL6Tf4ZjwpY=\r\n\r\n";

/// One connection that is fed by hand: each delivery is the next packet.
struct Fed {
    connection: Connection,
    out: Outbox,
    options: Options,
    packet: u64,
}

impl Fed {
    /// The SYN was captured: `Forward` is the client.
    fn opened() -> Self {
        let mut fed = Self::midstream();
        fed.connection.opened_by(Direction::Forward);
        fed
    }

    fn midstream() -> Self {
        let Segment { flow, direction, .. } = syn();
        assert_eq!(direction, Direction::Forward);
        let connection = Connection::new(flow, PacketRef::default());
        Self { connection, out: Outbox::default(), options: Options::default(), packet: 0 }
    }

    fn client(&mut self, bytes: &[u8]) -> &mut Self {
        self.chunk(Direction::Forward, bytes)
    }

    fn server(&mut self, bytes: &[u8]) -> &mut Self {
        self.chunk(Direction::Backward, bytes)
    }

    fn chunk(&mut self, direction: Direction, bytes: &[u8]) -> &mut Self {
        let chunk = Delivery::Chunk(Chunk { offset: 0, bytes, at: self.next_packet() });
        self.connection.deliver(direction, chunk, &self.options, &mut self.out);
        self
    }

    fn gap(&mut self, direction: Direction, length: u64) -> &mut Self {
        let gap =
            Delivery::Gap(Gap { offset: 0, length, at: self.next_packet(), reason: GapReason::Acknowledged });
        self.connection.deliver(direction, gap, &self.options, &mut self.out);
        self
    }

    fn next_packet(&mut self) -> PacketRef {
        self.packet += 1;
        PacketRef { number: self.packet, ..PacketRef::default() }
    }

    fn end(&mut self) -> Told {
        let at = self.next_packet();
        let other = Connection::new(self.connection.peers.flow, at);
        let connection = std::mem::replace(&mut self.connection, other);
        let tcp = ended_by_client(at);
        connection.finish(at, CloseHow::Fin, &tcp, &self.options, &mut self.out);
        Told(self.out.drain().collect())
    }
}

fn syn() -> Segment<'static> {
    let endpoint = |last, port| Endpoint { address: [192, 0, 2, last].into(), port };
    let (flow, direction) = FlowKey::of(endpoint(1, 50_000), endpoint(2, 80));
    Segment {
        at: PacketRef::default(),
        flow,
        direction,
        seq: 0,
        ack: 0,
        flags: TcpFlags::SYN,
        window: 1000,
        payload: &[],
        cut: 0,
    }
}

/// TCP of which SYN and FIN of the client were captured.
fn ended_by_client(at: PacketRef) -> Tracker {
    let mut tracker = Tracker::new(&Limits::default());
    for (flags, seq) in [(TcpFlags::SYN, 0), (TcpFlags::FIN, 1)] {
        tracker.push(&Segment { at, flags, seq, ..syn() }, &mut |_, _| {});
    }
    tracker
}

/// What was said.
struct Told(Vec<Event>);

impl Told {
    /// `client text Hi`, a line a message.
    fn messages(&self) -> Vec<String> {
        self.timeline()
            .map(|TimelineMessage { sender, message, .. }| {
                let text = String::from_utf8_lossy(&message.payload);
                let odd = if message.incomplete() { " (incomplete)" } else { "" };
                format!("{sender:?} {} {text}{odd}", message.opcode.0)
            })
            .collect()
    }

    fn timeline(&self) -> impl Iterator<Item = &TimelineMessage> {
        self.0.iter().filter_map(|event| match &event.kind {
            EventKind::Message(message) => Some(message),
            _ => None,
        })
    }

    fn outcomes(&self) -> Vec<Outcome> {
        self.0
            .iter()
            .filter_map(|event| match &event.kind {
                EventKind::Opened(opening) => Some(opening.handshake.outcome),
                _ => None,
            })
            .collect()
    }

    /// Rules that were broken, but for what is said of the end: most scripts here just stop.
    fn rules(&self) -> Vec<(&str, Option<u64>)> {
        let findings = self.0.iter().filter_map(|event| match &event.kind {
            EventKind::Finding(finding) => Some((finding.rule.name, finding.message)),
            _ => None,
        });
        findings.filter(|(name, _)| *name != "tcp-closed-without-close").collect()
    }

    fn blames(&self) -> Vec<crate::rules::Blame> {
        let findings = self.0.iter().filter_map(|event| match &event.kind {
            EventKind::Finding(finding) => Some(finding.blame),
            _ => None,
        });
        findings.collect()
    }

    fn closes(&self) -> Vec<Option<Close>> {
        self.0
            .iter()
            .filter_map(|event| match &event.kind {
                EventKind::Closed(closing) => Some(closing.close.clone()),
                _ => None,
            })
            .collect()
    }
}

fn frame(first: u8, payload: &[u8], mask: Option<[u8; 4]>) -> Vec<u8> {
    let length = u8::try_from(payload.len()).ok().filter(|length| *length < 126);
    let bit = if mask.is_some() { 0x80 } else { 0 };
    let mut bytes = match length {
        Some(length) => vec![first, bit | length],
        None => [&[first, bit | 126][..], &u16::try_from(payload.len()).unwrap().to_be_bytes()].concat(),
    };
    match mask {
        None => bytes.extend(payload),
        Some(key) => {
            bytes.extend(key);
            bytes.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
        }
    }
    bytes
}

fn from_client(text: &str) -> Vec<u8> {
    // A key that is as good as random, and another one for each text.
    let key =
        text.bytes().fold(0x37fa_213d_u32, |key, byte| (key ^ u32::from(byte)).wrapping_mul(0x9e37_79b1));
    frame(0x81, text.as_bytes(), Some(key.to_be_bytes()))
}

fn from_server(text: &str) -> Vec<u8> {
    frame(0x81, text.as_bytes(), None)
}

#[test]
fn frames_in_the_segment_of_the_answer_are_not_lost() {
    let told = Fed::opened()
        .client(GET)
        .server(&[SWITCH, &from_server("Hi")].concat())
        .client(&from_client("Ho"))
        .end();
    assert_eq!(told.messages(), ["Server 1 Hi", "Client 1 Ho"]);
    assert_eq!(told.outcomes(), [Outcome::Accepted]);
    assert_eq!(told.rules(), [("handshake-server-data-coalesced", None)]);
}

#[test]
fn frames_sent_before_the_answer_wait_for_it() {
    let early = [GET, &from_client("early")].concat();
    let told = Fed::opened().client(&early).client(&from_client("too")).server(SWITCH).end();
    assert_eq!(told.messages(), ["Client 1 early", "Client 1 too"]);
    let packets: Vec<_> = told.timeline().map(|message| message.message.last.number).collect();
    assert_eq!(packets, [1, 2]);
}

#[test]
fn an_answer_that_the_file_shows_before_its_request_is_matched_all_the_same() {
    let told = Fed::opened()
        .server(&[SWITCH, &from_server("Hi")].concat())
        .client(GET)
        .client(&from_client("Ho"))
        .end();
    assert_eq!(told.outcomes(), [Outcome::Accepted]);
    assert_eq!(told.messages(), ["Server 1 Hi", "Client 1 Ho"]);
}

#[test]
fn a_refused_upgrade_and_the_next_try_are_two_connections() {
    let refusal =
        b"HTTP/1.1 426 Upgrade Required\r\nSec-WebSocket-Version: 13\r\nContent-Length: 4\r\n\r\nsee?";
    let told =
        Fed::opened().client(GET).server(refusal).client(GET).server(SWITCH).client(&from_client("Ho")).end();
    assert_eq!(told.outcomes(), [Outcome::Refused, Outcome::Accepted]);
    assert_eq!(told.rules(), [("handshake-rejected", None)]);
    assert!(told.closes()[0].is_none() && told.closes()[1].is_some());
    assert_eq!(told.messages(), ["Client 1 Ho"]);
}

#[test]
fn requests_and_bodies_before_the_upgrade_are_stepped_over() {
    let before = b"POST /a HTTP/1.1\r\nContent-Length: 5\r\n\r\nGET /HEAD /b HTTP/1.1\r\n\r\n";
    let answers = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n";
    let told = Fed::opened()
        .client(&[before, GET].concat())
        .server(&[answers, SWITCH, &from_server("Hi")].concat())
        .end();
    assert_eq!(told.outcomes(), [Outcome::Accepted]);
    assert_eq!(told.messages(), ["Server 1 Hi"]);
}

#[test]
fn a_websocket_inside_a_proxys_tunnel_is_followed() {
    let told = Fed::opened()
        .client(b"CONNECT chat.example:80 HTTP/1.1\r\nHost: chat.example:80\r\n\r\n")
        .server(b"HTTP/1.1 200 Connection established\r\n\r\n")
        .client(GET)
        .server(SWITCH)
        .server(&from_server("Hi"))
        .end();
    assert_eq!(told.messages(), ["Server 1 Hi"]);
    let EventKind::Opened(opening) = &told.0[0].kind else { panic!("{:?}", told.0) };
    assert_eq!(opening.tunnel.as_deref(), Some("chat.example:80"));
}

#[test]
fn an_upgrade_without_an_answer_says_how_tcp_ended_instead() {
    let told = Fed::opened().client(GET).end();
    assert_eq!(told.outcomes(), [Outcome::Unanswered]);
    assert_eq!(told.rules(), [("handshake-no-response", None)]);
    let Some(Some(end)) = told.closes().pop() else { panic!() };
    assert_eq!((end.initiator, end.how, end.code), (Initiator::Client, CloseHow::Fin, None));
}

#[test]
fn a_switch_to_another_protocol_is_no_websocket() {
    let told = Fed::opened()
        .client(GET)
        .server(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: tls/1.0\r\nConnection: Upgrade\r\n\r\n")
        .server(&from_server("Hi"))
        .end();
    assert_eq!(told.outcomes(), [Outcome::Invalid]);
    assert_eq!(told.messages(), Vec::<String>::new());
}

#[test]
fn a_hole_inside_a_payload_costs_only_that_message() {
    let long = from_server(&"x".repeat(200));
    let told = Fed::opened()
        .client(GET)
        .server(SWITCH)
        .server(&long[..50])
        .gap(Direction::Backward, 100)
        .server(&long[150..])
        .server(&from_server("Hi"))
        .end();
    assert_eq!(told.rules(), [("tcp-gap", None)]);
    assert!(told.messages()[0].ends_with("(incomplete)"));
    assert_eq!(told.messages()[1], "Server 1 Hi");
    assert_eq!(told.timeline().next().unwrap().message.missing_bytes, 100);
}

#[test]
fn behind_a_hole_over_a_header_reading_goes_on_at_the_next_frame_that_makes_sense() {
    let mut fed = Fed::opened();
    fed.client(GET).server(SWITCH).client(&from_client("before")).gap(Direction::Forward, 40);
    fed.client(b"\x00\x11garbage");
    for text in ["the first one after the hole", "the second one", "and a third that is longer"] {
        fed.client(&from_client(text));
    }
    let told = fed.end();
    assert_eq!(
        told.messages(),
        [
            "Client 1 before",
            "Client 1 the first one after the hole",
            "Client 1 the second one",
            "Client 1 and a third that is longer",
        ]
    );
    assert_eq!(told.rules(), [("tcp-gap", None), ("frame-desync", None)]);
    let resynchronised: Vec<_> = told.timeline().map(|message| message.message.resynchronised).collect();
    assert_eq!(resynchronised, [false, true, false, false]);
}

#[test]
fn without_a_handshake_frames_are_recognised_and_masking_says_who_is_the_client() {
    let mut fed = Fed::midstream();
    for text in ["a question of some length", "and one more to be certain"] {
        fed.server(&from_client(text)).client(&from_server("an answer that is plain text"));
    }
    let told = fed.end();
    assert_eq!(told.outcomes(), [Outcome::NotCaptured]);
    assert_eq!(told.messages().len(), 4);
    assert!(told.messages().contains(&"Client 1 a question of some length".to_owned()));
    let EventKind::Opened(opening) = &told.0[0].kind else { panic!("{:?}", told.0) };
    assert_eq!(opening.client.port, 80, "who masks is the client, whatever the port");
}

#[test]
fn a_finding_names_the_message_that_it_is_about() {
    let told =
        Fed::opened().client(GET).server(SWITCH).client(&from_client("a")).client(&from_server("b")).end();
    assert_eq!(told.rules(), [("frame-client-unmasked", Some(1))]);
}

#[test]
fn a_control_frame_between_fragments_does_not_take_their_findings() {
    let told = Fed::opened()
        .client(GET)
        .server(SWITCH)
        .server(&frame(0x41, b"a", None))
        .server(&frame(0x89, b"ping", None))
        .server(&frame(0x80, b"b", None))
        .end();
    assert_eq!(told.messages(), ["Server 9 ping", "Server 1 ab"]);
    assert_eq!(
        told.rules(),
        [("fragment-control-interleaved", Some(0)), ("frame-rsv1-unnegotiated", Some(1))]
    );
}

#[test]
fn the_close_says_who_began_it_and_whether_it_was_answered() {
    let close = |mask| frame(0x88, b"\x03\xe8bye", mask);
    let mut fed = Fed::opened();
    fed.client(GET).server(SWITCH).client(&close(Some([1, 2, 3, 4])));
    let told = fed.server(&close(None)).end();
    let Some(Some(end)) = told.closes().pop() else { panic!() };
    assert_eq!((end.initiator, end.how, end.code), (Initiator::Client, CloseHow::CloseHandshake, Some(1000)));
    assert_eq!(end.reason, "bye");

    let told = Fed::opened().client(GET).server(SWITCH).server(&close(None)).end();
    let Some(Some(end)) = told.closes().pop() else { panic!() };
    assert_eq!((end.initiator, end.how), (Initiator::Server, CloseHow::CloseUnanswered));

    let told = Fed::opened().client(GET).server(SWITCH).end();
    let Some(Some(end)) = told.closes().pop() else { panic!() };
    assert_eq!((end.initiator, end.how, end.code), (Initiator::Client, CloseHow::Fin, None));
}

#[test]
fn many_findings_of_one_rule_are_counted_beyond_the_limit() {
    let mut fed = Fed::opened();
    fed.options.limits.findings = 3;
    fed.client(GET).server(SWITCH);
    for _ in 0..10 {
        fed.client(&from_server("unmasked"));
    }
    let told = fed.end();
    let unmasked = told.rules().iter().filter(|(name, _)| *name == "frame-client-unmasked").count();
    assert_eq!(unmasked, 3);
    assert_eq!(told.rules().last(), Some(&("limit-reached", None)));
}

#[test]
fn a_payload_beyond_the_limit_is_cut_and_said_to_be() {
    let mut fed = Fed::opened();
    fed.options.limits.payload = 4;
    let told =
        fed.client(GET).server(SWITCH).server(&from_server("abcdefgh")).server(&from_server("ok")).end();
    assert_eq!(told.messages(), ["Server 1 abcd", "Server 1 ok"]);
    assert_eq!(told.rules(), [("limit-reached", Some(0))]);
    assert_eq!(told.timeline().next().unwrap().message.length, 8);
}

#[test]
fn what_is_no_http_is_let_go_at_once() {
    let mut fed = Fed::opened();
    assert!(fed.client(b"SSH-2.0-OpenSSH_9.2\r\n").connection.is_other());
    let mut fed = Fed::opened();
    assert!(fed.client(&[0x16, 3, 1, 2, 0, 1]).connection.is_other());
    assert_eq!(fed.out.protocols().tls, 1);
}

/// An answer that agrees to extensions.
fn switch_with(extensions: &str) -> Vec<u8> {
    let (head, _) = SWITCH.split_at(SWITCH.len() - 2);
    [head, format!("Sec-WebSocket-Extensions: {extensions}\r\n\r\n").as_bytes()].concat()
}

#[test]
fn bytes_are_counted_by_what_they_were_spent_on() {
    let hello = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    let switch = switch_with("permessage-deflate");
    let told = Fed::opened()
        .client(GET)
        .server(&switch)
        .client(&from_client("plain"))
        .server(&frame(0xc1, &hello, None))
        .server(&frame(0xc1, &[0xf2, 0x00, 0x11, 0x00, 0x00], None))
        .end();
    assert_eq!(told.messages(), ["Client 1 plain", "Server 1 Hello", "Server 1 Hello"]);
    let Some(EventKind::Closed(closing)) = told.0.last().map(|event| &event.kind) else { panic!() };
    let [client, server] = closing.traffic;
    assert_eq!((client.handshake_bytes, server.handshake_bytes), (GET.len() as u64, switch.len() as u64));
    assert_eq!((client.header_bytes(), client.masking_bytes, client.payload_bytes), (2, 4, 5));
    assert_eq!((server.header_bytes(), server.masking_bytes, server.payload_bytes), (4, 0, 12));
    assert_eq!((server.compressed_messages, server.compressed_bytes, server.inflated_bytes), (2, 12, 10));
    assert_eq!(
        told.rules(),
        [("handshake-extension-unrequested", None), ("deflate-negotiated-never-used", None)]
    );
}

#[test]
fn each_direction_has_the_window_that_was_agreed_for_it() {
    // 257 bytes back, after a block that holds as many
    let far = [&[0x00, 0x01, 0x01, 0xfe, 0xfe][..], &[b'a'; 257], &[0x02, 0x06, 0x00, 0x00]].concat();
    let told = Fed::opened()
        .client(GET)
        .server(&switch_with("permessage-deflate; server_max_window_bits=8; client_max_window_bits=9"))
        .client(&frame(0xc1, &far, Some([1, 2, 3, 4])))
        .server(&frame(0xc1, &far, None))
        .end();
    let rules: Vec<_> = told.rules().into_iter().filter(|(_, message)| message.is_some()).collect();
    assert_eq!(rules, [("deflate-window-exceeded", Some(1))]);
    assert!(told.timeline().all(|each| each.message.payload == [b'a'; 260]));
}

#[test]
fn a_stream_that_is_compressed_as_a_whole_has_no_messages() {
    let told = Fed::opened()
        .client(GET)
        .server(&switch_with("deflate-stream"))
        .client(&from_client("looks like a frame"))
        .gap(Direction::Forward, 3)
        .server(&from_server("looks like a frame"))
        .end();
    assert_eq!(told.messages(), [""; 0]);
    let rules: Vec<_> = told.rules().into_iter().map(|(rule, _)| rule).collect();
    assert!(rules.contains(&"deflate-stream-legacy") && !rules.contains(&"desync"), "{rules:?}");
}

#[test]
fn messages_of_channels_are_shown_as_they_stand_and_their_channels_listed() {
    let told = Fed::opened()
        .client(GET)
        .server(&switch_with("mux"))
        .client(&frame(0x82, &[1, 0x81, b'a'], Some([1, 2, 3, 4])))
        .server(&frame(0x82, &[2, 0x81, b'b'], None))
        .end();
    assert_eq!(told.messages(), ["Client 2 \u{1}\u{fffd}a", "Server 2 \u{2}\u{fffd}b"]);
    assert_eq!(told.rules().last(), Some(&("mux-extension", None)));
}
