//! The opening handshake → findings (RFC 6455 §4).
//!
//! Not judged, because a capture does not show it, or because the standards contradict each other:
//! - whether a key is random (§4.1): only that it is the RFC's example, or came before on the same way;
//! - whether the request target is the right resource name (§4.1): the URL that the client was given is unknown;
//! - whether the server should have checked the origin or refused the client (§4.2.2, §10.2);
//! - several `Sec-WebSocket-Extensions` fields in an answer: §11.3.2 forbids what §4.2.2 allows;
//! - the 16 bytes with which a server of hixie-76 proves that it read the keys, an MD5 of a dialect that no
//!   browser speaks since 2012.

pub mod around;
pub mod choices;
pub mod head;
pub mod legacy;
pub mod privacy;
mod registry;
pub mod request;
pub mod response;

#[cfg(test)]
mod scene;

pub use around::{Around, Conduct, EarlyData, End};

use super::thresholds::Thresholds;
use super::{Finding, Rule};
use crate::http::{Dialect, Handshake};

/// The rules about opening handshakes, in the order in which a handshake can break them.
pub(super) fn all() -> impl Iterator<Item = &'static Rule> {
    [
        head::RULES,
        request::RULES,
        response::RULES,
        choices::RULES,
        privacy::RULES,
        around::RULES,
        legacy::RULES,
    ]
    .into_iter()
    .flatten()
    .copied()
}

/// Is it the name of a subprotocol, known to IANA?
pub(crate) fn is_registered_subprotocol(name: &str) -> bool {
    registry::KNOWN_SUBPROTOCOLS.binary_search(&name).is_ok()
}

/// What an opening handshake breaks, by itself and with regard to what was around it.
pub fn check(
    handshake: &Handshake,
    around: &Around<'_>,
    thresholds: &Thresholds,
    found: &mut impl FnMut(Finding),
) {
    let dialect = handshake.dialect();
    legacy::check(handshake, dialect, found);
    // Hixie's drafts are protocols of their own: RFC 6455 asks nothing of them.
    if !matches!(dialect, Dialect::Hixie75 | Dialect::Hixie76) {
        head::check(handshake, found);
        request::check(handshake, found);
        response::check(handshake, found);
        choices::check(handshake, found);
    }
    response::check_outcome(handshake, around.end, thresholds, found);
    privacy::check(handshake, around, found);
    around::check(handshake, around, thresholds, found);
}

/// `a, b`, or `none`.
fn listed<Item: ToString>(items: impl IntoIterator<Item = Item>) -> String {
    let items: Vec<_> = items.into_iter().map(|item| item.to_string()).collect();
    if items.is_empty() { "none".to_owned() } else { items.join(", ") }
}

/// The first of several faults that are one finding: `a, and 2 more`.
fn first_of(faults: &[String]) -> Option<String> {
    let (first, rest) = faults.split_first()?;
    Some(if rest.is_empty() { first.clone() } else { format!("{first}, and {} more", rest.len()) })
}
