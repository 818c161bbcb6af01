//! Captures that lack packets.

use serde_json::Value;
use wspect::packet::Side;

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
