//! Times of packets → the latest one, and how they ran.

use crate::packet::{NANOS_PER_SECOND, PacketRef, Timestamp};

/// The clock of a capture. Packets are seldom in perfect order, so analysis goes by the latest time.
#[derive(Debug, Default)]
pub(super) struct Clock {
    /// Number and file of the last packet, with the latest time.
    now: PacketRef,
    last: Option<Timestamp>,
    /// Packets in succession that are far ahead.
    ahead: u32,
    steps_back: StepsBack,
}

/// Packets whose time is before that of the packet before them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct StepsBack {
    pub(super) count: u64,
    /// The longest, in nanoseconds, and the packet behind it.
    pub(super) longest: i64,
    pub(super) at: PacketRef,
}

impl Clock {
    /// Takes the next packet; gives the latest time. A single packet far ahead of all others has a wrong time (or the
    /// file holds two captures): it does not let time pass for every connection.
    pub(super) fn pass(&mut self, at: PacketRef) -> Timestamp {
        // As it should be: no earlier than the one before, nor far ahead.
        if self.last.is_some_and(|last| last <= at.time)
            && (0..=JUMP).contains(&at.time.nanos_since(self.now.time))
        {
            (self.last, self.ahead, self.now) = (Some(at.time), 0, at);
            return at.time;
        }
        self.pass_oddly(at)
    }

    fn pass_oddly(&mut self, at: PacketRef) -> Timestamp {
        if let Some(last) = self.last.filter(|last| at.time < *last) {
            self.step_back(last, at);
        }
        let is_first = self.last.is_none();
        self.last = Some(at.time);
        let jumps = !is_first && at.time.nanos_since(self.now.time) > JUMP;
        self.ahead = if jumps { self.ahead + 1 } else { 0 };
        let latest = if is_first {
            at.time
        } else if jumps && self.ahead < BELIEVED {
            self.now.time
        } else {
            self.now.time.max(at.time)
        };
        self.now = PacketRef { time: latest, ..at };
        latest
    }

    /// Takes the time of a clock that can be trusted; gives the latest.
    pub(super) fn pause(&mut self, time: Timestamp) -> Timestamp {
        self.now.time = self.now.time.max(time);
        self.now.time
    }

    /// The last packet, with the latest time that it can be said to have.
    pub(super) fn end(&self) -> PacketRef {
        PacketRef { time: self.last.map_or(self.now.time, |last| self.now.time.max(last)), ..self.now }
    }

    pub(super) const fn steps_back(&self) -> StepsBack {
        self.steps_back
    }

    #[cold]
    fn step_back(&mut self, last: Timestamp, at: PacketRef) {
        let step = last.nanos_since(at.time);
        self.steps_back.count += 1;
        if step > self.steps_back.longest {
            (self.steps_back.longest, self.steps_back.at) = (step, at);
        }
    }
}

/// A pause that is longer may be a wrong time, in nanoseconds.
const JUMP: i64 = 60 * NANOS_PER_SECOND;

/// So many packets in succession are not wrong.
const BELIEVED: u32 = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_back_counts_once_and_the_longest_is_named() {
        let mut clock = Clock::default();
        let latest: Vec<i64> = [-5, -7, 20, 11, 12, 25, 24]
            .into_iter()
            .zip(1..)
            .map(|(nanos, number)| {
                let at = PacketRef { number, time: Timestamp::from_nanos(nanos), file: 0 };
                clock.pass(at).nanos_since(Timestamp::default())
            })
            .collect();
        assert_eq!(latest, [-5, -5, 20, 20, 20, 25, 25]);
        let steps = clock.steps_back();
        assert_eq!((steps.count, steps.longest, steps.at.number), (3, 9, 4));
        assert_eq!(clock.end().number, 7);
    }

    #[test]
    fn after_a_pause_the_next_packet_is_not_far_ahead() {
        let mut clock = Clock::default();
        let at = |seconds: i64| Timestamp::from_nanos(seconds * NANOS_PER_SECOND);
        clock.pass(PacketRef { time: at(1), ..PacketRef::default() });
        assert_eq!(clock.pause(at(5_000)), at(5_000));
        assert_eq!(clock.pause(at(4_000)), at(5_000));
        assert_eq!(clock.pass(PacketRef { time: at(5_001), ..PacketRef::default() }), at(5_001));
    }

    #[test]
    fn a_single_packet_far_ahead_moves_nothing_and_many_do() {
        let mut clock = Clock::default();
        let mut pass = |seconds: i64| {
            let at =
                PacketRef { time: Timestamp::from_nanos(seconds * NANOS_PER_SECOND), ..PacketRef::default() };
            clock.pass(at).nanos_since(Timestamp::default()) / NANOS_PER_SECOND
        };
        assert_eq!([1, 1000, 2].map(&mut pass), [1, 1, 2]);
        let far: Vec<_> = (0..40).map(|_| pass(5000)).collect();
        assert_eq!((far[0], far[30], far[31], far[39]), (2, 2, 5000, 5000));
        assert_eq!(pass(5001), 5001);
    }
}
