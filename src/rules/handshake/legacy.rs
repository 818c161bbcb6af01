//! Dialects before RFC 6455 → findings that name them.

use crate::http::{Dialect, Handshake, Outcome};
use crate::packet::{PacketRef, Side};
use crate::rules::{Finding, rules};

rules! {
    /// The handshake is one of hixie-75 or hixie-76, the first drafts of WebSocket.
    ///
    /// They have another handshake (`Sec-WebSocket-Key1` and `Sec-WebSocket-Key2`, or no key at all) and other frames (text
    /// between the bytes 00 and FF), which are not decoded. Spoken by browsers of 2010, and by old embedded
    /// devices; no browser of today speaks them.
    HIXIE = "handshake-legacy-hixie", Warning, "RFC 6455 §4.1";

    /// The handshake is one of a HyBi draft, before version 13.
    ///
    /// Versions 7 and 8 have the frames of RFC 6455, and are decoded; those before number the opcodes differently, and
    /// are not. Where the server refuses, the client was only asking (`handshake-version-negotiated`). `Sec-WebSocket-Origin` is what these drafts call `Origin`. 9 to 12 were never in use.
    HYBI = "handshake-legacy-hybi", Warning, "RFC 6455 §4.1";
}

/// Names the dialect, if it is not that of RFC 6455.
pub(super) fn check(handshake: &Handshake, dialect: Dialect, found: &mut impl FnMut(Finding)) {
    let decoded = if dialect.has_rfc6455_frames() { "its frames are" } else { "its frames are not decoded" };
    let (rule, detail) = match dialect {
        Dialect::Rfc6455 => return,
        Dialect::Hybi(_) if handshake.outcome == Outcome::Refused => return,
        Dialect::Hybi(version) if dialect.has_rfc6455_frames() => {
            (&HYBI, format!("Sec-WebSocket-Version is {version}; {decoded} those of RFC 6455"))
        }
        Dialect::Hybi(version) => (&HYBI, format!("Sec-WebSocket-Version is {version}; {decoded}")),
        Dialect::Hixie75 => (&HIXIE, format!("a handshake of hixie-75; {decoded}")),
        Dialect::Hixie76 => (&HIXIE, format!("a handshake of hixie-76; {decoded}")),
    };
    let (sender, at) = speaker(handshake);
    found(rule.broken(sender, at, detail));
}

/// The client chooses the dialect; where its request was lost, the answer shows it.
fn speaker(handshake: &Handshake) -> (Side, PacketRef) {
    match (&handshake.request, &handshake.response) {
        (Some(request), _) => (Side::Client, request.last),
        (None, response) => (Side::Server, response.as_ref().map(|head| head.last).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::scene::Scene;

    fn without_rfc6455() -> Scene {
        Scene::new()
            .without_request("Sec-WebSocket-Key")
            .without_request("Sec-WebSocket-Version")
            .without_response("Sec-WebSocket-Accept")
    }

    #[test]
    fn hixie_is_named_and_not_held_to_the_rfc() {
        let hixie_76 = without_rfc6455()
            .request("Sec-WebSocket-Key1", "4 @1  46546xW%0l 1 5")
            .request("Sec-WebSocket-Key2", "12998 5 Y3 1  .P00")
            .request("Sec-WebSocket-Protocol", "not one token")
            .response("Sec-WebSocket-Location", "ws://example.com/");
        hixie_76.breaks(&["handshake-legacy-hixie"]);
        assert_eq!(hixie_76.details(), ["a handshake of hixie-76; its frames are not decoded"]);
        let hixie_75 = without_rfc6455().response("WebSocket-Location", "ws://example.com/");
        hixie_75.breaks(&["handshake-legacy-hixie"]);
        hixie_75.request_lost().breaks(&["handshake-legacy-hixie"]);
    }

    #[test]
    fn a_draft_is_held_to_what_it_shares_with_the_rfc() {
        Scene::new().request("Sec-WebSocket-Version", "6").breaks(&["handshake-legacy-hybi"]);
        Scene::new()
            .request("Sec-WebSocket-Version", "8")
            .response("Sec-WebSocket-Accept", "x")
            .breaks(&["handshake-legacy-hybi", "handshake-accept-mismatch"]);
    }
}
