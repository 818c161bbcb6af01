//! The latest messages of a connection → the last one before a packet.

use std::collections::VecDeque;

use crate::packet::PacketRef;

/// The last message of each of the latest packets, in the order of the packets. Which of them was the last before the
/// end is known at the end only: a Close that stood behind a hole is delivered after messages that were sent later.
#[derive(Debug, Default)]
pub(super) struct Latest {
    messages: VecDeque<(PacketRef, u64)>,
    /// Were there more?
    forgotten: bool,
}

/// What came last before a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Last {
    /// No message.
    Nothing,
    /// The message with this index, which this packet completed.
    Message(u64, PacketRef),
    /// A message that is forgotten.
    Unknown,
}

impl Latest {
    /// Bytes of memory that it takes beside itself.
    pub(super) fn memory(&self) -> usize {
        self.messages.capacity() * size_of::<(PacketRef, u64)>()
    }

    /// This packet completed the message with this index.
    pub(super) fn push(&mut self, at: PacketRef, index: u64) {
        if self.messages.len() == PACKETS {
            self.messages.pop_front();
            self.forgotten = true;
        }
        if self.messages.back().is_none_or(|(known, _)| known.number < at.number) {
            self.messages.push_back((at, index));
        } else {
            self.insert(at, index);
        }
    }

    /// The second message of a packet, or one behind a hole.
    fn insert(&mut self, at: PacketRef, index: u64) {
        let place = self.messages.iter().rposition(|(known, _)| known.number <= at.number);
        match place.and_then(|place| self.messages.get_mut(place)) {
            Some(known) if known.0.number == at.number => *known = (at, index),
            _ => self.messages.insert(place.map_or(0, |place| place + 1), (at, index)),
        }
    }

    /// What was completed last, up to and with this packet.
    pub(super) fn until(&self, at: PacketRef) -> Last {
        match self.messages.iter().rfind(|(known, _)| known.number <= at.number) {
            Some((known, index)) => Last::Message(*index, *known),
            None if self.forgotten => Last::Unknown,
            None => Last::Nothing,
        }
    }
}

/// For as many packets of a connection a hole is waited for (`Limits::reorder_packets`).
const PACKETS: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(number: u64) -> PacketRef {
        PacketRef { number, ..PacketRef::default() }
    }

    #[test]
    fn the_last_message_before_a_packet_is_found_in_whatever_order_they_come() {
        let mut latest = Latest::default();
        assert_eq!(latest.until(packet(9)), Last::Nothing);
        for (index, number) in (0..).zip([3, 9, 9, 5, 7, 5]) {
            latest.push(packet(number), index);
        }
        let index = |number| match latest.until(packet(number)) {
            Last::Message(index, _) => Some(index),
            _ => None,
        };
        assert_eq!(
            [2, 3, 4, 5, 6, 8, 9, 99].map(index),
            [None, Some(0), Some(0), Some(5), Some(5), Some(4), Some(2), Some(2)]
        );
    }

    #[test]
    fn what_is_forgotten_is_said_to_be_unknown() {
        let mut latest = Latest::default();
        (10..500).for_each(|number| latest.push(packet(number), number));
        assert_eq!(latest.until(packet(9)), Last::Unknown);
        assert_eq!(latest.until(packet(999)), Last::Message(499, packet(499)));
        assert_eq!(latest.messages.len(), PACKETS);
    }
}
