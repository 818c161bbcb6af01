//! The end of a connection → findings (RFC 6455 §5.5.1, §7.1, §7.2).
//!
//! Left out, as a capture does not show it: whether a RST came because data had not been read. Nothing is said of an
//! end that may hide among bytes that were not captured.

use std::time::Duration;

use super::close::{ECHO_MISMATCH, NOT_ANSWERED, SLOW};
use super::fragment::NEVER_FINISHED;
use super::thresholds::{Thresholds, reaches, seconds};
use super::{Blame, Finding, Rule, rules};
use crate::packet::{PacketRef, Side};
use crate::tcp::EndKind;

rules! {
    /// The TCP connection was closed without a Close frame.
    ///
    /// Both APIs report 1006, which says no more than that. Who sent FIN first ended the connection, or a proxy
    /// between did; the time since the last message tells whether it was for silence. Usual causes: a process that
    /// ended, a proxy's timeout, a library that ends TCP after an error without a Close frame. Fix it at the side that is
    /// blamed: start the closing handshake before the socket is closed.
    TCP_CLOSED_WITHOUT_CLOSE = "tcp-closed-without-close", Warning, "RFC 6455 §7.1.5";

    /// The TCP connection was reset before a closing handshake.
    ///
    /// There was no Close frame, or its sender did not wait for the answer. APIs that got no Close report 1006. The side that sent RST gave the connection up, or something between the two did in its
    /// name. Usual causes: a process that was killed, data for a socket that was closed already, a firewall or load
    /// balancer that forgot the connection.
    TCP_RESET = "tcp-reset", Warning, "RFC 6455 §7.1.5";

    /// The client ended TCP first, after a complete closing handshake.
    ///
    /// The server should do that, so that it holds the TIME_WAIT state and not the client. Harmless but for clients that
    /// open many connections.
    CLIENT_CLOSED_TCP_FIRST = "client-closed-tcp-first", Note, "RFC 6455 §7.1.1";

    /// The connection ended after a silence that looks like a timeout.
    ///
    /// The time since the last frame is one after which proxies, load balancers and servers are known to give up. Raise
    /// that timeout, or send Pings more often than it.
    IDLE_TIMEOUT_SUSPECTED = "connection-idle-timeout-suspected", Note, "RFC 6455 §5.5.2";

    /// The capture ends while the connection is open.
    ///
    /// How it ended is not known. Nothing is wrong.
    OPEN_AT_END = "connection-open-at-end", Info, "";
}

/// How a connection ended, as far as the capture shows it.
#[derive(Clone, Copy, Debug, Default)]
pub struct End {
    /// Its last packet.
    pub last: PacketRef,
    /// The first FIN or RST.
    pub tcp: Option<TcpClose>,
    /// Did it come to its end before the capture did? (A silent one is given up.)
    pub over: bool,
    /// Was it given up because of a limit, and what came of it is not known?
    pub given_up: bool,
    /// What began the closing: the first Close, FIN or RST; the last packet where there is none.
    pub begun: PacketRef,
    /// From the last message to there, or from the opening where there was no message.
    pub silence: Option<i64>,
    /// Is that since the opening, as no message came?
    pub since_opening: bool,
    /// What the client did, then the server.
    pub sides: [SideEnd; 2],
    /// The side that closed first, by a Close frame before any FIN or RST.
    pub closer: Option<Side>,
    /// What the second Close was to the first, where there are two.
    pub second: SecondClose,
}

/// Did the side whose Close came second have the first one by then?
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SecondClose {
    /// It did.
    Answer,
    /// It did not: both closed at the same time.
    AtOnce,
    /// The capture does not show it.
    #[default]
    Unknown,
}

/// The first FIN or RST.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpClose {
    /// Who sent it.
    pub side: Side,
    /// Which one.
    pub how: EndKind,
    /// Its packet.
    pub at: PacketRef,
}

/// How one side ended.
#[derive(Clone, Copy, Debug, Default)]
pub struct SideEnd {
    /// The packet of its first Close frame, and the code (1005 for none) as far as known.
    pub close: Option<(PacketRef, Option<u16>)>,
    /// Is all known that it sent at its end? Not where bytes of it are missing.
    pub known: bool,
    /// Was it in the middle of a frame?
    pub in_frame: bool,
    /// Was a fragmented message open?
    pub message_open: bool,
}

/// What the end of a connection breaks.
pub fn check(end: &End, thresholds: &Thresholds, found: &mut impl FnMut(Finding)) {
    let mut broken = |rule: &'static Rule, blame: Blame, at, detail| found(rule.broken(blame, at, detail));
    match (end.closer, end.tcp) {
        (_, None) => check_open(end, &mut broken),
        (None, Some(tcp)) => check_abrupt(end, &tcp, &mut broken),
        (Some(closer), Some(tcp)) => check_closed(end, closer, &tcp, thresholds, &mut broken),
    }
    if let Some(closer) = end.closer {
        check_answer(end, closer, thresholds, &mut broken);
    }
    check_silence(end, thresholds, &mut broken);
}

/// The capture ends, TCP does not.
fn check_open(end: &End, broken: &mut impl FnMut(&'static Rule, Blame, PacketRef, String)) {
    if end.over || end.given_up {
        return;
    }
    if end.closer.is_none() {
        broken(&OPEN_AT_END, Blame::Capture, end.last, "the connection is open".into());
    }
}

/// TCP ended first.
fn check_abrupt(end: &End, tcp: &TcpClose, broken: &mut impl FnMut(&'static Rule, Blame, PacketRef, String)) {
    if !end.sides.iter().all(|side| side.known) {
        return;
    }
    let (rule, what) = match tcp.how {
        EndKind::Fin => (&TCP_CLOSED_WITHOUT_CLOSE, "FIN"),
        EndKind::Reset => (&TCP_RESET, "RST"),
    };
    let since = end.silence.map(|silence| format!(", {}", after(silence, end)));
    let cut = cut_frames(end);
    let detail = format!("{what} without a Close frame{}{cut}", since.unwrap_or_default());
    broken(rule, tcp.side.into(), tcp.at, detail);
    let own = end.side(tcp.side);
    if own.message_open && !own.in_frame {
        let detail = format!("{what} while a fragmented message is open");
        broken(&NEVER_FINISHED, tcp.side.into(), tcp.at, detail);
    }
}

fn cut_frames(end: &End) -> &'static str {
    match end.sides.map(|side| side.in_frame) {
        [true, true] => ", in the middle of a frame of each side",
        [true, false] => ", in the middle of a frame of the client",
        [false, true] => ", in the middle of a frame of the server",
        [false, false] => "",
    }
}

/// A Close frame, then the end of TCP.
fn check_closed(
    end: &End,
    closer: Side,
    tcp: &TcpClose,
    thresholds: &Thresholds,
    broken: &mut impl FnMut(&'static Rule, Blame, PacketRef, String),
) {
    let (own, peer) = (end.side(closer), end.side(closer.peer()));
    let Some((closed, _)) = own.close else { return };
    let Some((answered, _)) = peer.close else {
        if peer.known {
            check_unanswered(closer, own.close, tcp, thresholds, broken);
        }
        return;
    };
    let done = later(closed, answered);
    let took = tcp.at.time.nanos_since(done.time);
    if reaches(took, thresholds.slow_answer) {
        let detail = format!("TCP ended {} after the closing handshake", seconds(took));
        broken(&SLOW, Blame::Server, tcp.at, detail);
    } else if tcp.side == Side::Client && tcp.how == EndKind::Fin && end.sides.iter().all(|side| side.known) {
        broken(&CLIENT_CLOSED_TCP_FIRST, Blame::Client, tcp.at, "FIN from the client first".into());
    }
}

/// A Close frame that no other followed before TCP ended. Nobody is blamed where the side that closed ended TCP in order
/// before an answer could come: programs that end do so.
fn check_unanswered(
    closer: Side,
    close: Option<(PacketRef, Option<u16>)>,
    tcp: &TcpClose,
    thresholds: &Thresholds,
    broken: &mut impl FnMut(&'static Rule, Blame, PacketRef, String),
) {
    let Some((closed, code)) = close else { return };
    let waited = tcp.at.time.nanos_since(closed.time);
    if tcp.side != closer || reaches(waited, thresholds.slow_answer) {
        let how = if tcp.how == EndKind::Fin { "FIN" } else { "RST" };
        let detail = format!("no Close frame in {}, then {how} from the {}", seconds(waited), of(tcp.side));
        broken(&NOT_ANSWERED, closer.peer().into(), tcp.at, detail);
    } else if tcp.how == EndKind::Reset && !code.is_some_and(fails) {
        let detail = format!("RST {} after its own Close, without waiting for the answer", seconds(waited));
        broken(&TCP_RESET, closer.into(), tcp.at, detail);
    }
}

/// Does a Close with this code fail the connection, after which no answer is waited for? // RFC 6455 §7.1.7
const fn fails(code: u16) -> bool {
    matches!(code, 1002 | 1003 | 1007..=1011)
}

/// The answer to the first Close.
fn check_answer(
    end: &End,
    closer: Side,
    thresholds: &Thresholds,
    broken: &mut impl FnMut(&'static Rule, Blame, PacketRef, String),
) {
    let (Some((closed, asked)), Some((answered, got))) =
        (end.side(closer).close, end.side(closer.peer()).close)
    else {
        return;
    };
    if end.second == SecondClose::AtOnce {
        return;
    }
    let took = answered.time.nanos_since(closed.time);
    if reaches(took, thresholds.slow_answer) {
        let detail = format!("answered {} after the Close", seconds(took));
        broken(&SLOW, closer.peer().into(), answered, detail);
    }
    if let (Some(asked), Some(got)) = (asked, got)
        && asked != got
        && end.second == SecondClose::Answer
    {
        let detail = format!("{} is answered by {}", named(asked), named(got));
        broken(&ECHO_MISMATCH, closer.peer().into(), answered, detail);
    }
}

fn named(code: u16) -> String {
    if code == 1005 { "a Close without a code".into() } else { format!("code {code}") }
}

fn check_silence(
    end: &End,
    thresholds: &Thresholds,
    broken: &mut impl FnMut(&'static Rule, Blame, PacketRef, String),
) {
    let (side, going_away) = match (end.closer, end.tcp) {
        (Some(closer), _) => (closer, end.side(closer).close.is_some_and(|(_, code)| code == Some(1001))),
        (None, Some(tcp)) => (tcp.side, true),
        (None, None) => return,
    };
    let silence = end.silence.filter(|silence| reaches(*silence, thresholds.idle));
    if let Some(silence) = silence.filter(|_| going_away && end.sides.iter().all(|side| side.known))
        && let Some(timeout) = timeout_of(silence)
    {
        let detail = format!("ended {}: a timeout of {timeout} s is common", after(silence, end));
        broken(&IDLE_TIMEOUT_SUSPECTED, side.into(), end.begun, detail);
    }
}

fn after(silence: i64, end: &End) -> String {
    let what = if end.since_opening { "the opening" } else { "the last message" };
    format!("{} after {what}", seconds(silence))
}

/// The usual timeout that ends a silence of so many nanoseconds.
fn timeout_of(silence: i64) -> Option<u64> {
    let silence = Duration::from_nanos(u64::try_from(silence).ok()?);
    TIMEOUTS.into_iter().find(|seconds| {
        let timeout = Duration::from_secs(*seconds);
        (timeout.saturating_sub(EARLY)..=timeout.saturating_add(LATE)).contains(&silence)
    })
}

/// Defaults of proxies, load balancers, servers and network address translation, in seconds.
const TIMEOUTS: [u64; 15] = [30, 50, 55, 60, 75, 90, 100, 120, 180, 240, 300, 350, 600, 1800, 3600];
/// The last frame was on its way before the timer began, as seen from the capture.
const EARLY: Duration = Duration::from_millis(200);
/// Timers are late, more often than not by up to a second.
const LATE: Duration = Duration::from_secs(1);

impl End {
    fn side(&self, side: Side) -> SideEnd {
        let [client, server] = self.sides;
        if side == Side::Client { client } else { server }
    }
}

const fn of(side: Side) -> &'static str {
    match side {
        Side::Client => "client",
        Side::Server => "server",
    }
}

/// The later of two packets.
const fn later(one: PacketRef, other: PacketRef) -> PacketRef {
    if other.number > one.number { other } else { one }
}
