//! pcapng: bytes → blocks, their bodies and options. Bodies are whole when they come here, so nothing in them
//! is `Incomplete`: what is missing in a body is an error of the file.

use std::ops::Range;

use nom::bytes::complete::take;
use nom::number::Endianness;
use nom::number::complete::{u16, u32, u64};
use nom::number::streaming;
use nom::{Parser as _, bytes};

use super::record::{Garbage, Parsed, length};

/// The kind of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kind(pub(crate) u32);

impl Kind {
    pub(crate) const SECTION_HEADER: Self = Self(0x0a0d_0d0a);
    pub(crate) const INTERFACE: Self = Self(1);
    /// Obsolete, but still found.
    pub(crate) const PACKET: Self = Self(2);
    pub(crate) const SIMPLE_PACKET: Self = Self(3);
    pub(crate) const STATISTICS: Self = Self(5);
    pub(crate) const ENHANCED_PACKET: Self = Self(6);
    pub(crate) const SECRETS: Self = Self(10);
}

/// The two fields that begin each block: its kind and its length over all.
pub(crate) fn head(input: &[u8], order: Endianness) -> Parsed<'_, (Kind, u32)> {
    let (rest, (kind, total)) = (streaming::u32(order), streaming::u32(order)).parse(input)?;
    if length(total) < FRAMING {
        return Garbage::found(format!("a block of {total} bytes"));
    }
    Ok((rest, (Kind(kind), total)))
}

/// Length of a body. Blocks end at a multiple of four; early writers left the padding out of the total.
pub(crate) fn body_length(total: u32) -> usize {
    length(total).checked_next_multiple_of(4).unwrap_or(usize::MAX).saturating_sub(FRAMING)
}

/// What follows [`head`]: the body, and the length again.
pub(crate) fn body(input: &[u8], order: Endianness, total: u32) -> Parsed<'_, &[u8]> {
    let (rest, body) = bytes::streaming::take(body_length(total))(input)?;
    let (rest, ()) = trailer(rest, order, total)?;
    Ok((rest, body))
}

/// The length of a block, as it is repeated at its end.
pub(crate) fn trailer(input: &[u8], order: Endianness, total: u32) -> Parsed<'_, ()> {
    let (rest, again) = streaming::u32(order)(input)?;
    if again != total {
        return Garbage::found(format!("a block of {total} bytes that ends as one of {again}"));
    }
    Ok((rest, ()))
}

/// The byte order of a section, from its header block, of which the kind reads the same in both.
pub(crate) fn section_order(input: &[u8]) -> Parsed<'_, Endianness> {
    let (_, (_kind, _total, mark)) =
        (streaming::be_u32, streaming::be_u32, streaming::be_u32::<_, Garbage>).parse(input)?;
    match mark {
        0x1a2b_3c4d => Ok((input, Endianness::Big)),
        0x4d3c_2b1a => Ok((input, Endianness::Little)),
        _ => Garbage::found("a section header without its byte-order magic"),
    }
}

/// The version in the body of a Section Header Block. 1.2 was written by some and is the same as 1.0.
pub(crate) fn section_version(body: &[u8], order: Endianness) -> Parsed<'_, ()> {
    let fields = (u32(order), u16(order), u16(order), u64(order));
    let (rest, (_mark, major, minor, _section_length)) = whole(fields, body, "a section header too short")?;
    match (major, minor) {
        (1, 0 | 2) => Ok((rest, ())),
        _ => Garbage::found(format!("pcapng of version {major}.{minor}, where 1.0 is the only one")),
    }
}

/// The body of an Interface Description Block: link type and snap length, then options.
pub(crate) fn interface(body: &[u8], order: Endianness) -> Parsed<'_, (u16, u32)> {
    let fields = (u16(order), u16(order), u32(order));
    let (rest, (link, _reserved, snap_length)) = whole(fields, body, "an interface description too short")?;
    Ok((rest, (link, snap_length)))
}

/// The packet of an Enhanced, an obsolete or a Simple Packet Block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BlockPacket {
    pub(crate) interface: u32,
    /// In the unit of the interface; a Simple Packet Block has none.
    pub(crate) ticks: Option<u64>,
    pub(crate) original: u32,
    /// Where in the body the captured bytes are.
    pub(crate) data: Range<usize>,
    /// Lost since the packet before, where the fixed fields say it.
    pub(crate) drops: Option<u16>,
}

/// The body of an Enhanced Packet Block, then options.
pub(crate) fn enhanced_packet(body: &[u8], order: Endianness) -> Parsed<'_, BlockPacket> {
    let (rest, (interface, ticks)) = whole((u32(order), ticks(order)), body, SHORT_PACKET)?;
    let (rest, (original, data)) = packet_data(body, rest, order)?;
    Ok((rest, BlockPacket { interface, ticks: Some(ticks), original, data, drops: None }))
}

/// The body of an obsolete Packet Block, then options.
pub(crate) fn packet(body: &[u8], order: Endianness) -> Parsed<'_, BlockPacket> {
    let fields = (u16(order), u16(order), ticks(order));
    let (rest, (interface, drops, ticks)) = whole(fields, body, SHORT_PACKET)?;
    let (rest, (original, data)) = packet_data(body, rest, order)?;
    let drops = (drops != u16::MAX).then_some(drops);
    Ok((rest, BlockPacket { interface: interface.into(), ticks: Some(ticks), original, data, drops }))
}

/// The body of a Simple Packet Block. It has no captured length: the snap length of the first interface, where
/// it has one, and the length of the block are the bounds.
pub(crate) fn simple_packet(body: &[u8], order: Endianness, snap_length: u32) -> Parsed<'_, BlockPacket> {
    let (rest, original) = whole(u32(order), body, SHORT_PACKET)?;
    let snapped = if snap_length == 0 { original } else { original.min(snap_length) };
    let start = body.len().saturating_sub(rest.len());
    let data = start..start.saturating_add(length(snapped)).min(body.len());
    Ok((&[], BlockPacket { interface: 0, ticks: None, original, data, drops: None }))
}

/// The body of an Interface Statistics Block: interface and time, then options.
pub(crate) fn statistics(body: &[u8], order: Endianness) -> Parsed<'_, u32> {
    let (rest, (interface, _time)) = whole((u32(order), u64(order)), body, "statistics too short")?;
    Ok((rest, interface))
}

/// The body of a Decryption Secrets Block: kind and secrets.
pub(crate) fn secrets(body: &[u8], order: Endianness) -> Parsed<'_, (u32, &[u8])> {
    let (rest, (kind, size)) = whole((u32(order), u32(order)), body, "secrets too short")?;
    let (rest, data) = whole(take(size), rest, "secrets longer than their block")?;
    Ok((rest, (kind, data)))
}

/// The options at the end of a body, up to the first that can't be: what they say is an extra.
#[derive(Clone, Debug)]
pub(crate) struct Options<'a> {
    rest: &'a [u8],
    order: Endianness,
}

impl<'a> Options<'a> {
    /// The options that `rest` begins with.
    pub(crate) const fn new(rest: &'a [u8], order: Endianness) -> Self {
        Self { rest, order }
    }

    fn parse(&self) -> Parsed<'a, (u16, &'a [u8])> {
        let (rest, (code, size)) = (u16(self.order), u16(self.order)).parse(self.rest)?;
        let (rest, value) = take(size)(rest)?;
        Ok((after_padding(rest, value.len()), (code, value)))
    }
}

impl<'a> Iterator for Options<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (rest, option) = self.parse().ok()?;
        self.rest = rest;
        (option.0 != END_OF_OPTIONS).then_some(option)
    }
}

/// A 64-bit number that an option holds.
pub(crate) fn number(value: &[u8], order: Endianness) -> Option<u64> {
    let parsed: Parsed<'_, u64> = u64(order)(value);
    parsed.ok().map(|(_, number)| number)
}

/// A time: its upper half first, in either byte order.
fn ticks<'a>(order: Endianness) -> impl nom::Parser<&'a [u8], Output = u64, Error = Garbage> {
    (u32(order), u32(order)).map(|(high, low)| u64::from(high) << 32 | u64::from(low))
}

/// Captured length, original length, data and padding: `input`, the end of `body`, begins with them.
fn packet_data<'a>(body: &'a [u8], input: &'a [u8], order: Endianness) -> Parsed<'a, (u32, Range<usize>)> {
    let (rest, (captured, original)) = whole((u32(order), u32(order)), input, SHORT_PACKET)?;
    let start = body.len().saturating_sub(rest.len());
    let (rest, data) = whole(take(captured), rest, "a packet longer than its block")?;
    Ok((after_padding(rest, data.len()), (original, start..start.saturating_add(data.len()))))
}

/// Values are padded to a multiple of four; a missing last padding harms nobody.
fn after_padding(rest: &[u8], size: usize) -> &[u8] {
    rest.get(size.wrapping_neg() & 3..).unwrap_or_default()
}

/// Says `otherwise` where the body is too short for `parser`.
fn whole<'a, P>(mut parser: P, body: &'a [u8], otherwise: &'static str) -> Parsed<'a, P::Output>
where
    P: nom::Parser<&'a [u8], Error = Garbage>,
{
    parser.parse(body).or_else(|_| Garbage::found(otherwise))
}

/// Kind, length and the length again.
const FRAMING: usize = 12;
/// Kind and length.
pub(crate) const HEAD: usize = 8;
const END_OF_OPTIONS: u16 = 0;
const SHORT_PACKET: &str = "a packet block too short";

#[cfg(test)]
mod tests {
    use super::*;

    const LITTLE: Endianness = Endianness::Little;

    #[test]
    fn options_end_at_the_end_mark() {
        let bytes = [9, 0, 1, 0, 3, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0];
        let all: Vec<_> = Options::new(&bytes, LITTLE).collect();
        assert_eq!(all, [(9, &[3_u8][..])]);
    }

    #[test]
    fn an_option_longer_than_its_block_ends_the_options() {
        let bytes = [1, 0, 2, 0, b'a', b'b', 0, 0, 9, 0, 200, 0, 1];
        let all: Vec<_> = Options::new(&bytes, LITTLE).collect();
        assert_eq!(all, [(1, &b"ab"[..])]);
    }

    #[test]
    fn the_last_option_needs_no_padding() {
        let all: Vec<_> = Options::new(&[9, 0, 1, 0, 3], LITTLE).collect();
        assert_eq!(all, [(9, &[3_u8][..])]);
    }

    #[test]
    fn a_simple_packet_is_bounded_by_snap_length_and_block() {
        let mut body = 10_u32.to_le_bytes().to_vec();
        body.extend(*b"abcdefgh");
        let size = |snap| simple_packet(&body, LITTLE, snap).unwrap().1.data.len();
        assert_eq!((size(0), size(4), size(100)), (8, 4, 8));
    }

    #[test]
    fn a_time_has_its_upper_half_first_in_both_orders() {
        for order in [Endianness::Little, Endianness::Big] {
            let put = |value: u32| match order {
                Endianness::Big => value.to_be_bytes(),
                _ => value.to_le_bytes(),
            };
            let body = [0, 1, 2, 0, 9].map(put).concat();
            let (_, packet) = enhanced_packet(&body, order).unwrap();
            assert_eq!(packet.ticks, Some(0x1_0000_0002));
        }
    }
}
