//! Files that are cut or garbled: all packets before the place are read, and the place is named.

use std::io::Cursor;
use std::ops::ControlFlow;

use nom::number::Endianness;
use proptest::prelude::*;

use crate::capture::fixtures::{
    BIG, Failing, LITTLE, NgFile, Owned, PcapFile, Pipe, drain, every_block, open, read, three_packets, word,
};
use crate::capture::{CaptureError, Source as _, from_reader};
use crate::limits::Limits;
use crate::packet::{CaptureInfo, DamageKind};

fn damage(info: &CaptureInfo) -> Option<(DamageKind, u64)> {
    info.damage.as_ref().map(|damage| (damage.kind, damage.offset))
}

/// Cuts at every byte from `header` on: a prefix of the packets, damage exactly where a record is cut.
fn every_cut_gives_a_prefix(bytes: &[u8], header: usize, ends: &[usize]) {
    let (all, _) = read(bytes);
    for cut in header..=bytes.len() {
        let (packets, info) = read(&bytes[..cut]);
        assert_eq!(packets, all[..packets.len()], "cut at {cut}");
        let begun = *ends.iter().rfind(|&&end| end <= cut).unwrap();
        let expected = (begun < cut).then_some((DamageKind::Truncated, begun as u64));
        assert_eq!(damage(&info), expected, "cut at {cut}");
    }
    for cut in 0..header {
        assert!(matches!(open(&bytes[..cut]), Err(CaptureError::UnknownFormat { .. })), "cut at {cut}");
    }
}

#[test]
fn packets_at_hand_are_those_that_are_asked_for_one_by_one() {
    let whole = three_packets();
    for (cut, most) in (24..=whole.len()).flat_map(|cut| (1..5).map(move |most| (cut, most))) {
        let (expected, info) = read(&whole[..cut]);
        let mut inputs = open(&whole[..cut]).unwrap();
        let mut packets = Vec::new();
        loop {
            let before = packets.len();
            inputs.for_each_buffered(&mut |packet| {
                packets.push(Owned::of(packet));
                if packets.len() == before + most {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            });
            assert!(packets.len() <= before + most);
            if packets.len() < before + most {
                match inputs.next_packet().unwrap() {
                    Some(packet) => packets.push(Owned::of(&packet)),
                    None => break,
                }
            }
        }
        assert_eq!((packets, &inputs.inputs()[0]), (expected, &info), "cut at {cut}, {most} at a time");
    }
}

#[test]
fn a_pcap_cut_anywhere_gives_a_prefix_of_its_packets() {
    every_cut_gives_a_prefix(&three_packets(), 24, &[24, 43, 59, 80]);
}

#[test]
fn a_pcapng_cut_anywhere_gives_a_prefix_of_its_packets() {
    for order in [LITTLE, BIG] {
        let bytes = every_block(order);
        every_cut_gives_a_prefix(&bytes, 28, &block_ends(&bytes, order));
    }
}

fn block_ends(bytes: &[u8], order: Endianness) -> Vec<usize> {
    let mut ends = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let total: [u8; 4] = bytes[at + 4..at + 8].try_into().unwrap();
        at += if order == BIG { u32::from_be_bytes(total) } else { u32::from_le_bytes(total) } as usize;
        ends.push(at);
    }
    ends
}

#[test]
fn a_packet_longer_than_any_is_garbage() {
    let file = PcapFile::new(LITTLE, 0xa1b2_c3d4).packet(1, 0, b"kept");
    let (packets, info) = read(&file.record(&[2, 0, (16 << 20) + 1, 60], b"rubbish").bytes);
    assert_eq!((packets.len(), damage(&info)), (1, Some((DamageKind::Garbage, 44))));
    assert_eq!(info.damage.unwrap().detail, "a packet of 16777217 bytes");
}

#[test]
fn the_bound_on_packets_is_that_of_the_limits() {
    let limits = Limits { packet: 100, ..Limits::default() };
    let ng = NgFile::new(LITTLE).interface(1, 0, &[]).packet(0, 0, &[0; 100]).packet(0, 0, &[0; 101]);
    let pcap = PcapFile::new(LITTLE, 0xa1b2_c3d4).packet(0, 0, &[0; 100]).packet(0, 0, &[0; 101]);
    for bytes in [ng.bytes, pcap.bytes] {
        let (packets, infos) = drain(from_reader("test", Cursor::new(bytes), &limits).unwrap());
        assert_eq!(packets.len(), 1);
        assert_eq!(infos[0].damage.as_ref().unwrap().detail, "a packet of 101 bytes");
    }
}

/// `last` after one good packet is garbage, and its block is where it begins.
fn stops_at_the_last_block(good: &NgFile, last: &[u8], detail: &str) {
    let bytes =
        [good.bytes.as_slice(), last, NgFile::new(LITTLE).packet(0, 0, b"after").bytes.as_slice()].concat();
    let (packets, info) = read(&bytes);
    let found = info.damage.expect(detail);
    assert_eq!((packets.len(), found.kind, found.offset), (1, DamageKind::Garbage, good.bytes.len() as u64));
    assert!(found.detail.contains(detail), "{} should say {detail}", found.detail);
}

#[test]
fn a_block_that_contradicts_itself_ends_the_file() {
    let good = NgFile::new(LITTLE).interface(1, 0, &[]).packet(0, 1, b"kept");
    let blocks = |words: &[u32]| words.iter().flat_map(|&value| word(LITTLE, value)).collect::<Vec<u8>>();
    stops_at_the_last_block(&good, &blocks(&[6, 11, 11]), "a block of 11 bytes");
    stops_at_the_last_block(&good, &blocks(&[0xbad, 0, 0]), "a block of 0 bytes");
    stops_at_the_last_block(&good, &blocks(&[0xbad, 13, 0, 20]), "that ends as one of 20");
    stops_at_the_last_block(&good, &blocks(&[6, 32, 0, 0, 0, 0, 0, 36]), "that ends as one of 36");
    stops_at_the_last_block(&good, &blocks(&[6, 32, 0, 0, 0, 1, 1, 32]), "longer than its block");
    stops_at_the_last_block(&good, &blocks(&[6, 28, 0, 0, 0, 0, 28]), "packet block too short");
    stops_at_the_last_block(&good, &blocks(&[1, 16, 1, 16]), "interface description too short");
    stops_at_the_last_block(&good, &blocks(&[6, 0x7fff_ffff]), "a block of 2147483647 bytes");
    stops_at_the_last_block(&good, &blocks(&[0x0a0d_0d0a, 28, 77, 1, 0, 0, 28]), "byte-order magic");
    let section = NgFile { order: LITTLE, bytes: Vec::new() }.section_of_version(BIG, 9, 1);
    stops_at_the_last_block(&good, &section.bytes, "version 9.1");
}

#[test]
fn after_garbage_there_is_nothing_more() {
    let file = PcapFile::new(LITTLE, 0xa1b2_c3d4).record(&[0, 0, u32::MAX, 0], b"").packet(1, 0, b"x");
    let mut inputs = open(&file.bytes).unwrap();
    for _ in 0..3 {
        assert!(inputs.next_packet().unwrap().is_none());
    }
}

#[test]
fn an_error_of_the_system_comes_after_the_packets_before_it() {
    let whole = three_packets();
    let reader = Failing { first: Cursor::new(whole[..50].to_vec()) };
    let mut inputs = from_reader("disk", reader, &Limits::default()).unwrap();
    assert_eq!(inputs.next_packet().unwrap().unwrap().data, b"one");
    let error = inputs.next_packet().unwrap_err();
    assert_eq!(error.to_string(), "disk: the disk is on fire");
    assert!(inputs.next_packet().unwrap().is_none());
}

#[test]
fn an_error_of_the_system_is_told_through_any_compression() {
    let reader = Failing { first: Cursor::new(vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]) };
    let error = from_reader("disk", reader, &Limits::default()).map(|_| ()).unwrap_err();
    assert_eq!(error.to_string(), "disk: the disk is on fire");
}

#[test]
fn a_live_packet_is_handed_out_before_the_next_is_waited_for() {
    let bytes = three_packets();
    let cuts = [&bytes[..10], &bytes[10..30], &bytes[30..43], &bytes[43..59], &bytes[59..]];
    let pieces: Vec<Vec<u8>> = cuts.iter().map(|piece| piece.to_vec()).collect();
    let mut inputs = from_reader("pipe", Pipe { pieces: pieces.into_iter() }, &Limits::default()).unwrap();
    for expected in [&b"one"[..], b"", b"three"] {
        assert_eq!(inputs.next_packet().unwrap().unwrap().data, expected);
    }
}

fn survives(bytes: &[u8]) -> Vec<Owned> {
    open(bytes).map(|inputs| drain(inputs).0).unwrap_or_default()
}

proptest! {
    #[test]
    fn arbitrary_bytes_end(bytes in proptest::collection::vec(any::<u8>(), 0..300), order in 0..2) {
        survives(&bytes);
        let order = if order == 0 { LITTLE } else { BIG };
        survives(&[PcapFile::new(order, 0xa1b2_c3d4).bytes, bytes.clone()].concat());
        survives(&[NgFile::new(order).interface(1, 0, &[]).bytes, bytes].concat());
    }

    #[test]
    fn changed_files_end_and_hand_out_no_more_than_they_hold(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        big: bool,
    ) {
        for mut bytes in [every_block(if big { BIG } else { LITTLE }), three_packets()] {
            for (place, value) in &changes {
                let place = place.index(bytes.len());
                bytes[place] = *value;
            }
            let handed: usize = survives(&bytes).iter().map(|packet| packet.data.len()).sum();
            prop_assert!(handed <= bytes.len());
        }
    }

    #[test]
    fn the_sizes_of_reads_change_nothing(sizes in proptest::collection::vec(1_usize..40, 1..30)) {
        let whole = every_block(LITTLE);
        let mut pieces: Vec<Vec<u8>> = Vec::new();
        let mut rest = &whole[..];
        for size in sizes.iter().cycle() {
            let (piece, after) = rest.split_at((*size).min(rest.len()));
            pieces.push(piece.to_vec());
            rest = after;
            if piece.is_empty() {
                break;
            }
        }
        let pipe = Pipe { pieces: pieces.into_iter() };
        let (packets, _) = drain(from_reader("test", pipe, &Limits::default()).unwrap());
        prop_assert_eq!(packets, read(&whole).0);
    }
}
