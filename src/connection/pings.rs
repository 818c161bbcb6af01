//! The Pings of one side and the Pongs of the other → what became of each Ping.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::packet::{PacketRef, Side};
use crate::rules::Finding;
use crate::rules::ping::{self, Beat, Fate};
use crate::rules::thresholds::Thresholds;
use crate::websocket::Message;

/// The Pings of one side that wait for their Pong. At most [`WAITING`] of them: of older ones it is only said that
/// they were not answered.
#[derive(Debug)]
pub(super) struct Pings {
    pinger: Side,
    waiting: VecDeque<Ping>,
    /// Pongs that answered nothing: with holes and reordering, a Pong can be delivered before its Ping.
    strays: VecDeque<(Data, Beat)>,
    /// Are all Pings known that a Pong may answer?
    known: bool,
    unanswered: u64,
    pace: Pace,
}

#[derive(Debug)]
struct Ping {
    data: Data,
    beat: Beat,
    superseded: bool,
    /// Pongs with its data came after it, but other Pings with the same data waited as well.
    maybe_answered: bool,
    mismatch: Option<Beat>,
}

/// Stands for a payload: its hash and length.
type Data = (u64, u64);

/// How many Pings came in the current second.
#[derive(Debug, Default)]
struct Pace {
    since: PacketRef,
    pings: u32,
}

impl Pings {
    /// Nothing seen so far; `known` where the connection is seen from its beginning.
    pub(super) fn new(pinger: Side, known: bool) -> Self {
        Self {
            pinger,
            waiting: VecDeque::new(),
            strays: VecDeque::new(),
            known,
            unanswered: 0,
            pace: Pace::default(),
        }
    }

    /// Takes a whole Ping.
    pub(super) fn ping(
        &mut self,
        message: &Message,
        index: u64,
        thresholds: &Thresholds,
        found: &mut impl FnMut(Finding),
    ) {
        let (data, beat) = (data_of(message), Beat { message: index, at: message.last });
        if self.pace.count(beat.at) == Some(thresholds.many_pings) {
            ping::flood(thresholds.many_pings, beat.at, self.pinger, found);
        }
        let answer = self.strays.iter().position(|(stray, pong)| {
            *stray == data && (pong.at.number > beat.at.number || pong.at.time > beat.at.time)
        });
        if answer.and_then(|place| self.strays.remove(place)).is_some() {
            return;
        }
        if self.waiting.len() == WAITING
            && let Some(oldest) = self.waiting.pop_front()
        {
            self.judge(oldest, beat.at, thresholds, found);
        }
        self.waiting.push_back(Ping { data, beat, superseded: false, maybe_answered: false, mismatch: None });
    }

    /// Takes a whole Pong of the other side.
    pub(super) fn pong(
        &mut self,
        message: &Message,
        index: u64,
        thresholds: &Thresholds,
        found: &mut impl FnMut(Finding),
    ) {
        let (data, beat) = (data_of(message), Beat { message: index, at: message.last });
        let Some(place) = self.waiting.iter().position(|ping| ping.data == data) else {
            return self.stray(data, beat, found);
        };
        self.known = true;
        let Some(answered) = self.waiting.remove(place) else { return };
        let mut same = self.waiting.iter_mut().filter(|ping| ping.data == data).peekable();
        if same.peek().is_some() {
            // Which one was meant? Whoever answers the latest only leaves no other trace than this.
            same.for_each(|ping| ping.maybe_answered = true);
        } else {
            self.waiting.iter_mut().take(place).for_each(|ping| ping.superseded = true);
            if !answered.maybe_answered {
                ping::check_ping(&answered.beat, Fate::Answered(beat), self.pinger, thresholds, found);
            }
        }
    }

    /// Bytes of the side that pings were lost: a Pong may answer a Ping that nobody saw.
    pub(super) const fn pings_lost(&mut self) {
        self.known = false;
    }

    /// Bytes of the other side were lost: any Ping so far may have been answered.
    pub(super) fn pongs_lost(&mut self) {
        self.waiting.clear();
    }

    /// Judges the Pings that still wait when the connection ends, or begins to close. Gives back how many had no answer.
    pub(super) fn finish(
        mut self,
        until: PacketRef,
        thresholds: &Thresholds,
        found: &mut impl FnMut(Finding),
    ) -> u64 {
        for ping in std::mem::take(&mut self.waiting) {
            self.judge(ping, until, thresholds, found);
        }
        self.unanswered
    }

    fn stray(&mut self, data: Data, beat: Beat, found: &mut impl FnMut(Finding)) {
        self.strays.truncate(STRAYS - 1);
        self.strays.push_front((data, beat));
        for ping in &mut self.waiting {
            ping.mismatch.get_or_insert(beat);
        }
        if self.known && self.waiting.is_empty() {
            ping::unsolicited(beat.at, self.pinger.peer(), &mut |finding| {
                found(Finding { message: Some(beat.message), ..finding });
            });
        }
    }

    fn judge(
        &mut self,
        ping: Ping,
        until: PacketRef,
        thresholds: &Thresholds,
        found: &mut impl FnMut(Finding),
    ) {
        let fate = match ping.mismatch {
            _ if ping.maybe_answered => return,
            _ if ping.superseded => Fate::Superseded,
            Some(pong) => Fate::Mismatched(pong),
            None => Fate::Unanswered { until },
        };
        if fate != Fate::Superseded {
            self.unanswered += 1;
        }
        ping::check_ping(&ping.beat, fate, self.pinger, thresholds, found);
    }
}

impl Pace {
    /// Counts a Ping: how many there were in the second that the first of them began.
    fn count(&mut self, at: PacketRef) -> Option<u32> {
        let elapsed = at.time.nanos_since(self.since.time);
        if self.pings == 0 || !(0..crate::packet::NANOS_PER_SECOND).contains(&elapsed) {
            *self = Self { since: at, pings: 0 };
        }
        self.pings = self.pings.checked_add(1)?;
        Some(self.pings)
    }
}

/// Only equality counts; the length is exact for payloads that are not kept whole.
fn data_of(message: &Message) -> Data {
    let mut hasher = DefaultHasher::new();
    message.payload.hash(&mut hasher);
    (hasher.finish(), message.length)
}

/// A side that sends more Pings before the first answer than this does not wait for answers.
const WAITING: usize = 64;
/// Few Pongs overtake their Pings, and only those just before it.
const STRAYS: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::{NANOS_PER_SECOND, Timestamp};

    /// A script of `ping a`, `pong a`, `lost pings`, `lost pongs`, a quarter of a second each, and `wait` seconds.
    fn told(script: &[&str]) -> (Vec<String>, u64) {
        let thresholds = Thresholds::default();
        let mut pings = Pings::new(Side::Server, true);
        let mut findings = Vec::new();
        let mut found = |finding: Finding| findings.push(finding);
        let mut at = PacketRef::default();
        for (index, line) in (0..).zip(script) {
            at = PacketRef { number: index, time: at.time.saturating_add(STEP), file: 0 };
            let (what, data) = line.split_once(' ').unwrap_or((line, ""));
            let length = data.len() as u64;
            let message = Message { payload: data.into(), length, last: at, ..Message::default() };
            match (what, data) {
                ("lost", "pings") => pings.pings_lost(),
                ("lost", "pongs") => pings.pongs_lost(),
                ("ping", _) => pings.ping(&message, index, &thresholds, &mut found),
                ("pong", _) => pings.pong(&message, index, &thresholds, &mut found),
                ("wait", seconds) => {
                    at.time = at.time.saturating_add(seconds.parse::<i64>().unwrap() * NANOS_PER_SECOND);
                }
                _ => panic!("{line}"),
            }
        }
        let unanswered = pings.finish(at, &thresholds, &mut found);
        let line = |finding: &Finding| {
            format!("{:?} {} {}", finding.blame, finding.rule.name, finding.message.unwrap())
        };
        (findings.iter().map(line).collect(), unanswered)
    }

    const STEP: i64 = NANOS_PER_SECOND / 4;

    fn none() -> (Vec<String>, u64) {
        (Vec::new(), 0)
    }

    #[test]
    fn a_ping_with_its_pong_is_nothing_to_tell() {
        assert_eq!(told(&["ping a", "pong a", "ping", "pong", "ping a", "pong a"]), none());
    }

    #[test]
    fn a_late_pong_is_told_with_the_pong() {
        let (findings, unanswered) = told(&["ping a", "wait 3", "pong a"]);
        assert_eq!((findings.as_slice(), unanswered), (["Client ping-rtt-high 2".to_owned()].as_slice(), 0));
    }

    #[test]
    fn a_ping_without_a_pong_counts_but_is_told_only_after_a_while() {
        assert_eq!(told(&["ping a", "wait 5"]), (vec![], 1));
        assert_eq!(told(&["ping a", "wait 40"]), (vec!["Client ping-unanswered 0".into()], 1));
    }

    #[test]
    fn an_answer_to_the_latest_ping_passes_over_those_before() {
        assert_eq!(
            told(&["ping a", "ping b", "pong b", "wait 99"]),
            (vec!["Client ping-superseded 0".into()], 0)
        );
        assert_eq!(told(&["ping a", "ping b", "pong b", "pong a"]).1, 0);
    }

    #[test]
    fn of_pings_with_the_same_data_any_may_be_meant() {
        assert_eq!(told(&["ping", "ping", "pong", "wait 99"]), none());
        assert_eq!(told(&["ping", "ping", "pong", "pong"]), none());
        assert_eq!(told(&["ping", "ping", "pong", "ping", "wait 99"]).1, 1);
    }

    #[test]
    fn a_pong_with_other_data_is_a_mismatch_when_the_right_one_never_comes() {
        let (findings, unanswered) = told(&["ping a", "pong b", "wait 1"]);
        assert_eq!(
            (findings.as_slice(), unanswered),
            (["Client pong-payload-mismatch 1".to_owned()].as_slice(), 1)
        );
        assert_eq!(told(&["ping a", "pong", "pong a"]), none(), "a heartbeat between");
    }

    #[test]
    fn a_pong_that_nobody_asked_for_is_a_heartbeat() {
        assert_eq!(told(&["pong a"]), (vec!["Client pong-unsolicited 0".into()], 0));
        assert_eq!(told(&["ping a", "pong a", "pong a"]).0, ["Client pong-unsolicited 2"]);
    }

    #[test]
    fn where_bytes_were_lost_nothing_is_claimed() {
        assert_eq!(told(&["lost pings", "pong a"]), none());
        assert_eq!(told(&["ping a", "lost pongs", "wait 99"]), none());
        let told = told(&["lost pings", "pong x", "ping a", "pong a", "pong b"]).0;
        assert_eq!(told, ["Client pong-unsolicited 4"]);
    }

    #[test]
    fn a_pong_may_be_delivered_before_its_ping() {
        let thresholds = Thresholds::default();
        let mut pings = Pings::new(Side::Client, false);
        let at = |number| PacketRef { number, ..PacketRef::default() };
        let mut none = |finding: Finding| panic!("{finding:?}");
        pings.pong(&Message { last: at(7), ..Message::default() }, 0, &thresholds, &mut none);
        pings.ping(&Message { last: at(6), ..Message::default() }, 1, &thresholds, &mut none);
        assert_eq!(pings.finish(at(9), &thresholds, &mut none), 0);
    }

    #[test]
    fn a_flood_is_told_once_a_second_and_what_waits_is_bounded() {
        let thresholds = Thresholds::default();
        let mut pings = Pings::new(Side::Client, true);
        let mut floods = 0;
        for number in 0..1000_u64 {
            let time = Timestamp::from_nanos(i64::try_from(number).unwrap() * 10_000_000);
            let message = Message { last: PacketRef { number, time, file: 0 }, ..Message::default() };
            pings.ping(&message, number, &thresholds, &mut |_| floods += 1);
        }
        assert_eq!((floods, pings.waiting.len()), (10, WAITING));
    }
}
