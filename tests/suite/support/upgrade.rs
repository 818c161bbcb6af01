//! What an opening handshake says → its two heads (RFC 6455 §1.3).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

/// An upgrade request and its answer. Legal as it comes from [`Upgrade::new`]; the methods add to it and spoil it.
#[derive(Clone, Debug)]
pub(crate) struct Upgrade {
    request_line: String,
    status_line: String,
    request: Vec<(String, String)>,
    response: Vec<(String, String)>,
}

impl Upgrade {
    pub(crate) fn new(target: &str) -> Self {
        let key = key_number(0);
        Self {
            request_line: format!("GET {target} HTTP/1.1"),
            status_line: "HTTP/1.1 101 Switching Protocols".to_owned(),
            request: fields(&[
                ("Host", "server.example.com"),
                ("Upgrade", "websocket"),
                ("Connection", "Upgrade"),
                ("Sec-WebSocket-Key", &key),
                ("Sec-WebSocket-Version", "13"),
            ]),
            response: fields(&[
                ("Upgrade", "websocket"),
                ("Connection", "Upgrade"),
                ("Sec-WebSocket-Accept", &accept_of(&key)),
            ]),
        }
    }

    /// Another key of 16 bytes for each number, and the accept value that answers it.
    pub(crate) fn numbered(self, number: u64) -> Self {
        self.key(&key_number(number))
    }

    /// This key, and the accept value that answers it.
    pub(crate) fn key(self, key: &str) -> Self {
        self.request("Sec-WebSocket-Key", key).response("Sec-WebSocket-Accept", &accept_of(key))
    }

    /// A field of the request, in place of one with that name; an empty value leaves it out.
    pub(crate) fn request(mut self, name: &str, value: &str) -> Self {
        set(&mut self.request, name, value);
        self
    }

    /// A field of the response, in place of one with that name; an empty value leaves it out.
    pub(crate) fn response(mut self, name: &str, value: &str) -> Self {
        set(&mut self.response, name, value);
        self
    }

    /// A field of the request beside those that it has.
    pub(crate) fn also_request(mut self, name: &str, value: &str) -> Self {
        self.request.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A field of the response beside those that it has.
    pub(crate) fn also_response(mut self, name: &str, value: &str) -> Self {
        self.response.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A field in both heads: an extension or a subprotocol that is offered and taken as it is.
    pub(crate) fn agreed(self, name: &str, value: &str) -> Self {
        self.request(name, value).response(name, value)
    }

    /// `GET /chat HTTP/1.1` in other words.
    pub(crate) fn request_line(self, line: &str) -> Self {
        Self { request_line: line.to_owned(), ..self }
    }

    /// `HTTP/1.1 403 Forbidden` and the like.
    pub(crate) fn status_line(self, line: &str) -> Self {
        Self { status_line: line.to_owned(), ..self }
    }

    pub(crate) fn request_bytes(&self) -> Vec<u8> {
        head(&self.request_line, &self.request)
    }

    pub(crate) fn response_bytes(&self) -> Vec<u8> {
        head(&self.status_line, &self.response)
    }
}

fn fields(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn set(fields: &mut Vec<(String, String)>, name: &str, value: &str) {
    let place = fields.iter().position(|(each, _)| each.eq_ignore_ascii_case(name));
    match place {
        Some(at) if value.is_empty() => drop(fields.remove(at)),
        Some(at) => fields[at].1 = value.to_owned(),
        None if value.is_empty() => {}
        None => fields.push((name.to_owned(), value.to_owned())),
    }
}

fn head(first_line: &str, fields: &[(String, String)]) -> Vec<u8> {
    let lines: String = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("{first_line}\r\n{lines}\r\n").into_bytes()
}

fn key_number(number: u64) -> String {
    STANDARD.encode([*b"wspect's", number.to_be_bytes()].concat())
}

/// The accept value that answers a key. // RFC 6455 §4.2.2
fn accept_of(key: &str) -> String {
    STANDARD.encode(Sha1::digest(format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11")))
}

#[cfg(test)]
mod tests {
    use super::*;

    // The key and the answer are those of RFC 6455 §1.3.
    #[test]
    fn the_accept_value_answers_the_key() {
        let upgrade = Upgrade::new("/chat").key("dGhlIHNhbXBsZSBub25jZQ==");
        let response = String::from_utf8(upgrade.response_bytes()).unwrap();
        assert!(
            response.contains("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"),
            "{response}"
        );
        assert!(response.ends_with("\r\n\r\n"));
    }

    #[test]
    fn the_first_lines_can_be_any() {
        let upgrade = Upgrade::new("/").request_line("POST /").status_line("HTTP/1.1 403 Forbidden");
        assert!(upgrade.request_bytes().starts_with(b"POST /\r\nHost: "));
        assert!(upgrade.response_bytes().starts_with(b"HTTP/1.1 403 Forbidden\r\nUpgrade: "));
    }

    #[test]
    fn a_field_is_replaced_added_or_left_out() {
        let upgrade = Upgrade::new("/").request("host", "").request("Origin", "null").request("upgrade", "x");
        let request = String::from_utf8(upgrade.request_bytes()).unwrap();
        assert!(request.starts_with("GET / HTTP/1.1\r\nUpgrade: x\r\n"), "{request}");
        assert!(request.ends_with("\r\nOrigin: null\r\n\r\n"), "{request}");
    }
}
