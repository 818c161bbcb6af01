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

    /// The packet at the front of the window and the size of its record, where all of it is there and nothing is unusual.
    /// What [`next`](Self::next) gives as well, at a third of the cost.
    #[inline]
    pub(crate) fn whole(&self, window: &[u8]) -> Option<(Record, usize)> {
        let (header, _) = window.split_first_chunk::<16>()?;
        let ([seconds, fraction, captured, original], []) = header.as_chunks() else { return None };
        let word = |bytes: &[u8; 4]| match self.order {
            Endianness::Big => u32::from_be_bytes(*bytes),
            _ => u32::from_le_bytes(*bytes),
        };
        let (captured, original) = (length(word(captured)), length(word(original)));
        let end = captured.saturating_add(header.len());
        let usual = self.lengths == Lengths::CapturedFirst && self.variant.more_record_header == 0;
        if !usual || captured > self.packet_limit || end > window.len() {
            return None;
        }
        let record = Record {
            time: self.variant.time(word(seconds), word(fraction)),
            link: self.link,
            original_len: original.max(captured),
            data: header.len()..end,
        };
        Some((record, end))
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_whole_packet_is_read_as_any_other(
            variant in 0..5_usize,
            minor in 0..=4_u16,
            big in any::<bool>(),
            fields in any::<[u8; 8]>(),
            lengths in (0..40_u32, 0..40_u32),
            bytes in prop::collection::vec(any::<u8>(), 0..60),
        ) {
            let order = if big { Endianness::Big } else { Endianness::Little };
            let lengths_of = Lengths::of_version(2, minor).unwrap();
            let file = Pcap { order, variant: &VARIANTS[variant], lengths: lengths_of, link: LinkType(1), packet_limit: 35 };
            let word = |value: u32| if big { value.to_be_bytes() } else { value.to_le_bytes() };
            let window = [&fields[..], &word(lengths.0), &word(lengths.1), &bytes].concat();
            if let Some((record, size)) = file.whole(&window) {
                let (rest, item) = file.next(&window).unwrap();
                prop_assert_eq!(item, Item::Packet(record));
                prop_assert_eq!(rest.len(), window.len() - size);
            } else if minor == 4 && variant != 2 {
                prop_assert!(file.next(&window).is_err());
            }
        }
    }
}
