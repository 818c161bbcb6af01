//! The endpoints: tungstenite's server and client, which log each message that they send, a line each.
//!
//! They run as processes of this test's own program, so that each can be in a namespace of its own.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::sync::mpsc::channel;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use sha1::{Digest, Sha1};
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::{CloseFrame, WebSocket};
use tungstenite::{Bytes, ClientRequestBuilder, Message};

use crate::network::{Network, SERVER};

/// A message as its sender knows it: type, length, SHA-1 of its payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) kind: String,
    pub(crate) length: u64,
    pub(crate) digest: String,
}

impl Sent {
    pub(crate) fn new(kind: &str, payload: &[u8]) -> Self {
        let digest = Sha1::digest(payload).iter().map(|byte| format!("{byte:02x}")).collect();
        Self { kind: kind.to_owned(), length: payload.len() as u64, digest }
    }
}

/// What each connection's endpoints sent, by the client's port: client first.
pub(crate) type Log = BTreeMap<u16, [Vec<Sent>; 2]>;

/// An endpoint that runs.
pub(crate) struct Peer {
    child: Child,
    /// What it says, read as it says it: a full pipe would stop it.
    log: JoinHandle<Log>,
}

impl Peer {
    /// The server, as soon as it listens.
    pub(crate) fn server(network: &Network) -> Self {
        let (say, listens) = channel();
        let peer = Self::run(network, "server", &["server"], move || say.send(()).unwrap_or_default());
        listens.recv().expect("the server listens");
        peer
    }

    /// A client that does what the words say.
    pub(crate) fn client(network: &Network, words: &[&str]) -> Self {
        Self::run(network, "client", words, || ())
    }

    fn run(network: &Network, space: &str, words: &[&str], listens: impl Fn() + Send + 'static) -> Self {
        let program = std::env::current_exe().unwrap();
        let mut command = network.command(space, program.to_str().unwrap());
        command.args(["--exact", "peers::endpoint", "--nocapture", "--test-threads=1"]);
        let mut child = command.env(ROLE, words.join(" ")).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, log: thread::spawn(move || collect(lines, &listens)) }
    }

    /// Waits for the end of a client.
    pub(crate) fn finish(mut self, log: &mut Log) {
        assert!(self.child.wait().unwrap().success());
        add(self.log.join().unwrap(), log);
    }

    /// Ends a server.
    pub(crate) fn stop(mut self, log: &mut Log) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        add(self.log.join().unwrap(), log);
    }
}

fn add(more: Log, log: &mut Log) {
    for (port, [client, server]) in more {
        let known = log.entry(port).or_default();
        known[0].extend(client);
        known[1].extend(server);
    }
}

fn collect(lines: impl BufRead, listens: &dyn Fn()) -> Log {
    let mut log = Log::new();
    for line in lines.lines().map_while(Result::ok) {
        if line.contains("listening") {
            listens();
        }
        let Some(rest) = line.split("LOG ").nth(1) else { continue };
        let [port, side, kind, length, digest] = rest.split(' ').collect::<Vec<_>>()[..] else { continue };
        let sent = Sent { kind: kind.to_owned(), length: length.parse().unwrap(), digest: digest.to_owned() };
        log.entry(port.parse().unwrap()).or_default()[usize::from(side == "server")].push(sent);
    }
    log
}

const ROLE: &str = "WSPECT_TEST_ENDPOINT";

/// Not a test: what an endpoint's process runs.
#[test]
fn endpoint() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let words: Vec<&str> = role.split(' ').collect();
    let number = |place: usize| words.get(place).map_or(0, |word: &&str| word.parse::<u64>().unwrap());
    match words[0] {
        "server" => serve(),
        "chat" => chat(number(1)),
        "flood" => flood(number(1)),
        "churn" => churn(Duration::from_secs(number(1)), number(2)),
        "noise" => noise(number(1)),
        other => panic!("{other}"),
    }
}

fn log(port: u16, side: &str, message: &Message) {
    let (kind, payload) = match message {
        Message::Text(text) => ("text", Bytes::from(text.as_str().to_owned())),
        Message::Binary(bytes) => ("binary", bytes.clone()),
        Message::Ping(bytes) => ("ping", bytes.clone()),
        Message::Pong(bytes) => ("pong", bytes.clone()),
        Message::Close(frame) => {
            let code = frame.as_ref().map(|frame| u16::from(frame.code).to_be_bytes());
            let reason = frame.as_ref().map(|frame| frame.reason.as_str()).unwrap_or_default();
            (
                "close",
                Bytes::from([code.as_ref().map_or(&[][..], |code| &code[..]), reason.as_bytes()].concat()),
            )
        }
        Message::Frame(_) => unreachable!(),
    };
    let Sent { kind, length, digest } = Sent::new(kind, &payload);
    println!("LOG {port} {side} {kind} {length} {digest}");
}

/// Answers each message with the same, after a Ping for each that is longer than most.
fn serve() {
    let listener = TcpListener::bind((SERVER, 80)).unwrap();
    println!("listening");
    std::io::stdout().flush().unwrap();
    for stream in listener.incoming() {
        let stream = stream.unwrap();
        thread::Builder::new().stack_size(256 << 10).spawn(move || answer(stream)).unwrap();
    }
}

fn answer(stream: TcpStream) {
    let port = stream.peer_addr().unwrap().port();
    stream.set_nodelay(true).unwrap();
    let Ok(mut socket) = tungstenite::accept(stream) else { return };
    let mut floods = false;
    while let Ok(message) = socket.read() {
        floods |= matches!(&message, Message::Text(text) if text.as_str() == "flood");
        let answers = match message {
            _ if floods => continue,
            Message::Close(frame) => {
                log(port, "server", &Message::Close(frame));
                while socket.read().is_ok() {}
                return;
            }
            Message::Pong(_) => continue,
            Message::Binary(bytes) if bytes.len() > 1000 => {
                vec![Message::Ping(Bytes::from_static(b"there?")), Message::Binary(bytes)]
            }
            other => vec![other],
        };
        for answer in answers {
            log(port, "server", &answer);
            if socket.send(answer).is_err() {
                return;
            }
        }
    }
}

/// Stands in the target and in a cookie of each connection.
pub(crate) const SECRET: &str = "inTheHandshake";

fn connect() -> (u16, WebSocket<TcpStream>) {
    let stream = TcpStream::connect((SERVER, 80)).unwrap();
    stream.set_nodelay(true).unwrap();
    let port = stream.local_addr().unwrap().port();
    let target = format!("ws://{SERVER}/chat?token={SECRET}").parse().unwrap();
    let request = ClientRequestBuilder::new(target).with_header("Cookie", format!("sid={SECRET}"));
    (port, tungstenite::client(request, stream).unwrap().0)
}

/// Several connections, one after the other and two at a time, with messages of all sizes.
fn chat(connections: u64) {
    let one = |number: u64| {
        let (port, mut socket) = connect();
        for length in [0, 1, 125, 126, 1000, 1460, 65_535, 65_536, 200_000] {
            let byte = u8::try_from((length as u64 + number) % 26).unwrap() + b'a';
            let messages = [
                Message::text(String::from_utf8(vec![byte; length]).unwrap()),
                Message::binary(vec![byte ^ 0x80; length]),
            ];
            for message in messages {
                log(port, "client", &message);
                socket.send(message.clone()).unwrap();
                while socket.read().unwrap().is_ping() {
                    log(port, "client", &Message::Pong(Bytes::from_static(b"there?")));
                    socket.flush().unwrap();
                }
            }
        }
        let bye = CloseFrame { code: CloseCode::Normal, reason: "bye".into() };
        log(port, "client", &Message::Close(Some(bye.clone())));
        socket.close(Some(bye)).unwrap();
        while socket.read().is_ok() {}
    };
    thread::scope(|scope| {
        for worker in 0..2 {
            scope.spawn(move || (0..connections / 2).for_each(|number| one(2 * number + worker)));
        }
    });
}

/// So many small messages as fast as they go.
fn flood(messages: u64) {
    let (_, mut socket) = connect();
    socket.send(Message::text("flood")).unwrap();
    for number in 0..messages {
        socket.write(Message::text(format!("message {number}"))).unwrap();
        if number % 16 == 0 {
            socket.flush().unwrap();
        }
    }
    socket.close(None).unwrap();
    while socket.read().is_ok() {}
}

/// Connections that come and go, so many a second: most closed well, some dropped, some that speak plain HTTP.
fn churn(duration: Duration, rate: u64) {
    let (begin, pause) = (Instant::now(), Duration::from_secs(1) / u32::try_from(rate).unwrap());
    for number in 0_u32.. {
        let due = begin + pause * number;
        thread::sleep(due.saturating_duration_since(Instant::now()));
        if begin.elapsed() >= duration {
            return;
        }
        if number % 5 == 4 {
            request(&format!("/page/{number}"));
            continue;
        }
        let (_, mut socket) = connect();
        for length in [20, 200, 2000] {
            socket.send(Message::text("x".repeat(length))).unwrap();
            socket.read().unwrap();
        }
        if number % 7 != 0 {
            socket.close(None).unwrap();
            while socket.read().is_ok() {}
        }
    }
}

/// Requests that are none for a WebSocket: the server refuses and closes.
fn noise(requests: u64) {
    (0..requests).for_each(|number| request(&format!("/noise/{number}")));
}

fn request(target: &str) {
    let mut stream = TcpStream::connect((SERVER, 80)).unwrap();
    let _ = write!(stream, "GET {target} HTTP/1.1\r\nHost: {SERVER}\r\nConnection: close\r\n\r\n");
    let _ = std::io::copy(&mut stream, &mut std::io::sink());
}
