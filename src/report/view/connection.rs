//! Opening and closing → the parts of a `connections` entry.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use super::close::Close;
use super::statistics::Statistics;
use super::traffic::Traffic;
use super::{Files, Members, Time, known, object};
use crate::event::{ConnectionId, Opening, Transport};
use crate::http::{self, Extension, Headers, Outcome, RequestHead, ResponseHead};
use crate::packet;

/// Who speaks, and over what.
#[derive(Debug, JsonSchema)]
pub(in crate::report) struct Parties<'a> {
    /// 1, 2, 3 … in the order in which the connections opened.
    id: u64,
    /// Who sent the upgrade request.
    client: Endpoint,
    server: Endpoint,
    transport: Carrier,
    /// Absent when the handshake was not captured.
    #[schemars(skip_serializing_if = "Option::is_none")]
    http_version: Option<&'a str>,
    /// Target of the HTTP CONNECT request, where a proxy's tunnel carries the connection.
    #[schemars(skip_serializing_if = "Option::is_none")]
    tunnel: Option<&'a str>,
    /// Of the first packet of the TCP connection.
    start_time: Time,
}

impl<'a> Parties<'a> {
    pub(in crate::report) fn new(id: ConnectionId, opening: &'a Opening) -> Self {
        let handshake = &opening.handshake;
        let request = || handshake.request.as_ref().map(|head| head.version.as_str());
        Self {
            id: id.0,
            client: opening.client.into(),
            server: opening.server.into(),
            transport: opening.transport.into(),
            http_version: handshake.response.as_ref().map(|head| head.version.as_str()).or_else(request),
            tunnel: opening.tunnel.as_deref(),
            start_time: Time(opening.start.time),
        }
    }
}

impl Members for Parties<'_> {
    const COUNT: usize = 7;

    fn write<O: SerializeStruct>(&self, object: &mut O) -> Result<(), O::Error> {
        object.serialize_field("id", &self.id)?;
        object.serialize_field("client", &self.client)?;
        object.serialize_field("server", &self.server)?;
        object.serialize_field("transport", &self.transport)?;
        known(object, "http_version", self.http_version.as_ref())?;
        known(object, "tunnel", self.tunnel.as_ref())?;
        object.serialize_field("start_time", &self.start_time)
    }
}

impl Serialize for Parties<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        object("Parties", self, serializer)
    }
}

/// An IP address and a TCP port.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Endpoint {
    #[schemars(with = "String")]
    address: IpAddr,
    port: u16,
}

impl From<packet::Endpoint> for Endpoint {
    fn from(endpoint: packet::Endpoint) -> Self {
        Self { address: endpoint.address, port: endpoint.port }
    }
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Carrier {
    Tcp,
    Tls,
}

impl From<Transport> for Carrier {
    fn from(transport: Transport) -> Self {
        match transport {
            Transport::Tcp => Self::Tcp,
            Transport::Tls => Self::Tls,
        }
    }
}

/// The opening handshake.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::report) struct Handshake<'a> {
    outcome: HandshakeOutcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<Request<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response: Option<Response<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    websocket_version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    accept: Option<Accept>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    subprotocols_offered: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subprotocol: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    extensions_offered: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    extensions: Vec<String>,
    /// From the request to the response.
    #[serde(skip_serializing_if = "Option::is_none")]
    latency_ns: Option<i64>,
}

impl<'a> Handshake<'a> {
    pub(in crate::report) fn new(handshake: &'a http::Handshake, files: &'a Files) -> Self {
        Self {
            outcome: handshake.outcome.into(),
            request: handshake.request.as_ref().map(|head| Request::new(head, files)),
            response: handshake.response.as_ref().map(|head| Response::new(head, files)),
            host: handshake.host(),
            origin: handshake.origin(),
            websocket_version: handshake.websocket_version(),
            key: handshake.key(),
            accept: handshake.accept().map(Accept::from),
            subprotocols_offered: handshake.subprotocols_offered(),
            subprotocol: handshake.subprotocol(),
            extensions_offered: as_text(&handshake.extensions_offered().extensions),
            extensions: as_text(&handshake.extensions().extensions),
            latency_ns: handshake.latency_ns(),
        }
    }
}

pub(super) fn as_text(extensions: &[Extension]) -> Vec<String> {
    extensions.iter().map(ToString::to_string).collect()
}

/// How the opening handshake ended.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum HandshakeOutcome {
    Accepted,
    Refused,
    Invalid,
    Unanswered,
    NotCaptured,
}

impl From<Outcome> for HandshakeOutcome {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Accepted => Self::Accepted,
            Outcome::Refused => Self::Refused,
            Outcome::Invalid => Self::Invalid,
            Outcome::Unanswered => Self::Unanswered,
            Outcome::NotCaptured => Self::NotCaptured,
        }
    }
}

#[derive(Debug, Serialize, JsonSchema)]
struct Request<'a> {
    method: &'a str,
    target: &'a str,
    version: &'a str,
    #[schemars(with = "Vec<(String, String)>")]
    headers: HeaderList<'a>,
    /// Of the packet that completed it.
    time: Time,
    packet: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
}

impl<'a> Request<'a> {
    fn new(head: &'a RequestHead, files: &'a Files) -> Self {
        Self {
            method: &head.method,
            target: &head.target,
            version: &head.version,
            headers: HeaderList(&head.headers),
            time: Time(head.last.time),
            packet: head.last.number,
            file: files.of(head.last),
        }
    }
}

#[derive(Debug, Serialize, JsonSchema)]
struct Response<'a> {
    status: u16,
    reason: &'a str,
    version: &'a str,
    #[schemars(with = "Vec<(String, String)>")]
    headers: HeaderList<'a>,
    /// Of the packet that completed it.
    time: Time,
    packet: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
}

impl<'a> Response<'a> {
    fn new(head: &'a ResponseHead, files: &'a Files) -> Self {
        Self {
            status: head.status,
            reason: &head.reason,
            version: &head.version,
            headers: HeaderList(&head.headers),
            time: Time(head.last.time),
            packet: head.last.number,
            file: files.of(head.last),
        }
    }
}

/// Pairs of name and value in wire order.
#[derive(Debug)]
struct HeaderList<'a>(&'a Headers);

impl Serialize for HeaderList<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|header| (header.name, header.value)))
    }
}

/// `Sec-WebSocket-Accept` beside what the key asks for.
#[derive(Debug, Serialize, JsonSchema)]
struct Accept {
    value: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    valid: Option<bool>,
}

impl From<http::Accept> for Accept {
    fn from(accept: http::Accept) -> Self {
        Self { valid: accept.valid(), value: accept.value, expected: accept.expected }
    }
}

/// What is known at a connection's end.
#[derive(Debug, JsonSchema)]
pub(in crate::report) struct Closing<'a> {
    /// Absent when the WebSocket connection never opened and the TCP connection went on.
    #[schemars(skip_serializing_if = "Option::is_none")]
    close: Option<Close<'a>>,
    traffic: Traffic,
    /// Absent where there is nothing to tell.
    #[schemars(skip_serializing_if = "Option::is_none")]
    statistics: Option<Statistics>,
}

impl<'a> Closing<'a> {
    pub(in crate::report) fn new(closing: &'a crate::event::Closing, files: &'a Files) -> Self {
        let close = closing.close.as_ref().map(|close| Close::new(close, files));
        let (traffic, statistics) = (Traffic::from(&closing.traffic), Statistics::of(&closing.statistics));
        Self { close, traffic, statistics }
    }
}

impl Members for Closing<'_> {
    const COUNT: usize = 3;

    fn write<O: SerializeStruct>(&self, object: &mut O) -> Result<(), O::Error> {
        known(object, "close", self.close.as_ref())?;
        object.serialize_field("traffic", &self.traffic)?;
        known(object, "statistics", self.statistics.as_ref())
    }
}

impl Serialize for Closing<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        object("Closing", self, serializer)
    }
}
