//! Requests whose answers have not come yet.

use std::collections::VecDeque;

use crate::http::{RequestHead, asks_for_websocket};

/// Requests without their answer, oldest first.
#[derive(Debug, Default)]
pub(super) struct Pending(VecDeque<Request>);

/// As much of a request as its answer needs.
#[derive(Debug)]
pub(super) enum Request {
    Upgrade(Box<RequestHead>),
    /// CONNECT to this target.
    Connect(String),
    Other {
        method: String,
    },
}

impl Pending {
    pub(super) fn push(&mut self, head: RequestHead) {
        if self.0.len() >= AT_MOST {
            self.0.pop_front();
        }
        self.0.push_back(if asks_for_websocket(&head) {
            Request::Upgrade(Box::new(head))
        } else if head.method.eq_ignore_ascii_case("CONNECT") {
            Request::Connect(head.target)
        } else {
            Request::Other { method: head.method }
        });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Does what the client sends next depend on an answer?
    pub(super) fn decides_protocol(&self) -> bool {
        self.0.iter().any(|request| !matches!(request, Request::Other { .. }))
    }

    /// The request that the next answer with this status is for. Requests are answered in their order, but a 101 answers
    /// one that asked for it: those before it were answered where the capture does not show it.
    pub(super) fn answered(&mut self, status: u16) -> Option<Request> {
        if status == 101 { self.take_upgrade() } else { self.0.pop_front() }
    }

    /// The method of the request whose answer comes next.
    pub(super) fn oldest(&self) -> Option<&str> {
        self.0.front().map(Request::method)
    }

    /// The last upgrade request; those before it are forgotten.
    pub(super) fn take_upgrade(&mut self) -> Option<Request> {
        let place = self.0.iter().rposition(|request| matches!(request, Request::Upgrade(_)))?;
        self.0.drain(..place);
        self.0.pop_front()
    }

    /// Answers were lost: only the last request can still be matched.
    pub(super) fn keep_last(&mut self) {
        let before = self.0.len().saturating_sub(1);
        self.0.drain(..before);
    }

    /// The upgrade requests that are left, taken out with all others.
    pub(super) fn take_upgrades(&mut self) -> impl Iterator<Item = RequestHead> + use<> {
        std::mem::take(&mut self.0).into_iter().filter_map(|request| match request {
            Request::Upgrade(head) => Some(*head),
            Request::Connect(_) | Request::Other { .. } => None,
        })
    }
}

impl Request {
    pub(super) fn method(&self) -> &str {
        match self {
            Self::Upgrade(head) => &head.method,
            Self::Connect(_) => "CONNECT",
            Self::Other { method } => method,
        }
    }
}

/// Pipelined requests that wait for an answer. Clients keep to a handful; beyond it the oldest is taken for answered.
const AT_MOST: usize = 256;
