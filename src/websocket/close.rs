//! A Close message → its status code and reason (RFC 6455 §5.5.1).

use super::utf8::Utf8Check;
use super::{Message, Opcode, TextState};

/// What a Close frame says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CloseBody {
    /// The status code; `None` when the body is too short for one, or its bytes are missing.
    pub code: Option<u16>,
    /// The reason as far as it is known, bytes that are not UTF-8 replaced.
    pub reason: String,
    /// Is the reason UTF-8? Offsets count from the body's first byte. Not judged where there is no reason to read
    /// (a body of 0 or 1 bytes) or where bytes are missing.
    pub reason_state: TextState,
    /// Bytes of the body, code included: 0 for a Close without a code, and 1 breaks the protocol.
    pub length: u64,
}

impl CloseBody {
    /// Reads the body of a Close message; `None` of any other message, and of one that ended before its body.
    pub fn of(message: &Message) -> Option<Self> {
        if message.opcode != Opcode::CLOSE || (message.unfinished && message.length == 0) {
            return None;
        }
        let length = message.length;
        let Some((code, reason)) = known_body(message).split_first_chunk() else {
            return Some(Self { length, ..Self::default() });
        };
        Some(Self {
            code: Some(u16::from_be_bytes(*code)),
            reason: String::from_utf8_lossy(reason).into_owned(),
            reason_state: reason_state(reason, message),
            length,
        })
    }

    /// The code that an API reports: 1005 for a Close without a body. // RFC 6455 §7.1.5
    pub const fn status(&self) -> Option<u16> {
        if self.length == 0 { Some(NO_STATUS_RECEIVED) } else { self.code }
    }
}

/// Stands for the absence of a code, and is never on the wire. // RFC 6455 §7.4.1
pub const NO_STATUS_RECEIVED: u16 = 1005;

/// The body up to its first missing byte: what comes after a hole may be anything.
fn known_body(message: &Message) -> &[u8] {
    let intact = message.first_missing.and_then(|offset| usize::try_from(offset).ok());
    intact.and_then(|end| message.payload.get(..end)).unwrap_or(&message.payload)
}

fn reason_state(reason: &[u8], message: &Message) -> TextState {
    match Utf8Check::of(reason) {
        TextState::Invalid { offset } => TextState::Invalid { offset: offset.saturating_add(CODE_SIZE) },
        _ if message.incomplete() || message.kept_in_part() => TextState::NotJudged,
        TextState::CutCodePoint { offset } => {
            TextState::CutCodePoint { offset: offset.saturating_add(CODE_SIZE) }
        }
        state => state,
    }
}

/// The status code before the reason.
const CODE_SIZE: u64 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    fn close(payload: &[u8]) -> Message {
        let length = payload.len() as u64;
        Message { opcode: Opcode::CLOSE, length, payload: payload.to_vec(), ..Message::default() }
    }

    fn body(message: &Message) -> CloseBody {
        CloseBody::of(message).unwrap()
    }

    #[test]
    fn a_code_and_a_reason_are_read() {
        let expected = CloseBody {
            code: Some(1000),
            reason: "bye".to_owned(),
            reason_state: TextState::Valid,
            length: 5,
        };
        assert_eq!(body(&close(b"\x03\xe8bye")), expected);
    }

    #[test]
    fn a_body_too_short_for_a_code_has_none() {
        assert_eq!(body(&close(b"")), CloseBody::default());
        assert_eq!(body(&close(b"")).status(), Some(1005));
        assert_eq!(body(&close(b"\x03")).status(), None);
        assert_eq!(CloseBody::of(&Message { unfinished: true, ..close(b"") }), None);
        assert_eq!(body(&close(b"\x03")), CloseBody { length: 1, ..CloseBody::default() });
        assert_eq!(body(&close(b"\xff\xff")).code, Some(0xffff));
    }

    #[test]
    fn a_reason_that_is_not_utf_8_says_where_in_the_body() {
        let invalid = body(&close(b"\x03\xe8a\xff!"));
        assert_eq!(invalid.reason, "a\u{fffd}!");
        assert_eq!(invalid.reason_state, TextState::Invalid { offset: 3 });
        assert_eq!(body(&close(b"\x03\xe8a\xe4\xbd")).reason_state, TextState::CutCodePoint { offset: 3 });
    }

    #[test]
    fn what_stands_after_a_hole_is_no_part_of_code_or_reason() {
        let holed = |first_missing| Message {
            first_missing: Some(first_missing),
            missing_bytes: 4,
            length: 9,
            ..close(b"\x03\xe8bye")
        };
        assert_eq!(body(&holed(1)), CloseBody { length: 9, ..CloseBody::default() });
        let cut = body(&holed(3));
        assert_eq!((cut.code, cut.reason.as_str()), (Some(1000), "b"));
        assert_eq!(cut.reason_state, TextState::NotJudged);
    }

    #[test]
    fn only_a_close_has_a_close_body() {
        assert_eq!(CloseBody::of(&Message { opcode: Opcode::PING, ..close(b"\x03\xe8") }), None);
    }
}
