//! A script → TCP segments → packets in the order and shape in which a capture holds them.

use std::ops::RangeInclusive;

use wspect::decode::TcpFlags;
use wspect::packet::Side;

use super::capture::{Capture, Captured};
use super::encapsulation::Encapsulation;
use super::ip::Datagram;
use super::scenario::{Action, Step};

/// How a script becomes packets. As it comes from [`Wire::new`], every write is one segment and the capture is
/// whole and in order.
#[derive(Clone, Debug)]
pub(crate) struct Wire {
    ip: IpVersion,
    segment_size: usize,
    coalesces: bool,
    initial_sequence: [u32; 2],
    lost: Vec<RangeInclusive<usize>>,
    duplicates_every: Option<usize>,
    shuffle: Option<Shuffle>,
    snap_length: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IpVersion {
    V4,
    V6,
}

#[derive(Clone, Copy, Debug)]
struct Shuffle {
    window: usize,
    seed: u64,
}

/// A TCP segment on its way into an IP packet.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) sender: Side,
    pub(crate) client_port: u16,
    pub(crate) seq: u32,
    pub(crate) ack: u32,
    pub(crate) flags: u8,
    pub(crate) payload: Vec<u8>,
    pub(crate) window: u16,
    /// Nanoseconds that the script has waited by then.
    waited: i64,
}

impl Default for Wire {
    fn default() -> Self {
        Self {
            ip: IpVersion::V4,
            segment_size: LARGEST_SEGMENT,
            coalesces: false,
            initial_sequence: [0x1000_0000, 0x2000_0000],
            lost: Vec::new(),
            duplicates_every: None,
            shuffle: None,
            snap_length: usize::MAX,
        }
    }
}

impl Wire {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn ip(self, ip: IpVersion) -> Self {
        Self { ip, ..self }
    }

    /// At most so many payload bytes in a segment.
    pub(crate) fn segments_of(self, size: usize) -> Self {
        Self { segment_size: size.clamp(1, LARGEST_SEGMENT), ..self }
    }

    /// Writes of one side that follow each other share segments.
    pub(crate) fn coalesced(self) -> Self {
        Self { coalesces: true, ..self }
    }

    /// The sequence numbers of the client's and the server's SYN.
    pub(crate) fn initial_sequence(self, client: u32, server: u32) -> Self {
        Self { initial_sequence: [client, server], ..self }
    }

    /// These packets, counted from 1 in the undisturbed capture, were sent and acknowledged but not captured.
    /// `1..=3` is a capture that starts after the TCP handshake.
    pub(crate) fn lost(mut self, packets: RangeInclusive<usize>) -> Self {
        self.lost.push(packets);
        self
    }

    /// Every so many packets, one is captured twice.
    pub(crate) fn duplicated(self, every: usize) -> Self {
        Self { duplicates_every: Some(every), ..self }
    }

    /// The packets change places by fewer than `window`.
    pub(crate) fn shuffled(self, window: usize, seed: u64) -> Self {
        Self { shuffle: Some(Shuffle { window, seed }), ..self }
    }

    /// No more than so many bytes of a packet were captured.
    pub(crate) fn snap_length(self, bytes: usize) -> Self {
        Self { snap_length: bytes, ..self }
    }

    pub(crate) fn capture(&self, steps: &[Step], encapsulation: Encapsulation) -> Capture {
        let mut packets = Vec::new();
        for (number, segment) in (1_usize..).zip(self.segments(steps)) {
            let number = u16::try_from(number % 0x1_0000).unwrap();
            let wrapped = encapsulation.wrap(&Datagram::new(&segment, self.ip, number));
            packets.extend(wrapped.into_iter().map(|data| (segment.waited, data)));
        }
        Capture { link: encapsulation.link_type(), packets: self.captured(self.disturbed(packets)) }
    }

    /// The segments in the order in which they were sent.
    pub(crate) fn segments(&self, steps: &[Step]) -> Vec<Segment> {
        let lives = steps.iter().map(|step| step.life.number + 1).max().unwrap_or_default();
        let mut next: Vec<[u32; 2]> = (0..lives).map(|life| self.first_sequence(life)).collect();
        let mut waited = 0;
        let mut segments = Vec::new();
        for step in self.coalesced_steps(steps) {
            let mut tcp = Tcp {
                next: &mut next[step.life.number],
                client_port: step.life.client_port,
                waited,
                segments: &mut segments,
            };
            match step.action {
                Action::Open(data) => tcp.open(data),
                Action::Write(side, bytes) => {
                    bytes.chunks(self.segment_size).for_each(|piece| tcp.send(side, PUSH, piece.to_vec()));
                }
                Action::Acknowledge(side) => tcp.send(side, TcpFlags::ACK.0, Vec::new()),
                Action::Window(side, bytes) => {
                    tcp.send(side, TcpFlags::ACK.0, Vec::new());
                    tcp.segments.last_mut().unwrap().window = bytes;
                }
                Action::Fin(side) => tcp.send(side, TcpFlags::FIN.0 | TcpFlags::ACK.0, Vec::new()),
                Action::Reset(side) => tcp.send(side, TcpFlags::RST.0 | TcpFlags::ACK.0, Vec::new()),
                Action::Wait(nanos) => waited += nanos,
            }
        }
        segments
    }

    /// Each life begins a good way after the one before it, as RFC 9293 §3.4.1 has it.
    fn first_sequence(&self, life: usize) -> [u32; 2] {
        let later = u32::try_from(life).unwrap().wrapping_mul(0x0100_0000);
        self.initial_sequence.map(|number| number.wrapping_add(later))
    }

    fn coalesced_steps(&self, steps: &[Step]) -> Vec<Step> {
        let mut joined: Vec<Step> = Vec::new();
        for step in steps {
            match (joined.last_mut(), &step.action) {
                (Some(Step { life, action: Action::Write(last, bytes) }), Action::Write(side, more))
                    if self.coalesces && *life == step.life && last == side =>
                {
                    bytes.extend(more);
                }
                _ => joined.push(step.clone()),
            }
        }
        joined
    }

    fn disturbed(&self, packets: Vec<(i64, Vec<u8>)>) -> Vec<(i64, Vec<u8>)> {
        let numbered = (1..).zip(packets);
        let seen = numbered.filter(|(number, _)| !self.lost.iter().any(|lost| lost.contains(number)));
        let copies = |number: usize| {
            if self.duplicates_every.is_some_and(|n| number.is_multiple_of(n)) { 2 } else { 1 }
        };
        let mut packets: Vec<_> =
            seen.flat_map(|(number, packet)| std::iter::repeat_n(packet, copies(number))).collect();
        if let Some(shuffle) = self.shuffle {
            shuffle.apply(&mut packets);
        }
        packets
    }

    /// A millisecond a packet, and time never runs back.
    fn captured(&self, packets: Vec<(i64, Vec<u8>)>) -> Vec<Captured> {
        let mut waited = 0;
        let captured = |(at, (wait, mut data)): (i64, (i64, Vec<u8>))| {
            waited = wait.max(waited);
            let original_len = data.len();
            data.truncate(self.snap_length);
            Captured { nanos: START + at * STEP + waited, original_len, data }
        };
        (0..).zip(packets).map(captured).collect()
    }
}

impl Shuffle {
    /// A stable sort by place plus something random below the window: nothing moves further than that.
    fn apply<T>(self, packets: &mut Vec<T>) {
        let mut random = self.seed;
        let mut places: Vec<(usize, T)> = packets.drain(..).enumerate().collect();
        for (place, _) in &mut places {
            *place += usize::try_from(next_random(&mut random) % self.window.max(1) as u64).unwrap();
        }
        places.sort_by_key(|(place, _)| *place);
        packets.extend(places.into_iter().map(|(_, packet)| packet));
    }
}

/// One connection while it is written down.
struct Tcp<'a> {
    /// The next sequence number of each side.
    next: &'a mut [u32; 2],
    client_port: u16,
    waited: i64,
    segments: &'a mut Vec<Segment>,
}

impl Tcp<'_> {
    fn open(&mut self, data_on_syn: Vec<u8>) {
        self.send(Side::Client, TcpFlags::SYN.0, data_on_syn);
        self.send(Side::Server, TcpFlags::SYN.0 | TcpFlags::ACK.0, Vec::new());
        self.send(Side::Client, TcpFlags::ACK.0, Vec::new());
    }

    fn send(&mut self, sender: Side, flags: u8, payload: Vec<u8>) {
        let has = |flag: TcpFlags| u32::from(TcpFlags(flags).has(flag));
        let occupied = u32::try_from(payload.len()).unwrap() + has(TcpFlags::SYN) + has(TcpFlags::FIN);
        let seq = self.next[sender.index()];
        let ack = self.next[sender.peer().index()] * has(TcpFlags::ACK);
        self.next[sender.index()] = seq.wrapping_add(occupied);
        let (client_port, waited) = (self.client_port, self.waited);
        self.segments.push(Segment {
            sender,
            client_port,
            seq,
            ack,
            flags,
            payload,
            window: u16::MAX,
            waited,
        });
    }
}

/// SplitMix64, for its three lines.
fn next_random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

const PUSH: u8 = TcpFlags::PSH.0 | TcpFlags::ACK.0;
/// What fits an IP datagram in the deepest encapsulation: a super-packet of an offloading card.
const LARGEST_SEGMENT: usize = 65_000;
/// 2026-11-21T08:46:00Z.
const START: i64 = 1_795_250_760 * 1_000_000_000;
const STEP: i64 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::super::Scenario;
    use super::*;

    fn hello() -> Scenario {
        Scenario::new().client("Hello").server("Hi").fin()
    }

    fn stream(segments: &[Segment], side: Side) -> Vec<u8> {
        segments.iter().filter(|segment| segment.sender == side).flat_map(|s| s.payload.clone()).collect()
    }

    #[test]
    fn sequence_numbers_count_bytes_syn_and_fin() {
        let wire = Wire::new().initial_sequence(u32::MAX, 100);
        let numbers: Vec<_> =
            wire.segments(hello().steps()).iter().map(|segment| (segment.seq, segment.ack)).collect();
        let opening = [(u32::MAX, 0), (100, 0), (0, 101)];
        let data = [(0, 101), (101, 5)];
        let closing = [(103, 5), (5, 104), (104, 6)];
        assert_eq!(numbers, [&opening[..], &data, &closing].concat());
    }

    #[test]
    fn any_segment_size_carries_the_same_bytes() {
        for size in [1, 2, 3, 100] {
            let segments = Wire::new().segments_of(size).segments(hello().steps());
            assert_eq!(stream(&segments, Side::Client), b"Hello");
            assert!(segments.iter().all(|segment| segment.payload.len() <= size));
        }
    }

    #[test]
    fn coalesced_writes_share_a_segment_until_the_peer_speaks() {
        let script = Scenario::new().client("a").client("b").server("c").client("d");
        let segments = Wire::new().coalesced().segments(script.steps());
        let payloads: Vec<_> = segments[3..].iter().map(|segment| segment.payload.as_slice()).collect();
        assert_eq!(payloads, [&b"ab"[..], b"c", b"d"]);
    }

    #[test]
    fn lives_of_one_port_have_sequence_numbers_of_their_own() {
        let script = hello().next_life().open();
        let syns: Vec<_> =
            Wire::new().segments(script.steps()).into_iter().filter(|s| s.flags == 2).collect();
        assert_eq!(syns.len(), 2);
        assert_eq!(syns[0].client_port, syns[1].client_port);
        assert_ne!(syns[0].seq, syns[1].seq);
    }

    #[test]
    fn a_shuffle_keeps_every_packet_within_its_window() {
        let mut packets: Vec<usize> = (0..200).collect();
        Shuffle { window: 16, seed: 3 }.apply(&mut packets);
        assert!(packets.iter().enumerate().all(|(at, packet)| at.abs_diff(*packet) < 16));
        assert!(!packets.is_sorted());
        packets.sort_unstable();
        assert!(packets.into_iter().eq(0..200));
    }

    #[test]
    fn loss_duplication_and_snap_length_show_in_the_capture() {
        let of = |wire: Wire| hello().wire(wire).capture().packets;
        let whole = of(Wire::new());
        assert_eq!(of(Wire::new().lost(1..=3))[..].len(), whole.len() - 3);
        assert_eq!(of(Wire::new().duplicated(4)).len(), whole.len() + 2);
        let cut = of(Wire::new().snap_length(56));
        assert!(cut.iter().all(|packet| packet.data.len() == 56));
        assert!(cut.iter().zip(&whole).all(|(cut, whole)| cut.original_len == whole.original_len));
    }

    #[test]
    fn a_wait_moves_all_that_follows() {
        let times = |script: Scenario| -> Vec<_> {
            script.capture().packets.iter().map(|packet| packet.nanos - START).collect()
        };
        let waited = Scenario::new().client("a").wait(5_000_000_000).client("b");
        assert_eq!(times(waited)[3..], [3 * STEP, 4 * STEP + 5_000_000_000]);
    }

    #[test]
    fn the_start_is_the_time_that_the_output_shows() {
        let start = wspect::packet::Timestamp::from_nanos(START).to_string();
        assert_eq!(start, "2026-11-21T08:46:00.000000000Z");
    }
}
