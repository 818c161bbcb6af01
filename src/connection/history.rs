//! What is remembered of a connection beyond its open messages → findings, and at last who ended it and how.

use super::Ending;
use super::closes::{Closes, SentClose};
use super::latest::{Last, Latest};
use super::masking::MaskingKeys;
use super::pings::{Pings, RoundTrip};
use super::timing::Timing;
use crate::event::statistics::Statistics;
use crate::event::{Close, CloseHow, Initiator};
use crate::packet::{PacketRef, Side};
use crate::rules::ending::{End, SecondClose, SideEnd, TcpClose};
use crate::rules::mask::KeyFault;
use crate::rules::thresholds::Thresholds;
use crate::rules::{Finding, close, ending};
use crate::tcp::{EndKind, Stalls};
use crate::websocket::close::CloseBody;
use crate::websocket::message::FrameStart;
use crate::websocket::{Message, Opcode};

/// Small and bounded, whatever the connection carries.
#[derive(Debug)]
pub(super) struct History {
    opened: PacketRef,
    /// Of the client: a server has no keys.
    masking: MaskingKeys,
    sides: [SideHistory; 2],
    timing: Timing,
    /// The messages before the first Close, as far as it is delivered.
    latest: Latest,
    closes: Closes,
}

/// What one side did.
#[derive(Debug)]
struct SideHistory {
    /// Its Pings, once there is one or a Pong of the peer.
    pings: Option<Box<Pings>>,
    /// Was all seen that it sent, from its first frame on?
    from_start: bool,
    /// Was all seen that it sent lately: was the last whole message behind the last lost byte?
    known: bool,
    /// The packet from which on nothing could be read that it sent; 0 where it was never seen to send anything.
    unread: Option<u64>,
}

/// What a direction was in the middle of when it ended.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cut {
    pub(super) in_frame: bool,
    pub(super) message_open: bool,
}

impl History {
    /// A connection that opened at `opened`. `from_start`: is the first frame of the client known, and of the server?
    pub(super) fn new(opened: PacketRef, from_start: [bool; 2]) -> Self {
        let side = |from_start| SideHistory { pings: None, from_start, known: from_start, unread: None };
        Self {
            opened,
            masking: MaskingKeys::default(),
            sides: from_start.map(side),
            timing: Timing::default(),
            latest: Latest::default(),
            closes: Closes::default(),
        }
    }

    /// Its opening handshake took so many nanoseconds.
    pub(super) fn opened_after(mut self, latency: Option<i64>) -> Self {
        self.timing.handshake(latency);
        self
    }

    /// A frame begins. What is wrong with its masking key?
    #[inline(always)]
    pub(super) fn frame(&mut self, sender: Side, frame: &FrameStart) -> Option<KeyFault> {
        let FrameStart { header, message_open, .. } = frame;
        if *message_open && header.opcode.is_control() {
            self.timing.interleaved(sender);
        }
        if header.opcode == Opcode::CLOSE {
            // Until it is known that its end is lost, messages of the other side may come.
            self.latest.keep();
        }
        let key = header.masking_key.filter(|_| sender == Side::Client && header.length > 0)?;
        self.masking.next(key)
    }

    /// A message is complete, or can't be any more.
    pub(super) fn message(
        &mut self,
        sender: Side,
        message: &Message,
        index: u64,
        thresholds: &Thresholds,
        found: &mut impl FnMut(Finding),
    ) {
        let whole = !message.incomplete();
        if whole {
            self.side(sender).catch_up();
        }
        let closing = self.is_closing(sender, message.last);
        if message.opcode != Opcode::CLOSE && !closing {
            self.latest.push(message.last, index);
        }
        match message.opcode {
            Opcode::PING if !whole => self.frames_lost(sender),
            Opcode::PONG if !whole => self.frames_lost(sender),
            Opcode::PING if closing => {}
            Opcode::PING => {
                let answered = self.pings_of(sender).ping(message, index, thresholds, found);
                self.time_answer(sender, answered);
            }
            Opcode::PONG => {
                let answered = self.pings_of(sender.peer()).pong(message, index, thresholds, found);
                self.time_answer(sender.peer(), answered);
            }
            opcode if !opcode.is_control() => self.timing.message(sender, message),
            // What its reason lacks is missing in the capture: the peer had it all.
            Opcode::CLOSE if !message.unfinished => self.close(sender, message, index, found),
            _ => {}
        }
    }

    /// The short way for a data message of so many bytes of which all came in this packet.
    #[inline(always)]
    pub(super) fn whole(&mut self, sender: Side, at: PacketRef, length: u64, index: u64) {
        self.side(sender).catch_up();
        if !self.is_closing(sender, at) {
            self.latest.push(at, index);
        }
        self.timing.whole(sender, at, length);
    }

    /// Bytes of a side are missing, inside a payload.
    pub(super) fn bytes_lost(&mut self, sender: Side) {
        self.side(sender).known = false;
    }

    /// Bytes of a side are missing, and there may have been frames among them.
    pub(super) fn frames_lost(&mut self, sender: Side) {
        let side = self.side(sender);
        (side.known, side.from_start) = (false, false);
        if let Some(pings) = &mut side.pings {
            pings.pings_lost();
        }
        if let Some(pings) = &mut self.side(sender.peer()).pings {
            pings.pongs_lost();
        }
        if sender == Side::Client {
            self.masking.interrupt();
        }
    }

    /// Bytes of a side, in this packet, could not be read, because the place of its frames is not known.
    pub(super) fn unread(&mut self, sender: Side, at: PacketRef) {
        // What is read later was sent before what the other side sends meanwhile.
        self.latest.keep();
        let unread = &mut self.side(sender).unread;
        *unread = unread.filter(|since| *since > 0).or(Some(at.number));
    }

    /// Acknowledgements of the Close that was delivered first are looked for; at last this packet is the first to have one.
    pub(super) fn close_acknowledged(&mut self, by: Option<PacketRef>) {
        self.closes.acknowledged(by);
    }

    /// What comes may have been sent before what came already, or after the end.
    pub(super) fn order_is_open(&mut self) {
        self.latest.keep();
    }

    /// What comes is of packets behind those that came, and so is the end.
    pub(super) fn order_is_settled(&mut self) {
        // What came before a Close may be asked for still.
        if !self.closes.any() {
            self.latest.settle();
        }
    }

    /// The Close frames so far.
    pub(super) const fn closes(&self) -> &Closes {
        &self.closes
    }

    /// Bytes of memory that it takes beside itself.
    pub(super) fn memory(&self) -> usize {
        let pings = self.sides.iter().filter_map(|side| side.pings.as_ref());
        let pings: usize = pings.map(|pings| pings.memory()).sum();
        pings + self.timing.memory() + self.latest.memory() + self.closes.memory()
    }

    /// How often and how long each side, as the receiver, had no room.
    pub(super) fn stalled(&mut self, receivers: [Stalls; 2]) {
        self.timing.stalled(receivers);
    }

    /// The figures of all of it.
    pub(super) fn statistics(&mut self) -> Statistics {
        self.timing.statistics()
    }

    /// The connection is over: judges what was left open, and says who ended it and how.
    pub(super) fn finish(
        &mut self,
        ending: &Ending,
        cuts: [Cut; 2],
        thresholds: &Thresholds,
        found: &mut impl FnMut(Finding),
    ) -> Close {
        let (end, last) = self.end(ending, cuts);
        self.check_first(found);
        let unanswered_pings = self.sides.each_mut().map(|side| {
            let pings = side.pings.take();
            pings.map_or(0, |pings| pings.finish(end.begun, thresholds, found))
        });
        ending::check(&end, thresholds, found);
        Close {
            reported: [Side::Client, Side::Server].map(|side| self.reported(side, &end)),
            last_message: if let Last::Message(index, _) = last { Some(index) } else { None },
            silence: end.silence,
            unanswered_pings,
            ..self.verdict(&end, ending.how)
        }
    }

    /// Did its sender say before that nothing more comes, or the other side?
    fn is_closing(&self, sender: Side, at: PacketRef) -> bool {
        self.closes.any() && (self.closes.sent(sender) || self.closes.before(at))
    }

    fn time_answer(&mut self, pinger: Side, answered: Option<RoundTrip>) {
        if let Some([ping, pong]) = answered {
            self.timing.round_trip(pinger, ping, pong);
        }
    }

    fn close(&mut self, sender: Side, message: &Message, index: u64, found: &mut impl FnMut(Finding)) {
        let Some(body) = CloseBody::of(message) else { return };
        let mut sound = true;
        close::check_close(&body, sender, message.last, &mut |finding| {
            sound = false;
            found(finding);
        });
        self.closes.push(sender, SentClose { at: message.last, index, body, sound });
    }

    fn check_first(&self, found: &mut impl FnMut(Finding)) {
        let Some((closer, first)) = self.closes.first().filter(|(_, first)| first.sound) else { return };
        close::check_first(&first.body, closer, first.at, &mut |finding| {
            found(Finding { message: Some(first.index), ..finding });
        });
    }

    /// The facts of the end, in the form in which rules judge them, and what came last before it.
    fn end(&self, ending: &Ending, cuts: [Cut; 2]) -> (End, Last) {
        let tcp = ending.first;
        // A side that ended TCP before the other's Close, and never sent one, was first.
        let tcp_first = |close: &SentClose| {
            tcp.is_some_and(|tcp| !self.closes.sent(tcp.side) && tcp.at.number < close.at.number)
        };
        let closer = self.closes.first().filter(|(_, close)| !tcp_first(close));
        let begun = closer.map(|(_, close)| close.at).or(tcp.map(|tcp| tcp.at)).unwrap_or(ending.at);
        let last = self.latest.until(begun);
        let before = match last {
            Last::Message(_, at) => Some(at),
            Last::Nothing => Some(self.opened).filter(|opened| opened.number <= begun.number),
            Last::Unknown => None,
        };
        let side = |side: Side, known, cut: Cut| SideEnd {
            close: self.closes.of(side).map(|close| (close.at, close.code())),
            known,
            in_frame: cut.in_frame,
            message_open: cut.message_open,
        };
        let ([client, server], [client_cut, server_cut]) = (&self.sides, cuts);
        let end = End {
            last: ending.at,
            tcp,
            over: !ending.how.is_open(),
            given_up: ending.how == CloseHow::GivenUp,
            begun,
            silence: before.map(|before| begun.time.nanos_since(before.time)),
            since_opening: last == Last::Nothing,
            sides: [
                side(Side::Client, client.known, client_cut),
                side(Side::Server, server.known, server_cut),
            ],
            closer: closer.map(|(closer, _)| closer),
            second: self.closes.second(),
        };
        (end, last)
    }

    fn verdict(&self, end: &End, how: CloseHow) -> Close {
        let answered = self.closes.sent(Side::Client) && self.closes.sent(Side::Server);
        let (initiator, how) = match (end.closer, end.tcp) {
            (Some(_), _) if end.second == SecondClose::AtOnce => (Initiator::Both, CloseHow::CloseHandshake),
            (Some(closer), _) if answered => (closer.into(), CloseHow::CloseHandshake),
            (Some(closer), Some(_)) => (self.first_closer(closer, end), self.without_answer(closer)),
            (Some(closer), None) => (self.first_closer(closer, end), how),
            (None, Some(tcp)) => (self.first_to_end(&tcp), how),
            (None, None) => (Initiator::Unknown, how),
        };
        let first = self.closes.first().map(|(_, first)| first);
        Close {
            initiator,
            how,
            code: first.and_then(SentClose::code),
            reason: first.map(|first| first.body.reason.clone()).unwrap_or_default(),
            tcp: end.tcp,
            begun: end.begun,
            ..Close::default()
        }
    }

    /// The side of the only Close that was seen, unless what the other one sent before it could not be read.
    fn first_closer(&self, closer: Side, end: &End) -> Initiator {
        let unread = self.side_of(closer.peer()).unread;
        if unread.is_some_and(|since| since < end.begun.number) { Initiator::Unknown } else { closer.into() }
    }

    /// The side that ended TCP first, unless there may have been a Close before.
    fn first_to_end(&self, tcp: &TcpClose) -> Initiator {
        let mut unread = self.sides.iter().filter_map(|side| side.unread);
        let hidden = unread.any(|since| (1..tcp.at.number).contains(&since));
        if hidden { Initiator::Unknown } else { tcp.side.into() }
    }

    /// No answer to the Close of `closer` was seen.
    fn without_answer(&self, closer: Side) -> CloseHow {
        if self.side_of(closer.peer()).known {
            CloseHow::CloseUnanswered
        } else {
            CloseHow::CloseAnswerUnknown
        }
    }

    /// The code that the API of a side reports. // RFC 6455 §7.1.5
    fn reported(&self, side: Side, end: &End) -> Option<u16> {
        let reset_before = |close: &SentClose| {
            end.tcp.is_some_and(|tcp| {
                tcp.side == side && tcp.how == EndKind::Reset && tcp.at.number < close.at.number
            })
        };
        match self.closes.of(side.peer()) {
            Some(close) if reset_before(close) => Some(ABNORMAL),
            Some(close) => match self.closes.of(side).filter(|own| own.fails()) {
                // RFC 6455 §7.1.7: who fails the connection must not look at the Close of the peer
                Some(own)
                    if own.at.number > close.at.number && (own.code() != close.code() || !close.sound) =>
                {
                    Some(ABNORMAL)
                }
                // Did the application close with such a code, or its library? Only the latter does not look.
                Some(own) if own.at.number < close.at.number => None,
                _ => close.code().filter(|_| close.sound),
            },
            None => (end.tcp.is_some() && self.side_of(side.peer()).known).then_some(ABNORMAL),
        }
    }

    const fn side_of(&self, side: Side) -> &SideHistory {
        let [client, server] = &self.sides;
        match side {
            Side::Client => client,
            Side::Server => server,
        }
    }

    fn side(&mut self, side: Side) -> &mut SideHistory {
        let [client, server] = &mut self.sides;
        if side == Side::Client { client } else { server }
    }

    fn pings_of(&mut self, pinger: Side) -> &mut Pings {
        let side = self.side(pinger);
        let known = side.from_start;
        side.pings.get_or_insert_with(|| Box::new(Pings::new(pinger, known)))
    }
}

impl SideHistory {
    /// All of a message was seen.
    const fn catch_up(&mut self) {
        (self.known, self.unread) = (true, None);
    }
}

/// Stands for a connection that ended without a Close. // RFC 6455 §7.4.1
const ABNORMAL: u16 = 1006;

#[cfg(test)]
mod tests;
