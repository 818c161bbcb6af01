//! The upgrade request → findings (RFC 6455 §4.1, §11.3).

use crate::http::{Dialect, FieldName, Handshake, Outcome, RequestHead, key_length, nonce};
use crate::packet::Side;
use crate::rules::{Finding, Rule, rules};

rules! {
    /// The method of the upgrade request is not GET.
    ///
    /// Servers answer 400 or 405. Over HTTP/2 and HTTP/3 it is CONNECT, over HTTP/1.1 always GET.
    METHOD_NOT_GET = "handshake-method-not-get", Error, "RFC 6455 §4.1";

    /// The upgrade request is one of HTTP/1.0.
    ///
    /// A server has to ignore `Upgrade` there (RFC 9110 §7.8). Usual cause: a reverse proxy that speaks HTTP/1.0 to its
    /// origin (nginx without `proxy_http_version 1.1`).
    HTTP_VERSION_LOW = "handshake-http-version-low", Error, "RFC 6455 §4.1";

    /// The upgrade request has no `Host`.
    ///
    /// Every request of HTTP/1.1 needs it (RFC 9112 §3.2); servers answer 400.
    HOST_MISSING = "handshake-host-missing", Error, "RFC 6455 §4.1";

    /// The upgrade request has no `Sec-WebSocket-Key`.
    ///
    /// Without a key the server can't prove that it understood the request as one for WebSocket.
    KEY_MISSING = "handshake-key-missing", Error, "RFC 6455 §4.1";

    /// `Sec-WebSocket-Key` is not the base64 of 16 bytes.
    ///
    /// Servers that check it answer 400.
    KEY_LENGTH = "handshake-key-length", Error, "RFC 6455 §4.1";

    /// The upgrade request has more than one `Sec-WebSocket-Key`.
    ///
    /// Which of them the answer is for is anybody's guess; wspect takes the first.
    KEY_DUPLICATE = "handshake-key-duplicate", Error, "RFC 6455 §11.3.1";

    /// `Sec-WebSocket-Key` is the example of the RFC.
    ///
    /// Keys have to be random. This one (`the sample nonce`) shows a client that was copied from documentation, and
    /// with it an intermediary can answer from a recording.
    KEY_SAMPLE = "handshake-key-sample", Note, "RFC 6455 §4.1";

    /// The upgrade request has no `Sec-WebSocket-Version`.
    ///
    /// It has to be 13. Servers answer 400 or 426.
    VERSION_MISSING = "handshake-version-missing", Error, "RFC 6455 §4.1";

    /// The client speaks a version of WebSocket that there is not.
    ///
    /// `Sec-WebSocket-Version` has to be 13, written without leading zeros. The server should have refused; where it did,
    /// and the number is a possible one, the client was only asking (`handshake-version-negotiated`). Drafts before 13 are
    /// `handshake-legacy-hybi`.
    VERSION_UNSUPPORTED = "handshake-version-unsupported", Error, "RFC 6455 §4.1";

    /// The client asked for another version of WebSocket than 13 first.
    ///
    /// That is how versions are negotiated: the server refuses and names those that it speaks, and the client asks again.
    VERSION_NEGOTIATED = "handshake-version-negotiated", Note, "RFC 6455 §4.4";

    /// The upgrade request has more than one `Sec-WebSocket-Version`.
    ///
    /// Only an answer may list several.
    VERSION_DUPLICATE = "handshake-version-duplicate", Error, "RFC 6455 §11.3.5";
}

/// What the request breaks. An answer whose request was not captured says nothing about it.
pub(super) fn check(handshake: &Handshake, found: &mut impl FnMut(Finding)) {
    let Some(request) = handshake.upgrade_request() else { return };
    let mut broken = |rule: &'static Rule, detail: String| {
        found(rule.broken(Side::Client, request.last, detail));
    };
    check_line(request, &mut broken);
    check_key(request, &mut broken);
    check_version(handshake, request, &mut broken);
}

fn check_line(request: &RequestHead, broken: &mut impl FnMut(&'static Rule, String)) {
    if request.method != "GET" {
        broken(&METHOD_NOT_GET, format!("the method is {:?}", request.method));
    }
    if request.version == "1.0" {
        broken(&HTTP_VERSION_LOW, "the request is one of HTTP/1.0".into());
    }
    if !request.headers.has(FieldName::Host) {
        broken(&HOST_MISSING, "no Host in the request".into());
    }
}

fn check_key(request: &RequestHead, broken: &mut impl FnMut(&'static Rule, String)) {
    let keys = || request.headers.all(FieldName::SecWebSocketKey);
    let mut both = keys();
    match (both.next(), both.next()) {
        (None, _) => broken(&KEY_MISSING, "no Sec-WebSocket-Key in the request".into()),
        (Some(SAMPLE), None) => broken(&KEY_SAMPLE, format!("Sec-WebSocket-Key is {SAMPLE:?}")),
        (Some(key), None) if nonce(key).is_none() => {
            let is = key_length(key).map_or("is not base64".into(), |n| format!("decodes to {n} bytes"));
            broken(&KEY_LENGTH, format!("Sec-WebSocket-Key {key:?} {is}, expected 16 bytes"));
        }
        (Some(_), None) => {}
        _ => {
            let keys: Vec<_> = keys().collect();
            broken(&KEY_DUPLICATE, format!("{} keys: {}", keys.len(), keys.join(", ")));
        }
    }
}

fn check_version(
    handshake: &Handshake,
    request: &RequestHead,
    broken: &mut impl FnMut(&'static Rule, String),
) {
    let versions = || request.headers.all(FieldName::SecWebSocketVersion);
    let refused = handshake.outcome == Outcome::Refused;
    let is_draft = || matches!(handshake.dialect(), Dialect::Hybi(_));
    let mut both = versions();
    match (both.next(), both.next()) {
        (None, _) => broken(&VERSION_MISSING, "no Sec-WebSocket-Version in the request".into()),
        (Some("13"), None) => {}
        (Some(_), None) if !refused && is_draft() => {}
        (Some(version), None) if is_version(version) && refused => {
            let answer =
                handshake.response.iter().flat_map(|head| head.headers.list(FieldName::SecWebSocketVersion));
            let detail = format!("asked for version {version}, the server speaks: {}", super::listed(answer));
            broken(&VERSION_NEGOTIATED, detail);
        }
        (Some(version), None) => {
            broken(&VERSION_UNSUPPORTED, format!("Sec-WebSocket-Version is {version:?}, expected 13"));
        }
        _ => {
            let versions: Vec<_> = versions().collect();
            broken(&VERSION_DUPLICATE, format!("{} versions: {}", versions.len(), versions.join(", ")));
        }
    }
}

/// 0 to 255 without leading zeros. // RFC 6455 §4.3
fn is_version(text: &str) -> bool {
    text.parse::<u8>().is_ok_and(|version| version.to_string() == text)
}

/// Base64 of `the sample nonce`. // RFC 6455 §1.2
const SAMPLE: &str = "dGhlIHNhbXBsZSBub25jZQ==";

#[cfg(test)]
mod tests {
    use super::super::scene::Scene;

    #[test]
    fn each_fault_of_a_request_is_one_finding() {
        Scene::new().breaks(&[]);
        Scene::new().without_request("Host").breaks(&["handshake-host-missing"]);
        Scene::new().without_request("Sec-WebSocket-Key").breaks(&["handshake-key-missing"]);
        Scene::new().key("c2hvcnQ=").breaks(&["handshake-key-length"]);
        Scene::new().key("no base64").breaks(&["handshake-key-length"]);
        Scene::new().key("dGhlIHNhbXBsZSBub25jZQ==").breaks(&["handshake-key-sample"]);
        Scene::new().also_request("Sec-WebSocket-Key", "x").breaks(&["handshake-key-duplicate"]);
        Scene::new().also_request("sec-websocket-version", "13").breaks(&["handshake-version-duplicate"]);
        Scene::new().without_request("Sec-WebSocket-Version").breaks(&["handshake-version-missing"]);
        let mut scene = Scene::new();
        scene.head_mut().method = "get".into();
        scene.head_mut().version = "1.0".into();
        scene.breaks(&["handshake-method-not-get", "handshake-http-version-low"]);
    }

    #[test]
    fn asking_for_another_version_is_legal_when_the_server_says_which_it_speaks() {
        let asking = |version| Scene::new().request("Sec-WebSocket-Version", version);
        asking("25").breaks(&["handshake-version-unsupported"]);
        asking("013").breaks(&["handshake-version-unsupported"]);
        asking("25").status(400).breaks(&["handshake-version-negotiated", "handshake-rejected"]);
        asking("0x19").status(400).breaks(&["handshake-version-unsupported", "handshake-rejected"]);
        asking("8").breaks(&["handshake-legacy-hybi"]);
        asking("8")
            .status(426)
            .response("Sec-WebSocket-Version", "13")
            .breaks(&["handshake-version-negotiated", "handshake-rejected"]);
    }
}
