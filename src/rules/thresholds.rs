//! When something legal becomes worth saying.

use std::time::Duration;

/// What counts as slow, silent, large or many. No standard sets these: each has a default that suits most, and may be
/// changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// From the upgrade request to its answer (`--slow-handshake`): 1 s. That is several round trips around the world.
    pub slow_handshake: Duration,
    /// From a Ping to its Pong, from a Close to its answer, and from that to the end of TCP (`--slow-answer`): 1 s. Endpoints do all
    /// three by themselves, without asking the application.
    pub slow_answer: Duration,
    /// For so long a Ping has to go without a Pong before that counts (`--silent-ping`): 10 s. Common keepalives give up
    /// after 20.
    pub silent_ping: Duration,
    /// So long a connection has to be silent before its end can look like an idle timeout (`--idle`): 25 s. Proxies, load
    /// balancers and servers wait 30 s and longer.
    pub idle: Duration,
    /// Payload bytes of a message from which on it is large (`--large-message`): 16 MiB. Servers refuse messages from
    /// 64 KiB to 100 MiB.
    pub large_message: u64,
    /// Fragments of one message from which on they are many, if they are tiny on average: 1000.
    pub many_fragments: u64,
    /// Pings of one side within a second from which on they are many: 50. A keepalive sends one in 20 seconds, a
    /// program that measures the network ten in one.
    pub many_pings: u32,
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
            silent_ping: Duration::from_secs(10),
            idle: Duration::from_secs(25),
            large_message: 16 << 20,
            many_fragments: 1000,
            many_pings: 50,
            stall: Duration::from_millis(100),
            clock_step: Duration::from_secs(1),
        }
    }
}

/// Is a time of the capture, in nanoseconds, at least as long as the threshold? A negative one (the clock was set
/// back) never is.
pub(crate) fn reaches(nanos: i64, threshold: Duration) -> bool {
    u64::try_from(nanos).is_ok_and(|nanos| Duration::from_nanos(nanos) >= threshold)
}

/// `1.5 s`: a time of the capture for a sentence, rounded.
pub(super) fn seconds(nanos: i64) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    let nanos = nanos.unsigned_abs();
    let rounded = |unit: u64| nanos.saturating_add(unit / 2) / unit;
    let (micros, millis, tenths) = (rounded(1_000), rounded(1_000_000), rounded(100_000_000));
    match (micros, millis) {
        (0..1_000, _) => format!("{sign}0.{micros:03} ms"),
        (_, 0..1_000) => format!("{sign}{millis} ms"),
        _ => format!("{sign}{}.{} s", tenths / 10, tenths % 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_reaches_a_threshold_from_it_on() {
        let second = Duration::from_secs(1);
        assert!(reaches(1_000_000_000, second) && !reaches(999_999_999, second));
        assert!(!reaches(i64::MIN, Duration::ZERO) && reaches(0, Duration::ZERO));
    }

    #[test]
    fn times_are_said_in_the_unit_that_fits() {
        let said = [12_000, 1_234_567, 1_250_000_000, 60_049_000_000, -1_500_000_000].map(seconds);
        assert_eq!(said, ["0.012 ms", "1 ms", "1.3 s", "60.0 s", "-1.5 s"]);
    }
}
