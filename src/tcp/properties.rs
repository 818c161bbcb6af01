//! What holds for any segmentation, order, repetition and loss, and for segments of any kind.

use std::ops::Range;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::scene::{GONE, Packet, Scene};
use super::{Direction, GapReason};
use crate::decode::TcpFlags;
use crate::limits::Limits;

/// Two streams, and how their bytes were sent.
#[derive(Clone, Debug)]
struct Talk {
    streams: [Vec<u8>; 2],
    /// Initial sequence numbers.
    isns: [u32; 2],
    /// Who sends how many bytes.
    turns: Vec<(Direction, usize)>,
}

impl Talk {
    fn strategy() -> impl Strategy<Value = Self> {
        let isn = || prop_oneof![any::<u32>(), (u32::MAX - 400)..=u32::MAX];
        let direction = prop_oneof![Just(Direction::Forward), Just(Direction::Backward)];
        (vec((direction, 1..40_usize), 1..60), isn(), isn(), any::<u8>()).prop_map(|(turns, a, b, salt)| {
            let streams = Direction::BOTH.map(|each| {
                let length = turns.iter().filter(|(direction, _)| *direction == each).map(|(_, n)| n).sum();
                (0..127).cycle().skip(usize::from(salt)).take(length).collect()
            });
            Self { streams, isns: [a, b], turns }
        })
    }

    /// Bytes `from..to` of one side, which acknowledges `acked` bytes.
    #[expect(clippy::cast_possible_truncation, reason = "a stream has 2400 bytes at most")]
    fn packet(&self, direction: Direction, flags: TcpFlags, bytes: Range<usize>, acked: usize) -> Packet {
        let (own, peer) = (direction.index(), direction.reverse().index());
        let after_syn = u32::from(!flags.has(TcpFlags::SYN));
        Packet {
            direction,
            flags: flags.0,
            seq: self.isns[own].wrapping_add(after_syn).wrapping_add(bytes.start as u32),
            ack: self.isns[peer].wrapping_add(1).wrapping_add(acked as u32),
            window: 1000,
            payload: self.streams[own][bytes].to_vec(),
            cut: 0,
        }
    }

    fn handshake(&self) -> Vec<Packet> {
        let both = TcpFlags(TcpFlags::SYN.0 | TcpFlags::ACK.0);
        vec![
            self.packet(Direction::Forward, TcpFlags::SYN, 0..0, 0),
            self.packet(Direction::Backward, both, 0..0, 0),
            self.packet(Direction::Forward, TcpFlags::ACK, 0..0, 0),
        ]
    }

    /// Data, each segment acknowledged by a packet of its own, then both FINs. `again` picks bytes that are
    /// sent once more.
    fn exchange(&self, again: &[(Index, Index, usize)]) -> Vec<Packet> {
        let mut sent = [0, 0];
        let mut packets = Vec::new();
        for &(direction, length) in &self.turns {
            let (own, peer) = (direction.index(), direction.reverse().index());
            let from = sent[own];
            sent[own] += length;
            packets.push(self.packet(direction, TcpFlags::ACK, from..sent[own], sent[peer]));
            packets.push(self.packet(direction.reverse(), TcpFlags::ACK, sent[peer]..sent[peer], sent[own]));
            for (turn, start, length) in again {
                if turn.index(self.turns.len()) * 2 + 2 == packets.len() {
                    let from = start.index(sent[own]);
                    let to = sent[own].min(from + length);
                    packets.push(self.packet(direction, TcpFlags::ACK, from..to, sent[peer]));
                }
            }
        }
        let fin = TcpFlags(TcpFlags::FIN.0 | TcpFlags::ACK.0);
        let [forward, backward] = sent;
        packets.push(self.packet(Direction::Forward, fin, forward..forward, backward));
        packets.push(self.packet(Direction::Backward, fin, backward..backward, forward + 1));
        packets.push(self.packet(Direction::Forward, TcpFlags::ACK, forward..forward, backward + 1));
        packets
    }
}

/// Moves each packet by fewer than 16 places.
fn shuffled(packets: Vec<Packet>, moves: &[usize]) -> Vec<Packet> {
    let mut placed: Vec<_> = packets.into_iter().enumerate().collect();
    placed.sort_by_key(|(place, _)| place + moves[place % moves.len()]);
    placed.into_iter().map(|(_, packet)| packet).collect()
}

fn heard(limits: Limits, packets: &[Packet]) -> (Scene, Vec<Vec<u8>>) {
    let mut scene = Scene::new(limits);
    for packet in packets {
        scene.push(packet);
    }
    scene.flush();
    assert!(scene.lives.is_empty(), "another life began");
    let bytes = scene.heard.iter().map(|heard| heard.bytes.clone()).collect();
    (scene, bytes)
}

proptest! {
    #[test]
    fn any_segmentation_order_and_repetition_gives_the_same_streams(
        talk in Talk::strategy(),
        again in vec((any::<Index>(), any::<Index>(), 1..80_usize), 0..8),
        moves in vec(0..16_usize, 1..50),
    ) {
        let packets = [talk.handshake(), talk.exchange(&again)].concat();
        let (scene, bytes) = heard(Limits::default(), &shuffled(packets, &moves));
        prop_assert_eq!(&bytes[..], &talk.streams[..]);
        prop_assert!(scene.heard.iter().all(|heard| heard.gaps.is_empty() && heard.conflicts == 0));
        prop_assert_eq!(scene.tracker.opener(), Some(Direction::Forward));
        prop_assert!(scene.tracker.finished());
    }

    #[test]
    fn the_short_way_of_the_next_segment_leads_where_the_long_way_leads(
        talk in Talk::strategy(),
        again in vec((any::<Index>(), any::<Index>(), 1..80_usize), 0..3),
        moves in vec(prop_oneof![6 => Just(0), 1 => 0..16_usize], 1..50),
        wild in vec((any::<Index>(), wild()), 0..3),
    ) {
        let mut packets = shuffled([talk.handshake(), talk.exchange(&again)].concat(), &moves);
        for (place, packet) in wild {
            packets.insert(place.index(packets.len()), packet);
        }
        let [mut short, mut long] = [Scene::new(Limits::default()), Scene::new(Limits::default())];
        for packet in &packets {
            long.push(packet);
            short.push_quickly(packet);
            prop_assert_eq!(format!("{:?}", short.tracker), format!("{:?}", long.tracker));
        }
        prop_assert_eq!(short.order, long.order);
        for (short, long) in short.heard.iter().zip(&long.heard) {
            prop_assert_eq!(&short.bytes, &long.bytes);
        }
    }

    #[test]
    fn without_the_handshake_the_streams_are_the_same(
        talk in Talk::strategy(),
        again in vec((any::<Index>(), any::<Index>(), 1..80_usize), 0..8),
        moves in vec(0..16_usize, 1..50),
    ) {
        let (scene, bytes) = heard(Limits::default(), &shuffled(talk.exchange(&again), &moves));
        prop_assert_eq!(&bytes[..], &talk.streams[..]);
        prop_assert!(scene.heard.iter().all(|heard| heard.gaps.is_empty() && heard.conflicts == 0));
        prop_assert_eq!(scene.tracker.opener(), None);
    }

    #[test]
    fn a_lost_segment_that_was_acknowledged_is_one_gap_and_all_else_is_there(
        talk in Talk::strategy(),
        lost in any::<Index>(),
        moves in prop_oneof![Just(vec![0]), vec(0..16_usize, 1..50)],
        patience in prop_oneof![Just(32_u32), Just(100_000)],
    ) {
        let turn = lost.index(talk.turns.len());
        let (direction, length) = talk.turns[turn];
        let of_direction = |turns: &[(Direction, usize)]| -> usize {
            turns.iter().filter(|turn| turn.0 == direction).map(|turn| turn.1).sum()
        };
        let offset = of_direction(&talk.turns[..turn]);
        let mut exchange = talk.exchange(&[]);
        exchange.remove(2 * turn);
        let packets = shuffled([talk.handshake(), exchange].concat(), &moves);
        let (scene, bytes) = heard(Limits { reorder_packets: patience, ..Limits::default() }, &packets);

        let mut expected = talk.streams.clone();
        expected[direction.index()][offset..offset + length].fill(GONE);
        prop_assert_eq!(&bytes[..], &expected[..]);
        let gaps: Vec<_> = scene.heard.iter().flat_map(|heard| &heard.gaps).collect();
        prop_assert_eq!(gaps.len(), 1);
        prop_assert_eq!((gaps[0].0, gaps[0].1), (offset as u64, length as u64));
        prop_assert!(matches!(gaps[0].2, GapReason::Acknowledged | GapReason::End));
    }

    #[test]
    fn segments_of_any_kind_keep_the_order_and_the_bound(
        packets in vec(wild(), 0..200),
        patience in 0..40_u32,
        early_bytes in 0..4000_usize,
    ) {
        let mut scene = Scene::new(Limits { reorder_packets: patience, early_bytes, ..Limits::default() });
        for packet in &packets {
            scene.push(packet);
            prop_assert!(scene.tracker.held_bytes() <= 2 * early_bytes);
        }
        scene.flush();
        prop_assert_eq!(scene.tracker.held_bytes(), 0);
    }
}

#[test]
fn ordinary_segments_take_the_short_way() {
    let mut scene = Scene::new(Limits::default());
    scene.lines("> S 99\n< S. 299:100\n> . 100:300");
    for line in ["> . 100:300 ask", "< . 300:103", "< . 300:103 answer", "> . 103:306", "> . 103:306 ask"] {
        assert!(scene.push_quickly(&Packet::parse(line)), "{line}");
    }
    for line in ["< . 307:106 late", "> . 106:306 ask", "> F. 109:306"] {
        assert!(!scene.push_quickly(&Packet::parse(line)), "{line}");
    }
}

/// Segments that mostly, but not always, lie near each other.
fn wild() -> impl Strategy<Value = Packet> {
    let number = || prop_oneof![8 => 0..3000_u32, 2 => (u32::MAX - 2000)..=u32::MAX, 1 => any::<u32>()];
    let flags = prop_oneof![8 => Just(TcpFlags::ACK.0), 1 => any::<u8>()];
    let direction = prop_oneof![Just(Direction::Forward), Just(Direction::Backward)];
    let cut = prop_oneof![8 => Just(0), 1 => 0..100_u32, 1 => any::<u32>()];
    (direction, flags, number(), number(), vec(any::<u8>(), 0..60), cut, 0..3_u16).prop_map(
        |(direction, flags, seq, ack, payload, cut, window)| Packet {
            direction,
            flags,
            seq,
            ack,
            window,
            payload,
            cut,
        },
    )
}
