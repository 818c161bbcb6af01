//! Captures inside gzip, zstd, lz4 and xz, whole and damaged.

use std::io::Write as _;

use flate2::write::GzEncoder;
use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};
use lzma_rust2::{XzOptions, XzWriter};
use proptest::prelude::*;
use ruzstd::encoding::CompressionLevel;

use crate::capture::fixtures::{LITTLE, NgFile, Owned, PcapFile, drain, every_block, open, read, refusal};
use crate::packet::{CaptureInfo, DamageKind};

const NAMES: [&str; 4] = ["gz", "zst", "lz4", "xz"];
const SKIPPABLE: [u8; 11] = [0x5c, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];

/// Packed by the tool of that suffix.
fn pack(name: &str, content: &[u8]) -> Vec<u8> {
    match name {
        "gz" => {
            let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(content).unwrap();
            encoder.finish().unwrap()
        }
        "zst" => ruzstd::encoding::compress_to_vec(content, CompressionLevel::Fastest),
        "lz4" => {
            let info = FrameInfo::new()
                .block_size(BlockSize::Max64KB)
                .block_mode(BlockMode::Linked)
                .content_checksum(true);
            let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
            encoder.write_all(content).unwrap();
            encoder.finish().unwrap()
        }
        _ => {
            let mut encoder = XzWriter::new(Vec::new(), XzOptions::with_preset(1)).unwrap();
            encoder.write_all(content).unwrap();
            encoder.finish().unwrap()
        }
    }
}

/// Data that neither shrinks to nothing nor stays as it is.
fn many_packets() -> Vec<u8> {
    let file = PcapFile::new(LITTLE, 0xa1b2_c3d4);
    let packet = |number: u32| -> Vec<u8> {
        (0..200_u32)
            .map(|at| (number.wrapping_mul(2_654_435_761).wrapping_add(at * at) >> 7).to_le_bytes()[0] & 0x3f)
            .collect()
    };
    (0..2000).fold(file, |file, number| file.packet(number, 0, &packet(number))).bytes
}

fn damage(info: &CaptureInfo) -> Option<DamageKind> {
    info.damage.as_ref().map(|damage| damage.kind)
}

#[test]
fn each_compression_is_told_by_content() {
    for name in NAMES {
        for (format, content) in [("pcap", many_packets()), ("pcapng", every_block(LITTLE))] {
            let (packets, info) = read(&pack(name, &content));
            assert_eq!(packets, read(&content).0);
            assert_eq!((info.format, info.damage), (format!("{format}.{name}"), None));
        }
    }
}

#[test]
fn members_and_frames_one_after_the_other_are_one_file() {
    let content = many_packets();
    let (first, second) = content.split_at(100_003);
    for name in NAMES {
        let (packets, info) = read(&[pack(name, first), pack(name, second)].concat());
        assert_eq!((packets.len(), info.damage), (2000, None), "{name}");
    }
}

#[test]
fn skippable_frames_are_stepped_over() {
    let content = many_packets();
    let (first, second) = content.split_at(100_003);
    for name in ["zst", "lz4"] {
        let parts = [&pack(name, first)[..], &SKIPPABLE, &SKIPPABLE, &pack(name, second), &SKIPPABLE];
        let (packets, info) = read(&parts.concat());
        assert_eq!((packets.len(), info.damage), (2000, None), "{name}");
    }
    let (packets, info) = read(&[&SKIPPABLE[..], &pack("zst", &content)].concat());
    assert_eq!((packets.len(), info.format.as_str()), (2000, "pcap.zst"));
}

/// Of a file whose packets are all of one size, at least so many bytes of `whole` were handed out.
fn reach(packets: &[Owned]) -> usize {
    24 + packets.len() * 216
}

#[test]
fn a_cut_stream_gives_all_that_was_packed_before_the_cut() {
    let content = many_packets();
    // What one block of the format may hold back; gzip and xz hold nothing back but a few symbols.
    for (name, held) in [("gz", 4096), ("zst", 128 << 10), ("lz4", 64 << 10), ("xz", 4096)] {
        let packed = pack(name, &content);
        for part in 1..20 {
            let cut = packed.len() * part / 20;
            let Ok(inputs) = open(&packed[..cut]) else {
                assert!(content.len() * part / 20 < held, "{name} cut at {part}/20 does not open");
                continue;
            };
            let (packets, infos) = drain(inputs);
            let expected = (content.len() * part / 20).saturating_sub(held + content.len() / 20);
            assert!(reach(&packets) >= expected, "{name} cut at {part}/20: {} packets", packets.len());
            assert_eq!(damage(&infos[0]), Some(DamageKind::Truncated), "{name} cut at {part}/20");
        }
        let (packets, info) = read(&packed[..packed.len() - 1]);
        assert_eq!((packets.len(), damage(&info)), (2000, Some(DamageKind::Truncated)), "{name}");
    }
}

#[test]
fn a_changed_byte_is_damage_and_keeps_what_came_before() {
    let content = many_packets();
    let (whole, _) = read(&content);
    for name in NAMES {
        let mut packed = pack(name, &content);
        let middle = packed.len() / 2;
        packed[middle..middle + 16].fill(0xff);
        let (packets, info) = read(&packed);
        assert!(damage(&info).is_some(), "{name}");
        // Before the fault all is as it was; after it a decoder may go on with wrong bytes for a while.
        let same = packets.iter().zip(&whole).take_while(|(one, other)| one == other).count();
        let expected = if name == "gz" || name == "xz" { 900 } else { 300 };
        assert!(same >= expected, "{name}: {same}");
    }
}

#[test]
fn a_wrong_checksum_is_damage_after_all_packets() {
    let content = many_packets();
    for name in NAMES {
        let mut packed = pack(name, &content);
        let place = match name {
            "gz" => packed.len() - 8,
            "xz" => packed.len() - 12 - 8 - 8,
            _ => packed.len() - 1,
        };
        packed[place] ^= 0x55;
        let (packets, info) = read(&packed);
        assert_eq!((packets.len(), damage(&info)), (2000, Some(DamageKind::Garbage)), "{name}");
    }
}

#[test]
fn rubbish_after_the_stream_is_damage_after_all_packets() {
    let content = many_packets();
    for name in NAMES {
        let (packets, info) = read(&[&pack(name, &content)[..], b"rubbish after it"].concat());
        assert_eq!((packets.len(), damage(&info)), (2000, Some(DamageKind::Garbage)), "{name}");
    }
}

#[test]
fn what_is_packed_but_no_capture_is_named() {
    for (name, tool) in [("gz", "gzip"), ("zst", "zstd"), ("lz4", "lz4"), ("xz", "xz")] {
        assert_eq!(refusal(&pack(name, b"hello, world\n")), format!("{tool} data: text"));
        assert_eq!(refusal(&pack(name, b"")), format!("{tool} data: empty file"));
        assert_eq!(refusal(&pack(name, &pack("gz", &many_packets()))), format!("{tool} data: gzip data"));
        let cut = refusal(&pack(name, &many_packets())[..8]);
        assert_eq!(cut, format!("{tool} data: cut off before a capture begins"));
    }
}

#[test]
fn a_zstd_window_beyond_the_bound_is_refused_before_it_is_allocated() {
    // RFC 8878 §3.1.1.1: no single segment; a window of 2^31 bytes.
    let frame = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 21 << 3, 1, 0, 0];
    let found = refusal(&frame);
    assert!(found.starts_with("zstd data: damaged: ") && found.contains("indow"), "{found}");
}

#[test]
fn an_xz_dictionary_beyond_the_bound_is_refused_before_it_is_allocated() {
    let mut options = XzOptions::with_preset(0);
    options.lzma_options.dict_size = 256 << 20;
    let mut encoder = XzWriter::new(Vec::new(), options).unwrap();
    encoder.write_all(&many_packets()).unwrap();
    let found = refusal(&encoder.finish().unwrap());
    assert!(found.starts_with("xz data: damaged: ") && found.contains("mem"), "{found}");
}

#[test]
fn secrets_come_through_compression() {
    let file = NgFile::new(LITTLE).fields(10, &[7, 3], b"key");
    assert_eq!(read(&pack("zst", &file.bytes)).1.secrets[0].data, b"key");
}

proptest! {
    #[test]
    fn changed_streams_end(
        which in 0..4_usize,
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let file = (0..40).fold(PcapFile::new(LITTLE, 0xa1b2_c3d4), |file, n| file.packet(n, n, &[n.to_le_bytes()[0]; 60]));
        let mut packed = pack(NAMES[which], &file.bytes);
        for (place, value) in &changes {
            let place = place.index(packed.len());
            packed[place] = *value;
        }
        if let Ok(inputs) = open(&packed) {
            drain(inputs);
        }
    }
}
