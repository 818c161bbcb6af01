//! What one direction of a connection showed besides bytes.

/// What one direction showed besides bytes, in packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// All.
    pub segments: u32,
    /// Segments with bytes that were captured before.
    pub retransmitted: u32,
    /// Segments with new bytes only that came after bytes sent behind them: swapped on the way or in the
    /// capture, or sent again after a loss.
    pub out_of_order: u32,
    /// Keep-alives (RFC 9293 §3.8.4): nothing or one byte, before the next one. A byte sent again looks the same.
    pub keep_alives: u32,
    /// Segments that offered no room to the peer.
    pub zero_windows: u32,
    /// Segments that can't be of this life of the flow: 1 GiB away, or behind its end.
    pub out_of_window: u32,
}

pub(super) fn count(counter: &mut u32) {
    *counter = counter.saturating_add(1);
}
