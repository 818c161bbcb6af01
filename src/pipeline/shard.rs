//! Segments of some flows → what is said of them.

use std::sync::Arc;
use std::vec;

use super::batch::{Batch, Part};
use super::flows::Flows;
use super::said::{Item, Place, Said, What};
use crate::connection::Options;
use crate::connection::outbox::Protocols;
use crate::event::{Event, EventKind, Scribe};
use crate::limits::Limits;
use crate::packet::Timestamp;

/// Follows the flows that fall to it. It is owned by one thread at a time, whichever that is.
pub(super) struct Shard<'a> {
    number: u8,
    flows: Flows<'a>,
    ahead: Ahead,
    scribe: Option<Box<dyn Scribe>>,
    /// The places of what waits in the outbox.
    marks: Vec<Place>,
    left: Option<vec::IntoIter<(u64, usize)>>,
}

/// What a shard is to do.
#[derive(Clone, Debug)]
pub(super) enum Work {
    /// Follow these segments.
    Batch(Arc<Batch>),
    /// Finish what is open: no more comes.
    Finish,
}

/// How far a shard has come in a batch.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cursor {
    part: usize,
    tick: usize,
}

/// What the shards of one capture did, in numbers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) seen: u64,
    pub(super) given_up: u64,
    pub(super) relieved: u64,
    pub(super) forgotten: u64,
    pub(super) protocols: Protocols,
}

impl<'a> Shard<'a> {
    /// One of so many. With `settles`, says what became of lives.
    pub(super) fn new(
        options: &'a Options,
        (number, shards): (u8, u8),
        settles: bool,
        scribe: Option<Box<dyn Scribe>>,
    ) -> Self {
        let flows = Flows::new(options, (number.into(), shards.into()), settles.then(Vec::new));
        Self { number, flows, ahead: Ahead::default(), scribe, marks: Vec::new(), left: None }
    }

    /// Goes on with its work, until it is done or much is said. Is it done?
    pub(super) fn go_on(&mut self, work: &Work, cursor: &mut Cursor, said: &mut Said) -> bool {
        let done = match work {
            Work::Batch(batch) => self.follow(batch, cursor, said),
            Work::Finish => self.finish(said),
        };
        self.write(said);
        said.settled.extend(self.flows.settled());
        done
    }

    pub(super) fn count(&self, counts: &mut Counts) {
        counts.seen += self.flows.seen();
        counts.given_up += self.flows.given_up();
        counts.relieved += self.flows.relieved();
        counts.forgotten += self.flows.forgotten();
        let Protocols { http, tls, http2, searched_in_vain } = self.flows.protocols();
        counts.protocols.http += http;
        counts.protocols.tls += tls;
        counts.protocols.http2 += http2;
        counts.protocols.searched_in_vain += searched_in_vain;
    }

    fn follow(&mut self, batch: &Batch, cursor: &mut Cursor, said: &mut Said) -> bool {
        let parts = batch.parts(self.number);
        self.ahead = Ahead { next: cursor.part, ..Ahead::default() };
        loop {
            let tick = batch.ticks.get(cursor.tick);
            let until = tick.map_or(u64::MAX, |tick| tick.packet);
            while let Some(part) = parts.get(cursor.part).filter(|part| part.at.number < until) {
                if self.is_full(said)
                    || self.flows.is_due(part.now) && self.expire(part.at.number, part.now, said)
                {
                    said.until = Place::at(part.at.number, self.number);
                    return false;
                }
                let slot = self.ahead.slot(batch, parts, cursor.part, &self.flows);
                cursor.part += 1;
                self.segment(batch, part, slot, said);
            }
            let Some(tick) = tick else {
                said.until = Place::at(batch.last.saturating_add(1), self.number);
                return true;
            };
            if self.is_full(said) || self.expire(tick.packet, tick.now, said) {
                said.until = Place::at(tick.packet, self.number);
                return false;
            }
            cursor.tick += 1;
        }
    }

    /// Ends flows whose time is up. Was it too much to say for now?
    #[inline(never)]
    fn expire(&mut self, packet: u64, now: Timestamp, said: &mut Said) -> bool {
        while self.flows.expire(now) {
            self.mark(Place::at(packet, self.number), said);
            if self.is_full(said) {
                return true;
            }
        }
        false
    }

    fn segment(&mut self, batch: &Batch, part: &Part, slot: Option<usize>, said: &mut Said) {
        let segment = batch.segment(part);
        said.known = self.flows.segment(&segment, slot, part.now);
        self.mark(Place::segment(part.at.number, self.number), said);
    }

    fn finish(&mut self, said: &mut Said) -> bool {
        let mut left = self.left.take().unwrap_or_else(|| self.flows.left());
        while let Some((start, flow)) = left.as_slice().first().copied() {
            said.until = Place::left(start, self.number);
            if self.is_full(said) {
                self.left = Some(left);
                return false;
            }
            left.next();
            self.flows.finish(flow);
            self.mark(Place::left(start, self.number), said);
        }
        said.until = Place::end(self.number);
        true
    }

    /// Notes where what is new in the outbox was said.
    fn mark(&mut self, place: Place, said: &mut Said) {
        let waiting = self.flows.out().waiting();
        if waiting == self.marks.len() {
            return;
        }
        self.marks.resize(waiting, place);
        if waiting >= WAITING || self.flows.out().payload() >= WAITING_PAYLOAD {
            self.write(said);
        }
    }

    /// Takes what waits in the outbox, as far as it can be as the scribe writes it.
    fn write(&mut self, said: &mut Said) {
        let out = self.flows.out();
        said.answered.extend(out.drain_answered());
        for (event, place) in out.drain().zip(self.marks.drain(..)) {
            let news = said.note(&event.kind);
            let what = if let (Some(scribe), Some(connection)) = (&mut self.scribe, event.connection) {
                let start = said.text.len();
                let before_id = scribe.event(&event, &mut said.text).try_into().unwrap_or(u32::MAX);
                let length = said.text.len() - start;
                said.weight += length;
                if let EventKind::Message(message) = event.kind {
                    message.message.spare();
                }
                What::Line { connection, news, before_id, length }
            } else {
                said.weight += weight(&event);
                said.events.push_back(event);
                What::Event(news)
            };
            said.weight += size_of::<Item>();
            said.items.push(Item { place, what });
        }
    }

    fn is_full(&mut self, said: &Said) -> bool {
        said.weight + self.flows.out().payload() >= ROOM
    }
}

/// Where the flows of the next segments of a batch may be.
#[derive(Clone, Copy, Debug, Default)]
struct Ahead {
    /// Each at its number modulo their number.
    slots: [Option<usize>; FAR.next_power_of_two()],
    /// The number of the segment that is to be looked for next.
    next: usize,
}

impl Ahead {
    /// Where the flow of a segment may be. Asks for what the next ones need: else memory would take as long as the work.
    #[inline]
    fn slot(&mut self, batch: &Batch, parts: &[Part], number: usize, flows: &Flows<'_>) -> Option<usize> {
        while self.next <= number + FAR {
            self.step(batch, parts, flows);
        }
        self.known(number)
    }

    /// Asks for one thing after the other: for the slot of a segment, of one before it for what that slot leads to, of another for
    /// its connection and its payload.
    fn step(&mut self, batch: &Batch, parts: &[Part], flows: &Flows<'_>) {
        let number = self.next;
        let slot = parts.get(number).and_then(|part| flows.look_ahead(&part.flow));
        let place = number % self.slots.len();
        self.slots.get_mut(place).into_iter().for_each(|place| *place = slot);
        if let Some(slot) = number.checked_sub(STEP).and_then(|number| self.known(number)) {
            flows.fetch_flow(slot);
        }
        if let Some(number) = number.checked_sub(2 * STEP)
            && let Some(part) = parts.get(number).filter(|part| part.has_bytes())
            && let Some(slot) = self.known(number)
            && flows.fetch_connection(slot, part.direction)
        {
            batch.fetch_payload(part);
        }
        self.next += 1;
    }

    fn known(&self, number: usize) -> Option<usize> {
        self.slots.get(number % self.slots.len()).copied().flatten()
    }
}

/// Bytes of an event that is kept, about.
fn weight(event: &Event) -> usize {
    EVENT
        + match &event.kind {
            EventKind::Message(message) => message.message.payload.len(),
            EventKind::Opened(opening) => {
                let [request, response] = opening.handshake.sizes();
                usize::try_from(request.saturating_add(response)).unwrap_or(usize::MAX)
            }
            EventKind::Finding(finding) => finding.detail.len(),
            EventKind::Closed(_) => 0,
        }
}

/// What an event takes beside its texts.
const EVENT: usize = 400;

/// Flows are spread over so many shards, and the bounds for all of them divided: on one thread too, so that the same happens on any
/// number. Where a bound is low, one shard keeps it exactly.
pub(super) fn shards(limits: &Limits) -> u8 {
    let many =
        limits.flows / usize::from(MOST) >= LEAST_FLOWS && limits.memory / usize::from(MOST) >= LEAST_MEMORY;
    if many { MOST } else { 1 }
}

/// The limits of one of so many shards.
pub(super) fn divided(limits: &Limits, shards: u8) -> Limits {
    let shards = usize::from(shards);
    Limits {
        flows: limits.flows / shards,
        memory: limits.memory / shards,
        awake: limits.awake.div_ceil(shards),
        inflating: limits.inflating.div_ceil(shards),
        lingering: limits.lingering.div_ceil(shards),
        ..limits.clone()
    }
}

/// More threads would have no shard to follow.
pub(super) const MOST: u8 = 8;

/// Enough that the flows that are open at the same time fall to the shards evenly.
const LEAST_FLOWS: usize = 1 << 14;

/// Several times what one connection can hold.
const LEAST_MEMORY: usize = 128 << 20;

/// Bytes that a shard may have said before they are passed on: a few bytes inflate to a thousand times as many. In tests there
/// is seldom room.
pub(super) const ROOM: usize = if cfg!(test) { 256 } else { 512 << 10 };

/// What a segment needs is asked for in three steps, so many segments one after the other, before its turn: late enough that it is
/// still at hand then.
const STEP: usize = 4;
const FAR: usize = 3 * STEP;

/// Enough that the code of analysis and that of reports do not drive each other out of the processor's cache at each message; few
/// enough that the allocator has what was freed at hand for the next ones.
const WAITING: usize = 6;
const WAITING_PAYLOAD: usize = 64 << 10;
