//! One connection on a 4-tuple, from its first segment to the last that belongs to it.

use std::mem::{self, offset_of};

use super::overdue::Lapse;
use crate::ahead::fetch;
use crate::connection::outbox::Outbox;
use crate::connection::{Connection, Options};
use crate::decode::{Segment, TcpFlags};
use crate::event::CloseHow;
use crate::packet::PacketRef;
use crate::tcp::{Delivery, Direction, EndKind, FlowKey, Past, Tracker};

/// One connection on a 4-tuple, as far as it is still of interest.
pub(super) enum Life {
    Followed(Box<Followed>),
    /// No WebSocket: costs a look-up a packet until the next life begins.
    Other(Past),
    /// Told to its end; absorbs late retransmissions.
    Closed(Past),
}

/// A connection that is, or may become, WebSocket.
pub(super) struct Followed {
    pub(super) tracker: Tracker,
    pub(super) connection: Connection,
    pub(super) lingers: bool,
    /// Is it known that something of it waits?
    pub(super) waits: bool,
    closing: Option<SentClose>,
}

/// A SYN, or data; a late ACK or RST of a connection that nobody knows is not worth a flow.
pub(super) fn opens_flow(segment: &Segment<'_>) -> bool {
    segment.flags.has(TcpFlags::SYN) || !segment.payload.is_empty() || segment.cut > 0
}

impl Life {
    pub(super) fn followed(key: FlowKey, start: PacketRef, options: &Options) -> Self {
        Self::Followed(Box::new(Followed {
            tracker: Tracker::new(&options.limits),
            connection: Connection::new(key, start),
            lingers: false,
            waits: false,
            closing: None,
        }))
    }

    pub(super) fn finish(self, at: PacketRef, otherwise: CloseHow, options: &Options, out: &mut Outbox) {
        let Self::Followed(mut followed) = self else { return };
        let Followed { tracker, connection, .. } = &mut *followed;
        connection.next_packet();
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
    /// Asks for all of it.
    pub(super) fn fetch(&self) {
        fetch(&self.waits, offset_of!(Self, waits), 0..size_of::<Self>());
    }

    /// Takes a segment that is next in order.
    #[inline]
    pub(super) fn advance(&mut self, segment: &Segment<'_>, options: &Options, out: &mut Outbox) {
        self.acknowledge_close(segment);
        // Half of all packets only acknowledge: these need nothing of the connection.
        if let Some(chunk) = self.tracker.advance(segment) {
            self.connection.next_packet();
            self.connection.deliver(segment.direction, Delivery::Chunk(chunk), options, out);
            self.note_close(segment);
        }
    }

    /// Takes any segment.
    pub(super) fn push(&mut self, segment: &Segment<'_>, options: &Options, out: &mut Outbox) {
        let direction = segment.direction;
        if segment.flags.has(TcpFlags::SYN) {
            let answer = segment.flags.has(TcpFlags::ACK);
            self.connection.opened_by(if answer { direction.reverse() } else { direction });
        }
        self.acknowledge_close(segment);
        let (connection, mut delivers) = (&mut self.connection, false);
        self.tracker.push(segment, &mut |direction, delivery| {
            if !mem::replace(&mut delivers, true) {
                connection.next_packet();
            }
            connection.deliver(direction, delivery, options, out);
        });
        if delivers {
            self.note_close(segment);
        }
        self.note_order();
    }

    /// Ends a wait.
    pub(super) fn lapse(&mut self, lapse: Lapse, at: PacketRef, options: &Options, out: &mut Outbox) {
        let Self { tracker, connection, .. } = self;
        connection.next_packet();
        let mut deliver =
            |direction, delivery: Delivery<'_>| connection.deliver(direction, delivery, options, out);
        match lapse {
            Lapse::Acknowledged => tracker.accept(&mut deliver),
            Lapse::Anything => tracker.give_up(at, &mut deliver),
        }
        self.note_order();
    }

    /// Says whether what comes can have been sent before what came.
    pub(super) fn note_order(&mut self) {
        if self.tracker.is_in_order() {
            self.connection.order_is_settled();
        } else {
            self.connection.order_is_open();
        }
    }

    /// Says when the Close that waits for its answer reached the other side.
    fn acknowledge_close(&mut self, segment: &Segment<'_>) {
        if let Some(close) = &mut self.closing
            && !close.received
            && close.direction != segment.direction
            && segment.flags.has(TcpFlags::ACK)
            // Serial numbers: less than half of them behind is not behind. // RFC 9293 §3.4
            && segment.ack.wrapping_sub(close.end) < 1 << 31
        {
            close.received = true;
            self.connection.close_acknowledged(Some(segment.at));
        }
    }

    /// Remembers where the Close that waits for its answer ended: with this segment, if it was completed by that.
    fn note_close(&mut self, segment: &Segment<'_>) {
        let direction = segment.direction;
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
