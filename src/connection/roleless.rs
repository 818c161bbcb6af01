//! A connection whose opening the capture does not show, until it says who is the client.

use super::search::{Found, Search};
use super::signature::{begins_request, begins_response, begins_tls};
use crate::packet::{PacketRef, Side};
use crate::tcp::{Delivery, Direction};
use crate::websocket::resync::Masking;

/// Both directions of a connection without SYN: HTTP may begin at any segment, frames at any byte.
#[derive(Debug, Default)]
pub(super) struct Roleless {
    forward: Search,
    backward: Search,
}

/// What a direction turned out to be.
#[derive(Debug)]
pub(super) enum Learned {
    /// The sender of this chunk has this role, and begins an HTTP head here.
    Http(Side),
    /// The sender has this role, and frames were found in what it sent.
    Frames(Side, Found),
    Tls,
    /// So much was searched in vain that it is something else.
    Nothing,
}

impl Roleless {
    /// A connection that is WebSocket, as somebody says.
    pub(super) fn assumed() -> Self {
        let mut roleless = Self::default();
        roleless.forward.assume();
        roleless.backward.assume();
        roleless
    }

    /// Takes one more delivery; `bound` is how many bytes are searched in all.
    pub(super) fn deliver(
        &mut self,
        direction: Direction,
        delivery: &Delivery<'_>,
        bound: u64,
    ) -> Option<Learned> {
        match delivery {
            Delivery::Chunk(chunk) => self
                .chunk(direction, chunk.bytes, chunk.at)
                .or_else(|| (self.searched() > bound).then_some(Learned::Nothing)),
            Delivery::Gap(gap) => self.interrupt(direction, gap.length),
            Delivery::Conflict(_) => None,
        }
    }

    /// Looks once more, at the end: first where more was collected.
    pub(super) fn finish(&mut self) -> Option<(Direction, Learned)> {
        let first = if self.forward.searched() >= self.backward.searched() {
            Direction::Forward
        } else {
            Direction::Backward
        };
        [first, first.reverse()]
            .into_iter()
            .find_map(|direction| Some((direction, self.look(direction, true)?)))
    }

    /// Bytes of memory.
    pub(super) fn memory(&self) -> usize {
        size_of::<Self>().saturating_add(self.forward.memory()).saturating_add(self.backward.memory())
    }

    /// What was collected of both directions, that of `direction` first.
    pub(super) fn into_searches(self, direction: Direction) -> (Search, Search) {
        match direction {
            Direction::Forward => (self.forward, self.backward),
            Direction::Backward => (self.backward, self.forward),
        }
    }

    fn search(&mut self, direction: Direction) -> &mut Search {
        match direction {
            Direction::Forward => &mut self.forward,
            Direction::Backward => &mut self.backward,
        }
    }

    fn chunk(&mut self, direction: Direction, bytes: &[u8], at: PacketRef) -> Option<Learned> {
        if begins_request(bytes) {
            return Some(Learned::Http(Side::Client));
        }
        if begins_response(bytes) {
            return Some(Learned::Http(Side::Server));
        }
        let search = self.search(direction);
        if search.searched() == 0 && bytes.len() > 2 && begins_tls(bytes) {
            return Some(Learned::Tls);
        }
        search.push(bytes, at);
        self.look(direction, false)
    }

    fn searched(&self) -> u64 {
        self.forward.searched().saturating_add(self.backward.searched())
    }

    fn interrupt(&mut self, direction: Direction, missing: u64) -> Option<Learned> {
        let learned = self.look(direction, true);
        if learned.is_none() {
            self.search(direction).interrupt(missing);
        }
        learned
    }

    fn look(&mut self, direction: Direction, end: bool) -> Option<Learned> {
        let found = self.search(direction).look(Masking::Either, true, end)?;
        let sender = if found.masked { Side::Client } else { Side::Server };
        Some(Learned::Frames(sender, found))
    }
}
