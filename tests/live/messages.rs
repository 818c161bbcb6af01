use std::time::SystemTime;

use serde_json::Value;

use crate::network::Network;
use crate::peers::{Log, Peer};
use crate::relay::Relay;
use crate::watcher::{Watcher, messages};

#[test]
fn every_message_on_the_wire_is_what_the_endpoints_logged() {
    let Some(network) = Network::new() else { return };
    compare(&network, &[]);
}

#[test]
fn every_packet_alone_gives_the_same() {
    let Some(network) = Network::new() else { return };
    compare(&network, &["--immediate", "--snaplen", "70000"]);
}

#[test]
fn a_link_that_loses_and_reorders_loses_no_message() {
    let Some(network) = Network::with_middle() else { return };
    let relay = Relay::start(&network);
    compare(&network, &[]);
    relay.stop();
}

fn compare(network: &Network, arguments: &[&str]) {
    let mut logged = Log::new();
    let server = Peer::server(network);
    let mut watcher = Watcher::start(network, arguments);
    Peer::client(network, &["chat", "10"]).finish(&mut logged);
    let mut ended = 0;
    let mut latest = 0;
    let mut lines = watcher.until(|line| {
        latest = latest.max(lateness(line));
        ended += usize::from(line["event"] == "connection_end");
        ended == 10
    });
    lines.extend(watcher.interrupt());
    server.stop(&mut logged);
    let seen = messages(&lines);
    assert_eq!(seen.keys().collect::<Vec<_>>(), logged.keys().collect::<Vec<_>>());
    for (port, [client, server]) in &logged {
        assert_eq!(seen[port][0], *client, "from the client at port {port}");
        assert_eq!(seen[port][1], *server, "from the server to port {port}");
    }
    let all: usize = logged.values().flatten().map(Vec::len).sum();
    println!("{all} messages of 10 connections, the latest line {latest} ms after its packet");
}

/// Milliseconds from a message's packet to now.
fn lateness(line: &Value) -> i128 {
    if line["event"] != "message" {
        return 0;
    }
    let time: jiff::Timestamp = line["time"].as_str().unwrap().parse().unwrap();
    jiff::Timestamp::try_from(SystemTime::now()).unwrap().duration_since(time).as_millis()
}

#[test]
fn of_a_flood_every_packet_is_analysed_or_counted_as_dropped() {
    let Some(network) = Network::new() else { return };
    let server = Peer::server(&network);
    let before = network.packets("server");
    let watcher = Watcher::start(&network, &["--payload", "none"]);
    let reading = std::thread::spawn(move || {
        let mut watcher = watcher;
        let lines = watcher.until(|line| line["event"] == "connection_end");
        (watcher, lines)
    });
    Peer::client(&network, &["flood", &FLOOD.to_string()]).finish(&mut Log::new());
    let (watcher, mut lines) = reading.join().unwrap();
    server.stop(&mut Log::new());
    let sent = network.packets("server") - before;
    lines.extend(watcher.interrupt());
    let (read, kernel, own) = counted(&lines);
    let messages = lines.iter().filter(|line| line["event"] == "message" && line["type"] == "text").count();
    println!("{sent} packets on the wire: {read} analysed, {kernel} dropped by the kernel, {own} by wspect");
    println!("{FLOOD} messages sent: {messages} analysed");
    assert_eq!(read + kernel + own, sent);
    if kernel + own == 0 {
        assert_eq!(messages, FLOOD + 1);
    }
}

/// A capture that gets no processor for a while, as on a machine that is overloaded: the kernel drops, and says so.
#[test]
fn of_a_flood_that_the_kernel_had_to_drop_every_packet_is_counted() {
    let Some(network) = Network::new() else { return };
    let server = Peer::server(&network);
    let before = network.packets("server");
    let watcher = Watcher::start(&network, &["--payload", "none", "--buffer-size", "1MiB"]);
    watcher.signal("-STOP");
    Peer::client(&network, &["flood", &FLOOD.to_string()]).finish(&mut Log::new());
    server.stop(&mut Log::new());
    let sent = network.packets("server") - before;
    watcher.signal("-CONT");
    let lines = watcher.interrupt();
    let (read, kernel, own) = counted(&lines);
    println!("{sent} packets on the wire: {read} analysed, {kernel} dropped by the kernel, {own} by wspect");
    assert!(kernel > 0 && read > 0);
    assert_eq!(read + kernel + own, sent);
}

/// Packets that were analysed, and those that the kernel and wspect say to have dropped.
fn counted(lines: &[Value]) -> (u64, u64, u64) {
    let read = lines[lines.len() - 1]["packets"].as_u64().unwrap();
    let dropped = |whose: &str| -> u64 {
        let details = lines.iter().filter(|line| line["rule"] == "capture-dropped-packets");
        let details =
            details.filter_map(|line| line["detail"].as_str()).filter(|detail| detail.contains(whose));
        details.map(|detail| detail.split(' ').next().unwrap().parse::<u64>().unwrap()).sum()
    };
    (read, dropped("while the capture was made"), dropped("by wspect"))
}

const FLOOD: usize = 100_000;
