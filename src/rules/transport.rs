//! TCP and the capture itself → findings: what the other findings can be trusted with.

use super::{Blame, Finding, rules};
use crate::packet::{CaptureDamage, DamageKind, PacketRef};
use crate::tcp::{Conflict, Gap, GapReason};

rules! {
    /// Bytes of the stream are not in the capture.
    ///
    /// They were sent, but the capture dropped them, the snap length cut them, or the capture ended first. Inside a
    /// payload only that message suffers; over a frame header the next frame has to be searched for.
    GAP = "tcp-gap", Warning, "";

    /// A retransmission carries other bytes than the packet before it.
    ///
    /// The bytes that were captured first are used. Rare by accident: a broken network device, or an attempt to show
    /// an analyzer something else than the receiver.
    OVERLAP_CONFLICT = "tcp-overlap-conflict", Warning, "RFC 9293 §3.10.7.4";

    /// The place of a frame header was lost, and bytes were passed over until frames made sense again.
    ///
    /// What was sent in these bytes is unknown. The first message after them is marked `resynchronised`.
    DESYNC = "frame-desync", Warning, "";

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

    /// Encrypted connections whose keys are not known.
    ///
    /// They may carry WebSocket (`wss`), which can be read only with the keys of the session.
    TLS_NO_KEYS = "tls-no-keys", Info, "";
}

/// A hole in what `sender` sent.
pub fn gap(gap: &Gap, found: &mut impl FnMut(Finding)) {
    let why = match gap.reason {
        GapReason::Acknowledged => "were acknowledged, but are not in the capture",
        GapReason::SnapLength => "were cut off by the snap length",
        GapReason::Bound => "did not come before the limit on early bytes was reached",
        GapReason::End => "did not come before the end",
    };
    let detail = format!("{} bytes from offset {} of the stream {why}", gap.length, gap.offset);
    found(GAP.broken(Blame::Capture, gap.at, detail));
}

/// A retransmission that differs.
pub fn conflict(conflict: &Conflict, found: &mut impl FnMut(Finding)) {
    let detail = format!(
        "{} bytes from offset {} of the stream differ from those captured before; the first ones are used",
        conflict.length, conflict.offset
    );
    found(OVERLAP_CONFLICT.broken(Blame::Capture, conflict.at, detail));
}

/// A capture file that is not whole; `at` is its last packet.
pub fn damage(path: &str, damage: &CaptureDamage, at: PacketRef) -> Finding {
    let rule = match damage.kind {
        DamageKind::Truncated => &FILE_TRUNCATED,
        DamageKind::Garbage => &FILE_DAMAGED,
    };
    rule.broken(Blame::Capture, at, format!("{path}: at byte {}: {}", damage.offset, damage.detail))
}
