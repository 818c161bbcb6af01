//! Acknowledgements of the peer → holes that stay.

use super::{Assembler, Loss, Start};
use crate::packet::PacketRef;
use crate::tcp::early::Claim;
use crate::tcp::{Delivery, GapReason};

impl Assembler {
    /// Does anything wait, or is anything claimed that did not come?
    pub(in crate::tcp) const fn waits(&self) -> bool {
        self.early.is_some()
    }

    /// The position of the next byte.
    pub(in crate::tcp) const fn next(&self) -> u64 {
        self.next
    }

    /// Takes an acknowledgement of the peer, which shows bytes that the capture may lack. It counts only where
    /// it covers a whole hole; and one that says less takes back what another said.
    pub(in crate::tcp) fn acknowledge(&mut self, ack: u32, at: PacketRef) {
        if !self.is_settled() {
            return;
        }
        let Some(position) = self.locate(ack) else { return };
        if self.start == Start::Syn && position >= self.origin {
            self.start = Start::Agreed;
        }
        let position = self.without_fin(position);
        if position < self.hole_end() {
            if let Some(early) = &mut self.early {
                early.claim = None;
                self.tidy();
            }
        } else {
            self.claim(position, at);
        }
    }

    /// Gives up holes that the peer acknowledged `patience` packets ago. `packets` counts those of the connection.
    pub(in crate::tcp) fn lapse(
        &mut self,
        packets: u32,
        patience: u32,
        deliver: &mut impl FnMut(Delivery<'_>),
    ) {
        let Some(claim) = self.early.as_mut().and_then(|early| early.claim.as_mut()) else { return };
        if !claim.is_ripe(packets, patience) {
            return;
        }
        let Claim { lowest, highest, .. } = *claim;
        self.give_up(lowest.0, Loss { reason: GapReason::Acknowledged, at: lowest.1 }, deliver);
        if let Some(early) = &mut self.early {
            early.claim = None;
            if highest.0 >= self.hole_end() {
                self.claim(highest.0, highest.1);
            }
        }
        self.tidy();
    }

    /// Gives up all holes that end at or before `until`; behind all that waits, the bytes up to there.
    fn give_up(&mut self, until: u64, loss: Loss, deliver: &mut impl FnMut(Delivery<'_>)) {
        while let Some(first) = self.first().map(|piece| piece.position) {
            if first > until {
                return;
            }
            self.skip(first, loss, deliver);
            self.drain(deliver);
        }
        self.skip(until, loss, deliver);
    }

    fn claim(&mut self, position: u64, at: PacketRef) {
        let hole_end = self.hole_end();
        let early = self.early.get_or_insert_default();
        match &mut early.claim {
            Some(claim) if claim.lowest.0 >= hole_end => claim.widen(position, at),
            claim => *claim = Some(Claim::new(position, at)),
        }
    }

    /// The file may have the acknowledgement of a FIN before the FIN: what was claimed ends with the stream.
    pub(super) fn cap_claim(&mut self, fin: u64) {
        if let Some(claim) = self.early.as_mut().and_then(|early| early.claim.as_mut()) {
            claim.lowest.0 = claim.lowest.0.min(fin);
            claim.highest.0 = claim.highest.0.min(fin);
            self.tidy();
        }
    }

    /// The end of the lowest hole as far as it is known: with nothing behind it, one byte is missing at least.
    fn hole_end(&self) -> u64 {
        let first = self.first();
        first.map_or(self.next + 1, |piece| piece.position)
    }

    /// What an acknowledgement says of bytes: the FIN takes a number as well. Where none was seen, a single
    /// number behind the last byte may be that of a FIN which the capture lost, and proves no byte.
    fn without_fin(&self, acknowledged: u64) -> u64 {
        match self.fin {
            Some(fin) => acknowledged.min(fin),
            None if acknowledged == self.highest() + 1 => acknowledged - 1,
            None => acknowledged,
        }
    }
}
