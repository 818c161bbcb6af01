//! Captures of generated WebSocket traffic, and what an analyzer has to find in them.
//!
//! The same [`Workload`] gives the same bytes on every machine (as long as the compressor does): Ethernet, one connection of
//! eight IPv6 and the rest IPv4, right checksums, whole TCP connections from SYN to FIN, opening and closing handshakes.
//! Connections take turns packet by packet, at random. [`Expected`] counts what was sent while it is sent, not afterwards;
//! [`verify::Tally`] counts what wspect says of it.

mod body;
mod connection;
mod expected;
mod frame;
mod generator;
mod http;
mod ledger;
mod packet;
mod random;
mod recorder;
mod talk;
pub mod verify;

pub use expected::{Expected, Frames, Loss, Messages, Ways};
pub use generator::{Kind, Workload};
