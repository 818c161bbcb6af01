//! Scripts of conversations → captures in memory, and wspect run on them.
//!
//! ```text
//! Scenario::new()
//!     .upgrade("/chat")
//!     .client(text("LUOZHOU"))
//!     .server(text("Hello"))
//!     .fin()
//!     .wire(Wire::new().segments_of(1).shuffled(16, 7))   // script → TCP segments
//!     .over(Encapsulation::Vxlan)                         // → packets
//!     .capture()
//!     .pcap()                                             // → file
//! ```

mod analyzer;
mod capture;
mod compression;
mod encapsulation;
mod frame;
mod ip;
mod pcapng;
mod scenario;
#[cfg(test)]
mod tshark;
mod upgrade;
mod wire;

pub(crate) use analyzer::{ndjson_of, read_json, stdout_of, testdata, wspect};
pub(crate) use capture::{ByteOrder, Capture, Pcap};
pub(crate) use compression::Compression;
pub(crate) use encapsulation::Encapsulation;
pub(crate) use frame::{Frame, binary, close, continuation, ping, pong, text};
pub(crate) use pcapng::{PacketBlock, Pcapng};
pub(crate) use scenario::{Scenario, Written};
pub(crate) use upgrade::Upgrade;
pub(crate) use wire::{IpVersion, Wire};
