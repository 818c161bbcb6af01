//! How much of a capture is shown, and how the command line is answered.

use serde_json::Value;
use wspect::packet::Side;

use super::support::{Scenario, Wire, binary, close, ndjson_of, ping, stdout_of, testdata, text, wspect};

const LONG: &str = "a line that is much longer than what a row of the table has room for, whatever it holds, \
                    and then some\nand a second line";

#[test]
fn rows_stand_in_the_order_of_time() {
    for name in ["17_missing_segments.pcap", "17_snaplen96.pcap"] {
        if !testdata(name).exists() {
            eprintln!("skipped: no {name}");
            continue;
        }
        let table = stdout_of(wspect().arg("read").arg(testdata(name)).arg("--utc"));
        let rows = table.lines().filter(|line| line.contains('→') || line.contains('←'));
        let times: Vec<f64> = rows.filter_map(|row| row.split_whitespace().next()?.parse().ok()).collect();
        assert!(times.len() > 8 && times.is_sorted(), "{table}");
        assert!(!table.contains(" -"), "{table}");
    }
}

#[test]
fn a_whole_payload_takes_as_many_lines_as_it_needs() {
    let capture = opened().client(text(LONG)).server(binary([0xab; 40])).client(text("short")).pcap();
    let whole = table(&capture, &["--payload", "full"]);
    let flat: String = whole.lines().map(str::trim).collect();
    assert!(flat.contains(&LONG.replace('\n', "\\n")), "{whole}");
    assert!(whole.contains("\n      000020  ab ab ab ab ab ab ab ab "), "{whole}");
    assert!(whole.lines().any(|line| line.contains("→ text") && line.ends_with("short")), "{whole}");
    let usual = table(&capture, &[]);
    assert_eq!(
        usual.lines().filter(|line| line.contains("a line that is much longer")).count(),
        1,
        "{usual}"
    );
    assert!(!usual.contains("second line"), "{usual}");
}

#[test]
fn what_is_left_out_by_choice_is_not_called_cut() {
    let capture = opened().client(text(&LONG.repeat(30))).pcap();
    for payload in ["none", "preview", "full"] {
        let lines = ndjson_with(&capture, &["--payload", payload]);
        assert!(lines.iter().all(|line| line.get("truncated").is_none()), "{payload}: {lines:?}");
        assert!(!table(&capture, &["--payload", payload]).contains("kept"), "{payload}");
    }
    let lines = ndjson_with(&capture, &["--max-payload", "100"]);
    assert!(
        lines.iter().any(|line| line["truncated"] == true && line["length"] == LONG.len() * 30),
        "{lines:?}"
    );
    assert!(table(&capture, &["--max-payload", "100"]).contains("[100 B kept]"));
}

#[test]
fn a_limit_on_payloads_is_said_once_a_connection() {
    let script = (0..9).fold(opened(), |script, _| script.client(text(LONG)));
    let lines = ndjson_with(&script.pcap(), &["--max-payload", "10"]);
    let said: Vec<_> = lines.iter().filter(|line| line["rule"] == "limit-reached").collect();
    assert_eq!(said.len(), 1);
    assert_eq!(
        (&said[0]["message"], said[0]["detail"].as_str().unwrap().starts_with("9 payloads")),
        (&0.into(), true)
    );
}

#[test]
fn a_limit_is_never_the_worst_finding_beside_another_warning() {
    let capture = opened().client(text(LONG)).reset_by(Side::Server).pcap();
    let table = table(&capture, &["--max-payload", "10", "--summary"]);
    assert!(table.contains("tcp-reset"), "{table}");
}

#[test]
fn the_end_of_tcp_is_a_row_where_no_closing_handshake_was() {
    let row = |script: Scenario| {
        let table = table(&script.pcap(), &[]);
        let rows = table.lines().filter(|line| line.contains(" FIN ") || line.contains(" RST  "));
        rows.filter(|row| row.contains(": ")).map(|row| row.trim().to_owned()).collect::<Vec<_>>()
    };
    let reset = row(opened().client(text("Hi")).reset_by(Side::Server));
    assert!(
        reset.len() == 1 && reset[0].contains("← RST") && reset[0].ends_with("without a Close"),
        "{reset:?}"
    );
    let orderly = opened().client(close(1000, "")).server(close(1000, "")).fin();
    assert_eq!(row(orderly), [""; 0]);
}

#[test]
fn an_api_that_reports_1006_is_named_in_the_summary() {
    let capture = opened().client(text("Hi")).fin_by(Side::Server).fin_by(Side::Client).pcap();
    assert!(table(&capture, &["--summary"]).contains("server FIN (1006)"));
}

#[test]
fn how_long_a_connection_was_silent_before_the_capture_ended_is_said() {
    let mut capture = opened().client(text("Hi")).capture();
    let later = Scenario::new().connection(2).open().capture();
    capture.packets.extend(later.packets.into_iter().map(|mut packet| {
        packet.nanos += 30_000_000_000;
        packet
    }));
    let table = table(&capture.pcap(), &[]).replace("\n ", "");
    assert!(table.contains("the capture went on for 30.0 s without it"), "{table}");
}

#[test]
fn an_answer_that_may_be_missing_is_not_called_missing() {
    let script = opened().client(close(1000, "bye")).server(text(LONG)).server(close(1000, "")).fin();
    let lost = |packets| ndjson_of(&script_with(&script, packets));
    let how = |lines: &[Value]| {
        lines.iter().find(|line| line["event"] == "connection_end").unwrap()["close"]["how"].clone()
    };
    assert_eq!(how(&ndjson_of(&script.pcap())), "close_handshake");
    let lines = lost(8..=9);
    assert_eq!(how(&lines), "close_answer_unknown", "{lines:?}");
    assert!(lines.iter().all(|line| line["rule"] != "close-not-answered"), "{lines:?}");
}

#[test]
fn an_unfinished_message_says_how_much_was_announced() {
    let capture = opened().client(binary([7; 292]).claiming(1000)).reset_by(Side::Client).pcap();
    assert!(table(&capture, &[]).contains("[292 of 1,000 bytes]"));
    let lines = ndjson_of(&capture);
    assert!(lines.iter().any(|line| line["announced_length"] == 1000 && line["length"] == 292), "{lines:?}");
}

#[test]
fn control_frames_are_counted_apart() {
    let capture = opened().client(text("Hi")).client(ping("a")).server(text("Ho")).pcap();
    let lines = ndjson_of(&capture);
    let end = lines.iter().find(|line| line["event"] == "connection_end").unwrap();
    let sent = &end["traffic"]["client_to_server"];
    assert_eq!((&sent["messages"], &sent["control_frames"]), (&2.into(), &1.into()));
    assert_eq!(lines.last().unwrap()["control_frames"], 1);
    let table = table(&capture, &[]);
    assert!(table.contains(" 1+1 / 1\n") && table.contains("↑ 1 message + 1 control,"), "{table}");
}

#[test]
fn several_connections_can_be_chosen_and_must_be_there() {
    let capture = testdata("14_accept_errors.pcap");
    for chosen in [&["-c", "1,3"][..], &["-c", "1", "-c", "3"]] {
        let table = stdout_of(wspect().arg("read").arg(&capture).args(chosen));
        assert!(table.contains("\nConnection 1 ") && table.contains("\nConnection 3 "), "{table}");
        assert!(!table.contains("\nConnection 2 "), "{table}");
    }
    for format in ["table", "json", "ndjson"] {
        let mut command = wspect();
        command.arg("read").arg(&capture).args(["-c", "99", "-f", format]);
        assert_eq!(
            refusal(&mut command),
            "wspect: there is no connection 99: the capture has 3 WebSocket connections"
        );
    }
}

#[test]
fn a_summary_has_no_messages_in_any_format() {
    let capture = opened().client(text("Hi")).pcap();
    assert!(ndjson_with(&capture, &["--summary"]).iter().all(|line| line["event"] != "message"));
    let mut command = wspect();
    command.args(["read", "-", "-f", "json", "--summary"]).write_stdin(capture.clone());
    let document: Value = serde_json::from_str(&stdout_of(&mut command)).unwrap();
    assert_eq!(document["connections"][0]["messages"], Value::Array(Vec::new()));
    assert_eq!(document["totals"]["messages"], 1);
}

#[test]
fn a_pipe_needs_no_name() {
    let named = table(&opened().pcap(), &[]);
    let mut unnamed = wspect();
    assert_eq!(
        stdout_of(unnamed.args(["read", "--utc"]).env("COLUMNS", "80").write_stdin(opened().pcap())),
        named
    );
}

#[test]
fn what_is_wrong_is_said_in_one_line_that_names_it() {
    let refused = |arguments: &[&str]| {
        refusal(wspect().arg("read").arg(testdata("01_seed_ws_hello.pcap")).args(arguments))
    };
    assert!(refused(&["--max-payload", "10q"]).ends_with("1000, 64 KiB, 1.5 MB"));
    assert!(refused(&["-c", "abc"]).ends_with("3, or 1,3"));
    assert!(refused(&["-o", "/nonexist/x.json"]).starts_with("wspect: cannot write /nonexist/x.json: "));
    if cfg!(target_os = "linux") {
        for format in ["table", "json", "ndjson"] {
            let said = refused(&["-o", "/dev/full", "-f", format]);
            assert!(said.starts_with("wspect: cannot write /dev/full: No space left"), "{said}");
        }
    }
    assert!(stdout_of(wspect().arg("help")).contains("Usage: wspect"));
}

fn opened() -> Scenario {
    Scenario::new().upgrade("/")
}

fn script_with(script: &Scenario, lost: std::ops::RangeInclusive<usize>) -> Vec<u8> {
    script.clone().wire(Wire::new().lost(lost)).pcap()
}

fn table(capture: &[u8], options: &[&str]) -> String {
    let mut command = wspect();
    command.args(["read", "-", "--utc"]).args(options).env("COLUMNS", "80").write_stdin(capture);
    stdout_of(&mut command)
}

fn ndjson_with(capture: &[u8], options: &[&str]) -> Vec<Value> {
    let mut command = wspect();
    command.args(["read", "-", "-f", "ndjson"]).args(options).write_stdin(capture);
    stdout_of(&mut command).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The one line of a run that is refused.
fn refusal(command: &mut assert_cmd::Command) -> String {
    let output = command.assert().code(2).get_output().clone();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said.lines().count(), 1, "{said}");
    said.trim_end().to_owned()
}
