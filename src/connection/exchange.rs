//! The HTTP/1 part of a connection: requests and answers → an open WebSocket, a refusal, a tunnel, or something else.

use super::Ending;
mod answer;
mod loss;

use super::context::Context;
use super::held::{Held, Item};
use super::lane::{Lane, search_on};
use super::pending::Pending;
use super::search::{Found, Search};
use super::session::LaneStart;
use super::signature::{begins_request, begins_response, begins_tls};
use crate::event::Opening;
use crate::http::{RequestReader, RequestStep, ResponseReader, ResponseStep};
use crate::limits::Limits;
use crate::packet::{PacketRef, Side};
use crate::rules::handshake::Conduct;
use crate::rules::transport::Holes;
use crate::tcp::Gap;

/// Both directions of a connection that speaks HTTP/1, as long as it does. Client and server are known.
#[derive(Debug)]
pub(super) struct Exchange {
    client: Lane<RequestReader>,
    server: Lane<ResponseReader>,
    /// What came too early: behind an upgrade request whose answer is not there yet, or an answer before its request.
    held_client: Held,
    held_server: Held,
    pending: Pending,
    /// Bytes were lost outside a body: requests may be missing, or answers. Their order alone does not match them then.
    lost_requests: bool,
    lost_answers: bool,
    /// What is missing of each direction since its last head that was read.
    holes: [Option<Holes>; 2],
    /// No more comes: answers need not wait for their requests.
    at_end: bool,
    /// Since the connection, or the latest tunnel, began.
    spoke_http: bool,
    counted_http: bool,
    /// Tunnels that were opened, each inside the one before it.
    tunnels: usize,
}

/// Why a connection stops to be one of plain HTTP requests.
#[derive(Debug)]
pub(super) enum Leave {
    /// WebSocket begins. The reading of each direction begins as said, with the bytes that are still held.
    Open {
        opening: Box<Opening>,
        conduct: Conduct,
        found: Option<Found>,
        client: LaneStart,
        server: LaneStart,
    },
    /// A proxy opened a tunnel to `target` with this packet: another connection begins inside.
    Tunnel { target: String, at: PacketRef },
    /// It is something else: no HTTP, or HTTP that switched to another protocol.
    Other,
}

impl Exchange {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            client: Lane::Reading(RequestReader::new(limits)),
            server: Lane::Reading(ResponseReader::new(limits)),
            held_client: Held::default(),
            held_server: Held::default(),
            pending: Pending::default(),
            lost_requests: false,
            lost_answers: false,
            holes: [None; 2],
            at_end: false,
            spoke_http: false,
            counted_http: false,
            tunnels: 0,
        }
    }

    /// One that begins in the middle of a connection: `other` is what was collected of the side that has not begun a
    /// head yet.
    pub(super) fn with_lost(side: Side, search: Search, limits: &Limits) -> Self {
        let mut exchange = Self { lost_requests: true, lost_answers: true, ..Self::new(limits) };
        match side {
            Side::Client => exchange.client = Lane::Lost(Box::new(search)),
            Side::Server => exchange.server = Lane::Lost(Box::new(search)),
        }
        exchange
    }

    /// Begins anew inside a tunnel, with what was held behind the request for it and behind the answer.
    pub(super) fn enter_tunnel(&mut self, at: PacketRef, cx: &mut Context<'_>) -> Option<Leave> {
        let limits = &cx.options.limits;
        self.tunnels += 1;
        if self.tunnels > limits.tunnels {
            let detail = format!(
                "more than {} tunnels inside each other (tunnels): not followed further",
                limits.tunnels
            );
            cx.limit_reached(at, &detail);
            return Some(Leave::Other);
        }
        if matches!(self.client, Lane::Reading(_)) {
            self.client = Lane::Reading(RequestReader::new(limits));
        }
        self.server = Lane::Reading(ResponseReader::new(limits));
        self.pending = Pending::default();
        self.spoke_http = false;
        self.pump(cx)
    }

    pub(super) fn chunk(
        &mut self,
        sender: Side,
        mut bytes: &[u8],
        at: PacketRef,
        cx: &mut Context<'_>,
    ) -> Option<Leave> {
        self.step_over_request_body(sender, &mut bytes);
        if self.has_to_wait(sender, cx) {
            self.held(sender).push_chunk(bytes, at);
            return self.pump(cx).or_else(|| self.keep_bound(at, cx));
        }
        let left = self.take(sender, &mut bytes, at, cx);
        self.held(sender).put_back(Item::chunk(bytes, at));
        left.or_else(|| self.pump(cx))
    }

    pub(super) fn gap(&mut self, sender: Side, gap: Gap, cx: &mut Context<'_>) -> Option<Leave> {
        if self.has_to_wait(sender, cx) && !self.is_in_request_body(sender) {
            self.held(sender).push_gap(gap);
            return None;
        }
        let left = self.take_gap(sender, gap, cx);
        left.or_else(|| self.pump(cx))
    }

    /// Nothing more comes: nothing has to wait any longer, and what is unanswered stays so.
    pub(super) fn finish(&mut self, ending: &Ending, cx: &mut Context<'_>) -> Option<Leave> {
        self.at_end = true;
        let mut left = self.pump(cx);
        while left.is_none() && !self.held_client.is_empty() {
            left = self.read_without_answer(ending.at, Some(ending), cx);
        }
        let left = left.or_else(|| self.last_look(cx));
        if left.is_none() {
            self.say_unanswered(ending.at, Some(ending), cx);
        }
        left
    }

    /// Is the first request not there yet, is one being sent, or does one that can open a WebSocket wait for its answer?
    pub(super) fn may_open(&self) -> bool {
        let is_asking = matches!(&self.client, Lane::Reading(reader) if reader.is_in_head());
        !self.spoke_http || !self.held_client.is_empty() || self.pending.decides_protocol() || is_asking
    }

    /// What was held, in packet order.
    pub(super) fn next_held(&mut self) -> Option<(Side, Item)> {
        let number = |held: &Held| held.next_at().map_or(u64::MAX, |at| at.number);
        let side =
            if number(&self.held_client) <= number(&self.held_server) { Side::Client } else { Side::Server };
        self.held(side).next().map(|item| (side, item))
    }

    /// Bytes of memory.
    pub(super) fn memory(&self) -> usize {
        let parts = [
            self.client.memory(RequestReader::memory),
            self.server.memory(ResponseReader::memory),
            self.held_client.cost(),
            self.held_server.cost(),
            self.pending.cost(),
        ];
        parts.into_iter().fold(size_of::<Self>(), usize::saturating_add)
    }

    fn held(&mut self, side: Side) -> &mut Held {
        match side {
            Side::Client => &mut self.held_client,
            Side::Server => &mut self.held_server,
        }
    }

    fn has_to_wait(&self, sender: Side, cx: &Context<'_>) -> bool {
        let held = match sender {
            Side::Client => &self.held_client,
            Side::Server => &self.held_server,
        };
        !held.is_empty() || self.is_blocked(sender, cx)
    }

    /// What follows an upgrade or CONNECT request is frames or the next request, as the answer says. An answer has to be
    /// matched with its request, which a file out of order can show later.
    fn is_blocked(&self, sender: Side, cx: &Context<'_>) -> bool {
        let limits = &cx.options.limits;
        let reads_requests = matches!(self.client, Lane::Reading(_));
        match sender {
            Side::Client => {
                reads_requests && (self.pending.decides_protocol() || self.pending.cost() > limits.held_bytes)
            }
            Side::Server => {
                !self.at_end
                    && self.pending.is_empty()
                    && reads_requests
                    && self.held_server.len() <= limits.reorder_packets as usize
                    && self.held_server.cost() <= limits.held_bytes
                    && !self.is_server_in_message()
            }
        }
    }

    /// Is an answer begun whose request is known, so that more of it may come?
    fn is_server_in_message(&self) -> bool {
        matches!(&self.server, Lane::Reading(reader) if !reader.is_idle())
    }

    fn pump(&mut self, cx: &mut Context<'_>) -> Option<Leave> {
        loop {
            let ready = |side: Side, held: &Held| !held.is_empty() && !self.is_blocked(side, cx);
            let side = if ready(Side::Client, &self.held_client) {
                Side::Client
            } else if ready(Side::Server, &self.held_server) {
                Side::Server
            } else {
                return None;
            };
            let left = self.take_held(side, cx);
            if left.is_some() {
                return left;
            }
        }
    }

    fn take_held(&mut self, side: Side, cx: &mut Context<'_>) -> Option<Leave> {
        match self.held(side).next()? {
            Item::Chunk { bytes, used, at } => {
                let mut rest = bytes.get(used..).unwrap_or_default();
                let left = self.take(side, &mut rest, at, cx);
                let used = bytes.len() - rest.len();
                self.held(side).put_back(Item::Chunk { bytes, used, at });
                left
            }
            Item::Gap(gap) => self.take_gap(side, gap, cx),
        }
    }

    /// Takes what can be read now off the front of `bytes`; the rest has to wait.
    fn take(
        &mut self,
        sender: Side,
        bytes: &mut &[u8],
        at: PacketRef,
        cx: &mut Context<'_>,
    ) -> Option<Leave> {
        match sender {
            Side::Client => self.take_requests(bytes, at, cx),
            Side::Server => self.take_responses(bytes, at, cx),
        }
    }

    fn take_requests(&mut self, bytes: &mut &[u8], at: PacketRef, cx: &mut Context<'_>) -> Option<Leave> {
        if let Lane::Lost(search) = &mut self.client {
            if !begins_request(bytes) {
                let found = search_on(search, Side::Client, (std::mem::take(bytes), at), cx)?;
                return Some(self.open_found(Side::Client, found, cx));
            }
            self.client = Lane::Reading(RequestReader::new(&cx.options.limits));
        }
        while let Lane::Reading(reader) = &mut self.client {
            let Some(step) = reader.next(bytes, at) else {
                *bytes = &[];
                break;
            };
            match step {
                RequestStep::Head(head) => {
                    self.forget_holes(Side::Client);
                    self.note_http(cx);
                    self.pending.push(head);
                    if self.is_blocked(Side::Client, cx) {
                        self.step_over_request_body(Side::Client, bytes);
                        break;
                    }
                }
                RequestStep::NotHttp => return Some(self.not_http(bytes, at, cx)),
                RequestStep::TooLarge => {
                    loss::head_too_large(at, cx);
                    self.lost_requests = true;
                    self.client = Lane::Lost(Box::default());
                    *bytes = &[];
                }
            }
        }
        None
    }

    /// The body of an upgrade request belongs to it, and does not wait for the answer.
    fn step_over_request_body(&mut self, sender: Side, bytes: &mut &[u8]) {
        if let (Side::Client, Lane::Reading(reader), true) =
            (sender, &mut self.client, self.held_client.is_empty())
        {
            reader.step_over_body(bytes);
        }
    }

    fn is_in_request_body(&self, sender: Side) -> bool {
        let reads_body = matches!(&self.client, Lane::Reading(reader) if !reader.is_idle());
        sender == Side::Client && reads_body && self.held_client.is_empty()
    }

    fn note_http(&mut self, cx: &mut Context<'_>) {
        self.spoke_http = true;
        if !std::mem::replace(&mut self.counted_http, true) {
            cx.out.protocols_mut().http += 1;
        }
    }

    fn not_http(&mut self, bytes: &[u8], at: PacketRef, cx: &mut Context<'_>) -> Leave {
        self.say_unanswered(at, None, cx);
        if !self.spoke_http {
            let protocols = cx.out.protocols_mut();
            if begins_tls(bytes) {
                protocols.tls += 1;
            } else if bytes.starts_with(b"PRI * HTTP/2") {
                protocols.http2 += 1;
            }
        }
        Leave::Other
    }

    fn take_responses(&mut self, bytes: &mut &[u8], at: PacketRef, cx: &mut Context<'_>) -> Option<Leave> {
        if let Lane::Lost(search) = &mut self.server {
            if !begins_response(bytes) {
                let found = search_on(search, Side::Server, (std::mem::take(bytes), at), cx)?;
                return Some(self.open_found(Side::Server, found, cx));
            }
            self.server = Lane::Reading(ResponseReader::new(&cx.options.limits));
        }
        while let Lane::Reading(reader) = &mut self.server {
            let Some(step) = reader.next(bytes, at) else {
                *bytes = &[];
                break;
            };
            match step {
                ResponseStep::Head(head) => {
                    self.forget_holes(Side::Server);
                    self.note_http(cx);
                    let left = self.answer(head, bytes.len(), cx);
                    if left.is_some() || self.is_blocked(Side::Server, cx) {
                        return left;
                    }
                }
                ResponseStep::NotHttp => return Some(self.not_http(bytes, at, cx)),
                ResponseStep::TooLarge => {
                    loss::head_too_large(at, cx);
                    self.lost_answers = true;
                    self.server = Lane::Lost(Box::default());
                    *bytes = &[];
                }
            }
        }
        None
    }
}
