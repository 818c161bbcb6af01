//! Packets → TCP segments: link headers, tags, tunnels, IP fragments.

mod defrag;
mod ethernet;
mod flow;
mod ip;
mod link;
mod plain;
mod span;
mod tcp;
mod tunnel;
mod wifi;

#[cfg(test)]
mod captures;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod wire;

pub use self::flow::{Direction, FlowKey};

use self::defrag::{DatagramKey, Fragment, Fragments};
use self::ip::Carried;
use self::span::Span;
use crate::limits::Limits;
use crate::packet::{Endpoint, LinkType, Packet, PacketRef};

/// Looks through the headers of packets, one after the other, and puts IP fragments together.
#[derive(Debug)]
pub struct Decoder {
    most_headers: usize,
    fragments: Fragments,
    datagrams: [Vec<u8>; MOST_DATAGRAMS],
    pieces: Pieces,
}

impl Decoder {
    /// A decoder that holds no fragments yet. Of the limits it keeps to `encapsulation` (all headers of a packet
    /// count) and those of fragments.
    pub fn new(limits: &Limits) -> Self {
        Self {
            most_headers: limits.encapsulation,
            fragments: Fragments::new(limits),
            datagrams: Default::default(),
            pieces: Pieces::default(),
        }
    }

    /// The TCP segment in a packet; lent by the packet or, where this one was the last fragment of a datagram, by
    /// the decoder. Checksums are not looked at: cards fill them in after the capture.
    ///
    /// # Errors
    /// Why there is none.
    #[inline]
    pub fn decode<'a>(&'a mut self, packet: &Packet<'a>) -> Result<Segment<'a>, Skip> {
        Self::ordinary(packet).unwrap_or_else(|| self.walk(packet))
    }

    /// As [`decode`](Self::decode), for packets as nearly all are; of others `None`, and [`walk`](Self::walk) has to look. Who has
    /// many packets asks both, so that a segment goes where it is needed without being written down in between.
    #[inline(always)]
    pub(crate) fn ordinary<'a>(packet: &Packet<'a>) -> Option<Result<Segment<'a>, Skip>> {
        plain::segment(packet)
    }

    /// Header by header.
    #[inline(never)]
    pub(crate) fn walk<'a>(&'a mut self, packet: &Packet<'a>) -> Result<Segment<'a>, Skip> {
        self.pieces.of.clear();
        let mut datagrams = self.datagrams.iter_mut();
        let mut layer = link::first(packet.link, Span::of(packet))?;
        for _ in 0..self.most_headers {
            layer = match layer {
                Layer::Carried(carried) if carried.protocol == ip::TCP => {
                    return tcp::segment(packet.at, &carried);
                }
                Layer::Fragment(fragment) => {
                    let whole = self.fragments.push(&fragment, packet.at.time);
                    self.pieces.of.extend(self.fragments.last());
                    self.pieces.is_open = whole.is_err();
                    let whole = whole?;
                    let datagram = datagrams.next().ok_or(Skip::Malformed)?;
                    *datagram = whole.bytes;
                    let DatagramKey { src, dst, .. } = fragment.key;
                    let rest = Span::whole(datagram);
                    Layer::Carried(Carried { src, dst, protocol: whole.protocol, rest })
                }
                other => other.next()?,
            };
        }
        Err(Skip::Malformed)
    }

    /// What the last packet was a piece of, unless this was asked before.
    pub(crate) fn take_pieces(&mut self) -> Pieces {
        std::mem::take(&mut self.pieces)
    }

    /// Datagrams that were given up, before their time was out, because a bound on fragments was reached.
    pub const fn datagrams_given_up(&self) -> u64 {
        self.fragments.given_up()
    }
}

/// Of which fragmented datagrams a packet is a piece.
#[derive(Debug, Default)]
pub(crate) struct Pieces {
    /// Their numbers, the outermost first.
    pub(crate) of: Vec<u64>,
    /// Is more to come of the innermost one?
    pub(crate) is_open: bool,
}

/// A fragmented tunnel may carry fragments; deeper nesting is made up.
const MOST_DATAGRAMS: usize = 4;

/// What comes next in a packet. Lengths of link headers need no care: the length of the innermost IP packet trims
/// padding, check sequences and trailers alike.
#[derive(Clone, Copy, Debug)]
enum Layer<'a> {
    Link(LinkType, Span<'a>),
    Ethernet(Span<'a>),
    Tag { length: usize, rest: Span<'a> },
    Llc(Span<'a>),
    Mpls(Span<'a>),
    Pppoe(Span<'a>),
    Ppp(Span<'a>),
    Wifi { rest: Span<'a>, alignment: usize },
    Ip(Span<'a>),
    Carried(Carried<'a>),
    Fragment(Fragment<'a>),
}

impl Layer<'_> {
    /// What is below this header.
    fn next(self) -> Result<Self, Skip> {
        match self {
            Self::Link(link, rest) => link::first(link, rest),
            Self::Ethernet(rest) => ethernet::frame(rest),
            Self::Tag { length, rest } => ethernet::tag(length, rest),
            Self::Llc(rest) => ethernet::llc(rest),
            Self::Mpls(rest) => ethernet::mpls(rest),
            Self::Pppoe(rest) => ethernet::pppoe(rest),
            Self::Ppp(rest) => ethernet::ppp(rest),
            Self::Wifi { rest, alignment } => wifi::frame(rest, alignment),
            Self::Ip(rest) => ip::packet(rest),
            Self::Carried(carried) => carried.next(),
            Self::Fragment(_) => Err(Skip::Fragment),
        }
    }
}

/// One TCP segment of the innermost IP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment<'a> {
    /// The packet it came in; the last one where IP fragments were put together.
    pub at: PacketRef,
    /// Sender and receiver.
    pub flow: FlowKey,
    /// Who of them is the sender.
    pub direction: Direction,
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

impl Segment<'_> {
    /// The sender.
    pub const fn src(&self) -> Endpoint {
        self.flow.sender(self.direction)
    }

    /// The receiver.
    pub const fn dst(&self) -> Endpoint {
        self.flow.sender(self.direction.reverse())
    }
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

    /// Is it an acknowledgement, and neither the beginning nor an end?
    pub const fn acknowledges_only(self) -> bool {
        self.0 & (Self::SYN.0 | Self::FIN.0 | Self::RST.0 | Self::ACK.0) == Self::ACK.0
    }

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
    /// A fragment of an IP datagram that is not whole yet (or never will be), or of an 802.11 frame.
    Fragment,
    /// Encrypted below TCP: 802.11 with a cipher, ESP.
    Encrypted,
    /// A header contradicts itself or another, or there are more than `Limits::encapsulation`.
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
