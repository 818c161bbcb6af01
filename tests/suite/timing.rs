//! The figures of `statistics`: exact ones of captures made for them, and those of recorded ones against tshark.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use wspect::connection::Options;
use wspect::document::{Document, Extent};
use wspect::packet::Side::Server;

use super::support::{
    Scenario, Upgrade, binary, close, continuation, ndjson_of, ping, pong, read_json, stdout_of, testdata,
    text, wspect,
};

const MILLI: i64 = 1_000_000;
const SECOND: i64 = 1000 * MILLI;

#[test]
fn a_silence_before_which_no_message_came_is_told_from_the_opening() {
    for (script, since) in [
        (Scenario::new().upgrade("/"), "30.0 s after the opening"),
        (Scenario::new().upgrade("/").client(text("a")), "30.0 s after the last message"),
    ] {
        let lines = ndjson_of(&script.wait(30 * SECOND).fin().pcap());
        let told = |rule: &str| {
            let finding = lines.iter().find(|line| line["rule"] == rule);
            finding.and_then(|finding| finding["detail"].as_str()).unwrap_or_default()
        };
        for rule in ["tcp-closed-without-close", "connection-idle-timeout-suspected"] {
            assert!(told(rule).contains(since), "{rule}: {}", told(rule));
        }
    }
}

#[test]
fn what_stands_behind_a_large_message_waits_for_its_end() {
    let document = read_json(&committed("24_head_of_line.pcap", &head_of_line()));
    let slow = &document["connections"][0]["statistics"];
    assert_eq!(slow["handshake_ns"], MILLI);
    // A packet a millisecond: the frame takes the packets 6 and 8, the Ping is 7, its Pong 9, and 20 ms pass in between.
    let server = &slow["server_to_client"];
    assert_eq!(server["transfer_ns"], alone(22 * MILLI));
    assert_eq!(server["delayed_pongs"], json!({"count": 1, "longest_ns": 21 * MILLI}));
    assert_eq!(server["message_length"], alone(3000));
    assert_eq!(server.get("interleaved_control_frames"), None);
    // The fragments are in the packets 10 and 12, with a Ping of their sender in 11 that 13 answers.
    let client = &slow["client_to_server"];
    assert_eq!(client["transfer_ns"], alone(2 * MILLI));
    assert_eq!(client["interleaved_control_frames"], 1);
    assert_eq!(client.get("delayed_pongs"), None);
    let [quick, slow] = [2 * MILLI, 22 * MILLI];
    assert_eq!(
        client["round_trip_ns"],
        json!({"count": 2, "min": quick, "p50": quick, "p90": slow, "p99": slow, "max": slow})
    );
    let other = &document["connections"][1]["statistics"];
    assert_eq!(other["client_to_server"]["round_trip_ns"], alone(MILLI));
    assert_eq!(other["server_to_client"], Value::Null, "a Pong alone is nothing to tell");
}

#[test]
fn a_receiver_without_room_is_told_with_the_bytes_that_waited() {
    let document = read_json(&committed("24_zero_window.pcap", &zero_window()));
    let of = &document["connections"][0]["statistics"];
    let told = json!({"count": 2, "total_ns": 2502 * MILLI, "longest_ns": 2001 * MILLI});
    assert_eq!(of["client_to_server"]["zero_window"], told);
    assert_eq!(of["server_to_client"].get("zero_window"), None);
    // Three messages: one half a second before the second, and two seconds between that and the third.
    let rates = &of["client_to_server"]["messages_per_second"];
    assert_eq!([&rates["count"], &rates["min"], &rates["max"]], [2, 1, 2].map(Value::from).each_ref());
}

#[test]
fn a_client_that_comes_back_is_told_with_its_waits() {
    let document = read_json(&committed("24_reconnects.pcap", &reconnects()));
    let reconnects = document["totals"]["statistics"]["reconnects"].as_array().unwrap();
    let told = |again: &Value| [&again["path"], &again["backoff"], &again["connections"]].map(Value::clone);
    assert_eq!(reconnects.len(), 2);
    assert_eq!(told(&reconnects[0]), [json!("/live"), json!("growing"), json!(4)]);
    // From the answer that refuses: three packets end TCP, and the next is the SYN.
    let of = &reconnects[0]["interval_ns"];
    let [one, two, four] = [1, 2, 4].map(|seconds| seconds * SECOND + 4 * MILLI);
    assert_eq!([&of["min"], &of["p50"], &of["max"]], [one, two, four].map(|nanos| json!(nanos)).each_ref());
    assert_eq!(told(&reconnects[1]), [json!("/eager"), json!("immediate"), json!(3)]);
    assert_eq!(reconnects[1]["interval_ns"]["max"], 4 * MILLI);
    let again = ndjson_of(&self::reconnects().pcap());
    assert_eq!(again.last().unwrap()["statistics"], document["totals"]["statistics"]);
}

#[test]
fn connections_that_are_too_many_to_compare_are_counted() {
    let mut options = Options::default();
    options.limits.reconnects = 0;
    let capture = committed("24_reconnects.pcap", &reconnects()).to_string_lossy().into_owned();
    let mut source = wspect::capture::open(&[capture], &options.limits).unwrap();
    let document = Document::of(&mut source, &options, Extent::WithoutMessages).unwrap();
    assert_eq!(document.totals.reconnects, []);
    let [reached] = document.findings.as_slice() else { unreachable!("one limit") };
    assert_eq!(reached.rule.name, "limit-reached");
    assert!(
        reached.detail.starts_with("7 connections were not looked at for reconnects"),
        "{}",
        reached.detail
    );
}

#[test]
fn the_table_has_a_block_for_each_connection_and_one_for_those_that_came_back() {
    let table = |name: &str, columns: &str| {
        stdout_of(wspect().arg("read").arg(testdata(name)).arg("--statistics").env("COLUMNS", columns))
    };
    for columns in ["60", "80", "200"] {
        let shown = table("24_head_of_line.pcap", columns);
        assert!(shown.contains("↑ Ping to Pong"), "{shown}");
        assert!(shown.contains("↓ 1 Pong waited for the end of a message, at most 21.0 ms"), "{shown}");
        assert!(shown.contains("↑ 1 control frame between the fragments of a message"), "{shown}");
        let widest = shown.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(widest <= columns.parse().unwrap(), "{shown}");
    }
    let shown = table("24_reconnects.pcap", "200");
    assert!(
        shown.contains(
            "/live (Host server.example.com) · 4 connections · 3 times again, after 1.00 s to 4.00 s"
        ),
        "{shown}"
    );
    assert!(shown.contains("growing: a backoff"), "{shown}");
    let without = stdout_of(wspect().arg("read").arg(testdata("24_reconnects.pcap")));
    assert!(!without.contains("Reconnects") && !without.contains("median"), "{without}");
    assert!(table("24_zero_window.pcap", "200").contains("the server had no room 2 times: 2.50 s in all"));
}

#[test]
fn expressions_reach_the_figures_of_the_capture() {
    let expects = |name: &str, expression: &str| {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("figures.toml");
        std::fs::write(&path, format!("[[expect]]\nname = \"it holds\"\nexpr = \"{expression}\"\n")).unwrap();
        wspect().arg("check").arg(testdata(name)).arg("--expect").arg(path).assert().success();
    };
    expects("24_reconnects.pcap", "totals.statistics.reconnects.exists(r, r.backoff == 'growing')");
    expects(
        "24_reconnects.pcap",
        "totals.statistics.reconnects.all(r, r.server.port > 0 && r.interval_ns.count > 1)",
    );
    expects(
        "24_zero_window.pcap",
        "connections.all(c, c.statistics.client_to_server.zero_window.count == 2)",
    );
    expects("24_zero_window.pcap", "!has(totals.statistics.reconnects)");
}

#[test]
fn where_frames_were_lost_no_figure_is_made_up() {
    let script = || {
        let opened = Scenario::new().upgrade("/").client(text("one")).client(text("two"));
        opened.client(ping("a")).server(pong("a")).client(text("three")).client(text("four"))
    };
    let figures = |script: Scenario| {
        let lines = ndjson_of(&script.pcap());
        let end = lines.iter().find(|line| line["event"] == "connection_end").unwrap();
        let client = &end["statistics"]["client_to_server"];
        [&client["message_length"]["count"], &client["round_trip_ns"]["count"]].map(Value::clone)
    };
    assert_eq!(figures(script()), [json!(4), json!(1)]);
    // The Ping is packet 8; what comes behind the hole begins with a message whose beginning is a guess.
    let lost = script().wire(super::support::Wire::new().lost(8..=8));
    assert_eq!(figures(lost), [json!(3), Value::Null]);
}

#[test]
fn handshakes_and_round_trips_agree_with_tshark() {
    if Command::new("tshark").arg("--version").output().is_err() {
        println!("skipped: tshark is not installed");
        return;
    }
    let (mut handshakes, mut round_trips) = (0, 0);
    for capture in captures() {
        // It reads no frames where the client sent some before the answer, nor HTTP where packets are out of order.
        if ["14_early_data.pcap", "17_out_of_order_file.pcap"].iter().any(|name| capture.ends_with(name)) {
            continue;
        }
        let document = read_json(&capture);
        let connections = document["connections"].as_array().unwrap();
        if !connections.iter().any(|connection| has_round_trips(&connection["statistics"])) {
            continue;
        }
        let mut seen = streams(&capture);
        for connection in connections {
            // tshark does not look into a proxy's tunnel.
            if connection.get("tunnel").is_some() {
                continue;
            }
            let Some(request) = connection["handshake"]["request"]["packet"].as_u64() else { continue };
            let Some(stream) = seen.values_mut().find(|stream| stream.requests.contains_key(&request)) else {
                panic!("{}: tshark sees no request in packet {request}", capture.display());
            };
            let (statistics, client) =
                (&connection["statistics"], connection["client"]["port"].as_u64().unwrap());
            if let Some(answered) = connection["handshake"]["response"]["packet"].as_u64() {
                let latency = stream.times[&answered] - stream.requests[&request];
                assert_eq!(statistics["handshake_ns"], latency, "{}", capture.display());
                handshakes += 1;
            }
            for (name, is_client) in [("client_to_server", true), ("server_to_client", false)] {
                let expected = spread(stream.round_trips(|port| (port == client) == is_client));
                let told = statistics[name].get("round_trip_ns").cloned().unwrap_or_default();
                assert_eq!(told, expected, "{}: {name} of {client}", capture.display());
                round_trips += told["count"].as_u64().unwrap_or_default();
            }
        }
    }
    println!("{handshakes} handshakes and {round_trips} round trips agree");
    assert!(handshakes > 0 && round_trips > 7, "{handshakes} handshakes, {round_trips} round trips");
}

/// A Ping behind a large frame of the other side; fragments with a Ping between them. Then a connection without either.
fn head_of_line() -> Scenario {
    let large = binary([7; 3000]).bytes(Server, [0; 4]);
    Scenario::new()
        .upgrade("/slow")
        .server(&large[..1000])
        .client(ping("a"))
        .wait(20 * MILLI)
        .server(&large[1000..])
        .server(pong("a"))
        .client(text("in two ").more())
        .client(ping("b"))
        .client(continuation("parts"))
        .server(pong("b"))
        .client(close(1000, ""))
        .server(close(1000, ""))
        .fin()
        .connection(2)
        .upgrade("/quick")
        .client(ping("c"))
        .server(pong("c"))
        .client(close(1000, ""))
        .server(close(1000, ""))
        .fin()
}

/// Twice the server has no room, and the client goes on when there is some again.
fn zero_window() -> Scenario {
    let opened = Scenario::new().upgrade("/").client(text("one"));
    let stalled = |script: Scenario, nanos| script.window(Server, 0).wait(nanos).window(Server, u16::MAX);
    let once = stalled(opened, 500 * MILLI).client(text("two"));
    let twice = stalled(once, 2 * SECOND).client(text("three"));
    twice.client(close(1000, "")).server(close(1000, "")).fin()
}

/// A client that is refused, waits, and asks again with a new token; another path at which it does not wait.
fn reconnects() -> Scenario {
    let refused = |script: Scenario, connection: u16, target: &str| {
        let upgrade =
            Upgrade::new(target).numbered(connection.into()).status_line("HTTP/1.1 503 Service Unavailable");
        let upgrade =
            upgrade.response("Content-Length", "0").response("Upgrade", "").response("Connection", "close");
        script.connection(connection).open().upgrade_as(&upgrade).fin()
    };
    let waits = [1, 2, 4].into_iter().zip(1..);
    let live = waits.fold(Scenario::new(), |script, (seconds, connection)| {
        refused(script, connection, &format!("/live?token={connection}")).wait(seconds * SECOND)
    });
    let opened = live.connection(4).upgrade("/live?token=4").client(text("at last"));
    let closed = opened.client(close(1000, "")).server(close(1000, "")).fin().wait(SECOND);
    (5..8).fold(closed, |script, connection| refused(script, connection, "/eager"))
}

/// The capture of the repository, held to the script that it was made by; with `WSPECT_BLESS` it is written anew.
#[expect(clippy::disallowed_methods, reason = "a test is asked to write through its environment")]
fn committed(name: &str, script: &Scenario) -> PathBuf {
    let path = testdata(name);
    if std::env::var_os("WSPECT_BLESS").is_some() {
        std::fs::write(&path, script.pcap()).unwrap();
    }
    assert!(std::fs::read(&path).unwrap() == script.pcap(), "{name} is not what its script says");
    path
}

/// The spread of a single value.
fn alone(value: i64) -> Value {
    spread(vec![value])
}

/// Percentiles by nearest rank, of up to 128 values.
fn spread(mut values: Vec<i64>) -> Value {
    values.sort_unstable();
    let (Some(min), Some(max), count) = (values.first(), values.last(), values.len()) else {
        return Value::Null;
    };
    let percentile = |percent: usize| values[(count * percent).div_ceil(100) - 1];
    json!({"count": count, "min": min, "p50": percentile(50), "p90": percentile(90), "p99": percentile(99), "max": max})
}

fn has_round_trips(statistics: &Value) -> bool {
    ["client_to_server", "server_to_client"]
        .iter()
        .any(|side| statistics[side].get("round_trip_ns").is_some())
}

/// Those of the repository, and further ones where they are, but for TLS, which comes with its keys.
fn captures() -> Vec<PathBuf> {
    let folders = [testdata(""), Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/captures")];
    let files = folders.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten();
    let mut files: Vec<_> = files.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.to_string_lossy().contains(".pcap") && !file.with_extension("keylog").exists());
    files.sort_by(|a, b| a.file_name().cmp(&b.file_name()));
    files.dedup_by(|a, b| a.file_name() == b.file_name());
    files
}

/// One TCP stream, as tshark sees it.
#[derive(Default)]
struct Stream {
    /// Of all packets that carry HTTP or WebSocket, by number.
    times: BTreeMap<u64, i64>,
    requests: BTreeMap<u64, i64>,
    /// Packet, port of the sender, opcode and payload of Pings and Pongs.
    beats: Vec<(i64, u64, String, String)>,
}

impl Stream {
    /// Of the Pings whose sender has such a port: the time to the Pong with their payload, if no other Ping with it waits.
    fn round_trips(&self, is_pinger: impl Fn(u64) -> bool) -> Vec<i64> {
        let (mut waiting, mut took): (VecDeque<(&str, i64)>, Vec<i64>) = (VecDeque::new(), Vec::new());
        let mut ambiguous: Vec<&str> = Vec::new();
        for (time, port, opcode, payload) in &self.beats {
            if opcode == "9" && is_pinger(*port) {
                waiting.push_back((payload, *time));
            } else if opcode == "10" && !is_pinger(*port) {
                let same = waiting.iter().filter(|(data, _)| data == payload).count();
                let place = waiting.iter().position(|(data, _)| data == payload);
                let Some((_, since)) = place.and_then(|place| waiting.remove(place)) else { continue };
                if same > 1 {
                    ambiguous.push(payload);
                }
                if !ambiguous.contains(&payload.as_str()) {
                    took.push(time - since);
                }
            }
        }
        took
    }
}

/// All streams of a capture, by tshark's number.
fn streams(capture: &Path) -> BTreeMap<String, Stream> {
    let fields = ["frame.number", "frame.time_epoch", "tcp.stream", "tcp.srcport", "http.request.method"];
    let of_frames =
        ["websocket.opcode", "websocket.payload_length", "websocket.payload.ping", "websocket.payload.pong"];
    let mut command = Command::new("tshark");
    command.args(["-n", "-T", "fields", "-Y", "http || websocket", "-r"]).arg(capture);
    let output =
        command.args(fields.iter().chain(&of_frames).flat_map(|field| ["-e", field])).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut streams: BTreeMap<String, Stream> = BTreeMap::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let columns: Vec<_> = line.split('\t').collect();
        let [number, time, stream, port, method, opcodes, lengths, pings, pongs]: [&str; 9] =
            columns.try_into().unwrap();
        let (number, time) = (number.parse().unwrap(), nanos(time));
        let stream = streams.entry(stream.to_owned()).or_default();
        stream.times.insert(number, time);
        if !method.is_empty() {
            stream.requests.insert(number, time);
        }
        let [mut pings, mut pongs] = [pings, pongs].map(|payloads| payloads.split(','));
        for (opcode, length) in opcodes.split(',').zip(lengths.split(',')) {
            let payloads = match opcode {
                "9" => &mut pings,
                "10" => &mut pongs,
                _ => continue,
            };
            let payload = if length == "0" { "" } else { payloads.next().unwrap() };
            stream.beats.push((time, port.parse().unwrap(), opcode.to_owned(), payload.to_owned()));
        }
    }
    streams
}

/// `1795254401.574606000`
fn nanos(time: &str) -> i64 {
    let (seconds, fraction) = time.split_once('.').unwrap();
    assert_eq!(fraction.len(), 9, "{time}");
    seconds.parse::<i64>().unwrap() * SECOND + fraction.parse::<i64>().unwrap()
}
