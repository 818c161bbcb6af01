//! Stand-ins for accessors of the HTTP and WebSocket layers, with their names: to be deleted when those are there.

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sha1::{Digest, Sha1};

use crate::http::{Accept, Extension, Handshake, Headers};
use crate::websocket::Message;

pub(super) trait HandshakeFacts {
    fn host(&self) -> Option<&str>;
    fn origin(&self) -> Option<&str>;
    fn websocket_version(&self) -> Option<&str>;
    fn key(&self) -> Option<&str>;
    fn accept(&self) -> Option<Accept>;
    fn subprotocols_offered(&self) -> Vec<&str>;
    fn subprotocol(&self) -> Option<&str>;
    fn extensions_offered(&self) -> ExtensionList;
    fn extensions(&self) -> ExtensionList;
    fn latency_ns(&self) -> Option<i64>;
}

#[derive(Default)]
pub(super) struct ExtensionList {
    pub(super) extensions: Vec<Extension>,
}

impl HandshakeFacts for Handshake {
    fn host(&self) -> Option<&str> {
        asked(self, "Host")
    }

    fn origin(&self) -> Option<&str> {
        asked(self, "Origin")
    }

    fn websocket_version(&self) -> Option<&str> {
        asked(self, "Sec-WebSocket-Version")
    }

    fn key(&self) -> Option<&str> {
        asked(self, "Sec-WebSocket-Key")
    }

    fn accept(&self) -> Option<Accept> {
        let value = answered(self, "Sec-WebSocket-Accept")?.to_owned();
        let expected = self.key().map(|key| {
            let digest = Sha1::digest(format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11"));
            BASE64_STANDARD.encode(digest)
        });
        Some(Accept { value, expected })
    }

    fn subprotocols_offered(&self) -> Vec<&str> {
        asked(self, "Sec-WebSocket-Protocol")
            .into_iter()
            .flat_map(|list| list.split(','))
            .map(str::trim)
            .collect()
    }

    fn subprotocol(&self) -> Option<&str> {
        answered(self, "Sec-WebSocket-Protocol")
    }

    fn extensions_offered(&self) -> ExtensionList {
        asked(self, "Sec-WebSocket-Extensions").map(extensions).unwrap_or_default()
    }

    fn extensions(&self) -> ExtensionList {
        answered(self, "Sec-WebSocket-Extensions").map(extensions).unwrap_or_default()
    }

    fn latency_ns(&self) -> Option<i64> {
        Some(self.response.as_ref()?.first.time.nanos_since(self.request.as_ref()?.last.time))
    }
}

fn asked<'a>(handshake: &'a Handshake, name: &str) -> Option<&'a str> {
    handshake.request.as_ref().and_then(|head| field(&head.headers, name))
}

fn answered<'a>(handshake: &'a Handshake, name: &str) -> Option<&'a str> {
    handshake.response.as_ref().and_then(|head| field(&head.headers, name))
}

fn field<'a>(headers: &'a Headers, name: &str) -> Option<&'a str> {
    headers.0.iter().find(|header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value.as_str())
}

fn extensions(value: &str) -> ExtensionList {
    let one = |text: &str| {
        let mut parts = text.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default().to_owned();
        let params = parts.map(|part| match part.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
            None => (part.to_owned(), None),
        });
        Extension { name, params: params.collect() }
    };
    ExtensionList { extensions: value.split(',').map(one).collect() }
}

impl fmt::Display for Extension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        for (name, value) in &self.params {
            match value {
                Some(value) => write!(f, "; {name}={value}")?,
                None => write!(f, "; {name}")?,
            }
        }
        Ok(())
    }
}

pub(super) struct CloseBody {
    pub(super) code: Option<u16>,
    pub(super) reason: String,
}

impl CloseBody {
    pub(super) fn of(message: &Message) -> Option<Self> {
        if message.opcode != crate::websocket::Opcode::CLOSE {
            return None;
        }
        let split = message.payload.split_first_chunk::<2>();
        Some(Self {
            code: split.map(|(code, _)| u16::from_be_bytes(*code)),
            reason: split.map(|(_, reason)| String::from_utf8_lossy(reason).into_owned()).unwrap_or_default(),
        })
    }
}
