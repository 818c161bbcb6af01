//! IP packets → what they carry.

use std::net::IpAddr;

use etherparse::err::{ipv4, ipv6};
use etherparse::{Ipv4HeaderSlice, Ipv6FragmentHeaderSlice, Ipv6HeaderSlice, ip_number};

use super::defrag::{DatagramKey, Fragment};
use super::span::Span;
use super::{Layer, Skip, tunnel};

/// What an IP packet carries below its headers, or below those extension headers that were stepped over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Carried<'a> {
    pub(super) src: IpAddr,
    pub(super) dst: IpAddr,
    /// IP protocol number of `rest`.
    pub(super) protocol: u8,
    pub(super) rest: Span<'a>,
}

/// An IP packet of the version that it says it is, whatever the header before it announced.
pub(super) fn packet(rest: Span<'_>) -> Result<Layer<'_>, Skip> {
    match rest.peek()? {
        [first] if first >> 4 == 4 => version_4(rest),
        [first] if first >> 4 == 6 => version_6(rest),
        _ => Err(Skip::Malformed),
    }
}

fn version_4(rest: Span<'_>) -> Result<Layer<'_>, Skip> {
    let header = Ipv4HeaderSlice::from_slice(rest.bytes).map_err(|error| match error {
        ipv4::HeaderSliceError::Len(length) => rest.too_short(length.required_len),
        ipv4::HeaderSliceError::Content(_) => Skip::Malformed,
    })?;
    let header_len = header.slice().len();
    let rest = match usize::from(header.total_len()) {
        0 => of_unsaid_length(rest)?.skip(header_len)?,
        total if total < header_len => return Err(Skip::Malformed),
        total => rest.within(total).skip(header_len)?,
    };
    let protocol = header.protocol().0;
    let (src, dst) = (header.source_addr().into(), header.destination_addr().into());
    if !header.is_fragmenting_payload() {
        return Ok(Layer::Carried(Carried { src, dst, protocol, rest }));
    }
    let key = DatagramKey { src, dst, protocol, id: header.identification().into() };
    let offset = header.fragments_offset().byte_offset();
    Ok(Layer::Fragment(Fragment { key, protocol, offset, more: header.more_fragments(), rest }))
}

fn version_6(rest: Span<'_>) -> Result<Layer<'_>, Skip> {
    let header = Ipv6HeaderSlice::from_slice(rest.bytes).map_err(|error| match error {
        ipv6::HeaderSliceError::Len(length) => rest.too_short(length.required_len),
        ipv6::HeaderSliceError::Content(_) => Skip::Malformed,
    })?;
    let header_len = header.slice().len();
    let rest = match usize::from(header.payload_length()) {
        0 => of_unsaid_length(rest)?.skip(header_len)?,
        payload => rest.skip(header_len)?.within(payload),
    };
    let (src, dst) = (header.source_addr().into(), header.destination_addr().into());
    Ok(Layer::Carried(Carried { src, dst, protocol: header.next_header().0, rest }))
}

/// A packet with the length 0: captured before the card split it (segmentation offload), or a jumbogram. All of the
/// captured packet is it.
fn of_unsaid_length(rest: Span<'_>) -> Result<Span<'_>, Skip> {
    // Linux makes packets of 512 KiB at most; more is a length made up, and would be a gap of as many bytes.
    const LONGEST: usize = 1 << 20;
    if rest.wire_len() <= LONGEST { Ok(rest) } else { Err(Skip::Malformed) }
}

impl<'a> Carried<'a> {
    /// The next header of a packet that is not TCP.
    pub(super) fn next(self) -> Result<Layer<'a>, Skip> {
        match self.protocol {
            HOP_BY_HOP | ROUTING | DESTINATION_OPTIONS | MOBILITY | HIP | SHIM6 => self.after_extension(),
            AUTHENTICATION => self.after_authentication(),
            FRAGMENT => self.fragment(),
            ENCAPSULATING_SECURITY => Err(Skip::Encrypted),
            IPV4 | IPV6 => Ok(Layer::Ip(self.rest)),
            GRE => tunnel::gre(self.rest),
            UDP => tunnel::udp(self.rest),
            ETHERNET => Ok(Layer::Ethernet(self.rest)),
            ETHER_IP => tunnel::ether_ip(self.rest),
            MPLS => Ok(Layer::Mpls(self.rest)),
            _ => Err(Skip::NotTcp),
        }
    }

    /// RFC 8200 §4.2: the length does not count the first eight bytes.
    fn after_extension(self) -> Result<Layer<'a>, Skip> {
        let [protocol, length] = *self.rest.peek()?;
        let rest = self.rest.skip((usize::from(length) + 1) * 8)?;
        Ok(Layer::Carried(Self { protocol, rest, ..self }))
    }

    /// RFC 4302 §2.2: counted in words of four bytes, without the first two.
    fn after_authentication(self) -> Result<Layer<'a>, Skip> {
        let [protocol, length] = *self.rest.peek()?;
        let rest = self.rest.skip((usize::from(length) + 2) * 4)?;
        Ok(Layer::Carried(Self { protocol, rest, ..self }))
    }

    /// RFC 8200 §4.5. A fragment that is the whole datagram is an ordinary packet (RFC 6946).
    fn fragment(self) -> Result<Layer<'a>, Skip> {
        let header = Ipv6FragmentHeaderSlice::from_slice(self.rest.bytes)
            .map_err(|length| self.rest.too_short(length.required_len))?;
        let protocol = header.next_header().0;
        let rest = self.rest.skip(header.slice().len())?;
        if !header.is_fragmenting_payload() {
            return Ok(Layer::Carried(Self { protocol, rest, ..self }));
        }
        let key =
            DatagramKey { src: self.src, dst: self.dst, protocol: FRAGMENT, id: header.identification() };
        let offset = header.fragment_offset().byte_offset();
        Ok(Layer::Fragment(Fragment { key, protocol, offset, more: header.more_fragments(), rest }))
    }
}

pub(super) const TCP: u8 = ip_number::TCP.0;
const HOP_BY_HOP: u8 = ip_number::IPV6_HEADER_HOP_BY_HOP.0;
const ROUTING: u8 = ip_number::IPV6_ROUTE_HEADER.0;
const DESTINATION_OPTIONS: u8 = ip_number::IPV6_DESTINATION_OPTIONS.0;
const MOBILITY: u8 = ip_number::MOBILITY.0;
const HIP: u8 = ip_number::HIP.0;
const SHIM6: u8 = ip_number::SHIM6.0;
const AUTHENTICATION: u8 = ip_number::AUTHENTICATION_HEADER.0;
const FRAGMENT: u8 = ip_number::IPV6_FRAGMENTATION_HEADER.0;
const ENCAPSULATING_SECURITY: u8 = ip_number::ENCAPSULATING_SECURITY_PAYLOAD.0;
const IPV4: u8 = ip_number::IPV4.0;
const IPV6: u8 = ip_number::IPV6.0;
const GRE: u8 = ip_number::GRE.0;
const UDP: u8 = ip_number::UDP.0;
const MPLS: u8 = ip_number::MPLS_IN_IP.0;
/// Those that etherparse does not name: RFC 3378, RFC 8986 §4.9.
const ETHER_IP: u8 = 97;
const ETHERNET: u8 = 143;

#[cfg(test)]
mod tests {
    use super::super::wire::{ipv4, ipv6, join, packet, payload, plain, tcp, tcp_with_options};
    use super::super::{Decoder, Packet};
    use super::*;
    use crate::limits::Limits;
    use crate::packet::LinkType;

    const RAW: LinkType = LinkType::RAW;

    fn lengths(data: &[u8], original_len: usize) -> Result<(usize, u32), Skip> {
        let packet = Packet { original_len, ..packet(RAW, data) };
        Decoder::new(&Limits::default()).decode(&packet).map(|segment| (segment.payload.len(), segment.cut))
    }

    #[test]
    fn the_total_length_decides_over_what_was_captured() {
        let data = plain();
        assert_eq!(lengths(&join(&[&data, &[0; 9]]), 54), Ok((5, 0)), "padding");
        assert_eq!(lengths(&data[..43], 45), Ok((3, 2)), "snap length");
        assert_eq!(lengths(&data[..43], 43), Ok((3, 2)), "cut by a tool that forgot the length on the wire");
        assert_eq!(lengths(&ipv6(6, &tcp(b"hello"))[..61], 65), Ok((1, 4)));
    }

    #[test]
    fn a_packet_captured_before_its_length_was_filled_in_is_all_that_was_captured() {
        let mut data = ipv4(6, &tcp_with_options(&[7; 3000]));
        data[2..4].fill(0);
        assert_eq!(lengths(&data, data.len()), Ok((3000, 0)));
        assert_eq!(lengths(&data[..1052], data.len()), Ok((1000, 2000)));
        assert_eq!(lengths(&data[..1052], usize::MAX), Err(Skip::Malformed));
        let mut data = ipv6(6, &tcp(&[7; 3000]));
        data[4..6].fill(0);
        assert_eq!(lengths(&data, data.len()), Ok((3000, 0)));
    }

    #[test]
    fn a_header_that_contradicts_itself_is_malformed() {
        let with = |place: usize, value: u8| {
            let mut data = plain();
            data[place] = value;
            payload(RAW, &data)
        };
        assert_eq!(with(0, 0x44), Err(Skip::Malformed), "header shorter than the shortest");
        assert_eq!(with(3, 19), Err(Skip::Malformed), "total length within the header");
        assert_eq!(with(3, 39), Err(Skip::Malformed), "TCP header beyond the total length");
        assert_eq!(with(0, 0x55), Err(Skip::Malformed), "version 5");
        assert_eq!(
            payload(RAW, &ipv6(0, &[6, 9, 0, 0, 0, 0, 0, 0])),
            Err(Skip::Malformed),
            "too long an extension"
        );
    }

    #[test]
    fn headers_that_the_snap_length_cut_are_told_from_malformed_ones() {
        let data = ipv6(0, &join(&[&[6, 0, 1, 4, 0, 0, 0, 0], &tcp(b"hello")]));
        for length in [1, 39, 40, 47, 48, 67] {
            assert_eq!(lengths(&data[..length], data.len()), Err(Skip::CutHeaders), "{length}");
        }
        assert_eq!(lengths(&data[..68], data.len()), Ok((0, 5)));
    }

    #[test]
    fn a_bad_checksum_is_no_reason_to_drop() {
        let mut data = plain();
        data[10..12].fill(0xff);
        data[36..38].fill(0xff);
        assert_eq!(payload(RAW, &data), Ok(b"hello".to_vec()));
    }
}
