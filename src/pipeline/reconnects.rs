//! When clients connected to what → how they came back.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::mem::size_of;
use std::net::IpAddr;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use crate::event::statistics::{Backoff, Distribution, Reconnects};
use crate::event::{Closing, ConnectionId, Event, EventKind, Opening};
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
    /// Places of those that have not ended, and when they began.
    open: HashMap<ConnectionId, (usize, Timestamp), RandomState>,
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

/// The same, lent: nearly always it is known already.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Asked<'a> {
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
            open: HashMap::default(),
        }
    }

    #[inline(never)]
    pub(super) fn event(&mut self, event: &Event) {
        match (event.connection, &event.kind) {
            (Some(id), EventKind::Opened(opening)) => self.open(id, opening),
            (Some(id), EventKind::Closed(closing)) => self.close(id, closing),
            _ => {}
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

    fn open(&mut self, id: ConnectionId, opening: &Opening) {
        let Some(asked) = Asked::of(opening) else { return };
        let known = self.place_of(&asked);
        let takes = LIFE + if known.is_none() { asked.size() } else { 0 };
        let Some(room) = self.room.checked_sub(takes) else {
            self.overlooked += 1;
            return;
        };
        self.room = room;
        let place = known.unwrap_or_else(|| self.insert(&asked));
        self.open.insert(id, (place, opening.start.time));
    }

    fn place_of(&self, asked: &Asked<'_>) -> Option<usize> {
        let is_its =
            |place: &usize| self.clients.get(*place).is_some_and(|(route, _)| route.lent() == *asked);
        self.index.find(self.hasher.hash_one(asked), is_its).copied()
    }

    fn insert(&mut self, asked: &Asked<'_>) -> usize {
        let place = self.clients.len();
        self.clients.push((asked.kept(), Vec::new()));
        let (clients, hasher) = (&self.clients, &self.hasher);
        let hash_of =
            |place: &usize| clients.get(*place).map_or(0, |(route, _)| hasher.hash_one(route.lent()));
        self.index.insert_unique(hasher.hash_one(asked), place, hash_of);
        place
    }

    fn close(&mut self, id: ConnectionId, closing: &Closing) {
        let Some((place, start)) = self.open.remove(&id) else { return };
        let ended = closing.close.as_ref().is_none_or(|close| !close.how.is_open());
        if let Some((_, lives)) = self.clients.get_mut(place) {
            if lives.len() == lives.capacity() {
                // Those of all clients together are many.
                lives.reserve_exact(lives.len() / 4 + 1);
            }
            lives.push(Life { start, end: closing.end.time, ended });
        }
    }
}

impl<'a> Asked<'a> {
    /// `None` where the request was not captured.
    fn of(opening: &'a Opening) -> Option<Self> {
        let request = opening.handshake.request.as_ref()?;
        Some(Self {
            client: opening.client.address,
            server: opening.server,
            tunnel: opening.tunnel.as_deref(),
            host: opening.handshake.host(),
            path: request.target.split('?').next().unwrap_or_default(),
        })
    }

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
    fn lent(&self) -> Asked<'_> {
        Asked {
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
