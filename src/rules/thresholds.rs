//! When something legal becomes worth saying.

use std::time::Duration;

/// What counts as slow, silent or many. No standard sets these: each has a default that suits most, and may be
/// changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// From the upgrade request to its answer (`--slow-handshake`). A second is several round trips around the world.
    pub slow_handshake: Duration,
    /// From a Ping to its Pong, and from a Close to its answer.
    pub slow_answer: Duration,
    /// For which a receiver has no room while bytes wait for it.
    pub stall: Duration,
    /// By which the time of packets runs backwards. Captures swap packets by a few milliseconds, which does no harm.
    pub clock_step: Duration,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            slow_handshake: Duration::from_secs(1),
            slow_answer: Duration::from_secs(1),
            stall: Duration::from_millis(100),
            clock_step: Duration::from_secs(1),
        }
    }
}
