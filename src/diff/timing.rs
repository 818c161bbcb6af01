//! Messages that stand for each other → how far the clocks are apart, and how the timing moved.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::pairing::PairedBy;
use super::recording::Conversation;
use super::{Clocks, ConnectionPair, Entry};
use crate::packet::{Side, Timestamp};

/// How the timing of one message moved; nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shift {
    /// Since the message before, of either side, in A and in B (the handshake's answer, before the first): where that is the same
    /// message in both.
    pub since: Option<[i64; 2]>,
    /// How much later than in A it is in B, when the clocks are put right.
    pub lag: Option<i64>,
}

impl Shift {
    /// How much longer it took in B.
    pub fn moved(&self) -> Option<i64> {
        self.since.map(|[a, b]| b.saturating_sub(a))
    }
}

/// How far the clocks of two recordings of a connection are apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// How much later it is on the clock of B; nanoseconds.
    pub offset: i64,
    /// How it was found.
    pub basis: Basis,
}

/// How the offset of two clocks was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// Both have the same clock.
    OneClock,
    /// One handshake was seen at two places: the fastest messages of both directions took as long.
    BothDirections,
    /// They are two runs: times count from the answer to the upgrade request, or from the first message that both have.
    Opening,
}

impl Basis {
    /// As the output writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OneClock => "one_clock",
            Self::BothDirections => "both_directions",
            Self::Opening => "opening",
        }
    }
}

/// Times of the messages of both, by their places.
struct Times {
    a: Vec<Timestamp>,
    b: Vec<Timestamp>,
}

impl Times {
    fn of(&self, entry: &Entry) -> Option<[Timestamp; 2]> {
        Some([*self.a.get(entry.a?)?, *self.b.get(entry.b?)?])
    }

    /// How much later each is in B, of one sender or of both.
    fn later<'a>(&'a self, entries: &'a [Entry], sender: Option<Side>) -> impl Iterator<Item = i64> + 'a {
        let wanted = entries.iter().filter(move |entry| sender.is_none_or(|sender| entry.sender == sender));
        wanted.filter_map(|entry| self.of(entry)).map(|[a, b]| b.nanos_since(a))
    }
}

/// Says of each message how its timing moved, and how far the clocks are apart.
pub(super) fn measure(
    pair: [Conversation<'_>; 2],
    entries: &mut [Entry],
    by: PairedBy,
    clocks: Clocks,
) -> Option<Clock> {
    let [a, b] = pair.map(|each| each.messages().map(|said| said.message.last.time).collect());
    let times = Times { a, b };
    let clock = clock(pair, entries, &times, (by, clocks));
    let mates: BTreeMap<usize, usize> = entries.iter().filter_map(|entry| entry.a.zip(entry.b)).collect();
    let [answer_a, answer_b] = pair.map(answered);
    for entry in entries {
        let Some([at_a, at_b]) = times.of(entry) else { continue };
        let before = match (entry.a.and_then(|n| n.checked_sub(1)), entry.b.and_then(|n| n.checked_sub(1))) {
            (None, None) => answer_a.zip(answer_b),
            (Some(a), Some(b)) if mates.get(&a) == Some(&b) => {
                times.a.get(a).copied().zip(times.b.get(b).copied())
            }
            _ => None,
        };
        entry.shift = Shift {
            since: before.map(|(a, b)| [at_a.nanos_since(a), at_b.nanos_since(b)]),
            lag: clock.map(|clock| at_b.nanos_since(at_a).saturating_sub(clock.offset)),
        };
    }
    clock
}

fn answered(conversation: Conversation<'_>) -> Option<Timestamp> {
    conversation.connection.opening.handshake.response.as_ref().map(|head| head.last.time)
}

fn clock(
    pair: [Conversation<'_>; 2],
    entries: &[Entry],
    times: &Times,
    (by, clocks): (PairedBy, Clocks),
) -> Option<Clock> {
    if clocks == Clocks::One && at_once(pair) {
        return Some(Clock { offset: 0, basis: Basis::OneClock });
    }
    if by == PairedBy::Key
        && let Some(offset) = of_both_directions(entries, times)
    {
        return Some(Clock { offset, basis: Basis::BothDirections });
    }
    let [a, b] = pair.map(answered);
    let offset = a.zip(b).map(|(a, b)| b.nanos_since(a)).or_else(|| times.later(entries, None).next())?;
    Some(Clock { offset, basis: Basis::Opening })
}

/// Did one begin before the other ended, on one clock?
fn at_once(pair: [Conversation<'_>; 2]) -> bool {
    let [a, b] = pair.map(|each| (each.connection.opening.start.time, each.connection.closing.end.time));
    a.0 <= b.1 && b.0 <= a.1
}

/// The way from A to B takes time in both directions, which makes B later for one and earlier for the other: between the two fastest
/// messages stands the difference of the clocks alone, if they took as long.
fn of_both_directions(entries: &[Entry], times: &Times) -> Option<i64> {
    let range = |sender| {
        let (mut least, mut most) = (i64::MAX, i64::MIN);
        for later in times.later(entries, Some(sender)) {
            (least, most) = (least.min(later), most.max(later));
        }
        (least <= most).then_some((least, most))
    };
    let (there, back) = (range(Side::Client)?, range(Side::Server)?);
    let middle = |a: i64, b: i64| a.midpoint(b);
    let a_is_nearer_the_client = middle(there.0, there.1) >= middle(back.0, back.1);
    Some(if a_is_nearer_the_client { middle(there.0, back.1) } else { middle(there.1, back.0) })
}

/// How the timing moved, over all connections that both have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Latency of the opening handshakes.
    pub handshake: Option<Timing>,
    /// Of the messages of the client, then of the server, the time since the message before.
    pub since: [Option<Timing>; 2],
    /// Of connections that were seen at two places, how long messages of the client, then of the server, took from A to B.
    pub way: [Option<Spread>; 2],
    /// The message that moved most: the place of its connection, and its own place there.
    pub worst: Option<(usize, usize)>,
}

/// What took how long; nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timing {
    /// How many were measured in both.
    pub count: usize,
    /// In A.
    pub a: Spread,
    /// In B.
    pub b: Spread,
    /// How much longer each took in B.
    pub moved: Spread,
}

/// How values are spread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spread {
    /// As many are below as above.
    pub median: i64,
    /// 95 of 100 are not above.
    pub p95: i64,
    /// The largest.
    pub max: i64,
}

impl Summary {
    pub(super) fn of(connections: &[ConnectionPair]) -> Self {
        let entries = |sender| {
            let all = connections.iter().flat_map(|pair| &pair.messages);
            all.filter(move |entry| entry.sender == sender)
        };
        let handshakes = connections.iter().filter_map(|pair| {
            let [a, b] = pair.handshake;
            Some([a?, b?])
        });
        let way = |sender| {
            let seen_twice =
                |pair: &&ConnectionPair| pair.clock.is_some_and(|clock| clock.basis != Basis::Opening);
            let all = connections.iter().filter(seen_twice).flat_map(|pair| &pair.messages);
            Spread::of(
                all.filter(|entry| entry.sender == sender).filter_map(|entry| entry.shift.lag).collect(),
            )
        };
        Self {
            handshake: Timing::of(handshakes),
            since: [Side::Client, Side::Server]
                .map(|sender| Timing::of(entries(sender).filter_map(|entry| entry.shift.since))),
            way: [Side::Client, Side::Server].map(way),
            worst: worst(connections),
        }
    }
}

fn worst(connections: &[ConnectionPair]) -> Option<(usize, usize)> {
    let all = connections.iter().enumerate().flat_map(|(n, pair)| {
        let moved = |entry: &Entry| entry.shift.moved().map(i64::unsigned_abs);
        pair.messages.iter().enumerate().filter_map(move |(m, entry)| Some((moved(entry)?, (n, m))))
    });
    // Of those that moved as far, the first.
    let worst = all.filter(|(moved, _)| *moved > 0).min_by_key(|(moved, _)| Reverse(*moved));
    worst.map(|(_, place)| place)
}

impl Timing {
    fn of(both: impl Iterator<Item = [i64; 2]>) -> Option<Self> {
        let both: Vec<[i64; 2]> = both.collect();
        let spread = |value: fn(&[i64; 2]) -> i64| Spread::of(both.iter().map(value).collect());
        Some(Self {
            count: both.len(),
            a: spread(|[a, _]| *a)?,
            b: spread(|[_, b]| *b)?,
            moved: spread(|[a, b]| b.saturating_sub(*a))?,
        })
    }
}

impl Spread {
    fn of(mut values: Vec<i64>) -> Option<Self> {
        values.sort_unstable();
        let last = values.len().checked_sub(1)?;
        let at = |place: usize| values.get(place).copied().unwrap_or_default();
        Some(Self { median: at(last / 2), p95: at((last * 95).div_ceil(100)), max: at(last) })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(sender: Side, place: usize) -> Entry {
        Entry { sender, a: Some(place), b: Some(place), changes: Vec::new(), shift: Shift::default() }
    }

    /// Messages of both sides in turn, each seen in A at its place in seconds, and in B so much later.
    fn seen(later: &[i64]) -> (Vec<Entry>, Times) {
        let second = |place: usize| i64::try_from(place).unwrap() * 1_000_000_000;
        let side = |place| if place % 2 == 0 { Side::Client } else { Side::Server };
        let entries = (0..later.len()).map(|place| entry(side(place), place)).collect();
        let time = |(place, later): (usize, &i64)| Timestamp::from_nanos(second(place) + later);
        let a = (0..later.len()).map(|place| Timestamp::from_nanos(second(place))).collect();
        (entries, Times { a, b: later.iter().enumerate().map(time).collect() })
    }

    #[test]
    fn the_clocks_are_told_from_the_way_by_both_directions() {
        // Two seconds ahead; the fastest messages need a millisecond.
        let (entries, times) = seen(&[2_001_000_000, 1_999_000_000, 2_005_000_000, 1_990_000_000]);
        assert_eq!(of_both_directions(&entries, &times), Some(2_000_000_000));
        // The same with the server nearer to A.
        let (entries, times) = seen(&[1_999_000_000, 2_001_000_000, 1_990_000_000, 2_005_000_000]);
        assert_eq!(of_both_directions(&entries, &times), Some(2_000_000_000));
        let (entries, times) = seen(&[5]);
        assert_eq!(of_both_directions(&entries, &times), None);
    }

    #[test]
    fn a_spread_is_of_values_that_were_there() {
        let spread = Spread::of((0..=100).rev().collect()).unwrap();
        assert_eq!((spread.median, spread.p95, spread.max), (50, 95, 100));
        assert_eq!(Spread::of(vec![7]), Some(Spread { median: 7, p95: 7, max: 7 }));
        assert_eq!(Spread::of(Vec::new()), None);
    }

    proptest! {
        #[test]
        fn no_time_overflows(later in prop::collection::vec(any::<i64>(), 0..8)) {
            let (entries, mut times) = seen(&vec![0; later.len()]);
            times.b = later.into_iter().map(Timestamp::from_nanos).collect();
            let _ = of_both_directions(&entries, &times);
        }
    }
}
