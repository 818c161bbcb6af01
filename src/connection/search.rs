//! Bytes of one direction in which the next frame boundary is looked for.

use crate::packet::{PacketRef, Side};
use crate::websocket::resync::{self, Confidence, Masking, Window};

/// A contiguous run of bytes whose frame boundaries are unknown, each chunk with its packet. Holds at most
/// `AT_MOST` bytes: what can't begin a frame is passed over, and counted.
#[derive(Debug, Default)]
pub(super) struct Search {
    bytes: Vec<u8>,
    /// Where each chunk begins in `bytes`.
    starts: Vec<usize>,
    packets: Vec<PacketRef>,
    passed_over: u64,
    /// Size of `bytes` from which another look is worth its time.
    next_look: usize,
}

/// A place where frames begin.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    pub(super) masked: bool,
    pub(super) confidence: Confidence,
    /// Bytes before that place, since the boundary was lost.
    pub(super) passed_over: u64,
}

impl Search {
    pub(super) fn push(&mut self, bytes: &[u8], at: PacketRef) {
        self.starts.push(self.bytes.len());
        self.packets.push(at);
        self.bytes.extend_from_slice(bytes);
    }

    /// Bytes that were given up, and those that still wait.
    pub(super) fn searched(&self) -> u64 {
        self.passed_over.saturating_add(self.bytes.len() as u64)
    }

    /// The packet of the first byte that still waits.
    pub(super) fn first(&self) -> Option<PacketRef> {
        self.packets.first().copied()
    }

    /// Bytes of memory.
    pub(super) const fn memory(&self) -> usize {
        let places = self.starts.capacity().saturating_mul(size_of::<usize>());
        let packets = self.packets.capacity().saturating_mul(size_of::<PacketRef>());
        self.bytes.capacity().saturating_add(places).saturating_add(packets)
    }

    /// Looks for a frame boundary. When one is found, the bytes before it are gone and `replay` gives the rest.
    pub(super) fn look(&mut self, expect: Masking, compression: bool, end: bool) -> Option<Found> {
        // Looking again at every byte that comes would be quadratic.
        if self.bytes.is_empty() || (self.bytes.len() < self.next_look && !end) {
            return None;
        }
        let window =
            Window { bytes: &self.bytes, starts: &self.starts, masking: expect, compression, ended: end };
        match resync::search(&window) {
            resync::Search::Found { at, masked, confidence } => {
                self.pass_over(at);
                Some(Found { masked, confidence, passed_over: std::mem::take(&mut self.passed_over) })
            }
            resync::Search::Hopeless => {
                self.pass_over(self.bytes.len());
                None
            }
            resync::Search::Undecided { keep_from } => {
                let too_many = self.bytes.len().saturating_sub(AT_MOST);
                self.pass_over(keep_from.max(too_many));
                self.next_look = self.bytes.len() + self.bytes.len() / 4;
                None
            }
        }
    }

    /// A gap: what was collected can't be continued.
    pub(super) fn interrupt(&mut self) {
        self.pass_over(self.bytes.len());
    }

    /// Nothing is looked for any more: what was collected is passed over, and its memory freed.
    pub(super) fn give_up(&mut self) {
        let passed_over = self.searched();
        *self = Self { passed_over, ..Self::default() };
    }

    /// The bytes that are left, chunk by chunk.
    pub(super) fn replay(&self) -> impl Iterator<Item = (&[u8], PacketRef)> {
        let ends = self.starts.iter().skip(1).copied().chain([self.bytes.len()]);
        self.starts
            .iter()
            .zip(ends)
            .zip(&self.packets)
            .filter_map(|((start, end), at)| Some((self.bytes.get(*start..end)?, *at)))
            .filter(|(bytes, _)| !bytes.is_empty())
    }

    fn pass_over(&mut self, count: usize) {
        let whole = self.starts.iter().skip(1).take_while(|start| **start <= count).count();
        let gone = if count >= self.bytes.len() { self.starts.len() } else { whole };
        self.starts.drain(..gone);
        self.packets.drain(..gone);
        for start in &mut self.starts {
            *start = start.saturating_sub(count);
        }
        self.bytes.drain(..count.min(self.bytes.len()));
        self.passed_over = self.passed_over.saturating_add(count as u64);
        self.next_look = 0;
    }
}

/// Enough to see several frames of common size behind each other; small beside the messages of a connection.
const AT_MOST: usize = 64 << 10;

/// What a side's frames look like. // RFC 6455 §5.1
pub(super) const fn masking_of(sender: Side) -> Masking {
    match sender {
        Side::Client => Masking::Masked,
        Side::Server => Masking::Unmasked,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(number: u64) -> PacketRef {
        PacketRef { number, ..PacketRef::default() }
    }

    #[test]
    fn what_is_left_after_passing_over_keeps_its_packets() {
        let mut search = Search::default();
        search.push(b"abcd", packet(1));
        search.push(b"efgh", packet(2));
        search.push(b"ij", packet(3));
        search.pass_over(6);
        let left: Vec<_> = search.replay().map(|(bytes, at)| (bytes.to_vec(), at.number)).collect();
        assert_eq!(left, [(b"gh".to_vec(), 2), (b"ij".to_vec(), 3)]);
        assert_eq!(search.searched(), 10);
        search.give_up();
        assert_eq!((search.bytes.capacity(), search.packets.capacity()), (0, 0));
        assert_eq!(search.replay().count(), 0);
        assert_eq!(search.searched(), 10);
    }
}
