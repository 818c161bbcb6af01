//! Captured bytes, and how many more were on the wire.

use super::Skip;
use crate::packet::Packet;

/// What is left of a packet from some header on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span<'a> {
    /// Captured.
    pub(super) bytes: &'a [u8],
    /// On the wire after `bytes`, taken by the snap length.
    pub(super) cut: usize,
}

impl<'a> Span<'a> {
    /// Bytes of which none is missing.
    pub(super) const fn whole(bytes: &'a [u8]) -> Self {
        Self { bytes, cut: 0 }
    }

    pub(super) const fn of(packet: &Packet<'a>) -> Self {
        Self { bytes: packet.data, cut: packet.original_len.saturating_sub(packet.data.len()) }
    }

    /// The first `N` bytes and those after them.
    pub(super) fn take<const N: usize>(self) -> Result<(&'a [u8; N], Self), Skip> {
        let (taken, bytes) = self.bytes.split_first_chunk().ok_or_else(|| self.too_short(N))?;
        Ok((taken, Self { bytes, ..self }))
    }

    /// The first `N` bytes, still part of the rest.
    pub(super) fn peek<const N: usize>(self) -> Result<&'a [u8; N], Skip> {
        self.take().map(|(taken, _)| taken)
    }

    /// What follows the first `length` bytes.
    pub(super) fn skip(self, length: usize) -> Result<Self, Skip> {
        let bytes = self.bytes.get(length..).ok_or_else(|| self.too_short(length))?;
        Ok(Self { bytes, ..self })
    }

    /// What follows `prefix`, where it stands there; else all.
    pub(super) fn strip(self, prefix: &[u8]) -> Self {
        Self { bytes: self.bytes.strip_prefix(prefix).unwrap_or(self.bytes), ..self }
    }

    /// The first `length` bytes by a length field. It decides over the packet's own length: padding and trailers
    /// come off at the one end, and bytes that the capture lacks count as cut at the other.
    pub(super) fn within(self, length: usize) -> Self {
        let bytes = self.bytes.get(..length).unwrap_or(self.bytes);
        Self { bytes, cut: length.saturating_sub(bytes.len()) }
    }

    /// Bytes on the wire.
    pub(super) const fn wire_len(self) -> usize {
        self.bytes.len().saturating_add(self.cut)
    }

    /// Why there are fewer than `needed` bytes: cut, or never there.
    pub(super) const fn too_short(self, needed: usize) -> Skip {
        if needed <= self.wire_len() { Skip::CutHeaders } else { Skip::Malformed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_snap_length_took_is_told_from_what_was_never_there() {
        let span = Span { bytes: &[1, 2], cut: 2 };
        assert_eq!(span.take::<4>(), Err(Skip::CutHeaders));
        assert_eq!(span.take::<5>(), Err(Skip::Malformed));
        assert_eq!(span.skip(3), Err(Skip::CutHeaders));
        assert_eq!(span.skip(2), Ok(Span { bytes: &[], cut: 2 }));
    }

    #[test]
    fn a_length_field_trims_padding_and_counts_what_is_missing() {
        let span = Span { bytes: &[1, 2, 3], cut: 4 };
        assert_eq!(span.within(2), Span::whole(&[1, 2]));
        assert_eq!(span.within(3), Span::whole(&[1, 2, 3]));
        assert_eq!(span.within(5), Span { bytes: &[1, 2, 3], cut: 2 });
        assert_eq!(span.within(9), Span { bytes: &[1, 2, 3], cut: 6 });
    }
}
