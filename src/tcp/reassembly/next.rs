//! The next segment of a stream that lacks nothing → its bytes, at once.

use super::{Assembler, Start};
use crate::packet::PacketRef;
use crate::tcp::{Chunk, seq};

impl Assembler {
    /// Are bytes with this number the next ones, of a stream of which nothing waits and whose end was not seen?
    pub(in crate::tcp) fn continues_at(&self, seq: u32) -> bool {
        self.is_settled() && self.early.is_none() && self.fin.is_none() && seq == seq::on_wire(self.next)
    }

    /// Does this acknowledgement of the peer say nothing new: no byte that is missing, nor that the SYN came? One number more may be
    /// that of a FIN.
    pub(in crate::tcp) fn is_told_nothing_by(&self, ack: u32) -> bool {
        matches!(self.start, Start::Assumed | Start::Agreed)
            && self.early.is_none()
            && self.fin.is_none()
            && ack.wrapping_sub(seq::on_wire(self.next)).cast_signed() <= 1
    }

    /// Takes bytes that [`continue`](Self::continues_at) the stream.
    pub(in crate::tcp) fn take_next<'a>(&mut self, bytes: &'a [u8], at: PacketRef) -> Chunk<'a> {
        let chunk = Chunk { offset: self.offset(), bytes, at };
        self.strays = 0;
        self.next += bytes.len() as u64;
        chunk
    }
}
