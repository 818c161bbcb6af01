//! Segments of one direction → its bytes in order.

mod holes;

use super::early::Early;
use super::seq::{self, WINDOW};
use super::span::Span;
use super::{Chunk, Conflict, Delivery, Gap, GapReason};
use crate::packet::PacketRef;

/// Puts one direction in order. Bytes that come in order go straight through; early ones are copied and wait.
/// Of bytes that come twice, those captured first count.
#[derive(Debug, Default)]
pub(super) struct Assembler {
    start: Start,
    /// The position of offset 0.
    origin: u64,
    /// The next byte to deliver; while the start is guessed, the lowest seen.
    next: u64,
    /// Where the stream ends, once a FIN was seen.
    fin: Option<u64>,
    early: Option<Box<Early>>,
    /// Segments far outside the window, one after the other.
    strays: u32,
    pub(super) counters: Counters,
}

/// How the start of a stream is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Start {
    /// Nothing with a place in the stream was seen.
    #[default]
    Unseen,
    /// Bytes were seen but no SYN: lower ones may follow.
    Guessed,
    /// Taken from the SYN-ACK of the peer, or as the lowest number seen.
    Assumed,
    /// The SYN was seen.
    Syn,
}

impl Assembler {
    /// The position of a sequence number; `None` when it lies farther away than any window.
    pub(super) fn locate(&self, seq: u32) -> Option<u64> {
        if self.start == Start::Unseen {
            return Some(seq::first(seq));
        }
        let position = seq::extend(seq, self.next);
        (position.abs_diff(self.next) <= WINDOW).then_some(position)
    }

    /// Takes the stream's start from a SYN, or from the SYN-ACK that answered it, unless bytes went out already.
    pub(super) fn open(&mut self, position: u64, start: Start, deliver: &mut impl FnMut(Delivery<'_>)) {
        let moves = match self.start {
            Start::Unseen => true,
            Start::Guessed | Start::Assumed => self.next == self.origin && position <= self.origin,
            Start::Syn => false,
        };
        if moves {
            (self.start, self.origin, self.next) = (start, position, position);
            self.drain(deliver);
        }
    }

    /// Takes the bytes of one segment. The copies of early ones cost at most `bound`.
    pub(super) fn push(&mut self, span: Span<'_>, bound: usize, deliver: &mut impl FnMut(Delivery<'_>)) {
        if self.is_keep_alive(&span) {
            count(&mut self.counters.keep_alives);
            return;
        }
        if span.is_empty() {
            return;
        }
        self.strays = 0;
        self.reach(span.position);
        let span = self.fin.map_or(span, |fin| span.before(fin));
        self.classify(&span);
        self.place(span.after(self.next), bound, deliver);
    }

    /// Takes a FIN behind the byte before `position`. Was it news? The FIN of this stream is behind all that was
    /// seen of it.
    pub(super) fn finish(&mut self, position: u64) -> bool {
        self.reach(position);
        let fits = self.fin.is_none() && position >= self.highest();
        if fits {
            self.fin = Some(position);
        }
        fits
    }

    /// Accepts the lowest number seen as the start. What waits behind it is then ready.
    pub(super) fn settle(&mut self) {
        if self.start == Start::Guessed {
            self.start = Start::Assumed;
        }
    }

    /// The number of the packet whose bytes are next, when they are here.
    pub(super) fn ready(&self) -> Option<u64> {
        let first = self.first()?;
        (self.is_settled() && first.position == self.next).then_some(first.at.number)
    }

    /// The number of the packet with the lowest bytes that wait, whether bytes before them are missing or not.
    pub(super) fn waiting(&self) -> Option<u64> {
        Some(self.first()?.at.number)
    }

    /// Delivers the lowest bytes that wait, which must be [`ready`](Self::ready).
    pub(super) fn release(&mut self, deliver: &mut impl FnMut(Delivery<'_>)) {
        self.deliver_first(None, deliver);
        self.tidy();
    }

    /// Gives up the hole before the lowest bytes that wait: the stream ends, and no more comes.
    pub(super) fn skip_hole(&mut self, at: PacketRef, deliver: &mut impl FnMut(Delivery<'_>)) {
        if let Some(first) = self.first().map(|piece| piece.position) {
            self.skip(first, Loss { reason: GapReason::End, at }, deliver);
        }
    }

    /// Ends the stream, from which nothing waits any more: says what is known to be missing at its end.
    pub(super) fn end(&mut self, at: PacketRef, deliver: &mut impl FnMut(Delivery<'_>)) {
        let claimed = self.early.take().and_then(|early| early.claim).map(|claim| claim.highest.0);
        let end = claimed.max(self.fin).unwrap_or(self.next);
        self.skip(end, Loss { reason: GapReason::End, at }, deliver);
    }

    /// A segment that can't be of this stream.
    pub(super) fn stray(&mut self) {
        self.strays = self.strays.saturating_add(1);
        count(&mut self.counters.out_of_window);
    }
}

/// What a tracker asks.
impl Assembler {
    pub(super) fn start(&self) -> Start {
        self.start
    }

    /// Was a FIN seen, and delivered all before it?
    pub(super) fn has_ended(&self) -> bool {
        self.is_settled() && self.fin == Some(self.next)
    }

    /// Were bytes of the stream seen?
    pub(super) fn has_bytes(&self) -> bool {
        self.next != self.origin || self.waiting().is_some()
    }

    /// Would a SYN with this number be the one of this stream? Where it was not seen yet, the stream may
    /// begin up to `slack` bytes below the lowest byte seen.
    pub(super) fn can_begin_at(&self, seq: u32, slack: u64) -> bool {
        match self.start {
            Start::Unseen => true,
            Start::Syn => seq == seq::on_wire(self.origin),
            Start::Guessed | Start::Assumed => self
                .locate(seq)
                .is_some_and(|position| position <= self.origin && self.origin - position <= slack),
        }
    }

    /// Would a SYN-ACK with this acknowledgement answer the SYN of this stream?
    pub(super) fn can_be_answered_by(&self, ack: u32, slack: u64) -> bool {
        let slack = if self.start == Start::Syn { 0 } else { slack };
        self.start == Start::Unseen
            || self.locate(ack).is_some_and(|position| {
                // RFC 7413 §4.2: with Fast Open it acknowledges data of the SYN as well.
                self.origin.saturating_sub(slack) <= position && position <= self.highest()
            })
    }

    /// Can a RST with this number be of this stream?
    pub(super) fn can_be_reset_at(&self, seq: u32) -> bool {
        self.locate(seq).is_some_and(|position| self.start != Start::Syn || position >= self.origin)
    }

    /// Are bytes with this number none of this stream: far outside the window, or behind its end?
    pub(super) fn is_stray(&self, seq: u32) -> bool {
        self.locate(seq).is_none_or(|position| self.fin.is_some_and(|fin| position > fin))
    }

    /// Segments in succession that were strays.
    pub(super) fn strays(&self) -> u32 {
        self.strays
    }

    #[cfg(test)]
    pub(super) fn held_bytes(&self) -> usize {
        self.early.as_ref().map_or(0, |early| early.cost())
    }
}

/// How bytes find their place.
impl Assembler {
    /// While the start is unknown, it is the lowest position seen.
    fn reach(&mut self, position: u64) {
        let lower = match self.start {
            Start::Unseen => true,
            Start::Guessed => position < self.next,
            Start::Assumed | Start::Syn => false,
        };
        if lower {
            (self.start, self.origin, self.next) = (Start::Guessed, position, position);
        }
    }

    /// Delivers a span that is in order, keeps one that is early: part by part, as a span may overlap pieces
    /// that wait, and making room for one part can put the next in order.
    fn place(&mut self, mut span: Span<'_>, bound: usize, deliver: &mut impl FnMut(Delivery<'_>)) {
        while !span.is_empty() {
            if self.is_settled() && span.position == self.next {
                return self.advance(span, deliver);
            }
            let origin = self.origin;
            let early = self.early.get_or_insert_default();
            if let Some(held) = early.holding(span.position) {
                compare(&held, &span, origin, deliver);
                span = span.after(held.end());
                continue;
            }
            let (part, rest) = span.split(early.free_until(span.position));
            if early.has_room_for(&part, bound) {
                early.keep(&part);
                span = rest;
            } else {
                self.make_room(span.position, span.at, deliver);
                span = span.after(self.next);
            }
        }
    }

    /// Gives up the wait for the start, or the lowest hole, which ends at `limit` at the latest.
    fn make_room(&mut self, limit: u64, at: PacketRef, deliver: &mut impl FnMut(Delivery<'_>)) {
        if self.is_settled() {
            let first = self.first().map_or(limit, |piece| piece.position);
            self.skip(first.min(limit), Loss { reason: GapReason::Bound, at }, deliver);
        }
        self.settle();
        self.drain(deliver);
    }

    /// Delivers a span that is in order, and what it makes ready.
    fn advance(&mut self, mut span: Span<'_>, deliver: &mut impl FnMut(Delivery<'_>)) {
        while !span.is_empty() {
            let first = self.first().map(|piece| piece.position);
            if first == Some(self.next) {
                self.deliver_first(Some(&span), deliver);
                span = span.after(self.next);
            } else {
                let (part, rest) = span.split(first.unwrap_or(u64::MAX));
                self.emit(&part, deliver);
                span = rest;
            }
        }
        if let Some(claim) = self.early.as_mut().and_then(|early| early.claim.as_mut()) {
            // The sender went on below what was acknowledged: the file has it late, or the peer was wrong.
            claim.since = None;
        }
        self.drain(deliver);
    }

    fn drain(&mut self, deliver: &mut impl FnMut(Delivery<'_>)) {
        while self.ready().is_some() {
            self.deliver_first(None, deliver);
        }
        self.tidy();
    }

    fn deliver_first(&mut self, again: Option<&Span<'_>>, deliver: &mut impl FnMut(Delivery<'_>)) {
        let Some((position, piece)) = self.early.as_mut().and_then(|early| early.take_first()) else {
            return;
        };
        let held = piece.span(position);
        if let Some(again) = again {
            compare(&held, again, self.origin, deliver);
        }
        self.emit(&held, deliver);
    }

    /// Frees what waits for nothing, and forgets claims that were met.
    fn tidy(&mut self) {
        let Some(early) = &mut self.early else { return };
        if early.claim.is_some_and(|claim| claim.highest.0 <= self.next) {
            early.claim = None;
        }
        if early.is_idle() {
            self.early = None;
        }
    }

    fn emit(&mut self, span: &Span<'_>, deliver: &mut impl FnMut(Delivery<'_>)) {
        if !span.bytes.is_empty() {
            deliver(Delivery::Chunk(Chunk { offset: self.offset(), bytes: span.bytes, at: span.at }));
        }
        self.next += span.bytes.len() as u64;
        self.skip(span.end(), Loss { reason: GapReason::SnapLength, at: span.at }, deliver);
    }

    fn skip(&mut self, to: u64, loss: Loss, deliver: &mut impl FnMut(Delivery<'_>)) {
        if to > self.next {
            let (offset, length) = (self.offset(), to - self.next);
            deliver(Delivery::Gap(Gap { offset, length, at: loss.at, reason: loss.reason }));
            self.next = to;
        }
    }
}

/// Why and where something is given up.
#[derive(Clone, Copy)]
struct Loss {
    reason: GapReason,
    at: PacketRef,
}

/// Small questions.
impl Assembler {
    pub(super) fn is_settled(&self) -> bool {
        matches!(self.start, Start::Assumed | Start::Syn)
    }

    fn first(&self) -> Option<Span<'_>> {
        self.early.as_ref()?.first()
    }

    fn offset(&self) -> u64 {
        self.next - self.origin
    }

    /// The end of the last byte seen.
    fn highest(&self) -> u64 {
        self.early.as_ref().and_then(|early| early.end()).unwrap_or(self.next)
    }

    // RFC 9293 §3.8.4: nothing, or one byte of garbage, at the number before the next one.
    fn is_keep_alive(&self, span: &Span<'_>) -> bool {
        self.is_settled() && span.length() <= 1 && span.position + 1 == self.next
    }

    fn classify(&mut self, span: &Span<'_>) {
        let held = self.early.as_ref();
        if span.position < self.next || held.is_some_and(|early| early.overlaps(span)) {
            count(&mut self.counters.retransmitted);
        } else if span.position < self.highest() {
            count(&mut self.counters.out_of_order);
        }
    }
}

/// Says where bytes that wait differ from those that came again.
fn compare(held: &Span<'_>, again: &Span<'_>, origin: u64, deliver: &mut impl FnMut(Delivery<'_>)) {
    if let Some((position, length)) = held.difference(again) {
        deliver(Delivery::Conflict(Conflict { offset: position - origin, length, at: again.at }));
    }
}

pub(super) fn count(counter: &mut u32) {
    *counter = counter.saturating_add(1);
}

/// What one direction showed besides bytes, in packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Segments with bytes that were captured before.
    pub retransmitted: u32,
    /// Segments with new bytes only that came after bytes sent behind them: swapped on the way or in the
    /// capture, or sent again after a loss.
    pub out_of_order: u32,
    /// Keep-alives (RFC 9293 §3.8.4): nothing or one byte, before the next one. A byte sent again looks the same.
    pub keep_alives: u32,
    /// Segments that offered no room to the peer.
    pub zero_windows: u32,
    /// Segments that can't be of this life of the flow: 1 GiB away, or behind its end.
    pub out_of_window: u32,
}
