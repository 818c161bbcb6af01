//! Times of packets → the latest one, and how they ran.

use crate::packet::{PacketRef, Timestamp};

/// The clock of a capture. Packets are seldom in perfect order, so analysis goes by the latest time.
#[derive(Debug, Default)]
pub(super) struct Clock {
    /// Number and file of the last packet, with the latest time.
    now: PacketRef,
    last: Option<Timestamp>,
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
    /// Takes the next packet; gives the latest time.
    pub(super) fn pass(&mut self, at: PacketRef) -> Timestamp {
        if let Some(last) = self.last.filter(|last| at.time < *last) {
            self.step_back(last, at);
        }
        let latest = if self.last.is_none() { at.time } else { self.now.time.max(at.time) };
        self.last = Some(at.time);
        self.now = PacketRef { time: latest, ..at };
        latest
    }

    pub(super) const fn now(&self) -> PacketRef {
        self.now
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
        assert_eq!(clock.now().number, 7);
    }
}
