//! What a connection, and a capture, took in time: figures, no judgement.

use crate::packet::Endpoint;
use crate::tcp::Stalls;

/// The figures of one connection, as seen where it was captured. What bytes that are missing leave open is not counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Nanoseconds from the upgrade request to its answer; `None` where one of them was not captured, or the
    /// capture has them in the wrong order.
    pub handshake: Option<u64>,
    /// Of what the client sent, then of what the server sent; `None` where there is nothing to tell.
    pub sides: [Option<Box<SideStatistics>>; 2],
}

impl Statistics {
    /// The figures of a connection of which only the opening handshake is known, and its latency.
    pub fn opened_after(latency: Option<i64>) -> Self {
        Self { handshake: latency.and_then(|latency| u64::try_from(latency).ok()), ..Self::default() }
    }
}

/// The figures of what one side sent. Times are in nanoseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SideStatistics {
    /// Payload bytes of its data messages, unmasked and decompressed.
    pub lengths: Option<Distribution>,
    /// Data messages in each second that had any; it begins with the first message after the second before.
    pub rates: Option<Distribution>,
    /// From the packet with the first byte of a data message to the one with its last, of messages in several packets.
    pub transfers: Option<Distribution>,
    /// Control frames that it sent between the fragments of a data message.
    pub interleaved: u64,
    /// Its Pongs that waited for the end of a data message of its own.
    pub delayed_pongs: Delays,
    /// From its Ping to the Pong that answers it.
    pub round_trips: Option<Distribution>,
    /// Times in which it had bytes to send and the other side no room for them.
    pub stalls: Stalls,
}

/// How many times something waited, and how long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delays {
    /// How many.
    pub count: u64,
    /// Nanoseconds of the longest.
    pub longest: u64,
}

/// How values are spread. Least, largest and number are exact; a percentile is the least value
/// that so many percent of all do not exceed, exact up to 128 values, beyond that off by at most a sixty-fourth of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of statistics")]
pub struct Distribution {
    pub count: u64,
    pub min: u64,
    pub p50: u64,
    pub p90: u64,
    pub p99: u64,
    pub max: u64,
}

impl Distribution {
    /// Of values that are all at hand, whose order changes; `None` where there is none.
    pub fn of<Value: Copy + Ord + Into<u64>>(values: &mut [Value]) -> Option<Self> {
        if let [only] = values {
            let only = (*only).into();
            return Some(Self { count: 1, min: only, p50: only, p90: only, p99: only, max: only });
        }
        values.sort_unstable();
        let (min, max) = ((*values.first()?).into(), (*values.last()?).into());
        let count = values.len() as u64;
        let [p50, p90, p99] = [50, 90, 99].map(|percent| {
            let place = usize::try_from(Self::rank(count, percent) - 1).unwrap_or(usize::MAX);
            values.get(place).map_or(max, |value| (*value).into())
        });
        Some(Self { count, min, p50, p90, p99, max })
    }

    /// The place of a percentile among `count` sorted values, from 1 (nearest rank).
    pub fn rank(count: u64, percent: u64) -> u64 {
        let (hundreds, rest) = (count / 100, count % 100);
        hundreds.saturating_mul(percent).saturating_add((rest * percent).div_ceil(100)).max(1)
    }
}

/// One client that connected again and again to the same place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reconnects {
    /// Its address; its port is another one each time.
    pub client: std::net::IpAddr,
    /// Where it connected to.
    pub server: Endpoint,
    /// The target of the CONNECT request, inside a proxy's tunnel.
    pub tunnel: Option<String>,
    /// The `Host` that it asked.
    pub host: Option<String>,
    /// The target that it asked for, without the query: clients put a fresh token or session there.
    pub path: String,
    /// Its connections and attempts, refused ones too.
    pub connections: u64,
    /// Nanoseconds from the end of one to the beginning of the next, in their order the source of `backoff`.
    pub intervals: Distribution,
    /// Whether it waited longer and longer; `None` where that can't be told.
    pub backoff: Option<Backoff>,
}

/// How the intervals between the attempts of a client follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backoff {
    /// None reached a tenth of a second.
    Immediate,
    /// The longest is less than one and a half times the shortest.
    Constant,
    /// None fell below three quarters of the one before, and the last is at least one and a half times the first.
    Growing,
    /// None of these.
    Irregular,
}

impl Backoff {
    /// As the output writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Immediate => "immediate",
            Self::Constant => "constant",
            Self::Growing => "growing",
            Self::Irregular => "irregular",
        }
    }

    /// Judges intervals in nanoseconds, in the order in which they came. A single one tells whether there was any wait.
    pub fn of(intervals: &[u64]) -> Option<Self> {
        let (first, last) = (*intervals.first()?, *intervals.last()?);
        let (min, max) = (*intervals.iter().min()?, *intervals.iter().max()?);
        if max < IMMEDIATE {
            return Some(Self::Immediate);
        }
        if intervals.len() < 2 {
            return None;
        }
        let reaches = |long: u64, short: u64| u128::from(long) * 2 >= u128::from(short) * 3;
        let holds = |before: &u64, now: &u64| u128::from(*now) * 4 >= u128::from(*before) * 3;
        let holds = intervals.iter().zip(intervals.iter().skip(1)).all(|(before, now)| holds(before, now));
        Some(match () {
            () if holds && reaches(last, first) => Self::Growing,
            () if !reaches(max, min) => Self::Constant,
            () => Self::Irregular,
        })
    }
}

/// A tenth of a second: a client that waits means to wait longer; names to resolve and a new connection take less.
const IMMEDIATE: u64 = 100_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_nearest_rank() {
        let mut values: Vec<u64> = (1..=100).rev().collect();
        let of = Distribution::of(&mut values).unwrap();
        assert_eq!((of.count, of.min, of.p50, of.p90, of.p99, of.max), (100, 1, 50, 90, 99, 100));
        let of = Distribution::of(&mut [7_u64, 3]).unwrap();
        assert_eq!((of.p50, of.p90, of.p99), (3, 7, 7));
        assert_eq!(Distribution::of::<u64>(&mut []), None);
    }

    #[test]
    fn a_backoff_is_told_by_how_intervals_follow_each_other() {
        let of = |millis: &[u64]| {
            let nanos: Vec<_> = millis.iter().map(|millis| millis * 1_000_000).collect();
            Backoff::of(&nanos).map(Backoff::name)
        };
        assert_eq!(of(&[1000, 2000, 4000, 8000]), Some("growing"));
        assert_eq!(of(&[0, 1000, 1900, 4100, 4000, 4050]), Some("growing"), "up to a limit, with jitter");
        assert_eq!(of(&[1000, 1001, 998]), Some("constant"));
        assert_eq!(of(&[1000, 1499]), Some("constant"));
        assert_eq!(of(&[1000, 1500]), Some("growing"));
        assert_eq!(of(&[99, 0, 3]), Some("immediate"));
        assert_eq!(of(&[5]), Some("immediate"));
        assert_eq!(of(&[1000, 5000, 20]), Some("irregular"));
        assert_eq!(of(&[4000, 1000]), Some("irregular"));
        assert_eq!(of(&[100]), None, "one alone does not grow");
        assert_eq!(of(&[]), None);
    }
}
