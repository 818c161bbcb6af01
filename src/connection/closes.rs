//! The Close frames of both sides → which was first, and whether the other answers it.

use crate::packet::{PacketRef, Side};
use crate::rules::ending::SecondClose;
use crate::websocket::close::CloseBody;

/// The first Close of each side. Packets tell their order: behind a hole of its direction, a Close is delivered late.
#[derive(Debug, Default)]
pub(super) struct Closes {
    /// Nothing until there is one: all that a frame has to ask.
    seen: Option<Box<Seen>>,
}

/// What is known once there is one.
#[derive(Debug, Default)]
struct Seen {
    sent: [Option<SentClose>; 2],
    /// Who sent the one that was delivered first.
    delivered: Option<Side>,
    /// When that one reached the peer.
    receipt: Receipt,
}

/// The first Close of a side.
#[derive(Debug)]
pub(super) struct SentClose {
    /// Its last packet.
    pub(super) at: PacketRef,
    /// The message's index.
    pub(super) index: u64,
    pub(super) body: CloseBody,
    /// Does it break no rule?
    pub(super) sound: bool,
}

/// When a Close reached the peer, as TCP's acknowledgements tell.
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

impl Closes {
    /// Bytes of memory that it takes beside itself.
    pub(super) fn memory(&self) -> usize {
        let Some(seen) = &self.seen else { return 0 };
        size_of::<Seen>()
            + seen.sent.iter().flatten().map(|close| close.body.reason.capacity()).sum::<usize>()
    }

    /// A side sent a Close. Only its first one counts.
    pub(super) fn push(&mut self, side: Side, close: SentClose) {
        let seen = self.seen.get_or_insert_default();
        seen.delivered.get_or_insert(side);
        let [client, server] = &mut seen.sent;
        let own = if side == Side::Client { client } else { server };
        own.get_or_insert(close);
    }

    /// Was there any, or is one looked for?
    pub(super) const fn any(&self) -> bool {
        self.seen.is_some()
    }

    /// The Close of a side.
    pub(super) fn of(&self, side: Side) -> Option<&SentClose> {
        let [client, server] = &self.seen.as_ref()?.sent;
        if side == Side::Client { client.as_ref() } else { server.as_ref() }
    }

    /// Has this side sent one?
    pub(super) fn sent(&self, side: Side) -> bool {
        self.of(side).is_some()
    }

    /// Was a Close sent before this packet, as far as it is delivered?
    pub(super) fn before(&self, at: PacketRef) -> bool {
        self.first().is_some_and(|(_, close)| close.at.number < at.number)
    }

    /// The Close that began the closing handshake, as far as it is delivered.
    pub(super) fn first(&self) -> Option<(Side, &SentClose)> {
        let of = |side| self.of(side).map(|close| (side, close));
        [Side::Client, Side::Server].into_iter().filter_map(of).min_by_key(|(_, close)| close.at.number)
    }

    /// The Close that waits for an answer: its side and packet.
    pub(super) fn unanswered(&self) -> Option<(Side, PacketRef)> {
        let side = self.seen.as_ref()?.delivered.filter(|side| !self.sent(side.peer()))?;
        Some((side, self.of(side)?.at))
    }

    /// Acknowledgements of the Close that was delivered first are looked for; at last this packet is the first to have one.
    pub(super) fn acknowledged(&mut self, by: Option<PacketRef>) {
        self.seen.get_or_insert_default().receipt =
            by.map_or(Receipt::Waiting, |by| Receipt::Since(by.number));
    }

    /// Is it certain that this side had the other's Close when it sent this packet, and has not answered yet?
    pub(super) fn received(&self, side: Side, at: PacketRef) -> bool {
        matches!(self.receipt(), Receipt::Since(first) if at.number >= first)
            && self.unanswered().is_some_and(|(closer, _)| closer == side.peer())
    }

    fn receipt(&self) -> Receipt {
        self.seen.as_ref().map_or(Receipt::Unwatched, |seen| seen.receipt)
    }

    /// What the second Close is to the first.
    pub(super) fn second(&self) -> SecondClose {
        let Some((first, _)) = self.first() else { return SecondClose::Unknown };
        let Some(second) = self.of(first.peer()) else { return SecondClose::Unknown };
        match self.receipt() {
            // Of the first one nobody knows when it was received.
            _ if self.seen.as_ref().and_then(|seen| seen.delivered) != Some(first) => SecondClose::Unknown,
            Receipt::Unwatched => SecondClose::Unknown,
            Receipt::Waiting => SecondClose::AtOnce,
            Receipt::Since(by) if second.at.number < by => SecondClose::AtOnce,
            Receipt::Since(_) => SecondClose::Answer,
        }
    }
}

impl SentClose {
    /// What the peer's API makes of it: 1005 without a body; `None` when it is not known.
    pub(super) fn code(&self) -> Option<u16> {
        self.body.status()
    }

    /// Does it say that the peer sent something that can't be accepted?
    pub(super) fn fails(&self) -> bool {
        matches!(self.code(), Some(1002 | 1003 | 1007 | 1009 | 1010))
    }
}
