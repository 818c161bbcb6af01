//! Requests whose answers have not come yet.

use std::collections::VecDeque;

use crate::http::{Handshake, RequestHead, ResponseHead, asks_for_websocket};

/// Requests without their answer, oldest first.
#[derive(Debug, Default)]
pub(super) struct Pending {
    /// Few clients have more than one on the way.
    earlier: VecDeque<Request>,
    last: Option<Request>,
    cost: usize,
}

/// A request, and what its answer decides.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) kind: Kind,
    /// In a piece of its own: a connection that speaks HTTP has none most of the time.
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
        self.put_back(Request { kind: Kind::of(&head), head: Box::new(head) });
    }

    /// Puts back the newest request.
    pub(super) fn put_back(&mut self, request: Request) {
        self.cost = self.cost.saturating_add(request.cost());
        self.earlier.extend(self.last.replace(request));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.last.is_none()
    }

    /// The memory that they take.
    pub(super) fn cost(&self) -> usize {
        self.cost
    }

    /// Does what the client sends next depend on an answer? Nothing is read behind a request for which it does.
    pub(super) fn decides_protocol(&self) -> bool {
        self.last.as_ref().is_some_and(|request| request.kind != Kind::Other)
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
        self.take_last(|request| request.head.last.number < answer.first.number)
    }

    /// Is the answer right for the last upgrade request, as far as its key tells?
    pub(super) fn latest_fits(&self, answer: &ResponseHead) -> bool {
        let mut latest_first = self.last.iter().chain(self.earlier.iter().rev());
        latest_first.find(|request| request.kind == Kind::Upgrade).is_some_and(|request| request.fits(answer))
    }

    /// The last upgrade request; those before it are forgotten.
    pub(super) fn take_upgrade(&mut self) -> Option<Request> {
        self.take_last(|request| request.kind == Kind::Upgrade)
    }

    /// The upgrade requests that are left, taken out with all others.
    pub(super) fn take_upgrades(&mut self) -> impl Iterator<Item = RequestHead> + use<> {
        let Self { earlier, last, .. } = std::mem::take(self);
        let upgrades = earlier.into_iter().chain(last);
        upgrades.filter(|request| request.kind == Kind::Upgrade).map(|request| *request.head)
    }

    /// Takes out the last one that is such, and forgets those before it.
    fn take_last(&mut self, is_it: impl Fn(&Request) -> bool) -> Option<Request> {
        let place = match &self.last {
            Some(last) if is_it(last) => self.earlier.len(),
            _ => self.earlier.iter().rposition(&is_it)?,
        };
        let forgotten: usize = self.earlier.drain(..place).map(|request| request.cost()).sum();
        self.cost = self.cost.saturating_sub(forgotten);
        self.pop()
    }

    fn pop(&mut self) -> Option<Request> {
        let request = self.earlier.pop_front().or_else(|| self.last.take())?;
        if self.earlier.is_empty() {
            // Nobody counts the room that it has.
            self.earlier = VecDeque::new();
        }
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
