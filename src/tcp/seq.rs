//! 32-bit sequence numbers → 64-bit positions.
//!
//! A position is a sequence number that does not wrap: its low half is the number on the wire, so either is
//! had from the other without a base. Positions are internal; what is delivered counts from the stream's start.

/// The position of a number of which nothing is known yet: far enough from 0 that no run of lower numbers
/// reaches it.
pub(super) fn first(seq: u32) -> u64 {
    EPOCH + u64::from(seq)
}

/// The position nearest to `near` whose number on the wire is `seq`.
pub(super) fn extend(seq: u32, near: u64) -> u64 {
    // RFC 9293 §3.4: numbers compare modulo 2^32.
    near.wrapping_add_signed(i64::from(seq.wrapping_sub(on_wire(near)).cast_signed()))
}

/// The number on the wire of a position.
pub(super) fn on_wire(position: u64) -> u32 {
    (position & 0xffff_ffff) as u32
}

/// Farther than this from the next expected byte nothing is believed: the largest window that TCP can
/// offer (RFC 7323 §2.3), so no honest sender is ahead of its peer, nor behind itself, by more.
pub(super) const WINDOW: u64 = 1 << 30;

/// What is sent again late lies at most this far behind the end of its stream: more than networks and capture files
/// delay, and little beside the 4 GiB in which a next life begins anywhere.
pub(super) const LATEST: u32 = 64 << 20;

const EPOCH: u64 = 1 << 62;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_number_after_the_last_one_goes_on_upwards() {
        let last = first(u32::MAX);
        assert_eq!(extend(0, last), last + 1);
        assert_eq!(extend(u32::MAX, last + 1), last);
    }

    proptest! {
        #[test]
        fn a_number_within_two_gibibytes_of_a_position_is_extended_to_where_it_came_from(
            near in 1_u64 << 40..1 << 63,
            distance in -(1_i64 << 31)..(1 << 31),
        ) {
            let position = near.wrapping_add_signed(distance);
            prop_assert_eq!(extend(on_wire(position), near), position);
        }
    }
}
