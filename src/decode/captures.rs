//! Capture files → packets, no more than the tests of this module need.

use std::path::Path;

use crate::packet::{LinkType, Packet, PacketRef, Timestamp};

/// A packet that owns its bytes.
#[derive(Clone, Debug)]
pub(super) struct Captured {
    pub(super) at: PacketRef,
    pub(super) link: LinkType,
    pub(super) original_len: usize,
    pub(super) data: Vec<u8>,
}

impl Captured {
    pub(super) fn packet(&self) -> Packet<'_> {
        Packet { at: self.at, link: self.link, original_len: self.original_len, data: &self.data }
    }
}

/// The packets of a file in the folder beside the repository that other tests' captures lie in; `None`, and a line
/// that says so, where it is absent.
pub(super) fn shared(name: &str) -> Option<Vec<Captured>> {
    let path = format!("{}/../shared/{name}", env!("CARGO_MANIFEST_DIR"));
    if !Path::new(&path).exists() {
        eprintln!("skipped: no {name}");
        return None;
    }
    #[expect(clippy::disallowed_methods, reason = "a small file that the test itself reads")]
    let file = std::fs::read(path).unwrap();
    Some(packets(&file))
}

/// The packets of a pcap or pcapng file, up to where it is damaged.
pub(super) fn packets(file: &[u8]) -> Vec<Captured> {
    let mut packets = Vec::new();
    let read = if file.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a]) { pcapng } else { pcap };
    read(file, &mut packets);
    packets
}

struct Order {
    big: bool,
}

impl Order {
    fn u16(&self, bytes: &[u8], at: usize) -> Option<usize> {
        let two = bytes.get(at..at + 2)?.try_into().ok()?;
        Some(usize::from(if self.big { u16::from_be_bytes(two) } else { u16::from_le_bytes(two) }))
    }

    fn u32(&self, bytes: &[u8], at: usize) -> Option<usize> {
        let four = bytes.get(at..at + 4)?.try_into().ok()?;
        usize::try_from(if self.big { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) }).ok()
    }
}

fn captured(number: usize, link: usize, original_len: usize, data: &[u8]) -> Captured {
    let number = u64::try_from(number).unwrap();
    let at = PacketRef { number, time: Timestamp::default(), file: 0 };
    Captured { at, link: LinkType(u16::try_from(link & 0xffff).unwrap()), original_len, data: data.to_vec() }
}

fn pcap(file: &[u8], packets: &mut Vec<Captured>) -> Option<()> {
    let order = Order { big: file.starts_with(&[0xa1]) };
    let link = order.u32(file, 20)?;
    let mut rest = file.get(24..)?;
    loop {
        let length = order.u32(rest, 8)?;
        let data = rest.get(16..16 + length)?;
        packets.push(captured(packets.len() + 1, link, order.u32(rest, 12)?, data));
        rest = &rest[16 + length..];
    }
}

fn pcapng(file: &[u8], packets: &mut Vec<Captured>) -> Option<()> {
    let (mut rest, mut order, mut links) = (file, Order { big: false }, Vec::new());
    loop {
        if rest.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a]) {
            order = Order { big: rest.get(8..)?.starts_with(&[0x1a]) };
            links.clear();
        }
        let block = rest.get(..order.u32(rest, 4)?)?;
        let number = packets.len() + 1;
        match order.u32(block, 0)? {
            1 => links.push(order.u16(block, 8)?),
            2 | 6 => {
                let interface = if block[0] == 2 || block[3] == 2 {
                    order.u16(block, 8)?
                } else {
                    order.u32(block, 8)?
                };
                let data = block.get(28..28 + order.u32(block, 20)?)?;
                packets.push(captured(number, *links.get(interface)?, order.u32(block, 24)?, data));
            }
            3 => {
                let length = order.u32(block, 8)?;
                let data = block.get(12..12 + length.min(block.len() - 16))?;
                packets.push(captured(number, *links.first()?, length, data));
            }
            _ => {}
        }
        rest = rest.get(block.len().max(12)..)?;
    }
}
