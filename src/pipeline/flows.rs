//! Segments → connections: the table of flows, the lives of each, and when they are forgotten.

mod expiry;
mod index;
mod life;
mod memory;
mod overdue;
mod timers;

use std::mem::{self, offset_of};

use index::{Course, Index};
use life::{Followed, Life, opens_flow};
use memory::{Account, Memory};
use overdue::Overdue;
use timers::{Queue, Timer, Timers};

use super::hold::{LifeId, Worth};
use crate::ahead::fetch;
use crate::connection::Options;
use crate::connection::outbox::{Outbox, Protocols};
use crate::decode::Segment;
use crate::event::CloseHow;
use crate::packet::{PacketRef, Timestamp};
use crate::tcp::{Direction, FlowKey};

/// The flows of one shard that are followed. At most `Limits::flows`, in `Limits::memory`; quiet ones are forgotten on capture time.
pub(super) struct Flows<'a> {
    options: &'a Options,
    index: Index,
    slots: Vec<Slot>,
    free: Vec<usize>,
    timers: Timers,
    memory: Memory,
    overdue: Overdue,
    out: Outbox,
    seen: u64,
    given_up: u64,
    forgotten: u64,
    /// The number of the shard, among so many.
    shard: (u64, u64),
    /// Lives that ended without a packet of their own; only where somebody asks.
    settled: Option<Vec<(LifeId, Worth)>>,
}

// Two cache lines.
#[derive(Default)]
#[repr(Rust, align(64))]
struct Slot {
    /// Counts the timers that this slot had, and begins again when there were too many: only the newest is heeded.
    generation: u32,
    /// Where that timer waits.
    queue: Queue,
    flow: Option<Flow>,
}

struct Flow {
    key: FlowKey,
    life: Life,
    /// The number of that life.
    id: LifeId,
    last: PacketRef,
    /// Was a WebSocket connection reported of this life?
    reported: bool,
    account: Account,
}

impl<'a> Flows<'a> {
    /// The shard of this number, among so many. With `settled`, says how lives ended that no packet decided.
    pub(super) fn new(
        options: &'a Options,
        shard: (u64, u64),
        settled: Option<Vec<(LifeId, Worth)>>,
    ) -> Self {
        Self {
            options,
            index: Index::default(),
            slots: Vec::new(),
            free: Vec::new(),
            timers: Timers::default(),
            memory: Memory::default(),
            overdue: Overdue::default(),
            out: Outbox::default(),
            seen: 0,
            given_up: 0,
            forgotten: 0,
            shard,
            settled,
        }
    }

    pub(super) fn out(&mut self) -> &mut Outbox {
        &mut self.out
    }

    /// TCP connections so far.
    pub(super) fn seen(&self) -> u64 {
        self.seen
    }

    /// Connections that were given up because of `Limits::flows`.
    pub(super) fn given_up(&self) -> u64 {
        self.given_up
    }

    /// Connections that had ended and were forgotten because of `Limits::lingering`.
    pub(super) fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Connections that were given up because of `Limits::memory`.
    pub(super) fn relieved(&self) -> u64 {
        self.memory.relieved()
    }

    /// What TCP connections turned out to speak.
    pub(super) fn protocols(&self) -> Protocols {
        self.out.protocols()
    }

    /// Where the flow of a segment that comes later may well be, if it is known. Asks for its slot.
    pub(super) fn look_ahead(&self, key: &FlowKey) -> Option<usize> {
        let slot = self.index.likely(key)?;
        if let Some(wanted) = self.slots.get(slot) {
            fetch(&wanted.generation, offset_of!(Slot, generation), 0..size_of::<Slot>());
        }
        Some(slot)
    }

    /// Asks for what the segment needs of the flow at this slot, which was asked for before.
    pub(super) fn fetch_flow(&self, slot: usize) {
        self.followed(slot).into_iter().for_each(Followed::fetch);
    }

    /// Asks for what bytes of this direction need of its connection. Is there one?
    pub(super) fn fetch_connection(&self, slot: usize, direction: Direction) -> bool {
        let followed = self.followed(slot);
        followed.into_iter().for_each(|followed| followed.connection.fetch(direction));
        followed.is_some()
    }

    /// Takes one segment, whose flow was at this slot a moment ago; `now` is the latest time of the capture, up to which flows have
    /// expired. Says to which life it belongs, and what is known of that, where somebody asks.
    pub(super) fn segment(
        &mut self,
        segment: &Segment<'_>,
        slot: Option<usize>,
        now: Timestamp,
    ) -> Option<(LifeId, Worth)> {
        let slot = slot.filter(|slot| key_of(&self.slots, *slot) == Some(&segment.flow));
        let slot = match slot.or_else(|| self.find(&segment.flow)) {
            Some(slot) => slot,
            None if opens_flow(segment) => self.insert(segment, now),
            None => return None,
        };
        let flow = self.slots.get_mut(slot).and_then(|slot| slot.flow.as_mut())?;
        let last = mem::replace(&mut flow.last, segment.at);
        let before = self.out.opened();
        let is_next = flow.advance(segment, self.options, &mut self.out);
        if self.out.opened() > before {
            flow.note_opened();
        }
        let left = if is_next {
            flow.left_of(segment)
        } else {
            self.follow(slot, segment, last, now);
            memory::all_of(segment)
        };
        let known = self.known(slot);
        self.weigh(slot, left, segment.at);
        let (id, worth) = known?;
        // It may have been given up for what it takes.
        let ended = self.settled.iter().flatten().rev().find(|(life, _)| *life == id);
        Some(ended.copied().unwrap_or((id, worth)))
    }

    /// What is known of the life at this slot, where somebody asks.
    fn known(&self, slot: usize) -> Option<(LifeId, Worth)> {
        self.settled.as_ref()?;
        self.slots.get(slot)?.flow.as_ref().map(|flow| (flow.id, flow.worth()))
    }

    /// Takes a segment that is not just the next one of its flow; `last` was the packet before it.
    #[inline(never)]
    fn follow(&mut self, slot: usize, segment: &Segment<'_>, last: PacketRef, now: Timestamp) {
        let Some(flow) = self.slots.get_mut(slot).and_then(|slot| slot.flow.as_mut()) else { return };
        let begins_anew = flow.begins_anew(segment);
        if begins_anew {
            self.seen += 1;
            self.memory.free(&mem::take(&mut flow.account));
            let new = Flow::new(segment, life(self.seen, self.shard), self.options);
            let old = mem::replace(flow, new);
            // What begins anew is none of its packets.
            let ended = old.finish(last, CloseHow::CaptureEnded, self.options, &mut self.out);
            self.settled.iter_mut().for_each(|settled| settled.push(ended));
        }
        let before = self.out.opened();
        let lingers = flow.follow(segment, self.options, &mut self.out);
        if self.out.opened() > before {
            flow.note_opened();
        }
        let course = flow.course();
        if begins_anew || course == Course::Ended {
            self.index.note(&segment.flow, slot, course, |slot| key_of(&self.slots, slot));
        }
        if lingers {
            self.linger(slot, now);
        }
        self.note_waiting(slot, now);
    }

    /// Lives that have ended since the last time, and whether a WebSocket connection was reported of each.
    pub(super) fn settled(&mut self) -> impl Iterator<Item = (LifeId, Worth)> {
        self.settled.iter_mut().flat_map(|settled| settled.drain(..))
    }

    /// The flows that are left, in the order in which they began: each is to be finished.
    /// Comes with the first packet of each.
    pub(super) fn left(&self) -> std::vec::IntoIter<(u64, usize)> {
        let slots = self.slots.iter().enumerate();
        let starts = slots.filter_map(|(slot, place)| Some((place.flow.as_ref()?.start()?.number, slot)));
        let mut starts: Vec<_> = starts.collect();
        starts.sort_unstable();
        starts.into_iter()
    }

    /// No more comes of this flow.
    pub(super) fn finish(&mut self, slot: usize) {
        self.remove(slot, CloseHow::CaptureEnded);
    }

    fn find(&self, key: &FlowKey) -> Option<usize> {
        self.index.find(key, |slot| key_of(&self.slots, slot))
    }

    fn followed(&self, slot: usize) -> Option<&Followed> {
        match &self.slots.get(slot)?.flow.as_ref()?.life {
            Life::Followed(followed) => Some(followed),
            Life::Other(_) | Life::Closed(_) => None,
        }
    }

    #[inline(never)]
    fn insert(&mut self, segment: &Segment<'_>, now: Timestamp) -> usize {
        if self.index.len() >= self.options.limits.flows {
            self.given_up += u64::from(self.give_one_up());
        }
        self.seen += 1;
        let flow = Flow::new(segment, life(self.seen, self.shard), self.options);
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            self.slots.len() - 1
        });
        if let Some(place) = self.slots.get_mut(slot) {
            let generation = place.generation.wrapping_add(1);
            *place = Slot { generation, queue: Queue::Quiet, flow: Some(flow) };
            let deadline = now.saturating_add(self.options.limits.idle_flow);
            self.timers.push(Queue::Quiet, Timer { deadline, slot, generation });
        }
        let is_heeded = |timer: &Timer| heeds(&self.slots, timer);
        self.timers.tidy(self.index.len(), is_heeded);
        self.index.insert(&segment.flow, slot, |slot| key_of(&self.slots, slot));
        slot
    }

    fn remove(&mut self, slot: usize, how: CloseHow) {
        let Some(key) = key_of(&self.slots, slot) else { return };
        self.index.remove(key, slot);
        let Some(flow) = self.slots.get_mut(slot).and_then(|slot| slot.flow.take()) else { return };
        self.free.push(slot);
        self.memory.free(&flow.account);
        let last = flow.last;
        let ended = flow.finish(last, how, self.options, &mut self.out);
        self.settled.iter_mut().for_each(|settled| settled.push(ended));
    }
}

/// No two shards have the same.
const fn life(number: u64, (shard, shards): (u64, u64)) -> LifeId {
    LifeId(number * shards + shard)
}

fn key_of(slots: &[Slot], slot: usize) -> Option<&FlowKey> {
    slots.get(slot)?.flow.as_ref().map(|flow| &flow.key)
}

fn heeds(slots: &[Slot], timer: &Timer) -> bool {
    slots.get(timer.slot).is_some_and(|slot| slot.flow.is_some() && slot.generation == timer.generation)
}

impl Flow {
    fn new(segment: &Segment<'_>, id: LifeId, options: &Options) -> Self {
        Self {
            key: segment.flow,
            life: Life::followed(segment.flow, segment.at, options),
            id,
            last: segment.at,
            reported: false,
            account: Account::default(),
        }
    }

    /// What is known of the packets of now.
    fn worth(&self) -> Worth {
        match &self.life {
            _ if self.reported => Worth::Kept,
            Life::Followed(followed) if followed.connection.may_open() => Worth::Unknown,
            Life::Followed(_) | Life::Other(_) | Life::Closed(_) => Worth::None,
        }
    }

    /// Ends this life; says what it was.
    fn finish(self, at: PacketRef, how: CloseHow, options: &Options, out: &mut Outbox) -> (LifeId, Worth) {
        let before = out.opened();
        self.life.finish(at, how, options, out);
        let reported = self.reported || out.opened() > before;
        (self.id, if reported { Worth::Kept } else { Worth::None })
    }

    /// A WebSocket connection was reported of this life.
    fn note_opened(&mut self) {
        self.reported = true;
        self.account.has_changed();
        if let Life::Followed(followed) = &mut self.life {
            followed.note_order();
        }
    }

    fn begins_anew(&self, segment: &Segment<'_>) -> bool {
        match &self.life {
            Life::Followed(followed) => followed.tracker.begins_anew(segment),
            Life::Other(past) | Life::Closed(past) => past.begins_anew(segment),
        }
    }

    /// Takes the segment if it is just the next one, or of no interest. Was it?
    #[inline]
    fn advance(&mut self, segment: &Segment<'_>, options: &Options, out: &mut Outbox) -> bool {
        let followed = match &mut self.life {
            Life::Followed(followed) => followed,
            Life::Other(past) | Life::Closed(past) => return !past.begins_anew(segment),
        };
        if !followed.tracker.is_next(segment) {
            return false;
        }
        followed.advance(segment, options, out);
        if followed.connection.is_other() {
            self.life = Life::Other(followed.tracker.past());
        }
        true
    }

    /// Follows the segment; `true` when the flow has just come to its end and only lingers.
    fn follow(&mut self, segment: &Segment<'_>, options: &Options, out: &mut Outbox) -> bool {
        let Life::Followed(followed) = &mut self.life else { return false };
        followed.push(segment, options, out);
        if followed.connection.is_other() {
            self.life = Life::Other(followed.tracker.past());
            return false;
        }
        if followed.tracker.finished() {
            let past = followed.tracker.past();
            let ended = mem::replace(&mut self.life, Life::Closed(past));
            ended.finish(segment.at, CloseHow::CaptureEnded, options, out);
            return true;
        }
        let reset = followed.tracker.reset();
        let first = reset && !followed.lingers;
        followed.lingers = reset;
        first
    }

    const fn course(&self) -> Course {
        if let Life::Closed(_) = self.life { Course::Ended } else { Course::GoesOn }
    }

    /// The first packet of a connection that is not told to its end.
    fn start(&self) -> Option<PacketRef> {
        match &self.life {
            Life::Followed(followed) => Some(followed.connection.start()),
            Life::Other(_) | Life::Closed(_) => None,
        }
    }

    /// In which queue the flow belongs, and when its time is up.
    fn due(&self, options: &Options) -> (Queue, Timestamp) {
        let limits = &options.limits;
        let (queue, silence) = match &self.life {
            Life::Closed(_) => (Queue::Linger, limits.linger),
            Life::Followed(followed) if followed.lingers => (Queue::Linger, limits.linger),
            Life::Followed(followed) if followed.connection.is_websocket() => {
                (Queue::WebSocket, limits.idle_websocket)
            }
            Life::Followed(_) | Life::Other(_) => (Queue::Quiet, limits.idle_flow),
        };
        (queue, self.last.time.saturating_add(silence))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_two_cache_lines() {
        assert_eq!(size_of::<Slot>(), 128);
    }
}
