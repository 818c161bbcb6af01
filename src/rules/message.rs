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

/// Can [`check`] find nothing in this text, sent in one frame, which is all ASCII with no NUL?
#[inline]
pub(crate) fn is_ordinary(text: &Message, thresholds: &Thresholds) -> bool {
    (1..thresholds.large_message).contains(&text.length) && !content::is_base64(text)
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_text_that_is_ordinary_breaks_nothing(
            text in prop_oneof!["[\\x01-\\x7f]{0,200}", "([A-Za-z0-9+/]{4}){0,60}={0,2}"],
            large_message in 0_u64..200,
            many_fragments in 0_u64..3,
        ) {
            let (length, payload) = (text.len() as u64, text.into_bytes());
            let message = Message {
                opcode: Opcode::TEXT,
                text: TextState::Valid,
                frames: 1,
                wire_length: length + 2,
                length,
                payload,
                ..Message::default()
            };
            let thresholds = Thresholds { large_message, many_fragments, ..Thresholds::default() };
            let mut findings = Vec::new();
            check(&message, Side::Client, &thresholds, &mut |finding| findings.push(finding));
            prop_assert_eq!(is_ordinary(&message, &thresholds), findings.is_empty(), "{:?}", findings);
        }
    }
}
