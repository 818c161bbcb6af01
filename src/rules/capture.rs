//! The capture itself → findings: what the other findings can be trusted with.

use super::thresholds::Thresholds;
use super::transport::seconds;
use super::{Blame, Finding, rules};
use crate::limits::Limits;
use crate::packet::{CaptureDamage, DamageKind, PacketRef};
use crate::websocket::Message;

rules! {
    /// A limit cut something.
    ///
    /// The finding says which limit, and what was cut. What a message's length, its UTF-8 or later messages are is not
    /// touched by it.
    LIMIT_REACHED = "limit-reached", Warning, "";

    /// The capture file ends in the middle of a packet.
    ///
    /// All packets before it were read. Usual causes: a full disk, a capture that is still being written, a broken
    /// download.
    FILE_TRUNCATED = "capture-file-truncated", Warning, "";

    /// The capture file holds something that is no packet.
    ///
    /// All packets before it were read, nothing after it.
    FILE_DAMAGED = "capture-file-damaged", Warning, "";

    /// Packets were dropped while the capture was made.
    ///
    /// The file says so itself. Connections can show gaps that were never on the network.
    DROPPED_PACKETS = "capture-dropped-packets", Warning, "";

    /// Time runs backwards in the capture.
    ///
    /// A packet has an earlier time than the one before it, by more than packets get swapped: a clock was set while
    /// the capture was made, or a file was put together out of order. Durations and delays across that place are
    /// wrong; the bytes are not. Several files are merged by time, which is no step back.
    TIME_BACKWARDS = "capture-time-backwards", Warning, "";
}

/// A capture file that is not whole; `at` is its last packet.
pub fn damage(path: &str, damage: &CaptureDamage, at: PacketRef) -> Finding {
    let rule = match damage.kind {
        DamageKind::Truncated => &FILE_TRUNCATED,
        DamageKind::Garbage => &FILE_DAMAGED,
    };
    rule.broken(Blame::Capture, at, format!("{path}: at byte {}: {}", damage.offset, damage.detail))
}

/// Time that ran backwards `count` times, most by `longest` nanoseconds before the packet `at`.
pub fn backwards(count: u64, longest: i64, at: PacketRef, thresholds: &Thresholds) -> Option<Finding> {
    let is_step = u128::try_from(longest).is_ok_and(|longest| longest > thresholds.clock_step.as_nanos());
    is_step.then(|| {
        let detail = format!(
            "time runs backwards {count} times, by {} at most (before this packet)",
            seconds(longest)
        );
        TIME_BACKWARDS.broken(Blame::Capture, at, detail)
    })
}

/// What the limits cut off a message. `wanted` payload bytes were asked for: less by choice is no cut.
pub fn cut(message: &Message, wanted: usize, limits: &Limits, found: &mut impl FnMut(Finding)) {
    if message.truncated && wanted >= limits.payload {
        let (length, kept) = (message.length, message.payload.len());
        let detail = format!("payload of {length} bytes cut to {kept} (--max-payload)");
        found(LIMIT_REACHED.broken(Blame::Capture, message.last, detail));
    }
    let kept = message.fragments.len();
    if kept >= limits.frames && message.frames > limits.frames as u64 {
        let detail =
            format!("of {} frames of a message the first {kept} are listed (frames)", message.frames);
        found(LIMIT_REACHED.broken(Blame::Capture, message.last, detail));
    }
}
