//! Captures of other projects, and another parser as a judge. Skipped where they are absent.

use std::fs;
use std::path::{Path, PathBuf};

use pcap_parser::{Block, PcapBlockOwned, PcapError};
use proptest::prelude::*;

use crate::capture::fixtures::{BIG, LITTLE, NgFile, PcapFile, drain, every_block, read, three_packets};
use crate::capture::{CaptureError, open};
use crate::limits::Limits;
use crate::packet::DamageKind;

/// All files below a directory beside the package, in order of name.
fn files(name: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared").join(name);
    let mut found = Vec::new();
    let mut directories = vec![root.clone()];
    while let Some(directory) = directories.pop() {
        let Ok(entries) = fs::read_dir(&directory) else { continue };
        for entry in entries.flatten() {
            let path = entry.path();
            if path.is_dir() { directories.push(path) } else { found.push(path) }
        }
    }
    if found.is_empty() {
        println!("skipped: {} is not there", root.display());
    }
    found.sort();
    found
}

/// Packets of a file, or `None` where it is refused; a system error or a panic is a failure.
fn count(path: &Path) -> Option<(u64, bool)> {
    match open(&[path.to_str().unwrap().to_owned()], &Limits::default()) {
        Ok(inputs) => {
            let (packets, infos) = drain(inputs);
            assert_eq!(packets.len() as u64, infos[0].packets);
            Some((infos[0].packets, infos[0].damage.is_some()))
        }
        Err(CaptureError::UnknownFormat { .. }) => None,
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn all_captures_open_or_are_refused_in_a_line() {
    for name in ["public/formats", "public/robust", "public/negative", "captures"] {
        for path in files(name) {
            let result = count(&path);
            if std::env::args().any(|argument| argument == "--nocapture") {
                println!("COUNT\t{}\t{result:?}", path.display());
            }
        }
    }
}

#[test]
fn own_captures_are_whole() {
    for path in files("captures") {
        let name = path.to_str().unwrap();
        if name.ends_with(".pcap") || name.ends_with(".pcapng") {
            assert!(count(&path).is_some(), "{name}");
        }
    }
}

/// Enough for all packets but super-packets of more; a judge that gives up there is one for what came before.
const JUDGE_BUFFER: usize = 1 << 17;

/// Captured bytes of each packet, as another parser reads them, and whether it came to the end.
fn judge(bytes: &[u8]) -> Option<(Vec<Vec<u8>>, bool)> {
    let mut reader = pcap_parser::create_reader(JUDGE_BUFFER, bytes).ok()?;
    let mut packets = Vec::new();
    loop {
        let size = match reader.next() {
            Ok((size, block)) => {
                packets.extend(captured(&block));
                Some(size)
            }
            Err(PcapError::Eof) => return Some((packets, true)),
            Err(PcapError::Incomplete(_)) => None,
            Err(_) => return Some((packets, false)),
        };
        match size {
            Some(size) => reader.consume(size),
            None if reader.refill().is_ok() && !reader.reader_exhausted() => {}
            None => return Some((packets, false)),
        }
    }
}

fn captured(block: &PcapBlockOwned<'_>) -> Option<Vec<u8>> {
    let (data, size) = match block {
        PcapBlockOwned::Legacy(record) => (record.data, record.caplen as usize),
        PcapBlockOwned::NG(Block::EnhancedPacket(block)) => (block.data, block.caplen as usize),
        PcapBlockOwned::NG(Block::SimplePacket(block)) => (block.data, block.origlen as usize),
        _ => return None,
    };
    Some(data[..size.min(data.len())].to_vec())
}

fn agrees(bytes: &[u8], name: &str) {
    let Some((theirs, whole)) = judge(bytes) else { return };
    let (ours, info) = read(bytes);
    let ours: Vec<&[u8]> = ours.iter().map(|packet| packet.data.as_slice()).collect();
    assert!(ours.len() >= theirs.len(), "{name}: {} packets, the judge has {}", ours.len(), theirs.len());
    assert!(ours.iter().zip(&theirs).all(|(one, other)| one == other), "{name}: other bytes");
    if whole && info.damage.as_ref().is_none_or(|damage| damage.kind != DamageKind::Truncated) {
        assert_eq!(ours.len(), theirs.len(), "{name}");
    }
}

#[test]
fn another_parser_reads_the_same_packets() {
    agrees(&three_packets(), "three packets");
    for name in ["public/formats", "captures"] {
        for path in files(name) {
            #[expect(clippy::disallowed_methods, reason = "the judge reads whole files")]
            let bytes = fs::read(&path).unwrap();
            // Obsolete Packet Blocks are unknown to the judge, simple ones have no snap length with it.
            if crate::capture::fixtures::open(&bytes).is_ok() && !has_blocks(&bytes, &[2, 3]) {
                agrees(&bytes, path.to_str().unwrap());
            }
        }
    }
}

proptest! {
    #[test]
    fn another_parser_reads_the_same_packets_of_any_file(
        packets in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..100), 0..20),
        cut: prop::sample::Index,
    ) {
        for order in [LITTLE, BIG] {
            let pcap = packets.iter().fold(PcapFile::new(order, 0xa1b2_c3d4), |file, data| file.packet(0, 0, data));
            let ng = NgFile::new(order).interface(1, 0, &[]);
            let ng = packets.iter().fold(ng, |file, data| file.packet(0, 0, data).fields(4, &[0], b""));
            for (bytes, header) in [(pcap.bytes, 24), (ng.bytes, 28)] {
                prop_assert_eq!(judge(&bytes).unwrap().0, packets.clone());
                agrees(&bytes, "whole");
                agrees(&bytes[..header + cut.index(bytes.len() - header + 1)], "cut");
            }
        }
    }
}

/// Whether a pcapng file has blocks of these kinds.
fn has_blocks(bytes: &[u8], kinds: &[u8]) -> bool {
    let little = bytes.get(8) == Some(&0x4d);
    let mut rest = bytes;
    while let Some((head, _)) = rest.split_first_chunk::<8>().filter(|_| bytes.starts_with(b"\n\r\r\n")) {
        let (kind, size) = if little {
            (head[0], u32::from_le_bytes(head[4..].try_into().unwrap()))
        } else {
            (head[3], u32::from_be_bytes(head[4..].try_into().unwrap()))
        };
        if kinds.contains(&kind) {
            return true;
        }
        rest = rest.get(size.max(12) as usize..).unwrap_or_default();
    }
    false
}

#[test]
fn the_guard_of_the_judge_finds_its_blocks() {
    assert!([LITTLE, BIG].iter().all(|&order| has_blocks(&every_block(order), &[2])));
    assert!(!has_blocks(&every_block(LITTLE), &[77]));
}
