//! Packets → a pcapng file (draft-ietf-opsawg-pcapng).

use super::capture::{ByteOrder, Capture, Captured};

/// How a pcapng file is written. Every capture that is handed in becomes an interface with its link type, or as
/// many as there are resolutions; their packets stand in the order of time.
#[derive(Clone, Debug)]
pub(crate) struct Pcapng {
    order: ByteOrder,
    resolutions: Vec<u8>,
    block: PacketBlock,
    unknown_blocks: bool,
}

/// The block that holds a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PacketBlock {
    Enhanced,
    /// Without time, and only for one interface.
    Simple,
    /// The obsolete Packet Block.
    Old,
}

impl Pcapng {
    pub(crate) fn new() -> Self {
        Self {
            order: ByteOrder::Little,
            resolutions: vec![6],
            block: PacketBlock::Enhanced,
            unknown_blocks: false,
        }
    }

    pub(crate) fn order(self, order: ByteOrder) -> Self {
        Self { order, ..self }
    }

    /// An interface for each value of `if_tsresol` (6: microseconds, 9: nanoseconds, 0x80 | n: 2^-n s); the
    /// packets of a capture take turns.
    pub(crate) fn resolutions(self, resolutions: &[u8]) -> Self {
        Self { resolutions: resolutions.to_vec(), ..self }
    }

    pub(crate) fn block(self, block: PacketBlock) -> Self {
        Self { block, ..self }
    }

    /// Blocks and options of types that nobody knows, between those that matter.
    pub(crate) fn with_unknown_blocks(self) -> Self {
        Self { unknown_blocks: true, ..self }
    }

    pub(crate) fn file(&self, captures: &[Capture]) -> Vec<u8> {
        let mut file = self.block_of(SECTION_HEADER, &self.section_header());
        for capture in captures {
            for resolution in &self.resolutions {
                file.extend(self.block_of(INTERFACE, &self.interface(capture.link.0, *resolution)));
            }
        }
        for (interface, packet) in self.packets(captures) {
            if self.unknown_blocks {
                file.extend(self.block_of(0x0bad_beef, b"nobody knows this block"));
            }
            file.extend(self.packet(interface, packet));
        }
        file
    }

    /// All packets in the order of time, each with its interface.
    fn packets<'a>(&self, captures: &'a [Capture]) -> Vec<(usize, &'a Captured)> {
        let turns = self.resolutions.len();
        let of = |(at, capture): (usize, &'a Capture)| {
            let interface = move |(turn, packet)| (at * turns + turn % turns, packet);
            capture.packets.iter().enumerate().map(interface)
        };
        let mut packets: Vec<_> = captures.iter().enumerate().flat_map(of).collect();
        packets.sort_by_key(|(_, packet)| packet.nanos);
        packets
    }

    fn section_header(&self) -> Vec<u8> {
        let length_unknown = [0xff; 8];
        [&self.order.word(0x1a2b_3c4d)[..], &self.order.half(1), &self.order.half(0), &length_unknown]
            .concat()
    }

    fn interface(&self, link: u16, resolution: u8) -> Vec<u8> {
        let mut body = [self.order.half(link), self.order.half(0)].concat();
        body.extend(self.order.word(0)); // no snap length
        if self.unknown_blocks {
            body.extend(self.option(0x7abc, b"odd"));
        }
        body.extend(self.option(IF_TSRESOL, &[resolution]));
        body.extend(self.option(END_OF_OPTIONS, b""));
        body
    }

    fn packet(&self, interface: usize, packet: &Captured) -> Vec<u8> {
        let [captured, original] =
            [packet.data.len(), packet.original_len].map(|n| u32::try_from(n).unwrap());
        let ticks = self.ticks(packet.nanos, self.resolutions[interface % self.resolutions.len()]);
        let [high, low] = [ticks >> 32, ticks & 0xffff_ffff].map(|half| u32::try_from(half).unwrap());
        let (kind, head) = match self.block {
            PacketBlock::Enhanced => {
                let interface = u32::try_from(interface).unwrap();
                (ENHANCED_PACKET, self.order.words(&[interface, high, low, captured, original]))
            }
            PacketBlock::Simple => (SIMPLE_PACKET, self.order.words(&[original])),
            PacketBlock::Old => {
                let interface = u16::try_from(interface).unwrap();
                let head = [self.order.half(interface), self.order.half(0xffff)].concat();
                (OLD_PACKET, [head, self.order.words(&[high, low, captured, original])].concat())
            }
        };
        self.block_of(kind, &[head, packet.data.clone()].concat())
    }

    /// Units of `if_tsresol` since the epoch, rounded down.
    fn ticks(&self, nanos: i64, resolution: u8) -> u64 {
        let per_second = match resolution & 0x80 {
            0 => 10_u128.pow(u32::from(resolution)),
            _ => 1 << (resolution & 0x7f),
        };
        let nanos = u128::try_from(nanos).unwrap();
        u64::try_from(nanos * per_second / 1_000_000_000).unwrap()
    }

    fn option(&self, code: u16, value: &[u8]) -> Vec<u8> {
        let length = u16::try_from(value.len()).unwrap();
        let mut option = [&self.order.half(code)[..], &self.order.half(length), value].concat();
        option.resize(option.len().next_multiple_of(4), 0);
        option
    }

    fn block_of(&self, kind: u32, body: &[u8]) -> Vec<u8> {
        let padded = body.len().next_multiple_of(4);
        let length = self.order.word(u32::try_from(12 + padded).unwrap());
        let mut block = [&self.order.word(kind)[..], &length, body].concat();
        block.resize(8 + padded, 0);
        block.extend(length);
        block
    }
}

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const OLD_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;
const IF_TSRESOL: u16 = 9;
const END_OF_OPTIONS: u16 = 0;

#[cfg(test)]
mod tests {
    use pcap_parser::{Block, PcapNGCapture};

    use super::super::Scenario;
    use super::*;

    #[test]
    fn another_parser_reads_every_kind_of_packet_block() {
        let capture = Scenario::new().client("Hello").fin().capture();
        for block in [PacketBlock::Enhanced, PacketBlock::Simple, PacketBlock::Old] {
            for order in [ByteOrder::Little, ByteOrder::Big] {
                let pcapng = Pcapng::new().order(order).block(block).with_unknown_blocks();
                let file = pcapng.file(std::slice::from_ref(&capture));
                let parsed = PcapNGCapture::from_file(&file).unwrap();
                let unknown =
                    parsed.sections[0].blocks.iter().filter(|b| matches!(b, Block::Unknown(_))).count();
                // To that parser the old block is an unknown one.
                let expected = capture.packets.len() * if block == PacketBlock::Old { 2 } else { 1 };
                assert_eq!(unknown, expected);
            }
        }
    }

    #[test]
    fn a_time_is_counted_in_the_units_of_the_interface() {
        let ticks = |resolution| Pcapng::new().ticks(1_500_000_001, resolution);
        assert_eq!(
            [ticks(9), ticks(6), ticks(3), ticks(0), ticks(0x81)],
            [1_500_000_001, 1_500_000, 1500, 1, 3]
        );
    }

    #[test]
    fn packets_of_several_captures_stand_in_the_order_of_time() {
        let captures = [Scenario::new().open().capture(), Scenario::new().open().capture()];
        let pcapng = Pcapng::new().resolutions(&[6, 9]);
        let interfaces: Vec<_> = pcapng.packets(&captures).iter().map(|(interface, _)| *interface).collect();
        assert_eq!(interfaces, [0, 2, 1, 3, 0, 2]);
    }
}
