//! What holds for the request and the answer alike → findings (RFC 6455 §4.1, RFC 9112).

use crate::http::{AnomalyKind, FieldName, Handshake, Headers, RequestHead, ResponseHead};
use crate::packet::{PacketRef, Side};
use crate::rules::{Finding, rules};

rules! {
    /// `Upgrade: websocket` is missing.
    ///
    /// The request has to ask for `websocket`, and an answer of 101 has to say that it switches to it; case does not
    /// matter. Usual cause: a proxy that forwards the request but not its hop-by-hop fields (`Upgrade` and
    /// `Connection` have to be set again for the next hop). A client fails the connection when the answer lacks it. What
    /// follows is read as frames all the same, where the accept value is right.
    UPGRADE_MISSING = "handshake-upgrade-missing", Error, "RFC 6455 §4.1";

    /// `Connection: Upgrade` is missing.
    ///
    /// Both heads need the token `Upgrade` in `Connection`, perhaps among others, in any case. Usual causes: a proxy
    /// that overwrites the field with `keep-alive` or `close`, or a server written by hand.
    CONNECTION_MISSING = "handshake-connection-missing", Error, "RFC 6455 §4.1";

    /// A head leaves the grammar of HTTP.
    ///
    /// Folded values, control characters, white space before a colon, lines that end with LF alone and the like. wspect
    /// read it all the same, but proxies and servers differ on such heads, up to seeing other fields in them.
    FOLDED_OR_INVALID = "handshake-header-folded-or-invalid", Warning, "RFC 9112 §5";

    /// The request, or the answer that switches protocols, has a body.
    ///
    /// After a 101 come frames, and the client sends nothing between its request and the answer. `Content-Length` and
    /// `Transfer-Encoding` may not stand in a 101 at all (RFC 9110 §8.6, RFC 9112 §6.1); most clients ignore them there,
    /// which is why this is no error.
    BODY_PRESENT = "handshake-body-present", Warning, "RFC 9110 §8.6";
}

/// What either head breaks.
pub(super) fn check(handshake: &Handshake, found: &mut impl FnMut(Finding)) {
    if let Some(request) = handshake.upgrade_request() {
        check_request(request, found);
    }
    if let Some(response) = &handshake.response {
        check_response(response, found);
    }
}

fn check_request(request: &RequestHead, found: &mut impl FnMut(Finding)) {
    let fields = Fields { headers: &request.headers, sender: Side::Client, at: request.last };
    fields.check_tokens(found);
    fields.check_grammar(request.anomalies.iter().map(|anomaly| (anomaly.kind, anomaly.field)), found);
    if let Some(field) = fields.body_field().filter(|(_, value)| *value != "0") {
        found(BODY_PRESENT.broken(
            Side::Client,
            request.last,
            format!("the request has {}: {}", field.0, field.1),
        ));
    }
}

fn check_response(response: &ResponseHead, found: &mut impl FnMut(Finding)) {
    let fields = Fields { headers: &response.headers, sender: Side::Server, at: response.last };
    fields.check_grammar(response.anomalies.iter().map(|anomaly| (anomaly.kind, anomaly.field)), found);
    if response.status != 101 {
        return;
    }
    fields.check_tokens(found);
    if let Some((name, value)) = fields.body_field() {
        found(BODY_PRESENT.broken(Side::Server, response.last, format!("the 101 has {name}: {value}")));
    }
}

/// The fields of one head.
struct Fields<'a> {
    headers: &'a Headers,
    sender: Side,
    at: PacketRef,
}

impl<'a> Fields<'a> {
    fn check_tokens(&self, found: &mut impl FnMut(Finding)) {
        if !self.headers.upgrades_to_websocket() {
            let detail = format!("{}, expected websocket", self.shown(FieldName::Upgrade));
            found(UPGRADE_MISSING.broken(self.sender, self.at, detail));
        }
        if !self.headers.connection_upgrades() {
            let detail = format!("{}, expected Upgrade among its tokens", self.shown(FieldName::Connection));
            found(CONNECTION_MISSING.broken(self.sender, self.at, detail));
        }
    }

    fn check_grammar(
        &self,
        anomalies: impl Iterator<Item = (AnomalyKind, Option<usize>)>,
        found: &mut impl FnMut(Finding),
    ) {
        let shown: Vec<_> = anomalies.filter_map(|(kind, field)| self.anomaly(kind, field)).collect();
        let head = if self.sender == Side::Client { "request" } else { "answer" };
        if let Some(shown) = super::first_of(&shown) {
            found(FOLDED_OR_INVALID.broken(self.sender, self.at, format!("in the {head}: {shown}")));
        }
    }

    /// Bytes that are not UTF-8 are legal in a value. // RFC 9110 §5.5
    fn anomaly(&self, kind: AnomalyKind, field: Option<usize>) -> Option<String> {
        let what = match kind {
            AnomalyKind::BareLf => "a line that ends with LF alone",
            AnomalyKind::ProtocolCase => "the protocol name is not HTTP in capitals",
            AnomalyKind::Target => {
                "white space, control characters or bytes that are not ASCII in the request target"
            }
            AnomalyKind::LeadingSpace => "white space before the first field",
            AnomalyKind::SpaceBeforeColon => "white space before the colon",
            AnomalyKind::NoColon => "a line without a colon",
            AnomalyKind::Name => "a field name that is no token",
            AnomalyKind::ControlCharacter if field.is_none() => "a control character in the reason phrase",
            AnomalyKind::ControlCharacter => "a control character in the value",
            AnomalyKind::ObsFold => "a value that goes on in the next line",
            AnomalyKind::NotUtf8 => return None,
        };
        let name = field.and_then(|field| self.headers.get(field)).map(|field| field.name);
        Some(name.map_or(what.to_owned(), |name| format!("{what} ({name:?})")))
    }

    /// The field that says that a body follows.
    fn body_field(&self) -> Option<(&'static str, &'a str)> {
        [FieldName::TransferEncoding, FieldName::ContentLength]
            .into_iter()
            .find_map(|name| self.headers.first(name).map(|value| (name.as_str(), value)))
    }

    /// `Upgrade is "h2c"`, `no Upgrade`
    fn shown(&self, name: FieldName) -> String {
        match self.headers.first(name) {
            Some(value) => format!("{} is {value:?}", name.as_str()),
            None => format!("no {}", name.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::scene::Scene;
    use super::*;
    use crate::http::Anomaly;

    #[test]
    fn tokens_are_found_in_lists_and_in_any_case() {
        Scene::new()
            .request("Connection", "keep-alive, UPGRADE")
            .response("Upgrade", "WebSocket")
            .breaks(&[]);
        Scene::new().request("Upgrade", "h2c").breaks(&["handshake-upgrade-missing"]);
        Scene::new().response("Connection", "close").breaks(&["handshake-connection-missing"]);
        Scene::new()
            .without_request("Upgrade")
            .without_request("Connection")
            .breaks(&["handshake-upgrade-missing", "handshake-connection-missing"]);
    }

    #[test]
    fn a_refusal_needs_no_upgrade_and_may_have_a_body() {
        Scene::new()
            .status(403)
            .without_response("Upgrade")
            .without_response("Connection")
            .response("Content-Length", "9")
            .breaks(&["handshake-rejected"]);
    }

    #[test]
    fn a_body_is_nothing_only_in_the_request_and_only_when_empty() {
        Scene::new().request("Content-Length", "0").breaks(&[]);
        Scene::new().request("Content-Length", "1").breaks(&["handshake-body-present"]);
        Scene::new().response("Content-Length", "0").breaks(&["handshake-body-present"]);
        Scene::new().response("Transfer-Encoding", "chunked").breaks(&["handshake-body-present"]);
    }

    #[test]
    fn many_oddities_of_one_head_are_one_finding_and_latin_1_is_none() {
        let mut scene = Scene::new();
        let anomaly = |kind, field| Anomaly { kind, field };
        scene.head_mut().anomalies = vec![anomaly(AnomalyKind::NotUtf8, Some(0))];
        scene.breaks(&[]);
        scene.head_mut().anomalies =
            vec![anomaly(AnomalyKind::BareLf, None), anomaly(AnomalyKind::ObsFold, Some(0))];
        scene.breaks(&["handshake-header-folded-or-invalid"]);
        assert_eq!(scene.details(), ["in the request: a line that ends with LF alone, and 1 more"]);
    }
}
