//! The latest messages of a connection → the last one before a packet.

use std::collections::VecDeque;

use crate::packet::PacketRef;

/// The last message; where somebody may ask for an earlier one, the last message of each of the latest packets, in the
/// order of the packets.
#[derive(Debug, Default)]
pub(super) struct Latest {
    last: Option<(PacketRef, u64)>,
    /// Is that one to be kept, with those that come?
    keeps: bool,
    /// Nothing until one comes.
    kept: Option<Box<Kept>>,
}

/// Which of them was the last before the end is known at the end only: a Close that stood behind a hole is delivered after
/// messages that were sent later.
#[derive(Debug, Default)]
struct Kept {
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
        let kept = self.kept.as_ref();
        kept.map_or(0, |kept| size_of::<Kept>() + kept.messages.capacity() * size_of::<(PacketRef, u64)>())
    }

    /// From now on messages may come that were sent before the last one, or the connection may have ended before it.
    pub(super) fn keep(&mut self) {
        self.keeps = true;
    }

    /// Nobody will ask what was before a packet up to now: only the last message is needed.
    pub(super) fn settle(&mut self) {
        (self.keeps, self.kept) = (false, None);
    }

    /// This packet completed the message with this index.
    #[inline(always)]
    pub(super) fn push(&mut self, at: PacketRef, index: u64) {
        if self.keeps {
            self.kept.get_or_insert_with(|| Kept::new(self.last)).push(at, index);
        }
        if self.last.is_none_or(|(last, _)| last.number <= at.number) {
            self.last = Some((at, index));
        }
    }

    /// What was completed last, up to and with this packet.
    pub(super) fn until(&self, at: PacketRef) -> Last {
        match (self.last, &self.kept) {
            (None, _) => Last::Nothing,
            (Some((last, index)), _) if last.number <= at.number => Last::Message(index, last),
            (Some(_), Some(kept)) => kept.until(at),
            (Some((_, FIRST)), None) => Last::Nothing,
            (Some(_), None) => Last::Unknown,
        }
    }
}

impl Kept {
    fn new(last: Option<(PacketRef, u64)>) -> Box<Self> {
        // All at once: holes are many, and what follows one seldom little.
        let mut messages = VecDeque::with_capacity(PACKETS);
        messages.extend(last);
        Box::new(Self { messages, forgotten: last.is_some_and(|(_, index)| index > FIRST) })
    }

    #[inline(never)]
    fn push(&mut self, at: PacketRef, index: u64) {
        let place = self.messages.iter().rposition(|(known, _)| known.number <= at.number);
        if let Some(known) = place.and_then(|place| self.messages.get_mut(place))
            && known.0.number == at.number
        {
            *known = (at, index);
            return;
        }
        let mut place = place.map_or(0, |place| place + 1);
        if self.messages.len() == PACKETS {
            self.forgotten = true;
            if place == 0 {
                return;
            }
            self.messages.pop_front();
            place -= 1;
        }
        self.messages.insert(place, (at, index));
    }

    fn until(&self, at: PacketRef) -> Last {
        match self.messages.iter().rfind(|(known, _)| known.number <= at.number) {
            Some((known, index)) => Last::Message(*index, *known),
            None if self.forgotten => Last::Unknown,
            None => Last::Nothing,
        }
    }
}

/// The index of the first message.
const FIRST: u64 = 0;

/// For as many packets of a connection a hole is waited for (`Limits::reorder_packets`).
const PACKETS: usize = 32;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packet(number: u64) -> PacketRef {
        PacketRef { number, ..PacketRef::default() }
    }

    #[test]
    fn the_last_message_before_a_packet_is_found_in_whatever_order_they_come() {
        let mut latest = Latest::default();
        assert_eq!(latest.until(packet(9)), Last::Nothing);
        latest.keep();
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
        latest.keep();
        (10..500).for_each(|number| latest.push(packet(number), number));
        assert_eq!(latest.until(packet(9)), Last::Unknown);
        assert_eq!(latest.until(packet(999)), Last::Message(499, packet(499)));
        assert_eq!(latest.kept.unwrap().messages.len(), PACKETS);
    }

    #[test]
    fn where_nobody_would_ask_the_last_one_alone_is_known() {
        let mut latest = Latest::default();
        (10..20).for_each(|number| latest.push(packet(number), number));
        assert_eq!(latest.until(packet(19)), Last::Message(19, packet(19)));
        assert_eq!(latest.until(packet(18)), Last::Unknown);
        latest.keep();
        latest.push(packet(25), 25);
        assert_eq!(latest.until(packet(24)), Last::Message(19, packet(19)));
        latest.settle();
        latest.push(packet(26), 26);
        assert_eq!(latest.until(packet(26)), Last::Message(26, packet(26)));
        assert_eq!((latest.until(packet(24)), latest.memory()), (Last::Unknown, 0));
        latest.keep();
        latest.push(packet(28), 28);
        assert_eq!(latest.until(packet(27)), Last::Message(26, packet(26)));
        assert_eq!(latest.until(packet(25)), Last::Unknown);
    }

    proptest! {
        #[test]
        fn while_it_may_be_asked_for_what_was_before_a_packet_is_known(
            delays in prop::collection::vec(prop_oneof![4 => Just(0), 1 => 1..12_usize], 1..100)
        ) {
            let (mut latest, mut come, mut held) = (Latest::default(), Vec::new(), Vec::new());
            // One message a packet. Of some, bytes are missing that so many packets later come.
            for now in 0..delays.len() {
                held.push(now);
                for number in held.extract_if(.., |number| *number + delays[*number] <= now) {
                    latest.push(packet(number as u64), number as u64);
                    come.push(number);
                }
                if held.is_empty() {
                    latest.settle();
                } else {
                    latest.keep();
                }
                // A Close that is still to come is held, or stands later.
                for asked in held.iter().copied().chain([now + 1]) {
                    let last = come.iter().copied().filter(|number| *number <= asked).max();
                    let told = match latest.until(packet(asked as u64)) {
                        Last::Message(index, _) => Some(index),
                        Last::Nothing => None,
                        Last::Unknown => return Err(TestCaseError::fail("unknown")),
                    };
                    prop_assert_eq!(told, last.map(|number| number as u64), "asked for {}, of {:?}", asked, come);
                }
            }
        }
    }
}
