//! Bytes of one direction → its frames and messages (RFC 6455 §5.4).

mod memory;
mod waiting;
mod whole;

use std::{iter, mem};

use waiting::{Packets, Waiting};
pub use whole::{Glance, Whole};

use super::decoder::{FrameDecoder, Piece, Skipped};
use super::deflate::{Compression, Inflater, Savings};
use super::frame::frame_header;
use super::open_message::{OpenFrame, OpenMessage, OpenMessages};
use super::resync::Confidence;
use super::{FrameHeader, Message, Opcode};
use crate::packet::PacketRef;

/// Joins the frames of one direction to messages. It reads on whatever the frames are:
///
/// - a control frame is a message by itself, also a fragmented one, and never disturbs a fragmented message;
///   reserved control opcodes (11 to 15) are the same;
/// - reserved data opcodes (3 to 7) begin messages as text and binary do, since RFC 6455 §5.4 lets them be
///   fragmented;
/// - a data frame that begins a message while one is open ends that one unfinished;
/// - a continuation with nothing to continue begins a message of opcode 0, which further continuations join.
///
/// Memory: at most twice `keep_payload` (one data message and one control frame of at most 125 bytes or `keep_payload`),
/// whatever lengths the headers declare; where messages are compressed, that much again and what inflating needs.
#[derive(Debug)]
pub struct MessageReader {
    kept: Kept,
    decoder: FrameDecoder,
    frame: Option<Box<OpenFrame>>,
    open: OpenMessages,
    inflater: Option<Box<Inflater>>,
    waiting: Waiting,
    resynchronised: Option<Confidence>,
    /// No data frame came since then: a continuation may be that of a message whose beginning was lost.
    beginning_lost: bool,
    counts: Counts,
}

/// What is kept, and what RSV1 means.
#[derive(Clone, Copy, Debug)]
pub struct MessageOptions {
    /// Payload bytes kept of each message.
    pub keep_payload: usize,
    /// Why no more are kept.
    pub kept_by: KeptBy,
    /// Frames kept of each message.
    pub keep_frames: usize,
    /// How the direction compresses, where an extension that does was agreed: then RSV1 says what is compressed.
    pub compression: Option<Compression>,
}

/// What of them concerns each message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kept {
    pub(super) payload: usize,
    pub(super) by: KeptBy,
    pub(super) frames: usize,
}

/// Why no more of a payload is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeptBy {
    /// A limit holds.
    #[default]
    Limit,
    /// Nobody wants more.
    Choice,
}

/// Something that the bytes so far gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A frame begins. Each one is said, here or with its message, before the message that it completes and after a message that it cut short.
    Frame(FrameStart),
    /// A message is complete, or can't be any more (`unfinished`).
    Message(Box<Message>),
    /// A frame that is a message by itself, said at once because all of it is in one input.
    Whole(Whole),
}

/// The header of a frame and what it came upon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameStart {
    /// As on the wire.
    pub header: FrameHeader,
    /// The packet with its first byte.
    pub at: PacketRef,
    /// Was a fragmented message open in this direction before it?
    pub message_open: bool,
    /// Was that message compressed?
    pub open_compressed: bool,
}

/// What is left after a hole in the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterGap {
    /// The hole was inside a payload: reading goes on.
    Continues,
    /// The next frame's beginning is unknown: find one, then call [`MessageReader::resume`].
    Lost,
}

/// One direction in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Frames begun.
    pub frames: u64,
    /// Their payload bytes as on the wire, captured or not; of a frame that the end cut, those that came.
    pub payload_bytes: u64,
    /// The same with their headers.
    pub wire_bytes: u64,
    /// Bytes of their masking keys.
    pub masking_bytes: u64,
    /// Bytes of all holes, between frames too.
    pub missing_bytes: u64,
}

/// What is known of a frame when only a part of its header came.
#[derive(Debug)]
struct CutHeader {
    /// True as far as its first two bytes tell.
    header: FrameHeader,
    /// Bytes that came.
    size: u64,
}

impl MessageReader {
    /// A reader whose first byte begins a frame.
    pub fn new(options: MessageOptions) -> Self {
        Self {
            kept: Kept { payload: options.keep_payload, by: options.kept_by, frames: options.keep_frames },
            decoder: FrameDecoder::default(),
            frame: None,
            open: OpenMessages::default(),
            inflater: options.compression.map(|compression| Box::new(Inflater::new(compression))),
            waiting: Waiting::default(),
            resynchronised: None,
            beginning_lost: false,
            counts: Counts::default(),
        }
    }

    /// The next step in `input`, bytes of the packet `at`, which moves behind what was used; `None` when all of it
    /// is. Call until then. While the frame boundary is lost, input is dropped.
    pub fn next(&mut self, input: &mut &[u8], at: PacketRef) -> Option<Step> {
        if let Some(whole) = self.whole(input, at) {
            return Some(Step::Whole(whole));
        }
        if let Some(step) = self.waiting.pop() {
            return Some(step);
        }
        loop {
            let any = !input.is_empty();
            let Some(piece) = self.decoder.next(input) else {
                if any && !self.decoder.partial_header().is_empty() {
                    self.waiting.note_header(at);
                }
                return None;
            };
            match piece {
                Piece::Header(header) => return Some(self.begin_frame(header, at)),
                Piece::Payload(bytes) => self.push(bytes, at),
                Piece::End => {
                    if let Some(message) = self.end_frame() {
                        return Some(Step::Message(message));
                    }
                }
            }
        }
    }

    /// Steps over bytes that the capture does not hold. Messages that the hole ends come out of the next call of [`Self::next`] or
    /// [`Self::finish`], with the packets that are there: the one that showed the hole is none of theirs.
    pub fn gap(&mut self, missing: u64) -> AfterGap {
        if missing == 0 {
            return AfterGap::Continues;
        }
        self.counts.missing_bytes = self.counts.missing_bytes.saturating_add(missing);
        let cut = self.cut_header();
        match self.decoder.skip(missing) {
            Skipped::InPayload => {
                self.miss(missing);
                AfterGap::Continues
            }
            Skipped::Lost { payload, .. } => {
                self.miss(payload);
                let ended = self.end_frame();
                ended.into_iter().for_each(|message| self.waiting.push(Step::Message(message)));
                self.give_up(cut);
                AfterGap::Lost
            }
        }
    }

    /// The next byte begins a frame, as sure as said, and the next message is marked resynchronised. What was open comes out
    /// unfinished from the next call of [`Self::next`] or [`Self::finish`].
    pub fn resume(&mut self, confidence: Confidence) {
        let cut = self.cut_header();
        self.give_up(cut);
        if let Some(inflater) = &mut self.inflater {
            inflater.lose_history();
        }
        self.decoder.resume();
        self.resynchronised = Some(confidence);
        self.beginning_lost = true;
    }

    /// The direction is at its end: what was begun comes out unfinished, a control frame before the data message
    /// around it.
    pub fn finish(&mut self) -> Vec<Message> {
        let cut = self.cut_header();
        let completed: Vec<Step> =
            iter::from_fn(|| self.next(&mut [].as_slice(), PacketRef::default())).collect();
        self.give_up(cut);
        let given_up = iter::from_fn(|| self.waiting.pop());
        completed.into_iter().chain(given_up).filter_map(Step::into_message).map(|message| *message).collect()
    }

    /// The numbers so far. Bytes of a header that is not complete count once its frame begins or is given up.
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// What compression saved so far; `None` where no extension that compresses was agreed.
    pub fn savings(&self) -> Option<Savings> {
        self.inflater.as_ref().map(|inflater| inflater.savings())
    }

    /// Is a fragmented message open?
    pub const fn message_open(&self) -> bool {
        self.open.data.is_some()
    }

    /// Did a frame begin that is not at its end?
    pub fn in_frame(&self) -> bool {
        self.frame.is_some() || !self.decoder.partial_header().is_empty()
    }

    fn begin_frame(&mut self, header: FrameHeader, at: PacketRef) -> Step {
        let packets = Packets::and(self.waiting.header(), at);
        let start = self.frame_start(header, packets);
        let cut_short = self.join(&header, header.size(), packets);
        self.frame = Some(Box::new(OpenFrame::new(header, packets.first, packets.last)));
        match cut_short {
            None => Step::Frame(start),
            Some(message) => {
                self.waiting.push(Step::Frame(start));
                Step::Message(message)
            }
        }
    }

    fn frame_start(&self, header: FrameHeader, packets: Packets) -> FrameStart {
        let open = self.open.data.as_deref();
        FrameStart {
            header,
            at: packets.first,
            message_open: open.is_some(),
            open_compressed: open.is_some_and(OpenMessage::compressed),
        }
    }

    /// Gives a frame to the message that it belongs to, which it may begin. Gives back the message that it cut
    /// short.
    fn join(&mut self, header: &FrameHeader, size: u64, packets: Packets) -> Option<Box<Message>> {
        // RFC 6455 §5.4: a message is continued by continuations only, with control frames between them
        let continues = header.opcode == Opcode::CONTINUATION || header.opcode.is_control();
        let cut_short = if continues { None } else { self.open.data.take() };
        let cut_short = cut_short.map(|open| open.unfinished(self.inflater.as_deref_mut()));
        let first = || Box::new(OpenMessage::new(Box::default(), header, &self.kept));
        let open = self.open.of(header).get_or_insert_with(first);
        open.begin_frame(size, packets.first, packets.last);
        if let Some(inflater) = &mut self.inflater {
            open.begin_payload(header, inflater);
        }
        if !header.opcode.is_control() && mem::take(&mut self.beginning_lost) {
            open.mark_continuing(header);
        }
        if let Some(confidence) = self.resynchronised.take() {
            open.mark_resynchronised(confidence);
        }
        self.counts.count_frame(size, header);
        cut_short
    }

    fn push(&mut self, bytes: &[u8], at: PacketRef) {
        let Some(frame) = &mut self.frame else { return };
        if let Some(open) = self.open.of(frame.header()) {
            open.push(bytes, frame, self.inflater.as_deref_mut());
        }
        frame.advance(bytes.len() as u64, at);
        self.counts.count_payload(bytes.len() as u64);
    }

    fn miss(&mut self, missing: u64) {
        let Some(frame) = self.frame.as_mut().filter(|_| missing > 0) else { return };
        if let Some(open) = self.open.of(frame.header()) {
            open.miss(missing, self.inflater.as_deref_mut());
        }
        frame.miss(missing);
        self.counts.count_payload(missing);
    }

    /// Ends the frame, and the message when that was its last one.
    fn end_frame(&mut self) -> Option<Box<Message>> {
        let frame = self.frame.take()?;
        let header = *frame.header();
        let slot = self.open.of(&header);
        slot.as_mut()?.end_frame(*frame, self.inflater.as_deref_mut());
        // RFC 6455 §5.5: control frames are not fragmented; one without FIN is a message all the same
        let last = header.fin || header.opcode.is_control();
        slot.take_if(|_| last).map(|open| open.complete(self.inflater.as_deref_mut()))
    }

    /// Ends all that is open as far as it came, also a frame of which only a part of the header came.
    fn give_up(&mut self, cut: Option<CutHeader>) {
        let packets = self.waiting.header().unwrap_or_default();
        let cut_short = cut.and_then(|CutHeader { header, size }| self.join(&header, size, packets));
        if let Some(frame) = self.frame.take()
            && let Some(open) = self.open.of(frame.header())
        {
            open.end_frame(*frame, self.inflater.as_deref_mut());
        }
        let open = [self.open.control.take(), self.open.data.take()].into_iter().flatten();
        let given_up = open.map(|open| open.unfinished(self.inflater.as_deref_mut()));
        for message in cut_short.into_iter().chain(given_up) {
            self.waiting.push(Step::Message(message));
        }
    }

    fn cut_header(&self) -> Option<CutHeader> {
        let seen = self.decoder.partial_header();
        let (first, rest) = seen.split_first()?;
        let padded = [*first, rest.first().map_or(0, |second| second & 0x80), 0, 0, 0, 0];
        let (_, header) = frame_header(&padded).ok()?;
        Some(CutHeader { header, size: seen.len() as u64 })
    }
}

impl Step {
    fn into_message(self) -> Option<Box<Message>> {
        match self {
            Self::Message(message) | Self::Whole(Whole { message, .. }) => Some(message),
            Self::Frame(_) => None,
        }
    }
}

impl Counts {
    const fn count_frame(&mut self, size: u64, header: &FrameHeader) {
        self.masking_bytes += if header.masking_key.is_some() { 4 } else { 0 };
        self.frames += 1;
        self.wire_bytes = self.wire_bytes.saturating_add(size);
    }

    /// Payload bytes may be any number, since those of a hole count too.
    const fn count_payload(&mut self, bytes: u64) {
        self.payload_bytes = self.payload_bytes.saturating_add(bytes);
        self.wire_bytes = self.wire_bytes.saturating_add(bytes);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::deflate::{Inflation, Scope};
    use super::super::encoder::{TestFrame, any_cuts, any_frame, header_bytes, pieces, wire};
    use super::super::utf8::Utf8Check;
    use super::super::{Frame, TextState};
    use super::*;

    const OPTIONS: MessageOptions =
        MessageOptions { keep_payload: 1 << 20, kept_by: KeptBy::Limit, keep_frames: 0, compression: None };
    const COMPRESSED: MessageOptions = MessageOptions {
        compression: Some(Compression {
            scope: Scope::Message,
            takeover: true,
            window_bits: 15,
            certain: true,
            limit: 1 << 20,
        }),
        ..OPTIONS
    };
    const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
    const HUGE: [u8; 10] = [0x82, 127, 255, 255, 255, 255, 255, 255, 255, 255];

    fn packet(number: u64) -> PacketRef {
        PacketRef { number, ..PacketRef::default() }
    }

    fn reader() -> MessageReader {
        MessageReader::new(OPTIONS)
    }

    fn steps(reader: &mut MessageReader, mut bytes: &[u8], at: PacketRef) -> Vec<Step> {
        let steps = iter::from_fn(|| reader.next(&mut bytes, at));
        let split = |step| match step {
            Step::Whole(whole) => [Some(Step::Frame(whole.frame())), Some(Step::Message(whole.message))],
            step => [Some(step), None],
        };
        let steps = steps.flat_map(split).flatten().collect();
        assert!(bytes.is_empty());
        steps
    }

    fn push(reader: &mut MessageReader, bytes: impl AsRef<[u8]>, number: u64) -> Vec<Message> {
        let steps = steps(reader, bytes.as_ref(), packet(number)).into_iter();
        steps.filter_map(Step::into_message).map(|message| *message).collect()
    }

    /// All messages of a direction, those that the end cuts included.
    fn messages(frames: &[TestFrame]) -> Vec<Message> {
        let mut reader = reader();
        let mut messages = push(&mut reader, wire(frames), 1);
        messages.extend(reader.finish());
        messages
    }

    fn summary(messages: &[Message]) -> Vec<(u8, &[u8], bool)> {
        messages.iter().map(|each| (each.opcode.0, each.payload.as_slice(), each.unfinished)).collect()
    }

    #[test]
    fn a_masked_frame_is_a_message() {
        let hello = TestFrame::text("Hello").masked(KEY);
        let expected = Message {
            opcode: Opcode::TEXT,
            first: packet(1),
            last: packet(1),
            length: 5,
            wire_length: 11,
            frames: 1,
            masked: true,
            payload: b"Hello".to_vec(),
            text: TextState::Valid,
            ..Message::default()
        };
        assert_eq!(messages(&[hello]), [expected]);
    }

    #[test]
    fn fragments_are_unmasked_each_with_its_own_key_and_joined() {
        let joined = messages(&[
            TestFrame::text("Hel").more().masked(KEY),
            TestFrame::continuation("").more(),
            TestFrame::continuation("lo, ").more().masked([1, 2, 3, 4]),
            TestFrame::continuation("World"),
        ]);
        assert_eq!(summary(&joined), [(1, b"Hello, World".as_slice(), false)]);
        assert_eq!((joined[0].frames, joined[0].text), (4, TextState::Valid));
    }

    #[test]
    fn an_empty_final_fragment_ends_its_message() {
        let joined = messages(&[TestFrame::binary("ab").more(), TestFrame::continuation("")]);
        assert_eq!(summary(&joined), [(2, b"ab".as_slice(), false)]);
    }

    #[test]
    fn control_frames_come_out_between_fragments() {
        let joined = messages(&[
            TestFrame::text("a").more(),
            TestFrame::new(Opcode::PING, "p"),
            TestFrame::new(Opcode(11), "r").more(),
            TestFrame::continuation("b"),
        ]);
        let expected = [(9, b"p".as_slice(), false), (11, b"r", false), (1, b"ab", false)];
        assert_eq!(summary(&joined), expected);
    }

    #[test]
    fn a_new_message_ends_the_open_one_unfinished_before_its_frame_is_said() {
        let frames = [TestFrame::text("a").more().rsv(4), TestFrame::new(Opcode(3), "b")];
        let steps = steps(&mut MessageReader::new(COMPRESSED), &wire(&frames), packet(1));
        let [Step::Frame(first), Step::Message(cut), Step::Frame(second), Step::Message(next)] =
            steps.as_slice()
        else {
            panic!("{steps:?}")
        };
        assert!(!first.message_open && second.message_open && second.open_compressed);
        assert!(cut.unfinished && cut.compressed && !next.unfinished);
        assert_eq!((next.opcode, next.payload.as_slice()), (Opcode(3), b"b".as_slice()));
    }

    #[test]
    fn a_continuation_without_a_start_is_a_message_of_opcode_0() {
        let frames = [
            TestFrame::continuation("a").more().rsv(4),
            TestFrame::continuation("b"),
            TestFrame::continuation("c"),
        ];
        let joined = push(&mut MessageReader::new(COMPRESSED), wire(&frames), 1);
        assert_eq!(summary(&joined), [(0, b"ab".as_slice(), false), (0, b"c", false)]);
        assert!(!joined[0].compressed);
    }

    #[test]
    fn a_fragmented_control_frame_opens_no_message() {
        let joined = messages(&[TestFrame::new(Opcode::PING, "a").more(), TestFrame::continuation("b")]);
        assert_eq!(summary(&joined), [(9, b"a".as_slice(), false), (0, b"b", false)]);
    }

    #[test]
    fn rsv1_means_compressed_only_where_it_was_agreed_and_on_the_first_frame() {
        let frames = wire(&[
            TestFrame::text(b"\xff").rsv(4),
            TestFrame::new(Opcode::PING, "").rsv(4),
            TestFrame::text("a").more(),
            TestFrame::continuation("b").rsv(4),
        ]);
        let compressed = |compression| {
            let mut reader = MessageReader::new(MessageOptions { compression, ..OPTIONS });
            push(&mut reader, &frames, 1).iter().map(|each| (each.compressed, each.text)).collect::<Vec<_>>()
        };
        let unjudged = TextState::NotJudged;
        let expected = [(true, unjudged), (false, unjudged), (false, TextState::Valid)];
        assert_eq!(compressed(COMPRESSED.compression), expected);
        assert_eq!(compressed(None)[0], (false, TextState::Invalid { offset: 0 }));
    }

    #[test]
    fn packets_are_those_of_the_first_byte_and_the_latest() {
        let bytes = TestFrame::text("Hello").masked(KEY).bytes();
        let mut reader = MessageReader::new(MessageOptions { keep_frames: 1, ..OPTIONS });
        let mut messages = push(&mut reader, &bytes[..1], 5);
        messages.extend(push(&mut reader, &bytes[1..3], 9));
        messages.extend(push(&mut reader, &bytes[3..10], 6));
        messages.extend(push(&mut reader, &bytes[10..], 7));
        let [message] = messages.as_slice() else { panic!() };
        assert_eq!((message.first, message.last), (packet(5), packet(9)));
        let header = TestFrame::text("Hello").masked(KEY).header();
        let frame = Frame { header, first: packet(5), last: packet(9), missing_bytes: 0 };
        assert_eq!(message.fragments, [frame]);
    }

    #[test]
    fn frames_are_kept_up_to_their_bound() {
        let frames =
            [TestFrame::text("a").more(), TestFrame::continuation("").more(), TestFrame::continuation("b")];
        let mut reader = MessageReader::new(MessageOptions { keep_frames: 2, ..OPTIONS });
        let [message] = &push(&mut reader, wire(&frames), 1)[..] else { panic!() };
        let headers: Vec<_> = message.fragments.iter().map(|frame| frame.header).collect();
        assert_eq!((headers, message.frames), (vec![frames[0].header(), frames[1].header()], 3));
    }

    #[test]
    fn a_cut_payload_is_counted_and_judged_to_its_end() {
        let mut text = "ä".repeat(5000).into_bytes();
        let cut = |text: &[u8]| {
            let mut reader = MessageReader::new(MessageOptions { keep_payload: 7, ..OPTIONS });
            push(&mut reader, TestFrame::text(text).masked(KEY).bytes(), 1).remove(0)
        };
        let valid = cut(&text);
        assert_eq!((valid.payload.as_slice(), valid.length), (&text[..7], 10_000));
        assert_eq!((valid.truncated, valid.text), (true, TextState::Valid));
        text[9001] = b'x';
        assert_eq!(cut(&text).text, TextState::Invalid { offset: 9001 });
    }

    #[test]
    fn what_nobody_asked_for_is_shortened_and_not_truncated() {
        let of = |kept_by| {
            let mut reader = MessageReader::new(MessageOptions { keep_payload: 4, kept_by, ..OPTIONS });
            let message = push(&mut reader, TestFrame::text("Hellö").bytes(), 1).remove(0);
            (message.truncated, message.shortened, message.text().map(<[u8]>::len))
        };
        assert_eq!(of(KeptBy::Limit), (true, false, Some(4)));
        assert_eq!(of(KeptBy::Choice), (false, true, Some(4)));
    }

    #[test]
    fn a_frame_that_breaks_off_leaves_what_its_header_announced() {
        let frames = wire(&[TestFrame::text("abc").more(), TestFrame::continuation("defgh").masked(KEY)]);
        for (end, announced) in [(frames.len() - 2, Some(8)), (5, None), (6, None)] {
            let mut reader = reader();
            push(&mut reader, &frames[..end], 1);
            assert_eq!(reader.finish()[0].announced, announced, "{end}");
        }
        assert_eq!(push(&mut reader(), &frames, 1)[0].announced, None);
    }

    #[test]
    fn a_close_is_kept_whole_where_no_payload_is() {
        let mut reader = MessageReader::new(MessageOptions { keep_payload: 0, ..OPTIONS });
        let frames =
            [TestFrame::text("a"), TestFrame::text(""), TestFrame::new(Opcode::CLOSE, b"\x03\xe8bye")];
        let kept = push(&mut reader, wire(&frames), 1);
        assert_eq!(kept.iter().map(|each| each.truncated).collect::<Vec<_>>(), [true, false, false]);
        assert_eq!(kept[2].payload, b"\x03\xe8bye");
    }

    #[test]
    fn a_declared_length_costs_nothing() {
        let mut reader = reader();
        assert!(push(&mut reader, HUGE, 1).is_empty());
        assert!(push(&mut reader, [1, 2, 3], 2).is_empty());
        assert_eq!(reader.gap(u64::MAX - 10), AfterGap::Continues);
        let [message] = &reader.finish()[..] else { panic!() };
        assert!(message.unfinished && message.payload.capacity() < 100);
        assert_eq!((message.length, message.wire_length), (u64::MAX - 7, u64::MAX));
    }

    #[test]
    fn the_rest_that_a_cut_frame_promised_does_not_count_as_missing() {
        let mut reader = reader();
        push(&mut reader, HUGE, 1);
        push(&mut reader, b"abc", 2);
        let counts =
            Counts { frames: 1, payload_bytes: 3, wire_bytes: 13, masking_bytes: 0, missing_bytes: 0 };
        assert_eq!(reader.counts(), counts);
        let [message] = &reader.finish()[..] else { panic!() };
        assert_eq!((message.length, message.missing_bytes, message.unfinished), (3, 0, true));
    }

    #[test]
    fn a_cut_header_is_an_unfinished_message() {
        let mut reader = reader();
        push(&mut reader, wire(&[TestFrame::text("a").more()]), 1);
        push(&mut reader, [0x89], 2);
        let cut = reader.finish();
        assert_eq!(summary(&cut), [(9, b"".as_slice(), true), (1, b"a", true)]);
        assert_eq!((cut[0].first, cut[0].wire_length, cut[0].frames), (packet(2), 1, 1));
        assert_eq!(reader.counts().wire_bytes, 4);
    }

    #[test]
    fn a_hole_in_a_payload_is_noted_and_its_message_goes_on() {
        let bytes = wire(&[TestFrame::text("Hello, World").masked(KEY), TestFrame::text("next")]);
        let mut reader = reader();
        push(&mut reader, &bytes[..8], 1);
        assert_eq!(reader.gap(5), AfterGap::Continues);
        let [holed, next] = &push(&mut reader, &bytes[13..], 3)[..] else { panic!() };
        assert_eq!((holed.payload.as_slice(), holed.length), (b"HeWorld".as_slice(), 12));
        assert_eq!((holed.missing_bytes, holed.first_missing), (5, Some(2)));
        assert_eq!((holed.text, holed.unfinished), (TextState::NotJudged, false));
        assert_eq!(next.text, TextState::Valid);
    }

    #[test]
    fn a_fault_before_a_hole_is_still_a_fault() {
        let mut reader = reader();
        push(&mut reader, [0x81, 4, b'a', 0xff], 1);
        reader.gap(2);
        let [message] = &push(&mut reader, [], 3)[..] else { panic!() };
        assert_eq!(message.text, TextState::Invalid { offset: 1 });
        assert_eq!((message.first, message.last), (packet(1), packet(1)));
    }

    #[test]
    fn a_hole_over_the_end_of_a_message_completes_it_with_bytes_missing() {
        let mut reader = reader();
        push(&mut reader, &TestFrame::text("Hello").bytes()[..4], 1);
        assert_eq!(reader.gap(7), AfterGap::Lost);
        reader.resume(Confidence(24));
        let [cut, next] = &push(&mut reader, TestFrame::text("x").bytes(), 3)[..] else { panic!() };
        assert_eq!((cut.missing_bytes, cut.unfinished, cut.length), (3, false, 5));
        assert!(next.resynchronised && next.confidence == 24 && !cut.resynchronised);
        let counts =
            Counts { frames: 2, payload_bytes: 6, wire_bytes: 10, masking_bytes: 0, missing_bytes: 7 };
        assert_eq!(reader.counts(), counts);
    }

    #[test]
    fn a_lost_boundary_ends_the_fragmented_message_and_drops_bytes_until_resumed() {
        let mut reader = reader();
        push(&mut reader, wire(&[TestFrame::text("a").more()]), 1);
        assert_eq!(reader.gap(1), AfterGap::Lost);
        assert_eq!(reader.gap(1), AfterGap::Lost);
        assert_eq!(summary(&push(&mut reader, [0x81, 0x00], 3)), [(1, b"a".as_slice(), true)]);
        reader.resume(Confidence(24));
        let frames = [TestFrame::continuation("b"), TestFrame::text("c")];
        let after = push(&mut reader, wire(&frames), 4);
        assert_eq!(summary(&after), [(0, b"b".as_slice(), false), (1, b"c", false)]);
        assert_eq!(after.iter().map(|each| each.resynchronised).collect::<Vec<_>>(), [true, false]);
        assert_eq!(after.iter().map(Message::incomplete).collect::<Vec<_>>(), [true, false]);
    }

    #[test]
    fn a_message_that_a_hole_ends_exactly_comes_out_at_the_end() {
        let mut reader = reader();
        push(&mut reader, [0x82, 2, 1], 1);
        assert_eq!(reader.gap(1), AfterGap::Continues);
        let [message] = &reader.finish()[..] else { panic!() };
        assert_eq!((message.missing_bytes, message.unfinished), (1, false));
        assert!(reader.finish().is_empty());
    }

    /// Joins whole frames, by the rules that `MessageReader` states.
    fn joined(frames: &[TestFrame]) -> Vec<(u8, Vec<u8>, bool)> {
        let mut joined = Vec::new();
        let mut open: Option<(u8, Vec<u8>, bool)> = None;
        for frame in frames {
            let opcode = frame.opcode.0;
            if opcode >= 8 {
                joined.push((opcode, frame.payload.clone(), false));
                continue;
            }
            if opcode > 0 {
                joined.extend(open.take());
            }
            let (opcode, mut payload, _) = open.take().unwrap_or((opcode, Vec::new(), true));
            payload.extend(&frame.payload);
            if frame.fin {
                joined.push((opcode, payload, false));
            } else {
                open = Some((opcode, payload, true));
            }
        }
        joined.extend(open);
        joined
    }

    fn total(messages: &[Message], count: fn(&Message) -> u64) -> u64 {
        messages.iter().map(count).fold(0, u64::saturating_add)
    }

    #[derive(Clone, Debug)]
    enum Input {
        Bytes(Vec<u8>),
        Frame(TestFrame),
        Gap(u64),
        Resume,
    }

    fn any_input() -> impl Strategy<Value = Input> {
        let gap = prop_oneof![0_u64..200, any::<u64>()];
        prop_oneof![
            3 => prop::collection::vec(any::<u8>(), 0..300).prop_map(Input::Bytes),
            3 => any_frame().prop_map(Input::Frame),
            1 => gap.prop_map(Input::Gap),
            1 => Just(Input::Resume),
        ]
    }

    fn any_compression() -> impl Strategy<Value = Option<Compression>> {
        let scope = prop_oneof![Just(Scope::Message), Just(Scope::Frame)];
        let limit = prop_oneof![Just(1_u64 << 20), 0_u64..300];
        let compression =
            (scope, any::<bool>(), any::<bool>(), limit).prop_map(|(scope, takeover, certain, limit)| {
                Compression { scope, takeover, window_bits: 8, certain, limit }
            });
        prop::option::of(compression)
    }

    proptest! {
        #[test]
        fn messages_are_the_frames_joined(frames in prop::collection::vec(any_frame(), 0..12)) {
            let messages = messages(&frames);
            let expected = joined(&frames);
            let expected: Vec<_> = expected.iter().map(|(opcode, bytes, open)| (*opcode, &bytes[..], *open)).collect();
            prop_assert_eq!(summary(&messages), expected);
            for message in &messages {
                let whole = message.opcode == Opcode::TEXT && !message.compressed && !message.unfinished;
                let verdict = if whole { Utf8Check::of(&message.payload) } else { message.text };
                prop_assert_eq!(message.text, verdict);
            }
        }

        #[test]
        fn any_segmentation_gives_the_same_steps(
            frames in prop::collection::vec(any_frame(), 0..8),
            cuts in any_cuts(),
            keep_payload in prop_oneof![0_usize..200, Just(1 << 20)],
            keep_frames in prop_oneof![Just(0), Just(3)],
            compression in any_compression(),
        ) {
            let bytes = wire(&frames);
            let options = MessageOptions { keep_payload, keep_frames, compression, ..OPTIONS };
            let (mut whole, mut cut) = (MessageReader::new(options), MessageReader::new(options));
            let expected = steps(&mut whole, &bytes, packet(1));
            let found: Vec<_> = pieces(&bytes, &cuts).flat_map(|piece| steps(&mut cut, piece, packet(1))).collect();
            prop_assert_eq!(found, expected);
            prop_assert_eq!(cut.counts(), whole.counts());
            prop_assert_eq!(cut.counts().wire_bytes, bytes.len() as u64);
            prop_assert_eq!(cut.finish(), whole.finish());
        }

        #[test]
        fn a_hole_in_a_payload_changes_no_other_message(
            before in prop::collection::vec(any_frame(), 0..4),
            holed in any_frame(),
            after in prop::collection::vec(any_frame(), 0..4),
            places: [prop::sample::Index; 2],
        ) {
            let frames = [before.clone(), vec![holed.clone()], after].concat();
            let bytes = wire(&frames);
            let mut places = places.map(|place| place.index(holed.payload.len() + 1));
            places.sort_unstable();
            let [from, to] = places;
            let payload = wire(&before).len() + header_bytes(&holed.header()).len();

            let mut reader = reader();
            let mut found = push(&mut reader, &bytes[..payload + from], 1);
            prop_assert_eq!(reader.gap((to - from) as u64), AfterGap::Continues);
            found.extend(push(&mut reader, &bytes[payload + to..], 1));
            found.extend(reader.finish());
            let expected = messages(&frames);
            prop_assert_eq!(found.len(), expected.len());
            prop_assert_eq!(total(&found, |each| each.missing_bytes), (to - from) as u64);
            for (found, expected) in found.iter().zip(&expected) {
                prop_assert_eq!((found.length, found.wire_length), (expected.length, expected.wire_length));
                prop_assert!(found.missing_bytes > 0 || found == expected);
                prop_assert_eq!(found.payload.len() as u64, found.length - found.missing_bytes);
            }
        }

        #[test]
        fn any_input_stays_in_bounds_and_its_counts_add_up(
            inputs in prop::collection::vec(any_input(), 0..20),
            keep_payload in 0_usize..300,
            compression in any_compression(),
        ) {
            let mut reader = MessageReader::new(MessageOptions { keep_payload, keep_frames: 2, compression, ..OPTIONS });
            let mut messages = Vec::new();
            for (number, input) in (1..).zip(inputs) {
                match input {
                    Input::Bytes(bytes) => messages.extend(push(&mut reader, bytes, number)),
                    Input::Frame(frame) => messages.extend(push(&mut reader, frame.bytes(), number)),
                    Input::Gap(missing) => drop(reader.gap(missing)),
                    Input::Resume => reader.resume(Confidence(24)),
                }
            }
            messages.extend(reader.finish());
            for message in &messages {
                let bound = if message.opcode.is_control() { keep_payload.max(125) } else { keep_payload };
                prop_assert!(message.payload.capacity() <= bound && message.fragments.len() <= 2);
                prop_assert!(message.first.number > 0 && message.last.number >= message.first.number);
                prop_assert!(message.missing_bytes <= message.wire_length);
                let inflated = message.inflation != Inflation::NotCompressed && !message.undecoded;
                prop_assert!(inflated || message.missing_bytes <= message.length);
                prop_assert!(inflated || message.length <= message.wire_length);
            }
            let counts = reader.counts();
            prop_assert_eq!(total(&messages, |each| each.frames), counts.frames);
            if compression.is_none() {
                prop_assert_eq!(total(&messages, |each| each.length), counts.payload_bytes);
            }
            prop_assert_eq!(total(&messages, |each| each.wire_length), counts.wire_bytes);
            prop_assert!(total(&messages, |each| each.missing_bytes) <= counts.missing_bytes);
        }
    }
}
