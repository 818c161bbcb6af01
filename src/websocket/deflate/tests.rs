//! Messages as senders compress them, read back.

use flate2::{Compress, FlushCompress};
use proptest::prelude::*;

use super::super::encoder::{TestFrame, any_cuts, pieces, wire};
use super::super::message::{AfterGap, KeptBy, MessageOptions, MessageReader, Step, Whole};
use super::super::resync::Confidence;
use super::super::{Message, Opcode, TextState};
use super::inflater::FINAL;
use super::stream::WINDOW;
use super::unit::TAIL;
use super::*;
use crate::packet::PacketRef;

const TAKEOVER: Compression =
    Compression { scope: Scope::Message, takeover: true, window_bits: 15, certain: true, limit: 1 << 30 };
const NO_TAKEOVER: Compression = Compression { takeover: false, ..TAKEOVER };
const UNSEEN: Compression = Compression { certain: false, ..TAKEOVER };
const PER_FRAME: Compression = Compression { scope: Scope::Frame, ..TAKEOVER };

const TEXT: &str = "a text that comes again";

/// One direction's compressor, as a sender has it.
struct Deflater {
    zlib: Compress,
    takeover: bool,
}

impl Deflater {
    fn new(compression: Compression) -> Self {
        let zlib = Compress::new(flate2::Compression::default(), false);
        Self { zlib, takeover: compression.takeover }
    }

    /// The payload of a compressed message.
    fn deflate(&mut self, plain: impl AsRef<[u8]>) -> Vec<u8> {
        if !self.takeover {
            self.zlib.reset();
        }
        let mut payload = self.run(plain.as_ref(), FlushCompress::Sync);
        // RFC 7692 §7.2.3.6: zlib flushes nothing twice
        if payload.is_empty() {
            return vec![0];
        }
        assert!(payload.ends_with(&TAIL));
        payload.truncate(payload.len() - TAIL.len());
        payload
    }

    /// The same ended with a final block, as some libraries do.
    fn deflate_finally(&mut self, plain: impl AsRef<[u8]>) -> Vec<u8> {
        let payload = self.run(plain.as_ref(), FlushCompress::Finish);
        self.zlib.reset();
        payload
    }

    fn run(&mut self, plain: &[u8], flush: FlushCompress) -> Vec<u8> {
        let mut payload = Vec::with_capacity(plain.len() + 1024);
        let before = self.zlib.total_in();
        self.zlib.compress_vec(plain, &mut payload, flush).unwrap();
        assert_eq!(self.zlib.total_in() - before, plain.len() as u64);
        payload
    }
}

fn reader(compression: Compression) -> MessageReader {
    reader_that_keeps(compression, 1 << 30)
}

fn reader_that_keeps(compression: Compression, keep_payload: usize) -> MessageReader {
    MessageReader::new(MessageOptions {
        keep_payload,
        kept_by: KeptBy::Limit,
        keep_frames: 0,
        compression: Some(compression),
    })
}

fn push(reader: &mut MessageReader, mut bytes: &[u8]) -> Vec<Message> {
    let steps = std::iter::from_fn(|| reader.next(&mut bytes, PacketRef::default()));
    let messages = steps.filter_map(|step| match step {
        Step::Message(message) | Step::Whole(Whole { message, .. }) => Some(*message),
        Step::Frame(_) => None,
    });
    messages.collect()
}

fn one(reader: &mut MessageReader, frame: TestFrame) -> Message {
    let [message] = push(reader, &frame.bytes()).try_into().unwrap();
    message
}

fn compressed(payload: impl AsRef<[u8]>) -> TestFrame {
    TestFrame::text(payload).rsv(4)
}

/// Reads a single compressed message.
fn read(compression: Compression, payload: impl AsRef<[u8]>) -> Message {
    one(&mut reader(compression), compressed(payload))
}

fn is_whole(message: &Message, text: &[u8]) {
    assert_eq!(message.payload, text);
    let expected = (text.len() as u64, Inflation::Whole, TextState::Valid);
    assert_eq!((message.length, message.inflation, message.text), expected);
    assert!(message.compressed && !message.undecoded && !message.incomplete() && !message.truncated);
}

/// Each byte is right, or said to be unknown; the length is right.
fn is_right_where_known(message: &Message, text: &[u8]) {
    assert!(message.compressed && !message.undecoded);
    assert_eq!((message.inflation, message.length), (Inflation::Whole, text.len() as u64));
    let unknown = message.unknown.as_deref().cloned().unwrap_or_default();
    let is_unknown = |place: usize| unknown.ranges.iter().any(|range| range.contains(&(place as u64)));
    for (place, (byte, sent)) in message.payload.iter().zip(text).enumerate() {
        let expected = if is_unknown(place) { SUBSTITUTE } else { *sent };
        assert_eq!(*byte, expected, "byte {place} of {message:?}");
    }
    assert!(unknown.ranges.iter().map(|range| range.end - range.start).sum::<u64>() >= unknown.bytes);
    assert_eq!(message.incomplete(), unknown.bytes > 0);
    assert_eq!(message.text == TextState::Valid, unknown.bytes == 0 && message.opcode == Opcode::TEXT);
}

fn final_block(message: &Message) -> bool {
    message.oddities.as_ref().is_some_and(|odd| odd.final_block)
}

/// Bytes that do not compress.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let byte = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    std::iter::repeat_with(byte).take(length).collect()
}

#[test]
fn the_examples_of_the_rfc_are_hello() {
    // RFC 7692 §7.2.3.1 to §7.2.3.5
    let mut reader = reader(TAKEOVER);
    let mut hello = |payload: &[u8]| is_whole(&one(&mut reader, compressed(payload)), b"Hello");
    hello(&[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]);
    hello(&[0xf2, 0x00, 0x11, 0x00, 0x00]);
    hello(&[0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00]);
    hello(&[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00]);
    hello(&[0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00]);
}

#[test]
fn an_empty_message_is_one_byte() {
    // RFC 7692 §7.2.3.6
    for compression in [TAKEOVER, NO_TAKEOVER, UNSEEN] {
        is_whole(&read(compression, [0]), b"");
    }
}

#[test]
fn a_message_refers_to_those_before_it_over_plain_ones() {
    let mut deflater = Deflater::new(TAKEOVER);
    let mut reader = reader(TAKEOVER);
    let text = "the same text again and again";
    let first = deflater.deflate(text);
    is_whole(&one(&mut reader, compressed(&first)), text.as_bytes());
    assert_eq!(one(&mut reader, TestFrame::text("in between")).payload, b"in between");
    let again = deflater.deflate(text);
    assert!(again.len() < first.len() / 2);
    is_whole(&one(&mut reader, compressed(again).masked([1, 2, 3, 4])), text.as_bytes());
}

#[test]
fn without_takeover_each_message_stands_alone() {
    let mut deflater = Deflater::new(NO_TAKEOVER);
    let mut reader = reader(NO_TAKEOVER);
    for _ in 0..3 {
        is_whole(&one(&mut reader, compressed(deflater.deflate("again again"))), b"again again");
    }
}

#[test]
fn a_context_taken_over_against_the_agreement_is_noted_once_and_followed() {
    let mut deflater = Deflater::new(TAKEOVER);
    let mut reader = reader(NO_TAKEOVER);
    let text = format!("before {TEXT}");
    is_whole(&one(&mut reader, compressed(deflater.deflate(TEXT))), TEXT.as_bytes());
    let payload = deflater.deflate(&text);
    let message = one(&mut reader, compressed(&payload));
    is_whole(&message, text.as_bytes());
    let offset = message.oddities.unwrap().takes_context.unwrap();
    assert!((6..payload.len() as u64).contains(&offset), "{offset}");
    for _ in 0..2 {
        let message = one(&mut reader, compressed(deflater.deflate(&text)));
        is_whole(&message, text.as_bytes());
        assert_eq!(message.oddities, None);
    }
}

#[test]
fn faulty_data_are_no_context_taken_over() {
    let mut deflater = Deflater::new(NO_TAKEOVER);
    let mut reader = reader(NO_TAKEOVER);
    is_whole(&one(&mut reader, compressed(deflater.deflate(TEXT))), TEXT.as_bytes());
    // a reference 32768 bytes back, by fixed codes
    let message = one(&mut reader, compressed([0x02, 0x7d, 0xff, 0xff, 0x00]));
    assert!(matches!(message.inflation, Inflation::Failed { .. }), "{message:?}");
    assert_eq!(message.oddities, None);
    is_whole(&one(&mut reader, compressed(deflater.deflate(TEXT))), TEXT.as_bytes());
}

#[test]
fn a_reference_beyond_the_agreed_window_is_noted_and_followed() {
    let compression = Compression { window_bits: 9, ..TAKEOVER };
    let mut deflater = Deflater::new(TAKEOVER);
    let mut reader = reader(compression);
    let once = noise(600);
    for distance in [None, Some(600)] {
        let frame = TestFrame::binary(deflater.deflate(&once)).rsv(4).masked([1, 2, 3, 4]);
        let message = one(&mut reader, frame);
        assert_eq!((message.inflation, &message.payload), (Inflation::Whole, &once));
        let found = message.oddities.map(|odd| odd.beyond_window.unwrap().distance);
        assert_eq!(found, distance);
    }
}

#[test]
fn savings_are_what_whole_messages_inflate_to() {
    let mut deflater = Deflater::new(TAKEOVER);
    let mut reader = reader(TAKEOVER);
    let payload = deflater.deflate(TEXT);
    push(&mut reader, &wire(&[compressed(&payload), TestFrame::text("plain"), compressed([0xff; 9])]));
    let expected = Savings {
        data_messages: 3,
        compressed: 2,
        compressed_bytes: payload.len() as u64,
        inflated_bytes: TEXT.len() as u64,
    };
    assert_eq!(reader.savings(), Some(expected));
}

#[test]
fn fragments_are_one_stream_with_control_frames_between() {
    let payload = Deflater::new(TAKEOVER).deflate("fragmented text");
    let (start, end) = payload.split_at(4);
    let frames = [
        compressed(start).more().masked([7; 4]),
        TestFrame::new(Opcode::PING, "ping"),
        TestFrame::continuation("").more(),
        TestFrame::continuation(end).more().masked([9, 8, 7, 6]),
        TestFrame::continuation(""),
    ];
    let [ping, message] = push(&mut reader(TAKEOVER), &wire(&frames)).try_into().unwrap();
    assert_eq!((ping.payload.as_slice(), ping.inflation), (b"ping".as_slice(), Inflation::NotCompressed));
    is_whole(&message, b"fragmented text");
}

#[test]
fn a_text_is_judged_as_its_sender_wrote_it() {
    let state = |text: &[u8]| read(TAKEOVER, Deflater::new(TAKEOVER).deflate(text)).text;
    assert_eq!(state("柳州".as_bytes()), TextState::Valid);
    assert_eq!(state(b"ab\xff"), TextState::Invalid { offset: 2 });
    assert_eq!(state(b"ab\xe6\x9f"), TextState::CutCodePoint { offset: 2 });
}

#[test]
fn the_next_block_and_message_refer_over_a_final_block() {
    let text = noise(40_000);
    let mut reader = reader(TAKEOVER);
    // The sender's window survives its final blocks: what follows is compressed with it as dictionary.
    let mut payload = Deflater::new(TAKEOVER).deflate_finally(&text);
    let mut deflater = Deflater::new(TAKEOVER);
    deflater.zlib.set_dictionary(&text[text.len() - WINDOW..]).unwrap();
    let second = deflater.deflate(&text[20_000..]);
    assert!(second.len() < 1000);
    payload.extend(second);
    let message = one(&mut reader, compressed(payload));
    assert!(final_block(&message));
    assert_eq!(message.inflation, Inflation::Whole);
    assert_eq!(message.payload, [&text[..], &text[20_000..]].concat());
    let third = deflater.deflate(&text[30_000..]);
    assert!(third.len() < 1000);
    assert_eq!(one(&mut reader, compressed(third)).payload, text[30_000..]);
}

#[test]
fn a_message_may_end_with_a_final_block() {
    for compression in [TAKEOVER, NO_TAKEOVER, UNSEEN] {
        let mut deflater = Deflater::new(NO_TAKEOVER);
        let mut reader = reader(compression);
        let finished = deflater.deflate_finally("final");
        let empty_block: Vec<u8> =
            [deflater.run(b"final", FlushCompress::Sync), FINAL[..1].to_vec()].concat();
        for payload in [finished.clone(), [finished, vec![0]].concat(), empty_block] {
            let message = one(&mut reader, compressed(&payload));
            is_whole(&message, b"final");
            assert!(final_block(&message));
            is_whole(&one(&mut reader, compressed(Deflater::new(NO_TAKEOVER).deflate("next"))), b"next");
        }
    }
}

#[test]
fn what_follows_a_final_block_and_is_no_block_is_dropped() {
    for compression in [TAKEOVER, NO_TAKEOVER] {
        let mut reader = reader(compression);
        let mut payload = Deflater::new(TAKEOVER).deflate_finally("text");
        let offset = payload.len() as u64;
        payload.extend([0x06, 0x2d, 0x01, 0x78]);
        let message = one(&mut reader, compressed(payload));
        assert_eq!(
            (message.inflation, message.payload.as_slice()),
            (Inflation::Trailing { offset }, &b"text"[..])
        );
        is_whole(&one(&mut reader, compressed(Deflater::new(TAKEOVER).deflate("next"))), b"next");
    }
}

#[test]
fn a_tail_that_was_not_removed_spoils_nothing() {
    for compression in [TAKEOVER, NO_TAKEOVER, UNSEEN] {
        let mut deflater = Deflater::new(compression);
        let mut reader = reader(compression);
        for _ in 0..2 {
            let payload = [deflater.deflate("with its tail"), TAIL.to_vec()].concat();
            let message = one(&mut reader, compressed(payload));
            assert_eq!(message.inflation, Inflation::TailKept, "{compression:?}");
            assert_eq!((message.payload.as_slice(), message.text), (&b"with its tail"[..], TextState::Valid));
        }
        is_whole(&one(&mut reader, compressed(deflater.deflate("next"))), b"next");
    }
}

#[test]
fn a_message_that_ends_inside_a_block_is_known_where_no_context_is_taken_over() {
    let payload = Deflater::new(NO_TAKEOVER).deflate(noise(500));
    let mut reader = reader(NO_TAKEOVER);
    let message = one(&mut reader, compressed(&payload[..400]));
    assert_eq!(message.inflation, Inflation::TailMissing);
    assert_eq!(message.payload[..300], noise(300));
    is_whole(&one(&mut reader, compressed(Deflater::new(NO_TAKEOVER).deflate("next"))), b"next");
}

#[test]
fn a_message_that_was_not_flushed_is_known_where_its_last_byte_tells() {
    for cut in 300..480 {
        let mut deflater = Deflater::new(TAKEOVER);
        let payload = deflater.deflate(noise(500));
        if payload[cut - 1] >= 0x20 {
            let mut reader = reader(TAKEOVER);
            let message = one(&mut reader, compressed(&payload[..cut]));
            assert_eq!(message.inflation, Inflation::TailMissing, "{cut}");
            assert!(message.incomplete());
            is_right_where_known(&one(&mut reader, compressed(deflater.deflate(noise(500)))), &noise(500));
        }
    }
}

#[test]
fn an_empty_payload_is_an_empty_message_without_its_block() {
    let mut deflater = Deflater::new(TAKEOVER);
    let mut reader = reader(TAKEOVER);
    is_whole(&one(&mut reader, compressed(deflater.deflate("before"))), b"before");
    let message = one(&mut reader, compressed(""));
    assert_eq!((message.inflation, message.length), (Inflation::TailMissing, 0));
    is_whole(&one(&mut reader, compressed(deflater.deflate("before"))), b"before");
}

#[test]
fn a_faulty_message_is_kept_up_to_the_fault_and_spoils_the_window() {
    let mut deflater = Deflater::new(TAKEOVER);
    let mut reader = reader(TAKEOVER);
    let mut payload = deflater.deflate(TEXT);
    let fault = payload.len() as u64;
    payload.extend([0xff; 10]);
    let message = one(&mut reader, compressed(payload));
    let Inflation::Failed { offset } = message.inflation else { panic!("{message:?}") };
    assert!((fault..=fault + 8).contains(&offset), "{offset}");
    assert_eq!((message.payload.as_slice(), message.length), (TEXT.as_bytes(), TEXT.len() as u64));
    assert!(message.incomplete() && !message.undecoded);

    let message = one(&mut reader, compressed(deflater.deflate(TEXT)));
    is_right_where_known(&message, TEXT.as_bytes());
    assert!(message.unknown_bytes() > 20);

    let message = one(&mut reader, compressed([0xff; 10]));
    assert!(
        matches!(message.inflation, Inflation::Failed { offset: 0..=10 }),
        "no history explains a block of type 3"
    );
    assert_eq!((message.length, message.undecoded), (0, false));
}

#[test]
fn behind_a_hole_messages_are_right_where_they_are_known() {
    let mut deflater = Deflater::new(TAKEOVER);
    let mut reader = reader(TAKEOVER);
    let [first, again] = [(); 2].map(|()| deflater.deflate(TEXT));
    let alone = deflater.deflate([0x80, 0x81]);
    let bytes = compressed(&first).bytes();
    push(&mut reader, &bytes[..2 + first.len() / 2]);
    assert_eq!(reader.gap(2), AfterGap::Continues);
    let [holed] = push(&mut reader, &bytes[4 + first.len() / 2..]).try_into().unwrap();
    assert_eq!((holed.inflation, holed.missing_bytes), (Inflation::Cut, 2));
    assert!(TEXT.as_bytes().starts_with(&holed.payload) && !holed.payload.is_empty());
    assert_eq!((holed.length, holed.first_missing), (holed.payload.len() as u64, Some(holed.length)));
    assert!(holed.incomplete() && !holed.undecoded);

    let copied = one(&mut reader, compressed(&again));
    is_right_where_known(&copied, TEXT.as_bytes());
    assert!(copied.unknown_bytes() > 20);
    let decoded = one(&mut reader, TestFrame::binary(alone).rsv(4));
    assert_eq!((decoded.inflation, decoded.payload.as_slice()), (Inflation::Whole, &[0x80, 0x81][..]));
}

#[test]
fn a_hole_spoils_only_one_message_where_no_context_is_taken_over() {
    let mut deflater = Deflater::new(NO_TAKEOVER);
    let mut reader = reader(NO_TAKEOVER);
    let payload = deflater.deflate("holed");
    push(&mut reader, &compressed(&payload).bytes()[..4]);
    reader.gap(1);
    let [holed] = push(&mut reader, &compressed(&payload).bytes()[5..]).try_into().unwrap();
    assert_eq!((holed.inflation, holed.missing_bytes), (Inflation::Cut, 1));
    is_whole(&one(&mut reader, compressed(deflater.deflate("next"))), b"next");
}

#[test]
fn a_full_window_behind_a_hole_is_all_that_a_message_can_refer_to() {
    let mut reader = reader(TAKEOVER);
    reader.resume(Confidence(24));
    let mut deflater = Deflater::new(TAKEOVER);
    deflater.deflate("unseen");
    let text = noise(WINDOW);
    assert_eq!(one(&mut reader, compressed(deflater.deflate(&text))).payload, text);
    let faulty = one(&mut reader, compressed([0xff; 10]));
    assert!(
        matches!(faulty.inflation, Inflation::Failed { .. }),
        "the sender's fault, not that of the capture"
    );
}

#[test]
fn a_message_cut_by_the_next_one_is_inflated_as_far_as_it_came() {
    let mut deflater = Deflater::new(NO_TAKEOVER);
    let payload = deflater.deflate("never finished");
    let frames = [compressed(&payload[..8]).more(), compressed(deflater.deflate("next"))];
    let [cut, next] = push(&mut reader(NO_TAKEOVER), &wire(&frames)).try_into().unwrap();
    assert_eq!((cut.inflation, cut.unfinished), (Inflation::Cut, true));
    assert!(b"never finished".starts_with(&cut.payload) && !cut.payload.is_empty());
    is_whole(&next, b"next");
}

#[test]
fn without_a_handshake_messages_are_right_where_they_are_known() {
    let mut deflater = Deflater::new(TAKEOVER);
    let mut reader = reader(UNSEEN);
    is_whole(&one(&mut reader, compressed(deflater.deflate("seen from the first"))), b"seen from the first");
    is_whole(
        &one(&mut reader, compressed(deflater.deflate("seen from the second"))),
        b"seen from the second",
    );
    let message = read(UNSEEN, deflater.deflate("seen from the third"));
    is_right_where_known(&message, b"seen from the third");
    assert_eq!(message.payload, b"\x1a\x1a\x1a\x1a\x1a\x1a\x1a\x1a\x1a\x1a\x1a\x1a\x1a\x1athird");
}

#[test]
fn frames_compressed_one_by_one_are_joined_with_plain_ones() {
    let mut deflater = Deflater::new(PER_FRAME);
    let mut reader = reader(PER_FRAME);
    let frames = [
        TestFrame::text("plain, ").more(),
        TestFrame::continuation(deflater.deflate("compressed, ")).rsv(4).more(),
        TestFrame::continuation("plain, ").more(),
        TestFrame::continuation(deflater.deflate("compressed")).rsv(4).masked([1; 4]),
        compressed(deflater.deflate("compressed")),
    ];
    let [joined, single] = push(&mut reader, &wire(&frames)).try_into().unwrap();
    is_whole(&joined, b"plain, compressed, plain, compressed");
    is_whole(&single, b"compressed");
    let [cut] = {
        push(&mut reader, &compressed(deflater.deflate("never whole")).bytes()[..6]);
        reader.finish().try_into().unwrap()
    };
    assert_eq!((cut.inflation, cut.unfinished), (Inflation::Cut, true));
}

#[test]
fn what_is_not_kept_is_counted_judged_and_referred_to() {
    let text = "0123456789".repeat(10_000);
    for keep in [0, 1, 100] {
        let mut deflater = Deflater::new(TAKEOVER);
        let mut reader = reader_that_keeps(TAKEOVER, keep);
        for _ in 0..2 {
            let message = one(&mut reader, compressed(deflater.deflate(&text)));
            assert_eq!((message.length, message.text), (100_000, TextState::Valid));
            assert_eq!((message.payload.as_slice(), message.truncated), (&text.as_bytes()[..keep], true));
        }
        let message = one(&mut reader, compressed(deflater.deflate([&text, "\u{fffd}"].concat().as_bytes())));
        assert_eq!((message.length, message.text), (100_003, TextState::Valid));
    }
}

#[test]
fn a_bomb_is_inflated_up_to_the_limit() {
    for takeover in [true, false] {
        let compression = Compression { takeover, limit: 100_000, ..TAKEOVER };
        let mut deflater = Deflater::new(compression);
        let mut reader = reader(compression);
        let message = one(&mut reader, compressed(deflater.deflate(vec![b'a'; 100_001])));
        assert_eq!((message.inflation, message.length), (Inflation::LimitReached, 100_000));
        assert_eq!((message.payload.len(), message.truncated), (100_000, true));
        let next = one(&mut reader, compressed(deflater.deflate(vec![b'a'; 100_000])));
        assert_eq!((next.inflation, next.length), (Inflation::Whole, 100_000));
        assert_eq!(next.unknown.is_some(), takeover);
    }
}

/// What a sender does with a message.
#[derive(Clone, Debug)]
struct Sent {
    plain: Vec<u8>,
    coded: bool,
    /// Sizes of its fragments.
    cuts: Vec<usize>,
    masked: bool,
}

fn any_sent() -> impl Strategy<Value = Sent> {
    let plain = prop_oneof![
        4 => "[a-c]{0,60}".prop_map(String::into_bytes),
        2 => prop::collection::vec(any::<u8>(), 0..300),
        1 => (0_usize..80_000, 0_u8..3).prop_map(|(length, byte)| vec![byte; length]),
        1 => (0_usize..50_000).prop_map(noise),
    ];
    (plain, prop::bool::weighted(0.7), any_cuts(), any::<bool>())
        .prop_map(|(plain, coded, cuts, masked)| Sent { plain, coded, cuts, masked })
}

/// At most four fragments of a payload.
fn fragments(payload: &[u8], sent: &Sent) -> Vec<TestFrame> {
    let mut rest = payload;
    let mut frames = Vec::new();
    for (place, size) in sent.cuts.iter().take(3).enumerate() {
        let (fragment, after) = rest.split_at((*size).min(rest.len()));
        rest = after;
        frames.push(TestFrame::new(Opcode(if place == 0 { 2 } else { 0 }), fragment).more());
    }
    frames.push(TestFrame::new(Opcode(if frames.is_empty() { 2 } else { 0 }), rest));
    if sent.coded {
        frames[0].rsv = 4;
    }
    let masked = |frame: TestFrame| if sent.masked { frame.masked([0x12, 0xfe, 0x00, 0x77]) } else { frame };
    frames.into_iter().map(masked).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::default())]

    #[test]
    fn any_messages_in_any_segments_come_out_as_they_were_sent(
        sent in prop::collection::vec(any_sent(), 0..8),
        cuts in any_cuts(),
        compression in prop::sample::select(vec![TAKEOVER, NO_TAKEOVER, UNSEEN]),
        keep in prop_oneof![Just(usize::MAX), 0_usize..200],
    ) {
        let mut deflater = Deflater::new(compression);
        let mut bytes = Vec::new();
        for each in &sent {
            let payload = if each.coded { deflater.deflate(&each.plain) } else { each.plain.clone() };
            bytes.extend(wire(&fragments(&payload, each)));
        }
        let mut reader = reader_that_keeps(compression, keep);
        let messages: Vec<_> = pieces(&bytes, &cuts).flat_map(|piece| push(&mut reader, piece)).collect();
        prop_assert_eq!(messages.len(), sent.len());
        for (message, each) in messages.iter().zip(&sent) {
            let kept = each.plain.get(..keep).unwrap_or(&each.plain);
            prop_assert_eq!(&message.payload, kept);
            prop_assert_eq!((message.length, message.compressed), (each.plain.len() as u64, each.coded));
            let expected = if each.coded { Inflation::Whole } else { Inflation::NotCompressed };
            prop_assert_eq!((message.inflation, message.undecoded), (expected, false));
            prop_assert_eq!(message.truncated, kept.len() < each.plain.len());
        }
    }

    #[test]
    fn spoilt_data_give_the_same_in_any_segments(
        sent in prop::collection::vec((any_sent(), any::<bool>()), 1..5),
        spoilt in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cuts in any_cuts(),
        compression in prop::sample::select(vec![TAKEOVER, NO_TAKEOVER, UNSEEN, PER_FRAME]),
        limit in prop_oneof![Just(1_u64 << 30), 0_u64..70_000],
    ) {
        let mut deflater = Deflater::new(compression);
        let mut bytes = Vec::new();
        for (each, finally) in &sent {
            let deflate = if *finally { Deflater::deflate_finally } else { Deflater::deflate };
            let mut payload = if each.coded { deflate(&mut deflater, &each.plain) } else { each.plain.clone() };
            let spoilt = if payload.is_empty() { &[] } else { spoilt.as_slice() };
            for (place, byte) in spoilt {
                *place.get_mut(&mut payload) = *byte;
            }
            bytes.extend(wire(&fragments(&payload, each)));
        }
        let compression = Compression { limit, ..compression };
        let (mut whole, mut cut) = (reader(compression), reader(compression));
        let expected = push(&mut whole, &bytes);
        let found: Vec<_> = pieces(&bytes, &cuts).flat_map(|piece| push(&mut cut, piece)).collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn sleep_between_messages_changes_nothing(
        sent in prop::collection::vec((any_sent(), any::<bool>(), any::<bool>()), 1..12),
        compression in prop::sample::select(vec![TAKEOVER, UNSEEN]),
        missed in 0_usize..3,
    ) {
        let mut deflater = Deflater::new(compression);
        let (mut awake, mut asleep) = (reader(compression), reader(compression));
        for (place, (each, finally, sleeps)) in sent.iter().enumerate() {
            let deflate = if *finally { Deflater::deflate_finally } else { Deflater::deflate };
            let payload = if each.coded { deflate(&mut deflater, &each.plain) } else { each.plain.clone() };
            if !compression.certain && place < missed {
                continue;
            }
            for piece in pieces(&wire(&fragments(&payload, each)), &each.cuts) {
                prop_assert_eq!(push(&mut asleep, piece), push(&mut awake, piece));
                if *sleeps {
                    asleep.sleep();
                }
            }
        }
    }

    #[test]
    fn behind_lost_messages_and_holes_each_byte_is_right_or_unknown(
        sent in prop::collection::vec(("[a-dä柳]{0,60}", 0_u8..4), 2..30),
        window_bits in prop::sample::select(vec![8_u8, 15]),
        plain_every in 1_usize..9,
    ) {
        let compression = Compression { window_bits, ..TAKEOVER };
        let mut deflater = Deflater::new(compression);
        let mut reader = reader(compression);
        for (place, (text, fate)) in sent.iter().enumerate() {
            if place % plain_every == 8 {
                prop_assert_eq!(&one(&mut reader, TestFrame::text(text)).payload, text.as_bytes());
                continue;
            }
            let payload = deflater.deflate(text);
            let frame = compressed(&payload).bytes();
            match fate {
                0 if place > 0 => {
                    reader.gap(frame.len() as u64);
                    reader.resume(Confidence(40));
                }
                1 if payload.len() > 4 => {
                    push(&mut reader, &frame[..4]);
                    reader.gap(1);
                    let [holed] = push(&mut reader, &frame[5..]).try_into().unwrap();
                    prop_assert_eq!((holed.inflation, holed.missing_bytes), (Inflation::Cut, 1));
                    let known = holed.payload.iter().zip(text.as_bytes());
                    prop_assert!(known.into_iter().all(|(byte, sent)| byte == sent || *byte == SUBSTITUTE));
                }
                _ => is_right_where_known(&one(&mut reader, compressed(&payload)), text.as_bytes()),
            }
        }
    }

    #[test]
    fn what_is_unknown_is_the_same_in_any_segments(
        sent in prop::collection::vec(any_sent(), 1..6),
        lost in 1_usize..4,
        cuts in any_cuts(),
    ) {
        let mut deflater = Deflater::new(TAKEOVER);
        let mut bytes = Vec::new();
        for (place, each) in sent.iter().enumerate() {
            let payload = if each.coded { deflater.deflate(&each.plain) } else { each.plain.clone() };
            if place >= lost {
                bytes.extend(wire(&fragments(&payload, each)));
            }
        }
        let (mut whole, mut cut) = (reader(UNSEEN), reader(UNSEEN));
        let expected = push(&mut whole, &bytes);
        let found: Vec<_> = pieces(&bytes, &cuts).flat_map(|piece| push(&mut cut, piece)).collect();
        prop_assert_eq!(&found, &expected);
        for (message, each) in found.iter().zip(&sent[lost.min(sent.len())..]).filter(|pair| pair.1.coded) {
            is_right_where_known(message, &each.plain);
        }
    }
}

/// A chat in JSON: names, numbers and words that come again and again, as in any application.
fn chatter(messages: usize) -> Vec<String> {
    const NAMES: [&str; 8] = ["alice", "bob", "chidi", "dorota", "emre", "fatima", "goran", "hui"];
    const WORDS: [&str; 32] = [
        "the", "meeting", "is", "at", "noon", "can", "you", "send", "me", "that", "file", "again", "please",
        "thanks", "I", "will", "look", "into", "it", "tomorrow", "maybe", "not", "sure", "yet", "build",
        "failed", "on", "main", "rolled", "back", "deploy", "done",
    ];
    let numbers: Vec<usize> = noise(messages * 24).into_iter().map(usize::from).collect();
    let message = |(id, numbers): (usize, &[usize])| {
        let words: Vec<_> = numbers[4..5 + numbers[3] % 20].iter().map(|number| WORDS[number % 32]).collect();
        let (user, room, seconds) = (NAMES[numbers[0] % 8], numbers[1] % 5, id * 7 + numbers[2] % 7);
        format!(
            r#"{{"type":"message","id":{},"room":"room-{room}","user":{{"name":"{user}","id":{}}},"time":"2024-05-01T12:{:02}:{:02}Z","text":"{}"}}"#,
            100_000 + id,
            4000 + numbers[0] % 8,
            seconds / 60 % 60,
            seconds % 60,
            words.join(" ")
        )
    };
    numbers.chunks(24).enumerate().map(message).collect()
}

/// Of what follows a loss: how many percent of the bytes are known, up to each of these amounts of text.
fn recovery(lost: std::ops::Range<usize>, amounts: &[u64]) -> Vec<u64> {
    let sent = chatter(4000);
    let mut deflater = Deflater::new(TAKEOVER);
    let mut reader = reader(if lost.start == 0 { UNSEEN } else { TAKEOVER });
    let (mut length, mut unknown) = (0, 0);
    let mut shares = Vec::new();
    for (place, text) in sent.iter().enumerate() {
        let payload = deflater.deflate(text);
        if lost.contains(&place) {
            reader.gap(payload.len() as u64);
            reader.resume(Confidence(40));
            continue;
        }
        let message = one(&mut reader, compressed(&payload));
        is_right_where_known(&message, text.as_bytes());
        if place >= lost.end {
            (length, unknown) = (length + message.length, unknown + message.unknown_bytes());
        }
        if amounts.get(shares.len()).is_some_and(|amount| length >= *amount) {
            shares.push(100 - unknown * 100 / length);
        }
    }
    shares
}

#[test]
fn a_chat_becomes_known_again_as_its_words_come_again() {
    let amounts = [4 << 10, 32 << 10, 128 << 10, 512 << 10];
    println!("known of the first 4, 32, 128, 512 KiB of text, in percent:");
    for (name, lost) in [
        ("mid-stream, 500 messages lost", 0..500),
        ("mid-stream, 10 messages lost", 0..10),
        ("a hole of one message behind 500", 500..501),
        ("a hole of one message behind 10", 10..11),
    ] {
        println!("  {name}: {:?}", recovery(lost, &amounts));
    }
}
