//! Captures that lack packets.

use std::cell::Cell;
use std::io::Cursor;
use std::ops::ControlFlow;
use std::rc::Rc;

use serde_json::Value;
use wspect::capture::{CaptureError, Inputs, Next, Position, Source, from_reader};
use wspect::connection::Options;
use wspect::event::{Event, EventKind, Sink};
use wspect::packet::{CaptureInfo, NANOS_PER_SECOND, Packet, Side, Timestamp};
use wspect::pipeline;

use super::support::{Scenario, Wire, binary, close, ping, pong, stdout_of, text, wspect};

#[test]
fn behind_a_hole_packets_tell_who_closed_and_in_which_order_messages_stand() {
    let script =
        chat().client(text("a")).client(text("lost")).client(text("b")).client(close(4001, "kicked"));
    let document = without(7, script.server(close(4001, "kicked")).fin());
    let connection = &document["connections"][0];
    let close = &connection["close"];
    assert_eq!((&close["initiator"], &close["how"]), (&"client".into(), &"close_handshake".into()));
    assert_eq!((&close["code"], &close["reason"]), (&4001.into(), &"kicked".into()));
    let messages = connection["messages"].as_array().unwrap();
    let said: Vec<_> =
        messages.iter().map(|message| (message["direction"].as_str(), message["type"].as_str())).collect();
    let [client, server] = [Some("client_to_server"), Some("server_to_client")];
    assert_eq!(
        said,
        [(client, Some("text")), (client, Some("text")), (client, Some("close")), (server, Some("close"))]
    );
    assert_eq!(close["last_message"], messages[1]["index"]);
    let blamed = findings(connection).find(|finding| finding["rule"] == "close-abnormal-code").unwrap();
    assert_eq!((&blamed["blame"], &blamed["message"]), (&"client".into(), &messages[2]["index"]));
}

#[test]
fn what_acknowledges_a_close_whose_end_was_lost_does_not_stand_before_it() {
    let close_frame = close(1000, "bye bye").bytes(Side::Client, [1, 2, 3, 4]);
    let (begun, lost) = close_frame.split_at(8);
    let script = chat().client(text("a")).server(text("b")).client(begun).client(lost);
    let script = ["c", "d", "e"].into_iter().fold(script, |script, said| script.server(text(said)));
    let script = (0..40).fold(script, |script, _| script.ack(Side::Server));
    let document = without(9, script.server(close(1000, "")).fin());
    let connection = &document["connections"][0];
    let told = &connection["close"];
    assert_eq!(connection["messages"][1]["text"], "b", "{connection}");
    assert_eq!((&told["last_message"], &told["silence_ns"]), (&1.into(), &1_000_000.into()), "{told}");
}

#[test]
fn a_message_whose_end_was_lost_stands_before_the_close_behind_it() {
    let cut = text("a message of which the end is lost").bytes(Side::Client, [1, 2, 3, 4]);
    let (begun, lost) = cut.split_at(20);
    let script = chat().client(text("a")).server(text("b")).client(begun).client(lost);
    let script = script.client(close(1000, ""));
    let script = (0..40).fold(script, |script, _| script.ack(Side::Server));
    let document = without(9, script.server(close(1000, "")).fin());
    let told = &document["connections"][0]["close"];
    assert_eq!((&told["last_message"], &told["silence_ns"]), (&2.into(), &1_000_000.into()), "{told}");
}

#[test]
fn the_table_shows_a_message_whose_end_was_lost_where_it_was_seen() {
    let cut = text("a message of which the end is lost").bytes(Side::Client, [1, 2, 3, 4]);
    let (begun, lost) = cut.split_at(20);
    let script = chat().client(begun).client(lost).client(close(1000, "")).ack(Side::Server);
    let pcap = script.server(close(1000, "")).fin().wire(Wire::new().lost(7..=7)).pcap();
    let table = stdout_of(wspect().args(["read", "-"]).write_stdin(pcap));
    let row = |part: &str| table.find(part).unwrap();
    assert!(row("→ text") < row("→ close") && row("→ close") < row("← close"), "{table}");
}

#[test]
fn where_the_opening_sets_free_what_came_later_the_message_before_a_close_is_known_all_the_same() {
    for first in [4, 1] {
        let script = chat().server(text("a")).server(text("lost"));
        let script = (0..8).fold(script, |script, n| script.server(text(&format!("server says {n}"))));
        let script = script.client(text("b")).client(text("c")).server(close(1000, "bye")).client(text("d"));
        let script = (0..40).fold(script, |script, _| script.ack(Side::Client)).client(text("e"));
        let wire = Wire::new().lost(1..=first - 1).lost(7..=7);
        let document = document(&script.fin_by(Side::Server).wire(wire));
        let connection = &document["connections"][0];
        let told = &connection["close"];
        let last = told["last_message"].as_u64().and_then(|index| {
            connection["messages"].as_array()?.iter().find(|message| message["index"] == index)
        });
        let said = last.map(|message| &message["text"]);
        assert_eq!(
            (said, &told["silence_ns"]),
            (Some(&"c".into()), &1_000_000.into()),
            "{first} {connection}"
        );
    }
}

#[test]
fn before_a_close_that_is_found_at_last_stands_the_message_that_came_before_it() {
    let script = chat().client(text("a")).client(text("lost")).server(text("b")).client(close(1000, ""));
    let script = (0..40).fold(script, |script, _| script.ack(Side::Server));
    let script = script.server(text("c")).server(text("d")).server(text("e")).server(text("f"));
    // Where the frames of the client go on is searched to the end. A repetition, and TCP lacks nothing.
    let wire = Wire::new().lost(7..=7).duplicated(51);
    let document = document(&script.fin_by(Side::Server).wire(wire));
    let told = &document["connections"][0]["close"];
    assert_eq!((&told["code"], &told["last_message"]), (&1000.into(), &1.into()), "{told}");
    assert_eq!(told["silence_ns"], 1_000_000, "{told}");
}

#[test]
fn a_connection_whose_end_is_missing_ends_with_its_own_packets_where_its_ports_are_taken_again() {
    let script = chat().client(text("a")).server(text("b")).wait(300 * NANOS_PER_SECOND);
    let document = document(&script.next_life().open().upgrade("/").client(text("c")).fin());
    let [before, _] = &document["connections"].as_array().unwrap()[..] else { panic!("{document}") };
    let told = &before["close"];
    assert_eq!(
        (&told["packet"], &told["last_message"], &told["silence_ns"]),
        (&7.into(), &1.into(), &0.into())
    );
    assert_eq!(
        (&before["end_time"], &told["how"]),
        (&before["messages"][1]["time"], &"capture_ended".into())
    );
}

#[test]
fn a_pong_whose_ping_stands_behind_a_hole_is_an_answer() {
    let script = chat().client(text("a")).client(text("lost")).client(ping("p")).server(pong("p"));
    let document = without(7, script.client(close(1000, "")).server(close(1000, "")).fin());
    assert_eq!(rules(&document["connections"][0]), ["tcp-gap"]);
}

#[test]
fn a_pong_behind_a_hole_is_the_answer_to_an_earlier_ping() {
    let script = chat().client(text("a")).server(ping("p")).client(text("lost")).client(pong("p"));
    let document = without(8, script.server(close(1000, "")).client(close(1000, "")).fin());
    assert_eq!(rules(&document["connections"][0]), ["tcp-gap"]);
}

#[test]
fn a_hole_in_the_opening_handshake_is_told() {
    let script = (0..4).fold(chat(), |script, n| {
        script.server(text(&format!("message {n}"))).client(text(&format!("answer {n}")))
    });
    let script = script.client(close(1000, "")).server(close(1000, "")).fin();
    for (packet, known) in [(4, "response"), (5, "request")] {
        let document = without(packet, script.clone());
        let connection = &document["connections"][0];
        assert!(connection["handshake"][known].is_object(), "{connection}");
        assert!(rules(connection).contains(&"tcp-gap".to_owned()), "{connection}");
    }
}

#[test]
fn who_closed_is_unknown_where_a_side_was_never_read() {
    // With the handshake, the header of the server's only message is lost.
    let script = (0..20).fold(chat().server(binary([7; 30_000])), |script, n| {
        script.client(text(&format!("message {n}"))).ack(Side::Server)
    });
    let script = script.client(close(1000, "")).fin();
    let script = script.wire(Wire::new().segments_of(1400).lost(4..=6));
    let document = document(&script);
    let close = &document["connections"][0]["close"];
    assert_eq!((&close["initiator"], &close["how"]), (&"unknown".into(), &"close_answer_unknown".into()));
}

/// Three packets of TCP, and two of HTTP.
fn chat() -> Scenario {
    Scenario::new().upgrade("/")
}

fn without(packet: usize, script: Scenario) -> Value {
    document(&script.wire(Wire::new().lost(packet..=packet)))
}

fn document(script: &Scenario) -> Value {
    let mut command = wspect();
    command.args(["read", "-", "--format", "json"]).write_stdin(script.pcap());
    serde_json::from_str(&stdout_of(&mut command)).unwrap()
}

fn findings(connection: &Value) -> impl Iterator<Item = &Value> {
    connection["findings"].as_array().unwrap().iter()
}

/// What is broken, but for what every script here breaks.
fn rules(connection: &Value) -> Vec<String> {
    let names = findings(connection).map(|finding| finding["rule"].as_str().unwrap().to_owned());
    names.filter(|name| name != "client-closed-tcp-first").collect()
}

/// Who watches a network sees what stands behind a hole although nothing follows.
#[test]
fn in_a_quiet_connection_a_hole_is_waited_for_as_long_as_time_says() {
    let quiet = chat().client(text("a")).client(binary([7; 3000])).client(text("b"));
    let acknowledged = quiet.clone().ack(Side::Server);
    for (script, waits) in [(acknowledged, 1), (quiet, 31)] {
        // The hole is in the middle of the second message.
        let capture = script.wire(Wire::new().segments_of(1000).lost(8..=8)).pcap();
        assert_eq!(watched(&capture, 10 * waits - 1), ["a"], "before {waits} s");
        assert_eq!(watched(&capture, 10 * waits + 1), ["a", "tcp-gap", "3000 bytes", "b"], "after {waits} s");
    }
}

#[test]
fn in_a_quiet_connection_whose_beginning_is_missing_the_first_frames_are_told_in_time() {
    let script = chat().client(text("a message that is long enough")).client(text("and another such one"));
    let capture = script.wire(Wire::new().lost(1..=5)).pcap();
    assert_eq!(watched(&capture, 9), [""; 0]);
    let told = watched(&capture, 11);
    assert!(told.contains(&"and another such one".to_owned()), "{told:?}");
}

/// What is said of a capture that goes on in silence for so many tenths of a second, before it ends.
fn watched(capture: &[u8], tenths: i64) -> Vec<String> {
    let mut options = Options::default();
    options.limits.hole_time = NANOS_PER_SECOND;
    options.limits.reorder_packets = 8;
    let packets = from_reader("quiet", Cursor::new(capture.to_vec()), &options.limits).unwrap();
    let has_ended = Rc::new(Cell::new(false));
    let mut source = Quiet {
        packets,
        last: Timestamp::default(),
        pauses: 1..tenths + 1,
        has_ended: Rc::clone(&has_ended),
    };
    let mut said = Said { told: Vec::new(), has_ended };
    pipeline::analyze(&mut source, &options, &mut said).unwrap();
    said.told
}

/// What is said before the capture ends, when all that waits comes out.
struct Said {
    told: Vec<String>,
    has_ended: Rc<Cell<bool>>,
}

impl Sink for Said {
    fn event(&mut self, event: Event) -> ControlFlow<()> {
        match event.kind {
            _ if self.has_ended.get() => {}
            EventKind::Message(message) => self.told.push(match message.message.text() {
                Some(text) => String::from_utf8_lossy(text).into_owned(),
                None => format!("{} bytes", message.message.length),
            }),
            EventKind::Finding(finding) if finding.rule.name == "tcp-gap" => {
                self.told.push("tcp-gap".to_owned());
            }
            EventKind::Finding(_) | EventKind::Opened(_) | EventKind::Closed(_) => {}
        }
        ControlFlow::Continue(())
    }
}

/// A capture as a network that falls silent gives it.
struct Quiet {
    packets: Inputs,
    last: Timestamp,
    pauses: std::ops::Range<i64>,
    has_ended: Rc<Cell<bool>>,
}

impl Source for Quiet {
    fn next_packet(&mut self) -> Result<Option<Packet<'_>>, CaptureError> {
        self.packets.next_packet()
    }

    fn next(&mut self) -> Result<Option<Next<'_>>, CaptureError> {
        if let Some(packet) = self.packets.next_packet()? {
            self.last = packet.at.time;
            return Ok(Some(Next::Packet(packet)));
        }
        let pause = self.pauses.next();
        self.has_ended.set(pause.is_none());
        Ok(pause.map(|tenths| Next::Pause(self.last.saturating_add(tenths * NANOS_PER_SECOND / 10))))
    }

    fn inputs(&self) -> Vec<CaptureInfo> {
        self.packets.inputs()
    }

    fn position(&self) -> Position {
        self.packets.position()
    }
}
