//! What waits until the bytes before it have come.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::span::Span;
use crate::packet::PacketRef;

/// Early pieces of one direction and what the peer says of the holes between them. It exists only while
/// something waits.
#[derive(Debug, Default)]
pub(super) struct Early {
    /// By position; they never overlap.
    pieces: BTreeMap<u64, Piece>,
    /// What the pieces cost, in bytes of memory.
    cost: usize,
    /// Set while the peer claims to have bytes that did not come.
    pub(super) claim: Option<Claim>,
}

impl Early {
    /// The lowest piece.
    pub(super) fn first(&self) -> Option<Span<'_>> {
        self.pieces.first_key_value().map(|(&position, piece)| piece.span(position))
    }

    /// The end of the highest piece.
    pub(super) fn end(&self) -> Option<u64> {
        self.pieces.last_key_value().map(|(&position, piece)| piece.span(position).end())
    }

    /// The piece that holds the byte at a position.
    pub(super) fn holding(&self, position: u64) -> Option<Span<'_>> {
        let (&start, piece) = self.pieces.range(..=position).next_back()?;
        Some(piece.span(start)).filter(|held| position < held.end())
    }

    /// Are bytes of a span kept?
    pub(super) fn overlaps(&self, span: &Span<'_>) -> bool {
        let below = self.pieces.range(..span.end()).next_back();
        below.is_some_and(|(&start, piece)| span.position < piece.span(start).end())
    }

    /// Where the first piece behind a position begins; the end of all positions when there is none.
    pub(super) fn free_until(&self, position: u64) -> u64 {
        self.pieces.range(position..).next().map_or(u64::MAX, |(&start, _)| start)
    }

    /// Keeps a span, which must lie in a hole.
    pub(super) fn keep(&mut self, span: &Span<'_>) {
        if let Entry::Vacant(place) = self.pieces.entry(span.position) {
            place.insert(Piece { at: span.at, bytes: span.bytes.into(), cut: span.cut });
            self.cost += cost(span.bytes);
        }
    }

    pub(super) fn take_first(&mut self) -> Option<(u64, Piece)> {
        let (position, piece) = self.pieces.pop_first()?;
        self.cost -= cost(&piece.bytes);
        Some((position, piece))
    }

    pub(super) fn has_room_for(&self, span: &Span<'_>, bound: usize) -> bool {
        self.cost.saturating_add(cost(span.bytes)) <= bound
    }

    pub(super) fn is_idle(&self) -> bool {
        self.pieces.is_empty() && self.claim.is_none()
    }

    /// What the pieces take, in bytes of memory.
    pub(super) const fn cost(&self) -> usize {
        self.cost
    }
}

/// A part of one packet, copied.
#[derive(Debug)]
pub(super) struct Piece {
    at: PacketRef,
    bytes: Box<[u8]>,
    cut: u64,
}

impl Piece {
    pub(super) fn span(&self, position: u64) -> Span<'_> {
        Span { position, bytes: &self.bytes, cut: self.cut, at: self.at }
    }
}

/// Acknowledgements of bytes that did not come. Capture files swap packets, so they may still come; and a
/// single acknowledgement may be wrong, so those that follow must bear it out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claim {
    /// The lowest position that they claim, and the packet that did.
    pub(super) lowest: (u64, PacketRef),
    /// The highest and its packet.
    pub(super) highest: (u64, PacketRef),
    /// Packets of the connection when the wait began; it begins with the next look at the clock.
    pub(super) since: Option<u32>,
}

impl Claim {
    pub(super) const fn new(position: u64, at: PacketRef) -> Self {
        Self { lowest: (position, at), highest: (position, at), since: None }
    }

    pub(super) fn widen(&mut self, position: u64, at: PacketRef) {
        if position < self.lowest.0 {
            self.lowest = (position, at);
        }
        if position > self.highest.0 {
            self.highest = (position, at);
        }
    }

    /// Have `patience` packets passed?
    pub(super) fn is_ripe(&mut self, packets: u32, patience: u32) -> bool {
        packets.wrapping_sub(*self.since.get_or_insert(packets)) >= patience
    }
}

fn cost(bytes: &[u8]) -> usize {
    bytes.len() + BOOKKEEPING
}

/// Memory of a piece besides its bytes: 56 of its slot in the tree, whose nodes may be half empty, and those of
/// the allocator. Without it, one-byte segments would take a hundred times the bound.
const BOOKKEEPING: usize = 128;
