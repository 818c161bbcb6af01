//! Who talks on a TCP connection, and over what.

use super::Options;
use crate::event::{Opening, Transport};
use crate::http::Handshake;
use crate::packet::{Endpoint, PacketRef, Side};
use crate::rules::transport::Passage;
use crate::tcp::{Direction, FlowKey, Tracker};

/// Who talks, and what is known of the connection around the WebSocket.
#[derive(Debug)]
pub(crate) struct Peers {
    pub(super) flow: FlowKey,
    /// Which direction the client sends in, as soon as it is known.
    pub(super) client: Option<Direction>,
    pub(super) start: PacketRef,
    /// The target of the CONNECT request, inside a proxy's tunnel.
    pub(super) tunnel: Option<Box<str>>,
}

impl Peers {
    /// The sender's role; a guess that nobody sees as long as the client is not known.
    pub(super) fn side_of(&self, direction: Direction) -> Side {
        if self.client.is_none_or(|client| client == direction) { Side::Client } else { Side::Server }
    }

    /// Is it WebSocket, because somebody says so?
    pub(super) fn is_assumed(&self, options: &Options) -> bool {
        options.assume.websocket.covers(self.ends())
    }

    /// The role of who sends in this direction, where something else than frames tells.
    pub(super) fn known_side(&self, direction: Direction, options: &Options) -> Option<Side> {
        let server = || options.assume.websocket.server(self.ends());
        let is_server = match self.client {
            Some(client) => client != direction,
            None => server()? == self.flow.sender(direction),
        };
        Some(if is_server { Side::Server } else { Side::Client })
    }

    pub(super) const fn ends(&self) -> [Endpoint; 2] {
        [self.flow.sender(Direction::Forward), self.flow.sender(Direction::Backward)]
    }

    pub(super) fn direction_of(&self, side: Side) -> Option<Direction> {
        self.client.map(|client| if side == Side::Client { client } else { client.reverse() })
    }

    pub(super) fn endpoint(&self, side: Side) -> Endpoint {
        self.flow.sender(self.direction_of(side).unwrap_or(Direction::Forward))
    }

    pub(super) fn passage<'a>(&self, tcp: &'a Tracker, end: PacketRef) -> Option<Passage<'a>> {
        Some(Passage { tcp, client: self.client?, start: self.start, end })
    }

    pub(super) fn opening(&self, handshake: Handshake) -> Box<Opening> {
        Box::new(Opening {
            client: self.endpoint(Side::Client),
            server: self.endpoint(Side::Server),
            transport: Transport::Tcp,
            start: self.start,
            handshake,
            tunnel: self.tunnel.as_deref().map(str::to_owned),
        })
    }
}
