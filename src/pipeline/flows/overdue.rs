//! Flows of which captured bytes wait for others → what comes of them, when they have waited too long.

use std::collections::VecDeque;

use super::{Flows, Life, LifeId};
use crate::packet::Timestamp;
use crate::tcp::Awaited;

/// One entry a flow, in the order of time.
pub(super) struct Overdue {
    /// None is due before.
    earliest: Timestamp,
    acknowledged: VecDeque<Entry>,
    anything: VecDeque<Entry>,
}

#[derive(Clone, Copy)]
struct Entry {
    due: Timestamp,
    slot: usize,
    life: LifeId,
    awaited: Awaited,
}

/// What is not waited for any longer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Lapse {
    /// What the peer has acknowledged, and bytes before the first ones that were seen.
    Acknowledged,
    /// All else too: a sender would have repeated it by now.
    Anything,
}

impl Flows<'_> {
    /// Remembers the flow if something of it waits: packets alone may not end that soon.
    pub(super) fn note_waiting(&mut self, slot: usize, now: Timestamp) {
        if self.options.limits.hole_time == i64::MAX {
            return;
        }
        let flow = self.slots.get_mut(slot).and_then(|slot| slot.flow.as_mut());
        let Some((life, Life::Followed(followed))) = flow.map(|flow| (flow.id, &mut flow.life)) else {
            return;
        };
        if let Some(awaited) = followed.tracker.awaited().filter(|_| !followed.waits) {
            followed.waits = true;
            self.wait(Lapse::Acknowledged, now, Entry { due: now, slot, life, awaited });
        }
    }

    /// Ends what the next flow has waited for too long. Was there any?
    pub(super) fn lapse(&mut self, now: Timestamp) -> bool {
        let Some((lapse, entry)) = self.overdue.next_due(now) else { return false };
        let flow = self.slots.get_mut(entry.slot).and_then(|slot| slot.flow.as_mut());
        let Some(flow) = flow.filter(|flow| flow.id == entry.life) else { return true };
        let Life::Followed(followed) = &mut flow.life else { return true };
        if followed.tracker.awaited() == Some(entry.awaited) {
            let before = self.out.opened();
            followed.lapse(lapse, flow.last, self.options, &mut self.out);
            flow.reported |= self.out.opened() > before;
        }
        match followed.tracker.awaited() {
            None => followed.waits = false,
            Some(awaited) if awaited == entry.awaited => self.wait(Lapse::Anything, now, entry),
            Some(awaited) => self.wait(Lapse::Acknowledged, now, Entry { awaited, ..entry }),
        }
        true
    }

    fn wait(&mut self, lapse: Lapse, now: Timestamp, entry: Entry) {
        let patience = self.options.limits.hole_time;
        let (queue, patience) = match lapse {
            Lapse::Acknowledged => (&mut self.overdue.acknowledged, patience),
            Lapse::Anything => (&mut self.overdue.anything, patience.saturating_mul(UNACKNOWLEDGED)),
        };
        let due = now.saturating_add(patience);
        queue.push_back(Entry { due, ..entry });
        self.overdue.earliest = self.overdue.earliest.min(due);
    }
}

impl Default for Overdue {
    fn default() -> Self {
        Self { earliest: Timestamp::MAX, acknowledged: VecDeque::new(), anything: VecDeque::new() }
    }
}

impl Overdue {
    /// May something be due by `now`?
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.earliest <= now
    }

    fn next_due(&mut self, now: Timestamp) -> Option<(Lapse, Entry)> {
        let due = |queue: &mut VecDeque<Entry>| queue.pop_front_if(|entry| entry.due <= now);
        let acknowledged = due(&mut self.acknowledged).map(|entry| (Lapse::Acknowledged, entry));
        let due = acknowledged.or_else(|| Some((Lapse::Anything, due(&mut self.anything)?)));
        if due.is_none() {
            let fronts = [self.acknowledged.front(), self.anything.front()].into_iter().flatten();
            self.earliest = fronts.map(|entry| entry.due).min().unwrap_or(Timestamp::MAX);
        }
        due
    }
}

/// How many times as long a hole is waited for that nobody has acknowledged: senders repeat what was lost, at last after many seconds.
const UNACKNOWLEDGED: i64 = 30;
