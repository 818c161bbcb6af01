use wspect::connection::Options;
use wspect::document::{Document, Extent};
use wspect::limits::Limits;
use wspect::packet::PacketRef;
use wspect::websocket::Message;

use super::feed::{Feed, pieces};

/// What client and server send after an opening handshake gives the same messages in whatever segments it travels.
pub fn conversation(bytes: &[u8]) {
    let mut feed = Feed(bytes);
    let (choice, seed) = (feed.byte(), feed.byte());
    let mut turns = vec![(CLIENT, REQUEST.to_vec()), (SERVER, ANSWERS[usize::from(choice % 3)].to_vec())];
    while !feed.is_empty() && turns.len() < MOST_TURNS {
        let head = feed.half();
        let said = feed.take(usize::from(head >> 1));
        turns.push((u8::from(head & 1 == 1), said.to_vec()));
    }
    let at_once = said(&turns, |said| vec![said.as_slice()]);
    let in_pieces = said(&turns, |said| pieces(said, seed));
    assert_eq!(at_once, in_pieces);
}

/// The messages of each side, without the packets that carried them.
fn said(turns: &[(u8, Vec<u8>)], cut: impl Fn(&Vec<u8>) -> Vec<&[u8]>) -> [Vec<Message>; 2] {
    let mut capture = Capture::new();
    for (side, said) in turns {
        // A capture whose packets are too large for IP is another matter.
        for part in cut(said).into_iter().flat_map(|part| part.chunks(60_000)) {
            capture.segment(*side, part);
        }
    }
    let limits = Limits { inflated: 1 << 20, ..Limits::default() };
    let options = Options { limits, ..Options::default() };
    let mut source =
        wspect::capture::from_reader("fuzz", std::io::Cursor::new(capture.file), &options.limits).unwrap();
    let document = Document::of(&mut source, &options, Extent::Whole).unwrap();
    let [connection] = &document.connections[..] else {
        panic!("{} connections", document.connections.len())
    };
    [wspect::packet::Side::Client, wspect::packet::Side::Server].map(|side| {
        let of_side = connection.messages.iter().filter(|message| message.sender == side);
        of_side.map(|timeline| unplaced(&timeline.message)).collect()
    })
}

fn unplaced(message: &Message) -> Message {
    let nowhere = PacketRef::default();
    Message { first: nowhere, last: nowhere, ..message.clone() }
}

/// A pcap of raw IPv4.
struct Capture {
    file: Vec<u8>,
    next: [u32; 2],
}

impl Capture {
    fn new() -> Self {
        let mut file = Vec::new();
        [0xa1b2_c3d4, 0x0002_0004, 0, 0, 1 << 18, 228]
            .iter()
            .for_each(|word: &u32| file.extend(word.to_be_bytes()));
        let mut capture = Self { file, next: [1000, 5000] };
        capture.packet(CLIENT, SYN, &[]);
        capture.next[0] += 1;
        capture.packet(SERVER, SYN | ACK, &[]);
        capture.next[1] += 1;
        capture
    }

    fn segment(&mut self, side: u8, payload: &[u8]) {
        self.packet(side, ACK, payload);
        let next = &mut self.next[usize::from(side)];
        *next = next.wrapping_add(u32::try_from(payload.len()).unwrap());
    }

    fn packet(&mut self, side: u8, flags: u8, payload: &[u8]) {
        let length = u16::try_from(40 + payload.len()).unwrap();
        let captured = u32::from(length).to_be_bytes();
        self.file.extend([[0; 4], [0; 4], captured, captured].concat());
        let (from, to) = (usize::from(side), 1 - usize::from(side));
        let [a, b] = length.to_be_bytes();
        let ack = if flags & ACK == 0 { 0 } else { self.next[to] };
        self.file.extend([0x45, 0, a, b, 0, 0, 0x40, 0, 64, 6, 0, 0]);
        self.file.extend([ADDRESSES[from], ADDRESSES[to]].concat());
        self.file.extend([PORTS[from], PORTS[to]].concat());
        self.file.extend(self.next[from].to_be_bytes());
        self.file.extend(ack.to_be_bytes());
        self.file.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        self.file.extend_from_slice(payload);
    }
}

const CLIENT: u8 = 0;
const SERVER: u8 = 1;
const SYN: u8 = 2;
const ACK: u8 = 16;
const ADDRESSES: [[u8; 4]; 2] = [[192, 0, 2, 1], [192, 0, 2, 2]];
const PORTS: [[u8; 2]; 2] = [[0xc0, 0], [0, 80]];
const MOST_TURNS: usize = 64;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n";

/// Without compression, with it, and with small windows and no takeover.
const ANSWERS: [&[u8]; 3] = [
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
    Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
    Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=9; server_max_window_bits=8; \
    server_no_context_takeover\r\n\r\n",
];
