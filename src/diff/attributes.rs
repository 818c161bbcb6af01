//! Two connections → what differs but for messages.

use std::collections::BTreeMap;

use super::recording::Conversation;
use super::{Change, Weight};
use crate::check::without_varying;
use crate::event::{CloseHow, Closing, Initiator};
use crate::http::{Handshake, Headers, Outcome};

/// What was agreed and how it ended, which count; then how it was carried.
pub(super) fn changes(pair: [Conversation<'_>; 2]) -> Vec<Change> {
    let openings = pair.map(|each| View { real: &each.connection.opening, shown: &each.shown.opening });
    let closings = pair.map(|each| View { real: &each.connection.closing, shown: &each.shown.closing });
    let handshakes = openings.map(|opening| opening.map(|opening| &opening.handshake));
    let transports = openings.map(|opening| Some(opening.real.transport.name()));
    let tunnels = openings.map(|opening| opening.part(|opening| opening.tunnel.as_deref()));
    let mut changes = agreed(handshakes);
    changes.extend(ending(closings));
    changes.extend(Change::between("transport", Weight::Carriage, transports, str::to_owned));
    changes.extend(Change::between("tunnel", Weight::Carriage, tunnels, View::word));
    changes.extend(heads(handshakes));
    changes
}

/// What is compared, and the same as it may be shown.
struct View<'a, T: ?Sized> {
    real: &'a T,
    shown: &'a T,
}

impl<T: ?Sized> Copy for View<'_, T> {}

impl<T: ?Sized> Clone for View<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<'a, T: ?Sized> View<'a, T> {
    fn map<U: ?Sized>(self, part: impl Fn(&'a T) -> &'a U) -> View<'a, U> {
        View { real: part(self.real), shown: part(self.shown) }
    }

    /// A part that need not be there.
    fn part<U: ?Sized>(self, part: impl Fn(&'a T) -> Option<&'a U>) -> Option<View<'a, U>> {
        Some(View { real: part(self.real)?, shown: part(self.shown)? })
    }
}

impl View<'_, str> {
    fn word(self) -> String {
        self.shown.to_owned()
    }
}

impl<T: PartialEq + ?Sized> PartialEq for View<'_, T> {
    fn eq(&self, other: &Self) -> bool {
        self.real == other.real
    }
}

fn agreed(handshakes: [View<'_, Handshake>; 2]) -> Vec<Change> {
    let outcomes = handshakes.map(|handshake| handshake.real.outcome);
    let weight = if outcomes.contains(&Outcome::NotCaptured) { Weight::Unknown } else { Weight::Substance };
    let outcome = Change::between("outcome", weight, outcomes.map(Some), |outcome| outcome.name().to_owned());
    if outcome.is_some() || outcomes.contains(&Outcome::NotCaptured) {
        return outcome.into_iter().collect();
    }
    let statuses = handshakes.map(|handshake| handshake.real.response.as_ref().map(|head| head.status));
    let status = Change::between("status", Weight::Substance, statuses, |status| status.to_string());
    let subprotocols = handshakes.map(|handshake| handshake.part(Handshake::subprotocol));
    let subprotocol = Change::between("subprotocol", Weight::Substance, subprotocols, View::word);
    status.into_iter().chain(subprotocol).collect()
}

fn ending(closings: [View<'_, Closing>; 2]) -> Vec<Change> {
    let closes = closings.map(|closing| closing.real.close.as_ref());
    let weight = if closings.iter().any(|closing| is_open_ended(closing.real)) {
        Weight::Unknown
    } else {
        Weight::Substance
    };
    let how = Change::between("close", weight, closes.map(|close| close.map(|close| close.how)), |how| {
        how.name().to_owned()
    });
    let codes = closes.map(|close| close.and_then(|close| close.code));
    let both_known = codes.iter().all(Option::is_some);
    let of_code = if both_known { Weight::Substance } else { weight };
    let code = Change::between("close code", of_code, codes, |code| code.to_string());
    let reasons = closings.map(|closing| closing.part(reason));
    let reason = Change::between("close reason", of_code, reasons, View::word);
    let initiators = closes.map(|close| close.map(|close| close.initiator));
    // Whether two Close frames crossed depends on where the capture was made.
    let weight = if initiators.contains(&Some(Initiator::Unknown)) {
        Weight::Unknown
    } else if initiators.contains(&Some(Initiator::Both)) {
        Weight::Carriage
    } else {
        weight
    };
    let initiator = Change::between("closed by", weight, initiators, |who| who.name().to_owned());
    [how, code, reason, initiator].into_iter().flatten().collect()
}

fn reason(closing: &Closing) -> Option<&str> {
    closing.close.as_ref().map(|close| close.reason.as_str()).filter(|reason| !reason.is_empty())
}

/// Can the capture lack what ended the connection?
fn is_open_ended(closing: &Closing) -> bool {
    let ends_open = closing.close.as_ref().is_some_and(|close| OPEN_ENDED.contains(&close.how));
    ends_open || closing.traffic.iter().any(|traffic| traffic.missing_bytes > 0)
}

/// Endings behind which more may have come.
const OPEN_ENDED: [CloseHow; 3] = [CloseHow::CaptureEnded, CloseHow::GivenUp, CloseHow::CloseAnswerUnknown];

fn heads(handshakes: [View<'_, Handshake>; 2]) -> Vec<Change> {
    let mut changes = Vec::new();
    if let [Some(a), Some(b)] = handshakes.map(|handshake| handshake.part(|each| each.request.as_ref())) {
        let targets = [a, b].map(|request| Some(request.map(|head| head.target.as_str())));
        changes.extend(Change::between("target", Weight::Carriage, targets, View::word));
        changes.extend(headers("request header", [a, b].map(|head| head.map(|head| &head.headers))));
    }
    if let [Some(a), Some(b)] = handshakes.map(|handshake| handshake.part(|each| each.response.as_ref())) {
        changes.extend(headers("response header", [a, b].map(|head| head.map(|head| &head.headers))));
    }
    changes
}

/// Fields by name, in whatever order and case; what is new in each run is left out, as in a baseline.
fn headers(what: &str, pair: [View<'_, Headers>; 2]) -> Vec<Change> {
    let mut fields: BTreeMap<String, [Field<'_>; 2]> = BTreeMap::new();
    for (which, headers) in pair.into_iter().enumerate() {
        for (header, shown) in headers.real.iter().zip(headers.shown.iter()) {
            let name = header.name.to_ascii_lowercase();
            let is_token = TOKENS.contains(&name.as_str());
            let lasting = without_varying(header);
            let field = fields.entry(name).or_default().get_mut(which);
            if let Some(Field { name, values, lasting: all }) = field {
                *name = Some(shown.name);
                values.push(shown.value);
                all.push(if is_token { lasting.to_ascii_lowercase() } else { lasting });
            }
        }
    }
    let changed =
        fields.into_iter().filter(|(name, [a, b])| a.lasting != b.lasting && !is_compared(what, name));
    let change = |(_, fields): (String, [Field<'_>; 2])| {
        let name = fields.iter().find_map(|field| field.name).unwrap_or_default();
        let values = fields.each_ref().map(|field| field.name.map(|_| field.values.join(", ")));
        Change::new(format!("{what} {name}"), Weight::Carriage, values)
    };
    changed.map(change).collect()
}

/// All fields of one name, as they may be shown.
#[derive(Default)]
struct Field<'a> {
    /// As written; `None` where there is none.
    name: Option<&'a str>,
    values: Vec<&'a str>,
    /// As they are compared.
    lasting: Vec<String>,
}

/// The subprotocol counts, and is said by itself.
fn is_compared(what: &str, name: &str) -> bool {
    what == "response header" && name == "sec-websocket-protocol"
}

/// Fields whose values have no case. // RFC 9110 §7.6.1, §7.8
const TOKENS: [&str; 2] = ["connection", "upgrade"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Close;
    use crate::event::statistics::Statistics;
    use crate::packet::PacketRef;

    fn closing(initiator: Initiator, how: CloseHow, code: Option<u16>) -> Closing {
        let close = Close { initiator, how, code, ..Close::default() };
        Closing {
            end: PacketRef::default(),
            close: Some(close),
            traffic: Default::default(),
            statistics: Statistics::default(),
        }
    }

    /// With nothing to hide.
    fn plain<T>(real: &T) -> View<'_, T> {
        View { real, shown: real }
    }

    fn said(changes: &[Change]) -> Vec<String> {
        let side = |side: &Option<String>| side.clone().unwrap_or_else(|| "nothing".to_owned());
        let line = |each: &Change| {
            format!("{} {}: {} → {}", each.weight.name(), each.what, side(&each.a), side(&each.b))
        };
        changes.iter().map(line).collect()
    }

    #[test]
    fn header_fields_are_compared_by_name_without_what_is_new_in_each_run() {
        let headers = |fields: &[(&str, &str)]| Headers::from_iter(fields.iter().copied());
        let a = headers(&[
            ("Host", "a:1"),
            ("Connection", "Upgrade"),
            ("Sec-WebSocket-Key", "x"),
            ("Cookie", "1"),
            ("X-A", "1"),
        ]);
        let b = headers(&[
            ("via", "p"),
            ("connection", "upgrade"),
            ("host", "a:2"),
            ("cookie", "2"),
            ("sec-websocket-key", "y"),
            ("X-A", "2"),
        ]);
        let changes = super::headers("request header", [plain(&a), plain(&b)]);
        assert_eq!(
            said(&changes),
            ["carriage request header via: nothing → p", "carriage request header X-A: 1 → 2"]
        );
        assert_eq!(super::headers("request header", [plain(&a), plain(&a)]), []);
    }

    #[test]
    fn an_ending_that_the_capture_may_lack_is_not_known_to_differ() {
        let closed = closing(Initiator::Client, CloseHow::CloseHandshake, Some(1000));
        let open = closing(Initiator::Unknown, CloseHow::CaptureEnded, None);
        let unknown = ending([plain(&closed), plain(&open)]);
        assert!(
            unknown.len() == 3 && unknown.iter().all(|each| each.weight == Weight::Unknown),
            "{unknown:?}"
        );
        let other = closing(Initiator::Client, CloseHow::CloseUnanswered, Some(1001));
        assert_eq!(
            said(&ending([plain(&closed), plain(&other)])),
            ["substance close: close_handshake → close_unanswered", "substance close code: 1000 → 1001"]
        );
    }

    #[test]
    fn close_frames_that_crossed_in_one_capture_need_not_in_the_other() {
        let [client, server, both] = [Initiator::Client, Initiator::Server, Initiator::Both]
            .map(|initiator| closing(initiator, CloseHow::CloseHandshake, Some(1000)));
        assert_eq!(said(&ending([plain(&client), plain(&both)])), ["carriage closed by: client → both"]);
        assert_eq!(said(&ending([plain(&client), plain(&server)])), ["substance closed by: client → server"]);
    }
}
