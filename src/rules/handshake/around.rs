//! What an opening handshake does not show by itself → findings: time, order, and other connections.

use crate::http::{Extension, Handshake, RequestHead};
use crate::packet::{Endpoint, PacketRef, Side};
use crate::rules::thresholds::{Thresholds, reaches};
use crate::rules::{Blame, Finding, rules};
use crate::websocket::resync::ENOUGH_AT_START;

rules! {
    /// The answer took long.
    ///
    /// `--slow-handshake` or longer from the last packet of the request to the last of the answer. The client's `onopen`
    /// waits for it; usual causes are authentication, a cold start, or a proxy that connects to its origin first.
    SLOW = "handshake-slow", Note, "";

    /// The client sent data before the server had answered.
    ///
    /// It has to wait for the answer, which may be a refusal; then what it sent is garbage, or worse, a request. Here the
    /// server accepted, and read the data as frames. A note and no more: between two such endpoints nothing breaks.
    CLIENT_EARLY_DATA = "handshake-client-early-data", Note, "RFC 6455 §4.1";

    /// The server's first frames are in the same segment as its answer.
    ///
    /// That is legal, and fast. Clients that read the head and throw away what is behind it lose the first messages, which
    /// is a common and puzzling fault.
    SERVER_DATA_COALESCED = "handshake-server-data-coalesced", Info, "RFC 6455 §4.2.2";

    /// The server switched to WebSocket without being asked.
    ///
    /// It may only switch to what `Upgrade` of the request names. Usual causes: a server that looks at the path only, or a
    /// proxy that removed `Upgrade` and all `Sec-WebSocket-*` fields from the request.
    UNSOLICITED_101 = "handshake-unsolicited-101", Error, "RFC 9110 §7.8";

    /// The connection runs through the tunnel of a proxy.
    ///
    /// The client sent CONNECT first. Addresses are those of the client and the proxy; the finding says where the tunnel
    /// leads.
    PROXY_CONNECT = "handshake-proxy-connect", Info, "RFC 6455 §4.1";

    /// The key came before, on another connection of the same client with the same server.
    ///
    /// Each connection needs a new random key. With a key that repeats, an intermediary can answer from a
    /// recording, and the accept value proves nothing.
    KEY_REUSED = "handshake-key-reused", Warning, "RFC 6455 §4.1";

    /// A client opened a connection while another one with the same server was still waiting for its answer.
    ///
    /// A client may open one at a time to an address and port (with erratum 3473). Only browsers do so; libraries do not,
    /// and behind one address there can be many clients. Said once for a client and a server.
    CONCURRENT_CONNECTING = "handshake-concurrent-connecting", Note, "RFC 6455 §4.1";

    /// The capture holds frames, but not the opening handshake.
    ///
    /// WebSocket was recognised from the frames alone, and who is the client from who masks. The evidence is in bits: random
    /// bytes would look so with a chance of one in two to this power. Subprotocol and extensions are unknown;
    /// permessage-deflate is inferred where RSV1 is set and the payload inflates.
    ///
    /// `--assume-websocket` and `--assume-extensions` say what the capture doesn't; then the finding names what was assumed.
    MISSING_MIDSTREAM = "handshake-missing-midstream", Info, "";
}

/// All that is known of a handshake beside its two heads.
#[derive(Clone, Debug)]
pub struct Around<'a> {
    /// Where the wait for the answer ended.
    pub end: End,
    /// Who asked.
    pub client: Endpoint,
    /// Who was asked.
    pub server: Endpoint,
    /// Does TLS protect it?
    pub encrypted: bool,
    /// The target of CONNECT, inside a proxy's tunnel.
    pub tunnel: Option<&'a str>,
    /// What the two sides did before and with the answer.
    pub conduct: Conduct,
}

impl Around<'_> {
    /// Can others than the two endpoints read along?
    pub(super) fn is_public(&self) -> bool {
        let inside = self.client.address.is_loopback() && self.server.address.is_loopback();
        !self.encrypted && !inside
    }
}

/// What the two sides of a connection did before and with the answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conduct {
    /// What the client sent behind its request, before the answer.
    pub early: Option<EarlyData>,
    /// Bytes behind the answer, in the packet that completed it.
    pub coalesced: usize,
    /// The method of the request that was answered with a switch to WebSocket, though it did not ask for that.
    pub unsolicited: Option<String>,
}

/// What a client sent too early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EarlyData {
    /// Its size.
    pub bytes: u64,
    /// The packet with its first byte.
    pub at: PacketRef,
}

/// What ends the wait for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The connection ended, or went on as something else.
    Connection(PacketRef),
    /// The capture ended.
    Capture(PacketRef),
    /// wspect gave the connection up because of a limit.
    GivenUp(PacketRef),
    /// It may have come: bytes are missing from the capture where it would be.
    Lost(PacketRef),
}

impl End {
    /// When the wait ended, or was given up.
    pub const fn at(self) -> PacketRef {
        match self {
            Self::Connection(at) | Self::Capture(at) | Self::GivenUp(at) | Self::Lost(at) => at,
        }
    }
}

/// What a handshake breaks in regard to what was around it.
pub(super) fn check(
    handshake: &Handshake,
    around: &Around<'_>,
    thresholds: &Thresholds,
    found: &mut impl FnMut(Finding),
) {
    if let Some(request) = &handshake.request {
        check_request(request, around, found);
    }
    if let Some(response) = &handshake.response {
        let mut broken = |rule: &'static crate::rules::Rule, detail: String| {
            found(rule.broken(Side::Server, response.last, detail));
        };
        if let Some(method) = &around.conduct.unsolicited {
            let detail = format!("101 to a {method} request that did not ask for WebSocket");
            broken(&UNSOLICITED_101, detail);
        }
        let slow = |latency: &i64| reaches(*latency, thresholds.slow_handshake);
        if let Some(latency) = handshake.latency_ns().filter(slow) {
            broken(&SLOW, format!("the answer took {}", milliseconds(latency)));
        }
        if around.conduct.coalesced > 0 {
            let detail = format!("{} bytes behind the answer in its last packet", around.conduct.coalesced);
            broken(&SERVER_DATA_COALESCED, detail);
        }
    }
}

fn check_request(request: &RequestHead, around: &Around<'_>, found: &mut impl FnMut(Finding)) {
    if let Some(early) = &around.conduct.early {
        let detail = format!("{} bytes behind the request, before the answer", early.bytes);
        found(CLIENT_EARLY_DATA.broken(Side::Client, early.at, detail));
    }
    if let Some(target) = around.tunnel {
        let detail = format!("the proxy {} opened a tunnel to {target}", around.server);
        found(PROXY_CONNECT.broken(Blame::Client, request.last, detail));
    }
}

/// The request in packet `at` has the key of one on another connection of the same client with the same server, whose last
/// packet is `first`.
pub(crate) fn key_reused(first: PacketRef, at: PacketRef) -> Finding {
    KEY_REUSED.broken(Side::Client, at, format!("the key of packet {} on another connection", first.number))
}

/// The request in packet `at` was sent while the same client waited for an answer of the same server, which came in packet
/// `other`.
pub(crate) fn concurrent(server: Endpoint, other: PacketRef, at: PacketRef) -> Finding {
    let detail = format!(
        "another connection with {server} was opened at the same time, and answered in packet {} only",
        other.number
    );
    CONCURRENT_CONNECTING.broken(Side::Client, at, detail)
}

/// Frames that were recognised without a handshake.
pub(crate) struct Recognised<'a> {
    /// Of evidence.
    pub(crate) bits: u32,
    /// Bytes before the first.
    pub(crate) passed_over: u64,
    /// Those that somebody knows to be in use.
    pub(crate) extensions: Option<&'a [Extension]>,
}

impl Recognised<'_> {
    pub(crate) fn finding(&self, at: PacketRef) -> Finding {
        let Self { bits, passed_over, .. } = self;
        let by = if *bits < ENOUGH_AT_START { "assumed" } else { "recognised from its frames" };
        let detail = format!(
            "{by} ({bits} bits of evidence), {passed_over} bytes passed over before the first{}",
            self.assumed_extensions()
        );
        MISSING_MIDSTREAM.broken(Blame::Capture, at, detail)
    }

    fn assumed_extensions(&self) -> String {
        let Some(extensions) = self.extensions else { return String::new() };
        let names: Vec<_> = extensions.iter().map(|extension| extension.name.as_str()).collect();
        let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        format!("; extensions assumed: {names}")
    }
}

/// `1234.567 ms`
pub(super) fn milliseconds(nanos: i64) -> String {
    let micros = nanos.max(0) / 1000;
    format!("{}.{:03} ms", micros / 1000, micros % 1000)
}

#[cfg(test)]
mod tests {
    use super::super::scene::Scene;
    use super::*;
    use std::time::Duration;

    fn packet(number: u64) -> PacketRef {
        PacketRef { number, ..PacketRef::default() }
    }

    #[test]
    fn slow_is_what_reaches_the_threshold() {
        let mut scene = Scene::new();
        scene.answered_after(Duration::from_nanos(999_999_999)).breaks(&[]);
        scene.answered_after(Duration::from_secs(1)).breaks(&["handshake-slow"]);
    }

    #[test]
    fn what_was_around_is_said_with_its_numbers() {
        let mut scene = Scene::new();
        scene.around.conduct.early = Some(EarlyData { bytes: 9, at: packet(5) });
        scene.around.conduct.coalesced = 7;
        scene.around.tunnel = Some("example.com:80");
        scene.breaks(&[
            "handshake-client-early-data",
            "handshake-proxy-connect",
            "handshake-server-data-coalesced",
        ]);
        assert_eq!(scene.details()[0], "9 bytes behind the request, before the answer");
    }

    #[test]
    fn an_answer_that_nobody_asked_for_is_the_server_s() {
        let mut scene = Scene::new().request_lost();
        scene.around.conduct.unsolicited = Some("GET".into());
        scene.breaks(&["handshake-unsolicited-101"]);
    }
}
