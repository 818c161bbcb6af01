//! pcap: bytes → records, in both byte orders and all variants that libpcap reads.

use nom::Parser as _;
use nom::bytes::streaming::take;
use nom::number::Endianness;
use nom::number::streaming::{be_u32, u16, u32};

use super::record::{Garbage, Item, Parsed, Record, length};
use crate::packet::{LinkType, Timestamp};

/// A pcap file whose header was read.
#[derive(Clone, Debug)]
pub(crate) struct Pcap {
    order: Endianness,
    variant: &'static Variant,
    lengths: Lengths,
    link: LinkType,
    packet_limit: usize,
}

impl Pcap {
    /// Whether a file that begins so is meant to be pcap.
    pub(crate) fn begins(window: &[u8]) -> bool {
        magic(window).is_ok()
    }

    /// Reads the file header. Packets longer than `packet_limit` will be taken for garbage.
    pub(crate) fn header(input: &[u8], packet_limit: usize) -> Parsed<'_, Self> {
        let (rest, (order, variant)) = magic(input)?;
        let (rest, (major, minor)) = (u16(order), u16(order)).parse(rest)?;
        let Some(lengths) = Lengths::of_version(major, minor) else {
            return Garbage::found(format!("pcap of version {major}.{minor}, where 2.4 is the last"));
        };
        // The zone and the accuracy have been 0 in all files for decades, and the snap length cuts nothing here.
        let (rest, (_zone, _accuracy, _snap_length)) = (u32(order), u32(order), u32(order)).parse(rest)?;
        let (rest, network) = u32(order)(rest)?;
        let (rest, _) = take(variant.more_file_header)(rest)?;
        Ok((rest, Self { order, variant, lengths, link: link_type(network), packet_limit }))
    }

    /// Reads one packet.
    #[inline]
    pub(crate) fn next<'a>(&self, input: &'a [u8]) -> Parsed<'a, Item> {
        let (rest, [seconds, fraction, first, second]) = record_fields(input, self.order)?;
        let (rest, _) = take(self.variant.more_record_header)(rest)?;
        let (captured, original) = self.lengths.sort(first, second);
        if length(captured) > self.packet_limit {
            return Garbage::found(format!("a packet of {captured} bytes"));
        }
        let start = input.len().saturating_sub(rest.len());
        let (rest, data) = take(captured)(rest)?;
        let record = Record {
            time: self.variant.time(seconds, fraction),
            link: self.link,
            original_len: length(original.max(captured)),
            data: start..start.saturating_add(data.len()),
        };
        Ok((rest, Item::Packet(record)))
    }
}

/// What a magic number says beside the byte order.
#[derive(Debug)]
struct Variant {
    magic: u32,
    /// Nanoseconds in the unit of a time's second part.
    unit: i64,
    more_file_header: usize,
    more_record_header: usize,
}

impl Variant {
    fn time(&self, seconds: u32, fraction: u32) -> Timestamp {
        let whole = i64::from(seconds).saturating_mul(crate::packet::NANOS_PER_SECOND);
        Timestamp::from_nanos(whole.saturating_add(i64::from(fraction).saturating_mul(self.unit)))
    }
}

/// Which of the two lengths of a record comes first: it changed in the format's early years.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lengths {
    CapturedFirst,
    OriginalFirst,
    /// The greater one is the original length.
    Unsure,
}

impl Lengths {
    /// `None` for a version that does not exist. 543.0 was written by the tcpdump of DG/UX.
    const fn of_version(major: u16, minor: u16) -> Option<Self> {
        match (major, minor) {
            (2, 4) => Some(Self::CapturedFirst),
            (2, 3) => Some(Self::Unsure),
            (2, 0..=2) | (543, 0) => Some(Self::OriginalFirst),
            _ => None,
        }
    }

    /// Captured and original length.
    fn sort(self, first: u32, second: u32) -> (u32, u32) {
        match self {
            Self::CapturedFirst => (first, second),
            Self::OriginalFirst => (second, first),
            Self::Unsure => (first.min(second), first.max(second)),
        }
    }
}

fn magic(input: &[u8]) -> Parsed<'_, (Endianness, &'static Variant)> {
    let (rest, number): (_, u32) = be_u32(input)?;
    let orders = [(number, Endianness::Big), (number.swap_bytes(), Endianness::Little)];
    let known = orders.into_iter().find_map(|(number, order)| {
        VARIANTS.iter().find(|variant| variant.magic == number).map(|variant| (order, variant))
    });
    known.map_or_else(|| Garbage::found("no pcap magic number"), |found| Ok((rest, found)))
}

/// The four fields that begin each record, as words: nom's integers go byte by byte, which took as long as all
/// the rest of reading.
#[inline]
fn record_fields(input: &[u8], order: Endianness) -> Parsed<'_, [u32; 4]> {
    let (rest, bytes) = take(16_usize)(input)?;
    let (&[first, second, third, fourth], _) = bytes.as_chunks() else {
        return Garbage::found("a record header too short");
    };
    let fields = [first, second, third, fourth];
    let words = match order {
        Endianness::Big => fields.map(u32::from_be_bytes),
        _ => fields.map(u32::from_le_bytes),
    };
    Ok((rest, words))
}

/// The upper half holds the length of frame check sequences and reserved bits.
fn link_type(network: u32) -> LinkType {
    LinkType(u16::try_from(network & 0xffff).unwrap_or_default())
}

const VARIANTS: [Variant; 5] = [
    Variant { magic: 0xa1b2_c3d4, unit: 1000, more_file_header: 0, more_record_header: 0 },
    Variant { magic: 0xa1b2_3c4d, unit: 1, more_file_header: 0, more_record_header: 0 },
    // Alexey Kuznetsov's: interface, protocol and packet type in each record.
    Variant { magic: 0xa1b2_cd34, unit: 1000, more_file_header: 0, more_record_header: 8 },
    // IXIA's, by hardware and by software: the size of all records after the file header.
    Variant { magic: 0x1c00_01ac, unit: 1, more_file_header: 4, more_record_header: 0 },
    Variant { magic: 0x1c00_01ab, unit: 1000, more_file_header: 4, more_record_header: 0 },
];
