//! What was offered and what was chosen: subprotocols and extensions → findings (RFC 6455 §4.2.2, §9.1).

use super::is_registered_subprotocol;
use super::listed;
use super::registry::KNOWN_EXTENSIONS;
use crate::http::{ExtensionList, FieldName, Handshake, RequestHead, ResponseHead, is_token};
use crate::packet::Side;
use crate::rules::{Finding, Rule, rules};

rules! {
    /// The server chose a subprotocol that the client did not offer.
    ///
    /// The client has to fail the connection.
    SUBPROTOCOL_UNREQUESTED = "handshake-subprotocol-unrequested", Error, "RFC 6455 §4.1";

    /// The server chose a subprotocol that differs from the one offered in upper and lower case only.
    ///
    /// Names are compared exactly, so a client has to fail the connection; but there are clients that compare without case,
    /// which is why this is a warning. Never registered are two names that differ in case only (RFC 7936 §2).
    SUBPROTOCOL_CASE_MISMATCH = "handshake-subprotocol-case-mismatch", Warning, "RFC 6455 §4.1";

    /// The server chose more than one subprotocol.
    ///
    /// It may choose one at most, in one `Sec-WebSocket-Protocol` field. Usual cause: a server that sends the client's list
    /// back.
    SUBPROTOCOL_MULTIPLE = "handshake-subprotocol-multiple", Error, "RFC 6455 §11.3.4";

    /// The client offered subprotocols, and the server chose none.
    ///
    /// That is legal. Browsers go on without a subprotocol, other clients give up.
    SUBPROTOCOL_NONE_SELECTED = "handshake-subprotocol-none-selected", Note, "RFC 6455 §4.2.2";

    /// A subprotocol is no token, or offered twice.
    ///
    /// Names are tokens: not empty, without white space and separators; and each is offered once. Usual causes: a list in
    /// JSON, or a credential that somebody put into the field in lack of a better one.
    SUBPROTOCOL_INVALID_TOKEN = "handshake-subprotocol-invalid-token", Error, "RFC 6455 §4.1";

    /// The subprotocol in use is not registered.
    ///
    /// Any name may be used; registered ones (IANA, WebSocket Subprotocol Name Registry) have a public definition. Many
    /// well-known ones are not registered, `graphql-transport-ws` among them. The registry as wspect knows it is of 2023.
    SUBPROTOCOL_UNREGISTERED = "handshake-subprotocol-unregistered", Info, "RFC 6455 §11.5";

    /// The server uses an extension that the client did not offer.
    ///
    /// The client has to fail the connection.
    EXTENSION_UNREQUESTED = "handshake-extension-unrequested", Error, "RFC 6455 §4.1";

    /// An extension is offered that is neither registered nor a known draft.
    ///
    /// Extensions have to be registered; private ones are in use between endpoints that know each other. wspect
    /// does not know what they do to frames.
    EXTENSION_UNKNOWN = "handshake-extension-unknown", Note, "RFC 6455 §9.1";

    /// `Sec-WebSocket-Extensions` does not fit its grammar.
    ///
    /// Who receives it has to fail the connection. Usual causes: a comma for a semicolon between parameters, and values with
    /// white space.
    EXTENSION_SYNTAX = "handshake-extension-syntax", Error, "RFC 6455 §9.1";

    /// A quoted value of an extension's parameter stands for no token.
    ///
    /// The grammar allows any quoted string, and a comment in it allows only those that hold a token. Endpoints
    /// commonly read the value all the same, which is why this is a note.
    EXTENSION_VALUE_NO_TOKEN = "handshake-extension-value-no-token", Note, "RFC 6455 §9.1";

    /// The server accepted two extensions that both use RSV1.
    ///
    /// Nobody can tell then what a frame with RSV1 means; the client has to fail the connection. Usual cause: a server that
    /// accepts every offer of permessage-deflate, where it has to choose one.
    EXTENSION_RSV_CONFLICT = "handshake-extension-rsv-conflict", Error, "RFC 7692 §5.1";
}

/// What is wrong with an offer, with a choice, and with the two together.
pub(super) fn check(handshake: &Handshake, found: &mut impl FnMut(Finding)) {
    if ![FieldName::SecWebSocketProtocol, FieldName::SecWebSocketExtensions]
        .iter()
        .any(|name| handshake.has(*name))
    {
        return;
    }
    if let Some(request) = &handshake.request {
        let mut broken = |rule: &'static Rule, detail| found(rule.broken(Side::Client, request.last, detail));
        check_offer(handshake, request, &mut broken);
    }
    if let Some(response) = handshake.response.as_ref().filter(|response| response.status == 101) {
        let mut broken =
            |rule: &'static Rule, detail| found(rule.broken(Side::Server, response.last, detail));
        check_subprotocol(handshake, response, &mut broken);
        check_extensions(handshake, &mut broken);
    }
}

fn check_offer(handshake: &Handshake, request: &RequestHead, broken: &mut impl FnMut(&'static Rule, String)) {
    let offered = handshake.subprotocols_offered();
    if let Some(wrong) = offered.iter().find(|name| !is_token(name)) {
        broken(&SUBPROTOCOL_INVALID_TOKEN, format!("{wrong:?} is offered"));
    } else if let Some(twice) = first_repeated(&offered) {
        broken(&SUBPROTOCOL_INVALID_TOKEN, format!("{twice:?} is offered twice"));
    } else if offered.is_empty() && request.headers.has(FieldName::SecWebSocketProtocol) {
        broken(&SUBPROTOCOL_INVALID_TOKEN, "the list of offers is empty".into());
    }
    let extensions = handshake.extensions_offered();
    check_syntax(&extensions, broken);
    let mut names: Vec<_> = extensions.extensions.iter().map(|extension| extension.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names.retain(|name| KNOWN_EXTENSIONS.binary_search(name).is_err());
    if !names.is_empty() {
        broken(&EXTENSION_UNKNOWN, format!("offered: {}", names.join(", ")));
    }
}

fn first_repeated<'a>(names: &[&'a str]) -> Option<&'a str> {
    let mut sorted = names.to_vec();
    sorted.sort_unstable();
    let twice = sorted.array_windows().find(|[one, two]| one == two);
    twice.map(|[name, _]| *name)
}

fn check_syntax(list: &ExtensionList, broken: &mut impl FnMut(&'static Rule, String)) {
    for (rule, faults) in [(&EXTENSION_SYNTAX, &list.faults), (&EXTENSION_VALUE_NO_TOKEN, &list.loose_values)]
    {
        if let Some(detail) = super::first_of(faults) {
            broken(rule, detail);
        }
    }
}

fn check_subprotocol(
    handshake: &Handshake,
    response: &ResponseHead,
    broken: &mut impl FnMut(&'static Rule, String),
) {
    let fields: Vec<_> = response.headers.all(FieldName::SecWebSocketProtocol).collect();
    let chosen: Vec<_> = response.headers.list(FieldName::SecWebSocketProtocol).collect();
    let offered = handshake.subprotocols_offered();
    match (&fields[..], &chosen[..]) {
        ([], _) if !offered.is_empty() => {
            broken(&SUBPROTOCOL_NONE_SELECTED, format!("offered: {}", offered.join(", ")));
        }
        ([], _) => {}
        (_, [_, _, ..]) | ([_, _, ..], _) => {
            broken(&SUBPROTOCOL_MULTIPLE, format!("chosen: {}, in {} fields", listed(&chosen), fields.len()));
        }
        ([chosen], _) if !is_token(chosen) => {
            broken(&SUBPROTOCOL_INVALID_TOKEN, format!("{chosen:?} is chosen"));
        }
        ([chosen], _) => check_choice(chosen, handshake.request.is_some().then_some(&offered[..]), broken),
    }
}

/// `offered` is `None` where the request was not captured.
fn check_choice(chosen: &str, offered: Option<&[&str]>, broken: &mut impl FnMut(&'static Rule, String)) {
    let Some(offered) = offered else { return };
    if offered.contains(&chosen) {
        if !is_registered_subprotocol(chosen) {
            broken(&SUBPROTOCOL_UNREGISTERED, format!("{chosen:?} is not registered"));
        }
    } else if let Some(name) = offered.iter().find(|name| name.eq_ignore_ascii_case(chosen)) {
        broken(&SUBPROTOCOL_CASE_MISMATCH, format!("subprotocol {chosen:?} chosen, offered: {name:?}"));
    } else {
        let detail = format!("subprotocol {chosen:?} chosen, offered: {}", listed(offered));
        broken(&SUBPROTOCOL_UNREQUESTED, detail);
    }
}

fn check_extensions(handshake: &Handshake, broken: &mut impl FnMut(&'static Rule, String)) {
    let agreed = handshake.extensions();
    check_syntax(&agreed, broken);
    let on_rsv1: Vec<_> =
        agreed.extensions.iter().filter(|extension| USES_RSV1.contains(&extension.name.as_str())).collect();
    if on_rsv1.len() > 1 {
        broken(&EXTENSION_RSV_CONFLICT, format!("accepted: {}", listed(on_rsv1)));
    }
    if handshake.request.is_none() {
        return;
    }
    let offered = handshake.extensions_offered().extensions;
    for chosen in &agreed.extensions {
        if !offered.iter().any(|extension| extension.name == chosen.name) {
            let detail = format!("extension {:?} in use, offered: {}", chosen.name, listed(&offered));
            broken(&EXTENSION_UNREQUESTED, detail);
        }
    }
}

/// Extensions that give RSV1 a meaning. // RFC 7692 §6, draft-tyoshino-hybi-websocket-perframe-deflate
const USES_RSV1: [&str; 4] =
    ["deflate-frame", "permessage-deflate", "x-webkit-deflate-frame", "x-webkit-deflate-message"];

#[cfg(test)]
mod tests {
    use super::super::scene::Scene;

    fn subprotocols(offered: &str, chosen: &str) -> Scene {
        Scene::new().request("Sec-WebSocket-Protocol", offered).response("Sec-WebSocket-Protocol", chosen)
    }

    fn extensions(offered: &str, chosen: &str) -> Scene {
        Scene::new().request("Sec-WebSocket-Extensions", offered).response("Sec-WebSocket-Extensions", chosen)
    }

    #[test]
    fn a_subprotocol_is_one_of_those_offered_to_the_letter() {
        subprotocols("chat, mqtt", "mqtt").breaks(&[]);
        subprotocols("chat, superchat", "superchat").breaks(&["handshake-subprotocol-unregistered"]);
        subprotocols("mqtt", "amqp").breaks(&["handshake-subprotocol-unrequested"]);
        subprotocols("mqtt", "MQTT").breaks(&["handshake-subprotocol-case-mismatch"]);
        Scene::new()
            .response("Sec-WebSocket-Protocol", "mqtt")
            .breaks(&["handshake-subprotocol-unrequested"]);
        Scene::new()
            .request("Sec-WebSocket-Protocol", "mqtt")
            .breaks(&["handshake-subprotocol-none-selected"]);
        subprotocols("amqp", "mqtt").request_lost().breaks(&[]);
    }

    #[test]
    fn a_choice_is_one_token_in_one_field() {
        subprotocols("mqtt, amqp", "mqtt, amqp").breaks(&["handshake-subprotocol-multiple"]);
        let twice = subprotocols("mqtt", "mqtt").also_response("sec-websocket-protocol", "mqtt");
        twice.breaks(&["handshake-subprotocol-multiple"]);
        subprotocols("mqtt", "").breaks(&["handshake-subprotocol-invalid-token"]);
        subprotocols("mqtt", "mq tt").breaks(&["handshake-subprotocol-invalid-token"]);
    }

    #[test]
    fn offers_are_different_tokens() {
        subprotocols("mqtt,, amqp ,", "mqtt").breaks(&[]);
        subprotocols("mqtt, {\"a\"}", "mqtt").breaks(&["handshake-subprotocol-invalid-token"]);
        subprotocols("mqtt, amqp, mqtt", "mqtt").breaks(&["handshake-subprotocol-invalid-token"]);
        Scene::new().request("Sec-WebSocket-Protocol", " ").breaks(&["handshake-subprotocol-invalid-token"]);
    }

    #[test]
    fn an_extension_is_one_of_those_offered() {
        extensions("permessage-deflate; client_max_window_bits", "permessage-deflate").breaks(&[]);
        Scene::new()
            .response("Sec-WebSocket-Extensions", "permessage-deflate")
            .breaks(&["handshake-extension-unrequested"]);
        extensions("x-private, x-private; a", "x-private").breaks(&["handshake-extension-unknown"]);
        extensions("permessage-deflate", "permessage-deflate").request_lost().breaks(&[]);
    }

    #[test]
    fn an_extension_follows_the_grammar_on_either_side() {
        extensions("permessage-deflate; a b", "permessage-deflate").breaks(&["handshake-extension-syntax"]);
        extensions("permessage-deflate", "permessage-deflate; =").breaks(&["handshake-extension-syntax"]);
        extensions("permessage-deflate", "").breaks(&["handshake-extension-syntax"]);
        extensions("permessage-deflate; a=\"b,c\"", "permessage-deflate")
            .breaks(&["handshake-extension-value-no-token"]);
    }

    #[test]
    fn rsv1_belongs_to_one_extension() {
        let both = "permessage-deflate, x-webkit-deflate-frame";
        extensions(both, "permessage-deflate").breaks(&[]);
        extensions(both, both).breaks(&["handshake-extension-rsv-conflict"]);
        extensions("permessage-deflate", "permessage-deflate, permessage-deflate")
            .breaks(&["handshake-extension-rsv-conflict"]);
    }
}
