//! Flows that have ended, or were quiet for long → forgotten.

use super::timers::{Queue, Timer};
use super::{Flow, Flows, Life};
use crate::event::CloseHow;
use crate::packet::Timestamp;

impl Flows<'_> {
    /// The flow has ended: look at it sooner than its silence would ask for.
    pub(super) fn linger(&mut self, slot: usize, now: Timestamp) {
        let Some(place) = self.slots.get_mut(slot).filter(|place| place.queue != Queue::Linger) else {
            return;
        };
        place.generation = place.generation.wrapping_add(1);
        place.queue = Queue::Linger;
        let deadline = now.saturating_add(self.options.limits.linger);
        self.timers.push(Queue::Linger, Timer { deadline, slot, generation: place.generation });
        self.forget_surplus();
    }

    /// Forgets the flow that ended first, when too many are remembered.
    fn forget_surplus(&mut self) {
        while self.timers.lingering() > self.options.limits.lingering {
            let Some(timer) = self.timers.pop_lingering() else { return };
            match self.flow_of(&timer).map(|flow| &flow.life) {
                None => {}
                Some(Life::Closed(_)) => {
                    self.forgotten += 1;
                    return self.remove(timer.slot, CloseHow::Idle);
                }
                // The port came again, or nobody heeds the RST: it is as alive as others.
                Some(Life::Followed(_) | Life::Other(_)) => return self.wait_on(timer),
            }
        }
    }

    /// Puts a timer where it belongs by what is known of its flow now.
    fn wait_on(&mut self, timer: Timer) {
        let Some((queue, deadline)) = self.flow_of(&timer).map(|flow| flow.due(self.options)) else { return };
        if let Some(place) = self.slots.get_mut(timer.slot) {
            place.queue = queue;
            self.timers.push(queue, Timer { deadline, ..timer });
        }
    }

    /// May the time of anything be up by `now`?
    pub(in crate::pipeline) fn is_due(&self, now: Timestamp) -> bool {
        self.timers.is_due(now) || self.overdue.is_due(now)
    }

    /// Ends the next flow, or a wait of one, whose time is up by `now`. Was there any? One at a time, since each may have much to say.
    pub(in crate::pipeline) fn expire(&mut self, now: Timestamp) -> bool {
        if self.lapse(now) {
            return true;
        }
        while let Some(timer) = self.timers.next_due(now) {
            let Some(flow) = self.flow_of(&timer) else { continue };
            if flow.due(self.options).1 <= now {
                self.remove(timer.slot, CloseHow::Idle);
                return true;
            }
            self.wait_on(timer);
        }
        false
    }

    /// Makes room: the flow whose time would be up first goes. Was there any?
    pub(super) fn give_one_up(&mut self) -> bool {
        while let Some(timer) = self.timers.pop_any() {
            let Some(flow) = self.flow_of(&timer) else { continue };
            let known = self.slots.get(timer.slot).map(|place| place.queue);
            if known == Some(flow.due(self.options).0) {
                self.remove(timer.slot, CloseHow::GivenUp);
                return true;
            }
            // It was taken for one that has ended, or for no WebSocket.
            self.wait_on(timer);
        }
        false
    }

    fn flow_of(&self, timer: &Timer) -> Option<&Flow> {
        let slot = self.slots.get(timer.slot)?;
        slot.flow.as_ref().filter(|_| slot.generation == timer.generation)
    }
}
