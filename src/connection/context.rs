//! What each step of a connection needs beside its own state.

use super::outbox::Outbox;
use super::{Options, Peers, handshakes};
use crate::event::statistics::Statistics;
use crate::event::{Close, Closing, EventKind, Traffic};
use crate::http::Handshake;
use crate::packet::{PacketRef, Side};
use crate::rules::Blame;
use crate::rules::capture::LIMIT_REACHED;
use crate::rules::handshake::response::{NO_RESPONSE, OPEN_AT_END};
use crate::rules::handshake::{Conduct, End};
use crate::tcp::Tracker;

/// The connection as a whole, and where to say what was found.
#[derive(Debug)]
pub(super) struct Context<'a> {
    pub(super) peers: &'a Peers,
    /// How TCP went, known at the end.
    pub(super) tcp: Option<&'a Tracker>,
    pub(super) options: &'a Options,
    pub(super) out: &'a mut Outbox,
}

impl Context<'_> {
    /// Reports an upgrade request that did not lead to a WebSocket connection.
    pub(super) fn never_opened(&mut self, handshake: Handshake, waited: End, close: Option<Close>) {
        let id = self.out.open();
        let opening = self.peers.opening(handshake);
        let end = waited.at();
        let statistics = Statistics::opened_after(opening.handshake.latency_ns());
        let mut findings = handshakes::judge(&opening, Conduct::default(), waited, self.options);
        let passage = self.tcp.and_then(|tcp| self.peers.passage(tcp, end));
        if let Some(missing) = passage.and_then(|passage| passage.one_direction_only()) {
            // Whether there was an answer is not known.
            findings.retain(|finding| finding.rule != &NO_RESPONSE && finding.rule != &OPEN_AT_END);
            findings.push(missing);
        }
        let traffic = opening
            .handshake
            .sizes()
            .map(|handshake_bytes| Traffic { handshake_bytes, ..Traffic::default() });
        let answered = handshakes::answered(&opening, waited);
        self.out.say_opened(id, end, opening, answered);
        for finding in findings {
            self.out.say(id, finding.at, EventKind::Finding(Box::new(finding)));
        }
        let closing = Closing { end, close, traffic, statistics };
        self.out.say(id, end, EventKind::Closed(Box::new(closing)));
    }

    /// Says of a TCP connection that is no WebSocket, or none yet, what a limit cut: a finding of the capture.
    pub(super) fn limit_reached(&mut self, at: PacketRef, detail: &str) {
        let [client, server] = [Side::Client, Side::Server].map(|side| self.peers.endpoint(side));
        let detail = format!("TCP connection {client} to {server}: {detail}");
        let finding = LIMIT_REACHED.broken(Blame::Capture, at, detail);
        self.out.say(None, at, EventKind::Finding(Box::new(finding)));
    }
}
