//! Fragments → findings (RFC 6455 §5.4).

use super::frame::{SentFrame, describe};
use super::thresholds::Thresholds;
use super::{Finding, Rule, rules};
use crate::packet::Side;
use crate::websocket::{Message, Opcode};

rules! {
    /// A continuation frame, but no message is open.
    ///
    /// The fragment belongs to nothing: its start was never sent, and the receiver has to fail the connection. Usual
    /// cause: opcode 0 on every fragment, the first one included. It is not reported where the start may be out of the
    /// capture's sight.
    CONTINUATION_UNEXPECTED = "fragment-continuation-unexpected", Error, "RFC 6455 §5.4";

    /// A new data message begins before the last one was finished.
    ///
    /// The fragments of messages may not be mixed (unless an extension allows it). The open message is given up
    /// where it stands. Usual causes: two threads that write without a lock; an opcode other than 0 on each fragment.
    DATA_WHILE_OPEN = "fragment-data-while-open", Error, "RFC 6455 §5.4";

    /// A control frame is fragmented.
    ///
    /// Control frames have to come in one piece, with FIN set. The receiver has to fail the connection.
    CONTROL_FRAGMENTED = "fragment-control-fragmented", Error, "RFC 6455 §5.5";

    /// A fragmented message was never finished.
    ///
    /// Its sender closed the connection, by a Close frame or by FIN or RST, before it sent the last fragment. No
    /// receiver delivers the part that came. Usual cause: a stream that failed while it was sent. Finish the message
    /// before closing, or tell the application why it did not come.
    NEVER_FINISHED = "fragment-never-finished", Warning, "RFC 6455 §5.4";

    /// A fragment that is not the last one has no payload.
    ///
    /// Legal, but it says nothing: some receivers take a run of them for an attack. Streaming interfaces send one when
    /// they flush an empty buffer.
    EMPTY = "fragment-empty", Note, "RFC 6455 §5.4";

    /// The last fragment of a message has no payload.
    ///
    /// Legal: interfaces that stream write it when they learn that the message was already all sent. Some receivers and
    /// some analyzers lose messages that end so.
    EMPTY_FINAL = "fragment-empty-final", Note, "RFC 6455 §5.4";

    /// A message came in very many tiny fragments.
    ///
    /// Each fragment costs the receiver far more than its few bytes: a cheap way to keep it busy, or a sender that
    /// flushes after each write. Join the pieces before sending; bound the number of fragments when receiving.
    FLOOD = "fragment-flood", Warning, "RFC 6455 §10.4";

    /// A control frame stands between the fragments of a message.
    ///
    /// Legal, and what fragments are good for; every receiver has to cope with it. Receivers that take the next frame
    /// for a continuation break here.
    CONTROL_INTERLEAVED = "fragment-control-interleaved", Info, "RFC 6455 §5.4";
}

/// What a frame's place among the fragments breaks.
pub(super) fn check(frame: &SentFrame, found: &mut impl FnMut(Finding)) {
    let header = &frame.header;
    let what = describe(header);
    let mut broken = |rule: &'static Rule, detail| found(rule.broken(frame.sender, frame.at, detail));
    if header.opcode.is_control() {
        if !header.fin {
            broken(&CONTROL_FRAGMENTED, format!("{what} has FIN clear"));
        }
        if frame.message_open && header.opcode == Opcode::CLOSE {
            broken(&NEVER_FINISHED, format!("{what} while a fragmented message is open"));
        } else if frame.message_open {
            broken(&CONTROL_INTERLEAVED, format!("{what} between the fragments of a message"));
        }
        return;
    }
    let continues = header.opcode == Opcode::CONTINUATION;
    match (continues, frame.message_open) {
        (true, false) if frame.start_known => {
            broken(&CONTINUATION_UNEXPECTED, format!("{what} continues nothing"));
        }
        (false, true) => {
            broken(&DATA_WHILE_OPEN, format!("{what} begins while a fragmented message is open"));
        }
        _ => {}
    }
    match (header.length, header.fin) {
        (0, false) => broken(&EMPTY, format!("{what} with FIN clear has no payload")),
        (0, true) if continues && frame.message_open => {
            broken(&EMPTY_FINAL, "the last fragment has no payload".into());
        }
        _ => {}
    }
}

/// What a message's fragments break, taken together.
pub(super) fn check_message(
    message: &Message,
    sender: Side,
    thresholds: &Thresholds,
    found: &mut impl FnMut(Finding),
) {
    if message.frames < thresholds.many_fragments.max(2) {
        return;
    }
    let average = message.wire_length / message.frames;
    if average < TINY {
        let detail = format!(
            "{} bytes in {} frames, {average} bytes a frame with its header",
            message.wire_length, message.frames
        );
        found(FLOOD.broken(sender, message.last, detail));
    }
}

/// Below so many bytes, header included, a fragment is more work than content.
const TINY: u64 = 32;

#[cfg(test)]
mod tests {
    use super::*;

    fn flooded(frames: u64, wire_length: u64) -> bool {
        let message = Message { frames, wire_length, opcode: Opcode::BINARY, ..Message::default() };
        let mut found = Vec::new();
        check_message(&message, Side::Client, &Thresholds::default(), &mut |finding| found.push(finding));
        found.iter().any(|finding| std::ptr::eq(finding.rule, &FLOOD))
    }

    #[test]
    fn many_fragments_are_a_flood_when_they_are_tiny() {
        assert!(flooded(1000, 7_000) && flooded(100_000, 3_100_000));
        assert!(!flooded(999, 7_000), "few");
        assert!(!flooded(65_536, 65_536 * 64), "not tiny");
    }
}
