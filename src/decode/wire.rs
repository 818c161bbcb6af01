//! Headers and packets by hand, for the tests of this module.

use super::{Decoder, Skip};
use crate::limits::Limits;
use crate::packet::{LinkType, Packet, PacketRef};

pub(super) fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// A segment 50000 → 80 with sequence number 1000, acknowledgment number 2000, PSH and ACK, window 512.
pub(super) fn tcp(payload: &[u8]) -> Vec<u8> {
    let header = [0xc3, 0x50, 0, 80, 0, 0, 3, 0xe8, 0, 0, 7, 0xd0, 0x50, 0x18, 2, 0, 0, 0, 0, 0];
    join(&[&header, payload])
}

/// A segment as [`tcp`] with 12 bytes of options.
pub(super) fn tcp_with_options(payload: &[u8]) -> Vec<u8> {
    let mut segment = tcp(&join(&[&[1; 12], payload]));
    segment[12] = 0x80;
    segment
}

/// A datagram from port 40000.
pub(super) fn udp(port: u16, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len() + 8).unwrap();
    join(&[&[0x9c, 0x40], &port.to_be_bytes(), &length.to_be_bytes(), &[0, 0], payload])
}

/// 10.0.0.1 → 10.0.0.2
pub(super) fn ipv4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    ipv4_fragment(protocol, 0, 0, payload)
}

/// `place` is what stands in the header: flags and offset in units of eight bytes.
pub(super) fn ipv4_fragment(protocol: u8, id: u16, place: u16, payload: &[u8]) -> Vec<u8> {
    let total = u16::try_from(payload.len() + 20).unwrap().to_be_bytes();
    let addresses = [10, 0, 0, 1, 10, 0, 0, 2];
    let middle = [64, protocol, 0, 0];
    join(&[&[0x45, 0], &total, &id.to_be_bytes(), &place.to_be_bytes(), &middle, &addresses, payload])
}

/// fd00::1 → fd00::2
pub(super) fn ipv6(next: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
    let address = |last| [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last];
    join(&[&[0x60, 0, 0, 0], &length, &[next, 64], &address(1), &address(2), payload])
}

/// `place` is what stands in the header: offset in bytes and the flag M.
pub(super) fn ipv6_fragment(next: u8, id: u32, place: u16, payload: &[u8]) -> Vec<u8> {
    ipv6(44, &join(&[&[next, 0], &place.to_be_bytes(), &id.to_be_bytes(), payload]))
}

pub(super) fn ethernet(ether_type: u16, payload: &[u8]) -> Vec<u8> {
    join(&[&[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1], &ether_type.to_be_bytes(), payload])
}

/// The IPv4 packet that most examples carry.
pub(super) fn plain() -> Vec<u8> {
    ipv4(6, &tcp(b"hello"))
}

/// The same in an Ethernet frame.
pub(super) fn plain_frame() -> Vec<u8> {
    ethernet(0x0800, &plain())
}

pub(super) fn packet(link: LinkType, data: &[u8]) -> Packet<'_> {
    Packet { at: PacketRef::default(), link, original_len: data.len(), data }
}

/// The payload of a packet's segment, by a decoder that saw nothing before.
pub(super) fn payload(link: LinkType, data: &[u8]) -> Result<Vec<u8>, Skip> {
    Decoder::new(&Limits::default()).decode(&packet(link, data)).map(|segment| segment.payload.to_vec())
}

/// A way to carry a TCP segment, and a packet that does.
pub(super) type Example = (&'static str, LinkType, Vec<u8>);

/// One packet for each way to carry [`plain`] (or the same over IPv6); the payload is always `hello`.
pub(super) fn examples() -> Vec<Example> {
    [links(), wifi(), tags(), extension_headers(), tunnels(), udp_tunnels()].concat()
}

fn links() -> Vec<Example> {
    let version_6 = ipv6(6, &tcp(b"hello"));
    let family = |family: &[u8; 4]| join(&[family, &version_6]);
    let link = |name, number, header: &[u8]| (name, LinkType(number), join(&[header, &plain()]));
    vec![
        ("ethernet", LinkType::ETHERNET, plain_frame()),
        ("ethernet, ipv6", LinkType::ETHERNET, ethernet(0x86dd, &version_6)),
        ("ethernet, padded", LinkType::ETHERNET, join(&[&plain_frame(), &[0xee; 6]])),
        ("raw", LinkType::RAW, plain()),
        ("raw, ipv6", LinkType::RAW, version_6.clone()),
        link("raw of BSD", 12, &[]),
        link("raw of OpenBSD", 14, &[]),
        link("ipv4", 228, &[]),
        ("ipv6", LinkType::IPV6, version_6.clone()),
        link("null, little-endian", 0, &[2, 0, 0, 0]),
        link("null, big-endian", 0, &[0, 0, 0, 2]),
        ("null, Linux", LinkType::NULL, family(&[10, 0, 0, 0])),
        ("null, OpenBSD", LinkType::NULL, family(&[0, 0, 0, 24])),
        ("null, FreeBSD", LinkType::NULL, family(&[28, 0, 0, 0])),
        ("null, macOS", LinkType::NULL, family(&[30, 0, 0, 0])),
        link("loop", 108, &[0, 0, 0, 2]),
        link("cooked", 113, &[0, 4, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 8, 0]),
        link("cooked v2", 276, &[8, 0, 0, 0, 0, 0, 0, 3, 0, 1, 4, 6, 2, 0, 0, 0, 0, 1, 0, 0]),
        link("ppp", 9, &[0, 0x21]),
        link("ppp, address and control", 9, &[0xff, 3, 0, 0x21]),
        link("ppp, compressed protocol", 9, &[0xff, 3, 0x21]),
        link("ppp in hdlc", 50, &[0xff, 3, 0, 0x21]),
        link("cisco in ppp in hdlc", 50, &[0x0f, 0, 8, 0]),
        link("pppoe", 51, &[0x11, 0, 0, 1, 0, 47, 0, 0x21]),
        link("cisco hdlc", 104, &[0x8f, 0, 8, 0]),
        link("ppp with direction", 166, &[1, 0xff, 3, 0, 0x21]),
        link("ppp with direction for address", 166, &[0, 3, 0, 0x21]),
        link("nflog", 239, &join(&[&[2, 0, 0, 0, 5, 0, 10, 0, 0x78, 0, 0, 0], &[49, 0, 9, 0]])),
        link("nflog, big-endian", 239, &[2, 0, 0, 0, 0, 5, 0, 10, 0x78, 0, 0, 0, 0, 49, 0, 9]),
        link("ATM", 100, &SNAP),
        link("frame relay", 107, &[0x18, 0x41, 3, 0xcc]),
        link("frame relay, SNAP", 107, &[0x18, 0x41, 3, 0, 0x80, 0, 0, 0, 8, 0]),
        link("frame relay, Cisco", 107, &[0x18, 0x41, 8, 0]),
        link("enc", 109, &[0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0]),
        link("pflog", 117, &join(&[&[61, 2], &[0; 62]])),
        link("ip over 1394", 138, &join(&[&[1; 16], &[8, 0]])),
        link("pktap", 258, &[12, 0, 0, 0, 1, 0, 0, 0, 12, 0, 0, 0]),
        link("dsa of Broadcom", 281, &[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0, 0, 0, 1, 8, 0]),
        ("dsa before the frame", LinkType(282), join(&[&[0, 0, 0, 1], &plain_frame()])),
        link("dsa", 284, &[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0xc0, 0, 0, 0, 8, 0]),
        link("edsa", 285, &[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0xda, 0xda, 0, 0, 0xc0, 0, 0, 0, 8, 0]),
    ]
}

/// LLC and SNAP before IPv4.
pub(super) const SNAP: [u8; 8] = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0];

/// An 802.11 header without its optional fields: first two bytes as given.
pub(super) fn wifi_header(control: u8, flags: u8) -> Vec<u8> {
    join(&[&[control, flags, 0, 0], &[2; 18], &[0x10, 0]])
}

fn wifi() -> Vec<Example> {
    let data = join(&[&wifi_header(0x08, 1), &SNAP, &plain()]);
    let wide = join(&[&wifi_header(0x08, 3), &[2; 6], &SNAP, &plain()]);
    let qos = join(&[&wifi_header(0x88, 2), &[0, 0], &SNAP, &plain()]);
    let control = join(&[&wifi_header(0x88, 0x82), &[0, 0], &[0; 4], &SNAP, &plain()]);
    let padded = join(&[&wifi_header(0x88, 2), &[0, 0], &[0xee; 2], &SNAP, &plain()]);
    let mut aggregate = join(&[&wifi_header(0x88, 2), &[0x80, 0], &[2; 12], &[0, 53], &SNAP, &plain()]);
    aggregate.extend([0xee; 20]);
    let behind = |header: &[u8]| join(&[header, &data]);
    let flags = [0, 0, 9, 0, 2, 0, 0, 0, 0x20];
    let timed = [&[0, 0, 25, 0, 3, 0, 0, 0x80][..], &[0; 4], &[0; 4], &[0; 8], &[0x20]].concat();
    let prism = join(&[&[0x44, 0, 0, 0, 144, 0, 0, 0], &[0; 136]]);
    let avs = join(&[&[0x80, 0x21, 0x10, 1, 0, 0, 0, 64], &[0; 56]]);
    vec![
        ("802.11", LinkType::IEEE802_11, data.clone()),
        ("802.11, four addresses", LinkType::IEEE802_11, wide),
        ("802.11, QoS", LinkType::IEEE802_11, qos),
        ("802.11, HT control", LinkType::IEEE802_11, control),
        ("802.11, aggregate", LinkType::IEEE802_11, aggregate),
        ("radiotap", LinkType::IEEE802_11_RADIOTAP, behind(&[0, 0, 8, 0, 0, 0, 0, 0])),
        ("radiotap, padded", LinkType::IEEE802_11_RADIOTAP, join(&[&flags, &padded])),
        ("radiotap, time and flags", LinkType::IEEE802_11_RADIOTAP, join(&[&timed, &padded])),
        ("prism", LinkType::IEEE802_11_PRISM, behind(&prism)),
        ("avs as prism", LinkType::IEEE802_11_PRISM, behind(&avs)),
        ("avs", LinkType::IEEE802_11_AVS, behind(&avs)),
        ("ppi", LinkType::PPI, behind(&[0, 0, 8, 0, 105, 0, 0, 0])),
        ("ppi, ethernet", LinkType::PPI, join(&[&[0, 0, 8, 0, 1, 0, 0, 0], &plain_frame()])),
    ]
}

fn tags() -> Vec<Example> {
    let tagged = |name, ether_type, tag: &[u8]| {
        (name, LinkType::ETHERNET, ethernet(ether_type, &join(&[tag, &plain()])))
    };
    let bridged = |name, ether_type, tag: &[u8]| {
        (name, LinkType::ETHERNET, ethernet(ether_type, &join(&[tag, &plain_frame()])))
    };
    vec![
        tagged("802.1Q", 0x8100, &[0, 7, 8, 0]),
        tagged("QinQ", 0x88a8, &[0, 7, 0x81, 0, 0, 8, 8, 0]),
        tagged("old QinQ", 0x9100, &[0, 7, 0x92, 0, 0, 8, 8, 0]),
        tagged("802.1Q and a length", 0x8100, &join(&[&[0, 7, 0, 53], &SNAP])),
        tagged("length and SNAP", 53, &SNAP),
        tagged("length and LLC", 48, &[6, 6, 3]),
        tagged("VN-Tag", 0x8926, &[0, 0, 0, 1, 8, 0]),
        tagged("E-TAG", 0x893f, &[0, 0, 0, 0, 0, 1, 8, 0]),
        tagged("MACsec, not encrypted", 0x88e5, &[0, 0, 0, 0, 0, 1, 8, 0]),
        tagged("MACsec with its channel", 0x88e5, &[0x20, 0, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 8, 0]),
        tagged("MPLS", 0x8847, &[0, 1, 1, 64]),
        tagged("MPLS, two labels", 0x8847, &[0, 1, 0, 64, 0, 2, 1, 64]),
        bridged("MPLS, pseudowire", 0x8847, &[0, 1, 1, 64]),
        bridged("MPLS, control word", 0x8847, &[0, 1, 1, 64, 0, 0, 0, 9]),
        tagged("PPPoE", 0x8864, &[0x11, 0, 0, 1, 0, 47, 0, 0x21]),
        tagged("PPPoE over QinQ", 0x88a8, &[0, 7, 0x88, 0x64, 0x11, 0, 0, 1, 0, 47, 0, 0x21]),
        bridged("provider backbone", 0x88e7, &[0, 0, 0, 1]),
        bridged("FabricPath", 0x8903, &[0, 1]),
    ]
}

fn extension_headers() -> Vec<Example> {
    let over =
        |name, next, header: &[u8]| (name, LinkType::IPV6, ipv6(next, &join(&[header, &tcp(b"hello")])));
    let authentication = join(&[&[6, 4, 0, 0], &[7; 20]]);
    let mut options = ipv4(6, &join(&[&[1; 8], &tcp(b"hello")]));
    options[0] = 0x47;
    vec![
        ("ipv4 options", LinkType::IPV4, options),
        ("ipv4 authentication", LinkType::IPV4, ipv4(51, &join(&[&authentication, &tcp(b"hello")]))),
        over("hop-by-hop", 0, &[6, 0, 1, 4, 0, 0, 0, 0]),
        over("hop-by-hop and longer destination options", 0, &join(&[&[60, 0], &[0; 6], &[6, 1], &[0; 14]])),
        over("routing", 43, &[6, 0, 0, 0, 0, 0, 0, 0]),
        over("atomic fragment", 44, &[6, 0, 0, 0, 1, 2, 3, 4]),
        over("authentication", 51, &authentication),
        over("mobility", 135, &[6, 0, 0, 0, 0, 0, 0, 0]),
        over("HIP", 139, &[6, 0, 0, 0, 0, 0, 0, 0]),
        over("shim6", 140, &[6, 0, 0, 0, 0, 0, 0, 0]),
    ]
}

fn tunnels() -> Vec<Example> {
    let in_ip =
        |name, protocol, header: &[u8]| (name, LinkType::IPV4, ipv4(protocol, &join(&[header, &plain()])));
    let bridged = |name, protocol, header: &[u8]| {
        (name, LinkType::IPV4, ipv4(protocol, &join(&[header, &plain_frame()])))
    };
    vec![
        in_ip("ip in ip", 4, &[]),
        ("6in4", LinkType::IPV4, ipv4(41, &ipv6(6, &tcp(b"hello")))),
        ("4in6", LinkType::IPV6, ipv6(4, &plain())),
        in_ip("MPLS in ip", 137, &[0, 1, 1, 64]),
        bridged("ethernet in ip", 143, &[]),
        bridged("EtherIP", 97, &[0x30, 0]),
        in_ip("GRE", 47, &[0, 0, 8, 0]),
        in_ip("GRE, checksum, key and sequence", 47, &join(&[&[0xb0, 0, 8, 0], &[7; 12]])),
        bridged("GRE, bridged", 47, &[0x20, 0, 0x65, 0x58, 0, 0, 1, 0]),
        in_ip("GRE, MPLS", 47, &[0, 0, 0x88, 0x47, 0, 1, 1, 64]),
        in_ip("PPTP", 47, &[0x30, 1, 0x88, 0x0b, 0, 47, 0, 1, 0, 0, 0, 1, 0, 0x21]),
        in_ip(
            "PPTP with acknowledgment",
            47,
            &join(&[&[0x30, 0x81, 0x88, 0x0b], &[1; 12], &[0xff, 3, 0x21]]),
        ),
        bridged("ERSPAN I", 47, &[0, 0, 0x88, 0xbe]),
        bridged("ERSPAN II", 47, &[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 1, 0, 1, 0, 0, 0, 1]),
        bridged("ERSPAN III", 47, &join(&[&[0x10, 0, 0x22, 0xeb, 0, 0, 0, 1], &[0x20], &[0; 11]])),
        bridged("ERSPAN III, platform", 47, &join(&[&[0, 0, 0x22, 0xeb, 0x20], &[0; 10], &[1], &[5; 8]])),
        in_ip("WCCP", 47, &[0, 0, 0x88, 0x3e, 0, 0, 0, 1]),
    ]
}

fn udp_tunnels() -> Vec<Example> {
    let over = |name, port, header: &[u8], inner: &[u8]| {
        (name, LinkType::IPV4, ipv4(17, &udp(port, &join(&[header, inner]))))
    };
    let (ip, frame) = (&plain(), &plain_frame());
    vec![
        over("VXLAN", 4789, &[8, 0, 0, 0, 0, 0, 1, 0], frame),
        over("VXLAN at its old port", 8472, &[8, 0, 0, 0, 0, 0, 1, 0], frame),
        over("VXLAN-GPE", 4790, &[0x0c, 0, 0, 1, 0, 0, 1, 0], ip),
        over("VXLAN-GPE, ethernet", 4790, &[0x0c, 0, 0, 3, 0, 0, 1, 0], frame),
        over("GENEVE", 6081, &[0, 0, 0x65, 0x58, 0, 0, 1, 0], frame),
        over("GENEVE with options", 6081, &[2, 0x40, 8, 0, 0, 0, 1, 0, 1, 2, 3, 1, 0, 0, 0, 0], ip),
        over("GTP", 2152, &[0x30, 0xff, 0, 45, 0, 0, 0, 1], ip),
        over("GTP with a sequence number", 2152, &[0x32, 0xff, 0, 49, 0, 0, 0, 1, 0, 1, 0, 0x85], ip),
        over("GTP with an extension", 2152, &[0x34, 0xff, 0, 53, 0, 0, 0, 1, 0, 0, 0, 0x85, 1, 0, 9, 0], ip),
        over("MPLS in UDP", 6635, &[0, 1, 1, 64], ip),
        over("GRE in UDP", 4754, &[0, 0, 8, 0], ip),
        over(
            "VXLAN in GENEVE",
            6081,
            &[0, 0, 8, 0, 0, 0, 1, 0],
            &ipv4(17, &udp(4789, &join(&[&[8, 0, 0, 0, 0, 0, 1, 0], frame]))),
        ),
    ]
}
