//! The places of a message that are copies of lost history.

use std::ops::Range;

/// What nobody knows of a message that was inflated with a history of which parts are lost. In the payload each such
/// byte is a [`SUBSTITUTE`], so that all others stand in their places.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unknown {
    /// How many bytes of the message.
    pub bytes: u64,
    /// Where they are, ascending. Of a code point that is known in part the rest is in them as well; behind very many
    /// ranges the last one takes in all that follow, with the known bytes between them.
    pub ranges: Vec<Range<u64>>,
}

impl Unknown {
    /// Adds bytes behind all that were added before.
    pub(super) fn push(&mut self, range: Range<u64>) {
        self.bytes = self.bytes.saturating_add(range.end.saturating_sub(range.start));
        let full = self.ranges.len() >= MOST;
        match self.ranges.last_mut() {
            Some(last) if full || last.end == range.start => last.end = range.end,
            _ => self.ranges.push(range),
        }
    }

    /// The same of a part that begins at `offset` of the message.
    pub(in crate::websocket) fn append(&mut self, part: Self, offset: u64) {
        let bytes = self.bytes.saturating_add(part.bytes);
        for range in part.ranges {
            self.push(range.start.saturating_add(offset)..range.end.saturating_add(offset));
        }
        self.bytes = bytes;
    }

    /// Of a code point that is known in part only, the rest says nothing: such bytes of `payload` become unknown.
    pub(in crate::websocket) fn widen(&mut self, payload: &mut [u8]) {
        let mut broken = Vec::new();
        let mut offset = 0;
        for chunk in payload.utf8_chunks() {
            let start = offset + chunk.valid().len();
            offset = start + chunk.invalid().len();
            broken.push(start..offset);
        }
        broken.retain(|range| !range.is_empty());
        if broken.is_empty() {
            return;
        }
        for range in &broken {
            payload.get_mut(range.clone()).unwrap_or_default().fill(SUBSTITUTE);
        }
        let bytes = self.bytes;
        let broken = broken.into_iter().map(|range| range.start as u64..range.end as u64);
        let mut all: Vec<_> = std::mem::take(&mut self.ranges).into_iter().chain(broken).collect();
        all.sort_by_key(|range| range.start);
        for range in all {
            let from = self.ranges.last().map_or(0, |last| last.end);
            self.push(range.start.max(from)..range.end.max(from));
        }
        self.bytes = bytes;
    }
}

/// What Unicode and ECMA-48 §8.3.148 have for a character that is invalid or lost: one byte for one byte.
pub const SUBSTITUTE: u8 = 0x1a;

/// As many ranges take 64 KiB; a message of a few KiB has some hundreds.
const MOST: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_one_range_and_very_many_end_in_one() {
        let mut unknown = Unknown::default();
        for at in 0..3 {
            unknown.push(at..at + 1);
        }
        unknown.push(5..7);
        assert_eq!((unknown.bytes, unknown.ranges.as_slice()), (5, &[0..3, 5..7][..]));
        for at in 10..2 * MOST as u64 {
            unknown.push(2 * at..2 * at + 1);
        }
        assert_eq!(unknown.ranges.len(), MOST);
        assert_eq!(unknown.ranges.last().unwrap().end, 4 * MOST as u64 - 1);
        assert_eq!(unknown.bytes, 5 + 2 * MOST as u64 - 10);
    }

    #[test]
    fn a_code_point_that_is_known_in_part_is_unknown() {
        let mut payload = "aü柳b".as_bytes().to_vec();
        let mut unknown = Unknown::default();
        for at in [2, 4] {
            payload[at] = SUBSTITUTE;
            unknown.push(at as u64..at as u64 + 1);
        }
        unknown.widen(&mut payload);
        assert_eq!(payload, b"a\x1a\x1a\x1a\x1a\x1ab");
        assert_eq!((unknown.bytes, unknown.ranges), (2, vec![Range { start: 1, end: 6 }]));
    }
}
