//! Segments of one direction → its bytes in order.

mod holes;
mod next;

use super::counters::{Counters, count};
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
    /// The SYN was seen, and the peer's acknowledgement of it.
    Agreed,
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
    pub(super) fn open(&mut self, seq: u32, start: Start, deliver: &mut impl FnMut(Delivery<'_>)) {
        let lower = self.locate(seq).filter(|&position| {
            self.start == Start::Unseen || self.next == self.origin && position <= self.origin
        });
        if let (Start::Unseen | Start::Guessed | Start::Assumed, Some(position)) = (self.start, lower) {
            (self.start, self.origin, self.next) = (start, position, position);
            self.drain(deliver);
        } else if start == Start::Syn
            && self.start != Start::Agreed
            && !self.begins_at(seq)
            && !self.has_bytes()
        {
            // A server that forgot its answer to the SYN gives another one.
            (self.start, self.origin, self.next) = (start, seq::first(seq), seq::first(seq));
            (self.fin, self.early) = (None, None);
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
            self.cap_claim(position);
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

    /// Gives up the hole before the lowest bytes that wait: no more comes.
    pub(super) fn skip_hole(
        &mut self,
        reason: GapReason,
        at: PacketRef,
        deliver: &mut impl FnMut(Delivery<'_>),
    ) {
        if let Some(first) = self.first().map(|piece| piece.position) {
            self.skip(first, Loss { reason, at }, deliver);
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
            Start::Syn | Start::Agreed => self.begins_at(seq),
            Start::Guessed | Start::Assumed => self
                .locate(seq)
                .is_some_and(|position| position <= self.origin && self.origin - position <= slack),
        }
    }

    /// Does the stream begin with this number, as far as is known?
    pub(super) fn begins_at(&self, seq: u32) -> bool {
        self.is_settled() && seq == seq::on_wire(self.origin)
    }

    /// Would a SYN-ACK with this acknowledgement answer the SYN of this stream?
    pub(super) fn can_be_answered_by(&self, ack: u32, slack: u64) -> bool {
        let slack = if self.is_certain() { 0 } else { slack };
        self.start == Start::Unseen
            || self.locate(ack).is_some_and(|position| {
                // RFC 7413 §4.2: with Fast Open it acknowledges data of the SYN as well.
                self.origin.saturating_sub(slack) <= position && position <= self.highest()
            })
    }

    /// The position of a RST with this number, if it can be of this stream.
    pub(super) fn resets_at(&self, seq: u32) -> Option<u64> {
        self.locate(seq).filter(|position| !self.is_certain() || *position >= self.origin)
    }

    /// The number of the SYN, where it was seen.
    pub(super) fn syn(&self) -> Option<u32> {
        self.is_certain().then(|| seq::on_wire(self.origin).wrapping_sub(1))
    }

    /// The number behind the last byte, once a FIN was seen.
    pub(super) fn end_on_wire(&self) -> Option<u32> {
        self.fin.map(seq::on_wire)
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

    /// Bytes of memory that it takes beside itself.
    pub(super) fn memory(&self) -> usize {
        self.early.as_ref().map_or(0, |early| size_of::<Early>() + early.cost())
    }
}

/// How bytes find their place.
impl Assembler {
    /// While the start is unknown, it is the lowest position seen.
    fn reach(&mut self, position: u64) {
        let lower = match self.start {
            Start::Unseen => true,
            Start::Guessed => position < self.next,
            Start::Assumed | Start::Syn | Start::Agreed => false,
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
            self.skip(first.min(limit), Loss { reason: GapReason::EarlyBytes, at }, deliver);
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
        matches!(self.start, Start::Assumed | Start::Syn | Start::Agreed)
    }

    fn is_certain(&self) -> bool {
        matches!(self.start, Start::Syn | Start::Agreed)
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
    pub(super) fn is_keep_alive(&self, span: &Span<'_>) -> bool {
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

#[cfg(test)]
mod tests {
    use super::super::scene::at;
    use super::*;

    const BOUND: usize = 4096;

    /// A stream whose SYN had the number before `seq`.
    fn opened(seq: u32) -> Assembler {
        let mut assembler = Assembler::default();
        assembler.open(seq, Start::Syn, &mut |_| {});
        assembler
    }

    struct Run {
        assembler: Assembler,
        packet: u64,
        said: Vec<String>,
        end: u64,
    }

    impl Run {
        fn new(seq: u32) -> Self {
            Self { assembler: opened(seq), packet: 0, said: Vec::new(), end: 0 }
        }

        fn push(&mut self, seq: u32, bytes: &[u8], cut: u64) -> &mut Self {
            self.packet += 1;
            let position = self.assembler.locate(seq).unwrap();
            let (said, end) = (&mut self.said, &mut self.end);
            let span = Span { position, bytes, cut, at: at(self.packet) };
            self.assembler.push(span, BOUND, &mut |delivery| match delivery {
                Delivery::Chunk(Chunk { offset, bytes, at }) => {
                    assert_eq!(offset, *end);
                    *end += bytes.len() as u64;
                    said.push(format!("{}@{}", String::from_utf8_lossy(bytes), at.number));
                }
                Delivery::Gap(gap) => {
                    assert_eq!(gap.offset, *end);
                    *end += gap.length;
                    said.push(format!("[{} {:?}]@{}", gap.length, gap.reason, gap.at.number));
                }
                Delivery::Conflict(Conflict { offset, length, at }) => {
                    said.push(format!("{{{offset} {length}}}@{}", at.number));
                }
            });
            assert!(self.assembler.held_bytes() <= BOUND);
            self
        }
    }

    #[test]
    fn each_chunk_names_the_packet_that_its_bytes_came_in() {
        let mut run = Run::new(0);
        run.push(3, b"def", 0).push(8, b"i", 0).push(0, b"abcdefgh", 0);
        assert_eq!(run.said, ["abc@3", "def@1", "gh@3", "i@2"]);
    }

    #[test]
    fn of_bytes_that_wait_the_first_copy_counts_and_the_difference_is_told() {
        let mut run = Run::new(0);
        run.push(3, b"def", 0).push(2, b"cXefg", 0).push(0, b"abcdeY", 0);
        assert_eq!(run.said, ["{3 3}@2", "ab@3", "c@2", "{5 1}@3", "def@1", "g@2"]);
    }

    #[test]
    fn a_new_tail_of_a_retransmission_is_used() {
        let mut run = Run::new(0);
        run.push(0, b"abc", 0).push(0, b"abcdef", 0).push(4, b"efg", 0);
        assert_eq!(run.said, ["abc@1", "def@2", "g@3"]);
    }

    #[test]
    fn a_cut_piece_keeps_its_place_among_early_ones() {
        let mut run = Run::new(0);
        run.push(4, b"e", 3).push(2, b"cdefghij", 0).push(0, b"a", 1);
        assert_eq!(run.said, ["a@3", "[1 SnapLength]@3", "cd@2", "e@1", "[3 SnapLength]@1", "ij@2"]);
    }

    #[test]
    fn what_waits_is_freed_when_nothing_waits_any_more() {
        let mut run = Run::new(0);
        run.push(3, b"def", 0);
        assert!(run.assembler.early.is_some());
        run.push(0, b"abc", 0);
        assert!(run.assembler.early.is_none());
    }

    #[test]
    fn beyond_the_bound_the_lowest_hole_is_given_up_first() {
        let mut run = Run::new(0);
        for step in 0..1000_u32 {
            run.push(10 + 10 * step, b"x", 0);
        }
        assert_eq!(run.said[..4], ["[10 EarlyBytes]@32", "x@1", "[9 EarlyBytes]@33", "x@2"]);
        assert_eq!(run.said.len(), 2 * (1000 - BOUND / 129));
    }

    #[test]
    fn a_piece_larger_than_the_bound_gives_up_what_is_before_it() {
        let mut run = Run::new(0);
        run.push(3, &[b'x'; 5000], 0);
        assert_eq!(run.said.len(), 2);
        assert_eq!(run.said[0], "[3 EarlyBytes]@1");
        assert_eq!(run.end, 5003);
    }

    #[test]
    fn while_the_start_is_unknown_the_bound_ends_the_wait() {
        let mut assembler = Assembler::default();
        let mut delivered = Vec::new();
        for step in 0..10_u32 {
            let position = assembler.locate(1000 + 1000 * step).unwrap();
            let span = Span { position, bytes: &[7; 1000], cut: 0, at: at(1) };
            assembler.push(span, BOUND, &mut |delivery| {
                let Delivery::Chunk(chunk) = delivery else { panic!("{delivery:?}") };
                delivered.push(chunk.offset);
            });
        }
        assert_eq!(delivered, [0, 1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000, 9000]);
    }

    #[test]
    fn twenty_thousand_single_bytes_in_reverse_come_out_in_order() {
        let mut assembler = opened(0);
        let mut next = 0;
        for seq in (0..20_000_u32).rev() {
            let span = Span { position: assembler.locate(seq).unwrap(), bytes: &[1], cut: 0, at: at(1) };
            assembler.push(span, 4 << 20, &mut |delivery| {
                let Delivery::Chunk(chunk) = delivery else { panic!("{delivery:?}") };
                assert_eq!(chunk.offset, next);
                next += 1;
            });
        }
        assert_eq!(next, 20_000);
    }

    #[test]
    fn offsets_go_on_beyond_four_gibibytes() {
        let mut run = Run::new(u32::MAX - 1);
        let mut seq = u32::MAX - 1;
        for _ in 0..9 {
            run.push(seq.wrapping_add(1 << 29), b"later", 0);
            run.push(seq, b"", 1 << 29);
            seq = seq.wrapping_add((1 << 29) + 5);
        }
        assert_eq!(run.end, 9 * ((1 << 29) + 5));
        assert!(run.end > u64::from(u32::MAX));
        assert_eq!(run.said.last().unwrap(), "later@17");
    }

    #[test]
    fn farther_than_a_window_there_is_no_place() {
        let assembler = opened(0);
        for (seq, placed) in [(1 << 30, true), ((1 << 30) + 1, false), (1 << 31, false), (u32::MAX, true)] {
            assert_eq!(assembler.locate(seq).is_some(), placed, "{seq}");
        }
    }
}
