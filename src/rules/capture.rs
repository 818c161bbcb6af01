//! The capture itself → findings: what the other findings can be trusted with.

use super::{Blame, Finding, rules};
use crate::packet::{CaptureDamage, DamageKind, PacketRef};

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
}

/// A capture file that is not whole; `at` is its last packet.
pub fn damage(path: &str, damage: &CaptureDamage, at: PacketRef) -> Finding {
    let rule = match damage.kind {
        DamageKind::Truncated => &FILE_TRUNCATED,
        DamageKind::Garbage => &FILE_DAMAGED,
    };
    rule.broken(Blame::Capture, at, format!("{path}: at byte {}: {}", damage.offset, damage.detail))
}
