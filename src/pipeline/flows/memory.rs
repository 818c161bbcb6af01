//! What all flows take together, within the limits: those that were quiet longest have to take less.

use std::collections::VecDeque;

use super::{Flow, Flows, Followed, Life, LifeId, Slot, Timer};
use crate::connection::Footprint;
use crate::decode::Segment;
use crate::event::CloseHow;
use crate::packet::PacketRef;

/// What all flows take.
#[derive(Default)]
pub(super) struct Memory {
    bytes: usize,
    relieved: u64,
    /// Flows that hold much.
    large: Recency,
    /// Flows that keep what is only needed while messages are inflated.
    awake: Awake,
    /// Those of them that would lose something: see [`Footprint::is_strict`].
    strict: Awake,
}

/// Flows that inflate, as far as they were not told to stop.
#[derive(Default)]
struct Awake {
    flows: usize,
    recency: Recency,
}

/// What of it is one flow's.
#[derive(Default)]
pub(super) struct Account {
    bytes: usize,
    /// Bytes that may be left of the segments since that was counted.
    uncounted: u32,
    is_large: bool,
    is_awake: bool,
    /// Is it counted among the strict ones then?
    is_strict: bool,
    /// May a few bytes become very many?
    inflates: bool,
}

impl Flows<'_> {
    /// Counts what a flow takes after a segment of which so many bytes may be left, and keeps the limits.
    pub(super) fn weigh(&mut self, slot: usize, left: u32, at: PacketRef) {
        let flow = self.slots.get_mut(slot).and_then(|slot| slot.flow.as_mut());
        if flow.is_some_and(|flow| flow.is_to_be_weighed(left)) {
            self.weigh_now(slot, at);
        }
    }

    #[inline(never)]
    fn weigh_now(&mut self, slot: usize, at: PacketRef) {
        let Some(flow) = self.slots.get_mut(slot).and_then(|slot| slot.flow.as_mut()) else { return };
        self.memory.count(flow, slot);
        let limits = &self.options.limits;
        let Memory { bytes, awake, strict, .. } = &self.memory;
        if *bytes > limits.memory || awake.flows > limits.awake || strict.flows > limits.inflating {
            self.make_room(at);
        }
        self.memory.tidy(&self.slots, self.index.len());
    }

    fn make_room(&mut self, at: PacketRef) {
        let limits = &self.options.limits;
        for (is_strict, most) in [(false, limits.awake), (true, limits.inflating)] {
            while self.memory.awake(is_strict).flows > most
                && let Some(slot) = self.memory.awake(is_strict).recency.quietest(&self.slots)
            {
                self.put_to_sleep(slot);
            }
        }
        while self.memory.bytes > limits.memory {
            if let Some(slot) = self.memory.large.quietest(&self.slots) {
                self.relieve(slot, at);
            } else if self.give_one_up() {
                self.memory.relieved += 1;
            } else {
                return;
            }
        }
    }

    fn put_to_sleep(&mut self, slot: usize) {
        let flow = self.slots.get_mut(slot).and_then(|slot| slot.flow.as_mut());
        let Some(flow) = flow.filter(|flow| flow.account.is_awake) else { return };
        if let Life::Followed(followed) = &mut flow.life {
            followed.connection.sleep();
        }
        // One in the middle of a message is asked again after its next segment.
        flow.account.is_awake = false;
        self.memory.awake(flow.account.is_strict).flows -= 1;
        self.memory.settle(flow);
    }

    /// Makes a flow forget what it can do without, and gives it up if that is not enough.
    fn relieve(&mut self, slot: usize, at: PacketRef) {
        let Some(flow) = self.slots.get_mut(slot).and_then(|slot| slot.flow.as_mut()) else { return };
        if let Life::Followed(followed) = &mut flow.life {
            followed.connection.forget(at, self.options, &mut self.out);
        }
        self.memory.settle(flow);
        flow.account.is_large = false;
        if flow.account.bytes > LARGE {
            self.memory.relieved += 1;
            self.remove(slot, CloseHow::GivenUp);
        }
    }
}

impl Account {
    /// The flow takes something else from now on.
    pub(super) const fn has_changed(&mut self) {
        self.uncounted = u32::MAX;
    }
}

impl Memory {
    /// Connections that were given up because all together took too much.
    pub(super) fn relieved(&self) -> u64 {
        self.relieved
    }

    /// The life of a flow is over.
    pub(super) fn free(&mut self, account: &Account) {
        self.bytes = self.bytes.saturating_sub(account.bytes);
        self.awake(account.is_strict).flows -= usize::from(account.is_awake);
    }

    const fn awake(&mut self, is_strict: bool) -> &mut Awake {
        if is_strict { &mut self.strict } else { &mut self.awake }
    }

    fn count(&mut self, flow: &mut Flow, slot: usize) {
        let footprint = flow.footprint();
        self.bytes = self.bytes.saturating_sub(flow.account.bytes).saturating_add(footprint.bytes);
        (flow.account.bytes, flow.account.uncounted) = (footprint.bytes, 0);
        flow.account.inflates = footprint.inflates;
        let entry = Entry { slot, life: flow.id, seen: flow.last.number };
        if footprint.bytes > LARGE && !flow.account.is_large {
            flow.account.is_large = true;
            self.large.order.push_back(entry);
        }
        if footprint.inflating && !flow.account.is_awake {
            (flow.account.is_awake, flow.account.is_strict) = (true, footprint.is_strict);
            let awake = self.awake(footprint.is_strict);
            awake.flows += 1;
            awake.recency.order.push_back(entry);
        }
    }

    /// The flow was asked to take less.
    fn settle(&mut self, flow: &mut Flow) {
        let bytes = flow.footprint().bytes;
        self.bytes = self.bytes.saturating_sub(flow.account.bytes).saturating_add(bytes);
        flow.account.bytes = bytes;
    }

    /// Forgets the entries of flows that are gone, before they are many.
    fn tidy(&mut self, slots: &[Slot], flows: usize) {
        for recency in [&mut self.large, &mut self.awake.recency, &mut self.strict.recency] {
            if recency.order.len() > 2 * flows + ENTRIES {
                recency.order.retain(|entry| entry.flow(slots).is_some());
            }
        }
    }
}

impl Flow {
    /// How many bytes of a segment, which was just the next one, may be left: TCP keeps none, and of most messages there are only
    /// figures.
    pub(super) fn left_of(&mut self, segment: &Segment<'_>) -> u32 {
        let bytes = all_of(segment);
        // Half of all packets only acknowledge.
        if let Life::Followed(followed) = &mut self.life
            && bytes > 0
            && !followed.connection.take_growth()
        {
            return bytes.min(FIGURES);
        }
        bytes
    }

    /// Can it take much more than when it was weighed last, now that so many bytes may be left?
    const fn is_to_be_weighed(&mut self, bytes: u32) -> bool {
        let account = &mut self.account;
        match self.life {
            Life::Followed(_) if account.bytes == 0 => true,
            Life::Followed(_) => {
                account.uncounted = account.uncounted.saturating_add(bytes);
                account.uncounted > UNCOUNTED || account.inflates && bytes > 0
            }
            Life::Other(_) | Life::Closed(_) => account.bytes != FLOW,
        }
    }

    /// What it takes, with its places in the tables.
    fn footprint(&self) -> Footprint {
        let Life::Followed(followed) = &self.life else {
            return Footprint { bytes: FLOW, ..Footprint::default() };
        };
        let of_connection = followed.connection.footprint();
        let bytes = of_connection.bytes.saturating_add(followed.tracker.memory());
        Footprint { bytes: bytes.saturating_add(FLOW + size_of::<Followed>()), ..of_connection }
    }
}

/// As many bytes as a segment has.
pub(super) fn all_of(segment: &Segment<'_>) -> u32 {
    u32::try_from(segment.payload.len()).unwrap_or(u32::MAX)
}

/// Flows in the order in which they were last active, as far as anyone asked: one entry a flow, moved on when it turns
/// out that the flow was active in the meantime.
#[derive(Default)]
struct Recency {
    order: VecDeque<Entry>,
}

#[derive(Clone, Copy)]
struct Entry {
    slot: usize,
    /// The number of its life.
    life: LifeId,
    /// The packet up to which its activity is known.
    seen: u64,
}

impl Recency {
    /// Takes out the flow that was quiet longest.
    fn quietest(&mut self, slots: &[Slot]) -> Option<usize> {
        while let Some(entry) = self.order.pop_front() {
            match entry.flow(slots).map(|flow| flow.last.number) {
                Some(last) if last > entry.seen => self.order.push_back(Entry { seen: last, ..entry }),
                Some(_) => return Some(entry.slot),
                None => {}
            }
        }
        None
    }
}

impl Entry {
    fn flow<'a>(&self, slots: &'a [Slot]) -> Option<&'a Flow> {
        slots.get(self.slot)?.flow.as_ref().filter(|flow| flow.id == self.life)
    }
}

/// What a flow takes in the tables: its slot, a timer and its place in the index. While a table grows, there are the old one
/// and one of twice the size.
const FLOW: usize = 3 * (size_of::<Slot>() + size_of::<Timer>() + 2 * size_of::<usize>());

/// A flow that takes more holds something that it could do without; all flows take less.
const LARGE: usize = 16 << 10;

/// So many bytes of each flow may wait to be counted: half of what a flow takes with them.
const UNCOUNTED: u32 = 2 << 10;

/// What a message may leave behind of which only figures are kept: a value or two.
const FIGURES: u32 = 16;

/// Entries of flows that are gone are no trouble up to so many.
const ENTRIES: usize = 1 << 10;
