//! An opening handshake, alone and beside the others of the capture → findings.

use std::hash::{BuildHasher as _, Hash};
use std::net::IpAddr;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::Options;
use crate::event::{Opening, Transport};
use crate::http::{FieldName, nonce};
use crate::packet::{Endpoint, PacketRef};
use crate::rules::handshake::around::{concurrent, key_reused};
use crate::rules::handshake::{Around, Conduct, End, check};
use crate::rules::{Finding, deflate, extension};

/// What an opening handshake breaks: by itself, and by what the two sides did before and with the answer.
pub(super) fn judge(opening: &Opening, conduct: Conduct, end: End, options: &Options) -> Vec<Finding> {
    let around = Around {
        end,
        client: opening.client,
        server: opening.server,
        encrypted: opening.transport == Transport::Tls,
        tunnel: opening.tunnel.as_deref(),
        conduct,
    };
    let mut findings = Vec::new();
    check(&opening.handshake, &around, &options.thresholds, &mut |finding| findings.push(finding));
    if opening.handshake.has(FieldName::SecWebSocketExtensions) {
        deflate::check_params(&opening.handshake, &mut |finding| findings.push(finding));
        extension::check(&opening.handshake, &mut |finding| findings.push(finding));
    }
    findings
}

/// When the handshake was answered, or nobody waited for an answer any more.
pub(super) fn answered(opening: &Opening, end: End) -> PacketRef {
    let over = match end {
        End::Connection(at) | End::Capture(at) => at,
        // Nobody knows for how long it waited.
        End::GivenUp(at) | End::Lost(at) => {
            opening.handshake.request.as_ref().map_or(at, |request| request.last)
        }
    };
    opening.handshake.response.as_ref().map_or(over, |response| response.last)
}

/// What of an opening handshake is compared with others.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) client: Endpoint,
    pub(crate) server: Endpoint,
    /// Does it run through a proxy's tunnel?
    through_tunnel: bool,
    /// The first packet of the TCP connection.
    pub(crate) start: PacketRef,
    request: PacketRef,
    nonce: Option<u128>,
}

impl Asked {
    /// `None` where the request was not captured.
    pub(crate) fn of(opening: &Opening) -> Option<Self> {
        let request = opening.handshake.request.as_ref()?;
        Some(Self {
            client: opening.client,
            server: opening.server,
            through_tunnel: opening.tunnel.is_some(),
            start: opening.start,
            request: request.last,
            nonce: request.headers.first(FieldName::SecWebSocketKey).and_then(nonce),
        })
    }
}

/// The handshakes so far, as far as later ones are compared with them: the latest `Limits::handshakes`.
#[derive(Debug, Default)]
pub(crate) struct Handshakes {
    keys: Latest<Key, FirstUse>,
    routes: Latest<Route, Answers>,
    hasher: RandomState,
}

/// A nonce on a route. The same nonce on two routes of the same hash does not happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    route: u64,
    nonce: [u8; 16],
}

/// From one host to one server. A proxy that passes keys on has another server behind it than in front of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Route {
    client: IpAddr,
    server: Endpoint,
}

/// Where a key was seen first.
#[derive(Clone, Copy, Debug)]
struct FirstUse {
    /// The number of the first packet of the TCP connection: a client that asks twice on one connection may use its key twice.
    connection: u64,
    request: PacketRef,
}

/// When the handshakes on a route were answered.
#[derive(Clone, Copy, Debug)]
struct Answers {
    /// The latest.
    latest: PacketRef,
    /// Was it said that two waited at the same time?
    overlap_said: bool,
}

impl Handshakes {
    /// How many later ones were not compared with, because there were too many.
    pub(crate) fn forgotten(&self) -> u64 {
        self.keys.forgotten.max(self.routes.forgotten)
    }

    /// What a handshake, `answered` at this packet, breaks in regard to those that were told before.
    pub(crate) fn judge(
        &mut self,
        asked: &Asked,
        answered: PacketRef,
        bound: usize,
        found: &mut impl FnMut(Finding),
    ) {
        let route = Route { client: asked.client.address, server: asked.server };
        if let Some(first) = self.same_key(route, asked, bound) {
            found(key_reused(first, asked.request));
        }
        // Behind a proxy there are many servers, and none of them is known by its address.
        if asked.through_tunnel {
            return;
        }
        if let Some(other) = self.overlap(route, asked.request, answered, bound) {
            found(concurrent(asked.server, other, asked.request));
        }
    }

    fn same_key(&mut self, route: Route, asked: &Asked, bound: usize) -> Option<PacketRef> {
        let key = Key { route: self.hasher.hash_one(route), nonce: asked.nonce?.to_be_bytes() };
        let this = FirstUse { connection: asked.start.number, request: asked.request };
        let first = self.keys.entry(key, this, bound)?;
        (first.connection != asked.start.number).then_some(first.request)
    }

    /// Handshakes are told when they are over: this one overlaps with an earlier one when it began before that was over.
    fn overlap(
        &mut self,
        route: Route,
        asked: PacketRef,
        answered: PacketRef,
        bound: usize,
    ) -> Option<PacketRef> {
        let known = self.routes.entry(route, Answers { latest: asked, overlap_said: false }, bound)?;
        let other = known.latest;
        known.latest = known.latest.max(answered);
        let overlaps = asked.number < other.number && asked.time < other.time && !known.overlap_said;
        known.overlap_said |= overlaps;
        overlaps.then_some(other)
    }
}

/// A map that forgets its oldest entries.
#[derive(Debug)]
struct Latest<Key, Value> {
    /// As many as there may be, then each new one in the place of the oldest.
    entries: Vec<(Key, Value)>,
    oldest: usize,
    /// Their places, found by their keys.
    index: HashTable<u32>,
    /// Seeded by the process, so that nobody can choose keys that collide.
    hasher: RandomState,
    forgotten: u64,
}

impl<Key, Value> Default for Latest<Key, Value> {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            oldest: 0,
            index: HashTable::new(),
            hasher: RandomState::default(),
            forgotten: 0,
        }
    }
}

impl<Key: Eq + Hash, Value> Latest<Key, Value> {
    /// The value that is known, or this one from now on.
    fn entry(&mut self, key: Key, otherwise: Value, bound: usize) -> Option<&mut Value> {
        let hash = self.hasher.hash_one(&key);
        let is_its = |place: &u32| key_at(&self.entries, *place) == Some(&key);
        let place = match self.index.find(hash, is_its) {
            Some(place) => *place,
            None => self.insert(hash, (key, otherwise), bound)?,
        };
        self.entries.get_mut(usize::try_from(place).ok()?).map(|(_, value)| value)
    }

    fn insert(&mut self, hash: u64, entry: (Key, Value), bound: usize) -> Option<u32> {
        let place = u32::try_from(self.make_room(bound)).ok()?;
        match self.entries.get_mut(usize::try_from(place).ok()?) {
            Some(oldest) => *oldest = entry,
            None => self.entries.push(entry),
        }
        let (entries, hasher) = (&self.entries, &self.hasher);
        let hash_of = |place: &u32| key_at(entries, *place).map_or(0, |key| hasher.hash_one(key));
        self.index.insert_unique(hash, place, hash_of);
        Some(place)
    }

    /// The place of the next entry: behind the others, or that of the oldest, which is forgotten.
    fn make_room(&mut self, bound: usize) -> usize {
        if self.entries.len() < bound.max(1) {
            return self.entries.len();
        }
        let place = self.oldest;
        self.oldest = (place + 1) % self.entries.len();
        self.forgotten += 1;
        if let Some((key, _)) = self.entries.get(place) {
            let is_it = |other: &u32| usize::try_from(*other) == Ok(place);
            if let Ok(known) = self.index.find_entry(self.hasher.hash_one(key), is_it) {
                known.remove();
            }
        }
        place
    }
}

fn key_at<Key, Value>(entries: &[(Key, Value)], place: u32) -> Option<&Key> {
    entries.get(usize::try_from(place).ok()?).map(|(key, _)| key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::Timestamp;
    use std::net::Ipv4Addr;

    fn packet(number: u64) -> PacketRef {
        let time = Timestamp::from_nanos(i64::try_from(number).unwrap());
        PacketRef { number, time, ..PacketRef::default() }
    }

    fn route(client: u8) -> Route {
        let address = IpAddr::V4(Ipv4Addr::new(192, 0, 2, client));
        Route { client: address, server: Endpoint { address: IpAddr::V4(Ipv4Addr::LOCALHOST), port: 80 } }
    }

    #[test]
    fn the_oldest_entry_is_forgotten_for_a_new_one() {
        let mut latest = Latest::default();
        for key in 0..5 {
            assert_eq!(latest.entry(key, key * 10, 3), Some(&mut (key * 10)));
        }
        assert_eq!(latest.entry(2, 99, 3), Some(&mut 20));
        assert_eq!(latest.entry(1, 99, 3), Some(&mut 99));
        assert_eq!(latest.entry(4, 99, 3), Some(&mut 40), "in its place behind the newest");
        assert_eq!(latest.entry(2, 98, 3), Some(&mut 98));
        assert_eq!((latest.entries.len(), latest.index.len(), latest.forgotten), (3, 3, 4));
    }

    #[test]
    fn a_key_is_reused_on_another_connection_of_the_same_route() {
        let mut handshakes = Handshakes::default();
        let mut reused = |route: Route, connection, key| {
            let asked = Asked {
                client: Endpoint { address: route.client, port: 1 },
                server: route.server,
                through_tunnel: false,
                start: packet(connection),
                request: packet(connection + 1),
                nonce: nonce(key),
            };
            handshakes.same_key(route, &asked, 8).is_some()
        };
        let (key, other) = ("AQIDBAUGBwgJCgsMDQ4PEA==", "dGhlIHNhbXBsZSBub25jZQ==");
        assert!(!reused(route(1), 10, key));
        assert!(!reused(route(1), 10, key), "asked again on the same connection");
        assert!(!reused(route(2), 20, key), "of another client, or behind a proxy");
        assert!(!reused(route(1), 30, other));
        assert!(reused(route(1), 40, key));
        assert!(!reused(route(1), 50, "short") && !reused(route(1), 60, "short"), "no key at all");
    }

    #[test]
    fn handshakes_overlap_when_one_begins_before_the_other_is_over() {
        let mut handshakes = Handshakes::default();
        let mut overlap = |client, asked, answered| {
            handshakes.overlap(route(client), packet(asked), packet(answered), 8).map(|at| at.number)
        };
        assert_eq!(overlap(1, 10, 20), None);
        assert_eq!(overlap(1, 20, 30), None);
        assert_eq!(overlap(2, 25, 28), None, "another client");
        assert_eq!(overlap(1, 29, 31), Some(30));
        assert_eq!(overlap(1, 30, 32), None, "said once");
    }
}
