//! The packets of which there are millions → what the walk through all headers gives, five times as fast: TCP or UDP in IPv4 or
//! IPv6 in Ethernet, whole, without tags, IP options or extension headers.

use super::{Direction, FlowKey, Segment, Skip, TcpFlags, tunnel};
use crate::packet::{LinkType, Packet};

/// What the walk gives, or `None` where it has to look.
// In line with all that it calls: a segment that is written down and read back in other pieces makes the processor wait.
#[inline(always)]
pub(super) fn segment<'a>(packet: &Packet<'a>) -> Option<Result<Segment<'a>, Skip>> {
    if packet.link != LinkType::ETHERNET {
        return None;
    }
    let (ethernet, rest) = packet.data.split_first_chunk::<14>()?;
    let (ip, protocol, carried) = match ethernet {
        [.., 0x08, 0x00] => ipv4(rest)?,
        [.., 0x86, 0xdd] => ipv6(rest)?,
        _ => return None,
    };
    match protocol {
        TCP => tcp(packet, ip, carried).map(Ok),
        UDP => (!tunnel::may_be_in(carried.first_chunk()?)).then_some(Err(Skip::NotTcp)),
        _ => None,
    }
}

#[inline(always)]
fn tcp<'a>(packet: &Packet<'a>, ip: Ip, bytes: &'a [u8]) -> Option<Segment<'a>> {
    let (header, _) = bytes.split_first_chunk::<20>()?;
    let [s0, s1, d0, d1, q0, q1, q2, q3, a0, a1, a2, a3, offset, flags, w0, w1, ..] = *header;
    let length = usize::from(offset >> 4) * 4;
    let payload = bytes.get(length..).filter(|_| length >= header.len())?;
    let (flow, direction) = ip.flow(u16::from_be_bytes([s0, s1]), u16::from_be_bytes([d0, d1]));
    Some(Segment {
        at: packet.at,
        flow,
        direction,
        seq: u32::from_be_bytes([q0, q1, q2, q3]),
        ack: u32::from_be_bytes([a0, a1, a2, a3]),
        flags: TcpFlags(flags),
        window: u16::from_be_bytes([w0, w1]),
        payload,
        cut: 0,
    })
}

/// Source and destination.
enum Ip {
    V4(u32, u32),
    V6(u128, u128),
}

impl Ip {
    #[inline(always)]
    fn flow(self, src_port: u16, dst_port: u16) -> (FlowKey, Direction) {
        match self {
            Self::V4(src, dst) => FlowKey::of_ipv4((src, src_port), (dst, dst_port)),
            Self::V6(src, dst) => FlowKey::of_ipv6((src, src_port), (dst, dst_port)),
        }
    }
}

/// The addresses, the protocol, and the payload that the length field gives. // RFC 791 §3.1
#[inline]
fn ipv4(bytes: &[u8]) -> Option<(Ip, u8, &[u8])> {
    let (header, _) = bytes.split_first_chunk::<20>()?;
    let [0x45, _, l0, l1, _, _, f0, f1, _, protocol, _, _, addresses @ ..] = header else { return None };
    // More fragments, or not the first one.
    if (f0 & 0x3f, *f1) != (0, 0) {
        return None;
    }
    let [s0, s1, s2, s3, d0, d1, d2, d3] = *addresses;
    let payload = bytes.get(header.len()..usize::from(u16::from_be_bytes([*l0, *l1])))?;
    let ip = Ip::V4(u32::from_be_bytes([s0, s1, s2, s3]), u32::from_be_bytes([d0, d1, d2, d3]));
    Some((ip, *protocol, payload))
}

/// The addresses, the protocol, and the payload that the length field gives. // RFC 8200 §3
#[inline]
fn ipv6(bytes: &[u8]) -> Option<(Ip, u8, &[u8])> {
    let (header, rest) = bytes.split_first_chunk::<40>()?;
    let [version, _, _, _, l0, l1, protocol, _, addresses @ ..] = header;
    let (src, dst) = addresses.split_first_chunk::<16>()?;
    let dst: &[u8; 16] = dst.first_chunk()?;
    let payload = rest.get(..usize::from(u16::from_be_bytes([*l0, *l1])))?;
    let ip = Ip::V6(u128::from_be_bytes(*src), u128::from_be_bytes(*dst));
    (version >> 4 == 6).then_some((ip, *protocol, payload))
}

const TCP: u8 = 6;
const UDP: u8 = 17;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::decode::Decoder;
    use crate::limits::Limits;
    use crate::packet::PacketRef;

    /// An ordinary packet: IPv4, 4 bytes of payload and 2 of padding.
    fn ordinary() -> Vec<u8> {
        let mut bytes = vec![0; 12];
        bytes.extend([0x08, 0x00]);
        bytes.extend([0x45, 0, 0, 44, 0, 1, 0x40, 0, 64, 6, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2]);
        bytes.extend([0xc3, 0x50, 0, 80, 0, 0, 0, 7, 0, 0, 0, 9, 0x50, 0x18, 1, 0, 0, 0, 0, 0]);
        bytes.extend(b"data\0\0");
        bytes
    }

    fn ordinary_ipv6() -> Vec<u8> {
        let ipv4 = ordinary();
        let mut bytes = vec![0; 12];
        bytes.extend([0x86, 0xdd, 0x60, 0, 0, 0, 0, 24, 6, 64]);
        bytes.extend([0x20; 16]);
        bytes.extend([0x21; 16]);
        bytes.extend(&ipv4[34..]);
        bytes
    }

    fn packet(data: &[u8], original_len: usize) -> Packet<'_> {
        Packet { at: PacketRef::default(), link: LinkType::ETHERNET, original_len, data }
    }

    #[test]
    fn ordinary_packets_take_the_short_way() {
        for bytes in [ordinary(), ordinary_ipv6()] {
            let short = segment(&packet(&bytes, bytes.len())).unwrap().unwrap();
            assert_eq!((short.payload, short.seq, short.ack, short.src().port), (&b"data"[..], 7, 9, 50_000));
        }
    }

    #[test]
    fn ordinary_datagrams_take_the_short_way_and_tunnels_the_long_one() {
        let mut bytes = ordinary();
        bytes[14 + 9] = UDP;
        assert_eq!(segment(&packet(&bytes, bytes.len())), Some(Err(Skip::NotTcp)));
        bytes[14 + 20 + 2..][..2].copy_from_slice(&4789_u16.to_be_bytes());
        assert_eq!(segment(&packet(&bytes, bytes.len())), None);
    }

    proptest! {
        #[test]
        fn where_the_short_way_sees_a_segment_the_long_way_sees_the_same(
            v6: bool,
            udp: bool,
            changes in prop::collection::vec((0..80_usize, any::<u8>()), 0..4),
            length in 0..80_usize,
            lost in 0..3_usize,
        ) {
            let mut bytes = if v6 { ordinary_ipv6() } else { ordinary() };
            if udp {
                bytes[if v6 { 14 + 6 } else { 14 + 9 }] = UDP;
            }
            for (place, value) in changes {
                if let Some(byte) = bytes.get_mut(place) {
                    *byte = value;
                }
            }
            bytes.truncate(length.max(20));
            let packet = packet(&bytes, bytes.len() + lost);
            if let Some(short) = segment(&packet) {
                let mut decoder = Decoder::new(&Limits::default());
                prop_assert_eq!(decoder.walk(&packet), short);
            }
        }
    }
}
