//! A capture → a baseline: what was said, without what differs from one recording to the next.

use std::collections::BTreeSet;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};
use sha1::{Digest, Sha1};

use super::varying;
use crate::document::{Connection, Document};
use crate::event::{Close, TimelineMessage};
use crate::http::{Handshake, RequestHead, ResponseHead};
use crate::packet::Side;
use crate::rules::Finding;
use crate::websocket::close::CloseBody;
use crate::websocket::{Message, Opcode};

/// A recorded conversation to compare others with. Times, ports, addresses, keys and how TCP cut the bytes are left out; so
/// is the order between the two directions, which depends on time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    schema: u32,
    /// By which key secrets were replaced in it, where they were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    redacted: Option<String>,
    /// In the order in which they opened.
    pub(super) connections: Vec<Conversation>,
    /// About the capture: rule and who is to blame.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) findings: BTreeSet<String>,
}

/// A file that is no baseline.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// Not the JSON of a baseline.
    #[error("is no baseline")]
    Syntax(#[from] serde_json::Error),
    /// Written by another version.
    #[error("is a baseline of schema {0}, this wspect writes {SCHEMA}")]
    Schema(u32),
}

/// Version of the file.
const SCHEMA: u32 = 1;

impl Baseline {
    /// Records a capture.
    pub fn of(document: &Document) -> Self {
        Self {
            schema: SCHEMA,
            redacted: None,
            connections: document.connections.iter().map(Conversation::of).collect(),
            findings: names(&document.findings, None),
        }
    }

    /// The same, of a document without its secrets: `mark` says how they were replaced.
    #[must_use]
    pub fn redacted_by(self, mark: String) -> Self {
        Self { redacted: Some(mark), ..self }
    }

    /// How secrets were replaced in it: only with others of the same mark can it be compared.
    pub fn mark(&self) -> Option<&str> {
        self.redacted.as_deref()
    }

    /// Reads a file that [`Baseline::json`] wrote.
    ///
    /// # Errors
    /// When it is none.
    pub fn from_json(json: &str) -> Result<Self, BaselineError> {
        #[derive(Deserialize)]
        struct Version {
            schema: u32,
        }
        let Version { schema } = serde_json::from_str(json)?;
        if schema != SCHEMA {
            return Err(BaselineError::Schema(schema));
        }
        Ok(serde_json::from_str(json)?)
    }

    /// As JSON, a field a line, so that version control shows what changed.
    ///
    /// # Errors
    /// None, as far as is known: everything in it can be written.
    pub fn json(&self) -> Result<String, serde_json::Error> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }
}

/// One connection.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Conversation {
    transport: String,
    /// The host of the proxy's tunnel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tunnel: Option<String>,
    handshake: Opening,
    client_to_server: Vec<Said>,
    server_to_client: Vec<Said>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    close: Option<Ending>,
    /// Those about no message.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    findings: BTreeSet<String>,
}

impl Conversation {
    /// Who was asked for what, to find the same conversation in another recording.
    pub(super) fn target(&self) -> &str {
        self.handshake.request.as_ref().map_or("", |request| request.target.as_str())
    }

    pub(super) const fn messages(&self) -> usize {
        self.client_to_server.len() + self.server_to_client.len()
    }

    fn of(connection: &Connection) -> Self {
        let said_by = |side| {
            let messages = connection.messages.iter().filter(move |each| each.sender == side);
            messages.map(|each| Said::of(each, &connection.findings)).collect()
        };
        Self {
            transport: connection.opening.transport.name().to_owned(),
            tunnel: connection.opening.tunnel.as_deref().map(varying::host),
            handshake: Opening::of(&connection.opening.handshake),
            client_to_server: said_by(Side::Client),
            server_to_client: said_by(Side::Server),
            close: connection.closing.close.as_ref().map(Ending::of),
            findings: names(&connection.findings, None),
        }
    }
}

/// `rule (blame)` of each finding about the message, or about none, that another recording would show too.
fn names(findings: &[Finding], about: Option<u64>) -> BTreeSet<String> {
    let here = findings.iter().filter(|finding| finding.message == about);
    let lasting = here.filter(|finding| !varying::is_varying(finding.rule));
    lasting.map(|finding| format!("{} ({})", finding.rule.name, finding.blame.name())).collect()
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Opening {
    outcome: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request: Option<Request>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    response: Option<Response>,
}

impl Opening {
    fn of(handshake: &Handshake) -> Self {
        Self {
            outcome: handshake.outcome.name().to_owned(),
            request: handshake.request.as_ref().map(Request::of),
            response: handshake.response.as_ref().map(Response::of),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    method: String,
    target: String,
    version: String,
    headers: Vec<String>,
}

impl Request {
    fn of(head: &RequestHead) -> Self {
        Self {
            method: head.method.to_string(),
            target: varying::place(&head.target),
            version: head.version.to_string(),
            headers: varying::headers(&head.headers),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Response {
    status: u16,
    reason: String,
    version: String,
    headers: Vec<String>,
}

impl Response {
    fn of(head: &ResponseHead) -> Self {
        Self {
            status: head.status,
            reason: head.reason.to_string(),
            version: head.version.to_string(),
            headers: varying::headers(&head.headers),
        }
    }
}

/// One message or control frame.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Said {
    #[serde(rename = "type")]
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
    /// Where `text` or `base64` is only its beginning: the whole length, and SHA-1 of all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    length: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha1: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// More than one. How a compressed message is cut depends on the compressor.
    #[serde(skip_serializing_if = "Option::is_none")]
    frames: Option<u64>,
    #[serde(skip_serializing_if = "is_false")]
    compressed: bool,
    #[serde(skip_serializing_if = "is_false")]
    incomplete: bool,
    #[serde(skip_serializing_if = "is_false")]
    undecoded: bool,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    findings: BTreeSet<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

impl Said {
    fn of(timeline: &TimelineMessage, findings: &[Finding]) -> Self {
        let message = timeline.message.as_ref();
        let said = Self {
            kind: kind(message.opcode),
            frames: Some(message.frames).filter(|frames| *frames > 1 && !message.compressed),
            compressed: message.compressed,
            incomplete: message.incomplete(),
            undecoded: message.undecoded,
            findings: names(findings, Some(timeline.index)),
            ..Self::default()
        };
        match CloseBody::of(message) {
            Some(body) => {
                let reason = Some(body.reason.clone()).filter(|reason| !reason.is_empty());
                Self { code: body.status(), reason, ..said }
            }
            None => said.with_payload(message),
        }
    }

    fn with_payload(self, message: &Message) -> Self {
        let payload = message.payload.as_slice();
        let is_long = payload.len() > LONGEST || message.truncated;
        let text = message.text().and_then(|text| std::str::from_utf8(text).ok());
        let bytes = if text.is_none() { payload } else { &[] };
        let beginning = if is_long { BEGINNING } else { usize::MAX };
        Self {
            text: text.map(|text| text.chars().take(beginning).collect()),
            base64: bytes
                .get(..beginning.min(bytes.len()))
                .filter(|bytes| !bytes.is_empty())
                .map(|bytes| BASE64_STANDARD.encode(bytes)),
            length: is_long.then_some(message.length),
            sha1: is_long.then(|| hex(&Sha1::digest(payload))),
            ..self
        }
    }
}

fn kind(opcode: Opcode) -> String {
    match opcode {
        Opcode::TEXT => "text".to_owned(),
        Opcode::BINARY => "binary".to_owned(),
        Opcode::CLOSE => "close".to_owned(),
        Opcode::PING => "ping".to_owned(),
        Opcode::PONG => "pong".to_owned(),
        Opcode(number) => format!("reserved {number}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What is shorter stands in the file as it is.
const LONGEST: usize = 4096;

/// Characters or bytes: enough to know a message by.
const BEGINNING: usize = 256;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ending {
    initiator: String,
    how: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<u16>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    reason: String,
}

impl Ending {
    fn of(close: &Close) -> Self {
        Self {
            initiator: close.initiator.name().to_owned(),
            how: close.how.name().to_owned(),
            code: close.code,
            reason: close.reason.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str) -> Baseline {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name);
        Baseline::of(&crate::read(path).unwrap())
    }

    #[test]
    fn a_baseline_is_read_as_it_was_written() {
        for name in [
            "01_seed_ws_hello_deflate.pcap",
            "05_frag_pings.pcap",
            "14_refusals.pcap",
            "13_connect_proxy.pcap",
        ] {
            let baseline = of(name);
            assert_eq!(Baseline::from_json(&baseline.json().unwrap()).unwrap(), baseline);
        }
    }

    #[test]
    fn what_varies_is_not_in_it() {
        let json = of("01_seed_ws_hello.pcap").json().unwrap();
        assert!(json.contains("Hello, LUOZHOU"));
        for varying in ["127.0.0.1", "8080", "37552", "2026", "packet", "time"] {
            assert!(!json.contains(varying), "{varying}: {json}");
        }
    }

    #[test]
    fn a_long_payload_is_known_by_its_digest() {
        let said = |payload: &str| {
            let length = payload.len() as u64;
            let payload = payload.as_bytes().to_vec();
            Said::default().with_payload(&Message {
                opcode: Opcode::TEXT,
                payload,
                length,
                ..Message::default()
            })
        };
        let [one, other] = ["a", "b"].map(|last| said(&format!("{}{last}", "x".repeat(10_000))));
        assert_ne!(one, other);
        assert_eq!((&one.text, one.length), (&other.text, other.length));
        assert_eq!(said("short"), Said { text: Some("short".into()), ..Said::default() });
    }

    #[test]
    fn another_schema_is_told_from_what_is_no_baseline() {
        assert!(
            Baseline::from_json("{\"schema\": 2, \"new\": true}")
                .unwrap_err()
                .to_string()
                .contains("schema 2")
        );
        for wrong in ["", "[]", "{\"schema\": 1}", "{\"schema\": 1, \"connections\": [], \"other\": 1}"] {
            assert_eq!(Baseline::from_json(wrong).unwrap_err().to_string(), "is no baseline", "{wrong}");
        }
    }
}
