//! Bounds as the command line sets them: each is kept, and said where it is reached.

use std::process::{Command, Stdio};

use serde_json::Value;

use super::support::{Frame, Scenario, Upgrade, ping, text, wspect};

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
