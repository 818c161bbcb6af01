//! Request and response heads → the opening handshake: its outcome and its facts (RFC 6455 §4).

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, PAD, STANDARD};
use sha1::{Digest as _, Sha1};

use super::body::is_hixie_76;
use super::{Accept, ExtensionList, FieldName, Handshake, Headers, Outcome, RequestHead, ResponseHead};

/// Does it ask for a WebSocket? A `Sec-WebSocket-Key` is enough: proxies strip `Upgrade`, which is a field of one
/// hop, and then the answer is worth showing. // RFC 6455 §4.1
pub fn asks_for_websocket(request: &RequestHead) -> bool {
    request.headers.upgrades_to_websocket() || request.headers.has(FieldName::SecWebSocketKey)
}

/// Does the connection speak WebSocket after it, of whatever dialect? // RFC 9110 §7.8
pub fn switches_to_websocket(response: &ResponseHead) -> bool {
    response.status == 101 && response.headers.upgrades_to_websocket()
}

/// Which generation of the protocol a handshake speaks. Those before RFC 6455 are of the years 2009 to 2011.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// Version 13, and all that names no other.
    Rfc6455,
    /// A draft of the HyBi working group by its `Sec-WebSocket-Version`, 0 to 12. // RFC 6455 §11.6
    Hybi(u8),
    /// draft-hixie-thewebsocketprotocol-76: two keys and eight bytes after the head.
    Hixie76,
    /// draft-hixie-thewebsocketprotocol-75: no key at all.
    Hixie75,
}

impl Dialect {
    /// Are its frames those of RFC 6455 §5? The drafts before hybi-07 number the opcodes in another way, and
    /// Hixie's have no binary header.
    pub const fn has_rfc6455_frames(self) -> bool {
        matches!(self, Self::Rfc6455 | Self::Hybi(7..))
    }
}

impl Handshake {
    /// Bytes on the wire of the request and the response; 0 of one that was not captured.
    pub fn sizes(&self) -> [u64; 2] {
        let request = self.request.as_ref().map_or(0, |request| request.size);
        [request, self.response.as_ref().map_or(0, |response| response.size)]
    }

    /// A handshake with its final answer, which is any but a 1xx other than 101.
    pub fn answered(request: Option<RequestHead>, response: ResponseHead) -> Self {
        let mut handshake = Self { outcome: Outcome::Invalid, request, response: Some(response) };
        handshake.outcome = handshake.judged();
        handshake
    }

    /// Is the accept value of an answer the right one for the key of a request? `None` when one of them is missing.
    pub fn accepts(request: &RequestHead, response: &ResponseHead) -> Option<bool> {
        let key = request.headers.first(FieldName::SecWebSocketKey)?;
        Some(is_accept_for(key, &accept_value(&response.headers)?))
    }

    /// Do frames follow the answer, also where a client has to fail the connection? The right accept value says it as
    /// well as `Upgrade` does, which something on the way may have removed.
    pub fn begins_frames(&self) -> bool {
        let Some(response) = &self.response else { return false };
        let switches = self.is_accepted()
            || switches_to_websocket(response)
            || (response.status == 101 && self.accept_is_right());
        switches && self.dialect().has_rfc6455_frames()
    }

    /// A request that got no answer in the capture.
    pub fn unanswered(request: RequestHead) -> Self {
        Self { outcome: Outcome::Unanswered, request: Some(request), response: None }
    }

    /// Is the connection open?
    pub fn is_accepted(&self) -> bool {
        self.outcome == Outcome::Accepted
    }

    /// The request, if it asked for a WebSocket. One that did not owes none of its fields.
    pub fn upgrade_request(&self) -> Option<&RequestHead> {
        self.request.as_ref().filter(|request| asks_for_websocket(request))
    }

    /// `Host` of the request.
    pub fn host(&self) -> Option<&str> {
        self.requested(FieldName::Host)
    }

    /// `Origin` of the request, or `Sec-WebSocket-Origin` as the drafts up to hybi-12 call it.
    pub fn origin(&self) -> Option<&str> {
        self.requested(FieldName::Origin).or_else(|| self.requested(FieldName::SecWebSocketOrigin))
    }

    /// `Sec-WebSocket-Version` of the request.
    pub fn websocket_version(&self) -> Option<&str> {
        self.requested(FieldName::SecWebSocketVersion)
    }

    /// `Sec-WebSocket-Key` of the request, the first if there are several.
    pub fn key(&self) -> Option<&str> {
        self.requested(FieldName::SecWebSocketKey)
    }

    /// `Sec-WebSocket-Accept` of the response beside what the key asks for. Several fields that differ are one value with
    /// commas, which is right for no key. // RFC 9110 §5.2
    pub fn accept(&self) -> Option<Accept> {
        let value = accept_value(&self.response.as_ref()?.headers)?.into_owned();
        // It was worked out when the outcome was.
        let expected = |key| if self.is_accepted() { value.clone() } else { accept_for(key) };
        Some(Accept { expected: self.key().map(expected), value })
    }

    /// The subprotocols that the client offers, best first, as one list over all fields. // RFC 6455 §11.3.4
    pub fn subprotocols_offered(&self) -> Vec<&str> {
        let lists = self.request.iter();
        lists.flat_map(|request| request.headers.list(FieldName::SecWebSocketProtocol)).collect()
    }

    /// The subprotocol that the server chose; `None` for an empty field too.
    pub fn subprotocol(&self) -> Option<&str> {
        self.answered_with(FieldName::SecWebSocketProtocol).filter(|value| !value.is_empty())
    }

    /// Has either head a field of that name?
    pub fn has(&self, name: FieldName) -> bool {
        let has = |headers: &Headers| headers.has(name);
        self.request.as_ref().is_some_and(|request| has(&request.headers))
            || self.response.as_ref().is_some_and(|response| has(&response.headers))
    }

    /// The extensions that the client offers.
    pub fn extensions_offered(&self) -> ExtensionList {
        self.request.as_ref().map(|request| ExtensionList::of(&request.headers)).unwrap_or_default()
    }

    /// The extensions that the server accepted.
    pub fn extensions(&self) -> ExtensionList {
        self.response.as_ref().map(|response| ExtensionList::of(&response.headers)).unwrap_or_default()
    }

    /// Nanoseconds from the packet that completed the request to the one that completed the answer; negative
    /// where the capture has them in the wrong order.
    pub fn latency_ns(&self) -> Option<i64> {
        let (request, response) = (self.request.as_ref()?, self.response.as_ref()?);
        Some(response.last.time.nanos_since(request.last.time))
    }

    /// The generation of the protocol, by the fields that only that one has. With the request lost, the response
    /// can tell Hixie's dialects only.
    pub fn dialect(&self) -> Dialect {
        match self.websocket_version() {
            Some("13") => return Dialect::Rfc6455,
            Some(other) => {
                let draft = other.parse().ok().filter(|version| *version <= 12);
                return draft.map_or(Dialect::Rfc6455, Dialect::Hybi);
            }
            None => {}
        }
        if self.key().is_some() || self.answered_with(FieldName::SecWebSocketAccept).is_some() {
            Dialect::Rfc6455
        } else if self.request.as_ref().is_some_and(|request| is_hixie_76(&request.headers))
            || self.answered_with(FieldName::SecWebSocketLocation).is_some()
        {
            Dialect::Hixie76
        } else if self.requested(FieldName::WebSocketProtocol).is_some()
            || self.answered_with(FieldName::WebSocketLocation).is_some()
        {
            Dialect::Hixie75
        } else {
            Dialect::Rfc6455
        }
    }

    /// What a client must make of the answer. // RFC 6455 §4.1
    fn judged(&self) -> Outcome {
        let Some(response) = &self.response else { return Outcome::Unanswered };
        if response.status != 101 {
            return Outcome::Refused;
        }
        let switches = switches_to_websocket(response) && response.headers.connection_upgrades();
        if switches && self.accept_is_right() { Outcome::Accepted } else { Outcome::Invalid }
    }

    /// Without the request, the accept value is taken on trust; with a request without key, none is right.
    fn accept_is_right(&self) -> bool {
        let value = self.response.as_ref().and_then(|response| accept_value(&response.headers));
        value.is_some_and(|value| self.key().map_or(self.request.is_none(), |key| is_accept_for(key, &value)))
    }

    fn requested(&self, name: FieldName) -> Option<&str> {
        self.request.as_ref()?.headers.first(name)
    }

    fn answered_with(&self, name: FieldName) -> Option<&str> {
        self.response.as_ref()?.headers.first(name)
    }
}

fn accept_value(headers: &Headers) -> Option<Cow<'_, str>> {
    let mut values = headers.all(FieldName::SecWebSocketAccept);
    let mut last = values.next()?;
    let mut value = Cow::Borrowed(last);
    for next in values {
        if next != last {
            let value = value.to_mut();
            value.push_str(", ");
            value.push_str(next);
        }
        last = next;
    }
    Some(value)
}

/// The accept value for a key.
fn accept_for(key: &str) -> String {
    STANDARD.encode(accept_digest(key))
}

fn is_accept_for(key: &str, value: &str) -> bool {
    let mut expected = [0; ACCEPT_LENGTH];
    let length = STANDARD.encode_slice(accept_digest(key), &mut expected);
    length == Ok(ACCEPT_LENGTH) && value.as_bytes() == expected
}

/// A key is used as it was sent, not decoded. // RFC 6455 §4.2.2
fn accept_digest(key: &str) -> impl AsRef<[u8]> {
    Sha1::new().chain_update(key).chain_update(GUID).finalize()
}

/// How many bytes a `Sec-WebSocket-Key` stands for; `None` when it isn't base64. As strict as servers are:
/// standard alphabet and padding are asked for, the bits that padding leaves over may be anything (`ws` for Node.js
/// asks for 22 characters and `==`, gorilla/websocket uses Go's decoder, which ignores those bits).
pub fn key_length(key: &str) -> Option<usize> {
    BASE64.decode(key).ok().map(|nonce| nonce.len())
}

/// The nonce that a `Sec-WebSocket-Key` of the right length stands for. (RFC 6455 §4.1)
pub fn nonce(key: &str) -> Option<u128> {
    let ([digits @ .., last], b"==") = key.as_bytes().split_first_chunk::<22>()? else { return None };
    let value = |digit: &u8| SEXTETS.get(usize::from(*digit)).copied().unwrap_or(NO_DIGIT);
    // Seven at a time fit a register.
    let (sevens, _) = digits.as_chunks::<7>();
    let (bits, all) = sevens.iter().fold((0, value(last)), |(bits, all), seven| {
        let (low, all) = seven
            .iter()
            .map(value)
            .fold((0, all), |(low, all), digit| (low << 6 | u64::from(digit), all | digit));
        (bits << 42 | u128::from(low), all)
    });
    (all < NO_DIGIT).then(|| bits << 2 | u128::from(value(last) >> 4))
}

/// What each digit of base64 stands for: each connection has a key, and this is sooner done than by who decodes any length.
#[expect(clippy::indexing_slicing, reason = "what is out of bounds here does not compile")]
static SEXTETS: [u8; 256] = {
    let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut sextets = [NO_DIGIT; 256];
    let mut value = 0;
    while value < 64 {
        sextets[digits[value as usize] as usize] = value;
        value += 1;
    }
    sextets
};

/// Has a bit that no sextet has.
const NO_DIGIT: u8 = 1 << 6;

const BASE64: GeneralPurpose =
    GeneralPurpose::new(&base64::alphabet::STANDARD, PAD.with_decode_allow_trailing_bits(true));

/// Of a SHA-1 in base64.
const ACCEPT_LENGTH: usize = 28;

/// Fixed by RFC 6455 §1.3.
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::{PacketRef, Timestamp};
    use proptest::prelude::*;

    fn headers(fields: &[(&str, &str)]) -> Headers {
        fields.iter().copied().collect()
    }

    fn request(fields: &[(&str, &str)]) -> RequestHead {
        RequestHead { method: "GET".into(), headers: headers(fields), ..RequestHead::default() }
    }

    fn response(status: u16, fields: &[(&str, &str)]) -> ResponseHead {
        ResponseHead { status, headers: headers(fields), ..ResponseHead::default() }
    }

    fn outcome(asked: &[(&str, &str)], answered: &[(&str, &str)]) -> Outcome {
        Handshake::answered(Some(request(asked)), response(101, answered)).outcome
    }

    const KEY: (&str, &str) = ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
    const ACCEPT: (&str, &str) = ("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    const UPGRADE: (&str, &str) = ("Upgrade", "websocket");
    const CONNECTION: (&str, &str) = ("Connection", "Upgrade");
    const ASKED: [(&str, &str); 3] = [UPGRADE, CONNECTION, KEY];

    #[test]
    fn an_answer_with_two_accept_values_has_one_that_is_wrong() {
        let key = ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
        let accept = ("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        let switch = [("Upgrade", "websocket"), ("Connection", "Upgrade"), accept];
        let answered = |more: &[(&str, &str)]| {
            Handshake::answered(Some(request(&[key])), response(101, &[&switch, more].concat()))
        };
        let same = answered(&[accept]);
        assert_eq!((same.outcome, same.accept().unwrap().valid()), (Outcome::Accepted, Some(true)));
        let other = answered(&[("sec-websocket-accept", "wrong")]);
        assert_eq!((other.outcome, other.accept().unwrap().valid()), (Outcome::Invalid, Some(false)));
        assert_eq!(other.accept().unwrap().value, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=, wrong");
    }

    #[test]
    fn the_example_of_the_rfc_is_accepted() {
        // RFC 6455 §1.3
        let handshake =
            Handshake::answered(Some(request(&ASKED)), response(101, &[UPGRADE, CONNECTION, ACCEPT]));
        assert!(handshake.is_accepted());
        let accept = handshake.accept().unwrap();
        assert_eq!(accept.expected.as_deref(), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
        assert_eq!(accept.valid(), Some(true));
        assert_eq!(handshake.dialect(), Dialect::Rfc6455);
    }

    #[test]
    fn a_wrong_missing_or_ambiguous_accept_value_is_invalid() {
        let other = ("Sec-WebSocket-Accept", "S3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert_eq!(outcome(&ASKED, &[UPGRADE, CONNECTION]), Outcome::Invalid);
        assert_eq!(outcome(&ASKED, &[UPGRADE, CONNECTION, other]), Outcome::Invalid);
        assert_eq!(outcome(&ASKED, &[UPGRADE, CONNECTION, ACCEPT, other]), Outcome::Invalid);
        assert_eq!(outcome(&ASKED, &[UPGRADE, CONNECTION, ACCEPT, ACCEPT]), Outcome::Accepted);
    }

    #[test]
    fn another_protocol_or_a_missing_token_is_invalid() {
        assert_eq!(outcome(&ASKED, &[("Upgrade", "h2c"), CONNECTION, ACCEPT]), Outcome::Invalid);
        assert_eq!(outcome(&ASKED, &[CONNECTION, ACCEPT]), Outcome::Invalid);
        assert_eq!(outcome(&ASKED, &[UPGRADE, ("Connection", "close"), ACCEPT]), Outcome::Invalid);
        let listed = [("upgrade", "h2c, WebSocket"), ("connection", "keep-alive , UPGRADE"), ACCEPT];
        assert_eq!(outcome(&ASKED, &listed), Outcome::Accepted);
    }

    #[test]
    fn a_request_without_a_key_can_have_no_right_answer() {
        assert_eq!(outcome(&[UPGRADE, CONNECTION], &[UPGRADE, CONNECTION, ACCEPT]), Outcome::Invalid);
    }

    #[test]
    fn an_answer_whose_request_was_lost_is_taken_on_trust() {
        let handshake = Handshake::answered(None, response(101, &[UPGRADE, CONNECTION, ACCEPT]));
        assert_eq!(handshake.outcome, Outcome::Accepted);
        assert_eq!(handshake.accept().unwrap().valid(), None);
        assert_eq!(
            Handshake::answered(None, response(101, &[UPGRADE, CONNECTION])).outcome,
            Outcome::Invalid
        );
    }

    #[test]
    fn any_other_status_is_a_refusal_and_none_is_no_answer() {
        let refused = Handshake::answered(Some(request(&ASKED)), response(426, &[UPGRADE]));
        assert_eq!(refused.outcome, Outcome::Refused);
        assert_eq!(Handshake::unanswered(request(&ASKED)).outcome, Outcome::Unanswered);
    }

    #[test]
    fn a_key_alone_asks_for_a_websocket() {
        assert!(asks_for_websocket(&request(&[KEY])));
        assert!(asks_for_websocket(&request(&[("UPGRADE", "foo, WebSocket")])));
        assert!(!asks_for_websocket(&request(&[("Upgrade", "h2c"), CONNECTION])));
    }

    #[test]
    fn only_a_101_switches() {
        assert!(switches_to_websocket(&response(101, &[UPGRADE])));
        assert!(!switches_to_websocket(&response(200, &[UPGRADE])));
        assert!(!switches_to_websocket(&response(101, &[("Upgrade", "demo-proto/1")])));
    }

    #[test]
    fn offers_of_several_fields_are_joined_in_order() {
        let asked =
            [("Sec-WebSocket-Protocol", "a"), ("sec-websocket-protocol", "b,c"), ("Origin", "http://x")];
        let handshake = Handshake::answered(
            Some(request(&asked)),
            response(101, &[("Sec-WebSocket-Protocol", "c"), ("Sec-WebSocket-Extensions", "foo")]),
        );
        assert_eq!(handshake.subprotocols_offered(), ["a", "b", "c"]);
        assert_eq!(handshake.subprotocol(), Some("c"));
        assert_eq!(handshake.origin(), Some("http://x"));
        assert_eq!(handshake.extensions_offered(), ExtensionList::default());
        assert_eq!(handshake.extensions().extensions[0].name, "foo");
    }

    #[test]
    fn the_latency_runs_from_the_last_packet_of_the_request_to_the_last_of_the_answer() {
        let at = |nanos| PacketRef { time: Timestamp::from_nanos(nanos), ..PacketRef::default() };
        let request = RequestHead { first: at(1), last: at(10), ..request(&ASKED) };
        let response = ResponseHead { first: at(20), last: at(35), ..response(101, &[]) };
        assert_eq!(Handshake::answered(Some(request.clone()), response).latency_ns(), Some(25));
        assert_eq!(Handshake::unanswered(request).latency_ns(), None);
    }

    #[test]
    fn a_draft_is_known_by_its_version() {
        for (version, dialect) in [
            ("13", Dialect::Rfc6455),
            ("14", Dialect::Rfc6455),
            ("x", Dialect::Rfc6455),
            ("8", Dialect::Hybi(8)),
            ("0", Dialect::Hybi(0)),
        ] {
            let request = request(&[UPGRADE, KEY, ("Sec-WebSocket-Version", version)]);
            assert_eq!(Handshake::unanswered(request).dialect(), dialect);
        }
        assert!(Dialect::Hybi(8).has_rfc6455_frames());
        assert!(!Dialect::Hybi(6).has_rfc6455_frames());
    }

    #[test]
    fn hixie_76_is_named_and_not_accepted() {
        let asked = [
            ("Upgrade", "WebSocket"),
            CONNECTION,
            ("Sec-WebSocket-Key1", "4 @1  46546xW%0l 1 5"),
            ("Sec-WebSocket-Key2", "12998 5 Y3 1  .P00"),
        ];
        let answer = response(
            101,
            &[("Upgrade", "WebSocket"), CONNECTION, ("Sec-WebSocket-Location", "ws://example.com/")],
        );
        let handshake = Handshake::answered(Some(request(&asked)), answer.clone());
        assert_eq!((handshake.outcome, handshake.dialect()), (Outcome::Invalid, Dialect::Hixie76));
        assert_eq!(Handshake::answered(None, answer).dialect(), Dialect::Hixie76);
        assert!(!Dialect::Hixie76.has_rfc6455_frames());
    }

    #[test]
    fn hixie_75_is_named_by_its_own_fields_only() {
        let bare = request(&[("Upgrade", "WebSocket"), CONNECTION]);
        let answer =
            response(101, &[("Upgrade", "WebSocket"), CONNECTION, ("WebSocket-Location", "ws://x/")]);
        assert_eq!(Handshake::answered(Some(bare.clone()), answer).dialect(), Dialect::Hixie75);
        assert_eq!(Handshake::unanswered(bare).dialect(), Dialect::Rfc6455);
    }

    #[test]
    fn a_key_is_measured_as_servers_do() {
        assert_eq!(key_length("dGhlIHNhbXBsZSBub25jZQ=="), Some(16));
        // Bits that the padding leaves over.
        assert_eq!(key_length("dGhlIHNhbXBsZSBub25jZR=="), Some(16));
        assert_eq!(key_length("AAAA"), Some(3));
        assert_eq!(key_length(""), Some(0));
        for wrong in
            ["dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZ_==", "dGhl IHNhbXBsZSBub25jZQ==", "REDACTED!=="]
        {
            assert_eq!(key_length(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn a_nonce_is_what_a_decoder_of_base64_makes_of_a_key(
            key in prop_oneof![4 => "[A-Za-z0-9+/]{22}==", 1 => "[A-Za-z0-9+/=]{20,26}", 1 => "\\PC{22}=="],
        ) {
            let decoded = BASE64.decode(&key).ok().and_then(|bytes| Some(u128::from_be_bytes(bytes.try_into().ok()?)));
            prop_assert_eq!(nonce(&key), decoded);
        }
    }
}
