//! Flows → when to look at them again.

use std::collections::VecDeque;

use crate::packet::Timestamp;

/// When to look at a flow again: one entry a flow that counts, moved on when the flow was active in the meantime.
/// Each queue has one length of silence, so that it stays in the order of time.
pub(super) struct Timers {
    /// None is due before.
    earliest: Timestamp,
    linger: VecDeque<Timer>,
    quiet: VecDeque<Timer>,
    websocket: VecDeque<Timer>,
}

#[derive(Clone, Copy)]
pub(super) struct Timer {
    pub(super) deadline: Timestamp,
    pub(super) slot: usize,
    pub(super) generation: u32,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Queue {
    Linger,
    #[default]
    Quiet,
    WebSocket,
}

impl Default for Timers {
    fn default() -> Self {
        let [linger, quiet, websocket] = Default::default();
        Self { earliest: Timestamp::MAX, linger, quiet, websocket }
    }
}

impl Timers {
    pub(super) fn push(&mut self, queue: Queue, timer: Timer) {
        self.earliest = self.earliest.min(timer.deadline);
        match queue {
            Queue::Linger => self.linger.push_back(timer),
            Queue::Quiet => self.quiet.push_back(timer),
            Queue::WebSocket => self.websocket.push_back(timer),
        }
    }

    /// May one be due by `now`?
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.earliest <= now
    }

    pub(super) fn next_due(&mut self, now: Timestamp) -> Option<Timer> {
        let due =
            self.queues().into_iter().find_map(|queue| queue.pop_front_if(|timer| timer.deadline <= now));
        if due.is_none() {
            let fronts =
                self.queues().into_iter().filter_map(|queue| queue.front().map(|timer| timer.deadline));
            self.earliest = fronts.min().unwrap_or(Timestamp::MAX);
        }
        due
    }

    /// Forgets the timers that nobody heeds any more, before they are many: flows end sooner than their time is up.
    pub(super) fn tidy(&mut self, flows: usize, is_heeded: impl Fn(&Timer) -> bool) {
        // One timer of each flow is heeded, wherever it waits.
        let heeded = flows.saturating_sub(self.linger.len());
        for queue in [&mut self.quiet, &mut self.websocket] {
            if queue.len() > 2 * heeded + TIMERS {
                queue.retain(&is_heeded);
            }
        }
    }

    /// How many ended flows there are.
    pub(super) fn lingering(&self) -> usize {
        self.linger.len()
    }

    /// The one of them that ended first.
    pub(super) fn pop_lingering(&mut self) -> Option<Timer> {
        self.linger.pop_front()
    }

    /// The next of all, due or not: first the ended flows, then the quiet ones.
    pub(super) fn pop_any(&mut self) -> Option<Timer> {
        self.queues().into_iter().find_map(VecDeque::pop_front)
    }

    fn queues(&mut self) -> [&mut VecDeque<Timer>; 3] {
        [&mut self.linger, &mut self.quiet, &mut self.websocket]
    }
}

/// Timers that nobody heeds are no trouble up to so many.
const TIMERS: usize = 1 << 9;
