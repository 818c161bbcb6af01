//! What a shard says, each thing with its place in the order of all that is said.

use std::collections::VecDeque;

use super::hold::{LifeId, Worth};
use super::shard::{MOST, ROOM};
use crate::event::{ConnectionId, Event};
use crate::packet::PacketRef;

/// Some of what a shard says, in order. Ids of connections are the shard's own.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) items: Vec<Item>,
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

/// A place in the order of all that is said: by packets; at each, first whose time is up, shard by shard, then what the packet
/// itself brought. It does not depend on which thread follows which flow, and no two shards have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place(u64);

impl Place {
    /// Before all that a shard says at a packet and behind it: there it says whose time is up.
    pub(super) fn at(packet: u64, shard: u8) -> Self {
        Self(packet << RANKS | u64::from(shard))
    }

    /// What the segment of a packet brings.
    pub(super) fn segment(packet: u64, shard: u8) -> Self {
        Self(packet << RANKS | SEGMENT | u64::from(shard))
    }

    /// The end of a connection that is open at the end of the capture, and began at this packet.
    pub(super) fn left(start: u64, shard: u8) -> Self {
        Self(LEFT | start << RANKS | u64::from(shard))
    }

    /// The shard says nothing at it or behind it.
    pub(super) fn end(shard: u8) -> Self {
        Self(u64::MAX << RANKS | u64::from(shard))
    }

    /// Behind all others, and nobody's.
    pub(super) const LAST: Self = Self(u64::MAX);

    /// Whose it is.
    pub(super) fn shard(self) -> usize {
        usize::from(self.0.to_le_bytes()[0] & (MOST - 1))
    }
}

/// The lowest bits of a place: the number of the shard, and above it, whether it is the packet that brings it.
const RANKS: u32 = 4;
const SEGMENT: u64 = 1 << 3;

/// Numbers of packets stay below.
const LEFT: u64 = 1 << 63;

impl Said {
    /// Nothing yet.
    pub(super) fn new() -> Self {
        Self {
            items: Vec::new(),
            events: VecDeque::new(),
            answered: VecDeque::new(),
            text: Vec::new(),
            weight: 0,
            until: Place::at(0, 0),
            settled: Vec::new(),
            known: None,
        }
    }

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

/// Bytes of each list that are kept to be filled again.
const KEPT: usize = 64 << 10;
