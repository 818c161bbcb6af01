//! What must hold however the bytes of a conversation are cut, ordered and wrapped.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::Value;
use wspect::packet::Side;

use super::support::{
    Encapsulation, Frame, IpVersion, Scenario, Upgrade, Wire, binary, close, ndjson_of, ping, pong, text,
};

/// What is said of the traffic and of each message, and does not depend on packets and times: first all of one
/// direction, then all of the other, since packets that change places change how the directions interleave.
fn messages(capture: &[u8]) -> Vec<String> {
    let mut lines = ndjson_of(capture);
    lines.retain(|line| line["event"] == "message" || line["event"] == "connection_end");
    lines.sort_by_key(|line| line["direction"].as_str().map(str::to_owned));
    lines.iter().map(essence).collect()
}

/// Only what the endpoints said, and whether all of it was seen. Who closed first is left out: that is told by
/// the order of packets.
fn essence(line: &Value) -> String {
    let names: &[&str] = match line["event"].as_str() {
        Some("message") => MESSAGE_FIELDS,
        _ => &["traffic"],
    };
    names.iter().filter_map(|name| line.get(name).map(|value| format!("{name}={value} "))).collect()
}

const MESSAGE_FIELDS: &[&str] = &[
    "direction",
    "type",
    "length",
    "wire_length",
    "frames",
    "compressed",
    "text",
    "base64",
    "close",
    "incomplete",
];

/// The messages that are whole and whose place is beyond doubt.
fn sure_messages(lines: &[Value]) -> Vec<String> {
    let sure = lines.iter().filter(|line| {
        let doubtful = ["incomplete", "resynchronised", "undecoded"];
        line["event"] == "message" && doubtful.iter().all(|name| line.get(name).is_none())
    });
    sure.map(essence).collect()
}

/// An error that the client or the server is said to have made.
fn is_blame(line: &Value) -> bool {
    line["event"] == "finding" && line["severity"] == "error" && line["blame"] != "capture"
}

/// What the messages of the conversation are without any disturbance.
fn undisturbed(script: &Scenario) -> Vec<String> {
    messages(&script.pcap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn any_segmentation_gives_the_same_messages(
        said in conversation(),
        size in prop_oneof![1..20_usize, 20..2000_usize],
        ip in prop_oneof![Just(IpVersion::V4), Just(IpVersion::V6)],
    ) {
        let script = script(&said);
        let expected = undisturbed(&script);
        prop_assert_eq!(expected.len(), said.len() + 3, "two Close frames and the traffic");
        let cut = script.clone().wire(Wire::new().segments_of(size).ip(ip)).pcap();
        prop_assert_eq!(messages(&cut), expected.clone());
        let coalesced = script.wire(Wire::new().coalesced().segments_of(size).ip(ip)).pcap();
        prop_assert_eq!(messages(&coalesced), expected);
    }

    #[test]
    fn any_order_within_a_window_gives_the_same_messages(
        said in conversation(),
        size in 1..400_usize,
        window in 2..=16_usize,
        seed: u64,
        every in 2..10_usize,
    ) {
        let script = script(&said);
        let expected = undisturbed(&script);
        let shuffled = Wire::new().segments_of(size).shuffled(window, seed);
        prop_assert_eq!(messages(&script.clone().wire(shuffled.clone()).pcap()), expected.clone());
        prop_assert_eq!(messages(&script.wire(shuffled.duplicated(every)).pcap()), expected);
    }

    #[test]
    fn any_initial_sequence_number_gives_the_same_messages(
        said in conversation(),
        client in near_the_end(),
        server in near_the_end(),
    ) {
        let script = script(&said);
        let expected = undisturbed(&script);
        let wrapped = script.wire(Wire::new().initial_sequence(client, server).segments_of(50)).pcap();
        prop_assert_eq!(messages(&wrapped), expected);
    }

    #[test]
    fn any_bytes_after_the_upgrade_end_in_a_report(client: Vec<u8>, server: Vec<u8>, seed: u64) {
        let script = Scenario::new().upgrade("/").client(client).server(server).fin();
        let lines = ndjson_of(&script.wire(Wire::new().segments_of(9).shuffled(4, seed)).pcap());
        prop_assert_eq!(&lines[lines.len() - 1]["event"], "totals");
    }

    #[test]
    fn whatever_is_lost_nothing_is_invented_and_nobody_blamed(
        said in conversation(),
        lost in vec(1..80_usize, 1..8),
        size in 20..400_usize,
    ) {
        let script = script(&said);
        let mut left = sure_messages(&ndjson_of(&script.pcap()));
        let wire = lost.iter().fold(Wire::new().segments_of(size), |wire, at| wire.lost(*at..=*at));
        let lines = ndjson_of(&script.wire(wire).pcap());
        for message in sure_messages(&lines) {
            let place = left.iter().position(|known| *known == message);
            prop_assert!(place.is_some(), "nobody said, or not so often: {message}\n{lines:#?}");
            place.map(|place| left.remove(place));
        }
        let blamed: Vec<_> = lines.iter().filter(|line| is_blame(line)).collect();
        prop_assert!(blamed.is_empty(), "{blamed:#?}\n{lines:#?}");
    }

    #[test]
    fn whatever_is_lost_before_the_opening_no_answer_is_held_against_another_request(
        before in vec(before_the_opening(), 0..5),
        said in conversation(),
        lost in vec(1..60_usize, 1..8),
        size in 40..400_usize,
    ) {
        let script = talk(before.iter().zip(1..).fold(Scenario::new().open(), tried), &said);
        let mut left = sure_messages(&ndjson_of(&script.pcap()));
        let wire = lost.iter().fold(Wire::new().segments_of(size), |wire, at| wire.lost(*at..=*at));
        let lines = ndjson_of(&script.wire(wire).pcap());
        for message in sure_messages(&lines) {
            let place = left.iter().position(|known| *known == message);
            prop_assert!(place.is_some(), "nobody said, or not so often: {message}\n{lines:#?}");
            place.map(|place| left.remove(place));
        }
        let blamed: Vec<_> = lines.iter().filter(|line| is_blame(line)).collect();
        prop_assert!(blamed.is_empty(), "{blamed:#?}\n{lines:#?}");
    }

    #[test]
    fn any_loss_ends_in_a_report(
        said in conversation(),
        first in 1..60_usize,
        length in 0..20_usize,
        snap_length in 40..400_usize,
    ) {
        let script = script(&said);
        let wire = Wire::new().segments_of(40).lost(first..=first + length).snap_length(snap_length);
        let lines = ndjson_of(&script.wire(wire).pcap());
        prop_assert_eq!(&lines[lines.len() - 1]["event"], "totals");
    }
}

#[test]
fn any_encapsulation_gives_the_same_messages() {
    let script = script(&[
        said_by(Side::Client, vec![text("LUOZHOU")]),
        said_by(Side::Server, text("Hello, LUOZHOU").fragments(6)),
        said_by(Side::Server, vec![binary([0xaa; 500])]),
    ]);
    let expected = undisturbed(&script);
    assert_eq!(expected.len(), 6);
    for ip in [IpVersion::V4, IpVersion::V6] {
        for over in Encapsulation::ALL {
            let wrapped = script.clone().over(over).wire(Wire::new().ip(ip).segments_of(100));
            assert_eq!(messages(&wrapped.pcap()), expected, "{over:?} in {ip:?}");
            let shuffled = script.clone().over(over).wire(Wire::new().ip(ip).shuffled(8, 5));
            assert_eq!(messages(&shuffled.pcap()), expected, "{over:?} in {ip:?}, shuffled");
        }
    }
}

/// One message, in the frames that carry it.
#[derive(Clone, Debug)]
struct Said {
    by: Side,
    frames: Vec<Frame>,
}

fn said_by(by: Side, frames: Vec<Frame>) -> Said {
    Said { by, frames }
}

/// What a client and a server do on a connection before it becomes a WebSocket.
#[derive(Clone, Copy, Debug)]
enum Before {
    Page,
    Refusal,
}

fn before_the_opening() -> impl Strategy<Value = Before> {
    prop_oneof![Just(Before::Page), Just(Before::Refusal)]
}

fn tried(script: Scenario, (before, number): (&Before, u64)) -> Scenario {
    let upgrade = match before {
        Before::Page => {
            let upgrade = Upgrade::new("/page").status_line("HTTP/1.1 200 OK");
            ["Upgrade", "Connection", "Sec-WebSocket-Key", "Sec-WebSocket-Version"]
                .iter()
                .fold(upgrade, |upgrade, name| upgrade.request(name, ""))
        }
        Before::Refusal => Upgrade::new("/chat").numbered(number).status_line("HTTP/1.1 401 Unauthorized"),
    };
    let plain = ["Upgrade", "Connection", "Sec-WebSocket-Accept"]
        .iter()
        .fold(upgrade, |upgrade, name| upgrade.response(name, ""));
    script.upgrade_as(&plain.response("Content-Length", "0"))
}

/// A whole conversation: permessage-deflate agreed, closed and taken down as it should be.
fn script(said: &[Said]) -> Scenario {
    talk(Scenario::new().open(), said)
}

fn talk(script: Scenario, said: &[Said]) -> Scenario {
    let extension = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
    let upgrade = Upgrade::new("/chat").agreed("Sec-WebSocket-Extensions", extension);
    let opened = script.upgrade_as(&upgrade);
    let talked = said.iter().fold(opened, |script, said| match said.by {
        Side::Client => script.client(said.frames.clone()),
        Side::Server => script.server(said.frames.clone()),
    });
    talked.client(close(1000, "bye")).server(close(1000, "")).fin()
}

fn conversation() -> impl Strategy<Value = Vec<Said>> {
    let side = prop_oneof![Just(Side::Client), Just(Side::Server)];
    vec((side, message()).prop_map(|(by, frames)| said_by(by, frames)), 1..8)
}

fn message() -> impl Strategy<Value = Vec<Frame>> {
    let short = || vec(any::<u8>(), 0..125);
    prop_oneof![
        "\\PC{0,60}".prop_map(|said| vec![text(&said)]),
        "\\PC{0,60}".prop_map(|said| vec![text(&said).deflated()]),
        ("\\PC{2,60}", 1..20_usize).prop_map(|(said, size)| text(&said).fragments(size)),
        ("\\PC{2,60}", 1..20_usize).prop_map(|(said, size)| text(&said).deflated().fragments(size)),
        vec(any::<u8>(), 100..300).prop_map(|said| vec![binary(said)]),
        short().prop_map(|said| vec![ping(said)]),
        short().prop_map(|said| vec![pong(said)]),
    ]
}

/// Numbers that wrap during the conversation, and any others.
fn near_the_end() -> impl Strategy<Value = u32> {
    prop_oneof![(0..1000_u32).prop_map(|before| u32::MAX - before), any::<u32>()]
}
