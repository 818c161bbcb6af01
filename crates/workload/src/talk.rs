//! What the two ends of a connection say: chat, bulk data, compressed documents, and what is no WebSocket.

use flate2::FlushCompress;

use crate::body::{self, Noise};
use crate::connection::{Acknowledge, Care, Connection};
use crate::expected::{Expected, Side, crc32};
use crate::frame::{self, BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT};
use crate::http::{self, Answer, Extension};
use crate::ledger::Placed;
use crate::packet::{ACK, FIN, SYN};
use crate::random::Random;

/// What a connection is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Talk {
    /// Text of 20 to 200 bytes; 2 % of it fragmented, 1 % Ping and Pong, 3 % two messages in a segment.
    Chat,
    /// Binary messages of 64 KiB to 1 MiB, a quarter in fragments of 64 KiB.
    Bulk,
    /// JSON documents with permessage-deflate; those below 64 bytes are sent plain.
    Deflate,
    /// A message each way, and that was it.
    Brief,
    /// Plain HTTP.
    Web,
    /// An upgrade request that is refused.
    Refused,
    /// Bytes in the shape of TLS.
    Tls,
}

/// How far a connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Nothing was sent.
    Closed,
    /// TCP is open.
    Connected,
    /// What it is for, until its end is wished for; `left` more turns where they are counted.
    Talking { left: Option<u32> },
    /// FINs are on their way.
    Closing,
    /// All was sent.
    Done,
}

/// What all connections draw from and count in.
pub(crate) struct World {
    pub(crate) random: Random,
    pub(crate) noise: Noise,
    pub(crate) expected: Expected,
    /// The time of the capture.
    pub(crate) micros: u64,
    /// Is it kept where frames and messages stand? Only a lossy capture needs it.
    pub(crate) keeps_places: bool,
}

/// Is the connection to come to its end?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    GoOn,
    End,
}

impl Talk {
    pub(crate) const fn is_websocket(self) -> bool {
        matches!(self, Self::Chat | Self::Bulk | Self::Deflate | Self::Brief)
    }

    pub(crate) const fn compresses(self) -> bool {
        matches!(self, Self::Deflate)
    }

    pub(crate) const fn port(self) -> u16 {
        match self {
            Self::Tls => 443,
            Self::Web => 80,
            _ => 8080,
        }
    }

    fn turns(self, random: &mut Random) -> Option<u32> {
        match self {
            Self::Chat | Self::Bulk | Self::Deflate => None,
            Self::Brief => Some(1),
            Self::Refused => Some(0),
            Self::Web | Self::Tls => Some(random.between(1, 10)),
        }
    }
}

impl Connection {
    /// Sends what comes next, once all before it went out.
    pub(crate) fn go_on(&mut self, world: &mut World, wish: Wish) {
        self.phase = match self.phase {
            Phase::Closed => {
                self.signal(Side::Client, SYN);
                self.signal(Side::Server, SYN | ACK);
                self.signal(Side::Client, ACK);
                Phase::Connected
            }
            Phase::Connected => {
                self.greet(world);
                Phase::Talking { left: self.talk.turns(&mut world.random) }
            }
            Phase::Talking { left } if wish == Wish::End || left == Some(0) => {
                self.part(world);
                Phase::Closing
            }
            Phase::Talking { left } => {
                self.turn(world);
                Phase::Talking { left: left.map(|left| left - 1) }
            }
            Phase::Closing | Phase::Done => Phase::Done,
        }
    }

    fn greet(&mut self, world: &mut World) {
        let (random, noise) = (&mut world.random, &world.noise);
        let said = match self.talk {
            Talk::Chat | Talk::Bulk | Talk::Brief => http::upgrade(random, Extension::None, Answer::Accepted),
            Talk::Deflate => http::upgrade(random, Extension::Deflate, Answer::Accepted),
            Talk::Refused => http::upgrade(random, Extension::None, Answer::Refused),
            Talk::Web => http::exchange(random, noise),
            Talk::Tls => http::tls_hellos(random, noise),
        };
        self.exchange(said);
    }

    fn turn(&mut self, world: &mut World) {
        match self.talk {
            Talk::Chat => self.chat(world),
            Talk::Bulk => self.bulk(world),
            Talk::Deflate => self.document(world),
            Talk::Brief => self.brief(world),
            Talk::Web => self.exchange(http::exchange(&mut world.random, &world.noise)),
            Talk::Tls => self.records(world),
            Talk::Refused => {}
        }
    }

    fn part(&mut self, world: &mut World) {
        if self.talk.is_websocket() {
            for side in Side::BOTH {
                let mut out = Vec::new();
                self.control(world, side, CLOSE, &[0x03, 0xe8], &mut out);
                self.send(side, out, Care::Safe, Acknowledge::AtEnd);
            }
        }
        self.signal(Side::Server, FIN | ACK);
        self.signal(Side::Client, ACK);
        self.signal(Side::Client, FIN | ACK);
        self.signal(Side::Server, ACK);
    }

    fn exchange(&mut self, [request, response]: [Vec<u8>; 2]) {
        self.send(Side::Client, request, Care::Safe, Acknowledge::AtEnd);
        self.send(Side::Server, response, Care::Safe, Acknowledge::AtEnd);
    }

    fn chat(&mut self, world: &mut World) {
        let side = either(&mut world.random);
        if world.random.permille(10) {
            let payload = world.random.bytes::<8>();
            for (side, opcode) in [(side, PING), (side.peer(), PONG)] {
                let mut out = Vec::new();
                self.control(world, side, opcode, &payload, &mut out);
                self.send(side, out, Care::Exposed, Acknowledge::AtEnd);
            }
            return;
        }
        let mut out = Vec::new();
        let together = if world.random.permille(30) { 2 } else { 1 };
        for _ in 0..together {
            let length = world.random.between(20, 200) as usize;
            let text = body::chat(&mut world.random, length);
            let pieces = if world.random.permille(20) { world.random.between(2, 3) } else { 1 };
            self.message(world, side, Plan { opcode: TEXT, pieces: pieces as usize }, &text, &mut out);
        }
        self.send(side, out, Care::Exposed, sometimes(&mut world.random));
    }

    fn bulk(&mut self, world: &mut World) {
        let side = either(&mut world.random);
        let length = world.random.between(PIECE as u32, LARGEST as u32) as usize;
        let bytes = world.noise.bytes(&mut world.random, length);
        let pieces = if world.random.below(4) == 0 { length.div_ceil(PIECE) } else { 1 };
        let mut out = Vec::with_capacity(length + 14 * pieces);
        self.message(world, side, Plan { opcode: BINARY, pieces }, &bytes, &mut out);
        self.send(side, out, Care::Exposed, Acknowledge::AtEnd);
    }

    fn document(&mut self, world: &mut World) {
        // Servers push, clients ask.
        let side = if world.random.below(4) == 0 { Side::Client } else { Side::Server };
        let text = body::document(&mut world.random, world.micros);
        let pieces = if world.random.permille(20) { 2 } else { 1 };
        let mut out = Vec::with_capacity(text.len());
        self.message(world, side, Plan { opcode: TEXT, pieces }, &text, &mut out);
        self.send(side, out, Care::Exposed, sometimes(&mut world.random));
    }

    fn brief(&mut self, world: &mut World) {
        for (side, acknowledge) in [(Side::Client, Acknowledge::Later), (Side::Server, Acknowledge::AtEnd)] {
            let length = world.random.between(20, 160) as usize;
            let text = body::chat(&mut world.random, length);
            let mut out = Vec::new();
            self.message(world, side, Plan { opcode: TEXT, pieces: 1 }, &text, &mut out);
            self.send(side, out, Care::Exposed, acknowledge);
        }
    }

    fn records(&mut self, world: &mut World) {
        let length = world.random.between(40, 60_000) as usize;
        let side = if length < 2000 { Side::Client } else { Side::Server };
        let records = http::tls_records(&mut world.random, &world.noise, length);
        self.send(side, records, Care::Safe, Acknowledge::AtEnd);
    }

    /// Appends a data message to what `side` sends next.
    fn message(&mut self, world: &mut World, side: Side, plan: Plan, content: &[u8], out: &mut Vec<u8>) {
        let start = out.len();
        let packed = match &mut self.lanes[side.index()].compress {
            Some(compress) if content.len() >= LEAST_COMPRESSED => Some(deflated(compress, content)),
            _ => None,
        };
        let wire = packed.as_deref().unwrap_or(content);
        let pieces: Vec<_> = wire.chunks(wire.len().div_ceil(plan.pieces).max(1)).collect();
        for (index, piece) in pieces.iter().enumerate() {
            let header = frame::Header {
                fin: index + 1 == pieces.len(),
                compressed: packed.is_some() && index == 0,
                opcode: if index == 0 { plan.opcode } else { CONTINUATION },
                masking_key: masking_key(world, side),
            };
            self.frame(world, side, header, piece, out);
        }
        let expected = &mut world.expected;
        expected.messages.total += 1;
        expected.messages.text += u64::from(plan.opcode == TEXT);
        expected.messages.binary += u64::from(plan.opcode == BINARY);
        expected.messages.fragmented += u64::from(pieces.len() > 1);
        expected.messages.compressed += u64::from(packed.is_some());
        expected.message_bytes.add(side, content.len() as u64);
        let crc = crc32(content);
        expected.message_crc32_sum = expected.message_crc32_sum.wrapping_add(crc);
        if world.keeps_places {
            let lane = &mut self.lanes[side.index()];
            let place = lane.sent + start as u64..lane.sent + out.len() as u64;
            lane.ledger.messages.push(Placed { place, value: crc });
        }
    }

    fn control(&mut self, world: &mut World, side: Side, opcode: u8, payload: &[u8], out: &mut Vec<u8>) {
        let masking_key = masking_key(world, side);
        self.frame(
            world,
            side,
            frame::Header { fin: true, compressed: false, opcode, masking_key },
            payload,
            out,
        );
    }

    fn frame(
        &mut self,
        world: &mut World,
        side: Side,
        header: frame::Header,
        payload: &[u8],
        out: &mut Vec<u8>,
    ) {
        let start = out.len();
        frame::write(out, header, payload);
        let frames = &mut world.expected.frames;
        frames.total += 1;
        let counter = match header.opcode {
            TEXT => &mut frames.text,
            BINARY => &mut frames.binary,
            CLOSE => &mut frames.close,
            PING => &mut frames.ping,
            PONG => &mut frames.pong,
            _ => &mut frames.continuation,
        };
        *counter += 1;
        world.expected.frame_payload_bytes.add(side, payload.len() as u64);
        if world.keeps_places {
            let lane = &mut self.lanes[side.index()];
            let place = lane.sent + start as u64..lane.sent + out.len() as u64;
            lane.ledger.frames.push(Placed { place, value: payload.len() as u64 });
        }
    }
}

/// What a message is sent as.
#[derive(Clone, Copy, Debug)]
struct Plan {
    opcode: u8,
    pieces: usize,
}

fn either(random: &mut Random) -> Side {
    if random.below(2) == 0 { Side::Client } else { Side::Server }
}

fn sometimes(random: &mut Random) -> Acknowledge {
    if random.below(2) == 0 { Acknowledge::AtEnd } else { Acknowledge::Later }
}

/// Clients mask, servers don't. RFC 6455 §5.1
fn masking_key(world: &mut World, side: Side) -> Option<[u8; 4]> {
    (side == Side::Client).then(|| world.random.bytes())
}

/// RFC 7692 §7.2.1: flushed, without the empty block at its end.
fn deflated(compress: &mut flate2::Compress, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len() + 64);
    let start = compress.total_in();
    loop {
        let taken = (compress.total_in() - start) as usize;
        // It can't fail: nothing but a finish before could bring that about.
        let _ = compress.compress_vec(&content[taken..], &mut out, FlushCompress::Sync);
        if out.len() < out.capacity() {
            break;
        }
        out.reserve(content.len().max(64));
    }
    out.truncate(out.len() - EMPTY_BLOCK.len());
    out
}

const EMPTY_BLOCK: [u8; 4] = [0, 0, 0xff, 0xff];

/// Less gains nothing.
const LEAST_COMPRESSED: usize = 64;

/// A fragment of a bulk message, and the smallest of them.
const PIECE: usize = 64 << 10;
/// The largest bulk message; no other needs as many bytes of noise.
pub(crate) const LARGEST: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_deflated_ends_in_an_empty_block_that_was_cut_off_and_inflates_with_it() {
        let mut compress = flate2::Compress::new(flate2::Compression::new(6), false);
        let mut inflate = flate2::Decompress::new(false);
        let mut random = Random::new(5);
        for _ in 0..200 {
            let content = body::document(&mut random, 1);
            let mut packed = deflated(&mut compress, &content);
            packed.extend(EMPTY_BLOCK);
            let mut plain = Vec::with_capacity(content.len() + 64);
            inflate.decompress_vec(&packed, &mut plain, flate2::FlushDecompress::Sync).unwrap();
            assert_eq!(plain, content);
        }
    }
}
