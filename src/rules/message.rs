//! Data messages → findings (RFC 6455 §5.6, §8.1, §10.4).

use super::thresholds::Thresholds;
use super::{Finding, Rule, content, fragment, rules};
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

    /// A message is very large.
    ///
    /// Receivers have to protect themselves: most refuse messages over a size of their own, with 1009 or by ending the
    /// connection. The length is that after reassembly and decompression. Send large content in parts, or over HTTP.
    TOO_LARGE = "message-too-large", Warning, "RFC 6455 §10.4";

    /// A data message without payload.
    ///
    /// Legal. Applications use it as a heartbeat, or send it by mistake.
    EMPTY = "message-empty", Info, "RFC 6455 §5.6";
}

/// What a data message breaks. Of one that did not come to its end, what the part breaks that came.
pub fn check(message: &Message, sender: Side, thresholds: &Thresholds, found: &mut impl FnMut(Finding)) {
    if message.opcode.is_control() {
        return;
    }
    let mut broken = |rule: &'static Rule, detail: String| found(rule.broken(sender, message.last, detail));
    match message.text {
        TextState::Invalid { offset } => {
            broken(&INVALID_UTF8, format!("not UTF-8 from byte {offset} of {}", message.length));
        }
        TextState::CutCodePoint { offset } if !message.incomplete() => {
            let detail =
                format!("ends inside the code point that begins at byte {offset} of {}", message.length);
            broken(&TRUNCATED_UTF8, detail);
        }
        _ => {}
    }
    if message.length >= thresholds.large_message {
        broken(&TOO_LARGE, format!("{} bytes", message.length));
    }
    if message.length == 0 && !message.incomplete() && message.opcode != Opcode::CONTINUATION {
        broken(&EMPTY, "no payload".into());
    }
    fragment::check_message(message, sender, thresholds, found);
    content::check(message, sender, found);
}
