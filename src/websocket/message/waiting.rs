//! What a direction has for its next input.

use std::collections::VecDeque;

use super::Step;
use crate::packet::PacketRef;
use crate::websocket::open_message::latest;

/// What is there when the next input comes: hardly ever anything.
#[derive(Debug, Default)]
pub(super) struct Waiting(Option<Box<Parts>>);

#[derive(Debug, Default)]
struct Parts {
    /// The packets of a header of which a part is still to come.
    header: Option<Packets>,
    /// What comes out before that input is looked at.
    ready: VecDeque<Step>,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Packets {
    pub(super) first: PacketRef,
    pub(super) last: PacketRef,
}

impl Waiting {
    pub(super) fn push(&mut self, step: Step) {
        self.0.get_or_insert_default().ready.push_back(step);
    }

    /// Does nothing come out before the next input is looked at?
    pub(super) fn is_empty(&self) -> bool {
        self.0.as_ref().is_none_or(|parts| parts.ready.is_empty())
    }

    pub(super) fn pop(&mut self) -> Option<Step> {
        self.0.as_mut()?.ready.pop_front()
    }

    /// A part of a header stands in this packet.
    pub(super) fn note_header(&mut self, at: PacketRef) {
        let header = &mut self.0.get_or_insert_default().header;
        *header = Some(Packets::and(*header, at));
    }

    /// The packets with parts of a header, taken out.
    pub(super) fn header(&mut self) -> Option<Packets> {
        self.0.as_mut()?.header.take()
    }

    /// Bytes of memory.
    pub(super) fn memory(&self) -> usize {
        let parts = self.0.as_ref();
        parts.map_or(0, |parts| size_of::<Parts>() + parts.ready.capacity() * size_of::<Step>())
    }
}

impl Packets {
    pub(super) fn and(before: Option<Self>, at: PacketRef) -> Self {
        before.map_or(Self { first: at, last: at }, |before| Self { last: latest(before.last, at), ..before })
    }
}
