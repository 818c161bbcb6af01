use wspect::decode::{Decoder, Skip};
use wspect::limits::Limits;
use wspect::packet::{Endpoint, LinkType, Packet, PacketRef, Timestamp};

use super::feed::Feed;

/// Packets of any link type give segments no longer than what was captured of them; an IP packet gives the same one in
/// whatever it is wrapped.
pub fn link(bytes: &[u8]) {
    let mut feed = Feed(bytes);
    // Each header around a packet counts. Fragments of packets that can't be wrapped must not meet those of others.
    let [mut any, mut bare, mut wrapped, mut tagged] = [0, 0, 1, 2].map(|around| {
        let usual = Limits::default();
        let encapsulation = usual.encapsulation + around;
        Decoder::new(&Limits { encapsulation, fragment_bytes: 1 << 16, fragment_datagrams: 4, ..usual })
    });
    let mut captured = 0;
    for number in 1..=MOST_PACKETS {
        if feed.is_empty() {
            return;
        }
        let link = LinkType(feed.half());
        let cut = usize::from(feed.byte());
        let length = usize::from(feed.half());
        let data = feed.take(length);
        captured += data.len();
        let at = PacketRef { number, time: Timestamp::from_nanos(number.cast_signed()), file: 0 };
        let is_ip = matches!(link, LinkType::IPV4 | LinkType::IPV6) && begins_as(link, data);
        let decoder = if is_ip { &mut bare } else { &mut any };
        let found = segment(decoder, &packet(at, link, data, cut));
        if let Ok(found) = &found {
            assert!(found.payload.len() <= captured, "{found:?}");
        }
        if is_ip {
            let over = |tag: &[u8]| ethernet(link, data, tag);
            let again = segment(&mut wrapped, &packet(at, LinkType::ETHERNET, &over(&[]), cut));
            assert_eq!(again, found, "over Ethernet");
            let again = segment(&mut tagged, &packet(at, LinkType::ETHERNET, &over(&[0x81, 0, 0, 7]), cut));
            assert_eq!(again, found, "with a VLAN tag");
        }
    }
}

/// A segment that owns its payload.
#[derive(Debug, PartialEq)]
struct Owned {
    ends: [Endpoint; 2],
    numbers: (u32, u32, u8, u16, u32),
    payload: Vec<u8>,
}

fn segment(decoder: &mut Decoder, packet: &Packet<'_>) -> Result<Owned, Skip> {
    let segment = decoder.decode(packet)?;
    assert_eq!(segment.at, packet.at);
    Ok(Owned {
        ends: [segment.src(), segment.dst()],
        numbers: (segment.seq, segment.ack, segment.flags.0, segment.window, segment.cut),
        payload: segment.payload.to_vec(),
    })
}

fn packet(at: PacketRef, link: LinkType, data: &[u8], cut: usize) -> Packet<'_> {
    Packet { at, link, original_len: data.len() + cut, data }
}

/// Else the packet contradicts its link type, which Ethernet says in another way.
fn begins_as(link: LinkType, data: &[u8]) -> bool {
    data.first().map(|first| first >> 4) == Some(if link == LinkType::IPV4 { 4 } else { 6 })
}

fn ethernet(link: LinkType, data: &[u8], tag: &[u8]) -> Vec<u8> {
    let kind: [u8; 2] = if link == LinkType::IPV4 { [0x08, 0x00] } else { [0x86, 0xdd] };
    [&[2; 12], tag, &kind, data].concat()
}

const MOST_PACKETS: u64 = 64;
