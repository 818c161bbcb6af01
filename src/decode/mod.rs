//! Packets → TCP segments: link headers, tags, tunnels, IP fragments.

use crate::packet::{Endpoint, PacketRef};

/// One TCP segment of the innermost IP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment<'a> {
    /// The packet it came in; the last one where IP fragments were put together.
    pub at: PacketRef,
    /// Sender.
    pub src: Endpoint,
    /// Receiver.
    pub dst: Endpoint,
    /// Sequence number of the first payload byte (of the SYN, where that flag is set).
    pub seq: u32,
    /// Next sequence number expected from the peer; meaningful with [`TcpFlags::ACK`].
    pub ack: u32,
    /// Control bits.
    pub flags: TcpFlags,
    /// Receive window as on the wire, not scaled.
    pub window: u16,
    /// Payload bytes that were captured.
    pub payload: &'a [u8],
    /// Payload bytes that were on the wire after `payload` and that the snap length took.
    pub cut: u32,
}

/// The control bits of a TCP header (RFC 9293 §3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpFlags(pub u8);

#[expect(missing_docs, reason = "the names are those of RFC 9293")]
impl TcpFlags {
    pub const FIN: Self = Self(0x01);
    pub const SYN: Self = Self(0x02);
    pub const RST: Self = Self(0x04);
    pub const PSH: Self = Self(0x08);
    pub const ACK: Self = Self(0x10);
    pub const URG: Self = Self(0x20);

    /// Are all bits of `other` set?
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// Why a packet yields no TCP segment. Counted, never an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Skip {
    /// A link type that wspect can't decode.
    UnknownLink,
    /// No IP inside: ARP, LLDP, STP, 802.11 management …
    NotIp,
    /// IP that carries something else: UDP, ICMP …
    NotTcp,
    /// A fragment of an IP datagram that is not whole yet (or never will be).
    Fragment,
    /// Encrypted below TCP: 802.11 with a cipher, ESP.
    Encrypted,
    /// A header contradicts itself.
    Malformed,
    /// The snap length cut the packet inside its headers.
    CutHeaders,
}

/// How many packets yielded no TCP segment, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "a field for each variant of `Skip`")]
pub struct SkippedPackets {
    pub unknown_link: u64,
    pub not_ip: u64,
    pub not_tcp: u64,
    pub fragment: u64,
    pub encrypted: u64,
    pub malformed: u64,
    pub cut_headers: u64,
}

impl SkippedPackets {
    /// Counts one more packet.
    pub fn count(&mut self, reason: Skip) {
        let counter = match reason {
            Skip::UnknownLink => &mut self.unknown_link,
            Skip::NotIp => &mut self.not_ip,
            Skip::NotTcp => &mut self.not_tcp,
            Skip::Fragment => &mut self.fragment,
            Skip::Encrypted => &mut self.encrypted,
            Skip::Malformed => &mut self.malformed,
            Skip::CutHeaders => &mut self.cut_headers,
        };
        *counter += 1;
    }

    /// All of them together.
    pub const fn total(&self) -> u64 {
        self.unknown_link
            + self.not_ip
            + self.not_tcp
            + self.fragment
            + self.encrypted
            + self.malformed
            + self.cut_headers
    }
}
