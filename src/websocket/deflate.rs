//! Compressed payload of one direction → plain payload, and what is odd about it (RFC 7692).

mod history;
mod huffman;
mod inflater;
mod reach;
mod stream;
mod unit;
mod unknown;

pub(super) use inflater::{Inflater, WirePart};
pub use unknown::{SUBSTITUTE, Unknown};

/// How one direction compresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compression {
    /// What is compressed by itself, and what RSV1 marks.
    pub scope: Scope,
    /// May a message refer to those before it?
    pub takeover: bool,
    /// How far back it may refer: 2 to the power of this many bytes, 8 to 15. // RFC 7692 §7.1.2
    pub window_bits: u8,
    /// Is all of this known, and the direction captured from its first message on?
    pub certain: bool,
    /// Bytes that one message may give; of a longer one the rest is not inflated.
    pub limit: u64,
}

/// What is compressed by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// A message; RSV1 stands on its first frame. // RFC 7692 §6
    Message,
    /// A frame; RSV1 stands on each of them. // draft-tyoshino-hybi-websocket-perframe-deflate
    Frame,
}

/// A place in a message that refers to bytes before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Wire payload bytes before it.
    pub offset: u64,
    /// How many bytes it goes back.
    pub distance: u32,
}

/// What is unusual in a compressed message that could be inflated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Oddities {
    /// Its sender set BFINAL on a block of it. // RFC 7692 §7.2.3.4
    pub final_block: bool,
    /// The first reference beyond the agreed window. // RFC 7692 §7.1.2
    pub beyond_window: Option<Reference>,
    /// Near this wire payload byte it refers to messages before it, although that was ruled out; from then on the
    /// direction is read as if it had not been. // RFC 7692 §7.1.1
    pub takes_context: Option<u64>,
}

/// How much of one direction was compressed, and what that saved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Savings {
    /// Data messages begun, compressed or not.
    pub data_messages: u64,
    /// Compressed ones (frames, where those are compressed one by one) begun.
    pub compressed: u64,
    /// Payload bytes on the wire of those that were inflated to their end, without what stands behind that.
    pub compressed_bytes: u64,
    /// What these inflated to.
    pub inflated_bytes: u64,
}

/// What became of a compressed message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Inflation {
    /// Nothing: it is not compressed.
    #[default]
    NotCompressed,
    /// Inflated to its end.
    Whole,
    /// Inflated to its end, which still has the four bytes that its sender should have cut off. // RFC 7692 §7.2.1
    TailKept,
    /// Inflated, but its data do not end where a block ends. // RFC 7692 §7.2.1
    TailMissing,
    /// Inflated up to a final block, behind which stands something that is no DEFLATE data.
    Trailing {
        /// Wire payload bytes before that.
        offset: u64,
    },
    /// Inflated up to a place where its data are faulty.
    Failed {
        /// Wire payload bytes read until then, up to 8 behind the fault itself.
        offset: u64,
    },
    /// It does not inflate, and data before it are not in the capture: nobody can tell why.
    MissingContext,
    /// Inflated up to the limit.
    LimitReached,
    /// Inflated up to missing bytes, or as far as it came.
    Cut,
}

impl Oddities {
    /// Adds those of a later part: the first of each kind counts.
    pub(super) fn merge(&mut self, later: Self) {
        self.final_block |= later.final_block;
        self.beyond_window = self.beyond_window.or(later.beyond_window);
        self.takes_context = self.takes_context.or(later.takes_context);
    }
}

impl Savings {
    pub(super) const fn add(&mut self, wire: u64, inflated: u64) {
        self.compressed_bytes = self.compressed_bytes.saturating_add(wire);
        self.inflated_bytes = self.inflated_bytes.saturating_add(inflated);
    }
}

#[cfg(test)]
mod tests;
