//! Answers, and frames without one → what they make of the connection.

use super::{Context, Exchange, Lane, Leave};
use crate::connection::Ending;
use crate::connection::held::Item;
use crate::connection::pending::{Kind, Request};
use crate::connection::search::Found;
use crate::connection::session::LaneStart;
use crate::connection::signature::begins_request;
use crate::http::{Handshake, ResponseHead};
use crate::packet::{PacketRef, Side};
use crate::rules::handshake::{Conduct, End};

impl Exchange {
    /// What follows from an answer, with so many bytes behind it.
    pub(super) fn answer(
        &mut self,
        head: ResponseHead,
        behind: usize,
        cx: &mut Context<'_>,
    ) -> Option<Leave> {
        // RFC 9110 §15.2: 1xx other than 101 is not the final answer
        if head.status < 200 && head.status != 101 {
            return None;
        }
        if let Some(left) = self.pass_over_unanswered(|exchange| exchange.moved_on(&head), head.first, cx) {
            return Some(left);
        }
        let (status, end) = (head.status, head.last);
        let request = self.matching(&head);
        if let (Lane::Reading(reader), Some(request)) = (&mut self.server, &request) {
            reader.answers(&request.head.method);
        }
        let kind = request.as_ref().map(|request| request.kind);
        match (kind, request) {
            (Some(Kind::Connect), Some(request)) if (200..300).contains(&status) => {
                return Some(Leave::Tunnel { target: request.head.target.into(), at: end });
            }
            (Some(Kind::Connect | Kind::Other) | None, _) if status != 101 => return None,
            (_, request) => {
                let handshake = Handshake::answered(request.map(|request| *request.head), head);
                if handshake.begins_frames() {
                    self.say_unanswered(end, None, cx);
                    return Some(self.open(handshake, kind, behind, cx));
                }
                if kind == Some(Kind::Upgrade) {
                    cx.never_opened(handshake, End::Connection(end), None);
                }
            }
        }
        (status == 101).then_some(Leave::Other)
    }

    /// The request that a final answer is for. They come in the order of the requests, but where bytes were lost only
    /// their packets tell: a client that waits for its answers sent the last request before it.
    fn matching(&mut self, head: &ResponseHead) -> Option<Request> {
        if !self.lost_requests && !self.lost_answers {
            return self.pending.answered(head.status);
        }
        let request = self.pending.latest_before(head)?;
        // The request that it does fit may be lost as well.
        if head.status == 101 && !request.fits(head) {
            self.pending.put_back(request);
            return None;
        }
        Some(request)
    }

    /// Has the client gone on to another request, so that this answer is not for the one that waits? A 101 that does not
    /// fit says so even where no loss is known: the first bytes of a connection can be missing without a trace.
    fn moved_on(&self, head: &ResponseHead) -> bool {
        if !self.held_client.begins(begins_request) {
            return false;
        }
        let lossy = self.lost_requests || self.lost_answers;
        let sent_before = self.held_client.next_at().is_some_and(|at| at.number < head.first.number);
        let misfit = head.status == 101 && !self.pending.latest_fits(head);
        (lossy && sent_before) || misfit
    }

    /// Upgrade requests whose answers are not in the capture, as what the client sent then shows.
    fn pass_over_unanswered(
        &mut self,
        moved_on: impl Fn(&Self) -> bool,
        at: PacketRef,
        cx: &mut Context<'_>,
    ) -> Option<Leave> {
        let mut left = None;
        while left.is_none() && self.is_blocked(Side::Client, cx) && moved_on(self) {
            self.say_unanswered(at, None, cx);
            while left.is_none() && !self.held_client.is_empty() && !self.is_blocked(Side::Client, cx) {
                left = self.take_held(Side::Client, cx);
            }
        }
        left
    }

    /// The answer to a request of this kind begins frames.
    fn open(&mut self, handshake: Handshake, kind: Option<Kind>, behind: usize, cx: &Context<'_>) -> Leave {
        let answered = handshake.response.as_ref().map(|response| response.first).unwrap_or_default();
        let unsolicited = handshake.request.as_ref().filter(|_| kind != Some(Kind::Upgrade));
        let conduct = Conduct {
            early: self.held_client.before(answered),
            coalesced: behind,
            unsolicited: unsolicited.map(|request| request.method.to_string()),
        };
        let client = match &self.client {
            Lane::Reading(reader) if reader.is_idle() && kind.is_some() => LaneStart::Frame,
            _ => LaneStart::Searching(self.client.take_search()),
        };
        let opening = cx.peers.opening(handshake);
        Leave::Open { opening, conduct, found: None, client, server: LaneStart::Frame }
    }

    /// Frames were recognised although the answer, at least, is not in the capture.
    pub(super) fn open_found(&mut self, side: Side, found: Found, cx: &mut Context<'_>) -> Leave {
        let search = match side {
            Side::Client => self.client.take_search(),
            Side::Server => self.server.take_search(),
        };
        // The held items of that side are empty: a lost lane never waits.
        let found_frames: Vec<_> = search.replay().map(|(bytes, at)| Item::chunk(bytes, at)).collect();
        let first = found_frames.first().map(Item::at).unwrap_or_default();
        for item in found_frames.into_iter().rev() {
            self.held(side).put_back(item);
        }
        let requests = |exchange: &Self| exchange.held_client.begins(begins_request);
        if let Some(left) = self.pass_over_unanswered(requests, first, cx) {
            return left;
        }
        let request = self.pending.take_upgrade().map(|request| *request.head);
        let asked = request.is_some();
        let opening = cx.peers.opening(Handshake { request, ..Handshake::default() });
        let begins = LaneStart::FoundFrame(found);
        let (client, server) = match side {
            Side::Client => (begins, LaneStart::Searching(self.server.take_search())),
            // What the client sent behind its upgrade request begins with a frame.
            Side::Server if asked && matches!(self.client, Lane::Reading(_)) => (LaneStart::Frame, begins),
            Side::Server => (LaneStart::Searching(self.client.take_search()), begins),
        };
        Leave::Open { opening, conduct: Conduct::default(), found: Some(found), client, server }
    }

    /// The upgrade requests that will have no answer, because it was lost, or the connection ended or went on as
    /// something else.
    pub(super) fn say_unanswered(&mut self, at: PacketRef, ending: Option<&Ending>, cx: &mut Context<'_>) {
        let end = match ending {
            _ if self.lost_answers => End::Lost(at),
            Some(ending) => ending.into(),
            None => End::Connection(at),
        };
        for request in self.pending.take_upgrades() {
            let close = ending.map(Ending::without_close_frame);
            cx.never_opened(Handshake::unanswered(request), end, close);
        }
    }
}
