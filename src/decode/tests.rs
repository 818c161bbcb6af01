//! Whole packets through the decoder.

use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::wire::{
    Example, ethernet, examples, ipv4, ipv4_fragment, ipv6, ipv6_fragment, join, packet, payload, plain, tcp,
    udp,
};
use super::{Decoder, Segment, Skip, SkippedPackets, TcpFlags, captures};
use crate::limits::Limits;
use crate::packet::{LinkType, Packet};

#[test]
fn every_link_type_tag_and_tunnel_is_looked_through() {
    for (name, link, data) in examples() {
        assert_eq!(payload(link, &data).as_deref(), Ok(&b"hello"[..]), "{name}");
    }
}

#[test]
fn a_segment_says_what_its_innermost_headers_say() {
    let mut decoder = Decoder::new(&Limits::default());
    let data = ipv6(4, &plain());
    let segment = decoder.decode(&packet(LinkType::RAW, &data)).unwrap();
    assert_eq!(segment.src().to_string(), "10.0.0.1:50000");
    assert_eq!(segment.dst().to_string(), "10.0.0.2:80");
    assert_eq!((segment.seq, segment.ack, segment.window, segment.cut), (1000, 2000, 512, 0));
    assert_eq!(segment.flags, TcpFlags(0x18));
    let data = ethernet(0x86dd, &ipv6(6, &tcp(b"")));
    let segment = decoder.decode(&packet(LinkType::ETHERNET, &data)).unwrap();
    assert_eq!(segment.src().to_string(), "[fd00::1]:50000");
    assert_eq!(segment.payload, b"");
}

#[test]
fn a_packet_without_a_segment_says_why() {
    let ethernet_with = |ether_type, rest: &[u8]| payload(LinkType::ETHERNET, &ethernet(ether_type, rest));
    assert_eq!(payload(LinkType(147), &plain()), Err(Skip::UnknownLink));
    assert_eq!(ethernet_with(0x0806, &[0; 28]), Err(Skip::NotIp), "ARP");
    assert_eq!(ethernet_with(0x88cc, &[0; 28]), Err(Skip::NotIp), "LLDP");
    assert_eq!(ethernet_with(38, &[0x42; 38]), Err(Skip::NotIp), "STP");
    assert_eq!(ethernet_with(0x0800, &ipv4(1, &[8; 8])), Err(Skip::NotTcp), "ICMP");
    assert_eq!(ethernet_with(0x0800, &ipv4(17, &udp(53, &[0; 12]))), Err(Skip::NotTcp), "DNS");
    assert_eq!(ethernet_with(0x86dd, &ipv6(59, &[])), Err(Skip::NotTcp), "no next header");
    assert_eq!(ethernet_with(0x0800, &ipv4(50, &[0; 32])), Err(Skip::Encrypted), "ESP");
    assert_eq!(ethernet_with(0x88e5, &[0x0c; 32]), Err(Skip::Encrypted), "MACsec");
    assert_eq!(ethernet_with(0x0800, &[0; 20]), Err(Skip::Malformed), "version 0");
    assert_eq!(ethernet_with(0x0800, &plain()[..12]), Err(Skip::Malformed), "half a header");
    assert_eq!(payload(LinkType::ETHERNET, &[]), Err(Skip::Malformed));
}

#[test]
fn headers_without_end_are_given_up() {
    let tags =
        |count| ethernet(0x8100, &join(&[&[0, 7, 0x81, 0].repeat(count - 1), &[0, 7, 8, 0], &plain()]));
    let most = Limits::default().encapsulation;
    assert_eq!(payload(LinkType::ETHERNET, &tags(most - 3)), Ok(b"hello".to_vec()));
    assert_eq!(payload(LinkType::ETHERNET, &tags(most - 2)), Err(Skip::Malformed));
}

#[test]
fn ipv6_fragments_come_together_behind_other_headers() {
    let options = [44, 0, 1, 4, 0, 0, 0, 0];
    let segment = join(&[&[6, 0, 1, 4, 0, 0, 0, 0], &tcp(b"hello")]);
    let mut decoder = Decoder::new(&Limits::default());
    let last = ipv6_fragment(60, 5, 16, &segment[16..]);
    let behind = join(&[&options, &ipv6_fragment(60, 5, 1, &segment[..16])[40..]]);
    let first = ethernet(0x86dd, &ipv6(60, &behind));
    assert_eq!(decoder.decode(&packet(LinkType::RAW, &last)), Err(Skip::Fragment));
    assert_eq!(decoder.decode(&packet(LinkType::ETHERNET, &first)).unwrap().payload, b"hello");
}

#[test]
fn fragments_of_a_tunnel_and_fragments_within_it_come_together() {
    let [first, last] = [plain_fragment(0x2000, ..24), plain_fragment(3, 24..)];
    let tunnelled = ipv4(17, &udp(4789, &join(&[&[8, 0, 0, 0, 0, 0, 1, 0], &ethernet(0x0800, &last)])));
    let outer = &tunnelled[20..];
    let mut decoder = Decoder::new(&Limits::default());
    let mut skip = |data: &[u8]| decoder.decode(&packet(LinkType::IPV4, data)).map(|_| ());
    assert_eq!(skip(&ipv4(4, &first)), Err(Skip::Fragment));
    assert_eq!(skip(&ipv4_fragment(17, 9, 2, &outer[16..])), Err(Skip::Fragment));
    let data = ipv4_fragment(17, 9, 0x2000, &outer[..16]);
    assert_eq!(decoder.decode(&packet(LinkType::IPV4, &data)).unwrap().payload, b"hello");
}

/// A fragment of the segment in [`plain`].
fn plain_fragment(place: u16, part: impl std::slice::SliceIndex<[u8], Output = [u8]>) -> Vec<u8> {
    ipv4_fragment(6, 77, place, &tcp(b"hello")[part])
}

/// Packets that were captured, cut to `length`, with their length on the wire.
fn cut(data: &[u8], link: LinkType, length: usize) -> Packet<'_> {
    Packet { data: &data[..length.min(data.len())], ..packet(link, data) }
}

fn decode_all(packets: &[captures::Captured]) -> (u64, u64, SkippedPackets) {
    let mut decoder = Decoder::new(&Limits::default());
    let (mut segments, mut bytes, mut skipped) = (0, 0, SkippedPackets::default());
    for captured in packets {
        match decoder.decode(&captured.packet()) {
            Ok(Segment { payload, cut, .. }) => {
                segments += 1;
                bytes += u64::try_from(payload.len()).unwrap() + u64::from(cut);
            }
            Err(reason) => skipped.count(reason),
        }
    }
    (segments, bytes, skipped)
}

#[test]
fn captures_have_as_many_segments_as_another_dissector_finds() {
    for (name, segments, bytes) in COUNTED {
        if let Some(packets) = captures::shared(name) {
            let (found, length, _) = decode_all(&packets);
            assert_eq!((found, length), (*segments, *bytes), "{name}");
        }
    }
}

/// Segments, and their payload bytes on the wire, by `tshark -Y tcp -T fields -e tcp.len`.
const COUNTED: &[(&str, u64, u64)] = &[
    ("captures/17_any_sll.pcap", 26, 19_221),
    ("captures/17_any_sll2.pcap", 26, 19_221),
    ("captures/17_bigendian.pcap", 26, 19_221),
    ("captures/17_bsd_null.pcap", 26, 19_221),
    ("captures/17_ip_fragments.pcap", 41, 19_221),
    ("captures/17_ipv6_loopback.pcap", 26, 19_217),
    ("captures/17_pcapng_two_interfaces.pcapng", 56, 38_442),
    ("captures/17_raw_ip_tun.pcap", 41, 19_224),
    ("captures/17_snaplen96.pcap", 26, 19_221),
    ("captures/17_veth_ipv4_tso.pcap", 47, 199_259),
    ("captures/17_vlan.pcap", 26, 19_221),
    ("public/formats/arkime/80211http.pcap", 26, 8_592),
    ("public/formats/arkime/gre-erspan-vxlan.pcap", 7, 57),
    ("public/formats/arkime/mpls-basic.pcap", 19, 75),
    ("public/formats/arkime/nflog.pcap", 10, 1_339),
    ("public/formats/arkime/pppoe.pcap", 10, 3_564),
    ("public/formats/arkime/tcpdump-geneve.pcap", 33, 4_396),
    ("public/formats/libpcap/http_PPI.pcap", 1, 0),
    ("public/formats/ndn-tools/linux-sll-tcp6.pcap", 11, 502),
    ("public/formats/pcapplusplus/GrePackets.cap", 9, 512),
    ("public/formats/pcapplusplus/frag_http_req.pcap", 1, 1_460),
    ("public/formats/pcapplusplus/linktype_ipv6.pcap", 1, 0),
    ("public/formats/pcapplusplus/null_loopback.pcap", 1, 403),
    ("public/formats/pcapplusplus/raw_ip.pcap", 92, 24_437),
    ("public/formats/pcapplusplus/sll2.pcap", 3, 31),
    ("public/formats/suricata-verify/bug-4810/pppoe-session-http.pcap", 30, 15_508),
    (
        "public/formats/suricata-verify/defrag__bug-6887-defrag-eth-vlan-ipv6-tcp/frag-eth-vlan-ipv6-tcp.pcap",
        1,
        1_000,
    ),
    ("public/formats/tcpdump/bigtcp-ipv4.pcap", 1, 80_000),
    ("public/formats/tcpdump/bigtcp-ipv6-hbh.pcap", 1, 80_000),
    ("public/formats/tcpdump/gso-ipv4-geneve-ipv4.pcap", 1, 6_990),
    ("public/formats/wireshark-wiki/RawPacketIPv6Tunnel-UK6x.cap", 81, 34_770),
    ("public/formats/wireshark-wiki/pcap-ng_Wi-Fi_Bluetooth_USB_Cooked_timestamps_issue_1.ntar", 25, 2_606),
    ("public/formats/zeek/cisco-fabric-path.pcap", 32, 0),
    ("public/formats/zeek/erspan.pcap", 106, 84_065),
    ("public/formats/zeek/ipv6-http-atomic-frag.pcap", 36, 412),
    ("public/formats/zeek/mixed-vlan-mpls.pcap", 47, 12_979),
    ("public/formats/zeek/pbb.pcap", 8, 209),
    ("public/formats/zeek/snap-tcp.pcap", 8, 114),
    ("public/formats/zeek/tcp-http-with-padding.pcap", 25, 207),
    ("public/formats/zeek/tunnels_geneve-many-options.pcap", 10, 658),
    ("public/formats/zeek/tunnels_gtp_gtp1_gn_normal_incl_fragmentation.pcap", 68, 53_042),
    ("public/formats/zeek/tunnels_vxlan-encapsulated-http.pcap", 12, 9_299),
    ("public/formats/zeek/vlan-qinqinq.pcap", 14, 5_143),
];

fn mutated() -> impl Strategy<Value = Example> {
    let changes = proptest::collection::vec((any::<Index>(), any::<u8>()), 0..4);
    (select(examples()), changes).prop_map(|((name, link, mut data), changes)| {
        for (place, value) in changes {
            let place = place.index(data.len());
            data[place] = value;
        }
        (name, link, data)
    })
}

fn any_link() -> impl Strategy<Value = LinkType> {
    let known: Vec<LinkType> = examples().into_iter().map(|(_, link, _)| link).collect();
    prop_oneof![select(known), (0_u16..300).prop_map(LinkType)]
}

proptest! {
    #[test]
    fn no_bytes_of_any_link_type_panic(
        link in any_link(),
        data in proptest::collection::vec(any::<u8>(), 0..200),
        more in 0_usize..100,
    ) {
        let mut decoder = Decoder::new(&Limits::default());
        let packet = Packet { original_len: data.len() + more, ..packet(link, &data) };
        if let Ok(segment) = decoder.decode(&packet) {
            prop_assert!(segment.payload.len() <= data.len());
        }
    }

    #[test]
    fn a_cut_packet_yields_the_head_of_what_the_whole_one_does((name, link, data) in mutated(), at in any::<Index>()) {
        let (mut of_whole, mut of_cut) = (Decoder::new(&Limits::default()), Decoder::new(&Limits::default()));
        let whole = of_whole.decode(&packet(link, &data));
        match (whole, of_cut.decode(&cut(&data, link, at.index(data.len() + 1)))) {
            (_, Err(_)) => {}
            (Err(reason), Ok(found)) => prop_assert!(false, "{name}: {reason:?}, but {found:?} of its head"),
            (Ok(whole), Ok(found)) => {
                prop_assert!(whole.payload.starts_with(found.payload));
                let missing = whole.payload.len() - found.payload.len();
                prop_assert_eq!(u64::from(found.cut), u64::from(whole.cut) + u64::try_from(missing).unwrap());
                prop_assert_eq!(Segment { payload: &[], cut: 0, ..found }, Segment { payload: &[], cut: 0, ..whole });
            }
        }
    }
}
