//! Time → what is not waited for any longer, where no packets come by which to count.

use super::{Assembler, Tracker};
use crate::packet::PacketRef;
use crate::tcp::{Delivery, Direction, GapReason};

/// What is waited for, which is something else as soon as any of it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Awaited([u64; 2]);

impl Tracker {
    /// What bytes that were captured wait for: bytes before them, or that the start of the stream is sure.
    pub fn awaited(&self) -> Option<Awaited> {
        let waits = self.guessing.is_some() || self.forward.waits() || self.backward.waits();
        waits.then(|| Awaited([self.forward.next(), self.backward.next()]))
    }

    /// Waits no longer for more packets: the start is where it is taken for, and what the peer has acknowledged is lost.
    pub fn accept(&mut self, deliver: &mut impl FnMut(Direction, Delivery<'_>)) {
        if self.guessing.is_some() {
            self.settle(deliver);
        }
        let packets = self.packets;
        for direction in Direction::BOTH {
            // The lowest acknowledgement, then the highest.
            for _ in 0..2 {
                self.side_mut(direction).lapse(packets, 0, &mut |delivery| deliver(direction, delivery));
            }
        }
    }

    /// Waits no longer for anything.
    pub fn give_up(&mut self, at: PacketRef, deliver: &mut impl FnMut(Direction, Delivery<'_>)) {
        self.accept(deliver);
        self.settle(deliver);
        while let Some(direction) = self.earliest(Assembler::waiting) {
            let side = self.side_mut(direction);
            side.skip_hole(GapReason::Waited, at, &mut |delivery| deliver(direction, delivery));
            self.drain(deliver);
        }
    }
}
