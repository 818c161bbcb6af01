//! `wspect live` while it runs.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, JoinHandle};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use crate::network::{LINK, Network};
use crate::peers::{Log, Sent};

/// A capture at the server, as NDJSON.
pub(crate) struct Watcher {
    pub(crate) child: Child,
    pub(crate) lines: BufReader<ChildStdout>,
    errors: JoinHandle<String>,
    said: Receiver<String>,
}

/// The program under test; `WSPECT_BIN` names another one.
pub(crate) fn program() -> String {
    std::env::var("WSPECT_BIN").unwrap_or_else(|_| env!("CARGO_BIN_EXE_wspect").to_owned())
}

impl Watcher {
    /// As soon as it captures.
    pub(crate) fn start(network: &Network, arguments: &[&str]) -> Self {
        Self::run(network, &[&["live", "-i", LINK, "--format", "ndjson"], arguments].concat(), &[])
    }

    /// With an environment of its own.
    pub(crate) fn run(network: &Network, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = network.command("server", &program());
        command.args(arguments).envs(environment.iter().copied());
        Self::spawn(&mut command)
    }

    /// Any command whose output is NDJSON.
    pub(crate) fn spawn(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let (say, said) = channel();
        let errors = thread::spawn(move || {
            let mut all = String::new();
            let mut line = String::new();
            while stderr.read_line(&mut line).is_ok_and(|read| read > 0) {
                let _ = say.send(line.clone());
                all.push_str(&std::mem::take(&mut line));
            }
            all
        });
        // The first line comes when the interface is open.
        let mut first = String::new();
        lines.read_line(&mut first).unwrap();
        assert!(first.contains("\"event\":\"capture\""), "{first:?}");
        Self { child, lines, errors, said }
    }

    /// The next line on standard error.
    pub(crate) fn next_notice(&self) -> String {
        self.said.recv().unwrap()
    }

    /// The next line of the output.
    pub(crate) fn next(&mut self) -> Value {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line:?}"))
    }

    /// Lines up to the one that is looked for.
    pub(crate) fn until(&mut self, mut is_it: impl FnMut(&Value) -> bool) -> Vec<Value> {
        let mut all = vec![self.next()];
        while !is_it(&all[all.len() - 1]) {
            all.push(self.next());
        }
        all
    }

    /// Sends a signal to wspect itself.
    pub(crate) fn signal(&self, signal: &str) {
        // `ip netns exec` becomes the program that it runs, so that the process is wspect's.
        assert!(
            Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap().success()
        );
    }

    /// Waits for the end: the lines that are left, the exit status, what was said on standard error.
    pub(crate) fn wait(mut self) -> (Vec<Value>, Option<i32>, String) {
        let mut rest = String::new();
        self.lines.read_to_string(&mut rest).unwrap();
        let status = self.child.wait().unwrap();
        let lines = rest.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        (lines, status.code(), self.errors.join().unwrap())
    }

    /// Ends with Ctrl-C.
    pub(crate) fn interrupt(self) -> Vec<Value> {
        self.signal("-INT");
        let (lines, status, errors) = self.wait();
        assert_eq!((status, errors.as_str()), (Some(0), ""));
        lines
    }
}

/// The messages of a capture by the client's port.
pub(crate) fn messages(lines: &[Value]) -> Log {
    let mut ports = std::collections::BTreeMap::new();
    let mut log = Log::new();
    for line in lines {
        match line["event"].as_str().unwrap() {
            "connection" => {
                let port = u16::try_from(line["client"]["port"].as_u64().unwrap()).unwrap();
                ports.insert(line["id"].as_u64().unwrap(), port);
                log.entry(port).or_default();
            }
            "message" => {
                let port = ports[&line["connection"].as_u64().unwrap()];
                let side = usize::from(line["direction"] == "server_to_client");
                log.entry(port).or_default()[side].push(sent(line));
            }
            _ => {}
        }
    }
    log
}

fn sent(line: &Value) -> Sent {
    let payload = match (line["text"].as_str(), line["base64"].as_str()) {
        (Some(text), _) => text.as_bytes().to_vec(),
        (None, Some(base64)) => BASE64_STANDARD.decode(base64).unwrap(),
        (None, None) => line.get("close").map(close).unwrap_or_default(),
    };
    Sent::new(line["type"].as_str().unwrap(), &payload)
}

/// The body of a Close.
fn close(close: &Value) -> Vec<u8> {
    let code = close["code"].as_u64().filter(|code| *code != 1005);
    let code = code.map(|code| u16::try_from(code).unwrap().to_be_bytes().to_vec()).unwrap_or_default();
    [code, close["reason"].as_str().unwrap_or_default().as_bytes().to_vec()].concat()
}
