//! Bytes of one direction in which the next frame boundary is looked for.

use crate::packet::{PacketRef, Side};
use crate::websocket::resync::{self, Confidence, Demand, Masking, Trails, Window};

/// A run of bytes whose frame boundaries are unknown, each chunk with its packet. Holds at most
/// `AT_MOST` bytes: what can't begin a frame is passed over, and counted. Of frames that are longer, the place of the next
/// one is kept.
#[derive(Debug, Default)]
pub(super) struct Search {
    bytes: Vec<u8>,
    /// Where each chunk begins in `bytes`.
    starts: Vec<usize>,
    packets: Vec<PacketRef>,
    trails: Trails,
    passed_over: u64,
    /// Size of `bytes` from which another look is worth its time.
    next_look: usize,
    /// What is enough where nothing is proved and no more comes.
    at_last: Demand,
    given_up: bool,
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
    /// There are frames, as somebody says: what proves itself goes first, then whatever can be one.
    pub(super) const fn assume(&mut self) {
        self.at_last = Demand::Header;
    }

    /// The connection is WebSocket, as is known.
    pub(super) fn know(mut self: Box<Self>) -> Box<Self> {
        if self.at_last == Demand::Proof {
            self.at_last = Demand::ToTheEnd;
        }
        self
    }

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
        let length = self.bytes.len();
        let leaving = if end { length } else { length.saturating_sub(AT_MOST) };
        let (bytes, starts) = (self.bytes.as_slice(), self.starts.as_slice());
        let demand = Demand::Proof;
        let window = Window { bytes, starts, masking: expect, compression, ended: end, demand, leaving };
        let mut result = resync::search(&window, &mut self.trails);
        let is_last = end || (length >= AT_MOST && self.at_last == Demand::Header);
        if is_last && self.at_last != Demand::Proof && !matches!(result, resync::Search::Found { .. }) {
            let less = resync::search(&Window { demand: self.at_last, ..window }, &mut Trails::default());
            result = if matches!(less, resync::Search::Found { .. }) { less } else { result };
        }
        match result {
            resync::Search::Found { at, masked, confidence } => {
                self.pass_over(at);
                self.trails.clear();
                Some(Found { masked, confidence, passed_over: std::mem::take(&mut self.passed_over) })
            }
            resync::Search::Hopeless => {
                self.pass_over(self.bytes.len());
                None
            }
            resync::Search::Undecided { keep_from } => {
                self.pass_over(keep_from.max(leaving));
                self.next_look = self.bytes.len() + self.bytes.len() / 4;
                None
            }
        }
    }

    /// A gap of so many bytes, after a last [`Self::look`]. Frames that reach over it are still followed.
    pub(super) fn interrupt(&mut self, missing: u64) {
        self.pass_over(self.bytes.len());
        self.trails.advance(missing);
    }

    /// Nothing is looked for any more: what was collected is passed over, and its memory freed. Is that new?
    pub(super) fn give_up(&mut self) -> bool {
        let (passed_over, is_new) = (self.searched(), !self.given_up);
        *self = Self { passed_over, at_last: self.at_last, given_up: true, ..Self::default() };
        is_new
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
        self.trails.advance(count as u64);
        self.passed_over = self.passed_over.saturating_add(count as u64);
        self.next_look = 0;
    }
}

/// What a side's frames look like. // RFC 6455 §5.1
pub(super) const fn masking_of(sender: Side) -> Masking {
    match sender {
        Side::Client => Masking::Masked,
        Side::Server => Masking::Unmasked,
    }
}

/// Enough to see several frames of common size behind each other; small beside the messages of a connection.
const AT_MOST: usize = 64 << 10;

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

    /// An unmasked binary frame of the given length, of any form.
    fn frame(length: usize, fill: u8) -> Vec<u8> {
        let mut frame = vec![0x82];
        match u16::try_from(length) {
            Ok(short @ 0..126) => frame.push(u8::try_from(short).unwrap()),
            Ok(long) => frame.extend([[126].as_slice(), &long.to_be_bytes()].concat()),
            Err(_) => frame.extend([[127].as_slice(), &(length as u64).to_be_bytes()].concat()),
        }
        frame.extend((0..251).cycle().map(|byte: u8| byte.wrapping_add(fill.wrapping_mul(31))).take(length));
        frame
    }

    /// Feeds `stream` in segments that begin where a frame does, from `lost` on; where frames were found.
    fn found_in(frames: &[Vec<u8>], lost: usize, holes: &[std::ops::Range<usize>]) -> Option<u64> {
        let mut search = Search::default();
        let (mut offset, mut missing) = (0, 0);
        let cut: Vec<_> = frames.iter().flat_map(|frame| frame.chunks(1460)).collect();
        for (number, segment) in (1..).zip(cut) {
            let place = offset;
            offset += segment.len();
            if place < lost {
                continue;
            }
            if holes.iter().any(|hole| hole.contains(&place)) {
                search.look(Masking::Unmasked, false, true);
                search.interrupt(segment.len() as u64);
                missing += segment.len() as u64;
                continue;
            }
            search.push(segment, packet(number));
            assert!(search.bytes.len() <= 2 * AT_MOST);
            if let Some(found) = search.look(Masking::Unmasked, false, false) {
                return Some(lost as u64 + found.passed_over + missing);
            }
        }
        None
    }

    #[test]
    fn frames_larger_than_the_window_are_found_at_the_next_header_with_enough_evidence() {
        for size in [70_000, 200_000, 1_000_000] {
            let frames: Vec<_> = (0..6).map(|fill| frame(size, fill)).collect();
            let starts: Vec<_> = (0..6).map(|place| place * frames[0].len() as u64).collect();
            let found = found_in(&frames, 1460 * 3, &[]).unwrap();
            assert!(starts[2..5].contains(&found), "{size}: {found} of {starts:?}");
        }
    }

    #[test]
    fn a_large_frame_is_followed_over_a_hole_in_it() {
        let frames: Vec<_> = (0..6).map(|fill| frame(300_000, fill)).collect();
        let start = frames[0].len();
        let hole = start + 14_600..start + 200_000;
        assert_eq!(found_in(&frames, 1460 * 3, &[hole]), Some(2 * start as u64));
    }

    #[test]
    fn headers_everywhere_take_bounded_memory_and_are_searched_in_time() {
        let mut search = Search::default();
        let headers = [0x82, 126, 0xff, 0xff].repeat(365);
        for number in 0..500 {
            search.push(&headers, packet(number));
            search.look(Masking::Unmasked, false, false);
            assert!(search.bytes.len() <= 2 * AT_MOST);
        }
    }
}
