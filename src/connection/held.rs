//! Deliveries that have to wait until the other side has spoken.

use std::collections::VecDeque;

use crate::packet::PacketRef;
use crate::rules::handshake::EarlyData;
use crate::tcp::Gap;

/// One delivery, kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// All of a chunk; the first `used` of its bytes are read already.
    Chunk {
        bytes: Vec<u8>,
        used: usize,
        at: PacketRef,
    },
    Gap(Gap),
}

impl Item {
    pub(super) fn chunk(bytes: &[u8], at: PacketRef) -> Self {
        Self::Chunk { bytes: bytes.to_vec(), used: 0, at }
    }

    /// What of a chunk is not read yet.
    pub(super) fn rest(&self) -> &[u8] {
        match self {
            Self::Chunk { bytes, used, .. } => bytes.get(*used..).unwrap_or_default(),
            Self::Gap(_) => &[],
        }
    }

    pub(super) const fn at(&self) -> PacketRef {
        match self {
            Self::Chunk { at, .. } => *at,
            Self::Gap(gap) => gap.at,
        }
    }

    fn size(&self) -> u64 {
        match self {
            Self::Chunk { .. } => self.rest().len() as u64,
            Self::Gap(gap) => gap.length,
        }
    }

    /// The memory that it takes.
    const fn cost(&self) -> usize {
        match self {
            Self::Chunk { bytes, .. } => bytes.len().saturating_add(ITEM_OVERHEAD),
            Self::Gap(_) => 0,
        }
    }
}

/// A queue of deliveries of one direction, which knows the memory that it takes.
#[derive(Debug, Default)]
pub(super) struct Held {
    items: VecDeque<Item>,
    cost: usize,
}

impl Held {
    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    /// What came before that packet. A capture that is out of order shows packets too early: their time tells.
    pub(super) fn before(&self, packet: PacketRef) -> Option<EarlyData> {
        let earlier = |item: &&Item| item.at().number < packet.number && item.at().time < packet.time;
        let at = self.items.iter().find(earlier)?.at();
        Some(EarlyData { bytes: self.items.iter().filter(earlier).map(Item::size).sum(), at })
    }

    /// The memory that it takes, in bytes.
    pub(super) fn cost(&self) -> usize {
        self.cost
    }

    /// Does the first line begin so, in however many chunks it came?
    pub(super) fn begins(&self, so: fn(&[u8]) -> bool) -> bool {
        let mut line = Vec::new();
        for item in &self.items {
            let bytes = item.rest();
            if line.is_empty() && bytes.contains(&b'\n') {
                return so(bytes);
            }
            line.extend_from_slice(bytes);
            if bytes.contains(&b'\n') || matches!(item, Item::Gap(_)) {
                break;
            }
        }
        so(&line)
    }

    pub(super) fn push_chunk(&mut self, bytes: &[u8], at: PacketRef) {
        let item = Item::chunk(bytes, at);
        if item.size() > 0 {
            self.cost += item.cost();
            self.items.push_back(item);
        }
    }

    pub(super) fn push_gap(&mut self, gap: Gap) {
        if let Some(Item::Gap(last)) = self.items.back_mut() {
            last.length = last.length.saturating_add(gap.length);
        } else {
            self.items.push_back(Item::Gap(gap));
        }
    }

    /// Puts back an item that was taken out, if there is anything left of it.
    pub(super) fn put_back(&mut self, item: Item) {
        if item.size() > 0 {
            self.cost += item.cost();
            self.items.push_front(item);
        }
    }

    pub(super) fn next(&mut self) -> Option<Item> {
        let item = self.items.pop_front()?;
        self.cost = self.cost.saturating_sub(item.cost());
        Some(item)
    }

    /// The packet of the item that comes next.
    pub(super) fn next_at(&self) -> Option<PacketRef> {
        self.items.front().map(Item::at)
    }
}

/// What an item, and a gap behind it, cost beside its bytes: one-byte segments must not take more memory than is counted.
const ITEM_OVERHEAD: usize = 192;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_out_costs_nothing_any_more_and_what_is_put_back_does() {
        let mut held = Held::default();
        for number in 0..4 {
            held.push_chunk(b"0123456789", PacketRef { number, ..PacketRef::default() });
        }
        held.push_chunk(b"", PacketRef::default());
        assert_eq!((held.len(), held.cost()), (4, 4 * (10 + ITEM_OVERHEAD)));
        let Some(Item::Chunk { bytes, at, .. }) = held.next() else { panic!() };
        held.put_back(Item::Chunk { bytes, used: 4, at });
        assert!(held.begins(|line| line.starts_with(b"4567890123")));
        while held.next().is_some() {}
        assert_eq!((held.len(), held.cost()), (0, 0));
    }
}
