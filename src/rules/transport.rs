//! TCP → findings: what of the streams is not in the capture, and how they went.

use super::{Blame, Finding, rules};
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
