//! TCP segments → ordered bytes of each direction, and the life of a connection.

mod counters;
mod early;
mod past;
mod reassembly;
mod seq;
mod span;
mod stalls;
mod tracker;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod scene;

pub use counters::Counters;
pub use past::Past;
pub use stalls::Stalls;
pub use tracker::{Awaited, EndKind, TcpEnd, Tracker};

pub use crate::decode::{Direction, FlowKey};
use crate::packet::PacketRef;

/// Bytes of one direction in stream order, all of ONE packet, so that whatever is made of them can name its
/// packets at no cost and in-order traffic is never copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk<'a> {
    /// Offset of the first byte in the stream: 0 is the byte after the SYN, or the first one seen.
    pub offset: u64,
    /// Never empty.
    pub bytes: &'a [u8],
    /// The packet that the bytes came in.
    pub at: PacketRef,
}

/// Bytes of the stream that the capture does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Offset of the first missing byte.
    pub offset: u64,
    /// How many; never 0.
    pub length: u64,
    /// The packet that showed that they are lost.
    pub at: PacketRef,
    /// How it is known.
    pub reason: GapReason,
}

/// Why bytes count as missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GapReason {
    /// The peer acknowledged them, yet they never came: the capture dropped them.
    Acknowledged,
    /// The snap length cut the packet.
    SnapLength,
    /// `Limits::early_bytes` were kept behind them, and no more.
    EarlyBytes,
    /// They were waited for as long as `Limits::hole_time` says.
    Waited,
    /// The connection or the capture ended.
    End,
}

/// A retransmission whose bytes differ from those captured first. The first ones stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// Offset of the first differing byte.
    pub offset: u64,
    /// How many bytes from there overlap.
    pub length: u64,
    /// The packet that differs.
    pub at: PacketRef,
}

/// What an assembler says, in stream order (a conflict: when it is seen).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is named after what it holds")]
pub enum Delivery<'a> {
    Chunk(Chunk<'a>),
    Gap(Gap),
    Conflict(Conflict),
}
