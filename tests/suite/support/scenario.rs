//! A script of what clients and servers do → a capture of it.

use wspect::packet::Side;

use super::{Capture, Encapsulation, Frame, Upgrade, Wire};

/// A script of client and server actions over one or more TCP connections, with how it goes over the wire and
/// what the packets are wrapped in. Deterministic: the same script gives the same bytes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scenario {
    steps: Vec<Step>,
    lives: Vec<Life>,
    current: usize,
    masking_keys: u32,
    wire: Wire,
    encapsulation: Encapsulation,
}

/// What happens next, and on which TCP connection.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// Which of the scenario's lives.
    pub(crate) life: Life,
    pub(crate) action: Action,
}

/// One TCP connection from SYN to FIN. Several lives may share a 4-tuple, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Life {
    /// 0, 1, 2 … over the scenario.
    pub(crate) number: usize,
    pub(crate) client_port: u16,
}

#[derive(Clone, Debug)]
pub(crate) enum Action {
    /// The three segments of the TCP handshake; the SYN carries data, if any is given.
    Open(Vec<u8>),
    Write(Side, Vec<u8>),
    Acknowledge(Side),
    /// The same, with room for so many bytes.
    Window(Side, u16),
    Fin(Side),
    Reset(Side),
    /// Nothing, for so many nanoseconds.
    Wait(i64),
}

impl Scenario {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// What follows happens on the connection with this number, from 1; each has a client port of its own.
    /// A scenario that never asks is on connection 1.
    pub(crate) fn connection(mut self, number: u16) -> Self {
        let client_port = FIRST_CLIENT_PORT + number;
        // The latest life of the port, for a script that comes back to it.
        match self.lives.iter().rfind(|life| life.client_port == client_port) {
            Some(life) => self.current = life.number,
            None => self.begin_life(client_port),
        }
        self
    }

    /// What follows happens on a new TCP connection with the ports of the current one.
    pub(crate) fn next_life(mut self) -> Self {
        let port = self.lives[self.current].client_port;
        self.begin_life(port);
        self
    }

    /// The TCP handshake. Whatever speaks first on a connection opens it by itself.
    pub(crate) fn open(self) -> Self {
        self.open_with(b"")
    }

    /// The TCP handshake with data on the SYN (RFC 7413).
    pub(crate) fn open_with(mut self, data_on_syn: impl AsRef<[u8]>) -> Self {
        if self.lives.is_empty() {
            self = self.connection(1);
        }
        self.step(Action::Open(data_on_syn.as_ref().to_vec()))
    }

    /// A legal opening handshake.
    pub(crate) fn upgrade(mut self, target: &str) -> Self {
        self = self.opened();
        let upgrade = Upgrade::new(target).numbered(self.current as u64);
        self.upgrade_as(&upgrade)
    }

    /// This opening handshake.
    pub(crate) fn upgrade_as(self, upgrade: &Upgrade) -> Self {
        self.client(upgrade.request_bytes()).server(upgrade.response_bytes())
    }

    /// The client writes, at once, a frame, several frames or bytes as they are.
    pub(crate) fn client(self, what: impl Into<Written>) -> Self {
        self.write(Side::Client, what.into())
    }

    /// The server writes, at once, a frame, several frames or bytes as they are.
    pub(crate) fn server(self, what: impl Into<Written>) -> Self {
        self.write(Side::Server, what.into())
    }

    /// A segment without data that acknowledges all that its sender was sent.
    pub(crate) fn ack(self, by: Side) -> Self {
        self.step(Action::Acknowledge(by))
    }

    /// The same, saying that its sender has room for so many bytes.
    pub(crate) fn window(self, by: Side, bytes: u16) -> Self {
        self.step(Action::Window(by, bytes))
    }

    /// Both ends close the TCP connection, the server first, as RFC 6455 §7.1.1 would have it.
    pub(crate) fn fin(self) -> Self {
        self.fin_by(Side::Server).fin_by(Side::Client).ack(Side::Server)
    }

    pub(crate) fn fin_by(self, side: Side) -> Self {
        self.step(Action::Fin(side))
    }

    pub(crate) fn reset_by(self, side: Side) -> Self {
        self.step(Action::Reset(side))
    }

    /// Nothing happens for so many nanoseconds.
    pub(crate) fn wait(self, nanos: i64) -> Self {
        self.step(Action::Wait(nanos))
    }

    /// How the script becomes packets: segment sizes, order, loss.
    pub(crate) fn wire(self, wire: Wire) -> Self {
        Self { wire, ..self }
    }

    /// What the packets are wrapped in.
    pub(crate) fn over(self, encapsulation: Encapsulation) -> Self {
        Self { encapsulation, ..self }
    }

    pub(crate) fn capture(&self) -> Capture {
        self.wire.capture(&self.steps, self.encapsulation)
    }

    /// The capture as a little-endian pcap file of microseconds.
    pub(crate) fn pcap(&self) -> Vec<u8> {
        self.capture().pcap()
    }

    pub(super) fn steps(&self) -> &[Step] {
        &self.steps
    }

    fn begin_life(&mut self, client_port: u16) {
        self.current = self.lives.len();
        self.lives.push(Life { number: self.current, client_port });
    }

    /// On a connection, and that one opened.
    fn opened(mut self) -> Self {
        if self.lives.is_empty() {
            self = self.connection(1);
        }
        let life = self.lives[self.current];
        let is_open =
            self.steps.iter().any(|step| step.life == life && matches!(step.action, Action::Open(_)));
        if is_open { self } else { self.open() }
    }

    fn write(mut self, side: Side, what: Written) -> Self {
        let bytes = match what {
            Written::Bytes(bytes) => bytes,
            Written::Frames(frames) => {
                frames.iter().flat_map(|frame| frame.bytes(side, self.fresh_masking_key())).collect()
            }
        };
        self.opened().step(Action::Write(side, bytes))
    }

    /// A key that looks random, never repeats within 2^32 frames and is the same in each run.
    fn fresh_masking_key(&mut self) -> [u8; 4] {
        self.masking_keys += 1;
        self.masking_keys.wrapping_mul(0x9e37_79b1).rotate_left(9).wrapping_mul(0x85eb_ca6b).to_be_bytes()
    }

    fn step(mut self, action: Action) -> Self {
        if self.lives.is_empty() {
            self = self.connection(1);
        }
        self.steps.push(Step { life: self.lives[self.current], action });
        self
    }
}

/// What is written to a TCP connection at once.
pub(crate) enum Written {
    Frames(Vec<Frame>),
    Bytes(Vec<u8>),
}

impl From<Frame> for Written {
    fn from(frame: Frame) -> Self {
        Self::Frames(vec![frame])
    }
}

impl From<Vec<Frame>> for Written {
    fn from(frames: Vec<Frame>) -> Self {
        Self::Frames(frames)
    }
}

impl From<Vec<u8>> for Written {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<&[u8]> for Written {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

impl From<&str> for Written {
    fn from(bytes: &str) -> Self {
        Self::Bytes(bytes.into())
    }
}

const FIRST_CLIENT_PORT: u16 = 50_000;

#[cfg(test)]
mod tests {
    use super::super::{close, text};
    use super::*;

    fn happens(script: &Scenario) -> Vec<String> {
        let word = |step: &Step| match &step.action {
            Action::Open(data) => format!("open with {}", data.len()),
            Action::Write(side, bytes) => format!("{side:?} writes {}", bytes.len()),
            other => format!("{other:?}"),
        };
        let line = |step: &Step| format!("{} {}", step.life.client_port, word(step));
        script.steps().iter().map(line).collect()
    }

    #[test]
    fn whoever_speaks_first_opens_the_connection() {
        let script = Scenario::new().server(text("Hello")).client(close(1000, "")).reset_by(Side::Server);
        let expected =
            ["50001 open with 0", "50001 Server writes 7", "50001 Client writes 8", "50001 Reset(Server)"];
        assert_eq!(happens(&script), expected);
        assert_eq!(happens(&Scenario::new().open_with("abc")), ["50001 open with 3"]);
    }

    #[test]
    fn connections_take_turns_and_lives_follow_each_other() {
        let script = Scenario::new()
            .client("a")
            .connection(2)
            .client("b")
            .connection(1)
            .client("c")
            .next_life()
            .client("d");
        let lives: Vec<_> =
            script.steps().iter().map(|step| (step.life.client_port, step.life.number)).collect();
        assert_eq!(
            lives,
            [(50001, 0), (50001, 0), (50002, 1), (50002, 1), (50001, 0), (50001, 2), (50001, 2)]
        );
    }

    #[test]
    fn the_same_script_gives_the_same_bytes_and_no_key_comes_twice() {
        let script = || Scenario::new().upgrade("/").client(text("a")).client(text("a"));
        assert_eq!(script().pcap(), script().pcap());
        let frames: Vec<_> = script().steps()[3..].iter().map(|step| format!("{:?}", step.action)).collect();
        assert_ne!(frames[0], frames[1]);
    }
}
