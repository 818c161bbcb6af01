//! A run of one packet's bytes with its place in the stream.

use crate::packet::PacketRef;

/// Bytes of one packet from `position` on, then bytes that the snap length took.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span<'a> {
    pub(super) position: u64,
    pub(super) bytes: &'a [u8],
    pub(super) cut: u64,
    pub(super) at: PacketRef,
}

impl Span<'_> {
    pub(super) const fn length(&self) -> u64 {
        self.bytes.len() as u64 + self.cut
    }

    pub(super) const fn end(&self) -> u64 {
        self.position + self.length()
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.length() == 0
    }

    /// What lies before a position, and the rest.
    pub(super) fn split(self, position: u64) -> (Self, Self) {
        let left = position.saturating_sub(self.position).min(self.length());
        let (head, tail) = match usize::try_from(left).ok().and_then(|left| self.bytes.split_at_checked(left))
        {
            Some(parts) => parts,
            None => (self.bytes, [].as_slice()),
        };
        let head = Span { bytes: head, cut: left - head.len() as u64, ..self };
        let tail = Span { position: head.end(), bytes: tail, cut: self.cut - head.cut, ..self };
        (head, tail)
    }

    pub(super) fn before(self, position: u64) -> Self {
        if self.end() <= position { self } else { self.split(position).0 }
    }

    pub(super) fn after(self, position: u64) -> Self {
        if position <= self.position { self } else { self.split(position).1 }
    }

    /// Where the bytes that both have begin to differ, and how many both have from there on.
    pub(super) fn difference(&self, other: &Span<'_>) -> Option<(u64, u64)> {
        let from = self.position.max(other.position);
        let (ours, theirs) = (self.after(from).bytes, other.after(from).bytes);
        let same = ours.iter().zip(theirs).take_while(|(a, b)| a == b).count();
        let shared = ours.len().min(theirs.len());
        (same < shared).then(|| (from + same as u64, (shared - same) as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(position: u64, bytes: &[u8], cut: u64) -> Span<'_> {
        Span { position, bytes, cut, at: PacketRef::default() }
    }

    #[test]
    fn the_parts_of_a_span_lie_end_to_end() {
        let whole = span(10, b"abcd", 3);
        for (at, head, tail) in [
            (0, (10, 0, 0), (10, 4, 3)),
            (10, (10, 0, 0), (10, 4, 3)),
            (12, (10, 2, 0), (12, 2, 3)),
            (14, (10, 4, 0), (14, 0, 3)),
            (15, (10, 4, 1), (15, 0, 2)),
            (17, (10, 4, 3), (17, 0, 0)),
            (u64::MAX, (10, 4, 3), (17, 0, 0)),
        ] {
            let (left, right) = whole.split(at);
            assert_eq!((left.position, left.bytes.len(), left.cut), head, "split at {at}");
            assert_eq!((right.position, right.bytes.len(), right.cut), tail, "split at {at}");
        }
    }

    #[test]
    fn spans_differ_only_where_both_were_captured() {
        let stored = span(100, b"abcdef", 4);
        assert_eq!(stored.difference(&span(102, b"cdef!!", 0)), None);
        assert_eq!(stored.difference(&span(98, b"..abXXef", 0)), Some((102, 4)));
        assert_eq!(stored.difference(&span(105, b"X", 0)), Some((105, 1)));
        assert_eq!(stored.difference(&span(106, b"X", 0)), None);
    }
}
