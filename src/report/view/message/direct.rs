//! A message → its JSON, written straight into bytes: the line of which there are millions, at a fifth of the cost of
//! the general serializer. What stands in it is decided by [`Message`] alone; a test holds both to the same bytes.

use std::io;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use itoa::Buffer;
use serde::Serialize;

use super::{CloseStatus, Direction, Files, Message, Packets, Payload, Type};
use crate::event::{ConnectionId, TimelineMessage};
use crate::packet::Clock;
use crate::report::compact::{self, string};
use crate::report::shown::{Frames, Shown};
use crate::websocket::Opcode;
use crate::websocket::close::CloseBody;

/// Writes messages to `out`, without line ends. Nothing in them can steer a terminal: see [`compact`].
pub(in crate::report) struct Writer<'a> {
    pub(in crate::report) shown: &'a Shown,
    pub(in crate::report) files: &'a Files,
    pub(in crate::report) clock: &'a mut Clock,
    pub(in crate::report) out: &'a mut Vec<u8>,
}

impl Writer<'_> {
    /// `{"event":"message",…}`
    pub(in crate::report) fn message(
        &mut self,
        connection: Option<ConnectionId>,
        timeline: &TimelineMessage,
    ) -> io::Result<()> {
        self.out.reserve(ROOM);
        self.out.extend_from_slice(MESSAGE);
        if !self.is_ordinary(timeline) {
            return self.general(connection, timeline);
        }
        if let Some(ConnectionId(connection)) = connection {
            self.numbered(b",\"connection\":", connection);
        }
        self.facts(timeline);
        self.payload(timeline);
        if timeline.message.opcode == Opcode::CLOSE {
            self.close(timeline)?;
        }
        self.out.push(b'}');
        Ok(())
    }

    /// Has it none of the members that are rare?
    fn is_ordinary(&self, timeline: &TimelineMessage) -> bool {
        let message = &timeline.message;
        let rare = timeline.redacted
            || message.incomplete()
            || message.undecoded
            || message.resynchronised
            || message.truncated
            || message.announced.is_some();
        !rare && (message.fragments.is_empty() || self.shown.frames != Frames::Listed)
    }

    fn general(&mut self, connection: Option<ConnectionId>, timeline: &TimelineMessage) -> io::Result<()> {
        let message = Message::new(connection, timeline, self.shown, self.files);
        // Its own brace gives way to the event that stands before its first member.
        let brace = self.out.len();
        compact::append(&message, self.out)?;
        if let Some(brace) = self.out.get_mut(brace) {
            *brace = b',';
        }
        Ok(())
    }

    fn facts(&mut self, timeline: &TimelineMessage) {
        let message = &*timeline.message;
        let (first, last) = (message.first, message.last);
        self.numbered(b",\"index\":", timeline.index);
        self.out.extend_from_slice(b",\"time\":\"");
        self.out.extend_from_slice(self.clock.rfc3339(last.time).as_bytes());
        if first.number != last.number {
            self.out.extend_from_slice(b"\",\"start_time\":\"");
            self.out.extend_from_slice(self.clock.rfc3339(first.time).as_bytes());
        }
        self.out.extend_from_slice(Direction::from(timeline.sender).member());
        self.out.extend_from_slice(Type::from(message.opcode).member());
        self.numbered(b",\"opcode\":", message.opcode.0.into());
        self.numbered(b",\"length\":", message.length);
        self.numbered(b",\"wire_length\":", message.wire_length);
        self.numbered(b",\"frames\":", message.frames);
        let masked: &[u8] = if message.masked { b",\"masked\":true" } else { b",\"masked\":false" };
        self.out.extend_from_slice(masked);
        if message.compressed {
            self.out.extend_from_slice(b",\"compressed\":true");
        }
        self.packets(&Packets::new(first, last, self.files));
    }

    fn packets(&mut self, packets: &Packets<'_>) {
        // One packet, nearly always.
        let (mut first, mut last) = (Buffer::new(), Buffer::new());
        let first = first.format(packets.first);
        let last = if packets.first == packets.last { first } else { last.format(packets.last) };
        self.out.extend_from_slice(b",\"packets\":{\"first\":");
        self.out.extend_from_slice(first.as_bytes());
        self.out.extend_from_slice(b",\"last\":");
        self.out.extend_from_slice(last.as_bytes());
        for (name, file) in [(&b",\"file\":"[..], packets.file), (b",\"last_file\":", packets.last_file)] {
            if let Some(file) = file {
                self.out.extend_from_slice(name);
                string(file.as_bytes(), self.out);
            }
        }
        self.out.push(b'}');
    }

    fn payload(&mut self, timeline: &TimelineMessage) {
        let payload = Payload::new(timeline, self.shown.payload);
        if let Some(text) = payload.text {
            self.out.extend_from_slice(b",\"text\":");
            string(text.0, self.out);
        }
        if let Some(bytes) = payload.bytes {
            self.out.extend_from_slice(b",\"base64\":\"");
            encode(bytes, self.out);
            self.out.push(b'"');
        }
    }

    fn close(&mut self, timeline: &TimelineMessage) -> io::Result<()> {
        let Some(body) = CloseBody::of(&timeline.message) else { return Ok(()) };
        self.member(b",\"close\":", &CloseStatus::new(body.status(), body.reason.into()))
    }

    /// A member that is rare enough for the general way.
    fn member(&mut self, name: &[u8], value: &impl Serialize) -> io::Result<()> {
        self.out.extend_from_slice(name);
        Ok(compact::append(value, self.out)?)
    }

    #[inline]
    fn numbered(&mut self, name: &[u8], value: u64) {
        self.out.extend_from_slice(name);
        // Opcodes and counts of frames, nearly always.
        match u8::try_from(value) {
            Ok(digit @ 0..=9) => self.out.push(b'0' + digit),
            _ => self.out.extend_from_slice(Buffer::new().format(value).as_bytes()),
        }
    }
}

/// How each begins.
pub(in crate::report) const MESSAGE: &[u8] = b"{\"event\":\"message\"";

/// More than all members take but the payload and the rare ones.
const ROOM: usize = 512;

impl Direction {
    /// Behind a time.
    const fn member(&self) -> &'static [u8] {
        match self {
            Self::ClientToServer => b"\",\"direction\":\"client_to_server\"",
            Self::ServerToClient => b"\",\"direction\":\"server_to_client\"",
        }
    }
}

impl Type {
    const fn member(&self) -> &'static [u8] {
        match self {
            Self::Text => b",\"type\":\"text\"",
            Self::Binary => b",\"type\":\"binary\"",
            Self::Close => b",\"type\":\"close\"",
            Self::Ping => b",\"type\":\"ping\"",
            Self::Pong => b",\"type\":\"pong\"",
            Self::Reserved => b",\"type\":\"reserved\"",
        }
    }
}

fn encode(bytes: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + bytes.len().div_ceil(3) * 4, 0);
    if let Some(room) = out.get_mut(start..) {
        // The room is exactly what padded base64 takes, which is all that can go wrong.
        let written = BASE64_STANDARD.encode_slice(bytes, room);
        debug_assert_eq!(written, Ok(room.len()));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::event::EventKind;
    use crate::packet::{CaptureInfo, Timestamp};
    use crate::report::escaped::Escaped;
    use crate::report::sample;
    use crate::report::view::{Files, Line};
    use crate::report::{Frames, PayloadMode, Shown};

    fn both(event: &crate::event::Event, shown: &Shown, files: &Files) -> Option<(String, String)> {
        let EventKind::Message(message) = &event.kind else { return None };
        let mut general = Vec::new();
        serde_json::to_writer(Escaped::new(&mut general), &Line::event(event, shown, files)?).unwrap();
        let general = String::from_utf8(general).unwrap();
        let (mut direct, mut clock) = (Vec::new(), Clock::default());
        let mut writer = Writer { shown, files, clock: &mut clock, out: &mut direct };
        writer.message(event.connection, message).unwrap();
        Some((general, String::from_utf8(direct).unwrap()))
    }

    #[test]
    fn the_samples_are_written_as_the_general_serializer_writes_them() {
        let input = |path: &str| CaptureInfo { path: path.into(), ..CaptureInfo::default() };
        let one = Files::new(&[input("a")]);
        let two = Files::new(&[input("a \"quoted\" one"), input("b")]);
        let mut messages = 0;
        for sample in [sample::chat(), sample::trouble()] {
            for payload in [PayloadMode::Full, PayloadMode::Preview, PayloadMode::None] {
                let shown = Shown { payload, frames: Frames::Listed, ..Shown::default() };
                for (event, files) in sample.events.iter().zip([&one, &two].into_iter().cycle()) {
                    if let Some((general, direct)) = both(event, &shown, files) {
                        assert_eq!(direct, general);
                        messages += 1;
                    }
                }
            }
        }
        assert!(messages > 40);
    }

    proptest! {
        #[test]
        fn any_message_is_written_as_the_general_serializer_writes_it(
            text in any::<String>(), code in any::<u16>(), nanos in any::<i64>(),
        ) {
            for mut event in sample::trouble().events {
                sample::spoil(&mut event, &text, code);
                if let EventKind::Message(message) = &mut event.kind {
                    message.message.last.time = Timestamp::from_nanos(nanos);
                }
                if let Some((general, direct)) = both(&event, &Shown::default(), &Files::default()) {
                    prop_assert_eq!(direct, general);
                }
            }
        }
    }
}
