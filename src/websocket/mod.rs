//! Ordered bytes → frames → messages (RFC 6455 §5).

pub mod close;
mod content;
pub mod decoder;
pub mod deflate;
mod evidence;
pub mod frame;
pub mod mask;
pub mod message;
pub mod mux;
mod open_message;
pub mod resync;
mod spare;
mod trails;
pub mod utf8;

#[cfg(test)]
mod encoder;

use crate::packet::PacketRef;
use deflate::{Inflation, Oddities, Unknown};

/// The four opcode bits of a frame. Reserved values survive: rules judge them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Opcode(pub u8);

#[expect(missing_docs, reason = "the names are those of RFC 6455 §5.2")]
impl Opcode {
    pub const CONTINUATION: Self = Self(0);
    pub const TEXT: Self = Self(1);
    pub const BINARY: Self = Self(2);
    pub const CLOSE: Self = Self(8);
    pub const PING: Self = Self(9);
    pub const PONG: Self = Self(10);

    /// Is the high bit set? Control frames may stand between the fragments of a message. // RFC 6455 §5.5
    pub const fn is_control(self) -> bool {
        self.0 & 0x8 != 0
    }

    /// Is it none of the six that RFC 6455 defines?
    pub const fn is_reserved(self) -> bool {
        !matches!(self.0, 0..=2 | 8..=10)
    }
}

/// The header of one frame, as it stood on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameHeader {
    /// Last fragment of its message.
    pub fin: bool,
    /// RSV1, RSV2 and RSV3 in the bits 4, 2 and 1.
    pub rsv: u8,
    /// Meaning of the payload.
    pub opcode: Opcode,
    /// The masking key, where the mask bit is set.
    pub masking_key: Option<[u8; 4]>,
    /// Payload bytes, from 7, 16 or 64 bits as `length_form` says; up to 2^64 - 1.
    pub length: u64,
    /// Which of the three forms of the length was used.
    pub length_form: LengthForm,
}

impl FrameHeader {
    /// RSV1, which permessage-deflate uses. // RFC 7692 §6
    pub const fn rsv1(&self) -> bool {
        self.rsv & 0b100 != 0
    }

    /// Size of the header itself: 2 to 14 bytes.
    pub const fn size(&self) -> u64 {
        let extended = match self.length_form {
            LengthForm::Bits7 => 0,
            LengthForm::Bits16 => 2,
            LengthForm::Bits64 => 8,
        };
        2 + extended + if self.masking_key.is_some() { 4 } else { 0 }
    }
}

/// How a frame spells its length. // RFC 6455 §5.2
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the number of bits is the whole meaning")]
pub enum LengthForm {
    #[default]
    Bits7,
    Bits16,
    Bits64,
}

/// One frame of a message, kept where frames are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// As on the wire.
    pub header: FrameHeader,
    /// The packet with the header's first byte.
    pub first: PacketRef,
    /// The packet with the last byte seen of it; the latest one, where segments came out of order.
    pub last: PacketRef,
    /// Payload bytes that the capture does not hold.
    pub missing_bytes: u64,
}

/// A data message, whole or as far as it was captured, or one control frame.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// Of its first frame. A continuation without a start keeps opcode 0.
    pub opcode: Opcode,
    /// The packet with its first byte.
    pub first: PacketRef,
    /// The packet that completed it: the latest of all that carry its bytes, as far as these are captured.
    pub last: PacketRef,
    /// Payload bytes after unmasking and decompression. Missing ones are included, but for a compressed message:
    /// nobody knows what would have come out of them. Unknown ones are.
    pub length: u64,
    /// Header and payload bytes on the wire, all its frames, missing ones included.
    pub wire_length: u64,
    /// How many frames carried it.
    pub frames: u64,
    /// Was its first frame masked?
    pub masked: bool,
    /// Was RSV1 set on its first frame while an extension that compresses was agreed?
    pub compressed: bool,
    /// What became of a compressed message.
    pub inflation: Inflation,
    /// What is unusual in the compressed data, where anything is.
    pub oddities: Option<Box<Oddities>>,
    /// What of it is a copy of earlier messages that the capture does not hold, where anything is.
    pub unknown: Option<Box<Unknown>>,
    /// It is compressed and could not be decompressed: `payload` and `length` are those of the wire.
    pub undecoded: bool,
    /// The payload as far as it is kept: unmasked and decompressed; of a compressed message that was not
    /// decompressed, the bytes of the wire. Missing bytes are left out, not filled.
    pub payload: Vec<u8>,
    /// A limit cut `payload`; `length` is the full length all the same.
    pub truncated: bool,
    /// No more of `payload` was asked for; `length` is the full length all the same.
    pub shortened: bool,
    /// Payload bytes that the capture does not hold, as on the wire.
    pub missing_bytes: u64,
    /// Where the first of them belongs: `payload` is in its place up to there.
    pub first_missing: Option<u64>,
    /// Its first frames came before the capture, or in a hole of it: what there is continues them.
    pub beginning_lost: bool,
    /// Its last frame never came, or not to its end: the direction ended, or the next message began.
    pub unfinished: bool,
    /// Payload bytes on the wire that the headers of its frames announce, where the last one announced more than came.
    pub announced: Option<u64>,
    /// First message after the frame boundary was found again.
    pub resynchronised: bool,
    /// How sure that boundary is, in bits of evidence: see [`resync::Confidence`]. 0 where no search found it.
    pub confidence: u32,
    /// What its UTF-8 says, where that can be judged.
    pub text: TextState,
    /// The frames themselves, where they are asked for; at most `Limits::frames`.
    pub fragments: Vec<Frame>,
}

impl Message {
    /// Are bytes missing, in whatever way?
    pub const fn incomplete(&self) -> bool {
        let faulty = match self.inflation {
            Inflation::Failed { .. } => true,
            Inflation::TailMissing => self.length > 0,
            _ => false,
        };
        let cut = self.beginning_lost || self.unfinished;
        cut || self.missing_bytes > 0 || faulty || self.unknown.is_some()
    }

    /// Bytes of [`Self::length`] that are copies of what the capture does not hold.
    pub fn unknown_bytes(&self) -> u64 {
        self.unknown.as_ref().map_or(0, |unknown| unknown.bytes)
    }

    /// Is `payload` only the beginning of what there is, by a limit or by choice?
    pub const fn kept_in_part(&self) -> bool {
        self.truncated || self.shortened
    }

    /// The text of a text message whose kept bytes are valid UTF-8. Where they were cut inside a code point, the text
    /// before that.
    pub fn text(&self) -> Option<&[u8]> {
        if self.opcode != Opcode::TEXT || self.undecoded {
            return None;
        }
        if self.text == TextState::Valid && !self.kept_in_part() {
            return Some(&self.payload);
        }
        match std::str::from_utf8(&self.payload) {
            Ok(_) => Some(&self.payload),
            Err(error) if self.kept_in_part() && error.error_len().is_none() => {
                self.payload.get(..error.valid_up_to())
            }
            Err(_) => None,
        }
    }
}

/// Is the payload of a text message, or the reason of a Close, UTF-8? // RFC 6455 §5.6, §8.1
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TextState {
    /// Not text, or it can't be judged: bytes are missing before the end, or it is still compressed.
    #[default]
    NotJudged,
    /// Valid from the first byte to the last.
    Valid,
    /// The byte at this offset of the payload can't stand there.
    Invalid {
        /// 0-based, in the unmasked and decompressed message.
        offset: u64,
    },
    /// It ends inside a code point that begins at this offset.
    CutCodePoint {
        /// 0-based, in the unmasked and decompressed message.
        offset: u64,
    },
}
