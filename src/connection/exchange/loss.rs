//! What is missing, or takes too much memory → reading on without it.

use super::{Context, Exchange, Lane, Leave};
use crate::connection::Ending;
use crate::connection::held::Item;
use crate::connection::pending::Pending;
use crate::connection::search::{Search, masking_of};
use crate::connection::signature::begins_request;
use crate::limits::Limits;
use crate::packet::{PacketRef, Side};
use crate::rules::transport::Holes;
use crate::tcp::Gap;

impl Exchange {
    pub(super) fn take_gap(&mut self, sender: Side, gap: Gap, cx: &mut Context<'_>) -> Option<Leave> {
        if let Some(search) = self.lost(sender) {
            let Some(found) = search.look(masking_of(sender), true, true) else {
                search.interrupt(gap.length);
                self.note_hole(sender, gap);
                return None;
            };
            // Behind the frames that were found, before what is still held.
            self.held(sender).put_back(Item::Gap(gap));
            return Some(self.open_found(sender, found, cx));
        }
        let known = match sender {
            Side::Client => self.client.step_over(|reader| reader.skip(gap.length)),
            Side::Server => self.server.step_over(|reader| reader.skip(gap.length)),
        };
        if !known {
            match sender {
                Side::Client => self.lost_requests = true,
                Side::Server => self.lost_answers = true,
            }
            self.note_hole(sender, gap);
        }
        None
    }

    /// What is missing where the opening handshake, or a part of it, would be.
    pub(in crate::connection) fn holes(&self) -> impl Iterator<Item = &Holes> {
        self.holes.iter().flatten()
    }

    fn note_hole(&mut self, sender: Side, gap: Gap) {
        match self.holes.get_mut(sender.index()) {
            Some(Some(holes)) => holes.add(&gap),
            Some(none) => *none = Some(gap.into()),
            None => {}
        }
    }

    /// A head was read: what was missing before it concerns no one any more.
    pub(super) fn forget_holes(&mut self, sender: Side) {
        if let Some(holes) = self.holes.get_mut(sender.index()) {
            *holes = None;
        }
    }

    pub(super) fn last_look(&mut self, cx: &mut Context<'_>) -> Option<Leave> {
        [Side::Client, Side::Server].into_iter().find_map(|side| {
            let search = self.lost(side)?;
            if cx.peers.is_assumed(cx.options) {
                search.assume();
            }
            let found = search.look(masking_of(side), true, true)?;
            Some(self.open_found(side, found, cx))
        })
    }

    /// The search in a direction whose place in the stream was lost.
    fn lost(&mut self, side: Side) -> Option<&mut Search> {
        match (side, &mut self.client, &mut self.server) {
            (Side::Client, Lane::Lost(search), _) | (Side::Server, _, Lane::Lost(search)) => Some(search),
            _ => None,
        }
    }

    /// What waits for an answer is read without it as soon as it takes too much memory.
    pub(super) fn keep_bound(&mut self, at: PacketRef, cx: &mut Context<'_>) -> Option<Leave> {
        let bound = cx.options.limits.held_bytes;
        let mut left = None;
        while left.is_none() && self.held_client.cost() > bound && self.is_blocked(Side::Client, cx) {
            let detail = format!(
                "what follows a request without an answer takes more than {bound} bytes (held_bytes): read without the answer"
            );
            cx.limit_reached(at, &detail);
            self.lost_answers = true;
            left = self.read_without_answer(at, None, cx);
        }
        left
    }

    /// Reads on in what the client sent behind a request whose answer is not there: requests, or frames.
    pub(super) fn read_without_answer(
        &mut self,
        at: PacketRef,
        ending: Option<&Ending>,
        cx: &mut Context<'_>,
    ) -> Option<Leave> {
        if !self.pending.decides_protocol() {
            self.pending = Pending::default();
        } else if self.held_client.begins(begins_request) {
            self.say_unanswered(at, ending, cx);
        } else {
            self.client = Lane::Lost(Box::default());
        }
        self.pump(cx)
    }
}

/// A head that can't be kept is passed over like one that is lost.
pub(super) fn head_too_large(at: PacketRef, cx: &mut Context<'_>) {
    let Limits { head, headers, .. } = cx.options.limits;
    let detail =
        format!("an HTTP head of more than {head} bytes (head) or {headers} fields (headers) is passed over");
    cx.limit_reached(at, &detail);
}
