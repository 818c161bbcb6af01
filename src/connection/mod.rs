//! One TCP connection joined: its ordered bytes → events. What it speaks is found out step by step.

mod assume;
mod closes;
mod context;
mod ending;
mod exchange;
mod extensions;
pub(crate) mod handshakes;
mod held;
mod history;
mod lane;
mod latest;
mod masking;
mod options;
pub mod outbox;
mod peers;
mod pending;
mod pings;
mod roleless;
mod search;
mod session;
mod signature;
mod stages;
mod timing;

pub use assume::{Assumed, Assumptions};
use context::Context;
pub use ending::Ending;
use exchange::Exchange;
pub use options::Options;
use outbox::Outbox;
use peers::Peers;
use roleless::Roleless;
use session::Session;
use signature::may_be_frames;

use crate::event::CloseHow;
use crate::packet::{PacketRef, Side};
use crate::rules::ending::TcpClose;
use crate::rules::transport::ends_in_frame;
use crate::tcp::{Chunk, Delivery, Direction, FlowKey, Tracker};

/// One TCP connection.
#[derive(Debug)]
pub struct Connection {
    peers: Peers,
    stage: Stage,
}

/// What a connection takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Footprint {
    /// Bytes of memory.
    pub bytes: usize,
    /// Is a part of it only needed while messages are inflated, so that [`Connection::sleep`] would free it?
    pub inflating: bool,
    /// Would that lose what messages must not refer to, but those of a sender that does not keep to what was agreed do?
    pub is_strict: bool,
    /// Is anything inflated, so that a few bytes may become very many?
    pub inflates: bool,
}

#[derive(Debug)]
enum Stage {
    /// No byte was delivered yet.
    New,
    /// The capture does not show who opened the connection.
    Roleless(Box<Roleless>),
    Http(Box<Exchange>),
    WebSocket(Box<Session>),
    /// Something that is no WebSocket and will not become one.
    Other,
}

impl Connection {
    /// A connection whose first packet is `start`.
    pub fn new(flow: FlowKey, start: PacketRef) -> Self {
        Self { peers: Peers { flow, client: None, start, tunnel: None }, stage: Stage::New }
    }

    /// Its first packet.
    pub fn start(&self) -> PacketRef {
        self.peers.start
    }

    /// The capture shows that the connection was opened in this direction. Counts only before its first byte.
    pub fn opened_by(&mut self, direction: Direction) {
        if matches!(self.stage, Stage::New) {
            self.peers.client = Some(direction);
        }
    }

    /// Can nothing be learned from its bytes any more?
    pub fn is_other(&self) -> bool {
        matches!(self.stage, Stage::Other)
    }

    /// Can the packets of now be those of an opening handshake?
    pub fn may_open(&self) -> bool {
        match &self.stage {
            Stage::New | Stage::Roleless(_) | Stage::WebSocket(_) => true,
            Stage::Http(exchange) => exchange.may_open(),
            Stage::Other => false,
        }
    }

    /// Is it an open WebSocket connection?
    pub fn is_websocket(&self) -> bool {
        matches!(self.stage, Stage::WebSocket(_))
    }

    /// Asks for what the next bytes of this direction need, where it is an open WebSocket connection.
    pub fn fetch(&self, direction: Direction) {
        if let Stage::WebSocket(session) = &self.stage {
            session.fetch(self.peers.side_of(direction));
        }
    }

    /// Came anything since this was asked last that may have left something behind? Of most messages only figures are kept.
    pub fn take_growth(&mut self) -> bool {
        match &mut self.stage {
            Stage::WebSocket(session) => session.take_growth(),
            Stage::New | Stage::Roleless(_) | Stage::Http(_) | Stage::Other => true,
        }
    }

    /// What it takes, beside itself.
    pub fn footprint(&self) -> Footprint {
        let bytes = match &self.stage {
            Stage::New | Stage::Other => 0,
            Stage::Roleless(roleless) => roleless.memory(),
            Stage::Http(exchange) => exchange.memory(),
            Stage::WebSocket(session) => return session.footprint(),
        };
        Footprint { bytes, ..Footprint::default() }
    }

    /// Puts away what is only needed while messages are inflated. Nothing is lost that they may refer to.
    pub fn sleep(&mut self) {
        if let Stage::WebSocket(session) = &mut self.stage {
            session.sleep();
        }
    }

    /// Forgets what compressed messages may refer to: they go on as after a hole.
    pub fn forget(&mut self, at: PacketRef, options: &Options, out: &mut Outbox) {
        if let Stage::WebSocket(session) = &mut self.stage {
            session.forget(at, options, out);
        }
    }

    /// What is delivered from here on comes with another packet, or was set free by it.
    pub fn next_packet(&mut self) {
        if let Stage::WebSocket(session) = &mut self.stage {
            session.next_packet();
        }
    }

    /// Takes what TCP delivers.
    pub fn deliver(
        &mut self,
        direction: Direction,
        delivery: Delivery<'_>,
        options: &Options,
        out: &mut Outbox,
    ) {
        let sender = self.peers.side_of(direction);
        let Stage::WebSocket(session) = &mut self.stage else {
            return self.deliver_before(direction, delivery, options, out);
        };
        match delivery {
            Delivery::Chunk(Chunk { bytes, at, .. }) => session.chunk(sender, bytes, at, options, out),
            Delivery::Gap(gap) => session.gap(sender, &gap, options, out),
            Delivery::Conflict(conflict) => session.conflict(&conflict, options, out),
        }
    }

    /// Takes what comes before a WebSocket connection is open.
    #[inline(never)]
    fn deliver_before(
        &mut self,
        direction: Direction,
        delivery: Delivery<'_>,
        options: &Options,
        out: &mut Outbox,
    ) {
        if matches!(self.stage, Stage::New) {
            self.stage = self.begin(&delivery, options);
        }
        let sender = self.peers.side_of(direction);
        match &mut self.stage {
            Stage::New | Stage::WebSocket(_) | Stage::Other => {}
            Stage::Roleless(roleless) => {
                if let Some(learned) = roleless.deliver(direction, &delivery, options.limits.search) {
                    self.learn(direction, learned, delivery, options, out);
                }
            }
            Stage::Http(exchange) => {
                let mut cx = Context { peers: &self.peers, tcp: None, options, out };
                let left = match delivery {
                    Delivery::Chunk(Chunk { bytes, at, .. }) => exchange.chunk(sender, bytes, at, &mut cx),
                    Delivery::Gap(gap) => exchange.gap(sender, gap, &mut cx),
                    Delivery::Conflict(_) => None,
                };
                if let Some(leave) = left {
                    self.leave(leave, options, out);
                }
            }
        }
    }

    /// What a connection is taken for by its first bytes.
    fn begin(&self, delivery: &Delivery<'_>, options: &Options) -> Stage {
        let assumed = self.peers.is_assumed(options);
        let in_frames = matches!(delivery, Delivery::Chunk(chunk) if may_be_frames(chunk.bytes));
        match self.peers.client {
            Some(_) if !(assumed && in_frames) => Stage::Http(Box::new(Exchange::new(&options.limits))),
            _ if assumed => Stage::Roleless(Box::new(Roleless::assumed())),
            _ => Stage::Roleless(Box::default()),
        }
    }

    /// The direction whose Close frame waits for its answer, and the packet that completed it.
    pub fn closing(&self) -> Option<(Direction, PacketRef)> {
        let Stage::WebSocket(session) = &self.stage else { return None };
        let (closer, at) = session.unanswered_close()?;
        Some((self.peers.direction_of(closer)?, at))
    }

    /// The acknowledgement of the Close of the direction that is [`closing`](Self::closing) is looked for (`None`), or is
    /// in this packet: whatever the peer sends from there on, it sends with that Close received.
    pub fn close_acknowledged(&mut self, by: Option<PacketRef>) {
        if let Stage::WebSocket(session) = &mut self.stage {
            session.close_acknowledged(by);
        }
    }

    /// What is delivered from now on may have been sent before what was delivered already, or after the end of the connection.
    pub fn order_is_open(&mut self) {
        if let Stage::WebSocket(session) = &mut self.stage {
            session.order_is_open();
        }
    }

    /// What is delivered from now on is of packets from now on, and the end of the connection is still to come.
    pub fn order_is_settled(&mut self) {
        if let Stage::WebSocket(session) = &mut self.stage {
            session.order_is_settled();
        }
    }

    /// Nothing more comes of what `tcp` followed.
    pub fn finish(
        mut self,
        at: PacketRef,
        how: CloseHow,
        tcp: &Tracker,
        options: &Options,
        out: &mut Outbox,
    ) {
        if let Stage::Roleless(roleless) = &mut self.stage
            && let Some((direction, learned)) = roleless.finish()
        {
            let gap = Delivery::Gap(crate::tcp::Gap {
                offset: 0,
                length: 0,
                at,
                reason: crate::tcp::GapReason::End,
            });
            self.learn(direction, learned, gap, options, out);
        }
        let ending = |peers: &Peers| {
            let first = tcp.first_end().filter(|_| peers.client.is_some()).map(|end| TcpClose {
                side: peers.side_of(end.direction),
                how: end.how,
                at: end.at,
            });
            Ending { at, how, first }
        };
        // Leaving HTTP can lead to HTTP inside a tunnel, whose end has to be told as well.
        while let Stage::Http(exchange) = &mut self.stage {
            let mut cx = Context { peers: &self.peers, tcp: Some(tcp), options, out };
            match exchange.finish(&ending(&self.peers), &mut cx) {
                Some(leave) => self.leave(leave, options, out),
                None => self.stage = Stage::Other,
            }
        }
        if let Stage::WebSocket(mut session) = self.stage {
            let mut findings = Vec::new();
            // Of a connection that was given up the capture has more, and had more of it if it was given up before.
            let passage = self.peers.passage(tcp, at).filter(|_| how != CloseHow::GivenUp);
            if let Some(passage) = passage {
                passage.check(&options.thresholds, &mut |finding| findings.push(finding));
                session.stalled([Side::Client, Side::Server].map(|side| passage.stalls(side)));
            }
            if how == CloseHow::CaptureEnded {
                findings.extend(session.in_frame().map(|side| ends_in_frame(side, at)));
            }
            for finding in findings {
                session.report(finding, options, out);
            }
            session.finish(&ending(&self.peers), options, out);
        }
    }
}

#[cfg(test)]
mod tests;
