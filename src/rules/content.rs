//! What a data message carries → findings (RFC 6455 §5.6).
//!
//! Judged by the first kilobyte, as far as it is kept: not where reports ask for no payload. Compressed messages are
//! judged by what comes out of them.

use super::{Finding, rules};
use crate::packet::Side;
use crate::websocket::{Message, Opcode, TextState};

rules! {
    /// A text message has a NUL, or begins with a byte order mark.
    ///
    /// Both are valid UTF-8 and mostly unwanted: parsers of JSON refuse the mark, programs in C end the text at the NUL.
    /// Usual causes: a file that was sent as it was read, a buffer that was sent with its terminator. A NUL at the
    /// very end is not reported, since some protocols (STOMP) end their messages so.
    BOM_OR_NUL = "text-bom-or-nul", Note, "RFC 6455 §5.6";

    /// A binary message that is readable text.
    ///
    /// Legal, but a browser gives the application a Blob or an ArrayBuffer instead of a string. Usual cause: a library
    /// that sends byte strings as binary. Send it as text, if the receiver expects text.
    BINARY_LOOKS_TEXT = "binary-looks-text", Note, "RFC 6455 §5.6";

    /// A text message that is Base64 from its first byte to its last.
    ///
    /// Legal, but as a binary message it would be a quarter smaller, and nobody had to decode it.
    TEXT_LOOKS_BINARY = "text-looks-binary", Note, "RFC 6455 §5.6";
}

/// What the content of a whole data message breaks.
pub(super) fn check(message: &Message, sender: Side, found: &mut impl FnMut(Finding)) {
    if message.incomplete() || message.undecoded {
        return;
    }
    let begin = begin_of(message);
    let whole = begin.len() as u64 == message.length;
    let mut broken =
        |rule: &'static super::Rule, detail: String| found(rule.broken(sender, message.last, detail));
    if message.opcode == Opcode::TEXT && message.text == TextState::Valid {
        if begin.starts_with(BOM) {
            broken(&BOM_OR_NUL, "begins with a byte order mark".into());
        } else if let Some(offset) = inner_nul(begin, whole) {
            broken(&BOM_OR_NUL, format!("NUL at byte {offset} of {}", message.length));
        }
        if is_base64(message) {
            broken(&TEXT_LOOKS_BINARY, format!("{} bytes of Base64", message.length));
        }
    } else if message.opcode == Opcode::BINARY && is_readable(begin) {
        broken(&BINARY_LOOKS_TEXT, format!("{} bytes of readable text", message.length));
    }
}

/// A NUL that does not end the text.
fn inner_nul(begin: &[u8], whole: bool) -> Option<usize> {
    let offset = memchr::memchr(0, begin)?;
    let after = begin.get(offset + 1..).unwrap_or_default();
    let ends = whole && after.iter().all(|byte| matches!(byte, 0 | b'\n' | b'\r'));
    (!ends).then_some(offset)
}

/// What of its payload is looked at.
fn begin_of(message: &Message) -> &[u8] {
    message.payload.get(..LOOK).unwrap_or(&message.payload)
}

/// Long enough that no word or number passes, with letters of both cases and a digit.
#[inline]
pub(super) fn is_base64(text: &Message) -> bool {
    let is_long = text.length >= LEAST_BASE64 as u64 && text.length.is_multiple_of(4);
    is_long && are_base64(begin_of(text))
}

fn are_base64(begin: &[u8]) -> bool {
    let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    let length = begin.iter().position(|byte| !is_digit(byte)).unwrap_or(begin.len());
    let (digits, padding) = begin.split_at_checked(length).unwrap_or_default();
    digits.len() >= LEAST_BASE64
        && padding.len() <= 2
        && padding.iter().all(|byte| *byte == b'=')
        && digits.iter().any(u8::is_ascii_uppercase)
        && digits.iter().any(u8::is_ascii_lowercase)
        && digits.iter().any(u8::is_ascii_digit)
}

fn is_readable(begin: &[u8]) -> bool {
    // Most binary messages end here, at one of their first bytes.
    let odd = |byte: &u8| byte.is_ascii_control() && !byte.is_ascii_whitespace();
    if begin.len() < LEAST_TEXT || begin.iter().any(odd) {
        return false;
    }
    match std::str::from_utf8(begin) {
        Ok(_) => true,
        // The first kilobyte may end inside a character.
        Err(error) => error.error_len().is_none() && error.valid_up_to() + 4 > LOOK,
    }
}

/// How far to look: further costs time, and changes no verdict.
const LOOK: usize = 1024;
/// Shorter binary messages are readable by chance, or words such as a protocol's version.
const LEAST_TEXT: usize = 16;
/// Shorter texts can be names or keys.
const LEAST_BASE64: usize = 64;
const BOM: &[u8] = b"\xef\xbb\xbf";

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(opcode: Opcode, payload: &[u8]) -> Vec<&'static str> {
        let text = if opcode == Opcode::TEXT { TextState::Valid } else { TextState::NotJudged };
        let length = payload.len() as u64;
        let message = Message { opcode, text, length, payload: payload.to_vec(), ..Message::default() };
        let mut names = Vec::new();
        check(&message, Side::Client, &mut |finding| names.push(finding.rule.name));
        names
    }

    #[test]
    fn marks_and_nuls_in_a_text_are_told() {
        assert_eq!(broken(Opcode::TEXT, "\u{feff}{}".as_bytes()), ["text-bom-or-nul"]);
        assert_eq!(broken(Opcode::TEXT, b"a\0b"), ["text-bom-or-nul"]);
        assert_eq!(broken(Opcode::TEXT, b"SEND\n\nbody\0\n"), [""; 0], "a terminator");
        assert_eq!(broken(Opcode::TEXT, b""), [""; 0]);
    }

    #[test]
    fn base64_is_known_by_its_alphabet_and_length() {
        let long = "TG9yZW0gaXBzdW0gZG9sb3Igc2l0IGFtZXQ0".repeat(4);
        assert_eq!(broken(Opcode::TEXT, long.as_bytes()), ["text-looks-binary"]);
        assert_eq!(broken(Opcode::TEXT, format!("{long}TG9=").as_bytes()), ["text-looks-binary"]);
        assert_eq!(broken(Opcode::TEXT, &long.as_bytes()[..60]), [""; 0], "short");
        assert_eq!(broken(Opcode::TEXT, "0123456789abcdef".repeat(8).as_bytes()), [""; 0], "hex");
        assert_eq!(broken(Opcode::TEXT, format!("{long} word").as_bytes()), [""; 0]);
    }

    #[test]
    fn a_binary_message_is_text_when_all_of_it_can_be_read() {
        assert_eq!(broken(Opcode::BINARY, br#"{"type":"hello","n":1}"#), ["binary-looks-text"]);
        assert_eq!(broken(Opcode::BINARY, "柳州".repeat(500).as_bytes()), ["binary-looks-text"]);
        assert_eq!(broken(Opcode::BINARY, b"RFB 003.008\n"), [""; 0], "short");
        assert_eq!(broken(Opcode::BINARY, b"some text and then \x01"), [""; 0]);
        assert_eq!(broken(Opcode::BINARY, b"some text and then \xff"), [""; 0]);
        assert_eq!(
            broken(Opcode::BINARY, "this one ends here 柳".as_bytes().split_last().unwrap().1),
            [""; 0]
        );
    }
}
