//! Segments → a batch of them, sorted by who follows their flows.

use crate::ahead::fetch;
use crate::decode::{Segment, TcpFlags};
use crate::packet::{PacketRef, Timestamp};
use crate::tcp::{Direction, FlowKey};

/// The segments of some packets in succession, read and decoded once for all shards.
#[derive(Debug, Default)]
pub(super) struct Batch {
    parts: Vec<Vec<Part>>,
    /// Where so much time has passed that every shard looks whose time is up.
    pub(super) ticks: Vec<Tick>,
    bytes: Vec<u8>,
    packets: usize,
    /// The number of the last packet.
    pub(super) last: u64,
}

/// A moment at a packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tick {
    pub(super) packet: u64,
    pub(super) now: Timestamp,
}

/// A segment, its payload in the batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub(super) flow: FlowKey,
    pub(super) direction: Direction,
    pub(super) at: PacketRef,
    /// The latest time of the capture up to it.
    pub(super) now: Timestamp,
    seq: u32,
    ack: u32,
    cut: u32,
    window: u16,
    flags: TcpFlags,
    length: u32,
    start: usize,
}

impl Batch {
    /// Room for the segments of so many shards.
    pub(super) fn new(shards: u8) -> Self {
        Self { parts: vec![Vec::new(); shards.into()], ..Self::default() }
    }

    /// Takes note of a packet.
    pub(super) fn packet(&mut self, number: u64) {
        self.packets += 1;
        self.last = number;
    }

    /// Takes the segment of the last packet; `now` is the latest time of the capture.
    #[inline(always)]
    pub(super) fn push(&mut self, segment: &Segment<'_>, now: Timestamp) {
        let shards = u8::try_from(self.parts.len()).unwrap_or(u8::MAX);
        let Some(parts) = self.parts.get_mut(usize::from(segment.flow.shard(shards))) else { return };
        let Segment { at, flow, direction, seq, ack, flags, window, payload, cut } = *segment;
        // Capture formats count a packet's bytes in 32 bits.
        let (start, length) = (self.bytes.len(), u32::try_from(payload.len()).unwrap_or(u32::MAX));
        if parts.len() == parts.capacity() {
            // No more room than is needed: all batches keep theirs.
            parts.reserve_exact(PARTS);
        }
        self.bytes.extend_from_slice(payload);
        parts.push(Part { flow, direction, at, now, seq, ack, cut, window, flags, start, length });
    }

    /// Is it worth handing over?
    pub(super) fn is_full(&self) -> bool {
        self.packets >= PACKETS || self.bytes.len() >= BYTES
    }

    /// Has the shard no segments in it, and no time to look at?
    pub(super) fn is_nothing_for(&self, shard: u8) -> bool {
        self.ticks.is_empty() && self.parts(shard).is_empty()
    }

    /// The segments of a shard.
    pub(super) fn parts(&self, shard: u8) -> &[Part] {
        self.parts.get(usize::from(shard)).map(Vec::as_slice).unwrap_or_default()
    }

    /// One of these, whole.
    pub(super) fn segment(&self, part: &Part) -> Segment<'_> {
        let Part { flow, direction, at, seq, ack, cut, window, flags, start, length, .. } = *part;
        let end = usize::try_from(length).map_or(usize::MAX, |length| start.saturating_add(length));
        let payload = self.bytes.get(start..end).unwrap_or_default();
        Segment { at, flow, direction, seq, ack, flags, window, payload, cut }
    }

    /// Asks for the first bytes of its payload, which another thread may have put there.
    pub(super) fn fetch_payload(&self, part: &Part) {
        self.bytes.get(part.start).into_iter().for_each(|first| fetch(first, 0, 0..AHEAD));
    }

    /// Makes room for the next packets.
    pub(super) fn clear(&mut self) {
        let shards = self.parts.len();
        for parts in &mut self.parts {
            parts.clear();
            // One connection may have sent nearly all of them.
            parts.shrink_to(2 * PACKETS / shards);
        }
        self.ticks.clear();
        self.bytes.clear();
        // One packet may be very large.
        self.bytes.shrink_to(2 * BYTES);
        self.packets = 0;
    }
}

impl Part {
    pub(super) const fn has_bytes(&self) -> bool {
        self.length > 0
    }
}

/// Enough that a shard often meets a connection again while it is at hand; little enough that what all threads have in hand does not take
/// much memory. In tests batches are many.
const PACKETS: usize = if cfg!(test) { 16 } else { 2048 };
const BYTES: usize = 512 << 10;
/// So many bytes are worth being asked for: of more, the processor itself sees that they are read from end to end.
const AHEAD: usize = 128;
/// By so many segments grows what falls to a shard.
const PARTS: usize = 64;
