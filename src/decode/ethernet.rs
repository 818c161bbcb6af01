//! Ethernet and the headers between it and IP: tags, LLC, PPP, MPLS.

use super::span::Span;
use super::{Layer, Skip};

/// An Ethernet frame from its destination address on. The preamble and the frame check sequence need no care: the
/// one is never captured, the other is past the end of the IP packet.
pub(super) fn frame(rest: Span<'_>) -> Result<Layer<'_>, Skip> {
    let (&[.., high, low], rest) = rest.take::<14>()?;
    announced(u16::from_be_bytes([high, low]), rest)
}

/// What an EtherType (or, below 0x600, a length) announces.
pub(super) fn announced(ether_type: u16, rest: Span<'_>) -> Result<Layer<'_>, Skip> {
    Ok(match ether_type {
        IPV4 | IPV6 => Layer::Ip(rest),
        VLAN | SERVICE_VLAN | OLD_QINQ_1 | OLD_QINQ_2 | OLD_QINQ_3 => Layer::Tag { length: 2, rest },
        VN_TAG => Layer::Tag { length: 4, rest },
        E_TAG => Layer::Tag { length: 6, rest },
        MACSEC => Layer::Tag { length: security_tag(rest)?, rest },
        MPLS | MPLS_UPSTREAM => Layer::Mpls(rest),
        PPPOE_SESSION => Layer::Pppoe(rest),
        PPP => Layer::Ppp(rest),
        BRIDGED => Layer::Ethernet(rest),
        PROVIDER_BACKBONE => Layer::Ethernet(rest.skip(4)?),
        FABRIC_PATH => Layer::Ethernet(rest.skip(2)?),
        0..FIRST_ETHER_TYPE | JUMBO_LLC => Layer::Llc(rest),
        _ => return Err(Skip::NotIp),
    })
}

/// A tag of `length` bytes, then the next EtherType.
pub(super) fn tag(length: usize, rest: Span<'_>) -> Result<Layer<'_>, Skip> {
    let (&ether_type, rest) = rest.skip(length)?.take()?;
    announced(u16::from_be_bytes(ether_type), rest)
}

/// Length of a MACsec SecTAG without its EtherType; only authenticated, not encrypted, frames can be read.
/// IEEE 802.1AE §9.3
fn security_tag(rest: Span<'_>) -> Result<usize, Skip> {
    const CHANNEL: u8 = 0x20;
    const ENCRYPTED: u8 = 0x08;
    const CHANGED: u8 = 0x04;
    match rest.peek()? {
        [control] if control & (ENCRYPTED | CHANGED) != 0 => Err(Skip::Encrypted),
        [control] if control & CHANNEL != 0 => Ok(14),
        [_] => Ok(6),
    }
}

/// An IEEE 802.2 header, with SNAP where it is there.
pub(super) fn llc(rest: Span<'_>) -> Result<Layer<'_>, Skip> {
    let (service, rest) = rest.take::<3>()?;
    match service {
        [0xaa, 0xaa, 0x03] => {
            let (&[o, u, i, high, low], rest) = rest.take()?;
            match [o, u, i] {
                // RFC 1042; the second one is what bridges make of it (IEEE 802.1H)
                [0, 0, 0] | [0, 0, 0xf8] => announced(u16::from_be_bytes([high, low]), rest),
                _ => Err(Skip::NotIp),
            }
        }
        [0x06, 0x06, 0x03] => Ok(Layer::Ip(rest)),
        _ => Err(Skip::NotIp),
    }
}

/// A PPPoE session header. RFC 2516 §4
pub(super) fn pppoe(rest: Span<'_>) -> Result<Layer<'_>, Skip> {
    let (header, rest) = rest.take::<6>()?;
    match header {
        [0x11, 0, ..] => Ok(Layer::Ppp(rest)),
        [0x11, ..] => Err(Skip::NotIp),
        _ => Err(Skip::Malformed),
    }
}

/// A PPP frame, with or without its address and control fields, its protocol field in one or two bytes.
/// RFC 1661 §6.5, §6.6
pub(super) fn ppp(rest: Span<'_>) -> Result<Layer<'_>, Skip> {
    let rest = rest.strip(&[0xff, 0x03]);
    let (protocol, rest) = match rest.peek()? {
        [odd] if odd & 1 != 0 => (u16::from(*odd), rest.skip(1)?),
        _ => {
            let (&protocol, rest) = rest.take()?;
            (u16::from_be_bytes(protocol), rest)
        }
    };
    match protocol {
        0x0021 | 0x0057 => Ok(Layer::Ip(rest)),
        0x0281 | 0x0283 => Ok(Layer::Mpls(rest)),
        // RFC 1968 (encryption), RFC 1962 (compression, which MPPE uses to encrypt)
        0x0053 | 0x0055 | 0x00fb | 0x00fd => Err(Skip::Encrypted),
        _ => Err(Skip::NotIp),
    }
}

/// One MPLS label, and below the last one what its first nibble makes likely. RFC 4928 §3
pub(super) fn mpls(rest: Span<'_>) -> Result<Layer<'_>, Skip> {
    let (&[_, _, bottom, _], rest) = rest.take()?;
    if bottom & 1 == 0 {
        return Ok(Layer::Mpls(rest));
    }
    let [first] = rest.peek()?;
    match first >> 4 {
        4 | 6 => Ok(Layer::Ip(rest)),
        0 => pseudowire(rest),
        // RFC 4385 §5: a channel of the network's own
        1 => Err(Skip::NotIp),
        _ => Ok(Layer::Ethernet(rest)),
    }
}

/// An Ethernet pseudowire. Its control word begins with the nibble 0, and so do many addresses: it is there unless
/// a frame without it makes sense. RFC 4448 §4.6
fn pseudowire(rest: Span<'_>) -> Result<Layer<'_>, Skip> {
    let [.., high, low] = rest.peek::<14>()?;
    let without_control_word =
        matches!(u16::from_be_bytes([*high, *low]), IPV4 | IPV6 | VLAN | SERVICE_VLAN | MPLS | PPPOE_SESSION);
    Ok(Layer::Ethernet(if without_control_word { rest } else { rest.skip(4)? }))
}

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
const VLAN: u16 = 0x8100;
const SERVICE_VLAN: u16 = 0x88a8;
const OLD_QINQ_1: u16 = 0x9100;
const OLD_QINQ_2: u16 = 0x9200;
const OLD_QINQ_3: u16 = 0x9300;
const VN_TAG: u16 = 0x8926;
const E_TAG: u16 = 0x893f;
const MACSEC: u16 = 0x88e5;
const MPLS: u16 = 0x8847;
const MPLS_UPSTREAM: u16 = 0x8848;
const PPPOE_SESSION: u16 = 0x8864;
const PPP: u16 = 0x880b;
const BRIDGED: u16 = 0x6558;
const PROVIDER_BACKBONE: u16 = 0x88e7;
const FABRIC_PATH: u16 = 0x8903;
const JUMBO_LLC: u16 = 0x8870;
/// Lower values are lengths. IEEE 802.3 §3.2.6
pub(super) const FIRST_ETHER_TYPE: u16 = 0x600;

#[cfg(test)]
mod tests {
    use super::super::wire::{ethernet, join, payload, plain};
    use super::*;
    use crate::packet::LinkType;

    fn in_frame(ether_type: u16, parts: &[&[u8]]) -> Result<Vec<u8>, Skip> {
        payload(LinkType::ETHERNET, &ethernet(ether_type, &join(parts)))
    }

    #[test]
    fn control_protocols_are_not_ip() {
        assert_eq!(in_frame(0x8863, &[&[0x11, 9, 0, 0, 0, 0]]), Err(Skip::NotIp), "PPPoE discovery");
        assert_eq!(
            in_frame(PPPOE_SESSION, &[&[0x11, 0, 0, 1, 0, 8], &[0xc0, 0x21]]),
            Err(Skip::NotIp),
            "LCP"
        );
        assert_eq!(in_frame(MPLS, &[&[0, 1, 1, 64, 0x10, 0, 0, 7]]), Err(Skip::NotIp), "associated channel");
        assert_eq!(in_frame(40, &[&[0xaa, 0xaa, 3, 0, 0, 0x0c, 0x20, 0], &[0; 30]]), Err(Skip::NotIp), "CDP");
    }

    #[test]
    fn encrypted_ppp_is_told() {
        assert_eq!(in_frame(PPPOE_SESSION, &[&[0x11, 0, 0, 1, 0, 8], &[0, 0xfd]]), Err(Skip::Encrypted));
    }

    #[test]
    fn a_session_of_another_version_is_malformed() {
        assert_eq!(
            in_frame(PPPOE_SESSION, &[&[0x21, 0, 0, 1, 0, 8, 0, 0x21], &plain()]),
            Err(Skip::Malformed)
        );
    }
}
