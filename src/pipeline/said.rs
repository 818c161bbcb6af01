//! What a shard says, each thing with its place in the order of all that is said.

use std::collections::VecDeque;

use super::hold::{LifeId, Worth};
use super::shard::ROOM;
use crate::event::{ConnectionId, Event};
use crate::packet::PacketRef;

/// Some of what a shard says, in order. Ids of connections are the shard's own.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) items: VecDeque<Item>,
    /// The events among the items.
    pub(super) events: VecDeque<Event>,
    /// When the handshakes among the events were answered.
    pub(super) answered: VecDeque<PacketRef>,
    /// The messages among the items as the scribe wrote them.
    pub(super) text: Vec<u8>,
    /// Bytes of payload and text.
    pub(super) weight: usize,
    /// Nothing that follows has a place before this one.
    pub(super) until: Place,
    /// What became of lives; only where somebody asks.
    pub(super) settled: Vec<(LifeId, Worth)>,
    /// The life of the last segment, and what is known of it.
    pub(super) known: Option<(LifeId, Worth)>,
}

/// One thing that is said.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    pub(super) place: Place,
    pub(super) what: What,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum What {
    /// The next of the events.
    Event,
    /// A message, the next bytes of the text.
    Message { connection: ConnectionId, is_control: bool, length: usize },
}

/// A place in the order of all that is said. It does not depend on who follows which flow on which thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place(u64);

impl Place {
    /// Nothing comes before it.
    pub(super) const fn at(packet: u64) -> Self {
        Self(packet << RANKS)
    }

    /// Where a shard says whose time is up, before anything comes of the packet itself.
    pub(super) fn expiry(packet: u64, shard: u8) -> Self {
        Self(packet << RANKS | u64::from(shard))
    }

    /// What the segment of a packet brings.
    pub(super) const fn segment(packet: u64) -> Self {
        Self(packet << RANKS | 1 << 8)
    }

    /// The end of a connection that is open at the end of the capture, and began at this packet.
    pub(super) const fn left(start: u64) -> Self {
        Self(1 << 63 | start)
    }

    /// Nothing comes at it or behind it.
    pub(super) const END: Self = Self(u64::MAX);
}

/// Bytes of the lists that are kept to be filled again.
const KEPT: usize = 64 << 10;

/// Bits for the order of what is said at one packet: shards and one more. Numbers of packets need less than the others.
const RANKS: u32 = 9;

impl Said {
    /// Makes room for more, and keeps no more memory than is of use.
    pub(super) fn clear(&mut self) {
        self.items.clear();
        self.items.shrink_to(KEPT / size_of::<Item>());
        self.events.clear();
        self.events.shrink_to(KEPT / size_of::<Event>());
        self.answered.clear();
        self.text.clear();
        self.text.shrink_to(2 * ROOM);
        self.weight = 0;
        self.settled.clear();
        self.known = None;
    }
}
