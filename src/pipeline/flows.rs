//! Segments → connections: the table of flows, the lives of each, and when they are forgotten.

use std::collections::VecDeque;
use std::hash::BuildHasher as _;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use crate::connection::outbox::{Outbox, Protocols};
use crate::connection::{Connection, Options};
use crate::decode::{Segment, TcpFlags};
use crate::event::CloseHow;
use crate::packet::{PacketRef, Timestamp};
use crate::tcp::{Direction, EndKind, FlowKey, Past, Tracker};

/// All flows that are followed. At most `Limits::flows`; quiet ones are forgotten on capture time.
pub(super) struct Flows<'a> {
    options: &'a Options,
    /// The slots by the keys of their flows. It holds no key itself, so that it stays in the processor's cache.
    index: HashTable<usize>,
    /// Seeded by the process, so that nobody can choose addresses that collide.
    hasher: RandomState,
    slots: Vec<Slot>,
    free: Vec<usize>,
    timers: Timers,
    out: Outbox,
    seen: u64,
    given_up: u64,
}

#[derive(Default)]
struct Slot {
    /// Counts the timers that this slot had: only the newest is heeded.
    generation: u64,
    /// Where that timer waits.
    queue: Queue,
    flow: Option<Flow>,
}

struct Flow {
    key: FlowKey,
    life: Life,
    last: PacketRef,
}

/// One connection on a 4-tuple, as far as it is still of interest.
enum Life {
    Followed(Box<Followed>),
    /// No WebSocket: costs a look-up a packet until the next life begins.
    Other(Past),
    /// Told to its end; absorbs late retransmissions.
    Closed(Past),
}

struct Followed {
    tracker: Tracker,
    connection: Connection,
    start: PacketRef,
    lingers: bool,
    closing: Option<SentClose>,
}

impl<'a> Flows<'a> {
    pub(super) fn new(options: &'a Options) -> Self {
        Self {
            options,
            index: HashTable::new(),
            hasher: RandomState::default(),
            slots: Vec::new(),
            free: Vec::new(),
            timers: Timers::default(),
            out: Outbox::default(),
            seen: 0,
            given_up: 0,
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

    /// What TCP connections turned out to speak.
    pub(super) fn protocols(&self) -> Protocols {
        self.out.protocols()
    }

    /// Takes one segment; `now` is the latest time of the capture.
    pub(super) fn segment(&mut self, segment: &Segment<'_>, now: Timestamp) {
        if self.timers.is_due(now) {
            self.expire(now);
        }
        let (key, direction) = FlowKey::of(segment);
        let slot = match self.find(&key) {
            Some(slot) => slot,
            None if opens_flow(segment) => self.insert(key, segment.at, now),
            None => return,
        };
        let Some(flow) = self.slots.get_mut(slot).and_then(|slot| slot.flow.as_mut()) else { return };
        flow.last = segment.at;
        if flow.begins_anew(segment, direction) {
            let old = std::mem::replace(&mut flow.life, Life::followed(key, segment.at, self.options));
            self.seen += 1;
            old.finish(segment.at, CloseHow::CaptureEnded, self.options, &mut self.out);
        }
        if flow.follow(segment, direction, self.options, &mut self.out) {
            self.linger(slot, now);
        }
    }

    /// Finishes every connection, in the order in which they began; `at` is the capture's last packet.
    pub(super) fn finish(&mut self, at: PacketRef) {
        let mut flows: Vec<_> = self.slots.iter_mut().filter_map(|slot| slot.flow.take()).collect();
        flows.sort_by_key(|flow| flow.start().number);
        for flow in flows {
            flow.life.finish(flow.last, CloseHow::CaptureEnded, self.options, &mut self.out);
        }
        self.index.clear();
        self.out.finish(at, &self.options.limits);
    }

    fn find(&self, key: &FlowKey) -> Option<usize> {
        let is_its = |slot: &usize| key_of(&self.slots, *slot) == Some(key);
        self.index.find(self.hasher.hash_one(key), is_its).copied()
    }

    fn insert(&mut self, key: FlowKey, at: PacketRef, now: Timestamp) -> usize {
        if self.index.len() >= self.options.limits.flows {
            self.give_one_up();
        }
        self.seen += 1;
        let flow = Flow { key, life: Life::followed(key, at, self.options), last: at };
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            self.slots.len() - 1
        });
        if let Some(place) = self.slots.get_mut(slot) {
            place.generation += 1;
            place.queue = Queue::Quiet;
            place.flow = Some(flow);
            let deadline = now.saturating_add(self.options.limits.idle_flow);
            self.timers.push(Queue::Quiet, Timer { deadline, slot, generation: place.generation });
        }
        let (slots, hasher) = (&self.slots, &self.hasher);
        let hash_of = |slot: &usize| key_of(slots, *slot).map_or(0, |key| hasher.hash_one(key));
        self.index.insert_unique(hasher.hash_one(key), slot, hash_of);
        slot
    }

    /// The flow has ended: look at it sooner than its silence would ask for.
    fn linger(&mut self, slot: usize, now: Timestamp) {
        let Some(place) = self.slots.get_mut(slot).filter(|place| place.queue != Queue::Linger) else {
            return;
        };
        place.generation += 1;
        place.queue = Queue::Linger;
        let deadline = now.saturating_add(self.options.limits.linger);
        self.timers.push(Queue::Linger, Timer { deadline, slot, generation: place.generation });
    }

    fn expire(&mut self, now: Timestamp) {
        while let Some(timer) = self.timers.next_due(now) {
            let Some(flow) = self.flow_of(&timer) else { continue };
            let (queue, deadline) = flow.due(self.options);
            if deadline <= now {
                self.remove(timer.slot, CloseHow::Idle);
            } else if let Some(place) = self.slots.get_mut(timer.slot) {
                place.queue = queue;
                self.timers.push(queue, Timer { deadline, ..timer });
            }
        }
    }

    /// Makes room: the flow whose time would be up first goes.
    fn give_one_up(&mut self) {
        while let Some(timer) = self.timers.pop_any() {
            if self.flow_of(&timer).is_some() {
                self.given_up += 1;
                return self.remove(timer.slot, CloseHow::CaptureEnded);
            }
        }
    }

    fn flow_of(&self, timer: &Timer) -> Option<&Flow> {
        let slot = self.slots.get(timer.slot)?;
        slot.flow.as_ref().filter(|_| slot.generation == timer.generation)
    }

    fn remove(&mut self, slot: usize, how: CloseHow) {
        let Some(key) = key_of(&self.slots, slot) else { return };
        if let Ok(entry) = self.index.find_entry(self.hasher.hash_one(key), |each| *each == slot) {
            entry.remove();
        }
        let Some(flow) = self.slots.get_mut(slot).and_then(|slot| slot.flow.take()) else { return };
        self.free.push(slot);
        flow.life.finish(flow.last, how, self.options, &mut self.out);
    }
}

fn key_of(slots: &[Slot], slot: usize) -> Option<&FlowKey> {
    slots.get(slot)?.flow.as_ref().map(|flow| &flow.key)
}

/// A SYN, or data; a late ACK or RST of a connection that nobody knows is not worth a flow.
fn opens_flow(segment: &Segment<'_>) -> bool {
    segment.flags.has(TcpFlags::SYN) || !segment.payload.is_empty() || segment.cut > 0
}

impl Flow {
    fn begins_anew(&self, segment: &Segment<'_>, direction: Direction) -> bool {
        match &self.life {
            Life::Followed(followed) => followed.tracker.begins_anew(segment, direction),
            Life::Other(past) | Life::Closed(past) => past.begins_anew(segment, direction),
        }
    }

    /// Follows the segment; `true` when the flow has just come to its end and only lingers.
    fn follow(
        &mut self,
        segment: &Segment<'_>,
        direction: Direction,
        options: &Options,
        out: &mut Outbox,
    ) -> bool {
        let Life::Followed(followed) = &mut self.life else { return false };
        followed.push(segment, direction, options, out);
        if followed.connection.is_other() {
            self.life = Life::Other(followed.tracker.past());
            return false;
        }
        if followed.tracker.finished() {
            let past = followed.tracker.past();
            let ended = std::mem::replace(&mut self.life, Life::Closed(past));
            ended.finish(segment.at, CloseHow::CaptureEnded, options, out);
            return true;
        }
        let reset = followed.tracker.reset();
        let first = reset && !followed.lingers;
        followed.lingers = reset;
        first
    }

    fn start(&self) -> PacketRef {
        match &self.life {
            Life::Followed(followed) => followed.start,
            Life::Other(_) | Life::Closed(_) => self.last,
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

impl Life {
    fn followed(key: FlowKey, start: PacketRef, options: &Options) -> Self {
        Self::Followed(Box::new(Followed {
            tracker: Tracker::new(&options.limits),
            connection: Connection::new(key, start),
            start,
            lingers: false,
            closing: None,
        }))
    }

    fn finish(self, at: PacketRef, otherwise: CloseHow, options: &Options, out: &mut Outbox) {
        let Self::Followed(mut followed) = self else { return };
        let Followed { tracker, connection, .. } = &mut *followed;
        tracker.flush(at, &mut |direction, delivery| connection.deliver(direction, delivery, options, out));
        let end = followed.tracker.first_end();
        let how = end.map_or(otherwise, |end| match end.how {
            EndKind::Fin => CloseHow::Fin,
            EndKind::Reset => CloseHow::Reset,
        });
        followed.connection.finish(at, how, &followed.tracker, options, out);
    }
}

impl Followed {
    fn push(&mut self, segment: &Segment<'_>, direction: Direction, options: &Options, out: &mut Outbox) {
        if segment.flags.has(TcpFlags::SYN) {
            let answer = segment.flags.has(TcpFlags::ACK);
            self.connection.opened_by(if answer { direction.reverse() } else { direction });
        }
        self.acknowledge_close(segment, direction);
        let connection = &mut self.connection;
        self.tracker.push(segment, direction, &mut |direction, delivery| {
            connection.deliver(direction, delivery, options, out);
        });
        self.note_close(segment, direction);
    }

    /// Says when the Close that waits for its answer reached the other side.
    fn acknowledge_close(&mut self, segment: &Segment<'_>, direction: Direction) {
        if let Some(close) = &mut self.closing
            && !close.received
            && close.direction != direction
            && segment.flags.has(TcpFlags::ACK)
            // Serial numbers: less than half of them behind is not behind. // RFC 9293 §3.4
            && segment.ack.wrapping_sub(close.end) < 1 << 31
        {
            close.received = true;
            self.connection.close_acknowledged(Some(segment.at));
        }
    }

    /// Remembers where the Close that waits for its answer ended: with this segment, if it was completed by that.
    fn note_close(&mut self, segment: &Segment<'_>, direction: Direction) {
        // One that had to wait behind a hole may have been acknowledged meanwhile.
        if self.closing.is_none() && self.connection.closing() == Some((direction, segment.at)) {
            let length = u32::try_from(segment.payload.len()).unwrap_or_default();
            let end = segment.seq.wrapping_add(length).wrapping_add(segment.cut);
            self.closing = Some(SentClose { direction, end, received: false });
            self.connection.close_acknowledged(None);
        }
    }
}

/// A Close frame that waits for its answer.
#[derive(Clone, Copy)]
struct SentClose {
    direction: Direction,
    /// The sequence number behind its segment.
    end: u32,
    received: bool,
}

/// When to look at a flow again: one entry a flow that counts, moved on when the flow was active in the meantime.
/// Each queue has one length of silence, so that it stays in the order of time.
#[derive(Default)]
struct Timers {
    linger: VecDeque<Timer>,
    quiet: VecDeque<Timer>,
    websocket: VecDeque<Timer>,
}

#[derive(Clone, Copy)]
struct Timer {
    deadline: Timestamp,
    slot: usize,
    generation: u64,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Queue {
    Linger,
    #[default]
    Quiet,
    WebSocket,
}

impl Timers {
    fn push(&mut self, queue: Queue, timer: Timer) {
        match queue {
            Queue::Linger => self.linger.push_back(timer),
            Queue::Quiet => self.quiet.push_back(timer),
            Queue::WebSocket => self.websocket.push_back(timer),
        }
    }

    fn is_due(&self, now: Timestamp) -> bool {
        let due = |queue: &VecDeque<Timer>| queue.front().is_some_and(|timer| timer.deadline <= now);
        due(&self.linger) || due(&self.quiet) || due(&self.websocket)
    }

    fn next_due(&mut self, now: Timestamp) -> Option<Timer> {
        self.queues().into_iter().find_map(|queue| queue.pop_front_if(|timer| timer.deadline <= now))
    }

    /// The next of all, due or not: first the ended flows, then the quiet ones.
    fn pop_any(&mut self) -> Option<Timer> {
        self.queues().into_iter().find_map(VecDeque::pop_front)
    }

    fn queues(&mut self) -> [&mut VecDeque<Timer>; 3] {
        [&mut self.linger, &mut self.quiet, &mut self.websocket]
    }
}
