//! Parts of frames → one message.

use super::mask::unmask;
use super::message::MessageOptions;
use super::utf8::Utf8Check;
use super::{Frame, FrameHeader, Message, Opcode};
use crate::packet::PacketRef;

/// A message that is not at its end.
#[derive(Debug)]
pub(super) struct OpenMessage {
    message: Box<Message>,
    /// The verdict so far, while all of a text can be judged.
    text: Option<Utf8Check>,
    keep_payload: usize,
    keep_frames: usize,
}

/// The frame that is being read.
#[derive(Debug)]
pub(super) struct OpenFrame {
    frame: Frame,
    /// Payload bytes of it so far, missing ones included.
    offset: u64,
}

impl OpenMessage {
    /// A message whose first frame is `header`.
    pub(super) fn new(header: &FrameHeader, options: &MessageOptions) -> Self {
        let opcode = header.opcode;
        let begins_data = !opcode.is_control() && opcode != Opcode::CONTINUATION;
        // RFC 7692 §6: RSV1 of the first frame speaks for the message, and never of a control frame
        let compressed = options.compression && header.rsv1() && begins_data;
        let judged = opcode == Opcode::TEXT && !compressed;
        let masked = header.masking_key.is_some();
        Self {
            message: Box::new(Message {
                opcode,
                compressed,
                undecoded: compressed,
                masked,
                ..Message::default()
            }),
            text: judged.then(Utf8Check::default),
            keep_payload: kept_of(opcode, options.keep_payload),
            keep_frames: options.keep_frames,
        }
    }

    pub(super) const fn mark_resynchronised(&mut self) {
        self.message.resynchronised = true;
    }

    pub(super) const fn compressed(&self) -> bool {
        self.message.compressed
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

    /// Takes payload as it stood on the wire. All payload of all messages passes here: a compressed message is to
    /// be inflated between unmasking and [`Self::keep`].
    pub(super) fn push(&mut self, wire: &[u8], frame: &OpenFrame) {
        self.count(wire.len() as u64);
        let key = frame.frame.header.masking_key;
        let room = self.keep_payload.saturating_sub(self.message.payload.len());
        let (kept, rest) = wire.split_at_checked(room).unwrap_or((wire, &[]));
        self.keep(kept, key, frame.offset);
        if !rest.is_empty() {
            self.message.truncated = true;
            self.judge(rest, key, frame.offset.saturating_add(kept.len() as u64));
        }
    }

    /// Notes payload bytes that the capture does not hold.
    pub(super) fn miss(&mut self, missing: u64) {
        self.stop_judging();
        self.message.first_missing.get_or_insert(self.message.length);
        self.message.missing_bytes = self.message.missing_bytes.saturating_add(missing);
        self.count(missing);
    }

    pub(super) fn end_frame(&mut self, OpenFrame { frame, .. }: OpenFrame) {
        self.message.last = latest(self.message.last, frame.last);
        if self.message.fragments.len() < self.keep_frames {
            self.message.fragments.push(frame);
        }
    }

    /// The message, with its last frame at its end.
    pub(super) fn complete(mut self) -> Box<Message> {
        if let Some(check) = self.text {
            self.message.text = check.state();
        }
        self.message
    }

    /// The message as far as it came.
    pub(super) fn unfinished(mut self) -> Box<Message> {
        self.stop_judging();
        self.message.unfinished = true;
        self.message
    }

    fn keep(&mut self, wire: &[u8], key: Option<[u8; 4]>, offset: u64) {
        let payload = &mut self.message.payload;
        reserve(payload, wire.len(), self.keep_payload);
        let before = payload.len();
        payload.extend_from_slice(wire);
        let Some(kept) = payload.get_mut(before..) else { return };
        if let Some(key) = key {
            unmask(kept, key, offset);
        }
        if let Some(check) = &mut self.text {
            check.push(kept);
        }
    }

    /// Judges payload that is not kept.
    fn judge(&mut self, wire: &[u8], key: Option<[u8; 4]>, mut offset: u64) {
        let Some(check) = &mut self.text else { return };
        let mut plain = [0; SCRATCH];
        for piece in wire.chunks(SCRATCH) {
            let Some(plain) = plain.get_mut(..piece.len()) else { return };
            plain.copy_from_slice(piece);
            unmask(plain, key.unwrap_or_default(), offset);
            check.push(plain);
            offset = offset.saturating_add(piece.len() as u64);
        }
    }

    const fn stop_judging(&mut self) {
        if let Some(check) = self.text.take() {
            self.message.text = check.state_before_gap();
        }
    }

    const fn count(&mut self, bytes: u64) {
        self.message.length = self.message.length.saturating_add(bytes);
        self.message.wire_length = self.message.wire_length.saturating_add(bytes);
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

    /// Steps over missing bytes. `at`, where the hole was seen, becomes the frame's last packet only if the frame
    /// ends in the hole: then it is the first to show that the frame was sent to its end.
    pub(super) fn miss(&mut self, missing: u64, at: PacketRef) {
        self.frame.missing_bytes = self.frame.missing_bytes.saturating_add(missing);
        self.offset = self.offset.saturating_add(missing);
        if self.offset == self.frame.header.length {
            self.frame.last = latest(self.frame.last, at);
        }
    }
}

/// The later of two packets; segments may come out of order.
pub(super) const fn latest(one: PacketRef, other: PacketRef) -> PacketRef {
    if other.number > one.number { other } else { one }
}

/// A Close is kept whole, whatever the bound: its code says how the connection ended.
fn kept_of(opcode: Opcode, keep_payload: usize) -> usize {
    if opcode == Opcode::CLOSE { keep_payload.max(MAX_CONTROL_PAYLOAD) } else { keep_payload }
}

/// Doubles like `Vec` does, but never past the bound: a message of n bytes holds at most min(2n, `bound`).
fn reserve(payload: &mut Vec<u8>, more: usize, bound: usize) {
    let needed = payload.len().saturating_add(more);
    if needed > payload.capacity() {
        let target = payload.capacity().saturating_mul(2).min(bound).max(needed);
        payload.reserve_exact(target - payload.len());
    }
}

/// What a control frame may carry. // RFC 6455 §5.5
const MAX_CONTROL_PAYLOAD: usize = 125;

/// Payload that is judged but not kept is unmasked in steps of this: small on the stack, long enough for whole
/// segments in two steps.
const SCRATCH: usize = 1024;
