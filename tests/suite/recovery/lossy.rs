//! A conversation of which segments are missing: every frame that was captured whole is reported, no other is, and the bytes
//! add up.

use std::ops::Range;

use wspect::capture::Source;
use wspect::connection::Options;
use wspect::decode::Decoder;
use wspect::document::{Connection, Document, Extent};
use wspect::limits::Limits;
use wspect::packet::Side;
use wspect::websocket::Frame;

use crate::support::{Scenario, Wire, binary, close, ping, text};

#[test]
fn of_a_lossy_conversation_all_that_was_captured_is_reported_and_the_bytes_add_up() {
    let (mut frames, mut hit) = (0, 0);
    for seed in 0..24 {
        let mut noise = Noise(seed);
        let whole = script(&mut noise);
        let (capture, undisturbed) = (whole.capture(), document(&whole));
        let sent = Sent::of(&undisturbed);
        // The first five packets are the two handshakes, the last five the two endings.
        let lost: Vec<usize> = (6..capture.packets.len() - 4).filter(|_| noise.below(40) == 0).collect();
        let wire = lost.iter().fold(wire(), |wire, number| wire.lost(*number..=*number));
        let found = document(&whole.clone().wire(wire));
        for side in [Side::Client, Side::Server] {
            let holes = sent.holes(&capture.pcap(), side, &lost);
            let wanted: Vec<_> =
                sent.frames(side).filter(|frame| !frame.touches(&holes)).map(|frame| frame.header).collect();
            let got: Vec<_> = reported(&found, side).map(|frame| frame.header).collect();
            let differ = wanted.iter().zip(&got).position(|(wanted, got)| wanted != got);
            let place = differ.unwrap_or(wanted.len().min(got.len()));
            let name = format!("{side:?}, seed {seed}, frame {place} of {}", wanted.len());
            assert_eq!(got.get(place), wanted.get(place), "{name}");
            assert_eq!(bytes(&found, side), sent.length(side), "{name}");
            frames += wanted.len();
            hit += sent.frames(side).count() - wanted.len();
        }
    }
    println!("{frames} frames captured whole and reported, {hit} with holes");
    assert!(frames > 1000 && hit > 100, "{frames}, {hit}");
}

/// Messages short, long and longer than any window, one frame each.
fn script(noise: &mut Noise) -> Scenario {
    let mut script = Scenario::new().upgrade("/");
    for number in 0..120 {
        let frame = match noise.below(40) {
            0 => binary(noise.bytes(70_000 + number * 500)),
            1..4 => binary(noise.bytes(2000 + number * 30)),
            4..7 => ping(format!("{number}")),
            _ => text(&format!(
                r#"{{"message":{number},"says":"{}"}}"#,
                "so ".repeat(usize::try_from(noise.below(60)).unwrap())
            )),
        };
        script = if noise.below(2) == 0 { script.client(frame) } else { script.server(frame) };
    }
    script.client(close(1000, "")).server(close(1000, "")).fin().wire(wire())
}

fn wire() -> Wire {
    Wire::new().segments_of(1460)
}

fn document(script: &Scenario) -> Document {
    let options = Options { frames: true, ..Options::default() };
    let mut source =
        wspect::capture::from_reader("lossy.pcap", std::io::Cursor::new(script.pcap()), &options.limits)
            .unwrap();
    Document::of(&mut source, &options, Extent::Whole).unwrap()
}

/// The two streams behind the opening handshake.
struct Sent<'a> {
    connection: &'a Connection,
}

/// A frame and its place in the stream.
struct Placed {
    header: wspect::websocket::FrameHeader,
    place: Range<u64>,
}

impl Placed {
    fn touches(&self, holes: &[Range<u64>]) -> bool {
        holes.iter().any(|hole| hole.start < self.place.end && self.place.start < hole.end)
    }
}

impl<'a> Sent<'a> {
    fn of(document: &'a Document) -> Self {
        assert_eq!(document.connections.len(), 1);
        Self { connection: &document.connections[0] }
    }

    fn frames(&self, side: Side) -> impl Iterator<Item = Placed> {
        let mut next = 0;
        frames_of(self.connection, side).map(move |frame| {
            let place = next..next + frame.header.size() + frame.header.length;
            next = place.end;
            Placed { header: frame.header, place }
        })
    }

    fn length(&self, side: Side) -> u64 {
        self.frames(side).last().map_or(0, |frame| frame.place.end)
    }

    /// Where the payload of these packets belongs, from the first frame on.
    fn holes(&self, capture: &[u8], side: Side, lost: &[usize]) -> Vec<Range<u64>> {
        let limits = Limits::default();
        let reader = std::io::Cursor::new(capture.to_vec());
        let mut source = wspect::capture::from_reader("whole.pcap", reader, &limits).unwrap();
        let sender = if side == Side::Client {
            self.connection.opening.client
        } else {
            self.connection.opening.server
        };
        let handshake = self.connection.closing.traffic[side.index()].handshake_bytes;
        let (mut decoder, mut next, mut holes) = (Decoder::new(&limits), 0_u64, Vec::new());
        while let Ok(Some(packet)) = source.next_packet() {
            let segment = decoder.decode(&packet).unwrap();
            if segment.src() == sender {
                let end = next + segment.payload.len() as u64;
                if lost.iter().any(|lost| *lost as u64 == segment.at.number) && next >= handshake {
                    holes.push(next - handshake..end - handshake);
                }
                next = end;
            }
        }
        holes
    }
}

fn frames_of(connection: &Connection, side: Side) -> impl Iterator<Item = &Frame> {
    let messages = connection.messages.iter().filter(move |timeline| timeline.sender == side);
    messages.flat_map(|timeline| &timeline.message.fragments)
}

/// The frames that are said to be whole.
fn reported(document: &Document, side: Side) -> impl Iterator<Item = &Frame> {
    let connection = Sent::of(document).connection;
    let messages = connection.messages.iter().filter(move |timeline| timeline.sender == side);
    messages
        .filter(|timeline| !timeline.message.incomplete())
        .flat_map(|timeline| &timeline.message.fragments)
}

/// All that is known of what a side sent behind the handshake, with what is missing.
fn bytes(document: &Document, side: Side) -> u64 {
    let connection = Sent::of(document).connection;
    let traffic = &connection.closing.traffic[side.index()];
    let inside: u64 = frames_of(connection, side).map(|frame| frame.missing_bytes).sum();
    traffic.wire_bytes + traffic.missing_bytes - inside + traffic.passed_over_bytes
}

/// The same in each run. // SplitMix64 (Steele, Lea, Flood 2014)
struct Noise(u64);

impl Noise {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ mixed >> 31) % bound
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.below(256).to_le_bytes()[0]).collect()
    }
}
