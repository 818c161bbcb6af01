//! One TCP connection: what its ends send, segment by segment, and what each has received.

use std::collections::VecDeque;
use std::ops::Range;
use std::rc::Rc;

use crate::expected::Side;
use crate::ledger::Ledger;
use crate::packet::{ACK, Address, FIN, Host, PSH, Route, SYN, Tcp, largest_segment};
use crate::random::Random;
use crate::talk::{Phase, Talk};

/// A connection from SYN to FIN.
pub(crate) struct Connection {
    pub(crate) talk: Talk,
    pub(crate) phase: Phase,
    pub(crate) lanes: [Lane; 2],
    queue: VecDeque<Segment>,
    /// Segments that the network delays, each with the number of others of its direction that pass it.
    held: Vec<(u32, Segment)>,
}

/// One direction.
pub(crate) struct Lane {
    host: Host,
    first_sequence: u32,
    /// Bytes sent, the SYN included.
    pub(crate) sent: u64,
    received: Received,
    pub(crate) compress: Option<flate2::Compress>,
    pub(crate) ledger: Ledger,
}

#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) sender: Side,
    flags: u8,
    position: u64,
    bytes: Rc<[u8]>,
    range: Range<usize>,
    /// May the network lose, delay or repeat it?
    pub(crate) care: Care,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Care {
    Safe,
    Exposed,
}

/// When the receiver acknowledges beside every second segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Acknowledge {
    AtEnd,
    Later,
}

impl Connection {
    pub(crate) fn new(talk: Talk, number: u32, random: &mut Random) -> Self {
        let compress =
            || talk.compresses().then(|| flate2::Compress::new(flate2::Compression::new(6), false));
        let lanes = hosts(number, talk, random).map(|host| Lane {
            host,
            first_sequence: random.u32(),
            sent: 0,
            received: Received::default(),
            compress: compress(),
            ledger: Ledger::default(),
        });
        Self { talk, phase: Phase::Closed, lanes, queue: VecDeque::new(), held: Vec::new() }
    }

    pub(crate) fn next_segment(&mut self) -> Option<Segment> {
        self.queue.pop_front()
    }

    /// Sends a segment without payload.
    pub(crate) fn signal(&mut self, sender: Side, flags: u8) {
        let lane = &mut self.lanes[sender.index()];
        let bytes = Rc::from([]);
        self.queue.push_back(Segment {
            sender,
            flags,
            position: lane.sent,
            bytes,
            range: 0..0,
            care: Care::Safe,
        });
        lane.sent += u64::from(flags & (SYN | FIN) != 0);
    }

    /// Sends bytes in full segments; each second one is acknowledged.
    pub(crate) fn send(&mut self, sender: Side, bytes: Vec<u8>, care: Care, acknowledge: Acknowledge) {
        let (bytes, lane) = (Rc::<[u8]>::from(bytes), sender.index());
        let largest = largest_segment(self.lanes[lane].host.address);
        let mut start = 0;
        for count in 1_usize.. {
            let end = (start + largest).min(bytes.len());
            let last = end == bytes.len();
            let flags = if last { ACK | PSH } else { ACK };
            let position = self.lanes[lane].sent;
            let range = start..end;
            self.lanes[lane].sent += range.len() as u64;
            self.queue.push_back(Segment { sender, flags, position, bytes: bytes.clone(), range, care });
            if count.is_multiple_of(2) || last && acknowledge == Acknowledge::AtEnd {
                self.signal(sender.peer(), ACK);
            }
            if last {
                break;
            }
            start = end;
        }
    }

    /// The receiver has this segment, whether it was captured or not.
    pub(crate) fn arrive(&mut self, segment: &Segment) {
        self.lanes[segment.sender.index()].received.take(segment.place());
    }

    pub(crate) fn lose(&mut self, segment: &Segment) {
        self.lanes[segment.sender.index()].ledger.holes.push(segment.place());
    }

    pub(crate) fn hold(&mut self, passing: u32, segment: Segment) {
        self.held.push((passing, segment));
    }

    /// The held segments that are due once `passed` went by, or all of them.
    pub(crate) fn due(&mut self, passed: Option<&Segment>) -> Vec<Segment> {
        let Some(passed) = passed else {
            return std::mem::take(&mut self.held).into_iter().map(|(_, segment)| segment).collect();
        };
        for (left, segment) in &mut self.held {
            let passes = segment.sender == passed.sender && segment.position != passed.position;
            *left -= u32::from(passes && !passed.range.is_empty());
        }
        self.held.extract_if(.., |(left, _)| *left == 0).map(|(_, segment)| segment).collect()
    }

    /// Who sends a segment to whom.
    pub(crate) fn route(&self, segment: &Segment, identification: u16) -> Route {
        let [from, to] = [segment.sender, segment.sender.peer()].map(|side| self.lanes[side.index()].host);
        Route { from, to, identification }
    }

    /// Its header, if it is sent now.
    pub(crate) fn header(&self, segment: &Segment) -> Tcp {
        let peer = &self.lanes[segment.sender.peer().index()];
        let acknowledgement = if segment.flags & ACK == 0 { 0 } else { peer.sequence(peer.received.next) };
        let sequence = self.lanes[segment.sender.index()].sequence(segment.position);
        Tcp { flags: segment.flags, sequence, acknowledgement }
    }
}

impl Lane {
    const fn sequence(&self, position: u64) -> u32 {
        self.first_sequence.wrapping_add(position as u32)
    }
}

impl Segment {
    pub(crate) fn payload(&self) -> &[u8] {
        &self.bytes[self.range.clone()]
    }

    /// What it takes of the sequence space.
    fn place(&self) -> Range<u64> {
        let length = self.range.len() as u64 + u64::from(self.flags & (SYN | FIN) != 0);
        self.position..self.position + length
    }
}

/// What of a stream has arrived, as far as acknowledgements tell.
#[derive(Clone, Debug, Default)]
struct Received {
    next: u64,
    early: Vec<Range<u64>>,
}

impl Received {
    fn take(&mut self, place: Range<u64>) {
        self.early.push(place);
        while let Some(index) = self.early.iter().position(|early| early.start <= self.next) {
            self.next = self.next.max(self.early.swap_remove(index).end);
        }
    }
}

/// Of eight connections one is IPv6. No two connections of a capture share a client's address and port.
fn hosts(number: u32, talk: Talk, random: &mut Random) -> [Host; 2] {
    let port = 16_384 + (number % 40_000) as u16;
    let [_, _, subnet, host] = (1 + number / 40_000).to_be_bytes();
    let server = 1 + random.below(16) as u8;
    let [client_address, server_address] = if number % 8 == 7 {
        let v6 = |network, subnet, host| {
            let mut address = [0; 16];
            address[..6].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8, 0, network]);
            address[14..].copy_from_slice(&[subnet, host]);
            Address::V6(address)
        };
        [v6(1, subnet, host), v6(2, 0, server)]
    } else {
        [Address::V4([10, 7, subnet, host]), Address::V4([192, 0, 2, server])]
    };
    [
        Host { mac: [2, 0, 0, 0, 0, 0x11], address: client_address, port },
        Host { mac: [2, 0, 0, 0, 0, 0x22], address: server_address, port: talk.port() },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_early_is_acknowledged_when_the_hole_before_it_is_filled() {
        let mut received = Received::default();
        let next = [0..1, 5..9, 3..5, 1..2, 1..3, 2..4].map(|place| {
            received.take(place);
            received.next
        });
        assert_eq!(next, [1, 1, 1, 2, 9, 9]);
        assert!(received.early.is_empty());
    }

    #[test]
    fn held_segments_come_after_as_many_others_as_they_have_to_wait_for() {
        let mut random = Random::new(1);
        let mut connection = Connection::new(Talk::Chat, 0, &mut random);
        for _ in 0..4 {
            connection.send(Side::Client, vec![1], Care::Exposed, Acknowledge::Later);
        }
        let mut next = || connection.next_segment().unwrap();
        let [first, second, third, fourth] = [next(), next(), next(), next()];
        let late = first.position;
        connection.hold(2, first);
        assert!(connection.due(Some(&second)).is_empty());
        let positions = |due: Vec<Segment>| due.iter().map(|each| each.position).collect::<Vec<_>>();
        assert_eq!(positions(connection.due(Some(&third))), [late]);
        connection.hold(9, fourth.clone());
        assert_eq!(positions(connection.due(None)), [fourth.position]);
    }
}
