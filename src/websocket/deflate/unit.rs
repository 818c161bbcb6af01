//! How far the inflating of one message (or frame) came.

use super::{Inflation, Oddities};

/// The message (or frame) that is being inflated.
#[derive(Debug, Default)]
pub(super) struct Unit {
    /// Wire bytes before the piece that is being inflated.
    pub(super) before: u64,
    /// Wire bytes so far.
    pub(super) fed: u64,
    pub(super) inflated: u64,
    /// The last four wire bytes.
    pub(super) last: [u8; 4],
    pub(super) oddities: Oddities,
    /// Output that is not to be handed out again.
    pub(super) repeated: u64,
    /// Where a final block ended, as long as nothing came out of what follows it.
    pub(super) final_end: Option<u64>,
    pub(super) end: Option<Inflation>,
}

/// How much of the output was wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    All,
    UpToLimit,
}

impl Unit {
    pub(super) fn note(&mut self, wire: &[u8]) {
        self.before = self.fed;
        self.fed = self.fed.saturating_add(wire.len() as u64);
        if let Some(last) = wire.last_chunk() {
            self.last = *last;
            return;
        }
        for byte in wire {
            self.last.rotate_left(1);
            self.last[3] = *byte;
        }
    }

    pub(super) fn take(&mut self, plain: &[u8], limit: u64, out: &mut impl FnMut(&[u8])) -> Taken {
        if plain.is_empty() {
            return Taken::All;
        }
        let repeated = usize::try_from(self.repeated).unwrap_or(usize::MAX).min(plain.len());
        self.repeated -= repeated as u64;
        let plain = plain.get(repeated..).unwrap_or_default();
        self.final_end = None;
        let room = usize::try_from(limit.saturating_sub(self.inflated)).unwrap_or(usize::MAX);
        let within = plain.get(..room).unwrap_or(plain);
        self.inflated = self.inflated.saturating_add(within.len() as u64);
        out(within);
        if within.len() < plain.len() { Taken::UpToLimit } else { Taken::All }
    }

    pub(super) fn end_final_block(&mut self, read: usize) {
        self.oddities.final_block = true;
        self.final_end = Some(self.place(read));
    }

    /// The place in the message's payload of that in the loaded bytes.
    pub(super) fn place(&self, read: usize) -> u64 {
        self.before.saturating_add(read as u64).min(self.fed)
    }

    /// Does it not end with the header of an empty stored block, three zeros with at most more zeros behind them?
    // RFC 7692 §7.2.1
    pub(super) const fn lacks_flush(&self) -> bool {
        let [.., last] = self.last;
        last >= 0x20
    }

    /// Without its tail, a message can't end with a byte whose highest bits are set. // RFC 7692 §7.2.1
    pub(super) fn keeps_tail(&self) -> bool {
        self.last == TAIL
    }
}

/// The end of the empty block that a sender flushes with, and cuts off. // RFC 7692 §7.2.1
pub(super) const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];
