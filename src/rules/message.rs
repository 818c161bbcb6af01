//! Data messages → findings (RFC 6455 §5.6, §8.1).

use super::{Finding, rules};
use crate::packet::Side;
use crate::websocket::{Message, Opcode, TextState};

rules! {
    /// A text message is not UTF-8.
    ///
    /// The receiver has to fail the connection (1007). The whole message is judged: a code point may be split
    /// between fragments. Usual causes: binary data sent as text, Latin-1 text, UTF-16 surrogates encoded one by one.
    INVALID_UTF8 = "text-invalid-utf8", Error, "RFC 6455 §8.1";

    /// A text message ends in the middle of a code point.
    ///
    /// The receiver has to fail the connection (1007). Usual cause: text that was cut at a number of bytes.
    TRUNCATED_UTF8 = "text-truncated-utf8", Error, "RFC 6455 §8.1";
}

/// What a whole data message breaks.
pub fn check(message: &Message, sender: Side, found: &mut impl FnMut(Finding)) {
    if message.opcode != Opcode::TEXT {
        return;
    }
    match message.text {
        TextState::Invalid { offset } => {
            let detail = format!("not UTF-8 from byte {offset} of {}", message.length);
            found(INVALID_UTF8.broken(sender, message.last, detail));
        }
        TextState::CutCodePoint { offset } if !message.incomplete() => {
            let detail =
                format!("ends inside the code point that begins at byte {offset} of {}", message.length);
            found(TRUNCATED_UTF8.broken(sender, message.last, detail));
        }
        _ => {}
    }
}
