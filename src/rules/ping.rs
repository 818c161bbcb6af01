//! Pings and Pongs → findings (RFC 6455 §5.5.2, §5.5.3).
//!
//! Whether a Ping was answered is known at the end of the connection, or when it is closing. Nothing is said of Pings
//! whose answer may be among bytes that were not captured.

use super::thresholds::{Thresholds, reaches, seconds};
use super::{Finding, rules};
use crate::packet::{PacketRef, Side};

rules! {
    /// The Pongs do not carry the data of the Pings that they should answer.
    ///
    /// It must be identical. Each Ping of the connection, at least three, was followed within `--slow-answer` by one Pong with other data,
    /// and none by its own. Less proves nothing: a Pong may be sent unasked (`pong-unsolicited`). Receivers that
    /// compare the data take the connection for dead. Usual causes: an answer that is always empty, data that
    /// was cut or is text where bytes were sent.
    PONG_PAYLOAD_MISMATCH = "pong-payload-mismatch", Warning, "RFC 6455 §5.5.3";

    /// A Pong that answers no Ping.
    ///
    /// Legal: a heartbeat in one direction, to which no answer is expected. Some clients send it as their keepalive.
    PONG_UNSOLICITED = "pong-unsolicited", Info, "RFC 6455 §5.5.3";

    /// A Ping was not answered.
    ///
    /// A Pong has to come as soon as practical, unless a Close came before. Where the connection ends soon after, the
    /// keepalive of the side that sent the Ping probably gave up: look at the side that fell silent. Usual causes: a
    /// process that is blocked, a network that drops packets in one direction, a laptop that sleeps.
    PING_UNANSWERED = "ping-unanswered", Warning, "RFC 6455 §5.5.2";

    /// A Ping was passed over: only a later one was answered.
    ///
    /// Legal where several Pings came before the first answer.
    PING_SUPERSEDED = "ping-superseded", Info, "RFC 6455 §5.5.3";

    /// The Pong came late.
    ///
    /// The answer is made by the library, without the application: the time is that of the network, of large messages
    /// that are sent before it, or of a program that does not come to read. Messages wait as long.
    PING_RTT_HIGH = "ping-rtt-high", Note, "RFC 6455 §5.5.2";

    /// Very many Pings in a short time.
    ///
    /// Each one asks for an answer. More than a keepalive needs; it can keep the peer busy.
    PING_FLOOD = "ping-flood", Note, "RFC 6455 §10.4";
}

/// A Ping that was sent, or a Pong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beat {
    /// The message's index.
    pub message: u64,
    /// Its last packet.
    pub at: PacketRef,
}

/// What became of a Ping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// This Pong, and no other Ping can be meant.
    Answered(Beat),
    /// A later Ping was answered.
    Superseded,
    /// Nothing came until then.
    Unanswered {
        /// The end of the connection, or its first Close.
        until: PacketRef,
    },
}

/// What the fate of a Ping of `pinger` breaks.
pub fn check_ping(
    ping: &Beat,
    fate: Fate,
    pinger: Side,
    thresholds: &Thresholds,
    found: &mut impl FnMut(Finding),
) {
    let mut broken = |rule: &'static super::Rule, blame: Side, beat: &Beat, detail| {
        found(Finding { message: Some(beat.message), ..rule.broken(blame, beat.at, detail) });
    };
    match fate {
        Fate::Answered(pong) => {
            let took = pong.at.time.nanos_since(ping.at.time);
            if reaches(took, thresholds.slow_answer) {
                let detail =
                    format!("{} after the Ping of message {} came its Pong", seconds(took), ping.message);
                broken(&PING_RTT_HIGH, pinger.peer(), &pong, detail);
            }
        }
        Fate::Superseded => {
            broken(&PING_SUPERSEDED, pinger.peer(), ping, "only a later Ping was answered".into());
        }
        Fate::Unanswered { until } => {
            let waited = until.time.nanos_since(ping.at.time);
            if reaches(waited, thresholds.silent_ping) {
                let detail = format!("no Pong within {}", seconds(waited));
                broken(&PING_UNANSWERED, pinger.peer(), ping, detail);
            }
        }
    }
}

/// Each of so many Pings was followed by a Pong of `sender` with other data; the first of them by this one.
pub fn mismatch(ping: &Beat, pong: &Beat, pings: u64, sender: Side, found: &mut impl FnMut(Finding)) {
    let detail = format!(
        "its data is not that of the Ping in message {}; so it is with the Pongs of {pings} Pings",
        ping.message
    );
    found(Finding { message: Some(pong.message), ..PONG_PAYLOAD_MISMATCH.broken(sender, pong.at, detail) });
}

/// A Pong that answers no Ping.
pub fn unsolicited(pong: &Beat, sender: Side, found: &mut impl FnMut(Finding)) {
    let finding = PONG_UNSOLICITED.broken(sender, pong.at, "no Ping waits for it".into());
    found(Finding { message: Some(pong.message), ..finding });
}

/// So many Pings within a second, the last one at `at`.
pub fn flood(pings: u32, at: PacketRef, sender: Side, found: &mut impl FnMut(Finding)) {
    found(PING_FLOOD.broken(sender, at, format!("{pings} Pings within a second")));
}
