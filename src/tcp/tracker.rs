//! Segments of one flow → one life of it: SYN to FIN or RST, both directions in order.

mod overdue;

pub use overdue::Awaited;

use super::counters::{Counters, count};
use super::past::Past;
use super::reassembly::{Assembler, Start};
use super::span::Span;
use super::stalls::{Stalls, Watch};
use super::{Chunk, Delivery, Direction, GapReason};
use crate::decode::{Segment, TcpFlags};
use crate::limits::Limits;
use crate::packet::PacketRef;

/// One life of a flow. The caller asks [`begins_anew`](Self::begins_anew) of each segment before it is pushed, and
/// flushes the tracker when the connection is over for it: another life begins, the wait after the end is over,
/// or the capture ends. Only then is it known that a hole stays one.
#[derive(Debug)]
pub struct Tracker {
    forward: Assembler,
    backward: Assembler,
    /// Packets of this life, modulo 2^32: the clock by which reordered files are waited for.
    packets: u32,
    /// `packets` when the latest direction without SYN showed bytes; `None` when no start is guessed.
    guessing: Option<u32>,
    opener: Option<Direction>,
    first_end: Option<TcpEnd>,
    /// Who gave the connection up, and at which position.
    reset: Option<(Direction, u64)>,
    /// Of each direction as a receiver, from its first zero window on.
    watches: Option<Box<[Watch; 2]>>,
    early_bytes: usize,
    patience: u32,
}

/// The first end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpEnd {
    /// Who ended.
    pub direction: Direction,
    /// With which control bit.
    pub how: EndKind,
    /// The packet that carried it.
    pub at: PacketRef,
}

/// How one side ended a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndKind {
    /// It has nothing more to send.
    Fin,
    /// It gave the connection up.
    Reset,
}

impl Tracker {
    /// A life of which nothing was seen yet. Of the limits, `early_bytes` and `reorder_packets` concern it.
    pub fn new(limits: &Limits) -> Self {
        Self {
            forward: Assembler::default(),
            backward: Assembler::default(),
            packets: 0,
            guessing: None,
            opener: None,
            first_end: None,
            reset: None,
            watches: None,
            early_bytes: limits.early_bytes,
            patience: limits.reorder_packets,
        }
    }

    /// Does this segment belong to another connection on the same two endpoints?
    ///
    /// A SYN or SYN-ACK does whose number is not that of this life, unless this life began without it and
    /// may well have begun there (the file has it late). So do bytes far outside the window, at once when this
    /// life is over, and after `reorder_packets` of them when it is not: the capture lost their SYN.
    pub fn begins_anew(&self, segment: &Segment<'_>) -> bool {
        let Segment { flags, direction, .. } = *segment;
        if flags.has(TcpFlags::RST) {
            false
        } else if flags.has(TcpFlags::SYN) {
            !self.can_begin_with(segment)
        } else {
            let own = self.side(direction);
            let over = self.reset() || self.finished();
            let patience = if over { 0 } else { self.patience };
            own.strays() >= patience && !segment.payload.is_empty() && own.is_stray(segment.seq)
        }
    }

    /// Is this a segment of which there are millions: the next bytes in order, or none, of a connection of which nothing waits,
    /// nothing is missing and no end was seen? Then [`advance`](Self::advance) does what [`push`](Self::push) does, at a fraction of
    /// the cost, and no other life begins with it.
    pub fn is_next(&self, segment: &Segment<'_>) -> bool {
        let (own, peer) = (self.side(segment.direction), self.side(segment.direction.reverse()));
        segment.flags.acknowledges_only()
            && (segment.window > 0 && self.watches.is_none() && segment.cut == 0)
            && (self.first_end.is_none() && self.reset.is_none() && self.guessing.is_none())
            && own.continues_at(segment.seq)
            && peer.is_told_nothing_by(segment.ack)
    }

    /// Takes a segment that [`is_next`](Self::is_next). The bytes that it delivers, if it has any.
    pub fn advance<'a>(&mut self, segment: &Segment<'a>) -> Option<Chunk<'a>> {
        self.packets = self.packets.wrapping_add(1);
        let own = self.side_mut(segment.direction);
        count(&mut own.counters.segments);
        (!segment.payload.is_empty()).then(|| own.take_next(segment.payload, segment.at))
    }

    /// Takes a segment of this life. Everything that it makes known is delivered before the call returns.
    pub fn push(&mut self, segment: &Segment<'_>, deliver: &mut impl FnMut(Direction, Delivery<'_>)) {
        self.packets = self.packets.wrapping_add(1);
        count(&mut self.side_mut(segment.direction).counters.segments);
        if segment.flags.has(TcpFlags::RST) {
            self.abort(segment);
        } else {
            self.take(segment, deliver);
        }
        self.lapse(deliver);
    }

    /// Ends this life: all bytes that wait come out in capture order, holes as gaps before them. `at` is the
    /// packet that ended it, or the last one of the capture.
    pub fn flush(&mut self, at: PacketRef, deliver: &mut impl FnMut(Direction, Delivery<'_>)) {
        self.settle(deliver);
        while let Some(direction) = self.earliest(Assembler::waiting) {
            let side = self.side_mut(direction);
            side.skip_hole(GapReason::End, at, &mut |delivery| deliver(direction, delivery));
            self.drain(deliver);
        }
        for direction in Direction::BOTH {
            self.side_mut(direction).end(at, &mut |delivery| deliver(direction, delivery));
        }
    }

    /// Who sent the first SYN, or got the SYN-ACK; `None` when the capture has neither.
    pub const fn opener(&self) -> Option<Direction> {
        self.opener
    }

    /// Are both FINs here and all bytes before them? Then only retransmissions can follow.
    pub fn finished(&self) -> bool {
        self.forward.has_ended() && self.backward.has_ended()
    }

    /// Who ended first, in the order of the capture.
    pub const fn first_end(&self) -> Option<TcpEnd> {
        self.first_end
    }

    /// Are all bytes delivered that are here or were acknowledged, and the ends of both directions still to come? Then what is delivered
    /// from now on is of packets from now on.
    pub const fn is_in_order(&self) -> bool {
        self.first_end.is_none() && !self.forward.waits() && !self.backward.waits()
    }

    /// Did a side give the connection up? Bytes that were on their way may still follow.
    pub const fn reset(&self) -> bool {
        self.reset.is_some()
    }

    /// What is to be remembered of this life.
    pub fn past(&self) -> Past {
        let syn = self.opener.and_then(|opener| self.side(opener).syn());
        let ends = Direction::BOTH.map(|direction| self.side(direction).end_on_wire());
        let ends = if let [Some(forward), Some(backward)] = ends { Some([forward, backward]) } else { None };
        Past { syn, ends }
    }

    /// How long the receiver that sends in `direction` kept its peer waiting; `end` is the last packet.
    pub fn stalls(&self, direction: Direction, end: PacketRef) -> Stalls {
        let watch = self.watches.as_ref().and_then(|watches| watches.get(direction.index()));
        watch.copied().unwrap_or_default().at_end(end)
    }

    /// Bytes of memory that it takes beside itself.
    pub fn memory(&self) -> usize {
        let watches = self.watches.as_ref().map_or(0, |watches| size_of_val(&**watches));
        self.forward.memory().saturating_add(self.backward.memory()).saturating_add(watches)
    }

    /// What one direction showed besides bytes.
    pub const fn counters(&self, direction: Direction) -> &Counters {
        &self.side(direction).counters
    }
}

/// SYN, FIN and RST.
impl Tracker {
    fn can_begin_with(&self, syn: &Segment<'_>) -> bool {
        let direction = syn.direction;
        let (own, peer) = (self.side(direction), self.side(direction.reverse()));
        let (is_answer, slack) = (syn.flags.has(TcpFlags::ACK), self.early_bytes as u64);
        if self.was_refused() {
            false
        } else if own.start() != Start::Unseen {
            own.can_begin_at(syn.seq.wrapping_add(1), slack) || is_answer && peer.begins_at(syn.ack)
        } else if is_answer {
            peer.can_be_answered_by(syn.ack, slack)
        } else {
            // Nothing says where this direction stands: its SYN is late by as much as files reorder, or a new one.
            !self.reset() && self.packets <= self.patience
        }
    }

    /// Was the attempt refused? Some systems try again with the same number.
    fn was_refused(&self) -> bool {
        self.reset() && !self.forward.has_bytes() && !self.backward.has_bytes()
    }

    fn take(&mut self, segment: &Segment<'_>, deliver: &mut impl FnMut(Direction, Delivery<'_>)) {
        let (bound, Segment { flags, direction, .. }) = (self.early_bytes, *segment);
        let is_syn = flags.has(TcpFlags::SYN);
        if is_syn {
            self.open(segment, deliver);
        }
        let has_bytes = !segment.payload.is_empty() || segment.cut > 0;
        let own = self.side_mut(direction);
        let seq = segment.seq.wrapping_add(u32::from(is_syn));
        let Some(position) = own.locate(seq).filter(|_| !(has_bytes && own.is_stray(seq))) else {
            return own.stray();
        };
        let span = Span { position, bytes: segment.payload, cut: u64::from(segment.cut), at: segment.at };
        if segment.window == 0 || self.watches.is_some() {
            self.watch_window(segment, &span);
        }
        let own = self.side_mut(direction);
        let before = own.start();
        own.push(span, bound, &mut |delivery| deliver(direction, delivery));
        if flags.has(TcpFlags::FIN) && own.finish(span.end()) {
            self.note_end(TcpEnd { direction, how: EndKind::Fin, at: segment.at });
        }
        if has_bytes && self.reset.is_some_and(|(who, at)| who == direction && position >= at) {
            self.live_on();
        }
        if before == Start::Unseen && self.side(direction).start() == Start::Guessed {
            self.guessing = Some(self.packets);
        }
        if flags.has(TcpFlags::ACK) {
            self.side_mut(direction.reverse()).acknowledge(segment.ack, segment.at);
        }
    }

    fn open(&mut self, syn: &Segment<'_>, deliver: &mut impl FnMut(Direction, Delivery<'_>)) {
        let direction = syn.direction;
        let (seq, mut opener) = (syn.seq.wrapping_add(1), direction);
        self.side_mut(direction).open(seq, Start::Syn, &mut |delivery| deliver(direction, delivery));
        if syn.flags.has(TcpFlags::ACK) {
            opener = direction.reverse();
            self.side_mut(opener).open(syn.ack, Start::Assumed, &mut |delivery| deliver(opener, delivery));
        }
        self.opener.get_or_insert(opener);
    }

    /// A RST. Its payload is no part of the stream (RFC 1122 §4.2.2.12), its acknowledgement often made up.
    fn abort(&mut self, rst: &Segment<'_>) {
        let direction = rst.direction;
        let own = self.side_mut(direction);
        if let Some(position) = own.resets_at(rst.seq) {
            self.reset = Some((direction, position));
            self.note_end(TcpEnd { direction, how: EndKind::Reset, at: rst.at });
        } else {
            own.stray();
        }
    }

    /// Who gives a connection up sends no more: that RST was not from there, or the peer did not believe it.
    fn live_on(&mut self) {
        self.reset = None;
        self.first_end.take_if(|end| end.how == EndKind::Reset);
    }

    /// What a segment says of its sender's own room, and that the sender wants room of its peer.
    fn watch_window(&mut self, segment: &Segment<'_>, span: &Span<'_>) {
        let direction = segment.direction;
        // The window of a SYN is not scaled yet, and who has ended needs no room.
        if segment.flags.has(TcpFlags::SYN) || segment.flags.has(TcpFlags::FIN) {
            return;
        }
        let own = self.side_mut(direction);
        let wants_room = !span.is_empty() || own.is_keep_alive(span);
        if segment.window == 0 {
            count(&mut own.counters.zero_windows);
        }
        let [forward, backward] = &mut **self.watches.get_or_insert_default();
        let (own, peer) = match direction {
            Direction::Forward => (forward, backward),
            Direction::Backward => (backward, forward),
        };
        if segment.window == 0 {
            own.shut(segment.at);
        } else {
            own.open(segment.at);
        }
        if wants_room {
            peer.awaited();
        }
    }

    fn note_end(&mut self, end: TcpEnd) {
        self.first_end.get_or_insert(end);
    }
}

/// What waits, and for how long.
impl Tracker {
    fn lapse(&mut self, deliver: &mut impl FnMut(Direction, Delivery<'_>)) {
        let (packets, patience) = (self.packets, self.patience);
        if self.guessing.is_some_and(|since| packets.wrapping_sub(since) >= patience) {
            self.settle(deliver);
        }
        for direction in Direction::BOTH {
            self.side_mut(direction).lapse(packets, patience, &mut |delivery| deliver(direction, delivery));
        }
    }

    /// Accepts the lowest numbers seen as the starts.
    fn settle(&mut self, deliver: &mut impl FnMut(Direction, Delivery<'_>)) {
        self.guessing = None;
        self.forward.settle();
        self.backward.settle();
        self.drain(deliver);
    }

    /// Delivers what is ready on both sides in capture order, so that a question comes before its answer.
    fn drain(&mut self, deliver: &mut impl FnMut(Direction, Delivery<'_>)) {
        while let Some(direction) = self.earliest(Assembler::ready) {
            let side = self.side_mut(direction);
            side.release(&mut |delivery| deliver(direction, delivery));
        }
    }

    /// The direction for which `packet` names the lower packet.
    fn earliest(&self, packet: impl Fn(&Assembler) -> Option<u64>) -> Option<Direction> {
        match (packet(&self.forward), packet(&self.backward)) {
            (Some(forward), Some(backward)) if backward < forward => Some(Direction::Backward),
            (Some(_), _) => Some(Direction::Forward),
            (None, Some(_)) => Some(Direction::Backward),
            (None, None) => None,
        }
    }

    const fn side(&self, direction: Direction) -> &Assembler {
        match direction {
            Direction::Forward => &self.forward,
            Direction::Backward => &self.backward,
        }
    }

    #[cfg(test)]
    pub(super) fn held_bytes(&self) -> usize {
        self.forward.held_bytes() + self.backward.held_bytes()
    }

    const fn side_mut(&mut self, direction: Direction) -> &mut Assembler {
        match direction {
            Direction::Forward => &mut self.forward,
            Direction::Backward => &mut self.backward,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::scene::{Scene, small_limits};
    use super::*;

    /// A life is written `opener >bytes <bytes first end[ finished]`.
    fn lives(lines: &str) -> Vec<String> {
        Scene::play(small_limits(), lines)
    }

    const OPEN: &str = "
        > S 99
        < S. 299:100
        > . 100:300
    ";

    #[test]
    fn a_tracker_is_small_while_nothing_waits() {
        assert!(size_of::<Tracker>() <= 240, "{}", size_of::<Tracker>());
    }

    #[test]
    fn each_lifecycle_has_its_opener_its_bytes_and_its_first_end() {
        for (name, lines, expected) in LIFECYCLES {
            assert_eq!(lives(lines), *expected, "{name}");
        }
    }

    #[rustfmt::skip]
    const LIFECYCLES: &[(&str, &str, &[&str])] = &[
        ("from SYN to FIN",
         "> S 99
          < S. 299:100
          > . 100:300 ask
          < . 300:103 answer
          > F. 103:306
          < F. 306:104
          > . 104:307",
         &["> >ask <answer >Fin@5 finished"]),
        ("a RST that its sender did not send",
         "> S 99
          < S. 299:100
          > . 100:300 ask
          < R 300
          < . 300:103 answer
          > F. 103:306
          < F. 306:104
          > . 104:307",
         &["> >ask <answer >Fin@6 finished"]),
        ("the SYN stands behind the SYN-ACK in the file",
         "< S. 299:100
          > S 99
          > . 100:300 ask",
         &["> >ask < open"]),
        ("the SYN stands behind data in the file",
         "> . 102:300 k
          > . 100:300 as
          > S 99
          < S. 299:100
          < . 300:103 answer",
         &["> >ask <answer open"]),
        ("the SYN of one side stands behind data of the other",
         "< . 300:103 answer
          > S 99
          < S. 299:100
          > . 100:300 ask",
         &["> >ask <answer open"]),
        ("only the SYN-ACK was captured",
         "< S. 299:100
          < . 300:103 answer
          > . 100:300 ask",
         &["> >ask <answer open"]),
        ("SYN and SYN-ACK are sent again",
         "> S 99
          > S 99
          < S. 299:100
          < S. 299:100
          > . 100:300 ask
          > S 99",
         &["> >ask < open"]),
        ("both sides open at once",
         "> S 99
          < S 299
          > S. 99:300
          < S. 299:100
          > . 100:300 a
          < . 300:101 b",
         &["> >a <b open"]),
        ("data on the SYN, taken by the server",
         "> S 99 ask
          < S. 299:103 answer
          > . 103:306 more",
         &["> >askmore <answer open"]),
        ("data on the SYN, not taken by the server",
         "> S 99 ask
          < S. 299:100
          > . 100:300 askmore",
         &["> >askmore < open"]),
        ("the attempt is refused",
         "> S 99
          < R. 0:100",
         &["> > < <Reset@2"]),
        ("a refused attempt is tried again with the same number",
         "> S 99
          < R. 0:100
          > S 99
          < S. 299:100
          > . 100:300 ask",
         &["> > < <Reset@2", "> >ask < open"]),
        ("a forged refusal and a forged FIN precede the answer",
         "> S 99
          < R. 0:100
          < F. 0:100
          < S. 299:100
          > . 100:300 ask
          < . 300:103 answer",
         &["> > < <Reset@2", "> >ask <answer open"]),
        ("a forged FIN precedes the answer",
         "> S 99
          < F. 0:100
          < S. 299:100
          > . 100:300 ask
          < . 300:103 answer",
         &["> >ask <answer <Fin@2"]),
        ("the server answers again with another number, the client takes that one",
         "> S 99
          < S. 2000000000:100
          > S 99
          < S. 299:100
          > . 100:300 ask
          < S. 2000000000:100
          < . 300:103 answer",
         &["> >ask <answer open"]),
        ("one side goes on after the other's FIN",
         "> S 99
          < S. 299:100
          > F. 100:300 ask
          < . 300:104 a
          < . 301:104 b
          < . 302:104 c
          < F. 303:104",
         &["> >ask <abc >Fin@3 finished"]),
        ("both sides send FIN before they see the other's",
         "> S 99
          < S. 299:100
          > F. 100:300
          < F. 300:100
          > . 101:301
          < . 301:101",
         &["> > < >Fin@3 finished"]),
        ("FINs are sent again, and keep-alives and ACKs follow",
         "> S 99
          < S. 299:100
          > F. 100:300 ask
          > F. 100:300 ask
          < F. 300:104
          < F. 300:104
          > . 104:301",
         &["> >ask < >Fin@3 finished"]),
        ("data behind the FIN is none of the stream",
         "> S 99
          < S. 299:100
          > F. 100:300 ask
          > . 102:300 k!!
          > . 103:300 !!",
         &["> >ask < >Fin@3"]),
        ("a FIN below bytes that were seen is none of the stream",
         "> S 99
          < S. 299:100
          > . 100:300 ask
          > F. 101:300
          > . 103:300 more",
         &["> >askmore < open"]),
        ("data that was on its way before a RST is still delivered",
         "> S 99
          < S. 299:100
          > R 100
          < . 300:100 late",
         &["> > <late >Reset@3"]),
        ("a RST far outside the window ends nothing, its payload and acknowledgement say nothing",
         "> S 99
          < S. 299:100
          > R. 2000000000:300 bogus
          > . 100:300 ask
          < R. 300:9999 reason",
         &["> >ask < <Reset@5"]),
        ("a RST of the life before lies below this one",
         "> S 99
          < S. 299:100
          > R 50
          > . 100:300 ask",
         &["> >ask < open"]),
        ("the ports come again after FIN",
         "> S 99
          < S. 299:100
          > F. 100:300 one
          < F. 300:104
          > S 5099
          < S. 7299:5100
          > . 5100:7300 two",
         &["> >one < >Fin@3 finished", "> >two < open"]),
        ("the ports come again after RST",
         "> S 99
          < S. 299:100
          > . 100:300 one
          < R 300
          > S 5099
          < S. 7299:5100
          < . 7300:5100 two",
         &["> >one < <Reset@4", "> > <two open"]),
        ("the ports come again without any end",
         "> S 99
          < S. 299:100
          > . 100:300 one
          > S 5099
          > . 5100:7300 two",
         &["> >one < open", "> >two < open"]),
        ("the ports come again, the SYN-ACK stands before the SYN in the file",
         "> S 99
          < S. 299:100
          > . 100:300 one
          < S. 7299:5100
          > S 5099
          > . 5100:7300 two",
         &["> >one < open", "> >two < open"]),
        ("the ports come again after the end, the SYN was not captured",
         "> S 99
          < S. 299:100
          > F. 100:300 one
          < F. 300:104
          > . 5100:7300 two",
         &["> >one < >Fin@3 finished", "? >two < open"]),
        ("the ports come again without an end, the SYN was not captured",
         "> S 99
          < S. 299:100
          > . 100:300 one
          > . 2000000000:7300 lost
          > . 2000000004:7300 lost
          > . 2000000008:7300 lost
          > . 2000000012:7300 lost
          > . 2000000016:7300 two",
         &["> >one < open", "? >two < open"]),
        ("the ports come again after FIN, with lower numbers",
         "> S 5099
          < S. 7299:5100
          > F. 5100:7300 one
          < F. 7300:5104
          > S 99
          < S. 299:100
          > . 100:300 two",
         &["> >one < >Fin@3 finished", "> >two < open"]),
        ("one side forgot the connection, resets it and opens it again",
         "> S 99
          < S. 299:100
          > . 100:300 one
          < . 300:103 answer
          > S 9000
          < . 306:103
          > R 103
          > S 9000
          < S. 7299:9001
          > . 9001:7300 two
          < . 7300:9004 answer",
         &["> >one <answer open", "> >two <answer open"]),
        ("one side forgot the connection and resets what still comes",
         "> S 99
          < S. 299:100
          > . 100:300 one
          < . 300:103 half
          > R 103
          < . 304:103 open
          > R 103",
         &["> >one <halfopen >Reset@5"]),
        ("a RST inside the window, beyond what its sender sent",
         "> S 99
          < S. 299:100
          > . 100:300 ask
          < R 800
          < . 300:103 late",
         &["> >ask <late <Reset@4"]),
        ("a RST at the number that comes next",
         "> S 99
          < S. 299:100
          < . 300:100 ask
          < R 303
          > . 100:303 late",
         &["> >late <ask <Reset@4"]),
        ("both sides send FIN at once with their last bytes, and both are sent again",
         "> S 99
          < S. 299:100
          > F. 100:300 ask
          < F. 300:100 answer
          > F. 100:300 ask
          < F. 300:100 answer
          > . 104:307
          < . 307:104",
         &["> >ask <answer >Fin@3 finished"]),
        ("only the side of the server was captured",
         "< S. 299:100
          < . 300:103 answer
          < F. 306:103",
         &["> >[3 End] <answer <Fin@3"]),
        ("packets of the life before come late",
         "> S 5099
          < S. 7299:5100
          > . 100:300 one
          > F. 103:300
          > . 5100:7300 two",
         &["> >two < open"]),
        ("the life began before the capture, another has its SYN in it",
         "> . 100:300 one
          > S 5099
          > . 5100:7300 two",
         &["? >one < open", "> >two < open"]),
        ("only one direction was captured",
         "> S 99
          > . 100:300 one
          > . 105:300 two
          > F. 108:300",
         &["> >one[2 End]two < >Fin@4"]),
        ("the number wraps",
         "> S 4294967292
          < S. 4294967295:4294967293
          > . 4294967293:0 abcdef
          < . 0:3 ok
          > F. 3:2 ghi
          < F. 2:7
          > . 7:3",
         &["> >abcdefghi <ok >Fin@5 finished"]),
        ("ECN, URG and PSH change nothing",
         "> S 99
          < S. 299:100
          > PU. 100:300 ask
          < P. 300:103 answer",
         &["> >ask <answer open"]),
    ];

    #[test]
    fn without_a_syn_bytes_wait_for_lower_ones() {
        let mut scene = Scene::new(small_limits());
        scene.lines(
            "
            > . 103:300 def
            > . 100:300 abc
            < . 300:106
            < . 300:106
        ",
        );
        assert_eq!(scene.heard[0].text, "");
        scene.lines("< . 300:106");
        assert_eq!(scene.heard[0].text, "abcdef");
    }

    #[test]
    fn a_syn_ends_the_wait_for_the_start() {
        let mut scene = Scene::new(small_limits());
        scene.lines(
            "
            > . 103:300 def
            > S 99
        ",
        );
        assert_eq!(scene.heard[0].text, "");
        scene.lines("> . 100:300 abc");
        assert_eq!(scene.heard[0].text, "abcdef");
    }

    #[test]
    fn bytes_that_waited_for_both_starts_come_in_capture_order() {
        for patience in [4, 100] {
            let mut scene = Scene::new(Limits { reorder_packets: patience, ..small_limits() });
            scene.lines(
                "
                > . 100:300 1
                < . 300:101 2
                > . 101:301 3
                < . 301:102 4
                > . 102:302 5
                < . 302:103 6
            ",
            );
            scene.close();
            assert_eq!(scene.order, [1, 2, 3, 4, 5, 6]);
        }
    }

    #[test]
    fn a_hole_is_lost_once_it_is_acknowledged_and_the_patience_is_over() {
        let mut scene = Scene::new(small_limits());
        scene.lines(OPEN);
        scene.lines(
            "
            > . 100:300 abc
            > . 106:300 ghi
            < . 300:109
            > . 109:300 jkl
            < . 300:112
            < . 300:112
        ",
        );
        assert_eq!(scene.heard[0].text, "abc");
        scene.lines("< . 300:112");
        assert_eq!(scene.heard[0].text, "abc[3 Acknowledged]ghijkl");
    }

    #[test]
    fn a_hole_that_nobody_acknowledged_waits() {
        let mut scene = Scene::new(small_limits());
        scene.lines(OPEN);
        scene.lines(&"> . 106:300 ghi\n< . 300:100 x\n".repeat(20));
        assert_eq!(scene.heard[0].text, "");
        scene.lines("> . 100:300 abcdef");
        assert_eq!(scene.heard[0].text, "abcdefghi");
    }

    #[test]
    fn an_acknowledged_hole_that_is_filled_in_time_is_none() {
        let mut scene = Scene::new(small_limits());
        scene.lines(OPEN);
        scene.lines(
            "
            > . 103:300 def
            < . 300:106
            < . 300:106
            < . 300:106
            > . 100:300 abc
        ",
        );
        scene.lines(&"< . 300:106\n".repeat(20));
        assert_eq!(scene.heard[0].text, "abcdef");
    }

    #[test]
    fn acknowledged_bytes_are_lost_even_where_nothing_came_behind_them() {
        let mut scene = Scene::new(small_limits());
        scene.lines(OPEN);
        scene.lines(&"< . 300:150\n".repeat(5));
        assert_eq!(scene.heard[0].text, "[50 Acknowledged]");
        scene.lines("> . 150:300 abc");
        assert_eq!(scene.heard[0].text, "[50 Acknowledged]abc");
    }

    #[test]
    fn a_single_wrong_acknowledgement_takes_nothing() {
        for (name, traffic) in [
            ("the peer says less afterwards", "> . 100:300 abc\n< . 300:103\n"),
            ("the sender goes on below it", "> . 100:300 abc\n"),
        ] {
            let mut scene = Scene::new(small_limits());
            scene.lines(OPEN);
            scene.lines("< . 300:50000000");
            for step in 0..20_u32 {
                let moved = traffic.replace("100:", &format!("{}:", 100 + 3 * step));
                scene.lines(&moved.replace(":103", &format!(":{}", 103 + 3 * step)));
            }
            assert_eq!(scene.heard[0].text, "abc".repeat(20), "{name}");
        }
    }

    #[test]
    fn an_acknowledgement_beyond_any_window_is_not_believed() {
        let mut scene = Scene::new(small_limits());
        scene.lines(OPEN);
        scene.lines(&"< . 300:1200000000\n".repeat(20));
        scene.close();
        assert_eq!(scene.lives, ["> > < open"]);
    }

    #[test]
    fn the_number_of_a_lost_fin_is_no_missing_byte() {
        let mut scene = Scene::new(small_limits());
        scene.lines(OPEN);
        scene.lines("> . 100:300 abc");
        scene.lines(&"< . 300:104\n".repeat(20));
        scene.close();
        assert_eq!(scene.lives, ["> >abc < open"]);
    }

    #[test]
    fn bytes_missing_before_a_fin_are_a_gap_when_acknowledged_or_at_the_end() {
        let mut scene = Scene::new(small_limits());
        scene.lines(OPEN);
        scene.lines(
            "
            > . 100:300 abc
            > F. 104:300
        ",
        );
        assert!(!scene.tracker.finished());
        scene.lines(&"< F. 300:105\n".repeat(5));
        assert_eq!(scene.heard[0].text, "abc[1 Acknowledged]");
        assert!(scene.tracker.finished());

        let short = format!("{OPEN}\n> . 100:300 abc\n> F. 104:300");
        assert_eq!(lives(&short), ["> >abc[1 End] < >Fin@5"]);
    }

    #[test]
    fn acknowledged_bytes_that_never_came_are_a_gap_at_the_end() {
        let lines = format!("{OPEN}\n> . 100:300 abc\n< . 300:110\n< . 300:120");
        assert_eq!(lives(&lines), ["> >abc[17 End] < open"]);
    }

    #[test]
    fn cut_bytes_are_a_gap_in_their_place() {
        let mut scene = Scene::new(small_limits());
        scene.lines(OPEN);
        scene.lines(
            "
            > . 105:300 fg cut=3
            > . 100:300 ab cut=3
            > . 110:300 k
        ",
        );
        assert_eq!(scene.heard[0].text, "ab[3 SnapLength]fg[3 SnapLength]k");
    }

    #[test]
    fn keep_alives_probes_and_zero_windows_are_counted_and_say_nothing() {
        let mut scene = Scene::new(small_limits());
        scene.lines(OPEN);
        scene.lines(
            "
            > . 100:300 abc
            > . 102:300
            > . 102:300 X
            < . 300:103 win=0
            > . 103:300 d
            > . 103:300 de
        ",
        );
        assert_eq!(scene.heard[0].text, "abcde");
        let forward = scene.tracker.counters(Direction::Forward);
        assert_eq!((forward.keep_alives, forward.retransmitted), (2, 1));
        assert_eq!(scene.tracker.counters(Direction::Backward).zero_windows, 1);
    }

    #[test]
    fn swapped_segments_and_retransmissions_are_told_apart() {
        let mut scene = Scene::new(small_limits());
        scene.lines(OPEN);
        scene.lines(
            "
            > . 103:300 def
            > . 100:300 abc
            > . 109:300 jkl
            > . 109:300 jkl
            > . 100:300 abc
        ",
        );
        let counters = scene.tracker.counters(Direction::Forward);
        assert_eq!((counters.out_of_order, counters.retransmitted), (1, 2));
    }
}
