//! `wspect read` of a pipe that nobody closes, and the signals that end it.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::support::{Scenario, text};

#[test]
fn a_signal_ends_reading_with_what_was_read_and_says_so() {
    for signal in ["INT", "TERM"] {
        let capture = Scenario::new().upgrade("/chat").client(text("LUOZHOU")).pcap();
        let mut reading = Reading::of(&capture);
        // All of the capture is read, and more is waited for.
        while reading.line()["event"] != "message" {}
        reading.signal(signal);
        let mut last = Value::Null;
        while last["event"] != "totals" {
            last = reading.line();
        }
        let packets = &last["packets"];
        let (status, said) = reading.end();
        assert_eq!(status, Some(0), "{said}");
        let expected =
            format!("wspect: stopped by a signal after {packets} packets: what follows was not read\n");
        assert_eq!(said, expected);
    }
}

/// A program that reads a pipe. However a test ends, the program does, and its pipes are closed.
struct Reading {
    child: Child,
    /// Open to the end.
    stdin: ChildStdin,
    lines: Receiver<String>,
    said: Receiver<String>,
}

impl Reading {
    fn of(capture: &[u8]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_wspect"))
            .args(["read", "-", "--format", "ndjson"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(capture).unwrap();
        let (stdout, mut stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let (line, lines) = channel();
        thread::spawn(move || BufReader::new(stdout).lines().try_for_each(|read| line.send(read.unwrap())));
        let (all, said) = channel();
        thread::spawn(move || {
            let mut text = String::new();
            stderr.read_to_string(&mut text).unwrap();
            all.send(text)
        });
        Self { child, stdin, lines, said }
    }

    /// The next line of its output. A program that has nothing to say for so long never will.
    fn line(&mut self) -> Value {
        serde_json::from_str(&self.lines.recv_timeout(DEADLINE).unwrap()).unwrap()
    }

    fn signal(&self, name: &str) {
        let kill = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(kill.unwrap().success());
    }

    /// Its exit status, and all that it said.
    fn end(mut self) -> (Option<i32>, String) {
        let said = self.said.recv_timeout(DEADLINE).unwrap();
        (self.child.wait().unwrap().code(), said)
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = self.stdin.flush();
    }
}

/// For a machine that has much else to do.
const DEADLINE: Duration = Duration::from_secs(60);
