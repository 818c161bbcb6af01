//! The opening handshake → findings (RFC 6455 §4).

use super::{Blame, Finding, rules};
use crate::http::{Handshake, Outcome, RequestHead, ResponseHead, key_length};
use crate::packet::PacketRef;

rules! {
    /// The server's `Sec-WebSocket-Accept` does not follow from the client's key.
    ///
    /// The value has to be the base64 of the SHA-1 of `Sec-WebSocket-Key` and a fixed GUID. A client that gets
    /// another one has to fail the connection. Usual causes: a cache or proxy answered with an old response, or the
    /// server computed the value from a decoded or trimmed key.
    ACCEPT_MISMATCH = "handshake-accept-mismatch", Error, "RFC 6455 §4.2.2";

    /// The server switched protocols without `Sec-WebSocket-Accept`.
    ///
    /// A client has to fail such a connection. Usual cause: something on the way that answers any upgrade, or
    /// removes headers that it does not know.
    ACCEPT_MISSING = "handshake-accept-missing", Error, "RFC 6455 §4.2.2";

    /// The upgrade request has no `Sec-WebSocket-Key`.
    ///
    /// Without a key the server can't prove that it understood the request as one for WebSocket.
    KEY_MISSING = "handshake-key-missing", Error, "RFC 6455 §4.1";

    /// `Sec-WebSocket-Key` is not the base64 of 16 bytes.
    ///
    /// Servers that check it answer 400.
    KEY_LENGTH = "handshake-key-length", Error, "RFC 6455 §4.1";

    /// The server chose a subprotocol that the client did not offer.
    ///
    /// The client has to fail the connection. Names are compared exactly, case included.
    SUBPROTOCOL_UNREQUESTED = "handshake-subprotocol-unrequested", Error, "RFC 6455 §4.1";

    /// The server uses an extension that the client did not offer.
    ///
    /// The client has to fail the connection.
    EXTENSION_UNREQUESTED = "handshake-extension-unrequested", Error, "RFC 6455 §4.1";

    /// The server refused the upgrade.
    ///
    /// Any status but 101. The finding shows the status and what the server said of the reason: where it
    /// redirects to, which authentication it wants, which versions it speaks.
    REJECTED = "handshake-rejected", Info, "RFC 6455 §4.1";

    /// The upgrade request got no answer.
    ///
    /// The connection or the capture ended first; the finding says how long the client waited, and blames the capture where
    /// that ended too early to know.
    NO_RESPONSE = "handshake-no-response", Warning, "RFC 6455 §4.1";

    /// The capture holds frames, but not the opening handshake.
    ///
    /// WebSocket was recognised from the frames alone, and who is the client from who masks. Subprotocol and
    /// extensions are unknown.
    MISSING_MIDSTREAM = "handshake-missing-midstream", Info, "";
}

/// What ends the wait for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The connection ended, or went on as something else.
    Connection(PacketRef),
    /// The capture ended.
    Capture(PacketRef),
}

/// What the request and the answer break.
pub fn check(handshake: &Handshake, end: End, found: &mut impl FnMut(Finding)) {
    if let Some(request) = &handshake.request {
        check_key(request, found);
    }
    match (handshake.outcome, &handshake.request, &handshake.response) {
        (Outcome::Unanswered, Some(request), _) => found(no_response(request, end)),
        (Outcome::Refused, _, Some(response)) => {
            found(REJECTED.broken(Blame::Server, response.last, refusal(response)));
        }
        (Outcome::Accepted | Outcome::Invalid, request, Some(response)) => {
            check_accept(handshake, response, found);
            if request.is_some() {
                check_choices(handshake, response, found);
            }
        }
        _ => {}
    }
}

fn no_response(request: &RequestHead, end: End) -> Finding {
    let (blame, at, what) = match end {
        End::Connection(at) => (Blame::Server, at, "the connection ended"),
        End::Capture(at) => (Blame::Capture, at, "the capture ended"),
    };
    let waited = milliseconds(at.time.nanos_since(request.last.time));
    NO_RESPONSE.broken(blame, at, format!("no answer to the upgrade request in {waited}, when {what}"))
}

fn check_key(request: &RequestHead, found: &mut impl FnMut(Finding)) {
    // A hixie-76 client proves itself with Key1 and Key2 instead; a rule of its own names that dialect.
    if request.headers.first("sec-websocket-key1").is_some() {
        return;
    }
    match request.headers.first("sec-websocket-key") {
        None => found(KEY_MISSING.broken(
            Blame::Client,
            request.last,
            "no Sec-WebSocket-Key in the request".into(),
        )),
        Some(key) if key_length(key) != Some(16) => {
            let is = key_length(key).map_or("is not base64".into(), |n| format!("decodes to {n} bytes"));
            found(KEY_LENGTH.broken(
                Blame::Client,
                request.last,
                format!("Sec-WebSocket-Key {key:?} {is}, expected 16 bytes"),
            ));
        }
        Some(_) => {}
    }
}

fn check_accept(handshake: &Handshake, response: &ResponseHead, found: &mut impl FnMut(Finding)) {
    if !response.headers.has_token("upgrade", "websocket") {
        return;
    }
    match handshake.accept() {
        None => found(ACCEPT_MISSING.broken(
            Blame::Server,
            response.last,
            "101 without Sec-WebSocket-Accept".into(),
        )),
        Some(accept) => {
            if let Some(expected) = accept.expected.as_ref().filter(|expected| **expected != accept.value) {
                let detail = format!("Sec-WebSocket-Accept is {:?}, expected {expected:?}", accept.value);
                found(ACCEPT_MISMATCH.broken(Blame::Server, response.last, detail));
            }
        }
    }
}

fn check_choices(handshake: &Handshake, response: &ResponseHead, found: &mut impl FnMut(Finding)) {
    let offered = handshake.subprotocols_offered();
    if let Some(chosen) = handshake.subprotocol().filter(|chosen| !offered.contains(chosen)) {
        let detail = format!("subprotocol {chosen:?} chosen, offered: {}", or_none(&offered.join(", ")));
        found(SUBPROTOCOL_UNREQUESTED.broken(Blame::Server, response.last, detail));
    }
    let offered = handshake.extensions_offered().extensions;
    for chosen in handshake.extensions().extensions {
        if !offered.iter().any(|extension| extension.name == chosen.name) {
            let names: Vec<_> = offered.iter().map(ToString::to_string).collect();
            let detail =
                format!("extension {:?} in use, offered: {}", chosen.name, or_none(&names.join(", ")));
            found(EXTENSION_UNREQUESTED.broken(Blame::Server, response.last, detail));
        }
    }
}

fn or_none(list: &str) -> &str {
    if list.is_empty() { "none" } else { list }
}

/// `403 Forbidden`, and what tells the client how to do better.
fn refusal(response: &ResponseHead) -> String {
    let mut detail = format!("{} {}", response.status, response.reason).trim_end().to_owned();
    for name in ["Location", "WWW-Authenticate", "Proxy-Authenticate", "Sec-WebSocket-Version", "Retry-After"]
    {
        if let Some(value) = response.headers.first(name) {
            detail.push_str(&format!(", {name}: {value}"));
        }
    }
    detail
}

/// `1234.567 ms`
fn milliseconds(nanos: i64) -> String {
    let micros = nanos.max(0) / 1000;
    format!("{}.{:03} ms", micros / 1000, micros % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Header, Headers};

    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

    fn headers(fields: &[(&str, &str)]) -> Headers {
        Headers(
            fields
                .iter()
                .map(|(name, value)| Header { name: (*name).into(), value: (*value).into() })
                .collect(),
        )
    }

    fn request(fields: &[(&str, &str)]) -> RequestHead {
        let common = [("Upgrade", "websocket"), ("Connection", "Upgrade")];
        RequestHead {
            method: "GET".into(),
            headers: headers(&[&common[..], fields].concat()),
            ..RequestHead::default()
        }
    }

    fn switch(fields: &[(&str, &str)]) -> ResponseHead {
        let common = [("Upgrade", "websocket"), ("Connection", "Upgrade")];
        ResponseHead {
            status: 101,
            headers: headers(&[&common[..], fields].concat()),
            ..ResponseHead::default()
        }
    }

    fn broken(handshake: &Handshake) -> Vec<(&'static str, String)> {
        let mut found = Vec::new();
        check(handshake, End::Connection(PacketRef::default()), &mut |finding| {
            found.push((finding.rule.name, finding.detail));
        });
        found
    }

    fn answered(asked: &[(&str, &str)], said: &[(&str, &str)]) -> Vec<(&'static str, String)> {
        broken(&Handshake::answered(Some(request(asked)), switch(said)))
    }

    const ACCEPT: (&str, &str) = ("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");

    #[test]
    fn the_handshake_of_the_rfc_breaks_nothing() {
        let offer = [("Sec-WebSocket-Key", KEY), ("Sec-WebSocket-Protocol", "chat, superchat")];
        assert_eq!(answered(&offer, &[ACCEPT, ("Sec-WebSocket-Protocol", "chat")]), []);
    }

    #[test]
    fn each_fault_of_a_handshake_is_one_finding() {
        let key = ("Sec-WebSocket-Key", KEY);
        let only = |found: Vec<(&'static str, String)>| {
            assert_eq!(found.len(), 1, "{found:?}");
            found[0].0
        };
        assert_eq!(only(answered(&[key], &[("Sec-WebSocket-Accept", "x")])), ACCEPT_MISMATCH.name);
        assert_eq!(only(answered(&[key], &[])), ACCEPT_MISSING.name);
        assert_eq!(
            only(answered(&[key], &[ACCEPT, ("Sec-WebSocket-Protocol", "chat")])),
            SUBPROTOCOL_UNREQUESTED.name
        );
        let deflate = ("Sec-WebSocket-Extensions", "permessage-deflate");
        assert_eq!(only(answered(&[key], &[ACCEPT, deflate])), EXTENSION_UNREQUESTED.name);
        let refusal = ResponseHead { status: 403, reason: "Forbidden".into(), ..ResponseHead::default() };
        assert_eq!(
            broken(&Handshake::answered(Some(request(&[key])), refusal)),
            [(REJECTED.name, "403 Forbidden".into())]
        );
        assert_eq!(only(broken(&Handshake::unanswered(request(&[key])))), NO_RESPONSE.name);
        assert_eq!(broken(&Handshake::unanswered(request(&[])))[0].0, KEY_MISSING.name);
        assert_eq!(
            broken(&Handshake::unanswered(request(&[("Sec-WebSocket-Key", "c2hvcnQ=")])))[0].0,
            KEY_LENGTH.name
        );
    }
}
