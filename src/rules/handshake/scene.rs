//! A legal opening handshake to spoil, for the tests of the rules.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use super::around::{Around, Conduct, End};
use super::check;
use crate::http::{Handshake, Header, Headers, RequestHead, ResponseHead};
use crate::packet::{Endpoint, PacketRef, Timestamp};
use crate::rules::Finding;
use crate::rules::thresholds::Thresholds;

/// The two heads, and what is around them.
#[derive(Clone)]
pub(super) struct Scene {
    request: Option<RequestHead>,
    response: Option<ResponseHead>,
    pub(super) around: Around<'static>,
}

impl Scene {
    pub(super) fn new() -> Self {
        let endpoint = |last, port| Endpoint { address: IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)), port };
        let request = RequestHead {
            method: "GET".into(),
            target: "/chat".into(),
            version: "1.1".into(),
            headers: headers(&[
                ("Host", "server.example.com"),
                ("Upgrade", "websocket"),
                ("Connection", "Upgrade"),
                ("Sec-WebSocket-Key", KEY),
                ("Sec-WebSocket-Version", "13"),
            ]),
            ..RequestHead::default()
        };
        let response = ResponseHead {
            status: 101,
            version: "1.1".into(),
            headers: headers(&[
                ("Upgrade", "websocket"),
                ("Connection", "Upgrade"),
                ("Sec-WebSocket-Accept", ACCEPT),
            ]),
            ..ResponseHead::default()
        };
        let around = Around {
            end: End::Connection(at(1_500_000_000)),
            client: endpoint(1, 51_312),
            server: endpoint(2, 80),
            encrypted: false,
            tunnel: None,
            conduct: Conduct::default(),
        };
        Self { request: Some(request), response: Some(response), around }
    }

    pub(super) fn head_mut(&mut self) -> &mut RequestHead {
        self.request.as_mut().unwrap()
    }

    /// A field of the request, in place of one with that name.
    pub(super) fn request(mut self, name: &str, value: &str) -> Self {
        set(&mut self.head_mut().headers, name, value);
        self
    }

    pub(super) fn also_request(mut self, name: &str, value: &str) -> Self {
        self.head_mut().headers.push(name, value);
        self
    }

    pub(super) fn without_request(mut self, name: &str) -> Self {
        without(&mut self.head_mut().headers, name);
        self
    }

    /// A field of the answer, in place of one with that name.
    pub(super) fn response(mut self, name: &str, value: &str) -> Self {
        set(&mut self.response.as_mut().unwrap().headers, name, value);
        self
    }

    pub(super) fn also_response(mut self, name: &str, value: &str) -> Self {
        self.response.as_mut().unwrap().headers.push(name, value);
        self
    }

    pub(super) fn without_response(mut self, name: &str) -> Self {
        without(&mut self.response.as_mut().unwrap().headers, name);
        self
    }

    /// This key, and the accept value that answers it.
    pub(super) fn key(self, key: &str) -> Self {
        let scene = self.request("Sec-WebSocket-Key", key);
        let accept = scene.handshake().accept().and_then(|accept| accept.expected).unwrap();
        scene.response("Sec-WebSocket-Accept", &accept)
    }

    pub(super) fn status(mut self, status: u16) -> Self {
        self.response.as_mut().unwrap().status = status;
        self
    }

    pub(super) fn answered_after(&mut self, time: Duration) -> &Self {
        self.response.as_mut().unwrap().last = at(i64::try_from(time.as_nanos()).unwrap());
        self
    }

    pub(super) fn request_lost(self) -> Self {
        Self { request: None, ..self }
    }

    pub(super) fn unanswered(self) -> Self {
        Self { response: None, ..self }
    }

    pub(super) fn inside_one_machine(mut self) -> Self {
        self.around.client.address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        self.around.server.address = IpAddr::V4(Ipv4Addr::new(127, 9, 9, 9));
        self
    }

    pub(super) fn encrypted(mut self) -> Self {
        self.around.encrypted = true;
        self
    }

    /// Exactly these rules, in this order.
    pub(super) fn breaks(&self, expected: &[&str]) {
        let findings = self.findings();
        let names: Vec<_> = findings.iter().map(|finding| finding.rule.name).collect();
        assert_eq!(names, expected, "{findings:#?}");
    }

    pub(super) fn details(&self) -> Vec<String> {
        self.findings().into_iter().map(|finding| finding.detail).collect()
    }

    fn findings(&self) -> Vec<Finding> {
        let mut found = Vec::new();
        check(&self.handshake(), &self.around, &Thresholds::default(), &mut |finding| found.push(finding));
        found
    }

    fn handshake(&self) -> Handshake {
        match (self.request.clone(), self.response.clone()) {
            (request, Some(response)) => Handshake::answered(request, response),
            (Some(request), None) => Handshake::unanswered(request),
            (None, None) => Handshake::default(),
        }
    }
}

fn headers(fields: &[(&str, &str)]) -> Headers {
    fields.iter().copied().collect()
}

fn set(headers: &mut Headers, name: &str, value: &str) {
    let known = headers.iter().any(|field| field.name == name);
    let value_of =
        |field: Header<'_>| if field.name == name { value.to_owned() } else { field.value.to_owned() };
    *headers = headers.iter().map(|field| (field.name.to_owned(), value_of(field))).collect();
    if !known {
        headers.push(name, value);
    }
}

fn without(headers: &mut Headers, name: &str) {
    let kept = headers.iter().filter(|field| field.name != name);
    *headers = kept.map(|field| (field.name.to_owned(), field.value.to_owned())).collect();
}

fn at(nanos: i64) -> PacketRef {
    PacketRef { time: Timestamp::from_nanos(nanos), ..PacketRef::default() }
}

// RFC 6455 §4.1 has this nonce (as 0x01 to 0x10, with its padding wrong).
const KEY: &str = "AQIDBAUGBwgJCgsMDQ4PEA==";
pub(super) const ACCEPT: &str = "C/0nmHhBztSRGR1CwL6Tf4ZjwpY=";
