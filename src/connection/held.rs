//! Deliveries that have to wait until the other side has spoken.

use std::collections::VecDeque;

use crate::packet::PacketRef;
use crate::rules::handshake::EarlyData;
use crate::tcp::{Gap, GapReason};

/// One delivery, kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Item {
    Chunk { bytes: Vec<u8>, at: PacketRef },
    Gap(Gap),
}

impl Item {
    pub(super) const fn at(&self) -> PacketRef {
        match self {
            Self::Chunk { at, .. } => *at,
            Self::Gap(gap) => gap.at,
        }
    }

    const fn size(&self) -> u64 {
        match self {
            Self::Chunk { bytes, .. } => bytes.len() as u64,
            Self::Gap(gap) => gap.length,
        }
    }
}

/// A queue of deliveries of one direction, with a bound on its bytes. Beyond it, what comes is noted as a gap:
/// decoding goes on behind it, and the gap is a finding.
#[derive(Debug, Default)]
pub(super) struct Held {
    items: VecDeque<Item>,
    bytes: usize,
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

    pub(super) fn push_chunk(&mut self, bytes: &[u8], at: PacketRef, bound: usize) {
        let cost = bytes.len() + ITEM_OVERHEAD;
        if self.bytes.saturating_add(cost) > bound {
            let gap = Gap { offset: 0, length: bytes.len() as u64, at, reason: GapReason::HeldBytes };
            return self.push_gap(gap);
        }
        self.bytes += cost;
        self.items.push_back(Item::Chunk { bytes: bytes.to_vec(), at });
    }

    pub(super) fn push_gap(&mut self, gap: Gap) {
        if let Some(Item::Gap(last)) = self.items.back_mut() {
            last.length = last.length.saturating_add(gap.length);
        } else {
            self.items.push_back(Item::Gap(gap));
        }
    }

    /// Puts back what could not be used yet of an item that was taken out.
    pub(super) fn put_back(&mut self, bytes: &[u8], at: PacketRef) {
        self.bytes += bytes.len() + ITEM_OVERHEAD;
        self.items.push_front(Item::Chunk { bytes: bytes.to_vec(), at });
    }

    pub(super) fn next(&mut self) -> Option<Item> {
        let item = self.items.pop_front()?;
        if let Item::Chunk { bytes, .. } = &item {
            self.bytes = self.bytes.saturating_sub(bytes.len() + ITEM_OVERHEAD);
        }
        Some(item)
    }

    /// The packet of the item that comes next.
    pub(super) fn next_at(&self) -> Option<PacketRef> {
        self.items.front().map(Item::at)
    }
}

/// What an item costs beside its bytes, so that one-byte segments can't take more memory than the bound says.
const ITEM_OVERHEAD: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_the_bound_bytes_become_one_gap_and_later_items_keep_their_order() {
        let mut held = Held::default();
        for number in 0..4 {
            held.push_chunk(b"0123456789", PacketRef { number, ..PacketRef::default() }, 150);
        }
        let items: Vec<_> = std::iter::from_fn(|| held.next()).collect();
        assert_eq!(items.len(), 3);
        assert!(matches!(&items[2], Item::Gap(gap) if gap.length == 20 && gap.at.number == 2));
        assert_eq!(held.bytes, 0);
    }
}
