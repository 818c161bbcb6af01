//! A life that is told to its end, or of no interest → does a segment belong to the next one?

use super::seq;
use crate::decode::{Segment, TcpFlags};

/// What is remembered of a life: enough to know its late segments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Past {
    /// The number of the SYN that opened it.
    pub(super) syn: Option<u32>,
    /// The numbers behind the FINs, in the order of [`Direction::index`](super::Direction::index), where both were seen.
    pub(super) ends: Option<[u32; 2]>,
}

impl Past {
    /// Does this segment begin the next life? A SYN does, unless it is that of this life again. So do bytes where this
    /// life can't have any: then the capture lost the SYN.
    pub fn begins_anew(&self, segment: &Segment<'_>) -> bool {
        if segment.flags.has(TcpFlags::SYN) {
            return !segment.flags.has(TcpFlags::ACK) && self.syn != Some(segment.seq);
        }
        let Some(end) = self.ends.and_then(|ends| ends.get(segment.direction.index()).copied()) else {
            return false;
        };
        let sent_again = end.wrapping_sub(segment.seq);
        !segment.payload.is_empty() && !segment.flags.has(TcpFlags::RST) && sent_again > seq::LATEST
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::FlowKey;
    use crate::packet::{Endpoint, PacketRef};

    fn begins(flags: TcpFlags, seq: u32, payload: &'static [u8]) -> bool {
        let here = Endpoint { address: [192, 0, 2, 1].into(), port: 1 };
        let (flow, direction) = FlowKey::of(here, here);
        let segment = Segment {
            at: PacketRef::default(),
            flow,
            direction,
            seq,
            ack: 0,
            flags,
            window: 1,
            payload,
            cut: 0,
        };
        Past { syn: Some(5), ends: Some([100, 50]) }.begins_anew(&segment)
    }

    #[test]
    fn another_syn_begins_anew_and_the_same_one_again_does_not() {
        assert!(begins(TcpFlags::SYN, 6, b""));
        assert!(!begins(TcpFlags::SYN, 5, b""));
    }

    #[test]
    fn bytes_before_the_end_are_late_and_bytes_behind_it_are_new() {
        assert!(!begins(TcpFlags::ACK, 90, b"late"));
        assert!(!begins(TcpFlags::ACK, 0_u32.wrapping_sub(5), b"late, before the wrap"));
        assert!(begins(TcpFlags::ACK, 101, b"new"));
        assert!(begins(TcpFlags::ACK, 100_u32.wrapping_sub(seq::LATEST + 1), b"new"));
        assert!(!begins(TcpFlags::ACK, 101, b""));
        assert!(!begins(TcpFlags::RST, 101, b"reason"));
    }
}
