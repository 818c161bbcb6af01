//! A TCP header → a segment.

use etherparse::TcpHeaderSlice;
use etherparse::err::tcp::HeaderSliceError;

use super::ip::Carried;
use super::span::Span;
use super::{FlowKey, Segment, Skip, TcpFlags};
use crate::packet::{Endpoint, PacketRef};

/// The segment that an IP packet carries. RFC 9293 §3.1
pub(super) fn segment<'a>(at: PacketRef, carried: &Carried<'a>) -> Result<Segment<'a>, Skip> {
    let rest = carried.rest;
    match TcpHeaderSlice::from_slice(rest.bytes) {
        Ok(header) => Ok(read(at, carried, &header, rest.skip(header.slice().len())?)),
        Err(HeaderSliceError::Content(_)) => Err(Skip::Malformed),
        Err(HeaderSliceError::Len(length)) => match rest.too_short(length.required_len) {
            Skip::CutHeaders => with_cut_options(at, carried, length.required_len),
            reason => Err(reason),
        },
    }
}

/// A segment whose options the snap length cut, and with them all of its payload.
fn with_cut_options<'a>(at: PacketRef, carried: &Carried<'a>, length: usize) -> Result<Segment<'a>, Skip> {
    const NO_OPTIONS: u8 = 5 << 4;
    let mut fixed = *carried.rest.peek::<20>()?;
    let [.., offset, _, _, _, _, _, _, _] = &mut fixed;
    *offset = NO_OPTIONS;
    let header = TcpHeaderSlice::from_slice(&fixed).map_err(|_| Skip::Malformed)?;
    let payload = Span { bytes: &[], cut: carried.rest.wire_len().saturating_sub(length) };
    Ok(read(at, carried, &header, payload))
}

fn read<'a>(
    at: PacketRef,
    carried: &Carried<'_>,
    header: &TcpHeaderSlice<'_>,
    payload: Span<'a>,
) -> Segment<'a> {
    let src = Endpoint { address: carried.src, port: header.source_port() };
    let dst = Endpoint { address: carried.dst, port: header.destination_port() };
    let (flow, direction) = FlowKey::of(src, dst);
    Segment {
        at,
        flow,
        direction,
        seq: header.sequence_number(),
        ack: header.acknowledgment_number(),
        flags: TcpFlags(header.slice().get(13).copied().unwrap_or_default()),
        window: header.window_size(),
        payload: payload.bytes,
        cut: u32::try_from(payload.cut).unwrap_or(u32::MAX),
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::super::wire::{tcp, tcp_with_options};
    use super::*;

    fn carried(bytes: &[u8], cut: usize) -> Carried<'_> {
        let (src, dst) = (IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V4(Ipv4Addr::LOCALHOST));
        Carried { src, dst, protocol: super::super::ip::TCP, rest: Span { bytes, cut } }
    }

    fn payload(bytes: &[u8], cut: usize) -> Result<(Vec<u8>, u32), Skip> {
        let segment = segment(PacketRef::default(), &carried(bytes, cut))?;
        assert_eq!((segment.src().port, segment.seq, segment.flags.0), (50000, 1000, 0x18));
        Ok((segment.payload.to_vec(), segment.cut))
    }

    #[test]
    fn the_payload_begins_after_the_options() {
        assert_eq!(payload(&tcp(b"abc"), 0), Ok((b"abc".to_vec(), 0)));
        assert_eq!(payload(&tcp_with_options(b"abc"), 0), Ok((b"abc".to_vec(), 0)));
        assert_eq!(payload(&tcp_with_options(b""), 0), Ok((vec![], 0)));
    }

    #[test]
    fn what_the_snap_length_took_of_the_payload_is_counted() {
        assert_eq!(payload(&tcp_with_options(b"abc"), 1400), Ok((b"abc".to_vec(), 1400)));
        assert_eq!(payload(&tcp_with_options(b"")[..31], 1401), Ok((vec![], 1400)));
        assert_eq!(payload(&tcp_with_options(b"")[..20], 12), Ok((vec![], 0)));
        assert_eq!(payload(&tcp_with_options(b"")[..19], 1413), Err(Skip::CutHeaders));
    }

    #[test]
    fn a_data_offset_within_the_fixed_header_or_beyond_the_packet_is_malformed() {
        let with_offset = |words: u8| {
            let mut bytes = tcp(b"abc");
            bytes[12] = words << 4;
            payload(&bytes, 0)
        };
        assert_eq!(with_offset(4), Err(Skip::Malformed));
        assert_eq!(with_offset(6), Err(Skip::Malformed));
        assert_eq!(payload(&tcp(b"")[..12], 0), Err(Skip::Malformed));
        assert_eq!(payload(&tcp_with_options(b"")[..20], 11), Err(Skip::Malformed));
    }
}
