//! The capture itself → findings: what the other findings can be trusted with.

use super::thresholds::Thresholds;
use super::transport::seconds;
use super::{Blame, Finding, rules};
use crate::limits::Limits;
use crate::packet::{CaptureDamage, CaptureInfo, DamageKind, PacketRef, Side};
use crate::websocket::Message;

rules! {
    /// A limit cut something.
    ///
    /// The finding says which limit, and what was cut. What a message's length, its UTF-8 or later messages are is not
    /// touched by it.
    LIMIT_REACHED = "limit-reached", Warning, "";

    /// The capture file ends in the middle of a packet.
    ///
    /// All packets before it were read. Usual causes: a full disk, a capture that is still being written, a broken
    /// download.
    FILE_TRUNCATED = "capture-file-truncated", Warning, "";

    /// The capture file holds something that is no packet.
    ///
    /// All packets before it were read, nothing after it.
    FILE_DAMAGED = "capture-file-damaged", Warning, "";

    /// Packets were dropped while the capture was made.
    ///
    /// The file says so itself. Connections can show gaps that were never on the network.
    DROPPED_PACKETS = "capture-dropped-packets", Warning, "";

    /// Time runs backwards in the capture.
    ///
    /// A packet has an earlier time than the one before it, by more than packets get swapped: a clock was set while
    /// the capture was made, or a file was put together out of order. Durations and delays across that place are
    /// wrong; the bytes are not. Several files are merged by time, which is no step back.
    TIME_BACKWARDS = "capture-time-backwards", Warning, "";
}

/// A capture file that is not whole; `at` is its last packet.
pub fn damage(input: &CaptureInfo, damage: &CaptureDamage, at: PacketRef) -> Finding {
    let rule = match damage.kind {
        DamageKind::Truncated => &FILE_TRUNCATED,
        DamageKind::Garbage => &FILE_DAMAGED,
    };
    let (path, offset) = (&input.path, damage.offset);
    // `pcap.gz`
    let place = if input.format.contains('.') { " after decompression" } else { "" };
    rule.broken(Blame::Capture, at, format!("{path}: at byte {offset}{place}: {}", damage.detail))
}

/// Time that ran backwards `count` times, most by `longest` nanoseconds before the packet `at`.
pub fn backwards(count: u64, longest: i64, at: PacketRef, thresholds: &Thresholds) -> Option<Finding> {
    let is_step = u128::try_from(longest).is_ok_and(|longest| longest > thresholds.clock_step.as_nanos());
    is_step.then(|| {
        let detail = format!(
            "time runs backwards {count} times, by {} at most (before this packet)",
            seconds(longest)
        );
        TIME_BACKWARDS.broken(Blame::Capture, at, detail)
    })
}

/// The messages of a connection of whose payload the limit keeps only the beginning.
#[derive(Clone, Debug, Default)]
pub struct CutPayloads {
    cut: Option<Box<CutMessages>>,
}

/// What hardly any connection has.
#[derive(Clone, Debug)]
struct CutMessages {
    /// Its index and its last packet.
    first: (u64, PacketRef),
    count: u64,
    /// Bytes.
    longest: u64,
}

impl CutPayloads {
    /// Counts a message, if it was cut.
    pub fn note(&mut self, message: &Message, index: u64, limits: &Limits) {
        if message.truncated && message.payload.len() >= limits.payload {
            CutMessages::note(&mut self.cut, message, index);
        }
    }

    /// Says how many there were: one finding a connection, whatever their number.
    pub fn check(&self, limits: &Limits, found: &mut impl FnMut(Finding)) {
        let Some(cut) = &self.cut else { return };
        let CutMessages { first: (index, at), count, longest } = **cut;
        let kept = limits.payload;
        let detail = if count == 1 {
            format!("a payload of {longest} bytes was cut to {kept} (--max-payload)")
        } else {
            format!(
                "{count} payloads were cut to {kept} bytes (--max-payload): the first one here, the longest of {longest} bytes"
            )
        };
        let finding = LIMIT_REACHED.broken(Blame::Capture, at, detail);
        found(Finding { message: Some(index), ..finding });
    }
}

/// The messages of a connection whose payloads were not kept because one packet completed too much at once.
#[derive(Clone, Debug, Default)]
pub struct CutReleases {
    /// Payload bytes that the current packet completed.
    released: usize,
    cut: Option<Box<CutMessages>>,
}

impl CutReleases {
    /// Another packet begins.
    pub const fn next_packet(&mut self) {
        self.released = 0;
    }

    /// Takes the payload away, where those before it were enough.
    #[inline]
    pub fn cut(&mut self, message: &mut Message, index: u64, limits: &Limits) {
        if self.released >= limits.released {
            self.take(message, index);
        }
        self.released = self.released.saturating_add(message.payload.len());
    }

    #[cold]
    fn take(&mut self, message: &mut Message, index: u64) {
        if !message.payload.is_empty() && !message.opcode.is_control() {
            message.payload = Vec::new();
            message.truncated = true;
            CutMessages::note(&mut self.cut, message, index);
        }
    }

    /// Says how many there were: one finding a connection, whatever their number.
    pub fn check(&self, limits: &Limits, found: &mut impl FnMut(Finding)) {
        let Some(cut) = &self.cut else { return };
        let CutMessages { first: (index, at), count, .. } = **cut;
        let detail = format!(
            "{count} payloads were not kept, the first one here: a single packet completed messages of more than {} bytes (released)",
            limits.released
        );
        found(Finding { message: Some(index), ..LIMIT_REACHED.broken(Blame::Capture, at, detail) });
    }
}

impl CutMessages {
    fn note(cut: &mut Option<Box<Self>>, message: &Message, index: u64) {
        let new = || Box::new(Self { first: (index, message.last), count: 0, longest: 0 });
        let cut = cut.get_or_insert_with(new);
        cut.count += 1;
        cut.longest = cut.longest.max(message.length);
    }
}

/// What later messages of a side may refer to was given up for other connections.
pub fn forgotten(sender: Side, at: PacketRef, limits: &Limits) -> Finding {
    let sender = if sender == Side::Client { "client" } else { "server" };
    let detail = format!(
        "what the {sender}'s compressed messages may refer to was forgotten: all connections together held more than {} bytes (--max-memory)",
        limits.memory
    );
    LIMIT_REACHED.broken(Blame::Capture, at, detail)
}

/// So many Pings of a side were not matched with Pongs, because more than `most` of them waited.
pub fn unmatched_pings(count: u64, most: usize, sender: Side, at: PacketRef) -> Finding {
    let sender = if sender == Side::Client { "client" } else { "server" };
    let detail = format!(
        "{count} Pings of the {sender} were not matched with Pongs: more than {most} waited for theirs at the same time"
    );
    LIMIT_REACHED.broken(Blame::Capture, at, detail)
}

/// A message of more frames than are kept.
#[inline]
pub fn cut_frames(message: &Message, limits: &Limits, found: &mut impl FnMut(Finding)) {
    let kept = message.fragments.len();
    if kept >= limits.frames && message.frames > limits.frames as u64 {
        let detail =
            format!("of {} frames of a message the first {kept} are listed (frames)", message.frames);
        found(LIMIT_REACHED.broken(Blame::Capture, message.last, detail));
    }
}
