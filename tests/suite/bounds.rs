//! Bounds, as the command line and as a program sets them: each is kept, and said where it is reached.

use std::io::Cursor;
use std::process::{Command, Stdio};

use serde_json::Value;
use wspect::capture::{Keep, from_reader};
use wspect::connection::Options;
use wspect::event::{CloseHow, Event, EventKind};
use wspect::limits::Limits;
use wspect::packet::{NANOS_PER_SECOND, Packet};
use wspect::pipeline::analyze_and_keep;

use super::support::{Frame, Scenario, Upgrade, Wire, binary, ping, text, wspect};

#[test]
fn max_connections_is_how_many_are_followed_at_the_same_time() {
    let connections = 12;
    let opened =
        (1..=connections).fold(Scenario::new(), |script, number| script.connection(number).upgrade("/chat"));
    let both = (1..=connections)
        .fold(opened, |script, number| script.connection(number).client(text("still there")));
    let capture = both.pcap();
    for (most, given_up) in [(4, true), (12, false)] {
        let lines = ndjson(&capture, &["--max-connections", &most.to_string()]);
        let mut open = 0_i64;
        let mut most_open = 0;
        for line in &lines {
            open += i64::from(line["event"] == "connection") - i64::from(line["event"] == "connection_end");
            most_open = most_open.max(open);
        }
        assert_eq!(most_open, most);
        let said = limits(&lines);
        assert_eq!(
            said.iter().any(|detail| detail.contains("more than 4 at the same time (--max-connections)")),
            given_up,
            "{said:?}"
        );
        let ended = |how: &str| lines.iter().filter(|line| line["close"]["how"] == how).count();
        let open_at_end = lines.iter().filter(|line| line["rule"] == "connection-open-at-end").count();
        assert_eq!(ended("capture_ended"), open_at_end, "the capture ends while these are open, no others");
        assert_eq!(ended("given_up") > 0, given_up);
        let texts = lines.iter().filter(|line| line["text"] == "still there").count();
        assert!(given_up || texts == 12, "{texts}");
    }
}

#[test]
fn max_memory_is_what_all_connections_take() {
    let limits_of = |options: &[&str]| limits(&ndjson(&unfinished(30), options));
    assert!(limits_of(&[]).is_empty());
    let said = limits_of(&["--max-memory", "4MiB"]);
    assert!(
        said.iter().any(|detail| detail.contains("all together held more than 4194304 bytes (--max-memory)")),
        "{said:?}"
    );
    let said =
        String::from_utf8(wspect().args(["read", "-", "--max-memory", "lots"]).output().unwrap().stderr)
            .unwrap();
    assert!(said.contains("--max-memory"), "{said}");
}

/// 80 MiB of unfinished messages, in a process that gets 64 for all that it is.
#[test]
#[cfg(target_os = "linux")]
fn max_memory_is_kept_by_the_process() {
    let capture = unfinished(80);
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("unfinished.pcap");
    std::fs::write(&file, capture).unwrap();
    let run = |memory: &str| {
        let script = "ulimit -v 65536 && exec \"$0\" \"$@\"";
        let mut command = Command::new("sh");
        command.args(["-c", script, env!("CARGO_BIN_EXE_wspect"), "read", "--format", "ndjson"]);
        command.args(["--max-memory", memory]).arg(&file).stderr(Stdio::null());
        command.output().unwrap()
    };
    assert!(!run("1GiB").status.success(), "it would take more");
    let bounded = run("8MiB");
    assert!(bounded.status.success());
    assert!(String::from_utf8(bounded.stdout).unwrap().contains("(--max-memory)"));
}

#[test]
fn pings_that_crowd_each_other_out_are_counted() {
    let pings: Vec<Frame> = (0..70).map(|number| ping(format!("{number}"))).collect();
    let lines = ndjson(&Scenario::new().upgrade("/").client(pings).fin().pcap(), &[]);
    let said = limits(&lines);
    assert!(
        said.iter().any(|detail| detail.starts_with("6 Pings of the client were not matched")),
        "{said:?}"
    );
}

/// The bounds that only a program sets. Those on memory are held by `tests/memory.rs`, those on files by the tests of `capture`.
#[test]
fn every_bound_says_that_it_was_reached() {
    let limits = Limits::default;
    let chat = || Scenario::new().upgrade("/");
    let many = || (1..=5).fold(Scenario::new(), |script, number| script.connection(number).upgrade("/"));
    let connect = "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n";
    let tunnel = |script: Scenario| script.client(connect).server("HTTP/1.1 200 OK\r\n\r\n");
    let long = Upgrade::new("/").request("X-Long", &"x".repeat(2000));
    let crowded = (0..8).fold(Upgrade::new("/"), |upgrade, n| upgrade.request(&format!("X-{n}"), "x"));
    let early = Upgrade::new("/").request_bytes();
    let unmasked = |n| (0..n).fold(chat(), |script, _| script.client(text("x").unmasked()));
    let empty = |n| (0..n).fold(chat(), |script, _| script.client(text("")));
    let hole = Wire::new().segments_of(1000).lost(7..=7);
    let cases = [
        (
            "(early_bytes)",
            Limits { early_bytes: 4096, ..limits() },
            chat().client(binary([7; 20_000])).wire(hole),
        ),
        ("(head)", Limits { head: 1024, ..limits() }, Scenario::new().upgrade_as(&long)),
        ("(headers)", Limits { headers: 4, ..limits() }, Scenario::new().upgrade_as(&crowded)),
        ("(tunnels)", Limits { tunnels: 1, ..limits() }, tunnel(tunnel(Scenario::new()))),
        (
            "(held_bytes)",
            Limits { held_bytes: 1024, ..limits() },
            Scenario::new().client(early).client(binary([7; 4000])),
        ),
        ("(handshakes)", Limits { handshakes: 2, ..limits() }, many()),
        ("(reconnects)", Limits { reconnects: 200, ..limits() }, many()),
        ("(undecided_packets)", Limits { undecided_packets: 200, ..limits() }, chat()),
        (
            "3 more findings frame-client-unmasked are not listed",
            Limits { findings: 2, ..limits() },
            unmasked(5),
        ),
        ("4 more times, here the last one", Limits { notes: 1, ..limits() }, empty(5)),
    ];
    for (words, limits, script) in cases {
        let within = said(Limits::default(), &script);
        assert!(!within.iter().any(|detail| detail.contains(words)), "{words}: {within:?}");
        let beyond = said(limits, &script);
        assert!(beyond.iter().any(|detail| detail.contains(words)), "{words}: {beyond:?}");
    }
}

#[test]
fn what_a_message_inflates_to_ends_at_its_bound() {
    let limits = Limits { inflated: 10_000, ..Limits::default() };
    let upgrade = Upgrade::new("/").agreed("Sec-WebSocket-Extensions", "permessage-deflate");
    let script = Scenario::new().upgrade_as(&upgrade).client(text(&"x".repeat(100_000)).deflated());
    let said = said(limits, &script);
    assert!(said.iter().any(|detail| detail.starts_with("deflate-bomb")), "{said:?}");
}

#[test]
fn silence_ends_a_connection_as_idle() {
    let silent = || Scenario::new().upgrade("/").client(text("a")).wait(20 * NANOS_PER_SECOND);
    let script = silent().connection(2).upgrade("/").client(text("b"));
    let ends = |limits| {
        let closed = |event: Event| match event.kind {
            EventKind::Closed(closing) => closing.close.map(|close| close.how),
            _ => None,
        };
        events(limits, &script).into_iter().filter_map(closed).collect::<Vec<_>>()
    };
    // A connection is looked at after `idle_flow` for the first time.
    let [idle_flow, idle_websocket] = [5, 10].map(|seconds| seconds * NANOS_PER_SECOND);
    let limits = Limits { idle_flow, idle_websocket, ..Limits::default() };
    assert_eq!(ends(limits), [CloseHow::Idle, CloseHow::CaptureEnded]);
    assert_eq!(ends(Limits::default()), [CloseHow::CaptureEnded; 2]);
}

/// The findings of a script, `rule detail`.
fn said(limits: Limits, script: &Scenario) -> Vec<String> {
    let finding = |event: Event| match event.kind {
        EventKind::Finding(finding) => Some(format!("{} {}", finding.rule.name, finding.detail)),
        _ => None,
    };
    events(limits, script).into_iter().filter_map(finding).collect()
}

fn events(limits: Limits, script: &Scenario) -> Vec<Event> {
    let options = Options { limits, ..Options::default() };
    let mut source = from_reader("script", Cursor::new(script.pcap()), &options.limits).unwrap();
    let mut events = Vec::new();
    analyze_and_keep(&mut source, &options, &mut events, Some(&mut Nowhere)).unwrap();
    events
}

/// `--write` to nowhere.
struct Nowhere;

impl Keep for Nowhere {
    fn keep(&mut self, _: &Packet<'_>) {}
}

/// So many connections, each in the middle of a message that takes a MiB so far.
fn unfinished(connections: u16) -> Vec<u8> {
    let extension = "permessage-deflate; client_no_context_takeover";
    let zeros = vec![b'0'; 1 << 20];
    let part = Frame::new(0x1, &zeros).deflated().more();
    let script = (1..=connections).fold(Scenario::new(), |script, number| {
        let upgrade = Upgrade::new("/").numbered(number.into()).agreed("Sec-WebSocket-Extensions", extension);
        script.connection(number).open().upgrade_as(&upgrade).client(part.clone())
    });
    script.pcap()
}

fn ndjson(capture: &[u8], options: &[&str]) -> Vec<Value> {
    let mut command = wspect();
    command.args(["read", "-", "-f", "ndjson"]).args(options).write_stdin(capture);
    let output = command.assert().code(0).get_output().stdout.clone();
    String::from_utf8(output).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What limits cut.
fn limits(lines: &[Value]) -> Vec<String> {
    let reached = lines.iter().filter(|line| line["rule"] == "limit-reached");
    reached.map(|line| line["detail"].as_str().unwrap().to_owned()).collect()
}
