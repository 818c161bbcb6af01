//! The opening of a connection → its line.

use std::io;

use memchr::memchr2;

use super::Object;
use crate::event::Opening;
use crate::http::{FieldName, Handshake, Headers, RequestHead, ResponseHead};
use crate::report::view::connection::as_text;

impl Object<'_> {
    /// Gives back how many bytes of it stand before the id.
    pub(super) fn opened(&mut self, opening: &Opening) -> io::Result<usize> {
        let handshake = &opening.handshake;
        let request = || handshake.request.as_ref().map(|head| head.version.as_str());
        let response = handshake.response.as_ref().map(|head| head.version.as_str());
        let before_id = self.id(b"{\"event\":\"connection\",\"id\":");
        self.endpoint(b",\"client\":{\"address\":", opening.client)?;
        self.endpoint(b",\"server\":{\"address\":", opening.server)?;
        self.word(b",\"transport\":\"", opening.transport.name());
        self.known_text(b",\"http_version\":\"", response.or_else(request));
        self.known_text(b",\"tunnel\":\"", opening.tunnel.as_deref());
        self.time(b",\"start_time\":\"", opening.start.time);
        self.handshake(handshake)?;
        self.end(b"}}\n");
        Ok(before_id)
    }

    fn handshake(&mut self, handshake: &Handshake) -> io::Result<()> {
        self.word(b",\"handshake\":{\"outcome\":\"", handshake.outcome.name());
        if let Some(request) = &handshake.request {
            self.request(request);
        }
        if let Some(response) = &handshake.response {
            self.response(response);
        }
        self.known_text(b",\"host\":\"", handshake.host());
        self.known_text(b",\"origin\":\"", handshake.origin());
        self.known_text(b",\"websocket_version\":\"", handshake.websocket_version());
        self.known_text(b",\"key\":\"", handshake.key());
        self.accept(handshake);
        self.agreed(handshake)?;
        self.signed(b",\"latency_ns\":", handshake.latency_ns());
        Ok(())
    }

    fn request(&mut self, head: &RequestHead) {
        self.text(b",\"request\":{\"method\":\"", &head.method);
        self.text(b",\"target\":\"", &head.target);
        self.text(b",\"version\":\"", &head.version);
        self.headers(&head.headers);
        self.time(b",\"time\":\"", head.last.time);
        self.packet(head.last);
        self.put(b"}");
    }

    fn response(&mut self, head: &ResponseHead) {
        self.number(b",\"response\":{\"status\":", head.status.into());
        self.text(b",\"reason\":\"", &head.reason);
        self.text(b",\"version\":\"", &head.version);
        self.headers(&head.headers);
        self.time(b",\"time\":\"", head.last.time);
        self.packet(head.last);
        self.put(b"}");
    }

    fn headers(&mut self, headers: &Headers) {
        self.put(b",\"headers\":[");
        match headers.printable() {
            Some((text, places)) if memchr2(b'"', b'\\', text.as_bytes()).is_none() => {
                self.list(places, |object, place| object.part(text, place));
            }
            _ => {
                let fields = headers.iter().map(|header| [header.name, header.value]);
                self.list(fields, Self::content);
            }
        }
        self.put(b"]");
    }

    /// Pairs of name and value, whose texts are put as it is told.
    fn list<Text>(&mut self, fields: impl Iterator<Item = [Text; 2]>, content: impl Fn(&mut Self, Text)) {
        for (n, [name, value]) in fields.enumerate() {
            if n > 0 {
                self.put(b",");
            }
            self.put(b"[\"");
            content(self, name);
            self.put(b"\",\"");
            content(self, value);
            self.put(b"\"]");
        }
    }

    fn accept(&mut self, handshake: &Handshake) {
        if let Some(value) = right_accept(handshake) {
            self.text(b",\"accept\":{\"value\":\"", value);
            if handshake.key().is_some() {
                self.text(b",\"expected\":\"", value);
                self.put(b",\"valid\":true");
            }
            self.put(b"}");
        } else if let Some(accept) = handshake.accept() {
            self.text(b",\"accept\":{\"value\":\"", &accept.value);
            self.known_text(b",\"expected\":\"", accept.expected.as_deref());
            match accept.valid() {
                Some(true) => self.put(b",\"valid\":true"),
                Some(false) => self.put(b",\"valid\":false"),
                None => {}
            }
            self.put(b"}");
        }
    }

    /// Most connections agree on nothing.
    fn agreed(&mut self, handshake: &Handshake) -> io::Result<()> {
        let offered = handshake.subprotocols_offered();
        if !offered.is_empty() {
            self.member(b",\"subprotocols_offered\":", &offered)?;
        }
        self.known_text(b",\"subprotocol\":\"", handshake.subprotocol());
        let offered = handshake.extensions_offered().extensions;
        if !offered.is_empty() {
            self.member(b",\"extensions_offered\":", &as_text(&offered))?;
        }
        let agreed = handshake.extensions().extensions;
        if !agreed.is_empty() {
            self.member(b",\"extensions\":", &as_text(&agreed))?;
        }
        Ok(())
    }
}

/// The one accept value of an accepted handshake, which is the right one then.
fn right_accept(handshake: &Handshake) -> Option<&str> {
    let response = handshake.response.as_ref().filter(|_| handshake.is_accepted())?;
    let mut values = response.headers.all(FieldName::SecWebSocketAccept);
    values.next().filter(|_| values.next().is_none())
}
