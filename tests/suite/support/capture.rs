//! Packets → a pcap file in each of its dialects.

use wspect::packet::LinkType;

use super::compression::Compression;

/// Packets of one link type, ready to be stored.
#[derive(Clone, Debug)]
pub(crate) struct Capture {
    pub(crate) link: LinkType,
    pub(crate) packets: Vec<Captured>,
}

#[derive(Clone, Debug)]
pub(crate) struct Captured {
    /// Nanoseconds since the Unix epoch.
    pub(crate) nanos: i64,
    /// Bytes on the wire; more than `data` holds when the snap length cut the packet.
    pub(crate) original_len: usize,
    pub(crate) data: Vec<u8>,
}

/// A dialect of the pcap format (draft-ietf-opsawg-pcap).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pcap {
    Micros,
    Nanos,
    /// Records with eight more bytes, as a patched libpcap of the nineties wrote them (magic a1b2cd34).
    Modified,
}

/// Byte order of the machine that wrote a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ByteOrder {
    #[default]
    Little,
    Big,
}

impl Capture {
    /// A little-endian file of microseconds.
    pub(crate) fn pcap(&self) -> Vec<u8> {
        self.pcap_as(Pcap::Micros, ByteOrder::Little)
    }

    pub(crate) fn pcap_as(&self, dialect: Pcap, order: ByteOrder) -> Vec<u8> {
        let mut file = order.words(&[dialect.magic()]);
        file.extend([order.half(2), order.half(4)].concat());
        file.extend(order.words(&[0, 0, SNAP_LENGTH, u32::from(self.link.0)]));
        for packet in &self.packets {
            let fraction = packet.nanos % SECOND / dialect.nanos_per_tick();
            file.extend(order.words(&[
                u32::try_from(packet.nanos / SECOND).unwrap(),
                u32::try_from(fraction).unwrap(),
                u32::try_from(packet.data.len()).unwrap(),
                u32::try_from(packet.original_len).unwrap(),
            ]));
            if dialect == Pcap::Modified {
                file.extend([0; 8]); // interface, protocol, packet type, padding
            }
            file.extend(&packet.data);
        }
        file
    }

    /// A little-endian pcap file inside a compressed one.
    pub(crate) fn compressed(&self, compression: Compression) -> Vec<u8> {
        compression.compress(&self.pcap())
    }
}

impl Pcap {
    const fn magic(self) -> u32 {
        match self {
            Self::Micros => 0xa1b2_c3d4,
            Self::Nanos => 0xa1b2_3c4d,
            Self::Modified => 0xa1b2_cd34,
        }
    }

    const fn nanos_per_tick(self) -> i64 {
        match self {
            Self::Micros | Self::Modified => 1000,
            Self::Nanos => 1,
        }
    }
}

impl ByteOrder {
    pub(super) fn half(self, value: u16) -> [u8; 2] {
        match self {
            Self::Little => value.to_le_bytes(),
            Self::Big => value.to_be_bytes(),
        }
    }

    pub(super) fn word(self, value: u32) -> [u8; 4] {
        match self {
            Self::Little => value.to_le_bytes(),
            Self::Big => value.to_be_bytes(),
        }
    }

    pub(super) fn words(self, values: &[u32]) -> Vec<u8> {
        values.iter().flat_map(|value| self.word(*value)).collect()
    }
}

const SNAP_LENGTH: u32 = 262_144;
const SECOND: i64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use pcap_parser::traits::PcapReaderIterator;
    use pcap_parser::{LegacyPcapReader, PcapBlockOwned};

    use super::super::Scenario;
    use super::*;

    #[test]
    fn another_parser_reads_every_dialect_that_it_knows() {
        let capture = Scenario::new().client("Hello").fin().capture();
        for (dialect, order) in [
            (Pcap::Micros, ByteOrder::Little),
            (Pcap::Micros, ByteOrder::Big),
            (Pcap::Nanos, ByteOrder::Little),
            (Pcap::Nanos, ByteOrder::Big),
        ] {
            let file = capture.pcap_as(dialect, order);
            let mut reader = LegacyPcapReader::new(1 << 16, &file[..]).unwrap();
            let mut packets = Vec::new();
            while let Ok((offset, block)) = reader.next() {
                match block {
                    PcapBlockOwned::LegacyHeader(header) => {
                        assert_eq!(header.is_bigendian(), order == ByteOrder::Big);
                        assert_eq!(header.is_nanosecond_precision(), dialect == Pcap::Nanos);
                    }
                    PcapBlockOwned::Legacy(packet) => packets.push(packet.data.to_vec()),
                    PcapBlockOwned::NG(_) => unreachable!("a pcap file"),
                }
                reader.consume(offset);
            }
            assert!(packets.iter().eq(capture.packets.iter().map(|packet| &packet.data)));
        }
    }

    #[test]
    fn the_modified_dialect_has_longer_records() {
        let capture = Scenario::new().open().capture();
        let [plain, modified] =
            [Pcap::Micros, Pcap::Modified].map(|dialect| capture.pcap_as(dialect, ByteOrder::Big));
        assert_eq!(modified[..4], [0xa1, 0xb2, 0xcd, 0x34]);
        assert_eq!(modified.len(), plain.len() + 8 * capture.packets.len());
    }
}
