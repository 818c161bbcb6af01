//! Link types → the first header.

use super::span::Span;
use super::{Layer, Skip, ethernet, wifi};
use crate::packet::LinkType;

/// What a packet of this link type begins with.
pub(super) fn first(link: LinkType, rest: Span<'_>) -> Result<Layer<'_>, Skip> {
    Ok(match link {
        LinkType::ETHERNET => Layer::Ethernet(rest),
        LinkType::RAW | LinkType::IPV4 | LinkType::IPV6 | RAW_BSD | RAW_OPENBSD => Layer::Ip(rest),
        LinkType::NULL | LinkType::LOOP => loopback(rest)?,
        LinkType::LINUX_SLL => cooked(rest)?,
        LinkType::LINUX_SLL2 => cooked_v2(rest)?,
        LinkType::PPP | LinkType::PPP_HDLC => ppp_or_hdlc(rest)?,
        LinkType::PPP_PPPD => Layer::Ppp(rest.skip(1)?.strip(&[0xff]).strip(&[0x03])),
        LinkType::PPP_ETHER => Layer::Pppoe(rest),
        LinkType::C_HDLC => cisco_hdlc(rest)?,
        LinkType::IEEE802_11 => Layer::Wifi { rest, alignment: 1 },
        LinkType::IEEE802_11_RADIOTAP => wifi::radiotap(rest)?,
        LinkType::IEEE802_11_PRISM => wifi::prism(rest)?,
        LinkType::IEEE802_11_AVS => wifi::avs(rest)?,
        LinkType::PPI => wifi::per_packet_information(rest)?,
        LinkType::NFLOG => netfilter_log(rest)?,
        FRAME_RELAY => frame_relay(rest)?,
        ATM_LLC => Layer::Llc(rest),
        PACKET_FILTER_LOG => packet_filter_log(rest)?,
        BSD_ENCAPSULATION => Layer::Ip(rest.skip(12)?),
        IP_OVER_1394 => Layer::Tag { length: 16, rest },
        PKTAP | PKTAP_OLD => apple_tap(rest)?,
        DSA_BRCM | DSA => Layer::Tag { length: 16, rest },
        EDSA => Layer::Tag { length: 20, rest },
        DSA_BRCM_PREPEND => Layer::Ethernet(rest.skip(4)?),
        _ => return Err(Skip::UnknownLink),
    })
}

/// An address family in the byte order of the capturing machine (network order for LOOP).
fn loopback(rest: Span<'_>) -> Result<Layer<'_>, Skip> {
    let (&family, rest) = rest.take::<4>()?;
    match u32::from_le_bytes(family).min(u32::from_be_bytes(family)) {
        // AF_INET; AF_INET6 of Linux, NetBSD and OpenBSD, FreeBSD, macOS
        2 | 10 | 24 | 28 | 30 => Ok(Layer::Ip(rest)),
        _ => Err(Skip::NotIp),
    }
}

/// `LINUX_SLL`: the EtherType stands last.
fn cooked(rest: Span<'_>) -> Result<Layer<'_>, Skip> {
    let (&[.., high, low], rest) = rest.take::<16>()?;
    ethernet::announced(u16::from_be_bytes([high, low]), rest)
}

/// `LINUX_SLL2`: the EtherType stands first.
fn cooked_v2(rest: Span<'_>) -> Result<Layer<'_>, Skip> {
    let (&[high, low, ..], rest) = rest.take::<20>()?;
    ethernet::announced(u16::from_be_bytes([high, low]), rest)
}

/// PPP, or the Cisco HDLC that some serial lines speak under the same link type.
fn ppp_or_hdlc(rest: Span<'_>) -> Result<Layer<'_>, Skip> {
    match rest.peek()? {
        [0x0f | 0x8f, 0] => cisco_hdlc(rest),
        _ => Ok(Layer::Ppp(rest)),
    }
}

fn cisco_hdlc(rest: Span<'_>) -> Result<Layer<'_>, Skip> {
    let (&[_, _, high, low], rest) = rest.take()?;
    ethernet::announced(u16::from_be_bytes([high, low]), rest)
}

/// Multiprotocol encapsulation after an address of two bytes (RFC 2427 §4.1, §4.2), or Cisco's, which has an
/// EtherType instead of control byte and protocol number.
fn frame_relay(rest: Span<'_>) -> Result<Layer<'_>, Skip> {
    match rest.take()? {
        ([_, _, 0x03, 0xcc | 0x8e], rest) => Ok(Layer::Ip(rest)),
        ([_, _, 0x03, 0x00], rest) => match rest.take()? {
            (&[0x80, 0, 0, 0, high, low], rest) => ethernet::announced(u16::from_be_bytes([high, low]), rest),
            _ => Err(Skip::NotIp),
        },
        (&[_, _, high, low], rest) if high != 0x03 => {
            ethernet::announced(u16::from_be_bytes([high, low]), rest)
        }
        _ => Err(Skip::NotIp),
    }
}

/// The log of the BSD packet filter: its length, padded to a multiple of four, stands first.
fn packet_filter_log(rest: Span<'_>) -> Result<Layer<'_>, Skip> {
    let [length] = rest.peek()?;
    Ok(Layer::Ip(rest.skip(usize::from(*length).next_multiple_of(4))?))
}

/// Attributes (length, type, value) in the byte order of the capturing machine; one of them is the IP packet.
fn netfilter_log(rest: Span<'_>) -> Result<Layer<'_>, Skip> {
    const PAYLOAD: u16 = 9;
    let (&[family, version, _, _], mut rest) = rest.take()?;
    match (version, family) {
        (0, 2 | 10) => {}
        (0, _) => return Err(Skip::NotIp),
        _ => return Err(Skip::Malformed),
    }
    while rest.wire_len() > 0 {
        let (length, kind) = attribute(*rest.peek()?);
        let value = usize::from(length).checked_sub(4).ok_or(Skip::Malformed)?;
        if kind == PAYLOAD {
            return Ok(Layer::Ip(rest.skip(4)?.within(value)));
        }
        let length = usize::from(length);
        // only the padding of the last one may be missing
        rest = rest.skip(length.next_multiple_of(4).min(rest.wire_len()).max(length))?;
    }
    Err(Skip::NotIp)
}

/// Length and type of a netfilter attribute. Types are small numbers, so the one that is tells the byte order.
fn attribute([a, b, c, d]: [u8; 4]) -> (u16, u16) {
    let little = (u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d]));
    let big = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
    if little.1 <= big.1 { little } else { big }
}

/// A header of macOS that names the link type of what follows.
fn apple_tap(rest: Span<'_>) -> Result<Layer<'_>, Skip> {
    const PACKET: u32 = 1;
    const SHORTEST: usize = 12;
    let &[l0, l1, l2, l3, k0, k1, k2, k3, t0, t1, t2, t3] = rest.peek::<SHORTEST>()?;
    let length = usize::try_from(u32::from_le_bytes([l0, l1, l2, l3])).map_err(|_| Skip::Malformed)?;
    let link = u16::try_from(u32::from_le_bytes([t0, t1, t2, t3])).map_err(|_| Skip::UnknownLink)?;
    match u32::from_le_bytes([k0, k1, k2, k3]) {
        PACKET if length >= SHORTEST => Ok(Layer::Link(LinkType(link), rest.skip(length)?)),
        PACKET => Err(Skip::Malformed),
        _ => Err(Skip::UnknownLink),
    }
}

/// What BSD systems write for raw IP (their `DLT_RAW`, which is no `LINKTYPE_`).
const RAW_BSD: LinkType = LinkType(12);
const RAW_OPENBSD: LinkType = LinkType(14);
const ATM_LLC: LinkType = LinkType(100);
const FRAME_RELAY: LinkType = LinkType(107);
const BSD_ENCAPSULATION: LinkType = LinkType(109);
const PACKET_FILTER_LOG: LinkType = LinkType(117);
const IP_OVER_1394: LinkType = LinkType(138);
const PKTAP: LinkType = LinkType(258);
/// What Apple wrote before PKTAP had a number: the second of those left to users.
const PKTAP_OLD: LinkType = LinkType(149);
/// Ports of a Linux switch (Distributed Switch Architecture): the tag stands between addresses and EtherType.
const DSA_BRCM: LinkType = LinkType(281);
const DSA_BRCM_PREPEND: LinkType = LinkType(282);
const DSA: LinkType = LinkType(284);
const EDSA: LinkType = LinkType(285);

#[cfg(test)]
mod tests {
    use super::super::wire::{join, payload, plain};
    use super::*;

    #[test]
    fn a_family_that_is_not_ip_is_no_error() {
        assert_eq!(payload(LinkType::NULL, &join(&[&[7, 0, 0, 0], &plain()])), Err(Skip::NotIp));
        assert_eq!(payload(LinkType::NFLOG, &join(&[&[3, 0, 0, 0], &plain()])), Err(Skip::NotIp));
    }

    #[test]
    fn a_log_without_a_packet_ends() {
        let attributes = [[4, 0, 1, 0]; 50].concat();
        assert_eq!(payload(LinkType::NFLOG, &join(&[&[2, 0, 0, 0], &attributes])), Err(Skip::NotIp));
        assert_eq!(payload(LinkType::NFLOG, &[2, 0, 0, 0, 5, 0, 1, 0, 7]), Err(Skip::NotIp));
        assert_eq!(payload(LinkType::NFLOG, &[2, 0, 0, 0, 6, 0, 1, 0, 7]), Err(Skip::Malformed));
        assert_eq!(payload(LinkType::NFLOG, &[2, 0, 0, 0, 3, 0, 1, 0]), Err(Skip::Malformed));
        assert_eq!(payload(LinkType::NFLOG, &[2, 1, 0, 0, 4, 0, 9, 0]), Err(Skip::Malformed));
    }

    #[test]
    fn a_tap_that_names_itself_for_ever_ends() {
        let tap = [12, 0, 0, 0, 1, 0, 0, 0, 2, 1, 0, 0].repeat(1000);
        assert_eq!(payload(PKTAP, &tap), Err(Skip::Malformed));
    }
}
