//! When clients connected to what → how they came back.

use std::hash::BuildHasher;
use std::mem::size_of;
use std::net::IpAddr;
use std::ops::Range;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use crate::connection::handshakes::Asked;
use crate::event::statistics::{Backoff, Distribution, Reconnects};
use crate::event::{Closing, ConnectionId, Opening};
use crate::packet::{Endpoint, Timestamp};

/// The lives of all connections, as long as there is room.
#[derive(Debug)]
pub(super) struct Lives {
    room: usize,
    /// Connections for which there was no room.
    overlooked: u64,
    /// In the order in which they came first.
    clients: Vec<(Route, Vec<Life>)>,
    /// Their places, found by what a route says.
    index: HashTable<usize>,
    /// Seeded by the process, so that nobody can choose what collides.
    hasher: RandomState,
}

/// A connection that has not ended: the place of its route, and when it began.
#[derive(Clone, Copy, Debug)]
pub(super) struct Begun {
    place: usize,
    start: Timestamp,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    last: Timestamp,
    /// Is that the end, or only the last packet?
    ended: bool,
}

impl End {
    pub(super) fn of(closing: &Closing) -> Self {
        let ended = closing.close.as_ref().is_none_or(|close| !close.how.is_open());
        Self { last: closing.end.time, ended }
    }
}

/// From one host to one target.
#[derive(Debug)]
struct Route {
    client: IpAddr,
    server: Endpoint,
    tunnel: Option<String>,
    host: Option<String>,
    path: String,
}

/// What was asked for where: places in a text that all of these share.
#[derive(Clone, Debug)]
pub(super) struct Target {
    tunnel: Option<Range<usize>>,
    host: Option<Range<usize>>,
    path: Range<usize>,
}

impl Target {
    /// Appends it to the text.
    pub(super) fn of(opening: &Opening, text: &mut String) -> Self {
        let mut keep = |name: &str| {
            let start = text.len();
            text.push_str(name);
            start..text.len()
        };
        let request = opening.handshake.request.as_ref();
        let target = request.map(|request| request.target.as_str()).unwrap_or_default();
        Self {
            tunnel: opening.tunnel.as_deref().map(&mut keep),
            host: opening.handshake.host().map(&mut keep),
            path: keep(target.split('?').next().unwrap_or_default()),
        }
    }
}

/// A route, lent: nearly always it is known already.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Lent<'a> {
    client: IpAddr,
    server: Endpoint,
    tunnel: Option<&'a str>,
    host: Option<&'a str>,
    path: &'a str,
}

/// One connection or attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Life {
    start: Timestamp,
    end: Timestamp,
    /// Is `end` the end, or only the last packet?
    ended: bool,
}

impl Lives {
    pub(super) fn new(room: usize) -> Self {
        Self {
            room,
            overlooked: 0,
            clients: Vec::new(),
            index: HashTable::new(),
            hasher: RandomState::default(),
        }
    }

    /// Connections that were not looked at.
    pub(super) const fn overlooked(&self) -> u64 {
        self.overlooked
    }

    /// Who connected again, after all have ended.
    pub(super) fn reconnects(&mut self) -> Vec<Reconnects> {
        self.index.clear();
        std::mem::take(&mut self.clients).into_iter().filter_map(|(route, lives)| route.told(lives)).collect()
    }

    /// Takes the beginning of a connection, whose target stands in `text`.
    pub(super) fn open(&mut self, asked: &Asked, target: &Target, text: &str) -> Option<Begun> {
        let name = |range: &Range<usize>| text.get(range.clone()).unwrap_or_default();
        let route = Lent {
            client: asked.client.address,
            server: asked.server,
            tunnel: target.tunnel.as_ref().map(name),
            host: target.host.as_ref().map(name),
            path: name(&target.path),
        };
        let known = self.place_of(&route);
        let takes = LIFE + if known.is_none() { route.size() } else { 0 };
        let Some(room) = self.room.checked_sub(takes) else {
            self.overlooked += 1;
            return None;
        };
        self.room = room;
        Some(Begun { place: known.unwrap_or_else(|| self.insert(&route)), start: asked.start.time })
    }

    fn place_of(&self, wanted: &Lent<'_>) -> Option<usize> {
        let is_its =
            |place: &usize| self.clients.get(*place).is_some_and(|(route, _)| route.lent() == *wanted);
        self.index.find(self.hasher.hash_one(wanted), is_its).copied()
    }

    fn insert(&mut self, new: &Lent<'_>) -> usize {
        let place = self.clients.len();
        self.clients.push((new.kept(), Vec::new()));
        let (clients, hasher) = (&self.clients, &self.hasher);
        let hash_of =
            |place: &usize| clients.get(*place).map_or(0, |(route, _)| hasher.hash_one(route.lent()));
        self.index.insert_unique(hasher.hash_one(new), place, hash_of);
        place
    }

    /// Takes its end.
    pub(super) fn close(&mut self, Begun { place, start }: Begun, End { last, ended }: End) {
        if let Some((_, lives)) = self.clients.get_mut(place) {
            if lives.len() == lives.capacity() {
                // Those of all clients together are many.
                lives.reserve_exact(lives.len() / 4 + 1);
            }
            lives.push(Life { start, end: last, ended });
        }
    }
}

impl Lent<'_> {
    fn kept(&self) -> Route {
        Route {
            client: self.client,
            server: self.server,
            tunnel: self.tunnel.map(str::to_owned),
            host: self.host.map(str::to_owned),
            path: self.path.to_owned(),
        }
    }

    /// Bytes of memory, once kept.
    fn size(&self) -> usize {
        let texts = self.path.len() + self.tunnel.map_or(0, str::len) + self.host.map_or(0, str::len);
        size_of::<(Route, Vec<Life>)>() + 2 * size_of::<usize>() + texts
    }
}

impl Route {
    fn lent(&self) -> Lent<'_> {
        Lent {
            client: self.client,
            server: self.server,
            tunnel: self.tunnel.as_deref(),
            host: self.host.as_deref(),
            path: &self.path,
        }
    }

    fn told(self, mut lives: Vec<Life>) -> Option<Reconnects> {
        lives.sort_unstable();
        let mut intervals = intervals(&lives);
        let backoff = Backoff::of(&intervals);
        let intervals = Distribution::of(&mut intervals)?;
        let Self { client, server, tunnel, host, path } = self;
        let connections = lives.len() as u64;
        Some(Reconnects { client, server, tunnel, host, path, connections, intervals, backoff })
    }
}

/// The times without a connection, before each that began while none was open. How long ago one ended that only
/// fell silent is not known.
fn intervals(lives: &[Life]) -> Vec<u64> {
    let mut intervals = Vec::new();
    let mut latest: Option<Life> = None;
    for life in lives {
        if let Some(before) = latest.filter(|before| before.end <= life.start && before.ended) {
            intervals.extend(u64::try_from(life.start.nanos_since(before.end)));
        }
        latest = Some(latest.map_or(*life, |before| if before.end > life.end { before } else { *life }));
    }
    intervals
}

/// With what is kept of it while it is open.
const LIFE: usize = 2 * size_of::<Life>() + size_of::<(ConnectionId, usize)>();

#[cfg(test)]
mod tests {
    use super::*;

    fn life(start: i64, end: i64) -> Life {
        let [start, end] = [start, end].map(Timestamp::from_nanos);
        Life { start, end, ended: true }
    }

    #[test]
    fn an_interval_is_the_time_without_a_connection() {
        assert_eq!(intervals(&[life(0, 10), life(15, 20), life(40, 41)]), [5, 20]);
        assert_eq!(intervals(&[life(0, 10), life(10, 20)]), [0]);
        assert!(intervals(&[]).is_empty());
    }

    #[test]
    fn a_connection_beside_another_one_is_no_reconnect() {
        assert_eq!(intervals(&[life(0, 100), life(10, 20), life(50, 60), life(130, 140)]), [30]);
    }

    #[test]
    fn after_a_connection_that_only_fell_silent_nothing_is_measured() {
        let silent = Life { ended: false, ..life(0, 10) };
        assert_eq!(intervals(&[silent, life(100, 110), life(113, 120)]), [3]);
    }
}
