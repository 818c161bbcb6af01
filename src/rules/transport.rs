//! TCP → findings: what of the streams is not in the capture, and how they went.

use super::capture::LIMIT_REACHED;
use super::thresholds::Thresholds;
use super::{Blame, Finding, rules};
use crate::packet::{PacketRef, Side};
use crate::tcp::{Conflict, Direction, Gap, GapReason, Stalls, Tracker};

rules! {
    /// Bytes of the stream are not in the capture.
    ///
    /// They were sent, but the capture dropped them, or ended first. Inside a payload only that message suffers; over a
    /// frame header the next frame has to be searched for.
    GAP = "tcp-gap", Warning, "";

    /// A retransmission carries other bytes than the packet before it.
    ///
    /// The bytes that were captured first are used. Rare by accident: a broken network device, or an attempt to show
    /// an analyzer something else than the receiver.
    OVERLAP_CONFLICT = "tcp-overlap-conflict", Warning, "RFC 9293 §3.10.7.4";

    /// The place of a frame header was lost, and bytes were passed over until frames made sense again.
    ///
    /// What was sent in these bytes is unknown. The first message after them is marked `resynchronised`.
    DESYNC = "frame-desync", Warning, "";

    /// The snap length cut bytes off a packet.
    ///
    /// The capture was made with a limit on the bytes of each packet (`tcpdump -s`). What it cut is missing as if it
    /// had been lost: inside a payload only that message suffers, over a frame header the next frame has to be
    /// searched for. Capture whole packets (`-s 0`) to see all.
    FRAME_TRUNCATED_SNAPLEN = "frame-truncated-snaplen", Warning, "";

    /// The capture ends in the middle of a frame.
    ///
    /// The rest of it was sent later, or is in the next file. Its message comes out as far as it came, and is marked
    /// `unfinished`.
    FRAME_TRUNCATED_EOF = "frame-truncated-eof", Warning, "";

    /// Segments came out of order.
    ///
    /// They were put in their place, so nothing is missing. The network or the capture swapped them, or they were
    /// sent again after a loss.
    OUT_OF_ORDER = "tcp-out-of-order", Info, "";

    /// The TCP connection began before the capture.
    ///
    /// Neither SYN nor SYN-ACK is there. What was said before, the opening handshake often with it, is unknown.
    NO_SYN = "tcp-no-syn", Info, "";

    /// The capture holds only one direction of the connection.
    ///
    /// The other side answered, or this one would not have gone on: its packets took a way that was not captured.
    /// Usual causes: a capture on one of two links, a capture filter on one port or address as source only, a switch
    /// that mirrors only what it receives. What one direction lacks (an answer, a Pong, a Close) was probably sent.
    ONE_DIRECTION_ONLY = "tcp-one-direction-only", Warning, "";

    /// A receiver stalled its peer.
    ///
    /// It advertised a window of 0 while the peer had bytes to send: the application did not read as fast as it was
    /// sent to. Messages were late by as long as the finding says. Look at the receiver, not at the network.
    ZERO_WINDOW = "tcp-zero-window", Note, "RFC 9293 §3.8.6";

    /// Encrypted connections whose keys are not known.
    ///
    /// They may carry WebSocket (`wss`), which can be read only with the keys of the session.
    TLS_NO_KEYS = "tls-no-keys", Info, "";

    /// HTTP/2 connections, which are not looked into.
    ///
    /// They begin with the preface of HTTP/2. WebSocket can run inside them (RFC 8441): what a browser has asked for
    /// that way is not shown.
    HTTP2_NOT_READ = "http2-not-read", Info, "";
}

/// A hole in what one side sent.
pub fn gap(gap: &Gap, found: &mut impl FnMut(Finding)) {
    holes(&Holes::from(*gap), found);
}

/// Holes in what one side sent before frames were read: the opening handshake, or a part of it, may be in them.
pub fn holes(holes: &Holes, found: &mut impl FnMut(Finding)) {
    let Holes { first, bytes, count } = holes;
    let (rule, why) = match first.reason {
        GapReason::Acknowledged => (&GAP, "were acknowledged, but are not in the capture"),
        GapReason::Waited => (&GAP, "did not come in time"),
        GapReason::End => (&GAP, "did not come before the end"),
        GapReason::SnapLength => (&FRAME_TRUNCATED_SNAPLEN, "were cut off by the snap length"),
        GapReason::EarlyBytes => {
            (&LIMIT_REACHED, "were given up: so much came behind them that no more can wait (early_bytes)")
        }
    };
    let places = if *count > 1 { format!(" on, in {count} places,") } else { String::new() };
    let detail = format!("{bytes} bytes from offset {} of the stream{places} {why}", first.offset);
    found(rule.broken(Blame::Capture, first.at, detail));
}

/// Holes of one direction.
#[derive(Clone, Copy, Debug)]
pub struct Holes {
    first: Gap,
    bytes: u64,
    count: u64,
}

impl Holes {
    /// One more.
    pub const fn add(&mut self, gap: &Gap) {
        self.bytes = self.bytes.saturating_add(gap.length);
        self.count += 1;
    }
}

impl From<Gap> for Holes {
    fn from(first: Gap) -> Self {
        Self { first, bytes: first.length, count: 1 }
    }
}

/// A retransmission that differs.
pub fn conflict(conflict: &Conflict, found: &mut impl FnMut(Finding)) {
    let detail = format!(
        "{} bytes from offset {} of the stream differ from those captured before; the first ones are used",
        conflict.length, conflict.offset
    );
    found(OVERLAP_CONFLICT.broken(Blame::Capture, conflict.at, detail));
}

/// The end of what the capture holds of what `sender` sent, inside a frame.
pub fn ends_in_frame(sender: Side, at: PacketRef) -> Finding {
    let detail = format!("the capture ends in the middle of a frame of the {}", name_of(sender));
    FRAME_TRUNCATED_EOF.broken(Blame::Capture, at, detail)
}

/// A TCP connection as the capture holds it, known at its end.
#[derive(Clone, Copy, Debug)]
pub struct Passage<'a> {
    /// What its segments showed.
    pub tcp: &'a Tracker,
    /// Which way the client sends.
    pub client: Direction,
    /// Its first packet.
    pub start: PacketRef,
    /// Its last packet.
    pub end: PacketRef,
}

impl Passage<'_> {
    /// How the segments came.
    pub fn check(&self, thresholds: &Thresholds, found: &mut impl FnMut(Finding)) {
        if self.tcp.opener().is_none() {
            let detail = "neither SYN nor SYN-ACK is in the capture".to_owned();
            found(NO_SYN.broken(Blame::Capture, self.start, detail));
        }
        self.one_direction_only().into_iter().for_each(&mut *found);
        self.out_of_order().into_iter().for_each(&mut *found);
        for receiver in [Side::Client, Side::Server] {
            self.stalled_by(receiver, thresholds).into_iter().for_each(&mut *found);
        }
    }

    /// Is a whole direction missing?
    pub fn one_direction_only(&self) -> Option<Finding> {
        let [client, server] = [Side::Client, Side::Server].map(|side| self.segments_of(side));
        let (there, missing, count) = match (client, server) {
            (count, 0) => (Side::Client, Side::Server, count),
            (0, count) => (Side::Server, Side::Client, count),
            _ => return None,
        };
        if count < SURELY_ANSWERED {
            return None;
        }
        let detail = format!("{count} packets of the {}, none of the {}", name_of(there), name_of(missing));
        Some(ONE_DIRECTION_ONLY.broken(Blame::Capture, self.end, detail))
    }

    fn out_of_order(&self) -> Option<Finding> {
        let count = |side| self.tcp.counters(self.direction(side)).out_of_order;
        let (client, server) = (count(Side::Client), count(Side::Server));
        if (client, server) == (0, 0) {
            return None;
        }
        let detail = format!(
            "segments out of order, put in their place: {client} of the client, {server} of the server"
        );
        Some(OUT_OF_ORDER.broken(Blame::Capture, self.end, detail))
    }

    /// How often and how long this receiver kept its peer waiting.
    pub fn stalls(&self, receiver: Side) -> Stalls {
        self.tcp.stalls(self.direction(receiver), self.end)
    }

    fn stalled_by(&self, receiver: Side, thresholds: &Thresholds) -> Option<Finding> {
        let stalls = self.stalls(receiver);
        if u128::try_from(stalls.longest).ok()? < thresholds.stall.as_nanos() || stalls.count == 0 {
            return None;
        }
        let detail = format!(
            "the {} had no room {} times while bytes for it waited: {} in all, {} the longest",
            name_of(receiver),
            stalls.count,
            seconds(stalls.total),
            seconds(stalls.longest)
        );
        Some(ZERO_WINDOW.broken(receiver, stalls.first, detail))
    }

    fn segments_of(&self, side: Side) -> u32 {
        self.tcp.counters(self.direction(side)).segments
    }

    fn direction(&self, side: Side) -> Direction {
        if side == Side::Client { self.client } else { self.client.reverse() }
    }
}

const fn name_of(side: Side) -> &'static str {
    match side {
        Side::Client => "client",
        Side::Server => "server",
    }
}

/// `1.234 s`
pub(super) fn seconds(nanos: i64) -> String {
    let millis = nanos.saturating_add(500_000) / 1_000_000;
    format!("{}.{:03} s", millis / 1000, millis % 1000)
}

/// Packets of one side after which one of the other is due at the latest: no side sends data before the other
/// agreed to the connection, and every second segment is acknowledged (RFC 9293 §3.8.6.3).
const SURELY_ANSWERED: u32 = 4;
