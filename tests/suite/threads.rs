//! One thread or several: the same bytes, whatever is asked for.

use std::path::{Path, PathBuf};

use wspect::packet::Side;

use super::support::{Scenario, Wire, close, ping, pong, testdata, text, wspect};

/// More packets than are handed over at a time, of connections that come and go, out of order and with holes.
fn much() -> Vec<u8> {
    let connections = 1..=250_u16;
    let mut script = Scenario::new();
    for round in 0..12_u16 {
        for number in connections.clone().filter(|number| number % 12 <= round) {
            script = script.connection(number);
            script = match (round + 12 - number % 12) % 12 {
                0 => script.upgrade(&format!("/{number}")),
                5 => script.client(ping("still there?")).server(pong("still there?")),
                9 if number % 5 == 0 => script.reset_by(Side::Server),
                9 => script.client(close(1000, "")).server(close(1000, "")).fin(),
                10 | 11 => script,
                _ => script
                    .client(text(&format!(
                        "round {round} of {number}: {}",
                        "gr\u{fc}\u{df}e ".repeat(number.into())
                    )))
                    .server(text(&format!("answer {round}"))),
            };
        }
        script = script.wait(900_000_000);
    }
    let wire = Wire::new().segments_of(600).shuffled(5, 3).duplicated(40).lost(2000..=2003).lost(5000..=5009);
    script.wire(wire).pcap()
}

fn run(arguments: &[&str], threads: &str) -> (Option<i32>, Vec<u8>, Vec<u8>) {
    let output = wspect().args(arguments).args(["--threads", threads]).output().unwrap();
    (output.status.code(), output.stdout, output.stderr)
}

#[track_caller]
fn is_same(arguments: &[&str]) {
    let alone = run(arguments, "1");
    assert!(alone.1.len() > 100, "{}", String::from_utf8_lossy(&alone.2));
    for threads in ["2", "3", "8"] {
        assert!(run(arguments, threads) == alone, "{arguments:?} on {threads} threads");
    }
}

fn written(name: &str, bytes: &[u8]) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn any_number_of_threads_writes_the_same_bytes() {
    let path = written("threads-much.pcap", &much());
    let path = path.to_str().unwrap();
    is_same(&["read", path, "--format", "ndjson"]);
    is_same(&["read", path, "--format", "ndjson", "--connection", "3,77", "--frames"]);
    is_same(&["read", path, "--format", "json", "--redact=payloads", "--redact-key", "0123456789abcdef"]);
    is_same(&["read", path, "--summary"]);
    is_same(&["read", path, "--where", "m.text.contains('77')", "--context", "1"]);
    is_same(&["read", path, "--format", "ndjson", "--max-connections", "40"]);
    is_same(&["check", path, "--format", "json"]);
    is_same(&["diff", path, testdata("01_seed_ws_hello.pcap").to_str().unwrap()]);
}

#[test]
fn a_file_that_ends_early_is_told_to_there_on_any_number_of_threads() {
    let mut file = much();
    file.truncate(file.len() * 2 / 3);
    let path = written("threads-cut.pcap", &file);
    is_same(&["read", path.to_str().unwrap(), "--format", "ndjson"]);
}

#[test]
fn a_pipe_gives_what_the_file_gives() {
    let file = much();
    let path = written("threads-piped.pcap", &file);
    let expected = wspect().args(["read", path.to_str().unwrap(), "--format", "ndjson"]).output().unwrap();
    let piped = wspect().args(["read", "-", "--format", "ndjson"]).write_stdin(file).output().unwrap();
    let lines =
        |bytes: &[u8]| bytes.split(|byte| *byte == b'\n').skip(1).map(<[u8]>::to_vec).collect::<Vec<_>>();
    let (mut expected, mut piped) = (lines(&expected.stdout), lines(&piped.stdout));
    // The last line names the input.
    assert!(expected.len() > 3000);
    expected.truncate(expected.len() - 2);
    piped.truncate(piped.len() - 2);
    assert!(expected == piped);
}

/// A reader that goes away, as `head` does, ends every thread.
#[cfg(unix)]
#[test]
fn a_reader_that_goes_away_ends_all_threads() {
    use std::io::Read;
    use std::process::{Command, Stdio};
    let path = written("threads-gone.pcap", &much());
    for threads in ["1", "2", "8"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wspect"));
        command.args(["read", path.to_str().unwrap(), "--format", "ndjson", "--threads", threads]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut first = [0; 100];
        child.stdout.take().unwrap().read_exact(&mut first).unwrap();
        child.wait().unwrap();
    }
}
