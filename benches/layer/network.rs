//! Packets, segments and streams.

use std::io::Cursor;
use std::ops::ControlFlow;
use std::sync::Arc;

use workload::{Kind, Workload};
use wspect::capture::{self, CaptureError, Position, Source};
use wspect::connection::Options;
use wspect::decode::{Decoder, Segment};
use wspect::event::{Event, Sink};
use wspect::limits::Limits;
use wspect::packet::{CaptureInfo, LinkType, Packet, PacketRef};
use wspect::pipeline;
use wspect::tcp::{Delivery, Tracker};

use super::Layer;

/// A pcap file in memory → packets. It is large beside the buffers that each reader begins with.
pub(super) fn records() -> Layer {
    let file = written(Kind::Chat, 8_000_000, 100);
    let items = packets(&file).len() as u64;
    Layer::new(items, file.len() as u64, move || {
        let mut source = open(&file);
        let mut sum = 0;
        while let Some(packet) = source.next_packet().unwrap() {
            sum += packet.data.len() as u64;
        }
        sum
    })
}

/// Packets as most are, Ethernet, IP and TCP → segments.
pub(super) fn decode() -> Layer {
    decoding(packets(&chat()))
}

/// The same with a VLAN tag, which the short way does not know.
pub(super) fn decode_uncommon() -> Layer {
    let mut packets = packets(&chat());
    for packet in &mut packets {
        packet.data.splice(12..12, [0x81, 0, 0, 7]);
    }
    decoding(packets)
}

fn decoding(packets: Vec<Stored>) -> Layer {
    let bytes = packets.iter().map(|packet| packet.data.len() as u64).sum();
    let mut decoder = Decoder::new(&Limits::default());
    Layer::new(packets.len() as u64, bytes, move || {
        let mut length =
            |packet: &Stored| decoder.decode(&packet.lend()).map(|segment| segment.payload.len());
        packets.iter().filter_map(|packet| length(packet).ok()).sum::<usize>() as u64
    })
}

/// Packets of TLS, which are of no interest once that is known → nothing. The table of flows is private, so this is `decode` and
/// all that comes until such a packet is dropped, with the beginnings and ends of the flows.
pub(super) fn flows() -> Layer {
    let file = written(Kind::Noise, 2_000_000, 500);
    let mut decoder = Decoder::new(&Limits::default());
    let mut packets = packets(&file);
    packets.retain(|packet| {
        let ports = decoder.decode(&packet.lend()).map(|segment| [segment.src().port, segment.dst().port]);
        ports.is_ok_and(|ports| ports.contains(&TLS))
    });
    let bytes = packets.iter().map(|packet| packet.data.len() as u64).sum();
    let options = Options::default();
    let packets = Arc::new(packets);
    Layer::new(packets.len() as u64, bytes, move || {
        let mut source = Replay { packets: packets.clone(), next: 0 };
        let totals = pipeline::analyze(&mut source, &options, &mut Ignore).unwrap();
        totals.tcp_connections + totals.packets
    })
}

/// Segments of one direction as they were sent → chunks.
pub(super) fn in_order() -> Layer {
    reassembly(server_segments())
}

/// The same, of each four segments the last one first: three of four are kept until the first one comes.
pub(super) fn out_of_order() -> Layer {
    let mut segments = server_segments();
    segments[1..].chunks_mut(4).for_each(<[_]>::reverse);
    reassembly(segments)
}

fn reassembly(segments: Vec<Segment<'static>>) -> Layer {
    let bytes = segments.iter().map(|segment| segment.payload.len() as u64).sum();
    let limits = Limits::default();
    Layer::new(segments.len() as u64, bytes, move || {
        let mut tracker = Tracker::new(&limits);
        let mut sum = 0;
        for segment in &segments {
            assert!(!tracker.begins_anew(segment));
            tracker.push(segment, &mut |_, delivery| match delivery {
                Delivery::Chunk(chunk) => sum += chunk.bytes.len() as u64,
                Delivery::Gap(_) | Delivery::Conflict(_) => panic!("nothing is missing"),
            });
        }
        assert_eq!(sum, bytes);
        sum
    })
}

/// What a server sends in large messages, from its SYN on. It acknowledges nothing but the client's SYN, so that nothing
/// of the client is missing.
fn server_segments() -> Vec<Segment<'static>> {
    let mut decoder = Decoder::new(&Limits::default());
    let mut segments = Vec::new();
    for packet in packets(&written(Kind::Bulk, 4_000_000, 1)) {
        let segment = decoder.decode(&packet.lend()).unwrap();
        if segment.src().port == WEBSOCKETS {
            let ack = segments.first().map_or(segment.ack, |first: &Segment<'_>| first.ack);
            segments.push(kept(&segment, ack));
        }
    }
    segments.truncate(1000);
    segments
}

fn kept(segment: &Segment<'_>, ack: u32) -> Segment<'static> {
    Segment { ack, payload: segment.payload.to_vec().leak(), ..*segment }
}

/// A packet that is kept.
struct Stored {
    at: PacketRef,
    data: Vec<u8>,
}

impl Stored {
    fn lend(&self) -> Packet<'_> {
        Packet { at: self.at, link: LinkType::ETHERNET, original_len: self.data.len(), data: &self.data }
    }
}

struct Replay {
    packets: Arc<Vec<Stored>>,
    next: usize,
}

impl Source for Replay {
    fn next_packet(&mut self) -> Result<Option<Packet<'_>>, CaptureError> {
        let packet = self.packets.get(self.next);
        self.next += 1;
        Ok(packet.map(Stored::lend))
    }

    fn inputs(&self) -> Vec<CaptureInfo> {
        Vec::new()
    }

    fn position(&self) -> Position {
        Position::default()
    }
}

struct Ignore;

impl Sink for Ignore {
    fn event(&mut self, _event: Event) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

fn chat() -> Arc<[u8]> {
    written(Kind::Chat, 500_000, 100)
}

fn written(kind: Kind, bytes: u64, connections: usize) -> Arc<[u8]> {
    let mut file = Vec::new();
    Workload { kind, bytes, connections, seed: 1 }.write(&mut file).unwrap();
    file.into()
}

fn open(file: &Arc<[u8]>) -> impl Source + use<> {
    capture::from_reader("memory", Cursor::new(file.clone()), &Limits::default()).unwrap()
}

fn packets(file: &Arc<[u8]>) -> Vec<Stored> {
    let mut source = open(file);
    let mut packets = Vec::new();
    while let Some(packet) = source.next_packet().unwrap() {
        packets.push(Stored { at: packet.at, data: packet.data.to_vec() });
    }
    packets
}

/// Where the servers of generated WebSockets listen.
const WEBSOCKETS: u16 = 8080;
const TLS: u16 = 443;
