//! Events → the same events without what gives access: each secret replaced by a fingerprint, by which equal ones are known.
//!
//! It stands between analysis and every report, so that no report has to know what is secret.

mod encoding;
mod fields;
mod fingerprint;
mod names;
mod spread;
mod url;

pub use fingerprint::Key;

use std::collections::HashMap;

use fields::Cleaner;
use fingerprint::Fingerprints;
use spread::Spread;

use crate::document::Document;
use crate::event::{Closing, ConnectionId, Event, EventKind, Opening, PayloadNote, TimelineMessage};
use crate::rules::Finding;
use crate::websocket::{Message, Opcode};

/// What is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Redact {
    /// Values of fields, URL parameters and subprotocols that give access.
    Credentials,
    /// These and all that was said: payloads, and the reasons of Close frames.
    Payloads,
}

/// Replaces secrets in what analysis says. Memory: for each open connection what is secret in its heads, which
/// `Limits::head` bounds.
#[derive(Clone, Debug)]
pub struct Redactor {
    fingerprints: Fingerprints,
    extent: Redact,
    open: HashMap<ConnectionId, Spread>,
}

impl Redactor {
    /// Fingerprints depend on `key`.
    pub fn new(extent: Redact, key: &Key) -> Self {
        Self { fingerprints: Fingerprints::new(key), extent, open: HashMap::new() }
    }

    /// The event as it may be shown. The events of a connection have to come in their order, its opening first.
    pub fn event(&mut self, mut event: Event) -> Event {
        match (event.connection, &mut event.kind) {
            (Some(id), EventKind::Opened(opening)) => {
                let spread = self.opening(opening);
                self.open.insert(id, spread);
            }
            (_, EventKind::Message(message)) => self.message(message),
            (Some(id), EventKind::Finding(finding)) => {
                if let Some(spread) = self.open.get_mut(&id) {
                    finding.detail = spread.clean(&finding.detail);
                }
            }
            (id, EventKind::Closed(closing)) => {
                self.closing(closing);
                self.open.remove(&id.unwrap_or(ConnectionId(0)));
            }
            (None, EventKind::Opened(_) | EventKind::Finding(_)) => {}
        }
        event
    }

    /// The document as it may be shown.
    pub fn document(&self, mut document: Document) -> Document {
        for connection in &mut document.connections {
            let mut spread = self.opening(&mut connection.opening);
            let clean = |finding: &mut Finding| finding.detail = spread.clean(&finding.detail);
            connection.findings.iter_mut().for_each(clean);
            connection.messages.iter_mut().for_each(|message| self.message(message));
            self.closing(&mut connection.closing);
        }
        document
    }

    /// Known by it are fingerprints that can be compared with each other.
    pub fn mark(&self) -> String {
        let extent: &[u8] = match self.extent {
            Redact::Credentials => b"credentials",
            Redact::Payloads => b"payloads",
        };
        self.fingerprints.of(extent)
    }

    /// Gives back what was replaced, since findings can quote it.
    fn opening(&self, opening: &mut Opening) -> Spread {
        let mut cleaner = Cleaner::new(&self.fingerprints);
        if let Some(request) = &mut opening.handshake.request {
            request.method = cleaner.method(&request.method).into();
            request.target = cleaner.target(&request.target).into();
            cleaner.headers(&mut request.headers);
        }
        if let Some(response) = &mut opening.handshake.response {
            response.reason = cleaner.reason(&response.reason).into();
            cleaner.headers(&mut response.headers);
        }
        if let Some(tunnel) = &mut opening.tunnel {
            *tunnel = cleaner.target(tunnel);
        }
        let mut spread = Spread::new(cleaner.into_replaced());
        if let Some(response) = &mut opening.handshake.response {
            response.reason = spread.clean(&response.reason).into();
        }
        spread
    }

    fn message(&self, timeline: &mut TimelineMessage) {
        let message = timeline.message.as_mut();
        if self.extent == Redact::Credentials || message.payload.is_empty() {
            return;
        }
        if message.opcode == Opcode::CLOSE && !message.undecoded {
            self.close_body(message);
        } else {
            timeline.note = PayloadNote::Redacted;
            message.payload = self.fingerprints.of(&message.payload).into_bytes();
        }
    }

    /// The status code is no secret; the reason may be.
    fn close_body(&self, message: &mut Message) {
        let Some((code, reason)) = message.payload.split_first_chunk::<2>() else { return };
        if !reason.is_empty() {
            // As the event of the connection's end has it.
            let reason = self.fingerprints.of(String::from_utf8_lossy(reason).as_bytes());
            message.payload = [code.as_slice(), reason.as_bytes()].concat();
        }
    }

    fn closing(&self, closing: &mut Closing) {
        if let Some(close) = &mut closing.close
            && self.extent == Redact::Payloads
            && !close.reason.is_empty()
        {
            close.reason = self.fingerprints.of(close.reason.as_bytes());
        }
    }
}
