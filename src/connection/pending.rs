//! Requests whose answers have not come yet.

use std::collections::VecDeque;

use crate::http::{Handshake, RequestHead, ResponseHead, asks_for_websocket};

/// Requests without their answer, oldest first.
#[derive(Debug, Default)]
pub(super) struct Pending {
    requests: VecDeque<Request>,
    cost: usize,
}

/// A request, and what its answer decides.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) kind: Kind,
    pub(super) head: Box<RequestHead>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Asks for a WebSocket.
    Upgrade,
    /// Asks for a tunnel.
    Connect,
    Other,
}

impl Pending {
    pub(super) fn push(&mut self, head: RequestHead) {
        let request = Request { kind: Kind::of(&head), head: Box::new(head) };
        self.put_back(request);
    }

    /// Puts back the newest request.
    pub(super) fn put_back(&mut self, request: Request) {
        self.cost = self.cost.saturating_add(request.cost());
        self.requests.push_back(request);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    /// The memory that they take.
    pub(super) fn cost(&self) -> usize {
        self.cost
    }

    /// Does what the client sends next depend on an answer? Nothing is read behind a request for which it does.
    pub(super) fn decides_protocol(&self) -> bool {
        self.requests.back().is_some_and(|request| request.kind != Kind::Other)
    }

    /// The request that the next answer with this status is for. Requests are answered in their order, but a 101 answers
    /// one that asked for it, if there is one.
    pub(super) fn answered(&mut self, status: u16) -> Option<Request> {
        let asked = if status == 101 { self.take_upgrade() } else { None };
        asked.or_else(|| self.pop())
    }

    /// The last request that was sent before this answer; those before it are forgotten. An upgrade request, where the
    /// answer switches protocols.
    pub(super) fn latest_before(&mut self, answer: &ResponseHead) -> Option<Request> {
        if answer.status == 101 {
            return self.take_upgrade();
        }
        let sent_before = |request: &Request| request.head.last.number < answer.first.number;
        let place = self.requests.iter().rposition(sent_before)?;
        self.take(place)
    }

    /// Is the answer right for the last upgrade request, as far as its key tells?
    pub(super) fn latest_fits(&self, answer: &ResponseHead) -> bool {
        let mut upgrades = self.requests.iter().rev().filter(|request| request.kind == Kind::Upgrade);
        upgrades.next().is_some_and(|request| request.fits(answer))
    }

    /// The last upgrade request; those before it are forgotten.
    pub(super) fn take_upgrade(&mut self) -> Option<Request> {
        let place = self.requests.iter().rposition(|request| request.kind == Kind::Upgrade)?;
        self.take(place)
    }

    /// The upgrade requests that are left, taken out with all others.
    pub(super) fn take_upgrades(&mut self) -> impl Iterator<Item = RequestHead> + use<> {
        let upgrades = std::mem::take(self).requests.into_iter();
        upgrades.filter(|request| request.kind == Kind::Upgrade).map(|request| *request.head)
    }

    fn take(&mut self, place: usize) -> Option<Request> {
        let forgotten: usize = self.requests.drain(..place).map(|request| request.cost()).sum();
        self.cost = self.cost.saturating_sub(forgotten);
        self.pop()
    }

    fn pop(&mut self) -> Option<Request> {
        let request = self.requests.pop_front()?;
        self.cost = self.cost.saturating_sub(request.cost());
        Some(request)
    }
}

impl Request {
    /// Can a 101 be the answer to it? Not where its accept value belongs to another key.
    pub(super) fn fits(&self, answer: &ResponseHead) -> bool {
        Handshake::accepts(&self.head, answer) != Some(false)
    }

    fn cost(&self) -> usize {
        self.head.memory() + REQUEST_OVERHEAD
    }
}

impl Kind {
    fn of(head: &RequestHead) -> Self {
        if asks_for_websocket(head) {
            Self::Upgrade
        } else if head.method.eq_ignore_ascii_case("CONNECT") {
            Self::Connect
        } else {
            Self::Other
        }
    }
}

/// What a request takes beside its head.
const REQUEST_OVERHEAD: usize = 256;
