//! Keys of flows → their slots.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use crate::tcp::FlowKey;

/// The slots by the keys of their flows. It holds no key itself, so that it stays in the processor's cache: who asks says which key a
/// slot has.
#[derive(Default)]
pub(super) struct Index {
    /// Of flows that go on. These are asked for with each segment, and are few beside those that ended not long ago.
    open: HashTable<Place>,
    /// Of flows that have ended, asked for where the key is not among the others.
    ended: HashTable<Place>,
    /// Seeded by the process, so that nobody can choose addresses that collide.
    hasher: RandomState,
}

/// Is more to come of a flow?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Course {
    GoesOn,
    /// Late repetitions at most.
    Ended,
}

/// A slot, and what tells its flow from nearly all others.
#[derive(Clone, Copy)]
struct Place {
    slot: u32,
    print: u32,
}

impl Index {
    pub(super) fn len(&self) -> usize {
        self.open.len() + self.ended.len()
    }

    /// The slot of a key.
    pub(super) fn find<'k>(
        &self,
        key: &FlowKey,
        key_of: impl Fn(usize) -> Option<&'k FlowKey>,
    ) -> Option<usize> {
        let (hash, print) = self.hash(key);
        let is_its = |place: &Place| place.print == print && key_of(place.slot()) == Some(key);
        let place = self.open.find(hash, is_its).or_else(|| self.ended.find(hash, is_its));
        place.map(|place| place.slot())
    }

    /// Where the slot of a key may well be, by what stands here alone, as long as its flow goes on.
    pub(super) fn likely(&self, key: &FlowKey) -> Option<usize> {
        let (hash, print) = self.hash(key);
        self.open.find(hash, |place| place.print == print).map(|place| place.slot())
    }

    /// Enters a key that is not there, of a flow that goes on.
    pub(super) fn insert<'k>(
        &mut self,
        key: &FlowKey,
        slot: usize,
        key_of: impl Fn(usize) -> Option<&'k FlowKey>,
    ) {
        let (hash, print) = self.hash(key);
        let place = Place { slot: u32::try_from(slot).unwrap_or(u32::MAX), print };
        self.open.insert_unique(hash, place, rehashed(&self.hasher, key_of));
    }

    /// The flow at this slot has ended, or goes on on the ports of one that had.
    pub(super) fn note<'k>(
        &mut self,
        key: &FlowKey,
        slot: usize,
        course: Course,
        key_of: impl Fn(usize) -> Option<&'k FlowKey>,
    ) {
        let hash = self.hasher.hash_one(key);
        let (from, to) = match course {
            Course::Ended => (&mut self.open, &mut self.ended),
            Course::GoesOn => (&mut self.ended, &mut self.open),
        };
        if let Some(place) = take(from, hash, slot) {
            to.insert_unique(hash, place, rehashed(&self.hasher, key_of));
        }
    }

    /// Forgets the key of a slot.
    pub(super) fn remove(&mut self, key: &FlowKey, slot: usize) {
        let hash = self.hasher.hash_one(key);
        if take(&mut self.open, hash, slot).is_none() {
            take(&mut self.ended, hash, slot);
        }
    }

    /// And bits of it that the table does not look at.
    fn hash(&self, key: &FlowKey) -> (u64, u32) {
        let hash = self.hasher.hash_one(key);
        let [_, _, _, a, b, c, d, _] = hash.to_le_bytes();
        (hash, u32::from_le_bytes([a, b, c, d]))
    }
}

/// Takes the place of a slot out of a table.
fn take(places: &mut HashTable<Place>, hash: u64, slot: usize) -> Option<Place> {
    let entry = places.find_entry(hash, |place| place.slot() == slot).ok()?;
    Some(entry.remove().0)
}

/// The hash of a place, for a table that grows.
fn rehashed<'k>(
    hasher: &RandomState,
    key_of: impl Fn(usize) -> Option<&'k FlowKey>,
) -> impl Fn(&Place) -> u64 {
    move |place| key_of(place.slot()).map_or(0, |key| hasher.hash_one(key))
}

impl Place {
    const fn slot(self) -> usize {
        self.slot as usize
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use foldhash::fast::FixedState;

    use super::*;
    use crate::packet::Endpoint;

    /// The flow of a client's address and port.
    fn key(number: u32) -> FlowKey {
        let [a, b, port @ ..] = number.to_be_bytes();
        let client = Endpoint { address: Ipv4Addr::new(10, 0, a, b).into(), port: u16::from_be_bytes(port) };
        let server = Endpoint { address: Ipv4Addr::new(192, 0, 2, 1).into(), port: 80 };
        FlowKey::of(client, server).0
    }

    /// Most keys that share a place of a table of 4096.
    fn most_at_a_place(keys: &[FlowKey], hasher: &impl BuildHasher) -> usize {
        let mut places = vec![0; 4096];
        keys.iter().for_each(|key| places[usize::try_from(hasher.hash_one(key) % 4096).unwrap()] += 1);
        places.into_iter().max().unwrap()
    }

    #[test]
    fn addresses_chosen_to_collide_under_a_known_seed_do_not_collide_here() {
        let known = FixedState::with_seed(0);
        let chosen: Vec<_> = (0..1 << 19).map(key).filter(|key| known.hash_one(key) % 4096 == 7).collect();
        assert!(chosen.len() > 64);
        assert_eq!(most_at_a_place(&chosen, &known), chosen.len());
        // By chance more than a dozen of some hundred share one of 4096 places once in 10^13 runs.
        for _ in 0..8 {
            assert!(most_at_a_place(&chosen, &RandomState::default()) <= 12);
        }
    }

    #[test]
    fn ports_and_addresses_in_succession_spread_over_the_table() {
        let keys: Vec<_> = (0..4096).map(key).collect();
        assert!(most_at_a_place(&keys, &RandomState::default()) <= 24);
    }

    #[test]
    fn a_slot_is_found_by_its_key_as_long_as_it_is_there() {
        let keys: Vec<_> = (0..1000).map(key).collect();
        let at = |slot: usize| keys.get(slot);
        let mut index = Index::default();
        for (slot, key) in keys.iter().enumerate() {
            assert_eq!(index.find(key, at), None);
            index.insert(key, slot, at);
        }
        assert_eq!(index.len(), keys.len());
        for (slot, key) in keys.iter().enumerate() {
            assert_eq!(index.find(key, at), Some(slot));
            assert!(index.likely(key).is_some());
            index.remove(key, slot);
            assert_eq!(index.find(key, at), None);
        }
        assert_eq!(index.len(), 0);
    }

    #[test]
    fn a_flow_that_has_ended_is_found_and_not_expected() {
        let key = key(1);
        let at = |slot: usize| (slot == 7).then_some(&key);
        let mut index = Index::default();
        index.insert(&key, 7, at);
        for course in [Course::GoesOn, Course::Ended, Course::Ended, Course::GoesOn, Course::Ended] {
            index.note(&key, 7, course, at);
            let expected = (course == Course::GoesOn).then_some(7);
            assert_eq!((index.find(&key, at), index.likely(&key), index.len()), (Some(7), expected, 1));
        }
        index.remove(&key, 7);
        assert_eq!((index.find(&key, at), index.len()), (None, 0));
    }
}
