//! IEEE 802.11 data frames and the capture headers before them.

use super::span::Span;
use super::{Layer, Skip};
use crate::packet::LinkType;

/// A radiotap header. Of its fields only the flags matter, since they tell of padding after the 802.11 header.
pub(super) fn radiotap(rest: Span<'_>) -> Result<Layer<'_>, Skip> {
    const DATA_PADDED: u8 = 0x20;
    let &[version, _, low, high] = rest.peek()?;
    if version != 0 {
        return Err(Skip::Malformed);
    }
    let length = usize::from(u16::from_le_bytes([low, high]));
    let padded = radiotap_flags(rest.within(length))?.is_some_and(|flags| flags & DATA_PADDED != 0);
    Ok(Layer::Wifi { rest: rest.skip(length)?, alignment: if padded { 4 } else { 1 } })
}

/// The field `Flags` (bit 1), before which only `TSFT` (bit 0, 8 bytes, aligned to 8) can stand.
fn radiotap_flags(header: Span<'_>) -> Result<Option<u8>, Skip> {
    const TSFT: u32 = 1;
    const FLAGS: u32 = 2;
    const MORE: u32 = 1 << 31;
    let (&first, mut rest) = header.skip(4)?.take()?;
    let mut word = u32::from_le_bytes(first);
    while word & MORE != 0 {
        let (&next, after) = rest.take()?;
        (word, rest) = (u32::from_le_bytes(next), after);
    }
    let present = u32::from_le_bytes(first);
    if present & FLAGS == 0 {
        return Ok(None);
    }
    let start = header.wire_len().saturating_sub(rest.wire_len());
    let skipped = if present & TSFT == 0 { start } else { start.next_multiple_of(8) + 8 };
    header.skip(skipped)?.peek().map(|[flags]| Some(*flags))
}

/// A Prism header: message code and length in the byte order of the capturing machine; or AVS, which some drivers
/// write under this link type.
pub(super) fn prism(rest: Span<'_>) -> Result<Layer<'_>, Skip> {
    const AVS_MAGIC: u32 = 0x8021_1000;
    let &[c0, c1, c2, c3, l0, l1, l2, l3] = rest.peek()?;
    if u32::from_be_bytes([c0, c1, c2, c3]) & 0xffff_f000 == AVS_MAGIC {
        return avs(rest);
    }
    let length = [l0, l1, l2, l3];
    after_header(rest, u32::from_le_bytes(length).min(u32::from_be_bytes(length)))
}

/// An AVS header: version and length.
pub(super) fn avs(rest: Span<'_>) -> Result<Layer<'_>, Skip> {
    let &[_, _, _, _, l0, l1, l2, l3] = rest.peek()?;
    after_header(rest, u32::from_be_bytes([l0, l1, l2, l3]))
}

fn after_header(rest: Span<'_>, length: u32) -> Result<Layer<'_>, Skip> {
    let length = usize::try_from(length).map_err(|_| Skip::Malformed)?;
    Ok(Layer::Wifi { rest: rest.skip(length)?, alignment: 1 })
}

/// A PPI header, which names the link type of what follows.
pub(super) fn per_packet_information(rest: Span<'_>) -> Result<Layer<'_>, Skip> {
    let &[version, _, low, high, t0, t1, t2, t3] = rest.peek()?;
    let length = usize::from(u16::from_le_bytes([low, high]));
    if version != 0 || length < 8 {
        return Err(Skip::Malformed);
    }
    let link = u16::try_from(u32::from_le_bytes([t0, t1, t2, t3])).map_err(|_| Skip::UnknownLink)?;
    Ok(Layer::Link(LinkType(link), rest.skip(length)?))
}

/// An 802.11 frame whose header is padded to a multiple of `alignment` bytes. IEEE 802.11 §9.2, §9.3.2
pub(super) fn frame(rest: Span<'_>, alignment: usize) -> Result<Layer<'_>, Skip> {
    let (header, body) = Header::split(rest)?;
    let body = body.skip(header.length.next_multiple_of(alignment) - header.length)?;
    if header.protected {
        Err(Skip::Encrypted)
    } else if header.fragment {
        Err(Skip::Fragment)
    } else if header.aggregate {
        first_of_aggregate(body)
    } else {
        Ok(Layer::Llc(body))
    }
}

/// What a data frame's header says about its body.
struct Header {
    length: usize,
    protected: bool,
    fragment: bool,
    aggregate: bool,
}

impl Header {
    fn split(rest: Span<'_>) -> Result<(Self, Span<'_>), Skip> {
        let &[control, flags] = rest.peek()?;
        // version 0, type "data", and not of the subtypes without data
        if control & 0b0100_1111 != 0b0000_1000 {
            return Err(Skip::NotIp);
        }
        let (&[.., sequence, _], mut body) = rest.take::<24>()?;
        if flags & (TO_DS | FROM_DS) == TO_DS | FROM_DS {
            body = body.skip(6)?;
        }
        let mut aggregate = false;
        if control & QOS != 0 {
            let (&[qos, _], after) = body.take()?;
            aggregate = qos & A_MSDU != 0;
            body = if flags & ORDER != 0 { after.skip(4)? } else { after };
        }
        let length = rest.wire_len().saturating_sub(body.wire_len());
        let fragment = flags & MORE_FRAGMENTS != 0 || sequence & FRAGMENT_NUMBER != 0;
        Ok((Self { length, protected: flags & PROTECTED != 0, fragment, aggregate }, body))
    }
}

/// The first of the MSDUs that one frame carries: addresses, length, LLC. A packet yields one segment; those after
/// the first are lost.
fn first_of_aggregate(rest: Span<'_>) -> Result<Layer<'_>, Skip> {
    let (&[.., high, low], rest) = rest.take::<14>()?;
    Ok(Layer::Llc(rest.within(usize::from(u16::from_be_bytes([high, low])))))
}

const QOS: u8 = 0x80;
const TO_DS: u8 = 0x01;
const FROM_DS: u8 = 0x02;
const MORE_FRAGMENTS: u8 = 0x04;
const PROTECTED: u8 = 0x40;
const ORDER: u8 = 0x80;
const A_MSDU: u8 = 0x80;
const FRAGMENT_NUMBER: u8 = 0x0f;

#[cfg(test)]
mod tests {
    use super::super::wire::{SNAP, join, payload, plain, wifi_header};
    use super::*;

    fn skip(parts: &[&[u8]]) -> Result<Vec<u8>, Skip> {
        payload(LinkType::IEEE802_11, &join(parts))
    }

    #[test]
    fn only_data_frames_carry_packets() {
        assert_eq!(skip(&[&wifi_header(0x80, 0), &[0; 40]]), Err(Skip::NotIp), "beacon");
        assert_eq!(skip(&[&[0xd4, 0, 0, 0, 2, 2, 2, 2, 2, 2]]), Err(Skip::NotIp), "acknowledgment");
        assert_eq!(skip(&[&wifi_header(0x48, 1)]), Err(Skip::NotIp), "null data");
        assert_eq!(skip(&[&wifi_header(0x09, 1), &SNAP, &plain()]), Err(Skip::NotIp), "another version");
        assert_eq!(skip(&[&wifi_header(0x08, 1), &[0x42, 0x42, 3, 0]]), Err(Skip::NotIp), "STP");
    }

    #[test]
    fn protected_and_fragmented_frames_are_told_apart() {
        assert_eq!(skip(&[&wifi_header(0x08, 0x41), &[7; 60]]), Err(Skip::Encrypted));
        assert_eq!(skip(&[&wifi_header(0x08, 0x05), &SNAP, &plain()]), Err(Skip::Fragment));
        let mut second = wifi_header(0x08, 1);
        second[22] |= 1;
        assert_eq!(skip(&[&second, &[7; 60]]), Err(Skip::Fragment));
    }

    #[test]
    fn a_radiotap_header_that_ends_before_its_fields_is_malformed() {
        let header = [0, 0, 8, 0, 2, 0, 0, 0x80];
        let data = join(&[&header, &wifi_header(0x08, 1), &SNAP, &plain()]);
        assert_eq!(payload(LinkType::IEEE802_11_RADIOTAP, &data), Err(Skip::Malformed));
    }
}
