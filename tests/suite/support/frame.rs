//! What a WebSocket frame says → its bytes, right or wrong (RFC 6455 §5.2).

use std::io::Write;

use wspect::packet::Side;
use wspect::websocket::LengthForm;

/// A frame to send. As it comes from [`text`], [`close`] …, it is whole, legal, masked when the client sends it
/// and as short as can be; the methods spoil that.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    first_byte: u8,
    payload: Vec<u8>,
    masking: Masking,
    length_form: Option<LengthForm>,
    claimed_length: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
enum Masking {
    ByRole,
    Key([u8; 4]),
    Unmasked,
}

pub(crate) fn text(payload: &str) -> Frame {
    Frame::new(0x1, payload)
}

pub(crate) fn binary(payload: impl AsRef<[u8]>) -> Frame {
    Frame::new(0x2, payload)
}

pub(crate) fn continuation(payload: impl AsRef<[u8]>) -> Frame {
    Frame::new(0x0, payload)
}

pub(crate) fn ping(payload: impl AsRef<[u8]>) -> Frame {
    Frame::new(0x9, payload)
}

pub(crate) fn pong(payload: impl AsRef<[u8]>) -> Frame {
    Frame::new(0xa, payload)
}

/// A Close frame with a status code; `Frame::new(0x8, "")` is one without.
pub(crate) fn close(code: u16, reason: &str) -> Frame {
    Frame::new(0x8, [&code.to_be_bytes(), reason.as_bytes()].concat())
}

impl Frame {
    /// A single whole frame of any opcode.
    pub(crate) fn new(opcode: u8, payload: impl AsRef<[u8]>) -> Self {
        Self {
            first_byte: FIN | opcode & 0x0f,
            payload: payload.as_ref().to_vec(),
            masking: Masking::ByRole,
            length_form: None,
            claimed_length: None,
        }
    }

    /// FIN off: more fragments of the message follow.
    pub(crate) fn more(self) -> Self {
        Self { first_byte: self.first_byte & !FIN, ..self }
    }

    /// RSV1, RSV2 and RSV3 as the bits 4, 2 and 1.
    pub(crate) fn rsv(self, bits: u8) -> Self {
        Self { first_byte: self.first_byte & !0x70 | (bits & 0x7) << 4, ..self }
    }

    /// Masked with this key, whoever sends it.
    pub(crate) fn key(self, key: [u8; 4]) -> Self {
        Self { masking: Masking::Key(key), ..self }
    }

    /// Not masked, whoever sends it.
    pub(crate) fn unmasked(self) -> Self {
        Self { masking: Masking::Unmasked, ..self }
    }

    /// The length spelt in this form, minimal or not. The form has to hold it.
    pub(crate) fn length_form(self, form: LengthForm) -> Self {
        Self { length_form: Some(form), ..self }
    }

    /// A header that says another length than the payload has.
    pub(crate) fn claiming(self, length: u64) -> Self {
        Self { claimed_length: Some(length), ..self }
    }

    /// The payload compressed by itself, with RSV1. // RFC 7692 §7.2.1
    pub(crate) fn deflated(self) -> Self {
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(&self.payload).unwrap();
        encoder.flush().unwrap();
        let mut payload = encoder.get_ref().clone();
        payload.truncate(payload.len() - b"\x00\x00\xff\xff".len());
        Self { payload, ..self }.rsv(0b100)
    }

    /// The message in fragments of `size` payload bytes, the last one with the rest.
    pub(crate) fn fragments(&self, size: usize) -> Vec<Self> {
        let count = self.payload.chunks(size).count();
        let piece = |(at, payload): (usize, &[u8])| {
            let first_byte = if at == 0 { self.first_byte } else { FIN };
            let whole = Self { first_byte, payload: payload.to_vec(), ..self.clone() };
            if at + 1 < count { whole.more() } else { whole }
        };
        self.payload.chunks(size).enumerate().map(piece).collect()
    }

    /// The frame on the wire. `fresh_key` masks it where its sender's role asks for that.
    pub(crate) fn bytes(&self, sender: Side, fresh_key: [u8; 4]) -> Vec<u8> {
        let key = match (self.masking, sender) {
            (Masking::Key(key), _) => Some(key),
            (Masking::ByRole, Side::Client) => Some(fresh_key),
            (Masking::ByRole, Side::Server) | (Masking::Unmasked, _) => None,
        };
        let mut bytes = vec![self.first_byte];
        self.put_length(&mut bytes, if key.is_some() { MASK } else { 0 });
        bytes.extend(key.into_iter().flatten());
        let mask = key.unwrap_or_default();
        bytes.extend(self.payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        bytes
    }

    fn put_length(&self, bytes: &mut Vec<u8>, mask: u8) {
        let length = self.claimed_length.unwrap_or(self.payload.len() as u64);
        match self.length_form.unwrap_or_else(|| shortest_form(length)) {
            LengthForm::Bits7 => bytes.push(mask | u8::try_from(length).unwrap()),
            LengthForm::Bits16 => {
                bytes.push(mask | 126);
                bytes.extend(u16::try_from(length).unwrap().to_be_bytes());
            }
            LengthForm::Bits64 => {
                bytes.push(mask | 127);
                bytes.extend(length.to_be_bytes());
            }
        }
    }
}

fn shortest_form(length: u64) -> LengthForm {
    match length {
        0..=125 => LengthForm::Bits7,
        126..=0xffff => LengthForm::Bits16,
        _ => LengthForm::Bits64,
    }
}

const FIN: u8 = 0x80;
const MASK: u8 = 0x80;

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

    fn sent_by(sender: Side, frame: &Frame) -> Vec<u8> {
        frame.bytes(sender, KEY)
    }

    // The octets are those of RFC 6455 §5.7.
    #[test]
    fn the_examples_of_the_rfc_come_out_to_the_byte() {
        assert_eq!(sent_by(Side::Server, &text("Hello")), b"\x81\x05Hello");
        assert_eq!(sent_by(Side::Client, &text("Hello")), b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
        assert_eq!(sent_by(Side::Server, &text("Hel").more()), b"\x01\x03Hel");
        assert_eq!(sent_by(Side::Server, &continuation("lo")), b"\x80\x02lo");
        assert_eq!(sent_by(Side::Server, &ping("Hello")), b"\x89\x05Hello");
        assert_eq!(sent_by(Side::Server, &binary([0; 256]))[..4], *b"\x82\x7e\x01\x00");
        assert_eq!(sent_by(Side::Server, &binary([0; 65536]))[..10], *b"\x82\x7f\0\0\0\0\0\x01\0\0");
    }

    // RFC 7692 §7.2.3.1; §7.2.3.2 compresses the same text with a window of history.
    #[test]
    fn a_deflated_hello_is_that_of_the_rfc() {
        let expected = b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00";
        assert_eq!(sent_by(Side::Server, &text("Hello").deflated()), expected);
        assert_eq!(sent_by(Side::Server, &text("").deflated()), b"\xc1\x01\x00");
    }

    #[test]
    fn every_field_can_be_wrong() {
        assert_eq!(sent_by(Side::Client, &text("a").unmasked()), b"\x81\x01a");
        assert_eq!(sent_by(Side::Server, &text("a").key([1, 0, 0, 0])), b"\x81\x81\x01\0\0\0\x60");
        assert_eq!(sent_by(Side::Server, &text("a").rsv(0b011)), b"\xb1\x01a");
        assert_eq!(sent_by(Side::Server, &text("a").length_form(LengthForm::Bits16)), b"\x81\x7e\x00\x01a");
        assert_eq!(sent_by(Side::Server, &text("a").claiming(9)), b"\x81\x09a");
        assert_eq!(sent_by(Side::Server, &Frame::new(0xb, "")), b"\x8b\x00");
        assert_eq!(sent_by(Side::Server, &close(1000, "bye")), b"\x88\x05\x03\xe8bye");
    }

    #[test]
    fn fragments_put_together_are_the_message() {
        let bytes: Vec<_> =
            text("Hello").fragments(2).iter().map(|frame| sent_by(Side::Server, frame)).collect();
        assert_eq!(bytes, [&b"\x01\x02He"[..], b"\x00\x02ll", b"\x80\x01o"]);
    }
}
