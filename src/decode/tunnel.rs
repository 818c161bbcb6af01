//! Tunnel headers above IP → the header within.

use super::span::Span;
use super::{Layer, Skip, ethernet};

/// Generic Routing Encapsulation: version 0 (RFC 2784, RFC 2890) and the one of PPTP (RFC 2637 §4.1).
pub(super) fn gre(rest: Span<'_>) -> Result<Layer<'_>, Skip> {
    const ROUTING: u8 = 0x40;
    let (&[flags, version, high, low], rest) = rest.take()?;
    let protocol = u16::from_be_bytes([high, low]);
    match version & 7 {
        0 if flags & ROUTING == 0 => gre_payload(flags, protocol, rest),
        1 => pptp(flags, version, rest),
        _ => Err(Skip::NotTcp),
    }
}

fn gre_payload(flags: u8, protocol: u16, rest: Span<'_>) -> Result<Layer<'_>, Skip> {
    const CHECKSUM: u8 = 0x80;
    const KEY: u8 = 0x20;
    const SEQUENCE: u8 = 0x10;
    let optional = [CHECKSUM, KEY, SEQUENCE].into_iter().filter(|flag| flags & flag != 0).count();
    let rest = rest.skip(optional * 4)?;
    match protocol {
        0..ethernet::FIRST_ETHER_TYPE => Err(Skip::NotTcp),
        // Type I has no header of its own and is told by the absent sequence number.
        ERSPAN if flags & SEQUENCE == 0 => Ok(Layer::Ethernet(rest)),
        ERSPAN => Ok(Layer::Ethernet(rest.skip(8)?)),
        ERSPAN_III => erspan_iii(rest),
        WEB_CACHE => web_cache(rest),
        _ => ethernet::announced(protocol, rest),
    }
}

/// Twelve bytes, and eight more where the last bit says so.
fn erspan_iii(rest: Span<'_>) -> Result<Layer<'_>, Skip> {
    let (&[.., last], rest) = rest.take::<12>()?;
    Ok(Layer::Ethernet(if last & 1 == 0 { rest } else { rest.skip(8)? }))
}

/// WCCP: version 2 has a redirect header before the IP packet, version 1 has none.
fn web_cache(rest: Span<'_>) -> Result<Layer<'_>, Skip> {
    match rest.peek()? {
        [first] if first >> 4 == 4 => Ok(Layer::Ip(rest)),
        _ => Ok(Layer::Ip(rest.skip(4)?)),
    }
}

fn pptp(flags: u8, version: u8, rest: Span<'_>) -> Result<Layer<'_>, Skip> {
    const SEQUENCE: u8 = 0x10;
    const ACKNOWLEDGMENT: u8 = 0x80;
    let rest = rest.skip(4)?;
    if flags & SEQUENCE == 0 {
        return Err(Skip::NotTcp); // an acknowledgment alone
    }
    Ok(Layer::Ppp(rest.skip(if version & ACKNOWLEDGMENT == 0 { 4 } else { 8 })?))
}

/// EtherIP. RFC 3378 §3
pub(super) fn ether_ip(rest: Span<'_>) -> Result<Layer<'_>, Skip> {
    match rest.take::<2>()? {
        ([0x30, _], rest) => Ok(Layer::Ethernet(rest)),
        _ => Err(Skip::NotTcp),
    }
}

/// A UDP datagram: a tunnel where one of its ports is a tunnel's and the header looks like it.
pub(super) fn udp(rest: Span<'_>) -> Result<Layer<'_>, Skip> {
    let (&[s0, s1, d0, d1, ..], rest) = rest.take::<8>()?;
    let tunnel = [u16::from_be_bytes([d0, d1]), u16::from_be_bytes([s0, s1])].into_iter().find_map(tunnel_at);
    // What is too short for the tunnel's header is another protocol at the same port.
    tunnel.ok_or(Skip::NotTcp)?(rest)
        .map_err(|skip| if skip == Skip::Malformed { Skip::NotTcp } else { skip })
}

/// Could a datagram with this header be a tunnel's?
pub(super) fn may_be_in([s0, s1, d0, d1, ..]: &[u8; 8]) -> bool {
    [[s0, s1], [d0, d1]].iter().any(|[a, b]| tunnel_at(u16::from_be_bytes([**a, **b])).is_some())
}

type Tunnel = fn(Span<'_>) -> Result<Layer<'_>, Skip>;

/// The tunnel whose registered (or, for 8472, older) port this is.
fn tunnel_at(port: u16) -> Option<Tunnel> {
    Some(match port {
        2152 => gtp,
        4754 => gre,
        4789 | 8472 => vxlan,
        4790 => vxlan_gpe,
        6081 => geneve,
        6635 => ethernet::mpls,
        _ => return None,
    })
}

/// RFC 7348 §5
fn vxlan(rest: Span<'_>) -> Result<Layer<'_>, Skip> {
    const NETWORK_VALID: u8 = 0x08;
    match rest.take::<8>()? {
        ([flags, .., 0], rest) if flags & NETWORK_VALID != 0 => Ok(Layer::Ethernet(rest)),
        _ => Err(Skip::NotTcp),
    }
}

/// VXLAN that names what it carries.
fn vxlan_gpe(rest: Span<'_>) -> Result<Layer<'_>, Skip> {
    const NETWORK_VALID: u8 = 0x08;
    const PROTOCOL_GIVEN: u8 = 0x04;
    let (&[flags, _, _, protocol, ..], rest) = rest.take::<8>()?;
    match protocol {
        _ if flags & NETWORK_VALID == 0 => Err(Skip::NotTcp),
        _ if flags & PROTOCOL_GIVEN == 0 => Ok(Layer::Ethernet(rest)),
        1 | 2 => Ok(Layer::Ip(rest)),
        3 => Ok(Layer::Ethernet(rest)),
        5 => Ok(Layer::Mpls(rest)),
        _ => Err(Skip::NotTcp),
    }
}

/// RFC 8926 §3.4
fn geneve(rest: Span<'_>) -> Result<Layer<'_>, Skip> {
    const CONTROL: u8 = 0x80;
    const OPTION_WORDS: u8 = 0x3f;
    let (&[first, flags, high, low, ..], rest) = rest.take::<8>()?;
    let protocol = u16::from_be_bytes([high, low]);
    if first & !OPTION_WORDS != 0 || flags & CONTROL != 0 || protocol < ethernet::FIRST_ETHER_TYPE {
        return Err(Skip::NotTcp);
    }
    ethernet::announced(protocol, rest.skip(usize::from(first & OPTION_WORDS) * 4)?)
}

/// The user plane of GTP version 1: 3GPP TS 29.281 §5.1. Only a G-PDU carries a packet.
fn gtp(rest: Span<'_>) -> Result<Layer<'_>, Skip> {
    const VERSION_AND_TYPE: u8 = 0xf0;
    const OPTIONAL: u8 = 0x07;
    const EXTENDED: u8 = 0x04;
    const G_PDU: u8 = 0xff;
    let (&[flags, message, ..], mut rest) = rest.take::<8>()?;
    if flags & VERSION_AND_TYPE != 0x30 || message != G_PDU {
        return Err(Skip::NotTcp);
    }
    let mut extension = 0;
    if flags & OPTIONAL != 0 {
        let (&[_, _, _, next], after) = rest.take()?;
        rest = after;
        extension = if flags & EXTENDED == 0 { 0 } else { next };
    }
    while extension != 0 {
        (extension, rest) = gtp_extension(rest)?;
    }
    match rest.peek()? {
        [first] if matches!(first >> 4, 4 | 6) => Ok(Layer::Ip(rest)),
        _ => Err(Skip::NotTcp),
    }
}

/// The type of the next extension header, which is the last byte of this one, and what follows.
fn gtp_extension(rest: Span<'_>) -> Result<(u8, Span<'_>), Skip> {
    let [words] = rest.peek()?;
    let last = usize::from(*words).checked_mul(4).and_then(|length| length.checked_sub(1));
    let (&[next], rest) = rest.skip(last.ok_or(Skip::Malformed)?)?.take()?;
    Ok((next, rest))
}

const ERSPAN: u16 = 0x88be;
const ERSPAN_III: u16 = 0x22eb;
const WEB_CACHE: u16 = 0x883e;

#[cfg(test)]
mod tests {
    use super::super::wire::{ipv4, join, payload, plain, plain_frame, udp};
    use super::*;
    use crate::packet::LinkType;

    fn over_udp(port: u16, parts: &[&[u8]]) -> Result<Vec<u8>, Skip> {
        payload(LinkType::RAW, &ipv4(17, &udp(port, &join(parts))))
    }

    fn over_gre(parts: &[&[u8]]) -> Result<Vec<u8>, Skip> {
        payload(LinkType::RAW, &ipv4(47, &join(parts)))
    }

    #[test]
    fn a_tunnel_is_known_by_its_source_port_too() {
        let mut datagram = udp(40000, &join(&[&[8, 0, 0, 0, 0, 0, 1, 0], &plain_frame()]));
        datagram[..2].copy_from_slice(&4789_u16.to_be_bytes());
        assert_eq!(payload(LinkType::RAW, &ipv4(17, &datagram)), Ok(b"hello".to_vec()));
    }

    #[test]
    fn another_protocol_at_the_port_of_a_tunnel_is_not_tcp() {
        for port in [2152, 4754, 4789, 4790, 6081, 6635, 8472] {
            assert_eq!(over_udp(port, &[b"?"]), Err(Skip::NotTcp), "{port}");
        }
        assert_eq!(over_udp(4789, &[&[0; 8], &plain_frame()]), Err(Skip::NotTcp), "no network identifier");
        assert_eq!(over_udp(6081, &[&[0x40, 0, 8, 0, 0, 0, 0, 0], &plain()]), Err(Skip::NotTcp), "version 1");
    }

    #[test]
    fn the_messages_of_a_tunnel_itself_are_not_tcp() {
        assert_eq!(
            over_udp(2152, &[&[0x32, 1, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0]]),
            Err(Skip::NotTcp),
            "echo request"
        );
        assert_eq!(over_udp(6081, &[&[0, 0x80, 8, 0, 0, 0, 0, 0], &plain()]), Err(Skip::NotTcp), "control");
        assert_eq!(over_gre(&[&[0, 0, 0, 0]]), Err(Skip::NotTcp), "keep-alive");
        assert_eq!(over_gre(&[&[0x20, 0x81, 0x88, 0x0b, 0, 0, 0, 1, 0, 0, 0, 9]]), Err(Skip::NotTcp), "PPTP");
        assert_eq!(over_gre(&[&[0x40, 0, 8, 0], &[0; 8], &plain()]), Err(Skip::NotTcp), "source routes");
    }

    #[test]
    fn extension_headers_without_length_end() {
        let extensions = [0; 400];
        let header = [0x34, 0xff, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0x85];
        assert_eq!(over_udp(2152, &[&header, &extensions]), Err(Skip::NotTcp));
    }
}
