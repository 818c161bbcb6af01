//! The Pings of one side and the Pongs of the other → what became of each Ping.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::packet::{PacketRef, Side, Timestamp};
use crate::rules::ping::{self, Beat, Fate};
use crate::rules::thresholds::{Thresholds, reaches};
use crate::rules::{Finding, capture};
use crate::websocket::Message;

/// The Pings of one side that wait for their Pong: the latest [`WAITING`] of them, older ones are counted.
#[derive(Debug)]
pub(super) struct Pings {
    pinger: Side,
    waiting: VecDeque<Ping>,
    older: Option<Box<Older>>,
    /// Pings that made room for later ones before anything was known of them.
    crowded_out: u64,
    strays: VecDeque<Stray>,
    echo: Echo,
    /// Are all Pings known that a Pong may answer?
    known: bool,
    pace: Pace,
}

#[derive(Debug)]
struct Ping {
    data: Data,
    beat: Beat,
    superseded: bool,
    /// Pongs with its data came after it, but other Pings with the same data waited as well.
    maybe_answered: bool,
}

/// Pings that wait longer than those that are listed.
#[derive(Debug)]
struct Older {
    first: Beat,
    count: u64,
}

/// A Pong that answers no Ping so far: behind a hole of its direction, a Ping is delivered after its Pong.
#[derive(Debug)]
struct Stray {
    data: Data,
    beat: Beat,
    /// Did no Ping wait for an answer, as far as all are known?
    unasked: bool,
}

/// Does each Ping have one Pong soon after it, and always with other data? Pongs that nobody asked for are legal at any
/// time, so that a single one proves nothing.
#[derive(Debug, Default)]
struct Echo {
    pings: u64,
    wrong: u64,
    first: Option<Box<(Beat, Beat)>>,
    /// The latest Ping, until a Pong comes.
    open: Option<Beat>,
    disproved: bool,
}

/// Stands for a payload: its hash and length.
type Data = (u64, u64);

/// A Ping and the Pong that answers it, where no other can have been meant.
pub(super) type RoundTrip = [PacketRef; 2];

/// How many Pings came in the current second.
#[derive(Debug, Default)]
struct Pace {
    since: Timestamp,
    pings: u32,
}

impl Pings {
    /// Nothing seen so far; `known` where the connection is seen from its beginning.
    pub(super) fn new(pinger: Side, known: bool) -> Self {
        Self {
            pinger,
            waiting: VecDeque::new(),
            older: None,
            crowded_out: 0,
            strays: VecDeque::new(),
            echo: Echo::default(),
            known,
            pace: Pace::default(),
        }
    }

    /// Bytes of memory.
    pub(super) fn memory(&self) -> usize {
        size_of::<Self>()
            + self.waiting.capacity() * size_of::<Ping>()
            + self.strays.capacity() * size_of::<Stray>()
            + self.older.as_ref().map_or(0, |older| size_of_val(&**older))
            + self.echo.first.as_ref().map_or(0, |pair| size_of_val(&**pair))
    }

    /// Takes a whole Ping. Its Pong may have come before.
    pub(super) fn ping(
        &mut self,
        message: &Message,
        index: u64,
        thresholds: &Thresholds,
        found: &mut impl FnMut(Finding),
    ) -> Option<RoundTrip> {
        let (data, beat) = (data_of(message), Beat { message: index, at: message.last });
        if self.pace.count(beat.at) == Some(thresholds.many_pings) {
            ping::flood(thresholds.many_pings, beat.at, self.pinger, found);
        }
        self.echo.ping(beat);
        let answer = self.strays.iter().position(|pong| pong.data == data && follows(pong.beat.at, beat.at));
        if let Some(pong) = answer.and_then(|place| self.strays.remove(place)) {
            self.echo.disproved = true;
            self.older = None;
            self.waiting.iter_mut().for_each(|ping| ping.superseded = true);
            return Some([beat.at, pong.beat.at]);
        }
        if self.waiting.len() == WAITING
            && let Some(oldest) = self.waiting.pop_front()
        {
            self.make_room(oldest, beat.at, thresholds, found);
        }
        if self.waiting.capacity() == 0 {
            // Nearly always it has its answer before the next one.
            self.waiting.reserve_exact(1);
        }
        self.waiting.push_back(Ping { data, beat, superseded: false, maybe_answered: false });
        None
    }

    /// Takes a whole Pong of the other side.
    pub(super) fn pong(
        &mut self,
        message: &Message,
        index: u64,
        thresholds: &Thresholds,
        found: &mut impl FnMut(Finding),
    ) -> Option<RoundTrip> {
        let (data, beat) = (data_of(message), Beat { message: index, at: message.last });
        let answers = |ping: &Ping| ping.data == data && follows(beat.at, ping.beat.at);
        let Some(place) = self.waiting.iter().position(answers) else {
            self.stray(data, beat, thresholds, found);
            return None;
        };
        // Whoever answers a Ping need not answer those before it. // RFC 6455 §5.5.3
        (self.known, self.older, self.echo.disproved) = (true, None, true);
        let answered = self.waiting.remove(place)?;
        let mut same = self.waiting.iter_mut().filter(|ping| ping.data == data).peekable();
        if same.peek().is_some() {
            // Which one was meant? Whoever answers the latest only leaves no other trace than this.
            same.for_each(|ping| ping.maybe_answered = true);
            return None;
        }
        self.waiting.iter_mut().take(place).for_each(|ping| ping.superseded = true);
        if answered.maybe_answered {
            return None;
        }
        ping::check_ping(&answered.beat, Fate::Answered(beat), self.pinger, thresholds, found);
        Some([answered.beat.at, beat.at])
    }

    /// Bytes of the side that pings were lost: a Pong may answer a Ping that nobody saw.
    pub(super) fn pings_lost(&mut self) {
        self.known = false;
        self.echo.disproved = true;
        self.strays.iter_mut().for_each(|pong| pong.unasked = false);
    }

    /// Bytes of the other side were lost: any Ping so far may have been answered, or be answered yet.
    pub(super) fn pongs_lost(&mut self) {
        self.waiting.clear();
        self.older = None;
        self.known = false;
        self.echo.disproved = true;
    }

    /// Judges the Pings that still wait when the connection ends, or begins to close. Gives back how many had no answer.
    pub(super) fn finish(
        mut self,
        until: PacketRef,
        thresholds: &Thresholds,
        found: &mut impl FnMut(Finding),
    ) -> u64 {
        if self.crowded_out > 0 {
            found(capture::unmatched_pings(self.crowded_out, WAITING, self.pinger, until));
        }
        for pong in std::mem::take(&mut self.strays) {
            if pong.beat.at.number <= until.number {
                self.tell(&pong, found);
            }
        }
        let mut unanswered = self.older.as_ref().map_or(0, |older| older.count);
        let wrong = self.echo.wrong_pair();
        if let Some((ping, pong)) = wrong {
            ping::mismatch(&ping, &pong, self.echo.wrong, self.pinger.peer(), found);
        } else if let Some(older) = &self.older {
            ping::check_ping(&older.first, Fate::Unanswered { until }, self.pinger, thresholds, found);
        }
        let waiting = std::mem::take(&mut self.waiting);
        for ping in waiting.into_iter().filter(|ping| ping.beat.at.number <= until.number) {
            let fate = ping.fate(until);
            unanswered += u64::from(fate == Some(Fate::Unanswered { until }));
            // What was said of the answers is said of all.
            if let Some(fate) = fate.filter(|fate| wrong.is_none() || *fate == Fate::Superseded) {
                ping::check_ping(&ping.beat, fate, self.pinger, thresholds, found);
            }
        }
        unanswered
    }

    /// Takes a Pong that answers none of the Pings that wait.
    fn stray(&mut self, data: Data, beat: Beat, thresholds: &Thresholds, found: &mut impl FnMut(Finding)) {
        self.echo.stray(beat, thresholds);
        if let Some(mut older) = self.older.take_if(|_| !self.echo.holds()) {
            // It is taken for the answer to one of those that are not listed any more.
            older.count -= 1;
            self.older = Some(older).filter(|older| older.count > 0);
            return;
        }
        if self.strays.len() == STRAYS
            && let Some(oldest) = self.strays.pop_front()
        {
            self.tell(&oldest, found);
        }
        let unasked = self.known && self.waiting.is_empty();
        self.strays.push_back(Stray { data, beat, unasked });
    }

    /// No Ping comes any more that this Pong answers.
    fn tell(&self, pong: &Stray, found: &mut impl FnMut(Finding)) {
        if pong.unasked {
            ping::unsolicited(&pong.beat, self.pinger.peer(), found);
        }
    }

    fn make_room(
        &mut self,
        oldest: Ping,
        now: PacketRef,
        thresholds: &Thresholds,
        found: &mut impl FnMut(Finding),
    ) {
        match oldest.fate(now) {
            Some(Fate::Unanswered { .. }) => {
                let new = || Box::new(Older { first: oldest.beat, count: 0 });
                let older = self.older.get_or_insert_with(new);
                older.count += 1;
                self.crowded_out += 1;
            }
            Some(fate) => ping::check_ping(&oldest.beat, fate, self.pinger, thresholds, found),
            None => {}
        }
    }
}

impl Ping {
    /// What became of it, where it had no answer of its own until then; `None` where that is not known.
    const fn fate(&self, until: PacketRef) -> Option<Fate> {
        match self {
            Self { maybe_answered: true, .. } => None,
            Self { superseded: true, .. } => Some(Fate::Superseded),
            _ => Some(Fate::Unanswered { until }),
        }
    }
}

impl Echo {
    fn ping(&mut self, ping: Beat) {
        self.pings += 1;
        self.open = Some(ping);
    }

    /// A Pong that has the data of no Ping.
    fn stray(&mut self, pong: Beat, thresholds: &Thresholds) {
        let soon = |ping: &Beat| {
            follows(pong.at, ping.at)
                && !reaches(pong.at.time.nanos_since(ping.at.time), thresholds.slow_answer)
        };
        match self.open.take().filter(soon) {
            Some(ping) => {
                self.wrong += 1;
                self.first.get_or_insert_with(|| Box::new((ping, pong)));
            }
            None => self.disproved = true,
        }
    }

    /// The first Ping and its Pong, where all are wrong.
    fn wrong_pair(&self) -> Option<(Beat, Beat)> {
        self.first.as_deref().copied().filter(|_| self.wrong >= SURELY_WRONG && self.holds())
    }

    /// May all be wrong? The last Ping may have been too late for an answer.
    const fn holds(&self) -> bool {
        !self.disproved && self.pings - self.wrong <= 1
    }
}

/// Was the Pong sent after the Ping, as far as packets and their times tell?
fn follows(pong: PacketRef, ping: PacketRef) -> bool {
    pong.number > ping.number || pong.time > ping.time
}

impl Pace {
    /// Counts a Ping: how many there were in the second that the first of them began.
    fn count(&mut self, at: PacketRef) -> Option<u32> {
        let elapsed = at.time.nanos_since(self.since);
        if self.pings == 0 || !(0..crate::packet::NANOS_PER_SECOND).contains(&elapsed) {
            *self = Self { since: at.time, pings: 0 };
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
/// So many packets a hole is waited for, behind which a Ping can stand (`Limits::reorder_packets`).
const STRAYS: usize = 32;
/// Three heartbeats that each happen to come within a second after a Ping, and never else, are no accident.
const SURELY_WRONG: u64 = 3;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::NANOS_PER_SECOND;

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
                ("ping", _) => drop(pings.ping(&message, index, &thresholds, &mut found)),
                ("pong", _) => drop(pings.pong(&message, index, &thresholds, &mut found)),
                ("wait", seconds) => {
                    at.time = at.time.saturating_add(seconds.parse::<i64>().unwrap() * NANOS_PER_SECOND);
                }
                _ => panic!("{line}"),
            }
        }
        let unanswered = pings.finish(at, &thresholds, &mut found);
        let line = |finding: &Finding| {
            let message = finding.message.map(|message| format!(" {message}")).unwrap_or_default();
            format!("{:?} {}{message}", finding.blame, finding.rule.name)
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
    fn pongs_with_other_data_are_a_mismatch_when_there_is_one_for_each_ping() {
        let pairs = ["ping a", "pong", "ping b", "pong", "ping c", "pong", "wait 20"];
        let mismatch = (vec!["Client pong-payload-mismatch 1".to_owned()], 3);
        assert_eq!(told(&pairs), mismatch);
        assert_eq!(told(&[&pairs[..], &["ping in flight"]].concat()), (mismatch.0, 4));
    }

    #[test]
    fn pongs_with_other_data_are_heartbeats_where_anything_speaks_for_it() {
        let heartbeats = |script: &[&str]| told(script).0.iter().all(|line| !line.contains("mismatch"));
        assert_eq!(told(&["ping a", "pong b", "wait 1"]), (vec![], 1), "one may be chance");
        assert_eq!(told(&["ping a", "pong", "pong a"]), none());
        assert!(heartbeats(&["ping a", "pong", "ping b", "pong", "pong", "ping c", "pong"]), "one too many");
        assert!(heartbeats(&["ping a", "pong", "ping b", "pong b", "ping c", "pong", "ping d", "pong"]));
        assert!(heartbeats(&[
            "ping a", "wait 2", "pong", "ping b", "wait 2", "pong", "ping c", "wait 2", "pong"
        ]));
        assert!(heartbeats(&["ping a", "pong", "lost pongs", "ping b", "pong", "ping c", "pong"]));
        assert!(heartbeats(&["ping a", "pong", "ping b", "ping c", "pong", "ping d", "ping e", "pong"]));
    }

    #[test]
    fn pings_beyond_those_that_are_listed_are_answered_one_by_one_or_by_a_later_pong() {
        let pings: Vec<_> = (0..100).map(|n| format!("ping {n}")).collect();
        let after = |pongs: &[u32]| {
            let pongs = pongs.iter().map(|n| format!("pong {n}"));
            let script: Vec<_> = pings.iter().cloned().chain(pongs).collect();
            told(&script.iter().map(String::as_str).collect::<Vec<_>>()).1
        };
        assert_eq!(after(&[]), 100);
        assert_eq!(after(&(0..100).collect::<Vec<_>>()), 0);
        assert_eq!(after(&(0..95).collect::<Vec<_>>()), 5);
        assert_eq!(after(&[99]), 0, "RFC 6455 §5.5.3: only the most recent one need be answered");
        assert_eq!(after(&[0, 1, 2]), 97);
        assert_eq!(after(&[50]), 49);
        let told = told(&[&pings.iter().map(String::as_str).collect::<Vec<_>>()[..], &["wait 20"]].concat());
        assert_eq!(told.0.len(), 66);
        assert_eq!(told.0[..2], ["Capture limit-reached", "Client ping-unanswered 0"]);
    }

    #[test]
    fn a_pong_answers_no_ping_that_was_sent_after_it() {
        let thresholds = Thresholds::default();
        let mut pings = Pings::new(Side::Client, true);
        let message =
            |number| Message { last: PacketRef { number, ..PacketRef::default() }, ..Message::default() };
        let mut none = |finding: Finding| panic!("{finding:?}");
        pings.ping(&message(7), 0, &thresholds, &mut none);
        pings.pong(&message(6), 1, &thresholds, &mut none);
        assert_eq!(pings.finish(message(9).last, &thresholds, &mut none), 1);
    }

    #[test]
    fn what_came_after_the_beginning_of_the_end_is_not_judged() {
        let thresholds = Thresholds::default();
        let mut pings = Pings::new(Side::Client, true);
        let message =
            |number| Message { last: PacketRef { number, ..PacketRef::default() }, ..Message::default() };
        let mut none = |finding: Finding| panic!("{finding:?}");
        pings.pong(&message(7), 0, &thresholds, &mut none);
        pings.ping(&message(8), 1, &thresholds, &mut none);
        assert_eq!(pings.finish(message(6).last, &thresholds, &mut none), 0);
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
        assert_eq!(told(&["pong a", "lost pings"]), none(), "its Ping may be among them");
        assert_eq!(told(&["ping a", "lost pongs", "pong a"]), none());
        let told = told(&["lost pings", "pong x", "ping a", "pong a", "pong b"]).0;
        assert_eq!(told, ["Client pong-unsolicited 4"]);
    }

    #[test]
    fn heartbeats_are_told_however_many_there_are() {
        assert_eq!(told(&["pong"; 100]).0.len(), 100);
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
