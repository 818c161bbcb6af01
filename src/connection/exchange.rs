//! The HTTP/1 part of a connection: requests and answers → an open WebSocket, a refusal, a tunnel, or something else.

use super::held::{Held, Item};
use super::lane::{Lane, search_on};
use super::pending::{Pending, Request};
use super::search::{Found, Search};
use super::session::{LaneStart, masking_of};
use super::signature::{begins_request, begins_response, begins_tls};
use super::{Context, Ending};
use crate::http::{
    Handshake, Outcome, RequestReader, RequestStep, ResponseHead, ResponseReader, ResponseStep,
    switches_to_websocket,
};
use crate::limits::Limits;
use crate::packet::{PacketRef, Side};
use crate::rules::handshake::Conduct;
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
    /// No more comes: answers need not wait for their requests.
    at_end: bool,
    spoke_http: bool,
}

/// Why a connection stops to be one of plain HTTP requests.
#[derive(Debug)]
pub(super) enum Leave {
    /// WebSocket begins. The reading of each direction begins as said, with the bytes that are still held.
    Open {
        handshake: Box<Handshake>,
        conduct: Conduct,
        found: Option<Found>,
        client: LaneStart,
        server: LaneStart,
    },
    /// A proxy opened a tunnel to `target`: another connection begins inside.
    Tunnel { target: String },
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
            at_end: false,
            spoke_http: false,
        }
    }

    /// One that begins in the middle of a connection: `other` is what was collected of the side that has not begun a
    /// head yet.
    pub(super) fn with_lost(side: Side, search: Search, limits: &Limits) -> Self {
        let mut exchange = Self::new(limits);
        match side {
            Side::Client => exchange.client = Lane::Lost(Box::new(search)),
            Side::Server => exchange.server = Lane::Lost(Box::new(search)),
        }
        exchange
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
            self.held(sender).push_chunk(bytes, at, cx.options.limits.held_bytes);
            return self.pump(cx);
        }
        let left = self.take(sender, bytes, at, cx);
        left.or_else(|| self.pump(cx))
    }

    pub(super) fn gap(&mut self, sender: Side, gap: Gap, cx: &mut Context<'_>) -> Option<Leave> {
        if self.has_to_wait(sender, cx) {
            self.held(sender).push_gap(gap);
            return None;
        }
        let left = self.take_gap(sender, gap);
        left.or_else(|| self.pump(cx))
    }

    /// Nothing more comes: nothing has to wait any longer, and what is unanswered stays so.
    pub(super) fn finish(&mut self, ending: &Ending, cx: &mut Context<'_>) -> Option<Leave> {
        self.at_end = true;
        let left = self.pump(cx).or_else(|| self.last_look());
        if left.is_none() {
            self.say_unanswered(ending.at, Some(ending), cx);
        }
        left
    }

    /// The upgrade requests that will have no answer, because the connection ended or went on as something else.
    fn say_unanswered(&mut self, at: PacketRef, ending: Option<&Ending>, cx: &mut Context<'_>) {
        for request in self.pending.take_upgrades() {
            cx.never_opened(Handshake::unanswered(request), at, ending.map(Ending::without_close_frame));
        }
    }

    /// What was held, in packet order.
    pub(super) fn next_held(&mut self) -> Option<(Side, Item)> {
        let number = |held: &Held| held.next_at().map_or(u64::MAX, |at| at.number);
        let side =
            if number(&self.held_client) <= number(&self.held_server) { Side::Client } else { Side::Server };
        self.held(side).next().map(|item| (side, item))
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
        match sender {
            Side::Client => !self.at_end && self.pending.decides_protocol(),
            Side::Server => {
                let patience = cx.options.limits.reorder_packets as usize;
                !self.at_end
                    && self.pending.is_empty()
                    && matches!(self.client, Lane::Reading(_))
                    && self.held_server.len() <= patience
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
            let left = match self.held(side).next()? {
                Item::Chunk { bytes, at } => self.take(side, &bytes, at, cx),
                Item::Gap(gap) => self.take_gap(side, gap),
            };
            if left.is_some() {
                return left;
            }
        }
    }

    fn take(&mut self, sender: Side, bytes: &[u8], at: PacketRef, cx: &mut Context<'_>) -> Option<Leave> {
        match sender {
            Side::Client => self.take_requests(bytes, at, cx),
            Side::Server => self.take_responses(bytes, at, cx),
        }
    }

    fn take_requests(&mut self, bytes: &[u8], at: PacketRef, cx: &mut Context<'_>) -> Option<Leave> {
        if let Lane::Lost(search) = &mut self.client {
            if !begins_request(bytes) {
                let found = search_on(search, Side::Client, bytes, at)?;
                return Some(self.open_found(Side::Client, found));
            }
            self.client = Lane::Reading(RequestReader::new(&cx.options.limits));
        }
        let mut rest = bytes;
        while let Lane::Reading(reader) = &mut self.client {
            match reader.next(&mut rest, at) {
                None => break,
                Some(RequestStep::Head(head)) => {
                    self.note_http(cx);
                    self.pending.push(head);
                    if self.is_blocked(Side::Client, cx) {
                        self.step_over_request_body(Side::Client, &mut rest);
                        if !rest.is_empty() {
                            self.held_client.put_back(rest, at);
                        }
                        break;
                    }
                }
                Some(RequestStep::NotHttp) => return Some(self.not_http(bytes, at, cx)),
                Some(RequestStep::TooLarge) => {
                    cx.out.protocols_mut().heads_too_large += 1;
                    return Some(self.not_http(bytes, at, cx));
                }
            }
        }
        None
    }

    /// The body of an upgrade request belongs to it, and does not wait for the answer.
    fn step_over_request_body(&mut self, sender: Side, bytes: &mut &[u8]) {
        if let (Side::Client, Lane::Reading(reader)) = (sender, &mut self.client) {
            reader.step_over_body(bytes);
        }
    }

    fn note_http(&mut self, cx: &mut Context<'_>) {
        if !self.spoke_http {
            self.spoke_http = true;
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

    fn take_responses(&mut self, bytes: &[u8], at: PacketRef, cx: &mut Context<'_>) -> Option<Leave> {
        if let Lane::Lost(search) = &mut self.server {
            if !begins_response(bytes) {
                let found = search_on(search, Side::Server, bytes, at)?;
                return Some(self.open_found(Side::Server, found));
            }
            self.server = Lane::Reading(ResponseReader::new(&cx.options.limits));
        }
        let mut rest = bytes;
        while let Lane::Reading(reader) = &mut self.server {
            match reader.next(&mut rest, at) {
                None => break,
                Some(ResponseStep::Head(head)) => {
                    self.note_http(cx);
                    if let Some(left) = self.answer(head, rest.len(), cx) {
                        if !rest.is_empty() {
                            self.held_server.put_back(rest, at);
                        }
                        return Some(left);
                    }
                    if self.is_blocked(Side::Server, cx) {
                        if !rest.is_empty() {
                            self.held_server.put_back(rest, at);
                        }
                        break;
                    }
                }
                Some(ResponseStep::NotHttp) => return Some(self.not_http(bytes, at, cx)),
                Some(ResponseStep::TooLarge) => {
                    cx.out.protocols_mut().heads_too_large += 1;
                    return Some(self.not_http(bytes, at, cx));
                }
            }
        }
        None
    }

    /// Matches an answer, with so many bytes behind it, with its request. // RFC 9110 §15.2: 1xx other than 101 is not the final answer
    fn answer(&mut self, head: ResponseHead, behind: usize, cx: &mut Context<'_>) -> Option<Leave> {
        if head.status < 200 && head.status != 101 {
            return None;
        }
        let request = self.pending.answered(head.status);
        if let (Lane::Reading(reader), Some(request)) = (&mut self.server, &request) {
            reader.answers(request.method());
        }
        let end = head.last;
        match request {
            Some(Request::Upgrade(request)) => {
                let switched = head.status == 101 && switches_to_websocket(&head);
                let handshake = Handshake::answered(Some(*request), head);
                if switched && handshake.dialect().has_rfc6455_frames() {
                    return Some(self.open(handshake, behind, LaneStart::Frame));
                }
                let left = handshake.outcome == Outcome::Invalid;
                cx.never_opened(handshake, end, None);
                left.then_some(Leave::Other)
            }
            Some(Request::Connect(target)) if (200..300).contains(&head.status) => {
                Some(Leave::Tunnel { target })
            }
            None if switches_to_websocket(&head) => {
                // Whoever was not asked for frames gets to know where they begin all the same.
                let client = match &self.client {
                    Lane::Reading(reader) if reader.is_idle() && !self.pending.is_empty() => LaneStart::Frame,
                    _ => LaneStart::Searching(self.client.take_search()),
                };
                Some(self.open(Handshake::answered(None, head), behind, client))
            }
            _ => (head.status == 101).then_some(Leave::Other),
        }
    }

    fn open(&mut self, handshake: Handshake, behind: usize, client: LaneStart) -> Leave {
        let answered = handshake.response.as_ref().map(|response| response.first).unwrap_or_default();
        let conduct = Conduct {
            early: self.held_client.before(answered),
            coalesced: behind,
            unsolicited: self.pending.oldest().filter(|_| handshake.request.is_none()).map(str::to_owned),
        };
        let handshake = Box::new(handshake);
        Leave::Open { handshake, conduct, found: None, client, server: LaneStart::Frame }
    }

    /// Frames were recognised although the answer, at least, is not in the capture.
    fn open_found(&mut self, side: Side, found: Found) -> Leave {
        let request = match self.pending.take_upgrade() {
            Some(Request::Upgrade(request)) => Some(*request),
            _ => None,
        };
        let asked = request.is_some();
        let handshake = Box::new(Handshake { outcome: Outcome::NotCaptured, request, response: None });
        let search = match side {
            Side::Client => self.client.take_search(),
            Side::Server => self.server.take_search(),
        };
        // The held items of that side are empty: a lost lane never waits.
        let found_frames: Vec<_> = search.replay().map(|(bytes, at)| (bytes.to_vec(), at)).collect();
        for (bytes, at) in found_frames.iter().rev() {
            self.held(side).put_back(bytes, *at);
        }
        let (client, server) = match side {
            Side::Client => (LaneStart::FoundFrame, LaneStart::Searching(self.server.take_search())),
            // What the client sent behind its upgrade request begins with a frame.
            Side::Server if asked && matches!(self.client, Lane::Reading(_)) => {
                (LaneStart::Frame, LaneStart::FoundFrame)
            }
            Side::Server => (LaneStart::Searching(self.client.take_search()), LaneStart::FoundFrame),
        };
        Leave::Open { handshake, conduct: Conduct::default(), found: Some(found), client, server }
    }

    fn take_gap(&mut self, sender: Side, gap: Gap) -> Option<Leave> {
        if let Some(search) = self.lost(sender) {
            let Some(found) = search.look(masking_of(sender), true, true) else {
                search.interrupt();
                return None;
            };
            let left = self.open_found(sender, found);
            self.held(sender).push_gap(gap);
            return Some(left);
        }
        match sender {
            Side::Client => _ = self.client.step_over(|reader| reader.skip(gap.length)),
            Side::Server => {
                if !self.server.step_over(|reader| reader.skip(gap.length)) {
                    self.pending.keep_last();
                }
            }
        }
        None
    }

    fn last_look(&mut self) -> Option<Leave> {
        [Side::Client, Side::Server].into_iter().find_map(|side| {
            let found = self.lost(side)?.look(masking_of(side), true, true)?;
            Some(self.open_found(side, found))
        })
    }

    /// The search in a direction whose place in the stream was lost.
    fn lost(&mut self, side: Side) -> Option<&mut Search> {
        match (side, &mut self.client, &mut self.server) {
            (Side::Client, Lane::Lost(search), _) | (Side::Server, _, Lane::Lost(search)) => Some(search),
            _ => None,
        }
    }
}
