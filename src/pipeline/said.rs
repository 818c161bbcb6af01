//! What a shard says, each thing with its place in the order of all that is said.

use std::collections::VecDeque;

use super::hold::{LifeId, Worth};
use super::reconnects::{End, Target};
use super::shard::{MOST, ROOM};
use crate::connection::handshakes::Asked;
use crate::event::{ConnectionId, Event, EventKind, Opening};
use crate::packet::PacketRef;
use crate::rules::Severity;

/// Some of what a shard says, in order. Ids of connections are the shard's own.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) items: Vec<Item>,
    /// The events among the items that nobody wrote.
    pub(super) events: VecDeque<Event>,
    /// The others as the scribe wrote them.
    pub(super) text: Vec<u8>,
    /// What is known of the handshakes among the events, where there was a request, and when they were answered.
    pub(super) asked: VecDeque<Option<(Asked, Target)>>,
    pub(super) answered: VecDeque<PacketRef>,
    /// What these asked for.
    pub(super) targets: String,
    /// How connections among the events ended, and after how many frames.
    pub(super) ends: VecDeque<(End, u64)>,
    /// Bytes of all that, about.
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
    Event(News),
    /// The next bytes of the text, with room for the id of the connection behind the first ones of them.
    Line { connection: ConnectionId, news: News, before_id: u32, length: usize },
}

/// What an event means to those who count.
#[derive(Clone, Copy, Debug)]
pub(super) enum News {
    Opened,
    Message { is_control: bool },
    Finding(Severity),
    Closed,
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
            text: Vec::new(),
            asked: VecDeque::new(),
            answered: VecDeque::new(),
            targets: String::new(),
            ends: VecDeque::new(),
            weight: 0,
            until: Place::at(0, 0),
            settled: Vec::new(),
            known: None,
        }
    }

    /// Takes note of what has to be known of an event beside what is said of it.
    #[inline]
    pub(super) fn note(&mut self, event: &EventKind) -> News {
        match event {
            EventKind::Message(message) => News::Message { is_control: message.message.opcode.is_control() },
            EventKind::Finding(finding) => News::Finding(finding.rule.severity),
            EventKind::Opened(opening) => {
                self.note_opening(opening);
                News::Opened
            }
            EventKind::Closed(closing) => {
                let frames = closing.traffic.iter().map(|traffic| traffic.frames).sum();
                self.ends.push_back((End::of(closing), frames));
                News::Closed
            }
        }
    }

    #[inline(never)]
    fn note_opening(&mut self, opening: &Opening) {
        let before = self.targets.len();
        let asked = Asked::of(opening).map(|asked| (asked, Target::of(opening, &mut self.targets)));
        self.weight += size_of_val(&asked) + self.targets.len() - before;
        self.asked.push_back(asked);
    }

    /// Makes room for more, and keeps no more memory than is of use.
    pub(super) fn clear(&mut self) {
        self.items.clear();
        self.items.shrink_to(KEPT / size_of::<Item>());
        self.events.clear();
        self.events.shrink_to(KEPT / size_of::<Event>());
        self.text.clear();
        self.text.shrink_to(2 * ROOM);
        self.asked.clear();
        self.asked.shrink_to(KEPT / size_of::<(Asked, Target)>());
        self.answered.clear();
        self.answered.shrink_to(KEPT / size_of::<PacketRef>());
        self.targets.clear();
        self.targets.shrink_to(KEPT);
        self.ends.clear();
        self.ends.shrink_to(KEPT / size_of::<(End, u64)>());
        self.weight = 0;
        self.settled.clear();
        self.known = None;
    }
}

/// Bytes of each list that are kept to be filled again.
const KEPT: usize = 64 << 10;
