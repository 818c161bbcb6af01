//! Places of frames and messages in a stream, and holes → what a capture holds whole.

use std::ops::Range;

use crate::expected::Loss;

/// What one direction sent, and what of it was not captured.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) frames: Vec<Placed>,
    pub(crate) messages: Vec<Placed>,
    pub(crate) holes: Vec<Range<u64>>,
}

/// A frame with the length of its payload, or a message with its CRC-32.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    pub(crate) place: Range<u64>,
    pub(crate) value: u64,
}

impl Ledger {
    /// Adds up what is whole.
    pub(crate) fn settle(mut self, loss: &mut Loss) {
        self.holes.sort_by_key(|hole| hole.start);
        let (frames, payload) = whole(&self.frames, &self.holes);
        let (messages, digest) = whole(&self.messages, &self.holes);
        loss.frames_wholly_captured += frames;
        loss.payload_wholly_captured += payload;
        *loss.messages_wholly_captured.get_or_insert_default() += messages;
        let sum = loss.message_crc32_sum_wholly_captured.get_or_insert_default();
        *sum = sum.wrapping_add(digest);
        loss.directions_with_gap += u64::from(!self.holes.is_empty());
    }
}

/// How many overlap no hole, and the sum of their values.
fn whole(placed: &[Placed], holes: &[Range<u64>]) -> (u64, u64) {
    let is_whole = |place: &Range<u64>| {
        let next = holes.partition_point(|hole| hole.end <= place.start);
        holes.get(next).is_none_or(|hole| hole.start >= place.end)
    };
    let whole = placed.iter().filter(|each| is_whole(&each.place));
    whole.fold((0, 0), |(count, sum), each| (count + 1, sum.wrapping_add(each.value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_touches_a_hole_at_its_edges_only_is_whole() {
        let placed: Vec<_> = (0..4).map(|i| Placed { place: i * 10..i * 10 + 10, value: 1 << i }).collect();
        assert_eq!(whole(&placed, &[]), (4, 0b1111));
        assert_eq!(whole(&placed, &[10..12, 12..20]), (3, 0b1101));
        assert_eq!(whole(&placed, &[9..11, 39..40]), (1, 0b0100));
        assert_eq!(whole(&placed, &[0..1, 1..1000]), (0, 0));
    }
}
