//! How far the inflating of one message (or frame) came.

use super::stream::Plain;
use super::unknown::SUBSTITUTE;
use super::{Inflation, Oddities, Unknown};

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
    /// Of what came out.
    pub(super) unknown: Unknown,
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

    pub(super) fn take(&mut self, plain: Plain<'_>, limit: u64, out: &mut impl FnMut(&[u8])) -> Taken {
        let Plain { bytes: plain, other } = plain;
        if plain.is_empty() {
            return Taken::All;
        }
        let repeated = usize::try_from(self.repeated).unwrap_or(usize::MAX).min(plain.len());
        self.repeated -= repeated as u64;
        let plain = plain.get(repeated..).unwrap_or_default();
        self.final_end = None;
        let room = usize::try_from(limit.saturating_sub(self.inflated)).unwrap_or(usize::MAX);
        let within = plain.get(..room).unwrap_or(plain);
        match other {
            // What has to be repeated did not come out of a stream in doubt.
            Some(other) if repeated == 0 => self.hand_out_known(within, other, out),
            _ => out(within),
        }
        self.inflated = self.inflated.saturating_add(within.len() as u64);
        if within.len() < plain.len() { Taken::UpToLimit } else { Taken::All }
    }

    /// Hands out the bytes that both histories give, and a mark for each other one.
    fn hand_out_known(&mut self, plain: &[u8], other: &[u8], out: &mut impl FnMut(&[u8])) {
        let is_known = |(byte, other): (&u8, &u8)| byte == other;
        let mut offset = 0;
        while let Some((rest, others)) = plain.get(offset..).zip(other.get(offset..))
            && !rest.is_empty()
        {
            let same = rest.iter().zip(others).take_while(|pair| is_known(*pair)).count();
            let (known, rest) = rest.split_at_checked(same).unwrap_or_default();
            out(known);
            let others = others.get(same..).unwrap_or_default();
            let differ = rest.iter().zip(others).take_while(|pair| !is_known(*pair)).count();
            let begin = self.inflated.saturating_add((offset + same) as u64);
            if differ > 0 {
                self.unknown.push(begin..begin.saturating_add(differ as u64));
            }
            rest.get(..differ).unwrap_or_default().chunks(MARKS.len()).for_each(|part| {
                out(MARKS.get(..part.len()).unwrap_or_default());
            });
            if same + differ == 0 {
                break;
            }
            offset += same + differ;
        }
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

const MARKS: [u8; 256] = [SUBSTITUTE; 256];

/// The end of the empty block that a sender flushes with, and cuts off. // RFC 7692 §7.2.1
pub(super) const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];
