//! The answer to the upgrade request → findings (RFC 6455 §4.1, §4.2.2).

use super::around::End;
use crate::http::{FieldName, Handshake, Outcome, RequestHead, ResponseHead};
use crate::packet::Side;
use crate::rules::thresholds::{Thresholds, reaches};
use crate::rules::{Blame, Finding, rules};

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

    /// The answer has more than one `Sec-WebSocket-Accept`.
    ///
    /// Even with the same value twice: browsers fail such a connection. Usual cause: a framework and a proxy that both
    /// add the field.
    ACCEPT_DUPLICATE = "handshake-accept-duplicate", Error, "RFC 6455 §11.3.3";

    /// The server switched protocols in an answer of HTTP/1.0.
    ///
    /// HTTP/1.0 knows neither 101 nor `Upgrade` (RFC 9110 §15.2). Browsers fail such a connection, many libraries accept
    /// it.
    VERSION_LOW = "handshake-response-version-low", Warning, "RFC 6455 §4.2.2";

    /// The server refused with 426, but does not say which versions it speaks.
    ///
    /// When it refuses because of the version, `Sec-WebSocket-Version` has to list those that it speaks, so that
    /// the client can ask again.
    VERSIONS_MISSING = "handshake-426-without-version", Warning, "RFC 6455 §4.4";

    /// The server refused the upgrade.
    ///
    /// Any status but 101. The finding shows the status and what the server said of the reason: where it
    /// redirects to, which authentication it wants, which versions it speaks.
    REJECTED = "handshake-rejected", Info, "RFC 6455 §4.1";

    /// The upgrade request got no answer.
    ///
    /// The connection ended first, or the capture after `--slow-handshake` or more; the finding says how long the client
    /// waited. It blames the capture where that ended, or has lost bytes where the answer would be.
    NO_RESPONSE = "handshake-no-response", Warning, "RFC 6455 §4.1";

    /// The capture ends just after the upgrade request.
    ///
    /// Sooner than an answer is due (`--slow-handshake`). Nothing is wrong: capture for longer.
    OPEN_AT_END = "handshake-open-at-end", Info, "";
}

/// What an answer that switches protocols breaks, and a refusal that helps nobody.
pub(super) fn check(handshake: &Handshake, found: &mut impl FnMut(Finding)) {
    let Some(response) = &handshake.response else { return };
    let headers = &response.headers;
    if response.status == 426 && !headers.has(FieldName::SecWebSocketVersion) {
        let detail = "426 without Sec-WebSocket-Version".to_owned();
        found(VERSIONS_MISSING.broken(Side::Server, response.last, detail));
    }
    if response.status != 101 {
        return;
    }
    if response.version == "1.0" {
        found(VERSION_LOW.broken(Side::Server, response.last, "101 in an answer of HTTP/1.0".into()));
    }
    // What switches to something else owes no accept value.
    if handshake.is_accepted() || headers.upgrades_to_websocket() {
        check_accept(handshake, response, found);
    }
}

fn check_accept(handshake: &Handshake, response: &ResponseHead, found: &mut impl FnMut(Finding)) {
    let mut broken = |rule: &'static crate::rules::Rule, detail: String| {
        found(rule.broken(Side::Server, response.last, detail));
    };
    let values = || response.headers.all(FieldName::SecWebSocketAccept);
    if values().nth(1).is_some() {
        let values: Vec<_> = values().collect();
        broken(&ACCEPT_DUPLICATE, format!("{} values: {}", values.len(), values.join(", ")));
    }
    if handshake.is_accepted() {
        return;
    }
    let Some(accept) = handshake.accept() else {
        return broken(&ACCEPT_MISSING, "101 without Sec-WebSocket-Accept".into());
    };
    if let Some(expected) = accept.expected.filter(|expected| *expected != accept.value) {
        broken(
            &ACCEPT_MISMATCH,
            format!("Sec-WebSocket-Accept is {:?}, expected {expected:?}", accept.value),
        );
    }
}

/// How the handshake ended, where it did not end with an open connection.
pub(super) fn check_outcome(
    handshake: &Handshake,
    end: End,
    thresholds: &Thresholds,
    found: &mut impl FnMut(Finding),
) {
    match (handshake.outcome, &handshake.request, &handshake.response) {
        (Outcome::Unanswered, Some(request), _) => {
            no_response(request, end, thresholds).into_iter().for_each(found);
        }
        (Outcome::Refused, _, Some(response)) => {
            found(REJECTED.broken(Side::Server, response.last, refusal(response)));
        }
        _ => {}
    }
}

fn no_response(request: &RequestHead, end: End, thresholds: &Thresholds) -> Option<Finding> {
    let (blame, what) = match end {
        End::Connection(_) => (Blame::Server, "the connection ended"),
        End::Capture(_) => (Blame::Capture, "the capture ended"),
        End::Lost(at) => {
            let detail =
                "the answer to the upgrade request is not in the capture, or too much came before it";
            return Some(NO_RESPONSE.broken(Blame::Capture, at, detail.into()));
        }
        End::GivenUp(_) => return None,
    };
    let at = end.at();
    let waited = at.time.nanos_since(request.last.time);
    let early = blame == Blame::Capture && !reaches(waited, thresholds.slow_handshake);
    let waited = super::around::milliseconds(waited);
    if early {
        let detail = format!("the capture ends {waited} after the upgrade request");
        return Some(OPEN_AT_END.broken(blame, at, detail));
    }
    Some(NO_RESPONSE.broken(blame, at, format!("no answer to the upgrade request in {waited}, when {what}")))
}

/// `403 Forbidden`, and what tells the client how to do better.
fn refusal(response: &ResponseHead) -> String {
    let mut detail = format!("{} {}", response.status, response.reason).trim_end().to_owned();
    for name in TELLING {
        if let Some(value) = response.headers.first(name) {
            detail.push_str(&format!(", {}: {value}", name.as_str()));
        }
    }
    detail
}

const TELLING: [FieldName; 5] = [
    FieldName::Location,
    FieldName::WwwAuthenticate,
    FieldName::ProxyAuthenticate,
    FieldName::SecWebSocketVersion,
    FieldName::RetryAfter,
];

#[cfg(test)]
mod tests {
    use super::super::scene::{ACCEPT, Scene};
    use super::*;
    use crate::packet::{PacketRef, Timestamp};

    #[test]
    fn the_accept_value_is_there_once_and_right() {
        Scene::new().without_response("Sec-WebSocket-Accept").breaks(&["handshake-accept-missing"]);
        Scene::new().response("Sec-WebSocket-Accept", "x").breaks(&["handshake-accept-mismatch"]);
        Scene::new().also_response("Sec-WebSocket-Accept", ACCEPT).breaks(&["handshake-accept-duplicate"]);
        Scene::new()
            .also_response("Sec-WebSocket-Accept", "x")
            .breaks(&["handshake-accept-duplicate", "handshake-accept-mismatch"]);
    }

    #[test]
    fn a_switch_to_another_protocol_owes_no_accept_value() {
        Scene::new()
            .response("Upgrade", "demo/1")
            .without_response("Sec-WebSocket-Accept")
            .breaks(&["handshake-upgrade-missing"]);
    }

    #[test]
    fn an_answer_without_its_request_is_judged_by_itself() {
        Scene::new().response("Sec-WebSocket-Accept", "x").request_lost().breaks(&[]);
        let lost = Scene::new().without_response("Sec-WebSocket-Accept").request_lost();
        lost.breaks(&["handshake-accept-missing"]);
    }

    #[test]
    fn an_answer_that_may_be_lost_is_held_against_nobody() {
        let mut scene = Scene::new().unanswered();
        scene.around.end = End::Lost(scene.around.end.at());
        scene.breaks(&["handshake-no-response"]);
        assert!(scene.details()[0].contains("not in the capture"));
    }

    #[test]
    fn a_refusal_shows_what_helps() {
        let refused = Scene::new().status(426);
        refused.breaks(&["handshake-426-without-version", "handshake-rejected"]);
        let refused = refused.response("Sec-WebSocket-Version", "13, 8");
        refused.breaks(&["handshake-rejected"]);
        assert_eq!(refused.details(), ["426, Sec-WebSocket-Version: 13, 8"]);
    }

    #[test]
    fn who_waits_in_vain_waits_for_the_server_or_for_the_capture() {
        Scene::new().unanswered().breaks(&["handshake-no-response"]);
        assert_eq!(
            Scene::new().unanswered().details(),
            ["no answer to the upgrade request in 1500.000 ms, when the connection ended"]
        );
    }

    #[test]
    fn an_answer_that_is_not_due_yet_is_not_missed() {
        let mut scene = Scene::new().unanswered();
        scene.around.end = End::Capture(scene.around.end.at());
        scene.breaks(&["handshake-no-response"]);
        scene.around.end =
            End::Capture(PacketRef { time: Timestamp::from_nanos(999_999_999), ..scene.around.end.at() });
        scene.breaks(&["handshake-open-at-end"]);
        assert_eq!(scene.details(), ["the capture ends 999.999 ms after the upgrade request"]);
    }
}
