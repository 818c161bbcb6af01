//! What is remembered of a connection beyond its open messages → findings, and at last who ended it and how.

use super::Ending;
use super::masking::MaskingKeys;
use super::pings::Pings;
use crate::event::{Close, CloseHow, Initiator};
use crate::packet::{PacketRef, Side};
use crate::rules::ending::{End, SideEnd, TcpClose};
use crate::rules::thresholds::Thresholds;
use crate::rules::{Finding, close, ending, mask};
use crate::tcp::EndKind;
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
    /// The last message before a Close.
    last: Option<(u64, PacketRef)>,
    /// Who sent the first Close, and its reason.
    closer: Option<(Side, String)>,
    receipt: Receipt,
    at_once: bool,
}

/// When the first Close reached the peer, as TCP's acknowledgements tell.
#[derive(Clone, Copy, Debug, Default)]
enum Receipt {
    /// Nobody looks at them.
    #[default]
    Unwatched,
    /// Not yet.
    Waiting,
    /// The peer's packets from this number on were sent with the Close received.
    Since(u64),
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
    close: Option<SentClose>,
}

/// The first Close of a side.
#[derive(Clone, Copy, Debug)]
struct SentClose {
    at: PacketRef,
    /// What the peer's API makes of it: 1005 without a body; `None` when it is not known.
    code: Option<u16>,
    /// Does it break no rule?
    sound: bool,
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
        let side = |from_start| SideHistory { pings: None, from_start, known: from_start, close: None };
        Self {
            opened,
            masking: MaskingKeys::default(),
            sides: from_start.map(side),
            last: None,
            closer: None,
            receipt: Receipt::default(),
            at_once: false,
        }
    }

    /// A frame begins.
    pub(super) fn frame(&mut self, sender: Side, frame: &FrameStart, found: &mut impl FnMut(Finding)) {
        if let Some(key) = frame.header.masking_key
            && sender == Side::Client
            && frame.header.length > 0
            && let Some(fault) = self.masking.next(key)
        {
            mask::check(fault, sender, frame.at, found);
        }
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
        self.side(sender).known |= whole;
        if message.opcode != Opcode::CLOSE && self.closer.is_none() {
            self.last = Some((index, message.last));
        }
        match message.opcode {
            Opcode::PING if !whole => self.frames_lost(sender),
            Opcode::PONG if !whole => self.frames_lost(sender),
            Opcode::PING if self.closer.is_none() => {
                self.pings_of(sender).ping(message, index, thresholds, found);
            }
            Opcode::PONG => self.pings_of(sender.peer()).pong(message, index, thresholds, found),
            // What its reason lacks is missing in the capture: the peer had it all.
            Opcode::CLOSE if !message.unfinished => self.close(sender, message, found),
            _ => {}
        }
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

    /// Acknowledgements of the first Close are looked for; at last this packet is the first to have one.
    pub(super) fn close_acknowledged(&mut self, by: Option<PacketRef>) {
        self.receipt = by.map_or(Receipt::Waiting, |by| Receipt::Since(by.number));
    }

    /// Has this side sent a Close?
    pub(super) fn close_sent(&self, side: Side) -> bool {
        let [client, server] = &self.sides;
        let own = if side == Side::Client { client } else { server };
        own.close.is_some()
    }

    /// Is it certain that this side had the other's Close when it sent this packet?
    pub(super) fn close_received(&self, side: Side, at: PacketRef) -> bool {
        matches!(self.receipt, Receipt::Since(first) if at.number >= first)
            && self.unanswered_closer() == Some(side.peer())
    }

    /// The side whose Close waits for an answer.
    pub(super) fn unanswered_closer(&self) -> Option<Side> {
        let closer = self.closer.as_ref().map(|(closer, _)| *closer)?;
        (!self.close_sent(closer.peer())).then_some(closer)
    }

    /// The connection is over: judges what was left open, and says who ended it and how.
    pub(super) fn finish(
        &mut self,
        ending: &Ending,
        cuts: [Cut; 2],
        thresholds: &Thresholds,
        found: &mut impl FnMut(Finding),
    ) -> Close {
        let end = self.end(ending, cuts);
        let unanswered_pings = self.sides.each_mut().map(|side| {
            let pings = side.pings.take();
            pings.map_or(0, |pings| pings.finish(end.begun, thresholds, found))
        });
        ending::check(&end, thresholds, found);
        let last = self.last.filter(|(_, at)| at.number <= end.begun.number);
        Close {
            reported: [Side::Client, Side::Server].map(|side| self.reported(side, &end)),
            last_message: last.map(|(index, _)| index),
            silence: end.silence,
            unanswered_pings,
            ..self.verdict(&end, ending.how)
        }
    }

    fn close(&mut self, sender: Side, message: &Message, found: &mut impl FnMut(Finding)) {
        let Some(body) = CloseBody::of(message) else { return };
        let mut sound = true;
        close::check_close(&body, sender, message.last, &mut |finding| {
            sound = false;
            found(finding);
        });
        if self.close_sent(sender) {
            return;
        }
        self.side(sender).close = Some(SentClose { at: message.last, code: body.status(), sound });
        if self.closer.is_some() {
            self.at_once = match self.receipt {
                Receipt::Unwatched => false,
                Receipt::Waiting => true,
                Receipt::Since(first) => message.last.number < first,
            };
            return;
        }
        if sound {
            close::check_first(&body, sender, message.last, found);
        }
        self.closer = Some((sender, body.reason));
    }

    /// The facts of the end, in the form in which rules judge them.
    fn end(&self, ending: &Ending, cuts: [Cut; 2]) -> End {
        let tcp = ending.first;
        let closer = self.closer.as_ref().map(|(closer, _)| *closer);
        let closed = closer.and_then(|closer| self.sides.get(closer.index())?.close).map(|close| close.at);
        // A side that ended TCP before the other's Close, and never sent one, was first.
        let tcp_first = |tcp: &TcpClose| {
            !self.close_sent(tcp.side) && closed.is_none_or(|closed| tcp.at.number < closed.number)
        };
        let closed = closed.filter(|_| !tcp.as_ref().is_some_and(tcp_first));
        let begun = closed.or(tcp.map(|tcp| tcp.at)).unwrap_or(ending.at);
        let before = self.last.map_or(self.opened, |(_, at)| at);
        let mut sides = self.sides.iter().zip(cuts).map(|(side, cut)| SideEnd {
            close: side.close.map(|close| (close.at, close.code)),
            known: side.known,
            in_frame: cut.in_frame,
            message_open: cut.message_open,
        });
        End {
            last: ending.at,
            tcp,
            over: ending.how != CloseHow::CaptureEnded,
            begun,
            silence: (before.number <= begun.number).then(|| begun.time.nanos_since(before.time)),
            sides: [sides.next().unwrap_or_default(), sides.next().unwrap_or_default()],
            closer: closer.filter(|_| closed.is_some()),
            at_once: self.at_once,
        }
    }

    fn verdict(&mut self, end: &End, how: CloseHow) -> Close {
        let answered = self.close_sent(Side::Client) && self.close_sent(Side::Server);
        let (initiator, how) = match (end.closer, end.tcp) {
            (Some(_), _) if end.at_once => (Initiator::Both, CloseHow::CloseHandshake),
            (Some(closer), _) if answered => (closer.into(), CloseHow::CloseHandshake),
            (Some(closer), Some(_)) => (closer.into(), self.without_answer(closer)),
            (Some(closer), None) => (closer.into(), how),
            (None, Some(tcp)) => (tcp.side.into(), how),
            (None, None) => (Initiator::Unknown, how),
        };
        let (closer, reason) = self.closer.take().unzip();
        let code = closer.and_then(|closer: Side| self.side(closer).close?.code);
        Close {
            initiator,
            how,
            code,
            reason: reason.unwrap_or_default(),
            tcp: end.tcp,
            begun: end.begun,
            ..Close::default()
        }
    }

    /// No answer to the Close of `closer` was seen.
    fn without_answer(&mut self, closer: Side) -> CloseHow {
        if self.side(closer.peer()).known { CloseHow::CloseUnanswered } else { CloseHow::CloseAnswerUnknown }
    }

    /// The code that the API of a side reports. // RFC 6455 §7.1.5
    fn reported(&self, side: Side, end: &End) -> Option<u16> {
        let [client, server] = &self.sides;
        let (own, peer) = if side == Side::Client { (client, server) } else { (server, client) };
        let reset_before = |close: &SentClose| {
            end.tcp.is_some_and(|tcp| {
                tcp.side == side && tcp.how == EndKind::Reset && tcp.at.number < close.at.number
            })
        };
        match &peer.close {
            Some(close) if reset_before(close) => Some(ABNORMAL),
            Some(close) => match own.close.filter(SentClose::fails) {
                // RFC 6455 §7.1.7: who fails the connection must not look at the Close of the peer
                Some(own) if own.at.number > close.at.number && (own.code != close.code || !close.sound) => {
                    Some(ABNORMAL)
                }
                // Did the application close with such a code, or its library? Only the latter does not look.
                Some(own) if own.at.number < close.at.number => None,
                _ => close.code.filter(|_| close.sound),
            },
            None => (end.tcp.is_some() && peer.known).then_some(ABNORMAL),
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

impl SentClose {
    /// Does it say that the peer sent something that can't be accepted?
    const fn fails(&self) -> bool {
        matches!(self.code, Some(1002 | 1003 | 1007 | 1009 | 1010))
    }
}

/// Stands for a connection that ended without a Close. // RFC 6455 §7.4.1
const ABNORMAL: u16 = 1006;

#[cfg(test)]
mod tests;
