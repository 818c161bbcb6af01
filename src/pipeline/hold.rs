//! Packets → those of WebSocket connections, held back until it is known of their connection.

use std::collections::{HashMap, VecDeque};

use crate::capture::Keep;
use crate::decode::Pieces;
use crate::packet::{LinkType, Packet, PacketRef, Timestamp};

/// One life of a flow, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct LifeId(pub(super) u64);

/// What is known of a life by now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Worth {
    /// A WebSocket connection, opened or refused, was reported of it.
    Kept,
    /// Its packets so far can be those of an opening handshake.
    Unknown,
    /// They are not.
    None,
}

/// What a packet that waits belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Owner {
    Life(LifeId),
    /// The fragmented datagram of this number, which is not whole yet.
    Datagram(u64),
}

/// Passes on packets in their order. Bounded: what waits too long, or for too many others, is given up, and its connection, if it
/// becomes one, is kept from where it is known.
pub(super) struct Hold<'a> {
    keep: &'a mut dyn Keep,
    waiting: VecDeque<Held>,
    bytes: usize,
    /// Each with packets that wait.
    owners: HashMap<Owner, Waiting>,
    bound: usize,
    given_up: u64,
}

/// A packet that waits for its own owner to be known, or for one before it.
struct Held {
    owner: Owner,
    at: PacketRef,
    link: LinkType,
    original_len: usize,
    data: Box<[u8]>,
}

struct Waiting {
    worth: Worth,
    packets: usize,
}

impl<'a> Hold<'a> {
    pub(super) fn new(keep: &'a mut dyn Keep, bound: usize) -> Self {
        Self { keep, waiting: VecDeque::new(), bytes: 0, owners: HashMap::new(), bound, given_up: 0 }
    }

    /// Takes a packet, the datagrams that it is a piece of, and where it has a segment that somebody follows, what is known of that life.
    pub(super) fn packet(&mut self, packet: &Packet<'_>, pieces: &Pieces, known: Option<(LifeId, Worth)>) {
        let open = pieces.of.last().filter(|_| pieces.is_open);
        let of_life = known.map(|(life, worth)| (Owner::Life(life), worth));
        let owned = of_life.or(open.map(|datagram| (Owner::Datagram(*datagram), Worth::Unknown)));
        for datagram in &pieces.of {
            self.reassign(Owner::Datagram(*datagram), owned);
        }
        if let Some((owner, worth)) = owned {
            self.settle_owner(owner, worth);
            match worth {
                Worth::None => {}
                Worth::Kept if self.waiting.is_empty() => self.keep.keep(packet),
                Worth::Kept | Worth::Unknown => self.hold(packet, owner, worth),
            }
        }
        self.release(packet.at.time);
    }

    /// Packets that were given up, before anything was known of their lives, because too many waited.
    pub(super) const fn given_up(&self) -> u64 {
        self.given_up
    }

    /// What is known of a life now.
    pub(super) fn settle(&mut self, life: LifeId, worth: Worth) {
        self.settle_owner(Owner::Life(life), worth);
    }

    /// Passes on what need not wait any longer.
    pub(super) fn release(&mut self, now: Timestamp) {
        while let Some(first) = self.waiting.front() {
            let worth = self.owners.get(&first.owner).map_or(Worth::None, |waiting| waiting.worth);
            let too_long = self.bytes > self.bound || now.nanos_since(first.at.time) > LONGEST;
            if worth == Worth::Unknown && !too_long {
                return;
            }
            self.given_up += u64::from(worth == Worth::Unknown && self.bytes > self.bound);
            self.pass_first(worth);
        }
    }

    /// No more comes: no datagram becomes whole any more, and all lives are known.
    pub(super) fn finish(&mut self, now: Timestamp) {
        self.owners.retain(|owner, _| matches!(owner, Owner::Life(_)));
        self.release(now);
    }

    /// Nothing comes for now.
    pub(super) fn pause(&mut self, now: Timestamp) {
        self.release(now);
        self.keep.pause();
    }

    fn settle_owner(&mut self, owner: Owner, worth: Worth) {
        if let Some(waiting) = self.owners.get_mut(&owner) {
            waiting.worth = worth;
        }
    }

    /// What waited for this datagram waits for what that belongs to, or for nothing.
    fn reassign(&mut self, datagram: Owner, owned: Option<(Owner, Worth)>) {
        let (owner, worth) = match owned {
            Some((owner, _)) if owner == datagram => return,
            Some(owned) => owned,
            None => {
                self.owners.remove(&datagram);
                return;
            }
        };
        let Some(Waiting { packets, .. }) = self.owners.remove(&datagram) else { return };
        // Pieces come close together.
        let pieces = self.waiting.iter_mut().rev().filter(|held| held.owner == datagram);
        pieces.take(packets).for_each(|held| held.owner = owner);
        self.owners.entry(owner).or_insert(Waiting { worth, packets: 0 }).packets += packets;
    }

    fn hold(&mut self, packet: &Packet<'_>, owner: Owner, worth: Worth) {
        let Packet { at, link, original_len, data } = *packet;
        self.bytes += cost(data);
        self.waiting.push_back(Held { owner, at, link, original_len, data: data.into() });
        self.owners.entry(owner).or_insert(Waiting { worth, packets: 0 }).packets += 1;
    }

    fn pass_first(&mut self, worth: Worth) {
        let Some(Held { owner, at, link, original_len, data }) = self.waiting.pop_front() else { return };
        self.bytes = self.bytes.saturating_sub(cost(&data));
        if let Some(waiting) = self.owners.get_mut(&owner) {
            waiting.packets -= 1;
            if waiting.packets == 0 {
                self.owners.remove(&owner);
            }
        }
        if worth == Worth::Kept {
            self.keep.keep(&Packet { at, link, original_len, data: &data });
        }
    }
}

/// Memory of a packet that waits.
fn cost(data: &[u8]) -> usize {
    data.len() + size_of::<Held>()
}

/// Handshakes that take longer are given up by clients, in nanoseconds.
const LONGEST: i64 = 30 * crate::packet::NANOS_PER_SECOND;

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Kept(Vec<u64>);

    impl Keep for Kept {
        fn keep(&mut self, packet: &Packet<'_>) {
            self.0.push(packet.at.number);
        }
    }

    fn play(bound: usize, packets: &[(u64, Worth)]) -> Vec<u64> {
        play_and_count(bound, packets).0
    }

    /// What is kept, and how many packets were given up.
    fn play_and_count(bound: usize, packets: &[(u64, Worth)]) -> (Vec<u64>, u64) {
        let mut kept = Kept::default();
        let mut hold = Hold::new(&mut kept, bound);
        for ((life, worth), number) in packets.iter().zip(1..) {
            let time =
                Timestamp::from_nanos(i64::try_from(number).unwrap() * crate::packet::NANOS_PER_SECOND);
            let at = PacketRef { number, time, file: 0 };
            let packet = Packet { at, link: LinkType::ETHERNET, original_len: 100, data: &[0; 100] };
            hold.packet(&packet, &Pieces::default(), Some((LifeId(*life), *worth)));
        }
        let given_up = hold.given_up();
        (kept.0, given_up)
    }

    use Worth::{Kept as K, None as N, Unknown as U};

    #[test]
    fn a_handshake_is_kept_with_what_came_before_it() {
        assert_eq!(play(1 << 20, &[(1, U), (1, U), (1, K), (1, K)]), [1, 2, 3, 4]);
    }

    #[test]
    fn packets_stay_in_order_while_one_is_not_known() {
        assert_eq!(play(1 << 20, &[(1, K), (2, U), (1, K), (1, K), (2, K)]), [1, 2, 3, 4, 5]);
        assert_eq!(play(1 << 20, &[(1, K), (2, U), (1, K), (1, K), (2, N)]), [1, 3, 4]);
        assert_eq!(play(1 << 20, &[(1, K), (2, U), (1, K), (1, K)]), [1], "still waiting");
    }

    #[test]
    fn what_waits_too_long_is_given_up() {
        let mut packets = vec![(1, U)];
        packets.extend([(2, K); 40]);
        packets.push((1, K));
        let kept = play(1 << 20, &packets);
        assert_eq!((kept.first(), kept.last(), kept.len()), (Some(&2), Some(&42), 41));
    }

    #[test]
    fn the_pieces_of_a_datagram_are_what_it_is_when_it_is_whole() {
        let mut kept = Kept::default();
        let mut hold = Hold::new(&mut kept, 1 << 20);
        let mut number = 0;
        let mut take = |of: &[u64], is_open, known: Option<(u64, Worth)>| {
            number += 1;
            let at = PacketRef { number, ..PacketRef::default() };
            let packet = Packet { at, link: LinkType::ETHERNET, original_len: 100, data: &[0; 100] };
            let known = known.map(|(life, worth)| (LifeId(life), worth));
            hold.packet(&packet, &Pieces { of: of.to_vec(), is_open }, known);
        };
        take(&[1], true, None);
        take(&[2], true, None);
        take(&[3], true, None);
        take(&[], false, Some((1, K)));
        // No segment is in the second one, a WebSocket's in the first one, and a piece of another datagram in the third one.
        take(&[2], false, None);
        take(&[1], false, Some((1, K)));
        take(&[3, 4], true, None);
        take(&[5, 4], false, Some((2, U)));
        take(&[], false, Some((2, K)));
        // Nobody follows what is in this one.
        take(&[6], true, None);
        take(&[6], false, Some((3, N)));
        // Behind one that never becomes whole nothing is lost.
        take(&[7], true, None);
        take(&[], false, Some((1, K)));
        hold.finish(Timestamp::default());
        assert_eq!(kept.0, [1, 3, 4, 6, 7, 8, 9, 13]);
    }

    #[test]
    fn a_flood_of_what_is_not_known_is_bounded() {
        let packets: Vec<_> = (0..20).map(|life| (life, U)).chain((10..20).map(|life| (life, K))).collect();
        let bound = 10 * cost(&[0; 100]);
        let (kept, given_up) = play_and_count(bound, &packets);
        assert_eq!((kept, given_up), ((11..=30).collect::<Vec<_>>(), 10));
    }
}
