//! Parts of frames → one message.

use super::content::Content;
use super::deflate::{Inflater, Inflation, Oddities, Scope, WirePart};
use super::message::{Kept, KeptBy};
use super::resync::Confidence;
use super::{Frame, FrameHeader, Message, Opcode};
use crate::packet::PacketRef;

/// A message that is not at its end.
#[derive(Debug)]
pub(super) struct OpenMessage {
    message: Box<Message>,
    content: Content,
    coding: Coding,
    /// The bytes of the wire, to show them if inflating leads to nothing. Kept only where that may well be.
    wire: Option<Box<Content>>,
    keep_frames: usize,
    kept_by: KeptBy,
    /// Payload bytes on the wire so far.
    payload: u64,
}

/// The data message and the control frame that are being read. Most come in one piece: between packets there is neither.
#[derive(Debug, Default)]
pub(super) struct OpenMessages {
    pub(super) data: Option<Box<OpenMessage>>,
    pub(super) control: Option<Box<OpenMessage>>,
}

/// What is to be done with the payload of the frame that is being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    /// Take it as it is.
    Plain,
    Inflate,
    /// Drop it: what was inflated can't be continued.
    Stopped,
}

/// The frame that is being read.
#[derive(Debug)]
pub(super) struct OpenFrame {
    frame: Frame,
    /// Payload bytes of it so far, missing ones included.
    offset: u64,
}

impl OpenMessage {
    /// A message whose first frame is `header`, in the place of one of which nothing is known.
    #[inline]
    pub(super) fn new(mut message: Box<Message>, header: &FrameHeader, kept: &Kept) -> Self {
        (message.opcode, message.masked) = (header.opcode, header.masking_key.is_some());
        let room = std::mem::take(&mut message.payload);
        let keep = kept_of(header.opcode, kept.payload);
        let is_text = header.opcode == Opcode::TEXT;
        Self {
            message,
            content: if is_text { Content::text(room, keep) } else { Content::bytes(room, keep) },
            coding: Coding::Plain,
            wire: None,
            keep_frames: kept.frames,
            kept_by: kept.by,
            payload: 0,
        }
    }

    /// What came before was lost: does its first frame continue that?
    pub(super) fn mark_continuing(&mut self, first: &FrameHeader) {
        self.message.beginning_lost = first.opcode == Opcode::CONTINUATION;
    }

    pub(super) fn mark_resynchronised(&mut self, confidence: Confidence) {
        self.message.resynchronised = true;
        self.message.confidence = confidence.0;
    }

    pub(super) const fn compressed(&self) -> bool {
        self.message.compressed
    }

    /// Bytes of memory.
    pub(super) fn memory(&self) -> usize {
        let wire = self.wire.as_ref().map_or(0, |wire| wire.memory());
        let frames = self.message.fragments.capacity().saturating_mul(size_of::<Frame>());
        (size_of::<Self>() + size_of::<Message>())
            .saturating_add(frames)
            .saturating_add(self.content.memory())
            .saturating_add(wire)
    }

    /// Counts a frame of which `size` header bytes were seen.
    pub(super) fn begin_frame(&mut self, size: u64, first: PacketRef, last: PacketRef) {
        if self.message.frames == 0 {
            self.message.first = first;
        }
        self.message.last = latest(self.message.last, last);
        self.message.frames = self.message.frames.saturating_add(1);
        self.message.wire_length = self.message.wire_length.saturating_add(size);
    }

    /// Finds out whether the payload of a frame is compressed, after [`Self::begin_frame`].
    #[inline]
    pub(super) fn begin_payload(&mut self, header: &FrameHeader, inflater: &mut Inflater) {
        // RFC 7692 §6: RSV1 of the first frame speaks for the message, and never of a control frame
        let begins = self.message.frames == 1 && header.opcode != Opcode::CONTINUATION;
        let speaks = !header.opcode.is_control() && (inflater.scope() == Scope::Frame || begins);
        if begins && !header.opcode.is_control() {
            inflater.count_message();
        }
        if !speaks || self.coding == Coding::Stopped || self.message.undecoded {
            return;
        }
        self.coding = Coding::Plain;
        if header.rsv1() {
            self.coding = Coding::Inflate;
            if !self.message.compressed && inflater.lacks_history() {
                self.wire = Some(Box::new(self.content.as_bytes()));
            }
            self.message.compressed = true;
            inflater.begin();
        }
    }

    /// Takes payload as it stood on the wire. All payload of all messages passes here.
    #[inline]
    pub(super) fn push(&mut self, wire: &[u8], frame: &OpenFrame, inflater: Option<&mut Inflater>) {
        self.count(wire.len() as u64);
        if self.coding == Coding::Plain {
            self.content.push_masked(wire, frame.frame.header.masking_key, frame.offset);
        }
        if let Some(inflater) = inflater {
            self.inflate(wire, frame, inflater);
        }
    }

    fn inflate(&mut self, wire: &[u8], frame: &OpenFrame, inflater: &mut Inflater) {
        let key = frame.frame.header.masking_key;
        if let Some(content) = &mut self.wire {
            content.push_masked(wire, key, frame.offset);
        }
        if self.coding != Coding::Inflate {
            return;
        }
        let ends = frame.ends_with(wire.len() as u64, inflater.scope());
        let part = WirePart { bytes: wire, key, offset: frame.offset, ends };
        inflater.push(part, &mut |plain| self.content.push(plain));
        if let Some(inflation) = inflater.ended() {
            self.settle(inflation, inflater);
        }
    }

    /// Notes payload bytes that the capture does not hold.
    pub(super) fn miss(&mut self, missing: u64, inflater: Option<&mut Inflater>) {
        self.count(missing);
        self.message.missing_bytes = self.message.missing_bytes.saturating_add(missing);
        self.message.first_missing.get_or_insert(self.content.length());
        self.abandon(inflater);
        if self.coding == Coding::Plain {
            self.content.miss(missing);
        }
    }

    /// Ends a frame, which may have been cut.
    #[inline]
    pub(super) fn end_frame(&mut self, open: OpenFrame, inflater: Option<&mut Inflater>) {
        if open.offset == open.frame.header.length {
            self.finish(inflater.filter(|inflater| inflater.scope() == Scope::Frame));
        }
        let rest = open.frame.header.length.saturating_sub(open.offset);
        if rest > 0 {
            self.message.announced = Some(self.payload.saturating_add(rest));
        }
        let frame = open.frame;
        self.message.last = latest(self.message.last, frame.last);
        if self.message.fragments.len() < self.keep_frames {
            self.message.fragments.push(frame);
        }
    }

    /// The message, with its last frame at its end.
    #[inline]
    pub(super) fn complete(mut self, inflater: Option<&mut Inflater>) -> Box<Message> {
        self.finish(inflater);
        self.into_message()
    }

    /// The message as far as it came.
    pub(super) fn unfinished(mut self, inflater: Option<&mut Inflater>) -> Box<Message> {
        self.abandon(inflater);
        self.content.stop_judging();
        self.message.unfinished = true;
        self.into_message()
    }

    #[inline]
    fn into_message(self) -> Box<Message> {
        let mut message = self.message;
        self.content.complete(self.kept_by, &mut message);
        if let Some(unknown) = message.unknown.as_mut().filter(|_| message.opcode == Opcode::TEXT) {
            unknown.widen(&mut message.payload);
        }
        message
    }

    #[inline]
    fn finish(&mut self, inflater: Option<&mut Inflater>) {
        if let Some(inflater) = inflater.filter(|_| self.coding == Coding::Inflate) {
            self.finish_inflating(inflater);
        }
    }

    fn finish_inflating(&mut self, inflater: &mut Inflater) {
        let inflation = inflater.finish(&mut |plain| self.content.push(plain));
        self.settle(inflation, inflater);
    }

    fn abandon(&mut self, inflater: Option<&mut Inflater>) {
        if let Some(inflater) = inflater.filter(|_| self.coding == Coding::Inflate) {
            let inflation = inflater.abandon();
            self.settle(inflation, inflater);
        }
    }

    /// Notes what became of the message, or of a frame of it: the first fault counts.
    fn settle(&mut self, inflation: Inflation, inflater: &mut Inflater) {
        let oddities = inflater.oddities();
        let (unknown, inflated) = inflater.take_unknown();
        if unknown.bytes > 0 && inflation != Inflation::MissingContext {
            // What is known of a text is not judged without the rest.
            self.content.judge_nothing();
            let begin = self.content.length().saturating_sub(inflated);
            self.message.unknown.get_or_insert_default().append(unknown, begin);
        }
        if oddities != Oddities::default() {
            self.message.oddities.get_or_insert_default().merge(oddities);
        }
        if matches!(self.message.inflation, Inflation::NotCompressed | Inflation::Whole) {
            self.message.inflation = inflation;
        }
        match inflation {
            Inflation::NotCompressed
            | Inflation::Whole
            | Inflation::TailKept
            | Inflation::Trailing { .. } => {}
            Inflation::TailMissing => self.content.stop_judging(),
            Inflation::Failed { .. } | Inflation::Cut => self.stop(),
            Inflation::LimitReached => {
                self.stop();
                self.content.cut();
            }
            Inflation::MissingContext => match self.wire.take() {
                None => self.stop(),
                Some(wire) => {
                    self.content = *wire;
                    self.coding = Coding::Plain;
                    self.message.undecoded = true;
                }
            },
        }
    }

    fn stop(&mut self) {
        self.coding = Coding::Stopped;
        self.content.stop_judging();
    }

    const fn count(&mut self, bytes: u64) {
        self.message.wire_length = self.message.wire_length.saturating_add(bytes);
        self.payload = self.payload.saturating_add(bytes);
    }
}

impl OpenMessages {
    pub(super) const fn of(&mut self, header: &FrameHeader) -> &mut Option<Box<OpenMessage>> {
        if header.opcode.is_control() { &mut self.control } else { &mut self.data }
    }
}

impl OpenFrame {
    pub(super) const fn new(header: FrameHeader, first: PacketRef, last: PacketRef) -> Self {
        Self { frame: Frame { header, first, last, missing_bytes: 0 }, offset: 0 }
    }

    pub(super) const fn header(&self) -> &FrameHeader {
        &self.frame.header
    }

    pub(super) fn advance(&mut self, bytes: u64, at: PacketRef) {
        self.offset = self.offset.saturating_add(bytes);
        self.frame.last = latest(self.frame.last, at);
    }

    /// Steps over missing bytes. The packet that showed the hole is none of the frame's: its sender may have sent more before that.
    pub(super) fn miss(&mut self, missing: u64) {
        self.frame.missing_bytes = self.frame.missing_bytes.saturating_add(missing);
        self.offset = self.offset.saturating_add(missing);
    }

    /// Are the next `bytes` the last of what is compressed by itself?
    fn ends_with(&self, bytes: u64, scope: Scope) -> bool {
        let is_last = self.frame.header.fin || scope == Scope::Frame;
        is_last && self.offset.saturating_add(bytes) == self.frame.header.length
    }
}

/// The later of two packets; segments may come out of order.
pub(super) const fn latest(one: PacketRef, other: PacketRef) -> PacketRef {
    if other.number > one.number { other } else { one }
}

/// Control frames are kept whole, whatever the bound: a Close says how the connection ended, a Pong which Ping it answers.
fn kept_of(opcode: Opcode, keep_payload: usize) -> usize {
    if opcode.is_control() { keep_payload.max(MAX_CONTROL_PAYLOAD) } else { keep_payload }
}

/// What a control frame may carry. // RFC 6455 §5.5
const MAX_CONTROL_PAYLOAD: usize = 125;
