//! IP datagrams → packets as a link, a tag or a tunnel carries them.

use wspect::packet::{LinkType, Side};

use super::ip::{self, Datagram, Route};

/// What a datagram is wrapped in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Encapsulation {
    #[default]
    Ethernet,
    Vlan,
    QinQ,
    LinuxSll,
    LinuxSll2,
    RawIp,
    BsdNull,
    OpenBsdLoop,
    Ppp,
    Mpls,
    Pppoe,
    Gre,
    Vxlan,
    Geneve,
    IpInIp,
    GtpU,
    /// Radiotap and an 802.11 data frame, not encrypted.
    Wifi,
    /// IP fragments of 32 payload bytes, over Ethernet.
    IpFragments,
}

impl Encapsulation {
    pub(crate) const ALL: [Self; 18] = [
        Self::Ethernet,
        Self::Vlan,
        Self::QinQ,
        Self::LinuxSll,
        Self::LinuxSll2,
        Self::RawIp,
        Self::BsdNull,
        Self::OpenBsdLoop,
        Self::Ppp,
        Self::Mpls,
        Self::Pppoe,
        Self::Gre,
        Self::Vxlan,
        Self::Geneve,
        Self::IpInIp,
        Self::GtpU,
        Self::Wifi,
        Self::IpFragments,
    ];

    pub(crate) fn link_type(self) -> LinkType {
        match self {
            Self::LinuxSll => LinkType::LINUX_SLL,
            Self::LinuxSll2 => LinkType::LINUX_SLL2,
            Self::RawIp => LinkType::RAW,
            Self::BsdNull => LinkType::NULL,
            Self::OpenBsdLoop => LinkType::LOOP,
            Self::Ppp => LinkType::PPP,
            Self::Wifi => LinkType::IEEE802_11_RADIOTAP,
            _ => LinkType::ETHERNET,
        }
    }

    /// The packets that carry a datagram; more than one only where it is fragmented.
    pub(super) fn wrap(self, datagram: &Datagram) -> Vec<Vec<u8>> {
        let framed = |piece: &Vec<u8>| ethernet(datagram.sender, ether_type(piece), piece);
        match self {
            Self::IpFragments => fragments(datagram).iter().map(framed).collect(),
            _ => vec![self.wrap_whole(&datagram.bytes, datagram.sender)],
        }
    }

    fn wrap_whole(self, datagram: &[u8], sender: Side) -> Vec<u8> {
        let ether_type = ether_type(datagram);
        let is_v6 = ether_type == IPV6;
        let over_ethernet = |ether_type, headers: &[&[u8]]| ethernet(sender, ether_type, &headers.concat());
        let over_ip = |protocol, payload: &[u8]| {
            ethernet(sender, IPV4, &ip::wrap(Route::tunnel(sender), protocol, 1, payload))
        };
        let kind = ether_type.to_be_bytes();
        match self {
            Self::Ethernet | Self::IpFragments => ethernet(sender, ether_type, datagram),
            Self::Vlan => over_ethernet(0x8100, &[&[0, 42], &kind, datagram]),
            Self::QinQ => over_ethernet(0x88a8, &[&[0, 7, 0x81, 0, 0, 42], &kind, datagram]),
            Self::LinuxSll => [&[0, 0, 0, 1, 0, 6], &HOST[..], &[0, 0], &kind, datagram].concat(),
            Self::LinuxSll2 => {
                [&kind, &[0, 0, 0, 0, 0, 2, 0, 1, 0, 6][..], &HOST, &[0, 0], datagram].concat()
            }
            Self::RawIp => datagram.to_vec(),
            // The family of IPv6 is macOS's here and OpenBSD's below: each system has its own.
            Self::BsdNull => [&[if is_v6 { 30 } else { 2 }, 0, 0, 0], datagram].concat(),
            Self::OpenBsdLoop => [&[0, 0, 0, if is_v6 { 24 } else { 2 }], datagram].concat(),
            Self::Ppp => [&[0xff, 0x03], &ppp_protocol(is_v6)[..], datagram].concat(),
            Self::Mpls => over_ethernet(0x8847, &[&[0, 1, 0x10, 64, 0, 1, 0x21, 64], datagram]),
            Self::Pppoe => {
                let length = ip::length_of(2 + datagram.len());
                over_ethernet(0x8864, &[&[0x11, 0, 0, 9], &length, &ppp_protocol(is_v6), datagram])
            }
            Self::Gre => over_ip(GRE, &[&[0, 0], &kind[..], datagram].concat()),
            Self::Vxlan => {
                let inner = ethernet(sender, ether_type, datagram);
                over_ip(ip::UDP, &ip::udp(4789, &[&[8, 0, 0, 0, 0, 0, 42, 0], &inner[..]].concat()))
            }
            Self::Geneve => {
                let inner = ethernet(sender, ether_type, datagram);
                over_ip(ip::UDP, &ip::udp(6081, &[&[0, 0, 0x65, 0x58, 0, 0, 42, 0], &inner[..]].concat()))
            }
            Self::IpInIp => over_ip(if is_v6 { IPV6_IN_IP } else { IPV4_IN_IP }, datagram),
            Self::GtpU => {
                let length = ip::length_of(datagram.len());
                let tunnel = [&[0x30, 0xff], &length[..], &[0, 0, 0, 42]].concat();
                over_ip(ip::UDP, &ip::udp(2152, &[&tunnel, datagram].concat()))
            }
            Self::Wifi => wifi(sender, &kind, datagram),
        }
    }
}

/// An Ethernet frame, filled up to the 60 bytes that IEEE 802.3 asks for: bytes that belong to nobody.
fn ethernet(sender: Side, ether_type: u16, payload: &[u8]) -> Vec<u8> {
    let [from, to] = stations(sender);
    let mut frame = [&to, &from, &ether_type.to_be_bytes()[..], payload].concat();
    frame.resize(frame.len().max(60), 0);
    frame
}

fn wifi(sender: Side, ether_type: &[u8; 2], payload: &[u8]) -> Vec<u8> {
    let [from, to] = stations(sender);
    let radiotap = [0, 0, 8, 0, 0, 0, 0, 0];
    // To the access point (addresses: it, source, destination) or from it (destination, it, source).
    let addresses = match sender {
        Side::Client => [&[0x08, 0x01, 0, 0][..], &ACCESS_POINT, &from, &to],
        Side::Server => [&[0x08, 0x02, 0, 0][..], &to, &ACCESS_POINT, &from],
    };
    let snap = [0xaa, 0xaa, 0x03, 0, 0, 0];
    [&radiotap[..], &addresses.concat(), &[0, 0], &snap, ether_type, payload].concat()
}

/// The hardware addresses of the sender and the receiver.
fn stations(sender: Side) -> [[u8; 6]; 2] {
    match sender {
        Side::Client => [HOST, PEER],
        Side::Server => [PEER, HOST],
    }
}

fn fragments(datagram: &Datagram) -> Vec<Vec<u8>> {
    match ether_type(&datagram.bytes) {
        IPV6 => ipv6_fragments(&datagram.bytes, datagram.number),
        _ => ipv4_fragments(&datagram.bytes),
    }
}

// RFC 791 §3.2; the identification is in the header already.
fn ipv4_fragments(datagram: &[u8]) -> Vec<Vec<u8>> {
    let (header, payload) = datagram.split_at(20);
    let piece = |(at, piece): (usize, &[u8])| {
        let offset = u16::try_from(at * FRAGMENT / 8).unwrap();
        let more = if (at + 1) * FRAGMENT < payload.len() { 0x2000 } else { 0 };
        let mut header = header.to_vec();
        header[2..4].copy_from_slice(&ip::length_of(20 + piece.len()));
        header[6..8].copy_from_slice(&(offset | more).to_be_bytes());
        ip::set_ipv4_checksum(&mut header);
        [&header, piece].concat()
    };
    payload.chunks(FRAGMENT).enumerate().map(piece).collect()
}

// RFC 8200 §4.5
fn ipv6_fragments(datagram: &[u8], number: u16) -> Vec<Vec<u8>> {
    let (header, payload) = datagram.split_at(40);
    let piece = |(at, piece): (usize, &[u8])| {
        let more = u16::from((at + 1) * FRAGMENT < payload.len());
        let offset = u16::try_from(at * FRAGMENT).unwrap() | more;
        let identification = u32::from(number).to_be_bytes();
        let mut header = header.to_vec();
        header[4..6].copy_from_slice(&ip::length_of(8 + piece.len()));
        header[6] = IPV6_FRAGMENT;
        [&header, &[ip::TCP, 0][..], &offset.to_be_bytes(), &identification, piece].concat()
    };
    payload.chunks(FRAGMENT).enumerate().map(piece).collect()
}

fn ether_type(datagram: &[u8]) -> u16 {
    if datagram[0] >> 4 == 6 { IPV6 } else { IPV4 }
}

fn ppp_protocol(is_v6: bool) -> [u8; 2] {
    [0, if is_v6 { 0x57 } else { 0x21 }]
}

/// Payload bytes of a fragment: a multiple of 8, with the TCP header whole in the first.
const FRAGMENT: usize = 32;
const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
const IPV4_IN_IP: u8 = 4;
const IPV6_IN_IP: u8 = 41;
const IPV6_FRAGMENT: u8 = 44;
const GRE: u8 = 47;
/// Locally administered addresses.
const HOST: [u8; 6] = [0x02, 0, 0, 0, 0, 1];
const PEER: [u8; 6] = [0x02, 0, 0, 0, 0, 2];
const ACCESS_POINT: [u8; 6] = [0x02, 0, 0, 0, 0, 3];
