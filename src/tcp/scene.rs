//! Packets written as lines, pushed through trackers as a caller does, and what came out.

use super::{Delivery, Direction, GapReason, Tracker};
use crate::decode::{FlowKey, Segment, TcpFlags};
use crate::limits::Limits;
use crate::packet::{Endpoint, PacketRef, Timestamp};

/// A segment without its addresses.
#[derive(Clone, Debug)]
pub(super) struct Packet {
    pub(super) direction: Direction,
    pub(super) flags: u8,
    pub(super) seq: u32,
    pub(super) ack: u32,
    pub(super) window: u16,
    pub(super) payload: Vec<u8>,
    pub(super) cut: u32,
}

impl Packet {
    /// `> S. 100:300 text cut=3 win=0`: direction, flags as tcpdump writes them (`.` is ACK), numbers, payload.
    pub(super) fn parse(line: &str) -> Self {
        let mut words = line.split_whitespace();
        let direction = match words.next() {
            Some(">") => Direction::Forward,
            Some("<") => Direction::Backward,
            other => panic!("no direction in {line:?}: {other:?}"),
        };
        let flags = words.next().unwrap().chars().fold(0, |flags, letter| {
            flags
                | match letter {
                    'S' => TcpFlags::SYN.0,
                    'F' => TcpFlags::FIN.0,
                    'R' => TcpFlags::RST.0,
                    'P' => TcpFlags::PSH.0,
                    'U' => TcpFlags::URG.0,
                    '.' => TcpFlags::ACK.0,
                    _ => panic!("no flag: {letter}"),
                }
        });
        let numbers = words.next().unwrap();
        let (seq, ack) = numbers.split_once(':').unwrap_or((numbers, "0"));
        let mut packet = Self {
            direction,
            flags,
            seq: seq.parse().unwrap(),
            ack: ack.parse().unwrap(),
            window: 1000,
            payload: Vec::new(),
            cut: 0,
        };
        for word in words {
            match word.split_once('=') {
                Some(("cut", value)) => packet.cut = value.parse().unwrap(),
                Some(("win", value)) => packet.window = value.parse().unwrap(),
                _ => packet.payload = word.into(),
            }
        }
        packet
    }

    pub(super) fn segment(&self, number: u64) -> Segment<'_> {
        let low = Endpoint { address: [192, 0, 2, 1].into(), port: 50_000 };
        let high = Endpoint { address: [192, 0, 2, 2].into(), port: 80 };
        Segment {
            at: at(number),
            flow: FlowKey::of(low, high).0,
            direction: self.direction,
            seq: self.seq,
            ack: self.ack,
            flags: TcpFlags(self.flags),
            window: self.window,
            payload: &self.payload,
            cut: self.cut,
        }
    }
}

pub(super) fn at(number: u64) -> PacketRef {
    PacketRef { number, time: Timestamp::from_nanos(number.cast_signed()), file: 0 }
}

pub(super) fn small_limits() -> Limits {
    Limits { reorder_packets: 4, early_bytes: 4096, ..Limits::default() }
}

/// All lives of one flow.
pub(super) struct Scene {
    limits: Limits,
    number: u64,
    pub(super) tracker: Tracker,
    pub(super) heard: [Heard; 2],
    pub(super) order: Vec<u64>,
    /// The last packet behind which the tracker was in order.
    settled: u64,
    pub(super) lives: Vec<String>,
}

impl Scene {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            number: 0,
            tracker: Tracker::new(&limits),
            heard: Default::default(),
            order: Vec::new(),
            settled: 0,
            lives: Vec::new(),
            limits,
        }
    }

    /// Plays lines to the end and describes each life.
    pub(super) fn play(limits: Limits, lines: &str) -> Vec<String> {
        let mut scene = Self::new(limits);
        scene.lines(lines);
        scene.close();
        scene.lives
    }

    pub(super) fn lines(&mut self, lines: &str) {
        for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
            self.push(&Packet::parse(line));
        }
    }

    pub(super) fn push(&mut self, packet: &Packet) {
        self.number += 1;
        let segment = packet.segment(self.number);
        if self.tracker.begins_anew(&segment) {
            self.close();
        }
        let (heard, order, settled) = (&mut self.heard, &mut self.order, self.settled);
        self.tracker.push(&segment, &mut |direction, delivery| {
            heard[direction.index()].take(delivery, order, settled);
        });
        self.note_order();
    }

    fn note_order(&mut self) {
        if self.tracker.is_in_order() {
            self.settled = self.number;
        }
    }

    /// As [`push`](Self::push), by the short way where there is one. Was there?
    pub(super) fn push_quickly(&mut self, packet: &Packet) -> bool {
        let segment = packet.segment(self.number + 1);
        if !self.tracker.is_next(&segment) {
            self.push(packet);
            return false;
        }
        self.number += 1;
        assert!(!self.tracker.begins_anew(&segment));
        if let Some(chunk) = self.tracker.advance(&segment) {
            let heard = &mut self.heard[packet.direction.index()];
            heard.take(Delivery::Chunk(chunk), &mut self.order, self.settled);
        }
        self.note_order();
        true
    }

    pub(super) fn flush(&mut self) {
        let (heard, order, settled) = (&mut self.heard, &mut self.order, self.settled);
        self.tracker.flush(at(self.number), &mut |direction, delivery| {
            heard[direction.index()].take(delivery, order, settled);
        });
    }

    /// Flushes this life and begins another.
    pub(super) fn close(&mut self) {
        self.flush();
        let finished = if self.tracker.finished() { " finished" } else { "" };
        let arrow = |direction| if direction == Direction::Forward { '>' } else { '<' };
        let opener = self.tracker.opener().map_or('?', arrow);
        let end = self.tracker.first_end().map_or("open".to_owned(), |end| {
            format!("{}{:?}@{}", arrow(end.direction), end.how, end.at.number)
        });
        let [forward, backward] = std::mem::take(&mut self.heard);
        self.lives.push(format!("{opener} >{} <{} {end}{finished}", forward.text, backward.text));
        self.tracker = Tracker::new(&self.limits);
    }
}

fn packet_of(delivery: &Delivery<'_>) -> u64 {
    match delivery {
        Delivery::Chunk(chunk) => chunk.at.number,
        Delivery::Gap(gap) => gap.at.number,
        Delivery::Conflict(conflict) => conflict.at.number,
    }
}

/// What one direction said. Holds that offsets follow each other without a step, and that nothing is of a packet before one behind
/// which all was in order.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// The bytes, gaps as `[length reason]`, conflicts as `{offset length}`.
    pub(super) text: String,
    /// The bytes, those of gaps (as far as they are few) as `GONE`.
    pub(super) bytes: Vec<u8>,
    pub(super) gaps: Vec<(u64, u64, GapReason)>,
    pub(super) conflicts: usize,
    pub(super) end: u64,
}

pub(super) const GONE: u8 = 0xff;

impl Heard {
    fn take(&mut self, delivery: Delivery<'_>, order: &mut Vec<u64>, settled: u64) {
        assert!(packet_of(&delivery) >= settled, "{delivery:?} in spite of order at {settled}");
        match delivery {
            Delivery::Chunk(chunk) => {
                assert_eq!(chunk.offset, self.end);
                assert!(!chunk.bytes.is_empty());
                self.end += chunk.bytes.len() as u64;
                self.text.push_str(&String::from_utf8_lossy(chunk.bytes));
                self.bytes.extend_from_slice(chunk.bytes);
                order.push(chunk.at.number);
            }
            Delivery::Gap(gap) => {
                assert_eq!(gap.offset, self.end);
                assert_ne!(gap.length, 0);
                self.end += gap.length;
                self.text.push_str(&format!("[{} {:?}]", gap.length, gap.reason));
                self.bytes.resize(self.bytes.len() + usize::try_from(gap.length.min(1 << 16)).unwrap(), GONE);
                self.gaps.push((gap.offset, gap.length, gap.reason));
            }
            Delivery::Conflict(conflict) => {
                assert_ne!(conflict.length, 0);
                self.text.push_str(&format!("{{{} {}}}", conflict.offset, conflict.length));
                self.conflicts += 1;
            }
        }
    }
}
