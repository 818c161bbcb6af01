//! A frame that may be none → how improbable it would be then, in bits.

use super::mask::unmask;
use super::utf8::Utf8Check;
use super::{FrameHeader, LengthForm, Opcode, TextState};

/// A frame as far as its bytes are there.
pub(super) struct Sight<'a> {
    pub(super) header: FrameHeader,
    /// Header and payload.
    pub(super) bytes: &'a [u8],
    payload: &'a [u8],
    pub(super) whole: bool,
}

impl<'a> Sight<'a> {
    pub(super) fn new(header: FrameHeader, rest: &'a [u8], after: &'a [u8]) -> Self {
        let length = usize::try_from(header.length).unwrap_or(usize::MAX);
        let payload = after.get(..length);
        let size = rest.len() - payload.map_or(0, |payload| after.len() - payload.len());
        Self {
            header,
            bytes: rest.get(..size).unwrap_or(rest),
            payload: payload.unwrap_or(after),
            whole: payload.is_some(),
        }
    }

    /// Header and as much payload as is compared; frames of different length differ in it.
    pub(super) fn beginning(&self) -> &'a [u8] {
        self.bytes.get(..REPEAT_PEEK).unwrap_or(self.bytes)
    }

    /// What the payload adds; `None` when the frame can't have it.
    pub(super) fn payload_bits(&self, compressed: bool) -> Option<u32> {
        match self.header.opcode {
            Opcode::TEXT if !compressed => self.text_bits(),
            Opcode::CLOSE => self.code_bits(),
            _ => Some(0),
        }
    }

    fn text_bits(&self) -> Option<u32> {
        let mut plain = [0; TEXT_PEEK];
        let text = self.peek(&mut plain);
        let all = self.header.fin && text.len() as u64 == self.header.length;
        match Utf8Check::of(text) {
            TextState::Invalid { .. } => None,
            TextState::CutCodePoint { .. } if all => None,
            _ if !printable(text) => Some(0),
            _ => {
                let most = if self.header.masking_key.is_some() { MASKED_TEXT } else { UNMASKED_TEXT };
                Some(u32::try_from(text.len()).unwrap_or(most).min(most))
            }
        }
    }

    fn code_bits(&self) -> Option<u32> {
        let mut plain = [0; TEXT_PEEK];
        let Some((code, _)) = self.peek(&mut plain).split_first_chunk() else { return Some(0) };
        // RFC 6455 §7.4: what may stand on the wire
        matches!(u16::from_be_bytes(*code), 1000..=1003 | 1007..=1014 | 3000..=4999).then_some(CLOSE_CODE)
    }

    /// The first bytes of the payload, unmasked.
    fn peek<'b>(&self, plain: &'b mut [u8; TEXT_PEEK]) -> &'b [u8] {
        let length = self.payload.len().min(TEXT_PEEK);
        let Some((plain, _)) = plain.split_at_mut_checked(length) else { return &[] };
        plain.iter_mut().zip(self.payload).for_each(|(plain, byte)| *plain = *byte);
        unmask(plain, self.header.masking_key.unwrap_or_default(), 0);
        plain
    }

    /// Frames that are byte for byte what other protocols send.
    pub(super) fn proves_nothing(&self) -> bool {
        let FrameHeader { fin, opcode, masking_key, length, .. } = self.header;
        // 00 and a length of one byte: a 16-bit length, as in DNS over TCP, or plain zeros
        let length_prefix = opcode == Opcode::CONTINUATION && !fin;
        // one common byte and a zero
        let empty = length == 0 && masking_key.is_none();
        let short_binary = opcode == Opcode::BINARY && masking_key.is_none() && length <= 125;
        let known = short_binary && (is_tagged_name(self.payload) || is_mqtt_subscribe(self.payload));
        length_prefix || empty || known
    }
}

pub(super) const fn header_bits(header: &FrameHeader) -> u32 {
    let first_byte = if header.fin { FIRST_BYTE } else { FIRST_BYTE_OF_FRAGMENT };
    match header.length_form {
        LengthForm::Bits64 => first_byte + LONG_LENGTH,
        LengthForm::Bits7 | LengthForm::Bits16 => first_byte,
    }
}

/// Text as applications write it: no control characters but white space. One at the end is what STOMP (NUL) and
/// SignalR (RS) end their messages with.
fn printable(text: &[u8]) -> bool {
    let body = text.strip_suffix(&[0]).or_else(|| text.strip_suffix(&[0x1e])).unwrap_or(text);
    body.iter().all(|byte| matches!(byte, b'\t' | b'\n' | b'\r' | 0x20..=0x7e | 0x80..))
}

/// The names in an X.509 certificate each stand behind the tag 0x82 and a length of one byte.
fn is_tagged_name(payload: &[u8]) -> bool {
    payload.iter().all(|byte| matches!(byte, 0x20..=0x7e))
}

/// The rest of an MQTT SUBSCRIBE, whose first byte is 0x82 and whose second is its length: a packet number, in
/// version 5 properties, then topics as strings with a 16-bit length, each with a byte of options.
fn is_mqtt_subscribe(payload: &[u8]) -> bool {
    let topics_at = |offset| {
        let rest = payload.get(offset..)?;
        let (length, after) = rest.split_first_chunk()?;
        let options = after.get(usize::from(u16::from_be_bytes(*length)))?;
        Some(*length != [0, 0] && *options < 0x40)
    };
    let properties = payload.get(2).map_or(0, |length| usize::from(*length));
    topics_at(2) == Some(true) || topics_at(3 + properties) == Some(true)
}

/// A legal first byte: with FIN 7 of 256 values, with compression 9, are 5 bits; one is taken off because real
/// bytes are not spread evenly.
pub(super) const FIRST_BYTE: u32 = 4;

/// 01 and 02 are among the commonest bytes of binary protocols.
const FIRST_BYTE_OF_FRAGMENT: u32 = 2;

/// A 64-bit length within `MAX_LENGTH` has 24 zero bits; zeros are common, so they count for a third.
const LONG_LENGTH: u32 = 8;

/// At most this much for printable UTF-8, a bit for each byte. (Of random bytes 4 in 10 continue such a text.) Behind
/// a masking key text is not seen by accident, but ASCII masked with ASCII is half printable, so it can't decide alone.
pub(super) const MASKED_TEXT: u32 = 16;

/// Without a mask any protocol that carries strings has some; with an end that fits it is just enough.
const UNMASKED_TEXT: u32 = 12;

/// Some 2000 of 65 536 codes may stand on the wire.
const CLOSE_CODE: u32 = 5;

/// Longer payload is not looked at: enough to reach the most that a text can count.
const TEXT_PEEK: usize = 64;

/// Frames that are the same so far count as the same.
const REPEAT_PEEK: usize = 256;
