//! Many connections that take turns → one capture.

use std::io::{self, Write};

use crate::body::Noise;
use crate::connection::{Care, Connection, Segment};
use crate::expected::Expected;
use crate::http;
use crate::packet::{self, Address, Host, Route};
use crate::random::Random;
use crate::recorder::Recorder;
use crate::talk::{LARGEST, Phase, Talk, Wish, World};

/// What traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// Short text messages on many connections.
    Chat,
    /// Binary messages of 64 KiB to 1 MiB on a few.
    Bulk,
    /// JSON with permessage-deflate and context takeover.
    Deflate,
    /// Connections that end after a message each way.
    Churn,
    /// A twentieth of the bytes is chat, the rest HTTP, the shape of TLS, and DNS.
    Noise,
    /// Chat of which 1 % of the data segments come late, 0.5 % twice and 0.1 % never.
    Lossy,
}

/// A capture to be made.
#[derive(Clone, Copy, Debug)]
pub struct Workload {
    /// What traffic.
    pub kind: Kind,
    /// About how many bytes: then all connections come to their end.
    pub bytes: u64,
    /// How many connections are open at the same time. Those that had no time to open never do.
    pub connections: usize,
    /// Another seed gives another capture of the same kind.
    pub seed: u64,
}

impl Kind {
    /// As on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Bulk => "bulk",
            Self::Deflate => "deflate",
            Self::Churn => "churn",
            Self::Noise => "noise",
            Self::Lossy => "lossy",
        }
    }

    /// Connections that are open at the same time, where nobody says how many.
    pub const fn connections(self) -> usize {
        match self {
            Self::Chat | Self::Lossy => 2000,
            Self::Bulk => 8,
            Self::Deflate => 200,
            Self::Churn => 1000,
            Self::Noise => 500,
        }
    }

    /// The WebSocket connections of it.
    const fn talk(self) -> Talk {
        match self {
            Self::Chat | Self::Lossy | Self::Noise => Talk::Chat,
            Self::Bulk => Talk::Bulk,
            Self::Deflate => Talk::Deflate,
            Self::Churn => Talk::Brief,
        }
    }

    /// Bytes of noise that are needed at once.
    const fn most_noise(self) -> usize {
        match self {
            Self::Bulk | Self::Noise => LARGEST,
            _ => 0,
        }
    }

    /// Packets that a connection sends before another one has its turn.
    const fn most_in_turn(self) -> u32 {
        match self {
            Self::Bulk => 16,
            _ => 1,
        }
    }
}

impl Workload {
    /// Writes the capture, a pcap file, to `out`.
    ///
    /// # Errors
    /// What the writer says.
    pub fn write(&self, out: impl Write) -> io::Result<Expected> {
        let mut generator = Generator::new(self, out)?;
        match self.kind {
            Kind::Noise => generator.mix()?,
            _ => generator.play()?,
        }
        let mut expected = generator.world.expected;
        expected.file_bytes = generator.recorder.bytes;
        expected.packets = generator.recorder.packets;
        generator.recorder.finish()?;
        Ok(expected)
    }
}

struct Generator<'a, W> {
    workload: &'a Workload,
    recorder: Recorder<W>,
    world: World,
    frame: Vec<u8>,
    identification: u16,
    dns_bytes: u64,
}

impl<'a, W: Write> Generator<'a, W> {
    fn new(workload: &'a Workload, out: W) -> io::Result<Self> {
        let mut random = Random::new(workload.seed);
        let noise = Noise::new(&mut random, workload.kind.most_noise());
        let expected = Expected {
            workload: workload.kind.name().to_owned(),
            seed: workload.seed,
            ..Expected::default()
        };
        let recorder = Recorder::begin(out)?;
        let micros = recorder.micros();
        let keeps_places = workload.kind == Kind::Lossy;
        let world = World { random, noise, expected, micros, keeps_places };
        Ok(Self { workload, recorder, world, frame: Vec::new(), identification: 0, dns_bytes: 0 })
    }

    fn is_over(&self) -> bool {
        self.recorder.bytes >= self.workload.bytes
    }

    /// All connections are of one talk.
    fn play(&mut self) -> io::Result<()> {
        let mut open = Vec::new();
        while !self.is_over() || !open.is_empty() {
            // They open one after the other, not all in the first moment.
            let may_open = !self.is_over() && open.len() < self.workload.connections.max(1);
            if may_open && (open.is_empty() || self.world.random.below(8) == 0) {
                let connection = self.open(self.workload.kind.talk());
                open.push(connection);
                self.note_open(open.len());
            }
            self.turn(&mut open, self.workload.kind.most_in_turn())?;
        }
        Ok(())
    }

    /// Chat has the first call until it has its share, then DNS, then all else.
    fn mix(&mut self) -> io::Result<()> {
        let chats = (self.workload.connections / 5).max(1);
        let mut chat: Vec<_> = (0..chats).map(|_| self.open(Talk::Chat)).collect();
        let mut others = Vec::new();
        let room = self.workload.connections.saturating_sub(chats).max(1);
        while !chat.is_empty() || !others.is_empty() || !self.is_over() {
            self.note_open(chat.len() + others.len());
            if self.is_over() {
                self.turn(if others.is_empty() { &mut chat } else { &mut others }, 6)?;
            } else if self.world.expected.ws_file_bytes * CHAT_SHARE < self.recorder.bytes {
                self.turn(&mut chat, 1)?;
            } else if self.dns_bytes * DNS_SHARE < self.recorder.bytes {
                self.dns()?;
            } else {
                if others.len() < room {
                    let talk = other_talk(&mut self.world.random);
                    let connection = self.open(talk);
                    others.push(connection);
                }
                self.turn(&mut others, 6)?;
            }
        }
        Ok(())
    }

    fn open(&mut self, talk: Talk) -> Connection {
        let expected = &mut self.world.expected;
        let number = expected.tcp_connections as u32;
        expected.tcp_connections += 1;
        expected.ws_connections += u64::from(talk.is_websocket());
        expected.ws_upgrades_refused += u64::from(talk == Talk::Refused);
        Connection::new(talk, number, &mut self.world.random)
    }

    fn note_open(&mut self, count: usize) {
        let most = &mut self.world.expected.max_open_connections;
        *most = (*most).max(count as u64);
    }

    /// One of the connections, at random, sends up to `most` packets.
    fn turn(&mut self, open: &mut Vec<Connection>, most: u32) -> io::Result<()> {
        if open.is_empty() {
            return Ok(());
        }
        let index = self.world.random.index(open.len());
        let wish = if self.is_over() { Wish::End } else { Wish::GoOn };
        for _ in 0..self.world.random.between(1, most) {
            let connection = &mut open[index];
            self.step(connection, wish)?;
            if connection.phase == Phase::Done {
                self.settle(open.swap_remove(index));
                break;
            }
        }
        Ok(())
    }

    /// One packet of a connection.
    fn step(&mut self, connection: &mut Connection, wish: Wish) -> io::Result<()> {
        let segment = match connection.next_segment() {
            Some(segment) => segment,
            None => {
                self.world.micros = self.recorder.micros();
                let before = connection.phase;
                connection.go_on(&mut self.world, wish);
                if matches!((before, connection.phase), (Phase::Talking { .. }, Phase::Closing)) {
                    // What the network delayed comes before the end.
                    for segment in connection.due(None) {
                        self.deliver(connection, &segment)?;
                    }
                }
                let Some(segment) = connection.next_segment() else { return Ok(()) };
                segment
            }
        };
        if self.workload.kind == Kind::Lossy && segment.care == Care::Exposed {
            return self.expose(connection, segment);
        }
        self.pass(connection, &segment)
    }

    /// Sends a segment through a network, and past a recorder, that are not perfect.
    fn expose(&mut self, connection: &mut Connection, segment: Segment) -> io::Result<()> {
        let loss = &mut self.world.expected.loss;
        match self.world.random.below(1000) {
            0 => {
                loss.dropped += 1;
                connection.lose(&segment);
                connection.arrive(&segment);
                Ok(())
            }
            1..11 => {
                loss.reordered += 1;
                connection.hold(self.world.random.between(1, 3), segment);
                Ok(())
            }
            11..16 => {
                loss.retransmitted += 1;
                connection.hold(self.world.random.between(1, 6), segment.clone());
                self.pass(connection, &segment)
            }
            _ => self.pass(connection, &segment),
        }
    }

    fn pass(&mut self, connection: &mut Connection, segment: &Segment) -> io::Result<()> {
        self.deliver(connection, segment)?;
        for late in connection.due(Some(segment)) {
            self.deliver(connection, &late)?;
        }
        Ok(())
    }

    fn deliver(&mut self, connection: &mut Connection, segment: &Segment) -> io::Result<()> {
        connection.arrive(segment);
        self.identification = self.identification.wrapping_add(1);
        let route = connection.route(segment, self.identification);
        packet::tcp(&mut self.frame, &route, &connection.header(segment), segment.payload());
        let taken = self.recorder.record(&self.frame, &mut self.world.random)?;
        self.world.expected.tcp_packets += 1;
        if connection.talk.is_websocket() {
            self.world.expected.ws_file_bytes += taken;
        }
        Ok(())
    }

    /// A question and its answer.
    fn dns(&mut self) -> io::Result<()> {
        let client = Host {
            mac: [2, 0, 0, 0, 0, 0x11],
            address: Address::V4([10, 9, 0, 1]),
            port: 1024 + self.world.random.below(60_000) as u16,
        };
        let server = Host { mac: [2, 0, 0, 0, 0, 0x22], address: Address::V4([192, 0, 2, 53]), port: 53 };
        let [question, answer] = http::dns(&mut self.world.random);
        for (from, to, payload) in [(client, server, question), (server, client, answer)] {
            self.identification = self.identification.wrapping_add(1);
            let route = Route { from, to, identification: self.identification };
            packet::udp(&mut self.frame, &route, &payload);
            self.dns_bytes += self.recorder.record(&self.frame, &mut self.world.random)?;
            self.world.expected.udp_packets += 1;
        }
        Ok(())
    }

    /// A connection has ended.
    fn settle(&mut self, connection: Connection) {
        if !self.world.keeps_places {
            return;
        }
        let loss = &mut self.world.expected.loss;
        let before = loss.directions_with_gap;
        for lane in connection.lanes {
            lane.ledger.settle(loss);
        }
        loss.connections_with_gap += u64::from(loss.directions_with_gap > before);
    }
}

fn other_talk(random: &mut Random) -> Talk {
    match random.below(200) {
        0 => Talk::Refused,
        1..100 => Talk::Web,
        _ => Talk::Tls,
    }
}

/// One byte of so many is chat.
const CHAT_SHARE: u64 = 20;
/// One byte of so many is DNS.
const DNS_SHARE: u64 = 25;

#[cfg(test)]
mod tests {
    use super::*;

    fn made(kind: Kind, seed: u64) -> (Vec<u8>, Expected) {
        let mut capture = Vec::new();
        let connections = kind.connections().min(20);
        let bytes = if matches!(kind, Kind::Bulk | Kind::Noise) { 1_500_000 } else { 150_000 };
        let expected = Workload { kind, bytes, connections, seed }.write(&mut capture).unwrap();
        (capture, expected)
    }

    const KINDS: [Kind; 6] = [Kind::Chat, Kind::Bulk, Kind::Deflate, Kind::Churn, Kind::Noise, Kind::Lossy];

    #[test]
    fn the_same_workload_gives_the_same_bytes_and_another_seed_others() {
        for kind in KINDS {
            let first = made(kind, 1);
            assert!(first == made(kind, 1), "{kind:?}");
            assert!(first.0 != made(kind, 2).0, "{kind:?}");
        }
    }

    #[test]
    fn the_counts_are_those_of_the_file() {
        for kind in KINDS {
            let (capture, expected) = made(kind, 1);
            assert_eq!(capture.len() as u64, expected.file_bytes);
            let mut rest = &capture[24..];
            let mut packets = 0;
            while let Some((header, after)) = rest.split_first_chunk::<16>() {
                let length = u32::from_le_bytes(*header[8..].first_chunk().unwrap()) as usize;
                rest = &after[length..];
                packets += 1;
            }
            assert_eq!(packets, expected.packets, "{kind:?}");
            assert_eq!(packets, expected.tcp_packets + expected.udp_packets);
            assert!(expected.messages.total > 0 && expected.frames.close == 2 * expected.ws_connections);
        }
    }

    #[test]
    fn each_kind_has_what_it_is_named_after() {
        let of = |kind| made(kind, 1).1;
        assert!(of(Kind::Deflate).messages.compressed > 0);
        assert!(of(Kind::Bulk).messages.binary > 0 && of(Kind::Bulk).frames.continuation > 0);
        assert!(of(Kind::Churn).tcp_connections > 40);
        let noise = of(Kind::Noise);
        assert!(noise.udp_packets > 0 && noise.ws_file_bytes * 10 < noise.file_bytes);
        let loss = of(Kind::Lossy).loss;
        assert!(loss.reordered > 0 && loss.retransmitted > 0);
    }
}
