//! The latest messages of a connection → the last one before a packet.

use std::collections::VecDeque;

use crate::packet::PacketRef;

/// The last message; until it is known that nobody asks for an earlier one, the last message of each of the latest packets, in
/// the order of the packets.
#[derive(Debug)]
pub(super) struct Latest {
    last: Option<(PacketRef, u64)>,
    /// Is that one to be kept, with those that come?
    keeps: bool,
    /// Were there messages of other packets, before all that are known?
    forgotten: bool,
    /// Nothing until one comes.
    kept: Option<Box<Kept>>,
}

/// Which of them was the last before the end is known at the end only: a Close that stood behind a hole is delivered after
/// messages that were sent later.
#[derive(Debug)]
struct Kept {
    messages: VecDeque<(PacketRef, u64)>,
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
        self.keeps = false;
        self.forgotten |= self.kept.take().is_some_and(|kept| kept.messages.len() > 1);
    }

    /// This packet completed the message with this index.
    #[inline(always)]
    pub(super) fn push(&mut self, at: PacketRef, index: u64) {
        if self.keeps {
            self.push_kept(at, index);
        } else if self.last.is_some_and(|(last, _)| last.number != at.number) {
            self.forgotten = true;
        }
        if self.last.is_none_or(|(last, _)| last.number <= at.number) {
            self.last = Some((at, index));
        }
    }

    #[inline(never)]
    fn push_kept(&mut self, at: PacketRef, index: u64) {
        let Kept { messages } = &mut **self.kept.get_or_insert_with(|| Kept::new(self.last));
        let place = messages.iter().rposition(|(known, _)| known.number <= at.number);
        if let Some(known) = place.and_then(|place| messages.get_mut(place))
            && known.0.number == at.number
        {
            *known = (at, index);
            return;
        }
        let mut place = place.map_or(0, |place| place + 1);
        let is_full = messages.len() == PACKETS;
        self.forgotten |= is_full;
        if place == 0 && self.forgotten {
            // One that is forgotten may stand between this one and all that are known.
            return;
        }
        if is_full {
            messages.pop_front();
            place -= 1;
        }
        messages.insert(place, (at, index));
    }

    /// What was completed last, up to and with this packet.
    pub(super) fn until(&self, at: PacketRef) -> Last {
        let kept = self.kept.iter().flat_map(|kept| &kept.messages);
        let known = kept.chain(&self.last).rfind(|(known, _)| known.number <= at.number);
        match known {
            Some((known, index)) => Last::Message(*index, *known),
            None if self.forgotten => Last::Unknown,
            None => Last::Nothing,
        }
    }
}

impl Default for Latest {
    /// What opened the connection may have set free all that waited behind it.
    fn default() -> Self {
        Self { last: None, keeps: true, forgotten: false, kept: None }
    }
}

impl Kept {
    fn new(last: Option<(PacketRef, u64)>) -> Box<Self> {
        // All at once: holes are many, and what follows one seldom little.
        let mut messages = VecDeque::with_capacity(PACKETS);
        messages.extend(last);
        Box::new(Self { messages })
    }
}

/// For as many packets of a connection a hole is waited for (`Limits::reorder_packets`).
const PACKETS: usize = 32;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packet(number: u64) -> PacketRef {
        PacketRef { number, ..PacketRef::default() }
    }

    /// What is told of a packet: the message, `None` for no message, or that it is forgotten.
    fn told(latest: &Latest, number: u64) -> Result<Option<u64>, ()> {
        match latest.until(packet(number)) {
            Last::Message(index, _) => Ok(Some(index)),
            Last::Nothing => Ok(None),
            Last::Unknown => Err(()),
        }
    }

    fn push(latest: &mut Latest, numbers: impl IntoIterator<Item = u64>) {
        numbers.into_iter().for_each(|number| latest.push(packet(number), number));
    }

    #[test]
    fn the_last_message_before_a_packet_is_found_in_whatever_order_they_come() {
        let mut latest = Latest::default();
        assert_eq!(latest.until(packet(9)), Last::Nothing);
        for (index, number) in (0..).zip([3, 9, 9, 5, 7, 5]) {
            latest.push(packet(number), index);
        }
        let told = [2, 3, 4, 5, 6, 8, 9, 99].map(|number| told(&latest, number).unwrap());
        assert_eq!(told, [None, Some(0), Some(0), Some(5), Some(5), Some(4), Some(2), Some(2)]);
    }

    #[test]
    fn what_is_forgotten_is_said_to_be_unknown() {
        let mut latest = Latest::default();
        push(&mut latest, 10..500);
        assert_eq!(told(&latest, 9), Err(()));
        assert_eq!(told(&latest, 999), Ok(Some(499)));
        assert_eq!(latest.kept.as_ref().unwrap().messages.len(), PACKETS);
        // The last one before 20 is forgotten, whatever comes late.
        push(&mut latest, [12]);
        assert_eq!(told(&latest, 20), Err(()));
    }

    #[test]
    fn where_nobody_would_ask_the_last_one_alone_is_known() {
        let mut latest = Latest::default();
        latest.settle();
        push(&mut latest, 10..20);
        assert_eq!(told(&latest, 19), Ok(Some(19)));
        assert_eq!(told(&latest, 18), Err(()));
        latest.keep();
        push(&mut latest, [25]);
        assert_eq!(told(&latest, 24), Ok(Some(19)));
        latest.settle();
        push(&mut latest, [26]);
        assert_eq!(told(&latest, 26), Ok(Some(26)));
        assert_eq!((told(&latest, 24), latest.memory()), (Err(()), 0));
        latest.keep();
        push(&mut latest, [28]);
        assert_eq!(told(&latest, 27), Ok(Some(26)));
        assert_eq!(told(&latest, 25), Err(()));
    }

    #[test]
    fn the_first_that_is_delivered_may_have_come_after_others_that_are_forgotten() {
        let mut latest = Latest::default();
        latest.settle();
        push(&mut latest, [8, 4, 5]);
        assert_eq!(told(&latest, 6), Err(()));
        latest.keep();
        push(&mut latest, [3, 9]);
        assert_eq!(
            [told(&latest, 6), told(&latest, 8), told(&latest, 9)],
            [Err(()), Ok(Some(8)), Ok(Some(9))]
        );
    }

    #[test]
    fn a_single_message_is_the_first() {
        let mut latest = Latest::default();
        push(&mut latest, [8, 8]);
        latest.settle();
        push(&mut latest, [8]);
        assert_eq!([told(&latest, 7), told(&latest, 8)], [Ok(None), Ok(Some(8))]);
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
                    let last = last.map(|number| number as u64);
                    prop_assert_eq!(told(&latest, asked as u64), Ok(last), "asked for {}, of {:?}", asked, come);
                }
            }
        }
    }
}
