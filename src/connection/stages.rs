//! What was learned of a connection → the next of its stages.

use super::context::Context;
use super::exchange::{Exchange, Leave};
use super::handshakes;
use super::held::Item;
use super::outbox::Outbox;
use super::roleless::Learned;
use super::search::{Found, Search};
use super::session::{LaneStart, Session};
use super::{Connection, Options, Stage};
use crate::event::Opening;
use crate::http::Handshake;
use crate::packet::Side;
use crate::rules::handshake::around::Recognised;
use crate::rules::handshake::{Conduct, End};
use crate::rules::transport::holes;
use crate::tcp::{Delivery, Direction};

impl Connection {
    pub(super) fn learn(
        &mut self,
        direction: Direction,
        learned: Learned,
        delivery: Delivery<'_>,
        options: &Options,
        out: &mut Outbox,
    ) {
        let Stage::Roleless(roleless) = std::mem::replace(&mut self.stage, Stage::Other) else { return };
        let (own, peers) = roleless.into_searches(direction);
        let client_of = |side| if side == Side::Client { direction } else { direction.reverse() };
        match learned {
            Learned::Http(side) => {
                self.peers.client = Some(client_of(side));
                self.stage = Stage::Http(Box::new(Exchange::with_lost(side.peer(), peers, &options.limits)));
                self.deliver(direction, delivery, options, out);
            }
            Learned::Frames(side, found) => {
                let side = self.peers.known_side(direction, options).unwrap_or(side);
                self.peers.client = Some(client_of(side));
                let searching = LaneStart::Searching(Box::new(peers));
                let (client, server) = match side {
                    Side::Client => (LaneStart::FoundFrame(found), searching),
                    Side::Server => (searching, LaneStart::FoundFrame(found)),
                };
                let opening = (self.peers.opening(Handshake::default()), Conduct::default());
                self.open(opening, Some(found), (client, server), options, out);
                self.replay(side, &own, options, out);
            }
            Learned::Tls => out.protocols_mut().tls += 1,
            Learned::Nothing => out.protocols_mut().searched_in_vain += 1,
        }
    }

    pub(super) fn leave(&mut self, mut leave: Leave, options: &Options, out: &mut Outbox) {
        let Stage::Http(mut exchange) = std::mem::replace(&mut self.stage, Stage::Other) else { return };
        loop {
            match leave {
                Leave::Other => return,
                Leave::Tunnel { target, at } => {
                    self.peers.tunnel = Some(target.into());
                    let mut cx = Context { peers: &self.peers, tcp: None, options, out };
                    match exchange.enter_tunnel(at, &mut cx) {
                        Some(inside) => leave = inside,
                        None => return self.stage = Stage::Http(exchange),
                    }
                }
                Leave::Open { opening, conduct, found, client, server } => {
                    self.open((opening, conduct), found, (client, server), options, out);
                    return self.hand_over(&mut exchange, options, out);
                }
            }
        }
    }

    /// Gives the session what was held while the answer was waited for.
    fn hand_over(&mut self, exchange: &mut Exchange, options: &Options, out: &mut Outbox) {
        let Stage::WebSocket(session) = &mut self.stage else { return };
        for missing in exchange.holes() {
            holes(missing, &mut |finding| session.report(finding, options, out));
        }
        while let Some((side, item)) = exchange.next_held() {
            session.order_is_open();
            match item {
                Item::Chunk { at, .. } => session.chunk(side, item.rest(), at, options, out),
                Item::Gap(gap) => session.gap(side, &gap, options, out),
            }
        }
    }

    fn open(
        &mut self,
        (opening, conduct): (Box<Opening>, Conduct),
        found: Option<Found>,
        (client, server): (LaneStart, LaneStart),
        options: &Options,
        out: &mut Outbox,
    ) {
        let id = out.open();
        let at = opening.handshake.response.as_ref().map_or(self.peers.start, |response| response.last);
        let mut session = Box::new(Session::new((id, at), &opening.handshake, client, server, options));
        let mut findings = handshakes::judge(&opening, conduct, End::Connection(at), options);
        if let Some(found) = found {
            let recognised = Recognised {
                bits: found.confidence.0,
                passed_over: found.passed_over,
                extensions: options.assume.extensions.as_deref(),
            };
            findings.push(recognised.finding(at));
        }
        let answered = handshakes::answered(&opening, End::Connection(at));
        out.say_opened(id, at, opening, answered);
        for finding in findings {
            session.report(finding, options, out);
        }
        self.stage = Stage::WebSocket(session);
    }

    fn replay(&mut self, side: Side, search: &Search, options: &Options, out: &mut Outbox) {
        if let Stage::WebSocket(session) = &mut self.stage {
            for (bytes, at) in search.replay() {
                session.chunk(side, bytes, at, options, out);
            }
        }
    }
}
