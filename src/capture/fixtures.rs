//! Capture files for tests, byte by byte.

use std::io::{self, Cursor, Read};

use nom::number::Endianness;

use super::input::Input;
use super::stored::Stored;
use super::{CaptureError, Inputs, Source, from_reader};
use crate::limits::Limits;
use crate::packet::{CaptureInfo, LinkType, Packet};

pub(super) const LITTLE: Endianness = Endianness::Little;
pub(super) const BIG: Endianness = Endianness::Big;

/// A packet, owned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Owned {
    pub(super) number: u64,
    pub(super) file: u16,
    pub(super) time: i64,
    pub(super) link: u16,
    pub(super) original_len: usize,
    pub(super) data: Vec<u8>,
}

impl Owned {
    pub(super) fn of(packet: &Packet<'_>) -> Self {
        Self {
            number: packet.at.number,
            file: packet.at.file,
            time: packet.at.time.as_nanos(),
            link: packet.link.0,
            original_len: packet.original_len,
            data: packet.data.to_vec(),
        }
    }
}

/// Every packet of a source, and what is known of its inputs then.
pub(super) fn drain(mut inputs: Inputs) -> (Vec<Owned>, Vec<CaptureInfo>) {
    let mut packets = Vec::new();
    while let Some(packet) = inputs.next_packet().unwrap() {
        packets.push(Owned::of(&packet));
    }
    (packets, inputs.inputs())
}

pub(super) fn open(bytes: &[u8]) -> Result<Inputs, CaptureError> {
    from_reader("test", Cursor::new(bytes.to_vec()), &Limits::default())
}

pub(super) fn read(bytes: &[u8]) -> (Vec<Owned>, CaptureInfo) {
    let (packets, mut infos) = drain(open(bytes).unwrap());
    (packets, infos.remove(0))
}

/// Several files as one source, in this order.
pub(super) fn merged(contents: &[&[u8]]) -> Inputs {
    let input = |content: &&[u8]| {
        let stored = Stored::new(Cursor::new(content.to_vec()), Some(content.len() as u64));
        Input::new("test", stored, &Limits::default(), 1 << 16).unwrap()
    };
    Inputs::new(contents.iter().map(input).collect())
}

/// What the user is told a file looks like.
pub(super) fn refusal(bytes: &[u8]) -> String {
    match open(bytes) {
        Err(CaptureError::UnknownFormat { found, .. }) => found,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("opened"),
    }
}

pub(super) fn word(order: Endianness, value: u32) -> [u8; 4] {
    if order == BIG { value.to_be_bytes() } else { value.to_le_bytes() }
}

pub(super) fn half(order: Endianness, value: u16) -> [u8; 2] {
    if order == BIG { value.to_be_bytes() } else { value.to_le_bytes() }
}

/// A classic pcap file.
#[derive(Clone)]
pub(super) struct PcapFile {
    pub(super) order: Endianness,
    pub(super) bytes: Vec<u8>,
}

impl PcapFile {
    pub(super) fn new(order: Endianness, magic: u32) -> Self {
        Self::version(order, magic, (2, 4), 1)
    }

    pub(super) fn version(order: Endianness, magic: u32, version: (u16, u16), network: u32) -> Self {
        let mut bytes = word(order, magic).to_vec();
        bytes.extend(half(order, version.0));
        bytes.extend(half(order, version.1));
        for field in [0, 0, 96, network] {
            bytes.extend(word(order, field));
        }
        Self { order, bytes }
    }

    /// The header's fields as they are, and the data.
    pub(super) fn record(mut self, fields: &[u32], data: &[u8]) -> Self {
        for &field in fields {
            self.bytes.extend(word(self.order, field));
        }
        self.bytes.extend(data);
        self
    }

    pub(super) fn packet(self, seconds: u32, fraction: u32, data: &[u8]) -> Self {
        let size = u32::try_from(data.len()).unwrap();
        self.record(&[seconds, fraction, size, size], data)
    }
}

/// A pcapng file.
#[derive(Clone)]
pub(super) struct NgFile {
    pub(super) order: Endianness,
    pub(super) bytes: Vec<u8>,
}

impl NgFile {
    pub(super) fn new(order: Endianness) -> Self {
        Self { order, bytes: Vec::new() }.section(order)
    }

    pub(super) fn section(self, order: Endianness) -> Self {
        self.section_of_version(order, 1, 0)
    }

    pub(super) fn section_of_version(mut self, order: Endianness, major: u16, minor: u16) -> Self {
        self.order = order;
        let mut body = word(order, 0x1a2b_3c4d).to_vec();
        body.extend(half(order, major));
        body.extend(half(order, minor));
        body.extend([0xff; 8]);
        self.block(0x0a0d_0d0a, &body)
    }

    pub(super) fn block(mut self, kind: u32, body: &[u8]) -> Self {
        let body = padded(body);
        let total = word(self.order, u32::try_from(body.len() + 12).unwrap());
        self.bytes.extend(word(self.order, kind));
        self.bytes.extend(total);
        self.bytes.extend(body);
        self.bytes.extend(total);
        self
    }

    /// A block from 32-bit fields, then bytes.
    pub(super) fn fields(self, kind: u32, fields: &[u32], rest: &[u8]) -> Self {
        let mut body: Vec<u8> = fields.iter().flat_map(|&field| word(self.order, field)).collect();
        body.extend(rest);
        self.block(kind, &body)
    }

    pub(super) fn interface(self, link: u16, snap_length: u32, options: &[(u16, &[u8])]) -> Self {
        let mut body = half(self.order, link).to_vec();
        body.extend([0; 2]);
        body.extend(word(self.order, snap_length));
        body.extend(self.options(options));
        self.block(1, &body)
    }

    pub(super) fn options(&self, options: &[(u16, &[u8])]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (code, value) in options {
            bytes.extend(half(self.order, *code));
            bytes.extend(half(self.order, u16::try_from(value.len()).unwrap()));
            bytes.extend(padded(value));
        }
        if !options.is_empty() {
            bytes.extend([0; 4]);
        }
        bytes
    }

    /// An Enhanced Packet Block.
    pub(super) fn packet(self, interface: u32, ticks: u64, data: &[u8]) -> Self {
        self.packet_with(interface, ticks, data, &[])
    }

    pub(super) fn packet_with(self, interface: u32, ticks: u64, data: &[u8], options: &[u8]) -> Self {
        let size = u32::try_from(data.len()).unwrap();
        let half = |ticks: u64| u32::try_from(ticks & 0xffff_ffff).unwrap();
        let fields = [interface, half(ticks >> 32), half(ticks), size, size];
        self.fields(6, &fields, &[&padded(data), options].concat())
    }
}

fn padded(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// A little of everything: two interfaces, names, statistics, secrets, three kinds of packet block.
pub(super) fn every_block(order: Endianness) -> Vec<u8> {
    let file = NgFile::new(order).interface(1, 0, &[]).interface(113, 0, &[(9, &[9])]);
    let statistics = file.options(&[(5, &8_u64.to_ne_bytes())]);
    file.packet(0, 1_000_000, b"first")
        .fields(4, &[0], b"")
        .packet(1, 2_000_000_000, b"second!!")
        .fields(3, &[3], b"abc")
        .fields(10, &[0x544c_534b, 6], b"secret")
        .fields(0xbad, &[1, 2, 3], b"whatever")
        .fields(2, &[0, 0, 3_000_000, 2, 2], b"pb")
        .fields(5, &[1, 0, 0], &statistics)
        .bytes
}

/// A small pcap file of three packets.
pub(super) fn three_packets() -> Vec<u8> {
    let file = PcapFile::new(LITTLE, 0xa1b2_c3d4);
    file.packet(1, 0, b"one").packet(2, 0, b"").packet(3, 0, b"three").bytes
}

/// A reader that fails as an operating system does, after `first`.
pub(super) struct Failing {
    pub(super) first: Cursor<Vec<u8>>,
}

impl Read for Failing {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self.first.read(out)? {
            0 => Err(io::Error::other("the disk is on fire")),
            count => Ok(count),
        }
    }
}

/// A live pipe: gives each piece alone, and panics when it is read where a reader should not wait.
pub(super) struct Pipe {
    pub(super) pieces: std::vec::IntoIter<Vec<u8>>,
}

impl Read for Pipe {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let piece = self.pieces.next().expect("waited for a packet that was in hand");
        out[..piece.len()].copy_from_slice(&piece);
        Ok(piece.len())
    }
}

pub(super) fn times(packets: &[Owned]) -> Vec<i64> {
    packets.iter().map(|packet| packet.time).collect()
}

pub(super) fn links(packets: &[Owned]) -> Vec<LinkType> {
    packets.iter().map(|packet| LinkType(packet.link)).collect()
}
