//! The command line as a user types it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::support::{
    ByteOrder, Capture, Compression, Encapsulation, PacketBlock, Pcap, Pcapng, Scenario, Wire, close,
    ndjson_of, stdout_of, testdata, text, wspect,
};

#[test]
fn the_table_shows_the_conversation() {
    let table = read(&["01_seed_ws_hello.pcap"], &[]);
    assert!(table.lines().any(|line| line.contains("Hello, LUOZHOU")), "{table}");
    assert!(table.lines().any(|line| line.contains("LUOZHOU") && !line.contains("Hello")), "{table}");
}

#[test]
fn a_pipe_gets_no_escape_sequences() {
    assert!(!read(&["01_seed_ws_hello.pcap"], &[]).contains('\x1b'));
    assert!(!read(&["19_violations_framing.pcap"], &[]).contains('\x1b'));
}

#[test]
fn json_is_one_document() {
    let document = document(&["01_seed_ws_hello.pcap"], &[]);
    assert_eq!(document["schema"], 1);
    assert_eq!(document["captures"][0]["packets"], 14);
    assert_eq!(document["totals"]["websocket_connections"], 1);
    let texts: Vec<_> =
        messages(&document).iter().filter_map(|m| m["text"].as_str()).map(str::to_owned).collect();
    assert_eq!(texts, ["LUOZHOU", "Hello, LUOZHOU"]);
}

#[test]
fn what_the_capture_does_not_show_can_be_said() {
    let folder = std::env::temp_dir().join(format!("wspect-assumed-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("short.pcap");
    // Of the whole conversation, one frame: too little to know it by.
    let script =
        Scenario::new().upgrade("/").client(super::support::binary([1, 2])).wire(Wire::new().lost(1..=5));
    std::fs::write(&path, script.pcap()).unwrap();
    let connections = |arguments: &[&str]| {
        let output = stdout_of(wspect().arg("read").arg(&path).args(["--format", "json"]).args(arguments));
        serde_json::from_str::<Value>(&output).unwrap()["connections"].clone()
    };
    assert_eq!(connections(&[]), serde_json::json!([]));
    assert_eq!(connections(&["--assume-websocket", "81,82"]), serde_json::json!([]));
    for arguments in
        [&["--assume-websocket"][..], &["--assume-websocket", "81", "80"], &["--assume-websocket", "80,81"]]
    {
        assert_eq!(connections(arguments)[0]["messages"][0]["base64"], "AQI=", "{arguments:?}");
    }
    let found =
        &connections(&["--assume-websocket", "--assume-extensions", "permessage-deflate"])[0]["findings"];
    let details: Vec<_> =
        found.as_array().unwrap().iter().filter_map(|finding| finding["detail"].as_str()).collect();
    assert!(
        details.iter().any(|detail| detail.starts_with("assumed") && detail.ends_with("permessage-deflate")),
        "{details:?}"
    );
    // What is assumed was not negotiated.
    assert!(
        !found.as_array().unwrap().iter().any(|finding| finding["rule"] == "deflate-negotiated-never-used")
    );
    wspect().arg("read").arg(&path).args(["--assume-extensions", "per message"]).assert().code(2);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn ndjson_begins_with_the_capture_and_ends_with_the_totals() {
    let lines = lines(&["01_seed_ws_hello.pcap"], &[]);
    let events: Vec<_> = lines.iter().filter_map(|line| line["event"].as_str()).collect();
    assert_eq!(events.len(), lines.len(), "every line names its event");
    assert_eq!(events[..2], ["capture", "connection"]);
    assert_eq!(events[events.len() - 2..], ["connection_end", "totals"]);
    assert_eq!(events.iter().filter(|event| **event == "message").count(), 4);
}

#[test]
fn both_machine_formats_hold_the_same_messages() {
    let name = "05_frag_pings.pcap";
    let mut lines = lines(&[name], &[]);
    lines.retain(|line| line["event"] == "message");
    let mut of_document = messages(&document(&[name], &[]));
    for fields in lines.iter_mut().chain(&mut of_document).filter_map(Value::as_object_mut) {
        fields.remove("event");
        fields.remove("connection");
    }
    assert_eq!(lines, of_document);
}

#[test]
fn an_output_file_gets_what_stdout_would_have() {
    let file = scratch("output.json");
    let path = file.to_str().unwrap();
    let nothing = read(&["01_seed_ws_hello.pcap"], &["--format", "json", "-o", path]);
    assert_eq!(nothing, "");
    let expected = read(&["01_seed_ws_hello.pcap"], &["--format", "json"]);
    assert_eq!(std::fs::read_to_string(file).unwrap(), expected);
}

#[test]
fn an_output_file_that_can_not_be_written_is_named() {
    let file = scratch("").join("no-such-folder/output.json");
    let path = file.to_str().unwrap();
    let capture = testdata("01_seed_ws_hello.pcap");
    refuses(wspect().arg("read").arg(capture).args(["--output", path]), path);
}

#[test]
fn several_files_are_one_analysis() {
    let document = document(&["01_seed_ws_hello.pcap", "20_port_reuse.pcap"], &[]);
    assert_eq!(document["captures"].as_array().map(Vec::len), Some(2));
    let ids: Vec<_> = connections(&document).iter().map(|connection| connection["id"].clone()).collect();
    assert_eq!(ids, [1, 2, 3, 4]);
}

#[test]
fn what_is_no_capture_is_refused_in_one_line_that_names_it() {
    let jpeg = [&b"\xff\xd8\xff\xe0\0\x10JFIF\0"[..], &[7; 500]].concat();
    for (name, content) in [
        ("empty.pcap", &b""[..]),
        ("photo.jpg", &jpeg),
        ("notes.txt", b"capture the flag\n"),
        ("short", b"\xd4"),
    ] {
        let path = scratch(name);
        std::fs::write(&path, content).unwrap();
        refuses(wspect().arg("read").arg(&path), name);
    }
    refuses(wspect().arg("read").arg(scratch("")), env!("CARGO_TARGET_TMPDIR"));
    refuses(wspect().args(["read", "no-such-file.pcap"]), "no-such-file.pcap");
    refuses(wspect().args(["read", "-"]).write_stdin(""), "-");
}

#[test]
fn a_command_line_that_is_wrong_is_refused() {
    for arguments in [&["read"][..], &["read", "--no-such-option", "a.pcap"], &["no-such-command"], &[]] {
        wspect().args(arguments).assert().code(2).stdout("");
    }
}

#[test]
fn a_bound_of_nothing_is_refused() {
    let capture = testdata("01_seed_ws_hello.pcap");
    for option in ["--threads=0", "--max-connections=0", "--max-memory=0", "--threads=many"] {
        refuses(wspect().arg("read").arg(&capture).arg(option), option.split('=').next().unwrap());
    }
    for option in ["--count=0", "--connections=0", "--duration=0s", "--snaplen=0", "--buffer-size=0"] {
        refuses(wspect().args(["live", option]), option.split('=').next().unwrap());
    }
    for option in ["--threads=99", "--max-payload=0"] {
        wspect().arg("read").arg(&capture).arg(option).assert().code(0);
    }
}

#[test]
fn a_mistake_is_answered_by_what_helps() {
    let capture = testdata("01_seed_ws_hello.pcap");
    let said = |arguments: &[&str]| {
        let output = wspect().args(arguments).arg(&capture).assert().code(2).stdout("").get_output().clone();
        String::from_utf8(output.stderr).unwrap()
    };
    for command in ["read", "check", "diff", "live"] {
        let hint = said(&[command, "--redact", "payloads"]);
        assert!(hint.contains("--redact=payloads"), "{hint}");
    }
    let typed = said(&["read", "--were", "true"]);
    assert!(typed.contains("'--where'"), "{typed}");
    for option in ["--filter", "--json", "-1"] {
        let wrong = said(&["read", option]);
        assert!(!wrong.contains("tip") && !wrong.contains("--idle"), "{wrong}");
    }
    let nothing = wspect().args(["read", "-"]).write_stdin("").assert().get_output().clone();
    let nothing = String::from_utf8(nothing.stderr).unwrap();
    assert!(nothing.contains("standard input ended before anything came"), "{nothing}");
}

#[test]
fn what_is_kept_is_not_redacted_and_that_is_said() {
    let kept = scratch("kept.pcapng");
    let run = |options: &[&str]| {
        let mut command = wspect();
        command.arg("read").arg(testdata("01_seed_ws_hello.pcap")).arg("--write").arg(&kept).args(options);
        String::from_utf8(command.assert().code(0).get_output().stderr.clone()).unwrap()
    };
    assert_eq!(run(&[]), "");
    let warning = run(&["--redact"]);
    assert!(warning.contains("kept.pcapng") && warning.lines().count() == 1, "{warning}");
}

#[test]
fn a_connection_in_ip_fragments_is_kept_whole() {
    let kept = scratch("fragments.pcapng");
    let said = |command: &mut assert_cmd::Command| {
        let document: Value = serde_json::from_str(&stdout_of(command.args(["--format", "json"]))).unwrap();
        (document["connections"].clone(), document["totals"]["packets"].clone())
    };
    let script = Scenario::new().upgrade("/").client(text(&"a long message ".repeat(20))).fin();
    let mut capture = script.over(Encapsulation::IpFragments).capture();
    let of_all = said(wspect().args(["read", "-", "--write"]).arg(&kept).write_stdin(capture.pcap()));
    assert!(of_all.1.as_u64() > Some(20), "{of_all:?}");
    assert_eq!(of_all, said(wspect().arg("read").arg(&kept)));
    // Of a datagram of the upgrade request a piece was lost: what comes behind it does not wait for it to the end.
    capture.packets.remove(4);
    let of_all = said(wspect().args(["read", "-", "--write"]).arg(&kept).write_stdin(capture.pcap()));
    let of_kept = said(wspect().arg("read").arg(&kept));
    assert_eq!(of_all.0[0]["traffic"], of_kept.0[0]["traffic"]);
    assert!(of_kept.0[0]["messages"][0]["text"].is_string() && of_kept.1.as_u64() < of_all.1.as_u64());
}

#[test]
fn a_cut_off_capture_is_read_to_the_cut_and_says_so() {
    let whole = chat().pcap();
    let lines = ndjson_of(&whole[..whole.len() - 3]);
    assert!(lines.iter().any(|line| line["text"] == "LUOZHOU"));
    assert!(lines.iter().any(|line| line["rule"] == "capture-file-truncated"), "{lines:?}");
    let whole = ndjson_of(&whole);
    assert!(!whole.iter().any(|line| line["rule"] == "capture-file-truncated"), "{whole:?}");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let path = scratch("long.pcap");
    // Far more output than a pipe holds.
    let script = (0..5000).fold(Scenario::new().upgrade("/"), |script, n| {
        script.client(text(&format!("message {n} of a conversation that nobody reads to its end")))
    });
    std::fs::write(&path, script.pcap()).unwrap();
    for format in ["table", "json", "ndjson"] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_wspect"))
            .arg("read")
            .arg(&path)
            .args(["--format", format])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut first_line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut first_line).unwrap();
        assert!(!first_line.is_empty(), "{format}");
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{format}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{format}");
    }
}

#[test]
fn payloads_can_be_left_out() {
    let name = "05_frag_pings.pcap";
    let bare = messages(&document(&[name], &["--payload", "none"]));
    let full = messages(&document(&[name], &["--payload", "full"]));
    assert!(full.iter().any(|message| message.get("text").is_some()));
    assert!(bare.iter().all(|message| message.get("text").is_none() && message.get("base64").is_none()));
    assert!(bare.iter().zip(&full).all(|(bare, full)| bare["length"] == full["length"]));
    assert_eq!(bare.len(), full.len());
}

#[test]
fn thresholds_are_durations_as_people_write_them() {
    let slow = |threshold| {
        let lines = lines(&["01_seed_ws_hello.pcap"], &["--slow-handshake", threshold]);
        lines.iter().any(|line| line["rule"] == "handshake-slow")
    };
    assert!(slow("0s") && slow("1ns") && !slow("1s") && !slow("2h 30m"));
    for wrong in ["-1s", "1", "soon"] {
        let capture = testdata("01_seed_ws_hello.pcap");
        let option = format!("--slow-handshake={wrong}");
        wspect().arg("read").arg(capture).arg(option).assert().code(2).stdout("");
    }
}

#[test]
fn one_connection_can_be_chosen() {
    let name = "14_accept_errors.pcap";
    let chosen = document(&[name], &["--connection", "2"]);
    let all = document(&[name], &[]);
    assert_eq!(connections(&all).len(), 3);
    assert_eq!(connections(&chosen), connections(&all)[1..2]);
}

#[test]
fn frames_are_listed_where_they_are_asked_for() {
    let name = "05_frag_pings.pcap";
    let listed = messages(&document(&[name], &["--frames"]));
    let fragments = |message: &Value| message["fragments"].as_array().map(Vec::len);
    assert!(listed.iter().any(|message| fragments(message) > Some(1)));
    assert!(
        listed.iter().all(|message| fragments(message).map(Value::from).as_ref() == Some(&message["frames"]))
    );
    assert!(messages(&document(&[name], &[])).iter().all(|message| fragments(message).is_none()));
}

#[test]
fn the_container_does_not_change_what_is_said() {
    let capture = chat().capture();
    let expected = beyond_the_capture(&capture.pcap());
    assert!(expected.iter().any(|line| line["text"] == "LUOZHOU"));
    for (name, file) in containers(&capture) {
        assert_eq!(beyond_the_capture(&file), expected, "{name}");
    }
}

#[test]
fn stdin_and_a_file_are_the_same() {
    let path = scratch("same.pcap");
    let file = chat().pcap();
    std::fs::write(&path, &file).unwrap();
    let mut command = wspect();
    command.arg("read").arg(&path).args(["--format", "ndjson", "--payload", "full"]);
    let of_file: Vec<Value> =
        stdout_of(&mut command).lines().skip(1).map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(ndjson_of(&file)[1..], of_file);
}

/// One capture in every container that keeps its times.
fn containers(capture: &Capture) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for order in [ByteOrder::Little, ByteOrder::Big] {
        for dialect in [Pcap::Micros, Pcap::Nanos, Pcap::Modified] {
            files.push((format!("pcap {dialect:?} {order:?}"), capture.pcap_as(dialect, order)));
        }
        let captures = std::slice::from_ref(capture);
        let pcapng = Pcapng::new().order(order);
        files.push((format!("pcapng {order:?}"), pcapng.file(captures)));
        files.push((format!("pcapng old {order:?}"), pcapng.clone().block(PacketBlock::Old).file(captures)));
        let busy = pcapng.resolutions(&[3, 6, 9]).with_unknown_blocks();
        files.push((format!("pcapng with three interfaces {order:?}"), busy.file(captures)));
    }
    let compressed = |kind: &Compression| (format!("{kind:?}"), capture.compressed(*kind));
    files.extend(Compression::ALL.iter().map(compressed));
    files
}

/// All lines but the first, which says what kind of file it was.
fn beyond_the_capture(file: &[u8]) -> Vec<Value> {
    ndjson_of(file).into_iter().filter(|line| line["event"] != "capture").collect()
}

fn chat() -> Scenario {
    Scenario::new()
        .upgrade("/chat")
        .client(text("LUOZHOU"))
        .server(text("Hello, LUOZHOU"))
        .client(close(1000, "bye"))
        .server(close(1000, ""))
        .fin()
}

/// What `wspect read` writes of recorded captures.
fn read(names: &[&str], options: &[&str]) -> String {
    stdout_of(wspect().arg("read").args(names.iter().map(|name| testdata(name))).args(options))
}

fn document(names: &[&str], options: &[&str]) -> Value {
    serde_json::from_str(&read(names, &[&["--format", "json"], options].concat())).unwrap()
}

fn lines(names: &[&str], options: &[&str]) -> Vec<Value> {
    let output = read(names, &[&["--format", "ndjson"], options].concat());
    output.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn connections(document: &Value) -> Vec<Value> {
    document["connections"].as_array().unwrap().clone()
}

fn messages(document: &Value) -> Vec<Value> {
    connections(document).iter().flat_map(|each| each["messages"].as_array().unwrap().clone()).collect()
}

#[test]
fn the_rules_are_listed_explained_and_written_as_json() {
    let list = stdout_of(wspect().arg("rules").env("COLUMNS", "120"));
    assert!(list.contains("Transport and capture") && list.contains("tcp-gap"), "{list}");
    let page = stdout_of(wspect().args(["rules", "tcp-gap"]));
    assert!(page.starts_with("tcp-gap\nwarning · transport and capture\n\n"), "{page}");
    let all: Value = serde_json::from_str(&stdout_of(wspect().args(["rules", "--format", "json"]))).unwrap();
    assert_eq!(all.as_array().unwrap().len(), wspect::rules::all().count());
    let one = stdout_of(wspect().args(["rules", "tcp-gap", "--format", "json"]));
    let one: Value = serde_json::from_str(&one).unwrap();
    assert_eq!((&one[0]["name"], &one[0]["severity"]), (&"tcp-gap".into(), &"warning".into()));
    assert!(all.as_array().unwrap().contains(&one[0]));
}

#[test]
fn a_rule_that_does_not_exist_is_answered_with_those_that_sound_like_it() {
    refuses(wspect().args(["rules", "tcp-gapp"]), "tcp-gap");
    refuses(wspect().args(["rules", "xyzzy"]), "`wspect rules` lists all");
}

/// Exit status 2, nothing on stdout, and exactly one line on stderr, with the name in it.
fn refuses(command: &mut assert_cmd::Command, name: &str) {
    let output = command.assert().code(2).stdout("").get_output().clone();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains(name), "{said}");
}

/// A file of this test run.
fn scratch(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}
