//! What hostile captures cost at most, by a count of all allocations: `docs/limits.md` as a test.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may fail by panicking, and so may what it is made of"
)]

use std::collections::BTreeMap;
use std::iter;
use std::ops::ControlFlow;
use std::sync::{Mutex, PoisonError};

use flate2::{Compress, Compression, FlushCompress};
use peak_alloc::PeakAlloc;
use wspect::capture::{CaptureError, Position, Source};
use wspect::connection::Options;
use wspect::event::{Event, EventKind, Sink, Totals};
use wspect::limits::Limits;
use wspect::packet::{CaptureInfo, LinkType, Packet, PacketRef, Timestamp};
use wspect::pipeline;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// The count is of the process: one test at a time.
static ALONE: Mutex<()> = Mutex::new(());

const MIB: usize = 1 << 20;

/// What analysis takes beside what the limits bound: tables that grow by doubling, and what is said at a packet.
const ELSE: usize = 4 * MIB;

/// What a capture cost, and what was said.
struct Run {
    peak: usize,
    totals: Totals,
    said: Said,
}

/// The details of findings by their rules.
#[derive(Default)]
struct Said {
    findings: BTreeMap<&'static str, Vec<String>>,
    whole: u64,
}

impl Sink for Said {
    fn event(&mut self, event: Event) -> ControlFlow<()> {
        match event.kind {
            EventKind::Finding(finding) => {
                let details = self.findings.entry(finding.rule.name).or_default();
                if details.len() < 100 {
                    details.push(finding.detail);
                }
            }
            EventKind::Message(message) => self.whole += u64::from(!message.message.incomplete()),
            EventKind::Opened(_) | EventKind::Closed(_) => {}
        }
        ControlFlow::Continue(())
    }
}

impl Run {
    /// Has a limit to say that it was reached, in these words?
    fn reached(&self, words: &str) -> bool {
        let details = self.said.findings.get("limit-reached");
        details.is_some_and(|details| details.iter().any(|detail| detail.contains(words)))
    }

    #[track_caller]
    fn fits_in(&self, bytes: usize) {
        assert!(self.peak <= bytes, "{} bytes at most, {bytes} were promised", self.peak);
    }
}

fn run(limits: Limits, packets: impl Iterator<Item = Vec<u8>>) -> Run {
    run_with(&Options { limits, ..Options::default() }, packets)
}

fn run_with(options: &Options, packets: impl Iterator<Item = Vec<u8>>) -> Run {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    let mut source = Generated { packets, current: Vec::new(), number: 0 };
    let mut said = Said::default();
    let totals = pipeline::analyze(&mut source, options, &mut said).unwrap();
    Run { peak: ALLOCATOR.peak_usage() - before, totals, said }
}

/// Packets that are made as they are read, a microsecond after each other.
struct Generated<Packets> {
    packets: Packets,
    current: Vec<u8>,
    number: u64,
}

impl<Packets: Iterator<Item = Vec<u8>>> Source for Generated<Packets> {
    fn next_packet(&mut self) -> Result<Option<Packet<'_>>, CaptureError> {
        let Some(next) = self.packets.next() else { return Ok(None) };
        self.current = next;
        self.number += 1;
        let time = Timestamp::from_nanos(i64::try_from(self.number * 1000).unwrap());
        let at = PacketRef { number: self.number, time, file: 0 };
        let original_len = self.current.len();
        Ok(Some(Packet { at, link: LinkType(RAW), original_len, data: &self.current }))
    }

    fn inputs(&self) -> Vec<CaptureInfo> {
        Vec::new()
    }

    fn position(&self) -> Position {
        Position::default()
    }
}

/// LINKTYPE_RAW: an IP packet.
const RAW: u16 = 101;

const FIN: u8 = 1;
const SYN: u8 = 2;
const ACK: u8 = 16;

#[derive(Clone, Copy, PartialEq, Eq)]
enum From {
    Client,
    Server,
}

/// A TCP connection, by its number.
#[derive(Clone, Copy)]
struct Connection(u32);

impl Connection {
    fn packet(self, from: From, flags: u8, seq: u32, payload: &[u8]) -> Vec<u8> {
        let [_, a, b, c] = self.0.to_be_bytes();
        let (client, server) = ([10, a, b, c, 0xc0, 0x00], [192, 0, 2, 1, 0, 80]);
        let (src, dst) = if from == From::Client { (client, server) } else { (server, client) };
        let length = u16::try_from(40 + payload.len()).unwrap().to_be_bytes();
        let mut packet = vec![0x45, 0, length[0], length[1], 0, 0, 0, 0, 64, 6, 0, 0];
        packet.extend([&src[..4], &dst[..4], &src[4..], &dst[4..]].concat());
        packet.extend(seq.to_be_bytes());
        packet.extend([0, 0, 0, 0, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        packet.extend(payload);
        packet
    }

    fn syn(self) -> impl Iterator<Item = Vec<u8>> {
        let syn = self.packet(From::Client, SYN, u32::MAX, b"");
        [syn, self.packet(From::Server, SYN | ACK, u32::MAX, b"")].into_iter()
    }

    /// `bytes` behind the first `offset`, in segments.
    fn sends(self, from: From, offset: u32, bytes: Vec<u8>) -> impl Iterator<Item = Vec<u8>> {
        let segments = bytes.len().div_ceil(SEGMENT);
        (0..segments).map(move |place| {
            let at = place * SEGMENT;
            let bytes = &bytes[at..bytes.len().min(at + SEGMENT)];
            self.packet(from, ACK, offset + u32::try_from(at).unwrap(), bytes)
        })
    }

    /// The same bytes again and again.
    fn repeats(
        self,
        from: From,
        mut offset: u32,
        bytes: Vec<u8>,
        times: usize,
    ) -> impl Iterator<Item = Vec<u8>> {
        iter::repeat_with(move || {
            let packet = self.packet(from, ACK, offset, &bytes);
            offset += u32::try_from(bytes.len()).unwrap();
            packet
        })
        .take(times)
    }

    /// The opening handshake, and what the client sends then.
    fn chat(self, extensions: &str, sent: Vec<u8>) -> impl Iterator<Item = Vec<u8>> {
        let (request, answer) = handshake(extensions);
        let behind = u32::try_from(request.len()).unwrap();
        let asks = self.sends(From::Client, 0, request);
        let answers = self.sends(From::Server, 0, answer);
        self.syn().chain(asks).chain(answers).chain(self.sends(From::Client, behind, sent))
    }
}

const SEGMENT: usize = 1400;

fn handshake(extensions: &str) -> (Vec<u8>, Vec<u8>) {
    let extensions = if extensions.is_empty() {
        String::new()
    } else {
        format!("Sec-WebSocket-Extensions: {extensions}\r\n")
    };
    let upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\n";
    let request = format!(
        "GET / HTTP/1.1\r\nHost: h\r\n{upgrade}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{extensions}\r\n"
    );
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\n{upgrade}Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n{extensions}\r\n"
    );
    (request.into(), answer.into())
}

/// A masked frame with the key 1, 2, 3, 4.
fn frame(first: u8, length: u64, payload: &[u8]) -> Vec<u8> {
    let header = [&[first, 0xff][..], &length.to_be_bytes(), &[1, 2, 3, 4]].concat();
    let masked = payload.iter().zip([1, 2, 3, 4].into_iter().cycle()).map(|(byte, key)| byte ^ key);
    header.into_iter().chain(masked).collect()
}

#[test]
fn a_million_connections_that_only_send_a_syn_take_what_all_may_take() {
    let limits = Limits { memory: 64 * MIB, ..Limits::default() };
    let syn = |number| Connection(number).packet(From::Client, SYN, 0, b"");
    let run = run(limits.clone(), (0..1_000_000).map(syn));
    assert_eq!(run.totals.tcp_connections, 1_000_000);
    assert!(run.reached("--max-memory"));
    run.fits_in(limits.memory + ELSE);
}

#[test]
fn connections_are_followed_up_to_their_number() {
    let limits = Limits { flows: 1000, ..Limits::default() };
    let syn = |number| Connection(number).packet(From::Client, SYN, 0, b"");
    let run = run(limits, (0..20_000).map(syn));
    assert!(run.reached("--max-connections"));
    run.fits_in(4 * MIB);
}

#[test]
fn connections_that_have_ended_are_remembered_up_to_a_number() {
    let limits = Limits { lingering: 800, ..Limits::default() };
    let ends = |connection: Connection| {
        [From::Client, From::Server].map(|from| connection.packet(from, FIN | ACK, 0, b""))
    };
    let run = run(limits, (0..20_000).map(Connection).flat_map(|each| each.syn().chain(ends(each))));
    assert_eq!(run.totals.tcp_connections, 20_000);
    run.fits_in(2 * MIB);
}

#[test]
fn a_port_that_came_again_is_not_forgotten_with_those_that_have_ended() {
    let limits = Limits { lingering: 8, ..Limits::default() };
    let ends = |connection: Connection| {
        [From::Client, From::Server].map(|from| connection.packet(from, FIN | ACK, 0, b""))
    };
    let (again, (request, answer)) = (Connection(7), handshake(""));
    let behind = 1001 + u32::try_from(request.len()).unwrap();
    let mut syn_ack = again.packet(From::Server, SYN | ACK, 2000, b"");
    syn_ack[28..32].copy_from_slice(&1001_u32.to_be_bytes());
    let packets = again
        .syn()
        .chain(ends(again))
        .chain([again.packet(From::Client, SYN, 1000, b""), syn_ack])
        .chain(again.sends(From::Client, 1001, request))
        .chain(again.sends(From::Server, 2001, answer))
        .chain((100..2000).map(Connection).flat_map(|each| each.syn().chain(ends(each))))
        .chain(again.sends(From::Client, behind, frame(0x81, 5, b"later")));
    let run = run(limits, packets);
    assert_eq!((run.totals.websocket_connections, run.totals.messages), (1, 1));
    assert!(run.reached("lingering"));
}

#[test]
fn single_bytes_in_reverse_order_take_what_may_wait_on_a_connection() {
    let limits = Limits { early_bytes: MIB, ..Limits::default() };
    let connection = Connection(1);
    let reverse = (1..100_000).rev().map(|seq| connection.packet(From::Client, ACK, seq, b"x"));
    let run = run(limits.clone(), connection.syn().chain(reverse));
    run.fits_in(2 * limits.early_bytes);
}

#[test]
fn a_thousand_holes_on_many_connections_take_what_all_may_take() {
    let limits = Limits { memory: 8 * MIB, ..Limits::default() };
    let holes = |connection: Connection| {
        let segment = move |hole| connection.packet(From::Client, ACK, 1 + hole * 2000, &[b'x'; 1000]);
        connection.syn().chain((0..1000_u32).map(segment))
    };
    let run = run(limits.clone(), (0..40).map(Connection).flat_map(holes));
    assert!(run.reached("--max-memory"));
    run.fits_in(limits.memory + ELSE);
}

#[test]
fn what_a_filled_hole_releases_at_once_is_bounded_by_what_may_wait() {
    let limits = Limits { early_bytes: MIB / 4, ..Limits::default() };
    let chat = Connection(1);
    let answer = u32::try_from(handshake("").1.len()).unwrap();
    // Messages of the server: no frame is smaller than an empty one, and the next ones have a payload to keep.
    for (frame, most) in [(&[0x81, 0][..], 200), (&[0x82, 1, b'x'], 105)] {
        let early = chat.repeats(From::Server, answer + 2, frame.repeat(1400 / frame.len()), 100);
        let late = chat.packet(From::Server, ACK, answer, &[0x81, 0]);
        let run = run(limits.clone(), chat.chat("", Vec::new()).chain(early).chain([late]));
        assert_eq!(run.said.whole, 1 + 100 * (1400 / frame.len()) as u64);
        run.fits_in(limits.early_bytes * most);
    }
}

#[test]
fn what_a_filled_hole_inflates_to_at_once_is_cut_and_said() {
    let limits = Limits { early_bytes: MIB, released: 8 * MIB, payload: MIB, ..Limits::default() };
    let chat = Connection(1);
    let extension = "permessage-deflate; server_no_context_takeover";
    let answer = u32::try_from(handshake(extension).1.len()).unwrap();
    // A megabyte of zeros in a kilobyte.
    let payload = deflated(&vec![0; MIB]);
    let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
    let bomb = [&[0xc1, 126][..], &length, &payload].concat();
    let early = chat.repeats(From::Server, answer + 2, bomb, 600);
    let late = chat.packet(From::Server, ACK, answer, &[0x81, 0]);
    let run = run(limits.clone(), chat.chat(extension, Vec::new()).chain(early).chain([late]));
    assert_eq!(run.totals.messages, 601);
    assert!(run.reached("(released)"));
    run.fits_in(2 * limits.early_bytes + limits.released + 2 * limits.payload + ELSE);
}

#[test]
fn what_has_no_frames_is_searched_as_far_as_the_bound_and_counted() {
    let limits = Limits { search: MIB as u64 / 4, ..Limits::default() };
    let noise = |place: u32| place.wrapping_mul(0x9e37_79b9).to_be_bytes();
    let noise: Vec<u8> = (0..1 << 19).flat_map(noise).collect();
    // One whose beginning was not captured, and an answer that lost the length of its body.
    let (unknown, download) = (Connection(1), Connection(2));
    let request = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n".to_vec();
    let answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n".to_vec();
    let behind = u32::try_from(answer.len()).unwrap() + 1000;
    let packets = unknown.sends(From::Server, 7, noise.clone()).chain(download.syn());
    let packets = packets.chain(download.sends(From::Client, 0, request));
    let packets = packets.chain(download.sends(From::Server, 0, answer));
    let run = run(limits, packets.chain(download.sends(From::Server, behind, noise)));
    assert_eq!((run.totals.searched_in_vain, run.totals.websocket_connections), (2, 0));
    run.fits_in(MIB + ELSE);
}

#[test]
fn endless_headers_take_what_all_may_take() {
    let limits = Limits { memory: 4 * MIB, ..Limits::default() };
    let head = |connection: Connection| {
        let endless = iter::repeat_n(b"Name: value\r\n", 16_000).flatten().copied();
        let head: Vec<u8> = b"GET / HTTP/1.1\r\n".iter().copied().chain(endless).collect();
        connection.syn().chain(connection.sends(From::Client, 0, head))
    };
    let run = run(limits.clone(), (0..100).map(Connection).flat_map(head));
    assert!(run.reached("--max-memory"));
    run.fits_in(limits.memory + ELSE);
}

#[test]
fn heads_in_which_everything_is_odd_take_what_all_may_take() {
    let limits = Limits { memory: 4 * MIB, ..Limits::default() };
    let requests = |connection: Connection| {
        let odd = iter::repeat_n(b"( :\x01\xff\n", 2_040).flatten().copied();
        let head: Vec<u8> = b"GET / HTTP/1.1\r\n".iter().copied().chain(odd).chain(*b"\r\n").collect();
        connection.syn().chain(connection.sends(From::Client, 0, head.repeat(4)))
    };
    let run = run(limits.clone(), (0..100).map(Connection).flat_map(requests));
    assert!(run.reached("--max-memory"));
    run.fits_in(limits.memory + ELSE);
}

#[test]
fn requests_that_were_answered_leave_nothing_behind() {
    let limits = Limits { memory: 8 * MIB, ..Limits::default() };
    let pipelined = |connection: Connection| {
        let asks = connection.sends(From::Client, 0, b"GET / HTTP/1.1\r\n\r\n".repeat(400));
        let answers = connection.sends(From::Server, 0, b"HTTP/1.1 204 \r\n\r\n".repeat(400));
        connection.syn().chain(asks).chain(answers)
    };
    run(limits.clone(), (0..300).map(Connection).flat_map(pipelined)).fits_in(limits.memory + ELSE);
}

#[test]
fn handshakes_that_are_told_at_the_end_are_not_kept_twice() {
    let target = 200_000;
    let asks = |connection: Connection| {
        let target = "a".repeat(target);
        let request = format!("GET /{target} HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Key: a\r\n\r\n");
        connection.syn().chain(connection.sends(From::Client, 0, request.into()))
    };
    run(Limits::default(), (0..100).map(Connection).flat_map(asks)).fits_in(100 * target + 2 * ELSE);
}

#[test]
fn a_frame_of_an_endless_length_takes_what_is_kept_of_a_payload() {
    let limits = Limits { payload: MIB, ..Limits::default() };
    for length in [1 << 62, u64::MAX >> 1, u64::MAX] {
        let (chat, header) = (Connection(1), frame(0x82, length, b""));
        let behind = u32::try_from(handshake("").0.len() + header.len()).unwrap();
        let payload = chat.repeats(From::Client, behind, vec![0; SEGMENT], 2 * MIB / SEGMENT);
        let run = run(limits.clone(), chat.chat("", header).chain(payload));
        assert!(run.reached("--max-payload"), "{length}");
        // twice what is kept, while it grows
        run.fits_in(2 * limits.payload + MIB);
    }
}

#[test]
fn unfinished_messages_take_what_all_may_take() {
    let limits = Limits { memory: 8 * MIB, ..Limits::default() };
    let chats = (0..100)
        .map(Connection)
        .flat_map(|connection| connection.chat("", frame(0x02, 300_000, &[0; 200_000])));
    let run = run(limits.clone(), chats);
    assert!(run.reached("--max-memory"));
    run.fits_in(limits.memory + ELSE);
}

#[test]
fn a_message_of_endless_fragments_takes_what_is_kept_of_its_frames() {
    let limits = Limits { frames: 1000, ..Limits::default() };
    let fragment = [0, 0x80, 1, 2, 3, 4];
    let end = [0x80, 0x80, 1, 2, 3, 4];
    let sent = [&frame(0x02, 0, b"")[..], &fragment.repeat(20_000), &end].concat();
    let options = Options { limits, frames: true, ..Options::default() };
    let run = run_with(&options, Connection(1).chat("", sent));
    assert!(run.reached("(frames)"));
    run.fits_in(3 * MIB);
}

/// What 40,000 bytes are compressed to that don't come again within a window.
fn compressed() -> Vec<u8> {
    let plain: Vec<u8> = (0..10_000_u32).flat_map(|number| (number * number).to_be_bytes()).collect();
    deflated(&plain)
}

/// As permessage-deflate has it.
fn deflated(plain: &[u8]) -> Vec<u8> {
    let mut payload = Vec::with_capacity(2 * plain.len());
    let mut zlib = Compress::new(Compression::default(), false);
    zlib.compress_vec(plain, &mut payload, FlushCompress::Sync).unwrap();
    payload.truncate(payload.len() - 4);
    payload
}

#[test]
fn open_compressed_connections_take_a_window_each() {
    let limits = Limits { awake: 8, inflating: 8, ..Limits::default() };
    let message = compressed();
    let sent = frame(0xc2, message.len() as u64, &message);
    let connections = 300;
    let chats = (0..connections).map(Connection);
    let run = run(limits.clone(), chats.flat_map(|chat| chat.chat("permessage-deflate", sent.clone())));
    assert_eq!(run.said.whole, u64::from(connections));
    assert!(!run.said.findings.contains_key("limit-reached"));
    // 32 KiB of window and less than 8 of all else
    run.fits_in(connections as usize * (40 << 10) + limits.inflating * (256 << 10) + ELSE);
}

#[test]
fn open_compressed_connections_without_takeover_take_nothing_between_messages() {
    let limits = Limits { awake: 8, inflating: 8, ..Limits::default() };
    let message = compressed();
    let sent = frame(0xc2, message.len() as u64, &message);
    let extension = "permessage-deflate; client_no_context_takeover";
    let chats = (0..300).map(Connection);
    let run = run(limits.clone(), chats.flat_map(|chat| chat.chat(extension, sent.clone())));
    assert_eq!(run.said.whole, 300);
    run.fits_in(300 * (8 << 10) + limits.inflating * (256 << 10) + ELSE);
}

#[test]
fn windows_that_were_forgotten_are_told_and_what_follows_is_no_fault_of_the_sender() {
    let limits = Limits { awake: 8, inflating: 8, memory: 4 * MIB, ..Limits::default() };
    // length 3, distance 257, by fixed codes: it refers to the message before
    let refers = [0x02, 0x06, 0, 0];
    let message = compressed();
    let sent = frame(0xc2, message.len() as u64, &message);
    let behind = u32::try_from(handshake("permessage-deflate").0.len() + sent.len()).unwrap();
    let chats = || (0..300).map(Connection);
    let first = chats().flat_map(|chat| chat.chat("permessage-deflate", sent.clone()));
    let again = chats().flat_map(|chat| chat.sends(From::Client, behind, frame(0xc2, 4, &refers)));
    let run = run(limits.clone(), first.chain(again));
    assert!(run.reached("--max-memory"));
    assert!(run.said.findings.contains_key("deflate-missing-context"));
    assert!(!run.said.findings.contains_key("deflate-inflate-error"));
    run.fits_in(limits.memory + limits.inflating * (256 << 10) + ELSE);
}

#[test]
fn senders_that_break_their_agreement_are_followed_in_many_connections() {
    // length 3, distance 257, by fixed codes: it refers to the message before, beyond a window of 256 bytes
    let refers = [0x02, 0x06, 0, 0];
    let message = compressed();
    let sent = frame(0xc2, message.len() as u64, &message);
    let violations = [
        ("permessage-deflate; client_no_context_takeover", "deflate-context-violated"),
        ("permessage-deflate; client_max_window_bits=8", "deflate-window-exceeded"),
    ];
    for (extension, rule) in violations {
        let behind = u32::try_from(handshake(extension).0.len() + sent.len()).unwrap();
        let chats = || (0..60).map(Connection);
        let first = chats().flat_map(|chat| chat.chat(extension, sent.clone()));
        let again = chats().flat_map(|chat| chat.sends(From::Client, behind, frame(0xc2, 4, &refers)));
        let run = run(Limits::default(), first.chain(again));
        assert_eq!(run.said.whole, 120);
        assert!(run.said.findings[rule].len() >= 60);
        assert!(!run.said.findings.contains_key("deflate-inflate-error"));
    }
}

#[test]
fn open_fragments_keep_nothing_of_large_messages_before_them() {
    let limits = Limits { memory: 8 * MIB, ..Limits::default() };
    let large = frame(0x82, 4000, &[7; 4000]);
    let (begin, step) = (handshake("").0.len(), large.len());
    // The large ones of one connection come between the fragments of all others.
    let chats = (1..=3000).map(Connection).flat_map(|chat| chat.chat("", frame(0x02, 1, &[7])));
    let between = chats.enumerate().flat_map(|(place, packet)| {
        let behind = u32::try_from(begin + place * step).unwrap();
        iter::once(packet).chain(Connection(0).sends(From::Client, behind, large.clone()))
    });
    let run = run(limits.clone(), Connection(0).chat("", Vec::new()).chain(between));
    run.fits_in(limits.memory + ELSE);
}

#[test]
fn messages_half_inflated_take_what_all_may_take() {
    let limits = Limits { memory: 8 * MIB, ..Limits::default() };
    let message = compressed();
    let half = &message[..message.len() / 2];
    let sent = frame(0xc2, message.len() as u64, half);
    let chats = (0..300).map(Connection);
    let run = run(limits.clone(), chats.flat_map(|chat| chat.chat("permessage-deflate", sent.clone())));
    assert!(run.reached("--max-memory"));
    run.fits_in(limits.memory + ELSE);
}

#[test]
fn ip_fragments_without_end_take_what_is_kept_of_them() {
    let limits = Limits { fragment_bytes: MIB, ..Limits::default() };
    let fragment = |number: u32| {
        let mut packet = Connection(1).packet(From::Client, ACK, 0, &[0; 500]);
        packet[4..6].copy_from_slice(&number.to_be_bytes()[2..]);
        // more fragments follow
        packet[6] = 0x20;
        packet
    };
    let run = run(limits.clone(), (0..50_000).map(fragment));
    assert!(run.reached("fragment_bytes"));
    run.fits_in(2 * limits.fragment_bytes + ELSE);
}
